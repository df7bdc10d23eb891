/* One document on its way: preprocessing, filters, rules, filters, verdict. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "data/clean_internal.h"

/* A member of the document as a label: the inside of a string, or as written. */
/* A value in JSON, without quotes and escapes (which `plain` is for); null is none. */
static size_t value_text(const char **s, size_t n, struct buf *plain)
{
    if (n == 4 && memcmp(*s, "null", 4) == 0) return 0;
    if (n < 2 || (*s)[0] != '"') return n;
    ++*s;
    n -= 2;
    if (!memchr(*s, '\\', n)) return n;
    buf_clear(plain);
    if (doc_json_unescape(*s, n, plain) || plain->oom) return n;
    *s = plain->data;
    return plain->len;
}

static void find_labels(const struct clean *c, struct worker *w, const struct doc *doc,
                        struct clean_doc *d)
{
    for (int k = 0; k < CLEAN_LABELS; k++) {
        const char *s = c->cfg->field[k] ? doc->extra[k] : NULL;
        size_t n = s ? value_text(&s, doc->extra_len[k], &w->label[k]) : 0;
        if (!n && k == CLEAN_SOURCE) {
            s = doc->file->name;
            n = strlen(s);
        }
        d->label[k] = n ? s : "";
        d->label_n[k] = n;
    }
}

static int run_filters(const struct clean *c, int thread, bool before, char *row, struct buf *keep,
                       struct clean_doc *d, struct rule_set *failed, struct err *e)
{
    const struct clean_cfg *cfg = c->cfg;
    bool ran = false;
    for (int i = 0; i < cfg->n_filters; i++) {
        const struct clean_filter *f = &cfg->filter[i];
        if (!f->run || f->before_rules != before) continue;
        if (c->pass == 2 && !f->changes_text) continue;
        if (f->lazy && d->removed && !cfg->rules.all) continue;
        d->note = row && f->note_bytes ? row + c->notes.filter_at[i] : NULL;
        d->keep = row && f->kept ? &keep[i] : NULL;
        if (f->run(f->arg, thread, d, e)) return err_wrap(e, "%s", f->name);
        while (d->keep && d->keep->len % 8 && !d->keep->oom)
            buf_addc(d->keep, 0);
        ran = true;
    }
    if (ran) rules_apply(&cfg->rules, d->value, RULE_N, cfg->rules.n_rules, failed);
    d->removed = rule_set_any(failed);
    return 0;
}

/* Keeps a note of the document (pass one), or takes its values from it (pass two). */
static void write_note(const struct clean *c, char *row, const struct clean_doc *d,
                       const uint32_t label[CLEAN_LABELS])
{
    struct note_head *h = (struct note_head *)(void *)row;
    memcpy(h->label, label, sizeof h->label);
    h->removed = d->removed;
    for (int k = 0; k < c->notes.n_values; k++)
        notes_values(h)[k] = d->value[c->notes.metric[k]];
}

static void read_note(const struct clean *c, uint64_t seq, uint64_t i, struct clean_doc *d)
{
    const struct notes *n = &c->notes;
    struct note_head *h = notes_row(n, n->all, n->base[seq] + i);
    for (int k = 0; k < n->n_values; k++)
        if (n->metric[k] >= METRIC_N) d->value[n->metric[k]] = notes_values(h)[k];
    for (int k = 0; k < CLEAN_LABELS; k++) {
        d->label[k] = n->label[k].name[h->label[k]];
        d->label_n[k] = strlen(d->label[k]);
    }
}

static void note_removed(struct clean_stats *s, int n_rules, const struct rule_set *failed,
                         int reason, size_t bytes)
{
    bool alone = rule_set_count(failed) == 1;
    s->rule[reason].removed++;
    s->rule[reason].bytes += bytes;
    for (int r = 0; r < n_rules; r++)
        if (rule_set_has(failed, r)) {
            s->rule[r].failed++;
            s->rule[r].only += alone;
        }
    s->docs_removed++;
}

/* `why` is what filters have to say, or "". */
static void emit_removed(const struct clean *c, const struct doc *d, int r, double value,
                         const struct buf *why, struct buf *out)
{
    const struct rules_cfg *rules = &c->cfg->rules;
    struct buf more = {0};
    buf_printf(&more,
             ",\"removed_by\":\"%s\",\"rule\":\"%s\",\"value\":%.6g,\"limit\":%.6g",
             rules->rule[r]->reason, rules->rule[r]->key, value, rules->limit[r]);
    buf_add(&more, why->data, why->len);
    buf_addc(&more, 0);
    out->oom |= more.oom;
    if (!more.oom) doc_emit_with(d, more.data, out);
    buf_free(&more);
}

/* Bytes of the text that is written. */
static size_t bytes_out(const struct clean_doc *d)
{
    return d->as_it_came ? d->bytes_in : d->n;
}

static int count_groups(struct clean_stats *s, const struct clean_doc *d, uint32_t label[CLEAN_LABELS], struct err *e)
{
    for (int k = 0; k < CLEAN_LABELS; k++) {
        struct clean_group *g = clean_group_of(&s->group[k], d->label[k], d->label_n[k]);
        if (!g) return err_oom(e, sizeof *g, "the groups of the report");
        label[k] = (uint32_t)(g - s->group[k].v);
        g->docs_in++;
        g->bytes_in += d->bytes_in;
        if (d->removed) continue;
        g->docs_out++;
        g->bytes_out += bytes_out(d);
    }
    return 0;
}

/* How often the document is written: what the rule "copies" counts, else once. */
static uint64_t copies(const struct clean *c, const double *value)
{
    int m = c->cfg->copies_metric;
    return m > 0 && value[m] >= 1 ? (uint64_t)value[m] : 1;
}

static size_t whole_chars(const char *s, size_t n, size_t most)
{
    return utf8_valid_prefix(s, n < most ? n : most);
}

static void note_detail(const struct clean *c, struct clean_stats *s, const struct clean_doc *d,
                        int reason, double value)
{
    struct clean_sample x = {.rule = reason, .value = value};
    detail_values(s->detail, &c->cfg->rules, d->value);
    if (reason < 0 || !detail_wants(s->detail, reason)) return;
    struct buf id = {0};
    doc_emit_id(d->doc, &id);
    memcpy(x.id, buf_text(&id), whole_chars(id.data, id.len, sizeof x.id - 1));
    const char *text = d->as_it_came ? d->text : d->doc->text;
    memcpy(x.text, text, whole_chars(text, d->as_it_came ? d->n : d->doc->text_len, sizeof x.text - 1));
    buf_free(&id);
    if (detail_sample(s->detail, &x)) s->detail->n_samples[reason] = SAMPLES_A_RULE;
}

static void end_run(struct doc_slot *s)
{
    struct clean_block *b = s->user;
    if (b->run) buf_add(&s->out[OUT_KEPT], b->run, (size_t)(b->run_end - b->run));
    b->run = b->run_end = NULL;
}

void clean_write_run(struct doc_slot *s)
{
    struct clean_block *b = s->user;
    struct buf *data = &s->block.data, *out = &s->out[OUT_KEPT];
    if (b->run == data->data && (size_t)(b->run_end - b->run) == data->len && !out->len) {
        struct buf swap = *out;
        *out = *data;
        *data = swap;
        b->run = b->run_end = NULL;
    }
    end_run(s);
}

/* The same as doc_emit(), but neighbours that go out as they came wait for each other. */
static void keep_doc(struct doc_slot *s, const struct doc *d, const char *text, size_t n)
{
    struct clean_block *b = s->user;
    const char *from = s->block.data.data, *end = from + s->block.data.len;
    bool as_it_came = d->line >= from && d->line < end && text == d->text && n == d->text_len;
    const char *nl = as_it_came ? d->line + d->line_len : NULL;
    if (!nl || nl >= end || *nl != '\n') {
        end_run(s);
        doc_emit(d, text, n, &s->out[OUT_KEPT]);
        return;
    }
    if (!b->run || d->line != b->run_end) {
        end_run(s);
        b->run = d->line;
    }
    b->run_end = nl + 1;
}

static void finish(const struct clean *c, int thread, struct doc_slot *slot, const struct clean_doc *d,
                   const struct rules_work *w, const struct rule_set *failed)
{
    struct clean_stats *s = &((struct clean_block *)slot->user)->s;
    const struct doc *doc = d->doc;
    bool settled = c->judge && c->cfg->settle && !(d->as_it_came && !d->n);
    const double *first = settled ? w->first : NULL;
    double value = 0;
    int reason = d->removed ? rules_settled_reason(&c->cfg->rules, d->value, first, METRIC_N, failed, &value) : -1;
    if (s->detail) note_detail(c, s, d, reason, value);
    struct buf *why = &c->workers[thread].why;
    buf_clear(why);
    if (d->removed) {
        for (int i = 0; i < c->cfg->n_filters && (c->want[OUT_REMOVED] || c->want[OUT_DECISIONS]); i++)
            if (c->cfg->filter[i].explain) c->cfg->filter[i].explain(c->cfg->filter[i].arg, thread, d, why);
        slot->out[OUT_REMOVED].oom |= why->oom;
        note_removed(s, c->cfg->rules.n_rules, failed, reason, d->bytes_in);
        if (c->want[OUT_REMOVED]) emit_removed(c, doc, reason, value, why, &slot->out[OUT_REMOVED]);
    } else {
        uint64_t n = copies(c, d->value);
        s->docs_out++;
        s->copies += n - 1;
        const char *text = d->as_it_came ? doc->text : d->text;
        size_t len = d->as_it_came ? doc->text_len : d->n;
        s->bytes_out += bytes_out(d) * n;
        s->changed += c->workers[thread].masked || len != doc->text_len ||
                      (text != doc->text && memcmp(text, doc->text, len) != 0);
        for (uint64_t i = 0; i < n && c->want[OUT_KEPT]; i++)
            keep_doc(slot, doc, text, len);
    }
    if (!c->want[OUT_DECISIONS]) return;
    struct clean_verdict v = {.doc = doc,
                              .value = d->value,
                              .first = first,
                              .low = w->low,
                              .high = w->high,
                              .failed = failed,
                              .cut = w->cut,
                              .n_cuts = w->n_cuts,
                              .bytes_in = d->bytes_in,
                              .bytes_out = bytes_out(d),
                              .reason = reason,
                              .why = why};
    memcpy(v.label, d->label, sizeof v.label);
    memcpy(v.label_n, d->label_n, sizeof v.label_n);
    decisions_doc(c->cfg, &v, &slot->out[OUT_DECISIONS]);
}

/* What line rules leave is preprocessed once more: two blanks around what they cut are
 * one, an empty line behind an empty line goes. */
static int prepare_again(void *prep, const char *text, size_t n, const char **out, size_t *out_n, struct err *e)
{
    return prep_run(prep, text, n, out, out_n, e);
}

/* The text as it is repaired, and how often that was of use. */
static int prepare(const struct clean *c, struct worker *w, struct clean_block *b, struct clean_doc *d, struct err *e)
{
    if (prep_run(&w->prep, d->doc->text, d->doc->text_len, &d->text, &d->n, e)) return -1;
    w->prep.places[PREP_PII] += w->masked;
    for (int k = 0; k < PREP_N; k++) {
        b->s.prep_docs[k] += c->pass != 1 && w->prep.places[k];
        b->s.prep_places[k] += c->pass != 1 ? w->prep.places[k] : 0;
        if (c->cfg->prep_metric[k]) d->value[c->cfg->prep_metric[k]] = (double)w->prep.places[k];
    }
    return 0;
}

static int judge(const struct clean *c, struct worker *w, struct clean_doc *d, struct rule_set *failed, struct err *e)
{
    const struct clean_cfg *cfg = c->cfg;
    struct rules_work *rw = &w->rules;
    struct rule_set by_rules;
    if (d->as_it_came && !d->n) { /* no text, no answer: that is for the rules on turns to say */
        for (int m = 0; m < METRIC_N; m++) d->value[m] = (double)NAN;
        memset(rw->lines_removed, 0, sizeof rw->lines_removed);
        rw->n_cuts = 0;
        return 0;
    }
    rw->between = prepare_again;
    rw->between_arg = &w->prep;
    if ((cfg->settle ? rules_settle : rules_judge)(&cfg->rules, rw, d->text, d->n, &d->text, &d->n, &by_rules, e)) return -1;
    rule_set_join(failed, &by_rules);
    d->removed = rule_set_any(failed);
    return 0;
}

int clean_one(const struct clean *c, int thread, struct doc_slot *slot, const struct doc *doc,
              uint64_t i, struct err *e)
{
    const struct clean_cfg *cfg = c->cfg;
    struct worker *w = &c->workers[thread];
    struct clean_block *b = slot->user;
    struct rules_work *rw = &w->rules;
    struct clean_doc d = {.doc = doc, .value = rw->m, .bytes_in = doc->text_len, .as_it_came = doc->no_text};
    struct rule_set failed = {{0}};
    char *row = NULL;
    if (c->pass == 1) {
        if (!buf_reserve(&b->rows, c->notes.row)) return buf_ok(&b->rows, e);
        row = b->rows.data + b->rows.len;
        b->rows.len += c->notes.row;
        memset(row, 0, c->notes.row);
    }
    find_labels(c, w, doc, &d);
    for (int m = METRIC_N; m < cfg->rules.n_metrics; m++)
        d.value[m] = (double)NAN;
    if (prepare(c, w, b, &d, e) || run_filters(c, thread, true, row, b->keep, &d, &failed, e)) return -1;
    if (c->judge && judge(c, w, &d, &failed, e)) return -1;
    if (run_filters(c, thread, false, row, b->keep, &d, &failed, e)) return -1;
    if (c->pass == 2) {
        read_note(c, slot->block.seq, i, &d);
        rules_apply(&cfg->rules, d.value, RULE_N, cfg->rules.n_rules, &failed);
        d.removed = rule_set_any(&failed);
    }
    uint32_t label[CLEAN_LABELS];
    if (count_groups(&b->s, &d, label, e)) return -1;
    b->s.bytes_in += d.bytes_in;
    if (c->pass == 1) {
        write_note(c, row, &d, label);
        return 0;
    }
    for (int r = 0; r < RULE_N && c->judge; r++)
        b->s.rule[r].failed += rw->lines_removed[r];
    finish(c, thread, slot, &d, rw, &failed);
    return 0;
}
