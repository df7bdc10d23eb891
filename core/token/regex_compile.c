/* Tree to program. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/token/regex_parse.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

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
    case N_EMPTY: case N_LOOK: case N_ASSERT: return true;
    case N_CAT: return re_can_be_empty(n->a) && re_can_be_empty(n->b);
    case N_ALT: return re_can_be_empty(n->a) || re_can_be_empty(n->b);
    case N_REPEAT: return n->min == 0 || re_can_be_empty(n->a);
    case N_ATOMIC: return re_can_be_empty(n->a);
    default: return false;
    }
}

/* Characters that n takes, if that is one number; else -1. */
int re_fixed_length(const struct re_node *n)
{
    int a, b;
    switch (n->kind) {
    case N_EMPTY: case N_LOOK: case N_ASSERT: return 0;
    case N_CAT:
        a = re_fixed_length(n->a);
        b = re_fixed_length(n->b);
        return a < 0 || b < 0 || a + b > 255 ? -1 : a + b;
    case N_ALT:
        a = re_fixed_length(n->a);
        return a == re_fixed_length(n->b) ? a : -1;
    case N_REPEAT:
        a = re_fixed_length(n->a);
        return n->min != n->max || a < 0 || a * n->min > 255 ? -1 : a * n->min;
    case N_ATOMIC: return re_fixed_length(n->a);
    default: return 1;
    }
}

/* ---- first bytes ---- */

static void add_byte(struct re_first *f, unsigned byte)
{
    f->byte[byte >> 6] |= (uint64_t)1 << (byte & 63);
}

static void add_char(struct re_first *f, uint32_t cp)
{
    char out[4];
    if (utf8_encode(cp, out)) add_byte(f, (uint8_t)out[0]);
}

static void add_high(struct re_first *f)
{
    f->byte[2] = f->byte[3] = UINT64_MAX;
}

/* Adds the bytes that n can begin with; true when it can also be empty. */
static bool add_first(struct re_first *f, const struct re_node *n)
{
    bool a, b;
    switch (n->kind) {
    case N_CHAR:
        if (n->fold) {
            for (uint32_t cp = 0; cp < 128; cp++)
                if (uni_fold(cp) == n->cp) add_char(f, cp);
            add_high(f);
        } else {
            add_char(f, n->cp);
        }
        return false;
    case N_SET:
        f->byte[0] |= n->set->ascii[0];
        f->byte[1] |= n->set->ascii[1];
        add_high(f);
        return false;
    case N_CAT:
        return add_first(f, n->a) && add_first(f, n->b);
    case N_ALT:
        a = add_first(f, n->a);
        b = add_first(f, n->b);
        return a || b;
    case N_REPEAT:
        a = add_first(f, n->a);
        return a || n->min == 0;
    case N_ATOMIC: return add_first(f, n->a);
    case N_EMPTY: case N_LOOK: case N_ASSERT: return true;
    default: memset(f->byte, 0xFF, sizeof f->byte); return false;
    }
}

static struct re_first first_of(const struct re_node *n)
{
    struct re_first f = {0};
    f.empty = add_first(&f, n);
    if (f.empty) memset(f.byte, 0xFF, sizeof f.byte);
    return f;
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

static int gen_alt(struct compile *c, const struct re_node *n)
{
    struct re_first *begins = arena_alloc(&c->r->arena, 2, sizeof *begins);
    if (!begins) return err_oom(c->e, 2 * sizeof *begins, "a regular expression");
    begins[0] = first_of(n->a);
    begins[1] = first_of(n->b);
    int split = emit(c, RE_SPLIT, 0, 0);
    if (split < 0) return -1;
    c->r->prog[split].begins = begins;
    c->r->prog[split].x = c->r->n_prog;
    if (gen(c, n->a)) return -1;
    int jump = emit(c, RE_JUMP, 0, 0);
    if (jump < 0) return -1;
    c->r->prog[split].y = c->r->n_prog;
    if (gen(c, n->b)) return -1;
    c->r->prog[jump].x = c->r->n_prog;
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
        if (r->prog[pc].op == RE_MARK) return false;
        any = any || r->prog[pc].op == RE_SPLIT;
    }
    return any;
}

static int gen_look(struct compile *c, const struct re_node *n)
{
    bool behind = n->how == RE_BEHIND || n->how == RE_NOT_BEHIND;
    int back = behind ? re_fixed_length(n->a) : 0;
    if (back < 0) { /* alternatives, each of its own length: see behind_fits() */
        struct re_node one = *n, other = *n, either = {.kind = N_ALT, .a = &one, .b = &other};
        one.a = n->a->a;
        other.a = n->a->b;
        if (n->how == RE_NOT_BEHIND) return gen_look(c, &one) || gen_look(c, &other) ? -1 : 0;
        return gen_alt(c, &either);
    }
    int i = c->r->n_prog;
    if (gen_sub(c, n->a, RE_LOOK, n->how, back)) return -1;
    c->r->prog[i].x = !behind && has_choices(c->r, i + 1);
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
    case N_ASSERT: {
        int i = emit(c, RE_ASSERT, 0, 0);
        if (i >= 0) c->r->prog[i].how = (uint8_t)n->how;
        return i < 0 ? -1 : 0;
    }
    }
    return -1;
}

int re_compile(struct regex *r, const struct re_node *tree, struct err *e)
{
    struct compile c = {r, e};
    if (gen(&c, tree) || emit(&c, RE_MATCH, 0, 0) < 0) return -1;
    r->first = first_of(tree);
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
    else tree = re_parse_all(&p);
    if (!tree || re_compile(r, tree, e)) {
        regex_free(r);
        return NULL;
    }
    return r;
}
