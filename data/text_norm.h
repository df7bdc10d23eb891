/* text_norm.h - what cleaning does to the characters of every document.
 *
 * Line ends become "\n" (CR LF, CR, NEL); control characters except tab and
 * newline go, and so do NUL, DEL, C1 controls, the byte order mark in the
 * middle of a text; then the text is brought into normal form C (or KC, which
 * also changes looks: "ﬁ" becomes "fi").  Doing it twice changes nothing. */
#ifndef DATA_TEXT_NORM_H
#define DATA_TEXT_NORM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/err.h"

enum text_form { TEXT_AS_IS, TEXT_NFC, TEXT_NFKC };

struct text_norm {
    enum text_form form;
    struct buf a, b; /* work space */
};

/* *out is `text` itself when nothing changes, else memory of t that lives
 * until the next call.  text is valid UTF-8. */
int text_norm_run(struct text_norm *t, const char *text, size_t n, const char **out, size_t *out_n,
                  struct err *e);
void text_norm_free(struct text_norm *t);

#endif
