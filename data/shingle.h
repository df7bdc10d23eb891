/* shingle.h - what two documents must share to be called similar.
 *
 * Text becomes a sequence of normalised words: lower case, numbers as one
 * "0", punctuation as blanks, without accents (as datatrove's simplify_text);
 * in scripts that do not part words each character is one.  A shingle is the
 * hash of five words in a row; a text of fewer words is one shingle. */
#ifndef DATA_SHINGLE_H
#define DATA_SHINGLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/hash.h"

enum { SHINGLE_WORDS = 5 };

struct shingles {
    uint64_t *word; /* hash of each word */
    size_t n_words, cap;
    char *plain; /* part of a text, on its way to words */
    size_t plain_cap;
    uint64_t *v; /* shingles, in order of the text */
    size_t n, v_cap;
    uint32_t *set, *spare;
    size_t set_cap;
    bool oom;
};

/* Replaces the content.  The words first, the shingles of them second. */
int shingles_words(struct shingles *s, const char *text, size_t n, struct err *e);
/* The same, a character at a time. */
int shingles_words_ref(struct shingles *s, const char *text, size_t n, struct err *e);
int shingles_make(struct shingles *s, int width, struct err *e);
void shingles_free(struct shingles *s);

/* Equal for texts of equal words; of the bytes themselves where there is none. */
struct hash128 shingles_identity(const struct shingles *s, const char *text, size_t n);

/* The set of the shingles, sorted, without repetitions: the upper 32 bits of each
 * hash, so that sets are half as large.  Two sets of n shingles meet by chance
 * in about n * n / 2^32 places: a similarity is off by n / 2^32.  Lives in *s
 * until the next call. */
int shingles_set(struct shingles *s, uint32_t **set, size_t *n, struct err *e);
/* |a and b| / |a or b| of two such sets. */
double shingles_similarity(const uint32_t *a, size_t na, const uint32_t *b, size_t nb);

/* The same for sets of whole hashes: sorts and makes unique, returns the new count. */
size_t shingles_to_set(uint64_t *v, size_t n);
double shingles_jaccard(const uint64_t *a, size_t na, const uint64_t *b, size_t nb);

#endif
