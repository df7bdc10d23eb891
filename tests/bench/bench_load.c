/* What loading a tokenizer costs a process that does nothing else: this program runs itself
 * once for each load, so that memory, page faults and caches are those of a fresh process.
 *
 * usage: bench_load [-n ROUNDS] FILE|FILE:SPLIT|DIR...
 *
 * The files take turns.  A line for each: the least and the median time by the clock and
 * of the processor, in ms, page faults and the most memory it ever had. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/token/tokenizer.h"

struct load {
    double clock_ms, cpu_ms;
    long faults, peak_kb;
};

static double ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* In the process that loads: writes a struct load to stdout. */
static int load_once(const char *path)
{
    struct err e;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    double clock = ms(CLOCK_MONOTONIC), cpu = ms(CLOCK_PROCESS_CPUTIME_ID);
    struct tokenizer *t = tok_load(path, &e);
    struct load l = {.clock_ms = ms(CLOCK_MONOTONIC) - clock, .cpu_ms = ms(CLOCK_PROCESS_CPUTIME_ID) - cpu};
    getrusage(RUSAGE_SELF, &after);
    if (!t) {
        fprintf(stderr, "bench_load: %s\n", e.msg);
        return 1;
    }
    l.faults = after.ru_minflt - before.ru_minflt;
    l.peak_kb = after.ru_maxrss;
    bool written = write(STDOUT_FILENO, &l, sizeof l) == (ssize_t)sizeof l;
    tok_free(t);
    return written ? 0 : 1;
}

static bool load_in_child(const char *self, const char *path, struct load *l)
{
    int ends[2], status = 0;
    if (pipe(ends)) return false;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execl(self, self, "--once", path, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    bool got = pid > 0 && read(ends[0], l, sizeof *l) == (ssize_t)sizeof *l;
    close(ends[0]);
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 && got;
}

static int by_clock(const void *a, const void *b)
{
    const struct load *x = a, *y = b;
    return (x->clock_ms > y->clock_ms) - (x->clock_ms < y->clock_ms);
}

static void say(const char *path, struct load *l, size_t rounds)
{
    double cpu = l[0].cpu_ms;
    for (size_t i = 1; i < rounds; i++)
        if (l[i].cpu_ms < cpu) cpu = l[i].cpu_ms;
    qsort(l, rounds, sizeof *l, by_clock);
    printf("%-24s %7.2f %7.2f ms, CPU %7.2f ms, %6ld faults, %4ld MB\n", path_base(path), l[0].clock_ms,
           l[rounds / 2].clock_ms, cpu, l[rounds / 2].faults, l[rounds / 2].peak_kb / 1024);
}

int main(int argc, char **argv)
{
    size_t rounds = 9, first = 1, n;
    if (argc == 3 && strcmp(argv[1], "--once") == 0) return load_once(argv[2]);
    if (argc > 2 && strcmp(argv[1], "-n") == 0) {
        rounds = (size_t)strtoul(argv[2], NULL, 10);
        first = 3;
    }
    n = (size_t)argc - first;
    struct load *l = mem_alloc(n * rounds, sizeof *l);
    if (!l || !rounds) return 1;
    for (size_t r = 0; r < rounds; r++)
        for (size_t i = 0; i < n; i++)
            if (!load_in_child("/proc/self/exe", argv[first + i], &l[i * rounds + r])) return 1;
    for (size_t i = 0; i < n; i++) say(argv[first + i], l + i * rounds, rounds);
    free(l);
    return 0;
}
