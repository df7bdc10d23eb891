/* .llmz: round trips, sizes, and what happens to damaged and hostile files. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/ckpt/elem.h"
#include "core/ckpt/llmz.h"
#include "core/ckpt/llmz_internal.h"
#include "core/ckpt/planes.h"

static char dir[] = "/tmp/llmctl-test-XXXXXX";
static char *path_a, *path_b;

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir)) return -1;
    path_a = path_join(dir, "a.llmz");
    path_b = path_join(dir, "b.llmz");
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    struct err e;
    free(path_a);
    free(path_b);
    return dir_remove(dir, &e);
}

#define OK(call)                                          \
    do {                                                  \
        if ((call) != 0) fail_msg("%s: %s", #call, e.msg); \
    } while (0)

/* Rows with scales of their own, as layers have. */
static float *normal(size_t n, uint64_t seed)
{
    struct rng_key k = rng_key(seed, RNG_TEST, 0, 0);
    float *x = mem_alloc(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = rng_normal(&k, i) * 0.02f * (1.0f + (float)(i / 1024 % 7));
    return x;
}

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

struct item {
    const char *name;
    enum dtype dtype;
    int ndim;
    int64_t dim[4];
    void *data;
    size_t n;
};

static void fill(struct item *it, uint64_t seed)
{
    it->n = 1;
    for (int i = 0; i < it->ndim; i++) it->n *= (size_t)it->dim[i];
    float *x = normal(it->n, seed);
    it->data = mem_alloc(it->n, 8);
    assert_non_null(it->data);
    if (!elem_from_f32(it->data, it->dtype, x, it->n))
        for (size_t i = 0; i < it->n * dtype_size(it->dtype); i++)
            ((uint8_t *)it->data)[i] = (uint8_t)(x[i / dtype_size(it->dtype)] * 1000.0f);
    free(x);
}

static void write_items(const char *path, const struct item *it, size_t n, int threads)
{
    struct err e = {0};
    struct pool *pool = pool_new(threads, &e);
    struct llmz_writer *w = llmz_create(path, pool, &e);
    if (!w) fail_msg("%s", e.msg);
    for (size_t i = 0; i < n; i++)
        OK(llmz_add(w, it[i].name, it[i].dtype, it[i].ndim, it[i].dim, it[i].data, &e));
    OK(llmz_finish(w, "{\"format\":\"llmz\",\"kind\":\"model\",\"note\":\"\\u00e9\"}\n", &e));
    pool_free(pool);
}

static struct buf slurp(const char *path)
{
    struct buf b = {0};
    struct err e = {0};
    OK(file_read_all(path, (size_t)1 << 30, &b, &e));
    return b;
}

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

/* ---- damage ---- */

/* Two tensors, every codec but zstd on planes, in little more than 1 kB. */
static struct buf small_file(void)
{
    static float a[40];
    static uint8_t text[1200], same[1200];
    for (int i = 0; i < 40; i++) a[i] = (float)i * 0.37f;
    for (size_t i = 0; i < sizeof text; i++) text[i] = same[i] = (uint8_t)"abcdabceabcf"[i % 12 * (i % 97 != 0)];
    struct item it[] = {{"a", DT_F32, 1, {40}, a, 40}, {"t", DT_U8, 1, {1200}, text, 1200},
                        {"u", DT_U8, 1, {1200}, same, 1200}};
    memset(a + 20, 0, 80);
    write_items(path_a, it, 3, 1);
    return slurp(path_a);
}

/* Opens and verifies bytes in a block of exactly their size. */
static int check_bytes(const void *p, size_t n, struct err *e)
{
    uint8_t *block = malloc(n ? n : 1);
    assert_non_null(block);
    memcpy(block, p, n);
    struct llmz *z = llmz_open_memory(block, n, "f.llmz", e);
    int ret = z ? llmz_verify(z, NULL, e) : -1;
    llmz_close(z);
    free(block);
    return ret;
}

static void expect_report(const struct err *e, const char *what, size_t at)
{
    if (e->code != ERR_DATA || !strstr(e->msg, "f.llmz") || !strstr(e->msg, "offset"))
        fail_msg("%s %zu gave status %d: %s", what, at, e->code, e->msg);
}

static void every_flipped_bit_is_reported(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf f = small_file();
    OK(check_bytes(f.data, f.len, &e));
    for (size_t bit = 0; bit < f.len * 8; bit++) {
        f.data[bit / 8] = (char)(f.data[bit / 8] ^ 1 << bit % 8);
        e = (struct err){0};
        if (!check_bytes(f.data, f.len, &e)) fail_msg("bit %zu of %zu went unnoticed", bit, f.len * 8);
        expect_report(&e, "bit", bit);
        f.data[bit / 8] = (char)(f.data[bit / 8] ^ 1 << bit % 8);
    }
    print_message("%zu bits\n", f.len * 8);
    buf_free(&f);
}

static void every_truncation_is_reported(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf f = small_file();
    for (size_t n = 0; n < f.len; n++) {
        e = (struct err){0};
        assert_int_equal(check_bytes(f.data, n, &e), -1);
        if (n) expect_report(&e, "length", n);
    }
    buf_addc(&f, 0);
    assert_int_equal(check_bytes(f.data, f.len, &e), -1); /* and one byte too many */
    buf_free(&f);
}

static int count_bad(const char *path, int *n)
{
    struct err e = {0};
    (void)n;
    struct llmz *z = llmz_open(path, &e);
    assert_non_null(z);
    int ret = llmz_verify(z, NULL, &e);
    llmz_close(z);
    return ret;
}

static void bad_chunk(void *arg, const struct llmz_tensor *t, const char *message)
{
    (void)message;
    struct buf *b = arg;
    buf_printf(b, "%s ", t->name);
}

static void a_damaged_chunk_is_named_and_the_rest_is_read(void **state)
{
    (void)state;
    struct err e = {0};
    struct item it[] = {{"first", DT_BF16, 1, {3000000}, NULL, 0}, {"second", DT_F32, 1, {5000}, NULL, 0},
                        {"third", DT_F32, 1, {5000}, NULL, 0}};
    for (size_t i = 0; i < 3; i++) fill(&it[i], i);
    write_items(path_a, it, 3, 1);
    struct buf f = slurp(path_a), names = {0};
    f.data[200] ^= 1;
    f.data[f.len / 2] ^= 1;
    struct llmz *z = llmz_open_memory(f.data, f.len, "f.llmz", &e);
    assert_non_null(z);
    struct pool *pool = pool_new(2, &e);
    assert_int_equal(llmz_verify_all(z, pool, bad_chunk, &names, &e), -1);
    assert_string_equal(names.data, "first first ");
    assert_non_null(strstr(e.msg, "tensor 'first'"));
    void *back = mem_alloc(it[0].n, 2);
    assert_int_equal(llmz_read(z, 0, back, pool, &e), -1);
    assert_non_null(strstr(e.msg, "chunk 0, plane 0 at offset 64"));
    OK(llmz_read(z, 1, back, pool, &e));
    assert_memory_equal(back, it[1].data, it[1].n * 4);
    int n;
    assert_int_equal(count_bad(path_a, &n), 0);
    llmz_close(z);
    pool_free(pool);
    free(back);
    buf_free(&f);
    buf_free(&names);
    for (size_t i = 0; i < 3; i++) free(it[i].data);
}

/* ---- hostile files: consistent hashes, lying fields ---- */

static void sign(struct buf *f, struct llmz_footer *foot)
{
    uint8_t *p = (uint8_t *)f->data;
    foot->index_hash = hash64(p + foot->index_offset + 8, (size_t)foot->n_records * LLMZ_RECORD);
    uint64_t payload = llmz_manifest_payload(foot->manifest_offset, foot->manifest_csize);
    foot->manifest_hash = hash64(p + foot->manifest_offset + 8, payload);
    llmz_footer_put(p + f->len - LLMZ_FOOTER, foot);
}

static void lying_index_records_are_refused(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf f = small_file();
    struct llmz_footer foot;
    uint8_t *tail = (uint8_t *)f.data + f.len - LLMZ_FOOTER;
    assert_int_equal(llmz_footer_get(tail, &foot), LLMZ_FOOTER_OK);
    assert_int_equal(foot.n_records, 3);
    int accepted = 0;
    for (size_t at = 0; at < (size_t)foot.n_records * LLMZ_RECORD; at++)
        for (int v = 0; v < 256; v++) {
            uint8_t *b = (uint8_t *)f.data + foot.index_offset + 8 + at, old = *b;
            if (v == old) continue;
            *b = (uint8_t)v;
            sign(&f, &foot);
            e = (struct err){0};
            if (!check_bytes(f.data, f.len, &e)) {
                accepted++;
                assert_int_equal(at % LLMZ_RECORD, 10); /* raw and zstd frames read the same */
            } else {
                expect_report(&e, "index byte", at);
            }
            *b = old;
        }
    assert_true(accepted <= 2);
    buf_free(&f);
}

static void lying_footers_are_refused(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf f = small_file();
    uint8_t *tail = (uint8_t *)f.data + f.len - LLMZ_FOOTER, good[LLMZ_FOOTER];
    memcpy(good, tail, sizeof good);
    for (size_t at = 0; at < 56; at++)
        for (int v = 1; v < 256; v += 2) {
            tail[at] ^= (uint8_t)v;
            uint64_t hash = hash64(tail, 56);
            memcpy(tail + 56, &hash, 8);
            e = (struct err){0};
            assert_int_equal(check_bytes(f.data, f.len, &e), -1);
            expect_report(&e, "footer byte", at);
            memcpy(tail, good, sizeof good);
        }
    buf_free(&f);
}

/* A whole file around a given manifest text, without records. */
static void with_manifest(struct buf *f, const char *text, size_t n, uint32_t claim)
{
    struct llmz_footer foot = {.manifest_offset = LLMZ_PREAMBLE, .manifest_rsize = claim};
    uint8_t preamble[LLMZ_PREAMBLE], tail[LLMZ_FOOTER] = {0};
    llmz_preamble_put(preamble);
    buf_add(f, preamble, sizeof preamble);
    uint8_t *z = mem_zalloc(llmz_frame_bound(n) + 64, 1);
    size_t csize = llmz_frame_compress(z, text, n, 3);
    uint32_t head[2] = {LLMZ_MAGIC_MANIFEST, (uint32_t)llmz_manifest_payload(LLMZ_PREAMBLE, csize)};
    buf_add(f, head, 8);
    buf_add(f, z, head[1]);
    foot.manifest_csize = (uint32_t)csize;
    foot.index_offset = f->len;
    uint32_t index[2] = {LLMZ_MAGIC_INDEX, 0};
    buf_add(f, index, 8);
    buf_add(f, tail, sizeof tail);
    sign(f, &foot);
    free(z);
}

static void hostile_manifests_are_refused(void **state)
{
    (void)state;
#define ONE(t) "{\"tensors\":[" t "]}"
#define HASH "\"xxh3_128\":\"00000000000000000000000000000000\""
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"[]", "not a JSON object"},
        {"{}", "no list of tensors"},
        {"{\"tensors\":{}}", "no list of tensors"},
        {"{\"tensors\":[],\"tensors\":[]}", "duplicate"},
        {"{\"tensors\":[]} x", "offset 64"},
        {ONE("1"), "not an object"},
        {ONE("{}"), "name"},
        {ONE("{\"name\":\"\",\"dtype\":\"f32\",\"shape\":[]," HASH "}"), "0 bytes"},
        {ONE("{\"name\":\"a\",\"dtype\":\"f31\",\"shape\":[]," HASH "}"), "dtype 'f31'"},
        {ONE("{\"name\":\"a\",\"dtype\":\"f32\",\"shape\":[],\"xxh3_128\":\"00\"}"), "32 hex"},
        {ONE("{\"name\":\"a\",\"dtype\":\"f32\"," HASH "}"), "no shape"},
        {ONE("{\"name\":\"a\",\"dtype\":\"f32\",\"shape\":[-1]," HASH "}"), "dimension 0"},
        {ONE("{\"name\":\"a\",\"dtype\":\"f32\",\"shape\":[0.5]," HASH "}"), "dimension 0"},
        {ONE("{\"name\":\"a\",\"dtype\":\"f32\",\"shape\":[1e300]," HASH "}"), "dimension 0"},
        {ONE("{\"name\":\"a\",\"dtype\":\"f32\",\"shape\":[4294967296,4294967296]," HASH "}"), "overflow"},
        {ONE("{\"name\":\"a\",\"dtype\":\"f64\",\"shape\":[4294967296,1073741824]," HASH "}"), "overflow"},
        {ONE("{\"name\":\"a\",\"dtype\":\"f32\",\"shape\":[1,1,1,1,1]," HASH "}"), "more than 4"},
        {ONE("{\"name\":\"a\",\"dtype\":\"u8\",\"shape\":[1000000000000000]," HASH "}"), "too few"},
        {ONE("{\"name\":\"a\",\"dtype\":\"u8\",\"shape\":[0]," HASH "},{\"name\":\"a\",\"dtype\":\"u8\",\"shape\":[0]," HASH "}"),
         "two tensors"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct buf f = {0};
        struct err e = {0};
        size_t n = strlen(bad[i].text);
        with_manifest(&f, bad[i].text, n, (uint32_t)n);
        if (!check_bytes(f.data, f.len, &e)) fail_msg("accepted: %s", bad[i].text);
        if (e.code != ERR_DATA || !strstr(e.msg, bad[i].says)) fail_msg("%s gave: %s", bad[i].text, e.msg);
        buf_free(&f);
    }
}

static void zstd_bombs_are_refused(void **state)
{
    (void)state;
    struct err e = {0};
    size_t n = (size_t)8 << 20;
    char *text = mem_alloc(n, 1);
    memset(text, ' ', n);
    memcpy(text, "{\"tensors\":[]}", 14);
    struct buf f = {0};
    with_manifest(&f, text, n, (uint32_t)n);
    assert_true(f.len < 2048);
    assert_int_equal(check_bytes(f.data, f.len, &e), -1);
    assert_non_null(strstr(e.msg, "bomb"));
    /* A frame that holds more, or less, than the footer says. */
    static const uint32_t claim[] = {1000, 20, 0, 1 << 20};
    for (size_t i = 0; i < COUNT_OF(claim); i++) {
        buf_free(&f);
        with_manifest(&f, text, 100000, claim[i]);
        assert_int_equal(check_bytes(f.data, f.len, &e), -1);
        expect_report(&e, "claim", claim[i]);
    }
    buf_free(&f);
    free(text);
}

/* ---- failing writes ---- */

static int try_write(const char *path, struct err *e)
{
    static float x[100000];
    int64_t dim = 100000;
    for (int i = 0; i < 100000; i++) x[i] = (float)i * 1.7f;
    struct llmz_writer *w = llmz_create(path, NULL, e);
    if (!w) return -1;
    for (int i = 0; i < 3; i++) {
        char name[] = {'t', (char)('0' + i), '\0'};
        x[0] = (float)i;
        if (llmz_add(w, name, DT_F32, 1, &dim, x, e)) {
            llmz_abort(w);
            return -1;
        }
    }
    return llmz_finish(w, "{}", e);
}

static void a_failing_call_loses_nothing(void **state)
{
    (void)state;
    static const int errnos[] = {ENOSPC, EIO};
    struct err e = {0};
    OK(dir_remove(dir, &e));
    OK(dir_make(dir, &e));
    OK(file_write_all(path_a, "old", 3, &e));
    for (size_t k = 0; k < COUNT_OF(errnos); k++) {
        long n = 1;
        for (;; n++) {
            assert_true(n < 1000);
            fault_after(n, errnos[k]);
            e = (struct err){0};
            int ret = try_write(path_b, &e);
            long passed = fault_after(0, 0);
            if (passed < n) {
                OK(ret);
                break;
            }
            char **names;
            size_t count;
            struct err e2;
            assert_int_equal(dir_list(dir, &names, &count, &e2), 0);
            /* The last point is the sync of the directory, after the rename. */
            bool there = file_exists(path_b);
            assert_int_equal(count, 1 + (size_t)there);
            dir_list_free(names, count);
            assert_int_equal(ret, -1);
            assert_int_equal(e.code, ERR_IO);
            assert_non_null(strstr(e.msg, dir));
            if (there) {
                struct llmz *z = llmz_open(path_b, &e);
                if (!z || llmz_verify(z, NULL, &e)) fail_msg("%s", e.msg);
                llmz_close(z);
                OK(dir_remove(path_b, &e));
            }
            struct buf old = slurp(path_a);
            assert_string_equal(old.data, "old");
            buf_free(&old);
        }
        print_message("%ld calls can fail\n", n - 1);
        assert_true(n > 5);
        OK(dir_remove(path_b, &e));
    }
}

static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    struct err e = {0};
    char *mnt = path_join(dir, "mnt"), *file = path_join(mnt, "m.llmz");
    OK(dir_make(mnt, &e));
    OK(try_write(path_b, &e));
    char size[64];
    snprintf(size, sizeof size, "size=%lld", (long long)file_size(path_b, &e) * 3 / 2);
    if (mount("tmpfs", mnt, "tmpfs", 0, size)) {
        print_message("no tmpfs can be mounted here: not checked\n");
        free(mnt);
        free(file);
        skip();
    }
    OK(try_write(file, &e));
    struct buf before = slurp(file);
    int ret = try_write(file, &e); /* old and new together do not fit */
    struct buf after = slurp(file);
    char **names;
    size_t count;
    struct err e2;
    OK(dir_list(mnt, &names, &count, &e2));
    umount(mnt);
    assert_int_equal(ret, -1);
    assert_int_equal(e.code, ERR_IO);
    assert_int_equal(count, 1);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    dir_list_free(names, count);
    buf_free(&before);
    buf_free(&after);
    free(mnt);
    free(file);
}

static void memory_failures_are_reported(void **state)
{
    (void)state;
    struct err e = {0};
    for (long n = 1;; n++) {
        assert_true(n < 2000);
        mem_fail_after(n);
        e = (struct err){0};
        struct llmz *z = NULL;
        int ret = try_write(path_b, &e);
        if (!ret) {
            z = llmz_open(path_b, &e);
            ret = z ? llmz_verify(z, NULL, &e) : -1;
        }
        llmz_close(z);
        void *probe = mem_alloc(1, 1); /* NULL: the failure was still to come */
        free(probe);
        mem_fail_after(0);
        if (!probe) {
            OK(ret);
            break;
        }
        if (ret) assert_int_equal(e.code, ERR_OS);
    }
}

static void misuse_is_an_error(void **state)
{
    (void)state;
    struct err e = {0};
    int64_t dim = 1;
    struct llmz_writer *w = llmz_create(path_b, NULL, &e);
    assert_int_equal(llmz_add(w, "", DT_U8, 1, &dim, "x", &e), -1);
    assert_int_equal(llmz_finish(w, "{}", &e), -1);
    w = llmz_create(path_b, NULL, &e);
    OK(llmz_add(w, "a", DT_U8, 1, &dim, "x", &e));
    OK(llmz_add(w, "a", DT_U8, 1, &dim, "y", &e));
    assert_int_equal(llmz_finish(w, "{}", &e), -1);
    assert_non_null(strstr(e.msg, "two tensors"));
    static const char *const bad[] = {"[]", "{\"tensors\":[]}", "{\"a\":1,\"a\":2}", "{", ""};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        w = llmz_create(path_b, NULL, &e);
        assert_int_equal(llmz_finish(w, bad[i], &e), -1);
    }
    assert_null(llmz_create("/nonexistent/x.llmz", NULL, &e));
    assert_int_equal(e.code, ERR_CANTCREAT);
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
        cmocka_unit_test(every_flipped_bit_is_reported),
        cmocka_unit_test(every_truncation_is_reported),
        cmocka_unit_test(a_damaged_chunk_is_named_and_the_rest_is_read),
        cmocka_unit_test(lying_index_records_are_refused),
        cmocka_unit_test(lying_footers_are_refused),
        cmocka_unit_test(hostile_manifests_are_refused),
        cmocka_unit_test(zstd_bombs_are_refused),
        cmocka_unit_test(a_failing_call_loses_nothing),
        cmocka_unit_test(a_full_disk_loses_nothing),
        cmocka_unit_test(memory_failures_are_reported),
        cmocka_unit_test(misuse_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
