/* chat.h - records of chat and instruction data judged by their turns.
 *
 * What the turns themselves tell is measured here, and limits on it are rules
 * like any other:
 *
 *   sft.empty_turns      turns without text, but for a system's, and for an
 *                        assistant's that calls a tool
 *   sft.role_order       places out of order: a system turn behind the first, a
 *                        user who speaks twice, an assistant whom nobody asked,
 *                        the result of a tool that nobody called, an unknown role,
 *                        an end that is not the assistant's
 *   sft.answers          turns of the assistant
 *   sft.shortest_answer  characters, white space at the ends not counted
 *   sft.longest_answer
 *   sft.duplicate_turns  turns equal to an earlier one of the same role, and
 *   sft.echoes           answers equal to what they answer, both of at least
 *                        CHAT_SAME_BYTES bytes, in their words and numbers
 *                        (prompt_norm.h): "yes" may be said twice
 *
 * The built-in rules see the answers, parted by blank lines; filters behind the
 * rules (classifiers, decontamination ...) see all turns.  The record itself is
 * written as it came, but for personal data that is to be masked (doc_mask.h). */
#ifndef DATA_CHAT_H
#define DATA_CHAT_H

#include "data/clean.h"
#include "data/turns.h"

enum { CHAT_SAME_BYTES = 16 };

struct chat;
/* spec: turns_spec_parse().  Before all other filters. */
struct chat *chat_add(struct clean_cfg *cfg, const char *spec, struct err *e);
void chat_free(struct chat *c); /* NULL is fine */

/* Before a document is cleaned: 1 when it has turns, 0 when not, -1 when they
 * cannot be read: *why.  What was read lives until the next call on this thread. */
int chat_read(struct chat *c, int thread, const struct doc *d, const char **why);

#endif
