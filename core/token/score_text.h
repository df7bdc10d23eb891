/* score_text.h - scores as tokenizer.json files have them.
 *
 * HF tokenizers reads numbers with serde_json, which rounds twice: the digits to a
 * double, and that times or by a power of ten.  One score of eight is another then, by
 * one last place, and near-ties are decided otherwise. */
#ifndef CORE_TOKEN_SCORE_TEXT_H
#define CORE_TOKEN_SCORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A JSON number, which it must be, as serde_json reads it. */
double score_parse(const char *text);
/* The same of one with at most 18 digits and no exponent, before something else than a part of a number: *p moves
 * behind it.  false: it is another one, or none. */
bool score_short(const char **p, const char *end, double *out);
/* A text that is read as v, if there is one; there is where v was read.  Else one that is
 * read as its neighbour.  Up to 27 characters. */
void score_print(double v, char *out, size_t size);

#endif
