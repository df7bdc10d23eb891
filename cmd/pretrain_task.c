#include "cmd/pretrain_task.h"

#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"

static const char *const names[] = {"auto", "lm", "prefix", "mlm", "span", "ul2", "seq2seq", "electra"};

static enum task_kind kind_of(const struct task_in *in)
{
    if (in->opts->objective != TASK_AUTO) return (enum task_kind)in->opts->objective;
    if (in->model->head == HEAD_RTD) return TASK_ELECTRA;
    return in->model->stack == STACK_ENCODER ? TASK_MLM : in->model->stack == STACK_ENCDEC ? TASK_SPAN : TASK_LM;
}

static int check(const struct task_in *in, enum task_kind k, struct err *e)
{
    static const char *const stacks[] = {
        [STACK_DECODER] = "a decoder", [STACK_ENCODER] = "an encoder", [STACK_ENCDEC] = "an encoder-decoder"};
    const struct model_config *m = in->model;
    enum stack_type want = k == TASK_LM || k == TASK_PREFIX     ? STACK_DECODER
                           : k == TASK_MLM || k == TASK_ELECTRA ? STACK_ENCODER
                                                                : STACK_ENCDEC;
    if (model_scores(m))
        return err_set(e, ERR_CONFIG, "head.type %s is not pretrained: take lm or mlm",
                       m->head == HEAD_CLS ? "cls" : "reward");
    if (m->stack != want)
        return err_set(e, ERR_CONFIG, "--objective %s trains %s, the model is %s (stack)", names[k], stacks[want],
                       stacks[m->stack]);
    if (k == TASK_MLM && m->head != HEAD_MLM)
        return err_set(e, ERR_CONFIG, "--objective mlm needs head.type mlm in the model");
    if (in->plan) return 0;
    if (k != TASK_LM && !in->tok)
        return err_set(e, ERR_USAGE, "--objective %s needs to know the tokens: give --tokenizer FILE", names[k]);
    return 0;
}

/* Training and validation source; *plain_val is the loader inside of val. */
static int open_text(struct task *t, const struct task_in *in, struct batch_source **plain_val, struct err *e)
{
    double cut = in->val_fraction > 0 ? 1 - in->val_fraction : 1;
    t->src = data_sets_source(in->data, 0, cut, in->seed, in->order, in->concat, e);
    if (!t->src) return -1;
    if (!in->val->n && cut >= 1) return 0;
    t->val = in->val->n ? data_sets_source(in->val, 0, 1, 0, LOADER_SEQUENTIAL, in->concat, e)
                        : data_sets_source(in->data, cut, 1, 0, LOADER_SEQUENTIAL, in->concat, e);
    *plain_val = t->val;
    return t->val ? 0 : -1;
}

static int open_mlm(struct task *t, const struct task_in *in, struct err *e)
{
    const struct task_opts *o = in->opts;
    bool electra = in->model->head == HEAD_RTD; /* masks 85 % of its choice, draws none at random */
    struct mlm_cfg c = {.ids = &t->ids, .seed = in->seed, .rate = o->mask_rate, .mask = electra ? 0.85 : 0.8,
                        .random = electra ? 0 : 0.1,
                        .whole_word = o->mask_unit == 1, .copies = (int)o->mask_copies};
    t->lm.targets_per_row = mlm_max_targets(o->mask_rate, t->T);
    t->src = mlm_source(t->src, &c, e);
    if (!t->src) return -1;
    if (t->val) t->val = mlm_source(t->val, &c, e);
    return in->val->n && !t->val ? -1 : 0;
}

/* "<extra_id_0>" ... by name; else the ids that the model has beyond the tokenizer's. */
static void find_sentinels(struct span_cfg *c, const struct task_in *in)
{
    if (!in->tok) { /* a plan */
        c->first_sentinel = c->n_sentinels = in->model->vocab - 1;
        c->step_sentinel = -1;
        return;
    }
    int first = tok_id(in->tok, "<extra_id_0>"), second = tok_id(in->tok, "<extra_id_1>");
    int spare = in->model->vocab - tok_vocab_size(in->tok);
    if (first < 0) {
        c->first_sentinel = in->model->vocab - 1;
        c->step_sentinel = -1;
        c->n_sentinels = spare;
        return;
    }
    c->first_sentinel = first;
    c->step_sentinel = second < first ? -1 : 1;
    for (c->n_sentinels = 1;; c->n_sentinels++) {
        char name[32];
        snprintf(name, sizeof name, "<extra_id_%d>", c->n_sentinels);
        if (tok_id(in->tok, name) != first + c->n_sentinels * c->step_sentinel) break;
    }
}

/* UL2's seven: short and long spans, much and little of them, and the end. */
static void mix_denoisers(struct span_cfg *c, const struct tokenizer *t)
{
    int nlu = t ? tok_id(t, "[NLU]") : -1, nlg = t ? tok_id(t, "[NLG]") : -1, s2s = t ? tok_id(t, "[S2S]") : -1;
    const struct denoiser mix[] = {{3, .15, nlu}, {8, .15, nlu}, {3, .5, nlg}, {8, .5, nlg},
                                   {64, .15, nlg}, {64, .5, nlg}, {0, .25, s2s}};
    memcpy(c->d, mix, sizeof mix);
    c->n = (int)(sizeof mix / sizeof *mix);
    if (t && (nlu < 0 || nlg < 0 || s2s < 0))
        log_warn("the tokenizer has no [NLU], [NLG], [S2S]; the denoisers are not told apart by a mode token");
}

static int decoder_start(const struct task_in *in)
{
    if (in->model->decoder_start >= 0 || !in->tok) return in->model->decoder_start >= 0 ? in->model->decoder_start : 0;
    return tok_bos(in->tok) >= 0 ? tok_bos(in->tok) : tok_eos(in->tok) >= 0 ? tok_eos(in->tok) : 0;
}

/* Target tokens that a source of S tokens leaves, for the denoisers that cut spans. */
static int target_length(const struct span_cfg *c)
{
    int most = 2;
    for (int i = 0; i < c->n; i++) {
        if (c->d[i].mean <= 0) continue;
        int raw = span_raw_length(&c->d[i], c->S, 64 * c->S), T = 2; /* 64: as good as no limit */
        while (span_raw_length(&c->d[i], c->S, T) < raw)
            T++;
        if (T > most) most = T;
    }
    return most;
}

static int open_span(struct task *t, const struct task_in *in, enum task_kind k, struct batch_source *plain_val, struct err *e)
{
    const struct task_opts *o = in->opts;
    struct span_cfg c = {.ids = &t->ids, .seed = in->seed, .d = {{o->span_mean, o->mask_rate, -1}}, .n = 1,
                         .decoder_start = decoder_start(in),
                         .S = o->source_length ? (int)o->source_length : in->model->max_pos};
    if (k == TASK_UL2) mix_denoisers(&c, in->tok);
    find_sentinels(&c, in);
    /* Of pairs it stands in for a plan: as long as they may be. */
    c.T = in->max_length || k == TASK_SEQ2SEQ ? t->T : target_length(&c);
    t->T = c.T;
    t->lm.base.S = c.S;
    int raw = 0;
    for (int i = 0; i < c.n; i++) {
        int len = span_raw_length(&c.d[i], c.S, c.T);
        if (len > raw) raw = len;
    }
    t->rows_per_epoch = raw ? (double)t->src->n_tokens / raw : 0;
    if (plain_val && raw) t->val_steps = loader_steps(plain_val, in->batch, raw);
    t->src = span_source(t->src, &c, e);
    if (!t->src) return -1;
    if (!t->val) return 0;
    t->val = span_source(t->val, &c, e);
    return t->val ? 0 : -1;
}

static int open_pairs(struct task *t, const struct task_in *in, struct err *e)
{
    double cut = in->val_fraction > 0 ? 1 - in->val_fraction : 1;
    struct pairs_cfg c = {.pairs = in->pairs, .from = 0, .to = cut, .seed = in->seed,
                          .S = in->opts->source_length ? (int)in->opts->source_length : in->model->max_pos,
                          .T = t->T, .decoder_start = decoder_start(in)};
    t->lm.base.S = c.S;
    if (!(t->src = pairs_source(&c, e))) return -1;
    uint64_t long_ones = pairs_cut(t->src);
    if (long_ones)
        log_warn("%llu pairs are longer than %d source or %d target tokens and are cut", (unsigned long long)long_ones,
                 c.S, c.T);
    t->rows_per_epoch = (double)pairs_steps(t->src, 1);
    if (!in->val_pairs && cut >= 1) return 0;
    struct pairs_cfg v = c;
    v.sequential = true;
    v.pairs = in->val_pairs ? in->val_pairs : in->pairs;
    v.from = in->val_pairs ? 0 : cut;
    v.to = 1;
    if (!(t->val = pairs_source(&v, e))) return -1;
    t->val_steps = pairs_steps(t->val, in->batch);
    return 0;
}

/* Tokens of a plan: all alike, the last one masks. */
static int stand_in(struct corrupt_ids *ids, int vocab, struct err *e)
{
    *ids = (struct corrupt_ids){.kind = mem_zalloc((size_t)vocab, 1), .n = vocab, .mask = vocab - 1, .eos = 0};
    return ids->kind ? 0 : err_oom(e, (unsigned long long)vocab, "a plan's tokens");
}

static int open_task(struct task *t, const struct task_in *in, enum task_kind k, struct err *e)
{
    struct batch_source *plain_val = NULL;
    if (k == TASK_SEQ2SEQ && in->pairs) return open_pairs(t, in, e);
    if (open_text(t, in, &plain_val, e)) return -1;
    if (k != TASK_LM && (in->tok ? corrupt_ids_init(&t->ids, in->tok, e) : stand_in(&t->ids, in->model->vocab, e))) return -1;
    if (k == TASK_SPAN || k == TASK_SEQ2SEQ || k == TASK_UL2) return open_span(t, in, k, plain_val, e);
    t->rows_per_epoch = (double)t->src->n_tokens / t->T;
    if (plain_val) t->val_steps = loader_steps(plain_val, in->batch, t->T);
    if (k == TASK_MLM || k == TASK_ELECTRA) {
        if (open_mlm(t, in, e)) return -1;
        return k == TASK_MLM ? 0
                             : objective_electra(&t->electra, in->model, in->opts->generator_size, in->opts->rtd_weight,
                                                 t->lm.targets_per_row, e);
    }
    if (k == TASK_PREFIX) {
        t->lm.base.prefix = true;
        if (!(t->src = prefix_source(t->src, in->seed, e))) return -1;
        if (t->val && !(t->val = prefix_source(t->val, in->seed, e))) return -1;
    }
    return 0;
}

struct pairs *task_load_pairs(const struct task_opts *o, char *const *paths, size_t n, const struct tokenizer *t,
                              struct err *e)
{
    struct doc_files f;
    struct pairs_stats st;
    if (doc_files_find(&f, paths, n, DOC_AUTO, e)) return NULL;
    struct pairs *p = pairs_load(&f, o->source_field, o->target_field, t, &st, e);
    doc_files_free(&f);
    if (!p) return NULL;
    log_info("%llu pairs, %llu source and %llu target tokens", (unsigned long long)st.n,
             (unsigned long long)st.source_tokens, (unsigned long long)st.target_tokens);
    if (st.bad || st.empty)
        log_warn("%llu records are no pairs%s%s, %llu have an empty side; they are left out", (unsigned long long)st.bad,
                 st.bad ? ", first " : "", st.first_bad, (unsigned long long)st.empty);
    return p;
}

int task_open(struct task *t, const struct task_in *in, struct err *e)
{
    enum task_kind k = kind_of(in);
    *t = (struct task){.T = in->max_length ? in->max_length : in->model->max_pos};
    if (check(in, k, e)) return -1;
    t->lm = objective_lm(in->label_smoothing, in->z_loss);
    t->lm.base.name = names[k];
    t->objective = k == TASK_ELECTRA ? &t->electra.base : &t->lm.base;
    t->writes_text = k == TASK_LM || k == TASK_PREFIX;
    if (!open_task(t, in, k, e)) return 0;
    task_close(t);
    return -1;
}

void task_close(struct task *t)
{
    if (t->src) t->src->close(t->src);
    if (t->val) t->val->close(t->val);
    corrupt_ids_free(&t->ids);
    t->src = t->val = NULL;
}
