/* llmctl tokenize encode, count, truncate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_tokenize.h"
#include "cmd/tree.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/token/tok_restrict.h"
#include "data/encode.h"
#include "data/encode_print.h"

/* ---- encode and count ---- */

struct encode_cfg {
    struct opt_common common;
    struct docs_opts docs;
    const char *tokenizer, *out, *pair_field, *between, *pad, *vocabulary;
    int keep, cut;
    bool windows, bos, eos, ids, pieces, offsets, jsonl, pad_left, allow_special, target, with_template, limits, keep_end, by_file, by_token, words;
    int64_t max_length, stride, best, seed, least, batch, multiple;
    double dropout, alpha;
};

#define TOKENIZER_FILE "tokenizer.json, .model, .gguf ...: a file or directory that tokenize convert reads"

static const struct opt encode_cmd_opts[] = {
#define C struct encode_cfg
    OPT_GROUP("Encoding"),
    OPT_STR('t', "tokenizer", C, tokenizer, "FILE", NULL, TOKENIZER_FILE),
    OPT_STR('o', "out", C, out, "FILE", NULL, "The token shard to write (.tok); a text file with the next four"),
    OPT_BOOL(0, "ids", C, ids, NULL, "Write ids as text, a line a document, to --out or stdout"),
    OPT_BOOL(0, "pieces", C, pieces, NULL, "The same with tokens as the vocabulary spells them"),
    OPT_BOOL(0, "offsets", C, offsets, NULL, "A line a token: id, bytes and characters of the text, type, token"),
    OPT_BOOL(0, "jsonl", C, jsonl, NULL, "An object a document: ids, type_ids, tokens, offsets, byte_offsets ..."),
    OPT_BOOL(0, "allow-special", C, allow_special, NULL, "Special tokens written in the text become their ids"),
    OPT_BOOL(0, "target", C, target, NULL, "The texts are translations: by the tokenizer's rules for these"),
    OPT_GROUP("Words cut at random, for training"),
    OPT_F64(0, "dropout", C, dropout, "P", "0", 0, 1, "Byte pairs: each merge is left out with this probability"),
    OPT_F64(0, "alpha", C, alpha, "X", "0", 0, 1e3, "Unigram: ways to cut as likely as their probability to the power X; 0 = the best way"),
    OPT_INT(0, "nbest", C, best, "N", "0", 0, TOK_SAMPLE_BEST, "With --alpha: of the N best ways; 0 = of all"),
    OPT_INT(0, "seed", C, seed, "N", "0", 0, 9e18, "The same seed cuts alike, another one otherwise"),
    OPT_GROUP("Texts (not for shards)"),
    OPT_BOOL(0, "template", C, with_template, NULL, "Add what the tokenizer puts around a text, or two"),
    OPT_BOOL(0, "bos", C, bos, NULL, "Without a template: begin each text with the token for that (<s> ...)"),
    OPT_BOOL(0, "eos", C, eos, NULL, "... and end it with that (</s>, <|endoftext|> ...)"),
    OPT_STR(0, "pair-field", C, pair_field, "NAME", NULL, "JSONL: the member that holds a second text; without it a text stands alone"),
    OPT_BOOL(0, "words", C, words, NULL, "JSONL: a text is a list of words, each encoded by itself"),
    OPT_STR(0, "vocabulary", C, vocabulary, "FILE", NULL,
            "SentencePiece: only pieces of this file, which count --by-token writes, and characters"),
    OPT_INT(0, "vocabulary-threshold", C, least, "N", "0", 0, 9e18, "With --vocabulary: only those that come N times by it"),
    OPT_GROUP("Lengths (not for shards)"),
    OPT_BOOL(0, "limits", C, limits, NULL, "Cut and pad as the tokenizer's file says"),
    OPT_INT(0, "max-length", C, max_length, "N", "0", 0, 1e9, "Cut to N ids, template included; 0 = do not"),
    OPT_BOOL(0, "keep-end", C, keep_end, NULL, "With --max-length: cut at the beginning"),
    OPT_ENUM(0, "cut", C, cut, "longest|first|second", "longest", "With --max-length: of two texts the longer, or always this one"),
    OPT_BOOL(0, "windows", C, windows, NULL, "With --max-length, --limits: what was cut off follows, N ids at a time"),
    OPT_INT(0, "stride", C, stride, "N", "0", 0, 1e9, "With --windows: how many tokens each shares with the one before"),
    OPT_STR(0, "pad", C, pad, "ID|TOKEN", NULL,
            "Fill up with this token (a number is an id): to --max-length, or as the next two say"),
    OPT_INT(0, "batch", C, batch, "N", "0", 0, 1e9, "With --pad, --limits: only to the longest of N documents at a time"),
    OPT_INT(0, "pad-multiple", C, multiple, "N", "0", 0, 1 << 24, "With --pad: to a multiple of N ids"),
    OPT_BOOL(0, "pad-left", C, pad_left, NULL, "With --pad: fill up in front"),
    OPT_DOCS(C, docs),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

static const struct opt count_opts[] = {
#define C struct encode_cfg
    OPT_GROUP("Counting"),
    OPT_STR('t', "tokenizer", C, tokenizer, "FILE", NULL, TOKENIZER_FILE),
    OPT_BOOL(0, "allow-special", C, allow_special, NULL, "Special tokens written in the text count as one"),
    OPT_BOOL(0, "template", C, with_template, NULL, "Count what the tokenizer puts around each text, too"),
    OPT_BOOL(0, "by-file", C, by_file, NULL, "A line a file: tokens, bytes, documents, name; then their sums"),
    OPT_BOOL(0, "by-token", C, by_token, NULL, "A line a token that comes: the token, how often; the most frequent first"),
    OPT_DOCS(C, docs),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

static const struct opt truncate_opts[] = {
#define C struct encode_cfg
    OPT_GROUP("Cutting"),
    OPT_STR('t', "tokenizer", C, tokenizer, "FILE", NULL, TOKENIZER_FILE),
    OPT_INT('n', "max-length", C, max_length, "N", NULL, 1, 1e9, "Tokens that a document keeps at most"),
    OPT_ENUM('k', "keep", C, keep, "head|tail|middle|ends", "head",
             "What stays: the beginning, the end, the middle, or both ends"),
    OPT_STR(0, "between", C, between, "TEXT", "", "With --keep ends: stands where the middle was, and counts"),
    OPT_BOOL(0, "template", C, with_template, NULL, "Count what the tokenizer puts around a text, too"),
    OPT_BOOL(0, "allow-special", C, allow_special, NULL, "Special tokens written in the text count as one"),
    OPT_STR('o', "out", C, out, "FILE", "-", "Where the documents go"),
    OPT_DOCS(C, docs),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

static int report_encoding(const struct encode_cfg *cfg, enum encode_to to,
                           const struct encode_stats *s, double seconds, struct err *e)
{
    warn_left_out(s->bad, s->first_bad.msg);
    if (cfg->pair_field && s->documents && !s->pairs)
        log_warn("no document has a second text '%s' (--pair-field): each was encoded alone", cfg->pair_field);
    struct buf size = {0}, left = {0};
    tree_add_bytes(&size, s->bytes);
    tree_add_bytes(&left, s->bytes_left);
    if (buf_ok(&size, e) || buf_ok(&left, e)) return -1;
    struct buf b = {0};
    if (cfg->common.json) {
        buf_printf(&b, "{\"documents\":%llu,\"bad\":%llu,\"bytes\":%llu,\"tokens\":%llu,",
                   (unsigned long long)s->documents, (unsigned long long)s->bad,
                   (unsigned long long)s->bytes, (unsigned long long)s->tokens);
        if (to == ENCODE_SHORT)
            buf_printf(&b, "\"shortened\":%llu,\"bytes_left\":%llu,", (unsigned long long)s->shortened,
                       (unsigned long long)s->bytes_left);
        buf_printf(&b, "\"seconds\":%.3f}\n", seconds);
    } else if (to == ENCODE_SHORT)
        log_info("%llu of %llu documents were shortened: %s of %s are left, %llu tokens",
                 (unsigned long long)s->shortened, (unsigned long long)s->documents, left.data, size.data, (unsigned long long)s->tokens);
    else if (to == ENCODE_COUNT)
        buf_printf(&b, "%llu\n", (unsigned long long)s->tokens);
    else
        log_info("%llu token%s from %llu document%s, %s (%.3f bytes a token)%s", (unsigned long long)s->tokens,
                 s->tokens == 1 ? "" : "s", (unsigned long long)s->documents, s->documents == 1 ? "" : "s", size.data,
                 s->tokens ? (double)s->bytes / (double)s->tokens : 0, log_rate(s->bytes, seconds).text);
    int ret = buf_ok(&b, e);
    if (ret == 0 && b.len) ret = out_write(b.data, b.len, e);
    buf_free(&b);
    buf_free(&size);
    buf_free(&left);
    return ret;
}

/* What the template puts around nothing is no more than --max-length. */
static int check_length(const struct encode_cfg *cfg, const struct tokenizer *t, struct err *e)
{
    struct tok_encoding x = {0};
    struct tok_scratch *s = tok_scratch_new(t, e);
    int ret = s ? tok_encode_pair(t, s, "", 0, cfg->pair_field ? "" : NULL, 0, TOK_TEMPLATE, &x, e) : -1;
    if (ret == 0 && x.ids.n > (size_t)cfg->max_length)
        ret = err_set(e, ERR_USAGE, "--max-length %lld: the tokenizer's template alone has %zu tokens", (long long)cfg->max_length,
                      x.ids.n);
    tok_encoding_free(&x);
    tok_scratch_free(s);
    return ret;
}

/* A row of --by-file; name NULL: the sums. */
static void file_row(const struct encode_cfg *cfg, struct buf *b, const char *name, const struct encode_stats *s)
{
    if (!cfg->common.json) {
        buf_printf(b, "%llu\t%llu\t%llu\t%s\n", (unsigned long long)s->tokens, (unsigned long long)s->bytes,
                   (unsigned long long)s->documents, name ? name : "total");
        return;
    }
    if (name) {
        buf_adds(b, "{\"file\":");
        buf_adds_json(b, name);
        buf_addc(b, ',');
    }
    buf_printf(b, "\"documents\":%llu,\"bad\":%llu,\"bytes\":%llu,\"tokens\":%llu}", (unsigned long long)s->documents,
               (unsigned long long)s->bad, (unsigned long long)s->bytes, (unsigned long long)s->tokens);
}

/* One file after the other, each by all threads.  An empty one has no tokens. */
static int count_by_file(const struct encode_cfg *cfg, struct encode_opts *o, struct encode_stats *all, struct err *e)
{
    const struct doc_files *files = o->files;
    struct buf b = {0};
    int ret = 0;
    *all = (struct encode_stats){0};
    if (cfg->common.json) buf_adds(&b, "{\"files\":[");
    for (size_t i = 0; ret == 0 && i < files->n; i++) {
        struct doc_files one = {.v = files->v + i, .n = 1};
        struct encode_stats s = {0};
        o->files = &one;
        ret = encode_run(o, &s, e);
        if (ret && e->code == ERR_DATA && !s.documents && (!s.bad || !cfg->docs.strict)) ret = 0;
        if (!all->bad && s.bad) all->first_bad = s.first_bad;
        all->documents += s.documents;
        all->bad += s.bad;
        all->bytes += s.bytes;
        all->tokens += s.tokens;
        if (ret == 0 && cfg->common.json && i) buf_addc(&b, ',');
        if (ret == 0) file_row(cfg, &b, files->v[i].name, &s);
    }
    o->files = files;
    if (cfg->common.json) buf_adds(&b, "],");
    if (cfg->common.json || files->n > 1) file_row(cfg, &b, NULL, all);
    if (cfg->common.json) buf_addc(&b, '\n');
    warn_left_out(all->bad, all->first_bad.msg);
    if (ret == 0) ret = buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

/* The tokens that come. */
static int count_by_token(const struct encode_cfg *cfg, struct encode_opts *o, struct encode_stats *s, struct err *e)
{
    struct buf b = {0};
    o->tally = mem_zalloc((size_t)tok_vocab_size(o->t), sizeof *o->tally);
    int ret = o->tally ? encode_run(o, s, e) : err_oom(e, (size_t)tok_vocab_size(o->t) * sizeof *o->tally, "counts");
    if (ret == 0 && cfg->common.json) buf_adds(&b, "{\"by_token\":");
    if (ret == 0) ret = encode_print_tally(o->t, o->tally, cfg->common.json, &b, e);
    if (ret == 0 && cfg->common.json) {
        buf_addc(&b, ',');
        file_row(cfg, &b, NULL, s);
        buf_addc(&b, '\n');
    }
    if (ret == 0) warn_left_out(s->bad, s->first_bad.msg);
    if (ret == 0) ret = buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    free(o->tally);
    buf_free(&b);
    return ret;
}

/* --pad: an id, or a token as the vocabulary spells it; a number is an id. */
static int set_pad(const struct encode_cfg *cfg, struct tokenizer *t, struct err *e)
{
    char *end;
    size_t n;
    long v = strtol(cfg->pad, &end, 10);
    bool number = *cfg->pad && !*end && v >= 0;
    int id = !number ? tok_id(t, cfg->pad) : v < tok_vocab_size(t) && tok_piece(t, (int)v, &n) ? (int)v : -1;
    if (id < 0) return err_set(e, ERR_USAGE, "--pad '%s' is no %s of this tokenizer", cfg->pad, number ? "id" : "token");
    tok_pad(t, &(struct tok_padding){.id = id, .to = cfg->batch ? 0 : (size_t)cfg->max_length, .multiple = (size_t)cfg->multiple, .left = cfg->pad_left});
    return 0;
}

/* A name with spaces is more often a text. */
static int no_file(const struct opt_result *r, struct err *e)
{
    for (int i = 0; e->code == ERR_NOINPUT && i < r->n_args; i++)
        if (strchr(r->args[i], ' ') && !file_exists(r->args[i]))
            return err_hint(e, "a text itself comes from stdin: echo 'Hello world' | llmctl tokenize ..."), -1;
    return -1;
}

/* --words: the texts are lists, and no member is a text. */
static void read_words(const struct encode_cfg *cfg, struct encode_opts *o)
{
    o->word_field = cfg->docs.text_field;
    o->docs.text_field = "\xFF"; /* no name in JSON */
    o->docs.no_text = true;
    o->docs.format = DOC_JSONL;
    o->docs.extra[0] = o->word_field;
    o->docs.extra[1] = cfg->pair_field;
}

/* --dropout, --alpha: whether words are cut at random (*any), and how. */
static int sampling_of(const struct encode_cfg *cfg, const struct tokenizer *t, struct tok_sampling *o, bool *any, struct err *e)
{
    *o = (struct tok_sampling){cfg->dropout, cfg->alpha, (size_t)cfg->best, (uint64_t)cfg->seed};
    *any = cfg->dropout > 0 || cfg->alpha > 0;
    return *any ? tok_sample_check(t, o, e) : 0;
}

/* One thread loads the tokenizer; the others have nothing else to do and get memory for the words of all. */
struct opening {
    const struct encode_cfg *cfg;
    struct docs_input *in;
    struct tok_room **rooms; /* [threads], or NULL */
    struct tokenizer *t;
    bool loaded;
    struct err *e;
};

/* --vocabulary: t, or instead of it one with fewer pieces; NULL frees t. */
static struct tokenizer *restrict_pieces(const struct encode_cfg *cfg, struct tokenizer *t, struct err *e)
{
    struct buf list = {0};
    struct tokenizer *fewer = NULL;
    if (!t || !cfg->vocabulary) return t;
    if (file_read_all(cfg->vocabulary, TOK_FILE_MOST, &list, e) == 0) {
        size_t unused;
        fewer = tok_restricted(t, buf_text(&list), list.len, cfg->vocabulary, cfg->least, &unused, e);
        if (fewer) log_info("--vocabulary: %zu of %d tokens are out of use", unused, tok_vocab_size(t));
        else err_wrap(e, "--vocabulary");
    }
    buf_free(&list);
    tok_free(t);
    return fewer;
}

static void load(struct opening *o)
{
    if (!o->loaded) o->t = restrict_pieces(o->cfg, tokenizer_option(o->cfg->tokenizer, o->e), o->e);
    o->loaded = true;
}

static void get_room(struct opening *o, int thread)
{
    uint64_t bytes = doc_files_bytes(&o->in->files) / (uint64_t)pool_threads(o->in->pool);
    if (o->rooms && !o->rooms[thread]) o->rooms[thread] = tok_room_new(bytes);
}

static void open_slice(void *arg, int slice, int thread)
{
    struct opening *o = arg;
    (void)slice;
    if (thread == 0) load(o);
    else get_room(o, thread);
    if (thread == 1) get_room(o, 0);
}

static void open_all(struct opening *o)
{
    int threads = pool_threads(o->in->pool);
    if (threads > 1 && !o->cfg->by_file) {
        o->rooms = mem_zalloc((size_t)threads, sizeof(struct tok_room *));
        pool_run(o->in->pool, threads, open_slice, o);
    }
    load(o);
}

static void free_rooms(struct opening *o)
{
    for (int i = 0; o->rooms && i < pool_threads(o->in->pool); i++) tok_room_free(o->rooms[i]);
    free(o->rooms);
}

/* What the options change about the tokenizer, and what it must have for them. */
static int prepare(const struct encode_cfg *cfg, enum encode_to to, struct tokenizer *t, struct err *e)
{
    struct tok_padding pads;
    bool around = cfg->bos || cfg->eos;
    if (to != ENCODE_SHORT && (cfg->max_length || (cfg->pad && !cfg->limits))) {
        tok_limit(t, cfg->max_length ? (size_t)cfg->max_length : SIZE_MAX, cfg->keep_end, cfg->limits);
        tok_limit_cut(t, (enum tok_cut)cfg->cut, (size_t)cfg->stride);
    }
    if (cfg->allow_special && tok_allow_special(t, e)) return -1;
    if (around && tok_put_ends(t, cfg->bos, cfg->eos, e)) return err_wrap(e, "--%s", cfg->bos ? "bos" : "eos");
    if (to != ENCODE_SHORT && cfg->max_length && (cfg->with_template || around) && check_length(cfg, t, e)) return -1;
    if (cfg->target && !tok_has_target(t))
        return err_set(e, ERR_USAGE, "--target: '%s' treats what is translated and translations alike", cfg->tokenizer);
    if (cfg->pad && set_pad(cfg, t, e)) return -1;
    if (cfg->batch && !tok_padding(t, &pads))
        return err_set(e, ERR_USAGE, "--batch: '%s' says nothing of filling up; give --pad, the token to do it with", cfg->tokenizer);
    return 0;
}

static unsigned flags_of(const struct encode_cfg *cfg, enum encode_to to)
{
    bool limits = to != ENCODE_SHORT && (cfg->limits || cfg->pad || cfg->max_length);
    return (cfg->allow_special ? TOK_SPECIAL : 0u) | (cfg->with_template || cfg->bos || cfg->eos ? TOK_TEMPLATE : 0u) |
           (cfg->target ? TOK_TARGET : 0u) | (limits ? TOK_LIMITS : 0u) | (cfg->windows ? TOK_WINDOWS : 0u) |
           (cfg->docs.strict ? TOK_STRICT : 0u);
}

/* sampling: NULL = nothing is cut at random. */
static int encode_all(const struct encode_cfg *cfg, enum encode_to to, const struct opening *open, const struct tok_sampling *sampling,
                      struct err *e)
{
    struct encode_stats stats;
    struct encode_opts o = {
        .t = open->t,
        .to = to,
        .out = cfg->out ? cfg->out : "-",
        .flags = flags_of(cfg, to),
        .pair_field = cfg->pair_field,
        .shorten = {.max = (size_t)cfg->max_length, .keep = (enum tok_keep)cfg->keep, .between = cfg->between,
                    .n_between = cfg->between ? strlen(cfg->between) : 0},
        .batch = (size_t)cfg->batch,
        .sampling = sampling,
        .strict = cfg->docs.strict,
        .docs = docs_config(&cfg->docs),
        .files = &open->in->files,
        .pool = open->in->pool,
        .rooms = open->rooms,
    };
    o.docs.extra[0] = cfg->pair_field;
    if (cfg->words) read_words(cfg, &o);
    o.docs.any_bytes = true; /* the tokenizer knows what to do with them */
    double start = time_now_s();
    int ret = cfg->by_file ? count_by_file(cfg, &o, &stats, e) : cfg->by_token ? count_by_token(cfg, &o, &stats, e) : encode_run(&o, &stats, e);
    if (ret && e->code == ERR_DATA && strstr(e->msg, "the text field is not a string")) err_hint(e, "encode --words takes lists of words");
    if (ret || cfg->by_file || cfg->by_token) return ret;
    return report_encoding(cfg, to, &stats, time_now_s() - start, e);
}

static int encode_files(const struct encode_cfg *cfg, enum encode_to to, const struct opt_result *r,
                        struct err *e)
{
    struct docs_input in = {.pool = NULL};
    struct tok_sampling sampling;
    bool at_random = false;
    struct err no_docs = {ERR_NONE, ""};
    struct opening open = {.cfg = cfg, .in = &in, .e = e};
    int bad = docs_open(&in, &cfg->docs, r, cfg->out, cfg->common.threads, &no_docs);
    open_all(&open);
    int ret = open.t ? prepare(cfg, to, open.t, e) : -1;
    if (ret == 0) ret = sampling_of(cfg, open.t, &sampling, &at_random, e);
    if (ret == 0 && bad) {
        *e = no_docs;
        ret = no_file(r, e);
    }
    if (ret == 0) ret = encode_all(cfg, to, &open, at_random ? &sampling : NULL, e);
    free_rooms(&open);
    docs_close(&in);
    tok_free(open.t);
    return ret;
}

static int check_encode(const struct cmd *self, const struct encode_cfg *cfg, const struct opt_result *r,
                        struct err *e)
{
    static const char *const text_only[] = {"template", "bos", "eos", "pair-field", "words", "limits", "max-length", "keep-end", "cut", "windows", "stride", "pad",
                                            "batch", "pad-multiple", "pad-left", "vocabulary"};
    int kinds = cfg->ids + cfg->pieces + cfg->offsets + cfg->jsonl;
    if (kinds > 1) return err_set(e, ERR_USAGE, "--ids, --pieces, --offsets and --jsonl exclude each other");
    if (!kinds && !cfg->out) return err_set(e, ERR_USAGE, "--out FILE.tok, --ids, --pieces, --offsets or --jsonl is required");
    if (!kinds && *cfg->out && !str_ends_with(cfg->out, ".tok") && strcmp(cfg->out, "-") != 0 && !file_is_special(cfg->out))
        return err_set(e, ERR_USAGE, "--out '%s': a token shard's name ends in .tok, by which other commands know it; for ids as text add --ids or --jsonl", cfg->out);
    for (size_t i = 0; !kinds && i < COUNT_OF(text_only); i++)
        if (opt_is_set(self, r, text_only[i]))
            return err_set(e, ERR_USAGE, "--%s goes with --ids, --pieces, --offsets or --jsonl; a shard always marks its documents",
                           text_only[i]);
    if (cfg->words && opt_is_set(self, r, "format") && docs_config(&cfg->docs).format != DOC_JSONL)
        return err_set(e, ERR_USAGE, "--words are lists in JSONL, not in text files");
    if (cfg->keep_end && !cfg->max_length) return err_set(e, ERR_USAGE, "--keep-end needs --max-length");
    if (opt_is_set(self, r, "cut") && (!cfg->max_length || !cfg->pair_field))
        return err_set(e, ERR_USAGE, "--cut needs --max-length and --pair-field: which of two texts is cut");
    if (cfg->windows && !cfg->max_length && !cfg->limits)
        return err_set(e, ERR_USAGE, "--windows needs --max-length, or --limits of a tokenizer that cuts: how long they are");
    if (cfg->stride && (!cfg->windows || !cfg->max_length)) return err_set(e, ERR_USAGE, "--stride needs --windows and --max-length");
    if (cfg->stride && cfg->stride >= cfg->max_length)
        return err_set(e, ERR_USAGE, "--stride %lld: windows of %lld tokens would not move on", (long long)cfg->stride, (long long)cfg->max_length);
    if (cfg->pad && !cfg->max_length && !cfg->batch && !cfg->multiple)
        return err_set(e, ERR_USAGE, "--pad needs --max-length, --batch or --pad-multiple: how far to fill up");
    if (cfg->batch && !cfg->pad && !cfg->limits) return err_set(e, ERR_USAGE, "--batch needs --pad, or --limits of a tokenizer that fills up");
    if (cfg->multiple && !cfg->pad) return err_set(e, ERR_USAGE, "--pad-multiple needs --pad");
    if (opt_is_set(self, r, "vocabulary-threshold") && !cfg->vocabulary) return err_set(e, ERR_USAGE, "--vocabulary-threshold needs --vocabulary");
    if (cfg->pad_left && !cfg->pad) return err_set(e, ERR_USAGE, "--pad-left needs --pad");
    if (cfg->best && !(cfg->alpha > 0)) return err_set(e, ERR_USAGE, "--nbest needs --alpha, how likely the ways are");
    if (opt_is_set(self, r, "seed") && !(cfg->dropout > 0) && !(cfg->alpha > 0))
        return err_set(e, ERR_USAGE, "--seed goes with --dropout or --alpha: else nothing is random");
    if (kinds && cfg->common.json && (!cfg->out || strcmp(cfg->out, "-") == 0))
        return err_set(e, ERR_USAGE, "--json and ids on stdout exclude each other; give --out");
    return 0;
}

static int run_encode(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct encode_cfg cfg = {0};
    struct opt_result r;
    int ret = opt_parse(self, &cfg, argc, argv, &r, e);
    if (ret == 0 && !r.exit_now && (ret = check_encode(self, &cfg, &r, e)) == 0)
        ret = encode_files(&cfg, cfg.ids ? ENCODE_TEXT : cfg.pieces ? ENCODE_PIECES : cfg.offsets ? ENCODE_TABLE : cfg.jsonl ? ENCODE_JSON : ENCODE_SHARD,
                           &r, e);
    opt_free(&r);
    return ret;
}

static int run_count(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct encode_cfg cfg = {0};
    struct opt_result r;
    int ret = opt_parse(self, &cfg, argc, argv, &r, e);
    if (ret == 0 && cfg.by_file && cfg.by_token) ret = err_set(e, ERR_USAGE, "--by-file and --by-token exclude each other");
    if (ret == 0 && !r.exit_now) ret = encode_files(&cfg, ENCODE_COUNT, &r, e);
    opt_free(&r);
    return ret;
}

static int run_truncate(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct encode_cfg cfg = {0};
    struct opt_result r;
    int ret = opt_parse(self, &cfg, argc, argv, &r, e);
    if (ret || r.exit_now) goto out;
    if (!cfg.max_length) ret = err_set(e, ERR_USAGE, "--max-length is required: the number of tokens to keep");
    else if (cfg.between[0] && cfg.keep != TOK_KEEP_ENDS) ret = err_set(e, ERR_USAGE, "--between goes with --keep ends");
    else if (cfg.common.json && strcmp(cfg.out, "-") == 0)
        ret = err_set(e, ERR_USAGE, "--json and documents on stdout exclude each other; give --out");
    else ret = encode_files(&cfg, ENCODE_SHORT, &r, e);
out:
    opt_free(&r);
    return ret;
}

const struct cmd cmd_tokenize_encode = {
    .name = "tokenize encode",
    .summary = "Text to token ids",
    .usage = "-t TOKENIZER [options] [FILE|DIR...]",
    .examples = "  llmctl tokenize encode corpus.jsonl.zst -t tokenizer.json --out train.tok\n"
                "  echo 'Hello world' | llmctl tokenize encode -t tokenizer.json --ids\n"
                "  llmctl tokenize encode poem.txt -t tokenizer.json --pieces --documents line\n"
                "  llmctl tokenize encode pairs.jsonl -t bert/ --jsonl --template --pair-field b\n"
                "  llmctl tokenize encode ner.jsonl -t bert/ --words --text-field tokens --jsonl\n"
                "  llmctl tokenize encode in.jsonl -t bert/ --jsonl --pad '[PAD]' --batch 32\n",
    .details = "A shard holds the ids (in 16 bits each if the vocabulary has no more than 65,536\n"
               "tokens, else in 32), the borders of the documents, and the tokenizer. Its bytes\n"
               "do not depend on the number of threads. Python reads its ids with\n"
               "numpy.memmap(FILE, 'uint16', 'r', 64, COUNT); llmctl inspect says which type and\n"
               "count, and which ids stand between documents: the end of text begins each and\n"
               "ends the last, or its bos and eos stand around it.\n"
               "A special token written in a text, as <|endoftext|>, is text like any other.\n"
               "With --allow-special it becomes its id, as in Hugging Face's tokenizers, also\n"
               "where normalising or merging makes it. (tiktoken finds the ones it is told to,\n"
               "SentencePiece no control symbol.) Added tokens that are not special and\n"
               "user-defined symbols are always found, as in those programs. A special token of\n"
               "BPE that other tokens are made of can come up all the same.\n"
               "Bytes of a text file that are not UTF-8 are encoded as they are by byte-level\n"
               "tokenizers; others see U+FFFD, one for each maximal part. --strict fails and\n"
               "says where.\n"
               "--target: Marian has a second model for translations (target.spm beside\n"
               "source.spm); M2M100, NLLB, mBART, mBART-50 and PLBART put the language of the\n"
               "target (tgt_lang in tokenizer_config.json) beside the text instead of that of\n"
               "the source (src_lang). For Marian '>>fra<<' at the beginning of a text names the\n"
               "target's language.\n"
               "A byte order mark at the beginning of a file is not part of its text.\n"
               "From a pipe, JSONL and --documents line are answered as they come, except for\n"
               "shards.\n"
               "--dropout and --alpha cut a word now in one way, now in another, from which\n"
               "models learn (subword regularization): give each epoch a --seed of its own.\n"
               "--dropout does what HF tokenizers do (without ignore_merges), for a .model what\n"
               "SentencePiece does; --alpha and --nbest are SentencePiece's. What is drawn\n"
               "depends on the seed, on the place of the input in the list and of the document\n"
               "in it, not on threads.\n"
               "--windows gives what Hugging Face's tokenizers call overflowing tokens: each\n"
               "window is a line or object of its own (\"window\":0, 1 ...), with the template;\n"
               "of two texts one is cut (--cut second: a question with all of a long answer).\n"
               "As there, that text has type 0 or 1 behind the first window, whatever types a\n"
               "template gives.\n"
               "--words is is_split_into_words of Hugging Face's tokenizers, for lists as\n"
               "{\"text\": [\"EU\", \"rejects\"]}: offsets are in the words, and word_ids (--jsonl),\n"
               "or a column before the token (--offsets), says which word a token is from.\n"
               "--pad with --max-length is padding='max_length' of Hugging Face's tokenizers,\n"
               "with --batch N it is 'longest', of N documents at a time (--limits: BatchLongest\n"
               "of a tokenizer.json); --max-length then only cuts.\n"
               "--vocabulary is that of spm_encode up to 0.2.1 (newer ones have none; where two\n"
               "ways to cut have the same score, llmctl takes the one that 0.2.3 takes). Of a\n"
               "vocabulary that two languages share, texts of one then become only pieces that\n"
               "are frequent in this language:\n"
               "  llmctl tokenize count -t s.model --by-token --documents line text.fr >fr.vocab\n"
               "  llmctl tokenize encode -t s.model --pieces --documents line text.fr\\\n"
               "      --vocabulary fr.vocab --vocabulary-threshold 50\n"
               "Offsets are places in the original text, in bytes and in characters. --jsonl has\n"
               "the names and values of Hugging Face's tokenizers, but tokens are spelled as in\n"
               "the vocabulary, also unigram's unknown ones, for which those give the text.\n",
    .opts = encode_cmd_opts,
    .others = tokenize_encode_others,
    .run = run_encode,
};

const struct cmd cmd_tokenize_count = {
    .name = "tokenize count",
    .summary = "How many tokens a text has",
    .usage = "-t TOKENIZER [options] [FILE|DIR...]",
    .examples = "  llmctl tokenize count -t tokenizer.json README.md\n"
                "  llmctl tokenize count -t tokenizer.json --json corpus/\n"
                "  llmctl tokenize count -t tokenizer.json --by-file docs/ | sort -n\n"
                "  llmctl tokenize count -t s.model --by-token input.txt\n",
    .details = "Texts are read in blocks and no ids are kept: memory does not grow with a text\n"
               "file of any size, as long as the tokenizer lets nothing reach over line ends\n"
               "(byte-level splits, BERT's, SentencePiece's byte pairs with byte fallback).\n"
               "Others (unigram, any regular expression), and --by-token, need one document in\n"
               "memory.\n"
               "--by-token: lines are as those of spm_encode --generate_vocabulary, with <unk>.\n"
               "A token that holds a tab or another control character is a JSON string.\n",
    .opts = count_opts,
    .others = tokenize_count_others,
    .run = run_count,
};

const struct cmd cmd_tokenize_truncate = {
    .name = "tokenize truncate",
    .summary = "Cut documents to a number of tokens, as text",
    .usage = "-t TOKENIZER -n N [options] [FILE|DIR...]",
    .examples = "  llmctl tokenize truncate -t tokenizer.json -n 512 <long.txt >short.txt\n"
                "  llmctl tokenize truncate in.jsonl -t bert/ -n 512 --template --out short.jsonl\n"
                "  llmctl tokenize truncate log.txt -t gpt2/ -n 99 --keep ends --between ' ... '\n",
    .details = "Text comes out as it went in: text files as text, JSONL as JSONL with only the\n"
               "text's member changed. A document that is short enough stays byte for byte.\n"
               "A cut falls between two tokens and never inside a character. What is left is\n"
               "encoded once more: it has N tokens at most also where the tokenizer reads the\n"
               "part in another way than the whole. From a pipe JSONL and --documents line are\n"
               "answered as they come.\n"
               "A document is held in memory whole (see --documents).\n",
    .opts = truncate_opts,
    .others = tokenize_truncate_others,
    .run = run_truncate,
};
