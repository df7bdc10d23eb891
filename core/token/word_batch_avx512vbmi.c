/* The same with AVX-512: a word is loaded under a mask of its length, and both
 * slots of a line are compared at once. */
#include "core/token/word_batch.h"

#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)
#include <immintrin.h>

static void ask(const struct word_cache *c, const uint8_t *text, size_t n, size_t from, const size_t *ends, size_t count,
                struct word_key *keys)
{
    const struct word_line *lines = c->lines;
    const unsigned shift = c->shift;
    struct word_batch_long longs = {.n = 0};
    (void)n; /* what the mask leaves out is not touched */
    for (size_t i = 0; i < count; i++) {
        size_t len = ends[i] - from;
        if (__builtin_expect(len > WORD_KEY_MAX, 0)) {
            word_batch_ask_long(c, text + from, len, &keys[i]);
            word_batch_long_add(&longs, i);
            from = ends[i];
            continue;
        }
        __m128i x = _mm_maskz_loadu_epi8((__mmask16)_bzhi_u32(0xFFFF, (unsigned)len), text + from);
        x = _mm_mask_set1_epi8(x, 0x8000, (char)len);
        _mm_storeu_si128((__m128i *)(void *)keys[i].k, x);
        uint64_t k[2] = {(uint64_t)_mm_cvtsi128_si64(x), (uint64_t)_mm_extract_epi64(x, 1)};
        uint64_t hash = word_key_hash(k);
        keys[i].hash = hash;
        __builtin_prefetch(&lines[hash >> shift]);
        from = ends[i];
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

static size_t get(struct word_cache *c, const uint8_t *text, const size_t *ends, const struct word_key *keys, size_t i,
                  size_t count, int32_t **to)
{
    /* The upper half of the length's byte is the slot's number of ids. */
    const long long all = -1, length = 0x0FFFFFFFFFFFFFFF;
    const __m512i care = _mm512_setr_epi64(all, length, 0, 0, all, length, 0, 0);
    const uint8_t *lines = (const uint8_t *)c->lines;
    const unsigned shift = c->shift;
    int32_t *out = *to;
    for (; i < count; i++) {
        const uint8_t *line = lines + (keys[i].hash >> shift) * sizeof(struct word_line);
        __m512i key = _mm512_broadcast_i64x2(_mm_loadu_si128((const __m128i *)(const void *)keys[i].k));
        uint32_t same = _mm512_testn_epi64_mask(_mm512_xor_si512(key, _mm512_loadu_si512(line)), care);
        uint32_t slot = same & same >> 1 & 0x11; /* bit 0, bit 4 */
        size_t n = 0, len = (size_t)keys[i].k[1];
        if (__builtin_expect(slot != 0, 1)) {
            const uint8_t *s = line + 8 * _tzcnt_u32(slot);
            _mm_storeu_si128((__m128i *)(void *)out, _mm_loadu_si128((const __m128i *)(const void *)(s + 16)));
            n = s[15] >> 4;
            if (__builtin_expect(n - 1 < WORD_INLINE, 1)) {
                out += n;
                continue;
            }
            const struct word_slot *found = (const struct word_slot *)(const void *)s;
            if (n) copy_ids(out, c->pool + found->id[0], n);
            else if (len) n = get_long(c, found, text + ends[i] - len, len, out);
        }
        if (!n && !(n = word_batch_get_rare(c, text, ends[i], &keys[i], out))) break;
        out += n;
    }
    *to = out;
    return i;
}

const struct word_batch word_batch_avx512vbmi = {ask, get};
#else
const struct word_batch word_batch_avx512vbmi;
#endif
