/* train_sp_model.h - learned pieces as a SentencePiece .model file. */
#ifndef CORE_TOKEN_TRAIN_SP_MODEL_H
#define CORE_TOKEN_TRAIN_SP_MODEL_H

#include "core/base/buf.h"
#include "core/token/train.h"

/* The tokens that come first: <unk>, <s>, </s>, special ones, user-defined ones, bytes.
 * Zero-initialise. */
struct sp_meta {
    const char **text; /* [n] by id */
    char (*bytes)[8];
    size_t n, n_user, n_bytes;
};
int sp_meta_make(struct sp_meta *m, const struct tok_train_opts *o, struct err *e);
void sp_meta_free(struct sp_meta *m);

int sp_write_model(const struct tok_train_opts *o, const struct sp_meta *m,
                   const struct sp_corpus *c, const struct sp_pieces *p, struct buf *out,
                   struct err *e);

#endif
