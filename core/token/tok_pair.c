/* One or two texts with template, types, truncation and padding: the order of
 * Hugging Face's tokenizers (cut, put into places, fill). */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_pieces.h"
#include "core/token/tok_scratch.h"

const struct tok_places *tok_places(const struct tokenizer *t, bool pair)
{
    static struct tok_place texts[] = {{PLACE_FIRST, 0, 0}, {PLACE_SECOND, 1, 1}};
    static const struct tok_places one = {.v = texts, .n = 1}, two = {.v = texts, .n = 2};
    if (!t->single.n) return pair ? &two : &one;
    if (!pair) return &t->single;
    return t->pair.n ? &t->pair : NULL;
}

int tok_places_times(const struct tok_places *p, int text)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) n += p->v[i].id == text;
    return n;
}

int tok_places_ids(const struct tok_places *p)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) n += p->v[i].id >= 0;
    return n;
}

const struct tok_places *tok_bare_places(const struct tokenizer *t, bool pair)
{
    const struct tok_places *p = pair ? &t->bare_pair : &t->bare;
    return p->n ? p : tok_places(t, pair);
}

const struct tok_places *tok_places_of(const struct tokenizer *t, bool pair, unsigned flags, struct err *e)
{
    const struct tok_places *p = flags & TOK_TEMPLATE ? tok_places(t, pair) : tok_bare_places(t, pair);
    if (!p) err_set(e, ERR_DATA, "the tokenizer's template is for one text, not for two: it has no 'pair'");
    if (!p || (flags & (TOK_TEMPLATE | TOK_TARGET)) != (TOK_TEMPLATE | TOK_TARGET)) return p;
    if (!t->pieces || !t->pieces->no_target) return t->target[pair].n ? &t->target[pair] : p;
    err_set(e, ERR_DATA, "the tokenizer's files name no target language (tgt_lang), whose token stands in front of the text");
    return NULL;
}

size_t tok_limits_around(const struct tok_places *p)
{
    return (size_t)(tok_places_ids(p) + p->more);
}

/* ---- cutting and filling ---- */

/* The longer text loses first; when both are too long each keeps half. */
static void keep_longest(size_t most, size_t *a, size_t *b)
{
    size_t *low = *a <= *b ? a : b, *high = *a <= *b ? b : a;
    size_t rest = *low > most ? *low : most - *low;
    *high = rest > *low ? rest : *low;
    if (*low + *high <= most) return;
    *low = most / 2;
    *high = most - most / 2;
}

static int keep(const struct tok_limits *l, size_t around, bool pair, size_t *a, size_t *b, struct err *e)
{
    size_t most = l->max_length > around ? l->max_length - around : 0;
    if (l->max_length < around && !l->ours) return 0; /* the engine's difference wraps around */
    if (!l->truncate || *a + *b <= most) return 0;
    if (most == 0) {
        *a = *b = 0;
        return 0;
    }
    size_t extra = *a + *b - most;
    if (l->cut == TOK_CUT_LONGEST) {
        if (pair) keep_longest(most, a, b);
        else *a = most;
        return 0;
    }
    if (l->cut == TOK_CUT_SECOND && !pair)
        return err_set(e, ERR_DATA, "truncation is to shorten the second text, and there is none");
    size_t *v = l->cut == TOK_CUT_FIRST ? a : b;
    if (*v <= extra)
        return err_set(e, ERR_DATA, "truncation is to shorten the %s text by %zu tokens, and it has %zu",
                       l->cut == TOK_CUT_FIRST ? "first" : "second", extra, *v);
    *v -= extra;
    return 0;
}

/* The engine cuts the rest into pieces, too, that begin `stride` tokens before the end of the last. */
static int check_stride(const struct tok_limits *l, size_t n, size_t kept, struct err *e)
{
    if (kept == n || kept == 0 || l->stride < kept) return 0;
    return err_set(e, ERR_DATA, "truncation: a text is cut to %zu tokens, and the stride of %zu must be less", kept, l->stride);
}

int tok_limits_keep(const struct tok_limits *l, size_t around, bool pair, size_t *a, size_t *b, struct err *e)
{
    size_t n[2] = {*a, *b};
    return keep(l, around, pair, a, b, e) || check_stride(l, n[0], *a, e) || check_stride(l, n[1], *b, e) ? -1 : 0;
}

size_t tok_padded(const struct tok_padding *how, size_t n)
{
    size_t to = how->to ? how->to : n;
    if (how->multiple && to % how->multiple) to += how->multiple - to % how->multiple;
    return to > n ? to : n;
}

void tok_limit(struct tokenizer *t, size_t max_length, bool left, bool pad)
{
    struct tok_limits *l = &t->limits;
    l->truncate = l->ours = true;
    l->cut = TOK_CUT_LONGEST;
    l->stride = 0;
    l->max_length = max_length;
    l->left = left;
    l->pads = l->pads && pad;
}

void tok_limit_cut(struct tokenizer *t, enum tok_cut cut, size_t stride)
{
    t->limits.cut = cut;
    t->limits.stride = stride;
}

void tok_pad(struct tokenizer *t, const struct tok_padding *how)
{
    t->limits.pads = true;
    t->limits.pad = *how;
}

bool tok_padding(const struct tokenizer *t, struct tok_padding *how)
{
    *how = t->limits.pad;
    return t->limits.pads;
}

/* ---- the whole ---- */

static int make_room(struct tok_encoding *x, size_t n, struct err *e)
{
    return mem_room(&x->of, &x->cap, n, sizeof *x->of) ? 0 : err_oom(e, n * sizeof *x->of, "tokens");
}

static int push(struct tok_encoding *x, int id, struct tok_span span, int type, int text, struct err *e)
{
    if (make_room(x, x->ids.n + 1, e)) return -1;
    x->of[x->ids.n] = (struct tok_source_of){type, (int8_t)text};
    return tok_ids_push(&x->ids, id, span.begin, span.end, e);
}

static int put_text(struct tok_encoding *x, int k, int type, struct err *e)
{
    const struct tok_ids *p = &x->part[k];
    size_t count = 0;
    for (size_t i = 0; i < p->n; i++)
        if (tok_stopped(&count, 1, e) || push(x, p->id[i], p->span[i], type, k, e)) return -1;
    return 0;
}

static int cut(const struct tokenizer *t, struct tok_encoding *x, size_t around, bool pair, struct err *e)
{
    size_t n[2] = {x->part[0].n, pair ? x->part[1].n : 0};
    if (tok_limits_keep(&t->limits, around, pair, &n[0], &n[1], e)) return -1;
    for (int k = 0; k < 1 + pair; k++) {
        size_t less = x->part[k].n - n[k];
        if (less) tok_ids_cut(&x->part[k], t->limits.left ? 0 : n[k], less);
    }
    return 0;
}

static int fill(const struct tokenizer *t, struct tok_encoding *x, struct err *e)
{
    const struct tok_padding *l = &t->limits.pad;
    size_t n = x->ids.n, to = tok_padded(l, n), more = to - n;
    struct tok_span none = {0};
    for (size_t i = n; i < to; i++)
        if (push(x, l->id, none, l->type, TOK_FROM_PADDING, e)) return -1;
    if (!l->left || !more) return 0;
    memmove(x->ids.id + more, x->ids.id, n * sizeof *x->ids.id);
    memmove(x->ids.span + more, x->ids.span, n * sizeof *x->ids.span);
    memmove(x->of + more, x->of, n * sizeof *x->of);
    for (size_t i = 0; i < more; i++) {
        x->ids.id[i] = l->id;
        x->ids.span[i] = none;
        x->of[i] = (struct tok_source_of){l->type, TOK_FROM_PADDING};
    }
    return 0;
}

/* Whether this is a window behind the first, of a text that is cut. */
static bool is_later(const struct tok_encoding *x, int k, unsigned flags)
{
    return (flags & TOK_WINDOWS) && x->window > 1 && x->part[k].n < x->whole[k].n;
}

/* The parts as they are now, in their places. */
static int put_together(const struct tokenizer *t, const struct tok_places *p, unsigned flags, struct tok_encoding *x, struct err *e)
{
    x->ids.n = 0;
    for (int i = 0; i < p->n; i++) {
        int id = p->v[i].id, type = p->v[i].type, ret = 0;
        if (id < 0) ret = put_text(x, id == PLACE_SECOND, is_later(x, id == PLACE_SECOND, flags) ? p->v[i].later : type, e);
        else if (flags & TOK_TEMPLATE) ret = push(x, id, (struct tok_span){0}, type, TOK_FROM_TEMPLATE, e);
        if (ret) return -1;
    }
    return (flags & TOK_LIMITS) && !(flags & TOK_UNPADDED) && t->limits.pads ? fill(t, x, e) : 0;
}

/* One of the texts, as it is or as words. */
struct side {
    const char *text;
    size_t n;
    const struct tok_word_list *words; /* or NULL */
};

size_t tok_word_at(const struct tok_word_list *w, size_t at)
{
    size_t low = 0, high = w->n; /* the word is one of these */
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (w->begin[mid] <= at) low = mid;
        else high = mid;
    }
    return low;
}

static int encode_side(const struct tokenizer *t, struct tok_scratch *s, const struct side *a, unsigned flags, struct tok_ids *out,
                       struct err *e)
{
    const struct tok_word_list *w = a->words;
    if (!w) return tok_encode_alone(t, s, a->text, a->n, flags, out, e);
    for (size_t k = 0; k < w->n; k++) {
        size_t from = out->n, begin = w->begin[k];
        if (tok_encode_alone(t, s, w->text + begin, w->begin[k + 1] - 1 - begin, flags, out, e)) return err_wrap(e, "word %zu", k);
        for (size_t i = from; i < out->n; i++) {
            out->span[i].begin += begin;
            out->span[i].end += begin;
        }
    }
    return 0;
}

/* What post-processors leave out of the spans: of each word in its own text. */
static void trim_side(const struct tokenizer *t, const struct side *a, struct tok_ids *part, unsigned flags, bool pair, bool second)
{
    const struct tok_word_list *w = a->words;
    if (!w) tok_trim_spans(t, a->text, a->n, part, 0, flags, pair, second, true);
    if (!w || !t->n_trims) return;
    for (size_t i = 0, end; i < part->n; i = end) {
        size_t k = tok_word_at(w, part->span[i].begin), begin = w->begin[k], next = w->begin[k + 1];
        for (end = i; end < part->n && part->span[end].begin >= begin && part->span[end].begin < next; end++) {
            part->span[end].begin -= begin;
            part->span[end].end -= begin;
        }
        struct tok_ids of_word = {.id = part->id + i, .span = part->span + i, .n = end - i, .want_spans = true};
        tok_trim_spans(t, w->text + begin, next - 1 - begin, &of_word, 0, flags, pair, second, i == 0);
        for (size_t at = i; at < end; at++) {
            part->span[at].begin += begin;
            part->span[at].end += begin;
        }
    }
}

/* Offsets of the parts and the whole. */
static int finish(const struct tokenizer *t, const struct tok_places *p, const struct side *side, bool pair, unsigned flags,
                  struct tok_encoding *x, struct err *e)
{
    for (int k = 0; k < 1 + pair; k++) trim_side(t, &side[k], &x->part[k], flags, pair, k);
    return put_together(t, p, flags, x, e);
}

static void swap_parts(struct tok_encoding *x)
{
    for (int k = 0; k < 2; k++) {
        struct tok_ids part = x->part[k];
        x->part[k] = x->whole[k];
        x->whole[k] = part;
    }
}

/* ---- windows ---- */

static int copy_part(const struct tok_ids *from, size_t begin, size_t end, struct tok_ids *to, struct err *e)
{
    size_t n = end - begin;
    to->n = 0;
    to->want_spans = true;
    if (tok_ids_room(to, n, e)) return -1;
    if (n) memcpy(to->id, from->id + begin, n * sizeof *to->id);
    if (n) memcpy(to->span, from->span + begin, n * sizeof *to->span);
    to->n = n;
    return 0;
}

/* What of a text of n tokens, `keep` a window, is in the next one; whether it is the last. */
static bool next_window(const struct tok_limits *l, size_t window, size_t keep, size_t n, size_t *begin, size_t *end)
{
    size_t moved = keep < n ? window * (keep - l->stride) : 0;
    *begin = moved;
    *end = n - moved < keep ? n : moved + keep;
    bool last = *end == n;
    if (!l->left) return last;
    size_t from = n - *end; /* the same, from the end */
    *end = n - *begin;
    *begin = from;
    return last;
}

static int window(const struct tokenizer *t, const struct side *side, bool pair, unsigned flags, struct tok_encoding *out, struct err *e)
{
    const struct tok_places *p = tok_places_of(t, pair, flags, e);
    size_t keep[2] = {out->whole[0].n, pair ? out->whole[1].n : 0};
    if (!p || out->last) return p ? 0 : -1;
    if (tok_limits_keep(&t->limits, flags & TOK_TEMPLATE ? tok_limits_around(p) : 0, pair, &keep[0], &keep[1], e)) return -1;
    bool cuts[2] = {keep[0] < out->whole[0].n, pair && keep[1] < out->whole[1].n};
    if (cuts[0] && cuts[1]) return err_set(e, ERR_DATA, "both texts are too long, and windows are of one of them");
    if ((cuts[0] && !keep[0]) || (cuts[1] && !keep[1])) return err_set(e, ERR_DATA, "a window has no room for the text");
    out->last = true;
    for (int k = 0; k < 1 + pair; k++) {
        size_t begin, end;
        if (!next_window(&t->limits, out->window, keep[k], out->whole[k].n, &begin, &end)) out->last = false;
        if (copy_part(&out->whole[k], begin, end, &out->part[k], e)) return -1;
    }
    out->window++;
    return finish(t, p, side, pair, flags, out, e) ? -1 : 1;
}

/* ---- the doors ---- */

static int encode_sides(const struct tokenizer *t, struct tok_scratch *s, const struct side *side, bool pair, unsigned flags,
                        struct tok_encoding *out, struct err *e)
{
    const struct tok_places *p = tok_places_of(t, pair, flags, e);
    if (!p) return -1;
    out->ids.n = out->part[0].n = out->part[1].n = 0;
    out->ids.want_spans = out->part[0].want_spans = out->part[1].want_spans = true;
    if (encode_side(t, s, &side[0], flags, &out->part[0], e)) return -1;
    if (pair && encode_side(t, s, &side[1], flags, &out->part[1], e)) return err_wrap(e, "second text");
    if (flags & TOK_WINDOWS) {
        swap_parts(out);
        out->window = 0;
        out->last = false;
        return window(t, side, pair, flags, out, e) < 0 ? -1 : 0;
    }
    size_t around = flags & TOK_TEMPLATE ? tok_limits_around(p) : 0;
    if ((flags & TOK_LIMITS) && cut(t, out, around, pair, e)) return -1;
    return finish(t, p, side, pair, flags, out, e);
}

int tok_encode_pair(const struct tokenizer *t, struct tok_scratch *s, const char *a, size_t n_a, const char *b,
                    size_t n_b, unsigned flags, struct tok_encoding *out, struct err *e)
{
    const struct side side[2] = {{.text = a, .n = n_a}, {.text = b, .n = n_b}};
    return encode_sides(t, s, side, b != NULL, flags, out, e);
}

int tok_encode_window(const struct tokenizer *t, const char *a, size_t n_a, const char *b, size_t n_b, unsigned flags,
                      struct tok_encoding *out, struct err *e)
{
    const struct side side[2] = {{.text = a, .n = n_a}, {.text = b, .n = n_b}};
    return window(t, side, b != NULL, flags, out, e);
}

int tok_encode_words(const struct tokenizer *t, struct tok_scratch *s, const struct tok_word_list *a, const struct tok_word_list *b,
                     unsigned flags, struct tok_encoding *out, struct err *e)
{
    const struct side side[2] = {{.words = a}, {.words = b}};
    return encode_sides(t, s, side, b != NULL, flags, out, e);
}

int tok_encode_words_window(const struct tokenizer *t, const struct tok_word_list *a, const struct tok_word_list *b, unsigned flags,
                            struct tok_encoding *out, struct err *e)
{
    const struct side side[2] = {{.words = a}, {.words = b}};
    return window(t, side, b != NULL, flags, out, e);
}

void tok_encoding_free(struct tok_encoding *x)
{
    tok_ids_free(&x->ids);
    for (int k = 0; k < 2; k++) {
        tok_ids_free(&x->part[k]);
        tok_ids_free(&x->whole[k]);
    }
    free(x->of);
    *x = (struct tok_encoding){.of = NULL};
}
