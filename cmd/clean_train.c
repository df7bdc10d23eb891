#include "cmd/clean_train.h"

#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/width.h"
#include "data/classify_train.h"
#include "data/doc_path.h"

static int parse_features(const char *s, struct features_cfg *f, struct err *e)
{
    int w, c, bits, n = 0;
    if (strspn(s, "0123456789:") != strlen(s) || strlen(s) > 12 || sscanf(s, "%d:%d:%d%n", &w, &c, &bits, &n) != 3 ||
        s[n] || w > FEATURES_MAX_WORDS || c > FEATURES_MAX_CHARS || w + c == 0 || bits < 8 || bits > FEATURES_MAX_BITS)
        return err_set(e, ERR_USAGE, "--features '%s': want WORDS:CHARACTERS:BITS, up to %d:%d:%d, such as 2:4:20", s,
                       FEATURES_MAX_WORDS, FEATURES_MAX_CHARS, FEATURES_MAX_BITS);
    *f = (struct features_cfg){bits, w, c ? c : 1, c};
    return 0;
}

int clean_train_cfg(const struct clean_train_opts *o, int n_labels, struct classify_cfg *cfg, struct err *e)
{
    *cfg = classify_defaults(n_labels);
    cfg->folds = (int)o->folds;
    cfg->epochs = (int)o->epochs;
    cfg->seed = (uint64_t)o->seed;
    if (cfg->folds == 1) return err_set(e, ERR_USAGE, "--folds 1 leaves nothing to train on; want 0, or 2 and more");
    return o->features ? parse_features(o->features, &cfg->features, e) : 0;
}

static void talk_scores(const char *what, const struct classify_scores *s)
{
    log_info("  %-10s %8llu documents  AUC %.4f  accuracy %.4f  log loss %.4f", what, (unsigned long long)s->n, s->auc,
             s->accuracy, s->log_loss);
}

static void talk(const struct train_docs *t, const struct train_read *read, const struct classify_report *rep)
{
    for (int i = 0; i < t->n_labels; i++)
        log_info("  %s%*s %8llu documents", t->label[i], text_fill(t->label[i], 24), "", (unsigned long long)rep->n_label[i]);
    if (read->unlabelled) log_warn("%llu documents without a label were passed over", (unsigned long long)read->unlabelled);
    if (read->bad) log_warn("%llu records are no documents", (unsigned long long)read->bad);
    if (!rep->folds) return;
    log_info("cross-validation, each document judged by a model that has not seen it:");
    for (int f = 0; f < rep->folds; f++) {
        char name[24];
        snprintf(name, sizeof name, "fold %d", f + 1);
        talk_scores(name, &rep->fold[f]);
    }
    talk_scores("all", &rep->all);
    log_info("  log loss before calibration %.4f", rep->log_loss_raw);
}

static int save(const struct classifier *c, const struct classify_report *rep, const char *out, const char *report,
                const struct opt_common *common, struct pool *pool, struct err *e)
{
    struct buf b = {0};
    classify_report_json(rep, c->label, c->n_labels, &b);
    int ret = buf_ok(&b, e) ? -1 : classifier_save(c, b.data, out, pool, e);
    buf_addc(&b, '\n');
    if (!ret && (ret = buf_ok(&b, e)) == 0) {
        if (report) ret = file_write_all(report, b.data, b.len, e);
        if (!ret && common->json) ret = out_write(b.data, b.len, e);
    }
    buf_free(&b);
    return ret;
}

static int train(const struct clean_train_opts *o, const struct doc_cfg *docs, const struct train_input *in, size_t n_in,
                 const char *out, const char *report, const struct opt_common *common, struct pool *pool, struct err *e)
{
    struct classify_cfg cfg;
    struct train_docs t = {0};
    struct train_read read;
    struct classify_report rep = {0};
    struct classifier *c = NULL;
    /* How many labels there are decides how many buckets, and that what is read: two rounds where it matters. */
    int n_labels = 2, ret = -1;
    for (int round = 0; round < 2; round++) {
        if (clean_train_cfg(o, n_labels, &cfg, e) || train_docs_read(&t, in, n_in, docs, &cfg.features, pool, &read, e))
            return -1;
        struct classify_cfg want;
        n_labels = t.n_labels;
        if (clean_train_cfg(o, n_labels, &want, e)) goto out;
        if (want.features.bits == cfg.features.bits) break;
        train_docs_free(&t);
    }
    if (classify_train(&cfg, &t, pool, &c, &rep, NULL, e)) goto out;
    talk(&t, &read, &rep);
    ret = save(c, &rep, out, report, common, pool, e);
    if (!ret && read.n_damaged)
        ret = err_set(e, ERR_DATA, "%s; the model is made from what could be read", read.damaged);
out:
    classifier_free(c);
    classify_report_free(&rep);
    train_docs_free(&t);
    return ret;
}

static int check(const struct clean_train_opts *o, int n_args, const char *out, struct err *e)
{
    struct classify_cfg cfg;
    if (clean_train_cfg(o, 2, &cfg, e)) return -1;
    if (strcmp(out, "-") == 0) return err_set(e, ERR_USAGE, "--train-classifier: say where the model goes: --out q.llmz");
    if (o->label_field) return doc_path_check(o->label_field, "--label-field", e);
    if (n_args == 2) return 0;
    err_set(e, ERR_USAGE, "--train-classifier wants two inputs, GOOD and BAD, not %d", n_args);
    return err_hint(e, "with --label-field PATH the label of a document is read from it");
}

int clean_train(const struct clean_train_opts *o, const struct doc_cfg *docs, char **args, int n_args,
                const char *out, const char *report, const struct opt_common *common, struct err *e)
{
    struct doc_files files[2] = {{0}};
    struct train_input in[2] = {{&files[0], "good", NULL}, {&files[1], "bad", NULL}};
    size_t n_in = o->label_field ? 1 : 2;
    struct pool *pool = NULL;
    int ret = check(o, n_args, out, e);
    if (o->label_field) in[0] = (struct train_input){&files[0], NULL, o->label_field};
    for (size_t i = 0; i < n_in && !ret; i++)
        ret = doc_files_find(&files[i], args + i, n_in == 1 ? (size_t)n_args : 1, docs->format, e);
    if (!ret && !(pool = pool_new((int)common->threads, e))) ret = -1;
    if (!ret) ret = train(o, docs, in, n_in, out, report, common, pool, e);
    pool_free(pool);
    doc_files_free(&files[0]);
    doc_files_free(&files[1]);
    return ret;
}
