/* eval: loss, perplexity, bits per byte and accuracy of a model on a text; of
 * an encoder pseudo-perplexity, of an encoder-decoder the loss on pairs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/data_args.h"
#include "core/base/log.h"
#include "core/model/saved.h"
#include "core/train/loop.h"
#include "core/train/step.h"
#include "data/corrupt.h"
#include "data/pairs.h"

struct eval_cfg {
    struct opt_common common;
    int64_t max_length, batch, source_length;
    const char *source_field, *target_field;
    int dtype;
    bool concat;
};

/* What is evaluated, and on what. */
struct job {
    const struct eval_cfg *c;
    struct saved_model m;
    struct data_sets data;
    struct corrupt_ids ids;
    struct pairs *pairs;
    struct batch_source *src;
    uint64_t steps;
    int T, S;
};

// clang-format off
static const struct opt opts[] = {
#define C struct eval_cfg
    OPT_GROUP("Evaluation"),
    OPT_INT(0, "max-length", C, max_length, "N", NULL, 1, 10000000, "Tokens a window (default: the model's context, at most 1024)"),
    OPT_INT('b', "batch", C, batch, "N", "8", 1, 65536, "Windows at a time"),
    OPT_ENUM(0, "dtype", C, dtype, "auto|bf16|f32", "auto", "Arithmetic; auto = bf16 where the CPU is faster in it"),
    OPT_BOOL(0, "concat", C, concat, NULL, "Ignore the borders of documents"),
    OPT_INT(0, "source-length", C, source_length, "N", NULL, 1, 10000000, "Encoder-decoders: source tokens a row"),
    OPT_STR(0, "source-field", C, source_field, "NAME", "source", "Encoder-decoders: member that holds the source"),
    OPT_STR(0, "target-field", C, target_field, "NAME", "target", "Encoder-decoders: member that holds the target"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};
// clang-format on

static int print_result(const struct eval_cfg *c, bool pseudo, const struct loss_sum *s, struct err *e)
{
    const char *key = pseudo ? "pseudo_perplexity" : "perplexity", *label = pseudo ? "pseudo-perplexity" : "perplexity";
    struct buf b = {0};
    double loss = s->nll / s->weight, bpb = loss_sum_bpb(s), accuracy = s->correct / s->weight;
    if (!isfinite(loss))
        return err_set(e, ERR_RESULT, "the loss is not finite: the model is damaged or overflows in this type");
    if (c->common.json) {
        buf_printf(&b, "{\"loss\":%.17g,\"%s\":%.17g,\"accuracy\":%.17g,\"tokens\":%.0f", loss, key,
                   exp(loss), accuracy, s->weight);
        if (isfinite(bpb)) buf_printf(&b, ",\"bits_per_byte\":%.17g,\"bytes\":%.0f", bpb, s->bytes);
        buf_adds(&b, "}\n");
    } else {
        buf_printf(&b, "loss           %.6f\n%-14s %.4f\n", loss, label, exp(loss));
        if (isfinite(bpb)) buf_printf(&b, "bits per byte  %.6f\n", bpb);
        buf_printf(&b, "accuracy       %.4f\ntokens         %.0f\n", accuracy, s->weight);
    }
    int ret = buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

/* ---- what the batches are ---- */

static int open_text(struct job *j, const struct opt_result *r, struct err *e)
{
    for (int i = 1; i < r->n_args; i++)
        if (data_sets_add(&j->data, r->args[i], false, j->m.tok, e)) return -1;
    if (j->m.tok && data_sets_check(&j->data, tok_hash(j->m.tok), e)) return -1;
    int vocab = tokset_get_info(j->data.v[0].set)->vocab;
    if (vocab > j->m.config.vocab)
        return err_set(e, ERR_CONFIG, "the data has %d token ids, the model %d", vocab, j->m.config.vocab);
    if (!(j->src = data_sets_source(&j->data, 0, 1, 0, LOADER_SEQUENTIAL, j->c->concat, e))) return -1;
    j->steps = loader_steps(j->src, (int)j->c->batch, j->T);
    return 0;
}

static int open_hidden(struct job *j, const struct opt_result *r, struct err *e)
{
    if (j->m.config.head == HEAD_NONE)
        return err_set(e, ERR_CONFIG, "this encoder has no head (head.type none): it gives embeddings only");
    if (j->m.config.head == HEAD_RTD)
        return err_set(e, ERR_CONFIG,
                       "this encoder (head.type rtd) tells replaced tokens and has no opinion on the right ones; a published "
                       "generator (head.type mlm) has, a run keeps the discriminator alone");
    if (!j->m.tok) return err_set(e, ERR_DATA, "'%s' holds no tokenizer, which names the mask token", r->args[0]);
    if (open_text(j, r, e) || corrupt_ids_init(&j->ids, j->m.tok, e)) return -1;
    j->src = pseudo_source(j->src, &j->ids, j->T, loader_steps(j->src, 1, j->T), e);
    if (!j->src) return -1;
    j->steps = pseudo_steps(j->src, (int)j->c->batch);
    return 0;
}

static int open_pairs(struct job *j, const struct opt_result *r, struct err *e)
{
    const struct eval_cfg *c = j->c;
    const struct model_config *m = &j->m.config;
    struct doc_files f;
    struct pairs_stats st;
    if (!j->m.tok) return err_set(e, ERR_DATA, "'%s' holds no tokenizer", r->args[0]);
    int start = m->decoder_start >= 0 ? m->decoder_start : tok_bos(j->m.tok) >= 0 ? tok_bos(j->m.tok) : tok_eos(j->m.tok);
    j->S = c->source_length ? (int)c->source_length : j->T;
    if (j->S > m->max_pos)
        return err_set(e, ERR_USAGE, "--source-length %d is more than the model's context %d", j->S, m->max_pos);
    if (doc_files_find(&f, r->args + 1, (size_t)r->n_args - 1, DOC_AUTO, e)) return -1;
    j->pairs = pairs_load(&f, c->source_field, c->target_field, j->m.tok, &st, e);
    doc_files_free(&f);
    if (!j->pairs) return -1;
    if (st.bad || st.empty)
        log_warn("%llu records are no pairs%s%s, %llu have an empty side; they are left out", (unsigned long long)st.bad,
                 st.bad ? ", first " : "", st.first_bad, (unsigned long long)st.empty);
    struct pairs_cfg pc = {.pairs = j->pairs, .from = 0, .to = 1, .sequential = true, .S = j->S, .T = j->T,
                           .decoder_start = start < 0 ? 0 : start};
    if (!(j->src = pairs_source(&pc, e))) return -1;
    if (pairs_cut(j->src))
        log_warn("%llu pairs are longer than %d source or %d target tokens and are cut",
                 (unsigned long long)pairs_cut(j->src), j->S, j->T);
    j->steps = pairs_steps(j->src, (int)c->batch);
    return 0;
}

static int open_data(struct job *j, const struct opt_result *r, struct err *e)
{
    const struct model_config *m = &j->m.config;
    int64_t T = j->c->max_length ? j->c->max_length : m->max_pos < 1024 ? m->max_pos : 1024;
    if (T > m->max_pos)
        return err_set(e, ERR_USAGE, "--max-length %lld is more than the model's context %d", (long long)T, m->max_pos);
    j->T = (int)T;
    if (model_scores(m))
        return err_set(
            e, ERR_CONFIG,
            "this model's head tells of whole texts and predicts no tokens; use it with llmctl embed --head");
    if (m->stack == STACK_ENCODER) return open_hidden(j, r, e);
    return m->stack == STACK_ENCDEC ? open_pairs(j, r, e) : open_text(j, r, e);
}

static int evaluate(struct job *j, struct pool *pool, enum dtype dt, struct loss_sum *sum, struct err *e)
{
    struct objective_lm lm = objective_lm(0, 0);
    lm.base.S = j->S;
    lm.targets_per_row = j->m.config.stack == STACK_ENCODER;
    struct step_cfg sc = {.rows = (int)j->c->batch, .T = j->T, .leaves = step_default_leaves((int)j->c->batch, 1),
                          .accum = 1, .compute = dt};
    struct stepper *s = stepper_new(&sc, &lm.base, &j->m.config, j->m.params, pool_threads(pool), e);
    struct progress bar;
    progress_start(&bar, "eval", "batch", (double)j->steps, 0);
    int ret = s && !stepper_alloc(s, pool, e) ? stepper_eval(s, j->src, j->steps, &bar, sum, e) : -1;
    progress_end(&bar);
    stepper_free(s);
    return ret;
}

static int run(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct opt_result r;
    struct eval_cfg c = {0};
    struct job j = {.c = &c};
    struct pool *pool = NULL;
    struct loss_sum sum;
    int ret = opt_parse(self, &c, argc, argv, &r, e);
    if (ret || r.exit_now) goto out;
    ret = -1;
    if (r.n_args < 2) {
        err_set(e, ERR_USAGE, "want a model and the data to evaluate it on");
        goto out;
    }
    enum dtype dt = train_arithmetic((enum train_dtype)c.dtype);
    if (!(pool = pool_new((int)c.common.threads, e)) || saved_open(&j.m, r.args[0], DT_F32, pool, e)) goto out;
    if (open_data(&j, &r, e) || evaluate(&j, pool, dt, &sum, e)) goto out;
    ret = print_result(&c, j.m.config.stack == STACK_ENCODER, &sum, e);
out:
    if (j.src) j.src->close(j.src);
    pairs_free(j.pairs);
    corrupt_ids_free(&j.ids);
    data_sets_free(&j.data);
    saved_close(&j.m);
    pool_free(pool);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_eval = {
    .name = "eval",
    .summary = "Loss, perplexity, bits per byte and accuracy on a text or shard",
    .usage = "[options] MODEL DATA...",
    .examples = "  llmctl eval run val.tok\n"
                "  llmctl eval model.llmz book.txt --json\n"
                "  llmctl eval bert-run sentences.txt --max-length 64\n"
                "  llmctl eval translator pairs.jsonl\n",
    .details = "MODEL is a run directory, a .llmz file or a Hugging Face directory.\n"
               "The data is cut into windows that follow each other; each token is\n"
               "predicted once. An encoder gets its pseudo-perplexity: each token is hidden\n"
               "once with all others seen, which takes a pass a token. An encoder-decoder is\n"
               "evaluated on JSON lines with a source and a target.\n",
    .opts = opts,
    .run = run,
};
