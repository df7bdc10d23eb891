/* The rules of the same bits, for every mixer, position, norm and FFN that a
 * decoder can have: a step gives the same loss and gradients for any number of
 * threads and any accumulation. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "core/train/step.h"
#include "tests/unit/model_util.h"

enum { ROWS = 4, T = 12, VOCAB = 53 };

static struct model_config config;

/* Two documents in every row. */
static int next(struct batch_source *bs, uint64_t step, struct batch *b, struct err *e)
{
    struct rng_key k = rng_key(3, RNG_TEST, (uint32_t)step, 0);
    (void)bs;
    (void)e;
    for (int i = 0; i < b->rows * b->T; i++) {
        int t = i % b->T;
        b->tokens[i] = (int32_t)rng_below(&k, (uint64_t)i, VOCAB);
        b->targets[i] = (int32_t)rng_below(&k, (uint64_t)(i + 1000), VOCAB);
        b->weights[i] = 1;
        b->seg_start[i] = t < 5 ? 0 : 5;
        b->positions[i] = t - b->seg_start[i];
    }
    b->n_bytes = 0;
    return 0;
}

struct fixture {
    struct params *p;
    struct pool *pool;
    struct stepper *s;
    struct objective_lm o;
    struct loss_sum sum;
};

static void run(struct fixture *f, const char *name, int accum, int threads)
{
    struct err e;
    struct batch_source src = {.next = next, .vocab = VOCAB};
    struct step_cfg sc = {.rows = ROWS, .T = T, .leaves = 4, .accum = accum, .compute = DT_F32, .training = true};
    f->p = params_new(&e);
    f->pool = pool_new(threads, &e);
    f->o = objective_lm(0.1, 1e-3);
    if (model_declare(&config, f->p, DT_F32, &e) || params_alloc(f->p, true, &e) || model_init(&config, f->p, 4, &e))
        fail_msg("%s: %s", name, e.msg);
    model_variant_fill(f->p);
    if (!(f->s = stepper_new(&sc, &f->o.base, &config, f->p, threads, &e)) || stepper_alloc(f->s, f->pool, &e) ||
        stepper_run(f->s, &src, 1, 1, 1, true, &f->sum, &e))
        fail_msg("%s: %s", name, e.msg);
}

static void stop(struct fixture *f)
{
    stepper_free(f->s);
    params_free(f->p);
    pool_free(f->pool);
}

static void same(const char *name, const struct fixture *want, int accum, int threads)
{
    static struct fixture f;
    run(&f, name, accum, threads);
    if (memcmp(&f.sum.loss, &want->sum.loss, sizeof f.sum.loss))
        fail_msg("%s: another loss with accumulation %d", name, accum);
    for (int i = 0; i < f.p->n; i++) {
        const struct param *p = f.p->v[i], *q = want->p->v[i];
        if (p->grad && memcmp(p->grad, q->grad, (size_t)p->n * sizeof(float)))
            fail_msg("%s: another gradient of %s with accumulation %d and %d threads", name, p->name, accum, threads);
    }
    stop(&f);
}

static void threads_and_accumulation_never_show_in_any_variant(void **state)
{
    (void)state;
    static struct fixture f;
    struct err e;
    for (const struct model_variant *v = model_variants; v->name; v++) {
        if (model_variant_config(&config, v, &e) || model_config_set(&config, (const char *[]){"dropout.attn=0.1"}, 1, &e))
            fail_msg("%s: %s", v->name, e.msg);
        run(&f, v->name, 1, 1);
        same(v->name, &f, 1, 3);
        same(v->name, &f, 4, 2);
        stop(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_and_accumulation_never_show_in_any_variant)};
    return cmocka_run_group_tests_name("variants", tests, NULL, NULL);
}
