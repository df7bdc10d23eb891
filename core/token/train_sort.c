#include "core/token/train_sort.h"

#include <string.h>

/* A few by insertion, many by the bytes of the key that are not all the same. */
void sort_by_key(struct sort_key *v, struct sort_key *tmp, size_t n)
{
    enum { FEW = 40 };
    if (n <= FEW) {
        for (size_t i = 1; i < n; i++) {
            struct sort_key x = v[i];
            size_t k = i;
            for (; k > 0 && v[k - 1].key > x.key; k--) v[k] = v[k - 1];
            v[k] = x;
        }
        return;
    }
    uint64_t any = 0, every = UINT64_MAX;
    struct sort_key *from = v, *to = tmp;
    for (size_t i = 0; i < n; i++) {
        any |= v[i].key;
        every &= v[i].key;
    }
    for (int shift = 0; shift < 64; shift += 8) {
        if (!((any ^ every) >> shift & 255)) continue;
        size_t count[257] = {0};
        for (size_t i = 0; i < n; i++) count[(from[i].key >> shift & 255) + 1]++;
        for (int k = 0; k < 256; k++) count[k + 1] += count[k];
        for (size_t i = 0; i < n; i++) to[count[from[i].key >> shift & 255]++] = from[i];
        struct sort_key *t = from;
        from = to;
        to = t;
    }
    if (from != v) memcpy(v, from, n * sizeof *v);
}

int sort_by_count(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    if (x[0] != y[0]) return x[0] < y[0] ? 1 : -1;
    return x[1] < y[1] ? -1 : x[1] > y[1];
}
