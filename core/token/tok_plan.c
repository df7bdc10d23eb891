/* Whether the parts of a text can be encoded by themselves, and where it is cut then. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/regex_runs.h"
#include "core/token/tok_cut.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_plan.h"
#include "core/token/tok_scratch.h"
#include "core/token/tok_walk.h"
#include "core/token/unicode.h"

static bool is_text(const struct norm_step *s, const char *text)
{
    return s->n_from == strlen(text) && memcmp(s->from, text, s->n_from) == 0;
}

static bool makes_mark(const struct norm_step *s)
{
    return s->n_to == 3 && memcmp(s->to, "\xE2\x96\x81", 3) == 0;
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

/* White space becomes other white space. */
static bool keeps_gaps(const struct norm_step *s)
{
    return s->kind == NORM_REPLACE && s->re && regex_takes_space(s->re) && s->n_to == 1 && *s->to == ' ';
}

static bool plan_words(const struct tokenizer *t, struct tok_fast *f)
{
    const struct pre_step *p = t->pre.step;
    if (t->pre.n == 0 || t->needs_origin) return false;
    if (!pre_drops_spaces(p)) return false;
    bool punct = p->kind == PRE_SPLIT_SET && t->pre.n == 2 && p[1].kind == PRE_SPLIT_SET && p[1].set == SET_PUNCT;
    for (size_t i = 0; i < t->norm.n; i++)
        if (!local_step(t->norm.step[i].kind) && t->norm.step[i].kind != NORM_STRIP && !keeps_gaps(&t->norm.step[i])) return false;
    f->kind = CUT_WORDS;
    f->punct = punct && p[1].behavior == PRE_ISOLATED && !p[1].invert;
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
        if (s->re) return s->runs_of_spaces && (makes_mark(s) || (s->n_to == 1 && *s->to == ' '));
        return is_text(s, " ") ? makes_mark(s) : !memchr(s->from, ' ', s->n_from);
    case NORM_PRECOMPILED: return plan_rules_keep_spaces(s->map);
    case NORM_SPM:
        f->first = true;
        f->suffix = s->dummy_suffix;
        f->last = s->remove_extra || s->dummy_suffix;
        return s->escape && (!s->map || plan_rules_keep_spaces(s->map));
    default: return local_step(s->kind) && s->kind != NORM_BERT_CLEAN;
    }
}

static inline bool is_mark(const char *s, size_t n)
{
    return *s == '\xE2' && n >= 3 && s[1] == '\x96' && s[2] == '\x81';
}

/* No token reaches over the beginning of a word: the mark of a space comes first in
 * it, or after another.  behind: ... over its end: the mark comes last, or before another. */
static bool tokens_stay_in_words(const struct tokenizer *t, bool behind)
{
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n;
        if (!(t->vocab.v[id].flags & VOCAB_MODEL)) continue;
        const char *s = vocab_text(&t->vocab, id, &n);
        for (size_t i = 0; i < n; i++) {
            if (s[i] != ' ' && s[i] != '\xE2') continue;
            if (s[i] == ' ') return false;
            if (!is_mark(s + i, n - i)) continue;
            size_t end = i + 3;
            if (behind ? end < n && !is_mark(s + end, n - end) : i && (i < 3 || !is_mark(s + i - 3, 3))) return false;
        }
    }
    return true;
}

/* Whether a text can be cut before its spaces, or, where nothing is put in front of it, behind them. */
static bool words_hold_tokens(const struct tokenizer *t, struct tok_fast *f)
{
    if (tokens_stay_in_words(t, false)) return true;
    const struct norm_step *s = t->norm.n == 1 ? t->norm.step : NULL;
    f->behind = s && s->kind == NORM_SPM && !s->dummy_prefix && tokens_stay_in_words(t, true);
    return f->behind;
}

static bool in_tokens(const struct tokenizer *t, char c)
{
    return memchr(t->vocab.pool.data, c, t->vocab.pool.len) != NULL;
}

/* Whether the steps leave this white space what it is, or make a space of it. */
static bool stays_space(const struct tokenizer *t, char byte)
{
    const char *to;
    for (size_t i = 0; i < t->norm.n; i++) {
        const struct norm_step *s = &t->norm.step[i];
        if (s->kind == NORM_REPLACE && !s->re && memchr(s->from, byte, s->n_from)) return false;
        if (s->kind == NORM_PRECOMPILED && charsmap_match(s->map, &byte, 1, false, &to) && !plan_rules_make_space(s->map, byte))
            return false;
    }
    return true;
}

/* Whether rules make a space of this white space before one is left of each run, and no other step looks at it. */
static bool melts(const struct tokenizer *t, char byte)
{
    const struct charsmap *map = NULL;
    bool one = false;
    for (size_t i = 0; i < t->norm.n; i++) {
        const struct norm_step *s = &t->norm.step[i];
        bool runs = s->kind == NORM_REPLACE && s->re && map;
        if (s->kind == NORM_PRECOMPILED && !map) map = s->map;
        else if (s->kind == NORM_REPLACE && !runs && (s->re || memchr(s->from, byte, s->n_from) || (!one && is_text(s, " ")))) return false;
        else if (s->kind != NORM_REPLACE && s->kind != NORM_STRIP && !local_step(s->kind)) return false;
        one = one || runs;
    }
    return one && plan_rules_make_space(map, byte) && !in_tokens(t, byte);
}

/* Whether BPE may leave out what it does not know: then symbols meet that were not side by side. */
static bool leaves_out(const struct tokenizer *t)
{
    bool bytes = t->byte_fallback;
    for (int b = 0; b < 0xF5 && bytes; b++) bytes = b == 0xC0 || b == 0xC1 || t->byte_id[b] >= 0;
    return t->source == SOURCE_JSON && t->drop_unknown && t->unk_id < 0 && !bytes;
}

/* Whether the model finds the same in the parts of a text as in the whole, where no step cuts that. */
static bool model_sees_parts(const struct tokenizer *t)
{
    bool odd = tok_has_affixes(t); /* only at the ends of the whole */
    return t->model == MODEL_UNIGRAM || (t->model == MODEL_BPE && !odd && !t->ignore_merges && !leaves_out(t));
}

/* White space that is as good as a space, and newlines that stand alone. */
static void plan_gaps(const struct tokenizer *t, struct tok_fast *f)
{
    const struct norm_step *s = t->norm.n == 1 ? t->norm.step : NULL;
    memset(f->blank, ' ', sizeof f->blank);
    f->separate = s && s->kind == NORM_SPM && s->map && !plan_rules_in_ascii(s->map);
    if (s && s->kind == NORM_SPM && s->map) {
        size_t n = 1;
        for (const char *c = f->separate ? "\n\t\r" : ""; *c; c++)
            if (plan_rules_make_space(s->map, *c) && !in_tokens(t, *c)) f->blank[n++] = (uint8_t)*c;
    } else if (t->pre.n == 2) {
        size_t n = 1;
        for (const char *c = "\n\t\r"; *c; c++)
            if (stays_space(t, *c)) f->blank[n++] = (uint8_t)*c;
        f->newlines = false;
    } else if (t->pre.n == 1 && t->pre.step->kind == PRE_METASPACE && t->pre.step->cut) {
        size_t n = 1;
        for (const char *c = "\n\t\r"; *c; c++)
            if (melts(t, *c)) f->blank[n++] = (uint8_t)*c;
    } else if (f->newlines && t->model == MODEL_BPE && model_sees_parts(t) && t->byte_fallback && t->byte_id['\n'] >= 0 && !in_tokens(t, '\n')) {
        f->cut_newlines = true;
        f->blank[1] = '\n';
    }
}

static void plan_still(const struct charsmap *m, struct tok_fast *f)
{
    char s[4] = {0};
    for (int c = 0; m && c < 128; c++)
        for (int b = 0; b < 128; b++) {
            s[0] = (char)c;
            s[1] = (char)(128 + b);
            f->joins[c][b >> 6] |= (uint64_t)plan_rules_begin_with(m, s, 2) << (b & 63);
        }
    for (uint32_t cp = 128; cp < 0x10000; cp++) {
        int n = utf8_encode(cp, s);
        f->still[cp >> 6] |= (uint64_t)(n > 0 && (!m || !plan_rules_begin_with(m, s, (size_t)n))) << (cp & 63);
    }
}

/* A step that makes U+2581 of spaces, perhaps puts one in front, and does not cut. */
static bool only_marks_spaces(const struct pre_chain *c)
{
    return c->n == 1 && c->step->kind == PRE_METASPACE && c->step->cp == 0x2581 && !c->step->cut;
}

/* Steps that do to a part of spaces and neutral characters what plan says. */
static bool plan_direct(const struct tokenizer *t, struct tok_fast *f)
{
    const struct charsmap *map = NULL;
    if (t->pre.n && !(t->model == MODEL_BPE && t->norm.n == 0 && only_marks_spaces(&t->pre))) return false;
    for (size_t i = 0; i < t->norm.n; i++) {
        const struct norm_step *s = &t->norm.step[i];
        if (s->kind == NORM_SPM) {
            if (t->norm.n != 1 || !s->escape) return false;
            map = s->map;
            f->one_space = s->remove_extra;
        } else if (s->kind == NORM_REPLACE) {
            if (s->re || !is_text(s, " ")) return false;
        } else if (s->kind != NORM_PREPEND) {
            return false;
        }
    }
    f->as_is = !map;
    if (map && !f->separate) return true;
    for (int c = 0x21; c < 0x7F; c++) f->neutral[c] = plan_rules_leave(map, (uint8_t)c);
    plan_still(map, f);
    return true;
}

/* SentencePiece's unused pieces are no tokens of a text. */
static bool comes_out(const struct tokenizer *t, int id)
{
    return (t->vocab.v[id].flags & (VOCAB_MODEL | VOCAB_UNUSED)) == VOCAB_MODEL;
}

/* Pairs of characters that some token has side by side are not cut; nor are
 * those that have no token, which could become one <unk> with their neighbour. */
static void join_pairs(const struct tokenizer *t, struct tok_fast *f)
{
    bool known[128] = {false}, side_by_side[128][128] = {{false}};
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n;
        if (!(t->vocab.v[id].flags & VOCAB_USED)) continue;
        const uint8_t *s = (const uint8_t *)vocab_text(&t->vocab, id, &n);
        if (n == 1 && s[0] < 0x80 && comes_out(t, id)) known[s[0]] = true;
        for (size_t i = 1; i < n; i++)
            if ((s[i - 1] | s[i]) < 0x80) side_by_side[s[i - 1]][s[i]] = true;
    }
    for (int a = 0; a < 128; a++)
        for (int b = 0; b < 128; b++)
            if (b != ' ' && (side_by_side[a][b] || !f->neutral[a] || !f->neutral[b] || (!f->inside && (!known[a] || !known[b]))))
                f->joined[a][b >> 6] |= (uint64_t)1 << (b & 63);
}

static void plan_pairs(const struct tokenizer *t, struct tok_fast *f)
{
    bool odd = tok_has_affixes(t);
    f->pairs = f->direct && !odd && (t->model == MODEL_BPE || (t->model == MODEL_UNIGRAM && f->carry));
    if (f->pairs) join_pairs(t, f);
}

/* The unknown token that stands in a text is one with another behind it. */
static void join_unknown(const struct tokenizer *t, struct tok_fast *f)
{
    size_t n;
    const uint8_t *s = (const uint8_t *)vocab_text(&t->vocab, t->unk_id < 0 ? 0 : t->unk_id, &n);
    if (n && (s[n - 1] | s[0]) < 0x80) f->joined[s[n - 1]][s[0] >> 6] |= (uint64_t)1 << (s[0] & 63);
}

/* Characters that become the same are joined with the same ones. */
static void join_same(const struct unigram *u, struct tok_fast *f)
{
    uint8_t same[128];
    uint64_t joined[128][2] = {{0}};
    for (uint8_t c = 0; c < 128; c++)
        for (same[c] = 0; same[c] < c && !(f->neutral[c] && f->neutral[same[c]] && u->symbol[same[c]] == u->symbol[c]);) same[c]++;
    for (int a = 0; a < 128; a++)
        for (int b = 0; b < 128; b++)
            joined[same[a]][same[b] >> 6] |= (f->joined[a][b >> 6] >> (b & 63) & 1) << (same[b] & 63);
    for (int a = 0; a < 128; a++)
        for (int b = 0; b < 128; b++)
            f->joined[a][b >> 6] |= (joined[same[a]][same[b] >> 6] >> (same[b] & 63) & 1) << (b & 63);
}

/* The same where unigram's sums begin again at each word, for characters that become one symbol
 * whatever is around them.  The sum at a part's beginning is that of the word so far, of at most
 * UINT32_MAX bytes. */
static void plan_inside(const struct tokenizer *t, struct tok_fast *f)
{
    if (!f->walk || f->carry) return;
    const struct unigram *u = f->walk;
    f->pairs = f->inside = true;
    for (int c = 0x21; c < 0x7F; c++)
        f->neutral[c] = u->symbol[c] && !(u->symbol[c] & UNIGRAM_MANY) && unigram_symbol_id(u, u->symbol[c]) != t->unk_id;
    join_pairs(t, f);
    join_unknown(t, f);
    join_same(u, f);
    f->wide_gap = tok_last_place(2.0 * (double)UINT32_MAX * f->max_step, false);
}

/* Characters of three bytes: the token itself, and two that it has side by side. */
static void note_wide(const struct tokenizer *t, int id, struct tok_fast *f)
{
    size_t n;
    const uint8_t *s = (const uint8_t *)vocab_text(&t->vocab, id, &n);
    for (size_t i = 0; i + 3 <= n; i++) {
        if (s[i] < 0xE0 || s[i] > 0xEF) continue;
        uint32_t a = tok_wide_at(s + i);
        if (n == 3 && comes_out(t, id)) f->has_token[a >> 6] |= (uint64_t)1 << (a & 63);
        if (i + 6 > n || s[i + 3] < 0xE0 || s[i + 3] > 0xEF) continue;
        uint32_t bit = tok_wide_pair(a, tok_wide_at(s + i + 3));
        f->together[bit >> 6] |= (uint64_t)1 << (bit & 63);
    }
}

/* The same for characters that no step changes, far from ASCII.  Characters that
 * have no token must not become one <unk> with their neighbours. */
static void plan_wide(const struct tokenizer *t, struct tok_fast *f)
{
    bool certain = f->carry && f->walk;
    f->wide = f->pairs && (t->model == MODEL_BPE || certain);
    for (size_t i = 0; i < t->norm.n; i++) f->wide = f->wide && (certain || !t->norm.step[i].map);
    for (int id = 0; f->wide && id < t->vocab.n; id++)
        if (t->vocab.v[id].flags & VOCAB_USED) note_wide(t, id, f);
    /* What may change a character stands behind another, and may change with the one behind it. */
    for (size_t cp = 0; certain && cp < 0x10000; cp++)
        if (!(f->still[cp >> 6] >> (cp & 63) & 1) || !f->walk->symbol[cp] || f->walk->symbol[cp] == f->walk->unknown)
            f->has_token[cp >> 6] &= ~((uint64_t)1 << (cp & 63));
    uint64_t any = 0;
    for (size_t i = 0x3000 >> 6; i < 0xE000 >> 6; i++) any |= f->has_token[i];
    f->wide = f->wide && any; /* vocabularies of other scripts: nothing would be cut */
}

/* Words are what stands between white space, each with U+2581 in front.  (White space that
 * became U+2581 already would make words of its own.) */
static bool splits_white_space(const struct tokenizer *t)
{
    const struct pre_step *s = t->pre.step;
    for (size_t i = 0; i < t->norm.n; i++)
        if (t->norm.step[i].kind == NORM_REPLACE && makes_mark(&t->norm.step[i])) return false;
    return t->pre.n == 2 && s->kind == PRE_SPLIT_SET && s->set == SET_SPACE && s->behavior == PRE_REMOVED && !s->invert &&
           s[1].kind == PRE_METASPACE && s[1].cp == 0x2581 && s[1].scheme == SCHEME_ALWAYS;
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
                (s->kind == NORM_REPLACE && !s->re && is_text(s, " "));
    }
    f->newlines = true;
    for (size_t i = 0; i < t->norm.n; i++) {
        const struct norm_step *s = &t->norm.step[i];
        if (s->map || s->kind == NORM_NMT || s->kind == NORM_STRIP || s->re) f->newlines = false;
        if (s->kind == NORM_REPLACE && !s->re && memchr(s->from, '\n', s->n_from)) f->newlines = false;
    }
    plan_gaps(t, f);
    if (t->pre.n == 2) {
        f->first = true;
        return splits_white_space(t);
    }
    if (t->pre.n > 1) return false;
    if (t->pre.n == 1) {
        const struct pre_step *p = t->pre.step;
        if (p->kind != PRE_METASPACE || p->cp != 0x2581) return false;
        f->first = true;
        f->carry = !p->cut;
        return p->cut || (model_sees_parts(t) && tokens_stay_in_words(t, false));
    }
    f->carry = true;
    return marks && model_sees_parts(t) && words_hold_tokens(t, f);
}

/* Steps that leave characters alone, or make others of each by itself, but for some (unigram_steps.c). */
static bool keeps_most(const struct norm_step *s)
{
    return s->kind == NORM_NFC || s->kind == NORM_NFD || s->kind == NORM_NFKC || s->kind == NORM_NFKD ||
           s->kind == NORM_LOWERCASE || s->kind == NORM_STRIP_ACCENTS || (s->kind == NORM_REPLACE && !s->re);
}

/* What becomes of a run of spaces where they are cut into words. */
static enum tok_blanks plan_blanks(const struct tokenizer *t)
{
    const struct norm_chain *c = &t->norm;
    const struct norm_step *runs = NULL;
    bool other = false;
    for (size_t i = 0; i < c->n; i++) {
        const struct norm_step *s = &c->step[i];
        if (s->kind == NORM_REPLACE && s->re && !runs) runs = s;
        else other = other || (s->kind == NORM_REPLACE && (s->re || is_text(s, " ")));
    }
    if (t->pre.n == 2) return BLANKS_ONE;
    if (!runs) return BLANKS_WORDS;
    return other ? BLANKS_UNCLEAR : BLANKS_ONE;
}

/* Steps that leave the middle of a part to the rules of *map, or to keeps_most(). */
static bool plan_rules(const struct tokenizer *t, const struct tok_fast *f, const struct charsmap **map)
{
    *map = NULL;
    if (f->carry) {
        *map = t->norm.n == 1 ? t->norm.step->map : NULL;
        return f->direct && (!*map || f->separate);
    }
    if (!splits_white_space(t) && (t->pre.n != 1 || !t->pre.step->cut)) return false;
    for (size_t i = 0; i < t->norm.n; i++) {
        const struct norm_step *s = &t->norm.step[i];
        if (s->kind == NORM_PRECOMPILED && !*map) *map = s->map;
        else if (s->kind == NORM_STRIP || (s->kind == NORM_REPLACE && (s->re ? s->runs_of_spaces : is_text(s, " "))))
            continue;
        else if (!keeps_most(s)) return false;
    }
    return true;
}

static int plan_walk(const struct tokenizer *t, struct tok_fast *f, struct err *e)
{
    const struct charsmap *map;
    f->longest = WORD_LONG_MAX;
    f->blanks = plan_blanks(t);
    if (t->model != MODEL_UNIGRAM || f->kind != CUT_SPACES || !plan_rules(t, f, &map)) return 0;
    if (unigram_new(t, map, t->source != SOURCE_SPM, &f->walk, e)) return -1;
    if (f->walk && f->carry) f->longest = WALK_LOOKED_UP;
    return 0;
}

/* Whether a newline becomes its byte, whatever is around it. */
static bool falls_to_byte(const struct tokenizer *t, const struct tok_fast *f)
{
    const struct unigram *u = f->walk;
    bool own = f->carry && u && u->first_byte && u->symbol['\n'] == u->first_byte + '\n' && !in_tokens(t, '\n');
    return own && !(t->norm.step->map && plan_rules_begin_with(t->norm.step->map, "\n", 1));
}

/* A character's symbol, if it is one whatever is around it, and has a token; or -1. */
static int32_t only_symbol(const struct tokenizer *t, const uint8_t *c, size_t n)
{
    struct err e;
    int32_t id[4];
    size_t count;
    uint32_t user = 0;
    bool begins = t->source == SOURCE_SPM && t->user.n; /* a user-defined piece */
    for (size_t i = 0; i < n && begins; i++) begins = (user = trie_step(&t->user, user, c[i])) != 0;
    if (begins || tok_symbols(t, c, n, 0, id, &count, &e) || count != 1) return -1;
    return id[0] == t->unk_id || id[0] >= t->vocab.n ? -1 : id[0];
}

static int plan_symbols(const struct tokenizer *t, struct tok_fast *f, struct err *e)
{
    bool odd = tok_has_affixes(t);
    f->mark = t->model == MODEL_BPE && f->direct && !odd ? only_symbol(t, (const uint8_t *)"\xE2\x96\x81", 3) : -1;
    if (f->mark < 0) return 0;
    f->symbol = mem_zalloc(0x10000, sizeof *f->symbol);
    if (!f->symbol) return err_oom(e, 0x10000 * sizeof *f->symbol, "a tokenizer");
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n;
        const uint8_t *s = (const uint8_t *)vocab_text(&t->vocab, id, &n);
        if (!(t->vocab.v[id].flags & VOCAB_MODEL) || n == 0 || n > 3) continue;
        struct uni_char c = uni_next(s, n);
        bool stays = c.len == n && c.cp < 0x10000 && (c.cp < 0x80 ? f->neutral[c.cp] : f->still[c.cp >> 6] >> (c.cp & 63) & 1);
        if (stays) f->symbol[c.cp] = only_symbol(t, s, n) + 1;
    }
    return 0;
}

/* Bytes of what may have been a space: U+0020, U+2581; 0: it is something else. */
static size_t space_at(const char *p, const char *end)
{
    return *p == ' ' ? 1 : end - p >= 3 && memcmp(p, "\xE2\x96\x81", 3) == 0 ? 3 : 0;
}

/* Steps that neither make signs of ASCII of other characters nor change one that stays. */
static bool keeps_signs(const struct norm_chain *c)
{
    for (size_t i = 0; i < c->n; i++) {
        enum norm_kind k = c->step[i].kind;
        if (k != NORM_NFC && k != NORM_LOWERCASE && k != NORM_STRIP && !keeps_gaps(&c->step[i])) return false;
    }
    return true;
}

static bool is_sign(char c)
{
    return (uint8_t)c > 0x20 && (uint8_t)c < 0x7F && (uni_class((uint8_t)c) & (UNI_P | UNI_S));
}

/* Where what may be another text's ends: bytes, or 0. */
static size_t changes_at(const struct tok_fast *f, const char *p, const char *end)
{
    return f->kind == CUT_WORDS ? !is_sign(*p) : space_at(p, end);
}

static bool has_space(const char *s, size_t n)
{
    struct uni_char c;
    for (size_t i = 0; i < n; i += c.len) {
        c = uni_next((const uint8_t *)s + i, n - i);
        if (c.class & UNI_SPACE) return true;
    }
    return false;
}

/* Tokens that are looked for in the normalised text: of each the longest run of bytes that has
 * come as it is from the text: where only spaces change, or of signs. */
static bool plan_added(const struct tokenizer *t, struct tok_fast *f)
{
    f->n_tells = 0;
    f->tell_words = f->kind == CUT_WORDS;
    if (!t->normalized.n || f->near) return true;
    bool kept = f->kind == CUT_WORDS ? keeps_signs(&t->norm) : f->direct && f->as_is;
    if (!kept || t->normalized.n > COUNT_OF(f->tell)) return false;
    for (size_t i = 0; i < t->normalized.n; i++) {
        const struct tok_added *a = t->normalized.v[i];
        const char *p = a->form ? a->form : a->text, *end = p + (a->form ? a->form_len : a->len), *best = p;
        size_t n_best = 0, n;
        f->tell_words = f->tell_words && !has_space(p, (size_t)(end - p));
        for (const char *from = p; p < end; from = p) {
            while (p < end && !changes_at(f, p, end)) p++;
            n = (size_t)(p - from);
            if (n > n_best) best = from;
            if (n > n_best) n_best = n;
            if (p < end) p += changes_at(f, p, end);
        }
        if (n_best < 2 || a->lstrip || a->rstrip) return false;
        f->tell[f->n_tells] = best;
        f->tell_len[f->n_tells++] = n_best;
    }
    return true;
}

static bool plan_cuts(const struct tokenizer *t, struct tok_fast *f)
{
    struct tok_fast words = {.kind = CUT_WORDS}, spaces = words;
    bool by_spaces = plan_spaces(t, &spaces), by_words = plan_words(t, &words);
    *f = by_words && !(by_spaces && t->model == MODEL_UNIGRAM) ? words : spaces;
    return by_words || by_spaces;
}

/* The most that a piece adds to a sum for a byte of text: one that the user defined stands in the text as it is, but for spaces, which are
 * three bytes of it. */
static double rise_of(const struct tokenizer *t, int id, double score)
{
    bool user = t->vocab.v[id].flags & VOCAB_USER;
    return user && t->vocab.v[id].len ? 3 * score / t->vocab.v[id].len : score;
}

static int plan_scores(const struct tokenizer *t, struct tok_fast *f, struct err *e)
{
    size_t n = (size_t)t->vocab.n;
    float *floats = f->carry && t->spm_floats ? mem_alloc(n, sizeof *floats) : NULL;
    if (f->carry && t->spm_floats && !floats) return err_oom(e, n * sizeof *floats, "scores");
    f->max_step = fabs(t->unk_score);
    double rise = fmax(t->unk_score, 0);
    size_t longest = 0;
    for (size_t id = 0; id < n; id++) {
        double score = t->vocab.v[id].flags & VOCAB_MODEL ? unigram_score(t, (int)id) : 0; /* added tokens have no score */
        if (floats) floats[id] = (float)score;
        if (fabs(score) > f->max_step) f->max_step = fabs(score);
        rise = fmax(rise, rise_of(t, (int)id, score));
        if (t->vocab.v[id].len > longest) longest = t->vocab.v[id].len;
    }
    f->rise = rise;
    f->nearest = floats ? f->max_step * (double)longest : 0;
    for (uint32_t b = 0; floats && t->byte_fallback && b < 256; b++)
        if (t->byte_id[b] >= 0) floats[t->byte_id[b]] = (float)unigram_byte_score(b, t->unk_score);
    f->sums = (struct unigram_sums){floats, (float)t->unk_score, t->unk_id, fmaxf((float)f->max_step, 1), unigram_sum_best()};
    return 0;
}

static void drop(struct tok_fast *f)
{
    unigram_free(f->walk);
    free(f->symbol);
    free(f->sums.score);
}

int tok_fast_init(struct tokenizer *t, struct err *e)
{
    struct tok_fast f;
    t->fast = NULL;
    if (t->byte_level || t->has_unused || tok_symbols_most(t, 1) != 2) return 0;
    if (!plan_cuts(t, &f)) return 0;
    f.carry = t->fast_carry = f.carry && t->model == MODEL_UNIGRAM;
    f.direct = f.kind == CUT_SPACES && plan_direct(t, &f);
    if (t->normalized.n && tok_near_plan(t, &f, &f.near, e)) return -1;
    if (!plan_added(t, &f)) return 0;
    plan_pairs(t, &f);
    if (plan_walk(t, &f, e)) return -1;
    if (plan_symbols(t, &f, e)) {
        drop(&f);
        return -1;
    }
    if (t->model == MODEL_UNIGRAM && plan_scores(t, &f, e)) {
        drop(&f);
        return -1;
    }
    f.lone_newlines = falls_to_byte(t, &f);
    plan_inside(t, &f);
    plan_wide(t, &f);
    for (int c = 0x21; c < 0x7F; c++) {
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!alnum) f.class[c] = B_PUNCT;
    }
    f.formed = f.kind == CUT_WORDS && tok_form_possible(t);
    f.clip = f.kind == CUT_WORDS && !f.near && tok_clip_possible(t);
    f.class[' '] = f.class['\t'] = f.class['\n'] = f.class['\r'] = B_SPACE;
    if (f.kind == CUT_SPACES && (f.as_is || !f.cut_newlines) && (f.windows = tok_cut_windows())) tok_cut_tables(&f);
    t->fast = mem_alloc(1, sizeof f);
    if (!t->fast) {
        drop(&f);
        return err_oom(e, sizeof f, "a tokenizer");
    }
    *t->fast = f;
    return 0;
}

void tok_fast_free(struct tok_fast *f)
{
    if (f) drop(f);
    free(f);
}
