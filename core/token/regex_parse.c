/* Pattern text to a tree. */
#include "core/token/regex_parse.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/width.h"
#include "core/token/uni_props.h"

enum { MAX_DEPTH = 50, MAX_HEIGHT = 2000, MAX_REPEAT = 1000, ROW = 128 };

static int located(struct re_parse *p, const char *what, const char *verdict)
{
    return err_set(p->e, ERR_DATA, "regular expression '%.*s': %s at offset %zu%s", (int)text_fit(p->pattern, p->n, 200), p->pattern,
                   what, p->pos, verdict);
}

int re_refuse(struct re_parse *p, const char *what)
{
    return located(p, what, " is not supported");
}

int re_wrong(struct re_parse *p, const char *what)
{
    return located(p, what, "");
}

struct re_node *re_new_node(struct re_parse *p, enum re_kind kind)
{
    struct re_node *n = arena_zalloc(&p->r->arena, 1, sizeof *n);
    if (!n) err_oom(p->e, sizeof *n, "a regular expression");
    else *n = (struct re_node){.kind = kind, .reg = -1};
    return n;
}

/* n with its children, of which b may be NULL. */
static struct re_node *above(struct re_parse *p, struct re_node *n, struct re_node *a, struct re_node *b)
{
    n->a = a;
    n->b = b;
    n->height = 1 + (b && b->height > a->height ? b->height : a->height);
    if (n->height > MAX_HEIGHT) return re_refuse(p, "so long a row, or so many parts inside each other,"), NULL;
    return n;
}

struct re_node *re_pair(struct re_parse *p, enum re_kind kind, struct re_node *a, struct re_node *b)
{
    struct re_node *n = a && b ? re_new_node(p, kind) : NULL;
    return n ? above(p, n, a, b) : NULL;
}

static bool at(const struct re_parse *p, char c)
{
    return p->pos < p->n && p->pattern[p->pos] == c;
}

static bool take(struct re_parse *p, const char *s)
{
    size_t n = strlen(s);
    if (p->n - p->pos < n || memcmp(p->pattern + p->pos, s, n)) return false;
    p->pos += n;
    return true;
}

uint32_t re_take_char(struct re_parse *p)
{
    uint32_t cp = (uint8_t)p->pattern[p->pos];
    int len = utf8_decode(p->pattern + p->pos, p->n - p->pos, &cp);
    p->pos += len > 0 ? (size_t)len : 1;
    return cp;
}

static bool hex(struct re_parse *p, int min, int max, uint32_t *cp)
{
    int n = 0, v;
    *cp = 0;
    for (; n < max && p->pos < p->n && (v = hex_digit(p->pattern[p->pos])) >= 0; n++, p->pos++)
        *cp = *cp << 4 | (uint32_t)v;
    if (n < min || *cp > 0x10FFFF) return re_wrong(p, "a bad hexadecimal character"), false;
    return true;
}

/* \0 and two more digits at most. */
static bool octal(struct re_parse *p, uint32_t *cp)
{
    *cp = 0;
    for (int n = 0; n < 3 && p->pos < p->n && p->pattern[p->pos] >= '0' && p->pattern[p->pos] <= '7'; n++)
        *cp = *cp * 8 + (uint32_t)(p->pattern[p->pos++] - '0');
    return true;
}

/* p->pos is behind the backslash. */
bool re_char_escape(struct re_parse *p, uint32_t *cp)
{
    static const char letters[] = "tnrfvae", means[] = "\t\n\r\f\v\a\x1b";
    if (p->pos == p->n) return re_wrong(p, "a \\ at the end"), false;
    char c = p->pattern[p->pos];
    const char *known = c ? strchr(letters, c) : NULL;
    if (known) return p->pos++, *cp = (uint8_t)means[known - letters], true;
    if (c == 'u') return p->pos++, hex(p, 4, 4, cp);
    if (c == 'x') {
        p->pos++;
        if (!take(p, "{")) {
            if (!hex(p, 1, 2, cp)) return false;
            return *cp < 128 ? true : (re_refuse(p, "a raw byte \\x80 or above"), false);
        }
        if (!hex(p, 1, 8, cp)) return false;
        return take(p, "}") ? true : (re_wrong(p, "\\x{ without }"), false);
    }
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') return re_refuse(p, "this escape"), false;
    if (c == '0') return octal(p, cp);
    if (c >= '0' && c <= '9') return re_refuse(p, "an octal number that does not begin with 0"), false;
    *cp = re_take_char(p);
    return true;
}

/* ---- atoms ---- */

static struct re_node *set_node(struct re_parse *p, struct re_set *s)
{
    struct re_node *n = s ? re_new_node(p, N_SET) : NULL;
    if (!n) return NULL;
    re_set_finish(s);
    n->set = s;
    return n;
}

/* In a look-behind the engine does not take all of them. */
static struct re_node *refuse_fold(struct re_parse *p)
{
    re_refuse(p, "in a look-behind under (?i) what folds to several letters, or is the fold of one,");
    return NULL;
}

static struct re_node *char_node(struct re_parse *p, uint32_t cp)
{
    if (p->fold && uni_folds_to_many(cp)) return p->behind ? refuse_fold(p) : re_fold_several(p, cp);
    struct re_node *n = re_new_node(p, N_CHAR);
    if (!n) return NULL;
    n->fold = p->fold;
    n->cp = p->fold ? uni_fold(cp) : cp;
    return n;
}

/* What a character of a class folds to, as text; more: the alternatives after it. */
static struct re_node *or_text(struct re_parse *p, const uint32_t *cp, int n, struct re_node *more)
{
    struct re_node *text = char_node(p, cp[0]);
    for (int i = 1; i < n; i++) text = re_pair(p, N_CAT, text, char_node(p, cp[i]));
    return more ? re_pair(p, N_ALT, text, more) : text;
}

/* [...]; under (?i) a class that is not negated also matches the texts that its
 * characters fold to: [\xDF] "ss".  They are tried after the class, short ones first. */
static struct re_node *bracket(struct re_parse *p)
{
    struct re_set *set = re_class_bracket(p);
    struct re_node *n = set_node(p, set), *more = NULL;
    if (!n || !p->fold || set->negate) return n;
    uint32_t out[3];
    bool failed = false;
    for (int length = 3; length >= 2; length--)
        for (uint32_t cp = 0, k; !failed && (k = (uint32_t)uni_next_fold_to_many(&cp, out)); cp++) {
            if (k != (uint32_t)length || cp == 0x1E9E || !re_set_has(set, cp)) continue; /* U+1E9E: as U+DF */
            failed = !(more = or_text(p, out, length, more));
        }
    if (failed) return NULL;
    if (more && p->behind) return refuse_fold(p);
    return more ? re_pair(p, N_ALT, n, more) : n;
}

static struct re_node *assert_node(struct re_parse *p, enum re_assert how)
{
    struct re_node *n = re_new_node(p, N_ASSERT);
    if (n) n->how = (int)how;
    return n;
}

/* \R: the end of a line of any system. */
static struct re_node *newline(struct re_parse *p)
{
    static const uint32_t one[][2] = {{'\n', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}};
    struct re_set *s = re_class_ranges(p, one, COUNT_OF(one));
    struct re_node *cr = re_new_node(p, N_CHAR), *lf = re_new_node(p, N_CHAR), *n = re_new_node(p, N_ATOMIC);
    if (!s || !cr || !lf || !n) return NULL;
    cr->cp = '\r';
    lf->cp = '\n';
    n->how = 1; /* not written as a group */
    struct re_node *ends = re_pair(p, N_ALT, re_pair(p, N_CAT, cr, lf), set_node(p, s));
    return ends ? above(p, n, ends, NULL) : NULL;
}

static struct re_node *ref_node(struct re_parse *p, size_t at, int group, const char *name, size_t n_name)
{
    struct re_node *n = re_new_node(p, N_BACKREF);
    if (!n) return NULL;
    if (p->fold) return p->pos = at, re_refuse(p, "a reference to a group under (?i)"), NULL;
    n->at = at;
    n->group = group;
    n->name = name;
    n->n_name = n_name;
    return n;
}

static bool number(struct re_parse *p, int *out);

/* p->pos is behind the first digit. */
static struct re_node *numbered_ref(struct re_parse *p)
{
    int group;
    size_t at = p->pos - 2;
    p->pos--;
    number(p, &group);
    if (group > 9) return p->pos = at, re_refuse(p, "a number of a group above 9, or of a character,"), NULL;
    return ref_node(p, at, group, NULL, 0);
}

/* \k<name>, \k<1>, and with apostrophes; p->pos is behind the k. */
static struct re_node *named_ref(struct re_parse *p)
{
    size_t at = p->pos - 2;
    int group = 0;
    if (p->pos == p->n || (p->pattern[p->pos] != '<' && p->pattern[p->pos] != '\'')) return re_wrong(p, "\\k without <name>"), NULL;
    char end = p->pattern[p->pos] == '<' ? '>' : '\'';
    const char *name = p->pattern + ++p->pos, *close = memchr(name, end, p->n - p->pos);
    if (!close || close == name) return re_wrong(p, "\\k without <name>"), NULL;
    bool counts = number(p, &group);
    if (counts && (p->pattern + p->pos != close || group < 1)) return p->pos = at, re_refuse(p, "this reference to a group"), NULL;
    if (!counts && (*name == '-' || *name == '+')) return p->pos = at, re_refuse(p, "a relative reference to a group"), NULL;
    p->pos = (size_t)(close + 1 - p->pattern);
    return ref_node(p, at, group, name, (size_t)(close - name));
}

/* \K: the match begins here. */
static struct re_node *keep(struct re_parse *p)
{
    if (p->behind) return p->pos -= 2, re_refuse(p, "\\K in a look-behind"), NULL;
    if (!p->r->keep) p->r->keep = ++p->r->n_regs;
    return re_new_node(p, N_KEEP);
}

static struct re_node *escape(struct re_parse *p)
{
    bool not_mine;
    uint32_t cp;
    p->pos++;
    if (p->pos == p->n) return re_wrong(p, "a \\ at the end"), NULL;
    char c = p->pattern[p->pos++];
    switch (c) {
    case 'b': return assert_node(p, RE_WORD_BORDER);
    case 'B': return assert_node(p, RE_NOT_WORD_BORDER);
    case 'A': return assert_node(p, RE_BEGIN_TEXT);
    case 'z': return assert_node(p, RE_END_TEXT);
    case 'Z': return assert_node(p, RE_END_TEXT_LINE);
    case 'G': return assert_node(p, RE_BEGIN_SEARCH);
    case 'N': return re_new_node(p, N_ANY);
    case 'O': return re_new_node(p, N_ALL);
    case 'R': return newline(p);
    case 'X': return re_new_node(p, N_CLUSTER);
    case 'k': return named_ref(p);
    case 'K': return keep(p);
    default: break;
    }
    if (c >= '1' && c <= '9') return numbered_ref(p);
    struct re_set *s = re_class_escape(p, c, &not_mine);
    if (s && s->word) {
        s->word = false;
        s->word_latin = true;
    }
    if (!not_mine) return set_node(p, s);
    p->pos--;
    return re_char_escape(p, &cp) ? char_node(p, cp) : NULL;
}

static struct re_node *alternatives(struct re_parse *p);
static struct re_node *sequence(struct re_parse *p);

static struct re_node *close_group(struct re_parse *p, struct re_node *inside)
{
    if (!inside) return NULL;
    if (!take(p, ")")) return re_wrong(p, "a ( without )"), NULL;
    return inside;
}

static struct re_node *wrapped(struct re_parse *p, enum re_kind kind, int how)
{
    struct re_node *inside = close_group(p, alternatives(p));
    struct re_node *n = inside ? re_new_node(p, kind) : NULL;
    if (!n) return NULL;
    n->how = how;
    return above(p, n, inside, NULL);
}

/* (?imx-imx) up to ')' or ':'. */
static bool options(struct re_parse *p)
{
    bool on = true;
    for (; p->pos < p->n && !at(p, ')') && !at(p, ':'); p->pos++) {
        switch (p->pattern[p->pos]) {
        case '-': on = false; break;
        case 'i': p->fold = on; break;
        case 'm': p->dot_all = on; break;
        case 'x': p->extended = on; break;
        default: return re_refuse(p, "this kind of group"), false;
        }
    }
    return true;
}

/* What a look-behind cannot have inside, NULL if all is well.  varies: its length. */
static const char *not_behind(const struct re_node *n, bool varies)
{
    if (n->kind == N_CLUSTER) return "\\X in a look-behind";
    if (n->kind == N_ATOMIC && n->how) return "\\R in a look-behind";
    if (n->kind == N_LOOK && varies && (n->how == RE_AHEAD || n->how == RE_NOT_AHEAD)) return "a look-ahead in a look-behind of variable length";
    const char *why = n->a ? not_behind(n->a, varies) : NULL;
    return why || !n->b ? why : not_behind(n->b, varies);
}

static struct re_node *look_behind(struct re_parse *p, int how)
{
    p->behind++;
    struct re_node *n = wrapped(p, N_LOOK, how);
    p->behind--;
    if (!n) return NULL;
    struct re_lengths length = re_lengths_of(n->a);
    const char *why = length.min > UINT16_MAX ? "a look-behind at more than 65535 characters" : not_behind(n->a, length.min < length.max);
    if (why) re_refuse(p, why);
    return why ? NULL : n;
}

/* A group that can be referred to, with the name at p->pos up to `end` if it has one. */
static struct re_node *capture(struct re_parse *p, char end)
{
    const char *name = p->pattern + p->pos, *close = end ? memchr(name, end, p->n - p->pos) : name;
    int number = end || !p->named ? ++p->n_groups : 0;
    if (!close || (end && close == name)) return re_wrong(p, "a group name without end"), NULL;
    if (end && !((*name | 0x20) >= 'a' && (*name | 0x20) <= 'z') && *name != '_' && !((uint8_t)*name & 0x80))
        return re_wrong(p, "a group name that begins with no letter"), NULL;
    p->pos = (size_t)(close - p->pattern) + (end ? 1 : 0);
    struct re_node *inside = close_group(p, alternatives(p));
    if (!inside || !p->refers || !number) return inside;
    struct re_node *n = re_new_node(p, N_GROUP);
    if (!n) return NULL;
    n->group = number;
    n->name = end ? name : NULL;
    n->n_name = (size_t)(close - name);
    return above(p, n, inside, NULL);
}

/* A branch of a condition. */
static struct re_node *branch(struct re_parse *p)
{
    int outer = p->condition;
    if (++p->depth > MAX_DEPTH) return re_refuse(p, "nesting deeper than 50"), NULL;
    p->condition = p->depth;
    struct re_node *n = sequence(p);
    p->condition = outer;
    p->depth--;
    return n;
}

/* (?(1)yes|no), (?(<name>)yes|no), (?('name')yes|no), behind its "(?(". */
static struct re_node *condition(struct re_parse *p)
{
    size_t from = p->pos - 3;
    char end = at(p, '<') ? '>' : at(p, '\'') ? '\'' : 0;
    struct re_node *n = re_new_node(p, N_COND), *yes, *no = NULL;
    if (!n) return NULL;
    n->at = from;
    n->reg = -1;
    n->name = p->pattern + (p->pos += end ? 1 : 0);
    bool counts = number(p, &n->group) && n->group > 0;
    const char *close = end ? memchr(n->name, end, p->n - (size_t)(n->name - p->pattern)) : p->pattern + p->pos;
    if (!close || close == n->name || (counts ? p->pattern + p->pos != close : !end || *n->name == '-' || *n->name == '+'))
        return p->pos = from, re_refuse(p, "a condition that is not a group"), NULL;
    if (!counts) n->group = 0;
    n->n_name = (size_t)(close - n->name);
    p->pos = (size_t)(close - p->pattern) + (end ? 1 : 0);
    if (!take(p, ")")) return p->pos = from, re_refuse(p, "a condition that is not a group"), NULL;
    if (at(p, ')')) return p->pos = from, re_refuse(p, "a condition without branches"), NULL;
    if (!(yes = branch(p)) || !(no = take(p, "|") ? branch(p) : re_new_node(p, N_EMPTY))) return NULL;
    if (at(p, '|')) return re_refuse(p, "a third branch of a condition"), NULL;
    if (!take(p, ")")) return re_wrong(p, "a ( without )"), NULL;
    return above(p, n, yes, no);
}

static struct re_node *group(struct re_parse *p)
{
    bool fold = p->fold, dot_all = p->dot_all, extended = p->extended;
    struct re_node *n = NULL;
    if (take(p, "(?#")) return re_wrong(p, "a comment without end"), NULL;
    if (take(p, "(?(")) n = condition(p);
    else if (take(p, "(?=")) n = wrapped(p, N_LOOK, RE_AHEAD);
    else if (take(p, "(?!")) n = wrapped(p, N_LOOK, RE_NOT_AHEAD);
    else if (take(p, "(?<=")) n = look_behind(p, RE_BEHIND);
    else if (take(p, "(?<!")) n = look_behind(p, RE_NOT_BEHIND);
    else if (take(p, "(?>")) n = wrapped(p, N_ATOMIC, 0);
    else if (take(p, "(?<")) n = capture(p, '>');
    else if (take(p, "(?'")) n = capture(p, '\'');
    else if (take(p, "(?")) {
        if (!options(p)) return NULL;
        if (at(p, ')') && p->condition == p->depth) return re_refuse(p, "options for the rest of a branch of a condition"), NULL;
        if (take(p, ")")) return alternatives(p); /* to the end of the enclosing group */
        if (!take(p, ":")) return re_wrong(p, "a ( without )"), NULL;
        n = close_group(p, alternatives(p));
    } else {
        p->pos++;
        n = capture(p, 0);
    }
    p->fold = fold;
    p->dot_all = dot_all;
    p->extended = extended;
    if (n && n->kind == N_CHAR) n->closed = true;
    return n;
}

static struct re_node *atom(struct re_parse *p)
{
    char c = p->pattern[p->pos];
    switch (c) {
    case '(': return group(p);
    case '[': return bracket(p);
    case '\\': return escape(p);
    case '.': return p->pos++, re_new_node(p, p->dot_all ? N_ALL : N_ANY);
    case '^': return p->pos++, assert_node(p, RE_BEGIN_LINE);
    case '$': return p->pos++, assert_node(p, RE_END_LINE);
    case '*': case '+': case '?': return re_wrong(p, "a repetition of nothing"), NULL;
    default: return char_node(p, re_take_char(p));
    }
}

/* ---- repetition ---- */

static bool number(struct re_parse *p, int *out)
{
    size_t from = p->pos;
    int v = 0;
    for (; p->pos < p->n && p->pattern[p->pos] >= '0' && p->pattern[p->pos] <= '9'; p->pos++)
        if (v <= MAX_REPEAT) v = v * 10 + (p->pattern[p->pos] - '0');
    *out = v;
    return p->pos > from;
}

/* {n} {n,} {,m} {n,m}; anything else is text.  1 yes, 0 no, -1 refused. */
static int braces(struct re_parse *p, int *min, int *max)
{
    size_t from = p->pos++;
    bool has_min = number(p, min), comma = take(p, ",");
    bool has_max = comma && number(p, max);
    if (!has_min) *min = 0;
    if (!comma) *max = *min;
    else if (!has_max) *max = -1;
    if ((!has_min && !has_max) || !take(p, "}")) {
        p->pos = from;
        return 0;
    }
    if (*min > MAX_REPEAT || *max > MAX_REPEAT) return re_refuse(p, "a repetition beyond 1000");
    if (*max >= 0 && *max < *min) return re_refuse(p, "a repetition {high,low}");
    return 1;
}

static struct re_node *repeat(struct re_parse *p, struct re_node *a, int min, int max, int how)
{
    struct re_node *n = re_new_node(p, N_REPEAT);
    if (!n) return NULL;
    n->min = min;
    n->max = max;
    n->how = how;
    return above(p, n, a, NULL);
}

/* Oniguruma leaves a counted loop at its first empty round, but not a loop that it
 * writes out as copies.  That makes no difference where a round is empty only
 * after all else has been tried at this place. */
static bool empty_last(const struct re_node *n)
{
    switch (n->kind) {
    case N_ASSERT: case N_LOOK: case N_BACKREF: case N_KEEP: case N_COND: return false;
    case N_ALT: return !re_can_be_empty(n->a) && empty_last(n->a) && empty_last(n->b);
    case N_CAT: return empty_last(n->a) && empty_last(n->b);
    case N_REPEAT: return (n->how != RE_LAZY || n->min == n->max) && empty_last(n->a);
    case N_ATOMIC: case N_GROUP: return empty_last(n->a);
    default: return true;
    }
}

/* (?#...) up to a ) that no backslash is in front of; one without end is left for its message. */
static bool skip_comment(struct re_parse *p)
{
    if (p->n - p->pos < 3 || memcmp(p->pattern + p->pos, "(?#", 3) != 0) return false;
    for (size_t i = p->pos + 3; i < p->n; i++) {
        if (p->pattern[i] == ')') return p->pos = i + 1, true;
        if (p->pattern[i] == '\\') i++;
    }
    return false;
}

/* Comments, and under (?x) white space: nothing at all, between an atom and its repetition, too. */
static void skip_comments(struct re_parse *p)
{
    for (;;) {
        char c = p->pos < p->n ? p->pattern[p->pos] : 0;
        if (skip_comment(p)) continue;
        if (p->extended && c == '#')
            while (p->pos < p->n && p->pattern[p->pos] != '\n') p->pos++;
        else if (p->extended && (c == ' ' || (c >= '\t' && c <= '\r'))) p->pos++;
        else return;
    }
}

static struct re_node *quantified(struct re_parse *p)
{
    struct re_node *n = atom(p);
    int rounds = 0;
    while (n && (skip_comments(p), p->pos < p->n)) {
        int min = 0, max = -1, how = RE_GREEDY;
        char c = p->pattern[p->pos];
        if (c == '{') {
            int got = braces(p, &min, &max);
            if (got < 0) return NULL;
            if (got == 0) break;
            bool exact = min == max;
            /* {n}? is an optional {n}; {n,m}+ is a repetition of {n,m}. */
            if (!exact && take(p, "?")) how = RE_LAZY;
        } else if (c == '*' || c == '+' || c == '?') {
            p->pos++;
            min = c == '+';
            max = c == '?' ? 1 : -1;
            if (take(p, "?")) how = RE_LAZY;
            else if (take(p, "+")) how = RE_POSSESSIVE;
        } else {
            break;
        }
        if (n->kind == N_ASSERT || n->kind == N_LOOK || n->kind == N_KEEP) return re_refuse(p, "a repeated assertion"), NULL;
        if ((min > 1 || max > 1) && re_can_be_empty(n) && !empty_last(n))
            return re_refuse(p, "a repetition {2} or more of what can be empty, but not as its last choice"), NULL;
        if (++rounds > 4) return re_refuse(p, "so many repetitions of a repetition"), NULL;
        n = repeat(p, n, min, max, how);
    }
    return n;
}

/* Folding in the engine also equates one character with several ("ss" and U+DF):
 * text where that could happen is refused. */
static bool folds_to_one(const struct re_node *a, const struct re_node *b)
{
    if (a->kind != N_CHAR || b->kind != N_CHAR || !a->fold || !b->fold) return false;
    uint32_t out[3];
    for (uint32_t cp = 0; uni_next_fold_to_many(&cp, out); cp++)
        if (a->cp == out[0] && b->cp == out[1]) return true;
    return false;
}

/* A sequence, and the letters under (?i) at its end so far. */
struct row {
    struct re_node *all, *last;
    uint32_t cp[ROW];
    size_t n;
};

static struct re_node *after(struct re_parse *p, struct re_node *all, struct re_node *n)
{
    return !all || !n ? NULL : all->kind == N_EMPTY ? n : re_pair(p, N_CAT, all, n);
}

static void end_row(struct re_parse *p, struct row *r)
{
    if (r->n && p->behind && re_fold_joins(r->cp, r->n)) r->all = refuse_fold(p);
    else if (r->n) r->all = after(p, r->all, re_fold_row(p, r->cp, r->n));
    r->n = 0;
}

static int add(struct re_parse *p, struct row *r, struct re_node *n)
{
    bool letter = n->kind == N_CHAR && n->fold && !n->closed;
    if (r->last && folds_to_one(r->last, n) && !(letter && r->n))
        return re_refuse(p, "letters under (?i) that fold to a single character, some of them in brackets,");
    if (!letter) end_row(p, r);
    r->last = n;
    if (letter && r->n == ROW) return re_refuse(p, "so many letters under (?i) in a row");
    if (letter) r->cp[r->n++] = n->cp;
    else r->all = after(p, r->all, n);
    return r->all ? 0 : -1;
}

static struct re_node *sequence(struct re_parse *p)
{
    struct row r = {.all = re_new_node(p, N_EMPTY)};
    while (r.all) {
        skip_comments(p);
        if (p->pos == p->n || at(p, '|') || at(p, ')')) break;
        struct re_node *n = quantified(p);
        if (!n || add(p, &r, n)) return NULL;
    }
    end_row(p, &r);
    return r.all;
}

static struct re_node *alternatives(struct re_parse *p)
{
    if (++p->depth > MAX_DEPTH) return re_refuse(p, "nesting deeper than 50"), NULL;
    struct re_node *n = sequence(p);
    if (n && take(p, "|")) {
        /* The rest as one more list: alternatives are tried from the left. */
        struct re_node *first = n, *list[256];
        int count = 0;
        do {
            if (count == 256) return re_refuse(p, "more than 256 alternatives"), NULL;
            if (!(list[count++] = sequence(p))) return NULL;
        } while (take(p, "|"));
        n = list[--count];
        while (count > 0) n = re_pair(p, N_ALT, list[--count], n);
        n = re_pair(p, N_ALT, first, n);
    }
    p->depth--;
    return n;
}

struct re_node *re_parse_all(struct re_parse *p)
{
    re_find_refs(p);
    struct re_node *n = alternatives(p);
    if (n && p->pos < p->n) return re_wrong(p, "a ) without ("), NULL;
    return n && !re_resolve_refs(p, n) ? n : NULL;
}
