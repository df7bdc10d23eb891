#include "data/suffix.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

/* A text of symbols below k, of bytes or, in the recursion, of names. */
struct symbols {
    const uint8_t *bytes; /* or NULL */
    const int32_t *names;
    int32_t n, k;
};

static inline int32_t at(const struct symbols *t, int32_t i)
{
    return t->bytes ? t->bytes[i] : t->names[i];
}

/* Types: a suffix is of type S when it is smaller than the next, else L; the end
 * of the text counts as smaller than all.  LMS: an S behind an L. */
static inline int is_s(const uint8_t *types, int32_t i)
{
    return types[i >> 3] >> (i & 7) & 1;
}

static inline int is_lms(const uint8_t *types, int32_t i)
{
    return i > 0 && is_s(types, i) && !is_s(types, i - 1);
}

static void find_types(const struct symbols *t, uint8_t *types)
{
    int s = 0; /* the last suffix is larger than the empty one: L */
    for (int32_t i = t->n - 2; i >= 0; i--) {
        int32_t a = at(t, i), b = at(t, i + 1);
        s = a < b || (a == b && s);
        if (s) types[i >> 3] = (uint8_t)(types[i >> 3] | 1 << (i & 7));
    }
}

/* Where the bucket of each symbol begins, or ends. */
static void find_buckets(const struct symbols *t, int32_t *bucket, int ends)
{
    memset(bucket, 0, (size_t)t->k * sizeof *bucket);
    for (int32_t i = 0; i < t->n; i++)
        bucket[at(t, i)]++;
    int32_t sum = 0;
    for (int32_t c = 0; c < t->k; c++) {
        int32_t size = bucket[c];
        sum += size;
        bucket[c] = ends ? sum : sum - size;
    }
}

/* From sorted LMS suffixes at the ends of their buckets to all suffixes. */
static void induce(const struct symbols *t, const uint8_t *types, int32_t *sa, int32_t *bucket)
{
    find_buckets(t, bucket, 0);
    sa[bucket[at(t, t->n - 1)]++] = t->n - 1; /* in front of it is the empty suffix */
    for (int32_t i = 0; i < t->n; i++) {
        int32_t j = sa[i] - 1;
        if (j >= 0 && !is_s(types, j)) sa[bucket[at(t, j)]++] = j;
    }
    find_buckets(t, bucket, 1);
    for (int32_t i = t->n - 1; i >= 0; i--) {
        int32_t j = sa[i] - 1;
        if (j >= 0 && is_s(types, j)) sa[--bucket[at(t, j)]] = j;
    }
}

static void put_lms(const struct symbols *t, const uint8_t *types, int32_t *sa, int32_t *bucket)
{
    for (int32_t i = 0; i < t->n; i++)
        sa[i] = -1;
    find_buckets(t, bucket, 1);
    for (int32_t i = t->n - 1; i > 0; i--)
        if (is_lms(types, i)) sa[--bucket[at(t, i)]] = i;
}

/* Are the pieces of text from one LMS to the next the same? */
static int same_piece(const struct symbols *t, const uint8_t *types, int32_t a, int32_t b)
{
    for (int32_t k = 0;; k++) {
        if (a + k >= t->n || b + k >= t->n) return 0;
        if (at(t, a + k) != at(t, b + k) || is_s(types, a + k) != is_s(types, b + k)) return 0;
        if (k && (is_lms(types, a + k) || is_lms(types, b + k)))
            return is_lms(types, a + k) && is_lms(types, b + k);
    }
}

static int sort(const struct symbols *t, int32_t *sa, struct err *e);

/* Names the sorted pieces, in order, into the upper half of sa; returns how many. */
static int32_t name_pieces(const struct symbols *t, const uint8_t *types, int32_t *sa, int32_t *m)
{
    int32_t n = t->n, count = 0, names = 0, last = -1;
    for (int32_t i = 0; i < n; i++)
        if (is_lms(types, sa[i])) sa[count++] = sa[i];
    for (int32_t i = count; i < n; i++)
        sa[i] = -1;
    for (int32_t i = 0; i < count; i++) {
        if (last < 0 || !same_piece(t, types, last, sa[i])) names++;
        last = sa[i];
        sa[count + last / 2] = names - 1; /* two LMS are never neighbours */
    }
    *m = count;
    int32_t to = n;
    for (int32_t i = n - 1; i >= count; i--)
        if (sa[i] >= 0) sa[--to] = sa[i];
    return names;
}

/* Sorts the LMS suffixes into sa[0..m). */
static int sort_lms(const struct symbols *t, const uint8_t *types, int32_t *sa, int32_t m,
                    int32_t names, struct err *e)
{
    int32_t *text = sa + t->n - m;
    if (names < m) {
        struct symbols inner = {.names = text, .n = m, .k = names};
        if (sort(&inner, sa, e)) return -1;
    } else {
        for (int32_t i = 0; i < m; i++)
            sa[text[i]] = i;
    }
    int32_t k = 0;
    for (int32_t i = 1; i < t->n; i++) /* the names are used: the places instead */
        if (is_lms(types, i)) text[k++] = i;
    for (int32_t i = 0; i < m; i++)
        sa[i] = text[sa[i]];
    return 0;
}

static int sort_all(const struct symbols *t, uint8_t *types, int32_t *bucket, int32_t *sa,
                    struct err *e)
{
    int32_t m;
    find_types(t, types);
    put_lms(t, types, sa, bucket);
    induce(t, types, sa, bucket);
    int32_t names = name_pieces(t, types, sa, &m);
    if (m && sort_lms(t, types, sa, m, names, e)) return -1;
    for (int32_t i = m; i < t->n; i++)
        sa[i] = -1;
    find_buckets(t, bucket, 1);
    for (int32_t i = m - 1; i >= 0; i--) { /* from the largest on, into their buckets */
        int32_t j = sa[i];
        sa[i] = -1;
        sa[--bucket[at(t, j)]] = j;
    }
    induce(t, types, sa, bucket);
    return 0;
}

/* The recursion halves the text each time. */
static int sort(const struct symbols *t, int32_t *sa, struct err *e)
{
    if (t->n == 1) {
        sa[0] = 0;
        return 0;
    }
    uint8_t *types = mem_zalloc((size_t)t->n / 8 + 1, 1);
    int32_t *bucket = mem_alloc((size_t)t->k, sizeof *bucket);
    int ret = types && bucket ? sort_all(t, types, bucket, sa, e)
                              : err_oom(e, (size_t)t->n / 8 + (size_t)t->k * 4, "a suffix array");
    free(types);
    free(bucket);
    return ret;
}

int suffix_array(const uint8_t *text, size_t n, int32_t *sa, struct err *e)
{
    if (n > INT32_MAX) return err_set(e, ERR_DATA, "a suffix array of more than 2 GB is not supported yet");
    if (!n) return 0;
    struct symbols t = {.bytes = text, .n = (int32_t)n, .k = 256};
    return sort(&t, sa, e);
}
