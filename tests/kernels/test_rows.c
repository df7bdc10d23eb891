/* Row kernels against plain formulas in double, with bounds counted in
 * roundings (EPS = 2^-24 each), and against the golden cases.  Only ref is
 * tested here where test_rows_bits.c ties the other ISAs to it. */
#include "tests/kernels/krows.h"

static const struct kernels *K(void) { return kernels_isa("ref"); }
static const struct kernels *best(void) { return kernels_get(); }

/* Distance in units of the last place of the result; below FLT_MIN, of FLT_MIN. */
static double ulps(float got, double want)
{
    int e;
    double scale = fabs(want) < 0x1p-126 ? 0x1p-126 : fabs(want);
    frexp(scale, &e);
    return fabs((double)got - want) / ldexp(1, e - 24);
}

/* Largest error in ulps of a function over a sweep of bit patterns. */
static double worst(void (*f)(float *, const float *, size_t), double (*exact)(double), float lo, float hi)
{
    enum { N = 4096 };
    static float x[N], y[N];
    double max = 0;
    size_t n = 0;
    for (uint64_t u = 0; u < (uint64_t)1 << 32; u += 3001) {
        uint32_t w = (uint32_t)u;
        float v;
        memcpy(&v, &w, sizeof v);
        if (v >= lo && v <= hi) x[n++] = v;
        if (n < N && u + 3001 < (uint64_t)1 << 32) continue;
        f(y, x, n);
        for (size_t i = 0; i < n; i++) {
            double e = ulps(y[i], exact((double)x[i]));
            if (e > max) max = e;
        }
        n = 0;
    }
    return max;
}

static void exp_is_within_one_ulp_and_clamps(void **state)
{
    (void)state;
    double e = worst(best()->exp, exp, -87.336544f, 88.72283f);
    if (e > 1.0) fail_msg("exp: %.3f ulp", e);
    const float x[] = {-87.33655f, -100, -INFINITY, 88.72284f, 200, INFINITY, NAN, 0, -0.0f};
    const double want[] = {0, 0, 0, HUGE_VAL, HUGE_VAL, HUGE_VAL, (double)NAN, 1, 1};
    float y[9];
    K()->exp(y, x, 9);
    for (int i = 0; i < 9; i++) T_NEAR(y[i], want[i], 0, "exp", i);
    assert_true(y[0] == 0);
}

static void tanh_is_within_three_ulp(void **state)
{
    (void)state;
    double e = worst(best()->tanh, tanh, -INFINITY, INFINITY);
    if (e > 3.0) fail_msg("tanh: %.3f ulp", e);
    float z = -0.0f, y;
    K()->tanh(&y, &z, 1);
    assert_true(y == 0 && signbit(y));
}

static double act_exact(enum act k, double x)
{
    switch (k) {
    case ACT_NONE: return x;
    case ACT_RELU: return x > 0 ? x : 0;
    case ACT_RELU2: return x > 0 ? x * x : 0;
    case ACT_GELU_ERF: return x * 0.5 * erfc(-x / sqrt(2));
    case ACT_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case ACT_SILU: return x / (1 + exp(-x));
    case ACT_SIGMOID: return 1 / (1 + exp(-x));
    case ACT_TANH: return tanh(x);
    }
    return 0;
}

/* |error| <= 1e-7 max(|x|, 1), four roundings of ~1 each for the factor of x;
 * the slope against a central difference of the exact function (h^2 f'''/6 < 1e-9). */
static void activations_and_their_slopes_match_the_formulas(void **state)
{
    (void)state;
    enum { N = 2000 };
    static float x[N], y[N], one[N], d[N], u[N], g[N], dg[N], du[N];
    for (int i = 0; i < N; i++) {
        x[i] = t_uniform(5, (uint64_t)i, -12, 12);
        one[i] = 1;
        u[i] = t_uniform(6, (uint64_t)i, -2, 2);
    }
    for (int k = ACT_NONE; k <= ACT_TANH; k++) {
        best()->act((enum act)k, y, x, N);
        best()->act_bwd((enum act)k, d, x, one, N);
        best()->glu((enum act)k, g, x, u, N);
        best()->glu_bwd((enum act)k, dg, du, x, u, one, N);
        for (int i = 0; i < N; i++) {
            double xi = (double)x[i], h = 1e-5, e = 2e-7 * fmax(fabs(xi), 1), big = k == ACT_RELU2 ? fabs(xi) : 1;
            double slope = (act_exact((enum act)k, xi + h) - act_exact((enum act)k, xi - h)) / (2 * h);
            T_NEAR(y[i], act_exact((enum act)k, xi), e * big, "act", k);
            if (fabs(xi) > 2 * h) T_NEAR(d[i], slope, 2 * e * big + 1e-8, "act_bwd", k);
            T_NEAR(g[i], (double)y[i] * (double)u[i], fabs((double)g[i]) * EPS, "glu", k);
            T_NEAR(dg[i], (double)d[i] * (double)u[i], fabs((double)dg[i]) * EPS, "glu_bwd dg", k);
            T_NEAR(du[i], (double)y[i], 0, "glu_bwd du", k);
        }
    }
}

static void golden_activations(void **state)
{
    (void)state;
    static const struct { const char *file; enum act k;
    } cases[] = {{"op_act_gelu_erf.safetensors", ACT_GELU_ERF},
                 {"op_act_gelu_tanh.safetensors", ACT_GELU_TANH},
                 {"op_act_silu.safetensors", ACT_SILU}};
    for (int c = 0; c < 3; c++) {
        struct safetensors *st = t_golden_open(cases[c].file);
        int64_t n;
        double *x = t_golden(st, "in.x", &n), *out = t_golden(st, "out", NULL), *go = t_golden(st, "gout", NULL),
               *gx = t_golden(st, "grad.x", NULL);
        for (int64_t i = 0; i < n; i++) {
            float xf = (float)x[i], gf = (float)go[i], y, d;
            K()->act(cases[c].k, &y, &xf, 1);
            K()->act_bwd(cases[c].k, &d, &xf, &gf, 1);
            double e = 4e-7 * fmax(fabs(x[i]), 1);
            T_NEAR(y, out[i], e, cases[c].file, i);
            T_NEAR(d, gx[i], e * fmax(fabs(go[i]), 1), cases[c].file, i);
        }
        free(x), free(out), free(go), free(gx);
        st_close(st);
    }
}

/* Nearest half, ties to even, from the value alone. */
static double half_nearest(double x)
{
    int e;
    if (x == 0 || !isfinite(x)) return x;
    frexp(x, &e);
    int unit = e - 11 < -24 ? -24 : e - 11;
    double r = ldexp(nearbyint(ldexp(x, -unit)), unit);
    return fabs(r) >= 65520 ? copysign(HUGE_VAL, x) : r;
}

static double bf16_nearest(double x)
{
    int e;
    if (x == 0 || !isfinite(x)) return x;
    frexp(x, &e);
    int unit = e - 8 < -133 ? -133 : e - 8;
    double r = ldexp(nearbyint(ldexp(x, -unit)), unit);
    return fabs(r) >= 0x1p128 ? copysign(HUGE_VAL, x) : r;
}

static void conversions_round_to_nearest_even(void **state)
{
    (void)state;
    for (int t = 0; t_isa(t); t++)
        for (uint64_t u = 0; u < (uint64_t)1 << 32; u += 65521 / (u % 7 + 1)) {
            uint32_t w = (uint32_t)u;
            float x, back;
            uint16_t h;
            memcpy(&x, &w, sizeof x);
            t_isa(t)->f16_from_f32(&h, &x, 1);
            t_isa(t)->f32_from_f16(&back, &h, 1);
            T_NEAR(back, half_nearest((double)x), 0, "f16", w);
            t_isa(t)->bf16_from_f32(&h, &x, 1);
            t_isa(t)->f32_from_bf16(&back, &h, 1);
            T_NEAR(back, bf16_nearest((double)x), 0, "bf16", w);
        }
}

/* Ties, and both ends of the subnormals, which a sweep rarely meets. */
static void half_conversions_at_ties(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7c00; h++) {
        uint16_t in = (uint16_t)h, next = (uint16_t)(h + 1), out;
        float a, b;
        K()->f32_from_f16(&a, &in, 1);
        K()->f32_from_f16(&b, &next, 1);
        float mid = h == 0x7bff ? 65520.0f : (a + b) / 2;
        for (int t = 0; t_isa(t); t++) {
            t_isa(t)->f16_from_f32(&out, &a, 1);
            assert_int_equal(out, in);
            t_isa(t)->f16_from_f32(&out, &mid, 1);
            assert_int_equal(out, h % 2 ? next : in);
            float up = nextafterf(mid, INFINITY), down = nextafterf(mid, 0);
            t_isa(t)->f16_from_f32(&out, &up, 1);
            assert_int_equal(out, next);
            t_isa(t)->f16_from_f32(&out, &down, 1);
            assert_int_equal(out, in);
        }
    }
}

/* n/16 + 4 additions and one product on each path from a term to the sum. */
static void reductions_match_double(void **state)
{
    (void)state;
    for (int n = 0; n < 1500; n = n * 5 / 4 + 1) {
        float x[1500], y[1500];
        double s = 0, sa = 0, d = 0, da = 0, q = 0, m = -HUGE_VAL;
        t_fill(x, (size_t)n, 11, -1, 2);
        t_fill(y, (size_t)n, 12, -1, 1);
        for (int i = 0; i < n; i++) {
            double a = (double)x[i], b = (double)y[i];
            s += a, sa += fabs(a), d += a * b, da += fabs(a * b), q += a * a, m = fmax(m, a);
        }
        double depth = (n / 16 + 6) * EPS;
        T_NEAR(K()->sum(x, (size_t)n), s, depth * sa, "sum", n);
        T_NEAR(K()->dot(x, y, (size_t)n), d, depth * da, "dot", n);
        T_NEAR(K()->sumsq(x, (size_t)n), q, depth * q, "sumsq", n);
        T_NEAR(K()->max(x, (size_t)n), m, 0, "max", n);
        if (n) x[n / 3] = NAN, assert_true(isnan(K()->max(x, (size_t)n)));
    }
}

struct norm_case { int n; double eps; bool rms; };

/* y, dx, dw, db of one row in double. */
static void norm_exact(const struct norm_case *c, const float *x, const float *w, const float *b, const float *dy,
                       double *y, double *dx, double *dw)
{
    int n = c->n;
    double mean = 0, var = 0, mg = 0, mgh = 0;
    if (!c->rms) {
        for (int i = 0; i < n; i++) mean += (double)x[i] / n;
    }
    for (int i = 0; i < n; i++) var += ((double)x[i] - mean) * ((double)x[i] - mean) / n;
    double r = 1 / sqrt(var + c->eps);
    for (int i = 0; i < n; i++) {
        double h = ((double)x[i] - mean) * r, g = (double)dy[i] * (double)w[i];
        y[i] = h * (double)w[i] + (c->rms ? 0 : (double)b[i]);
        dw[i] = (double)dy[i] * h;
        mg += g / n, mgh += g * h / n;
    }
    for (int i = 0; i < n; i++) {
        double h = ((double)x[i] - mean) * r, g = (double)dy[i] * (double)w[i];
        dx[i] = r * (g - (c->rms ? 0 : mg) - h * mgh);
    }
}

/* |x|, |w|, |dy| <= 2 and rstd <= 2: every term is below 16, and the sums have
 * n/16 + 6 roundings: 40 (n/16 + 20) EPS bounds them all. */
static void norms_and_their_gradients_match_double(void **state)
{
    (void)state;
    for (int n = 3; n < 1100; n = n * 3 / 2 + 1)
        for (int rms = 0; rms < 2; rms++) {
            float x[1100], w[1100], b[1100], dy[1100], y[1100], dx[1100], dw[1100], db[1100], mean = 0, rstd;
            double ey[1100], edx[1100], edw[1100];
            size_t m = (size_t)n;
            struct norm_case c = {n, 1e-5, rms};
            t_fill(x, m, 1, -1, 2), t_fill(w, m, 2, -2, 2), t_fill(b, m, 3, -2, 2), t_fill(dy, m, 4, -2, 2);
            for (int i = 0; i < n; i++) dw[i] = 1, db[i] = 2;
            norm_exact(&c, x, w, b, dy, ey, edx, edw);
            if (rms) {
                K()->rmsnorm(y, x, w, n, 1e-5f, &rstd);
                K()->rmsnorm_bwd(dx, dw, dy, x, w, rstd, n);
            } else {
                K()->layernorm(y, x, w, b, n, 1e-5f, &mean, &rstd);
                K()->layernorm_bwd(dx, dw, db, dy, x, w, mean, rstd, n);
            }
            double e = 40 * (n / 16 + 20) * EPS;
            for (int i = 0; i < n; i++) {
                T_NEAR(y[i], ey[i], e, "norm y", i);
                T_NEAR(dx[i], edx[i], e, "norm dx", i);
                T_NEAR(dw[i], 1 + edw[i], e, "norm dw", i);
                if (!rms) T_NEAR(db[i], 2 + (double)dy[i], e, "norm db", i);
            }
        }
}

static void golden_norm(const char *file, bool rms)
{
    struct safetensors *st = t_golden_open(file);
    enum { R = 5, C = 16 };
    int64_t n;
    double *x = t_golden(st, "in.x", &n), *w = t_golden(st, "in.w", NULL), *b = rms ? NULL : t_golden(st, "in.b", NULL),
           *go = t_golden(st, "gout", NULL);
    double *out = t_golden(st, "out", NULL), *gx = t_golden(st, "grad.x", NULL), *gw = t_golden(st, "grad.w", NULL),
           *gb = rms ? NULL : t_golden(st, "grad.b", NULL);
    float dw[C] = {0}, db[C] = {0};
    assert_int_equal(n, R * C);
    for (int r = 0; r < R; r++) {
        float fx[C], fw[C], fb[C], fg[C], y[C], dx[C], mean, rstd;
        for (int i = 0; i < C; i++)
            fx[i] = (float)x[r * C + i], fw[i] = (float)w[i], fb[i] = b ? (float)b[i] : 0, fg[i] = (float)go[r * C + i];
        if (rms) K()->rmsnorm(y, fx, fw, C, 1e-6f, &rstd), K()->rmsnorm_bwd(dx, dw, fg, fx, fw, rstd, C);
        else
            K()->layernorm(y, fx, fw, fb, C, 1e-5f, &mean, &rstd),
                K()->layernorm_bwd(dx, dw, db, fg, fx, fw, mean, rstd, C);
        for (int i = 0; i < C; i++) {
            T_NEAR(y[i], out[r * C + i], 2e-6, file, i);
            T_NEAR(dx[i], gx[r * C + i], 4e-6, file, i);
        }
    }
    for (int i = 0; i < C; i++) {
        T_NEAR(dw[i], gw[i], 4e-6, file, i);
        if (gb) T_NEAR(db[i], gb[i], 4e-6, file, i);
    }
    free(x), free(w), free(b), free(go), free(out), free(gx), free(gw), free(gb);
    st_close(st);
}

static void golden_layernorm(void **state) { (void)state; golden_norm("op_layernorm.safetensors", false); }
static void golden_rmsnorm(void **state) { (void)state; golden_norm("op_rmsnorm_eps1e-6.safetensors", true); }

static void rope_turns_pairs_and_back(void **state)
{
    (void)state;
    for (int n = 2; n <= 130; n += 2)
        for (int il = 0; il < 2; il++) {
            float x[140], y[140], co[70], si[70];
            t_fill(x, 140, 21, -1, 1);
            for (int i = 0; i < n / 2; i++) co[i] = cosf((float)i * 0.37f + 1), si[i] = sinf((float)i * 0.37f + 1);
            memcpy(y, x, sizeof x);
            K()->rope(y, co, si, n, il, 1);
            for (int i = 0; i < n / 2; i++) {
                int a = il ? 2 * i : i, b = il ? 2 * i + 1 : i + n / 2;
                double c = (double)co[i], s = (double)si[i];
                T_NEAR(y[a], (double)x[a] * c - (double)x[b] * s, 3 * EPS, "rope", i);
                T_NEAR(y[b], (double)x[b] * c + (double)x[a] * s, 3 * EPS, "rope", i);
            }
            K()->rope(y, co, si, n, il, -1);
            for (int i = 0; i < 140; i++) T_NEAR(y[i], (double)x[i], i < n ? 10 * EPS : 0, "rope back", i);
        }
}

static double ce_exact(const double *x, int V, int t, double ls, double z, double cap, double *lse_out)
{
    double m = -HUGE_VAL, s = 0, mean = 0;
#define CAP(v) (cap > 0 ? cap * tanh((v) / cap) : (v))
    for (int j = 0; j < V; j++) m = fmax(m, CAP(x[j])), mean += CAP(x[j]) / V;
    for (int j = 0; j < V; j++) s += exp(CAP(x[j]) - m);
    double lse = m + log(s);
    if (lse_out) *lse_out = lse;
    return (1 - ls) * (lse - CAP(x[t])) + ls * (lse - mean) + z * lse * lse;
#undef CAP
}

/* Logits below 20 in size: a score carries 20 EPS, the sum V/16 roundings. */
static void cross_entropy_and_its_gradient_match_double(void **state)
{
    (void)state;
    for (int c = 0; c < 16; c++)
        for (int V = 2; V < 700; V = V * 3 + 1) {
            float x[700], f[700], lse, nll;
            double d[700], elsee, ls = c & 1 ? 0.1 : 0, z = c & 2 ? 1e-2 : 0, cap = c & 4 ? 15 : 0, w = c & 8 ? 0.25 : 1;
            int t = V / 3;
            t_fill(x, (size_t)V, 31, -20, 20);
            for (int j = 0; j < V; j++) d[j] = (double)x[j];
            double loss = ce_exact(d, V, t, ls, z, cap, &elsee), plain = ce_exact(d, V, t, 0, 0, cap, NULL),
                   e = (V / 16 + 200) * EPS;
            memcpy(f, x, sizeof x);
            T_NEAR(K()->ce_row(f, V, t, (float)w, (float)ls, (float)z, (float)cap, false, &lse, &nll), loss, 2 * e, "ce", c);
            memcpy(f, x, sizeof x);
            T_NEAR(K()->ce_row(f, V, t, (float)w, (float)ls, (float)z, (float)cap, true, &lse, &nll), loss, 2 * e, "ce", c);
            T_NEAR(lse, elsee, e, "lse", c);
            T_NEAR(nll, plain, 2 * e, "nll", c);
            for (int j = 0; j < V; j++) {
                double h = 1e-4, keep = d[j];
                d[j] = keep + h;
                double up = ce_exact(d, V, t, ls, z, cap, NULL);
                d[j] = keep - h;
                double slope = (up - ce_exact(d, V, t, ls, z, cap, NULL)) / (2 * h);
                d[j] = keep;
                T_NEAR(f[j], w * slope, 2 * e + 1e-8, "ce gradient", j);
            }
        }
}

static void ignored_targets_give_nothing(void **state)
{
    (void)state;
    float x[5] = {1, NAN, 3, INFINITY, 5}, lse, nll;
    assert_true(K()->ce_row(x, 5, -100, 1, 0.1f, 1, 5, true, &lse, &nll) == 0);
    assert_true(nll == 0);
    for (int i = 0; i < 5; i++) assert_true(x[i] == 0);
}

static void golden_cross_entropy(void **state)
{
    (void)state;
    struct safetensors *st = t_golden_open("op_linear_ce_zloss1e-2_ls0.1.safetensors");
    enum { N = 17, C = 8, V = 31 };
    double *x = t_golden(st, "in.x", NULL), *w = t_golden(st, "in.w", NULL), *y = t_golden(st, "y", NULL),
           *out = t_golden(st, "out", NULL), *gx = t_golden(st, "grad.x", NULL);
    double total = 0;
    int kept = 0;
    for (int i = 0; i < N; i++) kept += y[i] >= 0;
    for (int i = 0; i < N; i++) {
        float l[V], lse, nll;
        for (int v = 0; v < V; v++) {
            double s = 0;
            for (int c = 0; c < C; c++) s += x[i * C + c] * w[v * C + c];
            l[v] = (float)s;
        }
        total += (double)K()->ce_row(l, V, (int)y[i], 1 / (float)kept, 0.1f, 1e-2f, 0, true, &lse, &nll) / kept;
        for (int c = 0; c < C; c++) {
            double g = 0;
            for (int v = 0; v < V; v++) g += (double)l[v] * w[v * C + c];
            T_NEAR(g, gx[i * C + c], 1e-6, "grad.x", i);
        }
    }
    T_NEAR(total, out[0], 2e-6, "loss", 0);
    free(x), free(w), free(y), free(out), free(gx);
    st_close(st);
}

static void softmax_matches_double(void **state)
{
    (void)state;
    for (int n = 1; n < 900; n = n * 2 + 1) {
        float x[900], y[900];
        double m = -HUGE_VAL, s = 0;
        t_fill(x, (size_t)n, 41, -30, 30);
        for (int i = 0; i < n; i++) m = fmax(m, (double)x[i]);
        for (int i = 0; i < n; i++) s += exp((double)x[i] - m);
        double e = (n / 16 + 100) * EPS;
        T_NEAR(K()->softmax(y, x, (size_t)n), m + log(s), e, "lse", n);
        for (int i = 0; i < n; i++)
            T_NEAR(y[i], exp((double)x[i] - m) / s, e * exp((double)x[i] - m) / s + 1e-37, "softmax", i);
    }
}

static void dropout_takes_the_words_of_the_stream(void **state)
{
    (void)state;
    struct rng_key k = rng_key(77, RNG_DROPOUT, 3, 5);
    for (int t = 0; t_isa(t); t++)
        for (uint64_t at = 0; at < 200; at += 37) {
            float x[150], y[150];
            uint64_t index0 = ((uint64_t)1 << 34) - 70 + at; /* across the carry of the block counter */
            t_fill(x, 150, 51, 1, 2);
            t_isa(t)->dropout(y, x, 150, 0x40000000u, 4.0f / 3, k.k, k.c, index0);
            for (uint64_t i = 0; i < 150; i++) {
                float f = rng_u32(&k, index0 + i) >= 0x40000000u ? 4.0f / 3 : 0;
                assert_true(y[i] == x[i] * f);
            }
        }
}

static void golden_adamw(void **state)
{
    (void)state;
    struct safetensors *st = t_golden_open("op_opt_adamw.safetensors");
    enum { N = 54 };
    double *p0 = t_golden(st, "p0", NULL);
    float p[N], m[N] = {0}, v[N] = {0}, g[N];
    for (int i = 0; i < N; i++) p[i] = (float)p0[i];
    free(p0);
    for (int t = 0; t < 4; t++) {
        char name[8];
        snprintf(name, sizeof name, "g%d", t);
        double *gd = t_golden(st, name, NULL);
        snprintf(name, sizeof name, "p%d", t + 1);
        double *want = t_golden(st, name, NULL);
        for (int i = 0; i < N; i++) g[i] = (float)gd[i] * 2;
        K()->adamw(p, m, v, g, N, 0.5f, 1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, (float)(1 - pow(0.9, t + 1)),
                   (float)(1 - pow(0.95, t + 1)));
        for (int i = 0; i < N; i++) T_NEAR(p[i], want[i], 4 * EPS * fmax(1, fabs(want[i])), "adamw", i);
        free(gd), free(want);
    }
    st_close(st);
}

static void gemv_matches_double_and_does_not_see_its_slices(void **state)
{
    (void)state;
    enum { N = 23 };
    for (int k = 1; k < 400; k = k * 3 / 2 + 7)
        for (int half = 0; half < 2; half++) {
            int ld = k + 3;
            float *W = malloc((size_t)(N * ld) * sizeof *W), x[700], bias[N], y[N], z[N];
            uint16_t *H = malloc((size_t)(N * ld) * sizeof *H);
            assert_true(W && H);
            t_fill(W, (size_t)(N * ld), 61, -1, 1), t_fill(x, (size_t)k, 62, -1, 1), t_fill(bias, N, 63, -1, 1);
            K()->bf16_from_f32(H, W, (size_t)(N * ld));
            if (half) K()->f32_from_bf16(W, H, (size_t)(N * ld));
            const void *src = half ? (void *)H : (void *)W;
            best()->gemv(y, src, half ? DT_BF16 : DT_F32, ld, x, k, 0, N, bias);
            for (int n = 0; n < N; n += 5)
                best()->gemv(z, src, half ? DT_BF16 : DT_F32, ld, x, k, n, n + 5 < N ? n + 5 : N, bias);
            assert_memory_equal(y, z, sizeof y);
            for (int n = 0; n < N; n++) {
                double s = (double)bias[n], a = 1;
                for (int i = 0; i < k; i++)
                    s += (double)W[n * ld + i] * (double)x[i], a += fabs((double)W[n * ld + i] * (double)x[i]);
                T_NEAR(y[n], s, (k / 16 + 7) * EPS * a, "gemv", n);
            }
            free(W), free(H);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_within_one_ulp_and_clamps),
        cmocka_unit_test(tanh_is_within_three_ulp),
        cmocka_unit_test(activations_and_their_slopes_match_the_formulas),
        cmocka_unit_test(golden_activations),
        cmocka_unit_test(conversions_round_to_nearest_even),
        cmocka_unit_test(half_conversions_at_ties),
        cmocka_unit_test(reductions_match_double),
        cmocka_unit_test(norms_and_their_gradients_match_double),
        cmocka_unit_test(golden_layernorm),
        cmocka_unit_test(golden_rmsnorm),
        cmocka_unit_test(rope_turns_pairs_and_back),
        cmocka_unit_test(cross_entropy_and_its_gradient_match_double),
        cmocka_unit_test(ignored_targets_give_nothing),
        cmocka_unit_test(golden_cross_entropy),
        cmocka_unit_test(softmax_matches_double),
        cmocka_unit_test(dropout_takes_the_words_of_the_stream),
        cmocka_unit_test(golden_adamw),
        cmocka_unit_test(gemv_matches_double_and_does_not_see_its_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
