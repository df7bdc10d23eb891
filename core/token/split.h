/* split.h - cuts text into the words that merges may not cross.
 *
 * Each kind is one of the regular expressions found in tokenizer.json files,
 * written out by hand; what a piece is follows the regex engine's rules
 * (leftmost alternative first, greedy, backtracking), byte for byte. */
#ifndef CORE_TOKEN_SPLIT_H
#define CORE_TOKEN_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum split_kind {
    SPLIT_NONE,   /* the whole text is one piece */
    SPLIT_GPT2,
    SPLIT_LLAMA3, /* also what cl100k means in tokenizer.json files */
    SPLIT_QWEN2,  /* as llama3, but every digit alone */
    SPLIT_CL100K, /* as tiktoken spells it */
    SPLIT_O200K,
    SPLIT_TEKKEN,
    SPLIT_QWEN35,
    SPLIT_N
};

/* Ends of the next pieces from pos < n on, at most max > 0 of them and at least
 * one; returns how many.  Where max is SPLIT_BATCH or more, 64 bytes are cut at
 * a time, as long as 64 pieces have room; where it is SPLIT_TWO, in two places. */
enum { SPLIT_BATCH = 128, SPLIT_TWO = 512 };
typedef size_t split_fn(const uint8_t *s, size_t n, size_t pos, size_t *ends, size_t max);
split_fn *split_function(enum split_kind kind);
split_fn *split_function_of(size_t way, enum split_kind kind); /* the ways that run here, the last is the best; NULL behind it */

const char *split_name(enum split_kind kind);
/* The kind for a regex as written in a file, or SPLIT_N if it is not known. */
enum split_kind split_from_regex(const char *regex);
const char *split_regex(enum split_kind kind); /* NULL for SPLIT_NONE */
/* By split_name() or a name of tiktoken's; SPLIT_N if unknown. */
enum split_kind split_from_name(const char *name);
const char *split_encoding(size_t k, enum split_kind *kind); /* the names of tiktoken's; NULL behind the last */

/* The regex of a split by name; NULL if unknown, or for "none". */
const char *split_pattern(const char *name);
/* Whether what somebody wrote is an expression, and not a name. */
bool split_is_regex(const char *split);
const char *split_names(void); /* for messages: "gpt2, cl100k ..." */

#endif
