/* word_form.h - the words of a text in their normal form, one behind the other.
 *
 * For chains whose steps look at one character at a time, and that cut at white
 * space and around punctuation, as BERT's do.  What they make of a character is
 * found out when it comes first and remembered; ASCII goes 64 bytes at a time.
 * One per thread.
 *
 *     for (word_forms_take(f, text, n, &pos, &a, NULL, e); a.n; swap a and b)
 *         word_forms_take(f, text, n, &pos, &b, &a, e), and use the words of a */
#ifndef CORE_TOKEN_WORD_FORM_H
#define CORE_TOKEN_WORD_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/token/normalize.h"

enum {
    WORD_RUN = 256,  /* words that are taken at a time */
    WORD_SLACK = 64, /* that many more may be written, and bytes behind a text */
};

/* Word i of n is text[begin[i]..begin[i + 1]); 16 bytes behind the last are readable. */
struct word_run {
    char *text;
    size_t len, cap;
    size_t begin[WORD_RUN + WORD_SLACK + 1];
    size_t n;
    size_t begun;  /* n, and one more that goes on in the next run */
    bool open;     /* the next letter is of that one */
};

/* What becomes of a character of ASCII; 0: the table of all characters knows. */
enum { ASCII_LETTER = 1, ASCII_SIGN = 2, ASCII_GAP = 4 };

/* The ASCII characters that text[0..n) begins with, as long as their kinds are not 0
 * and there is room in run->begin; returns how many.  run->text has room for n and
 * WORD_SLACK more. */
struct word_forms;
typedef size_t word_take_fn(const struct word_forms *f, const uint8_t *text, size_t n, struct word_run *run);
word_take_fn word_take_ascii, word_take_ascii_avx512vbmi, *word_take_ascii_best(void);

struct word_forms {
    const struct norm_chain *norm;
    bool orders;               /* marks that are left may change places */
    uint8_t ascii[128], kind[128];
    uint32_t *form;            /* of each code point; see word_form.c */
    struct buf more;           /* forms that are longer: a byte for their length, and they */
    struct norm work;
    word_take_fn *take_ascii;
};

struct word_forms *word_forms_new(const struct norm_chain *norm, struct err *e); /* norm stays the caller's */
void word_forms_free(struct word_forms *f);
void word_run_free(struct word_run *run);

/* The next words of text[*pos..n), which is valid UTF-8, into *run: none at its end.
 * before: the run that was taken before of the same text; at its beginning, NULL. */
int word_forms_take(struct word_forms *f, const char *text, size_t n, size_t *pos, struct word_run *run,
                    const struct word_run *before, struct err *e);

#endif
