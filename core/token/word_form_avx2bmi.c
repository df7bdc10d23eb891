/* The same with AVX2: 64 characters of ASCII become bit masks by tables of 16, those of two bytes are put
 * among them one by one; those of three are taken eight at a time. */
#include "core/token/word_form.h"

#if defined(__AVX2__) && defined(__BMI2__)
#include "core/token/halves.h"

HALVES_INLINE __m256i twice(__m128i x)
{
    return _mm256_broadcastsi128_si256(x);
}

/* Of each set of f->sets, its bytes. */
HALVES_INLINE __m256i in_set(const uint8_t set[16], __m256i x, __m256i column)
{
    __m256i row = _mm256_shuffle_epi8(twice(_mm_loadu_si128((const void *)set)), x);
    return _mm256_cmpeq_epi8(_mm256_and_si256(row, column), column);
}

/* The bit that stands for a byte's upper half; all of them, which no row has, beyond ASCII. */
HALVES_INLINE __m256i column_of(__m256i x)
{
    const __m256i bit = twice(_mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, -1, -1, -1, -1, -1, -1, -1, -1));
    return _mm256_shuffle_epi8(bit, _mm256_and_si256(_mm256_srli_epi16(x, 4), _mm256_set1_epi8(15)));
}

enum { MANY = 8 }; /* characters of two bytes among 64, for which all are looked up */

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

/* Each byte at the next place. */
HALVES_INLINE struct halves one_up(struct halves x)
{
    return (struct halves){_mm256_alignr_epi8(x.low, _mm256_permute2x128_si256(x.low, x.low, 0x08), 15),
                           _mm256_alignr_epi8(x.high, _mm256_permute2x128_si256(x.low, x.high, 0x21), 15)};
}

HALVES_INLINE struct halves blend(struct halves a, struct halves b, struct halves which)
{
    return (struct halves){_mm256_blendv_epi8(a.low, b.low, which.low), _mm256_blendv_epi8(a.high, b.high, which.high)};
}

/* put_pairs() of many at once, if they have the lead that the first has or the one beside it; the others are left in *first.
 * text[64] is readable. */
HALVES_INLINE void put_many_pairs(const struct word_pairs *p, const uint8_t *text, struct halves x, uint64_t *first, struct masks *m,
                                  uint8_t forms[64])
{
    const __m256i low6 = _mm256_set1_epi8(63), odd = _mm256_set1_epi8(1);
    uint8_t lead = text[_tzcnt_u64(*first)] & 0xFE;
    size_t table = p->lead[lead & 63] * (size_t)64;
    struct halves these = {halves_half_in(x.low, lead, lead + 1), halves_half_in(x.high, lead, lead + 1)}, at = halves_load(text + 1);
    at.low = _mm256_or_si256(_mm256_and_si256(at.low, low6), _mm256_slli_epi16(_mm256_and_si256(x.low, odd), 6));
    at.high = _mm256_or_si256(_mm256_and_si256(at.high, low6), _mm256_slli_epi16(_mm256_and_si256(x.high, odd), 6));
    struct halves kind = halves_of_128(p->kind + table, at), becomes = blend(halves_load(forms), halves_of_128(p->first + table, at), these);
    becomes = blend(becomes, one_up(halves_of_128(p->second + table, at)), one_up(these));
    halves_store(forms, becomes);
    uint64_t which = *first & halves_mask(these), letter = which & halves_bit(kind, 0), sign = which & halves_bit(kind, 1);
    uint64_t known = letter | sign | (which & halves_bit(kind, 2));
    m->known |= known | known << 1;
    m->pairs |= known;
    m->letter |= letter | letter << 1;
    m->sign |= sign;
    m->kept |= letter | sign | ((letter | sign) & halves_bit(kind, 3)) << 1;
    *first &= ~which;
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
            if (_mm_popcnt_u64(first) > MANY && left > 64) put_many_pairs(&f->pairs, text + i, x, &first, &m, forms);
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

/* ---- characters of three bytes, eight at a time ---- */

struct eight {
    __m256i text, form;  /* of four characters in each half: their 12 bytes; as the table knows them */
    __m256i three;       /* -1: it is of three bytes */
    unsigned count;      /* how many there are before one that is something else, or becomes it */
};

HALVES_INLINE uint32_t lanes_with(__m256i which) /* by their highest bits */
{
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(which));
}

HALVES_INLINE __m256i points_of(struct eight c)
{
    const __m256i last_first = twice(_mm_setr_epi8(2, 1, 0, -1, 5, 4, 3, -1, 8, 7, 6, -1, 11, 10, 9, -1));
    __m256i bits = _mm256_and_si256(_mm256_shuffle_epi8(c.text, last_first), _mm256_set1_epi32(0x0F3F3F));
    __m256i two = _mm256_maddubs_epi16(bits, _mm256_set1_epi32(0x00014001)); /* 1 of the last, 64 of the middle one; 1 of the first */
    return _mm256_and_si256(_mm256_madd_epi16(two, _mm256_set1_epi32(0x10000001)), c.three); /* 1, 4096 */
}

/* A gather takes longer. */
HALVES_INLINE __m256i forms_of(const uint32_t *chars, __m256i points)
{
    __m128i low = _mm256_castsi256_si128(points), high = _mm256_extracti128_si256(points, 1);
    uint64_t a = (uint64_t)_mm_cvtsi128_si64(low), b = (uint64_t)_mm_extract_epi64(low, 1);
    uint64_t c = (uint64_t)_mm_cvtsi128_si64(high), d = (uint64_t)_mm_extract_epi64(high, 1);
    return _mm256_setr_epi32((int)chars[(uint32_t)a], (int)chars[a >> 32], (int)chars[(uint32_t)b], (int)chars[b >> 32],
                             (int)chars[(uint32_t)c], (int)chars[c >> 32], (int)chars[(uint32_t)d], (int)chars[d >> 32]);
}

HALVES_INLINE struct eight look_up(const struct word_forms *f, const uint8_t *text)
{
    const __m256i firsts = twice(_mm_setr_epi8(0, -1, -1, -1, 3, -1, -1, -1, 6, -1, -1, -1, 9, -1, -1, -1));
    struct eight c;
    c.text = _mm256_set_m128i(_mm_loadu_si128((const void *)(text + 12)), _mm_loadu_si128((const void *)text));
    c.three = _mm256_and_si256(_mm256_shuffle_epi8(c.text, firsts), _mm256_set1_epi32(0xF0));
    c.three = _mm256_cmpeq_epi32(c.three, _mm256_set1_epi32(0xE0));
    c.form = forms_of(f->chars, points_of(c));
    __m256i how = _mm256_and_si256(c.form, _mm256_set1_epi32((int)(KNOWN | CHAINS | NOTHING | LONGER | LEN)));
    __m256i own = _mm256_cmpeq_epi32(how, _mm256_set1_epi32((int)(KNOWN | OWN)));
    __m256i other = _mm256_cmpeq_epi32(how, _mm256_set1_epi32((int)(KNOWN | LEN))); /* of three bytes, too */
    c.count = (unsigned)_tzcnt_u32(~lanes_with(_mm256_and_si256(_mm256_or_si256(own, other), c.three)));
    return c;
}

/* Those of them that are in no table yet, so that it need not stop at each. */
static void list_unknown(struct word_forms *f, struct eight c)
{
    uint32_t point[8], unknown = lanes_with(_mm256_and_si256(c.three, _mm256_cmpeq_epi32(c.form, _mm256_setzero_si256())));
    _mm256_storeu_si256((void *)point, points_of(c));
    for (f->n_unknown = 0; unknown; unknown = _blsr_u32(unknown)) f->unknown[f->n_unknown++] = point[_tzcnt_u32(unknown)];
}

/* Puts those that are known into the run. */
HALVES_INLINE void put_eight(struct eight c, unsigned count, struct word_run *run, size_t *len, size_t *begun, uint32_t *open)
{
    const __m256i pack = twice(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    const uint64_t each = 0x0101010101010101;
    __m256i own = _mm256_cmpeq_epi32(_mm256_and_si256(c.form, _mm256_set1_epi32(OWN)), _mm256_set1_epi32(OWN));
    __m256i id = _mm256_and_si256(own, _mm256_and_si256(c.form, _mm256_set1_epi32((1 << LEN_AT) - 1)));
    __m256i bytes = _mm256_blendv_epi8(_mm256_shuffle_epi8(c.form, pack), c.text, _mm256_shuffle_epi8(own, pack));
    uint32_t all = _bzhi_u32(UINT32_MAX, count), letter = all & lanes_with(_mm256_slli_epi32(c.form, 4));
    uint32_t sign = all & lanes_with(_mm256_slli_epi32(c.form, 5)), begins = sign | (letter & ~(letter << 1 | *open));
    uint32_t single = sign | (begins & ~(letter >> 1) & all >> 1); /* the last may go on */
    single &= lanes_with(_mm256_cmpgt_epi32(id, _mm256_setzero_si256()));
    _mm_storeu_si128((void *)(run->text + *len), _mm256_castsi256_si128(bytes));
    _mm_storeu_si128((void *)(run->text + *len + 12), _mm256_extracti128_si256(bytes, 1));
    uint64_t which = _pdep_u64(begins, each) * 255, place = _pext_u64(0x15120F0C09060300, which);
    __m256i from = _mm256_set1_epi64x((long long)*len);
    _mm256_storeu_si256((void *)(run->begin + *begun), _mm256_add_epi64(from, _mm256_cvtepu8_epi64(_mm_cvtsi64_si128((long long)place))));
    place >>= 32;
    _mm256_storeu_si256((void *)(run->begin + *begun + 4), _mm256_add_epi64(from, _mm256_cvtepu8_epi64(_mm_cvtsi64_si128((long long)place))));
    __m256i lane = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)_pext_u64(0x0706050403020100, which)));
    id = _mm256_sub_epi32(id, _mm256_set1_epi32(1));
    _mm256_storeu_si256((void *)(run->id + *begun), _mm256_permutevar8x32_epi32(id, lane));
    memset(run->first + *begun, WORD_HAS_ID, 8);
    word_run_singles(run, *begun, _pext_u32(single, begins));
    *begun += (size_t)_mm_popcnt_u32(begins);
    *len += 3 * count;
    *open = letter >> (count - 1) & 1;
}

size_t word_take_wide_avx2bmi(struct word_forms *f, const uint8_t *text, size_t n, size_t stop, struct word_run *run)
{
    enum { READ = 32 };
    size_t i = 0, len = run->len, begun = run->begun;
    uint32_t open = run->open;
    while (i < stop && n - i >= READ && begun < WORD_RUN) {
        struct eight c = look_up(f, text + i);
        if (__builtin_expect(c.count == 8, 1)) { /* the next ones do not wait for the table */
            put_eight(c, 8, run, &len, &begun, &open);
            i += 24;
            continue;
        }
        if (c.count) put_eight(c, c.count, run, &len, &begun, &open);
        i += 3 * c.count;
        list_unknown(f, c);
        break;
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

size_t word_take_wide_avx2bmi(struct word_forms *f, const uint8_t *text, size_t n, size_t stop, struct word_run *run)
{
    (void)f, (void)text, (void)n, (void)stop, (void)run;
    return 0;
}

void word_run_ids_avx2bmi(const struct word_forms *f, struct word_run *run)
{
    (void)f, (void)run;
}
#endif
