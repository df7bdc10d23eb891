/* Pseudo-likelihood of a masked language model (Salazar et al., arXiv:
 * 1910.14659): every token hidden in turn, all others seen. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/corrupt.h"

struct pseudo {
    struct batch_source base; /* first: handed out */
    struct batch_source *in;
    const struct corrupt_ids *ids;
    uint64_t windows, at;     /* at: the window in `row`, windows = none */
    uint64_t *first;          /* [windows + 1] number of the first token of each window */
    struct batch row;
    int32_t *memory;
};

static bool is_counted(const struct pseudo *p, int i)
{
    int32_t id = p->row.tokens[i];
    return p->row.weights[i] > 0 && id < p->ids->n && !(p->ids->kind[id] & ID_SPECIAL);
}

static int load(struct pseudo *p, uint64_t window, struct err *e)
{
    if (p->at == window) return 0;
    p->at = p->windows;
    if (p->in->next(p->in, window, &p->row, e)) return -1;
    p->at = window;
    return 0;
}

static uint64_t window_of(const struct pseudo *p, uint64_t token)
{
    uint64_t lo = 0, hi = p->windows;
    while (hi - lo > 1) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (p->first[mid] <= token) lo = mid;
        else hi = mid;
    }
    return lo;
}

/* Row r of the batch: the window of token k with that token hidden; past the last one nothing is asked. */
static int fill_row(struct pseudo *p, struct batch *b, int r, uint64_t k, struct err *e)
{
    bool any = k < p->first[p->windows];
    if (load(p, any ? window_of(p, k) : 0, e)) return -1;
    size_t to = (size_t)r * (size_t)b->T, bytes = (size_t)b->T * sizeof(int32_t);
    memcpy(b->tokens + to, p->row.tokens, bytes);
    memcpy(b->positions + to, p->row.positions, bytes);
    memcpy(b->seg_start + to, p->row.seg_start, bytes);
    if (b->types) memset(b->types + to, 0, bytes);
    uint64_t left = any ? k - p->first[p->at] : 0;
    for (int i = 0; i < b->T; i++) {
        b->targets[to + (size_t)i] = -1;
        b->weights[to + (size_t)i] = 0;
        if (!any || !is_counted(p, i) || left-- > 0) continue;
        any = false;
        b->targets[to + (size_t)i] = p->row.tokens[i];
        b->weights[to + (size_t)i] = 1;
        b->tokens[to + (size_t)i] = p->ids->mask;
    }
    return 0;
}

static int next(struct batch_source *s, uint64_t step, struct batch *b, struct err *e)
{
    struct pseudo *p = (struct pseudo *)s;
    if (b->T != p->row.T) return err_set(e, ERR_INTERNAL, "rows of %d tokens, %d were asked for", p->row.T, b->T);
    for (int r = 0; r < b->rows; r++)
        if (fill_row(p, b, r, step * (uint64_t)b->rows + (uint64_t)r, e)) return -1;
    b->n_bytes = 0;
    b->epoch = 0;
    return 0;
}

static int describe(struct batch_source *s, struct buf *json, struct err *e)
{
    struct pseudo *p = (struct pseudo *)s;
    buf_adds(json, "{\"task\":\"pseudo\",\"text\":");
    if (p->in->describe(p->in, json, e)) return -1;
    buf_addc(json, '}');
    return buf_ok(json, e);
}

static void close_pseudo(struct batch_source *s)
{
    struct pseudo *p = (struct pseudo *)s;
    if (!p) return;
    p->in->close(p->in);
    free(p->first);
    free(p->memory);
    free(p);
}

/* Reads everything once: where each window's tokens begin. */
static int count(struct pseudo *p, struct err *e)
{
    for (uint64_t w = 0; w < p->windows; w++) {
        if (load(p, w, e)) return -1;
        p->first[w + 1] = p->first[w];
        for (int i = 0; i < p->row.T; i++) p->first[w + 1] += is_counted(p, i);
    }
    return p->first[p->windows] ? 0 : err_set(e, ERR_DATA, "the text has no token to hide");
}

struct batch_source *pseudo_source(struct batch_source *base, const struct corrupt_ids *ids, int T, uint64_t windows,
                                   struct err *e)
{
    struct pseudo *p = mem_zalloc(1, sizeof *p);
    if (!p) {
        err_oom(e, sizeof *p, "a batch source");
        base->close(base);
        return NULL;
    }
    p->base = (struct batch_source){.next = next, .describe = describe, .close = close_pseudo, .vocab = base->vocab};
    p->in = base;
    p->ids = ids;
    p->windows = p->at = windows;
    size_t n = (size_t)T;
    p->first = mem_zalloc((size_t)windows + 1, sizeof *p->first);
    int32_t *m = p->memory = mem_zalloc(5 * n, sizeof *m);
    int r = -1;
    if (ids->mask < 0)
        err_set(e, ERR_CONFIG, "the tokenizer has no mask token ([MASK] or <mask>)");
    else if (!p->first || !m) err_oom(e, ((size_t)windows + 5 * n) * 8, "a batch source");
    else {
        p->row = (struct batch){.rows = 1, .T = T, .tokens = m, .targets = m + n, .positions = m + 2 * n,
                                .seg_start = m + 3 * n, .weights = (float *)(m + 4 * n)};
        r = count(p, e);
    }
    if (r == 0) return &p->base;
    close_pseudo(&p->base);
    return NULL;
}

uint64_t pseudo_steps(const struct batch_source *s, int rows)
{
    const struct pseudo *p = (const struct pseudo *)s;
    return (p->first[p->windows] + (uint64_t)rows - 1) / (uint64_t)rows;
}
