#include "core/train/plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/ckpt/llmz.h"

/* A warming step, then the fastest of a few; of steps this long one will do. */
enum { WARM = 1, TIMED = 3, LONG_STEP_S = 5 };

static int64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (int64_t)pages * size : 0;
}

static void add_sizes(struct train_plan *p, const struct stepper *s)
{
    struct graph_sizes z = stepper_sizes(s);
    p->activations += z.act_bytes;
    p->workspace += z.ws_bytes;
    p->inputs += z.input_bytes + z.const_bytes;
}

static void count(const struct train_job *job, const struct params *params, const struct optim *optim,
                  struct train_plan *p)
{
    const struct train_cfg *c = &job->cfg;
    p->n_params = params->n_elements;
    p->n_matmul = model_matmul_params(job->model);
    p->flops_per_token = model_train_flops_per_token(job->model, c->T);
    p->tokens_per_step = (int64_t)c->batch * c->T;
    p->tokens_total = p->tokens_per_step * c->schedule.steps;
    p->tokens_epoch = (int64_t)job->data->n_tokens;
    p->flops_total = p->flops_per_token * (double)p->tokens_total;
    p->weights = p->gradients = p->n_params * 4;
    p->moments = p->n_params * 8;
    p->optimizer = optim_bytes(optim);
    p->checkpoint = p->n_params * 12;
    p->model = p->weights;
    int64_t n_kept = c->keep_last + (c->keep_every > 0 ? c->schedule.steps / c->keep_every : 0);
    p->disk = p->checkpoint * (n_kept + 1) + p->model; /* one more while it is written */
    p->memory = machine_memory();
}

/* While the run goes on a thread of its own writes a copy; at the end all threads
 * write the state itself. */
static int64_t saving_bytes(const struct train_job *job, const struct params *params, const struct train_plan *p)
{
    const struct train_cfg *c = &job->cfg;
    bool along = c->save_every > 0 && c->save_every < c->schedule.steps;
    int64_t largest = 0;
    for (int i = 0; i < params->n; i++)
        if (params->v[i]->n > largest) largest = params->v[i]->n;
    int64_t at_end = (int64_t)llmz_writer_bytes(pool_threads(job->pool), (size_t)largest, sizeof(float));
    int64_t copy = p->checkpoint + (int64_t)llmz_writer_bytes(1, (size_t)largest, sizeof(float));
    return along && copy > at_end ? copy : at_end;
}

static int time_steps(const struct train_job *job, struct stepper *s, struct params *params, struct optim *optim,
                      struct train_plan *p, struct err *e)
{
    const struct train_cfg *c = &job->cfg;
    double best = (double)INFINITY;
    if (objective_init(job->objective, job->model, params, c->seed, e)) return -1;
    for (int i = 0; i < WARM + TIMED; i++) {
        struct loss_sum sum;
        double t0 = time_now_s();
        if (stepper_run(s, job->data, (uint64_t)i, c->seed, (uint64_t)i, true, &sum, e)) return -1;
        double norm = grads_norm(params, job->pool);
        optim_step(optim, job->pool, i + 1, 0, 0, optim_clip_scale(norm, c->clip)); /* rate 0: only the time counts */
        double dt = time_now_s() - t0;
        if (i >= WARM || dt > LONG_STEP_S) best = fmin(best, dt);
        if (dt > LONG_STEP_S) break;
    }
    p->step_seconds = best;
    p->total_seconds = best * (double)c->schedule.steps;
    return 0;
}

int train_plan(const struct train_job *job, bool measure, struct train_plan *p, struct err *e)
{
    const struct train_cfg *c = &job->cfg;
    int64_t own = 0, files = 0, now;
    memset(p, 0, sizeof *p);
    mem_resident(&own, &files);
    p->step_seconds = p->total_seconds = (double)NAN;
    p->dtype = train_arithmetic(c->dtype);
    struct step_cfg sc = {.rows = c->batch, .T = c->T, .leaves = c->leaves, .accum = c->accum,
                          .compute = p->dtype, .recompute = c->recompute, .training = true};
    struct stepper *train = NULL, *eval = NULL;
    struct optim *optim = NULL;
    int ret = -1, threads = pool_threads(job->pool);
    struct params *params = params_new(e);
    if (!params || objective_declare(job->objective, job->model, params, e)) goto out;
    if (!(train = stepper_new(&sc, job->objective, job->model, params, threads, e))) goto out;
    sc.training = false;
    if (job->val && step_has_dropout(job->model) &&
        !(eval = stepper_new(&sc, job->objective, job->model, params, threads, e)))
        goto out;
    if (!(optim = optim_new(&c->optim, params, threads, e))) goto out;
    count(job, params, optim, p);
    add_sizes(p, train);
    if (eval) add_sizes(p, eval);
    p->gradients += stepper_grad_bytes(train);
    p->total = p->weights + p->moments + p->gradients + p->activations + p->workspace + p->inputs + p->optimizer;
    p->snapshot = saving_bytes(job, params, p);
    bool fits = !p->memory || p->total < p->memory;
    if (measure && fits &&
        (params_alloc(params, true, e) || stepper_alloc(train, job->pool, e) ||
         time_steps(job, train, params, optim, p, e)))
        goto out;
    mem_resident(&now, &files); /* more of the program by now */
    p->program = own + files;
    p->peak = p->total + p->program + p->snapshot;
    ret = 0;
out:
    stepper_free(train);
    stepper_free(eval);
    optim_free(optim);
    params_free(params);
    return ret;
}

/* ---- text ---- */

static void bytes(struct buf *b, const char *what, int64_t n)
{
    static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
    double v = (double)n;
    int u = 0;
    while (v >= 1000 && u < 4) v /= 1000, u++;
    buf_printf(b, "  %-26s %8.*f %-2s  %lld\n", what, u ? 2 : 0, v, unit[u], (long long)n);
}

static void duration(struct buf *b, double s)
{
    if (s < 100) buf_printf(b, "%.2f s", s);
    else buf_printf(b, "%lld:%02d:%02d h", (long long)(s / 3600), (int)(fmod(s, 3600) / 60), (int)fmod(s, 60));
}

void train_plan_print(const struct train_plan *p, const struct train_cfg *c, struct buf *b)
{
    buf_printf(b, "Model\n  %-26s %lld (%lld in matrix products)\n", "parameters", (long long)p->n_params,
               (long long)p->n_matmul);
    buf_printf(b, "  %-26s %.4g\n", "FLOPs a token", p->flops_per_token);
    buf_printf(b, "Work\n  %-26s %lld of %lld tokens, %s\n", "steps", (long long)c->schedule.steps,
               (long long)p->tokens_per_step, dtype_name(p->dtype));
    buf_printf(b, "  %-26s %lld", "tokens", (long long)p->tokens_total);
    if (p->tokens_epoch > 0) buf_printf(b, " (%.3g epochs)", (double)p->tokens_total / (double)p->tokens_epoch);
    buf_printf(b, "\n  %-26s %.4g\n", "FLOPs", p->flops_total);
    buf_adds(b, "Memory\n");
    bytes(b, "weights", p->weights);
    bytes(b, "optimizer moments", p->moments);
    bytes(b, "gradients", p->gradients);
    bytes(b, "activations", p->activations);
    bytes(b, "workspace", p->workspace + p->optimizer);
    bytes(b, "inputs and constants", p->inputs);
    bytes(b, "total", p->total);
    bytes(b, "more while saving", p->snapshot);
    bytes(b, "program, tokenizer, data", p->program);
    bytes(b, "peak of the process", p->peak);
    if (p->memory) bytes(b, "this machine has", p->memory);
    buf_adds(b, "Disk, before compression\n");
    bytes(b, "a checkpoint", p->checkpoint);
    bytes(b, "at most", p->disk);
    buf_adds(b, "Time\n");
    if (!isfinite(p->step_seconds)) {
        buf_printf(b, "  %s\n",
                   p->memory && p->total >= p->memory ? "not measured: does not fit into memory" : "not measured");
        return;
    }
    buf_printf(b, "  %-26s %.2f ms, %.0f tokens a second, %.1f GFLOP/s\n", "a step, measured", p->step_seconds * 1e3,
               (double)p->tokens_per_step / p->step_seconds,
               p->flops_per_token * (double)p->tokens_per_step / p->step_seconds / 1e9);
    buf_printf(b, "  %-26s ", "the run");
    duration(b, p->total_seconds);
    buf_addc(b, '\n');
}

void train_plan_json(const struct train_plan *p, struct buf *b)
{
    const struct {
        const char *key;
        int64_t v;
    } ints[] = {
        {"params", p->n_params}, {"matmul_params", p->n_matmul}, {"tokens_per_step", p->tokens_per_step},
        {"tokens", p->tokens_total}, {"tokens_epoch", p->tokens_epoch}, {"bytes_weights", p->weights},
        {"bytes_moments", p->moments}, {"bytes_gradients", p->gradients}, {"bytes_activations", p->activations},
        {"bytes_workspace", p->workspace + p->optimizer}, {"bytes_inputs", p->inputs}, {"bytes_total", p->total},
        {"bytes_snapshot", p->snapshot}, {"bytes_program", p->program}, {"bytes_peak", p->peak},
        {"bytes_machine", p->memory}, {"disk_checkpoint", p->checkpoint},
        {"disk_max", p->disk},
    };
    buf_printf(b, "{\"dtype\":\"%s\",\"flops_per_token\":%.17g,\"flops\":%.17g", dtype_name(p->dtype),
               p->flops_per_token, p->flops_total);
    for (size_t i = 0; i < COUNT_OF(ints); i++) buf_printf(b, ",\"%s\":%lld", ints[i].key, (long long)ints[i].v);
    if (isfinite(p->step_seconds))
        buf_printf(b, ",\"step_seconds\":%.6g,\"seconds\":%.6g", p->step_seconds, p->total_seconds);
    buf_adds(b, "}\n");
}
