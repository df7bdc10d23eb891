#include "core/token/explain.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/token/tok_internal.h"

struct explain {
    const struct tokenizer *t;
    struct tok_scratch *s;
    struct buf *out;
};

static void add_token(struct explain *x, int id)
{
    size_t n;
    if (id >= x->t->vocab.n) { /* a character of SentencePiece without a piece */
        buf_adds(x->out, "<?>");
        return;
    }
    const char *s = vocab_text(&x->t->vocab, id, &n);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c == 0x7f) buf_printf(x->out, "<0x%02X>", c);
        else buf_addc(x->out, s[i]);
    }
}

static void add_tokens(struct explain *x, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_addc(x->out, ' ');
        add_token(x, ids[i]);
    }
    buf_addc(x->out, '\n');
}

static void on_merge(void *arg, uint32_t rank, const int32_t *ids, size_t n)
{
    struct explain *x = arg;
    buf_printf(x->out, "    merge %u makes ", (unsigned)rank);
    add_token(x, x->t->bpe.made[rank]);
    buf_addc(x->out, ':');
    add_tokens(x, ids, n);
}

static int merges(struct explain *x, const uint8_t *word, size_t n, size_t at, struct err *e)
{
    size_t count;
    struct bpe_trace trace = {on_merge, x};
    int32_t *ids = mem_alloc(n + 1, sizeof *ids);
    if (!ids) return err_oom(e, n * sizeof *ids, "symbols");
    int ret = tok_symbols(x->t, word, n, at, ids, &count, e);
    if (ret == 0) {
        buf_adds(x->out, "    symbols:");
        add_tokens(x, ids, count);
        if (x->t->bpe.n_merges && count > 1)
            bpe_merge_word(&x->t->bpe, &x->s->work, ids, count, NULL, &trace);
    }
    free(ids);
    return ret;
}

/* What the model makes of one word. */
static int piece(struct explain *x, const uint8_t *word, size_t n, size_t at, struct err *e)
{
    struct tok_ids ids = {0};
    buf_adds(x->out, "  word ");
    buf_add_json(x->out, (const char *)word, n);
    buf_addc(x->out, '\n');
    int ret = x->t->model == MODEL_BPE && !x->t->has_unused ? merges(x, word, n, at, e) : 0;
    if (ret == 0) ret = tok_model_word(x->t, x->s, word, n, at, &ids, e);
    if (ret == 0) {
        buf_adds(x->out, "    tokens:");
        for (size_t i = 0; i < ids.n; i++) {
            buf_addc(x->out, ' ');
            add_token(x, ids.id[i]);
            if (x->t->model == MODEL_UNIGRAM) buf_printf(x->out, "(%.2f)", x->t->score[ids.id[i]]);
        }
        buf_addc(x->out, '\n');
    }
    tok_ids_free(&ids);
    return ret;
}

static void added_token(struct explain *x, size_t begin, size_t end, int id, const char *how)
{
    buf_printf(x->out, "  added token [%zu, %zu)%s %d ", begin, end, how, id);
    add_token(x, id);
    buf_addc(x->out, '\n');
}

/* Words of s[from..to) between added tokens; origin: of s[0], or NULL. */
static int words(struct explain *x, const char *s, size_t from, size_t to, const struct norm_origin *origin, size_t begin,
                 struct err *e)
{
    struct pre *p = &x->s->pre;
    if (from == to) return 0;
    if (pre_run(&x->t->pre, p, s + from, to - from, origin ? origin + from : NULL, x->t->needs_origin, begin + (origin ? 0 : from), e))
        return -1;
    for (size_t i = 0; i < p->n_pieces; i++) {
        struct pre_piece q = p->piece[i];
        if (piece(x, (const uint8_t *)p->text + q.begin, q.end - q.begin, begin + from + q.begin, e)) return -1;
    }
    return 0;
}

static int segment(struct explain *x, const char *text, size_t begin, size_t end, struct err *e)
{
    const struct tokenizer *t = x->t;
    struct norm *w = &x->s->norm;
    const char *s = text + begin;
    size_t n = end - begin;
    if (n == 0) return 0;
    w->want_origin = t->needs_origin;
    int changed = norm_run(&t->norm, w, s, n, e);
    if (changed < 0) return -1;
    if (changed > 0) {
        s = w->out->text.data ? w->out->text.data : "";
        n = w->out->text.len;
        buf_adds(x->out, "  normalised ");
        buf_add_json(x->out, s, n);
        buf_addc(x->out, '\n');
    }
    const struct norm_origin *origin = changed && w->want_origin ? w->out->origin : NULL;
    size_t pos = 0, look = 0;
    struct tok_found f;
    while (tok_match(&t->normalized, s, n, look, pos, true, &f)) {
        if (words(x, s, pos, f.begin, origin, begin, e)) return -1;
        added_token(x, f.begin, f.stop, f.token->id, changed ? " of that" : "");
        pos = f.stop;
        look = f.end;
    }
    return words(x, s, pos, n, origin, begin, e);
}

static int result(struct explain *x, const char *text, size_t n, struct err *e)
{
    struct tok_ids ids = {.want_spans = true};
    int ret = tok_encode(x->t, x->s, text, n, TOK_SPECIAL | TOK_TEMPLATE, &ids, e);
    if (ret == 0) buf_printf(x->out, "tokens: %zu\n", ids.n);
    for (size_t i = 0; ret == 0 && i < ids.n; i++) {
        buf_printf(x->out, "  %7d  [%zu, %zu)  ", (int)ids.id[i], ids.span[i].begin,
                   ids.span[i].end);
        add_token(x, ids.id[i]);
        buf_addc(x->out, '\n');
    }
    tok_ids_free(&ids);
    return ret;
}

int tok_explain(const struct tokenizer *t, const char *text, size_t n, struct buf *out,
                struct err *e)
{
    struct explain x = {.t = t, .out = out, .s = tok_scratch_new(t, e)};
    struct tok_summary sum;
    size_t pos = 0, look = 0;
    int ret = x.s ? 0 : -1;
    struct tok_found f;
    tok_summary(t, &sum);
    buf_printf(out, "text: %zu bytes, %s, split '%s'\n", n, sum.type, sum.split);
    while (ret == 0 && tok_match(&t->raw, text, n, look, pos, true, &f)) {
        if (f.begin > pos) ret = segment(&x, text, pos, f.begin, e);
        added_token(&x, f.begin, f.stop, f.token->id, "");
        pos = f.stop;
        look = f.end;
    }
    if (ret == 0) ret = segment(&x, text, pos, n, e);
    if (ret == 0) ret = result(&x, text, n, e);
    tok_scratch_free(x.s);
    return ret ? -1 : buf_ok(out, e);
}
