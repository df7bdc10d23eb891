/* Of "x\ny", x and y no white space and no marks, the newline is the end of a
 * word: none of the splits of split.h takes it together with what follows (but
 * for the slash of [\r\n/]*), and a pre-tokenizer that cuts at white space cuts
 * there.  In front of it stands no white space, because a run of it is cut in
 * another way at the end of a text.  What is left to see is that no step before
 * joins the sides, and no added token reaches over. */
#include "core/token/tok_lines.h"

#include <string.h>

#include "core/token/tok_fast.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_scratch.h"
#include "core/token/unicode.h"

/* What the normalizer means for the place. */
struct effect {
    bool blank; /* a newline becomes a space */
    bool ends;  /* white space at the ends of a text goes */
    bool ascii; /* other characters may become white space */
};

static bool looks_at_both_sides(const struct norm_step *s, struct effect *x)
{
    switch (s->kind) {
    case NORM_NFC: case NORM_NFD: case NORM_LOWERCASE: case NORM_STRIP_ACCENTS: case NORM_BERT_CHINESE:
    case NORM_BERT_MARKS: return false;
    case NORM_NFKC: case NORM_NFKD: x->ascii = true; return false;
    case NORM_BERT_CLEAN: case NORM_NMT: x->blank = x->ascii = true; return false;
    case NORM_STRIP: x->ends = true; return false;
    default: return true;
    }
}

/* Does the chain make words that end at the newline, each for itself? */
static bool words_end(const struct pre_chain *c, const struct effect *x)
{
    bool apart = false, gone = false;
    for (size_t i = 0; i < c->n; i++) {
        const struct pre_step *s = &c->step[i];
        bool plain = s->behavior == PRE_ISOLATED || s->behavior == PRE_REMOVED || s->behavior == PRE_CONTIGUOUS;
        if (s->kind == PRE_METASPACE) return false; /* asks where the text begins */
        if (apart) continue;                       /* later steps see one word at a time */
        switch (s->kind) {
        case PRE_BYTE_LEVEL:
            if (s->prefix_space || (s->spell && !s->use_regex)) return false;
            apart = s->use_regex && !x->blank;
            break;
        case PRE_SPLIT:
            if (s->known == SPLIT_NONE || x->blank) return false;
            apart = (s->behavior == PRE_ISOLATED && !s->invert) || (s->behavior == PRE_REMOVED && s->invert);
            if (!apart) return false;
            break;
        case PRE_SPLIT_SET:
            if (!plain || s->invert || s->set == SET_CHAR) return false;
            apart = s->set == SET_SPACE;
            gone = apart && s->behavior == PRE_REMOVED;
            break;
        case PRE_WHITESPACE: apart = gone = true; break;
        default: return false;
        }
    }
    return apart && (gone || !x->ends);
}

/* White space that a newline can be or become, before the last byte. */
static bool has_inside(const char *s, size_t n, bool blank)
{
    for (size_t i = 0; i + 1 < n; i++)
        if (s[i] == '\n' || s[i] == '\r' || (blank && (s[i] == ' ' || s[i] == '\t'))) return true;
    return false;
}

static bool added_stay(const struct tokenizer *t, const struct effect *x)
{
    for (size_t i = 0; i < t->n_added; i++) {
        const struct tok_added *a = &t->added[i];
        if (has_inside(a->text, a->len, x->blank) || (a->form && has_inside(a->form, a->form_len, x->blank))) return false;
        if (a->lstrip && a->normalized) return false;
    }
    return true;
}

static bool effect_of(const struct tokenizer *t, struct effect *x)
{
    *x = (struct effect){false, false, false};
    for (size_t i = 0; i < t->norm.n; i++)
        if (looks_at_both_sides(&t->norm.step[i], x)) return false;
    return true;
}

int tok_text_times(const struct tokenizer *t)
{
    return tok_places_times(tok_bare_places(t, false), PLACE_FIRST);
}

/* Whether a piece begins behind a newline that plain characters are around. */
static bool rule_cuts_lines(const struct split_rule *r)
{
    bool joins = r->no_words || r->listed;
    for (int i = 0; i < r->n_cuts; i++) {
        if (i < r->n_before && r->cut[i].how == CUT_EACH && r->sets->of['\n'] >> r->cut[i].x & 1) return true;
        joins = joins || r->cut[i].how == CUT_BEHIND;
    }
    return !joins;
}

bool tok_lines_apart(const struct tokenizer *t)
{
    struct effect x;
    /* Unigram's sums go on from word to word of a text. */
    if (tok_text_times(t) != 1) return false;
    if (t->source == SOURCE_SPM || t->model == MODEL_UNIGRAM || t->needs_origin) return false;
    if (!effect_of(t, &x) || !added_stay(t, &x)) return false;
    return t->fast_split && !t->space_first ? (t->by_rule ? rule_cuts_lines(&t->rule) : t->split != SPLIT_NONE) && !x.blank && !x.ends : words_end(&t->pre, &x);
}

bool tok_counts_parts(const struct tokenizer *t)
{
    return tok_text_times(t) == 1 && (tok_lines_apart(t) || tok_fast_newlines(t));
}

static bool is_plain(struct uni_char c, bool ascii)
{
    return c.cp != UNI_BAD && !(c.class & (UNI_SPACE | UNI_M)) && (c.cp < 0x80 ? c.cp > 0x20 && c.cp < 0x7F : !ascii);
}

/* An added token that takes the white space in front of it; of SentencePiece's, one
 * between which and the text in front something else may happen. */
static bool takes_newline(const struct tokenizer *t, uint8_t first)
{
    for (uint32_t i = t->raw.from[first]; i < t->raw.from[first + 1]; i++)
        if (t->raw.v[i]->lstrip || t->fast) return true;
    return false;
}

static bool newline_inside(const struct tokenizer *t)
{
    for (size_t i = 0; i < t->n_added; i++)
        if (memchr(t->added[i].text, '\n', t->added[i].len)) return true;
    return false;
}

bool tok_may_cut(const void *tokenizer, const char *text, size_t n, size_t at)
{
    const struct tokenizer *t = tokenizer;
    const uint8_t *s = (const uint8_t *)text;
    struct effect x;
    if (at < 2 || n - at < 4 || s[at - 1] != '\n' || s[at] == '/' || takes_newline(t, s[at])) return false;
    if (tok_fast_newlines(t)) return s[at] > 0x20 && s[at] < 0x7F && !newline_inside(t);
    return effect_of(t, &x) && is_plain(uni_prev(s, at - 1), x.ascii) && is_plain(uni_next(s + at, n - at), x.ascii);
}

size_t tok_cut_from(const struct tokenizer *t, const char *s, size_t n, size_t from)
{
    if (!tok_lines_apart(t)) return n;
    while (from < n) {
        const char *p = memchr(s + from, '\n', n - from);
        if (!p) break;
        from = (size_t)(p - s) + 1;
        if (tok_may_cut(t, s, n, from)) return from;
    }
    return n;
}

size_t tok_cut_upto(const struct tokenizer *t, const char *s, size_t n, size_t to)
{
    if (!tok_lines_apart(t)) return 0;
    while (to > 0) {
        const char *p = memrchr(s, '\n', to);
        if (!p) break;
        to = (size_t)(p - s);
        if (tok_may_cut(t, s, n, to + 1)) return to + 1;
    }
    return 0;
}

size_t tok_around(const struct tokenizer *t)
{
    return (size_t)tok_places_ids(tok_places(t, false));
}

int tok_count(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags,
              struct tok_ids *work, uint64_t *count, struct err *e)
{
    enum { PART = 1 << 17 }; /* its ids stay in the second-level cache */
    size_t at = 0;
    uint64_t times = (uint64_t)tok_text_times(t);
    *count = flags & TOK_TEMPLATE ? tok_around(t) : 0;
    flags &= ~(unsigned)(TOK_TEMPLATE | TOK_LIMITS);
    while (at < n) {
        size_t to = n - at > PART ? tok_cut_from(t, text, n, at + PART) : n;
        work->n = 0;
        work->gone = 0;
        work->count_only = true;
        int ret = tok_encode(t, s, text + at, to - at, flags, work, e);
        work->count_only = false;
        if (ret) {
            /* Once more, so that the offset in the message is one of the whole text. */
            work->n = 0;
            return at ? tok_encode(t, s, text, n, flags, work, e) : -1;
        }
        *count += (work->gone + work->n) * times;
        at = to;
    }
    return 0;
}
