/* mem.h - checked sizes, aligned blocks and the arena.
 *
 * Every size that depends on input goes through ck_mul/ck_add.  Heap
 * functions take count and size; they return NULL when the product overflows
 * or memory is short, and the caller reports it with err_oom().  Memory is
 * released with free(). */
#ifndef CORE_BASE_MEM_H
#define CORE_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

/* *out = a*b or a+b; false on overflow (then *out is unspecified). */
static inline bool ck_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool ck_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

void *mem_alloc(size_t count, size_t size);             /* uninitialised; count*size == 0 gives a valid block */
void *mem_zalloc(size_t count, size_t size);            /* zeroed */
void *mem_resize(void *p, size_t count, size_t size);   /* realloc; on NULL the old block lives on */
/* mem_resize() of the pointer at `at`, which on false stays as it was. */
bool mem_renew(void *at, size_t count, size_t size);
/* Room for `need` elements in the array at the pointer at `at`, which has room for
 * *cap: where that is less, at least doubled, so that adding one after the other
 * costs each the same.  false: as it was. */
bool mem_grow(void *at, size_t *cap, size_t need, size_t size);
static inline bool mem_room(void *at, size_t *cap, size_t need, size_t size)
{
    return need <= *cap || mem_grow(at, cap, need, size);
}
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);             /* copies n bytes, adds NUL */
bool str_ends_with(const char *s, const char *end);
int str_order(const char *a, size_t n, const char *b, size_t m); /* by bytes, then the shorter: < 0, 0, > 0 */
static inline int hex_digit(char c) /* its value, or -1 */
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 64-byte aligned, for tensors; large blocks (>= 2 MiB) are 2 MiB aligned and
 * advised to use huge pages.  Free with mem_free_aligned(p). */
void *mem_alloc_aligned(size_t bytes);
/* The same for a table that is read here and there. */
void *mem_alloc_table(size_t count, size_t size);
/* The same, zeroed, of which only the pages that are written to are ever touched.
 * Free *whole, which is another pointer, with free(). */
void *mem_zalloc_table(size_t count, size_t size, void **whole);
/* The same; only what is behind the first `small` bytes is in large pages. */
void *mem_zalloc_table_behind(size_t small, size_t count, size_t size, void **whole);
/* Zeros for a table of which few pages are ever touched: from the system, since what malloc() has had before is cleared
 * to its end.  Release with mem_unmap(). */
struct mem_map {
    void *at;
    size_t bytes;
};
void *mem_map_table(size_t count, size_t size, struct mem_map *whole);
void mem_unmap(struct mem_map *whole);
/* Huge pages for memory of mem_zalloc_table() that is all zero and not touched yet, until one is slow to come.  Returns
 * `bytes`, or to where the slow one reaches: what is behind it has small pages. */
size_t mem_huge_if_quick(void *at, size_t bytes);
/* Before many arrays of some 100 KB that are about `bytes` together, some of which are soon freed: so much of the
 * heap (58 MiB at most) is in such pages then.  Only malloc() of glibc keeps it; elsewhere nothing happens. */
void mem_ready(size_t bytes);
void mem_free_aligned(void *p);

/* Tests: the n-th allocation from now fails (1 = the next), once; 0 = off. */
void mem_fail_after(long n);
void mem_fail_from(long n); /* that one and all after it */

/* An arena hands out 64-byte aligned pieces that are all freed at once.
 * Zero-initialise a struct arena to start; arena_free() releases everything
 * and leaves an empty, usable arena.  Not thread-safe. */
struct arena_block;
struct arena {
    struct arena_block *head;
    size_t used_bytes, peak_bytes;
};
void *arena_alloc(struct arena *a, size_t count, size_t size);   /* uninitialised */
void *arena_zalloc(struct arena *a, size_t count, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *a);

/* Bytes of this process that are in memory now: its own, and pages of files
 * (the program itself).  false: the system does not say. */
bool mem_resident(int64_t *own, int64_t *files);

#endif
