/* Plain text and its words, 32 bytes at a time. */
#include "data/shingle_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

size_t shingle_plain_avx2(const char *text, size_t i, size_t n, char *out, size_t *n_out)
{
    const __m256i blank = _mm256_set1_epi8(0x20);
    size_t k = *n_out;
    while (n - i >= 32) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(text + i));
        __m256i low = _mm256_or_si256(x, blank);
        /* Signed comparisons: bytes above 127 are below all of these. */
        __m256i letter = _mm256_and_si256(_mm256_cmpgt_epi8(low, _mm256_set1_epi8('a' - 1)),
                                          _mm256_cmpgt_epi8(_mm256_set1_epi8('z' + 1), low));
        __m256i digit = _mm256_and_si256(_mm256_cmpgt_epi8(x, _mm256_set1_epi8('0' - 1)),
                                         _mm256_cmpgt_epi8(_mm256_set1_epi8('9' + 1), x));
        uint32_t other = (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(digit, x));
        _mm256_storeu_si256((__m256i *)(void *)(out + k), _mm256_blendv_epi8(blank, low, letter));
        unsigned taken = other ? (unsigned)__builtin_ctz(other) : 32;
        i += taken;
        k += taken;
        if (other) break;
    }
    *n_out = k;
    return i;
}

size_t shingle_hash_avx2(const char *plain, size_t n, uint64_t *word, size_t *n_words)
{
    size_t i = 0, open = SIZE_MAX, k = *n_words; /* open: where the word under way begins */
    for (; n - i >= 32; i += 32) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(plain + i));
        uint32_t letters = ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8(' ')));
        uint32_t edges = letters ^ (letters << 1 | (open != SIZE_MAX));
        while (edges) {
            size_t at = i + (size_t)__builtin_ctz(edges);
            edges &= edges - 1;
            if (open == SIZE_MAX) {
                open = at;
            } else {
                word[k++] = shingle_word(plain + open, at - open);
                open = SIZE_MAX;
            }
        }
    }
    *n_words = k;
    return open != SIZE_MAX ? open : i;
}
#endif
