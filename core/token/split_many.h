/* split_many.h - many pieces at a time, for the splits of the family; included
 * once for each set of instructions.
 *
 * A loop over characters mispredicts a branch or two for every word.  Here the
 * classes of 64 bytes become bit masks, and a few operations on them give all
 * the starts at once.  What the masks cannot decide (runs of spaces that leave
 * the window, a few rare neighbours) is left to split_next(). */
#ifndef CORE_TOKEN_SPLIT_MANY_H
#define CORE_TOKEN_SPLIT_MANY_H

#include <string.h>

#include "core/token/split_cut.h"

#ifdef SPLIT_HAS_MASKS

/* Below, `cut` are places where pieces begin whatever the words are: the words on the two sides
 * are no neighbours. */

/* First bytes of the last character of each run of spaces that something follows. */
SPLIT_INLINE uint64_t last_spaces(const struct split_masks *m, uint64_t space, uint64_t cut)
{
    uint64_t last = space & ~(space >> 1) & ~(cut >> 1), wide = m->space2 | m->space3;
    if (last & wide) last = (last & ~wide) | (last & m->space2) >> 1 | (last & m->space3) >> 2;
    return last;
}

/* Contractions that begin at the quotes: of a letter, and of two, or of one of two
 * bytes. */
struct contractions {
    uint64_t one, two;
};

SPLIT_INLINE struct contractions find_contractions(const uint8_t *s, const struct split_masks *m, uint64_t quotes, uint64_t cut,
                                                    bool fold)
{
    struct contractions c = {0, 0};
    quotes &= m->letter >> 1; /* which most quotes of code are not in front of */
    if (!quotes) return c;
#ifdef SPLIT_TABLES
    enum { ONE, R_V, L };
    static const uint8_t letters[64] = {['s' & 63] = 1 << ONE, ['t' & 63] = 1 << ONE, ['m' & 63] = 1 << ONE, ['d' & 63] = 1 << ONE,
                                        ['r' & 63] = 1 << R_V, ['v' & 63] = 1 << R_V, ['l' & 63] = 1 << L};
    const int lower = fold ? 0x20 : 0;
    split_bytes x = split_load(s + 1), y = split_load(s + 2), a = split_of_64(letters, split_or(x, lower)), b = split_or(y, lower);
    uint64_t ascii = quotes & ~(m->high >> 1);
    c.one = ascii & split_bit(a, ONE);
    c.two = ascii & ((split_bit(a, R_V) & split_is(b, 'e')) | (split_bit(a, L) & split_is(b, 'l')));
    if (fold && m->high) c.two |= quotes & split_is(x, 0xC5) & split_is(y, 0xBF); /* U+017F, as split_contraction() */
#else
    (void)m;
    for (; quotes; quotes &= quotes - 1) {
        size_t i = (size_t)low_bit(quotes), end = split_contraction(s, SPLIT_WINDOW, i, fold);
        if (end == i + 2) c.one |= (uint64_t)1 << i;
        if (end == i + 3) c.two |= (uint64_t)1 << i;
    }
#endif
    c.one &= ~(cut >> 1);
    c.two &= ~(cut >> 1 | cut >> 2);
    return c;
}

/* A contraction is a piece of its own: what follows it starts the next one. */
SPLIT_INLINE uint64_t cut_contractions(struct contractions c, uint64_t start)
{
    start &= ~(c.one << 1 | c.two << 1 | c.two << 2);
    return start | c.one << 2 | c.two << 3;
}

/* A contraction behind a word belongs to it, but not one behind another. */
SPLIT_INLINE uint64_t join_contractions(struct contractions c, uint64_t start)
{
    uint64_t behind;
    while ((behind = (c.one << 2 | c.two << 3) & (c.one | c.two))) { /* the first of these is none */
        behind &= -behind;
        c.one &= ~behind;
        c.two &= ~behind;
    }
    start &= ~(c.one | c.one << 1 | c.two | c.two << 1 | c.two << 2);
    return start | c.one << 2 | c.two << 3;
}

/* Groups of `max` inside longer runs of digits. */
SPLIT_INLINE uint64_t group_digits(uint64_t digit, uint64_t cut, uint64_t start, int max)
{
    uint64_t on = digit & digit << 1 & ~cut, behind = on, group = digit & ~on;
    if (max == 1) return start | digit;
    for (int i = 1; i < max; i++) behind &= on << i; /* so many digits of the run are before it */
    for (int i = max; behind && i < 64; i *= 2) {
        group |= group << i & behind;
        behind &= behind << i;
    }
    return start | group;
}

/* The part of a run of spaces after its last newline is a run of its own. */
SPLIT_INLINE uint64_t cut_after_newlines(uint64_t space, uint64_t newline, uint64_t cut, uint64_t start)
{
    uint64_t others = space & ~newline & ~cut, after = newline << 1 & others;
#ifdef SPLIT_TABLES
    /* Added to the stretches of others, their first bits come out behind the last
     * ones, in the same order; what stands there tells whether the run is over. */
    uint64_t behind = (others + after) & ~others;
    return start | _pdep_u64(_pext_u64(~space | cut, behind), after);
#else
    for (; after; after &= after - 1) {
        int i = low_bit(after);
        uint64_t run = space >> i, stop = ~run | (cut >> i & ~(uint64_t)1);
        if (stop) run &= (stop & -stop) - 1;
        if (!(newline >> i & run)) start |= (uint64_t)1 << i;
    }
    return start;
#endif
}

/* Newlines (and slashes) straight after other characters belong to them. */
SPLIT_INLINE uint64_t tails(const struct split_masks *m, uint64_t other, uint64_t cut, const struct split_rule *r)
{
    if (r->tail_one) return m->newline & other << 1 & ~cut;
    uint64_t all = (r->slashes ? m->newline | m->slash : m->newline) & ~cut, first = m->newline & other << 1 & ~cut;
    return (all & ~(all + first)) | first;
}

SPLIT_INLINE void known_before(struct split_masks *m, uint64_t stop)
{
    if (stop && low_bit(stop) < m->known) m->known = low_bit(stop);
}

/* Marks behind letters are part of the word.  Where a mark stands elsewhere, or
 * a capital follows a letter that may be of both cases, or a mark what may be a contraction, the masks end. */
SPLIT_INLINE void join_marks(struct split_masks *m, uint64_t cut, const struct split_rule *r)
{
    if (r->marks) {
        m->letter |= m->mark;
        return;
    }
    uint64_t in_word = m->mark & ~(m->mark + (m->mark & m->letter << 1));
    m->letter |= in_word;
    uint64_t both = m->letter & ~(m->upper | m->lower), odd = r->phrases ? m->quote << 2 | m->quote << 3 : both << 1 & m->upper;
    known_before(m, (m->mark & (~in_word | cut)) | (r->phrases ? m->mark & odd : odd));
}

/* A sign of ASCII and the letters of ASCII behind it are a word: what starts behind. */
SPLIT_INLINE uint64_t join_signs(const struct split_masks *m, uint64_t letter, uint64_t single, uint64_t start)
{
    uint64_t ascii = letter & ~m->high, joined = (single & ~m->high) << 1 & ascii;
    uint64_t behind = (ascii + joined) & ~ascii & letter;
    return (start & ~joined) | behind;
}

/* ---- the steps of a window ---- */

/* The classes that the words look at. */
SPLIT_INLINE void classify_window(const uint8_t *s, const struct split_rule *r, struct split_masks *m)
{
    split_classify_ascii(s, m);
    if (r->cases) m->lower = m->letter & ~m->upper;
}

/* Those of what is beyond ASCII. */
SPLIT_INLINE void classify_high(const uint8_t *s, const struct split_rule *r, const void *leads, struct split_masks *m)
{
#ifdef SPLIT_TABLES
    const struct split_leads *t = leads;
    uint64_t left = split_letters(s, &t->letter, m);
    if (left && r->cases) left = split_cased(s, t, left, m);
    if (left && !r->listed) left = split_signs(s, t, left, m);
    split_classify_rest(s, left, r, m);
#else
    (void)leads;
    split_classify_rest(s, m->high, r, m);
#endif
    if (r->max_digits) known_before(m, m->wide_digit);
}

/* How many bits are decided: the last character waits for the next one. */
SPLIT_INLINE int decided(const struct split_masks *m, int size, bool *last)
{
    *last = *last && m->known == size;
    return *last ? size : 63 - __builtin_clzll(~m->cont & below(m->known));
}

/* The sets that the steps look at. */
SPLIT_INLINE void view_window(const uint8_t *s, const struct split_rule *r, struct split_masks *m, struct cut_view *v)
{
    uint64_t cont = 0;
    if (r->no_words) m->high = split_high(s);
    int known = sets_of_window(s, r->sets, m->high, &v->in, &cont);
    if (r->no_words) {
        m->cont = cont;
        if (known < m->known) m->known = known;
    }
    v->within = below(m->known);
    v->first = ~cont;
}

/* Numbers and signs of the script go on what is before them. */
SPLIT_INLINE void take_han(const struct split_rule *r, const struct cut_view *v, struct split_masks *m)
{
    uint64_t han = in_set(v->in, r->han_set);
    known_before(m, han & ~m->letter);
    m->han = han & m->letter;
    m->letter &= ~han;
}

/* Where steps cut, too, and how much they can decide. */
SPLIT_INLINE uint64_t cut_window(const struct split_rule *r, int from, int to, struct cut_view *v, uint64_t starts, bool last, int *limit)
{
    v->limit = *limit;
    v->last = last;
    for (int k = from; k < to; k++) starts = cut_step(v, r->cut[k], starts);
    *limit = v->limit;
    return starts;
}

SPLIT_INLINE uint64_t listed_words(const uint8_t *s, const struct split_masks *m, uint64_t within)
{
    uint64_t out = (m->listed | split_listed(s) | m->space) & within, word = within & ~out, begins = word & ~(word << 1);
    return (begins & ~(m->blank << 1)) | (begins >> 1 & m->blank) | (out & ~(out << 1));
}

/* GPT-2's kind: a space belongs to what follows it. */
SPLIT_INLINE uint64_t spaced_words(const uint8_t *s, const struct split_masks *m, uint64_t within, uint64_t cut, const struct split_rule *r)
{
    uint64_t letter = m->letter & within, digit = m->digit & within, space = m->space & within, same = ~cut;
    uint64_t other = ~(letter | digit | space) & within, first = other & ~(other << 1 & same), blank = m->blank << 1 & same;
    uint64_t begins = (letter & ~(letter << 1)) | (digit & ~(digit << 1)) | first;
    uint64_t start = (begins & ~blank) | (space & ~(space << 1)) | last_spaces(m, space, cut);
    if (!r->contractions) return start;
    return cut_contractions(find_contractions(s, m, m->quote & first & ~blank, cut, r->fold), start);
}

/* Spaces between letters where a phrase is not cut. */
SPLIT_INLINE uint64_t find_joints(const uint8_t *s, uint64_t spaces, const struct split_joints *joints)
{
    uint64_t found = spaces;
    for (uint64_t todo = joints ? spaces : 0; todo; todo &= todo - 1) {
        int i = low_bit(todo);
        found ^= (uint64_t)!split_joint(joints, s[i - 1], s[i + 1]) << i;
    }
    return found;
}

/* The others: any character may belong to the letters behind it. */
SPLIT_INLINE uint64_t prefixed_words(const uint8_t *s, const struct split_masks *m, uint64_t within, uint64_t cut, const struct split_rule *r)
{
    uint64_t letter = m->letter & within, digit = m->digit & within, space = m->space & within, same = ~cut;
    uint64_t han = r->han ? m->han & within : 0, other = ~(letter | digit | space | han) & within, tail = r->tail ? tails(m, other, cut, r) : 0;
    uint64_t newline = m->newline & ~tail, inner = space & ~tail;
    other &= ~tail;
    uint64_t first = other & ~(other << 1 & same) & ~(m->blank << 1 & same), prefix = r->signs ? 0 : first;
    if (m->cont && !r->signs) { /* all bytes of that first character */
        prefix |= prefix << 1 & m->cont;
        prefix |= prefix << 1 & m->cont;
        prefix |= prefix << 1 & m->cont;
    }
    uint64_t start = letter & ~(letter << 1) & ~((space & ~m->newline) << 1 & same) & ~(prefix << 1 & same);
    start |= first | (digit & ~(digit << 1));
    start |= (inner & ~(inner << 1)) | (last_spaces(m, space, cut) & ~newline & ~tail);
    start = cut_after_newlines(inner, newline, cut, start);
    if (r->phrases) start &= ~find_joints(s, m->blank & letter << 1 & letter >> 1, r->joints);
    if (r->max_digits) start = group_digits(digit, cut, start, r->max_digits);
    if (r->cases) start |= m->upper & m->lower << 1;
    if (r->han) start |= han ^ han << 1;
    if (r->signs) start = join_signs(m, letter, first, start);
    if (r->contractions) start = cut_contractions(find_contractions(s, m, m->quote & first, cut, r->fold), start);
    if (r->suffix) start = join_contractions(find_contractions(s, m, m->quote & letter << 1 & same, cut, r->fold), start);
    return start;
}

SPLIT_INLINE int lesser(int a, int b)
{
    return a < b ? a : b;
}

/* A run of spaces that leaves the window is not decided: which window ends in one cannot be guessed. */
SPLIT_INLINE int before_spaces(const struct split_masks *m, uint64_t within, int limit)
{
    uint64_t rest = within & ~m->space;
    return lesser(limit, 64 - (rest ? __builtin_clzll(rest) : 64));
}

/* Bits where pieces start, by the classes of m. */
SPLIT_INLINE uint64_t starts_by_masks(const uint8_t *s, int size, bool last, const struct split_rule *r, int *limit, struct split_masks *found)
{
    struct split_masks m = *found;
    struct cut_view v = {.within = below(size), .first = ~(uint64_t)0};
    uint64_t cut = 0, start = 0, within = below(size);
    if (r->signs) known_before(&m, m.rest | (split_controls(s) & ~m.space));
    if (r->n_cuts || r->han) view_window(s, r, &m, &v);
    if (r->han && m.high) take_han(r, &v, &m);
    *limit = 0;
    if ((m.high || r->signs) && m.known == 0) return 1;
    *limit = decided(&m, size, &last);
    if (r->n_before) cut = cut_window(r, 0, r->n_before, &v, 1, last, limit) & ~(uint64_t)1;
    if (m.high && (r->marks || r->cases || r->phrases)) {
        int before = *limit;
        join_marks(&m, cut, r);
        *limit = m.known ? decided(&m, size, &last) : 0;
        if (before < *limit) *limit = before;
        if (!m.known) return 1;
    }
    if (m.high || r->signs) within = below(m.known);
    if (last && size < 64) cut |= (uint64_t)1 << size; /* as before what is cut out, spaces at the end stay together */
    if (r->listed) start = listed_words(s, &m, within);
    else if (r->space_prefix) start = spaced_words(s, &m, within, cut, r);
    else if (!r->no_words) start = prefixed_words(s, &m, within, cut, r);
    if (!r->no_words && !r->listed && !r->space_prefix && !last) *limit = before_spaces(&m, within, *limit);
    start |= cut | 1;
    *found = m;
    if (r->n_cuts == r->n_before) return start;
    if (r->bytes) {
        v.in = sets_as_spelled(s, r->sets);
        v.first = ~(uint64_t)0;
    }
    return cut_window(r, r->n_before, r->n_cuts, &v, start, last, limit);
}

/* Bits where pieces start of the first `size` bytes, bit 0 (which does) included; *limit = how many
 * bits are decided.  last: the text ends there.  The masks stay in *found. */
SPLIT_INLINE uint64_t starts_in_window(const uint8_t *s, int size, bool last, const struct split_rule *r, const void *leads, int *limit,
                                       struct split_masks *found)
{
    *found = (struct split_masks){.known = size};
    if (!r->no_words) classify_window(s, r, found);
    if (!found->high) return starts_by_masks(s, size, last, r, limit, found); /* of ASCII: many masks are a constant 0 */
    classify_high(s, r, leads, found);
    return starts_by_masks(s, size, last, r, limit, found);
}

#endif

#ifdef SPLIT_HAS_MASKS
/* Where the text has been cut to, and how many ends have been written.  Text that
 * the masks are no use for: they are tried less and less often. */
struct split_at {
    size_t pos, count;
    unsigned wait, step;
};

/* Of 64 bytes, `limit` of which are decided and no piece begins behind the first: where a letter is near
 * their end.  A word that goes on there goes on as one that begins there.  0: there is none, or it may be
 * of a contraction. */
SPLIT_INLINE size_t split_within_word(const uint8_t *s, int limit)
{
    enum { CONTRACTION = 4, NEAR = 4 };
    size_t i = (size_t)limit;
    for (int chars = 0; chars < NEAR && i > CONTRACTION; chars++) {
        struct uni_char c = uni_prev(s, i);
        i -= c.len;
        if (c.class & UNI_L) return i;
    }
    return 0;
}

/* Pieces of the end of a text, fewer bytes than a window; 0: none is decided. */
static __attribute__((noinline)) size_t split_tail(const uint8_t *s, size_t n, size_t pos, size_t *ends, const struct split_rule *r,
                                                   const void *leads)
{
    uint8_t window[2 * SPLIT_WINDOW] = {0};
    size_t from = r->bytes ? split_char_start(s, n, pos) : pos, back = pos - from;
    size_t left = n - from, size = left < 64 ? left : 64, count = 0;
    bool last = left < 64 && !r->ends_whole;
    int limit;
    struct split_masks m;
    memcpy(window, s + from, left);
    uint64_t start = starts_in_window(window, (int)size, last, r, leads, &limit, &m), found = start & below(limit) & ~below((int)back + 1);
    if (found) count = put_ends(found, from, ends);
    if (last && limit == (int)size) ends[count++] = n;
    return count;
}

/* Whether what is cut behind two letters depends on nothing before them. */
SPLIT_INLINE bool split_letters_alone(const struct split_rule *r)
{
    return !(r->cases || r->signs || r->listed || r->han || r->phrases || r->no_words || r->n_cuts);
}

/* End of a piece that begins at pos and fills a window: letters, from one of which the next window
 * goes on.  0: it is none. */
static __attribute__((noinline)) size_t split_long(const uint8_t *s, size_t n, size_t pos, const struct split_rule *r, const void *leads)
{
    while (n - pos >= SPLIT_WINDOW) {
        struct split_masks m = {0};
        int limit;
        uint64_t start = starts_in_window(s + pos, 64, false, r, leads, &limit, &m), found = start & below(limit) & ~(uint64_t)1;
        if (found) return pos + (size_t)low_bit(found);
        uint64_t inside = m.letter & m.letter << 1 & ~m.cont & below(limit);
        if (!inside) return 0;
        pos += 63 - (size_t)__builtin_clzll(inside);
    }
    return 0;
}

/* The next pieces, none of which begins at `stop` or behind. */
SPLIT_INLINE void split_on(const uint8_t *s, size_t n, struct split_at *at, size_t stop, size_t *ends,
                           const struct split_rule *r, const void *leads)
{
    enum { AHEAD = 2048, TAIL = 4 }; /* the processor alone does not ask beyond a page, nor in time */
    __builtin_prefetch(s + at->pos + AHEAD);
    if (at->wait == 0 && n - at->pos >= SPLIT_WINDOW) {
        int limit;
        struct split_masks m;
        size_t from = r->bytes ? split_char_start(s, n, at->pos) : at->pos, end;
        uint64_t start = starts_in_window(s + from, 64, false, r, leads, &limit, &m), found = start & below(limit);
        for (size_t on; r->phrases && !(found & ~(uint64_t)1) && (on = split_within_word(s + from, limit)) && n - from - on >= SPLIT_WINDOW;) {
            from += on;
            found = starts_in_window(s + from, 64, false, r, leads, &limit, &m) & below(limit);
        }
        found &= r->bytes ? ~below((int)(at->pos - from) + 1) : ~(uint64_t)1;
        if (stop - from < 63) found &= below((int)(stop - from) + 1);
        at->step = limit >= 16 ? 1 : at->step < 32 ? 2 * at->step : at->step;
        at->wait = limit < 16 ? at->step : 0;
        if (found) {
            at->count += put_ends(found, from, ends + at->count);
            at->pos = from + 63 - (size_t)__builtin_clzll(found);
            return;
        }
        if (limit >= 16 && split_letters_alone(r) && (end = split_long(s, n, from, r, leads))) {
            ends[at->count++] = at->pos = end;
            return;
        }
    } else if (at->wait) {
        at->wait--;
    } else if (n - at->pos >= TAIL) {
        size_t count = split_tail(s, n, at->pos, ends + at->count, r, leads);
        at->count += count;
        if (count) at->pos = ends[at->count - 1];
        at->wait = !count;
        if (count) return;
    }
    at->pos = r->n_cuts ? split_next(s, n, at->pos, r) : split_word(s, n, at->pos, r);
    ends[at->count++] = at->pos;
}

/* A place where a piece begins, most likely: U+0020 behind a character of ASCII that
 * is not white space.  The first of 64 from pos on, or 0. */
SPLIT_INLINE size_t split_likely(const uint8_t *s, size_t pos)
{
    struct split_masks m = {.known = 64};
    split_classify_ascii(s + pos, &m);
    uint64_t likely = m.blank & ~(m.space | m.high) << 1 & ~(uint64_t)1;
    return likely ? pos + (size_t)low_bit(likely) : 0;
}

/* Where a window begins depends on all that was found in the one before, so that
 * nothing overlaps.  So two parts of the text are cut in turns: the second begins
 * FIRST bytes or more further on, and is a part of the result if the first comes to
 * where it began. */
SPLIT_INLINE size_t split_masked(const uint8_t *s, size_t n, size_t pos, size_t *ends, size_t max,
                                 const struct split_rule *r, const void *leads)
{
    enum { FIRST = 512, ROOM = SPLIT_TWO - SPLIT_BATCH - SPLIT_SLACK };
    struct split_at a = {.pos = pos, .step = 1}, b = a;
    size_t stop = n, room = max;
    if (max >= SPLIT_TWO && n - pos >= 2 * FIRST + 2 * SPLIT_WINDOW && (b.pos = split_likely(s, pos + FIRST)) &&
        !(r->phrases && split_joint(r->joints, s[b.pos - 1], s[b.pos + 1]))) {
        stop = b.pos;
        room = ROOM;
    }
    while (a.pos < stop && a.count + SPLIT_SLACK <= room) {
        split_on(s, n, &a, stop, ends, r, leads);
        if (stop < n && b.count + SPLIT_SLACK <= max - ROOM && b.pos < n) split_on(s, n, &b, n, ends + ROOM, r, leads);
    }
    if (stop == n || a.pos != stop) return a.count;
    memmove(ends + a.count, ends + ROOM, b.count * sizeof *ends);
    return a.count + b.count;
}
#endif

static inline __attribute__((always_inline)) size_t split_many(const uint8_t *s, size_t n, size_t pos, size_t *ends,
                                                               size_t max, const struct split_rule *r, const void *leads)
{
    size_t count = 0;
#ifdef SPLIT_HAS_MASKS
    if (max >= SPLIT_BATCH) return split_masked(s, n, pos, ends, max, r, leads);
#endif
    (void)leads;
    for (; pos < n && count < max; count++) ends[count] = pos = split_next(s, n, pos, r);
    return count;
}

#define SPLIT_MANY_RULE(name, any, caseless)                                                                          \
    static size_t name(const struct split_rule *r, const uint8_t *s, size_t n, size_t pos, size_t *ends, size_t max)  \
    {                                                                                                                 \
        return split_many(s, n, pos, ends, max, r, r->cases ? (const void *)caseless : (const void *)any);            \
    }
#define SPLIT_MANY(name, rule, leads)                                                                             \
    static size_t name(const uint8_t *s, size_t n, size_t pos, size_t *ends, size_t max)                          \
    {                                                                                                             \
        static const struct split_rule r = rule;                                                                  \
        return split_many(s, n, pos, ends, max, &r, leads);                                                       \
    }
#define SPLIT_MANY_ALL(any, caseless)              \
    SPLIT_MANY(many_gpt2, SPLIT_RULE_GPT2, any)     \
    SPLIT_MANY(many_llama3, SPLIT_RULE_LLAMA3, any) \
    SPLIT_MANY(many_qwen2, SPLIT_RULE_QWEN2, any)   \
    SPLIT_MANY(many_qwen35, SPLIT_RULE_QWEN35, any) \
    SPLIT_MANY(many_cl100k, SPLIT_RULE_CL100K, any) \
    SPLIT_MANY(many_o200k, SPLIT_RULE_O200K, caseless) \
    SPLIT_MANY(many_tekken, SPLIT_RULE_TEKKEN, caseless)
#define SPLIT_MANY_TABLE                                                                          \
    {[SPLIT_GPT2] = many_gpt2, [SPLIT_LLAMA3] = many_llama3, [SPLIT_QWEN2] = many_qwen2,          \
     [SPLIT_QWEN35] = many_qwen35, [SPLIT_CL100K] = many_cl100k, [SPLIT_O200K] = many_o200k,      \
     [SPLIT_TEKKEN] = many_tekken}

#endif
