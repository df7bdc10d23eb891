/* Unigram by words: parts that the cache does not know are walked many at a time, and put into it. */
#include "core/base/mem.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_part.h"
#include "core/token/tok_walk.h"

struct tok_many {
    struct unigram_words words;
    uint16_t part[UNIGRAM_WORDS], n_symbols[UNIGRAM_WORDS]; /* of each; which part of the batch it is */
    size_t n_new;
    struct unigram_spelled new[UNIGRAM_WORDS]; /* parts that the cache does not know, and their symbols in ... */
    uint16_t symbols[UNIGRAM_SPELL_ROOM + UNIGRAM_SLACK];
};

struct tok_many *tok_many_new(struct err *e)
{
    struct tok_many *m = mem_alloc(1, sizeof *m);
    if (!m) err_oom(e, sizeof *m, "encoder work space");
    return m;
}

/* What is found holds wherever the part stands. */
static bool holds(const struct tok_fast *f, const uint8_t *text, size_t begin, float gap, size_t steps)
{
    double least = (double)gap * (1 - 0x1p-20); /* it was rounded */
    return !tok_inside(f, (const char *)text, begin) || tok_gap_is_wide(f, least, steps);
}

static void learn(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text)
{
    struct tok_many *m = s->many;
    struct unigram_words *w = &m->words;
    const struct tok_fast *f = t->fast;
    if (w->n_words) unigram_walk_words(f->walk, w);
    for (size_t k = 0; k < w->n_words; k++) {
        size_t i = m->part[k], begin = s->begins[i], len = s->words->ends[i] - begin;
        int32_t *ids = w->ids + w->begin[k];
        size_t n = (size_t)(w->begin[k + 1] - w->begin[k] - 1);
        if (!holds(f, text, begin, w->gap[k], m->n_symbols[k])) continue;
        const struct word_key key = word_keys_get(&s->words->keys, i);
        if (w->unknown && f->walk->fused >= 0) n = tok_fuse(ids, n, f->walk->fused);
        word_cache_learn(&s->cache, &key, text + begin, len, ids, n);
    }
    unigram_words_clear(w);
}

/* Walks those that are new and certain. */
static void walk_new(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text)
{
    struct tok_many *m = s->many;
    struct unigram_words *w = &m->words;
    for (size_t k = 0, end; k < m->n_new; k = end) {
        end = k + tok_walk_spell(t->fast, m->new + k, m->n_new - k, m->symbols);
        for (size_t i = k; i < end; i++) {
            const struct unigram_spelled *new = &m->new[i];
            if (!new->n) continue;
            m->part[w->n_words] = new->number;
            m->n_symbols[w->n_words] = new->n;
            unigram_words_copy(w->symbols + w->n, m->symbols + new->at, new->n);
            unigram_words_add(w, new->n);
            if (unigram_words_full(w)) learn(t, s, text);
        }
    }
    m->n_new = 0;
}

void tok_many_learn(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, size_t n, size_t i, size_t end)
{
    struct tok_many *m = s->many;
    const struct tok_fast *f = t->fast;
    unigram_words_clear(&m->words);
    m->n_new = 0;
    for (; i < end; i++) {
        size_t begin = s->begins[i], len = s->words->ends[i] - begin;
        word_keys_follow(&s->words->keys, &s->cache, i, end);
        if (word_keys_seek(&s->words->keys, i, &s->cache)->k[1]) continue;
        s->missed++;
        if (begin == 0 || begin + len == n || len > WALK_LOOKED_UP || !tok_walk_is_word(f, text + begin, len)) continue;
        m->new[m->n_new++] = (struct unigram_spelled){.text = text + begin, .len = len, .number = (uint16_t)i};
        if (m->n_new == UNIGRAM_WORDS) walk_new(t, s, text);
    }
    walk_new(t, s, text);
    learn(t, s, text);
}
