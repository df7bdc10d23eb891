/* attn_tile.h - what attention's forward and backward share: tiles, masks and
 * the two register-blocked products.
 *
 * Work goes in tiles of QT queries x KT keys.  Scores stand transposed,
 * S[key][query], lanes over queries: then K and V are read as they lie (one
 * broadcast a scalar), the softmax never sums across lanes, and only the query
 * tile is transposed, once for all of its keys.
 *
 *     scores   S[j][i]  = sum_d qT[d][i] K[j][d]
 *     accum    C[r][d] += sum_t A(t,r) B[t][d]     P V, dS K, P^T dO, dS^T Q
 *
 * Each output element is one chain of FMAs (over d, or over t in increasing
 * order), so neither tile sizes nor register blocking show in the bits; and a
 * masked element contributes +0. */
#ifndef CORE_KERNELS_ATTN_TILE_H
#define CORE_KERNELS_ATTN_TILE_H

#include <limits.h>

#include "core/kernels/elem_impl.h"

enum { QT = 64, KT = 64, QG = QT / VL, KSTEP = 8 };

/* Register blocks: 16 zmm accumulators, or 8 ymm. */
#if VEC_REGS >= 32
enum { SCORE_KEYS = 8, SCORE_VECS = 2, ACCUM_VECS = 4 };
#else
enum { SCORE_KEYS = 4, SCORE_VECS = 1, ACCUM_VECS = 1 };
#endif

/* Visible keys lo[r] <= j <= hi[r] of each query of a tile, and their bounds
 * over groups of VL queries.  Lanes past nq see nothing. */
struct spans {
    int nq;
    int lo[QT], hi[QT];
    int min_lo[QG], max_lo[QG], min_hi[QG], max_hi[QG];
    int first, last;              /* over the tile; first > last: nothing visible */
};

VEC int clamp_int(int64_t x, int lo, int hi) { return x < lo ? lo : x > hi ? hi : (int)x; }
VEC int round_up(int n, int m) { return (n + m - 1) / m * m; }

static void spans_of(struct spans *s, const struct attn *a, int i0, int nq)
{
    int seg = -1, seg_end = 0, last_key = a->Tk - 1;
    *s = (struct spans){.nq = nq, .first = INT_MAX, .last = -1};
    for (int g = 0; g < QG; g++) s->min_lo[g] = s->min_hi[g] = INT_MAX, s->max_lo[g] = s->max_hi[g] = -1;
    for (int r = 0; r < QT; r++) {
        int g = r / VL, p = a->q_offset + i0 + r, lo = 0, hi = last_key;
        if (r < nq && a->lo) {
            lo = clamp_int(a->lo[i0 + r], 0, INT_MAX);
            hi = clamp_int((int64_t)a->hi[i0 + r] - 1, -1, hi);
        }
        if (r >= nq || lo > hi) {
            s->lo[r] = s->max_lo[g] = INT_MAX;
            s->hi[r] = s->min_hi[g] = -1;
            continue;
        }
        if (a->causal) hi = clamp_int(p, 0, hi);
        if (a->prefix_end && a->prefix_end[p] - 1 > hi) hi = clamp_int((int64_t)a->prefix_end[p] - 1, 0, last_key);
        if (a->window > 0) {
            lo = clamp_int((int64_t)p - a->window + 1, 0, INT_MAX);
            if (!a->causal) hi = clamp_int((int64_t)p + a->window - 1, 0, hi);
        }
        if (a->seg_start) {
            int at = clamp_int(p, 0, last_key), start = a->seg_start[at];
            if (start > lo) lo = start;
            if (!a->causal) {
                if (start != seg) seg_end = at;
                for (seg = start; seg_end < last_key && a->seg_start[seg_end + 1] == start; seg_end++) {}
                if (seg_end < hi) hi = seg_end;
            }
        }
        s->lo[r] = lo;
        s->hi[r] = hi;
        if (lo < s->min_lo[g]) s->min_lo[g] = lo;
        if (lo > s->max_lo[g]) s->max_lo[g] = lo;
        if (hi < s->min_hi[g]) s->min_hi[g] = hi;
        if (hi > s->max_hi[g]) s->max_hi[g] = hi;
        if (lo < s->first) s->first = lo;
        if (hi > s->last) s->last = hi;
    }
}

/* The part of one key tile that each group of queries sees, in keys from the
 * tile's start, widened to multiples of KSTEP; empty when from >= to. */
struct cover {
    int from[QG], to[QG];
    bool masked[QG];              /* some element inside is not visible */
};

static bool cover_of(struct cover *c, const struct spans *s, int k0)
{
    bool any = false;
    for (int g = 0; g < QG; g++) {
        c->from[g] = clamp_int((int64_t)s->min_lo[g] - k0, 0, KT) / KSTEP * KSTEP;
        c->to[g] = round_up(clamp_int((int64_t)s->max_hi[g] + 1 - k0, 0, KT), KSTEP);
        c->masked[g] = s->max_lo[g] > k0 + c->from[g] || s->min_hi[g] < k0 + c->to[g] - 1;
        any |= c->from[g] < c->to[g];
    }
    return any;
}

/* Groups [g0,g1) that see anything of keys [j, j + KSTEP). */
VEC bool cover_groups(const struct cover *c, int j, int *g0, int *g1)
{
    *g0 = QG;
    *g1 = 0;
    for (int g = 0; g < QG; g++) {
        if (j < c->from[g] || j >= c->to[g]) continue;
        if (g < *g0) *g0 = g;
        *g1 = g + 1;
    }
    return *g0 < *g1;
}

VEC vm visible(const struct spans *s, int g, int j)
{
    vi vj = vi_set((uint32_t)j), lo = vi_load(s->lo + g * VL), hi = vi_load(s->hi + g * VL);
    vi one = vi_set(1);
    return vm_and(vi_gt(vi_add(vj, one), lo), vi_gt(vi_add(hi, one), vj));
}

VEC vf load_dt(const void *p, enum dtype dt, int64_t at, int c)
{
    if (dt == DT_F32) return ld((const float *)p + at, c);
    const uint16_t *h = (const uint16_t *)p + at;
    return c == VL ? v_load_bf16(h) : v_load_bf16_n(h, c);
}

VEC void store_dt(void *p, enum dtype dt, int64_t at, vf v, int c)
{
    if (dt == DT_F32) st((float *)p + at, v, c);
    else if (c == VL) v_store_bf16((uint16_t *)p + at, v);
    else v_store_bf16_n((uint16_t *)p + at, v, c);
}

/* Rows [at, at + n stride) of D elements as f32 with a stride of a multiple of VL:
 * the source itself where it can be used as it is, else a copy in buf
 * [rows][Dp], padded with zeros. */
static const float *tile_rows(const void *src, enum dtype dt, int64_t at, int64_t stride, int n, int rows, int D,
                              float *buf, int64_t *ld_out)
{
    const int Dp = round_up(D, VL);
    if (dt == DT_F32 && D == Dp && n == rows) {
        *ld_out = stride;
        return (const float *)src + at;
    }
    for (int r = 0; r < n; r++) {
        int64_t from = at + r * stride;
        float *to = buf + (int64_t)r * Dp;
        FOR_LANES((size_t)D, v_store(to + i, load_dt(src, dt, from + (int64_t)i, c)););
    }
    memset(buf + (int64_t)n * Dp, 0, (size_t)(rows - n) * (size_t)Dp * sizeof *buf);
    *ld_out = Dp;
    return buf;
}

/* The inverse: n rows of buf [.][Dp] to dst. */
static void put_rows(void *dst, enum dtype dt, int64_t at, int64_t stride, int n, int D, const float *buf)
{
    const int Dp = round_up(D, VL);
    for (int r = 0; r < n; r++)
        FOR_LANES((size_t)D, store_dt(dst, dt, at + r * stride + (int64_t)i, v_load(buf + (int64_t)r * Dp + i), c););
}

/* out[d][r] = src row r, for QT rows of which n exist (the others 0). */
static void transpose_rows(float *out, const void *src, enum dtype dt, int64_t at, int64_t stride, int n, int D)
{
    for (int g = 0; g < QT; g += VL)
        for (int d = 0; d < D; d += VL) {
            int c = D - d < VL ? D - d : VL;
            vf t[VL];
            UNROLL
            for (int r = 0; r < VL; r++) t[r] = g + r < n ? load_dt(src, dt, at + (g + r) * stride + d, c) : v_zero();
            v_tr16(t);
            for (int r = 0; r < c; r++) v_store(out + (int64_t)(d + r) * QT + g, t[r]);
        }
}

VEC void scores_block(float *S, const float *qT, const float *K, int64_t ldk, int D, int vecs)
{
    vf acc[SCORE_KEYS][SCORE_VECS];
    UNROLL
    for (int j = 0; j < SCORE_KEYS; j++)
        UNROLL
        for (int v = 0; v < vecs; v++) acc[j][v] = v_zero();
    for (int d = 0; d < D; d++) {
        vf q[SCORE_VECS];
        UNROLL
        for (int v = 0; v < vecs; v++) q[v] = v_load(qT + (int64_t)d * QT + v * VL);
        UNROLL
        for (int j = 0; j < SCORE_KEYS; j++) {
            vf k = v_set(K[j * ldk + d]);
            UNROLL
            for (int v = 0; v < vecs; v++) acc[j][v] = v_fma(q[v], k, acc[j][v]);
        }
    }
    UNROLL
    for (int j = 0; j < SCORE_KEYS; j++)
        UNROLL
        for (int v = 0; v < vecs; v++) v_store(S + j * QT + v * VL, acc[j][v]);
}

/* S[j][i] = sum_d qT[d][i] K[j][d] where the cover says so. */
static void scores(float *S, const float *qT, const float *K, int64_t ldk, int D, const struct cover *c)
{
    for (int j = 0; j < KT; j += KSTEP) {
        int g, g1;
        if (!cover_groups(c, j, &g, &g1)) continue;
        for (; g < g1; g += SCORE_VECS) {
            for (int s = 0; s < KSTEP; s += SCORE_KEYS) {
                float *to = S + (j + s) * QT + g * VL;
                const float *k = K + (j + s) * ldk, *q = qT + g * VL;
                if (g1 - g >= SCORE_VECS) scores_block(to, q, k, ldk, D, SCORE_VECS);
                else scores_block(to, q, k, ldk, D, 1);
            }
        }
    }
}

/* One block of C, R rows x V vectors; sr, st: strides of A over r and t. */
VEC void accum_block(float *C, int64_t ldc, const float *A, int64_t sr, int64_t st_, const float *B, int64_t ldb,
                     int nt, int R, int V, const float *alpha)
{
    vf acc[8][4];
    UNROLL
    for (int r = 0; r < R; r++)
        UNROLL
        for (int v = 0; v < V; v++) {
            acc[r][v] = v_load(C + r * ldc + v * VL);
            if (alpha) acc[r][v] = v_mul(acc[r][v], v_set(alpha[r]));
        }
    for (int t = 0; t < nt; t++) {
        vf b[4];
        UNROLL
        for (int v = 0; v < V; v++) b[v] = v_load(B + t * ldb + v * VL);
        UNROLL
        for (int r = 0; r < R; r++) {
            vf s = v_set(A[r * sr + t * st_]);
            UNROLL
            for (int v = 0; v < V; v++) acc[r][v] = v_fma(s, b[v], acc[r][v]);
        }
    }
    UNROLL
    for (int r = 0; r < R; r++)
        UNROLL
        for (int v = 0; v < V; v++) v_store(C + r * ldc + v * VL, acc[r][v]);
}

/* Rows is a multiple of 8, ncol of VL.  alpha [rows] first scales C, or NULL. */
VEC void accum(float *C, int64_t ldc, const float *A, int64_t sr, int64_t st_, const float *B, int64_t ldb, int nt,
               int rows, int ncol, const float *alpha)
{
    for (int d = 0; d < ncol;) {
        int vecs = (ncol - d) / VL < ACCUM_VECS ? (ncol - d) / VL : ACCUM_VECS;
        for (int r = 0; r < rows; r += 4) {
            float *c = C + r * ldc + d;
            const float *x = A + r * sr, *b = B + d, *al = alpha ? alpha + r : NULL;
            if (ACCUM_VECS == 1) accum_block(c, ldc, x, sr, st_, b, ldb, nt, 4, 1, al);
            else if (vecs == 4) accum_block(c, ldc, x, sr, st_, b, ldb, nt, 4, 4, al);
            else if (vecs == 3) accum_block(c, ldc, x, sr, st_, b, ldb, nt, 4, 3, al);
            else if (vecs == 2) accum_block(c, ldc, x, sr, st_, b, ldb, nt, 8, 2, al), r += 4;
            else accum_block(c, ldc, x, sr, st_, b, ldb, nt, 8, 1, al), r += 4;
        }
        d += vecs * VL;
    }
}

/* What turns a raw product into a score, and the dropout of a probability. */
struct scoring {
    const struct attn *a;
    float scale, cap, slope;
    const float *rel;             /* bias of distance 0 of this head, or NULL */
    bool plain;                   /* nothing but the scale */
    uint64_t drop_head;           /* row * H + h */
};

static struct scoring scoring_of(const struct attn *a, int h)
{
    return (struct scoring){a, a->scale, a->softcap, a->alibi ? a->alibi[h] : 0,
                            a->rel_bias ? a->rel_bias + h * a->rel_ld + a->rel_zero : NULL,
                            !(a->softcap > 0) && !a->alibi && !a->drop_below && !a->rel_bias && a->clip == 0,
                            a->drop_row * (uint64_t)a->H + (uint64_t)h};
}

VEC vf lane_positions(int first)
{
    static const float iota[VL] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return v_add(v_set((float)first), v_load(iota));
}

/* Scores of key j for the queries first + lane (absolute); the factor
 * (1 - tanh^2) of the softcap goes to *slope when wanted. */
VEC vf score_of(vf raw, const struct scoring *s, int first, int j, vf *slope)
{
    vf x = v_mul(raw, v_set(s->scale));
    if (s->cap > 0) {
        vf t = v_tanh(v_mul(x, v_set(1 / s->cap)));
        x = v_mul(v_set(s->cap), t);
        if (slope) *slope = v_fnma(t, t, v_set(1));
    }
    if (s->a->alibi) {
        vf d = v_sub(v_set((float)j), lane_positions(first));
        if (!s->a->causal) d = v_sub(v_zero(), v_max(d, v_sub(v_zero(), d)));
        x = v_fma(v_set(s->slope), d, x);
    }
    if (s->rel) x = v_add(x, v_load(s->rel + first - j));
    return x;
}

/* Dropout factors of keys j..j+3 (j a multiple of 4) for the queries first +
 * lane: word (row * H + h) << 36 | query << 18 | key of the stream. */
VEC void drop_factors(vf f[4], const struct scoring *s, int first, int j)
{
    const struct attn *a = s->a;
    uint32_t lo[VL], hi[VL];
    for (int l = 0; l < VL; l++) {
        uint64_t block = s->drop_head << 34 | (uint64_t)(first + l) << 16 | (uint64_t)j >> 2;
        lo[l] = (uint32_t)block;
        hi[l] = (uint32_t)(block >> 32);
    }
    vi w[4];
    philox_blocks(w, vi_load(lo), vi_load(hi), a->drop_key, a->drop_ctr);
    UNROLL
    for (int k = 0; k < 4; k++) f[k] = drop_factor(w[k], a->drop_below, a->drop_scale);
}

#endif
