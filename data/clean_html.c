/* The report of `llmctl clean` as one page: counts, funnel, curves, examples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/train/svg.h"
#include "data/clean.h"
#include "data/clean_detail.h"
#include "data/report_page.h"

static void summary(struct buf *b, const struct clean_stats *s)
{
    buf_printf(b,
               "<p>in %llu = out %llu + removed %llu + quarantined %llu documents; %.2f MB of text in, "
               "%.2f MB out (%.1f %%); %llu kept documents changed</p>\n",
               (unsigned long long)s->docs_in, (unsigned long long)s->docs_out,
               (unsigned long long)s->docs_removed, (unsigned long long)s->docs_bad,
               (double)s->bytes_in / 1e6, (double)s->bytes_out / 1e6, report_percent(s->bytes_out, s->bytes_in),
               (unsigned long long)s->changed);
}

static void funnel(struct buf *b, const struct clean_cfg *cfg, const struct clean_stats *s)
{
    uint64_t left = s->docs_in - s->docs_bad;
    buf_adds(b, "<h2>What each rule removed</h2>\n<p class=\"s\">A document counts for the first rule that "
                "fails. Alone: no other rule would remove it. Of: all that the rule would remove.</p>\n"
                "<table><tr><th>rule</th><th>limit</th><th>removed</th><th>alone</th><th>of</th><th>MB of "
                "text</th><th>left</th><th></th></tr>\n");
    for (int r = 0; r < cfg->rules.n_rules; r++) {
        const struct clean_rule_stats *x = &s->rule[r];
        const struct rule *rule = cfg->rules.rule[r];
        if (!cfg->rules.on[r] || rules_is_line(rule) || !x->failed) continue;
        left -= x->removed;
        double width = report_percent(x->removed, s->docs_in) * 2.4, rest = report_percent(left, s->docs_in) * 2.4;
        buf_printf(b, "<tr><td title=\"");
        report_page_text(b, rule->help);
        buf_printf(b, "\">%s</td><td>%s %.4g</td><td>%llu</td><td>%llu</td><td>%llu</td><td>%.2f</td><td>%llu</td>"
                      "<td style=\"text-align:left\"><span class=\"bar o\" style=\"width:%.0fpx\"></span><span "
                      "class=\"bar\" style=\"width:%.0fpx\"></span></td></tr>\n",
                   rule->key, rule->below ? "&ge;" : "&le;", cfg->rules.limit[r],
                   (unsigned long long)x->removed, (unsigned long long)x->only,
                   (unsigned long long)x->failed, (double)x->bytes / 1e6, (unsigned long long)left, rest, width);
    }
    buf_adds(b, "</table>\n");
    bool any = false;
    for (int r = 0; r < cfg->rules.n_rules; r++) {
        if (!cfg->rules.on[r] || !rules_is_line(cfg->rules.rule[r]) || !s->rule[r].failed) continue;
        buf_printf(b, "%s<tr><td>%s</td><td>%llu</td></tr>\n",
                   any ? "" : "<h2>Lines and parts of lines taken out</h2>\n<table>\n",
                   cfg->rules.rule[r]->key, (unsigned long long)s->rule[r].failed);
        any = true;
    }
    if (any) buf_adds(b, "</table>\n");
}

struct ranked {
    const char *name;
    const struct clean_group *g;
};

static int by_bytes(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->g->bytes_in != y->g->bytes_in) return x->g->bytes_in < y->g->bytes_in ? 1 : -1;
    return strcmp(x->name, y->name);
}

static int groups(struct buf *b, const char *title, const struct clean_groups *g, struct err *e)
{
    enum { MOST = 40 };
    size_t n = g->names.n;
    if (!n || (n == 1 && !g->names.name[0][0])) return 0;
    struct ranked *v = mem_alloc(n, sizeof *v);
    if (!v) return err_oom(e, n * sizeof *v, "the groups of the report");
    for (size_t i = 0; i < n; i++)
        v[i] = (struct ranked){g->names.name[i], &g->v[i]};
    qsort(v, n, sizeof *v, by_bytes);
    buf_printf(b, "<h2>%s</h2>\n<table><tr><th></th><th>documents in</th><th>out</th><th>%%</th><th>MB "
                  "in</th><th>out</th></tr>\n", title);
    for (size_t i = 0; i < n && i < MOST; i++) {
        buf_adds(b, "<tr><td>");
        report_page_text(b, v[i].name[0] ? v[i].name : "(unknown)");
        buf_printf(b, "</td><td>%llu</td><td>%llu</td><td>%.1f</td><td>%.2f</td><td>%.2f</td></tr>\n",
                   (unsigned long long)v[i].g->docs_in, (unsigned long long)v[i].g->docs_out,
                   report_percent(v[i].g->docs_out, v[i].g->docs_in), (double)v[i].g->bytes_in / 1e6,
                   (double)v[i].g->bytes_out / 1e6);
    }
    buf_printf(b, "</table>\n");
    if (n > MOST) buf_printf(b, "<p class=\"s\">and %zu more</p>\n", n - MOST);
    free(v);
    return 0;
}

/* Documents that a rule alone would remove, over its limit. */
static void curves(struct buf *b, const struct clean_cfg *cfg, const struct clean_stats *s)
{
    bool any = false;
    for (int r = 0; r < cfg->rules.n_rules; r++) {
        double x[CURVE_BINS], y[CURVE_BINS], at = cfg->rules.limit[r];
        if (!cfg->rules.on[r] || rules_is_line(cfg->rules.rule[r]) || !(at > 0) || !s->rule[r].failed)
            continue;
        struct series line = {.x = x, .y = y}, now = {.x = &at, .n = 1};
        for (int k = 8; k <= 48; k++) { /* an eighth of the limit to four times */
            x[line.n] = at * exp2((double)(k - CURVE_ONE) / CURVE_STEPS);
            y[line.n++] = (double)detail_fail_at(s->detail, &cfg->rules, r, k);
        }
        double here = (double)s->rule[r].failed;
        now.y = &here;
        if (!any)
            buf_adds(b, "<h2>Other limits</h2>\n<p class=\"s\">Documents that the rule would remove, over its "
                        "limit; the dot is the limit of this run.</p>\n<div class=\"c\">\n");
        any = true;
        struct chart c = {cfg->rules.rule[r]->key, {&line, &now}, {NULL, NULL}, false};
        svg_chart(b, &c);
    }
    if (any) buf_adds(b, "</div>\n");
}

static void samples(struct buf *b, const struct clean_cfg *cfg, const struct clean_stats *s)
{
    buf_adds(b, "<h2>Examples of what was removed</h2>\n");
    for (int r = 0; r < cfg->rules.n_rules; r++) {
        bool first = true;
        for (size_t i = 0; i < s->detail->n; i++) {
            const struct clean_sample *x = &s->detail->sample[i];
            if (x->rule != r) continue;
            if (first) buf_printf(b, "<h3>%s</h3>\n", cfg->rules.rule[r]->key);
            first = false;
            buf_adds(b, "<div class=\"d\">");
            report_page_text(b, x->id);
            buf_printf(b, ": %.4g</div><blockquote>", x->value);
            report_page_text(b, x->text);
            buf_adds(b, "</blockquote>\n");
        }
    }
}

int clean_report_html(const struct clean_cfg *cfg, const struct clean_stats *s, struct buf *out,
                      struct err *e)
{
    static const char *const titles[CLEAN_LABELS] = {"By source", "By language", "By class"};
    report_page_begin(out, "llmctl clean");
    summary(out, s);
    funnel(out, cfg, s);
    for (int k = 0; k < CLEAN_LABELS; k++)
        if (groups(out, titles[k], &s->group[k], e)) return -1;
    if (s->detail) {
        curves(out, cfg, s);
        samples(out, cfg, s);
    }
    report_page_end(out);
    return buf_ok(out, e);
}
