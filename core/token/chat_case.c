/* Upper and lower case, as Python's strings do it (capitals: uni_upper.c): the sigma at the end of a word. */
#include <string.h>
#include <utf8proc.h>

#include "core/base/json.h"
#include "core/token/chat_eval.h"
#include "core/token/uni_props.h"

/* Small letters by Unicode's Lowercase that have another category. */
static bool other_lower(uint32_t cp)
{
    static const struct uni_range v[] = {
        {0xAA, 0xAA},       {0xBA, 0xBA},       {0x2B0, 0x2B8},     {0x2C0, 0x2C1},     {0x2E0, 0x2E4},     {0x345, 0x345},
        {0x37A, 0x37A},     {0x10FC, 0x10FC},   {0x1D2C, 0x1D6A},   {0x1D78, 0x1D78},   {0x1D9B, 0x1DBF},   {0x2071, 0x2071},
        {0x207F, 0x207F},   {0x2090, 0x209C},   {0x2170, 0x217F},   {0x24D0, 0x24E9},   {0x2C7C, 0x2C7D},   {0xA69C, 0xA69D},
        {0xA770, 0xA770},   {0xA7F2, 0xA7F4},   {0xA7F8, 0xA7F9},   {0xAB5C, 0xAB5F},   {0xAB69, 0xAB69},   {0x10780, 0x10780},
        {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA}, {0x1E030, 0x1E06D}};
    return uni_in_ranges(v, COUNT_OF(v), cp);
}

static bool is_lower(uint32_t cp)
{
    return uni_category(cp) == UNI_Ll || other_lower(cp);
}

static bool is_upper(uint32_t cp)
{
    static const struct uni_range other[] = {{0x2160, 0x216F}, {0x24B6, 0x24CF}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};
    return uni_category(cp) == UNI_Lu || uni_in_ranges(other, COUNT_OF(other), cp);
}

static bool cased(uint32_t cp)
{
    return is_lower(cp) || is_upper(cp) || uni_category(cp) == UNI_Lt;
}

/* Unicode's Case_Ignorable: marks, formats, modifiers, and points inside words. */
static bool ignored(uint32_t cp)
{
    static const uint32_t points[] = {'\'', '.', ':', 0xB7, 0x387, 0x55F, 0x5F4, 0x2018, 0x2019, 0x2024, 0x2027,
                                      0xFE13, 0xFE52, 0xFE55, 0xFF07, 0xFF0E, 0xFF1A};
    enum uni_category c = uni_category(cp);
    for (size_t i = 0; i < COUNT_OF(points); i++)
        if (cp == points[i]) return true;
    return c == UNI_Mn || c == UNI_Me || c == UNI_Cf || c == UNI_Lm || c == UNI_Sk;
}

bool chat_is_case(const struct cstr *s, bool upper)
{
    bool any = false;
    struct uni_char c;
    for (size_t i = 0; i < s->n; i += c.len) {
        c = cstr_char(s, i);
        if (uni_category(c.cp) == UNI_Lt || (upper ? is_lower(c.cp) : is_upper(c.cp))) return false;
        any = any || cased(c.cp);
    }
    return any;
}

bool chat_is_title(const struct cstr *s)
{
    bool any = false, inside = false;
    struct uni_char c;
    for (size_t i = 0; i < s->n; i += c.len) {
        c = cstr_char(s, i);
        bool begins = is_upper(c.cp) || uni_category(c.cp) == UNI_Lt;
        if (begins ? inside : is_lower(c.cp) && !inside) return false;
        inside = begins || is_lower(c.cp);
        any = any || inside;
    }
    return any;
}

/* Does the capital sigma at s[at], in a string that begins at `from`, end a word?  Then
 * its small letter is another one. */
static bool final_sigma(const struct cstr *s, size_t from, size_t at)
{
    struct uni_char c = {0};
    size_t i = at;
    while (i > from && ignored((c = uni_prev((const uint8_t *)s->s, i)).cp)) i -= c.len;
    if (i == from || !cased(c.cp)) return false;
    for (i = at + 2; i < s->n && ignored((c = cstr_char(s, i)).cp);) i += c.len;
    return i >= s->n || !cased(c.cp);
}

/* ---- strings ---- */

/* The characters after which a word begins, for the title filter. */
static bool ends_word(uint32_t cp)
{
    return chat_white(cp) || cp == '-' || cp == '(' || cp == '{' || cp == '[' || cp == '<';
}

static int small(const struct cstr *s, size_t from, size_t at, uint32_t cp, uint32_t to[3])
{
    to[0] = cp == 0x3A3 && final_sigma(s, from, at) ? 0x3C2 : (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
    if (cp != 0x130) return 1;
    to[0] = 'i';
    to[1] = 0x307;
    return 2;
}

int chat_case(struct chat_run *r, const struct cstr *s, enum case_kind kind, struct cv *out)
{
    struct chat_text t = {{0}, {0}};
    size_t from = 0; /* what small letters look back to */
    bool begins = true, whole = kind == CASE_UPPER || kind == CASE_WORDS || kind == CASE_SWAP; /* of one character; else its title form */
    for (size_t i = 0; i < s->n;) {
        struct uni_char c = cstr_char(s, i);
        bool upper = kind == CASE_SWAP ? !is_upper(c.cp) : kind == CASE_UPPER || (kind != CASE_LOWER && begins);
        uint32_t to[3];
        char bytes[4];
        bool same = c.cp == UNI_BAD || (kind == CASE_SWAP && upper && !is_lower(c.cp));
        int n = same ? 0 : upper ? uni_upper(c.cp, !whole, to) : small(s, from, i, c.cp, to);
        if (n == 0) chat_text_part(&t, s, i, i + c.len);
        for (int k = 0; k < n; k++) chat_text_add(&t, bytes, (size_t)utf8_encode(to[k], bytes), cstr_mark(s, i));
        begins = kind == CASE_WORDS ? ends_word(c.cp) : kind == CASE_TITLE ? !cased(c.cp) : false;
        i += c.len;
        if (kind == CASE_WORDS && upper) from = i; /* the filter changes the first letter and the rest apart */
    }
    return chat_finish(r, &t, 0, s->n / 16, out);
}
