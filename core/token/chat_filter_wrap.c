/* Filters that make texts shorter or break their lines, and sizes of files. */
#include <stdio.h>
#include <string.h>

#include "core/token/chat_filter.h"
#include "core/token/uni_props.h"

/* ---- truncate ---- */

/* Where the last space of s[0, n) stands, n without one. */
static size_t last_space(const char *s, size_t n)
{
    const char *p = n ? memrchr(s, ' ', n) : NULL;
    return p ? (size_t)(p - s) : n;
}

int filter_truncate(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    static const struct cstr dots = {"...", 3, NULL, CHAT_TRUSTED};
    const struct cv *kill = chat_arg(a, 1, "killwords");
    const struct cstr *end = &dots;
    int64_t length = 255, leeway = 5, n;
    (void)env;
    if (chat_int_arg(r, a, 0, "length", &length) || chat_string_arg(r, a, 2, "end", &end) || chat_int_or_none(r, a, 3, "leeway", &leeway))
        return -1;
    int64_t n_end = (int64_t)utf8_count(end->s, end->n);
    if (length < n_end || leeway < 0)
        return chat_fail(r, "truncate needs a length of %lld at least, and no negative leeway", (long long)n_end);
    if (chat_length(r, of, &n)) return -1;
    *out = *of;
    if (n <= length || n - length <= leeway) return 0; /* a list that is short enough stays one */
    if (of->type != CV_STRING) return chat_fail(r, "truncate needs a string, not %s", cv_type_name(of));
    const struct cstr *s = of->u.s;
    size_t keep = utf8_offset(s->s, s->n, (size_t)(length - n_end));
    if (!kill || !cv_true(kill)) keep = last_space(s->s, keep);
    struct cv head, tail = {.type = CV_STRING, .u.s = end};
    bool safe = of->safe;
    if (!cv_slice(&r->mem, s, 0, keep, &head)) return chat_oom(r);
    head.safe = safe;
    return chat_binary(r, OP_ADD, &head, &tail, out) ? -1 : chat_step(r, s->n / 64);
}

/* ---- wordwrap, by the rules of Python's textwrap ---- */

/* A part of a line that is not broken, unless it is too long: a word with the hyphen behind it, or white space. */
struct chunk {
    size_t from, to; /* bytes of the text */
    size_t chars;
    size_t solid;    /* where its last character that is no white space of any kind ends; 0 = there is none */
};
struct wrap {
    struct chat_run *r;
    const struct cstr *s, *between;
    int64_t width;
    bool break_words, hyphens;
    struct chunk *v;  /* [n] of the line at hand */
    size_t n, cap;
    bool any_line;    /* of this line */
    struct chat_text out;
};

/* What textwrap takes for white space between chunks. */
static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct uni_char before(const struct cstr *s, size_t at)
{
    return at ? uni_prev((const uint8_t *)s->s, at) : (struct uni_char){UNI_BAD, 0, 0};
}

static struct uni_char at_char(const struct cstr *s, size_t at, size_t end)
{
    return at < end ? uni_next((const uint8_t *)s->s + at, end - at) : (struct uni_char){UNI_BAD, 0, 0};
}

static bool is_word(struct uni_char c)
{
    return (c.class & (UNI_L | UNI_N)) || c.cp == '_';
}

/* A letter, as textwrap has it: what is in words and no decimal digit. */
static bool is_letter(struct uni_char c)
{
    return is_word(c) && uni_category(c.cp) != UNI_Nd;
}

static bool is_word_or_punctuation(struct uni_char c)
{
    return is_word(c) || (c.cp < 0x80 && c.cp && strchr("!\"'&.,?", (int)c.cp));
}

/* s[at] begins two hyphens or more with a word behind them. */
static bool is_dash(const struct cstr *s, size_t at, size_t end)
{
    size_t i = at;
    while (i < end && s->s[i] == '-') i++;
    return i - at >= 2 && is_word(at_char(s, i, end));
}

/* A hyphen at s[at] inside a word ("well-known"), behind which a line may end. */
static bool is_hyphen(const struct cstr *s, size_t begin, size_t at, size_t end)
{
    if (s->s[at] != '-') return false;
    struct uni_char one = at > begin ? before(s, at) : before(s, 0), two = {UNI_BAD, 0, 0}, three = two;
    if (one.len && at - one.len > begin) two = before(s, at - one.len);
    if (two.len && at - one.len - two.len > begin) three = before(s, at - one.len - two.len);
    bool letters = is_letter(one) && is_letter(two);
    bool part = is_letter(one) && two.cp == '-' && is_letter(three);
    if (!letters && !part) return false;
    struct uni_char next = at_char(s, at + 1, end);
    size_t behind = at + 1 + next.len;
    if (!is_letter(next)) return false;
    if (behind < end && s->s[behind] == '-' && is_letter(at_char(s, behind + 1, end))) return true;
    return is_letter(at_char(s, behind, end));
}

/* The end of the chunk that begins at s[at] in the line s[begin, end). */
static size_t chunk_end(const struct wrap *w, size_t begin, size_t at, size_t end)
{
    const struct cstr *s = w->s;
    size_t i = at;
    if (is_blank(s->s[at])) {
        while (i < end && is_blank(s->s[i])) i++;
        return i;
    }
    if (w->hyphens && s->s[at] == '-' && at > begin && is_word_or_punctuation(before(s, at)) && is_dash(s, at, end)) {
        while (s->s[i] == '-') i++;
        return i;
    }
    for (i += at_char(s, i, end).len; i < end && !is_blank(s->s[i]); i += at_char(s, i, end).len) {
        if (!w->hyphens) continue;
        if (is_hyphen(s, begin, i, end)) return i + 1;
        if (s->s[i] == '-' && is_word_or_punctuation(before(s, i)) && is_dash(s, i, end)) return i;
    }
    return i;
}

static size_t solid_end(const struct cstr *s, size_t from, size_t to)
{
    while (to > from) {
        struct uni_char c = before(s, to);
        if (!chat_white(c.cp)) return to;
        to -= c.len;
    }
    return 0;
}

static bool is_white(const struct chunk *c)
{
    return c->from >= c->solid;
}

static int push_chunk(struct wrap *w, size_t from, size_t to)
{
    if (!chat_grow(&w->r->mem, &w->v, w->n, &w->cap, sizeof *w->v)) return chat_oom(w->r);
    w->v[w->n++] = (struct chunk){from, to, utf8_count(w->s->s + from, to - from), solid_end(w->s, from, to)};
    return 0;
}

/* How much of a word that is longer than a line fits into what is left of this one: up to a hyphen, if there is one. */
static size_t word_part(const struct wrap *w, const struct chunk *c, size_t left)
{
    const char *s = w->s->s + c->from;
    size_t n = utf8_offset(s, c->to - c->from, left);
    for (size_t i = n; w->hyphens && i-- > 1;) {
        if (s[i] != '-') continue;
        for (size_t k = 0; k < i; k++)
            if (s[k] != '-') return i + 1;
        break;
    }
    return n;
}

/* One line of the result from the chunks at v[*at]; they are taken. */
static void wrap_line(struct wrap *w, size_t *at)
{
    size_t first = *at, last, used = 0;
    if (is_white(&w->v[first]) && w->any_line) first++;
    *at = first;
    if (first == w->n) return;
    for (last = first; last < w->n && used + w->v[last].chars <= (size_t)w->width; last++) used += w->v[last].chars;
    size_t from = w->v[first].from, to = last > first ? w->v[last - 1].to : from, piece = last > first ? w->v[last - 1].from : from;
    struct chunk *c = last < w->n && w->v[last].chars > (size_t)w->width ? &w->v[last] : NULL;
    if (c && (w->break_words || last == first)) {
        piece = c->from;
        to = w->break_words ? c->from + word_part(w, c, (size_t)w->width - used) : c->to;
        last += !w->break_words;
        c->chars -= utf8_count(w->s->s + c->from, to - c->from);
        c->from = to;
    }
    *at = last;
    if (!solid_end(w->s, piece, to)) to = piece; /* the last piece of a line is dropped when it is blank */
    if (to == from) return;
    if (w->any_line) chat_text_adds(&w->out, w->between);
    chat_text_part(&w->out, w->s, from, to);
    w->any_line = true;
}

static int wrap_text(struct wrap *w, size_t begin, size_t end)
{
    w->n = 0;
    w->any_line = false;
    for (size_t at = begin, next; at < end; at = next) {
        next = chunk_end(w, begin, at, end);
        if (push_chunk(w, at, next) || chat_step(w->r, 1 + (next - at) / 16)) return -1;
    }
    for (size_t at = 0; at < w->n;) {
        wrap_line(w, &at);
        if (chat_step(w->r, 1)) return -1;
        if (w->out.text.len > w->r->mem.limit) return chat_oom(w->r);
    }
    return 0;
}

int filter_wordwrap(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    static const struct cstr newline = {"\n", 1, NULL, CHAT_TRUSTED};
    const struct cv *words = chat_arg(a, 1, "break_long_words"), *hyphens = chat_arg(a, 3, "break_on_hyphens");
    struct wrap w = {.r = r, .s = of->u.s, .between = &newline, .width = 79, .break_words = !words || cv_true(words),
                     .hyphens = !hyphens || cv_true(hyphens)};
    int ret = 0;
    (void)env;
    if (chat_int_arg(r, a, 0, "width", &w.width) || chat_string_or_none(r, a, 2, "wrapstring", &w.between)) return -1;
    if (of->type != CV_STRING) return chat_fail(r, "wordwrap needs a string, not %s", cv_type_name(of));
    if (w.width <= 0) return chat_fail(r, "wordwrap needs a width from 1 on");
    for (size_t i = 0, end, next; ret == 0 && i < w.s->n; i = next) {
        next = chat_line(w.s, i, &end);
        if (i) chat_text_adds(&w.out, w.between);
        ret = wrap_text(&w, i, end);
    }
    return chat_finish(r, &w.out, ret, 0, out);
}

/* ---- sizes ---- */

int filter_filesizeformat(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    static const char *const units[][2] = {{"kB", "KiB"}, {"MB", "MiB"}, {"GB", "GiB"}, {"TB", "TiB"},
                                           {"PB", "PiB"}, {"EB", "EiB"}, {"ZB", "ZiB"}, {"YB", "YiB"}};
    static const long double tens[] = {1e6L, 1e9L, 1e12L, 1e15L, 1e18L, 1e21L, 1e24L, 1e27L}; /* exact, as Python's integers */
    const struct cv *given = chat_arg(a, 0, "binary");
    bool binary = given && cv_true(given);
    double bytes, base = binary ? 1024 : 1000;
    long double unit = (long double)base * base;
    char text[400];
    (void)env;
    if (chat_real(r, of, &bytes)) return -1;
    if (bytes < base) {
        bool one = !(bytes < 1) && !(bytes > 1);
        if (!(bytes > -9e18)) return chat_fail(r, "a number is too large");
        snprintf(text, sizeof text, one ? "1 Byte" : "%lld Bytes", (long long)bytes);
    } else {
        size_t i = 0;
        for (; i + 1 < COUNT_OF(units) && !(bytes < unit); i++) unit = binary ? unit * 1024 : tens[i + 1];
        snprintf(text, sizeof text, "%.1f %s", base * bytes / (double)unit, units[i][binary]);
    }
    return cv_string(&r->mem, text, strlen(text), CHAT_TRUSTED, out) ? 0 : chat_oom(r);
}
