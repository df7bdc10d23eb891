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

static int take(struct tok_scratch *s, const char *text, size_t n, size_t *pos, struct tok_formed *w,
                const struct tok_formed *before, struct err *e)
{
    if (word_forms_take(s->forms, text, n, pos, &w->run, before ? &before->run : NULL, e)) return -1;
    s->batch->ask_run(&s->cache, &w->run, w->keys);
    return 0;
}

/* A word that is long, or not in the cache. */
static int other_word(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                      size_t n, struct tok_ids *out, struct err *e)
{
    size_t before = out->n;
    if (n > WORD_KEY_MAX && tok_part_take(s, word, n, key, out)) return 0;
    if (wordpiece_word(t, word, n, out, e)) return -1;
    word_cache_learn(&s->cache, key, word, n, out->id + before, out->n - before);
    return 0;
}

/* What is missed from word i of the first of the runs on. */
static void learn(const struct tokenizer *t, struct tok_scratch *s, const struct tok_formed *w, size_t n_runs, size_t i)
{
    size_t which[WORD_RUN + WORD_SLACK];
    for (size_t r = 0; r < n_runs; r++, i = 0) {
        const struct word_run *run = &w[r].run;
        size_t n = s->batch->missing_run(&s->cache, run, w[r].keys, i, which);
        for (size_t k = 0; k < n; k++) {
            size_t j = which[k], from = run->begin[j];
            tok_unknown_add(t, s, &w[r].keys[j], (const uint8_t *)run->text + from, run->begin[j + 1] - from);
        }
    }
    if (s->unknown.words.n) tok_unknown_learn(t, s);
}

/* The words of the first of the runs.  *together: what is missed is found for all of
 * them when the first is; what is missed after that is left to other_word(). */
static int get(const struct tokenizer *t, struct tok_scratch *s, const struct tok_formed *w, size_t n_runs, bool *together,
               struct tok_ids *out, struct err *e)
{
    const struct word_run *run = &w->run;
    const size_t *begin = run->begin, n = run->n;
    /* A word has at most as many ids as bytes; a few more are written. */
    if (tok_ids_room(out, begin[n] + WORD_SLACK, e)) return -1;
    for (size_t i = 0; i < n;) {
        int32_t *to = out->id + out->n;
        i = s->batch->get_run(&s->cache, run, w->keys, i, &to);
        out->n = (size_t)(to - out->id);
        if (i == n) break;
        if (*together) {
            learn(t, s, w, n_runs, i);
            *together = false;
            continue;
        }
        s->unknown.missed++;
        if (other_word(t, s, &w->keys[i], (const uint8_t *)run->text + begin[i], begin[i + 1] - begin[i], out, e)) return -1;
        i++;
    }
    return 0;
}

int tok_form_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, struct tok_ids *out,
                     struct err *e)
{
    struct tok_formed *w = s->formed;
    const struct tok_formed *before = NULL;
    size_t *missed = &s->unknown.missed;
    /* Many at a time where much is missed, as few as fit the processor's cache where not. */
    for (size_t pos = 0, runs = 0, most = 0; runs == most;) {
        bool together = s->unknown.find && *missed >= TOGETHER;
        most = together ? FORMED : 2;
        *missed = 0;
        for (runs = 0; runs < most; before = &w[runs++]) {
            if (take(s, text, n, &pos, &w[runs], before, e)) return -1;
            if (!w[runs].run.n) break;
        }
        tok_fast_let_go(t, s, out);
        for (size_t r = 0; r < runs; r++)
            if (get(t, s, w + r, runs - r, &together, out, e)) return -1;
    }
    return 0;
}
