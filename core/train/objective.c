#include "core/train/objective.h"

#include <string.h>

static int lm_build(const struct objective *o, const struct model_config *c, struct params *p,
                    const struct graph_opts *opts, struct model_graph *out, struct err *e)
{
    const struct objective_lm *lm = (const struct objective_lm *)o;
    struct model_build b = {.opts = *opts, .want_loss = true,
                            .label_smoothing = lm->label_smoothing, .z_coef = lm->z_coef,
                            .S = lm->S, .prefix = lm->prefix};
    return model_build(c, p, &b, out, e);
}

int objective_fill(struct exec *x, const struct batch *b, int row0, int rows, struct err *e)
{
    const int T = b->T, S = b->S, types = S ? S : T;
    const struct {
        const char *name;
        const void *data;
        int width;      /* elements of 4 bytes a row */
    } in[] = {{"tokens", b->tokens, T}, {"targets", b->targets, T}, {"positions", b->positions, T},
              {"seg_start", b->seg_start, T}, {"weights", b->weights, T}, {"prefix_end", b->prefix_end, T},
              {"types", b->types, types}, {"src_tokens", b->src_tokens, S}, {"src_positions", b->src_positions, S},
              {"src_seg_start", b->src_seg_start, S}, {"src_lo", b->src_lo, T}, {"src_hi", b->src_hi, T}};
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        void *dst = exec_input(x, in[i].name);
        size_t at = (size_t)row0 * (size_t)in[i].width, n = (size_t)rows * (size_t)in[i].width;
        if (!dst) continue; /* a model without positions has no such input */
        if (!in[i].data) return err_set(e, ERR_INTERNAL, "the batch has no %s", in[i].name);
        memcpy(dst, (const char *)in[i].data + 4 * at, 4 * n);
    }
    return 0;
}

static int lm_fill(const struct objective *o, struct exec *x, const struct batch *b, int row0, int rows,
                   struct err *e)
{
    (void)o;
    return objective_fill(x, b, row0, rows, e);
}

struct objective_lm objective_lm(double label_smoothing, double z_coef)
{
    return (struct objective_lm){.base = {"lm", lm_build, lm_fill}, .label_smoothing = (float)label_smoothing, .z_coef = (float)z_coef};
}
