/* From counted words to a file, for each kind. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/train_bpe.h"
#include "core/token/train_chars.h"
#include "core/token/train_internal.h"
#include "core/token/train_word.h"
#include "core/token/train_wordpiece.h"
#include "core/token/train_write.h"
#include "core/token/unicode.h"

/* Special tokens, then the bytes. */
static int first_tokens(const struct tok_train_opts *o, struct vocab *v, int32_t byte_id[256],
                        struct err *e)
{
    for (size_t i = 0; i < o->n_special; i++)
        if (vocab_add(v, v->n, o->special[i], strlen(o->special[i]), VOCAB_MODEL, e)) return -1;
    for (uint32_t i = 0; i <= 0x143; i++) {
        bool by_char = o->ties == TOK_TIES_HF;
        int byte = by_char ? bytemap_byte(i) : i < 256 ? (int)i : -1;
        if (byte < 0) continue;
        char text[4];
        int n = utf8_encode(bytemap_char((uint8_t)byte), text);
        byte_id[byte] = v->n;
        if (vocab_find(v, text, (size_t)n) >= 0)
            return err_set(e, ERR_USAGE, "special token '%.*s' is the token of a byte, too", n, text);
        if (vocab_add(v, v->n, text, (size_t)n, VOCAB_MODEL, e)) return -1;
    }
    return 0;
}

static int gather_words(struct tok_trainer *tr, struct tok_train_stats *stats, struct err *e)
{
    struct word_table *all = &tr->counter[0].words;
    for (int i = 1; i < tr->n_threads; i++)
        if (!word_table_join(all, &tr->counter[i].words)) return err_oom(e, all->cap * sizeof *all->v, "counting words");
    stats->distinct_words = all->n + all->n_longs;
    return 0;
}

static int byte_corpus(struct bpe_corpus *c, const struct word_table *words,
                       const int32_t byte_id[256], struct err *e)
{
    char tmp[16];
    const char *word;
    size_t n, n_words = 0, n_sym = 0;
    uint64_t count;
    for (size_t at = 0; word_table_next(words, &at, tmp, &word, &n, &count); n_sym += n) n_words++;
    if (bpe_corpus_start(c, n_words, n_sym, e)) return -1;
    for (size_t at = 0; word_table_next(words, &at, tmp, &word, &n, &count);) {
        bpe_corpus_word(c, count);
        for (size_t i = 0; i < n; i++)
            bpe_corpus_symbol(c, (uint32_t)byte_id[(uint8_t)word[i]]);
    }
    return 0;
}

static bool has_affix(const struct tok_train_opts *o)
{
    return (o->prefix && *o->prefix) || (o->suffix && *o->suffix);
}

/* Characters, or bytes as characters, perhaps with affixes. */
static int learn_chars_bpe(struct tok_trainer *tr, struct buf *json, struct tok_train_stats *stats, struct err *e)
{
    const struct tok_train_opts *o = &tr->opts;
    struct word_table *words = &tr->counter[0].words;
    struct vocab v = {0};
    struct bpe b = {0};
    int ret = gather_words(tr, stats, e);
    if (ret == 0) ret = chars_learn(o, o->prefix, o->suffix, o->type == TOK_TRAIN_BPE, words, &v, &b, stats, e);
    if (ret == 0) {
        train_write_added(json, o, 0);
        train_write_steps(json, o);
        train_write_model(json, o, &v, &b);
        ret = buf_ok(json, e);
    }
    vocab_free(&v);
    bpe_free(&b);
    return ret;
}

static int learn_bpe(struct tok_trainer *tr, struct buf *json, struct tok_train_stats *stats,
                     struct err *e)
{
    struct vocab v = {0};
    struct bpe b = {0};
    struct bpe_corpus c = {0};
    int32_t byte_id[256];
    int ret = -1;
    if (has_affix(&tr->opts)) return learn_chars_bpe(tr, json, stats, e);
    if (gather_words(tr, stats, e) || first_tokens(&tr->opts, &v, byte_id, e)) goto out;
    struct word_table *words = &tr->counter[0].words;
    if (byte_corpus(&c, words, byte_id, e)) goto out;
    word_table_free(words);
    struct bpe_rules rules = {.vocab_size = tr->opts.vocab_size, .min_count = tr->opts.min_count,
                              .max_len = (uint32_t)tr->opts.max_len,
                              .ties_by_text = tr->opts.ties == TOK_TIES_SPM};
    if (bpe_learn(&c, &rules, &v, &b, &stats->last_count, e)) goto out;
    train_write_added(json, &tr->opts, 0);
    train_write_steps(json, &tr->opts);
    train_write_model(json, &tr->opts, &v, &b);
    stats->vocab_size = v.n;
    ret = buf_ok(json, e);
out:
    bpe_corpus_free(&c);
    bpe_free(&b);
    vocab_free(&v);
    return ret;
}

/* A BPE model without merges, no pre-tokenizer: each character is its token.
 * Hugging Face's library loads it and gives the same ids. */
static int learn_chars(struct tok_trainer *tr, struct buf *json, struct tok_train_stats *stats,
                       struct err *e)
{
    struct vocab v = {0};
    struct bpe none = {0};
    int ret = -1;
    uint64_t *seen = tr->counter[0].seen;
    for (int i = 1; i < tr->n_threads; i++)
        for (size_t w = 0; w < UNI_CODES / 64; w++) seen[w] |= tr->counter[i].seen[w];
    for (uint32_t cp = 0; cp < UNI_CODES; cp++) {
        if (!(seen[cp / 64] >> (cp % 64) & 1)) continue;
        char text[4];
        int n = utf8_encode(cp, text);
        if (vocab_add(&v, v.n, text, (size_t)n, VOCAB_MODEL, e)) goto out;
    }
    if (v.n == 0) {
        err_set(e, ERR_DATA, "no text: there are no characters to learn");
        goto out;
    }
    for (size_t i = 0; i < tr->opts.n_special; i++) {
        const char *text = tr->opts.special[i];
        if (vocab_find(&v, text, strlen(text)) < 0) continue;
        err_set(e, ERR_USAGE, "special token '%s' is a character of the text, too", text);
        goto out;
    }
    stats->vocab_size = v.n + (int)tr->opts.n_special;
    if (tr->opts.vocab_size && stats->vocab_size > tr->opts.vocab_size) {
        err_set(e, ERR_USAGE, "vocab size %d is too small: the characters of the text and special tokens are %d",
                tr->opts.vocab_size, stats->vocab_size);
        goto out;
    }
    train_write_added(json, &tr->opts, v.n);
    buf_adds(json, "\"pre_tokenizer\":null,\"post_processor\":null,\"decoder\":{\"type\":\"Fuse\"},");
    train_write_model(json, &tr->opts, &v, &none);
    ret = buf_ok(json, e);
out:
    vocab_free(&v);
    return ret;
}

/* The sentences in order, or the last one.  *own: to be freed. */
static int sentence_order(const struct tok_trainer *tr, struct sp_order *o, struct sentence **own, struct err *e)
{
    const struct sentence_log **log = mem_alloc((size_t)tr->n_threads, sizeof *log);
    uint64_t full = 0, empty = 0;
    size_t n, last;
    *own = NULL;
    if (!log) return err_oom(e, sizeof *log, "the order of sentences");
    for (int i = 0; i < tr->n_threads; i++) {
        const struct prep_count *c = &tr->counter[i].sp;
        log[i] = &c->log;
        full += c->sentences;
        empty += c->empty;
    }
    int ret = sentence_log_join(log, (size_t)tr->n_threads, own, &n, e);
    for (int i = 0; i < tr->n_threads; i++) sentence_log_free(&tr->counter[i].sp.log);
    free(log);
    if (ret) return -1;
    *o = (struct sp_order){.v = *own, .n = n, .all = tr->prep.ordered};
    if (o->all) {
        o->n = sentences_fill(*own, n);
    } else {
        last = sentences_last(*own, n, full, empty);
        o->v += last;
        o->n = last < n;
    }
    return 0;
}

static int learn_sp(struct tok_trainer *tr, struct buf *file, struct tok_train_stats *stats,
                    struct err *e)
{
    const struct tok_train_opts *o = &tr->opts;
    struct sp_corpus c = {0};
    struct sp_pieces pieces = {0};
    struct word_table *words = &tr->counter[0].words;
    struct sp_order order = {0};
    struct sentence *own = NULL;
    bool unigram = o->type == TOK_TRAIN_UNIGRAM;
    int ret = gather_words(tr, stats, e) || (unigram && sentence_order(tr, &order, &own, e)) ? -1 : 0;
    if (ret == 0) ret = sp_corpus_make(&c, words, &o->sp, o->chars, unigram ? &order : NULL, e);
    word_table_free(words);
    free(own);
    stats->distinct_words = c.n_words;
    stats->rare_space = unigram && !c.space && stats->words > stats->sentences;
    if (ret == 0 && c.n_chars - 1 > (uint32_t)o->sp.n_pieces)
        ret = err_set(e, ERR_USAGE, "vocab size %d is too small: the text has %u characters to keep, "
                                    "besides %zu special tokens and bytes; lower the character "
                                    "coverage or raise the size",
                      o->vocab_size, c.n_chars - 1, tr->meta.n);
    if (ret == 0 && unigram) ret = sp_corpus_cut(&c, e);
    if (ret == 0) ret = unigram ? sp_unigram(&c, &o->sp, tr->meta.n, o->pool, &pieces, e) : sp_bpe(&c, &o->sp, &pieces, e);
    if (ret == 0) ret = sp_write_model(o, &tr->meta, &c, &pieces, file, e);
    stats->vocab_size = (int)(tr->meta.n + pieces.n);
    sp_pieces_free(&pieces);
    sp_corpus_free(&c);
    return ret;
}

/* Words of more characters than WordPiece takes, as text without white space has. */
static uint64_t long_words(const struct word_table *words)
{
    char tmp[16];
    const char *word;
    size_t n;
    uint64_t count, all = 0;
    for (size_t at = 0; word_table_next(words, &at, tmp, &word, &n, &count);) {
        size_t chars = 0;
        for (size_t i = 0; n > WORDPIECE_WORD_MOST && i < n; i++) chars += (word[i] & 0xC0) != 0x80;
        if (chars > WORDPIECE_WORD_MOST) all += count;
    }
    return all;
}

static int learn_wordpiece(struct tok_trainer *tr, struct buf *file, struct tok_train_stats *stats,
                           struct err *e)
{
    struct word_table *words = &tr->counter[0].words;
    if (gather_words(tr, stats, e)) return -1;
    stats->long_words = long_words(words);
    return wordpiece_learn(&tr->opts, words, file, stats, e);
}

static int learn_words(struct tok_trainer *tr, struct buf *file, struct tok_train_stats *stats, struct err *e)
{
    struct word_table *words = &tr->counter[0].words;
    if (gather_words(tr, stats, e)) return -1;
    return word_learn(&tr->opts, words, file, stats, e);
}

int train_learn(struct tok_trainer *tr, struct buf *file, struct tok_train_stats *stats, struct err *e)
{
    switch (tr->opts.type) {
    case TOK_TRAIN_BPE: return learn_bpe(tr, file, stats, e);
    case TOK_TRAIN_CHAR: return learn_chars(tr, file, stats, e);
    case TOK_TRAIN_UNIGRAM: case TOK_TRAIN_SP_BPE: return learn_sp(tr, file, stats, e);
    case TOK_TRAIN_WORDPIECE: return learn_wordpiece(tr, file, stats, e);
    case TOK_TRAIN_CHAR_BPE: return learn_chars_bpe(tr, file, stats, e);
    case TOK_TRAIN_WORD: return learn_words(tr, file, stats, e);
    }
    return -1;
}
