/* The chain and the steps that change the text. */
#include "core/token/pretok.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/token/bytemap.h"
#include "core/token/unicode.h"

void pre_chain_free(struct pre_chain *c)
{
    for (size_t i = 0; i < c->n; i++) {
        regex_free(c->step[i].re);
        free(c->step[i].text);
    }
    free(c->step);
    free(c->sets);
    *c = (struct pre_chain){0};
}

struct pre_step *pre_chain_add(struct pre_chain *c, enum pre_kind kind, struct err *e)
{
    struct pre_step *p = mem_resize(c->step, c->n + 1, sizeof *p);
    if (!p) {
        err_oom(e, (c->n + 1) * sizeof *p, "pre-tokenizers");
        return NULL;
    }
    c->step = p;
    p[c->n] = (struct pre_step){.kind = kind, .behavior = PRE_ISOLATED};
    return &p[c->n++];
}

void pre_free(struct pre *p)
{
    for (int i = 0; i < 2; i++) {
        buf_free(&p->side[i].text);
        free(p->side[i].origin);
    }
    free(p->piece);
    free(p->next);
    norm_free(&p->norm);
    memset(p, 0, sizeof *p);
}

enum { STOPS = 1 << 16 }; /* after so many words it is asked whether to stop */
int pre_push(struct pre *p, size_t begin, size_t end, struct err *e)
{
    if (begin >= end) return 0;
    if (!mem_room(&p->next, &p->cap_next, p->n_next + 1, sizeof *p->next))
        return err_oom(e, (p->n_next + 1) * sizeof *p->next, "words");
    p->next[p->n_next++] = (struct pre_piece){begin, end};
    return p->n_next % STOPS == 0 ? sig_check(e) : 0;
}

/* ---- steps that write a new text ---- */

/* c in front of the piece: both take the origins of the piece's first
 * character, as all that is put in front does. */
static int put_front(struct norm_io *io, uint32_t cp)
{
    char bytes[4];
    struct uni_char c = uni_next((const uint8_t *)io->in + io->pos, io->n - io->pos);
    struct norm_origin first = {0, 0}, last = {0, 0};
    if (io->w->want_origin) {
        first = norm_origin_at(io, io->pos);
        last = norm_origin_at(io, io->pos + c.len - 1);
    }
    if (norm_put_text(io, bytes, (size_t)utf8_encode(cp, bytes), first) ||
        norm_put_text(io, io->in + io->pos, c.len, last))
        return -1;
    io->pos += c.len;
    return 0;
}

static bool begins_with(const struct norm_io *io, size_t end, uint32_t cp)
{
    return io->pos < end && uni_next((const uint8_t *)io->in + io->pos, end - io->pos).cp == cp;
}

static int spell(struct norm_io *io, size_t end)
{
    while (io->pos < end) {
        const uint8_t *s = (const uint8_t *)io->in + io->pos;
        unsigned len = uni_next(s, end - io->pos).len;
        struct norm_origin o = {0, 0};
        for (unsigned i = 0; i < len; i++) {
            char bytes[4];
            size_t k = (size_t)utf8_encode(bytemap_char(s[i]), bytes);
            if (io->w->want_origin) o = norm_origin_at(io, i ? io->pos + len - 1 : io->pos);
            if (norm_put_text(io, bytes, k, o)) return -1;
        }
        io->pos += len;
    }
    return 0;
}

/* Spaces become the replacement; then perhaps one in front. */
static int metaspace(struct norm_io *io, const struct pre_step *st, size_t end, bool first, bool inside)
{
    bool in_front = !inside && (st->scheme == SCHEME_ALWAYS || (st->scheme == SCHEME_FIRST && first));
    char bytes[4];
    size_t n = (size_t)utf8_encode(st->cp, bytes);
    if (in_front && !begins_with(io, end, st->cp) && !begins_with(io, end, ' ') &&
        put_front(io, st->cp))
        return -1;
    while (io->pos < end) {
        const char *space = memchr(io->in + io->pos, ' ', end - io->pos);
        size_t stop = space ? (size_t)(space - io->in) : end;
        if (norm_copy(io, stop - io->pos)) return -1;
        if (!space) break;
        struct norm_origin o = {0, 0};
        if (io->w->want_origin) o = norm_origin_at(io, io->pos);
        if (norm_put_text(io, bytes, n, o)) return -1;
        io->pos++;
    }
    return 0;
}

/* One piece of the old text into the new one. */
static int rewrite(const struct pre_step *st, struct norm_io *io, struct pre_piece piece,
                   size_t offset, bool inside)
{
    io->pos = piece.begin;
    if (st->kind == PRE_METASPACE) {
        size_t start = 0;
        if (st->scheme == SCHEME_FIRST)
            start = io->from ? io->from[piece.begin].begin : piece.begin;
        return metaspace(io, st, piece.end, start + offset == 0, inside);
    }
    if (st->prefix_space && !begins_with(io, piece.end, ' ') && !st->spell && put_front(io, ' '))
        return -1;
    if (!st->spell) return norm_copy(io, piece.end - io->pos);
    return spell(io, piece.end);
}

static bool rewrites(const struct pre_step *st)
{
    return st->kind == PRE_METASPACE ||
           (st->kind == PRE_BYTE_LEVEL && (st->prefix_space || st->spell));
}

static int rewrite_all(const struct pre_step *st, struct pre *p, size_t offset, struct err *e)
{
    struct norm_text *to = &p->side[p->out == &p->side[0]];
    struct norm_io io = {.w = &p->norm, .in = p->text, .n = p->n, .from = p->origin, .to = to, .e = e};
    buf_clear(&to->text);
    if (!buf_reserve(&to->text, 16)) return buf_ok(&to->text, e);
    for (size_t i = 0; i < p->n_pieces; i++) {
        size_t begin = to->text.len;
        if (rewrite(st, &io, p->piece[i], offset, p->inside && i == 0)) return -1;
        p->piece[i] = (struct pre_piece){begin, to->text.len};
    }
    p->out = to;
    p->text = to->text.data;
    p->n = to->text.len;
    p->origin = p->norm.want_origin ? to->origin : NULL;
    return 0;
}

/* What was pushed are the pieces now. */
static void take_next(struct pre *p)
{
    struct pre_piece *v = p->piece;
    size_t cap = p->cap;
    p->piece = p->next;
    p->n_pieces = p->n_next;
    p->cap = p->cap_next;
    p->next = v;
    p->cap_next = cap;
}

static int run_step(const struct pre_step *st, struct pre *p, size_t offset, struct err *e)
{
    if (rewrites(st) && rewrite_all(st, p, offset, e)) return -1;
    p->n_next = 0;
    for (size_t i = 0; i < p->n_pieces; i++)
        if (pre_cut(st, p, p->text, p->piece[i].begin, p->piece[i].end, e)) return -1;
    take_next(p);
    return 0;
}

int pre_run(const struct pre_chain *c, struct pre *p, const char *text, size_t n,
            const struct norm_origin *origin, bool want_origin, size_t offset, struct err *e)
{
    p->text = text;
    p->n = n;
    p->origin = origin;
    p->out = NULL;
    p->norm.want_origin = want_origin;
    p->n_next = 0;
    if (pre_push(p, 0, n, e)) return -1;
    take_next(p);
    for (size_t i = 0; i < c->n; i++)
        if (run_step(&c->step[i], p, offset, e) || norm_check_growth(n, p->n, "the pre-tokenizer", e)) return -1;
    return 0;
}
