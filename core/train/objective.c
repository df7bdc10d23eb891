#include "core/train/objective.h"

#include <string.h>

static int lm_build(const struct objective *o, const struct model_config *c, struct params *p,
                    const struct graph_opts *opts, struct model_graph *out, struct err *e)
{
    const struct objective_lm *lm = (const struct objective_lm *)o;
    struct model_build b = {.opts = *opts,
                            .want_loss = true,
                            .label_smoothing = lm->label_smoothing,
                            .z_coef = lm->z_coef,
                            .S = o->S,
                            .prefix = o->prefix,
                            .targets_per_row = lm->targets_per_row};
    return model_build(c, p, &b, out, e);
}

/* Targets of a row that has few, one after the other. */
static int fill_chosen(struct exec *x, const struct batch *b, int row0, int rows, int M, struct err *e)
{
    int32_t *at = exec_input(x, "target_at"), *targets = exec_input(x, "targets");
    float *weights = exec_input(x, "weights");
    for (int r = 0; r < rows; r++) {
        size_t from = (size_t)(row0 + r) * (size_t)b->T, to = (size_t)r * (size_t)M;
        int n = 0;
        for (int i = 0; i < b->T; i++) {
            if (b->targets[from + (size_t)i] < 0) continue;
            if (n == M) return err_set(e, ERR_INTERNAL, "row %d has more than %d targets", row0 + r, M);
            at[to + (size_t)n] = i;
            targets[to + (size_t)n] = b->targets[from + (size_t)i];
            weights[to + (size_t)n] = b->weights[from + (size_t)i];
            n++;
        }
        for (; n < M; n++) {
            at[to + (size_t)n] = targets[to + (size_t)n] = -1;
            weights[to + (size_t)n] = 0;
        }
    }
    return 0;
}

int objective_fill(struct exec *x, const struct batch *b, int row0, int rows, int M, struct err *e)
{
    const struct {
        const char *name;
        const void *data;
        int n; /* elements of 4 bytes a row */
    } in[] = {{"tokens", b->tokens, b->T},
              {"positions", b->positions, b->T},
              {"seg_start", b->seg_start, b->T},
              {"prefix_end", b->prefix_end, b->T},
              {"types", b->types, b->S ? b->S : b->T},
              {"src_tokens", b->src_tokens, b->S},
              {"src_positions", b->src_positions, b->S},
              {"src_seg_start", b->src_seg_start, b->S},
              {"src_lo", b->src_lo, b->T},
              {"src_hi", b->src_hi, b->T},
              {"targets", b->targets, b->T},
              {"weights", b->weights, b->T}};
    int n_in = (int)(sizeof in / sizeof *in) - (M ? 2 : 0);
    for (int i = 0; i < n_in; i++) { /* a model has only the inputs that it uses */
        void *dst = exec_input(x, in[i].name);
        size_t row = 4 * (size_t)in[i].n;
        if (!dst) continue;
        if (!in[i].data) return err_set(e, ERR_INTERNAL, "the batch has no %s", in[i].name);
        memcpy(dst, (const char *)in[i].data + row * (size_t)row0, row * (size_t)rows);
    }
    return M ? fill_chosen(x, b, row0, rows, M, e) : 0;
}

static int lm_fill(const struct objective *o, struct exec *x, const struct batch *b, int row0, int rows,
                   struct err *e)
{
    return objective_fill(x, b, row0, rows, ((const struct objective_lm *)o)->targets_per_row, e);
}

int objective_declare(const struct objective *o, const struct model_config *c, struct params *p, struct err *e)
{
    return model_declare(c, p, DT_F32, e) || (o->declare && o->declare(o, c, p, e)) ? -1 : 0;
}

int objective_init(const struct objective *o, const struct model_config *c, struct params *p, uint64_t seed, struct err *e)
{
    return model_init(c, p, seed, e) || (o->init && o->init(o, c, p, seed, e)) ? -1 : 0;
}

struct objective_lm objective_lm(double label_smoothing, double z_coef)
{
    return (struct objective_lm){{.name = "lm", .build = lm_build, .fill = lm_fill},
                                 (float)label_smoothing, (float)z_coef, 0};
}
