/* model_case.c - a whole model: logits, loss, every gradient, ten steps. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/model/decode.h"
#include "core/model/model.h"
#include "tests/golden/golden.h"

struct model_case {
    struct report *r;
    struct model_config c;
    struct params *p;
    struct safetensors *weights, *golden;
    struct cJSON *traj;
    int B, T, S;            /* S: source tokens a row, of an encoder-decoder */
    int32_t *tokens, *targets, *positions, *seg_start, *types;
    int32_t *src, *src_positions, *src_seg, *src_lo, *src_hi;
    int pad;
    int32_t *target_at;     /* of heads of whole texts: the token that stands for each row */
    float *values;          /* [B, labels], of regression */
    int32_t *len;           /* tokens of each row that are no padding */
    float *w;               /* loss weights */
    double sum_w;
    struct model_graph mg;
    struct exec *x;
    double worst;           /* gradient error so far */
    double grad_scale;      /* largest gradient element of the whole model */
    char worst_name[128];
    int n_grads;
};

static struct cJSON *read_json(const char *dir, const char *name, struct err *e)
{
    char *path = path_join(dir, name);
    struct cJSON *j = path ? json_read_file(path, NULL, e) : NULL;
    free(path);
    return j;
}

static struct safetensors *open_st(const char *dir, const char *name, struct err *e)
{
    char *path = path_join(dir, name);
    struct safetensors *s = path ? st_open(path, e) : NULL;
    free(path);
    return s;
}

static int load_tensor(void *arg, const struct hf_tensor *t, struct param *const *parts, int n_parts, struct err *e)
{
    struct model_case *m = arg;
    const char *name = st_find(m->weights, t->name) < 0 ? t->alias : t->name;
    int64_t n, want = 1;
    float *disk = read_f32(m->weights, name, &n);
    if (!disk && t->or_apart) return 1;
    if (!disk) return err_set(e, ERR_DATA, "model.safetensors has no '%s'", t->name);
    for (int i = 0; i < t->ndim; i++) want *= t->dim[i];
    int r = n == want ? model_hf_import(&m->c, t, parts, n_parts, disk, e)
                      : err_set(e, ERR_DATA, "'%s' has %lld elements, not %lld", name, (long long)n, (long long)want);
    free(disk);
    return r;
}

static int shape_of(const struct safetensors *s, const char *name, int *B, int *T, struct err *e)
{
    int i = st_find(s, name);
    if (i < 0) return err_set(e, ERR_DATA, "golden.safetensors has no %s", name);
    const struct st_tensor *t = st_tensor(s, i);
    if (t->ndim != 2 || t->dim[0] > 4096 || t->dim[1] > 65536) return err_set(e, ERR_DATA, "%s is no [B,T]", name);
    *B = (int)t->dim[0];
    *T = (int)t->dim[1];
    return 0;
}

static int alloc_batch(struct model_case *m, struct err *e)
{
    size_t N = (size_t)m->B * (size_t)m->T, M = (size_t)m->B * (size_t)(m->S ? m->S : m->T);
    int32_t *p = m->tokens = mem_zalloc(6 * N + 4 * M + (size_t)m->B, sizeof *p);
    m->w = mem_zalloc(N, sizeof *m->w);
    if (!p || !m->w) return err_oom(e, N * 24, "a batch");
    int32_t **of_tokens[] = {&m->tokens, &m->targets, &m->positions, &m->seg_start, &m->src_lo, &m->src_hi};
    int32_t **of_source[] = {&m->src, &m->src_positions, &m->src_seg, &m->types};
    for (size_t i = 0; i < COUNT_OF(of_tokens); i++, p += N) *of_tokens[i] = p;
    for (size_t i = 0; i < COUNT_OF(of_source); i++, p += M) *of_source[i] = p;
    m->len = p;
    return 0;
}

/* Row lengths by the mask; padding becomes a segment of its own. */
static void set_lengths(struct model_case *m, int T, int32_t *seg)
{
    float *mask = read_f32(m->golden, "in.attention_mask", NULL);
    for (int b = 0; b < m->B; b++) {
        m->len[b] = 0;
        for (int t = 0; t < T; t++) m->len[b] += !mask || mask[b * T + t] == 1;
        for (int t = 0; seg && t < T; t++) seg[b * T + t] = t < m->len[b] ? 0 : m->len[b];
    }
    free(mask);
}

/* Tokens, targets, positions and segments as Hugging Face has them: causal
 * models predict the next label, encoders the label itself. */
static void fill_plain(struct model_case *m, const float *ids, const float *labels, const float *pos, int64_t n_pos)
{
    bool causal = m->c.stack == STACK_DECODER;
    for (int k = 0; k < m->B * m->T; k++) {
        int at = k % m->T;
        m->tokens[k] = (int32_t)ids[k];
        int32_t y = !causal ? (int32_t)labels[k] : at + 1 < m->T ? (int32_t)labels[k + 1] : -100;
        m->targets[k] = y < 0 ? -1 : y;
        m->positions[k] = n_pos ? (int32_t)pos[k % n_pos] : at;
        /* A position that does not follow its predecessor starts another document. */
        bool start = at == 0 || m->positions[k] != m->positions[k - 1] + 1;
        m->seg_start[k] = start ? at : m->seg_start[k - 1];
    }
    set_lengths(m, m->T, causal ? NULL : m->seg_start);
}

/* Labels shifted right make the decoder's inputs. */
static void fill_pairs(struct model_case *m, const float *ids, const float *labels, int pad)
{
    for (int k = 0; k < m->B * m->S; k++) {
        m->src[k] = (int32_t)ids[k];
        m->src_positions[k] = k % m->S;
    }
    set_lengths(m, m->S, m->src_seg);
    for (int k = 0; k < m->B * m->T; k++) {
        int at = k % m->T;
        int32_t y = (int32_t)labels[k], before = at ? (int32_t)labels[k - 1] : m->c.decoder_start;
        m->tokens[k] = before < 0 ? pad : before;
        m->targets[k] = y < 0 ? -1 : y;
        m->positions[k] = at;
        m->src_hi[k] = m->len[k / m->T];
    }
}

/* One text a row: its label, or its values. */
static int fill_texts(struct model_case *m, const float *ids, const float *labels, int64_t n_labels, struct err *e)
{
    bool mse = m->c.score_loss == LOSS_MSE;
    int L = m->c.labels;
    int64_t want = mse ? (int64_t)m->B * L : m->B;
    if (n_labels != want)
        return err_set(e, ERR_DATA, "in.labels has %lld elements, not %lld", (long long)n_labels, (long long)want);
    m->target_at = mem_zalloc((size_t)m->B, sizeof *m->target_at);
    m->values = mem_zalloc((size_t)m->B * (size_t)L, sizeof *m->values);
    if (!m->target_at || !m->values) return err_oom(e, (size_t)m->B * (size_t)L * 4, "labels");
    for (int k = 0; k < m->B * m->T; k++) {
        m->tokens[k] = (int32_t)ids[k];
        m->positions[k] = k % m->T;
    }
    set_lengths(m, m->T, m->seg_start);
    for (int b = 0; b < m->B; b++) {
        m->target_at[b] = m->c.pool == POOL_LAST ? m->len[b] - 1 : 0;
        m->targets[b] = mse ? 1 : (int32_t)labels[b]; /* pairs: the first is better */
        m->w[b] = 1;
    }
    for (int64_t i = 0; mse && i < want; i++) m->values[i] = labels[i];
    m->sum_w = m->B;
    return 0;
}

static int load_batch(struct model_case *m, int pad, struct err *e)
{
    bool two = m->c.stack == STACK_ENCDEC;
    int B;
    if (shape_of(m->golden, "in.input_ids", &m->B, two ? &m->S : &m->T, e) ||
        (two && shape_of(m->golden, "in.labels", &B, &m->T, e)) || alloc_batch(m, e))
        return -1;
    int64_t n_ids = 0, n_labels = 0, n_pos = 0, n_types = 0;
    float *ids = read_f32(m->golden, "in.input_ids", &n_ids), *labels = read_f32(m->golden, "in.labels", &n_labels);
    float *pos = read_f32(m->golden, "in.position_ids", &n_pos), *types = read_f32(m->golden, "in.token_type_ids", &n_types);
    int r = -1;
    if (model_scores(&m->c)) {
        r = ids && labels ? fill_texts(m, ids, labels, n_labels, e)
                          : err_set(e, ERR_DATA, "in.input_ids or in.labels is missing");
        for (int64_t k = 0; !r && types && k < n_ids && n_types == n_ids; k++) m->types[k] = (int32_t)types[k];
        goto out;
    }
    if (!ids || !labels || n_labels != (int64_t)m->B * m->T || (types && n_types != n_ids)) {
        err_set(e, ERR_DATA, "in.input_ids and in.labels do not match");
        goto out;
    }
    if (two) fill_pairs(m, ids, labels, pad);
    else fill_plain(m, ids, labels, pos, n_pos);
    for (int64_t k = 0; types && k < n_types; k++) m->types[k] = (int32_t)types[k];
    for (int k = 0; k < m->B * m->T; k++) {
        /* rtd: padding asks no question */
        if (m->c.head == HEAD_RTD && k % m->T >= m->len[k / m->T]) m->targets[k] = -1;
        m->w[k] = m->targets[k] < 0 ? 0 : 1;
        m->sum_w += (double)m->w[k];
    }
    r = 0;
out:
    free(ids);
    free(labels);
    free(pos);
    free(types);
    return r;
}

static bool unsupported_input(struct model_case *m)
{
    int64_t n;
    float *mask = read_f32(m->golden, "in.attention_mask", &n);
    bool padded = false, causal = m->c.stack == STACK_DECODER;
    int B = 1, T = 1;
    struct err ignored;
    (void)shape_of(m->golden, "in.input_ids", &B, &T, &ignored);
    int experts;
    bool routed = causal && model_moe_layers(&m->c, &experts) > 0; /* routers count what is padding */
    /* Before a token; after the last one no token of a causal model sees it. */
    for (int64_t i = 0; mask && i < n; i++) padded |= mask[i] != 1 && (routed || ((i + 1) % T && mask[i + 1] == 1));
    free(mask);
    if (padded) report_skip(m->r, "padding in attention_mask is not supported yet");
    for (int i = 0; i < st_n(m->golden) && !padded; i++) {
        static const char *const known[] = {"in.input_ids", "in.labels", "in.position_ids", "in.attention_mask",
                                            "in.token_type_ids"};
        const char *name = st_tensor(m->golden, i)->name;
        bool ok = strncmp(name, "in.", 3) != 0;
        for (size_t k = 0; k < COUNT_OF(known); k++) ok |= strcmp(name, known[k]) == 0;
        if (ok) continue;
        report_skip(m->r, "input %s is not supported yet", name);
        return true;
    }
    return padded;
}

static int build(struct model_case *m, struct pool *pool, struct err *e)
{
    struct model_build b = {.opts = {.compute = DT_F32, .training = true, .rows = m->B, .T = m->T, .leaves = 1},
                            .want_loss = true, .want_logits = true, .S = m->S};
    bool scores = model_scores(&m->c);
    if (scores) b.targets_per_row = 1;
    m->c.dropout_embed = m->c.dropout_attn = m->c.dropout_resid = 0;
    if (model_build(&m->c, m->p, &b, &m->mg, e) || graph_backward(m->mg.g, m->mg.loss, e) ||
        graph_plan(m->mg.g, pool_threads(pool), e))
        return -1;
    m->x = exec_new(m->mg.g, pool, e);
    if (!m->x) return -1;
    int N = m->B * m->T, M = m->B * m->S, P = !scores ? N : m->c.score_loss == LOSS_PAIRS ? m->B / 2 : m->B;
    const struct {
        const char *name;
        const void *data;
        int n;
    } in[] = {{"tokens", m->tokens, N}, {"targets", m->targets, P}, {"seg_start", m->seg_start, N}, {"weights", m->w, P},
              {"target_at", m->target_at, m->B}, {"target_end", m->len, m->B}, {"values", m->values, m->B * m->c.labels},
              {"positions", m->positions, N}, {"src_tokens", m->src, M}, {"src_positions", m->src_positions, M},
              {"src_seg_start", m->src_seg, M}, {"src_lo", m->src_lo, N}, {"src_hi", m->src_hi, N},
              {"types", m->types, m->S ? M : N}};
    for (size_t i = 0; i < COUNT_OF(in); i++) {
        void *to = exec_input(m->x, in[i].name);
        if (to) memcpy(to, in[i].data, (size_t)in[i].n * 4);
    }
    return 0;
}

static int step(struct model_case *m, double *loss, struct err *e)
{
    struct run_args a = {.loss_scale = (float)(1 / m->sum_w), .grads = true};
    if (exec_run(m->x, &a, e)) return -1;
    *loss = (double)((const float *)m->mg.loss->data)[0] / m->sum_w;
    if (m->mg.router_loss)
        for (int i = 0; i < 2; i++) *loss += (double)((const float *)m->mg.router_loss->data)[i];
    return 0;
}

/* The gradient in the file's layout, through the exporter. */
static int compare_grad(void *arg, const struct hf_tensor *t, struct param *const *parts, int n_parts, struct err *e)
{
    struct model_case *m = arg;
    struct param copy[3], *ptr[3];
    char name[160];
    int64_t n;
    snprintf(name, sizeof name, "grad.%s", t->name);
    if (st_find(m->golden, name) < 0) snprintf(name, sizeof name, "grad.%s", t->alias);
    float *want = read_f32(m->golden, name, &n);
    if (!want) return 0;
    for (int i = 0; i < n_parts; i++) {
        copy[i] = *parts[i];
        copy[i].data = parts[i]->grad;
        copy[i].dtype = DT_F32;
        ptr[i] = &copy[i];
    }
    float *got = mem_alloc((size_t)n, sizeof *got);
    int r = got ? model_hf_export(&m->c, t, ptr, n_parts, got, e) : err_oom(e, (size_t)n * 4, "a gradient");
    if (r == 0) {
        /* The floor: gradients that vanish by symmetry (of a key's bias) are
         * rounding noise; with the tolerance two ulps of the largest gradient. */
        double err = rel_error(got, want, n, 2e-3 * m->grad_scale);
        if (!(err <= m->worst)) {
            m->worst = err;
            snprintf(m->worst_name, sizeof m->worst_name, "%s", t->name);
        }
        m->n_grads++;
    }
    free(got);
    free(want);
    return r;
}

static int compare_grads(struct model_case *m, struct err *e)
{
    int wanted = 0;
    for (int i = 0; i < st_n(m->golden); i++) {
        const char *name = st_tensor(m->golden, i)->name;
        if (strncmp(name, "grad.", 5)) continue;
        int64_t n;
        float *x = read_f32(m->golden, name, &n);
        if (x) m->grad_scale = fmax(m->grad_scale, max_abs(x, n));
        free(x);
        wanted++;
    }
    if (model_hf_visit(&m->c, m->p, compare_grad, m, e)) return -1;
    if (wanted != m->n_grads) report_fail(m->r, "%d of %d gradients have a counterpart", m->n_grads, wanted);
    if (wanted) report_error(m->r, "gradients", m->worst, tol_grad, m->worst_name);
    return 0;
}

/* AdamW on everything, as the case's key says: lr 1e-3, betas .9 .95, eps
 * 1e-8, decay .1 on every parameter, clipping at 1. */
static void adamw_step(struct model_case *m, int t, double norm)
{
    double scale = fmin(1, 1 / (norm + 1e-6)), b1 = 0.9, b2 = 0.95;
    for (int i = 0; i < m->p->n; i++) {
        struct param *p = m->p->v[i];
        if (p->flags & PARAM_FROZEN) continue;
        kernels_get()->adamw(p->data, p->m, p->v, p->grad, (size_t)p->n, (float)scale, 1e-3f, (float)b1, (float)b2,
                             1e-8f, 0.1f, (float)(1 - pow(b1, t)), (float)(1 - pow(b2, t)));
    }
}

static int compare_trajectory(struct model_case *m, struct pool *pool, double loss, struct err *e)
{
    const struct cJSON *steps = m->traj ? json_member(m->traj, "adamw_lr1e3_b9_95_wd01_clip1") : NULL, *s;
    if (!steps) return 0;
    double worst = 0;
    int t = 0, at = 0;
    cJSON_ArrayForEach(s, steps)
    {
        const struct cJSON *l = cJSON_GetArrayItem(s, 0), *g = cJSON_GetArrayItem(s, 1);
        if (!cJSON_IsNumber(l) || !cJSON_IsNumber(g)) return err_set(e, ERR_DATA, "traj.json: bad step");
        if (t > 0 && step(m, &loss, e)) return -1;
        t++;
        double norm = grads_norm(m->p, pool);
        double err = fmax(fabs(loss / l->valuedouble - 1), fabs(norm / g->valuedouble - 1));
        if (!(err <= worst)) {
            worst = isnan(err) ? HUGE_VAL : err;
            at = t;
        }
        adamw_step(m, t, norm);
    }
    char where[32];
    snprintf(where, sizeof where, "step %d", at);
    report_error(m->r, "trajectory", worst, tol_traj, where);
    return 0;
}

/* The decoder over the first rows of the batch: half of a row at once, the rest token by token. */
static int compare_decoder(struct model_case *m, struct pool *pool, const float *logits, struct err *e)
{
    int V = m->c.vocab, T = m->T, half = T / 2;
    bool two = m->c.stack == STACK_ENCDEC,
         plain = m->c.stack != STACK_ENCODER && !model_scores(&m->c) && !m->c.embed_types && T >= 2;
    for (int k = 0; k < m->B * T && !two; k++) plain &= m->positions[k] == k % T;
    for (int b = 0; b < m->B && two; b++) plain &= m->len[b] == m->S;
    if (!plain) return 0;
    struct decoder *d = decoder_new(&m->c, m->p, DT_F32, 1, T > m->S ? T : m->S, pool, e);
    float *got = d ? mem_alloc((size_t)T * (size_t)V, sizeof *got) : NULL;
    int r = got ? 0 : d ? err_oom(e, (size_t)T * 4, "logits") : -1, seq = 0;
    double worst = 0;
    for (int b = 0; b < m->B && !r; b++) {
        const int32_t *ids = m->tokens + b * T;
        decoder_truncate(d, 0, 0);
        if (two) r = decoder_source(d, 0, m->src + b * m->S, m->S, e);
        if (!r) r = decoder_prefill(d, 0, ids, half, got, DECODE_ALL, e);
        for (int t = half; t < T && !r; t++) r = decoder_step(d, 1, &seq, ids + t, got + (int64_t)t * V, e);
        if (!r) worst = fmax(worst, rel_error(got, logits + (int64_t)b * T * V, (int64_t)T * V, 0));
    }
    if (!r) report_error(m->r, "decoder", worst, tol_forward, "");
    free(got);
    decoder_free(d);
    return r;
}

static int compare(struct model_case *m, struct pool *pool, struct err *e)
{
    double loss;
    int64_t n, n_loss;
    if (step(m, &loss, e)) return -1;
    float *logits = read_f32(m->golden, "logits", &n), *want = read_f32(m->golden, "loss", &n_loss);
    if (logits && model_scores(&m->c)) {
        if (n != (int64_t)m->B * m->c.labels) report_fail(m->r, "logits have another shape");
        else report_error(m->r, "logits", rel_error(m->mg.logits->data, logits, n, 0), tol_forward, "");
    } else if (logits) {
        int64_t V = m->c.head == HEAD_RTD ? 1 : m->c.vocab;
        float *got = m->mg.logits->data;
        /* What padding says is no one's business. */
        for (int64_t k = 0; !m->S && n == (int64_t)m->B * m->T * V && k < (int64_t)m->B * m->T; k++)
            if (k % m->T >= m->len[k / m->T]) memcpy(got + k * V, logits + k * V, (size_t)V * sizeof *got);
        if (n != (int64_t)m->B * m->T * V) report_fail(m->r, "logits have another shape");
        else report_error(m->r, "logits", rel_error(got, logits, n, 0), tol_forward, "");
        if (n == (int64_t)m->B * m->T * V && compare_decoder(m, pool, logits, e)) {
            free(logits);
            free(want);
            return -1;
        }
    }
    if (want) report_error(m->r, "loss", fabs(loss / (double)want[0] - 1), tol_forward, "");
    free(logits);
    free(want);
    if (compare_grads(m, e)) return -1;
    return compare_trajectory(m, pool, loss, e);
}

static int run(struct model_case *m, const char *dir, struct pool *pool, struct err *e)
{
    m->weights = open_st(dir, "model.safetensors", e);
    m->golden = m->weights ? open_st(dir, "golden.safetensors", e) : NULL;
    if (!m->golden) return -1;
    if (unsupported_input(m)) return 0;
    char *traj = path_join(dir, "traj.json");
    if (traj && file_exists(traj)) m->traj = json_read_file(traj, NULL, e);
    free(traj);
    if (load_batch(m, m->pad, e)) return -1;
    m->p = params_new(e);
    if (!m->p || model_declare(&m->c, m->p, DT_F32, e) || params_alloc(m->p, true, e) ||
        model_hf_visit(&m->c, m->p, load_tensor, m, e) || build(m, pool, e))
        return -1;
    return compare(m, pool, e);
}

/* Both models of ELECTRA have one model_type; a case has no "architectures". */
static void name_architecture(struct cJSON *hf, const char *dir)
{
    struct err ignored;
    struct safetensors *s = open_st(dir, "model.safetensors", &ignored);
    if (s && st_find(s, "generator_predictions.dense.weight") >= 0 && !json_member(hf, "architectures")) {
        struct cJSON *list = cJSON_AddArrayToObject(hf, "architectures");
        if (list) cJSON_AddItemToArray(list, cJSON_CreateString("ElectraForMaskedLM"));
    }
    st_close(s);
}

void run_model_case(const char *dir, struct pool *pool, struct report *r)
{
    struct err e;
    struct model_case *m = mem_zalloc(1, sizeof *m);
    struct cJSON *hf = read_json(dir, "config.json", &e);
    if (!m || !hf) {
        report_fail(r, "%s", m ? e.msg : "out of memory");
    } else {
        m->r = r;
        name_architecture(hf, dir);
        const struct cJSON *pad = json_member(hf, "pad_token_id");
        m->pad = cJSON_IsNumber(pad) ? (int)pad->valuedouble : 0;
        if (model_config_from_hf(&m->c, hf, "config.json", &e) == 0) {
            if (run(m, dir, pool, &e)) report_fail(r, "%s", e.msg);
        } else if (strstr(e.msg, "not supported")) {
            report_skip(r, "%s", e.msg);
        } else {
            report_fail(r, "%s", e.msg);
        }
        exec_free(m->x);
        graph_free(m->mg.g);
        params_free(m->p);
        st_close(m->weights);
        st_close(m->golden);
        json_free(m->traj);
        free(m->tokens);
        free(m->target_at);
        free(m->values);
        free(m->w);
    }
    json_free(hf);
    free(m);
}
