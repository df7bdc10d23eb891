/* Text to ids by word_form.h's way: words in their normal form from the cache, and
 * WordPiece for those that it does not know. */

#include "core/token/tok_fast.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_part.h"
#include "core/token/tok_scratch.h"

enum { TOGETHER = 16 }; /* so many words that were missed among the last are as many as pay to be taken together */

bool tok_form_possible(const struct tokenizer *t)
{
    bool orders;
    const struct pre_step *p = t->pre.step;
    return t->model == MODEL_WORDPIECE && t->pre.n == 2 && !t->needs_origin && norm_by_char(&t->norm, &orders) &&
           p[0].kind == PRE_SPLIT_SET && p[0].set == SET_SPACE && p[0].behavior == PRE_REMOVED && !p[0].invert &&
           p[1].kind == PRE_SPLIT_SET && p[1].set == SET_PUNCT && p[1].behavior == PRE_ISOLATED && !p[1].invert;
}

/* A word that is not in the cache, or has more ids than are taken from there. */
static int other_word(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                      size_t n, struct tok_ids *out, struct err *e)
{
    size_t before = out->n;
    if (n > WORD_KEY_MAX && tok_part_take(s, word, n, key, out)) return 0;
    if (wordpiece_word(t, word, n, out, e)) return -1;
    word_cache_learn(&s->cache, key, word, n, out->id + before, out->n - before);
    return 0;
}

static int get(const struct tokenizer *t, struct tok_scratch *s, const struct tok_formed *w, struct tok_ids *out, struct err *e)
{
    const struct word_run *run = &w->run;
    /* A word has at most as many ids as bytes; a few more are written. */
    if (tok_ids_room(out, run->begin[run->n] + WORD_SLACK, e)) return -1;
    for (size_t k = 0;; k++) {
        int32_t *to = out->id + out->n;
        k = s->batch->get_run(&s->cache, run, w->keys, k, &to);
        out->n = (size_t)(to - out->id);
        if (k == run->n_others) return 0;
        const size_t *begin = &run->begin[run->other[k]];
        s->unknown.missed++;
        if (other_word(t, s, &w->keys[k], (const uint8_t *)run->text + begin[0], begin[1] - begin[0], out, e)) return -1;
    }
}

/* ---- many words that are not in the cache ---- */

/* A word that could not be found together with others: one of the run's that are not single, and where its ids are. */
struct late {
    const struct tok_formed *w;
    size_t k, at, n_ids;
};

enum { LATE = 32 }; /* more are not learned */
struct lates {
    struct late v[LATE];
    size_t n;
};

static int put(const struct tokenizer *t, struct tok_scratch *s, const struct tok_formed *w, struct lates *l, struct tok_ids *out,
               struct err *e)
{
    const struct word_run *run = &w->run;
    if (tok_ids_room(out, run->begin[run->n] + WORD_SLACK, e)) return -1;
    for (size_t k = 0;; k++) {
        int32_t *to = out->id + out->n;
        k = s->batch->put_run(&s->cache, run, w->found, k, &to);
        size_t at = out->n = (size_t)(to - out->id);
        if (k == run->n_others) return 0;
        const size_t *begin = &run->begin[run->other[k]];
        if (wordpiece_word(t, (const uint8_t *)run->text + begin[0], begin[1] - begin[0], out, e)) return -1;
        if (l->n < LATE) l->v[l->n++] = (struct late){w, k, at, out->n - at};
    }
}

static void learn(struct tok_scratch *s, const struct lates *l, const struct tok_ids *out)
{
    tok_unknown_learn(s);
    for (const struct late *late = l->v; late < l->v + l->n; late++) {
        const struct word_run *run = &late->w->run;
        const size_t *begin = &run->begin[run->other[late->k]];
        word_cache_learn(&s->cache, &late->w->keys[late->k], (const uint8_t *)run->text + begin[0], begin[1] - begin[0],
                         out->id + late->at, late->n_ids);
    }
}

/* The words of some runs, which are found. */
static int get_together(const struct tokenizer *t, struct tok_scratch *s, const struct tok_formed *w, size_t n_runs, struct tok_ids *out,
                        struct err *e)
{
    struct lates lates = {.n = 0};
    int ret = 0;
    tok_unknown_find(t, s);
    for (size_t r = 0; r < n_runs && ret == 0; r++) ret = put(t, s, &w[r], &lates, out, e);
    learn(s, &lates, out);
    return ret;
}

int tok_form_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, struct tok_ids *out,
                     struct err *e)
{
    struct tok_formed *w = s->formed;
    const struct tok_formed *before = NULL;
    size_t *missed = &s->unknown.missed, words = 0;
    /* Many at a time where much is missed, as few as fit the processor's cache where not. */
    for (size_t pos = 0, runs = 0, most = 0; runs == most;) {
        bool together = s->unknown.find && *missed >= TOGETHER && word_cache_room(&s->cache, 0, 2 * WORDPIECE_ROOM);
        most = together ? FORMED : 2;
        *missed = 0;
        for (runs = 0; runs < most; before = &w[runs++]) {
            if (word_forms_take(s->forms, text, n, &pos, &w[runs].run, before ? &before->run : NULL, e)) return -1;
            if (!w[runs].run.n) break;
            s->batch->ask_run(&s->cache, &w[runs].run, w[runs].keys);
        }
        for (size_t r = 0; together && r < runs; r++) tok_unknown_add(t, s, &w[r]);
        tok_fast_let_go(t, s, out);
        if (tok_stopped(&words, BATCH, e)) return -1;
        if (together && get_together(t, s, w, runs, out, e)) return -1;
        for (size_t r = 0; !together && r < runs; r++)
            if (get(t, s, &w[r], out, e)) return -1;
    }
    return 0;
}
