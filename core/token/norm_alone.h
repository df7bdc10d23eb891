/* norm_alone.h - inside of core/token/norm_form*.c: characters that a normal form leaves alone
 * whatever is around them, unless what follows combines with them. */
#ifndef CORE_TOKEN_NORM_ALONE_H
#define CORE_TOKEN_NORM_ALONE_H

#include <stddef.h>

#include "core/token/leads.h"

enum { NORM_NEAR = 0x3400 }; /* characters below have their place in a table */

struct norm_alone;
/* Behind 64 bytes at a time of such characters, from pos on: where one begins that may be another,
 * or too near the end. */
typedef size_t norm_windows_fn(const struct norm_alone *a, const uint8_t *s, size_t n, size_t pos);

struct norm_alone {
    uint64_t near[NORM_NEAR / 64];
    struct leads leads;
    bool kana, quotes;        /* all of U+3041-U+3096 and U+30A1-U+30FA; of U+2010-U+2027 */
    norm_windows_fn *windows; /* NULL where they do not run */
};

extern norm_windows_fn *const norm_windows_avx512vbmi, *const norm_windows_avx2bmi;

#endif
