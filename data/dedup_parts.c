#include "data/dedup_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/dedup_seen.h"
#include "data/doc_out.h"
#include "data/doc_run.h"
#include "data/shingle.h"

enum { OUT_KEPT, OUT_REMOVED, OUT_BAD };

/* Where things are in the u64s of slot->user: per document a head, then its
 * parts, each with its hashes. */
struct head {
    uint64_t n_parts, bytes, gone; /* gone: the document as a whole */
    double share;
};
struct part {
    uint64_t begin, len, n_hashes, gone;
};

struct parts {
    const struct dedup_cfg *cfg;
    struct dedup_stats *stats;
    struct dseen seen;
    struct parts_worker {
        struct doc_iter it;
        struct shingles sh;
        struct buf text, more;
    } * workers;
    struct doc_out out[3];
};

struct block {
    struct buf notes;
    uint64_t docs, bad, n_hashes;
    char first_bad[256];
};

static bool by_ngram(const struct parts *p)
{
    return p->cfg->unit == DEDUP_NGRAMS;
}

/* The end of the part that begins at i: of the line, or up to a blank line. */
static size_t part_end(const struct parts *p, const char *s, size_t i, size_t n)
{
    for (;;) {
        const char *nl = i < n ? memchr(s + i, '\n', n - i) : NULL;
        if (!nl) return n;
        i = (size_t)(nl - s) + 1;
        if (p->cfg->unit != DEDUP_PARAGRAPHS) return i;
        size_t k = i;
        while (k < n && (s[k] == ' ' || s[k] == '\t' || s[k] == '\r'))
            k++;
        if (k < n && s[k] != '\n') continue;
        while (i < n && strchr(" \t\r\n", s[i])) /* blank lines belong to what precedes them */
            i++;
        return i;
    }
}

static int note_part(struct parts *p, struct parts_worker *w, const struct doc *d, struct part x,
                     struct block *b, struct err *e)
{
    const char *s = d->text + x.begin;
    if (shingles_words(&w->sh, s, x.len, e)) return -1;
    size_t least = by_ngram(p) ? (size_t)p->cfg->ngram : (size_t)p->cfg->min_words;
    if (w->sh.n_words < least || !w->sh.n_words) {
        buf_add(&b->notes, &x, sizeof x);
        return 0;
    }
    if (!by_ngram(p)) {
        struct hash128 id = shingles_identity(&w->sh, s, x.len);
        x.n_hashes = 1;
        buf_add(&b->notes, &x, sizeof x);
        buf_add(&b->notes, &id.lo, 8);
    } else {
        if (shingles_make(&w->sh, p->cfg->ngram, e)) return -1;
        x.n_hashes = w->sh.n;
        buf_add(&b->notes, &x, sizeof x);
        buf_add(&b->notes, w->sh.v, w->sh.n * 8);
    }
    b->n_hashes += x.n_hashes;
    return 0;
}

static int note_doc(struct parts *p, struct parts_worker *w, const struct doc *d, struct block *b,
                    struct err *e)
{
    struct head h = {.bytes = d->text_len};
    size_t at = b->notes.len;
    buf_add(&b->notes, &h, sizeof h);
    for (size_t i = 0; i < d->text_len; h.n_parts++) {
        size_t end = part_end(p, d->text, i, d->text_len);
        struct part x = {.begin = i, .len = end - i};
        if (note_part(p, w, d, x, b, e)) return -1;
        i = end;
    }
    if (!buf_ok(&b->notes, e)) memcpy(b->notes.data + at, &h, sizeof h);
    return buf_ok(&b->notes, e);
}

static int work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct parts *p = arg;
    struct parts_worker *w = &p->workers[thread];
    struct doc doc;
    enum doc_next next;
    if (!s->user && !(s->user = mem_zalloc(1, sizeof(struct block))))
        return err_oom(e, sizeof(struct block), "a block");
    struct block *b = s->user;
    buf_clear(&b->notes);
    b->docs = b->bad = b->n_hashes = 0;
    doc_iter_start(&w->it, &p->cfg->docs, &s->block);
    while ((next = doc_iter_next(&w->it, &doc)) != DOC_END) {
        if (next == DOC_GOOD) {
            b->docs++;
            if (note_doc(p, w, &doc, b, e)) return -1;
        } else if (b->bad++ == 0) {
            snprintf(b->first_bad, sizeof b->first_bad, "%s:%llu: %s", doc.file->name,
                     (unsigned long long)doc.line_no, w->it.reason);
        }
    }
    return 0;
}

/* How many of the part's hashes were seen; what stays is seen from now on. */
static uint64_t look(struct parts *p, struct part *x, const uint64_t *hash)
{
    enum { AHEAD = 12 };
    uint64_t known = 0;
    for (uint64_t i = 0; i < x->n_hashes; i++) {
        if (i + AHEAD < x->n_hashes) dseen_prefetch(&p->seen, hash[i + AHEAD]);
        known += dseen_has(&p->seen, hash[i]);
    }
    x->gone = by_ngram(p) ? (double)known > p->cfg->share * (double)x->n_hashes : known > 0;
    for (uint64_t i = 0; i < x->n_hashes && !x->gone; i++)
        dseen_add(&p->seen, hash[i]);
    return known;
}

static uint64_t *decide_doc(struct parts *p, uint64_t *at)
{
    struct head *h = (struct head *)(void *)at;
    struct dedup_stats *st = p->stats;
    uint64_t known = 0, all = 0, left = 0, left_bytes = 0;
    at += sizeof *h / 8;
    for (uint64_t k = 0; k < h->n_parts; k++) {
        struct part *x = (struct part *)(void *)at;
        at += sizeof *x / 8;
        if (x->n_hashes) known += look(p, x, at);
        all += x->n_hashes;
        left += !x->gone;
        left_bytes += x->gone ? 0 : x->len;
        at += x->n_hashes;
    }
    h->share = all ? (double)known / (double)all : 0;
    h->gone = (h->n_parts && !left) || (by_ngram(p) && all && h->share > p->cfg->share);
    st->parts_in += h->n_parts;
    st->bytes_in += h->bytes;
    if (h->gone) {
        st->docs_exact++;
        return at;
    }
    st->docs_out++;
    st->docs_changed += left != h->n_parts;
    st->parts_out += left;
    st->bytes_out += left_bytes;
    return at;
}

static int decide(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct parts *p = arg;
    struct block *b = s->user;
    (void)thread;
    if (dseen_reserve(&p->seen, b->n_hashes, e)) return -1;
    uint64_t *at = (uint64_t *)(void *)b->notes.data;
    for (uint64_t i = 0; i < b->docs; i++)
        at = decide_doc(p, at);
    if (!p->stats->docs_bad && b->bad)
        memcpy(p->stats->first_bad, b->first_bad, sizeof b->first_bad);
    p->stats->docs_bad += b->bad;
    p->stats->docs_in += b->docs + b->bad;
    return 0;
}

static const uint64_t *emit_doc(struct parts *p, struct parts_worker *w, const struct doc *d,
                                const uint64_t *at, struct doc_slot *s)
{
    const struct head *h = (const struct head *)(const void *)at;
    size_t gone = 0;
    at += sizeof *h / 8;
    buf_clear(&w->text);
    for (uint64_t k = 0; k < h->n_parts; k++) {
        const struct part *x = (const struct part *)(const void *)at;
        if (x->gone)
            gone++;
        else
            buf_add(&w->text, d->text + x->begin, x->len);
        at += sizeof *x / 8 + x->n_hashes;
    }
    if (h->gone) {
        if (!p->out[OUT_REMOVED].file) return at;
        buf_clear(&w->more);
        buf_printf(&w->more, ",\"duplicate\":\"%s\",\"similarity\":%.4f",
                   by_ngram(p) ? "ngrams" : "parts", h->share);
        doc_emit_with(d, w->more.data, &s->out[OUT_REMOVED]);
    } else if (p->out[OUT_KEPT].file) {
        if (gone)
            doc_emit(d, w->text.data, w->text.len, &s->out[OUT_KEPT]);
        else
            doc_emit(d, d->text, d->text_len, &s->out[OUT_KEPT]);
    }
    return at;
}

static int emit(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct parts *p = arg;
    struct parts_worker *w = &p->workers[thread];
    struct block *b = s->user;
    const uint64_t *at = (const uint64_t *)(const void *)b->notes.data;
    struct doc doc;
    enum doc_next next;
    doc_iter_start(&w->it, &p->cfg->docs, &s->block);
    while ((next = doc_iter_next(&w->it, &doc)) != DOC_END)
        if (next == DOC_GOOD)
            at = emit_doc(p, w, &doc, at, s);
        else if (p->out[OUT_BAD].file)
            doc_emit_bad(&doc, w->it.reason, w->it.bad_bytes, &s->out[OUT_BAD]);
    if (buf_ok(&w->text, e) || buf_ok(&w->more, e)) return -1;
    for (int i = 0; i < 3; i++)
        if (doc_pack(&s->out[i], p->out[i].packing, &s->scratch, e)) return -1;
    return 0;
}

static void drop(void *arg, struct doc_slot *s)
{
    struct block *b = s->user;
    (void)arg;
    buf_free(&b->notes);
    free(b);
    s->user = NULL;
}

static int done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct parts *p = arg;
    (void)thread;
    drop(p, s);
    for (int i = 0; i < 3; i++)
        if (doc_out_write(&p->out[i], &s->out[i], e)) return -1;
    return 0;
}

static int run(struct parts *p, struct err *e)
{
    const struct dedup_cfg *c = p->cfg;
    const char *paths[3] = {c->out, c->removed, c->quarantine};
    struct doc_run_end end;
    struct doc_stage st = {.files = c->files, .cfg = &c->docs, .pool = c->pool, .arg = p,
                           .what = c->progress ? "dedup" : NULL, .work = work, .decide = decide,
                           .emit = emit, .done = done, .drop = drop};
    for (int i = 0; i < 3; i++)
        if (doc_out_open(&p->out[i], paths[i], e)) return -1;
    int ret = doc_run(&st, &end, e);
    p->stats->n_damaged = end.n_damaged;
    memcpy(p->stats->damaged, end.damaged, sizeof end.damaged);
    for (int i = 0; i < 3 && !ret; i++)
        ret = doc_out_commit(&p->out[i], e);
    return ret;
}

int dedup_parts(const struct dedup_cfg *cfg, struct dedup_stats *s, struct err *e)
{
    struct parts p = {.cfg = cfg, .stats = s};
    int n = pool_threads(cfg->pool);
    *s = (struct dedup_stats){0};
    p.workers = mem_zalloc((size_t)n, sizeof *p.workers);
    int ret = p.workers ? 0 : err_oom(e, (size_t)n * sizeof *p.workers, "the workers");
    if (!ret) ret = dseen_init(&p.seen, cfg->bloom, cfg->mem, e);
    if (!ret) ret = run(&p, e);
    for (int i = 0; i < n && p.workers; i++) {
        doc_iter_free(&p.workers[i].it);
        shingles_free(&p.workers[i].sh);
        buf_free(&p.workers[i].text);
        buf_free(&p.workers[i].more);
    }
    free(p.workers);
    for (int i = 0; i < 3; i++)
        doc_out_abort(&p.out[i]);
    dseen_free(&p.seen);
    return ret;
}
