#include "core/kernels/kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/kernels/fill.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

static bool always(void)
{
    return true;
}

#if defined(__x86_64__)

/* The operating system saves these register files on a context switch (XCR0). */
enum { XCR0_YMM = 0x6, XCR0_ZMM = 0xe6, XCR0_TILES = 0x60000 };

static bool os_saves(unsigned mask)
{
    unsigned a, b, c, d, lo, hi;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return false;
    __asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (lo & mask) == mask;
}

static bool has_avx2(void)
{
    unsigned a, b, c, d;
    if (!os_saves(XCR0_YMM)) return false;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_FMA) || !(c & bit_F16C)) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}

static bool has_avx512(void)
{
    unsigned a, b, c, d, need = bit_AVX512F | bit_AVX512BW | bit_AVX512VL | bit_AVX512DQ;
    if (!os_saves(XCR0_ZMM)) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & need) == need;
}

static bool has_avx512bf16(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 5));
}

/* Tiles of 16 rows of 64 bytes. */
static bool has_tiles(void)
{
    unsigned a, b, c, d, tile = 1u << 24, bf16 = 1u << 22;
    if (!os_saves(XCR0_TILES)) return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (tile | bf16)) != (tile | bf16)) return false;
    return __get_cpuid_count(0x1d, 1, &a, &b, &c, &d) && (b & 0xffff) == 64 && b >> 16 >= 8 && (c & 0xffff) >= 16;
}

/* The operating system must be asked for the registers, for the whole process; where it refuses, we go without. */
static bool has_avx512amx(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18 };
    return has_tiles() && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0;
}

static enum bf16_speed speed_avx512amx(void)
{
    return BF16_FAST;
}

/* AMD's VDPBF16PS starts as often as an FMA, which does half as much; Intel's four times less often (measured on
 * Sapphire Rapids).  Of others nothing is known. */
static enum bf16_speed speed_avx512bf16(void)
{
    return __builtin_cpu_is("amd") ? BF16_FAST : BF16_SLOW;
}

#endif

typedef void fill_fn(struct kernels *k);

/* Weakest first; an ISA counts only when all before it are there. */
static const struct isa {
    const char *name;
    bool (*cpu_has)(void);
    fill_fn *fill_rows, *fill_gemm;
    enum bf16_speed (*bf16)(void);      /* NULL = as the one before */
} ladder[] = {
    {"ref", always, kernels_fill_rows_ref, kernels_fill_gemm_ref, NULL},
#if defined(__x86_64__)
    {"avx2", has_avx2, kernels_fill_rows_avx2, kernels_fill_gemm_avx2, NULL},
    {"avx512", has_avx512, kernels_fill_rows_avx512, kernels_fill_gemm_avx512, NULL},
    {"avx512bf16", has_avx512bf16, NULL, kernels_fill_gemm_avx512bf16, speed_avx512bf16},
    {"avx512amx", has_avx512amx, NULL, kernels_fill_gemm_avx512amx, speed_avx512amx},
#endif
};

static struct kernels tables[COUNT_OF(ladder)], ref_tiles;
static const char *names[COUNT_OF(ladder) + 1];
static int n_tables;                    /* those that this CPU has */
static const struct kernels *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int find(const char *name)
{
    for (int i = 0; i < (int)COUNT_OF(ladder); i++)
        if (strcmp(name, ladder[i].name) == 0) return i;
    return -1;
}

static void build(void)
{
    for (size_t i = 0; i < COUNT_OF(ladder); i++) names[i] = ladder[i].name;
    for (int i = 0; i < (int)COUNT_OF(ladder) && ladder[i].cpu_has(); i++) {
        if (i > 0) tables[i] = tables[i - 1];
        tables[i].isa = ladder[i].name;
        if (ladder[i].fill_rows) ladder[i].fill_rows(&tables[i]);
        ladder[i].fill_gemm(&tables[i]);
        if (ladder[i].bf16) tables[i].bf16 = ladder[i].bf16();
        n_tables = i + 1;
    }
    ref_tiles = tables[0];
    kernels_fill_gemm_ref_tiles(&ref_tiles);
    const char *cap = getenv("LLMCTL_ISA");
    int best = n_tables - 1, i = cap ? find(cap) : -1;
    if (i >= 0 && i < best) best = i;
    chosen = &tables[best];
}

const struct kernels *kernels_get(void)
{
    pthread_once(&once, build);
    return chosen;
}

const struct kernels *kernels_isa(const char *name)
{
    pthread_once(&once, build);
    int i = find(name);
    return i >= 0 && i < n_tables ? &tables[i] : NULL;
}

enum dtype kernels_auto_dtype(const struct kernels *k, bool decoding)
{
    return k->bf16 == BF16_FAST || (decoding && k->bf16 == BF16_SLOW) ? DT_BF16 : DT_F32;
}

const char *kernels_auto_reason(const struct kernels *k)
{
    static const char *const why[] = {"this CPU does not multiply bf16", "this CPU multiplies f32 faster than bf16",
                                      "this CPU multiplies bf16 faster than f32"};
    return why[k->bf16];
}

const struct kernels *kernels_reference(const struct kernels *k)
{
    pthread_once(&once, build);
    return k->sums == SUMS_TILES ? &ref_tiles : &tables[0];
}

const char *kernels_sums_name(enum bf16_sums sums)
{
    return sums == SUMS_TILES ? "tdpbf16ps" : "vdpbf16ps";
}

const char *const *kernels_isa_names(void)
{
    pthread_once(&once, build);
    return names;
}
