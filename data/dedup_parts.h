/* dedup_parts.h - duplicates smaller than documents: lines, paragraphs, and what
 * consists of n-grams that were seen before.
 *
 *   lines, paragraphs  one whose normalised words were seen goes (as CCNet does)
 *   n-grams            a line goes when more than `share` of its n-grams were
 *                      seen; a document, when more than `share` of all of its
 *                      were (bff of DCLM, "old-both": 13, 0.8).  The n-grams of
 *                      what stays count as seen.
 *
 * In the order of the input, one pass: stdin may be filtered.  Parts of fewer
 * words than `min_words`, or than an n-gram has, always stay and count for
 * nothing.  A document of which only blank parts are left is removed.  With a work
 * directory the same result comes in phases that shards share (dedup_parts_shard.c). */
#ifndef DATA_DEDUP_PARTS_H
#define DATA_DEDUP_PARTS_H

#include "data/dedup.h"

int dedup_parts(const struct dedup_cfg *cfg, struct dedup_stats *s, struct err *e);

#endif
