/* The parts of training that need no model: schedules, guards, state, metrics,
 * the run directory, charts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <math.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/train/guard.h"
#include "core/train/metrics.h"
#include "core/train/rundir.h"
#include "core/train/schedule.h"
#include "core/train/state.h"
#include "core/train/svg.h"

static char dir[] = "/tmp/test_train.XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    struct err e;
    (void)state;
    return dir_remove(dir, &e);
}

static const char *in_dir(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance)) fail_msg("%.17g is not %.17g", got, want);
}

/* ---- schedules ---- */

static void cosine_is_that_of_nanogpt(void **state)
{
    (void)state;
    struct schedule s = {.kind = SCHED_COSINE, .lr = 1e-3, .min_lr = 1e-4, .warmup = 100, .steps = 2000};
    near(schedule_lr(&s, 0), 1e-3 / 101, 1e-18);
    near(schedule_lr(&s, 99), 1e-3 * 100 / 101, 1e-18);
    near(schedule_lr(&s, 100), 1e-3, 1e-18);
    near(schedule_lr(&s, 1050), 5.5e-4, 1e-15); /* half way */
    near(schedule_lr(&s, 2000), 1e-4, 1e-18);
    near(schedule_lr(&s, 5000), 1e-4, 1e-18);
}

static void other_schedules_have_their_shapes(void **state)
{
    (void)state;
    struct schedule s = {.kind = SCHED_LINEAR, .lr = 1, .min_lr = 0.2, .warmup = 0, .steps = 100};
    near(schedule_lr(&s, 50), 0.6, 1e-12);
    s.kind = SCHED_CONST;
    near(schedule_lr(&s, 99), 1, 0);
    s.kind = SCHED_WSD;
    s.decay_frac = 0.2;
    s.min_lr = 0;
    near(schedule_lr(&s, 80), 1, 0);
    near(schedule_lr(&s, 90), 0.5, 1e-12);
    s.kind = SCHED_WSD_SQRT;
    near(schedule_lr(&s, 85), 0.5, 1e-12); /* 1 - sqrt(1/4) */
    s.kind = SCHED_INV_SQRT;
    s.warmup = 16;
    near(schedule_lr(&s, 64), 0.5, 1e-12);
}

/* ---- guards ---- */

static const struct guard_cfg guards = {.sigma = 6, .max_skips = 3, .max_rollbacks = 1};

static void fill_window(struct guard *g, int n)
{
    const char *why;
    for (int i = 0; i < n; i++)
        assert_int_equal(guard_check(g, &guards, 1, 3 + 0.01 * (i % 7), 1 + 0.02 * (i % 5), &why), GUARD_OK);
}

static void non_finite_steps_are_skipped_then_rolled_back_then_stop(void **state)
{
    (void)state;
    struct guard g = {0};
    const char *why;
    assert_int_equal(guard_check(&g, &guards, 1, (double)NAN, 1, &why), GUARD_SKIP);
    assert_string_equal(why, "the loss is not finite");
    assert_int_equal(guard_check(&g, &guards, 1, 3, (double)INFINITY, &why), GUARD_SKIP);
    assert_string_equal(why, "the gradient norm is not finite");
    assert_int_equal(guard_check(&g, &guards, 1, (double)NAN, 1, &why), GUARD_ROLLBACK);
    g.rollbacks = 1;
    assert_int_equal(guard_check(&g, &guards, 1, (double)NAN, 1, &why), GUARD_STOP);
    assert_int_equal(g.n, 0); /* none of them entered the window */
    assert_int_equal(guard_check(&g, &guards, 1, 3, 1, &why), GUARD_OK);
    assert_int_equal(g.in_row, 0);
    assert_int_equal(g.skipped, 4);
}

static void a_spike_of_the_loss_is_skipped(void **state)
{
    (void)state;
    struct guard g = {0};
    const char *why;
    fill_window(&g, GUARD_MIN - 1);
    assert_int_equal(guard_check(&g, &guards, 1, 30, 1, &why), GUARD_OK); /* too early to tell */
    memset(&g, 0, sizeof g);
    fill_window(&g, 100);
    assert_int_equal(guard_check(&g, &guards, 1, 3.2, 1, &why), GUARD_OK); /* 6 sigma, but a small share */
    assert_int_equal(guard_check(&g, &guards, 1, 9, 1, &why), GUARD_SKIP);
    assert_string_equal(why, "the loss spiked");
    assert_int_equal(guard_check(&g, &guards, 1, 3, 1, &why), GUARD_OK);
    assert_int_equal(g.in_row, 0);
}

/* How many of `n` steps of this loss were skipped after a steady window. */
static int skips_at_level(double loss, int n)
{
    struct guard g = {0};
    struct guard_cfg c = guards;
    const char *why;
    int skipped = 0;
    c.max_skips = 100;
    fill_window(&g, 128);
    for (int i = 0; i < n; i++) skipped += guard_check(&g, &c, 1, loss, 1, &why) != GUARD_OK;
    return skipped;
}

static void a_moderate_level_is_learned_and_a_lost_model_is_not(void **state)
{
    (void)state;
    int moderate = skips_at_level(3.75, 20), lost = skips_at_level(9, 20);
    if (moderate < 1 || moderate > 7) fail_msg("%d skips", moderate);
    if (lost < 10) fail_msg("%d skips", lost);
}

/* A text learned by heart: all is tiny and jumps by whole factors. */
static void tiny_values_may_jump(void **state)
{
    (void)state;
    struct guard g = {0};
    const char *why;
    for (int i = 0; i < 400; i++) {
        double jump = i % 50 == 49 ? 20 : i > 300 && i < 320 ? 9 : 1;
        double loss = 1e-3 * (1 + 0.1 * (i % 3)) * jump, norm = 2e-3 * (1 + 0.2 * (i % 7)) * jump;
        if (guard_check(&g, &guards, 1, loss, norm, &why) != GUARD_OK) fail_msg("step %d: %s", i, why);
    }
}

static void a_spike_of_the_norm_skips_but_never_rolls_back(void **state)
{
    (void)state;
    struct guard g = {0};
    const char *why;
    fill_window(&g, 128);
    assert_int_equal(guard_check(&g, &guards, 1, 3, 9, &why), GUARD_OK); /* clipping is enough */
    double norm = 100;
    for (int i = 0; i < 20; i++, norm *= 100) {
        assert_int_equal(guard_check(&g, &guards, 1, 3, norm, &why), GUARD_SKIP);
        assert_string_equal(why, "the gradient norm spiked");
    }
    assert_int_equal(g.in_row, 0);
    assert_int_equal(g.skipped, 20);
    memset(&g, 0, sizeof g);
    fill_window(&g, 128);
    assert_int_equal(guard_check(&g, &guards, 0, 3, 9, &why), GUARD_SKIP); /* nothing bounds this one */
    /* Between two spoilt steps it changes nothing. */
    assert_int_equal(guard_check(&g, &guards, 1, 99, 1, &why), GUARD_SKIP);
    assert_int_equal(guard_check(&g, &guards, 1, 3, 1e9, &why), GUARD_SKIP);
    assert_int_equal(guard_check(&g, &guards, 1, 99, 1, &why), GUARD_SKIP);
    assert_int_equal(guard_check(&g, &guards, 1, 99, 1, &why), GUARD_ROLLBACK);
}

static void another_run_starts_with_an_empty_window(void **state)
{
    (void)state;
    struct guard g = {.rollbacks = 1, .skipped = 4, .data_shift = 7};
    const char *why;
    fill_window(&g, 128);
    guard_restart(&g);
    assert_int_equal(guard_check(&g, &guards, 1, 30, 1, &why), GUARD_OK);
    assert_int_equal(g.rollbacks, 0);
    assert_int_equal(g.skipped, 4);
    assert_int_equal(g.data_shift, 7);
}

static void sigma_zero_turns_spikes_off(void **state)
{
    (void)state;
    struct guard g = {0};
    struct guard_cfg c = guards;
    const char *why;
    c.sigma = 0;
    fill_window(&g, 100);
    assert_int_equal(guard_check(&g, &c, 1, 900, 900, &why), GUARD_OK);
}

/* ---- state ---- */

static void state_survives_json_bit_for_bit(void **state)
{
    (void)state;
    struct train_state a = {.step = 123456789012, .updates = 7, .tokens = 1LL << 50, .metrics_lines = 3,
                            .best_val = 1.0 / 3, .best_step = 100, .bad_evals = 2, .stopped_early = true};
    a.guard = (struct guard){.in_row = 1, .rollbacks = 2, .skipped = 9, .data_shift = 77};
    struct guard_cfg c = guards;
    const char *why;
    for (int i = 0; i < 200; i++) guard_check(&a.guard, &c, 1, sin(i) / 3 + 2, exp(sin(i * 0.7)), &why);
    struct train_state b;
    struct buf t = {0};
    struct err e;
    train_state_print(&a, &t);
    struct cJSON *j = json_parse(t.data, t.len, "state", NULL, &e);
    assert_non_null(j);
    assert_int_equal(train_state_parse(&b, j, "state", &e), 0);
    assert_memory_equal(a.guard.loss, b.guard.loss, sizeof a.guard.loss);
    struct buf u = {0};
    train_state_print(&b, &u);
    assert_string_equal(t.data, u.data);
    json_free(j);
    buf_free(&t);
    buf_free(&u);
}

static void a_damaged_state_is_an_error(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}", "{\"step\":-1}", "{\"step\":1,\"updates\":1,\"tokens\":1e300}",
        "{\"step\":1,\"updates\":1,\"tokens\":1,\"metrics_lines\":1,\"best_val\":0,\"best_step\":0,\"bad_evals\":0,"
        "\"stopped_early\":false,\"guard\":{\"pos\":200,\"in_row\":0,\"rollbacks\":0,\"skipped\":0,\"data_shift\":0,"
        "\"loss\":[],\"norm\":[]}}",
        "{\"step\":1,\"updates\":1,\"tokens\":1,\"metrics_lines\":1,\"best_val\":0,\"best_step\":0,\"bad_evals\":0,"
        "\"stopped_early\":false,\"guard\":{\"pos\":1,\"in_row\":0,\"rollbacks\":0,\"skipped\":0,\"data_shift\":0,"
        "\"loss\":[1],\"norm\":[]}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct train_state s;
        struct err e = {0};
        struct cJSON *j = json_parse(bad[i], strlen(bad[i]), "state", NULL, &e);
        assert_non_null(j);
        assert_int_equal(train_state_parse(&s, j, "state", &e), -1);
        assert_int_equal(e.code, ERR_DATA);
        json_free(j);
    }
}

/* ---- metrics ---- */

static void add(struct metrics *m, int64_t step, double loss)
{
    struct buf b = {0};
    struct err e;
    metrics_num(&b, "loss", loss);
    assert_int_equal(metrics_add(m, step, &b, &e), 0);
    buf_free(&b);
}

static void metrics_are_cut_on_resume_and_read_back(void **state)
{
    (void)state;
    struct err e;
    char path[256];
    snprintf(path, sizeof path, "%s", in_dir("metrics.jsonl"));
    struct metrics *m = metrics_open(path, 0, &e);
    assert_non_null(m);
    for (int i = 1; i <= 5; i++) add(m, i, 1.0 / i);
    metrics_close(m);
    FILE *f = fopen(path, "a");
    fputs("{\"step\":6,\"lo", f); /* torn by a kill */
    fclose(f);
    m = metrics_open(path, 4, &e);
    assert_int_equal(metrics_lines(m), 4);
    add(m, 5, (double)NAN);
    add(m, 6, 0.125);
    add(m, 5, 0.5); /* after a roll back */
    metrics_close(m);
    static const char *const names[] = {"loss"};
    struct series s = {0};
    assert_int_equal(metrics_read(path, names, &s, 1, &e), 0);
    assert_int_equal(s.n, 5);
    assert_true(s.y[2] == 1.0 / 3);
    assert_true(s.x[4] == 5 && s.y[4] == 0.5);
    series_free(&s);
    m = metrics_open(path, 100, &e); /* asks for more than there is */
    assert_int_equal(metrics_lines(m), 7);
    metrics_close(m);
}

/* ---- run directory ---- */

static void touch_ckpt(const char *name)
{
    char path[300];
    struct err e;
    snprintf(path, sizeof path, "%s/ckpt/%s", dir, name);
    assert_int_equal(dir_make(path, &e), 0);
}

static void expect_steps(const int64_t *want, size_t n)
{
    int64_t *steps;
    size_t got;
    struct err e;
    assert_int_equal(rundir_steps(dir, &steps, &got, &e), 0);
    assert_int_equal(got, n);
    for (size_t i = 0; i < n; i++) assert_int_equal(steps[i], want[i]);
    free(steps);
}

static void old_checkpoints_go_by_the_policy(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(rundir_make(dir, &e), 0);
    static const char *const names[] = {"step-5", "step-10", "step-20", "step-30", "step-100", "step-x", ".step-7.tmp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) touch_ckpt(names[i]);
    expect_steps((const int64_t[]){5, 10, 20, 30, 100}, 5);
    struct keep_policy k = {.last = 2, .every = 20, .protect = {5, 10}};
    assert_int_equal(rundir_prune(dir, &k, &e), 0);
    expect_steps((const int64_t[]){5, 10, 20, 30, 100}, 5);
    k.protect[1] = -1;
    assert_int_equal(rundir_prune(dir, &k, &e), 0);
    expect_steps((const int64_t[]){5, 20, 30, 100}, 4);
    assert_int_equal(rundir_drop_after(dir, 20, &e), 0);
    expect_steps((const int64_t[]){5, 20}, 2);
    assert_int_equal(rundir_clean(dir, &e), 0);
    assert_false(file_exists(in_dir("ckpt/.step-7.tmp")));
    assert_true(file_exists(in_dir("ckpt/step-x")));
}

static void a_differing_configuration_is_shown_key_by_key(void **state)
{
    (void)state;
    struct err e;
    const char *a = "{\"train\":{\"lr\":0.001,\"steps\":10,\"x\":1},\"run\":{\"threads\":1}}";
    const char *b = "{\"train\":{\"lr\":0.002,\"steps\":10,\"y\":\"z\"},\"run\":{\"threads\":2}}";
    struct cJSON *ja = json_parse(a, strlen(a), "a", NULL, &e), *jb = json_parse(b, strlen(b), "b", NULL, &e);
    assert_int_equal(rundir_compare(ja, ja, "a", &e), 0);
    assert_int_equal(rundir_compare(ja, jb, "config.json", &e), -1);
    assert_int_equal(e.code, ERR_CONFIG);
    assert_non_null(strstr(e.msg, "differs in 3 keys"));
    assert_non_null(strstr(e.msg, "train.lr: the run has 0.001, asked for is 0.002"));
    assert_non_null(strstr(e.msg, "train.x: the run has 1, asked for is nothing"));
    assert_non_null(strstr(e.msg, "train.y: the run has nothing, asked for is \"z\""));
    assert_null(strstr(e.msg, "threads"));
    json_free(ja);
    json_free(jb);
}

/* ---- charts ---- */

static void charts_stay_small_and_escape(void **state)
{
    (void)state;
    struct series s = {malloc(100000 * 8), malloc(100000 * 8), 100000, 100000};
    for (size_t i = 0; i < s.n; i++) s.x[i] = (double)i, s.y[i] = 5 + sin((double)i);
    struct buf b = {0};
    svg_chart(&b, &(struct chart){"a < b", {&s, NULL}, {NULL, NULL}, true});
    assert_true(b.len > 2000 && b.len < 8000);
    assert_non_null(strstr(b.data, "a &lt; b"));
    assert_null(strstr(b.data, "nan"));
    buf_clear(&b);
    s.n = 1; /* a single point, and a constant */
    svg_chart(&b, &(struct chart){"t", {&s, NULL}, {NULL, NULL}, false});
    assert_non_null(strstr(b.data, "<circle"));
    assert_null(strstr(b.data, "nan"));
    s.n = 0;
    buf_clear(&b);
    svg_chart(&b, &(struct chart){"t", {&s, NULL}, {NULL, NULL}, false});
    assert_int_equal(b.len, 0);
    buf_free(&b);
    s.n = 1;
    series_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cosine_is_that_of_nanogpt),
        cmocka_unit_test(other_schedules_have_their_shapes),
        cmocka_unit_test(non_finite_steps_are_skipped_then_rolled_back_then_stop),
        cmocka_unit_test(a_spike_of_the_loss_is_skipped),
        cmocka_unit_test(a_moderate_level_is_learned_and_a_lost_model_is_not),
        cmocka_unit_test(tiny_values_may_jump),
        cmocka_unit_test(a_spike_of_the_norm_skips_but_never_rolls_back),
        cmocka_unit_test(another_run_starts_with_an_empty_window),
        cmocka_unit_test(sigma_zero_turns_spikes_off),
        cmocka_unit_test(state_survives_json_bit_for_bit),
        cmocka_unit_test(a_damaged_state_is_an_error),
        cmocka_unit_test(metrics_are_cut_on_resume_and_read_back),
        cmocka_unit_test(old_checkpoints_go_by_the_policy),
        cmocka_unit_test(a_differing_configuration_is_shown_key_by_key),
        cmocka_unit_test(charts_stay_small_and_escape),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
