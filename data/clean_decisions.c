/* The decisions file: DECISIONS.md. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "data/clean_internal.h"
#include "data/clean_replay.h"

/* So that reading gives the same double: whole numbers as such, up to nine
 * decimals where they say it all, else 17 digits. */
static void add_number(struct buf *out, double v)
{
    char t[40];
    if (!isfinite(v)) {
        buf_adds(out, "null");
        return;
    }
    double scaled = fabs(v) < 1e6 ? nearbyint(v * 1e9) : 0;
    if (fabs(v) < 1e15 && v == nearbyint(v)) {
        snprintf(t, sizeof t, "%.0f", v);
    } else if (scaled / 1e9 == v && v > 0) {
        unsigned long long k = (unsigned long long)scaled;
        int n = snprintf(t, sizeof t, "%llu.%09llu", k / 1000000000, k % 1000000000);
        while (t[n - 1] == '0')
            t[--n] = '\0';
    } else {
        snprintf(t, sizeof t, "%.17g", v);
    }
    buf_adds(out, t);
}

static void add_string(struct buf *out, const char *key, const char *s, size_t n)
{
    buf_printf(out, ",\"%s\":\"", key);
    doc_json_escape(s, utf8_valid_prefix(s, n), out);
    buf_addc(out, '"');
}

void decisions_head(const struct clean_cfg *cfg, struct buf *out)
{
    const struct rules_cfg *c = &cfg->rules;
    buf_printf(out, "{\"llmctl_decisions\":%d,\"values\":[", DECISIONS_VERSION);
    for (int m = 0; m < c->n_metrics; m++)
        buf_printf(out, "%s\"%s\"", m ? "," : "", c->metric[m]);
    buf_adds(out, "],\"rules\":[");
    for (int r = 0; r < c->n_rules; r++) {
        const struct rule *x = c->rule[r];
        buf_printf(out, "%s{\"rule\":\"%s\",\"on\":%s,\"limit\":", r ? "," : "", x->key,
                   c->on[r] ? "true" : "false");
        add_number(out, c->limit[r]);
        if (!rules_is_line(x))
            buf_printf(out, ",\"reason\":\"%s\",\"value\":%d,\"fails\":\"%s\"", x->reason, x->metric,
                       x->below ? "below" : "above");
        buf_adds(out, c->corpus[r] ? ",\"corpus\":true}" : "}");
    }
    buf_adds(out, "]}\n");
}

static void open_record(const struct doc *d, struct buf *out)
{
    buf_adds(out, "{\"id\":");
    doc_emit_id(d, out);
    add_string(out, "file", d->file->name, strlen(d->file->name));
    buf_printf(out, ",\"line\":%llu", (unsigned long long)d->line_no);
}

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || (a <= b && a >= b);
}

/* [position, value] into a list that has n already. */
static void add_pair(struct buf *out, const char *list, int n, int m, double v)
{
    if (n)
        buf_addc(out, ',');
    else
        buf_printf(out, ",\"%s\":[", list);
    buf_printf(out, "[%d,", m);
    add_number(out, v);
    buf_addc(out, ']');
}

/* What was measured before line rules took out lines, where it is not what stands
 * in "v"; then the extremes in between, where they matter in both ways. */
static void add_first(const struct clean_verdict *v, struct buf *out)
{
    int n = 0;
    for (int m = 0; m < METRIC_N; m++)
        if (!same(v->first[m], v->value[m])) add_pair(out, "first", n++, m, v->first[m]);
    if (!n) return;
    buf_addc(out, ']');
    n = 0;
    for (int m = 0; m < METRIC_N; m++) {
        const double end[2] = {v->low[m], v->high[m]};
        for (int k = 0; k < 2 && rules_both_ways(m); k++)
            if (!same(end[k], v->first[m]) && !same(end[k], v->value[m])) add_pair(out, "also", n++, m, end[k]);
    }
    if (n) buf_addc(out, ']');
}

void decisions_doc(const struct clean_cfg *cfg, const struct clean_verdict *v, struct buf *out)
{
    static const char *const names[CLEAN_LABELS] = {"source", "lang", "class"};
    const struct rules_cfg *c = &cfg->rules;
    open_record(v->doc, out);
    for (int k = 0; k < CLEAN_LABELS; k++)
        if (v->label_n[k]) add_string(out, names[k], v->label[k], v->label_n[k]);
    buf_printf(out, ",\"bytes\":%zu,\"kept\":%s", v->bytes_in, v->reason < 0 ? "true" : "false");
    if (v->reason < 0 && v->bytes_out != v->bytes_in) buf_printf(out, ",\"bytes_out\":%zu", v->bytes_out);
    if (v->reason >= 0) {
        buf_printf(out, ",\"by\":\"%s\",\"failed\":[", c->rule[v->reason]->key);
        bool first = true;
        for (int r = 0; r < c->n_rules; r++) {
            if (!rule_set_has(v->failed, r)) continue;
            buf_printf(out, "%s\"%s\"", first ? "" : ",", c->rule[r]->key);
            first = false;
        }
        buf_addc(out, ']');
    }
    buf_adds(out, ",\"v\":[");
    for (int m = 0; m < c->n_metrics; m++) {
        if (m) buf_addc(out, ',');
        add_number(out, v->value[m]);
    }
    buf_addc(out, ']');
    if (v->first) add_first(v, out);
    for (size_t i = 0; i < v->n_cuts; i++)
        buf_printf(out, "%s[%zu,%zu,\"%s\"]", i ? "," : ",\"cut\":[", v->cut[i].begin, v->cut[i].end,
                   c->rule[v->cut[i].rule]->key);
    if (v->n_cuts) buf_addc(out, ']');
    buf_add(out, v->why->data, v->why->len);
    buf_adds(out, "}\n");
}

void decisions_bad(const struct doc *d, const char *reason, struct buf *out)
{
    open_record(d, out);
    buf_printf(out, ",\"bad\":\"%s\"}\n", reason);
}
