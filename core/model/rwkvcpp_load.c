/* rwkvcpp_load.c - what rwkv.cpp's converter changed is changed back: decays
 * stand as -e^d (4) or e^{-e^d} (5), first weights of 5.1 as e^u, small
 * matrices transposed, 7's mixes as one tensor [6,1,C] in the order r w k v a g. */
#include "core/model/rwkvcpp_load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/kernels/kernels.h"
#include "core/model/layout.h"

enum { CONTEXT = 4096 };

/* ---- description ---- */

static const struct rwkvcpp_tensor *want(const struct rwkvcpp *f, const char *name, struct err *e)
{
    const struct rwkvcpp_tensor *t = rwkvcpp_find(f, name);
    if (!t) err_set(e, ERR_DATA, "'%s': no tensor '%s'", rwkvcpp_name(f), name);
    return t;
}

static int version_of(const struct rwkvcpp *f)
{
    if (rwkvcpp_find(f, "blocks.0.att.r_k")) return 7;
    if (rwkvcpp_find(f, "blocks.0.att.time_maa_x")) return 6;
    return rwkvcpp_find(f, "blocks.0.att.ln_x.weight") ? 5 : 4;
}

/* Rows of a matrix of the first block (or the second), as a size of the description. */
static int rows_of(const struct rwkvcpp *f, const char *name, int divide, int *out, struct err *e)
{
    const struct rwkvcpp_tensor *t = want(f, name, e);
    if (!t) return -1;
    if (t->dim[0] % divide || t->dim[0] / divide > 1 << 22)
        return err_set(e, ERR_DATA, "'%s': '%s' has %lld rows", rwkvcpp_name(f), name, (long long)t->dim[0]);
    *out = (int)t->dim[0] / divide;
    return 0;
}

static int heads_of(struct block_config *b, const struct rwkvcpp *f, int version, int width, struct err *e)
{
    b->heads = b->kv_heads = 1;
    b->head_dim = width;
    if (version == 4) return 0;
    if (rows_of(f, version == 7 ? "blocks.0.att.r_k" : "blocks.0.att.time_decay", 1, &b->heads, e)) return -1;
    if (width % b->heads)
        return err_set(e, ERR_DATA, "'%s': %d heads do not divide a width of %d", rwkvcpp_name(f), b->heads, width);
    b->kv_heads = b->heads;
    b->head_dim = width / b->heads;
    if (b->head_dim > 256) return err_set(e, ERR_DATA, "'%s': heads of %d are not supported", rwkvcpp_name(f), b->head_dim);
    return 0;
}

int rwkvcpp_config(struct model_config *c, const struct rwkvcpp *f, struct err *e)
{
    int version = version_of(f), width;
    struct block_config b = model_block_default();
    model_config_init(c);
    c->embed_ln = true;
    c->max_pos = CONTEXT;
    snprintf(c->family, sizeof c->family, version == 4 ? "rwkv" : "rwkv%d", version);
    c->vocab = rwkvcpp_vocab(f);
    c->d_model = c->embed_dim = rwkvcpp_width(f);
    b.mixer = (enum mixer_type)(MIX_RWKV4 + version - 4);
    b.norm = NORM_LN;
    b.norm_bias = true;
    b.ffn = FFN_CMIX;
    b.act = ACT_RELU2;
    b.cmix_gate = version != 7;
    b.repeat = c->n_layers = rwkvcpp_layers(f);
    b.original_max_pos = CONTEXT;
    b.rwkv.norm_eps = version == 5 ? 1e-5 : version == 4 ? 0 : 64e-5;
    b.rwkv.gate = (version == 5 || version == 6) && rwkvcpp_find(f, "blocks.0.att.gate.weight");
    if (rows_of(f, "blocks.0.att.key.weight", 1, &width, e) || heads_of(&b, f, version, width, e) ||
        rows_of(f, "blocks.0.ffn.key.weight", 1, &b.d_ff, e))
        return -1;
    struct rwkv_config *r = &b.rwkv;
    if (version == 6 && (rows_of(f, "blocks.0.att.time_maa_w1", 5, &r->mix_rank, e) ||
                         rows_of(f, "blocks.0.att.time_decay_w1", 1, &r->decay_rank, e)))
        return -1;
    if (version == 7 &&
        (rows_of(f, "blocks.0.att.w1", 1, &r->decay_rank, e) || rows_of(f, "blocks.0.att.a1", 1, &r->a_rank, e) ||
         rows_of(f, "blocks.0.att.g1", 1, &r->gate_rank, e)))
        return -1;
    r->v_rank = version == 7 ? 32 : 0;
    if (version == 7 && c->n_layers > 1 && rows_of(f, "blocks.1.att.v1", 1, &r->v_rank, e)) return -1;
    c->block[0] = b;
    c->n_blocks = 1;
    return model_config_check(c, e);
}

/* ---- tensors ---- */

struct load {
    const struct rwkvcpp *f;
    struct saved_model *m;
    const struct family *names;  /* of the version's authors */
    int version;
    float *tmp;
    int64_t cap;
};

/* How a slot lies in the file: its tensor, where it begins, and whether one value stands for `repeat` of ours. */
struct where {
    char name[96];
    int64_t at, repeat;
};

static void find_place(const struct load *l, const struct slot *s, struct where *w)
{
    static const enum slot_role seven[] = {SLOT_MIX_R, SLOT_MIX_W, SLOT_MIX_K, SLOT_MIX_V, SLOT_MIX_A, SLOT_MIX_G};
    const struct block_config *b = &l->m->config.block[0];
    const char *last = family_slot(l->names, s->role, false, false);
    bool maa1 = s->role >= SLOT_MA1_W && s->role <= SLOT_MA1_G, maa2 = s->role >= SLOT_MA2_W && s->role <= SLOT_MA2_G;
    int64_t n = s->dim[0] * (s->ndim > 1 ? s->dim[1] : 1);
    w->at = 0;
    w->repeat = 1;
    if (maa1 || maa2) {
        last = maa1 ? "att.time_maa_w1" : "att.time_maa_w2";
        w->at = n * (maa1 ? s->role - SLOT_MA1_W : s->role - SLOT_MA2_W);
    }
    for (int i = 0; i < 6 && l->version == 7; i++)
        if (s->role == seven[i]) {
            last = "att.x_rwkvag";
            w->at = i * n;
        }
    if (l->version == 5 && (s->role == SLOT_DECAY || s->role == SLOT_FIRST) && !b->rwkv.gate) w->repeat = b->head_dim;
    if (l->version == 5 && s->role == SLOT_FIRST && !b->rwkv.gate) last = "att.time_first";
    if (s->layer >= 0) snprintf(w->name, sizeof w->name, "blocks.%d.%s", s->layer, last);
    else snprintf(w->name, sizeof w->name, "%s", last);
}

/* Back to the logits that training works on; the ends stand for values that f32 rounded to 0 or 1. */
static float decay_logit(int version, float w)
{
    double z = version == 4 ? -(double)w : -log((double)w);
    return (float)log(z > 1e-38 ? (z < 1e3 ? z : 1e3) : 1e-38);
}

static int load_slot(void *arg, const struct slot *s, struct err *e)
{
    struct load *l = arg;
    struct param *p = params_find(l->m->params, s->name);
    struct where w;
    find_place(l, s, &w);
    const struct rwkvcpp_tensor *t = want(l->f, w.name, e);
    if (!t) return -1;
    int64_t n = p->n / w.repeat;
    bool part = strcmp(w.name + (s->layer >= 0 ? strlen(w.name) - strlen("att.x_rwkvag") : 0), "att.x_rwkvag") == 0 ||
                (s->role >= SLOT_MA1_W && s->role <= SLOT_MA2_G);
    if (part ? w.at + n > t->n || t->n != n * (l->version == 7 ? 6 : 5) : t->n != n)
        return err_set(e, ERR_DATA, "'%s': '%s' has %lld elements, the model needs %lld", rwkvcpp_name(l->f), w.name,
                       (long long)t->n, (long long)n);
    if (p->n > l->cap) {
        free(l->tmp);
        l->cap = 0;
        l->tmp = mem_alloc((size_t)p->n, sizeof *l->tmp);
        if (!l->tmp) return err_oom(e, (size_t)p->n * sizeof *l->tmp, s->name);
        l->cap = p->n;
    }
    rwkvcpp_read(t, w.at, n, l->tmp);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(l->tmp[i]))
            return err_set(e, ERR_DATA, "'%s': element %lld of '%s' is not a finite number", rwkvcpp_name(l->f),
                           (long long)i, w.name);
    if (s->role == SLOT_DECAY && l->version <= 5)
        for (int64_t i = 0; i < n; i++) l->tmp[i] = decay_logit(l->version, l->tmp[i]);
    for (int64_t i = p->n - 1; i >= 0 && w.repeat > 1; i--) l->tmp[i] = l->tmp[i / w.repeat];
    if (p->dtype == DT_F32) memcpy(p->data, l->tmp, (size_t)p->n * sizeof *l->tmp);
    else kernels_get()->bf16_from_f32(p->data, l->tmp, (size_t)p->n);
    l->m->src_dtype[p->index] = t->dtype;
    return 0;
}

static int load_all(struct saved_model *m, const struct rwkvcpp *f, enum dtype dt, struct err *e)
{
    char names[16];
    int version = version_of(f);
    if (rwkvcpp_config(&m->config, f, e)) return -1;
    if (!(m->params = params_new(e)) || model_declare(&m->config, m->params, dt, e) ||
        params_alloc(m->params, false, e))
        return -1;
    m->src_dtype = mem_zalloc((size_t)m->params->n, sizeof *m->src_dtype);
    if (!m->src_dtype) return err_oom(e, (unsigned long long)m->params->n, "list of tensors");
    snprintf(names, sizeof names, "rwkv%d", version);
    struct load l = {.f = f, .m = m, .names = family_find(names), .version = version};
    int r = layout_walk(&m->config, load_slot, &l, e);
    free(l.tmp);
    return r;
}

int rwkvcpp_load(struct saved_model *m, const char *path, enum dtype dt, struct err *e)
{
    struct rwkvcpp *f = rwkvcpp_open(path, e);
    int r = f ? load_all(m, f, dt, e) : -1;
    rwkvcpp_close(f);
    return r;
}
