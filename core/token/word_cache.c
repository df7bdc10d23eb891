#include "core/token/word_cache.h"

#include <stdlib.h>

#include "core/base/mem.h"

/* Memory that no process has touched lately can cost as much as all else: a small page what six
 * new words do, a huge one as much as 600, or as 25,000 where the host of a virtual machine has
 * to find it.  So the lines of small texts are in small pages, those of others in huge ones as
 * long as they are quick to come; if they are not, there are fewer for a while.  Clearing 8 MB
 * costs what moving 28,000 words does and more: dense ones take a step between. */
enum {
    FIRST_LINES = 1 << 13,
    SOME_LINES = 1 << 15,
    MANY_LINES = 1 << 17,
    LARGE_LINES = 1 << 18,
    MAX_LINES = 1 << 20,
    FIRST_POOL = 1 << 17,  /* more than words that are learned together ask for */
    MAX_POOL = 1 << 23,    /* ids; a place has 24 bits */
    POOL_SLACK = 8,        /* that are read with those before */
    MARK_BITS = 15,
    MARKS = 1 << MARK_BITS,
};

#define BYTES(n) (n) >= 8 ? UINT64_MAX : ((uint64_t)1 << 8 * ((n) & 7)) - 1
#define MASK(n) {BYTES(n), (n) < 8 ? 0 : BYTES((n) - 8)}
const uint64_t word_key_mask[WORD_KEY_MAX + 1][2] = {
    MASK(0), MASK(1), MASK(2),  MASK(3),  MASK(4),  MASK(5),  MASK(6),  MASK(7),
    MASK(8), MASK(9), MASK(10), MASK(11), MASK(12), MASK(13), MASK(14), MASK(15)};

static void use_lines(struct word_cache *c, struct word_line *lines, size_t n)
{
    c->lines = lines;
    c->n_lines = n;
    c->shift = 64 - (unsigned)__builtin_ctzll(n);
    memset(c->strays, 0, n / 8);
    c->seconds_then = c->seconds;
}

/* Lines that are used from now on.  Whoever reads a page before it is written to asks the system
 * for it twice. */
static void touch(struct word_line *lines, size_t n)
{
    enum { PAGE_LINES = 4096 / sizeof *lines };
    for (size_t i = 0; i < n; i += PAGE_LINES) *(volatile uint64_t *)&lines[i].slot[0].k[1] = 0;
}

int word_cache_init(struct word_cache *c, struct err *e)
{
    *c = (struct word_cache){0};
    struct word_line *lines = mem_zalloc_table(FIRST_LINES, sizeof *lines, &c->memory);
    c->pool = mem_alloc(FIRST_POOL + POOL_SLACK, sizeof *c->pool);
    c->pool_cap = FIRST_POOL;
    c->longest = WORD_LONG_MAX;
    c->strays = mem_alloc(MAX_LINES / 64, sizeof *c->strays);
    if (lines && c->pool && c->strays) {
        touch(lines, FIRST_LINES);
        use_lines(c, lines, FIRST_LINES);
        return 0;
    }
    word_cache_free(c);
    return err_oom(e, FIRST_LINES * sizeof *lines, "the word cache");
}

void word_cache_free(struct word_cache *c)
{
    word_room_free(&c->room);
    free(c->memory);
    free(c->pool);
    free(c->marks);
    free(c->strays);
    memset(c, 0, sizeof *c);
}

static void note_stray(const struct word_cache *c, size_t line)
{
    c->strays[line / 64] |= (uint64_t)1 << (line & 63);
}

/* A word is not in its place only if another was there before, and not in its line only if
 * that was full; then it is in the first place that was free behind it.  No place becomes free. */
const struct word_slot *word_cache_find_on(struct word_cache *c, const struct word_key *key)
{
    size_t home = word_cache_line(c, key->hash);
    struct word_slot *to = &c->lines[home].slot[word_cache_place(c, key->hash)];
    for (size_t i = (home + 1) & (c->n_lines - 1);; i = (i + 1) & (c->n_lines - 1))
        for (int k = 0; k < 2; k++) {
            struct word_slot *s = &c->lines[i].slot[k], swap;
            if (s->k[1] == 0) return NULL;
            if (!word_slot_is(s, key)) continue;
            /* It comes home; the other one is found further on (and is of this line, or a stray already). */
            c->seconds++;
            swap = *to;
            *to = *s;
            *s = swap;
            return to;
        }
}

/* Which slot of a line is free cannot be guessed. */
static struct word_slot *free_slot(struct word_cache *c, uint64_t hash)
{
    size_t home = word_cache_line(c, hash), place = word_cache_place(c, hash);
    struct word_line *l = &c->lines[home];
    if (l->slot[0].k[1] && l->slot[1].k[1]) note_stray(c, home);
    for (; l->slot[0].k[1] && l->slot[1].k[1]; place = 0) l = l + 1 < c->lines + c->n_lines ? l + 1 : c->lines;
    return &l->slot[place ^ (l->slot[place].k[1] != 0)];
}

static void empty(struct word_cache *c)
{
    memset(c->lines, 0, c->n_lines * sizeof *c->lines);
    memset(c->strays, 0, c->n_lines / 8);
    c->used = c->pool_used = 0;
    c->full = false;
}

/* Of its key: without the number of ids. */
static uint64_t slot_hash(const struct word_slot *s)
{
    uint64_t k[2] = {s->k[0], s->k[1] & ~((uint64_t)15 << 60)};
    return word_key_hash(k);
}

/* `times` as many lines in the same place: what is in a line goes to one of so many, or
 * behind them, none of which is before it.  So the last line goes first.  (A word
 * far from the line it asks for, in one of the first lines, is dropped.) */
static void spread(struct word_cache *c, size_t times)
{
    enum { AHEAD = 16 };
    size_t n = c->n_lines;
    if (n >= MANY_LINES) mem_huge_if_quick(c->lines + n, n * sizeof *c->lines);
    touch(c->lines + n, (times - 1) * n);
    use_lines(c, c->lines, times * n);
    c->used = 0;
    for (size_t i = n; i-- > 0;) {
        struct word_line old = c->lines[i];
        if (i >= AHEAD) {
            __builtin_prefetch(&c->lines[times * (i - AHEAD)], 1);
            __builtin_prefetch(&c->lines[times * (i - AHEAD) + times / 2], 1);
        }
        memset(&c->lines[i], 0, sizeof old);
        for (int k = 0; k < 2; k++) {
            const struct word_slot *s = &old.slot[k];
            uint64_t hash = slot_hash(s);
            if (!s->k[1] || word_cache_line(c, hash) < i) continue;
            *free_slot(c, hash) = *s;
            c->used++;
        }
    }
}

/* How many of these lines are in huge pages, if not all: behind them one was slow to come. */
static size_t huge_if_quick(struct word_line *lines, size_t n)
{
    return mem_huge_if_quick(lines, n * sizeof *lines) / sizeof *lines;
}

/* Whether the words that are known will become a dozen times as many: those of a language do in some
 * 60 times the text. */
static bool many_to_come(const struct word_cache *c)
{
    return c->all_text / 64 > c->text;
}

/* So many lines, or fewer where large pages are slow to come.  Of what is behind them only what is used is
 * ever touched: growing them there touches no memory twice. */
static bool get_room(struct word_room *r, size_t n, bool frugal)
{
    r->lines = mem_zalloc_table_behind(MAX_LINES * sizeof *r->lines, MAX_LINES, sizeof *r->lines, &r->memory);
    if (!r->lines) return false;
    r->quick = frugal ? 0 : huge_if_quick(r->lines, n);
    while (n > SOME_LINES && n > r->quick) n /= 2;
    r->n_lines = n;
    touch(r->lines, n);
    return true;
}

bool word_room_new(struct word_room *r, uint64_t text)
{
    enum { SOME_TEXT = 4 << 20, MUCH_TEXT = 16 << 20 };
    *r = (struct word_room){0};
    return text >= SOME_TEXT && get_room(r, text >= MUCH_TEXT ? LARGE_LINES : MANY_LINES, false);
}

void word_room_free(struct word_room *r)
{
    free(r->memory);
    *r = (struct word_room){0};
}

/* The first lines, which are few, move to memory that has room for MAX_LINES. */
static bool move(struct word_cache *c)
{
    struct word_room r = c->room;
    size_t n = c->n_lines, usual = c->dense ? SOME_LINES : MANY_LINES;
    struct word_line *old = c->lines;
    if (!r.lines && !get_room(&r, many_to_come(c) ? LARGE_LINES : usual, c->frugal)) return false;
    c->room = (struct word_room){0};
    c->frugal = r.quick < usual;
    use_lines(c, r.lines, r.n_lines);
    for (size_t i = 0; i < 2 * n; i++) {
        const struct word_slot *s = &old[i / 2].slot[i % 2];
        if (s->k[1]) *free_slot(c, slot_hash(s)) = *s;
    }
    free(c->memory);
    c->memory = r.memory;
    return true;
}

/* As many lines at once as are quick to come. */
static size_t times_more(struct word_cache *c)
{
    size_t n = c->n_lines, many = n < MANY_LINES ? MANY_LINES / n : 2;
    if (n < MANY_LINES && c->dense && !c->frugal) c->frugal = huge_if_quick(c->lines + n, (many - 1) * n) < (many - 1) * n;
    return c->dense && c->frugal ? 2 : many;
}

/* More lines; where that is too much or there is no memory, none used. */
static void grow(struct word_cache *c)
{
    c->full = false;
    c->again = c->over = 0;
    if (c->n_lines >= SOME_LINES && c->n_lines < MAX_LINES) spread(c, times_more(c));
    else if (c->n_lines >= MAX_LINES || !move(c)) empty(c);
}

/* The pool has room for n more; all that was there may be gone. */
static bool pool_room(struct word_cache *c, size_t n)
{
    if (c->pool_used + n <= c->pool_cap) return true;
    /* All that there may ever be: pages that are not written to are none. */
    int32_t *p = c->pool_cap < MAX_POOL && c->pool_used + n <= MAX_POOL ? mem_alloc(MAX_POOL + POOL_SLACK, sizeof *p) : NULL;
    if (p) {
        memcpy(p, c->pool, c->pool_used * sizeof *p);
        free(c->pool);
        c->pool = p;
        c->pool_cap = MAX_POOL;
        return true;
    }
    empty(c);
    return n <= c->pool_cap;
}

/* Whether words that are not in their places have cost by now what more lines would have: a text that ends before
 * has not paid for them, one that goes on or comes again pays no more than twice.  Of many lines each costs more: what
 * is moved is not in the processor's caches. */
static bool is_slow(const struct word_cache *c)
{
    return c->seconds - c->seconds_then > (c->n_lines < LARGE_LINES ? 1 : 3) * c->n_lines;
}

/* word_cache_most() in eighths of the lines, which have two slots each. */
static size_t room_eighths(const struct word_cache *c)
{
    if (c->n_lines >= MAX_LINES) return 12;
    if (c->dense && c->n_lines == FIRST_LINES) return is_slow(c) ? 7 : 12;
    if (c->dense) return c->frugal && c->n_lines < MANY_LINES ? 10 : 7;
    if (c->n_lines < MANY_LINES || is_slow(c)) return 7;
    return c->n_lines < LARGE_LINES ? 10 : 12;
}

size_t word_cache_most(const struct word_cache *c)
{
    return room_eighths(c) * c->n_lines / 8;
}

/* Most words that come when the first lines are full never come again, and to find the ids of those that do once
 * more costs what more lines do when they are some 15,000.  Marks tell of up to 30,000 words whether most come again. */
static bool may_be_full(struct word_cache *c)
{
    enum { AGAIN = 1 << 11, OVER = 1 << 16 };
    if (!c->replaces || c->n_lines > FIRST_LINES || c->room.lines || many_to_come(c)) return false;
    if (c->again > AGAIN || c->over > OVER) return false;
    if (!c->marks) c->marks = mem_zalloc(MARKS, 1);
    return c->full = c->marks != NULL;
}

bool word_cache_room(struct word_cache *c, size_t n_words, size_t n)
{
    if (!pool_room(c, n)) return false;
    if (c->used + n_words > word_cache_most(c) && !may_be_full(c)) grow(c);
    return true;
}

void word_cache_settle(struct word_cache *c)
{
    if (c->n_lines < MAX_LINES && c->used > word_cache_most(c)) grow(c);
}

struct word_slot *word_cache_seek_on(const struct word_cache *c, const struct word_key *key)
{
    size_t home = word_cache_line(c, key->hash);
    for (size_t line = (home + 1) & (c->n_lines - 1);; line = (line + 1) & (c->n_lines - 1))
        for (int k = 0; k < 2; k++) {
            struct word_slot *s = &c->lines[line].slot[k];
            if (s->k[1] && !word_slot_is(s, key)) continue;
            note_stray(c, home);
            return s;
        }
}

/* Whether what was put over comes again. */
static void count_over(struct word_cache *c, uint64_t hash)
{
    uint8_t *mark = &c->marks[hash >> (64 - MARK_BITS)], own = (uint8_t)(hash >> (56 - MARK_BITS));
    c->again = *mark == own ? c->again + 2 : c->again - (c->again > 0);
    c->over++;
    *mark = own;
}

/* In a full cache: the first place of the line is kept by who came first, the second is the last one's. */
static inline struct word_slot *slot_over(struct word_cache *c, uint64_t hash)
{
    struct word_slot *s = c->lines[word_cache_line(c, hash)].slot;
    s += s->k[1] != 0;
    c->used -= s->k[1] != 0;
    count_over(c, hash);
    return s;
}

void word_cache_put(struct word_cache *c, const struct word_slot *words, size_t n)
{
    const struct word_slot *end = words + n;
    c->used += n;
    if (c->full)
        for (; words < end; words++) *slot_over(c, slot_hash(words)) = *words;
    for (; words < end; words++) *free_slot(c, slot_hash(words)) = *words;
}

/* NULL: the word is there. */
static struct word_slot *claim(struct word_cache *c, const struct word_key *key)
{
    struct word_slot *s = c->lines[word_cache_line(c, key->hash)].slot;
    if (c->full && (word_slot_is(&s[0], key) || word_slot_is(&s[1], key))) return NULL;
    s = c->full ? slot_over(c, key->hash) : word_cache_seek(c, key);
    if (!c->full && s->k[1]) return NULL;
    word_cache_claim_slot(c, s, key);
    return s;
}

static struct word_slot *add(struct word_cache *c, const struct word_key *key, size_t n)
{
    return word_cache_room(c, 1, n) ? claim(c, key) : NULL;
}

void word_cache_fill_many(struct word_cache *c, struct word_slot *s, const int32_t *ids, size_t n)
{
    s->id[0] = (uint32_t)c->pool_used;
    memcpy(c->pool + c->pool_used, ids, n * sizeof *ids);
    c->pool_used += n;
}

void word_cache_fill_long(struct word_cache *c, struct word_slot *s, const uint8_t *word, size_t n, const int32_t *ids,
                          size_t n_ids, uint32_t code)
{
    int32_t *to = c->pool + c->pool_used;
    memcpy(to, ids, n_ids * sizeof *ids);
    memcpy(to + n_ids, word, n);
    s->id[0] = (uint32_t)c->pool_used;
    s->id[1] = (uint32_t)n_ids;
    s->id[3] = code;
    c->pool_used += word_long_room(n, n_ids);
}

void word_cache_add(struct word_cache *c, const struct word_key *key, const int32_t *ids, size_t n)
{
    if (n == 0 || n > WORD_KEY_MAX) return;
    int32_t copy[WORD_KEY_MAX + 1] = {0};
    struct word_slot *s = add(c, key, n > WORD_INLINE ? n : 0);
    memcpy(copy, ids, n * sizeof *ids);
    if (s) word_cache_fill(c, s, copy, n);
}

void word_cache_add_code(struct word_cache *c, const struct word_key *key, const int32_t *ids, size_t n,
                         uint32_t code)
{
    if (n == 0 || n > WORD_KEY_MAX) return;
    struct word_slot *s = add(c, key, WORD_KEY_MAX);
    if (s) word_cache_fill_code(c, s, ids, n, code);
}

void word_cache_add_long(struct word_cache *c, const struct word_key *key, const uint8_t *word,
                         size_t n, const int32_t *ids, size_t n_ids, uint32_t code)
{
    if (n > WORD_LONG_MAX || n_ids > WORD_LONG_MAX) return;
    struct word_slot *s = add(c, key, word_long_room(n, n_ids)); /* or another with that hash is there */
    if (s) word_cache_fill_long(c, s, word, n, ids, n_ids, code);
}
