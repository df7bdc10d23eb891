#include "core/token/train_word.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/tok_members.h"
#include "core/token/train_write.h"

struct word {
    const char *s;
    size_t n;
    uint64_t count;
};

const char *word_unknown(const struct tok_train_opts *o)
{
    static const char *const names[] = {"[UNK]", "<unk>"};
    if (o->unk) return o->unk;
    for (size_t k = 0; k < COUNT_OF(names); k++)
        for (size_t i = 0; i < o->n_special; i++)
            if (strcmp(o->special[i], names[k]) == 0) return names[k];
    return NULL;
}

static int by_count(const void *va, const void *vb)
{
    const struct word *a = va, *b = vb;
    if (a->count != b->count) return a->count < b->count ? 1 : -1;
    return str_order(a->s, a->n, b->s, b->n);
}

/* The words that come often enough, in order; their texts are in *pool. */
static int sort_words(const struct word_table *words, uint64_t least, struct word **out, size_t *n_out, struct buf *pool, struct err *e)
{
    size_t most = words->n + words->n_longs, n = 0, len, used = 0;
    struct word *v = mem_alloc(most, sizeof *v);
    char tmp[16];
    const char *s;
    uint64_t count;
    *out = v;
    if (!v) return err_oom(e, most * sizeof *v, "words");
    for (size_t at = 0; word_table_next(words, &at, tmp, &s, &len, &count);) {
        if (count < least) continue;
        buf_add(pool, s, len);
        v[n++] = (struct word){NULL, len, count};
    }
    if (buf_ok(pool, e)) return -1;
    for (size_t i = 0; i < n; used += v[i++].n) v[i].s = buf_text(pool) + used;
    if (n) qsort(v, n, sizeof *v, by_count);
    *n_out = n;
    return 0;
}

static int make_vocab(const struct tok_train_opts *o, const struct word *v, size_t n, struct vocab *vocab, struct tok_train_stats *stats,
                      struct err *e)
{
    for (size_t i = 0; i < o->n_special; i++)
        if (vocab_add(vocab, vocab->n, o->special[i], strlen(o->special[i]), VOCAB_MODEL, e)) return -1;
    for (size_t i = 0; i < n && vocab->n < o->vocab_size; i++) {
        if (vocab_find(vocab, v[i].s, v[i].n) >= 0) continue;
        if (vocab_add(vocab, vocab->n, v[i].s, v[i].n, VOCAB_MODEL, e)) return -1;
        stats->last_count = v[i].count;
    }
    stats->vocab_size = vocab->n;
    return 0;
}

int word_learn(const struct tok_train_opts *o, struct word_table *words, struct buf *file, struct tok_train_stats *stats, struct err *e)
{
    struct vocab vocab = {0};
    struct word *v = NULL;
    struct buf pool = {0};
    size_t n = 0;
    int ret = sort_words(words, o->min_count, &v, &n, &pool, e);
    word_table_free(words);
    if (ret == 0) ret = make_vocab(o, v, n, &vocab, stats, e);
    if (ret == 0) {
        train_write_added(file, o, 0);
        buf_printf(file, "\"normalizer\":%s,\"pre_tokenizer\":%s,\"post_processor\":null,\"decoder\":null,",
                   o->normalizer ? o->normalizer : "null", o->pre ? o->pre : "null");
        buf_adds(file, "\"model\":{\"type\":\"WordLevel\"");
        tok_string_json(file, "unk_token", word_unknown(o));
        buf_addc(file, ',');
        tok_vocab_json(file, &vocab, VOCAB_MODEL);
        buf_adds(file, "}}");
        ret = buf_ok(file, e);
    }
    vocab_free(&vocab);
    buf_free(&pool);
    free(v);
    return ret;
}
