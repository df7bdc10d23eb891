#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/fasttext_internal.h"

static const char end_of_text[] = "</s>", label_prefix[] = "__label__";

/* FNV-1a over signed bytes, as fastText has it. */
static inline uint32_t hash_byte(uint32_t h, char c)
{
    uint32_t u = (unsigned char)c;
    return (h ^ u ^ (u & 0x80 ? 0xFFFFFF00u : 0)) * 16777619u;
}

uint32_t fasttext_hash(const char *s, size_t n)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++)
        h = hash_byte(h, s[i]);
    return h;
}

int fasttext_n_labels(const struct fasttext *f)
{
    return f->n_labels;
}

const char *fasttext_label(const struct fasttext *f, int i)
{
    return f->entry[f->n_words + i].s;
}

static int32_t find(const struct fasttext *f, const char *s, size_t n, uint32_t hash)
{
    for (uint32_t at = hash & f->table_mask; f->table[at]; at = (at + 1) & f->table_mask) {
        const struct ft_entry *x = &f->entry[f->table[at] - 1];
        if (x->hash == hash && x->len == n && memcmp(x->s, s, n) == 0)
            return (int32_t)(f->table[at] - 1);
    }
    return -1;
}

int fasttext_find_label(const struct fasttext *f, const char *label)
{
    size_t n = strlen(label);
    int32_t i = find(f, label, n, fasttext_hash(label, n));
    return i >= f->n_words ? i - f->n_words : -1;
}

/* ---- rows ---- */

static const uint8_t *centroid(const struct ft_quantizer *q, int32_t m, uint8_t code)
{
    size_t d = (size_t)(m == q->nsubq - 1 ? q->lastdsub : q->dsub);
    return q->centroids + 4 * ((size_t)m * FT_KSUB * (size_t)q->dsub + code * d);
}

static float norm(const struct ft_matrix *m, int64_t row)
{
    return m->norms ? ft_f32(centroid(&m->norm_q, 0, m->norm_codes[row]), 0) : 1;
}

/* Four numbers at any address. */
typedef float four __attribute__((vector_size(16), aligned(1), may_alias));

static void add_dense(const uint8_t *v, size_t n, float *x)
{
    size_t i = 0;
    for (; n - i >= 4; i += 4)
        *(four *)(void *)(x + i) += *(const four *)(const void *)(v + 4 * i);
    for (; i < n; i++)
        x[i] += ft_f32(v, i);
}

static void add_row(const struct ft_matrix *m, int64_t row, float *x)
{
    if (!m->quantized) {
        add_dense(m->dense + (size_t)row * (size_t)m->cols * 4, (size_t)m->cols, x);
        return;
    }
    const struct ft_quantizer *q = &m->q;
    const uint8_t *code = m->codes + (size_t)row * (size_t)q->nsubq;
    float scale = norm(m, row);
    for (int32_t k = 0; k < q->nsubq; k++) {
        const uint8_t *c = centroid(q, k, code[k]);
        size_t d = (size_t)(k == q->nsubq - 1 ? q->lastdsub : q->dsub);
        for (size_t i = 0; i < d; i++)
            x[i] += scale * ft_f32(c, i);
        x += d;
    }
}

static float dot(const uint8_t *v, const float *x, size_t n)
{
    four a = {0}, b = {0};
    float rest = 0;
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        a += *(const four *)(const void *)(v + 4 * i) * *(const four *)(const void *)(x + i);
        b += *(const four *)(const void *)(v + 4 * i + 16) * *(const four *)(const void *)(x + i + 4);
    }
    for (; i < n; i++)
        rest += ft_f32(v, i) * x[i];
    a += b;
    return (a[0] + a[1]) + (a[2] + a[3]) + rest;
}

static float dot_row(const struct ft_matrix *m, int64_t row, const float *x)
{
    if (!m->quantized) return dot(m->dense + (size_t)row * (size_t)m->cols * 4, x, (size_t)m->cols);
    const struct ft_quantizer *q = &m->q;
    const uint8_t *code = m->codes + (size_t)row * (size_t)q->nsubq;
    float sum = 0;
    for (int32_t k = 0; k < q->nsubq; k++) {
        size_t d = (size_t)(k == q->nsubq - 1 ? q->lastdsub : q->dsub);
        sum += dot(centroid(q, k, code[k]), x, d);
        x += d;
    }
    return sum * norm(m, row);
}

/* ---- the parts of a text ---- */

struct sum {
    const struct fasttext *f;
    float *hidden;
    uint64_t n;
};

static void add_word(struct sum *s, int64_t row)
{
    add_row(&s->f->input, row, s->hidden);
    s->n++;
}

static void add_bucket(struct sum *s, uint32_t bucket)
{
    int32_t at = (int32_t)bucket;
    if (s->f->prune_n == 0) return;
    if (s->f->prune && (at = s->f->prune[bucket]) < 0) return;
    add_word(s, (int64_t)s->f->n_words + at);
}

/* Character n-grams of '<' word '>', except the two marks alone. */
static void add_subwords(struct sum *s, const char *word, size_t len)
{
    int32_t minn = s->f->minn, maxn = s->f->maxn;
    size_t n = len + 2;
#define AT(i) ((i) == 0 ? '<' : (i) == n - 1 ? '>' : word[(i) - 1])
#define INSIDE(i) ((AT(i) & 0xC0) == 0x80)
    for (size_t i = 0; i < n; i++) {
        if (INSIDE(i)) continue;
        uint32_t h = 2166136261u;
        size_t j = i;
        for (int32_t k = 1; j < n && k <= maxn; k++) {
            do {
                h = hash_byte(h, AT(j));
                j++;
            } while (j < n && INSIDE(j));
            if (k >= minn && !(k == 1 && (i == 0 || j == n))) add_bucket(s, h % (uint32_t)s->f->bucket);
        }
    }
#undef INSIDE
#undef AT
}

/* False when the token is a label, which takes no part. */
static bool add_token(struct sum *s, const char *word, size_t len, uint32_t hash)
{
    const struct fasttext *f = s->f;
    int32_t id = find(f, word, len, hash);
    if (id >= f->n_words) return false;
    if (id < 0 && len >= sizeof label_prefix - 1 &&
        memcmp(word, label_prefix, sizeof label_prefix - 1) == 0)
        return false;
    if (id >= 0) add_word(s, id);
    bool mark = len == sizeof end_of_text - 1 && memcmp(word, end_of_text, len) == 0;
    if (f->maxn > 0 && !mark) add_subwords(s, word, len);
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\v' || c == '\f' || c == '\0';
}

static bool remember(struct fasttext_work *w, size_t n, uint32_t hash)
{
    if (!mem_room(&w->hash, &w->hash_cap, n + 1, sizeof *w->hash)) return false;
    memcpy(&w->hash[n], &hash, sizeof hash);
    return true;
}

static bool add_text(struct sum *s, struct fasttext_work *w, const char *text, size_t n)
{
    size_t words = 0, ngrams = s->f->word_ngrams > 1 ? (size_t)s->f->word_ngrams : 1;
    for (size_t i = 0; i <= n;) {
        const char *word = end_of_text;
        size_t len = sizeof end_of_text - 1;
        uint32_t h = 2166136261u;
        while (i < n && is_space(text[i]))
            i++;
        if (i < n) {
            size_t from = i;
            while (i < n && !is_space(text[i]))
                h = hash_byte(h, text[i++]);
            word = text + from;
            len = i - from;
        } else {
            h = fasttext_hash(word, len);
            i++;
        }
        bool mark = len == 4 && memcmp(word, end_of_text, 4) == 0;
        if (add_token(s, word, len, h) && ngrams > 1 && !remember(w, words++, h)) return false;
        if (mark) break; /* ends the example, also in the middle of a text */
    }
    /* fastText keeps hashes as signed numbers and widens them with their sign. */
    for (size_t i = 0; i < words; i++) {
        uint64_t h = (uint64_t)(int64_t)w->hash[i];
        for (size_t j = i + 1; j < words && j < i + ngrams; j++) {
            h = h * 116049371 + (uint64_t)(int64_t)w->hash[j];
            add_bucket(s, (uint32_t)(h % (uint64_t)s->f->bucket));
        }
    }
    return true;
}

/* ---- losses ---- */

static float log_of(double x)
{
    return (float)log(x + 1e-5);
}

/* fastText looks the sigmoid up in a table of 512 steps over [-8, 8]. */
static float sigmoid(float x)
{
    if (!(x >= -8)) return 0; /* also what is not a number */
    if (x > 8) return 1;
    double at = (double)(int64_t)((x + 8) * 512 / 8 / 2) * 2 * 8 / 512 - 8;
    return (float)(1 / (1 + exp(-at)));
}

static void softmax(float *p, int32_t n)
{
    float max = p[0], sum = 0;
    for (int32_t i = 0; i < n; i++)
        if (p[i] > max) max = p[i];
    for (int32_t i = 0; i < n; i++) {
        p[i] = expf(p[i] - max);
        sum += p[i];
    }
    for (int32_t i = 0; i < n; i++)
        p[i] /= sum;
}

/* Logarithms of the probabilities of all nodes, from the root down. */
static void walk_tree(const struct fasttext *f, const float *hidden, float *score, float *p)
{
    int32_t n = f->n_labels, root = 2 * n - 2;
    float least = log_of(0);
    score[root] = 0;
    for (int32_t i = root; i >= n; i--) {
        const struct ft_node *t = &f->tree[i];
        if (score[i] < least) {
            score[t->left] = score[t->right] = -INFINITY;
            continue;
        }
        float x = dot_row(&f->output, i - n, hidden);
        x = (float)(1. / (double)(1 + expf(-x)));
        score[t->left] = score[i] + log_of(1.0 - (double)x);
        score[t->right] = score[i] + log_of((double)x);
    }
    for (int32_t i = 0; i < n; i++)
        p[i] = score[i] >= least ? expf(score[i]) : 0;
}

static int reserve(const struct fasttext *f, struct fasttext_work *w, struct err *e)
{
    if (!w->hidden) w->hidden = mem_alloc((size_t)f->dim, sizeof *w->hidden);
    if (!w->score) w->score = mem_alloc(2 * (size_t)f->n_labels, sizeof *w->score);
    return w->hidden && w->score ? 0 : err_oom(e, (uint64_t)f->dim * 4, "a prediction");
}

int fasttext_predict(const struct fasttext *f, struct fasttext_work *w, const char *text, size_t n,
                     float *p, struct err *e)
{
    if (reserve(f, w, e)) return -1;
    struct sum s = {.f = f, .hidden = w->hidden};
    memset(w->hidden, 0, (size_t)f->dim * sizeof *w->hidden);
    memset(p, 0, (size_t)f->n_labels * sizeof *p);
    if (!add_text(&s, w, text, n)) return err_oom(e, w->hash_cap * 8, "the words of a document");
    if (!s.n) return 0;
    float scale = (float)(1.0 / (double)s.n);
    for (int32_t i = 0; i < f->dim; i++)
        w->hidden[i] *= scale;
    if (f->loss == FT_HS) {
        walk_tree(f, w->hidden, w->score, p);
        return 0;
    }
    for (int32_t i = 0; i < f->n_labels; i++)
        p[i] = dot_row(&f->output, i, w->hidden);
    if (f->loss == FT_SOFTMAX)
        softmax(p, f->n_labels);
    else
        for (int32_t i = 0; i < f->n_labels; i++)
            p[i] = sigmoid(p[i]);
    for (int32_t i = 0; i < f->n_labels; i++) /* through log_of and back, as predict does */
        p[i] = isnan(p[i]) ? 0 : (float)((double)p[i] + 1e-5);
    return 0;
}

void fasttext_work_free(struct fasttext_work *w)
{
    free(w->hidden);
    free(w->score);
    free(w->hash);
    memset(w, 0, sizeof *w);
}
