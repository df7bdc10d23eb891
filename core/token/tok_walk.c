#include "core/token/tok_scratch.h"
#include "core/token/tok_walk.h"

#include <math.h>
#include <string.h>

#include "core/token/tok_part.h"

enum { ENOUGH = 16 }; /* symbols that are worth a walk */

/* Whether p[0..n) has a piece that rules leave alone. */
static bool has_kept(const struct tok_fast *f, const uint8_t *p, size_t n)
{
    int32_t value;
    bool has = false;
    for (size_t i = 0; f->walk->kept && i < n && !has; i++)
        has = trie_step(f->walk->kept, 0, p[i]) && trie_longest(f->walk->kept, (const char *)p + i, n - i, &value);
    return has;
}

/* The next character, or all blanks up to the next one.  Returns its bytes; *count
 * symbols; *symbols is NULL if they are not certain.  few: room for those of four bytes. */
static inline __attribute__((always_inline)) size_t next_symbols(const struct tok_fast *f, const uint8_t *p, size_t n,
                                                                 const uint16_t **symbols, uint16_t few[4], size_t *count)
{
    const struct unigram *u = f->walk;
    size_t len;
    uint32_t x = unigram_code(u, p, n, &len);
    if (!x && *p < 0x80 && (n < 2 || p[1] != *p)) x = u->single[*p];
    *symbols = x ? few : NULL;
    *few = (uint16_t)x;
    *count = x != 0;
    if (x == UNIGRAM_BYTES) {
        for (size_t i = 0; i < len; i++) few[i] = (uint16_t)(u->first_byte + p[i]);
        *count = len;
    } else if (x & UNIGRAM_MANY) {
        *symbols = u->many + (x & ~UNIGRAM_MANY) + 1;
        *count = (*symbols)[-1];
    } else if (!x && tok_is_blank(f, *p)) {
        *symbols = few;
        *few = u->mark;
        *count = 1;
        while (f->one_space && len < n && tok_is_blank(f, p[len])) len++;
    }
    return len;
}

/* Nothing at p[0..n) changes the character before it. */
static bool stands_apart(const struct tok_fast *f, const uint8_t *p, size_t n)
{
    size_t len;
    return n == 0 || tok_is_blank(f, *p) || unigram_code(f->walk, p, n, &len);
}

size_t tok_fuse(int32_t *ids, size_t n, int32_t unknown)
{
    int32_t before = -1;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t id = ids[i];
        ids[count] = id;
        count += !(id == unknown && before == unknown);
        before = id;
    }
    return count;
}

/* Whether a character that becomes nothing, before p[i], takes part in nothing: blanks around it might be one.  last: the
 * symbol before it. */
static inline bool goes_alone(const struct tok_fast *f, uint32_t last, const uint8_t *p, size_t n, size_t i)
{
    return last != f->walk->mark || (i < n && !tok_is_blank(f, p[i]));
}

/* Unknown characters side by side are one token only where that is known what to do with. */
static inline uint16_t refused_of(const struct tok_fast *f)
{
    return f->walk->fused < 0 && !f->carry ? f->walk->unknown : 0;
}

/* The symbols of p[0..n), at most `most` of them; 0: it is not certain, or they are more. */
static size_t symbols_of(const struct tok_fast *f, const uint8_t *p, size_t n, size_t most, uint16_t *all)
{
    uint16_t few[4];
    const uint16_t *symbols;
    size_t n_all = 0, count;
    uint16_t refused = refused_of(f);
    for (size_t i = 0; i < n; n_all += count) {
        uint32_t plain = p[i] < 0x80 && n_all < most ? f->walk->symbol[p[i]] : 0;
        if (plain && !(plain & UNIGRAM_MANY) && plain != refused) {
            all[n_all] = (uint16_t)plain;
            count = 1;
            i++;
            continue;
        }
        i += next_symbols(f, p + i, n - i, &symbols, few, &count);
        if (count == 0 && symbols && goes_alone(f, n_all ? all[n_all - 1] : 0, p, n, i)) continue;
        if (count == 0 || n_all + count > most || *symbols == refused) return 0;
        if (count == 1) all[n_all] = *symbols;
        else memcpy(all + n_all, symbols, count * sizeof *all);
    }
    return n_all;
}

static inline struct unigram_blanks blanks_of(const struct tok_fast *f)
{
    return (struct unigram_blanks){{f->blank[0], f->blank[1], f->blank[2], f->blank[3]}, f->one_space};
}

/* The same of a short word, where vectors are sure of them. */
static inline size_t symbols_at_once(const struct tok_fast *f, const uint8_t *p, size_t n, uint16_t *to, uint64_t *unknown)
{
    const struct unigram_blanks blanks = blanks_of(f);
    return f->walk->symbols ? f->walk->symbols(f->walk, &blanks, refused_of(f), p, n, to, unknown) : 0;
}

/* As much of p[0..n) as vectors take at once, of whole characters. */
static size_t piece_of(const uint8_t *p, size_t n)
{
    size_t len = n < WALK_LOOKED_UP ? n : WALK_LOOKED_UP;
    while (len < n && len > 0 && (p[len] & 0xC0) == 0x80) len--;
    return len;
}

/* The symbols of p[0..n), which may be long, if vectors are sure of all of them and they are `most` at most; else 0, and whether
 * they are *unsure.  *unknown is of the first 64. */
static size_t symbols_in_pieces(const struct tok_fast *f, const uint8_t *p, size_t n, size_t most, uint16_t *to, uint64_t *unknown,
                                bool *unsure)
{
    size_t count = 0, few;
    uint64_t here;
    *unknown = 0;
    *unsure = false;
    for (size_t i = 0, len; i < n; i += len, count += few) {
        len = piece_of(p + i, n - i);
        few = symbols_at_once(f, p + i, len, to + count, &here);
        *unsure = !few;
        if (!few || count + few > most) return 0;
        *unknown |= count < 64 ? here << count : 0;
        *unsure = f->one_space && i && to[count] == f->walk->mark && to[count - 1] == f->walk->mark;
        if (*unsure) return 0;
    }
    return count;
}

/* p[0..n) without blanks that begin another word. */
static bool walk_word(const struct tok_fast *f, const uint8_t *p, size_t n, double sum, struct unigram_path *path)
{
    uint16_t all[UNIGRAM_MOST + UNIGRAM_SLACK];
    uint64_t unknown;
    bool unsure = true;
    size_t n_all = n <= WALK_LOOKED_UP ? symbols_at_once(f, p, n, all, &unknown) : symbols_in_pieces(f, p, n, UNIGRAM_MOST, all, &unknown, &unsure);
    if (!n_all && unsure) n_all = symbols_of(f, p, n, UNIGRAM_MOST, all);
    if (!n_all) return false;
    memset(all + n_all, 0, UNIGRAM_SLACK * sizeof *all);
    f->walk->walk(f->walk, all, n_all, sum, path);
    if (f->walk->fused >= 0) path->n = tok_fuse(path->buf + (path->ids - path->buf), path->n, f->walk->fused);
    path->steps = n_all;
    return true;
}

/* One by one, UNIGRAM_SHORT at most. */
static size_t symbols_of_short(const struct tok_fast *f, const uint8_t *p, size_t n, uint16_t *to, uint64_t *unknown)
{
    size_t count = symbols_of(f, p, n, UNIGRAM_SHORT, to);
    *unknown = 0;
    for (size_t i = 0; i < count; i++) *unknown |= (uint64_t)(to[i] == f->walk->unknown) << i;
    return count;
}

size_t tok_walk_symbols(const struct tok_fast *f, const uint8_t *p, size_t n, uint16_t *to, uint64_t *unknown)
{
    bool unsure = true;
    if (has_kept(f, p, n)) return 0;
    size_t count = n <= WALK_LOOKED_UP ? symbols_at_once(f, p, n, to, unknown) : symbols_in_pieces(f, p, n, UNIGRAM_SHORT, to, unknown, &unsure);
    return count || !unsure ? count : symbols_of_short(f, p, n, to, unknown);
}

_Static_assert((int)UNIGRAM_SPELL_MOST == (int)UNIGRAM_SHORT, "symbols of a word");

size_t tok_walk_spell(const struct tok_fast *f, struct unigram_spelled *words, size_t n_words, uint16_t *to)
{
    const struct unigram_blanks blanks = blanks_of(f);
    size_t used = 0, k = 0;
    bool together = f->walk->spell && !refused_of(f);
    if (together) n_words = f->walk->spell(f->walk, &blanks, words, n_words, to, &used);
    for (; k < n_words; k++) {
        struct unigram_spelled *w = &words[k];
        if (together && w->n) continue;
        if (used + UNIGRAM_SHORT > UNIGRAM_SPELL_ROOM) break;
        w->at = (uint16_t)used;
        w->n = (uint16_t)tok_walk_symbols(f, w->text, w->len, to + used, &w->unknown);
        used += w->n;
    }
    return k;
}

size_t tok_walk_all_unknown(const struct tok_fast *f, const uint8_t *p, size_t n, bool *blank)
{
    uint16_t symbols[UNIGRAM_SHORT + UNIGRAM_SLACK];
    uint64_t unknown;
    size_t count = 0, len = 0, few;
    if (has_kept(f, p, n)) return 0;
    for (size_t i = 0; i < n; i += len, count += few) {
        len = piece_of(p + i, n - i);
        bool begins_blank;
        few = symbols_at_once(f, p + i, len, symbols, &unknown);
        if (!few && len) few = symbols_of_short(f, p + i, len, symbols, &unknown);
        if (!few || !tok_walk_unknown(f->walk, symbols, few, unknown, &begins_blank) || (i && begins_blank)) return 0;
        if (!i) *blank = begins_blank;
    }
    return count;
}

/* Bytes of the word at p[0..n), which ends where the next one begins. */
static size_t word_end(const struct tok_fast *f, const uint8_t *p, size_t n)
{
    size_t end = 1;
    while (end < n && !tok_is_blank(f, p[end])) end++;
    return end;
}

bool tok_walk_is_word(const struct tok_fast *f, const uint8_t *p, size_t n)
{
    return word_end(f, p, n) == n;
}

static bool append_word(const struct tok_fast *f, const uint8_t *p, size_t n, double sum, struct unigram_path *to)
{
    struct unigram_path word;
    if (n == 1 && tok_is_blank(f, *p)) { /* as all are but the last of a run of blanks */
        if (f->blanks == BLANKS_ONE) return true;
        if (f->blanks == BLANKS_UNCLEAR || to->n == UNIGRAM_MOST) return false;
        to->buf[to->n++] = unigram_symbol_id(f->walk, f->walk->mark);
        return true;
    }
    if (!walk_word(f, p, n, sum, &word) || to->n + word.n > UNIGRAM_MOST) return false;
    memcpy(to->buf + to->n, word.ids, word.n * sizeof *word.ids);
    to->n += word.n;
    if (word.gap < to->gap) to->gap = word.gap;
    if (word.steps > to->steps) to->steps = word.steps;
    return true;
}

bool tok_walk(const struct tok_fast *f, const uint8_t *p, size_t n, double sum, struct unigram_path *path)
{
    if (has_kept(f, p, n)) return false;
    size_t end = f->carry ? n : word_end(f, p, n);
    if (end == n) return walk_word(f, p, n, sum, path);
    path->ids = path->buf;
    path->n = path->steps = 0;
    path->gap = (double)INFINITY;
    for (size_t begin = 0; begin < n; begin = end, end += begin < n ? word_end(f, p + begin, n - begin) : 0)
        if (!append_word(f, p + begin, end - begin, begin ? 0 : sum, path)) return false;
    return true;
}

/* What has come since the last place to cut at. */
struct pending {
    size_t begin;
    bool chains; /* it is to go through them */
    size_t n;
    uint16_t symbols[UNIGRAM_MOST + UNIGRAM_SLACK];
};

static void append(struct pending *p, const uint16_t *symbols, size_t count)
{
    if (p->chains) return;
    if (p->n + count > UNIGRAM_MOST) {
        p->chains = true;
        return;
    }
    memcpy(p->symbols + p->n, symbols, count * sizeof *symbols);
    p->n += count;
}

/* The best way through symbols that no token reaches out of. */
static int put_way(const struct tokenizer *t, struct tok_scratch *s, const uint16_t *symbols, size_t n, struct tok_ids *out,
                   struct err *e)
{
    struct unigram_path path;
    t->fast->walk->walk(t->fast->walk, symbols, n, s->sum, &path);
    if (tok_ids_room(out, path.n, e)) return -1;
    for (size_t i = 0; i < path.n; i++) {
        out->id[out->n] = path.ids[i];
        out->n += !(i && path.ids[i] == t->unk_id && path.ids[i - 1] == t->unk_id);
    }
    s->sum = path.sum;
    return 0;
}

static int walk_pending(const struct tokenizer *t, struct tok_scratch *s, struct pending *p, struct tok_ids *out,
                        struct err *e)
{
    memset(p->symbols + p->n, 0, UNIGRAM_SLACK * sizeof *p->symbols);
    return put_way(t, s, p->symbols, p->n, out, e);
}

/* Ids from `at` on follow what a long part, whose ids begin at `from`, has so far:
 * unknown characters side by side are one. */
static void fuse_at(const struct tokenizer *t, struct tok_ids *out, size_t from, size_t at)
{
    if (at == from || at == out->n || out->id[at - 1] != t->unk_id || out->id[at] != t->unk_id) return;
    memmove(out->id + at, out->id + at + 1, (--out->n - at) * sizeof *out->id);
}

/* What is in `p`, which ends at text[i). */
static int put_pending(const struct tokenizer *t, struct tok_scratch *s, const char *text, struct pending *p, size_t i,
                       size_t n, unsigned flags, tok_slow_fn *slow, struct tok_ids *out, struct err *e)
{
    /* Near the sum where SentencePiece begins again model_unigram.c has to look. */
    bool near = t->spm_floats && fabs(s->sum) + (double)(i - p->begin) * t->fast->max_step > UNIGRAM_REBASE;
    int ret = p->chains || near || i == n ? slow(t, s, text, p->begin, i, n, flags, out, e) : walk_pending(t, s, p, out, e);
    p->begin = i;
    p->n = 0;
    p->chains = false;
    return ret;
}

static inline float one_more(float sum, float score)
{
    return (fabsf(sum) > (float)UNIGRAM_REBASE ? 0 : sum) + score;
}

/* Characters that are in no token: no way goes past their ends.  The first of p[0..n)
 * is one; *len becomes their bytes. */
static int put_unknown(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *p, size_t n, size_t *len,
                       struct tok_ids *out, struct err *e)
{
    const struct tok_fast *f = t->fast;
    float sum = (float)s->sum, score = (float)t->unk_score;
    size_t i = *len, here, next_len = 0;
    if (tok_ids_room(out, 1, e)) return -1;
    sum = one_more(sum, score);
    uint32_t x = i < n ? unigram_code(f->walk, p + i, n - i, &here) : 0, next;
    for (; x == f->walk->unknown; x = next, here = next_len) {
        size_t end = i + here;
        next = end < n ? unigram_code(f->walk, p + end, n - end, &next_len) : 0;
        if (!next && end < n && !tok_is_blank(f, p[end])) break; /* as stands_apart() says, but each is read once */
        sum = one_more(sum, score);
        i = end;
    }
    *len = i;
    s->sum = (double)sum;
    out->id[out->n++] = t->unk_id;
    return 0;
}

/* Those symbols: no way goes past the ends of characters that are in no token. */
static int walk_all(const struct tokenizer *t, struct tok_scratch *s, const uint16_t *symbols, size_t n, struct tok_ids *out, struct err *e)
{
    const struct unigram *u = t->fast->walk;
    const float score = (float)t->unk_score;
    size_t from = out->n;
    for (size_t i = 0, k; i < n; i += k) {
        size_t at = out->n;
        float sum = (float)s->sum;
        for (k = 0; u->unknown && i + k < n && symbols[i + k] == u->unknown; k++) sum += score;
        if (k) {
            s->sum = (double)sum;
            if (tok_part_put(&t->unk_id, 1, out, e)) return -1;
        } else {
            while (i + k < n && (!u->unknown || symbols[i + k] != u->unknown)) k++;
            if (put_way(t, s, symbols + i, k, out, e)) return -1;
        }
        fuse_at(t, out, from, at);
    }
    return 0;
}

int tok_walk_long(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin, size_t end,
                  size_t n, unsigned flags, tok_slow_fn *slow, struct tok_ids *out, struct err *e)
{
    const struct tok_fast *f = t->fast;
    if (has_kept(f, (const uint8_t *)text + begin, end - begin)) return slow(t, s, text, begin, end, n, flags, out, e);
    uint16_t all[UNIGRAM_MOST + UNIGRAM_SLACK];
    uint64_t which;
    bool unsure;
    bool near = t->spm_floats && fabs(s->sum) + (double)(end - begin) * f->max_step > UNIGRAM_REBASE;
    bool whole = begin && end < n && t->spm_floats && !near;
    size_t n_all = whole ? symbols_in_pieces(f, (const uint8_t *)text + begin, end - begin, UNIGRAM_MOST, all, &which, &unsure) : 0;
    memset(all + n_all, 0, UNIGRAM_SLACK * sizeof *all);
    if (n_all) return walk_all(t, s, all, n_all, out, e);
    struct pending p = {.begin = begin, .chains = begin == 0};
    bool alone_too = t->spm_floats && !(f->suffix && end == n); /* something has to be left that the chains put a space behind */
    uint16_t few[4], last = 0, unknown = alone_too ? f->walk->unknown : 0; /* last: the symbol before, 0 if that is not certain */
    size_t from = out->n;
    for (size_t i = begin;;) {
        const uint16_t *symbols = NULL;
        size_t count = 0, len = i < end ? next_symbols(f, (const uint8_t *)text + i, end - i, &symbols, few, &count) : 0, at = out->n;
        if (count == 0 && symbols && goes_alone(f, last, (const uint8_t *)text, end, i + len)) {
            i += len;
            continue;
        }
        /* Not behind a blank: at the ends of a text they are dropped, all or none. */
        bool cut = last && last != f->walk->mark && count, alone = cut && count == 1 && unknown && symbols[0] == unknown;
        cut = cut && (alone || ((p.n >= ENOUGH || p.chains) && !unigram_joined(f->walk, last, symbols[0])));
        cut = cut && stands_apart(f, (const uint8_t *)text + i + len, end - i - len);
        if (i == end || cut) {
            if (i > p.begin && put_pending(t, s, text, &p, i, n, flags, slow, out, e)) return -1;
            fuse_at(t, out, from, at);
            if (i == end) return 0;
        }
        if (cut && alone) {
            at = out->n;
            if (put_unknown(t, s, (const uint8_t *)text + i, end - i, &len, out, e)) return -1;
            fuse_at(t, out, from, at);
            p.begin = i + len;
        } else {
            if (count == 0) p.chains = true;
            append(&p, symbols, count);
        }
        last = count ? symbols[count - 1] : 0;
        i += len;
    }
}
