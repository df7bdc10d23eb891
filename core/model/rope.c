#include "core/model/rope.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"

static const double two_pi = 6.283185307179586476925;

static int turning(const struct block_config *b)
{
    return (int)(b->head_dim * b->partial);
}

int rope_n_rot(const struct block_config *b)
{
    return (turning(b) + 1) / 2 * 2;
}

static void scale_llama3(const struct block_config *b, double *f, int n)
{
    double L0 = b->original_max_pos;
    for (int i = 0; i < n; i++) {
        double wave = two_pi / f[i];
        if (wave > L0 / b->low_freq) f[i] /= b->factor;
        else if (wave >= L0 / b->high_freq) {
            double smooth = (L0 / wave - b->low_freq) / (b->high_freq - b->low_freq);
            f[i] = (1 - smooth) * f[i] / b->factor + smooth * f[i];
        }
    }
}

/* The index whose pair makes `rotations` turns over the original context. */
static double yarn_index(const struct block_config *b, double rotations)
{
    return turning(b) * log(b->original_max_pos / (rotations * two_pi)) / (2 * log(b->theta));
}

static void scale_yarn(const struct block_config *b, double *f, int n)
{
    double low = yarn_index(b, b->beta_fast), high = yarn_index(b, b->beta_slow);
    if (b->yarn_truncate) {
        low = floor(low);
        high = ceil(high);
    }
    low = fmax(low, 0);
    high = fmin(high, turning(b) - 1);
    if (low == high) high += 0.001; /* a step, without dividing by zero */
    for (int i = 0; i < n; i++) {
        double ramp = fmin(fmax((i - low) / (high - low), 0), 1);
        f[i] = f[i] / b->factor * ramp + f[i] * (1 - ramp);
    }
}

/* Returns the factor of cos and sin. */
static double scale_long(const struct longrope *l, const struct block_config *b, int seq_len, double *f, int n)
{
    double s = b->factor, L0 = b->original_max_pos;
    for (int i = 0; i < n && i < l->n; i++) f[i] /= l->by[seq_len > L0][i];
    if (b->attn_factor > 0) return b->attn_factor;
    return s > 1 && L0 > 1 ? sqrt(1 + log(s) / log(L0)) : 1;
}

double rope_frequencies(const struct longrope *l, const struct block_config *b, int seq_len, double *f)
{
    int d = turning(b), n = rope_n_rot(b) / 2;
    double theta = b->theta, s = b->factor, L0 = b->original_max_pos;
    if (b->scaling == ROPE_NTK) theta *= pow(s, (double)d / (d - 2));
    if (b->scaling == ROPE_DYNAMIC && seq_len > L0)
        theta *= pow(s * seq_len / L0 - (s - 1), (double)d / (d - 2));
    for (int i = 0; i < n; i++) f[i] = pow(theta, -2.0 * i / d);
    if (b->scaling == ROPE_LINEAR)
        for (int i = 0; i < n; i++) f[i] /= s;
    if (b->scaling == ROPE_LLAMA3) scale_llama3(b, f, n);
    if (b->scaling == ROPE_LONG) return scale_long(l, b, seq_len, f, n);
    if (b->scaling != ROPE_YARN) return 1;
    scale_yarn(b, f, n);
    if (b->attn_factor > 0) return b->attn_factor;
    return s > 1 ? 0.1 * log(s) + 1 : 1;
}

int rope_build(struct rope_table *t, const struct longrope *l, const struct block_config *b, int n_pos, struct err *e)
{
    int n = rope_n_rot(b) / 2;
    size_t bytes;
    *t = (struct rope_table){.n_rot = 2 * n, .max_pos = n_pos};
    if (!ck_mul((size_t)n_pos, (size_t)n * sizeof(float), &bytes)) return err_oom(e, SIZE_MAX, "rope tables");
    double *f = mem_alloc((size_t)n, sizeof *f);
    t->cos = mem_alloc_aligned(bytes);
    t->sin = mem_alloc_aligned(bytes);
    if (!f || !t->cos || !t->sin) {
        free(f);
        rope_free(t);
        return err_oom(e, 2 * bytes, "rope tables");
    }
    double m = rope_frequencies(l, b, n_pos, f);
    for (int64_t p = 0; p < n_pos; p++)
        for (int i = 0; i < n; i++) {
            t->cos[p * n + i] = (float)(m * cos((double)p * f[i]));
            t->sin[p * n + i] = (float)(m * sin((double)p * f[i]));
        }
    free(f);
    return 0;
}

void rope_free(struct rope_table *t)
{
    mem_free_aligned(t->cos);
    mem_free_aligned(t->sin);
    *t = (struct rope_table){0};
}

bool rope_same(const struct block_config *a, const struct block_config *b)
{
    return a->pos == POS_ROPE && b->pos == POS_ROPE && a->head_dim == b->head_dim && a->theta == b->theta &&
           a->partial == b->partial && a->scaling == b->scaling && a->factor == b->factor &&
           a->low_freq == b->low_freq && a->high_freq == b->high_freq &&
           a->original_max_pos == b->original_max_pos && a->beta_fast == b->beta_fast &&
           a->beta_slow == b->beta_slow && a->attn_factor == b->attn_factor &&
           a->yarn_truncate == b->yarn_truncate;
}

void sinusoidal_fill(float *out, enum sin_layout layout, int offset, int n_pos, int d)
{
    int half = d / 2;
    for (int i = 0; i < half; i++) {
        double f = layout == SIN_T2T ? pow(10000, -(double)i / (half > 1 ? half - 1 : 1))
                                     : pow(10000, -2.0 * i / d);
        for (int p = 0; p < n_pos; p++) {
            float *row = out + (int64_t)p * d;
            double a = (double)(p + offset) * f;
            row[layout == SIN_INTERLEAVED ? 2 * i : i] = (float)sin(a);
            row[layout == SIN_INTERLEAVED ? 2 * i + 1 : half + i] = (float)cos(a);
        }
    }
}

void alibi_slopes(float *slope, int H)
{
    int p = 1;
    while (2 * p <= H) p *= 2;
    for (int h = 0; h < H; h++)
        slope[h] = (float)(h < p ? exp2(-8.0 * (h + 1) / p) : exp2(-4.0 * (2 * (h - p) + 1) / p));
}
