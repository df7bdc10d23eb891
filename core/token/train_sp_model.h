/* train_sp_model.h - learned pieces as a SentencePiece .model file. */
#ifndef CORE_TOKEN_TRAIN_SP_MODEL_H
#define CORE_TOKEN_TRAIN_SP_MODEL_H

#include "core/base/buf.h"
#include "core/token/train.h"

/* Tokens that are not learned: <unk>, <s>, </s>, <pad> with the ids that they are given, then special ones,
 * user-defined ones and bytes, each with the first id that is free.  Zero-initialise. */
struct sp_meta {
    const char **text; /* [n] */
    struct sp_meta_kind {
        int id, type;  /* enum spm_type */
    } *kind;           /* [n] */
    char (*bytes)[8];
    size_t n;
    int next;          /* ids below are taken */
};
int sp_meta_make(struct sp_meta *m, const struct tok_train_opts *o, struct err *e);
void sp_meta_free(struct sp_meta *m);

int sp_write_model(const struct tok_train_opts *o, const struct sp_meta *m,
                   const struct sp_corpus *c, const struct sp_pieces *p, struct buf *out,
                   struct err *e);

#endif
