/* llmctl tokenize: the subcommands, and what they share. */
#include "cmd/cmd_tokenize.h"

#include "cmd/cmd.h"

static const struct cmd *const subs[] = {
    &cmd_tokenize_train, &cmd_tokenize_chat, &cmd_tokenize_encode, &cmd_tokenize_decode, &cmd_tokenize_count,
    &cmd_tokenize_inspect, &cmd_tokenize_convert, NULL,
};

const struct cmd cmd_tokenize = {
    .name = "tokenize",
    .summary = "Learn a tokenizer; text to token ids and back",
    .usage = "train|chat|encode|decode|count|inspect|convert ...",
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
