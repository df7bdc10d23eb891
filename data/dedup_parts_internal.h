/* dedup_parts_internal.h - shared by dedup_parts*.c: callbacks for doc_run with a
 * struct parts as argument. */
#ifndef DATA_DEDUP_PARTS_INTERNAL_H
#define DATA_DEDUP_PARTS_INTERNAL_H

#include "data/dedup_parts.h"
#include "data/dedup_seen.h"
#include "data/doc_out.h"
#include "data/doc_run.h"
#include "data/shingle.h"

enum { PARTS_OUTS = 3 }; /* kept, removed, bad */

struct parts {
    const struct dedup_cfg *cfg;
    struct dedup_stats *stats;
    struct dseen seen;
    struct parts_worker {
        struct doc_iter it;
        struct shingles sh;
        struct buf text, more;
    } * workers;
    struct doc_out out[PARTS_OUTS];
};

/* What is known of a block, in slot->user.  notes: u64s, per document a head,
 * then its parts, each with its hashes. */
struct parts_head {
    uint64_t n_parts, bytes, gone; /* gone: the document as a whole */
    double share;
};
enum { PART_STAYS, PART_GOES, PART_BLANK }; /* blank: white space, which alone is no document */
struct parts_part {
    uint64_t begin, len, n_hashes, fate;
};
struct parts_block {
    struct buf notes;
    uint64_t docs, bad, n_hashes;
    char first_bad[256];
};

/* stats is kept, not cleared. */
int parts_open(struct parts *p, const struct dedup_cfg *cfg, struct dedup_stats *stats, struct err *e);
void parts_close(struct parts *p);

doc_run_fn parts_work;   /* makes the block's notes */
int parts_decide_block(struct parts *p, struct parts_block *b, struct err *e); /* in order */
doc_run_fn parts_emit;   /* by the notes */
doc_run_fn parts_done;   /* writes; releases the notes */
void parts_drop(void *arg, struct doc_slot *s);
struct parts_block *parts_block_of(struct doc_slot *s, struct err *e); /* an empty one; NULL */

#endif
