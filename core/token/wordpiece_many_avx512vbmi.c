/* The same with AVX-512: 32 words of about the same length in two registers of
 * lanes.  Tokens are written down with the lane that they belong to as they are
 * found, and sorted out at the end. */
#include "core/token/wordpiece_many.h"

#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)
#include <immintrin.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))
enum { LANES = 16, GROUP = 2 * LANES, BYTES = 16, FEW = 8 };

/* What is found, in order: a token, and whose. */
struct found {
    int32_t id[GROUP * WORDPIECE_BYTES + LANES];
    uint32_t lane[GROUP * WORDPIECE_BYTES + LANES];
    size_t n;
};

struct lanes {
    __m512i text[4];    /* BYTES of each word, or none: they are far */
    __m512i pos, end;   /* in that: of the next byte, of the word */
    __m512i link;       /* of the node that the bytes before led to */
    __m512i id, id_end; /* the longest token so far, -1, and its end */
    __m512i lane;
    __mmask16 on, lost; /* not at their ends; lost: without tokens */
};

ALWAYS_INLINE void keep(struct found *f, const struct lanes *l, __mmask16 which)
{
    _mm512_storeu_si512(f->id + f->n, _mm512_maskz_compress_epi32(which, l->id));
    _mm512_storeu_si512(f->lane + f->n, _mm512_maskz_compress_epi32(which, l->lane));
    f->n += (size_t)_mm_popcnt_u32(which);
}

/* The next byte of each word. */
ALWAYS_INLINE __m512i next_bytes(const struct lanes *l, const uint8_t *far)
{
    __m512i c;
    if (far) c = _mm512_i32gather_epi32(l->pos, far, 1);
    else c = _mm512_mask_mov_epi32(_mm512_permutex2var_epi8(l->text[0], l->pos, l->text[1]), 0xFF00,
                                   _mm512_permutex2var_epi8(l->text[2], l->pos, l->text[3]));
    return _mm512_and_si512(c, _mm512_set1_epi32(255));
}

/* A byte of each word that is on. */
ALWAYS_INLINE void step(const struct wordpiece_many *m, struct lanes *l, const uint8_t *far, struct found *f)
{
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i none = _mm512_set1_epi32(-1), zero = _mm512_setzero_si512(), label = _mm512_set1_epi32(511);
    const struct trie_unit *unit = m->trie->unit;
    __m512i c = next_bytes(l, far);
    __m512i to = _mm512_xor_si512(_mm512_srli_epi32(l->link, 9), c);
    __m512i low = _mm512_i32gather_epi64(_mm512_castsi512_si256(to), unit, sizeof *unit);
    __m512i high = _mm512_i32gather_epi64(_mm512_extracti64x4_epi64(to, 1), unit, sizeof *unit);
    __m512i link = _mm512_permutex2var_epi32(low, even, high);
    __m512i value = _mm512_permutex2var_epi32(low, _mm512_add_epi32(even, _mm512_set1_epi32(1)), high);
    __mmask16 there = _mm512_mask_cmpeq_epi32_mask(_mm512_test_epi32_mask(to, to), _mm512_and_si512(link, label), c);
    l->pos = _mm512_mask_add_epi32(l->pos, there, l->pos, _mm512_set1_epi32(1));
    __mmask16 token = _mm512_mask_cmpge_epi32_mask(there, value, zero);
    l->id = _mm512_mask_mov_epi32(l->id, token, value);
    l->id_end = _mm512_mask_mov_epi32(l->id_end, token, l->pos);
    /* The longest is found where the byte, the word or the trie ends (base 0: no children). */
    __mmask16 ends = _mm512_testn_epi32_mask(link, _mm512_set1_epi32(~511)) | _mm512_cmpeq_epi32_mask(l->pos, l->end);
    __mmask16 over = l->on & ((__mmask16)~there | ends), bad = _mm512_mask_cmplt_epi32_mask(over, l->id, zero);
    keep(f, l, over & (__mmask16)~bad);
    l->lost |= bad;
    l->on &= (__mmask16)~(bad | _mm512_mask_cmpeq_epi32_mask(over, l->id_end, l->end));
    l->pos = _mm512_mask_mov_epi32(l->pos, over, l->id_end);
    l->link = _mm512_mask_mov_epi32(link, over, _mm512_set1_epi32((int)unit[m->continuing].link));
    l->id = _mm512_mask_mov_epi32(l->id, over, none);
}

/* Words first, first + 1 ... of the group's `count`. */
ALWAYS_INLINE struct lanes start(const struct wordpiece_many *m, const uint8_t *text, const uint8_t *len, size_t stride, size_t first,
                                 size_t count)
{
    const __m512i iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i lane = _mm512_add_epi32(iota, _mm512_set1_epi32((int)first));
    __m512i pos = _mm512_mullo_epi32(stride == BYTES ? iota : lane, _mm512_set1_epi32((int)stride));
    struct lanes l = {.pos = pos, .id_end = pos, .link = _mm512_set1_epi32((int)m->trie->unit[0].link), .id = _mm512_set1_epi32(-1),
                      .lane = lane, .on = (__mmask16)(_bzhi_u32(UINT32_MAX, (unsigned)count) >> first)};
    for (size_t k = 0; k < 4 && stride == BYTES; k++) l.text[k] = _mm512_load_si512(text + first * BYTES + k * 64);
    l.end = _mm512_add_epi32(pos, _mm512_cvtepu8_epi32(_mm_load_si128((const void *)(len + first))));
    return l;
}

/* Words which[0..count), of up to `stride` bytes. */
ALWAYS_INLINE void group(struct wordpiece_many *m, const uint16_t *which, size_t count, size_t stride)
{
    struct found f;
    _Alignas(64) uint8_t text[GROUP * WORDPIECE_BYTES + 4], len[GROUP];
    int32_t *to[GROUP];
    for (size_t k = 0; k < GROUP; k++) {
        size_t i = which[k < count ? k : 0];
        len[k] = m->len[i];
        to[k] = m->id + m->from[i];
        if (stride == BYTES)
            _mm_store_si128((void *)(text + k * stride), _mm_maskz_loadu_epi8((__mmask16)_bzhi_u32(0xFFFF, len[k]), m->word[i]));
        else
            _mm512_store_si512(text + k * stride, _mm512_maskz_loadu_epi8(_bzhi_u64(~(uint64_t)0, len[k]), m->word[i]));
    }
    struct lanes a = start(m, text, len, stride, 0, count), b = start(m, text, len, stride, LANES, count);
    const uint8_t *far = stride == BYTES ? NULL : text;
    f.n = 0;
    while (a.on && b.on) {
        step(m, &a, far, &f);
        step(m, &b, far, &f);
    }
    while (a.on) step(m, &a, far, &f);
    while (b.on) step(m, &b, far, &f);
    for (size_t i = 0; i < f.n; i++) *to[f.lane[i]]++ = f.id[i];
    uint32_t lost = a.lost | (uint32_t)b.lost << LANES;
    for (size_t k = 0; k < count; k++)
        m->n_ids[which[k]] = (uint8_t)(lost >> k & 1 ? 0 : to[k] - (m->id + m->from[which[k]]));
}

static void group_short(struct wordpiece_many *m, const uint16_t *which, size_t count)
{
    group(m, which, count, BYTES);
}

static void group_long(struct wordpiece_many *m, const uint16_t *which, size_t count)
{
    group(m, which, count, WORDPIECE_BYTES);
}

/* Words of about the same length together, the longest first. */
void wordpiece_many_avx512vbmi(struct wordpiece_many *m)
{
    uint16_t order[WORDPIECE_MANY], place[WORDPIECE_BYTES + 2] = {0};
    if (m->n < FEW) {
        wordpiece_many_base(m);
        return;
    }
    for (size_t i = 0; i < m->n; i++) place[WORDPIECE_BYTES - m->len[i] + 1]++;
    for (size_t n = 1; n <= WORDPIECE_BYTES; n++) place[n] = (uint16_t)(place[n] + place[n - 1]);
    for (size_t i = 0; i < m->n; i++) order[place[WORDPIECE_BYTES - m->len[i]]++] = (uint16_t)i;
    for (size_t i = 0; i < m->n; i += GROUP)
        (m->len[order[i]] > BYTES ? group_long : group_short)(m, order + i, m->n - i < GROUP ? m->n - i : GROUP);
}
#else
void wordpiece_many_avx512vbmi(struct wordpiece_many *m)
{
    wordpiece_many_base(m);
}
#endif
