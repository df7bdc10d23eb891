/* dialog.h - what a model is asked in a conversation, and where its turn ends.
 *
 *     dialog_open(&d, tokenizer, template, n, "chat_template.jinja", now, &e);
 *     dialog_ids(&d, "[{\"role\":\"user\",\"content\":\"Hi\"}]", n, "stdin", DIALOG_AUTO, &ids, &e);
 *     ... generate until one of d.ends ...
 *     dialog_close(&d);
 *
 * Control tokens are found in text of the template only, and one <bos> comes
 * first (chat.h). */
#ifndef CORE_TOKEN_DIALOG_H
#define CORE_TOKEN_DIALOG_H

#include "core/token/chat.h"

enum { DIALOG_ENDS = 4 };

struct dialog {
    const struct tokenizer *t;
    struct chat_template *template;
    struct tok_scratch *scratch;
    struct chat_vars vars;
    struct buf bos, eos, guard;
    int32_t ends[DIALOG_ENDS]; /* [n_ends] tokens that end a turn: the tokenizer's end of text, and the
                                * control token that the template puts behind an assistant's message */
    int n_ends;
};

/* now: seconds since 1970, for templates that ask. */
int dialog_open(struct dialog *d, const struct tokenizer *t, const char *template, size_t n, const char *name,
                int64_t now, struct err *e);
void dialog_close(struct dialog *d); /* a zeroed one is fine */

/* What follows the messages.  AUTO: the beginning of the assistant's turn
 * (add_generation_prompt), or, where the last message is an assistant's, nothing:
 * the model goes on with it.  NO: only the messages, ended as the template does. */
enum dialog_prompt { DIALOG_AUTO, DIALOG_YES, DIALOG_NO };
/* Appends the ids of a conversation, JSON as for chat_render(). */
int dialog_ids(struct dialog *d, const char *json, size_t n, const char *name, enum dialog_prompt prompt,
               struct tok_ids *ids, struct err *e);

#endif
