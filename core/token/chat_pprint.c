/* The filter pprint: values over several lines, as Python's pprint.pformat() lays them out; mappings in the order of
 * their keys, as tojson may want them, too. */
#include <string.h>

#include "core/token/chat_filter.h"

enum { WIDTH = 80, MOST_DEPTH = 100 };

struct printer {
    struct chat_run *r;
    struct chat_text out;
};

static int print(struct printer *p, const struct cv *v, int indent, int allowance, int level);

/* ---- mappings in the order of their keys ---- */

/* For a filter, which is named in messages. */
struct sorter {
    struct chat_run *r;
    const char *filter;
};

static int sorted(const struct sorter *s, const struct cv *v, struct cv *out, int depth);

static int sorted_values(const struct sorter *s, const struct cv *v, size_t n, struct cv **out, int depth)
{
    *out = chat_alloc(&s->r->mem, n, sizeof **out);
    if (!*out) return chat_oom(s->r);
    for (size_t i = 0; i < n; i++)
        if (sorted(s, &v[i], &(*out)[i], depth + 1)) return -1;
    return 0;
}

/* Keys that have no order are not sorted by where they lie in memory, as Python's pprint would. */
static int sort_pairs(const struct sorter *s, struct cv *key, struct cv *value, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct cv k = key[i], v = value[i];
        size_t at = i;
        for (; at > 0; at--) {
            int order = cv_compare(&s->r->mem, &k, &key[at - 1]);
            if (order == 2)
                return chat_fail(s->r, "%s: keys of type %s and %s have no order", s->filter, cv_type_name(&key[at - 1]),
                                 cv_type_name(&k));
            if (order >= 0) break;
            key[at] = key[at - 1];
            value[at] = value[at - 1];
        }
        key[at] = k;
        value[at] = v;
        if (chat_step(s->r, 1 + (i - at))) return -1;
    }
    return 0;
}

static int sorted(const struct sorter *s, const struct cv *v, struct cv *out, int depth)
{
    struct chat_run *r = s->r;
    struct cv *value, *key;
    *out = *v;
    if (depth > MOST_DEPTH) return chat_fail(r, "%s: nested more than %d deep", s->filter, MOST_DEPTH);
    if (cv_is_list(v)) {
        if (sorted_values(s, v->u.l->v, v->u.l->n, &value, depth)) return -1;
        bool named = v->safe;
        if (!cv_list(&r->mem, v->type, value, v->u.l->n, out)) return chat_oom(r);
        out->safe = named;
    } else if (v->type == CV_DICT) {
        const struct cdict *d = v->u.d;
        struct cdict *copy = chat_alloc(&r->mem, 1, sizeof *copy);
        if (sorted_values(s, d->value, d->n, &value, depth)) return -1;
        key = chat_alloc(&r->mem, d->n, sizeof *key);
        if (!copy || !key) return chat_oom(r);
        if (d->n) memcpy(key, d->key, d->n * sizeof *key);
        if (sort_pairs(s, key, value, d->n)) return -1;
        *copy = (struct cdict){key, value, d->n};
        out->u.d = copy;
    }
    return chat_step(r, 1);
}

int chat_sorted(struct chat_run *r, const char *filter, const struct cv *v, struct cv *out)
{
    const struct sorter s = {r, filter};
    return sorted(&s, v, out, 0);
}

/* ---- lines ---- */

/* repr() of a value behind t; how many characters. */
static size_t add_repr(struct chat_text *t, const struct cv *v)
{
    size_t from = t->text.len;
    cv_repr(t, v, 0, 0);
    return t->text.len > from ? utf8_count(t->text.data + from, t->text.len - from) : 0;
}

static size_t repr_length(struct printer *p, const struct cv *v)
{
    struct chat_text t = {{0}, {0}};
    size_t n = add_repr(&t, v);
    if (t.text.oom || t.marks.oom) p->out.text.oom = true;
    chat_text_free(&t);
    return n;
}

static void add(struct printer *p, const char *text)
{
    chat_text_add(&p->out, text, strlen(text), 0);
}

static void new_line(struct printer *p, int indent)
{
    add(p, "\n");
    for (int i = 0; i < indent; i++) add(p, " ");
}

static int print_list(struct printer *p, const struct cv *v, int indent, int allowance, int level)
{
    size_t n = v->u.l->n;
    bool tuple = v->type == CV_TUPLE;
    const char *end = !tuple ? "]" : n == 1 ? ",)" : ")";
    add(p, tuple ? "(" : "[");
    for (size_t i = 0; i < n; i++) {
        if (i) add(p, ","), new_line(p, indent + 1);
        if (print(p, &v->u.l->v[i], indent + 1, i + 1 < n ? 1 : allowance + (int)strlen(end), level)) return -1;
    }
    add(p, end);
    return 0;
}

static int print_dict(struct printer *p, const struct cdict *d, int indent, int allowance, int level)
{
    add(p, "{");
    for (size_t i = 0; i < d->n; i++) {
        if (i) add(p, ","), new_line(p, indent + 1);
        size_t n = add_repr(&p->out, &d->key[i]);
        add(p, ": ");
        if (n > 100000) return chat_fail(p->r, "pprint: a key of %zu characters", n);
        if (print(p, &d->value[i], indent + 1 + (int)n + 2, i + 1 < d->n ? 1 : allowance + 1, level)) return -1;
    }
    add(p, "}");
    return 0;
}

/* A long string is written as several, which end behind spaces. */
struct pieces {
    struct printer *p;
    const struct cstr *s;
    size_t from, to;   /* the piece at hand */
    size_t n;          /* before it */
    int indent;
};

static int slice_length(struct printer *p, const struct cstr *s, size_t from, size_t to, int *out)
{
    struct cv v;
    if (!cv_slice(&p->r->mem, s, from, to, &v)) return chat_oom(p->r);
    size_t n = repr_length(p, &v);
    *out = n < 1000000 ? (int)n : 1000000;
    return chat_step(p->r, 1 + (to - from) / 4);
}

static int end_piece(struct pieces *x)
{
    struct cv v;
    if (x->to == x->from) return 0;
    if (x->n++) new_line(x->p, x->indent);
    if (!cv_slice(&x->p->r->mem, x->s, x->from, x->to, &v)) return chat_oom(x->p->r);
    add_repr(&x->p->out, &v);
    x->from = x->to;
    return 0;
}

/* Past a word and the white space behind it. */
static size_t part_end(const struct cstr *s, size_t at, size_t end)
{
    struct uni_char c = {0};
    while (at < end && !chat_white((c = cstr_char(s, at)).cp)) at += c.len;
    while (at < end && chat_white((c = cstr_char(s, at)).cp)) at += c.len;
    return at;
}

/* A line that is too long, in pieces. */
static int break_line(struct pieces *x, size_t from, size_t end, bool last, int width, int allowance)
{
    x->from = x->to = from;
    for (size_t at = from, next; at < end; at = next) {
        int n;
        next = part_end(x->s, at, end);
        if (last && next == end) width -= allowance;
        if (slice_length(x->p, x->s, x->from, next, &n)) return -1;
        if (n > width && end_piece(x)) return -1;
        x->to = next;
    }
    return end_piece(x);
}

static int print_pieces(struct printer *p, const struct cstr *s, int indent, int allowance)
{
    struct pieces x = {.p = p, .s = s, .indent = indent};
    for (size_t i = 0, end, next; i < s->n; i = next) {
        int n, width = WIDTH - indent;
        next = chat_line(s, i, &end);
        bool last = next == s->n;
        if (slice_length(p, s, i, next, &n)) return -1;
        if (n <= width - (last ? allowance : 0)) {
            x.from = i;
            x.to = next;
            if (end_piece(&x)) return -1;
        } else if (break_line(&x, i, next, last, width, allowance)) {
            return -1;
        }
    }
    return 0;
}

static int print_string(struct printer *p, const struct cv *v, int indent, int allowance, int level)
{
    bool brackets = level == 1;
    struct printer all = {.r = p->r};
    int ret = print_pieces(&all, v->u.s, indent + brackets, allowance + brackets);
    bool one = all.out.text.len == 0 || !memchr(all.out.text.data, '\n', all.out.text.len);
    if (one) add_repr(&p->out, v);
    if (!one && brackets) add(p, "(");
    if (!one && ret == 0) {
        struct cstr text = {all.out.text.data, all.out.text.len, (const uint8_t *)all.out.marks.data, 0};
        chat_text_adds(&p->out, &text);
    }
    if (!one && brackets) add(p, ")");
    if (all.out.text.oom) p->out.text.oom = true;
    chat_text_free(&all.out);
    return ret;
}

/* level: of brackets around, from 0. */
static int print(struct printer *p, const struct cv *v, int indent, int allowance, int level)
{
    size_t n = repr_length(p, v);
    if (chat_step(p->r, 1 + n / 4)) return -1;
    if (p->out.text.len > p->r->mem.limit) return chat_oom(p->r);
    bool fits = indent + allowance <= WIDTH && n <= (size_t)(WIDTH - indent - allowance);
    bool plain_tuple = v->type == CV_TUPLE && !v->safe, plain_string = v->type == CV_STRING && !v->safe && v->u.s->n;
    if (!fits && (v->type == CV_LIST || plain_tuple)) return print_list(p, v, indent, allowance, level + 1);
    if (!fits && v->type == CV_DICT) return print_dict(p, v->u.d, indent, allowance, level + 1);
    if (!fits && plain_string) return print_string(p, v, indent, allowance, level + 1);
    add_repr(&p->out, v);
    return 0;
}

int filter_pprint(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a, struct cv *out)
{
    struct printer p = {.r = r};
    struct cv v;
    (void)env, (void)a;
    if (!cv_has_text(&r->mem, of)) return chat_fail(r, "pprint: a value of type %s has no text that means anything", cv_type_name(of));
    int ret = chat_sorted(r, "pprint", of, &v);
    if (ret == 0) ret = print(&p, &v, 0, 0, 0);
    return chat_finish(r, &p.out, ret, 0, out);
}
