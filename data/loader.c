#include "data/loader.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/rng.h"

enum { PERIOD = 1 << 16 };

/* Where each document of one epoch begins when laid out in permuted order. */
struct doc_order {
    uint64_t *begin; /* n_docs + 1, NULL until used */
    uint64_t epoch;
};

struct source {
    struct tokset *set;
    uint64_t begin, end;   /* tokens [begin, end); the last is only a target */
    uint64_t doc0, n_docs; /* documents inside */
    uint64_t doc_tokens;   /* their tokens */
    uint64_t seed;
    double weight, from, to;
    uint32_t share;             /* rows of PERIOD */
    struct doc_order orders[2]; /* by epoch & 1: a row spans at most two when it fits an epoch */
};

struct loader {
    struct batch_source base;
    struct source *src;
    size_t n;
    enum loader_order order;
    bool concat;
    uint64_t seed;
    uint8_t *slot; /* PERIOD: which source */
    uint16_t *nth; /* PERIOD: how many earlier slots have that source */
    int32_t *scratch;
    size_t scratch_n;
};

/* ---- mixture ---- */

/* Each slot goes to the source that is furthest behind its share. */
static void make_schedule(struct loader *l)
{
    uint32_t given[256] = {0};
    for (uint32_t i = 0; i < PERIOD; i++) {
        size_t best = 0;
        int64_t most = INT64_MIN;
        for (size_t k = 0; k < l->n; k++) {
            int64_t behind = (int64_t)l->src[k].share * (i + 1) - (int64_t)given[k] * PERIOD;
            if (given[k] < l->src[k].share && behind > most) {
                most = behind;
                best = k;
            }
        }
        l->slot[i] = (uint8_t)best;
        l->nth[i] = (uint16_t)given[best]++;
    }
}

/* Shares of PERIOD by largest remainder; every source with a weight gets one. */
static int make_shares(struct loader *l, struct err *e)
{
    double total = 0, rest[256];
    for (size_t k = 0; k < l->n; k++)
        total += l->src[k].weight;
    uint32_t used = 0;
    for (size_t k = 0; k < l->n; k++) {
        double x = l->src[k].weight / total * PERIOD;
        uint32_t n = (uint32_t)floor(x);
        rest[k] = x - n;
        if (!n && l->src[k].weight > 0) {
            n = 1;
            rest[k] = 0;
        }
        l->src[k].share = n;
        used += n;
    }
    for (; used < PERIOD; used++) {
        size_t best = 0;
        for (size_t k = 1; k < l->n; k++)
            if (rest[k] > rest[best]) best = k;
        l->src[best].share++;
        rest[best] = -1;
    }
    for (; used > PERIOD; used--) { /* minimum shares overdrew: the largest gives */
        size_t best = 0;
        for (size_t k = 1; k < l->n; k++)
            if (l->src[k].share > l->src[best].share) best = k;
        l->src[best].share--;
    }
    l->slot = mem_alloc(PERIOD, sizeof *l->slot);
    l->nth = mem_alloc(PERIOD, sizeof *l->nth);
    if (!l->slot || !l->nth) return err_oom(e, PERIOD * 3, "the mixture of sources");
    make_schedule(l);
    return 0;
}

/* Row `row` of the whole run is row *local of the source returned. */
static struct source *pick(struct loader *l, uint64_t row, uint64_t *local)
{
    if (l->n == 1) {
        *local = row;
        return &l->src[0];
    }
    struct source *s = &l->src[l->slot[row % PERIOD]];
    *local = row / PERIOD * s->share + l->nth[row % PERIOD];
    return s;
}

/* ---- rows ---- */

/* Fills positions [at, at + n) of a row with tokens [pos, pos + n) of the set
 * and what follows them.  seg is the row index where the running segment began
 * (-1: begin one here).  Returns 0 or -1. */
struct row {
    int32_t *tokens, *targets, *positions, *seg_start;
    float *weights;
};

static void put(struct row *r, int i, int32_t token, int32_t target, int seg)
{
    r->tokens[i] = token;
    r->targets[i] = target;
    r->weights[i] = target >= 0 ? 1.0f : 0.0f;
    r->positions[i] = i - seg;
    r->seg_start[i] = seg;
}

static int fill(struct loader *l, struct source *s, struct row *r, int at, int n, uint64_t pos,
                struct err *e)
{
    const struct tokset_info *in = tokset_get_info(s->set);
    int32_t *x = l->scratch;
    bool more = pos + (uint64_t)n < in->n_tokens;
    if (tokset_read(s->set, pos, (size_t)n + (more ? 1 : 0), x, e)) return -1;
    if (!more) x[n] = -1;
    int seg = at;
    struct tokset_doc d = {0, 0, 0};
    if (!l->concat) d = tokset_doc_at(s->set, pos);
    for (int i = 0; i < n; i++) {
        uint64_t p = pos + (uint64_t)i;
        int32_t target = x[i + 1];
        if (!l->concat) {
            if (p >= d.end) {
                d = tokset_doc_at(s->set, p);
                seg = at + i;
            }
            if (p + 1 == d.end && !in->shared_eos) target = -1;
        }
        put(r, at + i, x[i], target, seg);
    }
    return 0;
}

static void fill_nothing(struct row *r, int at, int T)
{
    for (int i = at; i < T; i++)
        put(r, i, 0, -1, at);
}

static int window_row(struct loader *l, struct source *s, struct row *r, int T, uint64_t local,
                      uint64_t *epoch, struct err *e)
{
    uint64_t n = s->end - s->begin, t = (uint64_t)T;
    if (n <= t)
        return err_set(
            e, ERR_DATA,
            "the data has %llu tokens, a row takes %llu; use a shorter context or more text",
            (unsigned long long)n, (unsigned long long)t + 1);
    uint64_t windows = (n - t) / t;
    if (!windows) windows = 1;
    uint64_t slack = n - 1 - windows * t;
    *epoch = local / windows;
    struct rng_key key = rng_key(s->seed, RNG_SHUFFLE, (uint32_t)*epoch, 1);
    uint64_t first = s->begin + rng_below(&key, 0, slack + 1);
    uint64_t w = perm_at(s->seed, (uint32_t)*epoch, windows, local % windows);
    return fill(l, s, r, 0, T, first + w * t, e);
}

static struct doc_order *order_of(struct source *s, uint64_t epoch, struct err *e)
{
    struct doc_order *o = &s->orders[epoch & 1];
    if (o->begin && o->epoch == epoch) return o;
    if (!o->begin && !(o->begin = mem_alloc((size_t)s->n_docs + 1, sizeof *o->begin))) {
        err_oom(e, s->n_docs * sizeof *o->begin, "the order of documents");
        return NULL;
    }
    o->epoch = epoch;
    uint64_t at = 0;
    for (uint64_t i = 0; i < s->n_docs; i++) {
        struct tokset_doc d =
            tokset_doc(s->set, s->doc0 + perm_at(s->seed, (uint32_t)epoch, s->n_docs, i));
        o->begin[i] = at;
        at += d.end - d.begin;
    }
    o->begin[s->n_docs] = at;
    return o;
}

/* Makes a piece of `concat` rows one segment with what stands before it.  The
 * neighbour in the set of a document's last token is not its neighbour here. */
static void join(struct row *r, int at, int n, bool ends)
{
    for (int j = at; j < at + n; j++) {
        r->seg_start[j] = 0;
        r->positions[j] = j;
    }
    if (at && r->targets[at - 1] < 0) r->targets[at - 1] = r->tokens[at], r->weights[at - 1] = 1.0f;
    if (ends) r->targets[at + n - 1] = -1, r->weights[at + n - 1] = 0.0f;
}

static int document_row(struct loader *l, struct source *s, struct row *r, int T, uint64_t local,
                        uint64_t *epoch, struct err *e)
{
    bool shared = tokset_get_info(s->set)->shared_eos;
    uint64_t at = local * (uint64_t)T;
    *epoch = at / s->doc_tokens;
    for (int i = 0; i < T;) {
        uint64_t ep = at / s->doc_tokens, in_ep = at % s->doc_tokens;
        struct doc_order *o = order_of(s, ep, e);
        if (!o) return -1;
        uint64_t lo = 0, hi = s->n_docs;
        while (hi - lo > 1) {
            uint64_t mid = lo + (hi - lo) / 2;
            if (o->begin[mid] <= in_ep)
                lo = mid;
            else
                hi = mid;
        }
        struct tokset_doc d =
            tokset_doc(s->set, s->doc0 + perm_at(s->seed, (uint32_t)ep, s->n_docs, lo));
        uint64_t skip = in_ep - o->begin[lo], left = d.end - d.begin - skip;
        int take = left < (uint64_t)(T - i) ? (int)left : T - i;
        if (fill(l, s, r, i, take, d.begin + skip, e)) return -1;
        if (l->concat) join(r, i, take, skip + (uint64_t)take == d.end - d.begin && !shared);
        i += take;
        at += (uint64_t)take;
    }
    return 0;
}

static uint64_t seq_rows(const struct source *s, int T)
{
    uint64_t n = s->end - s->begin;
    return n < 2 ? 0 : (n - 1 + (uint64_t)T - 1) / (uint64_t)T;
}

static int sequential_row(struct loader *l, struct row *r, int T, uint64_t row, struct err *e)
{
    for (size_t k = 0; k < l->n; k++) {
        struct source *s = &l->src[k];
        uint64_t rows = seq_rows(s, T);
        if (row >= rows) {
            row -= rows;
            continue;
        }
        uint64_t pos = s->begin + row * (uint64_t)T, left = s->end - 1 - pos;
        int n = left < (uint64_t)T ? (int)left : T;
        if (fill(l, s, r, 0, n, pos, e)) return -1;
        fill_nothing(r, n, T);
        return 0;
    }
    fill_nothing(r, 0, T);
    return 0;
}

static int loader_next(struct batch_source *bs, uint64_t step, struct batch *b, struct err *e)
{
    struct loader *l = (struct loader *)bs;
    size_t T = (size_t)b->T;
    if (b->T < 1 || b->rows < 1)
        return err_set(e, ERR_INTERNAL, "batch of %d rows of %d tokens", b->rows, b->T);
    if (l->scratch_n < T + 1) {
        int32_t *x = mem_resize(l->scratch, T + 1, sizeof *x);
        if (!x) return err_oom(e, (T + 1) * sizeof *x, "a row of tokens");
        l->scratch = x;
        l->scratch_n = T + 1;
    }
    const uint16_t *lengths = tokset_lengths(l->src[0].set);
    b->n_bytes = 0;
    b->epoch = 0;
    for (int i = 0; i < b->rows; i++) {
        size_t o = (size_t)i * T;
        struct row r = {b->tokens + o, b->targets + o, b->positions + o, b->seg_start + o,
                        b->weights + o};
        uint64_t row = step * (uint64_t)b->rows + (uint64_t)i, local, epoch = 0;
        int ret;
        if (l->order == LOADER_SEQUENTIAL) {
            ret = sequential_row(l, &r, b->T, row, e);
        } else {
            struct source *s = pick(l, row, &local);
            ret = l->order == LOADER_DOCUMENTS ? document_row(l, s, &r, b->T, local, &epoch, e)
                                               : window_row(l, s, &r, b->T, local, &epoch, e);
        }
        if (ret) return err_wrap(e, "step %llu", (unsigned long long)step);
        if (i == 0) b->epoch = epoch;
        for (size_t j = 0; j < T; j++)
            if (r.targets[j] >= 0) b->n_bytes += lengths[r.targets[j]];
    }
    return 0;
}

uint64_t loader_steps(const struct batch_source *bs, int rows, int T)
{
    const struct loader *l = (const struct loader *)bs;
    uint64_t n = 0;
    for (size_t k = 0; k < l->n; k++)
        n += seq_rows(&l->src[k], T);
    return (n + (uint64_t)rows - 1) / (uint64_t)rows;
}

/* Names the content, not the place: a run may be resumed after files moved. */
static int loader_describe(struct batch_source *bs, struct buf *json, struct err *e)
{
    static const char *const names[] = {"windows", "documents", "sequential"};
    const struct loader *l = (const struct loader *)bs;
    buf_printf(json, "{\"order\":\"%s\",\"concat\":%s,\"seed\":\"%llu\",\"sources\":[",
               names[l->order], l->concat ? "true" : "false", (unsigned long long)l->seed);
    for (size_t k = 0; k < l->n; k++) {
        const struct source *s = &l->src[k];
        const struct tokset_info *in = tokset_get_info(s->set);
        char id[17], tok[17];
        hash64_hex(in->id, id);
        hash64_hex(in->tok_hash, tok);
        buf_printf(
            json,
            "%s{\"content\":\"%s\",\"tokenizer\":\"%s\",\"shards\":%zu,\"documents\":%llu,"
            "\"tokens\":%llu,\"text_bytes\":%llu,\"from\":%.17g,\"to\":%.17g,\"weight\":%.17g}",
            k ? "," : "", id, tok, in->n_shards, (unsigned long long)in->n_docs,
            (unsigned long long)in->n_tokens, (unsigned long long)in->text_bytes, s->from, s->to,
            s->weight);
    }
    buf_adds(json, "]}");
    return buf_ok(json, e);
}

static void loader_close(struct batch_source *bs)
{
    struct loader *l = (struct loader *)bs;
    if (!l) return;
    for (size_t k = 0; k < l->n; k++) {
        free(l->src[k].orders[0].begin);
        free(l->src[k].orders[1].begin);
    }
    free(l->src);
    free(l->slot);
    free(l->nth);
    free(l->scratch);
    free(l);
}

/* ---- opening ---- */

/* The token where the part at fraction x of the set begins: between documents
 * when there are several. */
static uint64_t cut(struct tokset *set, double x)
{
    const struct tokset_info *in = tokset_get_info(set);
    if (x >= 1) return in->n_tokens;
    uint64_t pos = (uint64_t)((double)in->n_tokens * x);
    if (pos >= in->n_tokens) pos = in->n_tokens - 1;
    return in->n_docs > 1 ? tokset_doc_at(set, pos).begin : pos;
}

static int init_source(struct source *s, const struct loader_part *p, uint64_t seed, size_t k,
                       struct err *e)
{
    const struct tokset_info *in = tokset_get_info(p->set);
    if (!(p->from >= 0 && p->from < p->to && p->to <= 1))
        return err_set(e, ERR_USAGE, "part %g to %g of the data: want 0 <= from < to <= 1", p->from,
                       p->to);
    if (!(p->weight >= 0) || isinf(p->weight))
        return err_set(e, ERR_USAGE, "weight %g of a source is not a positive number", p->weight);
    if (!in->n_docs) return err_set(e, ERR_DATA, "the data holds no documents");
    *s = (struct source){.set = p->set, .weight = p->weight, .from = p->from, .to = p->to};
    uint64_t salt[2] = {seed, k};
    s->seed = k ? hash64(salt, sizeof salt) : seed;
    s->begin = cut(p->set, p->from);
    s->end = cut(p->set, p->to);
    struct tokset_doc a = tokset_doc_at(p->set, s->begin),
                      b = tokset_doc_at(p->set, s->end ? s->end - 1 : 0);
    /* What follows a document that shares its end-of-text token is its last target. */
    if (in->n_docs > 1 && in->shared_eos && s->end < in->n_tokens) s->end++;
    s->doc0 = a.index;
    s->n_docs = (b.index < in->n_docs ? b.index + 1 : in->n_docs) - a.index;
    if (s->end < s->begin + 2 || !s->n_docs)
        return err_set(e, ERR_DATA,
                       "part %g to %g of the data holds no whole document; choose another split",
                       p->from, p->to);
    s->doc_tokens = tokset_doc(p->set, s->doc0 + s->n_docs - 1).end - a.begin;
    return 0;
}

static int init_sources(struct loader *l, const struct loader_cfg *cfg, struct err *e)
{
    double total = 0;
    for (size_t k = 0; k < l->n; k++) {
        if (init_source(&l->src[k], &cfg->parts[k], cfg->seed, k, e)) return -1;
        const struct tokset_info *in = tokset_get_info(l->src[k].set),
                                 *first = tokset_get_info(l->src[0].set);
        if (in->tok_hash != first->tok_hash || in->vocab != first->vocab)
            return err_set(e, ERR_DATA, "source %zu was made with another tokenizer than the first",
                           k + 1);
        if (cfg->order == LOADER_DOCUMENTS && in->n_docs == 1 &&
            (cfg->parts[k].from > 0 || cfg->parts[k].to < 1))
            return err_set(e, ERR_USAGE,
                           "a single document cannot be split in document order; use windows");
        l->base.n_tokens += l->src[k].end - l->src[k].begin;
        total += l->src[k].weight;
    }
    if (!(total > 0))
        for (size_t k = 0; k < l->n; k++)
            l->src[k].weight = (double)(l->src[k].end - l->src[k].begin);
    l->base.vocab = tokset_get_info(l->src[0].set)->vocab;
    return l->n > 1 ? make_shares(l, e) : 0;
}

struct batch_source *loader_new(const struct loader_cfg *cfg, struct err *e)
{
    if (!cfg->n_parts || cfg->n_parts > 255) {
        err_set(e, ERR_USAGE, "%zu data sources; want 1 to 255", cfg->n_parts);
        return NULL;
    }
    struct loader *l = mem_zalloc(1, sizeof *l);
    if (!l || !(l->src = mem_zalloc(cfg->n_parts, sizeof *l->src))) {
        free(l);
        err_oom(e, sizeof *l, "the loader");
        return NULL;
    }
    l->base = (struct batch_source){
        .next = loader_next, .describe = loader_describe, .close = loader_close};
    l->n = cfg->n_parts;
    l->order = cfg->order;
    l->concat = cfg->concat;
    l->seed = cfg->seed;
    if (init_sources(l, cfg, e)) {
        loader_close(&l->base);
        return NULL;
    }
    return &l->base;
}
