#include "data/doc_spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/sig.h"

enum { CHUNK_BYTES = 1 << 18 };

static int copy(int to, const char *dir, char *chunk, struct err *e)
{
    for (;;) {
        ssize_t n = read(STDIN_FILENO, chunk, CHUNK_BYTES);
        if (sig_stop_requested()) return err_set(e, ERR_STOPPED, "stopped by a signal; nothing was written");
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_errno(e, errno, "reading", "stdin");
        if (n == 0) return 0;
        for (ssize_t done = 0; done < n;) {
            ssize_t w = write(to, chunk + done, (size_t)(n - done));
            if (w < 0 && errno == EINTR) continue;
            if (w < 0) {
                err_errno(e, errno, "writing a temporary copy of stdin to", dir);
                return err_hint(e, "TMPDIR=DIR names another directory");
            }
            done += w;
        }
    }
}

static int make_copy(int *fd, struct err *e)
{
    const char *dir = getenv("TMPDIR");
    char path[4096], *chunk = mem_alloc(CHUNK_BYTES, 1);
    if (!chunk) return err_oom(e, CHUNK_BYTES, "a buffer");
    if (!dir || !*dir) dir = "/tmp";
    int ret = -1;
    if (snprintf(path, sizeof path, "%s/llmctl-stdin-XXXXXX", dir) >= (int)sizeof path) {
        err_set(e, ERR_USAGE, "the name in TMPDIR is too long");
    } else if ((*fd = mkstemp(path)) < 0) {
        err_errno(e, errno, "cannot create a temporary file for stdin", path);
    } else {
        unlink(path);
        ret = copy(*fd, dir, chunk, e);
    }
    free(chunk);
    return ret;
}

/* Can the file behind stdin be opened once more, and is all of it input? */
static bool is_whole_file(void)
{
    struct stat st;
    return fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) && lseek(STDIN_FILENO, 0, SEEK_CUR) == 0 &&
           access("/proc/self/fd/0", R_OK) == 0;
}

static int spool(struct doc_file *f, int *fd, struct err *e)
{
    char path[64];
    struct err ignored;
    bool whole = is_whole_file();
    if (!whole && make_copy(fd, e)) return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", whole ? STDIN_FILENO : *fd);
    char *name = mem_strdup(path);
    if (!name) return err_oom(e, strlen(path), "a path");
    free(f->path);
    f->path = name;
    f->bytes = file_size(path, &ignored);
    return 0;
}

int doc_spool_stdin(struct doc_files *files, int *fd, struct err *e)
{
    bool seen = false;
    for (size_t i = 0; i < files->n; i++) {
        if (strcmp(files->v[i].path, "-") != 0) continue;
        if (seen) return err_set(e, ERR_USAGE, "stdin is given twice");
        seen = true;
        if (spool(&files->v[i], fd, e)) return -1;
    }
    return 0;
}
