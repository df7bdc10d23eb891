/* sample.h - from logits to the next token.
 *
 * The chain, in order:  repetition penalty -> [temperature] -> top-k -> top-p
 * -> min-p -> [temperature] -> draw.  The temperature stands first in the
 * order of Hugging Face (SAMPLE_HF) and last in that of llama.cpp
 * (SAMPLE_LLAMA); with temperature 1 both are equal.  Each filter works on the
 * distribution that the one before it left, renormalised, and keeps at least
 * one token.  Ties go to the lower id, so results never depend on a sort.
 *
 * The draw for position p of sequence s is Philox(seed; s, p): the same seed
 * gives the same text however sequences are batched or threads are used. */
#ifndef CORE_INFER_SAMPLE_H
#define CORE_INFER_SAMPLE_H

#include <stdint.h>

#include "core/base/err.h"

enum sample_order { SAMPLE_HF, SAMPLE_LLAMA };

struct sample_params {
    double temperature;     /* 0 = greedy: the largest logit */
    int top_k;              /* keep the k most likely; 0 = all */
    double top_p;           /* smallest set with cumulative probability >= p; 1 = all (Holtzman et al. 2019) */
    double min_p;           /* keep tokens with probability >= min_p * max; 0 = all */
    double repeat_penalty;  /* > 1 lowers tokens already seen: logit > 0 ? / : * (Keskar et al. 2019); 1 = off */
    int repeat_last;        /* how many last tokens count, prompt included; 0 = all */
    enum sample_order order;
    uint64_t seed;
};

struct sample_candidate {
    int32_t id;
    float logit;  /* after penalty and temperature so far */
    float p;
};

struct sampler;
struct sampler *sampler_new(int vocab, struct err *e);
void sampler_free(struct sampler *s);

/* One token from logits[vocab] (not changed).  history: the n_history tokens
 * before it.  *logprob (may be NULL): natural log of the token's probability
 * under the model itself, before penalty, temperature and filters.
 * ERR_RESULT when a logit is NaN or none is above -inf. */
int sampler_next(struct sampler *s, const struct sample_params *p, const float *logits, const int32_t *history,
                 int n_history, uint32_t sequence, uint32_t position, int32_t *token, float *logprob,
                 struct err *e);

/* The distribution that sampler_next() draws from: candidates with p > 0,
 * most likely first; pointer valid until the next call.  For tests and explanations. */
int sampler_distribution(struct sampler *s, const struct sample_params *p, const float *logits,
                         const int32_t *history, int n_history, const struct sample_candidate **out, int *n,
                         struct err *e);

/* The k most likely tokens of the unfiltered distribution with log-probabilities
 * in .logit, most likely first; k <= vocab.  out[k] is the caller's. */
void sampler_top_logprobs(struct sampler *s, const float *logits, int k, struct sample_candidate *out);

#endif
