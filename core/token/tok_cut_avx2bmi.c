/* Places to cut at with AVX2. */
#include "core/token/halves.h"
#include "core/token/split_mask.h"
#include "core/token/tok_cut.h"

#if defined(__AVX2__) && defined(__BMI2__)

#define CUT_INLINE HALVES_INLINE

CUT_INLINE struct halves load(const uint8_t *p)
{
    return halves_load(p);
}

CUT_INLINE uint64_t is(struct halves x, int byte)
{
    return halves_is(x, byte);
}

CUT_INLINE uint64_t in(struct halves x, int first, int last)
{
    return halves_in(x, first, last);
}

/* 64 bytes and those before them. */
struct window {
    struct halves x, y;
    uint64_t plain, gap, newline, high;                     /* of x */
    uint64_t plain_before, gap_before, newline_before, high_before; /* of y */
};

static __attribute__((noinline)) struct halves bytes_at_first(const uint8_t *s, size_t before)
{
    uint8_t first[64] = {0};
    memcpy(first + before, s, sizeof first - before);
    return halves_load(first);
}

/* s[i - by..i - by + 64); zeros stand before the text. */
CUT_INLINE struct halves bytes_before(const uint8_t *s, size_t i, size_t by)
{
    return __builtin_expect(i >= by, 1) ? halves_load(s + i - by) : bytes_at_first(s, by - i);
}

/* Bytes that are what the table has by their lower half: no two of those have the same one. */
CUT_INLINE uint64_t by_half(const uint8_t table[16], struct halves x)
{
    __m256i t = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
    return halves_mask((struct halves){_mm256_cmpeq_epi8(_mm256_shuffle_epi8(t, x.low), x.low),
                                       _mm256_cmpeq_epi8(_mm256_shuffle_epi8(t, x.high), x.high)});
}

CUT_INLINE struct window look(const struct cut_tables *t, const uint8_t *s, size_t i)
{
    struct window w = {.x = halves_load(s + i), .y = bytes_before(s, i, 1)};
    uint8_t before = i ? s[i - 1] : 0;
    w.high = halves_mask(w.x);
    w.plain = halves_in(w.x, 0x21, 0x7E);
    w.gap = by_half(t->gaps, w.x);
    w.newline = t->newlines ? is(w.x, '\n') : 0;
    w.high_before = w.high << 1 | before >> 7;
    w.plain_before = w.plain << 1 | (before > 0x20 && before < 0x7F);
    w.gap_before = w.gap << 1 | (t->gaps[before & 15] == before);
    w.newline_before = w.newline << 1 | (t->newlines && before == '\n');
    return w;
}

CUT_INLINE uint64_t is_joined(const uint64_t by_both[256], const uint8_t *p)
{
    uint16_t both;
    memcpy(&both, p - 1, sizeof both);
    uint32_t bit = _pext_u32(both, 0x7F7F);
    return by_both[bit >> 6] >> (bit & 63) & 1;
}

/* Those of `pairs` that are.  How many there are cannot be guessed: so many are looked up each time, behind the last one
 * what is behind the window. */
CUT_INLINE uint64_t joined_of(const struct tok_fast *f, const uint8_t *s, uint64_t pairs)
{
    enum { AT_ONCE = 4 };
    uint64_t joined = 0, left = pairs;
    int n = 0;
    do {
        uint64_t here = 0;
#pragma GCC unroll 4
        for (int k = 0; k < AT_ONCE; k++) {
            here |= is_joined(f->tables.by_both, s + _tzcnt_u64(left)) << k;
            left &= left - 1;
        }
        joined |= here << n;
        n += AT_ONCE;
    } while (left);
    return _pdep_u64(joined, pairs);
}

CUT_INLINE __m256i is_mixed_half(const uint8_t mixed[16], __m256i x)
{
    const __m256i half = _mm256_set1_epi8(15);
    const __m256i bit = _mm256_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
    __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)mixed));
    __m256i own = _mm256_shuffle_epi8(bit, _mm256_and_si256(_mm256_srli_epi16(x, 4), half));
    return _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(table, _mm256_and_si256(x, half)), own), own);
}

/* Of bytes of ASCII; what others are is no matter. */
CUT_INLINE uint64_t is_mixed(const uint8_t mixed[16], struct halves x)
{
    return halves_mask((struct halves){is_mixed_half(mixed, x.low), is_mixed_half(mixed, x.high)});
}

/* Between printable characters of ASCII that no token has side by side.  Two letters are never looked for, nor is one
 * beside a character that no letter is joined with, as are most. */
CUT_INLINE uint64_t between_pairs(const struct tok_fast *f, const uint8_t *s, size_t i, const struct window *w)
{
    const __m256i small = _mm256_set1_epi8(0x20);
    const uint8_t *table = f->tables.mixed, last = i ? s[i - 1] : 0;
    uint64_t letter = halves_in((struct halves){_mm256_or_si256(w->x.low, small), _mm256_or_si256(w->x.high, small)}, 'a', 'z');
    uint64_t before = letter << 1 | tok_is_letter(last), pairs = w->plain & w->plain_before & ~(letter & before);
    uint64_t mixed = is_mixed(table, w->x), mixed_before = mixed << 1 | (table[last & 15] >> (last >> 4 & 7) & 1);
    uint64_t apart = pairs & ((before & ~mixed) | (letter & ~mixed_before)), others = pairs ^ apart;
    return apart | (others & ~joined_of(f, s + i, others));
}

/* Of bytes from 0xC0 on: of two or of three bytes are characters that begin with it and are all ordinary (tok_cut.c), by both
 * halves of the byte. */
enum { OF_TWO = 1 | 2, OF_THREE = 4 };
CUT_INLINE __m256i begin_ordinary_half(__m256i x, int which)
{
    const __m256i lower = _mm256_setr_epi8(2, 2, 0, 1, 1, 5, 5, 5, 5, 4, 0, 4, 4, 0, 0, 0, 2, 2, 0, 1, 1, 5, 5, 5, 5, 4, 0, 4, 4, 0, 0, 0);
    const __m256i upper = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 0);
    const __m256i half = _mm256_set1_epi8(15);
    __m256i a = _mm256_shuffle_epi8(lower, _mm256_and_si256(x, half));
    __m256i b = _mm256_shuffle_epi8(upper, _mm256_and_si256(_mm256_srli_epi16(x, 4), half));
    return _mm256_cmpgt_epi8(_mm256_and_si256(_mm256_and_si256(a, b), _mm256_set1_epi8((char)which)), _mm256_setzero_si256());
}

CUT_INLINE uint64_t begin_ordinary(struct halves x, int which)
{
    return halves_mask((struct halves){begin_ordinary_half(x.low, which), begin_ordinary_half(x.high, which)});
}

/* Of U+3000 to U+30FF, by the second byte. */
CUT_INLINE uint64_t is_kana(struct halves first, struct halves second, struct halves third)
{
    uint64_t e3 = is(first, 0xE3);
    if (!e3) return 0;
    return e3 & ((is(second, 0x80) & in(third, 0x81, 0x9F)) | (is(second, 0x81) & in(third, 0x81, 0xBF)) |
                 (is(second, 0x82) & (in(third, 0x80, 0x96) | in(third, 0xA1, 0xBF))) |
                 (is(second, 0x83) & (in(third, 0x80, 0xBA) | is(third, 0xBC))));
}

#include "core/token/tok_cut_body.h"

cut_windows_fn *const tok_cut_windows_avx2bmi = windows;
#else
cut_windows_fn *const tok_cut_windows_avx2bmi = NULL;
#endif
