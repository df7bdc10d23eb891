/* Lines, paragraphs and n-grams with a work directory.  What makes the time is the
 * hashing, which shards share; which parts go depends on all that stayed before,
 * so one shard decides for all, from the hashes, in the order of the input.
 *
 *   sign    documents -> hashes of their parts    each its part of the input
 *   choose  hashes -> which parts go              the first shard
 *   write   documents and those -> outputs        each its part of the input */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/sig.h"
#include "data/dedup_internal.h"
#include "data/dedup_parts_internal.h"

/* Before the notes of each block, in both files; the last has no documents and
 * magic_end, and counts of the decisions behind it. */
struct block_head {
    uint64_t magic, docs, bad, n_hashes, notes, text; /* text: XXH3 of the block */
};
static const uint64_t magic = 0x3174726170646cu, magic_end = 0x31646e65646cu; /* "ldpart1", "ldend1" */

struct sharing {
    struct parts p; /* first: callbacks get it */
    struct file_writer *to;
    FILE *from;
    const char *path; /* of from */
};

static int put(struct sharing *s, const struct parts_block *b, uint64_t text, struct err *e)
{
    struct block_head h = {magic, b->docs, b->bad, b->n_hashes, b->notes.len, text};
    return file_write(s->to, &h, sizeof h, e) || file_write(s->to, b->notes.data, b->notes.len, e) ? -1 : 0;
}

/* 1: the next block's notes; 0: there are no more; -1. */
static int get(struct sharing *s, struct parts_block *b, uint64_t *text, struct err *e)
{
    struct block_head h;
    if (fread(&h, sizeof h, 1, s->from) != 1) return dstore_damaged(s->path, e);
    if (h.magic == magic_end) return 0;
    if (h.magic != magic || h.notes > (uint64_t)1 << 40 || h.notes % 8) return dstore_damaged(s->path, e);
    buf_clear(&b->notes);
    if (!buf_reserve(&b->notes, (size_t)h.notes)) return buf_ok(&b->notes, e);
    if (fread(b->notes.data, 1, (size_t)h.notes, s->from) != h.notes) return dstore_damaged(s->path, e);
    b->notes.len = (size_t)h.notes;
    b->docs = h.docs;
    b->bad = h.bad;
    b->n_hashes = h.n_hashes;
    *text = h.text;
    /* The notes must be as long as they say, for those who walk them. */
    const uint64_t *at = (const uint64_t *)(const void *)b->notes.data, *end = at + h.notes / 8;
    enum { HEAD = sizeof(struct parts_head) / 8, PART = sizeof(struct parts_part) / 8 };
    for (uint64_t i = 0; i < h.docs; i++) {
        if (end - at < HEAD) return dstore_damaged(s->path, e);
        uint64_t n = ((const struct parts_head *)(const void *)at)->n_parts;
        at += HEAD;
        for (uint64_t k = 0; k < n; k++) {
            if (end - at < PART) return dstore_damaged(s->path, e);
            uint64_t hashes = ((const struct parts_part *)(const void *)at)->n_hashes;
            at += PART;
            if (hashes > (uint64_t)(end - at)) return dstore_damaged(s->path, e);
            at += hashes;
        }
    }
    return at == end ? 1 : dstore_damaged(s->path, e);
}

static int finish(struct sharing *s, const struct dedup_stats *st, struct err *e)
{
    struct block_head h = {.magic = magic_end};
    int ret = file_write(s->to, &h, sizeof h, e) || file_write(s->to, st, sizeof *st, e) ? -1 : 0;
    if (ret) return -1;
    struct file_writer *w = s->to;
    s->to = NULL;
    return file_commit(w, e);
}

static void close_all(struct sharing *s)
{
    parts_close(&s->p);
    file_abort(s->to);
    if (s->from) fclose(s->from);
}

static int pass(struct dedup *d, struct sharing *s, const char *what, doc_run_fn *work, doc_run_fn *decide,
                doc_run_fn *emit, doc_run_fn *done, struct err *e)
{
    struct doc_run_end end;
    struct doc_stage st = {.files = &d->part, .cfg = &d->cfg->docs, .pool = d->cfg->pool, .arg = s,
                           .what = d->cfg->progress ? what : NULL, .work = work, .decide = decide,
                           .emit = emit, .done = done, .drop = parts_drop};
    int ret = doc_run(&st, &end, e);
    d->stats->n_damaged = end.n_damaged;
    memcpy(d->stats->damaged, end.damaged, sizeof end.damaged);
    return ret;
}

/* ---- sign ---- */

static int sign_done(void *arg, struct doc_slot *slot, int thread, struct err *e)
{
    struct sharing *s = arg;
    struct parts_block *b = slot->user;
    struct dedup_stats *st = s->p.stats;
    (void)thread;
    if (!st->docs_bad && b->bad) memcpy(st->first_bad, b->first_bad, sizeof b->first_bad);
    st->docs_bad += b->bad;
    st->docs_in += b->docs + b->bad;
    int ret = put(s, b, hash64(slot->block.data.data, slot->block.data.len), e);
    parts_drop(s, slot);
    return ret;
}

int dedup_parts_sign(struct dedup *d, struct err *e)
{
    struct sharing s = {0};
    const struct dedup_stats none = {0};
    char *path = dstore_file(&d->store, d->cfg->shard, "parts", d->cfg->shard, e);
    int ret = parts_open(&s.p, d->cfg, d->stats, e);
    if (!path || (!ret && !(s.to = file_create(path, 0, e)))) ret = -1;
    if (!ret) ret = pass(d, &s, "hash", parts_work, NULL, NULL, sign_done, e);
    if (!ret) ret = finish(&s, &none, e);
    close_all(&s);
    free(path);
    return ret;
}

/* ---- choose ---- */

/* Leaves only the decisions in the notes. */
static void without_hashes(struct parts_block *b)
{
    uint64_t *from = (uint64_t *)(void *)b->notes.data, *to = from;
    for (uint64_t i = 0; i < b->docs; i++) {
        struct parts_head h;
        memcpy(&h, from, sizeof h);
        memcpy(to, &h, sizeof h);
        from += sizeof h / 8;
        to += sizeof h / 8;
        for (uint64_t k = 0; k < h.n_parts; k++) {
            struct parts_part x;
            memcpy(&x, from, sizeof x);
            from += sizeof x / 8 + x.n_hashes;
            x.n_hashes = 0;
            memcpy(to, &x, sizeof x);
            to += sizeof x / 8;
        }
    }
    b->notes.len = (size_t)((char *)to - b->notes.data);
    b->n_hashes = 0;
}

static int choose_shard(struct sharing *s, struct err *e)
{
    struct parts_block b = {0};
    uint64_t text;
    int got;
    while ((got = get(s, &b, &text, e)) > 0) {
        if (sig_check(e) || parts_decide_block(&s->p, &b, e)) got = -1;
        if (got < 0) break;
        without_hashes(&b);
        if ((got = put(s, &b, text, e)) < 0) break;
    }
    buf_free(&b.notes);
    return got;
}

int dedup_parts_choose(struct dedup *d, struct err *e)
{
    struct sharing s = {0};
    struct dedup_stats st;
    if (d->cfg->shard) return 0;
    int ret = parts_open(&s.p, d->cfg, &st, e);
    if (!ret) ret = dseen_init(&s.p.seen, d->cfg->bloom, d->cfg->mem, e);
    for (int i = 0; i < d->cfg->shards && !ret; i++) {
        char *from = dstore_file(&d->store, i, "parts", i, e), *to = from ? dstore_file(&d->store, 0, "decided", i, e) : NULL;
        st = (struct dedup_stats){0};
        s.path = from;
        if (!to)
            ret = -1;
        else if (!(s.from = fopen(from, "rb")))
            ret = err_errno(e, errno, "cannot open", from);
        else if (!(s.to = file_create(to, 0, e)))
            ret = -1;
        if (!ret) ret = choose_shard(&s, e);
        st.docs_in = st.docs_bad = 0; /* sign has counted them */
        if (!ret) ret = finish(&s, &st, e);
        if (s.from) fclose(s.from);
        s.from = NULL;
        free(from);
        free(to);
    }
    close_all(&s);
    return ret;
}

/* ---- write ---- */

static int write_decide(void *arg, struct doc_slot *slot, int thread, struct err *e)
{
    struct sharing *s = arg;
    struct parts_block *b = parts_block_of(slot, e);
    uint64_t text;
    (void)thread;
    int got = b ? get(s, b, &text, e) : -1;
    if (got < 0) return -1;
    if (got && text == hash64(slot->block.data.data, slot->block.data.len)) return 0;
    return err_set(e, ERR_DATA, "'%s' changed while it was read; run again", slot->block.file->name);
}

static int open_outputs(struct dedup *d, struct sharing *s, struct buf *names, struct err *e)
{
    const char *paths[PARTS_OUTS] = {d->cfg->out, d->cfg->removed, d->cfg->quarantine};
    for (int i = 0; i < PARTS_OUTS; i++) {
        if (paths[i] && dedup_own_name(d, paths[i], &names[i], e)) return -1;
        if (doc_out_open(&s->p.out[i], paths[i] ? names[i].data : NULL, e)) return -1;
    }
    return 0;
}

int dedup_parts_write(struct dedup *d, struct err *e)
{
    struct sharing s = {0};
    struct dedup_stats st;
    struct buf names[PARTS_OUTS] = {{0}};
    struct parts_block last = {0};
    uint64_t text;
    char *path = dstore_file(&d->store, 0, "decided", d->cfg->shard, e);
    int ret = parts_open(&s.p, d->cfg, d->stats, e);
    if (!path) ret = -1;
    s.path = path;
    if (!ret && !(s.from = fopen(path, "rb"))) ret = err_errno(e, errno, "cannot open", path);
    if (!ret) ret = open_outputs(d, &s, names, e);
    if (!ret) ret = pass(d, &s, "write", NULL, write_decide, parts_emit, parts_done, e);
    if (!ret) ret = get(&s, &last, &text, e);
    if (ret > 0) ret = err_set(e, ERR_DATA, "the input changed while it was read; run again");
    if (!ret && fread(&st, sizeof st, 1, s.from) != 1) ret = dstore_damaged(s.path, e);
    for (int i = 0; i < PARTS_OUTS && !ret; i++)
        ret = doc_out_commit(&s.p.out[i], e);
    if (!ret) {
        st.n_damaged = d->stats->n_damaged;
        memcpy(st.damaged, d->stats->damaged, sizeof st.damaged);
        *d->stats = st;
    }
    close_all(&s);
    buf_free(&last.notes);
    for (int i = 0; i < PARTS_OUTS; i++)
        buf_free(&names[i]);
    free(path);
    return ret;
}
