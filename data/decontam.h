/* decontam.h - documents that hold what models are later tested with.
 *
 * The evaluation files give items: every string value of every line of JSONL,
 * every line of a text file.  A document is contaminated when it shares N words
 * in a row with an item (GPT-3, appendix C of arXiv:2005.14165, with 13): words
 * are runs of letters, marks and digits in lower case; in scripts that do not
 * part words each character is one.  Candidates come from a rolling hash, and
 * every one is verified word by word, so there are no false hits of hashing.
 * An item shorter than N words, but of at least 5, is looked for as a whole.
 *
 * Immutable after opening; any number of threads may search. */
#ifndef DATA_DECONTAM_H
#define DATA_DECONTAM_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

enum { DECONTAM_MIN_WORDS = 5 };

struct decontam;

struct decontam_match {
    size_t begin, end; /* of the text: the longest shared run of words */
    size_t words;      /* in it */
    double share;      /* of the item's words */
    uint32_t item;
};

/* `spec` is FILE or FILE:N.  May be called again to add more files. */
int decontam_add(struct decontam **d, const char *spec, struct err *e);
/* Call once after the last file. */
int decontam_ready(struct decontam *d, struct err *e);
void decontam_free(struct decontam *d); /* NULL is fine */

size_t decontam_items(const struct decontam *d);
/* Items too short to be looked for. */
size_t decontam_short(const struct decontam *d);
/* Where an item is from: "file:line". */
void decontam_origin(const struct decontam *d, uint32_t item, struct buf *out);

/* Work space of one thread; zero-initialise. */
struct decontam_work {
    struct decontam_word {
        uint64_t hash;
        uint32_t begin, end;
    } *word;
    size_t n, cap;
};
/* 1 and the longest match (the first of several), or 0; -1 out of memory. */
int decontam_search(const struct decontam *d, struct decontam_work *w, const char *text, size_t n,
                    struct decontam_match *m, struct err *e);
void decontam_work_free(struct decontam_work *w);

#endif
