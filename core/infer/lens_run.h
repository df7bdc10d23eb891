/* lens_run.h - one text through a model with its insides kept: what a layer's
 * heads look at, which experts its tokens take (`llmctl explain`). */
#ifndef CORE_INFER_LENS_RUN_H
#define CORE_INFER_LENS_RUN_H

#include "core/base/pool.h"
#include "core/model/saved.h"

struct lens_result {
    int n, heads;           /* tokens of the text; heads of the layer */
    float *attention;       /* [heads, n, n], or NULL */
    int top_k;
    int32_t *experts;       /* [n, top_k], or NULL */
    float *weights;         /* [n, top_k] */
};

/* Runs ids [n] through the model (the encoder, where there are two stacks) and
 * keeps what `layer` did.  ERR_USAGE when it has no attention or experts. */
int lens_run_attention(const struct saved_model *m, const int32_t *ids, int n, int layer, struct pool *pool,
                       struct lens_result *out, struct err *e);
int lens_run_experts(const struct saved_model *m, const int32_t *ids, int n, int layer, struct pool *pool,
                     struct lens_result *out, struct err *e);
void lens_result_free(struct lens_result *r);

#endif
