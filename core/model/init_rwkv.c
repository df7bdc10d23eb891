/* init_rwkv.c - first values of RWKV's parameters, those of the authors'
 * training code: decays and mixes run over channels and layers, the products
 * into the residual stream begin with zeros, others are orthogonal.  With other
 * values it learns worse, so they are part of the model.
 *
 * Orthogonal matrices by Gram-Schmidt on normal rows (or columns, the fewer);
 * above ORTHO_MAX of them normal values of the same length, which is close. */
#include "core/model/init_rwkv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/kernels/kernels.h"

enum { ORTHO_MAX = 2048 };

/* Where a layer stands: 0 to 1, and 1 to almost 0. */
struct place {
    double up, down;
};

static struct place place_of(const struct model_config *c, int layer)
{
    int L = c->n_layers;
    return (struct place){L > 1 ? (double)layer / (L - 1) : 0, 1 - (double)layer / L};
}

static double zigzag4(int64_t i)
{
    return (double)((i + 1) % 3 - 1) * 0.5;
}

/* Of each channel a decay of its own, slower in later layers. */
static double decay(enum mixer_type m, struct place p, double x, int64_t i, int D)
{
    if (m == MIX_RWKV4) return -5 + 8 * pow(x, 0.7 + 1.3 * p.up);
    if (m != MIX_RWKV7) return -6 + 5 * pow(x, 0.7 + 1.3 * p.up);
    double half = (D - 1) / 2.0, z = D > 1 ? ((double)(i % D) - half) / half : 0;
    return -6 + 6 * pow(x, 1 + pow(p.up, 0.3)) + 0.5 + 2.5 * z * fabs(z);
}

static double first(enum mixer_type m, struct place p, double x, int64_t i)
{
    return m == MIX_RWKV4 ? log(0.3) + zigzag4(i) : p.up * (1 - x) + ((double)((i + 1) % 3) - 1) * 0.1;
}

/* d = i / C.  RWKV-4 and -5 weigh the token itself, -6 and -7 the one before. */
static double mix(const struct model_config *c, const struct slot *s, struct place p, double d)
{
    enum mixer_type m = model_block(c, s->layer)->mixer;
    if (m == MIX_RWKV7) {
        double e = s->role == SLOT_MIX_R || s->role == SLOT_MIX_G   ? 0.2
                   : s->role == SLOT_MIX_W || s->role == SLOT_MIX_A ? 0.9
                                                                    : 0.7;
        if (s->role == SLOT_CMIX_K) return 1 - pow(d, pow(p.down, 4));
        return 1 - pow(d, e * p.down);
    }
    double e = s->role == SLOT_MIX_R || s->role == SLOT_MIX_G ? 0.5 * p.down : p.down, v = pow(d, e);
    if (s->role == SLOT_MIX_V) v += 0.3 * p.up;
    return m == MIX_RWKV6 ? 1 - v : v;
}

static double vector_at(const struct model_config *c, const struct slot *s, int64_t i)
{
    const struct block_config *b = model_block(c, s->layer);
    struct place p = place_of(c, s->layer);
    int64_t n = s->dim[0];
    double x = n > 1 ? (double)i / (double)(n - 1) : 0, linear = x - 0.5;
    int D = b->head_dim;
    double half = (D - 1) / 2.0, z = D > 1 ? ((double)(i % D) - half) / half : 0;
    switch (s->role) {
    case SLOT_DECAY: return decay(b->mixer, p, x, i, D);
    case SLOT_FIRST: return first(b->mixer, p, x, i);
    case SLOT_A0: return -0.19 + 0.3 * z * fabs(z) + 0.4 * linear;
    case SLOT_V0: return 0.73 - 0.4 * linear;
    case SLOT_KK: return 0.71 - 0.1 * linear;
    case SLOT_KA: return 1.02;
    case SLOT_RK: return -0.04;
    case SLOT_LNX_W: return b->mixer == MIX_RWKV7 ? pow((1.0 + s->layer) / c->n_layers, 0.7) : 1;
    default: return mix(c, s, p, (double)i / (double)n);
    }
}

static void uniform(float *x, int64_t n, const struct rng_key *key, double a)
{
    for (int64_t i = 0; i < n; i++) x[i] = (float)(a * (2 * (double)rng_f32(key, (uint64_t)i) - 1));
}

/* The fewer of rows and columns become orthogonal, of length gain. */
static int orthogonal(float *x, int64_t rows, int64_t cols, const struct rng_key *key, double gain, struct err *e)
{
    const struct kernels *k = kernels_get();
    bool tall = rows > cols;
    int64_t m = tall ? cols : rows, n = tall ? rows : cols;
    size_t len = (size_t)n;
    float *q = mem_alloc((size_t)m * len, sizeof *q);
    if (!q) return err_oom(e, (size_t)m * len * sizeof *q, "initial values");
    for (int64_t i = 0; i < m; i++) {
        float *row = q + i * n;
        for (int64_t j = 0; j < n; j++) row[j] = rng_normal(key, (uint64_t)(i * n + j));
        for (int pass = 0; pass < 2 && m <= ORTHO_MAX; pass++) /* twice is enough */
            for (int64_t j = 0; j < i; j++) k->axpy(row, -k->dot(row, q + j * n, len), q + j * n, len);
        double norm = sqrt((double)k->sumsq(row, len));
        k->scale(row, (float)(norm > 0 ? 1 / norm : 0), row, len);
    }
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < cols; j++) x[r * cols + j] = (float)gain * (tall ? q[j * n + r] : q[r * n + j]);
    free(q);
    return 0;
}

static double gain_of(const struct slot *s)
{
    return s->dim[0] > s->dim[1] ? sqrt((double)s->dim[0] / (double)s->dim[1]) : 1;
}

static int matrix(const struct model_config *c, const struct slot *s, float *x, const struct rng_key *key, struct err *e)
{
    int64_t n = s->dim[0] * s->dim[1];
    enum mixer_type m = s->layer >= 0 ? model_block(c, s->layer)->mixer : MIX_ATTN;
    double unit = 0.5 / sqrt((double)c->d_model);
    switch (s->role) {
    case SLOT_MA2_W: case SLOT_MA2_K: case SLOT_MA2_V: case SLOT_MA2_R: case SLOT_MA2_G:
        uniform(x, n, key, 0.01);
        return 0;
    case SLOT_DECAY_B:
        if (m == MIX_RWKV7) return orthogonal(x, s->dim[0], s->dim[1], key, 0.1 * gain_of(s), e);
        uniform(x, n, key, 0.01);
        return 0;
    case SLOT_A2: case SLOT_V2: case SLOT_G2:
        return orthogonal(x, s->dim[0], s->dim[1], key, 0.1 * gain_of(s), e);
    case SLOT_TR_W: case SLOT_TV_W: case SLOT_TK_W: case SLOT_CKEY_W: case SLOT_TG_W:
        if (m == MIX_RWKV7) uniform(x, n, key, s->role == SLOT_TK_W ? 0.1 * unit : unit);
        else if (m == MIX_RWKV4 && s->role != SLOT_TV_W && s->role != SLOT_CKEY_W) memset(x, 0, (size_t)n * sizeof *x);
        else
            return orthogonal(x, s->dim[0], s->dim[1], key,
                              (s->role == SLOT_TK_W || s->role == SLOT_TG_W ? 0.1 : 1) * gain_of(s), e);
        return 0;
    default:
        memset(x, 0, (size_t)n * sizeof *x);
        return 0;
    }
}

int rwkv_init(const struct model_config *c, const struct slot *s, float *x, const struct rng_key *key, struct err *e)
{
    if (s->role == SLOT_EMBED) uniform(x, s->dim[0] * s->dim[1], key, 1e-4);
    else if (s->role == SLOT_HEAD_W) return orthogonal(x, s->dim[0], s->dim[1], key, 0.5 * gain_of(s), e);
    else if (s->ndim == 2) return matrix(c, s, x, key, e);
    else
        for (int64_t i = 0; i < s->dim[0]; i++) x[i] = (float)vector_at(c, s, i);
    return 0;
}
