#include "data/doc_run.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/sig.h"

/* A ring of slots, each a block on its way.  Every thread takes what can be done
 * now, latest stage first; none waits for a round of others to end.  Finding the
 * next block is for one thread at a time, and so are decide() and done(), in order;
 * mostly a block is read where it is found, but plain files by all threads.  The slot
 * that became free last is filled first: its memory is still in a cache. */
enum stage { EMPTY, FOUND, NOT_NUMBERED, READ, WORKED, DECIDED, EMITTED, BUSY };
enum task { NOTHING, FINDING, READING, WORKING, DECIDING, EMITTING, FINISHING };

enum {
    FULL_BLOCK = 1 << 20, /* bytes, where nobody asks for smaller ones */
    MOST_TIMES = 4,       /* as many slots, where somebody does */
    KEPT = 1 << 24,       /* bytes that a slot keeps for its next block: of many slots, all may have had a large one */
};

struct ring_slot {
    struct doc_slot s;
    enum stage stage;
    size_t bytes; /* of the block */
};

struct run {
    const struct doc_stage *st;
    struct doc_reader *reader;
    struct ring_slot *slots, **ring, **free; /* width of each; free: a stack */
    size_t width, few, n_free; /* few: so many are found whatever they hold */
    struct buf *spare;         /* stage.read_once: memory of data that nobody needs; a stack of at most width */
    size_t n_spare;
    uint64_t bytes;            /* of the blocks that are on their way */
    pthread_mutex_t lock; /* for all below and the stages; not held in a task */
    pthread_cond_t changed;
    int sleeping;
    uint64_t n_found, n_numbered, n_decided, n_done; /* blocks; the next of each is at n % width */
    bool finding, serial;        /* a thread looks for a block; one decides or finishes */
    bool end, read_failed, stop; /* end: nothing more to find */
    struct err read_err, err;           /* err: why it stopped */
    struct progress progress;
};

static struct ring_slot *nth(struct run *r, uint64_t n)
{
    return r->ring[n % r->width];
}

/* The oldest block at a stage, NULL if none. */
static struct ring_slot *oldest(struct run *r, enum stage stage, size_t *count)
{
    struct ring_slot *first = NULL;
    *count = 0;
    for (uint64_t n = r->n_done; n < r->n_found; n++) {
        if (nth(r, n)->stage != stage) continue;
        if (!first) first = nth(r, n);
        ++*count;
    }
    return first;
}

/* For a block more.  Small ones may be many, while a thread is held up by a large one. */
static bool has_room(const struct run *r)
{
    size_t n = (size_t)(r->n_found - r->n_done);
    return n < r->few || (n < r->width && r->bytes < (uint64_t)r->few * FULL_BLOCK);
}

static enum task pick(struct run *r, struct ring_slot **at)
{
    size_t n;
    if (!r->serial && r->n_done < r->n_found && (*at = nth(r, r->n_done))->stage == EMITTED)
        return FINISHING;
    if (!r->serial && r->n_decided < r->n_found && (*at = nth(r, r->n_decided))->stage == WORKED)
        return DECIDING;
    if ((*at = oldest(r, DECIDED, &n))) return EMITTING;
    if ((*at = oldest(r, FOUND, &n))) return READING;
    size_t threads = (size_t)pool_threads(r->st->pool), ahead; /* ahead: behind one that is being read */
    oldest(r, NOT_NUMBERED, &ahead);
    struct ring_slot *work = oldest(r, READ, &n);
    if (!r->finding && !r->end && has_room(r) && n * 2 < threads && ahead < threads * 2) {
        *at = r->free[r->n_free - 1];
        return FINDING;
    }
    *at = work;
    return work ? WORKING : NOTHING;
}

/* With stage.read_once: memory for the data of a block that will be read. */
static void take_spare(struct run *r, struct doc_block *b)
{
    if (r->n_spare && !b->data.cap) b->data = r->spare[--r->n_spare];
}

/* The block has been worked on. */
static void give_spare(struct run *r, struct doc_block *b)
{
    if (!r->spare || !b->data.cap) return;
    if (b->data.cap > KEPT || r->n_spare == r->width) {
        buf_free(&b->data);
        return;
    }
    r->spare[r->n_spare++] = b->data;
    b->data = (struct buf){0};
}

/* Without the lock. */
static int perform(struct run *r, enum task task, struct doc_slot *s, int thread)
{
    const struct doc_stage *st = r->st;
    if (task == FINDING) {
        for (int i = 0; i < DOC_RUN_BUFS; i++)
            buf_clear(&s->out[i]);
        s->failed = false;
        return st->next ? st->next(st->arg, &s->block, &r->read_err) : doc_reader_next(r->reader, &s->block, &r->read_err);
    }
    if (task == READING) return doc_block_read(&s->block, &s->err);
    if (s->failed) return -1;
    doc_run_fn *fn = task == WORKING    ? st->work
                     : task == DECIDING ? st->decide
                     : task == EMITTING ? st->emit
                                        : st->done;
    return fn ? fn(st->arg, s, thread, &s->err) : 0;
}

/* Of blocks that are there, those behind which none is missing. */
static void number(struct run *r)
{
    for (; r->n_numbered < r->n_found && nth(r, r->n_numbered)->stage == NOT_NUMBERED; r->n_numbered++) {
        struct ring_slot *at = nth(r, r->n_numbered);
        if (r->reader) doc_reader_number(r->reader, &at->s.block);
        at->stage = READ;
    }
}

/* Errors count where blocks are in order, so that the first one is told
 * whatever the number of threads. */
static void settle(struct run *r, enum task task, struct ring_slot *at, int ret)
{
    if (task == FINDING) {
        r->finding = false;
        r->end |= ret <= 0;
        r->read_failed |= ret < 0;
        at->stage = ret <= 0 ? EMPTY : at->s.block.plain ? FOUND : NOT_NUMBERED;
        if (ret > 0) {
            r->ring[r->n_found++ % r->width] = at;
            r->bytes += at->bytes = at->s.block.plain ? at->s.block.unread : at->s.block.data.len;
        } else {
            r->free[r->n_free++] = at;
        }
        number(r);
        return;
    }
    at->s.failed |= ret != 0;
    if (task == READING) {
        at->stage = NOT_NUMBERED;
        number(r);
        return;
    }
    at->stage = task == WORKING ? WORKED : task == DECIDING ? DECIDED : EMITTED;
    if (task == WORKING) give_spare(r, &at->s.block);
    if (task != DECIDING && task != FINISHING) return;
    r->serial = false;
    if (at->s.failed) {
        r->stop = true;
        r->err = at->s.err;
    } else if (task == DECIDING) {
        r->n_decided++;
    } else {
        r->n_done++;
        r->bytes -= at->bytes;
        if (r->width > r->few && at->s.block.data.cap > KEPT) buf_free(&at->s.block.data);
        at->stage = EMPTY;
        r->free[r->n_free++] = at;
        if (r->st->what)
            progress_update(&r->progress, (double)at->s.block.stored_bytes / 1e6, "");
    }
}

static bool is_over(struct run *r)
{
    if (!r->stop && sig_stop_requested()) {
        r->stop = true;
        err_set(&r->err, ERR_STOPPED, r->st->cfg->live ? "stopped by a signal" : "stopped by a signal; nothing was written");
    }
    return r->stop || (r->end && r->n_done == r->n_found);
}

static void worker(void *arg, int i, int thread)
{
    struct run *r = arg;
    (void)i;
    bool helped = true; /* or may be able to */
    pthread_mutex_lock(&r->lock);
    while (!is_over(r)) {
        struct ring_slot *at;
        enum task task = pick(r, &at);
        if (task == NOTHING && helped) { /* before it sleeps */
            pthread_mutex_unlock(&r->lock);
            helped = r->reader && doc_reader_help(r->reader);
            pthread_mutex_lock(&r->lock);
            continue;
        }
        helped = true;
        if (task == NOTHING) {
            r->sleeping++;
            pthread_cond_wait(&r->changed, &r->lock);
            r->sleeping--;
            continue;
        }
        at->stage = BUSY;
        r->n_free -= task == FINDING;
        if (task == FINDING || task == READING) take_spare(r, &at->s.block);
        r->finding |= task == FINDING;
        r->serial |= task == DECIDING || task == FINISHING;
        if (r->sleeping) pthread_cond_signal(&r->changed); /* there may be more to do */
        pthread_mutex_unlock(&r->lock);
        int ret = perform(r, task, &at->s, thread);
        pthread_mutex_lock(&r->lock);
        settle(r, task, at, ret);
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void free_ring(struct run *r)
{
    for (size_t k = 0; r->slots && k < r->width; k++) {
        struct doc_slot *s = &r->slots[k].s;
        if (r->st->drop && s->user) r->st->drop(r->st->arg, s);
        doc_block_drop(&s->block);
        buf_free(&s->block.data);
        buf_free(&s->scratch);
        for (int b = 0; b < DOC_RUN_BUFS; b++)
            buf_free(&s->out[b]);
    }
    while (r->n_spare) buf_free(&r->spare[--r->n_spare]);
    free(r->spare);
    free(r->slots);
    free(r->ring);
    free(r->free);
}

static int go(struct run *r, struct err *e)
{
    uint64_t total = doc_files_bytes(r->st->files);
    int threads = pool_threads(r->st->pool);
    /* Room for two that wait for their turn beside each that is worked on, for when a thread
     * is held up; with more, less stays in a cache.  What next() gives needs no time to be found. */
    r->few = threads == 1 ? 1 : r->st->next ? (size_t)(threads * 3 + 1) / 2 : (size_t)threads * 3 < 12 ? 12 : (size_t)threads * 3;
    size_t block = r->st->cfg->block_bytes, times = block && block < FULL_BLOCK ? FULL_BLOCK / block : 1;
    r->width = threads == 1 || r->st->next ? r->few : r->few * (times < MOST_TIMES ? times : MOST_TIMES);
    r->slots = mem_zalloc(r->width, sizeof *r->slots);
    r->ring = mem_zalloc(r->width, sizeof *r->ring);
    r->free = mem_zalloc(r->width, sizeof *r->free);
    if (r->st->read_once) r->spare = mem_zalloc(r->width, sizeof *r->spare);
    if (!r->slots || !r->ring || !r->free || (r->st->read_once && !r->spare))
        return err_oom(e, r->width * sizeof *r->slots, "the blocks of a run");
    while (r->n_free < r->width) {
        r->free[r->n_free] = &r->slots[r->n_free];
        r->n_free++;
    }
    if (r->st->what) progress_start(&r->progress, r->st->what, "MB", (double)total / 1e6, 0);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    pool_run(r->st->pool, threads, worker, r);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    if (r->st->what) progress_end(&r->progress);
    if (!r->stop && !r->read_failed) return 0;
    *e = r->stop ? r->err : r->read_err;
    return -1;
}

static void note_damaged(const struct doc_reader *r, struct doc_run_end *end)
{
    const char *first;
    end->n_damaged = doc_reader_damaged(r, &first);
    snprintf(end->damaged, sizeof end->damaged, "%s", first);
}

int doc_run(const struct doc_stage *st, struct doc_run_end *end, struct err *e)
{
    struct run r = {.st = st};
    int ret = -1;
    *end = (struct doc_run_end){0};
    struct doc_cfg cfg = *st->cfg;
    cfg.threads = pool_threads(st->pool);
    cfg.unread = true;
    if (!st->next) r.reader = doc_reader_open(st->files, &cfg, e);
    if (r.reader && st->start) doc_reader_go_on(r.reader, st->start, st->damaged);
    if (r.reader || st->next) ret = go(&r, e);
    if (r.reader) note_damaged(r.reader, end);
    free_ring(&r);
    doc_reader_close(r.reader);
    return ret;
}

static int each_of_block(struct doc_iter *it, doc_each_fn *fn, void *arg, struct err *e)
{
    struct doc d;
    enum doc_next next;
    while ((next = doc_iter_next(it, &d)) != DOC_END)
        if (sig_check(e) || fn(arg, &d, next == DOC_BAD ? it->reason : NULL, e)) return -1;
    return 0;
}

int doc_each(const struct doc_files *files, const struct doc_cfg *cfg, doc_each_fn *fn, void *arg, struct doc_run_end *end, struct err *e)
{
    struct doc_reader *r = doc_reader_open(files, cfg, e);
    struct doc_block b = {.file = NULL};
    struct doc_iter it = {.block = NULL};
    int got = r ? 1 : -1;
    *end = (struct doc_run_end){0};
    while (got > 0 && (got = doc_reader_next(r, &b, e)) > 0) {
        doc_iter_start(&it, cfg, &b);
        if (each_of_block(&it, fn, arg, e)) got = -1;
    }
    if (r) note_damaged(r, end);
    doc_iter_free(&it);
    buf_free(&b.data);
    doc_reader_close(r);
    return got;
}
