/* Cache blocking for C = A^T B, with its tree of leaves.
 *
 * Both operands are packed block by block of k; a block is a piece of a leaf
 * or, where leaves are short, several whole ones.  The packed block of A and B
 * may be larger than L2: micro tiles read it front to back, at a few bytes a
 * cycle, which the processor's own prefetching keeps up with; and a block that
 * is long along k touches C seldom.
 *
 * The tree is a binary counter: slot i holds the sum of 2^j leaves, and two of
 * a size are added as soon as they exist, the earlier on the left, which gives
 * (l0+l1)+(l2+l3).  Leaves of one block are added on the way out of the
 * microkernel, the waiting ones being in L1 (`micro`); blocks are added in a
 * tile of the workspace (`tile`), each micro tile on its own right after its
 * product, so that a slot is laid out micro tile after micro tile. */
#include <string.h>

#include "core/kernels/gemm_impl.h"

enum {
    KC = 1024,              /* units of k a block */
    MC = 392,               /* rows, and columns, of C a tile: at most */
    NC = 512,
    LANES = 528,            /* of packed A: MC with the lanes between width and pitch */
    GAP = 16,               /* units between panels, lest they fall into the same cache sets */
    TILES = 3 << 18,        /* floats for the slots */
};

struct ws {
    uint32_t a[LANES * (KC + GAP)], b[NC * (KC + GAP)];
    float tile[TILES];
    float micro[11][GEMM_MICRO]; /* 2^10 leaves a block at most */
};

/* One tile of C and, of the tree, the block that is being added. */
struct job {
    const struct gemm_core *c;
    const struct gemm_tn *g;
    gemm_micro *const *micro;
    struct ws *ws;
    int m, mc, n, nc;
    struct gemm_panels a, b;
    size_t slot;            /* floats of a slot */
    bool in_c;              /* the microkernel stores to C: there is but one block, or one chain that starts there */
    int top, merges;        /* slots in use before it; of those, how many it completes */
    bool last;
};

/* A block of k: n_leaves leaves of `units`, or a piece of one. */
struct block {
    int64_t k;              /* first element */
    int len, units, n_leaves;
    bool from_c, ends;      /* goes on from the piece before; ends with a leaf */
};

/* Packs columns [col, col+cols) of one operand, leaf by leaf. */
static void pack(const struct job *j, const struct block *b, uint32_t *dst, const struct gemm_panels *p,
                 const void *src, int64_t ld, int col, int cols)
{
    enum dtype dt = j->g->a;
    for (int i = 0; i < b->n_leaves; i++, dst += b->units * p->pitch) {
        const char *row = (const char *)src + ((b->k + (int64_t)i * b->len) * ld + col) * (int64_t)dtype_size(dt);
        (dt == DT_BF16 ? j->c->pack_bf16 : j->c->pack_f32)(dst, p, row, ld, b->len, cols);
    }
}

/* c (op)= the sum of a block's leaves.  The tile is changed in place, and read by members: copies of it would wait
 * for stores of another width. */
static void add_leaves(const struct job *j, struct gemm_tile *t, int rows, int n_leaves, float *c, int64_t ldc,
                       int cols, bool add_c)
{
    int top = 0;
    t->ldc = t->cols = j->c->nr;
    t->add_c = false;
    for (int leaf = 0; leaf < n_leaves; leaf++) {
        t->n_adds = __builtin_ctz(~(unsigned)leaf);
        t->add = j->ws->micro[top > 0 ? top - 1 : 0];
        top -= t->n_adds;
        t->c = j->ws->micro[top++];
        if (leaf == n_leaves - 1) {
            t->c = c;
            t->ldc = ldc;
            t->cols = cols;
            t->add_c = add_c;
        }
        j->micro[rows](t);
        t->a = (const uint32_t *)t->a + t->k * t->ks;
        t->b = (const uint32_t *)t->b + t->k * j->c->nr;
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

/* One micro tile of a packed block; it is number i of the tile. */
static void sum_micro(const struct job *j, const struct block *b, struct gemm_tile *t, int i, int m, int n)
{
    int rows = gemm_min(j->a.width, j->mc - m), cols = gemm_min(j->c->nr, j->nc - n), nr = j->c->nr;
    float *c = j->g->C + (j->m + m) * j->g->ldc + j->n + n;
    if (j->in_c) {
        gemm_fetch(c, j->g->ldc, rows, cols);
        add_leaves(j, t, rows, b->n_leaves, c, j->g->ldc, cols, j->g->accumulate && !j->g->chain);
        return;
    }
    float *slot = j->ws->tile + (size_t)i * (size_t)(j->a.width * nr), *tmp = j->ws->micro[0];
    float *sums = b->ends && !b->from_c && (j->merges || j->last) ? tmp : slot + (size_t)j->top * j->slot;
    for (int merge = 1; merge <= j->merges && b->ends; merge++)
        gemm_fetch(slot + (size_t)(j->top - merge) * j->slot, nr, rows, nr);
    if (j->last && b->ends) gemm_fetch(c, j->g->ldc, rows, cols);
    add_leaves(j, t, rows, b->n_leaves, sums, nr, nr, false);
    if (!b->ends) return;
    for (int merge = 1; merge <= j->merges; merge++) {
        float *left = slot + (size_t)(j->top - merge) * j->slot, *to = merge == j->merges && !j->last ? left : tmp;
        j->c->rows->add(to, left, sums, (size_t)(rows * nr));
        sums = to;
    }
    if (j->last) emit(j, sums, m, rows, n, cols);
}

static void sum_block(struct job *j, const struct block *b)
{
    const struct gemm_tn *g = j->g;
    int nr = j->c->nr, i = 0, units = b->units * b->n_leaves;
    struct gemm_tile t = {.k = b->units, .rs = 1, .ks = j->a.pitch, .from_c = b->from_c || g->chain,
                          .next = g->A}; /* next: nothing to prefetch, again and again */
    j->a.panel = (int64_t)j->a.pitch * units + GAP;
    j->b.panel = (int64_t)nr * units + GAP;
    pack(j, b, j->ws->a, &j->a, g->A, g->lda, j->m, j->mc);
    uint32_t *last = j->ws->b + j->nc / nr * j->b.panel;
    if (j->nc % nr) memset(last, 0, (size_t)(units * nr) * sizeof *last);
    pack(j, b, j->ws->b, &j->b, g->B, g->ldb, j->n, j->nc);
    for (int n = 0; n < j->nc; n += nr)
        for (int m = 0; m < j->mc; m += j->a.width) {
            t.a = j->ws->a + m / j->a.width * j->a.panel;
            t.b = j->ws->b + n / nr * j->b.panel;
            sum_micro(j, b, &t, i++, m, n);
        }
}

/* The leaf of `leaf` elements that starts at element k, in pieces. */
static void sum_leaf(struct job *j, int64_t k, int leaf)
{
    int most = j->g->a == DT_BF16 ? 2 * KC : KC, done = 0;
    do {
        struct block b = {k + done, gemm_min(most, leaf - done), 0, 1, done > 0, false};
        b.units = gemm_units(j->g->a, b.len);
        done += b.len;
        b.ends = done == leaf;
        sum_block(j, &b);
    } while (done < leaf);
}

static void sum_tile(struct job *j, int per_block, int blocks)
{
    const struct gemm_tn *g = j->g;
    bool whole = per_block > 1 || gemm_units(g->a, g->cuts ? g->cuts[1] - g->cuts[0] : g->leaf) <= KC;
    j->in_c = blocks == 1 && (whole || g->chain || !g->accumulate);
    j->top = 0;
    for (int b = 0; b < blocks; b++) {
        int64_t k = g->cuts ? g->cuts[b] : (int64_t)b * per_block * g->leaf;
        j->merges = __builtin_ctz(~(unsigned)b);
        j->last = b == blocks - 1;
        if (per_block > 1)
            sum_block(j, &(struct block){k, g->leaf, gemm_units(g->a, g->leaf), per_block, false, true});
        else
            sum_leaf(j, k, g->cuts ? g->cuts[b + 1] - g->cuts[b] : g->leaf);
        j->top += 1 - j->merges;
    }
}

/* Loads and stores of packed A are of whole registers. */
static int pitch_of(int mr)
{
    return mr > 8 ? 16 : mr > 4 ? 8 : 4;
}

void gemm_drive_tn(const struct gemm_core *c, const struct gemm_tn *g, int m0, int m1, int n0, int n1, void *ws)
{
    struct job j = {.c = c, .g = g, .micro = c->f32, .ws = ws, .b = {c->nr, c->nr, 0}};
    int mr = c->mr_f32;
    if (g->a == DT_BF16) {
        j.micro = c->bf16;
        mr = c->mr_bf16;
    }
    j.a.pitch = pitch_of(mr);
    int leaves = g->cuts ? g->n_leaves : g->K / g->leaf, per_block = 1, u = g->cuts ? KC : gemm_units(g->a, g->leaf);
    while (per_block < leaves && 2 * per_block * u <= KC) per_block *= 2;
    int blocks = leaves / per_block, levels = 1;
    for (int b = blocks; b > 1; b /= 2) levels++;

    /* the slots must fit: narrow tiles for high trees */
    int mc = gemm_min(MC / mr * mr, m1 - m0), nc = gemm_min(NC, n1 - n0);
    while ((mc + GEMM_MR_MAX) * (nc + GEMM_NR_MAX) > TILES / levels)
        if (nc > mc)
            nc = (nc / 2 + c->nr - 1) / c->nr * c->nr;
        else
            mc = (mc / 2 + mr - 1) / mr * mr;
    for (j.n = n0; j.n < n1; j.n += nc)
        for (j.m = m0; j.m < m1; j.m += mc) {
            j.mc = gemm_min(mc, m1 - j.m);
            j.nc = gemm_min(nc, n1 - j.n);
            int slivers = (j.mc + mr - 1) / mr, panels = (j.nc + c->nr - 1) / c->nr;
            j.a.width = (j.mc + slivers - 1) / slivers;
            j.slot = (size_t)(slivers * j.a.width) * (size_t)(panels * c->nr);
            sum_tile(&j, per_block, blocks);
        }
}

size_t gemm_drive_tn_ws_bytes(void)
{
    return sizeof(struct ws);
}
