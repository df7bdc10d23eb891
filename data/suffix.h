/* suffix.h - the suffix array of a text, in linear time (SA-IS: Nong, Zhang and
 * Chan, "Linear Suffix Array Construction by Almost Pure Induced-Sorting", 2009). */
#ifndef DATA_SUFFIX_H
#define DATA_SUFFIX_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

/* sa[i] = where the i-th smallest suffix of text[0..n) begins; bytes are unsigned,
 * a suffix that is the beginning of another comes first.  n < 2^31.  Needs about
 * n bytes more for the time of the call. */
int suffix_array(const uint8_t *text, size_t n, int32_t *sa, struct err *e);

#endif
