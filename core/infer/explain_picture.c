/* Attention and experts of a text, as pictures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/width.h"
#include "core/infer/explain.h"

void explain_labels_free(char **label, int n)
{
    for (int i = 0; label && i < n; i++) free(label[i]);
    free(label);
}

char **explain_labels(const struct tokenizer *t, const int32_t *ids, int n)
{
    char **label = mem_zalloc((size_t)n, sizeof *label);
    for (int i = 0; label && i < n; i++) {
        size_t len = 0, at = 0;
        const char *s = t ? tok_piece(t, ids[i], &len) : NULL;
        struct buf b = {0};
        if (!s) buf_printf(&b, "#%d", ids[i]);
        while (at < len) {
            size_t good = utf8_valid_prefix(s + at, len - at);
            for (size_t k = 0; k < good; k++) {
                char c = s[at + k];
                if (c == '\n') buf_adds(&b, "\xe2\x8f\x8e");
                else if (c == ' ') buf_adds(&b, "\xe2\x90\xa3");
                else if ((unsigned char)c < 0x20 || c == 0x7f) buf_addc(&b, '?');
                else buf_addc(&b, c);
            }
            at += good;
            if (at < len) buf_printf(&b, "\\x%02x", (unsigned char)s[at++]);
        }
        if (!(label[i] = b.len ? buf_steal(&b) : mem_strdup(""))) {
            buf_free(&b);
            explain_labels_free(label, n);
            return NULL;
        }
    }
    return label;
}

/* The column that holds all labels. */
static size_t widest(char *const *label, int n)
{
    size_t width = 4;
    for (int i = 0; i < n; i++) {
        size_t w = text_width(label[i], strlen(label[i]));
        if (w > width) width = w;
    }
    return width;
}

void explain_attention_text(const struct explain_head *a, struct buf *out)
{
    static const char *const shade[] = {" ", "\xc2\xb7", "\xe2\x96\x91", "\xe2\x96\x92", "\xe2\x96\x93", "\xe2\x96\x88"};
    size_t w = widest(a->row, a->n);
    buf_printf(out, "layer %d, head %d: each row is a token%s and how it spreads its attention%s\n", a->layer, a->head,
               a->row == a->col ? "" : " of the target", a->row == a->col ? "" : " over the source");
    buf_printf(out, "(\xc2\xb7 from 2 %%, \xe2\x96\x91 10 %%, \xe2\x96\x92 25 %%, \xe2\x96\x93 50 %%, \xe2\x96\x88 75 "
                    "%%); right: the token it looks at most\n\n");
    for (int i = 0; i < a->n; i++) {
        const float *p = a->P + (size_t)i * (size_t)a->seen;
        int best = 0;
        buf_add_column(out, a->row[i], w, true);
        buf_adds(out, " |");
        for (int j = 0; j < a->seen; j++) {
            int k = p[j] >= 0.75f ? 5 : p[j] >= 0.5f ? 4 : p[j] >= 0.25f ? 3 : p[j] >= 0.1f ? 2 : p[j] >= 0.02f ? 1 : 0;
            buf_adds(out, shade[k]);
            if (p[j] > p[best]) best = j;
        }
        buf_printf(out, "| %3.0f %% %d %s\n", 100 * (double)p[best], best, a->col[best]);
    }
}

static void svg_label(struct buf *out, const char *where, const char *label)
{
    buf_printf(out, "<text %s>", where);
    buf_add_html(out, label, strlen(label));
    buf_adds(out, "</text>\n");
}

static void svg_cell(const struct explain_head *a, int i, int j, int x, int y, int size, struct buf *out)
{
    double p = (double)a->P[(size_t)i * (size_t)a->seen + (size_t)j];
    if (p < 0.005) return;
    buf_printf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#2a6fbb\" fill-opacity=\"%.3f\"><title>",
               x, y, size - 1, size - 1, sqrt(p));
    buf_add_html(out, a->row[i], strlen(a->row[i]));
    buf_adds(out, " \xe2\x86\x92 ");
    buf_add_html(out, a->col[j], strlen(a->col[j]));
    buf_printf(out, " %.1f %%</title></rect>\n", 100 * p);
}

void explain_attention_svg(const struct explain_head *a, struct buf *out)
{
    int most = a->n > a->seen ? a->n : a->seen, cell = most > 60 ? 10 : 18;
    int left = 20 + 8 * (int)widest(a->row, a->n), top = 50 + 8 * (int)widest(a->col, a->seen);
    int width = left + a->seen * cell + 20;
    buf_printf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"monospace\" font-size=\"11\">\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
        "<text x=\"10\" y=\"20\" font-size=\"14\">layer %d, head %d: %s</text>\n",
        width < 420 ? 420 : width, top + a->n * cell + 20, a->layer, a->head,
        a->row == a->col ? "rows look at columns" : "the target (rows) looks at the source");
    char where[96];
    for (int j = 0; j < a->seen; j++) {
        snprintf(where, sizeof where, "transform=\"translate(%d %d) rotate(-90)\"", left + j * cell + cell - 5, top - 6);
        svg_label(out, where, a->col[j]);
    }
    for (int i = 0; i < a->n; i++) {
        snprintf(where, sizeof where, "x=\"%d\" y=\"%d\" text-anchor=\"end\"", left - 6, top + i * cell + cell - 5);
        svg_label(out, where, a->row[i]);
        for (int j = 0; j < a->seen; j++) svg_cell(a, i, j, left + j * cell, top + i * cell, cell, out);
    }
    buf_printf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#999\"/>\n</svg>\n",
               left, top, a->seen * cell, a->n * cell);
}

void explain_experts(const struct lens_result *r, char *const *label, int layer, int n_experts, struct buf *out)
{
    size_t w = widest(label, r->n);
    buf_printf(out, "layer %d: of %d experts each token takes %d; their weights in per cent\n\n", layer, n_experts,
               r->top_k);
    for (int i = 0; i < r->n; i++) {
        buf_add_column(out, label[i], w, true);
        buf_adds(out, "  ");
        for (int k = 0; k < r->top_k; k++)
            buf_printf(out, "  #%-3d %5.1f", r->experts[i * r->top_k + k], 100 * (double)r->weights[i * r->top_k + k]);
        buf_addc(out, '\n');
    }
    buf_printf(out, "\nhow often each was taken (even would be %.1f):\n", (double)r->n * r->top_k / n_experts);
    for (int x = 0; x < n_experts; x++) {
        int count = 0;
        for (int i = 0; i < r->n * r->top_k; i++) count += r->experts[i] == x;
        buf_printf(out, "  #%-3d %4d ", x, count);
        for (int i = 0; i < count && i < 60; i++) buf_adds(out, "\xe2\x96\x88");
        buf_addc(out, '\n');
    }
}
