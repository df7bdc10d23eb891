/* word_form.h - the words of a text in their normal form, one behind the other.
 *
 * For chains whose steps look at one character at a time, and that cut at white
 * space and around punctuation, as BERT's do.  What they make of a character is
 * found out when it comes first and remembered; vectors take 64 bytes of ASCII and
 * of letters of two bytes at a time, or 16 other characters.  A word of one character may have one id by
 * itself, which is remembered with it, and vectors find.  One per thread.
 *
 *     for (word_forms_take(f, text, n, &pos, &a, NULL, e); a.n; swap a and b)
 *         word_forms_take(f, text, n, &pos, &b, &a, e), and use the words of a */
#ifndef CORE_TOKEN_WORD_FORM_H
#define CORE_TOKEN_WORD_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/token/normalize.h"

enum {
    WORD_RUN = 512,  /* words that are taken at a time */
    WORD_SLACK = 64, /* that many more may be written, and bytes behind a text */
};

/* Word i of n is text[begin[i]..begin[i + 1]); 16 bytes behind the last are readable.
 * With its bit in `single` it has the one id id[i], of which 16 more are readable. */
struct word_run {
    char *text;
    size_t len, cap;
    size_t begin[WORD_RUN + WORD_SLACK + 1];
    uint64_t single[(WORD_RUN + WORD_SLACK) / 64 + 2];
    int32_t id[WORD_RUN + 2 * WORD_SLACK];
    uint8_t first[WORD_RUN + 2 * WORD_SLACK]; /* of single words, the character of ASCII (AVX2: 0), or WORD_HAS_ID */
    uint16_t other[WORD_RUN + 2 * WORD_SLACK]; /* those that are not single, once they are asked for */
    size_t n, n_others;
    size_t begun;  /* n, and one more that goes on in the next run */
    bool open;     /* the next letter is of that one */
};

enum { WORD_HAS_ID = 0xFF };

/* Words b.. of a run, of which those with a bit in `which` are single; the other bits
 * are as they were. */
static inline void word_run_singles(struct word_run *run, size_t b, uint64_t which)
{
    run->single[b / 64] |= which << (b & 63);
    run->single[b / 64 + 1] |= which >> 1 >> (63 - (b & 63));
}

/* The one id of a word, or -1. */
struct word_single {
    int32_t (*id)(const void *of, const uint8_t *word, size_t n);
    const void *of;
};

/* What becomes of a character of ASCII; 0: the table of all characters knows. */
enum { ASCII_LETTER = 1, ASCII_SIGN = 2, ASCII_GAP = 4, TWO_BYTES = 8 };

/* The same of characters of two bytes that begin with one of WORD_LEADS: Latin, Greek
 * and Cyrillic letters; by number of the lead and second byte. */
enum { WORD_LEADS = 8, WORD_PAIRS = WORD_LEADS * 64 };
struct word_pairs {
    uint8_t lead[64];            /* by its low 6 bits: its number, or WORD_LEADS */
    uint8_t kind[WORD_PAIRS];    /* 0 before it is asked for; with TWO_BYTES, so many are left */
    uint8_t first[WORD_PAIRS], second[WORD_PAIRS]; /* bytes */
    uint32_t both[WORD_PAIRS];   /* all three: the first byte, the second, the kind */
    bool known[WORD_LEADS + 1];
};

/* ASCII in sets: by the lower half of a character, a bit for each upper half with which it is in there. */
struct word_ascii_sets {
    uint8_t known[16], letter[16], sign[16];
    uint8_t upper[16]; /* those that become other letters: with the bit 0x20 */
    int32_t id[128];   /* of words of one letter or sign, by what it becomes; or -1 */
};

/* A form: its bytes, their number, and what it is.  0: not asked for yet. */
enum {
    LEN_AT = 24,
    LEN = 3 << LEN_AT,     /* up to 3 bytes are in the form itself */
    FITS = 1 << LEN_AT,    /* LONGER: at most 16, and three times what the character has */
    SIGN = 1 << 26,        /* a word by itself */
    LETTER = 1 << 27,      /* part of a word; none of the two: between words */
    NOTHING = 1 << 28,     /* the word goes on behind it */
    LONGER = 1 << 29,      /* the bytes are in f->more, from the number below LEN on, or it is the OWN ones */
    OWN = LONGER | 2 << LEN_AT, /* the character as it is; the number is 1 more than the id of a word that it is alone, or 0 */
    CHAINS = 1 << 30,      /* more than one word, or marks that change places with those that follow */
    MARKS = CHAINS | LETTER, /* nothing but such marks */
};
#define KNOWN 0x80000000u

static inline bool word_form_is_own(uint32_t form)
{
    return (form & OWN) == OWN;
}

/* The characters of ASCII, and perhaps those of word_pairs, that text[0..n) begins with, as
 * long as their kinds are not 0 and there is room in run->begin; returns how many bytes.  run->text has room for n
 * and WORD_SLACK more. */
struct word_forms;
typedef size_t word_take_fn(const struct word_forms *f, const uint8_t *text, size_t n, struct word_run *run);
word_take_fn word_take_ascii, word_take_ascii_avx512vbmi, word_take_ascii_avx2bmi, *word_take_ascii_best(void);

/* Characters that the table knows, in sixteens, as long as 64 bytes of text[0..n) are
 * left, the first is before text[stop] and the next 16 are not all ASCII.  The room is
 * that for three times as many bytes as are before `stop`, and WORD_WIDE more. */
enum { WORD_WIDE = 128, WORD_AT_ONCE = 16 };
/* Once it is taken, the ids by run->first. */
typedef void word_ids_fn(const struct word_forms *f, struct word_run *run);
word_ids_fn word_run_ids_avx512vbmi, word_run_ids_avx2bmi;
typedef size_t word_wide_fn(struct word_forms *f, const uint8_t *text, size_t n, size_t stop, struct word_run *run);
word_wide_fn word_take_wide_avx512vbmi, word_take_wide_avx2bmi, *word_take_wide_best(void); /* NULL: there is none */

struct word_forms {
    const struct norm_chain *norm;
    bool orders;               /* marks that are left may change places */
    uint8_t ascii[128], kind[128];
    uint8_t ascii_id[3][128];  /* bytes of 1 more than the ids of words of one letter or sign ... */
    bool ascii_single;         /* ... which all have */
    struct word_ascii_sets sets;
    struct word_pairs pairs;
    uint32_t *chars;           /* forms by code point, in `table` */
    struct mem_map table;
    unsigned touched;          /* bits of parts of that */
    uint32_t unknown[WORD_AT_ONCE]; /* characters that take_wide() stopped at or was about to: for the table */
    size_t n_unknown;
    uint32_t ideograph;        /* what each of them is, if the chain leaves them as they are; 0: not known yet */
    struct word_single single;
    struct buf more;           /* forms that are longer: a byte for their length, and they; 16 bytes more are readable */
    struct norm work;
    word_take_fn *take_ascii;
    word_wide_fn *take_wide;
};

/* norm stays the caller's.  single: NULL where no words are. */
struct word_forms *word_forms_new(const struct norm_chain *norm, const struct word_single *single, struct err *e);
void word_forms_free(struct word_forms *f);
void word_run_free(struct word_run *run);

/* The next words of text[*pos..n), which is valid UTF-8, into *run: none at its end.
 * before: the run that was taken before of the same text; at its beginning, NULL. */
int word_forms_take(struct word_forms *f, const char *text, size_t n, size_t *pos, struct word_run *run,
                    const struct word_run *before, struct err *e);

#endif
