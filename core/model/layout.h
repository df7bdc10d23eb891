/* layout.h - inside core/model: which parameters a description has, in
 * canonical order, with their names, shapes and initialisation.  Declaring,
 * binding, counting, initialising and the Hugging Face maps all walk this one
 * list. */
#ifndef CORE_MODEL_LAYOUT_H
#define CORE_MODEL_LAYOUT_H

#include "core/model/model.h"

/* The part a parameter plays.  q, k, v are kept apart in every family, so
 * that Muon sees matrices and the builder has one path. */
enum slot_role {
    SLOT_EMBED, SLOT_POS, SLOT_TYPES, SLOT_ENC_EMBED,
    SLOT_ELN_W, SLOT_ELN_B,              /* norm on the embedding */
    SLOT_EPROJ_W, SLOT_EPROJ_B,          /* from embed.dim to d_model */
    SLOT_ENC_POS, SLOT_ENC_ELN_W, SLOT_ENC_ELN_B, SLOT_ENC_FNORM_W, SLOT_ENC_FNORM_B, /* the encoder's own, encdec */
    SLOT_NORM1_W, SLOT_NORM1_B,          /* before (post: after) attention */
    SLOT_Q_W, SLOT_K_W, SLOT_V_W,
    SLOT_Q_B, SLOT_K_B, SLOT_V_B,
    SLOT_QNORM, SLOT_KNORM,
    SLOT_SINK, SLOT_SHAW_K, SLOT_SHAW_V, SLOT_T5,
    SLOT_O_W, SLOT_O_B,
    SLOT_POST1_W, SLOT_POST1_B,          /* sandwich: on the output of attention */
    SLOT_XNORM_W, SLOT_XNORM_B,          /* cross-attention */
    SLOT_XQ_W, SLOT_XK_W, SLOT_XV_W,
    SLOT_XQ_B, SLOT_XK_B, SLOT_XV_B,
    SLOT_XO_W, SLOT_XO_B,
    SLOT_POSTX_W, SLOT_POSTX_B,
    SLOT_NORM2_W, SLOT_NORM2_B,          /* before (post: after) the FFN */
    SLOT_GATE_W, SLOT_GATE_B, SLOT_UP_W, SLOT_UP_B, SLOT_DOWN_W, SLOT_DOWN_B,
    SLOT_POST2_W, SLOT_POST2_B,          /* sandwich: on the output of the FFN */
    SLOT_ROUTER_W, SLOT_ROUTER_B, SLOT_ROUTER_CORR, /* ffn moe */
    SLOT_EUP_W, SLOT_EUP_B, SLOT_EDOWN_W, SLOT_EDOWN_B, /* all experts: [E, 2F, C] gate over up; [E, C, F] */
    SLOT_SGATE_W, SLOT_SUP_W, SLOT_SDOWN_W, SLOT_SSIG_W, /* shared experts, and the row whose sigmoid weighs them */
    SLOT_MLA_QA, SLOT_MLA_QNORM, SLOT_MLA_QB, SLOT_MLA_KVA, SLOT_MLA_KR, SLOT_MLA_KVNORM, SLOT_MLA_KVB,
    SLOT_MLA_QA_B, SLOT_MLA_KVA_B, SLOT_MLA_KR_B,
    /* rwkv: mixes of x with the token before it, then the parts of each version */
    SLOT_MIX_X, SLOT_MIX_W, SLOT_MIX_K, SLOT_MIX_V, SLOT_MIX_R, SLOT_MIX_G, SLOT_MIX_A,
    SLOT_MA1_W, SLOT_MA1_K, SLOT_MA1_V, SLOT_MA1_R, SLOT_MA1_G, SLOT_MA2_W, SLOT_MA2_K, SLOT_MA2_V, SLOT_MA2_R, SLOT_MA2_G,
    SLOT_DECAY, SLOT_DECAY_A, SLOT_DECAY_B, SLOT_FIRST,
    SLOT_A0, SLOT_A1, SLOT_A2, SLOT_V0, SLOT_V1, SLOT_V2, SLOT_G1, SLOT_G2,
    SLOT_KK, SLOT_KA, SLOT_RK,
    SLOT_TR_W, SLOT_TK_W, SLOT_TV_W, SLOT_TG_W, SLOT_TO_W, SLOT_LNX_W, SLOT_LNX_B,
    SLOT_CMIX_K, SLOT_CMIX_R, SLOT_CKEY_W, SLOT_CR_W, SLOT_CVAL_W,
    SLOT_FNORM_W, SLOT_FNORM_B,
    SLOT_HDENSE_W, SLOT_HDENSE_B, SLOT_HNORM_W, SLOT_HNORM_B, /* mlm, rtd */
    SLOT_HEAD_W, SLOT_HEAD_B,
    SLOT_SDENSE_W, SLOT_SDENSE_B, SLOT_SNORM_W, SLOT_SNORM_B, SLOT_SCORE_W, SLOT_SCORE_B, /* cls, reward */
    SLOT_N
};

enum slot_init { INIT_ZERO, INIT_ONE, INIT_NORMAL, INIT_RESIDUAL, INIT_RWKV };

struct slot {
    enum slot_role role;
    int layer;              /* -1 outside of blocks */
    int ndim;
    int64_t dim[3];
    unsigned flags;         /* enum param_flags */
    enum slot_init init;
    bool linear;            /* weight of a matrix product inside a block */
    bool f32;               /* a matrix that stays f32 whatever the model's type (routers) */
    int split;              /* matrices that lie one below the other in it; 0 = 1 */
    char name[96];
};

typedef int slot_fn(void *arg, const struct slot *s, struct err *e);
int layout_walk(const struct model_config *c, slot_fn *fn, void *arg, struct err *e);

/* How a family's files store fused and transposed weights. */
struct family {
    const char *name;
    const char *base;                    /* prefix of the base model, with its dot */
    const char *block;                   /* printf format of a block's prefix, after base */
    const char *enc_block;               /* of the encoder's blocks, where there are two stacks */
    bool by_group;                       /* a group of layers that share their parameters has one number (ALBERT) */
    const char *t5_table;                /* name after base of the table that all layers share, where it lies outside of them */
    bool conv1d;                         /* linear weights are [in, out] on disk */
    bool qkv_fused, qkv_per_head;
    const char *slot[SLOT_N];            /* after the prefix; those of the head in full; NULL = default_slot's */
    const char *enc_slot[SLOT_N];        /* in encoder blocks, where it differs */
    /* Experts one by one, as files of transformers 4 have them: the router's name, the prefix of an expert (printf
     * format) and its gate, up and down.  NULL: only stacked. */
    const char *router, *expert, *expert_part[3];
    bool experts_transposed;             /* stacked as [E, in, out], gate and up taking turns (gpt_oss) */
    const char *glu_up, *enc_glu_up;     /* name of SLOT_UP_W in a GLU, where it differs (T5) */
    const char *own_embed;               /* name of the decoder's table where the encoder has one of its own */
    const char *gate_up_w;               /* name of gate over up in one tensor, without biases (Phi-3) */
    const char *shared_gate_up_w;        /* the same of the shared experts (GraniteMoE) */
    const char *each_head[2]; /* printf formats of the norms of q's and k's heads, where each is a tensor (StableLM) */
    bool frozen_head_bias;               /* final_logits_bias [1,V]: stored, not trained */
    const char *qkv_w, *qkv_b;           /* names of the fused tensors */
};
const struct family *family_find(const char *name); /* NULL when unknown */
extern const char *const family_names[];            /* NULL-terminated */

/* Parameters by (layer, role); layer -1 = outside of blocks. */
extern const struct family families_more[];
extern const int n_families_more;
extern const struct family families_encoders[];
extern const int n_families_encoders;
extern const struct family families_open[];
extern const int n_families_open;
/* Name of a role after its prefix: in an encoder's block, in a block with a GLU. */
const char *family_slot(const struct family *f, enum slot_role r, bool encoder, bool glu);

struct bound {
    int n_layers;
    struct param **v;       /* [(n_layers + 1) * SLOT_N] */
};
int bound_init(struct bound *b, const struct model_config *c, const struct params *p, struct err *e);
void bound_deinit(struct bound *b);
static inline struct param *bound_at(const struct bound *b, int layer, enum slot_role r)
{
    return b->v[(layer + 1) * SLOT_N + (int)r];
}

#endif
