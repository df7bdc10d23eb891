/* Words of at most 31 symbols merged side by side, each in two registers or twice
 * two: the symbols, and the ranks of the pairs that they begin.  What a merge makes
 * superfluous is taken out, so that neighbours stay neighbours; no step depends on
 * a branch that would be guessed wrong, and the ranks of new pairs are asked for a
 * turn before they are looked up. */
#include "core/token/bpe_many.h"

#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)
#include <immintrin.h>
#include <stdbool.h>

enum { LANES = 16, HALF = 16, NONE = INT32_MAX, NEVER = (1 << BPE_ID_BITS) - 1 };
/* wide is a constant: more than 15 symbols, so that the second registers are used. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

struct lane {
    __m512i symbol[2], rank[2]; /* behind the last: NEVER, NONE; there always is one of these */
    uint64_t left, right;       /* keys of the pairs that the last merge made */
    uint32_t at;                /* where it was, as a bit; 0: there was none */
    struct bpe_job *job;
};

/* Numbers from `from` on. */
ALWAYS_INLINE __m512i count_from(int from)
{
    return _mm512_add_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                            _mm512_set1_epi32(from));
}

/* The ranks of the pairs of a word: of bytes from the small table. */
ALWAYS_INLINE void first_ranks(const struct bpe *b, struct lane *l, const struct bpe_job *j, bool wide)
{
    const __m512i none = _mm512_set1_epi32(NONE);
    uint32_t pairs = _bzhi_u32(UINT32_MAX, (unsigned)j->n) >> 1;
    if (!j->bytes || !b->byte_pair) {
        _Alignas(64) uint32_t rank[2 * HALF];
        for (size_t i = 0; i + 1 < j->n; i++) rank[i] = bpe_rank(b, j->ids[i], j->ids[i + 1]);
        for (int k = 0; k <= wide; k++)
            l->rank[k] = _mm512_min_epu32(
                _mm512_mask_load_epi32(none, (__mmask16)(pairs >> k * HALF), rank + k * HALF), none);
        return;
    }
    __m256i first = _mm256_maskz_loadu_epi8(pairs, j->bytes), second = _mm256_maskz_loadu_epi8(pairs, j->bytes + 1);
    for (int k = 0; k <= wide; k++) {
        __m128i x = k ? _mm256_extracti128_si256(first, 1) : _mm256_castsi256_si128(first);
        __m128i y = k ? _mm256_extracti128_si256(second, 1) : _mm256_castsi256_si128(second);
        __m512i two = _mm512_or_si512(_mm512_slli_epi32(_mm512_cvtepu8_epi32(x), 8), _mm512_cvtepu8_epi32(y));
        l->rank[k] = _mm512_mask_i32gather_epi32(none, (__mmask16)(pairs >> k * HALF), two, b->byte_pair, 4);
        l->rank[k] = _mm512_min_epu32(l->rank[k], none);
    }
}

ALWAYS_INLINE void start(const struct bpe *b, struct lane *l, struct bpe_job *j, bool wide)
{
    uint32_t all = _bzhi_u32(UINT32_MAX, (unsigned)j->n);
    first_ranks(b, l, j, wide);
    for (int k = 0; k <= wide; k++)
        l->symbol[k] = _mm512_mask_loadu_epi32(_mm512_set1_epi32(NEVER), (__mmask16)(all >> k * HALF), j->ids + k * HALF);
    l->left = l->right = 0;
    l->at = 0;
    l->job = j;
}

/* Takes number `at` out. */
ALWAYS_INLINE void take_out(__m512i x[2], __m512i at, __m512i fill, bool wide)
{
    __m512i i = count_from(0), k = count_from(HALF), one = _mm512_set1_epi32(1);
    i = _mm512_mask_add_epi32(i, _mm512_cmpge_epi32_mask(i, at), i, one);
    x[0] = _mm512_permutex2var_epi32(x[0], i, wide ? x[1] : fill);
    if (!wide) return;
    k = _mm512_mask_add_epi32(k, _mm512_cmpge_epi32_mask(k, at), k, one);
    x[1] = _mm512_permutex2var_epi32(x[1], _mm512_sub_epi32(k, _mm512_set1_epi32(HALF)), fill);
}

/* Number i; of -1 the last one. */
ALWAYS_INLINE int32_t number(const __m512i x[2], __m512i i, bool wide)
{
    __m512i y = wide ? _mm512_permutex2var_epi32(x[0], i, x[1]) : _mm512_permutexvar_epi32(i, x[0]);
    return _mm_cvtsi128_si32(_mm512_castsi512_si128(y));
}

/* One merge; false: there is none. */
ALWAYS_INLINE bool merge(const struct bpe *b, struct lane *l, bool wide)
{
    int32_t best = _mm512_reduce_min_epi32(wide ? _mm512_min_epi32(l->rank[0], l->rank[1]) : l->rank[0]);
    if (best == NONE) return false;
    const __m512i one = _mm512_set1_epi32(1);
    __m512i rank = _mm512_set1_epi32(best);
    uint32_t found = _mm512_cmpeq_epi32_mask(l->rank[0], rank);
    if (wide) found |= (uint32_t)_mm512_cmpeq_epi32_mask(l->rank[1], rank) << HALF;
    int32_t made = bpe_made(b, (uint32_t)best);
    uint32_t at = _blsi_u32(found);
    __m512i place = _mm512_set1_epi32((int32_t)_tzcnt_u32(at)), next = _mm512_add_epi32(place, one);
    take_out(l->rank, place, _mm512_set1_epi32(NONE), wide);
    take_out(l->symbol, next, _mm512_set1_epi32(NEVER), wide);
    l->symbol[0] = _mm512_mask_set1_epi32(l->symbol[0], (__mmask16)at, made);
    if (wide) l->symbol[1] = _mm512_mask_set1_epi32(l->symbol[1], (__mmask16)(at >> HALF), made);
    int32_t left = number(l->symbol, _mm512_sub_epi32(place, one), wide), right = number(l->symbol, next, wide);
    l->left = bpe_pair_key(left, made);
    l->right = bpe_pair_key(made, right);
    l->at = at;
    bpe_ask(b, left, made);
    bpe_ask(b, made, right);
    return true;
}

static inline __m256i slots_of(const struct bpe *b, uint64_t key)
{
    const uint64_t *s = &b->slots[bpe_first_place(key, b->bits)], *t = &b->slots[bpe_second_place(key, b->bits)];
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)s)),
                                   _mm_loadu_si128((const void *)t), 1);
}

/* The ranks of the two pairs that the last merge made. */
ALWAYS_INLINE void look_up(const struct bpe *b, struct lane *l, bool wide)
{
    __m512i slots = _mm512_inserti64x4(_mm512_castsi256_si512(slots_of(b, l->left)), slots_of(b, l->right), 1);
    __m512i keys = _mm512_inserti64x4(_mm512_set1_epi64((long long)l->left), _mm256_set1_epi64x((long long)l->right), 1);
    uint32_t hit = _mm512_cmpeq_epi64_mask(_mm512_srli_epi64(slots, BPE_ID_BITS), keys);
    __m512i x = _mm512_maskz_and_epi64((__mmask8)hit, slots, _mm512_set1_epi64(NEVER)); /* one of four at most */
    x = _mm512_or_si512(x, _mm512_shuffle_epi32(x, _MM_PERM_BADC));
    x = _mm512_or_si512(x, _mm512_shuffle_i64x2(x, x, _MM_SHUFFLE(2, 3, 0, 1)));
    int32_t left = _mm_cvtsi128_si32(_mm512_castsi512_si128(x)), right = _mm_cvtsi128_si32(_mm512_extracti32x4_epi32(x, 2));
    left = hit & 0x0F ? left : NONE;
    right = hit & 0xF0 ? right : NONE;
    for (int k = 0; k <= wide; k++) {
        l->rank[k] = _mm512_mask_set1_epi32(l->rank[k], (__mmask16)(l->at >> 1 >> k * HALF), left);
        l->rank[k] = _mm512_mask_set1_epi32(l->rank[k], (__mmask16)(l->at >> k * HALF), right);
    }
}

ALWAYS_INLINE void finish(struct lane *l, bool wide)
{
    __m512i never = _mm512_set1_epi32(NEVER);
    uint32_t there = _mm512_cmpneq_epi32_mask(l->symbol[0], never);
    if (wide) there |= (uint32_t)_mm512_cmpneq_epi32_mask(l->symbol[1], never) << HALF;
    for (int k = 0; k <= wide; k++)
        _mm512_mask_storeu_epi32(l->job->ids + k * HALF, (__mmask16)(there >> k * HALF), l->symbol[k]);
    l->job->n = (size_t)_mm_popcnt_u32(there);
}

ALWAYS_INLINE void run(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs, size_t above, size_t most, bool wide)
{
    struct lane lane[LANES], *work[LANES];
    size_t next = 0, n = 0;
    struct bpe_job *j;
    while (n < LANES && (j = bpe_next_job(jobs, n_jobs, &next, above, most))) {
        work[n] = &lane[n];
        start(b, work[n++], j, wide);
    }
    while (n) {
        for (size_t i = 0; i < n;) {
            if (merge(b, work[i], wide)) {
                i++;
                continue;
            }
            finish(work[i], wide);
            if ((j = bpe_next_job(jobs, n_jobs, &next, above, most))) start(b, work[i++], j, wide);
            else work[i] = work[--n];
        }
        for (size_t i = 0; i < n; i++) look_up(b, work[i], wide);
    }
}

void bpe_merge_many_avx512vbmi(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs)
{
    bool wide = false;
    for (size_t i = 0; i < n_jobs; i++) wide |= jobs[i].n >= HALF && jobs[i].n <= BPE_VECTOR_MAX;
    run(b, jobs, n_jobs, 1, HALF - 1, false);
    if (wide) run(b, jobs, n_jobs, HALF - 1, BPE_VECTOR_MAX, true);
}
#else
void bpe_merge_many_avx512vbmi(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs)
{
    bpe_merge_many_base(b, jobs, n_jobs, 1);
}
#endif
