#include "core/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Text of an error may quote input; keep it on one line, and what is cut off at the end at whole characters. */
static void sanitize(char *s)
{
    size_t n = 0, more = 0;
    for (; s[n]; n++)
        if ((unsigned char)s[n] < 0x20 || s[n] == 0x7f) s[n] = '?';
    while (more < 3 && more < n && ((unsigned char)s[n - 1 - more] & 0xC0) == 0x80) more++;
    if (more == n) return;
    unsigned char lead = (unsigned char)s[n - 1 - more];
    if (more < (size_t)(lead >= 0xC0) + (lead >= 0xE0) + (lead >= 0xF0)) s[n - 1 - more] = '\0';
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    e->code = code;
    sanitize(e->msg);
    return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char front[sizeof e->msg];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(front, sizeof front, fmt, ap);
    va_end(ap);
    if (n < 0) return -1;
    size_t len = (size_t)n < sizeof front ? (size_t)n : sizeof front - 1;
    sanitize(front);
    if (len + 2 < sizeof front) {
        front[len++] = ':';
        front[len++] = ' ';
        size_t room = sizeof front - len - 1, have = strlen(e->msg);
        if (have > room) have = room;
        memcpy(front + len, e->msg, have);
        front[len + have] = '\0';
        sanitize(front + len);
    }
    memcpy(e->msg, front, sizeof e->msg);
    return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
    size_t have = strlen(e->msg);
    if (have + 3 >= sizeof e->msg) return -1;
    memcpy(e->msg + have, "; ", 3);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->msg + have + 2, sizeof e->msg - have - 2, fmt, ap);
    va_end(ap);
    sanitize(e->msg + have + 2);
    return -1;
}

int err_oom(struct err *e, unsigned long long bytes, const char *what)
{
    if (bytes == 0) return err_set(e, ERR_OS, "out of memory for %s", what); /* how much is not known */
    return err_set(e, ERR_OS, "out of memory allocating %llu bytes for %s", bytes, what);
}

int err_errno(struct err *e, int errnum, const char *what, const char *path)
{
    enum err_code code = ERR_IO;
    if (errnum == ENOENT || errnum == ENOTDIR) code = ERR_NOINPUT;
    else if (errnum == EACCES || errnum == EPERM || errnum == EROFS || errnum == EEXIST)
        code = ERR_CANTCREAT;
    else if (errnum == ENOMEM || errnum == EMFILE || errnum == ENFILE)
        code = ERR_OS;
    return err_set(e, code, "%s '%s': %s", what, path, strerror(errnum));
}

int err_open(struct err *e, int errnum, const char *path)
{
    err_errno(e, errnum, "opening", path);
    if (errnum == EACCES || errnum == EPERM || errnum == ELOOP || errnum == ENAMETOOLONG) e->code = ERR_NOINPUT;
    return -1;
}
