/* llmctl tokenize decode. */
#include <string.h>

#include "cmd/cmd_tokenize.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/sig.h"
#include "core/token/char_index.h"
#include "core/token/tok_feed.h"
#include "data/id_input.h"

struct decode_cfg {
    struct opt_common common;
    const char *tokenizer, *out;
    bool skip_special, lossy, lines, jsonl;
};

static const struct opt decode_opts[] = {
#define C struct decode_cfg
    OPT_GROUP("Decoding"),
    OPT_STR('t', "tokenizer", C, tokenizer, "FILE", NULL, "As for encode; a shard brings its own"),
    OPT_STR('o', "out", C, out, "FILE", "-", "Where the text goes"),
    OPT_BOOL(0, "skip-special", C, skip_special, NULL, "Leave special tokens out"),
    OPT_BOOL(0, "lossy", C, lossy, NULL, "Bytes that are not UTF-8 become U+FFFD"),
    OPT_BOOL(0, "lines", C, lines, NULL, "A line a text: of a line of ids, or a document of a shard"),
    OPT_BOOL(0, "jsonl", C, jsonl, NULL, "The same as an object: {\"text\": ...}; line ends stay inside"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

struct decoder {
    const struct decode_cfg *cfg;
    struct file_writer *file;
    struct tok_feed feed;
    struct buf bytes, text; /* decoded; ready to be written */
    uint64_t n_ids, n_bytes;
};
enum { ENOUGH = 1 << 16 };

/* Bytes into text, but for the beginning of a character that later ones may complete. */
static void settle(struct decoder *d, bool end)
{
    const char *s = d->bytes.data;
    if (!d->bytes.len) return;
    size_t n = d->bytes.len - (end ? 0 : utf8_unfinished((const uint8_t *)s, d->bytes.len));
    if (d->cfg->lossy) utf8_add_lossy(&d->text, s, n);
    else buf_add(&d->text, s, n);
    memmove(d->bytes.data, s + n, d->bytes.len - n);
    d->bytes.len -= n;
}

/* A text has ended.  What JSON cannot hold is lost in it. */
static void end_text(struct decoder *d)
{
    struct buf whole = {0};
    if (d->cfg->jsonl) {
        utf8_add_lossy(&whole, buf_text(&d->bytes), d->bytes.len);
        buf_adds(&d->text, "{\"text\":");
        buf_add_json(&d->text, buf_text(&whole), whole.len);
        buf_adds(&d->text, "}\n");
        buf_clear(&d->bytes);
        if (whole.oom) d->text.oom = true;
        buf_free(&whole);
    } else {
        settle(d, true);
        if (d->cfg->lines) buf_addc(&d->text, '\n');
    }
}

static int flush(struct decoder *d, size_t at_least, struct err *e)
{
    if (buf_ok(&d->text, e) || buf_ok(&d->bytes, e)) return -1;
    if (d->text.len < at_least || d->text.len == 0) return 0;
    int ret = file_write(d->file, d->text.data, d->text.len, e);
    d->n_bytes += d->text.len;
    buf_clear(&d->text);
    return ret;
}

/* An id that is none is told with its place. */
static int add_ids(struct decoder *d, const struct id_part *part, const char *name, struct err *e)
{
    d->n_ids += part->n;
    d->feed.at = part->at;
    if (tok_feed_add(&d->feed, part->id, part->n, &d->bytes, e) == 0) return 0;
    if (e->code != ERR_DATA) return -1;
    return part->line ? err_wrap(e, "'%s':%llu", name, (unsigned long long)part->line) : err_wrap(e, "'%s'", name);
}

static int decode_part(struct decoder *d, const struct id_part *part, const char *name, struct err *e)
{
    if (sig_check(e) || add_ids(d, part, name, e)) return -1;
    if (part->end && tok_feed_end(&d->feed, &d->bytes, e)) return -1;
    if (part->end) end_text(d);
    else if (!d->cfg->jsonl) settle(d, false);
    if (flush(d, part->wait ? 1 : ENOUGH, e)) return -1;
    return part->wait ? file_flush(d->file, e) : 0;
}

/* The tokenizer given, or the one inside the shard. */
static struct tokenizer *open_tokenizer(const struct decode_cfg *cfg, const struct shard *s, struct err *e)
{
    struct buf json = {0};
    struct tokenizer *t = NULL;
    if (cfg->tokenizer || !s) return tokenizer_option(cfg->tokenizer, e);
    if (shard_tokenizer(s, &json, e) == 0) t = tok_parse(json.data, json.len, "the shard's tokenizer", e);
    buf_free(&json);
    return t;
}

static int decode_one(struct decoder *d, const char *path, struct err *e)
{
    struct id_input *in = NULL;
    struct tokenizer *t = NULL;
    struct id_part part;
    int ret = -1;
    /* What is missing is told before a pipe is waited for. */
    if (strcmp(path, "-") == 0 && !(t = tokenizer_option(d->cfg->tokenizer, e))) goto out;
    if (!(in = id_input_open(path, d->cfg->lines || d->cfg->jsonl, e))) goto out;
    if (!t && !(t = open_tokenizer(d->cfg, id_input_shard(in), e))) goto out;
    tok_feed_init(&d->feed, t, d->cfg->skip_special);
    while ((ret = id_input_next(in, &part, e)) > 0)
        if ((ret = decode_part(d, &part, id_input_name(in), e))) break;
    if (ret == 0) ret = flush(d, 1, e);
out:
    id_input_close(in);
    tok_feed_free(&d->feed);
    tok_free(t);
    return ret;
}

/* A number is more often an id. */
static int no_file(const char *path, struct err *e)
{
    bool number = *path && path[strspn(path, "0123456789,[]")] == 0;
    if (e->code == ERR_NOINPUT && number) err_hint(e, "ids themselves come from stdin: echo 39 72 | llmctl tokenize decode ...");
    return -1;
}

static int decode_files(struct decoder *d, const struct opt_result *r, struct err *e)
{
    int ret = 0;
    if (!(d->file = file_create(d->cfg->out, 0, e))) return -1;
    if (r->n_args == 0) ret = decode_one(d, "-", e);
    for (int i = 0; ret == 0 && i < r->n_args; i++) ret = decode_one(d, r->args[i], e) ? no_file(r->args[i], e) : 0;
    if (ret == 0) ret = file_commit(d->file, e);
    else file_abort(d->file);
    if (ret == 0 && !d->cfg->common.json && strcmp(d->cfg->out, "-") != 0)
        log_info("%llu tokens -> %s, %llu bytes", (unsigned long long)d->n_ids, d->cfg->out, (unsigned long long)d->n_bytes);
    if (ret || !d->cfg->common.json) return ret;
    buf_clear(&d->text);
    buf_printf(&d->text, "{\"tokens\":%llu,\"bytes\":%llu}\n", (unsigned long long)d->n_ids,
               (unsigned long long)d->n_bytes);
    return buf_ok(&d->text, e) || out_write(d->text.data, d->text.len, e) ? -1 : 0;
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
    else if (cfg.lines && cfg.jsonl) ret = err_set(e, ERR_USAGE, "--lines and --jsonl exclude each other");
    for (int i = 0; i < r.n_args && !ret; i++)
        if (file_same(cfg.out, r.args[i])) ret = err_set(e, ERR_USAGE, "'%s' is the input; write to another file", cfg.out);
    if (ret == 0) ret = decode_files(&d, &r, e);
out:
    buf_free(&d.bytes);
    buf_free(&d.text);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_tokenize_decode = {
    .name = "tokenize decode",
    .summary = "Token ids back to text",
    .usage = "[options] [FILE.tok | FILE...]",
    .examples = "  llmctl tokenize decode train.tok --skip-special | head\n"
                "  llmctl tokenize decode train.tok --jsonl --out documents.jsonl\n"
                "  echo 39 72 | llmctl tokenize decode -t tokenizer.json\n",
    .details = "Files that end in .tok are shards. Others, and stdin, hold ids: as text, with\n"
               "spaces, commas, brackets or line ends between them; as a JSON object a line with\n"
               "a list \"ids\" or \"input_ids\"; or as a .npy of integers, where a row is a text.\n"
               "They may be packed.\n"
               "From a pipe, text goes out as soon as it is certain: whole characters only, and\n"
               "the same bytes however slowly the ids come. Memory does not grow with the input,\n"
               "except for decoders that look at a whole text (CTC, SentencePiece's rules for\n"
               "decoding, some rare combinations); --jsonl holds one text.\n",
    .opts = decode_opts,
    .others = tokenize_decode_others,
    .run = run_decode,
};
