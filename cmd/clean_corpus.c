#include "cmd/clean_corpus.h"

#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "data/balance.h"
#include "data/outliers.h"

enum { CLASSES_SHOWN = 20 };

struct clean_corpus {
    struct outliers *outliers;
    struct balance *balance;
};

int clean_corpus_open(struct clean_corpus **out, const struct clean_corpus_opts *o, uint64_t seed,
                      struct clean_cfg *cfg, struct err *e)
{
    if (!o->outliers && !o->balance) return 0;
    struct clean_corpus *c = *out = mem_zalloc(1, sizeof *c);
    if (!c) return err_oom(e, sizeof *c, "filters");
    if (o->outliers && !(c->outliers = outliers_add(cfg, o->outliers, e))) return -1;
    struct balance_cfg b = {o->balance, o->to, o->max_upsample, (uint64_t)o->total, seed};
    if (o->balance && !(c->balance = balance_add(cfg, &b, e))) return -1;
    return 0;
}

void clean_corpus_talk(const struct clean_corpus *c)
{
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
    outliers_free(c->outliers);
    balance_free(c->balance);
    free(c);
}
