/* The same bits on every ISA: each row kernel against ref over all tail sizes,
 * unaligned, with NaN, infinities and denormals among the inputs. */
#include "core/kernels/shift.h"
#include "tests/kernels/krows.h"

enum { MAXN = 131, PAD = 8, ROOM = MAXN + 2 * PAD };

/* Inputs, in/outputs and scalar results of one call. */
struct io {
    float a[ROOM], b[ROOM], c[ROOM], d[ROOM]; /* inputs, from [1] so that they are not aligned */
    float y[ROOM], z[ROOM], w[ROOM];          /* in/out */
    uint16_t h[ROOM], g[ROOM];
    float r[4];
};

static const float *w_or_null(struct io *t, int n) { return n % 3 ? t->c + 1 : NULL; }

static void conversions(const struct kernels *k, struct io *t, int n)
{
    k->bf16_from_f32(t->h + 1, t->a + 1, (size_t)n);
    k->f16_from_f32(t->g + 1, t->b + 1, (size_t)n);
    k->f32_from_bf16(t->y + 1, t->h + 1, (size_t)n);
    k->f32_from_f16(t->z + 1, t->g + 1, (size_t)n);
}

static void arithmetic(const struct kernels *k, struct io *t, int n)
{
    size_t m = (size_t)n;
    k->add(t->y + 1, t->a + 1, t->b + 1, m);
    k->mul(t->z + 1, t->a + 1, t->y + 1, m);
    k->axpy(t->w + 1, 0.7f, t->b + 1, m);
    k->scale(t->z + 1, -1.3f, t->z + 1, m);
    k->exp(t->c + 1, t->a + 1, m);
    k->tanh(t->d + 1, t->a + 1, m);
}

static void activations(const struct kernels *k, struct io *t, int n)
{
    enum act kind = (enum act)(n % 8);
    size_t m = (size_t)n;
    k->act(kind, t->y + 1, t->a + 1, m);
    k->act_bwd(kind, t->z + 1, t->a + 1, t->b + 1, m);
    k->glu(kind, t->w + 1, t->a + 1, t->b + 1, m);
    k->glu_bwd(kind, t->c + 1, t->d + 1, t->a + 1, t->b + 1, t->w + 1, m);
}

static void clamped_unit(const struct kernels *k, struct io *t, int n)
{
    k->glu_clamped(t->w + 1, t->a + 1, t->b + 1, (size_t)n, 1.5f, 1.702f);
    k->glu_clamped_bwd(t->y + 1, t->z + 1, t->a + 1, t->b + 1, t->c + 1, (size_t)n, 1.5f, 1.702f);
}

static void reductions(const struct kernels *k, struct io *t, int n)
{
    size_t m = (size_t)n;
    t->r[0] = k->sum(t->a + 1, m);
    t->r[1] = k->dot(t->a + 1, t->b + 1, m);
    t->r[2] = k->sumsq(t->b + 1, m);
    t->r[3] = k->max(t->a + 1, m);
}

static void norms(const struct kernels *k, struct io *t, int n)
{
    if (n == 0) return;
    const float *w = w_or_null(t, n), *b = n % 2 ? t->d + 1 : NULL;
    k->layernorm(t->y + 1, t->a + 1, w, b, n, 1e-5f, &t->r[0], &t->r[1]);
    k->layernorm_bwd(t->z + 1, n % 5 ? t->w + 1 : NULL, n % 7 ? t->y + 1 : NULL, t->b + 1, t->a + 1, w, t->r[0], t->r[1], n);
    k->rmsnorm(t->y + 1, t->b + 1, w, n, 1e-6f, &t->r[2]);
    k->rmsnorm_bwd(t->a + 1, n % 5 ? t->w + 1 : NULL, t->y + 1, t->b + 1, w, t->r[2], n);
}

static void rope(const struct kernels *k, struct io *t, int n)
{
    k->rope(t->a + 1, t->c + 1, t->d + 1, n / 2 * 2, n % 4 < 2, n % 3 ? 1 : -1);
}

static void softmaxes(const struct kernels *k, struct io *t, int n)
{
    if (n == 0) return;
    t->r[0] = k->softmax(t->y + 1, t->a + 1, (size_t)n);
    t->r[1] = k->ce_row(t->b + 1, n, n % 11 ? n / 2 : -1, 0.25f, n % 2 ? 0.1f : 0, 1e-3f, n % 3 ? 0 : 30, n % 5 != 0,
                        &t->r[2], &t->r[3]);
}

static void dropout_adamw(const struct kernels *k, struct io *t, int n)
{
    const uint32_t key[2] = {12345, 678}, ctr[2] = {9, 2u << 24};
    k->dropout(t->y + 1, t->a + 1, (size_t)n, 0x30000000u, 1.25f, key, ctr, ((uint64_t)1 << 34) - 50 + (uint64_t)n);
    k->adamw(t->z + 1, t->w + 1, t->b + 1, t->c + 1, (size_t)n, 0.5f, 1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.1f, 0.05f);
}

static void token_shift(const struct kernels *k, struct io *t, int n)
{
    bool half = n % 2; /* bf16 inputs and outputs */
    struct shift_token x = {.x = t->a + 1, .prev = n % 5 ? t->b + 1 : NULL, .mu = t->c + 1, .complement = n % 3 == 0};
    if (n % 3 == 1) x.d = t->d + 1;
    if (half) {
        x.x = t->h + 1;
        x.prev = t->g + 1;
        x.x_dt = DT_BF16;
    }
    k->shift(&x, t->y + 1, DT_F32, (size_t)n);
    struct shift_grad g = {.dy = t->b + 1, .dy_next = n % 4 ? t->y + 1 : NULL, .d_next = x.d, .dx = t->z + 1,
                           .dmu = n % 7 ? t->w + 1 : NULL, .dd = n % 6 ? t->a + 1 : NULL};
    k->shift_bwd(&x, &g, (size_t)n);
    x.x = t->b + 1;
    x.prev = NULL;
    x.x_dt = DT_F32;
    k->shift(&x, t->g + 1, DT_BF16, (size_t)n);
}

static void gemvs(const struct kernels *k, struct io *t, int n)
{
    int rows = n % 9, K = n / 9;
    k->gemv(t->y + 1, t->a + 1, DT_F32, K, t->c + 1, K, 0, rows, n % 2 ? t->b + 1 : NULL);
    k->gemv(t->z + 1, t->h + 1, DT_BF16, K, t->c + 1, K, 0, rows, NULL);
}

typedef void call_fn(const struct kernels *, struct io *, int);
static const struct { const char *name; call_fn *call; bool wild; } calls[] = {
    {"conversions", conversions, true}, {"arithmetic", arithmetic, true}, {"activations", activations, true},
    {"clamped unit", clamped_unit, true},
    {"reductions", reductions, true},   {"norms", norms, true},           {"norms", norms, false},
    {"rope", rope, true},               {"softmax, ce", softmaxes, true}, {"softmax, ce", softmaxes, false},
    {"dropout, adamw", dropout_adamw, true}, {"gemv", gemvs, true},
    {"token shift", token_shift, true},
};

static void prepare(struct io *t, int n, bool wild)
{
    float *in[] = {t->a, t->b, t->c, t->d, t->y, t->z, t->w};
    memset(t, 0, sizeof *t);
    for (size_t i = 0; i < 7; i++) {
        if (wild) t_fill_wild(in[i], ROOM, (uint64_t)n * 7 + i);
        else t_fill(in[i], ROOM, (uint64_t)n * 7 + i, -3, 3);
    }
    for (int i = 0; i < ROOM; i++) t->h[i] = (uint16_t)((uint32_t)i * 2654435761u >> 16);
}

static void every_isa_gives_the_bits_of_ref_at_every_size(void **state)
{
    (void)state;
    static struct io want, got;
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (int n = 0; n <= MAXN; n++)
            for (int i = 1; t_isa(i); i++) {
                prepare(&want, n, calls[c].wild);
                got = want;
                calls[c].call(t_isa(0), &want, n);
                calls[c].call(t_isa(i), &got, n);
                bool same = memcmp(want.h, got.h, sizeof want.h) == 0 && memcmp(want.g, got.g, sizeof want.g) == 0 &&
                            t_same(want.a, got.a, offsetof(struct io, h) / sizeof(float)) && t_same(want.r, got.r, 4);
                if (!same) fail_msg("%s, n = %d: %s differs from ref", calls[c].name, n, t_isa(i)->isa);
            }
}

static void nothing_is_written_past_the_end(void **state)
{
    (void)state;
    static struct io t, before;
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (int n = 0; n <= MAXN; n++)
            for (int i = 0; t_isa(i); i++) {
                prepare(&t, n, false);
                before = t;
                calls[c].call(t_isa(i), &t, n);
                float *now[] = {t.a, t.b, t.c, t.d, t.y, t.z, t.w},
                      *was[] = {before.a, before.b, before.c, before.d, before.y, before.z, before.w};
                for (int v = 0; v < 7; v++) {
                    assert_memory_equal(now[v], was[v], sizeof(float));
                    assert_memory_equal(now[v] + 1 + n, was[v] + 1 + n, (size_t)(ROOM - 1 - n) * sizeof(float));
                }
                assert_memory_equal(t.h + 1 + n, before.h + 1 + n, (size_t)(ROOM - 1 - n) * sizeof(uint16_t));
                assert_memory_equal(t.g + 1 + n, before.g + 1 + n, (size_t)(ROOM - 1 - n) * sizeof(uint16_t));
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_isa_gives_the_bits_of_ref_at_every_size),
        cmocka_unit_test(nothing_is_written_past_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
