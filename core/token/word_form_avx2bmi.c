/* The same with AVX2: 64 characters of ASCII become bit masks by tables of 16, those of two bytes are put
 * among them one by one. */
#include "core/token/word_form.h"

#if defined(__AVX2__) && defined(__BMI2__)
#include "core/token/halves.h"

/* Of each set of f->sets, its bytes. */
HALVES_INLINE __m256i in_set(const uint8_t set[16], __m256i x, __m256i column)
{
    __m256i row = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)set)), x);
    return _mm256_cmpeq_epi8(_mm256_and_si256(row, column), column);
}

/* The bit that stands for a byte's upper half; all of them, which no row has, beyond ASCII. */
HALVES_INLINE __m256i column_of(__m256i x)
{
    const __m256i bit = _mm256_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, -1, -1, -1, -1, -1, -1, -1, -1,
                                         1, 2, 4, 8, 16, 32, 64, -128, -1, -1, -1, -1, -1, -1, -1, -1);
    return _mm256_shuffle_epi8(bit, _mm256_and_si256(_mm256_srli_epi16(x, 4), _mm256_set1_epi8(15)));
}

struct masks {
    uint64_t known, letter, sign, kept;
    uint64_t pairs; /* the first bytes of characters of two */
};

HALVES_INLINE uint64_t mask_of(const uint8_t set[16], struct halves x, struct halves column)
{
    return halves_mask((struct halves){in_set(set, x.low, column.low), in_set(set, x.high, column.high)});
}

HALVES_INLINE __m256i folded(const uint8_t set[16], __m256i x, __m256i column)
{
    return _mm256_or_si256(x, _mm256_and_si256(in_set(set, x, column), _mm256_set1_epi8(0x20)));
}

/* What the bytes of ASCII among 64 are, and what they become. */
HALVES_INLINE struct masks look_at(const struct word_forms *f, struct halves x, uint8_t forms[64])
{
    const struct word_ascii_sets *s = &f->sets;
    struct halves column = {column_of(x.low), column_of(x.high)};
    struct masks m = {.known = mask_of(s->known, x, column), .letter = mask_of(s->letter, x, column), .sign = mask_of(s->sign, x, column)};
    m.kept = m.letter | m.sign;
    halves_store(forms, (struct halves){folded(s->upper, x.low, column.low), folded(s->upper, x.high, column.high)});
    return m;
}

/* Characters of two bytes, of which the first are in `first`. */
HALVES_INLINE void put_pairs(const struct word_pairs *p, const uint8_t *text, uint64_t first, struct masks *m, uint8_t forms[64])
{
    for (; first; first &= first - 1) {
        uint64_t i = _tzcnt_u64(first);
        uint32_t form = p->both[p->lead[text[i] & 63] * 64 + (text[i + 1] & 63)], kind = form >> 16;
        uint16_t bytes = (uint16_t)form;
        memcpy(forms + i, &bytes, sizeof bytes);
        uint64_t known = kind != 0, two = kind / TWO_BYTES, letter = kind & ASCII_LETTER, kept = letter | (kind & ASCII_SIGN) >> 1;
        m->known |= 3 * known << i;
        m->pairs |= known << i;
        m->letter |= 3 * letter << i;
        m->sign |= (uint64_t)((kind & ASCII_SIGN) >> 1) << i;
        m->kept |= (kept | (kept & two) << 1) << i;
    }
}

/* from + the places of bits; up to 7 more are written. */
HALVES_INLINE size_t put_begins(uint64_t begins, size_t from, size_t *to)
{
    enum { ONCE = 8 };
    size_t n = (size_t)_mm_popcnt_u64(begins);
    for (size_t k = 0; k < n; k += ONCE) {
#pragma GCC unroll 8
        for (int i = 0; i < ONCE; i++, begins = _blsr_u64(begins)) to[k + (size_t)i] = from + _tzcnt_u64(begins);
    }
    return n;
}

size_t word_take_ascii_avx2bmi(const struct word_forms *f, const uint8_t *text, size_t n, struct word_run *run)
{
    size_t i = 0, len = run->len, begun = run->begun;
    uint64_t open = run->open, any = f->ascii_single ? ~(uint64_t)0 : 0;
    while (i < n && begun < WORD_RUN) {
        uint8_t forms[64];
        size_t left = n - i;
        struct halves x = left < 64 ? halves_load_some(text + i, left) : halves_load(text + i);
        struct masks m = look_at(f, x, forms);
        uint64_t there = left < 64 ? halves_below(left) : ~(uint64_t)0, high = halves_mask(x);
        /* Another character ends what is taken here. */
        if (high && f->pairs.known[f->pairs.lead[text[i + _tzcnt_u64(high)] & 63]]) {
            uint64_t first = high & there >> 1 & (halves_in(x, 0xC2, 0xC5) | halves_in(x, 0xCE, 0xD1));
            put_pairs(&f->pairs, text + i, first, &m, forms);
        }
        size_t count = _tzcnt_u64(~(m.known & there));
        if (count == 0) break;
        uint64_t all = halves_below(count);
        m.letter &= all;
        m.sign &= all;
        uint64_t begins = m.sign | (m.letter & ~(m.letter << 1 | open));
        /* The last letter may go on. */
        uint64_t single = any & ~m.pairs & (m.sign | (begins & ~(m.letter >> 1) & all >> 1));
        uint64_t kept = m.kept & all;
        halves_compress((uint8_t *)run->text + len, forms, kept);
        memset(run->first + begun, 0, 64);
        size_t words = put_begins(_pext_u64(begins, kept), len, run->begin + begun);
        word_run_singles(run, begun, _pext_u64(single, begins));
        begun += words;
        len += (size_t)_mm_popcnt_u64(kept);
        open = m.letter >> (count - 1) & 1;
        i += count;
        if (__builtin_expect(count < 63, 0)) break; /* of the last character one byte may be there */
    }
    run->len = len;
    run->begun = begun;
    run->open = open != 0;
    return i;
}

/* By the text, of words that are one character of ASCII. */
void word_run_ids_avx2bmi(const struct word_forms *f, struct word_run *run)
{
    for (size_t from = 0; from < run->begun; from += 64)
        for (uint64_t m = run->single[from / 64]; m; m = _blsr_u64(m)) {
            size_t k = from + _tzcnt_u64(m);
            if (run->first[k] != WORD_HAS_ID) run->id[k] = f->sets.id[(uint8_t)run->text[run->begin[k]] & 127];
        }
}
#else
size_t word_take_ascii_avx2bmi(const struct word_forms *f, const uint8_t *text, size_t n, struct word_run *run)
{
    return word_take_ascii(f, text, n, run);
}

void word_run_ids_avx2bmi(const struct word_forms *f, struct word_run *run)
{
    (void)f, (void)run;
}
#endif
