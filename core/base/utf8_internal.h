/* utf8_internal.h - between utf8.c and its kernels. */
#ifndef CORE_BASE_UTF8_INTERNAL_H
#define CORE_BASE_UTF8_INTERNAL_H

#include <stddef.h>

enum { UTF8_BLOCK = 128 };

#if defined(__x86_64__)
#define UTF8_HAVE_AVX2 1
/* A multiple of UTF8_BLOCK: no byte before it is wrong, but the last character
 * may go on behind it. */
size_t utf8_valid_blocks_avx2(const char *s, size_t n);
size_t utf8_valid_blocks_avx512vbmi(const char *s, size_t n);
size_t utf8_valid_lines_avx512vbmi(const char *s, size_t n, size_t *lines); /* '\n' before what it returns */
#endif
/* The same as utf8_valid_prefix, one character after another. */
size_t utf8_valid_prefix_ref(const char *s, size_t n);

#endif
