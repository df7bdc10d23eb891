/* regex_memo.h - what is known of a look-ahead: from which places of its program
 * it can match and from which not.
 *
 * In "\d{1,3}(?=(\d{3})*$)" each match looks at all digits that follow.  Whether
 * the loop gets from here to the end does not depend on where it came from, so
 * what one look found out serves the next ones, and a run of digits takes time in
 * proportion to its length. */
#ifndef CORE_TOKEN_REGEX_MEMO_H
#define CORE_TOKEN_REGEX_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct re_place {
    int32_t pc;
    size_t pos;
};

struct re_memo {
    uint64_t *slot;         /* open addressing; 0 = empty */
    size_t cap, n;
    struct re_place *way;   /* work space: choices of the looks at work */
    size_t n_way, cap_way;
};

enum re_known { RE_UNKNOWN, RE_MATCHES, RE_FAILS };

void re_memo_clear(struct re_memo *m); /* another text */
void re_memo_free(struct re_memo *m);
enum re_known re_memo_get(const struct re_memo *m, int pc, size_t pos);
/* Those past a limit, or without memory, are not kept. */
void re_memo_add(struct re_memo *m, int pc, size_t pos, enum re_known known);
/* Notes a choice on the way, unless there are too many. */
void re_memo_note(struct re_memo *m, int pc, size_t pos);

#endif
