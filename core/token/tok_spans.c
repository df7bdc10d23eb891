/* Spans on the fast ways: the ids come from there, then each part of the text gets the spans that the
 * chains give it, which are remembered with its ids.  Where the ids of a part are not those, or do
 * not add up, the text as a whole goes through the chains. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_part.h"

enum { SHORT_MOST = 7 }; /* a token is two numbers in the cache, where short words have at most 15 */

/* Work space of one thread. */
struct tok_spans {
    struct tok_ids ids, part;  /* of the segment; of a part, with spans */
    struct word_cache cache;   /* by part: of each token its id, and where it begins and ends in the part */
    struct tok_fast cut;       /* as t->fast, but cuts words only where the chains do */
    struct tok_words words;
    size_t begins[BATCH];
};

static struct tok_spans *spans_new(const struct tokenizer *t, struct err *e)
{
    struct tok_spans *w = mem_zalloc(1, sizeof *w);
    if (!w) {
        err_oom(e, sizeof *w, "encoder work space");
        return NULL;
    }
    w->part.want_spans = true;
    w->cut = *t->fast;
    if (t->model != MODEL_BPE || t->fast->near) {
        w->cut.pairs = w->cut.wide = w->cut.inside = false;
        w->cut.punct = w->cut.punct && !t->fast->near; /* tokens may have some inside */
        w->cut.windows = NULL;
    }
    if (!word_cache_init(&w->cache, e)) return w;
    free(w);
    return NULL;
}

void tok_spans_free(struct tok_spans *w)
{
    if (!w) return;
    tok_ids_free(&w->ids);
    tok_ids_free(&w->part);
    word_cache_free(&w->cache);
    free(w);
}

/* The spans of part i, which is in the cache and has the ids from w->ids.id[at] on; false: it is not so. */
static bool known(struct tok_spans *w, size_t i, const uint8_t *text, size_t offset, size_t *at, struct tok_ids *out)
{
    const struct word_key *key = &w->words.keys[i];
    size_t begin = w->begins[i], len = w->words.ends[i] - begin, n;
    uint32_t code;
    if (len > WORD_LONG_MAX) return false;
    const int32_t *v = len <= WORD_KEY_MAX ? word_cache_ids(&w->cache, key, &n, &code)
                                           : word_cache_get_long(&w->cache, key, text + begin, len, &n, &code);
    if (!v || n / 2 > w->ids.n - *at) return false;
    if (n == 0) return true; /* and perhaps there is no id at all */
    const int32_t *id = w->ids.id + *at;
    struct tok_span *span = out->span + out->n;
    for (size_t k = 0; k < n / 2; k++) {
        if (v[2 * k] != id[k]) return false;
        span[k] = (struct tok_span){.begin = offset + begin + ((uint32_t)v[2 * k + 1] >> 16), .end = offset + begin + (v[2 * k + 1] & 0xFFFF)};
    }
    memcpy(out->id + out->n, id, n / 2 * sizeof *id);
    out->n += n / 2;
    *at += n / 2;
    return true;
}

static void remember(struct tok_spans *w, size_t i, const uint8_t *text, size_t offset)
{
    const struct tok_ids *p = &w->part;
    size_t begin = w->begins[i], len = w->words.ends[i] - begin, known_ids;
    uint32_t code;
    int32_t v[2 * WORD_LONG_MAX];
    const struct word_key *key = &w->words.keys[i];
    if (len > WORD_LONG_MAX || p->n > (len <= WORD_KEY_MAX ? (size_t)SHORT_MOST : (size_t)WORD_LONG_MAX)) return;
    for (size_t k = 0; k < p->n; k++) {
        size_t b = p->span[k].begin - offset - begin, end = p->span[k].end - offset - begin;
        if (b > end || end > len || p->span[k].unknown || p->span[k].lead || p->span[k].trail) return;
        v[2 * k] = p->id[k];
        v[2 * k + 1] = (int32_t)(b << 16 | end);
    }
    if (len <= WORD_KEY_MAX ? word_cache_ids(&w->cache, key, &known_ids, &code) != NULL
                            : word_cache_get_long(&w->cache, key, text + begin, len, &known_ids, &code) != NULL)
        return; /* with other ids */
    if (len <= WORD_KEY_MAX) word_cache_add_code(&w->cache, key, v, 2 * p->n, 0);
    else word_cache_add_long(&w->cache, key, text + begin, len, v, 2 * p->n, 0);
}

/* A part at an end of the text, where something happens. */
static bool is_outer(const struct tok_spans *w, size_t i, size_t n)
{
    return (w->cut.first && w->begins[i] == 0) || (w->cut.last && w->words.ends[i] == n);
}

/* A part by the chains; 1: its ids are others. */
static int unknown(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t i, size_t n, unsigned flags,
                   size_t *at, struct tok_ids *out, struct err *e)
{
    struct tok_spans *w = s->spans;
    struct tok_ids *p = &w->part;
    size_t begin = w->begins[i], end = w->words.ends[i];
    p->n = 0;
    s->sum = 0;
    s->follow = w->ids.id + *at;
    s->n_follow = w->ids.n - *at;
    int ret = tok_part_chains(t, s, text, begin, end, n, flags, p, e);
    s->n_follow = 0;
    if (ret) return -1;
    if (p->n > w->ids.n - *at || (p->n && memcmp(p->id, w->ids.id + *at, p->n * sizeof *p->id))) return 1;
    if (tok_ids_room(out, p->n, e)) return -1;
    if (p->n) memcpy(out->id + out->n, p->id, p->n * sizeof *p->id);
    if (p->n) memcpy(out->span + out->n, p->span, p->n * sizeof *p->span);
    out->n += p->n;
    *at += p->n;
    if (!is_outer(w, i, n)) remember(w, i, (const uint8_t *)text, s->offset);
    return 0;
}

static void ask(struct tok_spans *w, const uint8_t *text, size_t n, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t begin = w->begins[i], len = w->words.ends[i] - begin;
        if (len <= WORD_KEY_MAX) word_cache_ask(&w->cache, text + begin, len, n - begin, &w->words.keys[i]);
        else word_batch_ask_long(&w->cache, text + begin, len, &w->words.keys[i]);
    }
}

/* Where rules remove the first character of a text, HF tokenizers moves all spans. */
static bool first_may_go(const struct tokenizer *t, const char *text, size_t n)
{
    bool rules = false;
    for (size_t i = 0; i < t->norm.n; i++) rules = rules || t->norm.step[i].kind == NORM_PRECOMPILED;
    return rules && *text != ' ' && !tok_plain_after((const uint8_t *)text, n, 0);
}

int tok_spans_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags,
                      struct tok_ids *out, struct err *e)
{
    size_t from = out->n, at = 0, pos = 0, count;
    int ret = 0;
    if (first_may_go(t, text, n)) return 1;
    if (!s->spans && !(s->spans = spans_new(t, e))) return -1;
    struct tok_spans *w = s->spans;
    w->ids.n = 0;
    if (tok_fast_segment(t, s, text, n, flags, &w->ids, e) || tok_ids_room(out, w->ids.n, e)) return -1;
    while (!ret && pos < n && (count = tok_cut(&w->cut, (const uint8_t *)text, n, &pos, w->begins, w->words.ends, BATCH))) {
        ask(w, (const uint8_t *)text, n, count);
        for (size_t i = 0; i < count && !ret; i++)
            if (is_outer(w, i, n) || !known(w, i, (const uint8_t *)text, s->offset, &at, out)) ret = unknown(t, s, text, i, n, flags, &at, out, e);
    }
    s->sum = 0;
    if (!ret && at != w->ids.n) ret = 1;
    if (ret) out->n = from;
    return ret;
}
