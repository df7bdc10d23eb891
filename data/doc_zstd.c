#include "data/doc_zstd.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "core/base/buf.h"
#include "core/base/mem.h"

enum {
    READ_BYTES = 256 << 10,
    MOST_PACKED = 8 << 20,
    MOST_PLAIN = 64 << 20,
    MOST_HELD = 128 << 20,
    KEPT_PLAIN = 8 << 20, /* larger buffers are not kept for the next frame */
    STEP = 32 << 10, /* what zstd made in a call that fails is lost */
    USUAL_RATIO = 8       /* of frames that do not say how large they are */
};

enum state { FREE, HELD, BUSY, READY, ODD }; /* ODD: to be taken piece by piece */

struct frame {
    enum state state;
    uint64_t no, at; /* from 1; byte of the file where it begins */
    struct buf packed, plain;
    size_t size;  /* of plain as its header says, 0: it does not, or none */
    size_t cost;  /* of memory, about */
    size_t taken; /* of packed, or of plain when READY */
    ZSTD_DCtx *ctx;
};

struct zstd_frames {
    int fd;
    zstd_read_fn *read;
    void *arg; /* of read */
    bool eof;
    struct buf raw; /* read, not yet split: raw.data[pos] is byte `at` of the file */
    size_t pos;
    uint64_t at, no; /* no: frames split off */
    struct frame *ring;
    size_t width;
    uint64_t n_split, n_taken; /* frame i in ring[i % width] */
    size_t held;               /* bytes in the ring */
    pthread_mutex_t lock;      /* for states and the two counts */
    pthread_cond_t changed;
    /* piece by piece: a frame of the ring, or what comes in raw */
    ZSTD_DStream *stream;
    bool inside, from_raw;
    uint64_t piece_no, piece_at;
    char damage[128];
};

struct zstd_frames *zstd_frames_new(int fd, zstd_read_fn *read, void *arg, const void *first, size_t n, int ahead, struct err *e)
{
    struct zstd_frames *z = mem_zalloc(1, sizeof *z);
    if (!z) {
        err_oom(e, sizeof *z, "zstd");
        return NULL;
    }
    z->fd = fd;
    z->read = read;
    z->arg = arg;
    z->width = ahead > 1 ? (size_t)ahead : 1;
    pthread_mutex_init(&z->lock, NULL);
    pthread_cond_init(&z->changed, NULL);
    buf_add(&z->raw, first, n);
    z->ring = mem_zalloc(z->width, sizeof *z->ring);
    if (z->ring && (z->stream = ZSTD_createDStream()) && !z->raw.oom) return z;
    zstd_frames_free(z);
    err_oom(e, 1 << 17, "zstd");
    return NULL;
}

void zstd_frames_free(struct zstd_frames *z)
{
    if (!z) return;
    for (size_t i = 0; z->ring && i < z->width; i++) {
        buf_free(&z->ring[i].packed);
        buf_free(&z->ring[i].plain);
        ZSTD_freeDCtx(z->ring[i].ctx);
    }
    free(z->ring);
    ZSTD_freeDStream(z->stream);
    buf_free(&z->raw);
    pthread_cond_destroy(&z->changed);
    pthread_mutex_destroy(&z->lock);
    free(z);
}

const char *zstd_frames_damage(const struct zstd_frames *z)
{
    return z->damage[0] ? z->damage : NULL;
}

/* One more read into raw; 0 at the end. */
static ptrdiff_t refill(struct zstd_frames *z, struct err *e)
{
    if (z->pos) {
        memmove(z->raw.data, z->raw.data + z->pos, z->raw.len - z->pos);
        z->raw.len -= z->pos;
        z->pos = 0;
    }
    if (!buf_reserve(&z->raw, READ_BYTES)) return buf_ok(&z->raw, e);
    if (z->eof) return 0;
    ptrdiff_t n = z->read(z->arg, z->raw.data + z->raw.len, READ_BYTES, e);
    if (n < 0) return -1;
    z->eof = n == 0;
    z->raw.len += (size_t)n;
    return n;
}

static bool would_wait(const struct zstd_frames *z)
{
    struct pollfd p = {.fd = z->fd, .events = POLLIN};
    return !z->eof && poll(&p, 1, 0) == 0;
}

/* The length of the frame at the front of raw, 0 when it is not all there yet. */
static size_t whole_frame(const struct zstd_frames *z, size_t *size)
{
    const char *s = z->raw.data + z->pos;
    size_t n = z->raw.len - z->pos, len = n ? ZSTD_findFrameCompressedSize(s, n) : 0;
    if (ZSTD_isError(len) || len > MOST_PACKED) return 0;
    unsigned long long said = len ? ZSTD_getFrameContentSize(s, len) : 0;
    if (said == ZSTD_CONTENTSIZE_ERROR) return 0;
    *size = said == ZSTD_CONTENTSIZE_UNKNOWN ? 0 : said > MOST_PLAIN ? MOST_PLAIN + 1 : (size_t)said;
    return *size > MOST_PLAIN ? 0 : len;
}

/* Moves the next frame into the ring.  1: done; 0: not now, or it is none for the
 * ring (raw is not empty then); -1. */
static int split(struct zstd_frames *z, struct err *e)
{
    size_t size = 0, len, tried = 0;
    for (;;) {
        size_t left = z->raw.len - z->pos;
        len = left > tried ? whole_frame(z, &size) : 0;
        if (len || z->eof || left > MOST_PACKED) break;
        tried = left + left / 4; /* what was looked through is not looked through at every read */
        do { /* what is in the ring is not kept waiting for a pipe */
            if (z->n_split > z->n_taken && would_wait(z)) return 0;
            if (refill(z, e) < 0) return -1;
        } while (!z->eof && z->raw.len - z->pos <= tried && z->raw.len - z->pos <= MOST_PACKED);
        if (z->eof) tried = 0;
    }
    if (!len) return 0;
    size_t cost = len + (size ? size : len * USUAL_RATIO);
    if (z->n_split > z->n_taken && z->held + cost > MOST_HELD) return 0;
    struct frame *f = &z->ring[z->n_split % z->width];
    buf_clear(&f->packed);
    buf_add(&f->packed, z->raw.data + z->pos, len);
    if (buf_ok(&f->packed, e)) return -1;
    f->no = ++z->no;
    f->at = z->at;
    f->size = size;
    f->cost = cost;
    f->taken = 0;
    z->held += cost;
    z->pos += len;
    z->at += len;
    pthread_mutex_lock(&z->lock);
    f->state = HELD;
    z->n_split++;
    pthread_cond_broadcast(&z->changed);
    pthread_mutex_unlock(&z->lock);
    return 1;
}

/* A frame whose header tells no size; false: not within MOST_PLAIN, or corrupt. */
static bool unpack_unsized(struct frame *f)
{
    ZSTD_inBuffer in = {f->packed.data, f->packed.len, 0};
    ZSTD_DCtx_reset(f->ctx, ZSTD_reset_session_only);
    for (;;) {
        if (f->plain.len > MOST_PLAIN || !buf_reserve(&f->plain, READ_BYTES)) return false;
        ZSTD_outBuffer to = {f->plain.data, f->plain.cap - 1, f->plain.len};
        size_t before = to.pos, ret = ZSTD_decompressStream(f->ctx, &to, &in);
        f->plain.len = to.pos;
        if (ret == 0 && in.pos == in.size) return true;
        if (ZSTD_isError(ret) || ret == 0 || (in.pos == in.size && to.pos == before)) return false;
    }
}

/* Without the lock; f is BUSY. */
static enum state unpack(struct frame *f)
{
    buf_clear(&f->plain);
    if (!f->ctx && !(f->ctx = ZSTD_createDCtx())) return ODD;
    if (!f->size) return unpack_unsized(f) ? READY : ODD;
    if (!buf_reserve(&f->plain, f->size)) return ODD;
    size_t n = ZSTD_decompressDCtx(f->ctx, f->plain.data, f->size, f->packed.data, f->packed.len);
    if (n != f->size) return ODD; /* an error among others */
    f->plain.len = n;
    return READY;
}

/* Unpacks the first frame that is held.  With the lock, which is let go meanwhile. */
static bool unpack_one(struct zstd_frames *z)
{
    for (uint64_t i = z->n_taken; i < z->n_split; i++) {
        struct frame *f = &z->ring[i % z->width];
        if (f->state != HELD) continue;
        f->state = BUSY;
        pthread_mutex_unlock(&z->lock);
        enum state now = unpack(f);
        pthread_mutex_lock(&z->lock);
        f->state = now;
        pthread_cond_broadcast(&z->changed);
        return true;
    }
    return false;
}

bool zstd_frames_help(struct zstd_frames *z)
{
    pthread_mutex_lock(&z->lock);
    bool did = unpack_one(z);
    pthread_mutex_unlock(&z->lock);
    return did;
}

/* The next frame when it is unpacked; NULL: there is none in the ring. */
static struct frame *next_ready(struct zstd_frames *z)
{
    struct frame *f = &z->ring[z->n_taken % z->width];
    if (z->n_taken == z->n_split) return NULL;
    pthread_mutex_lock(&z->lock);
    while (f->state == HELD || f->state == BUSY)
        if (!unpack_one(z)) pthread_cond_wait(&z->changed, &z->lock);
    pthread_mutex_unlock(&z->lock);
    return f;
}

static void release(struct zstd_frames *z, struct frame *f)
{
    z->held -= f->cost;
    if (f->plain.cap > KEPT_PLAIN) buf_free(&f->plain);
    pthread_mutex_lock(&z->lock);
    f->state = FREE;
    z->n_taken++;
    pthread_mutex_unlock(&z->lock);
}

static void begin_pieces(struct zstd_frames *z, bool from_raw, uint64_t no, uint64_t at)
{
    ZSTD_DCtx_reset(z->stream, ZSTD_reset_session_only);
    z->inside = true;
    z->from_raw = from_raw;
    z->piece_no = no;
    z->piece_at = at;
}

static void damaged(struct zstd_frames *z, const char *what)
{
    snprintf(z->damage, sizeof z->damage, "%s, in frame %llu, which begins at byte %llu", what,
             (unsigned long long)z->piece_no, (unsigned long long)z->piece_at);
}

/* One step of it: bytes put into out, 0 when it needs more input or has ended. */
static size_t step(struct zstd_frames *z, void *out, size_t n)
{
    struct frame *f = &z->ring[z->n_taken % z->width];
    ZSTD_inBuffer in = {f->packed.data, f->packed.len, f->taken};
    if (z->from_raw) in = (ZSTD_inBuffer){z->raw.data, z->raw.len, z->pos};
    ZSTD_outBuffer to = {out, n, 0};
    size_t before = in.pos, ret = ZSTD_decompressStream(z->stream, &to, &in);
    if (z->from_raw) {
        z->pos = in.pos;
        z->at += in.pos - before;
    } else {
        f->taken = in.pos;
    }
    if (ret == 0) {
        z->inside = false;
        if (!z->from_raw) release(z, f);
    } else if (ZSTD_isError(ret)) {
        damaged(z, "the zstd data is corrupt");
    }
    return to.pos;
}

/* Some bytes of the frame that is taken piece by piece; 0: it has ended, or z->damage. */
static ptrdiff_t piece(struct zstd_frames *z, char *out, size_t n, struct err *e)
{
    size_t made = 0, got = 0;
    bool drained = !z->from_raw; /* no more input will come; zstd may still hold output */
    while (z->inside && !z->damage[0] && made < n) {
        struct frame *f = &z->ring[z->n_taken % z->width];
        if (z->from_raw && z->pos == z->raw.len && !z->eof && !got) {
            if (made) break; /* before it waits for a pipe */
            if (refill(z, e) < 0) return -1;
        }
        drained |= z->from_raw && z->eof;
        bool used_up = z->from_raw ? z->pos == z->raw.len : f->taken == f->packed.len;
        got = step(z, out + made, n - made < STEP ? n - made : STEP);
        made += got;
        if (used_up && drained && !got && z->inside && !z->damage[0])
            damaged(z, "the compressed data ends early");
    }
    return (ptrdiff_t)made;
}

ptrdiff_t zstd_frames_read(struct zstd_frames *z, void *out, size_t n, struct err *e)
{
    while (!z->damage[0]) {
        if (z->inside) {
            ptrdiff_t got = piece(z, out, n, e);
            if (got) return got;
            continue;
        }
        int got = 1;
        while (got > 0 && z->n_split - z->n_taken < z->width)
            got = split(z, e);
        if (got < 0) return -1;
        struct frame *f = next_ready(z);
        if (!f) {
            if (z->pos == z->raw.len && z->eof) break;
            begin_pieces(z, true, ++z->no, z->at);
        } else if (f->state == ODD) {
            begin_pieces(z, false, f->no, f->at);
        } else {
            size_t take = f->plain.len - f->taken < n ? f->plain.len - f->taken : n;
            memcpy(out, f->plain.data + f->taken, take);
            f->taken += take;
            if (f->taken == f->plain.len) release(z, f);
            if (take) return (ptrdiff_t)take;
        }
    }
    return 0;
}
