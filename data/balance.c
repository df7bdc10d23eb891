#include "data/balance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/doc_path.h"

enum { MAX_CLASSES = 1 << 20, NO_CLASS_TEXT = 64 };

/* What run() leaves for the second pass. */
struct balance_note {
    uint64_t key; /* hash of (id, seed) */
    char name[NO_CLASS_TEXT];
};

struct row {
    uint64_t key;
    uint32_t class;
};

struct balance {
    struct balance_cfg cfg;
    struct cJSON *weights; /* NULL: uniform or sqrt */
    struct rule rule;
    enum { BY_PATH, BY_SOURCE, BY_LANG } by;
    int metric;
    struct labels names;
    struct spill rows;           /* struct row of documents that stay so far; of balance_add's space */
    struct row *row;             /* of rows, when they are complete */
    struct balance_class *class; /* [n_classes], then sorted for the report */
    struct limit {
        uint64_t base, key, ties; /* copies of each; one more below key, and for `ties` at it */
    } * limit;                    /* by number of the class */
    struct buf text[256];         /* one a thread */
};

static int run(void *arg, int thread, struct clean_doc *d, struct err *e)
{
    struct balance *b = arg;
    struct balance_note *n = d->note;
    const struct doc *doc = d->doc;
    if (!n) return 0;
    n->key = doc->id        ? hash64_seed(doc->id, doc->id_len, b->cfg.seed)
             : doc->no_text ? hash64_seed(doc->line, doc->line_len, b->cfg.seed)
                            : hash64_seed(doc->text, doc->text_len, b->cfg.seed);
    if (b->by != BY_PATH) return 0;
    struct doc_value v = doc_path_find(doc->line, doc->line_len, b->cfg.field);
    if (v.type == DOC_V_NONE || v.type == DOC_V_NULL) return 0;
    struct buf *text = &b->text[thread];
    buf_clear(text);
    if (!doc_value_text(&v, text)) return 0;
    if (buf_ok(text, e)) return -1;
    /* Long names keep their beginning and a hash, cut between characters. */
    size_t keep = text->len < sizeof n->name ? text->len : sizeof n->name - 18;
    while (keep < text->len && keep && ((unsigned char)text->data[keep] & 0xC0) == 0x80)
        keep--;
    memcpy(n->name, buf_text(text), keep);
    if (keep < text->len) {
        n->name[keep] = '~';
        hash64_hex(hash64(text->data, text->len), n->name + keep + 1);
    }
    return 0;
}

static const char *class_name(const struct balance *b, const struct clean_note *n)
{
    if (b->by == BY_SOURCE) return n->label_name[CLEAN_SOURCE];
    if (b->by == BY_LANG) return n->label_name[CLEAN_LANG];
    return ((const struct balance_note *)n->note)->name;
}

static int note(void *arg, const struct clean_note *n, struct err *e)
{
    struct balance *b = arg;
    if (n->removed) return 0;
    const char *name = class_name(b, n);
    struct row r = {.key = ((const struct balance_note *)n->note)->key, .class = labels_id(&b->names, name, strlen(name))};
    if (r.class == LABEL_NONE) return err_oom(e, sizeof r, "classes");
    if (r.class >= MAX_CLASSES) return err_set(e, ERR_DATA, "more than %d classes in '%s'", MAX_CLASSES, b->cfg.field);
    return spill_add(&b->rows, &r, sizeof r, e);
}

void balance_plan(const uint64_t *n, const double *weight, size_t k, double max_upsample, uint64_t total, uint64_t *m)
{
    double scale = HUGE_VAL, sum = 0;
    for (size_t i = 0; i < k; i++) {
        if (!(weight[i] > 0)) continue;
        double s = (double)n[i] * max_upsample / weight[i];
        if (n[i] && s < scale) scale = s;
        if (n[i]) sum += weight[i];
    }
    if (total && sum > 0) scale = (double)total / sum;
    for (size_t i = 0; i < k; i++) {
        double want = weight[i] > 0 && n[i] ? scale * weight[i] : 0, most = (double)n[i] * max_upsample;
        m[i] = (uint64_t)floor((want < most ? want : most) + 0.5 * (double)(want > 0));
        if ((double)m[i] > most) m[i] = (uint64_t)most;
        if (want > 0 && !m[i]) m[i] = 1;
    }
}

static int weigh(const struct balance *b, size_t k, const uint64_t *n, double *weight, struct err *e)
{
    for (size_t i = 0; i < k; i++) {
        weight[i] = strcmp(b->cfg.to, "sqrt") == 0 ? sqrt((double)n[i]) : 1;
        if (!b->weights) continue;
        const struct cJSON *w = json_member(b->weights, b->names.name[i]), *rest = json_member(b->weights, "*");
        if (!w) w = rest;
        if (!w) {
            err_set(e, ERR_CONFIG, "'%s' gives no weight for '%s', which %llu documents have", b->cfg.to,
                    b->names.name[i], (unsigned long long)n[i]);
            return err_hint(e, "0 removes a class, \"*\" stands for all that are not named");
        }
        weight[i] = w->valuedouble;
    }
    return 0;
}

static int by_class_and_key(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->class != y->class) return x->class < y->class ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

/* The m-th smallest key of each class draws the line. */
static void draw_lines(struct balance *b, size_t k, const uint64_t *n, const uint64_t *m)
{
    struct row *r = b->row;
    spill_sort(r, b->rows.len / sizeof *r, sizeof *r, by_class_and_key);
    for (size_t i = 0; i < k; r += n[i], i++) {
        struct limit *l = &b->limit[i];
        l->base = m[i] / n[i];
        uint64_t rest = m[i] % n[i];
        if (!rest) continue;
        l->key = r[rest - 1].key;
        for (l->ties = 1; l->ties < rest && r[rest - 1 - l->ties].key == l->key;)
            l->ties++;
    }
}

static int by_size(const void *a, const void *b)
{
    const struct balance_class *x = a, *y = b;
    if (x->n != y->n) return x->n > y->n ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int settle(void *arg, struct err *e)
{
    struct balance *b = arg;
    size_t k = b->names.n, rows = b->rows.len / sizeof(struct row);
    const struct row *r = b->row = spill_data(&b->rows, e);
    if (!r) return -1;
    uint64_t *n = mem_zalloc(k, 2 * sizeof *n), *m = n ? n + k : NULL;
    double *weight = mem_zalloc(k, sizeof *weight);
    b->class = mem_zalloc(k, sizeof *b->class);
    b->limit = mem_zalloc(k, sizeof *b->limit);
    int ret = -1;
    if (!n || !weight || !b->class || !b->limit) {
        err_oom(e, k * sizeof *b->class, "classes");
        goto out;
    }
    for (size_t i = 0; i < rows; i++)
        n[r[i].class]++;
    if (weigh(b, k, n, weight, e)) goto out;
    balance_plan(n, weight, k, b->cfg.max_upsample, b->cfg.total, m);
    draw_lines(b, k, n, m);
    for (size_t i = 0; i < k; i++) {
        snprintf(b->class[i].name, sizeof b->class[i].name, "%s", b->names.name[i]);
        b->class[i].n = n[i];
        b->class[i].m = m[i];
        b->class[i].weight = weight[i];
    }
    qsort(b->class, k, sizeof *b->class, by_size);
    spill_free(&b->rows);
    ret = 0;
out:
    free(n);
    free(weight);
    return ret;
}

static int judge(void *arg, struct clean_note *n, struct err *e)
{
    struct balance *b = arg;
    (void)e;
    if (n->removed) return 0;
    const char *name = class_name(b, n);
    struct limit *l = &b->limit[labels_id(&b->names, name, strlen(name))];
    uint64_t key = ((const struct balance_note *)n->note)->key, copies = l->base;
    if (key < l->key) {
        copies++;
    } else if (key == l->key && l->ties) {
        copies++;
        l->ties--;
    }
    n->value[b->metric] = (double)copies;
    return 0;
}

/* ---- set-up ---- */

static int read_weights(struct balance *b, struct err *e)
{
    const struct cJSON *w;
    if (strcmp(b->cfg.to, "uniform") == 0 || strcmp(b->cfg.to, "sqrt") == 0) return 0;
    if (!(b->weights = json_read_file(b->cfg.to, &(struct json_limits){.comments = true}, e)))
        return err_hint(e, "--to wants uniform, sqrt or a JSON file of weights");
    if (!cJSON_IsObject(b->weights)) return err_set(e, ERR_CONFIG, "'%s' is no JSON object of weights", b->cfg.to);
    cJSON_ArrayForEach(w, b->weights)
        if (!cJSON_IsNumber(w) || !(w->valuedouble >= 0 && w->valuedouble < 1e12))
            return err_set(e, ERR_CONFIG, "'%s': the weight of '%s' is no number from 0", b->cfg.to, w->string);
    return 0;
}

static int set_up(struct balance *b, struct clean_cfg *cfg, struct err *e)
{
    if (strncmp(b->cfg.field, "field=", 6) == 0) b->cfg.field += 6;
    b->by = strcmp(b->cfg.field, "source") == 0 ? BY_SOURCE : strcmp(b->cfg.field, "lang") == 0 ? BY_LANG : BY_PATH;
    if (doc_path_check(b->cfg.field, "--balance", e) || read_weights(b, e)) return -1;
    if ((b->metric = rules_add_metric(&cfg->rules, "balance.copies", e)) < 0) return -1;
    b->rule = (struct rule){
        "balance.min_copies", "balance", b->metric, true, 1, "Copies of the document that its class needs"};
    if (rules_add(&cfg->rules, &b->rule, e) < 0) return -1;
    cfg->copies_metric = b->metric;
    struct clean_filter f = {.name = "balance", .arg = b, .note_bytes = sizeof(struct balance_note),
                             .run = run, .note = note, .settle = settle, .judge = judge};
    return clean_add_filter(cfg, &f, e);
}

struct balance *balance_add(struct clean_cfg *cfg, const struct balance_cfg *how, struct err *e)
{
    struct balance *b = mem_zalloc(1, sizeof *b);
    if (!b) {
        err_oom(e, sizeof *b, "balancing");
        return NULL;
    }
    b->cfg = *how;
    b->rows.space = cfg->space;
    if (set_up(b, cfg, e)) {
        balance_free(b);
        return NULL;
    }
    return b;
}

void balance_free(struct balance *b)
{
    if (!b) return;
    labels_free(&b->names);
    spill_free(&b->rows);
    for (size_t i = 0; i < COUNT_OF(b->text); i++)
        buf_free(&b->text[i]);
    json_free(b->weights);
    free(b->class);
    free(b->limit);
    free(b);
}

size_t balance_classes(const struct balance *b, const struct balance_class **out)
{
    *out = b->class;
    return b->class ? b->names.n : 0;
}
