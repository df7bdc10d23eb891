/* Words that the cache does not know are taken apart many at a time, and put into it. */
#include "core/token/tok_internal.h"
#include "core/token/tok_scratch.h"

void tok_unknown_init(const struct tokenizer *t, struct tok_unknown *u)
{
    /* An unknown word is an error where there is no token for it.  Without vectors, too, the trie is at hand while
     * many are taken apart, and the cache stays small. */
    u->find = t->unk_id >= 0 && !t->no_continuing ? wordpiece_many_best() : NULL;
    u->missed = SIZE_MAX; /* at the beginning, all */
    u->words.trie = &t->trie;
    u->words.continuing = t->continuing;
}

/* Where the ids of a word will be.  Whether it waits already cannot be guessed: it is added, and taken back if it does.
 * (Another word with the same bits takes its place among the last; then it may wait twice.) */
static const struct word_slot *wait_for(struct tok_unknown *u, const struct word_key *key, const uint8_t *word, size_t n)
{
    uint16_t *last = &u->last[key->hash >> (64 - UNKNOWN_BITS)];
    struct wordpiece_many *m = &u->words;
    size_t at = *last, next = m->n + 1, again = word_slot_is(&u->slot[at], key);
    __asm__("" : "+r"(again)); /* or it becomes a branch */
    memcpy(u->slot[next].k, key->k, sizeof key->k);
    wordpiece_many_add(m, word, n);
    m->n -= again;
    m->used -= n & -again;
    at = next + ((at - next) & -again);
    *last = (uint16_t)at;
    return &u->slot[at];
}

void tok_unknown_add(const struct tokenizer *t, struct tok_scratch *s, struct tok_formed *w)
{
    struct tok_unknown *u = &s->unknown;
    const struct word_run *run = &w->run;
    size_t missing[WORD_RUN + WORD_SLACK], n = s->batch->find_run(&s->cache, run, w->keys, w->found, missing);
    size_t longest = t->max_word_chars < WORDPIECE_BYTES ? t->max_word_chars : WORDPIECE_BYTES;
    for (size_t i = 0; i < n; i++) {
        size_t k = missing[i];
        const size_t *begin = &run->begin[run->other[k]], len = begin[1] - begin[0];
        const struct word_slot *there = word_cache_find_still(&s->cache, &w->keys[k]);
        u->missed += !there;
        if (!there && len <= longest && !wordpiece_many_full(&u->words))
            there = wait_for(u, &w->keys[k], (const uint8_t *)run->text + begin[0], len);
        w->found[k] = there;
    }
}

void tok_unknown_find(const struct tokenizer *t, struct tok_scratch *s)
{
    struct tok_unknown *u = &s->unknown;
    struct wordpiece_many *m = &u->words;
    const int32_t unknown[WORD_INLINE] = {t->unk_id};
    if (m->n) u->find(m);
    for (size_t i = 0; i < m->n; i++) {
        const int32_t *ids = m->n_ids[i] ? m->id + m->from[i] : unknown;
        size_t n = m->n_ids[i] ? m->n_ids[i] : 1;
        if (m->len[i] <= WORD_KEY_MAX) word_cache_fill(&s->cache, &u->slot[i + 1], ids, n);
        else word_cache_fill_long(&s->cache, &u->slot[i + 1], m->word[i], m->len[i], ids, n, 0);
    }
}

void tok_unknown_learn(struct tok_scratch *s)
{
    struct tok_unknown *u = &s->unknown;
    size_t n = u->words.n, pooled = s->cache.pool_used;
    /* Where that makes the cache empty, their ids are gone. */
    bool there = word_cache_room(&s->cache, n, 0) && s->cache.pool_used == pooled;
    if (there) word_cache_put(&s->cache, u->slot + 1, n);
    wordpiece_many_clear(&u->words);
    memset(u->last, 0, sizeof u->last);
}
