/* The filter urlize: addresses in a text become links. */
#include <string.h>

#include "core/token/chat_filter.h"
#include "core/token/uni_props.h"

struct linker {
    struct chat_run *r;
    const struct cstr *s;     /* escaped */
    struct buf attributes;    /* rel and target */
    int64_t limit;            /* characters of a link that are shown; -1 = all */
    const struct clist *schemes;
    struct chat_text out;
};

static bool begins(const struct cstr *s, size_t at, size_t end, const char *with, size_t n)
{
    return end - at >= n && memcmp(s->s + at, with, n) == 0;
}

static size_t count(const struct cstr *s, size_t at, size_t end, const char *what)
{
    size_t n = 0, len = strlen(what);
    for (; at < end; n++) {
        const char *p = memmem(s->s + at, end - at, what, len);
        if (!p) break;
        at = (size_t)(p - s->s) + len;
    }
    return n;
}

/* Brackets and stops around the address in s[*from, *to), but those that belong to it. */
static void find_middle(const struct cstr *s, size_t *from, size_t *to)
{
    static const char *const pairs[][2] = {{"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}};
    size_t end = *to;
    for (size_t n; *from < end; *from += n) {
        n = s->s[*from] == '(' || s->s[*from] == '<' ? 1 : begins(s, *from, end, "&lt;", 4) ? 4 : 0;
        if (!n) break;
    }
    while (*to > *from) {
        if (memchr(")>.,\n", s->s[*to - 1], 5)) --*to;
        else if (*to - *from >= 4 && begins(s, *to - 4, *to, "&gt;", 4)) *to -= 4;
        else break;
    }
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        const char *open = pairs[i][0], *close = pairs[i][1];
        size_t opened = count(s, *from, *to, open), closing = count(s, *to, end, close);
        if (opened <= count(s, *from, *to, close)) continue;
        for (size_t k = 0; k < opened && k < closing; k++) {
            const char *p = memmem(s->s + *to, end - *to, close, strlen(close));
            *to = (size_t)(p - s->s) + strlen(close);
        }
    }
}

/* ---- what is an address, by jinja2's two expressions ---- */

enum { DIGIT = 1, WORD = 2, LABEL = 4 }; /* \d, \w, and what is between the points of a domain */

static int class_of(uint32_t cp, unsigned class)
{
    bool word = (class & (UNI_L | UNI_N)) || cp == '_';
    return (uni_category(cp) == UNI_Nd ? DIGIT : 0) | (word ? WORD | LABEL : 0) | (cp == '%' || cp == '-' ? LABEL : 0);
}

/* Past the characters of the classes in s[at, end); *n: how many. */
static size_t run(const struct cstr *s, size_t at, size_t end, int classes, size_t *n)
{
    struct uni_char c;
    for (*n = 0; at < end; at += c.len, ++*n) {
        c = uni_next((const uint8_t *)s->s + at, end - at);
        if (c.cp == UNI_BAD || !(class_of(c.cp, c.class) & classes)) break;
    }
    return at;
}

/* The same letters in any case? */
static bool same(const char *a, const char *lower, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((a[i] >= 'A' && a[i] <= 'Z' ? a[i] + 32 : a[i]) != lower[i]) return false;
    return true;
}

/* Port, path, query and fragment, up to the end. */
static bool web_rest(const struct cstr *s, size_t at, size_t end)
{
    size_t digits = 0;
    if (at < end && s->s[at] == ':') {
        at = run(s, at + 1, end, DIGIT, &digits);
        if (digits < 1 || digits > 5) return false;
    }
    return at == end || s->s[at] == '/' || s->s[at] == '?' || s->s[at] == '#';
}

/* The last part of a domain: letters, "xn--..."; common: one of the few that need no scheme. */
static bool top_level(const struct cstr *s, size_t at, size_t end, bool common)
{
    static const char *const few[] = {"com", "net", "int", "edu", "gov", "org", "info", "mil"};
    size_t n = end - at, letters = 0;
    for (size_t i = 0; common && i < COUNT_OF(few); i++)
        if (n == strlen(few[i]) && same(s->s + at, few[i], n)) return true;
    if (common) return false;
    if (n > 4 && same(s->s + at, "xn--", 4)) {
        size_t chars = utf8_count(s->s + at + 4, n - 4);
        if (chars >= 2 && chars <= 59 && !memchr(s->s + at + 4, '-', n - 4)) return true;
    }
    while (letters < n && (s->s[at + letters] | 0x20) >= 'a' && (s->s[at + letters] | 0x20) <= 'z') letters++;
    return letters == n && n >= 2 && n <= 63;
}

static bool domain(const struct cstr *s, size_t at, size_t end, bool common)
{
    for (bool first = true;; first = false) {
        size_t n, to = run(s, at, end, LABEL, &n);
        bool more = to < end && s->s[to] == '.';
        if (!more) return n && !(first && common) && top_level(s, at, to, common) && web_rest(s, to, end);
        if (n < 1 || (common && (n < 2 || n > 63))) return false;
        at = to + 1;
    }
}

static bool four_numbers(const struct cstr *s, size_t at, size_t end)
{
    for (int i = 0; i < 4; i++) {
        size_t n;
        if (i && (at >= end || s->s[at++] != '.')) return false;
        at = run(s, at, end, DIGIT, &n);
        if (n < 1 || n > 3) return false;
    }
    return web_rest(s, at, end);
}

/* "[::1]": two groups with a ':' behind, then up to six that may have one. */
static bool six_numbers(const struct cstr *s, size_t at, size_t end)
{
    size_t groups = 0;
    if (at == end || s->s[at] != '[') return false;
    for (at++; at < end && s->s[at] != ']'; groups++) {
        size_t n = 0;
        for (; at < end && n < 4; n++) {
            struct uni_char c = uni_next((const uint8_t *)s->s + at, end - at);
            if (hex_digit(s->s[at]) < 0 && !(class_of(c.cp, c.class) & DIGIT)) break;
            at += c.len;
        }
        bool colon = at < end && s->s[at] == ':';
        if (groups < 2 ? !colon : !colon && n == 0) return false;
        at += colon;
    }
    return groups >= 2 && groups <= 8 && at < end && web_rest(s, at + 1, end);
}

static bool is_web(const struct cstr *s, size_t at, size_t end)
{
    size_t n = end - at;
    size_t scheme = n >= 8 && same(s->s + at, "https://", 8) ? 8 : n >= 7 && same(s->s + at, "http://", 7) ? 7 : 0;
    size_t www = !scheme && n >= 4 && same(s->s + at, "www.", 4) ? 4 : 0;
    if ((scheme || www) && domain(s, at + scheme + www, end, false)) return true;
    if (scheme && (four_numbers(s, at + scheme, end) || six_numbers(s, at + scheme, end))) return true;
    return !scheme && domain(s, at, end, true);
}

static bool is_mail(const struct cstr *s, size_t at, size_t end)
{
    const char *sign = end > at ? memrchr(s->s + at, '@', end - at) : NULL;
    size_t from = sign ? (size_t)(sign - s->s) + 1 : end, n, words = 0, i = from;
    bool point = false;
    if (!sign || from == at + 1) return false;
    while (i < end) {
        i = run(s, i, end, WORD, &n);
        if (n) words = n;
        if (i == end) return point && n > 0;
        if (!words || (s->s[i] != '.' && s->s[i] != '-')) return false;
        point = s->s[i] == '.' || (point && s->s[i] != '-');
        i++;
    }
    return false;
}

/* ---- links ---- */

static void add(struct linker *x, const char *text)
{
    chat_text_add(&x->out, text, strlen(text), 0);
}

/* <a href="...">...</a> */
static void add_link(struct linker *x, const char *scheme, size_t from, size_t to, bool attributes, size_t shown, bool trim)
{
    size_t chars = utf8_count(x->s->s + shown, to - shown);
    add(x, "<a href=\"");
    add(x, scheme);
    chat_text_part(&x->out, x->s, from, to);
    add(x, "\"");
    if (attributes && x->attributes.len) chat_text_add(&x->out, x->attributes.data, x->attributes.len, 0);
    add(x, ">");
    bool cut = trim && x->limit >= 0 && chars > (size_t)x->limit;
    chat_text_part(&x->out, x->s, shown, cut ? shown + utf8_offset(x->s->s + shown, to - shown, (size_t)x->limit) : to);
    add(x, cut ? "...</a>" : "</a>");
}

/* *done: one of the schemes that were given begins it. */
static void other_scheme(struct linker *x, size_t from, size_t to, bool *done)
{
    for (size_t i = 0; x->schemes && i < x->schemes->n && !*done; i++) {
        const struct cstr *scheme = x->schemes->v[i].u.s;
        *done = to - from > scheme->n && begins(x->s, from, to, scheme->s, scheme->n);
        if (*done) add_link(x, "", from, to, true, from, false);
    }
}

static int one_word(struct linker *x, size_t from, size_t to)
{
    const struct cstr *s = x->s;
    size_t a = from, b = to;
    bool yes = false;
    find_middle(s, &a, &b);
    chat_text_part(&x->out, s, from, a);
    bool mailto = begins(s, a, b, "mailto:", 7), at = b > a && memchr(s->s + a, '@', b - a);
    bool may = at && !begins(s, a, b, "www.", 4) && s->s[a] != '@' && !memchr(s->s + a, ':', b - a);
    if (is_web(s, a, b)) {
        bool scheme = begins(s, a, b, "https://", 8) || begins(s, a, b, "http://", 7);
        add_link(x, scheme ? "" : "https://", a, b, true, a, true);
    } else if (mailto && is_mail(s, a + 7, b)) {
        add_link(x, "", a, b, false, a + 7, false);
    } else if (may && is_mail(s, a, b)) {
        add_link(x, "mailto:", a, b, false, a, false);
    } else {
        other_scheme(x, a, b, &yes);
        if (!yes) chat_text_part(&x->out, s, a, b);
    }
    chat_text_part(&x->out, s, b, to);
    return chat_step(x->r, 1 + (to - from + (x->schemes ? x->schemes->n : 0)) / 16);
}

static int all_words(struct linker *x)
{
    const struct cstr *s = x->s;
    for (size_t i = 0, from; i < s->n;) {
        struct uni_char c = {0};
        for (from = i; i < s->n && chat_white((c = cstr_char(s, i)).cp); i += c.len) {}
        chat_text_part(&x->out, s, from, i);
        for (from = i; i < s->n && !chat_white((c = cstr_char(s, i)).cp); i += c.len) {}
        if (i > from && one_word(x, from, i)) return -1;
        if (x->out.text.len > x->r->mem.limit) return chat_oom(x->r);
    }
    return 0;
}

/* rel="..." of the words given, nofollow and noopener: each once, in order. */
static int add_rel(struct linker *x, const struct cv *rel, bool nofollow)
{
    static const struct cstr words[] = {{"noopener", 8, NULL, 0}, {"nofollow", 8, NULL, 0}};
    struct chat_run *r = x->r;
    const struct cstr *s = rel && rel->type == CV_STRING ? rel->u.s : NULL;
    struct cv *v = chat_alloc(&r->mem, (s ? s->n : 0) + 2, sizeof *v), text = {.type = CV_STRING};
    size_t n = 0;
    struct uni_char c = {0};
    if (!v) return chat_oom(r);
    if (rel && !s && cv_true(rel)) return chat_fail(r, "'rel' is a string, not %s", cv_type_name(rel));
    for (size_t i = 0; i <= (size_t)nofollow; i++) v[n++] = (struct cv){.type = CV_STRING, .u.s = &words[i]};
    for (size_t i = 0, from; s && i < s->n;) {
        while (i < s->n && chat_white((c = cstr_char(s, i)).cp)) i += c.len;
        for (from = i; i < s->n && !chat_white((c = cstr_char(s, i)).cp);) i += c.len;
        if (i > from && !cv_slice(&r->mem, s, from, i, &v[n++])) return chat_oom(r);
        if (chat_step(r, n)) return -1;
    }
    buf_adds(&x->attributes, " rel=\"");
    for (size_t left = n, done = 0; left; left--) {
        size_t least = 0;
        for (size_t i = 1; i < left; i++)
            if (cv_compare(&r->mem, &v[i], &v[least]) < 0) least = i;
        struct cv word = v[least];
        v[least] = v[left - 1];
        if (done && cv_equal(&r->mem, &word, &text)) continue;
        text = word;
        if (done++) buf_addc(&x->attributes, ' ');
        struct cv escaped;
        if (chat_escape(r, &word, &escaped) || chat_step(r, left / 4)) return -1;
        buf_add(&x->attributes, escaped.u.s->s, escaped.u.s->n);
    }
    buf_adds(&x->attributes, "\"");
    return 0;
}

static int read_args(struct linker *x, const struct cv *of, const struct chat_args *a)
{
    struct chat_run *r = x->r;
    const struct cv *nofollow = chat_arg(a, 1, "nofollow"), *schemes = chat_arg(a, 4, "extra_schemes");
    const struct cstr *target = NULL, *text;
    struct cv escaped;
    if (chat_int_or_none(r, a, 0, "trim_url_limit", &x->limit)) return -1;
    if (x->limit < -1) return chat_fail(r, "urlize: a limit from 0 on is needed");
    if (chat_string_or_none(r, a, 2, "target", &target) || add_rel(x, chat_arg(a, 3, "rel"), nofollow && cv_true(nofollow))) return -1;
    if (target && target->n) {
        if (chat_escape(r, &(struct cv){.type = CV_STRING, .u.s = target}, &escaped)) return -1;
        buf_adds(&x->attributes, " target=\"");
        buf_add(&x->attributes, escaped.u.s->s, escaped.u.s->n);
        buf_adds(&x->attributes, "\"");
    }
    if (schemes && schemes->type != CV_NONE && chat_items(r, schemes, &x->schemes)) return -1;
    for (size_t i = 0; x->schemes && i < x->schemes->n; i++) {
        const struct cv *v = &x->schemes->v[i];
        const char *colon = v->type == CV_STRING ? memchr(v->u.s->s, ':', v->u.s->n) : NULL;
        size_t slashes = 0, behind = colon ? (size_t)(v->u.s->s + v->u.s->n - colon - 1) : 0;
        while (slashes < behind && colon[1 + slashes] == '/') slashes++;
        if (!colon || colon - v->u.s->s < 2 || slashes > 2) return chat_fail(r, "urlize: a scheme is as 'ftp://'");
    }
    if (of->type != CV_STRING && chat_as_string(r, of, &text)) return -1;
    struct cv value = of->type == CV_STRING ? *of : (struct cv){.type = CV_STRING, .u.s = text};
    if (chat_escape(r, &value, &escaped)) return -1;
    x->s = escaped.u.s;
    return 0;
}

int filter_urlize(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    struct linker x = {.r = r, .limit = -1};
    int ret = read_args(&x, of, a);
    (void)env;
    if (ret == 0) ret = all_words(&x);
    buf_free(&x.attributes);
    return chat_finish(r, &x.out, ret, 0, out);
}
