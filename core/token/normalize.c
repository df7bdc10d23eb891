#include "core/token/normalize.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/unicode.h"

void norm_free(struct norm *w)
{
    buf_free(&w->text);
    buf_free(&w->chunk);
    free(w->origin);
    free(w->cp);
    free(w->tmp);
    free(w->at);
    memset(w, 0, sizeof *w);
}

static const utf8proc_property_t *property(uint32_t cp)
{
    return utf8proc_get_property((utf8proc_int32_t)cp);
}

/* Nothing before this character can combine with it. */
static bool starts_chunk(struct uni_char c)
{
    if (c.cp < 0x300 || c.cp == UNI_BAD) return true;
    if ((c.cp >= 0x1161 && c.cp <= 0x1175) || (c.cp >= 0x11A8 && c.cp <= 0x11C2)) return false;
    const utf8proc_property_t *p = property(c.cp);
    bool second = p->comb_index != UINT16_MAX && p->comb_index >= 0x8000;
    return p->combining_class == 0 && !second;
}

static bool decomposes(struct uni_char c)
{
    return c.cp >= 0xC0 && c.cp != UNI_BAD && property(c.cp)->decomp_seqindex != UINT16_MAX;
}

static int combining_class(uint32_t cp)
{
    return (int)property(cp)->combining_class;
}

/* Marks between two starters by rising class, equal ones in their order. */
static void order_marks(uint32_t *cp, uint32_t *tmp, size_t n)
{
    for (size_t i = 0; i < n;) {
        if (combining_class(cp[i]) == 0) {
            i++;
            continue;
        }
        size_t count[256] = {0}, end = i, sum = 0;
        for (; end < n && combining_class(cp[end]); end++) count[combining_class(cp[end])]++;
        for (int c = 0; c < 256; c++) {
            size_t here = count[c];
            count[c] = sum;
            sum += here;
        }
        for (size_t k = i; k < end; k++) tmp[count[combining_class(cp[k])]++] = cp[k];
        memcpy(cp + i, tmp, (end - i) * sizeof *cp);
        i = end;
    }
}

static int work_space(struct norm *w, size_t chars, struct err *e)
{
    if (chars <= w->cp_cap) return 0;
    free(w->cp);
    free(w->tmp);
    free(w->at);
    w->cp = mem_alloc(chars, sizeof *w->cp);
    w->tmp = mem_alloc(chars, sizeof *w->tmp);
    w->at = mem_alloc(chars + 1, sizeof *w->at);
    w->cp_cap = w->cp && w->tmp && w->at ? chars : 0;
    return w->cp_cap ? 0 : err_oom(e, chars * 16, "normalising");
}

static int put(struct norm *w, const char *bytes, size_t n, size_t begin, size_t end, struct err *e)
{
    if (w->want_origin) {
        if (w->text.len + n > w->origin_cap) {
            size_t cap = 2 * (w->text.len + n) + 64;
            struct norm_origin *p = mem_resize(w->origin, cap, sizeof *p);
            if (!p) return err_oom(e, cap * sizeof *p, "normalising");
            w->origin = p;
            w->origin_cap = cap;
        }
        for (size_t i = 0; i < n; i++)
            w->origin[w->text.len + i] = (struct norm_origin){begin, end};
    }
    buf_add(&w->text, bytes, n);
    return buf_ok(&w->text, e);
}

/* One starter and what combines with it, text[begin..end): composed into
 * w->chunk; w->at has where each character of the text began. */
static int compose(struct norm *w, const char *text, size_t begin, size_t end, size_t chars,
                   struct err *e)
{
    enum { MOST = 4 }; /* the longest canonical decomposition of one character */
    size_t n = 0, k = 0;
    buf_clear(&w->chunk);
    if (work_space(w, MOST * chars, e)) return -1;
    for (size_t pos = begin; pos < end; k++) {
        struct uni_char c = uni_next((const uint8_t *)text + pos, end - pos);
        int boundary = 0;
        utf8proc_int32_t out[MOST];
        utf8proc_ssize_t got = utf8proc_decompose_char((utf8proc_int32_t)c.cp, out, MOST,
                                                       UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
                                                       &boundary);
        for (utf8proc_ssize_t i = 0; i < got && i < MOST; i++) w->cp[n++] = (uint32_t)out[i];
        w->at[k] = pos;
        pos += c.len;
    }
    w->at[k] = end;
    order_marks(w->cp, w->tmp, n);
    utf8proc_ssize_t m = utf8proc_normalize_utf32((utf8proc_int32_t *)w->cp, (utf8proc_ssize_t)n,
                                                  UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    w->n_in = k;
    w->n_out = m > 0 ? (size_t)m : 0;
    for (size_t i = 0; i < w->n_out; i++) {
        char bytes[4];
        int len = utf8_encode(w->cp[i], bytes);
        buf_add(&w->chunk, bytes, (size_t)len);
    }
    return buf_ok(&w->chunk, e);
}

/* The first character out stands for all that went into it. */
static int put_chunk(struct norm *w, struct err *e)
{
    for (size_t i = 0, pos = 0; i < w->n_out; i++) {
        size_t from = i && i + w->n_in > w->n_out ? i + w->n_in - w->n_out : 0;
        struct uni_char c = uni_next((const uint8_t *)w->chunk.data + pos, w->chunk.len - pos);
        if (put(w, w->chunk.data + pos, c.len, w->at[from], w->at[from + 1], e)) return -1;
        pos += c.len;
    }
    return 0;
}

/* Text that is its own normal form. */
static int put_same(struct norm *w, const char *text, size_t begin, size_t end, struct err *e)
{
    if (!w->want_origin) return put(w, text + begin, end - begin, begin, end, e);
    for (size_t i = begin; i < end;) {
        struct uni_char c = uni_next((const uint8_t *)text + i, end - i);
        if (put(w, text + i, c.len, i, i + c.len, e)) return -1;
        i += c.len;
    }
    return 0;
}

/* End of the chunk that begins at pos: a character and the marks after it. */
static size_t chunk_end(const uint8_t *s, size_t n, size_t pos, size_t *chars)
{
    *chars = 1;
    while (pos < n && s[pos] >= 0xCC) { /* U+0300 is the first that combines */
        struct uni_char c = uni_next(s + pos, n - pos);
        if (starts_chunk(c)) break;
        pos += c.len;
        ++*chars;
    }
    return pos;
}

int norm_apply(struct norm *w, enum norm_kind kind, const char *text, size_t n, struct err *e)
{
    const uint8_t *s = (const uint8_t *)text;
    size_t done = 0, chars; /* text[0..done) has been put; after it nothing changed so far */
    bool changed = false;
    if (kind == NORM_NONE) return 0;
    buf_clear(&w->text);
    for (size_t pos = 0, end; pos < n; pos = end) {
        struct uni_char c = uni_next(s + pos, n - pos);
        end = chunk_end(s, n, pos + c.len, &chars);
        if (chars == 1 && !decomposes(c)) continue;
        if (compose(w, text, pos, end, chars, e)) return -1;
        if (w->chunk.len == end - pos && memcmp(w->chunk.data, text + pos, end - pos) == 0) continue;
        if (put_same(w, text, done, pos, e) || put_chunk(w, e)) return -1;
        done = end;
        changed = true;
    }
    if (changed && put_same(w, text, done, n, e)) return -1;
    return changed;
}
