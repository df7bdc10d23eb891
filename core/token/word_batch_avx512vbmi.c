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
    (void)n; /* what the mask leaves out is not touched */
    for (size_t i = 0; i < count; i++) {
        size_t len = ends[i] - from;
        if (__builtin_expect(len > WORD_KEY_MAX, 0)) {
            word_batch_ask_long(c, text + from, len, &keys[i]);
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
}

static size_t get(struct word_cache *c, const struct word_key *keys, size_t i, size_t count, int32_t **to)
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
        size_t n;
        if (__builtin_expect(slot != 0, 1)) {
            const uint8_t *s = line + 8 * _tzcnt_u32(slot);
            _mm_storeu_si128((__m128i *)(void *)out, _mm_loadu_si128((const __m128i *)(const void *)(s + 16)));
            n = s[15] >> 4;
            if (__builtin_expect(n - 1 < WORD_INLINE, 1)) {
                out += n;
                continue;
            }
        }
        if (!(n = word_batch_get_rare(c, &keys[i], out))) break;
        out += n;
    }
    *to = out;
    return i;
}

const struct word_batch word_batch_avx512vbmi = {ask, get};
#else
const struct word_batch word_batch_avx512vbmi;
#endif
