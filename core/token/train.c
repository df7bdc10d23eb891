#include "core/token/train.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/char_index.h"
#include "core/token/tok_internal.h"
#include "core/token/train_internal.h"
#include "core/token/train_word.h"
#include "core/token/unicode.h"

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
    if (o->type == TOK_TRAIN_WORD && !word_unknown(o))
        return err_set(e, ERR_USAGE, "whole words need a special token [UNK] or <unk>, which all other words become");
    if (o->type == TOK_TRAIN_WORD && (o->vocab_size < 0 || (size_t)o->vocab_size <= o->n_special))
        return err_set(e, ERR_USAGE, "vocab size %d is too small: %zu are special tokens", o->vocab_size, o->n_special);
    if (tok_train_is_hf(o->type) || o->type == TOK_TRAIN_CHAR) return 0;
    size_t least = 256 + o->n_special;
    if (!tok_train_is_sp(o->type) && (o->vocab_size < 0 || (size_t)o->vocab_size < least))
        return err_set(e, ERR_USAGE, "vocab size %d is too small: 256 bytes and %zu special token%s need %zu", o->vocab_size, o->n_special,
                       o->n_special == 1 ? "" : "s", least);
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
    if (!bytes && !tok_train_is_hf(o->type))
        return err_set(e, ERR_USAGE, "a normalizer or pre-tokenizer is for kinds of a tokenizer.json");
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
        tr->counter[i].seen = mem_zalloc(UNI_CODES / 64, sizeof(uint64_t));
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
        buf_clear(&c->work);
        utf8_add_lossy(&c->work, text, n);
        if (buf_ok(&c->work, e)) return -1;
        text = c->work.data;
        n = c->work.len;
    }
    if (count_text(tr, c, text, n, e)) return -1;
    size_t bytes = word_table_bytes(&c->words) + word_table_bytes(&c->chain.raw);
    if (tr->opts.memory && bytes > tr->opts.memory / (size_t)tr->n_threads)
        return err_set(e, ERR_OS, "the distinct words of a thread need more memory than its share, one of %d: raise --mem, "
                                  "lower --threads, or train on a part of the text", tr->n_threads);
    return 0;
}

static void flush_chain(void *arg, int slice, int thread)
{
    (void)thread;
    struct tok_trainer *tr = arg;
    struct counter *c = &tr->counter[slice];
    c->failed = chain_flush(tr->chain, &c->chain, &c->words, &c->n_words, &c->err);
}

/* What is left to count, and what there was. */
static int finish_counting(struct tok_trainer *tr, struct tok_train_stats *stats, struct err *e)
{
    if (tr->chain) pool_run(tr->opts.pool, tr->n_threads, flush_chain, tr);
    for (int i = 0; i < tr->n_threads; i++) {
        const struct counter *c = &tr->counter[i];
        if (c->failed) {
            *e = c->err;
            return -1;
        }
        stats->bytes += c->bytes;
        stats->documents += c->documents;
        stats->words += c->n_words + c->sp.words;
        stats->sentences += c->sp.sentences;
        stats->too_long += c->sp.too_long;
    }
    return 0;
}

int tok_trainer_learn(struct tok_trainer *tr, struct buf *file, struct tok_train_stats *stats,
                      struct err *e)
{
    struct tok_train_stats own, *s = stats ? stats : &own;
    *s = (struct tok_train_stats){0};
    int ret = finish_counting(tr, s, e) || train_learn(tr, file, s, e) ? -1 : 0;
    tok_trainer_free(tr);
    return ret;
}

struct tokenizer *tok_trainer_finish(struct tok_trainer *tr, struct tok_train_stats *stats,
                                     struct err *e)
{
    struct buf file = {0};
    struct tokenizer *t = NULL;
    bool model = tok_train_is_sp(tr->opts.type);
    if (tok_trainer_learn(tr, &file, stats, e) == 0)
        t = model ? tok_from_spm(file.data, file.len, "the learned tokenizer", e) : tok_parse(file.data, file.len, "the learned tokenizer", e);
    buf_free(&file);
    return t;
}
