/* tok_base64.h - bytes as base64, in files of tokenizers. */
#ifndef CORE_TOKEN_TOK_BASE64_H
#define CORE_TOKEN_TOK_BASE64_H

#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/err.h"

/* tok_base64.c: appends to *out.  What is no base64 is an error that names the place. */
int tok_base64(const void *bytes, size_t n, struct buf *out, struct err *e);
int tok_unbase64(const char *text, size_t n, struct buf *out, struct err *e);
/* Base64 at p, up to what is none, as bytes in their spelling (bytemap.h) to `to`, which has room for one and a
 * half times as many bytes and two more: their number in *n and the place behind it.  NULL: it is broken. */
struct bytemap_spelling;
const char *tok_spell_base64(const struct bytemap_spelling *s, const char *p, const char *end, char *to, size_t *n);

#endif
