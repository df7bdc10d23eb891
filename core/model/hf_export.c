/* hf_export.c - our description -> config.json.  What was written is read
 * back and compared, so a description that the family's format cannot say is
 * refused with the line that got lost, not exported as another model. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/model/hf.h"

const char *hf_act_name(enum act act)
{
    for (const struct hf_act *a = hf_acts; a->name; a++)
        if (a->act == act) return a->name;
    return "linear";
}

const char *hf_yes(bool b)
{
    return b ? "true" : "false";
}

void hf_write_rope(const struct model_config *c, const struct block_config *b, const char *key, struct buf *out)
{
    static const char *const types[] = {"default", "linear", "default", "dynamic", "llama3", "yarn", "longrope"};
    buf_printf(out, "  \"%s\": {\"rope_type\": \"%s\", \"rope_theta\": %.17g", key, types[b->scaling], b->theta);
    if (b->mixer != MIX_MLA) buf_printf(out, ", \"partial_rotary_factor\": %.17g", b->partial);
    if (b->scaling != ROPE_PLAIN) buf_printf(out, ", \"factor\": %.17g", b->factor);
    if (b->scaling == ROPE_LLAMA3)
        buf_printf(out, ", \"low_freq_factor\": %.17g, \"high_freq_factor\": %.17g", b->low_freq, b->high_freq);
    if (b->scaling == ROPE_LLAMA3 || b->scaling == ROPE_YARN || b->scaling == ROPE_LONG)
        buf_printf(out, ", \"original_max_position_embeddings\": %.17g", b->original_max_pos);
    if (b->scaling == ROPE_YARN) {
        buf_printf(out, ", \"beta_fast\": %.17g, \"beta_slow\": %.17g, \"truncate\": %s", b->beta_fast, b->beta_slow,
                   hf_yes(b->yarn_truncate));
    }
    if ((b->scaling == ROPE_YARN || b->scaling == ROPE_LONG) && b->attn_factor > 0)
        buf_printf(out, ", \"attention_factor\": %.17g", b->attn_factor);
    if (b->scaling == ROPE_LONG) hf_longrope_write(c, out);
    buf_adds(out, "},\n");
}

static void to_gpt2(const struct model_config *c, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    bool scaled = true, inverse = false;
    /* The one of the four settings that gives every layer its scale, if any does. */
    for (int mode = 0; mode < 4; mode++) {
        bool ok = true;
        for (int i = 0; i < c->n_layers && ok; i++)
            ok = hf_gpt2_scale(b->head_dim, !(mode & 1), mode & 2, i) == model_block(c, i)->scale;
        if (!ok) continue;
        scaled = !(mode & 1);
        inverse = mode & 2;
        break;
    }
    buf_printf(out,
               "  \"n_embd\": %d,\n  \"n_layer\": %d,\n  \"n_head\": %d,\n  \"n_positions\": %d,\n  \"n_ctx\": %d,\n"
               "  \"n_inner\": %d,\n  \"activation_function\": \"%s\",\n  \"layer_norm_epsilon\": %.17g,\n"
               "  \"scale_attn_weights\": %s,\n  \"scale_attn_by_inverse_layer_idx\": %s,\n"
               "  \"embd_pdrop\": %.17g,\n  \"attn_pdrop\": %.17g,\n  \"resid_pdrop\": %.17g,\n",
               c->d_model, c->n_layers, b->heads, c->max_pos, c->max_pos, b->d_ff, hf_act_name(b->act), b->norm_eps,
               hf_yes(scaled), hf_yes(inverse), c->dropout_embed, c->dropout_attn, c->dropout_resid);
}

static void to_llama(const struct model_config *c, const char *type, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    bool qwen = strncmp(type, "qwen", 4) == 0;
    buf_printf(out,
               "  \"hidden_size\": %d,\n  \"num_hidden_layers\": %d,\n  \"num_attention_heads\": %d,\n"
               "  \"num_key_value_heads\": %d,\n  \"head_dim\": %d,\n  \"intermediate_size\": %d,\n"
               "  \"max_position_embeddings\": %d,\n  \"hidden_act\": \"%s\",\n  \"rms_norm_eps\": %.17g,\n"
               "  \"attention_dropout\": %.17g,\n",
               c->d_model, c->n_layers, b->heads, b->kv_heads, b->head_dim, hf_dense_width(c), c->max_pos,
               hf_act_name(b->act), b->norm_eps, c->dropout_attn);
    if (strcmp(type, "qwen2"))
        buf_printf(out, "  \"%s\": %s,\n", strcmp(type, "qwen2_moe") ? "attention_bias" : "qkv_bias", hf_yes(b->qkv_bias));
    if (strcmp(type, "llama") == 0) buf_printf(out, "  \"mlp_bias\": %s,\n", hf_yes(b->ffn_bias));
    int window = 0;
    for (int i = 0; i < c->n_blocks; i++)
        if (c->block[i].window) window = c->block[i].window;
    if (qwen || strcmp(type, "gpt_oss") == 0) {
        buf_printf(out, "  \"use_sliding_window\": %s,\n  \"sliding_window\": ", hf_yes(window > 0));
        buf_printf(out, window ? "%d,\n" : "null,\n", window);
        buf_adds(out, "  \"layer_types\": [");
        for (int i = 0; i < c->n_layers; i++)
            buf_printf(out, "%s\"%s\"", i ? ", " : "",
                       model_block(c, i)->window ? "sliding_attention" : "full_attention");
        buf_adds(out, "],\n");
    } else if (strcmp(type, "mistral") == 0) {
        buf_printf(out, "  \"sliding_window\": %d,\n", window);
    } else if (strcmp(type, "mixtral") == 0) {
        buf_printf(out, window ? "  \"sliding_window\": %d,\n" : "  \"sliding_window\": null,\n", window);
    }
    if (b->clip_qkv > 0) hf_write_float(out, "clip_qkv", b->clip_qkv);
    hf_moe_write(c, type, out);
    hf_write_rope(c, b, "rope_parameters", out);
}

static void to_neox(const struct model_config *c, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    buf_printf(out,
               "  \"hidden_size\": %d,\n  \"num_hidden_layers\": %d,\n  \"num_attention_heads\": %d,\n"
               "  \"intermediate_size\": %d,\n  \"max_position_embeddings\": %d,\n  \"hidden_act\": \"%s\",\n"
               "  \"layer_norm_eps\": %.17g,\n  \"use_parallel_residual\": %s,\n  \"attention_bias\": %s,\n"
               "  \"attention_dropout\": %.17g,\n  \"hidden_dropout\": %.17g,\n",
               c->d_model, c->n_layers, b->heads, b->d_ff, c->max_pos, hf_act_name(b->act), b->norm_eps,
               hf_yes(b->place == PLACE_PARALLEL), hf_yes(b->qkv_bias), c->dropout_attn, c->dropout_resid);
    /* transformers 4 looks for these two; 5 prefers rope_parameters. */
    buf_printf(out, "  \"rotary_pct\": %.17g,\n  \"rotary_emb_base\": %.17g,\n", b->partial, b->theta);
    hf_write_rope(c, b, "rope_parameters", out);
}

/* Lines of the canonical print; names the first that differs. */
static int compare(const struct model_config *a, const struct model_config *b, const char *type, struct err *e)
{
    struct buf pa = {0}, pb = {0};
    model_config_print(a, &pa);
    model_config_print(b, &pb);
    int r = buf_ok(&pa, e) || buf_ok(&pb, e) ? -1 : 0;
    if (r == 0 && strcmp(pa.data, pb.data)) {
        size_t i = 0, line = 0;
        for (; pa.data[i] && pa.data[i] == pb.data[i]; i++)
            if (pa.data[i] == '\n') line = i + 1;
        while (pa.data[line] == ' ') line++;
        r = err_set(e, ERR_CONFIG, "config.json of model_type %s cannot express this model: %.*s", type,
                    (int)strcspn(pa.data + line, "\n"), pa.data + line);
    }
    buf_free(&pa);
    buf_free(&pb);
    return r;
}

/* The same model in the terms of the format: NTK is a larger theta; dropout
 * and the initial spread matter to training only. */
static void normalise(struct model_config *c)
{
    c->dropout_embed = c->dropout_attn = c->dropout_resid = 0;
    hf_score_normalise(c);
    for (int i = 0; i < c->n_blocks; i++) {
        struct block_config *b = &c->block[i];
        if (b->pos != POS_ROPE || b->scaling != ROPE_NTK) continue;
        double n = (int)(b->head_dim * b->partial);
        b->theta *= pow(b->factor, n / (n - 2));
        b->scaling = ROPE_PLAIN;
        b->factor = 1;
    }
}

int model_config_to_hf(const struct model_config *c, struct buf *out, struct err *e)
{
    struct model_config want = *c, got;
    normalise(&want);
    bool llama = strcmp(c->family, "llama") == 0;
    const char *type = c->family, *arch = "GPT2LMHeadModel";
    if (llama) {
        arch = "LlamaForCausalLM";
        for (int i = 0; i < c->n_blocks; i++)
            if (c->block[i].window) type = "mistral", arch = "MistralForCausalLM";
    } else if (strcmp(type, "qwen2") == 0) {
        arch = "Qwen2ForCausalLM";
    } else if (strcmp(type, "qwen3") == 0) {
        arch = "Qwen3ForCausalLM";
    } else if (strcmp(type, "gpt_neox") == 0) {
        arch = "GPTNeoXForCausalLM";
    } else if (strcmp(type, "mixtral") == 0) {
        arch = "MixtralForCausalLM";
    } else if (strcmp(type, "qwen3_moe") == 0) {
        arch = "Qwen3MoeForCausalLM";
    } else if (strcmp(type, "qwen2_moe") == 0) {
        arch = "Qwen2MoeForCausalLM";
    } else if (strcmp(type, "olmoe") == 0) {
        arch = "OlmoeForCausalLM";
    } else if (strcmp(type, "gpt_oss") == 0) {
        arch = "GptOssForCausalLM";
    }
    const struct hf_family *more = hf_family_of(c->family);
    if (more) {
        type = more->type;
        arch = c->head == HEAD_NONE && hf_bare(c->family) ? hf_bare(c->family) : more->arch;
    }
    if (model_scores(c) && !(arch = hf_score_arch(type)))
        return err_set(e, ERR_CONFIG, "config.json of model_type %s with a head of whole texts is not supported yet", type);
    struct buf t = {0};
    buf_printf(&t, "{\n  \"architectures\": [\"%s\"],\n  \"model_type\": \"%s\",\n  \"vocab_size\": %d,\n", arch, type,
               c->enc_vocab ? c->enc_vocab : c->vocab);
    struct model_config written = want;
    written.dropout_embed = c->dropout_embed;
    written.dropout_attn = c->dropout_attn;
    written.dropout_resid = c->dropout_resid;
    if (more && more->keys) hf_keys_write(more, &written, &t);
    else if (more) more->write(&written, &t);
    else if (strcmp(type, "gpt2") == 0) to_gpt2(&written, &t);
    else if (strcmp(type, "gpt_neox") == 0) to_neox(&written, &t);
    else to_llama(&written, type, &t);
    if (model_scores(c)) hf_score_write(c, &t);
    buf_printf(&t, "  \"tie_word_embeddings\": %s,\n  \"initializer_range\": %.17g,\n  \"bos_token_id\": null,\n"
                   "  \"eos_token_id\": null,\n  \"use_cache\": true\n}\n", hf_yes(c->tie_embed), c->init_std);
    int r = -1;
    struct cJSON *j = buf_ok(&t, e) ? NULL : json_parse(t.data, t.len, "config.json", NULL, e);
    if (j && model_config_from_hf(&got, j, "config.json", e) == 0) {
        normalise(&got);
        r = compare(&want, &got, type, e);
    }
    json_free(j);
    if (r == 0) buf_add(out, t.data, t.len);
    buf_free(&t);
    return r ? r : buf_ok(out, e);
}
