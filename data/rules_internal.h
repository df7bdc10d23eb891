/* rules_internal.h - shared by rules*.c. */
#ifndef DATA_RULES_INTERNAL_H
#define DATA_RULES_INTERNAL_H

#include <string.h>

#include "core/base/hash.h"
#include "data/rules.h"
#include "data/words_class.h"

struct rules_dups {
    size_t n, dups, dup_chars;
};

size_t rules_chars(const char *s, size_t n);                            /* code points */
size_t rules_chars_ref(const char *s, size_t n);
size_t rules_chars_avx512(const char *s, size_t n);
bool rules_blank(const struct words_table *t, const char *s, size_t n); /* white space only */
/* Moves *from and *to inwards over white space. */
void rules_strip(const struct words_table *t, const char *s, size_t *from, size_t *to);
/* Length of the line end (as of str.splitlines) at s, 0 if none. */
size_t rules_line_end(const char *s, size_t n);
/* Elements parted by at least `run` newlines (or by each newline, blank ones
 * left out) that came before. */
void rules_duplicates(struct rules_work *w, const char *s, size_t n, size_t run, bool skip_blank,
                      struct rules_dups *out);
/* Masks, newlines and the rest in *w. */
int rules_scan(struct rules_work *w, const char *s, size_t n, struct err *e);
static inline bool rules_masked(const struct rules_cfg *c) /* masks of the text are made */
{
    return c->words == WORDS_UAX29 && !c->plain;
}
static inline bool rules_fast(const struct rules_cfg *c)
{
    return rules_masked(c) && c->dialect == RULES_DATATROVE;
}

/* Each fills its part of m.  On lack of memory w->oom is set. */
void rules_repetition(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                      double *m);
/* Are there `need` words between white space in [b, e) of a text whose masks are known? */
bool rules_has_words(const struct rules_work *w, const struct words_table *t, const char *text,
                     size_t b, size_t e, size_t need);
/* The n-gram metrics of the other dialects, of w->line_words, the fast way. */
void rules_grams_other(struct rules_work *w, bool dclm, double chars, double *m);
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
/* Hashes of words, for those below; false and w->oom on lack of memory. */
bool rules_grams_words(struct rules_work *w, const struct words *words, const char *text, size_t n);
bool rules_words_counted(struct rules_work *w, const char *text, size_t n); /* w->words, into w->counts too */
/* The n-gram metrics (of two words and more), the fast way. */
void rules_grams(struct rules_work *w, double chars, double *m);
/* Is it certain that the text passes all rules of n-grams?  Needs w->hashed. */
bool rules_grams_few(const struct rules_cfg *c, struct rules_work *w, double chars);
/* What it needs of the n-grams that begin at GRAM_STEPS words; hashes and characters of
 * so many words and GRAMS_MORE are read. */
enum { GRAM_STEPS = 32, GRAMS_MORE = 4, GRAMS_BEHIND = GRAM_STEPS + GRAMS_MORE };
struct gram_steps {
    uint32_t sum_at[GRAM_STEPS], chars[GRAM_STEPS], bloom_at[GRAM_STEPS];
    uint64_t pair[GRAM_STEPS];
};
typedef void rules_gram_steps_fn(const uint64_t *h, const uint32_t *chars, unsigned sum_shift,
                                 unsigned bloom_shift, struct gram_steps *out);
rules_gram_steps_fn rules_gram_steps_ref, rules_gram_steps_avx512;
typedef uint32_t rules_most_fn(const uint32_t *v, size_t n); /* the largest; n is a multiple of 16 */
rules_most_fn rules_most_ref, rules_most_avx512;
void rules_grams_free(struct gram_work *g);
void rules_bound_free(struct gram_work *g); /* what rules_grams_few() took */
#define RULES_HASH_A 0x9E3779B97F4A7C15u
#define RULES_HASH_B 0xC2B2AE3D27D4EB4Fu
/* The hash of a word with `left` bytes from its begin to the end of the text; *first: its
 * first 8 bytes as a number, the first byte lowest, and what follows it.  There is no
 * branch on whether it has more than 8, which would be guessed wrong. */
static inline uint64_t rules_word_hash(const char *s, size_t len, size_t left, uint64_t *first)
{
    uint64_t x = 0, last;
    if (left >= 8) {
        memcpy(&x, s, 8);
    } else {
        memcpy(&x, s, left);
        s = (const char *)first; /* where 8 bytes can be read */
    }
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    *first = x;
    if (len > 16) return hash64(s, len);
    uint64_t more = 0 - (uint64_t)(len > 8);
    memcpy(&last, s + ((len - 8) & more), 8);
    uint64_t y = (len ^ (last & more)) * RULES_HASH_B;
    x = ((x << (len < 8 ? 64 - 8 * len : 0)) ^ y) * RULES_HASH_A;
    return x ^ x >> 29 ^ y << 17;
}
/* Product of a stop word, as a number of up to four bytes, and mul: its place is in the
 * three highest of 32 bits. */
struct stop_words {
    uint32_t mul, list[8];
};
extern const struct stop_words rules_stop_words;
/* Counts words, into *c too, and notes hash and characters of each.  The others do as
 * many from the first on as they can, and return how many. */
void rules_count_words(const struct words *w, const char *text, size_t n, uint64_t *hash, uint32_t *chars,
                       struct word_counts *c);
size_t rules_count_words_ref(const struct words *w, size_t from, const char *text, size_t n, uint64_t *hash,
                             uint32_t *chars, struct word_counts *c);
size_t rules_count_words_avx512(const struct words *w, const char *text, size_t n, uint64_t *hash,
                                uint32_t *chars, struct word_counts *c);
void rules_gopher(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                  double *m);
/* FineWeb's metrics, all but newlines a word, and how many newlines there are.  brief:
 * characters of a short line at most. */
void rules_fineweb(struct rules_work *w, const char *text, size_t n, double brief, size_t *n_newlines, double *m);
/* The same in two parts for the lines that are kept (rules_scan() has been). */
void rules_fineweb_ends(struct rules_work *w, const char *text, double brief, size_t *n_newlines, double *m);
void rules_fineweb_repeats(struct rules_work *w, const char *text, double *m);
/* C4's line rules: the lines that stay in w->lines, and what removes the document. */
int rules_c4(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n, double *m,
             struct err *e);
/* Counts the sentences of the lines that stay.  `all`: the words of the text if
 * they are known; then *n_words is how many of them stay, else SIZE_MAX; it may be NULL. */
double rules_c4_third_line(const char *text, size_t n); /* METRIC_THIRD_LINE of what stays */
int rules_c4_words(const struct rules_cfg *c, struct rules_work *w, const char *text,
                   const struct words *all, size_t *n_words, double *m, struct err *e);

/* rules_kept.c: a line of the text stays; cut: what it is without marks, or NULL. */
void rules_keep_none(struct rules_work *w);
void rules_keep_line(struct rules_work *w, size_t begin, size_t len, const char *cut, size_t n);
void rules_keep_trim(struct rules_work *w, const struct words_table *t, const char *text);
bool rules_kept_all(const struct rules_work *w, const char *text, size_t n); /* as it was? */
void rules_kept_text(struct rules_work *w, const char *text); /* into w->kept */
static inline const char *rules_line_text(const struct rules_work *w, const char *text,
                                          const struct rules_line *line)
{
    return (line->cut ? w->cut_text.data : text) + line->at;
}

#endif
