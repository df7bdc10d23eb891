/* llmctl tokenize: the subcommands, and what they share. */
#include "cmd/cmd_tokenize.h"

#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/ckpt/llmz.h"
#include "core/model/saved.h"
#include "core/token/chat.h"
#include "core/token/chat_file.h"

static const struct cmd *const subs[] = {
    &cmd_tokenize_train, &cmd_tokenize_chat, &cmd_tokenize_encode, &cmd_tokenize_decode, &cmd_tokenize_count,
    &cmd_tokenize_truncate, &cmd_tokenize_inspect, &cmd_tokenize_convert, NULL,
};

const struct cmd cmd_tokenize = {
    .name = "tokenize",
    .summary = "Learn a tokenizer; text to token ids and back",
    .usage = "SUBCOMMAND [options] ...",
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

int docs_open(struct docs_input *in, const struct docs_opts *o, const struct opt_result *r, const char *out,
              int64_t threads, struct err *e)
{
    *in = (struct docs_input){.pool = NULL};
    if (doc_files_find(&in->files, r->args, (size_t)r->n_args, docs_config(o).format, e) ||
        doc_files_spare(&in->files, &out, 1, e))
        return -1;
    in->pool = pool_new((int)threads, e);
    return in->pool ? 0 : -1;
}

void docs_close(struct docs_input *in)
{
    doc_files_free(&in->files);
    pool_free(in->pool);
}

void warn_left_out(uint64_t bad, const char *first)
{
    if (bad) log_warn("%llu bad documents were left out; the first: %s", (unsigned long long)bad, first);
}

/* A .llmz file, or a run directory. */
static bool is_model(const char *path)
{
    size_t n = strlen(path);
    if (!file_is_dir(path)) return n > 5 && strcmp(path + n - 5, ".llmz") == 0;
    char *model = path_join(path, "model.llmz"), *ckpt = path_join(path, "ckpt");
    bool yes = (model && file_exists(model)) || (ckpt && file_is_dir(ckpt));
    free(model);
    free(ckpt);
    return yes;
}

/* A member of a model's manifest: 0 with *out, 1 = there is none. */
static int model_member(const char *path, const char *key, struct buf *out, struct err *e)
{
    char *file = saved_path(path, e);
    struct llmz *z = file ? llmz_open(file, e) : NULL;
    free(file);
    if (!z) return -1;
    const struct cJSON *v = json_member(llmz_manifest(z), key);
    int ret = cJSON_IsString(v) ? 0 : 1;
    if (ret == 0) buf_adds(out, v->valuestring);
    llmz_close(z);
    return ret ? ret : buf_ok(out, e);
}

/* "gpt2" or "openai-community/gpt2" where there is no such file. */
static bool hub_name(const char *path)
{
    const char *slash = strchr(path, '/');
    return *path != '/' && *path != '.' && (!slash || !strchr(slash + 1, '/')) && !strchr(path_base(path), '.') && !file_exists(path);
}

struct tokenizer *tokenizer_open(const char *path, struct err *e)
{
    struct buf json = {0};
    struct tokenizer *t = NULL;
    if (!path) {
        err_set(e, ERR_USAGE, "--tokenizer is required: a tokenizer.json, a model, or a directory with one");
        return NULL;
    }
    if (!is_model(path)) {
        t = tok_load(path, e);
        if (!t && e->code == ERR_NOINPUT && hub_name(path)) err_hint(e, "nothing is downloaded: give a file, or the directory of a model");
        return t;
    }
    int ret = model_member(path, "tokenizer", &json, e);
    if (ret == 0) t = tok_parse(buf_text(&json), json.len, path, e);
    if (ret > 0) err_set(e, ERR_DATA, "'%s' holds no tokenizer", path);
    buf_free(&json);
    return t;
}

struct tokenizer *tokenizer_option(const char *path, struct err *e)
{
    struct tokenizer *t = tokenizer_open(path, e);
    if (t && tok_note(t)) log_info("note: %s", tok_note(t));
    return t;
}

int template_option(const char *path, struct buf *out, char **found, struct err *e)
{
    *found = NULL;
    if (is_model(path)) return model_member(path, "chat_template", out, e);
    if (file_is_dir(path)) return chat_file_in(path, out, found, e);
    return str_ends_with(path, ".gguf") ? chat_file_gguf(path, out, e) : 1;
}

static int unknown_name(const char *name, struct err *e)
{
    struct buf all = {0};
    for (const char *const *p = chat_builtin_names(); *p; p++)
        buf_printf(&all, "%s%s", p == chat_builtin_names() ? "" : ", ", *p);
    err_set(e, ERR_USAGE, "--template '%s' is neither a file nor one of %s", name, buf_text(&all));
    buf_free(&all);
    return -1;
}

int template_named(const char *name, struct buf *out, char **found, struct err *e)
{
    *found = NULL;
    if (chat_builtin(name)) {
        buf_adds(out, chat_builtin(name));
        return buf_ok(out, e);
    }
    if (!file_exists(name)) return unknown_name(name, e);
    int ret = template_option(name, out, found, e);
    return ret == 1 && !file_is_dir(name) ? chat_file_read(name, out, e) : ret;
}
