#include "core/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->data) b->data[0] = '\0';
}

bool buf_reserve(struct buf *b, size_t extra)
{
    size_t need;
    if (b->oom) return false;
    if (!ck_add(b->len, extra, &need) || !ck_add(need, 1, &need)) {
        b->oom = true;
        return false;
    }
    if (need <= b->cap) return true;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        if (!ck_mul(cap, 2, &cap)) {
            cap = need;
            break;
        }
    char *p = mem_resize(b->data, cap, 1);
    if (!p) {
        b->oom = true;
        return false;
    }
    b->data = p;
    b->cap = cap;
    return true;
}

bool buf_renew(struct buf *b, size_t n)
{
    if (b->cap <= n) buf_free(b);
    buf_clear(b);
    return buf_reserve(b, n);
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    if (!buf_reserve(b, n)) return;
    if (n) memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_addc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0 && buf_reserve(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

/* Copies to the next character that JSON escapes, or to the end; how many.  `to` has 16 bytes more than that. */
static size_t copy_plain(char *to, const char *s, size_t n)
{
    size_t i = 0;
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), last = _mm_set1_epi8(0x1f), del = _mm_set1_epi8(0x7f);
    for (; n - i >= 16; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash));
        hit = _mm_or_si128(hit, _mm_or_si128(_mm_cmpeq_epi8(x, del), _mm_cmpeq_epi8(_mm_min_epu8(x, last), x)));
        _mm_storeu_si128((__m128i *)(void *)(to + i), x);
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask) return i + (size_t)__builtin_ctz(mask);
    }
#endif
    for (; i < n && (unsigned char)s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' && s[i] != 0x7f; i++) to[i] = s[i];
    return i;
}

static size_t put_escape(char to[6], char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_forms[128] = {['"'] = '"', ['\\'] = '\\', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['\b'] = 'b', ['\f'] = 'f'};
    to[0] = '\\';
    to[1] = short_forms[c & 127];
    if (to[1]) return 2;
    memcpy(to + 1, "u00", 3);
    to[4] = hex[c >> 4 & 15];
    to[5] = hex[c & 15];
    return 6;
}

void buf_add_json(struct buf *b, const char *s, size_t n)
{
    enum { ROOM = 16 + 6 };
    buf_addc(b, '"');
    for (size_t i = 0; i < n && buf_reserve(b, n - i + ROOM);) {
        size_t plain = copy_plain(b->data + b->len, s + i, n - i);
        b->len += plain;
        i += plain;
        if (i < n) b->len += put_escape(b->data + b->len, s[i++]);
    }
    buf_addc(b, '"');
}

void buf_adds_json(struct buf *b, const char *s)
{
    if (s) buf_add_json(b, s, strlen(s));
    else buf_adds(b, "null");
}

void buf_add_html(struct buf *b, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        switch (s[i]) {
        case '&': buf_adds(b, "&amp;"); break;
        case '<': buf_adds(b, "&lt;"); break;
        case '>': buf_adds(b, "&gt;"); break;
        case '"': buf_adds(b, "&quot;"); break;
        case '\'': buf_adds(b, "&#39;"); break;
        default: buf_addc(b, s[i]);
        }
    }
}

char *buf_steal(struct buf *b)
{
    if (!b->data && !b->oom) (void)buf_reserve(b, 0);
    if (b->oom) {
        buf_free(b);
        return NULL;
    }
    if (b->len == 0) b->data[0] = '\0';
    char *p = b->data;
    *b = (struct buf){0};
    return p;
}

int buf_ok(const struct buf *b, struct err *e)
{
    return b->oom ? err_oom(e, b->cap, "a text buffer") : 0;
}
