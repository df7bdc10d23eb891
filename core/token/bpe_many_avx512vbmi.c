/* Words merged side by side: bpe_many_body.h in registers of 64 bytes. */
#include "core/token/bpe_many.h"

#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)
#include <immintrin.h>
#include <stdbool.h>

#include "core/base/mask_bits.h"
#include "core/token/bpe_many_table.h"

enum { LANES = 8, LATE = 0 };

ALWAYS_INLINE __m512i count_from(char from)
{
    const __m512i count = _mm512_set_epi8(
        63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32,
        31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return _mm512_add_epi8(count, _mm512_set1_epi8(from));
}

ALWAYS_INLINE void put_neighbours(uint8_t next[PLACES], uint8_t before[PLACES], const int places)
{
    (void)places;
    _mm512_store_si512(next, count_from(1));
    _mm512_store_si512(before, count_from(-1));
}

/* One byte of the ids of 64 bytes. */
ALWAYS_INLINE __m512i id_bytes(const uint8_t plane[256], __m512i bytes)
{
    __m512i low = _mm512_permutex2var_epi8(_mm512_loadu_si512(plane), bytes, _mm512_loadu_si512(plane + 64));
    __m512i high = _mm512_permutex2var_epi8(_mm512_loadu_si512(plane + 128), bytes, _mm512_loadu_si512(plane + 192));
    return _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(bytes), high);
}

/* 64 bytes as numbers, those of the first so many pairs, and one more. */
ALWAYS_INLINE void words_of(__m512i bytes, uint64_t w[9], const int pairs)
{
    __m128i x = _mm512_castsi512_si128(bytes);
    w[0] = (uint64_t)_mm_cvtsi128_si64(x);
    w[1] = (uint64_t)_mm_extract_epi64(x, 1);
    x = _mm512_extracti32x4_epi32(bytes, 1);
    if (pairs > 8) w[2] = (uint64_t)_mm_cvtsi128_si64(x);
    if (pairs > 16) {
        w[3] = (uint64_t)_mm_extract_epi64(x, 1);
        x = _mm512_extracti32x4_epi32(bytes, 2);
        w[4] = (uint64_t)_mm_cvtsi128_si64(x);
    }
    if (pairs > 32) {
        w[5] = (uint64_t)_mm_extract_epi64(x, 1);
        x = _mm512_extracti32x4_epi32(bytes, 3);
        w[6] = (uint64_t)_mm_cvtsi128_si64(x);
        w[7] = (uint64_t)_mm_extract_epi64(x, 1);
        w[8] = 0;
    }
}

/* ---- ids and ranks of 16 bits ---- */

/* The ranks of 8 pairs: of the bytes of w and the one that follows. */
ALWAYS_INLINE void small_put_ranks(uint16_t *to, __mmask8 pairs, const uint16_t *pair, uint64_t w, uint64_t after)
{
    __m128i x = _mm_cvtsi32_si128(pair[w & 0xFFFF]), y = _mm_cvtsi32_si128(pair[w >> 32 & 0xFFFF]);
    x = _mm_insert_epi16(x, pair[w >> 8 & 0xFFFF], 1);
    y = _mm_insert_epi16(y, pair[w >> 40 & 0xFFFF], 1);
    x = _mm_insert_epi16(x, pair[w >> 16 & 0xFFFF], 2);
    y = _mm_insert_epi16(y, pair[w >> 48], 2);
    x = _mm_insert_epi16(x, pair[w >> 24 & 0xFFFF], 3);
    y = _mm_insert_epi16(y, pair[w >> 56 | (after & 0xFF) << 8], 3);
    _mm_store_si128((void *)to, _mm_mask_mov_epi16(_mm_set1_epi16(-1), pairs, _mm_unpacklo_epi64(x, y)));
}

ALWAYS_INLINE void small_put_byte_symbols(uint16_t *to, uint64_t there, const struct table *t, __m512i bytes, const int places)
{
    __m512i none = _mm512_set1_epi16(-1), low = id_bytes(t->byte_plane[0], bytes), high = id_bytes(t->byte_plane[1], bytes);
    for (int i = 0; i < places; i += 32) {
        __m256i x = i ? _mm512_extracti64x4_epi64(low, 1) : _mm512_castsi512_si256(low);
        __m256i y = i ? _mm512_extracti64x4_epi64(high, 1) : _mm512_castsi512_si256(high);
        __m512i id = _mm512_or_si512(_mm512_cvtepu8_epi16(x), _mm512_slli_epi16(_mm512_cvtepu8_epi16(y), 8));
        _mm512_store_si512(to + i, _mm512_mask_mov_epi16(none, (__mmask32)(there >> i), id));
    }
}

ALWAYS_INLINE void small_put_bytes(uint16_t *rank, uint16_t *symbol, const struct table *t, const uint8_t *word, size_t n, const int places)
{
    uint64_t there = _bzhi_u64(~(uint64_t)0, (unsigned)n), pairs = there >> 1, w[9];
    __m512i bytes = _mm512_maskz_loadu_epi8(there, word);
    words_of(bytes, w, places);
    for (int i = 0; i < places; i += 8) small_put_ranks(rank + i, (__mmask8)(pairs >> i), t->small_pair, w[i / 8], w[i / 8 + 1]);
    small_put_byte_symbols(symbol, there, t, bytes, places);
}

ALWAYS_INLINE void small_put_none(uint16_t *to, const int places)
{
    for (int i = 0; i < places; i += 32) _mm512_store_si512(to + i, _mm512_set1_epi32(-1));
}

ALWAYS_INLINE void small_put_symbols(uint16_t *to, const int32_t *ids, size_t n, const int places)
{
    uint64_t there = _bzhi_u64(~(uint64_t)0, (unsigned)n);
    for (int i = 0; i < places; i += 16) {
        __m512i x = _mm512_mask_loadu_epi32(_mm512_set1_epi32(-1), (__mmask16)(there >> i), ids + i);
        _mm256_store_si256((void *)(to + i), _mm512_cvtepi32_epi16(x));
    }
    if (places < 32) _mm256_store_si256((void *)(to + 16), _mm256_set1_epi16(-1));
}

ALWAYS_INLINE __m128i least_of_16(__m256i x)
{
    return _mm_minpos_epu16(_mm_min_epu16(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1)));
}

ALWAYS_INLINE uint32_t small_least(const uint16_t *rank, const int places, uint32_t *at)
{
    if (places == 8) { /* the place is above the least */
        uint32_t found = (uint32_t)_mm_cvtsi128_si32(_mm_minpos_epu16(_mm_load_si128((const void *)rank)));
        *at = (found >> 16) + 1;
        return found & 0xFFFF;
    }
    if (places == 16) {
        __m256i x = _mm256_load_si256((const void *)rank);
        __m128i best = least_of_16(x);
        *at = _tzcnt_u32(mask_bits16(_mm256_cmpeq_epi16_mask(x, _mm256_broadcastw_epi16(best)))) + 1;
        return (uint32_t)_mm_cvtsi128_si32(best) & 0xFFFF;
    }
    __m512i x = _mm512_load_si512(rank), y = places > 32 ? _mm512_load_si512(rank + 32) : x, both = _mm512_min_epu16(x, y);
    __m128i best = least_of_16(_mm256_min_epu16(_mm512_castsi512_si256(both), _mm512_extracti64x4_epi64(both, 1)));
    uint64_t bits = mask_bits32(_mm512_cmpeq_epi16_mask(x, _mm512_broadcastw_epi16(best)));
    if (places > 32) bits |= mask_bits32(_mm512_cmpeq_epi16_mask(y, _mm512_broadcastw_epi16(best))) << 32;
    *at = (uint32_t)_tzcnt_u64(bits) + 1;
    return (uint32_t)_mm_cvtsi128_si32(best) & 0xFFFF;
}

ALWAYS_INLINE size_t small_put_ids(int32_t *to, size_t room, const uint16_t *symbol, const int places)
{
    size_t n = 0;
    (void)room; /* masks write no more than there is */
    for (int i = 0; i < places; i += 32) {
        __m512i x = _mm512_load_si512(symbol + i);
        uint32_t there = _mm512_cmpneq_epi16_mask(x, _mm512_set1_epi16(-1));
        x = _mm512_maskz_compress_epi16(there, x);
        uint32_t more = (uint32_t)_mm_popcnt_u32(there), mask = _bzhi_u32(UINT32_MAX, more);
        _mm512_mask_storeu_epi32(to + n, (__mmask16)mask, _mm512_cvtepu16_epi32(_mm512_castsi512_si256(x)));
        if (places > 16)
            _mm512_mask_storeu_epi32(to + n + 16, (__mmask16)(mask >> 16), _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(x, 1)));
        n += more;
    }
    return n;
}

#define NUMBER uint16_t
#define NAME(x) small_##x
#include "core/token/bpe_many_body.h"

/* ---- of 32 bits ---- */

ALWAYS_INLINE __m128i large_four(const uint32_t *pair, uint64_t w)
{
    __m128i x = _mm_cvtsi32_si128((int)pair[w & 0xFFFF]), y = _mm_cvtsi32_si128((int)pair[w >> 16 & 0xFFFF]);
    x = _mm_insert_epi32(x, (int)pair[w >> 8 & 0xFFFF], 1);
    y = _mm_insert_epi32(y, (int)pair[w >> 24 & 0xFFFF], 1);
    return _mm_unpacklo_epi64(x, y);
}

ALWAYS_INLINE void large_put_ranks(uint32_t *to, __mmask8 pairs, const uint32_t *pair, uint64_t w, uint64_t after)
{
    __m256i x = _mm256_inserti128_si256(_mm256_castsi128_si256(large_four(pair, w)), large_four(pair, w >> 32 | after << 32), 1);
    _mm256_store_si256((void *)to, _mm256_mask_mov_epi32(_mm256_set1_epi32(-1), pairs, x));
}

ALWAYS_INLINE void large_put_byte_symbols(uint32_t *to, uint64_t there, const struct table *t, __m512i bytes, const int places)
{
    _Alignas(64) uint8_t plane[3][64];
    for (int p = 0; p < 3; p++) _mm512_store_si512(plane[p], id_bytes(t->byte_plane[p], bytes));
    for (int i = 0; i < places; i += 16) {
        __m512i id = _mm512_cvtepu8_epi32(_mm_load_si128((const void *)(plane[0] + i)));
        id = _mm512_or_si512(id, _mm512_slli_epi32(_mm512_cvtepu8_epi32(_mm_load_si128((const void *)(plane[1] + i))), 8));
        id = _mm512_or_si512(id, _mm512_slli_epi32(_mm512_cvtepu8_epi32(_mm_load_si128((const void *)(plane[2] + i))), 16));
        _mm512_store_si512(to + i, _mm512_mask_mov_epi32(_mm512_set1_epi32(-1), (__mmask16)(there >> i), id));
    }
}

ALWAYS_INLINE void large_put_bytes(uint32_t *rank, uint32_t *symbol, const struct table *t, const uint8_t *word, size_t n, const int places)
{
    uint64_t there = _bzhi_u64(~(uint64_t)0, (unsigned)n), pairs = there >> 1, w[9];
    __m512i bytes = _mm512_maskz_loadu_epi8(there, word);
    words_of(bytes, w, places);
    for (int i = 0; i < places; i += 8) large_put_ranks(rank + i, (__mmask8)(pairs >> i), t->large_pair, w[i / 8], w[i / 8 + 1]);
    large_put_byte_symbols(symbol, there, t, bytes, places);
}

ALWAYS_INLINE void large_put_none(uint32_t *to, const int places)
{
    for (int i = 0; i < places; i += 16) _mm512_store_si512(to + i, _mm512_set1_epi32(-1));
}

ALWAYS_INLINE void large_put_symbols(uint32_t *to, const int32_t *ids, size_t n, const int places)
{
    uint64_t there = _bzhi_u64(~(uint64_t)0, (unsigned)n);
    for (int i = 0; i < places; i += 16)
        _mm512_store_si512(to + i, _mm512_mask_loadu_epi32(_mm512_set1_epi32(-1), (__mmask16)(there >> i), ids + i));
}

ALWAYS_INLINE uint32_t large_least(const uint32_t *rank, const int places, uint32_t *at)
{
    __m512i x[4], all;
    for (int i = 0; i < (places + 15) / 16; i++) x[i] = _mm512_load_si512(rank + 16 * i);
    all = x[0];
    if (places > 16) all = _mm512_min_epu32(all, x[1]);
    if (places > 32) all = _mm512_min_epu32(all, _mm512_min_epu32(x[2], x[3]));
    __m256i half = _mm512_castsi512_si256(all);
    if (places > 8) half = _mm256_min_epu32(half, _mm512_extracti64x4_epi64(all, 1));
    __m128i m = _mm_min_epu32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    m = _mm_min_epu32(m, _mm_shuffle_epi32(m, 0x4E));
    m = _mm_min_epu32(m, _mm_shuffle_epi32(m, 0xB1));
    __m512i best = _mm512_broadcastd_epi32(m);
    uint64_t bits = 0;
    for (int i = 0; i < (places + 15) / 16; i++) bits |= (uint64_t)mask_bits16(_mm512_cmpeq_epi32_mask(x[i], best)) << 16 * i;
    *at = (uint32_t)_tzcnt_u64(bits) + 1;
    return (uint32_t)_mm_cvtsi128_si32(m);
}

ALWAYS_INLINE size_t large_put_ids(int32_t *to, size_t room, const uint32_t *symbol, const int places)
{
    size_t n = 0;
    (void)room; /* masks write no more than there is */
    for (int i = 0; i < places; i += 16) {
        __m512i x = _mm512_load_si512(symbol + i);
        __mmask16 there = _mm512_cmpneq_epi32_mask(x, _mm512_set1_epi32(-1));
        uint32_t more = (uint32_t)_mm_popcnt_u32(mask_bits16(there));
        _mm512_mask_storeu_epi32(to + n, (__mmask16)_bzhi_u32(0xFFFF, more), _mm512_maskz_compress_epi32(there, x));
        n += more;
    }
    return n;
}

#define NUMBER uint32_t
#define NAME(x) large_##x
#include "core/token/bpe_many_body.h"

/* ---- all ---- */

void bpe_merge_many_avx512vbmi(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs)
{
    const struct table t = table_of(b);
    struct todo todo[SIZES];
    for (size_t i = 0; i < n_jobs;) {
        bool small = jobs[i].bytes && t.small_pair;
        i += todo_fill(todo, jobs + i, n_jobs - i);
        if (small) small_run_all(&t, todo);
        else large_run_all(&t, todo);
    }
}
#else
void bpe_merge_many_avx512vbmi(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs)
{
    bpe_merge_many_base(b, jobs, n_jobs);
}
#endif
