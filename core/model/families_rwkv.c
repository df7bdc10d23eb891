/* families_rwkv.c - transformers' names of RWKV-4, and the authors' names of
 * each version (blocks.0.att.time_decay), which rwkv.cpp's files use too. */
#include "core/model/families_rwkv.h"

#include "core/base/mem.h"

#define PAIR(role, name) [SLOT_##role##_W] = name ".weight", [SLOT_##role##_B] = name ".bias"

/* Outside of blocks, and norms. */
#define AUTHORS_SLOTS                                                                \
    RWKV_COMMON_SLOTS, [SLOT_EMBED] = "emb.weight", PAIR(ELN, "blocks.0.ln0"),       \
    PAIR(NORM1, "ln1"), PAIR(NORM2, "ln2"), PAIR(FNORM, "ln_out"), [SLOT_HEAD_W] = "head.weight"

#define MIXES_SLOTS(prefix)                                                          \
    [SLOT_MIX_K] = "att." prefix "k", [SLOT_MIX_V] = "att." prefix "v", [SLOT_MIX_R] = "att." prefix "r", \
    [SLOT_MIX_G] = "att." prefix "g", [SLOT_CMIX_K] = "ffn." prefix "k", [SLOT_CMIX_R] = "ffn." prefix "r"

const struct family families_rwkv[] = {
    {
        .name = "rwkv", .base = "rwkv.", .block = "blocks.%d.",
        .slot = {
            [SLOT_EMBED] = "embeddings.weight", PAIR(ELN, "blocks.0.pre_ln"), PAIR(NORM1, "ln1"), PAIR(NORM2, "ln2"),
            PAIR(FNORM, "ln_out"), [SLOT_HEAD_W] = "head.weight",
            [SLOT_MIX_K] = "attention.time_mix_key", [SLOT_MIX_V] = "attention.time_mix_value",
            [SLOT_MIX_R] = "attention.time_mix_receptance", [SLOT_DECAY] = "attention.time_decay",
            [SLOT_FIRST] = "attention.time_first", [SLOT_TK_W] = "attention.key.weight",
            [SLOT_TV_W] = "attention.value.weight", [SLOT_TR_W] = "attention.receptance.weight",
            [SLOT_TO_W] = "attention.output.weight", [SLOT_CMIX_K] = "feed_forward.time_mix_key",
            [SLOT_CMIX_R] = "feed_forward.time_mix_receptance", [SLOT_CKEY_W] = "feed_forward.key.weight",
            [SLOT_CR_W] = "feed_forward.receptance.weight", [SLOT_CVAL_W] = "feed_forward.value.weight",
        },
    },
    {.name = "rwkv4", .base = "", .block = "blocks.%d.",
     .slot = {AUTHORS_SLOTS, MIXES_SLOTS("time_mix_"), [SLOT_DECAY] = "att.time_decay", [SLOT_FIRST] = "att.time_first"}},
    {.name = "rwkv5", .base = "", .block = "blocks.%d.",
     .slot = {AUTHORS_SLOTS, MIXES_SLOTS("time_mix_"), [SLOT_DECAY] = "att.time_decay", [SLOT_FIRST] = "att.time_faaaa"}},
    {.name = "rwkv6", .base = "", .block = "blocks.%d.",
     .slot = {AUTHORS_SLOTS, MIXES_SLOTS("time_maa_"), [SLOT_MIX_X] = "att.time_maa_x", [SLOT_MIX_W] = "att.time_maa_w",
              [SLOT_DECAY] = "att.time_decay", [SLOT_DECAY_A] = "att.time_decay_w1", [SLOT_DECAY_B] = "att.time_decay_w2",
              [SLOT_FIRST] = "att.time_faaaa"}},
    {.name = "rwkv7", .base = "", .block = "blocks.%d.", .slot = {AUTHORS_SLOTS}},
};
const int n_families_rwkv = (int)COUNT_OF(families_rwkv);
