#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/dedup_internal.h"

enum { OUT_KEPT, OUT_REMOVED, OUT_BAD };

static int run_pass(struct dedup *d, const char *what, doc_run_fn *work, doc_run_fn *done,
                    struct err *e)
{
    struct doc_run_end end;
    struct doc_stage st = {.files = d->cfg->files,
                           .cfg = &d->cfg->docs,
                           .pool = d->cfg->pool,
                           .arg = d,
                           .what = d->cfg->progress ? what : NULL,
                           .work = work,
                           .done = done};
    int ret = doc_run(&st, &end, e);
    d->stats->n_damaged = end.n_damaged;
    memcpy(d->stats->damaged, end.damaged, sizeof end.damaged);
    return ret;
}

static int append(struct buf *to, const struct buf *from, struct err *e)
{
    buf_add(to, from->data, from->len);
    return buf_ok(to, e);
}

/* ---- first pass: identities and band keys ---- */

struct tally { /* of one block, kept in its scratch buffer */
    uint64_t docs, bad, bytes;
    char first_bad[256];
};

static int hash_doc(struct dedup *d, struct dedup_worker *w, const struct doc *doc,
                    struct doc_slot *s, struct err *e)
{
    struct dedup_rec r = {.len = doc->text_len > UINT32_MAX ? UINT32_MAX : (uint32_t)doc->text_len};
    bool words = d->cfg->near || d->cfg->exact == DEDUP_NORM;
    if (words && shingles_words(&w->sh, doc->text, doc->text_len, e)) return -1;
    r.id = d->cfg->exact == DEDUP_NORM ? shingles_identity(&w->sh, doc->text, doc->text_len)
                                       : hash128(doc->text, doc->text_len);
    if (d->cfg->near) {
        uint64_t keys[MINHASH_MAX];
        if (shingles_make(&w->sh, d->cfg->width, e)) return -1;
        r.empty = w->sh.n == 0;
        minhash_keys(&d->minhash, w->sh.v, w->sh.n, keys);
        buf_add(&s->out[1], keys, (size_t)d->cfg->bands * sizeof *keys);
    }
    buf_add(&s->out[0], &r, sizeof r);
    return 0;
}

static int hash_work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    struct dedup_worker *w = &d->workers[thread];
    struct tally t = {0};
    struct doc doc;
    enum doc_next next;
    doc_iter_start(&w->it, &d->cfg->docs, &s->block);
    while ((next = doc_iter_next(&w->it, &doc)) != DOC_END) {
        if (next == DOC_BAD) {
            if (t.bad++ == 0)
                snprintf(t.first_bad, sizeof t.first_bad, "%s:%llu: %s", doc.file->name,
                         (unsigned long long)doc.line_no, w->it.reason);
            continue;
        }
        t.docs++;
        t.bytes += doc.text_len;
        if (hash_doc(d, w, &doc, s, e)) return -1;
    }
    buf_clear(&s->scratch);
    buf_add(&s->scratch, &t, sizeof t);
    return buf_ok(&s->out[0], e) || buf_ok(&s->out[1], e) || buf_ok(&s->scratch, e) ? -1 : 0;
}

static int hash_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    struct tally t;
    (void)thread;
    memcpy(&t, s->scratch.data, sizeof t);
    buf_add(&d->block_first, &d->n, sizeof d->n);
    d->n += t.docs;
    if (d->n >= UINT32_MAX)
        return err_set(
            e, ERR_DATA,
            "more than 2^32 - 2 documents in one run are not supported yet; split the input");
    d->stats->docs_in += t.docs + t.bad;
    d->stats->bytes_in += t.bytes;
    if (!d->stats->docs_bad && t.bad) memcpy(d->stats->first_bad, t.first_bad, sizeof t.first_bad);
    d->stats->docs_bad += t.bad;
    return buf_ok(&d->block_first, e) || append(&d->recs, &s->out[0], e) ||
                   append(&d->keys, &s->out[1], e)
               ? -1
               : 0;
}

int dedup_pass_hash(struct dedup *d, struct err *e)
{
    return run_pass(d, "hash", hash_work, hash_done, e);
}

/* ---- later passes: documents by ordinal ---- */

static int changed(const struct doc_slot *s, struct err *e)
{
    return err_set(e, ERR_DATA, "'%s' changed while it was read; run again", s->block.file->name);
}

/* The ordinal of a block's first document, and of what follows it. */
static int ordinals(const struct dedup *d, const struct doc_slot *s, uint64_t *from, uint64_t *to,
                    struct err *e)
{
    const uint64_t *first = (const uint64_t *)(const void *)d->block_first.data;
    uint64_t n = d->block_first.len / 8;
    if (s->block.seq >= n) return changed(s, e);
    *from = first[s->block.seq];
    *to = s->block.seq + 1 < n ? first[s->block.seq + 1] : d->n;
    return 0;
}

typedef int each_fn(struct dedup *d, struct dedup_worker *w, const struct doc *doc, uint32_t i,
                    struct doc_slot *s, struct err *e);

static int each_doc(struct dedup *d, struct doc_slot *s, int thread, each_fn *fn, struct err *e)
{
    struct dedup_worker *w = &d->workers[thread];
    struct doc doc;
    enum doc_next next;
    uint64_t i = 0, to = 0;
    if (ordinals(d, s, &i, &to, e)) return -1;
    doc_iter_start(&w->it, &d->cfg->docs, &s->block);
    while ((next = doc_iter_next(&w->it, &doc)) != DOC_END) {
        if (next == DOC_BAD) {
            if (d->out[OUT_BAD].file)
                doc_emit_bad(&doc, w->it.reason, w->it.bad_bytes, &s->out[OUT_BAD]);
            continue;
        }
        if (i >= to) return changed(s, e);
        if (fn(d, w, &doc, (uint32_t)i++, s, e)) return -1;
    }
    return i == to ? 0 : changed(s, e);
}

/* ---- sets of shingles of candidates ---- */

static int set_doc(struct dedup *d, struct dedup_worker *w, const struct doc *doc, uint32_t i,
                   struct doc_slot *s, struct err *e)
{
    if (!d->wanted[i]) return 0;
    if (shingles_words(&w->sh, doc->text, doc->text_len, e) ||
        shingles_make(&w->sh, d->cfg->width, e))
        return -1;
    uint64_t head[2] = {i, shingles_to_set(w->sh.v, w->sh.n)};
    buf_add(&s->out[0], head, sizeof head);
    buf_add(&s->out[0], w->sh.v, (size_t)head[1] * 8);
    return buf_ok(&s->out[0], e);
}

static int sets_work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    return each_doc(arg, s, thread, set_doc, e);
}

static int sets_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    (void)thread;
    for (size_t at = 0; at < s->out[0].len;) {
        uint64_t head[2];
        memcpy(head, s->out[0].data + at, sizeof head);
        d->set_at[head[0]] = d->sets.len / 8;
        buf_add(&d->sets, s->out[0].data + at + 8, 8 + (size_t)head[1] * 8);
        at += 16 + (size_t)head[1] * 8;
    }
    return buf_ok(&d->sets, e);
}

int dedup_pass_sets(struct dedup *d, struct err *e)
{
    d->set_at = mem_zalloc((size_t)d->n, sizeof *d->set_at);
    if (!d->set_at) return err_oom(e, d->n * 8, "the index of candidates");
    return run_pass(d, "compare", sets_work, sets_done, e);
}

/* ---- ids of documents that others are duplicates of ---- */

static int id_doc(struct dedup *d, struct dedup_worker *w, const struct doc *doc, uint32_t i,
                  struct doc_slot *s, struct err *e)
{
    (void)w;
    if (!d->wanted[i]) return 0;
    struct buf id = {0};
    doc_emit_id(doc, &id);
    uint32_t head[2] = {i, (uint32_t)id.len};
    buf_add(&s->out[0], head, sizeof head);
    buf_add(&s->out[0], id.data, id.len);
    int ret = buf_ok(&id, e) || buf_ok(&s->out[0], e) ? -1 : 0;
    buf_free(&id);
    return ret;
}

static int ids_work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    return each_doc(arg, s, thread, id_doc, e);
}

static int ids_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    (void)thread;
    for (size_t at = 0; at < s->out[0].len;) {
        uint32_t head[2];
        memcpy(head, s->out[0].data + at, sizeof head);
        d->id_at[head[0]] = d->ids.len;
        d->id_len[head[0]] = head[1];
        buf_add(&d->ids, s->out[0].data + at + sizeof head, head[1]);
        at += sizeof head + head[1];
    }
    return buf_ok(&d->ids, e);
}

int dedup_pass_ids(struct dedup *d, struct err *e)
{
    if (!d->wanted) d->wanted = mem_alloc((size_t)d->n, 1);
    d->id_at = mem_zalloc((size_t)d->n, sizeof *d->id_at);
    d->id_len = mem_zalloc((size_t)d->n, sizeof *d->id_len);
    if (!d->wanted || !d->id_at || !d->id_len) return err_oom(e, d->n * 13, "ids of documents");
    memset(d->wanted, 0, (size_t)d->n);
    for (uint32_t i = 0; i < d->n; i++)
        if (d->match[i] != UINT32_MAX) d->wanted[d->match[i]] = 1;
    return run_pass(d, "ids", ids_work, ids_done, e);
}

/* ---- last pass ---- */

static int write_doc(struct dedup *d, struct dedup_worker *w, const struct doc *doc, uint32_t i,
                     struct doc_slot *s, struct err *e)
{
    (void)w;
    uint32_t m = d->match[i];
    if (m == UINT32_MAX) {
        if (d->out[OUT_KEPT].file) doc_emit(doc, doc->text, doc->text_len, &s->out[OUT_KEPT]);
        return 0;
    }
    if (!d->out[OUT_REMOVED].file) return 0;
    struct buf more = {0};
    buf_adds(&more, ",\"duplicate_of\":");
    buf_add(&more, d->ids.data + d->id_at[m], d->id_len[m]);
    buf_printf(&more, ",\"duplicate\":\"%s\",\"similarity\":%.4f", d->near[i] ? "near" : "exact",
               (double)d->sim[i]);
    int ret = buf_ok(&more, e);
    if (!ret) doc_emit_with(doc, more.data, &s->out[OUT_REMOVED]);
    buf_free(&more);
    return ret;
}

static int write_work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    if (each_doc(d, s, thread, write_doc, e)) return -1;
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        if (doc_pack(&s->out[i], d->out[i].packing, &s->scratch, e)) return -1;
    return 0;
}

static int write_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    (void)thread;
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        if (doc_out_write(&d->out[i], &s->out[i], e)) return -1;
    return 0;
}

int dedup_pass_write(struct dedup *d, struct err *e)
{
    return run_pass(d, "write", write_work, write_done, e);
}
