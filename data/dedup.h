/* dedup.h - llmctl dedup: keeps one of each group of equal or similar documents.
 *
 *   exact  by hash of the text, or of its normalised words (shingle.h)
 *   near   MinHash signatures cut into bands name candidate pairs; each is
 *          verified by the true Jaccard similarity of the sets of shingles
 *
 * A document goes when it is equal to, or at least `verify` similar to, one
 * that stays, and the one named in the report is the most similar that stays.
 * Which stays: the first in the input, or the longest.  The input is read two
 * to four times (stdin is spooled to a temporary file); the result does not
 * depend on the number of threads.  Memory: 24 bytes a document, 8 more a band,
 * and the shingles of candidates. */
#ifndef DATA_DEDUP_H
#define DATA_DEDUP_H

#include "core/base/pool.h"
#include "data/doc.h"

enum dedup_exact { DEDUP_NONE, DEDUP_TEXT, DEDUP_NORM };
enum dedup_keep { DEDUP_FIRST, DEDUP_LONGEST };

struct dedup_cfg {
    struct doc_files *files;
    struct doc_cfg docs;
    struct pool *pool;
    enum dedup_exact exact;
    bool near;
    int width, bands, rows; /* words a shingle, MinHash */
    double verify;          /* least similarity, 0: every candidate pair */
    enum dedup_keep keep;
    const char *out, *removed, *quarantine; /* or NULL */
    size_t mem; /* bytes that tables may take; 0: no limit */
    bool progress;
};

struct dedup_stats {
    uint64_t docs_in, docs_out, docs_exact, docs_near, docs_bad;
    uint64_t bytes_in, bytes_out;   /* of text */
    uint64_t candidates, confirmed; /* pairs */
    char first_bad[256];
    size_t n_damaged;
    char damaged[512];
};

int dedup_run(const struct dedup_cfg *cfg, struct dedup_stats *s, struct err *e);
void dedup_report_json(const struct dedup_cfg *cfg, const struct dedup_stats *s, struct buf *out);

#endif
