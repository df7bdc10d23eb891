/* llmctl inspect: what a file or run holds. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/tree.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/ckpt/safetensors.h"
#include "core/model/hf_dir.h"
#include "core/model/saved.h"
#include "data/shard.h"

struct inspect_cfg {
    struct opt_common common;
    bool all;
};

static const struct opt opts[] = {
#define C struct inspect_cfg
    OPT_GROUP("Output"),
    OPT_BOOL('a', "all", C, all, NULL, "Show every tensor; else equal layers are one line"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

enum { MAX_VALUE = 160 };

/* ---- parts of a report, as text and as JSON ---- */

static void text_model(struct buf *b, const struct model_config *c)
{
    const struct block_config *k = &c->block[0];
    buf_printf(b, "model: %s, %d layers, width %d, %d heads", c->family, c->n_layers, c->d_model, k->heads);
    if (k->kv_heads != k->heads) buf_printf(b, " (%d for keys and values)", k->kv_heads);
    buf_printf(b, ", feed-forward %d, vocabulary %d, context %d, %s embeddings\nparameters: ", k->d_ff, c->vocab,
               c->max_pos, c->tie_embed ? "tied" : "separate");
    tree_add_count(b, model_n_params(c));
    buf_printf(b, " (%lld)\n", (long long)model_n_params(c));
}

static void add_tok(struct buf *b, const struct tokenizer *t, bool json)
{
    struct tok_summary s;
    tok_summary(t, &s);
    if (json) {
        buf_addc(b, '{');
        tok_summary_json(&s, b);
        buf_printf(b, ",\"vocab_size\":%d,\"merges\":%zu,\"bos\":%d,\"eos\":%d,\"hash\":\"%016llx\"}", tok_vocab_size(t), s.merges,
                   tok_bos(t), tok_eos(t), (unsigned long long)tok_hash(t));
    } else {
        buf_printf(b, "tokenizer: %s, %d tokens, %zu merges, hash %016llx\n", s.type, s.tokens, s.merges,
                   (unsigned long long)tok_hash(t));
    }
}

/* What this build cannot read does not hide the rest. */
static void text_unread(struct buf *b, const char *what, const struct err *e)
{
    buf_printf(b, "%s: not read: %s\n", what, e->msg);
}

/* Takes t over; NULL is one that could not be read. */
static void add_tokenizer(struct buf *b, struct tokenizer *t, bool json, const struct err *e)
{
    if (t && json) buf_adds(b, ",\"tokenizer\":");
    if (t) add_tok(b, t, json);
    else if (!json) text_unread(b, "tokenizer", e);
    tok_free(t);
}

/* "key: value", the value as compact JSON, cut when long; key may be NULL. */
static void text_value(struct buf *b, const char *key, const struct cJSON *v)
{
    struct buf text = {0};
    json_print(&text, v, 0);
    size_t n = text.len < MAX_VALUE ? text.len : MAX_VALUE;
    while (n < text.len && n && (text.data[n] & 0xC0) == 0x80) n--; /* not within a character */
    if (key) buf_printf(b, "%s: ", key);
    buf_add(b, buf_text(&text), n);
    if (n < text.len) buf_adds(b, " ...");
    buf_addc(b, '\n');
    buf_free(&text);
}

static void text_object(struct buf *b, const char *key, const struct cJSON *o)
{
    buf_printf(b, "%s:\n", key);
    for (const struct cJSON *v = o->child; v; v = v->next) {
        buf_adds(b, "  ");
        text_value(b, v->string, v);
    }
}

static void json_tensors(struct buf *b, const struct tree_tensor *t, const struct hash128 *hash, int n)
{
    buf_adds(b, ",\"tensors\":[");
    for (int i = 0; i < n; i++) {
        buf_adds(b, i ? ",{\"name\":" : "{\"name\":");
        buf_adds_json(b, t[i].name);
        buf_printf(b, ",\"dtype\":\"%s\",\"shape\":[", dtype_name(t[i].dtype));
        for (int d = 0; d < t[i].ndim; d++) buf_printf(b, "%s%lld", d ? "," : "", (long long)t[i].dim[d]);
        buf_printf(b, "],\"bytes\":%llu,\"stored\":%llu", (unsigned long long)t[i].raw,
                   (unsigned long long)t[i].stored);
        if (hash) {
            char hex[33];
            hash128_hex(hash[i], hex);
            buf_printf(b, ",\"xxh3_128\":\"%s\"", hex);
        }
        buf_addc(b, '}');
    }
    buf_addc(b, ']');
}

static void begin_json(struct buf *b, const char *path, const char *kind)
{
    buf_adds(b, "{\"path\":");
    buf_adds_json(b, path);
    buf_printf(b, ",\"kind\":\"%s\"", kind);
}

/* ---- .llmz ---- */

/* Keys of the manifest that have a line of their own, or are too long for one. */
static bool shown_apart(const char *key)
{
    static const char *const keys[] = {"tensors", "tokenizer", "format", "kind", "model"};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (!strcmp(key, keys[i])) return true;
    return false;
}

static void json_manifest(struct buf *b, const struct llmz *z)
{
    for (const struct cJSON *v = llmz_manifest(z)->child; v; v = v->next) {
        if (shown_apart(v->string) && strcmp(v->string, "model")) continue;
        buf_addc(b, ',');
        buf_adds_json(b, v->string);
        buf_addc(b, ':');
        json_print(b, v, 0);
    }
}

static void text_manifest(struct buf *b, const struct llmz *z)
{
    for (const struct cJSON *v = llmz_manifest(z)->child; v; v = v->next) {
        if (shown_apart(v->string)) continue;
        if (cJSON_IsArray(v) || cJSON_IsObject(v)) text_object(b, v->string, v);
        else text_value(b, v->string, v);
    }
}

static void llmz_head(struct buf *b, const char *path, const struct llmz *z, uint64_t raw, bool json)
{
    char hex[33];
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(llmz_manifest(z), "kind"));
    hash128_hex(llmz_hash(z), hex);
    uint64_t size = llmz_file_size(z);
    if (json) {
        begin_json(b, path, "llmz");
        buf_adds(b, ",\"holds\":");
        buf_add_json(b, kind ? kind : "", kind ? strlen(kind) : 0);
        buf_printf(b, ",\"file_bytes\":%llu,\"tensor_bytes\":%llu,\"content\":\"%s\"", (unsigned long long)size,
                   (unsigned long long)raw, hex);
        return;
    }
    buf_printf(b, "%s: llmctl checkpoint, kind %s\nsize: ", path, kind ? kind : "unknown");
    tree_add_bytes(b, size);
    buf_adds(b, " for ");
    tree_add_bytes(b, raw);
    buf_printf(b, " of tensors (%.2fx)\ncontent: %s\n", (double)raw / (double)size, hex);
}

static int report_llmz(const struct inspect_cfg *c, const char *path, const struct llmz *z, struct buf *b,
                       struct err *e)
{
    int n = llmz_n_tensors(z), ret = -1;
    uint64_t raw = 0;
    struct model_config *config = mem_zalloc(1, sizeof *config);
    struct tree_tensor *t = mem_zalloc((size_t)n, sizeof *t);
    struct hash128 *hash = mem_zalloc((size_t)n, sizeof *hash);
    const char *tok_json = NULL;
    if (!config || !t || !hash) {
        err_oom(e, (unsigned long long)n * sizeof *t, "list of tensors");
        goto out;
    }
    for (int i = 0; i < n; i++) {
        const struct llmz_tensor *s = llmz_tensor(z, i);
        t[i] = (struct tree_tensor){s->name, s->dtype, s->ndim, s->dim, s->n, s->bytes_raw, s->bytes_stored};
        hash[i] = s->hash;
        raw += s->bytes_raw;
    }
    llmz_head(b, path, z, raw, c->common.json);
    /* A file may hold tensors alone; then there is nothing to say of a model. */
    bool model = !saved_config(z, path, config, &tok_json, e);
    if (!c->common.json) {
        if (model) text_model(b, config);
        else if (cJSON_GetObjectItemCaseSensitive(llmz_manifest(z), "model")) text_unread(b, "model", e);
    }
    if (tok_json) add_tokenizer(b, tok_parse(tok_json, strlen(tok_json), path, e), c->common.json, e);
    if (c->common.json) {
        json_manifest(b, z);
        json_tensors(b, t, hash, n);
        buf_adds(b, "}\n");
        ret = 0;
    } else {
        text_manifest(b, z);
        buf_printf(b, "tensors: %d\n", n);
        ret = tree_print(b, t, n, c->all, e);
    }
out:
    free(config);
    free(hash);
    free(t);
    return ret;
}

static int inspect_llmz(const struct inspect_cfg *c, const char *path, struct buf *b, struct err *e)
{
    struct llmz *z = llmz_open(path, e);
    if (!z) return -1;
    int ret = report_llmz(c, path, z, b, e);
    llmz_close(z);
    return ret;
}

/* ---- safetensors: a file, an index, a directory ---- */

/* The canonical text has lines; one object has none. */
static int json_model(struct buf *b, const struct model_config *c, struct err *e)
{
    struct buf text = {0};
    model_config_print(c, &text);
    struct cJSON *j = buf_ok(&text, e) ? NULL : json_parse(text.data, text.len, "model", NULL, e);
    buf_free(&text);
    if (!j) return -1;
    buf_adds(b, ",\"model\":");
    json_print(b, j, 0);
    json_free(j);
    return 0;
}

static int add_hf_config(const struct inspect_cfg *c, const char *dir, struct buf *b, struct err *e)
{
    int ret = -1;
    struct model_config *config = mem_zalloc(1, sizeof *config);
    char *cfg = path_join(dir, "config.json"), *vocab = path_join(dir, "tokenizer.json");
    struct cJSON *j = NULL;
    if (!config || !cfg || !vocab) {
        err_oom(e, sizeof *config, "a model description");
        goto out;
    }
    if (file_exists(cfg)) {
        if (!(j = json_read_file(cfg, NULL, e))) goto out;
        bool known = !model_config_from_hf(config, j, cfg, e);
        if (!c->common.json) {
            if (known) text_model(b, config);
            else text_unread(b, "model", e);
        } else if (known && json_model(b, config, e)) {
            goto out;
        }
    }
    if (file_exists(vocab)) add_tokenizer(b, tok_load(vocab, e), c->common.json, e);
    ret = 0;
out:
    json_free(j);
    free(cfg);
    free(vocab);
    free(config);
    return ret;
}

static int inspect_safetensors(const struct inspect_cfg *c, const char *path, struct buf *b, struct err *e)
{
    struct safetensors *s = st_open(path, e);
    if (!s) return -1;
    int n = st_n(s), ret = -1;
    bool dir = file_is_dir(path);
    uint64_t raw = 0;
    struct tree_tensor *t = mem_zalloc((size_t)n, sizeof *t);
    if (!t) {
        err_oom(e, (unsigned long long)n * sizeof *t, "list of tensors");
        goto out;
    }
    for (int i = 0; i < n; i++) {
        const struct st_tensor *x = st_tensor(s, i);
        t[i] = (struct tree_tensor){x->name, x->dtype, x->ndim, x->dim, x->n, x->bytes, x->bytes};
        raw += x->bytes;
    }
    if (c->common.json) {
        begin_json(b, path, dir ? "huggingface" : "safetensors");
        buf_printf(b, ",\"files\":%d,\"tensor_bytes\":%llu", st_n_files(s), (unsigned long long)raw);
    } else {
        buf_printf(b, "%s: %s, %d file%s\nsize: ", path, dir ? "Hugging Face directory" : "safetensors",
                   st_n_files(s), st_n_files(s) == 1 ? "" : "s");
        tree_add_bytes(b, raw);
        buf_adds(b, " of tensors\n");
    }
    if (dir && add_hf_config(c, path, b, e)) goto out;
    if (c->common.json) {
        json_tensors(b, t, NULL, n);
        buf_adds(b, "}\n");
        ret = 0;
    } else {
        buf_printf(b, "tensors: %d\n", n);
        ret = tree_print(b, t, n, c->all, e);
    }
out:
    free(t);
    st_close(s);
    return ret;
}

/* ---- token shards, tokenizers ---- */

/* What a reader of the ids alone has to know of documents. */
static void say_borders(const struct shard_info *i, struct buf *b)
{
    if (shard_shared_eos(i->bos, i->eos)) buf_printf(b, "borders: each document begins with id %d, one more ends the last\n", i->eos);
    else if (i->bos >= 0 && i->eos >= 0) buf_printf(b, "borders: each document begins with id %d and ends with %d\n", i->bos, i->eos);
    else if (i->bos >= 0) buf_printf(b, "borders: each document begins with id %d\n", i->bos);
    else buf_adds(b, "borders: no id marks them\n");
}

static int inspect_shard(const struct inspect_cfg *c, const char *path, struct buf *b, struct err *e)
{
    struct shard *s = shard_open(path, e);
    if (!s) return -1;
    const struct shard_info *i = shard_get_info(s);
    if (c->common.json) {
        begin_json(b, path, "tokens");
        buf_printf(b, ",\"documents\":%llu,\"tokens\":%llu,\"text_bytes\":%llu,\"token_bytes\":%d,\"vocab_size\":%d,"
                   "\"bos\":%d,\"eos\":%d,\"tokenizer\":\"%016llx\",\"content\":\"%016llx\"}\n",
                   (unsigned long long)i->n_docs, (unsigned long long)i->n_tokens,
                   (unsigned long long)i->text_bytes, i->token_bytes, i->vocab, i->bos, i->eos,
                   (unsigned long long)i->tok_hash, (unsigned long long)shard_id(s));
    } else {
        buf_printf(b, "%s: llmctl token shard\ndocuments: %llu\ntokens: %llu, %d bytes each\n", path,
                   (unsigned long long)i->n_docs, (unsigned long long)i->n_tokens, i->token_bytes);
        buf_printf(b, "text: %llu bytes, %.3f a token\n", (unsigned long long)i->text_bytes,
                   i->n_tokens ? (double)i->text_bytes / (double)i->n_tokens : 0.0);
        buf_printf(b, "vocabulary: %d\n", i->vocab);
        say_borders(i, b);
        buf_printf(b, "tokenizer: %016llx\ncontent: %016llx\n", (unsigned long long)i->tok_hash, (unsigned long long)shard_id(s));
    }
    shard_close(s);
    return 0;
}

static int inspect_tokenizer(const struct inspect_cfg *c, const char *path, struct buf *b, struct err *e)
{
    struct tokenizer *t = tok_load(path, e);
    if (!t) return -1;
    if (c->common.json) {
        begin_json(b, path, "tokenizer");
        buf_adds(b, ",\"tokenizer\":");
    } else {
        buf_printf(b, "%s: tokenizer\n", path);
    }
    add_tok(b, t, c->common.json);
    if (c->common.json) buf_adds(b, "}\n");
    tok_free(t);
    return 0;
}

/* ---- which of these ---- */

static int inspect_file(const struct inspect_cfg *c, const char *path, struct buf *b, struct err *e)
{
    struct file_map m;
    char first[16] = "";
    if (file_map(&m, path, e)) return -1;
    const char *kind = file_kind(m.data, m.size);
    if (m.size) memcpy(first, m.data, m.size < sizeof first ? m.size : sizeof first);
    file_unmap(&m);
    if (!kind) return err_set(e, ERR_DATA, "'%s': not a kind of file that inspect knows", path);
    if (!memcmp(first + 8, "LLMZ", 4) || str_ends_with(path, ".llmz")) return inspect_llmz(c, path, b, e);
    if (!memcmp(first, "LLMCTLTK", 8)) return inspect_shard(c, path, b, e);
    if (!strcmp(kind, "a safetensors file") || str_ends_with(path, ".index.json"))
        return inspect_safetensors(c, path, b, e);
    if (!strcmp(kind, "JSON")) return inspect_tokenizer(c, path, b, e);
    return err_set(e, ERR_DATA, "'%s' is %s, which inspect does not read", path, kind);
}

static int inspect(const struct inspect_cfg *c, const char *path, struct buf *b, struct err *e)
{
    if (!file_is_dir(path)) return inspect_file(c, path, b, e);
    if (hf_dir_is(path)) return inspect_safetensors(c, path, b, e);
    char *file = saved_path(path, e);
    int ret = file ? inspect_llmz(c, file, b, e) : -1;
    free(file);
    return ret;
}

static int run(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct opt_result r;
    struct inspect_cfg c = {0};
    struct buf b = {0};
    int ret = opt_parse(self, &c, argc, argv, &r, e);
    if (ret || r.exit_now) goto out;
    ret = -1;
    if (r.n_args != 1) {
        err_set(e, ERR_USAGE, "want one file or directory");
        goto out;
    }
    if (inspect(&c, r.args[0], &b, e) || buf_ok(&b, e)) goto out;
    ret = out_write(b.data, b.len, e);
out:
    buf_free(&b);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_inspect = {
    .name = "inspect",
    .summary = "Show what a checkpoint, model, tokenizer or token shard holds",
    .usage = "[options] FILE|RUN",
    .examples = "  llmctl inspect run\n"
                "  llmctl inspect model.llmz --json\n"
                "  llmctl inspect hf-model-dir --all\n",
    .details = "Reads .llmz and .safetensors files, run directories, Hugging Face\n"
               "directories, token shards and tokenizer.json.\n"
               "Nothing but headers is read: llmctl verify checks the data.\n",
    .opts = opts,
    .run = run,
};
