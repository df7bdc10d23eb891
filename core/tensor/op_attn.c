#include "core/tensor/op_attn.h"

#include <math.h>
#include <string.h>

#include "core/tensor/op_dropout.h"

enum { QUERIES = 128 };      /* queries of one work item */

/* q k^T and p v; half of it when causal. */
double attn_flops(const struct graph_opts *o, const struct attn_attr *a)
{
    const struct attn_spec *s = &a->s;
    double pairs = (double)a->T * a->S * (s->causal ? 0.5 : 1.0);
    if (s->window > 0 && s->window < a->T) pairs = (double)a->T * s->window * (s->causal ? 1 : 2);
    return 4.0 * (double)o->rows * s->H * s->D * pairs;
}

static const int32_t *ids_of_row(const struct tensor *t, int64_t row, int64_t T)
{
    return t ? (const int32_t *)t->data + row * T : NULL;
}

struct attn attn_view(const struct node *n, const struct run *r, int row)
{
    const struct attn_attr *a = n->attr;
    const struct attn_spec *s = &a->s;
    const struct tensor *q = n->in[ATTN_Q], *kv = n->in[ATTN_KV];
    int64_t T = a->T, S = a->S, QW = q->dim[1], HD = (int64_t)s->H * s->D, KD = (int64_t)s->Hk * s->D;
    struct attn v = {.Tq = a->T, .Tk = a->S, .H = s->H, .Hk = s->Hk, .D = s->D, .dt = q->dtype,
                     .q = data_at(q, row * T * QW), .q_stride = QW, .o_stride = HD,
                     .scale = s->scale, .softcap = s->softcap, .window = s->window, .causal = s->causal,
                     .seg_start = ids_of_row(n->in[ATTN_SEG], row, T), .prefix_end = ids_of_row(n->in[ATTN_PREFIX], row, T),
                     .lo = ids_of_row(n->in[ATTN_LO], row, T), .hi = ids_of_row(n->in[ATTN_HI], row, T),
                     .alibi = a->alibi, .sink = n->in[ATTN_SINK] ? n->in[ATTN_SINK]->data : NULL};
    const struct tensor *k = kv ? kv : q;
    int64_t at = kv ? row * S * k->dim[1] : row * T * QW + HD;
    v.k = data_at(k, at);
    v.v = data_at(k, at + KD);
    v.k_stride = v.v_stride = k->dim[1];
    attn_use_tables(n, r, &v);
    if (s->dropout > 0 && r->opts->training) {
        struct rng_key key = rng_key(r->args->seed, RNG_DROPOUT, (uint32_t)r->args->step, a->instance);
        v.drop_below = dropout_below(s->dropout);
        v.drop_scale = 1.0f / (1.0f - s->dropout);
        memcpy(v.drop_key, key.k, sizeof v.drop_key);
        memcpy(v.drop_ctr, key.c, sizeof v.drop_ctr);
        v.drop_row = r->args->row0 + (uint64_t)row;
    }
    return v;
}

/* ---- forward: an item is (row, head, block of queries) ---- */

static int attn_plan(struct graph *g, struct node *n, struct err *e)
{
    struct attn_attr *a = n->attr;
    const struct attn_spec *s = &a->s;
    int64_t blocks = div_up(a->T, QUERIES), items = blocks * s->H * g->opts.rows;
    n->ws_bytes = attn_tables_bytes(n);
    n->tws_bytes = kernels_get()->attn_ws_bytes(a->T, a->S, s->D, s->clip, false);
    n->flops = attn_flops(&g->opts, a);
    a->group = slice_items(items, (int64_t)(n->flops / (double)items / 16), g->n_threads);
    int slices[2] = {attn_table_slices(n), (int)div_up(items, a->group)};
    return n->ws_bytes ? node_phases(g, n, 2, slices, e) : node_phases(g, n, 1, slices + 1, e);
}

static void attn_run(const struct node *n, const struct run *r, int phase, int slice)
{
    if (n->ws_bytes && phase == 0) {
        attn_table_slice(n, r, slice);
        return;
    }
    const struct attn_attr *a = n->attr;
    const struct tensor *o = n->out[ATTN_O], *lse = n->out[ATTN_LSE];
    int T = a->T, H = a->s.H, blocks = (int)div_up(T, QUERIES);
    int64_t items = (int64_t)blocks * H * r->opts->rows, end = min_i64((slice + 1) * a->group, items);
    for (int64_t i = slice * a->group; i < end; i++) {
        int block = (int)(i % blocks), h = (int)(i / blocks % H), row = (int)(i / blocks / H);
        struct attn v = attn_view(n, r, row);
        v.out = data_at(o, (int64_t)row * T * H * a->s.D);
        if (lse) v.lse = (float *)lse->data + (int64_t)row * H * T;
        r->k->attn_fwd(&v, h, block * QUERIES, (int)min_i64((int64_t)(block + 1) * QUERIES, T), r->tws);
    }
}

/* Ids of every token within [0, limit], or [0, its place] for `own`. */
static int check_ends(const struct tensor *t, int T, int limit, bool own, const char *what, struct err *e)
{
    const int32_t *v = t ? t->data : NULL;
    for (int64_t i = 0; t && i < tensor_n(t); i++)
        if (v[i] < 0 || v[i] > (own ? i % T : limit))
            return err_set(e, ERR_DATA, "%s %d of token %lld of the batch is outside of its row", what, v[i], (long long)i);
    return 0;
}

static int attn_check(const struct node *n, struct err *e)
{
    const struct attn_attr *a = n->attr;
    return check_ends(n->in[ATTN_SEG], a->T, 0, true, "segment start", e) ||
                   check_ends(n->in[ATTN_PREFIX], a->T, a->T, false, "prefix end", e) ||
                   check_ends(n->in[ATTN_LO], a->T, a->S, false, "first source token", e) ||
                   check_ends(n->in[ATTN_HI], a->T, a->S, false, "end of the source tokens", e)
               ? -1
               : 0;
}

static const struct op attn_op = {
    .name = "attn", .plan = attn_plan, .run = attn_run, .check = attn_check, .vjp = attn_vjp};

/* ---- builder ---- */

static bool want_table(struct graph *g, const struct tensor *t, int64_t rows, int64_t cols)
{
    if (!t || graph_failed(g)) return !graph_failed(g);
    if (want_2d(g, "attn", t) && t->dim[0] == rows && t->dim[1] == cols) return true;
    graph_fail(g, ERR_CONFIG, "attn: table '%s' must be [%lld,%lld]", t->name, (long long)rows, (long long)cols);
    return false;
}

static bool check_spec(struct graph *g, const struct tensor *q, const struct tensor *kv, const struct attn_spec *s)
{
    int64_t rows = g->opts.rows, heads = (int64_t)s->H + (kv ? 0 : 2 * (int64_t)s->Hk);
    if (s->H < 1 || s->Hk < 1 || s->D < 1 || s->H % s->Hk || q->dim[1] != heads * s->D || q->dim[0] % rows ||
        (kv && (kv->dim[1] != 2 * (int64_t)s->Hk * s->D || kv->dim[0] % rows || kv->dtype != q->dtype))) {
        graph_fail(g, ERR_CONFIG, "attn: '%s' [%lld,%lld] is not %lld heads of %d, %d of them for keys", q->name,
                   (long long)q->dim[0], (long long)q->dim[1], (long long)heads, s->D, s->Hk);
        return false;
    }
    if (!(s->dropout >= 0 && s->dropout < 1) || !(s->softcap >= 0) || s->window < 0 || !isfinite(s->scale)) {
        graph_fail(g, ERR_CONFIG, "attn: dropout %g, softcap %g, window %d or scale %g is out of range",
                   (double)s->dropout, (double)s->softcap, s->window, (double)s->scale);
        return false;
    }
    if (s->t5 && (s->buckets < 2 || s->max_distance <= s->buckets / (s->causal ? 2 : 4))) {
        graph_fail(g, ERR_CONFIG, "attn: %d buckets up to distance %d are not possible", s->buckets, s->max_distance);
        return false;
    }
    if ((s->shaw_k || s->shaw_v) && s->clip < 1) {
        graph_fail(g, ERR_CONFIG, "attn: a clip of %d", s->clip);
        return false;
    }
    int64_t bins = 2 * (int64_t)s->clip + 1;
    return want_vector(g, "attn", s->sink, s->H) && want_table(g, s->t5, s->buckets, s->H) &&
           want_table(g, s->shaw_k, bins, s->D) && want_table(g, s->shaw_v, bins, s->D);
}

static struct tensor *build(struct graph *g, struct tensor *q, struct tensor *kv, struct tensor *const ids[4],
                            const struct attn_spec *s)
{
    struct attn_attr *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &attn_op, a) : NULL;
    if (!n) return NULL;
    a->s = *s;
    if (!s->shaw_k && !s->shaw_v) a->s.clip = 0;
    a->T = (int)(q->dim[0] / g->opts.rows);
    a->S = kv ? (int)(kv->dim[0] / g->opts.rows) : a->T;
    if (s->t5) {
        a->rel_ld = attn_rel_size(a->T, a->S, 0);
        a->bucket = graph_zalloc(g, (size_t)a->rel_ld, sizeof *a->bucket);
        for (int64_t i = 0; a->bucket && i < a->rel_ld; i++)
            a->bucket[i] = t5_bucket(attn_rel_zero(a->S) - (int)i, s->causal, s->buckets, s->max_distance);
        if (!a->bucket) return NULL;
    }
    if (s->dropout > 0) a->instance = (uint32_t)g->n_random++;
    if (s->alibi) {
        a->alibi = graph_zalloc(g, (size_t)s->H, sizeof *a->alibi);
        if (!a->alibi) return NULL;
        memcpy(a->alibi, s->alibi, (size_t)s->H * sizeof *a->alibi);
    }
    node_in(n, q);
    node_in(n, kv);
    for (int i = 0; i < 4; i++) node_in(n, ids[i]);
    node_in(n, s->sink);
    node_in(n, s->t5);
    node_in(n, s->shaw_k);
    node_in(n, s->shaw_v);
    struct tensor *o = tensor_2d(g, q->dtype, q->dim[0], (int64_t)s->H * s->D, "attn");
    node_out(n, o);
    int64_t dim[3] = {g->opts.rows, s->H, a->T};
    if (o && o->needs_grad) node_out(n, tensor_new(g, T_ACT, DT_F32, 3, dim, "attn lse"));
    return o;
}

struct tensor *op_attn(struct graph *g, struct tensor *qkv, struct tensor *seg_start, const struct attn_spec *s)
{
    if (!want_2d(g, "attn", qkv) || !check_spec(g, qkv, NULL, s)) return NULL;
    if ((seg_start && !want_ids(g, "attn", seg_start, qkv->dim[0])) ||
        (s->prefix_end && !want_ids(g, "attn", s->prefix_end, qkv->dim[0])))
        return NULL;
    return build(g, qkv, NULL, (struct tensor *const[4]){seg_start, s->prefix_end}, s);
}

struct tensor *op_attn_cross(struct graph *g, struct tensor *q, struct tensor *kv, struct tensor *lo, struct tensor *hi,
                             const struct attn_spec *s)
{
    if (!want_2d(g, "attn", q) || !want_2d(g, "attn", kv) || !check_spec(g, q, kv, s)) return NULL;
    if (!lo != !hi || (lo && (!want_ids(g, "attn", lo, q->dim[0]) || !want_ids(g, "attn", hi, q->dim[0])))) return NULL;
    if (s->causal || s->window || s->prefix_end)
        return graph_fail(g, ERR_CONFIG, "attn: cross-attention is neither causal nor windowed");
    return build(g, q, kv, (struct tensor *const[4]){NULL, NULL, lo, hi}, s);
}
