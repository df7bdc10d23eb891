/* rules_internal.h - shared by rules*.c. */
#ifndef DATA_RULES_INTERNAL_H
#define DATA_RULES_INTERNAL_H

#include "data/rules.h"
#include "data/words_class.h"

struct rules_dups {
    size_t n, dups, dup_chars;
};

size_t rules_chars(const char *s, size_t n);                            /* code points */
bool rules_blank(const struct words_table *t, const char *s, size_t n); /* white space only */
/* Moves *from and *to inwards over white space. */
void rules_strip(const struct words_table *t, const char *s, size_t *from, size_t *to);
/* Length of the line end (as of str.splitlines) at s, 0 if none. */
size_t rules_line_end(const char *s, size_t n);
/* Elements parted by at least `run` newlines (or by each newline, blank ones
 * left out) that came before. */
void rules_duplicates(struct rules_work *w, const char *s, size_t n, size_t run, bool skip_blank,
                      struct rules_dups *out);

/* The same where the newlines of the text are known; elements of [begin, n). */
void rules_duplicates_at(struct rules_work *w, const char *s, size_t begin, size_t n, size_t run,
                         struct rules_dups *out);
/* Masks, newlines and the rest in *w. */
int rules_scan(struct rules_work *w, const char *s, size_t n, struct err *e);
static inline bool rules_fast(const struct rules_cfg *c)
{
    return c->words == WORDS_UAX29 && c->dialect == RULES_DATATROVE && !c->plain;
}

/* Each fills its part of m.  On lack of memory w->oom is set. */
void rules_repetition(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                      double *m);
/* Words between white space. */
void rules_space_words(struct words *w, const char *s, size_t n);
/* Gopher's metrics in another dialect. */
void rules_gopher_other(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                        double *m);
void rules_repetition_other(const struct rules_cfg *c, struct rules_work *w, const char *text,
                            size_t n, double *m);
/* Runs of more than `most` newlines become that many; false when there are none. */
bool rules_squeeze(const char *s, size_t n, size_t most, struct buf *out);
/* The text without the lines that RefinedWeb's line rules remove, in *out. */
int rules_refinedweb(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                     struct buf *out, bool *changed, struct err *e);
void rules_sft(const char *text, size_t n, double *m);
/* Notes what a line rule took out. */
void rules_cut(struct rules_work *w, size_t begin, size_t end, int rule);
bool rules_table_size(struct hash_counter *t, size_t n);         /* for n entries, empty */
uint32_t rules_table_count(struct hash_counter *t, uint64_t h);  /* counted so often, now included */
uint32_t rules_table_get(const struct hash_counter *t, uint64_t h);
/* The n-gram metrics of w->words (two and more), the fast way. */
void rules_grams(struct rules_work *w, const char *text, size_t n, double chars, double *m);
void rules_grams_free(struct gram_work *g);
void rules_gopher(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                  double *m);
void rules_fineweb(struct rules_work *w, const char *text, size_t n, size_t n_words, double *m);
/* Also puts the lines that stay into w->kept.  `all`: the words of the text if
 * they are known; then *n_words is how many of them stay, or SIZE_MAX when
 * a line was cut and they have to be counted. */
int rules_c4(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
             const struct words *all, size_t *n_words, double *m, struct err *e);

#endif
