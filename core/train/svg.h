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

#endif
