/* Words of ASCII letters, found 64 bytes at a time and hashed eight at once; the
 * shingles of words, eight at once. */
#include "data/shingle_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

static inline __m512i mix(__m512i x)
{
    x = _mm512_xor_si512(x, _mm512_srli_epi64(x, 32));
    x = _mm512_mullo_epi64(x, _mm512_set1_epi64((long long)shingle_factor));
    return _mm512_xor_si512(x, _mm512_srli_epi64(x, 32));
}

static inline __m512i times_prime(__m512i x)
{
    return _mm512_mullo_epi64(x, _mm512_set1_epi64((long long)shingle_prime));
}

static inline uint64_t between(__m512i x, int lo, int hi)
{
    return _mm512_cmple_epu8_mask(_mm512_sub_epi8(x, _mm512_set1_epi8((char)lo)),
                                  _mm512_set1_epi8((char)(hi - lo)));
}

/* The hashes of eight words of `low`, each of fewer than 16 letters: at[i] is where
 * word i begins, in all bytes of lane i; len[i] its letters. */
static inline __m512i hash_words(__m512i low, __m512i at, __m512i len)
{
    /* The first letter is the highest byte, as shingle_word() has it. */
    const __m512i down = _mm512_set1_epi64(0x0001020304050607);
    const __m512i first = _mm512_add_epi8(at, down), second = _mm512_add_epi8(first, _mm512_set1_epi8(8));
    __m512i a = _mm512_permutexvar_epi8(first, low), b = _mm512_permutexvar_epi8(second, low);
    __m512i bits = _mm512_slli_epi64(len, 3);
    __mmask8 full = _mm512_cmpge_epu64_mask(len, _mm512_set1_epi64(8));
    __m512i h = _mm512_maskz_mov_epi64(full, times_prime(mix(a)));
    a = _mm512_srlv_epi64(a, _mm512_sub_epi64(_mm512_set1_epi64(64), bits));
    b = _mm512_srlv_epi64(b, _mm512_sub_epi64(_mm512_set1_epi64(128), bits)); /* 64 of 64 bits: 0 */
    __m512i rest = _mm512_add_epi64(_mm512_mask_mov_epi64(a, full, b), len);
    return mix(times_prime(_mm512_xor_si512(h, mix(rest))));
}

/* The words of a block that begin and end where the masks say; n is their number. */
static inline void block_words(const char *text, __m512i low, uint64_t begins, uint64_t ends, unsigned n,
                               uint64_t *word)
{
    const __m512i lane = _mm512_set_epi64(0x0707070707070707, 0x0606060606060606, 0x0505050505050505,
                                          0x0404040404040404, 0x0303030303030303, 0x0202020202020202,
                                          0x0101010101010101, 0);
    const __m512i place = /* 0, 1, ... 63 */
        _mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39,
                        38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14,
                        13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i from = _mm512_maskz_compress_epi8(begins, place);
    __m512i lens = _mm512_sub_epi8(_mm512_maskz_compress_epi8(ends, place), from);
    for (unsigned k = 0; k < n; k += 8) {
        __m512i which = _mm512_add_epi8(lane, _mm512_set1_epi8((char)k));
        __m512i at = _mm512_permutexvar_epi8(which, from);
        __m512i len = _mm512_maskz_permutexvar_epi8(0x0101010101010101, which, lens);
        _mm512_storeu_si512(word + k, hash_words(low, at, len));
        unsigned there = n - k < 8 ? (1u << (n - k)) - 1 : 255;
        unsigned is_long = _mm512_cmpge_epu64_mask(len, _mm512_set1_epi64(16)) & there;
        for (; is_long; is_long &= is_long - 1) {
            unsigned i = (unsigned)__builtin_ctz(is_long);
            uint64_t where[8], letters[8];
            _mm512_storeu_si512(where, at);
            _mm512_storeu_si512(letters, len);
            word[k + i] = shingle_word(text + (where[i] & 63), (size_t)letters[i]);
        }
    }
}

size_t shingles_ascii_avx512vbmi(const char *text, size_t i, size_t n, uint64_t *word, size_t *n_words)
{
    size_t k = *n_words;
    while (n - i >= 64 + 8) { /* 8: of shingle_word() */
        __m512i x = _mm512_loadu_si512(text + i), low = _mm512_or_si512(x, _mm512_set1_epi8(0x20));
        uint64_t other = between(x, '0', '9') | _mm512_movepi8_mask(x);
        uint64_t letters = between(low, 'a', 'z') & ((other & (0 - other)) - 1); /* in front of others */
        uint64_t begins = letters & ~(letters << 1), ends = ~letters & letters << 1 & ~other;
        unsigned whole = (unsigned)__builtin_popcountll(ends), begun = (unsigned)__builtin_popcountll(begins);
        block_words(text + i, low, begins, ends, whole, word + k);
        k += whole;
        if (begun > whole) { /* the last goes on behind the block, or with another kind of character */
            unsigned at = 63 - (unsigned)__builtin_clzll(begins);
            i += at;
            if (other || !at) break;
        } else if (other) {
            i += (unsigned)__builtin_ctzll(other);
            break;
        } else {
            i += 64;
        }
    }
    *n_words = k;
    return i;
}

void shingles_join_avx512vbmi(const uint64_t *word, size_t n, size_t width, uint64_t *v)
{
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 there = n - i < 8 ? (__mmask8)((1u << (n - i)) - 1) : 255;
        __m512i h = _mm512_set1_epi64((long long)width);
        for (size_t k = 0; k < width; k++)
            h = times_prime(_mm512_xor_si512(h, _mm512_maskz_loadu_epi64(there, word + i + k)));
        _mm512_mask_storeu_epi64(v + i, there, mix(h));
    }
}
#endif
