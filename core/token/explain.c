/* The steps of an encoding, in their order. */
#include "core/token/explain.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/explain_internal.h"
#include "core/token/tok_scratch.h"

/* ---- a word ---- */

static int merges(struct explain *x, const uint8_t *word, size_t n, size_t at, struct err *e)
{
    static const char whole[] = "the word is a token as it is, and merges are ignored then";
    size_t count;
    if (tok_whole_word(x->t, word, n) >= 0) {
        say_why(x, whole, sizeof whole - 1);
        return 0;
    }
    size_t most = tok_symbols_most(x->t, n);
    int32_t *ids = most ? mem_alloc(most, sizeof *ids) : NULL;
    if (!ids) return err_oom(e, n * sizeof *ids, "symbols");
    int ret = tok_symbols(x->t, word, n, at, ids, &count, e);
    if (ret == 0) {
        say_symbols(x, ids, count);
        why_merges(x, ids, count);
    }
    free(ids);
    return ret;
}

/* What the model makes of one word. */
static int piece(struct explain *x, const uint8_t *word, size_t n, size_t at, struct err *e)
{
    struct tok_ids ids = {0};
    double sum = (double)NAN;
    int ret = 0;
    say_word(x, word, n);
    if (x->t->model == MODEL_BPE && !x->t->has_unused) ret = merges(x, word, n, at, e);
    if (ret == 0 && x->t->model == MODEL_UNIGRAM) ret = why_unigram(x, word, n, &sum, e);
    if (ret == 0 && x->t->model == MODEL_WORDPIECE) ret = why_unknown(x, word, n, e);
    if (ret == 0) ret = tok_model_word(x->t, x->s, word, n, at, &ids, e);
    if (ret == 0) say_word_end(x, &ids, sum);
    tok_ids_free(&ids);
    return ret;
}

/* Words of s[from..to) between added tokens; origin: of s[0], or NULL. */
static int words(struct explain *x, const char *s, size_t from, size_t to, const struct norm_origin *origin, size_t begin,
                 struct err *e)
{
    struct pre *p = &x->s->pre;
    if (from >= to) return 0; /* an added token may begin in the spaces that the one before it took */
    if (pre_run(&x->t->pre, p, s + from, to - from, origin ? origin + from : NULL, x->t->needs_origin, begin + (origin ? 0 : from), e))
        return -1;
    for (size_t i = 0; i < p->n_pieces; i++) {
        struct pre_piece q = p->piece[i];
        if (piece(x, (const uint8_t *)p->text + q.begin, q.end - q.begin, begin + from + q.begin, e)) return -1;
    }
    return 0;
}

/* ---- a text ---- */

static int segment(struct explain *x, const char *text, size_t begin, size_t end, struct err *e);

/* What SentencePiece makes of a text whose pieces are looked up, behind a code. */
static int pieces(struct explain *x, const char *text, size_t begin, size_t end, struct err *e)
{
    const struct tokenizer *t = x->t;
    struct buf *whole = &x->s->spaced;
    bool first = begin == 0;
    size_t front, left;
    size_t code = tok_pieces_code(t->pieces, text + begin, end - begin);
    if (code) say_added(x, begin, begin + code, tok_pieces_token(t, text + begin, code), false);
    begin += code;
    x->s->norm.want_origin = false;
    int changed = norm_run(&t->norm, &x->s->norm, text + begin, end - begin, e);
    if (changed < 0) return -1;
    if (changed) {
        text = buf_text(&x->s->norm.out->text);
        begin = 0;
        end = x->s->norm.out->text.len;
        say_normalised(x, text, end);
    }
    if (t->pieces->before) {
        if (tok_pieces_behind(t, text + begin, end - begin, first, whole, &front, &left, e)) return -1;
        text = whole->data;
        begin = 0;
        end = whole->len;
    }
    struct explain inner = *x;
    inner.t = t->pieces->side[SIDE_SOURCE].t;
    inner.s = x->s->side[SIDE_SOURCE];
    int ret = segment(&inner, text, begin, end, e);
    x->n_steps = inner.n_steps;
    return ret;
}

static int segment(struct explain *x, const char *text, size_t begin, size_t end, struct err *e)
{
    const struct tokenizer *t = x->t;
    struct norm *w = &x->s->norm;
    const char *s = text + begin;
    size_t n = end - begin;
    if (n == 0) return 0;
    if (t->pieces) return pieces(x, text, begin, end, e);
    w->want_origin = t->needs_origin;
    int changed = norm_run(&t->norm, w, s, n, e);
    if (changed < 0) return -1;
    if (changed > 0) {
        s = buf_text(&w->out->text);
        n = w->out->text.len;
        say_normalised(x, s, n);
    }
    const struct norm_origin *origin = changed && w->want_origin ? w->out->origin : NULL;
    size_t pos = 0, look = 0;
    struct tok_found f;
    while (tok_match(&t->normalized, s, n, look, pos, true, &f)) {
        if (words(x, s, pos, f.begin, origin, begin, e)) return -1;
        if (f.stop > f.begin) say_added(x, f.begin, f.stop, f.token->id, changed);
        pos = f.stop;
        look = f.end;
    }
    return words(x, s, pos, n, origin, begin, e);
}

static int result(struct explain *x, const char *text, size_t n, const struct char_index *chars, struct err *e)
{
    struct tok_ids ids = {.want_spans = true};
    int ret = tok_encode(x->t, x->s, text, n, TOK_SPECIAL | TOK_TEMPLATE, &ids, e);
    if (ret == 0) say_result(x, &ids, chars);
    tok_ids_free(&ids);
    return ret;
}

/* Text as the model gets it: what is no UTF-8 is U+FFFD, unless any bytes are tokens. */
static const char *readable(struct explain *x, const char *text, size_t *n, struct buf *made)
{
    if (x->t->any_bytes || utf8_valid_prefix(text, *n) == *n) return text;
    utf8_add_lossy(made, text, *n);
    *n = made->len;
    return buf_text(made);
}

/* Only unigram weighs ways to cut a word against each other. */
static int has_ways(const struct tokenizer *t, struct err *e)
{
    struct tok_summary s;
    const struct tokenizer *model = t->pieces ? t->pieces->side[SIDE_SOURCE].t : t;
    if (model->model == MODEL_UNIGRAM) return 0;
    tok_summary(t, &s);
    return err_set(e, ERR_USAGE, "--nbest is for unigram, this tokenizer is %s: it has one way to cut a word", s.type);
}

int tok_explain(const struct tokenizer *t, const char *text, size_t n, size_t n_best, bool json, struct buf *out,
                struct err *e)
{
    if (n_best && has_ways(t, e)) return -1;
    struct explain x = {.t = t, .out = out, .json = json, .n_best = n_best, .s = tok_scratch_new(t, e)};
    struct char_index chars = {0};
    struct buf made = {0};
    size_t pos = 0, look = 0, len = n;
    int ret = x.s ? char_index_build(&chars, text, n, e) : -1;
    const char *s = readable(&x, text, &len, &made);
    struct tok_found f;
    if (ret == 0) ret = buf_ok(&made, e);
    if (ret == 0) say_head(&x, text, n, chars.n_chars);
    while (ret == 0 && tok_match(&t->raw, s, len, look, pos, true, &f)) {
        if (f.begin > pos) ret = segment(&x, s, pos, f.begin, e);
        if (f.stop > f.begin) say_added(&x, f.begin, f.stop, f.token->id, false);
        pos = f.stop;
        look = f.end;
    }
    if (ret == 0) ret = segment(&x, s, pos, len, e);
    if (ret == 0) ret = result(&x, text, n, &chars, e);
    tok_scratch_free(x.s);
    char_index_free(&chars);
    buf_free(&made);
    return ret ? -1 : buf_ok(out, e);
}
