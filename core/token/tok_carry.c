/* Unigram over a whole text: its sums go on from part to part.  The ids of a part
 * hold as long as the way that was taken is better than the second best by more than
 * all the rounding that another beginning of the sum can make. */
#include <math.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/tok_decode.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_part.h"
#include "core/token/tok_scratch.h"
#include "core/token/tok_walk.h"
#include "core/token/unigram_walk.h"

/* An id -k stands for k unknown characters side by side, which are one token, until the
 * sums behind them are known. */

/* What the cache keeps of a part: codes are in the order of last places, which they are of exactly. */
static uint32_t place_code(double place)
{
    float f = (float)place;
    uint32_t code;
    memcpy(&code, &f, sizeof code);
    return code;
}

/* The second best way was worse by `gap`, after n additions at most. */
static uint32_t gap_code(const struct tokenizer *t, double gap, size_t n)
{
    return place_code((double)tok_gap_width(gap, n, t->fast->max_step, t->spm_floats));
}

static double go_on_doubles(const struct tokenizer *t, double sum, int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ids[i] >= 0) {
            sum += t->score[ids[i]];
            continue;
        }
        for (int32_t k = ids[i]; k < 0; k++) sum += t->unk_score;
        ids[i] = t->unk_id;
    }
    return sum;
}

/* Adds up the sum at the end of the ids. */
static void add_up(const struct tokenizer *t, struct tok_scratch *s, const struct tok_ids *out)
{
    if (out->n <= s->summed) return;
    int32_t *ids = out->id + s->summed;
    if (t->spm_floats) s->sum = (double)unigram_sum(&t->fast->sums, (float)s->sum, ids, out->n - s->summed);
    else s->sum = go_on_doubles(t, s->sum, ids, out->n - s->summed);
    s->summed = out->n;
}

/* The farthest that sums come before they begin again. */
static double farthest(const struct tokenizer *t, double sum)
{
    return t->spm_floats && sum > UNIGRAM_REBASE ? UNIGRAM_REBASE : sum;
}

/* How fast sums fall, lately. */
static void note_fall(struct tok_scratch *s, size_t at)
{
    enum { SOME = 64 };
    double sum = fabs(s->sum);
    s->farthest = fmax(s->farthest, sum);
    if (at > s->fell_at && at <= s->fell_at + SOME && sum >= s->fell) return;
    if (at > s->fell_at && sum > s->fell) {
        double falls = (sum - s->fell) / (double)(at - s->fell_at);
        s->falls = fmax(falls, (s->falls + falls) / 2);
    }
    s->fell_at = at;
    s->fell = sum;
}

/* Sums are only bounded while that is enough; here the one at place `at` is added
 * up, and how far it can come until the end of the batch. */
static void settle(const struct tokenizer *t, struct tok_scratch *s, size_t at, const struct tok_ids *out)
{
    double step = t->fast->max_step, left;
    add_up(t, s, out);
    left = UNIGRAM_REBASE - fabs(s->sum);
    note_fall(s, at);
    s->narrow = place_code(tok_last_place(farthest(t, fabs(s->sum) + (double)(s->until - at) * step), t->spm_floats));
    s->safe = at;
    if (!t->spm_floats || step * (double)(s->until - at) < left) s->safe = s->until;
    else if (left > 0) s->safe += (size_t)(left / step);
}

static inline bool gap_is_wide(const struct tok_scratch *s, uint32_t code)
{
    return code > s->narrow;
}

/* If not, the sum at `begin` is added up. */
static bool gap_holds(const struct tokenizer *t, struct tok_scratch *s, uint32_t code, size_t begin, size_t len,
                      const struct tok_ids *out)
{
    if (gap_is_wide(s, code)) return true;
    settle(t, s, begin, out);
    return code > place_code(tok_last_place(fabs(s->sum) + (double)len * t->fast->max_step, t->spm_floats));
}

/* Whether their scores are those of t->fast->sums, or t->score. */
static bool plain_ids(const struct tokenizer *t, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == t->unk_id || (t->vocab.v[ids[i]].flags & VOCAB_ADDED) || (!t->spm_floats && tok_byte_of(t, ids[i]) >= 0))
            return false;
    return true;
}

/* Unknown characters side by side, perhaps some that are one already, become one; returns the number of ids.  Which they are cannot be guessed. */
static size_t melt(const struct tokenizer *t, int32_t *ids, size_t n)
{
    size_t count = 0;
    int32_t run = 0; /* less unknown ones side by side */
    for (size_t i = 0; i < n; i++) {
        int32_t id = ids[i], less = id == t->unk_id ? -1 : id < 0 ? id : 0;
        count += !((less < 0) & (run < 0));
        run = less < 0 ? run + less : 0;
        ids[count - 1] = less < 0 ? run : id;
    }
    return count;
}

static void remember(struct tok_scratch *s, const uint8_t *word, size_t len, const struct word_key *key,
                     const int32_t *ids, size_t n, uint32_t code)
{
    if (len <= WORD_KEY_MAX) word_cache_add_code(&s->cache, key, ids, n, code);
    else if (len <= WORD_LONG_MAX) word_cache_add_long(&s->cache, key, word, len, ids, n, code);
}

/* A part that the cache knows, but whose gap is not wide, from the sum itself. */
static bool walked_on(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t len,
                      struct unigram_path *path)
{
    if (!t->fast->walk || !tok_walk(t->fast, word, len, s->sum, path)) return false;
    path->n = melt(t, path->buf + (path->ids - path->buf), path->n);
    return true;
}

/* A part near the sum where SentencePiece begins again, unless it does so inside of it. */
static bool walked_near(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t len, struct unigram_path *path)
{
    return walked_on(t, s, word, len, path) && path->farthest <= UNIGRAM_REBASE;
}

/* A part that the cache does not know, from sum 0, for the cache; false: through the chains. */
static bool walked(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, size_t begin, size_t len,
                   const struct word_key *key, const struct tok_ids *out, struct unigram_path *path)
{
    if (!t->fast->walk || !tok_walk(t->fast, text + begin, len, 0, path)) return false;
    int32_t *ids = path->buf + (path->ids - path->buf);
    uint32_t code = gap_code(t, path->gap, path->steps);
    path->n = melt(t, ids, path->n);
    remember(s, text + begin, len, key, ids, path->n, code);
    return gap_holds(t, s, code, begin, len, out) || walked_on(t, s, text + begin, len, path);
}

/* A part by a way that goes on from the sum itself. */
static int exactly(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin, size_t end,
                   size_t n, unsigned flags, struct tok_ids *out, struct err *e)
{
    bool walk = t->fast->walk && end - begin > t->fast->longest;
    settle(t, s, begin, out);
    if (walk ? tok_walk_long(t, s, text, begin, end, n, flags, tok_part_slow, out, e) : tok_part_slow(t, s, text, begin, end, n, flags, out, e))
        return -1;
    s->summed = out->n;
    settle(t, s, end, out);
    return 0;
}

/* Sums go on: the ids of part i hold while its gap is larger than the rounding. */
static int carried(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t i, size_t n, unsigned flags,
                   struct tok_ids *out, struct err *e)
{
    const struct word_key own = word_keys_get(&s->words->keys, i), *key = &own;
    size_t begin = s->begins[i], end = s->words->ends[i], from = out->n, len = end - begin, n_ids;
    const uint8_t *word = (const uint8_t *)text + begin;
    uint32_t code;
    if (len > t->fast->longest || begin == 0 || end == n) return exactly(t, s, text, begin, end, n, flags, out, e);
    /* Near the sum where SentencePiece begins again the way has to be walked. */
    struct unigram_path path;
    if (end > s->safe) settle(t, s, begin, out);
    if (end > s->safe && walked_near(t, s, word, len, &path)) return tok_part_put(path.ids, path.n, out, e);
    if (end > s->safe) return exactly(t, s, text, begin, end, n, flags, out, e);
    const int32_t *ids = tok_part_known(s, word, len, key, &n_ids, &code);
    if (ids && gap_holds(t, s, code, begin, len, out)) return tok_part_put(ids, n_ids, out, e);
    if (ids && walked_on(t, s, word, len, &path)) return tok_part_put(path.ids, path.n, out, e);
    if (ids) return exactly(t, s, text, begin, end, n, flags, out, e);
    if (walked(t, s, (const uint8_t *)text, begin, len, key, out, &path)) return tok_part_put(path.ids, path.n, out, e);
    settle(t, s, begin, out);
    double sum = s->sum; /* from 0, for the cache */
    s->sum = 0;
    if (tok_part_slow(t, s, text, begin, end, n, flags, out, e)) return -1;
    code = gap_code(t, s->gap, 2 * len + 2); /* symbols may be more than bytes */
    if (tok_ids_room(out, WORD_KEY_MAX, e)) return -1; /* that may be read */
    bool plain = plain_ids(t, out->id + from, out->n - from);
    if (plain) remember(s, word, len, key, out->id + from, out->n - from, code);
    s->sum = sum;
    size_t more = out->n - from;
    out->n = from;
    if (!plain || !gap_holds(t, s, code, begin, len, out)) return exactly(t, s, text, begin, end, n, flags, out, e);
    out->n += more;
    return 0;
}

void tok_carry_begin(const struct tokenizer *t, struct tok_scratch *s, const struct tok_ids *out)
{
    settle(t, s, s->begins[0], out);
}

/* ---- a batch ---- */

struct tok_carry *tok_carry_new(const struct tokenizer *t, struct err *e)
{
    struct tok_carry *c = mem_alloc(1, sizeof *c);
    if (!c) {
        err_oom(e, sizeof *c, "encoder work space");
        return NULL;
    }
    for (size_t n = 1; n <= UNIGRAM_SHORT; n++) { /* as tok_gap_width(), and some more is taken off for what floats round */
        c->part[n] = (float)((1 - 0x1p-18) / (double)n);
        c->less[n] = (float)tok_last_place((double)n * t->fast->max_step, t->spm_floats);
    }
    return c;
}

/* gap_code() of a word that was walked with others, n symbols. */
static inline uint32_t word_code(const struct tok_carry *c, float gap, size_t n)
{
    float width = gap * c->part[n] - c->less[n];
    uint32_t code;
    width = width > 0 ? width : 0;
    memcpy(&code, &width, sizeof code);
    return code;
}

/* What stands between unknown characters becomes words of its own: no token reaches over those. */
static void add_words(struct tok_carry *c, const struct unigram_spelled *new)
{
    struct unigram_words *w = &c->words;
    const uint16_t *from = c->symbols + new->at, *end = from + new->n;
    for (uint64_t unknown = new->unknown; unknown;) {
        size_t before = (size_t)__builtin_ctzll(unknown), run = (size_t)__builtin_ctzll(~(unknown >> before));
        unigram_words_copy(w->symbols + w->n, from, before);
        from += before + run;
        unknown >>= before + run - 1;
        unknown >>= 1;
        c->behind[w->n_words] = (uint16_t)run;
        unigram_words_add(w, before);
    }
    unigram_words_copy(w->symbols + w->n, from, (size_t)(end - from));
    unigram_words_add(w, (size_t)(end - from));
}

/* Part i is to be walked with others.  slot: where the cache will have it, or NULL. */
static size_t wait(struct tok_scratch *s, size_t i, const struct unigram_spelled *new, struct word_slot *slot)
{
    struct tok_carry *c = s->carry;
    size_t number = c->n_waits++;
    if (slot) {
        slot->id[0] = (uint32_t)number;
        slot->id[1] = slot->id[3] = 0;
    }
    c->wait[number] = (struct tok_wait){.slot = slot, .part = (uint16_t)i, .n_symbols = new->n, .first = (uint16_t)c->words.n_words};
    add_words(c, new);
    return number;
}

/* Up to CARRY_SLACK ids may be read. */
static inline void fill(struct tok_scratch *s, struct word_slot *slot, const uint8_t *word, size_t len, const int32_t *ids, size_t n,
                        uint32_t code)
{
    if (len <= WORD_KEY_MAX) word_cache_fill_code(&s->cache, slot, ids, n, code);
    else word_cache_fill_long(&s->cache, slot, word, len, ids, n, code);
}

/* The ids of left[k] are the n at c->known + *used. */
static const struct tok_put *put_own(struct tok_carry *c, size_t k, size_t n, size_t *used)
{
    c->own[k] = (struct tok_put){c->known + *used, n};
    c->most += n;
    *used += n;
    return &c->own[k];
}

/* Those of part number `number` of those that wait. */
static const struct tok_put *put_waiting(struct tok_carry *c, size_t number)
{
    c->most += c->wait[number].n_symbols;
    return &c->wait[number].put;
}

/* left[k] has to be looked at alone. */
static const struct tok_put *put_none(struct tok_carry *c, size_t k)
{
    c->own[k] = (struct tok_put){NULL, 0};
    return &c->own[k];
}

/* The ids of n symbols that are in no token but for a blank before them: there is one way. */
static const struct tok_put *put_unknown(const struct unigram *u, struct tok_carry *c, size_t k, size_t n, bool blank, size_t *used)
{
    int32_t *ids = c->known + *used;
    ids[0] = unigram_symbol_id(u, u->mark);
    ids[blank] = -(int32_t)(n - blank);
    return put_own(c, k, (size_t)blank + 1, used);
}

/* The ids of symbols no two of which are known side by side: there is one way. */
static const struct tok_put *put_apart(const struct tokenizer *t, struct tok_carry *c, size_t k, const uint16_t *symbols, size_t n,
                                       uint64_t unknown, size_t *used)
{
    int32_t *ids = c->known + *used;
    size_t count = 0;
    bool melts = false; /* a symbol that is only in tokens of several is unknown, too */
    for (size_t i = 0, run; i < n; i += run) {
        run = unknown >> i == UINT64_MAX ? n : (size_t)__builtin_ctzll(~(unknown >> i));
        ids[count] = -(int32_t)run;
        count += run > 0;
        if (i + run == n) break;
        ids[count] = unigram_symbol_id(t->fast->walk, symbols[i + run++]);
        melts |= ids[count++] == t->unk_id;
    }
    return put_own(c, k, melts ? melt(t, ids, count) : count, used);
}

/* left[k], part i, is in the cache, or waits: where its ids are. */
static inline __attribute__((always_inline)) const struct tok_put *known(struct tok_scratch *s, const uint8_t *text, size_t k, size_t i, size_t len,
                                                                         const struct word_slot *slot, size_t *used)
{
    struct tok_carry *c = s->carry;
    const uint8_t *word = text + s->begins[i];
    bool is_short = len <= WORD_KEY_MAX;
    size_t n = is_short ? (size_t)(slot->k[1] >> 60) : slot->id[1];
    const int32_t *ids = is_short && n < WORD_INLINE ? (const int32_t *)slot->id : s->cache.pool + slot->id[0];
    s->cache.seconds += (size_t)(slot - s->cache.lines->slot) / 2 != *word_keys_at(&s->words->keys, i) / sizeof(struct word_line);
    if (n == 0) {
        bool same = is_short || word_bytes_equal(text + s->begins[c->wait[slot->id[0]].part], word, len);
        return same ? put_waiting(c, slot->id[0]) : put_none(c, k);
    }
    if (!gap_is_wide(s, slot->id[3]) || !(is_short || word_bytes_equal((const uint8_t *)(ids + n), word, len))) return put_none(c, k);
    int32_t *to = c->known + *used;
    for (size_t m = 0; m < n; m += WORD_INLINE) memcpy(to + m, ids + m, WORD_INLINE * sizeof *ids); /* the cache's may move */
    return put_own(c, k, n, used);
}

/* new->number, part i, which was new.  If all its characters are certain and they are not many, it waits, or there is one way. */
static const struct tok_put *begin(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, const struct unigram_spelled *new, size_t i,
                                   size_t *used)
{
    struct tok_carry *c = s->carry;
    const struct word_key key = word_keys_get(&s->words->keys, i);
    struct word_slot *slot = c->slot[new->number];
    size_t len = s->words->ends[i] - s->begins[i], n = new->n;
    bool blank;
    if (slot && slot->k[1]) { /* by now */
        slot = word_slot_is(slot, &key) ? slot : word_cache_seek(&s->cache, &key);
        if (slot->k[1]) return known(s, text, new->number, i, len, slot, used);
    }
    if (!slot && n == 0 && t->fast->walk && (n = tok_walk_all_unknown(t->fast, text + s->begins[i], len, &blank)))
        return put_unknown(t->fast->walk, c, new->number, n, blank, used);
    if (n == 0 || (n > WORD_KEY_MAX && len <= WORD_KEY_MAX)) return put_none(c, new->number); /* more ids than it may have there */
    if (slot) word_cache_claim_slot(&s->cache, slot, &key);
    uint64_t some = ~new->unknown & UINT64_MAX >> (64 - n);
    if (some & some >> 1) return put_waiting(c, wait(s, i, new, slot));
    const struct tok_put *put = put_apart(t, c, new->number, c->symbols + new->at, n, new->unknown, used);
    if (slot) fill(s, slot, text + s->begins[i], len, put->ids, put->n, word_code(c, (float)UNIGRAM_NO_GAP, n));
    return put;
}

/* Where the cache has left[0..n), or will have those that are new, whose number is returned. */
static size_t seek(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, const struct word_left *left, size_t n)
{
    struct tok_carry *c = s->carry;
    size_t n_new = 0;
    for (size_t k = 0; k < n; k++) {
        size_t i = left[k].word, len = s->words->ends[i] - s->begins[i];
        bool is_long = len > t->fast->longest;
        c->slot[k] = is_long ? NULL : word_keys_seek(&s->words->keys, i, &s->cache);
        c->new[n_new].number = (uint16_t)k;
        n_new += is_long || c->slot[k]->k[1] == 0;
    }
    for (size_t f = 0; f < n_new; f++) {
        size_t i = left[c->new[f].number].word;
        c->new[f].text = text + s->begins[i];
        c->new[f].len = s->words->ends[i] - s->begins[i];
        c->new[f].n = 0;
    }
    return n_new;
}

/* Where the ids of left[0..n) are: of those that are known, and whose gap is wide, in
 * c->known; others wait to be walked, in their slots already; and those that have to be
 * looked at alone have none.  Returns for how many there was room, which are some at least. */
static size_t look_up(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, const struct word_left *left,
                      size_t n)
{
    struct tok_carry *c = s->carry;
    size_t used = 0, k = 0, f = 0;
    bool room = word_cache_room(&s->cache, UNIGRAM_WORDS, UNIGRAM_ROOM + UNIGRAM_WORDS * (WALK_LOOKED_UP / 4 + 1) + WORD_KEY_MAX);
    word_keys_follow(&s->words->keys, &s->cache, left->word, WORD_KEYS);
    unigram_words_clear(&c->words);
    c->n_waits = c->most = 0;
    if (n > CARRY_LEFT) n = CARRY_LEFT;
    size_t n_new = seek(t, s, text, left, n), found = t->fast->walk ? tok_walk_spell(t->fast, c->new, n_new, c->symbols) : n_new;
    if (found < n_new) n = c->new[found].number;
    for (; k < n && !unigram_words_full(&c->words) && used + WORD_LONG_MAX <= CARRY_KNOWN; k++) {
        size_t i = left[k].word;
        const struct unigram_spelled *new = f < found && c->new[f].number == k ? &c->new[f++] : NULL;
        if (!new) c->put[k] = known(s, text, k, i, s->words->ends[i] - s->begins[i], c->slot[k], &used);
        else c->put[k] = room ? begin(t, s, text, new, i, &used) : put_none(c, k);
    }
    return k;
}

/* Between the words of a part come unknown characters; returns how near the second best way was in any of them. */
static float join_words(struct tok_carry *c, size_t first, size_t end)
{
    struct unigram_words *w = &c->words;
    float gap = w->gap[first];
    for (size_t i = first + 1; i < end; i++) {
        w->ids[w->begin[i] - 1] = -(int32_t)c->behind[i - 1];
        gap = w->gap[i] < gap ? w->gap[i] : gap;
    }
    return gap;
}

/* Walks those that wait, from sum 0, and fills their slots. */
static void learn(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text)
{
    struct tok_carry *c = s->carry;
    struct unigram_words *w = &c->words;
    if (!w->n_words) return;
    unigram_walk_words(t->fast->walk, w);
    c->wait[c->n_waits].first = (uint16_t)w->n_words;
    for (size_t k = 0; k < c->n_waits; k++) {
        struct tok_wait *wait = &c->wait[k];
        size_t begin = s->begins[wait->part], len = s->words->ends[wait->part] - begin, end = wait[1].first;
        int32_t *ids = w->ids + w->begin[wait->first];
        size_t n = (size_t)(w->begin[end] - w->begin[wait->first] - 1);
        uint32_t code = word_code(c, join_words(c, wait->first, end), wait->n_symbols);
        if (w->unknown) n = melt(t, ids, n);
        if (wait->slot) fill(s, wait->slot, text + begin, len, ids, n, code);
        wait->put = (struct tok_put){gap_is_wide(s, code) ? ids : NULL, n};
    }
}

/* Up to CARRY_SLACK ids more are read and written: how many there are cannot be guessed. */
static inline int32_t *copy(int32_t *to, const int32_t *ids, size_t n)
{
    size_t i = 0;
    do memcpy(to + i, ids + i, CARRY_SLACK * sizeof *ids);
    while ((i += CARRY_SLACK) < n);
    return to + n;
}

/* Ids of c->taken from *at on, and between them those of left[0..n). */
static int put_together(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n_text,
                        const struct word_left *left, size_t n, size_t *at, unsigned flags, struct tok_ids *out, struct err *e)
{
    const struct tok_carry *c = s->carry;
    size_t from = *at, more = CARRY_SLACK + left[n - 1].at - from + c->most;
    for (size_t k = 0; k < n; k++) {
        if (tok_ids_room(out, more, e)) return -1;
        int32_t *to = out->id + out->n;
        for (; k < n; k++) {
            const struct tok_put *put = c->put[k];
            to = copy(to, c->taken + from, left[k].at - from);
            from = left[k].at;
            if (!put->ids) break;
            to = copy(to, put->ids, put->n);
        }
        out->n = (size_t)(to - out->id);
        size_t i = k < n ? left[k].word : 0;
        if (k < n && carried(t, s, text, i, n_text, flags, out, e)) return -1;
    }
    *at = from;
    return 0;
}

/* Parts i to end - 1, whose ids may be the cache's. */
static int take(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, size_t i, size_t end,
                unsigned flags, struct tok_ids *out, struct err *e)
{
    struct tok_carry *c = s->carry;
    const struct word_left *left = c->left;
    size_t n_ids, n_left = s->batch->take(&s->cache, &s->words->keys, i, end, s->narrow, c->taken, &n_ids, c->left), at = 0;
    while (n_left) {
        size_t count = look_up(t, s, (const uint8_t *)text, left, n_left);
        learn(t, s, (const uint8_t *)text);
        if (put_together(t, s, text, n, left, count, &at, flags, out, e)) return -1;
        left += count;
        n_left -= count;
    }
    return tok_part_put(c->taken + at, n_ids - at, out, e);
}

/* The parts from i on that end at text[safe) and do not end the text of n bytes end before this one. */
static size_t parts_until(const struct tok_scratch *s, size_t safe, size_t n, size_t i, size_t count)
{
    const size_t *ends = s->words->ends;
    size_t most = safe < n ? safe : n - 1, end = count;
    if (s->begins[i] == 0) return i;
    while (i < end && ends[end - 1] > most) {
        size_t middle = i + (end - i) / 2;
        if (ends[middle] > most) end = middle;
        else i = middle + 1;
    }
    return end;
}

/* How much farther than to both ends of so many bytes of text, and from 0, sums come between them: what is up has to go down. */
static double between(const struct tok_fast *f, size_t bytes)
{
    return f->nearest + 2 * f->rise * (double)bytes;
}

/* The text until which sums that fall as they did lately stay away from UNIGRAM_REBASE. */
static size_t likely_safe(const struct tok_fast *f, const struct tok_scratch *s, size_t at)
{
    double left = UNIGRAM_REBASE - between(f, s->until - at) - fabs(s->sum), step = 1.25 * s->falls;
    if (f->nearest == 0 || left < 0 || step == 0) return at;
    return step * (double)(s->until - at) < left ? s->until : at + (size_t)(left / step);
}

/* Parts i to end - 1, which are likely to be safe; 0: they are not, and nothing is done.  The sum at the first is known. */
static int take_likely(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, size_t i, size_t end,
                       unsigned flags, struct tok_ids *out, struct err *e)
{
    const size_t from = out->n, last = s->words->ends[end - 1];
    const double sum = s->sum;
    s->safe = last;
    s->farthest = 0;
    if (take(t, s, text, n, i, end, flags, out, e)) return -1;
    settle(t, s, last, out);
    if (s->farthest + between(t->fast, last - s->begins[i]) < UNIGRAM_REBASE) return 1;
    s->sum = sum;
    s->summed = out->n = from;
    s->falls *= 2;
    settle(t, s, s->begins[i], out);
    return 0;
}

void tok_carry_end(const struct tokenizer *t, struct tok_scratch *s, const struct tok_ids *out)
{
    add_up(t, s, out);
}

int tok_carry_batch(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, size_t count,
                    unsigned flags, struct tok_ids *out, struct err *e)
{
    for (size_t i = 0; i < count;) {
        bool all = s->safe >= s->until;
        if (!all) settle(t, s, s->begins[i], out);
        size_t end = parts_until(s, s->safe, n, i, count), likely = all ? 0 : parts_until(s, likely_safe(t->fast, s, s->begins[i]), n, i, count);
        int done = likely > end ? take_likely(t, s, text, n, i, likely, flags, out, e) : 0;
        if (done < 0 || (!done && end > i && take(t, s, text, n, i, end, flags, out, e))) return -1;
        i = done ? likely : end;
        if (!done && i < count && carried(t, s, text, i++, n, flags, out, e)) return -1;
    }
    return 0;
}
