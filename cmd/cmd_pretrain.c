/* pretrain: options to a job, and the job to core/train. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/data_args.h"
#include "cmd/pretrain_task.h"
#include "cmd/train_sample.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/token/chat_file.h"
#include "core/train/loop.h"
#include "core/train/plan.h"

struct pretrain_cfg {
    struct opt_common common;
    /* input and output */
    struct opt_list data;
    const char *tokenizer, *out, *val;
    double val_fraction;
    int pack;
    /* model */
    const char *preset, *model, *family;
    int64_t depth, layers, width, heads, context;
    struct opt_list set;
    double dropout;
    struct task_opts task;
    /* length */
    int64_t steps, tokens, max_length, batch, accum, leaves;
    double epochs;
    /* optimization */
    int optimizer, schedule, dtype, recompute, resume;
    double lr, min_lr, muon_lr, decay_frac, weight_decay, beta1, beta2, eps, momentum, clip;
    double label_smoothing, z_loss, spike;
    int64_t warmup, seed, max_skips, max_rollbacks;
    /* along the way */
    int64_t eval_every, early_stop, sample_every, save_every, keep_last, keep_every;
    const char *sample_prompt;
    bool plan, profile;
};

enum pack { PACK_WINDOWS, PACK_DOCUMENTS, PACK_CONCAT };

// clang-format off
static const struct opt opts[] = {
#define C struct pretrain_cfg
    OPT_GROUP("Input and output"),
    OPT_LIST(0, "data", C, data, "PATH:WEIGHT", "Input with its share of the batches (repeatable)"),
    OPT_STR('t', "tokenizer", C, tokenizer, "FILE", NULL, "tokenizer.json, when an input is plain text"),
    OPT_STR('o', "out", C, out, "RUN", NULL, "Run directory; an existing run is resumed"),
    OPT_STR(0, "val", C, val, "PATH", NULL, "Validation set: token shards or text"),
    OPT_F64(0, "val-fraction", C, val_fraction, "X", "0", 0, 0.9, "Keep the last share of the inputs for validation"),
    OPT_ENUM(0, "pack", C, pack, "windows|documents|concat", "windows", "Shuffled windows, whole documents, or windows that ignore borders"),
    OPT_GROUP("Model"),
    OPT_STR('p', "preset", C, preset, "NAME", NULL, "Built-in description; list prints all"),
    OPT_STR('m', "model", C, model, "FILE", NULL, "Description of the model as JSON"),
    OPT_INT('d', "depth", C, depth, "N", NULL, 1, 1000, "Derive all sizes from the number of layers"),
    OPT_STR(0, "family", C, family, "NAME", "llama", "Family for --depth: gpt2, llama, qwen2, qwen3, gpt_neox"),
    OPT_INT(0, "layers", C, layers, "N", NULL, 1, 1000, "Layers"),
    OPT_INT(0, "width", C, width, "N", NULL, 1, 1000000, "Width of the residual stream"),
    OPT_INT(0, "heads", C, heads, "N", NULL, 1, 10000, "Attention heads"),
    OPT_INT(0, "context", C, context, "N", NULL, 1, 10000000, "Longest sequence of the model"),
    OPT_LIST(0, "set", C, set, "KEY=VALUE", "Change a key of the description (repeatable)"),
    OPT_F64(0, "dropout", C, dropout, "X", NULL, 0, 0.99, "Dropout everywhere; default: what the description says"),
    OPT_TASK(C, task),
    OPT_GROUP("Length of the run"),
    OPT_INT('n', "steps", C, steps, "N", NULL, 1, 1e12, "Optimizer steps (default 1000)"),
    OPT_F64(0, "epochs", C, epochs, "X", NULL, 0, 1e9, "Instead of --steps: times through the data"),
    OPT_INT(0, "tokens", C, tokens, "N", NULL, 1, 1e18, "Instead of --steps: tokens to learn from"),
    OPT_INT('b', "batch", C, batch, "N", "16", 1, 1000000, "Sequences a step"),
    OPT_INT(0, "max-length", C, max_length, "N", NULL, 1, 10000000, "Tokens a sequence (default: the context)"),
    OPT_INT(0, "accum", C, accum, "N", "1", 1, 65536, "Split a step to save memory; results stay the same"),
    OPT_INT(0, "leaves", C, leaves, "N", NULL, 1, 65536, "Groups of sequences whose gradients are added as a tree (default: up to 8)"),
    OPT_GROUP("Optimization"),
    OPT_ENUM(0, "optimizer", C, optimizer, OPTIM_CHOICES, "adamw", "Muon takes hidden matrices, AdamW the rest"),
    OPT_F64(0, "lr", C, lr, "X", NULL, 0, 10, "Peak learning rate (default: 0.5 / width, at most 2e-3)"),
    OPT_F64(0, "min-lr", C, min_lr, "X", NULL, 0, 10, "Floor of the schedule (default: lr / 10)"),
    OPT_F64(0, "muon-lr", C, muon_lr, "X", "0.02", 0, 10, "Peak learning rate of Muon"),
    OPT_ENUM(0, "schedule", C, schedule, SCHEDULE_CHOICES, "cosine", "How the learning rate falls"),
    OPT_INT(0, "warmup", C, warmup, "N", NULL, 0, 1e12, "Steps of linear rise (default: 5 % of the steps, at most 1000)"),
    OPT_F64(0, "decay-fraction", C, decay_frac, "X", "0.2", 0, 1, "Share of the steps in which WSD falls"),
    OPT_F64(0, "weight-decay", C, weight_decay, "X", "0.1", 0, 10, "Decoupled weight decay of matrices"),
    OPT_F64(0, "beta1", C, beta1, "X", "0.9", 0, 0.999999, "AdamW: decay of the first moment"),
    OPT_F64(0, "beta2", C, beta2, "X", "0.95", 0, 0.999999, "AdamW: decay of the second moment"),
    OPT_F64(0, "eps", C, eps, "X", "1e-8", 0, 1, "AdamW: added to the root"),
    OPT_F64(0, "momentum", C, momentum, "X", "0.95", 0, 0.999999, "Muon: momentum"),
    OPT_F64(0, "clip", C, clip, "X", "1", 0, 1e9, "Longest gradient (global norm); 0 = no clipping"),
    OPT_F64(0, "label-smoothing", C, label_smoothing, "X", "0", 0, 0.99, "Share of the target spread over the vocabulary"),
    OPT_F64(0, "z-loss", C, z_loss, "X", "0", 0, 1, "Coefficient of log^2 of the normalizer"),
    OPT_INT('s', "seed", C, seed, "N", "1", 0, 1e15, "Of initial weights, data order and dropout"),
    OPT_ENUM(0, "dtype", C, dtype, "auto|bf16|f32", "auto", "Arithmetic; auto = bf16 where the CPU is faster in it"),
    OPT_ENUM(0, "recompute", C, recompute, "none|block", "none", "Compute blocks again instead of storing them"),
    OPT_GROUP("Guards"),
    OPT_F64(0, "spike", C, spike, "X", "6", 0, 1e6, "Standard deviations that make a spike of loss or gradient; 0 = never"),
    OPT_INT(0, "max-skips", C, max_skips, "N", "5", 1, 1000000, "Skipped steps in a row before rolling back to a checkpoint"),
    OPT_INT(0, "max-rollbacks", C, max_rollbacks, "N", "3", 0, 1000, "Roll backs before giving up (at once without a checkpoint)"),
    OPT_GROUP("Along the way"),
    OPT_INT(0, "eval-every", C, eval_every, "N", "250", 0, 1e12, "Steps between validations; 0 = only at the end"),
    OPT_INT(0, "early-stop", C, early_stop, "N", "0", 0, 1000000, "Stop after N validations without progress; 0 = never"),
    OPT_INT(0, "sample-every", C, sample_every, "N", "500", 0, 1e12, "Steps between samples of text (RUN/samples); 0 = none"),
    OPT_STR(0, "sample-prompt", C, sample_prompt, "TEXT", NULL, "What samples begin with (default: a new line)"),
    OPT_INT(0, "save-every", C, save_every, "N", "500", 0, 1e12, "Steps between checkpoints; 0 = only at the end"),
    OPT_INT(0, "keep-last", C, keep_last, "K", "2", 1, 1000000, "Keep the newest K checkpoints"),
    OPT_INT(0, "keep-every", C, keep_every, "N", "0", 0, 1e12, "And each checkpoint of a multiple of N steps"),
    OPT_ENUM(0, "resume", C, resume, "auto|never|force", "auto", "force goes on although options differ"),
    OPT_BOOL(0, "plan", C, plan, NULL, "Print memory, disk and time, and stop; needs no data"),
    OPT_BOOL(0, "profile", C, profile, NULL, "Print the time of each kind of operation"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};
// clang-format on

/* Everything that lives as long as the job. */
struct work {
    const struct cmd *cmd;
    const struct opt_result *r;
    struct pretrain_cfg cfg;
    struct pool *pool;
    struct tokenizer *tok;
    struct data_sets data, val;
    struct pairs *pairs, *val_pairs;
    struct task task;
    struct model_config model;
    struct buf tok_json, chat_template, lineage, command;
    struct train_sampler sampler;
    struct train_job job;
};

static void work_free(struct work *w)
{
    task_close(&w->task);
    pairs_free(w->pairs);
    pairs_free(w->val_pairs);
    data_sets_free(&w->data);
    data_sets_free(&w->val);
    tok_free(w->tok);
    buf_free(&w->tok_json);
    buf_free(&w->chat_template);
    buf_free(&w->lineage);
    buf_free(&w->command);
    pool_free(w->pool);
}

static bool given(const struct work *w, const char *name)
{
    return opt_is_set(w->cmd, w->r, name);
}

static int check(const struct work *w, struct err *e)
{
    const struct pretrain_cfg *c = &w->cfg;
    if (w->r->n_args == 0 && c->data.n == 0 && !c->plan)
        return err_set(e, ERR_USAGE, "no input: give token shards or text");
    if (w->r->n_args > 0 && c->data.n > 0)
        return err_set(e, ERR_USAGE, "give all inputs with --data PATH:WEIGHT, or all without weights");
    if (!c->out && !c->plan) return err_set(e, ERR_USAGE, "--out RUN is required");
    if (c->val && c->val_fraction > 0) return err_set(e, ERR_USAGE, "--val and --val-fraction exclude each other");
    if (given(w, "preset") + given(w, "model") + given(w, "depth") > 1)
        return err_set(e, ERR_USAGE, "--preset, --model and --depth exclude each other");
    if (given(w, "steps") + given(w, "epochs") + given(w, "tokens") > 1)
        return err_set(e, ERR_USAGE, "--steps, --epochs and --tokens exclude each other");
    if (c->early_stop && (!c->eval_every || !(c->val || c->val_fraction > 0)))
        return err_set(e, ERR_USAGE, "--early-stop needs --eval-every and a validation set");
    return 0;
}

static int open_sets(struct work *w, struct err *e)
{
    const struct pretrain_cfg *c = &w->cfg;
    if (c->tokenizer && !(w->tok = tok_load(c->tokenizer, e))) return -1;
    if (c->tokenizer && file_is_dir(c->tokenizer) && chat_file_in(c->tokenizer, &w->chat_template, NULL, e) < 0) return -1;
    for (int i = 0; i < w->r->n_args; i++)
        if (data_sets_add(&w->data, w->r->args[i], false, w->tok, e)) return -1;
    for (size_t i = 0; i < c->data.n; i++)
        if (data_sets_add(&w->data, c->data.v[i], true, w->tok, e)) return -1;
    if (c->tokenizer) {
        if (tok_to_json(w->tok, &w->tok_json, e)) return -1;
    } else {
        data_sets_tokenizer(&w->data, &w->tok_json);
    }
    if (buf_ok(&w->tok_json, e)) return -1;
    if (!w->tok && w->tok_json.len &&
        !(w->tok = tok_parse(w->tok_json.data, w->tok_json.len, "the shards' tokenizer", e)))
        return -1;
    if (c->val && data_sets_add(&w->val, c->val, false, w->tok, e)) return -1;
    if (!w->data.n) return 0; /* a plan */
    uint64_t hash = tokset_get_info(w->data.v[0].set)->tok_hash;
    return data_sets_check(&w->data, hash, e) || data_sets_check(&w->val, hash, e) ? -1 : 0;
}

/* Sources with targets are tokenized here; they cannot come as shards. */
static int open_pairs(struct work *w, struct err *e)
{
    const struct pretrain_cfg *c = &w->cfg;
    if (c->data.n) return err_set(e, ERR_USAGE, "--objective seq2seq takes files of pairs as operands, not --data");
    if (!c->tokenizer) return err_set(e, ERR_USAGE, "--objective seq2seq needs --tokenizer FILE");
    if (!(w->tok = tok_load(c->tokenizer, e)) || tok_to_json(w->tok, &w->tok_json, e)) return -1;
    if (!(w->pairs = task_load_pairs(&c->task, w->r->args, (size_t)w->r->n_args, w->tok, e))) return -1;
    char *val[] = {(char *)c->val};
    if (c->val && !(w->val_pairs = task_load_pairs(&c->task, val, 1, w->tok, e))) return -1;
    return 0;
}

static int open_task(struct work *w, struct err *e)
{
    const struct pretrain_cfg *c = &w->cfg;
    if (c->max_length > w->model.max_pos || c->task.source_length > w->model.max_pos)
        return err_set(e, ERR_USAGE, "%s %lld is more than the model's context %d",
                       c->max_length > w->model.max_pos ? "--max-length" : "--source-length",
                       (long long)(c->max_length > w->model.max_pos ? c->max_length : c->task.source_length),
                       w->model.max_pos);
    struct task_in in = {.opts = &c->task,
                         .model = &w->model,
                         .tok = w->tok,
                         .plan = c->plan,
                         .data = &w->data,
                         .val = &w->val,
                         .pairs = w->pairs,
                         .val_pairs = w->val_pairs,
                         .val_fraction = c->val_fraction,
                         .order = c->pack == PACK_DOCUMENTS ? LOADER_DOCUMENTS : LOADER_WINDOWS,
                         .concat = c->pack == PACK_CONCAT,
                         .seed = (uint64_t)c->seed,
                         .batch = (int)c->batch,
                         .max_length = (int)c->max_length,
                         .label_smoothing = c->label_smoothing,
                         .z_loss = c->z_loss};
    return task_open(&w->task, &in, e);
}

/* Of the data; 0 = there is none yet: as the model has it. */
static int64_t data_vocab(const struct work *w)
{
    if (w->data.n) return tokset_get_info(w->data.v[0].set)->vocab;
    return w->tok ? tok_vocab_size(w->tok) : 0;
}

static int describe_model(struct work *w, struct err *e)
{
    const struct pretrain_cfg *c = &w->cfg;
    struct model_config *m = &w->model;
    int ret;
    if (c->model) {
        struct cJSON *j = json_read_file(c->model, &(struct json_limits){.comments = true}, e);
        ret = j ? model_config_parse(m, j, c->model, e) : -1;
        json_free(j);
    } else if (c->depth) {
        ret = model_config_depth(m, c->family, (int)c->depth, e);
    } else {
        ret = model_config_preset(m, c->preset ? c->preset : "llama-tiny", e);
    }
    struct model_dims d = {.layers = c->layers, .width = c->width, .heads = c->heads, .context = c->context,
                           .vocab = data_vocab(w)};
    bool spans =
        m->stack == STACK_ENCDEC && c->task.objective != TASK_SEQ2SEQ && w->tok && tok_id(w->tok, "<extra_id_0>") < 0;
    if (!ret && spans) d.vocab += TASK_SENTINELS; /* the tokenizer has none: ids of their own */
    if (ret || model_config_resize(m, &d, e)) return -1;
    if (c->set.n && model_config_set(m, (const char *const *)c->set.v, c->set.n, e)) return -1;
    if (m->vocab < d.vocab)
        return err_set(e, ERR_CONFIG, "vocab %d of the model is smaller than the tokenizer's %lld", m->vocab,
                       (long long)d.vocab);
    if (given(w, "dropout")) m->dropout_embed = m->dropout_attn = m->dropout_resid = c->dropout;
    return 0;
}

static int64_t count_steps(const struct work *w)
{
    const struct pretrain_cfg *c = &w->cfg;
    double n = given(w, "epochs")   ? c->epochs * w->task.rows_per_epoch / (double)c->batch
               : given(w, "tokens") ? (double)c->tokens / ((double)c->batch * w->job.cfg.T)
               : given(w, "steps")  ? (double)c->steps
                                    : 1000;
    return n < 1 ? 1 : (int64_t)ceil(n);
}

/* 6e-4 at width 768, as GPT-3 has it, and 2e-3 for small models: there it beat
 * 1e-3 on tinyshakespeare (4 layers, width 128, 2000 steps: 1.80 against 1.89). */
static double default_lr(int width)
{
    return fmin(2e-3, 0.5 / width);
}

static int fill_schedule(struct work *w, struct err *e)
{
    const struct pretrain_cfg *c = &w->cfg;
    int64_t steps = count_steps(w), warmup = steps / 20 < 1000 ? steps / 20 : 1000;
    double lr = given(w, "lr") ? c->lr : default_lr(w->model.d_model);
    w->job.cfg.schedule = (struct schedule){
        .kind = (enum schedule_kind)c->schedule, .lr = lr, .min_lr = given(w, "min-lr") ? c->min_lr : lr / 10,
        .warmup = given(w, "warmup") ? c->warmup : warmup, .steps = steps, .decay_frac = c->decay_frac};
    if (w->job.cfg.schedule.min_lr > lr) return err_set(e, ERR_USAGE, "--min-lr is above --lr (%g)", lr);
    return 0;
}

static int fill_cfg(struct work *w, struct err *e)
{
    const struct pretrain_cfg *c = &w->cfg;
    struct train_cfg *t = &w->job.cfg;
    *t = (struct train_cfg){
        .out = c->out, .batch = (int)c->batch, .T = w->task.T,
        .leaves = c->leaves ? (int)c->leaves : step_default_leaves((int)c->batch, (int)c->accum),
        .dtype = (enum train_dtype)c->dtype,
        .optim = {.kind = (enum optim_kind)c->optimizer, .beta1 = c->beta1, .beta2 = c->beta2, .eps = c->eps,
                  .weight_decay = c->weight_decay, .muon_momentum = c->momentum},
        .muon_lr = c->muon_lr, .clip = c->clip, .label_smoothing = c->label_smoothing, .z_coef = c->z_loss,
        .seed = (uint64_t)c->seed,
        .guard = {.sigma = c->spike, .max_skips = (int)c->max_skips, .max_rollbacks = (int)c->max_rollbacks},
        .early_stop = c->early_stop, .eval_every = c->eval_every,
        .threads = pool_threads(w->pool), .accum = (int)c->accum, .recompute = c->recompute,
        .sample_every = c->sample_every, .save_every = c->save_every, .keep_last = c->keep_last,
        .keep_every = c->keep_every, .resume = (enum train_resume)c->resume, .profile = c->profile,
    };
    return fill_schedule(w, e);
}

/* The command line, quoted for a shell. */
static void put_command(struct buf *b, int argc, char **argv)
{
    buf_adds(b, "llmctl");
    for (int i = 0; i < argc; i++) {
        bool plain = argv[i][0] && argv[i][strspn(argv[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                           "0123456789_-+=./:,@%")] == 0;
        buf_adds(b, plain ? " " : " '");
        for (const char *p = argv[i]; *p; p++) {
            if (*p == '\'') buf_adds(b, "'\\''");
            else buf_addc(b, *p);
        }
        if (!plain) buf_addc(b, '\'');
    }
}

static int make_job(struct work *w, int argc, char **argv, struct err *e)
{
    if (!(w->pool = pool_new((int)w->cfg.common.threads, e))) return -1;
    bool pairs = w->cfg.task.objective == TASK_SEQ2SEQ && (w->r->n_args || w->cfg.data.n); /* else a plan */
    if (pairs ? open_pairs(w, e) : open_sets(w, e)) return -1;
    if (describe_model(w, e)) return -1;
    if (!w->data.n && !w->pairs && data_sets_add_blank(&w->data, w->model.vocab, 4 * (size_t)w->model.max_pos + 64, e)) return -1;
    if (open_task(w, e) || fill_cfg(w, e)) return -1;
    data_sets_lineage(&w->data, &w->lineage);
    put_command(&w->command, argc, argv);
    if (buf_ok(&w->lineage, e) || buf_ok(&w->command, e)) return -1;
    struct train_job *j = &w->job;
    j->model = &w->model;
    j->objective = w->task.objective;
    j->data = w->task.src;
    j->val = w->task.val;
    j->val_steps = w->task.val_steps;
    j->tokenizer = w->tok_json.data;
    j->chat_template = w->chat_template.data;
    j->lineage = w->lineage.data;
    j->command = w->command.data;
    j->version = LLMCTL_VERSION;
    j->pool = w->pool;
    if (!w->tok || !w->task.writes_text) return 0;
    w->sampler = (struct train_sampler){&w->model, w->tok, w->cfg.sample_prompt ? w->cfg.sample_prompt : "\n",
                                        (uint64_t)w->cfg.seed, w->pool};
    j->sample = train_sample;
    j->sample_arg = &w->sampler;
    return 0;
}

/* Options that were given and change nothing: a mistake more often than not. */
static void warn_unused(const struct work *w)
{
    const struct pretrain_cfg *c = &w->cfg;
    bool wsd = c->schedule == SCHED_WSD || c->schedule == SCHED_WSD_SQRT;
    const struct { const char *option, *when; bool used; } settings[] = {
        {"family", "without --depth", c->depth > 0},
        {"muon-lr", "with this --optimizer", c->optimizer == OPTIM_MUON},
        {"momentum", "with this --optimizer", c->optimizer == OPTIM_MUON},
        {"decay-fraction", "with this --schedule", wsd},
        {"min-lr", "with this --schedule", c->schedule != SCHED_CONST},
        {"sample-prompt", "with --sample-every 0", c->sample_every > 0},
        {"max-rollbacks", "with --save-every 0", c->save_every > 0},
    };
    static const struct { const char *option, *objectives; } tasks[] = {
        {"mask-rate", " mlm span electra "}, {"mask-unit", " mlm electra "}, {"mask-copies", " mlm electra "},
        {"span-mean", " span "}, {"generator-size", " electra "}, {"rtd-weight", " electra "},
        {"source-length", " span ul2 seq2seq "}, {"source-field", " seq2seq "}, {"target-field", " seq2seq "}};
    char objective[32];
    snprintf(objective, sizeof objective, " %s ", w->task.lm.base.name);
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (given(w, settings[i].option) && !settings[i].used)
            log_warn("--%s does nothing %s", settings[i].option, settings[i].when);
    for (size_t i = 0; i < COUNT_OF(tasks); i++)
        if (given(w, tasks[i].option) && !strstr(tasks[i].objectives, objective))
            log_warn("--%s does nothing with --objective %s", tasks[i].option, w->task.lm.base.name);
}

static int print_plan(struct work *w, struct err *e)
{
    struct train_plan p;
    struct buf b = {0};
    if (train_plan(&w->job, true, &p, e)) return -1;
    if (!w->r->n_args && !w->cfg.data.n) p.tokens_epoch = 0;
    if (w->cfg.common.json) train_plan_json(&p, &b);
    else train_plan_print(&p, &w->job.cfg, &b);
    int ret = buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

static void put_num(struct buf *b, const char *key, double v)
{
    if (isfinite(v)) buf_printf(b, ",\"%s\":%.17g", key, v);
}

static int print_result(const struct work *w, const struct train_result *r, struct err *e)
{
    const char *out = w->cfg.out;
    if (!w->cfg.common.json) {
        if (r->was_done) log_info("the run is complete (%lld steps); nothing to do", (long long)r->steps);
        if (isfinite(r->val_bpb)) log_info("validation loss %.4f, %.4f bits per byte", r->val_loss, r->val_bpb);
        else if (isfinite(r->val_loss)) log_info("validation loss %.4f", r->val_loss);
        log_info("model: %s/model.llmz, report: %s/report.html", out, out);
        return 0;
    }
    struct buf b = {0};
    buf_adds(&b, "{\"run\":");
    buf_adds_json(&b, out);
    buf_printf(&b, ",\"steps\":%lld,\"tokens\":%lld,\"was_done\":%s", (long long)r->steps, (long long)r->tokens,
               r->was_done ? "true" : "false");
    put_num(&b, "loss", r->loss);
    put_num(&b, "val_loss", r->val_loss);
    put_num(&b, "val_bpb", r->val_bpb);
    put_num(&b, "seconds", r->seconds);
    put_num(&b, "tokens_per_second", r->tokens_per_s);
    put_num(&b, "memory_bytes", (double)r->bytes);
    buf_adds(&b, "}\n");
    int ret = buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

/* --preset list: what there is, with its size. */
static int print_presets(struct err *e)
{
    static const char *const stacks[] = {
        [STACK_DECODER] = "decoder", [STACK_ENCODER] = "encoder", [STACK_ENCDEC] = "encoder-decoder"};
    struct model_config *m = mem_alloc(1, sizeof *m);
    struct buf b = {0};
    int ret = m ? 0 : err_oom(e, sizeof *m, "a description");
    for (const char *const *name = model_preset_names(); *name && !ret; name++) {
        ret = model_config_preset(m, *name, e);
        double millions = ret ? 0 : (double)model_n_params(m) / 1e6;
        if (!ret)
            buf_printf(&b, "%-24s %-16s %4d layers  width %-5d context %-7d %10.*f M\n", *name, stacks[m->stack], m->n_layers,
                       m->d_model, m->max_pos, millions < 10 ? 1 : 0, millions);
    }
    if (!ret && (buf_ok(&b, e) || out_write(b.data, b.len, e))) ret = -1;
    buf_free(&b);
    free(m);
    return ret;
}

static int run(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct opt_result r;
    struct work w = {.cmd = self, .r = &r};
    struct train_result res;
    int ret = opt_parse(self, &w.cfg, argc, argv, &r, e);
    if (ret || r.exit_now) goto out;
    if (w.cfg.preset && strcmp(w.cfg.preset, "list") == 0) {
        ret = print_presets(e);
        goto out;
    }
    ret = -1;
    if (check(&w, e) || make_job(&w, argc, argv, e)) goto out;
    warn_unused(&w);
    if (w.cfg.plan) ret = print_plan(&w, e);
    else if (!train_run(&w.job, &res, e)) ret = print_result(&w, &res, e);
out:
    work_free(&w);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_pretrain = {
    .name = "pretrain",
    .summary = "Train a base model from token shards or text",
    .usage = "[options] INPUT... --out RUN",
    .examples = "  llmctl pretrain train.tok --val val.tok --preset llama-tiny --out run\n"
                "  llmctl pretrain book.txt --tokenizer tokenizer.json --depth 4 --out run\n"
                "  llmctl pretrain --data web.tok:3 --data code.tok:1 --epochs 1 --out run\n"
                "  llmctl pretrain --preset gpt2 --batch 4 --plan\n"
                "  llmctl pretrain pairs.jsonl -t tok.json -m t5.json --objective seq2seq -o run\n",
    .details = "A run that exists is resumed; with the same options it continues bit for bit.\n"
               "The first SIGINT, SIGTERM, SIGUSR1, SIGHUP or a file RUN/stop ends it after the\n"
               "step under way with a checkpoint (status 75), the second at once. SIGUSR2: a\n"
               "checkpoint, and on.\n\n"
               "Objectives. lm: the next token. prefix: the same, but a beginning of each\n"
               "document is seen from both sides. mlm: of 'the cat sat' the encoder sees\n"
               "'the [MASK] sat' and tells 'cat'. span: the encoder reads 'the <0> on the mat',\n"
               "the decoder writes '<0> cat sat'. ul2: seven kinds of that, from short spans to\n"
               "the whole rest. electra: a small masked model fills the masks, the model tells\n"
               "which tokens are not the original. seq2seq: JSONL, CSV or TSV with a source and\n"
               "a target (translation, summaries, answers).\n\n"
               "Presets: gpt2, llama-15m, qwen3-0.6b, mixtral-nano, rwkv7-nano, bert-base,\n"
               "modernbert-base, t5-small, transformer-base and many more: --preset list\n"
               "prints them with their sizes.\n",
    .opts = opts,
    .run = run,
};
