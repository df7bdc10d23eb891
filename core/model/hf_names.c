/* hf_names.c - how parameters lie in Hugging Face files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/kernels/kernels.h"
#include "core/model/layout.h"

typedef int hf_fn(void *arg, const struct hf_tensor *t, struct param *const *parts, int n_parts, struct err *e);

struct visit {
    const struct family *f;
    const struct model_config *c;
    const struct params *p;
    struct param *qkv_w[3], *qkv_b[3], *kv_a;
    hf_fn *fn;
    void *arg;
};

static void transpose_dims(struct hf_tensor *t)
{
    int64_t d = t->dim[0];
    t->dim[0] = t->dim[1];
    t->dim[1] = d;
    t->layout = HF_TRANSPOSED;
}

/* q, k and v arrive in turn; the third completes the fused tensor. */
static int visit_fused(struct visit *v, const struct slot *s, struct param *p, int part, struct param **qkv,
                       const char *name, struct err *e)
{
    qkv[part] = p;
    if (part < 2) return 0;
    char full[128];
    size_t prefix = strlen(s->name) - strlen(family_slot(v->f, s->role, false, false));
    snprintf(full, sizeof full, "%.*s%s", (int)prefix, s->name, name);
    struct hf_tensor t = {.name = full, .alias = full + strlen(v->f->base), .ndim = s->ndim,
                          .dim = {qkv[0]->dim[0] + qkv[1]->dim[0] + qkv[2]->dim[0], s->dim[1]}};
    if (v->f->qkv_per_head) {
        const struct block_config *b = model_block(v->c, s->layer);
        if (b->kv_heads != b->heads)
            return err_set(e, ERR_CONFIG, "family %s has no grouped kv_heads in Hugging Face files", v->f->name);
        t.layout = HF_PER_HEAD;
        t.heads = b->heads;
    } else if (v->f->conv1d && s->ndim == 2) {
        transpose_dims(&t);
    }
    return v->fn(v->arg, &t, qkv, 3, e);
}

/* The same experts as tensors of their own: gate and up are rows of one parameter here. */
static int visit_apart(struct visit *v, const struct slot *s, struct param *p, struct err *e)
{
    const struct family *f = v->f;
    bool up = s->role == SLOT_EUP_W;
    int n_parts = up ? 2 : 1;
    int64_t rows = s->dim[1] / n_parts;
    int prefix = (int)(strlen(s->name) - strlen(family_slot(f, s->role, false, false)));
    const char *at = strchr(f->expert, '%');
    for (int x = 0; x < s->dim[0]; x++)
        for (int i = 0; i < n_parts; i++) {
            char name[160];
            snprintf(name, sizeof name, "%.*s%.*s%d.%s", prefix, s->name, (int)(at - f->expert), f->expert, x,
                     f->expert_part[up ? i : 2]);
            struct hf_tensor t = {.name = name, .alias = name + strlen(f->base), .ndim = 2, .dim = {rows, s->dim[2]},
                                  .row0 = (x * n_parts + i) * rows, .rows = rows};
            if (v->fn(v->arg, &t, &p, 1, e)) return -1;
        }
    return 0;
}

/* Stacked experts and their biases [E*out]. */
static int visit_experts(struct visit *v, const struct slot *s, struct param *p, struct err *e)
{
    const struct block_config *b = model_block(v->c, s->layer);
    struct hf_tensor t = {.name = s->name, .alias = s->name + strlen(v->f->base), .ndim = s->ndim,
                          .dim = {s->dim[0], s->dim[1], s->dim[2]}, .or_apart = v->f->expert && s->ndim == 3};
    if (s->ndim == 1) {
        t.ndim = 2;
        t.dim[0] = b->moe.experts;
        t.dim[1] = s->dim[0] / b->moe.experts;
    }
    if (v->f->experts_transposed) {
        t.layout = s->role == SLOT_EUP_W || s->role == SLOT_EUP_B ? HF_EXPERTS_TURNS : HF_EXPERTS;
        t.heads = b->moe.experts;
        if (s->ndim == 3) t.dim[1] = s->dim[2], t.dim[2] = s->dim[1];
    }
    int r = v->fn(v->arg, &t, &p, 1, e);
    return r > 0 ? visit_apart(v, s, p, e) : r;
}

static int visit_slot(void *arg, const struct slot *s, struct err *e)
{
    struct visit *v = arg;
    struct param *p = params_find(v->p, s->name);
    if (!p) return err_set(e, ERR_DATA, "the model has no parameter '%s'", s->name);
    if (v->f->qkv_fused && s->role >= SLOT_Q_W && s->role <= SLOT_V_W)
        return visit_fused(v, s, p, (int)s->role - (int)SLOT_Q_W, v->qkv_w, v->f->qkv_w, e);
    if (v->f->qkv_fused && s->role >= SLOT_Q_B && s->role <= SLOT_V_B)
        return visit_fused(v, s, p, (int)s->role - (int)SLOT_Q_B, v->qkv_b, v->f->qkv_b, e);
    if (s->role >= SLOT_EUP_W && s->role <= SLOT_EDOWN_B) return visit_experts(v, s, p, e);
    struct hf_tensor t = {.name = s->name, .alias = s->name, .ndim = s->ndim, .dim = {s->dim[0], s->dim[1]}};
    if (s->role == SLOT_MLA_KVA) {
        v->kv_a = p;
        return 0;
    }
    char router[128];
    int before = (int)(strlen(s->name) - strlen(family_slot(v->f, s->role, false, false)));
    if (s->role == SLOT_MLA_KR || (s->role == SLOT_MLA_QB && !model_block(v->c, s->layer)->mla.q_rank)) {
        bool kr = s->role == SLOT_MLA_KR; /* on disk below the rows of kv_a */
        struct param *two[] = {kr ? v->kv_a : p, p};
        snprintf(router, sizeof router, "%.*sself_attn.%s.weight", before, s->name, kr ? "kv_a_proj_with_mqa" : "q_proj");
        t.name = router;
        t.alias = router + strlen(v->f->base);
        if (kr) t.dim[0] += v->kv_a->dim[0];
        return v->fn(v->arg, &t, two, kr ? 2 : 1, e);
    }
    if (s->role == SLOT_ROUTER_W && v->f->router) {
        int prefix = (int)(strlen(s->name) - strlen(family_slot(v->f, s->role, false, false)));
        snprintf(router, sizeof router, "%.*s%s", prefix, s->name, v->f->router);
        t.name = router; /* ours is the alias */
        return v->fn(v->arg, &t, &p, 1, e);
    }
    if (strncmp(s->name, v->f->base, strlen(v->f->base)) == 0) t.alias = s->name + strlen(v->f->base);
    if (s->role == SLOT_HEAD_W) t.alias = "lm_head.weight"; /* gpt_neox's embed_out in transformers 5 */
    if (s->role == SLOT_HEAD_B && v->f->frozen_head_bias) { /* [1,V] on disk */
        t.ndim = 2;
        t.dim[1] = t.dim[0];
        t.dim[0] = 1;
    }
    if (strcmp(v->f->name, "rwkv") == 0 && s->ndim == 1 &&
        ((s->role >= SLOT_MIX_X && s->role <= SLOT_MIX_A) || s->role == SLOT_CMIX_K || s->role == SLOT_CMIX_R)) {
        t.ndim = 3; /* [1,1,C] on disk */
        t.dim[2] = t.dim[0];
        t.dim[0] = t.dim[1] = 1;
    }
    if (v->f->conv1d && s->linear && s->layer >= 0) transpose_dims(&t);
    return v->fn(v->arg, &t, &p, 1, e);
}

int model_hf_visit(const struct model_config *c, const struct params *p, hf_fn *fn, void *arg, struct err *e)
{
    struct visit v = {.f = family_find(c->family), .c = c, .p = p, .fn = fn, .arg = arg};
    if (!v.f) return err_set(e, ERR_CONFIG, "family '%s' is unknown", c->family);
    return layout_walk(c, visit_slot, &v, e);
}

/* Where row r of the stacked parts lies on disk; of transposed experts, which column of which expert it is. */
static int64_t disk_row(const struct hf_tensor *t, int64_t r, int64_t rows)
{
    if (t->layout == HF_EXPERTS_TURNS) {
        int64_t R = rows / t->heads, in = r % R, half = R / 2;
        return r - in + in % half * 2 + in / half;
    }
    if (t->layout != HF_PER_HEAD) return r;
    int64_t third = rows / 3, part = r / third, D = third / t->heads, in = r % third;
    return (in / D) * 3 * D + part * D + in % D;
}

/* One row of ours (n elements) from disk, or to disk.  Transposed rows are
 * columns there. */
static void move_row(const struct hf_tensor *t, float *disk, int64_t r, int64_t rows, int64_t n, float *row, bool out)
{
    if (t->layout == HF_TRANSPOSED || t->layout == HF_EXPERTS || t->layout == HF_EXPERTS_TURNS) {
        /* one matrix, or one an expert */
        int64_t ld = t->layout == HF_TRANSPOSED ? rows : rows / t->heads, column = disk_row(t, r, rows);
        float *d = disk + column / ld * ld * n + column % ld;
        for (int64_t i = 0; i < n; i++, d += ld) {
            if (out) *d = row[i];
            else row[i] = *d;
        }
        return;
    }
    float *d = disk + disk_row(t, r, rows) * n;
    memcpy(out ? d : row, out ? row : d, (size_t)n * sizeof *row);
}

static int move(const struct hf_tensor *t, struct param *const *parts, int n_parts, float *disk, bool out, struct err *e)
{
    const struct kernels *kern = kernels_get();
    const struct param *p0 = parts[0];
    int64_t rows = 0, n = p0->ndim >= 2 ? p0->dim[p0->ndim - 1] : 1, total = 1;
    for (int i = 0; i < n_parts; i++) rows += parts[i]->n / n;
    if (t->rows) rows = t->rows;
    for (int i = 0; i < t->ndim; i++) total *= t->dim[i];
    bool of_experts = t->layout == HF_EXPERTS || t->layout == HF_EXPERTS_TURNS;
    if (total != rows * n || (t->layout == HF_PER_HEAD && (n_parts != 3 || t->heads < 1 || rows % (3 * t->heads))) ||
        (t->rows && (n_parts != 1 || t->row0 + t->rows > p0->n / n)) || (of_experts && (t->heads < 1 || rows % t->heads)))
        return err_set(e, ERR_INTERNAL, "'%s' does not match its parameters", t->name);
    float *tmp = mem_alloc((size_t)n, sizeof *tmp);
    if (!tmp) return err_oom(e, (size_t)n * sizeof *tmp, "a row of weights");
    int64_t r = 0;
    for (int i = 0; i < n_parts; i++) {
        struct param *p = parts[i];
        int64_t k0 = t->row0, k1 = t->rows ? k0 + t->rows : p->n / n;
        for (int64_t k = k0; k < k1; k++, r++) {
            bool half = p->dtype == DT_BF16;
            float *row = half ? tmp : (float *)p->data + k * n;
            uint16_t *h = (uint16_t *)p->data + k * n;
            if (half && out) kern->f32_from_bf16(tmp, h, (size_t)n);
            move_row(t, disk, r, rows, n, row, out);
            if (half && !out) kern->bf16_from_f32(h, tmp, (size_t)n);
        }
    }
    free(tmp);
    return 0;
}

int model_hf_import(const struct model_config *c, const struct hf_tensor *t, struct param *const *parts, int n_parts,
                    const float *disk, struct err *e)
{
    (void)c;
    /* move() only reads disk in this direction. */
    return move(t, parts, n_parts, (float *)(uintptr_t)disk, false, e);
}

int model_hf_export(const struct model_config *c, const struct hf_tensor *t, struct param *const *parts, int n_parts,
                    float *disk, struct err *e)
{
    (void)c;
    return move(t, parts, n_parts, disk, true, e);
}

/* Copies that files of some families hold beside what they are copies of. */
static bool is_copy(const char *family, const char *name)
{
    static const struct {
        const char *family, *name;
    } copies[] = {
        {"t5", "encoder.embed_tokens.weight"}, {"t5", "decoder.embed_tokens.weight"},
        {"bart", "model.encoder.embed_tokens.weight"}, {"bart", "model.decoder.embed_tokens.weight"},
        {"marian", "model.encoder.embed_tokens.weight"}, {"marian", "model.decoder.embed_tokens.weight"},
        {"marian", "model.encoder.embed_positions.weight"}, {"marian", "model.decoder.embed_positions.weight"},
        {"bert", "cls.predictions.decoder.bias"}, {"bert", "bert.embeddings.position_ids"},
        {"electra", "electra.embeddings.position_ids"},
        {"electra_generator", "electra.embeddings.position_ids"},
        {"bert", "embeddings.position_ids"}, {"electra", "embeddings.position_ids"},
    };
    for (size_t i = 0; i < COUNT_OF(copies); i++)
        if (strcmp(copies[i].family, family) == 0 && strcmp(copies[i].name, name) == 0) return true;
    return false;
}

/* Heads of other objectives: BERT's next sentence, ELECTRA's other half. */
static bool is_other_head(const char *family, const char *name)
{
    bool electra = strncmp(family, "electra", 7) == 0;
    if (strcmp(family, "bert") == 0)
        return strncmp(name, "bert.pooler.", 12) == 0 || strncmp(name, "pooler.", 7) == 0 || strncmp(name, "cls.seq_relationship.", 21) == 0;
    if (electra && strcmp(family, "electra")) return strncmp(name, "discriminator_predictions.", 26) == 0;
    return electra && (strncmp(name, "generator_predictions.", 22) == 0 || strncmp(name, "generator_lm_head.", 18) == 0);
}

bool model_hf_ignored(const struct model_config *c, const char *name)
{
    if (str_ends_with(name, "rotary_emb.inv_freq") || str_ends_with(name, ".masked_bias")) return true;
    if (is_copy(c->family, name) || is_other_head(c->family, name)) return true;
    const struct family *f = family_find(c->family);
    bool head = strcmp(name, "lm_head.weight") == 0 || (f && strcmp(name, family_slot(f, SLOT_HEAD_W, false, false)) == 0);
    if (head && c->tie_embed) return true;
    /* Causal masks; the attention bias of gpt2 is called c_attn.bias. */
    return f && (f->conv1d || f->qkv_per_head) && (str_ends_with(name, ".attn.bias") || str_ends_with(name, ".attention.bias"));
}
