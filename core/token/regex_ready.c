/* What makes matching quick, found from the program before it runs first. */
#include <pthread.h>
#include <string.h>

#include "core/base/json.h"
#include "core/token/regex_parse.h"
#include "core/token/uni_props.h"

enum { MAX_MAPS = 64, MAX_VISITS = 64, MAX_DEPTH = 24, MAX_STEPS = 300000, MAX_COMPARED = 500 };

/* ---- first bytes ---- */

struct ready {
    struct regex *r;
    int steps, compared; /* are limited: what is not known in time is left open */
};

struct firsts {
    struct ready *all;
    int visited[MAX_VISITS], n;
};

static void every_byte(struct re_first *f)
{
    memset(f->byte, 0xFF, sizeof f->byte);
    f->empty = true;
}

static void add_char(struct re_first *f, uint32_t cp)
{
    char out[4];
    if (utf8_encode(cp, out)) f->byte[(uint8_t)out[0] >> 6] |= (uint64_t)1 << ((uint8_t)out[0] & 63);
}

static void add_single(struct re_first *f, const struct re_inst *i)
{
    uint32_t same[UNI_SAME_FOLD];
    switch (i->op) {
    case RE_CHAR: add_char(f, (uint32_t)i->x); break;
    case RE_FOLDED:
        for (int k = uni_same_fold((uint32_t)i->x, same); k-- > 0;) add_char(f, same[k]);
        break;
    case RE_SET:
        for (int k = 0; k < 2; k++) {
            f->byte[k] |= i->set->ascii[k];
            f->byte[2 + k] |= i->set->lead[k];
        }
        break;
    default: memset(f->byte, 0xFF, sizeof f->byte); break;
    }
}

static void add_firsts(struct firsts *w, int pc, struct re_first *f, int depth);

static bool takes(const struct re_inst *i, uint32_t cp)
{
    switch (i->op) {
    case RE_CHAR: return (uint32_t)i->x == cp;
    case RE_FOLDED: return (uint32_t)i->x == uni_fold(cp);
    case RE_SET: return re_set_has(i->set, cp);
    default: return cp != '\n' || i->op == RE_ALL;
    }
}

/* Of a look-ahead that must not match: the bytes of the ASCII characters it takes. */
static void without(struct re_first *f, const struct re_inst *one)
{
    for (uint32_t cp = 0; cp < 128; cp++)
        if (takes(one, cp)) f->byte[cp >> 6] &= ~((uint64_t)1 << (cp & 63));
}

/* A look-around and what follows it: ahead, a byte that both begin with. */
static void add_look(struct firsts *w, int pc, struct re_first *f, int depth)
{
    const struct re_inst *i = &w->all->r->prog[pc];
    bool single = i->op == RE_PEEK;
    struct re_first here = {0}, next = {0};
    struct firsts fresh = {.all = w->all};
    add_firsts(&fresh, single ? pc + 2 : i->y, &next, depth);
    fresh.n = 0;
    every_byte(&here);
    if (i->how == RE_AHEAD) {
        here = (struct re_first){0};
        if (single) add_single(&here, i + 1);
        else add_firsts(&fresh, pc + 1, &here, depth);
    }
    if (i->how == RE_NOT_AHEAD && single) without(&next, i + 1);
    for (int k = 0; k < 4; k++) f->byte[k] |= here.byte[k] & next.byte[k];
    f->empty |= here.empty && next.empty;
}

/* Adds what the program from pc on can begin with. */
static void add_firsts(struct firsts *w, int pc, struct re_first *f, int depth)
{
    for (;;) {
        const struct re_inst *i = &w->all->r->prog[pc];
        for (int k = 0; k < w->n; k++)
            if (w->visited[k] == pc) return;
        if (w->n == MAX_VISITS || depth > MAX_DEPTH || ++w->all->steps > MAX_STEPS) {
            every_byte(f);
            return;
        }
        w->visited[w->n++] = pc;
        switch ((enum re_op)i->op) {
        case RE_CHAR: case RE_FOLDED: case RE_SET: case RE_ANY: case RE_ALL: case RE_CLUSTER: add_single(f, i); return;
        case RE_LOOP:
            add_single(f, i + 1);
            if (i->x > 0) return;
            pc += 2;
            break;
        case RE_SPLIT:
            add_firsts(w, i->x, f, depth + 1);
            pc = i->y;
            break;
        case RE_ALTS:
            for (int k = 0; k < i->alts->n; k++) add_firsts(w, i->alts->pc[k], f, depth + 1);
            return;
        case RE_JUMP: pc = i->x; break;
        case RE_PEEK: case RE_LOOK: add_look(w, pc, f, depth + 1); return;
        case RE_PROGRESS: case RE_IF:
            add_firsts(w, i->y, f, depth + 1);
            pc++;
            break;
        case RE_ASSERT: case RE_MARK: case RE_SAVE: case RE_ATOMIC: pc++; break;
        case RE_MATCH: case RE_BACKREF: every_byte(f); return;
        }
    }
}

static struct re_first firsts_of(struct ready *all, int pc)
{
    struct firsts w = {.all = all};
    struct re_first f = {0};
    add_firsts(&w, pc, &f, 0);
    return f;
}

/* ---- behind a blank ---- */

static void add_after(struct ready *all, int pc, struct re_first *f)
{
    struct re_first next = firsts_of(all, pc);
    for (int k = 0; k < 4; k++) f->byte[k] |= next.byte[k];
    f->empty |= next.empty;
}

/* Adds what can come behind a blank that the program from pc on takes first. */
static void add_seconds(struct firsts *w, int pc, struct re_first *f, int depth)
{
    for (;;) {
        const struct re_inst *i = &w->all->r->prog[pc];
        if (w->n == MAX_VISITS || depth > MAX_DEPTH || ++w->all->steps > MAX_STEPS) {
            every_byte(f);
            return;
        }
        w->n++;
        switch ((enum re_op)i->op) {
        case RE_CHAR: case RE_FOLDED: case RE_SET: case RE_ANY: case RE_ALL:
            if (takes(i, ' ')) add_after(w->all, pc + 1, f);
            return;
        case RE_LOOP:
            if (takes(i + 1, ' ') && i->y != 0) {
                if (i->y != 1) add_single(f, i + 1);
                if (i->x < 2) add_after(w->all, pc + 2, f);
            }
            if (i->x > 0) return;
            pc += 2;
            break;
        case RE_SPLIT:
            add_seconds(w, i->x, f, depth + 1);
            pc = i->y;
            break;
        case RE_ALTS:
            for (int k = 0; k < i->alts->n; k++) add_seconds(w, i->alts->pc[k], f, depth + 1);
            return;
        case RE_JUMP: pc = i->x; break;
        case RE_SAVE: pc++; break;
        default: every_byte(f); return;
        }
    }
}

static bool begins_with(const struct re_first *f, unsigned byte)
{
    return byte > 255 ? f->empty : f->byte[byte >> 6] >> (byte & 63) & 1;
}

static void fill_alts(struct ready *all, struct re_alts *alts)
{
    memset(alts->begin, 0, sizeof alts->begin);
    memset(alts->blank, 0, sizeof alts->blank);
    for (int k = 0; k < alts->n; k++) {
        struct re_first f = firsts_of(all, alts->pc[k]);
        for (unsigned byte = 0; byte < 257; byte++) alts->begin[byte] |= (uint32_t)begins_with(&f, byte) << k;
        struct firsts w = {.all = all};
        f = (struct re_first){0};
        add_seconds(&w, alts->pc[k], &f, 0);
        for (unsigned byte = 0; byte < 257; byte++) alts->blank[byte] |= (uint32_t)begins_with(&f, byte) << k;
    }
}

/* ---- loops that give nothing back ---- */

static bool has_fold(const struct re_set *s, uint32_t fold)
{
    uint32_t same[UNI_SAME_FOLD];
    for (int k = uni_same_fold(fold, same); k-- > 0;)
        if (re_set_in(s, same[k])) return true;
    return false;
}

/* No character is taken by both. */
static bool apart(struct ready *all, const struct re_inst *a, const struct re_inst *b)
{
    if (b->op == RE_SET && a->op != RE_SET) {
        const struct re_inst *other = a;
        a = b;
        b = other;
    }
    if (++all->compared > MAX_COMPARED) return false;
    if (a->op == RE_SET) {
        if (b->op == RE_CHAR) return !re_set_in(a->set, (uint32_t)b->x);
        if (b->op == RE_FOLDED) return !has_fold(a->set, (uint32_t)b->x);
        return b->op == RE_SET && re_sets_apart(a->set, b->set);
    }
    if (a->op == RE_CHAR && b->op == RE_CHAR) return a->x != b->x;
    if (a->op == RE_ANY || b->op == RE_ANY) return (a->op == RE_CHAR && a->x == '\n') || (b->op == RE_CHAR && b->x == '\n');
    return a->op != RE_ALL && b->op != RE_ALL && uni_fold((uint32_t)a->x) != uni_fold((uint32_t)b->x);
}

/* Whether the program from pc on either has found its match or needs a character that `one` does not
 * take: then fewer rounds of `one` are of no use. */
static bool goes_on_apart(struct ready *all, const struct re_inst *one, int pc, int depth)
{
    for (; depth < MAX_DEPTH && ++all->steps < MAX_STEPS; depth++) {
        const struct re_inst *i = &all->r->prog[pc];
        switch ((enum re_op)i->op) {
        case RE_MATCH: return true;
        case RE_CHAR: case RE_FOLDED: case RE_SET: case RE_ANY: case RE_ALL: return apart(all, one, i);
        case RE_LOOP:
            if (!apart(all, one, i + 1)) return false;
            if (i->x > 0) return true;
            pc += 2;
            break;
        case RE_SPLIT:
            if (!goes_on_apart(all, one, i->x, depth + 1)) return false;
            pc = i->y;
            break;
        case RE_ALTS:
            for (int k = 0; k < i->alts->n; k++)
                if (!goes_on_apart(all, one, i->alts->pc[k], depth + 1)) return false;
            return true;
        case RE_JUMP: pc = i->x; break;
        case RE_SAVE: pc++; break;
        default: return false;
        }
    }
    return false;
}

/* ---- all of it ---- */

static void map_sets(struct regex *r)
{
    int maps = 0;
    for (int pc = 0; pc < r->n_prog && maps < MAX_MAPS; pc++) {
        struct re_set *s = r->prog[pc].op == RE_SET ? r->prog[pc].set : NULL;
        if (!s || s->map.n_rows) continue;
        re_set_map(s, &r->arena);
        maps++;
    }
}

static void set_begins(struct ready *all, struct re_inst *i, int pc, int other)
{
    struct re_first *begins = arena_zalloc(&all->r->arena, 2, sizeof *begins);
    if (!begins) return;
    begins[0] = firsts_of(all, pc);
    if (other >= 0) begins[1] = firsts_of(all, other);
    i->begins = begins;
}

static void make_ready(struct regex *r)
{
    struct ready all = {.r = r};
    map_sets(r);
    for (int pc = 0; pc < r->n_prog; pc++) {
        struct re_inst *i = &r->prog[pc];
        if (i->op == RE_JUMP && r->prog[i->x].op == RE_MATCH) *i = r->prog[i->x];
        else if (i->op == RE_ALTS) fill_alts(&all, i->alts);
        else if (i->op == RE_SPLIT && all.steps < MAX_STEPS) set_begins(&all, i, i->x, i->y);
        else if (i->op == RE_LOOP && i->how == RE_GREEDY && goes_on_apart(&all, i + 1, pc + 2, 0)) i->how = RE_POSSESSIVE;
        else if (i->op == RE_LOOP && i->how == RE_GREEDY && all.steps < MAX_STEPS) set_begins(&all, i, pc + 2, -1);
    }
    r->first = firsts_of(&all, 0);
    for (unsigned byte = 0; byte < 256; byte++) r->can_begin[byte] = begins_with(&r->first, byte);
}

void re_make_ready(struct regex *r)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (!atomic_load_explicit(&r->ready, memory_order_relaxed)) make_ready(r);
    atomic_store_explicit(&r->ready, true, memory_order_release);
    pthread_mutex_unlock(&lock);
}
