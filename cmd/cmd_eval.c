/* eval: loss, perplexity, bits per byte and accuracy of a model on a text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/data_args.h"
#include "core/base/log.h"
#include "core/model/saved.h"
#include "core/train/loop.h"
#include "core/train/step.h"

struct eval_cfg {
    struct opt_common common;
    int64_t max_length, batch;
    int dtype;
    bool concat;
};

// clang-format off
static const struct opt opts[] = {
#define C struct eval_cfg
    OPT_GROUP("Evaluation"),
    OPT_INT(0, "max-length", C, max_length, "N", NULL, 1, 10000000, "Tokens a window (default: the model's context, at most 1024)"),
    OPT_INT('b', "batch", C, batch, "N", "8", 1, 65536, "Windows at a time"),
    OPT_ENUM(0, "dtype", C, dtype, "auto|bf16|f32", "auto", "Arithmetic; auto = bf16 where the CPU has it"),
    OPT_BOOL(0, "concat", C, concat, NULL, "Ignore the borders of documents"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};
// clang-format on

static int print_result(const struct eval_cfg *c, const struct loss_sum *s, struct err *e)
{
    struct buf b = {0};
    double loss = s->nll / s->weight, bpb = loss_sum_bpb(s), accuracy = s->correct / s->weight;
    if (!isfinite(loss)) return err_set(e, ERR_RESULT, "the loss is not finite: the model is damaged or overflows in this type");
    if (c->common.json) {
        buf_printf(&b, "{\"loss\":%.17g,\"perplexity\":%.17g,\"accuracy\":%.17g,\"tokens\":%.0f", loss, exp(loss),
                   accuracy, s->weight);
        if (isfinite(bpb)) buf_printf(&b, ",\"bits_per_byte\":%.17g,\"bytes\":%.0f", bpb, s->bytes);
        buf_adds(&b, "}\n");
    } else {
        buf_printf(&b, "loss           %.6f\nperplexity     %.4f\n", loss, exp(loss));
        if (isfinite(bpb)) buf_printf(&b, "bits per byte  %.6f\n", bpb);
        buf_printf(&b, "accuracy       %.4f\ntokens         %.0f\n", accuracy, s->weight);
    }
    int ret = buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

static int evaluate(const struct eval_cfg *c, struct saved_model *m, struct batch_source *src, struct pool *pool,
                    enum dtype dt, struct loss_sum *sum, struct err *e)
{
    int64_t T = c->max_length ? c->max_length : m->config.max_pos < 1024 ? m->config.max_pos : 1024;
    if (T > m->config.max_pos)
        return err_set(e, ERR_USAGE, "--max-length %lld is more than the model's context %d", (long long)T,
                       m->config.max_pos);
    struct objective_lm lm = objective_lm(0, 0);
    struct step_cfg sc = {.rows = (int)c->batch, .T = (int)T, .leaves = step_default_leaves((int)c->batch, 1),
                          .accum = 1, .compute = dt};
    struct stepper *s = stepper_new(&sc, &lm.base, &m->config, m->params, pool_threads(pool), e);
    int ret = s && !stepper_alloc(s, pool, e)
                  ? stepper_eval(s, src, loader_steps(src, (int)c->batch, (int)T), sum, e)
                  : -1;
    stepper_free(s);
    return ret;
}

static int run(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct opt_result r;
    struct eval_cfg c = {0};
    struct saved_model m = {0};
    struct data_sets data = {0};
    struct batch_source *src = NULL;
    struct pool *pool = NULL;
    struct loss_sum sum;
    int ret = opt_parse(self, &c, argc, argv, &r, e);
    if (ret || r.exit_now) goto out;
    ret = -1;
    if (r.n_args < 2) {
        err_set(e, ERR_USAGE, "want a model and the data to evaluate it on");
        goto out;
    }
    enum dtype dt = c.dtype == TRAIN_AUTO ? train_auto_dtype() : c.dtype == TRAIN_BF16 ? DT_BF16 : DT_F32;
    if (!(pool = pool_new((int)c.common.threads, e)) || saved_open(&m, r.args[0], DT_F32, pool, e)) goto out;
    for (int i = 1; i < r.n_args; i++)
        if (data_sets_add(&data, r.args[i], false, m.tok, e)) goto out;
    if (m.tok && data_sets_check(&data, tok_hash(m.tok), e)) goto out;
    if (tokset_get_info(data.v[0].set)->vocab > m.config.vocab) {
        err_set(e, ERR_CONFIG, "the data has %d token ids, the model %d", tokset_get_info(data.v[0].set)->vocab,
                m.config.vocab);
        goto out;
    }
    if (!(src = data_sets_source(&data, 0, 1, 0, LOADER_SEQUENTIAL, c.concat, e))) goto out;
    if (!evaluate(&c, &m, src, pool, dt, &sum, e)) ret = print_result(&c, &sum, e);
out:
    if (src) src->close(src);
    data_sets_free(&data);
    saved_close(&m);
    pool_free(pool);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_eval = {
    .name = "eval",
    .summary = "Loss, perplexity, bits per byte and accuracy on a text or shard",
    .usage = "[options] MODEL DATA...",
    .examples = "  llmctl eval run val.tok\n"
                "  llmctl eval model.llmz book.txt --json\n",
    .details = "MODEL is a run directory or a .llmz file.\n"
               "The data is cut into windows that follow each other; each token is\n"
               "predicted once.\n",
    .opts = opts,
    .run = run,
};
