#include "data/shingle.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "data/shingle_internal.h"

int shingles_make(struct shingles *s, int width, struct err *e)
{
    size_t w = (size_t)width;
    s->n = 0;
    if (!s->n_words) return 0;
    size_t n = s->n_words > w ? s->n_words - w + 1 : 1;
    if (s->n_words < w) w = s->n_words;
    if (!mem_room(&s->v, &s->v_cap, n, sizeof *s->v))
        return err_oom(e, n * sizeof *s->v, "the shingles of a document");
    s->n = n;
    shingle_best()->join(s->word, n, w, s->v);
    return 0;
}

void shingles_free(struct shingles *s)
{
    free(s->word);
    free(s->plain);
    free(s->v);
    free(s->set);
    free(s->spare);
    *s = (struct shingles){0};
}

struct hash128 shingles_identity(const struct shingles *s, const char *text, size_t n)
{
    if (!s->n_words) return hash128(text, n);
    struct hash128 h = hash128(s->word, s->n_words * sizeof *s->word);
    h.hi ^= shingle_prime; /* words and bytes never meet */
    return h;
}

/* Least significant byte first; texts have few shingles, so three passes of 11
 * bits would cost more for their tables than four of 8. */
static uint32_t *sort32(uint32_t *v, uint32_t *tmp, size_t n)
{
    enum { FEW = 64 };
    if (n <= FEW) {
        for (size_t i = 1; i < n; i++) {
            uint32_t x = v[i];
            size_t k = i;
            for (; k && v[k - 1] > x; k--)
                v[k] = v[k - 1];
            v[k] = x;
        }
        return v;
    }
    size_t count[4][256] = {{0}};
    for (size_t i = 0; i < n; i++)
        for (int p = 0; p < 4; p++)
            count[p][v[i] >> 8 * p & 255]++;
    for (int p = 0; p < 4; p++) {
        size_t sum = 0;
        for (int b = 0; b < 256; b++) {
            size_t c = count[p][b];
            count[p][b] = sum;
            sum += c;
        }
        for (size_t i = 0; i < n; i++)
            tmp[count[p][v[i] >> 8 * p & 255]++] = v[i];
        uint32_t *t = v;
        v = tmp;
        tmp = t;
    }
    return v;
}

int shingles_set(struct shingles *s, uint32_t **set, size_t *n, struct err *e)
{
    if (s->n > s->set_cap) {
        free(s->set);
        free(s->spare);
        s->set_cap = s->n * 2;
        s->set = mem_alloc(s->set_cap, sizeof *s->set);
        s->spare = mem_alloc(s->set_cap, sizeof *s->spare);
        if (!s->set || !s->spare) {
            s->set_cap = 0;
            return err_oom(e, s->n * 16, "the shingles of a document");
        }
    }
    for (size_t i = 0; i < s->n; i++)
        s->set[i] = (uint32_t)(s->v[i] >> 32);
    uint32_t *v = sort32(s->set, s->spare, s->n);
    size_t k = 0;
    for (size_t i = 0; i < s->n; i++)
        if (!i || v[i] != v[i - 1]) v[k++] = v[i];
    *set = v;
    *n = k;
    return 0;
}

double shingles_similarity(const uint32_t *a, size_t na, const uint32_t *b, size_t nb)
{
    size_t both = shingle_best()->common(a, na, b, nb);
    return na + nb ? (double)both / (double)(na + nb - both) : 1;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

size_t shingles_to_set(uint64_t *v, size_t n)
{
    size_t k = 0;
    if (n) qsort(v, n, sizeof *v, by_value);
    for (size_t i = 0; i < n; i++)
        if (!i || v[i] != v[i - 1]) v[k++] = v[i];
    return k;
}

double shingles_jaccard(const uint64_t *a, size_t na, const uint64_t *b, size_t nb)
{
    size_t i = 0, j = 0, both = 0;
    while (i < na && j < nb) {
        uint64_t x = a[i], y = b[j];
        both += x == y;
        i += x <= y;
        j += y <= x;
    }
    return na + nb ? (double)both / (double)(na + nb - both) : 1;
}
