/* Words merged side by side.  Symbols and the ranks of the pairs that they begin stay at their
 * places: a merge is a few stores, and all ranks are looked at in one register or four.  Words
 * take turns, so that what was stored for one has arrived before its registers are loaded again,
 * and that the pairs of several words are waited for at a time; what depends on the number of a
 * word's merges, which cannot be guessed, is decided a turn later. */
#include "core/token/bpe_many.h"

#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)
#include <immintrin.h>
#include <stdbool.h>

#include "core/base/mask_bits.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
enum { LANES = 8, PLACES = 64, SIZES = 4, BLOCK = 256, NEVER = (1 << BPE_ID_BITS) - 1 };

/* What is read of a struct bpe, so that no store can change it. */
struct table {
    const uint64_t *slots;
    const uint32_t *small_slots; /* NULL: slots */
    uint32_t small_mask;
    const uint16_t *turn;
    uint64_t factor;
    unsigned slot_shift, group_shift;
    const int32_t *made; /* NULL: first_made and the rank */
    int32_t first_made;
    const uint16_t *small_pair;
    const uint32_t *large_pair;
    const uint8_t (*byte_plane)[256];
};

/* Words of one size: in so many places that 8, 16, 32 or 64 ranks are looked at. */
struct todo {
    struct bpe_job *job[BLOCK];
    size_t n, at;
};

ALWAYS_INLINE __m512i count_from(char from)
{
    const __m512i count = _mm512_set_epi8(
        63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32,
        31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return _mm512_add_epi8(count, _mm512_set1_epi8(from));
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

ALWAYS_INLINE uint16_t small_rank_of(const struct table *t, uint32_t left, uint32_t right)
{
    uint32_t hash = bpe_small_hash((uint32_t)t->factor, left, right), turn = t->turn[bpe_small_group(t->group_shift, hash)];
    return bpe_small_number(t->small_slots[bpe_small_slot(t->small_mask, hash, turn)], hash);
}

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

ALWAYS_INLINE void small_put_symbols(uint16_t *to, uint64_t there, const int32_t *ids, const int places)
{
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

ALWAYS_INLINE size_t small_put_ids(int32_t *to, const uint16_t *symbol, const int places)
{
    size_t n = 0;
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

ALWAYS_INLINE uint32_t large_rank_of(const struct table *t, uint64_t left, uint64_t right)
{
    if (t->small_slots) {
        uint16_t rank = (left | right) >> 16 ? UINT16_MAX : small_rank_of(t, (uint32_t)left, (uint32_t)right);
        return rank == UINT16_MAX ? UINT32_MAX : rank;
    }
    uint64_t key = left << BPE_ID_BITS | right, h = key * t->factor;
    uint64_t slot = t->slots[bpe_spread(h) * t->turn[h >> t->group_shift] >> t->slot_shift];
    slot ^= key << BPE_ID_BITS; /* the rank, or more than any: which cannot be guessed */
    return (uint32_t)slot | -(uint32_t)(slot >= NEVER);
}

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

ALWAYS_INLINE void large_put_symbols(uint32_t *to, uint64_t there, const int32_t *ids, const int places)
{
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

ALWAYS_INLINE size_t large_put_ids(int32_t *to, const uint32_t *symbol, const int places)
{
    size_t n = 0;
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

static size_t size_of(size_t n)
{
    return n <= 9 ? 0 : n <= 16 ? 1 : n <= 32 ? 2 : 3;
}

void bpe_merge_many_avx512vbmi(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs)
{
    const struct table t = {.slots = b->slots, .small_slots = b->small_slots, .small_mask = b->small_mask, .turn = b->turn, .factor = b->factor, .slot_shift = b->slot_shift,
                            .group_shift = b->group_shift, .made = b->first_made < 0 ? b->made : NULL, .first_made = b->first_made,
                            .small_pair = b->byte_pair_small, .large_pair = b->byte_pair, .byte_plane = b->byte_plane};
    for (size_t i = 0; i < n_jobs;) {
        struct todo todo[SIZES];
        bool small = jobs[i].bytes && t.small_pair;
        for (int k = 0; k < SIZES; k++) todo[k].n = todo[k].at = 0;
        for (size_t end = i + BLOCK; i < n_jobs && i < end; i++) {
            struct todo *to = &todo[size_of(jobs[i].n)];
            to->job[to->n++] = &jobs[i];
        }
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
