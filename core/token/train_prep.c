#include "core/token/train_prep.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/token/train_sp.h"
#include "core/token/unicode.h"

static const char space_mark[] = "\xE2\x96\x81", unk_mark[] = "\xE2\x96\x85";

/* What s begins with, normalised; *used = bytes of s that it stands for. */
static const char *normal_prefix(const struct prep_sp *p, const char *s, size_t n, size_t *used,
                                 size_t *len)
{
    const char *to;
    size_t k = p->map ? charsmap_match(p->map, s, n, false, &to) : 0;
    if (k) {
        *used = k;
        *len = strlen(to);
        return to;
    }
    struct uni_char u = uni_next((const uint8_t *)s, n);
    *used = u.len;
    *len = u.cp == UNI_BAD ? 3 : u.len;
    return u.cp == UNI_BAD ? "\xEF\xBF\xBD" : s;
}

/* ---- which characters no rule begins with ---- */

/* Does a rule begin with the character c alone, or with c and another ASCII one? */
static bool rule_begins(const struct charsmap *m, uint8_t c)
{
    size_t at = charsmap_root(m);
    bool ends;
    if (!charsmap_step(m, &at, c, &ends)) return false;
    for (uint8_t d = 1; d < 128 && !ends; d++) {
        size_t next = at;
        bool ignored;
        if (charsmap_step(m, &next, d, &ignored)) return true;
    }
    return ends;
}

/* May a rule begin with this character, or with some of its bytes? */
static bool may_begin(const struct charsmap *m, uint32_t cp)
{
    char bytes[4];
    size_t at = charsmap_root(m);
    bool ends = false;
    int n = utf8_encode(cp, bytes);
    for (int i = 0; i < n && !ends; i++)
        if (!charsmap_step(m, &at, (uint8_t)bytes[i], &ends)) return false;
    return true;
}

void prep_sp_init(struct prep_sp *p, const struct charsmap *map)
{
    p->map = map;
    for (uint8_t c = 0; c < 128; c++) p->plain[c] = c > ' ' && !(map && rule_begins(map, c));
    for (uint32_t cp = 1; map && cp < 0x10000; cp++)
        if (may_begin(map, cp)) p->rules[cp / 64] |= (uint64_t)1 << cp % 64;
    for (size_t i = 0; i < p->n_meta; i++) {
        p->meta_first[(uint8_t)p->meta[i][0]] = true;
        p->meta_only = i == 0 || p->meta_only == p->meta[i][0] ? p->meta[i][0] : 0;
    }
}

static bool untouched(const struct prep_sp *p, uint32_t cp)
{
    return !p->map || (cp < 0x10000 && !(p->rules[cp / 64] >> cp % 64 & 1));
}

/* ---- a line in normal form ---- */

enum { ROOM = 1 << 16 }; /* bytes of text that there is room for at a time */

struct line {
    const struct prep_sp *p;
    const char *s;
    size_t n, at;
    struct buf *out;
    bool after_space, reserved; /* reserved: it has a character that is none of a text's */
};

static void put_normal(struct line *l, const char *s, size_t n)
{
    while (l->after_space && n && *s == ' ') s++, n--;
    if (!n) return;
    if (memmem(s, n, unk_mark, 3)) l->reserved = true;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == ' ') buf_add(l->out, space_mark, 3);
        else buf_addc(l->out, s[i]);
    }
    l->after_space = s[n - 1] == ' ' && !l->p->keep_spaces;
}

/* What a rule may change. */
static void put_ruled(struct line *l)
{
    size_t used, len;
    const char *to = normal_prefix(l->p, l->s + l->at, l->n - l->at, &used, &len);
    put_normal(l, to, len);
    l->at += used;
}

/* Up to the next place where a rule may apply, but not far beyond `stop`.  There is room. */
static void put_plain(struct line *l, size_t stop)
{
    const struct prep_sp *p = l->p;
    const uint8_t *s = (const uint8_t *)l->s;
    char *to = l->out->data + l->out->len;
    size_t i = l->at, n = l->n;
    bool after_space = l->after_space;
    while (i < stop) {
        uint8_t c = s[i];
        if (c < 128 && p->plain[c] && (i + 1 == n || s[i + 1] < 128)) {
            *to++ = (char)c;
            i++;
            after_space = false;
            continue;
        }
        struct uni_char u = uni_next_inline(s + i, n - i);
        if (u.cp == UNI_BAD || !untouched(p, u.cp)) break;
        if (u.cp == SP_UNK) l->reserved = true;
        if (u.cp == ' ') {
            if (!after_space) memcpy(to, space_mark, 3), to += 3;
            after_space = !p->keep_spaces;
            i++;
            continue;
        }
        for (unsigned k = 0; k < u.len; k++) *to++ = (char)s[i + k];
        i += u.len;
        after_space = false;
    }
    l->out->len = (size_t)(to - l->out->data);
    l->after_space = after_space;
    l->at = i;
}

static bool ends_with(const struct buf *b, size_t from, const char *s, size_t n)
{
    return b->len - from >= n && memcmp(b->data + b->len - n, s, n) == 0;
}

/* Goes behind what there is in l->out; nothing, if nothing is left of the line. */
static bool normalise(struct line *l)
{
    const struct prep_sp *p = l->p;
    size_t from = l->out->len, used, len;
    while (!p->keep_spaces && l->at < l->n) {
        const char *to = normal_prefix(p, l->s + l->at, l->n - l->at, &used, &len);
        if (len != 1 || *to != ' ') break;
        l->at += used;
    }
    if (l->at == l->n) return true;
    if (!p->no_prefix) buf_add(l->out, space_mark, 3);
    l->after_space = !p->keep_spaces;
    while (l->at < l->n) {
        size_t stop = l->n - l->at > ROOM ? l->at + ROOM : l->n;
        if (!buf_reserve(l->out, 3 * (stop - l->at) + 16)) return false;
        put_plain(l, stop);
        if (l->at < stop) put_ruled(l);
    }
    while (!p->keep_spaces && ends_with(l->out, from, space_mark, 3)) l->out->len -= 3;
    return !l->out->oom;
}

/* Texts of control and user-defined tokens become a character that no piece holds. */
static void cut_meta(const struct prep_sp *p, struct buf *b, size_t from)
{
    size_t i = from;
    const char *first = p->meta_only ? memchr(b->data + i, p->meta_only, b->len - i) : b->data + i;
    if (!first) return;
    for (i = (size_t)(first - b->data); i < b->len && !p->meta_first[(uint8_t)b->data[i]];) i++;
    size_t out = i;
    while (i < b->len) {
        size_t best = 0;
        for (size_t k = 0; p->meta_first[(uint8_t)b->data[i]] && k < p->n_meta; k++) {
            if (b->data[i] != p->meta[k][0]) continue;
            size_t n = strlen(p->meta[k]);
            if (n > best && n <= b->len - i && memcmp(b->data + i, p->meta[k], n) == 0) best = n;
        }
        b->data[out++] = best ? SP_BOUNDARY : b->data[i];
        i += best ? best : 1;
    }
    b->len = out;
}

/* ---- words ---- */

static bool is_space(const char *s, size_t left)
{
    return left >= 3 && memcmp(s, space_mark, 3) == 0;
}

/* Where the next byte that a U+2581 begins with is, or n. */
static size_t next_mark(const char *s, size_t i, size_t n)
{
    const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    for (uint64_t x; i + 8 <= n; i += 8) {
        memcpy(&x, s + i, 8);
        x ^= ones * 0xE2; /* the mark's become 0 */
        x = (x - ones) & ~x & high;
        if (x) return i + (size_t)__builtin_ctzll(x) / 8;
    }
    while (i < n && s[i] != space_mark[0]) i++;
    return i;
}

/* Where the word that begins at `at` ends. */
static size_t word_end(const struct prep_sp *p, const struct buf *b, size_t at)
{
    size_t i = at;
    if (!p->split_space) return b->len;
    if (p->space_only)
        while (is_space(b->data + i, b->len - i)) i += 3;
    else if (is_space(b->data + i, b->len - i))
        i += 3;
    for (; (i = next_mark(b->data, i, b->len)) < b->len; i++)
        if (is_space(b->data + i, b->len - i)) return i;
    return b->len;
}

/* Words of some lines, to be added at once. */
struct batch {
    struct buf *text;
    size_t begin[WORD_BATCH], end[WORD_BATCH], n;
};

static int add_batch(struct batch *b, struct word_table *words, struct err *e)
{
    if (!buf_reserve(b->text, 16)) return buf_ok(b->text, e);
    memset(b->text->data + b->text->len, 0, 16); /* a word's bytes are read by sixteens */
    if (!word_table_add_parts(words, (const uint8_t *)b->text->data, b->text->len + 16, b->begin, b->end, b->n, SIZE_MAX))
        return err_oom(e, words->cap * sizeof *words->v, "counting words");
    b->n = 0;
    return 0;
}

/* A sentence that begins at `from`, and its last word, with the end of the sentence. */
static bool note_sentence(const struct prep_sp *p, struct prep_count *count, const struct buf *text, size_t from, size_t last)
{
    uint64_t hash = hash64(text->data + last, text->len - last);
    struct uni_char u = uni_next((const uint8_t *)text->data + from, text->len - from);
    if (!p->ordered) sentence_log_trim(&count->log);
    return sentence_log_add(&count->log, count->order, hash, u.cp);
}

/* The line that begins at `from` in the text. */
static int add_sentence(const struct prep_sp *p, struct word_table *words, struct batch *b, size_t from,
                        struct prep_count *count, struct err *e)
{
    count->sentences++;
    for (size_t at = from, end; at < b->text->len; at = end) {
        end = word_end(p, b->text, at);
        count->words++;
        b->begin[b->n] = at;
        b->end[b->n] = end;
        if (end == b->text->len) {
            buf_addc(b->text, '\n');
            end = b->end[b->n] = b->text->len;
            if (!note_sentence(p, count, b->text, from, at)) return err_oom(e, count->log.n * sizeof *count->log.v, "sentences");
        }
        if (++b->n == WORD_BATCH && add_batch(b, words, e)) return -1;
    }
    return buf_ok(b->text, e);
}

static int add_lines(const struct prep_sp *p, struct word_table *words, struct batch *b, const char *text, size_t n,
                     struct prep_count *count, struct err *e)
{
    for (size_t at = 0, end; at < n; at = end + 1) {
        const char *nl = memchr(text + at, '\n', n - at);
        end = nl ? (size_t)(nl - text) : n;
        if (p->max_bytes && end - at > p->max_bytes) {
            count->too_long++;
            continue;
        }
        if (b->n == 0) buf_clear(b->text); /* nothing points into it */
        size_t from = b->text->len;
        struct line l = {.p = p, .s = text + at, .n = end - at, .out = b->text};
        if (!normalise(&l)) return buf_ok(b->text, e);
        if (p->n_meta) cut_meta(p, b->text, from);
        if (l.reserved) b->text->len = from;
        else if (b->text->len > from) {
            if (add_sentence(p, words, b, from, count, e)) return -1;
        } else if (end > at) {
            count->empty++;
            if (!p->ordered) sentence_log_trim(&count->log);
            if (!sentence_log_add(&count->log, count->order, 0, SENTENCE_EMPTY)) return err_oom(e, count->log.n * sizeof *count->log.v, "sentences");
        }
    }
    return 0;
}

int prep_sp_add(const struct prep_sp *p, struct word_table *words, struct buf *work,
                const char *text, size_t n, struct prep_count *count, struct err *e)
{
    struct batch b = {.text = work};
    buf_clear(work);
    return add_lines(p, words, &b, text, n, count, e) || add_batch(&b, words, e) ? -1 : 0;
}
