/* prep.h - text preprocessing: what `llmctl clean` may do to the characters of
 * a document before any rule judges it.  Every step is off unless asked for.
 *
 *     html        markup to text                          prep_html.c
 *     mojibake    UTF-8 that was read as another encoding prep_mojibake.c
 *     (form)      control characters, NFC                 text_norm.c
 *     pii         e-mail, IP, phone, card numbers masked  prep_pii.c
 *     boilerplate lines of web pages that say nothing     prep_lines.c
 *     lower, digits, punctuation, stop words, whitespace  prep_chars.c, prep_stop.c
 *
 * The steps run in this order.  Running the whole list on its own result
 * changes nothing.  One struct prep a thread. */
#ifndef DATA_PREP_H
#define DATA_PREP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "data/text_norm.h"

enum prep_step {
    PREP_HTML,
    PREP_MOJIBAKE,
    PREP_FORM,
    PREP_PII,
    PREP_BOILERPLATE,
    PREP_LOWER,
    PREP_DIGITS,
    PREP_PUNCT,
    PREP_STOP,
    PREP_SPACE,
    PREP_N
};
extern const char *const prep_step_name[PREP_N];

enum prep_pii { PII_EMAIL = 1, PII_IP = 2, PII_PHONE = 4, PII_CARD = 8 };
enum prep_digits { DIGITS_KEEP, DIGITS_ZERO, DIGITS_DROP };

struct prep_words; /* a set of words */

struct prep_cfg {
    enum text_form form;
    bool html, mojibake, boilerplate, lower, drop_punct, squeeze;
    enum prep_digits digits;
    unsigned pii;            /* enum prep_pii */
    const struct prep_words *stop, *lines; /* NULL = none; lines: more boilerplate */
};

struct prep {
    const struct prep_cfg *cfg;
    struct text_norm norm;
    struct buf a, b, word;
    uint64_t places[PREP_N]; /* that each step changed in the last text: masked items, removed lines, words ... */
};

bool prep_wants(const struct prep_cfg *c, enum prep_step s);
/* *out is `text` itself when nothing changed, else memory of p that lives until
 * the next call.  text is valid UTF-8, and so is *out. */
int prep_run(struct prep *p, const char *text, size_t n, const char **out, size_t *out_n, struct err *e);
void prep_free(struct prep *p);

/* "email,ip" -> bits. */
int prep_pii_parse(const char *list, unsigned *bits, struct err *e);

/* Stop words: "en,de" names built-in lists, anything with a '.' or '/' is a
 * file of one word a line.  Lower case. */
int prep_stop_open(struct prep_words **w, const char *list, struct err *e);
/* A file of lines, for boilerplate. */
int prep_lines_open(struct prep_words **w, const char *path, struct err *e);
void prep_words_close(struct prep_words *w); /* NULL is fine */

/* ---- the steps; each appends to out and returns the number of places it
 * changed.  Only when that is not zero is out the new text. ---- */
uint64_t prep_html(const char *s, size_t n, struct buf *out);
uint64_t prep_mojibake(const char *s, size_t n, struct buf *out);
uint64_t prep_pii(const char *s, size_t n, unsigned what, struct buf *out);
uint64_t prep_boilerplate(const char *s, size_t n, const struct prep_words *more, struct buf *word, struct buf *out);
uint64_t prep_lower(const char *s, size_t n, struct buf *out);
uint64_t prep_digits(const char *s, size_t n, enum prep_digits how, struct buf *out);
uint64_t prep_punct(const char *s, size_t n, struct buf *out);
uint64_t prep_stop(const char *s, size_t n, const struct prep_words *stop, struct buf *word, struct buf *out);
uint64_t prep_space(const char *s, size_t n, struct buf *out);

/* ---- shared by the steps ---- */
bool prep_words_has(const struct prep_words *w, const char *s, size_t n);

#endif
