#include "core/token/word_batch.h"

#include "core/token/vbmi.h"

static void ask(const struct word_cache *c, const uint8_t *text, size_t n, size_t from, const size_t *ends, size_t count,
                struct word_key *keys)
{
    struct word_batch_long longs = {.n = 0};
    for (size_t i = 0; i < count; i++) {
        size_t len = ends[i] - from;
        if (len <= WORD_KEY_MAX) {
            word_cache_ask(c, text + from, len, n - from, &keys[i]);
        } else {
            word_batch_ask_long(c, text + from, len, &keys[i]);
            word_batch_long_add(&longs, i);
        }
        from = ends[i];
    }
    word_batch_long_ask(c, keys, &longs);
}

static size_t get(struct word_cache *c, const uint8_t *text, const size_t *ends, const struct word_key *keys, size_t i,
                  size_t count, int32_t **to)
{
    int32_t *out = *to;
    for (size_t n; i < count && (n = word_batch_get_rare(c, text, ends[i], &keys[i], out)); i++) out += n;
    *to = out;
    return i;
}

const struct word_batch word_batch_base = {ask, get};

const struct word_batch *word_batch(void)
{
    if (token_has_vbmi()) return &word_batch_avx512vbmi;
    return &word_batch_base;
}
