/* Text made from an option table: help, manual page, config. */
#include "core/base/opt.h"

#include <stdio.h>
#include <string.h>

#include "core/base/json.h"

static const int help_width = 80, help_column = 28;
static const size_t roff_width = 72;

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

/* One line of roff text: a leading dot or quote and backslashes are escaped;
 * but for text that stays as it is, a new sentence begins a new line, and a
 * long line is continued at a word that roff cannot take for a request. */
static void roff_line(struct buf *out, const char *s, size_t n, bool literal)
{
    size_t col = 0;
    if (n && (s[0] == '.' || s[0] == '\'')) buf_adds(out, "\\&");
    for (size_t i = 0; i < n; i++) {
        size_t word = s[i] == ' ' ? strcspn(s + i + 1, " ") : 0;
        if (!literal && s[i] == ' ' && col + word > roff_width && s[i + 1] != '.' && s[i + 1] != '\'') {
            buf_addc(out, '\n');
            col = 0;
            continue;
        }
        if (s[i] == '\\') buf_adds(out, "\\e");
        else buf_addc(out, s[i]);
        col++;
        if (!literal && strchr(".?!:", s[i]) && i + 2 < n && s[i + 1] == ' ' && s[i + 2] >= 'A' && s[i + 2] <= 'Z') {
            buf_addc(out, '\n');
            col = 0;
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

/* What every page says. */
static void man_common(struct buf *out)
{
    buf_adds(out, ".Sh ENVIRONMENT\nEach option that takes one value can be given as\n.Ev LLMCTL_NAME ,\n"
                  "the option's name in capitals with underscores; the command line wins.\n");
    buf_adds(out, ".Sh EXIT STATUS\n0 done; 1 ran but the result is bad; 2 usage; 65 bad data; 66 no such input;\n"
                  "70 internal error; 71 out of memory; 73 cannot create or locked; 74 I/O error;\n"
                  "75 stopped after a checkpoint, run again to resume; 78 bad configuration.\n");
}

void opt_man_index(const struct cmd *const *cmds, size_t n, struct buf *out)
{
    buf_adds(out, ".Dd $Mdocdate$\n.Dt LLMCTL 1\n.Os\n.Sh NAME\n.Nm llmctl\n"
                  ".Nd from raw text to a served language model, one executable\n"
                  ".Sh SYNOPSIS\n.Nm llmctl\n.Ar command\n.Op Ar options\n"
                  ".Sh DESCRIPTION\nThe commands, each with a page of its own (llmctl-pretrain and so on):\n.Bl -tag -width completion\n");
    for (size_t i = 0; i < n; i++) {
        if (cmds[i]->unsupported) continue;
        buf_printf(out, ".It Cm %s\n", cmds[i]->name);
        roff(out, cmds[i]->summary, strlen(cmds[i]->summary));
        buf_adds(out, ".\n");
    }
    buf_adds(out, ".El\n");
    man_common(out);
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
    if (c->details) {
        roff_text(out, c->details);
    } else {
        roff(out, c->summary, strlen(c->summary));
        buf_adds(out, ".\n");
    }
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
    man_common(out);
    if (c->examples) {
        buf_adds(out, ".Sh EXAMPLES\n");
        roff_text(out, c->examples);
    }
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

/* Neither given nor with a default: 0 would be a value, and maybe out of range. */
static bool is_unset(const struct cmd *c, const struct opt *o, const struct opt_result *r)
{
    return !o->def && o->type != OPT_T_BOOL && o->type != OPT_T_LIST && !opt_is_set(c, r, o->name);
}

int opt_dump(const struct cmd *c, const void *cfg, const struct opt_result *r, struct buf *out, struct err *e)
{
    bool first = true;
    buf_addc(out, '{');
    for (const struct opt *o = c->opts; o->type != OPT_T_END; o++) {
        if (o->type == OPT_T_GROUP || strcmp(o->name, "help") == 0 || strcmp(o->name, "dump-config") == 0 ||
            strcmp(o->name, "config") == 0)
            continue;
        buf_printf(out, "%s\n  \"%s\": ", first ? "" : ",", o->name);
        if (is_unset(c, o, r)) buf_adds(out, "null");
        else if (dump_value(o, (const char *)cfg + o->offset, out, e)) return -1;
        first = false;
    }
    buf_adds(out, "\n}\n");
    return buf_ok(out, e);
}
