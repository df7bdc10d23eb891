#include "data/decontam.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/unicode.h"
#include "data/doc_lines.h"
#include "data/shingle_internal.h"

enum { DEFAULT_WORDS = 13, MAX_WORDS = 64, MAX_LINE = 64 << 20 };

struct item {
    uint32_t word, n_words; /* in d->word */
    uint32_t file, line;
};

struct slot {
    uint64_t hash;
    uint32_t item, at; /* at: word of the item; item UINT32_MAX = empty */
};

struct decontam {
    struct item *item;
    size_t n_items, items_cap, n_short;
    uint64_t *word; /* hashes of the items' words, one item after the other */
    size_t n_words, words_cap;
    char **file;
    size_t n_files;
    int n; /* words in a row; the same for all files */
    /* Every run of n words of the long items; of a short item, which must be
     * there as a whole, its first words. */
    struct slot *slot;
    size_t mask;
    int len[2], n_len;
    uint64_t drop[2]; /* BASE to the power of each */
};

static const uint64_t BASE = 0x9E3779B97F4A7C15u;

/* ---- words ---- */

static void feed_wide(struct shingle_reading *r, uint32_t cp)
{
    char u[4];
    int k = utf8_encode((uint32_t)utf8proc_tolower((utf8proc_int32_t)cp), u);
    for (int i = 0; i < k; i++)
        shingle_feed(r, (unsigned char)u[i]);
}

/* Of an ASCII letter its lower case, of a digit itself, else 0. */
static inline unsigned char word_byte(unsigned char b)
{
    unsigned char low = b | 0x20;
    return low >= 'a' && low <= 'z' ? low : b >= '0' && b <= '9' ? b : 0;
}

static bool push(struct decontam_work *w, struct shingle_reading *r, size_t begin, size_t end)
{
    uint64_t h = shingle_end(r);
    *r = (struct shingle_reading){0};
    if (!mem_room(&w->word, &w->cap, w->n + 1, sizeof *w->word)) return false;
    w->word[w->n++] = (struct decontam_word){h, (uint32_t)begin, (uint32_t)end};
    return true;
}

static int cut(struct decontam_work *w, const char *s, size_t n, struct err *e)
{
    struct shingle_reading r = {0};
    size_t begin = 0;
    bool ok = true;
    w->n = 0;
    for (size_t i = 0; i < n && ok;) {
        unsigned char b = (unsigned char)s[i];
        if (b < 0x80) {
            unsigned char m = word_byte(b);
            if (m) {
                if (!r.n) begin = i;
                shingle_feed(&r, m);
            } else if (r.n) {
                ok = push(w, &r, begin, i);
            }
            i++;
            continue;
        }
        struct uni_char c = uni_next((const uint8_t *)s + i, n - i);
        bool letter = c.class & (UNI_L | UNI_M | UNI_N), alone = shingle_unparted(c.cp);
        if (r.n && (!letter || alone)) ok = push(w, &r, begin, i);
        if (letter) {
            if (!r.n) begin = i;
            feed_wide(&r, c.cp);
            if (alone) ok = ok && push(w, &r, begin, i + c.len);
        }
        i += c.len;
    }
    if (r.n && ok) ok = push(w, &r, begin, n);
    return ok ? 0 : err_oom(e, w->cap * sizeof *w->word, "the words of a document");
}

/* ---- reading the evaluation files ---- */

static int add_item(struct decontam *d, struct decontam_work *w, const char *s, size_t n, size_t line, struct err *e)
{
    if (n >= UINT32_MAX || cut(w, s, n, e)) return n >= UINT32_MAX ? 0 : -1;
    if (w->n < DECONTAM_MIN_WORDS) {
        d->n_short += w->n > 0;
        return 0;
    }
    if (!mem_room(&d->item, &d->items_cap, d->n_items + 1, sizeof *d->item))
        return err_oom(e, (d->n_items + 1) * sizeof *d->item, "the evaluation items");
    if (!mem_room(&d->word, &d->words_cap, d->n_words + w->n, sizeof *d->word))
        return err_oom(e, (d->n_words + w->n) * sizeof *d->word, "the words of the evaluation items");
    if (d->n_words + w->n >= UINT32_MAX || d->n_items >= UINT32_MAX - 1)
        return err_set(e, ERR_DATA, "the evaluation files hold more than 4 billion words");
    d->item[d->n_items++] = (struct item){(uint32_t)d->n_words, (uint32_t)w->n, (uint32_t)d->n_files - 1, (uint32_t)line};
    for (size_t i = 0; i < w->n; i++)
        d->word[d->n_words++] = w->word[i].hash;
    return 0;
}

static int add_strings(struct decontam *d, struct decontam_work *w, const struct cJSON *j, size_t line, struct err *e)
{
    if (cJSON_IsString(j)) return add_item(d, w, j->valuestring, strlen(j->valuestring), line, e);
    if (cJSON_IsObject(j) || cJSON_IsArray(j)) {
        const struct cJSON *x;
        cJSON_ArrayForEach(x, j) if (add_strings(d, w, x, line, e)) return -1;
    }
    return 0;
}

static int add_line(struct decontam *d, struct decontam_work *w, const char *s, size_t n, size_t line, struct err *e)
{
    const char *name = d->file[d->n_files - 1];
    size_t i = 0;
    while (i < n && (s[i] == ' ' || s[i] == '\t'))
        i++;
    if (i == n) return 0;
    if (utf8_valid_prefix(s, n) < n) return err_set(e, ERR_DATA, "%s:%zu: invalid UTF-8", name, line);
    if (s[i] != '{' && s[i] != '[') return add_item(d, w, s, n, line, e);
    struct cJSON *j = json_parse(s, n, name, NULL, e);
    if (!j) return err_wrap(e, "line %zu", line);
    int ret = add_strings(d, w, j, line, e);
    json_free(j);
    return ret;
}

static int read_file(struct decontam *d, const char *path, struct err *e)
{
    struct doc_lines in = {.name = path, .most = MAX_LINE};
    struct doc_line line;
    struct decontam_work w = {0};
    int ret = doc_lines_open(&in, path, e) ? -1 : 1;
    while (ret > 0 && (ret = doc_lines_next(&in, &line, e)) > 0)
        if (add_line(d, &w, line.s, line.n, line.no, e)) ret = -1;
    decontam_work_free(&w);
    doc_lines_close(&in);
    return ret;
}

int decontam_add(struct decontam **out, const char *spec, struct err *e)
{
    struct decontam *d = *out ? *out : mem_zalloc(1, sizeof *d);
    if (!d) return err_oom(e, sizeof *d, "the index of evaluation items");
    *out = d;
    const char *colon = strrchr(spec, ':');
    size_t path_n = strlen(spec);
    int n = d->n ? d->n : DEFAULT_WORDS;
    if (colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
        n = strlen(colon + 1) < 4 ? atoi(colon + 1) : 0;
        path_n = (size_t)(colon - spec);
        if (n < DECONTAM_MIN_WORDS || n > MAX_WORDS)
            return err_set(e, ERR_USAGE, "--decontaminate '%s': %s words in a row; it is %d to %d", spec, colon + 1,
                           DECONTAM_MIN_WORDS, MAX_WORDS);
    }
    if (d->n && n != d->n)
        return err_set(e, ERR_USAGE, "--decontaminate '%s': all files are searched with the same number of words, %d",
                       spec, d->n);
    d->n = n;
    char **files = mem_resize(d->file, d->n_files + 1, sizeof *files);
    if (!files) return err_oom(e, path_n, "a list of files");
    d->file = files;
    char *path = mem_strndup(spec, path_n);
    if (!path) return err_oom(e, path_n, "a path");
    d->file[d->n_files++] = path;
    size_t before = d->n_items;
    if (read_file(d, path, e)) return -1;
    if (d->n_items == before)
        return err_set(e, ERR_DATA, "'%s' holds nothing to look for: no text of %d words or more", path, DECONTAM_MIN_WORDS);
    return 0;
}

/* ---- the index ---- */

static uint64_t run_hash(const uint64_t *w, int n)
{
    uint64_t h = 0;
    for (int i = 0; i < n; i++)
        h = h * BASE + w[i];
    return h;
}

/* Two lengths never share a hash by chance of being zero-padded: mixed in. */
static uint64_t finish(uint64_t h, int len)
{
    h ^= (uint64_t)len * 0xD6E8FEB86659FD93u;
    h ^= h >> 32;
    h *= BASE;
    return h ^ h >> 29;
}

static bool is_short(const struct decontam *d, const struct item *it)
{
    return it->n_words < (uint32_t)d->n;
}

/* Runs of long items once: the first item that has these words stands for all. */
static void insert(struct decontam *d, uint64_t h, uint32_t item, uint32_t at, bool once)
{
    size_t i = h & d->mask;
    while (d->slot[i].item != UINT32_MAX) {
        if (once && d->slot[i].hash == h) return;
        i = (i + 1) & d->mask;
    }
    d->slot[i] = (struct slot){h, item, at};
}

int decontam_ready(struct decontam *d, struct err *e)
{
    size_t slots = 1024;
    bool any_short = false, any_long = false;
    while (slots < 2 * d->n_words)
        slots *= 2;
    d->slot = mem_alloc(slots, sizeof *d->slot);
    if (!d->slot) return err_oom(e, slots * sizeof *d->slot, "the index of evaluation items");
    memset(d->slot, 0xff, slots * sizeof *d->slot);
    d->mask = slots - 1;
    for (size_t k = 0; k < d->n_items; k++) {
        const struct item *it = &d->item[k];
        const uint64_t *w = d->word + it->word;
        if (is_short(d, it)) {
            insert(d, finish(run_hash(w, DECONTAM_MIN_WORDS), DECONTAM_MIN_WORDS), (uint32_t)k, 0, false);
            any_short = true;
            continue;
        }
        for (uint32_t at = 0; at + (uint32_t)d->n <= it->n_words; at++)
            insert(d, finish(run_hash(w + at, d->n), d->n), (uint32_t)k, at, true);
        any_long = true;
    }
    if (any_long) d->len[d->n_len++] = d->n;
    if (any_short) d->len[d->n_len++] = DECONTAM_MIN_WORDS;
    for (int k = 0; k < d->n_len; k++) {
        d->drop[k] = 1;
        for (int i = 0; i < d->len[k]; i++)
            d->drop[k] *= BASE;
    }
    return 0;
}

void decontam_free(struct decontam *d)
{
    if (!d) return;
    for (size_t i = 0; i < d->n_files; i++)
        free(d->file[i]);
    free(d->file);
    free(d->item);
    free(d->word);
    free(d->slot);
    free(d);
}

size_t decontam_items(const struct decontam *d)
{
    return d->n_items;
}

size_t decontam_short(const struct decontam *d)
{
    return d->n_short;
}

void decontam_origin(const struct decontam *d, uint32_t item, struct buf *out)
{
    buf_printf(out, "%s:%u", d->file[d->item[item].file], d->item[item].line);
}

/* ---- searching ---- */

/* The run around a candidate, as far as document and item agree: behind its
 * last word, or 0 when the words are not the same after all. */
static size_t verify(const struct decontam *d, const struct decontam_work *w, size_t at, int len, const struct slot *s,
                   struct decontam_match *best)
{
    const struct item *it = &d->item[s->item];
    const uint64_t *iw = d->word + it->word;
    size_t a = at, b = at, ia = s->at, ib = s->at;
    while (b < w->n && ib < it->n_words && w->word[b].hash == iw[ib])
        b++, ib++;
    if (b - at < (is_short(d, it) ? it->n_words : (size_t)len)) return 0;
    while (a > 0 && ia > 0 && w->word[a - 1].hash == iw[ia - 1])
        a--, ia--;
    if (b - a <= best->words) return b;
    *best = (struct decontam_match){.begin = w->word[a].begin,
                                    .end = w->word[b - 1].end,
                                    .words = b - a,
                                    .share = (double)(b - a) / it->n_words,
                                    .item = s->item};
    return b;
}

int decontam_search(const struct decontam *d, struct decontam_work *w, const char *text, size_t n,
                    struct decontam_match *m, struct err *e)
{
    *m = (struct decontam_match){0};
    if (n >= UINT32_MAX) return 0;
    if (cut(w, text, n, e)) return -1;
    for (int k = 0; k < d->n_len; k++) {
        int len = d->len[k];
        uint64_t h = 0;
        size_t covered = 0; /* words of a run that was found: looking inside it again would be quadratic */
        for (size_t i = 0; i < w->n; i++) {
            h = h * BASE + w->word[i].hash;
            if (i + 1 < (size_t)len) continue;
            if (i >= (size_t)len) h -= w->word[i - (size_t)len].hash * d->drop[k];
            if (i < covered) continue;
            uint64_t f = finish(h, len);
            for (size_t j = f & d->mask; d->slot[j].item != UINT32_MAX; j = (j + 1) & d->mask)
                if (d->slot[j].hash == f) {
                    size_t end = verify(d, w, i + 1 - (size_t)len, len, &d->slot[j], m);
                    if (end > covered) covered = end;
                }
        }
    }
    return m->words > 0;
}

void decontam_work_free(struct decontam_work *w)
{
    free(w->word);
    *w = (struct decontam_work){0};
}
