/* Added tokens that are looked for in normalised text: only the stretches that may hold one go
 * through the chains.  Stretches are cut before white space, which these tokens have at most in front. */
#include <string.h>

#include "core/base/mem.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_part.h"
#include "core/token/unicode.h"

/* What is looked for of a token: its normal form without the space in front, if any; false: it has
 * white space elsewhere, or takes what is around. */
static bool looked_for(const struct tok_added *a, struct tok_added *to)
{
    const char *s = a->form ? a->form : a->text;
    size_t n = a->form ? a->form_len : a->len, marked = n > 3 && memcmp(s, "\xE2\x96\x81", 3) == 0 ? 3 : 0;
    *to = (struct tok_added){.text = s + marked, .len = n - marked};
    if (to->len == 0 || a->lstrip || a->rstrip || memmem(to->text, to->len, "\xE2\x96\x81", 3)) return false;
    for (size_t k = 0; k < to->len;) {
        struct uni_char c = uni_next((const uint8_t *)to->text + k, to->len - k);
        if (c.class & UNI_SPACE) return false;
        k += c.len;
    }
    return true;
}

int tok_near_plan(struct tokenizer *t, const struct tok_fast *f, bool *possible, struct err *e)
{
    bool replaced = f->kind == CUT_SPACES && f->direct && f->as_is && !f->carry;
    *possible = false;
    if (!replaced && !(f->kind == CUT_WORDS && tok_form_possible(t))) return 0;
    t->near = mem_alloc(t->normalized.n, sizeof *t->near);
    if (!t->near) return err_oom(e, t->normalized.n * sizeof *t->near, "added tokens");
    for (size_t i = 0; i < t->normalized.n; i++)
        if (!looked_for(t->normalized.v[i], &t->near[i])) return 0;
    *possible = true;
    return tok_matcher_init(&t->near_match, t->near, t->normalized.n, NULL, false, e);
}

/* The words of text[0..n) in their normal form, one after the other. */
static int form_of(struct tok_scratch *s, const char *text, size_t n, struct buf *out, struct err *e)
{
    const struct word_run *before = NULL;
    buf_clear(out);
    for (size_t pos = 0, which = 0;; which ^= 1) {
        struct word_run *run = &s->formed[which].run;
        if (word_forms_take(s->forms, text, n, &pos, run, before, e)) return -1;
        if (!run->n) return buf_ok(out, e);
        buf_add(out, run->text, run->begin[run->n]);
        before = run;
    }
}

/* Whether such a token may be there; -1: an error. */
static int near(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, struct err *e)
{
    struct buf *b = &s->spaced;
    if (!t->fast->formed) return tok_match_any(&t->near_match, text, n);
    if (form_of(s, text, n, b, e)) return -1;
    return b->len && tok_match_any(&t->near_match, b->data, b->len);
}

/* The first place at or after `at` where parts begin whatever is around, or n. */
static size_t next_cut(const struct tok_fast *f, const uint8_t *s, size_t n, size_t at)
{
    for (; at < n; at++) {
        if (f->kind == CUT_WORDS ? f->class[s[at]] == B_SPACE : s[at] == ' ' && tok_plain_before(s, at) && tok_plain_after(s, n, at + 1))
            return at;
    }
    return n;
}

static int stretch(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t from, size_t to, size_t n,
                   unsigned flags, struct tok_ids *out, struct err *e)
{
    if (from == to) return 0;
    if (t->fast->formed) return tok_form_segment(t, s, text + from, to - from, out, e);
    return tok_fast_stretch(t, s, text, from, to, n, flags, out, e);
}

/* text[from..to) in stretches of about so many bytes, those that may hold a token in smaller ones. */
static int in_stretches(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t from, size_t to, size_t n,
                        size_t size, unsigned flags, struct tok_ids *out, struct err *e)
{
    enum { SMALLER = 8, LEAST = 64 };
    size_t done = from;
    for (size_t at = from, end; at < to; at = end) {
        end = next_cut(t->fast, (const uint8_t *)text, n, at + size < to ? at + size : to);
        if (end > to) end = to;
        int found = near(t, s, text + at, end - at, e);
        if (found < 0) return -1;
        if (!found) continue;
        if (stretch(t, s, text, done, at, n, flags, out, e)) return -1;
        done = end;
        if (size > LEAST ? in_stretches(t, s, text, at, end, n, size / SMALLER, flags, out, e)
                         : tok_part_chains(t, s, text, at, end, n, flags, out, e))
            return -1;
    }
    return stretch(t, s, text, done, to, n, flags, out, e);
}

int tok_near_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags,
                     struct tok_ids *out, struct err *e)
{
    enum { FIRST = 4096 };
    return in_stretches(t, s, text, 0, n, n, FIRST, flags, out, e);
}
