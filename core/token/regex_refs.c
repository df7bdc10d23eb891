/* References to groups: (a+)\1, (?<name>a)\k<name>, (a)?(?(1)b|c). */
#include <string.h>

#include "core/token/regex_parse.h"

/* What looks like a reference, but is in brackets or a comment, does no harm. */
void re_find_refs(struct re_parse *p)
{
    bool bracket = false;
    for (size_t i = 0; i + 1 < p->n; i++) {
        char c = p->pattern[i], next = p->pattern[i + 1], third = i + 2 < p->n ? p->pattern[i + 2] : 0, fourth = i + 3 < p->n ? p->pattern[i + 3] : 0;
        if (c == '[' || c == ']') bracket = c == '[';
        if (c == '\\') p->refers |= next == 'k' || (next >= '1' && next <= '9');
        if (c == '\\') i++;
        if (c == '(' && next == '?') p->refers |= third == '(';
        if (c == '(' && next == '?' && !bracket) p->named |= third == '\'' || (third == '<' && fourth != '=' && fourth != '!');
    }
}

/* Around a node. */
struct around {
    const struct re_node *node;
    const struct around *up;
};

static bool is_in(const struct around *a, const struct re_node *group)
{
    for (; a; a = a->up)
        if (a->node == group) return true;
    return false;
}

/* What a group is in that makes it unclear what it holds afterwards. */
static const char *unclear(const struct around *a)
{
    for (; a; a = a->up) {
        const struct re_node *n = a->node;
        if (n->kind == N_LOOK && n->how != RE_AHEAD) return "a reference to a group in a look-behind or a negative look-ahead";
        if (n->kind == N_REPEAT && n->max != 1 && re_can_be_empty(n->a)) return "a reference to a group in a repetition of what can be empty";
    }
    return NULL;
}

struct refs {
    struct re_parse *p;
    struct re_node *ref;
    const struct around *from; /* of the reference */
    int found;
};

static bool same(const struct re_node *ref, const struct re_node *group)
{
    if (ref->group) return ref->group == group->group;
    return group->name && ref->n_name == group->n_name && memcmp(ref->name, group->name, ref->n_name) == 0;
}

static int wrong(struct refs *r, const char *what, bool refuse)
{
    r->p->pos = r->ref->at;
    return refuse ? re_refuse(r->p, what) : re_wrong(r->p, what);
}

static int find_group(struct refs *r, struct re_node *n, const struct around *up)
{
    struct around here = {n, up};
    if (n->kind == N_GROUP && same(r->ref, n)) {
        const char *why = unclear(up);
        if (why) return wrong(r, why, true);
        if (is_in(r->from, n)) return wrong(r, "a reference to a group inside that group", true);
        if (r->found++) return wrong(r, "a reference to one of two groups", true);
        if (n->reg < 0) {
            n->reg = r->p->r->n_regs;
            r->p->r->n_regs += 2;
        }
        r->ref->reg = n->reg;
    }
    if (n->a && find_group(r, n->a, &here)) return -1;
    return n->b ? find_group(r, n->b, &here) : 0;
}

static int resolve(struct re_parse *p, struct re_node *tree, struct re_node *n, const struct around *up)
{
    struct around here = {n, up};
    if (n->kind == N_BACKREF || n->kind == N_COND) {
        struct refs r = {.p = p, .ref = n, .from = up};
        if (p->named && n->group) return wrong(&r, "a number of a group where groups have names", false);
        if (find_group(&r, tree, NULL)) return -1;
        if (!r.found) return wrong(&r, "a reference to a group that is not there", false);
    }
    if (n->a && resolve(p, tree, n->a, &here)) return -1;
    return n->b ? resolve(p, tree, n->b, &here) : 0;
}

int re_resolve_refs(struct re_parse *p, struct re_node *tree)
{
    return resolve(p, tree, tree, NULL);
}
