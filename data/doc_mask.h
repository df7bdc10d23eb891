/* doc_mask.h - personal data masked in all of a record, for chats.
 *
 * Where a text stands in a chat's record depends on its kind: contents, parts of
 * contents, arguments of tools, prompts, answers, rejected answers.  So every string of
 * the record is looked at, wherever it stands, but for those of members named id, role,
 * from and url, and the names of members. */
#ifndef DATA_DOC_MASK_H
#define DATA_DOC_MASK_H

#include "core/base/buf.h"

struct doc_mask { /* zero-initialise; one a thread; its memory is reused */
    struct buf line, text, masked;
};
/* `line`: one JSON object that doc_json_find() has accepted.  Returns how many items were
 * masked (`what`: prep_pii()); when that is not 0 the record is in m->line.  *why: NULL, or
 * why a string cannot be looked at.  The caller checks m->line.oom. */
uint64_t doc_mask(struct doc_mask *m, const char *line, size_t n, unsigned what, const char **why);
void doc_mask_free(struct doc_mask *m);

#endif
