#include "core/base/fault.h"

#include <errno.h>
#include <stdatomic.h>

static _Atomic long passed, fail_at;
static _Atomic int fail_errno;

long fault_after(long n, int errnum)
{
    atomic_store(&fail_errno, errnum);
    atomic_store(&fail_at, n);
    return atomic_exchange(&passed, 0);
}

bool fault_point(enum fault_kind kind)
{
    (void)kind; /* kinds name the call sites; all share one count */
    if (atomic_load_explicit(&fail_at, memory_order_relaxed) == 0) return false;
    if (atomic_fetch_add(&passed, 1) + 1 != atomic_load(&fail_at)) return false;
    errno = atomic_load(&fail_errno);
    return true;
}
