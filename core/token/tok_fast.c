#include "core/token/tok_fast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_cut.h"
#include "core/token/tok_walk.h"
#include "core/token/unicode.h"

enum { DIRECT_MAX = 256 };

/* ---- whether it can be done ---- */

static bool is_text(const struct norm_step *s, const char *text)
{
    return s->n_from == strlen(text) && memcmp(s->from, text, s->n_from) == 0;
}

/* Steps whose work on a character depends on marks after it at most. */
static bool local_step(enum norm_kind k)
{
    switch (k) {
    case NORM_NFC: case NORM_NFD: case NORM_NFKC: case NORM_NFKD: case NORM_LOWERCASE:
    case NORM_STRIP_ACCENTS: case NORM_NMT: case NORM_BERT_CLEAN: case NORM_BERT_CHINESE:
    case NORM_BERT_MARKS: return true;
    default: return false;
    }
}

static bool plan_words(const struct tokenizer *t, struct tok_fast *f)
{
    const struct pre_step *p = t->pre.step;
    if (t->pre.n == 0 || t->needs_origin) return false;
    bool spaces = p->kind == PRE_SPLIT_SET && p->set == SET_SPACE && p->behavior == PRE_REMOVED;
    if (!spaces && p->kind != PRE_WHITESPACE) return false;
    bool punct = spaces && t->pre.n == 2 && p[1].kind == PRE_SPLIT_SET && p[1].set == SET_PUNCT;
    for (size_t i = 0; i < t->norm.n; i++)
        if (!local_step(t->norm.step[i].kind) && t->norm.step[i].kind != NORM_STRIP) return false;
    f->kind = CUT_WORDS;
    f->punct = punct && p[1].behavior == PRE_ISOLATED && !p[1].invert;
    return true;
}

/* No rule may look at a space and its neighbour together. */
static bool rules_keep_spaces(const struct charsmap *m)
{
    static const struct { uint32_t first, last; } ordinary[] = {{0x21, 0x7E}, {0xC0, 0x24F},
        {0x391, 0x3C9}, {0x400, 0x52F}, {0x5D0, 0x5EA}, {0x620, 0x64A}, {0x904, 0x939},
        {0xE01, 0xE2F}, {0x3041, 0x3096}, {0x30A1, 0x30FA}, {0x4E00, 0x9FFF}, {0xAC00, 0xD7A3}};
    uint32_t root = m->unit[0], at = (root >> 10) << ((root & (1u << 9)) >> 6);
    for (size_t i = 0; i < m->n_units; i++)
        if ((m->unit[i] & (0x80000000u | 0xFF)) == ' ' && i != (at ^ ' ')) return false;
    if ((at ^ ' ') < m->n_units && (m->unit[at ^ ' '] & (0x80000000u | 0xFF)) == ' ') return false;
    for (size_t r = 0; r < COUNT_OF(ordinary); r++)
        for (uint32_t cp = ordinary[r].first; cp <= ordinary[r].last; cp++) {
            char s[4];
            const char *to;
            int n = utf8_encode(cp, s);
            if (n == 0 || !charsmap_match(m, s, (size_t)n, false, &to)) continue;
            size_t len = strlen(to);
            if (len == 0 || to[0] == ' ' || to[len - 1] == ' ') return false;
        }
    return true;
}

static bool space_step(const struct norm_step *s, struct tok_fast *f)
{
    switch (s->kind) {
    case NORM_PREPEND: f->first = true; return true;
    case NORM_STRIP:
        f->first = f->first || s->left;
        f->last = f->last || s->right;
        return true;
    case NORM_REPLACE:
        /* A part has all of its spaces at its beginning. */
        if (s->re) return s->runs_of_spaces;
        return is_text(s, " ") || !memchr(s->from, ' ', s->n_from);
    case NORM_PRECOMPILED: return rules_keep_spaces(s->map);
    case NORM_SPM:
        f->first = true;
        f->last = s->remove_extra;
        return s->escape && !s->dummy_suffix && (!s->map || rules_keep_spaces(s->map));
    default: return local_step(s->kind) && s->kind != NORM_BERT_CLEAN;
    }
}

/* No token reaches over the beginning of a word: the mark of a space comes
 * first in it, or after another. */
static bool tokens_stay_in_words(const struct tokenizer *t)
{
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n;
        if (!(t->vocab.v[id].flags & VOCAB_MODEL)) continue;
        const char *s = vocab_text(&t->vocab, id, &n), *p;
        if (memchr(s, ' ', n)) return false;
        for (size_t at = 3; at < n && (p = memmem(s + at, n - at, "\xE2\x96\x81", 3)); at = (size_t)(p - s) + 3)
            if (memcmp(p - 3, "\xE2\x96\x81", 3)) return false;
        if (n > 3 && memmem(s + 1, n - 1, "\xE2\x96\x81", 3) && memcmp(s, "\xE2\x96\x81", 3)) return false;
    }
    return true;
}

static bool in_tokens(const struct tokenizer *t, char c)
{
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n;
        if (!(t->vocab.v[id].flags & VOCAB_USED)) continue;
        const char *s = vocab_text(&t->vocab, id, &n);
        if (memchr(s, c, n)) return true;
    }
    return false;
}

static uint32_t below_unit(const struct charsmap *m, uint32_t at) /* where its children are */
{
    uint32_t u = m->unit[at];
    return at ^ ((u >> 10) << ((u & (1u << 9)) >> 6));
}

static bool has_label(const struct charsmap *m, uint32_t at, uint32_t c)
{
    return at < m->n_units && (m->unit[at] & (0x80000000u | 0xFF)) == c;
}

/* Whether a rule has an ASCII byte other than a space after its first byte.
 * Labels are also in places that nothing leads to, so this goes from them up to
 * the root, all at once: `wanted` are the places of whose children some matter. */
static bool ascii_inside(const struct charsmap *m)
{
    enum { LEVELS = 32 };
    uint32_t root = below_unit(m, 0);
    uint8_t *wanted = mem_zalloc(m->n_units + 256, 1), *next = mem_zalloc(m->n_units + 256, 1);
    bool inside = !wanted || !next, any = !inside;
    for (uint32_t i = 1; any && i < m->n_units; i++) {
        uint32_t c = m->unit[i] & (0x80000000u | 0xFF);
        if (c > 0 && c < 0x7F && c != ' ' && i != (root ^ c)) wanted[i ^ c] = 1;
    }
    for (int level = 0; any && !inside; level++) {
        any = false;
        memset(next, 0, m->n_units + 256);
        for (uint32_t i = 1; i < m->n_units && !inside; i++) {
            uint32_t u = m->unit[i], c = u & 0xFF, to = u >> 31 ? UINT32_MAX : below_unit(m, i);
            if (to >= m->n_units || !wanted[to]) continue;
            inside = i == (root ^ c) || level == LEVELS;
            next[i ^ c] = 1;
            any = true;
        }
        uint8_t *swap = wanted;
        wanted = next;
        next = swap;
    }
    free(wanted);
    free(next);
    return inside;
}

/* Whether SentencePiece's rules make a space of this byte, whatever is around. */
static bool becomes_space(const struct charsmap *m, char byte)
{
    const char *to;
    if (charsmap_match(m, &byte, 1, false, &to) != 1 || strcmp(to, " ") != 0) return false;
    uint32_t next = below_unit(m, below_unit(m, 0) ^ (uint8_t)byte);
    for (uint32_t i = 1; i < 256; i++) /* the beginning of a longer one */
        if (has_label(m, next ^ i, i)) return false;
    return true;
}

/* White space that is as good as a space, and newlines that stand alone. */
static void plan_gaps(const struct tokenizer *t, struct tok_fast *f)
{
    const struct norm_step *s = t->norm.n == 1 ? t->norm.step : NULL;
    memset(f->blank, ' ', sizeof f->blank);
    f->separate = s && s->kind == NORM_SPM && s->map && !ascii_inside(s->map);
    if (s && s->kind == NORM_SPM && s->map) {
        size_t n = 1;
        for (const char *c = f->separate ? "\n\t\r" : ""; *c; c++)
            if (becomes_space(s->map, *c) && !in_tokens(t, *c)) f->blank[n++] = (uint8_t)*c;
    } else if (f->newlines && t->model == MODEL_BPE && t->byte_fallback && !in_tokens(t, '\n')) {
        f->cut_newlines = true;
        f->blank[1] = '\n';
    }
}

/* Whether the rules leave this printable character alone before ASCII. */
static bool neutral(const struct charsmap *m, uint8_t c)
{
    const char *to;
    char byte = (char)c;
    if (!m) return true;
    if (charsmap_match(m, &byte, 1, false, &to)) return false;
    uint32_t root = below_unit(m, 0), next = has_label(m, root ^ c, c) ? below_unit(m, root ^ c) : UINT32_MAX;
    for (uint32_t i = 1; i < 128 && next != UINT32_MAX; i++)
        if (has_label(m, next ^ i, i)) return false;
    return true;
}

/* Whether some rule begins with these bytes. */
static bool begins_rule(const struct charsmap *m, const char *s, size_t n)
{
    uint32_t at = below_unit(m, 0);
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)s[i];
        if (!has_label(m, at ^ c, c)) return false;
        at = below_unit(m, at ^ c);
    }
    return true;
}

static void plan_still(const struct charsmap *m, struct tok_fast *f)
{
    char s[4] = {0};
    for (int c = 0; m && c < 128; c++)
        for (int b = 0; b < 128; b++) {
            s[0] = (char)c;
            s[1] = (char)(128 + b);
            f->joins[c][b >> 6] |= (uint64_t)begins_rule(m, s, 2) << (b & 63);
        }
    for (uint32_t cp = 128; cp < 0x10000; cp++) {
        int n = utf8_encode(cp, s);
        f->still[cp >> 6] |= (uint64_t)(n > 0 && (!m || !begins_rule(m, s, (size_t)n))) << (cp & 63);
    }
}

/* Steps that do to a part of spaces and neutral characters what plan says. */
static bool plan_direct(const struct tokenizer *t, struct tok_fast *f)
{
    const struct charsmap *map = NULL;
    if (t->pre.n) return false;
    for (size_t i = 0; i < t->norm.n; i++) {
        const struct norm_step *s = &t->norm.step[i];
        if (s->kind == NORM_SPM) {
            if (t->norm.n != 1 || !s->escape) return false;
            map = s->map;
            f->one_space = s->remove_extra;
        } else if (s->kind == NORM_REPLACE) {
            if (s->re || !is_text(s, " ") || s->n_to != 3 || memcmp(s->to, "\xE2\x96\x81", 3)) return false;
        } else if (s->kind != NORM_PREPEND) {
            return false;
        }
    }
    if (map && !f->separate) return true;
    for (int c = 0x21; c < 0x7F; c++) f->neutral[c] = neutral(map, (uint8_t)c);
    plan_still(map, f);
    return true;
}

/* Pairs of characters that some token has side by side are not cut; nor are
 * those that have no token, which could become one <unk> with their neighbour. */
static void plan_pairs(const struct tokenizer *t, struct tok_fast *f)
{
    bool known[128] = {false}, odd = (t->prefix && *t->prefix) || (t->suffix && *t->suffix);
    f->pairs = f->direct && !odd && (t->model == MODEL_BPE || (t->model == MODEL_UNIGRAM && f->carry));
    if (!f->pairs) return;
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n;
        if (!(t->vocab.v[id].flags & VOCAB_USED)) continue;
        const char *s = vocab_text(&t->vocab, id, &n);
        if (n == 1 && (uint8_t)s[0] < 0x80 && (t->vocab.v[id].flags & VOCAB_MODEL)) known[(uint8_t)s[0]] = true;
        for (size_t i = 1; i < n; i++) {
            uint8_t a = (uint8_t)s[i - 1], b = (uint8_t)s[i];
            if (a < 0x80 && b < 0x80 && b != ' ') f->joined[a][b >> 6] |= (uint64_t)1 << (b & 63);
        }
    }
    for (int a = 0; a < 128; a++)
        for (int b = 0; b < 128; b++)
            if (b != ' ' && (!f->neutral[a] || !f->neutral[b] || !known[a] || !known[b]))
                f->joined[a][b >> 6] |= (uint64_t)1 << (b & 63);
}

/* The same for characters that no step changes, far from ASCII.  Characters that
 * have no token must not become one <unk> with their neighbours. */
static void plan_wide(const struct tokenizer *t, struct tok_fast *f)
{
    f->wide = f->pairs && t->model == MODEL_BPE;
    for (size_t i = 0; i < t->norm.n; i++) f->wide = f->wide && !t->norm.step[i].map;
    for (int id = 0; f->wide && id < t->vocab.n; id++) {
        size_t n, pos = 0;
        if (!(t->vocab.v[id].flags & VOCAB_USED)) continue;
        const uint8_t *s = (const uint8_t *)vocab_text(&t->vocab, id, &n);
        for (uint32_t before = 0; pos < n;) {
            struct uni_char c = uni_next(s + pos, n - pos);
            uint32_t bit = tok_wide_pair(before, c.cp);
            if (c.len == n && c.len == 3 && (t->vocab.v[id].flags & VOCAB_MODEL))
                f->has_token[c.cp >> 6] |= (uint64_t)1 << (c.cp & 63);
            f->together[bit >> 6] |= (uint64_t)(pos > 0) << (bit & 63);
            before = c.cp;
            pos += c.len;
        }
    }
}

static bool plan_spaces(const struct tokenizer *t, struct tok_fast *f)
{
    f->kind = CUT_SPACES;
    if (t->model == MODEL_WORDLEVEL && t->source == SOURCE_SPM) return false; /* unknown words melt */
    /* A part begins with the mark of a space; were it unknown, it would melt
     * into an unknown character at the end of the part before. */
    int mark = vocab_find(&t->vocab, "\xE2\x96\x81", 3);
    if (mark < 0 || (t->vocab.v[mark].flags & (VOCAB_MODEL | VOCAB_UNUSED)) != VOCAB_MODEL) return false;
    bool marks = false; /* spaces become U+2581 */
    for (size_t i = 0; i < t->norm.n; i++) {
        const struct norm_step *s = &t->norm.step[i];
        if (!space_step(s, f)) return false;
        marks = marks || s->kind == NORM_SPM ||
                (s->kind == NORM_REPLACE && !s->re && is_text(s, " ") && s->n_to == 3 &&
                 memcmp(s->to, "\xE2\x96\x81", 3) == 0);
    }
    f->newlines = true;
    for (size_t i = 0; i < t->norm.n; i++) {
        const struct norm_step *s = &t->norm.step[i];
        if (s->map || s->kind == NORM_NMT || s->kind == NORM_STRIP || s->re) f->newlines = false;
        if (s->kind == NORM_REPLACE && !s->re && memchr(s->from, '\n', s->n_from)) f->newlines = false;
    }
    plan_gaps(t, f);
    if (t->pre.n > 1) return false;
    if (t->pre.n == 1) {
        const struct pre_step *p = t->pre.step;
        if (p->kind != PRE_METASPACE || p->cp != 0x2581) return false;
        f->first = true;
        f->carry = !p->cut;
        return p->cut || tokens_stay_in_words(t);
    }
    f->carry = true;
    return marks && tokens_stay_in_words(t);
}

/* Steps that leave the middle of a part to the rules of *map. */
static bool plan_rules(const struct tokenizer *t, const struct tok_fast *f, const struct charsmap **map)
{
    *map = NULL;
    if (f->carry) {
        *map = t->norm.n == 1 ? t->norm.step->map : NULL;
        return f->direct && (!*map || f->separate);
    }
    if (t->pre.n != 1 || !t->pre.step->cut) return false;
    for (size_t i = 0; i < t->norm.n; i++) {
        const struct norm_step *s = &t->norm.step[i];
        if (s->kind == NORM_PRECOMPILED && !*map) *map = s->map;
        else if (s->kind != NORM_STRIP && !(s->kind == NORM_REPLACE && (s->re ? s->runs_of_spaces : is_text(s, " "))))
            return false;
    }
    return true;
}

static int plan_walk(const struct tokenizer *t, struct tok_fast *f, struct err *e)
{
    const struct charsmap *map;
    f->longest = WORD_LONG_MAX;
    if (t->model != MODEL_UNIGRAM || f->kind != CUT_SPACES || !plan_rules(t, f, &map)) return 0;
    if (unigram_new(t, map, t->source != SOURCE_SPM, &f->walk, e)) return -1;
    if (f->walk && f->carry) f->longest = WALK_LOOKED_UP;
    return 0;
}

int tok_fast_init(struct tokenizer *t, struct err *e)
{
    struct tok_fast f = {.kind = CUT_WORDS}, g = f;
    t->fast = NULL;
    if (t->byte_level || t->normalized.n || t->has_unused) return 0;
    if (!plan_words(t, &f)) {
        if (!plan_spaces(t, &g)) return 0;
        f = g;
    }
    f.carry = t->fast_carry = f.carry && t->model == MODEL_UNIGRAM;
    f.direct = f.kind == CUT_SPACES && plan_direct(t, &f);
    plan_pairs(t, &f);
    if (plan_walk(t, &f, e)) return -1;
    plan_wide(t, &f);
    f.max_step = fabs(t->unk_score);
    for (int id = 0; f.carry && id < t->vocab.n; id++)
        if ((t->vocab.v[id].flags & VOCAB_MODEL) && fabs(t->score[id]) > f.max_step) f.max_step = fabs(t->score[id]);
    for (int c = 0x21; c < 0x7F; c++) {
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!alnum) f.class[c] = B_PUNCT;
    }
    if (tok_plain_init(t, &f, e)) return -1;
    f.class[' '] = f.class['\t'] = f.class['\n'] = f.class['\r'] = B_SPACE;
    t->fast = mem_alloc(1, sizeof f);
    if (!t->fast) {
        unigram_free(f.walk);
        return err_oom(e, sizeof f, "a tokenizer");
    }
    *t->fast = f;
    return 0;
}

void tok_fast_free(struct tok_fast *f)
{
    if (f) unigram_free(f->walk);
    free(f);
}

/* ---- one part ---- */

/* A short part of which it is known what the chains make of it; -1: another. */
static int spell(const struct tok_fast *f, const uint8_t *p, size_t n, uint8_t *out)
{
    size_t i = 0, len = 0;
    for (; i < n && (p[i] == ' ' || p[i] == f->blank[1] || p[i] == f->blank[2] || p[i] == f->blank[3]); i++) {
        if (p[i] == '\n' && f->cut_newlines) return -1;
        if (i && f->one_space) continue;
        memcpy(out + len, "\xE2\x96\x81", 3);
        len += 3;
    }
    while (i < n) {
        uint8_t c = p[i];
        if (c < 0x80) {
            bool joined = i + 1 < n && p[i + 1] >= 0x80 && (f->joins[c][(p[i + 1] & 127) >> 6] >> (p[i + 1] & 63) & 1);
            if (!f->neutral[c] || joined) return -1;
            out[len++] = c;
            i++;
            continue;
        }
        struct uni_char u = uni_next(p + i, n - i);
        if (u.cp >= 0x10000 || !(f->still[u.cp >> 6] >> (u.cp & 63) & 1)) return -1; /* or broken */
        for (uint32_t k = 0; k < u.len; k++) out[len++] = p[i++];
    }
    return (int)len;
}

/* Through the chains.  inside: nothing is done at this end of the part. */
static int slow(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin,
                size_t end, size_t n, unsigned flags, struct tok_ids *out, struct err *e)
{
    size_t offset = s->offset;
    uint8_t direct[3 * DIRECT_MAX];
    int len = -1;
    if (t->fast->direct && begin > 0 && end < n && end - begin <= DIRECT_MAX)
        len = spell(t->fast, (const uint8_t *)text + begin, end - begin, direct);
    else if (t->fast->plain && end - begin <= DIRECT_MAX)
        len = tok_plain_spell(t->fast, (const uint8_t *)text + begin, end - begin, direct);
    if (len > 0) return tok_model_word(t, s, direct, (size_t)len, offset + begin, out, e);
    s->norm.inner_first = begin > 0 || s->goes_on;
    s->norm.inner_last = end < n;
    s->offset += begin;
    int ret = tok_segment(t, s, text + begin, end - begin, flags, out, e);
    s->offset = offset;
    s->norm.inner_first = s->norm.inner_last = false;
    return ret;
}

/* How far the second best way was, for the cache. */
static uint32_t gap_code(double gap)
{
    float f = (float)gap;
    uint32_t code;
    memcpy(&code, &f, sizeof code);
    return code;
}

static inline void go_on(const struct tokenizer *t, struct tok_scratch *s, const int32_t *ids, size_t n)
{
    if (t->spm_floats) { /* a sum of two floats in a double, rounded, is that of floats */
        float sum = (float)s->sum;
        for (size_t i = 0; i < n; i++) sum += (float)t->score[ids[i]];
        s->sum = (double)sum;
        return;
    }
    for (size_t i = 0; i < n; i++) s->sum += t->score[ids[i]];
}

/* Sums are only bounded while that is enough; here the one at place `at` is added
 * up, and how far it can come until the end of the batch. */
static void settle(const struct tokenizer *t, struct tok_scratch *s, size_t at, const struct tok_ids *out)
{
    double step = t->fast->max_step, left;
    if (out->n > s->summed) go_on(t, s, out->id + s->summed, out->n - s->summed);
    s->summed = out->n;
    left = UNIGRAM_REBASE + s->sum;
    s->last_place = tok_last_place(fabs(s->sum) + (double)(s->until - at) * step, t->spm_floats);
    s->safe = at;
    if (!t->spm_floats || step * (double)(s->until - at) < left) s->safe = s->until;
    else if (left > 0) s->safe += (size_t)(left / step);
}

static inline bool gap_is_wide(const struct tok_scratch *s, uint32_t code, size_t len)
{
    float gap;
    memcpy(&gap, &code, sizeof gap);
    return (double)gap > (double)(2 * len + 2) * s->last_place;
}

/* If not, the sum at `begin` is added up. */
static bool gap_holds(const struct tokenizer *t, struct tok_scratch *s, uint32_t code, size_t begin, size_t len,
                      const struct tok_ids *out)
{
    float gap;
    if (gap_is_wide(s, code, len)) return true;
    settle(t, s, begin, out);
    memcpy(&gap, &code, sizeof gap);
    return tok_gap_holds((double)gap, len, s->sum, t->fast->max_step, t->spm_floats);
}

static bool plain_ids(const struct tokenizer *t, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == t->unk_id || (t->vocab.v[ids[i]].flags & (VOCAB_USER | VOCAB_ADDED)) ||
            tok_byte_of(t, ids[i]) >= 0)
            return false;
    return true;
}

/* The ids of a part that the cache knows, or NULL. */
static inline const int32_t *known(struct tok_scratch *s, const uint8_t *word, size_t len, const struct word_key *key,
                                   size_t *n_ids, uint32_t *code)
{
    if (len <= WORD_KEY_MAX) return word_cache_ids(&s->cache, key, n_ids, code);
    return len <= WORD_LONG_MAX ? word_cache_get_long(&s->cache, key, word, len, n_ids, code) : NULL;
}

static void remember(struct tok_scratch *s, const uint8_t *word, size_t len, const struct word_key *key,
                     const int32_t *ids, size_t n, uint32_t code)
{
    if (len <= WORD_KEY_MAX) word_cache_add_code(&s->cache, key, ids, n, code);
    else if (len <= WORD_LONG_MAX) word_cache_add_long(&s->cache, key, word, len, ids, n, code);
}

static int put_ids(const int32_t *ids, size_t n, struct tok_ids *out, struct err *e)
{
    if (tok_ids_room(out, n, e)) return -1;
    memcpy(out->id + out->n, ids, n * sizeof *ids);
    out->n += n;
    return 0;
}

/* A part that the cache does not know, from sum 0, for the cache; false: through the chains. */
static bool walked(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, size_t begin, size_t len,
                   const struct word_key *key, const struct tok_ids *out, struct unigram_path *path)
{
    if (!t->fast->walk || !tok_walk(t->fast, text + begin, len, 0, path)) return false;
    uint32_t code = gap_code(path->gap);
    remember(s, text + begin, len, key, path->ids, path->n, code);
    if (!gap_holds(t, s, code, begin, len, out)) tok_walk(t->fast, text + begin, len, s->sum, path);
    return true;
}

/* A part by a way that goes on from the sum itself. */
static int exactly(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin, size_t end,
                   size_t n, unsigned flags, struct tok_ids *out, struct err *e)
{
    bool walk = t->fast->walk && end - begin > t->fast->longest;
    settle(t, s, begin, out);
    if (walk ? tok_walk_long(t, s, text, begin, end, n, flags, slow, out, e) : slow(t, s, text, begin, end, n, flags, out, e))
        return -1;
    s->summed = out->n;
    settle(t, s, end, out);
    return 0;
}

/* Sums go on: the ids of a part hold while its gap is larger than the rounding. */
static int carried(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin,
                   size_t end, size_t n, const struct word_key *key, unsigned flags, struct tok_ids *out, struct err *e)
{
    const uint8_t *word = (const uint8_t *)text + begin;
    size_t from = out->n, len = end - begin, n_ids;
    uint32_t code;
    if (len > t->fast->longest || begin == 0 || end == n) return exactly(t, s, text, begin, end, n, flags, out, e);
    /* Near the sum where SentencePiece begins again the way has to be walked. */
    if (end > s->safe) settle(t, s, begin, out);
    if (end > s->safe) return exactly(t, s, text, begin, end, n, flags, out, e);
    const int32_t *ids = known(s, word, len, key, &n_ids, &code);
    if (ids && gap_holds(t, s, code, begin, len, out)) return put_ids(ids, n_ids, out, e);
    if (ids) return exactly(t, s, text, begin, end, n, flags, out, e);
    struct unigram_path path;
    if (walked(t, s, (const uint8_t *)text, begin, len, key, out, &path)) return put_ids(path.ids, path.n, out, e);
    settle(t, s, begin, out);
    double sum = s->sum; /* from 0, for the cache */
    s->sum = 0;
    if (slow(t, s, text, begin, end, n, flags, out, e)) return -1;
    code = gap_code(s->gap);
    bool plain = plain_ids(t, out->id + from, out->n - from);
    if (plain) remember(s, word, len, key, out->id + from, out->n - from, code);
    s->sum = sum;
    size_t more = out->n - from;
    out->n = from;
    if (!plain || !gap_holds(t, s, code, begin, len, out)) return exactly(t, s, text, begin, end, n, flags, out, e);
    out->n += more;
    return 0;
}

/* ---- a segment ---- */

/* One batch: all slots are asked for before the first is looked at. */
static void ask_all(struct tok_scratch *s, const uint8_t *p, size_t n, size_t count)
{
    struct tok_words *w = s->words;
    if (s->t->fast->kind == CUT_SPACES) { /* nothing is between the parts */
        s->batch->ask(&s->cache, p, n, s->begins[0], w->ends, count, w->keys);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t begin = s->begins[i], len = w->ends[i] - begin;
        if (len <= WORD_KEY_MAX) word_cache_ask(&s->cache, p + begin, len, n - begin, &w->keys[i]);
        else word_batch_ask_long(&s->cache, p + begin, len, &w->keys[i]);
    }
}

/* Whether the part waits to be merged with others: one of which it is known what
 * the chains make of it, and all of whose characters are pieces (of them, and so of
 * symbols, there are not more than bytes). */
static bool put_off(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                    size_t n, struct tok_ids *out, struct err *e)
{
    uint8_t direct[3 * DIRECT_MAX];
    size_t n_symbols;
    if (!t->fast->direct || t->model != MODEL_BPE || !t->bpe.n_merges || t->ignore_merges || n > BPE_JOB_MAX)
        return false;
    if (tok_ids_room(out, BPE_JOB_MAX, e)) return false; /* it will fail once more */
    if (tok_misses_again(t, s, key, word, n, out)) return true;
    int len = spell(t->fast, word, n, direct);
    int32_t *ids = tok_misses_symbols(s);
    if (len <= 0 || tok_symbols(t, direct, (size_t)len, 0, ids, &n_symbols, e) || !n_symbols)
        return false;
    for (size_t i = 0; i < n_symbols; i++)
        if (ids[i] == t->unk_id || ids[i] >= t->vocab.n) return false;
    tok_misses_add(t, s, key, word, n, n_symbols, out);
    return true;
}

static int one_part(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin, size_t end,
                    size_t n, const struct word_key *key, unsigned flags, struct tok_ids *out, struct err *e)
{
    const struct tok_fast *f = t->fast;
    const uint8_t *word = (const uint8_t *)text + begin;
    size_t from = out->n, len = end - begin, n_ids;
    uint32_t code;
    bool special = (f->first && begin == 0 && !s->goes_on) || (f->last && end == n) || len > WORD_LONG_MAX;
    const int32_t *ids = special || len <= WORD_KEY_MAX ? NULL : known(s, word, len, key, &n_ids, &code);
    if (ids) {
        if (tok_ids_room(out, n_ids, e)) return -1;
        memcpy(out->id + out->n, ids, n_ids * sizeof *ids);
        out->n += n_ids;
        return 0;
    }
    if (!special && begin > 0 && end < n && put_off(t, s, key, word, len, out, e)) return 0;
    struct unigram_path path;
    if (f->walk && !special && begin > 0 && end < n && tok_walk(f, word, len, 0, &path)) {
        if (put_ids(path.ids, path.n, out, e)) return -1;
    } else if (slow(t, s, text, begin, end, n, flags, out, e)) {
        return -1;
    }
    if (special) return 0;
    if (len <= WORD_KEY_MAX) word_cache_add(&s->cache, key, out->id + from, out->n - from);
    else word_cache_add_long(&s->cache, key, word, len, out->id + from, out->n - from, 0);
    return 0;
}

static int batch(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                 size_t count, unsigned flags, struct tok_ids *out, struct err *e)
{
    const struct tok_fast *f = t->fast;
    const struct tok_words *w = s->words;
    size_t i = f->first && s->begins[0] == 0 && !s->goes_on, common = count - (f->last && w->ends[count - 1] == n);
    if (tok_ids_room(out, BATCH * (WORD_KEY_MAX + 1), e)) return -1;
    if (i && one_part(t, s, text, s->begins[0], w->ends[0], n, &w->keys[0], flags, out, e)) return -1;
    while (i < count) {
        if (tok_ids_room(out, BATCH * (WORD_KEY_MAX + 1), e)) return -1;
        int32_t *to = out->id + out->n; /* as long as nothing is missed */
        if (i < common) i = s->batch->get(&s->cache, w->keys, i, common, &to);
        out->n = (size_t)(to - out->id);
        if (i < count && one_part(t, s, text, s->begins[i], w->ends[i], n, &w->keys[i], flags, out, e)) return -1;
        i++;
    }
    return 0;
}

bool tok_fast_newlines(const struct tokenizer *t)
{
    const struct tok_fast *f = t->fast;
    return f && f->kind == CUT_SPACES && f->cut_newlines && !f->carry && t->pre.n == 0;
}

/* A count does not need the ids of parts that are done. */
static inline void let_go(const struct tokenizer *t, struct tok_scratch *s, struct tok_ids *out)
{
    if (!out->count_only || out->n < 1 << 16) return;
    tok_misses_merge(t, s, out);
    out->gone += out->n;
    out->n = 0;
}

/* A batch where sums go on. */
static int carry_batch(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, size_t count,
                       unsigned flags, struct tok_ids *out, struct err *e)
{
    const size_t *begins = s->begins, *ends = s->words->ends;
    const struct word_key *keys = s->words->keys;
    for (size_t i = 0; i < count; i++) {
        if (tok_ids_room(out, BATCH * (WORD_KEY_MAX + 1), e)) return -1;
        int32_t *to = out->id + out->n; /* as long as nothing is missed */
        for (; i < count; i++) {
            size_t len = ends[i] - begins[i], n_ids;
            uint32_t code;
            if (len > WORD_KEY_MAX || begins[i] == 0 || ends[i] == n || ends[i] > s->safe) break;
            const int32_t *ids = word_cache_ids(&s->cache, &keys[i], &n_ids, &code);
            if (!ids || !gap_is_wide(s, code, len)) break;
            memcpy(to, ids, WORD_INLINE * sizeof *ids); /* so much is always there */
            if (n_ids > WORD_INLINE) memcpy(to, ids, n_ids * sizeof *ids);
            to += n_ids;
        }
        out->n = (size_t)(to - out->id);
        if (i < count && carried(t, s, text, begins[i], ends[i], n, &keys[i], flags, out, e)) return -1;
    }
    return 0;
}

int tok_fast_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                     unsigned flags, struct tok_ids *out, struct err *e)
{
    const struct tok_fast *f = t->fast;
    size_t pos = 0, count;
    int ret = 0;
    s->sum = 0;
    s->summed = out->n;
    while (ret == 0 && pos < n &&
           (count = tok_cut(f, (const uint8_t *)text, n, &pos, s->begins, s->words->ends, BATCH))) {
        ask_all(s, (const uint8_t *)text, n, count);
        if (f->carry) {
            s->until = s->words->ends[count - 1];
            settle(t, s, s->begins[0], out);
        }
        let_go(t, s, out);
        s->summed = out->n;
        ret = f->carry ? carry_batch(t, s, text, n, count, flags, out, e) : batch(t, s, text, n, count, flags, out, e);
    }
    s->sum = 0;
    if (ret) tok_misses_drop(&s->misses);
    else tok_misses_merge(t, s, out);
    return ret;
}
