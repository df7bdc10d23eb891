/* Notes of documents between two passes, and the filters that judge by them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sig.h"
#include "data/clean_internal.h"

int clean_add_filter(struct clean_cfg *cfg, const struct clean_filter *f, struct err *e)
{
    if (cfg->n_filters == CLEAN_FILTERS_MAX)
        return err_set(e, ERR_USAGE, "too many filters (%s is the %dth)", f->name,
                       CLEAN_FILTERS_MAX + 1);
    if (f->settle) cfg->rules.corpus[cfg->rules.n_rules - 1] = true;
    cfg->filter[cfg->n_filters++] = *f;
    return 0;
}

int notes_start(struct notes *n, const struct clean_cfg *cfg, struct err *e)
{
    for (int i = 0; i < cfg->n_filters; i++)
        n->on |= cfg->filter[i].settle != NULL;
    if (!n->on) return 0;
    for (size_t i = 0; i < cfg->files->n; i++)
        if (strcmp(cfg->files->v[i].path, "-") == 0)
            return err_set(e, ERR_USAGE,
                           "some of these filters read the input twice: give files, not stdin");
    for (int m = METRIC_N; m < cfg->rules.n_metrics; m++) n->metric[n->n_values++] = m;
    n->rows.space = cfg->space;
    n->row = sizeof(struct note_head) + (size_t)n->n_values * sizeof(double);
    for (int i = 0; i < cfg->n_filters; i++) {
        n->filter_at[i] = n->row;
        n->row += (cfg->filter[i].note_bytes + 7) / 8 * 8;
    }
    return 0;
}

int notes_block(struct notes *n, uint64_t seq, struct err *e)
{
    if (seq != n->n_blocks)
        return err_set(e, ERR_INTERNAL, "the notes of block %llu are missing", (unsigned long long)n->n_blocks);
    if (!mem_room(&n->base, &n->cap, (size_t)seq + 1, sizeof *n->base))
        return err_oom(e, ((size_t)seq + 1) * sizeof *n->base, "the notes of the documents");
    n->base[seq] = n->rows.len / n->row;
    n->n_blocks = (size_t)seq + 1;
    return 0;
}

/* What filter f keeps of the block's documents goes behind that of those before. */
static int add_kept(const struct notes *n, const struct clean_cfg *cfg, int f, struct buf *rows, struct buf *keep,
                    struct err *e)
{
    struct spill *to = cfg->filter[f].kept;
    if (!to) return 0;
    if (buf_ok(keep, e)) return -1;
    for (uint64_t i = 0; i < rows->len / n->row; i++) {
        uint64_t *at = (uint64_t *)(void *)(rows->data + i * n->row + n->filter_at[f]);
        *at += to->len;
    }
    return spill_add(to, keep->data, keep->len, e);
}

int notes_add(struct notes *n, const struct clean_cfg *cfg, uint64_t seq, struct buf *rows, struct buf *keep,
              struct clean_groups *from, struct err *e)
{
    if (buf_ok(rows, e) || notes_block(n, seq, e)) return -1;
    for (int f = 0; f < cfg->n_filters; f++)
        if (add_kept(n, cfg, f, rows, &keep[f], e)) return -1;
    for (uint64_t i = 0; i < rows->len / n->row; i++) {
        struct note_head *h = notes_row(n, rows->data, i);
        for (int k = 0; k < CLEAN_LABELS; k++) {
            const char *name = from[k].names.name[h->label[k]];
            h->label[k] = labels_id(&n->label[k], name, strlen(name));
            if (h->label[k] == LABEL_NONE) return err_oom(e, sizeof *h, "the labels of documents");
        }
    }
    if (notes_file_add(n, seq, rows, keep, e)) return -1;
    return spill_add(&n->rows, rows->data, rows->len, e);
}

void notes_clear(struct notes *n, const struct clean_cfg *cfg)
{
    spill_free(&n->rows);
    n->n_blocks = 0;
    for (int k = 0; k < CLEAN_LABELS; k++)
        labels_clear(&n->label[k]);
    for (int f = 0; f < cfg->n_filters; f++)
        if (cfg->filter[f].kept) spill_free(cfg->filter[f].kept);
}

/* Calls note() or judge() for every document. */
static int each(struct notes *n, const struct clean_cfg *cfg, int f,
                int (*fn)(void *, struct clean_note *, struct err *), struct err *e)
{
    const struct clean_filter *x = &cfg->filter[f];
    double value[METRICS_MAX];
    for (int m = 0; m < METRICS_MAX; m++)
        value[m] = (double)NAN;
    uint64_t docs = n->rows.len / n->row;
    for (uint64_t i = 0; i < docs; i++) {
        struct note_head *h = notes_row(n, n->all, i);
        double *kept = notes_values(h);
        struct clean_note note = {.doc = i,
                                  .value = value,
                                  .removed = h->removed != 0,
                                  .note = (char *)h + n->filter_at[f]};
        for (int k = 0; k < n->n_values; k++)
            value[n->metric[k]] = kept[k];
        for (int k = 0; k < CLEAN_LABELS; k++) {
            note.label[k] = h->label[k];
            note.label_name[k] = n->label[k].name[h->label[k]];
        }
        if (fn) {
            if (fn(x->arg, &note, e)) return err_wrap(e, "%s", x->name);
        } else if (x->note(x->arg, &note, e)) {
            return err_wrap(e, "%s", x->name);
        }
        for (int k = 0; k < n->n_values && fn; k++)
            kept[k] = value[n->metric[k]];
        if (fn) {
            struct rule_set failed = {{0}};
            rules_apply(&cfg->rules, value, RULE_N, cfg->rules.n_rules, &failed);
            h->removed |= rule_set_any(&failed);
        }
        if (i % 4096 == 0 && sig_stop_requested())
            return err_set(e, ERR_STOPPED, "stopped by a signal; nothing was written");
    }
    return 0;
}

int notes_judge(struct notes *n, const struct clean_cfg *cfg, struct err *e)
{
    if (!(n->all = spill_data(&n->rows, e))) return -1;
    for (int f = 0; f < cfg->n_filters; f++) {
        const struct clean_filter *x = &cfg->filter[f];
        if (!x->settle) continue;
        if (x->note && each(n, cfg, f, NULL, e)) return -1;
        if (x->settle(x->arg, e)) return err_wrap(e, "%s", x->name);
        if (x->judge && each(n, cfg, f, x->judge, e)) return -1;
    }
    return 0;
}

void notes_free(struct notes *n)
{
    spill_free(&n->rows);
    free(n->base);
    buf_free(&n->record);
    file_abort(n->file);
    for (int k = 0; k < CLEAN_LABELS; k++)
        labels_free(&n->label[k]);
    *n = (struct notes){0};
}
