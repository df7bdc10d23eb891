/* sig.h - stop requests.  The first SIGINT, SIGTERM, SIGUSR1 or SIGHUP (a terminal
 * that is gone; under nohup it stays ignored) raises a flag that long loops poll; the
 * second ends the process at once (files are safe by the atomic writer).  SIGUSR2 asks for a checkpoint now.  SIGPIPE is ignored,
 * so writes return EPIPE.  Handlers only set flags or call _exit. */
#ifndef CORE_BASE_SIG_H
#define CORE_BASE_SIG_H

#include <stdbool.h>

#include "core/base/err.h"

void sig_install(void);          /* main() calls it once */
bool sig_stop_requested(void);   /* a stop was asked for */
int sig_check(struct err *e);    /* 0; -1 and ERR_STOPPED when a stop was asked for */
int sig_stop_signal(void);       /* which signal, 0 = none */
bool sig_take_checkpoint_request(void); /* true once per SIGUSR2 */
void sig_reset(void);            /* tests */

#endif
