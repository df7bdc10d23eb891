#include "core/base/spill.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/mem.h"

enum { OUT_BYTES = 1 << 18, FIRST_BYTES = 4096 };

static const char *directory(void)
{
    const char *dir = getenv("TMPDIR");
    return dir && *dir ? dir : "/tmp";
}

static int failed(const char *what, struct err *e)
{
    err_errno(e, errno, what, directory());
    return err_hint(e, "TMPDIR=DIR names another directory, --mem SIZE allows more memory");
}

/* Takes n bytes of the space; false when they are not to be had. */
static bool take(struct spill_space *space, size_t n)
{
    if (!space) return true;
    size_t now = atomic_fetch_add(&space->used, n) + n;
    if (!space->limit || now <= space->limit) return true;
    atomic_fetch_sub(&space->used, n);
    return false;
}

static void give_back(struct spill_space *space, size_t n)
{
    if (space) atomic_fetch_sub(&space->used, n);
}

static int flush(struct spill *s, struct err *e)
{
    for (size_t at = 0; at < s->n_out;) {
        ssize_t n = write(s->fd - 1, s->out + at, s->n_out - at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed("writing a temporary file in", e);
        at += (size_t)n;
    }
    s->n_out = 0;
    return 0;
}

static int add_to_file(struct spill *s, const char *p, size_t n, struct err *e)
{
    while (n) {
        size_t room = OUT_BYTES - s->n_out, take_n = n < room ? n : room;
        memcpy(s->out + s->n_out, p, take_n);
        s->n_out += take_n;
        p += take_n;
        n -= take_n;
        if (s->n_out == OUT_BYTES && flush(s, e)) return -1;
    }
    return 0;
}

static int go_to_disk(struct spill *s, struct err *e)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/llmctl-spill-XXXXXX", directory()) >= (int)sizeof path)
        return err_set(e, ERR_USAGE, "the name in TMPDIR is too long");
    if (!(s->out = mem_alloc(OUT_BYTES, 1))) return err_oom(e, OUT_BYTES, "a buffer");
    int fd = mkstemp(path);
    if (fd < 0) return failed("creating a temporary file in", e);
    unlink(path);
    s->fd = fd + 1;
    atomic_fetch_add(&s->space->files, 1);
    if (add_to_file(s, s->data, s->len, e)) return -1;
    free(s->data);
    s->data = NULL;
    give_back(s->space, s->cap);
    s->cap = 0;
    return 0;
}

int spill_add(struct spill *s, const void *p, size_t n, struct err *e)
{
    size_t want;
    if (s->mapped) return err_set(e, ERR_INTERNAL, "an array that is read was added to");
    if (!ck_add(s->len, n, &want)) return err_oom(e, n, "an array");
    if (!s->fd && want > s->cap) {
        size_t cap = s->cap ? s->cap : FIRST_BYTES;
        while (cap < want)
            cap += cap / 2;
        if (!take(s->space, cap - s->cap)) {
            if (go_to_disk(s, e)) return -1;
        } else {
            char *data = mem_resize(s->data, cap, 1);
            if (!data) {
                give_back(s->space, cap - s->cap);
                return err_oom(e, cap, "an array");
            }
            s->data = data;
            s->cap = cap;
        }
    }
    if (s->fd) {
        if (add_to_file(s, p, n, e)) return -1;
    } else if (n) {
        memcpy(s->data + s->len, p, n);
    }
    s->len = want;
    return 0;
}

static int map(struct spill *s, struct err *e)
{
    void *p = mmap(NULL, s->len, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd - 1, 0);
    if (p == MAP_FAILED) return failed("mapping a temporary file in", e);
    s->data = p;
    return 0;
}

void *spill_data(struct spill *s, struct err *e)
{
    static char nothing;
    if (!s->mapped && s->fd) {
        if (flush(s, e) || map(s, e)) return NULL;
        free(s->out);
        s->out = NULL;
    }
    s->mapped = true;
    return s->data ? s->data : &nothing;
}

void *spill_room(struct spill *s, size_t count, size_t size, struct err *e)
{
    size_t n;
    if (!ck_mul(count, size, &n)) {
        err_oom(e, count, "an array");
        return NULL;
    }
    if (n && take(s->space, n)) {
        s->data = mem_zalloc(n, 1);
        s->cap = n;
        if (!s->data) {
            give_back(s->space, n);
            s->cap = 0;
            err_oom(e, n, "an array");
            return NULL;
        }
    } else if (n) {
        if (go_to_disk(s, e)) return NULL;
        if (ftruncate(s->fd - 1, (off_t)n)) {
            failed("making a temporary file in", e);
            return NULL;
        }
    }
    s->len = n;
    return spill_data(s, e);
}

void spill_free(struct spill *s)
{
    if (s->fd && s->mapped && s->data) munmap(s->data, s->len);
    else free(s->data);
    if (s->fd) close(s->fd - 1);
    give_back(s->space, s->cap);
    free(s->out);
    *s = (struct spill){.space = s->space};
}

static void swap(char *a, char *b, size_t size)
{
    char t[SPILL_ITEM_MAX];
    memcpy(t, a, size);
    memcpy(a, b, size);
    memcpy(b, t, size);
}

/* v[0 ... n) into a part that is not above the pivot and one that is not below; returns where the second begins.
 * Both have less than n items. */
static size_t part(char *v, size_t n, size_t size, int (*compare)(const void *, const void *))
{
    char pivot[SPILL_ITEM_MAX], *a = v, *b = v + n / 2 * size, *c = v + (n - 1) * size;
    if (compare(a, b) > 0) swap(a, b, size);
    if (compare(b, c) > 0) swap(b, c, size);
    if (compare(a, b) > 0) swap(a, b, size);
    memcpy(pivot, b, size);
    for (size_t i = 0, j = n - 1;; i++, j--) {
        while (compare(v + i * size, pivot) < 0)
            i++;
        while (compare(v + j * size, pivot) > 0)
            j--;
        if (i >= j) return i > j ? i : i + (i + 1 < n);
        swap(v + i * size, v + j * size, size);
    }
}

void spill_sort(void *v, size_t n, size_t size, int (*compare)(const void *, const void *))
{
    enum { SMALL = 1 << 16 }; /* what qsort() may take memory for */
    char *p = v;
    while (n > SMALL) {
        size_t first = part(p, n, size, compare), rest = n - first;
        if (first < rest) { /* the smaller part on the stack: at most 64 deep */
            spill_sort(p, first, size, compare);
            p += first * size;
            n = rest;
        } else {
            spill_sort(p + first * size, rest, size, compare);
            n = first;
        }
    }
    if (n) qsort(p, n, size, compare);
}
