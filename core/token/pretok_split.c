/* Where a piece is cut. */
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/pretok.h"
#include "core/token/regex_runs.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

/* Turns a sequence of matches and gaps into pieces, as the behaviour says. */
struct cutter {
    const struct pre_step *st;
    struct pre *p;
    struct err *e;
    struct pre_piece held;  /* what may still grow */
    bool holds, held_match; /* held_match: of the last thing seen */
};

static int flush(struct cutter *c)
{
    if (!c->holds) return 0;
    c->holds = false;
    return pre_push(c->p, c->held.begin, c->held.end, c->e);
}

static int hold(struct cutter *c, size_t begin, size_t end)
{
    if (flush(c)) return -1;
    c->held = (struct pre_piece){begin, end};
    c->holds = true;
    return 0;
}

static int part(struct cutter *c, size_t begin, size_t end, bool match)
{
    int ret = 0;
    if (c->st->invert) match = !match;
    switch (c->st->behavior) {
    case PRE_REMOVED: return match ? 0 : pre_push(c->p, begin, end, c->e);
    case PRE_ISOLATED: return pre_push(c->p, begin, end, c->e);
    case PRE_CONTIGUOUS:
        if (c->holds && match == c->held_match) c->held.end = end;
        else ret = hold(c, begin, end);
        break;
    case PRE_MERGED_WITH_PREVIOUS:
        if (match && c->holds && !c->held_match) c->held.end = end;
        else ret = hold(c, begin, end);
        break;
    case PRE_MERGED_WITH_NEXT:
        /* A match waits for what follows, which takes it if it is no match. */
        if (!match && c->holds && c->held_match) c->held.end = end;
        else ret = hold(c, begin, end);
        break;
    }
    c->held_match = match;
    return ret;
}

/* ---- by a set of characters ---- */

bool pre_in_set(const struct pre_step *st, struct uni_char c)
{
    if (c.cp == UNI_BAD) return false;
    switch (st->set) {
    case SET_SPACE: return (c.class & UNI_SPACE) != 0;
    case SET_PUNCT: return (uni_extra(c.cp) & UNI_BERT_PUNCT) != 0;
    case SET_NUMERIC: return (uni_extra(c.cp) & UNI_NUMERIC) != 0;
    case SET_CHAR: return c.cp == st->cp;
    }
    return false;
}

static int cut_set(struct cutter *c, const uint8_t *s, size_t begin, size_t end)
{
    size_t from = begin;
    for (size_t i = begin; i < end;) {
        struct uni_char u = uni_next(s + i, end - i);
        if (pre_in_set(c->st, u)) {
            if (from < i && part(c, from, i, false)) return -1;
            if (part(c, i, i + u.len, true)) return -1;
            from = i + u.len;
        }
        i += u.len;
    }
    if (from < end && part(c, from, end, false)) return -1;
    return flush(c);
}

/* ---- by matches ---- */

static int cut_regex(struct cutter *c, const uint8_t *s, size_t begin, size_t end)
{
    struct norm *w = &c->p->norm;
    struct regex_iter it = {.last = SIZE_MAX};
    size_t from = 0, b, e2, n = end - begin;
    int found;
    if (!w->work && !(w->work = regex_work_new(c->e))) return -1;
    while ((found = regex_next(c->st->re, w->work, s + begin, n, &it, &b, &e2, c->e)) > 0) {
        if (from != b && part(c, begin + from, begin + b, false)) return -1;
        if (part(c, begin + b, begin + e2, true)) return -1;
        from = e2;
    }
    if (found < 0) return -1;
    if (from != n && part(c, begin + from, end, false)) return -1;
    return flush(c);
}

static int cut_text(struct cutter *c, const char *s, size_t begin, size_t end)
{
    const struct pre_step *st = c->st;
    const char *p;
    size_t from = begin;
    if (st->n_text == 0) return part(c, begin, end, false) ? -1 : flush(c);
    while (from < end && (p = memmem(s + from, end - from, st->text, st->n_text))) {
        size_t at = (size_t)(p - s);
        if (from < at && part(c, from, at, false)) return -1;
        if (part(c, at, at + st->n_text, true)) return -1;
        from = at + st->n_text;
    }
    if (from < end && part(c, from, end, false)) return -1;
    return flush(c);
}

/* A split written by hand matches everywhere: each piece is a match. */
static int cut_known(struct cutter *c, enum split_kind kind, const uint8_t *s, size_t begin,
                     size_t end)
{
    split_fn *split = split_function(kind);
    size_t ends[2 * SPLIT_BATCH], n = end - begin;
    for (size_t pos = 0; pos < n;) {
        size_t count = split(s + begin, n, pos, ends, COUNT_OF(ends));
        for (size_t i = 0; i < count; i++) {
            if (part(c, begin + pos, begin + ends[i], true)) return -1;
            pos = ends[i];
        }
    }
    return flush(c);
}

/* ---- bytes as characters ---- */

static bool takes_bytes(const struct pre_step *st)
{
    struct regex_runs runs;
    if (st->kind == PRE_SPLIT_SET) return true;
    return st->kind == PRE_SPLIT && st->re && regex_runs(st->re, &runs) && !runs.before && !runs.ends && !runs.aligned;
}

bool pre_see_bytes(struct pre_chain *c, size_t from)
{
    for (size_t i = from; i < c->n; i++)
        if (!takes_bytes(&c->step[i])) return false;
    for (size_t i = from; i < c->n; i++) c->step[i].bytes = true;
    return true;
}

static bool byte_in(const struct pre_step *st, const struct re_node *of, uint8_t byte)
{
    uint32_t cp = bytemap_char(byte);
    return of ? re_node_has(of, cp) : pre_in_set(st, (struct uni_char){cp, 1, uni_class(cp)});
}

static int cut_bytes(struct cutter *c, const uint8_t *s, size_t begin, size_t end)
{
    struct regex_runs runs = {.least = 1, .most = 1};
    size_t from = begin, i = begin;
    if (c->st->re) regex_runs(c->st->re, &runs);
    while (i < end) {
        size_t most = runs.most < 0 || (size_t)runs.most > end - i ? end - i : (size_t)runs.most, n = 0;
        while (n < most && byte_in(c->st, runs.of, s[i + n])) n++;
        if (n < (size_t)runs.least) {
            i++;
            continue;
        }
        if (from < i && part(c, from, i, false)) return -1;
        if (part(c, i, i + n, true)) return -1;
        from = i += n;
    }
    if (from < end && part(c, from, end, false)) return -1;
    return flush(c);
}

/* ---- the others ---- */

/* Runs of word characters, and of what is neither that nor white space. */
static int cut_whitespace(struct pre *p, const uint8_t *s, size_t begin, size_t end, struct err *e)
{
    size_t from = begin;
    int kind = 0; /* of the run: 0 space, 1 word, 2 other */
    for (size_t i = begin; i < end;) {
        struct uni_char c = uni_next(s + i, end - i);
        int k = (c.class & UNI_SPACE) ? 0 : c.cp != UNI_BAD && (uni_extra(c.cp) & UNI_WORD) ? 1 : 2;
        if (k != kind) {
            if (kind && pre_push(p, from, i, e)) return -1;
            from = i;
            kind = k;
        }
        i += c.len;
    }
    return kind ? pre_push(p, from, end, e) : 0;
}

static int cut_length(const struct pre_step *st, struct pre *p, const uint8_t *s, size_t begin,
                      size_t end, struct err *e)
{
    size_t from = begin, count = 0;
    for (size_t i = begin; i < end;) {
        i += uni_next(s + i, end - i).len;
        if (++count < st->length) continue;
        if (pre_push(p, from, i, e)) return -1;
        from = i;
        count = 0;
    }
    return pre_push(p, from, end, e);
}

/* Where the script changes; a space is of every script, and spaces at the
 * beginning belong to no piece. */
static int cut_scripts(struct pre *p, const uint8_t *s, size_t begin, size_t end, struct err *e)
{
    size_t from = begin;
    int last = -1;
    for (size_t i = begin; i < end;) {
        struct uni_char c = uni_next(s + i, end - i);
        int script = uni_cut_script(c.cp);
        if (script >= 0 && script != last) {
            if (last >= 0 && pre_push(p, from, i, e)) return -1;
            from = i;
        }
        if (script >= 0) last = script;
        i += c.len;
    }
    return last < 0 ? 0 : pre_push(p, from, end, e);
}

/* Metaspace: before each replacement character. */
static int cut_metaspace(const struct pre_step *st, struct pre *p, const char *s, size_t begin,
                         size_t end, struct err *e)
{
    char bytes[4];
    size_t n = (size_t)utf8_encode(st->cp, bytes), from = begin;
    if (!st->cut) return pre_push(p, begin, end, e);
    for (size_t i = begin; i + n <= end;) {
        const char *at = memmem(s + i, end - i, bytes, n);
        if (!at) break;
        i = (size_t)(at - s);
        if (pre_push(p, from, i, e)) return -1;
        from = i;
        i += n;
    }
    return pre_push(p, from, end, e);
}

int pre_cut(const struct pre_step *st, struct pre *p, const char *text, size_t begin, size_t end,
            struct err *e)
{
    struct cutter c = {.st = st, .p = p, .e = e};
    const uint8_t *s = (const uint8_t *)text;
    if (st->bytes) return cut_bytes(&c, s, begin, end);
    switch (st->kind) {
    case PRE_BYTE_LEVEL:
        if (!st->use_regex) return pre_push(p, begin, end, e);
        return cut_known(&c, SPLIT_GPT2, s, begin, end);
    case PRE_SPLIT:
        if (st->known != SPLIT_NONE) return cut_known(&c, st->known, s, begin, end);
        return st->re ? cut_regex(&c, s, begin, end) : cut_text(&c, text, begin, end);
    case PRE_SPLIT_SET: return cut_set(&c, s, begin, end);
    case PRE_WHITESPACE: return cut_whitespace(p, s, begin, end, e);
    case PRE_METASPACE: return cut_metaspace(st, p, text, begin, end, e);
    case PRE_FIXED_LENGTH: return cut_length(st, p, s, begin, end, e);
    case PRE_SCRIPTS: return cut_scripts(p, s, begin, end, e);
    }
    return -1;
}
