/* clean_corpus.h - the options of `llmctl clean` that judge a document by all
 * others: contradictions, label errors, outliers, balance. */
#ifndef CMD_CLEAN_CORPUS_H
#define CMD_CLEAN_CORPUS_H

#include "cmd/clean_train.h"
#include "core/base/opt.h"
#include "data/clean.h"

struct clean_corpus_opts {
    const char *ambiguity, *resolve, *ambiguity_report, *label_errors, *outliers, *balance, *to;
    double max_upsample;
    int64_t total, mem;
};

#define OPT_CLEAN_CORPUS(S, f)                                                                                     \
    OPT_GROUP("Judging by the whole corpus (reads the input twice; stdin is copied to $TMPDIR)"),                 \
        OPT_STR(0, "ambiguity", S, f.ambiguity, "FIELDS", NULL,                                                    \
                "Find contradictions: prompt=PATH,answer=PATH[,near=0.9]; see below"),                             \
        OPT_STR(0, "resolve", S, f.resolve, "HOW", "drop", "Which of them stay: drop, majority, newest[:PATH], best:PATH"), \
        OPT_STR(0, "ambiguity-report", S, f.ambiguity_report, "FILE", NULL, "Write every group of contradictions as JSON"), \
        OPT_STR(0, "label-errors", S, f.label_errors, "field=PATH", NULL,                                          \
                "Remove documents whose label is probably wrong, by confident learning"),                          \
        OPT_STR(0, "outliers", S, f.outliers, "mad:X", NULL,                                                       \
                "Remove what is X robust deviations from the median of its source and language"),                  \
        OPT_STR(0, "balance", S, f.balance, "field=PATH", NULL, "Balance the classes in this member, source or lang"), \
        OPT_STR(0, "to", S, f.to, "SHARES", "uniform", "--balance: uniform, sqrt, or a JSON file of weights"),     \
        OPT_F64(0, "max-upsample", S, f.max_upsample, "X", "1", 1, 1000, "--balance: write a document at most so often"), \
        OPT_INT(0, "balance-total", S, f.total, "N", "0", 0, 1e15,                                                 \
                "--balance: documents to write; 0: what the rarest class allows"),                                 \
        OPT_SIZE(0, "mem", S, f.mem, "SIZE", "0", 0, 1.0e15,                                                       \
                 "Memory for what is kept of documents, the rest goes to $TMPDIR; 0: half of the machine's")

struct clean_corpus; /* owned by the caller of open */
/* Behind all other filters.  *out stays NULL when nothing is asked for. */
int clean_corpus_open(struct clean_corpus **out, const struct clean_corpus_opts *o, const struct clean_train_opts *train,
                      struct clean_cfg *cfg, struct err *e);
void clean_corpus_talk(const struct clean_corpus *c);
void clean_corpus_close(struct clean_corpus *c); /* NULL is fine */

#endif
