#include "core/token/wordpiece_many.h"

#include "core/token/isa.h"

size_t wordpiece_ids(const struct trie *t, uint32_t continuing, const uint8_t *word, size_t n, int32_t *ids)
{
    const struct trie_unit *unit = t->unit;
    uint32_t link = unit[0].link;
    size_t n_ids = 0;
    for (size_t i = 0;; link = unit[continuing].link) {
        size_t end = i;
        int32_t id = -1;
        for (; i < n; i++) { /* trie_step() */
            uint32_t c = word[i], to = link >> 9 ^ c;
            link = unit[to].link;
            if ((link & 511) != c || !to) break;
            if (unit[to].value < 0) continue;
            id = unit[to].value;
            end = i + 1;
        }
        if (id < 0) return 0;
        ids[n_ids++] = id;
        if (end == n) return n_ids;
        if (continuing == WORDPIECE_NEVER) return 0;
        i = end;
    }
}

void wordpiece_many_base(struct wordpiece_many *m)
{
    for (size_t i = 0; i < m->n; i++)
        m->n_ids[i] = (uint8_t)wordpiece_ids(m->trie, m->continuing, m->word[i], m->len[i], m->id + m->from[i]);
}

wordpiece_many_fn *wordpiece_many_best(void)
{
    return token_has_vbmi() ? wordpiece_many_avx512vbmi : wordpiece_many_base;
}
