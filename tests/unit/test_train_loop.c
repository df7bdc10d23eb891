/* The step loop with faults in its data: skips, roll backs and giving up, and
 * that an interrupted run takes the same decisions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>
#include <signal.h>

#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/rng.h"
#include "core/base/sig.h"
#include "core/train/loop.h"

enum { VOCAB = 16, ROWS = 4, LENGTH = 8 };

static char dir[] = "/tmp/test_loop.XXXXXX";

enum fault { OVERFLOWS, WRONG_TARGETS, ONE_TOKEN }; /* weights that overflow, another rule to count by, one long gradient */

/* Counting sequences; batches in [bad, bad_end) have a fault. */
struct source {
    struct batch_source base;
    enum fault fault;
    uint64_t bad, bad_end;
    char *stop_at_file;   /* made when batch stop_at is asked for, NULL = never */
    uint64_t stop_at;
    uint64_t signal_at;   /* SIGUSR1 comes when batch signal_at - 1 is asked for, 0 = never */
    struct batch_source *val; /* batches to validate on, NULL = none */
};

static int next(struct batch_source *bs, uint64_t step, struct batch *b, struct err *e)
{
    struct source *s = (struct source *)bs;
    struct rng_key k = rng_key(3, RNG_TEST, 0, 0);
    bool bad = step >= s->bad && step < s->bad_end;
    float w = bad && s->fault == OVERFLOWS ? 3e38f : 1.0f;
    uint32_t by = bad && s->fault == WRONG_TARGETS ? 5 : 1;
    for (int r = 0; r < b->rows; r++)
        for (int t = 0; t < b->T; t++) {
            int i = r * b->T + t;
            uint32_t start = rng_u32(&k, step * ROWS + (uint64_t)r);
            b->tokens[i] = (int32_t)((start + (uint32_t)t) % VOCAB);
            b->targets[i] = (int32_t)((start + (uint32_t)t + by) % VOCAB);
            b->weights[i] = bad && s->fault == ONE_TOKEN && i ? 0 : w;
            b->positions[i] = t;
            b->seg_start[i] = 0;
        }
    b->n_bytes = (uint64_t)b->rows * (uint64_t)b->T;
    b->epoch = 0;
    if (s->signal_at && step == s->signal_at - 1) raise(SIGUSR1);
    if (s->stop_at_file && step == s->stop_at) return file_write_all(s->stop_at_file, "", 0, e);
    return 0;
}

static int describe(struct batch_source *bs, struct buf *json, struct err *e)
{
    (void)bs;
    buf_adds(json, "{\"sources\":[]}");
    return buf_ok(json, e);
}

static void no_close(struct batch_source *bs)
{
    (void)bs;
}

static struct source source(uint64_t bad, uint64_t bad_end)
{
    return (struct source){.base = {next, describe, no_close, 0, VOCAB}, .bad = bad, .bad_end = bad_end};
}

struct length {
    int64_t steps, save_every;
    enum train_resume resume;
};

/* One call of the loop; the run is dir/name. */
static int train_for(struct length n, const char *name, struct source *src, struct train_result *r, struct err *e)
{
    static char path[300];
    static struct model_config model;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(model_config_preset(&model, "llama-nano", e), 0);
    struct model_dims d = {.layers = 1, .width = 16, .heads = 2, .context = LENGTH, .vocab = VOCAB};
    assert_int_equal(model_config_resize(&model, &d, e), 0);
    struct objective_lm lm = objective_lm(0, 0);
    struct train_job job = {
        .cfg = {.out = path, .batch = ROWS, .T = LENGTH, .leaves = 2, .dtype = TRAIN_F32,
                .schedule = {SCHED_CONST, 1e-2, 1e-2, 0, n.steps, 0},
                .optim = {OPTIM_ADAMW, 0.9, 0.95, 1e-8, 0.1, 0}, .clip = 1, .seed = 1,
                .guard = {.sigma = 6, .max_skips = 3, .max_rollbacks = 2},
                .threads = 1, .accum = 1, .resume = n.resume, .save_every = n.save_every, .keep_last = 2},
        .model = &model, .objective = &lm.base, .data = &src->base, .version = "test",
    };
    if (src->val) {
        job.val = src->val;
        job.val_steps = 6;
        job.cfg.eval_every = 20;
    }
    return train_run(&job, r, e);
}

static int train(const char *name, struct source *src, struct train_result *r, struct err *e)
{
    return train_for((struct length){.steps = 60, .save_every = 10}, name, src, r, e);
}

static uint64_t model_hash(const char *name)
{
    char path[300];
    struct buf b = {0};
    struct err e;
    snprintf(path, sizeof path, "%s/%s/model.llmz", dir, name);
    if (file_read_all(path, 1 << 24, &b, &e)) fail_msg("%s", e.msg);
    uint64_t h = hash64(b.data, b.len);
    buf_free(&b);
    return h;
}

static int count_events(const char *name, const char *event)
{
    char path[300], key[64];
    struct buf b = {0};
    struct err e;
    int n = 0;
    snprintf(path, sizeof path, "%s/%s/metrics.jsonl", dir, name);
    snprintf(key, sizeof key, "\"event\":\"%s\"", event);
    assert_int_equal(file_read_all(path, 1 << 24, &b, &e), 0);
    for (const char *p = b.data; (p = strstr(p, key)); p++) n++;
    buf_free(&b);
    return n;
}

static void a_clean_run_learns(void **state)
{
    (void)state;
    struct source s = source(1, 0);
    struct train_result r;
    struct err e;
    if (train("clean", &s, &r, &e)) fail_msg("%s", e.msg);
    assert_int_equal(r.steps, 60);
    assert_int_equal(r.tokens, 60 * ROWS * LENGTH);
    assert_true(r.loss < 1.0 && r.loss > 0);
}

static void bad_batches_are_skipped(void **state)
{
    (void)state;
    struct source s = source(25, 27);
    struct train_result r;
    struct err e;
    if (train("skip", &s, &r, &e)) fail_msg("%s", e.msg);
    assert_int_equal(r.steps, 60);
    assert_int_equal(r.tokens, 58 * ROWS * LENGTH);
    assert_int_equal(count_events("skip", "skip"), 2);
    assert_int_equal(count_events("skip", "rollback"), 0);
    assert_true(r.loss < 1.0);
}

/* Batches 25 to 29: two skips, and at step 27 back to 20, going on with batch
 * 28; 28 and 29 are skipped, as steps 20 and 21. */
static void a_bad_stretch_is_rolled_back_over(void **state)
{
    (void)state;
    struct source s = source(25, 30);
    struct train_result r;
    struct err e;
    if (train("back", &s, &r, &e)) fail_msg("%s", e.msg);
    assert_int_equal(r.steps, 60);
    assert_int_equal(count_events("back", "rollback"), 1);
    assert_int_equal(r.tokens, 58 * ROWS * LENGTH);
    assert_true(r.loss < 1.0);
}

/* Stopped before, within and after the bad stretch and the roll back. */
static void an_interrupted_run_decides_the_same(void **state)
{
    (void)state;
    static const uint64_t stops[] = {12, 24, 25, 26, 28, 29, 31, 45};
    uint64_t want = model_hash("back");
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        char name[32], stop[300];
        snprintf(name, sizeof name, "back-%zu", i);
        snprintf(stop, sizeof stop, "%s/%s/stop", dir, name);
        struct source s = source(25, 30);
        struct train_result r;
        struct err e;
        s.stop_at_file = stop;
        s.stop_at = stops[i];
        assert_int_equal(train(name, &s, &r, &e), -1);
        assert_int_equal(e.code, ERR_STOPPED);
        s.stop_at_file = NULL;
        if (train(name, &s, &r, &e)) fail_msg("%s", e.msg);
        if (model_hash(name) != want) fail_msg("stopped at batch %d: another model", (int)stops[i]);
        assert_int_equal(count_events(name, "rollback"), 1);
    }
}

/* The values of "key": in metrics.jsonl, in their order. */
static void read_values(const char *name, const char *key, struct buf *out)
{
    char path[300];
    struct buf b = {0};
    struct err e;
    snprintf(path, sizeof path, "%s/%s/metrics.jsonl", dir, name);
    assert_int_equal(file_read_all(path, 1 << 24, &b, &e), 0);
    for (const char *p = b.data; (p = strstr(p, key)); p++) {
        buf_add(out, p, strcspn(p, ",}"));
        buf_addc(out, '\n');
    }
    buf_free(&b);
}

static bool has_checkpoint(const char *name, int step)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s/ckpt/step-%d/train.llmz", dir, name, step);
    return file_exists(path);
}

/* A signal in the middle of a validation is obeyed there; the next call begins with that validation. */
static void an_interrupted_validation_is_made_up_for(void **state)
{
    (void)state;
    struct source v = source(0, 0), s = source(0, 0);
    struct train_result r;
    struct err e;
    struct buf want = {0}, got = {0};
    s.val = &v.base;
    if (train("judged", &s, &r, &e)) fail_msg("%s", e.msg);
    double last = r.val_loss;
    sig_install();
    v.signal_at = 4; /* of 6, at each validation of steps 20, 40 and 60 */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(train("judged-late", &s, &r, &e), -1);
        assert_int_equal(e.code, ERR_STOPPED);
        assert_int_equal(r.steps, 20);
        assert_true(has_checkpoint("judged-late", 20)); /* nobody counts again */
        sig_reset();
    }
    for (int i = 2; i <= 3; i++) { /* let one pass, stop in the next */
        v.signal_at = 0;
        struct source once = s;
        once.signal_at = 20 * (uint64_t)i; /* the signal comes in the step before a validation */
        assert_int_equal(train("judged-late", &once, &r, &e), -1);
        assert_int_equal(r.steps, 20 * i);
        assert_true(has_checkpoint("judged-late", 20 * i));
        sig_reset();
    }
    if (train("judged-late", &s, &r, &e)) fail_msg("%s", e.msg);
    assert_true(r.val_loss == last);
    assert_true(model_hash("judged") == model_hash("judged-late"));
    read_values("judged", "\"val_loss\":", &want);
    read_values("judged-late", "\"val_loss\":", &got);
    assert_string_equal(got.data, want.data);
    buf_free(&want);
    buf_free(&got);
}

static void a_run_that_stays_bad_is_given_up(void **state)
{
    (void)state;
    struct source s = source(25, 1000);
    struct train_result r;
    struct err e;
    assert_int_equal(train("lost", &s, &r, &e), -1);
    assert_int_equal(e.code, ERR_RESULT);
    assert_non_null(strstr(e.msg, "training diverged at step 23: the loss is not finite, after 2 roll backs"));
    assert_int_equal(count_events("lost", "rollback"), 2);
    assert_false(file_exists("lost/model.llmz"));
}

/* The loss of a stretch of other data sticks out: skips, back to 90, and on
 * behind the batch that asked for it. */
static void a_spike_of_the_loss_is_rolled_back_over(void **state)
{
    (void)state;
    struct source s = source(95, 98);
    struct train_result r;
    struct err e;
    s.fault = WRONG_TARGETS;
    if (train_for((struct length){.steps = 120, .save_every = 10}, "spike", &s, &r, &e)) fail_msg("%s", e.msg);
    assert_int_equal(count_events("spike", "skip"), 2);
    assert_int_equal(count_events("spike", "rollback"), 1);
    assert_int_equal(r.tokens, 120 * ROWS * LENGTH);
    s = source(95, 1000);
    s.fault = WRONG_TARGETS;
    assert_int_equal(train_for((struct length){.steps = 120, .save_every = 10}, "spikes", &s, &r, &e), -1);
    assert_int_equal(e.code, ERR_RESULT);
    assert_non_null(strstr(e.msg, "the loss spiked, after 2 roll backs"));
}

/* Initial weights are nothing to go back to. */
static void without_a_checkpoint_nothing_is_rolled_back(void **state)
{
    (void)state;
    static const int64_t save_every[] = {0, 100};
    for (size_t i = 0; i < 2; i++) {
        char name[32];
        struct source s = source(95, 1000);
        struct train_result r;
        struct err e;
        s.fault = WRONG_TARGETS;
        snprintf(name, sizeof name, "nowhere-%zu", i);
        assert_int_equal(train_for((struct length){.steps = 120, .save_every = save_every[i]}, name, &s, &r, &e), -1);
        assert_int_equal(e.code, ERR_RESULT);
        assert_non_null(strstr(e.msg, "diverged at step 98: the loss spiked, and there is no checkpoint"));
        assert_int_equal(count_events(name, "rollback"), 0);
        assert_int_equal(r.steps, 97);
    }
}

/* The gradient of one token is several times as long as the mean of many, and
 * nothing is wrong with it. */
static void a_long_gradient_is_learned_from(void **state)
{
    (void)state;
    struct source s = source(270, 290);
    struct train_result r;
    struct err e;
    s.fault = ONE_TOKEN;
    if (train_for((struct length){.steps = 300, .save_every = 0}, "long", &s, &r, &e)) fail_msg("%s", e.msg);
    assert_int_equal(count_events("long", "skip"), 0);
    assert_int_equal(r.tokens, 280 * ROWS * LENGTH + 20);
}

/* Other options: the loss may be another one. */
static void a_forced_run_forgets_what_was_usual(void **state)
{
    (void)state;
    struct source s = source(1, 0);
    struct train_result r;
    struct err e;
    if (train_for((struct length){.steps = 100, .save_every = 0}, "forced", &s, &r, &e)) fail_msg("%s", e.msg);
    s = source(100, 1000);
    s.fault = WRONG_TARGETS;
    if (train_for((struct length){.steps = 120, .resume = RESUME_FORCE}, "forced", &s, &r, &e)) fail_msg("%s", e.msg);
    assert_int_equal(count_events("forced", "skip"), 0);
}

/* A spike, after which the run goes on from checkpoint 20 of the same data. */
static void a_missing_checkpoint_stops_the_roll_back(void **state)
{
    (void)state;
    struct source s = source(25, 40);
    struct train_result r;
    struct err e;
    char path[300];
    snprintf(path, sizeof path, "%s/gone/stop", dir);
    s.stop_at_file = path;
    s.stop_at = 23;
    assert_int_equal(train("gone", &s, &r, &e), -1);
    assert_int_equal(e.code, ERR_STOPPED);
    s.stop_at_file = NULL;
    snprintf(path, sizeof path, "%s/gone/ckpt/step-20", dir);
    assert_int_equal(dir_remove(path, &e), 0);
    assert_int_equal(train("gone", &s, &r, &e), -1);
    assert_non_null(strstr(e.msg, "rolling back from step 28"));
    assert_non_null(strstr(e.msg, "step-20"));
}

/* A full disk at any system call: an error or a warning, and the next call goes
 * on to the same model. */
static void a_failing_call_loses_nothing(void **state)
{
    (void)state;
    uint64_t want = model_hash("clean");
    int failed = 0, n = 1;
    for (;; n += 1 + n / 8) {
        char name[32], path[300];
        snprintf(name, sizeof name, "fault-%d", n);
        struct source s = source(1, 0);
        struct train_result r;
        struct err e;
        fault_after(n, ENOSPC);
        int ret = train(name, &s, &r, &e);
        long passed = fault_after(0, 0);
        if (ret) {
            failed++;
            if (e.code != ERR_IO && e.code != ERR_CANTCREAT) fail_msg("call %d: %d: %s", n, (int)e.code, e.msg);
            if (!strstr(e.msg, "No space left")) fail_msg("call %d: %s", n, e.msg);
            if (train(name, &s, &r, &e)) fail_msg("after call %d: %s", n, e.msg);
        }
        if (model_hash(name) != want) fail_msg("call %d: another model", n);
        snprintf(path, sizeof path, "%s/%s", dir, name);
        assert_int_equal(dir_remove(path, &e), 0);
        if (passed < n) break; /* nothing was left to fail */
    }
    if (failed < 10) fail_msg("only %d failures in %d calls", failed, n);
}

static int setup(void **state)
{
    (void)state;
    log_setup(true, LOG_COLOR_NEVER);
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    struct err e;
    (void)state;
    return dir_remove(dir, &e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_run_learns),
        cmocka_unit_test(bad_batches_are_skipped),
        cmocka_unit_test(a_bad_stretch_is_rolled_back_over),
        cmocka_unit_test(an_interrupted_run_decides_the_same),
        cmocka_unit_test(an_interrupted_validation_is_made_up_for),
        cmocka_unit_test(a_run_that_stays_bad_is_given_up),
        cmocka_unit_test(a_spike_of_the_loss_is_rolled_back_over),
        cmocka_unit_test(without_a_checkpoint_nothing_is_rolled_back),
        cmocka_unit_test(a_long_gradient_is_learned_from),
        cmocka_unit_test(a_forced_run_forgets_what_was_usual),
        cmocka_unit_test(a_failing_call_loses_nothing),
        cmocka_unit_test(a_missing_checkpoint_stops_the_roll_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
