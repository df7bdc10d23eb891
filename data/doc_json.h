/* doc_json.h - one line of JSONL: check it, find the text, leave the rest.
 *
 * The line is validated as one JSON object (RFC 8259, at most 64 deep), but no
 * tree is built: only where the fields lie is noted, so that kept lines can be
 * written as they came. */
#ifndef DATA_DOC_JSON_H
#define DATA_DOC_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

/* Members beside text and id that a reader may ask for. */
enum { DOC_EXTRA = 4 };

struct doc_fields {
    size_t text_begin, text_end; /* inside the quotes of the text field */
    size_t escapes;              /* backslash escapes in it */
    bool unusual;                /* among them some that doc_json_escape would not write */
    bool taken;                  /* the text was unescaped (doc_json_take) ... */
    const char *refused;         /* ... or cannot be, and why */
    size_t id_begin, id_end;     /* the value of "id" as written; equal = none */
    size_t extra_begin[DOC_EXTRA], extra_end[DOC_EXTRA]; /* likewise of the members asked for */
};

/* The reason given when all is well but for a text field. */
extern const char doc_json_no_text[];
/* The error of who got no document at all; why the first one was none. */
int doc_json_none_good(const char *why, struct err *e);
/* NULL, or the reason why the line is no document.  The line is valid UTF-8.
 * `field` is the name of the text field, without characters that JSON escapes. */
const char *doc_json_find(const char *s, size_t n, const char *field, struct doc_fields *out);
/* Also notes the first member of each name in extra (NULL = none). */
const char *doc_json_find_more(const char *s, size_t n, const char *field,
                               const char *const extra[DOC_EXTRA], struct doc_fields *out);

/* The same, for who wants the text unescaped: where there are escapes it may be put
 * into the empty *text at once, with `taken` set and escapes and unusual open; the
 * owner checks oom. */
const char *doc_json_take(const char *s, size_t n, const char *field, const char *const extra[DOC_EXTRA],
                          struct doc_fields *out, struct buf *text);
/* The same of s[0..n) that may go on behind the line: *end is where that ends, at its newline or at n, unless what is
 * returned is another reason than doc_json_no_text. */
const char *doc_json_take_line(const char *s, size_t n, const char *field, const char *const extra[DOC_EXTRA],
                               struct doc_fields *out, struct buf *text, size_t *end);

/* Appends the unescaped string (what lies between the quotes, already checked
 * by doc_json_find).  NULL, or the reason why it cannot be text. */
const char *doc_json_unescape(const char *s, size_t n, struct buf *out);
/* The same, one escape after another. */
const char *doc_json_unescape_ref(const char *s, size_t n, struct buf *out);

/* Appends the string, escaped as little as JSON allows, without quotes. */
void doc_json_escape(const char *s, size_t n, struct buf *out);

#endif
