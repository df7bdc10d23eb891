/* doc_path.h - a value inside a line of JSONL, found by its path.
 *
 * A path is a member's name, then any number of ".name" and "[index]"; an
 * index below 0 counts from the end: "label", "meta.source",
 * "messages[-1].content".  No tree is built. */
#ifndef DATA_DOC_PATH_H
#define DATA_DOC_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/err.h"

enum doc_value_type { DOC_V_NONE, DOC_V_STRING, DOC_V_NUMBER, DOC_V_BOOL, DOC_V_NULL, DOC_V_ARRAY, DOC_V_OBJECT };

struct doc_value {
    enum doc_value_type type;
    const char *s; /* as written; a string without its quotes */
    size_t n;
};

/* ERR_USAGE when it is no path; `option` is named in the message. */
int doc_path_check(const char *path, const char *option, struct err *e);

/* `line` is one JSON object that doc_json_find() has accepted (NULL: nothing
 * is found).  Of members with equal names the first counts. */
struct doc_value doc_path_find(const char *line, size_t n, const char *path);

/* A member of an object. */
struct doc_value doc_value_member(const struct doc_value *object, const char *name);

/* The members of an object or the items of an array, one after another; key is
 * as written, without quotes, and empty for items. */
struct doc_walk {
    const char *s;
    size_t n, i;
};
struct doc_walk doc_walk(const struct doc_value *v);
bool doc_walk_next(struct doc_walk *w, struct doc_value *key, struct doc_value *v);

/* Appends the value as text: strings unescaped, others as written.  False for
 * strings that are no text (lone surrogates); then nothing is appended. */
bool doc_value_text(const struct doc_value *v, struct buf *out);
/* A number, or a string that is one. */
bool doc_value_number(const struct doc_value *v, double *out);

#endif
