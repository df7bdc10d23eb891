/* opt_internal.h - shared by opt.c and opt_text.c. */
#ifndef CORE_BASE_OPT_INTERNAL_H
#define CORE_BASE_OPT_INTERNAL_H

#include "core/base/opt.h"

/* Long names of all options into names[max]; returns how many. */
size_t opt_names(const struct opt *opts, const char **names, size_t max);
/* "LLMCTL_MIN_LR" for min-lr. */
void opt_env_name(const struct opt *o, char out[64]);

#endif
