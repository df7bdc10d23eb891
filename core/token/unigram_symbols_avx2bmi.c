/* The symbols of a short word, or of many words, with AVX2 and BMI: characters are found 64 bytes at a time and read one by one,
 * whatever their lengths, which could not be guessed. */
#include "core/token/halves.h"
#include "core/token/unigram.h"
#include "core/token/unigram_symbols_body.h"

/* Of 64 bytes of UTF-8, those that begin a character. */
HALVES_INLINE uint64_t first_of(struct halves x)
{
    const __m256i last = _mm256_set1_epi8(-65);
    return halves_mask((struct halves){_mm256_cmpgt_epi8(x.low, last), _mm256_cmpgt_epi8(x.high, last)});
}

/* By how many ones a character's first byte begins with: which bits of its first four bytes are its code point. */
static const uint32_t own_bits[33] = {0x7F000000, 0, 0x1F3F0000, 0x0F3F3F00, 0x073F3F3F};

/* The character at p, of which four bytes may be read. */
HALVES_INLINE uint32_t point_at(const uint8_t *p, unsigned *ones)
{
    uint32_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    bytes = __builtin_bswap32(bytes);
    *ones = _lzcnt_u32(~bytes);
    uint32_t cp = _pext_u32(bytes, own_bits[*ones]);
    return cp < UNIGRAM_CHARS ? cp : UNIGRAM_CHARS;
}

/* Which of 64 bytes are blanks. */
HALVES_INLINE uint64_t blanks_of(struct halves x, const uint8_t blank[4])
{
    struct halves is = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int i = 0; i < 4; i++) {
        __m256i c = _mm256_set1_epi8((char)blank[i]);
        is.low = _mm256_or_si256(is.low, _mm256_cmpeq_epi8(x.low, c));
        is.high = _mm256_or_si256(is.high, _mm256_cmpeq_epi8(x.high, c));
    }
    return halves_mask(is);
}

/* Characters of scripts that the vocabulary has nothing of. */
HALVES_INLINE uint64_t strange(const struct unigram *u, struct halves x, uint64_t first)
{
    struct halves is = halves_of_64(u->strange, x); /* by the lower 6 bits */
    return first & halves_mask(x) & ~halves_is(is, 0);
}

/* Which of to[0..n) have this in these bits. */
static uint64_t those_with(const uint16_t *to, size_t n, uint32_t bits, uint32_t symbol)
{
    uint64_t are = 0;
    for (size_t i = 0; i < n; i++) are |= (uint64_t)((to[i] & bits) == symbol) << i;
    return are;
}

size_t unigram_symbols_avx2bmi(const struct unigram *u, const struct unigram_blanks *b, uint32_t refused, const uint8_t *p, size_t n,
                               uint16_t *to, uint64_t *unknown)
{
    uint8_t bytes[64 + sizeof(uint32_t)];
    if (n > 64) return 0;
    const struct halves x = halves_load_some(p, n);
    halves_store(bytes, x);
    const uint64_t all = halves_below(n);
    uint64_t first = first_of(x) & all, blank = blanks_of(x, b->blank) & all, none = 0;
    size_t count = (size_t)_mm_popcnt_u64(first);
    uint32_t marks = (uint32_t)_pext_u64(blank, first), any = 0;
    *unknown = 0;
    if (b->one && (marks & (marks - 1)) && is_run(u, b->blank, marks)) {
        size_t more = (size_t)_mm_popcnt_u32(marks) - 1;
        first &= ~(uint64_t)0 << more;
        count -= more;
        marks = 1;
    }
    if (count > 32 || (b->one && (marks & (marks - 1)))) return 0;
    uint64_t unusual = u->some_strange && !refused ? strange(u, x, first) : 0;
    if (unusual && _mm_popcnt_u64(first & ~unusual) <= 3) return mostly_strange(u, p, n, first, first & ~unusual, blank, to, unknown);
    uint64_t left = first;
    for (size_t i = 0; i < count; i++, left &= left - 1) {
        unsigned ones;
        uint32_t s = u->symbol[point_at(bytes + _tzcnt_u64(left), &ones)];
        to[i] = (uint16_t)s;
        any |= s;
        none |= (uint64_t)(s == 0) << i;
        *unknown |= (uint64_t)(s == u->unknown) << i;
    }
    if (none & ~(uint64_t)marks) return 0;
    *unknown &= ~none;
    for (; none; none &= none - 1) to[_tzcnt_u64(none)] = u->mark;
    if (refused && those_with(to, count, 0xFFFF, refused)) return 0;
    if (!(any & UNIGRAM_MANY)) return count;
    return refused ? 0 : spread(u, p, first, (uint32_t)those_with(to, count, UNIGRAM_MANY, UNIGRAM_MANY), count, to, unknown);
}

/* ---- many words ---- */

enum { SPELL_BYTES = 4 * UNIGRAM_SPELL };

/* Whether a piece that rules leave alone may begin in p[0..n). */
static __attribute__((noinline)) bool may_be_kept(const struct unigram *u, const uint8_t *p, size_t n)
{
    bool may = false;
    for (size_t i = 0; i < n; i++) may |= p[i] < 0x80 ? u->kept_first[p[i]] : u->kept_high;
    return may;
}

/* The bytes of a word, of which `room` may be read, to `to`, and up to 31 more; how many characters there are. */
HALVES_INLINE size_t take_bytes(const uint8_t *p, size_t n, size_t room, uint8_t *to)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i += 32) {
        size_t here = n - i < 32 ? n - i : 32;
        __m256i x = room - i >= 32 ? _mm256_loadu_si256((const __m256i *)(const void *)(p + i)) : halves_load_some(p + i, here).low;
        _mm256_storeu_si256((__m256i *)(void *)(to + i), x);
        uint32_t first = (uint32_t)_mm256_movemask_epi8(_mm256_cmpgt_epi8(x, _mm256_set1_epi8(-65)));
        count += (size_t)_mm_popcnt_u32(_bzhi_u32(first, (unsigned)here));
    }
    return count;
}

/* The bytes of words one behind the other, and how many characters each has; returns how many words had room.  Words are of one
 * text, in its order: nothing is read behind the last of them. */
static size_t join(const struct unigram *u, struct unigram_spelled *words, size_t n_words, uint8_t bytes[SPELL_BYTES + 128], size_t *n_chars)
{
    size_t chars = 0, used = 0, k = 0;
    const uint8_t *end = n_words ? words[n_words - 1].text + words[n_words - 1].len : NULL;
    for (; k < n_words; k++) {
        struct unigram_spelled *w = &words[k];
        size_t len = w->len <= 4 * UNIGRAM_SPELL_MOST ? w->len : 0;
        if (chars + UNIGRAM_SPELL_MOST > UNIGRAM_SPELL || used + 4 * UNIGRAM_SPELL_MOST > SPELL_BYTES) break;
        size_t count = take_bytes(w->text, len, (size_t)(end - w->text), bytes + used);
        if (u->kept && may_be_kept(u, w->text, len)) count = UNIGRAM_SPELL_MOST + 1;
        w->at = (uint16_t)chars;
        w->n = (uint16_t)(count <= UNIGRAM_SPELL_MOST ? count : 0);
        chars += w->n;
        used += w->n ? len : 0;
    }
    memset(bytes + used, 0, 128);
    *n_chars = chars;
    return k;
}

/* The symbols of ASCII where a blank may be U+2581, or one with another. */
static void spell_blanks(const struct unigram *u, const struct unigram_blanks *b, uint16_t ascii[128])
{
    memcpy(ascii, u->symbol, 128 * sizeof *ascii);
    for (int i = 0; i < 4; i++) ascii[b->blank[i]] = !u->symbol[b->blank[i]] ? u->mark : b->one ? 0 : u->symbol[b->blank[i]];
}

/* The symbols of that, 16 characters at a time: all of those that begin in 64 bytes end there. */
static void symbols_of_all(const struct unigram *u, const struct unigram_blanks *b, const uint8_t *bytes, size_t n_chars, uint16_t *to)
{
    uint16_t ascii[128];
    spell_blanks(u, b, ascii);
    const uint16_t *const table[2] = {ascii, u->symbol};
    for (size_t done = 0; done < n_chars; done += 16, to += 16) {
        if (!_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)bytes))) {
            for (size_t i = 0; i < 16; i++) to[i] = ascii[bytes[i]];
            bytes += 16;
            continue;
        }
        uint64_t first = first_of(halves_load(bytes));
        for (size_t i = 0; i < 16; i++, first &= first - 1) {
            unsigned ones;
            uint32_t cp = point_at(bytes + _tzcnt_u64(first), &ones);
            to[i] = table[ones > 0][cp];
        }
        bytes += first ? _tzcnt_u64(first) : 64;
    }
}

/* The bits of 16 symbols in two vectors. */
HALVES_INLINE uint32_t bits_of_two(__m256i a, __m256i b)
{
    return (uint32_t)_mm256_movemask_epi8(_mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xD8));
}

/* Which of a word's symbols are unknown; it has none if some are not certain. */
HALVES_INLINE void look_at(const struct unigram *u, bool one, uint16_t *symbols, size_t *used, struct unigram_spelled *w)
{
    const __m256i is_unknown = _mm256_set1_epi16((short)u->unknown), is_mark = _mm256_set1_epi16((short)u->mark);
    uint64_t unknown = 0, marks = 0, many = 0, odd = 0;
    for (unsigned i = 0; i < w->n; i += 16) {
        __m256i s = _mm256_loadu_si256((const __m256i *)(const void *)(symbols + w->at + i));
        uint32_t a = bits_of_two(_mm256_cmpeq_epi16(s, is_unknown), _mm256_cmpeq_epi16(s, is_mark));
        uint32_t c = bits_of_two(_mm256_srai_epi16(s, 15), _mm256_cmpeq_epi16(s, _mm256_setzero_si256()));
        unknown |= (uint64_t)(a & 0xFFFF) << i;
        marks |= (uint64_t)(a >> 16) << i;
        many |= (uint64_t)(c & 0xFFFF) << i;
        odd |= (uint64_t)(c >> 16) << i;
    }
    const uint64_t there = halves_below(w->n);
    w->unknown = unknown & there;
    marks &= there;
    w->n = odd & there || (one && (marks & (marks - 1))) ? 0 : w->n;
    if (many & there && w->n) spread_word(u, many & there, symbols, used, w);
}

size_t unigram_spell_avx2bmi(const struct unigram *u, const struct unigram_blanks *b, struct unigram_spelled *words, size_t n_words,
                             uint16_t *to, size_t *used)
{
    uint8_t bytes[SPELL_BYTES + 128];
    n_words = join(u, words, n_words, bytes, used);
    symbols_of_all(u, b, bytes, *used, to);
    for (size_t k = 0; k < n_words; k++) look_at(u, b->one, to, used, &words[k]);
    return n_words;
}
