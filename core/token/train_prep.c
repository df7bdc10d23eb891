#include "core/token/train_prep.h"

#include <string.h>

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

static bool has_child(const struct charsmap *m, size_t base, unsigned c, size_t *child)
{
    size_t at = base ^ c;
    if (at >= m->n_units || (m->unit[at] & 0x800000FF) != c) return false;
    uint32_t u = m->unit[at];
    *child = at ^ (size_t)(u >> 10) << ((u & 512) >> 6);
    return true;
}

/* Does a rule begin with the character c alone, or with c and another ASCII one? */
static bool rule_begins(const struct charsmap *m, unsigned c)
{
    uint32_t u = m->unit[0];
    size_t base = (size_t)(u >> 10) << ((u & 512) >> 6), child, ignored;
    if (!has_child(m, base, c, &child)) return false;
    if (m->unit[base ^ c] >> 8 & 1) return true;
    for (unsigned d = 1; d < 128; d++)
        if (has_child(m, child, d, &ignored)) return true;
    return false;
}

void prep_sp_init(struct prep_sp *p, const struct charsmap *map)
{
    p->map = map;
    for (unsigned c = 0; c < 128; c++) p->plain[c] = c > ' ' && !(map && rule_begins(map, c));
}

static void put_normal(const struct prep_sp *p, struct buf *out, const char *s, size_t n,
                       bool *after_space)
{
    while (!p->keep_spaces && *after_space && n && *s == ' ') s++, n--;
    if (!n) return;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == ' ') buf_add(out, space_mark, 3);
        else buf_addc(out, s[i]);
    }
    *after_space = s[n - 1] == ' ';
}

static bool ends_with(const struct buf *b, const char *s, size_t n)
{
    return b->len >= n && memcmp(b->data + b->len - n, s, n) == 0;
}

/* A line in normal form, into *out (empty when nothing is left). */
static void normalise(const struct prep_sp *p, const char *s, size_t n, struct buf *out)
{
    bool after_space = !p->keep_spaces, begun = false;
    size_t used, len;
    buf_clear(out);
    for (size_t i = 0; i < n; i += used) {
        const char *to;
        uint8_t c = (uint8_t)s[i], next = i + 1 < n ? (uint8_t)s[i + 1] : 0;
        if (begun && c < 128 && next < 128 && p->plain[c]) {
            buf_addc(out, (char)c);
            after_space = false;
            used = 1;
            continue;
        }
        to = normal_prefix(p, s + i, n - i, &used, &len);
        if (!begun && !p->keep_spaces && len == 1 && *to == ' ') continue;
        if (!begun) {
            begun = true;
            buf_add(out, space_mark, 3);
        }
        put_normal(p, out, to, len, &after_space);
    }
    while (!p->keep_spaces && ends_with(out, space_mark, 3)) out->len -= 3;
}

/* Texts of control and user-defined tokens become a character that no piece holds. */
static void cut_meta(const struct prep_sp *p, struct buf *b)
{
    size_t out = 0;
    for (size_t i = 0; i < b->len;) {
        size_t best = 0;
        for (size_t k = 0; k < p->n_meta; k++) {
            if (b->data[i] != p->meta[k][0]) continue;
            size_t n = strlen(p->meta[k]);
            if (n > best && n <= b->len - i && memcmp(b->data + i, p->meta[k], n) == 0) best = n;
        }
        b->data[out++] = best ? SP_BOUNDARY : b->data[i];
        i += best ? best : 1;
    }
    b->len = out;
}

static bool is_space(const char *s, size_t left)
{
    return left >= 3 && memcmp(s, space_mark, 3) == 0;
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
    for (; i < b->len; i++) {
        const char *next = memchr(b->data + i, space_mark[0], b->len - i);
        if (!next) return b->len;
        i = (size_t)(next - b->data);
        if (is_space(next, b->len - i)) return i;
    }
    return b->len;
}

static int add_sentence(const struct prep_sp *p, struct word_table *words, struct buf *b,
                        struct prep_count *count, struct err *e)
{
    if (memmem(b->data, b->len, unk_mark, 3)) return 0; /* reserved */
    count->sentences++;
    buf_addc(b, '\n');
    if (buf_ok(b, e)) return -1;
    b->len--;
    for (size_t at = 0, end; at < b->len; at = end) {
        end = word_end(p, b, at);
        size_t n = end - at + (end == b->len);
        count->words++;
        if (end == b->len) {
            buf_clear(&count->final);
            count->final_order = count->order;
            buf_add(&count->final, b->data + at, end - at);
        }
        if (!word_table_add(words, (const uint8_t *)b->data + at, n, b->len + 1 - at, 1))
            return err_oom(e, words->cap * sizeof *words->v, "counting words");
    }
    return 0;
}

int prep_sp_add(const struct prep_sp *p, struct word_table *words, struct buf *work,
                const char *text, size_t n, struct prep_count *count, struct err *e)
{
    for (size_t at = 0, end; at < n; at = end + 1) {
        const char *nl = memchr(text + at, '\n', n - at);
        end = nl ? (size_t)(nl - text) : n;
        size_t len = end - at;
        if (p->max_bytes && len > p->max_bytes) {
            count->too_long++;
            continue;
        }
        normalise(p, text + at, len, work);
        if (p->n_meta) cut_meta(p, work);
        if (buf_ok(work, e)) return -1;
        if (work->len && add_sentence(p, words, work, count, e)) return -1;
    }
    return 0;
}
