/* The normal forms of Unicode, chunk by chunk: what cannot combine with its
 * neighbours is passed through without a look at any table. */
#include <pthread.h>
#include <string.h>
#include <utf8proc.h>

#include "core/base/mem.h"
#include "core/token/norm_ages.h"
#include "core/token/norm_alone.h"
#include "core/token/normalize.h"
#include "core/token/unicode.h"
#include "core/token/isa.h"

enum { MOST = 18 }; /* the longest decomposition of one character */
_Static_assert((int)MOST <= (int)NORM_CHAR_MOST, "decompositions have room");

static const utf8proc_property_t *property(uint32_t cp)
{
    return utf8proc_get_property((utf8proc_int32_t)cp);
}

/* Letters that are starters, and second in no composition: those that most texts have. */
static inline bool plain_letter(uint32_t cp)
{
    return (cp >= 0x3400 && cp <= 0x9FFF) || (cp >= 0xAC00 && cp <= 0xD7A3) || (cp >= 0x400 && cp <= 0x482) ||
           (cp >= 0x3041 && cp <= 0x3096) || (cp >= 0x30A1 && cp <= 0x30FA);
}

static int combining_class(uint32_t cp)
{
    int class = cp == UNI_BAD ? 0 : (int)property(cp)->combining_class;
    return class && norm_young_mark(cp) ? 0 : class;
}

/* Nothing before this character can combine with it. */
static bool starts_chunk(struct uni_char c, bool compat)
{
    if (c.cp < 0x300 || c.cp == UNI_BAD || plain_letter(c.cp)) return true;
    /* Letters and sound marks whose compatible forms combine. */
    if (compat && ((c.cp >= 0x3131 && c.cp <= 0x318E) || (c.cp >= 0xFF9E && c.cp <= 0xFFDC))) return false;
    if ((c.cp >= 0x1161 && c.cp <= 0x1175) || (c.cp >= 0x11A8 && c.cp <= 0x11C2)) return false;
    if (c.cp == 0xF73 || c.cp == 0xF75 || c.cp == 0xF81) return false; /* made of marks alone */
    const utf8proc_property_t *p = property(c.cp);
    bool second = p->comb_index != UINT16_MAX && p->comb_index >= 0x8000;
    return (!p->combining_class || norm_young_mark(c.cp)) && !second;
}

/* Syllables of Hangul, which are numbered by their letters. */
enum { HANGUL = 0xAC00, HANGUL_LAST = 0xD7A3, HANGUL_L = 0x1100, HANGUL_V = 0x1161, HANGUL_T = 0x11A7, VOWELS = 21, FINALS = 28 };

static bool is_hangul(uint32_t cp)
{
    return cp >= HANGUL && cp <= HANGUL_LAST;
}

static int hangul_letters(uint32_t cp, uint32_t out[3])
{
    uint32_t final = (cp - HANGUL) % FINALS, rest = (cp - HANGUL) / FINALS;
    out[0] = HANGUL_L + rest / VOWELS;
    out[1] = HANGUL_V + rest % VOWELS;
    out[2] = HANGUL_T + final;
    return final ? 3 : 2;
}

static bool decomposes(struct uni_char c)
{
    if (c.cp >= 0x3400 && c.cp <= 0x9FFF) return false; /* ideographs, without a look at the tables */
    if (c.cp < 0xA0 || c.cp == UNI_BAD) return false;
    return is_hangul(c.cp) || (property(c.cp)->decomp_seqindex != UINT16_MAX && !norm_too_young(c.cp));
}

bool norm_is_mark(uint32_t cp)
{
    return combining_class(cp) != 0;
}

int norm_decompose(uint32_t cp, bool compat, uint32_t out[NORM_CHAR_MOST])
{
    utf8proc_int32_t v[MOST];
    utf8proc_option_t how = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    utf8proc_ssize_t n = 0;
    int boundary = 0;
    out[0] = cp;
    if (!decomposes((struct uni_char){.cp = cp})) return 1; /* most, without a call */
    if (is_hangul(cp)) return hangul_letters(cp, out);
    if (compat) how |= UTF8PROC_COMPAT;
    n = utf8proc_decompose_char((utf8proc_int32_t)cp, v, MOST, how, &boundary);
    if (n <= 0 || n > MOST) return 1;
    for (utf8proc_ssize_t i = 0; i < n; i++) out[i] = (uint32_t)v[i];
    return (int)n;
}

/* A few marks by rising class, equal ones in their order. */
static void order_few(struct norm_char *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct norm_char x = v[i];
        int class = combining_class(x.cp);
        size_t k = i;
        for (; k > 0 && combining_class(v[k - 1].cp) > class; k--) v[k] = v[k - 1];
        v[k] = x;
    }
}

/* The marks between two starters. */
static void order_marks(struct norm_char *v, struct norm_char *tmp, size_t n)
{
    enum { FEW = 8 };
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && combining_class(v[end].cp);) end++;
        if (end - i <= FEW) {
            order_few(v + i, end - i);
            end += end == i;
            continue;
        }
        size_t count[256] = {0}, sum = 0;
        for (size_t k = i; k < end; k++) count[combining_class(v[k].cp)]++;
        for (int c = 0; c < 256; c++) {
            size_t here = count[c];
            count[c] = sum;
            sum += here;
        }
        for (size_t k = i; k < end; k++) tmp[count[combining_class(v[k].cp)]++] = v[k];
        memcpy(v + i, tmp, (end - i) * sizeof *v);
    }
}

/* The character that a and b compose to, or 0. */
static uint32_t composed(uint32_t a, uint32_t b)
{
    utf8proc_int32_t pair[2] = {(utf8proc_int32_t)a, (utf8proc_int32_t)b};
    utf8proc_ssize_t n = utf8proc_normalize_utf32(pair, 2, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    return n == 1 && !norm_too_young((uint32_t)pair[0]) ? (uint32_t)pair[0] : 0;
}

/* Canonical composition in place; how characters of the input went into one
 * shows in its change. */
static size_t compose(struct norm_char *v, size_t n)
{
    size_t out = 0, starter = SIZE_MAX;
    int last = -1; /* class of the last mark kept behind the starter */
    for (size_t i = 0; i < n; i++) {
        int class = combining_class(v[i].cp);
        uint32_t c = 0;
        if (starter != SIZE_MAX && v[i].cp != UNI_BAD && (last < 0 || last < class))
            c = composed(v[starter].cp, v[i].cp);
        if (c) {
            v[starter].cp = c;
            v[starter].change += v[i].change - 1;
            continue;
        }
        if (class == 0 && v[i].cp != UNI_BAD) {
            starter = out;
            last = -1;
        } else if (class == 0) {
            starter = SIZE_MAX;
        } else {
            last = class;
        }
        v[out++] = v[i];
    }
    return out;
}

bool norm_form_keeps(uint32_t cp, bool compat, bool compose_it)
{
    struct norm_char v[NORM_CHAR_MOST];
    uint32_t out[NORM_CHAR_MOST];
    struct uni_char c = {.cp = cp};
    if (!starts_chunk(c, compat)) return false;
    if (!decomposes(c)) return true;
    if (is_hangul(cp)) return compose_it; /* its letters become it again */
    int n = norm_decompose(cp, compat, out);
    for (int i = 0; i < n; i++) v[i] = (struct norm_char){out[i], i > 0};
    if (compose_it) n = (int)compose(v, (size_t)n);
    return n == 1 && v[0].cp == cp;
}

static int room(struct norm *w, size_t n, struct err *e)
{
    if (n <= w->list_cap) return 0;
    size_t cap = n < 2 * w->list_cap ? 2 * w->list_cap : n;
    if (!mem_renew(&w->list, cap, sizeof *w->list) || !mem_renew(&w->tmp, cap, sizeof *w->tmp))
        return err_oom(e, cap * sizeof *w->list, "normalising");
    w->list_cap = cap;
    return 0;
}

/* One starter and what combines with it, io->in[begin..end), into w->list. */
static int normalise(struct norm_io *io, size_t begin, size_t end, bool compat, bool compose_it)
{
    struct norm *w = io->w;
    size_t n = 0;
    for (size_t pos = begin; pos < end;) {
        struct uni_char c = uni_next((const uint8_t *)io->in + pos, end - pos);
        if (room(w, n + MOST, io->e)) return -1;
        uint32_t out[NORM_CHAR_MOST] = {c.cp};
        int got = c.cp == UNI_BAD ? 1 : norm_decompose(c.cp, compat, out);
        for (int i = 0; i < got; i++) w->list[n++] = (struct norm_char){out[i], i > 0};
        pos += c.len;
    }
    order_marks(w->list, w->tmp, n);
    w->n_list = compose_it ? compose(w->list, n) : n;
    return 0;
}

static bool same_as(const struct norm *w, const char *text, size_t n)
{
    size_t pos = 0;
    for (size_t i = 0; i < w->n_list; i++) {
        if (pos == n) return false;
        struct uni_char c = uni_next((const uint8_t *)text + pos, n - pos);
        if (c.cp != w->list[i].cp) return false;
        pos += c.len;
    }
    return pos == n;
}

/* ---- characters that a form leaves alone, and that do not look at what is before them ---- */

static struct norm_alone alone[4];
static pthread_once_t alone_once[4] = {PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT};

static bool is_alone(uint32_t cp, const void *table)
{
    ptrdiff_t form = (const struct norm_alone *)table - alone;
    bool compat = form & 2, compose_it = form & 1;
    struct uni_char c = {.cp = cp};
    if (cp >= 0xD800 && cp <= 0xDFFF) return false;
    return decomposes(c) ? norm_form_keeps(cp, compat, compose_it) : starts_chunk(c, compat);
}

static bool all_near(const struct norm_alone *a, uint32_t first, uint32_t last)
{
    while (first <= last && (a->near[first / 64] >> first % 64 & 1)) first++;
    return first > last;
}

static void build(struct norm_alone *a)
{
    for (uint32_t cp = 0; cp < NORM_NEAR; cp++)
        if (is_alone(cp, a)) a->near[cp / 64] |= (uint64_t)1 << cp % 64;
    leads_build(&a->leads, is_alone, a);
    a->quotes = all_near(a, 0x2010, 0x2027);
    a->kana = all_near(a, 0x3041, 0x3096) && all_near(a, 0x30A1, 0x30FA);
    a->windows = token_has_vbmi() ? norm_windows_avx512vbmi : token_has_avx2() ? norm_windows_avx2bmi : NULL;
}

static void build_0(void) { build(&alone[0]); }
static void build_1(void) { build(&alone[1]); }
static void build_2(void) { build(&alone[2]); }
static void build_3(void) { build(&alone[3]); }

static const struct norm_alone *alone_in(bool compat, bool compose_it)
{
    static void (*const how[4])(void) = {build_0, build_1, build_2, build_3};
    int form = compat * 2 + compose_it;
    pthread_once(&alone_once[form], how[form]);
    return &alone[form];
}

/* What is alone, then marks whose classes do not fall, none of them with another form or second in a
 * composition: they are as they have to be. */
static bool in_order(const uint8_t *s, size_t n, const struct norm_alone *a, bool compose_it)
{
    struct uni_char c = uni_next_inline(s, n);
    int last = 0;
    if (c.cp < NORM_NEAR ? !(a->near[c.cp / 64] >> c.cp % 64 & 1) : !is_alone(c.cp, a)) return false;
    for (size_t pos = c.len; pos < n; pos += c.len) {
        c = uni_next_inline(s + pos, n - pos);
        int class = combining_class(c.cp);
        if (decomposes(c) || class < last || (compose_it && (class == 0 || property(c.cp)->comb_index != UINT16_MAX))) return false;
        last = class;
    }
    return true;
}

static size_t skip_ascii(const uint8_t *s, size_t n, size_t pos)
{
    while (n - pos >= 8) {
        uint64_t w;
        memcpy(&w, s + pos, 8);
        if (w & 0x8080808080808080ull) break;
        pos += 8;
    }
    while (pos < n && s[pos] < 0x80) pos++;
    return pos;
}

/* The first character from pos on that may change, or change with those around it. */
static size_t first_doubt(const uint8_t *s, size_t n, size_t pos, const struct norm_alone *a, bool compose_it)
{
    for (;;) {
        if (a->windows) pos = a->windows(a, s, n, pos);
        pos = skip_ascii(s, n, pos);
        while (pos < n && s[pos] >= 0x80) {
            struct uni_char c = uni_next_inline(s + pos, n - pos);
            bool far = (c.cp >= 0x3400 && c.cp <= 0x9FFF) || (compose_it && c.cp >= 0xAC00 && c.cp <= 0xD7A3);
            if (!far && !(c.cp < NORM_NEAR && (a->near[c.cp / 64] >> c.cp % 64 & 1))) return pos;
            pos += c.len;
            if (far && a->windows) break;
        }
        if (pos == n) return n;
    }
}

int norm_form(struct norm_io *io, bool compat, bool compose_it)
{
    const uint8_t *s = (const uint8_t *)io->in;
    const struct norm_alone *a = alone_in(compat, compose_it);
    size_t n = io->n;
    bool changed = false;
    for (size_t pos = 0, end; pos < n; pos = end) {
        size_t begin = first_doubt(s, n, pos, a, compose_it);
        if (begin == n) break;
        end = begin;
        if (begin > pos) begin -= uni_prev(s, begin).len; /* it may combine with the one before it */
        while (end < n) {
            struct uni_char c = uni_next_inline(s + end, n - end);
            if (end > begin && starts_chunk(c, compat)) break;
            end += c.len;
        }
        if (in_order(s + begin, end - begin, a, compose_it)) continue;
        if (normalise(io, begin, end, compat, compose_it)) return -1;
        if (same_as(io->w, io->in + begin, end - begin)) continue;
        changed = true;
        if (norm_copy(io, begin - io->pos)) return -1;
        for (size_t i = 0; i < io->w->n_list; i++)
            if (norm_put(io, io->w->list[i].cp, io->w->list[i].change)) return -1;
        io->pos = end;
    }
    if (changed && norm_copy(io, n - io->pos)) return -1;
    return changed;
}
