#include "core/base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>

static _Atomic long fail_countdown;
static atomic_bool fail_on; /* and all behind it */

void mem_fail_after(long n)
{
    atomic_store(&fail_countdown, n);
    atomic_store(&fail_on, false);
}

void mem_fail_from(long n)
{
    atomic_store(&fail_countdown, n);
    atomic_store(&fail_on, true);
}

static bool must_fail(void)
{
    long left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    if (left <= 0) return false;
    if (left == 1 && atomic_load_explicit(&fail_on, memory_order_relaxed)) return true;
    return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

void *mem_alloc(size_t count, size_t size)
{
    size_t n;
    if (!ck_mul(count, size, &n) || must_fail()) return NULL;
    return malloc(n ? n : 1);
}

void *mem_zalloc(size_t count, size_t size)
{
    if (must_fail()) return NULL;
    return calloc(count ? count : 1, size ? size : 1);
}

void *mem_resize(void *p, size_t count, size_t size)
{
    size_t n;
    if (!ck_mul(count, size, &n) || must_fail()) return NULL;
    return realloc(p, n ? n : 1);
}

bool mem_renew(void *at, size_t count, size_t size)
{
    void *p;
    memcpy(&p, at, sizeof p);
    if (!(p = mem_resize(p, count, size))) return false;
    memcpy(at, &p, sizeof p);
    return true;
}

bool mem_grow(void *at, size_t *cap, size_t need, size_t size)
{
    size_t to = *cap < 8 ? 16 : 2 * *cap; /* a room of half of all addresses is none */
    if (to < need || *cap > SIZE_MAX / 2) to = need;
    if (!mem_renew(at, to, size)) return false;
    *cap = to;
    return true;
}

char *mem_strndup(const char *s, size_t n)
{
    size_t bytes;
    if (!ck_add(n, 1, &bytes)) return NULL;
    char *p = mem_alloc(bytes, 1);
    if (!p) return NULL;
    memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

bool str_ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && memcmp(s + n - m, end, m) == 0;
}

int str_order(const char *a, size_t n, const char *b, size_t m)
{
    size_t both = n < m ? n : m;
    int d = both ? memcmp(a, b, both) : 0;
    return d ? d : (n > m) - (n < m);
}

#define HUGE_PAGE ((size_t)2 << 20)

void *mem_alloc_aligned(size_t bytes)
{
    size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : 64, rounded;
    if (!ck_add(bytes, align - 1, &rounded) || must_fail()) return NULL;
    rounded &= ~(align - 1);
    void *p = aligned_alloc(align, rounded ? rounded : align);
#ifdef MADV_HUGEPAGE
    if (p && align == HUGE_PAGE) (void)madvise(p, rounded, MADV_HUGEPAGE); /* advice only */
#endif
    return p;
}

void *mem_alloc_table(size_t count, size_t size)
{
    size_t bytes;
    return ck_mul(count, size, &bytes) ? mem_alloc_aligned(bytes) : NULL;
}

void *mem_zalloc_table_behind(size_t small, size_t count, size_t size, void **whole)
{
    size_t bytes, room, align;
    if (!ck_mul(count, size, &bytes)) return NULL;
    align = bytes >= HUGE_PAGE ? HUGE_PAGE : 64;
    if (!ck_add(bytes, align, &room) || !(*whole = mem_zalloc(room, 1))) return NULL;
    char *p = *whole;
    p += -((uintptr_t)p + small) & (align - 1);
#ifdef MADV_HUGEPAGE
    if (align == HUGE_PAGE && small < bytes) (void)madvise(p + small, (bytes - small) & ~(HUGE_PAGE - 1), MADV_HUGEPAGE);
#endif
    return p;
}

void *mem_zalloc_table(size_t count, size_t size, void **whole)
{
    return mem_zalloc_table_behind(0, count, size, whole);
}

void *mem_map_table(size_t count, size_t size, struct mem_map *whole)
{
    size_t bytes;
    if (!ck_mul(count, size, &bytes) || must_fail()) return NULL;
    void *p = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    *whole = (struct mem_map){p, bytes ? bytes : 1};
    return p;
}

void mem_unmap(struct mem_map *whole)
{
    if (whole->at) (void)munmap(whole->at, whole->bytes);
    *whole = (struct mem_map){0};
}

size_t mem_huge_if_quick(void *at, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    const long long slow_ns = 1000000; /* 0.1 ms usually, 4 to 10 where it has to be found */
    struct timespec before, after;
    char *p = at, *end = p + bytes;
    for (p += -(uintptr_t)p & (HUGE_PAGE - 1); p < end && (size_t)(end - p) >= HUGE_PAGE; p += HUGE_PAGE) {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before); /* others' turns are no waiting */
        if (madvise(p, HUGE_PAGE, MADV_HUGEPAGE)) return bytes;
        *(volatile char *)p = 0;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        if ((after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec > slow_ns)
            return (size_t)(p - (char *)at) + HUGE_PAGE;
    }
#else
    (void)at;
#endif
    return bytes;
}

/* A page that is got one by one costs 1.2 to 3.3 us here, one of 2 MiB 90: what loading a vocabulary writes to is all
 * new.  malloc() takes large blocks from the system and gives them back, until it sees one freed; from then on
 * blocks of that size are of the heap, which keeps twice as much.  The heap goes on where a large page begins, behind
 * the numbers that malloc() keeps of a block: it allows that others move its end. */
void mem_ready(size_t bytes)
{
#if defined(__GLIBC__)
    enum { BLOCK = 28 << 20, LARGEST = 31 << 20, NUMBERS = 2 * sizeof(size_t) }; /* 32 MiB are too large for that */
    void *block[2] = {NULL}, *volatile seen = malloc(LARGEST); /* volatile: that it was there is what it is for */
    free(seen);
    bytes = bytes < 2 * (size_t)BLOCK ? (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1) : 2 * (size_t)BLOCK;
    if (bytes) (void)sbrk((intptr_t)(-((uintptr_t)sbrk(0) + NUMBERS) & (HUGE_PAGE - 1)));
    for (size_t i = 0, n; i < COUNT_OF(block) && bytes; i++, bytes -= n) {
        n = bytes < BLOCK ? bytes : BLOCK;
        block[i] = malloc(n);
        if (block[i]) mem_huge_if_quick(block[i], n);
    }
    for (size_t i = COUNT_OF(block); i-- > 0;) free(block[i]);
#else
    (void)bytes;
#endif
}

void mem_free_aligned(void *p)
{
    free(p);
}

struct arena_block {
    struct arena_block *next;
    size_t used, size; /* of data */
    unsigned char data[] __attribute__((aligned(64)));
};

#define ARENA_BLOCK_BYTES ((size_t)64 << 10)

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
    size_t n, rounded, total;
    if (!ck_mul(count, size, &n) || !ck_add(n, 63, &rounded)) return NULL;
    rounded &= ~(size_t)63;
    if (must_fail()) return NULL;
    struct arena_block *b = a->head;
    if (!b || b->size - b->used < rounded) {
        size_t want = rounded > ARENA_BLOCK_BYTES ? rounded : ARENA_BLOCK_BYTES;
        if (!ck_add(want, sizeof *b + 63, &total)) return NULL;
        b = aligned_alloc(64, total & ~(size_t)63);
        if (!b) return NULL;
        b->next = a->head;
        b->used = 0;
        b->size = want;
        a->head = b;
    }
    void *p = b->data + b->used;
    b->used += rounded;
    a->used_bytes += rounded;
    if (a->used_bytes > a->peak_bytes) a->peak_bytes = a->used_bytes;
    return p;
}

void *arena_zalloc(struct arena *a, size_t count, size_t size)
{
    void *p = arena_alloc(a, count, size);
    if (p) memset(p, 0, count * size);
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    size_t bytes;
    if (!ck_add(n, 1, &bytes)) return NULL;
    char *p = arena_alloc(a, bytes, 1);
    if (!p) return NULL;
    memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) return NULL;
    char *p = arena_alloc(a, (size_t)n + 1, 1);
    if (!p) return NULL;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

void arena_free(struct arena *a)
{
    while (a->head) {
        struct arena_block *next = a->head->next;
        free(a->head);
        a->head = next;
    }
    a->used_bytes = 0;
}

bool mem_resident(int64_t *own, int64_t *files)
{
    long long size, resident, shared;
    FILE *f = fopen("/proc/self/statm", "re");
    int got = f ? fscanf(f, "%lld %lld %lld", &size, &resident, &shared) : 0;
    if (f) fclose(f);
    if (got != 3 || resident < shared) return false;
    *own = (resident - shared) * sysconf(_SC_PAGESIZE);
    *files = shared * sysconf(_SC_PAGESIZE);
    return true;
}
