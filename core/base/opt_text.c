/* Text made from an option table: help, manual page, completion, config. */
#include "core/base/opt.h"

#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/opt_internal.h"

static const int help_width = 80, help_column = 28;

/* Words of s from column `at`, continued at `indent`, up to help_width. */
static void wrap(struct buf *out, const char *s, int at, int indent)
{
    int col = at;
    while (*s) {
        size_t n = strcspn(s, " ");
        if (col > indent && col + (int)n + 1 > help_width) {
            buf_printf(out, "\n%*s", indent, "");
            col = indent;
        } else if (col > indent) {
            buf_addc(out, ' ');
            col++;
        }
        buf_add(out, s, n);
        col += (int)n;
        s += n + strspn(s + n, " ");
    }
    buf_addc(out, '\n');
}

static const char *value_name(const struct opt *o)
{
    return o->type == OPT_T_BOOL ? NULL : o->metavar;
}

static void help_row(struct buf *out, const struct opt *o)
{
    char left[160], text[512];
    const char *v = value_name(o);
    int n = o->letter ? snprintf(left, sizeof left, "  -%c, --%s", o->letter, o->name)
                      : snprintf(left, sizeof left, "      --%s", o->name);
    if (v) n += snprintf(left + n, sizeof left - (size_t)n, " %s", v);
    buf_adds(out, left);
    if (n + 2 > help_column) {
        buf_printf(out, "\n%*s", help_column, "");
    } else {
        buf_printf(out, "%*s", help_column - n, "");
    }
    bool show = o->def && *o->def && o->type != OPT_T_BOOL;
    snprintf(text, sizeof text, "%s%s%s%s", o->help, show ? " [" : "", show ? o->def : "", show ? "]" : "");
    wrap(out, text, help_column, help_column);
}

void opt_help(const struct cmd *c, struct buf *out)
{
    buf_printf(out, "llmctl %s - %s\n\n", c->name, c->summary);
    if (c->examples) buf_printf(out, "Examples:\n%s\n", c->examples);
    buf_printf(out, "Usage: llmctl %s %s\n", c->name, c->usage ? c->usage : "[options]");
    if (c->subs) {
        buf_adds(out, "\nSubcommands:\n");
        for (const struct cmd *const *s = c->subs; *s; s++) buf_printf(out, "  %-22s %s\n", (*s)->name, (*s)->summary);
        buf_printf(out, "\nSee llmctl %s SUBCOMMAND --help for the options of each.\n", c->name);
    }
    for (const struct opt *o = c->opts; o && o->type != OPT_T_END; o++) {
        if (o->type == OPT_T_GROUP) buf_printf(out, "\n%s:\n", o->name);
        else help_row(out, o);
    }
    if (c->details) buf_printf(out, "\n%s", c->details);
}

void opt_lessons(const struct cmd *c, struct buf *out)
{
    for (const char *const *s = c->lessons; s && *s; s++) buf_printf(out, "%s%s", s == c->lessons ? "\n" : "", *s);
}

/* ---- manual page (mdoc) ---- */

/* One line of roff text: a leading dot or quote and backslashes are escaped,
 * a new sentence begins a new line, but in text that stays as it is. */
static void roff_line(struct buf *out, const char *s, size_t n, bool literal)
{
    if (n && (s[0] == '.' || s[0] == '\'')) buf_adds(out, "\\&");
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\\') buf_adds(out, "\\e");
        else buf_addc(out, s[i]);
        if (!literal && strchr(".?!:", s[i]) && i + 2 < n && s[i + 1] == ' ' && s[i + 2] >= 'A' && s[i + 2] <= 'Z') {
            buf_addc(out, '\n');
            i++;
        }
    }
}

static void roff(struct buf *out, const char *s, size_t n)
{
    roff_line(out, s, n, false);
}

/* Prose: an empty line becomes a paragraph; indented lines stay as they are. */
static void roff_text(struct buf *out, const char *s)
{
    bool literal = false, paragraph = false;
    while (*s) {
        size_t n = strcspn(s, "\n");
        bool indented = n && (s[0] == ' ' || s[0] == '\t');
        if (literal && !indented && n) {
            buf_adds(out, ".Ed\n");
            literal = false;
            buf_adds(out, ".Pp\n");
        } else if (paragraph && n && !indented) {
            buf_adds(out, ".Pp\n");
        }
        if (indented && !literal) {
            buf_adds(out, ".Bd -literal -offset indent\n");
            literal = true;
        }
        size_t skip = !indented ? 0 : s[0] == ' ' && s[1] == ' ' ? 2 : 1;
        if (n) {
            roff_line(out, s + skip, n - skip, literal);
            buf_addc(out, '\n');
        }
        paragraph = n == 0;
        s += n + (s[n] == '\n');
    }
    if (literal) buf_adds(out, ".Ed\n");
}

/* Text as macro argument: each word quoted where mdoc could take it for a macro. */
static void man_option(struct buf *out, const struct opt *o)
{
    const char *v = value_name(o);
    buf_adds(out, ".It ");
    if (o->letter) buf_printf(out, "Fl %c , ", o->letter);
    buf_printf(out, "Fl \\-%s", o->name);
    if (v) buf_printf(out, " Ar \"%s\"", v);
    buf_addc(out, '\n');
    roff(out, o->help, strlen(o->help));
    buf_adds(out, ".\n");
    if (o->def && *o->def && o->type != OPT_T_BOOL) buf_printf(out, "Default: %s.\n", o->def);
}

void opt_man(const struct cmd *c, struct buf *out)
{
    char name[64], title[64];
    size_t i = 0;
    for (; c->name[i] && i + 1 < sizeof name; i++) {
        char ch = c->name[i];
        name[i] = ch == ' ' ? '-' : ch;
        title[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 'a' + 'A') : name[i];
    }
    name[i] = title[i] = '\0';
    buf_printf(out, ".Dd $Mdocdate$\n.Dt LLMCTL-%s 1\n.Os\n.Sh NAME\n.Nm llmctl-%s\n.Nd ", title, name);
    roff(out, c->summary, strlen(c->summary));
    buf_printf(out, "\n.Sh SYNOPSIS\n.Nm llmctl %s\n.Ar \"%s\"\n.Sh DESCRIPTION\n", c->name,
               c->usage ? c->usage : "[options]");
    roff_text(out, c->details ? c->details : c->summary);
    if (c->subs) {
        buf_adds(out, "The subcommands, each with a page of its own:\n.Bl -tag -width indent\n");
        for (const struct cmd *const *s = c->subs; *s; s++) buf_printf(out, ".It Cm %s\n%s.\n", (*s)->name, (*s)->summary);
        buf_adds(out, ".El\n");
    }
    bool list = false;
    for (const struct opt *o = c->opts; o && o->type != OPT_T_END; o++) {
        if (o->type == OPT_T_GROUP) {
            if (list) buf_adds(out, ".El\n");
            buf_printf(out, ".Ss %s\n.Bl -tag -width indent\n", o->name);
            list = true;
        } else {
            if (!list) buf_adds(out, ".Bl -tag -width indent\n");
            list = true;
            man_option(out, o);
        }
    }
    if (list) buf_adds(out, ".El\n");
    if (c->lessons) buf_adds(out, ".Sh TECHNIQUES\n");
    for (const char *const *l = c->lessons; l && *l; l++) {
        if (l != c->lessons) buf_adds(out, ".Pp\n");
        roff_text(out, *l);
    }
    buf_adds(out, ".Sh ENVIRONMENT\nEach option that takes one value can be given as\n.Ev LLMCTL_NAME ,\n"
                  "the option's name in capitals with underscores; the command line wins.\n");
    buf_adds(out, ".Sh EXIT STATUS\n0 done; 1 ran but the result is bad; 2 usage; 65 bad data; 66 no such input;\n"
                  "70 internal error; 71 out of memory; 73 cannot create or locked; 74 I/O error;\n"
                  "75 stopped after a checkpoint, run again to resume; 78 bad configuration.\n");
    if (c->examples) {
        buf_adds(out, ".Sh EXAMPLES\n");
        roff_text(out, c->examples);
    }
}

/* ---- completion ---- */

typedef void visit_fn(struct buf *out, const struct cmd *c);

static void each_command(const struct cmd *const *cmds, size_t n, struct buf *out, visit_fn *fn)
{
    for (size_t i = 0; i < n; i++) {
        fn(out, cmds[i]);
        for (const struct cmd *const *s = cmds[i]->subs; s && *s; s++) fn(out, *s);
    }
}

static void option_words(struct buf *out, const struct cmd *c)
{
    for (const struct opt *o = c->opts; o && o->type != OPT_T_END; o++)
        if (o->type != OPT_T_GROUP) buf_printf(out, " --%s", o->name);
}

static void sub_words(struct buf *out, const struct cmd *c)
{
    for (const struct cmd *const *s = c->subs; s && *s; s++) buf_printf(out, " %s", strrchr((*s)->name, ' ') + 1);
}

static void bash_case(struct buf *out, const struct cmd *c)
{
    buf_printf(out, "    '%s') words='", c->name);
    option_words(out, c);
    sub_words(out, c);
    buf_adds(out, "' ;;\n");
}

static void bash_value_case(struct buf *out, const struct cmd *c)
{
    for (const struct opt *o = c->opts; o && o->type != OPT_T_END; o++) {
        if (o->type != OPT_T_ENUM) continue;
        buf_printf(out, "    '%s --%s') words='", c->name, o->name);
        for (const char *p = o->metavar; *p; p++) buf_addc(out, *p == '|' ? ' ' : *p);
        buf_adds(out, "' ;;\n");
    }
}

static void bash(const struct cmd *const *cmds, size_t n, struct buf *out)
{
    buf_adds(out, "# bash completion for llmctl: eval \"$(llmctl completion bash)\"\n"
                  "_llmctl() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words='' cmd=''\n"
                  "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    words='--help --version");
    for (size_t i = 0; i < n; i++) buf_printf(out, " %s", cmds[i]->name);
    buf_adds(out, "'\n    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n    return\n  fi\n"
                  "  cmd=${COMP_WORDS[1]}\n  case \"$cmd ${COMP_WORDS[2]-}\" in\n");
    for (size_t i = 0; i < n; i++)
        for (const struct cmd *const *s = cmds[i]->subs; s && *s; s++)
            buf_printf(out, "    '%s') [ \"$COMP_CWORD\" -gt 2 ] && cmd='%s' ;;\n", (*s)->name, (*s)->name);
    buf_adds(out, "  esac\n  case \"$cmd $prev\" in\n");
    each_command(cmds, n, out, bash_value_case);
    buf_adds(out, "  esac\n  if [ -z \"$words\" ] && { [[ $cur == -* ]] || [ \"$COMP_CWORD\" -eq 2 ]; }; then\n    "
                  "case \"$cmd\" in\n");
    each_command(cmds, n, out, bash_case);
    buf_adds(out, "    esac\n  fi\n  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
                  "complete -o default -F _llmctl llmctl\n");
}

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

static void zsh_case(struct buf *out, const struct cmd *c)
{
    if (c->subs) return;
    buf_printf(out, "    '%s') _arguments \\\n", c->name);
    for (const struct opt *o = c->opts; o && o->type != OPT_T_END; o++) {
        if (o->type == OPT_T_GROUP) continue;
        buf_printf(out, "      '--%s%s[", o->name, o->type == OPT_T_BOOL ? "" : "=");
        quoted(out, o->help, "[]:");
        buf_adds(out, "]");
        if (o->type == OPT_T_ENUM) {
            buf_printf(out, ":%s:(", o->name);
            for (const char *p = o->metavar; *p; p++) buf_addc(out, *p == '|' ? ' ' : *p);
            buf_addc(out, ')');
        } else if (o->type != OPT_T_BOOL) {
            buf_printf(out, ":%s:_files", o->name);
        }
        buf_adds(out, "' \\\n");
    }
    buf_adds(out, "      '*:file:_files' ;;\n");
}

static void zsh(const struct cmd *const *cmds, size_t n, struct buf *out)
{
    buf_adds(
        out,
        "#compdef llmctl\n# zsh completion for llmctl: llmctl completion zsh > \"${fpath[1]}/_llmctl\"\n_llmctl() {\n"
        "  local cmd=$words[2]\n  if (( CURRENT == 2 )); then\n    local -a commands=(\n");
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "      '%s:", cmds[i]->name);
        quoted(out, cmds[i]->summary, ":");
        buf_adds(out, "'\n");
    }
    buf_adds(out, "    )\n    _describe command commands\n    return\n  fi\n  case $cmd in\n");
    for (size_t i = 0; i < n; i++) {
        if (!cmds[i]->subs) continue;
        buf_printf(out, "    %s) if (( CURRENT == 3 )); then compadd --", cmds[i]->name);
        sub_words(out, cmds[i]);
        buf_adds(out, "; return; fi; cmd=\"$cmd $words[3]\" ;;\n");
    }
    buf_adds(out, "  esac\n  case $cmd in\n");
    each_command(cmds, n, out, zsh_case);
    buf_adds(out, "  esac\n}\n_llmctl \"$@\"\n");
}

static void fish_case(struct buf *out, const struct cmd *c)
{
    char condition[160];
    const char *space = strchr(c->name, ' ');
    if (space)
        snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %.*s; and __fish_seen_subcommand_from %s",
                 (int)(space - c->name), c->name, space + 1);
    else
        snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %s", c->name);
    for (const struct cmd *const *s = c->subs; s && *s; s++) {
        buf_printf(out, "complete -c llmctl -n '%s' -a '%s' -d '", condition, strrchr((*s)->name, ' ') + 1);
        quoted(out, (*s)->summary, "");
        buf_adds(out, "'\n");
    }
    for (const struct opt *o = c->opts; o && o->type != OPT_T_END; o++) {
        if (o->type == OPT_T_GROUP) continue;
        buf_printf(out, "complete -c llmctl -n '%s' -l %s", condition, o->name);
        if (o->letter) buf_printf(out, " -s %c", o->letter);
        if (o->type == OPT_T_ENUM) {
            buf_adds(out, " -x -a '");
            for (const char *p = o->metavar; *p; p++) buf_addc(out, *p == '|' ? ' ' : *p);
            buf_addc(out, '\'');
        } else if (o->type != OPT_T_BOOL) {
            buf_adds(out, " -r");
        }
        buf_adds(out, " -d '");
        quoted(out, o->help, "");
        buf_adds(out, "'\n");
    }
}

static void fish(const struct cmd *const *cmds, size_t n, struct buf *out)
{
    buf_adds(out, "# fish completion for llmctl: llmctl completion fish > ~/.config/fish/completions/llmctl.fish\n");
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "complete -c llmctl -n __fish_use_subcommand -a %s -d '", cmds[i]->name);
        quoted(out, cmds[i]->summary, "");
        buf_adds(out, "'\n");
    }
    each_command(cmds, n, out, fish_case);
}

int opt_completion(const struct cmd *const *cmds, size_t n, const char *shell, struct buf *out, struct err *e)
{
    if (strcmp(shell, "bash") == 0) bash(cmds, n, out);
    else if (strcmp(shell, "zsh") == 0) zsh(cmds, n, out);
    else if (strcmp(shell, "fish") == 0) fish(cmds, n, out);
    else return err_set(e, ERR_USAGE, "no completion for shell '%s'; one of bash, zsh, fish", shell);
    return buf_ok(out, e);
}

/* ---- configuration ---- */

static void dump_enum(const struct opt *o, int index, struct buf *out)
{
    const char *c = o->metavar;
    for (; index > 0; index--) c += strcspn(c, "|") + 1;
    buf_add_json(out, c, strcspn(c, "|"));
}

/* JSON holds text only; a file name may be any bytes. */
static int dump_text(const struct opt *o, const char *s, struct buf *out, struct err *e)
{
    size_t n = strlen(s);
    if (utf8_valid_prefix(s, n) != n)
        return err_set(e, ERR_USAGE, "--%s: the value is not UTF-8, so a configuration file cannot hold it", o->name);
    buf_add_json(out, s, n);
    return 0;
}

static int dump_value(const struct opt *o, const void *field, struct buf *out, struct err *e)
{
    const char *s;
    const struct opt_list *l;
    switch (o->type) {
    case OPT_T_BOOL: buf_adds(out, *(const bool *)field ? "true" : "false"); return 0;
    case OPT_T_INT:
    case OPT_T_SIZE: buf_printf(out, "%lld", (long long)*(const int64_t *)field); return 0;
    case OPT_T_F64: buf_printf(out, "%.17g", *(const double *)field); return 0;
    case OPT_T_ENUM: dump_enum(o, *(const int *)field, out); return 0;
    case OPT_T_STR:
        s = *(const char *const *)field;
        if (s) return dump_text(o, s, out, e);
        buf_adds(out, "null");
        return 0;
    case OPT_T_LIST:
        l = field;
        buf_addc(out, '[');
        for (size_t i = 0; i < l->n; i++) {
            if (i) buf_adds(out, ", ");
            if (dump_text(o, l->v[i], out, e)) return -1;
        }
        buf_addc(out, ']');
        return 0;
    case OPT_T_GROUP:
    case OPT_T_END: break;
    }
    return err_set(e, ERR_INTERNAL, "option table row without a value");
}

int opt_dump(const struct cmd *c, const void *cfg, struct buf *out, struct err *e)
{
    bool first = true;
    buf_addc(out, '{');
    for (const struct opt *o = c->opts; o->type != OPT_T_END; o++) {
        if (o->type == OPT_T_GROUP || strcmp(o->name, "help") == 0 || strcmp(o->name, "dump-config") == 0 ||
            strcmp(o->name, "config") == 0)
            continue;
        buf_printf(out, "%s\n  \"%s\": ", first ? "" : ",", o->name);
        if (dump_value(o, (const char *)cfg + o->offset, out, e)) return -1;
        first = false;
    }
    buf_adds(out, "\n}\n");
    return buf_ok(out, e);
}
