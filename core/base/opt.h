/* opt.h - one option table a command.  From it come parsing, --help, the man
 * page, shell completion, config-file keys, LLMCTL_* variables and
 * --dump-config; nothing else may parse options.
 *
 *     struct pretrain_cfg { struct opt_common common; const char *out; int64_t steps; float lr; };
 *     static const struct opt opts[] = {
 *     #define C struct pretrain_cfg
 *         OPT_GROUP("Optimization"),
 *         OPT_INT('n', "steps", C, steps, "N", "1000", 1, 1e9, "Optimizer steps"),
 *         OPT_F64( 0 , "lr",    C, lr,    "X", "6e-4", 0, 1,   "Peak learning rate"),
 *         OPT_COMMON(C, common),
 *         OPT_END()
 *     #undef C
 *     };
 *
 * Precedence: command line > environment > --config file > default.  Strings
 * point into argv, the environment or memory owned by the parse result. */
#ifndef CORE_BASE_OPT_H
#define CORE_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/mem.h"

enum opt_type {
    OPT_T_END, OPT_T_GROUP,
    OPT_T_BOOL,  /* bool; --x and --no-x */
    OPT_T_INT,   /* int64_t; accepts k, M, G suffixes (powers of 1000) and 1e6 */
    OPT_T_F64,   /* double */
    OPT_T_STR,   /* const char * */
    OPT_T_ENUM,  /* int: index into choices "a|b|c" */
    OPT_T_LIST,  /* struct opt_list: repeatable */
    OPT_T_SIZE,  /* int64_t bytes; accepts K, M, G, T (powers of 1024) */
};

struct opt_list {
    const char **v;
    size_t n;
};

struct opt {
    enum opt_type type;
    char letter;             /* 0 = none */
    const char *name;        /* long name without dashes; group title for OPT_GROUP */
    size_t offset;
    const char *metavar;     /* "N", "FILE"; for ENUM the choices "a|b|c" */
    const char *def;         /* default as text; NULL = unset (0, NULL, false, empty) */
    double min, max;         /* range of numbers */
    const char *help;        /* one sentence, no full stop */
};

/* offsetof with a type check: a wrong field type does not compile. */
#define OPT_AT(T, S, f) (offsetof(S, f) + 0 * sizeof(0 ? (T *)0 : &((S *)0)->f))

#define OPT_GROUP(title) {OPT_T_GROUP, 0, title, 0, NULL, NULL, 0, 0, NULL}
#define OPT_BOOL(l, n, S, f, d, h) {OPT_T_BOOL, l, n, OPT_AT(bool, S, f), NULL, d, 0, 0, h}
#define OPT_INT(l, n, S, f, mv, d, lo, hi, h) {OPT_T_INT, l, n, OPT_AT(int64_t, S, f), mv, d, lo, hi, h}
#define OPT_F64(l, n, S, f, mv, d, lo, hi, h) {OPT_T_F64, l, n, OPT_AT(double, S, f), mv, d, lo, hi, h}
#define OPT_STR(l, n, S, f, mv, d, h) {OPT_T_STR, l, n, OPT_AT(const char *, S, f), mv, d, 0, 0, h}
#define OPT_ENUM(l, n, S, f, choices, d, h) {OPT_T_ENUM, l, n, OPT_AT(int, S, f), choices, d, 0, 0, h}
#define OPT_LIST(l, n, S, f, mv, h) {OPT_T_LIST, l, n, OPT_AT(struct opt_list, S, f), mv, NULL, 0, 0, h}
#define OPT_SIZE(l, n, S, f, mv, d, lo, hi, h) {OPT_T_SIZE, l, n, OPT_AT(int64_t, S, f), mv, d, lo, hi, h}
#define OPT_END() {OPT_T_END, 0, NULL, 0, NULL, NULL, 0, 0, NULL}

/* Options that every command has.  OPT_COMMON(S, field) adds their rows. */
struct opt_common {
    bool help, quiet, json, dump_config;
    int64_t threads;
    const char *config;
    int color;
};
#define OPT_COMMON(S, f) \
    OPT_GROUP("Common"), \
    OPT_INT(0, "threads", S, f.threads, "N", "0", 0, 256, "Threads; 0 = all CPUs this process may use"), \
    OPT_STR(0, "config", S, f.config, "FILE", NULL, "Read options from a JSON file (comments allowed)"), \
    OPT_BOOL(0, "dump-config", S, f.dump_config, NULL, "Print the resulting configuration as JSON and exit"), \
    OPT_BOOL(0, "json", S, f.json, NULL, "Print one final JSON object on stdout"), \
    OPT_BOOL('q', "quiet", S, f.quiet, NULL, "Only errors on stderr"), \
    OPT_ENUM(0, "color", S, f.color, "auto|always|never", "auto", "Colour on stderr; NO_COLOR is honoured"), \
    OPT_BOOL('h', "help", S, f.help, NULL, "Show this help")

/* What other programs call an option: "model-type" (also written model_type), or a letter.  The hint
 * is the option, "--type", or words that say what to do. */
struct opt_other {
    const char *name, *hint;
};

/* A command.  `run` gets argv[0] = the command's name.  It returns 0, or -1
 * after filling *e; e->code is the exit status. */
struct cmd {
    const char *name;
    const char *summary;     /* one line for the list */
    const char *usage;       /* "[options] IN... --out OUT" */
    const char *examples;    /* lines of text, shown first by --help */
    const char *operand;     /* for completion: "a|b|c", "COMMAND", or NULL: files */
    const char *details;     /* prose after the options; may be NULL */
    const char *const *lessons; /* more of it, NULL-terminated: in `llmctl help NAME` and the man page only; or NULL */
    const struct opt *opts;
    const struct opt_other *others; /* named when one of them is given; ends with {NULL, NULL}; or NULL */
    int (*run)(const struct cmd *self, int argc, char **argv, struct err *e);
    const char *unsupported; /* not NULL: "not supported yet: ..." with status 2 */
    const struct cmd *const *subs; /* NULL-terminated subcommands ("tokenize train"), or NULL: then
                              * run is NULL and main dispatches on the next word */
};

enum { OPT_ROWS_MAX = 256 };

/* What a parse owns.  Zero-initialise; opt_free() when done. */
struct opt_result {
    struct arena arena;
    char **args;    /* operands, in order */
    int n_args;
    uint64_t set[OPT_ROWS_MAX / 64]; /* bit i: row i of the table was given by anyone but its default,
                                      * in a file: with another value than its default */
    bool exit_now;  /* --help, --dump-config did their work: return 0 at once */
};

/* Fills *cfg (the caller's struct, zero-initialised).  Handles the common
 * options: writes help or the configuration to stdout (log.h) and sets
 * exit_now; calls log_setup().  r is valid, to be freed, in every case. */
int opt_parse(const struct cmd *c, void *cfg, int argc, char **argv, struct opt_result *r,
              struct err *e);
bool opt_is_set(const struct cmd *c, const struct opt_result *r, const char *name);
void opt_free(struct opt_result *r);

/* Text made from the table. */
void opt_help(const struct cmd *c, struct buf *out);
void opt_lessons(const struct cmd *c, struct buf *out);
void opt_man(const struct cmd *c, struct buf *out);   /* mdoc */
void opt_man_index(const struct cmd *const *cmds, size_t n, struct buf *out);
int opt_completion(const struct cmd *const *cmds, size_t n, const char *shell, struct buf *out,
                   struct err *e); /* bash, zsh, fish */
/* A configuration file with every option; null = neither given nor with a default. */
int opt_dump(const struct cmd *c, const void *cfg, const struct opt_result *r, struct buf *out, struct err *e);

/* Nearest name by edit distance (<= 2 and < half the length), else one that the word begins, or NULL. */
const char *opt_nearest(const char *word, const char *const *names, size_t n);

#endif
