/* decode.h - the forward pass with a KV cache, for generation.
 *
 *     struct decoder *d = decoder_new(&config, params, DT_BF16, 4, 1024, pool, e);
 *     decoder_prefill(d, 0, prompt, n, logits, DECODE_LAST, e);
 *     for (;;) { id = sample(logits); decoder_step(d, 1, &seq, &id, logits, e); }
 *
 * Directly over kernels, without a graph: a token of one sequence reads every
 * weight once and little else, so what counts is memory bandwidth and few
 * barriers (five a layer).  Steps go through gemv; prompts of eight tokens and
 * more through the GEMM, with the weights packed a panel at a time.
 *
 * The description is walked as in build.c and the parameters are bound by the
 * same layout.  Logits depend neither on the number of threads nor on which
 * other sequences take a step at the same time.  They equal
 * the graph's within rounding, not bit for bit (other orders of summation).
 *
 * Latent attention (mla) keeps one latent vector a token for all heads.
 * RWKV layers keep a state of fixed size instead of keys and values: a model of
 * such layers alone costs the same a token however long the text, which max_len
 * does not limit then.
 *
 * RoPE with dynamic scaling is computed for max_len, the longest context that
 * this decoder can see: a cached key cannot be turned again. */
#ifndef CORE_MODEL_DECODE_H
#define CORE_MODEL_DECODE_H

#include "core/base/pool.h"
#include "core/model/model.h"

struct decoder;

/* dt: type of weights, cache and products, DT_F32 or DT_BF16.  Matrices of p
 * that have another type are converted into copies; the others, and the
 * vectors, are used in place: p must outlive the decoder.  pool may be NULL. */
struct decoder *decoder_new(const struct model_config *c, const struct params *p, enum dtype dt, int max_seqs,
                            int max_len, struct pool *pool, struct err *e);
void decoder_free(struct decoder *d); /* NULL is fine */

enum decode_logits { DECODE_NONE, DECODE_LAST, DECODE_ALL };
/* Appends n tokens to sequence seq.  logits: [V] for the last of them, [n,V]
 * for all, or NULL for none.  ERR_DATA when the cache is full or an id is not
 * in the vocabulary (then nothing was appended). */
int decoder_prefill(struct decoder *d, int seq, const int32_t *ids, int n, float *logits, enum decode_logits which,
                    struct err *e);
/* Appends one token to each of n different sequences.  logits [n,V] or NULL. */
int decoder_step(struct decoder *d, int n, const int *seqs, const int32_t *ids, float *logits, struct err *e);

/* Encoder-decoders: gives sequence seq a source of n tokens, and forgets what was decoded for another.  The decoder
 * then begins with model_config.decoder_start.  Allocates while it runs the encoder. */
int decoder_source(struct decoder *d, int seq, const int32_t *ids, int n, struct err *e);
bool decoder_takes_source(const struct decoder *d);
int decoder_start(const struct decoder *d); /* -1 = the tokenizer's begin of text */

int decoder_len(const struct decoder *d, int seq);            /* tokens in the cache */
/* Forgets tokens from len on; 0 = all.  A recurrent state (RWKV) cannot go back: only 0 can be gone on from. */
void decoder_truncate(struct decoder *d, int seq, int len);
bool decoder_rewinds(const struct decoder *d);                /* it can go back */
void decoder_fork(struct decoder *d, int from, int to);       /* to becomes a copy of from */

/* What is kept of a sequence, piece by piece and always in the same order: keys and values of a layer [heads, len, D] in
 * the decoder's type, recurrent states in f32.  Saving, fn reads data; loading, it fills it, and afterwards the
 * sequence holds len tokens. */
struct decoder_piece {
    char name[32];
    enum dtype dtype;
    int ndim;
    int64_t dim[4];
    void *data;
};
typedef int decoder_piece_fn(void *arg, const struct decoder_piece *p, struct err *e);
int decoder_state_save(struct decoder *d, int seq, decoder_piece_fn *fn, void *arg, struct err *e);
int decoder_state_load(struct decoder *d, int seq, int len, decoder_piece_fn *fn, void *arg, struct err *e);
/* Whether what is kept means the same in a decoder with another max_len; false with the reason in e. */
bool decoder_state_movable(const struct model_config *c, struct err *e);

/* Bytes of the cache, known ahead for plans; -1 when they overflow. */
int64_t decoder_cache_bytes(const struct model_config *c, enum dtype dt, int max_seqs, int max_len);
/* All memory of the decoder (converted weights, cache, scratch). */
int64_t decoder_bytes(const struct decoder *d);
/* Bytes of weights that one step reads: with the time, the bandwidth. */
int64_t decoder_weight_bytes(const struct decoder *d);

#endif
