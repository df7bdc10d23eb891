/* words.h - text cut into words, the unit of the rules and of n-grams.
 *
 * WORDS_UAX29 cuts at word boundaries of Unicode, tailored to what the rules
 * count; WORDS_UAX29_PLAIN at all of them (words_uax29.h).
 *
 * WORDS_SPACY_EN follows spaCy's English tokenizer, which datatrove uses: chunks
 * between white space lose prefixes and suffixes (quotes, brackets, full stops
 * ...), what is left is cut at infixes unless it is a URL, and a list of
 * contractions, abbreviations and emoticons comes first everywhere.  Scripts
 * without spaces give one word a run. */
#ifndef DATA_WORDS_H
#define DATA_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum word_info {
    WORD_LETTER = 1,    /* has a letter */
    WORD_SUBSTANCE = 2, /* has a character that is no punctuation */
    WORD_ASCII = 4,
};

struct word {
    uint32_t begin, len; /* bytes */
    uint32_t chars;      /* code points */
    uint32_t info;
};

struct words {
    struct word *v;
    size_t n, cap;
    struct word *stack; /* private: suffixes of one chunk */
    size_t stack_cap;
    bool oom;
};

enum words_mode { WORDS_UAX29, WORDS_UAX29_PLAIN, WORDS_SPACY_EN };

/* Replaces the content of *w by the words of the text (UTF-8, < 4 GiB). */
int words_cut(enum words_mode mode, struct words *w, const char *text, size_t n, struct err *e);
/* The same, WORDS_SPACY_EN. */
int words_split(struct words *w, const char *text, size_t n, struct err *e);
void words_free(struct words *w);

#endif
