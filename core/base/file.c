#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/fault.h"
#include "core/base/file_behind.h"
#include "core/base/mem.h"
#include "core/base/sig.h"

#define WRITER_BUF ((size_t)256 << 10)
/* Files grow by multiples of it, so that the system keeps them in large pieces of memory; what is behind is copied,
 * which with twice as much costs more than it gives. */
#define WRITER_PIECE (WRITER_BUF / 2)
/* From here on the disk works beside us; of a smaller file fsync makes short work. */
#define BEHIND_FROM ((uint64_t)8 << 20)
/* From here on room on the disk is asked for in advance, as much as there is, at most so
 * much: else the system looks for it page by page. */
#define RESERVE_FROM ((uint64_t)4 << 20)
#define RESERVE_MOST ((uint64_t)32 << 20)

struct file_writer {
    int fd;
    bool is_stdout;
    bool direct;      /* a device or pipe: written as it is, nothing to rename */
    char *path, *tmp;
    uint64_t offset;  /* bytes accepted by file_write() */
    uint64_t reserved; /* up to here there is room on the disk; UINT64_MAX: do not ask */
    size_t used;
    struct file_behind *behind; /* NULL: not begun, or not to be had */
    bool asked;                 /* for it */
    char buf[WRITER_BUF];
};

/* Writes both pieces or sets an error; retries EINTR and short writes. */
static int write_pieces(int fd, struct iovec piece[2], const char *path, struct err *e)
{
    while (piece[0].iov_len || piece[1].iov_len) {
        ssize_t w = fault_point(FAULT_WRITE) ? -1 : writev(fd, piece, 2);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) {
            int errnum = errno;
            err_errno(e, errnum, "writing", path);
            if (errnum == EPIPE) e->code = ERR_NONE; /* the reader has seen enough: log.h */
            if (errnum == ENOSPC || errnum == EDQUOT)
                err_hint(e, "free some space and run the command again");
            return -1;
        }
        for (int i = 0; i < 2; i++) {
            size_t done = (size_t)w < piece[i].iov_len ? (size_t)w : piece[i].iov_len;
            if (done) piece[i].iov_base = (char *)piece[i].iov_base + done; /* which may be NULL where there is nothing */
            piece[i].iov_len -= done;
            w -= (ssize_t)done;
        }
    }
    return 0;
}

/* ".NAME.tmp.PID.N" beside path; N tells apart the writers of one process. */
static char *temporary_name(const char *path)
{
    static _Atomic unsigned serial;
    const char *base = path_base(path);
    struct buf b = {0};
    buf_add(&b, path, (size_t)(base - path));
    buf_printf(&b, ".%s.tmp.%ld.%u", base, (long)getpid(), atomic_fetch_add(&serial, 1));
    return buf_steal(&b);
}

/* Renaming a file to one would put an end to it. */
bool file_is_special(const char *path)
{
    static const char *const streams[] = {"/dev/std", "/dev/fd/", "/proc/self/fd/"};
    struct stat st;
    for (size_t i = 0; i < COUNT_OF(streams); i++)
        if (strncmp(path, streams[i], strlen(streams[i])) == 0) return true;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int open_direct(struct file_writer *w, struct err *e)
{
    w->direct = true;
    w->fd = fault_point(FAULT_OPEN) ? -1 : open(w->path, O_WRONLY | O_CLOEXEC);
    return w->fd >= 0 ? 0 : err_errno(e, errno, "opening", w->path);
}

void file_widen_pipe(int fd)
{
#ifdef F_SETPIPE_SZ
    (void)fcntl(fd, F_SETPIPE_SZ, 1 << 20); /* what the system allows anybody; else it stays as it is */
#else
    (void)fd;
#endif
}

static int cannot_create(int errnum, const char *path, struct err *e)
{
    err_errno(e, errnum, "creating", path);
    if (errnum == ENOENT || errnum == ENOTDIR) {
        e->code = ERR_CANTCREAT;
        err_hint(e, "its directory does not exist");
    }
    return -1;
}

/* Whether no file can be of that name, and why. */
static bool is_no_file(const char *path, struct err *e)
{
    if (*path && !file_is_dir(path)) return false;
    err_set(e, ERR_CANTCREAT, *path ? "creating '%s': it is a directory" : "creating a file: its name '%s' is empty", path);
    return true;
}

struct file_writer *file_create(const char *path, uint64_t expected_bytes, struct err *e)
{
    struct file_writer *w = mem_zalloc(1, sizeof *w);
    if (!w) {
        err_oom(e, sizeof *w, "a file writer");
        return NULL;
    }
    w->fd = -1;
    w->is_stdout = strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0;
    bool special = !w->is_stdout && file_is_special(path);
    w->path = mem_strdup(w->is_stdout ? "standard output" : path);
    w->tmp = w->is_stdout || special ? NULL : temporary_name(path);
    if (!w->path || (!w->is_stdout && !special && !w->tmp)) {
        err_oom(e, strlen(path), "a file name");
        goto fail;
    }
    if (w->is_stdout) {
        w->fd = STDOUT_FILENO;
        file_widen_pipe(w->fd);
        return w;
    }
    if (special) {
        if (open_direct(w, e)) goto fail;
        return w;
    }
    if (is_no_file(path, e)) goto fail;
    w->fd = fault_point(FAULT_OPEN) ? -1 : open(w->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (w->fd < 0) {
        cannot_create(errno, path, e);
        free(w->tmp);
        w->tmp = NULL; /* nothing of ours to remove */
        goto fail;
    }
    w->reserved = expected_bytes;
    /* A full disk shows now rather than after hours; file systems that cannot
     * reserve are left alone. */
    if (expected_bytes && posix_fallocate(w->fd, 0, (off_t)expected_bytes) == ENOSPC) {
        err_errno(e, ENOSPC, "reserving space for", path);
        err_hint(e, "%llu bytes are needed", (unsigned long long)expected_bytes);
        goto fail;
    }
    return w;
fail:
    file_abort(w);
    return NULL;
}

/* What waits in the buffer, and n bytes behind it. */
static int write_out(struct file_writer *w, const void *p, size_t n, struct err *e)
{
    struct iovec piece[2] = {{w->buf, w->used}, {(void *)(uintptr_t)p, n}};
    w->used = 0;
    return write_pieces(w->fd, piece, w->path, e);
}

static int flush_buffer(struct file_writer *w, struct err *e)
{
    return write_out(w, NULL, 0, e);
}

/* All of w->offset bytes are with the system. */
static void write_behind(struct file_writer *w)
{
    if (w->is_stdout || w->direct || w->offset < BEHIND_FROM) return;
    if (!w->asked) w->behind = file_behind_new(w->fd);
    w->asked = true;
    if (w->behind) file_behind_reached(w->behind, w->offset);
}

/* For the bytes up to `end`.  What is too much file_commit() gives back; where the system
 * cannot do it, or the disk is nearly full, all goes on without. */
static void reserve(struct file_writer *w, uint64_t end)
{
#ifdef FALLOC_FL_KEEP_SIZE
    if (w->is_stdout || w->direct || end < RESERVE_FROM || end <= w->reserved) return;
    uint64_t from = w->reserved ? w->reserved : w->offset - w->used;
    uint64_t to = end + (end < RESERVE_MOST ? end : RESERVE_MOST);
    bool done = fallocate(w->fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from)) == 0;
    w->reserved = done ? to : UINT64_MAX;
#else
    (void)w;
    (void)end;
#endif
}

/* How many of n bytes more go out now, with all that is in the buffer; SIZE_MAX: nothing
 * yet.  Of a file those up to the last multiple of a piece; who reads a pipe waits. */
static size_t due(const struct file_writer *w, size_t n)
{
    if (w->is_stdout || w->direct) return n >= WRITER_BUF / 2 ? n : n > WRITER_BUF - w->used ? 0 : SIZE_MAX;
    uint64_t end = (w->offset + n) / WRITER_PIECE * WRITER_PIECE;
    return end > w->offset - w->used ? (size_t)(end - w->offset) : SIZE_MAX;
}

int file_write(struct file_writer *w, const void *p, size_t n, struct err *e)
{
    size_t now = due(w, n);
    if (now != SIZE_MAX) {
        reserve(w, w->offset + now);
        if (write_out(w, p, now, e)) return -1;
        w->offset += now;
        write_behind(w);
        p = (const char *)p + now;
        n -= now;
    }
    w->offset += n;
    if (n) memcpy(w->buf + w->used, p, n);
    w->used += n;
    return 0;
}

int file_flush(struct file_writer *w, struct err *e)
{
    return w->is_stdout || w->direct ? flush_buffer(w, e) : 0;
}

uint64_t file_offset(const struct file_writer *w)
{
    return w->offset;
}

int file_rewrite(struct file_writer *w, uint64_t offset, const void *p, size_t n, struct err *e)
{
    if (w->is_stdout || w->direct || n > w->offset || offset > w->offset - n)
        return err_set(e, ERR_INTERNAL, "'%s': bytes that were not written cannot be replaced", w->path);
    if (flush_buffer(w, e)) return -1;
    for (const char *from = p; n;) {
        ssize_t done = fault_point(FAULT_WRITE) ? -1 : pwrite(w->fd, from, n, (off_t)offset);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return err_errno(e, errno, "writing", w->path);
        from += done;
        offset += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}

int file_fd(const struct file_writer *w)
{
    return w->is_stdout || w->direct ? -1 : w->fd;
}

int file_again(struct file_writer *w, struct err *e)
{
    if (flush_buffer(w, e)) return -1;
    file_behind_free(w->behind); /* it counts from the beginning */
    w->behind = NULL;
    w->asked = false;
    w->offset = 0;
    return lseek(w->fd, 0, SEEK_SET) < 0 ? err_errno(e, errno, "writing", w->path) : 0;
}

int file_stay(struct file_writer *w, uint64_t n, struct err *e)
{
    if (flush_buffer(w, e)) return -1;
    if (lseek(w->fd, (off_t)n, SEEK_CUR) < 0) return err_errno(e, errno, "writing", w->path);
    w->offset += n;
    return 0;
}

/* fsync of the directory that holds path. */
static int sync_parent(const char *path, struct err *e)
{
    const char *base = path_base(path);
    char *dir = base == path ? mem_strdup(".") : mem_strndup(path, (size_t)(base - path));
    if (!dir) return err_oom(e, strlen(path), "a file name");
    int ret = dir_sync(dir, e);
    free(dir);
    return ret;
}

int file_commit(struct file_writer *w, struct err *e)
{
    int ret = -1;
    if (flush_buffer(w, e)) goto out;
    if (w->is_stdout || w->direct) {
        ret = 0;
        goto out;
    }
    /* Drop what was reserved beyond the end. */
    if (ftruncate(w->fd, (off_t)w->offset)) {
        err_errno(e, errno, "truncating", w->path);
        goto out;
    }
    if (fault_point(FAULT_SYNC) || fsync(w->fd)) {
        err_errno(e, errno, "syncing", w->path);
        goto out;
    }
    file_behind_free(w->behind); /* what it was at went on beside fsync */
    w->behind = NULL;
    /* A ".part" stays locked until it has its name: nobody else may take it for his. */
    if (fault_point(FAULT_RENAME) || rename(w->tmp, w->path)) {
        err_errno(e, errno, "renaming a temporary file to", w->path);
        goto out;
    }
    free(w->tmp);
    w->tmp = NULL;
    int fd = w->fd;
    w->fd = -1;
    if (close(fd)) {
        err_errno(e, errno, "closing", w->path);
        goto out;
    }
    ret = sync_parent(w->path, e);
out:
    file_abort(w);
    return ret;
}

void file_abort(struct file_writer *w)
{
    if (!w) return;
    file_behind_free(w->behind); /* before its file is closed */
    if (w->fd >= 0 && !w->is_stdout) close(w->fd);
    if (w->tmp) unlink(w->tmp);
    free(w->tmp);
    free(w->path);
    free(w);
}

char *file_beside(const char *path, const char *suffix)
{
    const char *base = path_base(path);
    struct buf b = {0};
    buf_add(&b, path, (size_t)(base - path));
    buf_printf(&b, ".%s%s", base, suffix);
    return buf_steal(&b);
}

/* Locked, where that is possible, and still what stands there: who had it may have
 * finished just now. */
static bool is_ours(const struct file_writer *w)
{
    struct stat a, b;
    if (flock(w->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) return false;
    return fstat(w->fd, &a) == 0 && stat(w->tmp, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* The temporary, ours alone, cut to what is to stay. */
static int take_part(struct file_writer *w, uint64_t keep, struct err *e)
{
    w->fd = fault_point(FAULT_OPEN) ? -1 : open(w->tmp, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (w->fd < 0) return cannot_create(errno, w->path, e);
    if (!is_ours(w))
        return err_set(e, ERR_CANTCREAT, "'%s' is being written by another llmctl", w->path);
    off_t size = lseek(w->fd, 0, SEEK_END);
    if (size < 0 || (uint64_t)size < keep)
        return err_set(e, ERR_DATA, "'%s' holds less than was written to it", w->tmp);
    if (ftruncate(w->fd, (off_t)keep) || lseek(w->fd, (off_t)keep, SEEK_SET) < 0)
        return err_errno(e, errno, "truncating", w->tmp);
    w->offset = keep;
    return 0;
}

struct file_writer *file_create_part(const char *path, uint64_t keep, struct err *e)
{
    struct file_writer *w = mem_zalloc(1, sizeof *w);
    if (w) w->fd = -1;
    if (!w || !(w->path = mem_strdup(path)) || !(w->tmp = file_beside(path, ".part"))) {
        err_oom(e, sizeof *w, "a file writer");
    } else if (!is_no_file(path, e) && !take_part(w, keep, e)) {
        return w;
    }
    file_keep(w); /* another's, or worth looking at */
    return NULL;
}

struct file_writer *file_create_again(const char *path, struct err *e)
{
    bool plain = strcmp(path, "-") != 0 && strcmp(path, "/dev/stdout") != 0 && !file_is_special(path);
    return plain ? file_create_part(path, 0, e) : file_create(path, 0, e);
}

int file_sync(struct file_writer *w, struct err *e)
{
    if (flush_buffer(w, e)) return -1;
    if (w->is_stdout) return 0;
    return fault_point(FAULT_SYNC) || fdatasync(w->fd) ? err_errno(e, errno, "syncing", w->path) : 0;
}

void file_keep(struct file_writer *w)
{
    if (!w) return;
    free(w->tmp);
    w->tmp = NULL;
    file_abort(w);
}

static int write_whole(struct file_writer *w, const void *p, size_t n, struct err *e)
{
    if (!w) return -1;
    if (file_write(w, p, n, e)) {
        file_abort(w);
        return -1;
    }
    return file_commit(w, e);
}

int file_write_all(const char *path, const void *p, size_t n, struct err *e)
{
    return write_whole(file_create(path, 0, e), p, n, e);
}

int file_write_again(const char *path, const void *p, size_t n, struct err *e)
{
    return write_whole(file_create_again(path, e), p, n, e);
}

/* Until there is something to read or the end.  A pipe that nobody writes to would hold open() and read() for
 * ever, and they go on after a signal; poll() does not. */
static int wait_for_input(int fd, const char *path, struct err *e)
{
    struct pollfd p = {fd, POLLIN, 0};
    while (poll(&p, 1, -1) < 0) {
        if (errno != EINTR) return err_errno(e, errno, "reading", path);
        if (sig_check(e)) return err_wrap(e, "reading '%s'", path);
    }
    return 0;
}

int file_read_all(const char *path, size_t max_bytes, struct buf *out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret = -1;
    if (fd < 0) return err_open(e, errno, path);
    struct stat st = {0};
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        err_set(e, ERR_NOINPUT, "reading '%s': it is a directory", path);
        goto out;
    }
    bool waits = !S_ISREG(st.st_mode);
    size_t start = out->len, piece = (size_t)64 << 10;
    if (S_ISREG(st.st_mode) && st.st_size > 0 && (uint64_t)st.st_size < max_bytes) piece = (size_t)st.st_size + 1; /* in one go */
    for (;;) {
        if (waits && wait_for_input(fd, path, e)) goto out;
        if (out->len - start > max_bytes || (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max_bytes)) {
            err_set(e, ERR_DATA, "'%s' is larger than the limit of %zu bytes", path, max_bytes);
            goto out;
        }
        if (!buf_reserve(out, piece)) {
            err_oom(e, out->len, path);
            goto out;
        }
        ssize_t n = read(fd, out->data + out->len, piece);
        if (n < 0 && (errno == EINTR || (waits && errno == EAGAIN))) continue;
        if (n < 0) {
            err_errno(e, errno, "reading", path);
            goto out;
        }
        out->len += (size_t)n;
        out->data[out->len] = '\0';
        if (n == 0) break;
        piece = (size_t)64 << 10;
    }
    ret = 0;
out:
    close(fd);
    return ret;
}

int file_append_line(const char *path, const char *line, size_t n, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) return err_errno(e, errno, "opening", path);
    struct iovec piece[2] = {{(void *)(uintptr_t)line, n}, {NULL, 0}};
    int ret = write_pieces(fd, piece, path, e);
    if (close(fd) && !ret) ret = err_errno(e, errno, "closing", path);
    return ret;
}

int file_map(struct file_map *m, const char *path, struct err *e)
{
    *m = (struct file_map){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is none, and not waited for */
    if (fd < 0) return err_open(e, errno, path);
    struct stat st;
    int ret = -1;
    if (fstat(fd, &st)) {
        err_errno(e, errno, "reading", path);
    } else if (!S_ISREG(st.st_mode)) {
        err_set(e, ERR_NOINPUT, "'%s' is not a regular file", path);
    } else if (st.st_size == 0) {
        ret = 0;
    } else {
        m->base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (m->base == MAP_FAILED) {
            m->base = NULL;
            err_errno(e, errno, "mapping", path);
        } else {
            m->data = m->base;
            m->size = (size_t)st.st_size;
            ret = 0;
        }
    }
    close(fd);
    return ret;
}

void file_unmap(struct file_map *m)
{
    if (m->base) munmap(m->base, m->size);
    *m = (struct file_map){0};
}
