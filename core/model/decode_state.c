/* decode_state.c - what a decoder keeps of a sequence, piece by piece: for
 * session files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/decode_internal.h"

bool decoder_state_movable(const struct model_config *c, struct err *e)
{
    if (c->stack == STACK_ENCDEC)
        return err_set(e, ERR_CONFIG, "stack encdec begins anew with every source: it has nothing to go on from"),
               false;
    for (int i = 0; i < c->n_blocks; i++)
        if (c->block[i].pos == POS_ROPE && c->block[i].scaling == ROPE_DYNAMIC)
            return err_set(e, ERR_CONFIG,
                           "blocks[%d].mixer.pos.scaling.type dynamic turns keys by the length of the context", i),
                   false;
    return true;
}

/* Keys (0) or values (1) of all heads, or latents: [Hk, len, D] there, a head every max_len rows here. */
static int cache_piece(struct decoder *d, int layer, int kv, int len, decoder_piece_fn *fn, void *arg, bool load,
                       struct err *e)
{
    const struct dec_layer *l = &d->layer[layer];
    struct cache_shape s = cache_shape(l->k);
    int Hk = s.heads, D = s.width;
    struct decoder_piece p = {.dtype = d->dt, .ndim = 3, .dim = {Hk, len, D}};
    size_t head = (size_t)len * (size_t)D * dtype_size(d->dt);
    char *all = mem_alloc((size_t)Hk, head);
    if (!all) return err_oom(e, (size_t)Hk * head, "keys and values");
    snprintf(p.name, sizeof p.name, "layer.%d.%s", layer, kv ? "values" : s.parts == 1 ? "latents" : "keys");
    p.data = all;
    for (int h = 0; h < Hk && !load; h++) memcpy(all + (size_t)h * head, cache_at(d, l, d->moved, kv, h), head);
    int r = fn(arg, &p, e);
    for (int h = 0; h < Hk && load && !r; h++) memcpy(cache_at(d, l, d->moved, kv, h), all + (size_t)h * head, head);
    free(all);
    return r;
}

static int each(struct decoder *d, int seq, int len, bool load, decoder_piece_fn *fn, void *arg, struct err *e)
{
    d->moved = seq;
    for (int i = 0; i < d->n_layers; i++) {
        struct dec_layer *l = &d->layer[i];
        for (int kv = 0; kv < cache_shape(l->k).parts; kv++)
            if (cache_piece(d, i, kv, len, fn, arg, load, e)) return -1;
        if (!l->state) continue;
        struct decoder_piece p = {.dtype = DT_F32, .ndim = 1, .dim = {(int64_t)l->state_floats},
                                  .data = l->state + l->state_floats * (size_t)seq};
        snprintf(p.name, sizeof p.name, "layer.%d.state", i);
        if (fn(arg, &p, e)) return -1;
    }
    return 0;
}

int decoder_state_save(struct decoder *d, int seq, decoder_piece_fn *fn, void *arg, struct err *e)
{
    if (d->len[seq] < 1 || d->lost[seq]) return err_set(e, ERR_INTERNAL, "sequence %d has no state to save", seq);
    return each(d, seq, d->len[seq], false, fn, arg, e);
}

int decoder_state_load(struct decoder *d, int seq, int len, decoder_piece_fn *fn, void *arg, struct err *e)
{
    if (len < 1 || (d->bounded && len > d->max_len))
        return err_set(e, ERR_DATA, "%d tokens do not fit a context of %d", len, d->max_len);
    d->len[seq] = 0;
    if (each(d, seq, len, true, fn, arg, e)) return -1;
    d->lost[seq] = false;
    d->len[seq] = len;
    return 0;
}
