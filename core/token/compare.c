/* Counts what tokenizers make of a text. */
#include "core/token/compare.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/token/compare_internal.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_lines.h"
#include "core/token/unicode.h"

/* ---- distinct words ---- */

static struct compare_word *slot_of(struct compare_word *v, size_t n_slots, const char *text, size_t n, uint64_t hash)
{
    size_t i = hash & (n_slots - 1);
    while (v[i].text && !(v[i].hash == hash && v[i].n == n && memcmp(v[i].text, text, n) == 0)) i = (i + 1) & (n_slots - 1);
    return &v[i];
}

static int more_slots(struct compare_words *w, struct err *e)
{
    size_t n = w->n_slots ? 2 * w->n_slots : 1024;
    struct compare_word *v = mem_zalloc(n, sizeof *v);
    if (!v) return err_oom(e, n * sizeof *v, "the words of a text");
    for (size_t i = 0; i < w->n_slots; i++)
        if (w->word[i].text) *slot_of(v, n, w->word[i].text, w->word[i].n, w->word[i].hash) = w->word[i];
    free(w->word);
    w->word = v;
    w->n_slots = n;
    return 0;
}

static int count_word(struct compare_words *words, const char *text, size_t n, size_t times, struct err *e)
{
    uint64_t hash = hash64(text, n);
    if (n >= UINT32_MAX) return err_set(e, ERR_DATA, "a word of more than 4 GiB");
    if (2 * words->n >= words->n_slots && more_slots(words, e)) return -1;
    struct compare_word *w = slot_of(words->word, words->n_slots, text, n, hash);
    if (!w->text) {
        *w = (struct compare_word){text, (uint32_t)n, hash, 0};
        words->n++;
    }
    w->count += times;
    words->all += times;
    return 0;
}

/* Keeps the most frequent; of equal ones the first in the text. */
static void keep(struct compare_top *top, const struct compare_word *w)
{
    size_t i = top->n;
    while (i > 0 && (top->v[i - 1]->count < w->count || (top->v[i - 1]->count == w->count && top->v[i - 1]->text > w->text))) i--;
    if (i == COMPARE_EXAMPLES) return;
    if (top->n < COMPARE_EXAMPLES) top->n++;
    for (size_t k = top->n - 1; k > i; k--) top->v[k] = top->v[k - 1];
    top->v[i] = w;
}

static int count_words(struct compare *c, const char *text, size_t n, struct err *e)
{
    const uint8_t *s = (const uint8_t *)text;
    for (size_t pos = 0; pos < n;) {
        struct uni_char u = uni_next(s + pos, n - pos);
        if (u.class & UNI_SPACE) {
            pos += u.len;
            continue;
        }
        size_t begin = pos > 0 && text[pos - 1] == ' ' ? pos - 1 : pos;
        while (pos < n && !((u = uni_next(s + pos, n - pos)).class & UNI_SPACE)) pos += u.len;
        if (count_word(&c->words, text + begin, pos - begin, 1, e)) return -1;
    }
    return 0;
}

/* ---- a word by both ---- */

int compare_encode(struct compare_side *s, const char *word, size_t n, struct err *e)
{
    s->ids.n = 0;
    return tok_encode(s->t, s->s, word, n, 0, &s->ids, e);
}

/* Cuts inside the word: where a token ends, but for its own end. */
static bool same_cuts(const struct tok_ids *a, const struct tok_ids *b, size_t n)
{
    size_t i = 0, k = 0;
    for (;;) {
        while (i < a->n && (a->span[i].end == 0 || a->span[i].end >= n)) i++;
        while (k < b->n && (b->span[k].end == 0 || b->span[k].end >= n)) k++;
        if (i == a->n || k == b->n) return i == a->n && k == b->n;
        if (a->span[i++].end != b->span[k++].end) return false;
    }
}

/* Decoding gives the word back; the space before it may be missing or there. */
static bool comes_back(struct compare_side *s, const char *word, size_t n, struct err *e, int *failed)
{
    buf_clear(&s->back);
    *failed = tok_decode(s->t, s->ids.id, s->ids.n, false, &s->back, e);
    const char *back = buf_text(&s->back);
    size_t n_back = s->back.len, skip = n && word[0] == ' ', skip_back = n_back && back[0] == ' ';
    return n - skip == n_back - skip_back && memcmp(word + skip, back + skip_back, n - skip) == 0;
}

static int count_strange(struct compare_side *s, const struct compare_word *w, struct err *e)
{
    for (size_t i = 0; i < s->ids.n; i++) {
        const struct tok_span *at = &s->ids.span[i];
        if (s->ids.id[i] == s->t->unk_id && count_word(&s->strange, w->text + at->begin, at->end - at->begin, w->count, e)) return -1;
    }
    return 0;
}

static int by_one(struct compare_side *s, const struct compare_word *w, struct err *e)
{
    int failed;
    if (compare_encode(s, w->text, w->n, e) || count_strange(s, w, e)) return -1;
    if (s->ids.n == 1) s->single += w->count;
    if (s->ids.n > s->most) {
        s->most = s->ids.n;
        s->longest = w->text;
        s->n_longest = w->n;
    }
    if (!comes_back(s, w->text, w->n, e, &failed)) s->changed += w->count;
    return failed;
}

static int by_both(struct compare *c, const struct compare_word *w, struct err *e)
{
    for (int k = 0; k < c->n_sides; k++)
        if (by_one(&c->side[k], w, e)) return -1;
    if (c->n_sides == 1) return 0;
    size_t a = c->side[0].ids.n, b = c->side[1].ids.n;
    if (a != b) c->more[b > a] += w->count;
    if (same_cuts(&c->side[0].ids, &c->side[1].ids, w->n)) return 0;
    c->differ += w->count;
    c->differ_distinct++;
    keep(&c->examples, w);
    return 0;
}

/* ---- the whole text ---- */

static void count_ids(struct compare_side *s, const struct tok_ids *ids, uint8_t *seen)
{
    for (size_t i = 0; i < ids->n; i++) {
        s->used += !seen[ids->id[i]];
        seen[ids->id[i]] = 1;
        s->unknown += ids->id[i] == s->t->unk_id;
    }
    s->tokens += ids->n;
}

/* In parts where the tokenizer's lines are apart: a stop is seen soon, and few ids are kept. */
static int one_text(struct compare_side *s, const char *text, size_t n, struct tok_ids *ids, uint8_t *seen, struct err *e)
{
    enum { PART = 1 << 20 };
    for (size_t at = 0, to; at < n; at = to) {
        to = n - at > PART ? tok_cut_from(s->t, text + at, n - at, PART) + at : n;
        ids->n = 0;
        if (sig_check(e) || tok_encode(s->t, s->s, text + at, to - at, 0, ids, e)) return -1;
        count_ids(s, ids, seen);
    }
    return 0;
}

static int all_texts(struct compare_side *s, const struct compare_texts *texts, struct err *e)
{
    struct tok_ids ids = {0};
    uint8_t *seen = mem_zalloc((size_t)s->t->vocab.n + 1, 1);
    int ret = seen ? 0 : err_oom(e, (size_t)s->t->vocab.n + 1, "marks of tokens");
    for (size_t i = 0, at = 0; ret == 0 && i < texts->n; at = texts->end[i++])
        ret = one_text(s, texts->s + at, texts->end[i] - at, &ids, seen, e);
    tok_ids_free(&ids);
    free(seen);
    return ret;
}

/* ---- the vocabularies ---- */

/* What a token stands for, with a space before it where it begins a word: the same for
 * "the" of WordPiece, "Ġthe" and "▁the". */
static void meaning(const struct tokenizer *t, int id, struct buf *out)
{
    size_t n, np = t->prefix ? strlen(t->prefix) : 0;
    const char *s = tok_piece(t, id, &n);
    buf_clear(out);
    if (t->byte_level || t->decoder.bytes) {
        buf_add(out, s, n);
        return;
    }
    s = vocab_text(&t->vocab, id, &n);
    if (np && n > np && memcmp(s, t->prefix, np) == 0) {
        buf_add(out, s + np, n - np);
        return;
    }
    if (t->model == MODEL_WORDPIECE) buf_addc(out, ' ');
    for (size_t i = 0; i < n; i++)
        if (n - i >= 3 && memcmp(s + i, "\xE2\x96\x81", 3) == 0) buf_addc(out, ' '), i += 2;
        else buf_addc(out, s[i]);
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

/* Hashes of what the tokens of a side stand for, sorted; NULL after an error. */
static uint64_t *meanings(const struct tokenizer *t, size_t *n, struct err *e)
{
    struct buf text = {0};
    uint64_t *v = mem_alloc((size_t)t->vocab.n + 1, sizeof *v);
    *n = 0;
    for (int id = 0; v && id < t->vocab.n; id++) {
        if (!(t->vocab.v[id].flags & VOCAB_USED)) continue;
        meaning(t, id, &text);
        v[(*n)++] = hash64(buf_text(&text), text.len);
    }
    if (!v || text.oom) {
        err_oom(e, ((size_t)t->vocab.n + 1) * sizeof *v, "hashes of tokens");
        free(v);
        v = NULL;
    }
    if (v && *n) qsort(v, *n, sizeof *v, compare_hashes);
    buf_free(&text);
    return v;
}

static int common_tokens(struct compare *c, struct err *e)
{
    size_t na = 0, nb = 0, i = 0, k = 0;
    uint64_t *a = meanings(c->side[0].t, &na, e), *b = a ? meanings(c->side[1].t, &nb, e) : NULL;
    while (b && i < na && k < nb) {
        if (a[i] == b[k]) c->common++, i++, k++;
        else if (a[i] < b[k]) i++;
        else k++;
    }
    free(a);
    free(b);
    return b ? 0 : -1;
}

static void add_sizes(struct compare *c, const struct compare_texts *texts)
{
    c->bytes = texts->n ? texts->end[texts->n - 1] : 0;
    for (size_t i = 0; i < c->bytes; i++) c->characters += (texts->s[i] & 0xC0) != 0x80;
}

static void keep_strangest(struct compare_side *s)
{
    for (size_t i = 0; i < s->strange.n_slots; i++)
        if (s->strange.word[i].text) keep(&s->strangest, &s->strange.word[i]);
}

int tok_compare(const struct tokenizer *a, const struct tokenizer *b, const char *const names[2],
                const struct compare_texts *texts, bool json, struct buf *out, struct err *e)
{
    struct compare c = {.out = out, .n_sides = b ? 2 : 1};
    const struct tokenizer *t[2] = {a, b};
    int ret = 0;
    add_sizes(&c, texts);
    for (int k = 0; k < c.n_sides && ret == 0; k++) {
        c.side[k] = (struct compare_side){.t = t[k], .name = names[k], .s = tok_scratch_new(t[k], e), .ids = {.want_spans = true}};
        ret = c.side[k].s ? all_texts(&c.side[k], texts, e) : -1;
    }
    for (size_t i = 0, at = 0; ret == 0 && i < texts->n; at = texts->end[i++])
        ret = count_words(&c, texts->s + at, texts->end[i] - at, e);
    for (size_t i = 0; ret == 0 && i < c.words.n_slots; i++)
        if (c.words.word[i].text) ret = sig_check(e) || by_both(&c, &c.words.word[i], e) ? -1 : 0;
    if (ret == 0 && b) ret = common_tokens(&c, e);
    for (int k = 0; k < c.n_sides; k++) keep_strangest(&c.side[k]);
    if (ret == 0) ret = json ? compare_json(&c, e) : compare_text(&c, e);
    for (int k = 0; k < c.n_sides; k++) {
        tok_ids_free(&c.side[k].ids);
        buf_free(&c.side[k].back);
        tok_scratch_free(c.side[k].s);
        free(c.side[k].strange.word);
    }
    free(c.words.word);
    return ret ? -1 : buf_ok(out, e);
}
