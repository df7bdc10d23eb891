#include "cmd/clean_decontam.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "data/decontam.h"

enum { SPAN_SHOWN = 400 };

struct clean_decontam {
    struct decontam *index;
    struct decontam_work *work; /* one a thread */
    int n_work;
    struct rule row;
    int words, share; /* metrics */
};

static int run(void *arg, int thread, struct clean_doc *d, struct err *e)
{
    struct clean_decontam *c = arg;
    struct decontam_match m;
    int got = decontam_search(c->index, &c->work[thread], d->text, d->n, &m, e);
    if (got < 0) return -1;
    d->value[c->words] = (double)m.words;
    d->value[c->share] = m.share;
    return 0;
}

/* What was found, and where: searched once more, since only few documents are. */
static void explain(void *arg, int thread, const struct clean_doc *d, struct buf *out)
{
    struct clean_decontam *c = arg;
    struct decontam_match m;
    struct err ignored;
    struct buf origin = {0};
    if (decontam_search(c->index, &c->work[thread], d->text, d->n, &m, &ignored) < 1) return;
    decontam_origin(c->index, m.item, &origin);
    size_t n = m.end - m.begin;
    if (n > SPAN_SHOWN) {
        n = SPAN_SHOWN;
        while (n && ((unsigned char)d->text[m.begin + n] & 0xc0) == 0x80)
            n--;
    }
    buf_adds(out, ",\"contaminated_by\":");
    buf_add_json(out, buf_text(&origin), origin.len);
    buf_printf(out, ",\"begin\":%zu,\"end\":%zu,\"words\":%zu,\"share\":%.4g,\"span\":", m.begin, m.end, m.words, m.share);
    buf_add_json(out, d->text + m.begin, n);
    buf_free(&origin);
}

int clean_decontam_open(struct clean_decontam **out, const struct opt_list *files, struct clean_cfg *cfg, struct err *e)
{
    if (!files->n) return 0;
    struct clean_decontam *c = mem_zalloc(1, sizeof *c);
    if (!c) return err_oom(e, sizeof *c, "decontamination");
    *out = c;
    c->n_work = 256; /* as many as --threads allows */
    c->work = mem_zalloc((size_t)c->n_work, sizeof *c->work);
    if (!c->work) return err_oom(e, sizeof *c->work * 256, "decontamination");
    for (size_t i = 0; i < files->n; i++)
        if (decontam_add(&c->index, files->v[i], e)) return -1;
    if (decontam_ready(c->index, e)) return -1;
    log_info("decontamination: %zu items; %zu of fewer than %d words are not looked for", decontam_items(c->index),
             decontam_short(c->index), DECONTAM_MIN_WORDS);
    c->words = rules_add_metric(&cfg->rules, "decontam.words", e);
    c->share = c->words < 0 ? -1 : rules_add_metric(&cfg->rules, "decontam.share", e);
    if (c->share < 0) return -1;
    c->row = (struct rule){"decontam.max_share", "contaminated", c->share, false, 0,
                           "Share of an evaluation item that a document may hold"};
    if (rules_add(&cfg->rules, &c->row, e) < 0) return -1;
    struct clean_filter f = {.name = "decontamination", .arg = c, .run = run, .explain = explain};
    return clean_add_filter(cfg, &f, e);
}

void clean_decontam_close(struct clean_decontam *c)
{
    if (!c) return;
    for (int i = 0; i < c->n_work && c->work; i++)
        decontam_work_free(&c->work[i]);
    free(c->work);
    decontam_free(c->index);
    free(c);
}
