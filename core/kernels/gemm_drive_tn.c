/* Cache blocking for C = A^T B, with its tree of leaves.
 *
 * Both operands are packed block by block of k; a block is a piece of a leaf
 * or, where leaves are short, several whole ones.  The tree is a binary
 * counter: slot i holds the sum of 2^j leaves, and two of a size are added as
 * soon as they exist, the earlier on the left, which gives (l0+l1)+(l2+l3).
 * Leaves of one block are added in L1 (`micro`), blocks in a tile of the
 * workspace (`tile`), each micro tile on its own right after its product; so a
 * slot is laid out micro tile after micro tile. */
#include <string.h>

#include "core/kernels/gemm_impl.h"

enum {
    KC = 256,               /* units of k a block */
    MC = 392,               /* rows, and columns, of C a tile: at most */
    NC = 512,
    TILES = 3 << 18,        /* floats for the slots */
    MICRO = GEMM_MR_MAX * GEMM_NR_MAX,
};

struct ws {
    uint32_t a[(MC + GEMM_MR_MAX) * KC], b[NC * KC];
    float tile[TILES];
    float micro[10][MICRO]; /* 2^9 leaves a block at most */
};

/* One tile of C and, of the tree, the block that is being added. */
struct job {
    const struct gemm_core *c;
    const struct gemm_tn *g;
    gemm_micro *const *micro;
    struct ws *ws;
    int m, mc, n, nc;
    int width;              /* rows of a micro tile */
    size_t slot;            /* floats of a slot */
    bool in_c;              /* no tree and nothing to add to: the sums are C */
    int top, merges;        /* slots in use before it; of those, how many it completes */
    bool last;
};

static const void *row(const void *p, enum dtype dt, int64_t ld, int64_t k, int col)
{
    return (const char *)p + (k * ld + col) * (int64_t)dtype_size(dt);
}

/* Packs elements [k, k+len) of both operands at unit u of a block of `block` units. */
static void pack(const struct job *j, int block, int u, int64_t k, int len)
{
    const struct gemm_tn *g = j->g;
    int nr = j->c->nr;
    gemm_pack_rows(j->c, g->a, j->ws->a + u * j->width, (int64_t)block * j->width, j->width,
                   row(g->A, g->a, g->lda, k, j->m), g->lda, len, j->mc, false);
    gemm_pack_rows(j->c, g->b, j->ws->b + u * nr, (int64_t)block * nr, nr, row(g->B, g->b, g->ldb, k, j->n), g->ldb, len,
                   j->nc, true);
}

/* dst = the sum of n_leaves (a power of two), each as long as t says; dst may be ws->micro[0]. */
static void add_leaves(const struct job *j, struct gemm_tile t, int rows, int n_leaves, float *dst)
{
    float(*slot)[MICRO] = j->ws->micro;
    size_t n = (size_t)(rows * j->c->nr);
    int top = 0;
    for (int leaf = 0; leaf < n_leaves; leaf++) {
        t.c = n_leaves == 1 ? dst : slot[top];
        j->micro[rows](&t);
        t.a = (const uint32_t *)t.a + t.k * j->width;
        t.b = (const uint32_t *)t.b + t.k * j->c->nr;
        for (int bits = leaf; bits & 1; bits >>= 1, top--)
            j->c->rows->add(leaf == n_leaves - 1 && top == 1 ? dst : slot[top - 1], slot[top - 1], slot[top], n);
        top++;
    }
}

/* C (op)= a finished micro tile. */
static void emit(const struct job *j, const float *sums, int m, int rows, int n, int cols)
{
    for (int i = 0; i < rows; i++, sums += j->c->nr) {
        float *c = j->g->C + (j->m + m + i) * j->g->ldc + j->n + n;
        if (j->g->accumulate)
            j->c->rows->add(c, c, sums, (size_t)cols);
        else
            memcpy(c, sums, (size_t)cols * sizeof *c);
    }
}

/* One micro tile of a packed block that holds n_leaves leaves of t.k units, or a piece of a leaf; `ends` with a leaf. */
static void sum_micro(const struct job *j, struct gemm_tile t, int n_leaves, bool ends, int m, int n)
{
    int rows = gemm_min(j->width, j->mc - m), cols = gemm_min(j->c->nr, j->nc - n), nr = j->c->nr;
    if (j->in_c) {
        t.c = j->g->C + (j->m + m) * j->g->ldc + j->n + n;
        t.ldc = j->g->ldc;
        t.cols = cols;
        j->micro[rows](&t);
        return;
    }
    float *tmp = j->ws->micro[0];
    float *slot = j->ws->tile + (size_t)(n / nr * ((j->mc + j->width - 1) / j->width) + m / j->width) * (size_t)(j->width * nr);
    float *sums = ends && !t.from_c && (j->merges || j->last) ? tmp : slot + (size_t)j->top * j->slot;
    t.ldc = t.cols = nr;
    add_leaves(j, t, rows, n_leaves, sums);
    if (!ends) return;
    for (int i = 1; i <= j->merges; i++) {
        float *left = slot + (size_t)(j->top - i) * j->slot, *to = i == j->merges && !j->last ? left : tmp;
        j->c->rows->add(to, left, sums, (size_t)(rows * nr));
        sums = to;
    }
    if (j->last) emit(j, sums, m, rows, n, cols);
}

static void sum_block(const struct job *j, int units, int n_leaves, bool from_c, bool ends)
{
    int nr = j->c->nr, block = units * n_leaves;
    struct gemm_tile t = {.k = units, .rs = 1, .ks = j->width, .from_c = from_c};
    for (int n = 0; n < j->nc; n += nr)
        for (int m = 0; m < j->mc; m += j->width) {
            t.a = j->ws->a + m * block;
            t.b = j->ws->b + n * block;
            t.next = t.b;
            sum_micro(j, t, n_leaves, ends, m, n);
        }
}

/* The leaf that starts at element k, in pieces. */
static void sum_leaf(const struct job *j, int64_t k)
{
    int per = j->g->a == DT_BF16 ? 2 : 1, done = 0;
    do {
        int len = gemm_min(KC * per, j->g->leaf - done), u = gemm_units(j->g->a, len);
        pack(j, u, 0, k + done, len);
        sum_block(j, u, 1, done > 0 || j->g->chain, done + len == j->g->leaf);
        done += len;
    } while (done < j->g->leaf);
}

/* The subtree of n_leaves leaves that starts at element k. */
static void sum_leaves(const struct job *j, int64_t k, int n_leaves)
{
    int u = gemm_units(j->g->a, j->g->leaf);
    for (int i = 0; i < n_leaves; i++) pack(j, u * n_leaves, u * i, k + (int64_t)i * j->g->leaf, j->g->leaf);
    sum_block(j, u, n_leaves, false, true);
}

static void sum_tile(struct job *j, int per_block, int blocks)
{
    const struct gemm_tn *g = j->g;
    j->in_c = blocks == 1 && per_block == 1 && (g->chain || !g->accumulate);
    j->top = 0;
    for (int b = 0; b < blocks; b++) {
        int64_t k = (int64_t)b * per_block * g->leaf;
        j->merges = __builtin_ctz(~(unsigned)b);
        j->last = b == blocks - 1;
        if (per_block > 1)
            sum_leaves(j, k, per_block);
        else
            sum_leaf(j, k);
        j->top += 1 - j->merges;
    }
}

void gemm_drive_tn(const struct gemm_core *c, const struct gemm_tn *g, int m0, int m1, int n0, int n1, void *ws)
{
    struct job j = {.c = c, .g = g, .micro = c->f32, .ws = ws};
    int mr = c->mr_f32;
    if (g->a == DT_BF16) {
        j.micro = c->bf16;
        mr = c->mr_bf16;
    }
    int leaves = g->K / g->leaf, per_block = 1, u = gemm_units(g->a, g->leaf);
    while (per_block < leaves && 2 * per_block * u <= KC) per_block *= 2;
    int blocks = leaves / per_block, levels = 1;
    for (int b = blocks; b > 1; b /= 2) levels++;

    /* the slots must fit: narrow tiles for high trees */
    int mc = MC / mr * mr, nc = NC;
    while (mc * nc > TILES / levels)
        if (nc > mc)
            nc = (nc / 2 + c->nr - 1) / c->nr * c->nr;
        else
            mc = (mc / 2 + mr - 1) / mr * mr;
    for (j.n = n0; j.n < n1; j.n += nc)
        for (j.m = m0; j.m < m1; j.m += mc) {
            j.mc = gemm_min(mc, m1 - j.m);
            j.nc = gemm_min(nc, n1 - j.n);
            int slivers = (j.mc + mr - 1) / mr, panels = (j.nc + c->nr - 1) / c->nr;
            j.width = (j.mc + slivers - 1) / slivers;
            j.slot = (size_t)(slivers * j.width) * (size_t)(panels * c->nr);
            sum_tile(&j, per_block, blocks);
        }
}

size_t gemm_drive_tn_ws_bytes(void)
{
    return sizeof(struct ws);
}
