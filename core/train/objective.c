#include "core/train/objective.h"

#include <string.h>

static int lm_build(const struct objective *o, const struct model_config *c, struct params *p,
                    const struct graph_opts *opts, struct model_graph *out, struct err *e)
{
    const struct objective_lm *lm = (const struct objective_lm *)o;
    struct model_build b = {.opts = *opts, .want_loss = true,
                            .label_smoothing = lm->label_smoothing, .z_coef = lm->z_coef};
    return model_build(c, p, &b, out, e);
}

static int lm_fill(const struct objective *o, struct exec *x, const struct batch *b, int row0, int rows,
                   struct err *e)
{
    const struct {
        const char *name;
        const void *data;
    } in[] = {{"tokens", b->tokens}, {"targets", b->targets}, {"positions", b->positions},
              {"seg_start", b->seg_start}, {"weights", b->weights}};
    size_t at = (size_t)row0 * (size_t)b->T, n = (size_t)rows * (size_t)b->T;
    (void)o;
    /* All five are arrays of 4-byte elements.  A model without positions has
     * no such input. */
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        void *dst = exec_input(x, in[i].name);
        if (dst) memcpy(dst, (const char *)in[i].data + 4 * at, 4 * n);
        else if (i < 2) return err_set(e, ERR_INTERNAL, "the graph has no input '%s'", in[i].name);
    }
    return 0;
}

struct objective_lm objective_lm(double label_smoothing, double z_coef)
{
    return (struct objective_lm){{"lm", lm_build, lm_fill}, (float)label_smoothing, (float)z_coef};
}
