/* train_prep.h - from text to counted words, as SentencePiece has them. */
#ifndef CORE_TOKEN_TRAIN_PREP_H
#define CORE_TOKEN_TRAIN_PREP_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/token/charsmap.h"
#include "core/token/train_log.h"
#include "core/token/train_words.h"

/* Lines are sentences.  Each is normalised by the rules (NULL =
 * as it is), white space at the ends goes and runs of it become one, spaces
 * become U+2581, one comes in front. */
struct prep_sp {
    const struct charsmap *map;
    bool plain[128];           /* by ASCII character: before another one no rule applies to it */
    uint64_t rules[1024];      /* bits by character below U+10000: a rule may begin with it */
    bool meta_first[256];      /* by byte: a text of meta begins with it */
    char meta_only;            /* the byte that all of them begin with, or 0 */
    bool keep_spaces;          /* runs of spaces and spaces at the ends stay */
    bool no_prefix;            /* no U+2581 comes in front */
    bool split_space;          /* U+2581 begins a word */
    bool space_only;           /* a run of U+2581 stays together */
    bool ordered;              /* all sentences are noted in their order */
    size_t max_bytes;          /* longer lines are left out; 0 = none is */
    const char *const *meta;   /* [n_meta] texts that no piece may touch */
    size_t n_meta;
};

struct prep_count {
    uint64_t sentences, empty, words, too_long;
    struct sentence_log log;   /* all sentences, or those at the end unless prep_sp.ordered */
    uint64_t order;            /* of the text at hand */
};

void prep_sp_init(struct prep_sp *p, const struct charsmap *map); /* sets the first five */
/* Adds the words of a text; the last one of a sentence with a '\n' behind it. */
int prep_sp_add(const struct prep_sp *p, struct word_table *words, struct buf *work,
                const char *text, size_t n, struct prep_count *count, struct err *e);

#endif
