#include "core/model/layout_walk.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"

const struct block_config *model_block(const struct model_config *c, int layer)
{
    int i = 0;
    while (i + 1 < c->n_blocks && layer >= c->block[i].repeat) layer -= c->block[i++].repeat;
    return &c->block[i];
}

static int group_of(const struct model_config *c, int layer, int *first)
{
    int i = 0, at = 0;
    while (i + 1 < c->n_blocks && layer >= at + c->block[i].repeat) at += c->block[i++].repeat;
    *first = at;
    return i;
}

int model_layer_of_params(const struct model_config *c, int layer)
{
    int first, i = group_of(c, layer, &first);
    return c->block[i].shared ? first : layer;
}

static bool of_head(enum slot_role r)
{
    return r >= SLOT_HDENSE_W && r <= SLOT_SCORE_B;
}

/* Prefix of a block: its number, or that of its group, counts within the stack. */
static void block_prefix(const struct walk *w, char *out, size_t size)
{
    bool enc = w->layer < w->c->n_enc_layers;
    int first, group = group_of(w->c, w->layer, &first), layer = enc ? w->layer : w->layer - w->c->n_enc_layers;
    if (w->f->by_group && w->c->block[group].shared) layer = enc ? group : group - w->c->n_enc_blocks;
    const char *f = enc && w->f->enc_block ? w->f->enc_block : w->f->block, *at = strchr(f, '%');
    /* "h.%d.": the format's only conversion is the number. */
    snprintf(out, size, "%s%.*s%d%s", enc && !w->f->enc_block ? "encoder." : "", (int)(at - f), f, layer, at + 2);
}

int layout_emit(struct walk *w, struct slot s)
{
    char block[64] = "";
    s.layer = w->layer;
    s.linear = s.flags & PARAM_MATRIX;
    if (w->layer >= 0) block_prefix(w, block, sizeof block);
    const char *own = s.role == SLOT_EMBED && w->c->enc_vocab ? w->f->own_embed : NULL;
    bool shared = s.role <= SLOT_ELN_B; /* tables of the embedding and its norm */
    bool table = s.role == SLOT_T5 && w->f->t5_table && model_block(w->c, w->layer)->pos_shared;
    if (table) {
        block[0] = 0;
        own = w->f->t5_table;
    }
    if (w->c->prefix[0]) s.flags |= PARAM_AUX;
    snprintf(s.name, sizeof s.name, "%s%s%s%s", shared ? "" : w->c->prefix, of_head(s.role) ? "" : w->f->base, block,
             own ? own : family_slot(w->f, s.role, w->layer >= 0 && w->layer < w->c->n_enc_layers,
                         w->layer >= 0 && model_block(w->c, w->layer)->ffn == FFN_GLU));
    return w->fn(w->arg, &s, w->e);
}

static int emit(struct walk *w, enum slot_role role, int64_t rows, int64_t cols, unsigned flags,
                enum slot_init init)
{
    return layout_emit(
        w, (struct slot){.role = role, .ndim = cols ? 2 : 1, .dim = {rows, cols}, .flags = flags, .init = init});
}

/* A weight [out, in] and its bias; a bias follows its weight by `step` roles. */
static int emit_linear(struct walk *w, enum slot_role role, enum slot_role bias_role, int64_t out,
                       int64_t in, bool bias, enum slot_init init)
{
    if (emit(w, role, out, in, PARAM_DECAY | PARAM_MATRIX, init)) return -1;
    return bias ? emit(w, bias_role, out, 0, 0, INIT_ZERO) : 0;
}

static enum slot_init norm_init(const struct walk *w)
{
    return w->c->block[w->c->n_blocks - 1].norm_plus_one ? INIT_ZERO : INIT_ONE;
}

static int emit_norm(struct walk *w, enum slot_role role, int64_t n, bool bias)
{
    const struct model_config *c = w->c;
    const struct block_config *b = w->layer >= 0 ? model_block(c, w->layer) : &c->block[c->n_blocks - 1];
    if (!b->norm_weight && role != SLOT_HNORM_W) return 0;
    if (emit(w, role, n, 0, 0, norm_init(w))) return -1;
    return bias ? emit(w, role + 1, n, 0, 0, INIT_ZERO) : 0;
}

/* The mixer's own position tables. */
static int walk_positions(struct walk *w, const struct block_config *b)
{
    int first = w->layer < w->c->n_enc_layers ? 0 : w->c->n_enc_layers;
    int64_t bins = 2 * (int64_t)b->clip + 1;
    if (b->pos == POS_T5 && (!b->pos_shared || w->layer == first))
        return emit(w, SLOT_T5, b->buckets, b->heads, PARAM_DECAY, INIT_NORMAL);
    if (b->pos != POS_SHAW) return 0;
    if (emit(w, SLOT_SHAW_K, bins, b->head_dim, PARAM_DECAY, INIT_NORMAL)) return -1;
    return b->shaw_v ? emit(w, SLOT_SHAW_V, bins, b->head_dim, PARAM_DECAY, INIT_NORMAL) : 0;
}

static int walk_attn(struct walk *w, const struct block_config *b)
{
    if (b->mixer == MIX_MLA) return layout_mla(w, b);
    if (b->mixer != MIX_ATTN) return layout_rwkv(w, b);
    int64_t C = w->c->d_model, q = (int64_t)b->heads * b->head_dim,
            kv = (int64_t)b->kv_heads * b->head_dim;
    if (emit_linear(w, SLOT_Q_W, SLOT_Q_B, q, C, b->qkv_bias, INIT_NORMAL) ||
        emit_linear(w, SLOT_K_W, SLOT_K_B, kv, C, b->qkv_bias, INIT_NORMAL) ||
        emit_linear(w, SLOT_V_W, SLOT_V_B, kv, C, b->qkv_bias, INIT_NORMAL))
        return -1;
    bool full = b->qk_norm == QK_FULL_RMS || b->qk_norm == QK_HEAD_LN; /* weights of every head */
    if (b->qk_norm && (emit(w, SLOT_QNORM, full ? q : b->head_dim, 0, 0, norm_init(w)) ||
                       emit(w, SLOT_KNORM, full ? kv : b->head_dim, 0, 0, norm_init(w))))
        return -1;
    if (b->sink && emit(w, SLOT_SINK, b->heads, 0, 0, INIT_ZERO)) return -1;
    if (walk_positions(w, b)) return -1;
    return emit_linear(w, SLOT_O_W, SLOT_O_B, C, q, b->out_bias, INIT_RESIDUAL);
}

static int walk_cross(struct walk *w, const struct block_config *b)
{
    int64_t C = w->c->d_model, q = (int64_t)b->heads * b->head_dim, kv = (int64_t)b->kv_heads * b->head_dim;
    if (!b->cross) return 0;
    if ((b->place != PLACE_OUT && emit_norm(w, SLOT_XNORM_W, C, b->norm_bias)) ||
        emit_linear(w, SLOT_XQ_W, SLOT_XQ_B, q, C, b->qkv_bias, INIT_NORMAL) ||
        emit_linear(w, SLOT_XK_W, SLOT_XK_B, kv, C, b->qkv_bias, INIT_NORMAL) ||
        emit_linear(w, SLOT_XV_W, SLOT_XV_B, kv, C, b->qkv_bias, INIT_NORMAL) ||
        emit_linear(w, SLOT_XO_W, SLOT_XO_B, C, q, b->out_bias, INIT_RESIDUAL))
        return -1;
    return norm_behind(b) ? emit_norm(w, SLOT_POSTX_W, C, b->norm_bias) : 0;
}

static int walk_ffn(struct walk *w, const struct block_config *b)
{
    int64_t C = w->c->d_model, F = b->d_ff;
    if (b->ffn == FFN_MOE) return layout_moe(w, b);
    if (b->ffn == FFN_CMIX) return layout_cmix(w, b);
    if (b->ffn == FFN_GLU &&
        emit_linear(w, SLOT_GATE_W, SLOT_GATE_B, F, C, b->ffn_bias, INIT_NORMAL))
        return -1;
    if (emit_linear(w, SLOT_UP_W, SLOT_UP_B, F, C, b->ffn_bias, INIT_NORMAL)) return -1;
    return emit_linear(w, SLOT_DOWN_W, SLOT_DOWN_B, C, F, b->ffn_bias, INIT_RESIDUAL);
}

static int walk_block(struct walk *w, const struct block_config *b)
{
    int64_t C = w->c->d_model;
    bool nb = b->norm_bias, behind = norm_behind(b), own = b->place != PLACE_OUT;
    if ((own && b->norm_mixer && emit_norm(w, SLOT_NORM1_W, C, nb)) || walk_attn(w, b)) return -1;
    if (behind && emit_norm(w, SLOT_POST1_W, C, nb)) return -1;
    if (walk_cross(w, b)) return -1;
    if (own && b->place != PLACE_PARALLEL_ONE && emit_norm(w, SLOT_NORM2_W, C, nb)) return -1;
    if (walk_ffn(w, b)) return -1;
    return behind ? emit_norm(w, SLOT_POST2_W, C, nb) : 0;
}

static int walk_embed(struct walk *w)
{
    const struct model_config *c = w->c;
    int64_t E = c->embed_dim;
    bool nb = c->block[c->n_blocks - 1].norm_bias;
    if (emit(w, SLOT_EMBED, c->vocab, E, PARAM_DECAY, INIT_NORMAL)) return -1;
    if (c->enc_vocab && emit(w, SLOT_ENC_EMBED, c->enc_vocab, E, PARAM_DECAY, INIT_NORMAL)) return -1;
    if (c->embed_pos == POS_LEARNED && emit(w, SLOT_POS, c->max_pos + c->pos_offset, E, PARAM_DECAY, INIT_NORMAL))
        return -1;
    if (c->embed_types && emit(w, SLOT_TYPES, c->embed_types, E, PARAM_DECAY, INIT_NORMAL)) return -1;
    if (c->embed_ln && emit_norm(w, SLOT_ELN_W, E, nb)) return -1;
    if (E != c->d_model && emit_linear(w, SLOT_EPROJ_W, SLOT_EPROJ_B, c->d_model, E, true, INIT_NORMAL)) return -1;
    if (c->stack != STACK_ENCDEC) return 0;
    if (c->embed_pos == POS_LEARNED && emit(w, SLOT_ENC_POS, c->max_pos + c->pos_offset, E, PARAM_DECAY, INIT_NORMAL))
        return -1;
    return c->embed_ln ? emit_norm(w, SLOT_ENC_ELN_W, E, nb) : 0;
}

/* Small beside the rest and read once a text: left to AdamW. */
static int walk_scores(struct walk *w)
{
    const struct model_config *c = w->c;
    if (c->head_dense && (emit(w, SLOT_SDENSE_W, c->d_model, c->d_model, PARAM_DECAY, INIT_NORMAL) ||
                          (c->head_dense_bias && emit(w, SLOT_SDENSE_B, c->d_model, 0, 0, INIT_ZERO))))
        return -1;
    if (c->head_dense_norm && (emit(w, SLOT_SNORM_W, c->d_model, 0, 0, INIT_ONE) ||
                               (c->head_dense_bias && emit(w, SLOT_SNORM_B, c->d_model, 0, 0, INIT_ZERO))))
        return -1;
    if (emit(w, SLOT_SCORE_W, c->labels, c->d_model, PARAM_DECAY, INIT_NORMAL)) return -1;
    return c->head_bias ? emit(w, SLOT_SCORE_B, c->labels, 0, 0, INIT_ZERO) : 0;
}

static int walk_head(struct walk *w)
{
    const struct model_config *c = w->c;
    int64_t C = c->d_model, E = c->head == HEAD_MLM ? c->embed_dim : C;
    if (c->head_norm && emit_norm(w, SLOT_FNORM_W, C, c->block[c->n_blocks - 1].norm_bias)) return -1;
    if (c->head == HEAD_NONE) return 0;
    if (model_scores(c)) return walk_scores(w);
    if (c->head != HEAD_LM && emit_linear(w, SLOT_HDENSE_W, SLOT_HDENSE_B, E, C, c->head_dense_bias, INIT_NORMAL)) return -1;
    if (c->head == HEAD_RTD) return emit_linear(w, SLOT_HEAD_W, SLOT_HEAD_B, 1, C, true, INIT_NORMAL);
    if (c->head == HEAD_MLM && emit_norm(w, SLOT_HNORM_W, E, c->head_dense_bias)) return -1;
    if (!c->tie_embed && emit(w, SLOT_HEAD_W, c->vocab, E, PARAM_DECAY, INIT_NORMAL)) return -1;
    unsigned flags = w->f->frozen_head_bias ? PARAM_FROZEN : 0;
    return c->head_bias ? emit(w, SLOT_HEAD_B, c->vocab, 0, flags, INIT_ZERO) : 0;
}

int layout_walk(const struct model_config *c, slot_fn *fn, void *arg, struct err *e)
{
    struct walk w = {.c = c, .f = family_find(c->family), .fn = fn, .arg = arg, .e = e, .layer = -1};
    if (!w.f) return err_set(e, ERR_CONFIG, "family '%s' is unknown", c->family);
    if (walk_embed(&w)) return -1;
    for (int i = 0; i < c->n_layers; i++) {
        w.layer = i;
        if (model_layer_of_params(c, i) == i && walk_block(&w, model_block(c, i))) return -1;
        if (i + 1 != c->n_enc_layers || !c->head_norm) continue;
        w.layer = -1;
        if (emit_norm(&w, SLOT_ENC_FNORM_W, c->d_model, c->block[c->n_enc_blocks - 1].norm_bias)) return -1;
    }
    w.layer = -1;
    return walk_head(&w);
}
