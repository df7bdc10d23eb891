#include "core/token/split.h"

#include <string.h>

#include "core/token/split_mask.h"
#include "core/token/unicode.h"

/* What differs between the regexes of this family:
 *     contraction | prefix? letters | digits | ` ?` other tail | spaces      */
struct rule {
    bool fold;         /* (?i:'s|...) instead of 's|... */
    bool space_prefix; /* ` ?` before letters and numbers; else [^\r\n\p{L}\p{N}]? before letters */
    int max_digits;    /* 0 = no limit */
    bool newlines;     /* [\r\n]* after other, and \s*[\r\n]+ */
};

#define INLINE static inline __attribute__((always_inline))

static bool is_newline(uint32_t cp)
{
    return cp == '\n' || cp == '\r';
}

/* First position at or after pos whose character has none (want = false: any)
 * of the classes. */
INLINE size_t run(const uint8_t *s, size_t n, size_t pos, unsigned classes)
{
    while (pos < n) {
        struct uni_char c = uni_next(s + pos, n - pos);
        if (!(c.class & classes)) break;
        pos += c.len;
    }
    return pos;
}

INLINE size_t run_other(const uint8_t *s, size_t n, size_t pos)
{
    while (pos < n) {
        struct uni_char c = uni_next(s + pos, n - pos);
        if (c.class & (UNI_L | UNI_N | UNI_SPACE)) break;
        pos += c.len;
    }
    return pos;
}

static size_t run_digits(const uint8_t *s, size_t n, size_t pos, int max)
{
    for (int i = 0; pos < n && (max == 0 || i < max); i++) {
        struct uni_char c = uni_next(s + pos, n - pos);
        if (!(c.class & UNI_N)) break;
        pos += c.len;
    }
    return pos;
}

static size_t run_newlines(const uint8_t *s, size_t n, size_t pos)
{
    while (pos < n && is_newline(s[pos])) pos++;
    return pos;
}

static uint8_t lower_ascii(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* s[pos] is an apostrophe.  End of the contraction, or pos if there is none.
 * Folding also takes U+017F (long s), whose simple case folding is s. */
static size_t contraction(const uint8_t *s, size_t n, size_t pos, bool fold)
{
    size_t left = n - pos - 1;
    if (left == 0) return pos;
    const uint8_t *p = s + pos + 1;
    if (fold && left >= 2 && p[0] == 0xC5 && p[1] == 0xBF) return pos + 3;
    uint8_t a = fold ? lower_ascii(p[0]) : p[0];
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return pos + 2;
    if (left < 2) return pos;
    uint8_t b = fold ? lower_ascii(p[1]) : p[1];
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return pos + 3;
    return pos;
}

/* s[pos] is white space that no other alternative took:
 * \s*[\r\n]+ | \s+(?!\S) | \s+ */
static size_t spaces(const uint8_t *s, size_t n, size_t pos, bool newlines)
{
    size_t end = pos, last = pos, after_newline = 0;
    while (end < n) {
        struct uni_char c = uni_next(s + end, n - end);
        if (!(c.class & UNI_SPACE)) break;
        last = end;
        end += c.len;
        if (is_newline(c.cp)) after_newline = end;
    }
    if (newlines && after_newline) return after_newline;
    if (end == n || last == pos) return end;
    return last; /* the last space goes with the word that follows */
}

INLINE size_t next_piece(const uint8_t *s, size_t n, size_t pos, const struct rule r)
{
    struct uni_char c = uni_next(s + pos, n - pos);
    if (c.cp == '\'') {
        size_t end = contraction(s, n, pos, r.fold);
        if (end > pos) return end;
    }
    if (c.class & UNI_L) return run(s, n, pos + c.len, UNI_L);
    size_t next = pos + c.len;
    struct uni_char d = {UNI_BAD, 0, 0};
    if (next < n) d = uni_next(s + next, n - next);
    if (r.space_prefix) {
        if (c.class & UNI_N) return run_digits(s, n, next, r.max_digits);
        if (c.cp == ' ' && d.len) {
            if (d.class & UNI_L) return run(s, n, next + d.len, UNI_L);
            if (d.class & UNI_N) return run_digits(s, n, next + d.len, r.max_digits);
        }
    } else {
        if (c.class & UNI_N) return run_digits(s, n, pos, r.max_digits);
        if ((d.class & UNI_L) && !is_newline(c.cp)) return run(s, n, next + d.len, UNI_L);
    }
    if (!(c.class & UNI_SPACE) || (c.cp == ' ' && d.len && !(d.class & (UNI_SPACE | UNI_N)))) {
        size_t end = run_other(s, n, next);
        return r.newlines ? run_newlines(s, n, end) : end;
    }
    return spaces(s, n, pos, r.newlines);
}

#ifdef SPLIT_HAS_MASKS
/* A contraction that begins at bit i is a piece of its own: what follows it
 * starts the next one. */
INLINE uint64_t cut_contractions(const uint8_t *s, uint64_t quotes, uint64_t start, bool fold)
{
    for (; quotes; quotes &= quotes - 1) {
        size_t i = (size_t)low_bit(quotes), end = contraction(s, SPLIT_WINDOW, i, fold);
        if (end == i) continue;
        uint64_t inside = ((uint64_t)6 << i) & ((uint64_t)-1 >> (end < 64 ? 64 - end : 0));
        start &= ~inside;
        if (end < 64) start |= (uint64_t)1 << end;
    }
    return start;
}

/* Groups of three inside runs of more than three digits. */
INLINE uint64_t cut_digits(uint64_t digit, uint64_t start, int max)
{
    if (max == 1) return start | digit;
    uint64_t runs = digit & ~(digit << 1);
    if (!(digit & digit << 1 & digit << 2 & digit << 3)) return start;
    for (; runs; runs &= runs - 1) {
        int i = low_bit(runs);
        uint64_t after = ~digit >> i;
        int end = after ? i + low_bit(after) : 64;
        for (i += max; i < end; i += max) start |= (uint64_t)1 << i;
    }
    return start;
}

/* The part of a run of spaces after its last newline is a run of its own. */
INLINE uint64_t cut_after_newlines(uint64_t space, uint64_t newline, uint64_t start)
{
    uint64_t after = newline << 1 & space & ~newline;
    for (; after; after &= after - 1) {
        int i = low_bit(after);
        uint64_t run = space >> i, stop = ~run;
        if (stop) run &= (stop & -stop) - 1;
        if (!(newline >> i & run)) start |= (uint64_t)1 << i;
    }
    return start;
}

/* Bits where pieces start, bit 0 (which does) included; *limit = how many bits
 * are decided. */
INLINE uint64_t starts_in_window(const uint8_t *s, const struct rule r, int *limit)
{
    struct split_masks m = split_classify(s);
    int known = m.high ? low_bit(m.high) : 64;
    uint64_t other = ~(m.letter | m.digit | m.space | m.high), space = m.space, start;
    uint64_t free_other = other & ~(other << 1) & ~(m.blank << 1);
    if (r.space_prefix) {
        uint64_t begins = (m.letter & ~(m.letter << 1)) | (m.digit & ~(m.digit << 1));
        start = (begins & ~(m.blank << 1)) | free_other;
        start |= space & (~(space << 1) | ~(space >> 1));
        *limit = known - 1;
    } else {
        /* Newlines straight after other characters belong to them. */
        uint64_t tail_first = m.newline & other << 1;
        uint64_t tail = m.newline & ~(m.newline + tail_first);
        if (!tail_first) tail = 0;
        uint64_t newline = m.newline & ~tail;
        space &= ~tail;
        start = m.letter & ~(m.letter << 1) & ~((m.space & ~m.newline) << 1) & ~(free_other << 1);
        start |= free_other | (m.digit & ~(m.digit << 1));
        start |= (space & ~(space << 1)) | (space & ~newline & ~(m.space >> 1));
        start = cut_after_newlines(space, newline, start);
        start = cut_digits(m.digit, start, r.max_digits);
        /* A run of spaces that leaves the window is not decided. */
        int end = known;
        while (end > 0 && m.space >> (end - 1) & 1) end--;
        *limit = end < known ? end : known - 1;
    }
    start = cut_contractions(s, m.quote & free_other, start, r.fold);
    return start | 1;
}
#endif

INLINE size_t many(const uint8_t *s, size_t n, size_t pos, size_t *ends, size_t max,
                   const struct rule r)
{
    size_t count = 0;
#ifdef SPLIT_HAS_MASKS
    unsigned wait = 0, step = 1; /* text beyond ASCII: try the masks less and less often */
#endif
    while (pos < n && count < max) {
#ifdef SPLIT_HAS_MASKS
        if (wait == 0 && n - pos >= SPLIT_WINDOW && count + 64 <= max) {
            int limit;
            uint64_t start = starts_in_window(s + pos, r, &limit);
            uint64_t found = limit > 0 ? start & ((uint64_t)-1 >> (64 - limit)) & ~(uint64_t)1 : 0;
            size_t from = pos;
            for (; found; found &= found - 1) ends[count++] = pos = from + (size_t)low_bit(found);
            step = limit < 16 ? (step < 32 ? 2 * step : step) : 1;
            wait = limit < 16 ? step : 0;
            if (pos > from && !wait) continue;
        } else if (wait) {
            wait--;
        }
        if (count >= max) break;
#endif
        pos = next_piece(s, n, pos, r);
        ends[count++] = pos;
    }
    return count;
}

static size_t split_gpt2(const uint8_t *s, size_t n, size_t pos, size_t *ends, size_t max)
{
    return many(s, n, pos, ends, max, (struct rule){false, true, 0, false});
}

static size_t split_llama3(const uint8_t *s, size_t n, size_t pos, size_t *ends, size_t max)
{
    return many(s, n, pos, ends, max, (struct rule){true, false, 3, true});
}

static size_t split_qwen2(const uint8_t *s, size_t n, size_t pos, size_t *ends, size_t max)
{
    return many(s, n, pos, ends, max, (struct rule){true, false, 1, true});
}

static size_t split_none(const uint8_t *s, size_t n, size_t pos, size_t *ends, size_t max)
{
    (void)s;
    if (pos >= n || max == 0) return 0;
    ends[0] = n;
    return 1;
}

static const struct {
    const char *name, *regex;
    split_fn *fn;
} kinds[SPLIT_N] = {
    [SPLIT_NONE] = {"none", NULL, split_none},
    [SPLIT_GPT2] = {"gpt2",
                    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
                    "\\s+(?!\\S)|\\s+",
                    split_gpt2},
    [SPLIT_LLAMA3] = {"llama3",
                      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
                      " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                      split_llama3},
    [SPLIT_QWEN2] = {"qwen2",
                     "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
                     " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                     split_qwen2},
};

split_fn *split_function(enum split_kind kind)
{
    return kinds[kind].fn;
}

const char *split_name(enum split_kind kind)
{
    return kinds[kind].name;
}

const char *split_regex(enum split_kind kind)
{
    return kinds[kind].regex;
}

enum split_kind split_from_regex(const char *regex)
{
    for (int k = 0; k < SPLIT_N; k++)
        if (kinds[k].regex && strcmp(kinds[k].regex, regex) == 0) return (enum split_kind)k;
    return SPLIT_N;
}

enum split_kind split_from_name(const char *name)
{
    for (int k = 0; k < SPLIT_N; k++)
        if (strcmp(kinds[k].name, name) == 0) return (enum split_kind)k;
    return SPLIT_N;
}
