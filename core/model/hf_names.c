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
    struct param *qkv_w[3], *qkv_b[3], *gate_up[2], *kv_a;
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
        t.layout = HF_PER_HEAD;
        t.heads = b->kv_heads;
        t.group = b->heads / b->kv_heads;
    } else if (v->f->conv1d && s->ndim == 2) {
        transpose_dims(&t);
    }
    return v->fn(v->arg, &t, qkv, 3, e);
}

/* Gate, then up, whose tensor it completes. */
static int visit_gate_up(struct visit *v, const struct slot *s, struct param *p, const char *name, struct err *e)
{
    bool up = s->role == SLOT_UP_W || s->role == SLOT_SUP_W;
    v->gate_up[up] = p;
    if (!up) return 0;
    char full[128];
    size_t prefix = strlen(s->name) - strlen(family_slot(v->f, s->role, false, true));
    snprintf(full, sizeof full, "%.*s%s", (int)prefix, s->name, name);
    struct hf_tensor t = {
        .name = full, .alias = full + strlen(v->f->base), .ndim = s->ndim, .dim = {2 * s->dim[0], s->dim[1]}};
    return v->fn(v->arg, &t, v->gate_up, 2, e);
}

/* mla: on disk the rotary key's rows lie below those of kv_a. */
static int visit_kv_a(struct visit *v, const struct slot *s, struct param *p, struct err *e)
{
    bool rope = s->role == SLOT_MLA_KR || s->role == SLOT_MLA_KR_B;
    char full[128];
    if (!rope) {
        v->kv_a = p;
        return 0;
    }
    struct param *two[] = {v->kv_a, p};
    int prefix = (int)(strlen(s->name) - strlen(family_slot(v->f, s->role, false, false)));
    snprintf(full, sizeof full, "%.*sself_attn.kv_a_proj_with_mqa.%s", prefix, s->name, s->ndim == 2 ? "weight" : "bias");
    struct hf_tensor t = {.name = full, .alias = full + strlen(v->f->base), .ndim = s->ndim,
                          .dim = {v->kv_a->dim[0] + s->dim[0], s->dim[1]}};
    return v->fn(v->arg, &t, two, 2, e);
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

/* Norms of each head: one tensor [H, D], or one a head. */
static int visit_head_norms(struct visit *v, const struct slot *s, struct param *p, struct err *e)
{
    const struct block_config *b = model_block(v->c, s->layer);
    bool key = s->role == SLOT_KNORM;
    const char *each = v->f->each_head[key];
    int heads = key ? b->kv_heads : b->heads, D = b->head_dim;
    struct hf_tensor t = {.name = s->name, .alias = s->name + strlen(v->f->base), .ndim = 2, .dim = {heads, D}};
    if (!each) return v->fn(v->arg, &t, &p, 1, e);
    int prefix = (int)(strlen(s->name) - strlen(family_slot(v->f, s->role, false, false)));
    const char *at = strchr(each, '%');
    for (int h = 0; h < heads; h++) {
        char name[160];
        snprintf(name, sizeof name, "%.*s%.*s%d%s", prefix, s->name, (int)(at - each), each, h, at + 2);
        t = (struct hf_tensor){
            .name = name, .alias = name + strlen(v->f->base), .ndim = 1, .dim = {D}, .row0 = (int64_t)h * D, .rows = D};
        if (v->fn(v->arg, &t, &p, 1, e)) return -1;
    }
    return 0;
}

/* Families whose files hold the same copies; the first of a row stands for the others. */
static const char *relative_of(const char *family)
{
    static const char *const same[][9] = {{"t5", "mt5", "umt5"},
                                          {"bart", "mbart", "pegasus", "marian", "m2m_100", "blenderbot", "plbart"},
                                          {"roberta", "xlm_roberta", "camembert", "mpnet", "data2vec_text", "roberta_prelayernorm"},
                                          {"bert", "megatron_bert"},
                                          {"electra", "electra_generator"}};
    for (size_t i = 0; i < COUNT_OF(same); i++)
        for (size_t j = 0; j < COUNT_OF(same[i]) && same[i][j]; j++)
            if (strcmp(same[i][j], family) == 0) return same[i][0];
    return family;
}

/* With its own head BERT reads the bias beside the head's weight instead of its tied copy. */
static const char *untied_bias(const struct model_config *c)
{
    if (c->tie_embed) return NULL;
    const char *like = relative_of(c->family);
    if (strcmp(like, "bert") == 0) return "cls.predictions.decoder.bias";
    return strcmp(like, "roberta") == 0 ? "lm_head.decoder.bias" : NULL;
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
    if (v->f->gate_up_w && (s->role == SLOT_GATE_W || s->role == SLOT_UP_W) && model_block(v->c, s->layer)->ffn == FFN_GLU)
        return visit_gate_up(v, s, p, v->f->gate_up_w, e);
    if (v->f->shared_gate_up_w && (s->role == SLOT_SGATE_W || s->role == SLOT_SUP_W))
        return visit_gate_up(v, s, p, v->f->shared_gate_up_w, e);
    if ((s->role == SLOT_QNORM || s->role == SLOT_KNORM) && model_block(v->c, s->layer)->qk_norm == QK_HEAD_LN)
        return visit_head_norms(v, s, p, e);
    if (s->role == SLOT_MLA_KVA || s->role == SLOT_MLA_KVA_B || s->role == SLOT_MLA_KR || s->role == SLOT_MLA_KR_B)
        return visit_kv_a(v, s, p, e);
    struct hf_tensor t = {.name = s->name, .alias = s->name, .ndim = s->ndim, .dim = {s->dim[0], s->dim[1]},
                          .of_embed = s->role == SLOT_EMBED};
    char router[128];
    if (s->role == SLOT_MLA_QB && !model_block(v->c, s->layer)->mla.q_rank) {
        int before = (int)(strlen(s->name) - strlen(family_slot(v->f, s->role, false, false)));
        snprintf(router, sizeof router, "%.*sself_attn.q_proj.weight", before, s->name);
        t.name = router;
        t.alias = router + strlen(v->f->base);
        return v->fn(v->arg, &t, &p, 1, e);
    }
    if (s->role == SLOT_ROUTER_W && v->f->router) {
        int prefix = (int)(strlen(s->name) - strlen(family_slot(v->f, s->role, false, false)));
        snprintf(router, sizeof router, "%.*s%s", prefix, s->name, v->f->router);
        t.name = router; /* ours is the alias */
        return v->fn(v->arg, &t, &p, 1, e);
    }
    if (strncmp(s->name, v->f->base, strlen(v->f->base)) == 0) t.alias = s->name + strlen(v->f->base);
    if (s->role == SLOT_HEAD_W) t.alias = "lm_head.weight"; /* gpt_neox's embed_out in transformers 5 */
    if (s->role == SLOT_HEAD_B && untied_bias(v->c)) {
        t.alias = s->name; /* transformers 4 tied the two biases whatever became of the weights */
        t.name = untied_bias(v->c);
    }
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
    /* Ours: all q, all k, all v; there, for each head of k: its heads of q, k, v. */
    int64_t G = t->group, D = rows / (t->heads * (G + 2)), h = r / D, k = h - t->heads * G;
    int64_t at = k < 0 ? h / G * (G + 2) + h % G : k % t->heads * (G + 2) + G + k / t->heads;
    return at * D + r % D;
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
    if (total != rows * n ||
        (t->layout == HF_PER_HEAD &&
         (n_parts != 3 || t->heads < 1 || t->group < 1 || rows % ((t->group + 2) * t->heads))) ||
        (t->rows && (n_parts != 1 || t->row0 + t->rows > p0->n / n)) ||
        (of_experts && (t->heads < 1 || rows % t->heads)))
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
static bool is_copy(const struct model_config *c, const char *name)
{
    static const struct {
        const char *family, *name;
    } copies[] = {
        {"t5", "encoder.embed_tokens.weight"},
        {"t5", "decoder.embed_tokens.weight"},
        {"bart", "model.encoder.embed_tokens.weight"},
        {"bart", "model.decoder.embed_tokens.weight"},
        {"roberta", "lm_head.decoder.bias"},
        {"roberta", "lm_head.bias"},
        {"bert", "cls.predictions.decoder.bias"},
        {"bert", "cls.predictions.bias"},
        {"albert", "predictions.decoder.bias"},
    };
    const char *family = relative_of(c->family);
    if (c->stack == STACK_ENCODER && str_ends_with(name, "embeddings.position_ids")) return true;
    for (size_t i = 0; i < COUNT_OF(copies); i++)
        if (strcmp(copies[i].family, family) == 0 && strcmp(copies[i].name, name) == 0) return true;
    /* Tables of sines, which are computed here. */
    return c->embed_pos == POS_SINUSOIDAL && strcmp(family, "bart") == 0 &&
           (str_ends_with(name, "coder.embed_positions.weight") || str_ends_with(name, "coder.embed_positions.weights"));
}

/* Heads of other objectives: BERT's next sentence, ALBERT's order, ELECTRA's other half. */
static bool is_other_head(const struct family *f, const char *name)
{
    static const char *const bert_like[] = {"pooler.", "cls.seq_relationship.", "sop_classifier."};
    const char *family = relative_of(f->name);
    bool electra = strcmp(family, "electra") == 0;
    size_t base = strlen(f->base);
    if (electra && strcmp(f->name, "electra")) return strncmp(name, "discriminator_predictions.", 26) == 0;
    if (electra) return strncmp(name, "generator_predictions.", 22) == 0 || strncmp(name, "generator_lm_head.", 18) == 0;
    if (strcmp(family, "bert") && strcmp(family, "roberta") && strcmp(family, "albert")) return false;
    if (strncmp(name, f->base, base) == 0 && strncmp(name + base, "pooler.", 7) == 0) return true;
    for (size_t i = 0; i < COUNT_OF(bert_like); i++)
        if (strncmp(name, bert_like[i], strlen(bert_like[i])) == 0) return true;
    return false;
}

/* DeepSeek-V3's and GLM-4.5's files hold layers after the last, which guess more than one token. */
static bool is_later_layer(const struct model_config *c, const char *name)
{
    static const char prefix[] = "model.layers.";
    bool guesses = strcmp(c->family, "deepseek_v3") == 0 || strcmp(c->family, "glm4_moe") == 0;
    if (!guesses || strncmp(name, prefix, sizeof prefix - 1)) return false;
    return strtol(name + sizeof prefix - 1, NULL, 10) >= c->n_layers;
}

bool model_hf_tied_copy(const struct model_config *c, const char *name)
{
    const struct family *f = family_find(c->family);
    return c->tie_embed && f && c->head != HEAD_RTD &&
           (strcmp(name, "lm_head.weight") == 0 || strcmp(name, family_slot(f, SLOT_HEAD_W, false, false)) == 0);
}

bool model_hf_ignored(const struct model_config *c, const char *name)
{
    if (str_ends_with(name, "rotary_emb.inv_freq") || str_ends_with(name, ".masked_bias")) return true;
    const struct family *f = family_find(c->family);
    if (is_copy(c, name) || (f && is_other_head(f, name)) || model_hf_tied_copy(c, name)) return true;
    if (is_later_layer(c, name)) return true;
    /* Causal masks; the attention bias of gpt2 is called c_attn.bias. */
    return f && (f->conv1d || f->qkv_per_head || strcmp(f->name, "gpt_neo") == 0) &&
           (str_ends_with(name, ".attn.bias") || str_ends_with(name, ".attention.bias"));
}
