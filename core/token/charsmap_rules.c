/* The rules of the known normal forms, and those of a file. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/charsmap_build.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

enum { MOST = 24, MAX_RULE = 32 };

void charsmap_rules_free(struct charsmap_rules *r)
{
    free(r->v);
    free(r->slots);
    buf_free(&r->text);
    memset(r, 0, sizeof *r);
}

static bool grow(struct charsmap_rules *r)
{
    if (!mem_room(&r->v, &r->cap, r->n + 1, sizeof *r->v)) return false;
    if (2 * (r->n + 1) <= r->n_slots) return true;
    size_t n = r->n_slots ? 2 * r->n_slots : 1 << 12;
    uint32_t *slots = mem_zalloc(n, sizeof *slots);
    if (!slots) return false;
    free(r->slots);
    r->slots = slots;
    r->n_slots = n;
    for (size_t i = 0; i < r->n; i++) {
        size_t k = hash64(r->text.data + r->v[i].from, r->v[i].from_len) & (n - 1);
        while (slots[k]) k = (k + 1) & (n - 1);
        slots[k] = (uint32_t)i + 1;
    }
    return true;
}

/* The slot of a rule, or the free one where it belongs. */
static size_t slot_of(const struct charsmap_rules *r, const char *s, size_t n)
{
    size_t k = hash64(s, n) & (r->n_slots - 1);
    for (; r->slots[k]; k = (k + 1) & (r->n_slots - 1)) {
        const struct charsmap_rule *x = &r->v[r->slots[k] - 1];
        if (x->from_len == n && memcmp(r->text.data + x->from, s, n) == 0) break;
    }
    return k;
}

static size_t encode(const uint32_t *cp, size_t n, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++) len += (size_t)utf8_encode(cp[i], out + len);
    return len;
}

static int set_bytes(struct charsmap_rules *r, const char *from, size_t from_len, const char *to,
                     size_t to_len, size_t chars, struct err *e)
{
    if (!grow(r)) return err_oom(e, r->cap * sizeof *r->v, "normalization rules");
    size_t k = slot_of(r, from, from_len);
    bool known = r->slots[k] != 0;
    struct charsmap_rule *x = &r->v[known ? r->slots[k] - 1 : r->n];
    if (!known) {
        *x = (struct charsmap_rule){.from = (uint32_t)r->text.len, .from_len = (uint32_t)from_len,
                                    .chars = (uint32_t)chars};
        buf_add(&r->text, from, from_len);
        r->slots[k] = (uint32_t)++r->n;
    }
    x->to = (uint32_t)r->text.len;
    x->to_len = (uint32_t)to_len;
    buf_add(&r->text, to, to_len);
    if (r->text.len > UINT32_MAX / 2) return err_set(e, ERR_DATA, "the normalization rules are too long");
    return buf_ok(&r->text, e);
}

int charsmap_rules_set(struct charsmap_rules *r, const uint32_t *from, size_t n_from,
                       const uint32_t *to, size_t n_to, struct err *e)
{
    char a[4 * MAX_RULE], b[4 * MAX_RULE];
    if (n_from == 0 || n_from > MAX_RULE || n_to > MAX_RULE)
        return err_set(e, ERR_DATA, "a normalization rule has 1 to %d characters, and up to %d to "
                                    "replace them", MAX_RULE, MAX_RULE);
    return set_bytes(r, a, encode(from, n_from, a), b, encode(to, n_to, b), n_from, e);
}

/* ---- NFKC as rules ---- */

/* What Unicode 16 and 17 added to the compatibility decompositions: the library
 * may be older, SentencePiece's rules are not. */
static uint32_t newer(uint32_t cp)
{
    if (cp == 0xA7F1) return 'S';
    if (cp >= 0x1CCD6 && cp <= 0x1CCEF) return 'A' + (cp - 0x1CCD6);
    return cp >= 0x1CCF0 && cp <= 0x1CCF9 ? '0' + (cp - 0x1CCF0) : cp;
}

static size_t normal_form(const uint32_t *cp, size_t n, bool compose, uint32_t *out)
{
    utf8proc_int32_t v[MOST * 4];
    utf8proc_ssize_t len = 0;
    for (size_t i = 0; i < n; i++) {
        int boundary = 0;
        utf8proc_ssize_t got = utf8proc_decompose_char((utf8proc_int32_t)newer(cp[i]), v + len, MOST,
                                                       UTF8PROC_STABLE | UTF8PROC_COMPAT |
                                                           UTF8PROC_DECOMPOSE, &boundary);
        if (got < 0 || got > MOST || len + got > MOST * 3) return 0;
        len += got;
    }
    /* Marks in canonical order. */
    for (utf8proc_ssize_t i = 1; i < len; i++) {
        for (utf8proc_ssize_t k = i; k > 0; k--) {
            int a = utf8proc_get_property(v[k - 1])->combining_class;
            int b = utf8proc_get_property(v[k])->combining_class;
            if (b == 0 || a <= b) break;
            utf8proc_int32_t t = v[k];
            v[k] = v[k - 1];
            v[k - 1] = t;
        }
    }
    if (compose) len = utf8proc_normalize_utf32(v, len, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    for (utf8proc_ssize_t i = 0; i < len && i < MOST; i++) out[i] = (uint32_t)v[i];
    return len > MOST ? MOST : (size_t)len;
}

/* Characters by the single character that they decompose into. */
struct reverse {
    uint32_t (*pair)[2]; /* [n] normal form, character; in order */
    size_t n;
};

static int by_pair(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    if (x[0] != y[0]) return x[0] < y[0] ? -1 : 1;
    return x[1] < y[1] ? -1 : x[1] > y[1];
}

static size_t first_of(const struct reverse *v, uint32_t cp)
{
    size_t low = 0, high = v->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (v->pair[mid][0] < cp) low = mid + 1;
        else high = mid;
    }
    return low;
}

/* All sequences that decompose into nfkd[0..n) lead to nfkc. */
static int expand(struct charsmap_rules *r, const struct reverse *v, const uint32_t *nfkd, size_t n,
                  const uint32_t *nfkc, size_t n_nfkc, uint32_t *chosen, size_t at, struct err *e)
{
    if (at == n) {
        if (n == n_nfkc && memcmp(chosen, nfkc, n * sizeof *nfkc) == 0) return 0;
        return charsmap_rules_set(r, chosen, n, nfkc, n_nfkc, e);
    }
    for (size_t i = first_of(v, nfkd[at]); i < v->n && v->pair[i][0] == nfkd[at]; i++) {
        chosen[at] = v->pair[i][1];
        if (expand(r, v, nfkd, n, nfkc, n_nfkc, chosen, at + 1, e)) return -1;
    }
    return 0;
}

/* Others have no normal form and stand in none. */
static bool is_character(uint32_t cp)
{
    enum uni_category c = uni_category(cp);
    return (c != UNI_Cn && c != UNI_Co && c != UNI_Cs) || newer(cp) != cp;
}

/* Characters that Unicode 16 composes, likewise. */
static int add_newer(struct charsmap_rules *r, struct err *e)
{
    static const uint32_t v[][4] = {
        {0x105D2, 0x307, 0, 0x105C9}, {0x105DA, 0x307, 0, 0x105E4}, {0x11382, 0x113C9, 0, 0x11383},
        {0x11384, 0x113BB, 0, 0x11385}, {0x1138B, 0x113C2, 0, 0x1138E}, {0x11390, 0x113C9, 0, 0x11391},
        {0x113C2, 0x113B8, 0, 0x113C7}, {0x113C2, 0x113C2, 0, 0x113C5}, {0x113C2, 0x113C9, 0, 0x113C8},
        {0x1611E, 0x1611E, 0, 0x16121}, {0x1611E, 0x1611E, 0x1611F, 0x16126}, {0x1611E, 0x1611E, 0x16120, 0x16128},
        {0x1611E, 0x1611F, 0, 0x16123}, {0x1611E, 0x16120, 0, 0x16125}, {0x1611E, 0x16129, 0, 0x16122},
        {0x1611E, 0x16129, 0x1611F, 0x16127}, {0x16129, 0x1611F, 0, 0x16124}, {0x16D63, 0x16D67, 0, 0x16D69},
        {0x16D63, 0x16D67, 0x16D67, 0x16D6A}, {0x16D67, 0x16D67, 0, 0x16D68}};
    for (size_t i = 0; i < COUNT_OF(v); i++)
        if (charsmap_rules_set(r, v[i], v[i][2] ? 3 : 2, &v[i][3], 1, e)) return -1;
    return 0;
}

static int add_nfkc(struct charsmap_rules *r, struct err *e)
{
    struct reverse v = {.pair = mem_alloc(UNI_CODES, sizeof *v.pair)};
    uint32_t nfkd[MOST], nfkc[MOST], chosen[MOST];
    int ret = v.pair ? 0 : err_oom(e, UNI_CODES * sizeof *v.pair, "normalization rules");
    for (uint32_t cp = 1; ret == 0 && cp < UNI_CODES; cp++) {
        if (!is_character(cp)) continue;
        size_t n = normal_form(&cp, 1, true, nfkc);
        if (n != 1 || nfkc[0] != cp) ret = charsmap_rules_set(r, &cp, 1, nfkc, n, e);
        if (normal_form(&cp, 1, false, nfkd) != 1) continue;
        v.pair[v.n][0] = nfkd[0];
        v.pair[v.n++][1] = cp;
    }
    if (ret == 0) qsort(v.pair, v.n, sizeof *v.pair, by_pair);
    for (uint32_t cp = 1; ret == 0 && cp < UNI_CODES; cp++) {
        if (!is_character(cp)) continue;
        size_t n = normal_form(&cp, 1, false, nfkd);
        if (n < 2) continue;
        size_t m = normal_form(nfkd, n, true, nfkc);
        if (m == n && memcmp(nfkd, nfkc, n * sizeof *nfkd) == 0) continue;
        if (n <= MAX_RULE) ret = expand(r, &v, nfkd, n, nfkc, m, chosen, 0, e);
    }
    free(v.pair);
    return ret ? ret : add_newer(r, e);
}

static int add_nmt(struct charsmap_rules *r, struct err *e)
{
    static const uint32_t spaces[] = {0x09, 0x0A, 0x0C, 0x0D, 0x061C, 0x1680, 0x200B, 0x200C, 0x200E, 0x200F,
                                      0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD};
    static const uint32_t removed[] = {0x7F, 0x8F, 0x9F}, space = ' ', tilde = 0xFF5E;
    for (size_t i = 0; i < COUNT_OF(spaces); i++)
        if (charsmap_rules_set(r, &spaces[i], 1, &space, 1, e)) return -1;
    for (uint32_t cp = 1; cp < 0x20; cp++) {
        if (cp == 0x09 || cp == 0x0A || cp == 0x0C || cp == 0x0D) continue;
        if (charsmap_rules_set(r, &cp, 1, &space, 0, e)) return -1;
    }
    for (size_t i = 0; i < COUNT_OF(removed); i++)
        if (charsmap_rules_set(r, &removed[i], 1, &space, 0, e)) return -1;
    return charsmap_rules_set(r, &tilde, 1, &tilde, 1, e); /* Japanese tells it from "~" */
}

/* Simple case folding. */
static uint32_t fold(uint32_t cp)
{
    utf8proc_int32_t v[MOST];
    int boundary = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)cp, v, MOST,
                                                 UTF8PROC_STABLE | UTF8PROC_CASEFOLD, &boundary);
    if (n == 1) return (uint32_t)v[0];
    return cp == 0x130 ? cp : (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

static int add_folding(struct charsmap_rules *r, struct err *e)
{
    for (size_t i = 0; i < r->n; i++) {
        uint32_t to[MAX_RULE];
        char bytes[4 * MAX_RULE];
        size_t n = 0;
        for (size_t at = r->v[i].to, end = at + r->v[i].to_len; at < end;) {
            uint32_t cp;
            at += (size_t)utf8_decode(r->text.data + at, end - at, &cp);
            to[n++] = fold(cp);
        }
        r->v[i].to = (uint32_t)r->text.len;
        r->v[i].to_len = (uint32_t)encode(to, n, bytes);
        buf_add(&r->text, bytes, r->v[i].to_len);
    }
    for (uint32_t cp = 1; cp < UNI_CODES; cp++) {
        if (!is_character(cp)) continue;
        uint32_t to = fold(cp);
        char bytes[4];
        if (to == cp || r->slots[slot_of(r, bytes, (size_t)utf8_encode(cp, bytes))]) continue;
        if (charsmap_rules_set(r, &cp, 1, &to, 1, e)) return -1;
    }
    return buf_ok(&r->text, e);
}

/* ---- what shorter rules do as well goes ---- */

static size_t chars_len(const char *s, size_t n, size_t chars)
{
    size_t i = 0;
    for (; chars && i < n; chars--)
        for (i++; i < n && (s[i] & 0xC0) == 0x80; i++) {}
    return i;
}

/* Do the rules of at most `chars` characters do what x, one of `all`, does? */
static bool made_by(const struct charsmap_rules *r, const struct charsmap_rules *all,
                    const struct charsmap_rule *x, size_t chars, struct buf *work)
{
    const char *s = all->text.data + x->from;
    buf_clear(work);
    for (size_t i = 0; i < x->from_len;) {
        size_t n = 0;
        for (size_t c = chars; c > 0; c--) {
            n = chars_len(s + i, x->from_len - i, c);
            size_t k = slot_of(r, s + i, n);
            if (r->slots[k]) {
                const struct charsmap_rule *y = &r->v[r->slots[k] - 1];
                buf_add(work, r->text.data + y->to, y->to_len);
                break;
            }
            if (c == 1) buf_add(work, s + i, n);
        }
        i += n;
    }
    return work->len == x->to_len && (x->to_len == 0 || memcmp(work->data, all->text.data + x->to, x->to_len) == 0);
}

static int remove_redundant(struct charsmap_rules *r, struct err *e)
{
    struct charsmap_rules kept = {0};
    struct buf work = {0};
    int ret = 0;
    uint32_t longest = 1;
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i].chars > longest) longest = r->v[i].chars;
    for (uint32_t len = 1; ret == 0 && len <= longest; len++) {
        for (size_t i = 0; ret == 0 && i < r->n; i++) {
            const struct charsmap_rule *x = &r->v[i];
            const char *from = r->text.data + x->from, *to = r->text.data + x->to;
            if (x->chars != len) continue;
            if (len == 1 && x->from_len == x->to_len && memcmp(from, to, x->to_len) == 0) continue;
            if (len > 1 && made_by(&kept, r, x, len - 1, &work)) continue;
            ret = buf_ok(&work, e) ? -1 : set_bytes(&kept, from, x->from_len, to, x->to_len, len, e);
        }
    }
    buf_free(&work);
    if (ret) {
        charsmap_rules_free(&kept);
        return -1;
    }
    charsmap_rules_free(r);
    *r = kept;
    return 0;
}

/* ---- names and files ---- */

bool charsmap_known(const char *name)
{
    static const char *const names[] = {"nfkc", "nmt_nfkc", "nfkc_cf", "nmt_nfkc_cf"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

int charsmap_rules_named(struct charsmap_rules *r, const char *name, struct err *e)
{
    if (!charsmap_known(name)) return err_set(e, ERR_USAGE, "unknown normalization '%s'", name);
    if (add_nfkc(r, e)) return -1;
    if (strncmp(name, "nmt_", 4) == 0 && add_nmt(r, e)) return -1;
    if (strstr(name, "_cf") && add_folding(r, e)) return -1;
    return remove_redundant(r, e);
}

/* Hex code points up to the end of a field; -1: not that. */
static int read_codes(const char *s, size_t n, uint32_t *out)
{
    int count = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t begin = i;
        char bytes[4];
        if (s[i] == ' ') {
            i++;
            continue;
        }
        for (; i < n && s[i] != ' '; i++) {
            int d = hex_digit(s[i]);
            if (d < 0 || i - begin > 6) return -1;
            cp = cp * 16 + (uint32_t)d;
        }
        if (cp == 0 || count == MAX_RULE || !utf8_encode(cp, bytes)) return -1;
        out[count++] = cp;
    }
    return count;
}

int charsmap_rules_read(struct charsmap_rules *r, const char *text, size_t n, const char *name,
                        struct err *e)
{
    size_t line = 1;
    for (size_t at = 0, end; at < n; at = end + 1, line++) {
        const char *nl = memchr(text + at, '\n', n - at);
        end = nl ? (size_t)(nl - text) : n;
        size_t len = end - at;
        const char *s = text + at, *hash = memchr(s, '#', len);
        if (hash) len = (size_t)(hash - s);
        while (len && (s[len - 1] == '\r' || s[len - 1] == ' ' || s[len - 1] == '\t')) {
            if (s[len - 1] == '\t' && !memchr(s, '\t', len - 1)) break; /* nothing to put */
            len--;
        }
        if (len == 0) continue;
        const char *tab = memchr(s, '\t', len);
        uint32_t from[MAX_RULE], to[MAX_RULE];
        const char *second = tab ? memchr(tab + 1, '\t', len - (size_t)(tab + 1 - s)) : NULL;
        size_t to_len = tab ? (second ? (size_t)(second - tab - 1) : len - (size_t)(tab + 1 - s)) : 0;
        int a = tab ? read_codes(s, (size_t)(tab - s), from) : -1;
        int b = tab ? read_codes(tab + 1, to_len, to) : -1;
        if (a <= 0 || b < 0)
            return err_set(e, ERR_DATA, "%s:%zu: a rule is hex code points, a tab, hex code points", name,
                           line);
        if (charsmap_rules_set(r, from, (size_t)a, to, (size_t)b, e)) return -1;
    }
    if (r->n == 0) return err_set(e, ERR_DATA, "%s: there are no rules in it", name);
    return 0;
}
