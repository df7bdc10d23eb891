#include "core/train/resume.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/ckpt/llmz.h"
#include "core/train/manifest.h"
#include "core/train/rundir.h"
#include "core/train/save.h"

enum dtype train_arithmetic(enum train_dtype asked)
{
    if (asked == TRAIN_AUTO) return kernels_auto_dtype(kernels_get(), false);
    return asked == TRAIN_BF16 ? DT_BF16 : DT_F32;
}

static enum dtype choose_dtype(const struct train_cfg *c, const cJSON *saved)
{
    const cJSON *train = saved && c->dtype == TRAIN_AUTO ? cJSON_GetObjectItemCaseSensitive(saved, "train") : NULL;
    const cJSON *d = train ? cJSON_GetObjectItemCaseSensitive(train, "dtype") : NULL;
    if (cJSON_IsString(d)) return strcmp(d->valuestring, "bf16") ? DT_F32 : DT_BF16;
    return train_arithmetic(c->dtype);
}

int resume_config(const struct train_job *job, enum dtype *dtype, struct buf *config, bool *changed, struct err *e)
{
    const struct train_cfg *c = &job->cfg;
    struct buf text = {0};
    cJSON *saved = NULL, *now = NULL;
    int ret = -1;
    char *path = rundir_path(c->out, e, "config.json");
    if (!path) goto out;
    if (file_exists(path)) {
        if (c->resume == RESUME_NEVER) {
            err_set(e, ERR_CANTCREAT, "'%s' already holds a run, and --resume never was given", c->out);
            goto out;
        }
        if (!(saved = json_read_file(path, NULL, e))) goto out;
    }
    *dtype = choose_dtype(c, saved);
    if (manifest_config(job, *dtype, &text, e)) goto out;
    if (!(now = json_parse(text.data, text.len, "the configuration", NULL, e))) goto out;
    *changed = saved && rundir_compare(saved, now, path, e);
    if (*changed && c->resume != RESUME_FORCE) {
        err_hint(e, "give the same options, another --out, or --resume force");
        goto out;
    }
    json_print(config, now, 2);
    buf_addc(config, '\n');
    ret = buf_ok(config, e);
out:
    json_free(saved);
    json_free(now);
    buf_free(&text);
    free(path);
    return ret;
}

static int fresh(const struct train_job *job, struct params *p, struct train_state *s, struct err *e)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i < p->n; i++) {
        struct param *q = p->v[i];
        if (q->m) memset(q->m, 0, (size_t)q->n * sizeof *q->m);
        if (q->v) memset(q->v, 0, (size_t)q->n * sizeof *q->v);
    }
    return objective_init(job->objective, job->model, p, job->cfg.seed, e);
}

static const char *string_at(const cJSON *o, const char *a, const char *b, const char *otherwise)
{
    const cJSON *in = cJSON_GetObjectItemCaseSensitive(o, a), *s = in ? cJSON_GetObjectItemCaseSensitive(in, b) : NULL;
    return cJSON_IsString(s) ? s->valuestring : otherwise;
}

/* A run in bf16 whose steps were summed otherwise so far: it goes on, but not with the bits that it would have there. */
static void tell_other_products(const cJSON *manifest, const char *path)
{
    const cJSON *train = cJSON_GetObjectItemCaseSensitive(manifest, "train");
    const char *here = kernels_sums_name(kernels_get()->sums);
    const char *there = string_at(manifest, "provenance", "bf16_products", kernels_sums_name(SUMS_PAIRS));
    if (strcmp(string_at(train, "config", "dtype", "f32"), "bf16") != 0 || strcmp(here, there) == 0) return;
    log_warn("'%s' was trained with bf16 products as %s sums them, here %s does: the run goes on, rounded otherwise%s", path,
             there, here, kernels_get()->sums == SUMS_TILES ? "; LLMCTL_ISA=avx512bf16 would go on as before" : "");
}

static int load(const struct train_job *job, const char *path, int64_t step, struct params *p,
                struct train_state *s, struct err *e)
{
    struct llmz *z = llmz_open(path, e);
    if (!z) return -1;
    int ret = -1;
    const cJSON *train = cJSON_GetObjectItemCaseSensitive(llmz_manifest(z), "train");
    const cJSON *state = train ? cJSON_GetObjectItemCaseSensitive(train, "state") : NULL;
    if (train_state_parse(s, state, path, e)) goto out;
    if (s->step != step) {
        err_set(e, ERR_DATA, "'%s' holds step %lld", path, (long long)s->step);
        goto out;
    }
    ret = load_params(z, path, p, &job->cfg.optim, job->pool, e);
    if (!ret && step < job->cfg.schedule.steps) tell_other_products(llmz_manifest(z), path);
out:
    llmz_close(z);
    return ret;
}

int resume_step(const struct train_job *job, int64_t step, struct params *p, struct train_state *s, struct err *e)
{
    if (step == 0) return fresh(job, p, s, e);
    char *path = rundir_path(job->cfg.out, e, "ckpt/step-%lld/train.llmz", (long long)step);
    if (!path) return -1;
    int ret = load(job, path, step, p, s, e);
    free(path);
    return ret;
}

int resume_newest(const struct train_job *job, struct params *p, struct train_state *s, struct err *e)
{
    int64_t *steps;
    size_t n, i;
    if (rundir_steps(job->cfg.out, &steps, &n, e)) return -1;
    for (i = n; i > 0; i--) {
        if (!resume_step(job, steps[i - 1], p, s, e)) break;
        if (e->code == ERR_OS) {
            free(steps);
            return -1;
        }
        log_warn("checkpoint step-%lld cannot be used: %s", (long long)steps[i - 1], e->msg);
    }
    free(steps);
    if (i > 0) {
        log_info("resuming from step %lld", (long long)s->step);
        return 0;
    }
    if (n > 0) {
        err_wrap(e, "none of the %zu checkpoints in '%s/ckpt' can be read", n, job->cfg.out);
        return err_hint(e, "remove the directory to start over");
    }
    return fresh(job, p, s, e);
}
