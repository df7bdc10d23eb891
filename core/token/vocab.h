/* vocab.h - token texts by id and ids by text.
 *
 * Build with vocab_add(), then only read.  Texts live in one pool; ids may
 * have holes.  The text is the spelling in the file. */
#ifndef CORE_TOKEN_VOCAB_H
#define CORE_TOKEN_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"

/* Ids are packed into 21 bits in the merge table; no vocabulary comes near. */
enum { VOCAB_MAX_ID = (1 << 21) - 2 };

enum vocab_flag {
    VOCAB_USED = 1,    /* not a hole */
    VOCAB_MODEL = 2,   /* in the model's vocabulary */
    VOCAB_ADDED = 4,   /* in added_tokens */
    VOCAB_SPECIAL = 8, /* an added token with special = true */
    VOCAB_USER = 16,   /* SentencePiece: user-defined */
    VOCAB_UNUSED = 32, /* SentencePiece: not to come out */
    VOCAB_BYTE = 64,   /* SentencePiece: a byte, never the text <0x..> */
    VOCAB_INVERTED = 128, /* special, but decoding shows it, or the other way round: tok_is_skipped() */
    VOCAB_LATER = 256, /* in the model's list, but its text is found under a later id: vocab_add_again() */
};

struct vocab_entry {
    uint32_t off, len; /* in pool */
    uint32_t flags;
};

struct vocab {
    struct vocab_entry *v; /* [n] by id */
    int n, cap;            /* n = largest id + 1 */
    int used;
    struct buf pool;
    uint32_t *slots;       /* hash tag << 21 | id + 1; 0 = free */
    size_t n_slots;
};

void vocab_free(struct vocab *v);
bool vocab_reserve(struct vocab *v, size_t n_tokens, size_t bytes); /* of so many together; false: out of memory */
/* Fails when the id is out of range or taken, or the text is there already. */
int vocab_add(struct vocab *v, int64_t id, const char *text, size_t len, unsigned flags,
              struct err *e);
/* The same, but a text that is there is found under the new id from now on; the old one is spelled so, no more. */
int vocab_add_again(struct vocab *v, int64_t id, const char *text, size_t len, unsigned flags, struct err *e);
int vocab_find(const struct vocab *v, const char *text, size_t len); /* -1 = none */

/* Many tokens at once, for files that are well: texts are written where vocab_room() says, and looked up
 * when all are there.  What vocab_add() would refuse is told by false, without saying what it is: the
 * vocabulary is then of no use but for vocab_free(), and is made once more with vocab_add(). */
char *vocab_room(struct vocab *v, size_t len); /* for a text of so many bytes at most; NULL: out of memory */
bool vocab_put(struct vocab *v, int64_t id, size_t len, unsigned flags); /* the text that was written there */
bool vocab_index(struct vocab *v);
static inline bool vocab_copy(struct vocab *v, int64_t id, const char *text, size_t len, unsigned flags)
{
    char *to = vocab_room(v, len);
    if (to && len) memcpy(to, text, len);
    return to && vocab_put(v, id, len, flags);
}

/* vocab_many.c: many texts at once, whose slots, entries and bytes are asked for before they are looked at. */
struct vocab_text {
    const char *s;
    size_t n;
};
void vocab_find_many(const struct vocab *v, const struct vocab_text *text, size_t n, int32_t *id); /* as vocab_find() */
/* Every way to put the text of id[0], id[1] ... together from two others, cut in front of a character: each() gets
 * the index in id[0..n) and the two.  What it returns other than 0 ends it. */
typedef int vocab_cut_fn(void *arg, size_t k, int left, int right);
int vocab_cuts(const struct vocab *v, const int32_t *id, size_t n, vocab_cut_fn *each, void *arg, struct err *e);

static inline const char *vocab_text(const struct vocab *v, int id, size_t *len)
{
    *len = v->v[id].len;
    return v->pool.data + v->v[id].off;
}

#endif
