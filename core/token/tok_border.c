#include "core/token/tok_border.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/tok_internal.h"

static inline bool begins_three(uint8_t b)
{
    return b >= 0xE0 && b <= 0xEF;
}

static inline bool goes_on(uint8_t b)
{
    return (b & 0xC0) == 0x80;
}

static inline bool is_three(const uint8_t *p)
{
    return begins_three(p[0]) && goes_on(p[1]) && goes_on(p[2]);
}

/* Two characters of three bytes: s[0..6). */
static inline uint32_t pair_hash(const uint8_t *s)
{
    uint64_t x = 0;
    memcpy(&x, s, 6);
    return (uint32_t)(x * 0x9E3779B97F4A7C15ull >> (64 - TOK_BORDER_BITS));
}

static inline bool meets(const struct tok_borders *b, const uint8_t *s)
{
    uint32_t at = pair_hash(s);
    return (b->partial[s[2] & 63] >> (s[3] & 15) & 1) || (b->near[at >> 6] >> (at & 63) & 1);
}

/* The first place from i on that has a byte of E0 or more, or is one of the last seven. */
static size_t next_high(const uint8_t *s, size_t n, size_t i)
{
    for (; i + 8 <= n; i += 8) {
        uint64_t x;
        memcpy(&x, s + i, 8);
        x &= x << 1 & x << 2 & 0x8080808080808080; /* the three top bits of a byte */
        if (x) return i + (size_t)__builtin_ctzll(x) / 8;
    }
    return i;
}

size_t tok_border_next(const struct tok_borders *b, const uint8_t *word, size_t n, size_t from)
{
    for (size_t i = from; (i = next_high(word, n, i)) + 6 <= n;) {
        if (!is_three(word + i)) i++;
        else if (!is_three(word + i + 3)) i += 4; /* no character begins in between */
        else if (meets(b, word + i)) i += 3;
        else return i + 3;
    }
    return n;
}

/* ---- the table ---- */

/* A pair whose right token, of n_right bytes, begins with the first byte of such a character. */
static void note_pair(struct tok_borders *b, const uint8_t *left, size_t n_left, const uint8_t *right, size_t n_right)
{
    uint8_t both[6];
    bool whole = n_right >= 3 && goes_on(right[1]) && goes_on(right[2]), part = n_right < 3, left_part = n_left < 3;
    for (size_t i = 1; i < n_right && part; i++) part = goes_on(right[i]);
    for (size_t i = 0; i < n_left && left_part; i++) left_part = goes_on(left[i]);
    bool left_whole = n_left >= 3 && is_three(left + n_left - 3);
    if ((!whole && !part) || (!left_whole && !left_part)) return; /* in no text of two such characters */
    if (part || left_part) {
        b->partial[left[n_left - 1] & 63] |= (uint16_t)(1u << (right[0] & 15));
        return;
    }
    memcpy(both, left + n_left - 3, 3);
    memcpy(both + 3, right, 3);
    uint32_t at = pair_hash(both);
    b->near[at >> 6] |= (uint64_t)1 << (at & 63);
}

/* The bytes of a token's text, which are fewer than its own: in *bytes. */
static long bytes_of(const struct tokenizer *t, int id, struct buf *bytes)
{
    size_t n;
    const char *text = vocab_text(&t->vocab, id, &n);
    buf_clear(bytes);
    return buf_reserve(bytes, n + 1) ? bytemap_unspell(text, n, (uint8_t *)bytes->data) : -1;
}

/* The spelling of a byte from E0 to EF. */
static bool spells_three(const char *text, size_t n)
{
    return n >= 2 && (uint8_t)text[0] == 0xC3 && (uint8_t)text[1] >= 0xA0 && (uint8_t)text[1] <= 0xAF;
}

/* three: of all ids, whether their texts begin with it; the merges lead to them here and there. */
static bool note_all(const struct tokenizer *t, struct tok_borders *b, const bool *three, struct buf *left, struct buf *right)
{
    for (size_t i = 0; i < t->bpe.n_merges; i++) {
        const struct bpe_merge *m = &t->bpe.merge[i];
        if (!three[m->right]) continue;
        long n_left = bytes_of(t, m->left, left), n_right = bytes_of(t, m->right, right);
        if (n_left <= 0 || n_right <= 0) return false;
        note_pair(b, (const uint8_t *)left->data, (size_t)n_left, (const uint8_t *)right->data, (size_t)n_right);
    }
    return true;
}

/* Tokens whose bytes are merged side by side. */
enum { MERGED = 64 };
struct merged {
    struct bpe_job job[MERGED];
    int id[MERGED];
    int32_t symbols[MERGED * BPE_JOB_MAX];
    uint8_t bytes[MERGED * BPE_JOB_MAX];
    size_t n, n_symbols;
};

static bool are_themselves(const struct tokenizer *t, struct merged *m)
{
    bool all = true;
    bpe_merge_many(&t->bpe, m->job, m->n);
    for (size_t i = 0; i < m->n; i++) all = all && m->job[i].n == 1 && m->job[i].ids[0] == m->id[i];
    m->n = m->n_symbols = 0;
    return all;
}

/* False: it cannot be what merging makes of its bytes. */
static bool add_token(const struct tokenizer *t, struct merged *m, int id, struct buf *bytes)
{
    long n = bytes_of(t, id, bytes);
    if (n <= 0 || n > BPE_JOB_MAX) return false;
    int32_t *symbols = m->symbols + m->n_symbols;
    uint8_t *copy = m->bytes + m->n_symbols;
    memcpy(copy, bytes->data, (size_t)n);
    for (long i = 0; i < n; i++)
        if ((symbols[i] = t->byte_id[copy[i]]) < 0) return false;
    m->job[m->n] = (struct bpe_job){symbols, copy, (size_t)n};
    m->id[m->n++] = id;
    m->n_symbols += (size_t)n;
    return m->n < MERGED || are_themselves(t, m);
}

/* Where words that are tokens are not merged, all tokens that a piece can be must be what
 * merging makes of their bytes. */
static bool tokens_merge(const struct tokenizer *t, struct buf *bytes)
{
    struct merged *m = t->ignore_merges ? mem_alloc(1, sizeof *m) : NULL;
    if (m) m->n = m->n_symbols = 0;
    bool all = m || !t->ignore_merges;
    for (int id = 0; m && all && id < t->vocab.n; id++) {
        size_t n;
        const char *text = vocab_text(&t->vocab, id, &n), *end = text + n;
        if (!tok_in_model(t, id)) continue;
        while (text < end && !spells_three(text, (size_t)(end - text))) text++;
        if (text < end) all = add_token(t, m, id, bytes);
    }
    if (m && all) all = are_themselves(t, m);
    free(m);
    return all;
}

/* ---- spaces ---- */

static bool note_joint(const struct tokenizer *t, const struct bpe_merge *m, struct split_joints *j, struct buf *bytes)
{
    size_t n;
    const char *right = vocab_text(&t->vocab, m->right, &n);
    if (n < 2 || (uint8_t)right[0] != 0xC4 || (uint8_t)right[1] != 0xA0) return true; /* the spelling of a space */
    long n_right = bytes_of(t, m->right, bytes);
    if (n_right <= 0) return false;
    bool any = n_right == 1;
    uint8_t behind = any ? 0 : (uint8_t)bytes->data[1];
    long n_left = bytes_of(t, m->left, bytes);
    if (n_left <= 0) return false;
    uint64_t *of = j->of[(uint8_t)bytes->data[n_left - 1]];
    for (unsigned b = 0; b < 256; b++)
        if (any || b == behind) of[b >> 6] |= (uint64_t)1 << (b & 63);
    return true;
}

/* A word is what its bytes are merged to, and none of those in front of a space is left out. */
static bool only_merges(const struct tokenizer *t)
{
    bool known = !t->ignore_merges && !tok_has_affixes(t);
    for (unsigned b = 0; known && b < 0xC0; b++) known = t->byte_id[b] >= 0;
    return known;
}

int tok_joints_new(const struct tokenizer *t, struct split_joints **out, struct err *e)
{
    struct buf bytes = {0};
    struct split_joints *j = mem_zalloc(1, sizeof *j);
    *out = NULL;
    if (!j) return err_oom(e, sizeof *j, "a tokenizer");
    bool known = only_merges(t);
    for (size_t i = 0; known && i < t->bpe.n_merges; i++) known = note_joint(t, &t->bpe.merge[i], j, &bytes);
    if (known) *out = j;
    else free(j);
    buf_free(&bytes);
    return 0;
}

int tok_borders_new(const struct tokenizer *t, struct tok_borders **out, struct err *e)
{
    struct buf left = {0}, right = {0};
    struct tok_borders *b = mem_zalloc(1, sizeof *b);
    bool *three = mem_alloc((size_t)t->vocab.n, sizeof *three);
    int ret = b && three ? 0 : err_oom(e, sizeof *b, "a tokenizer");
    *out = NULL;
    for (int id = 0; ret == 0 && id < t->vocab.n; id++) {
        size_t n;
        const char *text = vocab_text(&t->vocab, id, &n);
        three[id] = spells_three(text, n);
    }
    if (ret == 0 && note_all(t, b, three, &left, &right) && tokens_merge(t, &left)) *out = b;
    else free(b);
    free(three);
    buf_free(&left);
    buf_free(&right);
    return ret;
}
