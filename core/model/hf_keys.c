/* hf_keys.c - families whose config.json is a table of keys: one row serves
 * reading and writing. */
#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/model/hf.h"

/* The member a dotted key names, in the object that holds it; *key becomes its last part. */
static const struct cJSON *holder(const struct cJSON *hf, const char **key)
{
    const char *dot = strchr(*key, '.');
    if (!dot) return hf;
    char name[64];
    size_t n = (size_t)(dot - *key);
    if (n >= sizeof name) return NULL;
    memcpy(name, *key, n);
    name[n] = '\0';
    *key = dot + 1;
    const struct cJSON *o = json_member(hf, name);
    return o && cJSON_IsObject(o) ? o : NULL;
}

static int refuse_other(const struct cJSON *o, const char *key, const char *only, struct err *e)
{
    const struct cJSON *m = json_member(o, key);
    struct buf got = {0};
    if (!m) return 0;
    json_print(&got, m, 0);
    struct cJSON *want = json_parse(only, strlen(only), key, NULL, e);
    if (!want) return -1;
    int same = cJSON_Compare(m, want, true), r = 0;
    json_free(want);
    if (!same && !(strcmp(only, "null") && cJSON_IsNull(m)))
        r = err_set(e, ERR_CONFIG, "%s %.40s is not supported yet", key, buf_text(&got));
    buf_free(&got);
    return r;
}

static int read_bool(const struct cJSON *o, const char *key, bool *a, bool *b, bool *c, struct err *e)
{
    bool v = *a;
    if (json_opt_bool(o, key, &v, "config", e)) return -1;
    *a = v;
    if (b) *b = v;
    if (c) *c = v;
    return 0;
}

static int read_size(const struct cJSON *o, const struct hf_key *k, const char *key, int64_t max, int *out, struct err *e)
{
    return k->need ? hf_need(o, key, max, out, e) : hf_int(o, key, 1, max, out, e);
}

static int read_parallel(struct block_config *b, const struct cJSON *o, const char *key, struct err *e)
{
    bool one = b->place == PLACE_PARALLEL_ONE;
    if (json_opt_bool(o, key, &one, "config", e)) return -1;
    b->place = one ? PLACE_PARALLEL_ONE : PLACE_PRE;
    return 0;
}

static int read_qk_ln(struct block_config *b, const struct cJSON *o, const char *key, struct err *e)
{
    bool yes = false;
    if (json_opt_bool(o, key, &yes, "config", e)) return -1;
    b->qk_norm = yes ? QK_HEAD_LN : QK_NONE;
    return 0;
}

static int read_divisor(struct model_config *c, const struct cJSON *o, const char *key, struct err *e)
{
    double v = 1;
    if (json_opt_f64(o, key, 1e-6, 1e6, &v, "config", e)) return -1;
    c->logit_scale = 1 / v;
    return 0;
}

static int read_positions(struct model_config *c, const struct cJSON *o, const struct hf_key *k, const char *key,
                          struct err *e)
{
    int rows = 0;
    if (read_size(o, k, key, 1 << 24, &rows, e)) return -1;
    c->max_pos = rows - c->pos_offset;
    return c->max_pos > 0
               ? 0
               : err_set(e, ERR_CONFIG, "%s %d leaves no positions after the first %d", key, rows, c->pos_offset);
}

/* The width is read before. */
static int read_scaled(struct model_config *c, const struct cJSON *o, const char *key, struct err *e)
{
    bool yes = c->embed_scale != 1;
    if (json_opt_bool(o, key, &yes, "config", e)) return -1;
    c->embed_scale = yes ? sqrt(c->d_model) : 1;
    return 0;
}

static int read_key(struct model_config *c, struct block_config *b, int *layers, const struct hf_key *k,
                    const struct cJSON *hf, struct err *e)
{
    const char *key = k->key;
    const struct cJSON *o = holder(hf, &key);
    if (!o) return k->need ? err_set(e, ERR_CONFIG, "config.%s is missing", k->key) : 0;
    switch (k->what) {
    case HF_WIDTH: return read_size(o, k, key, 1 << 17, &c->d_model, e);
    case HF_LAYERS: return read_size(o, k, key, MODEL_MAX_LAYERS, layers, e);
    case HF_HEADS: return read_size(o, k, key, 4096, &b->heads, e);
    case HF_KV_HEADS: return read_size(o, k, key, 4096, &b->kv_heads, e);
    case HF_HEAD_DIM: return read_size(o, k, key, 1024, &b->head_dim, e);
    case HF_FF: return read_size(o, k, key, 1 << 22, &b->d_ff, e);
    case HF_MAX_POS: return read_size(o, k, key, 1 << 24, &c->max_pos, e);
    case HF_POSITIONS: return read_positions(c, o, k, key, e);
    case HF_ACT: return hf_activation(o, key, &b->act, e);
    case HF_HEAD_ACT: return hf_activation(o, key, &b->act, e) ? -1 : (c->head_act = b->act, 0);
    case HF_EPS: return json_opt_f64(o, key, 0, 1, &b->norm_eps, "config", e);
    case HF_BIAS: return read_bool(o, key, &b->qkv_bias, &b->out_bias, NULL, e);
    case HF_QKV_BIAS: return read_bool(o, key, &b->qkv_bias, NULL, NULL, e);
    case HF_OUT_BIAS: return read_bool(o, key, &b->out_bias, NULL, NULL, e);
    case HF_FFN_BIAS: return read_bool(o, key, &b->ffn_bias, NULL, NULL, e);
    case HF_ALL_BIAS: return read_bool(o, key, &b->qkv_bias, &b->out_bias, &b->ffn_bias, e);
    case HF_WINDOW: return hf_int(o, key, 0, INT32_MAX, &b->window, e);
    case HF_SCALE: return json_opt_f64(o, key, 1e-9, 1e3, &b->scale, "config", e);
    case HF_EMBED_SCALE: return json_opt_f64(o, key, 1e-6, 1e6, &c->embed_scale, "config", e);
    case HF_SCALED: return read_scaled(c, o, key, e);
    case HF_EMBED_DIM: return read_size(o, k, key, 1 << 17, &c->embed_dim, e);
    case HF_RESIDUAL_SCALE: return json_opt_f64(o, key, 1e-6, 1e6, &b->residual_scale, "config", e);
    case HF_LOGIT_SCALE: return json_opt_f64(o, key, 1e-6, 1e6, &c->logit_scale, "config", e);
    case HF_LOGIT_DIVISOR: return read_divisor(c, o, key, e);
    case HF_DROP_EMBED: return json_opt_f64(o, key, 0, 0.99, &c->dropout_embed, "config", e);
    case HF_DROP_ATTN: return json_opt_f64(o, key, 0, 0.99, &c->dropout_attn, "config", e);
    case HF_DROP_RESID: return json_opt_f64(o, key, 0, 0.99, &c->dropout_resid, "config", e);
    case HF_DROP_HIDDEN:
        return json_opt_f64(o, key, 0, 0.99, &c->dropout_resid, "config", e) ? -1
                                                                             : (c->dropout_embed = c->dropout_resid, 0);
    case HF_TYPES: return hf_int(o, key, 0, 1 << 16, &c->embed_types, e);
    case HF_PAD: return hf_read_pad(c, hf, c->embed_pad, e);
    case HF_ROPE: return hf_rope(b, hf, c, key, NULL, 1, e);
    case HF_ROPE_PARTIAL: return hf_rope(b, hf, c, key, "partial_rotary_factor", b->partial, e);
    case HF_PARALLEL: return read_parallel(b, o, key, e);
    case HF_QK_LN: return read_qk_ln(b, o, key, e);
    case HF_CLIP: return json_opt_f64(o, key, 1e-9, 1e9, &b->clip_qkv, "config", e);
    case HF_ONLY: return refuse_other(o, key, k->only, e);
    }
    return 0;
}

int hf_keys_read(const struct hf_family *f, struct model_config *c, const struct cJSON *hf, struct err *e)
{
    struct block_config b = model_block_default();
    int layers = 0;
    f->start(c, &b);
    for (const struct hf_key *k = f->keys; k->key; k++)
        if (read_key(c, &b, &layers, k, hf, e)) return -1;
    if (!b.kv_heads) b.kv_heads = b.heads;
    if (!b.d_ff) b.d_ff = 4 * c->d_model;
    if (!b.head_dim) {
        if (c->d_model % b.heads)
            return err_set(e, ERR_CONFIG, "%d attention heads do not divide the width %d", b.heads, c->d_model);
        b.head_dim = c->d_model / b.heads;
    }
    for (int i = 0; i < layers; i++) {
        struct block_config one = b;
        if ((f->layer && f->layer(&one, hf, c, i, layers, e)) || hf_add_block(c, &one, e)) return -1;
    }
    return 0;
}

/* ---- writing ---- */

static void put_int(struct buf *out, const char *key, int v)
{
    buf_printf(out, "  \"%s\": %d,\n", key, v);
}

static void put_bool(struct buf *out, const char *key, bool v)
{
    buf_printf(out, "  \"%s\": %s,\n", key, hf_yes(v));
}

static void put_window(const struct model_config *c, struct buf *out, const char *key)
{
    int window = 0;
    for (int i = 0; i < c->n_blocks; i++)
        if (c->block[i].window) window = c->block[i].window;
    buf_printf(out, window ? "  \"%s\": %d,\n" : "  \"%s\": null,\n", key, window);
}

/* Where layers take turns, not all have positions. */
static const struct block_config *first_rope(const struct model_config *c)
{
    for (int i = 0; i < c->n_blocks; i++)
        if (c->block[i].pos == POS_ROPE) return &c->block[i];
    return &c->block[0];
}

static void write_key(const struct model_config *c, const struct hf_key *k, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    switch (k->what) {
    case HF_WIDTH: put_int(out, k->key, c->d_model); break;
    case HF_LAYERS: put_int(out, k->key, c->n_layers); break;
    case HF_HEADS: put_int(out, k->key, b->heads); break;
    case HF_KV_HEADS: put_int(out, k->key, b->kv_heads); break;
    case HF_HEAD_DIM: put_int(out, k->key, b->head_dim); break;
    case HF_FF: put_int(out, k->key, hf_dense_width(c)); break;
    case HF_MAX_POS: put_int(out, k->key, c->max_pos); break;
    case HF_POSITIONS: put_int(out, k->key, c->max_pos + c->pos_offset); break;
    case HF_ACT:
    case HF_HEAD_ACT:
        buf_printf(out, "  \"%s\": \"%s\",\n", k->key, k->only && b->act == ACT_GELU_TANH ? k->only : hf_act_name(b->act));
        break;
    case HF_EPS: hf_write_float(out, k->key, b->norm_eps); break;
    case HF_BIAS:
    case HF_ALL_BIAS:
    case HF_QKV_BIAS: put_bool(out, k->key, b->qkv_bias); break;
    case HF_OUT_BIAS: put_bool(out, k->key, b->out_bias); break;
    case HF_FFN_BIAS: put_bool(out, k->key, b->ffn_bias); break;
    case HF_WINDOW: put_window(c, out, k->key); break;
    case HF_SCALE: hf_write_float(out, k->key, b->scale > 0 ? b->scale : 1 / sqrt(b->head_dim)); break;
    case HF_EMBED_SCALE: hf_write_float(out, k->key, c->embed_scale); break;
    case HF_SCALED: put_bool(out, k->key, c->embed_scale != 1); break;
    case HF_EMBED_DIM: put_int(out, k->key, c->embed_dim); break;
    case HF_RESIDUAL_SCALE: hf_write_float(out, k->key, b->residual_scale); break;
    case HF_LOGIT_SCALE: hf_write_float(out, k->key, c->logit_scale); break;
    case HF_LOGIT_DIVISOR: hf_write_float(out, k->key, 1 / c->logit_scale); break;
    case HF_DROP_EMBED: hf_write_float(out, k->key, c->dropout_embed); break;
    case HF_DROP_ATTN: hf_write_float(out, k->key, c->dropout_attn); break;
    case HF_DROP_RESID: hf_write_float(out, k->key, c->dropout_resid); break;
    case HF_DROP_HIDDEN: hf_write_float(out, k->key, c->dropout_resid); break;
    case HF_TYPES: put_int(out, k->key, c->embed_types); break;
    case HF_PAD: hf_write_pad(c, out); break;
    case HF_ROPE:
    case HF_ROPE_PARTIAL: hf_write_rope(c, first_rope(c), "rope_parameters", out); break;
    case HF_QK_LN: put_bool(out, k->key, b->qk_norm == QK_HEAD_LN); break;
    case HF_CLIP:
        if (b->clip_qkv > 0) hf_write_float(out, k->key, b->clip_qkv);
        else buf_printf(out, "  \"%s\": null,\n", k->key);
        break;
    case HF_PARALLEL: put_bool(out, k->key, b->place == PLACE_PARALLEL_ONE); break;
    case HF_ONLY: buf_printf(out, "  \"%s\": %s,\n", k->key, k->only); break;
    }
}

void hf_keys_write(const struct hf_family *f, const struct model_config *c, struct buf *out)
{
    for (const struct hf_key *k = f->keys; k->key; k++)
        if (!strchr(k->key, '.')) write_key(c, k, out);
    if (f->rest) f->rest(c, out);
}
