/* scorer.h - a classifier of either kind, fastText's or ours, and the filters
 * of `llmctl clean` that use one. */
#ifndef DATA_SCORER_H
#define DATA_SCORER_H

#include <stdbool.h>

#include "core/base/pool.h"
#include "data/clean.h"

enum { SCORER_MAX_THREADS = 256 };

struct scorer; /* may be used by many threads at once, each with its own number */

/* By its first bytes: a fastText model or a .llmz classifier. */
struct scorer *scorer_open(const char *path, struct pool *pool, struct err *e);
void scorer_close(struct scorer *s); /* NULL is fine */
int scorer_n_labels(const struct scorer *s);
const char *scorer_label(const struct scorer *s, int i); /* without fastText's "__label__" */
int scorer_find_label(const struct scorer *s, const char *label); /* with or without it; -1 */
/* Probabilities of all labels; memory of the scorer until the thread's next call. */
const double *scorer_run(struct scorer *s, int thread, const char *text, size_t n, struct err *e);

/* "FILE:X", "FILE:LABEL>=X", "FILE:LABEL<=X": puts classifier.LABEL on record
 * and removes what lies outside.  Without a label it is "good". */
struct score_filter;
struct score_filter *score_filter_add(struct clean_cfg *cfg, const char *spec, struct err *e);
/* Finds the language with the model, for reports and statistics, and puts
 * lang.score on record: the probability of the likeliest of the languages
 * wanted.  wanted: "en,de:0.65", or NULL: of the language found, nothing is
 * removed. */
struct score_filter *lang_filter_add(struct clean_cfg *cfg, const char *model, const char *wanted, struct err *e);
void score_filter_free(struct score_filter *f); /* NULL is fine */

#endif
