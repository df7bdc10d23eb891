/* corrupt.h - batch sources that turn running text into the task of a
 * pretraining objective.  Each wraps the loader's rows and owns it.
 *
 *   mlm     masked language modelling: some tokens are hidden, each is to be
 *           told from both sides (BERT, arXiv:1810.04805; RoBERTa for masks that
 *           change each epoch)
 *   span    span corruption: spans are replaced by sentinels, the decoder writes
 *           what stood there (T5, arXiv:1910.10683); UL2's mixture of seven
 *           denoisers (arXiv:2205.05131, table 1)
 *   pseudo  evaluation of a masked language model
 *   prefix  prefix LM: a beginning of each segment is seen from both sides and
 *           not predicted
 *
 * As in the loader a row is a pure function of (sources, seed, row number):
 * draws are keyed by (seed, step, row), never by call order. */
#ifndef DATA_CORRUPT_H
#define DATA_CORRUPT_H

#include <stdbool.h>

#include "core/token/batch.h"
#include "core/token/tokenizer.h"

/* What the corruptors know of each id; shared by the sources of a run. */
struct corrupt_ids {
    uint8_t *kind; /* [n] enum id_kind */
    int n;
    int mask;      /* "[MASK]", "<mask>", "<|mask|>"; -1 = none */
    int eos;
};
enum id_kind {
    ID_SPECIAL = 1,  /* never hidden, never drawn */
    ID_CONTINUES = 2 /* goes on with the word of the token before it */
};
int corrupt_ids_init(struct corrupt_ids *ids, const struct tokenizer *t, struct err *e);
void corrupt_ids_free(struct corrupt_ids *ids);

struct mlm_cfg {
    const struct corrupt_ids *ids;
    uint64_t seed;
    double rate;          /* of the tokens that are chosen: 0.15 */
    double mask, random;  /* of those: hidden behind the mask (0.8), replaced (0.1); the rest stays */
    bool whole_word;
    int copies;           /* 0: new masks every time; N: a text has N masks, taken in turn by epoch */
};
/* Chosen tokens of a row of T: at most this many. */
int mlm_max_targets(double rate, int T);
struct batch_source *mlm_source(struct batch_source *base, const struct mlm_cfg *c, struct err *e);

/* One denoiser: spans of `mean` tokens on average, `rate` of the text. */
struct denoiser {
    double mean, rate; /* mean 0: one span at the end, a share of `rate` on average (UL2's S) */
    int mode;          /* token in front of the source, -1 = none */
};
enum { DENOISERS_MAX = 8 };
struct span_cfg {
    const struct corrupt_ids *ids;
    uint64_t seed;
    struct denoiser d[DENOISERS_MAX];
    int n; /* a row takes one of them, each as likely */
    int first_sentinel, step_sentinel, n_sentinels; /* ids first, first + step, ... */
    int decoder_start;
    int S, T; /* tokens a row of the source and of the target may take */
};
/* Raw tokens that become at most S source and T target tokens (0: none do). */
int span_raw_length(const struct denoiser *d, int S, int T);
/* base is asked for rows of the longest raw length. */
struct batch_source *span_source(struct batch_source *base, const struct span_cfg *c, struct err *e);

/* Evaluation: each token that is not special hidden once, a row a token, in rows
 * of T that the base (sequential, `windows` rows) gives. */
struct batch_source *pseudo_source(struct batch_source *base, const struct corrupt_ids *ids, int T, uint64_t windows,
                                   struct err *e);
uint64_t pseudo_steps(const struct batch_source *s, int rows);

struct batch_source *prefix_source(struct batch_source *base, uint64_t seed, struct err *e);

#endif
