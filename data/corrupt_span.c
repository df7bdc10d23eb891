/* Span corruption, as T5's preprocessors.random_spans_noise_mask: the numbers
 * of corrupted tokens and of spans follow from the length; both the corrupted
 * and the kept tokens are cut into that many random parts, which alternate,
 * the kept ones first. */
#include <math.h>
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "data/corrupt.h"

struct span {
    struct batch_source base;
    struct batch_source *in;
    struct span_cfg cfg;
    int raw; /* tokens of a row of `in` */
    struct batch text;
    void *mem;
    int *noise, *kept; /* lengths of parts */
};

struct counts {
    int noise, spans;
};

static struct counts counts_of(const struct denoiser *d, int len)
{
    int noise = (int)nearbyint(d->rate * len);
    noise = noise < 1 ? 1 : noise > len - 1 ? len - 1 : noise;
    int spans = d->mean > 0 ? (int)nearbyint(noise / d->mean) : 1;
    if (spans < 1) spans = 1;
    if (spans > noise) spans = noise;
    if (spans > len - noise) spans = len - noise;
    return (struct counts){noise, spans};
}

/* The lengths of source and target that len tokens become.  For one span at
 * the end: the longest of either, wherever the cut falls. */
static void lengths(const struct denoiser *d, int len, int *source, int *target)
{
    struct counts c = counts_of(d, len);
    int extra = d->mode >= 0;
    if (d->mean <= 0) { /* at least one token on each side */
        *source = len - 1 + 1 + 1 + extra;
        *target = len - 1 + 1 + 1;
        return;
    }
    *source = len - c.noise + c.spans + 1 + extra;
    *target = c.noise + c.spans + 1;
}

int span_raw_length(const struct denoiser *d, int S, int T)
{
    int best = 0;
    for (int len = 2; len <= 2 * (S + T); len++) {
        int source, target;
        lengths(d, len, &source, &target);
        if (source <= S && target <= T) best = len;
    }
    return best;
}

/* Spans of the row that needs the most sentinels. */
static int max_spans(const struct span_cfg *c)
{
    int most = 1;
    for (int i = 0; i < c->n; i++) {
        int len = span_raw_length(&c->d[i], c->S, c->T);
        int n = len >= 2 ? counts_of(&c->d[i], len).spans : 0;
        if (n > most) most = n;
    }
    return most;
}

/* n items in k parts of at least one, each way of cutting as likely: the
 * borders are a random choice of k - 1 of the n - 1 places between items. */
static void random_parts(int n, int k, const struct rng_key *key, int *part)
{
    int left = k - 1, at = 0, begin = 0;
    for (int i = 1; i < n && left > 0; i++) {
        if (rng_below(key, (uint64_t)i, (uint64_t)(n - i)) >= (uint64_t)left) continue;
        part[at++] = i - begin;
        begin = i;
        left--;
    }
    part[at] = n - begin;
}

/* Writes at most `room` tokens. */
struct out {
    int32_t *v;
    int n, room;
};

static void put(struct out *o, int32_t id)
{
    if (o->n < o->room) o->v[o->n++] = id;
}

static void put_many(struct out *o, const int32_t *id, int n)
{
    for (int i = 0; i < n; i++)
        put(o, id[i]);
}

static int32_t sentinel(const struct span_cfg *c, int i)
{
    return c->first_sentinel + i * c->step_sentinel;
}

static void corrupt(struct span *s, const struct denoiser *d, const int32_t *x, int len, uint64_t name,
                    struct out *source, struct out *target)
{
    const struct span_cfg *c = &s->cfg;
    struct rng_key cut = rng_key(name, RNG_MASK, 2, 1), keep = rng_key(name, RNG_MASK, 2, 2);
    struct counts k = counts_of(d, len);
    if (d->mode >= 0) put(source, d->mode);
    if (d->mean <= 0) { /* the end, `rate` of the text on average: evenly from 0 to twice that */
        uint64_t most = (uint64_t)(2 * d->rate * len);
        int n = 1 + (int)rng_below(&cut, 0, most > 1 ? most : 1);
        if (n > len - 1) n = len - 1;
        s->kept[0] = len - n;
        s->noise[0] = n;
        k.spans = 1;
    } else {
        random_parts(k.noise, k.spans, &cut, s->noise);
        random_parts(len - k.noise, k.spans, &keep, s->kept);
    }
    for (int i = 0; i < k.spans; i++) {
        put_many(source, x, s->kept[i]);
        x += s->kept[i];
        put(source, sentinel(c, i));
        put(target, sentinel(c, i));
        put_many(target, x, s->noise[i]);
        x += s->noise[i];
    }
    if (c->ids->eos >= 0) {
        put(source, c->ids->eos);
        put(target, c->ids->eos);
    }
}

static void fill_row(struct batch *b, int r, const struct out *source, const struct out *target, int start)
{
    size_t S = (size_t)b->S, T = (size_t)b->T, so = (size_t)r * S, to = (size_t)r * T;
    for (size_t j = 0; j < S; j++) { /* padding is a segment of its own */
        b->src_tokens[so + j] = (int)j < source->n ? source->v[j] : 0;
        int seg = (int)j < source->n ? 0 : source->n;
        b->src_positions[so + j] = (int32_t)j - seg;
        b->src_seg_start[so + j] = seg;
    }
    for (size_t j = 0; j < T; j++) {
        bool in = (int)j < target->n;
        int seg = in ? 0 : target->n;
        b->tokens[to + j] = !in ? 0 : j ? target->v[j - 1] : start;
        b->targets[to + j] = in ? target->v[j] : -1;
        b->weights[to + j] = in ? 1.0f : 0.0f;
        b->positions[to + j] = (int32_t)j - seg;
        b->seg_start[to + j] = seg;
        b->src_lo[to + j] = 0;
        b->src_hi[to + j] = in ? source->n : 0;
    }
}

static int make_room(struct span *s, const struct batch *b, struct err *e)
{
    if (s->mem && s->text.rows == b->rows) return 0;
    size_t n = (size_t)b->rows * (size_t)s->raw, extra = 2 * (size_t)s->raw + (size_t)s->cfg.S + (size_t)s->cfg.T;
    int32_t *p = mem_resize(s->mem, 5 * n + extra, sizeof *p);
    if (!p) return err_oom(e, (5 * n + extra) * sizeof *p, "rows of text");
    s->mem = p;
    s->text = (struct batch){.rows = b->rows, .T = s->raw, .tokens = p, .targets = p + n, .positions = p + 2 * n,
                             .seg_start = p + 3 * n, .weights = (float *)(p + 4 * n)};
    s->noise = p + 5 * n;
    s->kept = s->noise + s->raw;
    return 0;
}

/* Tokens of a row that are text: a validation set's last row ends early. */
static int text_length(const struct batch *t, size_t row, int most)
{
    int n = 0;
    for (int i = 0; i < most; i++)
        if (t->weights[row + (size_t)i] > 0) n = i + 1;
    return n;
}

static int next(struct batch_source *bs, uint64_t step, struct batch *b, struct err *e)
{
    struct span *s = (struct span *)bs;
    const struct span_cfg *c = &s->cfg;
    if (b->S != c->S || b->T != c->T || !b->src_tokens)
        return err_set(e, ERR_INTERNAL, "a batch of %d + %d tokens a row, the task was made for %d + %d", b->S, b->T,
                       c->S, c->T);
    if (make_room(s, b, e) || s->in->next(s->in, step, &s->text, e)) return -1;
    int32_t *spare = s->kept + s->raw;
    for (int r = 0; r < b->rows; r++) {
        uint64_t words[3] = {c->seed, step, (uint64_t)r}, name = hash64(words, sizeof words);
        struct rng_key pick = rng_key(name, RNG_MASK, 2, 0);
        const struct denoiser *d = &c->d[rng_below(&pick, 0, (uint64_t)c->n)];
        size_t row = (size_t)r * (size_t)s->raw;
        int len = text_length(&s->text, row, span_raw_length(d, c->S, c->T));
        struct out source = {spare, 0, c->S}, target = {spare + c->S, 0, c->T};
        if (len >= 2) corrupt(s, d, s->text.tokens + row, len, name, &source, &target);
        fill_row(b, r, &source, &target, c->decoder_start);
    }
    b->n_bytes = 0;
    b->epoch = s->text.epoch;
    return 0;
}

static int describe(struct batch_source *bs, struct buf *json, struct err *e)
{
    struct span *s = (struct span *)bs;
    const struct span_cfg *c = &s->cfg;
    buf_printf(json,
               "{\"task\":\"span\",\"seed\":\"%llu\",\"source\":%d,\"target\":%d,\"sentinel\":%d,\"step\":%d,\"start\":"
               "%d,\"denoisers\":[",
               (unsigned long long)c->seed, c->S, c->T, c->first_sentinel, c->step_sentinel, c->decoder_start);
    for (int i = 0; i < c->n; i++)
        buf_printf(json, "%s[%.17g,%.17g,%d]", i ? "," : "", c->d[i].mean, c->d[i].rate, c->d[i].mode);
    buf_adds(json, "],\"text\":");
    if (s->in->describe(s->in, json, e)) return -1;
    buf_addc(json, '}');
    return buf_ok(json, e);
}

static void close_span(struct batch_source *bs)
{
    struct span *s = (struct span *)bs;
    if (!s) return;
    s->in->close(s->in);
    free(s->mem);
    free(s);
}

static int check(const struct span_cfg *c, int *raw, struct err *e)
{
    *raw = 0;
    for (int i = 0; i < c->n; i++) {
        int len = span_raw_length(&c->d[i], c->S, c->T);
        if (len < 2)
            return err_set(
                e, ERR_CONFIG,
                "no text fits into a source of %d and a target of %d tokens with spans of %g and a rate of %g", c->S,
                c->T, c->d[i].mean, c->d[i].rate);
        if (len > *raw) *raw = len;
    }
    int spans = max_spans(c);
    if (spans > c->n_sentinels)
        return err_set(e, ERR_CONFIG,
                       "a row may hold %d spans, there are %d sentinel tokens; give the tokenizer more <extra_id_N>",
                       spans, c->n_sentinels);
    if (c->ids->eos < 0)
        return err_set(e, ERR_CONFIG,
                       "span corruption ends a target with the end-of-text token, which the tokenizer lacks");
    return 0;
}

struct batch_source *span_source(struct batch_source *base, const struct span_cfg *c, struct err *e)
{
    int raw;
    struct span *s = NULL;
    if (!check(c, &raw, e) && !(s = mem_zalloc(1, sizeof *s))) err_oom(e, sizeof *s, "a batch source");
    if (!s) {
        base->close(base);
        return NULL;
    }
    s->base = (struct batch_source){
        .next = next, .describe = describe, .close = close_span, .n_tokens = base->n_tokens, .vocab = base->vocab};
    s->in = base;
    s->cfg = *c;
    s->raw = raw;
    return &s->base;
}
