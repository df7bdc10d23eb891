/* Input: the words of a command line, one a line; after an empty line, the
 * text of its --config file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/opt.h"
#include "tests/fuzz/fuzz.h"

struct all {
    struct opt_common common;
    bool flag;
    int64_t count, bytes;
    double rate;
    const char *name, *text;
    int kind;
    struct opt_list many;
};
static const struct opt opts[] = {
#define C struct all
    OPT_GROUP("Of each type"),
    OPT_BOOL('f', "flag", C, flag, "true", "A switch"),
    OPT_INT('n', "count", C, count, "N", "1k", 0, 1e15, "A number"),
    OPT_SIZE('m', "bytes", C, bytes, "SIZE", "4M", 1, 1e15, "A size"),
    OPT_F64('r', "rate", C, rate, "X", NULL, -1, 1, "A fraction"),
    OPT_STR('o', "name", C, name, "NAME", NULL, "A name"),
    OPT_STR(0, "text", C, text, "TEXT", "a \"b\"", "A text"),
    OPT_ENUM('k', "kind", C, kind, "one|two|three", "two", "A choice"),
    OPT_LIST('l', "many", C, many, "WORD", "Words (repeatable)"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};
static const struct cmd cmd = {.name = "all", .summary = "s", .usage = "u", .opts = opts};

enum { WORDS = 64 };

/* A file of this text in memory; its path. */
static int config_file(const char *text, size_t n, char path[64])
{
    int fd = memfd_create("config", 0);
    if (fd < 0 || write(fd, text, n) != (ssize_t)n) abort();
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

/* 0 and the configuration as JSON, or -1. */
static int parse(int argc, char **argv, struct buf *dump)
{
    struct err e = {0};
    struct opt_result r;
    struct all a = {0};
    int ret = opt_parse(&cmd, &a, argc, argv, &r, &e);
    if (ret && (!e.msg[0] || (e.code != ERR_USAGE && e.code != ERR_CONFIG))) abort();
    if (!ret && !r.exit_now && opt_dump(&cmd, &a, &r, dump, &e)) ret = -1;
    if (r.exit_now) ret = -1;
    opt_free(&r);
    return ret;
}

/* What --dump-config prints must give the same configuration when it is read. */
static void check_dump(const struct buf *dump)
{
    char path[64];
    char *argv[] = {"all", "--config", path, NULL};
    struct buf again = {0};
    int fd = config_file(dump->data, dump->len, path);
    if (parse(3, argv, &again) || again.len != dump->len || memcmp(again.data, dump->data, dump->len)) abort();
    close(fd);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *argv[WORDS + 4] = {"all"}, path[64], *text = malloc(size + 1), *line = text, *config = NULL;
    int argc = 1, fd = -1, null = open("/dev/null", O_WRONLY);
    if (!text || null < 0) abort();
    dup2(null, STDOUT_FILENO); /* --help is not what is looked at */
    close(null);
    memcpy(text, data, size);
    text[size] = '\0';
    while (line < text + size && argc < WORDS) {
        char *end = memchr(line, '\n', (size_t)(text + size - line));
        if (end) *end = '\0';
        if (!*line) {
            config = end ? end + 1 : NULL;
            break;
        }
        if (strncmp(line, "--config", 8)) argv[argc++] = line; /* no other files */
        line = end ? end + 1 : text + size;
    }
    if (config) {
        fd = config_file(config, (size_t)(text + size - config), path);
        memmove(argv + 3, argv + 1, (size_t)(argc - 1) * sizeof *argv);
        argv[1] = "--config";
        argv[2] = path;
        argc += 2;
    }
    struct buf dump = {0};
    if (parse(argc, argv, &dump) == 0) check_dump(&dump);
    buf_free(&dump);
    if (fd >= 0) close(fd);
    free(text);
    return 0;
}
