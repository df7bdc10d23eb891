#include "data/pairs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/closing.h"
#include "data/doc.h"
#include "data/doc_json.h"
#include "data/doc_run.h"

struct pairs {
    int32_t *id; /* source, target, source, target ... */
    size_t n_ids, ids_cap;
    size_t *at; /* [2 n + 1]: where each side begins */
    size_t n, cap;
    int vocab;
    uint64_t hash; /* of all ids */
};

/* ---- loading ---- */

struct loading {
    struct pairs *p;
    struct pairs_stats *st;
    const struct tokenizer *t;
    struct tok_scratch *scratch;
    struct tok_ids ids;
    struct buf text;
};

static int add_side(struct loading *l, const char *s, size_t n, unsigned flags, size_t *len, struct err *e)
{
    struct pairs *p = l->p;
    l->ids.n = 0;
    if (tok_encode(l->t, l->scratch, s, n, TOK_TEMPLATE | flags, &l->ids, e)) return -1;
    int closing = tok_closing(l->t, l->ids.id, l->ids.n);
    *len = l->ids.n + (closing >= 0);
    if (!mem_room(&p->id, &p->ids_cap, p->n_ids + *len, sizeof *p->id))
        return err_oom(e, (p->n_ids + *len) * sizeof *p->id, "pairs");
    if (l->ids.n) memcpy(p->id + p->n_ids, l->ids.id, l->ids.n * sizeof *p->id);
    if (*len > l->ids.n) p->id[p->n_ids + l->ids.n] = closing;
    p->n_ids += *len;
    return 0;
}

/* The inside of a JSON string, unescaped into l->text; NULL: it is not one. */
static const char *string_of(struct loading *l, const char *json, size_t n)
{
    if (!json || n < 2 || json[0] != '"') return NULL;
    buf_clear(&l->text);
    if (doc_json_unescape(json + 1, n - 2, &l->text)) return NULL;
    return buf_text(&l->text);
}

static void note_bad(struct pairs_stats *st, const struct doc *d, const char *why)
{
    if (st->bad++ == 0)
        snprintf(st->first_bad, sizeof st->first_bad, "%s:%llu: %s", d->file->name, (unsigned long long)d->line_no, why);
}

static int add_pair(struct loading *l, const struct doc *d, struct err *e)
{
    struct pairs *p = l->p;
    struct pairs_stats *st = l->st;
    size_t before = p->n_ids, source, target;
    const char *t = string_of(l, d->extra[0], d->extra_len[0]);
    if (!t) {
        note_bad(st, d, d->extra[0] ? "the target is no text" : "there is no target");
        return 0;
    }
    if (d->text_len == 0 || l->text.len == 0) {
        st->empty++;
        return 0;
    }
    if (!mem_room(&p->at, &p->cap, 2 * p->n + 3, sizeof *p->at)) return err_oom(e, (2 * p->n + 3) * sizeof *p->at, "pairs");
    if (add_side(l, d->text, d->text_len, 0, &source, e)) return -1;
    if (add_side(l, l->text.data, l->text.len, TOK_TARGET, &target, e)) return -1;
    p->at[2 * p->n] = before;
    p->at[2 * p->n + 1] = before + source;
    p->at[2 * p->n + 2] = p->n_ids;
    p->n++;
    st->source_tokens += source;
    st->target_tokens += target;
    if (source > st->longest_source) st->longest_source = source;
    if (target > st->longest_target) st->longest_target = target;
    return 0;
}

static int load_doc(void *arg, const struct doc *d, const char *bad, struct err *e)
{
    struct loading *l = arg;
    if (!d->line) return err_set(e, ERR_DATA, "'%s' is text; pairs are JSONL, CSV or TSV with a source and a target", d->file->name);
    if (bad) note_bad(l->st, d, bad);
    return bad ? 0 : add_pair(l, d, e);
}

static int load(struct loading *l, const struct doc_files *files, const char *source, const char *target, struct err *e)
{
    struct doc_cfg cfg = {.text_field = source, .extra = {target}};
    struct doc_run_end end;
    if (doc_each(files, &cfg, load_doc, l, &end, e)) return -1;
    return end.n_damaged ? err_set(e, ERR_DATA, "%s", end.damaged) : 0;
}

struct pairs *pairs_load(const struct doc_files *files, const char *source_field, const char *target_field,
                         const struct tokenizer *t, struct pairs_stats *st, struct err *e)
{
    struct loading l = {.p = mem_zalloc(1, sizeof *l.p), .st = st, .t = t, .scratch = tok_scratch_new(t, e)};
    int ret = l.p && l.scratch ? 0 : l.scratch ? err_oom(e, sizeof *l.p, "pairs") : -1;
    *st = (struct pairs_stats){0};
    if (!ret) ret = load(&l, files, source_field, target_field, e);
    if (!ret && !l.p->n)
        ret = st->bad ? err_set(e, ERR_DATA, "no pairs of '%s' and '%s'; first %s", source_field, target_field,
                                st->first_bad)
                      : err_set(e, ERR_DATA, "the input holds no pairs of '%s' and '%s'", source_field, target_field);
    st->n = ret ? 0 : l.p->n;
    tok_scratch_free(l.scratch);
    tok_ids_free(&l.ids);
    buf_free(&l.text);
    if (ret) {
        pairs_free(l.p);
        return NULL;
    }
    l.p->vocab = tok_vocab_size(t);
    l.p->hash = hash64_seed(l.p->id, l.p->n_ids * sizeof *l.p->id, hash64(l.p->at, (2 * l.p->n + 1) * sizeof *l.p->at));
    return l.p;
}

void pairs_free(struct pairs *p)
{
    if (!p) return;
    free(p->id);
    free(p->at);
    free(p);
}

/* ---- rows ---- */

struct source {
    struct batch_source base;
    struct pairs_cfg cfg;
    size_t first, n;          /* pairs of the part */
    uint64_t *epoch_row;      /* first row of each epoch whose length is known, and of the one behind */
    size_t n_epochs, epochs_cap;
    uint64_t epoch;           /* of `begin` */
    uint32_t *begin;          /* [n_rows + 1] places in the order of the epoch */
    size_t n_rows;
};

static size_t pair_at(const struct source *s, uint64_t epoch, size_t i)
{
    return s->first + (s->cfg.sequential ? i : (size_t)perm_at(s->cfg.seed, (uint32_t)epoch, s->n, i));
}

/* What a pair takes of a row. */
static void pair_size(const struct source *s, size_t pair, int *source, int *target)
{
    const size_t *at = s->cfg.pairs->at + 2 * pair;
    size_t a = at[1] - at[0], b = at[2] - at[1];
    *source = a > (size_t)s->cfg.S ? s->cfg.S : (int)a;
    *target = b > (size_t)s->cfg.T ? s->cfg.T : (int)b;
}

/* Lays the pairs of an epoch into rows. */
static void pack(struct source *s, uint64_t epoch)
{
    int used_s = 0, used_t = 0;
    s->n_rows = 0;
    for (size_t i = 0; i < s->n; i++) {
        int a, b;
        pair_size(s, pair_at(s, epoch, i), &a, &b);
        if (i == 0 || used_s + a > s->cfg.S || used_t + b > s->cfg.T) {
            s->begin[s->n_rows++] = (uint32_t)i;
            used_s = used_t = 0;
        }
        used_s += a;
        used_t += b;
    }
    s->begin[s->n_rows] = (uint32_t)s->n;
    s->epoch = epoch;
}

/* The epoch of a row; its packing is then in s->begin. */
static int find_epoch(struct source *s, uint64_t row, uint64_t *epoch, struct err *e)
{
    uint64_t k = s->n_epochs && !s->cfg.sequential ? s->n_epochs - 1 : 0;
    while (k > 0 && s->epoch_row[k] > row)
        k--;
    for (;; k++) {
        if (!mem_room(&s->epoch_row, &s->epochs_cap, k + 2, sizeof *s->epoch_row))
            return err_oom(e, (k + 2) * sizeof *s->epoch_row, "epochs");
        if (!s->n_epochs) s->epoch_row[0] = 0;
        if (s->epoch != k) pack(s, k);
        if (s->n_epochs < k + 2) {
            s->epoch_row[k + 1] = s->epoch_row[k] + s->n_rows;
            s->n_epochs = (size_t)k + 2;
        }
        if (row < s->epoch_row[k + 1] || s->cfg.sequential) break;
    }
    *epoch = k;
    return 0;
}

static void put_pair(const struct source *s, struct batch *b, size_t so, size_t to, size_t pair, int *at_s, int *at_t)
{
    const size_t *at = s->cfg.pairs->at + 2 * pair;
    const int32_t *id = s->cfg.pairs->id;
    int n_s, n_t, lo = *at_s, seg = *at_t;
    pair_size(s, pair, &n_s, &n_t);
    bool cut_s = at[1] - at[0] > (size_t)n_s, cut_t = at[2] - at[1] > (size_t)n_t; /* the end token stays */
    for (int j = 0; j < n_s; j++) {
        b->src_tokens[so + (size_t)(lo + j)] = cut_s && j == n_s - 1 ? id[at[1] - 1] : id[at[0] + (size_t)j];
        b->src_positions[so + (size_t)(lo + j)] = j;
        b->src_seg_start[so + (size_t)(lo + j)] = lo;
    }
    for (int j = 0; j < n_t; j++) {
        size_t o = to + (size_t)(seg + j);
        int32_t target = cut_t && j == n_t - 1 ? id[at[2] - 1] : id[at[1] + (size_t)j];
        b->tokens[o] = j ? b->targets[o - 1] : s->cfg.decoder_start;
        b->targets[o] = target;
        b->weights[o] = 1;
        b->positions[o] = j;
        b->seg_start[o] = seg;
        b->src_lo[o] = lo;
        b->src_hi[o] = lo + n_s;
    }
    *at_s += n_s;
    *at_t += n_t;
}

static void put_padding(struct batch *b, size_t so, size_t to, int at_s, int at_t)
{
    for (int j = at_s; j < b->S; j++) {
        b->src_tokens[so + (size_t)j] = 0;
        b->src_positions[so + (size_t)j] = j - at_s;
        b->src_seg_start[so + (size_t)j] = at_s;
    }
    for (int j = at_t; j < b->T; j++) {
        size_t o = to + (size_t)j;
        b->tokens[o] = 0;
        b->targets[o] = -1;
        b->weights[o] = 0;
        b->positions[o] = j - at_t;
        b->seg_start[o] = at_t;
        b->src_lo[o] = b->src_hi[o] = 0;
    }
}

static int next(struct batch_source *bs, uint64_t step, struct batch *b, struct err *e)
{
    struct source *s = (struct source *)bs;
    if (b->S != s->cfg.S || b->T != s->cfg.T || !b->src_tokens)
        return err_set(e, ERR_INTERNAL, "a batch of %d + %d tokens a row, the pairs were packed for %d + %d", b->S, b->T,
                       s->cfg.S, s->cfg.T);
    b->n_bytes = 0;
    for (int r = 0; r < b->rows; r++) {
        uint64_t row = step * (uint64_t)b->rows + (uint64_t)r, epoch = 0;
        size_t so = (size_t)r * (size_t)b->S, to = (size_t)r * (size_t)b->T;
        int at_s = 0, at_t = 0;
        if (find_epoch(s, row, &epoch, e)) return -1;
        uint64_t k = row - s->epoch_row[epoch];
        for (uint32_t i = k < s->n_rows ? s->begin[k] : 0; k < s->n_rows && i < s->begin[k + 1]; i++)
            put_pair(s, b, so, to, pair_at(s, epoch, i), &at_s, &at_t);
        put_padding(b, so, to, at_s, at_t);
        if (r == 0) b->epoch = epoch;
    }
    return 0;
}

static int describe(struct batch_source *bs, struct buf *json, struct err *e)
{
    const struct source *s = (const struct source *)bs;
    char hex[17];
    hash64_hex(s->cfg.pairs->hash, hex);
    buf_printf(json,
               "{\"task\":\"seq2seq\",\"content\":\"%s\",\"pairs\":%zu,\"from\":%.17g,\"to\":%.17g,\"seed\":\"%llu\","
               "\"source\":%d,\"target\":%d,\"start\":%d}",
               hex, s->cfg.pairs->n, s->cfg.from, s->cfg.to, (unsigned long long)s->cfg.seed, s->cfg.S, s->cfg.T,
               s->cfg.decoder_start);
    return buf_ok(json, e);
}

static void close_source(struct batch_source *bs)
{
    struct source *s = (struct source *)bs;
    if (!s) return;
    free(s->epoch_row);
    free(s->begin);
    free(s);
}

struct batch_source *pairs_source(const struct pairs_cfg *c, struct err *e)
{
    const struct pairs *p = c->pairs;
    size_t from = (size_t)((double)p->n * c->from), to = c->to >= 1 ? p->n : (size_t)((double)p->n * c->to);
    if (from >= to || to > UINT32_MAX) {
        err_set(e, ERR_DATA, "part %g to %g of %zu pairs holds none", c->from, c->to, p->n);
        return NULL;
    }
    struct source *s = mem_zalloc(1, sizeof *s);
    if (s) s->begin = mem_alloc(to - from + 1, sizeof *s->begin);
    if (!s || !s->begin) {
        free(s);
        err_oom(e, (to - from) * sizeof *s->begin, "the order of pairs");
        return NULL;
    }
    s->cfg = *c;
    s->first = from;
    s->n = to - from;
    s->epoch = UINT64_MAX;
    s->base = (struct batch_source){.next = next, .describe = describe, .close = close_source,
                                    .n_tokens = p->at[2 * to] - p->at[2 * from], .vocab = p->vocab};
    return &s->base;
}

uint64_t pairs_steps(struct batch_source *bs, int rows)
{
    struct source *s = (struct source *)bs;
    if (s->epoch != 0) pack(s, 0);
    return (s->n_rows + (uint64_t)rows - 1) / (uint64_t)rows;
}

uint64_t pairs_cut(const struct batch_source *bs)
{
    const struct source *s = (const struct source *)bs;
    uint64_t n = 0;
    for (size_t i = s->first; i < s->first + s->n; i++) {
        const size_t *at = s->cfg.pairs->at + 2 * i;
        n += at[1] - at[0] > (size_t)s->cfg.S || at[2] - at[1] > (size_t)s->cfg.T;
    }
    return n;
}
