/* pretrain_task.h - `llmctl pretrain --objective`: which task is made of the
 * data, and the batches and the objective that follow from it. */
#ifndef CMD_PRETRAIN_TASK_H
#define CMD_PRETRAIN_TASK_H

#include "cmd/data_args.h"
#include "core/base/opt.h"
#include "core/base/pool.h"
#include "core/train/objective.h"
#include "data/corrupt.h"
#include "data/pairs.h"

enum task_kind { TASK_AUTO, TASK_LM, TASK_PREFIX, TASK_MLM, TASK_SPAN, TASK_UL2, TASK_SEQ2SEQ, TASK_ELECTRA };

enum { TASK_SENTINELS = 100 }; /* as T5 has */

struct task_opts {
    int objective, mask_unit;
    double mask_rate, span_mean, generator_size, rtd_weight;
    int64_t mask_copies, source_length;
    const char *source_field, *target_field;
};

#define OPT_TASK(S, f)                                                                                                 \
    OPT_GROUP("Objective"),                                                                                            \
        OPT_ENUM(0, "objective", S, f.objective, "auto|lm|prefix|mlm|span|ul2|seq2seq|electra", "auto",                \
                 "What is learned; auto = what the model is made for"),                                                \
        OPT_F64(0, "mask-rate", S, f.mask_rate, "X", "0.15", 0.001, 0.9, "mlm, span: share of the tokens to tell"),    \
        OPT_ENUM(0, "mask-unit", S, f.mask_unit, "token|word", "token", "mlm: hide tokens, or whole words"),           \
        OPT_INT(0, "mask-copies", S, f.mask_copies, "N", "0", 0, 1000, "mlm: N fixed masks a text; 0 = always new"),   \
        OPT_F64(0, "span-mean", S, f.span_mean, "X", "3", 1, 1000, "span: tokens of a span on average"),               \
        OPT_F64(0, "generator-size", S, f.generator_size, "X", "0.25", 0.01, 1,                                        \
                "electra: of the generator, against the model"),                                                       \
        OPT_F64(0, "rtd-weight", S, f.rtd_weight, "X", "50", 0, 1e6,                                                   \
                "electra: of the model's loss, against the generator's"),                                              \
        OPT_INT(0, "source-length", S, f.source_length, "N", NULL, 2, 10000000,                                        \
                "Encoder-decoders: source tokens a row"),                                                              \
        OPT_STR(0, "source-field", S, f.source_field, "NAME", "source", "seq2seq: member that holds the source"),      \
        OPT_STR(0, "target-field", S, f.target_field, "NAME", "target", "seq2seq: member that holds the target")

struct task_in {
    const struct task_opts *opts;
    const struct model_config *model;
    const struct tokenizer *tok; /* NULL: only lm will do, or a plan */
    bool plan;                   /* only sizes are wanted */
    struct data_sets *data, *val; /* val->n 0 = none */
    const struct pairs *pairs, *val_pairs; /* seq2seq; val_pairs NULL = none */
    double val_fraction;
    enum loader_order order;
    bool concat;
    uint64_t seed;
    int batch, max_length; /* 0 = what suits */
    double label_smoothing, z_loss;
};

struct task {
    struct objective_lm lm;
    struct objective_electra electra;
    const struct objective *objective; /* one of them */
    struct corrupt_ids ids;
    struct batch_source *src, *val; /* val may be NULL */
    uint64_t val_steps;
    int T;
    double rows_per_epoch;
    bool writes_text; /* the model continues a text: samples make sense */
};

/* Reads the pairs of files that are named on the command line. */
struct pairs *task_load_pairs(const struct task_opts *o, char *const *paths, size_t n, const struct tokenizer *t,
                              struct err *e);
int task_open(struct task *t, const struct task_in *in, struct err *e);
void task_close(struct task *t);

#endif
