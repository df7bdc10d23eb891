/* The same with AVX-512 VBMI: what 64 characters of ASCII, or 16 others, are becomes
 * bit masks, of which a few operations give the bytes that stay and where words begin
 * among them. */
#include "core/token/word_form.h"

#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)
#include "core/base/mask_bits.h"
#include "core/token/lanes.h"
#include "core/token/split_mask.h"

/* 16 ids from their bytes. */
SPLIT_INLINE __m512i id_of_planes(__m128i low, __m128i middle, __m128i high)
{
    __m512i id = _mm512_or_si512(_mm512_cvtepu8_epi32(low), _mm512_slli_epi32(_mm512_cvtepu8_epi32(middle), 8));
    id = _mm512_or_si512(id, _mm512_slli_epi32(_mm512_cvtepu8_epi32(high), 16));
    return _mm512_sub_epi32(id, _mm512_set1_epi32(1));
}

/* The ids of words that begin with a character of ASCII, as if that was all of them, for those that are single. */
void word_run_ids_avx512vbmi(const struct word_forms *f, struct word_run *run)
{
    for (size_t i = 0; i < run->begun; i += 64) {
        __m512i first = _mm512_loadu_si512(run->first + i);
        __mmask64 ascii = ~_mm512_movepi8_mask(first);
        _Alignas(64) uint8_t plane[3][64];
        for (int k = 0; k < 3; k++)
            _mm512_store_si512(plane[k], _mm512_permutex2var_epi8(_mm512_loadu_si512(f->ascii_id[k]), first,
                                                                   _mm512_loadu_si512(f->ascii_id[k] + 64)));
        for (size_t k = 0; k < 64; k += 16) {
            const uint8_t *at = plane[0] + k;
            __m512i id = id_of_planes(_mm_load_si128((const void *)at), _mm_load_si128((const void *)(at + 64)),
                                      _mm_load_si128((const void *)(at + 128)));
            _mm512_mask_storeu_epi32(run->id + i + k, (__mmask16)(ascii >> k), id);
        }
    }
}

/* Of the bytes in `part`, whose low 7 bits are in `at`, what a table of 128 has for them; of the others x. */
SPLIT_INLINE __m512i of_table(__m512i x, const uint8_t table[128], __m512i at, __mmask64 part)
{
    return _mm512_mask_mov_epi8(x, part, _mm512_permutex2var_epi8(_mm512_loadu_si512(table), at, _mm512_loadu_si512(table + 64)));
}

/* Characters of two bytes among 64, x, with the bytes behind each, next, of which those
 * in `there` count: puts them into the kinds and forms of all, returns their first bytes. */
SPLIT_INLINE uint64_t put_pairs(const struct word_pairs *p, __m512i x, __m512i next, uint64_t there, __m512i *kind, __m512i *forms)
{
    const __m512i before = _mm512_set_epi8(62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41,
                                           40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18,
                                           17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0);
    __m512i lead = _mm512_permutexvar_epi8(x, _mm512_loadu_si512(p->lead)), two = _mm512_and_si512(lead, _mm512_set1_epi8(6));
    uint64_t first = there & there >> 1 & _mm512_cmpge_epu8_mask(x, _mm512_set1_epi8((char)0xC0)) &
                     _mm512_cmplt_epu8_mask(lead, _mm512_set1_epi8(WORD_LEADS));
    __m512i at = _mm512_or_si512(_mm512_and_si512(next, _mm512_set1_epi8(63)),
                                 _mm512_slli_epi16(_mm512_and_si512(lead, _mm512_set1_epi8(1)), 6));
    __m512i kinds = _mm512_setzero_si512(), firsts = kinds, seconds = kinds;
    for (int k = 0; k < WORD_PAIRS; k += 128) { /* most texts have leads of one or two of the four tables */
        __mmask64 part = _mm512_mask_cmpeq_epi8_mask(first, two, _mm512_set1_epi8((char)(k / 64)));
        if (!part) continue;
        kinds = of_table(kinds, p->kind + k, at, part);
        firsts = of_table(firsts, p->first + k, at, part);
        seconds = of_table(seconds, p->second + k, at, part);
    }
    first = _mm512_test_epi8_mask(kinds, kinds);
    *kind = _mm512_mask_mov_epi8(*kind, first, kinds);
    *forms = _mm512_mask_mov_epi8(*forms, first, firsts);
    *forms = _mm512_mask_permutexvar_epi8(*forms, first << 1, before, seconds);
    return first;
}

size_t word_take_ascii_avx512vbmi(const struct word_forms *f, const uint8_t *text, size_t n, struct word_run *run)
{
    const __m512i ascii = _mm512_loadu_si512(f->ascii), ascii_high = _mm512_loadu_si512(f->ascii + 64);
    const __m512i kinds = _mm512_loadu_si512(f->kind), kinds_high = _mm512_loadu_si512(f->kind + 64);
    size_t i = 0, len = run->len, begun = run->begun;
    uint64_t open = run->open, any = f->ascii_single ? ~(uint64_t)0 : 0;
    while (i < n && begun < WORD_RUN) {
        uint64_t there = n - i < 64 ? _bzhi_u64(~(uint64_t)0, (unsigned)(n - i)) : ~(uint64_t)0, pairs = 0;
        __m512i x = _mm512_maskz_loadu_epi8(there, text + i);
        uint64_t high = _mm512_movepi8_mask(x);
        __m512i kind = _mm512_maskz_permutex2var_epi8(there & ~high, kinds, x, kinds_high);
        __m512i forms = _mm512_permutex2var_epi8(ascii, x, ascii_high);
        /* Another character ends what is taken here. */
        if (high && f->pairs.known[f->pairs.lead[text[i + _tzcnt_u64(high)] & 63]])
            pairs = put_pairs(&f->pairs, x, _mm512_maskz_loadu_epi8(there >> 1, text + i + 1), there, &kind, &forms);
        unsigned count = (unsigned)_tzcnt_u64(~(_mm512_test_epi8_mask(kind, kind) | pairs << 1));
        if (count == 0) break;
        uint64_t all = _bzhi_u64(~(uint64_t)0, count);
        uint64_t letter = all & split_test(kind, ASCII_LETTER), sign = all & split_test(kind, ASCII_SIGN);
        uint64_t kept = letter | sign | (all & split_test(kind, TWO_BYTES)) << 1;
        letter |= (letter & pairs) << 1;
        uint64_t begins = sign | (letter & ~(letter << 1 | open));
        /* The last letter may go on. */
        uint64_t single = any & ~pairs & (sign | (begins & ~(letter >> 1) & all >> 1));
        _mm512_storeu_si512(run->text + len, _mm512_maskz_compress_epi8(kept, forms));
        size_t words = put_ends(_pext_u64(begins, kept), len, run->begin + begun);
        _mm512_storeu_si512(run->first + begun, _mm512_maskz_compress_epi8(begins, x));
        word_run_singles(run, begun, _pext_u64(single, begins));
        begun += words;
        len += (size_t)_mm_popcnt_u64(kept);
        open = letter >> (count - 1) & 1;
        if (__builtin_expect(count < 64, 0)) {
            i += count;
            if (count < 63) break; /* of the last character one byte may be there */
            continue;
        }
        i += 64;
    }
    run->len = len;
    run->begun = begun;
    run->open = open != 0;
    return i;
}

enum { WIDE_LEAST = 6 }; /* bytes of 16 that are no ASCII, for which it pays */

/* 16 characters, as the table knows them. */
struct sixteen {
    __m512i form, bytes; /* bytes: of the text */
    uint64_t first;      /* of 64 bytes that begin with them, those that begin a character */
    unsigned count;      /* how many it knows before one that it does not */
};

SPLIT_INLINE struct sixteen look_up(const struct word_forms *f, const uint8_t *text)
{
    __m512i x = _mm512_loadu_si512(text);
    uint64_t first = lanes_first(x);
    __m512i bytes = lanes_bytes(x, first), form = _mm512_i32gather_epi32(lanes_points(bytes), f->chars, sizeof *f->chars);
    __m512i how = _mm512_and_si512(form, _mm512_set1_epi32((int)(KNOWN | CHAINS)));
    __mmask16 longer = _mm512_cmpeq_epi32_mask(_mm512_and_si512(form, _mm512_set1_epi32(OWN)), _mm512_set1_epi32(LONGER));
    uint32_t known = mask_bits16(_mm512_mask_cmpeq_epi32_mask((__mmask16)~longer, how, _mm512_set1_epi32((int)KNOWN)));
    return (struct sixteen){form, bytes, first, (unsigned)_tzcnt_u32(~known)};
}

/* Those of them that are in no table yet, so that it need not stop at each. */
SPLIT_INLINE void list_unknown(struct word_forms *f, const struct sixteen *c)
{
    __mmask16 unknown = _mm512_testn_epi32_mask(c->form, c->form);
    _mm512_storeu_si512(f->unknown, _mm512_maskz_compress_epi32(unknown, lanes_points(c->bytes)));
    f->n_unknown = (size_t)_mm_popcnt_u32(mask_bits16(unknown));
}

/* Puts those that are known into the run. */
SPLIT_INLINE void put(const struct sixteen *c, struct word_run *run, size_t *len, size_t *begun, uint64_t *open)
{
    const __m512i byte = _mm512_set1_epi32(0x03020100), own_bits = _mm512_set1_epi32(OWN);
    const uint64_t each = 0x1111111111111111u; /* the first of the four bytes of a lane */
    __m512i form = c->form;
    __mmask16 own = _mm512_cmpeq_epi32_mask(_mm512_and_si512(form, own_bits), own_bits);
    __m512i id = _mm512_maskz_and_epi32(own, form, _mm512_set1_epi32((1 << LEN_AT) - 1));
    /* Words, without the characters of which nothing is left. */
    uint32_t all = _bzhi_u32(0xFFFF, c->count);
    uint32_t solid = all & _mm512_testn_epi32_mask(form, _mm512_set1_epi32(NOTHING)), last = (uint32_t)_mm_popcnt_u32(solid);
    uint32_t letter = _pext_u32(_mm512_test_epi32_mask(form, _mm512_set1_epi32(LETTER)), solid);
    uint32_t sign = _pext_u32(_mm512_test_epi32_mask(form, _mm512_set1_epi32(SIGN)), solid);
    uint32_t begins = sign | (letter & ~(letter << 1 | (uint32_t)*open));
    uint32_t single = sign | (begins & ~(letter >> 1) & _bzhi_u32(UINT32_MAX, last) >> 1); /* the last may go on */
    if (last) *open = letter >> (last - 1) & 1;
    begins = _pdep_u32(begins, solid);
    single = _pdep_u32(single, solid) & _mm512_test_epi32_mask(id, id);
    /* Their bytes: of each form or character, its first ones. */
    __m512i size = _mm512_and_si512(_mm512_srli_epi32(form, LEN_AT), _mm512_set1_epi32(LEN >> LEN_AT));
    size = _mm512_mask_mov_epi32(size, own, lanes_sizes(c->bytes));
    size = _mm512_shuffle_epi8(size, _mm512_set4_epi32(0x0C0C0C0C, 0x08080808, 0x04040404, 0));
    form = _mm512_mask_mov_epi32(form, own, c->bytes);
    uint64_t kept = _bzhi_u64(_mm512_cmplt_epu8_mask(byte, size), 4 * c->count);
    _mm512_storeu_si512(run->text + *len, _mm512_maskz_compress_epi8(kept, form));
    put_ends(_pext_u64(_pdep_u64(begins, each), kept), *len, run->begin + *begun);
    _mm512_storeu_si512(run->id + *begun, _mm512_maskz_compress_epi32((__mmask16)begins, _mm512_sub_epi32(id, _mm512_set1_epi32(1))));
    _mm_storeu_si128((void *)(run->first + *begun), _mm_set1_epi8((char)WORD_HAS_ID));
    word_run_singles(run, *begun, _pext_u32(single, begins));
    *begun += (size_t)_mm_popcnt_u32(begins);
    *len += (size_t)_mm_popcnt_u64(kept);
}

/* Whether 16 bytes have so many that are no ASCII, and some that take_ascii() does not know. */
SPLIT_INLINE bool is_wide(const struct word_forms *f, __m128i x)
{
    __m128i lead = _mm512_castsi512_si128(_mm512_permutexvar_epi8(_mm512_castsi128_si512(x), _mm512_loadu_si512(f->pairs.lead)));
    uint32_t high = (uint32_t)_mm_movemask_epi8(x);
    __mmask16 first = _mm_cmpge_epu8_mask(x, _mm_set1_epi8((char)0xC0));
    return _mm_popcnt_u32(high) >= WIDE_LEAST && _mm_mask_cmpge_epu8_mask(first, lead, _mm_set1_epi8(WORD_LEADS));
}

/* Some sixteens are looked up before the first is put: the loads of a gather wait for
 * stores whose addresses are not known yet. */
size_t word_take_wide_avx512vbmi(struct word_forms *f, const uint8_t *text, size_t n, size_t stop, struct word_run *run)
{
    enum { AHEAD = 4 };
    struct sixteen c[AHEAD];
    size_t i = 0, ready, len = run->len, begun = run->begun;
    uint64_t open = run->open;
    do {
        /* As many as there is room for. */
        for (ready = 0; ready < AHEAD && i < stop && n - i >= 64 && begun + 16 * ready < WORD_RUN;) {
            if (!is_wide(f, _mm_loadu_si128((const void *)(text + i)))) break;
            struct sixteen *next = &c[ready];
            *next = look_up(f, text + i);
            if (__builtin_expect(next->count < 16, 0)) list_unknown(f, next);
            if (__builtin_expect(next->count == 0, 0)) break;
            ready++;
            if (__builtin_expect(next->count < 16, 0)) {
                i += _tzcnt_u64(_pdep_u64((uint64_t)1 << next->count, next->first));
                break;
            }
            i += _tzcnt_u64(_pdep_u64((uint64_t)1 << 16, next->first)); /* which does not wait for the table */
        }
        for (size_t k = 0; k < ready; k++) put(&c[k], run, &len, &begun, &open);
    } while (ready && c[ready - 1].count == 16);
    run->len = len;
    run->begun = begun;
    run->open = open != 0;
    return i;
}
#else
void word_run_ids_avx512vbmi(const struct word_forms *f, struct word_run *run)
{
    (void)f, (void)run;
}

size_t word_take_ascii_avx512vbmi(const struct word_forms *f, const uint8_t *text, size_t n, struct word_run *run)
{
    return word_take_ascii(f, text, n, run);
}

size_t word_take_wide_avx512vbmi(struct word_forms *f, const uint8_t *text, size_t n, size_t stop, struct word_run *run)
{
    (void)f, (void)text, (void)n, (void)stop, (void)run;
    return 0;
}
#endif
