/* tok_plan.h - what the rules of a charsmap do wherever they stand; inside of core/token/tok_plan*.c.
 *
 * A charsmap replaces the longest run of bytes that is a rule.  Whether a text can be encoded in
 * parts hangs on what its rules look at. */
#ifndef CORE_TOKEN_TOK_PLAN_H
#define CORE_TOKEN_TOK_PLAN_H

#include "core/token/charsmap.h"

/* No rule looks at a space and its neighbour together. */
bool plan_rules_keep_spaces(const struct charsmap *m);
/* A rule has an ASCII byte other than a space after its first byte; or there is no memory to know. */
bool plan_rules_in_ascii(const struct charsmap *m);
/* They make a space of this byte, whatever is around. */
bool plan_rules_make_space(const struct charsmap *m, char byte);
/* They leave this printable character alone before ASCII.  m: NULL where there are none. */
bool plan_rules_leave(const struct charsmap *m, uint8_t c);
/* Some rule begins with these bytes. */
bool plan_rules_begin_with(const struct charsmap *m, const char *s, size_t n);

#endif
