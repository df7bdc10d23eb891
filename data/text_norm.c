#include "data/text_norm.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/doc_scan.h"
#include "data/text_settled.h"

/* Code points that may stand in a text of normal form C whatever surrounds
 * them: starters that are their own normal form and never join what precedes
 * them.  Below 0x300 all are. */
enum { NFC_LIMIT = 0x30000 };
static uint8_t *nfc_safe; /* bits */

static void mark_unsafe(uint32_t c)
{
    nfc_safe[c >> 3] = (uint8_t)(nfc_safe[c >> 3] & ~(1u << (c & 7)));
}

/* Ranges without marks and without anything that is put together or taken apart, but for Hangul
 * syllables: ideographs and other large scripts, surrogates, private use.  The last ends it. */
static const struct range {
    uint32_t first, last;
} plain_ranges[] = {{0x3400, 0xA66E},   {0xAC00, 0xD7A3},   {0xD800, 0xF8FF},         {0x12000, 0x143FF},
                    {0x17000, 0x1BC9D}, {0x20000, 0x2F7FF}, {0x2FA20, NFC_LIMIT - 1}, {NFC_LIMIT, 0}};

static void build_nfc(void)
{
    const struct range *plain = plain_ranges;
    nfc_safe = mem_alloc(NFC_LIMIT / 8, 1);
    if (!nfc_safe) return;
    memset(nfc_safe, 0xff, NFC_LIMIT / 8);
    for (uint32_t c = 0xC0; c < NFC_LIMIT; c++) {
        if (c == plain->first) { /* safe as they are; parts of Hangul syllables are not: */
            c = plain++->last;
            continue;
        }
        if ((c >= 0x1160 && c < 0x1176) || (c >= 0x11A7 && c < 0x11C3)) mark_unsafe(c);
        utf8proc_int32_t d[16];
        int last = 0;
        utf8proc_ssize_t n =
            utf8proc_decompose_char((utf8proc_int32_t)c, d, 16, UTF8PROC_DECOMPOSE, &last);
        if (utf8proc_get_property((utf8proc_int32_t)c)->combining_class) mark_unsafe(c);
        if (n < 1 || n > 16 || (n == 1 && d[0] == (utf8proc_int32_t)c)) continue;
        for (utf8proc_ssize_t i = 1; i < n; i++)
            if (d[i] > 0 && d[i] < NFC_LIMIT) mark_unsafe((uint32_t)d[i]);
        utf8proc_ssize_t m = utf8proc_normalize_utf32(d, n, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
        if (m != 1 || d[0] != (utf8proc_int32_t)c) mark_unsafe(c);
    }
}

static inline bool is_safe(uint32_t cp)
{
    return cp < 0x300 || (cp < NFC_LIMIT && nfc_safe[cp >> 3] >> (cp & 7) & 1);
}

static int normal_form(struct buf *out, const char *s, size_t n, bool compat, struct err *e)
{
    utf8proc_uint8_t *made = NULL;
    utf8proc_ssize_t len = utf8proc_map(
        (const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &made,
        (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE | (compat ? UTF8PROC_COMPAT : 0)));
    if (len == UTF8PROC_ERROR_NOMEM) return err_oom(e, n * 8, "the normal form of a text");
    if (len < 0) return err_set(e, ERR_INTERNAL, "normal form: %s", utf8proc_errmsg(len));
    buf_add(out, made, (size_t)len);
    free(made);
    return 0;
}

/* The normal form of s[from, to), of which out has what is before it; nothing of either while all
 * is as it was. */
static int compose_stretch(const char *s, size_t done, size_t from, size_t to, struct buf *out, bool *changed,
                           struct err *e)
{
    if (*changed) buf_add(out, s + done, from - done);
    size_t at = out->len;
    if (normal_form(out, s + from, to - from, false, e) || buf_ok(out, e)) return -1;
    if (*changed) return 0;
    if (out->len - at == to - from && memcmp(out->data + at, s + from, to - from) == 0) {
        out->len = at;
        return 0;
    }
    if (!buf_reserve(out, from)) return buf_ok(out, e);
    memmove(out->data + from, out->data, out->len); /* the first that differs */
    memcpy(out->data, s, from);
    out->len += from;
    *changed = true;
    return 0;
}

/* Only stretches around unsafe characters go through the slow function; the first `settled`
 * bytes hold none. */
static int compose(const char *s, size_t n, size_t settled, struct buf *out, bool *changed, struct err *e)
{
    size_t done = 0, safe_at = 0; /* copied up to done, if anything is; the last safe character */
    *changed = false;
    buf_clear(out);
    for (size_t i = 0; i < n; settled = 0) {
        if (!settled) settled = text_settled(s + i, n - i);
        if (settled) {
            i += settled;
            safe_at = i - 1;
            while (((unsigned char)s[safe_at] & 0xc0) == 0x80)
                safe_at--;
            if (i == n) break;
        }
        uint32_t cp = 0;
        int k = utf8_decode(s + i, n - i, &cp);
        if (k < 1) return err_set(e, ERR_INTERNAL, "normal form of invalid UTF-8");
        if (is_safe(cp)) {
            safe_at = i;
            i += (size_t)k;
            continue;
        }
        size_t from = safe_at < done ? done : safe_at;
        while (i < n) {
            k = utf8_decode(s + i, n - i, &cp);
            if (k < 1 || (is_safe(cp) && i > from)) break;
            i += (size_t)k;
        }
        if (compose_stretch(s, done, from, i, out, changed, e)) return -1;
        done = i;
    }
    if (*changed) buf_add(out, s + done, n - done);
    return buf_ok(out, e);
}

/* Is there anything that is not plain ASCII text? */
static size_t plain_prefix(const char *s, size_t n)
{
    size_t i = 0;
#if defined(__SSE2__)
    const __m128i lo = _mm_set1_epi8(0x1f), nl = _mm_set1_epi8('\n'), tab = _mm_set1_epi8('\t'),
                  del = _mm_set1_epi8(0x7f);
    for (; n - i >= 16; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
        __m128i fine = _mm_or_si128(_mm_cmpgt_epi8(x, lo),
                                    _mm_or_si128(_mm_cmpeq_epi8(x, nl), _mm_cmpeq_epi8(x, tab)));
        fine = _mm_andnot_si128(_mm_cmpeq_epi8(x, del), fine);
        if (_mm_movemask_epi8(fine) != 0xffff) break;
    }
#endif
    for (; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x7f || (c < 0x20 && c != '\n' && c != '\t')) return i;
    }
    return n;
}

/* How many bytes at s are to go; *nl when a newline takes their place. */
static size_t unwanted(const char *s, size_t n, bool *nl)
{
    unsigned char c = (unsigned char)s[0];
    *nl = c == '\r';
    if (c == '\r') return n > 1 && s[1] == '\n' ? 2 : 1;
    if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) return 1;
    if (c == 0xc2 && n > 1 && (unsigned char)s[1] < 0xa0) {
        *nl = (unsigned char)s[1] == 0x85;
        return 2;
    }
    return c == 0xef && n > 2 && memcmp(s, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* The first `settled` bytes are wanted. */
static void drop_unwanted(const char *s, size_t n, size_t settled, struct buf *out, bool *changed)
{
    size_t from = 0;
    *changed = false;
    buf_clear(out);
    for (size_t i = settled; i < n;) {
        i += text_settled(s + i, n - i);
        if (i == n) break;
        bool nl;
        size_t k = unwanted(s + i, n - i, &nl);
        if (!k) {
            i++;
            while (i < n && (unsigned char)s[i] >= 0x80 && s[i] != '\xc2' && s[i] != '\xef')
                i++;
            continue;
        }
        *changed = true;
        buf_add(out, s + from, i - from);
        if (nl) buf_addc(out, '\n');
        i += k;
        from = i;
    }
    if (*changed) buf_add(out, s + from, n - from);
}

int text_norm_run(struct text_norm *t, const char *text, size_t n, const char **out, size_t *out_n,
                  struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    *out = text;
    *out_n = n;
    if (t->form == TEXT_AS_IS) return 0;
    size_t settled = t->form == TEXT_NFC ? text_settled(text, n) : plain_prefix(text, n);
    if (settled == n) return 0;
    bool changed;
    drop_unwanted(text, n, settled, &t->a, &changed);
    if (changed) {
        *out = t->a.data;
        *out_n = t->a.len;
    }
    if (buf_ok(&t->a, e)) return -1;
    if (t->form == TEXT_NFKC) {
        buf_clear(&t->b);
        if (normal_form(&t->b, *out, *out_n, true, e) || buf_ok(&t->b, e)) return -1;
        changed = t->b.len != *out_n || (t->b.len && memcmp(t->b.data, *out, *out_n) != 0);
    } else {
        pthread_once(&once, build_nfc);
        if (!nfc_safe) return err_oom(e, NFC_LIMIT / 8, "the table of normal form C");
        if (compose(*out, *out_n, settled, &t->b, &changed, e)) return -1;
    }
    if (changed) {
        *out = buf_text(&t->b);
        *out_n = t->b.len;
    }
    return 0;
}

void text_norm_free(struct text_norm *t)
{
    buf_free(&t->a);
    buf_free(&t->b);
}
