/* Attention against a naive double implementation, by error bounds that follow
 * from the number of roundings; across ISAs, slices and golden cases by bits. */
#include "tests/kernels/krows.h"

struct shape {
    const char *name;
    int Tq, Tk, H, Hk, D, q_offset, window;
    bool causal, seg, alibi, sink, prefix, range, rel, no_shaw_v;
    int clip;                           /* of Shaw's tables */
    float softcap;
    uint32_t drop;
    enum dtype dt;
};

#define S(n, tq, tk, h, hk, d, ...) {.name = n, .Tq = tq, .Tk = tk, .H = h, .Hk = hk, .D = d, __VA_ARGS__}
static const struct shape shapes[] = {
    S("causal", 21, 21, 2, 2, 8, .causal = true),
    S("causal, two key tiles", 130, 130, 2, 1, 16, .causal = true),
    S("causal, D = 64", 100, 100, 2, 2, 64, .causal = true),
    S("causal, D = 80, groups", 67, 67, 4, 2, 80, .causal = true),
    S("odd head size", 37, 37, 3, 1, 27, .causal = true),
    S("large head size", 40, 40, 1, 1, 256, .causal = true),
    S("D = 48", 70, 70, 1, 1, 48, .causal = true),
    S("bidirectional", 70, 70, 2, 1, 32, .causal = false),
    S("cross", 33, 90, 2, 2, 16, .causal = false),
    S("window", 150, 150, 2, 2, 32, .causal = true, .window = 40),
    S("window 1", 20, 20, 1, 1, 16, .causal = true, .window = 1),
    S("bidirectional window", 150, 150, 1, 1, 16, .window = 9),
    S("segments", 140, 140, 4, 2, 32, .causal = true, .seg = true),
    S("bidirectional segments", 140, 140, 2, 2, 16, .seg = true),
    S("segments, window", 140, 140, 2, 1, 16, .causal = true, .seg = true, .window = 6),
    S("softcap", 80, 80, 2, 2, 16, .causal = true, .softcap = 2),
    S("alibi", 90, 90, 4, 4, 16, .causal = true, .alibi = true),
    S("sink", 75, 75, 4, 2, 16, .causal = true, .window = 20, .sink = true),
    S("dropout", 75, 75, 2, 2, 32, .causal = true, .drop = 0x33333333),
    S("everything", 139, 139, 4, 2, 24, .causal = true, .seg = true, .window = 50, .softcap = 3, .alibi = true, .sink = true, .drop = 0x20000000),
    S("chunk of a cache", 9, 300, 2, 1, 32, .q_offset = 291, .causal = true),
    S("one query of a cache", 1, 700, 4, 2, 64, .q_offset = 699, .causal = true),
    S("three queries, all options", 3, 290, 4, 2, 24, .q_offset = 287, .causal = true, .window = 280, .softcap = 3, .alibi = true, .sink = true, .drop = 0x20000000),
    S("bidirectional alibi", 70, 70, 2, 2, 16, .alibi = true),
    S("prefix", 140, 140, 2, 1, 16, .causal = true, .seg = true, .prefix = true),
    S("prefix, window", 140, 140, 2, 2, 16, .causal = true, .prefix = true, .window = 30),
    S("ranges of another sequence", 75, 130, 4, 2, 16, .range = true),
    S("ranges, bf16", 30, 90, 2, 1, 24, .range = true, .dt = DT_BF16),
    S("bias of distance", 130, 130, 4, 2, 16, .rel = true),
    S("causal bias of distance", 90, 90, 2, 2, 24, .causal = true, .seg = true, .rel = true, .softcap = 3),
    S("bias of distance, one query", 1, 300, 4, 2, 32, .q_offset = 299, .causal = true, .rel = true),
    S("bias of distance, chunk", 20, 300, 2, 2, 16, .q_offset = 280, .causal = true, .rel = true),
    S("shaw", 130, 130, 2, 2, 16, .clip = 4),
    S("shaw causal, groups", 139, 139, 4, 2, 24, .causal = true, .seg = true, .clip = 20),
    S("shaw, keys only", 70, 70, 2, 1, 16, .causal = true, .clip = 7, .no_shaw_v = true),
    S("shaw, beyond the length", 40, 40, 2, 2, 8, .clip = 64),
    S("shaw, one query", 1, 290, 4, 2, 24, .q_offset = 289, .causal = true, .clip = 9),
    S("shaw, all options", 100, 100, 4, 2, 16, .causal = true, .clip = 5, .softcap = 3, .window = 40, .sink = true, .alibi = true, .rel = true, .drop = 0x20000000),
    S("bf16", 100, 100, 4, 2, 64, .causal = true, .dt = DT_BF16),
    S("bf16, odd head size", 21, 21, 1, 1, 9, .dt = DT_BF16),
    S("bf16, one query", 1, 130, 2, 2, 40, .q_offset = 129, .causal = true, .dt = DT_BF16),
};

/* One problem with its buffers: fused qkv of both sides, outputs in f32 or bf16. */
struct problem {
    struct attn a;
    const struct shape *s;
    int group;
    float *q, *k, *v, *dout;            /* values, f32, contiguous [T][heads][D] */
    void *bq, *bk, *bv, *bdout;         /* the same as the kernel sees them, with gaps */
    float alibi[8], sink[8], dsink[8];
    float *rel, *shaw_k, *shaw_v;       /* [H][rel_ld], [2 clip + 1][D] */
    size_t n_rel, n_shaw;
    int32_t *seg, *prefix, *lo, *hi;
    void *ws;
};

enum { GAP = 5 };

static void *to_strided(const float *x, int T, int C, enum dtype dt)
{
    size_t ld = (size_t)C + GAP, n = (size_t)T * ld;
    float *f = calloc(n, sizeof *f);
    uint16_t *h = calloc(n, sizeof *h);
    assert_true(f && h);
    for (int t = 0; t < T; t++) memcpy(f + (size_t)t * ld, x + (size_t)t * (size_t)C, (size_t)C * sizeof *f);
    kernels_isa("ref")->bf16_from_f32(h, f, n);
    if (dt == DT_BF16) return free(f), h;
    return free(h), f;
}

/* Values that bf16 can hold, so that both types see the same problem. */
static float *values(int T, int C, uint64_t stream, float size)
{
    size_t n = (size_t)T * (size_t)C;
    float *x = malloc(n * sizeof *x);
    uint16_t *h = malloc(n * sizeof *h);
    assert_true(x && h);
    t_fill(x, n, stream, -size, size);
    kernels_isa("ref")->bf16_from_f32(h, x, n);
    kernels_isa("ref")->f32_from_bf16(x, h, n);
    free(h);
    return x;
}

static void setup(struct problem *p, const struct shape *s)
{
    const int CQ = s->H * s->D, CK = s->Hk * s->D;
    *p = (struct problem){.s = s, .group = s->H / s->Hk};
    p->q = values(s->Tq, CQ, 1, 1.5f);
    p->k = values(s->Tk, CK, 2, 1.5f);
    p->v = values(s->Tk, CK, 3, 1);
    p->dout = values(s->Tq, CQ, 4, 1);
    p->bq = to_strided(p->q, s->Tq, CQ, s->dt);
    p->bk = to_strided(p->k, s->Tk, CK, s->dt);
    p->bv = to_strided(p->v, s->Tk, CK, s->dt);
    p->bdout = to_strided(p->dout, s->Tq, CQ, s->dt);
    p->seg = malloc((size_t)s->Tk * sizeof *p->seg);
    assert_non_null(p->seg);
    for (int j = 0, start = 0; j < s->Tk; j++) {
        if (j == 3 || j == 40 || j == 64 || j == 65 || j == 128) start = j;
        p->seg[j] = start;
    }
    p->prefix = malloc((size_t)s->Tk * sizeof *p->prefix);
    p->lo = malloc((size_t)s->Tq * sizeof *p->lo);
    p->hi = malloc((size_t)s->Tq * sizeof *p->hi);
    assert_true(p->prefix && p->lo && p->hi);
    for (int j = 0; j < s->Tk; j++) { /* a few tokens of each segment */
        int end = (s->seg ? p->seg[j] : 0) + 11;
        p->prefix[j] = end < s->Tk && (!s->seg || p->seg[end - 1] == p->seg[j]) ? end : 0;
    }
    for (int i = 0; i < s->Tq; i++) p->lo[i] = i / 9 * 7, p->hi[i] = i / 9 == 2 ? p->lo[i] : p->lo[i] + 20 + i % 5;
    p->a.rel_ld = attn_rel_size(s->Tq, s->Tk, s->q_offset);
    p->a.rel_zero = attn_rel_zero(s->Tk);
    int64_t rel_ld = p->a.rel_ld;
    int rel_zero = p->a.rel_zero;
    p->n_rel = (size_t)rel_ld * (size_t)s->H;
    p->n_shaw = s->clip ? (size_t)(2 * s->clip + 1) * (size_t)s->D : 1;
    p->rel = values((int)rel_ld, s->H, 5, 1);
    p->shaw_k = values((int)p->n_shaw, 1, 6, 1);
    p->shaw_v = values((int)p->n_shaw, 1, 7, 1);
    for (int h = 0; h < 8; h++) p->alibi[h] = 1 / (float)(2 + h), p->sink[h] = (float)h - 1;
    p->a = (struct attn){
        .Tq = s->Tq, .Tk = s->Tk, .H = s->H, .Hk = s->Hk, .D = s->D, .q_offset = s->q_offset, .dt = s->dt,
        .q = p->bq, .k = p->bk, .v = p->bv, .dout = p->bdout,
        .q_stride = CQ + GAP, .k_stride = CK + GAP, .v_stride = CK + GAP, .o_stride = CQ + GAP,
        .seg_start = s->seg ? p->seg : NULL, .prefix_end = s->prefix ? p->prefix : NULL,
        .lo = s->range ? p->lo : NULL, .hi = s->range ? p->hi : NULL,
        .rel_bias = s->rel ? p->rel : NULL, .rel_ld = rel_ld, .rel_zero = rel_zero,
        .clip = s->clip, .shaw_k = s->clip ? p->shaw_k : NULL, .shaw_v = s->clip && !s->no_shaw_v ? p->shaw_v : NULL, .scale = 1 / sqrtf((float)s->D), .softcap = s->softcap, .window = s->window, .causal = s->causal,
        .alibi = s->alibi ? p->alibi : NULL, .sink = s->sink ? p->sink : NULL,
        .drop_below = s->drop, .drop_scale = (float)(1 / (1 - (double)s->drop * 0x1p-32)), .drop_key = {5, 6}, .drop_ctr = {7, 8}, .drop_row = 11,
        .dsink = s->sink ? p->dsink : NULL,
    };
}

static void teardown(struct problem *p)
{
    free(p->q), free(p->k), free(p->v), free(p->dout), free(p->bq), free(p->bk), free(p->bv), free(p->bdout), free(p->seg), free(p->ws);
    free(p->prefix), free(p->lo), free(p->hi), free(p->rel), free(p->shaw_k), free(p->shaw_v);
}

/* Outputs of a run as f32 [T][C], gaps dropped. */
struct result {
    float *out, *lse, *dq, *dk, *dv, dsink[8], *drel, *dshaw[2];
};

static float *from_strided(void *x, int T, int C, enum dtype dt)
{
    size_t ld = (size_t)C + GAP;
    float *f = malloc((size_t)T * (size_t)C * sizeof *f);
    assert_non_null(f);
    for (int t = 0; t < T; t++) {
        if (dt == DT_F32) memcpy(f + (size_t)t * (size_t)C, (float *)x + (size_t)t * ld, (size_t)C * sizeof *f);
        else kernels_isa("ref")->f32_from_bf16(f + (size_t)t * (size_t)C, (uint16_t *)x + (size_t)t * ld, (size_t)C);
        for (size_t i = (size_t)C; i < ld; i++) /* the gap was 0 and stays 0 */
            assert_true(dt == DT_F32 ? ((float *)x)[(size_t)t * ld + i] == 0 : ((uint16_t *)x)[(size_t)t * ld + i] == 0);
    }
    free(x);
    return f;
}

static struct result run(struct problem *p, const struct kernels *k, int slice, bool backward)
{
    const struct shape *s = p->s;
    const int CQ = s->H * s->D, CK = s->Hk * s->D;
    struct attn a = p->a;
    size_t nq = (size_t)s->Tq * (size_t)(CQ + GAP), nk = (size_t)s->Tk * (size_t)(CK + GAP), es = dtype_size(s->dt);
    struct result r = {.lse = calloc((size_t)s->H * (size_t)s->Tq, sizeof(float))};
    a.lse = r.lse;
    a.out = calloc(nq, es), a.dq = calloc(nq, es), a.dk = calloc(nk, es), a.dv = calloc(nk, es);
    assert_true(r.lse && a.out && a.dq && a.dk && a.dv);
    /* A place for each kv head, added up afterwards. */
    float *tables = calloc(2 * p->n_shaw * (size_t)s->Hk, sizeof *tables);
    r.drel = calloc(p->n_rel, sizeof *r.drel);
    r.dshaw[0] = calloc(p->n_shaw, sizeof *r.drel), r.dshaw[1] = calloc(p->n_shaw, sizeof *r.drel);
    assert_true(tables && r.drel && r.dshaw[0] && r.dshaw[1]);
    for (int bwd = 0; bwd <= (int)backward; bwd++) {
        size_t need = k->attn_ws_bytes(s->Tq, s->Tk, s->D, s->clip, bwd);
        unsigned char *ws = aligned_alloc(64, (need + 64) / 64 * 64 + 64);
        assert_non_null(ws);
        memset(ws, 0xff, need + 32); /* NaN: nothing may be read before it is written */
        if (!bwd)
            for (int h = 0; h < s->H; h++)
                for (int i = 0; i < s->Tq; i += slice) k->attn_fwd(&a, h, i, i + slice < s->Tq ? i + slice : s->Tq, ws);
        else
            for (int h = 0; h < s->Hk; h++) {
                if (a.shaw_k) a.dshaw_k = tables + (size_t)h * 2 * p->n_shaw;
                if (a.shaw_v) a.dshaw_v = tables + ((size_t)h * 2 + 1) * p->n_shaw;
                if (s->rel) a.drel = r.drel + (size_t)(h * p->group) * (size_t)a.rel_ld;
                k->attn_bwd(&a, h, ws);
            }
        for (size_t i = need; i < need + 32; i++) assert_int_equal(ws[i], 0xff);
        free(ws);
    }
    memcpy(r.dsink, p->dsink, sizeof r.dsink);
    for (size_t i = 0; i < 2 * p->n_shaw * (size_t)s->Hk; i++) r.dshaw[i / p->n_shaw % 2][i % p->n_shaw] += tables[i];
    free(tables);
    r.out = from_strided(a.out, s->Tq, CQ, s->dt);
    r.dq = from_strided(a.dq, s->Tq, CQ, s->dt);
    r.dk = from_strided(a.dk, s->Tk, CK, s->dt);
    r.dv = from_strided(a.dv, s->Tk, CK, s->dt);
    return r;
}

static void free_result(struct result *r)
{
    free(r->out), free(r->lse), free(r->dq), free(r->dk), free(r->dv), free(r->drel), free(r->dshaw[0]), free(r->dshaw[1]);
}

/* ---- the naive implementation ---- */

struct exact {
    double *out, *lse, *dq, *dk, *dv, dsink[8], *drel, *dshaw[2];
    double e_p;       /* relative error that rounding may give a probability */
    double col;       /* largest sum of a column of P over the queries of a group */
};

static bool visible(const struct problem *p, int i, int j)
{
    const struct shape *s = p->s;
    int q = s->q_offset + i;
    if (s->range) return j >= p->lo[i] && j < p->hi[i];
    if (s->causal && j > q && !(s->prefix && j < p->prefix[q])) return false;
    if (s->window > 0 && j <= q - s->window) return false;
    if (s->window > 0 && !s->causal && j >= q + s->window) return false;
    return !s->seg || p->seg[q] == p->seg[j];
}

static double drop(const struct problem *p, int h, int i, int j)
{
    if (!p->s->drop) return 1;
    struct rng_key k = {{5, 6}, {7, 8}};
    uint64_t index = ((uint64_t)11 * (uint64_t)p->s->H + (uint64_t)h) << 36 | (uint64_t)(p->s->q_offset + i) << 18 | (uint64_t)j;
    return rng_u32(&k, index) >= p->s->drop ? (double)p->a.drop_scale : 0;
}

/* Bin of Shaw's tables. */
static size_t bin(const struct shape *s, int i, int j)
{
    int d = j - s->q_offset - i;
    return (size_t)((d < -s->clip ? -s->clip : d > s->clip ? s->clip : d) + s->clip);
}

/* Element d of key (kv 0) or value (kv 1) j as query i sees it. */
static double kv_at(const struct problem *p, int kv, int h, int i, int j, int d)
{
    const struct shape *s = p->s;
    double x = (double)(kv ? p->v : p->k)[(size_t)(j * s->Hk + h / p->group) * (size_t)s->D + (size_t)d];
    const float *table = kv ? p->a.shaw_v : p->a.shaw_k;
    return table ? x + (double)table[bin(s, i, j) * (size_t)s->D + (size_t)d] : x;
}

static size_t rel_at(const struct problem *p, int h, int i, int j)
{
    return (size_t)(h * p->a.rel_ld + p->a.rel_zero + p->s->q_offset + i - j);
}

static void naive_row(const struct problem *p, struct exact *x, int h, int i, double *P, double *slope)
{
    const struct shape *s = p->s;
    const float *q = p->q + (size_t)(i * s->H + h) * (size_t)s->D;
    double m = s->sink ? (double)p->sink[h] : -HUGE_VAL, l = 0;
    for (int j = 0; j < s->Tk; j++) {
        double dot = 0, mag = 0, cap = (double)s->softcap;
        for (int d = 0; d < s->D; d++) {
            double k = kv_at(p, 0, h, i, j, d);
            dot += (double)q[d] * k, mag += fabs((double)q[d] * k);
        }
        P[j] = dot * (double)p->a.scale;
        slope[j] = 1;
        int away = j - s->q_offset - i;
        double bias = s->alibi ? (double)p->alibi[h] * (s->causal ? away : -abs(away)) : 0;
        if (s->rel) bias += (double)p->rel[rel_at(p, h, i, j)];
        /* D products in a chain, scale, cap and bias; then the exponential. */
        x->e_p = fmax(x->e_p, ((s->D + 8) * mag * (double)p->a.scale + 2 * fabs(bias) + 8 * cap) * EPS);
        if (cap > 0) slope[j] = 1 - pow(tanh(P[j] / cap), 2), P[j] = cap * tanh(P[j] / cap);
        P[j] = visible(p, i, j) ? P[j] + bias : -HUGE_VAL;
        m = fmax(m, P[j]);
    }
    for (int j = 0; j < s->Tk; j++) P[j] = m > -HUGE_VAL ? exp(P[j] - m) : 0, l += P[j];
    if (s->sink) l += exp((double)p->sink[h] - m);
    for (int j = 0; j < s->Tk; j++) P[j] = l > 0 ? P[j] / l : 0;
    x->lse[h * s->Tq + i] = m + log(l);
}

static void naive(const struct problem *p, struct exact *x)
{
    const struct shape *s = p->s;
    size_t nq = (size_t)(s->Tq * s->H * s->D), nk = (size_t)(s->Tk * s->Hk * s->D);
    *x = (struct exact){calloc(nq, 8), calloc((size_t)(s->Tq * s->H), 8), calloc(nq, 8), calloc(nk, 8), calloc(nk, 8), {0},
                        calloc(p->n_rel, 8), {calloc(p->n_shaw, 8), calloc(p->n_shaw, 8)}, 0, 0};
    double *P = calloc((size_t)s->Tk, 8), *slope = calloc((size_t)s->Tk, 8), *col = calloc((size_t)(s->Tk * s->Hk), 8);
    assert_true(x->drel && x->dshaw[0] && x->dshaw[1]);
    assert_true(x->out && x->lse && x->dq && x->dk && x->dv && P && slope && col);
    for (int h = 0; h < s->H; h++)
        for (int i = 0; i < s->Tq; i++) {
            size_t qi = (size_t)(i * s->H + h) * (size_t)s->D;
            double delta = 0;
            naive_row(p, x, h, i, P, slope);
            for (int j = 0; j < s->Tk; j++)
                for (int d = 0; d < s->D; d++) x->out[qi + (size_t)d] += P[j] * drop(p, h, i, j) * kv_at(p, 1, h, i, j, d);
            for (int d = 0; d < s->D; d++) delta += x->out[qi + (size_t)d] * (double)p->dout[qi + (size_t)d];
            if (s->sink) x->dsink[h] -= exp((double)p->sink[h] - x->lse[h * s->Tq + i]) * delta;
            for (int j = 0; j < s->Tk; j++) {
                size_t kj = (size_t)(j * s->Hk + h / p->group) * (size_t)s->D;
                double dp = 0, f = drop(p, h, i, j), *sum = &col[j * s->Hk + h / p->group];
                x->col = fmax(x->col, *sum += P[j]);
                for (int d = 0; d < s->D; d++) dp += (double)p->dout[qi + (size_t)d] * kv_at(p, 1, h, i, j, d);
                double ds = P[j] * (dp * f - delta) * slope[j] * (double)p->a.scale;
                if (s->rel && P[j] > 0) x->drel[rel_at(p, h, i, j)] += P[j] * (dp * f - delta);
                for (size_t d = 0; d < (size_t)s->D; d++) {
                    size_t r = s->clip ? bin(s, i, j) * (size_t)s->D + d : 0;
                    if (p->a.shaw_k) x->dshaw[0][r] += ds * (double)p->q[qi + d];
                    if (p->a.shaw_v) x->dshaw[1][r] += P[j] * f * (double)p->dout[qi + d];
                    x->dv[kj + d] += P[j] * f * (double)p->dout[qi + d];
                    x->dq[qi + d] += ds * kv_at(p, 0, h, i, j, (int)d);
                    x->dk[kj + d] += ds * (double)p->q[qi + d];
                }
            }
        }
    x->e_p = 2 * x->e_p + (s->Tk + 20) * EPS; /* score and lse; sum of the row */
    free(P), free(slope), free(col);
}

static void free_exact(struct exact *x)
{
    free(x->out), free(x->lse), free(x->dq), free(x->dk), free(x->dv), free(x->drel), free(x->dshaw[0]), free(x->dshaw[1]);
}

/* With |v|, |dout| <= 1, |q|, |k| <= 1.5, f <= 1.5 and rows of P summing to at most 1:
 *   out: e_p + f Tk EPS;  |dP|, |D| <= D f, so |dS| <= 2 D f P and its error is
 *   2 D f (e_p + (D + 4) EPS) P; dq sums it over a row, dk and dv over a column
 *   of at most Tq group rows.  bf16 rounds the output once more (2^-8). */
static void compare(const struct problem *p, const struct result *r, const struct exact *x)
{
    const struct shape *s = p->s;
    /* Shaw's tables double the size of keys and values. */
    const double bf = s->dt == DT_BF16 ? 0x1p-8 : 0, f = (s->drop ? 1.5 : 1) * (s->clip ? 2 : 1), D = s->D, rows = (double)s->Tq * p->group;
    for (int i = 0; i < s->Tq * s->H * s->D; i++) T_NEAR(r->out[i], x->out[i], f * x->e_p + bf * fabs(x->out[i]), s->name, i);
    for (int i = 0; i < s->Tq * s->H; i++) T_NEAR(r->lse[i], x->lse[i], x->e_p, s->name, i);
    /* bf16: D_i is computed from the rounded output, D * 2^-9 more. */
    double e_ds = 2 * D * f * (x->e_p + (D + 4) * EPS) + D * bf / 2, scale = (double)p->a.scale;
    for (int i = 0; i < s->Tq * s->H * s->D; i++)
        T_NEAR(r->dq[i], x->dq[i], 1.5 * scale * (e_ds + 2 * D * f * s->Tk * EPS) + bf * fabs(x->dq[i]), s->name, i);
    for (int i = 0; i < s->Tk * s->Hk * s->D; i++) {
        T_NEAR(r->dk[i], x->dk[i], x->col * 1.5 * scale * (e_ds + 2 * D * f * rows * EPS) + bf * fabs(x->dk[i]), s->name, i);
        T_NEAR(r->dv[i], x->dv[i], x->col * f * (x->e_p + rows * EPS) + bf * fabs(x->dv[i]), s->name, i);
    }
    double cols = x->col * s->Tk; /* a bin takes at most all columns */
    for (size_t i = 0; s->rel && i < p->n_rel; i++) T_NEAR(r->drel[i], x->drel[i], s->Tq * (e_ds + 2 * D * f * s->Tq * EPS), s->name, i);
    for (size_t i = 0; s->clip && i < p->n_shaw; i++) {
        T_NEAR(r->dshaw[0][i], x->dshaw[0][i], cols * 1.5 * scale * (e_ds + 2 * D * f * rows * EPS), s->name, i);
        T_NEAR(r->dshaw[1][i], x->dshaw[1][i], cols * f * (x->e_p + rows * EPS), s->name, i);
    }
    for (int h = 0; s->sink && h < s->H; h++) T_NEAR(r->dsink[h], x->dsink[h], s->Tq * D * f * (x->e_p + (D + 40) * EPS), s->name, h);
}

static void matches_the_naive_double_implementation(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof shapes / sizeof *shapes; c++) {
        struct problem p;
        struct exact x;
        setup(&p, &shapes[c]);
        naive(&p, &x);
        struct result r = run(&p, kernels_get(), 64, true);
        compare(&p, &r, &x);
        free_result(&r), free_exact(&x), teardown(&p);
    }
}

static void expect_same(const struct problem *p, const struct result *a, const struct result *b, bool backward, const char *what)
{
    const struct shape *s = p->s;
    size_t nq = (size_t)(s->Tq * s->H * s->D), nk = (size_t)(s->Tk * s->Hk * s->D);
    bool same = t_same(a->out, b->out, nq) && t_same(a->lse, b->lse, (size_t)(s->Tq * s->H));
    if (backward) same = same && t_same(a->dq, b->dq, nq) && t_same(a->dk, b->dk, nk) && t_same(a->dv, b->dv, nk) && t_same(a->dsink, b->dsink, 8) && t_same(a->drel, b->drel, p->n_rel) &&
                             t_same(a->dshaw[0], b->dshaw[0], p->n_shaw) && t_same(a->dshaw[1], b->dshaw[1], p->n_shaw);
    if (!same) fail_msg("%s: %s: other bits", s->name, what);
}

static void every_isa_and_every_slicing_gives_the_same_bits(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof shapes / sizeof *shapes; c++) {
        struct problem p;
        setup(&p, &shapes[c]);
        struct result want = run(&p, kernels_isa("ref"), shapes[c].Tq, true);
        for (int i = 1; t_isa(i); i++) {
            struct result r = run(&p, t_isa(i), shapes[c].Tq, true);
            expect_same(&p, &want, &r, true, t_isa(i)->isa);
            free_result(&r);
        }
        static const int slices[] = {1, 16, 37};
        for (int i = 0; i < 3; i++) {
            struct result r = run(&p, kernels_get(), slices[i], false);
            expect_same(&p, &want, &r, false, "slices");
            free_result(&r);
        }
        free_result(&want), teardown(&p);
    }
}

/* Queries past all keys' window see nothing. */
static void rows_without_keys_give_zero(void **state)
{
    (void)state;
    static const struct shape s = S("nothing visible", 20, 30, 2, 2, 16, .q_offset = 25, .window = 4, .causal = true);
    struct problem p;
    setup(&p, &s);
    struct result r = run(&p, kernels_get(), 64, true);
    for (int i = 0; i < s.Tq; i++) {
        bool blind = s.q_offset + i - s.window + 1 >= s.Tk;
        for (int h = 0; h < s.H; h++) assert_true(blind == (r.lse[h * s.Tq + i] == -INFINITY));
        for (int d = 0; d < s.H * s.D; d++) {
            float o = r.out[i * s.H * s.D + d], g = r.dq[i * s.H * s.D + d];
            assert_true(blind ? o == 0 && g == 0 : o != 0 && isfinite(g));
        }
    }
    for (int i = 0; i < s.Tk * s.Hk * s.D; i++) assert_true(isfinite(r.dk[i]) && isfinite(r.dv[i]));
    free_result(&r), teardown(&p);
}

/* The gradient of the naive implementation itself, by central differences of
 * its forward: sum(out * dout) in double, h = 1e-4 relative to values near 1. */
static double objective(const struct problem *p)
{
    struct exact x;
    double s = 0;
    naive(p, &x);
    for (int i = 0; i < p->s->Tq * p->s->H * p->s->D; i++) s += x.out[i] * (double)p->dout[i];
    free_exact(&x);
    return s;
}

static void the_naive_gradient_is_the_slope_of_its_forward(void **state)
{
    (void)state;
    static const struct shape s = S("small", 7, 7, 2, 1, 4, .causal = true, .window = 5, .softcap = 2, .alibi = true, .sink = true, .drop = 0x20000000, .rel = true, .clip = 3);
    struct problem p;
    struct exact x;
    setup(&p, &s);
    naive(&p, &x);
    struct { float *at; double *grad; int n; } parts[] = {{p.q, x.dq, 56}, {p.k, x.dk, 28}, {p.v, x.dv, 28}, {p.sink, x.dsink, 2}, {p.shaw_k, x.dshaw[0], 28},
                                                                    {p.shaw_v, x.dshaw[1], 28}, {p.rel, x.drel, (int)p.n_rel}};
    for (int c = 0; c < 7; c++)
        for (int i = 0; i < parts[c].n; i++) {
            float keep = parts[c].at[i], up = keep + 0x1p-9f, down = keep - 0x1p-9f;
            parts[c].at[i] = up;
            double f = objective(&p);
            parts[c].at[i] = down;
            f -= objective(&p);
            parts[c].at[i] = keep;
            T_NEAR(parts[c].grad[i], f / ((double)up - (double)down), 3e-5, "naive gradient", i); /* h^2/6 f''', f''' < 40 */
        }
    free_exact(&x), teardown(&p);
}

static void golden_grouped_window_with_documents(void **state)
{
    (void)state;
    struct safetensors *st = t_golden_open("op_attn_gqa_window6_docmask.safetensors");
    enum { B = 2, H = 6, HK = 2, T = 21, D = 8 };
    double *doc = t_golden(st, "doc", NULL), *in[4], *want[5];
    static const char *const names[] = {"in.q", "in.k", "in.v", "gout"}, *const outs[] = {"out", "lse", "grad.q", "grad.k", "grad.v"};
    for (int i = 0; i < 4; i++) in[i] = t_golden(st, names[i], NULL);
    for (int i = 0; i < 5; i++) want[i] = t_golden(st, outs[i], NULL);
    for (int b = 0; b < B; b++) {
        float x[4][T * H * D], out[T * H * D], lse[H * T], dq[T * H * D], dk[T * HK * D], dv[T * HK * D];
        int32_t seg[T];
        for (int t = 0; t < T; t++) seg[t] = t && doc[b * T + t] == doc[b * T + t - 1] ? seg[t - 1] : t;
        for (int i = 0; i < 4; i++) /* [B,h,T,D] to [T,h,D] */
            for (int t = 0, n = i == 0 || i == 3 ? H : HK; t < T; t++)
                for (int h = 0; h < n; h++)
                    for (int d = 0; d < D; d++) x[i][(t * n + h) * D + d] = (float)in[i][((b * n + h) * T + t) * D + d];
        struct attn a = {.Tq = T, .Tk = T, .H = H, .Hk = HK, .D = D, .q = x[0], .k = x[1], .v = x[2], .dout = x[3], .out = out, .lse = lse, .dq = dq, .dk = dk, .dv = dv,
                         .q_stride = H * D, .k_stride = HK * D, .v_stride = HK * D, .o_stride = H * D, .seg_start = seg, .scale = 1 / sqrtf(D), .window = 6, .causal = true};
        const struct kernels *k = kernels_isa("ref");
        void *ws = aligned_alloc(64, k->attn_ws_bytes(T, T, D, 0, true) + k->attn_ws_bytes(T, T, D, 0, false));
        assert_non_null(ws);
        for (int h = 0; h < H; h++) k->attn_fwd(&a, h, 0, T, ws);
        for (int h = 0; h < HK; h++) k->attn_bwd(&a, h, ws);
        free(ws);
        const float *got[] = {out, dq, dk, dv};
        double *exact[] = {want[0], want[2], want[3], want[4]};
        for (int i = 0; i < 4; i++)
            for (int t = 0, n = i < 2 ? H : HK; t < T; t++)
                for (int h = 0; h < n; h++)
                    for (int d = 0; d < D; d++) T_NEAR(got[i][(t * n + h) * D + d], exact[i][((b * n + h) * T + t) * D + d], 5e-6, "golden", i);
        for (int i = 0; i < H * T; i++) T_NEAR(lse[i], want[1][b * H * T + i], 2e-6, "golden lse", i);
    }
    for (int i = 0; i < 4; i++) free(in[i]);
    for (int i = 0; i < 5; i++) free(want[i]);
    free(doc);
    st_close(st);
}

static void forward_memory_does_not_grow_with_the_keys(void **state)
{
    (void)state;
    const struct kernels *k = kernels_get();
    assert_int_equal(k->attn_ws_bytes(1, 128 << 10, 64, 0, false), k->attn_ws_bytes(1, 1, 64, 0, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_naive_double_implementation),
        cmocka_unit_test(the_naive_gradient_is_the_slope_of_its_forward),
        cmocka_unit_test(every_isa_and_every_slicing_gives_the_same_bits),
        cmocka_unit_test(rows_without_keys_give_zero),
        cmocka_unit_test(golden_grouped_window_with_documents),
        cmocka_unit_test(forward_memory_does_not_grow_with_the_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
