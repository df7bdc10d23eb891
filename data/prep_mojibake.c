/* Mojibake: text that was UTF-8, was read as Windows-1252, Latin-1 or
 * Windows-1251, and saved as UTF-8 again ("cafÃ©" for "café").
 *
 * Only what is certain is repaired.  A repair undoes a run of characters whose
 * bytes in the old encoding are UTF-8 sequences; on top of that the run must
 * be something that nobody writes:
 *
 *   Latin    a lead that is a letter people do write (Ã, Â, â, à ...) counts
 *            only in company that no language gives it; IRMÃ” is Portuguese
 *            in quotes, not mojibake.
 *   Cyrillic four sequences in a row (two letters each, of which the first is
 *            most often Р or С), or вЂ and a third, which are quotes and dashes,
 *            or some between small Latin letters (geschГјtzt).
 *
 * A line that consists of such sequences altogether is repaired as a whole.
 *
 * Repeats until nothing changes, since the damage is often done twice. */
#include <string.h>

#include "core/base/json.h"
#include "data/charset.h"
#include "data/prep.h"

enum { MAX_ROUNDS = 4 };

/* The byte that a character was, or -1. */
static int latin_byte(uint32_t cp)
{
    if (cp >= 0x80 && cp < 0x100) return (int)cp;
    if (cp < 0x100) return -1;
    for (int i = 0; i < 32; i++)
        if (cp1252_upper[i] == cp) return 0x80 + i;
    return -1;
}

static int cyrillic_byte(uint32_t cp)
{
    if (cp >= 0x410 && cp <= 0x44F) return (int)(cp - 0x410 + 0xC0);
    for (int i = 0; i < 64; i++)
        if (cp1251_upper[i] == cp) return 0x80 + i;
    return -1;
}

struct found {
    uint32_t cp, first, last; /* what it was meant to be; the characters that stand for its first and last byte */
    size_t len;               /* bytes of the text it takes */
};

/* A UTF-8 sequence of two to four bytes, each written as a character, at s. */
static bool sequence(const char *s, size_t n, int (*byte)(uint32_t), struct found *f)
{
    char raw[4];
    size_t i = 0;
    int want = 1;
    for (int k = 0; k < want; k++) {
        uint32_t cp;
        int len = i < n ? utf8_decode(s + i, n - i, &cp) : 0;
        int b = len ? byte(cp) : -1;
        if (b < 0) return false;
        if (k == 0) {
            want = b >= 0xC2 && b < 0xE0 ? 2 : b >= 0xE0 && b < 0xF0 ? 3 : b >= 0xF0 && b < 0xF5 ? 4 : 0;
            if (!want) return false;
            f->first = cp;
        } else if ((b & 0xC0) != 0x80) {
            return false;
        }
        f->last = cp;
        raw[k] = (char)b;
        i += (size_t)len;
    }
    f->len = i;
    return utf8_decode(raw, (size_t)want, &f->cp) == want;
}

static bool is_upper(uint32_t cp)
{
    return (cp >= 'A' && cp <= 'Z') || (cp >= 0xC0 && cp <= 0xDE && cp != 0xD7);
}

static bool is_lower(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= 0xDF && cp <= 0xFF && cp != 0xF7);
}

/* Marks that may follow a letter in honest text. */
static bool is_closing(uint32_t cp)
{
    static const uint16_t marks[] = {0xA0,   0xAA,   0xAB,   0xAE,   0xB0,   0xB7,   0xBA,   0xBB,   0x2018, 0x2019,
                                     0x201A, 0x201C, 0x201D, 0x201E, 0x2020, 0x2021, 0x2022, 0x2013, 0x2014, 0x2026,
                                     0x2030, 0x2039, 0x203A, 0x2122, 0xAD,   0xB2,   0xB3,   0xB9,   0xA7};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (marks[i] == cp) return true;
    return false;
}

/* Letters that a run of two meant characters may come from. */
static bool is_common(uint32_t cp)
{
    return (cp >= 0xA0 && cp < 0x250) || (cp >= 0x2000 && cp < 0x2300) || cp == 0xFFFD || cp == 0xFEFF ||
           (cp >= 0xFB00 && cp < 0xFB07);
}

static bool is_control(uint32_t cp)
{
    return cp >= 0x80 && cp < 0xA0;
}

/* Does some byte of the sequence show as a character that no text holds? */
static bool holds_control(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        int k = utf8_decode(s + i, len - i, &cp);
        if (is_control(cp)) return true;
        i += (size_t)k;
    }
    return false;
}

/* Of those, marks that a lower-case letter never follows at once: no quotes, dashes, (R). */
static bool is_ending(uint32_t cp)
{
    return cp == 0xA7 || cp == 0xAA || cp == 0xAD || cp == 0xB2 || cp == 0xB3 || cp == 0xB9 || cp == 0xBA;
}

/* Ä Å and a closing mark: Polish and Baltic letters, if no unit (kÅ) or end of a quotation. */
static bool slavic(const struct found *f, uint32_t before, uint32_t after)
{
    if (!is_lower(before)) return false;
    if (f->last == 0x201A || f->last == 0x2122 || f->last == 0x203A) return true; /* low quote, TM, › */
    return is_lower(after) && (is_ending(f->last) || (f->last == 0x2026 && f->first == 0xC4));
}

/* The sequence f at s, between characters `before` and `after`: does nobody
 * write it?  `run` is how many sequences stand in a row here. */
static bool certain(const char *s, const struct found *f, uint32_t before, uint32_t after, int run)
{
    if (holds_control(s, f->len)) return f->cp >= 0xA0;
    uint32_t lead = f->first;
    if (f->cp < 0x80 || is_control(f->cp)) return false;
    if (lead < 0xE0) { /* two bytes: Â Ã Ä Å ... ß and one more */
        bool mid_word = is_lower(before) || is_lower(after);
        if (f->last == 0xA0 && lead < 0xC4) return !is_upper(before) && !is_lower(before);
        if (lead == 0xC2) /* Â in front of the symbol that is meant */
            return !is_upper(before) && (f->last == f->cp) && !(is_closing(f->last) && is_upper(after));
        if (lead == 0xC3)
            return !is_closing(f->last) || is_lower(before) ||
                   (is_lower(after) && (!is_upper(before) || is_ending(f->last)));
        if (lead == 0xC4 || lead == 0xC5)
            return run > 1 || (is_closing(f->last) ? slavic(f, before, after) : mid_word);
        return run > 2 && !is_closing(f->last); /* Greek, Cyrillic, Hebrew, Arabic: never one letter alone */
    }
    if (lead < 0xF0) { /* three bytes */
        if (is_common(f->cp)) return lead == 0xE2 || lead == 0xEF; /* quotes, dashes, symbols */
        if (lead == 0xE1 || lead == 0xE2) return run > 1 || !is_closing(f->last);
        return run > 1 && f->cp >= 0x900;
    }
    return f->cp >= 0x1F000 || (run > 1 && f->cp >= 0x10000); /* ð and three more: emoji */
}

static uint32_t char_at(const char *s, size_t n)
{
    uint32_t cp = 0;
    return n && utf8_decode(s, n, &cp) ? cp : 0;
}

static void put(struct buf *out, uint32_t cp)
{
    char c[4];
    buf_add(out, c, (size_t)utf8_encode(cp, c));
}

/* Bytes at s that are Cyrillic sequences and ASCII between them, with four in
 * a row, a quotation mark or a few within a Latin word somewhere; 0 if there are
 * none.  before: the character in front of s. */
static size_t passage(const char *s, size_t n, uint32_t before)
{
    struct found f;
    size_t i = 0, end = 0;
    bool in_word = false; /* did a small Latin letter stand before the row? */
    for (int row = 0, best = 0; i < n;) {
        if ((unsigned char)s[i] < 0x80) {
            before = (unsigned char)s[i];
            if (before == '\n') break;
            if (row && in_word && is_lower(before)) {
                best = 4;
                end = i;
            }
            row = 0;
            i++;
            continue;
        }
        if (!sequence(s + i, n - i, cyrillic_byte, &f)) break;
        if (row == 0) in_word = before < 0x80 && is_lower(before);
        i += f.len;
        if (++row > best) best = row;
        if (f.first == 0x432 && f.cp >= 0x2000 && f.cp < 0x2070) best = 4; /* вЂ: quotes and dashes */
        if (best >= 4) end = i;
    }
    return end;
}

static uint64_t undo_passage(const char *s, size_t n, struct buf *out)
{
    struct found f;
    uint64_t count = 0;
    for (size_t i = 0; i < n;) {
        if ((unsigned char)s[i] < 0x80) {
            buf_addc(out, s[i++]);
            continue;
        }
        sequence(s + i, n - i, cyrillic_byte, &f);
        put(out, f.cp);
        i += f.len;
        count++;
    }
    return count;
}

/* Sequences in a row at s, *len bytes of them; *lone: a character that may be
 * half of a sequence stands right beside them. */
static int run_length(const char *s, size_t n, uint32_t before, size_t *len, bool *lone)
{
    struct found f;
    int k = 0;
    *len = 0;
    while (*len < n && sequence(s + *len, n - *len, latin_byte, &f)) {
        *len += f.len;
        k++;
    }
    uint32_t after = char_at(s + *len, n - *len);
    *lone = (latin_byte(before) >= 0 && !is_closing(before)) || (latin_byte(after) >= 0 && !is_closing(after));
    return k;
}

/* Walks the sequences of a line; what to do with them is the caller's. */
struct walk {
    const char *s;
    size_t n, i, run_end;
    uint32_t before;
    int run;
    bool lone;
    struct found f;
};

/* The next sequence, at w->i; *strange: a character stood before it that is no
 * part of one.  false at the end of the line. */
static bool next_sequence(struct walk *w, bool *strange)
{
    while (w->i < w->n) {
        if ((unsigned char)w->s[w->i] < 0x80) {
            w->before = (unsigned char)w->s[w->i++];
            continue;
        }
        if (sequence(w->s + w->i, w->n - w->i, latin_byte, &w->f)) {
            if (w->i >= w->run_end) {
                size_t len;
                w->run = run_length(w->s + w->i, w->n - w->i, w->before, &len, &w->lone);
                w->run_end = w->i + len;
            }
            return true;
        }
        *strange = true;
        w->i += (size_t)utf8_decode(w->s + w->i, w->n - w->i, &w->before);
    }
    return false;
}

static bool is_certain(const struct walk *w)
{
    return (!w->lone || holds_control(w->s + w->i, w->f.len)) &&
           certain(w->s + w->i, &w->f, w->before, char_at(w->s + w->i + w->f.len, w->n - w->i - w->f.len), w->run);
}

/* A line whose characters beyond ASCII are UTF-8 sequences without exception,
 * three or some of them certain, is mojibake as a whole. */
static bool whole_line(const char *s, size_t n)
{
    struct walk w = {.s = s, .n = n};
    bool strange = false;
    int sequences = 0, sure = 0;
    for (; next_sequence(&w, &strange) && !strange; w.i += w.f.len) {
        sequences++;
        sure += is_certain(&w);
        w.before = 0;
    }
    return !strange && (sequences > 2 || (sequences > 1 && sure > 0));
}

static uint64_t latin_line(const char *s, size_t n, struct buf *out)
{
    struct walk w = {.s = s, .n = n};
    bool strange = false, all = whole_line(s, n);
    uint64_t repaired = 0;
    size_t from = 0;
    while (next_sequence(&w, &strange)) {
        if (!all && !is_certain(&w)) {
            w.i += (size_t)utf8_decode(s + w.i, n - w.i, &w.before);
            continue;
        }
        buf_add(out, s + from, w.i - from);
        put(out, w.f.cp);
        repaired++;
        w.before = 0; /* says nothing about what follows */
        w.i += w.f.len;
        from = w.i;
    }
    buf_add(out, s + from, n - from);
    return repaired;
}

/* Appends the line as it was meant; the number of characters repaired. */
static uint64_t line(const char *s, size_t n, struct buf *out)
{
    uint64_t repaired = 0;
    size_t from = 0;
    for (size_t i = 0; i < n;) {
        const char *p = memchr(s + i, 0xD0, n - i); /* Cyrillic: most letters begin with D0 */
        if (!p) break;
        i = (size_t)(p - s);
        size_t len = passage(s + i, n - i, i ? (unsigned char)s[i - 1] : 0);
        if (!len) {
            i++;
            continue;
        }
        repaired += latin_line(s + from, i - from, out);
        repaired += undo_passage(s + i, len, out);
        i += len;
        from = i;
    }
    return repaired + latin_line(s + from, n - from, out);
}

/* One pass; out is the whole text when something was repaired. */
static uint64_t pass(const char *s, size_t n, struct buf *out)
{
    uint64_t repaired = 0;
    size_t base = out->len, from = 0;
    for (size_t i = 0; i < n;) {
        const char *nl = memchr(s + i, '\n', n - i);
        size_t end = nl ? (size_t)(nl - s) : n, k = i;
        while (k < end && (unsigned char)s[k] < 0xC2)
            k++;
        if (k < end) {
            buf_add(out, s + from, i - from);
            repaired += line(s + i, end - i, out);
            from = end;
        }
        i = end + 1;
    }
    if (repaired) buf_add(out, s + from, n - from);
    else out->len = base;
    return repaired;
}

uint64_t prep_mojibake(const char *s, size_t n, struct buf *out)
{
    struct buf other = {0};
    size_t base = out->len;
    uint64_t all = pass(s, n, out);
    for (int round = 1, again = all > 0; again && round < MAX_ROUNDS; round++) {
        buf_clear(&other);
        again = pass(out->data + base, out->len - base, &other) > 0;
        if (!again) break;
        out->len = base;
        buf_add(out, other.data, other.len);
        out->oom |= other.oom;
    }
    buf_free(&other);
    return all;
}
