/* tok_runs.h - added tokens that are runs of spaces or of tabs, as files for code have them: a rule
 * that cuts such runs out finds them as words, so that a text is not taken apart at each.
 *
 * That is the same where there is one for each length from 2 on, all are found before normalising or
 * none is, and no other added token has such a character or takes the white space around it. */
#ifndef CORE_TOKEN_TOK_RUNS_H
#define CORE_TOKEN_TOK_RUNS_H

#include "core/token/tok_internal.h"

enum { TOK_RUNS = 2, TOK_RUN_MOST = 255 };

struct tok_runs {
    struct split_rule rule;
    struct split_sets *sets;
    struct pre_run run[TOK_RUNS];
    int n;
    int32_t id[TOK_RUNS][TOK_RUN_MOST + 1]; /* by length */
    struct tok_matcher raw, normalized;     /* of the other tokens */
};

/* *out = NULL: it is not the same, or there are none.  Reads t's chains, matchers' tokens and split. */
int tok_runs_new(const struct tokenizer *t, struct tok_runs **out, struct err *e);
void tok_runs_free(struct tok_runs *r);

/* The id of a word that is such a run, or -1. */
int tok_runs_id(const struct tok_runs *r, const uint8_t *word, size_t n);

#endif
