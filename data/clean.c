#include "data/clean.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/chat.h"
#include "data/clean_internal.h"

static void note_bad(struct clean_stats *s, const struct doc *d, const char *reason)
{
    s->docs_bad++;
    if (s->first_bad[0]) return;
    snprintf(s->first_bad, sizeof s->first_bad, "%s:%llu: %s", d->file->name,
             (unsigned long long)d->line_no, reason);
}

static void one_bad(struct clean *c, struct doc_slot *s, const struct doc *d, const char *reason, uint64_t bytes)
{
    note_bad(&((struct clean_block *)s->user)->s, d, reason);
    if (c->want[OUT_BAD]) doc_emit_bad(d, reason, bytes, &s->out[OUT_BAD]);
    if (c->want[OUT_DECISIONS]) decisions_bad(d, reason, &s->out[OUT_DECISIONS]);
}

/* In a chat's record personal data is masked wherever it stands, before anything looks at
 * it.  *why: not NULL when that cannot be. */
static int mask_record(const struct clean *c, struct worker *w, struct doc *d, const char **why, struct err *e)
{
    w->masked = 0;
    if (!c->cfg->chat || !c->cfg->prep.pii || !d->line) return 0;
    w->masked = doc_mask(&w->mask, d->line, d->line_len, c->cfg->prep.pii, why);
    if (buf_ok(&w->mask.line, e)) return -1;
    if (!*why && w->masked && doc_iter_replace(&w->it, d, w->mask.line.data, w->mask.line.len) == DOC_BAD)
        *why = w->it.reason;
    return 0;
}

/* *why: NULL, or why a record that reads well is no document after all. */
static int find_turns(const struct clean *c, int thread, struct doc *d, const char **why, struct err *e)
{
    *why = NULL;
    if (mask_record(c, &c->workers[thread], d, why, e)) return -1;
    if (*why || !c->cfg->chat) return 0;
    if (chat_read(c->cfg->chat, thread, d, why) == 0 && d->no_text) *why = "neither text nor turns of a chat";
    return 0;
}

static int work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct clean *c = arg;
    struct worker *w = &c->workers[thread];
    struct clean_block *b = s->user;
    if (!b && !(s->user = b = mem_zalloc(1, sizeof *b)))
        return err_oom(e, sizeof *b, "the counts of a block");
    if (c->cfg->detail && !b->s.detail && !(b->s.detail = mem_zalloc(1, sizeof *b->s.detail)))
        return err_oom(e, sizeof *b->s.detail, "the curves of a block");
    clean_stats_clear(&b->s);
    buf_clear(&b->rows);
    b->run = b->run_end = NULL;
    for (int i = 0; i < c->cfg->n_filters; i++)
        buf_clear(&b->keep[i]);
    struct doc d;
    enum doc_next next;
    uint64_t good = 0;
    doc_iter_start(&w->it, &c->cfg->docs, &s->block);
    while ((next = doc_iter_next(&w->it, &d)) != DOC_END) {
        b->s.docs_in++;
        const char *why = NULL;
        if (next == DOC_GOOD && find_turns(c, thread, &d, &why, e)) return -1;
        if (next == DOC_BAD)
            one_bad(c, s, &d, w->it.reason, w->it.bad_bytes);
        else if (why)
            one_bad(c, s, &d, why, d.line_len);
        else if (clean_one(c, thread, s, &d, good++, e))
            return err_wrap(e, "%s:%llu", d.file->name, (unsigned long long)d.line_no);
    }
    clean_write_run(s);
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        if (doc_pack(&s->out[i], c->out[i].packing, &s->scratch, e)) return -1;
    return 0;
}

/* Everything up to here is written, come what may. */
static int save(struct clean *c, struct err *e)
{
    struct clean_journal *j = &c->journal;
    double start = time_now_s();
    j->pass = c->pass;
    if (c->notes.file) {
        if (file_sync(c->notes.file, e)) return -1;
        j->notes_bytes = file_offset(c->notes.file);
    }
    for (int i = 0; i < DOC_RUN_BUFS; i++) {
        if (!c->out[i].file) continue;
        if (file_sync(c->out[i].file, e)) return -1;
        j->written[i] = file_offset(c->out[i].file);
    }
    int ret = clean_journal_save(j, c->cfg, c->total, e);
    j->last_s = time_now_s();
    j->cost_s = j->last_s - start;
    return ret;
}

/* All up to the block is done. */
static int placed(struct clean *c, const struct doc_slot *s, struct err *e)
{
    if (c->pass == 1 && !c->notes.file) return 0; /* what is on record is of pass two */
    c->journal.at = s->block.next;
    snprintf(c->journal.damaged, sizeof c->journal.damaged, "%s", s->block.damaged ? s->block.damaged : "");
    return c->journal.on && clean_journal_due(&c->journal) ? save(c, e) : 0;
}

static int done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct clean *c = arg;
    struct clean_block *b = s->user;
    (void)thread;
    if (c->pass == 1) {
        if (notes_add(&c->notes, c->cfg, s->block.seq, &b->rows, b->keep, b->s.group, e)) return -1;
        c->measured += b->rows.len / c->notes.row;
        return placed(c, s, e);
    }
    if (clean_stats_add(c->total, &b->s, e)) return -1;
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        if (doc_out_write(&c->out[i], &s->out[i], e)) return -1;
    return placed(c, s, e);
}

static void drop(void *arg, struct doc_slot *s)
{
    struct clean_block *b = s->user;
    (void)arg;
    clean_stats_free(&b->s);
    buf_free(&b->rows);
    for (int i = 0; i < CLEAN_FILTERS_MAX; i++)
        buf_free(&b->keep[i]);
    free(b);
    s->user = NULL;
}

static int open_output(struct clean *c, int i, const char *path, struct err *e)
{
    const struct clean_journal *j = &c->journal;
    struct err ignored;
    c->want[i] = path != NULL;
    if (!j->on || !path) return doc_out_open(&c->out[i], path, e);
    /* It has its name already when only the rest of the outputs, or a report, were missing. */
    char *part = file_beside(path, ".part");
    bool named = j->complete && part && !file_exists(part) && file_size(path, &ignored) == (int64_t)j->written[i];
    free(part);
    return named ? 0 : doc_out_open_part(&c->out[i], path, j->written[i], e);
}

static int open_outputs(struct clean *c, struct err *e)
{
    const char *paths[DOC_RUN_BUFS] = {c->cfg->out, c->cfg->removed, c->cfg->quarantine,
                                       c->cfg->decisions};
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        if (open_output(c, i, paths[i], e)) return -1;
    if (!c->want[OUT_DECISIONS] || c->journal.written[OUT_DECISIONS]) return 0;
    struct buf head = {0}, scratch = {0};
    decisions_head(c->cfg, &head);
    int ret = doc_pack(&head, c->out[OUT_DECISIONS].packing, &scratch, e);
    if (!ret) ret = doc_out_write(&c->out[OUT_DECISIONS], &head, e);
    buf_free(&head);
    buf_free(&scratch);
    return ret;
}

static int start_workers(struct clean *c, struct err *e)
{
    c->n_workers = pool_threads(c->cfg->pool);
    c->workers = mem_zalloc((size_t)c->n_workers, sizeof *c->workers);
    if (!c->workers) return err_oom(e, (uint64_t)c->n_workers * sizeof *c->workers, "the workers");
    for (int i = 0; i < c->n_workers; i++)
        c->workers[i].prep.cfg = &c->cfg->prep;
    return 0;
}

static void free_workers(struct clean *c)
{
    for (int i = 0; c->workers && i < c->n_workers; i++) {
        struct worker *w = &c->workers[i];
        doc_iter_free(&w->it);
        prep_free(&w->prep);
        doc_mask_free(&w->mask);
        rules_work_free(&w->rules);
        for (int k = 0; k < CLEAN_LABELS; k++)
            buf_free(&w->label[k]);
        buf_free(&w->why);
    }
    free(c->workers);
}

static int check_sum(const struct clean_stats *s, struct err *e)
{
    if (s->docs_in == s->docs_out + s->docs_removed + s->docs_bad) return 0;
    return err_set(e, ERR_INTERNAL,
                   "documents do not add up: %llu in, %llu out, %llu removed, %llu quarantined",
                   (unsigned long long)s->docs_in, (unsigned long long)s->docs_out,
                   (unsigned long long)s->docs_removed, (unsigned long long)s->docs_bad);
}

/* Measures, or takes what an earlier run measured: all of it or up to `there`. */
static int pass_one(struct clean *c, struct doc_stage *st, const struct doc_at *there, struct doc_run_end *end,
                    struct err *e)
{
    const struct clean_cfg *cfg = c->cfg;
    struct clean_journal *j = &c->journal;
    int was = j->saved ? j->pass : 0, loaded = 0;
    c->pass = 1;
    if (cfg->progress) st->what = "measure";
    if (was && (loaded = notes_file_load(&c->notes, cfg, j->notes_path, j->notes_bytes, e)) < 0) return -1;
    if (loaded) c->total->measured_before = c->measured = c->notes.rows.len / c->notes.row;
    /* What a later pass has on record is not to be lost: then this one is not. */
    if (j->on && was != 2 && notes_file_open(&c->notes, j->notes_path, loaded ? j->notes_bytes : 0, e)) return -1;
    if (loaded) st->start = there, st->damaged = j->damaged;
    if (!(loaded && was == 2) && doc_run(st, end, e)) return -1;
    st->start = NULL;
    st->damaged = NULL;
    if (was != 2) {
        j->at = (struct doc_at){0};
        j->damaged[0] = '\0';
    }
    c->pass = 2;
    if (j->saved && was != 2 && save(c, e)) return -1;
    if (notes_judge(&c->notes, cfg, e)) return -1;
    if (cfg->progress) st->what = "clean";
    return 0;
}

static int passes(struct clean *c, struct doc_run_end *end, struct err *e)
{
    const struct clean_cfg *cfg = c->cfg;
    struct doc_stage st = {.files = cfg->files,
                           .cfg = &cfg->docs,
                           .pool = cfg->pool,
                           .arg = c,
                           .what = cfg->progress ? "clean" : NULL,
                           .work = work,
                           .done = done,
                           .drop = drop};
    const struct doc_at there = c->journal.at; /* of an earlier run, in the pass where it was */
    int was = c->journal.saved ? c->journal.pass : -1;
    if (c->notes.on && pass_one(c, &st, &there, end, e)) return -1;
    if (open_outputs(c, e)) return -1;
    if (was == c->pass) {
        st.start = &there;
        st.damaged = c->journal.damaged;
    }
    if (c->journal.complete) return 0;
    return doc_run(&st, end, e);
}

/* The outputs get their names; whatever stops that, the next run goes on with it. */
static int commit(struct clean *c, struct err *e)
{
    if (c->journal.saved && !c->journal.complete) {
        c->journal.complete = true;
        if (save(c, e)) return -1;
    }
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        if (doc_out_commit(&c->out[i], e)) return -1;
    return 0;
}

/* After a failure: what is on record stays for the next run. */
static void leave(struct clean *c, struct err *e)
{
    struct err ignored;
    bool measuring = c->pass == 1;
    uint64_t docs = measuring ? c->measured : c->total->docs_in,
             before = measuring ? c->total->measured_before : c->total->docs_before;
    bool stopped = e->code == ERR_STOPPED && c->journal.on && docs > before && (!measuring || c->notes.file);
    if (stopped && save(c, &ignored) == 0)
        err_set(e, ERR_STOPPED, "stopped by a signal %sbehind %llu documents; the same command goes on from there",
                measuring ? "while measuring, " : "", (unsigned long long)docs);
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        if (c->journal.saved) doc_out_keep(&c->out[i]);
}

int clean_run(const struct clean_cfg *given, struct clean_stats *out, struct err *e)
{
    struct clean_cfg cfg = *given;
    struct clean c = {.cfg = &cfg, .total = out};
    struct doc_run_end end;
    *out = (struct clean_stats){0};
    cfg.rules.all |= cfg.decisions != NULL;
    if (cfg.n_filters) cfg.rules.quick = false; /* they see the values of the rules */
    for (int k = 0; k < CLEAN_LABELS; k++)
        cfg.docs.extra[k] = cfg.field[k];
    c.judge = cfg.rules.all;
    for (int r = 0; r < RULE_N; r++)
        c.judge |= cfg.rules.on[r];
    if (cfg.rules.all) cfg.rules.quick = false;
    if (cfg.detail && !(out->detail = mem_zalloc(1, sizeof *out->detail)))
        return err_oom(e, sizeof *out->detail, "the curves of the report");
    int ret = notes_start(&c.notes, &cfg, e);
    if (c.notes.on) c.journal.notes = &c.notes;
    if (!ret) ret = clean_journal_open(&c.journal, &cfg, out, e);
    out->docs_before = out->docs_in;
    out->bytes_before = out->bytes_in;
    if (!ret && (start_workers(&c, e) || passes(&c, &end, e))) ret = -1;
    free_workers(&c);
    if (!ret) ret = check_sum(out, e);
    if (!ret && !c.journal.complete) {
        out->n_damaged = end.n_damaged;
        memcpy(out->damaged, end.damaged, sizeof out->damaged);
    }
    if (!ret) ret = commit(&c, e);
    if (ret) leave(&c, e);
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        doc_out_abort(&c.out[i]);
    if (c.journal.saved) { /* clean_journal_end() removes it */
        file_keep(c.notes.file);
        c.notes.file = NULL;
    }
    notes_free(&c.notes);
    clean_journal_close(&c.journal);
    return ret;
}
