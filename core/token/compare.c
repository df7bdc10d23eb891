#include "core/token/compare.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/token/unicode.h"

enum { EXAMPLES = 12 };

struct side {
    const struct tokenizer *t;
    struct tok_scratch *s;
    struct tok_ids ids; /* of the word at hand */
    size_t tokens;      /* of the whole text */
};

struct compare {
    struct side side[2];
    size_t words, differ, more[2], shown;
    uint64_t seen[EXAMPLES];
    struct buf *out;
};

/* Cuts inside the word: where a token ends, but for its own end. */
static bool same_cuts(const struct tok_ids *a, const struct tok_ids *b, size_t n)
{
    size_t i = 0, k = 0;
    for (;;) {
        while (i < a->n && (a->span[i].end == 0 || a->span[i].end >= n)) i++;
        while (k < b->n && (b->span[k].end == 0 || b->span[k].end >= n)) k++;
        if (i == a->n || k == b->n) return i == a->n && k == b->n;
        if (a->span[i++].end != b->span[k++].end) return false;
    }
}

static void add_parts(struct compare *c, const struct side *s)
{
    for (size_t i = 0; i < s->ids.n; i++) {
        size_t n;
        const char *p = tok_piece(s->t, s->ids.id[i], &n);
        buf_adds(c->out, i ? " " : "");
        buf_add_json(c->out, p, utf8_valid_prefix(p, n) == n ? n : 0);
    }
}

static void show(struct compare *c, const char *word, size_t n)
{
    uint64_t h = hash64(word, n);
    for (size_t i = 0; i < c->shown; i++)
        if (c->seen[i] == h) return;
    if (c->shown == EXAMPLES) return;
    c->seen[c->shown++] = h;
    buf_adds(c->out, "  ");
    buf_add_json(c->out, word, n);
    buf_adds(c->out, ":  ");
    add_parts(c, &c->side[0]);
    buf_adds(c->out, "  |  ");
    add_parts(c, &c->side[1]);
    buf_addc(c->out, '\n');
}

static int one_word(struct compare *c, const char *word, size_t n, struct err *e)
{
    for (int k = 0; k < 2; k++) {
        c->side[k].ids.n = 0;
        if (tok_encode(c->side[k].t, c->side[k].s, word, n, 0, &c->side[k].ids, e)) return -1;
    }
    size_t a = c->side[0].ids.n, b = c->side[1].ids.n;
    c->words++;
    if (a != b) c->more[b > a]++;
    if (same_cuts(&c->side[0].ids, &c->side[1].ids, n)) return 0;
    c->differ++;
    show(c, word, n);
    return 0;
}

static int all_words(struct compare *c, const char *text, size_t n, struct err *e)
{
    const uint8_t *s = (const uint8_t *)text;
    for (size_t pos = 0; pos < n;) {
        struct uni_char u = uni_next(s + pos, n - pos);
        if (u.class & UNI_SPACE) {
            pos += u.len;
            continue;
        }
        size_t begin = pos > 0 && text[pos - 1] == ' ' ? pos - 1 : pos;
        while (pos < n && !((u = uni_next(s + pos, n - pos)).class & UNI_SPACE)) pos += u.len;
        if (one_word(c, text + begin, pos - begin, e)) return -1;
    }
    return 0;
}

static int whole(struct side *s, const char *text, size_t n, struct err *e)
{
    struct tok_ids ids = {0};
    int ret = tok_encode(s->t, s->s, text, n, 0, &ids, e);
    s->tokens = ids.n;
    tok_ids_free(&ids);
    return ret;
}

static void numbers(struct compare *c, size_t bytes, const struct buf *examples)
{
    struct tok_summary s[2];
    double w = c->words ? (double)c->words : 1;
    for (int k = 0; k < 2; k++) tok_summary(c->side[k].t, &s[k]);
    const struct side *a = &c->side[0], *b = &c->side[1];
    struct buf *out = c->out;
    buf_printf(out, "text: %zu bytes, %zu words\n", bytes, c->words);
    buf_printf(out, "%-18s %22s %22s\n", "", "first", "second");
    buf_printf(out, "%-18s %22s %22s\n", "kind", s[0].type, s[1].type);
    buf_printf(out, "%-18s %22d %22d\n", "vocabulary", s[0].tokens, s[1].tokens);
    buf_printf(out, "%-18s %22zu %22zu\n", "tokens", a->tokens, b->tokens);
    buf_printf(out, "%-18s %22.3f %22.3f\n", "bytes a token", a->tokens ? (double)bytes / (double)a->tokens : 0,
               b->tokens ? (double)bytes / (double)b->tokens : 0);
    buf_printf(out, "%-18s %22.3f %22.3f\n", "tokens a word", (double)a->tokens / w, (double)b->tokens / w);
    buf_printf(out, "%-18s %22zu %22zu\n", "words with more", c->more[0], c->more[1]);
    buf_printf(out, "words cut at other places: %zu of %zu (%.1f %%)\n", c->differ, c->words,
               100 * (double)c->differ / w);
    buf_add(out, examples->data ? examples->data : "", examples->len);
}

int tok_compare(const struct tokenizer *a, const struct tokenizer *b, const char *text, size_t n,
                struct buf *out, struct err *e)
{
    struct buf examples = {0};
    struct compare c = {.out = &examples};
    const struct tokenizer *t[2] = {a, b};
    int ret = 0;
    for (int k = 0; k < 2 && ret == 0; k++) {
        c.side[k] = (struct side){.t = t[k], .s = tok_scratch_new(t[k], e), .ids = {.want_spans = true}};
        ret = c.side[k].s ? whole(&c.side[k], text, n, e) : -1;
    }
    if (ret == 0) ret = all_words(&c, text, n, e);
    if (ret == 0) ret = buf_ok(&examples, e);
    c.out = out;
    if (ret == 0) numbers(&c, n, &examples);
    for (int k = 0; k < 2; k++) {
        tok_ids_free(&c.side[k].ids);
        tok_scratch_free(c.side[k].s);
    }
    buf_free(&examples);
    return ret ? -1 : buf_ok(out, e);
}
