/* Bytes as a zstd file, split at frames, against libzstd's stream decoder: the same
 * bytes where that has no complaint, and damage where it has. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "core/base/buf.h"
#include "data/doc_zstd.h"
#include "tests/fuzz/fuzz.h"

enum { ENOUGH = 8 << 20, STEP = 1 << 16 };

/* false: damaged, or more than ENOUGH. */
static bool reference(const uint8_t *data, size_t size, struct buf *out)
{
    ZSTD_DStream *d = ZSTD_createDStream();
    ZSTD_inBuffer in = {data, size, 0};
    size_t ret = 0, made = 1;
    while (d && out->len < ENOUGH && (in.pos < in.size || (ret && made)) && buf_reserve(out, STEP)) {
        ZSTD_outBuffer to = {out->data + out->len, STEP, 0};
        ret = ZSTD_decompressStream(d, &to, &in);
        if (ZSTD_isError(ret)) break;
        made = to.pos;
        out->len += made;
    }
    ZSTD_freeDStream(d);
    return ret == 0;
}

static ptrdiff_t read_some(void *fd, void *out, size_t n, struct err *e)
{
    (void)e;
    return read(*(int *)fd, out, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf want = {0}, got = {0};
    struct err e;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET)) return 0;
    char first[4];
    ssize_t seen = read(fd, first, sizeof first);
    struct zstd_frames *z = zstd_frames_new(fd, read_some, &fd, first, (size_t)seen, 1 + (int)(size & 3), &e);
    bool fine = reference(data, size, &want);
    for (ptrdiff_t n = 1; z && n > 0 && got.len < ENOUGH;) {
        if (size & 4) zstd_frames_help(z);
        if (!buf_reserve(&got, STEP)) break;
        n = zstd_frames_read(z, got.data + got.len, STEP, &e);
        if (n < 0) abort();
        got.len += (size_t)n;
    }
    if (z && want.len < ENOUGH && got.len < ENOUGH) {
        if (fine != !zstd_frames_damage(z)) abort();
        if (fine ? got.len != want.len : got.len + STEP < want.len) abort();
        size_t n = got.len < want.len ? got.len : want.len;
        if (n && memcmp(got.data, want.data, n) != 0) abort();
    }
    zstd_frames_free(z);
    buf_free(&want);
    buf_free(&got);
    close(fd);
    return 0;
}
