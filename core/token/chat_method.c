/* The table of methods, and those of mappings, lists and ranges. */
#include "core/token/chat_method.h"

#include <string.h>

#include "core/token/chat_format.h"

/* ---- mappings ---- */

static int view(struct chat_run *r, enum lazy_kind kind, const struct cv *v, size_t n, struct cv *out)
{
    return cv_lazy(&r->mem, kind, v, n, out) ? chat_step(r, n) : chat_oom(r);
}

static int dict_items(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    struct cv *v;
    (void)a;
    return chat_dict_items(r, self->u.d, &v) ? -1 : view(r, LAZY_ITEMS, v, self->u.d->n, out);
}

static int dict_keys(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return view(r, LAZY_KEYS, self->u.d->key, self->u.d->n, out);
}

static int dict_values(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)a;
    return view(r, LAZY_VALUES, self->u.d->value, self->u.d->n, out);
}

static int dict_get(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cv *key = chat_arg(a, 0, "key"), *fallback = chat_arg(a, 1, "default");
    if (!key) return chat_fail(r, "get needs a key");
    if (!cv_hashable(&r->mem, key)) return chat_fail(r, "a value of type %s is no key", cv_type_name(key));
    const struct cv *v = cdict_get(&r->mem, self->u.d, key);
    *out = v ? *v : fallback ? *fallback : cv_none();
    return chat_step(r, self->u.d->n / 16);
}

static int dict_copy(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    (void)r, (void)a;
    *out = *self; /* values never change */
    return 0;
}

/* dict.fromkeys(keys, value) */
static int dict_fromkeys(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cv *of = chat_arg(a, 0, NULL), *value = chat_arg(a, 1, NULL), none = cv_none();
    const struct clist *l;
    struct cdict *d = chat_alloc(&r->mem, 1, sizeof *d);
    (void)self;
    if (!d) return chat_oom(r);
    if (!of) return chat_fail(r, "fromkeys needs keys");
    if (chat_items(r, of, &l)) return -1;
    struct cv *key = chat_alloc(&r->mem, l->n, sizeof *key), *values = chat_alloc(&r->mem, l->n, sizeof *values);
    size_t n = 0;
    if (!key || !values) return chat_oom(r);
    for (size_t i = 0; i < l->n; i++) {
        if (!cv_hashable(&r->mem, &l->v[i])) return chat_fail(r, "a value of type %s is no key", cv_type_name(&l->v[i]));
        cdict_put(&r->mem, key, values, &n, &l->v[i], value ? value : &none);
        if (chat_step(r, 1 + n / 16)) return -1;
    }
    *d = (struct cdict){key, values, n};
    *out = (struct cv){.type = CV_DICT, .u.d = d};
    return 0;
}

/* ---- lists and ranges ---- */

/* The values of a list, tuple or range. */
static struct clist values_of(const struct cv *self)
{
    return cv_is_list(self) ? *self->u.l : (struct clist){self->u.lazy->v, self->u.lazy->n};
}

static int list_index(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cv *what = chat_arg(a, 0, NULL);
    struct clist l = values_of(self);
    if (!what) return chat_fail(r, "index needs a value");
    if (chat_step(r, l.n)) return -1;
    for (size_t i = 0; i < l.n; i++)
        if (cv_equal(&r->mem, &l.v[i], what)) {
            *out = cv_int((int64_t)i);
            return 0;
        }
    return chat_fail(r, "the value is not in the list");
}

static int list_count(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cv *what = chat_arg(a, 0, NULL);
    struct clist l = values_of(self);
    int64_t n = 0;
    if (!what) return chat_fail(r, "count needs a value");
    for (size_t i = 0; i < l.n; i++) n += cv_equal(&r->mem, &l.v[i], what);
    *out = cv_int(n);
    return chat_step(r, l.n);
}

/* ---- the table ---- */

static int string_format_map(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out)
{
    const struct cv *names = chat_arg(a, 0, NULL);
    struct chat_args all;
    if (!names || names->type != CV_DICT) return chat_fail(r, "format_map needs a mapping");
    return chat_mapping_args(r, names->u.d, &all) || chat_format(r, self, &all, out) ? -1 : 0;
}

/* params: as of chat_check_args(); NULL where the method looks itself. */
static const struct method {
    enum cv_type type;
    const char *name;
    method_fn *fn;
    const char *params;
} methods[] = {
    {CV_STRING, "capitalize", method_capitalize, ""}, {CV_STRING, "casefold", method_casefold, ""},
    {CV_STRING, "center", method_center, "-width -fill"}, {CV_STRING, "count", method_count, "-sub -start -end"},
    {CV_STRING, "endswith", method_endswith, "-suffix -start -end"}, {CV_STRING, "expandtabs", method_expandtabs, "tabsize"},
    {CV_STRING, "find", method_find, "-sub -start -end"}, {CV_STRING, "format", chat_format, NULL},
    {CV_STRING, "format_map", string_format_map, "-mapping"}, {CV_STRING, "index", method_index, "-sub -start -end"},
    {CV_STRING, "isalnum", method_isalnum, ""}, {CV_STRING, "isalpha", method_isalpha, ""},
    {CV_STRING, "isascii", method_isascii, ""}, {CV_STRING, "isdecimal", method_isdecimal, ""},
    {CV_STRING, "isdigit", method_isdigit, ""}, {CV_STRING, "isidentifier", method_isidentifier, ""},
    {CV_STRING, "islower", method_islower, ""}, {CV_STRING, "isnumeric", method_isnumeric, ""},
    {CV_STRING, "isprintable", method_isprintable, ""}, {CV_STRING, "isspace", method_isspace, ""},
    {CV_STRING, "istitle", method_istitle, ""}, {CV_STRING, "isupper", method_isupper, ""},
    {CV_STRING, "join", method_join, "-iterable"}, {CV_STRING, "ljust", method_ljust, "-width -fill"},
    {CV_STRING, "lower", method_lower, ""}, {CV_STRING, "lstrip", method_lstrip, "-chars"},
    {CV_STRING, "maketrans", method_maketrans, "-x -y -z"}, {CV_STRING, "partition", method_partition, "-sep"},
    {CV_STRING, "removeprefix", method_removeprefix, "-prefix"}, {CV_STRING, "removesuffix", method_removesuffix, "-suffix"},
    {CV_STRING, "replace", method_replace, "-old -new -count"}, {CV_STRING, "rfind", method_rfind, "-sub -start -end"},
    {CV_STRING, "rindex", method_rindex, "-sub -start -end"}, {CV_STRING, "rjust", method_rjust, "-width -fill"},
    {CV_STRING, "rpartition", method_rpartition, "-sep"}, {CV_STRING, "rsplit", method_rsplit, "sep maxsplit"},
    {CV_STRING, "rstrip", method_rstrip, "-chars"}, {CV_STRING, "split", method_split, "sep maxsplit"},
    {CV_STRING, "splitlines", method_splitlines, "keepends"}, {CV_STRING, "startswith", method_startswith, "-prefix -start -end"},
    {CV_STRING, "strip", method_strip, "-chars"}, {CV_STRING, "swapcase", method_swapcase, ""},
    {CV_STRING, "title", method_title, ""}, {CV_STRING, "translate", method_translate, "-table"},
    {CV_STRING, "upper", method_upper, ""}, {CV_STRING, "zfill", method_zfill, "-width"},
    {CV_DICT, "copy", dict_copy, ""}, {CV_DICT, "fromkeys", dict_fromkeys, "-keys -value"}, {CV_DICT, "get", dict_get, "-key -default"},
    {CV_DICT, "items", dict_items, ""}, {CV_DICT, "keys", dict_keys, ""}, {CV_DICT, "values", dict_values, ""},
    {CV_GLOBAL, "fromkeys", dict_fromkeys, "-keys -value"},
    {CV_LIST, "copy", dict_copy, ""}, {CV_LIST, "count", list_count, "-value"}, {CV_LIST, "index", list_index, "-value"},
    {CV_TUPLE, "count", list_count, "-value"}, {CV_TUPLE, "index", list_index, "-value"},
    {CV_LAZY, "count", list_count, "-value"}, {CV_LAZY, "index", list_index, "-value"}, /* of ranges */
    {CV_BOOL, "as_integer_ratio", method_as_integer_ratio, ""}, {CV_BOOL, "bit_count", method_bit_count, ""},
    {CV_BOOL, "bit_length", method_bit_length, ""}, {CV_BOOL, "conjugate", method_conjugate, ""},
    {CV_INT, "as_integer_ratio", method_as_integer_ratio, ""}, {CV_INT, "bit_count", method_bit_count, ""},
    {CV_INT, "bit_length", method_bit_length, ""}, {CV_INT, "conjugate", method_conjugate, ""},
    {CV_FLOAT, "as_integer_ratio", method_as_integer_ratio, ""}, {CV_FLOAT, "conjugate", method_conjugate, ""},
    {CV_FLOAT, "hex", method_hex, ""}, {CV_FLOAT, "is_integer", method_is_integer, ""},
    {CV_LOOP, "cycle", chat_loop_cycle, NULL}, {CV_LOOP, "changed", chat_loop_changed, NULL},
    {CV_CYCLER, "next", chat_cycler_next, ""}, {CV_CYCLER, "reset", chat_cycler_reset, ""},
};

static const struct method *find_method(const struct cv *of, const char *name, size_t n)
{
    if (of->type == CV_LAZY && of->u.lazy->kind != LAZY_RANGE) return NULL;
    if (of->type == CV_GLOBAL && !chat_global_is_dict(of->u.global)) return NULL;
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (methods[i].type == of->type && strlen(methods[i].name) == n && memcmp(methods[i].name, name, n) == 0) return &methods[i];
    return NULL;
}

bool chat_has_method(const struct cv *of, const struct cstr *name)
{
    return find_method(of, name->s, name->n) != NULL;
}

/* Among the words of a list with a space around each. */
static bool listed(const char *words, const struct cstr *name)
{
    for (const char *p = words + 1; name->n && (p = memmem(p, strlen(p), name->s, name->n)) != NULL; p++)
        if (p[-1] == ' ' && p[name->n] == ' ') return true;
    return false;
}

bool chat_lacks_member(const struct cv *of, const struct cstr *name)
{
    switch (of->type) {
    case CV_STRING: return listed(" encode ", name);
    case CV_BOOL:
    case CV_INT: return listed(" from_bytes to_bytes ", name);
    case CV_FLOAT: return listed(" fromhex ", name);
    case CV_LAZY: return listed(" close gi_frame isdisjoint mapping send throw ", name);
    default: return false;
    }
}

bool chat_would_change(const struct cstr *name)
{
    return listed(" append clear extend insert pop popitem remove reverse setdefault sort update ", name);
}

/* ---- strings marked safe ---- */

/* Of what enters the text: the argument with a place is escaped; join's all. */
static int escape_entering(struct chat_run *r, const char *method, struct chat_args *a)
{
    static const struct { const char *name; size_t at; } enter[] = {{"replace", 1}, {"ljust", 1}, {"rjust", 1}, {"center", 1}};
    for (size_t i = 0; i < COUNT_OF(enter); i++)
        if (strcmp(method, enter[i].name) == 0 && a->n > enter[i].at && a->v[enter[i].at].type == CV_STRING)
            return chat_escape(r, &a->v[enter[i].at], &a->v[enter[i].at]);
    if (strcmp(method, "join") || !a->n) return 0;
    const struct clist *l;
    if (chat_items(r, &a->v[0], &l)) return -1;
    struct cv *v = chat_alloc(&r->mem, l->n, sizeof *v);
    if (!v) return chat_oom(r);
    for (size_t i = 0; i < l->n; i++) {
        v[i] = (struct cv){.type = CV_STRING};
        if (l->v[i].type == CV_STRING) v[i] = l->v[i];
        else if (chat_as_string(r, &l->v[i], &v[i].u.s)) return -1;
        if (chat_escape(r, &v[i], &v[i])) return -1;
    }
    return cv_list(&r->mem, CV_LIST, v, l->n, &a->v[0]) ? 0 : chat_oom(r);
}

/* The results of what |safe or |escape made are of that kind, too. */
static int safe_method(struct chat_run *r, const struct method *m, const struct cv *self, const struct chat_args *given, struct cv *out)
{
    struct chat_args a = *given;
    a.v = chat_alloc(&r->mem, a.n, sizeof *a.v);
    if (!a.v) return chat_oom(r);
    if (a.n) memcpy(a.v, given->v, a.n * sizeof *a.v);
    if (escape_entering(r, m->name, &a) || m->fn(r, self, &a, out)) return -1;
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

int chat_method(struct chat_run *r, const struct cmethod *of, const struct chat_args *a, struct cv *out)
{
    const struct method *m = find_method(&of->self, of->name, of->n);
    if (m->params && chat_check_args(r, "the method ", m->name, m->params, a)) return -1;
    if (of->self.type == CV_STRING && of->self.safe) return safe_method(r, m, &of->self, a, out);
    return m->fn(r, &of->self, a, out);
}
