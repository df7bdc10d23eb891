/* Parts that are put aside are done once each, before they are wanted, by whoever has time; without helpers by the thread
 * that wants them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/base/aside.h"
#include "core/base/mem.h"

enum { PARTS = 2000 };

struct number {
    _Atomic int times;
    pthread_t by;
    bool lent; /* where it was done: parts of parts go nowhere */
};

static void count(void *arg)
{
    struct number *n = arg;
    n->by = pthread_self();
    n->lent = aside_is_lent();
    n->times++;
}

/* Returns how many another thread did. */
static int put_many(void)
{
    int others = 0;
    for (int i = 0; i < PARTS; i++) {
        struct number n = {0};
        struct aside_part p;
        aside_put(&p, count, &n);
        for (volatile int k = 0; k < i; k++) {}
        aside_get(&p);
        assert_int_equal(n.times, 1);
        bool other = !pthread_equal(n.by, pthread_self());
        assert_false(other && n.lent);
        others += other;
    }
    return others;
}

/* What takes its time. */
struct slow {
    _Atomic bool begun, ended;
};

static void take_time(void *arg)
{
    struct slow *s = arg;
    s->begun = true;
    usleep(20000);
    s->ended = true;
}

static void *serve(void *arg)
{
    aside_serve(arg);
    return NULL;
}

static void without_helpers_all_is_done_by_who_wants_it(void **state)
{
    struct err e;
    struct aside *a = aside_new(&e);
    (void)state;
    assert_non_null(a);
    assert_false(aside_is_lent());
    assert_int_equal(put_many(), 0);
    aside_lend(a);
    assert_true(aside_is_lent());
    assert_int_equal(put_many(), 0);
    aside_lend(NULL);
    assert_false(aside_is_lent());
    assert_false(aside_help(a) || aside_is_closed(a));
    aside_close(a);
    assert_true(aside_is_closed(a));
    aside_serve(a); /* which ends at once */
    aside_free(a);
    aside_free(NULL);
}

static void helpers_do_what_waits(void **state)
{
    struct err e;
    struct aside *a = aside_new(&e);
    pthread_t helper[2];
    struct number n = {0};
    struct aside_part p;
    (void)state;
    assert_non_null(a);
    aside_lend(a);
    aside_put(&p, count, &n);
    assert_true(aside_help(a)); /* one's own, too */
    assert_int_equal(n.times, 1);
    assert_false(aside_help(a));
    aside_get(&p);
    assert_int_equal(n.times, 1);
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&helper[i], NULL, serve, a), 0);
    for (int i = 0; i < 2; i++) {
        struct slow s = {false, false};
        aside_put(&p, take_time, &s);
        while (!s.begun) {} /* it is taken without being asked for, */
        aside_get(&p);
        assert_true(s.ended); /* and waited for */
        usleep(20000); /* they sleep */
    }
    put_many();
    aside_lend(NULL);
    aside_close(a);
    for (int i = 0; i < 2; i++) pthread_join(helper[i], NULL);
    aside_free(a);
}

static void no_memory_is_told(void **state)
{
    struct err e;
    (void)state;
    mem_fail_after(1);
    assert_null(aside_new(&e));
    mem_fail_after(0);
    assert_int_equal(e.code, ERR_OS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_helpers_all_is_done_by_who_wants_it),
        cmocka_unit_test(helpers_do_what_waits),
        cmocka_unit_test(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
