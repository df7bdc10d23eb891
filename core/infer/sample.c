#include "core/infer/sample.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/rng.h"

struct sampler {
    int vocab;
    struct sample_candidate *c; /* [vocab] */
    int n;                      /* candidates left */
    bool sorted;                /* c[0..n) is most likely first */
    uint8_t *seen;              /* [vocab] for the penalty; all zero between calls */
};

struct sampler *sampler_new(int vocab, struct err *e)
{
    struct sampler *s = mem_zalloc(1, sizeof *s);
    if (s) {
        s->vocab = vocab;
        s->c = mem_alloc((size_t)vocab, sizeof *s->c);
        s->seen = mem_zalloc((size_t)vocab, 1);
    }
    if (!s || !s->c || !s->seen) {
        err_oom(e, (size_t)vocab * sizeof *s->c, "the sampler");
        sampler_free(s);
        return NULL;
    }
    return s;
}

void sampler_free(struct sampler *s)
{
    if (!s) return;
    free(s->c);
    free(s->seen);
    free(s);
}

/* The total order behind every filter: larger logit first, then lower id. */
static bool before(const struct sample_candidate *a, const struct sample_candidate *b)
{
    return a->logit > b->logit || (!(a->logit < b->logit) && a->id < b->id);
}

static int compare(const void *a, const void *b)
{
    return before(a, b) ? -1 : 1;
}

/* Moves the k first in the order to c[0..k), sorted.  A heap of k keeps the
 * worst of the best on top, so the scan is O(n) for small k. */
static void sift_down(struct sample_candidate *h, int n, int i)
{
    for (;;) {
        int worst = i;
        for (int child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
            if (before(&h[worst], &h[child])) worst = child;
        if (worst == i) return;
        struct sample_candidate t = h[i];
        h[i] = h[worst];
        h[worst] = t;
        i = worst;
    }
}

static void select_first(struct sample_candidate *c, int n, int k)
{
    for (int i = k / 2 - 1; i >= 0; i--) sift_down(c, k, i);
    for (int i = k; i < n; i++) {
        if (!before(&c[i], &c[0])) continue;
        struct sample_candidate t = c[0];
        c[0] = c[i];
        c[i] = t;
        sift_down(c, k, 0);
    }
    qsort(c, (size_t)k, sizeof *c, compare);
}

static int load(struct sampler *s, const float *logits, struct err *e)
{
    float max = -INFINITY;
    for (int i = 0; i < s->vocab; i++) {
        if (isnan(logits[i]))
            return err_set(e, ERR_RESULT,
                           "the model gave NaN for token %d; its weights may be damaged, see llmctl verify", i);
        if (logits[i] > max) max = logits[i];
        s->c[i] = (struct sample_candidate){i, logits[i], 0};
    }
    if (!isfinite(max)) return err_set(e, ERR_RESULT, "the model gave no finite logit");
    s->n = s->vocab;
    s->sorted = false;
    return 0;
}

/* Each distinct token of the window counts once, as in Hugging Face. */
static void penalize(struct sampler *s, const struct sample_params *p, const int32_t *history, int n)
{
    int first = p->repeat_last > 0 && n > p->repeat_last ? n - p->repeat_last : 0;
    float r = (float)p->repeat_penalty;
    for (int i = first; i < n; i++) {
        int32_t id = history[i];
        if (id < 0 || id >= s->vocab || s->seen[id]) continue;
        s->seen[id] = 1;
        float *x = &s->c[id].logit;
        *x = *x > 0 ? *x / r : *x * r;
    }
    for (int i = first; i < n; i++)
        if (history[i] >= 0 && history[i] < s->vocab) s->seen[history[i]] = 0;
}

static void apply_temperature(struct sampler *s, double t)
{
    for (int i = 0; i < s->n; i++) s->c[i].logit = (float)((double)s->c[i].logit / t);
}

/* Softmax over the candidates left; the sum runs in double, in array order. */
static void softmax(struct sampler *s)
{
    float max = s->c[0].logit;
    double sum = 0;
    for (int i = 1; i < s->n && !s->sorted; i++)
        if (s->c[i].logit > max) max = s->c[i].logit;
    for (int i = 0; i < s->n; i++) {
        double x = exp((double)s->c[i].logit - (double)max);
        s->c[i].p = (float)x;
        sum += x;
    }
    for (int i = 0; i < s->n; i++) s->c[i].p = (float)((double)s->c[i].p / sum);
}

static void top_k(struct sampler *s, int k)
{
    if (k <= 0 || k >= s->n) return;
    select_first(s->c, s->n, k);
    s->n = k;
    s->sorted = true;
}

/* Grows a sorted prefix until it holds the probability: most distributions
 * need few tokens, so the full sort is the exception. */
static void top_p(struct sampler *s, double p)
{
    if (p >= 1) return;
    softmax(s);
    int have = s->sorted ? s->n : 0;
    for (int k = 64;; k *= 4) {
        if (have < s->n && have < k) {
            have = k < s->n ? k : s->n;
            select_first(s->c, s->n, have);
        }
        double sum = 0;
        for (int i = 0; i < have; i++) {
            sum += (double)s->c[i].p;
            if (sum >= p) {
                s->n = i + 1;
                s->sorted = true;
                return;
            }
        }
        if (have == s->n) { /* rounding kept the sum below p: all stay */
            s->sorted = true;
            return;
        }
    }
}

static void min_p(struct sampler *s, double ratio)
{
    if (ratio <= 0) return;
    float max = s->c[0].logit;
    for (int i = 1; i < s->n && !s->sorted; i++)
        if (s->c[i].logit > max) max = s->c[i].logit;
    double floor_logit = (double)max + log(ratio);
    int kept = 0;
    for (int i = 0; i < s->n; i++)
        if ((double)s->c[i].logit >= floor_logit) s->c[kept++] = s->c[i];
    s->n = kept;
}

static int filter(struct sampler *s, const struct sample_params *p, const float *logits, const int32_t *history,
                  int n_history, struct err *e)
{
    if (load(s, logits, e)) return -1;
    if (p->repeat_penalty > 0 && p->repeat_penalty != 1) penalize(s, p, history, n_history);
    if (p->temperature <= 0) {
        select_first(s->c, s->n, 1);
        s->n = 1;
        s->sorted = true;
    } else {
        if (p->order == SAMPLE_HF && p->temperature != 1) apply_temperature(s, p->temperature);
        top_k(s, p->top_k);
        top_p(s, p->top_p);
        min_p(s, p->min_p);
        if (p->order == SAMPLE_LLAMA && p->temperature != 1) apply_temperature(s, p->temperature);
    }
    softmax(s);
    return 0;
}

static double log_sum_exp(const float *x, int n)
{
    double max = (double)x[0], sum = 0;
    for (int i = 1; i < n; i++)
        if ((double)x[i] > max) max = (double)x[i];
    for (int i = 0; i < n; i++) sum += exp((double)x[i] - max);
    return max + log(sum);
}

int sampler_next(struct sampler *s, const struct sample_params *p, const float *logits, const int32_t *history,
                 int n_history, uint32_t sequence, uint32_t position, int32_t *token, float *logprob,
                 struct err *e)
{
    if (filter(s, p, logits, history, n_history, e)) return -1;
    struct rng_key key = rng_key(p->seed, RNG_SAMPLE, sequence, 0);
    double u = rng_f64(&key, position), sum = 0;
    int i = 0;
    for (; i < s->n - 1; i++) {
        sum += (double)s->c[i].p;
        if (u < sum) break;
    }
    while (i > 0 && !(s->c[i].p > 0)) i--; /* rounding must not pick the impossible */
    *token = s->c[i].id;
    if (logprob) *logprob = (float)((double)logits[*token] - log_sum_exp(logits, s->vocab));
    return 0;
}

int sampler_distribution(struct sampler *s, const struct sample_params *p, const float *logits,
                         const int32_t *history, int n_history, const struct sample_candidate **out, int *n,
                         struct err *e)
{
    if (filter(s, p, logits, history, n_history, e)) return -1;
    if (!s->sorted) qsort(s->c, (size_t)s->n, sizeof *s->c, compare);
    s->sorted = true;
    *out = s->c;
    *n = s->n;
    return 0;
}

void sampler_top_logprobs(struct sampler *s, const float *logits, int k, struct sample_candidate *out)
{
    double lse = log_sum_exp(logits, s->vocab);
    for (int i = 0; i < s->vocab; i++) s->c[i] = (struct sample_candidate){i, logits[i], 0};
    if (k > s->vocab) k = s->vocab;
    select_first(s->c, s->vocab, k);
    for (int i = 0; i < k; i++) {
        double lp = (double)s->c[i].logit - lse;
        out[i] = (struct sample_candidate){s->c[i].id, (float)lp, (float)exp(lp)};
    }
}
