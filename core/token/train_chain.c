#include "core/token/train_chain.h"

#include "core/base/json.h"
#include "core/token/bytemap.h"
#include "core/token/tok_cut.h"
#include "core/token/tok_internal.h"

/* Longer words are seldom seen twice; and where nothing is between words, as in
 * Chinese, what is cut out is not a word. */
enum { RAW_MAX = 15, RAW_WORDS = 1 << 20 };

void chain_work_free(struct chain_work *w)
{
    norm_free(&w->norm);
    pre_free(&w->pre);
    buf_free(&w->bytes);
    word_table_free(&w->raw);
}

struct tokenizer *chain_make(const char *normalizer, const char *pre, struct err *e)
{
    struct buf json = {0};
    struct tokenizer *t = NULL;
    buf_printf(&json, "{\"version\":\"1.0\",\"added_tokens\":[],\"normalizer\":%s,\"pre_tokenizer\":%s,"
                      "\"post_processor\":null,\"decoder\":null,\"model\":{\"type\":\"BPE\",\"vocab\":{",
               normalizer ? normalizer : "null", pre ? pre : "null");
    for (unsigned b = 0; b < 256; b++) { /* a model that takes bytes */
        char byte[4];
        if (b) buf_addc(&json, ',');
        buf_add_json(&json, byte, (size_t)utf8_encode(bytemap_char((uint8_t)b), byte));
        buf_printf(&json, ":%u", b);
    }
    buf_adds(&json, "},\"merges\":[]}}");
    if (buf_ok(&json, e) == 0) t = tok_parse(json.data, json.len, "what happens to the text", e);
    buf_free(&json);
    return t;
}

/* Later steps see bytes as characters; a word is bytes again. */
static bool spelled(const struct tokenizer *t)
{
    for (size_t i = 0; i < t->pre.n; i++)
        if (t->pre.step[i].kind == PRE_BYTE_LEVEL && t->pre.step[i].spell) return true;
    return false;
}

bool chain_gives_bytes(const struct tokenizer *chain)
{
    return chain->byte_level || spelled(chain);
}

/* The words of a chain that is a split of bytes. */
static int add_split(const struct tokenizer *chain, struct word_table *words, const char *text, size_t n, uint64_t times,
                     uint64_t *n_words, struct err *e)
{
    const uint8_t *s = (const uint8_t *)text;
    split_fn *split = split_function(chain->split);
    split_rule_fn *rule = split_rule_function();
    size_t ends[WORD_BATCH], pos = 0, count;
    for (; pos < n; pos = ends[count - 1], *n_words += times * count) {
        count = chain->by_rule ? rule(&chain->rule, s, n, pos, ends, WORD_BATCH) : split(s, n, pos, ends, WORD_BATCH);
        bool added = times > 1 || word_table_add_batch(words, s, n, pos, ends, count);
        for (size_t i = 0, from = pos; times > 1 && added && i < count; from = ends[i++])
            added = word_table_add(words, s + from, ends[i] - from, n - from, times);
        if (!added) return err_oom(e, words->cap * sizeof *words->v, "counting words");
    }
    return 0;
}

/* A text that is there `times` times, through the chain. */
static int add(const struct tokenizer *chain, struct chain_work *w, struct word_table *words, const char *text,
               size_t n, uint64_t times, uint64_t *n_words, struct err *e)
{
    bool unspell = spelled(chain);
    int changed = norm_run(&chain->norm, &w->norm, text, n, e);
    if (changed < 0) return -1;
    if (changed) {
        text = w->norm.out->text.data;
        n = w->norm.out->text.len;
    }
    if (n == 0) return 0;
    if (chain->fast_split && !chain->space_first) return add_split(chain, words, text, n, times, n_words, e);
    if (pre_run(&chain->pre, &w->pre, text, n, NULL, false, 0, e)) return -1;
    for (size_t i = 0; i < w->pre.n_pieces; i++) {
        struct pre_piece p = w->pre.piece[i];
        const uint8_t *s = (const uint8_t *)w->pre.text + p.begin;
        size_t len = p.end - p.begin, left = w->pre.n - p.begin;
        if (len == 0) continue;
        if (unspell) {
            buf_clear(&w->bytes);
            if (!buf_reserve(&w->bytes, len + 16)) return buf_ok(&w->bytes, e);
            long got = bytemap_unspell((const char *)s, len, (uint8_t *)w->bytes.data);
            if (got <= 0) return err_set(e, ERR_DATA, "the pre-tokenizer changes bytes that it has spelled out");
            s = (const uint8_t *)w->bytes.data;
            len = left = (size_t)got;
        }
        if (!word_table_add(words, s, len, left, times))
            return err_oom(e, words->cap * sizeof *words->v, "counting words");
    }
    *n_words += times * w->pre.n_pieces;
    return 0;
}

int chain_flush(const struct tokenizer *chain, struct chain_work *w, struct word_table *words, uint64_t *n_words,
                struct err *e)
{
    char tmp[16];
    const char *word;
    size_t n, at = 0;
    uint64_t times;
    while (word_table_next(&w->raw, &at, tmp, &word, &n, &times))
        if (add(chain, w, words, word, n, times, n_words, e)) return -1;
    word_table_free(&w->raw);
    return 0;
}

int chain_count(const struct tokenizer *chain, struct chain_work *w, struct word_table *words, const char *text,
                size_t n, uint64_t *n_words, struct err *e)
{
    const struct tok_fast *f = chain->fast;
    const uint8_t *s = (const uint8_t *)text;
    size_t pos = 0, count;
    if (!f || f->kind != CUT_WORDS || f->first || f->last) return add(chain, w, words, text, n, 1, n_words, e);
    while (pos < n && (count = tok_cut(f, s, n, &pos, w->begins, w->ends, WORD_BATCH)))  {
        for (size_t i = 0; i < count; i++)
            if (w->ends[i] - w->begins[i] > RAW_MAX &&
                add(chain, w, words, text + w->begins[i], w->ends[i] - w->begins[i], 1, n_words, e))
                return -1;
        if (!word_table_add_parts(&w->raw, s, n, w->begins, w->ends, count, RAW_MAX))
            return err_oom(e, w->raw.cap * sizeof *w->raw.v, "counting words");
        if (w->raw.n > RAW_WORDS && chain_flush(chain, w, words, n_words, e)) return -1;
    }
    return 0;
}
