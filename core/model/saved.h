/* saved.h - a model from disk: a .llmz file, a run directory (its model.llmz,
 * or else its newest checkpoint), a Hugging Face directory, or a file of rwkv.cpp.  Every command
 * that wants a model gets it here. */
#ifndef CORE_MODEL_SAVED_H
#define CORE_MODEL_SAVED_H

#include "core/base/pool.h"
#include "core/ckpt/llmz.h"
#include "core/model/model.h"
#include "core/token/tokenizer.h"

enum { SAVED_ENDS = 16 };

struct cJSON;

struct saved_model {
    char *path;             /* of the file that was read */
    struct model_config config;
    struct params *params;
    struct tokenizer *tok;  /* NULL when the file holds none */
    char *tok_json;         /* its text, or NULL */
    char *chat_template;    /* Jinja (core/token/chat.h), or NULL */
    int32_t ends[SAVED_ENDS]; /* [n_ends] tokens that end a text besides the tokenizer's: generation_config.json */
    int n_ends;
    struct saved_forced {
        bool said;
        int32_t id;
    } first, last, start;   /* generation_config.json: the first new token, the last at the most tokens, a decoder's first input */
    enum dtype *src_dtype;  /* of each parameter on disk */
};

/* Reads config, tokenizer and parameters.  Parameters come as `dt` (DT_F32,
 * or DT_BF16 for matrices) whatever the file has; a NaN or infinity among
 * them is ERR_DATA naming the tensor. */
int saved_open(struct saved_model *m, const char *path, enum dtype dt, struct pool *pool, struct err *e);
/* The same without the tokenizer. */
int saved_open_weights(struct saved_model *m, const char *path, enum dtype dt, struct pool *pool, struct err *e);
/* Gives m this tokenizer in the place of its own, if it fits; t is m's in any case, NULL (an error of the caller's)
 * gives -1. */
int saved_take_tokenizer(struct saved_model *m, struct tokenizer *t, struct err *e);
void saved_close(struct saved_model *m); /* a zeroed one is fine */

/* Parameters and tokenizer as a new .llmz of kind "model".  dtype NULL = each
 * tensor as it was on disk.  `rest` is JSON members for the manifest that
 * come after, e.g. "\"lineage\":[…]". */
int saved_write(const char *path, const struct saved_model *m, const enum dtype *dtype, const char *rest,
                struct pool *pool, struct err *e);

/* Takes ends from JSON, an id or a list of them; those that the model has not are
 * left out, as it never says them. */
void saved_take_ends(struct saved_model *m, const struct cJSON *ids);
/* Takes an id from JSON, where it is one of the model's. */
void saved_take_forced(const struct saved_model *m, struct saved_forced *f, const struct cJSON *id);

/* The file that `path` stands for; caller frees. */
char *saved_path(const char *path, struct err *e);
/* The description and, if any, tokenizer of an open file. *tok_json belongs to z. */
int saved_config(const struct llmz *z, const char *path, struct model_config *c, const char **tok_json, struct err *e);

#endif
