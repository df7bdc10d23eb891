/* What unigram's trie is made of: the symbols of each token, found once, and the tokens in
 * the order of these. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/unicode.h"
#include "core/token/unigram_map.h"

struct reading {
    const struct tokenizer *t;
    struct unigram *u;
    struct unigram_map *m;
    size_t used;      /* bytes of m->symbols */
    bool unfit;       /* some token has more than UNIGRAM_LONGEST, or is the unknown one and does not fit in */
    bool takes_unk;   /* the unknown one may be among them */
    bool oom;
};

/* What is in tokens, but is none: unknown alone, with a symbol of its own, or its byte. */
static uint16_t name_part(const struct reading *r, uint32_t cp)
{
    struct unigram *u = r->u;
    if (u->first_byte && cp < 0x80 && unigram_printable(cp)) return (uint16_t)(u->first_byte + cp);
    if (!(r->t->spm_floats || u->fused >= 0) || !u->unknown || !unigram_printable(cp) || cp == UNIGRAM_MARK || u->n_symbols + 1 >= UNIGRAM_MANY)
        return UNIGRAM_NOT_THIS;
    r->m->single[++u->n_symbols] = r->t->unk_id;
    return (uint16_t)u->n_symbols;
}

/* The symbols of s[0..n), two bytes each, to `to`, which has room for UNIGRAM_LONGEST; 0: some character is
 * none that is certain. */
static size_t read_symbols(const struct reading *r, const uint8_t *s, size_t n, uint8_t *to)
{
    size_t count = 0;
    bool certain = true;
    for (size_t i = 0; i < n;) {
        unsigned len = 1;
        uint32_t cp = s[i];
        if (cp >= 0x80) cp = uni_point(s + i, n - i, &len);
        uint16_t symbol = cp < UNIGRAM_CHARS ? r->m->symbol[cp] : UNIGRAM_NOT_THIS;
        if (!symbol) symbol = r->m->symbol[cp] = name_part(r, cp);
        certain = certain && symbol != UNIGRAM_NOT_THIS;
        if (count < UNIGRAM_LONGEST) {
            to[2 * count] = (uint8_t)(symbol >> 8);
            to[2 * count + 1] = (uint8_t)symbol;
        }
        count++;
        i += len;
    }
    return certain ? count : 0;
}

static void read_token(struct reading *r, int id)
{
    size_t n;
    struct unigram_map *m = r->m;
    const uint8_t *s = (const uint8_t *)vocab_text(&r->t->vocab, id, &n);
    size_t count = read_symbols(r, s, n, m->symbols + r->used);
    if (!count) {
        r->oom = r->oom || !mem_room(&m->odd, &m->odd_cap, m->n_odd + 1, sizeof *m->odd);
        if (!r->oom) m->odd[m->n_odd++] = id;
        return;
    }
    r->unfit = r->unfit || count > UNIGRAM_LONGEST || (id == r->t->unk_id && !(r->takes_unk && count > 1));
    if (r->unfit) return;
    m->n_joins += count - 1;
    if (count > 1) m->token[m->n_tokens++] = (struct text_key){NULL, (uint32_t)(2 * count), id};
    if (count > 1) r->used += 2 * count;
}

/* One byte for each symbol is enough. */
static void shorten(struct unigram_map *m, size_t used)
{
    for (size_t i = 0; i < used / 2; i++) m->symbols[i] = m->symbols[2 * i + 1];
    for (size_t k = 0; k < m->n_tokens; k++) m->token[k].len /= 2;
}

/* Puts the symbols into the order of the tokens, as they are read from now on. */
static int gather(struct unigram_map *m, size_t used, struct err *e)
{
    enum { AHEAD = 16 };
    uint8_t *to = mem_alloc(used + 2 * UNIGRAM_LONGEST, 1), *whole = to;
    if (!to) return err_oom(e, used, "a tokenizer");
    for (size_t k = 0; k < m->n_tokens; to += m->token[k++].len) {
        __builtin_prefetch(m->token[k + AHEAD < m->n_tokens ? k + AHEAD : k].text);
        memcpy(to, m->token[k].text, 2 * UNIGRAM_LONGEST); /* so much is there behind each */
        m->token[k].text = (const char *)to;
    }
    free(m->symbols);
    m->symbols = whole;
    return 0;
}

/* Whether some character of the token is one by itself, which is never unknown. */
static bool has_known(const struct reading *r, int id)
{
    size_t n;
    unsigned len;
    const uint8_t *s = (const uint8_t *)vocab_text(&r->t->vocab, id, &n);
    for (size_t i = 0; i < n; i += len) {
        uint32_t cp = uni_point(s + i, n - i, &len);
        uint16_t symbol = cp < UNIGRAM_CHARS ? r->m->symbol[cp] : 0;
        if (symbol && symbol != UNIGRAM_NOT_THIS) return true;
    }
    return false;
}

/* Whether a run of unknown characters that is the token's text is always that token: one token is better than they. */
static bool is_taken(const struct reading *r, int id)
{
    return unigram_in_walk(r->t, id) && r->t->unk_score < 0 && r->t->score[id] > r->t->unk_score;
}

/* HF tokenizers look a run of unknown characters up once more.  A token that might be found only then has nothing but such
 * characters, which are not certain. */
static void leave_out_runs(struct reading *r)
{
    for (int id = 0; id < r->t->vocab.n; id++) {
        size_t n;
        unsigned len;
        const uint8_t *s = (const uint8_t *)vocab_text(&r->t->vocab, id, &n);
        if (is_taken(r, id) || has_known(r, id)) continue;
        for (size_t i = 0; i < n; i += len) {
            uint32_t cp = uni_point(s + i, n - i, &len);
            if (cp < UNIGRAM_CHARS) r->m->symbol[cp] = UNIGRAM_NOT_THIS;
        }
    }
}

/* Whether the unknown token may stand in a text as any other, which gives it a score of its own.  With unknown characters
 * beside it, it is one; a token that has it inside might be found in what they are together. */
static bool unk_is_apart(const struct tokenizer *t)
{
    size_t n;
    const struct buf *pool = &t->vocab.pool;
    const char *s = vocab_text(&t->vocab, t->unk_id, &n), *end = pool->data + pool->len;
    return n && memmem(pool->data, pool->len, s, n) == s && !memmem(s + 1, (size_t)(end - s - 1), s, n);
}

int unigram_tokens(const struct tokenizer *t, struct unigram *u, struct unigram_map *m, struct err *e)
{
    struct reading r = {.t = t, .u = u, .m = m};
    size_t room = 2 * t->vocab.pool.len + 2 * UNIGRAM_LONGEST;
    m->symbols = mem_alloc(room, 1);
    m->token = mem_alloc((size_t)t->vocab.n, sizeof *m->token);
    if (!m->symbols || !m->token) return err_oom(e, room, "a tokenizer");
    if (!t->spm_floats) leave_out_runs(&r);
    r.takes_unk = u->fused >= 0 && unk_is_apart(t);
    for (int id = 0; id < t->vocab.n; id++)
        if (unigram_in_walk(t, id)) read_token(&r, id);
    if (r.oom) return err_oom(e, m->n_odd * sizeof *m->odd, "a tokenizer");
    m->fit = m->fit && !r.unfit;
    m->wide = u->n_symbols > UINT8_MAX;
    if (!m->wide) shorten(m, r.used);
    const char *at = (const char *)m->symbols;
    for (size_t k = 0; k < m->n_tokens; at += m->token[k++].len) m->token[k].text = at;
    if (!text_sort(m->token, m->n_tokens)) return err_oom(e, m->n_tokens * sizeof *m->token, "a tokenizer");
    return gather(m, r.used, e);
}
