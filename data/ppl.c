#include "data/ppl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/model/decode.h"
#include "core/model/saved.h"

enum { CHUNK = 32 }; /* tokens whose logits are held at a time */

struct ppl {
    struct saved_model model;
    struct arena names;
    struct rule rule[2];
    int metric, window, begin; /* begin: id that texts begin behind, -1 = none */
    struct ppl_worker {
        struct decoder *d;
        struct tok_scratch *tok;
        struct tok_ids ids;
        float *logits; /* [CHUNK][vocab] */
    } work[256];
};

static int start(struct ppl *p, struct ppl_worker *w, struct err *e)
{
    if (w->logits) return 0;
    size_t n;
    if (!w->d && !(w->d = decoder_new(&p->model.config, p->model.params, DT_F32, 1, p->window, NULL, e))) return -1;
    if (!w->tok && !(w->tok = tok_scratch_new(p->model.tok, e))) return -1;
    if (!ck_mul(CHUNK * sizeof *w->logits, (size_t)p->model.config.vocab, &n) || !(w->logits = mem_alloc(n, 1)))
        return err_oom(e, (uint64_t)p->model.config.vocab * CHUNK * 4, "logits");
    return 0;
}

/* -log softmax(z)[target] */
static double surprise(const float *z, int n, int32_t target)
{
    float max = z[0];
    double sum = 0;
    for (int i = 1; i < n; i++)
        max = z[i] > max ? z[i] : max;
    for (int i = 0; i < n; i++)
        sum += (double)expf(z[i] - max);
    return log(sum) - ((double)z[target] - (double)max);
}

static int push(struct tok_ids *ids, int32_t id, struct err *e)
{
    ids->n = 0;
    if (id < 0) return 0;
    if (!ids->cap) {
        if (!(ids->id = mem_alloc(64, sizeof *ids->id))) return err_oom(e, 256, "tokens");
        ids->cap = 64;
    }
    ids->id[ids->n++] = id;
    return 0;
}

/* Predicts ids[1 ... n) in windows of inputs ids[0 ... n - 1). */
static int walk(struct ppl *p, struct ppl_worker *w, double *nll, struct err *e)
{
    const int32_t *id = w->ids.id;
    size_t inputs = w->ids.n - 1, vocab = (size_t)p->model.config.vocab;
    for (size_t at = 0, m; at < inputs; at += m) {
        size_t in_window = at % (size_t)p->window;
        if (in_window == 0) decoder_truncate(w->d, 0, 0);
        m = inputs - at < CHUNK ? inputs - at : CHUNK;
        if (m > (size_t)p->window - in_window) m = (size_t)p->window - in_window;
        if (decoder_prefill(w->d, 0, id + at, (int)m, w->logits, DECODE_ALL, e)) return -1;
        for (size_t i = 0; i < m; i++)
            *nll += surprise(w->logits + i * vocab, (int)vocab, id[at + i + 1]);
    }
    return 0;
}

/* The value itself; not a number for a text without a token to predict. */
static int value_of(struct ppl *p, int thread, const char *text, size_t n, double *out, struct err *e)
{
    struct ppl_worker *w = &p->work[thread];
    double nll = 0;
    *out = (double)NAN;
    if (start(p, w, e) || push(&w->ids, p->begin, e)) return -1;
    if (tok_encode(p->model.tok, w->tok, text, n, 0, &w->ids, e)) return -1;
    if (w->ids.n < 2) return 0;
    if (walk(p, w, &nll, e)) return -1;
    double value = exp(nll / (double)(w->ids.n - 1));
    /* Beyond all numbers is still beyond every limit, and can be written as JSON. */
    *out = isfinite(value) ? value : 1e300;
    return 0;
}

static int run(void *arg, int thread, struct clean_doc *d, struct err *e)
{
    struct ppl *p = arg;
    return value_of(p, thread, d->text, d->n, &d->value[p->metric], e);
}

/* ---- set-up ---- */

static int parse_limit(const char *s, double *out, bool *given)
{
    char *end;
    *given = *s != '\0';
    if (!*given) return 0;
    *out = strtod(s, &end);
    return *end || !(*out >= 0 && isfinite(*out)) ? -1 : 0;
}

static int open_model(struct ppl *p, const char *path, struct err *e)
{
    if (saved_open(&p->model, path, DT_F32, NULL, e)) return -1;
    const struct model_config *c = &p->model.config;
    if (!p->model.tok)
        return err_set(e, ERR_CONFIG, "'%s' holds no tokenizer, so it cannot read text", path);
    if (tok_vocab_size(p->model.tok) > c->vocab)
        return err_set(e, ERR_CONFIG, "'%s': the tokenizer has %d ids, the model %d", path,
                       tok_vocab_size(p->model.tok), c->vocab);
    p->window = c->max_pos > 0 && c->max_pos < PPL_WINDOW ? c->max_pos : PPL_WINDOW;
    p->begin = tok_bos(p->model.tok) >= 0 ? tok_bos(p->model.tok) : tok_eos(p->model.tok);
    if (start(p, &p->work[0], e)) return err_wrap(e, "'%s'", path);
    if (decoder_takes_source(p->work[0].d))
        return err_set(e, ERR_CONFIG, "'%s' is an encoder-decoder; --ppl wants a model that continues text", path);
    return 0;
}

static int set_up(struct ppl *p, struct clean_cfg *cfg, const char *spec, struct err *e)
{
    char *s = arena_strdup(&p->names, spec);
    if (!s) return err_oom(e, strlen(spec), "--ppl");
    /* The last two colons part the limits off, unless the whole names a file. */
    char *hi = file_exists(s) ? NULL : strrchr(s, ':'), *lo = NULL;
    double low = 0, high = 0;
    bool has_low = false, has_high = false;
    if (hi) {
        *hi++ = '\0';
        if ((lo = strrchr(s, ':'))) *lo++ = '\0';
        if (!lo || parse_limit(lo, &low, &has_low) || parse_limit(hi, &high, &has_high) ||
            (has_low && has_high && low > high))
            return err_set(e, ERR_USAGE,
                           "--ppl '%s': want MODEL or MODEL:LOWEST:HIGHEST, such as run:20:500 or run::500", spec);
    }
    if (open_model(p, s, e)) return -1;
    if ((p->metric = rules_add_metric(&cfg->rules, "ppl", e)) < 0) return -1;
    p->rule[0] = (struct rule){"ppl.min", "perplexity_low", p->metric, true, low, "Smallest perplexity"};
    p->rule[1] = (struct rule){"ppl.max", "perplexity_high", p->metric, false, high, "Largest perplexity"};
    if ((has_low && rules_add(&cfg->rules, &p->rule[0], e) < 0) || (has_high && rules_add(&cfg->rules, &p->rule[1], e) < 0))
        return -1;
    struct clean_filter f = {.name = "perplexity", .arg = p, .lazy = true, .run = run};
    return clean_add_filter(cfg, &f, e);
}

struct ppl *ppl_add(struct clean_cfg *cfg, const char *spec, struct err *e)
{
    struct ppl *p = mem_zalloc(1, sizeof *p);
    if (!p) {
        err_oom(e, sizeof *p, "--ppl");
        return NULL;
    }
    if (set_up(p, cfg, spec, e)) {
        ppl_free(p);
        return NULL;
    }
    return p;
}

void ppl_free(struct ppl *p)
{
    if (!p) return;
    for (size_t i = 0; i < COUNT_OF(p->work); i++) {
        decoder_free(p->work[i].d);
        tok_scratch_free(p->work[i].tok);
        tok_ids_free(&p->work[i].ids);
        free(p->work[i].logits);
    }
    saved_close(&p->model);
    arena_free(&p->names);
    free(p);
}
