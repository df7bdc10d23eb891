/* Strings of JSON as the fast ways take them beside the plain one, escape after escape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "data/doc_json.h"

static uint32_t roll = 7;

static uint32_t dice(uint32_t n)
{
    roll = roll * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)roll * n >> 32);
}

/* Parts of a string, the last ones mistakes. */
static const char *const parts[] = {
    "", "x", "of letters ", "\\n", "\\\"", "\\\\", "é", "€", "😀", "\\t\\r\\b\\f\\/", "\\\\\\\"", "\\\\\\\\\\\\\\\\\\\\", "\\u00e9",
    "\\u20AC", "\\ud83d\\ude00", "\\u000a\\u0041", "a run of letters that is longer than a block of sixty-four bytes, to its end",
    "\\ud800", "\\ude00 ", "\\ud83d\\u0041", "\\u12g4", "\\x", "\\\xc3\xa9", "\\\xee\x80\x80", "\\\xe2\x82\xac", "\\\x01", "\x01", "\\\x7f", "\\u", "\\u1"};

/* A line in exactly as much memory as it takes. */
static void compare(const struct buf *line)
{
    struct doc_fields a, b;
    struct buf fast = {0}, plain = {0};
    char *s = mem_alloc(line->len, 1);
    assert_non_null(s);
    memcpy(s, line->data, line->len);
    const char *why = doc_json_find(s, line->len, "text", &a), *why_fast = doc_json_take(s, line->len, "text", NULL, &b, &fast);
    if (!why) why = doc_json_unescape_ref(s + a.text_begin, a.text_end - a.text_begin, &plain);
    if (!why_fast && b.taken) why_fast = b.refused;
    else if (!why_fast) why_fast = doc_json_unescape(s + b.text_begin, b.text_end - b.text_begin, &fast);
    if (!why != !why_fast) fail_msg("%.*s: %s beside %s", (int)line->len, line->data, why ? why : "good", why_fast ? why_fast : "good");
    if (!why) {
        assert_int_equal(a.text_begin, b.text_begin);
        assert_int_equal(a.text_end, b.text_end);
        assert_int_equal(plain.len, fast.len);
        if (plain.len) assert_memory_equal(plain.data, fast.data, plain.len);
    }
    buf_free(&fast);
    buf_free(&plain);
    free(s);
}

static void strings_are_taken_as_they_are_unescaped_one_by_one(void **state)
{
    (void)state;
    struct buf line = {0};
    for (int round = 0; round < 60000; round++) {
        buf_clear(&line);
        buf_adds(&line, "{\"id\":\"");
        for (uint32_t n = dice(6); n; n--) buf_adds(&line, "7");
        buf_adds(&line, "\",\"text\":\"");
        uint32_t kinds = 3 + dice(30);
        if (kinds > COUNT_OF(parts)) kinds = COUNT_OF(parts);
        for (uint32_t n = dice(40); n; n--) buf_adds(&line, parts[dice(kinds)]);
        buf_adds(&line, "\"");
        if (dice(2)) buf_adds(&line, ",\"source\":\"behind the text, so that there is a block of 64 bytes to read\"");
        buf_adds(&line, "}");
        compare(&line);
    }
    buf_free(&line);
}

/* Every part, and two of them, as the end of a string at every place of a block. */
static void the_end_of_a_string_is_found_behind_any_part(void **state)
{
    (void)state;
    struct buf line = {0};
    for (size_t k = 0; k < COUNT_OF(parts) * COUNT_OF(parts); k++)
        for (int pad = 0; pad < 70; pad++) {
            buf_clear(&line);
            buf_adds(&line, "{\"text\":\"");
            for (int i = 0; i < pad; i++) buf_addc(&line, 'x');
            buf_adds(&line, parts[k / COUNT_OF(parts)]);
            buf_adds(&line, parts[k % COUNT_OF(parts)]);
            buf_adds(&line, "\",\"source\":\"behind the text, so that there is a block of 64 bytes to read\"}");
            compare(&line);
        }
    buf_free(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_taken_as_they_are_unescaped_one_by_one),
        cmocka_unit_test(the_end_of_a_string_is_found_behind_any_part),
    };
    return cmocka_run_group_tests_name("doc_json", tests, NULL, NULL);
}
