#include "core/token/tok_feed.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/tok_decode.h"
#include "core/token/tok_internal.h"

/* "▁" becomes a space: no token becomes that of a byte by it, and none is it no longer. */
static bool only_spaces(const struct dec_step *st)
{
    return !st->re && st->n_a == 3 && memcmp(st->a, "\xE2\x96\x81", 3) == 0 && st->n_b == 1 && st->b[0] == ' ';
}

/* What of its neighbours a token's text depends on, by the steps of the decoder. */
static enum tok_feed_way way_of(const struct tokenizer *t)
{
    const struct decode_chain *c = &t->decoder;
    enum tok_feed_way way = FEED_TOKENS;
    bool fused = false, changed = false;
    if (tok_decodes_parts(t)) return FEED_AT_ONCE;
    if (t->denorm.n) return FEED_WHOLE;
    for (size_t i = 0; i < c->n; i++) {
        const struct dec_step *st = &c->step[i];
        switch (st->kind) {
        case DEC_WORDPIECE: case DEC_METASPACE:
            if (fused || way == FEED_BYTES) return FEED_WHOLE;
            changed = true;
            break;
        case DEC_REPLACE:
            if (fused || way == FEED_BYTES) return FEED_WHOLE;
            if (!only_spaces(st)) changed = true;
            break;
        case DEC_STRIP:
            if (fused ? st->stop > 0 : i > 0) return FEED_WHOLE;
            changed = true;
            break;
        case DEC_BYTE_FALLBACK: case DEC_SPM:
            if (fused || changed || way == FEED_BYTES) return FEED_WHOLE;
            way = FEED_BYTES;
            break;
        case DEC_FUSE: fused = true; break;
        case DEC_BYTE_LEVEL: case DEC_BPE: case DEC_CTC: case DEC_PIECES: return FEED_WHOLE;
        }
    }
    return way;
}

void tok_feed_init(struct tok_feed *f, const struct tokenizer *t, bool skip_special)
{
    f->t = t;
    f->skip_special = skip_special;
    f->begun = false;
    f->n_held = 0;
    f->at = 0;
    f->way = way_of(t);
}

void tok_feed_free(struct tok_feed *f)
{
    free(f->held);
    *f = (struct tok_feed){0};
}

/* Does the token make a run of bytes longer, or is it left out, so that it does not end one? */
static bool goes_on(const struct tok_feed *f, int32_t id)
{
    size_t n;
    const char *s = tok_piece(f->t, id, &n) ? tok_said(f->t, id, &n) : NULL;
    if (!s) return false;
    if (f->skip_special && tok_is_skipped(f->t, id)) return true;
    return dec_byte_of(s, n) >= 0;
}

/* How many of the ids later ones cannot change. */
static size_t settled(const struct tok_feed *f, const int32_t *id, size_t n)
{
    if (f->way == FEED_WHOLE) return 0;
    while (f->way == FEED_BYTES && n && goes_on(f, id[n - 1])) n--;
    return n;
}

static int check_ids(const struct tok_feed *f, const int32_t *id, size_t n, struct err *e)
{
    size_t len;
    for (size_t i = 0; i < n; i++)
        if (!tok_piece(f->t, id[i], &len)) return tok_bad_id(f->t, id[i], (size_t)f->at + i, e);
    return 0;
}

/* Text that has begun goes on; else all is seen together until text is there, since steps
 * treat the beginning in other ways.  Returns how many ids are done with, -1 on an error. */
static ptrdiff_t decode(struct tok_feed *f, const int32_t *id, size_t n, struct buf *out, struct err *e)
{
    size_t from = out->len;
    int ret = 0;
    if (n == 0) return 0;
    if (f->way == FEED_AT_ONCE || !f->begun) {
        ret = tok_decode(f->t, id, n, f->skip_special, out, e);
        if (ret == 0 && out->len == from && f->way != FEED_AT_ONCE) return 0;
        f->begun = true;
    } else if (tok_by_token(f->t)) {
        const struct tok_laters *later = tok_laters(f->t, e);
        if (!later) return -1;
        ret = tok_later_decode(f->t, later, id, n, f->skip_special, out) < n ? err_set(e, ERR_INTERNAL, "decoding") : 0;
    } else {
        ret = tok_decode_steps(f->t, id, n, f->skip_special, false, out, e);
    }
    return ret ? -1 : (ptrdiff_t)n;
}

static int hold(struct tok_feed *f, const int32_t *id, size_t n, struct err *e)
{
    if (n == 0) return 0;
    if (!mem_room(&f->held, &f->cap, f->n_held + n, sizeof *f->held)) return err_oom(e, (f->n_held + n) * sizeof *id, "ids");
    memcpy(f->held + f->n_held, id, n * sizeof *id);
    f->n_held += n;
    return 0;
}

int tok_feed_add(struct tok_feed *f, const int32_t *id, size_t n, struct buf *out, struct err *e)
{
    if (f->way == FEED_AT_ONCE && decode(f, id, n, out, e) < 0) return check_ids(f, id, n, e), -1; /* by its position */
    if (f->way != FEED_AT_ONCE && check_ids(f, id, n, e)) return -1;
    f->at += n;
    if (f->way == FEED_AT_ONCE) return 0;
    bool direct = f->n_held == 0;
    if (!direct && hold(f, id, n, e)) return -1;
    const int32_t *all = direct ? id : f->held;
    size_t n_all = direct ? n : f->n_held;
    ptrdiff_t done = decode(f, all, settled(f, all, n_all), out, e);
    if (done < 0) return -1;
    if (direct) return hold(f, id + done, n - (size_t)done, e);
    f->n_held -= (size_t)done;
    memmove(f->held, f->held + done, f->n_held * sizeof *f->held);
    return buf_ok(out, e);
}

int tok_feed_end(struct tok_feed *f, struct buf *out, struct err *e)
{
    ptrdiff_t done = decode(f, f->held, f->n_held, out, e);
    f->n_held = 0;
    f->begun = false;
    return done < 0 ? -1 : buf_ok(out, e);
}
