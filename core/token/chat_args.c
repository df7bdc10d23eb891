/* Arguments of calls, filters and tests. */
#include <string.h>

#include "core/token/chat_eval.h"

const struct cv *chat_arg(const struct chat_args *a, size_t at, const char *name)
{
    if (at < a->n && !a->key[at]) return &a->v[at];
    for (size_t i = 0; name && i < a->n; i++)
        if (a->key[i] && cstr_is(a->key[i], name)) return &a->v[i];
    return NULL;
}

/* Room for n more arguments after out->n. */
static int args_room(struct chat_run *r, struct chat_args *out, size_t n)
{
    struct cv *v = chat_alloc(&r->mem, out->n + n, sizeof *v);
    const struct cstr **key = chat_alloc(&r->mem, out->n + n, sizeof *key);
    if (!v || !key) return chat_oom(r);
    if (out->n) {
        memcpy(v, out->v, out->n * sizeof *v);
        memcpy(key, out->key, out->n * sizeof *key);
    }
    out->v = v;
    out->key = key;
    return chat_step(r, n);
}

static int add_arg(struct chat_run *r, struct chat_args *out, const struct cstr *key, struct cv value)
{
    if (key && chat_step(r, out->n / 16)) return -1;
    for (size_t i = 0; key && i < out->n; i++)
        if (out->key[i] && cstr_equal(out->key[i], key))
            return chat_fail(r, "argument '%.*s' is given twice", (int)key->n, key->s);
    out->key[out->n] = key;
    out->v[out->n++] = value;
    return 0;
}

int chat_add_arg(struct chat_run *r, const struct chat_args *a, const struct cstr *key, const struct cv *value, struct chat_args *out)
{
    *out = *a;
    return args_room(r, out, 1) || add_arg(r, out, key, *value) ? -1 : 0;
}

/* The items of an argument with stars. */
static int unpack(struct chat_run *r, const struct cv *of, uint8_t stars, struct chat_args *out)
{
    const struct clist *l;
    if (stars == 2 && of->type != CV_DICT)
        return chat_fail(r, "a value of type %s after '**' is no dictionary", cv_type_name(of));
    if (chat_items(r, of, &l) || args_room(r, out, l->n)) return -1;
    for (size_t i = 0; i < l->n; i++) {
        if (stars == 2 && l->v[i].type != CV_STRING) return chat_fail(r, "names of arguments must be strings");
        if (add_arg(r, out, stars == 2 ? l->v[i].u.s : NULL, stars == 2 ? of->u.d->value[i] : l->v[i])) return -1;
    }
    return 0;
}

/* Those by position first. */
int chat_eval_args(struct chat_run *r, struct chat_env *env, const struct node *x, struct chat_args *out)
{
    *out = (struct chat_args){.n = 0};
    if (args_room(r, out, x->n_args)) return -1;
    for (int named = 0; named < 2; named++)
        for (size_t i = 0; i < x->n_args; i++) {
            const struct node_arg *a = &x->arg[i];
            struct cv v;
            if ((a->key || a->stars == 2) != named) continue;
            if (chat_eval(r, env, a->value, &v)) return -1;
            if (a->stars ? unpack(r, &v, a->stars, out) || args_room(r, out, x->n_args) : add_arg(r, out, a->key, v))
                return -1;
        }
    return 0;
}

/* Where a parameter stands in "first second"; -1: it is none of them. */
static int place_of(const char *params, const struct cstr *name)
{
    for (int at = 0; *params; at++) {
        size_t n = strcspn(params, " ");
        if (n == name->n && memcmp(params, name->s, n) == 0) return at;
        params += n + (params[n] == ' ');
    }
    return -1;
}

int chat_check_args(struct chat_run *r, const char *kind, const char *name, const char *params, const struct chat_args *a)
{
    int most = *params != 0, by_position = 0;
    for (const char *p = params; *p; p++) most += *p == ' ';
    for (size_t i = 0; i < a->n; i++) {
        int at = a->key[i] ? place_of(params, a->key[i]) : by_position++;
        if (!a->key[i] && at >= most)
            return chat_fail(r, "%s%s takes %d argument%s at most", kind, name, most, most == 1 ? "" : "s");
        if (a->key[i] && at < 0)
            return chat_fail(r, "%s%s has no argument '%.*s'", kind, name, (int)a->key[i]->n, a->key[i]->s);
        if (a->key[i] && at < by_position)
            return chat_fail(r, "argument '%.*s' is given twice", (int)a->key[i]->n, a->key[i]->s);
    }
    return 0;
}

int chat_mapping_args(struct chat_run *r, const struct cdict *d, struct chat_args *out)
{
    *out = (struct chat_args){.n = 0};
    if (args_room(r, out, d->n)) return -1;
    for (size_t i = 0; i < d->n; i++) {
        if (d->key[i].type != CV_STRING) continue;
        out->key[out->n] = d->key[i].u.s;
        out->v[out->n++] = d->value[i];
    }
    return 0;
}

int chat_named_args(struct chat_run *r, const struct chat_args *a, struct cv *out)
{
    struct cdict *d = chat_alloc(&r->mem, 1, sizeof *d);
    struct cv *key = chat_alloc(&r->mem, a->n, sizeof *key);
    if (!d || !key) return chat_oom(r);
    for (size_t i = 0; i < a->n; i++) key[i] = (struct cv){.type = CV_STRING, .u.s = a->key[i]};
    *d = (struct cdict){key, a->v, a->n};
    *out = (struct cv){.type = CV_DICT, .u.d = d};
    return 0;
}

bool chat_has_parameter(const struct node *macro, const struct cstr *name)
{
    for (size_t k = 0; k < macro->n_args; k++)
        if (cstr_equal(name, macro->arg[k].key)) return true;
    return false;
}

/* Arguments beyond a macro's parameters: as its varargs and kwargs, or an error. */
int chat_extra_args(struct chat_run *r, struct chat_env *env, const struct node *x, const struct chat_args *a)
{
    bool more = (x->op & (MACRO_VARARGS | MACRO_KWARGS)) != 0;
    static const struct cstr names[] = {{"varargs", 7, NULL, CHAT_TRUSTED}, {"kwargs", 6, NULL, CHAT_TRUSTED}};
    for (size_t i = 0; i < a->n; i++) more = more || !(a->key[i] ? chat_has_parameter(x, a->key[i]) : i < x->n_args);
    if (!more) return 0;
    const struct cstr *name = x->value.u.s;
    bool varargs = x->op & MACRO_VARARGS, kwargs = x->op & MACRO_KWARGS;
    struct cv *v = chat_alloc(&r->mem, a->n, sizeof *v), *key = chat_alloc(&r->mem, a->n, sizeof *key);
    struct cv *value = chat_alloc(&r->mem, a->n, sizeof *value), list;
    struct cdict *d = chat_alloc(&r->mem, 1, sizeof *d);
    size_t n = 0, n_dict = 0;
    if (!v || !key || !value || !d) return chat_oom(r);
    for (size_t i = 0; i < a->n; i++) {
        if (a->key[i] ? chat_has_parameter(x, a->key[i]) : i < x->n_args) continue;
        if (a->key[i] && !kwargs)
            return chat_fail(r, "macro '%.*s' has no argument '%.*s'", (int)name->n, name->s, (int)a->key[i]->n, a->key[i]->s);
        if (!a->key[i] && !varargs)
            return chat_fail(r, "macro '%.*s' takes %zu argument%s", (int)name->n, name->s, x->n_args, x->n_args == 1 ? "" : "s");
        if (!a->key[i]) {
            v[n++] = a->v[i];
            continue;
        }
        key[n_dict] = (struct cv){.type = CV_STRING, .u.s = a->key[i]};
        value[n_dict++] = a->v[i];
    }
    if (varargs && !cv_list(&r->mem, CV_TUPLE, v, n, &list)) return chat_oom(r);
    if (varargs && chat_set(r, env, &names[0], list)) return -1;
    *d = (struct cdict){key, value, n_dict};
    return kwargs ? chat_set(r, env, &names[1], (struct cv){.type = CV_DICT, .u.d = d}) : 0;
}
