/* Words of ASCII letters, found 32 bytes at a time. */
#include "data/shingle_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* Masks of letters, and of what the slow path must see: digits, bytes above 127. */
static inline uint32_t letters_of(__m256i x, uint32_t *other)
{
    const __m256i blank = _mm256_set1_epi8(0x20);
    __m256i low = _mm256_or_si256(x, blank);
    /* Signed comparisons: bytes above 127 are below all of these. */
    __m256i letter = _mm256_and_si256(_mm256_cmpgt_epi8(low, _mm256_set1_epi8('a' - 1)),
                                      _mm256_cmpgt_epi8(_mm256_set1_epi8('z' + 1), low));
    __m256i digit = _mm256_and_si256(_mm256_cmpgt_epi8(x, _mm256_set1_epi8('0' - 1)),
                                     _mm256_cmpgt_epi8(_mm256_set1_epi8('9' + 1), x));
    *other = (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(digit, x));
    return (uint32_t)_mm256_movemask_epi8(_mm256_andnot_si256(x, letter)) &
           (uint32_t)_mm256_movemask_epi8(letter);
}

size_t shingles_ascii_avx2(const char *text, size_t i, size_t n, uint64_t *word, size_t *n_words)
{
    size_t open = SIZE_MAX, k = *n_words; /* where the word under way begins */
    for (; n - i >= 32 + 8; i += 32) {    /* 8: words are read 8 bytes at a time */
        uint32_t other;
        __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(text + i));
        uint32_t letters = letters_of(x, &other);
        uint32_t seen = other ? (other & (0 - other)) - 1 : UINT32_MAX; /* up to there */
        letters &= seen;
        uint32_t edges = (letters ^ (letters << 1 | (open != SIZE_MAX))) & seen;
        while (edges) {
            size_t at = i + (size_t)__builtin_ctz(edges);
            edges &= edges - 1;
            if (open == SIZE_MAX) {
                open = at;
            } else {
                word[k++] = shingle_word(text + open, at - open);
                open = SIZE_MAX;
            }
        }
        if (other) {
            i += (size_t)__builtin_ctz(other);
            break;
        }
    }
    *n_words = k;
    return open != SIZE_MAX ? open : i;
}
#endif
