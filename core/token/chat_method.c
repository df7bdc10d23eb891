/* Methods of strings, mappings, lists and loops. */
#include <string.h>

#include "core/base/json.h"
#include "core/token/chat_method.h"
#include "core/token/unicode.h"


static int strip_side(struct chat_run *r, const struct cv *self, const struct chat_args *a, int sides, struct cv *out)
{
    const struct cstr *chars = NULL;
    return chat_string_arg(r, a, 0, "chars", &chars) || chat_strip(r, self->u.s, chars, sides, out) ? -1 : 0;
}

static int m_strip(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return strip_side(r, self, a, STRIP_LEFT | STRIP_RIGHT, out);
}

static int m_lstrip(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return strip_side(r, self, a, STRIP_LEFT, out);
}

static int m_rstrip(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return strip_side(r, self, a, STRIP_RIGHT, out);
}

static int m_upper(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return chat_case(r, self->u.s, CASE_UPPER, out);
}

static int m_lower(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return chat_case(r, self->u.s, CASE_LOWER, out);
}

static int m_title(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return chat_case(r, self->u.s, CASE_TITLE, out);
}

static int m_capitalize(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return chat_case(r, self->u.s, CASE_CAPITAL, out);
}

static int m_replace(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *from = NULL, *to = NULL;
    int64_t most = -1;
    if (chat_string_arg(r, a, 0, "old", &from) || chat_string_arg(r, a, 1, "new", &to) ||
        chat_int_arg(r, a, 2, "count", &most))
        return -1;
    if (!from || !to) return chat_fail(r, "replace needs what and by what");
    return chat_replace(r, self->u.s, from, to, most, out);
}

static bool affix(const struct cstr *s, const struct cstr *part, bool at_end)
{
    return part->n <= s->n && memcmp(s->s + (at_end ? s->n - part->n : 0), part->s, part->n) == 0;
}

static int has_affix(struct chat_run *r, const struct cv *self, const struct chat_args *a, bool at_end, struct cv *out)
{
    const struct cv *v = chat_arg(a, 0, NULL);
    *out = cv_bool(false);
    if (a->n > 1) return chat_fail(r, "positions to look from are not supported");
    if (v && v->type == CV_STRING) {
        *out = cv_bool(affix(self->u.s, v->u.s, at_end));
        return 0;
    }
    if (!v || v->type != CV_TUPLE) return chat_fail(r, "a string or a tuple of strings is needed");
    for (size_t i = 0; i < v->u.l->n && !out->u.b; i++)
        if (v->u.l->v[i].type == CV_STRING) out->u.b = affix(self->u.s, v->u.l->v[i].u.s, at_end);
    return 0;
}

static int m_startswith(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return has_affix(r, self, a, false, out);
}

static int m_endswith(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return has_affix(r, self, a, true, out);
}

static int remove_affix(struct chat_run *r, const struct cv *self, const struct chat_args *a, bool at_end, struct cv *out)
{
    const struct cstr *part = NULL, *s = self->u.s;
    if (chat_string_arg(r, a, 0, "affix", &part)) return -1;
    size_t n = part && affix(s, part, at_end) ? part->n : 0;
    return cv_slice(&r->mem, s, at_end ? 0 : n, at_end ? s->n - n : s->n, out) ? 0 : chat_oom(r);
}

static int m_removeprefix(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return remove_affix(r, self, a, false, out);
}

static int m_removesuffix(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return remove_affix(r, self, a, true, out);
}

/* ---- splitting ---- */

struct parts {
    struct chat_run *r;
    struct cv *v;
    size_t n, cap;
};

static int push_part(struct parts *p, const struct cstr *s, size_t from, size_t to)
{
    if (!chat_grow(&p->r->mem, &p->v, p->n, &p->cap, sizeof *p->v)) return chat_oom(p->r);
    return cv_slice(&p->r->mem, s, from, to, &p->v[p->n++]) ? 0 : chat_oom(p->r);
}

static bool white_at(const struct cstr *s, size_t i, size_t *len)
{
    struct uni_char c = uni_next((const uint8_t *)s->s + i, s->n - i);
    *len = c.len;
    return c.cp != UNI_BAD && ((c.class & UNI_SPACE) || (c.cp >= 0x1C && c.cp <= 0x1F));
}

static int split_white(struct parts *p, const struct cstr *s, int64_t most)
{
    size_t i = 0, len;
    for (;;) {
        while (i < s->n && white_at(s, i, &len)) i += len;
        if (i >= s->n) return 0;
        size_t from = i;
        if (most == 0) return push_part(p, s, from, s->n);
        while (i < s->n && !white_at(s, i, &len)) i += len;
        if (push_part(p, s, from, i)) return -1;
        most -= most > 0;
    }
}

static int split_at(struct parts *p, const struct cstr *s, const struct cstr *by, int64_t most)
{
    size_t at = 0;
    for (;; most -= most > 0) {
        const char *q = most ? memmem(s->s + at, s->n - at, by->s, by->n) : NULL;
        if (!q) return push_part(p, s, at, s->n);
        if (push_part(p, s, at, (size_t)(q - s->s))) return -1;
        at = (size_t)(q - s->s) + by->n;
    }
}

static void reverse_parts(struct parts *p)
{
    for (size_t i = 0; i < p->n / 2; i++) {
        struct cv t = p->v[i];
        p->v[i] = p->v[p->n - 1 - i];
        p->v[p->n - 1 - i] = t;
    }
}

/* The character that ends at `end` is white space of *len bytes. */
static bool white_before(const struct cstr *s, size_t end, size_t *len)
{
    struct uni_char c = uni_prev((const uint8_t *)s->s, end);
    *len = c.len;
    return chat_white(c.cp);
}

static int split_white_back(struct parts *p, const struct cstr *s, int64_t most)
{
    size_t end = s->n, len;
    for (;;) {
        while (end > 0 && white_before(s, end, &len)) end -= len;
        if (end == 0) break;
        size_t to = end;
        if (most == 0) end = 0;
        while (end > 0 && !white_before(s, end, &len)) end -= len;
        if (push_part(p, s, end, to)) return -1;
        most -= most > 0;
    }
    reverse_parts(p);
    return 0;
}

/* From the end; the parts come out in reverse. */
static int split_back(struct parts *p, const struct cstr *s, const struct cstr *by, int64_t most)
{
    size_t end = s->n;
    for (size_t at = s->n; most != 0 && at >= by->n; at--) {
        if (memcmp(s->s + at - by->n, by->s, by->n)) continue;
        if (push_part(p, s, at, end)) return -1;
        end = at - by->n;
        at = end + 1;
        if (at > end && end < by->n) break;
        most -= most > 0;
        at = end + 1;
    }
    if (push_part(p, s, 0, end)) return -1;
    reverse_parts(p);
    return 0;
}

static int split(struct chat_run *r, const struct cv *self, const struct chat_args *a, bool back, struct cv *out)
{
    const struct cstr *by = NULL;
    int64_t most = -1;
    struct parts p = {.r = r};
    if (chat_string_arg(r, a, 0, "sep", &by) || chat_int_arg(r, a, 1, "maxsplit", &most)) return -1;
    if (by && by->n == 0) return chat_fail(r, "split by an empty string");
    int ret = !by    ? (back ? split_white_back : split_white)(&p, self->u.s, most)
              : back ? split_back(&p, self->u.s, by, most)
                     : split_at(&p, self->u.s, by, most);
    if (ret || chat_step(r, p.n + self->u.s->n / 16)) return -1;
    return cv_list(&r->mem, CV_LIST, p.v, p.n, out) ? 0 : chat_oom(r);
}

static int m_split(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return split(r, self, a, false, out);
}

static int m_rsplit(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return split(r, self, a, true, out);
}

static int m_splitlines(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s = self->u.s;
    const struct cv *keep = chat_arg(a, 0, "keepends");
    struct parts p = {.r = r};
    for (size_t i = 0, end, next; i < s->n; i = next) {
        next = chat_line(s, i, &end);
        if (push_part(&p, s, i, keep && cv_true(keep) ? next : end)) return -1;
    }
    if (chat_step(r, p.n)) return -1;
    return cv_list(&r->mem, CV_LIST, p.v, p.n, out) ? 0 : chat_oom(r);
}

static int partition(struct chat_run *r, const struct cv *self, const struct chat_args *a, bool back, struct cv *out)
{
    const struct cstr *s = self->u.s, *by = NULL;
    struct cv v[3];
    if (chat_string_arg(r, a, 0, "sep", &by)) return -1;
    if (!by || by->n == 0) return chat_fail(r, "partition needs a string");
    size_t at = s->n, found = 0;
    for (size_t i = 0; i + by->n <= s->n && !(found && !back); i++)
        if (memcmp(s->s + i, by->s, by->n) == 0) at = i, found = by->n;
    if (!found && back) at = 0;
    if (!cv_slice(&r->mem, s, 0, at, &v[0]) || !cv_slice(&r->mem, s, at, at + found, &v[1]) ||
        !cv_slice(&r->mem, s, at + found, s->n, &v[2]) || !cv_list(&r->mem, CV_TUPLE, v, 3, out))
        return chat_oom(r);
    return chat_step(r, s->n / 16);
}

static int m_partition(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return partition(r, self, a, false, out);
}

static int m_rpartition(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return partition(r, self, a, true, out);
}

/* ---- searching ---- */

static int search(struct chat_run *r, const struct cv *self, const struct chat_args *a, bool last, bool must, struct cv *out)
{
    const struct cstr *s = self->u.s, *what = NULL;
    if (chat_string_arg(r, a, 0, "sub", &what)) return -1;
    if (!what || a->n > 1) return chat_fail(r, "one string to look for is needed");
    bool found = false;
    size_t at = 0;
    for (size_t i = 0; i + what->n <= s->n && !(found && !last); i++)
        if (memcmp(s->s + i, what->s, what->n) == 0) at = i, found = true;
    if (!found && must) return chat_fail(r, "substring not found");
    *out = cv_int(found ? (int64_t)utf8_count(s->s, at) : -1);
    return chat_step(r, s->n / 16);
}

static int m_find(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return search(r, self, a, false, false, out);
}

static int m_rfind(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return search(r, self, a, true, false, out);
}

static int m_index(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return search(r, self, a, false, true, out);
}

static int m_rindex(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    return search(r, self, a, true, true, out);
}

static int m_count(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s = self->u.s, *what = NULL;
    int64_t n = 0;
    if (chat_string_arg(r, a, 0, "sub", &what)) return -1;
    if (!what || a->n > 1) return chat_fail(r, "one string to count is needed");
    if (what->n == 0) n = (int64_t)utf8_count(s->s, s->n) + 1;
    for (size_t at = 0; what->n && at < s->n; n++) {
        const char *q = memmem(s->s + at, s->n - at, what->s, what->n);
        if (!q) break;
        at = (size_t)(q - s->s) + what->n;
    }
    *out = cv_int(n);
    return chat_step(r, s->n / 64);
}

static int m_join(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cv *v = chat_arg(a, 0, NULL);
    const struct clist *l;
    if (!v) return chat_fail(r, "join needs a list");
    if (chat_items(r, v, &l)) return -1;
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].type != CV_STRING)
            return chat_fail(r, "join: item %zu is of type %s, not a string", i, cv_type_name(&l->v[i]));
    return chat_join(r, l, self->u.s, out);
}

/* The value for a field of format(): "", "0" or "name". */
static const struct cv *format_field(const struct chat_args *a, const struct cstr *field, size_t *next, bool *mixed)
{
    size_t at = 0;
    bool digits = field->n > 0 && field->n < 6;
    for (size_t k = 0; k < field->n; k++) digits = digits && field->s[k] >= '0' && field->s[k] <= '9';
    if (digits)
        for (size_t k = 0; k < field->n; k++) at = at * 10 + (size_t)(field->s[k] - '0');
    if (digits || field->n == 0) {
        *mixed = *next != SIZE_MAX && digits ? *next > 0 : *next == SIZE_MAX && !digits;
        if (digits) *next = SIZE_MAX; /* from here on by number only */
        else at = *mixed ? at : (*next)++;
        return at < a->n && !a->key[at] ? &a->v[at] : NULL;
    }
    for (size_t k = 0; k < a->n; k++)
        if (a->key[k] && cstr_equal(a->key[k], field)) return &a->v[k];
    return NULL;
}

/* "{} {0} {name}".format(...), without format specifications. */
static int m_format(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cstr *s = self->u.s;
    struct chat_text t = {{0}, {0}};
    size_t next = 0;
    int ret = 0;
    for (size_t i = 0; ret == 0 && i < s->n; i++) {
        char c = s->s[i];
        bool twice = (c == '{' || c == '}') && i + 1 < s->n && s->s[i + 1] == c, mixed = false;
        if (c == '{' && !twice) {
            const char *end = memchr(s->s + i, '}', s->n - i);
            struct cstr field = {s->s + i + 1, end ? (size_t)(end - s->s) - i - 1 : 0, NULL, 0};
            const struct cv *v = end ? format_field(a, &field, &next, &mixed) : NULL;
            if (mixed) ret = chat_fail(r, "format: fields with and without numbers");
            else if (!v) ret = chat_fail(r, "format: nothing for the field '{%.*s}'", (int)field.n, field.s);
            else ret = chat_write(r, &t, v);
            i += field.n + 1;
        } else if (c == '}' && !twice) {
            ret = chat_fail(r, "format: a '}' alone");
        } else {
            i += twice;
            chat_text_part(&t, s, i, i + 1);
        }
    }
    if (ret == 0) ret = cv_text(&r->mem, &t, out) ? chat_step(r, t.text.len / 64) : chat_oom(r);
    chat_text_free(&t);
    return ret;
}

/* ---- mappings ---- */

static int view(struct chat_run *r, enum lazy_kind kind, const struct cv *v, size_t n, struct cv *out)
{
    return cv_lazy(&r->mem, kind, v, n, out) ? chat_step(r, n) : chat_oom(r);
}

static int m_items(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    struct cv *v;
    (void)a;
    return chat_dict_items(r, self->u.d, &v) ? -1 : view(r, LAZY_ITEMS, v, self->u.d->n, out);
}

static int m_keys(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return view(r, LAZY_KEYS, self->u.d->key, self->u.d->n, out);
}

static int m_values(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return view(r, LAZY_VALUES, self->u.d->value, self->u.d->n, out);
}

static int m_get(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cv *key = chat_arg(a, 0, "key"), *fallback = chat_arg(a, 1, "default");
    if (!key) return chat_fail(r, "get needs a key");
    if (!cv_hashable(&r->mem, key)) return chat_fail(r, "a value of type %s is no key", cv_type_name(key));
    const struct cv *v = cdict_get(&r->mem, self->u.d, key);
    *out = v ? *v : fallback ? *fallback : cv_none();
    return chat_step(r, self->u.d->n / 16);
}

static int m_copy(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)r, (void)a;
    *out = *self; /* values never change */
    return 0;
}

/* ---- lists ---- */

static int list_index(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cv *what = chat_arg(a, 0, NULL);
    if (!what) return chat_fail(r, "index needs a value");
    if (chat_step(r, self->u.l->n)) return -1;
    for (size_t i = 0; i < self->u.l->n; i++)
        if (cv_equal(&r->mem, &self->u.l->v[i], what)) {
            *out = cv_int((int64_t)i);
            return 0;
        }
    return chat_fail(r, "the value is not in the list");
}

static int list_count(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cv *what = chat_arg(a, 0, NULL);
    int64_t n = 0;
    if (!what) return chat_fail(r, "count needs a value");
    for (size_t i = 0; i < self->u.l->n; i++) n += cv_equal(&r->mem, &self->u.l->v[i], what);
    *out = cv_int(n);
    return chat_step(r, self->u.l->n);
}

/* ---- loops ---- */

static int loop_cycle(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    if (a->n == 0) return chat_fail(r, "cycle needs values");
    *out = a->v[self->u.loop->at % a->n];
    return 0;
}

static int loop_changed(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    struct cloop *l = self->u.loop;
    struct cv now;
    if (!cv_list(&r->mem, CV_TUPLE, a->v, a->n, &now)) return chat_oom(r);
    *out = cv_bool(!l->has_last || !cv_equal(&r->mem, &l->last, &now));
    l->last = now;
    l->has_last = true;
    return 0;
}

static const struct {
    enum cv_type type;
    const char *name;
    method_fn *fn;
} methods[] = {
    {CV_STRING, "strip", m_strip}, {CV_STRING, "lstrip", m_lstrip}, {CV_STRING, "rstrip", m_rstrip},
    {CV_STRING, "upper", m_upper}, {CV_STRING, "lower", m_lower}, {CV_STRING, "title", m_title},
    {CV_STRING, "capitalize", m_capitalize}, {CV_STRING, "replace", m_replace},
    {CV_STRING, "startswith", m_startswith}, {CV_STRING, "endswith", m_endswith},
    {CV_STRING, "removeprefix", m_removeprefix}, {CV_STRING, "removesuffix", m_removesuffix},
    {CV_STRING, "split", m_split}, {CV_STRING, "rsplit", m_rsplit}, {CV_STRING, "splitlines", m_splitlines},
    {CV_STRING, "partition", m_partition}, {CV_STRING, "rpartition", m_rpartition}, {CV_STRING, "find", m_find},
    {CV_STRING, "rfind", m_rfind}, {CV_STRING, "index", m_index}, {CV_STRING, "count", m_count},
    {CV_STRING, "isdigit", chat_isdigit}, {CV_STRING, "isnumeric", chat_isnumeric}, {CV_STRING, "isdecimal", chat_isdecimal},
    {CV_STRING, "isalpha", chat_isalpha}, {CV_STRING, "isalnum", chat_isalnum}, {CV_STRING, "isspace", chat_isspace},
    {CV_STRING, "isupper", chat_isupper}, {CV_STRING, "islower", chat_islower}, {CV_STRING, "isascii", chat_isascii},
    {CV_STRING, "center", chat_center}, {CV_STRING, "ljust", chat_ljust}, {CV_STRING, "rjust", chat_rjust},
    {CV_STRING, "zfill", chat_zfill}, {CV_STRING, "rindex", m_rindex},
    {CV_STRING, "join", m_join}, {CV_STRING, "format", m_format},
    {CV_DICT, "items", m_items}, {CV_DICT, "keys", m_keys}, {CV_DICT, "values", m_values}, {CV_DICT, "get", m_get},
    {CV_DICT, "copy", m_copy},
    {CV_LIST, "index", list_index}, {CV_LIST, "count", list_count}, {CV_LIST, "copy", m_copy},
    {CV_TUPLE, "index", list_index}, {CV_TUPLE, "count", list_count},
    {CV_LOOP, "cycle", loop_cycle}, {CV_LOOP, "changed", loop_changed},
};

static method_fn *find_method(const struct cv *of, const char *name, size_t n)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (methods[i].type == of->type && strlen(methods[i].name) == n && memcmp(methods[i].name, name, n) == 0)
            return methods[i].fn;
    return NULL;
}

bool chat_has_method(const struct cv *of, const struct cstr *name)
{
    return find_method(of, name->s, name->n) != NULL;
}

/* Among the words of a list with a space around each. */
static bool listed(const char *words, const struct cstr *name)
{
    for (const char *p = words; name->n && (p = memmem(p, strlen(p), name->s, name->n)) != NULL; p++)
        if (p[-1] == ' ' && p[name->n] == ' ') return true;
    return false;
}

bool chat_lacks_member(const struct cv *of, const struct cstr *name)
{
    switch (of->type) {
    case CV_STRING:
        return listed(" casefold encode expandtabs format_map isidentifier isprintable istitle maketrans swapcase translate ",
                      name);
    case CV_BOOL:
    case CV_INT:
        return listed(" as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag is_integer numerator real "
                      "to_bytes ", name);
    case CV_FLOAT: return listed(" as_integer_ratio conjugate fromhex hex imag is_integer real ", name);
    case CV_DICT: return listed(" fromkeys ", name);
    case CV_LAZY: return listed(" close count gi_frame index isdisjoint mapping send start step stop throw ", name);
    default: return false;
    }
}

bool chat_would_change(const struct cstr *name)
{
    return listed(" append clear extend insert pop popitem remove reverse setdefault sort update ", name);
}

/* A method of what |safe or |escape made: the results are of that kind, too.
 * Arguments would be escaped where they enter the text. */
static int safe_method(struct chat_run *r, const struct cmethod *m, const struct chat_args *a, struct cv *out)
{
    static const char *const enter[] = {"strip", "lstrip", "rstrip", "replace", "removeprefix", "removesuffix", "join", "format"};
    struct cv self = m->self;
    for (size_t i = 0; i < COUNT_OF(enter); i++)
        if (a->n && strlen(enter[i]) == m->n && memcmp(enter[i], m->name, m->n) == 0)
            return chat_fail(r, "%s() with arguments of a string that is marked safe is not supported", enter[i]);
    if (find_method(&self, m->name, m->n)(r, &self, a, out)) return -1;
    if (out->type == CV_STRING) out->safe = true;
    if (!cv_is_list(out)) return 0;
    struct cv *v = chat_alloc(&r->mem, out->u.l->n, sizeof *v);
    if (!v) return chat_oom(r);
    for (size_t i = 0; i < out->u.l->n; i++) {
        v[i] = out->u.l->v[i];
        v[i].safe = true;
    }
    return cv_list(&r->mem, out->type, v, out->u.l->n, out) ? 0 : chat_oom(r);
}

int chat_method(struct chat_run *r, const struct cmethod *m, const struct chat_args *a, struct cv *out)
{
    if (m->self.type == CV_STRING && m->self.safe) return safe_method(r, m, a, out);
    return find_method(&m->self, m->name, m->n)(r, &m->self, a, out);
}
