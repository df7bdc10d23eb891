/* dedup_substring.h - repeated stretches of at least cfg->substring bytes, found
 * by a suffix array: of each, the first copy in the input stays.
 *
 * A byte goes when the stretch of that length around it begins at least so many
 * bytes earlier too, in this or another document.  What goes is cut back to whole
 * sentences (ends of lines count), so that what stays reads on; a document of
 * which nothing but white space is left is removed.  All text must fit in memory:
 * 5.3 bytes a byte of text, less than 2 GB of text.  With a work directory the same result comes in
 * phases that shards share (dedup_substring_shard.c). */
#ifndef DATA_DEDUP_SUBSTRING_H
#define DATA_DEDUP_SUBSTRING_H

#include "data/dedup.h"

int dedup_substrings(const struct dedup_cfg *cfg, struct dedup_stats *s, struct err *e);

/* For the test: bits of the positions where a repeated stretch of n bytes begins;
 * texts are ended by 0xff. */
int dedup_repeats(const uint8_t *text, size_t len, size_t n, uint8_t *bits, struct err *e);
/* The cut within [from, to) of the document [begin, end); false: none is left. */
bool dedup_trim(const char *text, size_t begin, size_t end, size_t *from, size_t *to);

#endif
