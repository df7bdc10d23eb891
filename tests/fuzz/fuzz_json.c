/* Input: a JSON text, read strictly and with the liberties of config files. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "tests/fuzz/fuzz.h"

static void check(const char *text, size_t n, const struct json_limits *lim)
{
    struct err e = {0};
    struct cJSON *j = json_parse(text, n, "fuzz", lim, &e);
    if (!j) {
        if (!e.msg[0]) abort(); /* refused without a word */
        return;
    }
    /* What is printed must be strict JSON of the same tree. */
    struct buf one = {0}, two = {0};
    json_print(&one, j, 0);
    json_free(j);
    if (buf_ok(&one, &e) || !(j = json_parse(one.data, one.len, "printed", NULL, &e))) abort();
    json_print(&two, j, 0);
    if (one.len != two.len || memcmp(one.data, two.data, one.len)) abort();
    json_free(j);
    buf_free(&one);
    buf_free(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_limits strict = {.max_bytes = 1 << 16, .max_depth = 32};
    static const struct json_limits config = {.max_bytes = 1 << 16, .max_depth = 32, .comments = true};
    check((const char *)data, size, &strict);
    check((const char *)data, size, &config);
    return 0;
}
