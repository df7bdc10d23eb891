#include "data/dedup_parts_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { OUT_KEPT, OUT_REMOVED, OUT_BAD };

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

static bool is_blank(const char *s, size_t n)
{
    while (n && strchr(" \t\r\n", s[n - 1]))
        n--;
    return n == 0;
}

static int note_part(struct parts *p, struct parts_worker *w, const struct doc *d, struct parts_part x,
                     struct parts_block *b, struct err *e)
{
    const char *s = d->text + x.begin;
    if (shingles_words(&w->sh, s, x.len, e)) return -1;
    size_t least = by_ngram(p) ? (size_t)p->cfg->ngram : (size_t)p->cfg->min_words;
    if (w->sh.n_words < least || !w->sh.n_words) {
        x.fate = is_blank(s, x.len) ? PART_BLANK : PART_STAYS;
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

static int note_doc(struct parts *p, struct parts_worker *w, const struct doc *d, struct parts_block *b,
                    struct err *e)
{
    struct parts_head h = {.bytes = d->text_len};
    size_t at = b->notes.len;
    buf_add(&b->notes, &h, sizeof h);
    for (size_t i = 0; i < d->text_len; h.n_parts++) {
        size_t end = part_end(p, d->text, i, d->text_len);
        struct parts_part x = {.begin = i, .len = end - i};
        if (note_part(p, w, d, x, b, e)) return -1;
        i = end;
    }
    if (!buf_ok(&b->notes, e)) memcpy(b->notes.data + at, &h, sizeof h);
    return buf_ok(&b->notes, e);
}

struct parts_block *parts_block_of(struct doc_slot *s, struct err *e)
{
    if (!s->user && !(s->user = mem_zalloc(1, sizeof(struct parts_block)))) {
        err_oom(e, sizeof(struct parts_block), "a block");
        return NULL;
    }
    struct parts_block *b = s->user;
    buf_clear(&b->notes);
    b->docs = b->bad = b->n_hashes = 0;
    return b;
}

int parts_work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct parts *p = arg;
    struct parts_worker *w = &p->workers[thread];
    struct doc doc;
    enum doc_next next;
    struct parts_block *b = parts_block_of(s, e);
    if (!b) return -1;
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
static uint64_t look(struct parts *p, struct parts_part *x, const uint64_t *hash)
{
    enum { AHEAD = 12 };
    uint64_t known = 0;
    for (uint64_t i = 0; i < x->n_hashes; i++) {
        if (i + AHEAD < x->n_hashes) dseen_prefetch(&p->seen, hash[i + AHEAD]);
        known += dseen_has(&p->seen, hash[i]);
    }
    bool goes = by_ngram(p) ? (double)known > p->cfg->share * (double)x->n_hashes : known > 0;
    x->fate = goes ? PART_GOES : PART_STAYS;
    for (uint64_t i = 0; i < x->n_hashes && !goes; i++)
        dseen_add(&p->seen, hash[i]);
    return known;
}

static uint64_t *decide_doc(struct parts *p, uint64_t *at)
{
    struct parts_head *h = (struct parts_head *)(void *)at;
    struct dedup_stats *st = p->stats;
    uint64_t known = 0, all = 0, went = 0, left = 0, left_bytes = 0;
    at += sizeof *h / 8;
    for (uint64_t k = 0; k < h->n_parts; k++) {
        struct parts_part *x = (struct parts_part *)(void *)at;
        at += sizeof *x / 8;
        if (x->n_hashes) known += look(p, x, at);
        all += x->n_hashes;
        went += x->fate == PART_GOES;
        left += x->fate == PART_STAYS;
        left_bytes += x->fate == PART_GOES ? 0 : x->len;
        at += x->n_hashes;
    }
    h->share = all ? (double)known / (double)all : 0;
    h->gone = (went && !left) || (by_ngram(p) && all && h->share > p->cfg->share);
    st->parts_in += h->n_parts;
    st->bytes_in += h->bytes;
    if (h->gone) {
        st->docs_exact++;
        return at;
    }
    st->docs_out++;
    st->docs_changed += went > 0;
    st->parts_out += h->n_parts - went;
    st->bytes_out += left_bytes;
    return at;
}

int parts_decide_block(struct parts *p, struct parts_block *b, struct err *e)
{
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

static int decide(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    (void)thread;
    return parts_decide_block(arg, s->user, e);
}

static const uint64_t *emit_doc(struct parts *p, struct parts_worker *w, const struct doc *d,
                                const uint64_t *at, struct doc_slot *s)
{
    const struct parts_head *h = (const struct parts_head *)(const void *)at;
    size_t gone = 0;
    at += sizeof *h / 8;
    buf_clear(&w->text);
    for (uint64_t k = 0; k < h->n_parts; k++) {
        const struct parts_part *x = (const struct parts_part *)(const void *)at;
        if (x->fate == PART_GOES)
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

int parts_emit(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct parts *p = arg;
    struct parts_worker *w = &p->workers[thread];
    struct parts_block *b = s->user;
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

void parts_drop(void *arg, struct doc_slot *s)
{
    struct parts_block *b = s->user;
    (void)arg;
    buf_free(&b->notes);
    free(b);
    s->user = NULL;
}

int parts_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct parts *p = arg;
    (void)thread;
    parts_drop(p, s);
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
                           .what = c->progress ? "dedup" : NULL, .work = parts_work, .decide = decide,
                           .emit = parts_emit, .done = parts_done, .drop = parts_drop};
    for (int i = 0; i < 3; i++)
        if (doc_out_open(&p->out[i], paths[i], e)) return -1;
    int ret = doc_run(&st, &end, e);
    p->stats->n_damaged = end.n_damaged;
    memcpy(p->stats->damaged, end.damaged, sizeof end.damaged);
    for (int i = 0; i < 3 && !ret; i++)
        ret = doc_out_commit(&p->out[i], e);
    return ret;
}

int parts_open(struct parts *p, const struct dedup_cfg *cfg, struct dedup_stats *stats, struct err *e)
{
    size_t n = (size_t)pool_threads(cfg->pool);
    *p = (struct parts){.cfg = cfg, .stats = stats};
    p->workers = mem_zalloc(n, sizeof *p->workers);
    return p->workers ? 0 : err_oom(e, n * sizeof *p->workers, "the workers");
}

void parts_close(struct parts *p)
{
    for (int i = 0; i < pool_threads(p->cfg->pool) && p->workers; i++) {
        doc_iter_free(&p->workers[i].it);
        shingles_free(&p->workers[i].sh);
        buf_free(&p->workers[i].text);
        buf_free(&p->workers[i].more);
    }
    free(p->workers);
    for (int i = 0; i < PARTS_OUTS; i++)
        doc_out_abort(&p->out[i]);
    dseen_free(&p->seen);
}

int dedup_parts(const struct dedup_cfg *cfg, struct dedup_stats *s, struct err *e)
{
    struct parts p;
    *s = (struct dedup_stats){0};
    int ret = parts_open(&p, cfg, s, e);
    if (!ret) ret = dseen_init(&p.seen, cfg->bloom, cfg->mem, e);
    if (!ret) ret = run(&p, e);
    parts_close(&p);
    return ret;
}
