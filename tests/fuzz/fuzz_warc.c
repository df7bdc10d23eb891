/* Bytes as records of a web archive, and as one HTTP response: what comes out is
 * text, no longer than it may be. */
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "data/doc_convert.h"
#include "data/doc_http.h"
#include "tests/fuzz/fuzz.h"

/* In pieces of `step` bytes. */
static void convert(const uint8_t *data, size_t size, size_t step, struct buf *out)
{
    struct err e;
    struct doc_convert *c = doc_convert_new(DOC_WARC, "fuzz", "text", 1 << 16, &e);
    for (size_t at = 0; c; at += step) {
        size_t n = size - at < step ? size - at : step;
        if (doc_convert_feed(c, (const char *)data + at, n, at + n == size, out, &e)) break;
        if (at + n == size) break;
    }
    doc_convert_free(c);
}

/* The same in one piece as in many, a line each. */
static void records(const uint8_t *data, size_t size)
{
    struct buf whole = {0}, many = {0};
    convert(data, size, size + 1, &whole);
    convert(data, size, size / 3 + 1, &many);
    if (whole.len != many.len || (whole.len && memcmp(whole.data, many.data, whole.len) != 0)) abort();
    if (whole.len && whole.data[whole.len - 1] != '\n') abort();
    buf_free(&whole);
    buf_free(&many);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST = 1 << 16 };
    struct http_work w = {0};
    const char *s = (const char *)data;
    size_t n = size;
    records(data, size);
    if (!http_text(&s, &n, MOST, &w)) {
        if (utf8_valid_prefix(s, n) < n) abort();
        if (n > 4 * (size > MOST ? size : MOST)) abort();
    }
    http_work_free(&w);
    return 0;
}
