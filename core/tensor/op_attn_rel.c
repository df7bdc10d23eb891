/* op_attn_rel.c - the tables of relative positions as the kernels read them. */
#include <math.h>
#include <string.h>

#include "core/tensor/op_attn.h"

/* Half of the buckets of a direction are exact, the others logarithmic. */
int t5_bucket(int rel, bool causal, int buckets, int max_distance)
{
    int n = -rel, at = 0;
    if (!causal) {
        buckets /= 2;
        if (rel > 0) at = buckets;
        n = n < 0 ? -n : n;
    } else if (n < 0) {
        n = 0;
    }
    int exact = buckets / 2;
    if (n < exact) return at + n;
    double x = log((double)n / exact) / log((double)max_distance / exact) * (buckets - exact);
    int b = exact + (int)x;
    return at + (b < buckets ? b : buckets - 1);
}

/* ---- in the workspace: T5's biases [H][rel_ld], then bf16 tables of Shaw as f32 ---- */

static bool needs_f32(const struct tensor *t)
{
    return t && t->dtype != DT_F32;
}

static size_t rel_floats(const struct attn_attr *a)
{
    return (size_t)((a->rel_ld + 15) / 16 * 16) * (size_t)(a->rel_ld ? a->s.H : 0);
}

static size_t shaw_floats(const struct attn_attr *a)
{
    return ((size_t)(2 * a->s.clip + 1) * (size_t)a->s.D + 15) / 16 * 16;
}

size_t attn_tables_bytes(const struct node *n)
{
    const struct attn_attr *a = n->attr;
    size_t floats = rel_floats(a);
    if (needs_f32(n->in[ATTN_SHAW_K]) || needs_f32(n->in[ATTN_SHAW_V])) floats += 2 * shaw_floats(a);
    return floats * sizeof(float);
}

int attn_table_slices(const struct node *n)
{
    const struct attn_attr *a = n->attr;
    return ATTN_TABLE_SLICES + (a->rel_ld ? a->s.H : 0);
}

static float *table_at(const struct node *n, const struct run *r, int which)
{
    const struct attn_attr *a = n->attr;
    return (float *)(void *)r->ws + rel_floats(a) + (size_t)which * shaw_floats(a);
}

void attn_table_slice(const struct node *n, const struct run *r, int slice)
{
    const struct attn_attr *a = n->attr;
    const struct attn_spec *s = &a->s;
    if (slice < ATTN_TABLE_SLICES) {
        const struct tensor *t = n->in[ATTN_SHAW_K + slice];
        if (needs_f32(t)) r->k->f32_from_bf16(table_at(n, r, slice), t->data, (size_t)tensor_n(t));
        return;
    }
    int h = slice - ATTN_TABLE_SLICES;
    const struct tensor *t = n->in[ATTN_T5];
    float *rel = (float *)(void *)r->ws + (size_t)h * ((size_t)(a->rel_ld + 15) / 16 * 16), row[1];
    for (int64_t i = 0; i < a->rel_ld; i++) {
        rel[i] = *load_row(r->k, t, (int64_t)a->bucket[i] * s->H + h, 1, row);
    }
}

void attn_use_tables(const struct node *n, const struct run *r, struct attn *v)
{
    const struct attn_attr *a = n->attr;
    const struct tensor *k = n->in[ATTN_SHAW_K], *val = n->in[ATTN_SHAW_V];
    if (a->rel_ld) {
        v->rel_bias = (const float *)(const void *)r->ws;
        v->rel_ld = (a->rel_ld + 15) / 16 * 16;
        v->rel_zero = attn_rel_zero(a->S);
    }
    v->clip = k || val ? a->s.clip : 0;
    if (k) v->shaw_k = needs_f32(k) ? table_at(n, r, 0) : k->data;
    if (val) v->shaw_v = needs_f32(val) ? table_at(n, r, 1) : val->data;
}
