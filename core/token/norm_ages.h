/* norm_ages.h - inside of core/token/norm*.c, unigram_map.c: where the tables behind tokenizer.json files
 * are of another age than utf8proc's (Unicode 15): normal forms are those of Unicode 11, graphemes of 17.
 * Values: HF tokenizers 0.23, all code points. */
#ifndef CORE_TOKEN_NORM_AGES_H
#define CORE_TOKEN_NORM_AGES_H

#include <stdbool.h>
#include <stdint.h>

bool norm_too_young(uint32_t cp);      /* its normal forms are itself, nothing composes to it */
bool norm_young_mark(uint32_t cp);     /* its combining class is 0 there */
uint32_t norm_grapheme_as(uint32_t cp); /* a character that graphemes end at as at this one, of utf8proc's age */

#endif
