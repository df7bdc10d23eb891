/* families_rwkv.h - inside core/model: names of RWKV's parameters. */
#ifndef CORE_MODEL_FAMILIES_RWKV_H
#define CORE_MODEL_FAMILIES_RWKV_H

#include "core/model/layout.h"

extern const struct family families_rwkv[];
extern const int n_families_rwkv;

/* What all versions share, as the authors' files have it. */
#define RWKV_COMMON_SLOTS                                                            \
    [SLOT_TR_W] = "att.receptance.weight", [SLOT_TK_W] = "att.key.weight",           \
    [SLOT_TV_W] = "att.value.weight", [SLOT_TG_W] = "att.gate.weight",               \
    [SLOT_TO_W] = "att.output.weight", [SLOT_LNX_W] = "att.ln_x.weight",             \
    [SLOT_LNX_B] = "att.ln_x.bias", [SLOT_CKEY_W] = "ffn.key.weight",                \
    [SLOT_CR_W] = "ffn.receptance.weight", [SLOT_CVAL_W] = "ffn.value.weight"

/* With any other family: the names of version 7, where it has one. */
#define RWKV_DEFAULT_SLOTS                                                           \
    RWKV_COMMON_SLOTS,                                                               \
    [SLOT_MIX_X] = "att.x_x", [SLOT_MIX_R] = "att.x_r", [SLOT_MIX_W] = "att.x_w",    \
    [SLOT_MIX_K] = "att.x_k", [SLOT_MIX_V] = "att.x_v", [SLOT_MIX_A] = "att.x_a",    \
    [SLOT_MIX_G] = "att.x_g", [SLOT_CMIX_K] = "ffn.x_k", [SLOT_CMIX_R] = "ffn.x_r",  \
    [SLOT_MA1_W] = "att.maa_w1.w", [SLOT_MA1_K] = "att.maa_w1.k", [SLOT_MA1_V] = "att.maa_w1.v", \
    [SLOT_MA1_R] = "att.maa_w1.r", [SLOT_MA1_G] = "att.maa_w1.g",                    \
    [SLOT_MA2_W] = "att.maa_w2.w", [SLOT_MA2_K] = "att.maa_w2.k", [SLOT_MA2_V] = "att.maa_w2.v", \
    [SLOT_MA2_R] = "att.maa_w2.r", [SLOT_MA2_G] = "att.maa_w2.g",                    \
    [SLOT_FIRST] = "att.first", [SLOT_DECAY] = "att.w0", [SLOT_DECAY_A] = "att.w1",  \
    [SLOT_DECAY_B] = "att.w2", [SLOT_A0] = "att.a0", [SLOT_A1] = "att.a1", [SLOT_A2] = "att.a2", \
    [SLOT_V0] = "att.v0", [SLOT_V1] = "att.v1", [SLOT_V2] = "att.v2",                \
    [SLOT_G1] = "att.g1", [SLOT_G2] = "att.g2", [SLOT_KK] = "att.k_k",               \
    [SLOT_KA] = "att.k_a", [SLOT_RK] = "att.r_k"

#endif
