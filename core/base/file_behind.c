#include "core/base/file_behind.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/mem.h"

/* A piece goes to the disk when it is whole, so that no page is written twice; what is left of
 * one fsync waits for. */
#define PIECE ((uint64_t)512 << 10)

struct file_behind {
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    uint64_t reached, started; /* bytes; started: handed to the disk */
    bool stop;
};

#ifdef SYNC_FILE_RANGE_WRITE
static void *push(void *arg)
{
    struct file_behind *b = arg;
    pthread_mutex_lock(&b->lock);
    for (;;) {
        uint64_t end = b->reached / PIECE * PIECE, from = b->started;
        if (b->stop) break;
        if (end == from) {
            pthread_cond_wait(&b->more, &b->lock);
            continue;
        }
        b->started = end;
        pthread_mutex_unlock(&b->lock);
        /* Errors show in fsync, which is asked in any case. */
        (void)sync_file_range(b->fd, (off_t)from, (off_t)(end - from), SYNC_FILE_RANGE_WRITE);
        pthread_mutex_lock(&b->lock);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* Signals are for the threads that look after them. */
static int start(struct file_behind *b)
{
    sigset_t all, before;
    pthread_attr_t small;
    if (pthread_attr_init(&small)) return -1;
    (void)pthread_attr_setstacksize(&small, 256 << 10);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int ret = pthread_create(&b->thread, &small, push, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&small);
    return ret ? -1 : 0;
}

struct file_behind *file_behind_new(int fd)
{
    struct file_behind *b = mem_zalloc(1, sizeof *b);
    if (!b) return NULL;
    b->fd = fd;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->more, NULL);
    if (start(b) == 0) return b;
    pthread_cond_destroy(&b->more);
    pthread_mutex_destroy(&b->lock);
    free(b);
    return NULL;
}
#else
struct file_behind *file_behind_new(int fd)
{
    (void)fd;
    return NULL;
}
#endif

void file_behind_reached(struct file_behind *b, uint64_t end)
{
    pthread_mutex_lock(&b->lock);
    b->reached = end;
    if (end - b->started >= PIECE) pthread_cond_signal(&b->more);
    pthread_mutex_unlock(&b->lock);
}

void file_behind_free(struct file_behind *b)
{
    if (!b) return;
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_cond_signal(&b->more);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    pthread_cond_destroy(&b->more);
    pthread_mutex_destroy(&b->lock);
    free(b);
}
