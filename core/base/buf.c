#include "core/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

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

void buf_add_json(struct buf *b, const char *s, size_t n)
{
    buf_addc(b, '"');
    size_t start = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) continue;
        buf_add(b, s + start, i - start);
        start = i + 1;
        switch (c) {
        case '"': buf_adds(b, "\\\""); break;
        case '\\': buf_adds(b, "\\\\"); break;
        case '\n': buf_adds(b, "\\n"); break;
        case '\r': buf_adds(b, "\\r"); break;
        case '\t': buf_adds(b, "\\t"); break;
        case '\b': buf_adds(b, "\\b"); break;
        case '\f': buf_adds(b, "\\f"); break;
        default: buf_printf(b, "\\u%04x", c);
        }
    }
    buf_add(b, s + start, n - start);
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
