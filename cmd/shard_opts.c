#include "cmd/shard_opts.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static long env_number(const char *name, long otherwise)
{
    const char *s = getenv(name);
    char *end;
    long v = s ? strtol(s, &end, 10) : otherwise;
    return s && (end == s || *end) ? -1 : v;
}

/* The rank that a launcher gave this process; of the tasks of a Slurm array each counts on. */
static bool launched(int *shard, int *shards)
{
    static const char *const names[][2] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                           {"PMI_RANK", "PMI_SIZE"},
                                           {"SLURM_PROCID", "SLURM_NTASKS"}};
    long rank = 0, size = 1;
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(names) && !found; i++) {
        found = getenv(names[i][0]) && getenv(names[i][1]);
        if (!found) continue;
        rank = env_number(names[i][0], 0);
        size = env_number(names[i][1], 1);
    }
    if (getenv("SLURM_ARRAY_TASK_ID") && getenv("SLURM_ARRAY_TASK_COUNT")) {
        long step = env_number("SLURM_ARRAY_TASK_STEP", 1);
        long at = env_number("SLURM_ARRAY_TASK_ID", 0) - env_number("SLURM_ARRAY_TASK_MIN", 0);
        rank += at / (step > 0 ? step : 1) * size;
        size *= env_number("SLURM_ARRAY_TASK_COUNT", 1);
        found = true;
    }
    *shard = rank >= 0 && rank < INT_MAX ? (int)rank : -1;
    *shards = size > 0 && size < INT_MAX ? (int)size : -1;
    return found;
}

int shard_parse(const char *s, int *shard, int *shards, struct err *e)
{
    enum { MOST = 99999 };
    int n = 0;
    if (strcmp(s, "auto") == 0) {
        if (!launched(shard, shards))
            return err_set(e, ERR_USAGE,
                           "--shard auto: neither mpirun nor srun nor a Slurm array started this process; give I/N");
    } else if (sscanf(s, "%d/%d%n", shard, shards, &n) != 2 || s[n]) {
        return err_set(e, ERR_USAGE, "--shard '%s': want I/N like 0/4, or auto", s);
    }
    if (*shards < 1 || *shards > MOST || *shard < 0 || *shard >= *shards)
        return err_set(e, ERR_USAGE, "--shard %d/%d: want I from 0 to N - 1", *shard, *shards);
    return 0;
}

int shard_check_out(int shards, const char *out, bool dry_run, struct err *e)
{
    if (shards == 1 || dry_run || strcmp(out, "-") != 0) return 0;
    return err_set(e, ERR_USAGE, "--shard needs --out FILE; shard I of N writes FILE with .I-of-N in its name");
}
