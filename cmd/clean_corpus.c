#include "cmd/clean_corpus.h"

#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/width.h"
#include "data/ambiguity.h"
#include "data/balance.h"
#include "data/label_errors.h"
#include "data/outliers.h"

enum { CLASSES_SHOWN = 20 };

struct clean_corpus {
    struct ambiguity *ambiguity;
    struct label_errors *label_errors;
    struct outliers *outliers;
    struct balance *balance;
};

int clean_corpus_open(struct clean_corpus **out, const struct clean_corpus_opts *o, const struct clean_train_opts *train,
                      struct clean_cfg *cfg, struct err *e)
{
    struct classify_cfg classify;
    if (o->ambiguity_report && !o->ambiguity) return err_set(e, ERR_USAGE, "--ambiguity-report without --ambiguity");
    if (!o->ambiguity && !o->label_errors && !o->outliers && !o->balance) return 0;
    struct clean_corpus *c = *out = mem_zalloc(1, sizeof *c);
    if (!c) return err_oom(e, sizeof *c, "filters");
    if (o->ambiguity && !(c->ambiguity = ambiguity_add(cfg, o->ambiguity, o->resolve, o->ambiguity_report, e))) return -1;
    if (o->label_errors && (clean_train_cfg(train, 2, &classify, e) ||
                            !(c->label_errors = label_errors_add(cfg, o->label_errors, &classify, e))))
        return -1;
    if (o->outliers && !(c->outliers = outliers_add(cfg, o->outliers, e))) return -1;
    struct balance_cfg b = {o->balance, o->to, o->max_upsample, (uint64_t)o->total, (uint64_t)train->seed};
    if (o->balance && !(c->balance = balance_add(cfg, &b, e))) return -1;
    return 0;
}

static void talk_ambiguity(const struct ambiguity *a)
{
    struct ambiguity_counts n = ambiguity_counts(a);
    log_info("  ambiguity: %llu examples, %llu groups that contradict each other, of %llu; %llu removed",
             (unsigned long long)n.judged, (unsigned long long)n.groups, (unsigned long long)n.in_groups,
             (unsigned long long)n.removed);
    if (n.unjudged)
        log_warn("%llu documents have no prompt or no answer in the fields given", (unsigned long long)n.unjudged);
}

/* What is taken for what most often. */
static void talk_label_errors(const struct label_errors *l)
{
    struct label_errors_counts n = label_errors_counts(l);
    char *const *labels;
    const uint64_t *table = label_errors_table(l, &labels);
    size_t k = (size_t)n.n_labels;
    log_info("  label errors: %llu of %llu documents of %d labels; the classifier: AUC %.4f, accuracy %.4f",
             (unsigned long long)n.errors, (unsigned long long)n.labelled, n.n_labels, n.scores.auc, n.scores.accuracy);
    uint64_t below = UINT64_MAX;
    for (int shown = 0; table && shown < 10; shown++) {
        uint64_t most = 0;
        for (size_t i = 0; i < k * k; i++)
            if (table[i] < below && table[i] > most) most = table[i];
        for (size_t i = 0; i < k * k && most; i++)
            if (table[i] == most)
                log_info("    %6llu labelled %s are rather %s", (unsigned long long)most, labels[i / k], labels[i % k]);
        below = most;
        if (!most) break;
    }
    if (n.unlabelled) log_warn("%llu documents have no label there", (unsigned long long)n.unlabelled);
}

static void talk_class(const char *name, unsigned long long n, unsigned long long written)
{
    log_info("  class %s%*s %8llu documents, %llu written", name, text_fill(name, 24), "", n, written);
}

void clean_corpus_talk(const struct clean_corpus *c)
{
    if (c && c->ambiguity) talk_ambiguity(c->ambiguity);
    if (c && c->label_errors) talk_label_errors(c->label_errors);
    const struct balance_class *v;
    size_t n = c && c->balance ? balance_classes(c->balance, &v) : 0;
    for (size_t i = 0; i < n && i < CLASSES_SHOWN; i++)
        talk_class(v[i].name[0] ? v[i].name : "(none)", (unsigned long long)v[i].n, (unsigned long long)v[i].m);
    if (n > CLASSES_SHOWN) log_info("  and %zu smaller classes", n - CLASSES_SHOWN);
    for (size_t i = 0; i < n; i++)
        if (!v[i].name[0] && v[i].n)
            log_warn("%llu documents have no class there; they count as one of their own", (unsigned long long)v[i].n);
}

void clean_corpus_close(struct clean_corpus *c)
{
    if (!c) return;
    ambiguity_free(c->ambiguity);
    label_errors_free(c->label_errors);
    outliers_free(c->outliers);
    balance_free(c->balance);
    free(c);
}
