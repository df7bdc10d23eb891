/* shard_opts.h - --shard of commands that share their input among processes. */
#ifndef CMD_SHARD_OPTS_H
#define CMD_SHARD_OPTS_H

#include <stdbool.h>

#include "core/base/err.h"

/* "I/N", or "auto": the rank that mpirun, srun or a Slurm array gave this process.
 * 0 <= *shard < *shards, else ERR_USAGE. */
int shard_parse(const char *s, int *shard, int *shards, struct err *e);
/* Several shards cannot share stdout: ERR_USAGE unless `out` is a file or nothing is written. */
int shard_check_out(int shards, const char *out, bool dry_run, struct err *e);

#endif
