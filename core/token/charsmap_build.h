/* charsmap_build.h - makes the compiled replacement rules that charsmap.h reads.
 *
 * Rules are pairs of texts.  The known sets are SentencePiece's: nfkc, and with
 * its treatment of control and space characters nmt_nfkc, and both with case
 * folding (_cf).  Own rules come from a file of lines
 * "hex code points TAB hex code points", "#" beginning a comment. */
#ifndef CORE_TOKEN_CHARSMAP_BUILD_H
#define CORE_TOKEN_CHARSMAP_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

struct charsmap_rule {
    uint32_t from, from_len, to, to_len; /* in text, bytes */
    uint32_t chars;                      /* of from */
};

/* Zero-initialise. */
struct charsmap_rules {
    struct charsmap_rule *v;
    size_t n, cap;
    struct buf text;
    uint32_t *slots; /* index + 1, by hash of from */
    size_t n_slots;
};
void charsmap_rules_free(struct charsmap_rules *r);
/* Adds or replaces a rule; code points. */
int charsmap_rules_set(struct charsmap_rules *r, const uint32_t *from, size_t n_from,
                       const uint32_t *to, size_t n_to, struct err *e);

/* One of the known names ("nmt_nfkc_cf"); false: unknown name. */
bool charsmap_known(const char *name);
int charsmap_rules_named(struct charsmap_rules *r, const char *name, struct err *e);
int charsmap_rules_read(struct charsmap_rules *r, const char *text, size_t n, const char *name,
                        struct err *e);

/* The bytes that charsmap_new() reads: a double array whose equal parts are
 * shared, and the replacements. */
int charsmap_compile(const struct charsmap_rules *r, struct buf *out, struct err *e);

#endif
