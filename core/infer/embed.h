/* embed.h - one vector a text from the hidden states of a model.
 *
 *     while (more) { if (!embedder_add(m, ids, n)) flush(); }     flush: embedder_run(m, ..., out)
 *
 * Encoders, the encoder of an encoder-decoder, decoders.  Texts are packed
 * side by side into rows; attention never crosses from one to the next, so a
 * text's vector does not depend on its neighbours but for rounding. */
#ifndef CORE_INFER_EMBED_H
#define CORE_INFER_EMBED_H

#include "core/base/pool.h"
#include "core/model/model.h"

/* Mean of the states of all tokens; that of the first ([CLS]); that of the last. */
enum embed_pool { EMBED_MEAN, EMBED_CLS, EMBED_LAST };

struct embedder;

/* Up to `tokens` tokens are worked on together; texts are cut at max_length.  c and p must outlive it; pool may be NULL. */
struct embedder *embedder_new(const struct model_config *c, struct params *p, enum dtype dt, int tokens, int max_length,
                              struct pool *pool, struct err *e);
void embedder_free(struct embedder *m); /* NULL is fine */

/* Takes one more text, n > 0; types: which of two texts a token is of, for models that tell them apart (NULL = all of
 * the first).  False: it is full, run it first. */
bool embedder_add(struct embedder *m, const int32_t *ids, const int32_t *types, int n);
int embedder_count(const struct embedder *m); /* texts taken since the last run */
/* out [count, d_model], in the order of adding; normalize: of length 1.  Empties it. */
int embedder_run(struct embedder *m, enum embed_pool how, bool normalize, float *out, struct err *e);
/* Instead: the numbers of the model's head (model_scores) for each text, out [count, labels]: logits of the labels, values
 * or rewards. */
int embedder_score(struct embedder *m, float *out, struct err *e);

#endif
