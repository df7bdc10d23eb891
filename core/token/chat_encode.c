/* A rendered chat to ids and the mask of what the assistant says. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/chat.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_scratch.h"

static void drop_first(struct tok_ids *ids, size_t from)
{
    memmove(ids->id + from, ids->id + from + 1, (ids->n - from - 1) * sizeof *ids->id);
    memmove(ids->span + from, ids->span + from + 1, (ids->n - from - 1) * sizeof *ids->span);
    ids->n--;
}

/* One <bos>: that of the template, or that of the tokenizer. */
static int bos_once(const struct tokenizer *t, struct tok_ids *ids, size_t from, struct err *e)
{
    int bos = t->bos;
    if (bos < 0) return 0;
    while (ids->n - from >= 2 && ids->id[from] == bos && ids->id[from + 1] == bos) drop_first(ids, from);
    bool wanted = t->single.n > 0 && t->single.v[0].id == bos;
    if (!wanted || (ids->n > from && ids->id[from] == bos)) return 0;
    if (tok_ids_room(ids, 1, e)) return -1;
    memmove(ids->id + from + 1, ids->id + from, (ids->n - from) * sizeof *ids->id);
    memmove(ids->span + from + 1, ids->span + from, (ids->n - from) * sizeof *ids->span);
    ids->id[from] = bos;
    ids->span[from] = (struct tok_span){0};
    ids->n++;
    return 0;
}

/* Spans as the tokenizer gives them, but for tokens of which nothing would be left: spaces alone. */
static int trim_spans(const struct tokenizer *t, const struct buf *text, struct tok_ids *ids, size_t from, struct err *e)
{
    size_t n = ids->n - from;
    struct tok_span *whole = mem_alloc(n + 1, sizeof *whole);
    if (!whole) return err_oom(e, n * sizeof *whole, "spans");
    if (n) memcpy(whole, ids->span + from, n * sizeof *whole);
    tok_trim_spans(t, buf_text(text), text->len, ids, from, TOK_SPECIAL, false, false, true);
    for (size_t i = 0; i < n; i++)
        if (ids->span[from + i].begin == ids->span[from + i].end) ids->span[from + i] = whole[i];
    free(whole);
    return 0;
}

/* A token of nothing in the text (a space put in front of a word) is what stands on both sides of it. */
static bool is_marked(const struct buf *marks, struct tok_span span, uint8_t wanted)
{
    const uint8_t *m = (const uint8_t *)marks->data;
    if (!m) return false;
    if (span.begin == span.end)
        return span.begin > 0 && span.begin < marks->len && (m[span.begin - 1] & m[span.begin] & wanted);
    for (size_t i = span.begin; i < span.end; i++)
        if (m[i] & wanted) return true;
    return false;
}

static const char *token_text(const struct tokenizer *t, int id, struct buf *out)
{
    size_t n;
    const char *s = id >= 0 ? tok_spelling(t, id, &n) : NULL;
    if (!s) return NULL;
    buf_clear(out);
    buf_add(out, s, n);
    return out->data;
}

void chat_vars_tokens(struct chat_vars *vars, const struct tokenizer *t, struct buf *bos, struct buf *eos)
{
    vars->bos = token_text(t, tok_bos(t), bos);
    vars->eos = token_text(t, tok_eos(t), eos);
}

int chat_encode(const struct chat_text *text, bool generation, const struct buf *guard, const struct tokenizer *t,
                struct tok_scratch *s, struct tok_ids *ids, struct buf *mask, struct err *e)
{
    const uint8_t *guarded = guard && guard->len ? (const uint8_t *)guard->data : NULL;
    const uint8_t *marks = (const uint8_t *)text->marks.data;
    uint8_t wanted = generation ? CHAT_GENERATED : CHAT_ASSISTANT;
    size_t from = ids->n;
    bool before = false;
    if (tok_encode_marked(t, s, text->text.len ? text->text.data : "", text->text.len, marks, guarded, ids, e) ||
        trim_spans(t, &text->text, ids, from, e) || bos_once(t, ids, from, e))
        return -1;
    for (size_t i = from; mask && i < ids->n; i++) {
        bool yes = is_marked(&text->marks, ids->span[i], wanted), said = yes;
        /* The token that ends a turn is the assistant's to say. */
        if (!yes && before && !generation) yes = tok_is_special(t, ids->id[i]);
        buf_addc(mask, yes);
        before = said;
    }
    return mask ? buf_ok(mask, e) : 0;
}
