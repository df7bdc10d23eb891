/* tok_part.h - one part of a text: what tok_fast.c, tok_carry.c, tok_form.c and tok_word.c share. */
#ifndef CORE_TOKEN_TOK_PART_H
#define CORE_TOKEN_TOK_PART_H

#include <string.h>

#include "core/token/tok_internal.h"
#include "core/token/tok_scratch.h"
#include "core/token/tok_walk.h"
#include "core/token/unigram_many.h"

/* Through the chains: text[begin..end) of a segment of n bytes.  The second knows what the chains make
 * of some parts without added tokens. */
int tok_part_chains(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin,
                    size_t end, size_t n, unsigned flags, struct tok_ids *out, struct err *e);
int tok_part_slow(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin,
                  size_t end, size_t n, unsigned flags, struct tok_ids *out, struct err *e);

/* The ids of a part that the cache knows, or NULL.  Short ones: of a cache with codes. */
static inline const int32_t *tok_part_known(struct tok_scratch *s, const uint8_t *word, size_t len,
                                            const struct word_key *key, size_t *n_ids, uint32_t *code)
{
    if (len <= WORD_KEY_MAX) return word_cache_ids(&s->cache, key, n_ids, code);
    return len <= WORD_LONG_MAX ? word_cache_get_long(&s->cache, key, word, len, n_ids, code) : NULL;
}

/* Puts them behind those of out, which has room; false: it does not know the part. */
static inline bool tok_part_take(struct tok_scratch *s, const uint8_t *word, size_t len, const struct word_key *key,
                                 struct tok_ids *out)
{
    size_t n;
    uint32_t code;
    const int32_t *ids = tok_part_known(s, word, len, key, &n, &code);
    if (!ids) return false;
    memcpy(out->id + out->n, ids, n * sizeof *ids);
    out->n += n;
    return true;
}

static inline int tok_part_put(const int32_t *ids, size_t n, struct tok_ids *out, struct err *e)
{
    if (tok_ids_room(out, n, e)) return -1;
    memcpy(out->id + out->n, ids, n * sizeof *ids);
    out->n += n;
    return 0;
}

/* Work space of tok_carry.c. */
enum { CARRY_KNOWN = 2048, CARRY_SLACK = 16, CARRY_LEFT = UNIGRAM_WORDS };
struct tok_carry {
    int32_t taken[BATCH * WORD_KEY_MAX + 2 * WORD_KEY_MAX]; /* ids of a batch that were in the cache at once */
    struct word_left left[BATCH + 1]; /* the other parts ... */
    struct tok_put {
        const int32_t *ids;       /* in known or words; NULL: it has to be looked at alone */
        size_t n;
    } own[BATCH];
    const struct tok_put *put[BATCH]; /* ... and their ids: in own, or of one that waits */
    struct word_slot *slot[CARRY_LEFT]; /* where they are in the cache, or will be; NULL: too long */
    struct unigram_spelled new[CARRY_LEFT + 1]; /* those that are new, left[number], and their symbols in ... */
    uint16_t symbols[UNIGRAM_SPELL_ROOM + UNIGRAM_SLACK];
    size_t most;                  /* so many ids they are at most */
    int32_t known[CARRY_KNOWN + CARRY_SLACK];
    struct unigram_words words;
    size_t n_waits;
    struct tok_wait {             /* a part, of one of words or more, between which characters are unknown */
        struct word_slot *slot;   /* where its ids go, or NULL; id[0] of it is the number of the part until then */
        uint16_t part;            /* of the batch, the first of those that are the same */
        uint16_t n_symbols;
        uint16_t first;           /* of words */
        struct tok_put put;       /* once they are known */
    } wait[UNIGRAM_WORDS + 1];
    uint16_t behind[UNIGRAM_WORDS]; /* how many characters behind each word of its part are unknown */
    float part[UNIGRAM_SHORT + 1], less[UNIGRAM_SHORT + 1]; /* of a word's gap what counts, by its symbols */
};

/* NULL and *e where there is no memory; free() ends it. */
struct tok_carry *tok_carry_new(const struct tokenizer *t, struct err *e);

/* tok_carry.c: parts where sums go on (t->fast->carry).  Before a batch, whose last
 * part ends at s->until; the parts of a batch; and behind the last one, until which the
 * ids of out from s->summed on are not the final ones. */
void tok_carry_begin(const struct tokenizer *t, struct tok_scratch *s, const struct tok_ids *out);
void tok_carry_end(const struct tokenizer *t, struct tok_scratch *s, const struct tok_ids *out);
int tok_carry_batch(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, size_t count,
                    unsigned flags, struct tok_ids *out, struct err *e);

/* tok_many.c: parts of a batch from i to end - 1 that the cache does not know, together; many of those are in it then. */
struct tok_many *tok_many_new(struct err *e); /* NULL and *e where there is no memory; free() ends it */
void tok_many_learn(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, size_t n, size_t i, size_t end);

#endif
