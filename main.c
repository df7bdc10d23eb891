/* llmctl: finds the command in the table, runs it, prints the error, returns
 * the status.  Nothing else prints errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "core/base/log.h"
#include "core/base/sig.h"
#include "core/kernels/kernels.h"

static const struct cmd *find(const char *name)
{
    for (size_t i = 0; i < cmd_table_n; i++)
        if (strcmp(cmd_table[i]->name, name) == 0) return cmd_table[i];
    return NULL;
}

static int unknown_command(const char *word, struct err *e)
{
    const char *names[64];
    size_t n = 0;
    for (; n < cmd_table_n && n < COUNT_OF(names); n++) names[n] = cmd_table[n]->name;
    err_set(e, ERR_USAGE, "unknown command '%s'", word);
    const char *near = opt_nearest(word, names, n);
    return near ? err_hint(e, "did you mean '%s'?", near) : err_hint(e, "see llmctl --help");
}

/* The subcommand that has `word` as an option ("tokenize diff" is inspect --diff), or NULL. */
static const struct cmd *has_option(const struct cmd *c, const char *word)
{
    for (const struct cmd *const *s = c->subs; *s; s++)
        for (const struct opt *o = (*s)->opts; o && o->type != OPT_T_END; o++)
            if (o->type != OPT_T_GROUP && strcmp(o->name, word) == 0) return *s;
    return NULL;
}

/* "tokenize train": the word after a command with subcommands. */
static int find_sub(const struct cmd **c, const char *word, struct err *e)
{
    const char *names[32];
    size_t n = 0;
    for (const struct cmd *const *s = (*c)->subs; *s && n < COUNT_OF(names); s++) {
        names[n] = strrchr((*s)->name, ' ') + 1;
        if (strcmp(names[n++], word) == 0) {
            *c = *s;
            return 0;
        }
    }
    err_set(e, ERR_USAGE, "unknown subcommand '%s'", word);
    const struct cmd *other = has_option(*c, word);
    if (other) return err_hint(e, "it is an option: llmctl %s --%s", other->name, word);
    const char *near = opt_nearest(word, names, n);
    return near ? err_hint(e, "did you mean '%s'?", near) : err_hint(e, "see llmctl %s --help", (*c)->name);
}

static int print_help(const struct cmd *c, struct err *e)
{
    struct buf b = {0};
    opt_help(c, &b);
    int ret = buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

static int dispatch(const struct cmd **found, int argc, char **argv, struct err *e)
{
    const char *word = argc > 1 ? argv[1] : "--help";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) word = "help";
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) word = "version";
    const struct cmd *c = find(word);
    if (!c) return unknown_command(word, e);
    argc = argc > 1 ? argc - 1 : 1;
    argv = argc > 1 || argv[1] ? argv + 1 : argv;
    *found = c;
    if (c->unsupported) return err_set(e, ERR_USAGE, "not supported yet: %s", c->unsupported);
    if (c->subs) {
        if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
            if (print_help(c, e)) return -1;
            return argc < 2 ? err_set(e, ERR_USAGE, "a subcommand is required") : 0;
        }
        if (find_sub(&c, argv[1], e)) return -1;
        *found = c;
        argc--;
        argv++;
    }
    return c->run(c, argc, argv, e);
}

/* A name that no kernel set has would silently mean "the best". */
static int check_isa(struct err *e)
{
    const char *want = getenv("LLMCTL_ISA");
    if (!want || !*want) return 0;
    struct buf names = {0};
    for (const char *const *n = kernels_isa_names(); *n; n++) {
        if (strcmp(*n, want) == 0) {
            buf_free(&names);
            return 0;
        }
        buf_printf(&names, " %s", *n);
    }
    err_set(e, ERR_CONFIG, "LLMCTL_ISA='%s' is not one of%s", want, names.data ? names.data : "");
    buf_free(&names);
    return -1;
}

int main(int argc, char **argv)
{
    struct err e = {ERR_NONE, ""};
    const struct cmd *c = NULL;
    sig_install();
    log_setup(false, LOG_COLOR_AUTO);
    if (check_isa(&e) == 0 && dispatch(&c, argc, argv, &e) == 0) return 0;
    if (e.code == ERR_NONE && e.msg[0]) return 0; /* the reader of our output left */
    if (e.code == ERR_NONE) err_set(&e, ERR_INTERNAL, "it failed without a reason: please report this");
    fprintf(stderr, "llmctl%s%s: %s\n", c ? " " : "", c ? c->name : "", e.msg);
    return (int)e.code;
}
