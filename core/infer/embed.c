#include "core/infer/embed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

struct text {
    int first, n;     /* in ids */
    int row, at;      /* where it lies in the batch */
};

struct embedder {
    const struct model_config *c;
    struct params *p;
    enum dtype dt;
    int tokens, max_length;
    struct pool *pool;
    int32_t *ids;     /* [tokens] of the texts taken */
    int32_t *types;
    int n_ids;
    struct text *text;
    int n_texts;
    /* the graph of the last batch, for one of the same shape */
    struct model_graph mg;
    struct exec *x;
    int rows, T, M;   /* M: texts a row that its head tells of; 0 = hidden states only */
};

enum { SHORTEST_ROW = 16 };

struct embedder *embedder_new(const struct model_config *c, struct params *p, enum dtype dt, int tokens, int max_length,
                              struct pool *pool, struct err *e)
{
    if (max_length < 1 || max_length > c->max_pos || tokens < max_length) {
        err_set(e, ERR_CONFIG, "texts of %d tokens, %d at a time, of a model with %d positions", max_length, tokens,
                c->max_pos);
        return NULL;
    }
    struct embedder *m = mem_zalloc(1, sizeof *m);
    if (m) {
        *m = (struct embedder){.c = c, .p = p, .dt = dt, .tokens = tokens, .max_length = max_length, .pool = pool};
        m->ids = mem_alloc((size_t)tokens, sizeof *m->ids);
        m->types = mem_alloc((size_t)tokens, sizeof *m->types);
        m->text = mem_alloc((size_t)tokens, sizeof *m->text);
    }
    if (m && m->ids && m->types && m->text) return m;
    err_oom(e, (size_t)tokens * sizeof(struct text), "embeddings");
    embedder_free(m);
    return NULL;
}

static void drop_graph(struct embedder *m)
{
    exec_free(m->x);
    graph_free(m->mg.g);
    m->x = NULL;
    m->mg.g = NULL;
}

void embedder_free(struct embedder *m)
{
    if (!m) return;
    drop_graph(m);
    free(m->ids);
    free(m->types);
    free(m->text);
    free(m);
}

bool embedder_add(struct embedder *m, const int32_t *ids, const int32_t *types, int n)
{
    if (n > m->max_length) n = m->max_length;
    if (n > m->tokens - m->n_ids) return false;
    memcpy(m->ids + m->n_ids, ids, (size_t)n * sizeof *ids);
    for (int i = 0; i < n; i++) m->types[m->n_ids + i] = types ? types[i] : 0;
    m->text[m->n_texts++] = (struct text){.first = m->n_ids, .n = n};
    m->n_ids += n;
    return true;
}

int embedder_count(const struct embedder *m)
{
    return m->n_texts;
}

/* Row length: a power of two, so that few shapes occur; then texts side by side in order. */
static void lay_out(struct embedder *m, int *rows, int *T)
{
    int longest = 1, row = 0, at = 0;
    for (int i = 0; i < m->n_texts; i++)
        if (m->text[i].n > longest) longest = m->text[i].n;
    for (*T = SHORTEST_ROW; *T < longest; *T *= 2) {}
    if (*T > m->max_length) *T = m->max_length;
    for (int i = 0; i < m->n_texts; i++) {
        struct text *t = &m->text[i];
        if (at + t->n > *T) row++, at = 0;
        t->row = row;
        t->at = at;
        at += t->n;
    }
    *rows = row + 1;
}

static int use_graph(struct embedder *m, int rows, int T, int M, struct err *e)
{
    bool head = M <= m->M && !M == !m->M;
    if (m->x && T == m->T && head && rows <= m->rows && 2 * rows > m->rows) return 0;
    drop_graph(m);
    bool two = m->c->stack == STACK_ENCDEC;
    struct model_build o = {.opts = {.compute = m->dt, .rows = rows, .T = two ? 1 : T, .leaves = 1},
                            .S = two ? T : 0, .encoder_only = two, .want_logits = M > 0, .targets_per_row = M};
    if (model_build(m->c, m->p, &o, &m->mg, e)) return -1;
    if (graph_plan(m->mg.g, pool_threads(m->pool), e) || !(m->x = exec_new(m->mg.g, m->pool, e))) return -1;
    m->rows = rows;
    m->T = T;
    m->M = M;
    return 0;
}

/* What lies behind the texts of a row is a segment of its own. */
static void fill(struct embedder *m)
{
    bool two = m->c->stack == STACK_ENCDEC;
    int32_t *tokens = exec_input(m->x, two ? "src_tokens" : "tokens"), *types = exec_input(m->x, "types");
    int32_t *pos = exec_input(m->x, two ? "src_positions" : "positions"),
            *seg = exec_input(m->x, two ? "src_seg_start" : "seg_start");
    int N = m->rows * m->T;
    for (int i = 0; i < N; i++) {
        tokens[i] = 0;
        if (pos) pos[i] = 0;
        if (seg) seg[i] = i % m->T;
        if (types) types[i] = 0;
    }
    for (int k = 0; k < m->n_texts; k++) {
        const struct text *t = &m->text[k];
        for (int i = 0; i < t->n; i++) {
            int at = t->row * m->T + t->at + i;
            tokens[at] = m->ids[t->first + i];
            if (pos) pos[at] = i;
            if (seg) seg[at] = t->at;
            if (types) types[at] = m->types[t->first + i];
        }
    }
}

static void load_state(const struct embedder *m, int at, float *to)
{
    const struct tensor *h = m->mg.hidden;
    size_t C = (size_t)m->c->d_model;
    if (h->dtype == DT_F32) memcpy(to, (const float *)h->data + (size_t)at * C, C * sizeof *to);
    else kernels_get()->f32_from_bf16(to, (const uint16_t *)h->data + (size_t)at * C, C);
}

static void pool_text(const struct embedder *m, const struct text *t, enum embed_pool how, bool normalize, float *out,
                      float *tmp)
{
    const struct kernels *k = kernels_get();
    size_t C = (size_t)m->c->d_model;
    int at = t->row * m->T + t->at;
    load_state(m, how == EMBED_LAST ? at + t->n - 1 : at, out);
    for (int i = 1; how == EMBED_MEAN && i < t->n; i++) {
        load_state(m, at + i, tmp);
        k->add(out, out, tmp, C);
    }
    if (how == EMBED_MEAN) k->scale(out, 1.0f / (float)t->n, out, C);
    if (!normalize) return;
    float norm = sqrtf(k->sumsq(out, C));
    if (norm > 0) k->scale(out, 1.0f / norm, out, C);
}

int embedder_run(struct embedder *m, enum embed_pool how, bool normalize, float *out, struct err *e)
{
    int rows, T;
    if (!m->n_texts) return 0;
    lay_out(m, &rows, &T);
    float *tmp = mem_alloc((size_t)m->c->d_model, sizeof *tmp);
    if (!tmp) return err_oom(e, (size_t)m->c->d_model * sizeof *tmp, "embeddings");
    int r = use_graph(m, rows, T, 0, e);
    if (r == 0) {
        fill(m);
        r = exec_run(m->x, &(struct run_args){.loss_scale = 1}, e);
    }
    for (int i = 0; r == 0 && i < m->n_texts; i++)
        pool_text(m, &m->text[i], how, normalize, out + (int64_t)i * m->c->d_model, tmp);
    m->n_texts = m->n_ids = 0;
    free(tmp);
    return r;
}

/* Texts of the fullest row, as a power of two: few shapes occur. */
static int texts_a_row(const struct embedder *m)
{
    int most = 1, n = 0, M = 1;
    for (int k = 0; k < m->n_texts; k++) {
        n = k && m->text[k].row == m->text[k - 1].row ? n + 1 : 1;
        if (n > most) most = n;
    }
    while (M < most) M *= 2;
    return M;
}

/* Which tokens stand for each text; its logits come to be at place[k]. */
static void choose_tokens(struct embedder *m, int *place)
{
    int32_t *at = exec_input(m->x, "target_at"), *end = exec_input(m->x, "target_end");
    int n = 0;
    for (int i = 0; i < m->rows * m->M; i++) at[i] = -1;
    for (int k = 0; k < m->n_texts; k++) {
        const struct text *t = &m->text[k];
        n = k && t->row == t[-1].row ? n + 1 : 0;
        place[k] = t->row * m->M + n;
        at[place[k]] = m->c->pool == POOL_LAST ? t->at + t->n - 1 : t->at;
        if (end) end[place[k]] = t->at + t->n;
    }
}

int embedder_score(struct embedder *m, float *out, struct err *e)
{
    int rows, T;
    if (!model_scores(m->c)) return err_set(e, ERR_CONFIG, "the model has no head that tells of whole texts");
    if (!m->n_texts) return 0;
    lay_out(m, &rows, &T);
    int *place = mem_alloc((size_t)m->n_texts, sizeof *place);
    if (!place) return err_oom(e, (size_t)m->n_texts * sizeof *place, "scores");
    int r = use_graph(m, rows, T, texts_a_row(m), e);
    if (r == 0) {
        fill(m);
        choose_tokens(m, place);
        r = exec_run(m->x, &(struct run_args){.loss_scale = 1}, e);
    }
    size_t L = (size_t)m->c->labels;
    for (int k = 0; r == 0 && k < m->n_texts; k++)
        memcpy(out + (size_t)k * L, (const float *)m->mg.logits->data + (size_t)place[k] * L, L * sizeof *out);
    m->n_texts = m->n_ids = 0;
    free(place);
    return r;
}
