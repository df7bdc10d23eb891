/* SentencePiece BPE with unused pieces.  They merge like others, but in the
 * end are taken apart again the way they were last seen put together, anywhere
 * in the text: so the whole text is one word here, and what SentencePiece does
 * is followed step by step (agenda by score, the leftmost among equals). */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/token/tok_decode.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_scratch.h"
#include "core/token/unicode.h"

#define NONE UINT32_MAX

struct symbol {
    uint32_t prev, next, begin, len; /* len 0: gone into its neighbour */
    bool frozen;                     /* a user-defined piece */
};

struct pair {
    float score;
    uint32_t left, right, size;
};

struct spmerge {
    const struct tokenizer *t;
    const uint8_t *text;
    struct symbol *v;
    size_t n;
    struct pair *heap;
    size_t n_heap, cap;
    uint32_t *first_part; /* [vocab.n] of unused pieces: the length of the left part */
    struct tok_scratch *s;
    struct err *e;
};

static int find_piece(const struct spmerge *m, uint32_t begin, uint32_t len)
{
    int id = vocab_find(&m->t->vocab, (const char *)m->text + begin, len);
    return id >= 0 && (m->t->vocab.v[id].flags & VOCAB_MODEL) && tok_byte_of(m->t, id) < 0 ? id : -1;
}

static bool unused(const struct spmerge *m, int id)
{
    return id >= 0 && (m->t->vocab.v[id].flags & VOCAB_UNUSED);
}

static bool before(const struct pair *a, const struct pair *b)
{
    return a->score != b->score ? a->score > b->score : a->left < b->left;
}

static int push_pair(struct spmerge *m, struct pair p)
{
    if (!mem_room(&m->heap, &m->cap, m->n_heap + 1, sizeof *m->heap))
        return err_oom(m->e, (m->n_heap + 1) * sizeof *m->heap, "merging");
    size_t i = m->n_heap++;
    for (; i > 0 && before(&p, &m->heap[(i - 1) / 2]); i = (i - 1) / 2) m->heap[i] = m->heap[(i - 1) / 2];
    m->heap[i] = p;
    return 0;
}

static struct pair pop_pair(struct spmerge *m)
{
    struct pair top = m->heap[0], last = m->heap[--m->n_heap];
    size_t i = 0;
    for (size_t k; (k = 2 * i + 1) < m->n_heap; i = k) {
        if (k + 1 < m->n_heap && before(&m->heap[k + 1], &m->heap[k])) k++;
        if (!before(&m->heap[k], &last)) break;
        m->heap[i] = m->heap[k];
    }
    if (m->n_heap) m->heap[i] = last;
    return top;
}

/* The pair goes onto the agenda if it makes a piece. */
static int consider(struct spmerge *m, uint32_t left, uint32_t right)
{
    if (left == NONE || right == NONE || m->v[left].frozen || m->v[right].frozen) return 0;
    uint32_t size = m->v[left].len + m->v[right].len;
    int id = find_piece(m, m->v[left].begin, size);
    if (id < 0) return 0;
    if (unused(m, id)) m->first_part[id] = m->v[left].len;
    return push_pair(m, (struct pair){(float)m->t->score[id], left, right, size});
}

static void cut_symbols(struct spmerge *m, size_t n)
{
    for (size_t at = 0; at < n; m->n++) {
        int32_t id;
        size_t len = trie_longest(&m->t->user, (const char *)m->text + at, n - at, &id);
        bool frozen = len > 0;
        if (!frozen) len = uni_next(m->text + at, n - at).len;
        m->v[m->n] = (struct symbol){m->n ? (uint32_t)m->n - 1 : NONE, at + len < n ? (uint32_t)m->n + 1 : NONE,
                                     (uint32_t)at, (uint32_t)len, frozen};
        at += len;
    }
}

static int merge_all(struct spmerge *m)
{
    for (size_t i = 1; i < m->n; i++)
        if (consider(m, (uint32_t)i - 1, (uint32_t)i)) return -1;
    while (m->n_heap) {
        struct pair p = pop_pair(m);
        struct symbol *a = &m->v[p.left], *b = &m->v[p.right];
        if (!a->len || !b->len || a->len + b->len != p.size) continue;
        if (m->s->sampling && draws_next(&m->s->draws) < m->s->sampling->dropout) continue;
        a->len = p.size;
        a->next = b->next;
        if (b->next != NONE) m->v[b->next].prev = p.left;
        b->len = 0;
        if (consider(m, a->prev, p.left) || consider(m, p.left, a->next)) return -1;
    }
    return 0;
}

/* A symbol's piece, or the parts of one that is unused.  The parts that wait
 * lie in `wait` (as many as the symbol has bytes). */
static int emit(struct spmerge *m, struct symbol s, struct symbol *wait, bool *after_unk, struct tok_ids *out)
{
    size_t n = 0;
    wait[n++] = s;
    while (n) {
        struct symbol p = wait[--n];
        int id = find_piece(m, p.begin, p.len);
        uint32_t first = unused(m, id) ? m->first_part[id] : 0;
        if (first) {
            wait[n++] = (struct symbol){.begin = p.begin + first, .len = p.len - first};
            wait[n++] = (struct symbol){.begin = p.begin, .len = first};
            continue;
        }
        if (id < 0 || unused(m, id)) id = m->t->unk_id;
        if (spm_push(m->t, m->text, id, p.begin, p.len, *after_unk, out, m->e)) return -1;
        *after_unk = id == m->t->unk_id;
    }
    return 0;
}

int spmerge_word(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n, struct tok_ids *out, struct err *e)
{
    struct spmerge m = {.t = t, .text = word, .s = s, .e = e};
    struct symbol *wait = NULL;
    bool after_unk = false;
    if (n >= UINT32_MAX) return err_set(e, ERR_DATA, "a word of more than 4 GiB");
    m.v = mem_alloc(n, sizeof *m.v);
    wait = mem_alloc(n + 1, sizeof *wait);
    m.first_part = mem_zalloc((size_t)t->vocab.n, sizeof *m.first_part);
    int ret = m.v && wait && m.first_part ? 0 : err_oom(e, n * sizeof *m.v, "symbols");
    if (ret == 0) {
        cut_symbols(&m, n);
        ret = merge_all(&m);
    }
    for (uint32_t i = 0; ret == 0 && i != NONE; i = m.v[i].next) ret = emit(&m, m.v[i], wait, &after_unk, out);
    free(m.v);
    free(wait);
    free(m.first_part);
    free(m.heap);
    return ret;
}
