/* The same with AVX-512 VBMI: what 64 characters are becomes bit masks, of which a
 * few operations give the bytes that stay and where words begin among them. */
#include "core/token/word_form.h"

#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)
#include "core/token/split_mask.h"

size_t word_take_ascii_avx512vbmi(const struct word_forms *f, const uint8_t *text, size_t n, struct word_run *run)
{
    const __m512i ascii = _mm512_loadu_si512(f->ascii), ascii_high = _mm512_loadu_si512(f->ascii + 64);
    const __m512i kinds = _mm512_loadu_si512(f->kind), kinds_high = _mm512_loadu_si512(f->kind + 64);
    size_t i = 0, len = run->len, begun = run->begun;
    uint64_t open = run->open;
    while (i < n && begun < WORD_RUN) {
        uint64_t there = n - i < 64 ? _bzhi_u64(~(uint64_t)0, (unsigned)(n - i)) : ~(uint64_t)0;
        __m512i x = _mm512_maskz_loadu_epi8(there, text + i);
        __m512i kind = _mm512_maskz_permutex2var_epi8(there & ~_mm512_movepi8_mask(x), kinds, x, kinds_high);
        unsigned count = (unsigned)_tzcnt_u64(~_mm512_test_epi8_mask(kind, kind));
        if (count == 0) break;
        uint64_t all = _bzhi_u64(~(uint64_t)0, count);
        uint64_t letter = all & split_test(kind, ASCII_LETTER), sign = all & split_test(kind, ASCII_SIGN), kept = letter | sign;
        uint64_t begins = sign | (letter & ~(letter << 1 | open));
        __m512i forms = _mm512_permutex2var_epi8(ascii, x, ascii_high);
        _mm512_storeu_si512(run->text + len, _mm512_maskz_compress_epi8(kept, forms));
        begun += put_ends(_pext_u64(begins, kept), len, run->begin + begun);
        len += (size_t)_mm_popcnt_u64(kept);
        open = letter >> (count - 1) & 1;
        i += count;
        if (count < 64) break;
    }
    run->len = len;
    run->begun = begun;
    run->open = open != 0;
    return i;
}
#else
size_t word_take_ascii_avx512vbmi(const struct word_forms *f, const uint8_t *text, size_t n, struct word_run *run)
{
    return word_take_ascii(f, text, n, run);
}
#endif
