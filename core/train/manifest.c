#include "core/train/manifest.h"

#include <math.h>
#include <string.h>

#include "core/base/hash.h"

static void put(struct buf *b, const char *key, double v)
{
    buf_printf(b, ",\"%s\":%.17g", key, v);
}

static void put_choice(struct buf *b, const char *key, const char *choices, int i)
{
    for (; i > 0; i--) choices = strchr(choices, '|') + 1;
    size_t n = strcspn(choices, "|");
    buf_printf(b, ",\"%s\":\"%.*s\"", key, (int)n, choices);
}

/* All that decides about the weights. */
static void put_train(const struct train_job *job, enum dtype dtype, struct buf *b)
{
    const struct train_cfg *c = &job->cfg;
    buf_printf(b, "{\"objective\":\"%s\",\"dtype\":\"%s\",\"seed\":\"%llu\"", job->objective->name,
               dtype_name(dtype), (unsigned long long)c->seed);
    if (job->objective->describe) job->objective->describe(job->objective, b);
    put(b, "steps", (double)c->schedule.steps);
    put(b, "batch", c->batch);
    put(b, "context", c->T);
    put(b, "leaves", c->leaves);
    put_choice(b, "optimizer", OPTIM_CHOICES, (int)c->optim.kind);
    put(b, "lr", c->schedule.lr);
    put(b, "min_lr", c->schedule.min_lr);
    put_choice(b, "schedule", SCHEDULE_CHOICES, (int)c->schedule.kind);
    put(b, "warmup", (double)c->schedule.warmup);
    put(b, "decay_frac", c->schedule.decay_frac);
    put(b, "beta1", c->optim.beta1);
    put(b, "beta2", c->optim.beta2);
    put(b, "eps", c->optim.eps);
    put(b, "weight_decay", c->optim.weight_decay);
    if (c->optim.kind == OPTIM_MUON) {
        put(b, "muon_lr", c->muon_lr);
        put(b, "muon_momentum", c->optim.muon_momentum);
    }
    put(b, "clip", c->clip);
    put(b, "label_smoothing", c->label_smoothing);
    put(b, "z_loss", c->z_coef);
    put(b, "spike_sigma", c->guard.sigma);
    put(b, "max_skips", c->guard.max_skips);
    put(b, "max_rollbacks", c->guard.max_rollbacks);
    put(b, "early_stop", (double)c->early_stop);
    if (c->early_stop) put(b, "eval_every", (double)c->eval_every);
    buf_addc(b, '}');
}

static int put_data(const struct train_job *job, struct buf *b, struct err *e)
{
    buf_adds(b, "{\"train\":");
    if (job->data->describe(job->data, b, e)) return -1;
    if (job->val) {
        buf_adds(b, ",\"val\":");
        if (job->val->describe(job->val, b, e)) return -1;
    }
    buf_addc(b, '}');
    return 0;
}

int manifest_config(const struct train_job *job, enum dtype dtype, struct buf *out, struct err *e)
{
    const struct train_cfg *c = &job->cfg;
    buf_adds(out, "{\"model\":");
    model_config_print(job->model, out);
    buf_adds(out, ",\"train\":");
    put_train(job, dtype, out);
    buf_adds(out, ",\"data\":");
    if (put_data(job, out, e)) return -1;
    if (job->tokenizer) {
        char hex[17];
        hash64_hex(hash64(job->tokenizer, strlen(job->tokenizer)), hex);
        buf_printf(out, ",\"tokenizer\":\"%s\"", hex);
    }
    buf_printf(out, ",\"run\":{\"llmctl\":\"%s\"", job->version);
    put(out, "threads", c->threads);
    put(out, "accum", c->accum);
    put_choice(out, "recompute", "none|block", c->recompute);
    put(out, "eval_every", (double)c->eval_every);
    put(out, "sample_every", (double)c->sample_every);
    put(out, "save_every", (double)c->save_every);
    put(out, "keep_last", (double)c->keep_last);
    put(out, "keep_every", (double)c->keep_every);
    buf_adds(out, "}}");
    return buf_ok(out, e);
}

static int put_common(const struct train_job *job, const char *kind, enum dtype dtype, struct buf *out, struct err *e)
{
    buf_printf(out, "{\"format\":\"llmz\",\"kind\":\"%s\",\"model\":", kind);
    model_config_print(job->model, out);
    if (job->tokenizer) {
        buf_adds(out, ",\"tokenizer\":");
        buf_adds_json(out, job->tokenizer);
    }
    if (job->chat_template) {
        buf_adds(out, ",\"chat_template\":");
        buf_adds_json(out, job->chat_template);
    }
    buf_adds(out, ",\"data\":");
    if (put_data(job, out, e)) return -1;
    buf_printf(out, ",\"provenance\":{\"llmctl\":\"%s\"", job->version);
    if (dtype == DT_BF16) buf_printf(out, ",\"bf16_products\":\"%s\"", kernels_sums_name(kernels_get()->sums));
    buf_printf(out, "},\"lineage\":%s", job->lineage ? job->lineage : "[]");
    return 0;
}

int manifest_train(const struct train_job *job, enum dtype dtype, const struct train_state *s, struct buf *out,
                   struct err *e)
{
    if (put_common(job, "train", dtype, out, e)) return -1;
    buf_adds(out, ",\"train\":{\"config\":");
    put_train(job, dtype, out);
    buf_adds(out, ",\"state\":");
    train_state_print(s, out);
    buf_adds(out, "}}");
    return buf_ok(out, e);
}

int manifest_model(const struct train_job *job, enum dtype dtype, const struct train_state *s,
                   const struct train_vals *v, struct buf *out, struct err *e)
{
    if (put_common(job, "model", dtype, out, e)) return -1;
    buf_adds(out, ",\"train\":{\"config\":");
    put_train(job, dtype, out);
    buf_printf(out, ",\"step\":%lld,\"updates\":%lld,\"tokens\":%lld", (long long)s->step,
               (long long)s->updates, (long long)s->tokens);
    if (isfinite(v->loss)) put(out, "val_loss", v->loss);
    if (isfinite(v->bpb)) put(out, "val_bpb", v->bpb);
    buf_adds(out, "}}");
    return buf_ok(out, e);
}
