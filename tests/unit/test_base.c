/* err, mem, buf, hash, rng, pool, file, log. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/pool.h"
#include "core/base/rng.h"
#include "core/base/sig.h"
#include "core/base/width.h"

static char dir[] = "/tmp/llmctl-test-XXXXXX";

static const char *at(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void an_error_collects_context_on_one_line(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(err_set(&e, ERR_DATA, "bad\nname '%s'", "a\tb"), -1);
    err_wrap(&e, "file %d", 3);
    err_hint(&e, "try %s", "again");
    assert_string_equal(e.msg, "file 3: bad?name 'a?b'; try again");
    assert_int_equal(e.code, ERR_DATA);
    char long_text[3000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    err_set(&e, ERR_IO, "%s", long_text);
    err_wrap(&e, "%s", long_text);
    assert_true(strlen(e.msg) < sizeof e.msg);
    static const char *const of[] = {"\xC3\xA9", "\xE4\xB8\xAD", "\xF0\x9F\x98\x80"};
    for (size_t at = 0; at < 12; at++) { /* what does not fit is whole characters */
        const char *c = of[at % 3];
        size_t n = strlen(c);
        for (size_t i = 0; i + 1 < sizeof long_text; i++) long_text[i] = i < at ? 'x' : c[(i - at) % n];
        size_t room = sizeof e.msg - 1, want = at + (room - at) / n * n;
        err_set(&e, ERR_DATA, "%s", long_text);
        assert_int_equal(strlen(e.msg), want);
        err_wrap(&e, "f");
        assert_int_equal(strlen(e.msg), 3 + at + (room - 3 - at) / n * n);
        err_set(&e, ERR_DATA, "f");
        err_hint(&e, "%s", long_text);
        assert_int_equal(strlen(e.msg), 3 + at + (room - 3 - at) / n * n);
    }
}

static void a_buffer_grows_and_reports_lack_of_memory_once(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err e = {0};
    for (int i = 0; i < 1000; i++) buf_printf(&b, "%d,", i);
    assert_int_equal(b.len, 3890);
    buf_clear(&b);
    buf_add_json(&b, "a\"\\\x01\x7f\n", 6);
    assert_string_equal(b.data, "\"a\\\"\\\\\\u0001\\u007f\\n\"");
    buf_clear(&b);
    buf_adds_json(&b, "\"");
    buf_adds_json(&b, NULL);
    assert_string_equal(b.data, "\"\\\"\"null");
    mem_fail_after(1);
    for (int i = 0; i < 10000; i++) buf_adds(&b, "more text");
    mem_fail_after(0);
    assert_int_equal(buf_ok(&b, &e), -1);
    assert_int_equal(e.code, ERR_OS);
    buf_free(&b);
    assert_true(!b.oom);
    assert_true(buf_renew(&b, 3));
    buf_adds(&b, "abc");
    const char *had = b.data;
    assert_true(buf_renew(&b, b.cap - 1) && b.data == had && b.len == 0 && *b.data == 0);
    assert_true(buf_renew(&b, 5000) && b.cap > 5000 && b.len == 0);
    mem_fail_after(1);
    assert_false(buf_renew(&b, 100000));
    mem_fail_after(0);
    assert_int_equal(buf_ok(&b, &e), -1);
    buf_free(&b);
    char *empty = buf_steal(&b);
    assert_string_equal(empty, "");
    free(empty);
}

static void a_room_doubles_and_stays_when_it_cannot(void **state)
{
    (void)state;
    uint64_t *v = NULL;
    size_t cap = 0, times = 0, last = 0;
    for (size_t n = 0; n < 100000; n++) {
        assert_true(mem_room(&v, &cap, n + 1, sizeof *v));
        assert_true(cap > n);
        times += cap != last;
        last = cap;
        v[n] = n;
    }
    assert_in_range(times, 10, 20);
    for (size_t n = 0; n < 100000; n++) assert_int_equal(v[n], n);
    assert_true(mem_room(&v, &cap, 1000000, sizeof *v)); /* at once */
    assert_int_equal(cap, 1000000);
    uint64_t *before = v;
    mem_fail_after(1);
    assert_false(mem_room(&v, &cap, cap + 1, sizeof *v));
    mem_fail_after(0);
    assert_false(mem_room(&v, &cap, SIZE_MAX / 4, sizeof *v)); /* bytes overflow */
    assert_ptr_equal(v, before);
    assert_int_equal(cap, 1000000);
    free(v);
}

static void the_arena_aligns_and_overflow_is_refused(void **state)
{
    (void)state;
    struct arena a = {0};
    for (size_t i = 1; i < 300; i += 7) {
        unsigned char *p = arena_alloc(&a, i, 100);
        assert_int_equal((uintptr_t)p % 64, 0);
        memset(p, 0xab, i * 100);
    }
    assert_null(arena_alloc(&a, SIZE_MAX / 2, 3));
    assert_null(mem_alloc(SIZE_MAX / 2, 3));
    arena_free(&a);
    void *big = mem_alloc_aligned((size_t)5 << 20);
    assert_int_equal((uintptr_t)big % ((size_t)2 << 20), 0);
    mem_free_aligned(big);
    for (size_t n = 1; n <= (size_t)1 << 22; n = 5 * n + 3) {
        void *whole;
        size_t small = n % 2 ? 0 : 5000;
        unsigned char *z = small ? mem_zalloc_table_behind(small, n, 1, &whole) : mem_zalloc_table(n, 1, &whole);
        assert_non_null(z);
        assert_int_equal((uintptr_t)(z + small) % (n >= (size_t)2 << 20 ? (size_t)2 << 20 : 64), 0);
        mem_huge_if_quick(z, n); /* nothing of it is seen */
        for (size_t i = 0; i < n; i++) assert_int_equal(z[i], 0);
        memset(z, 0xab, n);
        free(whole);
    }
    struct mem_map map;
    unsigned char *sparse = mem_map_table(3, (size_t)1 << 20, &map);
    assert_non_null(sparse);
    for (size_t i = 0; i < (size_t)3 << 20; i++) assert_int_equal(sparse[i], 0);
    memset(sparse, 0xab, (size_t)3 << 20);
    mem_unmap(&map);
    assert_null(map.at);
    assert_null(mem_map_table(SIZE_MAX / 2, 3, &map));
    void *none;
    assert_null(mem_zalloc_table(SIZE_MAX / 2, 3, &none));
    assert_null(mem_zalloc_table(SIZE_MAX - 3, 1, &none));
}

/* Blocks that come from what was made ready, beyond it, and beyond what is ever. */
static void memory_that_is_ready_is_malloc_s(void **state)
{
    (void)state;
    static const size_t bytes[] = {0, 1, 100000, (size_t)9 << 20, (size_t)23 << 20, (size_t)40 << 20, SIZE_MAX};
    for (size_t i = 0; i < COUNT_OF(bytes); i++) {
        unsigned char *p[40];
        mem_ready(bytes[i]);
        for (size_t k = 0; k < COUNT_OF(p); k++) {
            assert_non_null(p[k] = mem_alloc(100000, k % 9 + 1));
            memset(p[k], (int)k, 100000 * (k % 9 + 1));
        }
        for (size_t k = 0; k < COUNT_OF(p); k++) {
            assert_int_equal(p[k][0], k);
            assert_int_equal(p[k][100000 * (k % 9 + 1) - 1], k);
            free(p[k]);
        }
    }
}

/* Known answers of Random123's kat_vectors for philox4x32-10. */
static void philox_gives_its_known_answers(void **state)
{
    (void)state;
    uint32_t out[4];
    philox4x32((uint32_t[4]){0}, (uint32_t[2]){0}, out);
    assert_int_equal(out[0], 0x6627e8d5);
    philox4x32((uint32_t[4]){0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, (uint32_t[2]){0xa4093822, 0x299f31d0}, out);
    assert_int_equal(out[0], 0xd16cfe09);
    assert_int_equal(out[1], 0x94fdcceb);
    assert_int_equal(out[2], 0x5001e420);
    assert_int_equal(out[3], 0x24126ea1);
}

static void normal_numbers_have_mean_0_and_variance_1(void **state)
{
    (void)state;
    struct rng_key k = rng_key(42, RNG_TEST, 1, 2);
    enum { N = 100000 };
    double s = 0, q = 0;
    for (uint64_t i = 0; i < N; i++) {
        double x = (double)rng_normal(&k, i);
        s += x;
        q += x * x;
    }
    /* Five standard errors: 5/sqrt(N) = 0.016, 5*sqrt(2/N) = 0.022. */
    assert_true(s / N < 0.016 && s / N > -0.016);
    assert_true(q / N < 1.022 && q / N > 0.978);
}

static void a_permutation_visits_everything_once(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 2, 3, 5, 16, 17, 1000, 4099};
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        uint64_t n = sizes[s];
        unsigned char *seen = mem_zalloc(n, 1);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t p = perm_at(7, 3, n, i);
            assert_true(p < n && !seen[p]);
            seen[p] = 1;
        }
        free(seen);
    }
    int same = 0;
    for (uint64_t i = 0; i < 1000; i++) same += perm_at(7, 0, 1000, i) == perm_at(7, 1, 1000, i);
    assert_true(same < 20); /* epochs differ; 1 is expected by chance */
}

struct count {
    _Atomic int hits[1000];
};

static void hit(void *arg, int slice, int thread)
{
    (void)thread;
    atomic_fetch_add(&((struct count *)arg)->hits[slice], 1);
}

static void every_slice_runs_once_for_any_number_of_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    for (size_t t = 0; t < COUNT_OF(threads); t++) {
        struct err e = {0};
        struct pool *p = pool_new(threads[t], &e);
        assert_non_null(p);
        for (int round = 0; round < 2000; round++) {
            struct count c = {0};
            int n = round % 37;
            pool_run(p, n, hit, &c);
            for (int i = 0; i < n; i++) assert_int_equal(c.hits[i], 1);
            if (round % 400 == 0) usleep(200); /* let the workers fall asleep */
        }
        pool_free(p);
    }
}

static void a_file_appears_whole_or_not_at_all(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf b = {0};
    assert_int_equal(file_write_all(at("a"), "old", 3, &e), 0);
    struct file_writer *w = file_create(at("a"), 0, &e);
    assert_int_equal(file_write(w, "new content", 11, &e), 0);
    file_abort(w);
    assert_int_equal(file_read_all(at("a"), 100, &b, &e), 0);
    assert_string_equal(b.data, "old");
    w = file_create(at("a"), 1000, &e);
    for (int i = 0; i < 100000; i++) assert_int_equal(file_write(w, "123456\n", 7, &e), 0);
    assert_int_equal(file_offset(w), 700000);
    assert_int_equal(file_commit(w, &e), 0);
    assert_int_equal(file_size(at("a"), &e), 700000);
    buf_clear(&b);
    assert_int_equal(file_read_all(at("a"), 100, &b, &e), -1);
    assert_int_equal(e.code, ERR_DATA);
    assert_null(file_create("/nonexistent/x", 0, &e));
    assert_int_equal(e.code, ERR_CANTCREAT);
    assert_int_equal(file_read_all("/nonexistent/x", 1, &b, &e), -1);
    assert_int_equal(e.code, ERR_NOINPUT);
    buf_free(&b);
}

/* Renaming a file to a device or a pipe would put an end to it. */
static void a_pipe_is_written_as_it_is(void **state)
{
    (void)state;
    struct err e = {0};
    struct stat st;
    char got[8] = "";
    assert_int_equal(mkfifo(at("pipe"), 0600), 0);
    int fd = open(at("pipe"), O_RDONLY | O_NONBLOCK);
    struct file_writer *w = file_create(at("pipe"), 1000, &e);
    assert_non_null(w);
    assert_int_equal(file_write(w, "abc", 3, &e), 0);
    assert_int_equal(file_commit(w, &e), 0);
    assert_int_equal(read(fd, got, sizeof got), 3);
    assert_string_equal(got, "abc");
    assert_int_equal(lstat(at("pipe"), &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    close(fd);
}

/* Every failing call in turn: the old content stays, no temporary is left. */
/* Beyond some size the disk is set to work while the file still grows. */
static void a_large_file_has_every_byte_in_small_and_large_pieces(void **state)
{
    enum { PIECES = 900, MOST = 200000 };
    (void)state;
    struct err e;
    struct buf back = {0};
    static char piece[MOST];
    struct file_writer *w = file_create(at("large"), 0, &e);
    assert_non_null(w);
    for (int i = 0; i < PIECES; i++) {
        size_t n = (size_t)i * 7919 % MOST;
        memset(piece, 'a' + i % 26, n);
        assert_int_equal(file_write(w, piece, n, &e), 0);
    }
    assert_int_equal(file_commit(w, &e), 0);
    assert_int_equal(file_read_all(at("large"), 1 << 30, &back, &e), 0);
    size_t done = 0;
    for (int i = 0; i < PIECES; i++)
        for (size_t n = (size_t)i * 7919 % MOST; n; n--, done++)
            if (done >= back.len || back.data[done] != 'a' + i % 26)
                fail_msg("byte %zu of piece %d", done, i);
    assert_int_equal(done, back.len);
    buf_free(&back);
    w = file_create(at("large"), 0, &e); /* given up half way: the old one stays */
    assert_non_null(w);
    for (int i = 0; i < 300; i++)
        assert_int_equal(file_write(w, piece, sizeof piece, &e), 0);
    file_abort(w);
    assert_int_equal(file_size(at("large"), &e), (int64_t)done);
}

static void what_was_written_can_be_read_and_closed_up_in_its_place(void **state)
{
    (void)state;
    struct err e;
    struct buf back = {0};
    char seen[3] = "";
    struct file_writer *w = file_create(at("place"), 0, &e);
    assert_non_null(w);
    assert_int_equal(file_write(w, "aabbccddee", 10, &e), 0);
    assert_int_equal(file_again(w, &e), 0);
    assert_int_equal(file_offset(w), 0);
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file_fd(w));
    int fd = open(name, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(file_stay(w, 4, &e), 0);
    assert_int_equal(file_write(w, "ee", 2, &e), 0);
    assert_int_equal(file_stay(w, 0, &e), 0); /* what was written is with the file */
    assert_int_equal(pread(fd, seen, 2, 4), 2);
    assert_string_equal(seen, "ee");
    assert_int_equal(file_stay(w, 2, &e), 0);
    assert_int_equal(file_offset(w), 8);
    assert_false(file_exists(at("place")));
    assert_int_equal(file_commit(w, &e), 0);
    close(fd);
    assert_int_equal(file_read_all(at("place"), 100, &back, &e), 0);
    assert_string_equal(back.data, "aabbeedd");
    buf_free(&back);
    w = file_create("/dev/null", 0, &e);
    assert_non_null(w);
    assert_int_equal(file_fd(w), -1);
    assert_int_equal(file_commit(w, &e), 0);
}

static void any_failing_call_leaves_the_old_file(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(file_write_all(at("kept"), "old", 3, &e), 0);
    for (long n = 1; n < 20; n++) {
        fault_after(n, ENOSPC);
        int ret = file_write_all(at("kept"), "new", 3, &e);
        long points = fault_after(0, 0);
        struct buf b = {0};
        struct err e2 = {0};
        assert_int_equal(file_read_all(at("kept"), 100, &b, &e2), 0);
        if (points < n) {
            assert_int_equal(ret, 0);
            assert_string_equal(b.data, "new");
            buf_free(&b);
            break;
        }
        /* The sync of the directory comes after the rename: then the new one stands. */
        assert_int_equal(ret, -1);
        assert_int_equal(e.code, ERR_IO);
        assert_true(strcmp(b.data, "old") == 0 || n >= 5);
        buf_free(&b);
        assert_int_equal(file_write_all(at("kept"), "old", 3, &e2), 0);
        char **names;
        size_t n_names;
        assert_int_equal(dir_list(dir, &names, &n_names, &e2), 0);
        for (size_t i = 0; i < n_names; i++) assert_null(strstr(names[i], ".tmp."));
        dir_list_free(names, n_names);
        assert_true(n < 19);
    }
}

static void the_checked_reader_never_leaves_its_bytes(void **state)
{
    (void)state;
    struct err e = {0};
    struct reader r;
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    uint16_t h;
    uint32_t w;
    uint64_t q;
    const uint8_t *p;
    reader_init(&r, bytes, sizeof bytes, "f");
    assert_true(reader_u16(&r, &h, &e) && h == 0x0201);
    assert_true(reader_u32(&r, &w, &e) && w == 0x06050403);
    assert_false(reader_u64(&r, &q, &e));
    assert_string_equal(e.msg, "'f': truncated: 8 bytes wanted at offset 6, 3 left");
    assert_false(reader_u16(&r, &h, &e)); /* stays failed */
    reader_init(&r, bytes, sizeof bytes, "f");
    assert_false(reader_bytes(&r, UINT64_MAX, &p, &e));
    reader_init(&r, bytes, sizeof bytes, "f");
    assert_false(reader_count(&r, UINT64_MAX / 2, 4, "records", &e));
    reader_init(&r, bytes, sizeof bytes, "f");
    assert_true(reader_count(&r, 3, 3, "records", &e));
    assert_false(reader_seek(&r, 10, &e));
}

static void foreign_files_are_named(void **state)
{
    (void)state;
    assert_string_equal(file_kind("", 0), "empty");
    assert_non_null(strstr(file_kind("PK\3\4....", 8), "zip"));
    assert_non_null(strstr(file_kind("\x80\x02}q", 4), "pickle"));
    assert_non_null(strstr(file_kind("GGUF\3\0\0\0", 8), "GGUF"));
    assert_non_null(strstr(file_kind("version https://git-lfs.github.com/spec/v1\n", 43), "git-lfs"));
    assert_non_null(strstr(file_kind("\x40\0\0\0\0\0\0\0{\"a", 11), "safetensors"));
    assert_non_null(strstr(file_kind("\x50\x2a\x4d\x18\x38\0\0\0LLMZ0001", 16), ".llmz"));
    assert_string_equal(file_kind("\x50\x2a\x4d\x18\x04\0\0\0abcd", 12), "a zstd file");
    assert_string_equal(file_kind(" {\"a\":1}", 8), "JSON");
    assert_null(file_kind("hello", 5));
}

/* The old one stays until the new one has its name. */
static void a_directory_is_replaced_by_another(void **state)
{
    (void)state;
    struct err e;
    struct buf b = {0};
    char from[300], to[300], file[320];
    snprintf(from, sizeof from, "%s/new-dir", dir);
    snprintf(to, sizeof to, "%s/old-dir", dir);
    for (int round = 0; round < 2; round++) { /* to a free name, then over the directory that has it */
        snprintf(file, sizeof file, "%s/%d", from, round);
        assert_int_equal(dir_make(from, &e), 0);
        assert_int_equal(file_write_all(file, "x", 1, &e), 0);
        if (dir_replace(from, to, &e)) fail_msg("%s", e.msg);
        assert_false(file_exists(from));
        snprintf(file, sizeof file, "%s/%d", to, round);
        assert_int_equal(file_read_all(file, 10, &b, &e), 0);
        snprintf(file, sizeof file, "%s/%d", to, 1 - round);
        assert_false(file_exists(file));
    }
    assert_int_equal(dir_replace(from, to, &e), -1);
    assert_true(file_is_dir(to));
    buf_free(&b);
}

static void the_second_signal_ends_the_process(void **state)
{
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM, SIGUSR1, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        pid_t child = fork();
        if (child == 0) {
            signal(SIGHUP, SIG_DFL);
            sig_install();
            raise(signals[i]);
            if (sig_stop_signal() != signals[i]) _exit(1);
            raise(signals[i]);
            _exit(2);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 128 + signals[i]);
    }
}

static void nohup_is_respected(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGHUP, SIG_IGN);
        sig_install();
        raise(SIGHUP);
        _exit(sig_stop_requested());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void what_may_not_be_read_is_no_input(void **state)
{
    (void)state;
    struct err e;
    err_open(&e, EACCES, "x");
    assert_int_equal(e.code, ERR_NOINPUT);
    err_open(&e, ENOENT, "x");
    assert_int_equal(e.code, ERR_NOINPUT);
    err_open(&e, EIO, "x");
    assert_int_equal(e.code, ERR_IO);
    err_oom(&e, 64, "a list");
    assert_string_equal(e.msg, "out of memory allocating 64 bytes for a list");
    err_oom(&e, 0, "a list");
    assert_string_equal(e.msg, "out of memory for a list");
    err_errno(&e, EACCES, "creating", "x");
    assert_int_equal(e.code, ERR_CANTCREAT);
    assert_string_equal(e.msg, "creating 'x': Permission denied");
}

static void a_second_process_cannot_take_the_lock(void **state)
{
    (void)state;
    struct err e = {0};
    struct run_lock *l = run_lock(dir, &e);
    assert_non_null(l);
    pid_t child = fork();
    if (child == 0) {
        struct err e2 = {0};
        struct run_lock *l2 = run_lock(dir, &e2);
        char pid[32];
        snprintf(pid, sizeof pid, "pid %ld ", (long)getppid());
        _exit(!l2 && e2.code == ERR_CANTCREAT && strstr(e2.msg, pid) ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    run_unlock(l);
    l = run_lock(dir, &e);
    assert_non_null(l);
    run_unlock(l);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    struct err e;
    return dir_remove(dir, &e);
}

static void speed_is_told_of_what_takes_time(void **state)
{
    (void)state;
    assert_string_equal(log_rate(0, 0).text, "");
    assert_string_equal(log_rate(999999, 0.001).text, "");
    assert_string_equal(log_rate(1000000, 0.01).text, ", 100 MB/s");
    assert_string_equal(log_rate(1000000, 25).text, ", 0.04 MB/s");
    assert_string_equal(log_rate(9990000, 1).text, ", 9.99 MB/s");
}

static void a_column_is_as_wide_as_a_terminal_shows_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width;
    } cases[] = {
        {"", 0},
        {"cat", 3},
        {"na\xC3\xAFve", 5},           /* precomposed: one character */
        {"nai\xCC\x88ve", 5},          /* i and a combining mark */
        {"\xE6\x97\xA5\xE6\x9C\xAC", 4}, /* Han */
        {"\xEF\xBD\xB1\xEF\xBC\xA1", 3}, /* halfwidth katakana, fullwidth A */
        {"\xF0\x9F\x91\x8D", 2},        /* thumbs up */
        {"a\xE2\x80\x8D" "b", 2},      /* zero width joiner */
        {"\xFF\xFE", 2},               /* bytes that are no characters */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(text_width(cases[i].text, strlen(cases[i].text)), cases[i].width);
    assert_int_equal(text_fit("\xE6\x97\xA5\xE6\x9C\xAC", 6, 3), 3);
    assert_int_equal(text_fit("e\xCC\x81x", 4, 1), 3);
    assert_int_equal(text_fit_end("\xE6\x97\xA5\xE6\x9C\xAC" "a", 7, 4), 3);
    struct buf b = {0};
    buf_add_column(&b, "\xE6\x97\xA5\xE6\x9C\xAC", 6, false);
    buf_addc(&b, '|');
    buf_add_column(&b, "\xE6\x97\xA5\xE6\x9C\xAC", 3, true);
    assert_string_equal(b.data, "\xE6\x97\xA5\xE6\x9C\xAC  | \xE6\x97\xA5");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_collects_context_on_one_line),
        cmocka_unit_test(a_buffer_grows_and_reports_lack_of_memory_once),
        cmocka_unit_test(a_room_doubles_and_stays_when_it_cannot),
        cmocka_unit_test(the_arena_aligns_and_overflow_is_refused),
        cmocka_unit_test(memory_that_is_ready_is_malloc_s),
        cmocka_unit_test(philox_gives_its_known_answers),
        cmocka_unit_test(normal_numbers_have_mean_0_and_variance_1),
        cmocka_unit_test(a_permutation_visits_everything_once),
        cmocka_unit_test(every_slice_runs_once_for_any_number_of_threads),
        cmocka_unit_test(a_file_appears_whole_or_not_at_all),
        cmocka_unit_test(a_pipe_is_written_as_it_is),
        cmocka_unit_test(a_large_file_has_every_byte_in_small_and_large_pieces),
        cmocka_unit_test(what_was_written_can_be_read_and_closed_up_in_its_place),
        cmocka_unit_test(any_failing_call_leaves_the_old_file),
        cmocka_unit_test(the_checked_reader_never_leaves_its_bytes),
        cmocka_unit_test(foreign_files_are_named),
        cmocka_unit_test(a_directory_is_replaced_by_another),
        cmocka_unit_test(the_second_signal_ends_the_process),
        cmocka_unit_test(nohup_is_respected),
        cmocka_unit_test(what_may_not_be_read_is_no_input),
        cmocka_unit_test(a_second_process_cannot_take_the_lock),
        cmocka_unit_test(speed_is_told_of_what_takes_time),
        cmocka_unit_test(a_column_is_as_wide_as_a_terminal_shows_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
