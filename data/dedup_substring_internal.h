/* dedup_substring_internal.h - shared by dedup_substring*.c: the text of all
 * documents, or of a shard's, and where repeated stretches begin in it. */
#ifndef DATA_DEDUP_SUBSTRING_INTERNAL_H
#define DATA_DEDUP_SUBSTRING_INTERNAL_H

#include "data/dedup_internal.h"
#include "data/dedup_substring.h"

enum { STRINGS_OUTS = 3 }; /* kept, removed, bad */

struct strings {
    const struct dedup_cfg *cfg;
    struct doc_files *files;
    struct dedup_stats *stats;
    struct buf text, ends, first; /* ends: u64 a document; first: u64 a block, its first document */
    uint8_t *bits;                /* a bit a byte of text: a repeated stretch begins here */
    struct strings_worker {
        struct doc_iter it;
        struct buf left, more;
    } * workers;
    struct doc_out out[STRINGS_OUTS];
    uint64_t n_docs;
};

/* stats is kept, not cleared; close also what could not be opened. */
int strings_open(struct strings *x, const struct dedup_cfg *cfg, struct doc_files *files,
                 struct dedup_stats *s, struct err *e);
void strings_close(struct strings *x);
int strings_fit(const struct dedup_cfg *cfg, uint64_t bytes, struct err *e); /* --mem */
int strings_read(struct strings *x, struct err *e);                          /* text, ends, first */
int strings_find(struct strings *x, struct err *e);                          /* bits of text */
int strings_write(struct strings *x, const char *const *paths, struct err *e); /* from all of them */

#endif
