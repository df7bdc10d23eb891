/* shard_fixture.h - a shard format without a tokenizer, and scratch files. */
#ifndef TESTS_UNIT_SHARD_FIXTURE_H
#define TESTS_UNIT_SHARD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/token/batch.h"
#include "data/shard.h"

/* Every id stands for one byte, ids below `specials` for none. */
static inline struct shard_meta fixture_meta(int vocab, int bos, int eos, uint16_t *lengths)
{
    for (int i = 0; i < vocab; i++)
        lengths[i] = i != bos && i != eos;
    return (struct shard_meta){
        .vocab = vocab, .bos = bos, .eos = eos, .tok_hash = 0x1234, .lengths = lengths};
}

static inline void fixture_path(char *out, size_t n, const char *dir, const char *name)
{
    assert_true((size_t)snprintf(out, n, "%s/%s", dir, name) < n);
}

static inline int fixture_dir(void **state)
{
    char *dir = strdup("/tmp/llmctl-test-XXXXXX");
    *state = dir;
    return dir && mkdtemp(dir) ? 0 : -1;
}

static inline int fixture_remove_dir(void **state)
{
    struct err e;
    int ret = dir_remove(*state, &e);
    rmdir(*state);
    free(*state);
    return ret;
}

/* Room for a batch; s: positions of a source, or 0.  All of it goes with free(tokens). */
static inline struct batch fixture_batch(int rows, int t, int s)
{
    size_t n = (size_t)rows * (size_t)t, ns = (size_t)rows * (size_t)s;
    int32_t *p = calloc(8 * n + 3 * ns, 4);
    assert_non_null(p);
    return (struct batch){.rows = rows,
                          .T = t,
                          .S = s,
                          .tokens = p,
                          .targets = p + n,
                          .positions = p + 2 * n,
                          .seg_start = p + 3 * n,
                          .weights = (float *)(p + 4 * n),
                          .prefix_end = p + 5 * n,
                          .src_lo = p + 6 * n,
                          .src_hi = p + 7 * n,
                          .src_tokens = p + 8 * n,
                          .src_positions = p + 8 * n + ns,
                          .src_seg_start = p + 8 * n + 2 * ns};
}

#endif
