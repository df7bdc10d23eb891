/* hf_rwkv.c - config.json of transformers' RwkvForCausalLM (RWKV-4).
 * rescale_every halves activations and weights in turn at inference in f16:
 * it does not change the result and is not read. */
#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/model/hf.h"

static int read_rwkv(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    struct block_config b = model_block_default();
    int layers = 0, width = 0, ff = 0;
    b.mixer = MIX_RWKV4;
    b.norm = NORM_LN;
    b.norm_bias = b.cmix_gate = true;
    b.ffn = FFN_CMIX;
    b.act = ACT_RELU2;
    c->embed_ln = true;
    c->max_pos = 1024;
    if (hf_need(hf, "hidden_size", 1 << 17, &c->d_model, e) ||
        hf_need(hf, "num_hidden_layers", MODEL_MAX_LAYERS, &layers, e) ||
        hf_int(hf, "attention_hidden_size", 1, 1 << 17, &width, e) ||
        hf_int(hf, "intermediate_size", 1, 1 << 22, &ff, e) ||
        hf_int(hf, "context_length", 1, 1 << 24, &c->max_pos, e) ||
        json_opt_f64(hf, "layer_norm_epsilon", 0, 1, &b.norm_eps, "config", e))
        return -1;
    b.heads = b.kv_heads = 1;
    b.head_dim = width ? width : c->d_model;
    b.d_ff = ff ? ff : 4 * c->d_model;
    for (int i = 0; i < layers; i++)
        if (hf_add_block(c, &b, e)) return -1;
    return 0;
}

static void write_rwkv(const struct model_config *c, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    buf_printf(out,
               "  \"hidden_size\": %d,\n  \"num_hidden_layers\": %d,\n  \"attention_hidden_size\": %d,\n"
               "  \"intermediate_size\": %d,\n  \"context_length\": %d,\n  \"layer_norm_epsilon\": %.17g,\n"
               "  \"rescale_every\": 0,\n",
               c->d_model, c->n_layers, b->head_dim, b->d_ff, c->max_pos, b->norm_eps);
}

const struct hf_family hf_rwkv = {.family = "rwkv", .type = "rwkv", .arch = "RwkvForCausalLM", .read = read_rwkv,
    .write = write_rwkv};
