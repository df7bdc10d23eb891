/* Metamorphic tests of attention: two ways to say the same thing.  Where both
 * ways are the same sums in the same order the bits must be equal; else the
 * bound is given beside the test. */
#include "tests/grad/grad.h"

enum { ROWS = 2, T = 70, H = 4, D = 8 };

/* One attention node and its inputs; the caller sets what the spec needs. */
struct attend {
    struct grad_case c;
    struct tensor *qkv, *seg, *prefix, *y;
    int Hk;
};

static void begin(struct attend *a, int Hk)
{
    *a = (struct attend){.c = {.opts = {.rows = ROWS, .T = T, .leaves = 2}}, .Hk = Hk};
    case_begin(&a->c);
    a->qkv = case_input(&a->c, "qkv", (H + 2 * Hk) * D);
    a->seg = case_ids(&a->c, "seg_start");
}

static struct attn_spec spec(const struct attend *a, bool causal)
{
    return (struct attn_spec){.H = H, .Hk = a->Hk, .D = D, .scale = 0.35f, .causal = causal};
}

static void finish(struct attend *a, const struct attn_spec *s)
{
    case_ready(&a->c, op_attn(a->c.g, a->qkv, a->seg, s));
    for (int i = 0; i < ROWS * T; i++) ((int32_t *)a->seg->data)[i] = i % T < 31 ? 0 : 31;
    a->y = a->c.y;
}

static void run(struct attend *a)
{
    struct err e;
    must(exec_run(a->c.x, &(struct run_args){.loss_scale = 1, .grads = true}, &e), &e);
}

static struct param *param_of(const struct attend *a, const char *name)
{
    struct param *p = params_find(a->c.params, name);
    assert_non_null(p);
    return p;
}

static void expect_same(const struct attend *a, const struct attend *b, const char *what)
{
    if (memcmp(a->y->data, b->y->data, tensor_bytes(a->y))) fail_msg("%s: other bits", what);
    if (memcmp(a->qkv->grad->data, b->qkv->grad->data, tensor_bytes(a->qkv->grad)))
        fail_msg("%s: gradients have other bits", what);
}

static double furthest(const struct tensor *a, const struct tensor *b)
{
    double m = 0;
    for (int64_t i = 0; i < tensor_n(a); i++)
        m = fmax(m, fabs((double)((float *)a->data)[i] - (double)((float *)b->data)[i]));
    return m;
}

/* Both run on the same random inputs (case_ready draws them by order). */
static void both(struct attend *a, struct attend *b, const char *what)
{
    run(a);
    run(b);
    expect_same(a, b, what);
    case_end(&a->c);
    case_end(&b->c);
}

static void wide_masks_are_no_masks(void **state)
{
    (void)state;
    for (int causal = 0; causal < 2; causal++) {
        struct attend a, b;
        begin(&a, H), begin(&b, H);
        struct attn_spec s = spec(&a, causal), w = s;
        w.window = T;
        finish(&a, &s), finish(&b, &w);
        both(&a, &b, "a window of the whole row");
        begin(&a, 2), begin(&b, 2);
        s = spec(&a, causal), w = s;
        w.sink = case_param(&b.c, "sink", H, 0);
        finish(&a, &s), finish(&b, &w);
        memcpy(b.qkv->data, a.qkv->data, tensor_bytes(a.qkv));
        memcpy(b.c.dy->data, a.c.dy->data, tensor_bytes(a.c.dy));
        for (int h = 0; h < H; h++) ((float *)param_of(&b, "sink")->data)[h] = -1e30f;
        both(&a, &b, "a sink that takes nothing");
    }
}

/* A prefix of nothing is causal, of everything is bidirectional. */
static void prefixes_lie_between_causal_and_bidirectional(void **state)
{
    (void)state;
    for (int all = 0; all < 2; all++) {
        struct attend a, b;
        begin(&a, H), begin(&b, H);
        struct attn_spec s = spec(&a, !all), w = spec(&b, true);
        w.prefix_end = b.prefix = case_ids(&b.c, "prefix_end");
        finish(&a, &s), finish(&b, &w);
        for (int i = 0; i < ROWS * T; i++) ((int32_t *)b.prefix->data)[i] = all ? (i % T < 31 ? 31 : T) : 0;
        both(&a, &b, all ? "a prefix of all" : "no prefix");
    }
}

/* The same inputs twice: with Shaw's tables clipped at `clip`, and with wider
 * ones whose rows beyond it repeat the first and the last; both have run. */
static void shaw_twice(struct attend *a, struct attend *b, bool causal, int clip, int wide)
{
    static const char *const names[] = {"ek", "ev"};
    begin(a, 2), begin(b, 2);
    struct attn_spec s = spec(a, causal), w = spec(b, causal);
    s.clip = clip, w.clip = wide;
    s.shaw_k = case_param(&a->c, "ek", 2 * clip + 1, D), s.shaw_v = case_param(&a->c, "ev", 2 * clip + 1, D);
    w.shaw_k = case_param(&b->c, "ek", 2 * wide + 1, D), w.shaw_v = case_param(&b->c, "ev", 2 * wide + 1, D);
    finish(a, &s), finish(b, &w);
    for (int i = 0; i < 2; i++)
        for (int r = -wide; r <= wide; r++) {
            int from = r < -clip ? 0 : r > clip ? 2 * clip : r + clip;
            memcpy((float *)param_of(b, names[i])->data + (r + wide) * D, (float *)param_of(a, names[i])->data + from * D,
                   D * sizeof(float));
        }
    memcpy(b->qkv->data, a->qkv->data, tensor_bytes(a->qkv));
    memcpy(b->c.dy->data, a->c.dy->data, tensor_bytes(a->c.dy));
    run(a), run(b);
}

/* Beyond the length a larger table has rows that nothing reaches. */
static void shaw_clipped_beyond_the_length_is_full(void **state)
{
    (void)state;
    enum { CLIP = T - 1, MORE = 21 };
    for (int causal = 0; causal < 2; causal++) {
        struct attend a, b;
        shaw_twice(&a, &b, causal, CLIP, CLIP + MORE);
        expect_same(&a, &b, "shaw");
        const char *const names[] = {"ek", "ev"};
        for (int i = 0; i < 2; i++) {
            const float *big = param_of(&b, names[i])->grad;
            assert_memory_equal(big + MORE * D, param_of(&a, names[i])->grad, (2 * CLIP + 1) * D * sizeof(float));
            for (int k = 0; k < MORE * D; k++) assert_true(big[k] == 0);
        }
        case_end(&a.c), case_end(&b.c);
    }
}

/* Within the length the ends of a small table serve all that lies beyond: it
 * gives what the full one with repeated ends gives, whose gradients add up to
 * its own.  Sums of up to T terms near 1, in other orders: T 2^-24 = 4e-6. */
static void shaw_clipped_within_the_length_repeats_its_ends(void **state)
{
    (void)state;
    enum { CLIP = 5 };
    for (int causal = 0; causal < 2; causal++) {
        struct attend a, b;
        shaw_twice(&a, &b, causal, CLIP, T - 1);
        double y = furthest(a.y, b.y), dx = furthest(a.qkv->grad, b.qkv->grad), dw = 0;
        const char *const names[] = {"ek", "ev"};
        for (int i = 0; i < 2; i++) {
            const float *big = param_of(&b, names[i])->grad, *small = param_of(&a, names[i])->grad;
            double sum[(2 * CLIP + 1) * D] = {0};
            for (int r = 1 - T; r < T; r++)
                for (int d = 0; d < D; d++)
                    sum[(r < -CLIP ? 0 : r > CLIP ? 2 * CLIP : r + CLIP) * D + d] += (double)big[(r + T - 1) * D + d];
            for (int k = 0; k < (2 * CLIP + 1) * D; k++) dw = fmax(dw, fabs(sum[k] - (double)small[k]));
        }
        if (y > 4e-6 || dx > 2e-5 || dw > 1e-4) fail_msg("a clip of %d: off by %.3g, %.3g, %.3g", CLIP, y, dx, dw);
        case_end(&a.c), case_end(&b.c);
    }
}

/* Tables of zeros add nothing; a score gets 0 added, which no bit shows. */
static void empty_tables_add_nothing(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct attend a, b;
        begin(&a, H), begin(&b, H);
        struct attn_spec s = spec(&a, true), w = s;
        w.clip = 3, w.buckets = 8, w.max_distance = 20;
        if (kind) w.shaw_k = case_param(&b.c, "ek", 7, D), w.shaw_v = case_param(&b.c, "ev", 7, D);
        else w.t5 = case_param(&b.c, "t5", 8, H);
        finish(&a, &s), finish(&b, &w);
        memcpy(b.qkv->data, a.qkv->data, tensor_bytes(a.qkv));
        memcpy(b.c.dy->data, a.c.dy->data, tensor_bytes(a.c.dy));
        for (int i = 0; i < b.c.params->n; i++)
            memset(b.c.params->v[i]->data, 0, (size_t)b.c.params->v[i]->n * sizeof(float));
        both(&a, &b, kind ? "shaw of zeros" : "t5 of zeros");
    }
}

/* With a bucket a distance and a table of slope * distance T5 is ALiBi: one
 * multiplication is rounded apart from its sum, 2^-24 of a bias up to 35. */
static void t5_can_say_alibi(void **state)
{
    (void)state;
    static const float slopes[H] = {0.5f, 0.25f, 0.125f, 0.0625f};
    struct attend a, b;
    begin(&a, H), begin(&b, H);
    struct attn_spec s = spec(&a, true), w = s;
    s.alibi = slopes;
    w.buckets = 2 * T, w.max_distance = 4 * T;
    w.t5 = case_param(&b.c, "t5", w.buckets, H);
    finish(&a, &s), finish(&b, &w);
    memcpy(b.qkv->data, a.qkv->data, tensor_bytes(a.qkv));
    for (int d = 0; d < w.buckets; d++)
        for (int h = 0; h < H; h++) ((float *)param_of(&b, "t5")->data)[d * H + h] = -slopes[h] * (float)d;
    run(&a), run(&b);
    assert_true(furthest(a.y, b.y) < 2e-5);
    case_end(&a.c), case_end(&b.c);
}

/* Rows of T5's rule (bidirectional 32 buckets to 128, causal 32 to 128), as its paper's code has them. */
static void buckets_of_t5(void **state)
{
    (void)state;
    static const int both_ways[][2] = {{0, 0}, {1, 17}, {7, 23}, {8, 24}, {11, 24}, {12, 25}, {16, 26}, {32, 28}, {64, 30},
                                       {91, 31}, {128, 31}, {-16, 10}, {-91, 15}};
    static const int causal[][2] = {{-15, 15}, {-16, 16}, {-19, 17}, {-21, 18}, {-32, 21}, {-64, 26}, {-113, 31}, {3, 0}};
    for (size_t i = 0; i < COUNT_OF(both_ways); i++)
        assert_int_equal(t5_bucket(both_ways[i][0], false, 32, 128), both_ways[i][1]);
    for (size_t i = 0; i < COUNT_OF(causal); i++) assert_int_equal(t5_bucket(causal[i][0], true, 32, 128), causal[i][1]);
}

/* Query heads of a group with one kv head, or each with a copy of it. */
static void grouped_heads_with_copies_equal_full_heads(void **state)
{
    (void)state;
    struct attend a, b;
    begin(&a, 2), begin(&b, H);
    struct attn_spec s = spec(&a, true), w = spec(&b, true);
    finish(&a, &s), finish(&b, &w);
    const int wa = (H + 4) * D, wb = 3 * H * D;
    for (int i = 0; i < ROWS * T; i++) {
        const float *from = (float *)a.qkv->data + i * wa;
        float *to = (float *)b.qkv->data + i * wb;
        memcpy(to, from, H * D * sizeof *to);
        for (int kv = 0; kv < 2; kv++)
            for (int h = 0; h < H; h++) memcpy(to + (H + kv * H + h) * D, from + (H + kv * 2 + h / 2) * D, D * sizeof *to);
    }
    run(&a), run(&b);
    assert_memory_equal(a.y->data, b.y->data, tensor_bytes(a.y));
    case_end(&a.c), case_end(&b.c);
}

/* Keys and values as another sequence's: the same sums. */
static void attention_to_oneself_as_to_another(void **state)
{
    (void)state;
    struct attend a;
    begin(&a, 2);
    struct attn_spec s = spec(&a, false);
    finish(&a, &s);
    struct grad_case c = {.opts = {.rows = ROWS, .T = T, .leaves = 2}};
    case_begin(&c);
    struct tensor *q = case_input(&c, "q", H * D), *kv = case_input(&c, "kv", 4 * D), *lo = case_ids(&c, "lo"),
                  *hi = case_ids(&c, "hi");
    case_ready(&c, op_attn_cross(c.g, q, kv, lo, hi, &s));
    for (int i = 0; i < ROWS * T; i++) {
        const float *from = (float *)a.qkv->data + i * (H + 4) * D;
        memcpy((float *)q->data + i * H * D, from, H * D * sizeof *from);
        memcpy((float *)kv->data + i * 4 * D, from + H * D, 4 * D * sizeof *from);
        ((int32_t *)lo->data)[i] = i % T < 31 ? 0 : 31;
        ((int32_t *)hi->data)[i] = i % T < 31 ? 31 : T;
    }
    memcpy(c.dy->data, a.c.dy->data, tensor_bytes(c.dy));
    run(&a);
    struct err e;
    must(exec_run(c.x, &(struct run_args){.loss_scale = 1, .grads = true}, &e), &e);
    assert_memory_equal(a.y->data, c.y->data, tensor_bytes(c.y));
    for (int i = 0; i < ROWS * T; i++) {
        const float *d = (float *)a.qkv->grad->data + i * (H + 4) * D;
        assert_memory_equal(d, (float *)q->grad->data + i * H * D, H * D * sizeof *d);
        assert_memory_equal(d + H * D, (float *)kv->grad->data + i * 4 * D, 4 * D * sizeof *d);
    }
    case_check(&c);
    case_end(&a.c), case_end(&c);
}

/* Rotations depend on differences of positions only.  Angles are rounded at
 * 2^-24 of up to 500 radians: 3e-5, times scores of about 3. */
static void rope_is_shift_invariant(void **state)
{
    (void)state;
    enum { FAR = 400 };
    static float cos_[(T + FAR) * D / 2], sin_[(T + FAR) * D / 2];
    struct rope_table rope = {D, T + FAR, cos_, sin_};
    for (int i = 0; i < (T + FAR) * D / 2; i++) {
        double angle = (double)(i / (D / 2)) * pow(0.1, i % (D / 2));
        cos_[i] = (float)cos(angle);
        sin_[i] = (float)sin(angle);
    }
    struct tensor *out[2];
    struct grad_case c[2];
    for (int v = 0; v < 2; v++) {
        c[v] = (struct grad_case){.opts = {.rows = ROWS, .T = T, .leaves = 2}};
        case_begin(&c[v]);
        struct tensor *x = case_input(&c[v], "qkv", 3 * H * D), *pos = case_ids(&c[v], "positions");
        struct qk_spec q = {.H = H, .Hk = H, .D = D, .rope = &rope, .interleaved = true};
        struct attn_spec s = {.H = H, .Hk = H, .D = D, .scale = 0.35f, .causal = true};
        case_ready(&c[v], op_attn(c[v].g, op_qk(c[v].g, x, pos, &q), NULL, &s));
        for (int i = 0; i < ROWS * T; i++) ((int32_t *)pos->data)[i] = i % T + v * FAR;
        struct err e;
        must(exec_run(c[v].x, &(struct run_args){.loss_scale = 1}, &e), &e);
        out[v] = c[v].y;
    }
    assert_true(furthest(out[0], out[1]) < 1e-4);
    case_end(&c[0]), case_end(&c[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wide_masks_are_no_masks),
        cmocka_unit_test(prefixes_lie_between_causal_and_bidirectional),
        cmocka_unit_test(shaw_clipped_beyond_the_length_is_full),
        cmocka_unit_test(shaw_clipped_within_the_length_repeats_its_ends),
        cmocka_unit_test(empty_tables_add_nothing),
        cmocka_unit_test(t5_can_say_alibi),
        cmocka_unit_test(buckets_of_t5),
        cmocka_unit_test(grouped_heads_with_copies_equal_full_heads),
        cmocka_unit_test(attention_to_oneself_as_to_another),
        cmocka_unit_test(rope_is_shift_invariant),
    };
    return cmocka_run_group_tests_name("positions", tests, NULL, NULL);
}
