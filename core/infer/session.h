/* session.h - a text that goes on later: its tokens and what the decoder keeps
 * of them, in a .llmz file of kind "session".
 *
 * Going on gives the bits of a run that never stopped.  The file belongs to one
 * model in one type: description and weights are hashed. */
#ifndef CORE_INFER_SESSION_H
#define CORE_INFER_SESSION_H

#include "core/base/hash.h"
#include "core/model/decode.h"

struct gen_session {
    struct hash128 model;
    struct llmz *z;         /* NULL: a new session */
    int32_t *ids;           /* [n] */
    int n, cached;          /* tokens; those that the decoder has read */
    char *chat;             /* of a conversation: its messages in JSON; NULL = a text.  Owned */
};

/* What a session belongs to. */
struct hash128 gen_session_model(const struct model_config *c, const struct params *p, enum dtype dt);
/* Opens `path`, or begins anew when there is no such file. */
int gen_session_open(struct gen_session *s, const char *path, struct hash128 model, int vocab, struct err *e);
/* Sequence 0 of d holds the cached tokens afterwards. */
int gen_session_restore(struct gen_session *s, struct decoder *d, struct err *e);
/* Writes sequence 0 of d, which has read all but the last of ids[n] (n >= 2). */
int gen_session_save(const struct gen_session *s, const char *path, struct decoder *d, const int32_t *ids, int n,
                     struct err *e);
void gen_session_close(struct gen_session *s); /* a zeroed one is fine */

#endif
