#include "core/train/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/ckpt/llmz.h"
#include "core/train/expert_load.h"
#include "core/train/manifest.h"
#include "core/train/metrics.h"
#include "core/train/report.h"
#include "core/train/resume.h"
#include "core/train/rundir.h"
#include "core/train/save.h"

struct loop {
    const struct train_job *job;
    const struct train_cfg *cfg;
    enum dtype dtype;
    struct run_lock *lock;
    struct params *params;
    struct optim *optim;
    struct stepper *train, *eval;   /* eval == train when there is no dropout */
    struct saver *saver;
    struct metrics *metrics;
    struct train_state st;
    struct train_vals val;
    int64_t val_step;               /* step of `val`, -1 = none yet */
    int64_t saved_step;             /* newest checkpoint of this process, -1 = none */
    char *stop_path, *log_path;
    struct buf line, text;          /* reused */
    struct progress bar;
    struct expert_load load;
    double loss, seconds, tokens;   /* latest loss; time and tokens of steps in this process */
    int64_t first_step;
    bool no_samples;                /* sampling failed once */
};

/* ---- setting up ---- */

static int open_steppers(struct loop *l, struct err *e)
{
    const struct train_cfg *c = l->cfg;
    const struct train_job *j = l->job;
    struct step_cfg s = {.rows = c->batch, .T = c->T, .leaves = c->leaves, .accum = c->accum,
                         .compute = l->dtype, .recompute = c->recompute, .training = true};
    int n = pool_threads(j->pool);
    l->train = stepper_new(&s, j->objective, j->model, l->params, n, e);
    if (!l->train || stepper_alloc(l->train, j->pool, e)) return -1;
    l->eval = l->train;
    if (!j->val || !step_has_dropout(j->model)) return 0;
    s.training = false;
    l->eval = stepper_new(&s, j->objective, j->model, l->params, n, e);
    return !l->eval || stepper_alloc(l->eval, j->pool, e) ? -1 : 0;
}

/* config.json says how the run was started; its "run" part is the latest. */
static int open_files(struct loop *l, const struct buf *config, struct err *e)
{
    const char *out = l->cfg->out;
    char *path = rundir_path(out, e, "config.json"), *metrics = rundir_path(out, e, "metrics.jsonl");
    int ret = -1;
    if (path && metrics && !file_write_all(path, config->data, config->len, e) &&
        (l->metrics = metrics_open(metrics, l->st.metrics_lines, e)))
        ret = 0;
    free(path);
    free(metrics);
    return ret;
}

static int open_engine(struct loop *l, struct err *e)
{
    const struct train_cfg *c = l->cfg;
    const struct train_job *j = l->job;
    if (!(l->params = params_new(e)) || objective_declare(j->objective, j->model, l->params, e) ||
        params_alloc(l->params, true, e) ||
        !(l->optim = optim_new(&c->optim, l->params, pool_threads(j->pool), e)) ||
        !(l->saver = saver_new(c->out, l->params, &c->optim, e)) || open_steppers(l, e))
        return -1;
    return 0;
}

/* A configuration that cannot work leaves nothing behind that looks like a run. */
static int open_run(struct loop *l, struct err *e)
{
    const struct train_cfg *c = l->cfg;
    const struct step_cfg step = {.rows = c->batch, .T = c->T, .leaves = c->leaves, .accum = c->accum};
    struct buf config = {0};
    bool changed = false;
    int ret = -1;
    if (step_check(&step, e) || dir_make(c->out, e) || !(l->lock = run_lock(c->out, e)) ||
        resume_config(l->job, &l->dtype, &config, &changed, e) || open_engine(l, e) || rundir_make(c->out, e) ||
        rundir_clean(c->out, e))
        goto out;
    if (!(l->stop_path = rundir_path(c->out, e, "stop")) || !(l->log_path = rundir_path(c->out, e, "log.txt"))) goto out;
    log_to_file(l->log_path);
    if (resume_newest(l->job, l->params, &l->st, e) || open_files(l, &config, e)) goto out;
    if (expert_load_init(&l->load, l->job->model, e)) goto out;
    if (changed) guard_restart(&l->st.guard);
    l->first_step = l->saved_step = l->st.step;
    ret = 0;
out:
    buf_free(&config);
    return ret;
}

static void close_run(struct loop *l)
{
    saver_free(l->saver);
    metrics_close(l->metrics);
    if (l->eval != l->train) stepper_free(l->eval);
    stepper_free(l->train);
    optim_free(l->optim);
    params_free(l->params);
    log_to_file(NULL);
    run_unlock(l->lock);
    buf_free(&l->line);
    buf_free(&l->text);
    expert_load_free(&l->load);
    free(l->stop_path);
    free(l->log_path);
}

/* ---- checkpoints ---- */

/* The last step at or before `step` where the schedule saves: where a roll
 * back goes; 0 = nowhere, as initial weights are no checkpoint.  A function of
 * the step alone, so that extra checkpoints of interrupted runs do not change it. */
static int64_t scheduled(const struct loop *l, int64_t step)
{
    return l->cfg->save_every > 0 ? step - step % l->cfg->save_every : 0;
}

static int save(struct loop *l, bool now, struct err *e)
{
    if (l->saved_step == l->st.step) return 0;
    struct keep_policy k = {.last = l->cfg->keep_last, .every = l->cfg->keep_every,
                            .protect = {scheduled(l, l->st.step), l->cfg->early_stop ? l->st.best_step : -1}};
    l->st.metrics_lines = metrics_lines(l->metrics);
    buf_clear(&l->text);
    if (manifest_train(l->job, l->dtype, &l->st, &l->text, e) || metrics_sync(l->metrics, e)) return -1;
    int ret = now ? saver_now(l->saver, l->st.step, l->text.data, &k, l->job->pool, e)
                  : saver_start(l->saver, l->st.step, l->text.data, &k, e);
    if (!ret) l->saved_step = l->st.step;
    return ret;
}

static int roll_back(struct loop *l, const char *why, struct err *e)
{
    struct guard before = l->st.guard;
    int64_t from = l->st.step, to = scheduled(l, from), lines = metrics_lines(l->metrics);
    if (saver_wait(l->saver, e)) return -1;
    if (resume_step(l->job, to, l->params, &l->st, e))
        return err_wrap(e, "rolling back from step %lld, because %s", (long long)from + 1, why);
    if (rundir_drop_after(l->cfg->out, to, e)) return -1;
    struct guard *g = &l->st.guard;
    g->rollbacks = before.rollbacks + 1;
    g->skipped = before.skipped;
    g->data_shift = before.data_shift + (from - to) + 1; /* go on behind the batches that failed */
    g->in_row = 0;
    l->st.metrics_lines = lines;
    l->saved_step = to;
    log_warn("step %lld: %s; rolled back to step %lld (%d of %d)", (long long)from + 1, why, (long long)to,
             g->rollbacks, l->cfg->guard.max_rollbacks);
    buf_clear(&l->line);
    metrics_str(&l->line, "event", "rollback");
    metrics_num(&l->line, "to", (double)to);
    metrics_str(&l->line, "why", why);
    return metrics_add(l->metrics, from + 1, &l->line, e);
}

/* ---- one step ---- */

static int log_step(struct loop *l, const struct loss_sum *s, double norm, double lr, double ms, struct err *e)
{
    struct buf *b = &l->line;
    buf_clear(b);
    metrics_num(b, "loss", s->loss / s->weight);
    metrics_num(b, "nll", s->nll / s->weight);
    metrics_num(b, "grad_norm", norm);
    metrics_num(b, "lr", lr);
    metrics_num(b, "tokens", (double)l->st.tokens);
    metrics_num(b, "ms", ms);
    metrics_num(b, "tok_s", s->weight / ms * 1e3);
    expert_load_step(&l->load, l->train, s, b);
    if (metrics_add(l->metrics, l->st.step, b, e)) return -1;
    char extra[96];
    snprintf(extra, sizeof extra, "loss %.4f | %.0f tok/s", l->loss, l->tokens / l->seconds);
    progress_update(&l->bar, (double)l->st.step, extra);
    return 0;
}

static int log_skip(struct loop *l, uint64_t batch, const char *why, struct err *e)
{
    log_warn("step %lld: %s; update skipped", (long long)l->st.step, why);
    buf_clear(&l->line);
    metrics_str(&l->line, "event", "skip");
    metrics_num(&l->line, "batch", (double)batch);
    metrics_str(&l->line, "why", why);
    return metrics_add(l->metrics, l->st.step, &l->line, e);
}

static int diverged(struct loop *l, const char *why, struct err *e)
{
    long long at = (long long)l->st.step + 1, good = (long long)scheduled(l, l->st.step);
    if (good) {
        err_set(e, ERR_RESULT, "training diverged at step %lld: %s, after %d roll backs", at, why,
                l->st.guard.rollbacks);
        return err_hint(e, "the last good checkpoint is step %lld; try a lower --lr or longer --warmup", good);
    }
    err_set(e, ERR_RESULT, "training diverged at step %lld: %s, and there is no checkpoint to roll back to", at, why);
    return err_hint(e, "try a lower --lr or longer --warmup; --save-every says how often to save");
}

/* Returns with the state advanced by one step, or rolled back. */
static int one_step(struct loop *l, struct err *e)
{
    const struct train_cfg *c = l->cfg;
    struct train_state *st = &l->st;
    struct loss_sum s;
    const char *why;
    double t0 = time_now_s();
    uint64_t batch = (uint64_t)(st->step + st->guard.data_shift);
    if (stepper_run(l->train, l->job->data, batch, c->seed, batch, true, &s, e)) return -1;
    double norm = grads_norm(l->params, l->job->pool), lr = schedule_lr(&c->schedule, st->step);
    l->loss = s.loss / s.weight;
    enum guard_verdict v = guard_check(&st->guard, &c->guard, c->clip, l->loss, norm, &why);
    if (v == GUARD_STOP || (v == GUARD_ROLLBACK && !scheduled(l, st->step))) return diverged(l, why, e);
    if (v == GUARD_ROLLBACK) return roll_back(l, why, e);
    if (v == GUARD_OK) {
        double muon_lr = c->schedule.lr > 0 ? c->muon_lr * (lr / c->schedule.lr) : 0;
        optim_step(l->optim, l->job->pool, ++st->updates, lr, muon_lr, optim_clip_scale(norm, c->clip));
        stepper_balance_experts(l->train);
        st->tokens += (int64_t)s.weight;
    }
    st->step++;
    double dt = time_now_s() - t0;
    l->seconds += dt;
    l->tokens += s.weight;
    if (log_step(l, &s, norm, lr, dt * 1e3, e)) return -1;
    return v == GUARD_SKIP ? log_skip(l, batch, why, e) : 0;
}

/* ---- what happens between steps ---- */

static int evaluate(struct loop *l, struct err *e)
{
    struct loss_sum s;
    struct train_state *st = &l->st;
    st->val_due = true;
    if (stepper_eval(l->eval, l->job->val, l->job->val_steps, NULL, &s, e)) return err_wrap(e, "validation");
    st->val_due = false;
    l->val.loss = s.nll / s.weight;
    l->val.accuracy = s.correct / s.weight;
    l->val.bpb = loss_sum_bpb(&s);
    if (l->val_step == st->step) return 0;
    l->val_step = st->step;
    buf_clear(&l->line);
    metrics_num(&l->line, "val_loss", l->val.loss);
    metrics_num(&l->line, "val_bpb", l->val.bpb);
    metrics_num(&l->line, "val_accuracy", l->val.accuracy);
    if (metrics_add(l->metrics, st->step, &l->line, e)) return -1;
    if (isfinite(l->val.bpb))
        log_info("step %lld: validation loss %.4f, %.4f bits per byte", (long long)st->step, l->val.loss, l->val.bpb);
    else
        log_info("step %lld: validation loss %.4f, %.2f %% right", (long long)st->step, l->val.loss, 100 * l->val.accuracy);
    if (st->best_step > 0 && !(l->val.loss < st->best_val)) {
        st->bad_evals++;
        if (l->cfg->early_stop && st->bad_evals >= l->cfg->early_stop) st->stopped_early = true;
        return 0;
    }
    st->best_val = l->val.loss;
    st->best_step = st->step;
    st->bad_evals = 0;
    return 0;
}

static int write_sample(struct loop *l, struct err *e)
{
    struct err why;
    if (l->no_samples) return 0;
    buf_clear(&l->text);
    if (l->job->sample(l->job->sample_arg, l->params, l->st.step, &l->text, &why)) {
        l->no_samples = true; /* no reason to end the run */
        log_warn("no samples: %s", why.msg);
        return 0;
    }
    char *path = rundir_path(l->cfg->out, e, "samples/step-%lld.txt", (long long)l->st.step);
    if (!path) return -1;
    int ret = buf_ok(&l->text, e) ? -1 : file_write_all(path, l->text.data, l->text.len, e);
    free(path);
    return ret;
}

/* Which share of the slots each expert had since the last time. */
static int log_experts(struct loop *l, struct err *e)
{
    if (!expert_load_any(&l->load)) return 0;
    buf_clear(&l->line);
    expert_load_line(&l->load, &l->line);
    return metrics_add(l->metrics, l->st.step, &l->line, e);
}

static bool due(int64_t step, int64_t every)
{
    return every > 0 && step % every == 0;
}

static bool finished(const struct loop *l)
{
    return l->st.step >= l->cfg->schedule.steps || l->st.stopped_early;
}

static int between_steps(struct loop *l, struct err *e)
{
    const struct train_cfg *c = l->cfg;
    int64_t step = l->st.step;
    bool last = step >= c->schedule.steps;
    if (l->job->val && (due(step, c->eval_every) || last) && evaluate(l, e)) return -1;
    if ((due(step, c->eval_every) || last) && log_experts(l, e)) return -1;
    if (l->job->sample && due(step, c->sample_every) && write_sample(l, e)) return -1;
    bool best = c->early_stop && l->st.best_step == step && step > 0;
    if ((due(step, c->save_every) || best || sig_take_checkpoint_request()) && !last && save(l, false, e))
        return -1;
    if (saver_failed(l->saver)) return saver_wait(l->saver, e);
    return 0;
}

/* A signal or the file `stop`: everything up to here is saved. */
static int stop(struct loop *l, const char *by, struct err *e)
{
    if (save(l, true, e)) return -1;
    if (file_exists(l->stop_path) && unlink(l->stop_path)) log_warn("'%s' could not be removed", l->stop_path);
    err_set(e, ERR_STOPPED, "stopped by %s after step %lld, all is saved", by, (long long)l->st.step);
    return err_hint(e, "run the same command again to go on");
}

/* A process before this one was stopped while it validated the step: what came
 * after is made up for, and the checkpoint written with the outcome. */
static int make_up(struct loop *l, struct err *e)
{
    if (!l->st.val_due) return 0;
    l->saved_step = -1;
    return between_steps(l, e);
}

static int run_steps(struct loop *l, struct err *e)
{
    progress_start(&l->bar, "train", "step", (double)l->cfg->schedule.steps, (double)l->st.step);
    int ret = make_up(l, e);
    while (!ret && !finished(l)) {
        int64_t before = l->st.step;
        ret = one_step(l, e);
        if (!ret && l->st.step > before) ret = between_steps(l, e);
        if (ret || finished(l)) break;
        if (sig_stop_requested()) ret = stop(l, "a signal", e);
        else if (access(l->stop_path, F_OK) == 0) ret = stop(l, "the file 'stop'", e);
    }
    progress_end(&l->bar);
    /* A signal during a validation: the step before it is whole. */
    return ret && e->code == ERR_STOPPED && l->st.val_due ? stop(l, "a signal", e) : ret;
}

/* ---- the end ---- */

/* With early stopping the model is the best one seen, not the last. */
static int take_best(struct loop *l, struct train_state *s, struct err *e)
{
    *s = l->st;
    if (!l->cfg->early_stop || !l->job->val || l->st.best_step == 0 || l->st.best_step == l->st.step) return 0;
    if (resume_step(l->job, l->st.best_step, l->params, s, e)) return -1;
    log_info("the best validation loss was at step %lld: model.llmz takes that", (long long)s->step);
    struct loss_sum sum;
    if (stepper_eval(l->eval, l->job->val, l->job->val_steps, NULL, &sum, e)) return -1;
    l->val = (struct train_vals){sum.nll / sum.weight, loss_sum_bpb(&sum), sum.correct / sum.weight};
    return 0;
}

/* Nothing left to do: the latest validation is what metrics.jsonl says. */
static int read_val(struct loop *l, struct err *e)
{
    static const char *const names[] = {"val_loss", "val_bpb", "val_accuracy"};
    double *to[] = {&l->val.loss, &l->val.bpb, &l->val.accuracy};
    struct series s[COUNT_OF(names)] = {{0}};
    char *path = rundir_path(l->cfg->out, e, "metrics.jsonl");
    int ret = path ? metrics_read(path, names, s, COUNT_OF(names), e) : -1;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (s[i].n) *to[i] = s[i].y[s[i].n - 1];
        series_free(&s[i]);
    }
    free(path);
    return ret;
}

static int finish(struct loop *l, struct train_result *out, struct err *e)
{
    struct train_state s;
    char *path = rundir_path(l->cfg->out, e, "model.llmz");
    if (!path) return -1;
    int ret = -1;
    if (l->first_step == l->st.step && file_exists(path)) {
        out->was_done = true;
        ret = read_val(l, e);
        goto out;
    }
    if (saver_wait(l->saver, e) || save(l, true, e)) goto out;
    if (l->job->val && l->val_step != l->st.step) {
        l->val_step = l->st.step; /* logged by the process that got here first */
        if (evaluate(l, e)) goto out;
    }
    if (take_best(l, &s, e)) goto out;
    buf_clear(&l->text);
    if (manifest_model(l->job, l->dtype, &s, &l->val, &l->text, e) ||
        save_model(path, l->params, l->text.data, l->job->pool, e))
        goto out;
    ret = 0;
out:
    free(path);
    return ret;
}

static void fill_result(const struct loop *l, struct train_result *out)
{
    out->steps = l->st.step;
    out->tokens = l->st.tokens;
    out->loss = l->loss;
    out->val_loss = l->val.loss;
    out->val_bpb = l->val.bpb;
    out->seconds = l->seconds;
    out->tokens_per_s = l->seconds > 0 ? l->tokens / l->seconds : 0;
    if (!l->train) return;
    out->bytes = stepper_bytes(l->train) + (l->eval != l->train ? stepper_bytes(l->eval) : 0) +
                 optim_bytes(l->optim) + l->params->n_elements * 16;
}

/* The error itself is printed by main(); log.txt keeps it too. */
static void report(struct loop *l, const struct train_result *out, const char *ended)
{
    struct err ignored;
    if (report_write(l->job, l->dtype, &l->st, &l->val, out, &ignored)) log_warn("no report: %s", ignored.msg);
    if (l->cfg->profile) {
        buf_clear(&l->text);
        stepper_profile(l->train, &l->text);
        if (buf_ok(&l->text, &ignored) == 0 && l->text.data) log_info("%s", l->text.data);
    }
    if (!ended) return;
    buf_clear(&l->text);
    buf_printf(&l->text, "ended: %s\n", ended);
    if (!buf_ok(&l->text, &ignored)) file_append_line(l->log_path, l->text.data, l->text.len, &ignored);
}

static const char *why_dtype(const struct loop *l)
{
    const struct kernels *k = kernels_get();
    if (l->cfg->dtype != TRAIN_AUTO) return "as asked for";
    return l->dtype == kernels_auto_dtype(k, false) ? kernels_auto_reason(k) : "as the run began";
}

int train_run(const struct train_job *job, struct train_result *out, struct err *e)
{
    const double unknown = (double)NAN;
    struct loop l = {.job = job, .cfg = &job->cfg, .val = {unknown, unknown, unknown}, .val_step = -1, .loss = unknown};
    memset(out, 0, sizeof *out);
    int ret = open_run(&l, e);
    if (!ret && !finished(&l))
        log_info("%lld parameters, %s (%s), %d threads; run '%s'", (long long)l.params->n_elements,
                 dtype_name(l.dtype), why_dtype(&l), pool_threads(job->pool), job->cfg.out);
    if (!ret) {
        ret = run_steps(&l, e);
        if (!ret) ret = finish(&l, out, e);
        fill_result(&l, out);
        report(&l, out, ret ? e->msg : NULL);
    }
    close_run(&l);
    return ret;
}
