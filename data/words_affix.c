#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/words_internal.h"

/* The text is valid UTF-8, so decoding cannot fail. */
static uint32_t first_char(const char *s, size_t n, size_t *len)
{
    uint32_t cp = 0;
    int k = utf8_decode(s, n, &cp);
    *len = k > 0 ? (size_t)k : 1;
    return cp;
}

static uint32_t last_char(const char *s, size_t n, size_t *len)
{
    size_t i = n - 1;
    while (i && ((unsigned char)s[i] & 0xc0) == 0x80)
        i--;
    *len = n - i;
    size_t k;
    return first_char(s + i, n - i, &k);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool starts(const char *s, size_t n, const char *w)
{
    size_t m = strlen(w);
    return n >= m && memcmp(s, w, m) == 0;
}

static bool ends(const char *s, size_t n, const char *w)
{
    size_t m = strlen(w);
    return n >= m && memcmp(s + n - m, w, m) == 0;
}

size_t words_prefix(const struct words_table *t, const char *s, size_t n)
{
    size_t len;
    uint32_t cp = first_char(s, n, &len);
    if (words_class(t, cp) & WC_PREFIX) return len;
    if (cp == '+') return n > 1 && is_digit(s[1]) ? 0 : 1;
    if (cp == '.' && n > 1 && s[1] == '.') {
        while (len < n && s[len] == '.')
            len++;
        return len;
    }
    if (starts(s, n, "US$")) return 3;
    return starts(s, n, "C$") || starts(s, n, "A$") ? 2 : 0;
}

static size_t longer(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Units and currencies count only behind a digit. */
static size_t unit_suffix(const struct words_table *t, const char *s, size_t n, uint32_t last,
                          size_t len)
{
#define U(s)                                                                                       \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }
    static const struct {
        const char *s;
        size_t n;
    } units[] = {
        U("km"),   U("km²"),  U("km³"),  U("m"),    U("m²"),   U("m³"),   U("dm"),    U("dm²"),
        U("dm³"),  U("cm"),   U("cm²"),  U("cm³"),  U("mm"),   U("mm²"),  U("mm³"),   U("ha"),
        U("µm"),   U("nm"),   U("yd"),   U("in"),   U("ft"),   U("kg"),   U("g"),     U("mg"),
        U("µg"),   U("t"),    U("lb"),   U("oz"),   U("m/s"),  U("km/h"), U("kmh"),   U("mph"),
        U("hPa"),  U("Pa"),   U("mbar"), U("mb"),   U("MB"),   U("kb"),   U("KB"),    U("gb"),
        U("GB"),   U("tb"),   U("TB"),   U("T"),    U("G"),    U("M"),    U("K"),     U("%"),
        U("км"),   U("км²"),  U("км³"),  U("м"),    U("м²"),   U("м³"),   U("дм"),    U("дм²"),
        U("дм³"),  U("см"),   U("см²"),  U("см³"),  U("мм"),   U("мм²"),  U("мм³"),   U("нм"),
        U("кг"),   U("г"),    U("мг"),   U("м/с"),  U("км/ч"), U("кПа"),  U("Па"),    U("мбар"),
        U("Кб"),   U("КБ"),   U("кб"),   U("Мб"),   U("МБ"),   U("мб"),   U("Гб"),    U("ГБ"),
        U("гб"),   U("Тб"),   U("ТБ"),   U("тбكم"), U("كم²"),  U("كم³"),  U("م"),     U("م²"),
        U("م³"),   U("سم"),   U("سم²"),  U("سم³"),  U("مم"),   U("مم²"),  U("مم³"),   U("كم"),
        U("غرام"), U("جرام"), U("جم"),   U("كغ"),   U("ملغ"),  U("كوب"),  U("اكواب"), U("US$"),
        U("C$"),   U("A$"),
    };
    size_t best = 0;
    if (words_class(t, last) & WC_CURRENCY && n > len && is_digit(s[n - len - 1])) best = len;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        size_t m = units[i].n;
        if (m > best && n > m && is_digit(s[n - m - 1]) && memcmp(s + n - m, units[i].s, m) == 0)
            best = m;
    }
#undef U
    return best;
}

static size_t dot_suffix(const struct words_table *t, const char *s, size_t n)
{
    size_t run = 1, len, before;
    while (run < n && s[n - 1 - run] == '.')
        run++;
    if (run > 1) return run;
    if (n < 2) return 0;
    uint32_t cp = last_char(s, n - 1, &len);
    unsigned c = words_class(t, cp);
    if (c & WC_BEFORE_DOT) return 1;
    if (n - 1 == len) return 0;
    uint32_t prev = last_char(s, n - 1 - len, &before);
    if (c & WC_UPPER && words_class(t, prev) & WC_UPPER) return 1;
    return prev == 0xb0 && cp < 128 && cp && strchr("FfCcKk", (int)cp) ? 1 : 0;
}

size_t words_suffix(const struct words_table *t, const char *s, size_t n)
{
    size_t len;
    uint32_t cp = last_char(s, n, &len);
    if (cp == '.') return dot_suffix(t, s, n);
    size_t best = words_class(t, cp) & WC_SUFFIX ? len : 0;
    if ((cp | 0x20) == 's') {
        if (ends(s, n - 1, "'")) best = 2;
        if (ends(s, n - 1, "’")) best = 4;
    }
    if (cp == 0x2026 && ends(s, n, "……")) best = 6;
    if (cp == '+' && n > 1 && is_digit(s[n - 2])) best = 1;
    bool maybe = false; /* a digit among the few characters before? */
    for (size_t i = n - 1; i-- > 0 && n - i < 12;)
        maybe |= is_digit(s[i]);
    return maybe ? longer(best, unit_suffix(t, s, n, cp, len)) : best;
}

static size_t hyphen(const char *s, size_t n)
{
    if (s[0] == '~') return 1;
    if (s[0] == '-') return 1;
    if (starts(s, n, "–") || starts(s, n, "—")) return 3;
    return 0;
}

static bool alpha_at(const struct words_table *t, const char *s, size_t n, size_t i)
{
    size_t len;
    return i < n && words_class(t, first_char(s + i, n - i, &len)) & WC_ALPHA;
}

/* An infix that begins at i, given the class of the character before it. */
static size_t infix_at(const struct words_table *t, const char *s, size_t n, size_t i,
                       unsigned before, unsigned here, size_t len)
{
    char c = s[i];
    if (c == '.' && i + 1 < n && s[i + 1] == '.') {
        size_t end = i;
        while (end < n && s[end] == '.')
            end++;
        return end - i;
    }
    if (here & WC_ICON || starts(s + i, n - i, "…")) return len;
    if (before & WC_DIGIT && (c == '+' || c == '-' || c == '*' || c == '^') && i + 1 < n &&
        (is_digit(s[i + 1]) || s[i + 1] == '-'))
        return 1;
    if (c == '.' && before & (WC_LOWER | WC_QUOTE) && i + 1 < n) {
        size_t k;
        return words_class(t, first_char(s + i + 1, n - i - 1, &k)) & (WC_UPPER | WC_QUOTE) ? 1 : 0;
    }
    if (c == ',' && before & WC_ALPHA) return alpha_at(t, s, n, i + 1) ? 1 : 0;
    if (!(before & (WC_ALPHA | WC_DIGIT))) return 0;
    if (c == ':' || c == '<' || c == '>' || c == '=' || c == '/')
        return alpha_at(t, s, n, i + 1) ? 1 : 0;
    size_t h = hyphen(s + i, n - i);
    if (!h) return 0;
    if (alpha_at(t, s, n, i + h)) return h;
    for (int k = 2; k <= 3; k++) { /* --, --- and —— */
        if (c == '-' && starts(s + i, n - i, k == 2 ? "--" : "---") &&
            alpha_at(t, s, n, i + (size_t)k))
            return (size_t)k;
    }
    return starts(s + i, n - i, "——") && alpha_at(t, s, n, i + 6) ? 6 : 0;
}

bool words_infix(const struct words_table *t, const char *s, size_t n, size_t from, size_t *begin,
                 size_t *end)
{
    unsigned before = 0;
    size_t len;
    if (from) before = words_class(t, last_char(s, from, &len));
    for (size_t i = from; i < n; i += len) {
        uint32_t cp = first_char(s + i, n - i, &len);
        unsigned here = words_class(t, cp);
        bool plain = (unsigned char)s[i] < 128 && here & (WC_ALPHA | WC_DIGIT);
        size_t k = plain ? 0 : infix_at(t, s, n, i, before, here, len);
        if (k) {
            *begin = i;
            *end = i + k;
            return true;
        }
        before = here;
    }
    return false;
}

/* ---- URLs (the expression of spaCy, without backtracking) ---- */

static bool host_char(const char *s, size_t n, size_t *len, bool inner)
{
    uint32_t cp = first_char(s, n, len);
    if (cp < 128) {
        char c = (char)cp;
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (inner && (c == '_' || c == '-'));
    }
    return cp >= 0xa1 && cp <= 0xffff;
}

/* :port and path up to the end */
static bool url_tail(const char *s, size_t n)
{
    if (n && s[0] == ':') {
        size_t k = 1;
        while (k < n && is_digit(s[k]))
            k++;
        if (k < 3 || k > 6) return false;
        s += k;
        n -= k;
    }
    return n == 0 || s[0] == '/' || s[0] == '?' || s[0] == '#';
}

static bool ip_host(const char *s, size_t n, size_t *end)
{
    int v[4];
    size_t i = 0;
    for (int k = 0; k < 4; k++) {
        size_t from = i;
        int x = 0;
        while (i < n && i - from < 3 && is_digit(s[i]))
            x = x * 10 + (s[i++] - '0');
        if (i == from || (k != 1 && k != 2 && s[from] == '0')) return false;
        if ((k == 1 || k == 2) && i - from == 3 && s[from] == '0') return false;
        v[k] = x;
        if (k < 3) {
            if (i >= n || s[i] != '.') return false;
            i++;
        }
    }
    *end = i;
    bool local = v[0] == 10 || v[0] == 127 || (v[0] == 169 && v[1] == 254) ||
                 (v[0] == 192 && v[1] == 168) || (v[0] == 172 && v[1] >= 16 && v[1] <= 31);
    return !local && v[0] <= 223 && v[1] <= 255 && v[2] <= 255 && v[3] <= 254;
}

/* Labels, each with a dot, then a top-level name of lower-case letters. */
static bool domain_url(const struct words_table *t, const char *s, size_t n)
{
    for (size_t i = 0;;) {
        size_t chars = 0, len = 0;
        bool inner_end = false; /* the label so far ends in _ or - */
        while (i < n && host_char(s + i, n - i, &len, chars > 0)) {
            inner_end = s[i] == '_' || s[i] == '-';
            i += len;
            chars++;
        }
        if (!chars || chars > 64 || inner_end || i >= n || s[i] != '.') return false;
        i++;
        size_t j = i, lower = 0;
        while (j < n && words_class(t, first_char(s + j, n - j, &len)) & WC_LOWER) {
            j += len;
            lower++;
        }
        if (lower >= 2 && lower <= 63 && url_tail(s + j, n - j)) return true;
    }
}

static bool host_url(const struct words_table *t, const char *s, size_t n)
{
    size_t end;
    return (ip_host(s, n, &end) && url_tail(s + end, n - end)) || domain_url(t, s, n);
}

bool words_is_url(const struct words_table *t, const char *s, size_t n)
{
    if (!memchr(s, '.', n)) return false;
    size_t start[2] = {0, 0}, n_start = 1;
    const char *sep = memmem(s, n, "://", 3);
    if (sep && sep - s >= 2) {
        bool ok = true;
        size_t len;
        for (size_t i = 0; i < (size_t)(sep - s); i += len) {
            uint32_t cp = first_char(s + i, n - i, &len);
            ok &= words_class(t, cp) & (WC_LETTER | WC_DIGIT) ||
                  (cp < 128 && strchr("_+-.", (int)cp));
        }
        if (ok) start[n_start++] = (size_t)(sep - s) + 3;
    }
    for (size_t k = 0; k < n_start; k++) {
        if (host_url(t, s + start[k], n - start[k])) return true;
        const char *at = s + start[k];
        while (at + 1 < s + n && (at = memchr(at + 1, '@', (size_t)(s + n - at - 1))))
            if (host_url(t, at + 1, (size_t)(s + n - at - 1))) return true;
    }
    return false;
}
