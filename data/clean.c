#include "data/clean.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/doc_out.h"
#include "data/doc_run.h"

enum { OUT_KEPT, OUT_REMOVED, OUT_BAD };

struct worker {
    struct doc_iter it;
    struct text_norm norm;
    struct rules_work rules;
    struct clean_stats s;
    uint64_t first_bad_seq; /* block of s.first_bad */
};

struct clean {
    const struct clean_cfg *cfg;
    struct worker *workers;
    int n_workers;
    bool judge, want[DOC_RUN_BUFS];
    struct doc_out out[DOC_RUN_BUFS];
};

static void note_bad(struct worker *w, const struct doc_block *b, const struct doc *d,
                     const char *reason)
{
    w->s.docs_bad++;
    if (w->s.first_bad[0] && w->first_bad_seq <= b->seq) return;
    w->first_bad_seq = b->seq;
    snprintf(w->s.first_bad, sizeof w->s.first_bad, "%s:%llu: %s", d->file->name,
             (unsigned long long)d->line_no, reason);
}

static void note_removed(struct worker *w, uint64_t failed, size_t bytes)
{
    struct clean_rule_stats *why = &w->s.rule[__builtin_ctzll(failed)];
    why->removed++;
    why->bytes += bytes;
    for (int r = 0; r < RULE_N; r++) {
        w->s.rule[r].failed += failed >> r & 1;
        w->s.rule[r].only += failed == (uint64_t)1 << r;
    }
    w->s.docs_removed++;
}

static void emit_removed(const struct clean *c, const struct doc *d, uint64_t failed,
                         const double *m, struct buf *out)
{
    int r = __builtin_ctzll(failed);
    char more[256];
    snprintf(more, sizeof more,
             ",\"removed_by\":\"%s\",\"rule\":\"%s\",\"value\":%.6g,\"limit\":%.6g",
             rules_table[r].reason, rules_table[r].key, m[rules_table[r].metric],
             c->cfg->rules.limit[r]);
    doc_emit_with(d, more, out);
}

static int clean_doc(const struct clean *c, struct worker *w, struct doc_slot *s,
                     const struct doc *d, struct err *e)
{
    const char *text;
    size_t n;
    if (text_norm_run(&w->norm, d->text, d->text_len, &text, &n, e)) return -1;
    w->s.bytes_in += d->text_len;
    if (c->judge) {
        uint64_t failed;
        if (rules_judge(&c->cfg->rules, &w->rules, text, n, &text, &n, &failed, e)) return -1;
        for (int r = RULE_LINE_WORD_LENGTH; r <= RULE_LINE_POLICY; r++)
            w->s.rule[r].failed += w->rules.lines_removed[r];
        if (failed) {
            note_removed(w, failed, d->text_len);
            if (c->want[OUT_REMOVED]) emit_removed(c, d, failed, w->rules.m, &s->out[OUT_REMOVED]);
            return 0;
        }
    }
    w->s.docs_out++;
    w->s.bytes_out += n;
    w->s.changed += text != d->text;
    if (c->want[OUT_KEPT]) doc_emit(d, text, n, &s->out[OUT_KEPT]);
    return 0;
}

static int work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct clean *c = arg;
    struct worker *w = &c->workers[thread];
    struct doc d;
    enum doc_next next;
    doc_iter_start(&w->it, &c->cfg->docs, &s->block);
    while ((next = doc_iter_next(&w->it, &d)) != DOC_END) {
        w->s.docs_in++;
        if (next == DOC_GOOD) {
            if (clean_doc(c, w, s, &d, e))
                return err_wrap(e, "%s:%llu", d.file->name, (unsigned long long)d.line_no);
            continue;
        }
        note_bad(w, &s->block, &d, w->it.reason);
        if (c->want[OUT_BAD]) doc_emit_bad(&d, w->it.reason, w->it.bad_bytes, &s->out[OUT_BAD]);
    }
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        if (doc_pack(&s->out[i], c->out[i].packing, &s->scratch, e)) return -1;
    return 0;
}

static int done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct clean *c = arg;
    (void)thread;
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        if (doc_out_write(&c->out[i], &s->out[i], e)) return -1;
    return 0;
}

static void add_stats(struct clean_stats *t, const struct worker *w, uint64_t *first_seq)
{
    const struct clean_stats *s = &w->s;
    t->docs_in += s->docs_in;
    t->docs_out += s->docs_out;
    t->docs_removed += s->docs_removed;
    t->docs_bad += s->docs_bad;
    t->bytes_in += s->bytes_in;
    t->bytes_out += s->bytes_out;
    t->changed += s->changed;
    for (int r = 0; r < RULE_N; r++) {
        t->rule[r].removed += s->rule[r].removed;
        t->rule[r].failed += s->rule[r].failed;
        t->rule[r].only += s->rule[r].only;
        t->rule[r].bytes += s->rule[r].bytes;
    }
    if (s->first_bad[0] && w->first_bad_seq < *first_seq) {
        *first_seq = w->first_bad_seq;
        memcpy(t->first_bad, s->first_bad, sizeof t->first_bad);
    }
}

static int open_outputs(struct clean *c, struct err *e)
{
    const char *paths[DOC_RUN_BUFS] = {c->cfg->out, c->cfg->removed, c->cfg->quarantine};
    for (int i = 0; i < DOC_RUN_BUFS; i++) {
        c->want[i] = paths[i] != NULL;
        if (doc_out_open(&c->out[i], paths[i], e)) return -1;
    }
    return 0;
}

int clean_run(const struct clean_cfg *cfg, struct clean_stats *out, struct err *e)
{
    struct clean c = {
        .cfg = cfg, .n_workers = pool_threads(cfg->pool), .judge = rules_any(&cfg->rules)};
    struct doc_run_end end;
    int ret = -1;
    *out = (struct clean_stats){0};
    c.workers = mem_zalloc((size_t)c.n_workers, sizeof *c.workers);
    if (!c.workers) return err_oom(e, (uint64_t)c.n_workers * sizeof *c.workers, "the workers");
    for (int i = 0; i < c.n_workers; i++)
        c.workers[i].norm.form = cfg->form;
    struct doc_stage st = {.files = cfg->files,
                           .cfg = &cfg->docs,
                           .pool = cfg->pool,
                           .arg = &c,
                           .what = cfg->progress ? "clean" : NULL,
                           .work = work,
                           .done = done};
    if (!open_outputs(&c, e)) ret = doc_run(&st, &end, e);
    uint64_t first_seq = UINT64_MAX;
    for (int i = 0; i < c.n_workers; i++) {
        struct worker *w = &c.workers[i];
        add_stats(out, w, &first_seq);
        doc_iter_free(&w->it);
        text_norm_free(&w->norm);
        rules_work_free(&w->rules);
    }
    free(c.workers);
    if (!ret && out->docs_in != out->docs_out + out->docs_removed + out->docs_bad)
        ret = err_set(e, ERR_INTERNAL,
                      "documents do not add up: %llu in, %llu out, %llu removed, %llu quarantined",
                      (unsigned long long)out->docs_in, (unsigned long long)out->docs_out,
                      (unsigned long long)out->docs_removed, (unsigned long long)out->docs_bad);
    for (int i = 0; i < DOC_RUN_BUFS && !ret; i++)
        ret = doc_out_commit(&c.out[i], e);
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        doc_out_abort(&c.out[i]);
    if (!ret) {
        out->n_damaged = end.n_damaged;
        memcpy(out->damaged, end.damaged, sizeof out->damaged);
    }
    return ret;
}

void clean_report_json(const struct clean_cfg *cfg, const struct clean_stats *s, struct buf *out)
{
    static const char *const forms[] = {"none", "nfc", "nfkc"};
    buf_printf(out,
               "{\"documents\":{\"in\":%llu,\"out\":%llu,\"removed\":%llu,\"quarantined\":%llu,"
               "\"changed\":%llu},"
               "\"text_bytes\":{\"in\":%llu,\"out\":%llu},\"unicode\":\"%s\",\"damaged_files\":%zu,"
               "\"rules\":[",
               (unsigned long long)s->docs_in, (unsigned long long)s->docs_out,
               (unsigned long long)s->docs_removed, (unsigned long long)s->docs_bad,
               (unsigned long long)s->changed, (unsigned long long)s->bytes_in,
               (unsigned long long)s->bytes_out, forms[cfg->form], s->n_damaged);
    bool first = true;
    for (int r = 0; r < RULE_N; r++) {
        if (!cfg->rules.on[r]) continue;
        const struct clean_rule_stats *x = &s->rule[r];
        buf_printf(
            out,
            "%s{\"rule\":\"%s\",\"reason\":\"%s\",\"limit\":%.17g,\"removed\":%llu,\"failed\":%llu,"
            "\"only\":%llu,\"text_bytes\":%llu}",
            first ? "" : ",", rules_table[r].key, rules_table[r].reason, cfg->rules.limit[r],
            (unsigned long long)x->removed, (unsigned long long)x->failed,
            (unsigned long long)x->only, (unsigned long long)x->bytes);
        first = false;
    }
    buf_adds(out, "]}\n");
}
