/* opt_internal.h - shared by opt.c and opt_text.c. */
#ifndef CORE_BASE_OPT_INTERNAL_H
#define CORE_BASE_OPT_INTERNAL_H

#include "core/base/opt.h"


#endif
