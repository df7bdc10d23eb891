/* dedup_detail.h - what the HTML report shows beside counts: how similar what
 * goes is, how large the clusters are, pairs to look at, and the sources. */
#ifndef DATA_DEDUP_DETAIL_H
#define DATA_DEDUP_DETAIL_H

#include "data/clean_labels.h"
#include "data/dedup.h"

enum {
    DETAIL_BINS = 20,   /* of the similarity, each 0.05; 1 belongs to the last */
    DETAIL_SIZES = 24,  /* of clusters: 2, 3-4, 5-8, ... */
    DETAIL_PAIRS = 4,   /* shown of each bin, and of equal documents */
    DETAIL_TEXT = 4096, /* bytes kept of each text */
};

struct dsource {
    uint64_t docs, exact, near, bytes_in, bytes_out;
};
struct dsources {
    struct labels names;
    struct dsource *v; /* one a name */
    size_t cap;
};
void dsources_free(struct dsources *s);

struct dpair {
    bool near;
    double similarity;
    char *gone, *stays; /* "id\ntext"; stays is only an id when it is of an index */
};

struct dedup_detail {
    uint64_t exact, sims[DETAIL_BINS];
    uint64_t clusters, largest, sizes[DETAIL_SIZES], docs[DETAIL_SIZES];
    struct dsources sources;
    struct dpair pair[DETAIL_PAIRS * (DETAIL_BINS + 1)];
    size_t n_pairs;
};

/* The page; x may be NULL: only counts. */
int dedup_page(const struct dedup_cfg *cfg, const struct dedup_stats *s, const struct dedup_detail *x,
               struct buf *out, struct err *e);

#endif
