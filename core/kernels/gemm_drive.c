/* Cache blocking around the microkernels.
 *
 * C += A B goes in blocks of MC rows, NC columns and KC units: the block of A
 * is copied to the workspace (it stays in L2, at a stride that no cache set
 * sees twice), a panel of B is read again for each few rows of it, from L1
 * or, when it is long, from L2.  Sums go to C itself or, when the epilogue needs
 * it, to a tile in the workspace; since they are stored as f32, cutting k
 * changes no bit. */
#include <string.h>

#include "core/kernels/gemm_impl.h"

enum {
    KC = 1024,              /* units */
    LDA = KC + 16,          /* of the copied block: an odd number of cache lines */
    MC = 168,
    NC = 512,
    LDS = NC + 16,          /* of the tile of sums */
};

/* The workspace of gemm_drive; its size is a multiple of 64 throughout. */
struct ws {
    uint32_t a[MC * LDA];
    float sums[MC * LDS];
};

/* Copies rows [m0, m1), units [k0, k0+kc) of A, the row after the next being fetched meanwhile. */
static void copy_a(uint32_t *dst, const struct gemm *g, int m0, int m1, int k0, int kc)
{
    size_t el = dtype_size(g->ab), per = 4 / el;
    size_t have = (size_t)gemm_min(kc * (int)per, g->K - k0 * (int)per) * el;
    const char *src = (const char *)g->A + ((int64_t)m0 * g->lda + (int64_t)k0 * (int64_t)per) * (int64_t)el;
    for (int m = m0; m < m1; m++, dst += LDA, src += g->lda * (int64_t)el) {
        for (size_t i = 0; i < have; i += 64) __builtin_prefetch(src + 2 * g->lda * (int64_t)el + i);
        size_t fill = (size_t)kc * 4 - have;
        memcpy(dst, src, have);
        if (fill) memset((char *)dst + have, 0, fill);
    }
}

/* What the epilogue of a block will read and write, as far as it is fetched while the last sums are made: two
 * matrices of bf16, whose lines are as wide as a panel, or one of f32. */
struct soon {
    const char *p[2];
    int n;
};

static struct soon epilogue_needs(const struct gemm *g)
{
    const void *const all[] = {g->residual, g->dact_in, g->C, g->act != ACT_NONE && !g->dact_in ? g->act_out : NULL};
    struct soon s = {{NULL, NULL}, 0};
    for (int i = 0; i < 4 && s.n < (g->c == DT_BF16 ? 2 : 1); i++)
        if (all[i] && (s.n == 0 || s.p[0] != all[i])) s.p[s.n++] = all[i];
    return s;
}

/* For the micro tile at row m and panel number `panel`, which starts at column n. */
static void fetch_epilogue(const struct gemm *g, const struct soon *s, struct gemm_tile *t, int m, int panel, int n, int nr)
{
    int64_t el = (int64_t)dtype_size(g->c);
    int which = panel % 2 < s->n ? panel % 2 : 0;
    if (which == 1) n -= nr; /* with the line beside it */
    gemm_soon(t, s->p[which] + (m * g->ldc + n) * el, g->ldc * el);
}

/* One block of C: mc rows from m, nc columns from n, the whole of k. */
static void sum_block(const struct gemm_core *c, const struct gemm *g, int m, int mc, int n, int nc, float *sums,
                      int64_t ld, struct ws *ws)
{
    gemm_micro *const *micro = g->ab == DT_BF16 ? c->bf16 : c->f32[0];
    int mr = g->ab == DT_BF16 ? c->mr_bf16 : c->mr_f32;
    int K = gemm_steps(c, g->ab, g->K), slivers = (mc + mr - 1) / mr, k = 0;
    struct soon epilogue = epilogue_needs(g);
    struct gemm_tile t = {.rs = LDA, .ks = 1, .ldc = ld, .ld_from = ld};
    do {
        t.k = gemm_min(KC, K - k);
        t.soon_every = gemm_soon_every(t.k);
        copy_a(ws->a, g, m, m + mc, k, (int)t.k);
        /* the rows share the work of fetching the next panel of B */
        t.next_step = c->nr * 4 * GEMM_FETCH / slivers;
        for (int j = 0; j < nc; j += c->nr) {
            t.b = (const uint32_t *)g->Bp + (int64_t)(n + j) * K + (int64_t)k * c->nr;
            t.next = (const char *)t.b + (j + c->nr < nc ? (int64_t)K * c->nr * 4 : 0);
            t.cols = gemm_min(c->nr, nc - j);
            for (int s = 0; s < slivers;
                 s++, t.next += t.k / GEMM_FETCH * t.next_step) {
                int i = gemm_sliver(c, g->ab, mc, slivers, s);
                t.rows = gemm_sliver(c, g->ab, mc, slivers, s + 1) - i;
                t.a = ws->a + i * LDA;
                t.c = sums + i * ld + j;
                t.from = k > 0 || g->accumulate ? t.c : NULL;
                if (sums != ws->sums) gemm_soon(&t, t.c, ld * 4);
                else if (k + t.k == K) fetch_epilogue(g, &epilogue, &t, m + i, j / c->nr, n + j, c->nr);
                else gemm_soon(&t, t.a, 0);
                micro[t.rows](&t);
            }
        }
        k += (int)t.k;
    } while (k < K);
}

void gemm_drive(const struct gemm_core *c, const struct gemm *g, int m0, int m1, int n0, int n1, void *ws_)
{
    struct ws *ws = ws_;
    bool in_c = gemm_sums_in_c(g);
    bool finish = !in_c || g->bias || g->act != ACT_NONE || g->residual;
    int step = gemm_tiles(c, g->ab) ? MC / c->mr_bf16 * c->mr_bf16 : MC;
    for (int n = n0; n < n1; n += NC)
        for (int m = m0; m < m1; m += step) {
            int mc = gemm_min(step, m1 - m), nc = gemm_min(NC, n1 - n);
            float *sums = in_c ? (float *)g->C + m * g->ldc + n : ws->sums;
            int64_t ld = in_c ? g->ldc : LDS;
            sum_block(c, g, m, mc, n, nc, sums, ld, ws);
            for (int i = 0; finish && i < mc; i++) gemm_finish_row(c->rows, g, sums + i * ld, m + i, n, nc);
        }
}

size_t gemm_drive_ws_bytes(void)
{
    return sizeof(struct ws);
}
