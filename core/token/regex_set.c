/* Sets of characters: what is in one, and the maps that tell it quickly. */
#include <string.h>

#include "core/token/regex_parse.h"
#include "core/token/regex_runs.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

enum { PAGES = 0x1100, PLANE = 256, ROWS = 256, FOLD_PAGES = 6 };

/* ---- the reference ---- */

static bool in_ranges(const struct re_set *s, uint32_t cp)
{
    for (size_t i = 0; i < s->n_range; i++)
        if (cp >= s->range[i].first && cp <= s->range[i].last) return true;
    return false;
}

static bool word_char(uint32_t cp)
{
    if (uni_extra(cp) & UNI_ALPHA) return true;
    unsigned c = uni_category(cp);
    return c == UNI_Mn || c == UNI_Mc || c == UNI_Me || c == UNI_Nd || c == UNI_Pc;
}

bool re_word_has(uint32_t cp)
{
    return cp == 0xB2 || cp == 0xB3 || cp == 0xB9 || (cp >= 0xBC && cp <= 0xBE) || word_char(cp);
}

static bool has_one(const struct re_set *s, uint32_t cp)
{
    bool known = cp <= 0x10FFFF;
    if (known && s->categories >> uni_category(cp) & 1) return true;
    if (in_ranges(s, cp)) return true;
    if (known && s->space && (uni_class(cp) & UNI_SPACE)) return true;
    if (known && s->word && word_char(cp)) return true;
    if (known && s->word_latin && re_word_has(cp)) return true;
    if (known && s->alpha && (uni_extra(cp) & UNI_ALPHA)) return true;
    for (size_t i = 0; known && i < s->n_script; i++)
        if (uni_script(cp) == s->script[i]) return true;
    for (size_t i = 0; known && i < s->n_prop; i++)
        if (uni_set_has(s->prop[i], cp)) return true;
    for (size_t i = 0; i < s->n_nested; i++)
        if (re_set_has(s->nested[i], cp)) return true;
    return false;
}

static bool has_folded(const struct re_set *s, uint32_t cp)
{
    if (cp > 0x10FFFF) return false;
    uint32_t same[UNI_SAME_FOLD];
    for (int i = uni_same_fold(cp, same); i-- > 0;)
        if (has_one(s, same[i])) return true;
    return false;
}

bool re_set_has(const struct re_set *s, uint32_t cp)
{
    bool in = has_one(s, cp) || (s->fold && has_folded(s, cp));
    if (in && s->and) in = re_set_has(s->and, cp);
    return in != s->negate;
}

/* ---- maps ---- */

/* What a set is made of, with all inside. */
struct makeup {
    bool categories, space, others, folds; /* others: alphabetic, words, scripts, properties */
    bool ranges;
    uint32_t last; /* of the ranges */
};

static void add_makeup(const struct re_set *s, struct makeup *m)
{
    m->categories |= s->categories != 0;
    m->space |= s->space;
    m->folds |= s->fold;
    m->others |= s->word || s->word_latin || s->alpha || s->n_script || s->n_prop;
    m->ranges |= s->n_range > 0;
    for (size_t i = 0; i < s->n_range; i++)
        if (s->range[i].last > m->last) m->last = s->range[i].last;
    for (size_t i = 0; i < s->n_nested; i++) add_makeup(s->nested[i], m);
    if (s->and) add_makeup(s->and, m);
}

/* A row for each row of the table of categories: of a set that is made of these, and of white space,
 * which is in rows that no two pages share. */
static void map_categories(const struct re_set *s, struct re_map *map)
{
    bool done[ROWS] = {false};
    for (uint32_t page = 0; page < PAGES; page++) {
        uint8_t row = uni_category_index[page];
        for (uint32_t k = 0; k < 4 && !done[row]; k++) map->row[row][k] = re_set_block(s, page << 8 | k << 6);
        done[row] = true;
    }
}

static void map_pages(const struct re_set *s, struct re_map *map, uint8_t *row_of)
{
    for (uint32_t page = 0; page < map->n_pages; page++) {
        row_of[page] = (uint8_t)page;
        for (uint32_t k = 0; k < 4; k++) map->row[page][k] = re_set_block(s, page << 8 | k << 6);
    }
}

static uint32_t pages_of(const struct makeup *m)
{
    if (m->folds) return FOLD_PAGES; /* the others are slow to ask */
    if (m->categories && !m->others && !m->ranges) return PAGES;
    if (m->categories || m->others) return PLANE;
    uint32_t pages = (m->last >> 8) + 1, spaces = m->space ? (0x3000 >> 8) + 1 : 1;
    return pages > PLANE ? PLANE : pages > spaces ? pages : spaces;
}

static void add_leads(struct re_set *s)
{
    if (s->bad) return; /* any byte can be a broken one */
    s->lead[0] = s->lead[1] = 0;
    for (uint32_t cp = 0x80, next; cp <= 0x10FFFF; cp = next) { /* the characters that a byte begins */
        next = cp < 0x800 ? cp + 0x40 : cp < 0x10000 ? cp / 0x1000 * 0x1000 + 0x1000 : cp / 0x40000 * 0x40000 + 0x40000;
        uint32_t lead = cp < 0x800 ? 0xC0 | cp >> 6 : cp < 0x10000 ? 0xE0 | cp >> 12 : 0xF0 | cp >> 18;
        bool any = false;
        for (uint32_t at = cp; at < next && at <= 0x10FFFF && !any; at += 64) {
            uint32_t page = at >> 8;
            if (page < s->map.n_pages) any = s->map.row[s->map.row_of[page]][at >> 6 & 3] != 0;
            else if (s->rest == RE_NONE) break;
            else any = true;
        }
        if (any) s->lead[(lead - 0x80) >> 6] |= (uint64_t)1 << (lead & 63);
    }
}

void re_set_finish(struct re_set *s)
{
    memset(s->out, 1, sizeof s->out);
    for (uint32_t cp = 0; cp < 128; cp++) {
        s->out[cp] = !re_set_has(s, cp);
        s->ascii[cp >> 6] |= (uint64_t)!s->out[cp] << (cp & 63);
    }
    s->bad = re_set_has(s, UNI_BAD);
    s->lead[0] = s->lead[1] = UINT64_MAX;
}

void re_set_map(struct re_set *s, struct arena *arena)
{
    struct makeup m = {0};
    struct re_map map = {.n_rows = ROWS};
    add_makeup(s, &m);
    map.n_pages = pages_of(&m);
    uint8_t *row_of = map.n_pages < PAGES ? arena_alloc(arena, map.n_pages, 1) : NULL;
    if (row_of) map.n_rows = map.n_pages;
    else if (map.n_pages < PAGES) return; /* no memory: it goes without */
    map.row = arena_zalloc(arena, map.n_rows, sizeof *map.row);
    if (!map.row) return;
    map.row_of = row_of ? row_of : uni_category_index;
    if (row_of) map_pages(s, &map, row_of);
    else map_categories(s, &map);
    s->map = map;
    if (!m.folds && !m.categories && !m.others && m.last < map.n_pages << 8) s->rest = s->bad ? RE_EVERY : RE_NONE;
    add_leads(s);
}

/* ---- sets that have no character in common ---- */

static uint64_t block_in(const struct re_set *s, uint32_t page, uint32_t k)
{
    if (page < s->map.n_pages) return s->map.row[s->map.row_of[page]][k];
    return s->rest == RE_NONE ? 0 : UINT64_MAX;
}

static bool rows_apart(const struct re_set *a, const struct re_set *b)
{
    for (uint32_t i = 0; i < a->map.n_rows; i++)
        for (uint32_t k = 0; k < 4; k++)
            if (a->map.row[i][k] & b->map.row[i][k]) return false;
    return true;
}

bool re_sets_apart(const struct re_set *a, const struct re_set *b)
{
    if ((a->bad && b->bad) || (a->ascii[0] & b->ascii[0]) || (a->ascii[1] & b->ascii[1])) return false;
    if (a->map.n_pages && a->map.row_of == b->map.row_of) return rows_apart(a, b);
    for (uint32_t page = 0; page < PAGES; page++) {
        if (page >= a->map.n_pages && page >= b->map.n_pages) return a->rest == RE_NONE || b->rest == RE_NONE;
        for (uint32_t k = 0; k < 4; k++)
            if (block_in(a, page, k) & block_in(b, page, k)) return false;
    }
    return true;
}
