/* clean_scores.h - the options of `llmctl clean` that judge documents by models:
 * classifiers, language, perplexity. */
#ifndef CMD_CLEAN_SCORES_H
#define CMD_CLEAN_SCORES_H

#include "core/base/opt.h"
#include "data/clean.h"

struct clean_scores_opts {
    struct opt_list classifier;
    const char *lang, *lid, *ppl;
};

#define OPT_CLEAN_SCORES(S, f)                                                                                   \
    OPT_GROUP("Judging by models"),                                                                              \
        OPT_LIST(0, "classifier", S, f.classifier, "FILE[:LABEL>=]X",                                            \
                 "Keep documents of at least this probability; fastText or our own classifier"),                 \
        OPT_STR(0, "lang", S, f.lang, "LANGS:X", NULL, "Keep these languages, found by --lid: en,de:0.65"),      \
        OPT_STR(0, "lid", S, f.lid, "FILE", NULL, "Find the language of documents with this model (lid.176.ftz)"), \
        OPT_STR(0, "ppl", S, f.ppl, "MODEL:LO:HI", NULL, "Keep documents whose perplexity under a model lies in between")

struct clean_scores; /* owned by the caller of open */
/* *out stays NULL when nothing is asked for. */
int clean_scores_open(struct clean_scores **out, const struct clean_scores_opts *o, struct clean_cfg *cfg,
                      struct err *e);
void clean_scores_close(struct clean_scores *s); /* NULL is fine */

#endif
