/* regex_internal.h - the compiled form of an expression. */
#ifndef CORE_TOKEN_REGEX_INTERNAL_H
#define CORE_TOKEN_REGEX_INTERNAL_H

#include <stdbool.h>

#include "core/base/mem.h"
#include "core/token/regex.h"

/* A set of characters: the union of its parts, then the intersection with
 * `and`, then perhaps negated. */
struct re_set {
    uint64_t ascii[2];          /* the whole answer for U+0000..U+007F */
    uint32_t categories;        /* bit a uni_category */
    bool word, word_latin, space, alpha, negate, fold; /* word_latin: \w outside brackets, where
                                 * the engine takes superscripts and fractions of Latin-1, too */
    struct re_range { uint32_t first, last; } *range;
    size_t n_range, cap_range;
    int *script;
    size_t n_script, cap_script;
    struct re_set **nested;
    size_t n_nested, cap_nested;
    struct re_set *and;
};
bool re_set_has(const struct re_set *s, uint32_t cp);

enum re_op {
    RE_MATCH,
    RE_CHAR,       /* x = character */
    RE_FOLDED,     /* x = folded character */
    RE_SET,        /* set */
    RE_ANY,        /* not a newline */
    RE_ALL,        /* any character */
    RE_SPLIT,      /* first x, then y; begins, if any, says which of them can match here at all */
    RE_JUMP,       /* x */
    RE_LOOP,       /* the op at pc + 1, one character, x to y times (y < 0: no end), then pc + 2; how: greedy.. */
    RE_LOOK,       /* sub-program at pc + 1 up to its RE_MATCH; y = what follows; how: enum re_look;
                    * x: its choices are worth regex_memo.h */
    RE_ATOMIC,     /* likewise */
    RE_ASSERT,     /* how: enum re_assert */
    RE_MARK,       /* register x = here */
    RE_PROGRESS,   /* if register x is here, go to y */
};
enum re_greed { RE_GREEDY, RE_LAZY, RE_POSSESSIVE };
enum re_look { RE_AHEAD, RE_NOT_AHEAD, RE_BEHIND, RE_NOT_BEHIND };
enum re_assert { RE_BEGIN_LINE, RE_END_LINE, RE_BEGIN_TEXT, RE_END_TEXT, RE_END_TEXT_LINE,
                 RE_WORD_BORDER, RE_NOT_WORD_BORDER };

/* The bytes that a match can begin with; all of them, and the end, if it can be empty. */
struct re_first {
    uint64_t byte[4];
    bool empty;
};

struct re_inst {
    uint8_t op, how;
    uint16_t back;              /* RE_LOOK behind: characters to go back */
    int32_t x, y;
    const struct re_set *set;
    const struct re_first *begins; /* RE_SPLIT: of the two sides, or NULL */
};

struct re_node;

struct regex {
    struct arena arena;
    struct re_inst *prog;
    int n_prog;
    size_t cap_prog;
    int n_regs;
    struct re_first first;
    const struct re_node *tree; /* regex_parse.h; in the arena */
};

#endif
