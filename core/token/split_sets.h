/* split_sets.h - sets of characters that a text is cut at, as tables: bit k of a character's
 * byte says whether it is in set k.
 *
 * A table is made once for a tokenizer and read by all threads.  The first 2^17 characters are
 * in it, others are asked for where they come from: the regexes must outlive it. */
#ifndef CORE_TOKEN_SPLIT_SETS_H
#define CORE_TOKEN_SPLIT_SETS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

enum { SPLIT_SETS = 7, SPLIT_MIXED = 0x80, SPLIT_TABLE = 1 << 17 };

/* One of them: blocks of 64 characters as bits, and any character (UINT32_MAX: a byte that is
 * none). */
struct split_source {
    uint64_t (*block)(const void *arg, uint32_t first);
    bool (*has)(const void *arg, uint32_t cp);
    bool (*same)(const void *arg, const void *other); /* of two with one `has`; NULL: only if arg is the same */
    const void *arg;
};

struct split_sets {
    int n;
    struct split_source source[SPLIT_SETS];
    uint8_t broken;                  /* of bytes that are no character */
    uint8_t byte[256];               /* of what the byte alphabet spells a byte as */
    uint8_t pair[64 * 64];           /* by the low six bits of the first two bytes: of all such characters
                                      * of two and of three bytes, or SPLIT_MIXED */
    uint8_t lead[64];                /* by those of the first byte, likewise */
    uint8_t of[SPLIT_TABLE];
};

/* The set's number, that of an equal one if there is any; -1: there are SPLIT_SETS others. */
int split_sets_add(struct split_sets *t, struct split_source s);
/* When all are added. */
void split_sets_finish(struct split_sets *t);

uint8_t split_sets_beyond(const struct split_sets *t, uint32_t cp);

static inline uint8_t split_sets_get(const struct split_sets *t, uint32_t cp)
{
    return cp < SPLIT_TABLE ? t->of[cp] : split_sets_beyond(t, cp);
}

#endif
