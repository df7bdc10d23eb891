/* Files of rwkv.cpp: models of every version written as its converter does and
 * read back; damaged files. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/ckpt/rwkvcpp.h"
#include "core/model/layout.h"
#include "core/model/saved.h"
#include "tests/unit/model_util.h"

static struct model_config config;
static char path[] = "/tmp/test_rwkvcpp.XXXXXX";

static void put(struct buf *b, uint32_t v)
{
    const uint8_t raw[] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    buf_add(b, raw, 4);
}

static void put_tensor(struct buf *b, const char *name, int ndim, const int64_t *dim, const float *x)
{
    int64_t n = 1;
    put(b, (uint32_t)ndim);
    put(b, (uint32_t)strlen(name));
    put(b, 0);
    for (int i = ndim - 1; i >= 0; i--) put(b, (uint32_t)dim[i]), n *= dim[i];
    buf_adds(b, name);
    buf_add(b, x, (size_t)n * sizeof *x);
}

struct writer {
    const struct params *p;
    struct buf *out;
    int version;
    float joined[12][4096]; /* x_rwkvag, or maa_w1 and, from 6 on, maa_w2 */
};

static int write_slot(void *arg, const struct slot *s, struct err *e)
{
    static const enum slot_role seven[] = {SLOT_MIX_R, SLOT_MIX_W, SLOT_MIX_K, SLOT_MIX_V, SLOT_MIX_A, SLOT_MIX_G};
    struct writer *w = arg;
    const struct param *p = params_find(w->p, s->name);
    float *x = malloc((size_t)p->n * sizeof *x);
    char family[8], name[96];
    snprintf(family, sizeof family, "rwkv%d", w->version);
    const char *last = family_slot(family_find(family), s->role, false, false);
    memcpy(x, p->data, (size_t)p->n * sizeof *x);
    if (s->role == SLOT_DECAY && w->version <= 5)
        for (int64_t i = 0; i < p->n; i++) x[i] = w->version == 4 ? -expf(x[i]) : expf(-expf(x[i]));
    snprintf(name, sizeof name, s->layer < 0 ? "%s%s" : "blocks.%s%s", s->layer < 0 ? "" : s->layer ? "1." : "0.", last);
    int64_t dim[3] = {s->dim[0], s->dim[1], 1};
    int ndim = s->ndim, part = -1;
    for (int i = 0; i < 6 && w->version == 7; i++)
        if (s->role == seven[i]) part = i;
    bool maa1 = s->role >= SLOT_MA1_W && s->role <= SLOT_MA1_G, maa2 = s->role >= SLOT_MA2_W && s->role <= SLOT_MA2_G;
    if (maa1) part = (int)(s->role - SLOT_MA1_W);
    if (maa2) part = (int)(s->role - SLOT_MA2_W);
    int first = maa2 ? 6 : 0;
    if (part >= 0) memcpy(w->joined[first + part], x, (size_t)p->n * sizeof *x);
    if (part < 0 && (s->role == SLOT_DECAY || s->role == SLOT_FIRST || s->role == SLOT_RK) && w->version >= 5) {
        dim[0] = config.block[0].heads;
        dim[1] = config.block[0].head_dim;
        ndim = s->role == SLOT_RK || w->version == 7 ? 2 : 3;
        if (w->version == 7 && s->role == SLOT_DECAY) dim[0] = p->n, ndim = 1;
    }
    if (part < 0) put_tensor(w->out, name, ndim, dim, x);
    int last_part = w->version == 7 ? 5 : 4;
    if (part == last_part) { /* all are there */
        float all[6 * 4096];
        for (int i = 0; i <= last_part; i++) memcpy(all + i * p->n, w->joined[first + i], (size_t)p->n * sizeof *all);
        snprintf(name, sizeof name, "blocks.%d.att.%s", s->layer, maa1 ? "time_maa_w1" : maa2 ? "time_maa_w2" : "x_rwkvag");
        int64_t one[3] = {6, 1, p->n}, a1[2] = {5 * s->dim[0], s->dim[1]}, a2[3] = {5, s->dim[0], s->dim[1]};
        put_tensor(w->out, name, maa1 ? 2 : 3, maa1 ? a1 : maa2 ? a2 : one, all);
    }
    free(x);
    (void)e;
    return 0;
}

static struct params *random_model(int version)
{
    struct err e;
    struct model_dims d = {.layers = 2, .width = 32, .heads = 4, .context = 4096, .vocab = 53};
    char family[8];
    snprintf(family, sizeof family, version == 4 ? "rwkv" : "rwkv%d", version);
    struct params *p = params_new(&e);
    if (model_config_depth(&config, family, 2, &e) || model_config_resize(&config, &d, &e)) fail_msg("%s", e.msg);
    if (version == 5) config.block[0].rwkv.norm_eps = 1e-5;
    if (model_declare(&config, p, DT_F32, &e) || params_alloc(p, false, &e) || model_init(&config, p, 7, &e))
        fail_msg("%s", e.msg);
    model_variant_fill(p);
    return p;
}

static void write_model(struct buf *out, const struct params *p, int version)
{
    struct err e;
    static struct writer w;
    w = (struct writer){.p = p, .out = out, .version = version};
    put(out, 0x67676d66);
    put(out, 101);
    put(out, (uint32_t)config.vocab);
    put(out, (uint32_t)config.d_model);
    put(out, (uint32_t)config.n_layers);
    put(out, 0);
    assert_int_equal(layout_walk(&config, write_slot, &w, &e), 0);
}

static void every_version_is_read_back(void **state)
{
    (void)state;
    struct err e;
    for (int version = 4; version <= 7; version++) {
        struct buf file = {0}, want = {0}, got = {0};
        struct params *p = random_model(version);
        struct saved_model m;
        write_model(&file, p, version);
        if (file_write_all(path, file.data, file.len, &e) || saved_open(&m, path, DT_F32, NULL, &e))
            fail_msg("version %d: %s", version, e.msg);
        model_config_print(&config, &want);
        model_config_print(&m.config, &got);
        assert_string_equal(got.data, want.data);
        for (int i = 0; i < p->n; i++) {
            const struct param *q = params_find(m.params, p->v[i]->name);
            assert_non_null(q);
            for (int64_t j = 0; j < q->n; j++) {
                double a = (double)((const float *)q->data)[j], b = (double)((const float *)p->v[i]->data)[j];
                /* decays of 5 went through exp(-exp(d)) in f32 */
                if (!(fabs(a - b) <= 1e-6 + 1e-4 * fabs(b)))
                    fail_msg("version %d: %s[%lld]: %g, not %g", version, q->name, (long long)j, a, b);
            }
        }
        saved_close(&m);
        params_free(p);
        buf_free(&file);
        buf_free(&want);
        buf_free(&got);
    }
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    struct err e;
    struct buf file = {0};
    struct params *p = random_model(4);
    write_model(&file, p, 4);
    params_free(p);
    for (size_t n = 0; n < file.len; n += n < 400 ? 1 : 997) {
        struct rwkvcpp *f = rwkvcpp_open_memory(file.data, n, "cut", &e);
        if (!f) assert_int_equal(e.code, ERR_DATA);
        rwkvcpp_close(f); /* a cut between two tensors is a shorter file */
    }
    static const struct {
        size_t at;
        uint8_t byte;
        const char *what;
    } bad[] = {{0, 1, "no file of rwkv.cpp"},
               {4, 99, "version 99"},
               {24, 9, "dimensions"},
               {28, 0, "name"},
               {28, 200, "name"},
               {32, 4, "type 4"},
               {16, 0, "0 layers"},
               {36, 0, "impossible size"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t kept = (uint8_t)file.data[bad[i].at];
        file.data[bad[i].at] = (char)bad[i].byte;
        assert_null(rwkvcpp_open_memory(file.data, file.len, "bad", &e));
        if (!strstr(e.msg, bad[i].what)) fail_msg("'%s' is not in: %s", bad[i].what, e.msg);
        file.data[bad[i].at] = (char)kept;
    }
    /* whole in itself, but without its last tensor */
    struct rwkvcpp *f = rwkvcpp_open_memory(file.data, file.len, "whole", &e);
    assert_non_null(f);
    const struct rwkvcpp_tensor *last = rwkvcpp_at(f, rwkvcpp_n(f) - 1);
    size_t n = (size_t)(last->data - (const uint8_t *)file.data) - strlen(last->name) - 4 * (size_t)(3 + last->ndim);
    rwkvcpp_close(f);
    struct saved_model m;
    assert_int_equal(file_write_all(path, file.data, n, &e), 0);
    assert_int_equal(saved_open(&m, path, DT_F32, NULL, &e), -1);
    assert_non_null(strstr(e.msg, "no tensor 'head.weight'"));
    buf_free(&file);
}

/* One block of each kind, by hand: element i of value i - 8 or so. */
static void quantized_blocks_have_their_values(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        int bytes;
    } kinds[] = {{2, 18}, {3, 20}, {7, 22}, {8, 24}, {9, 34}};
    struct err e;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct buf b = {0};
        uint8_t block[34] = {0x00, 0x38}; /* d = 0.5 */
        bool min = kinds[k].type == 3 || kinds[k].type == 8, five = kinds[k].type >= 7 && kinds[k].type <= 8;
        int at = min ? 4 : 2;
        if (min) block[3] = 0x3c; /* m = 1 */
        if (five) block[at + 2] = 1, at += 4; /* the fifth bit of element 16 */
        for (int i = 0; i < 16; i++) block[at + i] = (uint8_t)(i | (15 - i) << 4);
        if (kinds[k].type == 9)
            for (int i = 0; i < 32; i++) block[at + i] = (uint8_t)(i - 16);
        const uint32_t head[] = {0x67676d66, 101, 1, 1, 1, 0, 1, 1, kinds[k].type, 32};
        for (size_t i = 0; i < sizeof head / sizeof *head; i++) put(&b, head[i]);
        buf_adds(&b, "x");
        buf_add(&b, block, (size_t)kinds[k].bytes);
        struct rwkvcpp *f = rwkvcpp_open_memory(b.data, b.len, "block", &e);
        if (!f) fail_msg("%s", e.msg);
        float x[32];
        rwkvcpp_read(rwkvcpp_find(f, "x"), 0, 32, x);
        for (int i = 0; i < 32; i++) {
            int q = i < 16 ? i : 31 - i + (five && i == 16 ? 16 : 0);
            float want = kinds[k].type == 9 ? 0.5f * (float)(i - 16)
                                            : 0.5f * (float)(q - (min    ? 0
                                                                  : five ? 16
                                                                         : 8)) +
                                                  (min ? 1 : 0);
            if (x[i] < want || x[i] > want)
                fail_msg("type %u, element %d: %g, not %g", kinds[k].type, i, (double)x[i], (double)want);
        }
        rwkvcpp_close(f);
        buf_free(&b);
    }
}

static int setup(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    if (fd >= 0) close(fd);
    return fd < 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_is_read_back),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(quantized_blocks_have_their_values),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
