#include "data/clean_replay.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/doc_lines.h"
#include "data/doc_out.h"

/* One line of the file, as far as it matters here. */
struct record {
    const char *who; /* "id":..,"file":..,"line":.. as written */
    size_t who_n;
    bool bad, kept;
    uint64_t bytes;
    int by; /* rule, -1 */
    double v[METRICS_MAX];
    bool settled; /* judged more than once: */
    double first[METRICS_MAX], low[METRICS_MAX], high[METRICS_MAX];
};

struct replay {
    const struct replay_cfg *cfg;
    struct rules_cfg before, after;
    struct rule rule[RULES_MAX];
    cJSON *head; /* owns the names */
    struct replay_stats *s;
    struct doc_out out;
    struct buf lines, scratch, heading;
    uint64_t line_no;
};

/* ---- the first line ---- */

static int read_rule(struct replay *r, const cJSON *j, int n_values, struct err *e)
{
    if (r->before.n_rules == RULES_MAX)
        return err_set(e, ERR_DATA, "line 1: more than %d rules", RULES_MAX);
    struct rule *x = &r->rule[r->before.n_rules];
    const char *fails = "above", *key, *reason = "";
    int64_t value = METRIC_LINE;
    double limit;
    bool on, corpus = false;
    if (json_get_str(j, "rule", &key, "rules[]", e) || json_get_bool(j, "on", &on, key, e) ||
        json_get_f64(j, "limit", -1e300, 1e300, &limit, key, e) ||
        json_opt_str(j, "reason", &reason, key, e) ||
        json_opt_i64(j, "value", 0, n_values - 1, &value, key, e) ||
        json_opt_str(j, "fails", &fails, key, e) || json_opt_bool(j, "corpus", &corpus, key, e))
        return -1;
    *x = (struct rule){key, reason, (int)value, strcmp(fails, "below") == 0, limit, ""};
    int i = rules_add(&r->before, x, e);
    if (i < 0) return -1;
    r->before.on[i] = on;
    r->before.corpus[i] = corpus;
    return 0;
}

static int read_head(struct replay *r, const char *line, size_t n, struct err *e)
{
    int64_t version;
    r->head = json_parse(line, n, "line 1", NULL, e);
    if (!r->head) return -1;
    if (json_get_i64(r->head, "llmctl_decisions", 0, 1000, &version, "line 1", e)) {
        err_hint(e, "write the file with llmctl clean --decisions");
        return -1;
    }
    if (version != DECISIONS_VERSION)
        return err_set(e, ERR_DATA, "decisions of version %d, this program reads %d", (int)version,
                       DECISIONS_VERSION);
    const cJSON *values = json_member(r->head, "values"), *rules = json_member(r->head, "rules"), *x;
    cJSON_ArrayForEach(x, values)
    {
        if (!cJSON_IsString(x)) return err_set(e, ERR_DATA, "line 1: a name is not a string");
        if (rules_add_metric(&r->before, x->valuestring, e) < 0) return -1;
    }
    cJSON_ArrayForEach(x, rules) if (read_rule(r, x, r->before.n_metrics, e)) return -1;
    if (!r->before.n_rules || !r->before.n_metrics)
        return err_set(e, ERR_DATA, "line 1: no rules or no values");
    return 0;
}

/* What was asked for must follow from the values. */
static int apply_changes(struct replay *r, struct err *e)
{
    bool other = false; /* than rules of the whole corpus */
    r->after = r->before;
    for (size_t i = 0; i < r->cfg->n_set; i++) {
        const char *a = r->cfg->set[i], *eq = strchr(a, '=');
        if (rules_set(&r->after, a, e)) return -1;
        int k = rules_find(&r->after, a, (size_t)(eq - a));
        bool same = r->after.on[k] == r->before.on[k] &&
                    (r->after.limit[k] <= r->before.limit[k] && r->after.limit[k] >= r->before.limit[k]);
        other |= !same && !r->after.corpus[k];
        if (rules_is_line(r->after.rule[k]) && !same)
            return err_set(e, ERR_USAGE,
                           "--set %s: a line rule changes the text, and with it what was measured; "
                           "run llmctl clean again",
                           a);
    }
    for (int k = 0; k < r->after.n_rules && other && r->s->corpus < 0; k++)
        if (r->after.on[k] && r->after.corpus[k]) r->s->corpus = k;
    return 0;
}

/* ---- the other lines ---- */

static int damaged(const struct replay *r, const char *what, struct err *e)
{
    return err_set(e, ERR_DATA, "'%s', line %llu: %s", r->cfg->path, (unsigned long long)r->line_no,
                   what);
}

/* One number or null of a list; NULL: there is none. */
static char *read_number(const char *p, const char *end, double *v)
{
    char *stop;
    if (end - p >= 4 && memcmp(p, "null", 4) == 0) {
        *v = (double)NAN;
        return (char *)p + 4;
    }
    *v = strtod(p, &stop); /* the line ends in a NUL */
    return stop == p || stop >= end ? NULL : stop;
}

static int read_values(const struct replay *r, const char *p, const char *end, struct record *x,
                       struct err *e)
{
    int n = 0;
    if (p >= end || *p++ != '[') return damaged(r, "\"v\" is no list", e);
    for (;; p++) {
        if (n == r->before.n_metrics) return damaged(r, "more values than names", e);
        p = read_number(p, end, &x->v[n++]);
        if (!p || p >= end) return damaged(r, "a value is no number", e);
        if (*p == ']') break;
        if (*p != ',') return damaged(r, "a value is no number", e);
    }
    return n == r->before.n_metrics ? 0 : damaged(r, "fewer values than names", e);
}

/* [[which, value], ...]: of the first judging, or of some in between. */
static int read_pairs(const struct replay *r, const char *p, const char *end, struct record *x, bool first,
                      struct err *e)
{
    for (bool more = p < end && *p++ == '['; more;) {
        char *stop;
        double v;
        if (p >= end || *p++ != '[') break;
        long m = strtol(p, &stop, 10);
        if (stop == p || *stop != ',' || m < 0 || m >= r->before.n_metrics) break;
        p = read_number(stop + 1, end, &v);
        if (!p || p + 1 >= end || *p++ != ']') break;
        if (first) x->first[m] = v;
        x->low[m] = fmin(x->low[m], v);
        x->high[m] = fmax(x->high[m], v);
        if (*p == ']') return 0;
        more = *p++ == ',';
    }
    return damaged(r, "\"first\" or \"also\" is no list of pairs", e);
}

static int read_record(const struct replay *r, const char *line, size_t n, struct record *x,
                       struct err *e)
{
    static const char *const members[DOC_EXTRA] = {"kept", "by", "v", "bytes"};
    struct doc_fields f, g;
    const char *const bad[DOC_EXTRA] = {"bad", "line", "first", "also"};
    if (utf8_valid_prefix(line, n) != n) return damaged(r, "invalid UTF-8", e);
    const char *why = doc_json_find_more(line, n, "file", members, &f);
    if (!why) why = doc_json_find_more(line, n, "file", bad, &g);
    if (why) return damaged(r, strcmp(why, "no text field") == 0 ? "no \"file\"" : why, e);
    *x = (struct record){.by = -1};
    if (f.id_begin < 6 || g.extra_end[1] <= f.id_begin) return damaged(r, "no \"id\" and \"line\"", e);
    x->who = line + 1; /* these three come first */
    x->who_n = g.extra_end[1] - 1;
    x->bad = g.extra_end[0] != 0;
    if (x->bad) return 0;
    if (!f.extra_end[0] || !f.extra_end[2] || !f.extra_end[3])
        return damaged(r, "\"kept\", \"v\" or \"bytes\" is missing", e);
    x->kept = line[f.extra_begin[0]] == 't';
    x->bytes = strtoull(line + f.extra_begin[3], NULL, 10);
    if (f.extra_end[1] > f.extra_begin[1] + 2)
        x->by = rules_find(&r->before, line + f.extra_begin[1] + 1,
                           f.extra_end[1] - f.extra_begin[1] - 2);
    if (!x->kept && x->by < 0) return damaged(r, "removed by no known rule", e);
    if (read_values(r, line + f.extra_begin[2], line + f.extra_end[2], x, e)) return -1;
    x->settled = g.extra_end[2] != 0;
    if (!x->settled) return 0;
    memcpy(x->first, x->v, sizeof x->first);
    memcpy(x->low, x->v, sizeof x->low);
    memcpy(x->high, x->v, sizeof x->high);
    for (int k = 2; k < 4; k++)
        if (g.extra_end[k] && read_pairs(r, line + g.extra_begin[k], line + g.extra_end[k], x, k == 2, e)) return -1;
    return 0;
}

/* A rule that is on but whose value is missing can only be passed over when it
 * was so before as well. */
static int check_measured(const struct replay *r, const struct record *x, struct err *e)
{
    for (int k = 0; k < r->after.n_rules; k++) {
        const struct rule *rule = r->after.rule[k];
        if (!r->after.on[k] || r->before.on[k] || rules_is_line(rule) || !isnan(x->v[rule->metric]))
            continue;
        damaged(r, "", e);
        return err_set(e, ERR_USAGE,
                       "--set %s: '%s' was not measured (line %llu); run llmctl clean again", rule->key,
                       r->before.metric[rule->metric], (unsigned long long)r->line_no);
    }
    return 0;
}

static void note_change(struct replay *r, const struct record *x, int now)
{
    struct replay_stats *s = r->s;
    if (x->kept && now >= 0) s->now_removed++;
    else if (!x->kept && now < 0) s->now_kept++;
    else if (now != x->by) s->other_reason++;
    else return;
    if (!r->cfg->out) return;
    buf_addc(&r->lines, '{');
    buf_add(&r->lines, x->who, x->who_n);
    buf_printf(&r->lines, ",\"was\":\"%s\",\"now\":\"%s\"}\n",
               x->kept ? "kept" : r->before.rule[x->by]->key,
               now < 0 ? "kept" : r->after.rule[now]->key);
}

static int decide(struct replay *r, const char *line, size_t n, struct err *e)
{
    struct record x;
    struct rule_set failed = {{0}};
    struct replay_stats *s = r->s;
    if (read_record(r, line, n, &x, e)) return -1;
    s->docs++;
    if (x.bad) {
        s->quarantined++;
        return 0;
    }
    if (check_measured(r, &x, e)) return -1;
    rules_apply(&r->after, x.v, 0, r->after.n_rules, &failed);
    if (x.settled) {
        rules_apply(&r->after, x.low, 0, r->after.n_rules, &failed);
        rules_apply(&r->after, x.high, 0, r->after.n_rules, &failed);
    }
    const double *first = x.settled ? x.first : NULL;
    size_t n_first = first ? (size_t)r->after.n_metrics : 0;
    double value;
    int now = rule_set_any(&failed) ? rules_settled_reason(&r->after, x.v, first, n_first, &failed, &value) : -1;
    s->kept_before += x.kept;
    s->kept_after += now < 0;
    s->bytes_before += x.kept ? x.bytes : 0;
    s->bytes_after += now < 0 ? x.bytes : 0;
    if (x.by >= 0) s->rule[x.by].removed_before++;
    if (now >= 0) s->rule[now].removed_after++;
    note_change(r, &x, now);
    return 0;
}

static int flush(struct replay *r, struct err *e)
{
    if (doc_pack(&r->lines, r->out.packing, &r->scratch, e) || doc_out_write(&r->out, &r->lines, e))
        return -1;
    buf_clear(&r->lines);
    return 0;
}

/* The first line of a file, or one again where the files of shards were joined. */
static int take_heading(struct replay *r, const char *line, size_t n, struct err *e)
{
    if (r->line_no > 1) {
        if (n == r->heading.len && memcmp(line, r->heading.data, n) == 0) return 0;
        return damaged(r, "the heading of a run with other rules", e);
    }
    buf_add(&r->heading, line, n);
    if (buf_ok(&r->heading, e) || read_head(r, line, n, e)) return -1;
    return apply_changes(r, e);
}

static int take_line(struct replay *r, const struct doc_line *line, struct err *e)
{
    static const char mark[] = "{\"llmctl_decisions\"";
    r->line_no = line->no;
    if (!line->ended) return damaged(r, "the line before the end of the file is cut off", e);
    bool heads = line->no == 1 || strncmp(line->s, mark, sizeof mark - 1) == 0;
    if ((heads ? take_heading : decide)(r, line->s, line->n, e)) return -1;
    return r->lines.len > 1 << 20 ? flush(r, e) : 0;
}

static int read_all(struct replay *r, struct err *e)
{
    struct doc_lines in = {.name = r->cfg->path, .most = 64 << 20};
    struct doc_line line;
    int ret = doc_lines_open(&in, r->cfg->path, e) ? -1 : 1;
    while (ret > 0 && (ret = doc_lines_next(&in, &line, e)) > 0)
        if (take_line(r, &line, e)) ret = -1;
    if (!ret && !r->line_no) ret = err_set(e, ERR_DATA, "'%s' is empty", r->cfg->path);
    doc_lines_close(&in);
    return ret;
}

static int copy_names(struct replay *r, struct err *e)
{
    struct replay_stats *s = r->s;
    for (int k = 0; k < r->before.n_rules; k++) {
        s->rule[k].key = mem_strdup(r->before.rule[k]->key);
        s->rule[k].reason = mem_strdup(r->before.rule[k]->reason);
        s->n_rules = k + 1;
        if (!s->rule[k].key || !s->rule[k].reason) return err_oom(e, 64, "the names of the rules");
    }
    return 0;
}

int replay_run(const struct replay_cfg *cfg, struct replay_stats *out, struct err *e)
{
    *out = (struct replay_stats){.corpus = -1};
    struct replay *r = mem_zalloc(1, sizeof *r);
    if (!r) return err_oom(e, sizeof *r, "a replay");
    r->cfg = cfg;
    r->s = out;
    int ret = doc_out_open(&r->out, cfg->out, e) || read_all(r, e) || flush(r, e) ? -1 : 0;
    if (!ret) ret = doc_out_commit(&r->out, e);
    if (!ret) ret = copy_names(r, e);
    doc_out_abort(&r->out);
    json_free(r->head);
    buf_free(&r->lines);
    buf_free(&r->scratch);
    buf_free(&r->heading);
    free(r);
    return ret;
}

void replay_stats_free(struct replay_stats *s)
{
    for (int k = 0; k < s->n_rules; k++) {
        free(s->rule[k].key);
        free(s->rule[k].reason);
    }
    *s = (struct replay_stats){0};
}

void replay_report_json(const struct replay_stats *s, struct buf *out)
{
    buf_printf(out,
               "{\"documents\":%llu,\"quarantined\":%llu,\"kept\":{\"before\":%llu,\"after\":%llu},"
               "\"text_bytes\":{\"before\":%llu,\"after\":%llu},\"now_kept\":%llu,\"now_removed\":%llu,"
               "\"other_reason\":%llu,\"rules\":[",
               (unsigned long long)s->docs, (unsigned long long)s->quarantined,
               (unsigned long long)s->kept_before, (unsigned long long)s->kept_after,
               (unsigned long long)s->bytes_before, (unsigned long long)s->bytes_after,
               (unsigned long long)s->now_kept, (unsigned long long)s->now_removed,
               (unsigned long long)s->other_reason);
    bool first = true;
    for (int k = 0; k < s->n_rules; k++) {
        const struct replay_rule *x = &s->rule[k];
        if (!x->removed_before && !x->removed_after) continue;
        buf_printf(out, "%s{\"rule\":", first ? "" : ",");
        buf_adds_json(out, x->key);
        buf_printf(out, ",\"removed\":{\"before\":%llu,\"after\":%llu}}",
                   (unsigned long long)x->removed_before, (unsigned long long)x->removed_after);
        first = false;
    }
    buf_adds(out, "]}\n");
}
