/* safetensors_internal.h - what reader and writer share. */
#ifndef CORE_CKPT_SAFETENSORS_INTERNAL_H
#define CORE_CKPT_SAFETENSORS_INTERNAL_H

#include "core/base/dtype.h"

const char *st_dtype_name(enum dtype dt); /* "F32"; NULL if the format has no such type */

#endif
