/* Paths, directories, and the lock of a run: the rest of file.h. */
#include "core/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/fault.h"
#include "core/base/mem.h"

/* ---- paths and directories ---- */

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool file_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int64_t file_size(const char *path, struct err *e)
{
    struct stat st;
    if (stat(path, &st)) return err_errno(e, errno, "reading", path);
    return st.st_size;
}

void file_describe(const char *path, struct buf *out)
{
    struct stat st;
    struct tm tm;
    char when[32] = "";
    if (stat(path, &st)) return;
    if (gmtime_r(&st.st_mtim.tv_sec, &tm)) strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    buf_printf(out, " of %lld bytes, changed %s.%09ld", (long long)st.st_size, when, st.st_mtim.tv_nsec);
}

int dir_make(const char *path, struct err *e)
{
    char *p = mem_strdup(path);
    if (!p) return err_oom(e, strlen(path), "a path");
    int ret = 0;
    for (char *s = p + 1;; s++) {
        char c = *s;
        if (c != '/' && c != '\0') continue;
        *s = '\0';
        if (mkdir(p, 0777) && !(errno == EEXIST && file_is_dir(p))) {
            int errnum = errno == EEXIST ? ENOTDIR : errno;
            ret = err_errno(e, errnum, "creating directory", p);
            if (e->code == ERR_NOINPUT) e->code = ERR_CANTCREAT;
            break;
        }
        *s = c;
        if (c == '\0') break;
    }
    free(p);
    return ret;
}

int dir_sync(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return err_errno(e, errno, "opening", path);
    int ret = 0;
    if (fault_point(FAULT_SYNC) || fsync(fd)) {
        /* Some file systems cannot sync a directory; that is not a failure of ours. */
        if (errno != EINVAL && errno != ENOTSUP) ret = err_errno(e, errno, "syncing", path);
    }
    close(fd);
    return ret;
}

int dir_remove(const char *path, struct err *e)
{
    struct stat st;
    if (lstat(path, &st)) return errno == ENOENT ? 0 : err_errno(e, errno, "removing", path);
    if (!S_ISDIR(st.st_mode)) {
        if (unlink(path)) return err_errno(e, errno, "removing", path);
        return 0;
    }
    char **names;
    size_t n;
    if (dir_list(path, &names, &n, e)) return -1;
    int ret = 0;
    for (size_t i = 0; i < n && !ret; i++) {
        char *child = path_join(path, names[i]);
        ret = child ? dir_remove(child, e) : err_oom(e, strlen(path), "a path");
        free(child);
    }
    dir_list_free(names, n);
    if (!ret && rmdir(path)) ret = err_errno(e, errno, "removing", path);
    return ret;
}

int dir_replace(const char *from, const char *to, struct err *e)
{
    if (!fault_point(FAULT_RENAME) && rename(from, to) == 0) return 0;
    if (errno != EEXIST && errno != ENOTEMPTY) return err_errno(e, errno, "renaming to", to);
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0) return dir_remove(from, e);
    /* A file system that cannot exchange: for a moment there is none. */
    if (dir_remove(to, e)) return -1;
    return rename(from, to) ? err_errno(e, errno, "renaming to", to) : 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int dir_list(const char *path, char ***names, size_t *n, struct err *e)
{
    *names = NULL;
    *n = 0;
    DIR *d = opendir(path);
    if (!d) return err_open(e, errno, path);
    size_t cap = 0;
    char **v = NULL;
    struct dirent *ent;
    while ((ent = readdir(d))) {
        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0) continue;
        if (!mem_room(&v, &cap, *n + 1, sizeof *v)) goto oom;
        if (!(v[*n] = mem_strdup(ent->d_name))) goto oom;
        (*n)++;
    }
    closedir(d);
    if (*n) qsort(v, *n, sizeof *v, compare_names);
    *names = v;
    return 0;
oom:
    closedir(d);
    dir_list_free(v, *n);
    *n = 0;
    return err_oom(e, cap * sizeof *v, "a directory listing");
}

void dir_list_free(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++) free(names[i]);
    free(names);
}

char *path_join(const char *dir, const char *name)
{
    size_t n = strlen(dir);
    struct buf b = {0};
    buf_adds(&b, dir);
    if (n && dir[n - 1] != '/') buf_addc(&b, '/');
    buf_adds(&b, name);
    return buf_steal(&b);
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- run lock ---- */

struct run_lock {
    int fd;
};

struct run_lock *run_lock(const char *dir, struct err *e)
{
    char *path = path_join(dir, "lock");
    struct run_lock *l = mem_zalloc(1, sizeof *l);
    if (!path || !l) {
        err_oom(e, sizeof *l, "a run lock");
        goto fail;
    }
    l->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (l->fd < 0) {
        err_errno(e, errno, "opening", path);
        goto fail;
    }
    if (flock(l->fd, LOCK_EX | LOCK_NB)) {
        char owner[200] = "";
        ssize_t n = read(l->fd, owner, sizeof owner - 1);
        owner[n > 0 ? n : 0] = '\0';
        owner[strcspn(owner, "\n")] = '\0';
        err_set(e, ERR_CANTCREAT, "'%s' is in use by another llmctl (%s)", dir,
                owner[0] ? owner : "unknown owner");
        err_hint(e, "wait for it, or stop it with SIGTERM");
        close(l->fd);
        goto fail;
    }
    char host[64] = "?", text[200], when[32];
    gethostname(host, sizeof host - 1);
    time_t now = time(NULL);
    struct tm tm;
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &tm));
    int n = snprintf(text, sizeof text, "pid %ld on %s since %s\n", (long)getpid(), host, when);
    /* The text only helps people; losing it is harmless. */
    if (ftruncate(l->fd, 0) == 0 && write(l->fd, text, (size_t)n) < 0) errno = 0;
    free(path);
    return l;
fail:
    free(path);
    free(l);
    return NULL;
}

void run_unlock(struct run_lock *l)
{
    if (!l) return;
    close(l->fd);
    free(l);
}
