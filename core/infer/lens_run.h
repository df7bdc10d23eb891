/* lens_run.h - one text through a model with its insides kept: what a layer's
 * heads look at, which experts its tokens take (`llmctl explain`). */
#ifndef CORE_INFER_LENS_RUN_H
#define CORE_INFER_LENS_RUN_H

#include "core/base/pool.h"
#include "core/model/saved.h"

/* What a model reads.  An encoder-decoder reads ids as its source and then shows its encoder, or with a target the
 * layers of its decoder: how the target's tokens look at each other, or (cross) at the source. */
struct lens_text {
    const int32_t *ids, *target; /* target: NULL, or what the decoder is given, its first token included */
    int n, n_target;
    bool cross;
};

struct lens_result {
    int n, seen, heads;     /* tokens that look, and that are looked at; heads of the layer */
    float *attention;       /* [heads, n, seen], or NULL */
    int top_k;
    int32_t *experts;       /* [n, top_k], or NULL */
    float *weights;         /* [n, top_k] */
};

/* Runs the text through the model and keeps what `layer`, counted from 0 in its stack, did.  ERR_USAGE when it has no
 * attention or experts, or a target and no decoder of its own. */
int lens_run_attention(const struct saved_model *m, const struct lens_text *t, int layer, struct pool *pool,
                       struct lens_result *out, struct err *e);
int lens_run_experts(const struct saved_model *m, const struct lens_text *t, int layer, struct pool *pool,
                     struct lens_result *out, struct err *e);
void lens_result_free(struct lens_result *r);

#endif
