/* llmctl tokenize train */
#include "cmd/cmd_tokenize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/tree.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/token/charsmap_build.h"
#include "core/token/train.h"
#include "core/token/train_like.h"
#include "core/token/train_parts.h"
#include "core/token/train_wordpiece.h"
#include "data/doc_run.h"

struct train_cfg {
    struct opt_common common;
    struct docs_opts docs;
    const char *out;
    int type, ties;
    const char *split, *prefix, *suffix, *like, *own[SP_OWN];
    int64_t vocab_size, min_count, max_len, memory, max_sentence, seeds, lanes, alphabet, own_id[SP_OWN];
    struct opt_list special, user;
    const char *chars;
    int64_t rounds;
    bool no_prefix, cross_numbers;
    bool no_special, byte_fallback, split_digits, keep_spaces, space_pieces, cross_scripts, cross_spaces;
    const char *norm;
    double coverage, shrink;
};

static const struct opt train_opts[] = {
#define C struct train_cfg
    OPT_GROUP("Vocabulary"),
    OPT_STR('o', "out", C, out, "FILE", NULL,
            "Where it goes: FILE.json, .model of SentencePiece's kinds, .tiktoken, vocab.txt, vocab.json with "
            "merges.txt; - is stdout (default tokenizer.json, tokenizer.model)"),
    OPT_ENUM(0, "type", C, type, "bpe|char|unigram|sp-bpe|wordpiece|char-bpe|word", "bpe",
             "Byte pairs; every character; SentencePiece's unigram or byte pair kind; BERT's WordPiece; pairs of "
             "characters or whole words as HF tokenizers learns them"),
    OPT_STR(0, "like", C, like, "TOKENIZER", NULL,
            "Instead of --type: as this tokenizer, with its steps, special tokens and template, but another vocabulary"),
    OPT_INT(0, "vocab-size", C, vocab_size, "N", "32768", 1, 2e6, "Tokens to learn, bytes and special ones included; char: there may not be more"),
    OPT_INT(0, "min-freq", C, min_count, "N", "1", 1, 1e15, "Pairs seen less often are not merged (bpe, char-bpe, wordpiece), words are no tokens (word)"),
    OPT_INT(0, "max-token-len", C, max_len, "N", "0", 0, 250,
            "Longest token: bytes (bpe) or characters; 0 = any (SentencePiece's kinds: 16)"),
    OPT_LIST(0, "special", C, special, "TEXT",
             "A special token; repeat for more (if none is given bpe has <|endoftext|>, char-bpe <unk>, word [UNK], wordpiece BERT's)"),
    OPT_BOOL(0, "no-special-tokens", C, no_special, NULL,
             "No special token but <unk> <s> </s> of SentencePiece's kinds"),
    OPT_STR(0, "required-chars", C, chars, "TEXT", NULL,
            "Characters that become tokens however rare they are (wordpiece, char-bpe, SentencePiece's kinds)"),
    OPT_GROUP("Byte pairs"),
    OPT_STR(0, "split", C, split, "NAME", NULL,
            "Where merges must stop: gpt2, llama3, qwen2, cl100k, o200k, tekken, qwen35, deepseek, falcon, none, another "
            "name (list shows them all), or a regex (default llama3); char-bpe, word: bert (default), whitespace, or a regex"),
    OPT_STR(0, "prefix", C, prefix, "TEXT", NULL, "In front of symbols inside a word, as ## of WordPiece (bpe, char-bpe)"),
    OPT_STR(0, "suffix", C, suffix, "TEXT", NULL, "Behind the last symbol of a word, as </w> of CLIP (bpe, char-bpe)"),
    OPT_ENUM(0, "ties", C, ties, "hf|tiktoken|spm", "hf",
             "Which of equally frequent pairs comes first: as HF tokenizers, by byte value as rustbpe, the shorter as "
             "SentencePiece"),
    OPT_INT(0, "alphabet", C, alphabet, "N", "0", 0, 1e6,
            "Keep only the N most frequent characters; 0 = all (wordpiece, char-bpe)"),
    OPT_GROUP("Normalization"),
    OPT_STR(0, "norm", C, norm, "NAME", NULL,
            "bpe, char-bpe, word, wordpiece: identity, nfc, nfd, nfkc, nfkd, bert, bert-cased; SentencePiece's kinds: identity, nfkc, "
            "nmt_nfkc, nfkc_cf, nmt_nfkc_cf, FILE.tsv (default identity, of wordpiece bert, of those nmt_nfkc)"),
    OPT_GROUP("SentencePiece's kinds"),
    OPT_F64(0, "coverage", C, coverage, "X", "0.9995", 0.9, 1, "Share of the text whose characters become tokens"),
    OPT_BOOL(0, "byte-fallback", C, byte_fallback, NULL, "Other characters become bytes instead of <unk>"),
    OPT_BOOL(0, "digits", C, split_digits, NULL, "Every digit is a token of its own"),
    OPT_LIST(0, "user", C, user, "TEXT", "A user-defined symbol, a token wherever a text has it; repeat for more"),
    OPT_INT(0, "unk-id", C, own_id[SP_OWN_UNK], "N", "0", 0, 1e9, "Id of <unk>"),
    OPT_INT(0, "bos-id", C, own_id[SP_OWN_BOS], "N", "1", -1, 1e9, "Id of <s>; -1 = there is none"),
    OPT_INT(0, "eos-id", C, own_id[SP_OWN_EOS], "N", "2", -1, 1e9, "Id of </s>; -1 = there is none"),
    OPT_INT(0, "pad-id", C, own_id[SP_OWN_PAD], "N", "-1", -1, 1e9, "Id of <pad>; -1 = there is none"),
    OPT_STR(0, "unk-piece", C, own[SP_OWN_UNK], "TEXT", "<unk>", "What <unk> is called"),
    OPT_STR(0, "bos-piece", C, own[SP_OWN_BOS], "TEXT", "<s>", "What <s> is called"),
    OPT_STR(0, "eos-piece", C, own[SP_OWN_EOS], "TEXT", "</s>", "What </s> is called"),
    OPT_STR(0, "pad-piece", C, own[SP_OWN_PAD], "TEXT", "<pad>", "What <pad> is called"),
    OPT_BOOL(0, "no-space-first", C, no_prefix, NULL, "No space comes in front of a text"),
    OPT_BOOL(0, "keep-spaces", C, keep_spaces, NULL, "Runs of spaces stay as they are"),
    OPT_BOOL(0, "space-pieces", C, space_pieces, NULL, "Runs of spaces may be tokens"),
    OPT_BOOL(0, "cross-scripts", C, cross_scripts, NULL, "A token may hold several scripts"),
    OPT_BOOL(0, "cross-numbers", C, cross_numbers, NULL, "A token may hold digits and letters"),
    OPT_BOOL(0, "cross-spaces", C, cross_spaces, NULL, "A token may hold several words"),
    OPT_SIZE(0, "max-sentence", C, max_sentence, "BYTES", "0", 0, 1e9,
             "Longer lines are left out; 0 = none is (spm_train: 4192)"),
    OPT_INT(0, "seeds", C, seeds, "N", "1M", 1000, 1e8, "Substrings to start from (unigram)"),
    OPT_F64(0, "shrink", C, shrink, "X", "0.75", 0.5, 0.95, "What each round of pruning keeps (unigram)"),
    OPT_INT(0, "rounds", C, rounds, "N", "2", 1, 10, "Rounds of expectation-maximisation between prunings (unigram)"),
    OPT_INT(0, "lanes", C, lanes, "N", "1", 1, 16,
            "Sums kept apart: the last digits of scores as spm_train with N threads (unigram)"),
    OPT_GROUP("Resources"),
    OPT_SIZE(0, "mem", C, memory, "BYTES", "0", 0, 1e15,
             "Stop when the distinct words of a thread need more than its share of it; 0 = no limit"),
    OPT_DOCS(C, docs),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

struct train_job {
    struct tok_trainer *trainer;
    struct doc_cfg docs;
    struct doc_iter *iter; /* [threads] */
    bool strict;
    uint64_t bad;          /* documents left out */
    struct train_seen {
        uint64_t bad, rest;  /* rest: parts of files behind the first */
        uint64_t first;      /* block of the first bad one, */
        char why[300];       /* and what is wrong with it */
    } *seen; /* [threads] */
    char why[300];         /* of the first bad document */
};

/* "FILE:LINE: what", with the place where it is broken text. */
static void name_bad(const struct doc *d, const char *reason, char *out, size_t n)
{
    size_t valid = d->line ? utf8_valid_prefix(d->line, d->line_len) : 0;
    if (d->line && valid < d->line_len && strcmp(reason, "invalid UTF-8") == 0)
        snprintf(out, n, "%.200s:%llu: %s at byte offset %zu", d->file->name, (unsigned long long)d->line_no, reason, valid);
    else snprintf(out, n, "%.200s:%llu: %s", d->file->name, (unsigned long long)d->line_no, reason);
}

static int train_block(void *arg, struct doc_slot *slot, int thread, struct err *e)
{
    struct train_job *j = arg;
    struct doc d;
    enum doc_next next;
    doc_iter_start(&j->iter[thread], &j->docs, &slot->block);
    tok_trainer_order(j->trainer, thread, slot->block.seq);
    j->seen[thread].rest += slot->block.rest;
    while ((next = doc_iter_next(&j->iter[thread], &d)) != DOC_END) {
        if (next == DOC_GOOD) {
            if (tok_trainer_add(j->trainer, thread, d.text, d.text_len, e) == 0) continue;
            return e->code == ERR_DATA ? err_wrap(e, "%s:%llu", d.file->name, (unsigned long long)d.line_no) : -1;
        } else {
            struct train_seen *seen = &j->seen[thread];
            char why[sizeof seen->why];
            name_bad(&d, j->iter[thread].reason, why, sizeof why);
            if (j->strict) return err_set(e, ERR_DATA, "%s", why);
            if (seen->bad++ == 0 || slot->block.seq < seen->first) {
                seen->first = slot->block.seq;
                memcpy(seen->why, why, sizeof why);
            }
        }
    }
    return 0;
}

/* Counts all documents; the trainer lives on in any case.  *rest: how many of
 * them were only further parts of a file. */
static int count_documents(struct docs_input *in, struct train_job *j, uint64_t *rest, struct err *e)
{
    int n = pool_threads(in->pool);
    struct doc_run_end end = {0};
    struct doc_stage stage = {.files = &in->files, .cfg = &j->docs, .pool = in->pool, .arg = j,
                              .what = "count words", .work = train_block};
    struct train_seen all = {.bad = 0};
    *rest = 0;
    j->iter = mem_zalloc((size_t)n, sizeof *j->iter);
    j->seen = mem_zalloc((size_t)n, sizeof *j->seen);
    int ret = j->iter && j->seen ? 0 : err_oom(e, (size_t)n * sizeof *j->iter, "readers");
    if (ret == 0) ret = doc_run(&stage, &end, e);
    for (int i = 0; j->iter && i < n; i++) doc_iter_free(&j->iter[i]);
    for (int i = 0; j->seen && i < n; i++) {
        if (j->seen[i].bad && (!all.bad || j->seen[i].first < all.first)) {
            all.first = j->seen[i].first;
            memcpy(j->why, j->seen[i].why, sizeof j->why);
        }
        all.bad += j->seen[i].bad;
        *rest += j->seen[i].rest;
    }
    j->bad = all.bad;
    free(j->iter);
    free(j->seen);
    if (ret == 0 && end.n_damaged) {
        if (j->strict) return err_set(e, ERR_DATA, "%s", end.damaged);
        log_warn("%s", end.damaged);
    }
    return ret;
}

static bool is_sp(const struct train_cfg *cfg)
{
    return tok_train_is_sp((enum tok_train_type)cfg->type);
}

static bool has_affix(const struct train_cfg *cfg)
{
    return (cfg->prefix && *cfg->prefix) || (cfg->suffix && *cfg->suffix);
}

/* Stdout, a pipe, a device. */
static bool is_stream(const char *path)
{
    struct stat st;
    return strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

static const char *out_path(const struct train_cfg *cfg)
{
    if (cfg->out) return cfg->out;
    return is_sp(cfg) ? "tokenizer.model" : "tokenizer.json";
}

static int report_training(const struct train_cfg *cfg, const struct tok_train_stats *s,
                           double seconds, struct err *e)
{
    if (s->too_long)
        log_warn("%llu lines longer than --max-sentence were left out", (unsigned long long)s->too_long);
    if (s->long_words)
        log_warn("words of more than %d characters are unknown to WordPiece, %llu here; text without white space needs another --type",
                 WORDPIECE_WORD_MOST, (unsigned long long)s->long_words);
    if (s->rare_space)
        log_warn("U+2581, which stands for a space, is too rare to be kept: spm_train's scores may differ in the last digits (see --coverage)");
    if (s->vocab_size < cfg->vocab_size && cfg->type != TOK_TRAIN_CHAR)
        log_warn("the text gives %d tokens only, %lld were wanted", s->vocab_size,
                 (long long)cfg->vocab_size);
    if (!cfg->common.json) {
        char words[48] = "";
        struct buf size = {0};
        tree_add_bytes(&size, s->bytes);
        if (cfg->type != TOK_TRAIN_CHAR) snprintf(words, sizeof words, ", %llu distinct word%s", (unsigned long long)s->distinct_words, s->distinct_words == 1 ? "" : "s");
        log_info("%d tokens from %llu document%s, %s%s in %.2f s -> %s", s->vocab_size, (unsigned long long)s->documents,
                 s->documents == 1 ? "" : "s", buf_text(&size), words, seconds, out_path(cfg));
        buf_free(&size);
        return 0;
    }
    struct buf b = {0};
    buf_printf(&b, "{\"vocab_size\":%d,\"documents\":%llu,\"bytes\":%llu,\"words\":%llu,"
                   "\"distinct_words\":%llu,\"last_count\":%llu,\"seconds\":%.3f}\n",
               s->vocab_size, (unsigned long long)s->documents, (unsigned long long)s->bytes,
               (unsigned long long)s->words, (unsigned long long)s->distinct_words,
               (unsigned long long)s->last_count, seconds);
    int ret = buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

/* What the file's name asks for, as far as it can be told before hours of work. */
static int check_format(const struct train_cfg *cfg, enum tok_format format, struct err *e)
{
    const char *norm = cfg->norm ? cfg->norm : "";
    bool bpe = cfg->type == TOK_TRAIN_BPE, plain = (!*norm || strcmp(norm, "identity") == 0) && !has_affix(cfg);
    switch (format) {
    case FORMAT_JSON:
        return is_sp(cfg) ? err_set(e, ERR_USAGE, "--out FILE.json cannot hold the rules of --type unigram and sp-bpe: name it FILE.model") : 0;
    case FORMAT_SPM:
        return is_sp(cfg) ? 0 : err_set(e, ERR_USAGE, "--out FILE.model is for --type unigram and sp-bpe");
    case FORMAT_TIKTOKEN:
        if (!bpe || !plain || cfg->special.n || !train_split_is_expression(cfg->split))
            return err_set(e, ERR_USAGE, "--out FILE.tiktoken is for --type bpe with a --split of one expression, and "
                                         "without --norm, --special, --prefix and --suffix, which it cannot hold");
        return 0;
    case FORMAT_VOCAB_TXT:
        if (cfg->type != TOK_TRAIN_WORDPIECE || cfg->special.n || cfg->no_special || (*norm && strncmp(norm, "bert", 4) != 0))
            return err_set(e, ERR_USAGE, "--out vocab.txt is for --type wordpiece with --norm bert or bert-cased and "
                                         "BERT's special tokens");
        return 0;
    case FORMAT_MERGES:
        if (!bpe || !plain || cfg->special.n || strcmp(train_split_name(cfg->split), "gpt2") != 0)
            return err_set(e, ERR_USAGE, "--out vocab.json is for --type bpe --split gpt2 without --norm, --special, --prefix and "
                                         "--suffix");
        return 0;
    case FORMAT_TEKKEN: case FORMAT_GGUF: break;
    }
    return err_set(e, ERR_USAGE, "--out '%s': train to FILE.%s, then llmctl tokenize convert", cfg->out, is_sp(cfg) ? "model" : "json");
}

/* What was learned, in the kind of file that its name says, a pipe gets it in its own. */
static int write_tokenizer(const struct train_cfg *cfg, const struct buf *file, struct err *e)
{
    const char *path = out_path(cfg);
    struct buf out = {0};
    enum tok_format format = FORMAT_JSON;
    tokenizer_format(path, &format);
    if (is_sp(cfg)) return file_write_all(path, file->data, file->len, e);
    struct tokenizer *t = tok_parse(file->data, file->len, "the learned tokenizer", e);
    int ret = t ? 0 : -1;
    if (t && (format == FORMAT_JSON || format == FORMAT_TIKTOKEN)) {
        ret = format == FORMAT_JSON ? tok_to_json(t, &out, e) : tok_to_ranks(t, &out, e);
        if (ret == 0) ret = file_write_all(path, out.data, out.len, e);
    } else if (t) {
        ret = tokenizer_write(t, format, path, e);
    }
    buf_free(&out);
    tok_free(t);
    return ret;
}

/* --norm: compiled rules into *map. */
static int read_norm(const char *norm, struct buf *map, struct err *e)
{
    struct charsmap_rules rules = {0};
    struct buf text = {0};
    int ret = 0;
    if (strcmp(norm, "identity") == 0) return 0;
    if (str_ends_with(norm, ".tsv"))
        ret = file_read_all(norm, (size_t)256 << 20, &text, e) ||
              charsmap_rules_read(&rules, text.data, text.len, norm, e) ? -1 : 0;
    else if (charsmap_known(norm))
        ret = charsmap_rules_named(&rules, norm, e);
    else
        ret = err_set(e, ERR_USAGE, "--norm '%s': identity, nfkc, nmt_nfkc, nfkc_cf, nmt_nfkc_cf or a "
                                    "file of rules whose name ends in .tsv", norm);
    if (ret == 0) ret = charsmap_compile(&rules, map, e);
    charsmap_rules_free(&rules);
    buf_free(&text);
    return ret;
}

static int sp_options(const struct train_cfg *cfg, struct tok_train_opts *o, struct buf *map,
                      struct err *e)
{
    const char *norm = cfg->norm ? cfg->norm : "nmt_nfkc";
    sp_rules_default(&o->sp);
    o->sp.coverage = cfg->coverage;
    if (cfg->max_len) o->sp.max_len = (int)cfg->max_len;
    o->sp.split_scripts = !cfg->cross_scripts;
    o->sp.split_digits = cfg->split_digits;
    o->sp.split_numbers = !cfg->cross_numbers;
    o->sp.sub_iterations = (int)cfg->rounds;
    o->sp.split_space = !cfg->cross_spaces;
    o->sp.space_only = cfg->space_pieces;
    o->sp.n_seeds = (size_t)cfg->seeds;
    o->sp.shrink = cfg->shrink;
    o->sp.lanes = (int)cfg->lanes;
    for (int i = 0; i < SP_OWN; i++) o->sp.own_id[i] = (int)cfg->own_id[i], o->sp.own[i] = cfg->own[i];
    o->byte_fallback = cfg->byte_fallback;
    o->keep_spaces = cfg->keep_spaces;
    o->max_sentence = (size_t)cfg->max_sentence;
    o->norm_name = str_ends_with(norm, ".tsv") ? "user_defined" : norm;
    if (read_norm(norm, map, e)) return -1;
    o->charsmap = map->data;
    o->charsmap_len = map->len;
    return 0;
}

/* Which options are for which kinds, where they are not for all. */
enum { BPE = 1 << TOK_TRAIN_BPE, UNIGRAM = 1 << TOK_TRAIN_UNIGRAM, SP_BPE = 1 << TOK_TRAIN_SP_BPE,
       WORDPIECE = 1 << TOK_TRAIN_WORDPIECE, CHAR_BPE = 1 << TOK_TRAIN_CHAR_BPE, WORD = 1 << TOK_TRAIN_WORD };
static const struct {
    const char *option;
    int kinds;
} option_kinds[] = {
    {"split", BPE | CHAR_BPE | WORD}, {"prefix", BPE | CHAR_BPE}, {"suffix", BPE | CHAR_BPE}, {"ties", BPE},
    {"alphabet", WORDPIECE | CHAR_BPE}, {"required-chars", WORDPIECE | CHAR_BPE | UNIGRAM | SP_BPE},
    {"max-token-len", BPE | CHAR_BPE | WORDPIECE | UNIGRAM | SP_BPE},
    {"min-freq", BPE | CHAR_BPE | WORDPIECE | WORD}, {"norm", BPE | CHAR_BPE | WORDPIECE | WORD | UNIGRAM | SP_BPE},
    {"coverage", UNIGRAM | SP_BPE}, {"byte-fallback", UNIGRAM | SP_BPE}, {"digits", UNIGRAM | SP_BPE},
    {"user", UNIGRAM | SP_BPE}, {"unk-id", UNIGRAM | SP_BPE}, {"bos-id", UNIGRAM | SP_BPE}, {"eos-id", UNIGRAM | SP_BPE},
    {"pad-id", UNIGRAM | SP_BPE}, {"unk-piece", UNIGRAM | SP_BPE}, {"bos-piece", UNIGRAM | SP_BPE}, {"eos-piece", UNIGRAM | SP_BPE},
    {"pad-piece", UNIGRAM | SP_BPE}, {"no-space-first", UNIGRAM | SP_BPE}, {"keep-spaces", UNIGRAM | SP_BPE},
    {"space-pieces", UNIGRAM | SP_BPE}, {"cross-scripts", UNIGRAM | SP_BPE}, {"cross-numbers", UNIGRAM | SP_BPE},
    {"cross-spaces", UNIGRAM | SP_BPE}, {"max-sentence", UNIGRAM | SP_BPE}, {"seeds", UNIGRAM},
    {"shrink", UNIGRAM}, {"rounds", UNIGRAM}, {"lanes", UNIGRAM}};

/* Options of one kind given for another are mistakes. */
static int check_kind(const struct cmd *self, const struct train_cfg *cfg, const struct opt_result *r, struct err *e)
{
    static const char *const kind[] = {"bpe", "char", "unigram", "sp-bpe", "wordpiece", "char-bpe", "word"};
    for (size_t i = 0; i < COUNT_OF(option_kinds); i++) {
        if (option_kinds[i].kinds >> cfg->type & 1 || !opt_is_set(self, r, option_kinds[i].option)) continue;
        struct buf kinds = {0};
        for (int k = 0, left = __builtin_popcount((unsigned)option_kinds[i].kinds); left; k++) {
            if (!(option_kinds[i].kinds >> k & 1)) continue;
            buf_printf(&kinds, "%s%s", kind[k], --left > 1 ? ", " : left ? " or " : "");
        }
        err_set(e, ERR_USAGE, "--%s is for --type %s, not for %s", option_kinds[i].option, buf_text(&kinds), kind[cfg->type]);
        buf_free(&kinds);
        return -1;
    }
    return 0;
}

/* What there was to learn from; a vocabulary of nothing is nobody's wish. */
static int check_documents(const struct tok_train_stats *s, uint64_t bad, const char *why, struct err *e)
{
    if (s->documents) warn_left_out(bad, why);
    if (s->documents) return 0;
    if (!bad) return err_set(e, ERR_DATA, "no documents in the input");
    return doc_json_none_good(why, e);
}

/* What the options say to the trainer, but for SentencePiece's rules and the chain. */
static int trainer_options(const struct cmd *self, const struct train_cfg *cfg, const struct opt_result *r, struct tok_train_opts *o,
                           struct err *e)
{
    static const char *const end_of_text[] = {"<|endoftext|>"}, *const unknown[] = {"<unk>"}, *const word_unk[] = {"[UNK]"};
    enum tok_format format = FORMAT_JSON;
    *o = (struct tok_train_opts){
        .type = (enum tok_train_type)cfg->type,
        .vocab_size = cfg->type == TOK_TRAIN_CHAR && !opt_is_set(self, r, "vocab-size") ? 0 : (int)cfg->vocab_size,
        .min_count = (uint64_t)cfg->min_count,
        .ties = (enum tok_train_ties)cfg->ties,
        .max_len = (int)cfg->max_len,
        .special = cfg->special.v,
        .n_special = cfg->special.n,
        .memory = (size_t)cfg->memory,
        .prefix = cfg->prefix,
        .suffix = cfg->suffix,
        .alphabet = (size_t)cfg->alphabet,
        .chars = cfg->chars,
        .user = cfg->user.v,
        .n_user = cfg->user.n,
        .no_prefix = cfg->no_prefix,
    };
    if (cfg->no_special && o->n_special)
        return err_set(e, ERR_USAGE, "--special and --no-special-tokens exclude each other");
    if (cfg->ties != TOK_TIES_HF && has_affix(cfg))
        return err_set(e, ERR_USAGE, "--prefix and --suffix are of HF tokenizers, hence with --ties hf");
    bool named = cfg->out && tokenizer_format(cfg->out, &format);
    if (named && check_format(cfg, format, e)) return -1;
    if (cfg->out && !named && !is_stream(cfg->out) && !file_is_dir(cfg->out))
        return err_set(e, ERR_USAGE, "--out '%s': the name must end in .json, .model, .tiktoken, vocab.txt or vocab.json; - is stdout", cfg->out);
    if (o->n_special || cfg->no_special || format == FORMAT_TIKTOKEN) return 0;
    if (o->type == TOK_TRAIN_BPE) {
        o->special = end_of_text;
        o->n_special = COUNT_OF(end_of_text);
    } else if (o->type == TOK_TRAIN_CHAR_BPE) {
        o->special = unknown;
        o->n_special = COUNT_OF(unknown);
    } else if (o->type == TOK_TRAIN_WORD) {
        o->special = word_unk;
        o->n_special = COUNT_OF(word_unk);
    } else if (o->type == TOK_TRAIN_WORDPIECE) {
        o->special = wordpiece_special;
        o->n_special = COUNT_OF(wordpiece_special);
    }
    return 0;
}

/* *map holds what *o points at. */
static int text_options(const struct train_cfg *cfg, struct tok_train_opts *o, struct buf *map, struct err *e)
{
    if (is_sp(cfg)) return sp_options(cfg, o, map, e);
    return cfg->type == TOK_TRAIN_CHAR ? 0 : train_parts(o, cfg->norm, cfg->split, map, e);
}

/* Whether the file can be made: told before the work.  A pipe is left alone, its reader would see an end. */
static int check_out(const char *path, struct err *e)
{
    if (is_stream(path)) return 0;
    struct file_writer *w = file_create(path, 0, e);
    if (!w) return -1;
    file_abort(w);
    return 0;
}

/* Counts, learns, writes to *file. */
static int learn(const struct train_cfg *cfg, struct tok_train_opts *o, struct docs_input *in, struct buf *file,
                 struct tok_train_stats *stats, struct err *e)
{
    struct train_job j = {.docs = docs_config(&cfg->docs), .strict = cfg->docs.strict};
    uint64_t rest = 0;
    o->pool = in->pool;
    j.docs.any_bytes = !j.strict;
    if (tok_train_cuts(o)) {
        j.docs.cut = tok_train_may_cut;
        j.docs.cut_arg = o;
    }
    j.trainer = tok_trainer_new(o, pool_threads(in->pool), e);
    if (!j.trainer) return -1;
    if (count_documents(in, &j, &rest, e)) {
        tok_trainer_free(j.trainer);
        return -1;
    }
    if (tok_trainer_learn(j.trainer, file, stats, e))
        return e->code == ERR_STOPPED ? err_set(e, ERR_STOPPED, "stopped by a signal; nothing was written") : -1;
    stats->documents -= rest;
    return check_documents(stats, j.bad, j.why, e);
}

static int like_has(const char *option, struct err *e)
{
    return err_set(e, ERR_USAGE, "--like and --%s exclude each other: that is as the tokenizer has it", option);
}

/* --like: into *like and the kind. */
static int read_like(const struct cmd *self, struct train_cfg *cfg, const struct opt_result *r, struct train_like *like, struct err *e)
{
    static const char *const its[] = {"type", "split", "norm", "prefix", "suffix", "ties", "no-special-tokens"};
    enum tok_format format = FORMAT_JSON;
    for (size_t i = 0; i < COUNT_OF(its); i++)
        if (opt_is_set(self, r, its[i])) return like_has(its[i], e);
    struct tokenizer *t = tokenizer_open(cfg->like, e);
    struct tok_origin from = {.file = NULL};
    if (t) tok_origin(t, &from);
    int ret = t ? train_like_read(like, t, cfg->like, cfg->special.v, cfg->special.n, e) : -1;
    if (ret == 0 && from.file && file_same(out_path(cfg), from.file))
        ret = err_set(e, ERR_USAGE, "'%s' would be replaced by the output; give --out another name", from.file);
    if (ret == 0) cfg->type = (int)like->type;
    for (size_t i = 0; ret == 0 && is_sp(cfg) && i < COUNT_OF(option_kinds); i++)
        if (option_kinds[i].kinds & UNIGRAM && opt_is_set(self, r, option_kinds[i].option)) ret = like_has(option_kinds[i].option, e);
    if (ret == 0 && !is_sp(cfg) && cfg->out && tokenizer_format(cfg->out, &format) && format != FORMAT_JSON)
        ret = err_set(e, ERR_USAGE, "--like writes a tokenizer.json here; llmctl tokenize convert makes other files of it");
    tok_free(t);
    return ret;
}

/* What the options say. */
static int all_options(const struct cmd *self, struct train_cfg *cfg, const struct opt_result *r, struct train_like *like,
                       struct tok_train_opts *o, struct buf *map, struct err *e)
{
    if (cfg->like && read_like(self, cfg, r, like, e)) return -1;
    if (check_kind(self, cfg, r, e) || trainer_options(self, cfg, r, o, e)) return -1;
    if (cfg->common.json && strcmp(out_path(cfg), "-") == 0)
        return err_set(e, ERR_USAGE, "--json and --out - both want stdout");
    if (!cfg->like) return text_options(cfg, o, map, e);
    return train_like_options(like, o, e);
}

static int train_files(const struct cmd *self, struct train_cfg *cfg, const struct opt_result *r, struct err *e)
{
    struct tok_train_opts o;
    struct train_like like = {.json = NULL};
    struct buf map = {0}, file = {0};
    struct docs_input in = {.pool = NULL};
    struct tok_train_stats stats;
    double start = time_now_s();
    int ret = all_options(self, cfg, r, &like, &o, &map, e);
    if (ret == 0) ret = docs_open(&in, &cfg->docs, r, out_path(cfg), cfg->common.threads, e);
    if (ret == 0) ret = check_out(out_path(cfg), e);
    if (ret == 0) ret = learn(cfg, &o, &in, &file, &stats, e);
    if (ret == 0 && cfg->like) ret = train_like_write(&like, &file, e);
    if (ret == 0) ret = write_tokenizer(cfg, &file, e);
    if (ret == 0) ret = report_training(cfg, &stats, time_now_s() - start, e);
    train_like_free(&like);
    buf_free(&map);
    buf_free(&file);
    docs_close(&in);
    return ret;
}

/* --split list */
static int list_splits(struct err *e)
{
    struct buf b = {0};
    int ret = train_split_list(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

static int run_train(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct train_cfg cfg = {0};
    struct opt_result r;
    int ret = opt_parse(self, &cfg, argc, argv, &r, e);
    if (!cfg.split && !tok_train_is_hf((enum tok_train_type)cfg.type)) cfg.split = "llama3";
    if (ret == 0 && !r.exit_now) ret = cfg.split && strcmp(cfg.split, "list") == 0 ? list_splits(e) : train_files(self, &cfg, &r, e);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_tokenize_train = {
    .name = "tokenize train",
    .summary = "Learn a vocabulary from text",
    .usage = "[options] [FILE|DIR...]",
    .examples = "  llmctl tokenize train corpus.jsonl --vocab-size 4096 --out tokenizer.json\n"
                "  llmctl tokenize train corpus.jsonl --type unigram --vocab-size 8000 -o s.model\n"
                "  llmctl tokenize train input.txt --type char --out chars.json\n"
                "  llmctl tokenize train input.txt --type char-bpe --suffix '</w>'\n"
                "  llmctl tokenize train input.txt --like bert/ --vocab-size 800 --out ours.json\n"
                "  llmctl tokenize train input.txt --type word --vocab-size 2000 --min-freq 2\n"
                "  llmctl tokenize train --split list\n"
                "  zstdcat big.jsonl.zst | llmctl tokenize train --special '<|im_end|>'\n",
    .details = "Reads .jsonl, .txt, .md (also .gz and .zst), directories of them, or stdin.\n"
               "SentencePiece's kinds take each line as a sentence and learn what spm_train\n"
               "0.2.3 learns. Only where U+2581 is too rare to become a piece the last digits of\n"
               "unigram's scores differ, and a note says so. For unigram's sums, lines of more\n"
               "than 4192 characters are cut; lines longer than --max-sentence are left out.\n"
               "T5 has --pad-id 0 --eos-id 1 --unk-id 2 --bos-id -1; ALBERT has --pad-id 0\n"
               "--unk-id 1 --bos-id 2 --eos-id 3 --bos-piece '[CLS]' --eos-piece '[SEP]'.\n"
               "Special and user-defined symbols get the first ids that are free, pieces the\n"
               "others.\n"
               "\n"
               "By the names of spm_train: --special is control_symbols, --user\n"
               "user_defined_symbols, --coverage character_coverage, --max-token-len\n"
               "max_sentencepiece_length, --digits split_digits, --space-pieces\n"
               "allow_whitespace_only_pieces, --seeds seed_sentencepiece_size, --rounds\n"
               "num_sub_iterations. --cross-scripts, --cross-numbers and --cross-spaces turn\n"
               "split_by_unicode_script, _number and _whitespace off, --no-space-first\n"
               "add_dummy_prefix, --keep-spaces remove_extra_whitespaces. A text that gives\n"
               "fewer tokens than wanted is a warning (hard_vocab_limit=false there). Instead of\n"
               "input_sentence_size: shuf -n 1000000 corpus.txt | llmctl tokenize train ...\n"
               "By those of HF tokenizers: --alphabet is limit_alphabet, --required-chars\n"
               "initial_alphabet, --min-freq min_frequency, --prefix continuing_subword_prefix,\n"
               "--suffix end_of_word_suffix, --max-token-len max_token_length less one.\n"
               "\n"
               "A byte order mark at the beginning of a file is not part of its text. Bytes of\n"
               "text files that are not UTF-8 are learned from by --type bpe with a named split;\n"
               "the others see U+FFFD. --strict fails and says where.\n"
               "The files are of kinds that other programs read, and do not depend on the number\n"
               "of threads.\n"
               "Memory grows with the number of distinct words (with --cross-spaces, of distinct\n"
               "lines); unigram with --no-space-first takes 12 bytes a line more. Text files are\n"
               "read in parts; with a --split of your own, or none, a file is held in memory\n"
               "whole.\n"
               "\n"
               "A .tiktoken file holds ranks only. It is read as FILE.tiktoken:SPLIT, and any\n"
               "two tokens that make a third are merged then, whatever was learned. --ties\n"
               "tiktoken numbers bytes by value.\n"
               "\n"
               "--split list shows all names and what each cuts at: also those that GGUF files\n"
               "have in tokenizer.ggml.pre, and tiktoken's (cl100k_base). deepseek is\n"
               "DeepSeek-V3's, starcoder digits one by one, then gpt2.\n"
               "\n"
               "--type char-bpe, --prefix and --suffix learn what BpeTrainer of HF tokenizers\n"
               "learns. Its ids of characters with an affix differ from run to run; here they\n"
               "follow the others by code point. A byte that ends no word of the text gets no\n"
               "token with the suffix, as there: where it ends a word later, it is left out.\n"
               "\n"
               "--type word takes the most frequent words, as WordLevelTrainer does; all others\n"
               "become [UNK].\n"
               "\n"
               "--like is train_new_from_iterator of transformers, for byte pairs, WordPiece\n"
               "and words in a tokenizer.json: steps, template and the model's settings stay;\n"
               "special tokens get the first ids, --special adds to them, other added ones go.\n"
               "A SentencePiece .model says how it was trained; --like takes all of that but the\n"
               "sampling of sentences.\n"
               "\n"
               "A --split of your own is an expression as in tokenizer.json files: Ruby's\n"
               "syntax, the characters of Unicode 16, with look-arounds, references to groups,\n"
               "\\X and \\p{properties}; what is not understood is refused by name. It cuts some\n"
               "100 MB a second, the named splits 2000. Loops in loops, as in (a+)+b, can try\n"
               "more ways than a text has characters: after 20 million steps, and 4 for each\n"
               "byte, training ends and names the line.\n",
    .opts = train_opts,
    .others = tokenize_train_others,
    .run = run_train,
};
