/* unigram_sum.h - the sum of a text's scores in floats, added one after the other as SentencePiece does.
 *
 * Each addition waits for the one before it.  But as long as a sum that only falls stays between -2^e and
 * -2^(e + 1), its last place is 2^(e - 23), and what it falls by is the score rounded to a multiple of
 * that, whatever the sum is -- unless the score is in the middle between two, which goes to an even sum.
 * Such multiples can be added in any order. */
#ifndef CORE_TOKEN_UNIGRAM_SUM_H
#define CORE_TOKEN_UNIGRAM_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNIGRAM_SUM_BLOCK = 64 };

struct unigram_sums;
/* n <= UNIGRAM_SUM_BLOCK ids are added to *sum in another order; false: nothing is done, the result might differ. */
typedef bool unigram_sum_fn(const struct unigram_sums *u, float *sum, int32_t *ids, size_t n);

struct unigram_sums {
    float *score;          /* by id */
    float unknown;         /* the score of an unknown character, which an id -k stands for k of */
    int32_t unk_id;        /* the id that this becomes */
    float steepest;        /* 1 at least; no score is farther from 0 */
    unigram_sum_fn *block; /* or NULL */
};

/* For `block`: what this processor has. */
unigram_sum_fn *unigram_sum_best(void);

/* The sum behind these ids, from `sum` on. */
float unigram_sum(const struct unigram_sums *u, float sum, int32_t *ids, size_t n);

#if defined(__x86_64__)
extern unigram_sum_fn unigram_sum_avx512, unigram_sum_avx2bmi;
#endif

#endif
