/* .llmz: damaged files, hostile files, and writes that fail. */
#include "tests/unit/llmz_util.h"

#include <errno.h>
#include <sys/mount.h>

#include "core/base/fault.h"
#include "core/ckpt/llmz_internal.h"

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
        {ONE("{\"name\":\"a\",\"dtype\":\"u8\",\"shape\":[0]," HASH
             "},{\"name\":\"a\",\"dtype\":\"u8\",\"shape\":[0]," HASH "}"),
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
