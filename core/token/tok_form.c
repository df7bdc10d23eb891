/* Text to ids by word_form.h's way: words in their normal form from the cache, and
 * WordPiece for those that it does not know. */

#include "core/token/tok_fast.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_part.h"

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

static int get(const struct tokenizer *t, struct tok_scratch *s, const struct tok_formed *w, struct tok_ids *out, struct err *e)
{
    const size_t *begin = w->run.begin, n = w->run.n;
    /* A word has at most as many ids as bytes; a few more are written. */
    if (tok_ids_room(out, begin[n] + WORD_SLACK, e)) return -1;
    for (size_t i = 0; i < n; i++) {
        int32_t *to = out->id + out->n;
        i = s->batch->get_run(&s->cache, &w->run, w->keys, i, &to);
        out->n = (size_t)(to - out->id);
        if (i < n && other_word(t, s, &w->keys[i], (const uint8_t *)w->run.text + begin[i], begin[i + 1] - begin[i], out, e))
            return -1;
    }
    return 0;
}

int tok_form_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, struct tok_ids *out,
                     struct err *e)
{
    struct tok_formed *w = &s->formed[0], *next = &s->formed[1], *swap;
    size_t pos = 0;
    if (take(s, text, n, &pos, w, NULL, e)) return -1;
    for (; w->run.n; swap = w, w = next, next = swap) {
        tok_fast_let_go(t, s, out);
        if (take(s, text, n, &pos, next, w, e) || get(t, s, w, out, e)) return -1;
    }
    return 0;
}
