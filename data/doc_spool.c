#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "data/dedup_internal.h"
#include "data/doc_stream.h"

/* Copies stdin to a file without a name, which can be read again. */
static int spool(struct doc_file *f, int *fd, struct err *e)
{
    const char *dir = getenv("TMPDIR");
    char path[4096], *chunk = mem_alloc(1 << 18, 1);
    struct doc_stream *in = NULL;
    int ret = -1;
    snprintf(path, sizeof path, "%s/llmctl-dedup-XXXXXX", dir && *dir ? dir : "/tmp");
    if (!chunk) return err_oom(e, 1 << 18, "a buffer");
    if ((*fd = mkstemp(path)) < 0) {
        err_errno(e, errno, "cannot create a temporary file for stdin", path);
        goto out;
    }
    unlink(path);
    if (!(in = doc_stream_open("-", "stdin", e))) goto out;
    ptrdiff_t n;
    while ((n = doc_stream_read(in, chunk, 1 << 18, e)) > 0)
        for (ptrdiff_t done = 0; done < n;) {
            ssize_t w = write(*fd, chunk + done, (size_t)(n - done));
            if (w < 0 && errno == EINTR) continue;
            if (w < 0) {
                err_errno(e, errno, "writing a temporary copy of stdin to",
                          dir && *dir ? dir : "/tmp");
                goto out;
            }
            done += w;
        }
    if (n < 0) goto out;
    if (doc_stream_damage(in)) {
        err_set(e, ERR_DATA, "stdin: %s", doc_stream_damage(in));
        goto out;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", *fd);
    free(f->path);
    if (!(f->path = mem_strdup(path)))
        err_oom(e, strlen(path), "a path");
    else
        ret = 0;
out:
    free(chunk);
    doc_stream_close(in);
    return ret;
}

int dedup_spool_stdin(struct doc_files *files, int *fd, struct err *e)
{
    for (size_t i = 0; i < files->n; i++) {
        if (strcmp(files->v[i].path, "-") != 0) continue;
        if (*fd >= 0) return err_set(e, ERR_USAGE, "stdin is given twice");
        if (spool(&files->v[i], fd, e)) return -1;
    }
    return 0;
}
