/* The best seeds of a unigram vocabulary, and which of them begin where. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/train_seed.h"

static float score_of(const struct seed_node *v)
{
    return (float)v->count * (float)v->len;
}

/* Orders as positive scores do. */
static uint32_t score_bits(const struct seed_node *v)
{
    float score = score_of(v);
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return bits;
}

/* Four symbols of a node; 0 behind its end. */
static uint64_t node_key(const struct seeds *s, const struct seed_node *v, size_t at)
{
    uint64_t key = 0;
    for (size_t i = at; i < at + 4; i++) key = key << 16 | (i < v->len ? s->text[v->pos + i] : 0u);
    return key;
}

/* By text: nodes of the same score and as many bytes, of which `at` symbols are equal. */
static void sort_equal(const struct seeds *s, const struct seed_node *v, struct sort_key *key, struct sort_key *tmp, size_t n,
                       size_t at)
{
    for (size_t i = 0; i < n; i++) key[i].key = node_key(s, &v[key[i].pos], at);
    sort_by_key(key, tmp, n);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && key[end].key == key[i].key; end++) {}
        if (end - i > 1 && (key[i].key & 0xFFFF)) sort_equal(s, v, key + i, tmp, end - i, at + 4);
    }
}

/* By score, then the longer in bytes first, then by text; the scores are positive. */
static bool sort_nodes(const struct seeds *s, struct seed_node *v, size_t n)
{
    struct sort_key *key = mem_alloc(n, 2 * sizeof *key);
    struct seed_node *sorted = mem_alloc(n, sizeof *sorted);
    bool ok = key && sorted;
    for (size_t i = 0; ok && i < n; i++)
        key[i] = (struct sort_key){(uint64_t)(UINT32_MAX - score_bits(&v[i])) << 16 | (uint16_t)(UINT16_MAX - v[i].bytes),
                                   (uint32_t)i};
    if (ok) sort_by_key(key, key + n, n);
    for (size_t i = 0, end; ok && i < n; i = end) {
        for (end = i + 1; end < n && key[end].key == key[i].key; end++) {}
        if (end - i > 1) sort_equal(s, v, key + i, key + n, end - i, 0);
    }
    for (size_t i = 0; ok && i < n; i++) sorted[i] = v[key[i].pos];
    if (ok) memcpy(v, sorted, n * sizeof *v);
    free(key);
    free(sorted);
    return ok;
}

/* The bits (above `low`, 16 of them) that the n-th highest score has, of those that have
 * `high` above those; *n: which of those it is. */
static uint32_t nth_bits(const struct seeds *s, size_t *n, int low, uint32_t high, size_t *count)
{
    memset(count, 0, 65536 * sizeof *count);
    for (uint32_t k = 1; k <= s->c->n_chars; k++)
        for (size_t i = 0; i < s->bucket[k].n; i++) {
            uint32_t bits = score_bits(&s->bucket[k].v[i]);
            if (low || bits >> 16 == high) count[bits >> low & 65535]++;
        }
    uint32_t at = 65535;
    for (; *n > count[at]; at--) *n -= count[at];
    return at;
}

/* The score that the n-th best node has, as its bits. */
static uint32_t nth_score(const struct seeds *s, size_t n, bool *oom)
{
    size_t *count = mem_alloc(65536, sizeof *count);
    *oom = !count;
    if (!count) return 0;
    uint32_t high = nth_bits(s, &n, 16, 0, count), low = nth_bits(s, &n, 0, high, count);
    free(count);
    return high << 16 | low;
}

int seeds_take_best(struct seeds *s, struct sp_pieces *out, struct err *e)
{
    size_t total = 0, n = 0;
    bool oom = false;
    for (uint32_t k = 1; k <= s->c->n_chars; k++) total += s->bucket[k].n;
    uint32_t least = total > s->r->n_seeds ? nth_score(s, s->r->n_seeds, &oom) : 0;
    struct seed_node *v = mem_alloc(total, sizeof *v);
    int ret = v && !oom ? 0 : err_oom(e, total * sizeof *v, "seeds");
    for (uint32_t k = 1; ret == 0 && k <= s->c->n_chars; k++)
        for (size_t i = 0; i < s->bucket[k].n; i++) {
            if (score_bits(&s->bucket[k].v[i]) < least) continue;
            v[n] = s->bucket[k].v[i];
            v[n++].piece = (uint32_t)i; /* where it is, while they are sorted */
        }
    if (ret == 0 && !sort_nodes(s, v, n)) ret = err_oom(e, n * 64, "seeds");
    if (n > s->r->n_seeds) n = s->r->n_seeds;
    for (size_t i = 0; ret == 0 && i < n; i++) {
        s->bucket[s->text[v[i].pos]].v[v[i].piece].piece = (uint32_t)out->n;
        if (!sp_pieces_add(out, s->text + v[i].pos, v[i].len, score_of(&v[i])))
            ret = err_oom(e, out->cap * sizeof *out->v, "seeds");
    }
    free(v);
    return ret;
}

/* From nodes to the pieces that some of them became. */
static uint32_t piece_of(const struct seed_bucket *b, uint32_t node)
{
    while (node != SP_NONE && b->v[node].piece == SP_NONE) node = b->v[node].parent;
    return node == SP_NONE ? SP_NONE : b->v[node].piece;
}

static void name_bucket(void *arg, int slice, int thread)
{
    (void)thread;
    struct seeds *s = arg;
    struct sp_starts *to = s->starts;
    uint32_t k = s->order[slice].pos;
    const struct seed_bucket *b = &s->bucket[k];
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i].piece != SP_NONE) to->shorter[b->v[i].piece] = piece_of(b, b->v[i].parent);
    for (size_t i = s->from[k]; i < s->from[k + 1]; i++) {
        uint32_t *longest = &to->longest[s->pos[i]];
        if (i + SEEDS_AHEAD < s->from[k + 1]) __builtin_prefetch(&to->longest[s->pos[i + SEEDS_AHEAD]], 1);
        *longest = piece_of(b, *longest);
    }
}

int seeds_name_starts(struct seeds *s, struct pool *pool, size_t n_pieces, struct err *e)
{
    struct sp_starts *to = s->starts;
    to->shorter = mem_alloc(n_pieces, sizeof *to->shorter);
    if (!to->shorter) return err_oom(e, n_pieces * sizeof *to->shorter, "seeds");
    for (size_t i = 0; i < n_pieces; i++) to->shorter[i] = SP_NONE;
    pool_run(pool, (int)s->c->n_chars, name_bucket, s);
    return 0;
}
