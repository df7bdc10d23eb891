/* Completion scripts for bash, zsh and fish, made from the option tables. */
#include <stdio.h>
#include <string.h>

#include "core/base/opt.h"

/* The commands that there are, for those that take one's name. */
struct commands {
    const struct cmd *const *v;
    size_t n;
};

typedef void visit_fn(struct buf *out, const struct commands *all, const struct cmd *c);

static void each_command(const struct commands *all, struct buf *out, visit_fn *fn)
{
    for (size_t i = 0; i < all->n; i++) {
        if (all->v[i]->unsupported) continue;
        fn(out, all, all->v[i]);
        for (const struct cmd *const *s = all->v[i]->subs; s && *s; s++) fn(out, all, *s);
    }
}

/* "a|b|c" as words. */
static void choice_words(struct buf *out, const char *choices)
{
    for (const char *p = choices; *p; p++) buf_addc(out, *p == '|' ? ' ' : *p);
}

static void command_words(struct buf *out, const struct commands *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (!all->v[i]->unsupported) buf_printf(out, " %s", all->v[i]->name);
}

static void sub_words(struct buf *out, const struct cmd *c)
{
    for (const struct cmd *const *s = c->subs; s && *s; s++) buf_printf(out, " %s", strrchr((*s)->name, ' ') + 1);
}

static bool names_command(const struct cmd *c)
{
    return c->operand && strcmp(c->operand, "COMMAND") == 0;
}

/* Operands that can be listed. */
static void operand_words(struct buf *out, const struct commands *all, const struct cmd *c)
{
    if (names_command(c)) command_words(out, all);
    else if (c->operand) choice_words(out, c->operand);
}

/* --no-NAME is worth a word where it changes something. */
static bool has_no(const struct opt *o)
{
    return o->type == OPT_T_BOOL && o->def && strcmp(o->def, "true") == 0;
}

/* ---- bash ---- */

static void bash_case(struct buf *out, const struct commands *all, const struct cmd *c)
{
    buf_printf(out, "    '%s') words='", c->name);
    for (const struct opt *o = c->opts; o && o->type != OPT_T_END; o++)
        if (o->type != OPT_T_GROUP) buf_printf(out, " --%s%s", has_no(o) ? "no-" : "", o->name);
    sub_words(out, c);
    buf_addc(out, ' ');
    operand_words(out, all, c);
    buf_adds(out, "' ;;\n");
}

static void bash_value_case(struct buf *out, const struct commands *all, const struct cmd *c)
{
    (void)all;
    for (const struct opt *o = c->opts; o && o->type != OPT_T_END; o++) {
        if (o->type != OPT_T_ENUM) continue;
        buf_printf(out, "    '%s --%s') words='", c->name, o->name);
        choice_words(out, o->metavar);
        buf_adds(out, "' ;;\n");
    }
}

/* bash takes "--name=value" apart: the "=" is a word of its own. */
static void bash(const struct commands *all, struct buf *out)
{
    buf_adds(out, "# bash completion for llmctl: eval \"$(llmctl completion bash)\"\n"
                  "_llmctl() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words='' cmd=''\n"
                  "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    words='--help --version");
    command_words(out, all);
    buf_adds(out, "'\n    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n    return\n  fi\n"
                  "  if [ \"$cur\" = = ]; then cur=''\n"
                  "  elif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
                  "  cmd=${COMP_WORDS[1]}\n  case \"$cmd ${COMP_WORDS[2]-}\" in\n");
    for (size_t i = 0; i < all->n; i++)
        for (const struct cmd *const *s = all->v[i]->subs; s && *s; s++)
            buf_printf(out, "    '%s') [ \"$COMP_CWORD\" -gt 2 ] && cmd='%s' ;;\n", (*s)->name, (*s)->name);
    buf_adds(out, "  esac\n  case \"$cmd $prev\" in\n");
    each_command(all, out, bash_value_case);
    buf_adds(out, "  esac\n  if [ -z \"$words\" ] && { [[ $cur == -* ]] || [ \"$COMP_CWORD\" -eq 2 ]; }; then\n    "
                  "case \"$cmd\" in\n");
    each_command(all, out, bash_case);
    buf_adds(out, "    esac\n  fi\n  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
                  "complete -o default -F _llmctl llmctl\n");
}

/* ---- zsh ---- */

/* A text inside single quotes of zsh or fish. */
static void quoted(struct buf *out, const char *s, const char *escape)
{
    for (; *s; s++) {
        if (*s == '\'') buf_adds(out, "'\\''");
        else {
            if (strchr(escape, *s)) buf_addc(out, '\\');
            buf_addc(out, *s);
        }
    }
}

static void zsh_option(struct buf *out, const struct opt *o)
{
    const char *value = o->type == OPT_T_BOOL ? "" : "=";
    if (o->letter)
        buf_printf(out, "      '(-%c --%s)'{-%c%s,--%s%s}'[", o->letter, o->name, o->letter, *value ? "+" : "", o->name,
                   value);
    else buf_printf(out, "      '--%s%s%s[", has_no(o) ? "no-" : "", o->name, value);
    quoted(out, o->help, "[]:");
    buf_adds(out, "]");
    if (o->type == OPT_T_ENUM) {
        buf_printf(out, ":%s:(", o->name);
        choice_words(out, o->metavar);
        buf_addc(out, ')');
    } else if (o->type != OPT_T_BOOL) {
        buf_printf(out, ":%s:_files", o->name);
    }
    buf_adds(out, "' \\\n");
}

static void zsh_case(struct buf *out, const struct commands *all, const struct cmd *c)
{
    if (c->subs) return;
    buf_printf(out, "    '%s') _arguments \\\n", c->name);
    for (const struct opt *o = c->opts; o && o->type != OPT_T_END; o++)
        if (o->type != OPT_T_GROUP) zsh_option(out, o);
    if (c->operand) {
        buf_adds(out, "      '*:operand:(");
        operand_words(out, all, c);
        buf_adds(out, ")' ;;\n");
    } else {
        buf_adds(out, "      '*:file:_files' ;;\n");
    }
}

static void zsh(const struct commands *all, struct buf *out)
{
    buf_adds(
        out,
        "#compdef llmctl\n# zsh completion for llmctl: llmctl completion zsh > \"${fpath[1]}/_llmctl\"\n_llmctl() {\n"
        "  local cmd=$words[2]\n  if (( CURRENT == 2 )); then\n    local -a commands=(\n");
    for (size_t i = 0; i < all->n; i++) {
        if (all->v[i]->unsupported) continue;
        buf_printf(out, "      '%s:", all->v[i]->name);
        quoted(out, all->v[i]->summary, ":");
        buf_adds(out, "'\n");
    }
    buf_adds(out, "    )\n    _describe command commands\n    return\n  fi\n  case $cmd in\n");
    for (size_t i = 0; i < all->n; i++) {
        if (!all->v[i]->subs) continue;
        buf_printf(out, "    %s) if (( CURRENT == 3 )); then compadd --", all->v[i]->name);
        sub_words(out, all->v[i]);
        buf_adds(out, "; return; fi; cmd=\"$cmd $words[3]\" ;;\n");
    }
    buf_adds(out, "  esac\n  case $cmd in\n");
    each_command(all, out, zsh_case);
    buf_adds(out, "  esac\n}\n_llmctl \"$@\"\n");
}

/* ---- fish ---- */

static void fish_option(struct buf *out, const char *condition, const struct opt *o)
{
    buf_printf(out, "complete -c llmctl -n '%s' -l %s%s", condition, has_no(o) ? "no-" : "", o->name);
    if (o->letter) buf_printf(out, " -s %c", o->letter);
    if (o->type == OPT_T_ENUM) {
        buf_adds(out, " -x -a '");
        choice_words(out, o->metavar);
        buf_addc(out, '\'');
    } else if (o->type != OPT_T_BOOL) {
        buf_adds(out, " -r");
    }
    buf_adds(out, " -d '");
    quoted(out, o->help, "");
    buf_adds(out, "'\n");
}

/* Of a command with subcommands: until one is there, and no files. */
static void fish_subs(struct buf *out, const struct cmd *c)
{
    if (!c->subs) return;
    for (const struct cmd *const *s = c->subs; *s; s++) {
        buf_printf(out, "complete -c llmctl -f -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from",
                   c->name);
        sub_words(out, c);
        buf_printf(out, "' -a '%s' -d '", strrchr((*s)->name, ' ') + 1);
        quoted(out, (*s)->summary, "");
        buf_adds(out, "'\n");
    }
}

static void fish_case(struct buf *out, const struct commands *all, const struct cmd *c)
{
    char condition[160];
    const char *space = strchr(c->name, ' ');
    if (space)
        snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %.*s; and __fish_seen_subcommand_from %s",
                 (int)(space - c->name), c->name, space + 1);
    else
        snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %s", c->name);
    fish_subs(out, c);
    if (c->operand) {
        buf_printf(out, "complete -c llmctl -f -n '%s' -a '", condition);
        operand_words(out, all, c);
        buf_adds(out, "'\n");
    }
    for (const struct opt *o = c->opts; o && o->type != OPT_T_END; o++)
        if (o->type != OPT_T_GROUP) fish_option(out, condition, o);
}

static void fish(const struct commands *all, struct buf *out)
{
    buf_adds(out, "# fish completion for llmctl: llmctl completion fish > ~/.config/fish/completions/llmctl.fish\n");
    for (size_t i = 0; i < all->n; i++) {
        if (all->v[i]->unsupported) continue;
        buf_printf(out, "complete -c llmctl -f -n __fish_use_subcommand -a %s -d '", all->v[i]->name);
        quoted(out, all->v[i]->summary, "");
        buf_adds(out, "'\n");
    }
    each_command(all, out, fish_case);
}

int opt_completion(const struct cmd *const *cmds, size_t n, const char *shell, struct buf *out, struct err *e)
{
    struct commands all = {cmds, n};
    if (strcmp(shell, "bash") == 0) bash(&all, out);
    else if (strcmp(shell, "zsh") == 0) zsh(&all, out);
    else if (strcmp(shell, "fish") == 0) fish(&all, out);
    else return err_set(e, ERR_USAGE, "no completion for shell '%s'; one of bash, zsh, fish", shell);
    return buf_ok(out, e);
}
