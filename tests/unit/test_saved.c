/* Models on disk: .llmz and Hugging Face directories, good, bad and while
 * writes fail. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/ckpt/safetensors.h"
#include "core/model/hf_dir.h"
#include "core/model/saved.h"

static char dir[] = "/tmp/llmctl-test-XXXXXX";
static char *file, *hf;
static struct saved_model model; /* a small gpt2 in memory */

#define OK(call)                                           \
    do {                                                   \
        if ((call) != 0) fail_msg("%s: %s", #call, e.msg); \
    } while (0)

static int setup(void **state)
{
    (void)state;
    struct err e = {0};
    struct model_dims d = {.layers = 2, .width = 32, .heads = 2, .context = 16, .vocab = 40};
    if (!mkdtemp(dir)) return -1;
    file = path_join(dir, "m.llmz");
    hf = path_join(dir, "hf");
    if (model_config_preset(&model.config, "gpt2-nano", &e) || model_config_resize(&model.config, &d, &e) ||
        !(model.params = params_new(&e)) || model_declare(&model.config, model.params, DT_F32, &e) ||
        params_alloc(model.params, false, &e) || model_init(&model.config, model.params, 1, &e))
        return -1;
    model.src_dtype = mem_zalloc((size_t)model.params->n, sizeof *model.src_dtype); /* all f32 */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    struct err e;
    saved_close(&model);
    free(file);
    free(hf);
    return dir_remove(dir, &e);
}

static void expect_equal(const struct saved_model *a, const struct saved_model *b)
{
    assert_int_equal(a->params->n, b->params->n);
    for (int i = 0; i < a->params->n; i++) {
        assert_string_equal(a->params->v[i]->name, b->params->v[i]->name);
        assert_memory_equal(a->params->v[i]->data, b->params->v[i]->data, (size_t)a->params->v[i]->n * 4);
    }
}

static void both_forms_give_the_parameters_back(void **state)
{
    (void)state;
    struct err e = {0};
    struct saved_model m;
    OK(saved_write(file, &model, NULL, "\"lineage\":[]", NULL, &e));
    OK(saved_open(&m, file, DT_F32, NULL, &e));
    expect_equal(&model, &m);
    OK(hf_dir_save(hf, &m, NULL, 10000, &e));
    saved_close(&m);
    OK(saved_open(&m, hf, DT_F32, NULL, &e));
    expect_equal(&model, &m);
    assert_int_equal(m.src_dtype[0], DT_F32);
    saved_close(&m);
    OK(dir_remove(hf, &e));
    enum dtype bf16 = DT_BF16;
    OK(hf_dir_save(hf, &model, &bf16, 0, &e));
    OK(saved_open(&m, hf, DT_BF16, NULL, &e));
    assert_int_equal(m.src_dtype[0], DT_BF16);
    assert_int_equal(m.params->v[0]->dtype, DT_BF16);
    saved_close(&m);
    OK(dir_remove(hf, &e));
}

static void a_number_that_is_not_finite_is_refused(void **state)
{
    (void)state;
    struct err e = {0};
    struct saved_model m;
    struct param *p = model.params->v[3];
    float *x = p->data, old = x[1];
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        x[1] = bad[i];
        OK(saved_write(file, &model, NULL, "\"lineage\":[]", NULL, &e));
        assert_int_equal(saved_open(&m, file, DT_F32, NULL, &e), -1);
        assert_int_equal(e.code, ERR_DATA);
        assert_non_null(strstr(e.msg, p->name));
        assert_non_null(strstr(e.msg, "element 1 "));
        OK(hf_dir_save(hf, &model, NULL, 0, &e));
        assert_int_equal(saved_open(&m, hf, DT_F32, NULL, &e), -1);
        assert_int_equal(e.code, ERR_DATA);
        assert_non_null(strstr(e.msg, p->name));
        OK(dir_remove(hf, &e));
    }
    x[1] = old;
}

/* A checkpoint of raw parts: config and tensors that need not agree. */
static void write_parts(const char *model_json, const char *tokenizer, int drop, bool reshape)
{
    struct err e = {0};
    struct buf b = {0};
    struct llmz_writer *w = llmz_create(file, NULL, &e);
    assert_non_null(w);
    for (int i = 0; i < model.params->n; i++) {
        struct param *p = model.params->v[i];
        int64_t flat = p->n;
        if (i == drop && !reshape) continue;
        if (i == drop) OK(llmz_add(w, p->name, DT_F32, 1, &flat, p->data, &e));
        else OK(llmz_add(w, p->name, DT_F32, p->ndim, p->dim, p->data, &e));
    }
    buf_adds(&b, "{\"model\":");
    if (model_json) buf_adds(&b, model_json);
    else model_config_print(&model.config, &b);
    if (tokenizer) {
        buf_adds(&b, ",\"tokenizer\":");
        buf_add_json(&b, tokenizer, strlen(tokenizer));
    }
    buf_addc(&b, '}');
    OK(llmz_finish(w, b.data, &e));
    buf_free(&b);
}

static void disagreeing_parts_are_refused(void **state)
{
    (void)state;
    struct err e = {0};
    struct saved_model m;
    write_parts(NULL, NULL, 2, false);
    assert_int_equal(saved_open(&m, file, DT_F32, NULL, &e), -1);
    assert_non_null(strstr(e.msg, model.params->v[2]->name));
    write_parts(NULL, NULL, 0, true);
    assert_int_equal(saved_open(&m, file, DT_F32, NULL, &e), -1);
    assert_non_null(strstr(e.msg, "shape"));
    write_parts("7", NULL, -1, false);
    assert_int_equal(saved_open(&m, file, DT_F32, NULL, &e), -1);
    assert_int_equal(e.code, ERR_DATA);
    write_parts("{\"d_model\":-1}", NULL, -1, false);
    assert_int_equal(saved_open(&m, file, DT_F32, NULL, &e), -1);
    assert_int_equal(e.code, ERR_DATA);
    write_parts(NULL, "{}", -1, false);
    assert_int_equal(saved_open(&m, file, DT_F32, NULL, &e), -1);
    assert_int_equal(e.code, ERR_DATA);
    /* More tokens than the embedding has rows. */
    struct buf tok = {0};
    buf_adds(&tok, "{\"version\":\"1.0\",\"added_tokens\":[],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"ByteLevel\","
                   "\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true},\"post_processor\":null,"
                   "\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true},"
                   "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,\"continuing_subword_prefix\":null,"
                   "\"end_of_word_suffix\":null,\"fuse_unk\":false,\"byte_fallback\":false,\"vocab\":{");
    for (int i = 0; i < 60; i++) buf_printf(&tok, "%s\"%c%c\":%d", i ? "," : "", '0' + i / 10, '0' + i % 10, i);
    buf_adds(&tok, "},\"merges\":[]}}");
    write_parts(NULL, tok.data, -1, false);
    assert_int_equal(saved_open(&m, file, DT_F32, NULL, &e), -1);
    if (!strstr(e.msg, "59") || !strstr(e.msg, "40")) fail_msg("%s", e.msg);
    buf_free(&tok);
}

static int count_names(const char *path)
{
    struct err e = {0};
    char **names;
    size_t n;
    OK(dir_list(path, &names, &n, &e));
    dir_list_free(names, n);
    return (int)n;
}

static void a_failing_export_leaves_nothing(void **state)
{
    (void)state;
    struct err e = {0};
    char *sub = path_join(dir, "sub"), *dst = path_join(sub, "out");
    OK(dir_make(sub, &e));
    long n = 1;
    for (;; n++) {
        assert_true(n < 1000);
        fault_after(n, ENOSPC);
        e = (struct err){0};
        int ret = hf_dir_save(dst, &model, NULL, 20000, &e);
        long passed = fault_after(0, 0);
        if (passed < n) {
            OK(ret);
            break;
        }
        if (ret) {
            assert_int_equal(e.code, ERR_IO);
            assert_int_equal(count_names(sub), 0);
        } else { /* a directory's sync that the file system may refuse */
            OK(dir_remove(dst, &e));
        }
    }
    print_message("%ld calls can fail\n", n - 1);
    assert_true(n > 20);
    struct saved_model m;
    OK(saved_open(&m, dst, DT_F32, NULL, &e));
    expect_equal(&model, &m);
    saved_close(&m);
    free(dst);
    free(sub);
}

static void a_stop_signal_ends_reading_and_writing_and_leaves_nothing(void **state)
{
    (void)state;
    struct err e = {0};
    struct saved_model m;
    char *sub = path_join(dir, "stop"), *llmz = path_join(sub, "m.llmz"), *out = path_join(sub, "out");
    OK(dir_make(sub, &e));
    OK(saved_write(file, &model, NULL, "\"lineage\":[]", NULL, &e));
    OK(hf_dir_save(hf, &model, NULL, 0, &e));
    struct llmz *z = llmz_open(file, &e);
    struct err read = {0}, read_hf = {0}, verify = {0}, write = {0}, write_hf = {0};
    sig_install();
    raise(SIGTERM);
    int ret[] = {saved_open(&m, file, DT_F32, NULL, &read),
                 saved_open(&m, hf, DT_F32, NULL, &read_hf),
                 llmz_verify_all(z, NULL, NULL, NULL, &verify),
                 saved_write(llmz, &model, NULL, "\"lineage\":[]", NULL, &write),
                 hf_dir_save(out, &model, NULL, 0, &write_hf)};
    sig_reset();
    const struct err *const all[] = {&read, &read_hf, &verify, &write, &write_hf};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        assert_int_equal(ret[i], -1);
        assert_int_equal(all[i]->code, ERR_STOPPED);
    }
    assert_int_equal(count_names(sub), 0);
    llmz_close(z);
    OK(dir_remove(hf, &e));
    free(llmz);
    free(out);
    free(sub);
}

static void failing_allocations_are_reported(void **state)
{
    (void)state;
    struct err e = {0};
    struct saved_model m;
    OK(saved_write(file, &model, NULL, "\"lineage\":[]", NULL, &e));
    OK(hf_dir_save(hf, &model, NULL, 0, &e));
    const char *const path[] = {file, hf};
    for (size_t k = 0; k < COUNT_OF(path); k++)
        for (long n = 1;; n++) {
            assert_true(n < 5000);
            mem_fail_after(n);
            e = (struct err){0};
            int ret = saved_open(&m, path[k], DT_BF16, NULL, &e);
            if (!ret) saved_close(&m);
            void *probe = mem_alloc(1, 1); /* NULL: the failure was still to come */
            free(probe);
            mem_fail_after(0);
            if (!probe) {
                OK(ret);
                break;
            }
            if (ret) assert_int_not_equal(e.code, ERR_NONE);
        }
}

/* The exported directory with the tensors renamed, and one more. */
struct rewrite {
    struct safetensors *st;
    struct st_spec spec[64];
    int from[64], n;
    float add;
};

static int rewrite_fill(void *arg, int i, void *dst, struct err *e)
{
    struct rewrite *w = arg;
    (void)e;
    st_read_f32(w->st, w->from[i], dst);
    if (i == w->n - 1) ((float *)dst)[0] += w->add;
    return 0;
}

static void rewrite(const char *to, char names[64][96], const char *from, const char *more, float add)
{
    struct err e = {0};
    struct rewrite w = {.st = st_open(from, &e), .add = add};
    assert_non_null(w.st);
    for (int i = 0; i < st_n(w.st); i++) {
        static const char *const ends[][2] = {{".weight", ".gamma"}, {".bias", ".beta"}};
        const struct st_tensor *t = st_tensor(w.st, i);
        snprintf(names[i], 96, "%s", t->name);
        for (int k = 0; k < 2 && strstr(t->name, ".ln_"); k++) {
            char *at = strstr(names[i], ends[k][0]);
            if (at) memcpy(at, ends[k][1], strlen(ends[k][1]) + 1);
        }
        w.from[w.n] = i;
        w.spec[w.n] = (struct st_spec){.name = names[i], .dtype = t->dtype, .ndim = t->ndim};
        memcpy(w.spec[w.n++].dim, t->dim, sizeof t->dim);
    }
    int embed = st_find(w.st, "transformer.wte.weight");
    w.from[w.n] = embed;
    w.spec[w.n] = w.spec[embed];
    w.spec[w.n++].name = more;
    OK(st_write_dir(to, w.spec, w.n, 0, rewrite_fill, &w, &e));
    st_close(w.st);
}

static void old_names_are_read_and_a_head_that_is_not_tied_is_refused(void **state)
{
    (void)state;
    static char names[64][96];
    struct err e = {0};
    struct saved_model m;
    struct buf config = {0};
    char *old = path_join(dir, "old"), *to = path_join(old, "config.json");
    OK(dir_remove(hf, &e)); /* of an earlier test */
    OK(hf_dir_save(hf, &model, NULL, 0, &e));
    OK(dir_make(old, &e));
    char *from = path_join(hf, "config.json");
    OK(file_read_all(from, 1 << 20, &config, &e));
    OK(file_write_all(to, config.data, config.len, &e));
    rewrite(old, names, hf, "lm_head.weight", 0);
    OK(saved_open(&m, old, DT_F32, NULL, &e));
    expect_equal(&model, &m);
    saved_close(&m);
    rewrite(old, names, hf, "lm_head.weight", 1);
    assert_int_equal(saved_open(&m, old, DT_F32, NULL, &e), -1);
    assert_int_equal(e.code, ERR_DATA);
    assert_non_null(strstr(e.msg, "'lm_head.weight' is not 'transformer.wte.weight', to which tie_word_embeddings ties it"));
    OK(dir_remove(old, &e));
    OK(dir_remove(hf, &e));
    buf_free(&config);
    free(old);
    free(to);
    free(from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_give_the_parameters_back),
        cmocka_unit_test(a_number_that_is_not_finite_is_refused),
        cmocka_unit_test(disagreeing_parts_are_refused),
        cmocka_unit_test(a_failing_export_leaves_nothing),
        cmocka_unit_test(a_stop_signal_ends_reading_and_writing_and_leaves_nothing),
        cmocka_unit_test(failing_allocations_are_reported),
        cmocka_unit_test(old_names_are_read_and_a_head_that_is_not_tied_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
