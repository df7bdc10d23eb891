/* The same with AVX2: 16 words of about the same length in two registers of lanes, those of up to 16 or 32 bytes.  Tokens are
 * written down with the lane that they belong to as they are found, and sorted out at the end. */
#include "core/token/wordpiece_many.h"

#if defined(__AVX2__) && defined(__BMI2__)
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))
enum { LANES = 8, GROUP = 2 * LANES, BYTES = 16, LONGEST = 2 * BYTES, FEW = 8 };

/* What is found, in order: a token, and whose. */
struct found {
    int32_t id[GROUP * LONGEST + LANES];
    uint8_t lane[GROUP * LONGEST + LANES];
    size_t n;
};

struct lanes {
    __m256i text[2][4]; /* the words, 16 bytes of each: of lanes 0 and 4, 1 and 5 ...; where some have more, the others, too */
    __m256i pos, end;   /* of the next byte, of the word */
    __m256i base;       /* of the node that the bytes before led to */
    __m256i id, id_end; /* the longest token so far, -1, and its end */
    __m256i on, lost;   /* -1: not at their ends; the highest bit: without tokens */
};

/* a where the highest bit of `which` is not set, else b. */
ALWAYS_INLINE __m256i blend(__m256i a, __m256i b, __m256i which)
{
    return _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), _mm256_castsi256_ps(which)));
}

ALWAYS_INLINE uint32_t mask_of(__m256i which)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(which));
}

/* The ids in those lanes, which are `first` and so on. */
ALWAYS_INLINE void keep(struct found *f, __m256i id, __m256i which, unsigned first)
{
    uint32_t mask = mask_of(which);
    uint64_t lane = _pext_u64(0x0706050403020100, _pdep_u64(mask, 0x0101010101010101) * 255);
    __m256i at = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)lane));
    _mm256_storeu_si256((void *)(f->id + f->n), _mm256_permutevar8x32_epi32(id, at));
    lane += first * 0x0101010101010101;
    memcpy(f->lane + f->n, &lane, sizeof lane);
    f->n += (size_t)_mm_popcnt_u32(mask);
}

/* Of each word the byte at `at`, in the lowest of its lane, or 0 where that is 128 and more: two of a register's go to two lanes. */
ALWAYS_INLINE __m256i bytes_at(const __m256i text[4], __m256i at)
{
    const int none = (int)0x80808080, one = (int)0x80808000;
    __m256i a = _mm256_or_si256(at, _mm256_setr_epi32(one, none, none, none, one, none, none, none));
    __m256i b = _mm256_or_si256(at, _mm256_setr_epi32(none, one, none, none, none, one, none, none));
    __m256i c = _mm256_or_si256(at, _mm256_setr_epi32(none, none, one, none, none, none, one, none));
    __m256i d = _mm256_or_si256(at, _mm256_setr_epi32(none, none, none, one, none, none, none, one));
    a = _mm256_or_si256(_mm256_shuffle_epi8(text[0], a), _mm256_shuffle_epi8(text[1], b));
    c = _mm256_or_si256(_mm256_shuffle_epi8(text[2], c), _mm256_shuffle_epi8(text[3], d));
    return _mm256_or_si256(a, c);
}

ALWAYS_INLINE __m256i next_bytes(const struct lanes *l, bool all_short)
{
    if (all_short) return bytes_at(l->text[0], l->pos);
    __m256i first = bytes_at(l->text[0], _mm256_add_epi32(l->pos, _mm256_set1_epi32(128 - BYTES)));
    return _mm256_or_si256(first, bytes_at(l->text[1], _mm256_add_epi32(l->pos, _mm256_set1_epi32(256 - BYTES))));
}

ALWAYS_INLINE __m128i two_units(const struct trie_unit *unit, uint64_t which)
{
    __m128i first = _mm_loadl_epi64((const void *)&unit[(uint32_t)which]);
    return _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(first), (const void *)&unit[which >> 32]));
}

/* The units at `to`: their links and values.  Gathers take longer. */
ALWAYS_INLINE void units_at(const struct trie_unit *unit, __m256i to, __m256i *link, __m256i *value)
{
    __m128i low = _mm256_castsi256_si128(to), high = _mm256_extracti128_si256(to, 1);
    __m128i a = two_units(unit, (uint64_t)_mm_cvtsi128_si64(low)), b = two_units(unit, (uint64_t)_mm_extract_epi64(low, 1));
    __m128i c = two_units(unit, (uint64_t)_mm_cvtsi128_si64(high)), d = two_units(unit, (uint64_t)_mm_extract_epi64(high, 1));
    __m256 even = _mm256_castsi256_ps(_mm256_set_m128i(c, a)), odd = _mm256_castsi256_ps(_mm256_set_m128i(d, b));
    *link = _mm256_castps_si256(_mm256_shuffle_ps(even, odd, 0x88));
    *value = _mm256_castps_si256(_mm256_shuffle_ps(even, odd, 0xDD));
}

/* A byte of each word that is on. */
ALWAYS_INLINE void step(const struct trie_unit *unit, __m256i continuing, struct lanes *l, bool all_short, unsigned first, struct found *f)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i c = next_bytes(l, all_short), link, value;
    units_at(unit, _mm256_xor_si256(l->base, c), &link, &value);
    link = _mm256_xor_si256(link, c); /* whose label is 0 where it is that byte */
    __m256i there = _mm256_and_si256(l->on, _mm256_cmpeq_epi32(_mm256_and_si256(link, _mm256_set1_epi32(511)), zero));
    __m256i base = _mm256_srli_epi32(link, 9), pos = _mm256_sub_epi32(l->pos, there), token = _mm256_andnot_si256(value, there);
    __m256i id = blend(l->id, value, token), id_end = blend(l->id_end, pos, token);
    /* The longest is found where the byte, the word or the trie ends (base 0: no children). */
    __m256i ends = _mm256_or_si256(_mm256_cmpeq_epi32(base, zero), _mm256_cmpeq_epi32(pos, l->end));
    __m256i goes_on = _mm256_andnot_si256(ends, there), over = _mm256_andnot_si256(goes_on, l->on);
    keep(f, id, _mm256_andnot_si256(id, over), first);
    l->lost = _mm256_or_si256(l->lost, _mm256_and_si256(id, over));
    __m256i done = _mm256_or_si256(_mm256_srai_epi32(id, 31), _mm256_cmpeq_epi32(id_end, l->end));
    l->on = _mm256_andnot_si256(_mm256_and_si256(done, over), l->on);
    l->pos = blend(id_end, pos, goes_on);
    l->base = blend(continuing, base, goes_on);
    l->id = blend(_mm256_set1_epi32(-1), id, goes_on);
    l->id_end = id_end;
}

/* Words `first` and so on of the group's `count`. */
ALWAYS_INLINE struct lanes start(const struct wordpiece_many *m, const uint16_t *which, bool all_short, unsigned first, size_t count)
{
    uint32_t len[LANES];
    __m128i word[2][LANES];
    for (size_t k = 0; k < LANES; k++) {
        size_t i = which[first + k < count ? first + k : 0];
        len[k] = m->len[i];
        word[0][k] = _mm_loadu_si128((const void *)m->word[i]);
        if (!all_short) word[1][k] = _mm_loadu_si128((const void *)(m->word[i] + BYTES));
    }
    struct lanes l; /* not all of it is set, which would take as long as a few steps */
    l.pos = l.id_end = l.lost = _mm256_setzero_si256();
    l.end = _mm256_loadu_si256((const void *)len);
    l.base = _mm256_set1_epi32((int)(m->trie->unit[0].link >> 9));
    l.id = _mm256_set1_epi32(-1);
    for (size_t part = 0; part < 2 - (size_t)all_short; part++)
        for (size_t k = 0; k < 4; k++) l.text[part][k] = _mm256_set_m128i(word[part][k + 4], word[part][k]);
    l.on = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count - (int)first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return l;
}

/* Words which[0..count). */
ALWAYS_INLINE void group(struct wordpiece_many *m, const uint16_t *which, size_t count, bool all_short)
{
    struct found f;
    int32_t *to[GROUP];
    const struct trie_unit *unit = m->trie->unit;
    __m256i continuing = _mm256_set1_epi32((int)(unit[m->continuing].link >> 9));
    struct lanes a = start(m, which, all_short, 0, count), b = start(m, which, all_short, LANES, count);
    for (f.n = 0; mask_of(_mm256_or_si256(a.on, b.on));) {
        step(unit, continuing, &a, all_short, 0, &f);
        step(unit, continuing, &b, all_short, LANES, &f);
    }
    for (size_t k = 0; k < GROUP; k++) to[k] = m->id + m->from[which[k < count ? k : 0]];
    for (size_t i = 0; i < f.n; i++) *to[f.lane[i]]++ = f.id[i];
    uint32_t lost = mask_of(a.lost) | mask_of(b.lost) << LANES;
    for (size_t k = 0; k < count; k++)
        m->n_ids[which[k]] = (uint8_t)(lost >> k & 1 ? 0 : to[k] - (m->id + m->from[which[k]]));
}

static void group_short(struct wordpiece_many *m, const uint16_t *which, size_t count)
{
    group(m, which, count, true);
}

static void group_long(struct wordpiece_many *m, const uint16_t *which, size_t count)
{
    group(m, which, count, false);
}

/* Words of about the same length together, the longest first; those of more bytes alone. */
void wordpiece_many_avx2bmi(struct wordpiece_many *m)
{
    const struct trie_unit *unit = m->trie->unit;
    uint16_t order[WORDPIECE_MANY], place[LONGEST + 1] = {0};
    if (m->n < FEW || unit[0].link >> 9 == 0 || unit[m->continuing].link >> 9 == 0) {
        wordpiece_many_base(m);
        return;
    }
    for (size_t i = 0; i < m->n; i++)
        if (m->len[i] <= LONGEST) place[LONGEST - m->len[i] + 1]++; /* none has 0 */
    for (size_t n = 1; n <= LONGEST; n++) place[n] = (uint16_t)(place[n] + place[n - 1]);
    size_t count = place[LONGEST];
    for (size_t i = 0; i < m->n; i++) {
        if (m->len[i] <= LONGEST) order[place[LONGEST - m->len[i]]++] = (uint16_t)i;
        else m->n_ids[i] = (uint8_t)wordpiece_ids(m->trie, m->continuing, m->word[i], m->len[i], m->id + m->from[i]);
    }
    for (size_t i = 0; i < count; i += GROUP)
        (m->len[order[i]] > BYTES ? group_long : group_short)(m, order + i, count - i < GROUP ? count - i : GROUP);
}
#else
void wordpiece_many_avx2bmi(struct wordpiece_many *m)
{
    wordpiece_many_base(m);
}
#endif
