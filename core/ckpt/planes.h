/* planes.h - byte planes: byte k of every element, for each k.
 *
 * The bytes of floats differ much more in kind than in place: exponents have
 * 2 to 3 bits of entropy, low mantissa bytes are noise.  Split apart, the
 * first compress and the second are stored.  `rotate` moves the sign bit to
 * the end first, x = x << 1 | sign, so that the top byte is all exponent.
 *
 * size is 2, 4 or 8; plane k (k = 0 is the least significant byte) lies at
 * planes + k * n. */
#ifndef CORE_CKPT_PLANES_H
#define CORE_CKPT_PLANES_H

#include <stdbool.h>
#include <stddef.h>

void planes_split(void *planes, const void *src, size_t n, size_t size, bool rotate);
void planes_join(void *dst, const void *planes, size_t n, size_t size, bool rotate);

#endif
