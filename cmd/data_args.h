/* data_args.h - inputs of training and evaluation as given on the command line:
 * token shards, directories of them, or text with a tokenizer. */
#ifndef CMD_DATA_ARGS_H
#define CMD_DATA_ARGS_H

#include "data/loader.h"
#include "data/tokens.h"

struct data_set {
    struct tokset *set;
    double weight;
};
struct data_sets {
    struct data_set *v;
    size_t n;
};

/* "PATH" or, with weighted, "PATH:WEIGHT".  t may be NULL: then only shards will do. */
int data_sets_add(struct data_sets *s, const char *arg, bool weighted, const struct tokenizer *t, struct err *e);
/* n tokens of no text, for a plan made before there is data; vocab as the model has it. */
int data_sets_add_blank(struct data_sets *s, int vocab, size_t n, struct err *e);
void data_sets_free(struct data_sets *s);

/* What all sets have in common: a vocabulary and a tokenizer.  Checks that they agree. */
int data_sets_check(const struct data_sets *s, uint64_t tok_hash, struct err *e);
/* The embedded tokenizer.json of the first set that has one; nothing appended if none has. */
void data_sets_tokenizer(const struct data_sets *s, struct buf *json);
/* [{"stage":"tokenize","content":…,"tokenizer":…}, …] */
void data_sets_lineage(const struct data_sets *s, struct buf *json);
/* A batch source over the part [from, to) of every set. */
struct batch_source *data_sets_source(const struct data_sets *s, double from, double to, uint64_t seed,
                                      enum loader_order order, bool concat, struct err *e);

#endif
