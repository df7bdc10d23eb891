/* build.c - the one builder: description -> graph. */
#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/model/build_internal.h"
#include "core/model/rope.h"

struct tensor *build_param(struct builder *b, int layer, enum slot_role r)
{
    struct param *p = r < SLOT_N ? bound_at(&b->bound, layer, r) : NULL;
    return p ? graph_param(b->g, p) : NULL;
}

struct tensor *build_norm(struct builder *b, const struct block_config *k, struct tensor *x, enum slot_role w,
                          bool f32_out)
{
    enum norm_kind kind = !k->norm_plus_one ? k->norm : k->norm == NORM_LN ? NORM_LN_1 : NORM_RMS_1;
    return op_norm(b->g, kind, x, build_param(b, b->layer, w), build_param(b, b->layer, w + 1), (float)k->norm_eps,
                   f32_out);
}

struct tensor *build_project(struct builder *b, const struct block_config *k, struct tensor *x, enum slot_role w,
                             enum slot_role bias, enum slot_role post, struct tensor *residual)
{
    bool behind = norm_behind(k), direct = !behind && b->drop_resid == 0 && k->residual_scale == 1;
    struct linear_spec s = {.w = {build_param(b, b->layer, w)}, .b = {build_param(b, b->layer, bias)}, .n = 1,
                            .residual = direct ? residual : NULL, .f32_out = true};
    struct tensor *y = op_linear(b->g, x, &s);
    return direct ? y : build_join(b, k, y, post, residual);
}

struct tensor *build_join(struct builder *b, const struct block_config *k, struct tensor *y, enum slot_role post,
                          struct tensor *residual)
{
    if (norm_behind(k)) y = build_norm(b, k, y, post, true);
    if (k->residual_scale != 1) y = op_scale(b->g, y, (float)k->residual_scale);
    return op_dropout(b->g, y, b->drop_resid, residual);
}

struct tensor *build_plain(struct builder *b, struct tensor *x)
{
    return b->cd == DT_F32 ? x : op_cast(b->g, x, b->cd);
}

static struct tensor *feed_forward(struct builder *b, const struct block_config *k, struct tensor *x,
                                   struct tensor *residual)
{
    struct linear_spec s = {.n = 1};
    struct tensor *h;
    if (k->ffn == FFN_MOE) return build_moe(b, k, x, residual);
    if (k->ffn == FFN_CMIX) return build_cmix(b, k, x, residual);
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

typedef struct tensor *sublayer_fn(struct builder *b, const struct block_config *k, struct tensor *x,
                                   struct tensor *residual);

/* x + f(norm(x)), norm(x + f(x)), or x + norm(f(x)). */
static struct tensor *sublayer(struct builder *b, const struct block_config *k, struct tensor *x, enum slot_role norm,
                               sublayer_fn *f)
{
    if (k->place == PLACE_POST) return build_norm(b, k, f(b, k, build_plain(b, x), x), norm, true);
    if (k->place == PLACE_OUT) return f(b, k, build_plain(b, x), x);
    return f(b, k, build_norm(b, k, x, norm, false), x);
}

static struct tensor *block(struct builder *b, const struct block_config *k, struct tensor *x)
{
    sublayer_fn *mix = k->mixer == MIX_ATTN ? build_attn : k->mixer == MIX_MLA ? build_mla : build_rwkv;
    if (k->place == PLACE_PARALLEL_ONE) {
        struct tensor *u = build_norm(b, k, x, SLOT_NORM1_W, false);
        return feed_forward(b, k, u, mix(b, k, u, x));
    }
    struct tensor *y = k->norm_mixer ? sublayer(b, k, x, SLOT_NORM1_W, mix) : mix(b, k, build_plain(b, x), x);
    if (k->place == PLACE_PARALLEL) return feed_forward(b, k, build_norm(b, k, x, SLOT_NORM2_W, false), y);
    if (k->cross) y = sublayer(b, k, y, SLOT_XNORM_W, build_cross);
    return sublayer(b, k, y, SLOT_NORM2_W, feed_forward);
}

/* Groups of blocks may differ in theta; the table is rebuilt where it changes. */
static int use_rope(struct builder *b, const struct block_config *k, struct err *e)
{
    if (k->pos != POS_ROPE || (b->rope_of && b->rope.max_pos == b->T && rope_same(b->rope_of, k))) return 0;
    rope_free(&b->rope);
    b->rope_of = NULL;
    if (rope_build(&b->rope, &b->c->longrope, k, b->T, e)) return -1;
    b->rope_of = k;
    return 0;
}

/* Layers [first, last) of one stack. */
static struct tensor *blocks(struct builder *b, struct tensor *x, int first, int last, struct err *e)
{
    for (b->layer = first; b->layer < last; b->layer++) {
        const struct block_config *k = model_block(b->c, b->layer);
        if (use_rope(b, k, e)) return NULL;
        graph_block_begin(b->g, b->layer);
        x = block(b, k, x);
        graph_block_end(b->g);
    }
    b->layer = -1;
    return x;
}

static struct tensor *final_norm(struct builder *b, struct tensor *x, const struct block_config *last)
{
    if (!b->c->head_norm) return build_plain(b, x);
    return build_norm(b, last, x, b->encoder ? SLOT_ENC_FNORM_W : SLOT_FNORM_W, false);
}

static struct tensor *ids(struct builder *b, const char *name, int rows)
{
    struct tensor *t = graph_find_input(b->g, name); /* of the model that is built beside this one */
    return t ? t : graph_input(b->g, name, DT_I32, 1, (int64_t[]){(int64_t)rows * b->T});
}

/* The encoder of an encoder-decoder, over rows of S source tokens. */
static struct tensor *encoder(struct builder *b, const struct model_build *o, struct err *e)
{
    const struct model_config *c = b->c;
    int rows = o->opts.rows;
    b->encoder = true;
    b->T = o->S;
    struct tensor *tokens = ids(b, "src_tokens", rows);
    b->positions = ids(b, "src_positions", rows);
    b->seg_start = ids(b, "src_seg_start", rows);
    struct tensor *types = c->embed_types ? ids(b, "types", rows) : NULL;
    struct tensor *x = build_embed(b, tokens, types, e);
    x = blocks(b, x, 0, c->n_enc_layers, e);
    x = final_norm(b, x, &c->block[c->n_enc_blocks - 1]);
    b->encoder = false;
    b->T = o->opts.T;
    return x;
}

static int build(struct builder *b, const struct model_build *o, struct model_graph *out, struct err *e)
{
    const struct model_config *c = b->c;
    bool two = c->stack == STACK_ENCDEC;
    int rows = o->opts.rows;
    b->layer = -1;
    e->code = ERR_NONE;
    b->stats = build_router_stats(b, o->want_loss);
    if (two) b->memory = encoder(b, o, e);
    if (e->code != ERR_NONE) return -1;
    if (o->encoder_only) {
        out->hidden = b->memory;
        graph_output(b->g, out->hidden);
        return graph_error(b->g, e);
    }
    b->T = o->opts.T;
    struct tensor *tokens = o->tokens ? o->tokens : ids(b, "tokens", rows);
    b->positions = ids(b, "positions", rows);
    b->seg_start = ids(b, "seg_start", rows);
    b->prefix_end = o->prefix ? ids(b, "prefix_end", rows) : NULL;
    if (two) {
        b->src_lo = ids(b, "src_lo", rows);
        b->src_hi = ids(b, "src_hi", rows);
    }
    struct tensor *types = c->embed_types && !two ? ids(b, "types", rows) : NULL;
    struct tensor *x = build_embed(b, tokens, types, e);
    x = blocks(b, x, c->n_enc_layers, c->n_layers, e);
    if (e->code != ERR_NONE) return -1;
    out->router_counts = b->stats ? b->stats->counts : NULL;
    out->router_loss = build_router_loss(b);
    out->hidden = final_norm(b, x, &c->block[c->n_blocks - 1]);
    build_head(b, o, out);
    return graph_error(b->g, e);
}

static int check_build(const struct model_config *c, const struct model_build *o, struct err *e)
{
    bool two = c->stack == STACK_ENCDEC;
    if (two != (o->S > 0))
        return err_set(e, ERR_CONFIG, two ? "an encoder-decoder needs source tokens" : "source tokens without an encoder");
    if (o->encoder_only && !two) return err_set(e, ERR_CONFIG, "this model has no encoder apart");
    if (o->prefix && c->stack == STACK_ENCODER) return err_set(e, ERR_CONFIG, "a prefix has no meaning for stack encoder");
    for (int i = 0; o->prefix && i < c->n_blocks; i++)
        if (c->block[i].mixer >= MIX_RWKV4)
            return err_set(e, ERR_CONFIG, "blocks[%d].mixer.type: rwkv reads in order, a prefix cannot be seen from both sides", i);
    if (c->head == HEAD_NONE && (o->want_loss || o->want_logits))
        return err_set(e, ERR_CONFIG, "head.type none has nothing to predict with");
    if (model_scores(c) && (o->want_loss || o->want_logits) && o->targets_per_row < 1)
        return err_set(e, ERR_CONFIG, "this head tells of whole texts, not of tokens");
    if (c->embed_pos != POS_LEARNED) return 0;
    int T = o->S > o->opts.T ? o->S : o->opts.T;
    if (T > c->max_pos) return err_set(e, ERR_CONFIG, "%d tokens a row, but embed.max_pos is %d", T, c->max_pos);
    return 0;
}

int model_build(const struct model_config *c, struct params *p, const struct model_build *o, struct model_graph *out,
                struct err *e)
{
    *out = (struct model_graph){0};
    if (model_config_check(c, e) || check_build(c, o, e)) return -1;
    struct builder b = {.c = c, .cd = o->opts.compute};
    if (o->opts.training) {
        b.drop_attn = (float)c->dropout_attn;
        b.drop_resid = (float)c->dropout_resid;
        b.drop_embed = (float)c->dropout_embed;
    }
    if (bound_init(&b.bound, c, p, e)) return -1;
    int r = -1;
    b.g = o->g ? o->g : graph_new(&o->opts, e);
    if (b.g) r = build(&b, o, out, e);
    if (r == 0) out->g = b.g;
    else if (!o->g) graph_free(b.g);
    rope_free(&b.rope);
    bound_deinit(&b.bound);
    return r;
}
