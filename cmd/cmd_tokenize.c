/* llmctl tokenize: train. */
#include "cmd/cmd_tokenize.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/token/train.h"
#include "data/doc_run.h"

static const struct cmd *const subs[] = {
    &cmd_tokenize_train, &cmd_tokenize_encode, &cmd_tokenize_decode, &cmd_tokenize_count,
    &cmd_tokenize_inspect, NULL,
};

const struct cmd cmd_tokenize = {
    .name = "tokenize",
    .summary = "Learn a tokenizer; text to token ids and back",
    .usage = "train|encode|decode|count|inspect ...",
    .examples = "  llmctl tokenize train corpus.jsonl --vocab-size 4096 --out tokenizer.json\n"
                "  llmctl tokenize encode corpus.jsonl -t tokenizer.json --out train.tok\n"
                "  echo 'Hello world' | llmctl tokenize encode -t tokenizer.json --ids\n"
                "  llmctl tokenize inspect tokenizer.json --explain 'Hello world'\n",
    .subs = subs,
};

/* ---- shared with the other subcommands ---- */

struct doc_cfg docs_config(const struct docs_opts *o)
{
    static const enum doc_format formats[] = {DOC_AUTO, DOC_JSONL, DOC_TEXT};
    static const enum doc_split splits[] = {DOC_SPLIT_FILE, DOC_SPLIT_PARAGRAPH, DOC_SPLIT_LINE};
    return (struct doc_cfg){.text_field = o->text_field,
                            .format = formats[o->format],
                            .split = splits[o->documents],
                            .max_line = (size_t)o->max_line};
}

int docs_open(struct docs_input *in, const struct docs_opts *o, const struct opt_result *r,
              int64_t threads, struct err *e)
{
    *in = (struct docs_input){.pool = NULL};
    if (doc_files_find(&in->files, r->args, (size_t)r->n_args, docs_config(o).format, e)) return -1;
    in->pool = pool_new((int)threads, e);
    return in->pool ? 0 : -1;
}

void docs_close(struct docs_input *in)
{
    doc_files_free(&in->files);
    pool_free(in->pool);
}

struct tokenizer *tokenizer_option(const char *path, struct err *e)
{
    if (path) return tok_load(path, e);
    err_set(e, ERR_USAGE, "--tokenizer is required: a tokenizer.json, or a directory with one");
    return NULL;
}

/* ---- train ---- */

struct train_cfg {
    struct opt_common common;
    struct docs_opts docs;
    const char *out;
    int type, split, ties;
    int64_t vocab_size, min_count;
    struct opt_list special;
    bool no_special;
};

static const struct opt train_opts[] = {
#define C struct train_cfg
    OPT_GROUP("Vocabulary"),
    OPT_STR('o', "out", C, out, "FILE", "tokenizer.json", "Where the tokenizer goes; - is stdout"),
    OPT_ENUM(0, "type", C, type, "bpe|char", "bpe", "Byte pairs, or every character"),
    OPT_INT(0, "vocab-size", C, vocab_size, "N", "32768", 257, 2e6, "Tokens to learn, bytes and special ones included (bpe)"),
    OPT_ENUM(0, "split", C, split, "gpt2|llama3|qwen2|none", "llama3", "Where merges must stop: the words of which model (bpe)"),
    OPT_INT(0, "min-count", C, min_count, "N", "1", 1, 1e15, "Pairs seen less often are not merged (bpe)"),
    OPT_LIST(0, "special", C, special, "TEXT", "A special token; repeat for more (bpe has <|endoftext|> if none is given)"),
    OPT_BOOL(0, "no-special-tokens", C, no_special, NULL, "No special token at all"),
    OPT_ENUM(0, "ties", C, ties, "hf|bytes", "hf", "Which of equally frequent pairs comes first: as HF tokenizers, or by byte value as rustbpe"),
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
    uint64_t *bad;         /* [threads] */
};

static int train_block(void *arg, struct doc_slot *slot, int thread, struct err *e)
{
    struct train_job *j = arg;
    struct doc d;
    enum doc_next next;
    doc_iter_start(&j->iter[thread], &j->docs, &slot->block);
    while ((next = doc_iter_next(&j->iter[thread], &d)) != DOC_END) {
        if (next == DOC_GOOD) {
            if (tok_trainer_add(j->trainer, thread, d.text, d.text_len, e)) return -1;
        } else {
            if (j->strict)
                return err_set(e, ERR_DATA, "%s:%llu: %s", d.file->name,
                               (unsigned long long)d.line_no, j->iter[thread].reason);
            j->bad[thread]++;
        }
    }
    return 0;
}

/* Counts all documents; the trainer lives on in any case. */
static int count_documents(struct docs_input *in, struct train_job *j, struct err *e)
{
    int n = pool_threads(in->pool);
    struct doc_run_end end = {0};
    struct doc_stage stage = {.files = &in->files, .cfg = &j->docs, .pool = in->pool, .arg = j,
                              .what = "count words", .work = train_block};
    j->iter = mem_zalloc((size_t)n, sizeof *j->iter);
    j->bad = mem_zalloc((size_t)n, sizeof *j->bad);
    int ret = j->iter && j->bad ? 0 : err_oom(e, (size_t)n * sizeof *j->iter, "readers");
    if (ret == 0) ret = doc_run(&stage, &end, e);
    for (int i = 0; j->iter && i < n; i++) doc_iter_free(&j->iter[i]);
    for (int i = 1; j->bad && i < n; i++) j->bad[0] += j->bad[i];
    if (ret == 0 && j->bad[0])
        log_warn("%llu bad documents were left out", (unsigned long long)j->bad[0]);
    free(j->iter);
    free(j->bad);
    if (ret == 0 && end.n_damaged) {
        if (j->strict) return err_set(e, ERR_DATA, "%s", end.damaged);
        log_warn("%s", end.damaged);
    }
    return ret;
}

static int report_training(const struct train_cfg *cfg, const struct tok_train_stats *s,
                           double seconds, struct err *e)
{
    if (s->vocab_size < cfg->vocab_size && cfg->type == TOK_TRAIN_BPE)
        log_warn("the text has pairs for %d tokens only, %lld were wanted", s->vocab_size,
                 (long long)cfg->vocab_size);
    if (!cfg->common.json) {
        log_info("%d tokens from %llu documents, %.1f MB, %llu distinct words in %.2f s -> %s",
                 s->vocab_size, (unsigned long long)s->documents, (double)s->bytes / 1e6,
                 (unsigned long long)s->distinct_words, seconds, cfg->out);
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

static int write_tokenizer(const struct tokenizer *t, const char *path, struct err *e)
{
    struct buf json = {0};
    int ret = tok_to_json(t, &json, e) ? -1 : file_write_all(path, json.data, json.len, e);
    buf_free(&json);
    return ret;
}

static int train_files(const struct train_cfg *cfg, const struct opt_result *r, struct err *e)
{
    static const char *const end_of_text[] = {"<|endoftext|>"};
    static const enum split_kind splits[] = {SPLIT_GPT2, SPLIT_LLAMA3, SPLIT_QWEN2, SPLIT_NONE};
    struct tok_train_opts o = {
        .type = cfg->type ? TOK_TRAIN_CHAR : TOK_TRAIN_BPE,
        .vocab_size = (int)cfg->vocab_size,
        .min_count = (uint64_t)cfg->min_count,
        .split = splits[cfg->split],
        .ties = cfg->ties ? TOK_TIES_BYTES : TOK_TIES_HF,
        .special = cfg->special.v,
        .n_special = cfg->special.n,
    };
    if (cfg->no_special && o.n_special)
        return err_set(e, ERR_USAGE, "--special and --no-special-tokens exclude each other");
    if (!o.n_special && !cfg->no_special && o.type == TOK_TRAIN_BPE) {
        o.special = end_of_text;
        o.n_special = 1;
    }
    if (cfg->common.json && strcmp(cfg->out, "-") == 0)
        return err_set(e, ERR_USAGE, "--json and --out - both want stdout");
    struct docs_input in;
    struct tok_train_stats stats;
    struct tokenizer *t = NULL;
    double start = time_now_s();
    int ret = docs_open(&in, &cfg->docs, r, cfg->common.threads, e);
    if (ret == 0) {
        struct train_job j = {.docs = docs_config(&cfg->docs), .strict = cfg->docs.strict};
        j.trainer = tok_trainer_new(&o, pool_threads(in.pool), e);
        ret = j.trainer ? count_documents(&in, &j, e) : -1;
        if (ret) tok_trainer_free(j.trainer);
        else ret = (t = tok_trainer_finish(j.trainer, &stats, e)) ? 0 : -1;
    }
    if (ret == 0) ret = write_tokenizer(t, cfg->out, e);
    if (ret == 0) ret = report_training(cfg, &stats, time_now_s() - start, e);
    tok_free(t);
    docs_close(&in);
    return ret;
}

static int run_train(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct train_cfg cfg = {0};
    struct opt_result r;
    int ret = opt_parse(self, &cfg, argc, argv, &r, e);
    if (ret == 0 && !r.exit_now) ret = train_files(&cfg, &r, e);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_tokenize_train = {
    .name = "tokenize train",
    .summary = "Learn a vocabulary from text",
    .usage = "[options] [FILE|DIR...]",
    .examples = "  llmctl tokenize train corpus.jsonl --vocab-size 4096 --out tokenizer.json\n"
                "  llmctl tokenize train input.txt --type char --out chars.json\n"
                "  zstdcat big.jsonl.zst | llmctl tokenize train --special '<|im_end|>'\n",
    .details = "Reads .jsonl, .txt, .md (also .gz and .zst), directories of them, or stdin.\n"
               "The result is a tokenizer.json that other programs read too, and does not\n"
               "depend on the number of threads.\n"
               "Memory grows with the distinct words.\n",
    .opts = train_opts,
    .run = run_train,
};
