/* Numbers made of masks are whole, also where there is no register for them (mask_bits.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/mask_bits.h"

#if defined(__AVX512BW__) && defined(__AVX512VL__)
#define APART __attribute__((noinline))

/* What is in registers has to go to memory. */
#define NO_REGISTER                                                                                                                        \
    __asm__ volatile("" ::: "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", \
                     "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",    \
                     "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",    \
                     "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "memory")

/* Of v those numbers that are n; the rest of the result is 100 more. */
static APART uint32_t find64(const void *v, long long n)
{
    uint32_t bits = mask_bits8(_mm512_cmpeq_epi64_mask(_mm512_loadu_si512(v), _mm512_set1_epi64(n)));
    NO_REGISTER;
    return bits ? bits + 100 : 0;
}

static APART uint32_t find32(const void *v, int n)
{
    uint32_t bits = mask_bits16(_mm512_cmpeq_epi32_mask(_mm512_loadu_si512(v), _mm512_set1_epi32(n)));
    NO_REGISTER;
    return bits ? bits + 100 : 0;
}

static APART uint64_t find16(const void *v, short n)
{
    uint64_t bits = mask_bits32(_mm512_cmpeq_epi16_mask(_mm512_loadu_si512(v), _mm512_set1_epi16(n)));
    NO_REGISTER;
    return bits ? bits + 100 : 0;
}

/* The memory that they will have is full of other bits. */
static APART void fill_stack(void)
{
    volatile unsigned char x[2048];
    for (size_t i = 0; i < sizeof x; i++) x[i] = 0xFF;
}

static void numbers_are_whole_in_memory(void **state)
{
    (void)state;
    uint64_t v64[8];
    uint32_t v32[16];
    uint16_t v16[32];
    for (unsigned i = 0; i < 8; i++) v64[i] = i;
    for (unsigned i = 0; i < 16; i++) v32[i] = i;
    for (unsigned i = 0; i < 32; i++) v16[i] = (uint16_t)i;
    for (int i = 0; i < 33; i++) {
        fill_stack();
        uint32_t of64 = find64(v64, i);
        fill_stack();
        uint32_t of32 = find32(v32, i);
        fill_stack();
        uint64_t of16 = find16(v16, (short)i);
        assert_int_equal(of64, i < 8 ? 100 + (1u << i) : 0);
        assert_int_equal(of32, i < 16 ? 100 + (1u << i) : 0);
        assert_int_equal(of16, i < 32 ? 100 + ((uint64_t)1 << i) : 0);
    }
}

static int has_masks(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#else
static void numbers_are_whole_in_memory(void **state)
{
    (void)state;
}

static int has_masks(void)
{
    return 0;
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_are_whole_in_memory)};
    return has_masks() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
