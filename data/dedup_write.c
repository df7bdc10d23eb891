/* The ids that are asked for, and the outputs. */
#include <stdio.h>
#include <string.h>

#include "data/dedup_internal.h"
#include "data/doc_spool.h"

enum { OUT_KEPT, OUT_REMOVED, OUT_BAD };

int dedup_name_doc(struct dedup *d, struct dedup_worker *w, const struct doc *doc, uint64_t number,
                   struct doc_slot *s, struct err *e)
{
    (void)d;
    buf_clear(&w->a);
    doc_emit_id(doc, &w->a);
    uint64_t head[2] = {number, w->a.len};
    buf_add(&s->out[0], head, sizeof head);
    buf_add(&s->out[0], w->a.data, w->a.len);
    return buf_ok(&w->a, e);
}

static int names_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    (void)thread;
    return dblobs_take(&d->store.blobs[B_NAMES], &s->out[0], e);
}

int dedup_names(struct dedup *d, struct err *e)
{
    dstore_new_blobs(&d->store, B_NAMES);
    int ret = dedup_pass_chosen(d, "ids", D_NAME, dedup_name_doc, names_done, e);
    dstore_drop(&d->store, D_NAME);
    return ret ? -1 : dstore_put_blobs(&d->store, B_NAMES, e);
}

int dedup_name_of(const struct dedup *d, uint64_t doc, struct buf *scratch, const void **p,
                  size_t *n, struct err *e)
{
    int got = doc & DOC_NEW
                  ? dstore_get_blob(&d->store, B_NAMES, dedup_shard_of(d, doc), doc, scratch, p, n, e)
                  : dindex_get(d->old, B_NAMES, doc, scratch, p, n, e);
    if (!got) return err_set(e, ERR_INTERNAL, "a document has no id");
    return got < 0 ? -1 : 0;
}

/* ---- the last pass ---- */

struct counts { /* of a block, at the end of its scratch buffer */
    uint64_t docs, exact, near, old, bytes;
};

static int members_of(struct dedup *d, struct dedup_worker *w, const uint64_t *fate, struct err *e)
{
    const void *name;
    size_t n;
    if (dedup_name_of(d, fate[1], &w->b, &name, &n, e)) return -1;
    buf_clear(&w->a);
    buf_adds(&w->a, ",\"duplicate_of\":");
    buf_add(&w->a, name, n);
    buf_printf(&w->a, ",\"duplicate\":\"%s\",\"similarity\":%.4f",
               fate[2] >> 32 == FATE_NEAR ? "near" : "exact", (double)dedup_similarity(fate[2]));
    return buf_ok(&w->a, e);
}

static int write_gone(struct dedup *d, struct dedup_worker *w, const struct doc *doc,
                      const uint64_t *fate, struct doc_slot *s, struct err *e)
{
    bool kept = d->cfg->annotate && d->out[OUT_KEPT].file, gone = d->out[OUT_REMOVED].file;
    if (!kept && !gone) return 0;
    if (members_of(d, w, fate, e)) return -1;
    if (kept) doc_emit_with(doc, w->a.data, &s->out[OUT_KEPT]);
    if (gone) doc_emit_with(doc, w->a.data, &s->out[OUT_REMOVED]);
    return 0;
}

static int count_source(struct dedup_worker *w, const struct doc *doc, const uint64_t *fate,
                        struct err *e)
{
    struct dsource x = {.docs = 1, .bytes_in = doc->text_len - doc->escapes};
    x.near = fate && fate[2] >> 32 == FATE_NEAR;
    x.exact = fate && !x.near;
    x.bytes_out = fate ? 0 : x.bytes_in;
    return dedup_count_source(w, doc, &x, e);
}

/* What is known of a block of good lines, behind its fates in the scratch buffer. */
struct lines {
    uint64_t bytes, docs, text; /* bytes 0: look at the block */
};

static int write_decide(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    uint64_t first = dedup_doc_number(d, s->block.file, s->block.offset);
    struct lines x = {0};
    (void)thread;
    if (dedup_choose_block(d, s, 3, e)) return -1;
    while (d->next_block && d->next_block[0] <= first) {
        if (d->next_block[0] == first && d->next_block[5] & BLOCK_LINES)
            x = (struct lines){d->next_block[1], d->next_block[2], d->next_block[3]};
        int got = dmerge_next(&d->blocks, &d->next_block, e);
        if (got < 0) return -1;
        if (!got) d->next_block = NULL;
    }
    if (d->cfg->html || s->block.bad) x.bytes = 0; /* every document counts for its source */
    buf_add(&s->scratch, &x, sizeof x);
    return buf_ok(&s->scratch, e);
}

static int changed(const struct doc_slot *s, struct err *e)
{
    return err_set(e, ERR_DATA, "'%s' changed while it was read; run again", s->block.file->name);
}

static int one_goes(struct dedup *d, struct dedup_worker *w, const struct doc *doc, const uint64_t *fate,
                    struct counts *c, struct doc_slot *s, struct err *e)
{
    c->near += fate[2] >> 32 == FATE_NEAR;
    c->exact += fate[2] >> 32 != FATE_NEAR;
    c->old += !(fate[1] & DOC_NEW);
    return write_gone(d, w, doc, fate, s, e);
}

/* All documents are good and stand line by line: only those that go are looked at. */
static int emit_lines(struct dedup *d, struct dedup_worker *w, struct doc_slot *s, const uint64_t *fate,
                      const uint64_t *end, struct counts *c, struct err *e)
{
    struct buf *data = &s->block.data, *kept = &s->out[OUT_KEPT];
    uint64_t first = dedup_doc_number(d, s->block.file, s->block.offset);
    bool writes = d->out[OUT_KEPT].file;
    if (fate == end && writes) { /* as it came */
        struct buf t = *kept;
        *kept = *data;
        *data = t;
        return 0;
    }
    size_t at = 0;
    for (; fate < end; fate += 3) {
        size_t from = (size_t)(fate[0] - first);
        if (from >= data->len || from < at || (from && data->data[from - 1] != '\n')) return changed(s, e);
        const char *nl = memchr(data->data + from, '\n', data->len - from);
        if (!nl) return changed(s, e);
        struct doc_cfg lazy = d->cfg->docs;
        struct doc_block line = s->block;
        struct doc doc;
        lazy.lazy = true;
        line.data = (struct buf){.data = data->data + from, .len = (size_t)(nl - data->data) + 1 - from};
        line.offset += from;
        line.checked = false;
        doc_iter_start(&w->it, &lazy, &line);
        if (doc_iter_next(&w->it, &doc) != DOC_GOOD) return changed(s, e);
        if (writes) buf_add(kept, data->data + at, from - at);
        at = from + line.data.len;
        c->bytes -= doc.text_len - doc.escapes;
        if (one_goes(d, w, &doc, fate, c, s, e)) return -1;
    }
    if (writes) buf_add(kept, data->data + at, data->len - at);
    return 0;
}

static int emit_documents(struct dedup *d, struct dedup_worker *w, struct doc_slot *s, const uint64_t *fate,
                          const uint64_t *end, struct counts *c, struct err *e)
{
    struct doc_cfg lazy = d->cfg->docs; /* texts are only copied */
    struct doc doc;
    enum doc_next next;
    lazy.lazy = true;
    doc_iter_start(&w->it, &lazy, &s->block);
    while ((next = doc_iter_next(&w->it, &doc)) != DOC_END) {
        if (next == DOC_BAD) {
            if (d->out[OUT_BAD].file)
                doc_emit_bad(&doc, w->it.reason, w->it.bad_bytes, &s->out[OUT_BAD]);
            continue;
        }
        c->docs++;
        bool goes = fate < end && dedup_doc_number(d, doc.file, doc.offset) == fate[0];
        if (d->cfg->html && count_source(w, &doc, goes ? fate : NULL, e)) return -1;
        if (goes) {
            if (one_goes(d, w, &doc, fate, c, s, e)) return -1;
            fate += 3;
            continue;
        }
        c->bytes += doc.text_len - doc.escapes;
        if (d->out[OUT_KEPT].file) doc_emit(&doc, doc.text, doc.text_len, &s->out[OUT_KEPT]);
    }
    return fate < end ? changed(s, e) : 0;
}

static int write_emit(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    struct dedup_worker *w = &d->workers[thread];
    struct lines x;
    s->scratch.len -= sizeof x;
    memcpy(&x, s->scratch.data + s->scratch.len, sizeof x);
    const uint64_t *fate = (const uint64_t *)(const void *)s->scratch.data, *end = fate + s->scratch.len / 8;
    struct counts c = {.docs = x.docs, .bytes = x.text};
    if (x.bytes && x.bytes != s->block.data.len) return changed(s, e);
    if (!x.bytes) c = (struct counts){0};
    if ((x.bytes ? emit_lines : emit_documents)(d, w, s, fate, end, &c, e)) return -1;
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        if (doc_pack(&s->out[i], d->out[i].packing, &s->scratch, e)) return -1;
    buf_clear(&s->scratch);
    buf_add(&s->scratch, &c, sizeof c);
    return buf_ok(&s->scratch, e);
}

/* In place: what is before the first block that is written. */
static int settle_front(struct dedup *d, uint64_t bytes, struct err *e)
{
    if (!d->in_place) return 0;
    d->in_place = false;
    return file_stay(d->out[OUT_KEPT].file, bytes, e);
}

static int write_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    struct counts c;
    (void)thread;
    memcpy(&c, s->scratch.data, sizeof c);
    if (d->in_place && settle_front(d, dedup_front(d), e)) return -1;
    d->stats->docs_out += c.docs - c.exact - c.near;
    d->stats->docs_exact += c.exact;
    d->stats->docs_near += c.near;
    d->stats->docs_old += c.old;
    d->stats->bytes_out += c.bytes;
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        if (doc_out_write(&d->out[i], &s->out[i], e)) return -1;
    return 0;
}

int dedup_own_name(const struct dedup *d, const char *path, struct buf *name, struct err *e)
{
    return doc_out_shard_name(path, d->cfg->shard, d->cfg->shards, name, e);
}

static int open_outputs(struct dedup *d, struct buf *names, struct err *e)
{
    const char *paths[DOC_RUN_BUFS] = {d->cfg->out, d->cfg->removed, d->cfg->quarantine};
    for (int i = 0; i < DOC_RUN_BUFS; i++) {
        if (paths[i] && dedup_own_name(d, paths[i], &names[i], e)) return -1;
        if (i == OUT_KEPT && d->in_place) continue;
        if (doc_out_open(&d->out[i], paths[i] ? names[i].data : NULL, e)) return -1;
    }
    return 0;
}

/* What is written is never longer than what was read up to there. */
static int take_copy(struct dedup *d, struct err *e)
{
    if (!d->spool || !d->spool->into) return 0;
    if (dedup_all_plain(d, &d->in_place, e)) return -1;
    if (!d->in_place) return 0;
    doc_out_take(&d->out[OUT_KEPT], d->cfg->out, d->spool->into);
    d->spool->into = NULL;
    return 0;
}

int dedup_write(struct dedup *d, struct err *e)
{
    struct buf names[DOC_RUN_BUFS] = {{0}};
    int ret = take_copy(d, e);
    if (!ret) ret = open_outputs(d, names, e);
    bool asks = d->cfg->removed || d->cfg->annotate || d->cfg->clusters;
    if (!ret && asks) ret = dstore_open_blobs(&d->store, B_NAMES, e);
    if (!ret) ret = dedup_begin(d, D_FATE, &d->chosen, &d->next, e);
    if (!ret) ret = dedup_begin(d, D_BLOCK, &d->blocks, &d->next_block, e);
    struct dedup_left left = {0};
    bool writes = d->cfg->html; /* where nothing is written only what goes is looked at */
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        writes |= d->out[i].file != NULL;
    bool all = writes && !d->in_place;
    if (!ret) ret = dedup_pass_again(d, "write", all ? D_KINDS : D_FATE, write_decide, write_emit, write_done, &left, e);
    d->stats->docs_out += left.docs;
    d->stats->bytes_out += left.text;
    if (!ret) ret = settle_front(d, left.front, e);
    dmerge_free(&d->chosen);
    dmerge_free(&d->blocks);
    if (!ret && (d->next || dedup_stamp(d->cfg) != d->stamp))
        ret = err_set(e, ERR_DATA, "the input changed while it was read; run again");
    if (!ret && d->cfg->html) ret = dedup_put_sources(d, e);
    if (!ret && d->cfg->clusters && d->cfg->shard == 0) ret = dedup_write_clusters(d, e);
    for (int i = 0; i < DOC_RUN_BUFS; i++) {
        if (!ret) ret = doc_out_commit(&d->out[i], e);
        doc_out_abort(&d->out[i]);
        buf_free(&names[i]);
    }
    return ret;
}
