/* Ids to 16 bits, 16 at a time. */
#include "data/shard_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

bool shard_narrow_avx2(char *p, const int32_t *ids, size_t n, int vocab)
{
    const __m256i low = _mm256_set1_epi32(0xFFFF);
    __m256i most = _mm256_setzero_si256(); /* as unsigned: what is negative is far above */
    size_t i = 0;
    for (; n - i >= 16; i += 16) {
        const __m256i *at = (const __m256i *)(const void *)(ids + i);
        __m256i x = _mm256_loadu_si256(at), y = _mm256_loadu_si256(at + 1);
        most = _mm256_max_epu32(most, _mm256_max_epu32(x, y));
        __m256i both = _mm256_packus_epi32(_mm256_and_si256(x, low), _mm256_and_si256(y, low)); /* each half of x and of y */
        _mm256_storeu_si256((__m256i *)(void *)(p + 2 * i), _mm256_permute4x64_epi64(both, 0xD8));
    }
    __m256i limit = _mm256_set1_epi32(vocab - 1);
    bool good = _mm256_movemask_epi8(_mm256_cmpeq_epi32(_mm256_max_epu32(most, limit), limit)) == -1;
    return shard_narrow_ref(p + 2 * i, ids + i, n - i, vocab) && good;
}
#endif
