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

enum { HEAD = 10, WIDE = 2 * HEAD };

static void heads_have_their_gradient(void **state)
{
    (void)state;
    for (int seven = 0; seven < 2; seven++) {
        struct grad_case c = begin();
        struct tensor *r = case_input(&c, "r", WIDE), *k = case_input(&c, "k", WIDE), *v = case_input(&c, "v", WIDE);
        struct tensor *x = case_input(&c, "x", WIDE), *d = case_param(&c, "d", WIDE, 0), *seg = case_ids(&c, "seg_start");
        struct wkv_spec s = {.r = r, .w = op_decay(c.g, d, x, seven), .k = k, .v = v, .D = HEAD};
        if (seven) {
            struct tensor *keys[3];
            assert_true(op_rwkv7_keys(c.g, k, case_input(&c, "a", WIDE), case_param(&c, "k_k", WIDE, 0),
                                      case_param(&c, "k_a", WIDE, 0), HEAD, keys));
            s.k = keys[0];
            s.a = keys[1];
            s.b = keys[2];
        } else {
            s.u = case_param(&c, "u", WIDE, 0);
        }
        struct tensor *y = op_wkv(c.g, &s, seg);
        if (seven) y = op_rwkv7_bonus(c.g, y, r, s.k, v, case_param(&c, "r_k", WIDE, 0), HEAD);
        case_ready(&c, y);
        fill_segments(&c);
        case_check(&c);
        case_end(&c);
    }
}

/* One head wider than a group of columns, with a tail. */
static void wide_heads_have_their_gradient(void **state)
{
    (void)state;
    for (int seven = 0; seven < 2; seven++) {
        struct grad_case c = begin();
        enum { D = 71 };
        struct tensor *in[6];
        static const char *const names[] = {"r", "x", "k", "v", "a", "b"};
        for (int i = 0; i < (seven ? 6 : 4); i++) in[i] = case_input(&c, names[i], D);
        struct tensor *w = op_decay(c.g, case_param(&c, "d", D, 0), in[1], seven);
        struct wkv_spec s = {.r = in[0], .w = w, .k = op_scale(c.g, in[2], 0.3f), .v = in[3], .D = D};
        if (seven) s.a = op_scale(c.g, in[4], 0.1f), s.b = op_scale(c.g, in[5], 0.1f);
        else s.u = case_param(&c, "u", D, 0);
        case_ready(&c, op_wkv(c.g, &s, case_ids(&c, "seg_start")));
        fill_segments(&c);
        case_check(&c);
        case_end(&c);
    }
}

static void values_blend_and_heads_are_normed(void **state)
{
    (void)state;
    struct grad_case c = begin();
    struct tensor *v = case_input(&c, "v", WIDE), *first = case_input(&c, "first", WIDE), *x = case_input(&c, "x", WIDE);
    struct tensor *y = op_blend(c.g, v, first, x);
    y = op_group_norm(c.g, y, case_param(&c, "w", WIDE, 0), case_param(&c, "b", WIDE, 0), HEAD, 1e-3f);
    case_ready(&c, y);
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
            if (!(fabs(want - (double)y[t * CH + c]) < 1e-5))
                fail_msg("token %d, channel %d: %g, not %g", t, c, (double)y[t * CH + c], want);
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

/* S as a matrix, by the text of the papers. */
static void heads_equal_plain_loops(void **state)
{
    (void)state;
    enum { T = 37, D = 19 };
    static float in[6][T * D], u[D], y[T * D], ws[64 * D];
    static int32_t seg[T];
    for (int i = 0; i < 6; i++) fill(in[i], T * D, (uint32_t)(i + 1), 0.4f);
    for (int i = 0; i < T * D; i++) in[1][i] = 1 / (1 + expf(-3 - in[1][i]));
    fill(u, D, 9, 1);
    for (int t = 0; t < T; t++) seg[t] = t < 17 ? 0 : 17;
    for (int seven = 0; seven < 2; seven++) {
        struct wkv x = {.T = T, .D = D, .ld = D, .r = in[0], .w = in[1], .k = in[2], .v = in[3], .a = seven ? in[4] : NULL,
                        .b = seven ? in[5] : NULL, .u = u, .seg_start = seg, .y = y};
        kernels_get()->wkv_fwd(&x, ws);
        double S[D][D] = {{0}};
        for (int t = 0; t < T; t++) {
            if (seg[t] == t) memset(S, 0, sizeof S);
            const float *r = in[0] + t * D, *w = in[1] + t * D, *k = in[2] + t * D, *v = in[3] + t * D;
            for (int j = 0; j < D; j++) {
                double o = 0, sa = 0;
                for (int i = 0; i < D; i++) sa += (double)in[4][t * D + i] * S[i][j];
                for (int i = 0; i < D; i++) {
                    double kv = (double)k[i] * (double)v[j];
                    if (!seven) o += (double)r[i] * (S[i][j] + (double)u[i] * kv);
                    S[i][j] = (double)w[i] * S[i][j] + kv + (seven ? (double)in[5][t * D + i] * sa : 0);
                    if (seven) o += (double)r[i] * S[i][j];
                }
                if (!(fabs(o - (double)y[t * D + j]) < 2e-5))
                    fail_msg("version %d, token %d: %g, not %g", seven ? 7 : 6, t, (double)y[t * D + j], o);
            }
        }
    }
}

static void heads_decode_with_the_bits_of_training(void **state)
{
    (void)state;
    enum { T = 4096, D = 24 };
    static float in[6][T * D], u[D], y[T * D], y1[D], s[D * 32], ws[64 * D];
    for (int i = 0; i < 6; i++) fill(in[i], T * D, (uint32_t)(i + 1), 0.2f);
    for (int i = 0; i < T * D; i++) in[1][i] = 1 / (1 + expf(-3 - in[1][i]));
    fill(u, D, 9, 1);
    for (int seven = 0; seven < 2; seven++) {
        struct wkv x = {.T = T, .D = D, .ld = D, .r = in[0], .w = in[1], .k = in[2], .v = in[3], .a = seven ? in[4] : NULL,
                        .b = seven ? in[5] : NULL, .u = u, .y = y};
        kernels_get()->wkv_fwd(&x, ws);
        memset(s, 0, sizeof s);
        for (int t = 0; t < T; t++) {
            struct wkv one = x;
            one.T = 1;
            one.r += t * D, one.w += t * D, one.k += t * D, one.v += t * D;
            if (seven) one.a += t * D, one.b += t * D;
            one.y = y1;
            one.state = s;
            kernels_get()->wkv_fwd(&one, ws);
            assert_memory_equal(y1, y + t * D, sizeof y1);
        }
    }
}

/* Every ISA against the reference, forward and backward, heads of any size. */
static void every_isa_gives_the_same_bits(void **state)
{
    (void)state;
    enum { T = 21, MAX = 80 };
    static float in[7][T * MAX], u[MAX], out[2][8][T * MAX], ws[(2 + 16 + 2) * MAX * 64 + 2000], st[2][3 * MAX];
    for (int i = 0; i < 7; i++) fill(in[i], T * MAX, (uint32_t)(i + 1), 0.3f);
    for (int i = 0; i < T * MAX; i++) in[1][i] = 1 / (1 + expf(-2 - in[1][i]));
    fill(u, MAX, 9, 1);
    for (int D = 1; D <= MAX; D += D < 20 ? 1 : 15)
        for (int version = 4; version <= 7; version += version == 4 ? 2 : 1) {
            const struct kernels *k;
            for (const char *const *name = kernels_isa_names(); *name; name++) {
                if (!(k = kernels_isa(*name))) continue;
                float(*o)[T * MAX] = out[strcmp(*name, "ref") != 0];
                memset(o, 0, sizeof out[0]);
                if (version == 4) {
                    for (int c = 0; c < D; c++) st[0][c] = -expf(u[c]);
                    struct wkv4 x = {.T = T, .ld = D, .r = in[0], .k = in[2], .v = in[3], .w = st[0], .u = u, .y = o[0],
                                     .dy = in[6], .dr = o[1], .dk = o[2], .dv = o[3], .dw = o[4], .du = o[5]};
                    k->wkv4_fwd(&x, 0, D);
                    k->wkv4_bwd(&x, 0, D, ws);
                } else {
                    struct wkv x = {.T = T, .D = D, .ld = D, .r = in[0], .w = in[1], .k = in[2], .v = in[3],
                                    .a = version == 7 ? in[4] : NULL, .b = version == 7 ? in[5] : NULL, .u = u, .y = o[0],
                                    .dy = in[6], .dr = o[1], .dw = o[2], .dk = o[3], .dv = o[4], .da = o[5], .db = o[6],
                                    .du = version == 7 ? NULL : o[7]};
                    k->wkv_fwd(&x, ws);
                    k->wkv_bwd(&x, ws);
                }
                if (strcmp(*name, "ref") && memcmp(out[0], out[1], sizeof out[0]))
                    fail_msg("%s: version %d, heads of %d", *name, version, D);
            }
        }
}

/* The same numbers, rounded once, where RWKV-4's outputs and their gradients are bf16. */
static void wkv4_in_bf16_is_rounded_f32(void **state)
{
    (void)state;
    enum { T = 13, CHANNELS = 75 };
    static float in[4][T * CHANNELS], out[4][T * CHANNELS], sum[2][2][CHANNELS], w[CHANNELS], u[CHANNELS], ws[48 * T];
    static uint16_t half[5][T * CHANNELS], want[T * CHANNELS];
    for (int i = 0; i < 4; i++) fill(in[i], T * CHANNELS, (uint32_t)(i + 1), 0.7f);
    fill(u, CHANNELS, 9, 1);
    for (int c = 0; c < CHANNELS; c++) w[c] = -expf(u[c]);
    for (const char *const *name = kernels_isa_names(); *name; name++) {
        const struct kernels *k = kernels_isa(*name);
        if (!k) continue;
        k->bf16_from_f32(half[4], in[3], T * CHANNELS);
        k->f32_from_bf16(in[3], half[4], T * CHANNELS);
        struct wkv4 x = {.T = T,
                         .ld = CHANNELS,
                         .r = in[0],
                         .k = in[1],
                         .v = in[2],
                         .w = w,
                         .u = u,
                         .y = out[0],
                         .dy = in[3],
                         .dr = out[1],
                         .dk = out[2],
                         .dv = out[3],
                         .dw = sum[0][0],
                         .du = sum[0][1]};
        k->wkv4_fwd(&x, 0, CHANNELS);
        k->wkv4_bwd(&x, 0, CHANNELS, ws);
        struct wkv4 h = x;
        h.dt = DT_BF16;
        h.y = half[0], h.dy = half[4], h.dr = half[1], h.dk = half[2], h.dv = half[3];
        h.dw = sum[1][0], h.du = sum[1][1];
        k->wkv4_fwd(&h, 0, CHANNELS);
        k->wkv4_bwd(&h, 0, CHANNELS, ws);
        for (int i = 0; i < 4; i++) {
            k->bf16_from_f32(want, out[i], T * CHANNELS);
            assert_memory_equal(half[i], want, sizeof want);
        }
        assert_memory_equal(sum[1], sum[0], sizeof sum[0]);
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
        cmocka_unit_test(heads_have_their_gradient),
        cmocka_unit_test(wide_heads_have_their_gradient),
        cmocka_unit_test(values_blend_and_heads_are_normed),
        cmocka_unit_test(heads_equal_plain_loops),
        cmocka_unit_test(heads_decode_with_the_bits_of_training),
        cmocka_unit_test(every_isa_gives_the_same_bits),
        cmocka_unit_test(wkv4_in_bf16_is_rounded_f32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
