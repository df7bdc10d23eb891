/* fault.h - makes the n-th system call of a kind fail, for tests.  In normal
 * runs a fault point is one relaxed load. */
#ifndef CORE_BASE_FAULT_H
#define CORE_BASE_FAULT_H

#include <stdbool.h>

enum fault_kind { FAULT_OPEN, FAULT_WRITE, FAULT_SYNC, FAULT_RENAME, FAULT_KINDS };

/* The n-th fault point from now (of any kind; 1 = the next) fails with errnum;
 * n = 0 turns injection off.  Returns how many points were passed since the
 * last call, so a test can walk n upwards until nothing fires. */
long fault_after(long n, int errnum);

/* True (with errno set) when this call must fail. */
bool fault_point(enum fault_kind kind);

#endif
