#include "core/ckpt/elem.h"

#include <math.h>
#include <string.h>

static float f32_of_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static uint32_t bits_of_f32(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* The half's exponent and mantissa, moved to f32's places, are a float that is
 * 2^112 too small; the multiplication also normalises subnormals exactly. */
static float f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = (uint32_t)(h & 0x7FFF) << 13;
    if (rest >= 0x7C00u << 13) return f32_of_bits(sign | 0x7F800000u | (rest & 0x7FFFFFu));
    return f32_of_bits(sign | bits_of_f32(f32_of_bits(rest) * 0x1p112f));
}

static uint16_t f16_of_f32(float f)
{
    uint32_t u = bits_of_f32(f), sign = (u >> 16) & 0x8000, a = u & 0x7FFFFFFFu;
    if (a > 0x7F800000u) return (uint16_t)(sign | 0x7E00);       /* NaN, quiet */
    if (a >= 0x47800000u) return (uint16_t)(sign | 0x7C00);      /* >= 2^16: infinity */
    if (a < 0x38800000u) {
        /* Below 2^-14: adding 0.5 puts the half's last place at f32's. */
        uint32_t r = bits_of_f32(f32_of_bits(a) + 0.5f) - 0x3F000000u;
        return (uint16_t)(sign | r);
    }
    uint32_t r = a - 0x38000000u + 0xFFFu + ((a >> 13) & 1u);    /* rebias, round to even */
    return (uint16_t)(sign | r >> 13);
}

static uint16_t bf16_of_f32(float f)
{
    uint32_t u = bits_of_f32(f);
    if ((u & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7FFFu + (u >> 16 & 1u)) >> 16);
}

void elem_to_f32(float *dst, const void *src, enum dtype dt, size_t n)
{
    const unsigned char *s = src;
#define CONVERT(type, expr)                              \
    for (size_t i = 0; i < n; i++) {                     \
        type x;                                          \
        memcpy(&x, s + i * sizeof x, sizeof x);          \
        dst[i] = (expr);                                 \
    }                                                    \
    break
    switch (dt) {
    case DT_F32: memcpy(dst, src, n * sizeof *dst); break;
    case DT_BF16: CONVERT(uint16_t, f32_of_bits((uint32_t)x << 16));
    case DT_F16: CONVERT(uint16_t, f16_to_f32(x));
    case DT_F64: CONVERT(double, (float)x);
    case DT_I64: CONVERT(int64_t, (float)x);
    case DT_I32: CONVERT(int32_t, (float)x);
    case DT_U32: CONVERT(uint32_t, (float)x);
    case DT_U16: CONVERT(uint16_t, (float)x);
    case DT_I8: CONVERT(int8_t, (float)x);
    case DT_U8: CONVERT(uint8_t, (float)x);
    case DT_BOOL: CONVERT(uint8_t, x ? 1.0f : 0.0f);
    case DT_N: break;
    }
#undef CONVERT
}

bool elem_from_f32(void *dst, enum dtype dt, const float *src, size_t n)
{
    unsigned char *d = dst;
    switch (dt) {
    case DT_F32: memcpy(dst, src, n * sizeof *src); return true;
    case DT_BF16:
        for (size_t i = 0; i < n; i++) {
            uint16_t x = bf16_of_f32(src[i]);
            memcpy(d + 2 * i, &x, 2);
        }
        return true;
    case DT_F16:
        for (size_t i = 0; i < n; i++) {
            uint16_t x = f16_of_f32(src[i]);
            memcpy(d + 2 * i, &x, 2);
        }
        return true;
    default: return false;
    }
}

size_t elem_nonfinite(const void *src, enum dtype dt, size_t n)
{
    const unsigned char *s = src;
    /* All exponent bits set = NaN or infinity. */
#define SCAN(type, mask)                                         \
    for (size_t i = 0; i < n; i++) {                             \
        type x;                                                  \
        memcpy(&x, s + i * sizeof x, sizeof x);                  \
        if ((x & (type)(mask)) == (type)(mask)) return i;        \
    }                                                            \
    return n
    switch (dt) {
    case DT_F32: SCAN(uint32_t, 0x7F800000u);
    case DT_BF16: SCAN(uint16_t, 0x7F80u);
    case DT_F16: SCAN(uint16_t, 0x7C00u);
    case DT_F64: SCAN(uint64_t, 0x7FF0000000000000u);
    default: return n;
    }
#undef SCAN
}

bool elem_dtype_parse(const char *name, enum dtype *out)
{
    for (int d = 0; d < DT_N; d++)
        if (!strcmp(name, dtype_name((enum dtype)d))) {
            *out = (enum dtype)d;
            return true;
        }
    return false;
}
