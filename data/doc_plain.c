#include "data/doc_plain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"

struct doc_plain {
    int fd;
    const char *name;
    uint64_t bytes;
    _Atomic int users;
};

struct doc_plain *doc_plain_new(int fd, const char *name, struct err *e)
{
    struct stat st;
    struct doc_plain *p = mem_zalloc(1, sizeof *p);
    if (!p) {
        err_oom(e, sizeof *p, "a file that is read");
        return NULL;
    }
    p->name = name;
    p->users = 1;
    p->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (p->fd < 0 || fstat(p->fd, &st)) {
        err_errno(e, errno, "opening", name);
        doc_plain_free(p);
        return NULL;
    }
    p->bytes = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    return p;
}

struct doc_plain *doc_plain_share(struct doc_plain *p)
{
    atomic_fetch_add(&p->users, 1);
    return p;
}

void doc_plain_free(struct doc_plain *p)
{
    if (!p || atomic_fetch_sub(&p->users, 1) > 1) return;
    if (p->fd >= 0) close(p->fd);
    free(p);
}

uint64_t doc_plain_bytes(const struct doc_plain *p)
{
    return p->bytes;
}

static int read_at(const struct doc_plain *p, uint64_t at, char *to, size_t n, struct err *e)
{
    while (n) {
        ssize_t got = pread(p->fd, to, n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_errno(e, errno, "reading", p->name);
        if (got == 0) return err_set(e, ERR_DATA, "'%s' changed while it was read; run again", p->name);
        to += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

int doc_plain_border(const struct doc_plain *p, uint64_t from, size_t n, size_t *end, struct err *e)
{
    char piece[1 << 14]; /* from the back: most lines are shorter; what is too much of one is read twice */
    for (*end = 0; n;) {
        size_t take = n < sizeof piece ? n : sizeof piece;
        if (read_at(p, from + n - take, piece, take, e)) return -1;
        const char *nl = memrchr(piece, '\n', take);
        n -= take;
        if (!nl) continue;
        *end = n + (size_t)(nl - piece) + 1;
        return 0;
    }
    return 0;
}

int doc_plain_behind(const struct doc_plain *p, uint64_t from, size_t most, size_t *end, struct err *e)
{
    char piece[1 << 16];
    uint64_t left = from < p->bytes ? p->bytes - from : 0;
    size_t n = left < most ? (size_t)left : most;
    *end = 0;
    for (size_t at = 0, take; at < n; at += take) {
        take = n - at < sizeof piece ? n - at : sizeof piece;
        if (read_at(p, from + at, piece, take, e)) return -1;
        const char *nl = memchr(piece, '\n', take);
        if (!nl) continue;
        *end = at + (size_t)(nl - piece) + 1;
        return 0;
    }
    return 0;
}

int doc_plain_read(const struct doc_plain *p, uint64_t from, size_t n, struct buf *b, struct err *e)
{
    if (!buf_renew(b, n)) return buf_ok(b, e);
    if (read_at(p, from, b->data, n, e)) return -1;
    b->len = n;
    b->data[n] = '\0';
    return 0;
}
