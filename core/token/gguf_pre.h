/* gguf_pre.h - what reading and writing a GGUF file's tokenizer share: types of
 * values, and how text is cut, which the file says by a name. */
#ifndef CORE_TOKEN_GGUF_PRE_H
#define CORE_TOKEN_GGUF_PRE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

enum { GGUF_U8, GGUF_I8, GGUF_U16, GGUF_I16, GGUF_U32, GGUF_I32, GGUF_F32, GGUF_BOOL, GGUF_STRING, GGUF_ARRAY,
       GGUF_U64, GGUF_I64, GGUF_F64 };

/* The format has no place for a normalizer of byte pairs: what the tokenizer does
 * that has this name. */
enum gguf_form { FORM_UNKNOWN, FORM_NONE, FORM_NFC };

struct gguf_pre {
    const char *name, *split; /* a split of split.h, or NULL: */
    const char *const *chain; /* ... pre-tokenizers, NULL behind the last: expressions, or steps in JSON */
    bool ignore_merges;
    enum gguf_form form;
};
const struct gguf_pre *gguf_pre_named(const char *name); /* NULL = unknown */
const struct gguf_pre *gguf_pre_at(size_t k);            /* NULL behind the last */
/* Whether a text begins with the token bos_token_id unless add_bos_token says otherwise. */
bool gguf_pre_begins(const char *name);

/* Whether the name stands for Gemma 4's way in a file of the model "gpt2": characters are merged, not bytes. */
bool gguf_pre_is_gemma(const char *name);

/* Its "pre_tokenizer" in a tokenizer.json. */
void gguf_pre_chain(const struct gguf_pre *p, struct buf *out);

/* The one expression that the name stands for; false: it is several steps. */
bool gguf_pre_expression(const struct gguf_pre *p, struct buf *out);

#endif
