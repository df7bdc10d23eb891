/* llmctl tokenize encode, count, truncate, decode. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_tokenize.h"
#include "cmd/tree.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/token/char_index.h"
#include "data/doc_stream.h"
#include "data/encode.h"
#include "data/shard.h"

/* ---- encode and count ---- */

struct encode_cfg {
    struct opt_common common;
    struct docs_opts docs;
    const char *tokenizer, *out, *pair_field, *between;
    int keep;
    bool ids, offsets, jsonl, allow_special, with_template, limits, keep_end, by_file;
    int64_t max_length;
};

static const struct opt encode_cmd_opts[] = {
#define C struct encode_cfg
    OPT_GROUP("Encoding"),
    OPT_STR('t', "tokenizer", C, tokenizer, "FILE", NULL, "tokenizer.json, or a directory that holds it"),
    OPT_STR('o', "out", C, out, "FILE", NULL, "The token shard to write (.tok); a text file with the next three"),
    OPT_BOOL(0, "ids", C, ids, NULL, "Write ids as text, a line a document, to --out or stdout"),
    OPT_BOOL(0, "offsets", C, offsets, NULL, "A line a token: id, bytes and characters of the text, type, token"),
    OPT_BOOL(0, "jsonl", C, jsonl, NULL, "An object a document: ids, type_ids, tokens, offsets, byte_offsets ..."),
    OPT_BOOL(0, "allow-special", C, allow_special, NULL, "Special tokens written in the text become their ids"),
    OPT_GROUP("Not for shards"),
    OPT_BOOL(0, "template", C, with_template, NULL, "Add what the tokenizer puts around a text, or two"),
    OPT_STR(0, "pair-field", C, pair_field, "NAME", NULL, "JSONL: the member that holds a second text"),
    OPT_BOOL(0, "limits", C, limits, NULL, "Cut and pad as the tokenizer's file says"),
    OPT_INT(0, "max-length", C, max_length, "N", "0", 0, 1e9, "Cut to N ids, template included; 0 = do not"),
    OPT_BOOL(0, "keep-end", C, keep_end, NULL, "With --max-length: cut at the beginning"),
    OPT_DOCS(C, docs),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

static const struct opt count_opts[] = {
#define C struct encode_cfg
    OPT_GROUP("Counting"),
    OPT_STR('t', "tokenizer", C, tokenizer, "FILE", NULL, "tokenizer.json, or a directory that holds it"),
    OPT_BOOL(0, "allow-special", C, allow_special, NULL, "Special tokens written in the text count as one"),
    OPT_BOOL(0, "template", C, with_template, NULL, "Count what the tokenizer puts around each text, too"),
    OPT_BOOL(0, "by-file", C, by_file, NULL, "A line a file: tokens, bytes, documents, name; then their sums"),
    OPT_DOCS(C, docs),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

static const struct opt truncate_opts[] = {
#define C struct encode_cfg
    OPT_GROUP("Cutting"),
    OPT_STR('t', "tokenizer", C, tokenizer, "FILE", NULL, "tokenizer.json, or a directory that holds it"),
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
    if (s->bad)
        log_warn("%llu bad documents were left out; the first: %s", (unsigned long long)s->bad,
                 s->first_bad.msg);
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
        log_info("%llu tokens from %llu document%s, %s (%.3f bytes a token), %.0f MB/s", (unsigned long long)s->tokens,
                 (unsigned long long)s->documents, s->documents == 1 ? "" : "s", size.data,
                 s->tokens ? (double)s->bytes / (double)s->tokens : 0, (double)s->bytes / 1e6 / (seconds + 1e-9));
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
        buf_add_json(b, name, strlen(name));
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
    if (all->bad)
        log_warn("%llu bad documents were left out; the first: %s", (unsigned long long)all->bad, all->first_bad.msg);
    if (ret == 0) ret = buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

static int encode_files(const struct encode_cfg *cfg, enum encode_to to, const struct opt_result *r,
                        struct err *e)
{
    struct docs_input in = {.pool = NULL};
    struct encode_stats stats;
    struct tokenizer *t = tokenizer_option(cfg->tokenizer, e);
    if (t && to != ENCODE_SHORT && cfg->max_length) tok_limit(t, (size_t)cfg->max_length, cfg->keep_end, cfg->limits);
    int ret = t ? 0 : -1;
    if (ret == 0 && to != ENCODE_SHORT && cfg->max_length && cfg->with_template) ret = check_length(cfg, t, e);
    if (ret == 0) ret = docs_open(&in, &cfg->docs, r, cfg->out, cfg->common.threads, e);
    if (ret == 0) {
        struct encode_opts o = {
            .t = t,
            .to = to,
            .out = cfg->out ? cfg->out : "-",
            .flags = (cfg->allow_special ? TOK_SPECIAL : 0u) | (cfg->with_template ? TOK_TEMPLATE : 0u) |
                     (to != ENCODE_SHORT && (cfg->limits || cfg->max_length) ? TOK_LIMITS : 0u),
            .pair_field = cfg->pair_field,
            .shorten = {.max = (size_t)cfg->max_length, .keep = (enum tok_keep)cfg->keep, .between = cfg->between,
                        .n_between = cfg->between ? strlen(cfg->between) : 0},
            .strict = cfg->docs.strict,
            .docs = docs_config(&cfg->docs),
            .files = &in.files,
            .pool = in.pool,
        };
        o.docs.extra[0] = cfg->pair_field;
        o.docs.any_bytes = true; /* the tokenizer knows what to do with them */
        if (cfg->docs.strict) o.flags |= TOK_STRICT;
        double start = time_now_s();
        ret = cfg->by_file ? count_by_file(cfg, &o, &stats, e) : encode_run(&o, &stats, e);
        if (ret == 0 && !cfg->by_file) ret = report_encoding(cfg, to, &stats, time_now_s() - start, e);
    }
    docs_close(&in);
    tok_free(t);
    return ret;
}

static int check_encode(const struct cmd *self, const struct encode_cfg *cfg, const struct opt_result *r,
                        struct err *e)
{
    static const char *const text_only[] = {"template", "pair-field", "limits", "max-length", "keep-end"};
    int kinds = cfg->ids + cfg->offsets + cfg->jsonl;
    if (kinds > 1) return err_set(e, ERR_USAGE, "--ids, --offsets and --jsonl exclude each other");
    if (!kinds && !cfg->out) return err_set(e, ERR_USAGE, "--out FILE.tok, --ids, --offsets or --jsonl is required");
    for (size_t i = 0; !kinds && i < COUNT_OF(text_only); i++)
        if (opt_is_set(self, r, text_only[i]))
            return err_set(e, ERR_USAGE, "--%s goes with --ids, --offsets or --jsonl; a shard always marks its documents",
                           text_only[i]);
    if (cfg->keep_end && !cfg->max_length) return err_set(e, ERR_USAGE, "--keep-end needs --max-length");
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
        ret = encode_files(&cfg, cfg.ids ? ENCODE_TEXT : cfg.offsets ? ENCODE_TABLE : cfg.jsonl ? ENCODE_JSON : ENCODE_SHARD,
                           &r, e);
    opt_free(&r);
    return ret;
}

static int run_count(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct encode_cfg cfg = {0};
    struct opt_result r;
    int ret = opt_parse(self, &cfg, argc, argv, &r, e);
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
                "  llmctl tokenize encode pairs.jsonl -t bert/ --jsonl --template --pair-field b\n",
    .details = "A shard holds the ids in 16 bits when they all fit and in 32 otherwise, the\n"
               "borders of the documents, and the tokenizer.\n"
               "Its bytes do not depend on the number of threads.\n"
               "Special tokens in the text stay text unless allowed.\n"
               "Bytes of text files that are not UTF-8 are kept by byte-level tokenizers and\n"
               "U+FFFD, one for each maximal part, to others; --strict fails and says where.\n"
               "A byte order mark at the beginning of a file is no part of its text.\n"
               "Offsets are in the original text, in bytes and in characters; what --jsonl\n"
               "writes has the names and values of Hugging Face's tokenizers.\n",
    .opts = encode_cmd_opts,
    .run = run_encode,
};

const struct cmd cmd_tokenize_count = {
    .name = "tokenize count",
    .summary = "How many tokens a text has",
    .usage = "-t TOKENIZER [options] [FILE|DIR...]",
    .examples = "  llmctl tokenize count -t tokenizer.json README.md\n"
                "  llmctl tokenize count -t tokenizer.json --json corpus/\n"
                "  llmctl tokenize count -t tokenizer.json --by-file docs/ | sort -n\n",
    .details = "Texts are read in blocks and no ids are kept: memory does not grow with a text\n"
               "file of any size, as long as the tokenizer lets nothing reach over line ends\n"
               "(byte-level splits, BERT's, SentencePiece's byte pairs with byte fallback).\n"
               "Others (unigram, any regular expression) need one document in memory.\n",
    .opts = count_opts,
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
               "part in another way than the whole.\n"
               "A document is held in memory whole (see --documents).\n",
    .opts = truncate_opts,
    .run = run_truncate,
};

/* ---- decode ---- */

struct decode_cfg {
    struct opt_common common;
    const char *tokenizer, *out;
    bool skip_special, lossy;
};

static const struct opt decode_opts[] = {
#define C struct decode_cfg
    OPT_GROUP("Decoding"),
    OPT_STR('t', "tokenizer", C, tokenizer, "FILE", NULL, "tokenizer.json; a shard brings its own"),
    OPT_STR('o', "out", C, out, "FILE", "-", "Where the text goes"),
    OPT_BOOL(0, "skip-special", C, skip_special, NULL, "Leave special tokens out"),
    OPT_BOOL(0, "lossy", C, lossy, NULL, "Bytes that are not UTF-8 become U+FFFD"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

struct decoder {
    const struct decode_cfg *cfg;
    const struct tokenizer *t;
    struct file_writer *file;
    struct tok_stream stream;
    struct buf text;
    bool parts;     /* ids need not be decoded together: PART of them at a time */
    int32_t *ids;
    size_t cap, waiting; /* read, not decoded */
    uint64_t position;   /* of the first of them in the input */
    uint64_t n_ids, n_bytes;
};
enum { PART = 4096 };

static int flush(struct decoder *d, size_t at_least, struct err *e)
{
    if (d->text.len < at_least || d->text.len == 0) return 0;
    int ret = file_write(d->file, d->text.data, d->text.len, e);
    d->n_bytes += d->text.len;
    buf_clear(&d->text);
    return ret;
}

/* Broken UTF-8 as U+FFFD, one for each maximal part. */
static void add_lossy(struct buf *out, const char *s, size_t n)
{
    while (n) {
        size_t good = utf8_valid_prefix(s, n), bad = good < n ? utf8_broken_part((const uint8_t *)s + good, n - good) : 0;
        buf_add(out, s, good);
        if (bad) buf_adds(out, "\xEF\xBF\xBD");
        s += good + bad;
        n -= good + bad;
    }
}

static int decode_ids(struct decoder *d, const int32_t *ids, size_t n, uint64_t position,
                      struct err *e)
{
    struct buf whole = {0};
    bool stream = d->cfg->lossy && d->parts;
    if (sig_check(e)) return -1;
    d->n_ids += n;
    for (size_t i = 0; stream && i < n; i++)
        if (tok_stream_add(&d->stream, ids[i], &d->text, e))
            return err_wrap(e, "position %llu", (unsigned long long)(position + i));
    if (!stream && tok_decode(d->t, ids, n, d->cfg->skip_special, d->cfg->lossy ? &whole : &d->text, e)) {
        buf_free(&whole);
        return err_wrap(e, "ids from position %llu on", (unsigned long long)position);
    }
    add_lossy(&d->text, whole.data, whole.len);
    buf_free(&whole);
    return flush(d, 1 << 16, e);
}

/* The ids in d->ids. */
static int decode_waiting(struct decoder *d, struct err *e)
{
    size_t n = d->waiting;
    d->waiting = 0;
    d->position += n;
    return decode_ids(d, d->ids, n, d->position - n, e);
}

static int room_for(struct decoder *d, size_t n, struct err *e)
{
    return mem_room(&d->ids, &d->cap, n, sizeof *d->ids) ? 0 : err_oom(e, n * sizeof *d->ids, "ids");
}

/* A document at a time, or in parts where the decoder allows. */
static int decode_shard(struct decoder *d, struct shard *s, struct err *e)
{
    const uint64_t *docs = shard_docs(s);
    uint64_t n_tokens = shard_get_info(s)->n_tokens, end, doc = 0;
    for (uint64_t pos = 0; pos < n_tokens; pos = end) {
        while (!d->parts && doc < shard_get_info(s)->n_docs && docs[doc] <= pos) doc++;
        end = d->parts ? pos + PART : docs[doc] > pos ? docs[doc] : n_tokens;
        if (end > n_tokens) end = n_tokens;
        size_t n = (size_t)(end - pos);
        if (room_for(d, n, e) || shard_read(s, pos, n, d->ids, e) || decode_ids(d, d->ids, n, pos, e)) return -1;
    }
    return 0;
}

/* Bytes of what stands at p, as far as an error shows them. */
static int shown(const char *p, const char *end)
{
    int n = 0;
    while (n < 12 && p + n < end && !strchr(" \t\r\n", p[n])) n++;
    return n;
}

static bool separates(char c)
{
    return c && strchr(" \t\r\n,[]", c);
}

/* Ids as text in p[0..n), which stands at `offset` of the input. */
static int decode_piece(struct decoder *d, const char *name, const char *p, size_t n, uint64_t offset, struct err *e)
{
    const char *begin = p, *end = p + n;
    while (p < end) {
        if (separates(*p)) {
            p++;
            continue;
        }
        long v = 0;
        const char *digits = p;
        while (p < end && *p >= '0' && *p <= '9' && v < (1L << 31)) v = v * 10 + (*p++ - '0');
        if (p == digits || v > INT32_MAX)
            return err_set(e, ERR_DATA, "'%s': '%.*s' at offset %llu is not a token id", name, shown(digits, end), digits,
                           (unsigned long long)(offset + (uint64_t)(digits - begin)));
        if (room_for(d, d->waiting + 1, e)) return -1;
        d->ids[d->waiting++] = (int32_t)v;
        if (d->waiting == PART && d->parts && decode_waiting(d, e)) return -1;
    }
    return 0;
}

/* Ids as text, separated by white space or commas; a number that is not whole waits for
 * the rest of it. */
static int decode_text(struct decoder *d, const char *path, struct err *e)
{
    enum { READ = 1 << 16, LONGEST = 1 << 12 };
    const char *name = strcmp(path, "-") == 0 ? "stdin" : path;
    if (file_is_dir(path)) return err_set(e, ERR_NOINPUT, "reading '%s': it is a directory", path);
    struct doc_stream *in = doc_stream_open(path, name, e);
    struct buf b = {0};
    uint64_t offset = 0;
    ptrdiff_t got = 1;
    int ret = in ? 0 : -1;
    while (!ret && got) {
        got = buf_reserve(&b, READ) ? doc_stream_read(in, b.data + b.len, READ, e) : buf_ok(&b, e);
        if (got < 0) ret = -1;
        if (ret) break;
        b.len += (size_t)got;
        size_t n = b.len;
        while (got && n && n + LONGEST > b.len && !separates(b.data[n - 1])) n--;
        ret = decode_piece(d, name, b.data, n, offset, e);
        memmove(b.data, b.data + n, b.len - n);
        b.len -= n;
        offset += n;
    }
    if (!ret && doc_stream_damage(in)) ret = err_set(e, ERR_DATA, "'%s': %s", name, doc_stream_damage(in));
    if (!ret) ret = decode_waiting(d, e);
    doc_stream_close(in);
    buf_free(&b);
    return ret;
}

/* The tokenizer given, or the one inside the shard. */
static struct tokenizer *shard_own(const struct shard *s, struct err *e)
{
    struct buf json = {0};
    struct tokenizer *t = NULL;
    if (shard_tokenizer(s, &json, e) == 0) t = tok_parse(json.data, json.len, "the shard's tokenizer", e);
    buf_free(&json);
    return t;
}

static bool is_shard(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".tok") == 0;
}

static int decode_one(struct decoder *d, const char *path, struct err *e)
{
    struct shard *s = NULL;
    struct tokenizer *own = NULL;
    int ret = -1;
    if (is_shard(path)) {
        if (!(s = shard_open(path, e))) return -1;
        own = d->cfg->tokenizer ? tok_load(d->cfg->tokenizer, e) : shard_own(s, e);
    } else {
        own = tokenizer_option(d->cfg->tokenizer, e);
    }
    if (!own) goto out;
    d->t = own;
    d->parts = tok_decodes_parts(own);
    tok_stream_init(&d->stream, own, d->cfg->skip_special);
    d->waiting = 0;
    d->position = 0;
    ret = s ? decode_shard(d, s, e) : decode_text(d, path, e);
    if (ret == 0 && d->cfg->lossy) tok_stream_end(&d->stream, &d->text);
    if (ret == 0) ret = flush(d, 1, e);
out:
    shard_close(s);
    tok_free(own);
    return ret;
}

static int run_decode(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct decode_cfg cfg = {0};
    struct opt_result r;
    struct decoder d = {.cfg = &cfg};
    int ret = opt_parse(self, &cfg, argc, argv, &r, e);
    if (ret || r.exit_now) goto out;
    if (cfg.common.json && strcmp(cfg.out, "-") == 0)
        ret = err_set(e, ERR_USAGE, "--json and text on stdout exclude each other; give --out");
    for (int i = 0; i < r.n_args && !ret; i++)
        if (file_same(cfg.out, r.args[i])) ret = err_set(e, ERR_USAGE, "'%s' is the input; write to another file", cfg.out);
    if (ret) goto out;
    d.file = file_create(cfg.out, 0, e);
    ret = d.file ? 0 : -1;
    if (ret == 0 && r.n_args == 0) ret = decode_one(&d, "-", e);
    for (int i = 0; ret == 0 && i < r.n_args; i++) ret = decode_one(&d, r.args[i], e);
    if (ret == 0) ret = file_commit(d.file, e);
    else file_abort(d.file);
    if (ret == 0 && cfg.common.json) {
        buf_clear(&d.text);
        buf_printf(&d.text, "{\"tokens\":%llu,\"bytes\":%llu}\n", (unsigned long long)d.n_ids, (unsigned long long)d.n_bytes);
        ret = buf_ok(&d.text, e) || out_write(d.text.data, d.text.len, e) ? -1 : 0;
    }
out:
    free(d.ids);
    buf_free(&d.text);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_tokenize_decode = {
    .name = "tokenize decode",
    .summary = "Token ids back to text",
    .usage = "[options] [FILE.tok | FILE...]",
    .examples = "  llmctl tokenize decode train.tok --skip-special | head\n"
                "  echo 15496 995 | llmctl tokenize decode -t tokenizer.json\n",
    .details = "Files that end in .tok are shards; others, and stdin, hold ids as text, packed\n"
               "or not. Memory does not grow with the input, as long as the tokenizer's\n"
               "decoder does not look at where a text begins.\n",
    .opts = decode_opts,
    .run = run_decode,
};
