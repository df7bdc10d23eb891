/* Spans of WordPiece's ids, behind chains of word_form.h's kind.  What becomes of each character is known,
 * so that the tokens are laid over the text again; a stretch between white space with a character of which
 * that cannot be said goes through the chains. */
#include <string.h>

#include "core/token/tok_fast.h"
#include "core/token/tok_part.h"
#include "core/token/tok_span_walk.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { AT_ONCE = 16 };

/* Which tokens are inside of a word can be told by the prefix, if no word begins with it: one of signs, which
 * are words by themselves. */
static bool prefix_tells(const struct tokenizer *t)
{
    size_t n = t->prefix ? strlen(t->prefix) : 0;
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)t->prefix[i] >= 0x80 || !(uni_extra((uint8_t)t->prefix[i]) & UNI_BERT_PUNCT)) return false;
    return n >= 2;
}

void tok_span_sizes(const struct tokenizer *t, struct tok_span_size *v)
{
    size_t prefix = t->prefix ? strlen(t->prefix) : 0;
    bool tells = prefix_tells(t);
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n, ascii = 0;
        const char *s = vocab_text(&t->vocab, id, &n);
        v[id] = (struct tok_span_size){.n = TOK_SPAN_OTHER};
        if (!tells || id == t->unk_id || !tok_in_model(t, id)) continue;
        v[id].inner = n > prefix && memcmp(s, t->prefix, prefix) == 0;
        if (v[id].inner) s += prefix, n -= prefix;
        while (ascii < n && (uint8_t)s[ascii] < 0x80) ascii++;
        if (ascii < n || n > AT_ONCE || !n) continue;
        v[id].sign = n == 1 && !v[id].inner && (uni_extra((uint8_t)*s) & UNI_BERT_PUNCT);
        v[id].n = (uint8_t)n;
        v[id].ones = (uint16_t)((1u << n) - 1);
    }
}

/* Of 64 bytes a bit for each: letters and digits, signs, white space, of ASCII. */
struct window {
    uint64_t letters, signs, gaps;
};

static inline struct window look_at_all(const uint8_t *s)
{
    struct window w = {0};
#ifdef __SSE2__
    for (unsigned i = 0; i < 64; i += 16) {
        __m128i x = _mm_loadu_si128((const void *)(s + i));
        __m128i a = _mm_sub_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8('a')), d = _mm_sub_epi8(x, _mm_set1_epi8('0'));
        __m128i p = _mm_sub_epi8(x, _mm_set1_epi8('!')), space = _mm_cmpeq_epi8(x, _mm_set1_epi8(' '));
        __m128i letter = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(a, _mm_set1_epi8(25)), a), _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d));
        __m128i printed = _mm_cmpeq_epi8(_mm_min_epu8(p, _mm_set1_epi8('~' - '!')), p);
        __m128i line = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\r')));
        __m128i gap = _mm_or_si128(_mm_or_si128(space, line), _mm_cmpeq_epi8(x, _mm_set1_epi8('\t')));
        w.letters |= (uint64_t)(unsigned)_mm_movemask_epi8(letter) << i;
        w.signs |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_andnot_si128(letter, printed)) << i;
        w.gaps |= (uint64_t)(unsigned)_mm_movemask_epi8(gap) << i;
    }
#else
    for (unsigned i = 0; i < 64; i++) {
        uint64_t bit = (uint64_t)1 << i;
        bool letter = (uint8_t)((s[i] | 0x20) - 'a') < 26 || (uint8_t)(s[i] - '0') < 10;
        if (letter) w.letters |= bit;
        else if (s[i] > ' ' && s[i] <= '~') w.signs |= bit;
        else if (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') w.gaps |= bit;
    }
#endif
    return w;
}

/* Behind the text there is nothing of the three. */
static inline struct window look_at(const uint8_t *s, size_t n)
{
    uint8_t end[64] = {0};
    if (__builtin_expect(n >= sizeof end, 1)) return look_at_all(s);
    memcpy(end, s, n);
    return look_at_all(end);
}

/* Where the walk is. */
struct walk {
    const struct tokenizer *t;
    const struct word_forms *f;
    const uint8_t *s;
    size_t n, i;       /* in the text */
    bool signs;        /* signs of ASCII are words by themselves */
    size_t safe;       /* the last white space, where parts begin whatever is around ... */
    size_t safe_id;    /* ... and the first id behind it */
    bool open;         /* a letter stands in front: the next one is of the same word */
};

/* The character at i, and what becomes of it; false: that is not known. */
static inline bool look(const struct walk *w, size_t i, size_t *len, uint32_t *form)
{
    struct uni_char c = uni_next_inline(w->s + i, w->n - i);
    if (c.cp == UNI_BAD) return false;
    *len = c.len;
    *form = w->f->chars[c.cp];
    return (*form & KNOWN) && !(*form & CHAINS);
}

/* Up to the next letter or sign; false: it is not known where that is. */
static bool skip_gaps(struct walk *w, size_t k)
{
    for (size_t len; w->i < w->n; w->i += len) {
        uint32_t form;
        uint8_t b = w->s[w->i];
        if (w->t->fast->class[b] == B_SPACE) {
            w->safe = w->i;
            w->safe_id = k;
        }
        if (!look(w, w->i, &len, &form)) return false;
        if (form & (LETTER | SIGN)) {
            w->open = w->open && (form & LETTER);
            return true;
        }
        if (!(form & NOTHING)) w->open = false;
    }
    return true;
}

/* The bytes of a form that is no rare one, of the character at i, whose length is *n. */
static inline const char *bytes_of(const struct walk *w, size_t i, const uint32_t *form, size_t *n)
{
    if (word_form_is_own(*form)) return (const char *)w->s + i;
    *n = (*form & LEN) >> LEN_AT;
    if (!(*form & LONGER)) return (const char *)form;
    const char *more = w->f->more.data + (*form & ((1 << LEN_AT) - 1));
    *n = (uint8_t)*more;
    return more + 1;
}

/* The token s[0..n) from here on, *end behind its last character; false: it is not what stands here, or ends
 * inside of a character. */
static bool take_token(struct walk *w, const char *s, size_t n, size_t *end)
{
    size_t done = 0, at = w->i;
    while (done < n && at < w->n) {
        size_t len, n_form;
        uint32_t form;
        if (!look(w, at, &len, &form) || !(form & (LETTER | SIGN | NOTHING))) return false;
        n_form = len;
        const char *bytes = bytes_of(w, at, &form, &n_form);
        at += len;
        if (form & NOTHING) continue;
        if (n_form > n - done) return false;
        for (size_t i = 0; i < n_form; i++)
            if (bytes[i] != s[done + i]) return false;
        done += n_form;
        w->open = form & LETTER;
        *end = at;
    }
    return done == n;
}

/* A word that has no tokens: up to what is neither a letter nor nothing, or one sign. */
static bool take_word(struct walk *w, size_t *end)
{
    uint32_t form;
    size_t len, at = w->i;
    if (w->open || !look(w, at, &len, &form)) return false;
    *end = at + len;
    if (form & SIGN) return true;
    for (; at < w->n; at += len) {
        if (!look(w, at, &len, &form)) return false;
        if (form & LETTER) *end = at + len;
        else if (!(form & NOTHING)) break;
    }
    w->open = true;
    return true;
}

static bool take_any(struct walk *w, int32_t id, size_t *end)
{
    const struct tokenizer *t = w->t;
    size_t n, prefix = w->open && t->prefix ? strlen(t->prefix) : 0;
    if (id == t->unk_id) return take_word(w, end);
    const char *s = vocab_text(&t->vocab, id, &n);
    if (!tok_in_model(t, id) || n <= prefix || (prefix && memcmp(s, t->prefix, prefix) != 0)) return false;
    return take_token(w, s + prefix, n - prefix, end);
}

/* Whether letters and digits of ASCII are parts of words, one byte each, and white space is none.  *signs: all others that
 * are printed are words by themselves. */
static bool is_plain(const struct word_forms *f, const uint8_t *class, bool *signs)
{
    *signs = true;
    for (int c = 0; c < 128; c++) {
        bool alnum = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9');
        bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if ((alnum && f->kind[c] != ASCII_LETTER) || (space && (f->kind[c] != ASCII_GAP || class[c] != B_SPACE))) return false;
        if (!alnum && c > ' ' && c <= '~' && f->kind[c] != ASCII_SIGN) *signs = false;
    }
    return true;
}

/* Those of take_plain() in the 64 bytes from w->i on: returns the first other one, *end is behind the last of them, or behind the
 * white space that the bytes end with.  The place depends on as little as can be. */
static inline __attribute__((always_inline)) size_t take_window(struct walk *w, const struct tok_span_size *size, const int32_t *id,
                                                                size_t n_ids, size_t k, size_t offset, struct tok_span *span, size_t *end)
{
    struct window v = look_at(w->s + w->i, w->n - w->i);
    const uint64_t have[2] = {v.letters, w->signs ? v.signs : 0};
    size_t at = 0, behind_gap = n_ids; /* the last token that is */
    uint64_t behind = ~v.gaps;
    for (; k < n_ids && at < 64 && (behind = ~v.gaps >> at); k++) {
        const struct tok_span_size z = size[id[k]];
        size_t skip = (size_t)__builtin_ctzll(behind), from = at + skip;
        uint64_t missing = ((uint64_t)z.ones << from) & ~have[z.sign];
        bool gap = skip > 0, joined = w->open & !gap, other = (z.inner ^ joined) & !z.sign;
        if ((missing != 0) | (from + z.n > 64) | other) break; /* which it is cannot be guessed, but that it goes on */
        behind_gap = gap ? k : behind_gap;
        span[k] = (struct tok_span){.begin = offset + w->i + from, .end = offset + w->i + from + z.n};
        w->open = !z.sign;
        at = from + z.n;
    }
    if (behind_gap < k) {
        w->safe = span[behind_gap].begin - offset - 1;
        w->safe_id = behind_gap;
    }
    if (!behind) { /* white space until there */
        w->safe = w->i + 63;
        w->safe_id = k;
        w->open = false;
        at = 64;
    }
    *end = at;
    return k;
}

/* Tokens of ASCII from id k on that stand one behind the other or with white space of ASCII between; returns the first other. */
static size_t take_plain(struct walk *w, const struct tok_span_size *size, const struct tok_ids *ids, size_t k, size_t offset,
                         struct tok_span *span)
{
    struct walk here = *w; /* whose members are no memory */
    size_t end = 64;
    while (end > 64 - 2 * AT_ONCE && k < ids->n && here.i < here.n && here.s[here.i] < 0x80) { /* else it is not for the window's end that the last one broke off */
        k = take_window(&here, size, ids->id, ids->n, k, offset, span, &end);
        here.i += end;
    }
    *w = here;
    return k;
}

/* The span of an id, of which only the gap in front is taken first, *moved, if there is one; false: it is not known. */
static bool take_other(struct walk *w, int32_t id, size_t k, size_t offset, struct tok_span *span, bool *moved)
{
    size_t at = w->i, end = at;
    if (!skip_gaps(w, k)) return false;
    if ((*moved = w->i > at)) return true;
    if (at == w->n || !take_any(w, id, &end)) return false;
    *span = (struct tok_span){.begin = offset + at, .end = offset + end};
    w->i = end;
    return true;
}

int tok_form_spans(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, const struct tok_span_size *size,
                   const struct tok_ids *ids, tok_span_chains *chains, struct tok_ids *out, struct err *e)
{
    struct walk w = {.t = t, .f = s->forms, .s = (const uint8_t *)text, .n = n};
    size_t from = out->n, k = 0;
    if (!is_plain(s->forms, t->fast->class, &w.signs)) return 1;
    if (tok_ids_room(out, ids->n, e)) return -1;
    while (k < ids->n) {
        bool moved = false;
        k = take_plain(&w, size, ids, k, s->offset, out->span + from);
        if (k == ids->n) break;
        if (take_other(&w, ids->id[k], k, s->offset, &out->span[from + k], &moved)) {
            k += !moved;
            continue;
        }
        /* The part around, from its white space on. */
        size_t end = w.i;
        while (end < n && t->fast->class[w.s[end]] != B_SPACE) end++;
        if (end == w.safe) return 1;
        out->n = from + w.safe_id;
        k = w.safe_id;
        int ret = chains(t, s, text, w.safe, end, n, &k, out, e);
        if (ret) return ret;
        w = (struct walk){.t = t, .f = s->forms, .s = w.s, .n = n, .signs = w.signs, .i = end, .safe = end, .safe_id = k};
    }
    if (ids->n) memcpy(out->id + from, ids->id, ids->n * sizeof *ids->id);
    out->n = from + ids->n;
    return 0;
}
