/* The plain kernels, and which of those there are this CPU can do. */
#include <stdatomic.h>
#include <stdlib.h>

#include "data/shingle_internal.h"

static size_t plain_ref(const char *text, size_t i, size_t n, char *out, size_t *n_out)
{
    for (; i < n; i++) {
        unsigned char c = (unsigned char)text[i], low = c | 0x20;
        if (c > 127 || (c >= '0' && c <= '9')) break;
        out[(*n_out)++] = low >= 'a' && low <= 'z' ? (char)low : ' ';
    }
    return i;
}

static size_t hash_ref(const char *plain, size_t n, uint64_t *word, size_t *n_words)
{
    size_t from = 0;
    struct shingle_reading r = {0};
    for (size_t i = 0; i < n; i++) {
        if (plain[i] != ' ') {
            shingle_feed(&r, (unsigned char)plain[i]);
            continue;
        }
        if (r.n) word[(*n_words)++] = shingle_end(&r);
        r = (struct shingle_reading){0};
        from = i + 1;
    }
    return from;
}

static void join_ref(const uint64_t *word, size_t n, size_t width, uint64_t *v)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t h = width;
        for (size_t k = 0; k < width; k++)
            h = (h ^ word[i + k]) * shingle_prime;
        v[i] = shingle_mix(h);
    }
}

size_t shingle_common_ref(const uint32_t *a, size_t na, const uint32_t *b, size_t nb)
{
    size_t i = 0, j = 0, both = 0;
    while (i < na && j < nb) { /* without branches: which is smaller cannot be foreseen */
        uint32_t x = a[i], y = b[j];
        both += x == y;
        i += x <= y;
        j += y <= x;
    }
    return both;
}

const struct shingle_kernels shingle_kernels_ref = {plain_ref, hash_ref, join_ref, shingle_common_ref};

const struct shingle_kernels *shingle_kernels(int i)
{
#if defined(__x86_64__)
    static const struct shingle_kernels avx2 = {shingle_plain_avx2, shingle_hash_avx2, join_ref, shingle_common_ref};
    static const struct shingle_kernels vbmi = {shingle_plain_avx512vbmi, shingle_hash_avx512vbmi,
                                                shingle_join_avx512vbmi, shingle_common_avx512vbmi};
    if (i == 1) return __builtin_cpu_supports("avx2") ? &avx2 : NULL;
    if (i == 2)
        return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
                       __builtin_cpu_supports("avx512vbmi2")
                   ? &vbmi
                   : NULL;
#endif
    return i == 0 ? &shingle_kernels_ref : NULL;
}

const struct shingle_kernels *shingle_best(void)
{
    static _Atomic(const struct shingle_kernels *) known;
    const struct shingle_kernels *k = atomic_load_explicit(&known, memory_order_relaxed);
    if (k) return k;
    const char *cap = getenv("LLMCTL_ISA");
    int i = cap && strcmp(cap, "ref") == 0 ? 0 : cap && strcmp(cap, "avx2") == 0 ? 1 : SHINGLE_KERNELS - 1;
    while (!(k = shingle_kernels(i)))
        i--;
    atomic_store_explicit(&known, k, memory_order_relaxed);
    return k;
}
