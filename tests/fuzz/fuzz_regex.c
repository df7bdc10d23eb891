/* Input: a pattern, a NUL byte, a text.  The matches are those of searches that know nothing of each other, in the
 * program as it was compiled, too. */
#include <stdlib.h>
#include <string.h>

#include "core/token/regex_internal.h"
#include "tests/fuzz/fuzz.h"

/* The match after one that ended at `from`, found without what was learned before. */
static int next_alone(const struct regex *r, struct regex_work *w, const uint8_t *s, size_t n, size_t from, size_t *begin,
                      size_t *end)
{
    struct err e;
    struct regex_iter it = {.from = from, .last = from};
    return regex_next(r, w, s, n, &it, begin, end, &e);
}

static void check(const struct regex *r, struct regex_work *w, const uint8_t *s, size_t n, size_t from, size_t begin, size_t end)
{
    size_t b, f;
    int found = next_alone(r, w, s, n, from, &b, &f);
    if (found >= 0 && (found == 0 || b != begin || f != end)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    const uint8_t *cut = size ? memchr(data, 0, size) : NULL;
    size_t n = cut ? (size_t)(cut - data) : size;
    struct regex *r = regex_new((const char *)data, n, &e), *plain = r ? regex_new((const char *)data, n, &e) : NULL;
    struct regex_work *w = plain && cut ? regex_work_new(&e) : NULL, *alone = w ? regex_work_new(&e) : NULL;
    if (alone) {
        atomic_store(&plain->ready, true); /* stays as it is */
        struct regex_iter it = {.last = SIZE_MAX};
        size_t begin, end, last = 0, n_text = size - n - 1 > 200 ? 200 : size - n - 1;
        int found, count = 0;
        while ((found = regex_next(r, w, cut + 1, n_text, &it, &begin, &end, &e)) > 0) {
            if (it.steps > 1 << 18) break; /* each of the searches alone may take as long */
            if (begin > end || end > n_text || begin < last) abort();
            if (count) check(r, alone, cut + 1, n_text, last, begin, end);
            if (count) check(plain, alone, cut + 1, n_text, last, begin, end);
            last = end;
            if (++count > 500) abort();
        }
    }
    regex_work_free(w);
    regex_work_free(alone);
    regex_free(r);
    regex_free(plain);
    return 0;
}
