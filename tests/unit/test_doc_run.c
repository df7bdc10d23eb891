#include "tests/unit/shard_fixture.h"

#include <stdatomic.h>

#include "data/doc_run.h"

/* What doc_run() promises, on a file of many blocks; broken promises are counted,
 * for a test cannot be left from another thread. */
struct watch {
    _Atomic int serial, broken; /* serial: threads inside decide() or done() */
    uint64_t decided, finished; /* blocks so far */
    uint64_t bad_at[2];         /* work() fails there; 0: never */
    uint64_t bytes;
};

static int work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct watch *w = arg;
    (void)thread;
    uint64_t seq = s->block.seq;
    if (w->bad_at[1] && seq == w->bad_at[1]) usleep(20000); /* the later block fails first */
    for (int k = 0; k < 2; k++)
        if (w->bad_at[k] && seq == w->bad_at[k])
            return err_set(e, ERR_DATA, "block %llu is bad", (unsigned long long)seq);
    buf_add(&s->out[0], &seq, sizeof seq);
    return buf_ok(&s->out[0], e);
}

static int decide(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct watch *w = arg;
    (void)thread;
    (void)e;
    w->broken += atomic_fetch_add(&w->serial, 1) != 0;
    w->broken += s->block.seq != w->decided++;
    usleep(200); /* others have time to break in */
    atomic_fetch_sub(&w->serial, 1);
    return 0;
}

static int emit(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    (void)arg;
    (void)thread;
    buf_add(&s->out[1], s->out[0].data, s->out[0].len);
    return buf_ok(&s->out[1], e);
}

static int done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct watch *w = arg;
    uint64_t seq = UINT64_MAX;
    (void)thread;
    (void)e;
    w->broken += atomic_fetch_add(&w->serial, 1) != 0;
    if (s->out[1].len == sizeof seq) /* cleared since the last block */
        memcpy(&seq, s->out[1].data, sizeof seq);
    w->broken += seq != w->finished++;
    w->broken += w->finished > w->decided;
    w->bytes += s->block.data.len;
    usleep(200); /* others have time to break in */
    atomic_fetch_sub(&w->serial, 1);
    return 0;
}

static uint64_t make_file(const char *path)
{
    struct buf line = {0};
    buf_printf(&line, "{\"text\":\"%0*d\"}\n", 9000, 7);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 5000; i++)
        fwrite(line.data, 1, line.len, f);
    uint64_t n = line.len * 5000;
    assert_int_equal(fclose(f), 0);
    buf_free(&line);
    return n;
}

static int go(const char *path, int threads, struct watch *w, struct err *e)
{
    struct doc_files f;
    struct doc_cfg cfg = {.format = DOC_JSONL, .text_field = "text"};
    struct doc_run_end end;
    char *paths[] = {(char *)path};
    assert_int_equal(doc_files_find(&f, paths, 1, cfg.format, e), 0);
    struct pool *pool = pool_new(threads, e);
    assert_non_null(pool);
    struct doc_stage st = {.files = &f, .cfg = &cfg, .pool = pool, .arg = w, .work = work,
                           .decide = decide, .emit = emit, .done = done};
    int ret = doc_run(&st, &end, e);
    pool_free(pool);
    doc_files_free(&f);
    return ret;
}

static void every_block_once_and_in_order(void **state)
{
    char path[256];
    struct err e;
    fixture_path(path, sizeof path, *state, "many.jsonl");
    uint64_t size = make_file(path);
    for (int threads = 1; threads <= 8; threads++) {
        struct watch w = {0};
        assert_int_equal(go(path, threads, &w, &e), 0);
        assert_int_equal(w.broken, 0);
        assert_int_equal(w.bytes, size);
        assert_true(w.decided > 30);
        assert_int_equal(w.decided, w.finished);
    }
    remove(path);
}

static void first_failure_is_told(void **state)
{
    char path[256];
    fixture_path(path, sizeof path, *state, "bad.jsonl");
    make_file(path);
    for (int threads = 1; threads <= 8; threads++) {
        struct watch w = {.bad_at = {13, 12}};
        struct err e = {0};
        assert_int_equal(go(path, threads, &w, &e), -1);
        assert_string_equal(e.msg, "block 12 is bad");
        assert_int_equal(w.broken, 0);
        assert_int_equal(w.decided, 12);
    }
    remove(path);
}

/* While a thread is held up by the first block, others go on with as many small ones as are 12 MiB, no more. */
struct held {
    _Atomic uint64_t worked, bytes, most;
    uint64_t meanwhile; /* worked on when the first was done */
};

static int work_held(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct held *h = arg;
    (void)thread;
    (void)e;
    uint64_t now = atomic_fetch_add(&h->bytes, s->block.data.len) + s->block.data.len;
    if (now > h->most) h->most = now;
    atomic_fetch_add(&h->worked, 1);
    if (s->block.seq == 0) {
        for (int i = 0; i < 1000 && h->worked < 40; i++) usleep(10000); /* the other thread may get little of a busy machine */
        usleep(100000);
    }
    return 0;
}

static int done_held(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct held *h = arg;
    (void)thread;
    (void)e;
    if (s->block.seq == 0) h->meanwhile = h->worked;
    atomic_fetch_sub(&h->bytes, s->block.data.len);
    return 0;
}

static void small_blocks_do_not_wait_for_one(void **state)
{
    char path[256];
    struct err e;
    struct doc_files f;
    struct doc_cfg cfg = {.format = DOC_JSONL, .text_field = "text", .block_bytes = 1 << 18};
    struct doc_run_end end;
    struct held h = {0};
    fixture_path(path, sizeof path, *state, "held.jsonl");
    make_file(path);
    char *paths[] = {path};
    assert_int_equal(doc_files_find(&f, paths, 1, cfg.format, &e), 0);
    struct pool *pool = pool_new(2, &e);
    assert_non_null(pool);
    struct doc_stage st = {.files = &f, .cfg = &cfg, .pool = pool, .arg = &h, .work = work_held, .done = done_held};
    assert_int_equal(doc_run(&st, &end, &e), 0);
    assert_in_range(h.meanwhile, 40, 48);
    assert_in_range(h.most, 10 << 20, (12 << 20) + (1 << 18));
    pool_free(pool);
    doc_files_free(&f);
    remove(path);
}

/* Whose data nobody needs any more, its memory holds what is read next; and what was read is there for work(). */
struct once {
    _Atomic uint64_t bytes, wrong;
    uint64_t kept;
};

static int work_once(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct once *o = arg;
    const struct buf *b = &s->block.data;
    (void)thread;
    (void)e;
    o->bytes += b->len;
    o->wrong += b->len < 9000 || memcmp(b->data, "{\"text\":", 8) != 0 || b->data[b->len - 1] != '\n';
    return 0;
}

static int done_once(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct once *o = arg;
    (void)thread;
    (void)e;
    o->kept += s->block.data.cap != 0;
    return 0;
}

static void data_is_for_work_alone_where_that_is_said(void **state)
{
    char path[256], *paths[] = {path};
    struct err e;
    struct doc_files f;
    struct doc_run_end end;
    fixture_path(path, sizeof path, *state, "once.jsonl");
    uint64_t size = make_file(path);
    for (int threads = 1; threads <= 8; threads++)
        for (size_t block = 1 << 14; block <= 1 << 18; block <<= 4) {
            struct once o = {.bytes = 0};
            struct doc_cfg cfg = {.format = DOC_JSONL, .text_field = "text", .block_bytes = block};
            assert_int_equal(doc_files_find(&f, paths, 1, cfg.format, &e), 0);
            struct pool *pool = pool_new(threads, &e);
            assert_non_null(pool);
            struct doc_stage st = {.files = &f, .cfg = &cfg, .pool = pool, .arg = &o, .work = work_once, .done = done_once, .read_once = true};
            assert_int_equal(doc_run(&st, &end, &e), 0);
            assert_int_equal(o.bytes, size);
            assert_int_equal(o.wrong, 0);
            assert_int_equal(o.kept, 0);
            pool_free(pool);
            doc_files_free(&f);
        }
    remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_once_and_in_order),
        cmocka_unit_test(first_failure_is_told),
        cmocka_unit_test(small_blocks_do_not_wait_for_one),
        cmocka_unit_test(data_is_for_work_alone_where_that_is_said),
    };
    return cmocka_run_group_tests_name("doc_run", tests, fixture_dir, fixture_remove_dir);
}
