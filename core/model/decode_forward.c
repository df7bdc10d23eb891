/* decode_forward.c - one pass over the layers.
 *
 * Work is cut into slices of output columns (products), heads (attention) or
 * rows (norms); no result depends on who computes it. */
#include <math.h>
#include <string.h>

#include "core/model/decode_internal.h"

static void run_gemm(const struct product *p, int part, float *y, int n0, int n1, int thread)
{
    struct decoder *d = p->d;
    char *ws = d->ws + (size_t)thread * (d->ws_bytes + d->panel_bytes);
    void *panel = ws + d->ws_bytes;
    int N = n1 - n0;
    const char *w = (const char *)p->w[part] + (size_t)n0 * (size_t)p->K * dtype_size(d->dt);
    d->k->pack_b(d->dt, panel, p->K, N, w, d->dt, p->K, true, 0, 0, N);
    struct gemm g = {.M = p->m, .N = N, .K = p->K, .ab = d->dt, .A = p->xg, .lda = p->K, .Bp = panel, .C = y + n0,
                     .ldc = p->ld, .c = DT_F32, .bias = p->b[part] ? p->b[part] + n0 : NULL};
    d->k->gemm(&g, 0, p->m, 0, N, ws);
}

void decode_part(const struct product *p, int part, float *y, int n0, int n1, int thread)
{
    const struct decoder *d = p->d;
    if (p->d->packed) {
        run_gemm(p, part, y, n0, n1, thread);
        return;
    }
    /* A block of weights stays in the first cache while all rows use it. */
    int block = p->m == 1 ? n1 - n0 : 16;
    for (int n = n0; n < n1; n += block)
        for (int i = 0; i < p->m; i++)
            d->k->gemv(y + i * p->ld, p->w[part], d->dt, p->K, p->x + (int64_t)i * p->K, p->K, n,
                       n + block < n1 ? n + block : n1, p->b[part]);
}

static void product_slice(void *arg, int slice, int thread)
{
    const struct product *p = arg;
    const struct kernels *k = p->d->k;
    int part = 0, at = 0, n0 = slice * p->columns;
    if (!p->glu)
        for (int blocks; slice >= (blocks = (p->n[part] + p->columns - 1) / p->columns); n0 = slice * p->columns) {
            slice -= blocks;
            at += p->n[part++];
        }
    int n1 = n0 + p->columns < p->n[part] ? n0 + p->columns : p->n[part];
    size_t n = (size_t)(n1 - n0);
    decode_part(p, part, p->y + at, n0, n1, thread);
    if (p->glu) decode_part(p, 1, p->y2, n0, n1, thread);
    for (int i = 0; i < p->m; i++) {
        float *y = p->y + i * p->ld + at + n0, *r = p->residual ? p->residual + i * p->ld + n0 : NULL;
        if (p->glu) k->glu(p->act, y, y, p->y2 + i * p->ld + n0, n);
        else if (p->act != ACT_NONE) k->act(p->act, y, y, n);
        if (r) k->add(r, r, y, n);
    }
}

/* Slices of columns: small enough to balance the threads, large enough that
 * taking one costs nothing. */
void decode_product(struct product *p)
{
    struct decoder *d = p->d;
    int total = 0, slices = 0, parts = p->glu ? 1 : p->n_parts;
    for (int i = 0; i < parts; i++) total += p->n[i];
    p->columns = (total / (4 * pool_threads(d->pool)) + 15) / 16 * 16;
    int most = d->packed ? DECODE_PANEL : 512;
    if (p->columns > most) p->columns = most;
    if (p->columns < 16) p->columns = 16;
    for (int i = 0; i < parts; i++) slices += (p->n[i] + p->columns - 1) / p->columns;
    pool_run(d->pool, slices, product_slice, p);
}

/* ---- work by rows ---- */

enum { SERIAL_ROWS = 4, ROWS_A_SLICE = 4 };

struct by_row {
    struct decoder *d;
    row_fn *fn;
    const void *arg;
    int m;
};

static void row_slice(void *arg, int slice, int thread)
{
    (void)thread;
    const struct by_row *w = arg;
    int end = (slice + 1) * ROWS_A_SLICE;
    for (int i = slice * ROWS_A_SLICE; i < end && i < w->m; i++) w->fn(w->d, w->arg, i);
}

/* A few rows cost less than waking the pool. */
void decode_by_row(struct decoder *d, int m, row_fn *fn, const void *arg)
{
    struct by_row w = {d, fn, arg, m};
    if (m <= SERIAL_ROWS)
        for (int i = 0; i < m; i++) fn(d, arg, i);
    else pool_run(d->pool, (m + ROWS_A_SLICE - 1) / ROWS_A_SLICE, row_slice, &w);
}

static void embed_row(struct decoder *d, const void *arg, int row)
{
    int C = d->c.d_model;
    size_t n = (size_t)C;
    int64_t id = ((const int32_t *)arg)[row], at = d->row_pos[row];
    float *x = d->x + (int64_t)row * C, *t = d->t + (int64_t)row * C;
    if (d->dt == DT_F32) memcpy(x, (const float *)d->embed + id * C, n * sizeof *x);
    else d->k->f32_from_bf16(x, (const uint16_t *)d->embed + id * C, n);
    if (d->c.embed_scale != 1) d->k->scale(x, (float)d->c.embed_scale, x, n);
    if (d->sinusoid) d->k->add(x, x, d->sinusoid + at * C, n);
    if (!d->pos) return;
    at += d->c.pos_offset;
    if (d->dt == DT_F32) {
        d->k->add(x, x, (const float *)d->pos + at * C, n);
    } else {
        d->k->f32_from_bf16(t, (const uint16_t *)d->pos + at * C, n);
        d->k->add(x, x, t, n);
    }
}

struct norm_job {
    const float *w, *b, *x;
    float *y;
    enum norm_kind kind;
    float eps;
    float *add_to;  /* += y, or NULL */
};

static void norm_row(struct decoder *d, const void *arg, int row)
{
    const struct norm_job *j = arg;
    int C = d->c.d_model;
    float *y = j->y + (int64_t)row * C, mean, rstd;
    const float *x = j->x + (int64_t)row * C;
    if (j->kind == NORM_RMS) d->k->rmsnorm(y, x, j->w, C, j->eps, &rstd);
    else d->k->layernorm(y, x, j->w, j->b, C, j->eps, &mean, &rstd);
    if (j->add_to) d->k->add(j->add_to + (int64_t)row * C, j->add_to + (int64_t)row * C, y, (size_t)C);
}

static void norm(struct decoder *d, int m, const struct dec_layer *l, enum slot_role role, const float *x, float *y,
                 float *add_to)
{
    struct norm_job j = {.w = l->vec[role], .b = l->vec[role + 1], .x = x, .y = y, .kind = l->k->norm,
                         .eps = (float)l->k->norm_eps, .add_to = add_to};
    decode_by_row(d, m, norm_row, &j);
}

static void store(struct decoder *d, void *dst, const float *src, size_t n)
{
    if (d->dt == DT_F32) memcpy(dst, src, n * sizeof *src);
    else d->k->bf16_from_f32(dst, src, n);
}

static void *advance(const struct decoder *d, void *p, int64_t elements)
{
    return (char *)p + elements * (int64_t)dtype_size(d->dt);
}

static void clamp(float *x, int n, float c)
{
    for (int i = 0; i < n; i++) x[i] = x[i] > c ? c : x[i] < -c ? -c : x[i];
}

/* Norms, rotation; q to its buffer, k and v into the cache. */
static void qk_row(struct decoder *d, const void *arg, int row)
{
    const struct dec_layer *l = arg;
    const struct block_config *k = l->k;
    int D = k->head_dim, H = k->heads, Hk = k->kv_heads, half = l->rope ? l->rope->n_rot / 2 : 0;
    int64_t at = d->row_pos[row];
    float *x = d->qkv + (int64_t)row * (H + 2 * Hk) * D, rstd;
    if (k->qk_norm == QK_FULL_RMS) {
        d->k->rmsnorm(x, x, l->vec[SLOT_QNORM], H * D, (float)k->norm_eps, &rstd);
        d->k->rmsnorm(x + (int64_t)H * D, x + (int64_t)H * D, l->vec[SLOT_KNORM], Hk * D, (float)k->norm_eps, &rstd);
    }
    for (int h = 0; h < H + Hk && (k->qk_norm == QK_HEAD_RMS || k->qk_norm == QK_HEAD_LN); h++) {
        float *v = x + (int64_t)h * D, mean;
        const float *w = l->vec[h < H ? SLOT_QNORM : SLOT_KNORM];
        if (k->qk_norm == QK_HEAD_RMS) d->k->rmsnorm(v, v, w, D, (float)k->norm_eps, &rstd);
        else d->k->layernorm(v, v, w + (h < H ? h : h - H) * D, NULL, D, (float)k->norm_eps, &mean, &rstd);
    }
    if (k->clip_qkv > 0) clamp(x, (H + 2 * Hk) * D, (float)k->clip_qkv);
    for (int h = 0; h < H + Hk; h++) {
        float *v = x + (int64_t)h * D;
        if (l->rope)
            d->k->rope(v, l->rope->cos + at * half, l->rope->sin + at * half, l->rope->n_rot, k->interleaved, 1);
    }
    store(d, advance(d, d->q, (int64_t)row * H * D), x, (size_t)(H * D));
    for (int kv = 0; kv < 2; kv++)
        for (int h = 0; h < Hk; h++)
            store(d, advance(d, cache_at(d, l, d->row_seq[row], kv, h), at * D), x + (int64_t)(H + kv * Hk + h) * D,
                  (size_t)D);
}

static void to_half(struct decoder *d, const void *arg, int row)
{
    const struct product *p = arg;
    d->k->bf16_from_f32(d->half + (int64_t)row * p->K, p->x + (int64_t)row * p->K, (size_t)p->K);
}

static void widen_att(struct decoder *d, const void *arg, int row)
{
    size_t n = *(const size_t *)arg;
    d->k->f32_from_bf16(d->att32 + (size_t)row * n, (const uint16_t *)d->att + (size_t)row * n, n);
}

/* ---- attention ---- */

enum { QUERIES_A_SLICE = 32 };

struct attn_job {
    struct decoder *d;
    const struct dec_layer *l;
    int blocks; /* of queries, in a span */
    bool cross; /* to the source */
};

/* A slice is one kv head of one span and a block of its queries: the cached
 * keys are read once for all heads of the group. */
static void attn_slice(void *arg, int slice, int thread)
{
    const struct attn_job *j = arg;
    struct decoder *d = j->d;
    const struct block_config *k = j->l->k;
    int block = slice % j->blocks, hk = slice / j->blocks % k->kv_heads;
    const struct dec_span *s = &d->spans[slice / j->blocks / k->kv_heads];
    int D = k->head_dim, G = k->heads / k->kv_heads;
    int q0 = block * QUERIES_A_SLICE, q1 = q0 + QUERIES_A_SLICE < s->n ? q0 + QUERIES_A_SLICE : s->n;
    int64_t head = ((int64_t)s->row * k->heads + hk * G) * D;
    bool latent = k->mixer == MIX_MLA;
    int64_t own = (int64_t)hk * d->max_len * D;
    struct attn a = {.Tq = s->n,
                     .Tk = s->pos + s->n,
                     .H = G,
                     .Hk = 1,
                     .D = D,
                     .q_offset = s->pos,
                     .dt = d->dt,
                     .q = advance(d, d->q, head),
                     .k = latent ? advance(d, d->mla.keys[0], own) : cache_at(d, j->l, s->seq, 0, hk),
                     .v = latent ? advance(d, d->mla.keys[1], own) : cache_at(d, j->l, s->seq, 1, hk),
                     .q_stride = k->heads * D,
                     .k_stride = D,
                     .v_stride = D,
                     .out = advance(d, d->att, head),
                     .o_stride = k->heads * D,
                     .scale = latent ? decode_mla_scale(k) : (float)(k->scale > 0 ? k->scale : 1 / sqrt(D)),
                     .softcap = (float)k->softcap};
    if (j->cross) {
        a.Tk = d->source_len[s->seq];
        a.q_offset = 0;
        a.k = source_at(d, j->l, s->seq, 0, hk);
        a.v = source_at(d, j->l, s->seq, 1, hk);
    } else {
        const float *sink = j->l->vec[SLOT_SINK];
        a.causal = true;
        a.window = k->window;
        a.alibi = k->pos == POS_ALIBI ? d->slopes + hk * G : NULL;
        a.sink = sink ? sink + hk * G : NULL;
        a.rel_bias = j->l->rel ? j->l->rel + hk * G * d->rel_ld : NULL;
        a.rel_ld = d->rel_ld;
        a.rel_zero = d->rel_zero;
        a.clip = k->pos == POS_SHAW ? k->clip : 0;
        a.shaw_k = j->l->shaw_k;
        a.shaw_v = j->l->shaw_v;
    }
    char *ws = d->ws + (size_t)thread * (d->ws_bytes + d->panel_bytes);
    for (int h = 0; h < G && q0 < q1; h++) d->k->attn_fwd(&a, h, q0, q1, ws);
}

/* ---- the layer ---- */

void decode_prepare(struct product *p)
{
    p->xg = p->x;
    if (!p->d->packed || p->d->dt == DT_F32) return;
    decode_by_row(p->d, p->m, to_half, p);
    p->xg = p->d->half;
}

static void add_row(struct decoder *d, const void *arg, int row)
{
    size_t C = (size_t)d->c.d_model;
    float *x = d->x + (size_t)row * C, *t = d->t + (size_t)row * C, scale = *(const float *)arg;
    if (scale != 1) d->k->scale(t, scale, t, C);
    d->k->add(x, x, t, C);
}

/* x += d->t, normed and scaled as the block has it. */
static void add_output(struct decoder *d, int m, const struct dec_layer *l, enum slot_role post)
{
    float scale = (float)l->k->residual_scale;
    if (norm_behind(l->k)) norm(d, m, l, post, d->t, d->t, NULL);
    decode_by_row(d, m, add_row, &scale);
}

/* x += or = the output of a sublayer, with the norm that may follow it. */
void decode_join(struct decoder *d, int m, const struct dec_layer *l, struct product *p, enum slot_role post,
                 enum slot_role after)
{
    const struct block_config *k = l->k;
    bool direct = !norm_behind(k) && k->residual_scale == 1;
    p->y = d->t;
    p->ld = d->c.d_model;
    p->residual = direct ? d->x : NULL;
    decode_product(p);
    if (!direct) add_output(d, m, l, post);
    if (k->place == PLACE_POST) norm(d, m, l, after, d->x, d->x, NULL);
}

void decode_attend(struct decoder *d, int n_spans, int m, const struct dec_layer *l)
{
    struct attn_job j = {d, l, 1, false};
    if (n_spans == 1) j.blocks = (m + QUERIES_A_SLICE - 1) / QUERIES_A_SLICE;
    pool_run(d->pool, n_spans * l->k->kv_heads * j.blocks, attn_slice, &j);
}

static void attention(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in)
{
    const struct block_config *k = l->k;
    int HD = k->heads * k->head_dim, C = d->c.d_model;
    struct product qkv = {.d = d, .m = m, .K = C, .n_parts = 3, .x = in, .y = d->qkv,
                          .ld = HD + 2 * k->kv_heads * k->head_dim};
    for (int i = 0; i < 3; i++) {
        qkv.w[i] = l->qkv_w[i];
        qkv.b[i] = l->qkv_b[i];
        qkv.n[i] = l->qkv_n[i];
    }
    bool latent = k->mixer == MIX_MLA;
    if (latent) {
        decode_mla(d, n_spans, m, l, in);
    } else {
        decode_prepare(&qkv);
        decode_product(&qkv);
        decode_by_row(d, m, qk_row, l);
        if (k->pos == POS_ALIBI) alibi_slopes(d->slopes, k->heads);
        decode_attend(d, n_spans, m, l);
    }
    /* A parallel FFN reads the stream as it was. */
    if (k->place == PLACE_PARALLEL) norm(d, m, l, SLOT_NORM2_W, d->x, d->h, NULL);
    size_t width = (size_t)HD;
    if (d->dt == DT_BF16 && !d->packed && !latent) decode_by_row(d, m, widen_att, &width);
    struct product o = {.d = d, .m = m, .K = HD, .n_parts = 1, .w = {l->o_w}, .b = {l->vec[SLOT_O_B]}, .n = {C},
                        .x = d->att32, .xg = d->att};
    if (latent) {
        o.K = k->heads * k->mla.v_dim;
        o.x = d->mla.v;
        decode_prepare(&o);
    }
    decode_join(d, m, l, &o, SLOT_POST1_W, SLOT_NORM1_W);
}

/* Attention to the source: the query only, its keys and values are there. */
static void cross(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in)
{
    const struct block_config *k = l->k;
    int HD = k->heads * k->head_dim, C = d->c.d_model;
    struct product q = {.d = d, .m = m, .K = C, .n_parts = 1, .w = {l->xq_w}, .b = {l->vec[SLOT_XQ_B]}, .n = {HD},
                        .x = in, .y = d->qkv, .ld = HD};
    decode_prepare(&q);
    decode_product(&q);
    store(d, d->q, d->qkv, (size_t)m * (size_t)HD);
    struct attn_job j = {d, l, 1, true};
    if (n_spans == 1) j.blocks = (m + QUERIES_A_SLICE - 1) / QUERIES_A_SLICE;
    pool_run(d->pool, n_spans * k->kv_heads * j.blocks, attn_slice, &j);
    size_t width = (size_t)HD;
    if (d->dt == DT_BF16 && !d->packed) decode_by_row(d, m, widen_att, &width);
    struct product o = {.d = d, .m = m, .K = HD, .n_parts = 1, .w = {l->xo_w}, .b = {l->vec[SLOT_XO_B]}, .n = {C},
                        .x = d->att32, .xg = d->att};
    decode_join(d, m, l, &o, SLOT_POSTX_W, SLOT_XNORM_W);
}

void decode_source_kv(struct decoder *d, const struct dec_layer *l, int seq, int at, int m)
{
    int Hk = l->k->kv_heads, D = l->k->head_dim, W = Hk * D;
    struct product kv = {.d = d, .m = m, .K = d->c.d_model, .n_parts = 2, .w = {l->xkv_w[0], l->xkv_w[1]},
                         .b = {l->vec[SLOT_XK_B], l->vec[SLOT_XV_B]}, .n = {W, W}, .x = d->h, .y = d->qkv, .ld = 2 * W};
    decode_prepare(&kv);
    decode_product(&kv);
    for (int i = 0; i < m; i++)
        for (int h = 0; h < 2 * Hk; h++)
            store(d, advance(d, source_at(d, l, seq, h / Hk, h % Hk), (int64_t)(at + i) * D),
                  d->qkv + (int64_t)i * 2 * W + (int64_t)h * D, (size_t)D);
}

void decode_glu(struct decoder *d, int m, const struct dec_layer *l, const float *in, const void *gate, const void *up,
                const void *down, int F)
{
    struct product one = {.d = d, .m = m, .K = d->c.d_model, .n_parts = 1, .x = in, .y = d->ff, .y2 = d->ff2, .ld = F,
                          .act = l->k->act, .glu = true, .w = {gate, up}, .n = {F, F}};
    decode_prepare(&one);
    decode_product(&one);
    struct product two = {.d = d, .m = m, .K = F, .n_parts = 1, .w = {down}, .n = {d->c.d_model}, .x = d->ff, .y = d->t,
                          .ld = d->c.d_model};
    decode_prepare(&two);
    decode_product(&two);
}

static void feed_forward(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in)
{
    const struct block_config *k = l->k;
    if (k->ffn == FFN_CMIX) {
        decode_cmix(d, n_spans, m, l, in);
        return;
    }
    if (k->ffn == FFN_MOE) {
        decode_moe(d, m, l, in);
        add_output(d, m, l, SLOT_POST2_W);
        if (k->place == PLACE_POST) norm(d, m, l, SLOT_NORM2_W, d->x, d->x, NULL);
        return;
    }
    bool glu = k->ffn == FFN_GLU;
    struct product up = {.d = d, .m = m, .K = d->c.d_model, .n_parts = 1, .x = in, .y = d->ff, .y2 = d->ff2,
                         .ld = k->d_ff, .act = k->act, .glu = glu, .n = {k->d_ff, k->d_ff}};
    up.w[0] = glu ? l->gate_w : l->up_w;
    up.b[0] = l->vec[glu ? SLOT_GATE_B : SLOT_UP_B];
    up.w[1] = l->up_w;
    up.b[1] = l->vec[SLOT_UP_B];
    decode_prepare(&up);
    decode_product(&up);
    struct product down = {.d = d, .m = m, .K = k->d_ff, .n_parts = 1, .w = {l->down_w}, .b = {l->vec[SLOT_DOWN_B]},
                           .n = {d->c.d_model}, .x = d->ff};
    decode_prepare(&down);
    decode_join(d, m, l, &down, SLOT_POST2_W, SLOT_NORM2_W);
}

static void block(struct decoder *d, int n_spans, int m, const struct dec_layer *l)
{
    enum norm_place place = l->k->place;
    bool before = norm_before(l->k);
    const float *in = before ? d->h : d->x;
    if (before) norm(d, m, l, SLOT_NORM1_W, d->x, d->h, NULL);
    if (l->k->mixer < MIX_RWKV4) attention(d, n_spans, m, l, in);
    else decode_rwkv(d, n_spans, m, l, d->h);
    if (l->k->cross) {
        if (before) norm(d, m, l, SLOT_XNORM_W, d->x, d->h, NULL);
        cross(d, n_spans, m, l, in);
    }
    if (place == PLACE_PRE || place == PLACE_SANDWICH) norm(d, m, l, SLOT_NORM2_W, d->x, d->h, NULL);
    feed_forward(d, n_spans, m, l, in);
}

void decode_forward(struct decoder *d, int n_spans, int m, const int32_t *ids)
{
    for (int i = 0; i < n_spans && d->recurrent; i++)
        if (d->spans[i].pos == 0) decode_start_states(d, d->spans[i].seq);
    const struct block_config *last = d->layer[d->n_layers - 1].k;
    decode_by_row(d, m, embed_row, ids);
    struct norm_job first = {.w = d->embed_norm_w, .b = d->embed_norm_b, .x = d->x, .y = d->x, .kind = last->norm,
                             .eps = (float)last->norm_eps};
    if (d->embed_norm_w) decode_by_row(d, m, norm_row, &first);
    for (int i = 0; i < d->n_layers; i++) block(d, n_spans, m, &d->layer[i]);
    if (!d->c.head_norm) {
        memcpy(d->h, d->x, (size_t)m * (size_t)d->c.d_model * sizeof *d->h);
        return;
    }
    struct norm_job j = {.w = d->norm_w, .b = d->norm_b, .x = d->x, .y = d->h, .kind = last->norm,
                         .eps = (float)last->norm_eps};
    decode_by_row(d, m, norm_row, &j);
}

void decode_logits(struct decoder *d, int row, int n, float *logits)
{
    struct product p = {.d = d, .m = n, .K = d->c.d_model, .n_parts = 1, .w = {d->head}, .b = {d->head_bias},
                        .n = {d->c.vocab}, .x = d->h + (int64_t)row * d->c.d_model, .y = logits, .ld = d->c.vocab};
    decode_prepare(&p);
    decode_product(&p);
    float scale = (float)d->c.logit_scale, cap = (float)d->c.head_softcap;
    size_t total = (size_t)n * (size_t)d->c.vocab;
    if (scale != 1) d->k->scale(logits, scale, logits, total);
    if (cap > 0) {
        d->k->scale(logits, 1 / cap, logits, total);
        d->k->tanh(logits, logits, total);
        d->k->scale(logits, cap, logits, total);
    }
}
