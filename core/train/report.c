#include "core/train/report.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/train/expert_load.h"
#include "core/train/rundir.h"
#include "core/train/svg.h"

static const char style[] =
    SVG_COLOURS
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:1340px;margin:2rem "
    "auto;padding:0 1rem}\n"
    "h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin-top:2rem}p.s{color:var(--dim);margin-top:0}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem "
    "1.2rem}dt{color:var(--dim)}dd{margin:0;font-variant-numeric:tabular-nums}\n"
    ".c{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:1rem}figure{margin:0;border:1px "
    "solid var(--line);border-radius:6px;padding:.5rem}\n"
    SVG_STYLE
    "circle.a,svg .la{fill:var(--a)}circle.b,svg .lb{fill:var(--b)}\n"
    "pre{background:color-mix(in srgb,var(--line) "
    "35%,transparent);padding:.8rem;border-radius:6px;overflow:auto;font-size:13px}\n";

static void html(struct buf *b, const char *s)
{
    buf_add_html(b, s, strlen(s));
}

static void row(struct buf *b, const char *key, const char *fmt, double v)
{
    if (!isfinite(v)) return;
    char t[64];
    int n = snprintf(t, sizeof t, fmt, v);
    if (n < 0) return;
    buf_printf(b, "<dt>%s</dt><dd>", key);
    html(b, t);
    buf_adds(b, "</dd>");
}

static void summary(struct buf *b, const struct train_job *job, enum dtype dtype, const struct train_state *s,
                    const struct train_vals *v, const struct train_result *r)
{
    buf_adds(b, "<dl>");
    row(b, "steps", "%.0f", (double)s->step);
    row(b, "planned", "%.0f", (double)job->cfg.schedule.steps);
    row(b, "tokens", "%.0f", (double)s->tokens);
    row(b, "validation loss", "%.4f", v->loss);
    row(b, "bits per byte", "%.4f", v->bpb);
    row(b, "perplexity", "%.2f", exp(v->loss));
    row(b, "accuracy", "%.4f", v->accuracy);
    if (s->best_step > 0) {
        row(b, "best validation loss", "%.4f", s->best_val);
        row(b, "at step", "%.0f", (double)s->best_step);
    }
    if (r->tokens_per_s > 0) row(b, "tokens a second", "%.0f", r->tokens_per_s);
    row(b, "memory of the engine, MB", "%.1f", (double)r->bytes / 1e6);
    row(b, "FLOPs a token", "%.4g", model_train_flops_per_token(job->model, job->cfg.T));
    row(b, "updates skipped", "%.0f", (double)s->guard.skipped);
    row(b, "roll backs", "%.0f", (double)s->guard.rollbacks);
    buf_printf(b, "<dt>arithmetic</dt><dd>%s, %s</dd></dl>\n", dtype_name(dtype), kernels_get()->isa);
}

/* The moving mean keeps the shape of a noisy curve readable. */
static void smooth(struct series *s)
{
    double m = 0, w = 0;
    for (size_t i = 0; i < s->n; i++) {
        m = 0.98 * m + 0.02 * s->y[i];
        w = 0.98 * w + 0.02;
        s->y[i] = m / w;
    }
}

static int charts(struct buf *b, const char *run, struct err *e)
{
    static const char *const names[] = {"loss", "val_loss", "lr", "grad_norm", "tok_s", "val_bpb", "load_max"};
    enum { LOSS, VAL, LR, NORM, SPEED, BPB, LOAD, N };
    struct series s[N] = {{0}};
    char *path = rundir_path(run, e, "metrics.jsonl");
    int ret = path ? metrics_read(path, names, s, N, e) : -1;
    if (ret) goto out;
    smooth(&s[LOSS]);
    smooth(&s[SPEED]);
    const struct chart all[] = {
        {"Loss (nats a token)", {&s[LOSS], &s[VAL]}, {"training", "validation"}, false},
        {"Validation, bits per byte", {NULL, &s[BPB]}, {NULL, NULL}, false},
        {"Gradient norm", {&s[NORM], NULL}, {NULL, NULL}, true},
        {"Learning rate", {&s[LR], NULL}, {NULL, NULL}, false},
        {"Tokens a second", {&s[SPEED], NULL}, {NULL, NULL}, false},
        {"Busiest expert, times its even share", {&s[LOAD], NULL}, {NULL, NULL}, false},
    };
    buf_adds(b, "<div class=\"c\">\n");
    size_t n_charts = COUNT_OF(all) - (s[LOAD].n ? 0 : 1);
    for (size_t i = 0; i < n_charts; i++) svg_chart(b, &all[i]);
    buf_adds(b, "</div>\n");
    if (s[LOAD].n) ret = expert_load_html(path, b, e);
out:
    for (int i = 0; i < N; i++) series_free(&s[i]);
    free(path);
    return ret;
}

static void json_section(struct buf *b, const char *title, const cJSON *j)
{
    if (!j) return;
    struct buf t = {0};
    json_print(&t, j, 2);
    size_t most = 40000; /* the page stays below 200 kB */
    buf_printf(b, "<h2>%s</h2>\n<pre>", title);
    buf_add_html(b, t.data, t.len < most ? t.len : most);
    buf_adds(b, t.len < most ? "</pre>\n" : "\n...</pre>\n");
    buf_free(&t);
}

static int details(struct buf *b, const struct train_job *job, enum dtype dtype, struct err *e)
{
    struct buf text = {0};
    cJSON *cfg = NULL, *lineage = NULL;
    int ret = -1;
    if (manifest_config(job, dtype, &text, e)) goto out;
    if (!(cfg = json_parse(text.data, text.len, "config", NULL, e))) goto out;
    json_section(b, "Data card", cJSON_GetObjectItemCaseSensitive(cfg, "data"));
    if (job->lineage) {
        lineage = json_parse(job->lineage, strlen(job->lineage), "lineage", NULL, e);
        if (!lineage) goto out;
        json_section(b, "Lineage", lineage);
    }
    json_section(b, "Training", cJSON_GetObjectItemCaseSensitive(cfg, "train"));
    json_section(b, "Model", cJSON_GetObjectItemCaseSensitive(cfg, "model"));
    json_section(b, "Run (no influence on the result)", cJSON_GetObjectItemCaseSensitive(cfg, "run"));
    ret = 0;
out:
    json_free(cfg);
    json_free(lineage);
    buf_free(&text);
    return ret;
}

int report_write(const struct train_job *job, enum dtype dtype, const struct train_state *s,
                 const struct train_vals *v, const struct train_result *r, struct err *e)
{
    const char *run = job->cfg.out;
    struct buf b = {0};
    int ret = -1;
    char *path = rundir_path(run, e, "report.html");
    if (!path) return -1;
    buf_adds(&b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
    html(&b, path_base(run));
    buf_printf(&b, "</title>\n<style>\n%s</style></head><body>\n<h1>", style);
    html(&b, path_base(run));
    buf_printf(&b, "</h1>\n<p class=\"s\">%s, %d layers, width %d, vocabulary %d; llmctl %s</p>\n",
               job->model->family, job->model->n_layers, job->model->d_model, job->model->vocab, job->version);
    summary(&b, job, dtype, s, v, r);
    if (charts(&b, run, e)) goto out;
    if (job->command) {
        buf_adds(&b, "<h2>To reproduce</h2>\n<pre>");
        html(&b, job->command);
        buf_adds(&b, "</pre>\n");
    }
    if (details(&b, job, dtype, e)) goto out;
    buf_adds(&b, "</body></html>\n");
    ret = buf_ok(&b, e) ? -1 : file_write_all(path, b.data, b.len, e);
out:
    buf_free(&b);
    free(path);
    return ret;
}
