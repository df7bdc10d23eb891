/* regex_cluster.h - extended grapheme clusters, UAX #29 of Unicode 16 without its rule for Indic conjuncts (GB9c), which
 * the regex engine of tokenizer.json files does not have. */
#ifndef CORE_TOKEN_REGEX_CLUSTER_H
#define CORE_TOKEN_REGEX_CLUSTER_H

#include <stddef.h>
#include <stdint.h>

/* Where the cluster that begins at s + pos, pos < n, ends.  Flags and joined pictures are told by what is in
 * front of pos, too: *steps counts what was looked at. */
size_t re_cluster_end(const uint8_t *s, size_t n, size_t pos, uint64_t *steps);

#endif
