#include "core/token/tok_runs.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static const char blanks[TOK_RUNS] = {' ', '\t'};

/* Which of the blanks the token is a run of, or -1. */
static int run_of(const struct tok_added *a)
{
    if (a->len < 2 || a->len > TOK_RUN_MOST || a->form || a->special || a->single_word || a->lstrip || a->rstrip) return -1;
    for (int k = 0; k < TOK_RUNS; k++) {
        size_t n = 0;
        while (n < a->len && a->text[n] == blanks[k]) n++;
        if (n == a->len) return k;
    }
    return -1;
}

static bool keeps_clear(const struct tok_added *a)
{
    for (int k = 0; k < TOK_RUNS; k++)
        if (memchr(a->text, blanks[k], a->len) || (a->form && memchr(a->form, blanks[k], a->form_len))) return false;
    return !a->lstrip && !a->rstrip;
}

/* Fills r with the runs of each blank that has all lengths up to its longest; false: some other
 * added token is in the way, or some of the runs are found before others. */
static bool gather(const struct tokenizer *t, struct tok_runs *r, bool *skip)
{
    int32_t id[TOK_RUNS][TOK_RUN_MOST + 1];
    size_t most[TOK_RUNS] = {0};
    const struct tok_added *first = NULL;
    memset(id, -1, sizeof id);
    for (size_t i = 0; i < t->n_added; i++) {
        const struct tok_added *a = &t->added[i];
        int k = run_of(a);
        skip[i] = k >= 0;
        if (k < 0 && a->len && !keeps_clear(a)) return false;
        /* Before normalising the text would be taken apart for that, too. */
        if (k < 0) continue;
        if (!a->normalized && t->norm.n) return false;
        if (!first) first = a;
        if (a->normalized != first->normalized) return false;
        id[k][a->len] = a->id;
        if (a->len > most[k]) most[k] = a->len;
    }
    for (int k = 0; k < TOK_RUNS; k++) {
        for (size_t n = 2; n <= most[k]; n++)
            if (id[k][n] < 0) return false;
        if (!most[k]) continue;
        r->run[r->n] = (struct pre_run){(uint8_t)blanks[k], (uint8_t)most[k]};
        memcpy(r->id[r->n++], id[k], sizeof id[k]);
    }
    return r->n > 0;
}

int tok_runs_new(const struct tokenizer *t, struct tok_runs **out, struct err *e)
{
    *out = NULL;
    if (!t->byte_level || !t->fast_split || t->space_first || !t->n_added) return 0;
    struct tok_runs *r = mem_zalloc(1, sizeof *r);
    bool *skip = mem_zalloc(t->n_added, sizeof *skip);
    int ret = r && skip ? 0 : err_oom(e, sizeof *r, "a tokenizer");
    int found = ret == 0 && gather(t, r, skip) ? pre_rule(&t->pre, r->run, r->n, &r->rule, &r->sets, e) : 0;
    if (found < 0) ret = -1;
    if (found > 0 && (tok_matcher_init(&r->raw, t->added, t->n_added, skip, false, e) ||
                      tok_matcher_init(&r->normalized, t->added, t->n_added, skip, true, e)))
        ret = -1;
    free(skip);
    if (found > 0 && ret == 0) *out = r;
    else tok_runs_free(r);
    return ret;
}

void tok_runs_free(struct tok_runs *r)
{
    if (!r) return;
    tok_matcher_free(&r->raw);
    tok_matcher_free(&r->normalized);
    free(r->sets);
    free(r);
}

int tok_runs_id(const struct tok_runs *r, const uint8_t *word, size_t n)
{
    for (int k = 0; k < r->n; k++) {
        size_t len = 0;
        if (n < 2 || n > r->run[k].most) continue;
        while (len < n && word[len] == r->run[k].blank) len++;
        if (len == n) return r->id[k][n];
    }
    return -1;
}
