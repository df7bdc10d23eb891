/* normalize.h - the normal forms that run before a text is split.
 *
 * A map leads from each byte of the result back to the character of the text
 * that it came from, so that offsets stay offsets into the original. */
#ifndef CORE_TOKEN_NORMALIZE_H
#define CORE_TOKEN_NORMALIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

enum norm_kind { NORM_NONE, NORM_NFC };

/* Zero-initialise; reused from call to call. */
struct norm {
    struct buf text;           /* the result */
    struct norm_origin { size_t begin, end; } *origin; /* [text.len], when asked for */
    size_t origin_cap;
    bool want_origin;
    struct buf chunk;          /* work space: one character with its marks */
    uint32_t *cp, *tmp;
    size_t *at;
    size_t cp_cap, n_in, n_out;
};

void norm_free(struct norm *w);
/* 1: w->text differs from the text; 0: it would not, w->text is not set; -1:
 * out of memory.  Broken UTF-8 passes through. */
int norm_apply(struct norm *w, enum norm_kind kind, const char *text, size_t n, struct err *e);

#endif
