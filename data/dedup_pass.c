#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "data/dedup_internal.h"
#include "data/doc_plain.h"

static struct doc_stage stage(struct dedup *d, const char *what, doc_run_fn *decide, doc_run_fn *emit, doc_run_fn *done)
{
    return (struct doc_stage){.files = &d->part,
                              .cfg = &d->cfg->docs,
                              .pool = d->cfg->pool,
                              .arg = d,
                              .what = d->cfg->progress ? what : NULL,
                              .decide = decide,
                              .emit = emit,
                              .done = done};
}

static void note_damage(struct dedup *d, const struct doc_run_end *end)
{
    d->stats->n_damaged = end->n_damaged;
    memcpy(d->stats->damaged, end->damaged, sizeof end->damaged);
}

int dedup_pass(struct dedup *d, const char *what, doc_run_fn *work, doc_run_fn *decide,
               doc_run_fn *emit, doc_run_fn *done, struct err *e)
{
    struct doc_run_end end;
    struct doc_stage st = stage(d, what, decide, emit, done);
    st.work = work;
    int ret = doc_run(&st, &end, e);
    note_damage(d, &end);
    return ret;
}

int dedup_choose_block(struct dedup *d, struct doc_slot *s, int words, struct err *e)
{
    uint64_t first = dedup_doc_number(d, s->block.file, s->block.offset);
    uint64_t end = first + (s->block.bad ? s->block.bad_bytes : s->block.data.len);
    buf_clear(&s->scratch);
    while (d->next && d->next[0] < end) {
        if (d->next[0] < first)
            return err_set(e, ERR_DATA, "'%s' changed while it was read; run again",
                           s->block.file->name);
        buf_add(&s->scratch, d->next, (size_t)words * 8);
        int got = dmerge_next(&d->chosen, &d->next, e);
        if (got < 0) return -1;
        if (!got) d->next = NULL;
    }
    return buf_ok(&s->scratch, e);
}

static int step(struct dmerge *m, const uint64_t **next, struct err *e)
{
    int got = dmerge_next(m, next, e);
    if (!got) *next = NULL;
    return got < 0 ? -1 : 0;
}

int dedup_begin(struct dedup *d, enum dkind k, struct dmerge *m, const uint64_t **next, struct err *e)
{
    return dstore_read(&d->store, k, d->lo, d->hi, m, e) ? -1 : step(m, next, e);
}

/* ---- blocks once more ---- */

struct dagain {
    struct dmerge blocks, chosen;
    const uint64_t *block, *doc; /* the next of each, NULL: none */
    bool all, front; /* front: all blocks so far stay as they are, where they are */
    uint64_t front_bytes;
    uint64_t seq, bytes;
    const struct doc_file *file; /* of the last block, NULL: none */
    struct doc_plain *plain;     /* of it */
    uint64_t left_docs, left_text; /* of blocks that were not wanted */
};

int dedup_all_plain(struct dedup *d, bool *yes, struct err *e)
{
    struct dmerge m = {0};
    const uint64_t *r;
    int ret = dedup_begin(d, D_BLOCK, &m, &r, e);
    *yes = !ret && r;
    while (!ret && r && *yes) {
        *yes = r[5] & BLOCK_PLAIN;
        ret = step(&m, &r, e);
    }
    dmerge_free(&m);
    for (size_t i = 0; !ret && *yes && i < d->part.n; i++)
        if (!d->part.v[i].skip) *yes = doc_file_is_plain(&d->part.v[i]);
    return ret;
}

static int open_file(struct dagain *a, const struct doc_file *f, struct err *e)
{
    if (a->file == f) return 0;
    doc_plain_free(a->plain);
    a->plain = NULL;
    a->file = NULL;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_errno(e, errno, "cannot open", f->path);
    a->plain = doc_plain_new(fd, f->name, e);
    close(fd);
    if (a->plain) a->file = f;
    return a->plain ? 0 : -1;
}

uint64_t dedup_front(const struct dedup *d)
{
    return d->again->front_bytes;
}

/* Behind the first block in which something goes all others move. */
static bool moves(struct dagain *a, const struct doc_block *b, bool goes)
{
    if (!a->front) return false;
    a->front = !goes && a->block[5] & BLOCK_LINES && b->offset == a->front_bytes;
    if (a->front) a->front_bytes += a->block[1];
    a->all = !a->front;
    return a->all;
}

static int next_block(void *arg, struct doc_block *b, struct err *e)
{
    struct dedup *d = arg;
    struct dagain *a = d->again;
    bool wanted = false;
    while (a->block && !wanted) {
        uint64_t end = a->block[0] + a->block[1], number = a->block[0] & ~DOC_NEW;
        struct buf keep = b->data;
        *b = (struct doc_block){.data = keep,
                                .file = &d->part.v[number >> DOC_OFFSET_BITS],
                                .format = DOC_JSONL,
                                .seq = a->seq++,
                                .line_no = a->block[4],
                                .line_no_known = true,
                                .unread = (size_t)a->block[1],
                                .offset = number & (((uint64_t)1 << DOC_OFFSET_BITS) - 1)};
        a->bytes += a->block[1];
        b->stored_bytes = a->bytes;
        for (wanted = a->all; a->doc && a->doc[0] < end; wanted = true)
            if (step(&a->chosen, &a->doc, e)) return -1;
        wanted |= moves(a, b, wanted);
        a->left_docs += wanted ? 0 : a->block[2];
        a->left_text += wanted ? 0 : a->block[3];
        if (step(&a->blocks, &a->block, e)) return -1;
    }
    if (!wanted) return 0;
    if (open_file(a, b->file, e)) return -1;
    b->plain = doc_plain_share(a->plain);
    return 1;
}

int dedup_pass_again(struct dedup *d, const char *what, enum dkind k, doc_run_fn *decide, doc_run_fn *emit,
                     doc_run_fn *done, struct dedup_left *left, struct err *e)
{
    struct dagain a = {.all = k == D_KINDS, .front = d->in_place};
    struct doc_run_end end;
    struct doc_stage st = stage(d, what, decide, emit, done);
    bool plain;
    int ret = dedup_all_plain(d, &plain, e);
    if (!ret && plain) {
        st.next = next_block;
        ret = dedup_begin(d, D_BLOCK, &a.blocks, &a.block, e);
        if (!ret && !a.all) ret = dedup_begin(d, k, &a.chosen, &a.doc, e);
    }
    d->again = &a;
    if (!ret) ret = doc_run(&st, &end, e);
    if (left) *left = (struct dedup_left){a.left_docs, a.left_text, a.front_bytes};
    if (!ret && left && !plain) note_damage(d, &end);
    d->again = NULL;
    dmerge_free(&a.blocks);
    dmerge_free(&a.chosen);
    doc_plain_free(a.plain);
    return ret;
}

/* ---- documents of a collection ---- */

static int chosen_decide(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    (void)thread;
    return dedup_choose_block(arg, s, 1, e);
}

static int chosen_emit(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    struct dedup_worker *w = &d->workers[thread];
    const uint64_t *v = (const uint64_t *)(const void *)s->scratch.data;
    size_t n = s->scratch.len / 8;
    if (!n) return 0;
    uint64_t first = dedup_doc_number(d, s->block.file, s->block.offset);
    struct doc doc;
    doc_iter_start(&w->it, &d->cfg->docs, &s->block);
    for (size_t i = 0; i < n; i++) {
        doc_iter_seek(&w->it, (size_t)(v[i] - first));
        if (doc_iter_next(&w->it, &doc) != DOC_GOOD || dedup_doc_number(d, doc.file, doc.offset) != v[i])
            return err_set(e, ERR_DATA, "'%s' changed while it was read; run again",
                           s->block.file->name);
        if (d->chosen_fn(d, w, &doc, v[i], s, e)) return -1;
    }
    return buf_ok(&s->out[0], e);
}

int dedup_pass_chosen(struct dedup *d, const char *what, enum dkind k, dedup_doc_fn *fn,
                      doc_run_fn *done, struct err *e)
{
    int ret = dedup_begin(d, k, &d->chosen, &d->next, e);
    d->chosen_fn = fn;
    if (!ret && d->next) ret = dedup_pass_again(d, what, k, chosen_decide, chosen_emit, done, NULL, e);
    dmerge_free(&d->chosen);
    if (!ret && d->next) ret = err_set(e, ERR_DATA, "the input changed while it was read; run again");
    return ret;
}
