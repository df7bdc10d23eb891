/* chat_expect.h - what the tests of chat templates share: a conversation, and what a
 * template makes of it.  Behind <cmocka.h>. */
#ifndef TESTS_UNIT_CHAT_EXPECT_H
#define TESTS_UNIT_CHAT_EXPECT_H

#include <string.h>

#include "core/token/chat.h"

static const char chat[] =
    "{\"messages\":[{\"role\":\"system\",\"content\":\" Be kind. \"},"
    "{\"role\":\"user\",\"content\":\"Hi <|end|> \\u00e9\"},"
    "{\"role\":\"assistant\",\"content\":\"Hello!\"}],"
    "\"n\":7,\"f\":2.5,\"tools\":[{\"name\":\"get\",\"list\":[1,null,true,\"a\\\"b\"]}]}";

static inline int render(const char *template, const char *json, const struct chat_limits *limits, struct chat_text *out,
                  struct err *e)
{
    struct chat_vars vars = {.bos = "<s>", .eos = "</s>", .now = 0};
    if (limits) vars.limits = *limits;
    struct chat_template *t = chat_template_new(template, strlen(template), "t", e);
    int ret = t ? chat_render(t, json, strlen(json), "chat", &vars, out, e) : -1;
    chat_template_free(t);
    return ret;
}

/* Of `chat`, what a template writes, or the words of its error. */
static inline void expect(const char *template, const char *want)
{
    struct err e = {0};
    struct chat_text out = {{0}, {0}};
    if (render(template, chat, NULL, &out, &e)) fail_msg("%s: %s", template, e.msg);
    const char *got = buf_text(&out.text);
    if (strcmp(got, want)) fail_msg("%s: '%s', not '%s'", template, got, want);
    chat_text_free(&out);
}

static inline void expect_error(const char *template, const char *words)
{
    struct err e = {0};
    struct chat_text out = {{0}, {0}};
    struct chat_limits limits = {.steps = 100000, .output = 1 << 20, .memory = 8 << 20};
    if (render(template, chat, &limits, &out, &e) == 0) fail_msg("%s: no error", template);
    if (!strstr(e.msg, words)) fail_msg("%s: '%s' without '%s'", template, e.msg, words);
    assert_int_equal(e.code, ERR_DATA);
    chat_text_free(&out);
}

#endif
