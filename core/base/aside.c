#include "core/base/aside.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/base/mem.h"

struct aside {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct aside_part *waiting; /* that nobody has taken, or NULL */
    bool closed;
};

static _Thread_local struct aside *lent;

struct aside *aside_new(struct err *e)
{
    struct aside *a = mem_zalloc(1, sizeof *a);
    if (!a) {
        err_oom(e, sizeof *a, "threads that help");
        return NULL;
    }
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    return a;
}

void aside_free(struct aside *a)
{
    if (!a) return;
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void aside_lend(struct aside *a)
{
    lent = a;
}

bool aside_is_lent(void)
{
    return lent != NULL;
}

void aside_put(struct aside_part *p, void (*fn)(void *arg), void *arg)
{
    *p = (struct aside_part){fn, arg, lent, false};
    if (!lent) return;
    pthread_mutex_lock(&lent->lock);
    assert(!lent->waiting);
    lent->waiting = p;
    pthread_cond_signal(&lent->changed);
    pthread_mutex_unlock(&lent->lock);
}

void aside_get(struct aside_part *p)
{
    struct aside *a = p->at;
    bool taken = false;
    if (a) {
        pthread_mutex_lock(&a->lock);
        taken = a->waiting != p;
        if (!taken) a->waiting = NULL;
        while (taken && !p->done) pthread_cond_wait(&a->changed, &a->lock);
        pthread_mutex_unlock(&a->lock);
    }
    if (!taken) p->fn(p->arg);
}

/* With the lock, which it gives back while it does the part. */
static bool take(struct aside *a)
{
    struct aside_part *p = a->waiting;
    if (!p) return false;
    a->waiting = NULL;
    pthread_mutex_unlock(&a->lock);
    p->fn(p->arg);
    pthread_mutex_lock(&a->lock);
    p->done = true;
    pthread_cond_broadcast(&a->changed);
    return true;
}

bool aside_help(struct aside *a)
{
    pthread_mutex_lock(&a->lock);
    bool did = take(a);
    pthread_mutex_unlock(&a->lock);
    return did;
}

void aside_serve(struct aside *a)
{
    pthread_mutex_lock(&a->lock);
    while (take(a) || !a->closed)
        if (!a->waiting && !a->closed) pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
}

bool aside_is_closed(struct aside *a)
{
    pthread_mutex_lock(&a->lock);
    bool closed = a->closed;
    pthread_mutex_unlock(&a->lock);
    return closed;
}

void aside_close(struct aside *a)
{
    pthread_mutex_lock(&a->lock);
    a->closed = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}
