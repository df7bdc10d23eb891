#include "data/words.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/words_internal.h"
#include "data/words_uax29.h"

/* ---- the list of special cases ---- */

enum { SPECIAL_MAX = 32, SLOTS = 4096, PIECES_MAX = 12, SPECIALS = 2048 };

struct special {
    char text[SPECIAL_MAX];
    uint8_t len, n_pieces;
    uint8_t piece[PIECES_MAX]; /* lengths */
    uint8_t n_parts;           /* what the affix rules alone would make of it */
    uint8_t part[PIECES_MAX];
    bool same;           /* and whether that is the same as its pieces */
    int next_same_first; /* list of those beginning with the same part; -1 = end */
};

static struct special *specials;
static int n_specials;
static int16_t by_text[SLOTS], by_first[SLOTS]; /* index + 1 */
static const struct words_table *classes;

/* A filter in front of the table: most words end here.  A filled bit says that
 * a special case of this length, first and last byte exists. */
static uint64_t special_bits[1024 / 64];

static inline unsigned special_bit(const char *s, size_t n)
{
    return ((unsigned)(unsigned char)s[0] * 37 + (unsigned)(unsigned char)s[n - 1] * 5 +
            (unsigned)n * 131) &
           1023;
}

static uint64_t short_hash(const char *s, size_t n)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x9E3779B97F4A7C15u;
    return h >> 40;
}

static inline const struct special *find_special(const char *s, size_t n)
{
    if (n >= SPECIAL_MAX) return NULL;
    unsigned bit = special_bit(s, n);
    if (!(special_bits[bit / 64] >> bit % 64 & 1)) return NULL;
    for (size_t i = short_hash(s, n) % SLOTS; by_text[i]; i = (i + 1) % SLOTS) {
        const struct special *x = &specials[by_text[i] - 1];
        if (x->len == n && memcmp(x->text, s, n) == 0) return x;
    }
    return NULL;
}

/* ---- one word ---- */

struct word words_measure(const char *text, size_t begin, size_t len)
{
    unsigned info = WORD_ASCII;
    uint32_t chars = 0;
    for (size_t i = 0; i < len; chars++) {
        uint32_t cp = (unsigned char)text[begin + i];
        int k = 1;
        if (cp >= 128) {
            info &= ~(unsigned)WORD_ASCII;
            k = utf8_decode(text + begin + i, len - i, &cp);
            if (k < 1) k = 1;
        }
        unsigned c = words_class(words_table_ready, cp);
        if (c & WC_LETTER) info |= WORD_LETTER;
        if (!(c & WC_SYMBOL)) info |= WORD_SUBSTANCE;
        i += (size_t)k;
    }
    return (struct word){(uint32_t)begin, (uint32_t)len, chars, info};
}

static void push(struct words *w, size_t begin, size_t len, const char *text, unsigned known)
{
    if (!mem_room(&w->v, &w->cap, w->n + 1, sizeof *w->v)) {
        w->oom = true;
        return;
    }
    w->v[w->n++] = known ? (struct word){(uint32_t)begin, (uint32_t)len, (uint32_t)len, known}
                         : words_measure(text, begin, len);
}

void words_push(struct words *w, const char *text, size_t begin, size_t len)
{
    push(w, begin, len, text, 0);
}

static void push_special(struct words *w, const struct special *x, size_t begin, const char *text)
{
    for (int i = 0; i < x->n_pieces; i++) {
        push(w, begin, x->piece[i], text, 0);
        begin += x->piece[i];
    }
}

/* ---- one chunk between white space ---- */

static bool push_suffix(struct words *w, size_t *n, size_t begin, size_t len)
{
    if (!mem_room(&w->stack, &w->stack_cap, *n + 1, sizeof *w->stack)) {
        w->oom = true;
        return false;
    }
    w->stack[(*n)++] = (struct word){(uint32_t)begin, (uint32_t)len, 0, 0};
    return true;
}

static void cut_infixes(struct words *w, const char *text, size_t b, size_t e)
{
    size_t start = b, from = 0, ib, ie;
    while (words_infix(classes, text + b, e - b, from, &ib, &ie)) {
        from = ie;
        if (ib == 0) continue; /* at the very beginning it does not cut */
        if (b + ib > start) push(w, start, b + ib - start, text, 0);
        push(w, b + ib, ie - ib, text, 0);
        start = b + ie;
    }
    if (start < e) push(w, start, e - start, text, 0);
}

static void chunk(struct words *w, const char *text, size_t b, size_t e, bool use_specials)
{
    const struct special *x = use_specials ? find_special(text + b, e - b) : NULL;
    size_t n_suffixes = 0;
    while (b < e && !x) {
        size_t pre = words_prefix(classes, text + b, e - b);
        if (pre && use_specials && b + pre < e && (x = find_special(text + b + pre, e - b - pre))) {
            push(w, b, pre, text, 0);
            b += pre;
            break;
        }
        size_t suf = e - b > pre ? words_suffix(classes, text + b + pre, e - b - pre) : 0;
        if (suf && use_specials && e - suf > b && (x = find_special(text + b, e - b - suf))) {
            if (!push_suffix(w, &n_suffixes, e - suf, suf)) return;
            e -= suf;
            break;
        }
        if (!pre && !suf) break;
        if (pre) push(w, b, pre, text, 0);
        if (suf && !push_suffix(w, &n_suffixes, e - suf, suf)) return;
        b += pre;
        e -= suf;
        if (b < e && use_specials) x = find_special(text + b, e - b);
    }
    if (x)
        push_special(w, x, b, text);
    else if (b < e && words_is_url(classes, text + b, e - b))
        push(w, b, e - b, text, 0);
    else if (b < e)
        cut_infixes(w, text, b, e);
    while (n_suffixes) {
        struct word *s = &w->stack[--n_suffixes];
        push(w, s->begin, s->len, text, 0);
    }
}

/* ---- special cases that the affix rules tore apart ---- */

/* Does special x stand at words i..., without white space between? */
static bool stands_at(const struct words *w, const char *text, size_t i, const struct special *x)
{
    if (x->n_parts > w->n - i) return false;
    size_t begin = w->v[i].begin, at = begin;
    for (int k = 0; k < x->n_parts; k++) {
        if (w->v[i + (size_t)k].begin != at || w->v[i + (size_t)k].len != x->part[k]) return false;
        at += x->part[k];
    }
    return memcmp(text + begin, x->text, x->len) == 0;
}

/* The longest special case that begins at word i. */
static const struct special *torn_at(const struct words *w, const char *text, size_t i)
{
    const struct word *v = &w->v[i];
    if (i + 1 == w->n || v->begin + v->len != v[1].begin || v->len >= SPECIAL_MAX) return NULL;
    const struct special *best = NULL;
    for (size_t h = short_hash(text + v->begin, v->len) % SLOTS; by_first[h]; h = (h + 1) % SLOTS) {
        const struct special *x = &specials[by_first[h] - 1];
        if (x->part[0] != v->len || memcmp(x->text, text + v->begin, v->len) != 0) continue;
        for (;; x = &specials[x->next_same_first]) {
            if (stands_at(w, text, i, x) && (!best || x->n_parts > best->n_parts)) best = x;
            if (x->next_same_first < 0) break;
        }
        break;
    }
    return best;
}

/* Where matches overlap, the one of more parts wins, then the earlier. */
static void mend(struct words *w, const char *text)
{
    size_t i = 0;
    for (; i < w->n; i++) {
        const struct special *x = torn_at(w, text, i);
        if (x && !x->same) break;
    }
    if (i == w->n) return;
    while (i && w->v[i - 1].begin + w->v[i - 1].len == w->v[i].begin)
        i--; /* whole chunks */
    size_t old_n = w->n;
    struct word *old = mem_alloc(old_n, sizeof *old);
    if (!old) {
        w->oom = true;
        return;
    }
    memcpy(old, w->v, old_n * sizeof *old);
    struct words src = {.v = old, .n = old_n};
    w->n = i;
    while (i < old_n && !w->oom) {
        const struct special *x = torn_at(&src, text, i);
        for (size_t j = i + 1; x && j < i + x->n_parts; j++) {
            const struct special *y = torn_at(&src, text, j);
            if (y && y->n_parts > x->n_parts) x = NULL;
        }
        if (!x) {
            push(w, old[i].begin, old[i].len, text, old[i].info);
            w->v[w->n - 1].chars = old[i].chars;
            i++;
            continue;
        }
        push_special(w, x, old[i].begin, text);
        i += x->n_parts;
    }
    free(old);
}

/* ---- start ---- */

static void add_special(const char *s, size_t n)
{
    struct special *x = &specials[n_specials];
    *x = (struct special){.next_same_first = -1};
    uint8_t piece = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && s[i] != '~') {
            x->text[x->len++] = s[i];
            piece++;
        } else {
            x->piece[x->n_pieces++] = piece;
            piece = 0;
        }
    }
    n_specials++;
    unsigned bit = special_bit(x->text, x->len);
    special_bits[bit / 64] |= (uint64_t)1 << bit % 64;
    size_t i = short_hash(x->text, x->len) % SLOTS;
    while (by_text[i])
        i = (i + 1) % SLOTS;
    by_text[i] = (int16_t)n_specials;
}

/* Notes what the affix rules alone make of special i.  Where that is the same,
 * it still keeps shorter ones from applying to its inside. */
static void tear(int i, struct words *w)
{
    struct special *x = &specials[i];
    w->n = 0;
    chunk(w, x->text, 0, x->len, false);
    bool same = w->n == x->n_pieces;
    for (size_t k = 0; k < w->n && same; k++)
        same = w->v[k].len == x->piece[k];
    if (w->n < 2 || w->n > PIECES_MAX) return;
    x->same = same;
    x->n_parts = (uint8_t)w->n;
    for (size_t k = 0; k < w->n; k++)
        x->part[k] = (uint8_t)w->v[k].len;
    size_t h = short_hash(x->text, x->part[0]) % SLOTS;
    for (; by_first[h]; h = (h + 1) % SLOTS) {
        struct special *y = &specials[by_first[h] - 1];
        if (y->part[0] != x->part[0] || memcmp(y->text, x->text, x->part[0]) != 0) continue;
        x->next_same_first = y->next_same_first;
        y->next_same_first = i;
        return;
    }
    by_first[h] = (int16_t)(i + 1);
}

static void start(void)
{
    classes = words_table_get();
    specials = mem_alloc(SPECIALS, sizeof *specials);
    if (!classes || !specials) {
        classes = NULL;
        return;
    }
    for (const char *const *line = words_specials; *line; line++)
        for (const char *p = *line; *p && n_specials < SPECIALS;) {
            size_t n = strcspn(p, " ");
            add_special(p, n);
            p += n + (p[n] == ' ');
        }
    struct words w = {0};
    for (int i = 0; i < n_specials && !w.oom; i++)
        tear(i, &w);
    if (w.oom) classes = NULL;
    words_free(&w);
}

void words_free(struct words *w)
{
    free(w->v);
    free(w->stack);
    *w = (struct words){0};
}

static inline bool ascii_letter(unsigned char c)
{
    return (unsigned)((c | 0x20) - 'a') < 26;
}

bool words_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
    return classes != NULL;
}

bool words_abbreviation(const char *s, size_t n)
{
    const struct special *x = n <= WORDS_ABBREVIATION ? find_special(s, n) : NULL;
    return x && x->n_pieces == 1 && s[n - 1] == '.' && words_class(classes, (unsigned char)s[0]) & WC_LETTER;
}

int words_split(struct words *w, const char *text, size_t n, struct err *e)
{
    w->n = 0;
    if (!words_start()) return err_oom(e, 1 << 20, "the tables of the word splitter");
    for (size_t i = 0; i < n && !w->oom;) {
        /* The common case: letters only, between blanks. */
        size_t b = i;
        while (i < n && ascii_letter((unsigned char)text[i]))
            i++;
        if (i > b && (i == n || text[i] == ' ' || text[i] == '\n')) {
            const struct special *x = i - b < 12 ? find_special(text + b, i - b) : NULL;
            if (x)
                push_special(w, x, b, text);
            else
                push(w, b, i - b, text, WORD_LETTER | WORD_SUBSTANCE | WORD_ASCII);
            i++;
            continue;
        }
        while (i < n) { /* to the next white space */
            uint32_t cp = (unsigned char)text[i];
            int k = 1;
            if (cp >= 128 && (k = utf8_decode(text + i, n - i, &cp)) < 1) k = 1;
            if (words_class(classes, cp) & WC_SPACE) {
                if (i > b) chunk(w, text, b, i, true);
                b = i += (size_t)k;
                break;
            }
            i += (size_t)k;
        }
        if (i == n && b < n) chunk(w, text, b, n, true);
    }
    if (w->oom) return err_oom(e, w->cap * sizeof *w->v, "the words of a document");
    mend(w, text);
    return w->oom ? err_oom(e, w->cap * sizeof *w->v, "the words of a document") : 0;
}

int words_cut(enum words_mode mode, struct words *w, const char *text, size_t n, struct err *e)
{
    if (mode == WORDS_SPACY_EN) return words_split(w, text, n, e);
    return words_uax29_ref(w, text, n, mode == WORDS_UAX29, e);
}
