/* regex_runs.h - expressions that take runs of characters of one set, for what can cut a text
 * at such runs without a matcher; and sets as bit maps.
 *
 * Nothing here owns anything: what is found lives as long as the regex. */
#ifndef CORE_TOKEN_REGEX_RUNS_H
#define CORE_TOKEN_REGEX_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/token/regex.h"

struct re_node;

/* `before? of{least,most}`, then the end of a line if `ends`.  aligned: `of{1,most}(?=(?:of{most})*\b)`,
 * where `of` are word characters: groups that are counted from the end of a run. */
struct regex_runs {
    const struct re_node *before, *of; /* before: NULL = none */
    int least, most;                   /* most: -1 = any number */
    bool ends, aligned;
};
bool regex_runs(const struct regex *r, struct regex_runs *out);

/* No match has white space in it, nor depends on what is behind it; matches are runs of white space. */
bool regex_avoids_space(const struct regex *r);
bool regex_takes_space(const struct regex *r);

bool re_node_same(const struct re_node *a, const struct re_node *b); /* written in the same way, that is */
bool re_word_has(uint32_t cp); /* what \b is between */
bool re_node_has(const struct re_node *n, uint32_t cp);
/* The characters from `first`, a multiple of 64, on: bit by character. */
uint64_t re_node_block(const struct re_node *n, uint32_t first);

#endif
