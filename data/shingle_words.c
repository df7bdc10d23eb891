/* The words of a text. */
#include <stdatomic.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/shingle.h"
#include "data/shingle_internal.h"
#include "data/words_class.h"

/* 0: parts words, 1: digit, else the byte to take. */
static const uint8_t ascii_map[128] = {
    ['0'] = 1,   ['1'] = 1,   ['2'] = 1,   ['3'] = 1,   ['4'] = 1,   ['5'] = 1,   ['6'] = 1,
    ['7'] = 1,   ['8'] = 1,   ['9'] = 1,   ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd',
    ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k',
    ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r',
    ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y',
    ['Z'] = 'z', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f',
    ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm',
    ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't',
    ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z'};

/* What a character becomes: a blank where it parts words, bytes of a word, with a
 * blank before them where a word begins.  Marks become nothing. */
enum { GLYPH_DIGIT = 255 }; /* as n */
struct glyph {
    uint8_t n;
    char bytes[15];
};

static struct glyph make_glyph(const struct words_table *t, uint32_t cp)
{
    struct glyph g = {.n = 1, .bytes = " "};
    unsigned c = words_class(t, cp);
    if (utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_ND) {
        g.n = GLYPH_DIGIT;
        return g;
    }
    if (c & (WC_SPACE | WC_SYMBOL)) return g;
    g.n = shingle_unparted(cp) && !(c & WC_MARK);
    size_t most = g.n + sizeof g.bytes - 1;
    utf8proc_int32_t d[8];
    int last = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(utf8proc_tolower((utf8proc_int32_t)cp), d, 8,
                                                 UTF8PROC_DECOMPOSE, &last);
    for (utf8proc_ssize_t i = 0; i < n && i < 8; i++) {
        char u[4];
        if (words_class(t, (uint32_t)d[i]) & WC_MARK) continue;
        int k = utf8_encode((uint32_t)d[i], u);
        for (int j = 0; j < k && g.n < most; j++)
            g.bytes[g.n++] = u[j];
    }
    return g;
}

/* Characters are looked at once, 256 at a time when the first of them comes, and
 * kept for all threads until the end of the process. */
enum { PAGE_BITS = 8, PAGES = 0x110000 >> PAGE_BITS };
static _Atomic(struct glyph *) pages[PAGES];

static struct glyph *make_page(uint32_t page)
{
    const struct words_table *t = words_table_get();
    struct glyph *v = t ? mem_alloc((size_t)1 << PAGE_BITS, sizeof *v) : NULL, *other = NULL;
    for (uint32_t i = 0; v && i < 1u << PAGE_BITS; i++)
        v[i] = make_glyph(t, page << PAGE_BITS | i);
    if (v && !atomic_compare_exchange_strong(&pages[page], &other, v)) { /* another thread was first */
        free(v);
        return other;
    }
    return v;
}

/* NULL: out of memory. */
static inline const struct glyph *glyph_of(uint32_t cp)
{
    struct glyph *v = atomic_load_explicit(&pages[cp >> PAGE_BITS], memory_order_acquire);
    if (!v) v = make_page(cp >> PAGE_BITS);
    return v ? &v[cp & ((1u << PAGE_BITS) - 1)] : NULL;
}

/* Length of the digit at i, 0 if none. */
static size_t digit_at(const char *s, size_t n, size_t i)
{
    if (i >= n) return 0;
    if ((unsigned char)s[i] < 128) return s[i] >= '0' && s[i] <= '9';
    uint32_t cp;
    int k = utf8_decode(s + i, n - i, &cp);
    return k > 0 && utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_ND ? (size_t)k : 0;
}

/* Behind a number that begins at i: digits, and once a separator and digits. */
static size_t number_end(const char *s, size_t n, size_t i)
{
    size_t k;
    while ((k = digit_at(s, n, i)) > 0)
        i += k;
    if (i < n && (s[i] == '.' || s[i] == ',') && digit_at(s, n, i + 1)) {
        i++;
        while ((k = digit_at(s, n, i)) > 0)
            i += k;
    }
    return i;
}

/* The length of the character at i, above 127; 0: not valid.  Those of two or three
 * bytes, nearly all, here. */
static inline size_t decode(const char *text, size_t i, size_t n, uint32_t *cp)
{
    const unsigned char *s = (const unsigned char *)text + i;
    if (s[0] >= 0xc2 && s[0] < 0xe0 && n - i >= 2 && (s[1] & 0xc0) == 0x80) {
        *cp = (s[0] & 0x1fu) << 6 | (s[1] & 0x3f);
        return 2;
    }
    if (s[0] > 0xe0 && s[0] < 0xed && n - i >= 3 && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80) {
        *cp = (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3f);
        return 3;
    }
    int k = utf8_decode(text + i, n - i, cp);
    return k > 0 ? (size_t)k : 0;
}

/* ---- the reference: a character at a time ---- */

static inline void end_word(struct shingles *s, struct shingle_reading *r)
{
    if (!r->n) return;
    if (!mem_room(&s->word, &s->cap, s->n_words + 1, sizeof *s->word)) {
        s->oom = true;
        return;
    }
    s->word[s->n_words++] = shingle_end(r);
    *r = (struct shingle_reading){0};
}

int shingles_words_ref(struct shingles *s, const char *text, size_t n, struct err *e)
{
    struct shingle_reading r = {0};
    s->n_words = 0;
    s->oom = false;
    for (size_t i = 0; i < n && !s->oom;) {
        unsigned char c = (unsigned char)text[i];
        struct glyph g = {.n = 1, .bytes = {' '}};
        size_t k = 1;
        if (c < 128) {
            if (ascii_map[c] == 1) g.n = GLYPH_DIGIT;
            if (ascii_map[c] > 1) g.bytes[0] = (char)ascii_map[c];
        } else {
            uint32_t cp;
            int got = utf8_decode(text + i, n - i, &cp);
            const struct glyph *known = got > 0 ? glyph_of(cp) : &g;
            if (got > 0) k = (size_t)got;
            s->oom = !known;
            if (known) g = *known;
            if (got <= 0) g.n = 0; /* what is no character is nothing */
        }
        if (g.n == GLYPH_DIGIT) {
            shingle_feed(&r, '0');
            i = number_end(text, n, i);
            continue;
        }
        for (int b = 0; b < g.n; b++)
            if (g.bytes[b] == ' ')
                end_word(s, &r);
            else
                shingle_feed(&r, (unsigned char)g.bytes[b]);
        i += k;
    }
    end_word(s, &r);
    return s->oom ? err_oom(e, s->cap * sizeof *s->word, "the words of a document") : 0;
}

/* ---- plain text in parts, then its words ---- */

enum { PART = 8192, AHEAD = 128 }; /* what kernels write and read behind the end */

/* What is no run of ASCII letters and the like: at least one character of
 * text[i..n); returns behind it, 0: out of memory.  AHEAD bytes are written at most. */
static inline size_t plain_char(const char *text, size_t i, size_t n, char *out, size_t *n_out)
{
    unsigned char c = (unsigned char)text[i];
    uint32_t cp;
    if (c < 128 && ascii_map[c] != 1) {
        out[(*n_out)++] = ascii_map[c] ? (char)ascii_map[c] : ' ';
        return i + 1;
    }
    const struct glyph *g = NULL;
    size_t k = 1;
    if (c >= 128) {
        k = decode(text, i, n, &cp);
        if (!k) return i + 1;
        if (!(g = glyph_of(cp))) return 0;
        if (g->n != GLYPH_DIGIT) {
            memcpy(out + *n_out, g->bytes, sizeof g->bytes);
            *n_out += g->n;
            return i + k;
        }
    }
    out[(*n_out)++] = '0';
    return number_end(text, n, i);
}

/* Room for `need` bytes and what kernels write behind them. */
static bool plain_room(struct shingles *s, size_t need)
{
    if (s->plain_cap >= need + AHEAD) return true;
    char *p = mem_resize(s->plain, need * 2 + AHEAD, 1);
    if (!p) return false;
    s->plain = p;
    s->plain_cap = need * 2 + AHEAD;
    return true;
}

/* Makes text plain from i on, a part of it, behind the first *len bytes. */
static size_t plain_part(const struct shingle_kernels *k, struct shingles *s, const char *text, size_t i, size_t n,
                         size_t *len)
{
    size_t part = *len > PART ? *len : PART; /* a word of megabytes is looked through a few times only */
    size_t at = *len, to = at + part, stop = n - i < part ? n : i + part;
    if (!plain_room(s, to + part)) return 0;
    while (i < stop && at < to) {
        i = k->plain(text, i, stop, s->plain, &at);
        do {
            if (i >= stop || at >= to) break;
            if (!(i = plain_char(text, i, n, s->plain, &at))) return 0;
        } while (i < stop && ((unsigned char)text[i] > 127 || stop - i < 64));
    }
    *len = at;
    return i;
}

int shingles_words_by(const struct shingle_kernels *k, struct shingles *s, const char *text, size_t n, struct err *e)
{
    size_t len = 0;
    s->n_words = 0;
    for (size_t i = 0; i < n;) {
        i = plain_part(k, s, text, i, n, &len);
        if (!i || !mem_room(&s->word, &s->cap, s->n_words + (len + AHEAD) / 2 + 16, sizeof *s->word))
            return err_oom(e, s->cap * sizeof *s->word, "the words of a document");
        size_t end = len + (i < n ? 0 : AHEAD / 2);
        if (i == n) memset(s->plain + len, ' ', AHEAD / 2);
        size_t done = k->hash(s->plain, end, s->word, &s->n_words);
        if (done >= len) done = len;
        len -= done;
        memmove(s->plain, s->plain + done, len);
    }
    return 0;
}

int shingles_words(struct shingles *s, const char *text, size_t n, struct err *e)
{
    return shingles_words_by(shingle_best(), s, text, n, e);
}
