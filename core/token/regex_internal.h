/* regex_internal.h - the compiled form of an expression. */
#ifndef CORE_TOKEN_REGEX_INTERNAL_H
#define CORE_TOKEN_REGEX_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/base/mem.h"
#include "core/token/regex.h"

/* The answer for all characters in front of n_pages * 256: a bit for each, in rows that pages share. */
struct re_map {
    const uint8_t *row_of;      /* page to row */
    uint64_t (*row)[4];
    uint32_t n_pages, n_rows;
};
enum re_rest { RE_ASK, RE_NONE, RE_EVERY }; /* of the characters behind a map, and of broken bytes */

/* A set of characters: the union of its parts, then the intersection with
 * `and`, then perhaps negated. */
struct re_set {
    uint64_t ascii[2];          /* the whole answer for U+0000..U+007F */
    uint8_t out[256];           /* the same by byte: 1 is not in it, nor is any from 0x80 on */
    struct re_map map;          /* what re_set_has() says, found sooner */
    uint8_t rest;               /* enum re_rest */
    bool bad;                   /* has bytes of broken UTF-8 */
    uint64_t lead[2];           /* the bytes from 0x80 on that its characters begin with: bit by byte */
    uint32_t categories;        /* bit a uni_category */
    bool word, word_latin, space, alpha, negate, fold; /* word_latin: \w outside brackets, where
                                 * the engine takes superscripts and fractions of Latin-1, too */
    struct re_range { uint32_t first, last; } *range;
    size_t n_range, cap_range;
    int *script;
    size_t n_script, cap_script;
    const struct uni_set **prop;
    size_t n_prop, cap_prop;
    struct re_set **nested;
    size_t n_nested, cap_nested;
    struct re_set *and;
};
bool re_set_has(const struct re_set *s, uint32_t cp);

/* re_set_has() of a finished set. */
static inline bool re_set_in(const struct re_set *s, uint32_t cp)
{
    uint32_t page = cp >> 8;
    if (page < s->map.n_pages) return s->map.row[s->map.row_of[page]][cp >> 6 & 3] >> (cp & 63) & 1;
    return s->rest == RE_ASK ? re_set_has(s, cp) : s->rest == RE_EVERY;
}

enum re_op {
    RE_MATCH,
    RE_CHAR,       /* x = character */
    RE_FOLDED,     /* x = folded character */
    RE_SET,        /* set */
    RE_ANY,        /* not a newline */
    RE_ALL,        /* any character */
    RE_SPLIT,      /* first x, then y; begins, if any, says which of them can match here at all; how: 1 = of an
                    * endless repetition */
    RE_ALTS,       /* the alternatives of alts, one after the other */
    RE_JUMP,       /* x */
    RE_LOOP,       /* the op at pc + 1, one character, x to y times (y < 0: no end), then pc + 2, whose first
                    * bytes are begins; how: greedy.. */
    RE_PEEK,       /* the op at pc + 1, one character, is here or not, then pc + 2; how: enum re_look */
    RE_LOOK,       /* sub-program at pc + 1 up to its RE_MATCH; y = what follows; how: enum re_look;
                    * ahead: x: its choices are worth regex_memo.h; behind: it begins back to x characters
                    * behind (x < 0: anywhere) */
    RE_ATOMIC,     /* likewise */
    RE_ASSERT,     /* how: enum re_assert */
    RE_MARK,       /* register x = here */
    RE_PROGRESS,   /* if register x is here, go to y */
    RE_SAVE,       /* register x = here: of a group that is referred to, so that a look-around keeps it */
    RE_BACKREF,    /* the text of the group with the registers x and x + 1 */
    RE_IF,         /* the same has matched, or go to y */
    RE_CLUSTER,    /* an extended grapheme cluster */
};
enum re_greed { RE_GREEDY, RE_LAZY, RE_POSSESSIVE };
enum re_look { RE_AHEAD, RE_NOT_AHEAD, RE_BEHIND, RE_NOT_BEHIND };
enum re_assert { RE_BEGIN_LINE, RE_END_LINE, RE_BEGIN_TEXT, RE_END_TEXT, RE_END_TEXT_LINE,
                 RE_WORD_BORDER, RE_NOT_WORD_BORDER, RE_BEGIN_SEARCH, RE_BEHIND_END };

/* The bytes that a match can begin with; all of them, and the end, if it can be empty. */
struct re_first {
    uint64_t byte[4];
    bool empty;
};

enum { RE_MOST_ALTS = 32 };

struct re_alts {
    int n;
    int32_t pc[RE_MOST_ALTS];
    uint32_t begin[257]; /* of each byte, and of the end of the text: the alternatives that can match there */
    uint32_t blank[257]; /* likewise behind a blank that they take */
};

struct re_inst {
    uint8_t op, how;
    uint16_t back;              /* RE_LOOK behind: characters to go back */
    int32_t x, y;
    struct re_set *set;
    union {
        struct re_first *begins; /* RE_SPLIT: of the two sides; RE_LOOP: of what follows; or NULL */
        struct re_alts *alts;
    };
};

struct re_node;

struct regex {
    struct arena arena;
    const char *pattern;        /* in the arena */
    struct re_inst *prog;
    int n_prog;
    size_t cap_prog;
    int n_regs;
    int keep;                   /* 1 + the register of \K, where the match begins; 0 = there is none */
    struct re_first first;
    uint8_t can_begin[256];     /* first, byte by byte */
    const struct re_node *tree; /* regex_parse.h; in the arena */
    atomic_bool ready;
};

/* regex_ready.c: before the first match, what makes matching quick: maps of the sets, which bytes the sides
 * of a choice begin with, loops that need not remember where they were. */
void re_make_ready(struct regex *r);

#endif
