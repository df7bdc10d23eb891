#include "core/token/tok_fast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/unicode.h"

enum cut_kind {
    CUT_WORDS,  /* at white space, which is no part of a word; perhaps at punctuation */
    CUT_SPACES, /* before spaces between two ordinary characters */
};
enum byte_class { B_OTHER, B_SPACE, B_PUNCT };

struct tok_fast {
    enum cut_kind kind;
    bool punct;       /* CUT_WORDS: punctuation is a word by itself */
    bool first, last; /* something happens at the ends of a text: these parts are not cached */
    bool newlines;    /* CUT_SPACES: no step changes a newline: it is an ordinary character */
    bool carry;       /* Unigram over the whole text: sums go on from part to part */
    uint8_t class[256];
};

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
    for (int c = 0x21; c < 0x7F; c++) {
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!alnum) f.class[c] = B_PUNCT;
    }
    f.class[' '] = f.class['\t'] = f.class['\n'] = f.class['\r'] = B_SPACE;
    t->fast = mem_alloc(1, sizeof f);
    if (!t->fast) return err_oom(e, sizeof f, "a tokenizer");
    *t->fast = f;
    return 0;
}

void tok_fast_free(struct tok_fast *f)
{
    free(f);
}

/* ---- cutting ---- */

/* Next word from *pos on; false at the end. */
static inline bool next_word(const struct tok_fast *f, const uint8_t *s, size_t n, size_t *pos,
                             size_t *begin, size_t *end)
{
    size_t i = *pos;
    while (i < n && f->class[s[i]] == B_SPACE) i++;
    if (i == n) return false;
    *begin = i;
    if (f->punct) {
        /* A mark after punctuation may combine with it: then they stay together. */
        if (f->class[s[i]] == B_PUNCT && (i + 1 == n || s[i + 1] < 0x80)) {
            *pos = *end = i + 1;
            return true;
        }
        do i++;
        while (i < n && (f->class[s[i]] == B_OTHER ||
                         (f->class[s[i]] == B_PUNCT && i + 1 < n && s[i + 1] >= 0x80)));
    } else {
        do i++;
        while (i < n && f->class[s[i]] != B_SPACE);
    }
    *pos = *end = i;
    return true;
}

/* A character that no step makes to, or joins with, a space. */
static bool ordinary(struct uni_char c)
{
    uint32_t x = c.cp;
    if (x < 0x80) return x > 0x20 && x < 0x7F;
    return (x >= 0xC0 && x <= 0x24F) || (x >= 0x391 && x <= 0x3C9) || (x >= 0x400 && x <= 0x52F && x != 0x483) ||
           (x >= 0x5D0 && x <= 0x5EA) || (x >= 0x620 && x <= 0x64A) || (x >= 0x904 && x <= 0x939) ||
           (x >= 0xE01 && x <= 0xE2F) || (x >= 0x3041 && x <= 0x3096) || (x >= 0x30A1 && x <= 0x30FA) ||
           (x >= 0x4E00 && x <= 0x9FFF) || (x >= 0xAC00 && x <= 0xD7A3);
}

/* End of the part that begins at `from`: before a run of spaces between
 * ordinary characters. */
static inline size_t next_space(const struct tok_fast *f, const uint8_t *s, size_t n, size_t from)
{
    size_t i = from;
    while (i < n && s[i] == ' ') i++; /* spaces that the part begins with */
    for (; i < n; i++) {
        if (s[i] != ' ') continue;
        size_t end = i;
        while (end < n && s[end] == ' ') end++;
        if (end == n) break;
        uint8_t a = i ? s[i - 1] : ' ', b = s[end];
        bool before = a < 0x80 ? (a > 0x20 && a < 0x7F) || (a == '\n' && f->newlines) : ordinary(uni_prev(s, i));
        if (before && (b < 0x80 ? b > 0x20 && b < 0x7F : ordinary(uni_next(s + end, n - end)))) return i;
        i = end - 1;
    }
    return n;
}

/* ---- one part ---- */

/* Through the chains.  inside: nothing is done at this end of the part. */
static int slow(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin,
                size_t end, size_t n, unsigned flags, struct tok_ids *out, struct err *e)
{
    size_t offset = s->offset;
    s->norm.inner_first = begin > 0;
    s->norm.inner_last = end < n;
    s->offset += begin;
    int ret = tok_segment(t, s, text + begin, end - begin, flags, out, e);
    s->offset = offset;
    s->norm.inner_first = s->norm.inner_last = false;
    return ret;
}

/* How far the second best way was: as a power of two, for the cache. */
static uint32_t gap_code(double gap)
{
    int x = gap > 0 ? ilogb(gap) + 128 : 0;
    return (uint32_t)(x < 0 ? 0 : x > 255 ? 255 : x);
}

/* Whether sums that begin at `sum` cannot decide otherwise than sums from 0. */
static bool gap_holds(const struct tokenizer *t, uint32_t code, double sum)
{
    int bits = t->spm_floats ? 24 : 53;
    return (int)code - 128 > ilogb(fabs(sum) + 64) - bits + 5;
}

static void go_on(const struct tokenizer *t, struct tok_scratch *s, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double sum = s->sum + t->score[ids[i]];
        s->sum = t->spm_floats ? (double)(float)sum : sum;
    }
}

static bool plain_ids(const struct tokenizer *t, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == t->unk_id || (t->vocab.v[ids[i]].flags & (VOCAB_USER | VOCAB_ADDED)) ||
            tok_byte_of(t, ids[i]) >= 0)
            return false;
    return true;
}

/* Sums go on: the ids of a part hold while its gap is larger than the rounding. */
static int carried(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin,
                   size_t end, size_t n, unsigned flags, struct tok_ids *out, struct err *e)
{
    /* Near the sum where SentencePiece begins again the way has to be walked. */
    bool near = t->spm_floats && s->sum < -UNIGRAM_REBASE + 2000;
    bool cached = end - begin <= WORD_KEY_MAX && begin > 0 && end < n && !near;
    struct word_key key;
    uint32_t code;
    if (cached) {
        if (tok_ids_room(out, WORD_KEY_MAX, e)) return -1;
        word_cache_ask(&s->cache, (const uint8_t *)text + begin, end - begin, n - begin, &key);
        size_t found = word_cache_get_code(&s->cache, &key, out->id + out->n, &code);
        if (found && gap_holds(t, code, s->sum)) {
            go_on(t, s, out->id + out->n, found);
            out->n += found;
            return 0;
        }
        cached = found == 0;
    }
    size_t from = out->n;
    double sum = s->sum;
    if (cached) { /* from 0, for the cache */
        s->sum = 0;
        if (slow(t, s, text, begin, end, n, flags, out, e)) return -1;
        code = gap_code(s->gap);
        if (plain_ids(t, out->id + from, out->n - from))
            word_cache_add_code(&s->cache, &key, out->id + from, out->n - from, code);
        s->sum = sum;
        if (gap_holds(t, code, sum) && plain_ids(t, out->id + from, out->n - from)) {
            go_on(t, s, out->id + from, out->n - from);
            return 0;
        }
        out->n = from;
    }
    return slow(t, s, text, begin, end, n, flags, out, e);
}

/* ---- a segment ---- */

static int long_part(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin,
                     size_t end, size_t n, const struct word_key *key, unsigned flags, struct tok_ids *out,
                     struct err *e)
{
    const uint8_t *word = (const uint8_t *)text + begin;
    size_t from = out->n, len = end - begin, n_ids;
    const int32_t *ids = len <= WORD_LONG_MAX ? word_cache_get_long(&s->cache, key, word, len, &n_ids) : NULL;
    if (ids) {
        if (tok_ids_room(out, n_ids, e)) return -1;
        memcpy(out->id + out->n, ids, n_ids * sizeof *ids);
        out->n += n_ids;
        return 0;
    }
    if (slow(t, s, text, begin, end, n, flags, out, e)) return -1;
    if (len <= WORD_LONG_MAX) word_cache_add_long(&s->cache, key, word, len, out->id + from, out->n - from);
    return 0;
}

/* One batch: all slots are asked for before the first is looked at. */
static int batch(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                 size_t count, unsigned flags, struct tok_ids *out, struct err *e)
{
    const struct tok_fast *f = t->fast;
    if (tok_ids_room(out, BATCH * (WORD_KEY_MAX + 1), e)) return -1;
    for (size_t i = 0; i < count; i++) {
        size_t begin = s->begins[i], end = s->ends[i], len = end - begin, from = out->n;
        bool special = (f->first && begin == 0) || (f->last && end == n);
        if (!special && len <= WORD_KEY_MAX) {
            size_t found = word_cache_get(&s->cache, &s->keys[i], out->id + out->n);
            out->n += found;
            if (found) continue;
        }
        if (special ? slow(t, s, text, begin, end, n, flags, out, e)
            : len > WORD_KEY_MAX ? long_part(t, s, text, begin, end, n, &s->keys[i], flags, out, e)
                                 : slow(t, s, text, begin, end, n, flags, out, e))
            return -1;
        if (!special && len <= WORD_KEY_MAX) word_cache_add(&s->cache, &s->keys[i], out->id + from, out->n - from);
        if (tok_ids_room(out, BATCH * (WORD_KEY_MAX + 1), e)) return -1;
    }
    return 0;
}

int tok_fast_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                     unsigned flags, struct tok_ids *out, struct err *e)
{
    const struct tok_fast *f = t->fast;
    const uint8_t *p = (const uint8_t *)text;
    size_t pos = 0, begin, end;
    s->sum = 0;
    while (pos < n) {
        size_t count = 0;
        while (count < BATCH && pos < n) {
            if (f->kind == CUT_WORDS) {
                if (!next_word(f, p, n, &pos, &begin, &end)) {
                    pos = n;
                    break;
                }
            } else {
                begin = pos;
                pos = end = next_space(f, p, n, pos);
            }
            if (f->carry) {
                if (carried(t, s, text, begin, end, n, flags, out, e)) return -1;
                continue;
            }
            s->begins[count] = begin;
            s->ends[count] = end;
            if (end - begin <= WORD_KEY_MAX)
                word_cache_ask(&s->cache, p + begin, end - begin, n - begin, &s->keys[count]);
            else if (end - begin <= WORD_LONG_MAX)
                word_cache_ask_long(&s->cache, p + begin, end - begin, &s->keys[count]);
            count++;
        }
        if (count && batch(t, s, text, n, count, flags, out, e)) return -1;
    }
    s->sum = 0;
    return 0;
}
