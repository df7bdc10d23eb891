/* The normal forms of Unicode, chunk by chunk: what cannot combine with its
 * neighbours is passed through without a look at any table. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/normalize.h"
#include "core/token/unicode.h"

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

/* Nothing before this character can combine with it. */
static bool starts_chunk(struct uni_char c, bool compat)
{
    if (c.cp < 0x300 || c.cp == UNI_BAD || plain_letter(c.cp)) return true;
    /* Letters and sound marks whose compatible forms combine. */
    if (compat && ((c.cp >= 0x3131 && c.cp <= 0x318E) || (c.cp >= 0xFF9E && c.cp <= 0xFFDC))) return false;
    if ((c.cp >= 0x1161 && c.cp <= 0x1175) || (c.cp >= 0x11A8 && c.cp <= 0x11C2)) return false;
    const utf8proc_property_t *p = property(c.cp);
    bool second = p->comb_index != UINT16_MAX && p->comb_index >= 0x8000;
    return p->combining_class == 0 && !second;
}

/* Decompositions younger than the tables behind tokenizer.json files. */
static bool too_young(uint32_t cp)
{
    return cp == 0x32FF || (cp >= 0xA7F2 && cp <= 0xA7F4) || cp == 0xAB69 || cp == 0x11938 ||
           (cp >= 0x10781 && cp <= 0x107BA) || cp == 0x1F16C || (cp >= 0x1FBF0 && cp <= 0x1FBF9);
}

static bool decomposes(struct uni_char c)
{
    return c.cp >= 0xA0 && c.cp != UNI_BAD && !too_young(c.cp) &&
           (property(c.cp)->decomp_seqindex != UINT16_MAX || (c.cp >= 0xAC00 && c.cp <= 0xD7A3));
}

static int combining_class(uint32_t cp)
{
    return cp == UNI_BAD ? 0 : (int)property(cp)->combining_class;
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
    if (cp < 0xA0) return 1;
    if (compat) how |= UTF8PROC_COMPAT;
    if (!too_young(cp)) n = utf8proc_decompose_char((utf8proc_int32_t)cp, v, MOST, how, &boundary);
    if (n <= 0 || n > MOST) return 1;
    for (utf8proc_ssize_t i = 0; i < n; i++) out[i] = (uint32_t)v[i];
    return (int)n;
}

/* Marks between two starters by rising class, equal ones in their order. */
static void order_marks(struct norm_char *v, struct norm_char *tmp, size_t n)
{
    for (size_t i = 0; i < n;) {
        if (combining_class(v[i].cp) == 0) {
            i++;
            continue;
        }
        size_t count[256] = {0}, end = i, sum = 0;
        for (; end < n && combining_class(v[end].cp); end++) count[combining_class(v[end].cp)]++;
        for (int c = 0; c < 256; c++) {
            size_t here = count[c];
            count[c] = sum;
            sum += here;
        }
        for (size_t k = i; k < end; k++) tmp[count[combining_class(v[k].cp)]++] = v[k];
        memcpy(v + i, tmp, (end - i) * sizeof *v);
        i = end;
    }
}

/* The character that a and b compose to, or 0. */
static uint32_t composed(uint32_t a, uint32_t b)
{
    utf8proc_int32_t pair[2] = {(utf8proc_int32_t)a, (utf8proc_int32_t)b};
    utf8proc_ssize_t n = utf8proc_normalize_utf32(pair, 2, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    return n == 1 ? (uint32_t)pair[0] : 0;
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
    if (!starts_chunk((struct uni_char){.cp = cp}, compat)) return false;
    int n = norm_decompose(cp, compat, out);
    for (int i = 0; i < n; i++) v[i] = (struct norm_char){out[i], i > 0};
    if (compose_it) n = (int)compose(v, (size_t)n);
    return n == 1 && v[0].cp == cp;
}

static int room(struct norm *w, size_t n, struct err *e)
{
    if (n <= w->list_cap) return 0;
    if (!mem_renew(&w->list, n, sizeof *w->list) || !mem_renew(&w->tmp, n, sizeof *w->tmp))
        return err_oom(e, n * sizeof *w->list, "normalising");
    w->list_cap = n;
    return 0;
}

/* One starter and what combines with it, io->in[begin..end), into w->list. */
static int normalise(struct norm_io *io, size_t begin, size_t end, size_t chars, bool compat,
                     bool compose_it)
{
    struct norm *w = io->w;
    size_t n = 0;
    if (room(w, MOST * chars, io->e)) return -1;
    for (size_t pos = begin; pos < end;) {
        struct uni_char c = uni_next((const uint8_t *)io->in + pos, end - pos);
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

/* Start of the next character that may matter: beyond ASCII. */
static size_t skip_ascii(const char *s, size_t n, size_t pos)
{
    while (n - pos >= 8) {
        uint64_t w;
        memcpy(&w, s + pos, 8);
        if (w & 0x8080808080808080ull) break;
        pos += 8;
    }
    while (pos < n && (uint8_t)s[pos] < 0x80) pos++;
    return pos;
}

static inline bool is_ideograph(uint8_t lead) /* U+4000 to U+9FFF */
{
    return lead >= 0xE4 && lead <= 0xE9;
}

static inline bool is_cyrillic(uint8_t lead) /* U+0400 to U+047F */
{
    return lead == 0xD0 || lead == 0xD1;
}

/* Behind letters that a form leaves alone, and ASCII between them, as far as what follows
 * each cannot combine with it. */
static size_t skip_letters(const uint8_t *s, size_t n, size_t pos, bool compose_it)
{
    for (size_t len; n - pos > 3; pos += len) {
        uint8_t lead = s[pos];
        if (lead < 0x80) len = 1;
        else if (is_ideograph(lead) && uni_cont(s[pos + 1]) && uni_cont(s[pos + 2])) len = 3;
        else if (compose_it && (lead == 0xC3 || is_cyrillic(lead)) && uni_cont(s[pos + 1])) len = 2;
        else break;
        uint8_t next = s[pos + len]; /* U+0300 is the first that combines */
        if (next >= 0xCC && !is_ideograph(next) && !is_cyrillic(next)) break;
    }
    return pos;
}

/* Whether a character with no mark behind it stays what it is. */
static bool stays(struct norm *w, struct uni_char c, bool compat, bool compose_it)
{
    uint32_t cp = c.cp;
    if (cp >= 0x3400 && cp <= 0x9FFF) return true;
    if (compose_it && cp >= 0xAC00 && cp <= 0xD7A3) return true;
    if (cp >= NORM_KEPT) return !decomposes(c);
    struct norm_kept *k = &w->kept[compat * 2 + compose_it];
    uint64_t bit = (uint64_t)1 << cp % 64;
    if (!(k->known[cp / 64] & bit)) {
        k->known[cp / 64] |= bit;
        k->kept[cp / 64] |= !decomposes(c) || norm_form_keeps(cp, compat, compose_it) ? bit : 0;
    }
    return k->kept[cp / 64] & bit;
}

int norm_form(struct norm_io *io, bool compat, bool compose_it)
{
    const uint8_t *s = (const uint8_t *)io->in;
    size_t n = io->n;
    bool changed = false;
    for (size_t pos = 0, end; pos < n; pos = end) {
        size_t high = skip_ascii(io->in, n, pos);
        if (high == n) break;
        end = skip_letters(s, n, high, compose_it);
        if (end > high) continue;
        if (high > pos) pos = high - 1; /* a mark may combine with the ASCII before it */
        struct uni_char c = uni_next_inline(s + pos, n - pos);
        size_t chars = 1;
        for (end = pos + c.len; end < n && s[end] >= 0xCC; chars++) { /* U+0300 is the first that combines */
            struct uni_char d = uni_next_inline(s + end, n - end);
            if (starts_chunk(d, compat)) break;
            end += d.len;
        }
        if (chars == 1 && stays(io->w, c, compat, compose_it)) continue;
        if (normalise(io, pos, end, chars, compat, compose_it)) return -1;
        if (same_as(io->w, io->in + pos, end - pos)) continue;
        changed = true;
        if (norm_copy(io, pos - io->pos)) return -1;
        for (size_t i = 0; i < io->w->n_list; i++)
            if (norm_put(io, io->w->list[i].cp, io->w->list[i].change)) return -1;
        io->pos = end;
    }
    if (changed && norm_copy(io, n - io->pos)) return -1;
    return changed;
}
