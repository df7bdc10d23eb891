/* build.c - the one builder: description -> graph. */
#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/model/build_internal.h"
#include "core/model/rope.h"

struct tensor *build_param(struct builder *b, int layer, enum slot_role r)
{
    struct param *p = bound_at(&b->bound, layer, r);
    return p ? graph_param(b->g, p) : NULL;
}

struct tensor *build_norm(struct builder *b, const struct block_config *k, struct tensor *x,
                           enum slot_role w, bool f32_out)
{
    return op_norm(b->g, k->norm, x, build_param(b, b->layer, w), build_param(b, b->layer, w + 1), (float)k->norm_eps, f32_out);
}

struct tensor *build_project(struct builder *b, const struct block_config *k, struct tensor *x, enum slot_role w,
                              enum slot_role bias, enum slot_role post, struct tensor *residual)
{
    bool sandwich = k->place == PLACE_SANDWICH, direct = !sandwich && b->drop_resid == 0;
    struct linear_spec s = {.w = {build_param(b, b->layer, w)}, .b = {build_param(b, b->layer, bias)}, .n = 1,
                            .residual = direct ? residual : NULL, .f32_out = true};
    struct tensor *y = op_linear(b->g, x, &s);
    if (direct) return y;
    if (sandwich) y = build_norm(b, k, y, post, true);
    return op_dropout(b->g, y, b->drop_resid, residual);
}

static struct tensor *attention(struct builder *b, const struct block_config *k, struct tensor *x,
                                struct tensor *residual)
{
    struct linear_spec s = {.n = 3};
    for (int i = 0; i < 3; i++) {
        s.w[i] = build_param(b, b->layer, SLOT_Q_W + (unsigned)i);
        s.b[i] = build_param(b, b->layer, SLOT_Q_B + (unsigned)i);
    }
    struct tensor *qkv = op_linear(b->g, x, &s);
    if (k->pos == POS_ROPE || k->qk_norm) {
        struct qk_spec q = {.H = k->heads, .Hk = k->kv_heads, .D = k->head_dim, .eps = (float)k->norm_eps,
                            .q_norm = build_param(b, b->layer, SLOT_QNORM), .k_norm = build_param(b, b->layer, SLOT_KNORM),
                            .rope = k->pos == POS_ROPE ? &b->rope : NULL, .interleaved = k->interleaved};
        qkv = op_qk(b->g, qkv, b->positions, &q);
    }
    struct attn_spec a = {.H = k->heads, .Hk = k->kv_heads, .D = k->head_dim, .window = k->window,
                          .scale = (float)(k->scale > 0 ? k->scale : 1 / sqrt(k->head_dim)),
                          .softcap = (float)k->softcap, .dropout = b->drop_attn, .causal = k->causal};
    float slopes[4096];
    if (k->pos == POS_ALIBI) {
        alibi_slopes(slopes, k->heads);
        a.alibi = slopes;
    }
    struct tensor *o = op_attn(b->g, qkv, b->seg_start, &a);
    return build_project(b, k, o, SLOT_O_W, SLOT_O_B, SLOT_POST1_W, residual);
}

static struct tensor *feed_forward(struct builder *b, const struct block_config *k, struct tensor *x,
                                   struct tensor *residual)
{
    struct linear_spec s = {.n = 1};
    struct tensor *h;
    if (k->ffn == FFN_MOE) return build_moe(b, k, x, residual);
    if (k->ffn == FFN_GLU) {
        s = (struct linear_spec){
            .n = 2,
            .w = {build_param(b, b->layer, SLOT_GATE_W), build_param(b, b->layer, SLOT_UP_W)},
            .b = {build_param(b, b->layer, SLOT_GATE_B), build_param(b, b->layer, SLOT_UP_B)},
        };
        h = op_glu(b->g, op_linear(b->g, x, &s), k->act);
    } else {
        s.w[0] = build_param(b, b->layer, SLOT_UP_W);
        s.b[0] = build_param(b, b->layer, SLOT_UP_B);
        s.act = k->act;
        h = op_linear(b->g, x, &s);
    }
    return build_project(b, k, h, SLOT_DOWN_W, SLOT_DOWN_B, SLOT_POST2_W, residual);
}

/* The input of a sublayer whose norm comes after it: the residual stream itself. */
static struct tensor *plain(struct builder *b, struct tensor *x)
{
    return b->cd == DT_F32 ? x : op_cast(b->g, x, b->cd);
}

static struct tensor *block(struct builder *b, const struct block_config *k, struct tensor *x)
{
    if (k->place == PLACE_POST) {
        x = build_norm(b, k, attention(b, k, plain(b, x), x), SLOT_NORM1_W, true);
        return build_norm(b, k, feed_forward(b, k, plain(b, x), x), SLOT_NORM2_W, true);
    }
    struct tensor *y = attention(b, k, build_norm(b, k, x, SLOT_NORM1_W, false), x);
    struct tensor *in = k->place == PLACE_PARALLEL ? x : y;
    return feed_forward(b, k, build_norm(b, k, in, SLOT_NORM2_W, false), y);
}

static struct tensor *embed(struct builder *b, struct tensor *tokens, struct err *e)
{
    const struct model_config *c = b->c;
    int T = graph_get_opts(b->g)->T, offset = c->pos_offset;
    struct tensor *pos = NULL;
    if (c->embed_pos == POS_LEARNED) {
        pos = build_param(b, -1, SLOT_POS);
    } else if (c->embed_pos == POS_SINUSOIDAL) {
        float *t = mem_alloc((size_t)T * (size_t)c->d_model, sizeof *t);
        if (!t) {
            err_oom(e, (unsigned long long)T * (unsigned)c->d_model * sizeof *t, "sinusoidal positions");
            return NULL;
        }
        sinusoidal_fill(t, c->sin_layout, offset, T, c->d_model);
        pos = graph_const_f32(b->g, "sinusoidal", t, 2, (int64_t[]){T, c->d_model});
        free(t);
        offset = 0;
    }
    return op_embed(b->g, tokens, build_param(b, -1, SLOT_EMBED), (float)c->embed_scale, pos ? b->positions : NULL, pos,
                    offset);
}

/* Groups of blocks may differ in theta; the table is rebuilt where it changes. */
static int use_rope(struct builder *b, const struct block_config *k, struct err *e)
{
    if (k->pos != POS_ROPE || (b->rope_of && rope_same(b->rope_of, k))) return 0;
    rope_free(&b->rope);
    b->rope_of = NULL;
    if (rope_build(&b->rope, k, graph_get_opts(b->g)->T, e)) return -1;
    b->rope_of = k;
    return 0;
}

static struct tensor *blocks(struct builder *b, struct tensor *x, struct err *e)
{
    for (b->layer = 0; b->layer < b->c->n_layers; b->layer++) {
        const struct block_config *k = model_block(b->c, b->layer);
        if (use_rope(b, k, e)) return NULL;
        graph_block_begin(b->g, b->layer);
        x = block(b, k, x);
        graph_block_end(b->g);
    }
    b->layer = -1;
    return x;
}

static void head(struct builder *b, const struct model_build *o, struct model_graph *out, struct tensor *targets,
                 struct tensor *weights)
{
    const struct model_config *c = b->c;
    struct tensor *w = build_param(b, -1, c->tie_embed ? SLOT_EMBED : SLOT_HEAD_W);
    struct tensor *bias = build_param(b, -1, SLOT_HEAD_B);
    float scale = (float)c->logit_scale, cap = (float)c->head_softcap;
    if (o->want_logits) {
        struct linear_spec s = {.w = {w}, .b = {bias}, .n = 1, .f32_out = true};
        struct tensor *y = op_linear(b->g, out->hidden, &s);
        if (scale != 1) y = op_scale(b->g, y, scale);
        if (cap > 0) y = op_scale(b->g, op_act(b->g, op_scale(b->g, y, 1 / cap), ACT_TANH), cap);
        out->logits = y;
        graph_output(b->g, y);
    }
    if (o->want_loss) {
        struct ce_spec s = {.w = w, .b = bias, .label_smoothing = o->label_smoothing, .z_coef = o->z_coef,
                            .softcap = cap, .logit_scale = scale};
        out->loss = op_linear_ce(b->g, out->hidden, targets, weights, &s);
    }
    graph_output(b->g, out->hidden);
}

static int build(struct builder *b, const struct model_build *o, struct model_graph *out, struct err *e)
{
    const struct model_config *c = b->c;
    const int64_t N[] = {(int64_t)o->opts.rows * o->opts.T};
    struct tensor *targets = NULL, *weights = NULL;
    struct tensor *tokens = graph_input(b->g, "tokens", DT_I32, 1, N);
    b->positions = graph_input(b->g, "positions", DT_I32, 1, N);
    b->seg_start = graph_input(b->g, "seg_start", DT_I32, 1, N);
    if (o->want_loss) {
        targets = graph_input(b->g, "targets", DT_I32, 1, N);
        weights = graph_input(b->g, "weights", DT_F32, 1, N);
    }
    b->layer = -1;
    e->code = ERR_NONE;
    struct tensor *x = embed(b, tokens, e);
    if (o->opts.training && c->dropout_embed > 0) x = op_dropout(b->g, x, (float)c->dropout_embed, NULL);
    b->stats = build_router_stats(b, o->want_loss);
    x = blocks(b, x, e);
    if (e->code != ERR_NONE) return -1;
    out->router_counts = b->stats ? b->stats->counts : NULL;
    out->router_loss = build_router_loss(b);
    const struct block_config *last = &c->block[c->n_blocks - 1];
    out->hidden = c->head_norm ? build_norm(b, last, x, SLOT_FNORM_W, false) : plain(b, x);
    head(b, o, out, targets, weights);
    return graph_error(b->g, e);
}

int model_build(const struct model_config *c, struct params *p, const struct model_build *o, struct model_graph *out,
                struct err *e)
{
    *out = (struct model_graph){0};
    if (model_config_check(c, e)) return -1;
    if (c->embed_pos == POS_LEARNED && o->opts.T > c->max_pos)
        return err_set(e, ERR_CONFIG, "%d tokens a row, but embed.max_pos is %d", o->opts.T, c->max_pos);
    struct builder b = {.c = c, .cd = o->opts.compute};
    if (o->opts.training) {
        b.drop_attn = (float)c->dropout_attn;
        b.drop_resid = (float)c->dropout_resid;
    }
    if (bound_init(&b.bound, c, p, e)) return -1;
    int r = -1;
    b.g = graph_new(&o->opts, e);
    if (b.g) r = build(&b, o, out, e);
    if (r == 0) out->g = b.g;
    else graph_free(b.g);
    rope_free(&b.rope);
    bound_deinit(&b.bound);
    return r;
}
