/* Bytes as ids in text, JSON lines or a NumPy array: as one text and as several they are
 * the same ids. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/id_input.h"
#include "tests/fuzz/fuzz.h"

/* How many there are, and a sum; -1: refused. */
static int read_all(const char *path, bool by_text, uint64_t *n, uint64_t *sum)
{
    struct err e;
    struct id_part part;
    struct id_input *in = id_input_open(path, by_text, &e);
    int ret = in ? 1 : -1;
    *n = *sum = 0;
    while (ret > 0 && (ret = id_input_next(in, &part, &e)) > 0) {
        if (part.at != *n) abort();
        for (size_t i = 0; i < part.n; i++) {
            if (part.id[i] < 0) abort();
            *sum = *sum * 31 + (uint64_t)part.id[i];
        }
        *n += part.n;
    }
    id_input_close(in);
    return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("fuzz", 0);
    if (fd < 0) return 0;
    if (size <= 1 << 20 && write(fd, data, size) == (ssize_t)size) {
        uint64_t n[2], sum[2];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        int one = read_all(path, false, &n[0], &sum[0]), several = read_all(path, true, &n[1], &sum[1]);
        if (one != several || (one == 0 && (n[0] != n[1] || sum[0] != sum[1]))) abort();
    }
    close(fd);
    return 0;
}
