/* Words merged side by side: bpe_many_body.h in registers of 16 and 32 bytes. */
#include "core/token/bpe_many.h"

#if defined(__AVX2__) && defined(__BMI2__)
#include <immintrin.h>
#include <string.h>

#include "core/token/bpe_many_table.h"

enum { LANES = 8, LATE = 1 };

ALWAYS_INLINE void put_neighbours(uint8_t next[PLACES], uint8_t before[PLACES], const int places)
{
    const __m256i count = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                                           16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
    for (int i = 0; i < (places < 32 ? 32 : PLACES); i += 32) {
        _mm256_store_si256((void *)(next + i), _mm256_add_epi8(count, _mm256_set1_epi8((char)(i + 1))));
        _mm256_store_si256((void *)(before + i), _mm256_add_epi8(count, _mm256_set1_epi8((char)(i - 1))));
    }
}

/* All bits where a number from `first` on is not one of the first n, 8 at a time. */
ALWAYS_INLINE __m128i behind(size_t n, int first)
{
#define NONE16 65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535
    static const uint16_t none[2 * PLACES] = {[PLACES] = NONE16, NONE16, NONE16, NONE16};
#undef NONE16
    return _mm_loadu_si128((const void *)(none + (size_t)PLACES + (size_t)first - n));
}

ALWAYS_INLINE uint64_t load8(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

ALWAYS_INLINE uint32_t load4(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* The bytes of a word, 8 at a time, and one more; what is behind its end is anything. */
ALWAYS_INLINE void words_of(const uint8_t *word, size_t n, uint64_t w[PLACES / 8 + 1], const int places)
{
    if (places == 8) { /* of at most 9 bytes */
        if (n < 4) {
            w[0] = word[0] | (uint64_t)word[n / 2] << n / 2 * 8 | (uint64_t)word[n - 1] << (n - 1) * 8;
        } else {
            size_t last = n - 4 < 4 ? n - 4 : 4;
            w[0] = load4(word) | (uint64_t)load4(word + last) << last * 8;
        }
        w[1] = word[n - 1];
        return;
    }
    for (size_t i = 0; i < (size_t)places; i += 8) {
        size_t at = n - 8 < i ? n - 8 : i, by = 8 * (i - at);
        w[i / 8] = load8(word + at) >> (by < 63 ? by : 63);
    }
    w[places / 8] = 0;
}

/* ---- ids and ranks of 16 bits ---- */

/* The ranks of 8 pairs: of the bytes of w and the one that follows. */
ALWAYS_INLINE __m128i small_ranks(const uint16_t *pair, uint64_t w, uint64_t after)
{
    __m128i x = _mm_cvtsi32_si128(pair[w & 0xFFFF]), y = _mm_cvtsi32_si128(pair[w >> 32 & 0xFFFF]);
    x = _mm_insert_epi16(x, pair[w >> 8 & 0xFFFF], 1);
    y = _mm_insert_epi16(y, pair[w >> 40 & 0xFFFF], 1);
    x = _mm_insert_epi16(x, pair[w >> 16 & 0xFFFF], 2);
    y = _mm_insert_epi16(y, pair[w >> 48], 2);
    x = _mm_insert_epi16(x, pair[w >> 24 & 0xFFFF], 3);
    y = _mm_insert_epi16(y, pair[w >> 56 | (after & 0xFF) << 8], 3);
    return _mm_unpacklo_epi64(x, y);
}

ALWAYS_INLINE uint16_t small_id(const int32_t *id, uint64_t byte)
{
    uint16_t x;
    memcpy(&x, &id[byte & 0xFF], sizeof x);
    return x;
}

ALWAYS_INLINE __m128i small_ids(const int32_t *id, uint64_t w)
{
    __m128i x = _mm_cvtsi32_si128(small_id(id, w)), y = _mm_cvtsi32_si128(small_id(id, w >> 32));
    x = _mm_insert_epi16(x, small_id(id, w >> 8), 1);
    y = _mm_insert_epi16(y, small_id(id, w >> 40), 1);
    x = _mm_insert_epi16(x, small_id(id, w >> 16), 2);
    y = _mm_insert_epi16(y, small_id(id, w >> 48), 2);
    x = _mm_insert_epi16(x, small_id(id, w >> 24), 3);
    y = _mm_insert_epi16(y, small_id(id, w >> 56), 3);
    return _mm_unpacklo_epi64(x, y);
}

ALWAYS_INLINE void small_put_bytes(uint16_t *rank, uint16_t *symbol, const struct table *t, const uint8_t *word, size_t n, const int places)
{
    uint64_t w[PLACES / 8 + 1];
    words_of(word, n, w, places);
    for (int i = 0; i < places; i += 8) {
        _mm_store_si128((void *)(rank + i), _mm_or_si128(small_ranks(t->small_pair, w[i / 8], w[i / 8 + 1]), behind(n - 1, i)));
        _mm_store_si128((void *)(symbol + i), _mm_or_si128(small_ids(t->byte_id, w[i / 8]), behind(n, i)));
    }
    if (places == 8) _mm_store_si128((void *)(symbol + 8), _mm_or_si128(_mm_cvtsi32_si128(small_id(t->byte_id, w[1])), behind(n, 8)));
}

ALWAYS_INLINE void small_put_none(uint16_t *to, const int places)
{
    for (int i = 0; i < places; i += 8) _mm_store_si128((void *)(to + i), _mm_set1_epi8(-1));
}

ALWAYS_INLINE void small_put_symbols(uint16_t *to, const int32_t *ids, size_t n, const int places)
{
    small_put_none(to, places < 16 ? 16 : places);
    for (size_t i = 0; i < n; i++) to[i] = (uint16_t)ids[i];
}

/* The least of 8, and above it its place. */
ALWAYS_INLINE uint32_t least_of_8(const uint16_t *rank, uint32_t from)
{
    uint32_t found = (uint32_t)_mm_cvtsi128_si32(_mm_minpos_epu16(_mm_load_si128((const void *)(rank + from))));
    return (found << 16 | found >> 16) + from;
}

ALWAYS_INLINE uint32_t lesser(uint32_t a, uint32_t b)
{
    return b < a ? b : a;
}

ALWAYS_INLINE uint32_t small_least(const uint16_t *rank, const int places, uint32_t *at)
{
    uint32_t found = least_of_8(rank, 0);
    if (places > 32) {
        __m256i x[4], y;
        for (int i = 0; i < 4; i++) x[i] = _mm256_loadu_si256((const void *)(rank + 16 * i));
        y = _mm256_min_epu16(_mm256_min_epu16(x[0], x[1]), _mm256_min_epu16(x[2], x[3]));
        __m128i best = _mm_minpos_epu16(_mm_min_epu16(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1)));
        y = _mm256_broadcastw_epi16(best);
        for (int i = 0; i < 4; i++) x[i] = _mm256_cmpeq_epi16(x[i], y);
        y = _mm256_permute4x64_epi64(_mm256_packs_epi16(x[0], x[1]), 0xD8);
        x[2] = _mm256_permute4x64_epi64(_mm256_packs_epi16(x[2], x[3]), 0xD8);
        *at = (uint32_t)_tzcnt_u64((uint32_t)_mm256_movemask_epi8(y) | (uint64_t)(uint32_t)_mm256_movemask_epi8(x[2]) << 32) + 1;
        return (uint32_t)_mm_cvtsi128_si32(best) & 0xFFFF;
    }
    if (places > 8) found = lesser(found, least_of_8(rank, 8));
    if (places > 16) found = lesser(found, lesser(least_of_8(rank, 16), least_of_8(rank, 24)));
    *at = (found & 0xFFFF) + 1;
    return found >> 16;
}

/* The four numbers of w that `there` says, in 16 bits, to ids. */
ALWAYS_INLINE size_t small_put_four(int32_t *to, size_t n, size_t room, uint64_t w, uint64_t there)
{
    size_t more = (size_t)_mm_popcnt_u64(there) / 16;
    w = _pext_u64(w, there);
    if (n + 4 <= room) _mm_storeu_si128((void *)(to + n), _mm_cvtepu16_epi32(_mm_cvtsi64_si128((long long)w)));
    else
        for (size_t i = 0; i < more; i++) to[n + i] = (int32_t)(w >> 16 * i & 0xFFFF);
    return n + more;
}

ALWAYS_INLINE size_t small_put_ids(int32_t *to, size_t room, const uint16_t *symbol, const int places)
{
    size_t n = 0;
    for (int i = 0; i < places; i += 8) {
        __m128i x = _mm_load_si128((const void *)(symbol + i));
        __m128i there = _mm_xor_si128(_mm_cmpeq_epi16(x, _mm_set1_epi8(-1)), _mm_set1_epi8(-1));
        n = small_put_four(to, n, room, (uint64_t)_mm_cvtsi128_si64(x), (uint64_t)_mm_cvtsi128_si64(there));
        n = small_put_four(to, n, room, (uint64_t)_mm_extract_epi64(x, 1), (uint64_t)_mm_extract_epi64(there, 1));
    }
    if (places == 8 && symbol[8] != UINT16_MAX) to[n++] = symbol[8];
    return n;
}

#define NUMBER uint16_t
#define NAME(x) small_##x
#include "core/token/bpe_many_body.h"

/* ---- of 32 bits ---- */

ALWAYS_INLINE __m256i large_ranks(const uint32_t *pair, uint64_t w, uint64_t after)
{
    uint64_t v = w >> 32 | after << 32;
    return _mm256_setr_epi32((int)pair[w & 0xFFFF], (int)pair[w >> 8 & 0xFFFF], (int)pair[w >> 16 & 0xFFFF], (int)pair[w >> 24 & 0xFFFF],
                             (int)pair[v & 0xFFFF], (int)pair[v >> 8 & 0xFFFF], (int)pair[v >> 16 & 0xFFFF], (int)pair[v >> 24 & 0xFFFF]);
}

ALWAYS_INLINE __m256i large_ids(const int32_t *id, uint64_t w)
{
    return _mm256_setr_epi32(id[w & 0xFF], id[w >> 8 & 0xFF], id[w >> 16 & 0xFF], id[w >> 24 & 0xFF], id[w >> 32 & 0xFF],
                             id[w >> 40 & 0xFF], id[w >> 48 & 0xFF], id[w >> 56]);
}

ALWAYS_INLINE __m256i large_behind(size_t n, int first)
{
    return _mm256_cvtepi16_epi32(behind(n, first));
}

ALWAYS_INLINE void large_put_bytes(uint32_t *rank, uint32_t *symbol, const struct table *t, const uint8_t *word, size_t n, const int places)
{
    uint64_t w[PLACES / 8 + 1];
    words_of(word, n, w, places);
    for (int i = 0; i < places; i += 8) {
        __m256i x = large_ranks(t->large_pair, w[i / 8], w[i / 8 + 1]);
        _mm256_store_si256((void *)(rank + i), _mm256_or_si256(x, large_behind(n - 1, i)));
        _mm256_store_si256((void *)(symbol + i), _mm256_or_si256(large_ids(t->byte_id, w[i / 8]), large_behind(n, i)));
    }
    if (places == 8) {
        __m256i last = _mm256_zextsi128_si256(_mm_cvtsi32_si128(t->byte_id[w[1] & 0xFF]));
        _mm256_store_si256((void *)(symbol + 8), _mm256_or_si256(last, large_behind(n, 8)));
    }
}

ALWAYS_INLINE void large_put_none(uint32_t *to, const int places)
{
    for (int i = 0; i < places; i += 8) _mm256_store_si256((void *)(to + i), _mm256_set1_epi8(-1));
}

ALWAYS_INLINE void large_put_symbols(uint32_t *to, const int32_t *ids, size_t n, const int places)
{
    large_put_none(to, places < 16 ? 16 : places);
    for (size_t i = 0; i < n; i++) to[i] = (uint32_t)ids[i];
}

ALWAYS_INLINE uint32_t large_least(const uint32_t *rank, const int places, uint32_t *at)
{
    __m256i x[PLACES / 8], y;
    for (int i = 0; i < places / 8; i++) x[i] = _mm256_load_si256((const void *)(rank + 8 * i));
    y = x[0];
    for (int i = 1; i < places / 8; i++) y = _mm256_min_epu32(y, x[i]);
    __m128i m = _mm_min_epu32(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
    m = _mm_min_epu32(m, _mm_shuffle_epi32(m, 0x4E));
    m = _mm_min_epu32(m, _mm_shuffle_epi32(m, 0xB1));
    y = _mm256_broadcastd_epi32(m);
    uint64_t bits = 0;
    for (int i = 0; i < places / 8; i++)
        bits |= (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(x[i], y))) << 8 * i;
    *at = (uint32_t)_tzcnt_u64(bits) + 1;
    return (uint32_t)_mm_cvtsi128_si32(m);
}

ALWAYS_INLINE size_t large_put_ids(int32_t *to, size_t room, const uint32_t *symbol, const int places)
{
    size_t n = 0;
    for (int i = 0; i < places + (places == 8 ? 2 : 0); i += 2) {
        uint64_t w, there;
        memcpy(&w, symbol + i, sizeof w);
        there = ((uint32_t)w != UINT32_MAX ? UINT32_MAX : 0) | (w >> 32 != UINT32_MAX ? (uint64_t)UINT32_MAX << 32 : 0);
        size_t more = (size_t)_mm_popcnt_u64(there) / 32;
        w = _pext_u64(w, there);
        if (n + 2 <= room) memcpy(to + n, &w, sizeof w);
        else if (more) to[n] = (int32_t)w;
        n += more;
    }
    return n;
}

#define NUMBER uint32_t
#define NAME(x) large_##x
#include "core/token/bpe_many_body.h"

/* ---- all ---- */

/* All numbers that come up have 16 bits. */
static bool are_small(const struct bpe *b, const struct bpe_job *jobs, size_t n_jobs)
{
    uint32_t most = 0;
    if (jobs[0].bytes) return b->byte_pair_small;
    for (size_t i = 0; b->small_ids && i < n_jobs; i++)
        for (size_t k = 0; k < jobs[i].n; k++) most = (uint32_t)jobs[i].ids[k] > most ? (uint32_t)jobs[i].ids[k] : most;
    return b->small_ids && most < UINT16_MAX;
}

void bpe_merge_many_avx2bmi(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs)
{
    const struct table t = table_of(b);
    struct todo todo[SIZES];
    for (size_t i = 0; i < n_jobs;) {
        size_t n = todo_fill(todo, jobs + i, n_jobs - i);
        bool small = are_small(b, jobs + i, n);
        i += n;
        if (small) small_run_all(&t, todo);
        else large_run_all(&t, todo);
    }
}
#else
void bpe_merge_many_avx2bmi(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs)
{
    bpe_merge_many_base(b, jobs, n_jobs);
}
#endif
