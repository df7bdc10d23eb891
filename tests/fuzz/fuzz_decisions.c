/* Bytes as a decisions file, replayed with another limit. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/clean_replay.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const set[] = {"gopher.min_words=3"};
    struct err e;
    struct replay_stats s;
    char path[64];
    int fd = memfd_create("fuzz", 0);
    if (fd < 0) return 0;
    if (size <= 1 << 20 && write(fd, data, size) == (ssize_t)size) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        struct replay_cfg cfg = {.path = path, .set = set, .n_set = size % 2};
        replay_run(&cfg, &s, &e);
        replay_stats_free(&s);
    }
    close(fd);
    return 0;
}
