#include "data/doc_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/mem.h"

int doc_spool_add(struct doc_spool *s, const void *p, size_t n, struct err *e)
{
    if (s->into) return file_write(s->into, p, n, e);
    for (const char *from = p; n;) {
        ssize_t w = write(s->fd, from, n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) {
            err_errno(e, errno, "writing a temporary copy of stdin to", s->dir);
            return err_hint(e, "TMPDIR=DIR names another directory");
        }
        from += w;
        n -= (size_t)w;
    }
    return 0;
}

int doc_spool_end(struct doc_spool *s, struct err *e)
{
    s->whole = true;
    return s->into ? file_again(s->into, e) : 0;
}

static int make_copy(struct doc_spool *s, struct err *e)
{
    char path[4096];
    s->dir = getenv("TMPDIR");
    if (!s->dir || !*s->dir) s->dir = "/tmp";
    if (snprintf(path, sizeof path, "%s/llmctl-stdin-XXXXXX", s->dir) >= (int)sizeof path)
        return err_set(e, ERR_USAGE, "the name in TMPDIR is too long");
    s->fd = mkstemp(path);
    if (s->fd < 0) return err_errno(e, errno, "cannot create a temporary file for stdin", path);
    unlink(path);
    return 0;
}

/* The copy becomes part of the output's file: 1, or 0 where that is none or cannot be read. */
static int make_output(struct doc_spool *s, struct err *e)
{
    char path[64];
    s->into = file_create(s->out, 0, e);
    if (!s->into) return -1;
    int fd = file_fd(s->into);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || access(path, R_OK)) {
        file_abort(s->into);
        s->into = NULL;
        return 0;
    }
    s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return s->fd < 0 ? err_errno(e, errno, "creating", s->out) : 1;
}

static int open_copy(struct doc_spool *s, struct err *e)
{
    int made = s->out ? make_output(s, e) : 0;
    if (made) return made < 0 ? -1 : 0;
    return make_copy(s, e);
}

/* What was unpacked can be larger: the copy moves to a file of its own, which takes the
 * number by which it is known. */
int doc_spool_packed(struct doc_spool *s, struct err *e)
{
    struct doc_spool own = {.fd = -1};
    if (!s->into) return 0;
    file_abort(s->into);
    s->into = NULL;
    if (make_copy(&own, e)) return -1;
    s->dir = own.dir;
    int ret = dup3(own.fd, s->fd, O_CLOEXEC) < 0 ? err_errno(e, errno, "copying stdin to", s->dir) : 0;
    close(own.fd);
    return ret;
}

/* Can the file behind stdin be opened once more, and is all of it input? */
static bool is_whole_file(void)
{
    struct stat st;
    return fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) && lseek(STDIN_FILENO, 0, SEEK_CUR) == 0 &&
           access("/proc/self/fd/0", R_OK) == 0;
}

static int spool(struct doc_file *f, struct doc_spool *s, struct err *e)
{
    char path[64];
    struct err ignored;
    bool whole = is_whole_file();
    if (!whole && open_copy(s, e)) return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", whole ? STDIN_FILENO : s->fd);
    char *name = mem_strdup(path);
    if (!name) return err_oom(e, strlen(path), "a path");
    free(f->path);
    f->path = name;
    f->spool = whole ? NULL : s;
    f->bytes = whole ? file_size(path, &ignored) : -1;
    return 0;
}

bool doc_spool_only_once(const struct doc_file *f)
{
    struct stat st;
    if (strcmp(f->path, "-") == 0) return true;
    return stat(f->path, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode));
}

int doc_spool_stdin(struct doc_files *files, struct doc_spool *s, struct err *e)
{
    bool seen = false;
    for (size_t i = 0; i < files->n; i++) {
        if (strcmp(files->v[i].path, "-") != 0) {
            if (!doc_spool_only_once(&files->v[i])) continue;
            err_set(e, ERR_USAGE, "'%s' is a pipe, and this reads its input more than once", files->v[i].name);
            return err_hint(e, "give it as stdin, of which a copy is made");
        }
        if (seen) return err_set(e, ERR_USAGE, "stdin is given twice");
        seen = true;
        if (spool(&files->v[i], s, e)) return -1;
    }
    return 0;
}

void doc_spool_close(struct doc_spool *s)
{
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
    file_abort(s->into);
    s->into = NULL;
}
