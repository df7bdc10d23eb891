/* Spans on the fast ways: the ids come from there, then each part of the text gets the spans that the
 * chains give it, which are remembered with its ids.  Where the ids of a part are not those, or do
 * not add up, the text as a whole goes through the chains. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/charsmap.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_part.h"
#include "core/token/tok_scratch.h"
#include "core/token/tok_span_walk.h"
#include "core/token/unicode.h"

enum { AHEAD = 16 }; /* ids whose tokens are asked for before they are needed */
enum { SHORT_MOST = 7 }; /* a token is two numbers in the cache, where short words have at most 15 */

/* Of a token of characters that stay what they are, perhaps behind U+2581: the bytes behind that, up to 15.
 * They are what the text has there, if no byte of it can change the last one. */
enum { SPAN_LEN = 15, SPAN_MARK = 16, SPAN_ASCII = 32, SPAN_OTHER = 0xFF };
struct span_token {
    uint8_t text[15];
    uint8_t info; /* how many, whether U+2581 is there, whether the last is ASCII; or SPAN_OTHER */
};

/* Work space of one thread. */
struct tok_spans {
    struct tok_span_size *size; /* by id, where t->fast->formed */
    struct span_token *token;  /* by id, where cut.direct or `lays` */
    bool gap[256];             /* what becomes U+2581 */
    bool lays;                 /* unigram by words: tokens are laid over the text */
    bool stop[256];            /* ... what behind such a byte may become one with it */
    unsigned flags;
    bool changed;              /* characters fall back to bytes, and the text is changed by normalising, ... */
    bool first, other;         /* ... as was the first one, or not so: its parts are not those in the cache */
    bool any;                  /* was there a first one? */
    struct tok_ids ids, part;  /* of the segment; of a part, with spans */
    struct word_cache cache;   /* by part: of each token its id, and where it begins and ends in the part */
    struct tok_fast cut;       /* as t->fast, but cuts words only where the chains do */
    struct tok_words words;
    size_t begins[BATCH];
};

/* Behind the character at p[i], which must stay what it is and be the token's next; 0: it does not, or is not. */
static size_t same_char(const struct tok_fast *f, const uint8_t *p, size_t n, size_t i, const uint8_t *token, size_t left)
{
    uint8_t c = p[i];
    if (c < 0x80) {
        bool joined = i + 1 < n && p[i + 1] >= 0x80 && (f->joins[c][(p[i + 1] & 127) >> 6] >> (p[i + 1] & 63) & 1);
        return f->neutral[c] && !joined && *token == c ? i + 1 : 0;
    }
    struct uni_char u = uni_next_inline(p + i, n - i);
    /* A U+2581 of the text may begin a user-defined piece, which comes from all of its bytes, but be a token with a
     * space before it. */
    bool still = u.cp < 0x10000 && u.cp != 0x2581 && (f->still[u.cp >> 6] >> (u.cp & 63) & 1);
    return still && u.len <= left && memcmp(p + i, token, u.len) == 0 ? i + u.len : 0;
}

/* Behind the character at p[i], which begins what is left of a token, and which no step of the chains changes whatever is
 * around it; 0: it is not so. */
static inline size_t same_symbol(const struct unigram *u, const uint8_t *p, size_t n, size_t i, const uint8_t *token, size_t left)
{
    struct uni_char c = p[i] < 0x80 ? (struct uni_char){.cp = p[i], .len = 1} : uni_next_inline(p + i, n - i);
    uint16_t own = c.cp < UNIGRAM_CHARS ? u->own[c.cp] : 0;
    return own && own == u->symbol[c.cp] && c.len <= left && memcmp(p + i, token, c.len) == 0 ? i + c.len : 0;
}

/* The symbol of the character at p[i], *len bytes long, whatever is around it; 0: it is not one that is certain. */
static inline uint32_t symbol_at(const struct unigram *u, const uint8_t *p, size_t n, size_t i, size_t *len)
{
    uint32_t x = unigram_code(u, p + i, n - i, len);
    return x & UNIGRAM_MANY ? 0 : x;
}

/* Whether that character becomes the one that a token goes on with at token[0..left), of *own bytes. */
static inline bool becomes(const struct unigram *u, uint32_t symbol, const uint8_t *token, size_t left, size_t *own)
{
    struct uni_char c = *token < 0x80 ? (struct uni_char){.cp = *token, .len = 1} : uni_next_inline(token, left);
    *own = c.len;
    return symbol && c.cp < UNIGRAM_CHARS && u->own[c.cp] == symbol;
}

static struct span_token describe(const struct tok_fast *f, bool lays, const uint8_t *text, size_t n)
{
    struct span_token d = {.info = SPAN_OTHER};
    bool mark = n >= 3 && memcmp(text, "\xE2\x96\x81", 3) == 0;
    if (mark) text += 3, n -= 3;
    if (n > SPAN_LEN) return d;
    for (size_t i = 0; i < n;)
        if (!(i = lays ? same_symbol(f->walk, text, n, i, text + i, n - i) : same_char(f, text, n, i, text + i, n - i))) return d;
    memcpy(d.text, text, n);
    d.info = (uint8_t)(n | (mark ? SPAN_MARK : 0) | (n && text[n - 1] < 0x80 ? SPAN_ASCII : 0));
    return d;
}

static void describe_tokens(const struct tokenizer *t, struct tok_spans *w)
{
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n;
        const char *text = vocab_text(&t->vocab, id, &n);
        w->token[id] = (struct span_token){.info = SPAN_OTHER};
        if (id != t->unk_id && tok_in_model(t, id) && n) w->token[id] = describe(&w->cut, w->lays, (const uint8_t *)text, n);
    }
    for (int c = 0; c < 256; c++) w->gap[c] = tok_is_blank(&w->cut, (uint8_t)c) && !(c == '\n' && w->cut.cut_newlines);
    for (int c = 0; c < 256 && w->lays; c++) {
        w->stop[c] = tok_is_blank(&w->cut, (uint8_t)c) || c == '\r'; /* rules look at CR LF together */
        w->gap[c] = w->gap[c] && c != '\r';
    }
    int32_t newline = t->byte_fallback && w->cut.cut_newlines ? t->byte_id['\n'] : -1; /* no step changes it */
    if (newline >= 0) w->token[newline] = (struct span_token){.text = "\n", .info = 1 | SPAN_ASCII};
}

/* Unigram by words: tokens may be laid over a part. */
static bool lays(const struct tokenizer *t)
{
    return t->fast->walk && !t->fast->carry;
}

/* ... whose blanks are gone, so that a U+2581 stands where the word's first character does. */
static bool drops_blanks(const struct tokenizer *t)
{
    return t->pre.n == 2;
}

static struct tok_spans *spans_new(const struct tokenizer *t, struct err *e)
{
    struct tok_spans *w = mem_zalloc(1, sizeof *w);
    if (!w) {
        err_oom(e, sizeof *w, "encoder work space");
        return NULL;
    }
    w->part.want_spans = true;
    w->cut = *t->fast;
    w->cut.pairs = false; /* tokens are laid over most of a text without a look at its parts */
    if (t->model != MODEL_BPE || t->fast->near) {
        w->cut.wide = w->cut.inside = false;
        w->cut.punct = w->cut.punct && !t->fast->near; /* tokens may have some inside */
    }
    w->lays = lays(t) && !w->cut.direct;
    bool formed = t->fast->formed && !t->fast->near;
    if (formed && !(w->size = mem_alloc((size_t)t->vocab.n, sizeof *w->size))) err_oom(e, (size_t)t->vocab.n * sizeof *w->size, "encoder work space");
    else if ((w->cut.direct || w->lays) && !(w->token = mem_alloc((size_t)t->vocab.n, sizeof *w->token))) err_oom(e, (size_t)t->vocab.n * sizeof *w->token, "encoder work space");
    else if (!word_cache_init(&w->cache, e)) {
        if (w->token) describe_tokens(t, w);
        if (w->size) tok_span_sizes(t, w->size);
        return w;
    }
    free(w->token);
    free(w->size);
    free(w);
    return NULL;
}

void tok_spans_free(struct tok_spans *w)
{
    if (!w) return;
    tok_ids_free(&w->ids);
    tok_ids_free(&w->part);
    word_cache_free(&w->cache);
    free(w->token);
    free(w->size);
    free(w);
}

/* The spans of part i, which is in the cache and has the ids from w->ids.id[at] on; false: it is not so. */
static bool known(struct tok_spans *w, size_t i, const uint8_t *text, size_t offset, size_t *at, struct tok_ids *out)
{
    const struct word_key own = word_keys_get(&w->words.keys, i), *key = &own;
    size_t begin = w->begins[i], len = w->words.ends[i] - begin, n;
    uint32_t code;
    if (len > WORD_LONG_MAX) return false;
    const int32_t *v = len <= WORD_KEY_MAX ? word_cache_ids(&w->cache, key, &n, &code)
                                           : word_cache_get_long(&w->cache, key, text + begin, len, &n, &code);
    if (!v || n / 2 > w->ids.n - *at) return false;
    if (n == 0) return true; /* and perhaps there is no id at all */
    const int32_t *id = w->ids.id + *at;
    struct tok_span *span = out->span + out->n;
    for (size_t k = 0; k < n / 2; k++) {
        if (v[2 * k] != id[k]) return false;
        span[k] = (struct tok_span){.begin = offset + begin + ((uint32_t)v[2 * k + 1] >> 16), .end = offset + begin + (v[2 * k + 1] & 0xFFFF)};
    }
    memcpy(out->id + out->n, id, n / 2 * sizeof *id);
    out->n += n / 2;
    *at += n / 2;
    return true;
}

static void remember(struct tok_spans *w, size_t i, const uint8_t *text, size_t offset)
{
    const struct tok_ids *p = &w->part;
    size_t begin = w->begins[i], len = w->words.ends[i] - begin, known_ids;
    uint32_t code;
    int32_t v[2 * WORD_LONG_MAX];
    const struct word_key own = word_keys_get(&w->words.keys, i), *key = &own;
    if (len > WORD_LONG_MAX || p->n > (len <= WORD_KEY_MAX ? (size_t)SHORT_MOST : (size_t)WORD_LONG_MAX)) return;
    for (size_t k = 0; k < p->n; k++) {
        size_t b = p->span[k].begin - offset - begin, end = p->span[k].end - offset - begin;
        if (b > end || end > len || p->span[k].unknown || p->span[k].lead || p->span[k].trail) return;
        v[2 * k] = p->id[k];
        v[2 * k + 1] = (int32_t)(b << 16 | end);
    }
    if (len <= WORD_KEY_MAX ? word_cache_ids(&w->cache, key, &known_ids, &code) != NULL
                            : word_cache_get_long(&w->cache, key, text + begin, len, &known_ids, &code) != NULL)
        return; /* with other ids */
    if (len <= WORD_KEY_MAX) word_cache_add_code(&w->cache, key, v, 2 * p->n, 0);
    else word_cache_add_long(&w->cache, key, text + begin, len, v, 2 * p->n, 0);
}

/* A part at an end of the text, where something happens. */
static bool is_outer(const struct tok_spans *w, size_t i, size_t n)
{
    return (w->cut.first && w->begins[i] == 0) || (w->cut.last && w->words.ends[i] == n);
}

/* How many blanks at p[i] are one U+2581; 0: none, or that is not known. */
static inline size_t blanks_at(const struct tok_fast *f, const uint8_t *p, size_t n, size_t i)
{
    size_t end = i;
    while (end < n && tok_is_blank(f, p[end]) && !(p[end] == '\n' && f->cut_newlines) && (end == i || f->one_space)) end++;
    return end - i;
}

/* Behind what becomes the token text[0..len), from p[i] on; 0: it is not known what does. */
static inline size_t token_end(const struct tok_fast *f, const uint8_t *p, size_t n, size_t i, const uint8_t *text, size_t len)
{
    for (size_t k = 0, from; k < len; k += i - from) {
        if (i == n) return 0;
        from = i;
        if (!tok_is_blank(f, p[i])) {
            if (!(i = same_char(f, p, n, i, text + k, len - k))) return 0;
            continue;
        }
        if (len - k < 3 || memcmp(text + k, "\xE2\x96\x81", 3) != 0) return 0;
        do
            if (p[i++] == '\n' && f->cut_newlines) return 0;
        while (f->one_space && i < n && tok_is_blank(f, p[i]));
        k += 3;
        from = i;
    }
    return i;
}

/* Whether a character is in no token, and becomes one that is in none. */
static bool is_unknown(const struct unigram *u, uint32_t cp)
{
    return u->unknown && cp < UNIGRAM_CHARS && !u->own[cp] && u->symbol[cp] == u->unknown && cp != 0xFFFD;
}

/* The end of the unknown token that begins at p[i]; 0: that is not known. */
static size_t unknown_end(const struct tokenizer *t, const uint8_t *p, size_t n, size_t i)
{
    const struct unigram *u = t->fast->walk;
    size_t end = i;
    struct uni_char c = {0};
    for (; end < n && p[end] != '\r'; end += c.len) {
        c = uni_next(p + end, n - end);
        if (!is_unknown(u, c.cp)) break;
    }
    if (end == i || (end < n && p[end] == '\r')) return 0;
    if (end < n && !tok_is_blank(t->fast, p[end])) { /* what is behind it must be a token by itself */
        uint32_t x = c.cp < UNIGRAM_CHARS ? u->symbol[c.cp] : 0;
        if (!x || (x & UNIGRAM_MANY) || unigram_symbol_id(u, x) == t->unk_id) return 0;
    }
    return end;
}

/* Unigram of SentencePiece's files: the same for characters that become others, and for the unknown token. */
static size_t walked_end(const struct tokenizer *t, const struct tok_fast *f, const uint8_t *p, size_t n, size_t i, int32_t id)
{
    const struct unigram *u = f->walk;
    size_t len, own, n_char;
    if (id == t->unk_id) return unknown_end(t, p, n, i);
    const uint8_t *token = (const uint8_t *)vocab_text(&t->vocab, id, &len);
    for (size_t k = 0; k < len; k += own, i += n_char) {
        if (i == n) return 0;
        own = 3;
        n_char = blanks_at(f, p, n, i);
        if (n_char ? len - k < 3 || memcmp(token + k, "\xE2\x96\x81", 3) != 0 : !becomes(u, symbol_at(u, p, n, i, &n_char), token + k, len - k, &own))
            return 0;
    }
    return i;
}

/* The same by the table, where READABLE bytes are; 0: it does not say.  What there is cannot be guessed. */
enum { READABLE = 18 };
static inline size_t described_end(const struct tok_spans *w, const struct span_token *d, const uint8_t *p, size_t i, size_t n)
{
    size_t len = d->info & SPAN_LEN, mark = d->info >> 4 & 1, end = i + mark + len;
    uint64_t a[2], b[2];
    memcpy(a, d, 16);
    memcpy(b, p + i + mark, 16);
    uint64_t bad = ((a[0] ^ b[0]) & word_key_mask[len][0]) | ((a[1] ^ b[1]) & word_key_mask[len][1]);
    bad |= (mark & !w->gap[p[i]]) | ((d->info >> 5 & 1) & p[end] >> 7) | (end > n);
    if (bad | (d->info == SPAN_OTHER)) return 0;
    return !len && w->cut.one_space && end < n && tok_is_blank(&w->cut, p[end]) ? 0 : end;
}

/* Whether a user-defined piece, which comes from all of its bytes, begins in p[i..end) and goes on behind it. */
static bool cuts_user(const struct tokenizer *t, const uint8_t *p, size_t n, size_t i, size_t end)
{
    int32_t value;
    bool cuts = false;
    for (; i < end && !cuts; i++) cuts = trie_step(&t->user, 0, p[i]) && i + trie_longest(&t->user, (const char *)p + i, n - i, &value) > end;
    return cuts;
}

/* The part of first, first + 1 ... in which the place i is. */
static size_t part_at(const struct tok_spans *w, size_t first, size_t last, size_t i)
{
    while (last - first > 1) {
        size_t middle = first + (last - first) / 2;
        if (w->begins[middle] <= i) first = middle;
        else last = middle;
    }
    return first;
}

/* The spans of parts first, first + 1 ... of a batch, none of which is at an end of the text, without the
 * chains; returns the first part for which they have to find them, or `last`. */
static size_t direct(const struct tokenizer *t, const struct tok_spans *w, const uint8_t *text, size_t n, size_t first, size_t last,
                     size_t offset, size_t *at, struct tok_ids *out)
{
    const struct span_token *token = w->token;
    const int32_t *id = w->ids.id;
    size_t i = w->begins[first], until = w->words.ends[last - 1], k = *at, n_ids = w->ids.n, part = last;
    struct tok_span *span = out->span + out->n - k;
    for (size_t end, len; i < until && k < n_ids; i = end, k++) {
        __builtin_prefetch(&token[id[k + AHEAD < n_ids ? k + AHEAD : k]]);
        end = n - i >= READABLE ? described_end(w, &token[id[k]], text, i, until) : 0;
        if (!end && id[k] != t->unk_id && tok_in_model(t, id[k])) {
            const char *s = vocab_text(&t->vocab, id[k], &len);
            end = len ? token_end(&w->cut, text, until, i, (const uint8_t *)s, len) : 0;
        }
        if (!end && t->fast->carry && t->fast->walk && (id[k] == t->unk_id || tok_in_model(t, id[k])))
            end = walked_end(t, &w->cut, text, until, i, id[k]);
        if (!end || (t->has_user && cuts_user(t, text, n, i, end))) break;
        span[k] = (struct tok_span){.begin = offset + i, .end = offset + end};
    }
    if (i < until) { /* back to the beginning of the part */
        part = part_at(w, first, last, i);
        while (k > *at && span[k - 1].begin >= offset + w->begins[part]) k--;
    }
    memcpy(out->id + out->n, id + *at, (k - *at) * sizeof *id);
    out->n += k - *at;
    *at = k;
    return part;
}

/* w->part, whose ids are the next ones. */
static int put_part(struct tok_spans *w, size_t *at, struct tok_ids *out, struct err *e)
{
    const struct tok_ids *p = &w->part;
    if (tok_ids_room(out, p->n, e)) return -1;
    if (p->n) memcpy(out->id + out->n, p->id, p->n * sizeof *p->id);
    if (p->n) memcpy(out->span + out->n, p->span, p->n * sizeof *p->span);
    out->n += p->n;
    *at += p->n;
    return 0;
}

/* text[begin..end), which parts begin at and end at, by the chains; 1: its ids are others. */
static int by_chains(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin, size_t end, size_t n, size_t *at,
                     struct tok_ids *out, struct err *e)
{
    struct tok_spans *w = s->spans;
    struct tok_ids *p = &w->part;
    s->sum = 0;
    p->n = 0;
    s->follow = w->ids.id + *at;
    s->n_follow = w->ids.n - *at;
    s->widen = w->changed;
    int ret = tok_part_chains(t, s, text, begin, end, n, w->flags, p, e);
    s->follow = NULL;
    s->n_follow = 0;
    s->widen = false;
    if (ret) return -1;
    if (p->n > w->ids.n - *at || (p->n && memcmp(p->id, w->ids.id + *at, p->n * sizeof *p->id))) return 1;
    return put_part(w, at, out, e);
}

/* Behind the blanks at p[i] that become one U+2581; 0: that is not known. */
static inline size_t blanks_end(const struct tok_fast *f, const uint8_t *p, size_t n, size_t i)
{
    size_t end = i;
    while (end < n && tok_is_blank(f, p[end]) && p[end] != '\r') end++; /* rules look at CR LF together */
    if (end == i || end == n || p[end] == '\r' || (end > i + 1 && f->blanks == BLANKS_UNCLEAR)) return 0;
    return f->blanks == BLANKS_WORDS ? i + 1 : end;
}

/* Where the unknown token is that begins at p[i] of a part p[0..n); returns its end, or 0: that is not known. */
static size_t lay_unknown(const struct tokenizer *t, const uint8_t *p, size_t n, size_t i, struct tok_span *span)
{
    size_t end = t->n_trims ? 0 : unknown_end(t, p, n, i); /* trimming would look at spaces that it begins or ends with */
    *span = (struct tok_span){.begin = i, .end = end};
    return end;
}

/* Where the token is in a part p[0..n); returns what is behind that which becomes it, from p[i] on, or 0: that is not known. */
static size_t lay_token(const struct tokenizer *t, const uint8_t *p, size_t n, size_t i, int32_t id, struct tok_span *span)
{
    const struct tok_fast *f = t->fast;
    size_t len, k = 0, begin = i;
    if (id == t->unk_id) return lay_unknown(t, p, n, i, span);
    if (!tok_in_model(t, id)) return 0;
    const uint8_t *token = (const uint8_t *)vocab_text(&t->vocab, id, &len);
    if (len >= 3 && memcmp(token, "\xE2\x96\x81", 3) == 0) {
        if (!(i = blanks_end(f, p, n, i))) return 0;
        begin = i - 1; /* of a run, the last one */
        k = 3;
    }
    if (k && drops_blanks(t)) begin = i;
    if (k == len && drops_blanks(t)) {
        struct uni_char c = uni_next(p + i, n - i);
        size_t end = is_unknown(f->walk, c.cp) ? i + c.len : same_symbol(f->walk, p, n, i, p + i, n - i);
        *span = (struct tok_span){.begin = i, .end = end};
        return end ? i : 0;
    }
    for (size_t n_char, own; k < len; k += own, i += n_char)
        if (i == n || !becomes(f->walk, symbol_at(f->walk, p, n, i, &n_char), token + k, len - k, &own)) return 0;
    *span = (struct tok_span){.begin = begin, .end = i};
    return i;
}

/* Part i, if its tokens can be laid over it, to w->part; the first of them is w->ids.id[at].  Unigram by words.  1: they
 * cannot. */
static int lay(const struct tokenizer *t, struct tok_spans *w, size_t i, const uint8_t *text, size_t offset, size_t at, struct err *e)
{
    struct tok_ids *p = &w->part;
    size_t begin = offset + w->begins[i], n = w->words.ends[i] - w->begins[i];
    if (!lays(t) || n > WORD_LONG_MAX) return 1;
    if (tok_ids_room(p, 2 * n, e)) return -1;
    p->n = 0;
    for (size_t k = 0; k < n; p->n++) {
        struct tok_span *span = &p->span[p->n];
        if (at + p->n == w->ids.n) return 1;
        int32_t id = w->ids.id[at + p->n];
        if (!(k = lay_token(t, text + w->begins[i], n, k, id, span))) return 1;
        p->id[p->n] = id;
        span->begin += begin;
        span->end += begin;
    }
    return 0;
}

/* Where the token is that begins at p[i], by the table; 0: it does not say.  READABLE bytes are there. */
static inline size_t laid_end(const struct tok_spans *w, const struct span_token *d, bool drops, const uint8_t *p, size_t i, size_t until,
                              struct tok_span *span)
{
    size_t len = d->info & SPAN_LEN, mark = d->info >> 4 & 1, end = i + mark + len;
    uint64_t a[2], b[2];
    memcpy(a, d, 16);
    memcpy(b, p + i + mark, 16);
    uint64_t bad = ((a[0] ^ b[0]) & word_key_mask[len][0]) | ((a[1] ^ b[1]) & word_key_mask[len][1]);
    bool gap_is_other = mark & (!w->gap[p[i]] | w->stop[p[i + 1]]), alone = !len;
    *span = (struct tok_span){.begin = i + (mark & drops), .end = end};
    return (bad != 0) | gap_is_other | (end + alone > until) | (drops & alone) | (d->info == SPAN_OTHER) ? 0 : end;
}

/* As direct(), where w->lays. */
static size_t lay_parts(const struct tokenizer *t, const struct tok_spans *w, const uint8_t *text, size_t n, size_t first, size_t last,
                        size_t offset, size_t *at, struct tok_ids *out)
{
    const size_t *begins = w->begins, *ends = w->words.ends;
    const int32_t *id = w->ids.id;
    const bool drops = drops_blanks(t);
    size_t i = begins[first], until = ends[last - 1], k = *at, part = first;
    struct tok_span *span = out->span + out->n - k;
    for (size_t end; i < until && k < w->ids.n; i = end, k++) {
        __builtin_prefetch(&w->token[id[k + AHEAD < w->ids.n ? k + AHEAD : k]]);
        end = n - i >= READABLE ? laid_end(w, &w->token[id[k]], drops, text, i, until, &span[k]) : 0;
        if (!end) {
            while (ends[part] <= i) part++;
            end = lay_token(t, text + begins[part], ends[part] - begins[part], i - begins[part], id[k], &span[k]);
            if (!end) break;
            end += begins[part];
            span[k].begin += begins[part];
            span[k].end += begins[part];
        }
        span[k].begin += offset;
        span[k].end += offset;
    }
    if (i < until) { /* back to the beginning of the part */
        while (ends[part] <= i) part++;
        while (k > *at && span[k - 1].begin >= offset + begins[part]) k--;
    }
    memcpy(out->id + out->n, id + *at, (k - *at) * sizeof *id);
    out->n += k - *at;
    *at = k;
    return i < until ? part : last;
}

static void ask(struct tok_spans *w, const uint8_t *text, size_t n, size_t i)
{
    size_t begin = w->begins[i], len = w->words.ends[i] - begin;
    struct word_key key;
    if (len <= WORD_KEY_MAX) word_cache_ask(&w->cache, text + begin, len, n - begin, &key);
    else word_batch_ask_long(&w->cache, text + begin, len, &key);
    word_keys_put(&w->words.keys, i, &w->cache, &key);
}

/* Part i of a batch; 1: its ids are others. */
static int one_part(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t i, size_t n, size_t *at, struct tok_ids *out,
                    struct err *e)
{
    struct tok_spans *w = s->spans;
    bool outer = is_outer(w, i, n) || w->other;
    if (!outer && known(w, i, (const uint8_t *)text, s->offset, at, out)) return 0;
    int ret = outer ? 1 : lay(t, w, i, (const uint8_t *)text, s->offset, *at, e);
    if (ret < 0) return -1;
    ret = ret ? by_chains(t, s, text, w->begins[i], w->words.ends[i], n, at, out, e) : put_part(w, at, out, e);
    if (!ret && !outer) remember(w, i, (const uint8_t *)text, s->offset);
    return ret;
}

static int batch(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, size_t count, size_t *at, struct tok_ids *out,
                 struct err *e)
{
    struct tok_spans *w = s->spans;
    const uint8_t *p = (const uint8_t *)text;
    size_t inner = count - is_outer(w, count - 1, n);
    int ret = 0;
    bool at_once = w->cut.direct || (w->lays && !w->other);
    for (size_t i = 0; i < count && !at_once; i++) ask(w, p, n, i);
    for (size_t i = 0; i < count && !ret; i++) {
        if (at_once && i < inner && !is_outer(w, i, n))
            i = (w->lays ? lay_parts : direct)(t, w, p, n, i, inner, s->offset, at, out);
        if (i == count) break;
        if (at_once) ask(w, p, n, i);
        ret = one_part(t, s, text, i, n, at, out, e);
    }
    return ret;
}

/* Whether a step before the rules may change a character of ASCII at the beginning, one that is not printable. */
static bool step_may_change(const struct norm_step *s, char c)
{
    bool by_text = s->kind == NORM_REPLACE && !s->re && s->n_from && *s->from != c;
    bool form = s->kind == NORM_NFC || s->kind == NORM_NFD || s->kind == NORM_NFKC || s->kind == NORM_NFKD;
    return !(by_text || form || s->kind == NORM_LOWERCASE || s->kind == NORM_STRIP_ACCENTS);
}

/* Whether a character becomes one or more whatever is around it. */
static bool stays_some(const struct unigram *u, const char *text, size_t n)
{
    size_t len;
    uint32_t x = u ? unigram_code(u, (const uint8_t *)text, n, &len) : 0;
    return x && !unigram_removes(u, x);
}

/* Whether rules may remove the first character of a text. */
static bool first_may_go(const struct tokenizer *t, const char *text, size_t n)
{
    bool ascii = (uint8_t)*text < 0x80 && n > 1 && (uint8_t)text[1] < 0x80 && *text != '\r', changes = !ascii;
    if (*text == ' ' || tok_plain_after((const uint8_t *)text, n, 0) || stays_some(t->fast->walk, text, n)) return false;
    for (size_t i = 0; i < t->norm.n; i++) {
        const char *to = "";
        if (t->norm.step[i].kind != NORM_PRECOMPILED) {
            changes = changes || step_may_change(&t->norm.step[i], *text);
            continue;
        }
        size_t len = changes ? 0 : charsmap_match(t->norm.step[i].map, text, n, false, &to);
        if (changes || len > 1 || (len && !*to)) return true;
        changes = true;
    }
    return false;
}

/* One that is a grapheme by itself. */
static bool is_control(char c)
{
    return ((uint8_t)c < ' ' && c != '\r') || c == 0x7F;
}

/* How many control characters of ASCII a text begins with that rules remove before any other step, if something is behind
 * them. */
static size_t removed_first(const struct tokenizer *t, const char *text, size_t n)
{
    enum { MOST = 8 }; /* moving back by them takes as many steps */
    const struct norm_step *s = t->norm.step;
    size_t k = 0;
    const char *to;
    if (!t->norm.n || s->kind != NORM_PRECOMPILED) return 0;
    while (k < n && is_control(text[k]) && charsmap_match(s->map, text + k, 1, true, &to) && !*to) k++;
    return k <= MOST && k < n ? k : 0;
}

/* The place that is `gone` characters before the one `gone` bytes behind *at; false: characters are broken. */
static bool move_back(const uint8_t *text, size_t gone, size_t *at)
{
    size_t i = *at + gone;
    for (size_t k = 0; k < gone; k++) {
        struct uni_char c = uni_prev(text, i);
        if (c.cp == UNI_BAD) return false;
        i -= c.len;
    }
    *at = i;
    return true;
}

/* HF tokenizers takes no notice of what rules remove at the beginning, so that all spans are that many characters too
 * early: these are of the text behind it. */
static bool move_spans(const char *text, size_t gone, size_t offset, struct tok_ids *out, size_t from)
{
    for (size_t i = from; i < out->n; i++) {
        struct tok_span *p = &out->span[i];
        size_t begin = p->begin - offset, end = p->end - offset;
        if (!move_back((const uint8_t *)text, gone, &begin) || !move_back((const uint8_t *)text, gone, &end)) return false;
        p->begin = begin + offset;
        p->end = end + offset;
    }
    return true;
}

/* Whether the spans of bytes that a character falls back to are its own. */
static int changes(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, struct err *e)
{
    if (!t->byte_fallback || !t->norm.n || t->source == SOURCE_SPM) return 0;
    for (size_t i = 0; i < t->norm.n; i++)
        if (t->norm.step[i].kind == NORM_PREPEND) return 1;
    s->norm.want_origin = false;
    return norm_run(&t->norm, &s->norm, text, n, e);
}

static int segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags, struct tok_ids *out,
                   struct err *e)
{
    size_t from = out->n, at = 0, pos = 0, words = 0, count;
    int ret = 0;
    if (!s->spans && !(s->spans = spans_new(t, e))) return -1;
    struct tok_spans *w = s->spans;
    w->flags = flags;
    if ((ret = changes(t, s, text, n, e)) < 0) return -1;
    w->changed = ret > 0;
    if (!w->any) w->first = w->changed;
    w->any = true;
    w->other = w->changed != w->first;
    w->ids.n = 0;
    if (tok_fast_segment(t, s, text, n, flags, &w->ids, e) || tok_ids_room(out, w->ids.n, e)) return -1;
    if (w->size && (ret = tok_form_spans(t, s, text, n, w->size, &w->ids, by_chains, out, e)) <= 0) return ret;
    if (w->size) out->n = from;
    ret = 0;
    while (!ret && pos < n && (count = tok_cut(&w->cut, (const uint8_t *)text, n, &pos, w->begins, w->words.ends, BATCH))) {
        ret = tok_stopped(&words, BATCH, e) ? -1 : batch(t, s, text, n, count, &at, out, e);
    }
    s->sum = 0;
    if (!ret && at != w->ids.n) ret = 1;
    if (ret) out->n = from;
    return ret;
}

int tok_spans_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags,
                      struct tok_ids *out, struct err *e)
{
    size_t from = out->n, gone = removed_first(t, text, n);
    if (first_may_go(t, text + gone, n - gone)) return 1;
    int ret = segment(t, s, text + gone, n - gone, flags, out, e);
    if (ret || !gone || move_spans(text, gone, s->offset, out, from)) return ret;
    out->n = from;
    return 1;
}
