/* rwkvcpp_load.h - a model from rwkv.cpp's file: RWKV-4, -5.1, -5.2, -6, -7.
 * The file holds no tokenizer and no context length. */
#ifndef CORE_MODEL_RWKVCPP_LOAD_H
#define CORE_MODEL_RWKVCPP_LOAD_H

#include "core/ckpt/rwkvcpp.h"
#include "core/model/saved.h"

int rwkvcpp_config(struct model_config *c, const struct rwkvcpp *f, struct err *e);
/* Declares, allocates and fills m->params; m->config, m->src_dtype too. */
int rwkvcpp_load(struct saved_model *m, const char *path, enum dtype dt, struct err *e);

#endif
