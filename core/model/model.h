/* model.h - the model description (JSON, DESIGN.md 3), its parameters and the
 * one builder from description to graph.
 *
 *     struct model_config c;
 *     model_config_preset(&c, "llama-15m", e);
 *     model_config_set(&c, (const char *[]){"blocks.mixer.window=256"}, 1, e);
 *     struct params *p = params_new(e);
 *     model_declare(&c, p, DT_F32, e);  params_alloc(p, true, e);  model_init(&c, p, seed, e);
 *     model_build(&c, p, &(struct model_build){.opts = ..., .want_loss = true}, &mg, e);
 *
 * The parser knows the whole schema; a kind that is not built is refused by
 * name ("blocks[0].mixer.type rwkv7 is not supported yet").  MODEL.md, beside
 * this file, lists every key. */
#ifndef CORE_MODEL_MODEL_H
#define CORE_MODEL_MODEL_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/tensor/ops.h"

struct cJSON;

enum pos_type { POS_NONE, POS_SINUSOIDAL, POS_LEARNED, POS_ROPE, POS_ALIBI, POS_SHAW, POS_T5 };
/* Sinusoidal tables: sin and cos interleaved (the paper); all sines then all
 * cosines with the paper's frequencies (Marian); the same halves with
 * 10000^(-i/(d/2-1)) (tensor2tensor, fairseq). */
enum sin_layout { SIN_INTERLEAVED, SIN_CONCAT, SIN_T2T };
enum rope_scaling { ROPE_PLAIN, ROPE_LINEAR, ROPE_NTK, ROPE_DYNAMIC, ROPE_LLAMA3, ROPE_YARN, ROPE_LONG };
/* out: on the output of each sublayer only (OLMo 2); parallel_one: attention and FFN read one normed stream (Phi,
 * Cohere). */
enum norm_place { PLACE_PRE, PLACE_POST, PLACE_SANDWICH, PLACE_PARALLEL, PLACE_OUT, PLACE_PARALLEL_ONE };
/* Norm of q and k before RoPE: RMS of each head, or of all heads together (OLMo 2, OLMoE); layer norm of each head with
 * weights of its own (Cohere, StableLM). */
enum qk_norm { QK_NONE, QK_HEAD_RMS, QK_FULL_RMS, QK_HEAD_LN };
enum mixer_type { MIX_ATTN, MIX_MLA, MIX_RWKV4, MIX_RWKV5, MIX_RWKV6, MIX_RWKV7 };
enum ffn_type { FFN_MLP, FFN_GLU, FFN_MOE, FFN_CMIX };
/* ffn.moe; d_ff is the width of one expert, a GLU. */
struct moe_config {
    int experts, top_k;
    int shared;                 /* experts that every token takes: one GLU of width shared * d_ff */
    int shared_ff;              /* or of this width; 0 = shared * d_ff */
    bool shared_gate;           /* times the sigmoid of a product with one row (Qwen2-MoE) */
    int groups, topk_groups;    /* experts lie in groups, of which the best are searched; 1, 1 = off */
    enum router_score score;
    bool renorm;                /* the chosen weights are divided by their sum */
    bool router_bias;
    bool correction_bias;       /* added to scores for the choice only; kept level by bias_gamma */
    double scale;               /* of the weights, after renorm */
    double aux_coef, z_coef;    /* of the load-balancing loss and of mean(lse^2) */
    enum aux_norm aux_norm;
    double bias_gamma;          /* step of the correction bias after each update; 0 = it stays */
};

/* mixer of type mla: queries and key-values through low ranks (DeepSeek). */
struct mla_config {
    int q_rank, kv_rank;        /* q_rank 0 = queries straight from the stream */
    int nope_dim, rope_dim;     /* a head's part without and with positions */
    int v_dim;
    bool bias;                  /* of the products from the stream and of the way out */
    double norm_eps;            /* of the norms between the products of low rank */
};

/* mixers rwkv5 to rwkv7. */
struct rwkv_config {
    bool gate;                  /* rwkv5, rwkv6: output times silu of a product */
    double norm_eps;            /* of the norm of the heads' outputs */
    /* ranks of the small matrices */
    int mix_rank;               /* rwkv6: the five token-shift mixes */
    int decay_rank;             /* w */
    int a_rank, v_rank, gate_rank; /* rwkv7 */
};
enum stack_type { STACK_DECODER, STACK_ENCODER, STACK_ENCDEC };
/* lm: the head of decoders; mlm: dense + act + layer norm before the tied
 * table (BERT); rtd: dense + act + one number, was this token replaced?
 * (ELECTRA); cls: of a whole text, a number a label; reward: one number, how
 * good is this answer?; none: an encoder that only gives hidden states. */
enum head_type { HEAD_LM, HEAD_MLM, HEAD_RTD, HEAD_CLS, HEAD_REWARD, HEAD_NONE };
/* cls and reward: which state stands for a text, and what the numbers learn. */
enum head_pool { POOL_MEAN, POOL_CLS, POOL_LAST };
enum score_loss { LOSS_CE, LOSS_MSE, LOSS_PAIRS };
#define MODEL_MAX_LABELS 65536
#define MODEL_LABEL_BYTES 8192

/* One group of equal blocks; what is built today. */
struct block_config {
    int repeat;
    bool shared;                /* all layers of the group are the first one's parameters (ALBERT) */
    enum mixer_type mixer;
    struct mla_config mla;
    struct rwkv_config rwkv;
    int heads, kv_heads, head_dim;
    bool qkv_bias, out_bias, causal;
    enum qk_norm qk_norm;
    double scale;               /* 0 = 1/sqrt(head_dim) */
    double softcap;             /* of attention scores; 0 = none */
    double clip_qkv;            /* q, k and v are held within it, before RoPE and behind a norm of all heads; 0 = not */
    int window;                 /* keys visible to a query, itself included; 0 = all */
    bool sink;                  /* a learned logit a head that takes probability and gives nothing */
    bool cross;                 /* attends to the encoder's output, between self-attention and FFN */
    enum pos_type pos;          /* of the mixer: none, rope, alibi, shaw, t5 */
    int clip;                   /* shaw: distances beyond it are one */
    bool shaw_v;                /* shaw: a table for the values too */
    int buckets, max_distance;  /* t5 */
    bool pos_shared;            /* t5: the first layer of the stack holds the table of all */
    double theta, partial;      /* rope: base; share of head_dim that turns */
    bool interleaved;           /* rope pairs (2i, 2i+1) instead of (i, i + n/2) */
    enum rope_scaling scaling;
    double factor, low_freq, high_freq, original_max_pos, beta_fast, beta_slow;
    double attn_factor;         /* yarn, longrope: multiplies cos and sin; 0 = what the paper says (rope.h) */
    bool yarn_truncate;
    enum ffn_type ffn;
    struct moe_config moe;
    bool cmix_gate;             /* rwkv_cmix: times the sigmoid of a product (not rwkv7) */
    double glu_limit, glu_alpha; /* gpt-oss: clamped gate and up, gate * sigmoid(alpha gate) * (up + 1); 0 = off */
    enum act act;
    int d_ff;
    bool ffn_bias;
    enum norm_kind norm;
    double norm_eps;
    bool norm_bias;
    bool norm_plus_one;         /* weights are stored minus 1 (Gemma) */
    bool norm_weight;           /* false: plain normalisation without parameters (OLMo) */
    bool norm_mixer;            /* false: none before the mixer (ModernBERT's first layer, behind the embedding's norm) */
    enum norm_place place;
    double residual_scale;      /* of each sublayer's output before it joins the stream (Granite) */
};

#define MODEL_MAX_BLOCKS 128
#define MODEL_MAX_LAYERS 1024

/* Factors of rope's longrope scaling, a pair each: for rows up to original_max_pos, and for longer ones. */
#define MODEL_MAX_LONGROPE 512
struct longrope {
    int n;                      /* 0 = none */
    double by[2][MODEL_MAX_LONGROPE];
};

struct model_config {
    char prefix[16]; /* of a model trained beside another (ELECTRA's generator), whose embedding it shares; else "" */
    char family[24];            /* names of parameters and the Hugging Face form; family_names in layout.h */
    enum stack_type stack;
    int d_model, vocab, max_pos, n_layers;   /* n_layers = sum of repeats, encoder included */
    int n_enc_blocks, n_enc_layers;          /* encdec: the first groups and layers are the encoder */
    int enc_vocab; /* encdec: ids of the source where it has a table of its own, 0 = one table serves both stacks */
    int decoder_start;          /* encdec: first input of the decoder, -1 = the tokenizer's begin of text */
    bool tie_embed;
    enum pos_type embed_pos;    /* none, sinusoidal, learned */
    enum sin_layout sin_layout;
    int pos_offset;
    double embed_scale;
    bool embed_ln;              /* a norm on the embedding, of the last group's kind */
    int embed_pad;              /* the id whose row looking it up does not train (torch's padding_idx), -1 = none */
    int embed_types;            /* rows of the token type table, 0 = none */
    int embed_dim;              /* width of the tables; other than d_model: projected (ELECTRA) */
    enum head_type head;
    enum act head_act;          /* of the dense layer of mlm, rtd and cls */
    int labels;                 /* cls, reward: numbers a text */
    bool head_dense;            /* a dense layer before them */
    bool head_dense_norm;       /* and a layer norm behind that */
    bool head_dense_bias;       /* mlm, cls: whether the dense layer and its norm have biases */
    enum head_pool pool;
    enum score_loss score_loss;
    int score_pad; /* of decoders: the id that transformers fills batches with, -1 = none; means nothing to us */
    char label_names[MODEL_LABEL_BYTES]; /* one after the other, each ended by NUL; "" = they have none (model_label) */
    bool head_norm, head_bias;
    double logit_scale, head_softcap;        /* logits * scale, then softcap * tanh(logits / softcap) */
    double init_std;
    double dropout_embed, dropout_attn, dropout_resid;
    struct longrope longrope;
    int n_blocks;
    struct block_config block[MODEL_MAX_BLOCKS];
};

/* Whether the head is one of whole texts. */
static inline bool model_scores(const struct model_config *c)
{
    return c->head == HEAD_CLS || c->head == HEAD_REWARD;
}
/* Name of a label, NULL where they have none; setting them, in turn from 0, sets their number too. */
const char *model_label(const struct model_config *c, int i);
int model_set_label(struct model_config *c, int i, const char *name, struct err *e);

/* Norms between residual additions: which of the three places have one. */
static inline bool norm_before(const struct block_config *b)
{
    return b->place != PLACE_POST && b->place != PLACE_OUT;
}
static inline bool norm_behind(const struct block_config *b) /* on a sublayer's output, before the residual sum */
{
    return b->place == PLACE_SANDWICH || b->place == PLACE_OUT;
}

/* Width of the shared experts' GLU, 0 = none. */
static inline int moe_shared_width(const struct block_config *b)
{
    return b->moe.shared_ff && b->moe.shared ? b->moe.shared_ff : b->moe.shared * b->d_ff;
}

/* What a group has when its description says nothing. */
struct block_config model_block_default(void);
/* The group that a layer belongs to. */
const struct block_config *model_block(const struct model_config *c, int layer);
/* The layer whose parameters a layer uses: itself, or the first of a group that shares them. */
int model_layer_of_params(const struct model_config *c, int layer);

/* What holds where a description or file says nothing; no blocks yet. */
void model_config_init(struct model_config *c);

/* Parses and validates the whole schema (unknown key, impossible combination:
 * ERR_CONFIG naming the key).  `name` is put in front of messages. */
int model_config_parse(struct model_config *c, const struct cJSON *j, const char *name, struct err *e);
/* Canonical JSON; parse(print(c)) == c. */
void model_config_print(const struct model_config *c, struct buf *out);
/* What parse() checks beyond single keys; for configs changed in place. */
int model_config_check(const struct model_config *c, struct err *e);

/* A preset by name ("gpt2", "llama-15m", ...); list in model_preset_names(). */
int model_config_preset(struct model_config *c, const char *name, struct err *e);
const char *const *model_preset_names(void); /* NULL-terminated */
/* The --depth dial: sensible width, heads and FFN for N layers of a family. */
int model_config_depth(struct model_config *c, const char *family, int depth, struct err *e);
/* "key.path=value" overrides, all applied to the JSON before it is parsed once.  "blocks[1].…" is one group, "blocks.…"
 * all of them; the value is JSON, or else a plain string.  A new `type` of a mixer, its positions, an ffn, a norm or
 * the head forgets the keys that belonged to the old one. */
int model_config_set(struct model_config *c, const char *const *assignments, size_t n, struct err *e);
/* The short forms; 0 = keep.  A new width keeps the ratio of the FFN, and the
 * head dimension follows; a new number of heads drops grouped KV heads when it must. */
struct model_dims {
    int64_t layers, width, heads, kv_heads, context, vocab;
};
int model_config_resize(struct model_config *c, const struct model_dims *d, struct err *e);

/* Declares all parameters, in the canonical order.  Matrices have type dt;
 * vectors (norms, biases) stay f32. */
int model_declare(const struct model_config *c, struct params *p, enum dtype dt, struct err *e);
/* Initialises all parameters from Philox (a pure function of seed and parameter index):
 * N(0, init_std), residual projections / sqrt(2 L), norms 1, biases 0. */
int model_init(const struct model_config *c, struct params *p, uint64_t seed, struct err *e);
/* All parameters; those of matrix products N (embeddings excluded, head included). */
int64_t model_n_params(const struct model_config *c);
int64_t model_matmul_params(const struct model_config *c);
/* FLOPs a token of a training step: 6 N + 12 T H D a layer, the second term
 * halved for causal blocks (the kernel skips them) and cut by the window. */
double model_train_flops_per_token(const struct model_config *c, int T);

/* The training or evaluation graph.  Inputs "tokens", "positions", "seg_start"
 * [N] i32 (N = rows * T) and, with the loss, "targets" [N] i32, "weights" [N]
 * f32.  Positions are < opts.T.  *loss as in op_linear_ce (rtd: op_bce).
 *   encoder-decoder: "src_tokens", "src_positions", "src_seg_start" [rows * S],
 *     "src_lo", "src_hi" [N]: struct batch says what they mean
 *   token types: "types" [N], of an encoder-decoder [rows * S]
 *   prefix: "prefix_end" [N]
 *   targets_per_row = M: the head works on M chosen tokens of each row only;
 *     "target_at" [rows * M] (row-relative, -1 = none), and "targets", "weights"
 *     and the logits are [rows * M] too (tokens masked for MLM)
 *   heads of texts (model_scores) have M texts a row: "target_at" is the token whose state stands for a text, or, with
 *     pool mean, its first, and "target_end" [rows * M] the one behind its last.  Logits [rows * M, labels].  Targets
 *     as above for loss ce; mse: "values" [rows * M, labels] f32 instead; pairs: texts 2i and 2i + 1 make pair i, and
 *     "targets" (1: the first is better, 0: the second, -1: no pair) and "weights" are [rows * M / 2] */
struct model_graph {
    struct graph *g;
    struct tensor *loss;    /* NULL when built without loss */
    struct tensor *hidden;  /* final hidden state after the last norm, [N,C] */
    struct tensor *logits;  /* [N,V] f32, only when asked for */
    /* With experts: how many slots each took, [layers with experts, E] i32; and,
     * when they are part of the loss, {load balancing, z} f32, to be added to the
     * mean loss.  With several executions a step the input "router_counts"
     * [layers * E] f32 says what all of them together will count. */
    struct tensor *router_counts, *router_loss;
};
struct model_build {
    struct graph_opts opts;
    bool want_loss, want_logits;
    float label_smoothing, z_coef;
    int S;                  /* source tokens a row, of an encoder-decoder */
    bool prefix;            /* prefix LM: part of a segment is seen from both sides */
    int targets_per_row;    /* 0 = every token predicts */
    bool encoder_only;      /* of an encoder-decoder: hidden is the encoder's [rows * S, C]; nothing else */
    /* A second model in one graph.  Inputs that it has already are shared; those
     * given here stand in for inputs.  NULL = a graph of its own; its inputs. */
    struct graph *g;
    struct tensor *tokens, *targets, *weights;
};
/* Layers with experts, and how many experts each has (0 without any). */
int model_moe_layers(const struct model_config *c, int *experts);
/* The correction bias of each of those layers, NULL where it has none. */
int model_router_corrections(const struct model_config *c, const struct params *p, struct param **out, struct err *e);
/* out->g is the caller's, to be freed with graph_free(). */
int model_build(const struct model_config *c, struct params *p, const struct model_build *b, struct model_graph *out,
                struct err *e);

/* ---- Hugging Face names ---- */
/* config.json of a HF directory <-> ours. */
int model_config_from_hf(struct model_config *c, const struct cJSON *hf, const char *name, struct err *e);
int model_config_to_hf(const struct model_config *c, struct buf *out, struct err *e);
/* How a parameter of ours is stored in a HF file: same element count; transposed for Conv1D
 * (gpt2: [in,out] on disk, [out,in] here), a row permutation for gpt_neox's and falcon's fused per-head qkv;
 * gpt_oss' experts are [E,in,out] on disk, with gate and up taking turns along out. */
enum hf_layout { HF_PLAIN, HF_TRANSPOSED, HF_PER_HEAD, HF_EXPERTS, HF_EXPERTS_TURNS };
struct hf_tensor {
    const char *name;       /* on disk */
    const char
        *alias; /* the name in other files: without the base model's prefix ("h.0.…"), "lm_head" for "embed_out" */
    int ndim;
    int64_t dim[4];         /* on disk */
    enum hf_layout layout;
    int heads;              /* of HF_PER_HEAD: disk rows are [heads][group + 2][rows of a head]; of HF_EXPERTS: experts */
    int group;              /* of HF_PER_HEAD: heads of q to one of k and v */
    int64_t row0, rows;     /* which rows of the only part it is; rows 0 = all */
    bool of_embed;          /* the token table, which a tied head repeats */
    bool or_apart;          /* the file may hold the experts one by one instead: fn returns 1 to be given those */
};
/* Calls fn (0, -1, or 1 as above) for every tensor of the HF file; parts = our parameters that make it up, stacked by
 * rows. */
int model_hf_visit(const struct model_config *c, const struct params *p,
                   int (*fn)(void *arg, const struct hf_tensor *t, struct param *const *parts, int n_parts, struct err *e),
                   void *arg, struct err *e);
/* Convert between disk layout (f32) and our parameters; buf has the tensor's element count. */
int model_hf_import(const struct model_config *c, const struct hf_tensor *t, struct param *const *parts, int n_parts,
                    const float *disk, struct err *e);
int model_hf_export(const struct model_config *c, const struct hf_tensor *t, struct param *const *parts, int n_parts,
                    float *disk, struct err *e);
/* Whether a tensor repeats the token table of a model with a tied head. */
bool model_hf_tied_copy(const struct model_config *c, const char *name);
/* Tensors that HF files carry beside the parameters and a loader skips: attention
 * masks, rotary tables, the second copy of a tied head. */
bool model_hf_ignored(const struct model_config *c, const char *name);

#endif
