/* turns.h - the turns of a record of chat or instruction data.
 *
 *   {"messages":[{"role":"user","content":"..."},{"role":"assistant","content":"..."}]}
 *   {"conversations":[{"from":"human","value":"..."},{"from":"gpt","value":"..."}]}
 *   {"prompt":"...","response":"..."}      {"instruction":"...","input":"...","output":"..."}
 *
 * A content is a string, null, or a list of parts of which those with text
 * count.  Names of roles in use elsewhere are understood. */
#ifndef DATA_TURNS_H
#define DATA_TURNS_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "data/doc.h"

enum turn_role { TURN_SYSTEM, TURN_USER, TURN_ASSISTANT, TURN_TOOL, TURN_UNKNOWN };

struct turn {
    enum turn_role role;
    size_t at, n; /* in turns.text */
    bool calls;   /* the assistant calls a tool, so that it may say nothing */
};

struct turns { /* zero-initialise; its memory is reused */
    struct turn *v;
    size_t n, cap;
    struct buf text; /* of all turns, each ended by a newline */
};
void turns_free(struct turns *t);

/* Where they are; paths of doc_path.h. */
struct turns_spec {
    bool automatic; /* whichever of the usual members there are */
    const char *messages;
    const char *system, *prompt, *answer; /* system may be NULL */
};

/* "auto", "messages=PATH" or "prompt=PATH,answer=PATH[,system=PATH]", which is
 * copied into *names. */
int turns_spec_parse(const char *text, struct turns_spec *out, struct arena *names, struct err *e);

/* 1: *t is filled; 0: the record has none; -1: it has, but they cannot be read:
 * *why says so. */
int turns_read(const struct turns_spec *spec, const char *line, size_t n, struct turns *t, const char **why);

#endif
