#include "core/token/wordpiece_many.h"

#include "core/token/isa.h"

/* Of a walk, the last token and its end, without a branch: whether there is one cannot be guessed. */
static inline void keep(int32_t value, const uint8_t *at, int32_t *id, const uint8_t **end)
{
#if defined(__x86_64__)
    __asm__("testl %2, %2\n\tcmovnsl %2, %0\n\tcmovnsq %3, %1" : "+r"(*id), "+r"(*end) : "r"(value), "r"(at) : "cc");
#else
    *id = value < 0 ? *id : value;
    *end = value < 0 ? *end : at;
#endif
}

size_t wordpiece_ids(const struct trie *t, uint32_t continuing, const uint8_t *word, size_t n, int32_t *ids)
{
    const struct trie_unit *unit = t->unit;
    const uint8_t *at = word, *all = word + n;
    uint32_t link = unit[0].link;
    for (size_t n_ids = 0;; link = unit[continuing].link) {
        const uint8_t *end = at;
        int32_t id = -1;
        while (at < all) { /* trie_step() */
            uint32_t c = *at, to = link >> 9 ^ c;
            link = unit[to].link;
            if ((link & 511) != c || !to) break;
            keep(unit[to].value, ++at, &id, &end);
            if (link >> 9 == 0) break; /* no children */
        }
        if (id < 0) return 0;
        ids[n_ids++] = id;
        if (end == all) return n_ids;
        if (continuing == WORDPIECE_NEVER) return 0;
        at = end;
    }
}

void wordpiece_many_base(struct wordpiece_many *m)
{
    for (size_t i = 0; i < m->n; i++)
        m->n_ids[i] = (uint8_t)wordpiece_ids(m->trie, m->continuing, m->word[i], m->len[i], m->id + m->from[i]);
}

wordpiece_many_fn *wordpiece_many_best(void)
{
    if (token_has_vbmi()) return wordpiece_many_avx512vbmi;
    return token_has_avx2() ? wordpiece_many_avx2bmi : wordpiece_many_base;
}
