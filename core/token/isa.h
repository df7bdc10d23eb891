/* vbmi.h - whether files *_avx512vbmi.c of this directory may be used. */
#ifndef CORE_TOKEN_VBMI_H
#define CORE_TOKEN_VBMI_H

#include <stdbool.h>
#include <string.h>

#include "core/kernels/kernels.h"

static inline bool token_has_vbmi(void)
{
#if defined(__x86_64__)
    return strncmp(kernels_get()->isa, "avx512", 6) == 0 && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512vbmi2");
#else
    return false;
#endif
}

#endif
