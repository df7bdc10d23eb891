/* build_embed.c - token, position and type embeddings of one stack. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/model/build_internal.h"
#include "core/model/rope.h"

/* Sinusoidal positions as a constant [T, E]. */
static struct tensor *sinusoids(struct builder *b, struct err *e)
{
    const struct model_config *c = b->c;
    float *t = mem_alloc((size_t)b->T * (size_t)c->embed_dim, sizeof *t);
    if (!t) {
        err_oom(e, (unsigned long long)b->T * (unsigned)c->embed_dim * sizeof *t, "sinusoidal positions");
        return NULL;
    }
    sinusoidal_fill(t, c->sin_layout, c->pos_offset, b->T, c->embed_dim);
    struct tensor *pos = graph_const_f32(b->g, "sinusoidal", t, 2, (int64_t[]){b->T, c->embed_dim});
    free(t);
    return pos;
}

struct tensor *build_embed(struct builder *b, struct tensor *tokens, struct tensor *types, struct err *e)
{
    const struct model_config *c = b->c;
    const struct block_config *last = &c->block[c->n_blocks - 1];
    bool learned = c->embed_pos == POS_LEARNED;
    struct tensor *pos = NULL;
    if (learned) pos = build_param(b, -1, b->encoder ? SLOT_ENC_POS : SLOT_POS);
    else if (c->embed_pos == POS_SINUSOIDAL && !(pos = sinusoids(b, e))) return NULL;
    struct tensor *table = build_param(b, -1, b->encoder && c->enc_vocab ? SLOT_ENC_EMBED : SLOT_EMBED);
    struct tensor *x = op_embed_pad(b->g, tokens, table, (float)c->embed_scale,
                                    pos ? b->positions : NULL, pos, learned ? c->pos_offset : 0, c->embed_pad);
    if (types) x = op_add(b->g, x, op_embed(b->g, types, build_param(b, -1, SLOT_TYPES), 1, NULL, NULL, 0));
    if (c->embed_ln) x = build_norm(b, last, x, b->encoder ? SLOT_ENC_ELN_W : SLOT_ELN_W, true);
    x = op_dropout(b->g, x, b->drop_embed, NULL);
    if (c->embed_dim == c->d_model) return x;
    struct linear_spec s = {.n = 1, .w = {build_param(b, -1, SLOT_EPROJ_W)}, .b = {build_param(b, -1, SLOT_EPROJ_B)},
                            .f32_out = true};
    return op_linear(b->g, x, &s);
}
