/* Which characters are certain: each a token, and the normaliser looks at them one
 * by one. */
#include "core/token/unigram_map.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "core/base/mem.h"
#include "core/token/norm_ages.h"
#include "core/token/unicode.h"

enum { CHARS = UNIGRAM_CHARS, MARK = UNIGRAM_MARK };
#define NOT_THIS UNIGRAM_NOT_THIS

/* ---- symbols ---- */

/* A text that has such a piece also has this character of it.  Rather not a letter. */
static uint32_t telling_char(const struct tokenizer *t, int id)
{
    size_t n;
    const uint8_t *s = (const uint8_t *)vocab_text(&t->vocab, id, &n);
    uint32_t found = 0;
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next(s + i, n - i);
        bool letter = (c.class & (UNI_L | UNI_N)) != 0;
        if (unigram_printable(c.cp) && c.cp != MARK && (!found || !letter)) found = c.cp;
        if (found && !letter) break;
        i += c.len;
    }
    return found;
}

bool unigram_is_long_user(const struct tokenizer *t, int id)
{
    size_t n, count = 0;
    const char *s = vocab_text(&t->vocab, id, &n);
    if (!(t->vocab.v[id].flags & VOCAB_USER)) return false;
    for (size_t i = 0; i < n; i++) count += ((uint8_t)s[i] & 0xC0) != 0x80;
    return count > UNIGRAM_LONGEST;
}

/* Whether rules change a character of it. */
static bool is_changed(const struct tokenizer *t, int id, const struct charsmap *rules)
{
    size_t n;
    const char *s = vocab_text(&t->vocab, id, &n), *to;
    unsigned len = 0;
    for (size_t i = 0; i < n; i += len) {
        uni_point((const uint8_t *)s + i, n - i, &len);
        if (charsmap_match(rules, s + i, len, false, &to)) return true;
    }
    return false;
}

/* Rules leave user-defined pieces alone. */
static void find_changed(const struct tokenizer *t, const struct charsmap *rules, struct unigram *u)
{
    for (int id = 0; rules && t->has_user && id < t->vocab.n && !u->kept; id++)
        if ((t->vocab.v[id].flags & VOCAB_USER) && is_changed(t, id, rules)) u->kept = &t->user;
    for (int b = 0; u->kept && b < 128; b++) u->kept_first[b] = trie_step(u->kept, 0, (uint8_t)b) != 0;
    for (int b = 128; u->kept && b < 256; b++) u->kept_high = u->kept_high || trie_step(u->kept, 0, (uint8_t)b);
}

static bool leave_out_user(const struct tokenizer *t, struct unigram_map *m)
{
    for (int id = 0; t->has_user && id < t->vocab.n; id++) {
        if (!unigram_is_long_user(t, id)) continue;
        uint32_t cp = telling_char(t, id);
        if (!cp) return false;
        m->symbol[cp] = NOT_THIS;
    }
    return true;
}

/* A token that is one character, or 0. */
static uint32_t only_char(const struct tokenizer *t, int id)
{
    size_t n;
    const uint8_t *s = (const uint8_t *)vocab_text(&t->vocab, id, &n);
    struct uni_char c = {0};
    if (n == 0 || n > 4) return 0;
    c = uni_next_inline(s, n);
    return c.len == n && unigram_printable(c.cp) ? c.cp : 0;
}

static bool has_all_bytes(const struct tokenizer *t)
{
    bool all = t->byte_fallback;
    for (int b = 0; b < 256; b++) all = all && t->byte_id[b] >= 0;
    return all;
}

static int name_symbols(const struct tokenizer *t, struct unigram *u, struct unigram_map *m, struct err *e)
{
    size_t n = 0;
    m->single = mem_alloc(UNIGRAM_MANY, sizeof *m->single);
    if (!m->single) return err_oom(e, UNIGRAM_MANY * sizeof *m->single, "a tokenizer");
    for (int id = 0; id < t->vocab.n; id++) {
        uint32_t cp = unigram_in_walk(t, id) ? only_char(t, id) : 0;
        if (!cp || m->symbol[cp]) continue;
        if (++n == UNIGRAM_MANY) return 0;
        m->symbol[cp] = (uint16_t)n;
        m->single[n] = id;
    }
    bool words = !t->spm_floats && !t->fast_carry;
    if ((t->spm_floats || words) && !t->byte_fallback && t->unk_id >= 0 && n + 1 < UNIGRAM_MANY) {
        u->unknown = (uint16_t)++n;
        m->single[n] = t->unk_id;
        if (words) u->fused = t->unk_id;
    }
    if (t->spm_floats && has_all_bytes(t) && n + 256 < UNIGRAM_MANY) {
        u->first_byte = (uint16_t)(n + 1);
        for (int b = 0; b < 256; b++) m->single[++n] = t->byte_id[b];
    }
    u->n_symbols = (uint32_t)n;
    u->mark = m->symbol[MARK];
    m->fit = n > 0 && m->symbol[MARK];
    return 0;
}

/* Inside a user-defined piece nothing may be cut: the characters of those that the trie has not
 * are joined (unigram.c), and those that are no symbols are not certain. */
static void hold_user(const struct tokenizer *t, struct unigram_map *m)
{
    for (int id = 0; t->has_user && id < t->vocab.n; id++) {
        size_t n;
        const uint8_t *s = (const uint8_t *)vocab_text(&t->vocab, id, &n);
        for (size_t i = 0; i < n && unigram_is_long_user(t, id); m->n_joins++) {
            struct uni_char c = uni_next(s + i, n - i);
            if (c.cp < CHARS && !m->symbol[c.cp]) m->symbol[c.cp] = NOT_THIS;
            i += c.len;
        }
    }
}

uint16_t unigram_char(const struct unigram_map *m, uint32_t cp)
{
    return cp >= CHARS || m->symbol[cp] == NOT_THIS ? 0 : m->symbol[cp];
}

/* ---- characters ---- */

/* What a character is that is in no token, and that nothing changes. */
static uint16_t in_no_token(const struct unigram *u, uint32_t cp)
{
    if (!u->first_byte) return u->unknown;
    return cp < 0x80 ? (uint16_t)(u->first_byte + cp) : UNIGRAM_BYTES;
}

struct rules {
    const struct unigram_map *m;
    struct unigram *u;
    uint64_t behind[CHARS / 64]; /* characters behind others that a rule changes together */
    size_t cap;
    bool removes; /* characters that become nothing are certain */
    bool ascii; /* ... some below U+0080: what stands behind a part of a text would matter */
    bool oom;
};

/* A character alone becomes these symbols, or none. */
static void replace(struct rules *r, uint32_t cp, const char *to)
{
    struct unigram *u = r->u;
    size_t n = strlen(to), count = 0, at = u->n_many;
    u->symbol[cp] = 0;
    if ((n == 0 && !r->removes) || (at + n + UNIGRAM_MANY) >= UNIGRAM_BYTES || r->m->symbol[cp] == NOT_THIS) return;
    if (!mem_room(&u->many, &r->cap, at + n + 1, sizeof *u->many)) {
        r->oom = true;
        return;
    }
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next((const uint8_t *)to + i, n - i);
        bool fit = unigram_printable(c.cp) && c.cp != MARK;
        uint16_t symbol = fit ? r->m->symbol[c.cp] : 0;
        if (fit && !symbol && u->first_byte) {
            for (uint32_t end = (uint32_t)i + c.len; i < end; i++) u->many[at + ++count] = (uint16_t)(u->first_byte + (uint8_t)to[i]);
            continue;
        }
        if (fit && !symbol && c.len == n) symbol = u->unknown;
        if (!symbol || symbol == NOT_THIS) return;
        u->many[at + ++count] = symbol;
        i += c.len;
    }
    u->many[at] = (uint16_t)count;
    u->n_many = at + count + 1;
    u->symbol[cp] = (uint16_t)(UNIGRAM_MANY | at);
}

static void alone(void *arg, uint32_t cp, const char *to)
{
    if (cp < CHARS) replace(arg, cp, to);
}

static void behind(void *arg, uint32_t cp)
{
    struct rules *r = arg;
    r->ascii = r->ascii || cp < 0x80;
    if (cp < CHARS) r->behind[cp / 64] |= (uint64_t)1 << cp % 64;
}

/* Characters that HF tokenizers may look at together with their neighbours. */
static bool in_grapheme(uint32_t cp)
{
    if (unigram_settled(cp)) return false;
    int class = utf8proc_get_property((utf8proc_int32_t)norm_grapheme_as(cp))->boundclass;
    return class != UTF8PROC_BOUNDCLASS_OTHER && class != UTF8PROC_BOUNDCLASS_LV && class != UTF8PROC_BOUNDCLASS_LVT;
}

static int map_chars(const struct charsmap *map, bool graphemes, struct unigram *u, struct unigram_map *m,
                     struct err *e)
{
    struct rules *r = mem_zalloc(1, sizeof *r);
    u->symbol = mem_alloc(CHARS + 2, sizeof *u->symbol);
    if (!r || !u->symbol) {
        free(r);
        return err_oom(e, CHARS * sizeof *u->symbol, "a tokenizer");
    }
    r->m = m;
    r->u = u;
    r->removes = !graphemes;
    u->symbol[CHARS] = u->symbol[CHARS + 1] = 0;
    for (uint32_t cp = 0; cp < CHARS; cp++)
        u->symbol[cp] = m->symbol[cp] == NOT_THIS ? 0 : m->symbol[cp] ? m->symbol[cp] : in_no_token(u, cp);
    if (map && (!charsmap_chars(map, &(struct charsmap_chars){alone, behind, r}) || r->ascii)) m->fit = false;
    for (uint32_t cp = 0; cp < CHARS; cp++)
        if ((!unigram_printable(cp) && !unigram_removes(u, u->symbol[cp])) || cp == MARK || (r->behind[cp / 64] >> cp % 64 & 1) ||
            (graphemes && u->symbol[cp] && in_grapheme(cp)))
            u->symbol[cp] = 0;
    int ret = r->oom ? err_oom(e, r->cap * sizeof *u->many, "a tokenizer") : 0;
    free(r);
    return ret;
}

/* Control characters that no step changes inside of a text and no token has are unknown; halves of pairs are no characters.
 * (Rules are asked for a CR and a LF together.) */
static void plan_odd(const struct charsmap *rules, const struct unigram_map *m, struct unigram *u)
{
    const char *to;
    bool ends = rules && (charsmap_match(rules, "\r", 1, false, &to) || charsmap_match(rules, "\n", 1, false, &to));
    for (uint8_t c = 1; c < 0x80; c = c == 0x1F ? 0x7F : c + 1) {
        char byte = (char)c;
        bool changes = rules && (c == '\r' || c == '\n' ? ends : charsmap_match(rules, &byte, 1, false, &to));
        if (!m->symbol[c] && !changes) u->symbol[c] = u->unknown;
    }
    for (uint32_t cp = 0xD800; cp < 0xE000; cp++) u->symbol[cp] = 0;
}

/* The same where sums go on and there is one step with rules at most. */
static void plan_controls(const struct charsmap *rules, const struct unigram_map *m, struct unigram *u)
{
    const char *to;
    for (uint8_t c = 1; c < 0x80; c = c == 0x1F ? 0x7F : c + 1) {
        char byte = (char)c;
        if (!m->symbol[c] && (!rules || !charsmap_match(rules, &byte, 1, false, &to))) u->symbol[c] = in_no_token(u, c);
    }
}

/* Characters that become one symbol have it as those that are it. */
static void straighten(struct unigram *u)
{
    for (uint32_t cp = 0; u->n_many && cp < CHARS; cp++) {
        const uint16_t *to = (u->symbol[cp] & UNIGRAM_MANY) && u->symbol[cp] != UNIGRAM_BYTES ? u->many + (u->symbol[cp] & ~UNIGRAM_MANY) : NULL;
        if (to && *to == 1) u->symbol[cp] = to[1];
    }
}

/* Scripts of which the vocabulary has nothing. */
static void find_strange(struct unigram *u)
{
    for (uint32_t lead = 0xC2; u->unknown && lead < 0xF0; lead++) {
        bool wide = lead >= 0xE0;
        uint32_t cp = wide ? (lead & 15) << 12 : (lead & 31) << 6, end = cp + (wide ? 4096 : 64);
        while (cp < end && u->symbol[cp] == u->unknown) cp++;
        u->strange[lead - 0xC0] = cp == end;
        u->some_strange = u->some_strange || cp == end;
    }
}

int unigram_map(const struct tokenizer *t, const struct charsmap *rules, bool graphemes, struct unigram *u,
                struct unigram_map *m, struct err *e)
{
    m->symbol = mem_zalloc(CHARS, sizeof *m->symbol);
    if (!m->symbol) return err_oom(e, CHARS * sizeof *m->symbol, "a tokenizer");
    if (!leave_out_user(t, m)) return 0;
    if (name_symbols(t, u, m, e)) return -1;
    if (!m->fit) return 0;
    if (unigram_tokens(t, u, m, e)) return -1;
    hold_user(t, m);
    if (!m->fit) return 0;
    if (map_chars(rules, graphemes, u, m, e)) return -1;
    if (u->fused >= 0) plan_odd(rules, m, u);
    if (t->spm_floats) plan_controls(rules, m, u);
    if (unigram_steps(t, u, e)) return -1;
    straighten(u);
    find_strange(u);
    find_changed(t, rules, u);
    return 0;
}

void unigram_map_free(struct unigram_map *m)
{
    free(m->symbol);
    free(m->single);
    free(m->token);
    free(m->symbols);
    free(m->odd);
}
