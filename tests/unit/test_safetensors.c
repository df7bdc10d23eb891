/* The safetensors reader and writer: hostile headers, conversion, shards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/ckpt/elem.h"
#include "core/ckpt/safetensors.h"

/* Length, header, then n bytes of data counting up from 0. */
static void make_file(struct buf *b, const char *header, size_t data)
{
    uint64_t len = strlen(header);
    buf_add(b, &len, 8);
    buf_adds(b, header);
    for (size_t i = 0; i < data; i++) buf_addc(b, (char)i);
}

/* In a block of exactly its size, so that a sanitizer sees a read past the end. */
static struct safetensors *open_exact(const void *p, size_t n, void **block, struct err *e)
{
    *block = malloc(n ? n : 1);
    assert_non_null(*block);
    memcpy(*block, p, n);
    return st_open_memory(*block, n, "x.safetensors", e);
}

static void reads_names_shapes_and_values(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err e = {0};
    void *block;
    make_file(&b,
              "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"U8\",\"shape\":[3],"
              "\"data_offsets\":[0,3]},\"a\":{\"dtype\":\"I32\",\"shape\":[1,2],\"data_offsets\":[3,11]},"
              "\"scalar\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[11,13]},"
              "\"none\":{\"dtype\":\"F32\",\"shape\":[4,0],\"data_offsets\":[11,11]}}   ",
              13);
    struct safetensors *s = open_exact(b.data, b.len, &block, &e);
    assert_non_null(s);
    assert_int_equal(st_n(s), 4);
    assert_string_equal(st_tensor(s, 0)->name, "b");
    assert_int_equal(st_find(s, "c"), -1);
    assert_string_equal(st_metadata(s, "format"), "pt");
    assert_null(st_metadata(s, "other"));
    int a = st_find(s, "a");
    const struct st_tensor *t = st_tensor(s, a);
    assert_int_equal(t->ndim, 2);
    assert_int_equal(t->dim[1], 2);
    assert_int_equal(t->offset, b.len - 10);
    float v[3];
    st_read_f32(s, a, v); /* unaligned */
    assert_true(v[0] == (float)0x06050403 && v[1] == (float)0x0A090807);
    st_read_f32(s, st_find(s, "b"), v);
    assert_true(v[0] == 0 && v[2] == 2);
    assert_int_equal(st_tensor(s, st_find(s, "scalar"))->n, 1);
    assert_int_equal(st_tensor(s, st_find(s, "none"))->n, 0);
    st_close(s);
    free(block);
    buf_free(&b);
}

#define T(name, dt, shape, off) "\"" name "\":{\"dtype\":\"" dt "\",\"shape\":" shape ",\"data_offsets\":" off "}"

static void refuses_hostile_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *says;
    } bad[] = {
        {"{" T("a", "F32", "[1]", "[0,4]") "," T("a", "F32", "[1]", "[4,8]") "}", 8, "duplicate"},
        {"{" T("a", "F32", "[1]", "[0,4]") "," T("b", "F32", "[1]", "[2,6]") "}", 8, "overlap"},
        {"{" T("a", "F32", "[1]", "[0,4]") "," T("b", "F32", "[1]", "[6,10]") "}", 10, "hole"},
        {"{" T("a", "F32", "[1]", "[4,8]") "}", 8, "hole"},
        {"{" T("a", "F32", "[1]", "[0,4]") "}", 8, "belong to no tensor"},
        {"{" T("a", "F32", "[2]", "[0,8]") "}", 7, "truncated"},
        {"{" T("a", "F32", "[2]", "[0,4]") "}", 4, "do not fit"},
        {"{" T("a", "F32", "[1]", "[4,0]") "}", 4, "do not fit"},
        {"{" T("a", "F32", "[1]", "[0,1e300]") "}", 4, "data_offsets"},
        {"{" T("a", "F32", "[1]", "[0,18446744073709551616]") "}", 4, "data_offsets"},
        {"{" T("a", "F32", "[1]", "[-4,0]") "}", 4, "data_offsets"},
        {"{" T("a", "F32", "[1]", "[0,4,8]") "}", 4, "data_offsets"},
        {"{" T("a", "F32", "[1]", "[0]") "}", 4, "data_offsets"},
        {"{" T("a", "F32", "[1]", "null") "}", 4, "data_offsets"},
        {"{" T("a", "F32", "[-1]", "[0,4]") "}", 4, "dimension 0"},
        {"{" T("a", "F32", "[1.5]", "[0,6]") "}", 6, "dimension 0"},
        {"{" T("a", "F32", "[\"1\"]", "[0,4]") "}", 4, "dimension 0"},
        {"{" T("a", "F32", "[4294967296,4294967296]", "[0,0]") "}", 0, "overflows"},
        {"{" T("a", "F64", "[2305843009213693952]", "[0,0]") "}", 0, "dimension 0"},
        {"{" T("a", "F64", "[4294967296,536870912]", "[0,0]") "}", 0, "overflows"},
        {"{" T("a", "U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", 1, "dimensions"},
        {"{" T("a", "F7", "[1]", "[0,4]") "}", 4, "dtype 'F7'"},
        {"{" T("a", "f32", "[1]", "[0,4]") "}", 4, "dtype 'f32'"},
        {"{" T("", "F32", "[1]", "[0,4]") "}", 4, "empty name"},
        {"{" T("a\\u0000b", "F32", "[1]", "[0,4]") "}", 4, "u0000"},
        {"{\"a\":[]}", 0, "not an object"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4, "unknown key"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "shape"},
        {"{\"__metadata__\":{\"k\":1}}", 0, "__metadata__"},
        {"{\"__metadata__\":[]}", 0, "__metadata__"},
        {"{} x", 0, "x.safetensors"},
        {"{", 0, "x.safetensors"},
        {"[]", 0, "does not begin with '{'"},
        {" {}", 0, "does not begin with '{'"},
        {"{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", 0, "deep"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct buf b = {0};
        struct err e = {0};
        void *block;
        make_file(&b, bad[i].header, bad[i].data);
        struct safetensors *s = open_exact(b.data, b.len, &block, &e);
        if (s) fail_msg("accepted: %s", bad[i].header);
        if (e.code != ERR_DATA || !strstr(e.msg, bad[i].says) || !strstr(e.msg, "x.safetensors"))
            fail_msg("%s\n  gave %d: %s", bad[i].header, e.code, e.msg);
        free(block);
        buf_free(&b);
    }
}

static void refuses_bad_lengths(void **state)
{
    (void)state;
    static const uint64_t lens[] = {0, 1, 3, (uint64_t)1 << 63, UINT64_MAX, ST_MAX_HEADER + 1};
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        char f[10];
        struct err e = {0};
        memcpy(f, &lens[i], 8);
        memcpy(f + 8, "{}", 2);
        void *block;
        assert_null(open_exact(f, sizeof f, &block, &e));
        assert_int_equal(e.code, ERR_DATA);
        free(block);
    }
    for (size_t n = 0; n < 8; n++) {
        struct err e = {0};
        void *block;
        assert_null(open_exact("\2\0\0\0\0\0\0", n, &block, &e));
        assert_int_equal(e.code, ERR_DATA);
        free(block);
    }
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct buf b = {0};
    make_file(&b, "{" T("a", "F32", "[2]", "[0,8]") "," T("b", "U8", "[3]", "[8,11]") "}", 11);
    for (size_t n = 0; n < b.len; n++) {
        struct err e = {0};
        void *block;
        assert_null(open_exact(b.data, n, &block, &e));
        assert_int_equal(e.code, ERR_DATA);
        assert_non_null(strstr(e.msg, "x.safetensors"));
        free(block);
    }
    buf_free(&b);
}

static void names_other_kinds_of_file(void **state)
{
    (void)state;
    struct err e = {0};
    void *block;
    assert_null(open_exact("PK\3\4xxxxxxxxxxxx", 16, &block, &e));
    assert_non_null(strstr(e.msg, "zip"));
    free(block);
    assert_null(open_exact("GGUF\3\0\0\0\0\0\0\0\0\0\0\0", 16, &block, &e));
    assert_non_null(strstr(e.msg, "GGUF"));
    free(block);
}

/* ---- element types ---- */

static void half_round_trips_every_value(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 65536; i++) {
        uint16_t h = (uint16_t)i, back;
        float f;
        elem_to_f32(&f, &h, DT_F16, 1);
        assert_true(elem_from_f32(&back, DT_F16, &f, 1));
        if ((h & 0x7FFF) > 0x7C00) assert_true(f != f && (back & 0x7FFF) > 0x7C00);
        else assert_int_equal(back, h);
        elem_to_f32(&f, &h, DT_BF16, 1);
        assert_true(elem_from_f32(&back, DT_BF16, &f, 1));
        if ((h & 0x7FFF) > 0x7F80) assert_true(f != f && (back & 0x7FFF) > 0x7F80);
        else assert_int_equal(back, h);
    }
}

static void half_rounds_to_nearest_even(void **state)
{
    (void)state;
    static const struct {
        float f;
        uint16_t h;
    } c[] = {{1.0f, 0x3C00},           {1.0f + 0x1p-11f, 0x3C00},   {1.0f + 0x3p-11f, 0x3C02},
             {1.0f + 0x1.1p-11f, 0x3C01}, {65504.0f, 0x7BFF},       {65519.9f, 0x7BFF},
             {65520.0f, 0x7C00},       {0x1p-24f, 0x0001},          {0x1p-25f, 0x0000},
             {0x1.8p-25f, 0x0001},     {-0x1p-14f, 0x8400},         {-0.0f, 0x8000},
             {0x1.ff8p-15f, 0x03FF},    {0x1.ffcp-15f, 0x0400}, {1e30f, 0x7C00}};
    for (size_t i = 0; i < COUNT_OF(c); i++) {
        uint16_t h;
        elem_from_f32(&h, DT_F16, &c[i].f, 1);
        if (h != c[i].h) fail_msg("%a gave %04x, want %04x", (double)c[i].f, h, c[i].h);
    }
}

static void finds_the_first_nonfinite(void **state)
{
    (void)state;
    float f[5] = {1, -3e38f, 0, (float)(1.0 / 3), 2};
    assert_int_equal(elem_nonfinite(f, DT_F32, 5), 5);
    uint32_t nan = 0xFFC00001;
    memcpy(&f[3], &nan, 4);
    assert_int_equal(elem_nonfinite(f, DT_F32, 5), 3);
    uint16_t h[2] = {0x7BFF, 0x7C00};
    assert_int_equal(elem_nonfinite(h, DT_F16, 2), 1);
    assert_int_equal(elem_nonfinite(h, DT_BF16, 2), 2);
}

/* ---- writing ---- */

static int fill_pattern(void *arg, int i, void *dst, struct err *e)
{
    (void)e;
    const struct st_spec *spec = arg;
    size_t n = dtype_size(spec[i].dtype);
    for (int d = 0; d < spec[i].ndim; d++) n *= (size_t)spec[i].dim[d];
    for (size_t k = 0; k < n; k++) ((unsigned char *)dst)[k] = (unsigned char)(k * 7 + (size_t)i);
    return 0;
}

static void written_shards_read_back(void **state)
{
    (void)state;
    char dir[] = "/tmp/llmctl-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    static const struct st_spec spec[] = {
        {"z \"quoted\" \xc3\xa9", DT_F32, 2, {10, 10}}, {"a", DT_BF16, 1, {300}},
        {"empty", DT_F32, 2, {0, 5}},                    {"scalar", DT_I64, 0, {0}},
        {"big", DT_U8, 1, {5000}},
    };
    static const uint64_t max[] = {0, 1000, 1};
    static const int files[] = {1, 3, 4};
    for (size_t m = 0; m < COUNT_OF(max); m++) {
        struct err e = {0};
        assert_int_equal(dir_remove(dir, &e), 0);
        assert_int_equal(dir_make(dir, &e), 0);
        if (st_write_dir(dir, spec, COUNT_OF(spec), max[m], fill_pattern, (void *)(uintptr_t)spec, &e))
            fail_msg("%s", e.msg);
        struct safetensors *s = st_open(dir, &e);
        if (!s) fail_msg("%s", e.msg);
        assert_int_equal(st_n(s), COUNT_OF(spec));
        assert_int_equal(st_n_files(s), files[m]);
        for (size_t i = 0; i < COUNT_OF(spec); i++) {
            const struct st_tensor *t = st_tensor(s, st_find(s, spec[i].name));
            unsigned char want[5000];
            fill_pattern((void *)(uintptr_t)spec, (int)i, want, &e);
            assert_int_equal(t->dtype, spec[i].dtype);
            assert_int_equal(t->ndim, spec[i].ndim);
            assert_memory_equal(t->data, want, t->bytes);
        }
        st_close(s);
    }
    struct err e = {0};
    dir_remove(dir, &e);
}

static void index_must_match_its_shards(void **state)
{
    (void)state;
    char dir[] = "/tmp/llmctl-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct err e = {0};
    static const struct st_spec spec[] = {{"a", DT_U8, 1, {5}}, {"b", DT_U8, 1, {5}}};
    assert_int_equal(st_write_dir(dir, spec, 2, 1, fill_pattern, (void *)(uintptr_t)spec, &e), 0);
    static const struct {
        const char *map, *says;
        enum err_code code;
    } bad[] = {
        {"{\"a\":\"model-00001-of-00002.safetensors\"}", NULL, 0},
        {"{\"a\":\"model-00002-of-00002.safetensors\",\"b\":\"model-00001-of-00002.safetensors\"}", "is not in", ERR_DATA},
        {"{\"a\":\"model-00001-of-00002.safetensors\",\"c\":\"model-00002-of-00002.safetensors\"}", "is not in", ERR_DATA},
        {"{\"a\":\"../x.safetensors\"}", "does not name a file", ERR_DATA},
        {"{\"a\":\"/etc/passwd\"}", "does not name a file", ERR_DATA},
        {"{\"a\":3}", "does not name a file", ERR_DATA},
        {"{\"a\":\"gone.safetensors\"}", "gone.safetensors", ERR_NOINPUT},
        {"[]", "weight_map", ERR_DATA},
    };
    char *path = path_join(dir, "model.safetensors.index.json");
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char text[400];
        int n = snprintf(text, sizeof text, "{\"weight_map\":%s}", bad[i].map);
        assert_int_equal(file_write_all(path, text, (size_t)n, &e), 0);
        struct safetensors *s = st_open(dir, &e);
        if (!bad[i].says) assert_non_null(s);
        else if (s || e.code != bad[i].code || !strstr(e.msg, bad[i].says))
            fail_msg("%s: %s", bad[i].map, s ? "accepted" : e.msg);
        st_close(s);
    }
    free(path);
    dir_remove(dir, &e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_names_shapes_and_values),
        cmocka_unit_test(refuses_hostile_headers),
        cmocka_unit_test(refuses_bad_lengths),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(names_other_kinds_of_file),
        cmocka_unit_test(half_round_trips_every_value),
        cmocka_unit_test(half_rounds_to_nearest_even),
        cmocka_unit_test(finds_the_first_nonfinite),
        cmocka_unit_test(written_shards_read_back),
        cmocka_unit_test(index_must_match_its_shards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
