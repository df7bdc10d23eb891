#include "core/token/unigram_nbest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/unigram_lattice.h"

#define NONE UINT32_MAX
#define FRONT (UINT32_MAX - 1) /* stands before the first token of a whole way */

/* SentencePiece's: when there are so many open ways, the best few stay. */
enum { OPEN_MOST = 10000, OPEN_KEPT = 512, OPEN_KEPT_A_WAY = 10 };
enum { PARTS_MOST = 8 << 20 }; /* then the search ends */

/* The right part of a way, from a token to the end of the word. */
struct part {
    double score, could; /* of its tokens; of the best way that ends so */
    uint32_t fit, rest;  /* its first token, FRONT, NONE at the end of the word; the part behind that */
    uint32_t begin;
};

struct search {
    const struct tokenizer *t;
    struct unigram_lattice l;
    struct part *part;
    uint32_t *open; /* a heap of parts */
    uint32_t *way;  /* of the way at hand, its tokens */
    size_t n_parts, cap_parts, n_open, cap_open, cap_way;
};

/* SentencePiece adds in f32.  Not (double)(float)(a + b), the same for two floats: where two sums stand side by
 * side gcc 12 makes one addition of them and forgets the rounding. */
static double sum(const struct search *s, double a, double b)
{
    return s->t->spm_floats ? (double)((float)a + (float)b) : a + b;
}

/* The sum of the best way up to the end of each token. */
static void best_sums(struct search *s)
{
    for (size_t i = 0; i < s->l.n; i++) {
        struct fit *f = &s->l.fit[i];
        double before = f->begin ? -HUGE_VAL : 0;
        for (uint32_t k = s->l.ends[f->begin]; k != LATTICE_NONE; k = s->l.fit[k].next)
            if (s->l.fit[k].upto > before) before = s->l.fit[k].upto;
        f->upto = sum(s, before, f->score);
    }
}

/* ---- the heap: as the C++ library's, which says in what order equal ones come ---- */

static double could(const struct search *s, uint32_t part)
{
    return s->part[part].could;
}

static void rise(struct search *s, size_t at, uint32_t part)
{
    for (; at && could(s, s->open[(at - 1) / 2]) < could(s, part); at = (at - 1) / 2) s->open[at] = s->open[(at - 1) / 2];
    s->open[at] = part;
}

/* The hole at the top goes down to the bottom, and the last part rises from there. */
static uint32_t pop(struct search *s)
{
    uint32_t top = s->open[0], last = s->open[--s->n_open];
    size_t at = 0, child;
    while ((child = 2 * at + 2) <= s->n_open) {
        if (child == s->n_open || could(s, s->open[child]) < could(s, s->open[child - 1])) child--;
        s->open[at] = s->open[child];
        at = child;
    }
    if (s->n_open) rise(s, at, last);
    return top;
}

static int push(struct search *s, struct part p, struct err *e)
{
    if (!mem_room(&s->part, &s->cap_parts, s->n_parts + 1, sizeof *s->part) ||
        !mem_room(&s->open, &s->cap_open, s->n_open + 1, sizeof *s->open))
        return err_oom(e, s->n_parts * sizeof *s->part, "ways through a lattice");
    s->part[s->n_parts] = p;
    rise(s, s->n_open++, (uint32_t)s->n_parts++);
    return 0;
}

static void keep_few(struct search *s, size_t most)
{
    uint32_t kept[OPEN_KEPT];
    size_t n = most * OPEN_KEPT_A_WAY < OPEN_KEPT ? most * OPEN_KEPT_A_WAY : OPEN_KEPT;
    for (size_t i = 0; i < n; i++) kept[i] = pop(s);
    memcpy(s->open, kept, n * sizeof *kept); /* in falling order, which is a heap */
    s->n_open = n;
}

/* ---- the ways ---- */

static int put(struct search *s, uint32_t part, struct nbest *out, struct err *e)
{
    size_t n = 0;
    if (!mem_room(&out->way, &out->cap, out->n + 1, sizeof *out->way)) return err_oom(e, (out->n + 1) * sizeof *out->way, "ways");
    struct nbest_way *w = &out->way[out->n++];
    *w = (struct nbest_way){.first = out->ids.n, .sum = s->part[part].could};
    for (uint32_t p = s->part[part].rest; s->part[p].fit != NONE; p = s->part[p].rest) {
        if (!mem_room(&s->way, &s->cap_way, n + 1, sizeof *s->way)) return err_oom(e, (n + 1) * sizeof *s->way, "a way");
        s->way[n++] = s->part[p].fit;
    }
    int ret = unigram_lattice_put(&s->l, s->way, n, &out->ids, e);
    w->n = out->ids.n - w->first;
    return ret;
}

/* Puts each token in front that ends where the part begins. */
static int grow(struct search *s, uint32_t part, struct err *e)
{
    struct part rest = s->part[part];
    if (rest.begin == 0) return push(s, (struct part){rest.score, rest.score, FRONT, part, 0}, e);
    for (uint32_t k = s->l.ends[rest.begin]; k != LATTICE_NONE; k = s->l.fit[k].next) {
        const struct fit *f = &s->l.fit[k];
        struct part p = {sum(s, f->score, rest.score), sum(s, f->upto, rest.score), k, part, f->begin};
        if (f->upto > -HUGE_VAL && push(s, p, e)) return -1;
    }
    return 0;
}

static int ways(struct search *s, size_t most, struct nbest *out, struct err *e)
{
    if (push(s, (struct part){.fit = NONE, .rest = NONE, .begin = (uint32_t)s->l.n_word}, e)) return -1;
    while (s->n_open && out->n < most && s->n_parts < PARTS_MOST) {
        uint32_t part = pop(s);
        bool whole = s->part[part].fit == FRONT;
        if (whole ? put(s, part, out, e) : grow(s, part, e)) return -1;
        if (!whole && s->n_open >= OPEN_MOST) keep_few(s, most);
    }
    out->unfinished = out->n < most && s->n_open;
    return 0;
}

int unigram_nbest(const struct tokenizer *t, const uint8_t *word, size_t n, size_t most, struct nbest *out, struct err *e)
{
    struct search s = {.t = t};
    if (unigram_lattice_init(&s.l, t, word, n, e)) return -1;
    best_sums(&s);
    int ret = n ? ways(&s, most, out, e) : 0;
    unigram_lattice_free(&s.l);
    free(s.part);
    free(s.open);
    free(s.way);
    return ret;
}

void nbest_free(struct nbest *v)
{
    free(v->way);
    tok_ids_free(&v->ids);
    *v = (struct nbest){0};
}
