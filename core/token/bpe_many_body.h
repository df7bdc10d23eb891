/* bpe_many_body.h - words merged side by side: included by bpe_many_avx*.c once for each width of ids and
 * ranks: NUMBER, their type, and NAME(x), which has functions for registers of them:
 *
 *   put_bytes    a word of n bytes: the ranks of its pairs in the first so many places, its symbols, NO behind both
 *   put_none     NO in so many places
 *   put_symbols  a word of n ids, NO behind; in at least 16 places, as put_bytes does
 *   least        the least of so many ranks, and its first place, counted from 1
 *   put_ids      symbols that are not NO, at most `room` of them; nothing is written behind that
 *
 * put_neighbours() is the same for both.  LANES: words of a group, of which there are two.  LATE: the pairs that
 * a merge makes are asked for, and got when all other words had their turn; where a processor does not look far
 * enough ahead to wait for the pairs of all words at a time by itself.
 *
 * Symbols and the ranks of the pairs that they begin stay at their places: a merge is a few stores, and all
 * ranks are looked at in one register or a few.  Words take turns, so that what was stored for one has arrived
 * before its registers are loaded again, and that the pairs of several words are waited for at a time; what
 * depends on the number of a word's merges, which cannot be guessed, is decided a turn later. */
#define PER ((int)(64 / sizeof(NUMBER)))
#define NO ((NUMBER)-1) /* no rank; a symbol that never merges */

/* Symbols are at the places 1..n; NO is behind them, and where one is gone.  Place 1 begins a
 * line of the cache. */
struct NAME(lane) {
    _Alignas(64) NUMBER unused[PER - 1];
    NUMBER rank[1 + PLACES + 1]; /* of the pair that begins there, or NO */
    _Alignas(64) NUMBER unused_too[PER - 1];
    NUMBER symbol[1 + PLACES + 1];
    _Alignas(64) uint8_t next[PLACES], before[PLACES]; /* neighbours of what is not gone */
    uint32_t best, at; /* the least rank and its first place */
    struct asked right_of, left_of; /* LATE: the pairs of the last merge, and where the left one begins */
    uint32_t before_at;
    struct bpe_job *job;
};

/* Words at work, and bits of those that have no pair left. */
struct NAME(group) {
    struct NAME(lane) *lane[LANES];
    size_t n;
    uint32_t done;
};

ALWAYS_INLINE void NAME(look)(struct NAME(lane) *l, const int places)
{
    l->best = NAME(least)(l->rank + 1, places, &l->at);
}

/* Of at most so many pairs. */
ALWAYS_INLINE void NAME(start)(const struct table *t, struct NAME(lane) *l, struct bpe_job *j, const int places)
{
    if (j->bytes) {
        NAME(put_bytes)(l->rank + 1, l->symbol + 1, t, j->bytes, j->n, places);
    } else {
        NAME(put_none)(l->rank + 1, places);
        for (size_t i = 1; i < j->n; i++) l->rank[i] = NAME(rank_of)(t, (uint32_t)j->ids[i - 1], (uint32_t)j->ids[i]);
        NAME(put_symbols)(l->symbol + 1, j->ids, j->n, places);
    }
    l->symbol[0] = l->symbol[1 + (places < 16 ? 16 : places)] = l->rank[1 + places] = NO;
    put_neighbours(l->next, l->before, places);
    l->job = j;
    NAME(look)(l, places);
}

ALWAYS_INLINE void NAME(merge)(const struct table *t, struct NAME(lane) *l)
{
    size_t at = l->at, gone = l->next[at], before = l->before[at], after = l->next[gone];
    uint32_t made = t->made ? (uint32_t)t->made[l->best] : (uint32_t)t->first_made + l->best;
    l->next[at] = (uint8_t)after;
    l->before[after] = (uint8_t)at;
    uint32_t left = l->symbol[before], right = l->symbol[after];
    l->rank[gone] = l->symbol[gone] = NO;
    l->symbol[at] = (NUMBER)made;
    if (LATE) {
        l->right_of = NAME(ask)(t, made, right);
        l->left_of = NAME(ask)(t, left, made);
        l->before_at = (uint32_t)before;
    } else {
        l->rank[at] = NAME(rank_of)(t, made, right);
        l->rank[before] = NAME(rank_of)(t, left, made);
    }
}

/* The ranks that were asked for. */
ALWAYS_INLINE void NAME(put_all)(const struct table *t, struct NAME(group) *g)
{
    for (size_t i = 0; i < g->n; i++) {
        struct NAME(lane) *l = g->lane[i];
        l->rank[l->at] = NAME(asked)(t, l->right_of);
        l->rank[l->before_at] = NAME(asked)(t, l->left_of);
    }
}

ALWAYS_INLINE void NAME(look_all)(struct NAME(group) *g, const int places)
{
    uint32_t done = 0;
    for (size_t i = 0; i < g->n; i++) {
        NAME(look)(g->lane[i], places);
        done |= (uint32_t)(g->lane[i]->best == NO) << i;
    }
    g->done = done;
}

ALWAYS_INLINE void NAME(merge_all)(const struct table *t, struct NAME(group) *g)
{
    for (size_t i = 0; i < g->n; i++) NAME(merge)(t, g->lane[i]);
}

/* The next of the words that has a pair; false: none is left. */
ALWAYS_INLINE bool NAME(start_next)(const struct table *t, struct NAME(lane) *l, struct todo *todo, const int places)
{
    while (todo->at < todo->n) {
        NAME(start)(t, l, todo->job[todo->at++], places);
        if (l->best != NO) return true;
        l->job->n = NAME(put_ids)(l->job->ids, l->job->n, l->symbol + 1, places);
    }
    return false;
}

/* Others for the words that are done; from the last on, so that the last lane may take the
 * place of one. */
ALWAYS_INLINE void NAME(replace)(const struct table *t, struct NAME(group) *g, struct todo *todo, const int places)
{
    while (g->done) {
        uint32_t i = 31 - _lzcnt_u32(g->done);
        struct NAME(lane) *l = g->lane[i];
        g->done ^= 1u << i;
        l->job->n = NAME(put_ids)(l->job->ids, l->job->n, l->symbol + 1, places);
        if (NAME(start_next)(t, l, todo, places)) continue;
        g->lane[i] = g->lane[--g->n];
        g->lane[g->n] = l;
    }
}

ALWAYS_INLINE void NAME(begin)(const struct table *t, struct NAME(group) *g, struct NAME(lane) *lane, struct todo *todo, const int places)
{
    for (g->n = 0; g->n < LANES && NAME(start_next)(t, &lane[g->n], todo, places); g->n++) g->lane[g->n] = &lane[g->n];
}

/* One group's ranks arrive while the other one's are looked at and merged. */
ALWAYS_INLINE void NAME(run_late)(const struct table *t, struct NAME(group) *a, struct NAME(group) *b, struct todo *todo, const int places)
{
    NAME(merge_all)(t, b);
    NAME(merge_all)(t, a);
    while (a->n + b->n) {
        NAME(put_all)(t, b);
        NAME(put_all)(t, a);
        NAME(look_all)(b, places);
        NAME(replace)(t, b, todo, places);
        NAME(merge_all)(t, b);
        NAME(look_all)(a, places);
        NAME(replace)(t, a, todo, places);
        NAME(merge_all)(t, a);
    }
}

/* Which words of a group are done is known while the other one's are merged. */
ALWAYS_INLINE void NAME(run)(const struct table *t, struct todo *todo, const int places)
{
    struct NAME(lane) lane[2 * LANES];
    struct NAME(group) a, b;
    NAME(begin)(t, &a, lane, todo, places);
    NAME(begin)(t, &b, lane + LANES, todo, places);
    if (LATE) {
        NAME(run_late)(t, &a, &b, todo, places);
        return;
    }
    NAME(merge_all)(t, &b);
    while (a.n + b.n) {
        NAME(look_all)(&b, places);
        NAME(merge_all)(t, &a);
        NAME(replace)(t, &b, todo, places);
        NAME(look_all)(&a, places);
        NAME(merge_all)(t, &b);
        NAME(replace)(t, &a, todo, places);
    }
}

static void NAME(run_all)(const struct table *t, struct todo *todo)
{
    if (todo[0].n) NAME(run)(t, &todo[0], 8);
    if (todo[1].n) NAME(run)(t, &todo[1], 16);
    if (todo[2].n) NAME(run)(t, &todo[2], 32);
    if (todo[3].n) NAME(run)(t, &todo[3], 64);
}

#undef PER
#undef NO
#undef NUMBER
#undef NAME
