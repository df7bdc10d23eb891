/* generate.h - text from a model: prompt in, samples out.
 *
 * An encoder-decoder takes the prompt as its source.  One prompt gives n samples that share its prefill and are decoded
 * together. The text of a sample is a pure function of (model, prompt, parameters, seed, sequence number): not of n,
 * batching or threads. */
#ifndef CORE_INFER_GENERATE_H
#define CORE_INFER_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/infer/sample.h"
#include "core/model/decode.h"
#include "core/token/tokenizer.h"

struct gen_params {
    struct sample_params sample;
    int max_new;              /* new tokens at most */
    const char *const *stop;  /* strings that end a sample; not part of its text */
    int n_stop;
    int top_logprobs;         /* also keep the k most likely tokens at each step */
    bool ignore_eos;
    const int32_t *ends;      /* [n_ends] tokens that end a sample besides the tokenizer's end of text */
    int n_ends;
    const int32_t *first, *last; /* tokens that the first new one is whatever the model says, and the one that reaches max_new; or NULL */
    const int32_t *past;      /* [n_past] tokens before the prompt, of which d has read the first decoder_len() */
    int n_past;
};

enum gen_end { GEN_LENGTH, GEN_EOS, GEN_STOP, GEN_CONTEXT, GEN_INTERRUPTED };
const char *gen_end_name(enum gen_end end); /* "length", "eos", "stop", "context", "interrupted" */

struct gen_sample {
    struct buf text;          /* new text, whole characters, cut before a stop string */
    int32_t *ids;             /* [n_ids] new tokens, the one that ended it excluded */
    float *logprob;           /* [n_ids] */
    struct sample_candidate *top; /* [n_ids * top_logprobs] or NULL */
    int n_ids;
    enum gen_end end;
};
void gen_samples_free(struct gen_sample *s, int n); /* and the array */

struct gen_stats {
    int64_t prompt_tokens, new_tokens, steps; /* of prompts: those that were read now */
    double prefill_s, decode_s;
};

/* Called with the text of sample `i` as it becomes final; -1 stops everything. */
typedef int gen_text_fn(void *arg, int i, const char *text, size_t n, struct err *e);

struct gen_model {
    struct decoder *d;
    const struct tokenizer *t;
    int vocab, context; /* logits a step; tokens a sequence of d can hold */
    const int32_t *start; /* an encoder-decoder's first input instead of its decoder_start, or NULL */
};

/* *out: n samples, the caller's (gen_samples_free).  m->d must hold n sequences.
 * With a past d must hold one sequence (n = 1), and the prompt may be empty.
 * sequence0 numbers the draws of sample 0.  on_text may be NULL.  stats are added to. */
int gen_run(const struct gen_model *m, const int32_t *prompt, int n_prompt, int n, const struct gen_params *p,
            uint32_t sequence0, gen_text_fn *on_text, void *arg, struct gen_sample **out,
            struct gen_stats *stats, struct err *e);

/* The first input of a decoder: the model's decoder_start, or where that is -1 the tokenizer's begin (or end) of text. */
int gen_decoder_start(int of_model, const struct tokenizer *t, int32_t *start, struct err *e);

/* Ids of a text that follows others: nothing is added. */
int gen_encode_more(const struct tokenizer *t, const char *text, size_t n, unsigned flags, struct tok_ids *ids, struct err *e);
/* Ids of a prompt text, with what the tokenizer's template adds; an empty
 * prompt becomes the begin- or end-of-text token.  Appends to *ids. */
int gen_encode_prompt(const struct tokenizer *t, const char *text, size_t n, struct tok_ids *ids, struct err *e);

#endif
