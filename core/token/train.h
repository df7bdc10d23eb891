/* train.h - learning a vocabulary.
 *
 *     struct tok_trainer *tr = tok_trainer_new(&opts, n_threads, &e);
 *     tok_trainer_add(tr, thread, text, n, &e);       per document, any order
 *     struct tokenizer *t = tok_trainer_finish(tr, &stats, &e);
 *
 * Memory grows with the number of distinct words, not with the text.  The
 * result depends on the multiset of documents only: not on their order, nor on
 * which thread counted them. */
#ifndef CORE_TOKEN_TRAIN_H
#define CORE_TOKEN_TRAIN_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/token/split.h"
#include "core/token/tokenizer.h"

enum tok_train_type {
    TOK_TRAIN_BPE,  /* bytes, merged by falling count; ties: lower pair of ids */
    TOK_TRAIN_CHAR, /* every character of the text */
};

/* Equal counts are decided by the ids of the pair, hence by how bytes are
 * numbered: by their character (HF tokenizers), or by value (rustbpe, minbpe,
 * tiktoken's files). */
enum tok_train_ties { TOK_TIES_HF, TOK_TIES_BYTES };

struct tok_train_opts {
    enum tok_train_type type;
    int vocab_size;             /* BPE: all ids, with the special ones */
    uint64_t min_count;         /* BPE: a pair seen less often is not merged */
    enum split_kind split;      /* BPE */
    enum tok_train_ties ties;   /* BPE */
    const char *const *special; /* [n_special]; BPE: the first ids, characters: the last */
    size_t n_special;
};

struct tok_train_stats {
    uint64_t bytes, documents, words, distinct_words;
    uint64_t last_count;        /* of the last merge */
    int vocab_size;
};

struct tok_trainer;
struct tok_trainer *tok_trainer_new(const struct tok_train_opts *o, int n_threads, struct err *e);
/* Each thread index < n_threads may be used by one thread at a time. */
int tok_trainer_add(struct tok_trainer *tr, int thread, const char *text, size_t n, struct err *e);
/* Frees the trainer in any case.  stats may be NULL. */
struct tokenizer *tok_trainer_finish(struct tok_trainer *tr, struct tok_train_stats *stats,
                                     struct err *e);
void tok_trainer_free(struct tok_trainer *tr); /* to give up; NULL is fine */

#endif
