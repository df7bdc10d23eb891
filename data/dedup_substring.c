#include "data/dedup_substring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/sig.h"
#include "data/dedup_substring_internal.h"
#include "data/doc_spool.h"
#include "data/suffix.h"

enum { OUT_KEPT, OUT_REMOVED, OUT_BAD, TEXT_END = 0xff };

int dedup_repeats(const uint8_t *text, size_t len, size_t n, uint8_t *bits, struct err *e)
{
    int32_t *sa = mem_alloc(len, sizeof *sa);
    memset(bits, 0, len / 8 + 1);
    if (!sa) return err_oom(e, len * sizeof *sa, "a suffix array");
    if (suffix_array(text, len, sa, e)) {
        free(sa);
        return -1;
    }
    for (size_t i = 0; i < len;) {
        size_t k = i + 1, a = (size_t)sa[i], first = a; /* the first in the text */
        for (; k < len && len - a >= n; k++) {
            size_t b = (size_t)sa[k];
            if (len - b < n || memcmp(text + a, text + b, n) != 0) break;
            if (b < first) first = b;
        }
        if (k > i + 1 && !memchr(text + a, TEXT_END, n))
            for (size_t x = i; x < k; x++) {
                size_t b = (size_t)sa[x]; /* a copy that overlaps the first is no copy */
                if (b >= first + n) bits[b >> 3] = (uint8_t)(bits[b >> 3] | 1 << (b & 7));
            }
        i = k;
    }
    free(sa);
    return 0;
}

/* ---- borders ---- */

static bool ends_sentence(const char *text, size_t begin, size_t p)
{
    static const char *const wide[] = {"。", "！", "？"};
    char c = p > begin ? text[p - 1] : '.';
    if (c == '.' || c == '!' || c == '?') return true;
    for (size_t i = 0; i < COUNT_OF(wide); i++)
        if (p - begin >= 3 && memcmp(text + p - 3, wide[i], 3) == 0) return true;
    return false;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* May a sentence begin at p? */
static bool is_border(const char *text, size_t begin, size_t end, size_t p)
{
    if (p == begin || p == end || text[p - 1] == '\n') return true;
    if (!blank(text[p - 1])) return ends_sentence(text, begin, p) && (unsigned char)text[p - 1] >= 0x80;
    while (p > begin && blank(text[p - 1]))
        p--;
    while (p > begin && text[p - 1] && strchr("\"')]", text[p - 1]))
        p--;
    return ends_sentence(text, begin, p);
}

bool dedup_trim(const char *text, size_t begin, size_t end, size_t *from, size_t *to)
{
    size_t a = *from, b = *to;
    /* In a row of blanks all places are borders or none is: one of them is looked at. */
    while (a < b && ((a > *from && a < end && blank(text[a - 1]) && blank(text[a - 2])) ||
                     !is_border(text, begin, end, a)))
        a++;
    while (b > a && ((b < *to && blank(text[b - 1]) && blank(text[b])) || !is_border(text, begin, end, b)))
        b--;
    *from = a;
    *to = b;
    return a < b;
}

/* ---- documents ---- */

int strings_fit(const struct dedup_cfg *cfg, uint64_t bytes, struct err *e)
{
    if (!cfg->mem || bytes / 3 * 16 <= cfg->mem) return 0;
    err_set(e, ERR_OS, "repeated stretches take 5.3 bytes a byte of text, more than --mem allows");
    return err_hint(e, "give a larger --mem, or fewer files at a time");
}

static int read_work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct strings *x = arg;
    struct doc_iter *it = &x->workers[thread].it;
    struct doc d;
    enum doc_next next;
    uint64_t bad = 0;
    doc_iter_start(it, &x->cfg->docs, &s->block);
    buf_clear(&s->scratch);
    buf_add(&s->scratch, &bad, 8);
    while ((next = doc_iter_next(it, &d)) != DOC_END) {
        if (next == DOC_BAD) {
            if (bad++ == 0)
                buf_printf(&s->out[2], "%s:%llu: %s", d.file->name, (unsigned long long)d.line_no,
                           it->reason);
            continue;
        }
        buf_add(&s->out[0], d.text, d.text_len);
        buf_addc(&s->out[0], (char)TEXT_END);
        uint64_t end = s->out[0].len;
        buf_add(&s->out[1], &end, 8);
    }
    if (buf_ok(&s->scratch, e) || buf_ok(&s->out[0], e) || buf_ok(&s->out[1], e)) return -1;
    memcpy(s->scratch.data, &bad, 8);
    return 0;
}

static int read_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct strings *x = arg;
    uint64_t bad, base = x->text.len;
    (void)thread;
    memcpy(&bad, s->scratch.data, 8);
    if (bad && !x->stats->docs_bad)
        snprintf(x->stats->first_bad, sizeof x->stats->first_bad, "%s", s->out[2].data);
    x->stats->docs_bad += bad;
    buf_add(&x->first, &x->n_docs, 8);
    for (size_t i = 0; i < s->out[1].len; i += 8) {
        uint64_t end;
        memcpy(&end, s->out[1].data + i, 8);
        end += base;
        buf_add(&x->ends, &end, 8);
        x->n_docs++;
    }
    buf_add(&x->text, s->out[0].data, s->out[0].len);
    if (strings_fit(x->cfg, x->text.len, e)) return -1;
    return buf_ok(&x->text, e) || buf_ok(&x->ends, e) || buf_ok(&x->first, e) ? -1 : 0;
}

static bool marked(const struct strings *x, size_t i)
{
    return x->bits[i >> 3] >> (i & 7) & 1;
}

/* What is left of document [begin, end) into w->left; how many cuts. */
static size_t cut(const struct strings *x, struct strings_worker *w, size_t begin, size_t end)
{
    size_t n = x->cfg->substring, cuts = 0, kept = begin;
    buf_clear(&w->left);
    for (size_t i = begin; i < end;) {
        if (!marked(x, i)) {
            i++;
            continue;
        }
        size_t from = i, to = i + n;
        for (i++; i < end && i <= to; i++)
            if (marked(x, i)) to = i + n;
        i = to;
        if (!dedup_trim(x->text.data, begin, end, &from, &to)) continue;
        buf_add(&w->left, x->text.data + kept, from - kept);
        kept = to;
        cuts++;
    }
    buf_add(&w->left, x->text.data + kept, end - kept);
    return cuts;
}

static bool is_blank(const struct buf *b)
{
    for (size_t i = 0; i < b->len; i++)
        if (!strchr(" \t\r\n", b->data[i])) return false;
    return true;
}

struct counts {
    uint64_t docs, changed, gone, cuts, bytes;
};

static int write_doc(struct strings *x, struct strings_worker *w, const struct doc *d, uint64_t i,
                     struct counts *c, struct doc_slot *s, struct err *e)
{
    const uint64_t *ends = (const uint64_t *)(const void *)x->ends.data;
    size_t begin = i ? (size_t)ends[i - 1] : 0, end = (size_t)ends[i] - 1;
    if (end - begin != d->text_len || memcmp(x->text.data + begin, d->text, d->text_len) != 0)
        return err_set(e, ERR_DATA, "'%s' changed while it was read; run again", d->file->name);
    size_t cuts = cut(x, w, begin, end);
    c->docs++;
    c->cuts += cuts;
    if (cuts && is_blank(&w->left)) {
        c->gone++;
        buf_clear(&w->more);
        buf_adds(&w->more, ",\"duplicate\":\"substring\",\"similarity\":1.0000");
        if (x->out[OUT_REMOVED].file) doc_emit_with(d, w->more.data, &s->out[OUT_REMOVED]);
        return buf_ok(&w->more, e);
    }
    c->changed += cuts > 0;
    c->bytes += cuts ? w->left.len : d->text_len;
    if (!x->out[OUT_KEPT].file) return 0;
    if (cuts)
        doc_emit(d, w->left.data, w->left.len, &s->out[OUT_KEPT]);
    else
        doc_emit(d, d->text, d->text_len, &s->out[OUT_KEPT]);
    return buf_ok(&w->left, e);
}

static int write_work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct strings *x = arg;
    struct strings_worker *w = &x->workers[thread];
    struct counts c = {0};
    struct doc d;
    enum doc_next next;
    const uint64_t *first = (const uint64_t *)(const void *)x->first.data;
    if (s->block.seq >= x->first.len / 8)
        return err_set(e, ERR_DATA, "'%s' changed while it was read; run again", s->block.file->name);
    uint64_t i = first[s->block.seq];
    doc_iter_start(&w->it, &x->cfg->docs, &s->block);
    while ((next = doc_iter_next(&w->it, &d)) != DOC_END) {
        if (next == DOC_BAD) {
            if (x->out[OUT_BAD].file)
                doc_emit_bad(&d, w->it.reason, w->it.bad_bytes, &s->out[OUT_BAD]);
            continue;
        }
        if (i >= x->n_docs)
            return err_set(e, ERR_DATA, "'%s' changed while it was read; run again", d.file->name);
        if (write_doc(x, w, &d, i++, &c, s, e)) return -1;
    }
    for (int k = 0; k < 3; k++)
        if (doc_pack(&s->out[k], x->out[k].packing, &s->scratch, e)) return -1;
    buf_clear(&s->scratch);
    buf_add(&s->scratch, &c, sizeof c);
    return buf_ok(&s->scratch, e);
}

static int write_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct strings *x = arg;
    struct counts c;
    (void)thread;
    memcpy(&c, s->scratch.data, sizeof c);
    x->stats->docs_out += c.docs - c.gone;
    x->stats->docs_exact += c.gone;
    x->stats->docs_changed += c.changed;
    x->stats->parts_in += c.cuts; /* stretches found, none of which stays */
    x->stats->bytes_out += c.bytes;
    for (int k = 0; k < 3; k++)
        if (doc_out_write(&x->out[k], &s->out[k], e)) return -1;
    return 0;
}

static int pass(struct strings *x, const char *what, doc_run_fn *work, doc_run_fn *done,
                struct err *e)
{
    struct doc_run_end end;
    struct doc_stage st = {.files = x->files, .cfg = &x->cfg->docs, .pool = x->cfg->pool,
                           .arg = x, .what = x->cfg->progress ? what : NULL, .work = work,
                           .done = done};
    int ret = doc_run(&st, &end, e);
    x->stats->n_damaged = end.n_damaged;
    memcpy(x->stats->damaged, end.damaged, sizeof end.damaged);
    return ret;
}

int strings_open(struct strings *x, const struct dedup_cfg *cfg, struct doc_files *files,
                 struct dedup_stats *s, struct err *e)
{
    size_t n = (size_t)pool_threads(cfg->pool);
    *x = (struct strings){.cfg = cfg, .files = files, .stats = s};
    x->workers = mem_zalloc(n, sizeof *x->workers);
    return x->workers ? 0 : err_oom(e, n * sizeof *x->workers, "the workers");
}

void strings_close(struct strings *x)
{
    for (int i = 0; i < pool_threads(x->cfg->pool) && x->workers; i++) {
        doc_iter_free(&x->workers[i].it);
        buf_free(&x->workers[i].left);
        buf_free(&x->workers[i].more);
    }
    free(x->workers);
    for (int k = 0; k < STRINGS_OUTS; k++)
        doc_out_abort(&x->out[k]);
    buf_free(&x->text);
    buf_free(&x->ends);
    buf_free(&x->first);
    free(x->bits);
}

int strings_read(struct strings *x, struct err *e)
{
    if (pass(x, "read", read_work, read_done, e)) return -1;
    x->stats->docs_in = x->n_docs + x->stats->docs_bad;
    x->stats->bytes_in = x->text.len - x->n_docs;
    return 0;
}

int strings_find(struct strings *x, struct err *e)
{
    x->bits = mem_alloc(x->text.len / 8 + 1, 1);
    if (!x->bits) return err_oom(e, x->text.len / 8, "marks of repeated stretches");
    return dedup_repeats((const uint8_t *)x->text.data, x->text.len, x->cfg->substring, x->bits, e);
}

int strings_write(struct strings *x, const char *const *paths, struct err *e)
{
    for (int k = 0; k < STRINGS_OUTS; k++)
        if (doc_out_open(&x->out[k], paths[k], e)) return -1;
    if (pass(x, "write", write_work, write_done, e)) return -1;
    for (int k = 0; k < STRINGS_OUTS; k++)
        if (doc_out_commit(&x->out[k], e)) return -1;
    return 0;
}

int dedup_substrings(const struct dedup_cfg *cfg, struct dedup_stats *s, struct err *e)
{
    struct strings x;
    const char *paths[STRINGS_OUTS] = {cfg->out, cfg->removed, cfg->quarantine};
    struct doc_spool spool = {.fd = -1};
    int ret = strings_open(&x, cfg, cfg->files, s, e);
    if (!ret) ret = doc_spool_stdin(cfg->files, &spool, e);
    if (!ret) ret = strings_read(&x, e);
    if (!ret) ret = strings_find(&x, e);
    if (!ret && sig_stop_requested())
        ret = err_set(e, ERR_STOPPED, "stopped by a signal; nothing was written");
    if (!ret) ret = strings_write(&x, paths, e);
    strings_close(&x);
    doc_spool_close(&spool);
    return ret;
}
