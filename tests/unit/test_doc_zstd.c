/* The frames of a zstd stream, split and unpacked by several threads, against
 * what a plain decoder makes of the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "core/base/buf.h"
#include "data/doc_zstd.h"

static char path[] = "/tmp/test-zstd-XXXXXX";

static uint64_t state_of_rng = 7;
static uint64_t rnd(void)
{
    state_of_rng ^= state_of_rng << 13;
    state_of_rng ^= state_of_rng >> 7;
    return state_of_rng ^= state_of_rng << 17;
}

static void add_text(struct buf *b, size_t n)
{
    while (n) {
        char word[16];
        int k = snprintf(word, sizeof word, "w%llu ", (unsigned long long)(rnd() % 5000));
        size_t take = (size_t)k < n ? (size_t)k : n;
        buf_add(b, word, take);
        n -= take;
    }
}

enum { SIZED = 1, CHECKED = 2 };

static void add_frame(struct buf *to, const char *s, size_t n, int how)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    size_t bound = ZSTD_compressBound(n);
    assert_true(buf_reserve(to, bound));
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, how & SIZED ? 1 : 0);
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, how & CHECKED ? 1 : 0);
    size_t k = ZSTD_compress2(c, to->data + to->len, bound, s, n);
    assert_false(ZSTD_isError(k));
    to->len += k;
    ZSTD_freeCCtx(c);
}

static void add_skippable(struct buf *to, uint32_t n)
{
    const uint32_t head[2] = {0x184D2A53, n};
    buf_add(to, head, sizeof head);
    for (uint32_t i = 0; i < n; i++)
        buf_addc(to, 'x');
}

struct helper {
    struct zstd_frames *z;
    atomic_bool stop;
};

static void *help(void *arg)
{
    struct helper *h = arg;
    while (!atomic_load(&h->stop))
        if (!zstd_frames_help(h->z)) sched_yield();
    return NULL;
}

static ptrdiff_t read_some(void *fd, void *out, size_t n, struct err *e)
{
    (void)e;
    return read(*(int *)fd, out, n);
}

/* Unpacks `packed` with so many helpers; the damage, or "". */
static void unpack(const struct buf *packed, int helpers, struct buf *out, char damage[128])
{
    struct err e;
    pthread_t t[4];
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(packed->data, 1, packed->len, f), packed->len);
    fclose(f);
    int fd = open(path, O_RDONLY);
    char first[4];
    size_t seen = packed->len < 4 ? packed->len : 4;
    assert_int_equal(read(fd, first, seen), (ssize_t)seen);
    struct helper h = {.z = zstd_frames_new(fd, read_some, &fd, first, seen, 5, &e)};
    assert_non_null(h.z);
    for (int i = 0; i < helpers; i++)
        pthread_create(&t[i], NULL, help, &h);
    for (ptrdiff_t n = 1; n;) {
        size_t want = 1 + rnd() % 300000;
        assert_true(buf_reserve(out, want));
        n = zstd_frames_read(h.z, out->data + out->len, want, &e);
        assert_true(n >= 0);
        out->len += (size_t)n;
    }
    atomic_store(&h.stop, true);
    for (int i = 0; i < helpers; i++)
        pthread_join(t[i], NULL);
    const char *d = zstd_frames_damage(h.z);
    snprintf(damage, 128, "%s", d ? d : "");
    zstd_frames_free(h.z);
    close(fd);
}

static void check(const struct buf *packed, const struct buf *plain, const char *what)
{
    for (int helpers = 0; helpers <= 3; helpers += 3) {
        struct buf out = {0};
        char damage[128];
        unpack(packed, helpers, &out, damage);
        if (damage[0]) fail_msg("%s: %s", what, damage);
        if (out.len != plain->len || memcmp(out.data, plain->data, out.len) != 0)
            fail_msg("%s: other bytes, %zu for %zu", what, out.len, plain->len);
        buf_free(&out);
    }
}

static void frames_of_every_kind_come_in_order(void **state)
{
    (void)state;
    struct buf plain = {0}, packed = {0};
    add_skippable(&packed, 70000);
    for (int i = 0; i < 60; i++) {
        size_t n = i % 7 == 3 ? 0 : rnd() % (i % 5 ? 9000 : 900000), from = plain.len;
        add_text(&plain, n);
        add_frame(&packed, plain.data + from, n, i % 4);
        if (i % 9 == 4) add_skippable(&packed, (uint32_t)i);
    }
    check(&packed, &plain, "frames");
    struct buf one = {0};
    add_frame(&one, plain.data, plain.len, 0);
    check(&one, &plain, "one frame");
    buf_free(&one);
    buf_free(&plain);
    buf_free(&packed);
}

/* Content beyond what is held whole, packed beyond what is, and others around them. */
static void large_frames_come_piece_by_piece(void **state)
{
    (void)state;
    struct buf plain = {0}, packed = {0};
    add_text(&plain, 100000);
    add_frame(&packed, plain.data, plain.len, SIZED);
    for (int k = 0; k < 2; k++) { /* zeros: of known size, of unknown */
        size_t from = plain.len, n = (size_t)66 << 20;
        assert_true(buf_reserve(&plain, n));
        memset(plain.data + from, 0, n);
        plain.len += n;
        add_frame(&packed, plain.data + from, n, k ? SIZED : 0);
        from = plain.len;
        add_text(&plain, 1000);
        add_frame(&packed, plain.data + from, 1000, SIZED);
    }
    size_t from = plain.len;
    for (int i = 0; i < 9 << 17; i++) { /* does not shrink */
        uint64_t x = rnd();
        buf_add(&plain, &x, sizeof x);
    }
    add_frame(&packed, plain.data + from, plain.len - from, SIZED);
    add_skippable(&packed, 9 << 20);
    from = plain.len;
    add_text(&plain, 70000);
    add_frame(&packed, plain.data + from, 70000, SIZED | CHECKED);
    check(&packed, &plain, "large");
    buf_free(&plain);
    buf_free(&packed);
}

/* What precedes a mistake is had, all of the frames in front of it, and where it
 * is gets told. */
static void damage_costs_nothing_in_front_of_it(void **state)
{
    (void)state;
    enum { FRAMES = 8 };
    struct buf plain = {0}, packed = {0};
    size_t at[FRAMES + 1], ends[FRAMES + 1];
    for (int i = 0; i < FRAMES; i++) {
        size_t from = plain.len;
        at[i] = packed.len;
        ends[i] = plain.len;
        add_text(&plain, 20000);
        add_frame(&packed, plain.data + from, 20000, SIZED | CHECKED);
    }
    at[FRAMES] = packed.len;
    for (int round = 0; round < 120; round++) {
        struct buf bad = {0}, out = {0};
        char damage[128], where[64];
        size_t p = rnd() % packed.len;
        int frame = 0;
        while (at[frame + 1] <= p)
            frame++;
        buf_add(&bad, packed.data, packed.len);
        if (round % 2)
            bad.len = p;
        else
            bad.data[p] = (char)(bad.data[p] ^ (1 << rnd() % 8));
        bool whole = round % 2 && p == at[frame];
        unpack(&bad, round % 3, &out, damage);
        snprintf(where, sizeof where, "in frame %d, which begins at byte %zu", frame + 1, at[frame]);
        /* A bit of a header may stand for nothing; then all is as it was. */
        bool same = out.len == plain.len && memcmp(out.data, plain.data, out.len) == 0;
        if (whole ? damage[0] != 0 : !damage[0] && !same)
            fail_msg("round %d, byte %zu: '%s'", round, p, damage);
        if (damage[0] && !strstr(damage, where)) fail_msg("byte %zu: '%s', not %s", p, damage, where);
        if (round % 2 && damage[0] && !strstr(damage, "ends early")) fail_msg("cut: %s", damage);
        if (out.len < ends[frame] || memcmp(out.data, plain.data, ends[frame]) != 0)
            fail_msg("byte %zu: %zu bytes for %zu", p, out.len, ends[frame]);
        if (out.len > plain.len || (round % 2 && memcmp(out.data, plain.data, out.len) != 0))
            fail_msg("byte %zu: bytes that never were", p);
        buf_free(&bad);
        buf_free(&out);
    }
    buf_add(&packed, "garbage", 7);
    struct buf out = {0};
    char damage[128];
    unpack(&packed, 2, &out, damage);
    assert_non_null(strstr(damage, "corrupt, in frame 9"));
    assert_int_equal(out.len, plain.len);
    buf_free(&out);
    buf_free(&plain);
    buf_free(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_every_kind_come_in_order),
        cmocka_unit_test(large_frames_come_piece_by_piece),
        cmocka_unit_test(damage_costs_nothing_in_front_of_it),
    };
    int fd = mkstemp(path);
    if (fd >= 0) close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
