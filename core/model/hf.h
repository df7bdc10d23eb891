/* hf.h - inside core/model: what reading and writing config.json share. */
#ifndef CORE_MODEL_HF_H
#define CORE_MODEL_HF_H

#include "core/model/model.h"

/* Names of activations; the first of a kind is the one that is written. */
struct hf_act {
    const char *name;
    enum act act;
};
extern const struct hf_act hf_acts[]; /* ended by a NULL name */

/* GPT-2's two switches as our scale: 0 = the default 1/sqrt(head_dim). */
double hf_gpt2_scale(int head_dim, bool scaled, bool inverse, int layer);

#endif
