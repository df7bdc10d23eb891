#include "core/token/chat_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


enum { BLOCK = 1 << 16, MOST_TEXT = 1 << 27 };

void *chat_alloc(struct chat_mem *m, size_t count, size_t size)
{
    size_t n;
    if (!ck_mul(count, size, &n) || n > SIZE_MAX / 2) return NULL;
    n = (n + 15) & ~(size_t)15;
    if (n > m->left) {
        size_t block = n > BLOCK ? n : BLOCK;
        if (block > m->limit - m->used) return NULL;
        char *p = arena_alloc(&m->arena, block, 1);
        if (!p) return NULL;
        m->used += block;
        if (block > BLOCK) return p;
        m->p = p;
        m->left = block;
    }
    m->p += n;
    m->left -= n;
    return m->p - n;
}

bool chat_grow(struct chat_mem *m, void *at, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) return true;
    size_t to = n < 2 ? 4 : 2 * n;
    void *old, *more = chat_alloc(m, to, size);
    if (!more) return false;
    memcpy(&old, at, sizeof old);
    if (n) memcpy(more, old, n * size);
    memcpy(at, &more, sizeof more);
    *cap = to;
    return true;
}

void chat_mem_free(struct chat_mem *m)
{
    arena_free(&m->arena);
    m->p = NULL;
    m->left = m->used = 0;
}

/* ---- text in the making ---- */

void chat_text_free(struct chat_text *t)
{
    buf_free(&t->text);
    buf_free(&t->marks);
}

static void add_marks(struct chat_text *t, size_t n, uint8_t mark)
{
    if (!buf_reserve(&t->marks, n)) return;
    memset(t->marks.data + t->marks.len, mark, n);
    t->marks.len += n;
    t->marks.data[t->marks.len] = 0;
}

/* Whether there is room for n more bytes. */
static bool has_room(struct chat_text *t, size_t n)
{
    if (n > MOST_TEXT || t->text.len > MOST_TEXT - n) t->text.oom = true;
    return !t->text.oom;
}

void chat_text_add(struct chat_text *t, const char *s, size_t n, uint8_t mark)
{
    if (!has_room(t, n)) return;
    buf_add(&t->text, s, n);
    add_marks(t, n, mark);
}

void chat_text_addc(struct chat_text *t, char c, uint8_t mark)
{
    chat_text_add(t, &c, 1, mark);
}

void chat_text_repeat(struct chat_text *t, const char *s, size_t n, size_t times, uint8_t mark)
{
    size_t all;
    if (!ck_mul(n, times, &all) || !has_room(t, all) || !buf_reserve(&t->text, all)) {
        t->text.oom = true;
        return;
    }
    if (n == 1) {
        memset(t->text.data + t->text.len, *s, all);
        t->text.len += all;
        t->text.data[t->text.len] = 0;
    } else {
        for (size_t i = 0; i < times; i++) buf_add(&t->text, s, n);
    }
    add_marks(t, all, mark);
}

void chat_text_part(struct chat_text *t, const struct cstr *s, size_t from, size_t to)
{
    if (!has_room(t, to - from)) return;
    buf_add(&t->text, s->s + from, to - from);
    if (s->marks) buf_add(&t->marks, s->marks + from, to - from);
    else add_marks(t, to - from, s->mark);
}

void chat_text_adds(struct chat_text *t, const struct cstr *s)
{
    chat_text_part(t, s, 0, s->n);
}

/* ---- making values ---- */

bool cv_string(struct chat_mem *m, const char *s, size_t n, uint8_t mark, struct cv *out)
{
    struct cstr *str = chat_alloc(m, 1, sizeof *str);
    char *copy = chat_alloc(m, n, 1);
    if (!str || !copy) return false;
    if (n) memcpy(copy, s, n);
    *str = (struct cstr){copy, n, NULL, mark};
    *out = (struct cv){.type = CV_STRING, .u.s = str};
    return true;
}

bool cv_text(struct chat_mem *m, const struct chat_text *t, struct cv *out)
{
    size_t n = t->text.len;
    const uint8_t *marks = (const uint8_t *)t->marks.data;
    if (t->text.oom || t->marks.oom) return false;
    if (!cv_string(m, t->text.data, n, n ? marks[0] : CHAT_TRUSTED, out)) return false;
    size_t same = 1;
    while (same < n && marks[same] == marks[0]) same++;
    if (same >= n) return true;
    uint8_t *copy = chat_alloc(m, n, 1);
    if (!copy) return false;
    memcpy(copy, marks, n);
    struct cstr *str = chat_alloc(m, 1, sizeof *str);
    if (!str) return false;
    *str = (struct cstr){out->u.s->s, n, copy, 0};
    out->u.s = str;
    return true;
}

bool cv_slice(struct chat_mem *m, const struct cstr *s, size_t from, size_t to, struct cv *out)
{
    struct cstr *str = chat_alloc(m, 1, sizeof *str);
    if (!str) return false;
    *str = (struct cstr){s->s + from, to - from, s->marks ? s->marks + from : NULL, s->mark};
    *out = (struct cv){.type = CV_STRING, .u.s = str};
    return true;
}

bool cv_list(struct chat_mem *m, enum cv_type type, const struct cv *v, size_t n, struct cv *out)
{
    struct clist *l = chat_alloc(m, 1, sizeof *l);
    struct cv *copy = chat_alloc(m, n, sizeof *copy);
    if (!l || !copy) return false;
    if (n) memcpy(copy, v, n * sizeof *copy);
    *l = (struct clist){copy, n};
    *out = (struct cv){.type = type, .u.l = l};
    return true;
}

bool cv_lazy(struct chat_mem *m, enum lazy_kind kind, const struct cv *v, size_t n, struct cv *out)
{
    struct clazy *lazy = chat_alloc(m, 1, sizeof *lazy);
    if (!lazy) return false;
    *lazy = (struct clazy){.kind = kind, .v = v, .n = n};
    *out = (struct cv){.type = CV_LAZY, .u.lazy = lazy};
    return true;
}

/* ---- looking at values ---- */

/* Also at `bytes` of text. */
static bool look(struct chat_mem *m, size_t bytes)
{
    if (!m || !m->most_looks) return true;
    m->looks += 1 + bytes / 64;
    return m->looks <= m->most_looks;
}

bool chat_look_inside(struct chat_mem *m, int depth)
{
    if (depth <= CHAT_DEEPEST) return look(m, 0);
    if (m) m->too_deep = true;
    return false;
}

double cv_number(const struct cv *v)
{
    return v->type == CV_BOOL ? (double)v->u.b : v->type == CV_INT ? (double)v->u.i : v->u.f;
}

bool cstr_equal(const struct cstr *a, const struct cstr *b)
{
    return a->n == b->n && memcmp(a->s, b->s, a->n) == 0;
}

bool cstr_is(const struct cstr *s, const char *text)
{
    return s->n == strlen(text) && memcmp(s->s, text, s->n) == 0;
}

bool cv_is(const struct cv *v, const char *text)
{
    return v->type == CV_STRING && cstr_is(v->u.s, text);
}

bool cv_true(const struct cv *v)
{
    switch (v->type) {
    case CV_UNDEFINED:
    case CV_NONE: return false;
    case CV_BOOL: return v->u.b;
    case CV_INT: return v->u.i != 0;
    case CV_FLOAT: return v->u.f < 0 || v->u.f > 0 || isnan(v->u.f);
    case CV_STRING: return v->u.s->n > 0;
    case CV_LIST:
    case CV_TUPLE: return v->u.l->n > 0;
    case CV_DICT: return v->u.d->n > 0;
    case CV_LAZY: return cv_is_stream(v) || v->u.lazy->n > 0;
    default: return true;
    }
}

static int compare_numbers(const struct cv *a, const struct cv *b)
{
    if (a->type != CV_FLOAT && b->type != CV_FLOAT) {
        int64_t x = a->type == CV_BOOL ? a->u.b : a->u.i, y = b->type == CV_BOOL ? b->u.b : b->u.i;
        return x < y ? -1 : x > y;
    }
    double x = cv_number(a), y = cv_number(b);
    return x < y ? -1 : x > y ? 1 : isnan(x) || isnan(y) ? 2 : 0;
}

/* -1, 0, 1 by what the digits say, one of a and b being a CV_BIG; 2: there is no order. */
static int compare_big(const struct cv *a, const struct cv *b)
{
    char digits[400];
    const struct cstr *v[2];
    struct cstr real;
    for (int i = 0; i < 2; i++) {
        const struct cv *x = i ? b : a;
        if (x->type != CV_BIG && !cv_is_number(x)) return 2;
        if (x->type == CV_FLOAT && isnan(x->u.f)) return 2;
        if (x->type == CV_FLOAT && isinf(x->u.f)) return (x->u.f < 0) != i ? -1 : 1;
        int n = 0;
        if (x->type == CV_FLOAT) n = snprintf(digits, sizeof digits, "%.0f", x->u.f);
        else if (x->type != CV_BIG) n = snprintf(digits, sizeof digits, "%lld", (long long)(x->type == CV_BOOL ? x->u.b : x->u.i));
        v[i] = x->type == CV_BIG ? x->u.s : &real;
        if (n) real = (struct cstr){digits, (size_t)n, NULL, 0}; /* what is no integer is shorter than any CV_BIG */
    }
    bool minus = v[0]->s[0] == '-', other = v[1]->s[0] == '-';
    if (minus != other) return minus ? -1 : 1;
    int c = v[0]->n != v[1]->n ? (v[0]->n < v[1]->n ? -1 : 1) : memcmp(v[0]->s, v[1]->s, v[0]->n);
    return c == 0 ? 0 : (c < 0) != minus ? -1 : 1;
}

static bool equal(struct chat_mem *m, const struct cv *a, const struct cv *b, int depth);

/* Ranges by their numbers, keys and items of mappings as sets; others are what they are. */
static bool equal_lazy(struct chat_mem *m, const struct clazy *a, const struct clazy *b, int depth)
{
    bool set = a->kind == LAZY_KEYS || a->kind == LAZY_ITEMS;
    if (a == b) return true;
    if (a->kind != b->kind || a->n != b->n || (!set && a->kind != LAZY_RANGE)) return false;
    for (size_t i = 0; i < a->n; i++) {
        size_t k = set ? 0 : i;
        while (set && k < b->n && !equal(m, &a->v[i], &b->v[k], depth + 1)) k++;
        if (k == b->n || !equal(m, &a->v[i], &b->v[k], depth + 1)) return false;
    }
    return true;
}

static bool equal(struct chat_mem *m, const struct cv *a, const struct cv *b, int depth)
{
    if (!chat_look_inside(m, depth)) return false;
    if (cv_is_number(a) && cv_is_number(b)) return compare_numbers(a, b) == 0;
    if (a->type == CV_BIG || b->type == CV_BIG) return compare_big(a, b) == 0;
    if (a->type != b->type) return false;
    switch (a->type) {
    case CV_UNDEFINED:
    case CV_NONE: return true;
    case CV_STRING: return a->u.s->n == b->u.s->n && look(m, a->u.s->n) && cstr_equal(a->u.s, b->u.s);
    case CV_LIST:
    case CV_TUPLE:
        if (a->u.l->n != b->u.l->n) return false;
        for (size_t i = 0; i < a->u.l->n; i++)
            if (!equal(m, &a->u.l->v[i], &b->u.l->v[i], depth + 1)) return false;
        return true;
    case CV_DICT:
        if (a->u.d->n != b->u.d->n) return false;
        for (size_t i = 0; i < a->u.d->n; i++) {
            const struct cv *other = cdict_get(m, b->u.d, &a->u.d->key[i]);
            if (!other || !equal(m, &a->u.d->value[i], other, depth + 1)) return false;
        }
        return true;
    case CV_GLOBAL: return a->u.global == b->u.global;
    case CV_LAZY: return equal_lazy(m, a->u.lazy, b->u.lazy, depth);
    default: return a->u.space == b->u.space;
    }
}

bool cv_equal(struct chat_mem *m, const struct cv *a, const struct cv *b)
{
    return equal(m, a, b, 0);
}

static int compare(struct chat_mem *m, const struct cv *a, const struct cv *b, int depth)
{
    if (!chat_look_inside(m, depth)) return 2;
    if (cv_is_number(a) && cv_is_number(b)) return compare_numbers(a, b);
    if (a->type == CV_BIG || b->type == CV_BIG) return compare_big(a, b);
    if (a->type != b->type) return 2;
    if (a->type == CV_STRING) {
        size_t n = a->u.s->n < b->u.s->n ? a->u.s->n : b->u.s->n;
        if (!look(m, n)) return 2;
        int c = n ? memcmp(a->u.s->s, b->u.s->s, n) : 0;
        if (c) return c < 0 ? -1 : 1;
        return a->u.s->n < b->u.s->n ? -1 : a->u.s->n > b->u.s->n;
    }
    if (!cv_is_list(a)) return 2;
    for (size_t i = 0; i < a->u.l->n && i < b->u.l->n; i++) {
        if (equal(m, &a->u.l->v[i], &b->u.l->v[i], depth + 1)) continue;
        return compare(m, &a->u.l->v[i], &b->u.l->v[i], depth + 1);
    }
    return a->u.l->n < b->u.l->n ? -1 : a->u.l->n > b->u.l->n;
}

int cv_compare(struct chat_mem *m, const struct cv *a, const struct cv *b)
{
    return compare(m, a, b, 0);
}

const struct cv *cdict_get(struct chat_mem *m, const struct cdict *d, const struct cv *key)
{
    for (size_t i = 0; i < d->n; i++)
        if (cv_equal(m, &d->key[i], key)) return &d->value[i];
    return NULL;
}

const struct cv *cdict_find(const struct cdict *d, const char *key)
{
    for (size_t i = 0; i < d->n; i++)
        if (cv_is(&d->key[i], key)) return &d->value[i];
    return NULL;
}

void cdict_put(struct chat_mem *m, struct cv *key, struct cv *value, size_t *n, const struct cv *k, const struct cv *v)
{
    size_t at = 0;
    while (at < *n && !cv_equal(m, &key[at], k)) at++;
    if (at == *n) key[(*n)++] = *k;
    value[at] = *v;
}

const char *cv_type_name(const struct cv *v)
{
    static const char *const names[] = {"undefined", "NoneType", "bool", "int", "float", "str", "list",
                                        "tuple", "dict", "namespace", "loop", "macro", "method",
                                        "function"};
    static const char *const lazy[] = {"generator", "iterator", "dict_keys", "dict_values", "dict_items", "range"};
    if (v->type == CV_BIG) return "int";
    if (v->type == CV_CYCLER || v->type == CV_JOINER) return v->type == CV_CYCLER ? "Cycler" : "Joiner";
    return v->type == CV_LAZY ? lazy[v->u.lazy->kind] : names[v->type];
}

/* ---- characters ---- */

size_t utf8_count(const char *s, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += (s[i] & 0xC0) != 0x80;
    return count;
}

size_t utf8_offset(const char *s, size_t n, size_t chars)
{
    size_t i = 0;
    for (; i < n; i++)
        if ((s[i] & 0xC0) != 0x80 && chars-- == 0) return i;
    return n;
}
