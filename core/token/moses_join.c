/* Words to text: detokenize() of sacremoses. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/moses.h"
#include "core/token/uni_props.h"
#include "core/token/vocab.h"

struct word {
    const char *s;
    size_t n;
};

struct join {
    const char *p, *end;     /* what is left */
    enum moses_language language;
    struct word last, now;   /* last.n = 0: this is the first */
    struct buf *out;
    bool glued;              /* no space before the next word */
    struct vocab quotes;     /* sorts of quotation marks, and how often each came */
    int *count;
    size_t cap;
    struct err *e;
};

static bool next_word(struct join *j)
{
    struct uni_char c;
    j->last = j->now;
    for (; j->p < j->end; j->p += c.len)
        if (!uni_is_python_space(c = uni_next((const uint8_t *)j->p, (size_t)(j->end - j->p)))) break;
    j->now.s = j->p;
    for (; j->p < j->end; j->p += c.len)
        if (uni_is_python_space(c = uni_next((const uint8_t *)j->p, (size_t)(j->end - j->p)))) break;
    j->now.n = (size_t)(j->p - j->now.s);
    return j->now.n > 0;
}

static bool is_cjk(uint32_t cp)
{
    static const struct uni_range ranges[] = {{0x1100, 0x11FF}, {0x2E80, 0xA4CF}, {0xA840, 0xA87F}, {0xAC00, 0xD7AF}, {0xF900, 0xFAFF}, {0xFE30, 0xFE4F},
                                              {0xFF65, 0xFFDC}, {0x17000, 0x18AFF}, {0x1B000, 0x1B12F}, {0x1B170, 0x1B2FF}, {0x20000, 0x2FFFF}};
    return uni_in_ranges(ranges, COUNT_OF(ranges), cp);
}

static uint32_t first_of(const struct word *w)
{
    return uni_next((const uint8_t *)w->s, w->n).cp;
}

/* Whether every character is one of `signs`, or of the set. */
static bool all_of(const struct word *w, const char *signs, unsigned set)
{
    for (size_t i = 0, len; i < w->n; i += len) {
        struct uni_char c = uni_next((const uint8_t *)w->s + i, w->n - i);
        len = c.len;
        bool sign = memmem(signs, strlen(signs), w->s + i, len) != NULL;
        if (!sign && !(moses_sets(c.cp) & set)) return false;
    }
    return true;
}

static void put(struct join *j, bool space, bool glue)
{
    if (space && !j->glued) buf_addc(j->out, ' ');
    buf_add(j->out, j->now.s, j->now.n);
    j->glued = glue;
}

static int *count_of(struct join *j)
{
    bool curly = all_of(&j->now, "„“”", 0);
    const char *s = curly ? "\"" : j->now.s;
    size_t n = curly ? 1 : j->now.n;
    int id = vocab_find(&j->quotes, s, n);
    if (id >= 0) return &j->count[id];
    if (vocab_add(&j->quotes, j->quotes.n, s, n, 0, j->e) || !mem_room(&j->count, &j->cap, (size_t)j->quotes.n, sizeof *j->count)) return NULL;
    j->count[j->quotes.n - 1] = 0;
    return &j->count[j->quotes.n - 1];
}

/* The first of two marks belongs to what follows, the second to what stands before it. */
static int quote(struct join *j)
{
    int *count = count_of(j);
    if (!count) return err_oom(j->e, j->now.n, "quotation marks");
    bool opens = *count % 2 == 0, apostrophe = j->now.n == 1 && *j->now.s == '\'';
    if (opens && j->language == MOSES_EN && apostrophe && j->last.n && j->last.s[j->last.n - 1] == 's') {
        put(j, false, false); /* the Jones' */
        return 0;
    }
    put(j, opens, opens);
    ++*count;
    return 0;
}

static bool contraction(const struct join *j)
{
    if (j->language != MOSES_EN || !j->last.n || j->now.n < 2 || *j->now.s != '\'') return false;
    return moses_sets(uni_next((const uint8_t *)j->now.s + 1, j->now.n - 1).cp) & MOSES_LETTER;
}

static int one(struct join *j)
{
    bool cjk = is_cjk(first_of(&j->now));
    if (cjk) put(j, !j->last.n || !is_cjk(uni_prev((const uint8_t *)j->last.s, j->last.n).cp), false);
    else if (all_of(&j->now, "([{¿¡", MOSES_MONEY)) put(j, true, true);
    else if (all_of(&j->now, ",.?!:;\\%}])", 0)) put(j, false, false);
    else if (contraction(j)) put(j, false, false);
    else if (all_of(&j->now, "'\"„“`", 0)) return quote(j);
    else put(j, true, false);
    return 0;
}

/* ---- what words were escaped as ---- */

static void replace(struct buf *text, const char *what, const char *by)
{
    struct buf out = {0};
    size_t n = strlen(what), from = 0;
    const char *p;
    while (from < text->len && (p = memmem(text->data + from, text->len - from, what, n))) {
        size_t at = (size_t)(p - text->data);
        buf_add(&out, text->data + from, at - from);
        buf_adds(&out, by);
        from = at + n;
    }
    if (!from) return; /* none */
    buf_add(&out, text->data + from, text->len - from);
    bool oom = text->oom || out.oom;
    buf_free(text);
    *text = out;
    text->oom = oom;
}

static void unescape(struct buf *text)
{
    static const char *const pairs[][2] = {{" @-@ ", "-"}, {"&bar;", "|"}, {"&#124;", "|"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&bra;", "["},
                                           {"&ket;", "]"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&#91;", "["}, {"&#93;", "]"}, {"&amp;", "&"}};
    for (size_t i = 0; i < COUNT_OF(pairs); i++) replace(text, pairs[i][0], pairs[i][1]);
}

/* Words of a text with one space between, and one at both ends. */
static void spaced(const char *words, size_t n, struct buf *out)
{
    struct join j = {.p = words, .end = words + n};
    buf_addc(out, ' ');
    for (bool first = true; next_word(&j); first = false) {
        if (!first) buf_addc(out, ' ');
        buf_add(out, j.now.s, j.now.n);
    }
    buf_addc(out, ' ');
}

int moses_join(const char *words, size_t n, enum moses_language language, struct buf *out, struct err *e)
{
    struct buf text = {0}, joined = {0};
    int ret = 0;
    spaced(words, n, &text);
    unescape(&text);
    struct join j = {.p = text.data, .end = text.data ? text.data + text.len : NULL, .language = language, .out = &joined, .e = e};
    while (ret == 0 && !text.oom && next_word(&j)) ret = one(&j);
    size_t from = joined.len && *joined.data == ' '; /* before the first word */
    if (joined.len) buf_add(out, joined.data + from, joined.len - from);
    if (text.oom || joined.oom) out->oom = true;
    vocab_free(&j.quotes);
    free(j.count);
    buf_free(&text);
    buf_free(&joined);
    return ret ? -1 : buf_ok(out, e);
}
