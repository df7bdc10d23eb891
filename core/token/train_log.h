/* train_log.h - the sentences of a text in order, for what depends on it.
 *
 * SentencePiece's seeds depend on what each sentence is followed by, and where
 * pieces may hold several words its sums are those of one sentence after the
 * other.  Threads note their sentences as they count them, 12 bytes each; runs
 * of one place in the text are put in order in the end.  Where every sentence
 * begins with a space only the last one matters, and the end of the text is enough. */
#ifndef CORE_TOKEN_TRAIN_LOG_H
#define CORE_TOKEN_TRAIN_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

#define SENTENCE_EMPTY UINT32_MAX /* as its first character: nothing was left of it */

struct sentence {
    uint32_t hash[2]; /* of its last word, as it was counted */
    uint32_t first;   /* its first character */
};

/* Zero-initialise. */
struct sentence_log {
    struct sentence *v;
    size_t n, cap;
    struct sentence_run {
        uint64_t order;
        size_t at, n;
    } *run;
    size_t n_runs, runs_cap;
};

static inline uint64_t sentence_hash(const struct sentence *s)
{
    return (uint64_t)s->hash[1] << 32 | s->hash[0];
}

void sentence_log_free(struct sentence_log *l);
/* order: where in the text it stands, never less than before. */
bool sentence_log_add(struct sentence_log *l, uint64_t order, uint64_t hash, uint32_t first);
/* Forgets what is far from the end: at least SENTENCE_TAIL stay. */
enum { SENTENCE_TAIL = 1 << 16 };
void sentence_log_trim(struct sentence_log *l);
/* All sentences of n logs in order; caller frees. */
int sentence_log_join(const struct sentence_log *const *logs, size_t n, struct sentence **out, size_t *n_out,
                      struct err *e);
/* Where one is empty the last of all comes instead, as SentencePiece's loader has it; how many are left. */
size_t sentences_fill(struct sentence *v, size_t n);
/* Which of v[n], the end of a text, is the last one when that is done; n if none is known to be:
 * `full` sentences of the text are not empty, `empty` are. */
size_t sentences_last(const struct sentence *v, size_t n, uint64_t full, uint64_t empty);

#endif
