/* Seeds of a unigram vocabulary: the substrings of words that are followed by
 * at least two different characters, scored by how much text they cover.
 *
 * In the suffixes of all words in sorted order such a substring is an interval
 * of common prefixes (arXiv:1610.07446 calls them maximal repeats to the
 * right).  Only max_len + 1 symbols of a suffix matter, and each distinct word
 * stands for all its occurrences: what follows it is either the next word's
 * U+2581 or the end of the sentence, so both kinds have their own suffixes.
 * SentencePiece (0.2.3) takes the suffixes of bytes; where that shows, so do we.
 * Suffixes with the same first symbol are sorted by one thread. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/token/train_seed.h"

/* Suffixes (their number) and nodes (NODE | number) that no longer node has taken yet. */
#define NODE 0x80000000u
struct orphans {
    uint32_t *v;
    size_t n;
};

/* Where the word that holds this position ends, or `most` if that is as far. */
static size_t end_from(const struct seeds *s, size_t pos, size_t most)
{
    uint64_t bits = s->ends[pos / 64] >> pos % 64;
    size_t n = 0;
    if (!bits) {
        for (n = 64 - pos % 64; n < most && !(bits = s->ends[(pos + n) / 64]);) n += 64;
        if (n >= most) return most;
    }
    n += (size_t)__builtin_ctzll(bits);
    return n < most ? n : most;
}

static bool is_end(const struct seeds *s, size_t pos)
{
    return s->ends[pos / 64] >> pos % 64 & 1;
}

static bool ends_within(const struct seeds *s, size_t pos, size_t n)
{
    return end_from(s, pos, n) < n;
}

/* The word that holds this position. */
static uint32_t part_at(const struct seeds *s, size_t pos)
{
    uint64_t bits = s->ends[pos / 64] & (((uint64_t)1 << pos % 64) - 1);
    return s->before[pos / 64] + (uint32_t)__builtin_popcountll(bits);
}

/* Four symbols, the first highest. */
static inline uint64_t four_symbols(const uint16_t *text)
{
    uint64_t x;
    memcpy(&x, text, sizeof x);
    x = __builtin_bswap64(x);
    return (x & 0x00FF00FF00FF00FF) << 8 | (x >> 8 & 0x00FF00FF00FF00FF);
}

static uint64_t key_at(const struct seeds *s, size_t pos)
{
    uint64_t key = four_symbols(s->text + pos);
    size_t last = end_from(s, pos, 3); /* what follows a word comes last in it */
    return key >> (3 - last) * 16 << (3 - last) * 16;
}

/* Sorts by up to max_len + 1 symbols; `depth` of them are equal already. */
static void sort_suffixes(const struct seeds *s, struct sort_key *v, struct sort_key *tmp, size_t n, size_t depth)
{
    for (size_t i = 0; i < n; i++) {
        if (i + SEEDS_AHEAD < n) __builtin_prefetch(&s->text[v[i + SEEDS_AHEAD].pos + depth]);
        v[i].key = key_at(s, v[i].pos + depth);
    }
    sort_by_key(v, tmp, n);
    if (depth + 4 > (size_t)s->r->max_len) return;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && v[end].key == v[i].key; end++) {}
        if (end - i > 1 && !ends_within(s, v[i].pos + depth, 4))
            sort_suffixes(s, v + i, tmp, end - i, depth + 4);
    }
}

/* Symbols that two suffixes have in common, what follows the word included,
 * times 4, plus the bytes that the symbols after them have in common: by bytes
 * a substring is one only where the next bytes differ. */
static uint32_t common(const struct seeds *s, size_t a, size_t b)
{
    size_t most = (size_t)s->r->max_len + 1, n = 0;
    uint64_t x;
    while ((x = four_symbols(s->text + a + n) ^ four_symbols(s->text + b + n)) == 0 && n < most) n += 4;
    if (x) n += (size_t)__builtin_clzll(x) / 16;
    if (n > most) n = most;
    size_t end_a = end_from(s, a, n), end_b = end_from(s, b, n);
    if (end_a != end_b) return 4 * (uint32_t)(end_a < end_b ? end_a : end_b);
    if (end_a < n) return 4 * (uint32_t)(end_a + 1);
    if (n == most) return 4 * (uint32_t)n;
    unsigned bytes = (unsigned)__builtin_clz(s->utf8[s->text[a + n]] ^ s->utf8[s->text[b + n]]) / 8;
    return 4 * (uint32_t)n + (bytes < 3 ? bytes : 3);
}

static uint16_t bytes_of(const struct seeds *s, uint32_t pos, uint32_t len)
{
    char bytes[4];
    int n = 0;
    for (uint32_t i = 0; i < len; i++) n += utf8_encode(s->c->cp[s->text[pos + i]], bytes);
    return (uint16_t)n;
}

/* The number of a new node, or SP_NONE. */
static uint32_t emit(const struct seeds *s, struct seed_bucket *b, uint32_t pos, uint32_t len, uint64_t count)
{
    if (len < 2 || len > (uint32_t)s->r->max_len || count < 2 ||
        ends_within(s, pos, len) || !sp_valid(s->c, s->r, s->text + pos, len))
        return SP_NONE;
    if (!mem_room(&b->v, &b->cap, b->n + 1, sizeof *b->v)) {
        b->oom = true;
        return SP_NONE;
    }
    b->v[b->n] = (struct seed_node){count, pos, (uint16_t)len, bytes_of(s, pos, len), SP_NONE, SP_NONE};
    return (uint32_t)b->n++;
}

/* What has come since `from` and belongs to no longer node belongs to this one. */
static void adopt(const struct seeds *s, struct seed_bucket *b, const struct sort_key *v, struct orphans *o, size_t from,
                  uint32_t node)
{
    for (size_t i = from; i < o->n; i++) {
        if (o->v[i] == (NODE | node)) continue;
        if (o->v[i] & NODE) b->v[o->v[i] & ~NODE].parent = node;
        else s->starts->longest[v[o->v[i]].pos] = node;
    }
    o->n = from;
    o->v[o->n++] = NODE | node;
}

/* Suffixes that begin alike, by how many symbols and bytes (common()). */
struct interval {
    uint32_t depth;
    uint16_t follow; /* what follows their words, if those end sentences */
    size_t left, orphans;
    uint64_t before; /* that are less */
};

/* Their common text becomes a node, if it may.  A text that ends sentences counts once more if different
 * things come next: the original takes what is before the end of the sentence for another of its substrings. */
static void take_interval(const struct seeds *s, struct seed_bucket *b, const struct sort_key *v, struct orphans *o,
                          const struct interval *t, uint64_t count)
{
    uint32_t pos = v[t->left].pos, len = t->depth / 4;
    if (t->depth % 4) return;
    if (is_end(s, pos + len - 1)) {
        if (s->text[pos + --len] || t->follow != SP_FOLLOW_MANY) return;
    } else if (o->v[t->orphans] & NODE && b->v[o->v[t->orphans] & ~NODE].len == len) {
        b->v[o->v[t->orphans] & ~NODE].count += count; /* the same text at the end of sentences, which comes first */
        adopt(s, b, v, o, t->orphans, o->v[t->orphans] & ~NODE);
        return;
    }
    uint32_t node = emit(s, b, pos, len, count);
    if (node != SP_NONE) adopt(s, b, v, o, t->orphans, node);
}

/* A suffix by itself: does a word end sentences in different company? */
static void take_alone(const struct seeds *s, struct seed_bucket *b, const struct sort_key *v, struct orphans *o,
                       const struct interval *t, uint32_t before, uint64_t count)
{
    if (t->follow != SP_FOLLOW_MANY || count < 2) return;
    struct interval whole = *t;
    whole.depth = 4 * (uint32_t)(end_from(s, v[t->left].pos, (size_t)s->r->max_len + 1) + 1);
    if (before < whole.depth && t->depth < whole.depth && is_end(s, v[t->left].pos + whole.depth / 4 - 1))
        take_interval(s, b, v, o, &whole, count);
}

/* Intervals of common prefixes, inner ones first. */
static void find_intervals(const struct seeds *s, struct seed_bucket *b, const struct sort_key *v, size_t n,
                           struct orphans *o)
{
    struct interval stack[4 * SP_MAX_LEN + 8], now;
    int top = 0;
    uint64_t sum = 0;
    memset(&stack[0], 0, sizeof stack[0]);
    for (size_t i = 0; i < n; i++) {
        uint32_t part = part_at(s, v[i].pos);
        now.left = i;
        now.before = sum;
        now.orphans = o->n;
        now.follow = s->c->follow[part];
        stack[top].follow = sp_follow_join(stack[top].follow, now.follow);
        o->v[o->n++] = (uint32_t)i;
        if (i + SEEDS_AHEAD < n) {
            __builtin_prefetch(&s->text[v[i + SEEDS_AHEAD].pos]);
            __builtin_prefetch(&s->starts->longest[v[i + SEEDS_AHEAD].pos], 1);
        }
        sum += s->count[part];
        now.depth = i + 1 < n ? common(s, v[i].pos, v[i + 1].pos) : 0;
        take_alone(s, b, v, o, &now, stack[top].depth, s->count[part]);
        while (top > 0 && stack[top].depth > now.depth) {
            const struct interval *t = &stack[top--];
            take_interval(s, b, v, o, t, sum - t->before);
            now.left = t->left;
            now.before = t->before;
            now.orphans = t->orphans;
            now.follow = sp_follow_join(now.follow, t->follow);
            stack[top].follow = sp_follow_join(stack[top].follow, t->follow);
        }
        if (stack[top].depth < now.depth) stack[++top] = now;
    }
}

static void sort_bucket(void *arg, int slice, int thread)
{
    struct seeds *s = arg;
    uint32_t first = s->order[slice].pos;
    struct seed_bucket *b = &s->bucket[first];
    size_t from = s->from[first], n = s->from[first + 1] - from;
    if (n == 0 || first == s->c->unk || sig_stop_requested()) return;
    /* Kept for the next bucket: new pages cost more than the sorting of some. */
    if (!s->work[thread]) s->work[thread] = mem_alloc(s->most, 2 * sizeof **s->work);
    struct sort_key *v = s->work[thread];
    struct orphans o = {.v = mem_alloc(n, sizeof *o.v)};
    b->oom = !v || !o.v;
    for (size_t i = 0; !b->oom && i < n; i++) v[i].pos = s->pos[from + i];
    if (!b->oom) {
        sort_suffixes(s, v, v + n, n, 1);
        find_intervals(s, b, v, n, &o);
    }
    free(o.v);
}

/* ---- the text and its suffixes ---- */

/* Which positions end a word, and how often each word occurs. */
static void mark_ends(struct seeds *s)
{
    const struct sp_corpus *c = s->c;
    uint32_t words = 0;
    for (size_t i = 0; i < c->n_parts; i++) {
        size_t end = c->part[i].off + c->part[i].len;
        s->count[i] = c->part[i].count;
        s->ends[end / 64] |= (uint64_t)1 << end % 64;
    }
    for (size_t i = c->n_sym; i < c->n_sym + SP_PAD; i++) s->ends[i / 64] |= (uint64_t)1 << i % 64;
    for (size_t i = 0; i < c->n_sym; i += 64) {
        s->before[i / 64] = words;
        words += (uint32_t)__builtin_popcountll(s->ends[i / 64]);
    }
}

/* Suffixes by their first symbols; which of those come first.  None begins with what follows a word: it
 * would stand among runs of spaces and part them. */
static void sort_first(struct seeds *s)
{
    const struct sp_corpus *c = s->c;
    uint32_t n = c->n_chars;
    for (size_t i = 0; i < c->n_sym; i++) s->from[s->text[i] + 2u] += !is_end(s, i);
    for (uint32_t k = 1; k <= n; k++) {
        if (k != c->unk && s->from[k + 2] > s->most) s->most = s->from[k + 2];
        s->order[k - 1] = (struct sort_key){UINT64_MAX - s->from[k + 2], k};
    }
    sort_by_key(s->order, s->order + n, n);
    for (uint32_t k = 1; k <= n + 1; k++) s->from[k + 1] += s->from[k];
    for (size_t i = 0; i < c->n_sym; i++)
        if (!is_end(s, i)) s->pos[s->from[s->text[i] + 1u]++] = (uint32_t)i;
}

static uint32_t utf8_of(uint32_t cp)
{
    char bytes[4] = {0};
    utf8_encode(cp, bytes);
    return (uint32_t)(uint8_t)bytes[0] << 24 | (uint32_t)(uint8_t)bytes[1] << 16 |
           (uint32_t)(uint8_t)bytes[2] << 8 | (uint8_t)bytes[3];
}

static int lay_out(struct seeds *s, int n_threads, struct err *e)
{
    const struct sp_corpus *c = s->c;
    size_t n = c->n_sym, n_symbols = (size_t)c->n_chars + 3;
    if (n >= NODE - SP_PAD)
        return err_set(e, ERR_DATA, "more than 2 billion characters in distinct words: train on a "
                                    "part of the text");
    s->text = c->sym;
    s->ends = mem_zalloc((n + SP_PAD) / 64 + 2, sizeof *s->ends);
    s->before = mem_zalloc(n / 64 + 1, sizeof *s->before);
    s->count = mem_alloc(c->n_parts, sizeof *s->count);
    s->utf8 = mem_zalloc(n_symbols, sizeof *s->utf8);
    s->pos = mem_alloc(n, sizeof *s->pos);
    s->from = mem_zalloc(n_symbols, sizeof *s->from);
    s->bucket = mem_zalloc(n_symbols, sizeof *s->bucket);
    s->order = mem_alloc(n_symbols, 2 * sizeof *s->order);
    s->starts->longest = mem_alloc_table(n, sizeof *s->starts->longest);
    s->work = mem_zalloc((size_t)n_threads, sizeof *s->work);
    if (!s->ends || !s->before || !s->count || !s->utf8 || !s->pos || !s->from || !s->bucket || !s->order ||
        !s->starts->longest || !s->work)
        return err_oom(e, n * 8, "the suffixes of all words");
    for (size_t i = 0; i < n; i++) s->starts->longest[i] = SP_NONE;
    for (uint32_t k = 1; k <= c->n_chars; k++) s->utf8[k] = utf8_of(c->cp[k]);
    mark_ends(s);
    sort_first(s);
    return 0;
}

void sp_starts_free(struct sp_starts *s)
{
    mem_free_aligned(s->longest);
    free(s->shorter);
    *s = (struct sp_starts){0};
}

static int add_chars(const struct sp_corpus *c, struct sp_pieces *out, struct err *e)
{
    uint16_t *v = sp_chars_by_count(c);
    int ret = v ? 0 : err_oom(e, c->n_chars, "characters");
    for (uint32_t i = 0; ret == 0 && i + 1 < c->n_chars && c->char_count[v[i]]; i++)
        if (!sp_pieces_add(out, &v[i], 1, (float)c->char_count[v[i]]))
            ret = err_oom(e, c->n_chars, "characters");
    free(v);
    return ret;
}

/* Counts to log probabilities. */
static void to_log_prob(struct sp_pieces *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->n; i++) sum += (double)p->v[i].score;
    double log_sum = log(sum);
    for (size_t i = 0; i < p->n; i++)
        p->v[i].score = (float)(log((double)p->v[i].score) - log_sum);
}

int sp_seeds(const struct sp_corpus *c, const struct sp_rules *r, struct pool *pool,
             struct sp_pieces *out, struct sp_starts *starts, struct err *e)
{
    struct seeds s = {.c = c, .r = r, .starts = starts};
    int ret = add_chars(c, out, e) || lay_out(&s, pool_threads(pool), e) ? -1 : 0;
    if (ret == 0) {
        pool_run(pool, (int)c->n_chars, sort_bucket, &s);
        for (uint32_t k = 1; k <= c->n_chars; k++)
            if (s.bucket[k].oom) ret = err_oom(e, s.most * 2 * sizeof(struct sort_key), "seeds");
    }
    if (ret == 0) ret = sig_check(e);
    if (ret == 0) ret = seeds_take_best(&s, out, e);
    if (ret == 0) ret = seeds_name_starts(&s, pool, out->n, e);
    if (ret == 0) to_log_prob(out);
    for (uint32_t k = 0; s.bucket && k <= c->n_chars; k++) free(s.bucket[k].v);
    for (int k = 0; s.work && k < pool_threads(pool); k++) free(s.work[k]);
    free(s.work);
    free(s.bucket);
    free(s.order);
    free(s.ends);
    free(s.before);
    free(s.count);
    free(s.utf8);
    free(s.pos);
    free(s.from);
    return ret;
}
