/* report.h - report.html of a run: curves, configuration, data, lineage and
 * how to reproduce it, in one file without scripts or links outside. */
#ifndef CORE_TRAIN_REPORT_H
#define CORE_TRAIN_REPORT_H

#include "core/train/loop.h"
#include "core/train/manifest.h"

int report_write(const struct train_job *job, enum dtype dtype, const struct train_state *s,
                 const struct train_vals *v, const struct train_result *r, struct err *e);

#endif
