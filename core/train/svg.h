/* svg.h - one line chart as an inline SVG, for reports. */
#ifndef CORE_TRAIN_SVG_H
#define CORE_TRAIN_SVG_H

#include "core/base/buf.h"
#include "core/train/metrics.h"

struct chart {
    const char *title;
    const struct series *line[2]; /* drawn with the CSS classes a and b; NULL = none */
    const char *label[2];
    bool log_y;                   /* taken only when all values are positive */
};
/* Long curves are averaged into at most 300 points. Nothing is written for a chart without points. */
void svg_chart(struct buf *out, const struct chart *c);

/* CSS of a page with charts: the colours, by day and by night, and what is drawn with them. */
#define SVG_COLOURS \
    ":root{color-scheme:light dark;--fg:#1c1e21;--bg:#fff;--dim:#6a7078;--line:#d9dce1;--a:#1f6feb;--b:#d1482c}\n" \
    "@media(prefers-color-scheme:dark){:root{--fg:#e6e8eb;--bg:#15171a;--dim:#9aa1a9;--line:#343a41;--a:#6cb0ff;--b:#" \
    "ff9070}}\n"
#define SVG_STYLE \
    "svg{width:100%;height:auto;display:block}svg text{font-size:12px;fill:var(--dim)}svg " \
    ".t{font-size:14px;fill:var(--fg)}\n" \
    "svg " \
    "path{fill:none}.g{stroke:var(--line);stroke-width:.6}.x{stroke:var(--dim)}path.a{stroke:var(--a);stroke-width:1.6}" \
    "path.b{stroke:var(--b);stroke-width:1.8}\n"

#endif
