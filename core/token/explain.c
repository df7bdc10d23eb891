#include "core/token/explain.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/token/tok_internal.h"

struct explain {
    const struct tokenizer *t;
    struct buf *out;
};

static void add_token(struct explain *x, int id)
{
    size_t n;
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
    const struct bpe_merge *m = &x->t->bpe.merge[rank];
    buf_printf(x->out, "    merge %u: ", (unsigned)rank);
    add_token(x, m->left);
    buf_adds(x->out, " + ");
    add_token(x, m->right);
    buf_adds(x->out, " ->");
    add_tokens(x, ids, n);
}

static int piece(struct explain *x, struct bpe_work *w, const char *text, size_t begin, size_t end,
                 struct err *e)
{
    size_t n = end - begin, count;
    struct bpe_trace trace = {on_merge, x};
    int32_t *ids = mem_alloc(n, sizeof *ids);
    if (!ids) return err_oom(e, n * sizeof *ids, "symbols");
    buf_printf(x->out, "  piece [%zu, %zu) ", begin, end);
    buf_add_json(x->out, text + begin, n);
    buf_addc(x->out, '\n');
    int ret = tok_symbols(x->t, (const uint8_t *)text + begin, n, begin, ids, &count, e);
    if (ret == 0) {
        buf_adds(x->out, "    symbols:");
        add_tokens(x, ids, count);
        if (x->t->bpe.n_merges && count > 1)
            count = bpe_merge_word(&x->t->bpe, w, ids, count, NULL, &trace);
    }
    free(ids);
    return ret;
}

static int pieces(struct explain *x, struct bpe_work *w, const char *text, size_t begin,
                  size_t end, struct err *e)
{
    split_fn *split = split_function(x->t->split);
    size_t ends[BATCH], n = end - begin;
    for (size_t pos = 0; pos < n;) {
        size_t count = split((const uint8_t *)text + begin, n, pos, ends, BATCH);
        for (size_t i = 0; i < count; i++) {
            if (piece(x, w, text, begin + pos, begin + ends[i], e)) return -1;
            pos = ends[i];
        }
    }
    return 0;
}

static int segment(struct explain *x, struct bpe_work *w, const char *text, size_t begin,
                   size_t end, struct err *e)
{
    struct norm n = {0};
    int changed = norm_apply(&n, x->t->norm, text + begin, end - begin, e), ret = -1;
    if (changed == 0) ret = pieces(x, w, text, begin, end, e);
    if (changed > 0) {
        buf_adds(x->out, "  normalised ");
        buf_add_json(x->out, n.text.data, n.text.len);
        buf_addc(x->out, '\n');
        ret = pieces(x, w, n.text.data, 0, n.text.len, e);
    }
    norm_free(&n);
    return ret;
}

static int result(struct explain *x, const char *text, size_t n, struct err *e)
{
    struct tok_ids ids = {.want_spans = true};
    struct tok_scratch *s = tok_scratch_new(x->t, e);
    int ret = s ? tok_encode(x->t, s, text, n, TOK_SPECIAL | TOK_TEMPLATE, &ids, e) : -1;
    if (ret == 0) buf_printf(x->out, "tokens: %zu\n", ids.n);
    for (size_t i = 0; ret == 0 && i < ids.n; i++) {
        buf_printf(x->out, "  %7d  [%zu, %zu)  ", (int)ids.id[i], ids.span[i].begin,
                   ids.span[i].end);
        add_token(x, ids.id[i]);
        buf_addc(x->out, '\n');
    }
    tok_ids_free(&ids);
    tok_scratch_free(s);
    return ret;
}

int tok_explain(const struct tokenizer *t, const char *text, size_t n, struct buf *out,
                struct err *e)
{
    struct explain x = {t, out};
    struct bpe_work w = {0};
    size_t pos = 0, from, to;
    int ret = 0;
    const struct tok_added *a;
    buf_printf(out, "text: %zu bytes, split '%s'\n", n, split_name(t->split));
    while (ret == 0 && (a = tok_match(&t->raw, text, n, pos, true, &from, &to))) {
        ret = segment(&x, &w, text, pos, from, e);
        buf_printf(out, "  added token [%zu, %zu) %d ", from, to, a->id);
        add_token(&x, a->id);
        buf_addc(out, '\n');
        pos = to;
    }
    if (ret == 0) ret = segment(&x, &w, text, pos, n, e);
    if (ret == 0) ret = result(&x, text, n, e);
    bpe_work_free(&w);
    return ret ? -1 : buf_ok(out, e);
}
