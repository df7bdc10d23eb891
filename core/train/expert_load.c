#include "core/train/expert_load.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/train/metrics.h"

#define MAX_METRICS ((size_t)4 << 30)

int expert_load_init(struct expert_load *l, const struct model_config *m, struct err *e)
{
    *l = (struct expert_load){0};
    l->layers = model_moe_layers(m, &l->experts);
    if (!l->layers) return 0;
    size_t n = (size_t)l->layers * (size_t)l->experts;
    l->sum = mem_zalloc(n, sizeof *l->sum);
    return l->sum ? 0 : err_oom(e, n * sizeof *l->sum, "expert loads");
}

void expert_load_free(struct expert_load *l)
{
    free(l->sum);
    l->sum = NULL;
}

void expert_load_step(struct expert_load *l, const struct stepper *s, const struct loss_sum *sum, struct buf *line)
{
    int layers, E;
    const int64_t *count = stepper_expert_counts(s, &layers, &E);
    if (!l->sum || !count) return;
    double most = 0, spread = 0;
    for (int i = 0; i < layers; i++, count += E) {
        double total = 0, squares = 0;
        for (int x = 0; x < E; x++) total += (double)count[x];
        double mean = total / E;
        for (int x = 0; x < E; x++) {
            double d = (double)count[x] - mean;
            squares += d * d;
            most = fmax(most, (double)count[x] / mean);
            l->sum[i * E + x] += count[x];
        }
        spread += sqrt(squares / E) / mean / layers;
    }
    l->steps++;
    metrics_num(line, "load_max", most);
    metrics_num(line, "load_cv", spread);
    if (sum->balance > 0) metrics_num(line, "aux", sum->balance);
    if (sum->router_z > 0) metrics_num(line, "z", sum->router_z);
}

bool expert_load_any(const struct expert_load *l)
{
    return l->steps > 0;
}

void expert_load_line(struct expert_load *l, struct buf *line)
{
    buf_adds(line, ",\"expert_load\":[");
    for (int i = 0; i < l->layers; i++) {
        int64_t total = 0, *sum = l->sum + (int64_t)i * l->experts;
        for (int x = 0; x < l->experts; x++) total += sum[x];
        buf_adds(line, i ? ",[" : "[");
        for (int x = 0; x < l->experts; x++)
            buf_printf(line, "%s%.5f", x ? "," : "", (double)sum[x] / (double)total);
        buf_addc(line, ']');
    }
    buf_addc(line, ']');
    memset(l->sum, 0, (size_t)l->layers * (size_t)l->experts * sizeof *l->sum);
    l->steps = 0;
}

/* ---- the report ---- */

/* The last line with that key; *n its length. */
static const char *last_line(const struct buf *text, const char *key, size_t *n)
{
    const char *found = NULL, *end = text->data + text->len;
    for (const char *at = text->data, *nl; at && at < end; at = nl + 1) {
        nl = memchr(at, '\n', (size_t)(end - at));
        if (!nl) break;
        if (!memmem(at, (size_t)(nl - at), key, strlen(key))) continue;
        found = at;
        *n = (size_t)(nl - at);
    }
    return found;
}

static void table(const struct cJSON *layers, struct buf *out)
{
    const struct cJSON *row, *cell;
    int i = 0;
    buf_adds(out, "<h2>Expert load</h2>\n<p class=\"s\">Share of each expert (column) in the slots of its layer (row); full "
                  "colour is twice the even share.</p>\n<table style=\"border-spacing:1px;font-size:11px\">\n");
    cJSON_ArrayForEach(row, layers)
    {
        int n = cJSON_GetArraySize(row);
        buf_printf(out, "<tr><td>%d</td>", i++);
        cJSON_ArrayForEach(cell, row)
        {
            double share = cJSON_IsNumber(cell) ? cell->valuedouble : 0, depth = fmin(50 * share * n, 100);
            buf_printf(out,
                       "<td title=\"%.2f %%\" style=\"background:color-mix(in srgb,var(--a) %.0f%%,transparent)\">",
                       100 * share, depth);
            if (n <= 16) buf_printf(out, "%.1f", 100 * share);
            else buf_adds(out, "&#8194;");
            buf_adds(out, "</td>");
        }
        buf_adds(out, "</tr>\n");
    }
    buf_adds(out, "</table>\n");
}

int expert_load_html(const char *metrics_path, struct buf *out, struct err *e)
{
    struct buf text = {0};
    int ret = file_read_all(metrics_path, MAX_METRICS, &text, e);
    size_t n = 0;
    const char *line = ret || !text.data ? NULL : last_line(&text, "\"expert_load\":", &n);
    struct cJSON *j = line ? json_parse(line, n, "metrics.jsonl", NULL, e) : NULL;
    if (line && !j) ret = -1;
    if (j) table(json_member(j, "expert_load"), out);
    json_free(j);
    buf_free(&text);
    return ret;
}
