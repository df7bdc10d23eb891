/* id_input.h - token ids as they come, from whatever holds them:
 *
 *   a token shard (its name ends in .tok)
 *   numbers as text, white space, commas and brackets between them
 *   JSON lines: objects, each a text, with a list `ids` or `input_ids`
 *   .npy: integers of one or two dimensions, a row a text
 *
 * All but shards may be packed (doc_stream.h), and come from a pipe: what is there is
 * handed out before more is waited for. */
#ifndef DATA_ID_INPUT_H
#define DATA_ID_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "data/shard.h"

struct id_input;

struct id_part {
    const int32_t *id; /* until the next call */
    size_t n;
    uint64_t at;       /* of the first, in the whole input */
    uint64_t line;     /* that they stand in; 0: there are none, or it may be several */
    bool end;          /* a text ends behind them */
    bool wait;         /* nothing more may come for long */
};

/* "-" is stdin.  by_text: each document of a shard is a text, without the bos and eos that
 * mark it, and each line of numbers; else bos and eos are there, and numbers are one text. */
struct id_input *id_input_open(const char *path, bool by_text, struct err *e);
struct shard *id_input_shard(const struct id_input *in); /* or NULL */
const char *id_input_name(const struct id_input *in);    /* for messages */
/* 1 with *part, 0 at the end, -1. */
int id_input_next(struct id_input *in, struct id_part *part, struct err *e);
void id_input_close(struct id_input *in); /* NULL is fine */

#endif
