/* charsmap.h - the compiled replacement rules of SentencePiece models.
 *
 * Layout: u32 size of the trie in bytes, the trie (a Darts-clone double
 * array), then the replacements, each ended by a NUL.  A leaf's value is the
 * offset of its replacement.  Everything is checked when it is read. */
#ifndef CORE_TOKEN_CHARSMAP_H
#define CORE_TOKEN_CHARSMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct charsmap {
    uint32_t *unit;
    size_t n_units;
    char *pool;      /* ends with a NUL */
    size_t n_pool;
};

/* NULL for bad data, and for a rule of more than 256 bytes, which all texts would pay for.  Owns a copy. */
struct charsmap *charsmap_new(const void *data, size_t n, struct err *e);
void charsmap_free(struct charsmap *m);

/* Length of the longest (or the shortest) rule that s begins with and its
 * replacement, or 0. */
size_t charsmap_match(const struct charsmap *m, const char *s, size_t n, bool shortest,
                      const char **replacement);

/* The walk along a rule, byte by byte: from *at, first charsmap_root(), one further.
 * false: no rule goes on so.  *ends: one ends here. */
size_t charsmap_root(const struct charsmap *m);
bool charsmap_step(const struct charsmap *m, size_t *at, uint8_t byte, bool *ends);

/* The characters of rules: true if they are whole ones and few stand behind each other. */
struct charsmap_chars {
    void (*alone)(void *arg, uint32_t cp, const char *to); /* a rule of one character, and what it becomes */
    void (*behind)(void *arg, uint32_t cp);                /* one that stands behind another in a rule */
    void *arg;
};
bool charsmap_chars(const struct charsmap *m, const struct charsmap_chars *to);

#endif
