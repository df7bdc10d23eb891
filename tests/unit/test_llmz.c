/* .llmz: planes, round trips, the bytes of the file and its size. */
#include "tests/unit/llmz_util.h"

#include <zstd.h>

#include "core/ckpt/llmz_internal.h"
#include "core/ckpt/planes.h"

/* ---- planes ---- */

static void planes_round_trip_at_every_tail(void **state)
{
    (void)state;
    static const size_t sizes[] = {2, 4, 8};
    uint8_t src[70 * 8], planes[70 * 8 + 1], back[70 * 8];
    for (size_t i = 0; i < sizeof src; i++) src[i] = (uint8_t)(i * 37 + i / 256 + 1);
    for (size_t s = 0; s < COUNT_OF(sizes); s++)
        for (size_t n = 0; n <= 70; n++)
            for (int rotate = 0; rotate < 2; rotate++) {
                size_t size = sizes[s];
                planes[n * size] = 0xEE;
                planes_split(planes, src, n, size, rotate);
                assert_int_equal(planes[n * size], 0xEE);
                for (size_t i = 0; i < n && !rotate; i++)
                    for (size_t k = 0; k < size; k++)
                        assert_int_equal(planes[k * n + i], src[i * size + k]);
                planes_join(back, planes, n, size, rotate);
                assert_memory_equal(back, src, n * size);
            }
    uint16_t x = 0xBF80, y; /* -1.0 in bf16: the sign goes last, the exponent on top */
    planes_split(&y, &x, 1, 2, true);
    assert_int_equal(y, 0x7F01);
}

/* ---- round trips ---- */

static void every_dtype_and_shape_round_trips(void **state)
{
    (void)state;
    struct err e = {0};
    char big_name[LLMZ_MAX_NAME + 1];
    memset(big_name, 'n', LLMZ_MAX_NAME);
    big_name[LLMZ_MAX_NAME] = '\0';
    struct item it[2 * DT_N + 6] = {
        {"scalar", DT_F32, 0, {0}, NULL, 0},
        {"empty", DT_F32, 2, {5, 0}, NULL, 0},
        {big_name, DT_U8, 1, {1}, NULL, 0},
        {"quote \" back \\ \xe2\x82\xac", DT_F16, 1, {5000}, NULL, 0},
        {"two chunks", DT_BF16, 2, {3, (1 << 19) + 11}, NULL, 0},
        {"one chunk", DT_F32, 1, {1 << 20}, NULL, 0},
    };
    size_t n = 6;
    for (int d = 0; d < DT_N; d++) {
        it[n++] = (struct item){dtype_name((enum dtype)d), (enum dtype)d, 4, {3, 5, 7, 100}, NULL, 0};
        char *small = malloc(32);
        assert_non_null(small);
        snprintf(small, 32, "small %d", d);
        it[n++] = (struct item){small, (enum dtype)d, 1, {9}, NULL, 0};
    }
    for (size_t i = 0; i < n; i++) fill(&it[i], i);
    write_items(path_a, it, n, 2);

    struct pool *pool = pool_new(2, &e);
    struct llmz *z = llmz_open(path_a, &e);
    if (!z) fail_msg("%s", e.msg);
    assert_int_equal(llmz_n_tensors(z), n);
    OK(llmz_verify(z, pool, &e));
    for (size_t i = 0; i < n; i++) {
        int k = llmz_find(z, it[i].name);
        assert_int_equal(k, i);
        const struct llmz_tensor *t = llmz_tensor(z, k);
        assert_int_equal(t->dtype, it[i].dtype);
        assert_int_equal(t->ndim, it[i].ndim);
        assert_int_equal(t->n, it[i].n);
        assert_memory_equal(t->dim, it[i].dim, (size_t)t->ndim * 8);
        assert_true(hash128_eq(t->hash, hash128(it[i].data, it[i].n * dtype_size(t->dtype))));
        void *back = mem_zalloc(it[i].n, 8);
        OK(llmz_read(z, k, back, pool, &e));
        assert_memory_equal(back, it[i].data, it[i].n * dtype_size(t->dtype));
        free(back);
    }
    assert_int_equal(llmz_find(z, "absent"), -1);
    llmz_close(z);
    pool_free(pool);
    for (size_t i = 0; i < n; i++) free(it[i].data);
    for (size_t i = 7; i < n; i += 2) free((void *)(uintptr_t)it[i].name);
}

/* Written by the first release of the format; must be readable for good. */
static void a_file_of_the_first_version_reads(void **state)
{
    (void)state;
    struct err e = {0};
    struct llmz *z = llmz_open("tests/fuzz/corpus/llmz/planes.llmz", &e);
    if (!z) fail_msg("%s", e.msg);
    OK(llmz_verify(z, NULL, &e));
    uint16_t b[3000], c[3000];
    OK(llmz_read(z, llmz_find(z, "b"), b, NULL, &e));
    OK(llmz_read(z, llmz_find(z, "c"), c, NULL, &e));
    assert_memory_equal(b, c, sizeof b);
    assert_true(hash64(b, sizeof b) == 0xc71d4bc3bbf50a67);
    float zero[2000];
    OK(llmz_read(z, llmz_find(z, "z"), zero, NULL, &e));
    for (int i = 0; i < 2000; i++) assert_true(zero[i] == 0);
    assert_int_equal(llmz_tensor(z, llmz_find(z, "e"))->n, 0);
    llmz_close(z);
}

static void a_file_without_tensors_is_fine(void **state)
{
    (void)state;
    struct err e = {0};
    struct llmz_writer *w = llmz_create(path_a, NULL, &e);
    assert_non_null(w);
    OK(llmz_finish(w, "{}", &e));
    struct llmz *z = llmz_open(path_a, &e);
    if (!z) fail_msg("%s", e.msg);
    assert_int_equal(llmz_n_tensors(z), 0);
    OK(llmz_verify(z, NULL, &e));
    llmz_close(z);
}

static void ranges_read_what_a_whole_read_gives(void **state)
{
    (void)state;
    struct err e = {0};
    struct item it = {"x", DT_BF16, 1, {2 * (1 << 20) + 5000}, NULL, 0};
    fill(&it, 3);
    write_items(path_a, &it, 1, 2);
    struct llmz *z = llmz_open(path_a, &e);
    assert_non_null(z);
    const int64_t C = 1 << 20, N = (int64_t)it.n;
    const int64_t range[][2] = {{0, N}, {0, 0}, {N, 0}, {0, 1}, {N - 1, 1}, {C - 1, 2}, {C, C},
                                {C, C + 1}, {5, 2 * C}, {C + 3, C + 100}, {2 * C, 5000}, {17, 100}};
    uint16_t *dst = mem_alloc(it.n + 1, 2);
    struct pool *pool = pool_new(2, &e);
    for (size_t i = 0; i < COUNT_OF(range); i++) {
        dst[range[i][1]] = 0xABCD;
        OK(llmz_read_range(z, 0, range[i][0], range[i][1], dst, i % 2 ? pool : NULL, &e));
        assert_memory_equal(dst, (uint16_t *)it.data + range[i][0], (size_t)range[i][1] * 2);
        assert_int_equal(dst[range[i][1]], 0xABCD);
    }
    assert_int_equal(llmz_read_range(z, 0, N, 1, dst, NULL, &e), -1);
    pool_free(pool);
    free(dst);
    llmz_close(z);
    free(it.data);
}

/* ---- the bytes of the file ---- */

static void bytes_do_not_depend_on_threads(void **state)
{
    (void)state;
    struct item it[] = {{"a", DT_F32, 1, {5 * (1 << 20) / 2}, NULL, 0},
                        {"b", DT_BF16, 2, {1500, 1001}, NULL, 0},
                        {"c", DT_F32, 1, {77}, NULL, 0}};
    for (size_t i = 0; i < 3; i++) fill(&it[i], i);
    write_items(path_a, it, 3, 1);
    struct buf a = slurp(path_a);
    static const int threads[] = {2, 3, 8};
    for (size_t t = 0; t < COUNT_OF(threads); t++) {
        write_items(path_b, it, 3, threads[t]);
        struct buf b = slurp(path_b);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        buf_free(&b);
    }
    buf_free(&a);
    for (size_t i = 0; i < 3; i++) free(it[i].data);
}

/* What `zstd -d` gives: the planes of every chunk, one after the other. */
static void the_file_is_a_zstd_stream(void **state)
{
    (void)state;
    struct item it = {"x", DT_F32, 1, {5000}, NULL, 0};
    fill(&it, 1);
    write_items(path_a, &it, 1, 1);
    struct buf a = slurp(path_a);
    uint8_t *out = mem_alloc(it.n, 4), *split = mem_alloc(it.n, 4), *rotated = mem_alloc(it.n, 4);
    assert_int_equal(ZSTD_decompress(out, it.n * 4, a.data, a.len), it.n * 4);
    planes_split(split, it.data, it.n, 4, false);
    planes_split(rotated, it.data, it.n, 4, true);
    assert_true(!memcmp(out, split, it.n * 4) || !memcmp(out, rotated, it.n * 4));
    buf_free(&a);
    free(out);
    free(split);
    free(rotated);
    free(it.data);
    char cmd[200];
    snprintf(cmd, sizeof cmd, "zstd -tq %s", path_a);
    if (system("command -v zstd >/dev/null") == 0) assert_int_equal(system(cmd), 0);
}

static void equal_and_constant_data_is_stored_once(void **state)
{
    (void)state;
    struct err e = {0};
    size_t n = (1 << 20) + 3000;
    float *x = normal(n, 1), *zero = mem_zalloc(n, 4);
    struct item it[] = {{"a", DT_F32, 1, {(int64_t)n}, x, n}, {"b", DT_F32, 1, {(int64_t)n}, x, n},
                        {"zero", DT_F32, 1, {(int64_t)n}, zero, n}};
    write_items(path_a, it, 3, 2);
    struct llmz *z = llmz_open(path_a, &e);
    if (!z) fail_msg("%s", e.msg);
    assert_true(llmz_tensor(z, 0)->bytes_stored > n * 3);
    assert_int_equal(llmz_tensor(z, 1)->bytes_stored, 0);
    assert_int_equal(llmz_tensor(z, 2)->bytes_stored, 0);
    float *back = mem_alloc(n, 4);
    OK(llmz_read(z, 1, back, NULL, &e));
    assert_memory_equal(back, x, n * 4);
    OK(llmz_read(z, 2, back, NULL, &e));
    assert_memory_equal(back, zero, n * 4);
    llmz_close(z);
    free(back);
    free(x);
    free(zero);
}

static double ratio(enum dtype dt, const float *x, size_t n)
{
    struct err e = {0};
    struct item it = {"x", dt, 1, {(int64_t)n}, mem_alloc(n, 4), n};
    elem_from_f32(it.data, dt, x, n);
    write_items(path_a, &it, 1, 2);
    free(it.data);
    struct llmz *z = llmz_open(path_a, &e);
    assert_non_null(z);
    double r = (double)llmz_tensor(z, 0)->bytes_raw / (double)llmz_tensor(z, 0)->bytes_stored;
    llmz_close(z);
    return r;
}

static void weights_and_moments_shrink(void **state)
{
    (void)state;
    size_t n = 1 << 20;
    float *w = normal(n, 5), *v = mem_alloc(n, 4);
    for (size_t i = 0; i < n; i++) v[i] = w[i] * w[i] * 1e-3f;
    double bf16 = ratio(DT_BF16, w, n), f32 = ratio(DT_F32, w, n), second = ratio(DT_F32, v, n);
    print_message("ratios: bf16 %.3f, f32 weights %.3f, f32 second moments %.3f\n", bf16, f32, second);
    assert_true(bf16 >= 1.4);
    assert_true(f32 >= 1.15);
    assert_true(second >= 1.15);
    uint16_t h;
    for (size_t i = 0; i < n; i++) { /* f32 that was bf16: the low planes are constant */
        elem_from_f32(&h, DT_BF16, &w[i], 1);
        elem_to_f32(&w[i], &h, DT_BF16, 1);
    }
    double was_bf16 = ratio(DT_F32, w, n);
    assert_true(was_bf16 >= 2.8);
    free(w);
    free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes_round_trip_at_every_tail),
        cmocka_unit_test(every_dtype_and_shape_round_trips),
        cmocka_unit_test(a_file_of_the_first_version_reads),
        cmocka_unit_test(a_file_without_tensors_is_fine),
        cmocka_unit_test(ranges_read_what_a_whole_read_gives),
        cmocka_unit_test(bytes_do_not_depend_on_threads),
        cmocka_unit_test(the_file_is_a_zstd_stream),
        cmocka_unit_test(equal_and_constant_data_is_stored_once),
        cmocka_unit_test(weights_and_moments_shrink),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
