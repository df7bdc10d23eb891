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

static bool same_name(const char *a, const char *b, size_t n)
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
        if (same_name(uni_script_names[i], name, n)) return i;
    return -1;
}

static int find_span(const struct uni_script_span *v, int n, uint32_t cp)
{
    int low = 0, high = n;
    while (low < high) {
        int mid = (low + high) / 2;
        if (v[mid].last < cp) low = mid + 1;
        else high = mid;
    }
    return low == n || v[low].first > cp ? -1 : v[low].script;
}

int uni_script(uint32_t cp)
{
    return find_span(uni_script_spans, uni_n_script_spans, cp);
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
    out[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
    for (size_t i = 0; i < sizeof young / sizeof *young; i++)
        if (cp >= young[i].first && cp <= young[i].last)
            out[0] = (uint32_t)((int32_t)cp + young[i].delta);
    return 1;
}

uint32_t uni_fold(uint32_t cp)
{
    uint32_t out[2];
    switch (cp) {
    case 0x17F: return 's';
    case 0x1E9E: return 0xDF;
    case 0x212A: return 'k';
    case 0x212B: return 0xE5;
    case 0x130: return cp;
    case 0x3C2: return 0x3C3;
    default: break;
    }
    /* Through the capital, so that variants of a small letter meet. */
    uint32_t upper = (uint32_t)utf8proc_toupper((utf8proc_int32_t)cp);
    uni_lower(upper == 0x130 ? cp : upper, out);
    return out[0];
}
