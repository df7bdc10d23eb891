/* words_class.h - what the rules need to know about a character: one 16-bit
 * set of classes a code point, in a two-level table built on first use. */
#ifndef DATA_WORDS_CLASS_H
#define DATA_WORDS_CLASS_H

#include <stdint.h>

enum words_class {
    WC_SPACE = 1 << 0,  /* white space, as Python's str.isspace() */
    WC_ALPHA = 1 << 1,  /* letters of spaCy's rules ... */
    WC_LOWER = 1 << 2,  /* ... lower case, or of a script without case */
    WC_UPPER = 1 << 3,  /* ... upper case, likewise */
    WC_PREFIX = 1 << 4, /* alone a prefix */
    WC_SUFFIX = 1 << 5, /* alone a suffix */
    WC_ICON = 1 << 6,   /* pictures: words of their own wherever they stand */
    WC_QUOTE = 1 << 7,
    WC_BEFORE_DOT = 1 << 8, /* a full stop behind it is a suffix */
    WC_SYMBOL = 1 << 9,     /* datatrove's punctuation set */
    WC_LETTER = 1 << 10,    /* str.isalpha(): any letter of Unicode */
    WC_CURRENCY = 1 << 11,
    WC_LINE = 1 << 12,     /* ends a line, as str.splitlines() */
    WC_TERMINAL = 1 << 13, /* ends a sentence, in any script */
    WC_DIGIT = 1 << 14,    /* 0-9 */
    WC_MARK = 1 << 15,     /* category Mn: marks that stand on a letter */
};

struct words_table {
    uint16_t block[0x1100];
    uint16_t (*bits)[256];
};

/* The table; NULL when out of memory.  Safe from any thread. */
const struct words_table *words_table_get(void);
/* The same once words_table_get() has given it. */
extern const struct words_table *words_table_ready;

static inline unsigned words_class(const struct words_table *t, uint32_t cp)
{
    return t->bits[t->block[cp >> 8]][cp & 255];
}

#endif
