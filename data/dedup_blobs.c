#include "data/dedup_blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fault.h"

enum { FLUSH_BYTES = 4 << 20 };
static const uint64_t magic = 0x31626f6c62646c6cu; /* "lldblob1" */

struct trailer {
    uint64_t magic, bytes, count;
};

void dblobs_init(struct dblobs *b, size_t mem, const char *dir)
{
    *b = (struct dblobs){.mem = mem ? mem : SIZE_MAX, .dir = dir, .fd = -1};
}

static int flush(struct dblobs *b, struct err *e)
{
    if (b->fd < 0) {
        char path[4096];
        const char *dir = b->dir ? b->dir : getenv("TMPDIR");
        snprintf(path, sizeof path, "%s/llmctl-blob-XXXXXX", dir && *dir ? dir : "/tmp");
        b->fd = fault_point(FAULT_OPEN) ? -1 : mkostemp(path, O_CLOEXEC);
        if (b->fd < 0) return err_errno(e, errno, "cannot create a temporary file", path);
        unlink(path);
    }
    for (size_t done = 0; done < b->data.len;) {
        ssize_t w = fault_point(FAULT_WRITE)
                        ? -1
                        : write(b->fd, b->data.data + done, b->data.len - done);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) {
            err_errno(e, errno, "writing a temporary file in", b->dir ? b->dir : "$TMPDIR");
            return err_hint(e, "free some space, or set TMPDIR to another disk");
        }
        done += (size_t)w;
    }
    b->flushed += b->data.len;
    buf_clear(&b->data);
    return 0;
}

int dblobs_add(struct dblobs *b, uint64_t doc, const void *p, size_t n, struct err *e)
{
    b->bytes += n;
    struct dblob x = {doc, b->bytes};
    buf_add(&b->data, p, n);
    buf_add(&b->index, &x, sizeof x);
    if (buf_ok(&b->data, e) || buf_ok(&b->index, e)) return -1;
    bool full = b->fd < 0 ? b->data.len > b->mem : b->data.len > FLUSH_BYTES;
    return full ? flush(b, e) : 0;
}

int dblobs_take(struct dblobs *to, const struct buf *from, struct err *e)
{
    for (size_t at = 0; at < from->len;) {
        uint64_t head[2];
        memcpy(head, from->data + at, sizeof head);
        at += sizeof head;
        if (dblobs_add(to, head[0], from->data + at, (size_t)head[1], e)) return -1;
        at += (size_t)head[1];
    }
    return 0;
}

int dblobs_finish(struct dblobs *b, struct err *e)
{
    if (b->fd < 0) return 0;
    if (flush(b, e)) return -1;
    buf_free(&b->data);
    return 0;
}

static int read_at(int fd, char *p, size_t n, uint64_t at, struct err *e)
{
    while (n) {
        ssize_t got = pread(fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_errno(e, errno, "reading", "data of documents");
        if (got == 0) return err_set(e, ERR_DATA, "data of documents ends early");
        p += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

static int put(struct file_writer *w, struct hash_stream *hash, const void *p, size_t n,
               struct err *e)
{
    if (hash) hash_stream_add(hash, p, n);
    return file_write(w, p, n, e);
}

int dblobs_write(struct dblobs *b, struct file_writer *w, struct hash_stream *hash, struct err *e)
{
    struct trailer t = {magic, b->bytes, dblobs_count(b)};
    if (b->fd < 0) {
        if (put(w, hash, b->data.data, b->data.len, e)) return -1;
    } else {
        struct buf part = {0};
        int ret = buf_reserve(&part, FLUSH_BYTES) ? 0 : buf_ok(&part, e);
        for (uint64_t at = 0; at < b->bytes && !ret; at += FLUSH_BYTES) {
            size_t n = b->bytes - at < FLUSH_BYTES ? (size_t)(b->bytes - at) : FLUSH_BYTES;
            ret = read_at(b->fd, part.data, n, b->base + at, e) || put(w, hash, part.data, n, e)
                      ? -1
                      : 0;
        }
        buf_free(&part);
        if (ret) return -1;
    }
    return put(w, hash, b->index.data, b->index.len, e) || put(w, hash, &t, sizeof t, e) ? -1 : 0;
}

int dblobs_open(struct dblobs *b, const char *path, uint64_t end, struct err *e)
{
    struct trailer t;
    dblobs_init(b, 0, NULL);
    b->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (b->fd < 0) return err_errno(e, errno, "cannot open", path);
    if (end < sizeof t || read_at(b->fd, (char *)&t, sizeof t, end - sizeof t, e)) goto bad;
    uint64_t left = end - sizeof t;
    if (t.magic != magic || t.count > left / sizeof(struct dblob) ||
        t.bytes > left - t.count * sizeof(struct dblob))
        goto bad;
    left -= t.count * sizeof(struct dblob);
    b->base = left - t.bytes;
    b->bytes = b->flushed = t.bytes;
    size_t n = (size_t)t.count * sizeof(struct dblob);
    if (!buf_reserve(&b->index, n)) return buf_ok(&b->index, e);
    b->index.len = n;
    if (read_at(b->fd, b->index.data, n, left, e)) goto bad;
    const struct dblob *v = (const struct dblob *)(const void *)b->index.data;
    for (uint64_t i = 0; i < t.count; i++)
        if (v[i].end > t.bytes || (i && (v[i].end < v[i - 1].end || v[i].doc <= v[i - 1].doc)))
            goto bad;
    return 0;
bad:
    dblobs_free(b);
    return err_set(e, ERR_DATA, "'%s' is damaged", path);
}

void dblobs_free(struct dblobs *b)
{
    if (b->fd >= 0 && b->mem) close(b->fd);
    buf_free(&b->data);
    buf_free(&b->index);
    *b = (struct dblobs){.fd = -1};
}

int dblobs_at(const struct dblobs *b, uint64_t i, struct buf *scratch, const void **p, size_t *n,
              struct err *e)
{
    const struct dblob *v = (const struct dblob *)(const void *)b->index.data;
    uint64_t from = i ? v[i - 1].end : 0;
    *n = (size_t)(v[i].end - from);
    if (b->fd < 0) {
        *p = b->data.data + from;
        return 1;
    }
    buf_clear(scratch);
    if (!buf_reserve(scratch, *n + 1)) return buf_ok(scratch, e);
    *p = scratch->data;
    return read_at(b->fd, scratch->data, *n, b->base + from, e) ? -1 : 1;
}

int dblobs_get(const struct dblobs *b, uint64_t doc, struct buf *scratch, const void **p, size_t *n,
               struct err *e)
{
    const struct dblob *v = (const struct dblob *)(const void *)b->index.data;
    uint64_t lo = 0, hi = dblobs_count(b);
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (v[mid].doc < doc)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == dblobs_count(b) || v[lo].doc != doc) return 0;
    return dblobs_at(b, lo, scratch, p, n, e);
}
