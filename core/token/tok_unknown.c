/* Words that the cache does not know are taken apart many at a time, and put into it. */
#include "core/token/tok_internal.h"
#include "core/token/tok_scratch.h"

void tok_unknown_init(const struct tokenizer *t, struct tok_unknown *u)
{
    wordpiece_many_fn *best = wordpiece_many_best();
    /* An unknown word is an error where there is no token for it; one at a time gains nothing. */
    u->find = t->unk_id >= 0 && !t->no_continuing && best != wordpiece_many_base ? best : NULL;
    u->missed = SIZE_MAX; /* at the beginning, all */
    u->words.trie = &t->trie;
    u->words.continuing = t->continuing;
}

void tok_unknown_learn(const struct tokenizer *t, struct tok_scratch *s)
{
    struct tok_unknown *u = &s->unknown;
    struct wordpiece_many *m = &u->words;
    const int32_t unknown[WORD_INLINE] = {t->unk_id};
    u->find(m);
    for (size_t i = 0; i < m->n; i++) {
        const int32_t *ids = m->n_ids[i] ? m->id + m->from[i] : unknown;
        size_t n = m->n_ids[i] ? m->n_ids[i] : 1;
        if (m->len[i] <= WORD_KEY_MAX) word_cache_fill(&s->cache, u->slot[i], ids, n);
        else word_cache_fill_long(&s->cache, u->slot[i], m->word[i], m->len[i], ids, n, 0);
    }
    wordpiece_many_clear(m);
}

void tok_unknown_add(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word, size_t n)
{
    struct tok_unknown *u = &s->unknown;
    u->missed++;
    if (n > WORDPIECE_BYTES || n > t->max_word_chars) return;
    if (wordpiece_many_full(&u->words)) tok_unknown_learn(t, s);
    if (u->words.n == 0 && !word_cache_room(&s->cache, WORDPIECE_MANY, 2 * WORDPIECE_ROOM)) return;
    struct word_slot *slot = word_cache_claim(&s->cache, key);
    if (!slot) return; /* it waits already, or is not where it was looked for */
    u->slot[u->words.n] = slot;
    wordpiece_many_add(&u->words, word, n);
}
