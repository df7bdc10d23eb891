#include "core/token/unigram_sample.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/token/unigram_lattice.h"
#include "core/token/unigram_nbest.h"

/* log(exp(a) + exp(b)) */
static double log_add(double a, double b)
{
    double more = a > b ? a : b, less = a > b ? b : a;
    return less == -HUGE_VAL ? more : more + log1p(exp(less - more));
}

/* The logarithm of the sum over all ways up to `at`. */
static double sum_at(const struct unigram_lattice *l, uint32_t at)
{
    double sum = at ? -HUGE_VAL : 0;
    for (uint32_t k = l->ends[at]; k != LATTICE_NONE; k = l->fit[k].next) sum = log_add(sum, l->fit[k].upto);
    return sum;
}

static void sum_ways(struct unigram_lattice *l, double alpha)
{
    double before = 0;
    for (size_t i = 0; i < l->n; i++) {
        struct fit *f = &l->fit[i];
        if (i && f->begin != l->fit[i - 1].begin) before = sum_at(l, f->begin);
        f->upto = before + alpha * f->score;
    }
}

/* One of the tokens that end at `at`; LATTICE_NONE: no way leads there. */
static uint32_t draw_last(const struct unigram_lattice *l, uint32_t at, struct draws *d)
{
    double sum = sum_at(l, at), left = draws_next(d);
    uint32_t last = LATTICE_NONE;
    for (uint32_t k = l->ends[at]; k != LATTICE_NONE && left >= 0; k = l->fit[k].next) {
        if (l->fit[k].upto == -HUGE_VAL) continue;
        left -= exp(l->fit[k].upto - sum);
        last = k;
    }
    return last;
}

/* The tokens of a way, the last one first: *count of them, which are at most as many as bytes. */
static int draw_way(const struct unigram_lattice *l, struct draws *d, uint32_t *way, size_t *count, struct err *e)
{
    *count = 0;
    for (uint32_t at = (uint32_t)l->n_word; at; at = l->fit[way[*count - 1]].begin) {
        uint32_t last = draw_last(l, at, d);
        if (last == LATTICE_NONE)
            return err_set(e, ERR_DATA, "'%.*s' has no token in the vocabulary, and there is no unk_id",
                           at > 60 ? 60 : (int)at, (const char *)l->word);
        way[(*count)++] = last;
    }
    return 0;
}

static int among_all(const struct tokenizer *t, double alpha, struct draws *d, const uint8_t *word, size_t n, struct tok_ids *out,
                     struct err *e)
{
    struct unigram_lattice l;
    uint32_t *way = mem_alloc(n, sizeof *way);
    size_t count;
    if (!way) return err_oom(e, n * sizeof *way, "a way");
    int ret = unigram_lattice_init(&l, t, word, n, e);
    if (ret == 0) {
        sum_ways(&l, alpha);
        ret = draw_way(&l, d, way, &count, e);
        for (size_t i = 0; ret == 0 && i < count / 2; i++) {
            uint32_t first = way[i];
            way[i] = way[count - 1 - i];
            way[count - 1 - i] = first;
        }
        if (ret == 0) ret = unigram_lattice_put(&l, way, count, out, e);
        unigram_lattice_free(&l);
    }
    free(way);
    return ret;
}

static int among_best(const struct tokenizer *t, const struct tok_sampling *o, struct draws *d, const uint8_t *word, size_t n,
                      struct tok_ids *out, struct err *e)
{
    struct nbest best = {.ids = {.want_spans = out->want_spans}};
    double sum = 0;
    size_t i = 0;
    int ret = unigram_nbest(t, word, n, o->nbest, &best, e);
    if (ret == 0 && !best.n)
        ret = err_set(e, ERR_DATA, "a text of %zu bytes has too many ways to find the best ones; cut it, as with --documents line, or draw "
                                   "among all, without --nbest", n);
    for (size_t k = 0; ret == 0 && k < best.n; k++) sum += exp(o->alpha * (best.way[k].sum - best.way[0].sum));
    for (double left = sum * draws_next(d); ret == 0 && i + 1 < best.n; i++)
        if ((left -= exp(o->alpha * (best.way[i].sum - best.way[0].sum))) < 0) break;
    for (size_t k = 0; ret == 0 && k < best.way[i].n; k++) {
        size_t at = best.way[i].first + k;
        const struct tok_span *span = out->want_spans ? &best.ids.span[at] : &(struct tok_span){0};
        ret = tok_ids_push(out, best.ids.id[at], span->begin, span->end, e);
    }
    nbest_free(&best);
    return ret;
}

int unigram_sample(const struct tokenizer *t, const struct tok_sampling *o, struct draws *d, const uint8_t *word, size_t n,
                   struct tok_ids *out, struct err *e)
{
    return o->nbest ? among_best(t, o, d, word, n, out, e) : among_all(t, o->alpha, d, word, n, out, e);
}
