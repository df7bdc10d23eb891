/* ppl.h - how well a language model predicts a document.
 *
 * Perplexity: e to the mean negative log-likelihood of its tokens, each given
 * the ones before it in a window of at most PPL_WINDOW tokens (or the model's
 * context); windows follow each other as in `llmctl eval`, each token is
 * predicted once.  A document begins as it did in training, behind the begin
 * (or end) of text; without such a token its first is not predicted.  In f32,
 * one thread a document: the value depends on neither threads nor neighbours. */
#ifndef DATA_PPL_H
#define DATA_PPL_H

#include "data/clean.h"

enum { PPL_WINDOW = 1024 };

struct ppl;
/* "MODEL", "MODEL:LO:HI" (either may be empty): puts ppl on record and removes
 * what lies outside.  MODEL is what every command takes. */
struct ppl *ppl_add(struct clean_cfg *cfg, const char *spec, struct err *e);
void ppl_free(struct ppl *p); /* NULL is fine */

#endif
