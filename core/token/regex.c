/* Matching: a backtracking machine over the compiled program. */
#include <stdlib.h>
#include <string.h>

#include "core/token/regex_cluster.h"
#include "core/token/regex_internal.h"
#include "core/token/regex_memo.h"
#include "core/token/regex_runs.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

/* A split of ordinary text takes a few steps a character; what takes this many
 * from one place, and a few more for each byte that a match may be long, is an attack or
 * a mistake.  All places of a text together may take as many, and some for each
 * byte: where every match looks at the rest of the text, a run of several thousand
 * characters is still done.  A long text has fewer for a byte, so that it ends in
 * seconds. */
static const uint64_t max_steps = 20u * 1000 * 1000;
enum { SHORT_TEXT = 250000, STEPS_A_BYTE = 4000, MORE_STEPS_A_BYTE = 200, STEPS_OF_A_MATCH = 4 };

static uint64_t steps_allowed(size_t n)
{
    size_t begin = n < SHORT_TEXT ? n : SHORT_TEXT;
    return max_steps + (uint64_t)begin * STEPS_A_BYTE + (uint64_t)(n - begin) * MORE_STEPS_A_BYTE;
}

static uint64_t steps_at(size_t n, size_t at)
{
    return max_steps + (uint64_t)(n - at) * STEPS_OF_A_MATCH;
}

static inline uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

enum { MAX_STACK = 1 << 22 };

enum frame_kind { F_STATE, F_ALTS, F_GREEDY, F_LAZY, F_REG, F_SAVE };

struct frame {
    uint32_t kind;
    int32_t pc;
    size_t pos, low; /* F_GREEDY: from pos down to low; F_LAZY: low = repetitions left; F_REG, F_SAVE: old value;
                      * F_STATE: where the choice is in the program; F_ALTS: alternatives left */
};

struct regex_work {
    struct frame *stack;
    size_t n, cap;
    size_t *regs;
    size_t n_regs;
    uint64_t steps;
    struct re_memo memo;
    uint64_t texts, memo_of; /* iterations begun; which of them the memo is of */
};

enum stop { GOES_ON, STOP_STEPS, STOP_STACK, STOP_MEMORY };

struct run {
    const struct regex *r;
    struct regex_work *w;
    const uint8_t *s;
    size_t n;       /* of the text; in a look-behind up to where it has to end */
    size_t whole;   /* of the text */
    size_t from;    /* where the search began */
    size_t behind;  /* where the look-behind at work has to end */
    uint64_t most;  /* steps until the place at hand is given up */
    enum stop stop; /* the first limit that was met */
};

struct regex_work *regex_work_new(struct err *e)
{
    struct regex_work *w = mem_zalloc(1, sizeof *w);
    if (!w) err_oom(e, sizeof *w, "matching");
    return w;
}

void regex_work_free(struct regex_work *w)
{
    if (!w) return;
    free(w->stack);
    free(w->regs);
    re_memo_free(&w->memo);
    free(w);
}

/* ---- the machine ---- */

static bool push_slow(struct run *m, struct frame f)
{
    struct regex_work *w = m->w;
    if (w->n >= MAX_STACK) return m->stop = STOP_STACK, false;
    if (!mem_room(&w->stack, &w->cap, w->n + 1, sizeof *w->stack)) return m->stop = STOP_MEMORY, false;
    w->stack[w->n++] = f;
    return true;
}

static inline bool push(struct run *m, enum frame_kind kind, int pc, size_t pos, size_t low)
{
    struct regex_work *w = m->w;
    struct frame f = {(uint32_t)kind, pc, pos, low};
    if (w->n >= w->cap) return push_slow(m, f);
    w->stack[w->n++] = f;
    return true;
}

/* The character at s, n > 0: uni_next() without its classes. */
static inline uint32_t next_point(const uint8_t *s, size_t n, size_t *len)
{
    uint32_t b = s[0];
    if (b < 0x80) return *len = 1, b;
    if (b >= 0xC2 && b < 0xE0 && n >= 2 && uni_cont(s[1])) return *len = 2, (b & 0x1F) << 6 | (s[1] & 0x3Fu);
    if (b > 0xE0 && b < 0xED && n >= 3 && uni_cont(s[1]) && uni_cont(s[2]))
        return *len = 3, (b & 0x0F) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
    struct uni_char c = uni_decode_slow(s, n);
    return *len = c.len, c.cp;
}

/* one() of any character and operation. */
static size_t one_of_any(const struct run *m, const struct re_inst *i, size_t pos)
{
    size_t len;
    uint32_t cp = next_point(m->s + pos, m->n - pos, &len);
    bool ok = false;
    switch (i->op) {
    case RE_CHAR: ok = cp == (uint32_t)i->x; break;
    case RE_FOLDED: ok = cp != UNI_BAD && uni_fold(cp) == (uint32_t)i->x; break;
    case RE_SET: ok = re_set_in(i->set, cp); break;
    case RE_ANY: ok = cp != '\n'; break;
    case RE_ALL: ok = true; break;
    default: break;
    }
    return ok ? len : 0;
}

/* Bytes that one character operation takes at pos, 0 if it does not match. */
static inline size_t one(const struct run *m, const struct re_inst *i, size_t pos)
{
    if (pos >= m->n) return 0;
    uint8_t byte = m->s[pos];
    if (byte < 0x80 && i->op == RE_SET) return !i->set->out[byte];
    if (byte < 0x80 && i->op == RE_CHAR) return byte == i->x;
    return one_of_any(m, i, pos);
}

/* ASCII letters, digits and _, the other word characters by their tables. */
static inline bool is_word(struct uni_char c)
{
    static const uint64_t ascii[2] = {0x3FF000000000000, 0x7FFFFFE87FFFFFE};
    return c.cp < 128 ? ascii[c.cp >> 6] >> (c.cp & 63) & 1 : re_word_has(c.cp);
}

static bool word_at(const struct run *m, size_t pos)
{
    return pos < m->whole && is_word(uni_next(m->s + pos, m->whole - pos));
}

static bool word_before(const struct run *m, size_t pos)
{
    return pos > 0 && is_word(uni_prev(m->s, pos));
}

static bool holds(const struct run *m, int how, size_t pos)
{
    bool last_newline = pos + 1 == m->whole && m->s[pos] == '\n';
    switch ((enum re_assert)how) {
    case RE_BEGIN_LINE: return pos == 0 || (m->s[pos - 1] == '\n' && pos < m->whole);
    case RE_END_LINE: return pos == m->whole || m->s[pos] == '\n';
    case RE_BEGIN_TEXT: return pos == 0;
    case RE_END_TEXT: return pos == m->whole;
    case RE_END_TEXT_LINE: return pos == m->whole || last_newline;
    case RE_WORD_BORDER: return word_before(m, pos) != word_at(m, pos);
    case RE_NOT_WORD_BORDER: return word_before(m, pos) == word_at(m, pos);
    case RE_BEGIN_SEARCH: return pos == m->from;
    case RE_BEHIND_END: return pos == m->behind;
    }
    return false;
}

static bool run_at(struct run *m, int pc, size_t pos, size_t *end, bool memo, bool keep);

static inline bool can_begin(const struct run *m, const struct re_first *f, size_t pos)
{
    return pos < m->n ? f->byte[m->s[pos] >> 6] >> (m->s[pos] & 63) & 1 : f->empty;
}

/* How many of eight bytes are ASCII characters of a set, from the first on. */
static inline size_t ascii_run(const struct re_set *set, const uint8_t *s)
{
    const uint8_t *out = set->out;
    unsigned a = out[s[0]] | (unsigned)out[s[1]] << 1 | (unsigned)out[s[2]] << 2 | (unsigned)out[s[3]] << 3;
    unsigned b = out[s[4]] | (unsigned)out[s[5]] << 1 | (unsigned)out[s[6]] << 2 | (unsigned)out[s[7]] << 3;
    return (size_t)__builtin_ctz(a | b << 4 | 0x100);
}

/* Where the run of characters of a set ends. */
static inline size_t run_of(const struct run *m, const struct re_set *set, size_t pos)
{
    while (pos < m->n) {
        uint8_t byte = m->s[pos];
        if (byte < 0x80) {
            if (set->out[byte]) break;
            if (m->n - pos < 8) pos++;
            else pos += ascii_run(set, m->s + pos);
        } else {
            size_t len;
            if (!re_set_in(set, next_point(m->s + pos, m->n - pos, &len))) break;
            pos += len;
        }
    }
    return pos;
}

/* Where the run ends that an operation takes; false: it is not one that is quickly told of. */
static inline bool to_end(const struct run *m, const struct re_inst *i, size_t *pos)
{
    if (i->op == RE_SET) {
        *pos = run_of(m, i->set, *pos);
    } else if (i->op == RE_ANY) {
        const uint8_t *newline = memchr(m->s + *pos, '\n', m->n - *pos);
        *pos = newline ? (size_t)(newline - m->s) : m->n;
    } else if (i->op == RE_ALL) {
        *pos = m->n;
    } else {
        return false;
    }
    return true;
}

/* Of the characters that an operation takes from pos on, at most `most`: where they end. */
static inline size_t many(const struct run *m, const struct re_inst *i, size_t pos, size_t most, size_t *count)
{
    size_t len;
    for (*count = 0; *count < most && (len = one(m, i, pos)); ++*count) pos += len;
    return pos;
}

static inline size_t before(const struct run *m, size_t pos)
{
    return m->s[pos - 1] < 0x80 ? pos - 1 : pos - uni_prev(m->s, pos).len;
}

/* From pos back to `low`: the first place where what follows the loop can begin. */
static inline bool give_back(struct run *m, const struct re_inst *i, size_t low, size_t pos, size_t *place)
{
    bool can;
    while (!(can = !i->begins || can_begin(m, i->begins, pos)) && pos > low) {
        pos = before(m, pos);
        m->w->steps++;
    }
    *place = pos;
    return can;
}

/* A repeated character: takes what it can, or as little as it must. */
static inline bool loop(struct run *m, const struct re_inst *i, int pc, size_t *pos)
{
    size_t count, least = (size_t)i->x, most = i->y < 0 ? SIZE_MAX : (size_t)i->y, p = *pos;
    if (i->how == RE_POSSESSIVE && most == 1) {
        *pos += count = one(m, i + 1, p);
        return count >= least;
    }
    if (i->y < 0 && least < 2 && i->how != RE_LAZY && to_end(m, i + 1, pos)) {
        count = *pos - p; /* or fewer */
    } else {
        *pos = many(m, i + 1, p, i->how == RE_LAZY ? least : most, &count);
    }
    m->w->steps += count;
    if (count < least) return false;
    if (i->how == RE_POSSESSIVE) return true;
    if (i->how == RE_LAZY) return least == most || push(m, F_LAZY, pc, *pos, most - least);
    for (size_t len; least > 0; least--, p += len) next_point(m->s + p, m->n - p, &len);
    if (!give_back(m, i, p, *pos, pos)) return false;
    return *pos == p || push(m, F_GREEDY, pc, *pos, p);
}

/* A look-around at one character. */
static inline bool peek(const struct run *m, const struct re_inst *i, size_t pos)
{
    bool behind = i->how == RE_BEHIND || i->how == RE_NOT_BEHIND, found;
    if (behind) found = pos > 0 && one(m, i + 1, pos - uni_prev(m->s, pos).len) > 0;
    else found = one(m, i + 1, pos) > 0;
    return found == (i->how == RE_AHEAD || i->how == RE_BEHIND);
}

/* Whether what is behind pos matches, as far back as it may begin. */
static bool look_behind(struct run *m, const struct re_inst *i, int pc, size_t pos, bool keep)
{
    size_t from = pos, end, outer = m->behind, n = m->n;
    bool found = false;
    m->w->steps += i->back;
    for (int k = 0; k < i->back; k++) {
        if (from == 0) return false;
        from -= uni_prev(m->s, from).len;
    }
    m->behind = pos;
    if (i->x) m->n = pos;
    for (int more = i->x; !(found = run_at(m, pc + 1, from, &end, false, keep)) && more != 0 && from > 0 && !m->stop; more--)
        from -= uni_prev(m->s, from).len;
    m->behind = outer;
    m->n = n;
    return found;
}

static bool look(struct run *m, const struct re_inst *i, int pc, size_t pos)
{
    size_t end;
    bool wanted = i->how == RE_AHEAD || i->how == RE_BEHIND, behind = i->how == RE_BEHIND || i->how == RE_NOT_BEHIND;
    bool found = behind ? look_behind(m, i, pc, pos, wanted) : run_at(m, pc + 1, pos, &end, i->x, wanted);
    return found == wanted;
}

/* The alternatives that can match at pos: told by one byte, behind a blank by the next. */
static inline uint32_t alternatives(const struct run *m, const struct re_alts *alts, size_t pos)
{
    if (pos >= m->n) return alts->begin[256];
    if (m->s[pos] != ' ') return alts->begin[m->s[pos]];
    return alts->begin[' '] & alts->blank[pos + 1 < m->n ? m->s[pos + 1] : 256];
}

/* The last alternative was not the one: the next that can begin here. */
static inline int next_alternative(struct run *m, const struct re_alts *alts, int pc, size_t pos, uint32_t left)
{
    int at = alts->pc[__builtin_ctz(left)];
    left &= left - 1;
    return left && !push(m, F_ALTS, pc, pos, left) ? -1 : at;
}

/* The next state to try; false when there is none above `base`. */
static bool backtrack(struct run *m, size_t base, int *pc, size_t *pos)
{
    struct regex_work *w = m->w;
    while (w->n > base) {
        struct frame *f = &w->stack[w->n - 1];
        switch ((enum frame_kind)f->kind) {
        case F_REG: case F_SAVE:
            w->regs[f->pc] = f->low;
            w->n--;
            continue;
        case F_STATE:
            *pc = f->pc;
            *pos = f->pos;
            w->n--;
            return true;
        case F_ALTS:
            *pos = f->pos;
            *pc = m->r->prog[f->pc].alts->pc[__builtin_ctzll(f->low)];
            if (!(f->low &= f->low - 1)) w->n--;
            return true;
        case F_GREEDY: {
            bool any = give_back(m, &m->r->prog[f->pc], f->low, before(m, f->pos), &f->pos);
            *pc = f->pc + 2;
            *pos = f->pos;
            if (!any || f->pos <= f->low) w->n--;
            if (any) return true;
            continue;
        }
        case F_LAZY: {
            size_t len = one(m, &m->r->prog[f->pc + 1], f->pos);
            if (!len) {
                w->n--;
                continue;
            }
            f->pos += len;
            *pos = f->pos;
            *pc = f->pc + 2;
            if (--f->low == 0) w->n--;
            return true;
        }
        }
    }
    return false;
}

/* What a look with many choices has found out: from all of them it fails, or it
 * matches from those that were not taken back. */
static void remember(struct regex_work *w, size_t base, size_t way, bool matched)
{
    enum { FEW = 16 }; /* are soon found out again */
    struct re_memo *memo = &w->memo;
    if (memo->n_way - way >= FEW && matched)
        for (size_t i = base; i < w->n; i++)
            if (w->stack[i].kind == F_STATE || w->stack[i].kind == F_ALTS)
                re_memo_add(memo, w->stack[i].kind == F_ALTS ? w->stack[i].pc : (int)w->stack[i].low, w->stack[i].pos, RE_MATCHES);
    if (memo->n_way - way >= FEW && !matched)
        for (size_t i = way; i < memo->n_way; i++) re_memo_add(memo, memo->way[i].pc, memo->way[i].pos, RE_FAILS);
    memo->n_way = way;
}

/* A match ends: registers get back their values from outside, but for those of groups if they are kept;
 * then what is outside can still take them back. */
static void unwind(struct regex_work *w, size_t base, bool keep)
{
    size_t kept = base;
    for (size_t k = base; keep && k < w->n; k++)
        if (w->stack[k].kind == F_SAVE) kept++;
    if (kept > base) {
        kept = base;
        for (size_t k = base; k < w->n; k++)
            if (w->stack[k].kind == F_SAVE) w->stack[kept++] = w->stack[k];
        w->n = kept;
        return;
    }
    while (w->n > base) {
        struct frame *f = &w->stack[--w->n];
        if (f->kind == F_REG || f->kind == F_SAVE) w->regs[f->pc] = f->low;
    }
}

/* A choice of a look-ahead: what is known of it, and it is on the way. */
static enum re_known recall(struct re_memo *memo, int pc, size_t pos)
{
    re_memo_note(memo, pc, pos);
    return re_memo_get(memo, pc, pos);
}

/* The text of a group again: how many bytes, SIZE_MAX if it is not here. */
static size_t again(struct run *m, const struct re_inst *i, size_t pos)
{
    size_t begin = m->w->regs[i->x], end = m->w->regs[i->x + 1];
    if (begin == SIZE_MAX || end == SIZE_MAX || end - begin > m->n - pos) return SIZE_MAX;
    m->w->steps += (end - begin) / 8;
    return memcmp(m->s + begin, m->s + pos, end - begin) == 0 ? end - begin : SIZE_MAX;
}

/* Runs the program from pc on.  memo: of a look-ahead, whose choices re_memo knows; keep: groups in it stay known. */
static bool run_at(struct run *m, int pc, size_t pos, size_t *end, bool memo, bool keep)
{
    struct regex_work *w = m->w;
    size_t base = w->n, way = w->memo.n_way;
    for (;;) {
        const struct re_inst *i = &m->r->prog[pc];
        bool ok = true, told;
        size_t len, after;
        uint32_t left;
        enum re_known known = RE_UNKNOWN;
        if (++w->steps > m->most) m->stop = STOP_STEPS;
        if (m->stop) return false;
        switch ((enum re_op)i->op) {
        case RE_MATCH:
            *end = pos;
            goto matched;
        case RE_CHAR: case RE_FOLDED: case RE_SET: case RE_ANY: case RE_ALL:
            ok = (len = one(m, i, pos)) > 0;
            pos += len;
            pc++;
            break;
        case RE_SPLIT:
            told = i->begins && !(memo && i->how); /* rounds have to be known to the memo */
            if (told && !can_begin(m, i->begins, pos)) pc = i->y;
            else if (told && !can_begin(m, i->begins + 1, pos)) pc = i->x;
            else if (memo && (known = recall(&w->memo, pc, pos)) == RE_MATCHES) goto matched;
            else if ((ok = known != RE_FAILS && push(m, F_STATE, i->y, pos, (size_t)pc))) pc = i->x;
            break;
        case RE_ALTS:
            left = alternatives(m, i->alts, pos);
            if (memo && (left & (left - 1)) && (known = recall(&w->memo, pc, pos)) == RE_MATCHES) goto matched;
            ok = left && known != RE_FAILS && (pc = next_alternative(m, i->alts, pc, pos, left)) >= 0;
            break;
        case RE_JUMP: pc = i->x; break;
        case RE_LOOP:
            do ok = loop(m, i, pc, &pos), pc += 2, i += 2, w->steps++;
            while (ok && i->op == RE_LOOP);
            if (!ok || i->op != RE_MATCH) break;
            *end = pos;
            goto matched;
        case RE_PEEK:
            ok = peek(m, i, pos);
            pc += 2;
            break;
        case RE_LOOK:
            ok = look(m, i, pc, pos);
            pc = i->y;
            break;
        case RE_ATOMIC:
            ok = run_at(m, pc + 1, pos, &after, false, true);
            if (ok) pos = after;
            pc = i->y;
            break;
        case RE_ASSERT:
            ok = holds(m, i->how, pos);
            pc++;
            break;
        case RE_MARK: case RE_SAVE:
            ok = push(m, i->op == RE_MARK ? F_REG : F_SAVE, i->x, 0, w->regs[i->x]);
            w->regs[i->x] = pos;
            pc++;
            break;
        case RE_PROGRESS: pc = w->regs[i->x] == pos ? i->y : pc + 1; break;
        case RE_BACKREF:
            ok = (len = again(m, i, pos)) != SIZE_MAX;
            pos += ok ? len : 0;
            pc++;
            break;
        case RE_IF: pc = w->regs[i->x + 1] == SIZE_MAX ? i->y : pc + 1; break;
        case RE_CLUSTER:
            ok = pos < m->n;
            if (ok) pos = re_cluster_end(m->s, m->n, pos, &w->steps);
            pc++;
            break;
        }
        if (!ok && !backtrack(m, base, &pc, &pos)) break;
    }
    if (memo && !m->stop) remember(w, base, way, false);
    return false;
matched:
    if (memo) remember(w, base, way, true);
    if (m->r->n_regs) unwind(w, base, keep);
    else w->n = base;
    return true;
}

/* all: as far as the search could go. */
static int limit_met(const struct run *m, uint64_t all, size_t at, struct err *e)
{
    if (m->stop == STOP_MEMORY) return err_oom(e, m->w->n * sizeof *m->w->stack, "matching a regular expression");
    if (m->stop == STOP_STACK)
        return err_set(e, ERR_DATA, "the regular expression leaves too much open: more than %u choices at byte offset %zu of a text",
                       (unsigned)MAX_STACK, at);
    if (m->most == all)
        return err_set(e, ERR_DATA, "the regular expression tries too many ways: more than %u million steps up to byte offset %zu of a text",
                       (unsigned)(steps_allowed(m->n) / 1000000), at);
    return err_set(e, ERR_DATA, "the regular expression tries too many ways: more than %u million steps at byte offset %zu of a text",
                   (unsigned)(steps_at(m->n, at) / 1000000), at);
}

static int search(const struct regex *r, struct regex_work *w, const uint8_t *s, size_t n, const struct regex_iter *it,
                  size_t *begin, size_t *end, struct err *e)
{
    uint64_t all = it->steps < it->most ? it->most - it->steps : 0;
    struct run m = {.r = r, .w = w, .s = s, .n = n, .whole = n, .from = it->from, .most = lesser(steps_at(n, it->from), all)};
    if (!atomic_load_explicit(&r->ready, memory_order_acquire)) re_make_ready((struct regex *)(uintptr_t)r);
    if (w->n_regs < (size_t)r->n_regs) {
        size_t *p = mem_resize(w->regs, (size_t)r->n_regs, sizeof *p);
        if (!p) return err_oom(e, (size_t)r->n_regs * sizeof *p, "matching");
        w->regs = p;
        w->n_regs = (size_t)r->n_regs;
    }
    for (int i = 0; i < r->n_regs; i++) w->regs[i] = SIZE_MAX;
    w->steps = 0;
    for (size_t at = it->from; at <= n;) {
        while (at < n && !r->can_begin[s[at]]) at++;
        if (at == n && !r->first.empty) return 0;
        w->n = 0;
        w->memo.n_way = 0;
        if (run_at(&m, 0, at, end, false, r->keep > 0)) {
            *begin = r->keep && w->regs[r->keep - 1] != SIZE_MAX ? w->regs[r->keep - 1] : at;
            if (*begin > *end) *begin = *end; /* a look-ahead has it */
            return 1;
        }
        if (m.stop) return limit_met(&m, all, at, e);
        at += at < n ? uni_next(s + at, n - at).len : 1;
        m.most = lesser(w->steps + steps_at(n, at), all);
    }
    return 0;
}

int regex_next(const struct regex *r, struct regex_work *w, const uint8_t *s, size_t n,
               struct regex_iter *it, size_t *begin, size_t *end, struct err *e)
{
    if (!it->text) {
        it->text = ++w->texts;
        it->most = steps_allowed(n);
    }
    if (w->memo_of != it->text) re_memo_clear(&w->memo);
    w->memo_of = it->text;
    while (it->from <= n) {
        int found = search(r, w, s, n, it, begin, end, e);
        if (found <= 0) return found;
        it->steps += w->steps;
        if (*begin == *end && *end == it->last) {
            it->from += it->from < n ? uni_next(s + it->from, n - it->from).len : 1;
            continue;
        }
        it->from = it->last = *end;
        return 1;
    }
    return 0;
}

void regex_free(struct regex *r)
{
    if (!r) return;
    arena_free(&r->arena);
    free(r->prog);
    free(r);
}
