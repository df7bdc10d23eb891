/* Packing: panels of a few columns, in each panel unit after unit of k.
 *
 * Row-major sources are spread row by row (two rows a unit for bf16);
 * transposed ones in square pieces.  A source of the other type is converted
 * piece by piece on the way. */
#include <string.h>

#include "core/kernels/gemm_impl.h"

enum { ROWS = 16, COLS = 256, UNITS = 64 }; /* of a piece */

/* A matrix that is read along its rows. */
struct rows {
    const char *p;
    enum dtype dt;
    int64_t ld;     /* elements */
};

static const void *at(const struct rows *s, int64_t row, int64_t col)
{
    return s->p + (row * s->ld + col) * (int64_t)dtype_size(s->dt);
}

/* Weights come from memory in pieces too short for the processor to see a stream: the next one is fetched
 * by hand.  Inlined, lest gcc drop calls of a function that it takes for one without effect. */
static inline __attribute__((always_inline)) void fetch(const struct rows *s, int64_t row, int rows, int64_t col, int n)
{
    int64_t bytes = (int64_t)n * (int64_t)dtype_size(s->dt);
    for (int i = 0; i < rows; i++)
        for (int64_t b = 0; b < bytes; b += 64) __builtin_prefetch((const char *)at(s, row + i, col) + b, 0, 2);
}

/* Elements [col, col+n) of a row as type dt: in place, or converted into tmp. */
static const void *as(const struct kernels *k, enum dtype dt, const struct rows *s, int64_t row, int64_t col, int n,
                      void *tmp)
{
    const void *src = at(s, row, col);
    if (s->dt == dt) return src;
    if (dt == DT_BF16)
        k->bf16_from_f32(tmp, src, (size_t)n);
    else
        k->f32_from_bf16(tmp, src, (size_t)n);
    return tmp;
}

/* Where unit 0 of column c is, panels of `width` columns being `panel` units apart. */
static uint32_t *column(uint32_t *dst, int64_t panel, int width, int c)
{
    return dst + c / width * panel + c % width;
}

/* Columns [c0, c0+n) of the packed matrix from columns [s0, s0+n) of s, k < K (elements). */
static void pack_along_rows(const struct gemm_core *c, enum dtype dt, uint32_t *dst, int64_t panel, int width,
                            const struct rows *s, int K, int c0, int s0, int n)
{
    uint32_t tmp[ROWS * COLS];
    int per = dt == DT_BF16 ? 2 : 1;
    for (int i = 0; i < n; i += COLS)
        for (int k = 0; k < K; k += ROWS) {
            int len = gemm_min(COLS, n - i), rows = gemm_min(ROWS, K - k);
            const char *src = at(s, k, s0 + i);
            int64_t ld = s->ld;
            if (s->dt != dt) { /* (the others fetch for themselves) */
                fetch(s, k + rows, gemm_min(ROWS, K - k - rows), s0 + i, len);
                for (int r = 0; r < rows; r++)
                    as(c->rows, dt, s, k + r, s0 + i, len, (char *)tmp + (size_t)(r * COLS) * dtype_size(dt));
                src = (const char *)tmp;
                ld = COLS;
            }
            for (int j = 0, cols; j < len; j += cols) {
                int col = c0 + i + j;
                cols = gemm_min(len - j, width - col % width);
                uint32_t *d = column(dst, panel, width, col) + (int64_t)(k / per) * width;
                (dt == DT_BF16 ? c->pack_bf16 : c->pack_f32)(d, width, src + (size_t)j * dtype_size(dt), ld, rows, cols);
            }
        }
}

/* Units [u, u+n) of `cols` rows of s, converted and padded, as rows of tmp. */
static void convert_piece(const struct kernels *k, enum dtype dt, uint32_t tmp[][UNITS], const struct rows *s, int row,
                          int cols, int u, int n, int K)
{
    int per = dt == DT_BF16 ? 2 : 1, len = gemm_min(n * per, K - u * per);
    for (int i = 0; i < cols; i++) {
        if (len < n * per) memset(&tmp[i][len / per], 0, (size_t)(n - len / per) * sizeof tmp[i][0]);
        const void *x = as(k, dt, s, row + i, (int64_t)u * per, len, tmp[i]);
        if (x != tmp[i]) memcpy(tmp[i], x, (size_t)len * dtype_size(dt));
    }
}

/* The same where column n of B is row n of s. */
static void pack_across_rows(const struct gemm_core *c, enum dtype dt, uint32_t *dst, const struct rows *s, int K,
                             int c0, int s0, int n)
{
    uint32_t tmp[GEMM_NR_MAX][UNITS];
    int U = gemm_steps(c, dt, K), per = dt == DT_BF16 ? 2 : 1;
    for (int i = 0; i < n;) {
        int lane = (c0 + i) % c->nr, cols = gemm_min(n - i, c->nr - lane);
        uint32_t *d = column(dst, (int64_t)U * c->nr, c->nr, c0 + i);
        for (int u = 0; u < U; u += UNITS) {
            int len = gemm_min(UNITS, U - u);
            bool direct = s->dt == dt && (u + len) * per <= K, end = u + len == U;
            fetch(s, s0 + i + (end ? cols : 0), gemm_min(cols, end ? n - i - cols : cols), end ? 0 : (u + len) * per,
                  gemm_min(UNITS, end ? U : U - u - len) * per);
            if (!direct) convert_piece(c->rows, dt, tmp, s, s0 + i, cols, u, len, K);
            const void *src = direct ? at(s, s0 + i, (int64_t)u * per) : tmp;
            int64_t ld = direct ? s->ld * (int64_t)dtype_size(dt) : (int64_t)sizeof tmp[0];
            c->transpose(d + (int64_t)u * c->nr, src, ld, cols, len);
        }
        i += cols;
    }
}

/* Units [u, U) of columns [c, c+n). */
static void zero_units(uint32_t *dst, int64_t panel, int width, int u, int U, int c, int n)
{
    for (; u < U; u++)
        for (int i = 0; i < n; i++) column(dst, panel, width, c + i)[u * width] = 0;
}

static void zero_lanes(uint32_t *dst, int64_t panel, int width, int U, int N)
{
    if (N % width == 0) return;
    uint32_t *d = column(dst, panel, width, N);
    for (int u = 0; u < U; u++, d += width) memset(d, 0, (size_t)(width - N % width) * sizeof *d);
}

size_t gemm_packed_bytes(const struct gemm_core *c, enum dtype dt, int K, int N)
{
    size_t panels = ((size_t)N + (size_t)c->nr - 1) / (size_t)c->nr;
    return panels * (size_t)c->nr * (size_t)gemm_steps(c, dt, K) * 4;
}

void gemm_pack_b(const struct gemm_core *c, enum dtype dt, void *Bp, int K, int N, const void *src, enum dtype src_dt,
                 int64_t ld, bool trans, int col0, int n0, int n1)
{
    struct rows s = {src, src_dt, ld};
    int U = gemm_steps(c, dt, K);
    if (trans) {
        pack_across_rows(c, dt, Bp, &s, K, col0 + n0, n0, n1 - n0);
    } else {
        pack_along_rows(c, dt, Bp, (int64_t)U * c->nr, c->nr, &s, K, col0 + n0, n0, n1 - n0);
        zero_units(Bp, (int64_t)U * c->nr, c->nr, gemm_units(dt, K), U, col0 + n0, n1 - n0);
    }
    if (col0 + n1 == N) zero_lanes(Bp, (int64_t)U * c->nr, c->nr, U, N);
}
