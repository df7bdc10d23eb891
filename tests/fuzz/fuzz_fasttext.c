/* A fastText model and a few texts for it. */
#include <stdlib.h>
#include <string.h>

#include "data/fasttext.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "a b c ab \xc3\xbcx __label__x </s> d";
    struct err e;
    struct fasttext_work w = {0};
    struct fasttext *f = fasttext_open_memory(data, size, "fuzz", &e);
    if (!f) return 0;
    float *p = calloc((size_t)fasttext_n_labels(f), sizeof *p);
    if (!p) abort();
    for (size_t n = 0; n < sizeof text; n += 5)
        if (fasttext_predict(f, &w, text, n, p, &e) || !(p[0] >= 0)) abort();
    for (int i = 0; i < fasttext_n_labels(f); i++)
        if (fasttext_find_label(f, fasttext_label(f, i)) != i) abort();
    free(p);
    fasttext_work_free(&w);
    fasttext_close(f);
    return 0;
}
