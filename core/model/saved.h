/* saved.h - a model from disk: a .llmz file, or a run directory (its
 * model.llmz, or else its newest checkpoint). */
#ifndef CORE_MODEL_SAVED_H
#define CORE_MODEL_SAVED_H

#include "core/base/pool.h"
#include "core/ckpt/llmz.h"
#include "core/model/model.h"
#include "core/token/tokenizer.h"

struct saved_model {
    char *path;             /* of the file that was read */
    struct model_config config;
    struct params *params;
    struct tokenizer *tok;  /* NULL when the file holds none */
    char *tok_json;         /* its text, or NULL */
};

/* Reads config, tokenizer and parameters.  Parameters come as `dt` (DT_F32,
 * or DT_BF16 for matrices) whatever the file has. */
int saved_open(struct saved_model *m, const char *path, enum dtype dt, struct pool *pool, struct err *e);
void saved_close(struct saved_model *m); /* a zeroed one is fine */

/* The file that `path` stands for; caller frees. */
char *saved_path(const char *path, struct err *e);
/* The description and, if any, tokenizer of an open file. *tok_json belongs to z. */
int saved_config(const struct llmz *z, const char *path, struct model_config *c, const char **tok_json, struct err *e);

#endif
