/* words_uax29.h - word boundaries of Unicode (UAX #29, section 4.1.1).
 *
 * A word is what lies between two boundaries and is no white space.  So
 * punctuation marks are words, each of its own; "can't", "3.5", "a_b" are one.
 *
 * Tailored, as the standard allows, words are what the thresholds of the rules
 * were made for:
 * - Of the boundaries between white space few stay.  Marks that open or close
 *   (brackets, quotes, underscores, full stops ...) are parted from a word at
 *   its ends; inside, a hyphen, slash, comma ... between two letters parts it
 *   ("well-known" is three words), and so do three full stops, or one between
 *   a small letter and a capital.  "f(x)", "std::string", an address of the
 *   web or of mail are one; letters of scripts without spaces are one a run.
 * - The full stop of an abbreviation ("e.g.", "p.", "Mr.") is part of it.
 * - What an apostrophe leaves of a verb ("it's", "don't", "we'll") is a word,
 *   and the possessive is.
 * - A colon parts letters, as in the root of CLDR. */
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
/* The same of text in which white space may be. */
void uax29_chunks(struct words *w, const char *text, size_t from, size_t to, bool tailored);
/* Of ASCII without white space. */
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
