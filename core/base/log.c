#include "core/base/log.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* The one piece of global state below main(): where talk goes. */
static struct {
    pthread_mutex_t lock;
    bool quiet;
    bool tty, color, line_shown;
    FILE *file;
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER};

double time_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct log_rate log_rate(uint64_t bytes, double seconds)
{
    struct log_rate r = {""};
    double rate = (double)bytes / 1e6 / (seconds + 1e-9);
    if (bytes >= 1000000) snprintf(r.text, sizeof r.text, rate < 10 ? ", %.3g MB/s" : ", %.0f MB/s", rate);
    return r;
}

void log_setup(bool quiet, enum log_color color)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    sink.quiet = quiet;
    sink.tty = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
    sink.color = color == LOG_COLOR_ALWAYS ||
                 (color == LOG_COLOR_AUTO && sink.tty && !(no_color && *no_color));
}

void log_to_file(const char *path)
{
    pthread_mutex_lock(&sink.lock);
    if (sink.file) fclose(sink.file);
    sink.file = path ? fopen(path, "ae") : NULL;
    pthread_mutex_unlock(&sink.lock);
}

static void erase_line(void)
{
    if (sink.line_shown) fputs("\r\033[K", stderr);
    sink.line_shown = false;
}

static void emit(bool show, const char *color, const char *prefix, const char *fmt, va_list ap)
{
    char text[2048], when[32];
    vsnprintf(text, sizeof text, fmt, ap);
    pthread_mutex_lock(&sink.lock);
    if (show) {
        erase_line();
        if (sink.color && color) fprintf(stderr, "%s%s\033[0m%s\n", color, prefix, text);
        else fprintf(stderr, "%s%s\n", prefix, text);
    }
    if (sink.file) {
        time_t now = time(NULL);
        struct tm tm;
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &tm));
        fprintf(sink.file, "%s %s%s\n", when, prefix, text);
        fflush(sink.file);
    }
    pthread_mutex_unlock(&sink.lock);
}

#define EMIT(show, color, prefix)            \
    do {                                     \
        va_list ap;                          \
        va_start(ap, fmt);                   \
        emit(show, color, prefix, fmt, ap);  \
        va_end(ap);                          \
    } while (0)

void log_info(const char *fmt, ...)
{
    EMIT(!sink.quiet, NULL, "");
}

void log_warn(const char *fmt, ...)
{
    EMIT(!sink.quiet, "\033[33m", "warning: ");
}

int out_write(const void *p, size_t n, struct err *e)
{
    const char *s = p;
    while (n) {
        ssize_t w = write(STDOUT_FILENO, s, n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) {
            int errnum = errno;
            err_errno(e, errnum, "writing", "standard output");
            if (errnum == EPIPE) e->code = ERR_NONE;
            return -1;
        }
        s += w;
        n -= (size_t)w;
    }
    return 0;
}

/* ---- progress ---- */

static const double tty_interval_s = 0.1, plain_interval_s = 5;

void progress_start(struct progress *p, const char *what, const char *unit, double total, double done)
{
    double now = time_now_s();
    *p = (struct progress){what, unit, total, now, now - (sink.tty ? tty_interval_s : 0), done};
}

static void format_duration(char *out, size_t n, double s)
{
    if (!(s >= 0) || s > 3.6e6) snprintf(out, n, "--:--");
    else if (s >= 3600) snprintf(out, n, "%d:%02d:%02d", (int)(s / 3600), (int)fmod(s / 60, 60), (int)fmod(s, 60));
    else snprintf(out, n, "%02d:%02d", (int)(s / 60), (int)fmod(s, 60));
}

void progress_update(struct progress *p, double done, const char *extra)
{
    double now = time_now_s();
    if (sink.quiet) return;
    if (now - p->last_s < (sink.tty ? tty_interval_s : plain_interval_s)) return;
    p->last_s = now;
    char line[512], eta[32] = "";
    double rate = (done - p->start_done) / (now - p->start_s);
    if (p->total > 0 && rate > 0) format_duration(eta, sizeof eta, (p->total - done) / rate);
    int n = snprintf(line, sizeof line, "%s: %s %.10g", p->what, p->unit, done);
    if (p->total > 0)
        n += snprintf(line + n, sizeof line - (size_t)n, "/%.10g %3.0f %%", p->total, 100 * done / p->total);
    if (extra && *extra) n += snprintf(line + n, sizeof line - (size_t)n, " | %s", extra);
    if (n < (int)sizeof line && eta[0]) snprintf(line + n, sizeof line - (size_t)n, " | ETA %s", eta);
    pthread_mutex_lock(&sink.lock);
    if (sink.tty) {
        struct winsize w;
        int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 10 ? w.ws_col : 80;
        fprintf(stderr, "\r\033[K%.*s", width - 1, line);
        sink.line_shown = true;
    } else {
        fprintf(stderr, "%s\n", line);
    }
    pthread_mutex_unlock(&sink.lock);
}

void progress_end(struct progress *p)
{
    (void)p;
    pthread_mutex_lock(&sink.lock);
    erase_line();
    pthread_mutex_unlock(&sink.lock);
}
