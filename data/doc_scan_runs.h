/* doc_scan_runs.h - which characters of 64 are escaped; for doc_scan_*.c. */
#ifndef DATA_DOC_SCAN_RUNS_H
#define DATA_DOC_SCAN_RUNS_H

#include <stdint.h>

/* Keeps a mask out of what compares bytes: without it gcc joins what is carried from block to
 * block into that comparison, and each waits 12 cycles more for the one before. */
static inline void scan_in_register(uint64_t *mask)
{
    __asm__("" : "+r"(*mask));
}

/* Characters behind a run of backslashes of odd length, other than backslashes.
 * *carry: the first character is escaped; then whether the next block's is. */
static inline uint64_t behind_odd_runs(uint64_t slashes, uint64_t *carry)
{
    const uint64_t even = 0x5555555555555555u;
    scan_in_register(&slashes);
    uint64_t first = *carry, s = slashes & ~first; /* an escaped one begins no run */
    uint64_t starts = s & ~(s << 1);
    uint64_t behind_even = s + (starts & even), behind_odd;
    *carry = __builtin_add_overflow(s, starts & ~even, &behind_odd);
    return (((behind_even & ~even) | (behind_odd & even)) & ~s) | first;
}

/* Characters behind a backslash that is not escaped itself, backslashes among them.  *carry as above. */
static inline uint64_t escaped_by(uint64_t slashes, uint64_t *carry)
{
    const uint64_t even = 0x5555555555555555u;
    scan_in_register(&slashes);
    uint64_t free_slashes = slashes & ~*carry, follows = free_slashes << 1 | *carry, sum;
    uint64_t odd_starts = free_slashes & ~even & ~follows;
    *carry = __builtin_add_overflow(odd_starts, free_slashes, &sum);
    return (even ^ sum << 1) & follows;
}

#endif
