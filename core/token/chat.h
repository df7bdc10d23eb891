/* chat.h - conversations to text and to token ids.
 *
 *     struct chat_template *t = chat_template_new(text, n, "chat_template.jinja", &e);
 *     chat_render(t, json, n, "chats.jsonl:1", &vars, &out, &e);
 *     chat_encode(&out, chat_has_generation(t), &guard, tokenizer, scratch, &ids, &mask, &e);
 *
 * Templates are Jinja as transformers runs it (trim_blocks, lstrip_blocks, loop
 * controls, a sandbox that changes nothing).  The engine has no access to
 * files, processes or attributes of the machinery, and stops at limits of
 * depth, steps, memory and output.
 *
 * Control tokens are found in text of the template only: what a message says
 * is text, whatever it looks like.  Added tokens that are not special, as "<think>"
 * often is, an assistant's message may say, too. */
#ifndef CORE_TOKEN_CHAT_H
#define CORE_TOKEN_CHAT_H

#include "core/token/chat_value.h"
#include "core/token/tokenizer.h"

struct chat_template;
/* Parses; errors name "NAME:LINE". */
struct chat_template *chat_template_new(const char *text, size_t n, const char *name, struct err *e);
void chat_template_free(struct chat_template *t);
bool chat_has_generation(const struct chat_template *t); /* {% generation %} somewhere */

/* A template by name ("chatml"), or NULL; names[], NULL at the end. */
const char *chat_builtin(const char *name);
const char *const *chat_builtin_names(void);

struct chat_limits {
    uint64_t steps;      /* 0 = 20 million */
    size_t output;       /* bytes; 0 = 64 MiB */
    size_t memory;       /* bytes; 0 = 256 MiB */
};

/* What a template is given besides the messages. */
struct chat_vars {
    const char *bos, *eos, *unk, *pad; /* texts of tokens; NULL = undefined */
    bool add_generation_prompt;
    bool continue_final; /* end where the text of the last message ends */
    int64_t now;         /* seconds since 1970 */
    struct chat_limits limits;
};

/* json: a list of messages, or an object with "messages" whose other members
 * (tools, documents ...) become variables.  Appends to *out. */
int chat_render(const struct chat_template *t, const char *json, size_t n, const char *name,
                const struct chat_vars *vars, struct chat_text *out, struct err *e);

/* Ids of a rendered chat, with exactly one <bos> in front if the tokenizer or
 * the template wants one.  mask, if not NULL, gets a byte for each id: 1 where
 * the assistant speaks (what {% generation %} marks or, in templates without
 * it, what assistant messages say and the control token after it). */
int chat_encode(const struct chat_text *text, bool generation, const struct buf *guard, const struct tokenizer *t,
                struct tok_scratch *s, struct tok_ids *ids, struct buf *mask, struct err *e);
/* Added tokens that the template names, once for a template and a tokenizer:
 * those that are not special would be found in any text, and a user must not
 * write them either.  For chat_encode, where NULL is none. */
int chat_guard(const struct chat_template *t, const struct tokenizer *tok, struct buf *guard, struct err *e);
/* bos and eos of the tokenizer as a template is given them; texts in memory of
 * *bos and *eos. */
void chat_vars_tokens(struct chat_vars *vars, const struct tokenizer *t, struct buf *bos, struct buf *eos);

#endif
