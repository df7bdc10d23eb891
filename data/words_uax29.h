/* words_uax29.h - word boundaries of Unicode (UAX #29, section 4.1.1).
 *
 * A word is what lies between two boundaries and is no white space.  So
 * punctuation marks are words, each of its own; "can't", "3.5", "a_b" are one.
 *
 * Tailored, as the standard allows, boundaries between white space are dropped
 * so that words are what the thresholds of the rules were made for: only the
 * marks that open or close (brackets, quotes, full stops ...) are parted from
 * a word at its ends, and within it a hyphen, slash, comma ... between two
 * letters parts it ("well-known" is three words, "std::string", "f(x)" and a
 * link are one).  Letters of scripts without spaces are one word a run, and so
 * are full stops that follow each other.  No boundary is added. */
#ifndef DATA_WORDS_UAX29_H
#define DATA_WORDS_UAX29_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/words.h"

/* Word_Break classes; WB_PICTURE may be added to any. */
enum uax29_class {
    WB_OTHER, WB_CR, WB_LF, WB_NEWLINE, WB_EXTEND, WB_ZWJ, WB_FORMAT, WB_REGIONAL, WB_KATAKANA,
    WB_HEBREW, WB_LETTER, WB_QUOTE, WB_QUOTES, WB_MIDNUMLET, WB_MIDLETTER, WB_MIDNUM, WB_NUMERIC,
    WB_EXTENDNUMLET, WB_SPACE, WB_PICTURE = 32
};
struct uax29_range {
    uint32_t first, last;
    uint8_t class;
};
extern const struct uax29_range uax29_ranges[];
extern const size_t uax29_n_ranges;
extern const uint32_t uax29_pictures[][2];
extern const size_t uax29_n_pictures;

/* Call once before the others; -1 when out of memory.  Safe from any thread. */
int uax29_start(void);
/* The end of the segment that begins at `at` < n; text is valid UTF-8. */
size_t uax29_segment(const char *text, size_t n, size_t at);

/* Appends the words of text [from, to), which holds no white space. */
void uax29_chunk(struct words *w, const char *text, size_t from, size_t to, bool tailored);
/* The same of ASCII. */
void uax29_chunk_ascii(struct words *w, const char *text, size_t from, size_t to, bool tailored);
/* All words of the text: the reference, character by character. */
int words_uax29_ref(struct words *w, const char *text, size_t n, bool tailored, struct err *e);

/* The same words by masks of all of the text. */
struct text_masks;
int words_uax29_masked(struct words *w, const char *text, size_t n, const struct text_masks *m,
                       bool tailored, struct err *e);
/* Words between white space; of their info only WORD_LETTER counts. */
int words_space_masked(struct words *w, const char *text, size_t n, const struct text_masks *m,
                       struct err *e);

#endif
