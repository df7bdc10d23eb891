#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "data/doc_lines.h"

static char path[] = "/tmp/test-doc-lines-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static int cleanup(void **state)
{
    (void)state;
    sig_reset();
    return 0;
}

static void put(const char *s, size_t n)
{
    struct err e;
    assert_int_equal(file_write_all(path, s, n, &e), 0);
}

/* Lines as "NO:LENGTH:TEXT|", a '!' behind one that ended with the file, and at the end what went wrong. */
static void read_lines(struct doc_lines *in, struct buf *out)
{
    struct err e;
    struct doc_line line;
    int got = doc_lines_open(in, path, &e);
    while (got >= 0 && (got = doc_lines_next(in, &line, &e)) > 0) {
        assert_int_equal(line.s[line.n], 0);
        buf_printf(out, "%llu:%zu:%s%s|", (unsigned long long)line.no, line.n, line.s, line.ended ? "" : "!");
    }
    if (got < 0) buf_printf(out, "%d %s", e.code, e.msg);
    doc_lines_close(in);
}

static void check(const char *text, size_t n, size_t most, const char *want)
{
    for (int live = 0; live < 2; live++) {
        struct doc_lines in = {.name = "F", .most = most, .live = live};
        struct buf out = {0};
        put(text, n);
        buf_adds(&out, "");
        read_lines(&in, &out);
        assert_string_equal(out.data, want);
        buf_free(&out);
    }
}
#define CHECK(text, most, want) check(text, sizeof(text) - 1, most, want)

static void a_line_ends_in_a_newline_or_with_the_file(void **state)
{
    (void)state;
    CHECK("", 9, "");
    CHECK("\n", 9, "1:0:|");
    CHECK("ab\nc\n", 9, "1:2:ab|2:1:c|");
    CHECK("ab\n\nc", 9, "1:2:ab|2:0:|3:1:c!|");
}

static void a_return_in_front_of_a_newline_is_part_of_the_end(void **state)
{
    (void)state;
    CHECK("ab\r\n\r\nc\r\r\nd\re\nf\r", 9, "1:2:ab|2:0:|3:2:c\r|4:3:d\re|5:2:f\r!|");
}

static void a_byte_order_mark_is_none_of_the_text(void **state)
{
    (void)state;
    CHECK("\xEF\xBB\xBF" "a\n\xEF\xBB\xBF\n", 9, "1:1:a|2:3:\xEF\xBB\xBF|");
    CHECK("\xEF\xBB\xBF", 9, "1:0:!|");
    CHECK("\xEF\xBB", 9, "1:2:\xEF\xBB!|");
}

static void a_nul_is_a_byte_of_a_line(void **state)
{
    (void)state;
    CHECK("a\0b\nc\n", 9, "1:3:a|2:1:c|");
}

static void a_line_that_is_too_long_is_named(void **state)
{
    (void)state;
    CHECK("abc\r\nabc\nabcd\n", 3, "1:3:abc|2:3:abc|65 F:3: a line of more than 3 bytes");
    CHECK("abc\nabcd", 3, "1:3:abc|65 F:2: a line of more than 3 bytes");
    struct doc_lines in = {.name = "F", .most = 1 << 20, .hint = "cut it"};
    struct buf text = {0}, out = {0};
    assert_true(buf_reserve(&text, (size_t)3 << 20));
    text.len = (size_t)3 << 20;
    memset(text.data, 'x', text.len);
    put(text.data, text.len);
    read_lines(&in, &out);
    assert_string_equal(out.data, "65 F:1: a line of more than 1 MiB; cut it");
    buf_free(&text);
    buf_free(&out);
}

/* Lines of 0, 1, 2 ... bytes: their ends come to lie on every side of a read. */
static void lines_go_on_behind_what_is_read_at_once(void **state)
{
    (void)state;
    enum { LINES = 1500 };
    struct err e;
    struct buf text = {0};
    struct doc_lines in = {.name = "F", .most = LINES};
    struct doc_line line;
    for (int i = 0; i < LINES; i++) {
        for (int k = 0; k < i; k++) buf_addc(&text, (char)('a' + i % 26));
        buf_adds(&text, i % 3 ? "\n" : "\r\n");
    }
    put(text.data, text.len);
    assert_int_equal(doc_lines_open(&in, path, &e), 0);
    for (size_t i = 0; i < LINES; i++) {
        assert_int_equal(doc_lines_next(&in, &line, &e), 1);
        if (line.n != i || line.no != i + 1) fail_msg("line %zu: %zu bytes, number %llu", i, line.n, (unsigned long long)line.no);
        for (size_t k = 0; k < i; k++) assert_int_equal(line.s[k], 'a' + i % 26);
    }
    assert_int_equal(doc_lines_next(&in, &line, &e), 0);
    assert_int_equal(in.offset + in.used, text.len);
    doc_lines_close(&in);
    buf_free(&text);
}

static void a_packed_file_that_is_cut_off_gives_whole_lines_and_an_error(void **state)
{
    (void)state;
    struct err e;
    struct buf all = {0}, out = {0};
    struct doc_lines in = {.name = "F", .most = 99};
    gzFile gz = gzopen(path, "wb0"); /* stored: what there is can be read up to the cut */
    assert_int_equal(gzwrite(gz, "ab\ncd\nef", 8), 8);
    gzclose(gz);
    assert_int_equal(file_read_all(path, 1000, &all, &e), 0);
    put(all.data, all.len - 8);
    read_lines(&in, &out);
    assert_string_equal(out.data, "1:2:ab|2:2:cd|65 'F': the compressed data ends early");
    buf_free(&all);
    buf_free(&out);
}

static void a_missing_file_and_a_signal_are_errors(void **state)
{
    (void)state;
    struct buf out = {0};
    struct doc_lines in = {.name = "F", .most = 99};
    struct err e;
    assert_int_equal(doc_lines_open(&in, "/nowhere", &e), -1);
    assert_int_equal(e.code, ERR_NOINPUT);
    doc_lines_close(&in);
    put("a\n", 2);
    sig_install();
    raise(SIGTERM);
    in = (struct doc_lines){.name = "F", .most = 99};
    buf_clear(&out);
    read_lines(&in, &out);
    assert_string_equal(out.data, "75 stopped by a signal; nothing was written");
    buf_free(&out);
}

/* What has come through a pipe is handed out before more of it is waited for. */
static void a_live_reader_does_not_wait(void **state)
{
    (void)state;
    int data[2], go[2], saved = dup(STDIN_FILENO);
    char c = 0;
    struct err e;
    struct doc_line line;
    struct doc_lines in = {.name = "stdin", .most = 99, .live = true};
    assert_int_equal(pipe(data), 0);
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        bool ok = write(data[1], "a\nb\nc", 5) == 5 && read(go[0], &c, 1) == 1 && write(data[1], "d\n", 2) == 2;
        _exit(!ok);
    }
    close(data[1]);
    dup2(data[0], STDIN_FILENO);
    assert_int_equal(doc_lines_open(&in, "-", &e), 0);
    assert_int_equal(doc_lines_next(&in, &line, &e), 1);
    assert_string_equal(line.s, "a");
    while (in.raw.len < 5) assert_int_equal(doc_lines_more(&in, &e), 0);
    assert_false(doc_lines_wait(&in)); /* "b" is there, */
    assert_int_equal(doc_lines_next(&in, &line, &e), 1);
    assert_string_equal(line.s, "b");
    assert_true(doc_lines_wait(&in)); /* the rest of "cd" is not */
    assert_int_equal(write(go[1], "!", 1), 1);
    assert_int_equal(doc_lines_next(&in, &line, &e), 1);
    assert_string_equal(line.s, "cd");
    assert_int_equal(doc_lines_next(&in, &line, &e), 0);
    assert_false(doc_lines_wait(&in));
    doc_lines_close(&in);
    dup2(saved, STDIN_FILENO);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* The n-th allocation fails: no crash, and an error. */
static void memory_runs_out(void **state)
{
    (void)state;
    struct err e;
    put("a\nb\n", 4);
    for (long n = 1; n < 9; n++) {
        struct doc_lines in = {.name = "F", .most = 99};
        struct doc_line line;
        mem_fail_after(n);
        int got = doc_lines_open(&in, path, &e);
        while (got >= 0 && (got = doc_lines_next(&in, &line, &e)) > 0) {}
        mem_fail_after(0);
        doc_lines_close(&in);
        if (got == 0 && n > 2) return;
        assert_int_equal(e.code, ERR_OS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_line_ends_in_a_newline_or_with_the_file, cleanup),
        cmocka_unit_test_teardown(a_return_in_front_of_a_newline_is_part_of_the_end, cleanup),
        cmocka_unit_test_teardown(a_byte_order_mark_is_none_of_the_text, cleanup),
        cmocka_unit_test_teardown(a_nul_is_a_byte_of_a_line, cleanup),
        cmocka_unit_test_teardown(a_line_that_is_too_long_is_named, cleanup),
        cmocka_unit_test_teardown(lines_go_on_behind_what_is_read_at_once, cleanup),
        cmocka_unit_test_teardown(a_packed_file_that_is_cut_off_gives_whole_lines_and_an_error, cleanup),
        cmocka_unit_test_teardown(a_missing_file_and_a_signal_are_errors, cleanup),
        cmocka_unit_test_teardown(a_live_reader_does_not_wait, cleanup),
        cmocka_unit_test_teardown(memory_runs_out, cleanup),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
