/* Names of filters and tests, before a template runs.
 *
 * Jinja refuses a template that names one that there is not, also where it is never asked
 * for; but not directly inside {% if %} or "a if b", where it fails when it comes to it. */
#include "core/token/chat_filter.h"
#include "core/token/chat_parse.h"

static int names(struct parser *p, const struct node *x, bool perhaps);

static int names_all(struct parser *p, const struct node *x, bool perhaps)
{
    for (size_t i = 0; i < x->n; i++)
        if (names(p, x->kid[i], perhaps)) return -1;
    for (size_t i = 0; i < x->n_args; i++)
        if (names(p, x->arg[i].value, perhaps)) return -1;
    return 0;
}

static int check(struct parser *p, const struct node *x, const char *kind, bool is_one)
{
    const struct cstr *s = x->value.u.s;
    if (is_one) return 0;
    return err_set(p->e, ERR_DATA, "%s:%u:%u: there is no %s '%.*s'", p->name, (unsigned)x->place.line, (unsigned)x->place.column, kind,
                   (int)s->n, s->s);
}

/* perhaps: it is not certain that what stands here is asked for. */
static int names(struct parser *p, const struct node *x, bool perhaps)
{
    if (!x) return 0;
    switch (x->kind) {
    case N_FILTER: return check(p, x, "filter", perhaps || chat_is_filter(x->value.u.s)) ? -1 : names_all(p, x, perhaps);
    case N_TEST: return check(p, x, "test", perhaps || chat_is_test(x->value.u.s)) ? -1 : names_all(p, x, perhaps);
    case N_IF:
    case N_COND: return names_all(p, x, true);
    case N_FOR: return names(p, x->kid[1], perhaps) || names(p, x->kid[2], false) || names(p, x->kid[3], false) ? -1 : names(p, x->kid[4], false);
    case N_WITH:
        for (size_t i = 0; i + 2 < x->n; i += 2)
            if (names(p, x->kid[i + 1], perhaps)) return -1;
        return names(p, x->kid[x->n - 1], false);
    case N_MACRO:
    case N_SET_BLOCK:
    case N_FILTER_BLOCK:
    case N_GENERATION: return names_all(p, x, false);
    default: return names_all(p, x, perhaps);
    }
}

int parse_names(struct parser *p, const struct node *root)
{
    return names(p, root, false);
}
