#include "data/doc_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "data/doc_spool.h"
#include "data/doc_zstd.h"

enum { IN_BYTES = 256 * 1024, WAIT_MS = 200 };
enum packing { PLAIN, GZIP, ZSTD };

struct doc_stream {
    int fd;
    struct doc_spool *copy; /* or NULL: what is read goes there, too */
    bool close_fd, eof, inside; /* inside: a member or frame has begun and not ended */
    bool waits;                 /* for who writes a pipe */
    bool at_once;               /* no more than needed is waited for */
    enum packing packing;
    char *name;
    const char *damage;
    z_stream gz;
    struct zstd_frames *zstd; /* from doc_stream_ahead() or the first read on */
    size_t pos, len;
    uint8_t in[IN_BYTES];
};

/* Up to n bytes, 0 at the end; in a pipe nothing may come for long: a signal ends that. */
static ptrdiff_t take(void *arg, void *out, size_t n, struct err *e)
{
    struct doc_stream *s = arg;
    while (!s->eof) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        int ready = s->waits ? poll(&p, 1, WAIT_MS) : 1;
        ssize_t got = ready > 0 ? read(s->fd, out, n) : -1;
        if (ready <= 0) errno = EINTR;
        if (got < 0 && errno == EINTR && sig_stop_requested())
            return err_set(e, ERR_STOPPED, s->at_once ? "stopped by a signal" : "stopped by a signal; nothing was written");
        if (got < 0 && (errno == EINTR || (s->waits && errno == EAGAIN))) continue;
        if (got < 0) return err_errno(e, errno, "reading", s->name);
        if (got == 0) s->eof = true;
        return got;
    }
    return 0;
}

/* Refills the empty input buffer; 0 at the end. */
static ptrdiff_t refill(struct doc_stream *s, struct err *e)
{
    s->pos = s->len = 0;
    ptrdiff_t n = take(s, s->in, sizeof s->in, e);
    if (n > 0) s->len = (size_t)n;
    return n;
}

/* Whether what is there begins as packed files do. */
static bool may_be_packed(const struct doc_stream *s)
{
    uint8_t b = s->len ? s->in[0] : 0x1f;
    return b == 0x1f || b == 0x28 || (b & 0xf0) == 0x50;
}

/* Looks at the first bytes; a pipe may deliver them one by one. */
static int recognise(struct doc_stream *s, struct err *e)
{
    static const uint8_t gzip[2] = {0x1f, 0x8b}, zstd[4] = {0x28, 0xb5, 0x2f, 0xfd};
    enum { LOOK = 12 }; /* a .llmz checkpoint is zstd too, and no documents */
    struct stat st;
    s->waits = fstat(s->fd, &st) == 0 && !S_ISREG(st.st_mode);
    while (s->len < LOOK && !s->eof && (!s->at_once || may_be_packed(s))) {
        ptrdiff_t n = take(s, s->in + s->len, LOOK - s->len, e);
        if (n < 0) return -1;
        s->len += (size_t)n;
    }
    const char *kind = file_kind(s->in, s->len);
    if (kind && strstr(kind, ".llmz")) return err_set(e, ERR_DATA, "'%s' holds no documents, it is %s", s->name, kind);
    bool skippable =
        s->len >= 4 && (s->in[0] & 0xf0) == 0x50 && memcmp(s->in + 1, "\x2a\x4d\x18", 3) == 0;
    if (s->len >= 2 && memcmp(s->in, gzip, 2) == 0) {
        s->packing = GZIP;
        if (inflateInit2(&s->gz, 15 + 16) != Z_OK) {
            s->packing = PLAIN;
            return err_oom(e, sizeof s->gz, "gzip");
        }
    } else if (s->len >= 4 && (memcmp(s->in, zstd, 4) == 0 || skippable)) {
        s->packing = ZSTD;
    }
    return 0;
}

static struct doc_stream *new_stream(const char *name, struct err *e)
{
    struct doc_stream *s = mem_zalloc(1, sizeof *s);
    if (s && (s->name = mem_strdup(name))) return s;
    free(s);
    err_oom(e, sizeof *s, "an input stream");
    return NULL;
}

/* What is packed is copied to its end; then the copy is read, behind the first bytes. */
static int copy_rest(struct doc_stream *s, struct doc_spool *copy, struct err *e)
{
    for (ptrdiff_t n = 1; n > 0;) {
        n = take(s, s->in + s->len, sizeof s->in - s->len, e);
        if (n < 0 || doc_spool_add(copy, s->in + s->len, (size_t)n, e)) return -1;
    }
    if (doc_spool_end(copy, e)) return -1;
    s->fd = copy->fd;
    s->eof = s->waits = false;
    return lseek(s->fd, (off_t)s->len, SEEK_SET) < 0 ? err_errno(e, errno, "reading", s->name) : 0;
}

struct doc_stream *doc_stream_open_stdin(struct doc_spool *copy, const char *name, struct err *e)
{
    struct doc_stream *s = new_stream(name, e);
    if (!s) return NULL;
    s->fd = STDIN_FILENO;
    file_widen_pipe(s->fd);
    if (recognise(s, e) || (s->packing != PLAIN && doc_spool_packed(copy, e))) goto fail;
    if (doc_spool_add(copy, s->in, s->len, e)) goto fail;
    if (s->packing != PLAIN) {
        if (copy_rest(s, copy, e)) goto fail;
    } else {
        if (s->eof && doc_spool_end(copy, e)) goto fail;
        s->copy = copy;
    }
    return s;
fail:
    doc_stream_close(s);
    return NULL;
}

static struct doc_stream *open_stream(const char *path, const char *name, bool at_once, struct err *e)
{
    struct doc_stream *s = new_stream(name, e);
    if (!s) return NULL;
    s->at_once = at_once;
    bool std = strcmp(path, "-") == 0;
    s->fd = std ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe that nobody writes to is waited for in take() */
    s->close_fd = !std;
    if (s->fd < 0) {
        err_open(e, errno, s->name);
        goto fail;
    }
    if (std) file_widen_pipe(s->fd);
    if (recognise(s, e)) goto fail;
    return s;
fail:
    doc_stream_close(s);
    return NULL;
}

struct doc_stream *doc_stream_open(const char *path, const char *name, struct err *e)
{
    return open_stream(path, name, false, e);
}

struct doc_stream *doc_stream_open_live(const char *path, const char *name, struct err *e)
{
    return open_stream(path, name, true, e);
}

void doc_stream_close(struct doc_stream *s)
{
    if (!s) return;
    if (s->packing == GZIP) inflateEnd(&s->gz);
    zstd_frames_free(s->zstd);
    if (s->close_fd && s->fd >= 0) close(s->fd);
    free(s->name);
    free(s);
}

const char *doc_stream_damage(const struct doc_stream *s)
{
    return s->zstd ? zstd_frames_damage(s->zstd) : s->damage;
}

bool doc_stream_help(struct doc_stream *s)
{
    return s->zstd && zstd_frames_help(s->zstd);
}

static ptrdiff_t read_plain(struct doc_stream *s, void *out, size_t n, struct err *e)
{
    if (s->pos < s->len) { /* what recognise() read */
        size_t take = s->len - s->pos < n ? s->len - s->pos : n;
        memcpy(out, s->in + s->pos, take);
        s->pos += take;
        return (ptrdiff_t)take;
    }
    if (s->eof) return 0;
    ptrdiff_t got = take(s, out, n, e);
    if (got < 0 || !s->copy) return got;
    return (got ? doc_spool_add(s->copy, out, (size_t)got, e) : doc_spool_end(s->copy, e)) ? -1 : got;
}

/* One step of unpacking: *made bytes of output; false when the stream ends. */
static bool step_gzip(struct doc_stream *s, void *out, size_t n, size_t *made)
{
    if (!s->inside) {
        if (s->in[s->pos] != 0x1f) {
            s->damage = "bytes that are not gzip follow";
            return false;
        }
        inflateReset(&s->gz);
        s->inside = true;
    }
    s->gz.next_in = s->in + s->pos;
    s->gz.avail_in = (unsigned)(s->len - s->pos);
    s->gz.next_out = out;
    s->gz.avail_out = n > 1 << 30 ? 1 << 30 : (unsigned)n;
    unsigned room = s->gz.avail_out;
    int ret = inflate(&s->gz, Z_NO_FLUSH);
    s->pos = s->len - s->gz.avail_in;
    *made = room - s->gz.avail_out;
    if (ret == Z_STREAM_END) {
        s->inside = false;
    } else if (ret != Z_OK && ret != Z_BUF_ERROR) {
        s->damage = "the gzip data is corrupt";
        return false;
    }
    return true;
}

static ptrdiff_t read_gzip(struct doc_stream *s, void *out, size_t n, struct err *e)
{
    while (!s->damage) {
        if (s->pos == s->len) {
            ptrdiff_t got = refill(s, e);
            if (got < 0) return -1;
            if (got == 0) break;
        }
        size_t made = 0;
        bool ok = step_gzip(s, out, n, &made);
        if (made) return (ptrdiff_t)made;
        if (!ok) break;
    }
    if (s->inside && !s->damage) s->damage = "the compressed data ends early";
    return 0;
}

/* The frames, for which recognise() has read the first bytes. */
int doc_stream_ahead(struct doc_stream *s, int frames, struct err *e)
{
    if (s->packing != ZSTD || s->zstd) return 0;
    s->zstd = zstd_frames_new(s->fd, take, s, s->in, s->len, frames, e);
    return s->zstd ? 0 : -1;
}

ptrdiff_t doc_stream_read(struct doc_stream *s, void *out, size_t n, struct err *e)
{
    if (s->packing == PLAIN) return read_plain(s, out, n, e);
    if (s->packing == GZIP) return read_gzip(s, out, n, e);
    return doc_stream_ahead(s, 1, e) ? -1 : zstd_frames_read(s->zstd, out, n, e);
}

bool doc_stream_is_plain(const struct doc_stream *s, int *fd)
{
    struct stat st;
    *fd = s->fd;
    return s->packing == PLAIN && fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode) &&
           lseek(s->fd, 0, SEEK_CUR) == (off_t)s->len;
}

int doc_stream_skip(struct doc_stream *s, uint64_t to, uint64_t *at, struct err *e)
{
    struct stat st;
    *at = 0;
    if (s->packing == PLAIN && fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode)) {
        uint64_t size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
        *at = to < size ? to : size;
        if (lseek(s->fd, (off_t)*at, SEEK_SET) < 0) return err_errno(e, errno, "reading", s->name);
        s->pos = s->len = 0;
        s->eof = false;
        return 0;
    }
    char *sink = mem_alloc(IN_BYTES, 1);
    if (!sink) return err_oom(e, IN_BYTES, "a buffer");
    ptrdiff_t n = 1;
    while (*at < to && n > 0) {
        uint64_t left = to - *at;
        n = doc_stream_read(s, sink, left < IN_BYTES ? (size_t)left : IN_BYTES, e);
        if (n > 0) *at += (uint64_t)n;
    }
    free(sink);
    return n < 0 ? -1 : 0;
}
