/* Parsing: defaults, config file, environment, command line, in that order. */
#include "core/base/opt.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/json.h"
#include "core/base/log.h"

static const struct opt *find_long(const struct opt *opts, const char *name, size_t n)
{
    for (const struct opt *o = opts; o->type != OPT_T_END; o++)
        if (o->type != OPT_T_GROUP && strlen(o->name) == n && memcmp(o->name, name, n) == 0) return o;
    return NULL;
}

static const struct opt *find_letter(const struct opt *opts, char letter)
{
    for (const struct opt *o = opts; o->type != OPT_T_END; o++)
        if (o->type != OPT_T_GROUP && o->letter == letter) return o;
    return NULL;
}

/* Long names of all options into names[max]; returns how many. */
static size_t long_names(const struct opt *opts, const char **names, size_t max)
{
    size_t n = 0;
    for (const struct opt *o = opts; o->type != OPT_T_END && n < max; o++)
        if (o->type != OPT_T_GROUP) names[n++] = o->name;
    return n;
}

static bool same_name(const char *a, const char *b)
{
    while (*a && (*a == *b || (*a == '_' && *b == '-'))) a++, b++;
    return *a == *b;
}

/* What the option is called here, if it is one of another program: whether it is. */
static bool hint_other(const struct cmd *c, const char *name, struct err *e)
{
    for (const struct opt_other *o = c->others; o && o->name; o++) {
        if (!same_name(name, o->name)) continue;
        err_hint(e, strchr(o->hint, ' ') ? "%s" : "it is %s here", o->hint);
        return true;
    }
    return false;
}

static int unknown_name(const struct cmd *c, const char *what, const char *shown, const char *name,
                        enum err_code code, struct err *e)
{
    const char *names[256];
    size_t n = long_names(c->opts, names, COUNT_OF(names));
    err_set(e, code, "unknown %s %s", what, shown);
    if (hint_other(c, name, e)) return -1;
    const char *near = opt_nearest(name, names, n);
    if (near) return err_hint(e, "did you mean %s%s?", code == ERR_USAGE ? "--" : "", near);
    return err_hint(e, "see llmctl %s --help", c->name);
}

/* ---- values ---- */

static int bad_value(const struct opt *o, const char *v, const char *source, const char *want, struct err *e)
{
    return err_set(e, source ? ERR_CONFIG : ERR_USAGE, "%s%s--%s: '%s' is not %s", source ? source : "",
                   source ? ": " : "", o->name, v, want);
}

/* A decimal number with an optional suffix; unit 1000 or 1024. */
static int parse_number(const char *v, int unit, double *out)
{
    char *end;
    if (!*v || isspace((unsigned char)*v)) return -1;
    errno = 0;
    double x = strtod(v, &end);
    if (end == v || !isfinite(x) || strpbrk(v, "xXpP")) return -1;
    static const char suffixes[] = "kmgt";
    if (unit && *end) {
        const char *s = strchr(suffixes, tolower((unsigned char)*end));
        if (!s || !*s) return -1;
        for (const char *k = suffixes; k <= s; k++) x *= unit;
        end++;
        if (unit == 1024 && (*end == 'B' || *end == 'i')) end += strcmp(end, "iB") == 0 ? 2 : 1;
    }
    *out = x;
    return *end ? -1 : 0;
}

/* Digits alone are taken as they are: a double holds them up to 2^53 only. */
static bool is_digits(const char *v, int64_t *out)
{
    char *end;
    if (isspace((unsigned char)*v)) return false;
    errno = 0;
    *out = strtoll(v, &end, 10);
    return end != v && !*end && !errno;
}

static int set_number(const struct opt *o, void *field, const char *v, const char *source, struct err *e)
{
    double x;
    int unit = o->type == OPT_T_INT ? 1000 : o->type == OPT_T_SIZE ? 1024 : 0;
    if (parse_number(v, unit, &x))
        return bad_value(o, v, source,
                         o->type == OPT_T_F64   ? "a number"
                         : o->type == OPT_T_INT ? "an integer"
                                                : "a size",
                         e);
    if (unit && x != floor(x)) return bad_value(o, v, source, "an integer", e);
    int64_t n = 0;
    bool exact = unit && is_digits(v, &n);
    if (x < o->min || x > o->max || (exact && (n < (int64_t)o->min || n > (int64_t)o->max))) {
        char want[80];
        snprintf(want, sizeof want, unit ? "between %.0f and %.0f" : "between %.15g and %.15g", o->min, o->max);
        return bad_value(o, v, source, want, e);
    }
    if (unit) *(int64_t *)field = exact ? n : (int64_t)x;
    else *(double *)field = x;
    return 0;
}

static int set_enum(const struct opt *o, int *field, const char *v, const char *source, struct err *e)
{
    int i = 0;
    size_t n = strlen(v);
    for (const char *c = o->metavar;; i++) {
        size_t len = strcspn(c, "|");
        if (len == n && memcmp(c, v, n) == 0) {
            *field = i;
            return 0;
        }
        if (!c[len]) break;
        c += len + 1;
    }
    char want[200];
    snprintf(want, sizeof want, "one of %s", o->metavar);
    return bad_value(o, v, source, want, e);
}

static int append_list(struct opt_list *l, const char *v, struct opt_result *r, struct err *e)
{
    const char **bigger = arena_alloc(&r->arena, l->n + 1, sizeof *bigger);
    if (!bigger) return err_oom(e, (l->n + 1) * sizeof *bigger, "an option list");
    if (l->n) memcpy(bigger, l->v, l->n * sizeof *bigger);
    bigger[l->n] = v;
    *l = (struct opt_list){bigger, l->n + 1};
    return 0;
}

/* source: NULL for the command line, else where the value came from. */
static int set_value(const struct opt *o, void *cfg, const char *v, const char *source, struct opt_result *r,
                     struct err *e)
{
    void *field = (char *)cfg + o->offset;
    switch (o->type) {
    case OPT_T_BOOL:
        if (strcmp(v, "true") == 0 || strcmp(v, "1") == 0) *(bool *)field = true;
        else if (strcmp(v, "false") == 0 || strcmp(v, "0") == 0) *(bool *)field = false;
        else return bad_value(o, v, source, "true or false", e);
        return 0;
    case OPT_T_INT:
    case OPT_T_F64:
    case OPT_T_SIZE: return set_number(o, field, v, source, e);
    case OPT_T_ENUM: return set_enum(o, field, v, source, e);
    case OPT_T_STR: *(const char **)field = v; return 0;
    case OPT_T_LIST: return append_list(field, v, r, e);
    case OPT_T_GROUP:
    case OPT_T_END: break;
    }
    return err_set(e, ERR_INTERNAL, "option table row without a value");
}

static void mark(const struct cmd *c, struct opt_result *r, const struct opt *o)
{
    size_t i = (size_t)(o - c->opts);
    assert(i < OPT_ROWS_MAX);
    r->set[i / 64] |= (uint64_t)1 << (i % 64);
}

bool opt_is_set(const struct cmd *c, const struct opt_result *r, const char *name)
{
    const struct opt *o = find_long(c->opts, name, strlen(name));
    if (!o) return false;
    size_t i = (size_t)(o - c->opts);
    return r->set[i / 64] >> (i % 64) & 1;
}

/* ---- the command line: first a list of assignments, applied last ---- */

struct assignment {
    const struct opt *o;
    const char *v;
};

struct line {
    struct assignment *v;
    size_t n;
};

static int need_value(const struct opt *o, int argc, char **argv, int *i, const char **v, struct err *e)
{
    if (*i + 1 >= argc) return err_set(e, ERR_USAGE, "--%s needs a value (%s)", o->name, o->metavar);
    *v = argv[++*i];
    return 0;
}

static int long_option(const struct cmd *c, struct line *l, int argc, char **argv, int *i, struct err *e)
{
    const char *name = argv[*i] + 2, *eq = strchr(name, '='), *v = eq ? eq + 1 : NULL;
    size_t n = eq ? (size_t)(eq - name) : strlen(name);
    const struct opt *o = find_long(c->opts, name, n);
    if (!o && !eq && strncmp(name, "no-", 3) == 0) {
        o = find_long(c->opts, name + 3, n - 3);
        if (o && o->type != OPT_T_BOOL) o = NULL;
        v = "false";
    }
    if (!o) {
        char word[100];
        snprintf(word, sizeof word, "%.*s", (int)(n < 90 ? n : 90), name);
        return unknown_name(c, "option", argv[*i], word, ERR_USAGE, e);
    }
    if (!v && o->type == OPT_T_BOOL) v = "true";
    if (!v && need_value(o, argc, argv, i, &v, e)) return -1;
    l->v[l->n++] = (struct assignment){o, v};
    return 0;
}

static int unknown_letter(const struct cmd *c, char letter, struct err *e)
{
    err_set(e, ERR_USAGE, "unknown option -%c", letter);
    return hint_other(c, (char[2]){letter}, e) ? -1 : err_hint(e, "see llmctl %s --help", c->name);
}

static int short_options(const struct cmd *c, struct line *l, int argc, char **argv, int *i, struct err *e)
{
    for (const char *s = argv[*i] + 1; *s; s++) {
        const struct opt *o = find_letter(c->opts, *s);
        if (!o) return unknown_letter(c, *s, e);
        if (o->type == OPT_T_BOOL) {
            l->v[l->n++] = (struct assignment){o, "true"};
            continue;
        }
        const char *v = s + 1;
        if (!*v && need_value(o, argc, argv, i, &v, e)) return -1;
        l->v[l->n++] = (struct assignment){o, v};
        return 0;
    }
    return 0;
}

static int read_line(const struct cmd *c, struct line *l, int argc, char **argv, struct opt_result *r,
                     struct err *e)
{
    size_t room = 0; /* clustered letters make several assignments of one word */
    for (int i = 1; i < argc; i++) room += strlen(argv[i]) + 1;
    l->v = arena_alloc(&r->arena, room + 1, sizeof *l->v);
    r->args = arena_alloc(&r->arena, (size_t)argc + 1, sizeof *r->args);
    if (!l->v || !r->args) return err_oom(e, room, "the command line");
    bool only_operands = false;
    for (int i = 1; i < argc; i++) {
        char *a = argv[i];
        if (only_operands || a[0] != '-' || a[1] == '\0') r->args[r->n_args++] = a;
        else if (strcmp(a, "--") == 0) only_operands = true;
        else if (a[1] == '-' ? long_option(c, l, argc, argv, &i, e) : short_options(c, l, argc, argv, &i, e))
            return -1;
    }
    r->args[r->n_args] = NULL;
    return 0;
}

static int apply_line(const struct cmd *c, const struct line *l, void *cfg, struct opt_result *r, struct err *e)
{
    for (size_t k = 0; k < l->n; k++) { /* a list given here replaces that of the file */
        const struct opt *o = l->v[k].o;
        if (o->type == OPT_T_LIST) *(struct opt_list *)(void *)((char *)cfg + o->offset) = (struct opt_list){0};
    }
    for (size_t k = 0; k < l->n; k++) {
        if (set_value(l->v[k].o, cfg, l->v[k].v, NULL, r, e)) return -1;
        mark(c, r, l->v[k].o);
    }
    return 0;
}

/* ---- the other sources ---- */

static int apply_defaults(const struct cmd *c, void *cfg, struct opt_result *r, struct err *e)
{
    for (const struct opt *o = c->opts; o->type != OPT_T_END; o++)
        if (o->type != OPT_T_GROUP && o->def && set_value(o, cfg, o->def, "default", r, e)) {
            e->code = ERR_INTERNAL;
            return -1;
        }
    return 0;
}

/* "LLMCTL_MIN_LR" for min-lr. */
static void env_name(const struct opt *o, char out[64])
{
    size_t n = (size_t)snprintf(out, 64, "LLMCTL_%s", o->name);
    for (size_t k = 0; k < n && k < 63; k++) out[k] = out[k] == '-' ? '_' : (char)toupper((unsigned char)out[k]);
}

/* --help and --dump-config make no sense from a file or the environment. */
static bool only_on_line(const struct opt *o)
{
    return strcmp(o->name, "help") == 0 || strcmp(o->name, "dump-config") == 0;
}

static int apply_environment(const struct cmd *c, void *cfg, struct opt_result *r, struct err *e)
{
    for (const struct opt *o = c->opts; o->type != OPT_T_END; o++) {
        char name[64];
        if (o->type == OPT_T_GROUP || o->type == OPT_T_LIST || only_on_line(o)) continue;
        env_name(o, name);
        const char *v = getenv(name);
        if (!v || !*v) continue;
        if (set_value(o, cfg, v, name, r, e)) return -1;
        mark(c, r, o);
    }
    return 0;
}

/* Whether the field holds what it would without any source. */
static bool is_default(const struct opt *o, const void *cfg)
{
    const void *field = (const char *)cfg + o->offset;
    struct err ignored;
    const char *s;
    int64_t n;
    double x;
    int choice;
    switch (o->type) {
    case OPT_T_BOOL: return *(const bool *)field == (o->def && (*o->def == 't' || *o->def == '1'));
    case OPT_T_INT:
    case OPT_T_SIZE: return o->def && !set_number(o, &n, o->def, NULL, &ignored) && n == *(const int64_t *)field;
    case OPT_T_F64: return o->def && !set_number(o, &x, o->def, NULL, &ignored) && x == *(const double *)field;
    case OPT_T_ENUM: return o->def && !set_enum(o, &choice, o->def, NULL, &ignored) && choice == *(const int *)field;
    case OPT_T_STR:
        s = *(const char *const *)field;
        return s && o->def ? strcmp(s, o->def) == 0 : s == o->def;
    case OPT_T_LIST: return ((const struct opt_list *)field)->n == 0;
    case OPT_T_GROUP:
    case OPT_T_END: break;
    }
    return true;
}

/* The text of a JSON scalar, in the arena. */
static const char *scalar_text(const cJSON *m, struct opt_result *r)
{
    if (cJSON_IsString(m)) return arena_strdup(&r->arena, m->valuestring);
    if (cJSON_IsBool(m)) return cJSON_IsTrue(m) ? "true" : "false";
    return arena_printf(&r->arena, "%.17g", m->valuedouble);
}

static int apply_member(const struct cmd *c, const cJSON *m, const char *path, void *cfg, struct opt_result *r,
                        struct err *e)
{
    const struct opt *o = find_long(c->opts, m->string, strlen(m->string));
    if (!o || only_on_line(o) || strcmp(o->name, "config") == 0) {
        char shown[160];
        snprintf(shown, sizeof shown, "\"%.140s\"", m->string);
        unknown_name(c, "key", shown, m->string, ERR_CONFIG, e);
        return err_wrap(e, "%s", path);
    }
    bool list = o->type == OPT_T_LIST && cJSON_IsArray(m);
    for (const cJSON *v = list ? m->child : m; v; v = list ? v->next : NULL) {
        bool numeric = o->type == OPT_T_INT || o->type == OPT_T_F64 || o->type == OPT_T_SIZE;
        bool fits = cJSON_IsString(v) || (cJSON_IsNumber(v) && numeric) || (cJSON_IsBool(v) && o->type == OPT_T_BOOL);
        if (cJSON_IsNull(v) && !list) return 0;
        if (!fits) return err_set(e, ERR_CONFIG, "%s: key \"%s\" has a value of the wrong type", path, o->name);
        const char *text = scalar_text(v, r);
        if (!text) return err_oom(e, 64, "a configuration value");
        if (set_value(o, cfg, text, path, r, e)) return -1;
    }
    /* --dump-config writes every option: a file that holds the default asks for nothing. */
    if (!is_default(o, cfg)) mark(c, r, o);
    return 0;
}

static int apply_file(const struct cmd *c, const char *path, void *cfg, struct opt_result *r, struct err *e)
{
    struct json_limits lim = {.comments = true, .max_bytes = (size_t)1 << 20};
    cJSON *j = json_read_file(path, &lim, e);
    int ret = 0;
    if (!j) {
        if (e->code == ERR_DATA) e->code = ERR_CONFIG;
        return -1;
    }
    if (!cJSON_IsObject(j)) ret = err_set(e, ERR_CONFIG, "%s: an object of options is expected", path);
    for (const cJSON *m = j->child; m && !ret; m = m->next) ret = apply_member(c, m, path, cfg, r, e);
    json_free(j);
    return ret;
}

/* The common options stand in the caller's struct at an offset that the table
 * knows; these read them by name. */
static void *field_of(const struct cmd *c, void *cfg, const char *name)
{
    const struct opt *o = find_long(c->opts, name, strlen(name));
    return o ? (char *)cfg + o->offset : NULL;
}

static bool flag(const struct cmd *c, void *cfg, const char *name)
{
    bool *p = field_of(c, cfg, name);
    return p && *p;
}

static int finish(const struct cmd *c, void *cfg, struct opt_result *r, struct err *e)
{
    int *color = field_of(c, cfg, "color");
    log_setup(flag(c, cfg, "quiet"), color ? (enum log_color) * color : LOG_COLOR_AUTO);
    if (!flag(c, cfg, "dump-config")) return 0;
    struct buf b = {0};
    int ret = opt_dump(c, cfg, r, &b, e);
    if (!ret) ret = out_write(b.data, b.len, e);
    buf_free(&b);
    r->exit_now = true;
    return ret;
}

static int show_help(const struct cmd *c, struct opt_result *r, struct err *e)
{
    struct buf b = {0};
    opt_help(c, &b);
    int ret = buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    r->exit_now = true;
    return ret;
}

int opt_parse(const struct cmd *c, void *cfg, int argc, char **argv, struct opt_result *r, struct err *e)
{
    struct line l = {0};
    *r = (struct opt_result){0};
    /* Help wins over every other mistake on the line. */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return show_help(c, r, e);
    if (read_line(c, &l, argc, argv, r, e)) return -1;
    for (size_t k = 0; k < l.n; k++) /* among other letters: -qh */
        if (strcmp(l.v[k].o->name, "help") == 0 && strcmp(l.v[k].v, "true") == 0) return show_help(c, r, e);
    if (apply_defaults(c, cfg, r, e)) return -1;
    const char *config = getenv("LLMCTL_CONFIG");
    for (size_t k = 0; k < l.n; k++)
        if (strcmp(l.v[k].o->name, "config") == 0) config = l.v[k].v;
    if (config && *config && apply_file(c, config, cfg, r, e)) return -1;
    if (apply_environment(c, cfg, r, e)) return -1;
    if (apply_line(c, &l, cfg, r, e)) return -1;
    return finish(c, cfg, r, e);
}

void opt_free(struct opt_result *r)
{
    arena_free(&r->arena);
    *r = (struct opt_result){0};
}

/* ---- nearest name ---- */

static int lower(char c)
{
    return tolower((unsigned char)c);
}

/* Optimal string alignment distance: one insertion, deletion, substitution or
 * swap of neighbours each costs 1; upper and lower case are the same. */
static int distance(const char *a, const char *b)
{
    enum { MAX = 63 };
    int d[MAX + 1][MAX + 1], n = (int)strlen(a), m = (int)strlen(b);
    if (n > MAX || m > MAX) return MAX;
    for (int i = 0; i <= n; i++) d[i][0] = i;
    for (int j = 0; j <= m; j++) d[0][j] = j;
    for (int i = 1; i <= n; i++) {
        for (int j = 1; j <= m; j++) {
            int best = d[i - 1][j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
            if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
            bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
            if (swapped && d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[n][m];
}

const char *opt_nearest(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    int best_d = 3, len = (int)strlen(word);
    for (size_t i = 0; i < n; i++) {
        int d = distance(word, names[i]);
        if (d < best_d && 2 * d < len + 1) {
            best = names[i];
            best_d = d;
        }
    }
    for (size_t i = 0; !best && len > 2 && i < n; i++)
        if (strncasecmp(word, names[i], (size_t)len) == 0) best = names[i];
    return best;
}
