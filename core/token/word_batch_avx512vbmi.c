/* The same with AVX-512: a word is loaded under a mask of its length, and both
 * slots of a line are compared at once. */
#include "core/token/word_batch.h"

#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)
#include <immintrin.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Of a word of up to 15 bytes; what the mask leaves out is not touched. */
ALWAYS_INLINE void ask_short(const struct word_cache *c, const uint8_t *word, size_t len, struct word_key *key)
{
    __m128i x = _mm_maskz_loadu_epi8((__mmask16)_bzhi_u32(0xFFFF, (unsigned)len), word);
    x = _mm_mask_set1_epi8(x, 0x8000, (char)len);
    _mm_storeu_si128((__m128i *)(void *)key->k, x);
    uint64_t k[2] = {(uint64_t)_mm_cvtsi128_si64(x), (uint64_t)_mm_extract_epi64(x, 1)};
    key->hash = word_key_hash(k);
    __builtin_prefetch(&c->lines[key->hash >> c->shift]);
}

ALWAYS_INLINE void ask_one(const struct word_cache *c, const uint8_t *word, size_t len, struct word_key *key, size_t i,
                           struct word_batch_long *longs)
{
    if (__builtin_expect(len > WORD_KEY_MAX, 0)) {
        word_batch_ask_long(c, word, len, key);
        word_batch_long_add(longs, i);
    } else {
        ask_short(c, word, len, key);
    }
}

static void ask(const struct word_cache *c, const uint8_t *text, size_t n, size_t from, const size_t *ends, size_t count,
                struct word_key *keys)
{
    const struct word_cache known = *c; /* keys are not in it */
    struct word_batch_long longs = {.n = 0};
    (void)n;
    for (size_t i = 0; i < count; from = ends[i++]) ask_one(&known, text + from, ends[i] - from, &keys[i], i, &longs);
    word_batch_long_ask(c, keys, &longs);
}

static void ask_run(const struct word_cache *c, const struct word_run *run, struct word_key *keys)
{
    const uint8_t *text = (const uint8_t *)run->text;
    const struct word_cache known = *c;
    struct word_batch_long longs = {.n = 0};
    for (size_t w = 0; 64 * w < run->n; w++)
        for (uint64_t m = word_run_others(run, w, 0); m; m &= m - 1) {
            size_t i = 64 * w + _tzcnt_u64(m), from = run->begin[i];
            ask_one(&known, text + from, run->begin[i + 1] - from, &keys[i], i, &longs);
        }
    word_batch_long_ask(c, keys, &longs);
}

/* Up to 15 ids of the pool. */
static inline void copy_ids(int32_t *to, const int32_t *ids, size_t n)
{
    __mmask16 mask = (__mmask16)_bzhi_u32(0xFFFF, (unsigned)n);
    _mm512_mask_storeu_epi32(to, mask, _mm512_maskz_loadu_epi32(mask, ids));
}

/* The ids of a long word whose hash the slot has; 0: they are many, or it is another
 * word, or too long. */
static inline size_t get_long(const struct word_cache *c, const struct word_slot *s, const uint8_t *word, size_t n, int32_t *to)
{
    const int32_t *ids = c->pool + s->id[0];
    size_t n_ids = s->id[1];
    if (n > 64 || n_ids > WORD_KEY_MAX) return 0;
    __mmask64 mask = _bzhi_u64(~(uint64_t)0, (unsigned)n);
    __m512i a = _mm512_maskz_loadu_epi8(mask, word), b = _mm512_maskz_loadu_epi8(mask, ids + n_ids);
    if (_mm512_cmpneq_epi8_mask(a, b)) return 0;
    copy_ids(to, ids, n_ids);
    return n_ids;
}

/* Which slot of its line has a word: bit 0, bit 4, or none. */
ALWAYS_INLINE uint32_t slot_bits(const struct word_line *lines, unsigned shift, const struct word_key *key)
{
    /* The upper half of the length's byte is the slot's number of ids. */
    const long long all = -1, length = 0x0FFFFFFFFFFFFFFF;
    const __m512i care = _mm512_setr_epi64(all, length, 0, 0, all, length, 0, 0);
    __m512i x = _mm512_broadcast_i64x2(_mm_loadu_si128((const __m128i *)(const void *)key->k));
    uint32_t same = _mm512_testn_epi64_mask(_mm512_xor_si512(x, _mm512_loadu_si512(&lines[key->hash >> shift])), care);
    return same & same >> 1 & 0x11;
}

/* The slot, or NULL. */
ALWAYS_INLINE const struct word_slot *slot_of(const struct word_line *lines, unsigned shift, const struct word_key *key)
{
    const uint8_t *line = (const uint8_t *)&lines[key->hash >> shift];
    uint32_t slot = slot_bits(lines, shift, key);
    if (__builtin_expect(slot == 0, 0)) return NULL;
    return (const struct word_slot *)(const void *)(line + 8 * _tzcnt_u32(slot));
}

ALWAYS_INLINE __m128i inline_ids(const struct word_slot *s)
{
    return _mm_loadu_si128((const __m128i *)(const void *)s->id);
}

/* The ids of a word that ends at text[end): those that are in its slot are at `out` already. */
ALWAYS_INLINE size_t get_ids(struct word_cache *c, const struct word_slot *s, const uint8_t *text, size_t end,
                             const struct word_key *key, int32_t *out)
{
    size_t n = 0, len = (size_t)key->k[1];
    if (__builtin_expect(s != NULL, 1)) {
        n = (size_t)(s->k[1] >> 60);
        if (__builtin_expect(n - 1 < WORD_INLINE, 1)) return n;
        if (n) copy_ids(out, c->pool + s->id[0], n);
        else if (len) n = get_long(c, s, text + end - len, len, out);
    }
    return n ? n : word_batch_get_rare(c, text, end, key, out);
}

static size_t get(struct word_cache *c, const uint8_t *text, const size_t *ends, const struct word_key *keys, size_t i,
                  size_t count, int32_t **to)
{
    const struct word_line *lines = c->lines;
    const unsigned shift = c->shift;
    int32_t *out = *to;
    for (size_t n; i < count; i++, out += n) {
        const struct word_slot *s = slot_of(lines, shift, &keys[i]);
        if (__builtin_expect(s != NULL, 1)) _mm_storeu_si128((__m128i *)(void *)out, inline_ids(s));
        if (!(n = get_ids(c, s, text, ends[i], &keys[i], out))) break;
    }
    *to = out;
    return i;
}

/* Many single words. */
ALWAYS_INLINE int32_t *copy_singles(int32_t *out, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i += 16) _mm512_storeu_si512(out + i, _mm512_loadu_si512(ids + i));
    return out + n;
}

/* Up to 4 ids and those of a slot behind them. */
ALWAYS_INLINE __m256i put_behind(const int32_t *ids, size_t n, const struct word_slot *s)
{
    static const uint8_t place[5][8] = {
        {8, 9, 10, 11, 0, 0, 0, 0}, {0, 8, 9, 10, 11, 0, 0, 0}, {0, 1, 8, 9, 10, 11, 0, 0}, {0, 1, 2, 8, 9, 10, 11, 0}, {0, 1, 2, 3, 8, 9, 10, 11}};
    __m256i from = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)place[n]));
    return _mm256_permutex2var_epi32(_mm256_loadu_si256((const void *)ids), from, _mm256_castsi128_si256(inline_ids(s)));
}

static size_t get_run(struct word_cache *c, const struct word_run *run, const struct word_key *keys, size_t i, int32_t **to)
{
    const struct word_line *lines = c->lines;
    const uint8_t *text = (const uint8_t *)run->text;
    const unsigned shift = c->shift;
    int32_t *out = *to;
    for (size_t w = i / 64, from = i; 64 * w < run->n; w++)
        for (uint64_t m = word_run_others(run, w, from); m; m &= m - 1) {
            size_t next = 64 * w + _tzcnt_u64(m), n;
            const struct word_slot *s = slot_of(lines, shift, &keys[next]);
            if (__builtin_expect(next - i > 4 || !s, 0)) {
                out = copy_singles(out, run->id + i, next - i);
                i = next;
            }
            if (__builtin_expect(s != NULL, 1)) _mm256_storeu_si256((void *)out, put_behind(run->id + i, next - i, s));
            out += next - i;
            i = next;
            if (!(n = get_ids(c, s, text, run->begin[next + 1], &keys[next], out))) {
                *to = out;
                return next;
            }
            out += n;
            i = next + 1;
        }
    *to = copy_singles(out, run->id + i, run->n - i);
    return run->n;
}

/* Which words are left cannot be guessed: each is written down, and stays if it is. */
static size_t take(struct word_cache *c, const struct word_key *keys, size_t i, size_t end,
                   uint32_t least, int32_t *to, size_t *n, struct word_left *left)
{
    const struct word_line *lines = c->lines;
    const int32_t *pool = c->pool;
    const unsigned shift = c->shift;
    int32_t *out = to;
    size_t n_left = 0;
    for (; i < end; i++) {
        uint32_t bits = slot_bits(lines, shift, &keys[i]);
        const uint8_t *line = (const uint8_t *)&lines[keys[i].hash >> shift];
        /* Where neither has it, the first is looked at, and it does not count. */
        const struct word_slot *s = (const struct word_slot *)(const void *)(line + (8 * _tzcnt_u32(bits | 0x100) & 63));
        size_t counts = (size_t)(bits != 0) & (size_t)(s->id[3] > least);
        size_t n_ids = (size_t)(s->k[1] >> 60) & -counts; /* of long words 0 */
        _mm_storeu_si128((__m128i *)(void *)out, inline_ids(s));
        if (__builtin_expect(n_ids >= WORD_INLINE, 0)) copy_ids(out, pool + s->id[0], n_ids);
        left[n_left] = (struct word_left){(uint32_t)(out - to), (uint32_t)i};
        n_left += n_ids == 0;
        out += n_ids;
    }
    *n = (size_t)(out - to);
    return n_left;
}

static size_t missing_run(const struct word_cache *c, const struct word_run *run, const struct word_key *keys, size_t i,
                          size_t *which)
{
    const struct word_line *lines = c->lines;
    const unsigned shift = c->shift;
    size_t n = 0;
    for (size_t w = i / 64, from = i; 64 * w < run->n; w++)
        for (uint64_t m = word_run_others(run, w, from); m; m &= m - 1) {
            which[n] = 64 * w + _tzcnt_u64(m);
            n += !slot_bits(lines, shift, &keys[which[n]]);
        }
    return n;
}

const struct word_batch word_batch_avx512vbmi = {ask, get, ask_run, get_run, missing_run, take};
#else
const struct word_batch word_batch_avx512vbmi;
#endif
