#include <string.h>
#include <utf8proc.h>

#include "core/token/uni_props.h"

static char plain(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool skipped(char c)
{
    return c == '_' || c == ' ' || c == '-';
}

bool uni_same_name(const char *a, const char *b, size_t n)
{
    size_t i = 0;
    for (;;) {
        while (skipped(*a)) a++;
        while (i < n && skipped(b[i])) i++;
        if (!*a || i == n) return !*a && i == n;
        if (plain(*a++) != plain(b[i++])) return false;
    }
}

int uni_script_find(const char *name, size_t n)
{
    for (int i = 0; uni_script_names[i]; i++)
        if (uni_same_name(uni_script_names[i], name, n)) return i;
    return -1;
}

const struct uni_set *uni_set_find(const char *name, size_t n)
{
    static const char *const others[][2] = {
        {"AHex", "ASCII_Hex_Digit"}, {"CI", "Case_Ignorable"}, {"DI", "Default_Ignorable_Code_Point"}, {"Dia", "Diacritic"},
        {"EBase", "Emoji_Modifier_Base"}, {"EComp", "Emoji_Component"}, {"EMod", "Emoji_Modifier"}, {"EPres", "Emoji_Presentation"},
        {"Ext", "Extender"}, {"ExtPict", "Extended_Pictographic"}, {"Gr_Base", "Grapheme_Base"}, {"Gr_Ext", "Grapheme_Extend"},
        {"Hex", "Hex_Digit"}, {"IDC", "ID_Continue"}, {"IDS", "ID_Start"}, {"Ideo", "Ideographic"}, {"Join_C", "Join_Control"},
        {"Lower", "Lowercase"}, {"NChar", "Noncharacter_Code_Point"}, {"Pat_Syn", "Pattern_Syntax"}, {"Pat_WS", "Pattern_White_Space"},
        {"QMark", "Quotation_Mark"}, {"RI", "Regional_Indicator"}, {"SD", "Soft_Dotted"}, {"STerm", "Sentence_Terminal"},
        {"Term", "Terminal_Punctuation"}, {"UIdeo", "Unified_Ideograph"}, {"Upper", "Uppercase"}, {"VS", "Variation_Selector"},
        {"XIDC", "XID_Continue"}, {"XIDS", "XID_Start"}};
    for (const struct uni_set *s = uni_sets; s->name; s++)
        if (uni_same_name(s->name, name, n)) return s;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (uni_same_name(others[i][0], name, n)) return uni_set_find(others[i][1], strlen(others[i][1]));
    return NULL;
}

/* The first span that does not end before cp, or n. */
static int first_span(const struct uni_script_span *v, int n, uint32_t cp)
{
    int low = 0, high = n;
    while (low < high) {
        int mid = (low + high) / 2;
        if (v[mid].last < cp) low = mid + 1;
        else high = mid;
    }
    return low;
}

static int find_span(const struct uni_script_span *v, int n, uint32_t cp)
{
    int low = first_span(v, n, cp);
    return low == n || v[low].first > cp ? -1 : v[low].script;
}

int uni_script(uint32_t cp)
{
    return find_span(uni_script_spans, uni_n_script_spans, cp);
}

uint64_t uni_script_block(int script, uint32_t first)
{
    uint64_t found = 0;
    for (uint32_t i = 0; i < 64;) { /* a span at a time */
        int low = first_span(uni_script_spans, uni_n_script_spans, first + i);
        const struct uni_script_span *v = &uni_script_spans[low];
        if (low == uni_n_script_spans || v->first > first + 63) break;
        for (i = v->first > first ? v->first - first : i; i < 64 && first + i <= v->last; i++)
            found |= (uint64_t)(v->script == script) << i;
    }
    return found;
}

int uni_cut_script(uint32_t cp)
{
    return find_span(uni_cut_spans, uni_n_cut_spans, cp);
}

/* Capital letters younger than the library's tables. */
static const struct { uint32_t first, last; int32_t delta; } young[] = {
    {0x1C89, 0x1C89, 1}, {0xA7CB, 0xA7CB, 0x264 - 0xA7CB}, {0xA7CC, 0xA7CC, 1}, {0xA7CE, 0xA7CE, 1},
    {0xA7D2, 0xA7D2, 1}, {0xA7D4, 0xA7D4, 1}, {0xA7DA, 0xA7DA, 1}, {0xA7DC, 0xA7DC, 0x19B - 0xA7DC},
    {0x10D50, 0x10D65, 0x20}, {0x16EA0, 0x16EB8, 0x1B},
};

int uni_lower(uint32_t cp, uint32_t out[2])
{
    if (cp < 0x80) {
        out[0] = cp + (cp - 'A' < 26 ? 0x20 : 0);
        return 1;
    }
    if (cp == 0x130) { /* the one capital whose small letter is two characters */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    out[0] = cp;
    if ((cp >= 0x3000 && cp <= 0xA63F) || (cp >= 0xAC00 && cp <= 0xFEFF)) return 1; /* no letter of these has a case */
    out[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
    for (size_t i = 0; i < sizeof young / sizeof *young; i++)
        if (cp >= young[i].first && cp <= young[i].last)
            out[0] = (uint32_t)((int32_t)cp + young[i].delta);
    return 1;
}

/* Small letters and signs that fold to another one, besides capitals. */
static const struct { uint32_t cp, fold; } variants[] = {
    {0xB5, 0x3BC}, {0x17F, 's'}, {0x345, 0x3B9}, {0x3C2, 0x3C3}, {0x3D0, 0x3B2}, {0x3D1, 0x3B8}, {0x3D5, 0x3C6},
    {0x3D6, 0x3C0}, {0x3F0, 0x3BA}, {0x3F1, 0x3C1}, {0x3F4, 0x3B8}, {0x3F5, 0x3B5}, {0x1C80, 0x432}, {0x1C81, 0x434},
    {0x1C82, 0x43E}, {0x1C83, 0x441}, {0x1C84, 0x442}, {0x1C85, 0x442}, {0x1C86, 0x44A}, {0x1C87, 0x463},
    {0x1C88, 0xA64B}, {0x1E9B, 0x1E61}, {0x1E9E, 0xDF}, {0x1FBE, 0x3B9}, {0x2126, 0x3C9}, {0x212A, 'k'}, {0x212B, 0xE5},
};

uint32_t uni_fold(uint32_t cp)
{
    uint32_t out[2];
    switch (cp) {
    case 0x17F: return 's';
    case 0x1E9E: return 0xDF;
    case 0x212A: return 'k';
    case 0x212B: return 0xE5;
    case 0x130: case 0x131: return cp; /* the dotted and the dotless i are letters of their own */
    case 0x3C2: return 0x3C3;
    default: break;
    }
    if (cp >= 0x80 && uni_category(cp) == UNI_Cn) return cp; /* younger than the engine's Unicode */
    /* Through the capital, so that variants of a small letter meet. */
    uint32_t upper = (uint32_t)utf8proc_toupper((utf8proc_int32_t)cp);
    uni_lower(upper == 0x130 ? cp : upper, out);
    return out[0];
}

static void add_if_same(uint32_t out[UNI_SAME_FOLD], int *n, uint32_t cp)
{
    for (int i = 0; i < *n; i++)
        if (out[i] == cp) return;
    if (uni_fold(cp) == out[0] && *n < UNI_SAME_FOLD) out[(*n)++] = cp;
}

int uni_same_fold(uint32_t cp, uint32_t out[UNI_SAME_FOLD])
{
    int n = 1;
    uint32_t fold = out[0] = uni_fold(cp);
    add_if_same(out, &n, (uint32_t)utf8proc_toupper((utf8proc_int32_t)fold));
    add_if_same(out, &n, (uint32_t)utf8proc_totitle((utf8proc_int32_t)fold));
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        if (variants[i].fold == fold) add_if_same(out, &n, variants[i].cp);
    for (size_t i = 0; i < sizeof young / sizeof *young; i++) {
        uint32_t capital = (uint32_t)((int32_t)fold - young[i].delta);
        if (capital >= young[i].first && capital <= young[i].last) add_if_same(out, &n, capital);
    }
    return n;
}

/* ---- characters that fold to several ---- */

static int fold_to_many(uint32_t cp, uint32_t out[3])
{
    utf8proc_int32_t v[4];
    int boundary = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)cp, v, 4, UTF8PROC_CASEFOLD, &boundary);
    if (n < 2 || n > 3) return 0;
    for (utf8proc_ssize_t i = 0; i < n; i++) out[i] = (uint32_t)v[i];
    return (int)n;
}

int uni_next_fold_to_many(uint32_t *cp, uint32_t out[3])
{
    static const struct { uint32_t first, last; } blocks[] = { /* all of them are here */
        {0xDF, 0xDF}, {0x130, 0x130}, {0x149, 0x149}, {0x1F0, 0x1F0}, {0x390, 0x390}, {0x3B0, 0x3B0},
        {0x587, 0x587}, {0x1E96, 0x1E9E}, {0x1F50, 0x1F56}, {0x1F80, 0x1FFC}, {0xFB00, 0xFB17}};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        if (*cp < blocks[i].first) *cp = blocks[i].first;
        for (int n; *cp <= blocks[i].last; (*cp)++)
            if ((n = fold_to_many(*cp, out))) return n;
    }
    return 0;
}

bool uni_folds_to_many(uint32_t cp)
{
    uint32_t next = cp, out[3];
    return uni_next_fold_to_many(&next, out) && next == cp;
}
