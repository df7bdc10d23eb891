/* Plain text 64 bytes at a time; its words and their shingles, eight at once. */
#include "data/shingle_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "core/base/mask_bits.h"

static inline uint64_t between(__m512i x, int lo, int hi)
{
    return _mm512_cmple_epu8_mask(_mm512_sub_epi8(x, _mm512_set1_epi8((char)lo)),
                                  _mm512_set1_epi8((char)(hi - lo)));
}

size_t shingle_plain_avx512vbmi(const char *text, size_t i, size_t n, char *out, size_t *n_out)
{
    const __m512i blank = _mm512_set1_epi8(' ');
    size_t k = *n_out;
    while (n - i >= 64) {
        __m512i x = _mm512_loadu_si512(text + i), low = _mm512_or_si512(x, blank);
        uint64_t other = between(x, '0', '9') | _mm512_movepi8_mask(x);
        _mm512_storeu_si512(out + k, _mm512_mask_mov_epi8(blank, between(low, 'a', 'z'), low));
        unsigned taken = other ? (unsigned)__builtin_ctzll(other) : 64;
        i += taken;
        k += taken;
        if (other) break;
    }
    *n_out = k;
    return i;
}

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

/* The hashes of eight words of a block: at[i] is where word i begins, in all bytes
 * of lane i; len[i] its bytes.  As shingle_word(). */
static inline __m512i hash_words(__m512i block, __m512i at, __m512i len)
{
    const __m512i eight = _mm512_set1_epi64(8);
    __m512i h = _mm512_setzero_si512(), left = len, chunk;
    at = _mm512_add_epi8(at, _mm512_set1_epi64(0x0001020304050607)); /* the first byte is the highest */
    __mmask8 whole = _mm512_cmpge_epu64_mask(left, eight);
    do { /* once in most cases, so never for none */
        chunk = _mm512_permutexvar_epi8(at, block);
        h = _mm512_mask_mov_epi64(h, whole, times_prime(_mm512_xor_si512(h, mix(chunk))));
        at = _mm512_mask_add_epi64(at, whole, at, _mm512_set1_epi8(8));
        left = _mm512_mask_sub_epi64(left, whole, left, eight);
        whole = _mm512_cmpge_epu64_mask(left, eight);
    } while (whole);
    chunk = _mm512_permutexvar_epi8(at, block); /* of 0 bytes 64 bits go: 0 */
    chunk = _mm512_srlv_epi64(chunk, _mm512_sub_epi64(_mm512_set1_epi64(64), _mm512_slli_epi64(left, 3)));
    return mix(times_prime(_mm512_xor_si512(h, mix(_mm512_add_epi64(chunk, len)))));
}

/* The n words of a block that begin and end where the masks say. */
static inline void block_words(__m512i block, uint64_t begins, uint64_t ends, unsigned n, uint64_t *word)
{
    const __m512i lane = _mm512_set_epi64(0x0707070707070707, 0x0606060606060606, 0x0505050505050505,
                                          0x0404040404040404, 0x0303030303030303, 0x0202020202020202,
                                          0x0101010101010101, 0);
    const __m512i place = /* 0, 1, ... 63 */
        _mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39,
                        38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14,
                        13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i from = _mm512_maskz_compress_epi8(begins, place), to = _mm512_maskz_compress_epi8(ends, place);
    __m512i lens = _mm512_maskz_sub_epi8(((uint64_t)1 << n) - 1, to, from); /* n <= 32; lanes behind: 0 */
    for (unsigned k = 0; k < n; k += 8) {
        __m512i which = _mm512_add_epi8(lane, _mm512_set1_epi8((char)k));
        __m512i at = _mm512_permutexvar_epi8(which, from);
        __m512i len = _mm512_maskz_permutexvar_epi8(0x0101010101010101, which, lens);
        _mm512_storeu_si512(word + k, hash_words(block, at, len));
    }
}

/* A word longer than a block; 0: its end is not there. */
static size_t long_word(const char *plain, size_t i, size_t n, uint64_t *word)
{
    const char *end = memchr(plain + i, ' ', n - i);
    if (!end) return 0;
    *word = shingle_word(plain + i, (size_t)(end - plain) - i);
    return (size_t)(end - plain);
}

size_t shingle_hash_avx512vbmi(const char *plain, size_t n, uint64_t *word, size_t *n_words)
{
    size_t k = *n_words, i = 0;
    while (n - i >= 64) {
        __m512i x = _mm512_loadu_si512(plain + i);
        uint64_t letters = _mm512_cmpneq_epi8_mask(x, _mm512_set1_epi8(' '));
        uint64_t begins = letters & ~(letters << 1), ends = ~letters & letters << 1;
        unsigned whole = (unsigned)__builtin_popcountll(ends);
        block_words(x, begins, ends, whole, word + k);
        k += whole;
        if (!(letters >> 63)) {
            i += 64;
        } else if (begins > 1) { /* the last goes on behind the block: begins with it again */
            i += 63 - (unsigned)__builtin_clzll(begins);
        } else {
            size_t end = long_word(plain, i, n, word + k);
            if (!end) break;
            k++;
            i = end;
        }
    }
    *n_words = k;
    return i;
}

void shingle_join_avx512vbmi(const uint64_t *word, size_t n, size_t width, uint64_t *v)
{
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 there = (__mmask8)(n - i < 8 ? (1u << (n - i)) - 1 : 0xff);
        __m512i h = _mm512_set1_epi64((long long)width);
        for (size_t k = 0; k < width; k++)
            h = times_prime(_mm512_xor_si512(h, _mm512_maskz_loadu_epi64(there, word + i + k)));
        _mm512_mask_storeu_epi64(v + i, there, mix(h));
    }
}

/* Sixteen of each against each other, in 16 turns; then those of the set go on whose
 * last is smaller.  No number is in a set twice, so none is counted twice. */
size_t shingle_common_avx512vbmi(const uint32_t *a, size_t na, const uint32_t *b, size_t nb)
{
    const __m512i ramp = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    size_t i = 0, j = 0, both = 0;
    while (na - i >= 16 && nb - j >= 16) {
        __m512i x = _mm512_loadu_si512(a + i), y = _mm512_loadu_si512(b + j);
        unsigned met = 0;
#pragma GCC unroll 16
        for (int turn = 0; turn < 16; turn++) /* the places count modulo 16 */
            met |= mask_bits16(_mm512_cmpeq_epi32_mask(x, _mm512_permutexvar_epi32(_mm512_add_epi32(ramp, _mm512_set1_epi32(turn)), y)));
        both += (unsigned)__builtin_popcount(met);
        uint32_t last_a = a[i + 15], last_b = b[j + 15];
        i += last_a <= last_b ? 16 : 0;
        j += last_b <= last_a ? 16 : 0;
    }
    return both + shingle_common_ref(a + i, na - i, b + j, nb - j);
}
#endif
