/* balance.h - the shares of classes, languages or sources put right.
 *
 * Of n_c documents of class c that stay otherwise, m_c are written, in
 * proportion to its weight: 1 (uniform), sqrt(n_c), or given.  The classes
 * that have least for their weight set the scale, so that none needs more than
 * `max_upsample` times what it has; with `total`, the scale is that of the
 * total, and a class that has less for it gives what it has times the limit.
 *
 * Which documents: those of the smallest hashes of (id, seed), exactly m_c of
 * them; above n_c, each is written floor(m_c / n_c) times and the rest go by
 * the hash again.  Nothing depends on threads or on the order of the input. */
#ifndef DATA_BALANCE_H
#define DATA_BALANCE_H

#include "data/clean.h"

struct balance_cfg {
    const char *field; /* "source", "lang" (also as found by a model), or a path to a member */
    const char *to;    /* "uniform", "sqrt", or a JSON file {"class": weight, ...} */
    double max_upsample;
    uint64_t total, seed; /* total 0: none given */
};

struct balance;
/* Add it last: it counts what all others leave. */
struct balance *balance_add(struct clean_cfg *cfg, const struct balance_cfg *b, struct err *e);
void balance_free(struct balance *b); /* NULL is fine */

/* After the run: what each class had and has. */
struct balance_class {
    char name[64]; /* cut if longer */
    uint64_t n, m; /* documents in, written */
    double weight;
};
size_t balance_classes(const struct balance *b, const struct balance_class **out); /* largest first */

/* m[k] from n[k] and weights; the heart of it. */
void balance_plan(const uint64_t *n, const double *weight, size_t k, double max_upsample, uint64_t total, uint64_t *m);

#endif
