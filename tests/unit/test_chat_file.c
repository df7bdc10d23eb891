/* Where chat templates are looked for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/token/chat_file.h"

static char dir[] = "/tmp/llmctl-test-XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    struct err e;
    return dir_remove(dir, &e);
}

static char *put(const char *name, const char *text, size_t n)
{
    struct err e;
    char *path = path_join(dir, name);
    if (!path || file_write_all(path, text, n, &e)) fail_msg("%s", e.msg);
    return path;
}

static void drop(char *path)
{
    assert_int_equal(unlink(path), 0);
    free(path);
}

/* want: the template, or NULL where the message is to have `why`. */
static void reads(const char *name, const char *text, size_t n, const char *want, const char *why)
{
    struct buf out = {0};
    struct err e = {0};
    char *path = put(name, text, n);
    int ret = chat_file_read(path, &out, &e);
    if (ret != (want ? 0 : -1) || (want && strcmp(buf_text(&out), want) != 0)) fail_msg("%s: %d '%s' %s", text, ret, buf_text(&out), e.msg);
    if (!want && (e.code != ERR_DATA || !strstr(e.msg, path) || !strstr(e.msg, why))) fail_msg("%s: %s", text, e.msg);
    drop(path);
    buf_free(&out);
}

static void a_file_is_read_by_its_name(void **state)
{
    (void)state;
    static const struct { const char *name, *text, *want, *why; } cases[] = {
        {"t.jinja", "{\"chat_template\":\"x\"}", "{\"chat_template\":\"x\"}", NULL},
        {"t", "", "", NULL},
        {"t.json", "{\"chat_template\":\"one\"}", "one", NULL},
        {"t.json", "{\"chat_template\":{\"other\":\"a\",\"default\":\"one\"}}", "one", NULL},
        {"t.json", "{\"chat_template\":[{\"name\":\"tool\",\"template\":\"a\"},{\"name\":\"default\",\"template\":\"one\"},"
                   "{\"name\":\"rag\",\"template\":\"b\"}]}", "one", NULL},
        {"t.json", "{\"chat_template\":[{\"name\":\"tool\",\"template\":\"a\"}]}", NULL, "there is no chat_template in it; name the directory"},
        {"t.json", "{\"chat_template\":[{\"name\":7,\"template\":\"a\"},{\"name\":\"default\",\"template\":[]},{\"template\":\"a\"}]}", NULL, "no chat_template"},
        {"t.json", "{\"chat_template\":{\"other\":\"a\"}}", NULL, "no chat_template"},
        {"t.json", "{\"chat_template\":null,\"default\":\"a\"}", NULL, "no chat_template"},
        {"t.json", "{\"chat_template\":\"one\"", NULL, "t.json"},
        {"t.gguf", "GGUF", NULL, "t.gguf"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) reads(cases[i].name, cases[i].text, strlen(cases[i].text), cases[i].want, cases[i].why);
}

/* Version 3 without tensors, and with two keys: a list of one token and a text. */
#define GGUF(key, value) \
    "GGUF\3\0\0\0" "\0\0\0\0\0\0\0\0" "\2\0\0\0\0\0\0\0" \
    "\x15\0\0\0\0\0\0\0tokenizer.ggml.tokens" "\x09\0\0\0" "\x08\0\0\0" "\1\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0a" key "\x08\0\0\0" value

static void a_gguf_file_may_have_one(void **state)
{
    (void)state;
    static const char with[] = GGUF("\x17\0\0\0\0\0\0\0tokenizer.chat_template", "\3\0\0\0\0\0\0\0one");
    static const char without[] = GGUF("\x0c\0\0\0\0\0\0\0general.name", "\3\0\0\0\0\0\0\0one");
    struct buf out = {0};
    struct err e = {0};
    reads("t.gguf", with, sizeof with - 1, "one", NULL);
    reads("t.gguf", without, sizeof without - 1, NULL, "there is no chat_template in it");
    char *path = put("t.gguf", without, sizeof without - 1);
    assert_int_equal(chat_file_gguf(path, &out, &e), 1);
    drop(path);
    assert_int_equal(chat_file_gguf("/tmp/llmctl-no-such.gguf", &out, &e), -1);
    assert_int_equal(e.code, ERR_NOINPUT);
    assert_int_equal(chat_file_read("/tmp/llmctl-no-such.json", &out, &e), -1);
    assert_int_equal(e.code, ERR_NOINPUT);
}

/* A text of its own is as large as 16 MiB. */
static void a_template_has_a_largest_size(void **state)
{
    (void)state;
    enum { MOST = 16 << 20 };
    struct err e = {0};
    char *text = mem_zalloc(MOST + 1, 1);
    assert_non_null(text);
    memset(text, 'x', MOST + 1);
    for (size_t more = 0; more < 2; more++) {
        struct buf out = {0};
        char *path = put("chat_template.jinja", text, MOST + more);
        assert_int_equal(chat_file_read(path, &out, &e), more ? -1 : 0);
        buf_clear(&out);
        assert_int_equal(chat_file_in(dir, &out, NULL, &e), more ? -1 : 0);
        drop(path);
        buf_free(&out);
    }
    assert_int_equal(e.code, ERR_DATA);
    free(text);
}

static void expect_in(int ret, const char *want, const char *file)
{
    struct buf out = {0};
    struct err e = {0};
    char *found = NULL;
    assert_int_equal(chat_file_in(dir, &out, &found, &e), ret);
    if ((ret == 0) != (found != NULL)) fail_msg("found %s", found ? found : "nothing");
    if (found && strcmp(found + strlen(dir) + 1, file) != 0) fail_msg("%s, not %s", found, file);
    assert_string_equal(buf_text(&out), ret ? "" : want);
    free(found);
    buf_free(&out);
}

/* The first that has one: what is not there, or has none, is no error. */
static void a_directory_has_them_in_an_order(void **state)
{
    (void)state;
    static const char third[] = "{\"chat_template\":\"third\"}", second[] = "{\"chat_template\":\"second\"}", none[] = "{\"model_max_length\":5}";
    expect_in(1, NULL, NULL);
    char *last = put("chat_template.json", third, sizeof third - 1);
    expect_in(0, "third", "chat_template.json");
    char *config = put("tokenizer_config.json", none, sizeof none - 1);
    expect_in(0, "third", "chat_template.json");
    free(put("tokenizer_config.json", second, sizeof second - 1));
    expect_in(0, "second", "tokenizer_config.json");
    char *first = put("chat_template.jinja", "first", 5);
    expect_in(0, "first", "chat_template.jinja");
    drop(first);
    free(put("tokenizer_config.json", "{", 1));
    expect_in(-1, NULL, NULL);
    drop(last);
    free(put("tokenizer_config.json", none, sizeof none - 1));
    expect_in(1, NULL, NULL);
    drop(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_by_its_name),
        cmocka_unit_test(a_gguf_file_may_have_one),
        cmocka_unit_test(a_template_has_a_largest_size),
        cmocka_unit_test(a_directory_has_them_in_an_order),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
