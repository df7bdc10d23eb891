/* Tree to program. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/token/regex_parse.h"

enum { MAX_PROGRAM = 1 << 16, MAX_REGS = 1 << 12 };

struct compile {
    struct regex *r;
    struct err *e;
};

/* Index of a new instruction, or -1. */
static int emit(struct compile *c, enum re_op op, int x, int y)
{
    struct regex *r = c->r;
    if (r->n_prog >= MAX_PROGRAM) return err_set(c->e, ERR_DATA, "the regular expression is too large");
    if (!mem_room(&r->prog, &r->cap_prog, (size_t)r->n_prog + 1, sizeof *r->prog))
        return err_oom(c->e, ((size_t)r->n_prog + 1) * sizeof *r->prog, "a regular expression");
    r->prog[r->n_prog] = (struct re_inst){.op = (uint8_t)op, .x = x, .y = y};
    return r->n_prog++;
}

static bool single(const struct re_node *n)
{
    return n->kind == N_CHAR || n->kind == N_SET || n->kind == N_ANY || n->kind == N_ALL;
}

bool re_can_be_empty(const struct re_node *n)
{
    switch (n->kind) {
    case N_EMPTY: case N_LOOK: case N_ASSERT: case N_BACKREF: case N_KEEP: return true;
    case N_CAT: return re_can_be_empty(n->a) && re_can_be_empty(n->b);
    case N_ALT: case N_COND: return re_can_be_empty(n->a) || re_can_be_empty(n->b);
    case N_REPEAT: return n->min == 0 || re_can_be_empty(n->a);
    case N_ATOMIC: case N_GROUP: return re_can_be_empty(n->a);
    default: return false;
    }
}

static int64_t times(int64_t length, int64_t count)
{
    return length * count > RE_ENDLESS ? RE_ENDLESS : length * count;
}

static struct re_lengths plus(struct re_lengths a, struct re_lengths b)
{
    return (struct re_lengths){a.min + b.min > RE_ENDLESS ? RE_ENDLESS : a.min + b.min, a.max + b.max > RE_ENDLESS ? RE_ENDLESS : a.max + b.max};
}

struct re_lengths re_lengths_of(const struct re_node *n)
{
    struct re_lengths a, b;
    switch (n->kind) {
    case N_EMPTY: case N_LOOK: case N_ASSERT: case N_KEEP: return (struct re_lengths){0, 0};
    case N_CAT: return plus(re_lengths_of(n->a), re_lengths_of(n->b));
    case N_ALT: case N_COND:
        a = re_lengths_of(n->a);
        b = re_lengths_of(n->b);
        return (struct re_lengths){a.min < b.min ? a.min : b.min, a.max > b.max ? a.max : b.max};
    case N_REPEAT:
        a = re_lengths_of(n->a);
        return (struct re_lengths){times(a.min, n->min), n->max < 0 && a.max ? RE_ENDLESS : times(a.max, n->max)};
    case N_ATOMIC: case N_GROUP: return re_lengths_of(n->a);
    case N_CLUSTER: return (struct re_lengths){1, RE_ENDLESS};
    case N_BACKREF: return (struct re_lengths){0, RE_ENDLESS};
    default: return (struct re_lengths){1, 1};
    }
}

/* ---- program ---- */

static int gen(struct compile *c, const struct re_node *n);

static int gen_single(struct compile *c, const struct re_node *n)
{
    enum re_op op = n->kind == N_SET ? RE_SET : n->kind == N_ANY ? RE_ANY : n->kind == N_ALL ? RE_ALL
                    : n->fold ? RE_FOLDED : RE_CHAR;
    int i = emit(c, op, (int)n->cp, 0);
    if (i < 0) return -1;
    c->r->prog[i].set = n->set;
    return 0;
}

/* Two alternatives. */
static int gen_either(struct compile *c, const struct re_node *n)
{
    int split = emit(c, RE_SPLIT, 0, 0);
    if (split < 0) return -1;
    c->r->prog[split].x = c->r->n_prog;
    if (gen(c, n->a)) return -1;
    int jump = emit(c, RE_JUMP, 0, 0);
    if (jump < 0) return -1;
    c->r->prog[split].y = c->r->n_prog;
    if (gen(c, n->b)) return -1;
    c->r->prog[jump].x = c->r->n_prog;
    return 0;
}

/* A list of them; what is more than fits is one more list, the last alternative. */
static int gen_alt(struct compile *c, const struct re_node *n)
{
    if (n->b->kind != N_ALT) return gen_either(c, n);
    int jump[RE_MOST_ALTS], at = emit(c, RE_ALTS, 0, 0);
    struct re_alts *alts = arena_zalloc(&c->r->arena, 1, sizeof *alts);
    if (at < 0) return -1;
    if (!alts) return err_oom(c->e, sizeof *alts, "a regular expression");
    c->r->prog[at].alts = alts;
    for (bool more = true; more; n = n->b) {
        more = n->kind == N_ALT && alts->n + 1 < RE_MOST_ALTS;
        alts->pc[alts->n] = c->r->n_prog;
        if (gen(c, more ? n->a : n) || (more && (jump[alts->n] = emit(c, RE_JUMP, 0, 0)) < 0)) return -1;
        alts->n++;
    }
    for (int k = 0; k + 1 < alts->n; k++) c->r->prog[jump[k]].x = c->r->n_prog;
    for (unsigned byte = 0; byte < COUNT_OF(alts->begin); byte++) alts->begin[byte] = alts->blank[byte] = UINT32_MAX >> (32 - alts->n);
    return 0;
}

/* A split that prefers to go on (greedy) or to leave (lazy); *patch gets where
 * the way out has to be written. */
static int gen_choice(struct compile *c, bool lazy, int *at)
{
    int i = emit(c, RE_SPLIT, 0, 0);
    if (i < 0) return -1;
    *at = i;
    if (lazy) c->r->prog[i].y = c->r->n_prog;
    else c->r->prog[i].x = c->r->n_prog;
    return 0;
}

static void patch_choice(struct compile *c, bool lazy, int at)
{
    if (lazy) c->r->prog[at].x = c->r->n_prog;
    else c->r->prog[at].y = c->r->n_prog;
}

static int gen_star(struct compile *c, const struct re_node *n, bool lazy)
{
    bool guard = re_can_be_empty(n->a);
    int reg = 0, at, start = c->r->n_prog;
    if (guard && (reg = c->r->n_regs++) >= MAX_REGS)
        return err_set(c->e, ERR_DATA, "the regular expression is too large");
    if (gen_choice(c, lazy, &at)) return -1;
    c->r->prog[at].how = 1;
    if (guard && emit(c, RE_MARK, reg, 0) < 0) return -1;
    if (gen(c, n->a)) return -1;
    int check = guard ? emit(c, RE_PROGRESS, reg, 0) : 0;
    if (check < 0 || emit(c, RE_JUMP, start, 0) < 0) return -1;
    if (guard) c->r->prog[check].y = c->r->n_prog;
    patch_choice(c, lazy, at);
    return 0;
}

static int gen_copies(struct compile *c, const struct re_node *n)
{
    bool lazy = n->how == RE_LAZY;
    int *at = NULL, ret = -1, many = n->max - n->min;
    for (int i = 0, from = -1; i < n->min && from != c->r->n_prog; i++) { /* copies of nothing are as many as none */
        from = c->r->n_prog;
        if (gen(c, n->a)) return -1;
    }
    if (n->max < 0) return gen_star(c, n, lazy);
    if (many == 0) return 0;
    at = mem_alloc((size_t)many, sizeof *at);
    if (!at) return err_oom(c->e, (size_t)many * sizeof *at, "a regular expression");
    for (int i = 0; i < many; i++)
        if (gen_choice(c, lazy, &at[i]) || gen(c, n->a)) goto out;
    for (int i = 0; i < many; i++) patch_choice(c, lazy, at[i]);
    ret = 0;
out:
    free(at);
    return ret;
}

static int gen_sub(struct compile *c, const struct re_node *n, enum re_op op, int how, int back)
{
    int i = emit(c, op, 0, 0);
    if (i < 0) return -1;
    c->r->prog[i].how = (uint8_t)how;
    c->r->prog[i].back = (uint16_t)back;
    if (gen(c, n) || emit(c, RE_MATCH, 0, 0) < 0) return -1;
    c->r->prog[i].y = c->r->n_prog;
    return 0;
}

static int gen_repeat(struct compile *c, const struct re_node *n)
{
    if (single(n->a)) {
        int i = emit(c, RE_LOOP, n->min, n->max);
        if (i < 0) return -1;
        c->r->prog[i].how = (uint8_t)n->how;
        return gen_single(c, n->a);
    }
    if (n->how == RE_POSSESSIVE) {
        struct re_node greedy = *n;
        greedy.how = RE_GREEDY;
        return gen_sub(c, &greedy, RE_ATOMIC, 0, 0);
    }
    return gen_copies(c, n);
}

/* Choices from pc on, whose outcome depends on nothing but the place in the text. */
static bool has_choices(const struct regex *r, int pc)
{
    bool any = false;
    for (; pc < r->n_prog; pc++) {
        enum re_op op = (enum re_op)r->prog[pc].op;
        if (op == RE_MARK || op == RE_SAVE || op == RE_BACKREF || op == RE_IF) return false;
        if (op == RE_ASSERT && r->prog[pc].how == RE_BEGIN_SEARCH) return false;
        any = any || op == RE_SPLIT || op == RE_ALTS;
    }
    return any;
}

/* A look-around at one character. */
static int gen_peek(struct compile *c, const struct re_node *n)
{
    int i = emit(c, RE_PEEK, 0, 0);
    if (i < 0) return -1;
    c->r->prog[i].how = (uint8_t)n->how;
    return gen_single(c, n->a);
}

static int gen_look(struct compile *c, const struct re_node *n)
{
    bool behind = n->how == RE_BEHIND || n->how == RE_NOT_BEHIND;
    struct re_node end = {.kind = N_ASSERT, .how = RE_BEHIND_END}, whole = {.kind = N_CAT, .a = n->a, .b = &end};
    struct re_lengths length = re_lengths_of(n->a);
    int i = c->r->n_prog;
    if (single(n->a)) return gen_peek(c, n);
    if (gen_sub(c, behind ? &whole : n->a, RE_LOOK, n->how, behind ? (int)length.min : 0)) return -1;
    if (behind) c->r->prog[i].x = length.max == RE_ENDLESS ? -1 : (int)(length.max - length.min);
    else c->r->prog[i].x = has_choices(c->r, i + 1);
    return 0;
}

/* Whether the group has matched is asked once: what follows cannot take the other branch. */
static int gen_condition(struct compile *c, const struct re_node *n)
{
    int has = emit(c, RE_IF, n->reg, 0);
    if (has < 0 || gen(c, n->a)) return -1;
    int jump = emit(c, RE_JUMP, 0, 0);
    if (jump < 0) return -1;
    c->r->prog[has].y = c->r->n_prog;
    if (gen(c, n->b)) return -1;
    c->r->prog[jump].x = c->r->n_prog;
    return 0;
}

static int gen(struct compile *c, const struct re_node *n)
{
    switch (n->kind) {
    case N_EMPTY: return 0;
    case N_CHAR: case N_SET: case N_ANY: case N_ALL: return gen_single(c, n);
    case N_CAT:
        return gen(c, n->a) || gen(c, n->b) ? -1 : 0;
    case N_ALT: return gen_alt(c, n);
    case N_REPEAT: return gen_repeat(c, n);
    case N_LOOK: return gen_look(c, n);
    case N_ATOMIC: return gen_sub(c, n->a, RE_ATOMIC, 0, 0);
    case N_CLUSTER: return emit(c, RE_CLUSTER, 0, 0) < 0 ? -1 : 0;
    case N_BACKREF: return emit(c, RE_BACKREF, n->reg, 0) < 0 ? -1 : 0;
    case N_KEEP: return emit(c, RE_SAVE, c->r->keep - 1, 0) < 0 ? -1 : 0;
    case N_COND: return gen_condition(c, n);
    case N_GROUP:
        if (n->reg < 0) return gen(c, n->a);
        return emit(c, RE_SAVE, n->reg, 0) < 0 || gen(c, n->a) || emit(c, RE_SAVE, n->reg + 1, 0) < 0 ? -1 : 0;
    case N_ASSERT: {
        int i = emit(c, RE_ASSERT, 0, 0);
        if (i >= 0) c->r->prog[i].how = (uint8_t)n->how;
        return i < 0 ? -1 : 0;
    }
    }
    return -1;
}

static int compile(struct regex *r, const struct re_node *tree, struct err *e)
{
    struct compile c = {r, e};
    if (gen(&c, tree) || emit(&c, RE_MATCH, 0, 0) < 0) return -1;
    r->first.empty = true;
    memset(r->can_begin, 1, sizeof r->can_begin);
    r->tree = tree;
    return 0;
}

struct regex *regex_new(const char *pattern, size_t n, struct err *e)
{
    struct regex *r = mem_zalloc(1, sizeof *r);
    if (!r) {
        err_oom(e, sizeof *r, "a regular expression");
        return NULL;
    }
    struct re_parse p = {.r = r, .pattern = pattern, .n = n, .e = e};
    struct re_node *tree = NULL;
    if (n > 1 << 16) err_set(e, ERR_DATA, "a regular expression of more than 64 KiB");
    else if (utf8_valid_prefix(pattern, n) < n) err_set(e, ERR_DATA, "a regular expression that is not UTF-8");
    else if (!(r->pattern = arena_strndup(&r->arena, pattern, n))) err_oom(e, n, "a regular expression");
    else tree = re_parse_all(&p);
    if (!tree || compile(r, tree, e)) {
        regex_free(r);
        return NULL;
    }
    return r;
}

const char *regex_pattern(const struct regex *r)
{
    return r->pattern;
}
