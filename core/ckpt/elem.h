/* elem.h - element types: to and from f32.
 *
 * Sources and destinations may have any alignment (file formats do not align
 * everything).  Conversions are exact where f32 can hold the value, else
 * rounded to nearest, ties to even. */
#ifndef CORE_CKPT_ELEM_H
#define CORE_CKPT_ELEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/dtype.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "files are little-endian and are used in place: a big-endian port must swap here"
#endif

void elem_to_f32(float *dst, const void *src, enum dtype dt, size_t n);
/* f32, bf16, f16 only; false for another type. */
bool elem_from_f32(void *dst, enum dtype dt, const float *src, size_t n);

/* Index of the first NaN or infinity, or n.  Integer types have none. */
size_t elem_nonfinite(const void *src, enum dtype dt, size_t n);

/* "f32", "bf16" ...; false if there is no such type. */
bool elem_dtype_parse(const char *name, enum dtype *out);

#endif
