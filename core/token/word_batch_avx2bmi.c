/* The same with AVX2: a word is its 16 bytes under a mask of its length, four words are looked up at once. */
#include "core/token/word_batch.h"

#if defined(__AVX2__) && defined(__BMI2__)
#include <immintrin.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __m128i load128(const void *p)
{
    return _mm_loadu_si128(p);
}

/* A short word, of which 16 bytes are readable: its key to k; returns the hash. */
ALWAYS_INLINE uint64_t ask_short(const uint8_t *word, size_t len, uint64_t k[2])
{
    __m128i x = _mm_and_si128(load128(word), load128(word_key_mask[len]));
    x = _mm_or_si128(x, _mm_slli_si128(_mm_cvtsi64_si128((long long)len), WORD_KEY_MAX));
    _mm_storeu_si128((__m128i *)(void *)k, x);
    const uint64_t own[2] = {(uint64_t)_mm_cvtsi128_si64(x), (uint64_t)_mm_extract_epi64(x, 1)};
    return word_key_hash(own);
}

ALWAYS_INLINE void ask_one(const struct word_cache *c, const uint8_t *word, size_t len, struct word_key *key,
                           struct word_batch_long *longs)
{
    if (__builtin_expect(len > WORD_KEY_MAX, 0)) {
        word_batch_ask_long(c, word, len, key);
        word_batch_long_add(longs, key);
    } else {
        key->hash = ask_short(word, len, key->k);
        __builtin_prefetch(&c->lines[key->hash >> c->shift]);
    }
}

static __attribute__((noinline)) void ask_other(const struct word_cache *c, const uint8_t *word, size_t len, size_t left,
                                                struct word_keys *keys, size_t i, struct word_batch_long *longs)
{
    struct word_key key;
    if (len <= WORD_KEY_MAX) word_cache_ask(c, word, len, left, &key);
    else ask_one(c, word, len, &key, longs);
    word_keys_put(keys, i, c, &key);
}

static void ask(const struct word_cache *c, const uint8_t *text, size_t n, size_t from, const size_t *ends, size_t count,
                struct word_keys *keys)
{
    const unsigned shift = c->shift - 6; /* of a hash, to bytes of lines */
    const char *lines = (const char *)c->lines;
    uint64_t (*k)[2] = keys->k + 3;
    uint32_t *places = keys->at + 3;
    struct word_batch_long longs;
    longs.n = 0;
    keys->shift = c->shift;
    for (size_t i = 0; i < count; from = ends[i++]) {
        size_t len = ends[i] - from;
        if (__builtin_expect((len > WORD_KEY_MAX) | (from + 16 > n), 0)) {
            ask_other(c, text + from, len, n - from, keys, i, &longs);
            continue;
        }
        uint64_t at = ask_short(text + from, len, k[i]) >> shift & -sizeof(struct word_slot);
        places[i] = (uint32_t)at;
        __builtin_prefetch(lines + at);
    }
    word_batch_long_ask(c, &longs);
}

static void list_others(struct word_run *run)
{
    run->n_others = 0;
    for (size_t w = 0; 64 * w < run->n; w++)
        for (uint64_t m = word_run_others(run, w); m; m = _blsr_u64(m))
            run->other[run->n_others++] = (uint16_t)(64 * w + _tzcnt_u64(m));
}

/* Eight at a time: up to 7 more are read, as behind all of the pool, and written. */
ALWAYS_INLINE void copy_ids(int32_t *to, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i += 8) _mm256_storeu_si256((void *)(to + i), _mm256_loadu_si256((const void *)(ids + i)));
}

static inline bool same_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
    return word_bytes_equal(a, b, n);
}

/* Which slot of its line has a word: bit 0, bit 2, or none. */
enum { SLOT_SECOND = 4 };
ALWAYS_INLINE uint32_t slot_bits(const void *line, const uint64_t k[2])
{
    /* The upper half of the length's byte is the slot's number of ids. */
    const __m256i care = _mm256_setr_epi64x(-1, 0x0FFFFFFFFFFFFFFF, -1, 0x0FFFFFFFFFFFFFFF);
    const struct word_slot *s = line;
    __m256i x = _mm256_broadcastsi128_si256(load128(k));
    x = _mm256_xor_si256(x, _mm256_loadu2_m128i((const void *)s[1].k, (const void *)s[0].k));
    x = _mm256_cmpeq_epi64(_mm256_and_si256(x, care), _mm256_setzero_si256());
    x = _mm256_and_si256(x, _mm256_shuffle_epi32(x, 0x4E));
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(x)) & 5;
}

/* bits: some of those. */
ALWAYS_INLINE const struct word_slot *slot_at(const void *line, uint32_t bits)
{
    return (const struct word_slot *)(const void *)((const uint8_t *)line + 16 * _tzcnt_u32(bits));
}

/* Many single words. */
ALWAYS_INLINE int32_t *copy_singles(int32_t *out, const int32_t *ids, size_t n)
{
    copy_ids(out, ids, n);
    return out + n;
}

#include "core/token/word_batch_body.h"

ALWAYS_INLINE const struct word_slot *place(const char *lines, uint32_t at)
{
    return (const struct word_slot *)(const void *)(lines + at);
}

/* In what the places of two words differ from slots with their keys and 1 to 4 ids. */
ALWAYS_INLINE __m256i differences(const char *lines, const uint64_t *k, const uint32_t *at)
{
    /* Such a number, less 1, has no more than two bits. */
    const long long but_two = (long long)0xCFFFFFFFFFFFFFFF, one = (long long)1 << 60;
    const __m256i care = _mm256_setr_epi64x(-1, but_two, -1, but_two), less = _mm256_setr_epi64x(0, one, 0, one);
    __m256i x = _mm256_loadu2_m128i((const void *)place(lines, at[1])->k, (const void *)place(lines, at[0])->k);
    x = _mm256_xor_si256(_mm256_sub_epi64(x, less), _mm256_loadu_si256((const void *)k));
    return _mm256_and_si256(x, care);
}

/* Two bits of each of two words, of those that do not differ. */
ALWAYS_INLINE uint32_t same_bits(__m256i differences)
{
    __m256i same = _mm256_cmpeq_epi64(differences, _mm256_setzero_si256());
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(same));
}

ALWAYS_INLINE int32_t *put_one(int32_t *out, const struct word_slot *s)
{
    _mm_storeu_si128((void *)out, inline_ids(s));
    return out + (s->k[1] >> 60);
}

static size_t get(struct word_cache *c, const uint8_t *text, const size_t *ends, struct word_keys *keys, size_t i,
                  size_t count, int32_t **to)
{
    const char *lines = (const char *)c->lines;
    int32_t *out = *to;
    size_t n = 1;
    word_keys_follow(keys, c, i, count);
    while (i + 4 <= count && n) {
        const uint64_t *k = word_keys_k(keys, i);
        const uint32_t *at = word_keys_at(keys, i);
        __m256i x = differences(lines, k, at), y = differences(lines, k + 4, at + 2), all = _mm256_or_si256(x, y);
        if (__builtin_expect(_mm256_testz_si256(all, all), 1)) {
            for (int j = 0; j < 4; j++) out = put_one(out, place(lines, at[j]));
            i += 4;
            continue;
        }
        for (size_t known = _tzcnt_u32(~(same_bits(x) | same_bits(y) << 4)) / 2; known > 0; known--, i++)
            out = put_one(out, place(lines, *word_keys_at(keys, i)));
        n = get_one(c, text, ends[i], keys, i, out);
        out += n;
        i += n > 0;
    }
    for (; i < count && n; i += n > 0) {
        n = get_one(c, text, ends[i], keys, i, out);
        out += n;
    }
    *to = out;
    return i;
}

/* Sixteen at a time: up to 15 more are written. */
ALWAYS_INLINE void copy_sixteens(int32_t *to, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __m256i x = _mm256_loadu_si256((const void *)(ids + i)), y = _mm256_loadu_si256((const void *)(ids + i + 8));
        _mm256_storeu_si256((void *)(to + i), x);
        _mm256_storeu_si256((void *)(to + i + 8), y);
    }
}

/* Where `from` is sixteen or more behind its place, nothing is written to that is moved later. */
static void put_and_move(int32_t *to, const int32_t *ids, size_t n_ids, const int32_t *from, size_t n)
{
    if (__builtin_expect(from - (to + n_ids) < 16, 0)) {
        word_batch_base.put_and_move(to, ids, n_ids, from, n);
        return;
    }
    copy_sixteens(to, ids, n_ids);
    copy_sixteens(to + n_ids, from, n);
}

const struct word_batch word_batch_avx2bmi = {ask, get, ask_run, get_run, find_run, put_run, take, put_and_move};
#else
const struct word_batch word_batch_avx2bmi;
#endif
