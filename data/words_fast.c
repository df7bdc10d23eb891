/* The words of a text by masks of its bytes (text_masks.h): most runs of
 * non-white-space are letters and digits, with a mark at an end or none, and
 * are words as they stand: masks part the mark from them.  All others are looked
 * at one by one, and those with more than a mark inside go to the reference. */
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/text_masks.h"
#include "data/words_internal.h"
#include "data/words_uax29.h"

enum { PIECE = 64 }; /* blocks whose masks are made at once */

/* ASCII marks that open or close a word wherever they stand at its end. */
static uint8_t edge[256];
enum { OPENS = 1, CLOSES = 2 };
/* ‘ ’ “ ”: the last byte of each from QUOTES on tells which; what a word of it is. */
enum { QUOTES = 0x98, QUOTE = 3 }; /* bytes of one */
static unsigned quote_info[6];

void words_fast_start(const struct words_table *t)
{
    for (uint32_t c = 0; c < 128; c++) {
        unsigned class = words_class(t, c);
        if (class & WC_PREFIX) edge[c] |= OPENS;
        if (class & WC_SUFFIX) edge[c] |= CLOSES;
    }
    for (uint32_t k = 0; k < COUNT_OF(quote_info); k++)
        quote_info[k] = words_class(t, 0x2018 + k) & WC_SYMBOL ? 0u : WORD_SUBSTANCE;
}

struct fast {
    struct words *w;
    const char *s;
    const struct words_table *t;
    bool tailored;
    words_runs_fn *runs;
};

static bool room(struct words *w)
{
    bool ok = mem_room(&w->v, &w->cap, w->n + 2 * PIECE + 2 + WORDS_RUNS_MORE, sizeof *w->v);
    w->oom = w->oom || !ok;
    return ok;
}

static inline void put(struct words *w, size_t begin, size_t len, size_t chars, unsigned info)
{
    struct word x = {(uint32_t)begin, (uint32_t)len, (uint32_t)chars, info};
    memcpy(&w->v[w->n++], &x, sizeof x);
}

/* A run with characters that have to be decoded; white space may be among them. */
static void decoded(const struct fast *f, size_t b, size_t e)
{
    uax29_chunks(f->w, f->s, b, e, f->tailored);
    room(f->w);
}

static inline bool capital(unsigned char c)
{
    return c >= 'A' && c <= 'Z';
}

/* A full stop at the end belongs to "U." and "U.S." but not to "end." */
static bool stop_closes(const char *s, size_t b, size_t e)
{
    unsigned char before = (unsigned char)s[e - 2];
    if (before >= 0x80) return false; /* to be looked at closely */
    if (!capital(before)) return true;
    return e - b > 2 && capital((unsigned char)s[e - 3]);
}

static inline uint64_t below(unsigned n) /* n <= 64 */
{
    return n == 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
}

static inline bool letter(unsigned char c)
{
    return (unsigned)(c | 0x20) - 'a' < 26u;
}

static inline bool digit(unsigned char c)
{
    return c - (unsigned)'0' < 10u;
}

/* Does the ASCII mark c part l and r, letters or digits of ASCII, in a word?
 * Unicode's rules join some, the tailoring (words_uax29.c) all others but these. */
static bool parts(unsigned char l, unsigned char c, unsigned char r)
{
    switch (c) {
    case '-':
        return letter(r) || (digit(l) && digit(r));
    case '.':
        return letter(l) && !capital(l) && capital(r);
    case ',':
        return letter(l) && letter(r);
    case '~':
    case ':':
    case '/':
    case '=':
    case '<':
    case '>':
        return letter(r);
    case '+':
    case '*':
    case '^':
        return digit(l) && digit(r);
    default:
        return false;
    }
}

/* A word of ASCII whose last k bytes are one of their own. */
static void put_parted(const struct fast *f, size_t b, size_t n, size_t k, uint64_t letters, unsigned info)
{
    uint64_t stem = letters & below((unsigned)(n - k));
    put(f->w, b, n - k, n - k, info | (stem ? WORD_LETTER : 0u));
    if (k) put(f->w, b + n - k, k, k, info | WORD_LETTER);
}

/* What lies between the marks at the ends: no mark, one that parts, or some that do
 * not.  False when it is left to the reference. */
static bool inner(const struct fast *f, size_t b, size_t n, uint64_t letters, uint64_t marks,
                  uint64_t second)
{
    struct words *w = f->w;
    const char *s = f->s + b;
    unsigned info = WORD_SUBSTANCE | (second ? 0u : WORD_ASCII);
    if (!marks) {
        put(w, b, n, second ? n - text_count_bits(second) : n, info | (letters ? WORD_LETTER : 0u));
        return true;
    }
    if (second || marks & marks << 1) return false;
    bool one = !(marks & (marks - 1));
    unsigned at = 0;
    for (uint64_t rest = marks; rest; rest &= rest - 1) {
        at = (unsigned)__builtin_ctzll(rest);
        if (!parts((unsigned char)s[at - 1], (unsigned char)s[at], (unsigned char)s[at + 1])) continue;
        if (!one || (s[at] == '.' && words_abbreviation(s, at + 1))) return false;
        put(w, b, at, at, info | (letters & below(at) ? WORD_LETTER : 0u));
        put(w, b + at, 1, 1, WORD_ASCII);
        put(w, b + at + 1, n - at - 1, n - at - 1, info | (letters >> at ? WORD_LETTER : 0u));
        return true;
    }
    size_t clitic = words_clitic(s, n);
    if (clitic && !one) return false;
    put_parted(f, b, n, clitic, letters, info);
    return true;
}

/* Do the n marks at s close the word that ends there?  At most one full stop, of no abbreviation. */
static bool all_close(const char *s, size_t b, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++) {
        if (edge[(unsigned char)s[i]] & CLOSES) continue;
        if (s[i] != '.' || i > at || (n > 1 && s[i + 1] == '.') || !stop_closes(s, b, i + 1) ||
            words_abbreviation(s + b, i + 1 - b))
            return false;
    }
    return true;
}

static bool all_open(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(edge[(unsigned char)s[i]] & OPENS)) return false;
    return true;
}

/* ---- typographic quotation marks and apostrophes ---- */

/* Is ‘ ’ “ or ” at s, as of `left` bytes of valid UTF-8?  Each opens and closes. */
static inline bool is_quote(const char *s, size_t left)
{
    return left >= QUOTE && memcmp(s, "\xe2\x80", 2) == 0 &&
           (s[2] == '\x98' || s[2] == '\x99' || s[2] == '\x9c' || s[2] == '\x9d');
}

/* Marks at [i, to) of the run at b. */
static void put_marks(const struct fast *f, size_t b, unsigned i, unsigned to, uint64_t wide)
{
    while (i < to) {
        unsigned n = wide >> i & 1 ? QUOTE : 1;
        put(f->w, b + i, n, 1, n == 1 ? WORD_ASCII : quote_info[(unsigned char)f->s[b + i + 2] - QUOTES]);
        i += n;
    }
}

/* Of the n bytes at b, how many are marks in front that open. */
static unsigned open_marks(const struct fast *f, size_t b, unsigned n, uint64_t other, uint64_t wide)
{
    unsigned i = 0;
    while (i < n && other >> i & 1) {
        bool quote = wide >> i & 1;
        if (quote ? !is_quote(f->s + b + i, n - i) : !(edge[(unsigned char)f->s[b + i]] & OPENS)) break;
        i += quote ? QUOTE : 1;
    }
    return i;
}

/* Where the marks at the end that close begin; what is in front of `from` is none. */
static unsigned close_marks(const struct fast *f, size_t b, unsigned from, unsigned n, uint64_t other, uint64_t wide)
{
    while (n > from && other >> (n - 1) & 1) {
        bool quote = wide >> (n - 1) & 1;
        char last = f->s[b + n - 1];
        if (quote && (n - from < QUOTE || !is_quote(f->s + b + n - QUOTE, QUOTE))) break;
        bool stop = last == '.' && n - 1 > from && !(other >> (n - 2) & 1) && stop_closes(f->s, b + from, b + n) &&
                    !words_abbreviation(f->s + b + from, n - from);
        if (!quote && !(edge[(unsigned char)last] & CLOSES) && !stop) break;
        n -= quote ? QUOTE : 1;
    }
    return n;
}

/* A run whose characters of three bytes are quotation marks: at its ends, or
 * apostrophes between ASCII letters.  False when it is left to the reference. */
static bool quoted(const struct fast *f, size_t b, unsigned n, uint64_t letters, uint64_t second, uint64_t other,
                   uint64_t wide)
{
    struct words *w = f->w;
    unsigned from = open_marks(f, b, n, other, wide), to = close_marks(f, b, from, n, other, wide), n_inside = 0;
    uint64_t core = below(to) & ~below(from);
    if (from >= to || other >> from & 1) return false;
    for (uint64_t inside = other & core; inside; n_inside++) {
        unsigned at = (unsigned)__builtin_ctzll(inside);
        const char *s = f->s + b + at;
        if (to - at <= QUOTE || memcmp(s, "\xe2\x80\x99", QUOTE) != 0 || !letter((unsigned char)s[-1]) ||
            !letter((unsigned char)s[QUOTE]))
            return false;
        inside &= ~((uint64_t)7 << at);
    }
    if (to < n && other >> (to - 1) & 1) return false;
    put_marks(f, b, 0, from, wide);
    unsigned clitic = n_inside ? (unsigned)words_clitic(f->s + b + from, to - from) : 0;
    if (clitic) { /* behind the last apostrophe, or an n in front of it */
        core &= below(to - clitic);
        n_inside--;
    }
    unsigned info = WORD_SUBSTANCE | (letters & core ? WORD_LETTER : 0u) | (second & core || n_inside ? 0u : WORD_ASCII);
    unsigned len = to - from - clitic;
    put(w, b + from, len, len - text_count_bits(second & core) - 2 * n_inside, info);
    if (clitic) put(w, b + to - clitic, clitic, clitic - 2, WORD_SUBSTANCE | WORD_LETTER);
    put_marks(f, b, to, n, wide);
    return true;
}

/* A run with marks in it: at its ends, and at most one inside, or the reference. */
static __attribute__((noinline)) void marked(const struct fast *f, size_t b, size_t n,
                                             uint64_t letters, uint64_t second, uint64_t other,
                                             uint64_t wide)
{
    struct words *w = f->w;
    if (n == 1 && !wide) {
        put(w, b, 1, 1, WORD_ASCII);
        return;
    }
    if (!wide && f->tailored && other != below((unsigned)n)) {
        unsigned lead = (unsigned)__builtin_ctzll(~other),
                 trail = (unsigned)__builtin_clzll(~(other << (64 - n)));
        size_t begin = b + lead, len = n - lead - trail, n_before = w->n;
        if (all_open(f->s + b, lead) && all_close(f->s, begin, begin + len, trail)) {
            for (size_t i = b; i < begin; i++)
                put(w, i, 1, 1, WORD_ASCII);
            uint64_t keep = below((unsigned)len);
            if (inner(f, begin, len, letters >> lead & keep, other >> lead & keep,
                      second >> lead & keep)) {
                for (size_t i = begin + len; i < b + n; i++)
                    put(w, i, 1, 1, WORD_ASCII);
                return;
            }
            w->n = n_before;
        }
    }
    if (wide && f->tailored && quoted(f, b, (unsigned)n, letters, second, other, wide)) return;
    if (wide)
        decoded(f, b, b + n);
    else if (second)
        uax29_chunk(w, f->s, b, b + n, f->tailored);
    else
        uax29_chunk_ascii(w, f->s, b, b + n, f->tailored);
    room(w);
}

/* A run [b, e); what it holds: letters, second bytes and what is neither letter
 * nor digit, as masks that begin at b and reach to e (which is at most b + 64). */
static void run(const struct fast *f, size_t b, size_t e, uint64_t letters, uint64_t second,
                       uint64_t other, uint64_t wide)
{
    size_t n = e - b, chars = second ? n - text_count_bits(second) : n;
    unsigned info = (other ? 0u : WORD_SUBSTANCE) | (letters ? WORD_LETTER : 0u) | (second ? 0u : WORD_ASCII);
    if (!other || n == 1) /* a word, or a mark */
        put(f->w, b, n, chars, info);
    else
        marked(f, b, n, letters, second, other, wide);
}

size_t words_runs_ref(struct word *out, size_t begin, uint64_t starts, uint64_t ends, uint64_t core,
                      uint64_t letter)
{
    size_t n = 0;
    for (; ends; starts &= starts - 1, ends &= ends - 1) {
        unsigned from = (unsigned)__builtin_ctzll(starts), to = (unsigned)__builtin_ctzll(ends);
        uint64_t here = ((uint64_t)1 << to) - ((uint64_t)1 << from);
        out[n++] = (struct word){.begin = (uint32_t)(begin + from),
                                 .len = to - from,
                                 .chars = to - from,
                                 .info = WORD_ASCII | (core & here ? WORD_SUBSTANCE : 0u) |
                                         (letter & here ? WORD_LETTER : 0u)};
    }
    return n;
}

words_runs_fn *words_runs_best(void)
{
#if defined(__x86_64__)
    if (text_bytes_best() == text_bytes_avx512 && __builtin_cpu_supports("avx512vbmi2") &&
        __builtin_cpu_supports("avx512vbmi"))
        return words_runs_avx512vbmi;
#endif
    return words_runs_ref;
}

/* The run [from, to) of the block at `base`, whose bits are `here`. */
static inline void in_block(const struct fast *f, const struct text_masks *m, size_t base,
                            unsigned from, unsigned to, uint64_t here)
{
    uint64_t letters = m->letter & here, second = m->second & here;
    uint64_t other = here & ~(m->letter | m->digit);
    unsigned n = to - from;
    if (other && n > 1) {
        marked(f, base + from, n, letters >> from, second >> from, other >> from,
               (m->wide & here) >> from);
        return;
    }
    put(f->w, base + from, n, second ? n - text_count_bits(second) : n,
        (other ? 0u : WORD_SUBSTANCE) | (letters ? WORD_LETTER : 0u) | (second ? 0u : WORD_ASCII));
}

/* The runs of a block that end in it (up to bit 63): those that are words as they stand
 * together, the others one by one.  `text`: all that is no white space. */
static inline void runs(const struct fast *f, const struct text_masks *m, size_t base,
                        uint64_t starts, uint64_t ends, uint64_t text)
{
    if (!ends) return;
    uint64_t core = m->letter | m->digit, marks = text & ~core;
    uint64_t odd = (marks & ~(starts & ends >> 1)) | m->second; /* of runs to be looked at */
    odd &= (((uint64_t)1 << (63 - __builtin_clzll(ends))) - 1) & (0 - (starts & (0 - starts)));
    while (odd) {
        unsigned at = (unsigned)__builtin_ctzll(odd);
        unsigned from = 63 - (unsigned)__builtin_clzll(starts & below(at + 1));
        uint64_t before = ((uint64_t)1 << from) - 1, up_to = before << 1 | 1;
        if (starts & before)
            f->w->n += f->runs(f->w->v + f->w->n, base, starts & before, ends & up_to, core, m->letter);
        ends &= ~up_to;
        unsigned to = (unsigned)__builtin_ctzll(ends);
        in_block(f, m, base, from, to, ((uint64_t)1 << to) - ((uint64_t)1 << from));
        starts &= ~up_to;
        ends &= ends - 1;
        odd &= ~(((uint64_t)1 << to) - 1);
    }
    if (ends) f->w->n += f->runs(f->w->v + f->w->n, base, starts, ends, core, m->letter);
}

/* A run over several blocks is rare: its masks are put together, or it is read
 * as the reference reads when it is longer than one mask. */
static void long_run(const struct fast *f, const struct text_masks *m, size_t b, size_t e)
{
    size_t k = b / 64, n = e - b;
    unsigned shift = b % 64;
    if (n > 64) {
        decoded(f, b, e);
        return;
    }
    uint64_t keep = below((unsigned)n);
#define CROSS(x) ((m[k].x >> shift | (shift ? m[k + 1].x << (64 - shift) : 0)) & keep)
    run(f, b, e, CROSS(letter), CROSS(second), keep & ~(CROSS(letter) | CROSS(digit)), CROSS(wide));
#undef CROSS
}

/* Of the full stops of the block at `base` behind a small letter or digit, those that
 * may belong to an abbreviation: the reference looks at what stands before them. */
static uint64_t abbreviating(const char *s, size_t base, uint64_t stops)
{
    uint64_t kept = 0;
    for (; stops; stops &= stops - 1) {
        size_t end = base + (unsigned)__builtin_ctzll(stops) + 1, from = end - 1;
        while (from && end - from <= WORDS_ABBREVIATION &&
               (letter((unsigned char)s[from - 1]) ||
                (s[from - 1] == '.' && from > 1 && letter((unsigned char)s[from - 2]))))
            from--;
        if (end - from <= WORDS_ABBREVIATION && words_abbreviation(s + from, end - from)) kept |= stops & (0 - stops);
    }
    return kept;
}

/* Where block k parts a word from one mark in front of it or behind it: the bits of
 * the second of the two.  *carry: so does its first byte, found from the block
 * before; then whether the next block's does. */
static inline uint64_t edges(const struct fast *f, const struct text_masks *m, size_t k, uint64_t text, bool last,
                             uint64_t *carry)
{
    const struct text_masks *x = &m[k], *y = &m[k + 1]; /* zero behind the end */
    uint64_t before = 0, before_stop = 0, before_space = 1, core = x->letter | x->digit;
    if (k) {
        before = (x[-1].letter | x[-1].digit) >> 63;
        before_stop = (x[-1].lower | x[-1].digit) >> 63;
        before_space = x[-1].space >> 63;
    }
    uint64_t ends = ~text >> 1 | (last ? 1 : y->space) << 63, opens = ~text << 1 | before_space;
    uint64_t stops = ends & x->dot & ((x->lower | x->digit) << 1 | before_stop);
    if (stops && f->tailored) stops &= ~abbreviating(f->s, k * 64, stops);
    uint64_t behind = (ends & x->edge & (core << 1 | before)) | stops;
    uint64_t front = opens & x->edge & (core >> 1 | (y->letter | y->digit) << 63);
    uint64_t at = behind | front << 1 | *carry;
    *carry = front >> 63;
    return at;
}

int words_uax29_masked(struct words *w, const char *text, size_t n, const struct text_masks *m,
                       bool tailored, struct err *e)
{
    struct fast f = {w, text, words_table_get(), tailored, words_runs_best()};
    w->n = 0;
    if (uax29_start()) return err_oom(e, 1 << 20, "the classes of word boundaries");
    size_t open = SIZE_MAX; /* begin of a run that goes on from the block before */
    uint64_t carry = 0;
    for (size_t k = 0; k * 64 < n && room(w); k++) {
        unsigned size = n - k * 64 < 64 ? (unsigned)(n - k * 64) : 64;
        uint64_t text_bits = ~m[k].space & below(size);
        uint64_t ends = ~text_bits & (text_bits << 1 | (open != SIZE_MAX));
        uint64_t starts = text_bits & ~(text_bits << 1 | (open != SIZE_MAX));
        if (size < 64) ends &= below(size + 1);
        uint64_t split = edges(&f, m, k, text_bits, k * 64 + 64 >= n, &carry);
        ends |= split;
        starts |= split;
        if (open != SIZE_MAX && ends) {
            unsigned to = (unsigned)__builtin_ctzll(ends);
            long_run(&f, m, open, k * 64 + to);
            ends &= ends - 1;
            open = SIZE_MAX;
        }
        runs(&f, &m[k], k * 64, starts, ends, text_bits); /* one up to the end of a whole block is still open */
        if (starts && (!ends || __builtin_clzll(starts) <= __builtin_clzll(ends)))
            open = k * 64 + 63 - (unsigned)__builtin_clzll(starts);
    }
    if (open != SIZE_MAX && !w->oom) long_run(&f, m, open, n);
    return w->oom ? err_oom(e, w->cap * sizeof *w->v, "the words of a document") : 0;
}

/* A run between white space of ASCII; other white space may be in it. */
static void space_words(struct words *w, const char *s, size_t b, size_t e)
{
    size_t from = b;
    for (size_t i = b; i < e;) {
        uint32_t cp = (unsigned char)s[i];
        int k = 1;
        if (cp >= 0x80 && (k = utf8_decode(s + i, e - i, &cp)) < 1) k = 1;
        if (cp >= 0x80 && words_class(words_table_ready, cp) & WC_SPACE) {
            if (i > from) words_push(w, s, from, i - from);
            from = i + (size_t)k;
        }
        i += (size_t)k;
    }
    if (e > from) words_push(w, s, from, e - from);
    room(w);
}

/* A run [b, e): its characters, and whether there is a letter. */
static void space_run(struct words *w, const char *s, const struct text_masks *m, size_t b, size_t e)
{
    struct word x = {.begin = (uint32_t)b, .len = (uint32_t)(e - b), .chars = (uint32_t)(e - b)};
    uint64_t wide = 0;
    for (size_t k = b / 64; k * 64 < e; k++) {
        uint64_t here = text_part_of_block(k, b, e);
        wide |= m[k].wide & here;
        if (m[k].second & here) x.chars -= text_count_bits(m[k].second & here);
        if (m[k].letter & here) x.info = WORD_LETTER;
    }
    if (wide)
        space_words(w, s, b, e);
    else
        w->v[w->n++] = x;
}

int words_space_masked(struct words *w, const char *s, size_t n, const struct text_masks *m,
                       struct err *e)
{
    size_t open = SIZE_MAX;
    w->n = 0;
    if (!words_table_get()) return err_oom(e, 1 << 20, "the classes of characters");
    for (size_t k = 0; k * 64 < n && room(w); k++) {
        unsigned size = n - k * 64 < 64 ? (unsigned)(n - k * 64) : 64;
        uint64_t text = ~m[k].space & below(size), before = open != SIZE_MAX;
        uint64_t starts = text & ~(text << 1 | before), ends = ~text & (text << 1 | before);
        if (size < 64) ends &= below(size + 1);
        for (; ends; ends &= ends - 1) {
            size_t to = k * 64 + (unsigned)__builtin_ctzll(ends), from = open;
            if (open == SIZE_MAX) {
                from = k * 64 + (unsigned)__builtin_ctzll(starts);
                starts &= starts - 1;
            }
            open = SIZE_MAX;
            space_run(w, s, m, from, to);
        }
        if (starts) open = k * 64 + (unsigned)__builtin_ctzll(starts);
    }
    if (open != SIZE_MAX && !w->oom) space_run(w, s, m, open, n);
    return w->oom ? err_oom(e, w->cap * sizeof *w->v, "the words of a document") : 0;
}
