/* help, version, man, completion, and the commands that are not built yet. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/kernels/kernels.h"

/* NULL unless `name` ("tokenize train") is a command. */
static const struct cmd *find_by_name(const char *name)
{
    for (size_t i = 0; i < cmd_table_n; i++) {
        if (strcmp(cmd_table[i]->name, name) == 0) return cmd_table[i];
        for (const struct cmd *const *s = cmd_table[i]->subs; s && *s; s++)
            if (strcmp((*s)->name, name) == 0) return *s;
    }
    return NULL;
}

/* The nearest name among the commands, or among the subcommands of the first word. */
static const char *nearest(const struct opt_result *r)
{
    const char *names[64];
    const struct cmd *c = r->n_args > 1 ? find_by_name(r->args[0]) : NULL;
    size_t n = 0;
    if (c && !c->subs) return NULL;
    for (const struct cmd *const *s = c ? c->subs : NULL; s && *s && n < COUNT_OF(names); s++)
        names[n++] = strrchr((*s)->name, ' ') + 1;
    for (size_t i = 0; !c && i < cmd_table_n && n < COUNT_OF(names); i++) names[n++] = cmd_table[i]->name;
    return opt_nearest(c ? r->args[1] : r->args[0], names, n);
}

static const struct cmd *find_operand(const struct opt_result *r, struct err *e)
{
    char name[100];
    snprintf(name, sizeof name, "%s%s%s", r->args[0], r->n_args > 1 ? " " : "", r->n_args > 1 ? r->args[1] : "");
    const struct cmd *c = r->n_args < 3 ? find_by_name(name) : NULL;
    if (c) return c;
    err_set(e, ERR_USAGE, "unknown command '%s%s'", name, r->n_args > 2 ? " ..." : "");
    const char *near = r->n_args < 3 ? nearest(r) : NULL;
    if (near) err_hint(e, "did you mean '%s'?", near);
    else err_hint(e, "see llmctl --help");
    return NULL;
}

struct common_cfg {
    struct opt_common common;
};
static const struct opt common_opts[] = {OPT_COMMON(struct common_cfg, common), OPT_END()};

/* All commands of this file: parse, make a text, print it. */
typedef int text_fn(const struct common_cfg *cfg, const struct opt_result *r, struct buf *out, struct err *e);

static int run_text(const struct cmd *self, int argc, char **argv, text_fn *make, struct err *e)
{
    struct common_cfg cfg = {0};
    struct opt_result r;
    struct buf b = {0};
    int ret = opt_parse(self, &cfg, argc, argv, &r, e);
    if (!ret && !r.exit_now)
        ret = make(&cfg, &r, &b, e) || buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    opt_free(&r);
    return ret;
}

/* ---- help ---- */

static void list_commands(struct buf *b)
{
    buf_adds(b, "llmctl - from raw text to a served language model, one executable\n\n"
                "Examples:\n"
                "  llmctl clean docs/ --out clean.jsonl\n"
                "  llmctl dedup clean.jsonl --near --out unique.jsonl\n"
                "  llmctl tokenize train unique.jsonl --vocab-size 4096 --out tokenizer.json\n"
                "  llmctl tokenize encode unique.jsonl --tokenizer tokenizer.json --out train.tok\n"
                "  llmctl pretrain train.tok --out run --preset llama-tiny --steps 2000\n"
                "  llmctl generate run \"The package\"\n\n"
                "Commands:\n");
    for (size_t i = 0; i < cmd_table_n; i++)
        if (!cmd_table[i]->unsupported) buf_printf(b, "  %-12s %s\n", cmd_table[i]->name, cmd_table[i]->summary);
    buf_adds(b, "\nNot supported yet:");
    for (size_t i = 0; i < cmd_table_n; i++)
        if (cmd_table[i]->unsupported) buf_printf(b, " %s", cmd_table[i]->name);
    buf_adds(b, "\n\nSee llmctl COMMAND --help for the options of a command.\n");
}

static int help_text(const struct common_cfg *cfg, const struct opt_result *r, struct buf *out, struct err *e)
{
    (void)cfg;
    if (r->n_args == 0) {
        list_commands(out);
        return 0;
    }
    const struct cmd *c = find_operand(r, e);
    if (!c) return -1;
    if (c->unsupported) buf_printf(out, "llmctl %s: not supported yet: %s\n", c->name, c->unsupported);
    else opt_help(c, out);
    if (!c->unsupported) opt_lessons(c, out);
    return 0;
}

static int run_help(const struct cmd *self, int argc, char **argv, struct err *e)
{
    return run_text(self, argc, argv, help_text, e);
}

const struct cmd cmd_help = {
    .name = "help",
    .summary = "List the commands, or show the help of one",
    .usage = "[COMMAND]",
    .examples = "  llmctl help pretrain\n  llmctl help tokenize train\n",
    .operand = "COMMAND",
    .opts = common_opts,
    .run = run_help,
};

/* ---- version ---- */

static int version_text(const struct common_cfg *cfg, const struct opt_result *r, struct buf *out, struct err *e)
{
    if (r->n_args) return err_set(e, ERR_USAGE, "takes no operand, '%s' was given", r->args[0]);
    const char *form = cfg->common.json ? "{\"version\":\"%s\",\"compiler\":\"%s\",\"isa\":\"%s\"}\n"
                                        : "llmctl %s (compiler %s, kernels %s)\n";
    buf_printf(out, form, LLMCTL_VERSION, __VERSION__, kernels_get()->isa);
    return 0;
}

static int run_version(const struct cmd *self, int argc, char **argv, struct err *e)
{
    return run_text(self, argc, argv, version_text, e);
}

const struct cmd cmd_version = {
    .name = "version",
    .summary = "Print version, compiler and kernel set",
    .usage = "[--json]",
    .examples = "  llmctl --version\n",
    .opts = common_opts,
    .run = run_version,
};

/* ---- man ---- */

static int man_text(const struct common_cfg *cfg, const struct opt_result *r, struct buf *out, struct err *e)
{
    (void)cfg;
    if (r->n_args == 0) {
        opt_man_index(cmd_table, cmd_table_n, out);
        return 0;
    }
    const struct cmd *c = find_operand(r, e);
    if (!c) return -1;
    if (c->unsupported) return err_set(e, ERR_USAGE, "not supported yet: %s", c->unsupported);
    opt_man(c, out);
    return 0;
}

static int run_man(const struct cmd *self, int argc, char **argv, struct err *e)
{
    return run_text(self, argc, argv, man_text, e);
}

const struct cmd cmd_man = {
    .name = "man",
    .summary = "Print the manual page of a command, or of all (mdoc)",
    .usage = "[COMMAND]",
    .examples = "  llmctl man pretrain | man -l -\n",
    .operand = "COMMAND",
    .opts = common_opts,
    .run = run_man,
};

/* ---- completion ---- */

static int completion_text(const struct common_cfg *cfg, const struct opt_result *r, struct buf *out, struct err *e)
{
    (void)cfg;
    if (r->n_args != 1) return err_set(e, ERR_USAGE, "name one shell: bash, zsh or fish");
    return opt_completion(cmd_table, cmd_table_n, r->args[0], out, e);
}

static int run_completion(const struct cmd *self, int argc, char **argv, struct err *e)
{
    return run_text(self, argc, argv, completion_text, e);
}

const struct cmd cmd_completion = {
    .name = "completion",
    .summary = "Print a completion script for bash, zsh or fish",
    .usage = "bash|zsh|fish",
    .examples = "  eval \"$(llmctl completion bash)\"\n",
    .operand = "bash|zsh|fish",
    .opts = common_opts,
    .run = run_completion,
};

/* ---- not built yet ---- */

const struct cmd cmd_sft = {.name = "sft", .summary = "Instruction tuning", .unsupported = "instruction tuning (sft)"};
const struct cmd cmd_align = {.name = "align", .summary = "RLHF, DPO, GRPO", .unsupported = "alignment (align)"};
const struct cmd cmd_distill = {.name = "distill", .summary = "Distillation", .unsupported = "distillation (distill)"};
const struct cmd cmd_quantize = {.name = "quantize", .summary = "Quantization", .unsupported = "quantization (quantize)"};
