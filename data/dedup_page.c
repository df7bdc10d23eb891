/* The report of `llmctl dedup` as one page. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/dedup_detail.h"
#include "data/report_page.h"

typedef unsigned long long u;

static void bar(struct buf *b, const char *class, uint64_t n, uint64_t most)
{
    buf_printf(b, "<td style=\"text-align:left\"><span class=\"%s\" style=\"width:%.0fpx\"></span></td></tr>\n", class,
               report_percent(n, most) * 3);
}

static void step(struct buf *b, const char *what, uint64_t gone, uint64_t left, uint64_t all)
{
    buf_printf(
        b,
        "<tr><td>%s</td><td>%llu</td><td>%.2f</td><td>%llu</td><td style=\"text-align:left\"><span "
        "class=\"bar o\" style=\"width:%.0fpx\"></span><span class=\"bar\" style=\"width:%.0fpx\"></span></td></tr>\n",
        what, (u)gone, report_percent(gone, all), (u)left, report_percent(left, all) * 3,
        report_percent(gone, all) * 3);
}

static void funnel(struct buf *b, const struct dedup_cfg *cfg, const struct dedup_stats *s)
{
    static const char *const unit[] = {"documents", "lines", "paragraphs", "n-grams", "repeated stretches"};
    uint64_t left = s->docs_in;
    buf_printf(b, "<p>in %llu = out %llu + removed %llu (exact %llu, near %llu) + quarantined %llu documents; %.2f MB "
                  "of text in, %.2f MB out (%.1f %%)</p>\n",
               (u)s->docs_in, (u)s->docs_out, (u)(s->docs_exact + s->docs_near), (u)s->docs_exact, (u)s->docs_near,
               (u)s->docs_bad, (double)s->bytes_in / 1e6, (double)s->bytes_out / 1e6,
               report_percent(s->bytes_out, s->bytes_in));
    buf_adds(b, "<h2>What went</h2>\n<table><tr><th></th><th>documents</th><th>%</th><th>left</th><th></th></tr>\n");
    step(b, "no document (quarantine)", s->docs_bad, left -= s->docs_bad, s->docs_in);
    if (cfg->unit != DEDUP_DOCS) {
        step(b, "nothing new left", s->docs_exact, left - s->docs_exact, s->docs_in);
        buf_printf(b, "</table>\n<p>Duplicates are %s here: ", unit[cfg->unit]);
        if (cfg->unit == DEDUP_SUBSTRINGS)
            buf_printf(b, "%llu cut out", (u)s->parts_in);
        else
            buf_printf(b, "%llu lines or paragraphs, %llu stay", (u)s->parts_in, (u)s->parts_out);
        buf_printf(b, "; %llu documents changed.</p>\n", (u)s->docs_changed);
        return;
    }
    const char *exact = cfg->exact == DEDUP_NORM ? "equal words" : "equal text";
    step(b, exact, s->docs_exact, left -= s->docs_exact, s->docs_in);
    if (cfg->near) step(b, "similar", s->docs_near, left - s->docs_near, s->docs_in);
    buf_adds(b, "</table>\n");
    if (cfg->near)
        buf_printf(b, "<p class=\"s\">%llu pairs shared a band of MinHash (%d words, %d bands of %d rows); %llu of them "
                      "are at least %g similar.</p>\n",
                   (u)s->candidates, cfg->width, cfg->bands, cfg->rows, (u)s->confirmed, cfg->verify);
    if (cfg->against) buf_printf(b, "<p>%llu of those that went match the index.</p>\n", (u)s->docs_old);
}

static void similarities(struct buf *b, const struct dedup_detail *x)
{
    uint64_t most = x->exact;
    buf_adds(b, "<h2>How similar what went is to what stays</h2>\n<p class=\"s\">Documents, by the share of shingles in "
                "common with the most similar one that stays.</p>\n<table>\n");
    int from = 0;
    for (int k = DETAIL_BINS - 1; k >= 0; k--) {
        if (x->sims[k] > most) most = x->sims[k];
        if (x->sims[k]) from = k;
    }
    for (int k = from; k < DETAIL_BINS; k++) {
        buf_printf(b, "<tr><td>%.2f to %.2f</td><td>%llu</td>", (double)k / DETAIL_BINS, (double)(k + 1) / DETAIL_BINS,
                   (u)x->sims[k]);
        bar(b, "bar", x->sims[k], most);
    }
    buf_printf(b, "<tr><td>equal</td><td>%llu</td>", (u)x->exact);
    bar(b, "bar o", x->exact, most);
    buf_adds(b, "</table>\n");
}

static void sizes(struct buf *b, const struct dedup_detail *x)
{
    uint64_t most = 0;
    if (!x->clusters) return;
    for (int k = 0; k < DETAIL_SIZES; k++)
        if (x->docs[k] > most) most = x->docs[k];
    buf_printf(b, "<h2>Clusters</h2>\n<p class=\"s\">Documents that equality and similarity join, directly or over others: "
                  "%llu clusters, the largest of %llu documents.</p>\n<table><tr><th>documents in "
                  "it</th><th>clusters</th><th>documents</th><th></th></tr>\n",
               (u)x->clusters, (u)x->largest);
    for (int k = 0; k < DETAIL_SIZES; k++) {
        uint64_t to = (uint64_t)2 << k, least = k ? ((uint64_t)1 << k) + 1 : 2;
        if (!x->sizes[k]) continue;
        if (least == to)
            buf_printf(b, "<tr><td>%llu</td>", (u)to);
        else
            buf_printf(b, "<tr><td>%llu to %llu</td>", (u)least, (u)to);
        buf_printf(b, "<td>%llu</td><td>%llu</td>", (u)x->sizes[k], (u)x->docs[k]);
        bar(b, "bar", x->docs[k], most);
    }
    buf_adds(b, "</table>\n");
}

struct ranked {
    const char *name;
    const struct dsource *x;
};

static int by_bytes(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->x->bytes_in != y->x->bytes_in) return x->x->bytes_in < y->x->bytes_in ? 1 : -1;
    return strcmp(x->name, y->name);
}

static int sources(struct buf *b, const struct dsources *s, struct err *e)
{
    enum { MOST = 40 };
    size_t n = s->names.n;
    if (!n || (n == 1 && !s->names.name[0][0])) return 0;
    struct ranked *v = mem_alloc(n, sizeof *v);
    if (!v) return err_oom(e, n * sizeof *v, "the sources of the report");
    for (size_t i = 0; i < n; i++)
        v[i] = (struct ranked){s->names.name[i], &s->v[i]};
    qsort(v, n, sizeof *v, by_bytes);
    buf_adds(b, "<h2>By source</h2>\n<table><tr><th></th><th>documents in</th><th>equal</th><th>similar</th><th>% "
                "gone</th><th>MB in</th><th>out</th></tr>\n");
    for (size_t i = 0; i < n && i < MOST; i++) {
        const struct dsource *x = v[i].x;
        buf_adds(b, "<tr><td>");
        report_page_text(b, v[i].name[0] ? v[i].name : "(unknown)");
        buf_printf(b, "</td><td>%llu</td><td>%llu</td><td>%llu</td><td>%.1f</td><td>%.2f</td><td>%.2f</td></tr>\n",
                   (u)x->docs, (u)x->exact, (u)x->near, report_percent(x->exact + x->near, x->docs),
                   (double)x->bytes_in / 1e6, (double)x->bytes_out / 1e6);
    }
    buf_adds(b, "</table>\n");
    if (n > MOST) buf_printf(b, "<p class=\"s\">and %zu more</p>\n", n - MOST);
    free(v);
    return 0;
}

/* Some of the text from `from` on, in whole characters. */
static void quote(struct buf *b, const char *s, size_t from)
{
    enum { SHOWN = 320 };
    size_t n = strlen(s), to = from + SHOWN;
    while (from && from < n && ((unsigned char)s[from] & 0xC0) == 0x80)
        from--;
    if (from > n) from = n;
    if (to > n) to = n;
    while (to < n && to > from && ((unsigned char)s[to] & 0xC0) == 0x80)
        to--;
    buf_adds(b, from ? "<blockquote>&hellip; " : "<blockquote>");
    buf_add_html(b, s + from, to - from);
    buf_adds(b, to < n ? " &hellip;</blockquote>\n" : "</blockquote>\n");
}

/* Both texts from shortly before they begin to differ. */
static void pair(struct buf *b, const struct dpair *x)
{
    enum { BEFORE = 80 };
    const char *a = strchr(x->gone, '\n'), *c = strchr(x->stays, '\n');
    size_t na = a ? (size_t)(a - x->gone) : strlen(x->gone), nc = c ? (size_t)(c - x->stays) : strlen(x->stays), same = 0;
    a = a ? a + 1 : "";
    while (c && a[same] && a[same] == c[1 + same])
        same++;
    size_t from = !c || !a[same] ? 0 : same > BEFORE ? same - BEFORE : 0;
    buf_adds(b, "<div class=\"d\">");
    buf_add_html(b, x->gone, na);
    buf_adds(b, x->near ? " went" : " went, it is equal to ");
    if (x->near) buf_printf(b, ", it is %.4f similar to ", x->similarity);
    buf_add_html(b, x->stays, nc);
    buf_adds(b, "</div>");
    quote(b, a, from);
    if (c && x->near) quote(b, c + 1, from);
}

int dedup_page(const struct dedup_cfg *cfg, const struct dedup_stats *s, const struct dedup_detail *x,
               struct buf *out, struct err *e)
{
    report_page_begin(out, "llmctl dedup");
    funnel(out, cfg, s);
    if (x) {
        similarities(out, x);
        sizes(out, x);
        if (sources(out, &x->sources, e)) return -1;
        if (x->n_pairs) buf_adds(out, "<h2>Examples, the least similar first</h2>\n");
        for (size_t i = 0; i < x->n_pairs; i++)
            pair(out, &x->pair[i]);
    }
    report_page_end(out);
    return buf_ok(out, e);
}
