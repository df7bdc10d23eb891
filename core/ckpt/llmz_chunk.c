/* Coding of one chunk: transform, planes, codec of each plane, and back. */
#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_c_literalCompressionMode, ZSTD_getFrameHeader */
#include <zstd.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/ckpt/llmz_internal.h"
#include "core/ckpt/planes.h"

enum {
    SMALL = 4096,           /* bytes; smaller chunks stay in one plane */
    SAMPLE_RUNS = 8,        /* a trial sees this many runs, spread over the chunk, */
    SAMPLE_RUN = 1024,      /* of this many elements */
    SAMPLE = SAMPLE_RUNS * SAMPLE_RUN,
    WINDOW_LOG_MAX = 22,    /* a frame that asks for more memory is refused */
    STORE_BLOCK = 128 << 10,
};

/* How a plane is compressed.  Huffman alone is faster than matching both ways
 * and, on weights, denser, because matches found in noise are spurious: the
 * top plane shrinks to 0.358 against 0.380 at level 1.  The lowest level there
 * is looks for next to no matches (0.369 at level -50). */
enum mode { HUFFMAN, MATCHES, N_MODES };

struct llmz_coder {
    ZSTD_CCtx *cctx[N_MODES];
    ZSTD_DCtx *dctx;
    uint8_t *planes;        /* one chunk */
    size_t planes_cap;
    uint8_t sample[SAMPLE * 8], sample_planes[SAMPLE * 8], sample_out[SAMPLE * 2];
};

static ZSTD_CCtx *new_cctx(enum mode mode)
{
    ZSTD_CCtx *z = ZSTD_createCCtx();
    if (!z) return NULL;
    /* The literal switch is an experimental parameter; where it is missing,
     * level 1 gives other bytes of the same format. */
    if (mode == HUFFMAN &&
        !ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_literalCompressionMode, ZSTD_ps_enable)) &&
        !ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, ZSTD_minCLevel())))
        return z;
    ZSTD_CCtx_reset(z, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, 1);
    return z;
}

struct llmz_coder *llmz_coder_new(struct err *e)
{
    struct llmz_coder *c = mem_zalloc(1, sizeof *c);
    if (c)
        for (int m = 0; m < N_MODES; m++) c->cctx[m] = new_cctx((enum mode)m);
    if (c) c->dctx = ZSTD_createDCtx();
    if (!c || !c->cctx[HUFFMAN] || !c->cctx[MATCHES] || !c->dctx) {
        err_oom(e, sizeof *c, "a checkpoint coder");
        llmz_coder_free(c);
        return NULL;
    }
    return c;
}

size_t llmz_coder_bytes(void)
{
    return N_MODES * ZSTD_estimateCCtxSize(1) + ZSTD_estimateDCtxSize();
}

void llmz_coder_free(struct llmz_coder *c)
{
    if (!c) return;
    for (int m = 0; m < N_MODES; m++) ZSTD_freeCCtx(c->cctx[m]);
    ZSTD_freeDCtx(c->dctx);
    mem_free_aligned(c->planes);
    free(c);
}

int llmz_coder_reserve(struct llmz_coder *c, size_t n, size_t size, struct err *e)
{
    size_t need = n * size;
    if (c->planes_cap >= need) return 0;
    mem_free_aligned(c->planes);
    c->planes_cap = 0;
    c->planes = mem_alloc_aligned(need);
    if (!c->planes) return err_oom(e, need, "a checkpoint coder");
    c->planes_cap = need;
    return 0;
}

uint8_t *llmz_coder_scratch(struct llmz_coder *c) { return c->planes; }

int llmz_coded_reserve(struct llmz_coded *out, size_t n, size_t size, struct err *e)
{
    size_t need = llmz_frame_bound(n) * size;
    if (out->cap >= need) return 0;
    mem_free_aligned(out->mem);
    out->cap = 0;
    out->mem = mem_alloc_aligned(need);
    if (!out->mem) return err_oom(e, need, "a compressed chunk");
    out->cap = need;
    return 0;
}

void llmz_coded_free(struct llmz_coded *out)
{
    mem_free_aligned(out->mem);
    *out = (struct llmz_coded){0};
}

/* ---- frames ---- */

size_t llmz_frame_bound(size_t n)
{
    size_t zstd = ZSTD_compressBound(n), store = 9 + n + 3 * (n / STORE_BLOCK + 1);
    return zstd > store ? zstd : store;
}

size_t llmz_frame_compress(void *dst, const void *src, size_t n, int level)
{
    size_t r = ZSTD_compress(dst, llmz_frame_bound(n), src, n, level);
    return ZSTD_isError(r) ? 0 : r;
}

/* Magic, descriptor "single segment, 4-byte content size", the size, then
 * blocks of a 3-byte header (last | type 0 | size << 3) and their bytes. */
size_t llmz_frame_store(void *dst, const void *src, size_t n)
{
    uint8_t *out = dst;
    const uint8_t *in = src;
    uint32_t magic = ZSTD_MAGICNUMBER, size = (uint32_t)n;
    memcpy(out, &magic, 4);
    out[4] = 0xA0;
    memcpy(out + 5, &size, 4);
    out += 9;
    do {
        size_t m = n < STORE_BLOCK ? n : STORE_BLOCK;
        uint32_t header = (uint32_t)m << 3 | (m == n);
        memcpy(out, &header, 3);
        memcpy(out + 3, in, m);
        out += 3 + m;
        in += m;
        n -= m;
    } while (n);
    return (size_t)(out - (uint8_t *)dst);
}

/* ---- encoding ---- */

static size_t compress(struct llmz_coder *c, enum mode m, void *dst, size_t cap, const void *src,
                       size_t n)
{
    size_t r = ZSTD_compress2(c->cctx[m], dst, cap, src, n);
    return ZSTD_isError(r) ? SIZE_MAX : r;
}

/* Runs of elements from all over the chunk; the whole chunk when it is short. */
static size_t take_sample(struct llmz_coder *c, const uint8_t *src, size_t n, size_t size)
{
    if (n <= SAMPLE) {
        memcpy(c->sample, src, n * size);
        return n;
    }
    size_t stride = (n - SAMPLE_RUN) / (SAMPLE_RUNS - 1);
    for (size_t r = 0; r < SAMPLE_RUNS; r++)
        memcpy(c->sample + r * SAMPLE_RUN * size, src + r * stride * size, SAMPLE_RUN * size);
    return SAMPLE;
}

/* Compresses a sample under each transform and codec; the smallest total wins.
 * A match-finding plane must beat Huffman by 2 %: it decodes more slowly. */
static enum llmz_transform choose(struct llmz_coder *c, const void *src, size_t n, size_t size,
                                  enum mode mode[8])
{
    enum llmz_transform best = LLMZ_SPLIT;
    size_t best_total = SIZE_MAX, m = take_sample(c, src, n, size);
    for (int t = LLMZ_SPLIT; t <= LLMZ_ROTATE; t++) {
        size_t total = 0;
        enum mode try[8] = {HUFFMAN};
        planes_split(c->sample_planes, c->sample, m, size, t == LLMZ_ROTATE);
        for (size_t k = 0; k < size; k++) {
            const uint8_t *p = c->sample_planes + k * m;
            size_t h = compress(c, HUFFMAN, c->sample_out, sizeof c->sample_out, p, m);
            size_t z = compress(c, MATCHES, c->sample_out, sizeof c->sample_out, p, m);
            try[k] = z < h - h / 50 ? MATCHES : HUFFMAN;
            if (z < h) h = z;
            total += h < m ? h : m;
        }
        /* Rotation has to pay: it may turn a constant plane into one that is not. */
        if (t == LLMZ_SPLIT || total < best_total - best_total / 128) {
            best_total = total;
            best = (enum llmz_transform)t;
            memcpy(mode, try, sizeof try);
        }
    }
    return best;
}

static bool all_equal(const uint8_t *p, size_t n)
{
    return n < 2 || (p[0] == p[n - 1] && !memcmp(p, p + 1, n - 1));
}

static void encode_plane(struct llmz_coder *c, const uint8_t *p, size_t n, enum mode mode,
                         uint8_t *out, size_t cap, struct llmz_plane *pl)
{
    *pl = (struct llmz_plane){.rsize = (uint32_t)n, .hash_raw = hash64(p, n)};
    if (all_equal(p, n)) {
        pl->codec = LLMZ_CONST;
        pl->value = p[0];
        return;
    }
    size_t size = compress(c, mode, out, cap, p, n);
    pl->codec = LLMZ_ZSTD;
    if (size > n - n / 50) { /* a gain below 2 % does not pay for decoding */
        size = llmz_frame_store(out, p, n);
        pl->codec = LLMZ_RAW;
    }
    pl->csize = (uint32_t)size;
    pl->frame = out;
    pl->hash_stored = hash64(out, size);
}

void llmz_encode(struct llmz_coder *c, const void *src, size_t n, size_t size,
                 struct llmz_coded *out)
{
    enum mode mode[8] = {MATCHES};
    const uint8_t *planes = src;
    size_t plane_bytes = n * size;
    out->hash = hash128(src, n * size);
    out->n_planes = 1;
    out->transform = LLMZ_NONE;
    if (size > 1 && n * size >= SMALL) {
        out->n_planes = (int)size;
        out->transform = choose(c, src, n, size, mode);
        planes_split(c->planes, src, n, size, out->transform == LLMZ_ROTATE);
        planes = c->planes;
        plane_bytes = n;
    }
    size_t step = out->n_planes == 1 ? out->cap : out->cap / (size_t)out->n_planes;
    for (int k = 0; k < out->n_planes; k++)
        encode_plane(c, planes + (size_t)k * plane_bytes, plane_bytes, mode[k],
                     out->mem + (size_t)k * step, step, &out->plane[k]);
}

/* ---- decoding ---- */

const char *llmz_decode_frame(struct llmz_coder *c, const uint8_t *frame, size_t csize, void *dst,
                              size_t rsize)
{
    ZSTD_frameHeader h;
    if (ZSTD_getFrameHeader(&h, frame, csize) != 0 || h.frameType != ZSTD_frame)
        return "not a zstd frame";
    if (h.frameContentSize != rsize) return "the zstd frame declares another size than the index";
    if (h.windowSize > (1ull << WINDOW_LOG_MAX) && h.windowSize > rsize)
        return "the zstd frame asks for too much memory";
    size_t r = ZSTD_decompressDCtx(c->dctx, dst, rsize, frame, csize);
    if (ZSTD_isError(r)) return ZSTD_getErrorName(r);
    return r == rsize ? NULL : "the zstd frame is short";
}
