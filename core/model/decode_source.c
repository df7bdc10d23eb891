/* decode_source.c - the source of an encoder-decoder: encoded once by the
 * encoder's graph, then kept as keys and values of every cross-attention. */
#include <string.h>

#include "core/base/mem.h"
#include "core/model/decode_internal.h"

/* Hidden states of the encoder; *g and *x are the caller's to free. */
static const struct tensor *encode(struct decoder *d, const int32_t *ids, int n, struct graph **g, struct exec **x,
                                   struct err *e)
{
    struct model_graph mg;
    struct model_build o = {.opts = {.compute = d->dt, .rows = 1, .T = 1, .leaves = 1}, .S = n, .encoder_only = true};
    if (model_build(&d->c, d->params, &o, &mg, e)) return NULL;
    *g = mg.g;
    if (graph_plan(mg.g, pool_threads(d->pool), e) || !(*x = exec_new(mg.g, d->pool, e))) return NULL;
    memcpy(exec_input(*x, "src_tokens"), ids, (size_t)n * sizeof *ids);
    int32_t *pos = exec_input(*x, "src_positions"), *seg = exec_input(*x, "src_seg_start");
    for (int i = 0; i < n; i++) {
        if (pos) pos[i] = i;
        if (seg) seg[i] = 0;
    }
    return exec_run(*x, &(struct run_args){.loss_scale = 1}, e) ? NULL : mg.hidden;
}

static void load_rows(struct decoder *d, const struct tensor *hidden, int at, int m)
{
    size_t C = (size_t)d->c.d_model, n = (size_t)m * C;
    if (hidden->dtype == DT_F32) memcpy(d->h, (const float *)hidden->data + (size_t)at * C, n * sizeof *d->h);
    else d->k->f32_from_bf16(d->h, (const uint16_t *)hidden->data + (size_t)at * C, n);
}

bool decoder_takes_source(const struct decoder *d)
{
    return d->c.stack == STACK_ENCDEC;
}

int decoder_start(const struct decoder *d)
{
    return d->c.decoder_start;
}

int decoder_source(struct decoder *d, int seq, const int32_t *ids, int n, struct err *e)
{
    struct graph *g = NULL;
    struct exec *x = NULL;
    if (d->c.stack != STACK_ENCDEC) return err_set(e, ERR_CONFIG, "this model has no encoder to take a source");
    if (seq < 0 || seq >= d->max_seqs) return err_set(e, ERR_INTERNAL, "sequence %d of %d", seq, d->max_seqs);
    if (n < 1) return err_set(e, ERR_DATA, "the source is empty");
    if (n > d->max_len) return err_set(e, ERR_DATA, "a source of %d tokens does not fit a context of %d", n, d->max_len);
    d->len[seq] = d->source_len[seq] = 0;
    const struct tensor *hidden = encode(d, ids, n, &g, &x, e);
    if (hidden) {
        d->packed = n >= DECODE_GEMM_ROWS;
        for (int at = 0; at < n; at += d->rows) {
            int m = n - at < d->rows ? n - at : d->rows;
            load_rows(d, hidden, at, m);
            for (int i = 0; i < d->n_layers; i++)
                if (d->layer[i].k->cross) decode_source_kv(d, &d->layer[i], seq, at, m);
        }
        d->source_len[seq] = n;
    }
    exec_free(x);
    graph_free(g);
    return hidden ? 0 : -1;
}
