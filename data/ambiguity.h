/* ambiguity.h - examples that contradict each other.
 *
 * Examples of one prompt (normal form of prompt_norm.h, or at least `near`
 * similar in their pairs of words and with the same numbers) that have
 * different answers make a group of conflict; so do preferences over the same
 * two answers in both directions.  A policy says which examples of a group
 * stay:
 *
 *   drop       none
 *   majority   those of the most frequent answer; none when two are as frequent
 *   newest     those of the answer that comes last in the input, or has the
 *              latest date in a field
 *   best       those of the answer with the highest number in a field; none
 *              when two answers have it
 *
 * Nothing depends on the number of threads.  What is kept of examples goes to
 * disk beyond cfg->space. */
#ifndef DATA_AMBIGUITY_H
#define DATA_AMBIGUITY_H

#include "core/base/hash.h"
#include "data/clean.h"

enum ambiguity_policy { AMBIGUITY_DROP, AMBIGUITY_MAJORITY, AMBIGUITY_NEWEST, AMBIGUITY_BEST };

struct ambiguity;
/* what: "prompt=PATH,answer=PATH" (or label=PATH), "prompt=PATH,chosen=PATH,
 * rejected=PATH", "messages=PATH", each with ",near=0.9" if wanted.
 * resolve: "drop", "majority", "newest[:PATH]", "best:PATH".  report: a file
 * that gets one line of JSON a group, or NULL. */
struct ambiguity *ambiguity_add(struct clean_cfg *cfg, const char *what, const char *resolve, const char *report,
                                struct err *e);
void ambiguity_free(struct ambiguity *a); /* NULL is fine */

struct ambiguity_counts {
    uint64_t judged, unjudged; /* examples; without prompt or answer */
    uint64_t groups, in_groups, removed;
};
struct ambiguity_counts ambiguity_counts(const struct ambiguity *a);

/* ---- ambiguity_groups.c ---- */

struct ambiguity_item {
    struct hash128 prompt;
    uint64_t answer, digits;
    double rank;           /* for newest and best; not a number: none */
    const uint64_t *pairs; /* sorted set, for near */
    size_t n_pairs;
    bool itself; /* contradicts itself: chosen and rejected are one */
    /* results */
    bool lost;
    uint32_t group;   /* 1, 2, ... of those with a conflict; 0: none */
    uint32_t answers; /* different ones in its group */
};
/* Items in order of the input. */
int ambiguity_resolve(struct ambiguity_item *v, size_t n, double near, enum ambiguity_policy policy,
                      uint64_t *groups, struct spill_space *space, struct err *e);

#endif
