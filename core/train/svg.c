#include "core/train/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { W = 640, H = 260, LEFT = 56, RIGHT = 12, TOP = 28, BOTTOM = 30, POINTS = 300 };

struct scale {
    double x0, x1, y0, y1;
    bool log_y;
};

static double px(const struct scale *s, double x)
{
    return LEFT + (x - s->x0) / (s->x1 - s->x0) * (W - LEFT - RIGHT);
}

static double py(const struct scale *s, double y)
{
    double v = s->log_y ? log10(y) : y;
    return H - BOTTOM - (v - s->y0) / (s->y1 - s->y0) * (H - TOP - BOTTOM);
}

/* A step of 1, 2 or 5 times a power of ten that gives about n ticks. */
static double tick_step(double range, int n)
{
    double raw = range / n, base = pow(10, floor(log10(raw))), r = raw / base;
    return base * (r < 1.5 ? 1 : r < 3.5 ? 2 : r < 7.5 ? 5 : 10);
}

static bool fit(const struct chart *c, struct scale *s)
{
    bool any = false, positive = true;
    *s = (struct scale){.log_y = c->log_y};
    for (int k = 0; k < 2; k++) {
        const struct series *l = c->line[k];
        for (size_t i = 0; l && i < l->n; i++) {
            if (l->y[i] <= 0) positive = false;
            if (!any) s->x0 = s->x1 = l->x[i], s->y0 = s->y1 = l->y[i], any = true;
            s->x0 = fmin(s->x0, l->x[i]);
            s->x1 = fmax(s->x1, l->x[i]);
            s->y0 = fmin(s->y0, l->y[i]);
            s->y1 = fmax(s->y1, l->y[i]);
        }
    }
    if (!any) return false;
    if (s->log_y && positive) s->y0 = log10(s->y0), s->y1 = log10(s->y1);
    else s->log_y = false;
    if (s->x1 <= s->x0) s->x1 = s->x0 + 1;
    double pad = (s->y1 - s->y0) * 0.05;
    if (pad <= 0) pad = fabs(s->y1) * 0.1 + 1e-12;
    s->y0 -= pad;
    s->y1 += pad;
    return true;
}

static void text(struct buf *out, double x, double y, const char *anchor, const char *fmt, double v)
{
    buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    char b[32];
    int n = snprintf(b, sizeof b, fmt, v);
    if (n > 0) buf_add_html(out, b, strlen(b));
    buf_adds(out, "</text>");
}

static void axes(struct buf *out, const struct scale *s)
{
    double dx = tick_step(s->x1 - s->x0, 6), dy = tick_step(s->y1 - s->y0, 5);
    for (double y = ceil(s->y0 / dy) * dy; y <= s->y1; y += dy) {
        double v = s->log_y ? pow(10, y) : y;
        if (fabs(v) < dy * 1e-9) v = 0;
        double at = py(s, v);
        buf_printf(out, "<path class=\"g\" d=\"M%d %.1fH%d\"/>", LEFT, at, W - RIGHT);
        text(out, LEFT - 6, at + 4, "end", fabs(v) >= 1000 ? "%.0f" : "%.3g", v);
    }
    for (double x = ceil(s->x0 / dx) * dx; x <= s->x1; x += dx) text(out, px(s, x), H - BOTTOM + 18, "middle", "%.6g", x);
    buf_printf(out, "<path class=\"x\" d=\"M%d %dV%dH%d\"/>", LEFT, TOP, H - BOTTOM, W - RIGHT);
}

static void curve(struct buf *out, const struct scale *s, const struct series *l, const char *class)
{
    size_t per = (l->n + POINTS - 1) / POINTS;
    buf_printf(out, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < l->n; i += per) {
        size_t n = l->n - i < per ? l->n - i : per;
        double x = 0, y = 0;
        for (size_t k = i; k < i + n; k++) x += l->x[k], y += l->y[k];
        buf_printf(out, "%c%.1f %.1f", i ? 'L' : 'M', px(s, x / (double)n), py(s, y / (double)n));
    }
    buf_adds(out, "\"/>");
    if (l->n == 1)
        buf_printf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>", class, px(s, l->x[0]),
                   py(s, l->y[0]));
}

void svg_chart(struct buf *out, const struct chart *c)
{
    static const char *const class[] = {"a", "b"};
    struct scale s;
    if (!fit(c, &s)) return;
    buf_printf(out, "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\"><title>", W, H);
    buf_add_html(out, c->title, strlen(c->title));
    buf_printf(out, "</title><text class=\"t\" x=\"%d\" y=\"16\">", LEFT);
    buf_add_html(out, c->title, strlen(c->title));
    buf_adds(out, "</text>");
    axes(out, &s);
    double at = W - RIGHT;
    for (int k = 1; k >= 0; k--) {
        if (!c->line[k] || !c->line[k]->n) continue;
        curve(out, &s, c->line[k], class[k]);
        if (!c->label[k]) continue;
        buf_printf(out, "<text class=\"l%s\" x=\"%.1f\" y=\"16\" text-anchor=\"end\">", class[k], at);
        buf_add_html(out, c->label[k], strlen(c->label[k]));
        buf_adds(out, "</text>");
        at -= 8.0 * (double)strlen(c->label[k]) + 12;
    }
    buf_adds(out, "</svg></figure>\n");
}
