/* Words that the cache does not know are taken apart many at a time, and put into it. */
#include "core/token/tok_internal.h"

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
    struct wordpiece_many *m = &s->unknown.words;
    s->unknown.find(m);
    for (size_t i = 0; i < m->n; i++) {
        if (word_cache_find(&s->cache, &m->key[i])) continue; /* it waited twice, or is not where it was looked for */
        if (m->n_ids[i]) word_cache_add(&s->cache, &m->key[i], m->ids[i], m->n_ids[i]);
        else word_cache_add(&s->cache, &m->key[i], &t->unk_id, 1);
    }
    m->n = 0;
}

void tok_unknown_add(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key)
{
    struct tok_unknown *u = &s->unknown;
    size_t n = (size_t)(key->k[1] >> 56);
    u->missed++;
    if (n == 0 || n > t->max_word_chars) return; /* 0: a long word */
    u->words.key[u->words.n++] = *key;
    if (u->words.n == WORDPIECE_MANY) tok_unknown_learn(t, s);
}
