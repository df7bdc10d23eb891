/* llmctl tokenize inspect. */
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_tokenize.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/token/compare.h"
#include "core/token/explain.h"
#include "core/token/tok_steps.h"
#include "core/token/unigram_nbest.h"
#include "data/doc_run.h"

struct inspect_cfg {
    struct opt_common common;
    struct docs_opts docs;
    const char *explain, *token, *diff, *text;
    bool vocab;
    int64_t nbest;
};

static const struct opt inspect_opts[] = {
#define C struct inspect_cfg
    OPT_GROUP("Questions"),
    OPT_STR(0, "explain", C, explain, "TEXT", NULL, "Show how a text is encoded, step by step: normal form, words, merges or scores, ids, with special tokens and template"),
    OPT_INT(0, "nbest", C, nbest, "N", "0", 0, NBEST_MOST, "With --explain, unigram: the N best ways to cut each word instead of the runner-up"),
    OPT_STR(0, "diff", C, diff, "TOKENIZER", NULL, "Compare with another tokenizer on --text: tokens, fertility, words cut otherwise, with examples"),
    OPT_STR(0, "text", C, text, "FILE", NULL,
            "Numbers of this tokenizer on a text, or the documents of JSONL or of a directory: tokens, fertility, what is unknown ...; - is stdin"),
    OPT_STR(0, "token", C, token, "ID|TEXT", NULL, "Show a token: its bytes, score, merges"),
    OPT_BOOL(0, "vocab", C, vocab, NULL, "List all tokens: id, score, token, kind"),
    OPT_DOCS(C, docs),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

static void add_piece(struct buf *b, const struct tokenizer *t, int id)
{
    size_t n;
    const char *p = tok_piece(t, id, &n);
    if (utf8_valid_prefix(p, n) == n) {
        buf_add_json(b, p, n);
        return;
    }
    buf_addc(b, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') buf_printf(b, "\\x%02x", c);
        else buf_addc(b, p[i]);
    }
    buf_addc(b, '"');
}

static void add_end(struct buf *b, const struct tokenizer *t, const char *what, int id)
{
    if (id < 0) return;
    buf_printf(b, "%s: %d ", what, id);
    add_piece(b, t, id);
    buf_addc(b, '\n');
}

static void add_from(struct buf *b, bool json, const char *key, const char *json_key, const char *value)
{
    if (!value) return;
    if (!json) {
        buf_printf(b, "%s: ", key);
        for (const char *c = value; *c; c++) buf_addc(b, (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c); /* a line each */
        buf_addc(b, '\n');
        return;
    }
    buf_printf(b, "\"%s\":", json_key);
    buf_adds_json(b, value);
    buf_addc(b, ',');
}

/* Where all came from. */
static int add_origin(struct buf *b, const char *path, const struct tokenizer *t, bool json, struct err *e)
{
    struct tok_origin from;
    struct buf text = {0};
    char *found;
    int ret = template_option(path, &text, &found, e);
    tok_origin(t, &from);
    if (ret >= 0) {
        add_from(b, json, "file", "file", from.file ? from.file : path);
        add_from(b, json, "class", "class", from.class);
        add_from(b, json, "bos and eos from", "ends_from", from.ends);
        if (ret == 0) add_from(b, json, "chat template", "chat_template", found ? found : path);
    }
    free(found);
    buf_free(&text);
    return ret < 0 ? -1 : 0;
}

typedef void steps_fn(const struct tokenizer *t, struct buf *out);

static void template_of_one(const struct tokenizer *t, struct buf *out)
{
    tok_steps_template(t, false, out);
}

static void template_of_two(const struct tokenizer *t, struct buf *out)
{
    tok_steps_template(t, true, out);
}

/* A line of its own, or a member of the object, unless there is nothing to say. */
static void add_steps(struct buf *b, const struct tokenizer *t, const char *name, steps_fn *say, bool json)
{
    struct buf said = {0};
    say(t, &said);
    if (said.oom) b->oom = true;
    if (said.len && json) {
        buf_printf(b, ",\"%s\":", name);
        buf_add_json(b, said.data, said.len);
    } else if (said.len) {
        buf_printf(b, "%s: %s\n", name, said.data);
    }
    buf_free(&said);
}

static int describe(struct buf *b, const char *path, const struct tokenizer *t, bool json, struct err *e)
{
    struct tok_summary s;
    tok_summary(t, &s);
    if (json) buf_addc(b, '{');
    if (add_origin(b, path, t, json, e)) return -1;
    if (json) {
        tok_summary_json(&s, b);
        buf_printf(b, ",\"vocab_size\":%d,\"tokens\":%d,"
                      "\"merges\":%zu,\"added_tokens\":%zu,\"bos\":%d,\"eos\":%d,\"hash\":\"%016llx\"",
                   tok_vocab_size(t), s.tokens, s.merges, s.added, tok_bos(t),
                   tok_eos(t), (unsigned long long)tok_hash(t));
        add_steps(b, t, "normal_form", tok_steps_normal, true);
        add_steps(b, t, "cut_at", tok_steps_split, true);
        add_steps(b, t, "template", template_of_one, true);
        add_steps(b, t, "template_of_two", template_of_two, true);
        if (tok_note(t)) {
            buf_adds(b, ",\"note\":");
            buf_adds_json(b, tok_note(t));
        }
        buf_adds(b, "}\n");
        return 0;
    }
    buf_printf(b, "type: %s\n", s.type);
    add_steps(b, t, "normal form", tok_steps_normal, false);
    add_steps(b, t, "split", tok_steps_split, false);
    add_steps(b, t, "template", template_of_one, false);
    add_steps(b, t, "template of two texts", template_of_two, false);
    buf_printf(b, "vocabulary: %d tokens, ids 0 to %d\n", s.tokens, tok_vocab_size(t) - 1);
    if (s.merges) buf_printf(b, "merges: %zu\n", s.merges);
    buf_printf(b, "added tokens: %zu\n", s.added);
    add_end(b, t, "bos", tok_bos(t));
    add_end(b, t, "eos", tok_eos(t));
    if (s.longest >= 0) {
        buf_printf(b, "longest token: %d, %zu bytes ", s.longest, s.longest_bytes);
        add_piece(b, t, s.longest);
        buf_addc(b, '\n');
    }
    buf_printf(b, "hash: %016llx\n", (unsigned long long)tok_hash(t));
    if (tok_note(t)) buf_printf(b, "note: %s\n", tok_note(t));
    return 0;
}

/* The documents of a text, one after the other. */
struct texts {
    const struct inspect_cfg *cfg;
    struct buf s, end; /* size_t each: where it ends */
    uint64_t bad;
    struct err first_bad;
};

static int add_document(void *arg, const struct doc *d, const char *bad, struct err *e)
{
    enum { MOST = 1 << 30 };
    struct texts *x = arg;
    struct err why;
    if (bad) {
        err_set(&why, ERR_DATA, "%s:%llu: %s", d->file->name, (unsigned long long)d->line_no, bad);
        if (x->cfg->docs.strict) return *e = why, -1;
        if (x->bad++ == 0) x->first_bad = why;
        return 0;
    }
    if (x->s.len + d->text_len > MOST) return err_set(e, ERR_DATA, "'%s' has more than 1 GiB of text: give a part of it", x->cfg->text);
    buf_add(&x->s, d->text, d->text_len);
    buf_add(&x->end, &x->s.len, sizeof x->s.len);
    return buf_ok(&x->s, e) || buf_ok(&x->end, e) ? -1 : 0;
}

static int read_files(struct texts *x, const struct doc_files *files, struct err *e)
{
    struct doc_cfg docs = docs_config(&x->cfg->docs);
    struct doc_run_end end;
    docs.any_bytes = !x->cfg->docs.strict;
    if (doc_each(files, &docs, add_document, x, &end, e)) return -1;
    if (end.n_damaged && x->cfg->docs.strict) return err_set(e, ERR_DATA, "%s", end.damaged);
    if (end.n_damaged) log_warn("%s", end.damaged);
    return 0;
}

static int read_texts(struct texts *x, struct err *e)
{
    const struct inspect_cfg *cfg = x->cfg;
    struct doc_files files = {0};
    char *path = mem_strdup(cfg->text);
    int ret = path ? 0 : err_oom(e, strlen(cfg->text) + 1, "a name");
    if (ret == 0) ret = doc_files_find(&files, &path, 1, docs_config(&cfg->docs).format, e);
    if (ret == 0) ret = read_files(x, &files, e);
    if (ret == 0) warn_left_out(x->bad, x->first_bad.msg);
    doc_files_free(&files);
    free(path);
    return ret;
}

static int on_text(const struct inspect_cfg *cfg, const char *path, const struct tokenizer *t, struct buf *b, struct err *e)
{
    const char *const names[2] = {path, cfg->diff};
    struct texts x = {.cfg = cfg};
    struct tokenizer *other = NULL;
    int ret = cfg->diff && !(other = tokenizer_open(cfg->diff, e)) ? -1 : read_texts(&x, e);
    struct compare_texts texts = {buf_text(&x.s), (const size_t *)(const void *)x.end.data, x.end.len / sizeof(size_t)};
    if (ret == 0) ret = tok_compare(t, other, names, &texts, cfg->common.json, b, e);
    tok_free(other);
    buf_free(&x.s);
    buf_free(&x.end);
    return ret;
}

static int inspect(const struct inspect_cfg *cfg, const char *path, struct err *e)
{
    struct buf b = {0};
    struct tokenizer *t = tokenizer_open(path, e);
    bool json = cfg->common.json;
    int ret = t ? 0 : -1;
    if (ret == 0 && cfg->token) ret = tok_explain_token(t, cfg->token, json, &b, e);
    else if (ret == 0 && cfg->vocab) ret = tok_explain_vocab(t, json, &b, e);
    else if (ret == 0 && cfg->explain) ret = tok_allow_special(t, e) || tok_explain(t, cfg->explain, strlen(cfg->explain), (size_t)cfg->nbest, json, &b, e) ? -1 : 0;
    else if (ret == 0 && cfg->text) ret = on_text(cfg, path, t, &b, e);
    else if (ret == 0) ret = describe(&b, path, t, json, e);
    if (ret == 0) ret = buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    tok_free(t);
    return ret;
}

static int run_inspect(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct inspect_cfg cfg = {0};
    struct opt_result r;
    int ret = opt_parse(self, &cfg, argc, argv, &r, e);
    if (ret || r.exit_now) goto out;
    if (r.n_args != 1) ret = err_set(e, ERR_USAGE, "%d tokenizers given, one is wanted: a file, or a directory with one", r.n_args);
    else if (cfg.diff && !cfg.text) ret = err_set(e, ERR_USAGE, "--diff needs --text FILE");
    else if (cfg.nbest && !cfg.explain) ret = err_set(e, ERR_USAGE, "--nbest goes with --explain TEXT");
    else if ((cfg.token != NULL) + (cfg.explain != NULL) + (cfg.text != NULL) + cfg.vocab > 1)
        ret = err_set(e, ERR_USAGE, "--explain, --token, --text and --vocab exclude each other");
    else ret = inspect(&cfg, r.args[0], e);
out:
    opt_free(&r);
    return ret;
}

const struct cmd cmd_tokenize_inspect = {
    .name = "tokenize inspect",
    .summary = "What a tokenizer is, and how it treats a text",
    .usage = "[options] TOKENIZER",
    .examples = "  llmctl tokenize inspect tokenizer.json\n"
                "  llmctl tokenize inspect tokenizer.json --explain 'lower newest'\n"
                "  llmctl tokenize inspect s.model --explain 'lower newest' --nbest 5\n"
                "  llmctl tokenize inspect bert/ --diff gpt2/ --text input.txt\n"
                "  llmctl tokenize inspect tokenizer.json --token '<|endoftext|>'\n"
                "  llmctl tokenize inspect tokenizer.json --vocab | sort -k2\n",
    .details = "--explain: how this kind of tokenizer works, in a line; the text in its normal\n"
               "form; each word with its merges in their order (byte pairs), its pieces\n"
               "(WordPiece) or the scores and the second best way (unigram), and why it is\n"
               "unknown if it is; then the ids with their places in the text, in bytes and\n"
               "characters.\n"
               "--nbest: the ways of unigram and their order are those of SentencePiece's\n"
               "NBestEncode; for a .model a word is the whole text.\n"
               "--text, --diff: fertility is tokens per word. A word is not given back when its\n"
               "tokens decode to another text, as where capitals are lost. --diff also lists the\n"
               "words that the two cut at different places, the most frequent first. Of what is\n"
               "unknown the most frequent parts of words are shown. SentencePiece's kinds learn\n"
               "from lines and seldom know line ends: --documents line.\n"
               "Without a question: kind, normal form, split, template, special tokens.\n",
    .opts = inspect_opts,
    .others = tokenize_inspect_others,
    .run = run_inspect,
};
