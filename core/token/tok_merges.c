/* Merges: those in a tokenizer.json, and lists of them in other files. */
#include <string.h>

#include "core/base/width.h"
#include "core/token/jlex.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_lists.h"
#include "core/token/tok_load.h"

/* The two texts of a merge: in the file, or, where that has escapes, in `copy`. */
struct merge_texts {
    const char *left, *right;
    size_t n_left, n_right;
    struct buf copy;
};

/* "a b". */
static bool split_pair(struct merge_texts *m, const char *s, size_t n)
{
    const char *space = memchr(s, ' ', n);
    if (!space) return false;
    m->left = s;
    m->n_left = (size_t)(space - s);
    m->right = space + 1;
    m->n_right = n - m->n_left - 1;
    return !memchr(m->right, ' ', m->n_right);
}

/* "a b" or ["a", "b"]. */
static int read_pair(struct jlex *x, struct merge_texts *m, struct err *e)
{
    if (!jlex_try(x, '[')) {
        const char *s;
        size_t n;
        if (jlex_string(x, &s, &n, e)) return -1;
        return split_pair(m, s, n) ? 0 : jlex_error(x, e, "a merge is two tokens with one space between");
    }
    if (jlex_string(x, &m->left, &m->n_left, e)) return -1;
    if (m->left == x->tmp.data) { /* the next string comes there */
        buf_clear(&m->copy);
        buf_add(&m->copy, m->left, m->n_left);
        if (buf_ok(&m->copy, e)) return -1;
        m->left = m->copy.data;
    }
    return jlex_expect(x, ',', e) || jlex_string(x, &m->right, &m->n_right, e) || jlex_expect(x, ']', e) ? -1 : 0;
}

static int part_missing(const struct jlex *x, const char *s, size_t n, size_t index, struct err *e)
{
    return jlex_error(x, e, "merge %zu (from 0): '%.*s' is not in the vocabulary", index,
                      (int)text_fit(s, n, 80), s);
}

/* Whether the token's text is that of both parts. */
static bool is_whole(const struct tokenizer *t, int id, const struct merge_texts *m, size_t prefix)
{
    size_t len, n_right = m->n_right - prefix;
    if (id >= t->vocab.n || !(t->vocab.v[id].flags & VOCAB_USED)) return false;
    const char *have = vocab_text(&t->vocab, id, &len);
    return len == m->n_left + n_right && memcmp(have, m->left, m->n_left) == 0 &&
           memcmp(have + m->n_left, m->right + prefix, n_right) == 0;
}

/* The token that a merge makes; `whole` is work space.  -2: no memory.  Merges mostly stand in the order
 * of the ids they make, those that make the same one together. */
static int merged_id(const struct tokenizer *t, const struct merge_texts *m, size_t prefix, struct buf *whole)
{
    const struct bpe *b = &t->bpe;
    int last = b->n_merges ? b->merge[b->n_merges - 1].id : -1;
    if (is_whole(t, last + 1, m, prefix)) return last + 1;
    if (last >= 0 && is_whole(t, last, m, prefix)) return last;
    buf_clear(whole);
    buf_add(whole, m->left, m->n_left);
    buf_add(whole, m->right + prefix, m->n_right - prefix);
    return whole->oom ? -2 : vocab_find(&t->vocab, whole->data, whole->len);
}

/* Merges that wait for their parts to be looked up together: their texts are in the file. */
enum { MERGES_AT_ONCE = 32 };
struct merges {
    struct tokenizer *t;
    struct jlex *x;
    struct merge_texts m;
    struct buf whole;
    struct vocab_text part[2 * MERGES_AT_ONCE];
    const char *at[MERGES_AT_ONCE]; /* the place behind each, for messages */
    size_t n;
};

static int add_merge(struct merges *v, const struct merge_texts *m, int left, int right, struct err *e)
{
    struct tokenizer *t = v->t;
    struct jlex *x = v->x;
    size_t index = t->bpe.n_merges, prefix = t->prefix ? strlen(t->prefix) : 0;
    if (left < 0) return part_missing(x, m->left, m->n_left, index, e);
    if (right < 0) return part_missing(x, m->right, m->n_right, index, e);
    if (prefix > m->n_right)
        return jlex_error(x, e, "merge %zu (from 0): the second token is shorter than the "
                                "continuing_subword_prefix", index);
    for (size_t i = 0; i < prefix; i++)
        if ((uint8_t)t->prefix[i] >= 0x80)
            return jlex_error(x, e, "merges with a continuing_subword_prefix of other than only ASCII characters are not supported: "
                                    "Hugging Face's programs fail, or cut the second token elsewhere");
    int id = merged_id(t, m, prefix, &v->whole);
    if (id == -1) return part_missing(x, v->whole.data, v->whole.len, index, e);
    return id < 0 ? buf_ok(&v->whole, e) : bpe_add(&t->bpe, left, right, id, e);
}

/* All that wait. */
static int add_waiting(struct merges *v, struct err *e)
{
    int32_t id[2 * MERGES_AT_ONCE];
    const char *here = v->x->p;
    size_t n = v->n;
    v->n = 0;
    vocab_find_many(&v->t->vocab, v->part, 2 * n, id);
    for (size_t k = 0; k < n; k++) {
        const struct vocab_text *p = &v->part[2 * k];
        struct merge_texts m = {.left = p[0].s, .n_left = p[0].n, .right = p[1].s, .n_right = p[1].n};
        v->x->p = v->at[k];
        if (add_merge(v, &m, id[2 * k], id[2 * k + 1], e)) return -1;
    }
    v->x->p = here;
    return 0;
}

static bool in_file(const struct jlex *x, const char *s)
{
    return s >= x->base && s < x->end;
}

/* What is wrong with a merge that waits is said before anything that is wrong with this one. */
static int read_merge(struct merges *v, struct err *e)
{
    struct merge_texts *m = &v->m;
    const struct vocab *vocab = &v->t->vocab;
    int bad = read_pair(v->x, m, e);
    if (!bad && in_file(v->x, m->left) && in_file(v->x, m->right)) {
        v->part[2 * v->n] = (struct vocab_text){m->left, m->n_left};
        v->part[2 * v->n + 1] = (struct vocab_text){m->right, m->n_right};
        v->at[v->n++] = v->x->p;
        return v->n == MERGES_AT_ONCE ? add_waiting(v, e) : 0;
    }
    if (add_waiting(v, e) || bad) return -1;
    return add_merge(v, m, vocab_find(vocab, m->left, m->n_left), vocab_find(vocab, m->right, m->n_right), e);
}

int tok_read_merges(struct tokenizer *t, struct jlex *x, struct err *e)
{
    struct merges v = {.t = t, .x = x};
    int ret = -1;
    if (jlex_expect(x, '[', e)) return -1;
    if (!jlex_try(x, ']')) {
        do {
            if (read_merge(&v, e)) goto out;
        } while (jlex_try(x, ','));
        int bad = jlex_expect(x, ']', e);
        if (add_waiting(&v, e) || bad) goto out;
    }
    ret = bpe_finish(&t->bpe, e);
    if (ret && e->code == ERR_DATA) err_wrap(e, "'%s'", x->name);
out:
    buf_free(&v.m.copy);
    buf_free(&v.whole);
    return ret;
}

/* ---- lists ---- */

/* Merges of a list that wait, and their parts. */
struct listed {
    struct tok_merge_list list;
    struct vocab_text text[MERGES_AT_ONCE], part[2 * MERGES_AT_ONCE];
    size_t no[MERGES_AT_ONCE], n;
    struct buf whole;
};

/* Empty lines and remarks are no merges. */
static bool next_listed(struct tok_merge_list *l, struct vocab_text *m)
{
    if (l->counted) return tok_next_counted(&l->p, l->end, &m->s, &m->n) && ++l->no;
    while (tok_next_line(&l->p, l->end, &m->s, &m->n)) {
        l->no++;
        if (m->n && (m->n < 8 || memcmp(m->s, "#version", 8) != 0)) return true;
    }
    return false;
}

static int wrong_merge(const struct tokenizer *t, struct listed *v, size_t k, struct err *e)
{
    struct vocab_text m = v->text[k];
    if (tok_check_merge(&t->vocab, m.s, m.n, &v->whole, e) == 0) return err_set(e, ERR_INTERNAL, "merges");
    return v->list.counted ? err_wrap(e, "'%s': %s[%zu]", v->list.name, v->list.what, v->no[k] - 1)
                           : err_wrap(e, "'%s':%zu", v->list.name, v->no[k]);
}

/* All that wait. */
static int add_listed(struct tokenizer *t, struct listed *v, struct err *e)
{
    int32_t id[2 * MERGES_AT_ONCE];
    vocab_find_many(&t->vocab, v->part, 2 * v->n, id);
    for (size_t k = 0; k < v->n; k++) {
        const struct vocab_text *p = &v->part[2 * k];
        struct merge_texts m = {.left = p[0].s, .n_left = p[0].n, .right = p[1].s, .n_right = p[1].n};
        int left = id[2 * k], right = id[2 * k + 1], made = left < 0 || right < 0 ? -1 : merged_id(t, &m, 0, &v->whole);
        if (made == -2) return buf_ok(&v->whole, e);
        if (made < 0) return wrong_merge(t, v, k, e);
        if (bpe_add(&t->bpe, left, right, made, e)) return -1;
    }
    v->n = 0;
    return 0;
}

static int read_listed(struct tokenizer *t, struct listed *v, struct err *e)
{
    for (struct vocab_text *m; next_listed(&v->list, m = &v->text[v->n]);) {
        struct merge_texts texts;
        size_t k = v->n;
        v->no[k] = v->list.no;
        if (!split_pair(&texts, m->s, m->n)) return add_listed(t, v, e) ? -1 : wrong_merge(t, v, k, e);
        v->part[2 * k] = (struct vocab_text){texts.left, texts.n_left};
        v->part[2 * k + 1] = (struct vocab_text){texts.right, texts.n_right};
        v->n++;
        if (v->n == MERGES_AT_ONCE && add_listed(t, v, e)) return -1;
    }
    return add_listed(t, v, e);
}

int tok_read_merge_list(struct tokenizer *t, const struct tok_merge_list *list, struct err *e)
{
    struct listed v = {.list = *list};
    int ret = read_listed(t, &v, e);
    buf_free(&v.whole);
    if (ret || (ret = bpe_finish(&t->bpe, e)) == 0) return ret;
    return e->code == ERR_DATA ? err_wrap(e, "'%s'", list->name) : ret;
}
