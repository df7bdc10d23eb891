#include "cmd/clean_corpus.h"

#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "data/ambiguity.h"
#include "data/balance.h"
#include "data/outliers.h"

enum { CLASSES_SHOWN = 20 };

struct clean_corpus {
    struct ambiguity *ambiguity;
    struct outliers *outliers;
    struct balance *balance;
};

int clean_corpus_open(struct clean_corpus **out, const struct clean_corpus_opts *o, uint64_t seed,
                      struct clean_cfg *cfg, struct err *e)
{
    if (o->ambiguity_report && !o->ambiguity) return err_set(e, ERR_USAGE, "--ambiguity-report without --ambiguity");
    if (!o->ambiguity && !o->outliers && !o->balance) return 0;
    struct clean_corpus *c = *out = mem_zalloc(1, sizeof *c);
    if (!c) return err_oom(e, sizeof *c, "filters");
    if (o->ambiguity && !(c->ambiguity = ambiguity_add(cfg, o->ambiguity, o->resolve, o->ambiguity_report, e))) return -1;
    if (o->outliers && !(c->outliers = outliers_add(cfg, o->outliers, e))) return -1;
    struct balance_cfg b = {o->balance, o->to, o->max_upsample, (uint64_t)o->total, seed};
    if (o->balance && !(c->balance = balance_add(cfg, &b, e))) return -1;
    return 0;
}

static void talk_ambiguity(const struct ambiguity *a)
{
    struct ambiguity_counts n = ambiguity_counts(a);
    log_info("  ambiguity: %llu examples, %llu groups that contradict each other, of %llu; %llu removed",
             (unsigned long long)n.judged, (unsigned long long)n.groups, (unsigned long long)n.in_groups,
             (unsigned long long)n.removed);
    if (n.unjudged) log_warn("%llu documents have no prompt or no answer in the fields given", (unsigned long long)n.unjudged);
}

void clean_corpus_talk(const struct clean_corpus *c)
{
    if (c && c->ambiguity) talk_ambiguity(c->ambiguity);
    const struct balance_class *v;
    size_t n = c && c->balance ? balance_classes(c->balance, &v) : 0;
    for (size_t i = 0; i < n && i < CLASSES_SHOWN; i++)
        log_info("  class %-24s %8llu documents, %llu written", v[i].name[0] ? v[i].name : "(none)",
                 (unsigned long long)v[i].n, (unsigned long long)v[i].m);
    if (n > CLASSES_SHOWN) log_info("  and %zu smaller classes", n - CLASSES_SHOWN);
}

void clean_corpus_close(struct clean_corpus *c)
{
    if (!c) return;
    ambiguity_free(c->ambiguity);
    outliers_free(c->outliers);
    balance_free(c->balance);
    free(c);
}
