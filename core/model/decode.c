#include "core/model/decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/decode_internal.h"

/* ---- creation ---- */

void *decode_take(struct decoder *d, size_t count, size_t size)
{
    size_t bytes;
    if (d->failed || !ck_mul(count, size, &bytes)) {
        d->failed = true;
        return NULL;
    }
    if (!mem_room(&d->owned, &d->cap_owned, d->n_owned + 1, sizeof *d->owned)) {
        d->failed = true;
        return NULL;
    }
    void *p = mem_alloc_aligned(bytes ? bytes : 64);
    d->failed = !p;
    if (!p) return NULL;
    d->owned[d->n_owned++] = p;
    d->bytes += (int64_t)bytes;
    return p;
}

const void *decode_weight(struct decoder *d, const struct param *p)
{
    if (!p) return NULL;
    d->weight_bytes += p->n * (int64_t)dtype_size(d->dt);
    if (p->dtype == d->dt) return p->data;
    char *copy = d->convert_at;
    if (!copy) return NULL;
    if (d->dt == DT_BF16) d->k->bf16_from_f32((uint16_t *)(void *)copy, p->data, (size_t)p->n);
    else d->k->f32_from_bf16((float *)(void *)copy, p->data, (size_t)p->n);
    d->convert_at += ((size_t)p->n * dtype_size(d->dt) + 63) / 64 * 64;
    return copy;
}

const float *decode_f32(struct decoder *d, const struct param *p, float add)
{
    if (!p) return NULL;
    bool table = p->ndim >= 2 && d->dt == DT_BF16; /* as the file would have it in bf16 */
    if (p->dtype == DT_F32 && add == 0 && !table) return p->data;
    float *copy = decode_take(d, (size_t)p->n, sizeof *copy);
    if (!copy) return NULL;
    if (p->dtype == DT_F32) memcpy(copy, p->data, (size_t)p->n * sizeof *copy);
    else d->k->f32_from_bf16(copy, p->data, (size_t)p->n);
    for (int64_t i = 0; add != 0 && i < p->n; i++) copy[i] += add;
    uint16_t half[64];
    for (int64_t i = 0; table && p->dtype == DT_F32 && i < p->n; i += 64) {
        size_t n = (size_t)(p->n - i < 64 ? p->n - i : 64);
        d->k->bf16_from_f32(half, copy + i, n);
        d->k->f32_from_bf16(copy + i, half, n);
    }
    return copy;
}

static const float *vector(const struct param *p)
{
    return p ? p->data : NULL;
}

static int check_params(const struct params *p, struct err *e)
{
    for (int i = 0; i < p->n; i++) {
        const struct param *q = p->v[i];
        if (!q->data) return err_set(e, ERR_INTERNAL, "parameter '%s' has no data", q->name);
        if (q->dtype != DT_F32 && (q->ndim < 2 || q->dtype != DT_BF16))
            return err_set(e, ERR_INTERNAL, "parameter '%s' is %s", q->name, dtype_name(q->dtype));
    }
    return 0;
}

/* One block for all matrices that need another type; the encoder's are its graph's business. */
static void reserve_conversion(struct decoder *d, const struct bound *b)
{
    size_t total = 0;
    for (int layer = -1; layer < b->n_layers; layer++) {
        if (layer >= 0 && layer < d->first) continue;
        for (int r = 0; r < SLOT_N; r++) {
            const struct param *p = bound_at(b, layer, (enum slot_role)r);
            if (p && p->ndim >= 2 && p->dtype != d->dt) total += ((size_t)p->n * dtype_size(d->dt) + 63) / 64 * 64;
        }
    }
    if (total) d->convert_at = decode_take(d, total, 1);
}

/* Of all experts' weights a step reads those of top_k. */
static const void *expert_weight(struct decoder *d, const struct param *p, const struct moe_config *m)
{
    if (!p) return NULL;
    const void *w = decode_weight(d, p);
    d->weight_bytes -= p->n / m->experts * (m->experts - m->top_k) * (int64_t)dtype_size(d->dt);
    return w;
}

static void bind_experts(struct decoder *d, const struct bound *b, int i)
{
    struct dec_layer *l = &d->layer[i - d->first];
    const struct moe_config *m = &l->k->moe;
    l->router_w = vector(bound_at(b, i, SLOT_ROUTER_W));
    l->ssig_w = vector(bound_at(b, i, SLOT_SSIG_W));
    l->eup_w = expert_weight(d, bound_at(b, i, SLOT_EUP_W), m);
    l->edown_w = expert_weight(d, bound_at(b, i, SLOT_EDOWN_W), m);
    l->sgate_w = decode_weight(d, bound_at(b, i, SLOT_SGATE_W));
    l->sup_w = decode_weight(d, bound_at(b, i, SLOT_SUP_W));
    l->sdown_w = decode_weight(d, bound_at(b, i, SLOT_SDOWN_W));
}

static bool is_norm(int r)
{
    static const enum slot_role norms[] = {SLOT_NORM1_W, SLOT_POST1_W, SLOT_XNORM_W, SLOT_POSTX_W, SLOT_NORM2_W,
                                           SLOT_POST2_W, SLOT_QNORM, SLOT_KNORM};
    for (size_t i = 0; i < COUNT_OF(norms); i++)
        if (r == (int)norms[i]) return true;
    return false;
}

static void bind_cross(struct decoder *d, const struct bound *b, int i)
{
    struct dec_layer *l = &d->layer[i - d->first];
    if (!l->k->cross) return;
    l->xq_w = decode_weight(d, bound_at(b, i, SLOT_XQ_W));
    l->xo_w = decode_weight(d, bound_at(b, i, SLOT_XO_W));
    int64_t read = d->weight_bytes;
    l->xkv_w[0] = decode_weight(d, bound_at(b, i, SLOT_XK_W));
    l->xkv_w[1] = decode_weight(d, bound_at(b, i, SLOT_XV_W));
    d->weight_bytes = read; /* once a source, not in a step */
}

/* i counts all layers, those of an encoder too. */
static void bind_layer(struct decoder *d, const struct bound *b, int i)
{
    struct dec_layer *l = &d->layer[i - d->first];
    const struct block_config *k = l->k = model_block(&d->c, i);
    int kv = k->kv_heads * k->head_dim;
    l->qkv_n[0] = k->heads * k->head_dim;
    l->qkv_n[1] = l->qkv_n[2] = kv;
    for (unsigned t = 0; t < 3; t++) {
        l->qkv_w[t] = decode_weight(d, bound_at(b, i, SLOT_Q_W + t));
        l->qkv_b[t] = vector(bound_at(b, i, SLOT_Q_B + t));
    }
    l->o_w = decode_weight(d, bound_at(b, i, SLOT_O_W));
    l->gate_w = decode_weight(d, bound_at(b, i, SLOT_GATE_W));
    l->up_w = decode_weight(d, bound_at(b, i, SLOT_UP_W));
    l->down_w = decode_weight(d, bound_at(b, i, SLOT_DOWN_W));
    bind_experts(d, b, i);
    static const enum slot_role latent[] = {SLOT_MLA_QA, SLOT_MLA_QB, SLOT_MLA_KVA, SLOT_MLA_KR, SLOT_MLA_KVB};
    for (size_t t = 0; t < COUNT_OF(latent); t++) l->mla_w[t] = decode_weight(d, bound_at(b, i, latent[t]));
    decode_bind_rwkv(d, b, i);
    bind_cross(d, b, i);
    for (int r = 0; r < SLOT_N; r++) {
        const struct param *p = bound_at(b, i, (enum slot_role)r);
        if (p && p->ndim == 1) l->vec[r] = decode_f32(d, p, k->norm_plus_one && is_norm(r) ? 1 : 0);
    }
}

/* Cache of one layer: [seq][k, v][Hk][max_len][D], of mla [seq][max_len][latent]; and one more for the source. */
static bool layer_cache_elements(const struct block_config *k, int max_seqs, int max_len, size_t *n)
{
    size_t head;
    struct cache_shape s = cache_shape(k);
    return ck_mul((size_t)max_len, (size_t)s.width, &head) && ck_mul(head, (size_t)(s.parts * s.heads), n) &&
           ck_mul(*n, (size_t)max_seqs, n);
}

int64_t decoder_cache_bytes(const struct model_config *c, enum dtype dt, int max_seqs, int max_len)
{
    size_t total = 0, n;
    for (int i = c->n_enc_blocks; i < c->n_blocks; i++)
        if (!layer_cache_elements(&c->block[i], max_seqs, max_len, &n) ||
            !ck_mul(n, (size_t)c->block[i].repeat * dtype_size(dt) * (c->block[i].cross ? 2 : 1), &n) ||
            !ck_add(total, n, &total) ||
            !ck_mul(decode_state_floats(c, &c->block[i]) * sizeof(float), (size_t)max_seqs, &n) ||
            !ck_mul(n, (size_t)c->block[i].repeat, &n) || !ck_add(total, n, &total))
            return -1;
    return total > INT64_MAX ? -1 : (int64_t)total;
}

static void make_cache(struct decoder *d)
{
    char *base = decode_take(d, (size_t)decoder_cache_bytes(&d->c, d->dt, d->max_seqs, d->max_len), 1);
    for (int i = 0; i < d->n_layers && base; i++) {
        size_t n = 0;
        d->layer[i].cache = base;
        (void)layer_cache_elements(d->layer[i].k, d->max_seqs, d->max_len, &n);
        base += n * dtype_size(d->dt);
        if (!d->layer[i].k->cross) continue;
        d->layer[i].source = base;
        base += n * dtype_size(d->dt);
    }
}

/* Slots of the largest layer with experts. */
static void make_moe_scratch(struct decoder *d)
{
    size_t M = (size_t)d->rows, C = (size_t)d->c.d_model, slots = 0, F = 0, E = 0;
    for (int i = 0; i < d->c.n_blocks; i++) {
        const struct block_config *k = &d->c.block[i];
        if (k->ffn != FFN_MOE) continue;
        if (M * (size_t)k->moe.top_k > slots) slots = M * (size_t)k->moe.top_k;
        if ((size_t)k->d_ff > F) F = (size_t)k->d_ff;
        if ((size_t)k->moe.experts > E) E = (size_t)k->moe.experts;
    }
    if (!slots) return;
    struct dec_moe *m = &d->moe;
    m->x = decode_take(d, slots * C, sizeof *m->x);
    m->h = decode_take(d, slots * F, sizeof *m->h);
    m->h2 = decode_take(d, slots * F, sizeof *m->h2);
    m->y = decode_take(d, slots * C, sizeof *m->y);
    m->half = d->dt == DT_F32 ? NULL : decode_take(d, slots * (C > F ? C : F), sizeof *m->half);
    m->weights = decode_take(d, slots, sizeof *m->weights);
    m->ids = decode_take(d, slots, sizeof *m->ids);
    m->place = decode_take(d, slots, sizeof *m->place);
    m->active = decode_take(d, E, sizeof *m->active);
}

/* Scratch for `rows` rows and each thread, by the largest block. */
static void make_scratch(struct decoder *d)
{
    const struct model_config *c = &d->c;
    size_t M = (size_t)d->rows, C = (size_t)c->d_model, qkv = 0, heads = 0, ff = 0, attn = 0, G = 1;
    for (int i = 0; i < c->n_blocks; i++) {
        const struct block_config *k = &c->block[i];
        bool attends = k->mixer < MIX_RWKV4;
        size_t q = attends && k->mixer != MIX_MLA ? (size_t)(k->heads + 2 * k->kv_heads) * (size_t)k->head_dim : 0;
        size_t h = (size_t)(k->heads * k->head_dim);
        size_t ws =
            !attends ? 0
                     : d->k->attn_ws_bytes(d->rows, d->max_len, k->head_dim, k->pos == POS_SHAW ? k->clip : 0, false);
        if (q > qkv) qkv = q;
        if (h > heads) heads = h;
        size_t f = (size_t)k->d_ff, shared = k->ffn == FFN_MOE ? (size_t)moe_shared_width(k) : 0;
        if (shared > f) f = shared;
        if (f > ff) ff = f;
        if (ws > attn) attn = ws;
        if ((size_t)k->heads > G) G = (size_t)k->heads;
    }
    size_t widest = C > heads ? C : heads;
    if (ff > widest) widest = ff;
    for (int i = 0; i < c->n_blocks; i++) {
        const struct mla_config *a = &c->block[i].mla;
        if ((size_t)a->q_rank > widest) widest = (size_t)a->q_rank;
        if ((size_t)a->kv_rank > widest) widest = (size_t)a->kv_rank;
    }
    for (int i = 0; i < c->n_blocks; i++)
        if (decode_largest_rank(&c->block[i]) > widest) widest = decode_largest_rank(&c->block[i]);
    d->x = decode_take(d, M * C, sizeof(float));
    d->h = decode_take(d, M * C, sizeof(float));
    d->t = decode_take(d, M * C, sizeof(float));
    d->qkv = decode_take(d, M * qkv, sizeof(float));
    d->q = decode_take(d, M * heads, dtype_size(d->dt));
    d->att = decode_take(d, M * heads, dtype_size(d->dt));
    d->att32 = d->dt == DT_F32 ? d->att : decode_take(d, M * heads, sizeof(float));
    d->ff = decode_take(d, M * ff, sizeof(float));
    d->ff2 = decode_take(d, M * ff, sizeof(float));
    d->half = d->dt == DT_F32 ? NULL : decode_take(d, M * widest, sizeof(uint16_t));
    d->slopes = decode_take(d, G, sizeof(float));
    make_moe_scratch(d);
    size_t panel = d->k->packed_bytes(d->dt, (int)widest, DECODE_PANEL);
    d->ws_bytes = (attn > d->k->gemm_ws_bytes ? attn : d->k->gemm_ws_bytes) + 63;
    d->ws_bytes -= d->ws_bytes % 64;
    d->panel_bytes = (panel + 63) / 64 * 64;
    d->ws = decode_take(d, (d->ws_bytes + d->panel_bytes) * (size_t)pool_threads(d->pool), 1);
    d->len = mem_zalloc((size_t)d->max_seqs, sizeof *d->len);
    d->source_len = mem_zalloc((size_t)d->max_seqs, sizeof *d->source_len);
    d->spans = mem_alloc((size_t)d->rows, sizeof *d->spans);
    d->row_pos = mem_alloc((size_t)d->rows, sizeof *d->row_pos);
    d->row_seq = mem_alloc((size_t)d->rows, sizeof *d->row_seq);
    d->lost = mem_zalloc((size_t)d->max_seqs, sizeof *d->lost);
    if (!d->len || !d->lost || !d->source_len || !d->spans || !d->row_pos || !d->row_seq) d->failed = true;
}

static int create(struct decoder *d, const struct params *p, struct err *e)
{
    struct bound b;
    const struct model_config *c = &d->c;
    d->layer = mem_zalloc((size_t)d->n_layers, sizeof *d->layer);
    if (!d->layer) return err_oom(e, (size_t)d->n_layers * sizeof *d->layer, "the decoder");
    if (check_params(p, e) || bound_init(&b, c, p, e)) return -1;
    reserve_conversion(d, &b);
    const struct param *embed = bound_at(&b, -1, SLOT_EMBED), *pos = bound_at(&b, -1, SLOT_POS);
    const struct param *head = c->tie_embed ? embed : bound_at(&b, -1, SLOT_HEAD_W);
    d->embed = decode_weight(d, embed);
    d->pos = decode_weight(d, pos);
    d->head = c->tie_embed ? d->embed : decode_weight(d, head);
    /* A step reads one row of each table. */
    if (!c->tie_embed) d->weight_bytes -= embed->n * (int64_t)dtype_size(d->dt);
    if (pos) d->weight_bytes -= pos->n * (int64_t)dtype_size(d->dt);
    d->head_bias = vector(bound_at(&b, -1, SLOT_HEAD_B));
    float plus = c->block[c->n_blocks - 1].norm_plus_one ? 1 : 0;
    d->norm_w = decode_f32(d, bound_at(&b, -1, SLOT_FNORM_W), plus);
    d->norm_b = vector(bound_at(&b, -1, SLOT_FNORM_B));
    d->embed_norm_w = decode_f32(d, bound_at(&b, -1, SLOT_ELN_W), plus);
    d->embed_norm_b = vector(bound_at(&b, -1, SLOT_ELN_B));
    for (int i = d->first; i < c->n_layers; i++) bind_layer(d, &b, i);
    int r = decode_make_tables(d, &b, e);
    bound_deinit(&b);
    if (r) return -1;
    make_cache(d);
    make_scratch(d);
    decode_make_states(d);
    decode_make_mla(d);
    return d->failed ? err_oom(e, (unsigned long long)d->bytes, "the decoder and its cache") : 0;
}

/* An encoder sees what comes after a token: there is nothing to continue. */
static int check_decodable(const struct model_config *c, struct err *e)
{
    if (c->stack == STACK_ENCODER)
        return err_set(e, ERR_CONFIG,
                       "stack encoder cannot generate: every token sees the whole text; use it for embeddings");
    if (model_scores(c))
        return err_set(e, ERR_CONFIG,
                       "this model's head tells of whole texts and cannot generate; use it with llmctl embed --head");
    if (c->embed_types || c->embed_dim != c->d_model)
        return err_set(e, ERR_CONFIG, "decoding with embed.%s is not supported yet", c->embed_types ? "types" : "dim");
    return 0;
}

struct decoder *decoder_new(const struct model_config *c, const struct params *p, enum dtype dt, int max_seqs,
                            int max_len, struct pool *pool, struct err *e)
{
    if (model_config_check(c, e) || check_decodable(c, e)) return NULL;
    if ((dt != DT_F32 && dt != DT_BF16) || max_seqs < 1 || max_len < 1 ||
        decoder_cache_bytes(c, dt, max_seqs, max_len) < 0) {
        err_set(e, ERR_CONFIG, "a cache of %d sequences of %d tokens is not possible", max_seqs, max_len);
        return NULL;
    }
    if (c->embed_pos == POS_LEARNED && max_len > c->max_pos) {
        err_set(e, ERR_CONFIG, "the model has %d positions, %d are wanted", c->max_pos, max_len);
        return NULL;
    }
    struct decoder *d = mem_zalloc(1, sizeof *d);
    if (!d) {
        err_oom(e, sizeof *d, "the decoder");
        return NULL;
    }
    d->c = *c;
    d->dt = dt;
    d->max_seqs = max_seqs;
    d->max_len = max_len;
    d->rows = max_seqs > DECODE_CHUNK ? max_seqs : DECODE_CHUNK;
    d->pool = pool;
    d->k = kernels_get();
    d->first = c->n_enc_layers;
    d->n_layers = c->n_layers - c->n_enc_layers;
    d->recurrent = decode_recurrent(c);
    d->bounded = c->embed_pos != POS_NONE;
    for (int i = c->n_enc_blocks; i < c->n_blocks; i++) d->bounded |= c->block[i].mixer < MIX_RWKV4;
    d->params = (struct params *)(uintptr_t)p; /* a graph only reads what is not trained */
    if (create(d, p, e)) {
        decoder_free(d);
        return NULL;
    }
    return d;
}

void decoder_free(struct decoder *d)
{
    if (!d) return;
    for (size_t i = 0; i < d->n_owned; i++) mem_free_aligned(d->owned[i]);
    free(d->owned);
    for (int i = 0; i < MODEL_MAX_BLOCKS; i++) rope_free(&d->rope[i]);
    free(d->layer);
    free(d->len);
    free(d->lost);
    free(d->source_len);
    free(d->spans);
    free(d->row_pos);
    free(d->row_seq);
    free(d);
}

/* ---- the cache from outside ---- */

int decoder_len(const struct decoder *d, int seq)
{
    return d->len[seq];
}

void decoder_truncate(struct decoder *d, int seq, int len)
{
    if (len >= d->len[seq]) return;
    d->len[seq] = len < 0 ? 0 : len;
    d->lost[seq] = d->recurrent && len > 0; /* a new state at token 0 */
}

bool decoder_rewinds(const struct decoder *d)
{
    return !d->recurrent;
}

void decoder_fork(struct decoder *d, int from, int to)
{
    if (from == to) return;
    for (int i = 0; i < d->n_layers; i++) {
        const struct dec_layer *l = &d->layer[i];
        struct cache_shape s = cache_shape(l->k);
        size_t row = (size_t)s.width * dtype_size(d->dt);
        for (int kv = 0; kv < s.parts; kv++)
            for (int h = 0; h < s.heads; h++) {
                memcpy(cache_at(d, l, to, kv, h), cache_at(d, l, from, kv, h), row * (size_t)d->len[from]);
                if (l->source)
                    memcpy(source_at(d, l, to, kv, h), source_at(d, l, from, kv, h), row * (size_t)d->source_len[from]);
            }
    }
    decode_copy_states(d, from, to);
    d->lost[to] = d->lost[from];
    d->len[to] = d->len[from];
    d->source_len[to] = d->source_len[from];
}

int64_t decoder_bytes(const struct decoder *d)
{
    return d->bytes;
}

int64_t decoder_weight_bytes(const struct decoder *d)
{
    return d->weight_bytes;
}

/* ---- tokens in, logits out ---- */

static int check_tokens(const struct decoder *d, int seq, const int32_t *ids, int n, struct err *e)
{
    if (seq < 0 || seq >= d->max_seqs) return err_set(e, ERR_INTERNAL, "sequence %d of %d", seq, d->max_seqs);
    if (n < 1) return err_set(e, ERR_DATA, "no token to decode");
    if (d->lost[seq])
        return err_set(e, ERR_INTERNAL, "sequence %d: a recurrent state cannot go back; begin again at token 0", seq);
    if (n > (d->bounded ? d->max_len : INT32_MAX) - d->len[seq])
        return err_set(e, ERR_DATA, "%d tokens more do not fit a context of %d that holds %d", n, d->max_len, d->len[seq]);
    for (int i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= d->c.vocab)
            return err_set(e, ERR_DATA, "token id %d is not in the vocabulary of %d", (int)ids[i], d->c.vocab);
    return 0;
}

int decoder_prefill(struct decoder *d, int seq, const int32_t *ids, int n, float *logits, enum decode_logits which,
                    struct err *e)
{
    if (check_tokens(d, seq, ids, n, e)) return -1;
    if (!logits) which = DECODE_NONE;
    d->packed = n >= DECODE_GEMM_ROWS;
    for (int at = 0; at < n; at += d->rows) {
        int m = n - at < d->rows ? n - at : d->rows;
        d->spans[0] = (struct dec_span){.seq = seq, .row = 0, .n = m, .pos = d->len[seq]};
        for (int i = 0; i < m; i++) {
            d->row_seq[i] = seq;
            d->row_pos[i] = d->len[seq] + i;
        }
        decode_forward(d, 1, m, ids + at);
        d->len[seq] += m;
        if (which == DECODE_ALL) decode_logits(d, 0, m, logits + (int64_t)at * d->c.vocab);
        if (which != DECODE_LAST || at + m < n) continue;
        d->packed = false; /* one row */
        decode_logits(d, m - 1, 1, logits);
    }
    return 0;
}

int decoder_step(struct decoder *d, int n, const int *seqs, const int32_t *ids, float *logits, struct err *e)
{
    if (n < 1 || n > d->max_seqs) return err_set(e, ERR_INTERNAL, "a step of %d sequences of %d", n, d->max_seqs);
    for (int i = 0; i < n; i++)
        if (check_tokens(d, seqs[i], ids + i, 1, e)) return -1;
    for (int i = 0; i < n; i++) {
        d->row_seq[i] = seqs[i];
        d->row_pos[i] = d->len[seqs[i]];
        d->spans[i] = (struct dec_span){.seq = seqs[i], .row = i, .n = 1, .pos = d->len[seqs[i]]};
    }
    d->packed = false;
    decode_forward(d, n, n, ids);
    for (int i = 0; i < n; i++) d->len[seqs[i]]++;
    if (logits) decode_logits(d, 0, n, logits);
    return 0;
}
