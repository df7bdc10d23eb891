#include "core/token/unigram_nbest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/unicode.h"

#define NONE UINT32_MAX
#define FRONT (UINT32_MAX - 1) /* stands before the first token of a whole way */

/* SentencePiece's: when there are so many open ways, the best few stay. */
enum { OPEN_MOST = 10000, OPEN_KEPT = 512, OPEN_KEPT_A_WAY = 10 };
enum { PARTS_MOST = 8 << 20 }; /* then the search ends */

/* A token in the word. */
struct fit {
    uint32_t begin, end;
    uint32_t next; /* that ends at the same place */
    int32_t id;
    double score, best; /* best: of the ways up to its end */
};

/* The right part of a way, from a token to the end of the word. */
struct part {
    double score, could; /* of its tokens; of the best way that ends so */
    uint32_t fit, rest;  /* its first token, FRONT, NONE at the end of the word; the part behind that */
    uint32_t begin;
};

struct search {
    const struct tokenizer *t;
    const uint8_t *word;
    size_t n;
    struct fit *fit;
    uint32_t *ends; /* [n + 1] the first token that ends there */
    struct part *part;
    uint32_t *open; /* a heap of parts */
    size_t n_fits, cap_fits, n_parts, cap_parts, n_open, cap_open;
};

/* SentencePiece adds in f32.  Not (double)(float)(a + b), the same for two floats: where two sums stand side by
 * side gcc 12 makes one addition of them and forgets the rounding. */
static double sum(const struct search *s, double a, double b)
{
    return s->t->spm_floats ? (double)((float)a + (float)b) : a + b;
}

/* ---- the lattice ---- */

static int add_fit(struct search *s, size_t begin, size_t end, int32_t id, double score, struct err *e)
{
    if (!mem_room(&s->fit, &s->cap_fits, s->n_fits + 1, sizeof *s->fit)) return err_oom(e, s->n_fits * sizeof *s->fit, "a lattice");
    s->fit[s->n_fits++] = (struct fit){(uint32_t)begin, (uint32_t)end, NONE, id, score, -HUGE_VAL};
    return 0;
}

/* What a user-defined piece of n bytes is worth here: by its characters, when encoding by its bytes. */
static double user_score(const uint8_t *piece, size_t n)
{
    size_t chars = 0;
    for (size_t i = 0; i < n; i++) chars += (piece[i] & 0xC0) != 0x80;
    return (double)(float)spm_user_score(chars);
}

/* The tokens that begin at `at`, the short ones first. */
static int fits_at(struct search *s, const struct trie *trie, size_t at, size_t len, struct err *e)
{
    const struct tokenizer *t = s->t;
    bool single = false;
    uint32_t node = 0;
    for (size_t i = at; i < s->n && (node = trie_step(trie, node, s->word[i])) != 0; i++) {
        int32_t id = trie->unit[node].value;
        if (id < 0) continue;
        bool user = t->spm_floats && t->has_user && (t->vocab.v[id].flags & VOCAB_USER);
        if (add_fit(s, at, i + 1, id, user ? user_score(s->word + at, i + 1 - at) : t->score[id], e)) return -1;
        single = single || i + 1 - at == len;
    }
    return single || t->unk_id < 0 ? 0 : add_fit(s, at, at + len, t->unk_id, t->unk_score, e);
}

static int lattice(struct search *s, const struct trie *trie, struct err *e)
{
    for (size_t at = 0, len; at < s->n; at += len) {
        len = uni_next(s->word + at, s->n - at).len;
        if (fits_at(s, trie, at, len, e)) return -1;
    }
    for (size_t i = 0; i <= s->n; i++) s->ends[i] = NONE;
    for (size_t i = s->n_fits; i-- > 0;) { /* backwards: in a list the earlier ones come first */
        s->fit[i].next = s->ends[s->fit[i].end];
        s->ends[s->fit[i].end] = (uint32_t)i;
    }
    for (size_t i = 0; i < s->n_fits; i++) {
        struct fit *f = &s->fit[i];
        double before = f->begin ? -HUGE_VAL : 0;
        for (uint32_t k = s->ends[f->begin]; k != NONE; k = s->fit[k].next)
            if (s->fit[k].best > before) before = s->fit[k].best;
        f->best = sum(s, before, f->score);
    }
    return 0;
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
    const struct tokenizer *t = s->t;
    if (!mem_room(&out->way, &out->cap, out->n + 1, sizeof *out->way)) return err_oom(e, (out->n + 1) * sizeof *out->way, "ways");
    struct nbest_way *w = &out->way[out->n++];
    *w = (struct nbest_way){.first = out->ids.n, .sum = s->part[part].could};
    for (uint32_t p = s->part[part].rest; s->part[p].fit != NONE;) {
        const struct fit *f = &s->fit[s->part[p].fit];
        size_t end = f->end;
        p = s->part[p].rest;
        if (f->id != t->unk_id) {
            if (tok_ids_push(&out->ids, f->id, f->begin, end, e)) return -1;
            continue;
        }
        for (; s->part[p].fit != NONE && s->fit[s->part[p].fit].id == t->unk_id; p = s->part[p].rest)
            end = s->fit[s->part[p].fit].end;
        if (unigram_unknown(t, s->word, f->begin, end, &out->ids, e)) return -1;
    }
    w->n = out->ids.n - w->first;
    return 0;
}

/* Puts each token in front that ends where the part begins. */
static int grow(struct search *s, uint32_t part, struct err *e)
{
    struct part rest = s->part[part];
    if (rest.begin == 0) return push(s, (struct part){rest.score, rest.score, FRONT, part, 0}, e);
    for (uint32_t k = s->ends[rest.begin]; k != NONE; k = s->fit[k].next) {
        const struct fit *f = &s->fit[k];
        struct part p = {sum(s, f->score, rest.score), sum(s, f->best, rest.score), k, part, f->begin};
        if (f->best > -HUGE_VAL && push(s, p, e)) return -1;
    }
    return 0;
}

static int ways(struct search *s, size_t most, struct nbest *out, struct err *e)
{
    if (push(s, (struct part){.fit = NONE, .rest = NONE, .begin = (uint32_t)s->n}, e)) return -1;
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
    if (n >= UINT32_MAX / 64) return err_set(e, ERR_DATA, "a word of more than 64 MiB");
    const struct trie *trie = unigram_trie(t, e);
    if (!trie || n == 0) return trie ? 0 : -1;
    struct search s = {.t = t, .word = word, .n = n, .ends = mem_alloc(n + 1, sizeof *s.ends)};
    int ret = s.ends ? lattice(&s, trie, e) : err_oom(e, n * sizeof *s.ends, "a lattice");
    if (ret == 0) ret = ways(&s, most, out, e);
    free(s.fit);
    free(s.ends);
    free(s.part);
    free(s.open);
    return ret;
}

void nbest_free(struct nbest *v)
{
    free(v->way);
    tok_ids_free(&v->ids);
    *v = (struct nbest){0};
}
