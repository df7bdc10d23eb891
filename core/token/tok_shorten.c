#include "core/token/tok_shorten.h"

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_lines.h"
#include "core/token/tok_scratch.h"
#include "core/token/unicode.h"

struct job {
    const struct tokenizer *t;
    struct tok_scratch *s;
    const char *text;
    size_t n;
    const struct tok_shorten *o;
    size_t most; /* tokens, without those of the template */
    size_t found; /* of what was counted last; of the text, where nothing is cut */
    struct tok_short *x;
    struct err *e;
};

void tok_short_free(struct tok_short *x)
{
    buf_free(&x->text);
    tok_ids_free(&x->ids);
    tok_ids_free(&x->end);
    tok_ids_free(&x->check);
}

static int encode(struct job *j, const char *text, size_t n, bool spans, struct tok_ids *out)
{
    out->n = 0;
    out->want_spans = spans;
    return tok_encode_alone(j->t, j->s, text, n, j->o->flags, out, j->e);
}

/* With spans, which cost several times as much as ids, which mostly come from a cache. */
static int encode_spans(struct job *j, const char *text, size_t n, struct tok_ids *out)
{
    return encode(j, text, n, true, out);
}

/* How many ids there are: into j->found. */
static int count_ids(struct job *j, const char *text, size_t n)
{
    struct tok_ids *out = &j->x->check;
    if (encode(j, text, n, false, out)) return -1;
    j->found = out->n;
    return 0;
}

/* ---- as much of the text as is needed ---- */

enum { FIRST_LOOK = 1 << 8 };

/* Bytes that may well hold more than n tokens; grows from try to try. */
static size_t look_at(size_t n, int round)
{
    size_t bytes;
    return ck_mul(n, (size_t)8 << (2 * round), &bytes) && ck_add(bytes, FIRST_LOOK, &bytes) ? bytes : SIZE_MAX;
}

/* Where `bytes` of the text have `ids`, more than n: about as many that have n and some. */
static size_t enough(size_t bytes, size_t ids, size_t n)
{
    return (size_t)((double)bytes / (double)ids * (double)n * 1.25) + FIRST_LOOK;
}

/* The ids of the text's beginning, more than n of them; or *all: j->found, no more
 * than n, is their number. */
static int encode_head(struct job *j, size_t n, struct tok_ids *out, bool *all)
{
    size_t to;
    for (int round = 0;; round++) {
        size_t want = round < 12 ? look_at(n, round) : SIZE_MAX;
        to = want < j->n ? tok_cut_from(j->t, j->text, j->n, want) : j->n;
        if (count_ids(j, j->text, to)) return -1;
        *all = to == j->n && j->found <= n;
        if (*all) return 0;
        if (j->found > n) break;
    }
    size_t want = enough(to, j->found, n), less = want < to ? tok_cut_from(j->t, j->text, to, want) : to;
    if (encode_spans(j, j->text, less, out)) return -1;
    return less == to || out->n > n ? 0 : encode_spans(j, j->text, to, out);
}

/* The text from `from` on; spans are in the text. */
static int encode_rest(struct job *j, size_t from, struct tok_ids *out)
{
    if (encode_spans(j, j->text + from, j->n - from, out)) return -1;
    for (size_t i = 0; i < out->n; i++) {
        out->span[i].begin += from;
        out->span[i].end += from;
    }
    return 0;
}

/* The same of its end. */
static int encode_tail(struct job *j, size_t n, struct tok_ids *out, bool *all)
{
    size_t from;
    for (int round = 0;; round++) {
        size_t want = round < 12 ? look_at(n, round) : SIZE_MAX;
        from = want < j->n ? tok_cut_upto(j->t, j->text, j->n, j->n - want) : 0;
        if (count_ids(j, j->text + from, j->n - from)) {
            /* Once more, so that the offset in the message is one of the text. */
            return from ? count_ids(j, j->text, j->n) : -1;
        }
        *all = from == 0 && j->found <= n;
        if (*all) return 0;
        if (j->found > n) break;
    }
    size_t want = enough(j->n - from, j->found, n);
    size_t later = want < j->n - from ? tok_cut_upto(j->t, j->text, j->n, j->n - want) : from;
    if (later < from) later = from;
    if (encode_rest(j, later, out)) return -1;
    return later == from || out->n > n ? 0 : encode_rest(j, from, out);
}

/* The same of all of it. */
static int encode_whole(struct job *j, size_t n, struct tok_ids *out, bool *all)
{
    if (count_ids(j, j->text, j->n)) return -1;
    *all = j->found <= n;
    return *all ? 0 : encode_spans(j, j->text, j->n, out);
}

/* ---- where it can be cut ---- */

static bool in_character(const char *text, size_t n, size_t at)
{
    const uint8_t *s = (const uint8_t *)text;
    for (size_t back = 1; back < 4 && back <= at; back++) {
        if ((s[at - back] & 0xC0) == 0x80) continue;
        return uni_next(s + at - back, n - (at - back)).len > back;
    }
    return false;
}

/* Between tokens k - 1 and k: the first `k` are kept (head) or go (tail). */
static bool between_tokens(const struct job *j, const struct tok_ids *ids, size_t k, bool head)
{
    if (k == 0 || k >= ids->n) return true;
    const struct tok_span *a = &ids->span[k - 1], *b = &ids->span[k];
    return a->end <= b->begin && !in_character(j->text, j->n, head ? a->end : b->begin);
}

/* End of the text of at most k tokens, and begin of what is left without the first k. */
static size_t head_end(const struct job *j, const struct tok_ids *ids, size_t k)
{
    if (k >= ids->n) return ids->n ? ids->span[ids->n - 1].end : 0;
    while (!between_tokens(j, ids, k, true)) k--;
    return k ? ids->span[k - 1].end : 0;
}

static size_t tail_begin(const struct job *j, const struct tok_ids *ids, size_t k)
{
    while (k < ids->n && !between_tokens(j, ids, k, false)) k++;
    return k < ids->n ? ids->span[k].begin : j->n;
}

/* ---- the four ways ---- */

static void put(struct job *j, size_t begin, size_t end)
{
    if (end > begin) buf_add(&j->x->text, j->text + begin, end - begin);
}

/* What n tokens leave: into x->text.  The ids are those that plan() found. */
static void take(struct job *j, size_t n)
{
    const struct tok_ids *ids = &j->x->ids, *end = &j->x->end;
    size_t head = n - n / 2, first, last;
    buf_clear(&j->x->text);
    switch (j->o->keep) {
    case TOK_KEEP_HEAD: put(j, 0, head_end(j, ids, n)); break;
    case TOK_KEEP_TAIL: put(j, n ? tail_begin(j, ids, ids->n - n) : j->n, j->n); break;
    case TOK_KEEP_MIDDLE:
        first = (ids->n - n) / 2;
        last = head_end(j, ids, first + n);
        put(j, first ? tail_begin(j, ids, first) : 0, last);
        break;
    case TOK_KEEP_ENDS:
        last = head_end(j, ids, head);
        first = n / 2 ? tail_begin(j, end, end->n - n / 2) : j->n;
        put(j, 0, last);
        buf_add(&j->x->text, j->o->between, j->o->n_between);
        put(j, first > last ? first : last, j->n);
        break;
    }
}

/* The ids that take() needs; x->cut: there are too many. */
static int plan(struct job *j)
{
    struct tok_short *x = j->x;
    bool all = true;
    int ret;
    switch (j->o->keep) {
    case TOK_KEEP_TAIL: ret = encode_tail(j, j->most, &x->ids, &all); break;
    case TOK_KEEP_MIDDLE: ret = encode_whole(j, j->most, &x->ids, &all); break;
    default: ret = encode_head(j, j->most, &x->ids, &all); break;
    }
    if (ret) return -1;
    x->cut = !all;
    if (!x->cut || j->o->keep != TOK_KEEP_ENDS) return 0;
    if (encode_tail(j, j->most, &x->end, &all)) return -1;
    return all ? encode_rest(j, 0, &x->end) : 0;
}

int tok_shorten(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                const struct tok_shorten *o, struct tok_short *out, struct err *e)
{
    struct job j = {.t = t, .s = s, .text = text, .n = n, .o = o, .x = out, .e = e};
    size_t around = o->flags & TOK_TEMPLATE ? tok_around(t) : 0, left;
    size_t valid = o->flags & TOK_STRICT ? utf8_valid_prefix(text, n) : n;
    if (tok_text_times(t) != 1) return err_set(e, ERR_DATA, "the tokenizer's post_processor takes the text %d times: no part of it is all", tok_text_times(t));
    if (around > o->max)
        return err_set(e, ERR_USAGE, "the tokenizer's template alone has %zu tokens, more than %zu", around, o->max);
    if (valid < n) return err_set(e, ERR_DATA, "invalid UTF-8 at byte offset %zu", valid);
    j.most = o->max - around;
    if (plan(&j)) return -1;
    out->tokens = j.found + around;
    for (left = j.most; out->cut; left -= out->check.n - j.most < left ? out->check.n - j.most : left) {
        take(&j, left);
        if (buf_ok(&out->text, e) || encode(&j, out->text.len ? out->text.data : "", out->text.len, false, &out->check)) return -1;
        out->tokens = out->check.n + around;
        if (out->check.n <= j.most) break;
        if (left == 0)
            return err_set(e, ERR_USAGE, "what stands between the ends has %zu tokens alone, more than %zu",
                           out->check.n, j.most);
    }
    return 0;
}
