/* Cache blocking for C = A^T B, with its tree of leaves.
 *
 * Both operands are packed block by block of k; a block is a piece of a leaf
 * or, where leaves are short, several whole ones.  A block of A stays in L2;
 * one panel of B at a time is packed and used for all rows.  In f32 the
 * microkernels that read a panel first pack it, which is nearly free; bf16 is
 * packed before.  All of them prefetch what will be packed next.  The tree is a binary
 * counter: slot i holds the sum of 2^j leaves, and two of a size are added as
 * soon as they exist, the earlier on the left, which gives (l0+l1)+(l2+l3).
 * The microkernel that finishes a leaf adds the slots which that completes while
 * its sums are in registers.  Leaves of one block are added in L1 (`micro`),
 * blocks in a tile of the workspace (`tile`), each micro tile on its own; so a
 * slot is laid out micro tile after micro tile. */
#include <string.h>

#include "core/kernels/gemm_impl.h"

enum {
    KC = 512,               /* units of k a block */
    MC = 196,               /* rows, and columns, of C a tile: at most */
    TILED = 2,              /* with tiles KC is so much less, MC so much more: a panel of B must stay in L1 */
    NC = 1024,
    PIECE = 16,             /* rows of A that are packed at a time; where there are tiles, a tile's */
    TILES = 3 << 18,        /* floats for the slots */
    MICRO = GEMM_MR_MAX * GEMM_NR_MAX + 16, /* 4096 bytes apart, all would be in the same sets of L1 */
    MAX_LEFT = 64,          /* 2^31 leaves have 31 levels, those of a block and of blocks together */
};

struct ws {
    uint32_t a[(MC + GEMM_MR_MAX) * KC], b[GEMM_NR_MAX * KC];
    float tile[TILES];
    float micro[10][MICRO]; /* 2^9 leaves a block at most */
};

/* One tile of C and, of the tree, the block that is being added. */
struct job {
    const struct gemm_core *c;
    const struct gemm_tn *g;
    gemm_micro *const *micro;
    bool copies;            /* what is packed is packed by the microkernels that read it first: f32 */
    struct ws *ws;
    int m, mc, n, nc;
    int slivers, width;     /* micro tiles one above the other; the greatest height */
    bool tiles;
    int kc;                 /* units of k a block */
    int first[TILED * MC + 2];      /* row of a sliver; the end */
    size_t slot;            /* floats of a slot */
    bool in_c;              /* no tree and nothing to add to: the sums are C */
    int top, merges;        /* slots in use before it; of those, how many it completes */
    bool last;
};

/* A block of k: n_leaves leaves of `units`, or a piece of one. */
struct block {
    int64_t k;              /* first element */
    int len, units, n_leaves;
    bool from_c, ends;      /* goes on from the piece before; ends with a leaf */
};

static const char *row(const void *p, enum dtype dt, int64_t ld, int64_t k, int64_t col)
{
    return (const char *)p + (k * ld + col) * (int64_t)dtype_size(dt);
}

/* Inlined, lest gcc drop the calls of a function that it takes for one without effect. */
static inline __attribute__((always_inline)) void fetch_rows(const char *p, int64_t ld, int rows, int bytes)
{
    for (int i = 0; i < rows; i++, p += ld)
        for (int b = 0; b < bytes; b += 64) __builtin_prefetch(p + b);
}

/* Packs columns [col, col+cols) of one operand into a panel of `width`, leaf by leaf. */
static void pack(const struct job *j, const struct block *b, uint32_t *dst, int width, const void *src, int64_t ld,
                 int col, int cols)
{
    enum dtype dt = j->g->a;
    int units = gemm_units(dt, b->len);
    for (int i = 0; i < b->n_leaves; i++, dst += b->units * width) {
        if (units < b->units) memset(dst + units * width, 0, (size_t)((b->units - units) * width) * sizeof *dst);
        (dt == DT_BF16 ? j->c->pack_bf16 : j->c->pack_f32)(
            dst, width, row(src, dt, ld, b->k + (int64_t)i * b->len, col), ld, b->len, cols);
    }
}

/* Packs the block of A, a few rows at a time, each from end to end: memory likes that better than columns. */
static void pack_a(const struct job *j, const struct block *b)
{
    enum dtype dt = j->g->a;
    int per = dt == DT_BF16 ? 2 : 1, panel = b->units * b->n_leaves, bytes = j->mc * (int)dtype_size(dt);
    int piece = j->tiles ? per * j->c->step : PIECE, ahead = 2 * piece;
    void (*pack_k)(uint32_t *, int, const void *, int64_t, int, int) =
        j->tiles ? j->c->pack_rows : dt == DT_BF16 ? j->c->pack_bf16 : j->c->pack_f32;
    for (int i = 0; i < b->n_leaves; i++)
        for (int k = 0; k < b->len; k += piece) {
            int64_t at = b->k + (int64_t)i * b->len + k;
            uint32_t *dst = j->ws->a + (i * b->units + k / per) * j->width;
            int rows = gemm_min(piece, b->len - k);
            fetch_rows(row(j->g->A, dt, j->g->lda, at + ahead, j->m), j->g->lda * (int64_t)dtype_size(dt),
                       gemm_min(piece, b->len - k - ahead), bytes);
            for (int s = 0; s < j->slivers; s++)
                pack_k(dst + s * j->width * panel, j->width, row(j->g->A, dt, j->g->lda, at, j->m + j->first[s]),
                       j->g->lda, rows, j->first[s + 1] - j->first[s]);
        }
}

/* What the microkernels of a block prefetch, a column of cache lines after the
 * other: of the next panel of B, when that is done of the next block of A. */
struct fetch {
    const char *p;
    int64_t ld;             /* bytes */
    int lines, rows;        /* of the whole */
    int line, row;          /* done */
};

static void fetch_start(struct fetch *f, const char *p, int64_t ld, int bytes, int rows)
{
    *f = (struct fetch){p, ld, rows > 0 ? (bytes + 63) / 64 : 0, rows, 0, 0};
}

static void fetch_next(struct fetch *f, struct gemm_tile *t, int64_t units)
{
    t->next_step = 0;
    if (f->line == f->lines) return;
    t->next = f->p + f->row * f->ld + f->line * 64;
    t->next_step = f->ld;
    f->row += (int)(units / GEMM_FETCH);
    if (f->row < f->rows) return;
    f->row = 0;
    f->line++;
}

/* Blocks of C that a micro tile's sums need in the end: one is fetched in each of the microkernel's calls. */
struct needs {
    const float *p[MAX_LEFT + 1];
    int64_t ld[MAX_LEFT + 1];
    int n;
};

static void need(struct needs *s, const float *p, int64_t ld)
{
    s->p[s->n] = p;
    s->ld[s->n++] = ld;
}

/* For the call with `later` calls behind it. */
static void fetch_needed(const struct needs *s, int later, struct gemm_tile *t)
{
    int i = s->n - 1 - later;
    if (i >= 0) gemm_soon(t, s->p[i], s->ld[i] * 4);
    else gemm_soon(t, t->b, 0);
}

/* The leaves of a block (a power of two), in L1 but for the last: that one's microkernel does what `last` says. */
static void add_leaves(const struct job *j, struct gemm_tile t, gemm_micro *fn, int rows, int n_leaves,
                       struct gemm_tile *last, const struct needs *needs)
{
    const float *left[MAX_LEFT];
    int top = 0, nr = j->c->nr;
    t.left = left;
    for (int i = 0; i < needs->n - n_leaves; i++) gemm_fetch(needs->p[i], needs->ld[i], rows, nr);
    for (int leaf = 0; leaf < n_leaves; leaf++, top++) {
        t.n_left = 0;
        fetch_needed(needs, n_leaves - 1 - leaf, &t);
        for (int bits = leaf; bits & 1; bits >>= 1) left[t.n_left++] = j->ws->micro[--top];
        if (leaf == n_leaves - 1) break;
        t.c = j->ws->micro[top];
        t.ldc = t.cols = nr;
        fn(&t);
        t.next += t.k / GEMM_FETCH * t.next_step;
        t.a = (const uint32_t *)t.a + t.k * t.ks;
        t.b = (const uint32_t *)t.b + t.k * t.b_ld;
        t.a_to += t.k * j->width;
        t.b_to += t.k * nr;
    }
    for (int i = 0; i < last->n_left; i++) left[t.n_left++] = last->left[i];
    t.c = last->c;
    t.ldc = last->ldc;
    t.cols = last->cols;
    t.from = last->from;
    t.ld_from = last->ld_from;
    t.add_c = last->add_c;
    fn(&t);
}

/* One micro tile of a packed block; it is number i of the tile. */
static void sum_micro(const struct job *j, const struct block *b, struct gemm_tile t, gemm_micro *const *micro, int i,
                      int s, int n)
{
    int m = j->first[s], rows = j->first[s + 1] - m, cols = gemm_min(j->c->nr, j->nc - n), nr = j->c->nr;
    const struct gemm_tn *g = j->g;
    float *slot = j->ws->tile + (size_t)i * (size_t)(j->width * nr), *C = g->C + (j->m + m) * g->ldc + j->n + n;
    float *own = j->in_c ? C : slot + (size_t)j->top * j->slot;
    const float *left[MAX_LEFT];
    t.rows = rows;
    bool done = j->last && b->ends;
    struct needs needs;
    needs.n = 0;
    struct gemm_tile last = {.c = own, .ldc = j->in_c ? g->ldc : nr, .cols = j->in_c ? cols : nr, .left = left};
    if (b->from_c || g->chain) {
        last.from = own;
        last.ld_from = last.ldc;
        if (!j->in_c) need(&needs, own + j->width * nr, nr); /* the next tile's, when it begins */
    }
    for (int merge = 1; merge <= j->merges && b->ends; merge++) {
        last.c = slot + (size_t)(j->top - merge) * j->slot;
        left[last.n_left++] = last.c;
        need(&needs, last.c, nr);
    }
    if (done) {
        last.c = C;
        last.ldc = g->ldc;
        last.cols = cols;
        last.add_c = g->accumulate && !g->chain;
    }
    if (done || j->in_c) need(&needs, C, g->ldc);
    add_leaves(j, t, micro[rows], rows, b->n_leaves, &last, &needs);
}

/* Operands of micro tile s of the panel at column n, and the microkernel for them.  They are packed; with j->copies
 * the first to read a panel takes it from where it lies and packs it. */
static gemm_micro *const *operands(const struct job *j, const struct block *b, int s, int n, struct gemm_tile *t)
{
    const struct gemm_tn *g = j->g;
    int nr = j->c->nr;
    bool full = n + nr <= j->nc;
    int copy = !j->copies || !full ? 0 : (n == 0 ? COPY_A : 0) | (s == 0 ? COPY_B : 0);
    t->a = t->a_to = j->ws->a + s * j->width * b->units * b->n_leaves;
    t->b = t->b_to = j->ws->b;
    t->ks = t->to_width = j->width;
    t->b_ld = nr;
    if (copy & COPY_A) {
        t->a = row(g->A, g->a, g->lda, b->k, j->m + j->first[s]);
        t->ks = g->lda;
    }
    if (copy & COPY_B) {
        t->b = row(g->B, g->a, g->ldb, b->k, j->n + n);
        t->b_ld = g->ldb;
    }
    return copy ? j->c->f32[copy] : j->micro;
}

static void sum_block(const struct job *j, const struct block *b)
{
    const struct gemm_tn *g = j->g;
    int nr = j->c->nr, el = (int)dtype_size(g->a), i = 0, rows = b->len * b->n_leaves;
    int64_t total = g->cuts ? g->cuts[g->n_leaves] : g->K, k_next = b->k + rows, lda = g->lda * el, ldb = g->ldb * el;
    int rows_next = (int)(total - k_next < rows ? total - k_next : rows);
    struct gemm_tile t = {.k = b->units, .rs = j->tiles ? j->c->step : 1, .next = (const char *)j->ws->a, .soon_every = gemm_soon_every(b->units)};
    struct fetch fa, fb;
    fetch_start(&fa, row(g->A, g->a, g->lda, k_next, j->m), lda, j->mc * el, rows_next);
    if (!j->copies || j->nc < nr) pack_a(j, b);
    for (int n = 0; n < j->nc; n += nr) {
        if (n + nr > j->nc) memset(j->ws->b, 0, sizeof j->ws->b);
        if (!j->copies || n + nr > j->nc) pack(j, b, j->ws->b, nr, g->B, g->ldb, j->n + n, gemm_min(nr, j->nc - n));
        if (n + nr < j->nc) fetch_start(&fb, row(g->B, g->a, g->ldb, b->k, j->n + n + nr), ldb, nr * el, rows);
        else fetch_start(&fb, row(g->B, g->a, g->ldb, k_next, j->n), ldb, nr * el, rows_next);
        for (int s = 0; s < j->slivers; s++) {
            gemm_micro *const *micro = operands(j, b, s, n, &t);
            fetch_next(fb.line < fb.lines ? &fb : &fa, &t, (int64_t)b->units * b->n_leaves);
            sum_micro(j, b, t, micro, i++, s, n);
        }
    }
}

/* The leaf of `leaf` elements that starts at element k, in pieces. */
static void sum_leaf(const struct job *j, int64_t k, int leaf)
{
    int most = j->g->a == DT_BF16 ? 2 * j->kc : j->kc, done = 0;
    do {
        struct block b = {k + done, gemm_min(most, leaf - done), 0, 1, done > 0, false};
        b.units = gemm_steps(j->c, j->g->a, b.len);
        done += b.len;
        b.ends = done == leaf;
        sum_block(j, &b);
    } while (done < leaf);
}

/* What the first microkernels read before their own prefetches come. */
static void fetch_first(const struct job *j)
{
    const struct gemm_tn *g = j->g;
    int64_t k = g->cuts ? g->cuts[0] : 0, total = g->cuts ? g->cuts[g->n_leaves] - k : g->K;
    int rows = total < GEMM_AHEAD ? (int)total : GEMM_AHEAD, el = (int)dtype_size(g->a);
    fetch_rows(row(g->B, g->a, g->ldb, k, j->n), g->ldb * el, rows, gemm_min(j->c->nr, j->nc) * el);
    fetch_rows(row(g->A, g->a, g->lda, k, j->m), g->lda * el, rows, j->mc * el);
}

static void sum_tile(struct job *j, int per_block, int blocks)
{
    const struct gemm_tn *g = j->g;
    j->in_c = blocks == 1 && per_block == 1 && (g->chain || !g->accumulate);
    j->top = 0;
    if (j->copies) fetch_first(j);
    for (int b = 0; b < blocks; b++) {
        int64_t k = g->cuts ? g->cuts[b] : (int64_t)b * per_block * g->leaf;
        j->merges = __builtin_ctz(~(unsigned)b);
        j->last = b == blocks - 1;
        if (per_block > 1)
            sum_block(j, &(struct block){k, g->leaf, gemm_steps(j->c, g->a, g->leaf), per_block, false, true});
        else
            sum_leaf(j, k, g->cuts ? g->cuts[b + 1] - g->cuts[b] : g->leaf);
        j->top += 1 - j->merges;
    }
}

void gemm_drive_tn(const struct gemm_core *c, const struct gemm_tn *g, int m0, int m1, int n0, int n1, void *ws)
{
    struct job j = {.c = c, .g = g, .micro = c->f32[0], .ws = ws, .copies = true, .tiles = gemm_tiles(c, g->a)};
    int mr = c->mr_f32;
    if (g->a == DT_BF16) {
        j.micro = c->bf16;
        j.copies = false;
        mr = c->mr_bf16;
    }
    j.kc = j.tiles ? KC / TILED : KC;
    int leaves = g->cuts ? g->n_leaves : g->K / g->leaf, per_block = 1, u = g->cuts ? j.kc : gemm_steps(c, g->a, g->leaf);
    while (per_block < leaves && 2 * per_block * u <= j.kc) per_block *= 2;
    int blocks = leaves / per_block, levels = 1;
    for (int b = blocks; b > 1; b /= 2) levels++;

    /* the slots must fit: narrow tiles for high trees */
    int mc = (j.tiles ? TILED * MC : MC) / mr * mr, nc = NC;
    while (mc * nc > TILES / levels)
        if (nc > mc)
            nc = (nc / 2 + c->nr - 1) / c->nr * c->nr;
        else
            mc = (mc / 2 + mr - 1) / mr * mr;
    for (j.n = n0; j.n < n1; j.n += nc)
        for (j.m = m0; j.m < m1; j.m += mc) {
            j.mc = gemm_min(mc, m1 - j.m);
            j.nc = gemm_min(nc, n1 - j.n);
            int panels = (j.nc + c->nr - 1) / c->nr;
            j.slivers = (j.mc + mr - 1) / mr;
            j.width = j.tiles ? mr : (j.mc + j.slivers - 1) / j.slivers;
            for (int s = 0; s <= j.slivers; s++) j.first[s] = gemm_sliver(c, g->a, j.mc, j.slivers, s);
            j.slot = (size_t)(j.slivers * j.width) * (size_t)(panels * c->nr);
            sum_tile(&j, per_block, blocks);
        }
}

size_t gemm_drive_tn_ws_bytes(void)
{
    return sizeof(struct ws);
}
