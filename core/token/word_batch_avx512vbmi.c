/* The same with AVX-512: a word is loaded under a mask of its length, and both
 * slots of a line are compared at once. */
#include "core/token/word_batch.h"

#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)
#include <immintrin.h>

#include "core/base/mask_bits.h"

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

ALWAYS_INLINE void ask_one(const struct word_cache *c, const uint8_t *word, size_t len, struct word_key *key,
                           struct word_batch_long *longs)
{
    if (__builtin_expect(len > WORD_KEY_MAX, 0)) {
        word_batch_ask_long(c, word, len, key);
        word_batch_long_add(longs, key);
    } else {
        ask_short(c, word, len, key);
    }
}

ALWAYS_INLINE __m512i load64(const void *p)
{
    return _mm512_loadu_si512(p);
}

#define TIMES4(...) __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__
static const uint8_t in_part[64] = {TIMES4(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)};
static const uint8_t byte_numbers[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                         22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
                                         44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
static const uint8_t of_part[64] = {TIMES4(TIMES4(0)), TIMES4(TIMES4(8)), TIMES4(TIMES4(16)), TIMES4(TIMES4(24))};
/* Lower halves of hashes of two fours, which are in turns. */
static const uint32_t in_turns[16] = {0, 4, 8, 12, 2, 6, 10, 14};

/* What is asked for, and how. */
struct asking {
    const char *lines;
    __m512i shift; /* of a hash, to bytes of lines */
    __m512i factor; /* WORD_HASH_ALL */
    __m512i last; /* bytes of keys where lengths are */
};

ALWAYS_INLINE struct asking asking_of(const struct word_cache *c)
{
    struct asking a = {(const char *)c->lines, _mm512_set1_epi64(c->shift - 6), _mm512_set1_epi64((long long)WORD_HASH_ALL),
                       _mm512_broadcast_i64x2(_mm_set_epi64x((long long)0xFF00000000000000, 0))};
    __asm__("" : "+v"(a.factor), "+v"(a.last)); /* constants would be put into their registers for each eight words */
    return a;
}

/* From memory, for which the ports of permutations are not needed. */
ALWAYS_INLINE __m256i four_times(const size_t *x)
{
    return _mm256_castpd_si256(_mm256_broadcast_sd((const double *)(const void *)x));
}

/* The keys of four words, that are 60 bytes at most; 64 are readable where the first begins.  Bits 15, 31, 47 and 63
 * of *longs: of those that are longer than 15, whose keys are none. */
ALWAYS_INLINE __m512i keys_of_four(const struct asking *a, const uint8_t *text, const size_t *begins, uint64_t *longs)
{
    const __m512i byte = load64(in_part), spread = load64(of_part);
    __m256i begin = _mm256_loadu_si256((const void *)begins), end = _mm256_loadu_si256((const void *)(begins + 1));
    __m256i offs = _mm256_sub_epi64(begin, four_times(begins));
    __m512i from = _mm512_permutexvar_epi8(spread, _mm512_castsi256_si512(offs));
    __m512i len = _mm512_permutexvar_epi8(spread, _mm512_castsi256_si512(_mm256_sub_epi64(end, begin)));
    __mmask64 within = _mm512_cmplt_epu8_mask(byte, len);
    __m512i k = _mm512_maskz_permutexvar_epi8(within, _mm512_add_epi8(from, byte), load64(text + begins[0]));
    *longs = _cvtmask64_u64(within) & 0x8000800080008000;
    return _mm512_ternarylogic_epi64(k, len, a->last, 0xF8); /* k | (len & last) */
}

ALWAYS_INLINE void ask_line(const struct asking *a, uint64_t at)
{
    __builtin_prefetch(a->lines + (uint32_t)at);
    __builtin_prefetch(a->lines + (at >> 32));
}

/* Two fours, i and those that follow; returns the bits of both. */
ALWAYS_INLINE uint64_t ask_eight(const struct asking *a, const uint8_t *text, const size_t *begins, struct word_keys *keys, size_t i)
{
    uint64_t longs[2];
    __m512i x = keys_of_four(a, text, begins, &longs[0]), y = keys_of_four(a, text, begins + 4, &longs[1]);
    _mm512_storeu_si512(keys->k[i + 3], x);
    _mm512_storeu_si512(keys->k[i + 7], y);
    /* word_key_hash() */
    __m512i h = _mm512_xor_si512(_mm512_unpacklo_epi64(x, y), _mm512_rol_epi64(_mm512_unpackhi_epi64(x, y), WORD_HASH_TURN));
    h = _mm512_srlv_epi64(_mm512_mullo_epi64(h, a->factor), a->shift);
    __m256i at = _mm512_castsi512_si256(_mm512_permutexvar_epi32(load64(in_turns), h));
    at = _mm256_and_si256(at, _mm256_set1_epi32(-(int)sizeof(struct word_slot)));
    _mm256_storeu_si256((void *)(keys->at + i + 3), at);
    /* Who reads numbers that a wider store has just written to memory waits. */
    __m128i low = _mm256_castsi256_si128(at), high = _mm256_extracti128_si256(at, 1);
    ask_line(a, (uint64_t)_mm_cvtsi128_si64(low));
    ask_line(a, (uint64_t)_mm_extract_epi64(low, 1));
    ask_line(a, (uint64_t)_mm_cvtsi128_si64(high));
    ask_line(a, (uint64_t)_mm_extract_epi64(high, 1));
    return longs[0] | longs[1] >> 1;
}

/* n words from i on, each by itself. */
static __attribute__((noinline)) void ask_each(const struct word_cache *c, const uint8_t *text, const size_t *begins, size_t n,
                                               struct word_keys *keys, size_t i, struct word_batch_long *longs)
{
    for (const size_t *end = begins + n; begins < end; begins++, i++) {
        struct word_key key;
        ask_one(c, text + begins[0], begins[1] - begins[0], &key, longs);
        word_keys_put(keys, i, c, &key);
    }
}

static void ask(const struct word_cache *c, const uint8_t *text, size_t n, size_t from, const size_t *ends, size_t count,
                struct word_keys *keys)
{
    const struct word_cache known = *c; /* keys are not in it */
    const struct asking asking = asking_of(c);
    const size_t first[2] = {from, count ? ends[0] : 0}, *begins = ends;
    struct word_batch_long longs;
    size_t i = 1;
    longs.n = 0;
    keys->shift = c->shift;
    if (count) ask_each(&known, text, first, 1, keys, 0, &longs);
    for (; i + 8 <= count && n - begins[4] >= 64; i += 8, begins += 8) {
        uint64_t long_ones = 0;
        bool together = (begins[4] - begins[0] <= 4 * WORD_KEY_MAX) & (begins[8] - begins[4] <= 4 * WORD_KEY_MAX);
        if (__builtin_expect(together, 1)) long_ones = ask_eight(&asking, text, begins, keys, i);
        else ask_each(&known, text, begins, 8, keys, i, &longs);
        for (; __builtin_expect(long_ones != 0, 0); long_ones = _blsr_u64(long_ones)) { /* bits 15 and so on, 14 and so on */
            size_t bit = _tzcnt_u64(long_ones), k = bit / 16 + (bit & 1 ? 0 : 4);
            ask_each(&known, text, begins + k, 1, keys, i + k, &longs);
        }
    }
    if (i < count) ask_each(&known, text, begins, count - i, keys, i, &longs);
    word_batch_long_ask(c, &longs);
}

/* The words of a run that are not single, in a list: where the bits of each 64 end cannot be guessed. */
ALWAYS_INLINE void list_others(struct word_run *run)
{
    const __m512i byte = load64(byte_numbers);
    uint16_t *to = run->other;
    for (size_t w = 0; 64 * w < run->n; w++) {
        uint64_t m = word_run_others(run, w);
        __m512i which = _mm512_maskz_compress_epi8(m, byte), base = _mm512_set1_epi16((short)(64 * w));
        _mm512_storeu_si512(to, _mm512_add_epi16(base, _mm512_cvtepu8_epi16(_mm512_castsi512_si256(which))));
        _mm512_storeu_si512(to + 32, _mm512_add_epi16(base, _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(which, 1))));
        to += _mm_popcnt_u64(m);
    }
    run->n_others = (size_t)(to - run->other);
}

/* Ids of the pool. */
static inline void copy_ids(int32_t *to, const int32_t *ids, size_t n)
{
    for (; n > 16; n -= 16, to += 16, ids += 16) _mm512_storeu_si512(to, _mm512_loadu_si512(ids));
    __mmask16 mask = (__mmask16)_bzhi_u32(0xFFFF, (unsigned)n);
    _mm512_mask_storeu_epi32(to, mask, _mm512_maskz_loadu_epi32(mask, ids));
}

static inline bool same_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
    for (; n > 64; n -= 64, a += 64, b += 64)
        if (_mm512_cmpneq_epi8_mask(_mm512_loadu_si512(a), _mm512_loadu_si512(b))) return false;
    __mmask64 mask = _bzhi_u64(~(uint64_t)0, (unsigned)n);
    return !_mm512_cmpneq_epi8_mask(_mm512_maskz_loadu_epi8(mask, a), _mm512_maskz_loadu_epi8(mask, b));
}

/* Which slot of its line has a word: bit 2, bit 6, or none. */
enum { SLOT_BITS = 0x44, SLOT_SECOND = 0x40 };
ALWAYS_INLINE uint32_t slot_bits(const void *line, const uint64_t k[2])
{
    /* The upper half of the length's byte is the slot's number of ids. */
    const __m512i care = _mm512_broadcast_i64x2(_mm_set_epi64x(0x0FFFFFFFFFFFFFFF, -1));
    __m512i x = _mm512_broadcast_i64x2(_mm_loadu_si128((const __m128i *)(const void *)k));
    x = _mm512_xor_si512(x, _mm512_loadu_si512(line));
    /* Two numbers are the same: 3 and 1 are 4. */
    return (_cvtmask8_u32(_mm512_mask_testn_epi64_mask(0x33, x, care)) + 0x11) & SLOT_BITS;
}

/* bits: some of SLOT_BITS. */
ALWAYS_INLINE const struct word_slot *slot_at(const void *line, uint32_t bits)
{
    return (const struct word_slot *)(const void *)((const uint8_t *)line + 8 * _tzcnt_u32(bits) - 16);
}

/* Many single words. */
ALWAYS_INLINE int32_t *copy_singles(int32_t *out, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i += 16) _mm512_storeu_si512(out + i, _mm512_loadu_si512(ids + i));
    return out + n;
}

#include "core/token/word_batch_body.h"

ALWAYS_INLINE __m512i two_slots(const char *lines, const uint32_t at[2])
{
    __m512i x = _mm512_castsi256_si512(_mm256_loadu_si256((const void *)(lines + at[0])));
    return _mm512_inserti64x4(x, _mm256_loadu_si256((const void *)(lines + at[1])), 1);
}

/* What four words' places have: their ids are 16 numbers, those with a bit in `there` count. */
struct four {
    __m512i ids;
    uint32_t known; /* two bits of a word */
    __mmask16 there; /* four of a word */
};

ALWAYS_INLINE struct four look_up_four(const char *lines, const uint64_t *k, const uint32_t *at)
{
    /* A slot of 1 to 4 ids, less 1, differs from its key in no more than two bits. */
    const long long all = -1, but_two = (long long)0xCFFFFFFFFFFFFFFF, one = (long long)1 << 60;
    const __m512i care = _mm512_broadcast_i64x2(_mm_set_epi64x(but_two, all));
    const __m512i less = _mm512_broadcast_i64x2(_mm_set_epi64x(one, 0));
    const __m512i numbers = _mm512_broadcast_i32x4(_mm_setr_epi32(0, 1, 2, 3));
    __m512i a = two_slots(lines, at), b = two_slots(lines, at + 2);
    __m512i found = _mm512_sub_epi64(_mm512_shuffle_i64x2(a, b, 0x88), less);
    __m512i n = _mm512_srli_epi32(_mm512_shuffle_epi32(found, 0xFF), 28);
    return (struct four){.ids = _mm512_shuffle_i64x2(a, b, 0xDD),
                         .known = _mm512_testn_epi64_mask(_mm512_xor_si512(found, load64(k)), care),
                         .there = _mm512_cmpge_epu32_mask(n, numbers)};
}

ALWAYS_INLINE int32_t *put_four(int32_t *out, __m512i ids, __mmask16 there)
{
    _mm512_storeu_si512(out, _mm512_maskz_compress_epi32(there, ids));
    return out + _mm_popcnt_u32(mask_bits16(there));
}

static size_t get(struct word_cache *c, const uint8_t *text, const size_t *ends, struct word_keys *keys, size_t i,
                  size_t count, int32_t **to)
{
    const char *lines = (const char *)c->lines;
    int32_t *out = *to;
    word_keys_follow(keys, c, i, count);
    while (i + 4 <= count) {
        struct four f = look_up_four(lines, word_keys_k(keys, i), word_keys_at(keys, i));
        if (__builtin_expect(f.known == 0xFF, 1)) {
            out = put_four(out, f.ids, f.there);
            i += 4;
            continue;
        }
        size_t known = _tzcnt_u32(~f.known) / 2, n;
        out = put_four(out, f.ids, (__mmask16)_bzhi_u32(mask_bits16(f.there), (unsigned)(4 * known)));
        i += known;
        if (!(n = get_one(c, text, ends[i], keys, i, out))) {
            *to = out;
            return i;
        }
        out += n;
        i++;
    }
    for (size_t n; i < count; i++, out += n)
        if (!(n = get_one(c, text, ends[i], keys, i, out))) break;
    *to = out;
    return i;
}

/* 64 at a time; masks write no more than there is. */
static void put_and_move(int32_t *to, const int32_t *ids, size_t n_ids, const int32_t *from, size_t n)
{
    copy_ids(to, ids, n_ids);
    for (to += n_ids;; to += 64, from += 64, n -= 64) {
        uint64_t there = _bzhi_u64(~(uint64_t)0, n < 64 ? (unsigned)n : 64);
        __mmask16 m[4] = {(__mmask16)there, (__mmask16)(there >> 16), (__mmask16)(there >> 32), (__mmask16)(there >> 48)};
        __m512i x[4];
        for (int i = 0; i < 4; i++) x[i] = _mm512_maskz_loadu_epi32(m[i], from + 16 * i);
        for (int i = 0; i < 4; i++) _mm512_mask_storeu_epi32(to + 16 * i, m[i], x[i]);
        if (n <= 64) return;
    }
}

const struct word_batch word_batch_avx512vbmi = {ask, get, ask_run, get_run, find_run, put_run, take, put_and_move};
#else
const struct word_batch word_batch_avx512vbmi;
#endif
