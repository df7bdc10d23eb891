/* tok_parts.h - small getters shared by the readers of a tokenizer.json's parts. */
#ifndef CORE_TOKEN_TOK_PARTS_H
#define CORE_TOKEN_TOK_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct cJSON;
/* Its "type".  Where there is none, the first of `guess`, up to one of NULL, all keys of which are there: Hugging Face's
 * programs go by these, in this order.  guess NULL: they want the type, too. */
struct part_guess {
    const char *keys, *type;
};
int part_type(const struct cJSON *j, const char *part, const struct part_guess *guess, const char **type, struct err *e);
bool part_has(const struct cJSON *j, const char *keys); /* with a space between two; one that is null is not there */
/* Like json_known_keys(), of the keys that parts have: those of other parts may stand there, too, as Hugging Face's
 * programs pass over them, and Cohere's templates have those of a ByteLevel.  more: and these, up to NULL. */
int part_keys(const struct cJSON *j, const char *where, struct err *e);
int part_keys_and(const struct cJSON *j, const char *const *more, const char *where, struct err *e);
int part_unknown(const char *part, const char *type, struct err *e);
/* The list of a Sequence, which has no other key of its own. */
int part_list(const struct cJSON *j, const char *key, const char *where, const struct cJSON **list,
              struct err *e);
int part_text(const struct cJSON *j, const char *key, const char *where, char **out, size_t *n,
              struct err *e);
int part_char(const struct cJSON *j, const char *key, const char *where, uint32_t *cp, struct err *e);

#endif
