/* RWKV's ops: gradients by finite differences, against plain loops in double,
 * and parallel training against the recurrence token by token. */
#include "tests/grad/grad.h"

#include "core/kernels/wkv.h"

enum { ROWS = 2, LEN = 9, N = ROWS * LEN, C = 21 };

/* Row 1 holds two documents. */
static void fill_segments(struct grad_case *c)
{
    int32_t *seg = exec_input(c->x, "seg_start");
    for (int i = 0; i < ROWS; i++)
        for (int t = 0; t < LEN; t++) seg[i * LEN + t] = i == 1 && t >= 4 ? 4 : 0;
}

static struct grad_case begin(void)
{
    struct grad_case c = {.opts = {.compute = DT_F32, .rows = ROWS, .T = LEN, .leaves = 2}, .threads = 2};
    case_begin(&c);
    return c;
}

static void the_shift_has_its_gradient(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) { /* RWKV-7, -4, -6 */
        struct grad_case c = begin();
        struct tensor *x = case_input(&c, "x", C), *d = kind == 2 ? case_input(&c, "d", C) : NULL, *y[3];
        struct tensor *mu[3] = {case_param(&c, "m0", C, 0), NULL, NULL}, *seg = case_ids(&c, "seg_start");
        int n = kind == 2 ? 1 : 3;
        for (int j = 1; j < n; j++) mu[j] = case_param(&c, j == 1 ? "m1" : "m2", C, 0);
        assert_true(op_shift(c.g, x, seg, mu, n, kind == 1, d, y));
        struct tensor *sum = y[0];
        for (int j = 1; j < n; j++) sum = op_add(c.g, sum, op_scale(c.g, y[j], (float)j));
        case_ready(&c, sum);
        fill_segments(&c);
        case_check(&c);
        case_end(&c);
    }
}

static void the_gate_has_its_gradient(void **state)
{
    (void)state;
    struct grad_case c = begin();
    struct tensor *a = case_input(&c, "a", C), *b = case_input(&c, "b", C), *r = case_input(&c, "r", C);
    case_ready(&c, op_gate(c.g, a, ACT_SIGMOID, b, r));
    case_check(&c);
    case_end(&c);
}

static void wkv4_has_its_gradient(void **state)
{
    (void)state;
    struct grad_case c = begin();
    struct tensor *r = case_input(&c, "r", C), *k = case_input(&c, "k", C), *v = case_input(&c, "v", C);
    struct tensor *decay = case_param(&c, "decay", C, 0), *first = case_param(&c, "first", C, 0);
    case_ready(&c, op_wkv4(c.g, r, k, v, decay, first, case_ids(&c, "seg_start")));
    fill_segments(&c);
    case_check(&c);
    case_end(&c);
}

static void fill(float *x, int64_t n, uint32_t stream, float scale)
{
    fill_normal(x, n, stream, scale);
}

/* The textbook sums, without the running maximum. */
static void wkv4_equals_plain_sums(void **state)
{
    (void)state;
    enum { T = 40, CH = 35 };
    static float r[T * CH], k[T * CH], v[T * CH], y[T * CH], w[CH], u[CH];
    static int32_t seg[T];
    fill(r, T * CH, 1, 1);
    fill(k, T * CH, 2, 2);
    fill(v, T * CH, 3, 1);
    fill(u, CH, 4, 1);
    for (int c = 0; c < CH; c++) w[c] = -expf(0.2f * (float)c - 5);
    for (int t = 0; t < T; t++) seg[t] = t < 17 ? 0 : 17;
    struct wkv4 a = {.T = T, .ld = CH, .r = r, .k = k, .v = v, .w = w, .u = u, .seg_start = seg, .y = y};
    kernels_get()->wkv4_fwd(&a, 0, CH);
    for (int t = 0; t < T; t++)
        for (int c = 0; c < CH; c++) {
            double num = 0, den = 0;
            for (int i = seg[t]; i <= t; i++) {
                double e = exp((double)k[i * CH + c] + (i == t ? (double)u[c] : (t - 1 - i) * (double)w[c]));
                num += e * (double)v[i * CH + c];
                den += e;
            }
            double want = num / den / (1 + exp(-(double)r[t * CH + c]));
            if (!(fabs(want - (double)y[t * CH + c]) < 1e-5)) fail_msg("token %d, channel %d: %g, not %g", t, c, (double)y[t * CH + c], want);
        }
}

/* 4096 tokens in one call, and one by one with a state. */
static void the_recurrence_gives_the_bits_of_training(void **state)
{
    (void)state;
    enum { T = 4096, CH = 24 };
    static float r[T * CH], k[T * CH], v[T * CH], y[T * CH], y1[CH], s[3 * CH], w[CH], u[CH];
    fill(r, T * CH, 1, 1);
    fill(k, T * CH, 2, 3);
    fill(v, T * CH, 3, 1);
    fill(u, CH, 4, 1);
    for (int c = 0; c < CH; c++) w[c] = -expf(0.3f * (float)c - 6), s[2 * CH + c] = -1e38f;
    struct wkv4 a = {.T = T, .ld = CH, .r = r, .k = k, .v = v, .w = w, .u = u, .y = y};
    kernels_get()->wkv4_fwd(&a, 0, CH);
    for (int t = 0; t < T; t++) {
        struct wkv4 one = {.T = 1, .ld = CH, .r = r + t * CH, .k = k + t * CH, .v = v + t * CH, .w = w, .u = u, .y = y1,
                           .state = s, .state_ld = CH};
        kernels_get()->wkv4_fwd(&one, 0, CH);
        assert_memory_equal(y1, y + t * CH, sizeof y1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shift_has_its_gradient),
        cmocka_unit_test(the_gate_has_its_gradient),
        cmocka_unit_test(wkv4_has_its_gradient),
        cmocka_unit_test(wkv4_equals_plain_sums),
        cmocka_unit_test(the_recurrence_gives_the_bits_of_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
