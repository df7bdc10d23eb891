/* Markup to text: what a reader of the page would see.  A tolerant tokenizer
 * in the manner of the HTML standard, not a tree builder: tags, comments,
 * character references; script, style and their like vanish with what they
 * hold; block elements part lines, <pre> keeps its white space. */
#include <string.h>

#include "core/base/html_entity.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/prep.h"

enum effect {
    INLINE,
    BLOCK,  /* begins and ends a line */
    PARA,   /* parted by a blank line */
    BREAK,  /* <br> */
    ITEM,   /* a list item: "- " */
    CELL,   /* parted by a tab */
    HIDDEN, /* vanishes with its content; the content is raw text or marked up */
    PRE,
};

static const struct tag {
    const char *name;
    enum effect effect;
} tags[] = {
    {"a", INLINE},        {"address", BLOCK},   {"article", PARA}, {"aside", PARA},      {"b", INLINE},
    {"blockquote", PARA}, {"body", BLOCK},      {"br", BREAK},     {"caption", BLOCK},   {"center", BLOCK},
    {"code", INLINE},     {"dd", BLOCK},        {"details", PARA}, {"div", BLOCK},       {"dl", PARA},
    {"dt", BLOCK},        {"em", INLINE},       {"fieldset", PARA}, {"figcaption", BLOCK}, {"figure", PARA},
    {"font", INLINE},     {"footer", PARA},     {"form", PARA},    {"h1", PARA},         {"h2", PARA},
    {"h3", PARA},         {"h4", PARA},         {"h5", PARA},      {"h6", PARA},         {"head", HIDDEN},
    {"header", PARA},     {"hr", PARA},         {"html", BLOCK},   {"i", INLINE},        {"iframe", HIDDEN},
    {"img", INLINE},      {"li", ITEM},         {"main", PARA},    {"nav", PARA},        {"noscript", HIDDEN},
    {"object", HIDDEN},   {"ol", PARA},         {"option", BLOCK}, {"p", PARA},          {"pre", PRE},
    {"script", HIDDEN},   {"section", PARA},    {"select", BLOCK}, {"span", INLINE},     {"strong", INLINE},
    {"style", HIDDEN},    {"summary", BLOCK},   {"svg", HIDDEN},   {"table", PARA},      {"tbody", INLINE},
    {"td", CELL},         {"template", HIDDEN}, {"textarea", HIDDEN}, {"th", CELL},      {"title", HIDDEN},
    {"tr", BLOCK},        {"u", INLINE},        {"ul", PARA},     {"sub", INLINE},       {"sup", INLINE},
    {"small", INLINE},    {"del", INLINE},      {"ins", INLINE},   {"tt", INLINE},       {"kbd", INLINE},
    {"cite", INLINE},     {"mark", INLINE},     {"label", INLINE}, {"button", INLINE},   {"thead", INLINE},
    {"tfoot", INLINE},
};

struct html {
    const char *s;
    size_t n, i;
    struct buf *out;
    size_t base;     /* out->len at the start */
    int newlines;    /* owed before the next character: 0, 1 or 2 */
    bool space;      /* a blank is owed */
    bool tab;
    int pre;         /* depth of <pre> */
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

static const struct tag *find_tag(const char *s, size_t n)
{
    for (size_t k = 0; k < sizeof tags / sizeof tags[0]; k++) {
        const char *t = tags[k].name;
        size_t i = 0;
        while (i < n && t[i] && lower(s[i]) == t[i])
            i++;
        if (i == n && !t[i]) return &tags[k];
    }
    return NULL;
}

static void owe(struct html *h, int newlines)
{
    h->space = h->tab = false;
    if (h->newlines < newlines) h->newlines = newlines;
}

/* What is owed, before something visible. */
static void settle(struct html *h)
{
    bool first = h->out->len == h->base;
    for (; h->newlines > 0; h->newlines--)
        if (!first) buf_addc(h->out, '\n');
    if (!first && h->out->data && h->out->len && h->out->data[h->out->len - 1] != '\n') {
        if (h->tab) buf_addc(h->out, '\t');
        else if (h->space) buf_addc(h->out, ' ');
    }
    h->newlines = 0;
    h->space = h->tab = false;
}

static void visible(struct html *h, const char *s, size_t n)
{
    settle(h);
    buf_add(h->out, s, n);
}

/* &name; &#10; &#x1F600; — what is not one stays as it is. */
static void reference(struct html *h)
{
    const char *s = h->s + h->i + 1;
    size_t left = h->n - h->i - 1, k = 0;
    uint32_t cp = 0, second = 0;
    if (left && s[0] == '#') {
        bool hex = left > 1 && (s[1] == 'x' || s[1] == 'X');
        for (k = hex ? 2 : 1; k < left && k < 10; k++) {
            char c = lower(s[k]);
            int d = c >= '0' && c <= '9' ? c - '0' : hex && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
            if (d < 0) break;
            cp = cp * (hex ? 16u : 10u) + (uint32_t)d;
            if (cp > 0x10ffff) break;
        }
    } else {
        while (k < left && k < 40 && ((lower(s[k]) >= 'a' && lower(s[k]) <= 'z') || (s[k] >= '0' && s[k] <= '9')))
            k++;
        if (k < left && s[k] == ';') cp = html_entity(s, k, &second);
    }
    char c[4];
    int len = cp >= 0x20 || cp == '\n' || cp == '\t' ? utf8_encode(cp, c) : 0;
    if (k >= left || s[k] != ';' || len == 0) {
        visible(h, "&", 1);
        h->i++;
        return;
    }
    if (cp == 0xa0) { /* a space that only layout wants kept */
        h->space = true;
    } else {
        visible(h, c, (size_t)len);
        if (second) buf_add(h->out, c, (size_t)utf8_encode(second, c));
    }
    h->i += k + 2;
}

/* Behind the '>' of the tag whose name ends at i; quoted values may hold '>'. */
static size_t tag_end(const char *s, size_t n, size_t i)
{
    char quote = 0;
    for (; i < n; i++) {
        if (quote) {
            if (s[i] == quote) quote = 0;
        } else if ((s[i] == '"' || s[i] == '\'') && s[i - 1] == '=') {
            quote = s[i];
        } else if (s[i] == '>') {
            return i + 1;
        }
    }
    return n;
}

/* Behind </name ...>, from i on; n when it never comes. */
static size_t skip_element(const char *s, size_t n, size_t i, const char *name)
{
    size_t len = strlen(name);
    while (i < n) {
        const char *p = memchr(s + i, '<', n - i);
        if (!p) return n;
        i = (size_t)(p - s) + 1;
        if (n - i <= len || s[i] != '/') continue;
        size_t k = 0;
        while (k < len && lower(s[i + 1 + k]) == name[k])
            k++;
        size_t end = i + 1 + len;
        if (k == len && (end >= n || is_blank(s[end]) || s[end] == '>' || s[end] == '/'))
            return tag_end(s, n, end);
    }
    return n;
}

static void apply(struct html *h, const struct tag *t, bool closing)
{
    switch (t->effect) {
    case BLOCK: owe(h, 1); break;
    case PARA: owe(h, 2); break;
    case BREAK:
        if (!closing) h->newlines = h->newlines < 2 ? h->newlines + 1 : 2;
        h->space = h->tab = false;
        break;
    case ITEM:
        owe(h, 1);
        if (!closing) {
            visible(h, "-", 1);
            h->space = true;
        }
        break;
    case CELL: /* the end of a cell need not be written */
        h->tab = true;
        break;
    case PRE:
        owe(h, 2);
        if (!closing) h->pre++;
        else if (h->pre) h->pre--;
        break;
    case INLINE:
    case HIDDEN: break;
    }
}

/* At '<'.  A '<' that begins nothing is text. */
static void markup(struct html *h)
{
    const char *s = h->s;
    size_t n = h->n, i = h->i + 1;
    if (n - h->i >= 4 && memcmp(s + h->i, "<!--", 4) == 0) {
        const char *p = memmem(s + h->i + 4, n - h->i - 4, "-->", 3);
        h->i = p ? (size_t)(p - s) + 3 : n;
        return;
    }
    if (i < n && (s[i] == '!' || s[i] == '?')) {
        const char *p = memchr(s + i, '>', n - i);
        h->i = p ? (size_t)(p - s) + 1 : n;
        return;
    }
    bool closing = i < n && s[i] == '/';
    size_t from = i + closing, to = from;
    while (to < n && ((lower(s[to]) >= 'a' && lower(s[to]) <= 'z') ||
                      (to > from && ((s[to] >= '0' && s[to] <= '9') || s[to] == '-' || s[to] == ':'))))
        to++;
    if (to == from || (to < n && !is_blank(s[to]) && s[to] != '>' && s[to] != '/')) {
        visible(h, "<", 1);
        h->i++;
        return;
    }
    const struct tag *t = find_tag(s + from, to - from);
    h->i = tag_end(s, n, to);
    if (!t) return;
    bool empty = h->i >= 2 && s[h->i - 1] == '>' && s[h->i - 2] == '/'; /* <script/> hides nothing */
    if (t->effect == HIDDEN && !closing && !empty) h->i = skip_element(s, n, h->i, t->name);
    else apply(h, t, closing);
}

static void plain(struct html *h)
{
    size_t from = h->i;
    while (h->i < h->n && h->s[h->i] != '<' && h->s[h->i] != '&' && (h->pre || !is_blank(h->s[h->i])))
        h->i++;
    if (h->i > from) {
        visible(h, h->s + from, h->i - from);
        return;
    }
    while (h->i < h->n && is_blank(h->s[h->i]))
        h->i++;
    if (!h->newlines) h->space = true;
}

/* Is it markup at all?  A text that only mentions "<" or compares a <b is not:
 * it takes the end tag of an element, or a tag that only markup has. */
static bool is_html(const char *s, size_t n)
{
    static const char *const telling[] = {"html", "body", "div", "p", "br", "hr", "li", "img", "table", "td"};
    for (size_t i = 0; i < n;) {
        const char *p = memchr(s + i, '<', n - i);
        if (!p) return false;
        i = (size_t)(p - s) + 1;
        if (n - i > 13 && strncasecmp(s + i, "!doctype html", 13) == 0) return true;
        bool closing = i < n && s[i] == '/';
        size_t from = i + closing, to = from;
        while (to < n && ((lower(s[to]) >= 'a' && lower(s[to]) <= 'z') || (to > from && s[to] >= '0' && s[to] <= '9')))
            to++;
        const struct tag *t = to > from && to < n && (is_blank(s[to]) || s[to] == '>' || s[to] == '/')
                                  ? find_tag(s + from, to - from)
                                  : NULL;
        if (!t) continue;
        if (closing) return true;
        for (size_t k = 0; k < COUNT_OF(telling); k++)
            if (strcmp(telling[k], t->name) == 0) return true;
    }
    return false;
}

uint64_t prep_html(const char *s, size_t n, struct buf *out)
{
    if (!is_html(s, n)) return 0;
    struct html h = {.s = s, .n = n, .out = out, .base = out->len};
    while (h.i < h.n) {
        if (s[h.i] == '<') markup(&h);
        else if (s[h.i] == '&') reference(&h);
        else plain(&h);
    }
    return 1;
}
