/* train_like.h - a new vocabulary for the steps of a tokenizer that there is.
 *
 * As train_new_from_iterator() of transformers does it: normalizer, split,
 * post-processor, decoder and the model's settings stay; special tokens stay
 * and get the first ids, other added tokens go.  Of a SentencePiece .model: it
 * says how it was trained, and another is trained in the same way.
 *
 *     train_like_read(&like, t, name, &e);
 *     train_like_options(&like, &opts, &e);      then learn with these
 *     train_like_write(&like, &file, &e);        what was learned, with the rest around it
 */
#ifndef CORE_TOKEN_TRAIN_LIKE_H
#define CORE_TOKEN_TRAIN_LIKE_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/token/train.h"

struct cJSON;
struct spm_model;
struct train_like {
    struct spm_model *model;   /* of a .model: its settings; or */
    struct cJSON *json;        /* the tokenizer, of which vocabulary and ids will be others */
    enum tok_train_type type;
    char *normalizer, *pre;    /* JSON, or NULL */
    const char *prefix, *suffix, *unk; /* of the model */
    const char **special;      /* [n_special] those of the tokenizer, then more */
    size_t n_special;
    char **text;               /* [n_text] of .model: copies that `special`, `user` and the options point at */
    size_t n_text;
    const char **user;         /* [n_user] user-defined symbols */
    size_t n_user;
    bool lines;                /* see struct tok_train_opts */
};

/* more: special tokens besides; `name` for messages.  What cannot be learned, or would not be the same kind, is refused. */
int train_like_read(struct train_like *l, const struct tokenizer *t, const char *name, const char *const *more, size_t n_more,
                    struct err *e);
int train_like_options(struct train_like *l, struct tok_train_opts *o, struct err *e); /* once; *o points into *l */
/* *file: what was learned with them. */
int train_like_write(struct train_like *l, struct buf *file, struct err *e);
void train_like_free(struct train_like *l);

#endif
