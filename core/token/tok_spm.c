/* SentencePiece models as tokenizers. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/spm_model.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"
#include "core/token/unicode.h"

struct spm_build {
    struct tokenizer *t;
    const struct spm_model *m;
    const char *name;
    bool odd_chars;             /* BPE: some characters of pieces are no pieces */
    const int32_t *ranked;      /* [n_ranked] pieces in the order of their merges, while these are made */
    size_t n_ranked;
    struct err *e;
};

static int unsupported(struct spm_build *b, const char *what)
{
    return err_set(b->e, ERR_DATA, "'%s': a SentencePiece model %s is not supported", b->name, what);
}

/* ---- vocabulary ---- */

static unsigned flags_of(enum spm_type type)
{
    switch (type) {
    case SPM_NORMAL: return VOCAB_MODEL;
    case SPM_USER: return VOCAB_MODEL | VOCAB_USER;
    case SPM_UNUSED: return VOCAB_MODEL | VOCAB_UNUSED;
    case SPM_CONTROL: return VOCAB_SPECIAL | VOCAB_ADDED;
    case SPM_BYTE: return VOCAB_BYTE;
    default: return 0;
    }
}

static int add_texts(struct spm_build *b)
{
    const struct spm_model *m = b->m;
    struct vocab *v = &b->t->vocab;
    size_t n;
    bool well = vocab_reserve(v, m->n, m->text.len);
    for (size_t i = 0; i < m->n && well; i++) {
        const char *s = spm_piece_text(m, i, &n);
        well = vocab_copy(v, (int64_t)i, s, n, flags_of(m->piece[i].type));
    }
    if (well && vocab_index(v)) return 0;
    vocab_free(v); /* again, for what is wrong */
    for (size_t i = 0; i < m->n; i++) {
        const char *s = spm_piece_text(m, i, &n);
        if (vocab_add(v, (int64_t)i, s, n, flags_of(m->piece[i].type), b->e)) return err_wrap(b->e, "'%s'", b->name);
    }
    return 0;
}

static int add_pieces(struct spm_build *b)
{
    const struct spm_model *m = b->m;
    struct tokenizer *t = b->t;
    t->unk_id = -1;
    if (m->n > VOCAB_MAX_ID) return unsupported(b, "of so many pieces");
    if (add_texts(b)) return -1;
    t->score = mem_alloc(m->n + 1, sizeof *t->score);
    if (!t->score) return err_oom(b->e, m->n * sizeof *t->score, "scores");
    for (size_t i = 0; i < m->n; i++) {
        enum spm_type type = m->piece[i].type;
        t->has_user = t->has_user || type == SPM_USER;
        t->has_unused = t->has_unused || (type == SPM_UNUSED && m->kind == SPM_BPE);
        if (type == SPM_UNKNOWN) {
            if (t->unk_id >= 0) return unsupported(b, "with two unknown pieces");
            t->unk_id = (int)i;
        }
        t->score[i] = (double)m->piece[i].score;
    }
    if (t->unk_id < 0) return unsupported(b, "without an unknown piece");
    return 0;
}

/* Control pieces stand in text only where special tokens are allowed. */
static int add_controls(struct spm_build *b)
{
    const struct spm_model *m = b->m;
    struct tokenizer *t = b->t;
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) n += m->piece[i].type == SPM_CONTROL;
    t->added = mem_zalloc(n, sizeof *t->added);
    if (!t->added) return err_oom(b->e, n * sizeof *t->added, "control pieces");
    for (size_t i = 0; i < m->n; i++) {
        if (m->piece[i].type != SPM_CONTROL) continue;
        struct tok_added *a = &t->added[t->n_added++];
        a->id = (int)i;
        a->special = true;
        a->text = vocab_text(&t->vocab, (int)i, &a->len);
    }
    return 0;
}

static int bytes_complete(struct spm_build *b)
{
    static const char digits[] = "0123456789ABCDEF";
    for (int byte = 0; byte < 256; byte++) {
        char text[] = {'<', '0', 'x', digits[byte >> 4], digits[byte & 15], '>'};
        int id = vocab_find(&b->t->vocab, text, sizeof text);
        if (id < 0 || b->m->piece[id].type != SPM_BYTE)
            return unsupported(b, "with byte_fallback but without all 256 bytes");
        b->t->vocab.v[id].flags |= VOCAB_MODEL; /* for make_byte_ids() */
    }
    return 0;
}

static int user_trie(struct spm_build *b)
{
    size_t n = 0;
    const struct spm_model *m = b->m;
    struct text_key *keys = mem_alloc(m->n, sizeof *keys);
    if (!keys) return err_oom(b->e, m->n * sizeof *keys, "a trie");
    for (size_t i = 0; i < m->n; i++) {
        if (m->piece[i].type != SPM_USER) continue;
        keys[n++] = (struct text_key){m->text.data + m->piece[i].off, m->piece[i].len, (int32_t)i};
    }
    int ret = trie_build(&b->t->user, keys, n, b->e);
    free(keys);
    return ret;
}

/* ---- BPE: every way to put a piece together from two others is a merge ---- */

struct ranked {
    float score;
    int32_t id;
};

static int by_score(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool one_char(const char *s, size_t n)
{
    return uni_next((const uint8_t *)s, n).len == n;
}

/* The symbol for part of a piece: its piece, or that of a character without. */
static int part_id(struct spm_build *b, const char *s, size_t n)
{
    int id = vocab_find(&b->t->vocab, s, n);
    if (id >= 0 && b->m->piece[id].type == SPM_NORMAL) return id;
    int32_t value;
    if (one_char(s, n) && trie_longest(&b->t->symbols, s, n, &value) == n) return value;
    return -1;
}

/* Characters inside pieces: pieces themselves, or symbols beyond the vocabulary. */
static int symbol_trie(struct spm_build *b)
{
    const struct spm_model *m = b->m;
    struct vocab chars = {0};
    struct text_key *keys = NULL;
    uint64_t *seen = mem_zalloc(UNI_CODES / 64, sizeof *seen);
    int ret = -1, next = (int)m->n;
    if (!seen) return err_oom(b->e, UNI_CODES / 8, "a trie");
    for (size_t i = 0; i < m->n; i++) {
        size_t n;
        const char *s = spm_piece_text(m, i, &n);
        if (m->piece[i].type != SPM_NORMAL) continue;
        unsigned len = 1;
        for (size_t k = 0; k < n; k += len) {
            uint32_t cp = (uint8_t)s[k];
            if (cp < 0x80) len = 1; /* most are */
            else cp = uni_point((const uint8_t *)s + k, n - k, &len);
            if (seen[cp >> 6] >> (cp & 63) & 1) continue;
            seen[cp >> 6] |= (uint64_t)1 << (cp & 63);
            if (vocab_add(&chars, chars.n, s + k, len, 0, b->e)) goto out;
        }
    }
    keys = mem_alloc((size_t)chars.n, sizeof *keys);
    if (!keys) {
        err_oom(b->e, (size_t)chars.n * sizeof *keys, "a trie");
        goto out;
    }
    for (int c = 0; c < chars.n; c++) {
        size_t n;
        const char *s = vocab_text(&chars, c, &n);
        int id = vocab_find(&b->t->vocab, s, n);
        if (id < 0 || m->piece[id].type != SPM_NORMAL) id = next++;
        keys[c] = (struct text_key){s, (uint32_t)n, id};
    }
    b->odd_chars = next > (int)m->n;
    if (next > VOCAB_MAX_ID) unsupported(b, "of so many characters");
    else ret = trie_build(&b->t->symbols, keys, (size_t)chars.n, b->e);
out:
    free(seen);
    free(keys);
    vocab_free(&chars);
    return ret;
}

/* What the vocabulary says of a normal piece, as flags_of() does, and of no other: it was looked at just now. */
static bool is_normal(const struct vocab *v, int id)
{
    return v->v[id].flags == (VOCAB_MODEL | VOCAB_USED);
}

/* Where all characters are pieces. */
static int plain_merge(void *arg, size_t rank, int left, int right)
{
    const struct spm_build *b = arg;
    bool both = is_normal(&b->t->vocab, left) && is_normal(&b->t->vocab, right);
    return both ? bpe_add_rank(&b->t->bpe, left, right, b->ranked[rank], (uint32_t)rank, b->e) : 0;
}

static int piece_merges(struct spm_build *b, int id, uint32_t rank)
{
    size_t n, left;
    const char *s = spm_piece_text(b->m, (size_t)id, &n);
    for (left = uni_next((const uint8_t *)s, n).len; left < n;
         left += uni_next((const uint8_t *)s + left, n - left).len) {
        int x = part_id(b, s, left), y = x < 0 ? -1 : part_id(b, s + left, n - left);
        if (x >= 0 && y >= 0 && bpe_add_rank(&b->t->bpe, x, y, id, rank, b->e)) return -1;
    }
    return 0;
}

static int all_merges(struct spm_build *b)
{
    if (!b->odd_chars) return vocab_cuts(&b->t->vocab, b->ranked, b->n_ranked, plain_merge, b, b->e);
    for (size_t r = 0; r < b->n_ranked; r++)
        if (piece_merges(b, b->ranked[r], (uint32_t)r)) return -1;
    return 0;
}

/* Merges of equal score are of one level. */
static int add_levels(struct spm_build *b, const struct ranked *v)
{
    struct bpe *bpe = &b->t->bpe;
    uint32_t level = 0;
    bpe->level = mem_alloc(bpe->n_ranks, sizeof *bpe->level);
    if (!bpe->level) return err_oom(b->e, bpe->n_ranks * sizeof *bpe->level, "merges");
    for (size_t r = 0; r < bpe->n_ranks; r++) {
        if (r && v[r].score != v[r - 1].score) level++;
        bpe->level[r] = level;
    }
    return 0;
}

static int add_merges(struct spm_build *b)
{
    const struct spm_model *m = b->m;
    size_t n = 0;
    int ret = 0;
    struct ranked *v = mem_alloc(m->n, sizeof *v);
    int32_t *id = mem_alloc(m->n, sizeof *id);
    for (size_t i = 0; v && i < m->n; i++) {
        size_t len;
        const char *s = spm_piece_text(m, i, &len);
        if (m->piece[i].type == SPM_NORMAL && !one_char(s, len))
            v[n++] = (struct ranked){m->piece[i].score, (int32_t)i};
    }
    bool sorted = true, ties = false; /* they mostly are */
    for (size_t i = 1; i < n && sorted; i++) sorted = by_score(&v[i - 1], &v[i]) < 0;
    if (!sorted) qsort(v, n, sizeof *v, by_score);
    for (size_t r = 0; id && r < n; r++) {
        ties = ties || (r && v[r].score == v[r - 1].score);
        id[r] = v[r].id;
    }
    b->ranked = id;
    b->n_ranked = n;
    ret = v && id ? all_merges(b) : err_oom(b->e, m->n * sizeof *v, "merges");
    if (ret == 0) ret = bpe_finish(&b->t->bpe, b->e);
    if (ret == 0 && ties && b->t->bpe.n_ranks) ret = add_levels(b, v);
    free(v);
    free(id);
    return ret;
}

/* ---- unigram ---- */

static void unigram(struct spm_build *b)
{
    struct tokenizer *t = b->t;
    float min = b->m->lowest;
    for (size_t i = 0; i < b->m->n; i++) {
        float s = b->m->piece[i].score;
        if (b->m->piece[i].type == SPM_UNUSED) t->vocab.v[i].flags &= ~(unsigned)VOCAB_MODEL;
        if (b->m->piece[i].type == SPM_BYTE) t->vocab.v[i].flags |= VOCAB_MODEL;
        if (b->m->piece[i].type != SPM_NORMAL) continue;
        if (s < min) min = s;
    }
    t->unk_score = (double)(min - 10.0f);
    t->spm_floats = true;
}

/* ---- the whole ---- */

static int rules(struct spm_build *b, const struct buf *map, struct norm_step *s)
{
    if (!map->len) return 0;
    s->map = charsmap_new(map->data, map->len, b->e);
    return s->map ? 0 : err_wrap(b->e, "'%s'", b->name);
}

static int normalizer(struct spm_build *b)
{
    const struct spm_model *m = b->m;
    struct norm_step *s = norm_chain_add(&b->t->norm, NORM_SPM, b->e);
    if (!s) return -1;
    s->dummy_prefix = m->add_dummy_prefix && !m->suffix;
    s->dummy_suffix = m->add_dummy_prefix && m->suffix;
    s->remove_extra = m->remove_extra_whitespaces;
    s->escape = m->escape_whitespaces;
    s->user = b->t->user.n ? &b->t->user : NULL;
    return rules(b, &m->charsmap, s);
}

/* What decoded text goes through; without rules nothing, whatever the flags. */
static int denormalizer(struct spm_build *b)
{
    const struct spm_model *m = b->m;
    if (!m->denorm_map.len) return 0;
    struct norm_step *s = norm_chain_add(&b->t->denorm, NORM_SPM, b->e);
    if (!s) return -1;
    s->dummy_prefix = m->denorm_prefix;
    s->remove_extra = m->denorm_extra;
    s->escape = m->denorm_escape;
    return rules(b, &m->denorm_map, s);
}

static int decoder(struct spm_build *b)
{
    const struct spm_model *m = b->m;
    struct dec_step *s = decode_chain_add(&b->t->decoder, DEC_SPM, b->e);
    if (!s) return -1;
    s->keep_first = !m->add_dummy_prefix && !m->remove_extra_whitespaces;
    s->trim_all = m->remove_extra_whitespaces;
    s->n_a = m->has_surface ? m->unk_surface.len : strlen(SPM_SURFACE);
    s->a = mem_strndup(!m->has_surface ? SPM_SURFACE : s->n_a ? m->unk_surface.data : "", s->n_a);
    return s->a ? 0 : err_oom(b->e, s->n_a, "a string");
}

static int id_or_none(const struct spm_model *m, int id, enum spm_type type)
{
    return id >= 0 && (size_t)id < m->n && m->piece[id].type == type ? id : -1;
}

#define SCORE_MAX 1e30f /* sums over millions of pieces stay finite in single precision */

/* Characters and words are taken whatever their score: spm_train gives one that it was told to have and
 * that no text has log(0). */
static int check_scores(const struct spm_build *b)
{
    const struct spm_model *m = b->m;
    for (size_t i = 0; (m->kind == SPM_UNIGRAM || m->kind == SPM_BPE) && i < m->n; i++) {
        float score = m->piece[i].score;
        if (isnan(score)) return err_set(b->e, ERR_DATA, "'%s': the score of piece %zu is not a number", b->name, i);
        if (fabsf(score) > SCORE_MAX)
            return err_set(b->e, ERR_DATA, "'%s': the score of piece %zu is %g: sums of such scores are infinite", b->name, i, (double)score);
    }
    return 0;
}

static int build(struct spm_build *b)
{
    const struct spm_model *m = b->m;
    struct tokenizer *t = b->t;
    if (check_scores(b)) return -1;
    t->source = SOURCE_SPM;
    t->byte_fallback = m->byte_fallback;
    t->model = m->kind == SPM_UNIGRAM ? MODEL_UNIGRAM : m->kind == SPM_WORD ? MODEL_WORDLEVEL : MODEL_BPE;
    if (add_pieces(b) || (t->byte_fallback && bytes_complete(b)) || user_trie(b) || normalizer(b) ||
        denormalizer(b) || decoder(b) || add_controls(b))
        return -1;
    if (m->kind == SPM_UNIGRAM) unigram(b);
    else if (m->kind != SPM_WORD && symbol_trie(b)) return -1;
    if (m->kind == SPM_BPE && !t->has_unused && add_merges(b)) return -1;
    if (tok_finish(t, b->e)) return err_wrap(b->e, "'%s'", b->name);
    if (m->only_pieces) t->note = "the file holds pieces only, as if it were cut short; how text is normalized is SentencePiece's default";
    t->bos = id_or_none(m, m->bos_id, SPM_CONTROL);
    t->eos = id_or_none(m, m->eos_id, SPM_CONTROL);
    return 0;
}

struct tokenizer *tok_from_spm_model(const struct spm_model *m, const void *data, size_t n, const char *name, struct err *e)
{
    struct tokenizer *t = mem_zalloc(1, sizeof *t);
    struct spm_build b = {.t = t, .m = m, .name = name, .e = e};
    int ret = t ? build(&b) : err_oom(e, sizeof *t, "a tokenizer");
    if (ret == 0) {
        buf_add(&t->source_bytes, data, n);
        ret = buf_ok(&t->source_bytes, e);
    }
    if (ret == 0) return t;
    tok_free(t);
    return NULL;
}

struct tokenizer *tok_from_spm(const void *data, size_t n, const char *name, struct err *e)
{
    struct spm_model m;
    if (spm_model_read(&m, data, n, name, e)) return NULL;
    struct tokenizer *t = tok_from_spm_model(&m, data, n, name, e);
    spm_model_free(&m);
    return t;
}

int tok_put_ends(struct tokenizer *t, bool bos, bool eos, struct err *e)
{
    if (t->single.n || t->pair.n) return err_set(e, ERR_USAGE, "the tokenizer has a template, which says what is around a text (--template)");
    if (bos && t->bos < 0) return err_set(e, ERR_USAGE, "the tokenizer has no token that begins a text");
    if (eos && t->eos < 0) return err_set(e, ERR_USAGE, "the tokenizer has no token that ends a text");
    return tok_add_ends(t, bos, eos, e);
}

int tok_add_ends(struct tokenizer *t, bool bos, bool eos, struct err *e)
{
    t->adds_bos = bos && t->bos >= 0;
    t->adds_eos = eos && t->eos >= 0;
    if (!t->adds_bos && !t->adds_eos) return 0;
    for (int pair = 0; pair < 2; pair++) {
        struct tok_places *p = pair ? &t->pair : &t->single;
        if (!(p->v = mem_alloc(6, sizeof *p->v))) return err_oom(e, 6, "a template");
        for (int k = 0; k <= pair; k++) {
            if (t->adds_bos) p->v[p->n++] = (struct tok_place){t->bos, k, k};
            if (k == 0) p->text = p->n;
            p->v[p->n++] = (struct tok_place){k ? PLACE_SECOND : PLACE_FIRST, k, k};
            if (t->adds_eos) p->v[p->n++] = (struct tok_place){t->eos, k, k};
        }
    }
    return 0;
}
