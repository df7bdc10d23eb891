/* Cache blocking for C = A^T B, with its tree of leaves.
 *
 * Both operands are packed block by block of k.  Leaves shorter than a block
 * are added up tile by tile of the microkernel, in L1; from there on the sums
 * of whole blocks are added in tiles of the workspace.  Both are the same
 * binary counter: slot i holds the sum of 2^j leaves, and two of a size are
 * added as soon as they exist, the earlier on the left, which gives
 * (l0+l1)+(l2+l3) whatever the cut between the two. */
#include <string.h>

#include "core/kernels/gemm_impl.h"

enum {
    KC = 256,               /* units of k a block */
    MC = 392,               /* rows, and columns, of C a tile: at most */
    NC = 512,
    TILES = 3 << 18,        /* floats for the tiles of the tree */
    LEVELS = 32,            /* no tree is higher */
};

struct ws {
    uint32_t a[(MC + GEMM_MR_MAX) * KC], b[NC * KC];
    float tile[TILES];
    float micro[10][GEMM_MR_MAX * GEMM_NR_MAX]; /* 2^9 leaves a block at most */
};

/* One tile of C. */
struct job {
    const struct gemm_core *c;
    const struct gemm_tn *g;
    gemm_micro *const *micro;
    int mr, m, mc, n, nc;
    struct ws *ws;
};

static const void *row(const void *p, enum dtype dt, int64_t ld, int64_t k, int col)
{
    return (const char *)p + (k * ld + col) * (int64_t)dtype_size(dt);
}

/* Packs elements [k, k+len) of both operands at unit u of blocks of `block` units. */
static void pack(const struct job *j, int block, int u, int64_t k, int len)
{
    const struct gemm_tn *g = j->g;
    gemm_pack_rows(j->c, g->a, j->ws->a + u * j->mr, (int64_t)block * j->mr, j->mr, row(g->A, g->a, g->lda, k, j->m),
                   g->lda, len, j->mc, false);
    gemm_pack_rows(j->c, g->b, j->ws->b + u * j->c->nr, (int64_t)block * j->c->nr, j->c->nr,
                   row(g->B, g->b, g->ldb, k, j->n), g->ldb, len, j->nc, true);
}

/* Adds up n_leaves (a power of two) of `units` each for one micro tile. */
static void add_leaves(const struct job *j, int rows, int units, const uint32_t *a, const uint32_t *b, int n_leaves)
{
    float(*slot)[GEMM_MR_MAX * GEMM_NR_MAX] = j->ws->micro;
    int nr = j->c->nr, top = 0;
    for (int leaf = 0; leaf < n_leaves; leaf++) {
        struct gemm_tile t = {a, b, slot[top], units, 1, j->mr, nr, nr, false, (const char *)b, 0};
        j->micro[rows](&t);
        a += units * j->mr;
        b += units * nr;
        for (int bits = leaf; bits & 1; bits >>= 1, top--)
            j->c->rows->add(slot[top - 1], slot[top - 1], slot[top], (size_t)(rows * nr));
        top++;
    }
}

/* sums[mc, nc] of a packed block that holds n_leaves leaves of `units` each. */
static void sum_block(const struct job *j, int units, int n_leaves, float *sums, int64_t ld, bool from_c)
{
    int nr = j->c->nr, block = units * n_leaves;
    for (int n = 0; n < j->nc; n += nr)
        for (int m = 0; m < j->mc; m += j->mr) {
            int rows = gemm_min(j->mr, j->mc - m), cols = gemm_min(nr, j->nc - n);
            const uint32_t *a = j->ws->a + m * block, *b = j->ws->b + n * block;
            float *dst = sums + m * ld + n;
            if (n_leaves == 1) {
                struct gemm_tile t = {a, b, dst, units, 1, j->mr, ld, cols, from_c, (const char *)b, 0};
                j->micro[rows](&t);
                continue;
            }
            add_leaves(j, rows, units, a, b, n_leaves);
            for (int i = 0; i < rows; i++)
                memcpy(dst + i * ld, j->ws->micro[0] + i * nr, (size_t)cols * sizeof *dst);
        }
}

/* sums = the leaf that starts at element k (longer than a block). */
static void sum_leaf(const struct job *j, int64_t k, float *sums, int64_t ld)
{
    int per = j->g->a == DT_BF16 ? 2 : 1, done = 0;
    do {
        int len = gemm_min(KC * per, j->g->leaf - done), u = gemm_units(j->g->a, len);
        pack(j, u, 0, k + done, len);
        sum_block(j, u, 1, sums, ld, done > 0 || j->g->chain);
        done += len;
    } while (done < j->g->leaf);
}

/* sums = the subtree of n_leaves leaves that starts at element k; all in one block. */
static void sum_leaves(const struct job *j, int64_t k, int n_leaves, float *sums, int64_t ld)
{
    int u = gemm_units(j->g->a, j->g->leaf);
    for (int i = 0; i < n_leaves; i++) pack(j, u * n_leaves, u * i, k + (int64_t)i * j->g->leaf, j->g->leaf);
    sum_block(j, u, n_leaves, sums, ld, false);
}

static void sum_tile(const struct job *j, int per_block, int blocks)
{
    const struct gemm_tn *g = j->g;
    float *c = g->C + j->m * g->ldc + j->n;
    bool in_c = blocks == 1 && (g->chain || !g->accumulate);
    float *slot = j->ws->tile;
    size_t size = (size_t)j->mc * (size_t)j->nc;
    int top = 0;
    for (int b = 0; b < blocks; b++) {
        float *sums = in_c ? c : slot + (size_t)top * size;
        int64_t ld = in_c ? g->ldc : j->nc, k = (int64_t)b * per_block * g->leaf;
        if (per_block > 1)
            sum_leaves(j, k, per_block, sums, ld);
        else
            sum_leaf(j, k, sums, ld);
        for (int bits = b; bits & 1; bits >>= 1, top--) {
            float *left = slot + (size_t)(top - 1) * size;
            j->c->rows->add(left, left, left + size, size);
        }
        top++;
    }
    for (int i = 0; i < j->mc && !in_c; i++) {
        float *to = c + i * g->ldc, *from = slot + (size_t)i * (size_t)j->nc;
        if (g->accumulate)
            j->c->rows->add(to, to, from, (size_t)j->nc);
        else
            memcpy(to, from, (size_t)j->nc * sizeof *to);
    }
}

void gemm_drive_tn(const struct gemm_core *c, const struct gemm_tn *g, int m0, int m1, int n0, int n1, void *ws)
{
    struct job j = {c, g, c->f32, c->mr_f32, 0, 0, 0, 0, ws};
    if (g->a == DT_BF16) {
        j.micro = c->bf16;
        j.mr = c->mr_bf16;
    }
    int leaves = g->K / g->leaf, per_block = 1, u = gemm_units(g->a, g->leaf);
    while (per_block < leaves && 2 * per_block * u <= KC) per_block *= 2;
    int blocks = leaves / per_block, levels = 1;
    for (int b = blocks; b > 1; b /= 2) levels++;

    /* the tree's slots must fit: narrow tiles for high trees */
    int mc = MC / j.mr * j.mr, nc = NC;
    while (blocks > 1 && mc * nc > TILES / levels)
        if (nc > mc && nc > 2 * c->nr)
            nc = (nc / 2 + c->nr - 1) / c->nr * c->nr;
        else
            mc = (mc / 2 + j.mr - 1) / j.mr * j.mr;
    for (j.n = n0; j.n < n1; j.n += nc)
        for (j.m = m0; j.m < m1; j.m += mc) {
            j.mc = gemm_min(mc, m1 - j.m);
            j.nc = gemm_min(nc, n1 - j.n);
            sum_tile(&j, per_block, blocks);
        }
}

size_t gemm_drive_tn_ws_bytes(void)
{
    return sizeof(struct ws);
}
