/* Input: a pattern, a NUL byte, a text. */
#include <stdlib.h>
#include <string.h>

#include "core/token/regex.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    const uint8_t *cut = size ? memchr(data, 0, size) : NULL;
    size_t n = cut ? (size_t)(cut - data) : size;
    struct regex *r = regex_new((const char *)data, n, &e);
    struct regex_work *w = r && cut ? regex_work_new(&e) : NULL;
    if (w) {
        struct regex_iter it = {0, SIZE_MAX, 0};
        size_t begin, end, last = 0, n_text = size - n - 1 > 200 ? 200 : size - n - 1;
        int found, count = 0;
        while ((found = regex_next(r, w, cut + 1, n_text, &it, &begin, &end, &e)) > 0) {
            if (begin > end || end > n_text || begin < last) abort();
            last = end;
            if (++count > 500) abort();
        }
    }
    regex_work_free(w);
    regex_free(r);
    return 0;
}
