/* Compiled replacement rules: the way SentencePiece applies them, and the way
 * HF tokenizers does (by grapheme, the shortest rule), which differs. */
#include <string.h>
#include <utf8proc.h>

#include "core/token/norm_ages.h"
#include "core/token/normalize.h"
#include "core/token/unicode.h"

static const char space_symbol[] = "\xE2\x96\x81"; /* U+2581 */
static const char replacement_char[] = "\xEF\xBF\xBD";

/* ---- as HF tokenizers ---- */

enum { RULED = 6 }; /* bytes of a grapheme that is not looked up as a whole */

static size_t count_chars(const char *s, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; count++) i += uni_next((const uint8_t *)s + i, n - i).len;
    return count;
}

/* Characters go out one late, since what is removed after one changes it.
 * Reading runs ahead of io->pos, which only the changes move: what is removed
 * before the first character is not seen by them, as in HF tokenizers. */
struct held {
    uint32_t cp;
    int change;
    bool any;
};

static int put_held(struct norm_io *io, struct held *h, uint32_t cp, int change)
{
    int ret = h->any ? norm_put(io, h->cp, h->change) : 0;
    *h = (struct held){cp, change, true};
    return ret;
}

/* old_len bytes of the input become `to`. */
static int put_rule(struct norm_io *io, struct held *h, const char *old, size_t old_len, const char *to)
{
    size_t n = strlen(to), i = 0;
    size_t old_chars = count_chars(old, old_len), new_chars = count_chars(to, n);
    for (size_t k = 0; k < n; i++) {
        struct uni_char c = uni_next((const uint8_t *)to + k, n - k);
        if (put_held(io, h, c.cp, i >= old_chars)) return -1;
        k += c.len;
    }
    if (old_chars > new_chars && h->any) h->change -= (int)(old_chars - new_chars);
    return 0;
}

static size_t grapheme(const char *s, size_t n)
{
    utf8proc_int32_t state = 0;
    struct uni_char a = uni_next((const uint8_t *)s, n), b;
    size_t len = a.len;
    if (a.cp == UNI_BAD) return len;
    while (len < n) {
        b = uni_next((const uint8_t *)s + len, n - len);
        if (b.cp == UNI_BAD) break;
        if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)norm_grapheme_as(a.cp), (utf8proc_int32_t)norm_grapheme_as(b.cp), &state))
            break;
        len += b.len;
        a = b;
    }
    return len;
}

static int precompiled_chars(struct norm_io *io, struct held *h, const char *p, size_t n)
{
    const struct charsmap *m = io->step->map;
    for (size_t i = 0; i < n;) {
        const char *to;
        struct uni_char c = uni_next((const uint8_t *)p + i, n - i);
        if (charsmap_match(m, p + i, c.len, true, &to)) {
            if (put_rule(io, h, p + i, c.len, to)) return -1;
        } else if (put_held(io, h, c.cp, 0)) {
            return -1;
        }
        i += c.len;
    }
    return 0;
}

static bool has(const uint64_t *bits, uint32_t cp)
{
    return cp < NORM_SAME && (bits[cp >> 6] >> (cp & 63) & 1);
}

/* A character of two or three bytes, most often. */
static inline uint32_t char_at(const uint8_t *s, size_t n, size_t *len)
{
    *len = 1;
    if (s[0] < 0x80) return s[0];
    if (s[0] >= 0xC2 && s[0] < 0xE0 && n > 1 && uni_cont(s[1])) return *len = 2, (s[0] & 0x1Fu) << 6 | (s[1] & 0x3Fu);
    if (s[0] > 0xE0 && s[0] < 0xF0 && s[0] != 0xED && n > 2 && uni_cont(s[1]) && uni_cont(s[2]))
        return *len = 3, (s[0] & 0xFu) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
    struct uni_char c = uni_next(s, n);
    *len = c.len;
    return c.cp;
}

/* Behind the characters from `at` on that stay as they are and are a grapheme each, whatever
 * follows; *last: where the last of them begins. */
static size_t same_run(const struct norm_io *io, const struct norm_same *t, size_t at, size_t *last)
{
    const uint8_t *s = (const uint8_t *)io->in;
    size_t n = io->n, len = 0, next;
    for (uint32_t cp = at < n ? char_at(s + at, n - at, &len) : UNI_BAD, then; has(t->same, cp); cp = then, len = next) {
        while (cp < 0x80 && n - at > 1 && s[at + 1] < 0x80 && t->ascii[s[at + 1]] != NORM_NOT_ONE) *last = at++;
        next = 0;
        then = at + len < n ? char_at(s + at + len, n - at - len, &next) : UNI_BAD;
        if (at + len < n && !has(t->alone, then)) break;
        *last = at;
        at += len;
    }
    return at;
}

/* Bytes of the grapheme at s, or at least RULED of a longer one: rules are for shorter ones.  The characters of a
 * long one are each asked, which has to end soon. */
static size_t ruled_grapheme(const char *s, size_t n)
{
    enum { CHAR = 4 };
    return grapheme(s, n < RULED + CHAR - 1 ? n : RULED + CHAR - 1);
}

/* Whether any rule applies at all. */
static bool has_match(const struct norm_io *io, const struct norm_same *t)
{
    const char *to;
    size_t last;
    for (size_t i = 0; i < io->n;) {
        if (t && (i = same_run(io, t, i, &last)) == io->n) break;
        size_t len = uni_next((const uint8_t *)io->in + i, io->n - i).len, g = len;
        if (len > 1 || (i + 1 < io->n && (uint8_t)io->in[i + 1] >= 0x80)) g = ruled_grapheme(io->in + i, io->n - i);
        if (g < RULED && charsmap_match(io->step->map, io->in + i, g, true, &to)) return true;
        if (charsmap_match(io->step->map, io->in + i, len, true, &to)) return true;
        i += len;
    }
    return false;
}

/* What stays as it is at *at, but for its last character, which is held; not where reading runs ahead. */
static int copy_same(struct norm_io *io, const struct norm_same *t, struct held *h, size_t *at)
{
    size_t last = *at, end = same_run(io, t, *at, &last);
    if (end == *at) return 0;
    if (h->any && norm_put(io, h->cp, h->change)) return -1;
    h->any = false;
    if (io->pos != *at) return 0;
    if (norm_copy(io, last - *at)) return -1;
    h->cp = uni_next((const uint8_t *)io->in + last, io->n - last).cp;
    h->change = 0;
    h->any = true;
    *at = end;
    return 0;
}

int norm_precompiled(struct norm_io *io, bool *changed)
{
    const struct charsmap *m = io->step->map;
    const struct norm_same *t = norm_same(io);
    struct held h = {0, 0, false};
    if (!has_match(io, t)) return 0;
    *changed = true;
    for (size_t at = 0; at < io->n;) {
        if (t) {
            if (copy_same(io, t, &h, &at)) return -1;
            if (at == io->n) break;
        }
        const char *to, *p = io->in + at;
        size_t len = grapheme(p, io->n - at);
        if (len < RULED && charsmap_match(m, p, len, true, &to)) {
            if (put_rule(io, &h, p, len, to)) return -1;
        } else if (precompiled_chars(io, &h, p, len)) {
            return -1;
        }
        at += len;
    }
    return h.any ? norm_put(io, h.cp, h.change) : 0;
}

/* ---- as SentencePiece ---- */

/* What the input at pos becomes: *len bytes of it. */
static const char *prefix(const struct norm_io *io, size_t *len, size_t *n_out)
{
    const struct norm_step *st = io->step;
    const char *p = io->in + io->pos, *to;
    size_t left = io->n - io->pos;
    int32_t value;
    if (st->user && (*len = trie_longest(st->user, p, left, &value))) {
        *n_out = *len;
        return p;
    }
    if (st->map && (*len = charsmap_match(st->map, p, left, false, &to))) {
        *n_out = strlen(to);
        return to;
    }
    struct uni_char c = uni_next((const uint8_t *)p, left);
    *len = *n_out = c.len;
    if (c.cp != UNI_BAD) return p;
    *n_out = 3;
    return replacement_char;
}

static int put_spm(struct norm_io *io, const char *s, size_t n, size_t consumed)
{
    return norm_put_text(io, s, n, (struct norm_origin){consumed, consumed});
}

static int put_space(struct norm_io *io, size_t consumed)
{
    return put_spm(io, io->step->escape ? space_symbol : " ", io->step->escape ? 3 : 1, consumed);
}

/* s[0..n) with spaces escaped. */
static int put_escaped(struct norm_io *io, const char *s, size_t n)
{
    size_t done = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] != ' ' || !io->step->escape) continue;
        if (put_spm(io, s + done, i - done, io->pos) || put_space(io, io->pos)) return -1;
        done = i + 1;
    }
    return put_spm(io, s + done, n - done, io->pos);
}

static void drop_trailing(struct norm_io *io)
{
    struct buf *b = &io->to->text;
    size_t n = io->step->escape ? 3 : 1;
    const char *space = io->step->escape ? space_symbol : " ";
    while (b->len >= n && memcmp(b->data + b->len - n, space, n) == 0) {
        b->len -= n;
        if (io->w->want_origin) io->w->end = io->to->origin[b->len].begin;
    }
}

int norm_spm(struct norm_io *io)
{
    const struct norm_step *st = io->step;
    size_t len, n;
    io->w->end = 0;
    while (st->remove_extra && io->pos < io->n && !io->w->inner_first) {
        const char *s = prefix(io, &len, &n);
        if (n != 1 || *s != ' ') break;
        io->pos += len;
    }
    if (io->pos == io->n) return 0;
    if (st->dummy_prefix && !io->w->inner_first && put_space(io, io->pos)) return -1;
    bool after_space = st->remove_extra && !io->w->inner_first;
    while (io->pos < io->n) {
        const char *s = prefix(io, &len, &n);
        while (after_space && n && *s == ' ') s++, n--;
        if (n) {
            if (put_escaped(io, s, n)) return -1;
            after_space = s[n - 1] == ' ';
        }
        io->pos += len;
        if (!st->remove_extra) after_space = false;
    }
    io->w->end = io->pos;
    if (st->remove_extra && !io->w->inner_last) drop_trailing(io);
    return st->dummy_suffix && !io->w->inner_last ? put_space(io, io->w->end) : 0;
}
