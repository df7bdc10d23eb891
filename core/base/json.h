/* json.h - the strict layer over cJSON.
 *
 * Parsing makes one pre-scan (UTF-8, number grammar, control characters,
 * depth, length, \u0000 in keys, lone surrogates, trailing bytes) before cJSON
 * sees the text, and rejects duplicate keys in every object.  Getters are
 * typed and range-checked and name the key in their message.
 *
 * Errors name `name` and line:column. */
#ifndef CORE_BASE_JSON_H
#define CORE_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

struct cJSON; /* <cjson/cJSON.h>: callers may walk the tree, not parse with it */

struct json_limits {
    size_t max_bytes; /* 0 = 64 MiB */
    int max_depth;    /* 0 = 64 */
    bool comments;    /* allow // and block comments and trailing commas (config files) */
    bool nul_as_fffd; /* \u0000 in a string, for which cJSON has no place, is read as U+FFFD; else it is an error */
};

/* Caller frees with json_free().  lim NULL = defaults. */
struct cJSON *json_parse(const char *text, size_t n, const char *name,
                         const struct json_limits *lim, struct err *e);
struct cJSON *json_read_file(const char *path, const struct json_limits *lim, struct err *e);
void json_free(struct cJSON *j); /* NULL is fine */

/* Required getters: 0, or -1 when absent, of another type or out of range.
 * `where` is a prefix for messages, e.g. "blocks[0].mixer". */
int json_get_i64(const struct cJSON *o, const char *key, int64_t min, int64_t max, int64_t *out,
                 const char *where, struct err *e);
int json_get_f64(const struct cJSON *o, const char *key, double min, double max, double *out,
                 const char *where, struct err *e);
int json_get_bool(const struct cJSON *o, const char *key, bool *out, const char *where,
                  struct err *e);
/* The string lives as long as the tree. */
int json_get_str(const struct cJSON *o, const char *key, const char **out, const char *where,
                 struct err *e);
/* Optional forms: leave *out alone when the key is absent or null. */
int json_opt_i64(const struct cJSON *o, const char *key, int64_t min, int64_t max, int64_t *out,
                 const char *where, struct err *e);
int json_opt_f64(const struct cJSON *o, const char *key, double min, double max, double *out,
                 const char *where, struct err *e);
int json_opt_bool(const struct cJSON *o, const char *key, bool *out, const char *where,
                  struct err *e);
int json_opt_str(const struct cJSON *o, const char *key, const char **out, const char *where,
                 struct err *e);
/* -1, naming the stray key and the nearest known one, unless every key of o is
 * in the NULL-terminated list. */
int json_known_keys(const struct cJSON *o, const char *const *known, const char *where,
                    struct err *e);

/* Case-sensitive member or NULL (cJSON_GetObjectItem is case-insensitive). */
struct cJSON *json_member(const struct cJSON *o, const char *key);
/* A member that is a string, which lives as long as the tree; else `otherwise`. */
const char *json_text_or(const struct cJSON *o, const char *key, const char *otherwise);

/* Appends compact (indent 0) or indented text; numbers with 17 digits. */
void json_print(struct buf *out, const struct cJSON *j, int indent);

/* ---- UTF-8 ---- */
/* Offset of the first invalid byte, or n.  SIMD where the CPU has it. */
size_t utf8_valid_prefix(const char *s, size_t n);
/* That it is all of s[0..n), the text of a file of this name; else an error with the place. */
int utf8_check(const char *s, size_t n, const char *name, struct err *e);
/* The same, and on the way how many '\n' s[0..*counted) has, which may be none of it. */
size_t utf8_valid_lines(const char *s, size_t n, size_t *lines, size_t *counted);
/* Decodes one character at s (n > 0): its length 1..4 and *cp, or 0 if invalid. */
int utf8_decode(const char *s, size_t n, uint32_t *cp);
int utf8_encode(uint32_t cp, char out[4]); /* length 1..4; 0 for surrogates and > 0x10FFFF */

#endif
