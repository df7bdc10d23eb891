/* Equal texts where the first stays: one pass, as documents come.  What is kept
 * is known at once, so that a pipe can be filtered without a copy of it; texts
 * are compared as JSON has them (doc_canonical), so that most need no unpacking. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/dedup_internal.h"

enum { OUT_KEPT, OUT_BAD, OUT_DOCS };

/* A document of a block, in slot->out[OUT_DOCS]. */
struct once_doc {
    struct hash128 id;
    size_t begin, len; /* the line in the block, or in slot->out[OUT_KEPT] if made here */
    uint64_t bytes;    /* of text */
};

struct once {
    const struct dedup_cfg *cfg;
    struct dedup_stats *stats;
    struct doc_iter *iters;  /* one a thread */
    struct hash128 *slots;   /* hi = lo = 0: free */
    size_t n_slots, n_used;
    bool *full; /* the table does not fit */
    struct doc_out kept, bad;
};

struct tally {
    uint64_t docs, bad;
    bool lines; /* documents are lines of the block */
    char first_bad[256];
};

static int note_doc(struct once *o, struct doc_iter *it, const struct doc *d, struct doc_slot *s,
                    struct err *e)
{
    const char *text;
    size_t n;
    if (doc_canonical(it, d, &text, &n, e)) return -1;
    struct once_doc x = {.id = hash128(text, n), .bytes = d->text_len - d->escapes};
    if (!x.id.hi && !x.id.lo) x.id.lo = 1;
    if (d->line) {
        x.begin = (size_t)(d->line - s->block.data.data);
        x.len = d->line_len;
    } else if (o->kept.file) {
        x.begin = s->out[OUT_KEPT].len;
        doc_emit(d, d->text, d->text_len, &s->out[OUT_KEPT]);
        x.len = s->out[OUT_KEPT].len - x.begin - 1;
    }
    buf_add(&s->out[OUT_DOCS], &x, sizeof x);
    return 0;
}

static int work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct once *o = arg;
    struct doc_iter *it = &o->iters[thread];
    struct tally t = {.lines = s->block.format != DOC_TEXT};
    struct doc d;
    enum doc_next next;
    doc_iter_start(it, &o->cfg->docs, &s->block);
    buf_add(&s->out[OUT_DOCS], &t, sizeof t); /* filled below */
    while ((next = doc_iter_next(it, &d)) != DOC_END) {
        if (next == DOC_BAD) {
            if (t.bad++ == 0)
                snprintf(t.first_bad, sizeof t.first_bad, "%s:%llu: %s", d.file->name,
                         (unsigned long long)d.line_no, it->reason);
            if (o->bad.file) doc_emit_bad(&d, it->reason, it->bad_bytes, &s->out[OUT_BAD]);
            continue;
        }
        t.docs++;
        if (note_doc(o, it, &d, s, e)) return -1;
    }
    if (buf_ok(&s->out[OUT_KEPT], e) || buf_ok(&s->out[OUT_BAD], e) || buf_ok(&s->out[OUT_DOCS], e))
        return -1;
    memcpy(s->out[OUT_DOCS].data, &t, sizeof t);
    return 0;
}

static struct once_doc *docs_of(const struct doc_slot *s, struct tally *t)
{
    memcpy(t, s->out[OUT_DOCS].data, sizeof *t);
    return (struct once_doc *)(void *)(s->out[OUT_DOCS].data + sizeof *t);
}

static inline struct hash128 *slot_of(const struct once *o, struct hash128 id)
{
    size_t h = (size_t)id.lo & (o->n_slots - 1);
    while ((o->slots[h].lo | o->slots[h].hi) && !hash128_eq(o->slots[h], id))
        h = (h + 1) & (o->n_slots - 1);
    return &o->slots[h];
}

/* Room for `more` entries at most two thirds full. */
static int grow(struct once *o, uint64_t more, struct err *e)
{
    size_t need = o->n_slots ? o->n_slots : 1 << 12;
    while (need / 3 * 2 < o->n_used + more)
        need *= 2;
    if (need == o->n_slots) return 0;
    if (o->cfg->mem && need * sizeof *o->slots > o->cfg->mem) {
        *o->full = true;
        err_set(e, ERR_OS, "the table of texts seen needs %zu MB, more than --mem allows",
                need * sizeof *o->slots >> 20);
        return err_hint(e, "give a larger --mem, or files in and --out FILE");
    }
    struct once old = *o;
    o->slots = mem_alloc_table(need, sizeof *o->slots);
    if (!o->slots) {
        o->slots = old.slots;
        return err_oom(e, need * sizeof *o->slots, "the table of texts seen");
    }
    memset(o->slots, 0, need * sizeof *o->slots); /* now: a page first read, then written interrupts the other threads */
    o->n_slots = need;
    for (size_t i = 0; i < old.n_slots; i++)
        if (old.slots[i].lo | old.slots[i].hi) *slot_of(o, old.slots[i]) = old.slots[i];
    mem_free_aligned(old.slots);
    return 0;
}

/* In the order of the input: which of the block's documents are new. */
static int decide(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    enum { AHEAD = 8 }; /* slots fetched before they are looked at */
    struct once *o = arg;
    struct tally t;
    struct once_doc *v = docs_of(s, &t);
    (void)thread;
    if (grow(o, t.docs, e)) return -1;
    for (uint64_t i = 0; i < t.docs; i++) {
        if (i + AHEAD < t.docs)
            __builtin_prefetch(&o->slots[(size_t)v[i + AHEAD].id.lo & (o->n_slots - 1)]);
        struct hash128 *at = slot_of(o, v[i].id);
        o->stats->bytes_in += v[i].bytes;
        if (at->lo | at->hi) {
            v[i].len = SIZE_MAX; /* seen before */
            continue;
        }
        *at = v[i].id;
        o->n_used++;
        o->stats->docs_out++;
        o->stats->bytes_out += v[i].bytes;
    }
    o->stats->docs_in += t.docs + t.bad;
    if (!o->stats->docs_bad && t.bad)
        memcpy(o->stats->first_bad, t.first_bad, sizeof t.first_bad);
    o->stats->docs_bad += t.bad;
    return 0;
}

/* Copies the kept lines, neighbours in one go. */
static void gather(const struct once_doc *v, uint64_t n, const char *from, struct buf *to)
{
    for (uint64_t i = 0; i < n;) {
        if (v[i].len == SIZE_MAX) {
            i++;
            continue;
        }
        size_t begin = v[i].begin, end = begin + v[i].len;
        for (i++; i < n && v[i].len != SIZE_MAX && v[i].begin == end + 1; i++)
            end = v[i].begin + v[i].len;
        buf_add(to, from + begin, end - begin);
        buf_addc(to, '\n');
    }
}

/* Does the block go out as it came? */
static bool all_stay(const struct once_doc *v, uint64_t n, size_t len)
{
    size_t at = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (v[i].begin != at || v[i].len == SIZE_MAX) return false;
        at += v[i].len + 1;
    }
    return at == len;
}

static int emit(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct once *o = arg;
    struct tally t;
    struct once_doc *v = docs_of(s, &t);
    (void)thread;
    if (o->kept.file && t.lines && all_stay(v, t.docs, s->block.data.len)) {
        struct buf swap = s->out[OUT_KEPT];
        s->out[OUT_KEPT] = s->block.data;
        s->block.data = swap;
    } else if (o->kept.file) {
        buf_clear(&s->scratch);
        gather(v, t.docs, t.lines ? s->block.data.data : s->out[OUT_KEPT].data, &s->scratch);
        struct buf swap = s->out[OUT_KEPT];
        s->out[OUT_KEPT] = s->scratch;
        s->scratch = swap;
    }
    return doc_pack(&s->out[OUT_KEPT], o->kept.packing, &s->scratch, e) ||
                   doc_pack(&s->out[OUT_BAD], o->bad.packing, &s->scratch, e)
               ? -1
               : 0;
}

static int done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct once *o = arg;
    (void)thread;
    return doc_out_write(&o->kept, &s->out[OUT_KEPT], e) ||
                   doc_out_write(&o->bad, &s->out[OUT_BAD], e)
               ? -1
               : 0;
}

static int run(struct once *o, struct err *e)
{
    struct doc_cfg docs = o->cfg->docs;
    docs.lazy = true;
    struct dedup_cfg cfg = *o->cfg;
    cfg.docs = docs;
    o->cfg = &cfg;
    struct doc_run_end end;
    struct doc_stage st = {.files = cfg.files, .cfg = &docs, .pool = cfg.pool, .arg = o,
                           .what = cfg.progress ? "dedup" : NULL, .work = work, .decide = decide,
                           .emit = emit, .done = done};
    if (doc_out_open(&o->kept, cfg.out, e) || doc_out_open(&o->bad, cfg.quarantine, e)) return -1;
    int ret = doc_run(&st, &end, e);
    o->stats->n_damaged = end.n_damaged;
    memcpy(o->stats->damaged, end.damaged, sizeof end.damaged);
    if (ret) return -1;
    o->stats->docs_exact = o->stats->docs_in - o->stats->docs_bad - o->stats->docs_out;
    return doc_out_commit(&o->kept, e) || doc_out_commit(&o->bad, e) ? -1 : 0;
}

int dedup_once(const struct dedup_cfg *cfg, struct dedup_stats *s, bool *full, struct err *e)
{
    struct once o = {.cfg = cfg, .stats = s, .full = full};
    int n = pool_threads(cfg->pool), ret = -1;
    o.iters = mem_zalloc((size_t)n, sizeof *o.iters);
    if (o.iters)
        ret = run(&o, e);
    else
        err_oom(e, (size_t)n * sizeof *o.iters, "the workers");
    for (int i = 0; i < n && o.iters; i++)
        doc_iter_free(&o.iters[i]);
    free(o.iters);
    mem_free_aligned(o.slots);
    doc_out_abort(&o.kept);
    doc_out_abort(&o.bad);
    return ret;
}
