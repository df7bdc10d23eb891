/* features.h - a text as the set of hashed n-grams that occur in it.
 *
 * ASCII letters lose their case, a digit counts as "0", a run of blanks as one
 * blank, or as one newline if it has any.  Words are runs of letters, digits
 * and characters beyond ASCII.  Every word n-gram up to `words` long and every
 * character n-gram of `chars_min` to `chars_max` becomes a number below
 * 2^bits (Weinberger et al., arXiv:0902.2206); how often it occurs does not
 * matter, so repeating a text changes nothing. */
#ifndef DATA_FEATURES_H
#define DATA_FEATURES_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum { FEATURES_MAX_WORDS = 4, FEATURES_MAX_CHARS = 4, FEATURES_MAX_BITS = 26 };

struct features_cfg {
    int bits;                 /* 8 .. FEATURES_MAX_BITS */
    int words;                /* 0 .. FEATURES_MAX_WORDS */
    int chars_min, chars_max; /* 1 .. FEATURES_MAX_CHARS; max 0 = none */
};

/* Work space of one thread; zero-initialise; for one configuration. */
struct features {
    uint32_t *v; /* distinct, in order of their first occurrence */
    size_t n;
    uint64_t *seen;  /* a bit a bucket, all clear between calls */
    uint16_t *chars; /* the folded text */
    size_t cap;
};

/* Replaces the content.  text is valid UTF-8.  Fails only for want of memory. */
int features_make(const struct features_cfg *c, struct features *f, const char *text, size_t n,
                  struct err *e);
void features_free(struct features *f);

#endif
