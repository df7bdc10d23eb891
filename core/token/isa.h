/* isa.h - which files of this directory that need more than every processor of the build has may be used. */
#ifndef CORE_TOKEN_ISA_H
#define CORE_TOKEN_ISA_H

#include <stdbool.h>
#include <string.h>

#include "core/kernels/kernels.h"

/* *_avx512vbmi.c */
static inline bool token_has_vbmi(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
           strncmp(kernels_get()->isa, "avx512", 6) == 0;
#else
    return false;
#endif
}

/* *_avx2bmi.c, where there is none for more */
static inline bool token_has_avx2(void)
{
#if defined(__x86_64__)
    return strncmp(kernels_get()->isa, "avx", 3) == 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("popcnt");
#else
    return false;
#endif
}

#endif
