#include "core/token/jlex.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/score_text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && is_space(*p)) p++;
    return p;
}

/* p at the opening quote: past the closing one, or end. */
static const char *skip_string(const char *p, const char *end)
{
    p++;
#if defined(__SSE2__)
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (!mask) continue;
        p += __builtin_ctz(mask);
        if (*p == '"') return p + 1;
        break;
    }
#endif
    for (; p < end && *p != '"'; p++)
        if (*p == '\\') p++;
    return p < end ? p + 1 : end;
}

#if defined(__SSE2__)
/* A bit for each of 64 bytes. */
struct marks {
    uint64_t quotes, slashes, opens, closes;
};

static struct marks mark(const char *p)
{
    struct marks m = {0};
    for (unsigned i = 0; i < 64; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i)), y = _mm_or_si128(x, _mm_set1_epi8(0x20));
        m.quotes |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('"'))) << i;
        m.slashes |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))) << i;
        m.opens |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(y, _mm_set1_epi8('{'))) << i; /* [ is { - 0x20 */
        m.closes |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(y, _mm_set1_epi8('}'))) << i;
    }
    return m;
}

/* Of *m, without the quotes that are escaped; *escaped: the first byte is, then that of the next block. */
static void drop_escaped(struct marks *m, uint64_t *escaped)
{
    uint64_t first = *escaped, slashes = m->slashes & ~first;
    m->quotes &= ~first;
    for (*escaped = 0; slashes; ) {
        uint64_t slash = slashes & (0 - slashes), next = slash << 1;
        m->quotes &= ~next;
        slashes &= ~(slash | next);
        *escaped = next == 0;
    }
}

/* Within an array or object, not in a string, `depth` brackets being open: goes on 64 bytes at a time
 * up to those with the bracket that closes the last one, and stops outside of strings. */
static const char *skip_blocks(const char *p, const char *end, int *depth)
{
    uint64_t escaped = 0, inside = 0; /* inside: all ones in a string */
    const char *stop = p;
    int now = *depth;
    for (; end - p >= 64; p += 64) {
        if (!inside && !escaped) {
            stop = p;
            *depth = now;
        }
        struct marks m = mark(p);
        if (m.slashes | escaped) drop_escaped(&m, &escaped);
        uint64_t text = m.quotes;
        for (int k = 1; k < 64; k *= 2) text ^= text << k; /* behind an odd number of quotes */
        text ^= inside;
        inside = 0 - (text >> 63);
        for (uint64_t left = (m.opens | m.closes) & ~text; left; left &= left - 1) {
            now += m.opens & left & (0 - left) ? 1 : -1;
            if (now == 0) return stop;
        }
    }
    return stop;
}
#endif

/* Past one value, by counting brackets; syntax is checked by others. */
static const char *skip_value(const char *p, const char *end)
{
    int depth = 0;
    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
#if defined(__SSE2__)
            if (depth == 1) p = skip_blocks(p, end, &depth);
#endif
        } else if (*p == '}' || *p == ']') {
            if (depth == 0) return p;
            depth--;
            p++;
        } else if (*p == ',' && depth == 0) {
            return p;
        } else {
            p++;
            continue;
        }
        if (depth == 0) return p;
    }
    return end;
}

static bool key_is(const char *begin, const char *end, const char *key)
{
    size_t n = strlen(key);
    return (size_t)(end - begin) == n + 2 && memcmp(begin + 1, key, n) == 0;
}

/* Finds the values of two members of the object at p, on one way; those that are not there stay as they
 * are.  second NULL: only one, of which the end is that of the text. */
static void find_members(const char *p, const char *end, const char *first, struct jlex_span *one, const char *second,
                         struct jlex_span *two)
{
    bool has_one = false, has_two = !second;
    p = skip_space(p, end);
    if (p == end || *p != '{') return;
    p++;
    while (!(has_one && has_two) && (p = skip_space(p, end)) < end && *p == '"') {
        const char *k = p;
        p = skip_string(p, end);
        bool is_one = !has_one && key_is(k, p, first), is_two = !has_two && !is_one && key_is(k, p, second);
        p = skip_space(p, end);
        if (p == end || *p != ':') return;
        p = skip_space(p + 1, end);
        const char *value = p;
        p = is_one && !second ? end : skip_value(p, end);
        if (is_one) *one = (struct jlex_span){value, p};
        if (is_two) *two = (struct jlex_span){value, p};
        has_one |= is_one;
        has_two |= is_two;
        p = skip_space(p, end);
        if (p == end || *p != ',') return;
        p++;
    }
}

size_t jlex_count(const char *p, size_t n, char c)
{
    const char *end = p + n;
    size_t count = 0;
#if defined(__SSE2__)
    while (end - p >= 16) {
        const char *stop = end - p > 255 * 16 ? p + 255 * 16 : p + (end - p) / 16 * 16; /* what a byte can count */
        __m128i sum = _mm_setzero_si128();
        for (; p < stop; p += 16)
            sum = _mm_sub_epi8(sum, _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), _mm_set1_epi8(c)));
        sum = _mm_sad_epu8(sum, _mm_setzero_si128());
        count += (size_t)(_mm_cvtsi128_si32(sum) + _mm_extract_epi16(sum, 4));
    }
#endif
    for (; p < end; p++) count += *p == c;
    return count;
}

/* Instead of the inside of a member: as many lines and, of the last one, columns. */
static void add_blank(struct buf *rest, const char *p, const char *end)
{
    const char *last = memrchr(p, '\n', (size_t)(end - p));
    size_t lines = jlex_count(p, (size_t)(end - p), '\n'), columns = (size_t)(last ? end - last - 1 : end - p);
    if (!buf_reserve(rest, lines + columns)) return;
    memset(rest->data + rest->len, '\n', lines);
    memset(rest->data + rest->len + lines, ' ', columns);
    rest->len += lines + columns;
}

/* The text without the inside of the members, which are in its order; `places`: with blanks instead. */
static int cut_out(const char *json, size_t n, const struct jlex_span *cut, int n_cut, bool places, struct buf *rest, struct err *e)
{
    const char *from = json;
    for (int i = 0; i < n_cut; i++) {
        struct jlex_span s = cut[i];
        if (!s.begin || s.end - s.begin < 2 || (*s.begin != '{' && *s.begin != '[')) continue;
        buf_add(rest, from, (size_t)(s.begin + 1 - from));
        from = s.end - 1;
        if (places) add_blank(rest, s.begin + 1, from);
    }
    buf_add(rest, from, (size_t)(json + n - from));
    return buf_ok(rest, e);
}

/* The two spans in the order of the text. */
static void find_model(const char *json, size_t n, struct jlex_span *vocab, struct jlex_span *merges, struct jlex_span cut[2])
{
    struct jlex_span model = {NULL, NULL};
    *vocab = *merges = model;
    find_members(json, json + n, "model", &model, NULL, NULL);
    if (model.begin) find_members(model.begin, model.end, "vocab", vocab, "merges", merges);
    bool swapped = merges->begin < vocab->begin;
    cut[0] = swapped ? *merges : *vocab;
    cut[1] = swapped ? *vocab : *merges;
}

/* Blanks, of which a vocabulary in one line needs as many as it is long, are only made where a message
 * has to name a place. */
static struct cJSON *parse_rest(const char *json, size_t n, const char *name, const struct json_limits *lim,
                                const struct jlex_span *cut, int n_cut, struct err *e)
{
    struct cJSON *root = NULL;
    struct buf rest = {0};
    for (int places = 0; places < 2 && !root; places++) {
        buf_clear(&rest);
        if (cut_out(json, n, cut, n_cut, places, &rest, e)) break;
        root = json_parse(buf_text(&rest), rest.len, name, lim, e);
    }
    buf_free(&rest);
    return root;
}

struct cJSON *jlex_parse(const char *json, size_t n, const char *name, const struct json_limits *lim,
                         struct jlex_span *vocab, struct jlex_span *merges, struct err *e)
{
    struct jlex_span cut[2];
    if (utf8_check(json, n, name, e)) return NULL;
    find_model(json, n, vocab, merges, cut);
    return parse_rest(json, n, name, lim, cut, 2, e);
}

struct cJSON *jlex_parse_member(const char *json, size_t n, const char *name, const struct json_limits *lim,
                                const char *key, const char *other, struct jlex_span *member, struct err *e)
{
    struct jlex_span ignored;
    if (utf8_check(json, n, name, e)) return NULL;
    *member = (struct jlex_span){NULL, NULL};
    find_members(json, json + n, key, member, other, &ignored);
    return parse_rest(json, n, name, lim, member, 1, e);
}

void jlex_init(struct jlex *x, const char *base, struct jlex_span span, const char *name)
{
    *x = (struct jlex){.base = base, .p = span.begin, .end = span.end, .name = name};
}

void jlex_free(struct jlex *x)
{
    buf_free(&x->tmp);
}

int jlex_wrap(const struct jlex *x, struct err *e)
{
    size_t line = 1, column = 1;
    for (const char *p = x->base; p < x->p; p++) {
        column++;
        if (*p == '\n') {
            line++;
            column = 1;
        }
    }
    return err_wrap(e, "'%s':%zu:%zu", x->name, line, column);
}

int jlex_error(const struct jlex *x, struct err *e, const char *fmt, ...)
{
    char msg[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    err_set(e, ERR_DATA, "%s", msg);
    return jlex_wrap(x, e);
}

static inline bool try_char(struct jlex *x, char c)
{
    if (x->p == x->end || *x->p != c) x->p = skip_space(x->p, x->end);
    if (x->p == x->end || *x->p != c) return false;
    x->p++;
    return true;
}

bool jlex_try(struct jlex *x, char c)
{
    return try_char(x, c);
}

int jlex_expect(struct jlex *x, char c, struct err *e)
{
    if (try_char(x, c)) return 0;
    if (x->p == x->end) return jlex_error(x, e, "'%c' expected, but the text ends", c);
    return jlex_error(x, e, "'%c' expected", c);
}

static int hex4(const char *p, const char *end)
{
    if (end - p < 4) return -1;
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(p[i]);
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

/* x->p after "\u".  Appends the character, joining surrogate pairs. */
static int unicode_escape(struct jlex *x, struct err *e)
{
    int hi = hex4(x->p, x->end);
    if (hi < 0) return jlex_error(x, e, "four hex digits must follow \\u");
    uint32_t cp = (uint32_t)hi;
    x->p += 4;
    if (cp >= 0xD800 && cp < 0xDC00 && x->end - x->p >= 6 && x->p[0] == '\\' && x->p[1] == 'u') {
        int lo = hex4(x->p + 2, x->end);
        if (lo >= 0xDC00 && lo < 0xE000) {
            cp = 0x10000 + ((cp - 0xD800) << 10) + ((uint32_t)lo - 0xDC00);
            x->p += 6;
        }
    }
    char c[4];
    int len = utf8_encode(cp, c);
    if (len <= 0) return jlex_error(x, e, "lone surrogate \\u%04X", (unsigned)cp);
    buf_add(&x->tmp, c, (size_t)len);
    return 0;
}

static int escape(struct jlex *x, struct err *e)
{
    if (x->p == x->end) return jlex_error(x, e, "the text ends inside a string");
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = *x->p++;
    if (c == 'u') return unicode_escape(x, e);
    const char *at = c ? strchr(from, c) : NULL;
    if (!at) return jlex_error(x, e, "unknown escape '\\%c' in a string", c);
    buf_addc(&x->tmp, to[at - from]);
    return 0;
}

/* To the next quote, backslash or control character, or to the end. */
static const char *skip_plain(const char *p, const char *end)
{
#if defined(__SSE2__)
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p), last = _mm_set1_epi8(0x1f);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_max_epu8(x, last), last));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask) return p + __builtin_ctz(mask);
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20) p++;
    return p;
}

/* Where the string that begins at `begin` has an escape, or a mistake, at x->p. */
static int copy_string(struct jlex *x, const char *begin, const char **s, size_t *len, struct err *e)
{
    buf_clear(&x->tmp);
    for (;;) {
        if (x->p == x->end) return jlex_error(x, e, "the text ends inside a string");
        if ((unsigned char)*x->p < 0x20)
            return jlex_error(x, e, "control character 0x%02X inside a string",
                              (unsigned)(unsigned char)*x->p);
        buf_add(&x->tmp, begin, (size_t)(x->p - begin));
        if (*x->p++ == '"') break;
        if (escape(x, e)) return -1;
        begin = x->p;
        x->p = skip_plain(begin, x->end);
    }
    if (buf_ok(&x->tmp, e)) return -1;
    *s = buf_text(&x->tmp);
    *len = x->tmp.len;
    return 0;
}

int jlex_string(struct jlex *x, const char **s, size_t *len, struct err *e)
{
    if (!try_char(x, '"')) return jlex_expect(x, '"', e);
    const char *begin = x->p;
    x->p = skip_plain(begin, x->end);
    if (x->p == x->end || *x->p != '"') return copy_string(x, begin, s, len, e);
    *s = begin;
    *len = (size_t)(x->p++ - begin);
    return 0;
}

int jlex_int(struct jlex *x, int64_t *out, struct err *e)
{
    x->p = skip_space(x->p, x->end);
    const char *p = x->p;
    bool minus = p < x->end && *p == '-';
    if (minus) p++;
    const char *digits = p;
    int64_t v = 0;
    while (p < x->end && *p >= '0' && *p <= '9' && p - digits < 18) v = v * 10 + (*p++ - '0');
    bool zeros = p - digits > 1 && *digits == '0';
    bool more = p < x->end && (*p == '.' || *p == 'e' || *p == 'E' || (*p >= '0' && *p <= '9'));
    if (p == digits || zeros || more) return jlex_error(x, e, "an integer is expected");
    x->p = p;
    *out = minus ? -v : v;
    return 0;
}

void jlex_skip(struct jlex *x)
{
    x->p = skip_value(skip_space(x->p, x->end), x->end);
}

static const char *digits_end(const char *p)
{
    while (*p >= '0' && *p <= '9') p++;
    return p;
}

/* As JSON has it: no zeros in front, digits on both sides of a point. */
static bool is_number(const char *p)
{
    const char *from = p + (*p == '-');
    p = digits_end(from);
    if (p == from || (*from == '0' && p > from + 1)) return false;
    if (*p == '.') {
        from = p + 1;
        if ((p = digits_end(from)) == from) return false;
    }
    if (*p == 'e' || *p == 'E') {
        from = p + 1 + (p[1] == '+' || p[1] == '-');
        if ((p = digits_end(from)) == from) return false;
    }
    return !*p;
}

enum { NUMBER_ROOM = 64 }; /* with the NUL; longer ones are no numbers */

static const bool in_number[256] = {['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1,
                                    ['8'] = 1, ['9'] = 1, ['.'] = 1, ['-'] = 1, ['+'] = 1, ['e'] = 1, ['E'] = 1};

/* Copied into text, which is one as JSON has it. */
static int number(struct jlex *x, char text[NUMBER_ROOM], struct err *e)
{
    x->p = skip_space(x->p, x->end);
    size_t n = 0;
    for (; n < NUMBER_ROOM - 1 && x->p + n < x->end; n++) {
        if (!in_number[(uint8_t)x->p[n]]) break;
        text[n] = x->p[n];
    }
    text[n] = 0;
    if (!is_number(text)) return jlex_error(x, e, "a number is expected");
    x->p += n;
    return 0;
}

/* The number read from `from` on. */
static int check_finite(struct jlex *x, const char *from, double v, struct err *e)
{
    if (v - v == 0.0) return 0;
    x->p = skip_space(from, x->end);
    return jlex_error(x, e, "a number is expected");
}

int jlex_number(struct jlex *x, double *out, struct err *e)
{
    char text[NUMBER_ROOM];
    const char *from = x->p;
    if (number(x, text, e)) return -1;
    *out = strtod(text, NULL);
    return check_finite(x, from, *out, e);
}

int jlex_score(struct jlex *x, double *out, struct err *e)
{
    char text[NUMBER_ROOM];
    const char *from = x->p = skip_space(x->p, x->end);
    if (score_short(&x->p, x->end, out)) return 0;
    if (number(x, text, e)) return -1;
    *out = score_parse(text);
    if (check_finite(x, from, *out, e)) return -1;
    /* Sums over a text stay finite. */
    return fabs(*out) <= 1e280 ? 0 : jlex_error(x, e, "the score is too large");
}
