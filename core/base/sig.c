#include "core/base/sig.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

/* Atomic rather than sig_atomic_t: threads other than the one that takes the
 * signal ask too. */
static atomic_int stop_signal, checkpoint_wanted;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler may only touch what has no lock");

static void on_stop(int sig)
{
    if (stop_signal) _exit(128 + sig);
    stop_signal = sig;
}

static void on_checkpoint(int sig)
{
    (void)sig;
    checkpoint_wanted = 1;
}

static bool is_ignored(int sig)
{
    struct sigaction now;
    return sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void sig_install(void)
{
    struct sigaction a = {0};
    sigemptyset(&a.sa_mask);
    a.sa_flags = SA_RESTART;
    a.sa_handler = on_stop;
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGUSR1, &a, NULL);
    if (!is_ignored(SIGHUP)) sigaction(SIGHUP, &a, NULL);
    a.sa_handler = on_checkpoint;
    sigaction(SIGUSR2, &a, NULL);
    a.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &a, NULL);
    sigaction(SIGXFSZ, &a, NULL); /* a file size limit shows as EFBIG */
}

bool sig_stop_requested(void)
{
    return stop_signal != 0;
}

int sig_check(struct err *e)
{
    return sig_stop_requested() ? err_set(e, ERR_STOPPED, "stopped by a signal") : 0;
}

int sig_stop_signal(void)
{
    return stop_signal;
}

bool sig_take_checkpoint_request(void)
{
    if (!checkpoint_wanted) return false;
    checkpoint_wanted = 0;
    return true;
}

void sig_reset(void)
{
    stop_signal = 0;
    checkpoint_wanted = 0;
}
