/* The symbols of a short word, or of many words, with AVX-512: 16 characters at a time, whatever their lengths, which
 * could not be guessed. */
#include "core/token/lanes.h"
#include "core/token/unigram.h"
#include "core/token/unigram_symbols_body.h"

#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)

/* Which of 64 bytes are blanks. */
LANES_INLINE uint64_t blanks_of(__m512i x, const uint8_t blank[4])
{
    uint64_t m = _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(' '));
    for (int i = 1; i < 4; i++) m |= _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8((char)blank[i]));
    return m;
}

/* Characters of scripts that the vocabulary has nothing of. */
LANES_INLINE uint64_t strange(const struct unigram *u, __m512i x, uint64_t first)
{
    __m512i is = _mm512_permutexvar_epi8(x, _mm512_loadu_si512(u->strange)); /* by the lower 6 bits */
    return _mm512_mask_test_epi8_mask(first & _mm512_movepi8_mask(x), is, is);
}

size_t unigram_symbols_avx512vbmi(const struct unigram *u, const struct unigram_blanks *b, uint32_t refused, const uint8_t *p,
                                  size_t n, uint16_t *to, uint64_t *unknown)
{
    const uint64_t all = _bzhi_u64(~(uint64_t)0, (unsigned)n);
    const __m512i x = _mm512_maskz_loadu_epi8(all, p), low = _mm512_set1_epi32(0xFFFF);
    uint64_t first = lanes_first(x) & all, blank = blanks_of(x, b->blank) & all;
    size_t count = (size_t)_mm_popcnt_u64(first), done = 0;
    uint32_t marks = (uint32_t)_pext_u64(blank, first), odd = 0, many = 0;
    *unknown = 0;
    if (b->one && (marks & (marks - 1)) && is_run(u, b->blank, marks)) {
        size_t more = (size_t)_mm_popcnt_u32(marks) - 1;
        first &= ~(uint64_t)0 << more;
        count -= more;
        marks = 1;
    }
    if (n > 64 || count > 32 || (b->one && (marks & (marks - 1)))) return 0;
    uint64_t unusual = u->some_strange && !refused ? strange(u, x, first) : 0;
    if (unusual && _mm_popcnt_u64(first & ~unusual) <= 3) return mostly_strange(u, p, n, first, first & ~unusual, blank, to, unknown);
    const uint64_t begins = first;
    for (; done < count; done += 16, marks >>= 16) {
        __mmask16 lanes = (__mmask16)_bzhi_u32(0xFFFF, (unsigned)(count - done));
        __m512i cp = _mm512_min_epu32(lanes_decode(x, first), _mm512_set1_epi32(UNIGRAM_CHARS));
        __m512i s = _mm512_and_si512(_mm512_i32gather_epi32(cp, u->symbol, sizeof *u->symbol), low);
        s = _mm512_mask_mov_epi32(s, _mm512_testn_epi32_mask(s, s) & (__mmask16)marks, _mm512_set1_epi32(u->mark));
        __mmask16 bad = _mm512_testn_epi32_mask(s, s) | _mm512_cmpeq_epi32_mask(s, _mm512_set1_epi32((int)refused));
        odd |= (uint32_t)(bad & lanes);
        many |= (uint32_t)(_mm512_test_epi32_mask(s, _mm512_set1_epi32((int)UNIGRAM_MANY)) & lanes) << done;
        *unknown |= (uint64_t)(_mm512_cmpeq_epi32_mask(s, _mm512_set1_epi32(u->unknown)) & lanes) << done;
        _mm256_storeu_si256((void *)(to + done), _mm512_cvtepi32_epi16(s));
        first &= ~(uint64_t)0 << (_tzcnt_u64(_pdep_u64((uint64_t)1 << 16, first)) & 63);
    }
    if (odd) return 0;
    return !many ? count : refused ? 0 : spread(u, p, begins, many, count, to, unknown);
}

/* ---- many words ---- */

enum { SPELL_BYTES = 4 * UNIGRAM_SPELL };

/* Whether a piece that rules leave alone may begin in x. */
LANES_INLINE bool may_be_kept(const struct unigram *u, __m512i x, uint64_t there)
{
    __m512i of = _mm512_permutex2var_epi8(_mm512_loadu_si512(u->kept_first), x, _mm512_loadu_si512(u->kept_first + 64));
    uint64_t high = _mm512_movepi8_mask(x);
    return there & ((_mm512_test_epi8_mask(of, of) & ~high) | (u->kept_high ? high : 0));
}

/* The bytes of words one behind the other, and how many characters each has; returns how many words had room. */
static size_t join(const struct unigram *u, struct unigram_spelled *words, size_t n_words, uint8_t bytes[SPELL_BYTES + 64], size_t *n_chars)
{
    size_t chars = 0, used = 0, k = 0;
    for (; k < n_words; k++) {
        struct unigram_spelled *w = &words[k];
        size_t count = 0, len = w->len <= 4 * UNIGRAM_SPELL_MOST ? w->len : 0;
        if (chars + UNIGRAM_SPELL_MOST > UNIGRAM_SPELL || used + 4 * UNIGRAM_SPELL_MOST > SPELL_BYTES) break;
        for (size_t i = 0; i < len; i += 64) {
            uint64_t there = _bzhi_u64(~(uint64_t)0, len - i < 64 ? (unsigned)(len - i) : 64);
            __m512i x = _mm512_maskz_loadu_epi8(there, w->text + i);
            _mm512_storeu_si512(bytes + used + i, x);
            count += (size_t)_mm_popcnt_u64(lanes_first(x) & there);
            if (u->kept && may_be_kept(u, x, there)) count = UNIGRAM_SPELL_MOST + 1;
            if (count > UNIGRAM_SPELL_MOST) break;
        }
        w->at = (uint16_t)chars;
        w->n = (uint16_t)(count <= UNIGRAM_SPELL_MOST ? count : 0);
        chars += w->n;
        used += w->n ? len : 0;
    }
    *n_chars = chars;
    return k;
}

/* The symbols of that, 16 characters at a time: all of those that begin in 64 bytes end there. */
static void symbols_of_all(const struct unigram *u, const struct unigram_blanks *b, const uint8_t *bytes, size_t n_chars, uint16_t *to)
{
    const __m512i low = _mm512_set1_epi32(0xFFFF), mark = _mm512_set1_epi32(u->mark);
    const __m512i blank[4] = {_mm512_set1_epi32(b->blank[0]), _mm512_set1_epi32(b->blank[1]), _mm512_set1_epi32(b->blank[2]),
                              _mm512_set1_epi32(b->blank[3])};
    for (size_t done = 0; done < n_chars; done += 16) {
        __m512i x = _mm512_loadu_si512(bytes);
        uint64_t first = lanes_first(x);
        __m512i cp = _mm512_min_epu32(lanes_decode(x, first), _mm512_set1_epi32(UNIGRAM_CHARS));
        __m512i s = _mm512_and_si512(_mm512_i32gather_epi32(cp, u->symbol, sizeof *u->symbol), low);
        __mmask16 blanks = _mm512_cmpeq_epi32_mask(cp, blank[0]) | _mm512_cmpeq_epi32_mask(cp, blank[1]) |
                           _mm512_cmpeq_epi32_mask(cp, blank[2]) | _mm512_cmpeq_epi32_mask(cp, blank[3]);
        __mmask16 none = _mm512_testn_epi32_mask(s, s);
        s = _mm512_mask_mov_epi32(s, none & blanks, mark);
        if (b->one) s = _mm512_mask_mov_epi32(s, (__mmask16)~none & blanks, _mm512_setzero_si512()); /* it might be one with another */
        _mm256_storeu_si256((void *)(to + done), _mm512_cvtepi32_epi16(s));
        bytes += _tzcnt_u64(_pdep_u64((uint64_t)1 << 16, first));
    }
}

/* Which of a word's symbols are unknown; it has none if some are not certain. */
LANES_INLINE void look_at(const struct unigram *u, bool one, uint16_t *symbols, size_t *used, struct unigram_spelled *w)
{
    uint64_t unknown = 0, marks = 0, odd = 0, many = 0;
    for (unsigned i = 0; i < w->n; i += 32) {
        __mmask32 there = _bzhi_u32(0xFFFFFFFF, w->n - i < 32 ? w->n - i : 32);
        __m512i s = _mm512_loadu_si512(symbols + w->at + i);
        odd |= _mm512_mask_testn_epi16_mask(there, s, s);
        many |= (uint64_t)_mm512_mask_test_epi16_mask(there, s, _mm512_set1_epi16((short)UNIGRAM_MANY)) << i;
        unknown |= (uint64_t)_mm512_mask_cmpeq_epi16_mask(there, s, _mm512_set1_epi16((short)u->unknown)) << i;
        marks |= (uint64_t)_mm512_mask_cmpeq_epi16_mask(there, s, _mm512_set1_epi16((short)u->mark)) << i;
    }
    w->unknown = unknown;
    w->n = odd || (one && (marks & (marks - 1))) ? 0 : w->n;
    if (many && w->n) spread_word(u, many, symbols, used, w);
}

size_t unigram_spell_avx512vbmi(const struct unigram *u, const struct unigram_blanks *b, struct unigram_spelled *words, size_t n_words,
                                uint16_t *to, size_t *used)
{
    uint8_t bytes[SPELL_BYTES + 64];
    n_words = join(u, words, n_words, bytes, used);
    symbols_of_all(u, b, bytes, *used, to);
    for (size_t k = 0; k < n_words; k++) look_at(u, b->one, to, used, &words[k]);
    return n_words;
}
#else
size_t unigram_spell_avx512vbmi(const struct unigram *u, const struct unigram_blanks *b, struct unigram_spelled *words, size_t n_words,
                                uint16_t *to, size_t *used)
{
    (void)u, (void)b, (void)words, (void)n_words, (void)to, (void)used;
    return 0;
}

size_t unigram_symbols_avx512vbmi(const struct unigram *u, const struct unigram_blanks *b, uint32_t refused, const uint8_t *p,
                                  size_t n, uint16_t *to, uint64_t *unknown)
{
    (void)u, (void)b, (void)refused, (void)p, (void)n, (void)to, (void)unknown;
    return 0;
}
#endif
