#include "core/token/train_bpe.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"

#define NO_PAIR UINT64_MAX
#define NO_NODE UINT32_MAX

struct pair {
    uint64_t key;   /* left id << 32 | right id */
    int64_t count;
    uint32_t head;  /* list of words it has been seen in */
    uint32_t epoch; /* the merge that last raised its count */
};

struct node {
    uint32_t word, next;
};

struct candidate {
    int64_t count; /* may be out of date: checked when it comes up */
    uint64_t key;
};

struct learner {
    struct bpe_corpus *c;
    struct pair *pairs; /* open addressing */
    size_t n_pairs, cap;
    struct node *nodes;
    size_t n_nodes, nodes_cap;
    struct candidate *heap;
    size_t n_heap, heap_cap;
    uint64_t *raised; /* pairs whose count the current merge raised */
    size_t n_raised, raised_cap;
    uint32_t epoch;
};

/* ---- words as symbols ---- */

void bpe_corpus_free(struct bpe_corpus *c)
{
    free(c->sym);
    free(c->begin);
    free(c->len);
    free(c->count);
    memset(c, 0, sizeof *c);
}

int bpe_corpus_make(struct bpe_corpus *c, const struct word_table *words,
                    const int32_t byte_id[256], struct err *e)
{
    char tmp[16];
    const char *word;
    size_t n, n_words = 0, n_sym = 0;
    uint64_t count;
    for (size_t at = 0; word_table_next(words, &at, tmp, &word, &n, &count);) {
        n_words++;
        n_sym += n;
    }
    if (n_words >= UINT32_MAX) return err_set(e, ERR_DATA, "more than 4 billion distinct words");
    c->sym = mem_alloc(n_sym, sizeof *c->sym);
    c->begin = mem_alloc(n_words, sizeof *c->begin);
    c->len = mem_alloc(n_words, sizeof *c->len);
    c->count = mem_alloc(n_words, sizeof *c->count);
    if (!c->sym || !c->begin || !c->len || !c->count)
        return err_oom(e, n_sym * sizeof *c->sym, "the words' symbols");
    for (size_t at = 0; word_table_next(words, &at, tmp, &word, &n, &count);) {
        if (n >= UINT32_MAX) return err_set(e, ERR_DATA, "a word of more than 4 GiB");
        c->begin[c->n_words] = c->n_sym;
        c->len[c->n_words] = (uint32_t)n;
        c->count[c->n_words++] = count;
        for (size_t i = 0; i < n; i++)
            c->sym[c->n_sym++] = (uint32_t)byte_id[(uint8_t)word[i]];
    }
    return 0;
}

/* ---- pairs ---- */

static uint64_t key_of(uint32_t left, uint32_t right)
{
    return (uint64_t)left << 32 | right;
}

static struct pair *slot(struct pair *pairs, size_t cap, uint64_t key)
{
    size_t i = (size_t)((key * 0x9E3779B97F4A7C15ull) >> 24) & (cap - 1);
    while (pairs[i].key != NO_PAIR && pairs[i].key != key) i = (i + 1) & (cap - 1);
    return &pairs[i];
}

static bool grow_pairs(struct learner *l)
{
    size_t cap = l->cap ? 2 * l->cap : 1 << 16;
    struct pair *p = mem_alloc(cap, sizeof *p);
    if (!p) return false;
    for (size_t i = 0; i < cap; i++) p[i].key = NO_PAIR;
    for (size_t i = 0; i < l->cap; i++)
        if (l->pairs[i].key != NO_PAIR) *slot(p, cap, l->pairs[i].key) = l->pairs[i];
    free(l->pairs);
    l->pairs = p;
    l->cap = cap;
    return true;
}

static bool add_node(struct learner *l, struct pair *p, uint32_t word)
{
    if (p->head != NO_NODE && l->nodes[p->head].word == word) return true;
    if (l->n_nodes == l->nodes_cap) {
        size_t cap = l->nodes_cap ? l->nodes_cap + l->nodes_cap / 2 : 1 << 16;
        struct node *v = cap < NO_NODE ? mem_resize(l->nodes, cap, sizeof *v) : NULL;
        if (!v) return false;
        l->nodes = v;
        l->nodes_cap = cap;
    }
    l->nodes[l->n_nodes] = (struct node){word, p->head};
    p->head = (uint32_t)l->n_nodes++;
    return true;
}

/* One more place of a pair. */
static bool raise_pair(struct learner *l, uint64_t key, int64_t by, uint32_t word)
{
    if (2 * (l->n_pairs + 1) > l->cap && !grow_pairs(l)) return false;
    struct pair *p = slot(l->pairs, l->cap, key);
    if (p->key == NO_PAIR) {
        *p = (struct pair){key, 0, NO_NODE, 0};
        l->n_pairs++;
    }
    p->count += by;
    if (p->epoch != l->epoch) {
        p->epoch = l->epoch;
        if (l->n_raised == l->raised_cap) {
            size_t cap = l->raised_cap ? 2 * l->raised_cap : 1 << 12;
            uint64_t *v = mem_resize(l->raised, cap, sizeof *v);
            if (!v) return false;
            l->raised = v;
            l->raised_cap = cap;
        }
        l->raised[l->n_raised++] = key;
    }
    return add_node(l, p, word);
}

static void lower_pair(struct learner *l, uint64_t key, int64_t by)
{
    struct pair *p = slot(l->pairs, l->cap, key);
    if (p->key == key) p->count -= by;
}

/* ---- the heap: highest count first, then the lower pair ---- */

static bool before(struct candidate a, struct candidate b)
{
    return a.count != b.count ? a.count > b.count : a.key < b.key;
}

static bool push(struct learner *l, struct candidate v)
{
    if (l->n_heap == l->heap_cap) {
        size_t cap = l->heap_cap ? l->heap_cap + l->heap_cap / 2 : 1 << 14;
        struct candidate *p = mem_resize(l->heap, cap, sizeof *p);
        if (!p) return false;
        l->heap = p;
        l->heap_cap = cap;
    }
    size_t i = l->n_heap++;
    for (; i > 0 && before(v, l->heap[(i - 1) / 2]); i = (i - 1) / 2)
        l->heap[i] = l->heap[(i - 1) / 2];
    l->heap[i] = v;
    return true;
}

/* Puts v at the top and lets it sink. */
static void sink(struct learner *l, struct candidate v)
{
    size_t i = 0;
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= l->n_heap) break;
        if (c + 1 < l->n_heap && before(l->heap[c + 1], l->heap[c])) c++;
        if (!before(l->heap[c], v)) break;
        l->heap[i] = l->heap[c];
        i = c;
    }
    l->heap[i] = v;
}

static void drop_top(struct learner *l)
{
    struct candidate last = l->heap[--l->n_heap];
    if (l->n_heap) sink(l, last);
}

static bool push_raised(struct learner *l)
{
    for (size_t i = 0; i < l->n_raised; i++) {
        struct pair *p = slot(l->pairs, l->cap, l->raised[i]);
        if (p->count > 0 && !push(l, (struct candidate){p->count, p->key})) return false;
    }
    l->n_raised = 0;
    return true;
}

/* The most frequent pair that is up to date, or NULL. */
static struct pair *take_best(struct learner *l)
{
    while (l->n_heap) {
        struct candidate top = l->heap[0];
        struct pair *p = slot(l->pairs, l->cap, top.key);
        if (p->count == top.count) {
            drop_top(l);
            return p;
        }
        if (p->count > 0 && p->count < top.count)
            sink(l, (struct candidate){p->count, top.key});
        else
            drop_top(l); /* gone, or there is a newer entry with the higher count */
    }
    return NULL;
}

/* ---- merging ---- */

static bool merge_in_word(struct learner *l, uint32_t word, uint32_t a, uint32_t b, uint32_t id)
{
    uint32_t *s = l->c->sym + l->c->begin[word];
    uint32_t n = l->c->len[word], out = 0;
    int64_t by = (int64_t)l->c->count[word];
    bool ok = true;
    for (uint32_t i = 0; i < n;) {
        if (s[i] != a || i + 1 >= n || s[i + 1] != b) {
            s[out++] = s[i++];
            continue;
        }
        if (out > 0) {
            lower_pair(l, key_of(s[out - 1], a), by);
            ok = ok && raise_pair(l, key_of(s[out - 1], id), by, word);
        }
        if (i + 2 < n) {
            lower_pair(l, key_of(b, s[i + 2]), by);
            ok = ok && raise_pair(l, key_of(id, s[i + 2]), by, word);
        }
        s[out++] = id;
        i += 2;
    }
    l->c->len[word] = out;
    return ok;
}

static bool merge_everywhere(struct learner *l, uint64_t key, uint32_t id)
{
    struct pair *p = slot(l->pairs, l->cap, key);
    uint32_t at = p->head;
    p->head = NO_NODE;
    l->epoch++;
    for (; at != NO_NODE; at = l->nodes[at].next)
        if (!merge_in_word(l, l->nodes[at].word, (uint32_t)(key >> 32), (uint32_t)key, id))
            return false;
    slot(l->pairs, l->cap, key)->count = 0;
    return push_raised(l);
}

static bool count_pairs(struct learner *l)
{
    l->epoch = 1;
    for (size_t w = 0; w < l->c->n_words; w++) {
        const uint32_t *s = l->c->sym + l->c->begin[w];
        for (uint32_t i = 0; i + 1 < l->c->len[w]; i++)
            if (!raise_pair(l, key_of(s[i], s[i + 1]), (int64_t)l->c->count[w], (uint32_t)w))
                return false;
    }
    return push_raised(l);
}

/* The token for a merge: a text that two merges give has one id. */
static int token_for(struct vocab *vocab, uint64_t key, struct buf *text, struct err *e)
{
    size_t n;
    buf_clear(text);
    const char *s = vocab_text(vocab, (int)(key >> 32), &n);
    buf_add(text, s, n);
    s = vocab_text(vocab, (int)(uint32_t)key, &n);
    buf_add(text, s, n);
    if (buf_ok(text, e)) return -1;
    int id = vocab_find(vocab, text->data, text->len);
    if (id >= 0) return id;
    id = vocab->n;
    return vocab_add(vocab, id, text->data, text->len, VOCAB_MODEL, e) ? -1 : id;
}

int bpe_learn(struct bpe_corpus *c, int vocab_size, uint64_t min_count, struct vocab *vocab,
              struct bpe *bpe, uint64_t *last_count, struct err *e)
{
    struct learner l = {.c = c};
    struct buf text = {0};
    int ret = -1;
    if (min_count < 1) min_count = 1;
    if (!grow_pairs(&l) || !count_pairs(&l)) goto oom;
    while (vocab->n < vocab_size) {
        struct pair *best = take_best(&l);
        if (!best || (uint64_t)best->count < min_count) break;
        uint64_t key = best->key;
        *last_count = (uint64_t)best->count;
        int id = token_for(vocab, key, &text, e);
        if (id < 0 || bpe_add(bpe, (int)(key >> 32), (int)(uint32_t)key, id, e)) goto out;
        if (!merge_everywhere(&l, key, (uint32_t)id)) goto oom;
    }
    ret = 0;
    goto out;
oom:
    err_oom(e, l.n_nodes * sizeof *l.nodes, "counting pairs");
out:
    buf_free(&text);
    free(l.pairs);
    free(l.nodes);
    free(l.heap);
    free(l.raised);
    return ret;
}
