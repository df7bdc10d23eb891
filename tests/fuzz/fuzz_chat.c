/* Input: a chat template, a NUL byte, a chat as JSON. */
#include <stdlib.h>
#include <string.h>

#include "core/token/chat.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char plain[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi <s>\"},"
                                "{\"role\":\"assistant\",\"content\":[1,null,{\"a\":\"b\"}]}],\"n\":3}";
    struct err e;
    const uint8_t *cut = size ? memchr(data, 0, size) : NULL;
    size_t n = cut ? (size_t)(cut - data) : size;
    struct chat_vars vars = {.bos = "<s>", .eos = "</s>", .continue_final = size & 1,
                             .limits = {.steps = 20000, .output = 1 << 18, .memory = 4 << 20}};
    struct chat_template *t = chat_template_new((const char *)data, n, "fuzz", &e);
    if (!t) return 0;
    struct chat_text out = {{0}, {0}};
    const char *json = cut ? (const char *)cut + 1 : plain;
    if (chat_render(t, json, cut ? size - n - 1 : strlen(plain), "chat", &vars, &out, &e) == 0 &&
        out.text.len != out.marks.len)
        abort();
    chat_text_free(&out);
    chat_template_free(t);
    return 0;
}
