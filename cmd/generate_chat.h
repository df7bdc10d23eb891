/* generate_chat.h - llmctl generate --chat: conversations by the model's template. */
#ifndef CMD_GENERATE_CHAT_H
#define CMD_GENERATE_CHAT_H

#include "core/infer/generate.h"
#include "core/infer/session.h"
#include "core/token/dialog.h"

struct saved_model;

/* The template named, or the model's own; path: of the model, for messages. */
int chat_open(struct dialog *d, const struct saved_model *m, const char *path, const char *named, int64_t now,
              struct err *e);

/* Appends the conversation that begins with what the user says, as JSON.
 * system may be NULL. */
int chat_begin(struct buf *json, const char *system, const char *text, size_t n, struct err *e);

/* Turn after turn: a line of stdin is what the user says, ("\" at its end: the next
 * one, too), until its end or "/exit".  What of the conversation the decoder
 * has read already is not read again; when it no longer fits into the context,
 * its oldest turns go. */
struct chat_talk {
    struct dialog *dialog;
    const struct gen_model *m;
    struct gen_params *p;
    const char *system;
    const char *says;     /* the one turn to answer; NULL: those of stdin */
    size_t n_says;
    struct gen_session *session; /* gone on from and kept at the end, in session_path; or NULL */
    const char *session_path;
    gen_text_fn *on_text; /* gets the answers, a newline behind each */
    void *arg;
    struct gen_stats *stats;
};
int chat_run(const struct chat_talk *t, struct err *e);

#endif
