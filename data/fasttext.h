/* fasttext.h - classifiers that fastText trained: .bin and quantized .ftz.
 *
 * Supervised models of format 11 and 12, with word n-grams, character n-grams
 * and the losses softmax, hierarchical softmax, one-vs-all and negative
 * sampling; input and output matrices may be product-quantized.  Predictions
 * are those of fastText (Joulin et al., arXiv:1607.01759 and 1612.03651), its
 * additions of 1e-5 before each logarithm included: a sure label has 1.00001.
 *
 * The file stays mapped and its matrices are used in place; every count in it
 * is checked against what is left of it before anything is allocated. */
#ifndef DATA_FASTTEXT_H
#define DATA_FASTTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct fasttext;

struct fasttext *fasttext_open(const char *path, struct err *e);
/* The same over bytes in memory, which must outlive the model. */
struct fasttext *fasttext_open_memory(const void *data, size_t size, const char *name,
                                      struct err *e);
void fasttext_close(struct fasttext *f); /* NULL is fine */

int fasttext_n_labels(const struct fasttext *f);
/* As in the file, "__label__en"; lives as long as the model. */
const char *fasttext_label(const struct fasttext *f, int i);
int fasttext_find_label(const struct fasttext *f, const char *label); /* or -1 */

/* Work space of one thread; zero-initialise. */
struct fasttext_work {
    float *hidden, *score;
    int32_t *hash;
    size_t hash_cap;
};
void fasttext_work_free(struct fasttext_work *w);

/* p[n_labels]: the probability of every label, 0 for all of them when no part
 * of the text is known, or the weights are no numbers.  The text is one
 * example: its line ends count as blanks, as the peers do it.  The only
 * failure is lack of memory. */
int fasttext_predict(const struct fasttext *f, struct fasttext_work *w, const char *text, size_t n,
                     float *p, struct err *e);

#endif
