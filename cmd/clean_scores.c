#include "cmd/clean_scores.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "data/ppl.h"
#include "data/scorer.h"

struct clean_scores {
    struct score_filter *filter[CLEAN_FILTERS_MAX];
    int n;
    struct ppl *ppl;
};

static int add(struct clean_scores *s, struct score_filter *f)
{
    if (f) s->filter[s->n++] = f;
    return f ? 0 : -1;
}

int clean_scores_open(struct clean_scores **out, const struct clean_scores_opts *o, struct clean_cfg *cfg,
                      struct err *e)
{
    if (o->lang && !o->lid) {
        err_set(e, ERR_USAGE, "--lang needs a model that finds languages");
        return err_hint(e, "give --lid FILE, such as lid.176.ftz of fastText");
    }
    if (!o->lid && !o->classifier.n && !o->ppl) return 0;
    if (o->classifier.n >= CLEAN_FILTERS_MAX)
        return err_set(e, ERR_USAGE, "more than %d times --classifier", CLEAN_FILTERS_MAX - 1);
    struct clean_scores *s = *out = mem_zalloc(1, sizeof *s);
    if (!s) return err_oom(e, sizeof *s, "the classifiers");
    if (o->lid && add(s, lang_filter_add(cfg, o->lid, o->lang, e))) return -1;
    for (size_t i = 0; i < o->classifier.n; i++)
        if (add(s, score_filter_add(cfg, o->classifier.v[i], e))) return -1;
    return o->ppl && !(s->ppl = ppl_add(cfg, o->ppl, e)) ? -1 : 0;
}

void clean_scores_close(struct clean_scores *s)
{
    for (int i = 0; s && i < s->n; i++)
        score_filter_free(s->filter[i]);
    if (s) ppl_free(s->ppl);
    free(s);
}
