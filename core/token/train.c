#include "core/token/train.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/char_index.h"
#include "core/token/tok_internal.h"
#include "core/token/train_bpe.h"
#include "core/token/train_chain.h"
#include "core/token/train_chars.h"
#include "core/token/train_prep.h"
#include "core/token/train_sp_model.h"
#include "core/token/train_wordpiece.h"
#include "core/token/train_words.h"
#include "core/token/train_write.h"
#include "core/token/unicode.h"

enum { N_CHARS = 0x110000 };

struct counter {
    struct word_table words; /* all but characters */
    struct prep_count sp;
    struct chain_work chain;
    struct buf work;
    uint64_t *seen;          /* characters: one bit each */
    uint64_t bytes, documents, n_words;
    size_t ends[WORD_BATCH];
};

/* How a text becomes counted words. */
enum way {
    WAY_CHARS,     /* only which characters there are */
    WAY_SENTENCES, /* train_prep.h */
    WAY_SPLIT,     /* one of the splits of split.h */
    WAY_CHAIN,     /* train_chain.h */
};

struct tok_trainer {
    struct tok_train_opts opts;
    enum way way;
    enum split_kind split;   /* WAY_SPLIT */
    bool any_bytes;          /* texts need not be UTF-8 */
    struct tokenizer *chain; /* what happens to the text first, if there are steps for it */
    struct charsmap *map;
    struct prep_sp prep;
    struct sp_meta meta;
    struct counter *counter; /* [n_threads] */
    int n_threads;
};

/* Those of the caller alone; which tokens there are besides depends on the kind. */
static int check_special(const struct tok_train_opts *o, struct err *e)
{
    for (size_t i = 0; i < o->n_special + o->n_user; i++) {
        const char *text = i < o->n_special ? o->special[i] : o->user[i - o->n_special];
        if (!*text) return err_set(e, ERR_USAGE, "a special token is empty");
        for (size_t k = 0; k < i && k < o->n_special; k++)
            if (strcmp(o->special[k], text) == 0) return err_set(e, ERR_USAGE, "special token '%s' is given twice", text);
    }
    return 0;
}

static int check_opts(const struct tok_train_opts *o, struct err *e)
{
    if (check_special(o, e)) return -1;
    for (const char *p = o->prefix; p && *p; p++)
        if ((uint8_t)*p >= 0x80)
            return err_set(e, ERR_USAGE, "the prefix '%s' has other than ASCII characters, with which other programs "
                                         "cannot merge", o->prefix);
    if (o->type == TOK_TRAIN_CHAR || o->type == TOK_TRAIN_WORDPIECE || o->type == TOK_TRAIN_CHAR_BPE) return 0;
    size_t least = 256 + o->n_special;
    if (!tok_train_is_sp(o->type) && (o->vocab_size < 0 || (size_t)o->vocab_size < least))
        return err_set(e, ERR_USAGE, "vocab size %d is too small: 256 bytes and %zu special tokens "
                                     "need %zu",
                       o->vocab_size, o->n_special, least);
    if (o->vocab_size > VOCAB_MAX_ID)
        return err_set(e, ERR_USAGE, "vocab size %d: at most %d", o->vocab_size, VOCAB_MAX_ID);
    return 0;
}

/* Unigram: may a sentence begin with something else than a U+2581, or is it one word? */
static bool needs_order(const struct tok_trainer *tr)
{
    static const char space[] = "\xE2\x96\x81";
    bool other = tr->opts.no_prefix || !tr->opts.sp.split_space;
    for (size_t i = 0; i < tr->meta.n; i++) other = other || strncmp(tr->meta.text[i], space, 3) == 0;
    return tr->opts.type == TOK_TRAIN_UNIGRAM && other;
}

static int prepare_sp(struct tok_trainer *tr, struct err *e)
{
    const struct tok_train_opts *o = &tr->opts;
    if (o->charsmap_len && !(tr->map = charsmap_new(o->charsmap, o->charsmap_len, e))) return -1;
    if (sp_meta_make(&tr->meta, o, e)) return -1;
    if (o->vocab_size <= 0 || (size_t)o->vocab_size <= tr->meta.n)
        return err_set(e, ERR_USAGE, "vocab size %d is too small: %zu special tokens and bytes come "
                                     "before the pieces", o->vocab_size, tr->meta.n);
    tr->opts.sp.n_pieces = o->vocab_size - (int)tr->meta.n;
    tr->prep = (struct prep_sp){.keep_spaces = o->keep_spaces, .split_space = o->sp.split_space, .no_prefix = o->no_prefix,
                                .space_only = o->sp.space_only, .ordered = needs_order(tr), .max_bytes = o->max_sentence,
                                .meta = tr->meta.text, .n_meta = tr->meta.n};
    prep_sp_init(&tr->prep, tr->map);
    return 0;
}

static int prepare_chain(struct tok_trainer *tr, struct err *e)
{
    struct tok_train_opts *o = &tr->opts;
    bool bytes = o->type == TOK_TRAIN_BPE;
    if (!o->normalizer && !o->pre) return 0;
    if (!bytes && o->type != TOK_TRAIN_WORDPIECE && o->type != TOK_TRAIN_CHAR_BPE)
        return err_set(e, ERR_USAGE, "a normalizer or pre-tokenizer is for byte pairs and WordPiece");
    tr->chain = chain_make(o->normalizer, o->pre, e);
    if (!tr->chain) return -1;
    if (bytes && !chain_gives_bytes(tr->chain))
        return err_set(e, ERR_USAGE, "byte pairs need a pre-tokenizer with a ByteLevel step");
    return 0;
}

/* A chain that is nothing but a split of bytes takes any bytes, as the splits do; where it is one of
 * those, the chain is not asked. */
static void choose_way(struct tok_trainer *tr)
{
    const struct tok_train_opts *o = &tr->opts;
    const struct tokenizer *chain = tr->chain;
    bool is_split = !chain || (chain->fast_split && !chain->space_first && chain->norm.n == 0);
    tr->split = chain ? chain->split : o->split;
    tr->any_bytes = tok_train_is_sp(o->type) || (o->type == TOK_TRAIN_BPE && is_split);
    if (o->type == TOK_TRAIN_CHAR) tr->way = WAY_CHARS;
    else if (tok_train_is_sp(o->type)) tr->way = WAY_SENTENCES;
    else tr->way = is_split && !(chain && chain->by_rule) ? WAY_SPLIT : WAY_CHAIN;
}

struct tok_trainer *tok_trainer_new(const struct tok_train_opts *o, int n_threads, struct err *e)
{
    if (check_opts(o, e)) return NULL;
    struct tok_trainer *tr = mem_zalloc(1, sizeof *tr);
    if (n_threads < 1) n_threads = 1;
    if (tr) tr->counter = mem_zalloc((size_t)n_threads, sizeof *tr->counter);
    bool ok = tr && tr->counter;
    if (ok) tr->n_threads = n_threads;
    for (int i = 0; ok && o->type == TOK_TRAIN_CHAR && i < n_threads; i++) {
        tr->counter[i].seen = mem_zalloc(N_CHARS / 64, sizeof(uint64_t));
        ok = tr->counter[i].seen != NULL;
    }
    if (!ok) {
        err_oom(e, (size_t)n_threads * sizeof(struct counter), "the trainer");
        tok_trainer_free(tr);
        return NULL;
    }
    tr->opts = *o;
    if ((tok_train_is_sp(o->type) && prepare_sp(tr, e)) || prepare_chain(tr, e)) {
        tok_trainer_free(tr);
        return NULL;
    }
    choose_way(tr);
    return tr;
}

void tok_trainer_free(struct tok_trainer *tr)
{
    if (!tr) return;
    for (int i = 0; tr->counter && i < tr->n_threads; i++) {
        word_table_free(&tr->counter[i].words);
        buf_free(&tr->counter[i].work);
        sentence_log_free(&tr->counter[i].sp.log);
        chain_work_free(&tr->counter[i].chain);
        free(tr->counter[i].seen);
    }
    tok_free(tr->chain);
    charsmap_free(tr->map);
    sp_meta_free(&tr->meta);
    free(tr->counter);
    free(tr);
}

static int add_words(struct counter *c, enum split_kind kind, const uint8_t *text, size_t n,
                     struct err *e)
{
    split_fn *split = split_function(kind);
    for (size_t pos = 0; pos < n;) {
        size_t count = split(text, n, pos, c->ends, WORD_BATCH);
        if (!word_table_add_batch(&c->words, text, n, pos, c->ends, count))
            return err_oom(e, c->words.cap * sizeof *c->words.v, "counting words");
        if (count) pos = c->ends[count - 1];
        c->n_words += count;
    }
    return 0;
}

/* The text is UTF-8. */
static void add_chars(struct counter *c, const uint8_t *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        struct uni_char u = uni_next(text + i, n - i);
        c->seen[u.cp / 64] |= (uint64_t)1 << (u.cp % 64);
        i += u.len;
    }
}

void tok_trainer_order(struct tok_trainer *tr, int thread, uint64_t order)
{
    tr->counter[thread].sp.order = order;
}

/* What is no UTF-8 becomes U+FFFD, one for each maximal part. */
static int repair(struct buf *out, const char *text, size_t n, struct err *e)
{
    buf_clear(out);
    for (size_t at = 0; at < n;) {
        size_t good = utf8_valid_prefix(text + at, n - at);
        buf_add(out, text + at, good);
        at += good;
        if (at == n) break;
        buf_add(out, "\xEF\xBF\xBD", 3);
        at += utf8_broken_part((const uint8_t *)text + at, n - at);
    }
    return buf_ok(out, e);
}

static int count_text(struct tok_trainer *tr, struct counter *c, const char *text, size_t n, struct err *e)
{
    switch (tr->way) {
    case WAY_CHARS: add_chars(c, (const uint8_t *)text, n); return 0;
    case WAY_SENTENCES: return prep_sp_add(&tr->prep, &c->words, &c->work, text, n, &c->sp, e);
    case WAY_SPLIT: return add_words(c, tr->split, (const uint8_t *)text, n, e);
    case WAY_CHAIN: return chain_count(tr->chain, &c->chain, &c->words, text, n, &c->n_words, e);
    }
    return -1;
}

int tok_trainer_add(struct tok_trainer *tr, int thread, const char *text, size_t n, struct err *e)
{
    struct counter *c = &tr->counter[thread];
    c->bytes += n;
    c->documents++;
    if (!tr->any_bytes && utf8_valid_prefix(text, n) < n) {
        if (repair(&c->work, text, n, e)) return -1;
        text = c->work.data;
        n = c->work.len;
    }
    if (count_text(tr, c, text, n, e)) return -1;
    size_t bytes = word_table_bytes(&c->words) + word_table_bytes(&c->chain.raw);
    if (tr->opts.memory && bytes > tr->opts.memory / (size_t)tr->n_threads)
        return err_set(e, ERR_OS, "the distinct words need more memory than allowed: raise --mem, or "
                                  "train on a part of the text");
    return 0;
}

/* ---- from counts to a tokenizer.json ---- */

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

static int gather_words(struct tok_trainer *tr, struct err *e)
{
    struct word_table *all = &tr->counter[0].words;
    for (int i = 1; i < tr->n_threads; i++)
        if (!word_table_join(all, &tr->counter[i].words)) return err_oom(e, all->cap * sizeof *all->v, "counting words");
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
    int ret = gather_words(tr, e);
    stats->distinct_words = words->n + words->n_longs;
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
    if (gather_words(tr, e) || first_tokens(&tr->opts, &v, byte_id, e)) goto out;
    struct word_table *words = &tr->counter[0].words;
    stats->distinct_words = words->n + words->n_longs;
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
        for (size_t w = 0; w < N_CHARS / 64; w++) seen[w] |= tr->counter[i].seen[w];
    for (uint32_t cp = 0; cp < N_CHARS; cp++) {
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
    const struct prep_count *last = &tr->counter[0].sp;
    const struct sentence_log **log = mem_alloc((size_t)tr->n_threads, sizeof *log);
    *own = NULL;
    if (!log) return err_oom(e, sizeof *log, "the order of sentences");
    for (int i = 0; i < tr->n_threads; i++) {
        const struct prep_count *c = &tr->counter[i].sp;
        log[i] = &c->log;
        if (c->last_order > last->last_order) last = c;
    }
    int ret = 0;
    *o = (struct sp_order){.v = &last->last, .n = last->last_order > 0, .all = tr->prep.ordered};
    if (o->all) {
        ret = sentence_log_join(log, (size_t)tr->n_threads, own, &o->n, e);
        o->v = *own;
        for (int i = 0; i < tr->n_threads; i++) sentence_log_free(&tr->counter[i].sp.log);
    }
    free(log);
    return ret;
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
    int ret = gather_words(tr, e) || (unigram && sentence_order(tr, &order, &own, e)) ? -1 : 0;
    if (ret == 0) ret = sp_corpus_make(&c, words, &o->sp, o->chars, unigram ? &order : NULL, e);
    word_table_free(words);
    free(own);
    stats->distinct_words = c.n_words;
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

static int learn_wordpiece(struct tok_trainer *tr, struct buf *file, struct tok_train_stats *stats,
                           struct err *e)
{
    struct word_table *words = &tr->counter[0].words;
    if (gather_words(tr, e)) return -1;
    stats->distinct_words = words->n + words->n_longs;
    return wordpiece_learn(&tr->opts, words, file, stats, e);
}

/* What is left to count, and what there was. */
static int finish_counting(struct tok_trainer *tr, struct tok_train_stats *stats, struct err *e)
{
    for (int i = 0; i < tr->n_threads; i++) {
        struct counter *c = &tr->counter[i];
        if (tr->chain && chain_flush(tr->chain, &c->chain, &c->words, &c->n_words, e)) return -1;
        stats->bytes += c->bytes;
        stats->documents += c->documents;
        stats->words += c->n_words + c->sp.words;
        stats->sentences += c->sp.sentences;
        stats->too_long += c->sp.too_long;
    }
    return 0;
}

static int learn(struct tok_trainer *tr, struct buf *file, struct tok_train_stats *stats, struct err *e)
{
    switch (tr->opts.type) {
    case TOK_TRAIN_BPE: return learn_bpe(tr, file, stats, e);
    case TOK_TRAIN_CHAR: return learn_chars(tr, file, stats, e);
    case TOK_TRAIN_UNIGRAM: case TOK_TRAIN_SP_BPE: return learn_sp(tr, file, stats, e);
    case TOK_TRAIN_WORDPIECE: return learn_wordpiece(tr, file, stats, e);
    case TOK_TRAIN_CHAR_BPE: return learn_chars_bpe(tr, file, stats, e);
    }
    return -1;
}

int tok_trainer_learn(struct tok_trainer *tr, struct buf *file, struct tok_train_stats *stats,
                      struct err *e)
{
    struct tok_train_stats own, *s = stats ? stats : &own;
    *s = (struct tok_train_stats){0};
    int ret = finish_counting(tr, s, e) || learn(tr, file, s, e) ? -1 : 0;
    tok_trainer_free(tr);
    return ret;
}

struct tokenizer *tok_trainer_finish(struct tok_trainer *tr, struct tok_train_stats *stats,
                                     struct err *e)
{
    struct buf file = {0};
    struct tokenizer *t = NULL;
    if (tok_trainer_learn(tr, &file, stats, e) == 0)
        t = tok_parse(file.data, file.len, "the learned tokenizer", e);
    buf_free(&file);
    return t;
}
