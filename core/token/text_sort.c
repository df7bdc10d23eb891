#include "core/token/text_sort.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/text_hash.h"

enum { FEW = 64, AHEAD = 16 };

/* A key by eight of its bytes, the first the highest. */
struct place {
    uint64_t bytes;
    uint32_t at, len;
};

_Static_assert(sizeof(struct place) == sizeof(struct text_key), "permute() needs as much room");

struct sorting {
    const struct text_key *keys;
    struct place *spare; /* [n] */
};

/* Eight bytes from the `from`-th on, zeros behind the last one. */
static inline uint64_t bytes_at(const struct sorting *s, const struct place *p, uint32_t from)
{
    const char *text = s->keys[p->at].text + from;
    uint64_t v, none;
    if (p->len - from >= 8) memcpy(&v, text, 8);
    else text_words(text, p->len - from, &v, &none);
    return __builtin_bswap64(v);
}

static int by_length(const void *a, const void *b, void *keys)
{
    const struct place *p = a, *q = b;
    const struct text_key *v = keys, *x = &v[p->at], *y = &v[q->at];
    if (p->len != q->len) return p->len < q->len ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

static void insert(struct place *p, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct place v = p[i];
        size_t k = i;
        for (; k > 0 && p[k - 1].bytes > v.bytes; k--) p[k] = p[k - 1];
        p[k] = v;
    }
}

/* A byte at a time from the last one; bytes that all have are passed over. */
static void by_digits(struct place *p, struct place *spare, size_t n)
{
    size_t counts[8][256] = {{0}};
    struct place *from = p, *to = spare;
    for (size_t i = 0; i < n; i++)
        for (unsigned k = 0; k < 8; k++) counts[k][p[i].bytes >> 8 * k & 255]++;
    for (unsigned k = 0; k < 8; k++) {
        size_t sum = 0;
        if (counts[k][from->bytes >> 8 * k & 255] == n) continue;
        for (int c = 0; c < 256; c++) {
            size_t count = counts[k][c];
            counts[k][c] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++) to[counts[k][from[i].bytes >> 8 * k & 255]++] = from[i];
        struct place *swap = from;
        from = to;
        to = swap;
    }
    if (from != p) memcpy(p, from, n * sizeof *p);
}

/* Moves keys that end before `from` to the front, which differ in their length only; their number. */
static size_t take_ended(const struct sorting *s, struct place *p, size_t n, uint32_t from)
{
    size_t ended = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i].len > from) continue;
        struct place v = p[i];
        p[i] = p[ended];
        p[ended++] = v;
    }
    if (ended > 1) qsort_r(p, ended, sizeof *p, by_length, (void *)(uintptr_t)s->keys);
    return ended;
}

static size_t group_end(const struct place *p, size_t begin, size_t n)
{
    size_t end = begin + 1;
    while (end < n && p[end].bytes == p[begin].bytes) end++;
    return end;
}

/* Keys that are equal before their `from`-th byte, which all have or end at. */
static void sort_from(const struct sorting *s, struct place *p, size_t n, uint32_t from)
{
    while (n > 1) {
        size_t ended = take_ended(s, p, n, from), most = 0, most_at = 0, end;
        p += ended;
        n -= ended;
        for (size_t i = 0; i < n; i++) p[i].bytes = bytes_at(s, &p[i], from);
        if (n <= FEW) insert(p, n);
        else by_digits(p, s->spare, n);
        from = from > UINT32_MAX - 8 ? UINT32_MAX : from + 8;
        for (size_t i = 0; i < n; i = end) {
            end = group_end(p, i, n);
            if (end - i > most) {
                most = end - i;
                most_at = i;
            }
        }
        for (size_t i = 0; i < n && most > 1; i = end) { /* the largest without a call: not deep, however alike texts are */
            end = group_end(p, i, n);
            __builtin_prefetch(s->keys[p[i + AHEAD < n ? i + AHEAD : i].at].text + from);
            if (end - i > 1 && i != most_at) sort_from(s, p + i, end - i, from);
        }
        p += most_at;
        n = most;
    }
}

/* Puts the keys where their places are; in the room of the spare ones, which are as large. */
static void permute(struct text_key *keys, const struct place *p, void *spare, size_t n)
{
    struct text_key *to = spare;
    for (size_t i = 0; i < n; i++) to[i] = keys[p[i].at];
    memcpy(keys, to, n * sizeof *keys);
}

bool text_sort(struct text_key *keys, size_t n)
{
    struct place *p = mem_alloc(n, 2 * sizeof *p);
    if (!p) return false;
    struct sorting s = {keys, p + n};
    for (size_t i = 0; i < n; i++) p[i] = (struct place){.at = (uint32_t)i, .len = keys[i].len};
    sort_from(&s, p, n, 0);
    permute(keys, p, s.spare, n);
    free(p);
    return true;
}

uint32_t text_common(const struct text_key *a, const struct text_key *b)
{
    uint32_t most = a->len < b->len ? a->len : b->len, i = 0;
    for (; most - i >= 8; i += 8) {
        uint64_t x, y;
        memcpy(&x, a->text + i, 8);
        memcpy(&y, b->text + i, 8);
        if (x != y) return i + (uint32_t)__builtin_ctzll(x ^ y) / 8;
    }
    while (i < most && a->text[i] == b->text[i]) i++;
    return i;
}
