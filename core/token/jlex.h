/* jlex.h - a strict little JSON lexer for the two big members of a
 * tokenizer.json: the vocabulary and the merges.
 *
 * A tree of a million nodes costs more than everything else a load does, so
 * jlex_parse() takes these members out of the text; the small rest goes through
 * json_parse() like every other file. */
#ifndef CORE_TOKEN_JLEX_H
#define CORE_TOKEN_JLEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

struct jlex {
    const char *base, *p, *end; /* p moves from base to end */
    const char *name;           /* of the file, for messages */
    struct buf tmp;             /* strings with escapes are decoded here */
};

struct jlex_span {
    const char *begin, *end; /* NULL when the member is absent */
};

struct cJSON;
struct json_limits;
/* The whole text must be valid UTF-8 (checked here).  Returns the rest of it, with "{}" or "[]" for the
 * members; free it with json_free().  NULL after an error; messages name the places in the whole text. */
struct cJSON *jlex_parse(const char *json, size_t n, const char *name, const struct json_limits *lim,
                         struct jlex_span *vocab, struct jlex_span *merges, struct err *e);
/* The same of one member of the outermost object, where `other` is also one of. */
struct cJSON *jlex_parse_member(const char *json, size_t n, const char *name, const struct json_limits *lim,
                                const char *key, const char *other, struct jlex_span *member, struct err *e);

size_t jlex_count(const char *s, size_t n, char c); /* how often c is in it */

void jlex_init(struct jlex *x, const char *base, struct jlex_span span, const char *name);
void jlex_free(struct jlex *x);

/* Puts "NAME:LINE:COLUMN: " of the current place in front of an error; always -1. */
int jlex_wrap(const struct jlex *x, struct err *e);
/* "NAME:LINE:COLUMN: MESSAGE" at the current place; always -1. */
int jlex_error(const struct jlex *x, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Consumes c (after white space) if it is next. */
bool jlex_try(struct jlex *x, char c);
int jlex_expect(struct jlex *x, char c, struct err *e);
/* At a value: a string, an integer, a number or a score (score_text.h); -1 after naming what is wrong.  The text of a
 * string lives until the next one is read. */
int jlex_string(struct jlex *x, const char **s, size_t *len, struct err *e);
int jlex_int(struct jlex *x, int64_t *out, struct err *e); /* of 18 digits at most */
int jlex_number(struct jlex *x, double *out, struct err *e);
int jlex_score(struct jlex *x, double *out, struct err *e);
void jlex_skip(struct jlex *x); /* past a value, as far as its brackets and quotes go */

#endif
