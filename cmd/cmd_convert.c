/* llmctl convert: models between .llmz and Hugging Face directories. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/cmd_tokenize.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/ckpt/elem.h"
#include "core/model/hf_dir.h"
#include "core/model/saved.h"

struct convert_cfg {
    struct opt_common common;
    int dtype;
    int64_t max_shard;
    bool no_tokenizer;
    const char *tokenizer;
};

static const struct opt opts[] = {
#define C struct convert_cfg
    OPT_GROUP("Output"),
    OPT_ENUM(0, "dtype", C, dtype, "keep|f32|bf16|f16", "keep", "Type of the weights in DST"),
    OPT_SIZE(0, "max-shard-size", C, max_shard, "BYTES", "5G", 0, 1e15,
             "Cut safetensors into files of at most this size; 0 = one file"),
    OPT_STR('t', "tokenizer", C, tokenizer, "FILE", NULL, "Take this tokenizer, not SRC's: a file, a directory, a model"),
    OPT_BOOL(0, "no-tokenizer", C, no_tokenizer, NULL, "Convert the weights alone"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

/* What went before, and where these weights come from. */
static int make_lineage(const struct saved_model *m, struct buf *b, struct err *e)
{
    struct buf list = {0};
    buf_adds(&list, "[");
    char hex[33] = "";
    if (!file_is_dir(m->path)) {
        struct llmz *z = llmz_open(m->path, e);
        if (!z) return -1;
        const struct cJSON *old = cJSON_GetObjectItemCaseSensitive(llmz_manifest(z), "lineage");
        for (const struct cJSON *s = cJSON_IsArray(old) ? old->child : NULL; s; s = s->next) {
            json_print(&list, s, 0);
            buf_addc(&list, ',');
        }
        hash128_hex(llmz_hash(z), hex);
        llmz_close(z);
    }
    buf_printf(&list, "{\"stage\":\"convert\",\"from\":\"%s\"", *hex ? "llmz" : m->config.family);
    if (*hex) buf_printf(&list, ",\"content\":\"%s\"", hex);
    buf_adds(&list, "}]");
    buf_printf(b, "\"provenance\":{\"llmctl\":\"%s\"},\"lineage\":%s", LLMCTL_VERSION, buf_text(&list));
    int ret = buf_ok(&list, e) || buf_ok(b, e) ? -1 : 0;
    buf_free(&list);
    return ret;
}

static int write_llmz(const char *dst, const struct saved_model *m, const enum dtype *dt, struct pool *pool,
                      struct err *e)
{
    struct buf rest = {0};
    int ret = make_lineage(m, &rest, e) || saved_write(dst, m, dt, rest.data, pool, e) ? -1 : 0;
    buf_free(&rest);
    return ret;
}

static int report(const struct convert_cfg *c, const char *src, const char *dst, const struct saved_model *m,
                  struct err *e)
{
    if (!c->common.json) {
        log_info("%s: %s, %d tensors, %lld parameters%s", dst, m->config.family, m->params->n,
                 (long long)m->params->n_elements, m->tok ? "" : ", no tokenizer");
        return 0;
    }
    struct buf b = {0};
    buf_adds(&b, "{\"src\":");
    buf_adds_json(&b, src);
    buf_adds(&b, ",\"dst\":");
    buf_adds_json(&b, dst);
    buf_printf(&b, ",\"family\":\"%s\",\"tensors\":%d,\"parameters\":%lld,\"tokenizer\":%s}\n", m->config.family,
               m->params->n, (long long)m->params->n_elements, m->tok ? "true" : "false");
    int ret = buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

/* What options and names say; nothing is read. */
static int check(const struct convert_cfg *c, const struct opt_result *r, struct err *e)
{
    if (r->n_args != 2) return err_set(e, ERR_USAGE, "want the model to convert and what to write");
    if (c->tokenizer && c->no_tokenizer) return err_set(e, ERR_USAGE, "--tokenizer and --no-tokenizer exclude each other");
    if (str_ends_with(r->args[1], ".safetensors")) {
        err_set(e, ERR_USAGE, "'%s': a safetensors file alone is not a model", r->args[1]);
        return err_hint(e, "name a directory, or a file that ends in .llmz");
    }
    if (file_same(r->args[0], r->args[1]))
        return err_set(e, ERR_USAGE, "'%s' is the model to convert; write to another file", r->args[1]);
    return 0;
}

/* *m becomes the model, with the tokenizer that was asked for. */
static int open_model(const struct convert_cfg *c, const char *src, struct saved_model *m, struct pool *pool, struct err *e)
{
    bool weights_alone = c->tokenizer || c->no_tokenizer;
    if (weights_alone ? saved_open_weights(m, src, DT_F32, pool, e) : saved_open(m, src, DT_F32, pool, e)) {
        if (strstr(e->msg, "tokenizer")) err_hint(e, "--no-tokenizer converts the weights alone");
        return -1;
    }
    return c->tokenizer ? saved_take_tokenizer(m, tokenizer_option(c->tokenizer, e), e) : 0;
}

static int run(const struct cmd *self, int argc, char **argv, struct err *e)
{
    static const enum dtype types[] = {DT_F32, DT_F32, DT_BF16, DT_F16};
    struct opt_result r;
    struct convert_cfg c = {0};
    struct saved_model m = {0};
    struct pool *pool = NULL;
    int ret = opt_parse(self, &c, argc, argv, &r, e);
    if (ret || r.exit_now || (ret = check(&c, &r, e))) goto out;
    const char *src = r.args[0], *dst = r.args[1];
    const enum dtype *dt = c.dtype ? &types[c.dtype] : NULL;
    ret = -1;
    if (!(pool = pool_new((int)c.common.threads, e)) || open_model(&c, src, &m, pool, e)) goto out;
    if (str_ends_with(dst, ".llmz") ? write_llmz(dst, &m, dt, pool, e) : hf_dir_save(dst, &m, dt, (uint64_t)c.max_shard, e)) goto out;
    ret = report(&c, src, dst, &m, e);
out:
    saved_close(&m);
    pool_free(pool);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_convert = {
    .name = "convert",
    .summary = "Convert models between .llmz and Hugging Face directories",
    .usage = "[options] SRC DST",
    .examples = "  llmctl convert hf-model-dir model.llmz\n"
                "  llmctl convert run out-dir --max-shard-size 2G\n"
                "  llmctl convert model.llmz small.llmz --dtype bf16\n"
                "  llmctl convert rwkv.bin rwkv.llmz --tokenizer rwkv_vocab_v20230424.txt\n",
    .details = "SRC is a .llmz file, a run directory, a Hugging Face directory with\n"
               "safetensors, or a file of rwkv.cpp, which holds no tokenizer: give it one.\n"
               "DST is a file if it ends in .llmz, else a new directory that\n"
               "transformers can load.\n"
               "Families: gpt2, llama, qwen2, qwen3, gpt_neox and the others that README names.\n"
               "Converting there and back gives the same tensors. A tokenizer of\n"
               "SentencePiece's kind, which tokenizer.json cannot hold exactly, goes into a\n"
               "directory as tokenizer.model; one of tiktoken's kind becomes a tokenizer.json\n"
               "with the merges that its ranks come to; one of Marian, M2M100, FSMT and\n"
               "others that are Python code in transformers, the files that its class reads.\n",
    .opts = opts,
    .run = run,
};
