#include "core/token/train_sp.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/train_sort.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

void sp_rules_default(struct sp_rules *r)
{
    *r = (struct sp_rules){.n_pieces = 8000, .coverage = 0.9995, .max_len = 16,
                           .split_scripts = true, .split_numbers = true, .split_space = true,
                           .n_seeds = 1000000, .shrink = 0.75, .sub_iterations = 2, .lanes = 1,
                           .own_id = {0, 1, 2, -1}, .own = {"<unk>", "<s>", "</s>", "<pad>"}};
}

void sp_corpus_free(struct sp_corpus *c)
{
    free(c->cp);
    free(c->char_count);
    free(c->script);
    free(c->sym);
    free(c->word);
    free(c->part);
    free(c->follow);
    memset(c, 0, sizeof *c);
}

/* ---- characters ---- */

static void count_chars(const struct word_table *words, uint64_t *count, uint64_t *total,
                        size_t *n_words, size_t *n_sym)
{
    char tmp[16];
    const char *word;
    size_t n;
    uint64_t times;
    for (size_t at = 0; word_table_next(words, &at, tmp, &word, &n, &times);) {
        (*n_words)++;
        for (size_t i = 0; i < n;) {
            struct uni_char u = uni_next((const uint8_t *)word + i, n - i);
            i += u.len;
            if (u.cp == '\n') continue;
            (*n_sym)++;
            if (u.cp == 0) continue; /* no piece holds it, as in the original, whose files end texts with it */
            count[u.cp == UNI_BAD ? 0xFFFD : u.cp] += times;
            *total += times;
        }
    }
}

#define WANTED ((uint64_t)1 << 63) /* of a count: kept however rare */

static int want_chars(uint64_t *count, const char *chars, struct err *e)
{
    for (size_t i = 0, n = strlen(chars); i < n;) {
        struct uni_char u = uni_next((const uint8_t *)chars + i, n - i);
        if (u.cp == UNI_BAD || u.cp == ' ' || u.cp == SP_UNK)
            return err_set(e, ERR_USAGE, "character %zu of the wanted ones cannot be a token: a space is U+2581", i);
        count[u.cp] |= WANTED;
        i += u.len;
    }
    return 0;
}

static int by_code(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return x[1] < y[1] ? -1 : x[1] > y[1];
}

static int16_t script_of(uint32_t cp)
{
    static _Thread_local int han = -2, hiragana, katakana, common;
    if (han == -2) {
        han = uni_script_find("Han", 3);
        hiragana = uni_script_find("Hiragana", 8);
        katakana = uni_script_find("Katakana", 8);
        common = uni_script_find("Common", 6);
    }
    int s = uni_script(cp);
    if (s == hiragana || s == katakana || cp == 0x30FC) s = han;
    return (int16_t)(s < 0 ? common : s);
}

/* The most frequent characters until they cover the text, by code point. */
static int choose_chars(struct sp_corpus *c, const uint64_t *count, uint64_t total,
                        const struct sp_rules *r, struct err *e)
{
    size_t n = 0, kept = 0;
    for (size_t cp = 0; cp < UNI_CODES; cp++) n += count[cp] > 0;
    uint64_t(*v)[2] = mem_alloc(n + 1, sizeof *v), covered = 0;
    if (!v) return err_oom(e, n * sizeof *v, "characters");
    n = 0;
    for (size_t cp = 0; cp < UNI_CODES; cp++)
        if (count[cp]) v[n][0] = count[cp], v[n++][1] = cp;
    qsort(v, n, sizeof *v, sort_by_count);
    for (size_t i = 0; i < n; i++) {
        /* As a single-precision number: this is where SentencePiece stops. */
        float share = (float)((double)covered / (double)total);
        if (share >= (float)r->coverage) break;
        v[i][0] &= ~WANTED;
        covered += v[i][0];
        if (v[i][1] == SP_BOUNDARY) continue;
        memmove(v[kept++], v[i], sizeof *v);
    }
    if (kept >= UINT16_MAX - 1) {
        free(v);
        return err_set(e, ERR_DATA, "%zu different characters to keep, at most %d can be: lower the "
                                    "character coverage", kept, UINT16_MAX - 2);
    }
    /* Everything else; no piece may hold it, so neither count matters. */
    v[kept][0] = 0;
    v[kept][1] = SP_UNK;
    qsort(v, kept + 1, sizeof *v, by_code);
    c->n_chars = (uint32_t)kept + 1;
    c->cp = mem_zalloc(kept + 2, sizeof *c->cp);
    c->char_count = mem_zalloc(kept + 2, sizeof *c->char_count);
    c->script = mem_zalloc(kept + 2, sizeof *c->script);
    bool ok = c->cp && c->char_count && c->script;
    for (uint32_t i = 0; ok && i < c->n_chars; i++) {
        c->cp[i + 1] = (uint32_t)v[i][1];
        c->char_count[i + 1] = v[i][0];
        c->script[i + 1] = script_of(c->cp[i + 1]);
        if (c->cp[i + 1] == SP_SPACE) c->space = (uint16_t)(i + 1);
        if (c->cp[i + 1] == SP_UNK) c->unk = (uint16_t)(i + 1);
    }
    free(v);
    return ok ? 0 : err_oom(e, kept * 14, "characters");
}

uint16_t sp_symbol(const struct sp_corpus *c, uint32_t cp)
{
    uint32_t low = 1, high = c->n_chars + 1;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (c->cp[mid] < cp) low = mid + 1;
        else high = mid;
    }
    return low <= c->n_chars && c->cp[low] == cp ? (uint16_t)low : 0;
}

static int symbols_by_count(const void *a, const void *b, void *corpus)
{
    uint16_t x = *(const uint16_t *)a, y = *(const uint16_t *)b;
    const struct sp_corpus *c = corpus;
    uint64_t cx = c->char_count[x], cy = c->char_count[y];
    if (cx != cy) return cx < cy ? 1 : -1;
    return x < y ? -1 : x > y;
}

uint16_t *sp_chars_by_count(const struct sp_corpus *c)
{
    uint16_t *v = mem_alloc(c->n_chars, sizeof *v);
    size_t n = 0;
    for (uint32_t i = 1; v && i <= c->n_chars; i++)
        if (i != c->unk) v[n++] = (uint16_t)i;
    if (v) qsort_r(v, n, sizeof *v, symbols_by_count, (void *)(uintptr_t)c);
    return v;
}

/* ---- words ---- */

static int compare_symbols(const uint16_t *a, size_t na, const uint16_t *b, size_t nb)
{
    size_t n = na < nb ? na : nb;
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    return na < nb ? -1 : na > nb;
}

static int by_text(const void *a, const void *b, void *symbols)
{
    const struct sp_word *x = a, *y = b;
    const uint16_t *sym = symbols;
    int order = compare_symbols(sym + x->off, x->len, sym + y->off, y->len);
    return order ? order : (int)x->last - (int)y->last;
}

enum { KEYED = 64 }; /* symbols that are sorted by keys: words can be of any length */

/* Four symbols of a word; 0 behind its end. */
static uint64_t word_key(const struct sp_corpus *c, const struct sp_word *w, size_t at)
{
    uint64_t key = 0;
    for (size_t i = at; i < at + 4; i++) key = key << 16 | (i < w->len ? c->sym[w->off + i] : 0u);
    return key;
}

/* Parts by text, of which `at` symbols are equal. */
static void sort_words(const struct sp_corpus *c, struct sort_key *v, struct sort_key *tmp, size_t n, size_t at)
{
    for (size_t i = 0; i < n; i++) v[i].key = word_key(c, &c->part[v[i].pos], at);
    sort_by_key(v, tmp, n);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && v[end].key == v[i].key; end++) {}
        if (end - i > 1 && (v[i].key & 0xFFFF) && at + 4 < KEYED) sort_words(c, v + i, tmp, end - i, at + 4);
    }
}

/* Do two words begin with the same KEYED symbols, or are they equal? */
static bool equal_so_far(const struct sp_corpus *c, const struct sp_word *a, const struct sp_word *b)
{
    size_t n = a->len < b->len ? a->len : b->len;
    if (a->len != b->len && n < KEYED) return false;
    return memcmp(c->sym + a->off, c->sym + b->off, (n < KEYED ? n : KEYED) * sizeof *c->sym) == 0;
}

/* The parts by text, those inside sentences first. */
static int sort_parts(struct sp_corpus *c, struct err *e)
{
    size_t n = c->n_parts;
    struct sort_key *v = mem_alloc(n, 2 * sizeof *v);
    struct sp_word *sorted = mem_alloc(n, sizeof *sorted);
    int ret = v && sorted && n < UINT32_MAX ? 0 : err_oom(e, n * 56, "words");
    for (size_t i = 0; ret == 0 && i < n; i++) v[i].pos = (uint32_t)i;
    if (ret == 0) sort_words(c, v, v + n, n, 0);
    for (size_t i = 0; ret == 0 && i < n; i++) sorted[i] = c->part[v[i].pos];
    for (size_t i = 0, end; ret == 0 && i < n; i = end) { /* what the keys did not tell apart */
        for (end = i + 1; end < n && equal_so_far(c, &sorted[i], &sorted[end]); end++) {}
        if (end - i > 1) qsort_r(sorted + i, end - i, sizeof *sorted, by_text, c->sym);
    }
    free(v);
    if (ret == 0) {
        free(c->part);
        c->part = sorted;
        return 0;
    }
    free(sorted);
    return ret;
}

/* The words by falling count; those of the same count stay by text. */
static int order_by_count(struct sp_corpus *c, struct err *e)
{
    size_t n = c->n_words;
    struct sort_key *v = mem_alloc(n, 2 * sizeof *v);
    struct sp_word *sorted = mem_alloc(n, sizeof *sorted);
    bool ok = v && sorted;
    for (size_t i = 0; ok && i < n; i++) v[i] = (struct sort_key){UINT64_MAX - c->word[i].count, (uint32_t)i};
    if (ok) sort_by_key(v, v + n, n);
    for (size_t i = 0; ok && i < n; i++) sorted[i] = c->word[v[i].pos];
    if (ok) memcpy(c->word, sorted, n * sizeof *sorted);
    free(v);
    free(sorted);
    return ok ? 0 : err_oom(e, n * 64, "words");
}

static bool equal_words(const uint16_t *sym, const struct sp_word *a, const struct sp_word *b, bool with_last)
{
    return a->len == b->len && (!with_last || a->last == b->last) &&
           memcmp(sym + a->off, sym + b->off, a->len * sizeof *sym) == 0;
}

/* Equal neighbours become one. */
static size_t merge_equal(const uint16_t *sym, struct sp_word *v, size_t n, bool with_last)
{
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        struct sp_word *w = out ? &v[out - 1] : NULL;
        if (w && equal_words(sym, w, &v[i], with_last))
            w->count += v[i].count;
        else
            v[out++] = v[i];
    }
    return out;
}

/* hash: [words] of those that end a sentence, or NULL. */
static void fill_words(struct sp_corpus *c, const struct word_table *words, const uint16_t *symbol, uint64_t *hash)
{
    char tmp[16];
    const char *word;
    size_t n;
    uint64_t count;
    for (size_t at = 0; word_table_next(words, &at, tmp, &word, &n, &count);) {
        struct sp_word *w = &c->part[c->n_parts];
        *w = (struct sp_word){.count = count, .off = c->n_sym, .id = (uint32_t)c->n_parts & INT32_MAX};
        for (size_t i = 0; i < n;) {
            struct uni_char u = uni_next((const uint8_t *)word + i, n - i);
            i += u.len;
            if (u.cp == '\n') {
                w->last = true;
                continue;
            }
            uint16_t s = symbol[u.cp == UNI_BAD ? 0xFFFD : u.cp];
            c->sym[c->n_sym++] = s ? s : c->unk;
        }
        w->len = (uint32_t)(c->n_sym - w->off);
        if (hash) hash[c->n_parts] = w->last ? hash64(word, n) : 0;
        if (w->len) c->n_parts++;
    }
}

/* The parts' symbols again, in order, with what follows each. */
static int lay_out(struct sp_corpus *c, struct err *e)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < c->n_parts; i++) n += (size_t)c->part[i].len + 1;
    uint16_t *sym = mem_alloc_table(n + SP_PAD, sizeof *sym);
    if (!sym) return err_oom(e, n * sizeof *sym, "words");
    for (size_t i = 0; i < c->n_parts; i++) {
        struct sp_word *w = &c->part[i];
        memcpy(sym + at, c->sym + w->off, w->len * sizeof *sym);
        w->off = at;
        at += w->len;
        sym[at++] = w->last ? 0 : c->space ? c->space : c->unk; /* which may be too rare to be kept */
    }
    memset(sym + n, 0, SP_PAD * sizeof *sym);
    free(c->sym);
    c->sym = sym;
    c->n_sym = n;
    return 0;
}

/* ---- the order of sentences ---- */

/* Last words of sentences by their hash. */
struct last_words {
    uint64_t *hash;         /* [n_parts] by id */
    struct sort_key *slot;  /* [mask + 1] the part; free where pos is UINT32_MAX */
    size_t mask;
};

/* Where parts are once equal ones are one; before they are. */
static int index_last(const struct sp_corpus *c, struct last_words *l, struct err *e)
{
    size_t n = 2;
    uint32_t to = 0;
    while (n < 2 * c->n_parts) n *= 2;
    l->mask = n - 1;
    l->slot = mem_alloc(n, sizeof *l->slot);
    if (!l->slot) return err_oom(e, n * sizeof *l->slot, "the order of sentences");
    for (size_t i = 0; i < n; i++) l->slot[i].pos = UINT32_MAX;
    for (size_t i = 0; i < c->n_parts; i++) {
        const struct sp_word *w = &c->part[i];
        if (i > 0 && !equal_words(c->sym, w - 1, w, true)) to++;
        if (!w->last) continue;
        uint64_t hash = l->hash[w->id];
        size_t k = hash & l->mask;
        while (l->slot[k].pos != UINT32_MAX) k = (k + 1) & l->mask;
        l->slot[k] = (struct sort_key){hash, to};
    }
    return 0;
}

static uint32_t find_last(const struct last_words *l, const struct sentence *s)
{
    uint64_t hash = sentence_hash(s);
    size_t k = hash & l->mask;
    while (l->slot[k].pos != UINT32_MAX && l->slot[k].key != hash) k = (k + 1) & l->mask;
    return l->slot[k].pos;
}

static uint16_t first_byte(const struct sp_corpus *c, uint32_t cp)
{
    char bytes[4];
    uint16_t s = sp_symbol(c, cp);
    utf8_encode(s && s != c->unk ? cp : SP_UNK, bytes);
    return (uint8_t)bytes[0];
}

uint16_t sp_follow_join(uint16_t a, uint16_t b)
{
    return a == SP_FOLLOW_NONE || a == b ? b : b == SP_FOLLOW_NONE ? a : SP_FOLLOW_MANY;
}

static void note_follow(struct sp_corpus *c, uint32_t part, uint16_t follow)
{
    if (part != UINT32_MAX) c->follow[part] = sp_follow_join(c->follow[part], follow);
}

/* What follows the parts that end sentences; the parts are final. */
static int find_follow(struct sp_corpus *c, const struct last_words *l, const struct sp_order *o, struct err *e)
{
    c->follow = mem_zalloc(c->n_parts, sizeof *c->follow);
    if (!c->follow) return err_oom(e, c->n_parts * sizeof *c->follow, "words");
    uint16_t space = first_byte(c, SP_SPACE);
    for (size_t i = 0; !o->all && i < c->n_parts; i++) c->follow[i] = c->part[i].last ? space : SP_FOLLOW_NONE;
    for (size_t i = 0; i < o->n; i++) {
        uint32_t part = find_last(l, &o->v[i]);
        if (!o->all && part != UINT32_MAX && c->part[part].count == 1) c->follow[part] = SP_FOLLOW_NONE;
        note_follow(c, part, i + 1 < o->n ? first_byte(c, o->v[i + 1].first) : SP_FOLLOW_END);
    }
    return 0;
}

/* Sentences that are words: one after the other, equal ones too. */
static int words_in_order(struct sp_corpus *c, const struct last_words *l, const struct sp_order *o, struct err *e)
{
    c->word = mem_alloc(o->n, sizeof *c->word);
    if (!c->word) return err_oom(e, o->n * sizeof *c->word, "sentences");
    for (size_t i = 0; i < o->n; i++) {
        uint32_t part = find_last(l, &o->v[i]);
        if (part == UINT32_MAX) continue;
        c->word[c->n_words] = c->part[part];
        c->word[c->n_words++].count = 1;
    }
    return 0;
}

/* Words by count, wherever in a sentence they are. */
static int words_by_count(struct sp_corpus *c, struct err *e)
{
    c->word = mem_alloc(c->n_parts, sizeof *c->word);
    if (!c->word) return err_oom(e, c->n_parts * sizeof *c->word, "words");
    memcpy(c->word, c->part, c->n_parts * sizeof *c->word);
    c->n_words = merge_equal(c->sym, c->word, c->n_parts, false);
    return order_by_count(c, e);
}

/* Parts and words of the text's words, which c->part holds as they came. */
static int make_words(struct sp_corpus *c, const struct sp_rules *r, const struct sp_order *order, struct last_words *l,
                      struct err *e)
{
    if (sort_parts(c, e) || (order && index_last(c, l, e))) return -1;
    c->n_parts = merge_equal(c->sym, c->part, c->n_parts, true);
    if (lay_out(c, e) || (order && find_follow(c, l, order, e))) return -1;
    if (order && order->all && !r->split_space ? words_in_order(c, l, order, e) : words_by_count(c, e)) return -1;
    for (size_t i = 0; i < c->n_words; i++) c->word[i].last = false;
    return 0;
}

int sp_corpus_make(struct sp_corpus *c, const struct word_table *words, const struct sp_rules *r,
                   const char *chars, const struct sp_order *order, struct err *e)
{
    struct last_words last = {0};
    uint64_t *count = mem_zalloc(UNI_CODES, sizeof *count), total = 0;
    uint16_t *symbol = mem_zalloc(UNI_CODES, sizeof *symbol);
    size_t n_words = 0, n_sym = 0;
    int ret = -1;
    if (!count || !symbol) {
        err_oom(e, UNI_CODES * sizeof *count, "characters");
        goto out;
    }
    count_chars(words, count, &total, &n_words, &n_sym);
    if (total == 0) {
        err_set(e, ERR_DATA, "no text: there is nothing to learn");
        goto out;
    }
    if (chars && want_chars(count, chars, e)) goto out;
    if (choose_chars(c, count, total, r, e)) goto out;
    for (uint32_t i = 1; i <= c->n_chars; i++) symbol[c->cp[i]] = (uint16_t)i;
    c->sym = mem_alloc(n_sym, sizeof *c->sym);
    c->part = mem_alloc(n_words, sizeof *c->part);
    if (order) last.hash = mem_alloc(n_words, sizeof *last.hash);
    if (!c->sym || !c->part || (order && !last.hash)) {
        err_oom(e, n_sym * sizeof *c->sym + n_words * sizeof *c->part, "words");
        goto out;
    }
    fill_words(c, words, symbol, last.hash);
    ret = make_words(c, r, order, &last, e);
out:
    free(last.hash);
    free(last.slot);
    free(count);
    free(symbol);
    return ret;
}

int sp_corpus_cut(struct sp_corpus *c, struct err *e)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < c->n_words; i++) n += c->word[i].len > SP_LONG ? 1 + c->word[i].len / SP_CUT : 1;
    if (n == c->n_words) return 0;
    struct sp_word *v = mem_alloc(n, sizeof *v);
    if (!v) return err_oom(e, n * sizeof *v, "words");
    for (size_t i = 0; i < c->n_words; i++) {
        struct sp_word w = c->word[i];
        uint32_t most = w.len > SP_LONG ? SP_CUT : w.len;
        for (uint32_t left = w.len; left; left -= w.len, w.off += w.len) {
            w.len = left > most ? most : left;
            v[at++] = w;
        }
    }
    free(c->word);
    c->word = v;
    c->n_words = at;
    return 0;
}
