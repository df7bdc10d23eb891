/* Matching: a backtracking machine over the compiled program. */
#include <stdlib.h>
#include <string.h>

#include "core/token/regex_internal.h"
#include "core/token/regex_memo.h"
#include "core/token/regex_runs.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

/* A split of ordinary text takes a few steps a character; what takes this many
 * for one match is an attack or a mistake.  All matches of a text together may
 * take as many, and some for each byte: where every match looks at the rest of
 * the text, a run of several thousand characters is still done. */
static const uint64_t max_steps = 20u * 1000 * 1000, max_steps_a_byte = 4000;
enum { MAX_STACK = 1 << 22 };

enum frame_kind { F_STATE, F_GREEDY, F_LAZY, F_REG };

struct frame {
    uint32_t kind;
    int32_t pc;
    size_t pos, low; /* F_GREEDY: from pos down to low; F_LAZY: low = repetitions left; F_REG: old value;
                      * F_STATE: where the choice is in the program */
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
    size_t n;
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

/* ---- sets ---- */

static bool in_ranges(const struct re_set *s, uint32_t cp)
{
    for (size_t i = 0; i < s->n_range; i++)
        if (cp >= s->range[i].first && cp <= s->range[i].last) return true;
    return false;
}

static bool word_char(uint32_t cp)
{
    if (uni_extra(cp) & UNI_ALPHA) return true;
    unsigned c = uni_category(cp);
    return c == UNI_Mn || c == UNI_Mc || c == UNI_Me || c == UNI_Nd || c == UNI_Pc;
}

bool re_word_has(uint32_t cp)
{
    return cp == 0xB2 || cp == 0xB3 || cp == 0xB9 || (cp >= 0xBC && cp <= 0xBE) || word_char(cp);
}

static bool has_one(const struct re_set *s, uint32_t cp)
{
    bool known = cp <= 0x10FFFF;
    if (known && s->categories >> uni_category(cp) & 1) return true;
    if (in_ranges(s, cp)) return true;
    if (known && s->space && (uni_class(cp) & UNI_SPACE)) return true;
    if (known && s->word && word_char(cp)) return true;
    if (known && s->word_latin && re_word_has(cp)) return true;
    if (known && s->alpha && (uni_extra(cp) & UNI_ALPHA)) return true;
    for (size_t i = 0; known && i < s->n_script; i++)
        if (uni_script(cp) == s->script[i]) return true;
    for (size_t i = 0; i < s->n_nested; i++)
        if (re_set_has(s->nested[i], cp)) return true;
    return false;
}

static bool has_folded(const struct re_set *s, uint32_t cp)
{
    if (cp > 0x10FFFF) return false;
    uint32_t same[UNI_SAME_FOLD];
    for (int i = uni_same_fold(cp, same); i-- > 0;)
        if (has_one(s, same[i])) return true;
    return false;
}

bool re_set_has(const struct re_set *s, uint32_t cp)
{
    bool in = has_one(s, cp) || (s->fold && has_folded(s, cp));
    if (in && s->and) in = re_set_has(s->and, cp);
    return in != s->negate;
}

static inline bool set_match(const struct re_set *s, struct uni_char c)
{
    if (c.cp < 128) return s->ascii[c.cp >> 6] >> (c.cp & 63) & 1;
    return re_set_has(s, c.cp);
}

/* ---- the machine ---- */

static bool push(struct run *m, enum frame_kind kind, int pc, size_t pos, size_t low)
{
    struct regex_work *w = m->w;
    if (w->n >= MAX_STACK) return m->stop = STOP_STACK, false;
    if (!mem_room(&w->stack, &w->cap, w->n + 1, sizeof *w->stack)) return m->stop = STOP_MEMORY, false;
    w->stack[w->n++] = (struct frame){(uint32_t)kind, pc, pos, low};
    return true;
}

/* Bytes that one character operation takes at pos, 0 if it does not match. */
static inline size_t one(const struct run *m, const struct re_inst *i, size_t pos)
{
    if (pos >= m->n) return 0;
    struct uni_char c = uni_next(m->s + pos, m->n - pos);
    bool ok = false;
    switch (i->op) {
    case RE_CHAR: ok = c.cp == (uint32_t)i->x; break;
    case RE_FOLDED: ok = c.cp != UNI_BAD && uni_fold(c.cp) == (uint32_t)i->x; break;
    case RE_SET: ok = set_match(i->set, c); break;
    case RE_ANY: ok = c.cp != '\n'; break;
    case RE_ALL: ok = true; break;
    default: break;
    }
    return ok ? c.len : 0;
}

static bool word_at(const struct run *m, size_t pos)
{
    return pos < m->n && re_word_has(uni_next(m->s + pos, m->n - pos).cp);
}

static bool word_before(const struct run *m, size_t pos)
{
    return pos > 0 && re_word_has(uni_prev(m->s, pos).cp);
}

static bool holds(const struct run *m, int how, size_t pos)
{
    bool last_newline = pos + 1 == m->n && m->s[pos] == '\n';
    switch ((enum re_assert)how) {
    case RE_BEGIN_LINE: return pos == 0 || (m->s[pos - 1] == '\n' && pos < m->n);
    case RE_END_LINE: return pos == m->n || m->s[pos] == '\n';
    case RE_BEGIN_TEXT: return pos == 0;
    case RE_END_TEXT: return pos == m->n;
    case RE_END_TEXT_LINE: return pos == m->n || last_newline;
    case RE_WORD_BORDER: return word_before(m, pos) != word_at(m, pos);
    case RE_NOT_WORD_BORDER: return word_before(m, pos) == word_at(m, pos);
    }
    return false;
}

static bool run_at(struct run *m, int pc, size_t pos, size_t *end, bool memo);

static inline bool can_begin(const struct run *m, const struct re_first *f, size_t pos)
{
    return pos < m->n ? f->byte[m->s[pos] >> 6] >> (m->s[pos] & 63) & 1 : f->empty;
}

/* Of a set: how many ASCII characters from pos on are in it, at most `most`. */
static inline size_t ascii_run(const struct run *m, const struct re_inst *i, size_t pos, size_t most)
{
    size_t end = pos;
    if (i->op != RE_SET) return 0;
    if (most > m->n - pos) most = m->n - pos;
    while (end - pos < most && m->s[end] < 0x80 && (i->set->ascii[m->s[end] >> 6] >> (m->s[end] & 63) & 1)) end++;
    return end - pos;
}

/* A repeated character: takes what it can, or as little as it must. */
static bool loop(struct run *m, const struct re_inst *i, int pc, size_t *pos)
{
    size_t p = *pos, len;
    int count = 0, most = i->y < 0 ? INT32_MAX : i->y;
    while (count < i->x && (len = one(m, i + 1, p))) {
        p += len;
        count++;
    }
    if (count < i->x) return false;
    size_t low = p;
    if (i->how == RE_LAZY) {
        *pos = p;
        return count == most || push(m, F_LAZY, pc, p, (size_t)(most - count));
    }
    while (count < most) {
        if (!(len = ascii_run(m, i + 1, p, (size_t)(most - count))) && !(len = one(m, i + 1, p))) break;
        count += m->s[p] < 0x80 ? (int)len : 1;
        p += len;
    }
    m->w->steps += (uint64_t)count;
    *pos = p;
    return i->how == RE_POSSESSIVE || p == low || push(m, F_GREEDY, pc + 2, p, low);
}

static bool look(struct run *m, const struct re_inst *i, int pc, size_t pos)
{
    size_t end, from = pos;
    bool behind = i->how == RE_BEHIND || i->how == RE_NOT_BEHIND, found = true;
    for (int k = 0; behind && k < i->back; k++) {
        if (from == 0) found = false;
        else from -= uni_prev(m->s, from).len;
    }
    if (found) found = run_at(m, pc + 1, from, &end, i->x) && (!behind || end == pos);
    return found == (i->how == RE_AHEAD || i->how == RE_BEHIND);
}

/* The next state to try; false when there is none above `base`. */
static bool backtrack(struct run *m, size_t base, int *pc, size_t *pos)
{
    struct regex_work *w = m->w;
    while (w->n > base) {
        struct frame *f = &w->stack[w->n - 1];
        switch ((enum frame_kind)f->kind) {
        case F_REG:
            w->regs[f->pc] = f->low;
            w->n--;
            continue;
        case F_STATE:
            *pc = f->pc;
            *pos = f->pos;
            w->n--;
            return true;
        case F_GREEDY:
            f->pos -= uni_prev(m->s, f->pos).len;
            *pc = f->pc;
            *pos = f->pos;
            if (f->pos <= f->low) w->n--;
            return true;
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
            if (w->stack[i].kind == F_STATE) re_memo_add(memo, (int)w->stack[i].low, w->stack[i].pos, RE_MATCHES);
    if (memo->n_way - way >= FEW && !matched)
        for (size_t i = way; i < memo->n_way; i++) re_memo_add(memo, memo->way[i].pc, memo->way[i].pos, RE_FAILS);
    memo->n_way = way;
}

/* A match ends: registers keep their values from outside. */
static void unwind(struct regex_work *w, size_t base)
{
    while (w->n > base) {
        struct frame *f = &w->stack[--w->n];
        if (f->kind == F_REG) w->regs[f->pc] = f->low;
    }
}

/* A choice of a look-ahead: what is known of it, and it is on the way. */
static enum re_known recall(struct re_memo *memo, int pc, size_t pos)
{
    re_memo_note(memo, pc, pos);
    return re_memo_get(memo, pc, pos);
}

/* Runs the program from pc on.  memo: of a look-ahead, whose choices re_memo knows. */
static bool run_at(struct run *m, int pc, size_t pos, size_t *end, bool memo)
{
    struct regex_work *w = m->w;
    size_t base = w->n, way = w->memo.n_way;
    for (;;) {
        const struct re_inst *i = &m->r->prog[pc];
        bool ok = true;
        size_t len, after;
        enum re_known known = RE_UNKNOWN;
        if (++w->steps > max_steps) m->stop = STOP_STEPS;
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
            if (i->begins && !can_begin(m, i->begins, pos)) pc = i->y;
            else if (i->begins && !can_begin(m, i->begins + 1, pos)) pc = i->x;
            else if (memo && (known = recall(&w->memo, pc, pos)) == RE_MATCHES) goto matched;
            else if ((ok = known != RE_FAILS && push(m, F_STATE, i->y, pos, (size_t)pc))) pc = i->x;
            break;
        case RE_JUMP: pc = i->x; break;
        case RE_LOOP:
            ok = loop(m, i, pc, &pos);
            pc += 2;
            break;
        case RE_LOOK:
            ok = look(m, i, pc, pos);
            pc = i->y;
            break;
        case RE_ATOMIC:
            ok = run_at(m, pc + 1, pos, &after, false);
            if (ok) pos = after;
            pc = i->y;
            break;
        case RE_ASSERT:
            ok = holds(m, i->how, pos);
            pc++;
            break;
        case RE_MARK:
            ok = push(m, F_REG, i->x, 0, w->regs[i->x]);
            w->regs[i->x] = pos;
            pc++;
            break;
        case RE_PROGRESS: pc = w->regs[i->x] == pos ? i->y : pc + 1; break;
        }
        if (!ok && !backtrack(m, base, &pc, &pos)) break;
    }
    if (memo && !m->stop) remember(w, base, way, false);
    return false;
matched:
    if (memo) remember(w, base, way, true);
    unwind(w, base);
    return true;
}

static int limit_met(const struct run *m, size_t at, struct err *e)
{
    unsigned millions = (unsigned)(max_steps / 1000000);
    if (m->stop == STOP_MEMORY) return err_oom(e, m->w->n * sizeof *m->w->stack, "matching a regular expression");
    if (m->stop == STOP_STACK)
        return err_set(e, ERR_DATA, "the regular expression leaves too much open: more than %u choices at byte offset %zu of a text",
                       (unsigned)MAX_STACK, at);
    return err_set(e, ERR_DATA, "the regular expression tries too many ways: more than %u million steps at byte offset %zu of a text",
                   millions, at);
}

static int search(const struct regex *r, struct regex_work *w, const uint8_t *s, size_t n, size_t from,
                  size_t *begin, size_t *end, struct err *e)
{
    struct run m = {.r = r, .w = w, .s = s, .n = n};
    if (w->n_regs < (size_t)r->n_regs) {
        size_t *p = mem_resize(w->regs, (size_t)r->n_regs, sizeof *p);
        if (!p) return err_oom(e, (size_t)r->n_regs * sizeof *p, "matching");
        w->regs = p;
        w->n_regs = (size_t)r->n_regs;
    }
    for (int i = 0; i < r->n_regs; i++) w->regs[i] = SIZE_MAX;
    w->steps = 0;
    for (size_t at = from; at <= n;) {
        while (at < n && !can_begin(&m, &r->first, at)) at++;
        if (at == n && !r->first.empty) return 0;
        w->n = 0;
        w->memo.n_way = 0;
        if (run_at(&m, 0, at, end, false)) {
            *begin = at;
            return 1;
        }
        if (m.stop) return limit_met(&m, at, e);
        at += at < n ? uni_next(s + at, n - at).len : 1;
    }
    return 0;
}

int regex_search(const struct regex *r, struct regex_work *w, const uint8_t *s, size_t n,
                 size_t from, size_t *begin, size_t *end, struct err *e)
{
    re_memo_clear(&w->memo);
    w->memo_of = 0;
    return search(r, w, s, n, from, begin, end, e);
}

int regex_next(const struct regex *r, struct regex_work *w, const uint8_t *s, size_t n,
               struct regex_iter *it, size_t *begin, size_t *end, struct err *e)
{
    if (!it->text) it->text = ++w->texts;
    if (w->memo_of != it->text) re_memo_clear(&w->memo);
    w->memo_of = it->text;
    while (it->from <= n) {
        int found = search(r, w, s, n, it->from, begin, end, e);
        if (found <= 0) return found;
        it->steps += w->steps;
        if (it->steps > max_steps + max_steps_a_byte * n)
            return err_set(e, ERR_DATA, "the regular expression tries too many ways: more than %u million and %u steps for each byte, "
                                        "up to byte offset %zu of a text",
                           (unsigned)(max_steps / 1000000), (unsigned)max_steps_a_byte, *end);
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
