/* train_internal.h - inside a trainer: counting (train.c), then learning (train_learn.c). */
#ifndef CORE_TOKEN_TRAIN_INTERNAL_H
#define CORE_TOKEN_TRAIN_INTERNAL_H

#include "core/token/train.h"
#include "core/token/train_chain.h"
#include "core/token/train_prep.h"
#include "core/token/train_sp_model.h"
#include "core/token/train_words.h"

/* What one thread has counted. */
struct counter {
    struct word_table words; /* all but characters */
    struct prep_count sp;
    struct chain_work chain;
    struct buf work;
    uint64_t *seen;          /* characters: one bit each */
    uint64_t bytes, documents, n_words;
    size_t ends[WORD_BATCH];
    bool failed;             /* chain_flush(), with err */
    struct err err;
};

/* How a text becomes counted words. */
enum way {
    WAY_CHARS,     /* only which characters there are */
    WAY_SENTENCES, /* train_prep.h */
    WAY_SPLIT,     /* one of the splits of split.h */
    WAY_CHAIN,     /* train_chain.h */
};

struct tok_trainer {
    struct tok_train_opts opts;
    enum way way;
    enum split_kind split;   /* WAY_SPLIT */
    bool any_bytes;          /* texts need not be UTF-8 */
    struct tokenizer *chain; /* what happens to the text first, if there are steps for it */
    struct charsmap *map;
    struct prep_sp prep;
    struct sp_meta meta;
    struct counter *counter; /* [n_threads] */
    int n_threads;
};

/* From what was counted to the file. */
int train_learn(struct tok_trainer *tr, struct buf *file, struct tok_train_stats *stats, struct err *e);

#endif
