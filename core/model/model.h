/* model.h - the model description (JSON, DESIGN.md 3), its parameters and the
 * one builder from description to graph. */
#ifndef CORE_MODEL_MODEL_H
#define CORE_MODEL_MODEL_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/tensor/ops.h"

struct cJSON;

enum pos_type { POS_NONE, POS_SINUSOIDAL, POS_LEARNED, POS_ROPE, POS_ALIBI, POS_SHAW, POS_T5 };
enum rope_scaling { ROPE_PLAIN, ROPE_LINEAR, ROPE_NTK, ROPE_DYNAMIC, ROPE_LLAMA3, ROPE_YARN };
enum norm_place { PLACE_PRE, PLACE_POST, PLACE_SANDWICH, PLACE_PARALLEL };
enum ffn_type { FFN_MLP, FFN_GLU };

/* One group of equal blocks; what is built today.  The parser knows the whole
 * schema and refuses the rest by name ("mixer.type rwkv7 is not supported yet"). */
struct block_config {
    int repeat;
    int heads, kv_heads, head_dim;
    bool qkv_bias, out_bias, qk_norm, causal;
    double scale;               /* 0 = 1/sqrt(head_dim) */
    double softcap;
    int window;                 /* 0 = none */
    enum pos_type pos;          /* of the mixer: none, rope */
    double theta, partial;
    bool interleaved;
    enum rope_scaling scaling;
    double factor, low_freq, high_freq, original_max_pos, beta_fast, beta_slow, attn_factor;
    bool yarn_truncate;
    enum ffn_type ffn;
    enum act act;
    int d_ff;
    bool ffn_bias;
    enum norm_kind norm;
    double norm_eps;
    bool norm_bias;
    enum norm_place place;
};

struct model_config {
    char family[24];            /* gpt2 | llama | qwen2 | qwen3 | gpt_neox: names of parameters */
    int d_model, vocab, max_pos, n_layers;   /* n_layers = sum of repeats */
    bool tie_embed;
    enum pos_type embed_pos;
    int pos_offset;
    double embed_scale;
    bool head_norm, head_bias;
    double logit_scale, head_softcap;
    double init_std;
    double dropout_embed, dropout_attn, dropout_resid;
    int n_blocks;
    struct block_config block[16];
};

/* Parses and validates the whole schema (unknown key, impossible combination:
 * ERR_CONFIG naming the key). */
int model_config_parse(struct model_config *c, const struct cJSON *j, const char *name, struct err *e);
/* Canonical JSON; parse(print(c)) == c. */
void model_config_print(const struct model_config *c, struct buf *out);
/* A preset by name ("gpt2", "llama-15m", ...); list in model_preset_names(). */
int model_config_preset(struct model_config *c, const char *name, struct err *e);
const char *const *model_preset_names(void);
/* The --depth dial: sensible width, heads and FFN for N layers of a family. */
int model_config_depth(struct model_config *c, const char *family, int depth, struct err *e);
/* "key.path=value" overrides, applied to the JSON before parsing. */
int model_config_set(struct model_config *c, const char *assignment, struct err *e);

/* Declares all parameters, in the canonical order. */
int model_declare(const struct model_config *c, struct params *p, enum dtype dt, struct err *e);
/* Initialises all parameters from Philox (a pure function of seed and parameter index). */
int model_init(const struct model_config *c, struct params *p, uint64_t seed, struct err *e);
/* Matmul parameters N (embeddings excluded, head included) and FLOPs a token of a training step: 6 N + 12 L T d_attn (halved where causal blocks are skipped). */
int64_t model_matmul_params(const struct model_config *c);
double model_train_flops_per_token(const struct model_config *c, int T);

/* The training or evaluation graph.  Inputs "tokens", "targets", "positions",
 * "seg_start" [N] i32, "weights" [N] f32.  *loss as in op_linear_ce. */
struct model_graph {
    struct graph *g;
    struct tensor *loss;    /* NULL when built without loss */
    struct tensor *hidden;  /* final hidden state after the last norm, [N,C] */
    struct tensor *logits;  /* [N,V] f32, only when asked for */
};
struct model_build {
    struct graph_opts opts;
    bool want_loss, want_logits;
    float label_smoothing, z_coef;
};
int model_build(const struct model_config *c, struct params *p, const struct model_build *b, struct model_graph *out, struct err *e);

/* ---- Hugging Face names ---- */
/* config.json of a HF directory <-> ours. */
int model_config_from_hf(struct model_config *c, const struct cJSON *hf, const char *name, struct err *e);
int model_config_to_hf(const struct model_config *c, struct buf *out, struct err *e);
/* How a parameter of ours is stored in a HF file: same element count; transposed for Conv1D
 * (gpt2: [in,out] on disk, [out,in] here), a row permutation for gpt_neox's fused per-head qkv. */
struct hf_tensor {
    const char *name;       /* on disk */
    int ndim;
    int64_t dim[4];         /* on disk */
};
/* Calls fn for every tensor of the HF file; parts = our parameters that make it up, stacked by rows. */
int model_hf_visit(const struct model_config *c, const struct params *p,
                   int (*fn)(void *arg, const struct hf_tensor *t, struct param *const *parts, int n_parts, struct err *e),
                   void *arg, struct err *e);
/* Convert between disk layout (f32) and our parameters; buf has the tensor's element count. */
int model_hf_import(const struct model_config *c, const struct hf_tensor *t, struct param *const *parts, int n_parts, const float *disk, struct err *e);
int model_hf_export(const struct model_config *c, const struct hf_tensor *t, struct param *const *parts, int n_parts, float *disk, struct err *e);

#endif
