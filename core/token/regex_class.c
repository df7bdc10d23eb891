/* Sets of characters: escapes, [brackets], [[:names:]], \p{properties}. */
#include <string.h>

#include "core/token/regex_parse.h"
#include "core/token/uni_props.h"

static struct re_set *new_set(struct re_parse *p)
{
    struct re_set *s = arena_zalloc(&p->r->arena, 1, sizeof *s);
    if (!s) err_oom(p->e, sizeof *s, "a regular expression");
    return s;
}

/* Grows an array of the arena. */
static void *grow(struct re_parse *p, void *old, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) return old;
    size_t more = *cap ? 2 * *cap : 4;
    void *v = arena_alloc(&p->r->arena, more, size);
    if (!v) {
        err_oom(p->e, more * size, "a regular expression");
        return NULL;
    }
    if (n) memcpy(v, old, n * size);
    *cap = more;
    return v;
}

static bool add_range(struct re_parse *p, struct re_set *s, uint32_t first, uint32_t last)
{
    struct re_range *v = grow(p, s->range, s->n_range, &s->cap_range, sizeof *v);
    if (!v) return false;
    s->range = v;
    s->range[s->n_range++] = (struct re_range){first, last};
    return true;
}

struct re_set *re_class_ranges(struct re_parse *p, const uint32_t (*of)[2], size_t n)
{
    struct re_set *s = new_set(p);
    for (size_t i = 0; s && i < n; i++)
        if (!add_range(p, s, of[i][0], of[i][1])) return NULL;
    return s;
}

static bool add_script(struct re_parse *p, struct re_set *s, int script)
{
    int *v = grow(p, s->script, s->n_script, &s->cap_script, sizeof *v);
    if (!v) return false;
    s->script = v;
    s->script[s->n_script++] = script;
    return true;
}

static bool add_prop(struct re_parse *p, struct re_set *s, const struct uni_set *prop)
{
    const struct uni_set **v = grow(p, s->prop, s->n_prop, &s->cap_prop, sizeof *v);
    if (!v) return false;
    s->prop = v;
    s->prop[s->n_prop++] = prop;
    return true;
}

static bool add_nested(struct re_parse *p, struct re_set *s, struct re_set *inner);

/* A union within a union: its parts become parts of s. */
static bool add_parts(struct re_parse *p, struct re_set *s, const struct re_set *inner)
{
    s->categories |= inner->categories;
    s->word |= inner->word;
    s->word_latin |= inner->word_latin;
    s->space |= inner->space;
    s->alpha |= inner->alpha;
    for (size_t i = 0; i < inner->n_range; i++)
        if (!add_range(p, s, inner->range[i].first, inner->range[i].last)) return false;
    for (size_t i = 0; i < inner->n_script; i++)
        if (!add_script(p, s, inner->script[i])) return false;
    for (size_t i = 0; i < inner->n_prop; i++)
        if (!add_prop(p, s, inner->prop[i])) return false;
    for (size_t i = 0; i < inner->n_nested; i++)
        if (!add_nested(p, s, inner->nested[i])) return false;
    return true;
}

static bool add_nested(struct re_parse *p, struct re_set *s, struct re_set *inner)
{
    if (!inner->negate && !inner->fold && !inner->and) return add_parts(p, s, inner);
    struct re_set **v = grow(p, s->nested, s->n_nested, &s->cap_nested, sizeof(struct re_set *));
    if (!v) return false;
    s->nested = v;
    s->nested[s->n_nested++] = inner;
    return true;
}

/* ---- properties ---- */

static const struct { const char *name; uint32_t mask; } groups[] = {
#define BIT(c) ((uint32_t)1 << (c))
    {"L", BIT(UNI_Lu) | BIT(UNI_Ll) | BIT(UNI_Lt) | BIT(UNI_Lm) | BIT(UNI_Lo)},
    {"Letter", BIT(UNI_Lu) | BIT(UNI_Ll) | BIT(UNI_Lt) | BIT(UNI_Lm) | BIT(UNI_Lo)},
    {"LC", BIT(UNI_Lu) | BIT(UNI_Ll) | BIT(UNI_Lt)},
    {"M", BIT(UNI_Mn) | BIT(UNI_Mc) | BIT(UNI_Me)},
    {"Mark", BIT(UNI_Mn) | BIT(UNI_Mc) | BIT(UNI_Me)},
    {"N", BIT(UNI_Nd) | BIT(UNI_Nl) | BIT(UNI_No)},
    {"Number", BIT(UNI_Nd) | BIT(UNI_Nl) | BIT(UNI_No)},
    {"P", BIT(UNI_Pc) | BIT(UNI_Pd) | BIT(UNI_Ps) | BIT(UNI_Pe) | BIT(UNI_Pi) | BIT(UNI_Pf) | BIT(UNI_Po)},
    {"Punct", BIT(UNI_Pc) | BIT(UNI_Pd) | BIT(UNI_Ps) | BIT(UNI_Pe) | BIT(UNI_Pi) | BIT(UNI_Pf) | BIT(UNI_Po)},
    {"Punctuation", BIT(UNI_Pc) | BIT(UNI_Pd) | BIT(UNI_Ps) | BIT(UNI_Pe) | BIT(UNI_Pi) | BIT(UNI_Pf) | BIT(UNI_Po)},
    {"S", BIT(UNI_Sm) | BIT(UNI_Sc) | BIT(UNI_Sk) | BIT(UNI_So)},
    {"Symbol", BIT(UNI_Sm) | BIT(UNI_Sc) | BIT(UNI_Sk) | BIT(UNI_So)},
    {"Z", BIT(UNI_Zs) | BIT(UNI_Zl) | BIT(UNI_Zp)},
    {"Separator", BIT(UNI_Zs) | BIT(UNI_Zl) | BIT(UNI_Zp)},
    {"C", BIT(UNI_Cc) | BIT(UNI_Cf) | BIT(UNI_Co) | BIT(UNI_Cs) | BIT(UNI_Cn)},
    {"Other", BIT(UNI_Cc) | BIT(UNI_Cf) | BIT(UNI_Co) | BIT(UNI_Cs) | BIT(UNI_Cn)},
    {"Any", UINT32_MAX},
};

static const char *const category_names[UNI_N_CATEGORIES] = {
    "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps",
    "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cs"};
static const char *const category_longs[UNI_N_CATEGORIES] = {
    "Unassigned", "Uppercase_Letter", "Lowercase_Letter", "Titlecase_Letter", "Modifier_Letter",
    "Other_Letter", "Nonspacing_Mark", "Spacing_Mark", "Enclosing_Mark", "Decimal_Number",
    "Letter_Number", "Other_Number", "Connector_Punctuation", "Dash_Punctuation",
    "Open_Punctuation", "Close_Punctuation", "Initial_Punctuation", "Final_Punctuation",
    "Other_Punctuation", "Math_Symbol", "Currency_Symbol", "Modifier_Symbol", "Other_Symbol",
    "Space_Separator", "Line_Separator", "Paragraph_Separator", "Control", "Format",
    "Private_Use", "Surrogate"};

static bool add_named(struct re_set *s, const char *name, size_t n)
{
    for (size_t i = 0; i < COUNT_OF(groups); i++)
        if (uni_same_name(groups[i].name, name, n)) return s->categories |= groups[i].mask, true;
    for (int c = 0; c < UNI_N_CATEGORIES; c++)
        if (uni_same_name(category_names[c], name, n) || uni_same_name(category_longs[c], name, n))
            return s->categories |= BIT(c), true;
    return false;
}

static bool add_posix(struct re_parse *p, struct re_set *s, const char *name, size_t n, bool *known)
{
    const struct uni_set *prop = NULL;
    *known = true;
    if (uni_same_name("alpha", name, n) || uni_same_name("Alphabetic", name, n)) s->alpha = true;
    else if (uni_same_name("alnum", name, n)) s->alpha = true, s->categories |= BIT(UNI_Nd);
    else if (uni_same_name("digit", name, n)) s->categories |= BIT(UNI_Nd);
    else if (uni_same_name("word", name, n)) s->word = true;
    else if (uni_same_name("space", name, n) || uni_same_name("White_Space", name, n) || uni_same_name("WSpace", name, n)) s->space = true;
    else if (uni_same_name("blank", name, n)) {
        s->categories |= BIT(UNI_Zs);
        return add_range(p, s, '\t', '\t');
    } else if (uni_same_name("cntrl", name, n)) s->categories |= BIT(UNI_Cc);
    else if (uni_same_name("punct", name, n) || uni_same_name("PosixPunct", name, n))
        return add_named(s, "P", 1) && add_named(s, "S", 1);
    else if (uni_same_name("xdigit", name, n))
        return add_range(p, s, '0', '9') && add_range(p, s, 'A', 'F') && add_range(p, s, 'a', 'f');
    else if (uni_same_name("ascii", name, n)) return add_range(p, s, 0, 127);
    else if (uni_same_name("newline", name, n)) return add_range(p, s, '\n', '\n');
    else if ((prop = uni_set_find(name, n))) return add_prop(p, s, prop);
    else *known = false;
    return true;
}

static struct re_set *property(struct re_parse *p, bool negate)
{
    const char *open = p->pattern + p->pos;
    if (p->pos == p->n || *open != '{') return re_wrong(p, "\\p without {"), NULL;
    const char *close = memchr(open, '}', p->n - p->pos);
    if (!close) return re_wrong(p, "\\p{ without }"), NULL;
    const char *name = open + 1;
    if (name < close && *name == '^') negate = !negate, name++;
    size_t n = (size_t)(close - name);
    struct re_set *s = new_set(p);
    if (!s) return NULL;
    bool known = add_named(s, name, n);
    if (!known && !add_posix(p, s, name, n, &known)) return NULL;
    if (!known) {
        int script = uni_script_find(name, n);
        bool block = n > 2 && (*name | 0x20) == 'i' && (name[1] | 0x20) == 'n';
        if (script < 0 && block) return re_refuse(p, "a block of characters"), NULL;
        if (script < 0) return re_wrong(p, "an unknown \\p{property}"), NULL;
        if (!add_script(p, s, script)) return NULL;
    }
    s->negate = negate;
    p->pos = (size_t)(close + 1 - p->pattern);
    return s;
}

struct re_set *re_class_escape(struct re_parse *p, char c, bool *not_mine)
{
    *not_mine = !strchr("sSdDwWhHpP", c) || !c;
    if (*not_mine) return NULL;
    if (c == 'p' || c == 'P') return property(p, c == 'P');
    struct re_set *s = new_set(p);
    if (!s) return NULL;
    bool known;
    switch (c | 0x20) {
    case 's': s->space = true; break;
    case 'd': s->categories = BIT(UNI_Nd); break;
    case 'w': s->word = true; break;
    default:
        if (!add_posix(p, s, "xdigit", 6, &known)) return NULL;
        break;
    }
    s->negate = c < 'a';
    return s;
}

/* ---- brackets ---- */

static bool peek(const struct re_parse *p, const char *s)
{
    size_t n = strlen(s);
    return p->n - p->pos >= n && memcmp(p->pattern + p->pos, s, n) == 0;
}

static bool posix_name(const char *name, size_t n)
{
    static const char *const names[] = {"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word", "xdigit"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0) return true;
    return false;
}

static bool posix_bracket(struct re_parse *p, struct re_set *s, bool *found)
{
    const char *at = p->pattern + p->pos;
    size_t left = p->n - p->pos;
    *found = false;
    if (left < 4 || at[0] != '[' || at[1] != ':') return true;
    const char *close = memmem(at + 2, left - 2, ":]", 2);
    if (!close) return true;
    const char *name = at + 2;
    bool negate = *name == '^', known;
    if (negate) name++;
    struct re_set *inner = new_set(p);
    size_t n = (size_t)(close - name);
    if (!inner || (posix_name(name, n) && !add_posix(p, inner, name, n, &known))) return false;
    if (!posix_name(name, n) || !known) return re_wrong(p, "an unknown [:name:]"), false;
    inner->negate = negate;
    p->pos = (size_t)(close + 2 - p->pattern);
    if (peek(p, "-") && !peek(p, "-]")) return re_wrong(p, "a range that begins with a class"), false;
    *found = true;
    return add_nested(p, s, inner);
}

static struct re_set *bracket(struct re_parse *p, bool fold);

/* One member: a set (then *set) or a character. */
static bool member(struct re_parse *p, struct re_set **set, uint32_t *cp)
{
    *set = NULL;
    if (p->pattern[p->pos] == '[') {
        *set = bracket(p, false);
        return *set != NULL;
    }
    if (p->pattern[p->pos] != '\\') {
        *cp = re_take_char(p);
        return true;
    }
    p->pos++;
    if (p->pos == p->n) return re_wrong(p, "a \\ at the end"), false;
    bool not_mine;
    char c = p->pattern[p->pos];
    size_t back = p->pos++;
    *set = re_class_escape(p, c, &not_mine);
    if (!not_mine) return *set != NULL;
    p->pos = back;
    if (c == 'b') return p->pos++, *cp = '\b', true;
    if (!re_char_escape(p, cp)) return false;
    return true;
}

static bool add_member(struct re_parse *p, struct re_set *s)
{
    struct re_set *set;
    uint32_t first = 0, last;
    bool nested = peek(p, "[");
    if (peek(p, "--[")) return re_refuse(p, "a difference of classes, which is &&[^...] here,"), false;
    if (!member(p, &set, &first)) return false;
    bool range = peek(p, "-") && !peek(p, "-]") && p->pos + 1 < p->n;
    if (set && !nested && range) return re_wrong(p, "a range that begins with a class"), false;
    if (set) return add_nested(p, s, set);
    last = first;
    if (range) {
        p->pos++;
        if (!member(p, &set, &last)) return false;
        if (set) return re_wrong(p, "a range that ends with a class"), false;
        if (last < first) return re_wrong(p, "a range from high to low"), false;
    }
    return add_range(p, s, first, last);
}

/* Up to ']' or '&&'. */
static bool members(struct re_parse *p, struct re_set *s, bool first)
{
    while (p->pos < p->n) {
        bool posix;
        if (peek(p, "&&") || (peek(p, "]") && !first)) return true;
        first = false;
        if (!posix_bracket(p, s, &posix)) return false;
        if (!posix && !add_member(p, s)) return false;
    }
    return re_wrong(p, "a [ without ]"), false;
}

static struct re_set *bracket(struct re_parse *p, bool fold)
{
    if (++p->depth > 50) return re_refuse(p, "nesting deeper than 50"), NULL;
    struct re_set *outer = new_set(p), *s;
    if (!outer) return NULL;
    p->pos++; /* [ */
    if (peek(p, "^")) {
        p->pos++;
        outer->negate = true;
    }
    /* outer = (first && second && ...), perhaps negated. */
    struct re_set *head = new_set(p);
    s = head;
    outer->fold = fold;
    bool first = true;
    for (;;) {
        if (!s || !members(p, s, first)) return NULL;
        first = false;
        if (!peek(p, "&&")) break;
        p->pos += 2;
        s->and = new_set(p);
        s = s->and;
    }
    p->pos++; /* ] */
    p->depth--;
    return add_nested(p, outer, head) ? outer : NULL;
}

/* Only the outermost brackets fold; a property or escape by itself does not. */
struct re_set *re_class_bracket(struct re_parse *p)
{
    return bracket(p, p->fold);
}
