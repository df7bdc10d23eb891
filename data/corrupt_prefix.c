/* Prefix LM: each segment is cut at a place drawn evenly from its inside; what
 * stands before is seen from both sides and predicts nothing. */
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "data/corrupt.h"

struct prefix {
    struct batch_source base;
    struct batch_source *in;
    uint64_t seed;
};

static void cut(const struct batch *b, size_t row, const struct rng_key *k)
{
    for (int i = 0; i < b->T;) {
        int end = i + 1;
        while (end < b->T && b->seg_start[row + (size_t)end] == b->seg_start[row + (size_t)i])
            end++;
        int n = end - i, at = n < 2 ? end : i + 1 + (int)rng_below(k, (uint64_t)i, (uint64_t)(n - 1));
        for (int j = i; j < end; j++) {
            if (b->prefix_end) b->prefix_end[row + (size_t)j] = at;
            if (j >= at - 1 || n < 2) continue;
            b->targets[row + (size_t)j] = -1;
            b->weights[row + (size_t)j] = 0;
        }
        i = end;
    }
}

static int next(struct batch_source *s, uint64_t step, struct batch *b, struct err *e)
{
    struct prefix *p = (struct prefix *)s;
    if (p->in->next(p->in, step, b, e)) return -1;
    for (int r = 0; r < b->rows; r++) {
        uint64_t name[3] = {p->seed, step, (uint64_t)r};
        struct rng_key k = rng_key(hash64(name, sizeof name), RNG_MASK, 1, 0);
        cut(b, (size_t)r * (size_t)b->T, &k);
    }
    b->n_bytes = 0;
    return 0;
}

static int describe(struct batch_source *s, struct buf *json, struct err *e)
{
    struct prefix *p = (struct prefix *)s;
    buf_printf(json, "{\"task\":\"prefix\",\"seed\":\"%llu\",\"text\":", (unsigned long long)p->seed);
    if (p->in->describe(p->in, json, e)) return -1;
    buf_addc(json, '}');
    return buf_ok(json, e);
}

static void close_prefix(struct batch_source *s)
{
    struct prefix *p = (struct prefix *)s;
    if (!p) return;
    p->in->close(p->in);
    free(p);
}

struct batch_source *prefix_source(struct batch_source *base, uint64_t seed, struct err *e)
{
    struct prefix *p = mem_zalloc(1, sizeof *p);
    if (!p) {
        base->close(base);
        err_oom(e, sizeof *p, "a batch source");
        return NULL;
    }
    *p = (struct prefix){
        {.next = next, .describe = describe, .close = close_prefix, .n_tokens = base->n_tokens, .vocab = base->vocab},
        base,
        seed};
    return &p->base;
}
