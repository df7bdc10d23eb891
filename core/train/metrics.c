#include "core/train/metrics.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"

#define MAX_METRICS ((size_t)4 << 30)

struct metrics {
    int fd;
    int64_t lines;
    char *path;
    struct buf line; /* reused, so that a step allocates nothing */
};

/* Length of the first *lines whole lines; *lines becomes what is there. */
static size_t lines_length(const struct buf *text, int64_t *lines)
{
    size_t at = 0;
    int64_t n = 0;
    while (n < *lines && at < text->len) {
        const char *nl = memchr(text->data + at, '\n', text->len - at);
        if (!nl) break;
        at = (size_t)(nl - text->data) + 1;
        n++;
    }
    *lines = n;
    return at;
}

static int cut(const char *path, int64_t *lines, struct err *e)
{
    struct buf text = {0};
    int ret = -1;
    if (!file_exists(path)) {
        *lines = 0;
        return 0;
    }
    if (file_read_all(path, MAX_METRICS, &text, e)) goto out;
    size_t keep = lines_length(&text, lines);
    ret = keep == text.len ? 0 : file_write_all(path, text.data, keep, e);
out:
    buf_free(&text);
    return ret;
}

struct metrics *metrics_open(const char *path, int64_t lines, struct err *e)
{
    if (cut(path, &lines, e)) return NULL;
    struct metrics *m = mem_zalloc(1, sizeof *m);
    if (!m || !(m->path = mem_strdup(path))) {
        free(m);
        err_oom(e, sizeof *m, "metrics");
        return NULL;
    }
    m->lines = lines;
    m->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (m->fd < 0) {
        err_errno(e, errno, "opening", path);
        metrics_close(m);
        return NULL;
    }
    return m;
}

void metrics_close(struct metrics *m)
{
    if (!m) return;
    if (m->fd >= 0) close(m->fd);
    buf_free(&m->line);
    free(m->path);
    free(m);
}

int64_t metrics_lines(const struct metrics *m)
{
    return m->lines;
}

int metrics_add(struct metrics *m, int64_t step, const struct buf *body, struct err *e)
{
    struct buf *b = &m->line;
    buf_clear(b);
    buf_printf(b, "{\"step\":%lld", (long long)step);
    buf_add(b, body->data, body->len);
    buf_adds(b, "}\n");
    if (buf_ok(body, e) || buf_ok(b, e)) return -1;
    ssize_t n;
    do n = fault_point(FAULT_WRITE) ? -1 : write(m->fd, b->data, b->len);
    while (n < 0 && errno == EINTR);
    if (n < 0) return err_errno(e, errno, "writing", m->path);
    if ((size_t)n != b->len) return err_errno(e, ENOSPC, "writing", m->path);
    m->lines++;
    return 0;
}

int metrics_sync(struct metrics *m, struct err *e)
{
    return fsync(m->fd) ? err_errno(e, errno, "fsync of", m->path) : 0;
}

void metrics_num(struct buf *b, const char *key, double v)
{
    if (isfinite(v)) buf_printf(b, ",\"%s\":%.17g", key, v);
    else buf_printf(b, ",\"%s\":null", key);
}

void metrics_str(struct buf *b, const char *key, const char *v)
{
    buf_printf(b, ",\"%s\":", key);
    buf_adds_json(b, v);
}

void series_free(struct series *s)
{
    free(s->x);
    free(s->y);
    memset(s, 0, sizeof *s);
}

static int series_add(struct series *s, double x, double y, struct err *e)
{
    /* After a roll back steps come again: the newer value counts. */
    while (s->n && s->x[s->n - 1] >= x) s->n--;
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 256;
        if (!mem_renew(&s->x, cap, sizeof *s->x) || !mem_renew(&s->y, cap, sizeof *s->y))
            return err_oom(e, cap * sizeof *s->y, "curves");
        s->cap = cap;
    }
    s->x[s->n] = x;
    s->y[s->n++] = y;
    return 0;
}

/* The lines are our own: a key is found as text, which keeps a million lines
 * within a second. */
static int add_line(char *line, const char *const *names, struct series *out, size_t n_names, struct err *e)
{
    if (strncmp(line, "{\"step\":", 8)) return 0;
    double x = strtod(line + 8, NULL);
    for (size_t i = 0; i < n_names; i++) {
        char key[64];
        snprintf(key, sizeof key, ",\"%s\":", names[i]);
        const char *at = strstr(line, key);
        if (!at) continue;
        char *end;
        double y = strtod(at + strlen(key), &end);
        if (end == at + strlen(key) || !isfinite(y)) continue;
        if (series_add(&out[i], x, y, e)) return -1;
    }
    return 0;
}

int metrics_read(const char *path, const char *const *names, struct series *out, size_t n_names, struct err *e)
{
    struct buf text = {0};
    int ret = -1;
    if (file_read_all(path, MAX_METRICS, &text, e)) goto out;
    for (char *at = text.data, *nl; at && (nl = memchr(at, '\n', text.len - (size_t)(at - text.data))); at = nl + 1) {
        *nl = 0;
        if (add_line(at, names, out, n_names, e)) goto out;
    }
    ret = 0;
out:
    buf_free(&text);
    return ret;
}
