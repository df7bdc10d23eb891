/* hf_dir.h - a model as a Hugging Face directory: config.json, safetensors
 * (one file, or shards with an index), tokenizer.json. */
#ifndef CORE_MODEL_HF_DIR_H
#define CORE_MODEL_HF_DIR_H

#include "core/model/saved.h"

/* True for a directory with config.json that is not a run of ours. */
bool hf_dir_is(const char *path);

/* Fills config, params (of type dt), tokenizer and the types on disk.  A
 * tensor that is missing, left over, of another shape or not finite is an
 * error that names it.  with_tok false leaves the tokenizer aside. */
int hf_dir_load(struct saved_model *m, const char *dir, enum dtype dt, bool with_tok, struct err *e);

/* Writes a new directory, whole or not at all; an existing one must be empty.
 * dtype NULL = each tensor as it was on disk.  max_shard in bytes, 0 = one file. */
int hf_dir_save(const char *dir, const struct saved_model *m, const enum dtype *dtype, uint64_t max_shard,
                struct err *e);

#endif
