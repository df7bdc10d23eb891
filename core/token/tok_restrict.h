/* tok_restrict.h - SentencePiece's vocabulary restriction (spm_encode --vocabulary).
 *
 * For a vocabulary that two languages share: texts of one become only pieces
 * that texts of this language have often enough.  Others are taken apart;
 * single characters, bytes and user-defined symbols stay. */
#ifndef CORE_TOKEN_TOK_RESTRICT_H
#define CORE_TOKEN_TOK_RESTRICT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/token/tokenizer.h"

/* list: a line a piece, and behind a tab how often it comes (1 where it is not
 * said); kept is what comes `least` times.  name: of the list, for messages.  *out_of_use: how many pieces are. */
struct tokenizer *tok_restricted(const struct tokenizer *t, const char *list, size_t n, const char *name, int64_t least,
                                 size_t *out_of_use, struct err *e);

#endif
