/* dtype.h - element types of tensors in memory and on disk. */
#ifndef CORE_BASE_DTYPE_H
#define CORE_BASE_DTYPE_H

#include <stddef.h>

/* The values are part of the .llmz format: never renumber. */
enum dtype {
    DT_F32 = 0,
    DT_BF16 = 1,
    DT_F16 = 2,
    DT_I32 = 3,
    DT_U8 = 4,
    DT_F64 = 5,
    DT_I64 = 6,
    DT_U16 = 7,
    DT_U32 = 8,
    DT_I8 = 9,
    DT_BOOL = 10,
    DT_N
};

static inline size_t dtype_size(enum dtype d)
{
    static const unsigned char size[DT_N] = {4, 2, 2, 4, 1, 8, 8, 2, 4, 1, 1};
    return size[d];
}

static inline const char *dtype_name(enum dtype d)
{
    static const char *const name[DT_N] = {"f32", "bf16", "f16", "i32", "u8", "f64",
                                           "i64", "u16",  "u32", "i8",  "bool"};
    return name[d];
}

#endif
