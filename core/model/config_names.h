/* config_names.h - inside core/model: the words of the description's choices,
 * shared by the parser and the printer. */
#ifndef CORE_MODEL_CONFIG_NAMES_H
#define CORE_MODEL_CONFIG_NAMES_H

#include <stdbool.h>

struct choice {
    const char *name;
    int value;
    bool built; /* false: part of the schema, refused as not supported yet */
};

extern const struct choice choice_stack[], choice_embed_pos[], choice_sin[], choice_mixer[], choice_bias[],
    choice_qk_norm[], choice_pos[], choice_pairing[], choice_scaling[], choice_ffn[], choice_act[],
    choice_norm[], choice_place[], choice_head[];

const char *choice_name(const struct choice *t, int value);

#endif
