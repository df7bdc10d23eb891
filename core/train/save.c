#include "core/train/save.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/ckpt/llmz.h"

/* One tensor of a checkpoint.  Live data are read through `live`, because
 * moments and parameters keep their addresses for the whole run. */
struct item {
    char *name;
    const struct param *p;
    float *live;
};

struct saver {
    char *run;
    struct item *item;
    int n_items;
    int64_t n_elements;
    /* of the save under way */
    pthread_t thread;
    bool running;            /* a thread is to be joined */
    atomic_bool failed;
    int64_t step;
    char *manifest;
    float *copy;             /* snapshot; NULL = write live data */
    struct keep_policy keep;
    struct err err;
    int ret;
};

static int add_item(struct saver *s, const char *prefix, const struct param *p, float *live, struct err *e)
{
    struct buf b = {0};
    buf_printf(&b, "%s%s", prefix, p->name);
    char *name = buf_steal(&b);
    if (!name) return err_oom(e, 0, "names of tensors");
    s->item[s->n_items++] = (struct item){name, p, live};
    s->n_elements += p->n;
    return 0;
}

static int list_items(struct saver *s, const struct params *p, const struct optim_cfg *c, struct err *e)
{
    s->item = mem_zalloc((size_t)p->n * 3, sizeof *s->item);
    if (!s->item) return err_oom(e, (size_t)p->n * 3 * sizeof *s->item, "list of tensors");
    for (int i = 0; i < p->n; i++)
        if (add_item(s, "", p->v[i], p->v[i]->data, e)) return -1;
    for (int i = 0; i < p->n; i++) {
        const struct param *q = p->v[i];
        if (q->flags & PARAM_FROZEN) continue;
        bool muon = optim_uses_muon(c, q);
        if (add_item(s, muon ? "muon.m/" : "adam.m/", q, q->m, e)) return -1;
        if (!muon && add_item(s, "adam.v/", q, q->v, e)) return -1;
    }
    return 0;
}

struct saver *saver_new(const char *run, const struct params *p, const struct optim_cfg *c, struct err *e)
{
    struct saver *s = mem_zalloc(1, sizeof *s);
    if (!s || !(s->run = mem_strdup(run))) {
        free(s);
        err_oom(e, sizeof *s, "saver");
        return NULL;
    }
    if (list_items(s, p, c, e)) {
        saver_free(s);
        return NULL;
    }
    return s;
}

void saver_free(struct saver *s)
{
    if (!s) return;
    struct err ignored;
    saver_wait(s, &ignored);
    for (int i = 0; i < s->n_items; i++) free(s->item[i].name);
    free(s->item);
    free(s->run);
    free(s);
}

int64_t saver_state_bytes(const struct saver *s)
{
    return s->n_elements * (int64_t)sizeof(float);
}

static int write_file(const struct saver *s, const char *path, struct pool *pool, struct err *e)
{
    struct llmz_writer *w = llmz_create(path, pool, e);
    if (!w) return -1;
    const float *copy = s->copy;
    for (int i = 0; i < s->n_items; i++) {
        const struct item *t = &s->item[i];
        if (llmz_add(w, t->name, DT_F32, t->p->ndim, t->p->dim, copy ? copy : t->live, e)) {
            llmz_abort(w);
            return -1;
        }
        if (copy) copy += t->p->n;
    }
    return llmz_finish(w, s->manifest, e);
}

/* The directory appears under its name only when all is in it. */
static int write_checkpoint(const struct saver *s, struct pool *pool, struct err *e)
{
    long long n = (long long)s->step;
    char *parent = rundir_path(s->run, e, "ckpt");
    char *tmp = rundir_path(s->run, e, "ckpt/.step-%lld.tmp", n);
    char *dir = rundir_path(s->run, e, "ckpt/step-%lld", n);
    char *file = rundir_path(s->run, e, "ckpt/.step-%lld.tmp/train.llmz", n);
    int ret = -1;
    if (!parent || !tmp || !dir || !file) goto out;
    if (dir_remove(tmp, e) || dir_make(tmp, e) || write_file(s, file, pool, e)) goto out;
    if (dir_replace(tmp, dir, e)) goto out; /* an unreadable one, or of before an interrupted validation */
    ret = dir_sync(parent, e) || rundir_prune(s->run, &s->keep, e) ? -1 : 0;
out:
    if (ret && tmp) {
        struct err ignored;
        dir_remove(tmp, &ignored);
    }
    if (ret) err_wrap(e, "saving checkpoint %lld", n);
    free(parent);
    free(tmp);
    free(dir);
    free(file);
    return ret;
}

static void *save_thread(void *arg)
{
    struct saver *s = arg;
    s->ret = write_checkpoint(s, NULL, &s->err);
    if (s->ret) atomic_store(&s->failed, true);
    return NULL;
}

static int prepare(struct saver *s, int64_t step, const char *manifest, const struct keep_policy *k, struct err *e)
{
    if (saver_wait(s, e)) return -1;
    s->step = step;
    s->keep = *k;
    s->manifest = mem_strdup(manifest);
    return s->manifest ? 0 : err_oom(e, strlen(manifest), "manifest");
}

static void finish(struct saver *s)
{
    free(s->manifest);
    s->manifest = NULL;
    mem_free_aligned(s->copy);
    s->copy = NULL;
}

int saver_start(struct saver *s, int64_t step, const char *manifest, const struct keep_policy *k, struct err *e)
{
    if (prepare(s, step, manifest, k, e)) return -1;
    size_t bytes = (size_t)saver_state_bytes(s);
    s->copy = mem_alloc_aligned(bytes ? bytes : 64);
    if (!s->copy) {
        finish(s);
        return err_oom(e, bytes, "a copy of the training state");
    }
    float *at = s->copy;
    for (int i = 0; i < s->n_items; i++) {
        memcpy(at, s->item[i].live, (size_t)s->item[i].p->n * sizeof *at);
        at += s->item[i].p->n;
    }
    int rc = pthread_create(&s->thread, NULL, save_thread, s);
    if (rc) {
        finish(s);
        return err_set(e, ERR_OS, "starting the thread that saves: %s", strerror(rc));
    }
    s->running = true;
    return 0;
}

int saver_now(struct saver *s, int64_t step, const char *manifest, const struct keep_policy *k,
              struct pool *pool, struct err *e)
{
    if (prepare(s, step, manifest, k, e)) return -1;
    int ret = write_checkpoint(s, pool, e);
    finish(s);
    return ret;
}

int saver_wait(struct saver *s, struct err *e)
{
    if (!s->running) return 0;
    pthread_join(s->thread, NULL);
    s->running = false;
    finish(s);
    if (!s->ret) return 0;
    *e = s->err;
    atomic_store(&s->failed, false);
    return -1;
}

bool saver_failed(struct saver *s)
{
    return atomic_load(&s->failed);
}

int save_model(const char *path, const struct params *p, const char *manifest, struct pool *pool, struct err *e)
{
    struct llmz_writer *w = llmz_create(path, pool, e);
    if (!w) return -1;
    for (int i = 0; i < p->n; i++) {
        const struct param *q = p->v[i];
        if (q->flags & PARAM_AUX) continue;
        if (llmz_add(w, q->name, q->dtype, q->ndim, q->dim, q->data, e)) {
            llmz_abort(w);
            return -1;
        }
    }
    return llmz_finish(w, manifest, e);
}

static int load_one(struct llmz *z, const char *path, const char *prefix, const struct param *p,
                    float *dst, struct pool *pool, struct err *e)
{
    char name[512];
    int n = snprintf(name, sizeof name, "%s%s", prefix, p->name);
    if (n < 0 || (size_t)n >= sizeof name) return err_set(e, ERR_DATA, "'%s': name too long", path);
    int i = llmz_find(z, name);
    if (i < 0) return err_set(e, ERR_DATA, "'%s': no tensor '%s'", path, name);
    const struct llmz_tensor *t = llmz_tensor(z, i);
    bool same = t->dtype == DT_F32 && t->ndim == p->ndim;
    for (int d = 0; same && d < p->ndim; d++) same = t->dim[d] == p->dim[d];
    if (!same) return err_set(e, ERR_DATA, "'%s': tensor '%s' has another shape or type than the model", path, name);
    return llmz_read(z, i, dst, pool, e);
}

int load_params(struct llmz *z, const char *path, struct params *p, const struct optim_cfg *c,
                struct pool *pool, struct err *e)
{
    for (int i = 0; i < p->n; i++) {
        const struct param *q = p->v[i];
        if (load_one(z, path, "", q, q->data, pool, e)) return -1;
        if (!c || (q->flags & PARAM_FROZEN)) continue;
        bool muon = optim_uses_muon(c, q);
        if (load_one(z, path, muon ? "muon.m/" : "adam.m/", q, q->m, pool, e)) return -1;
        if (!muon && load_one(z, path, "adam.v/", q, q->v, pool, e)) return -1;
    }
    return 0;
}
