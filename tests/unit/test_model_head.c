/* Heads of whole texts: descriptions, config.json, and that a text's numbers
 * do not depend on its neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "core/base/json.h"
#include "core/infer/embed.h"
#include "tests/unit/model_util.h"

static struct model_config config, other; /* large: kept off the stack */

static void descriptions_survive_printing_and_parsing(void **state)
{
    (void)state;
    struct err e;
    for (const struct model_variant *v = score_variants; v->name; v++) {
        struct buf a = {0}, b = {0};
        if (model_variant_config(&config, v, &e)) fail_msg("%s: %s", v->name, e.msg);
        config.score_pad = config.stack == STACK_DECODER ? 7 : -1;
        model_config_print(&config, &a);
        struct cJSON *j = json_parse(a.data, a.len, v->name, NULL, &e);
        if (!j || model_config_parse(&other, j, v->name, &e)) fail_msg("%s: %s", v->name, e.msg);
        model_config_print(&other, &b);
        assert_string_equal(a.data, b.data);
        json_free(j);
        buf_free(&a);
        buf_free(&b);
    }
    assert_int_equal(model_variant_config(&config, &score_variants[0], &e), 0);
    assert_int_equal(config.labels, 3);
    assert_string_equal(model_label(&config, 2), "yes \"!\"");
    assert_null(model_label(&config, 3));
    assert_true(config.head_dense && config.head_bias && config.pool == POOL_CLS && config.score_loss == LOSS_CE);
}

static void refused(const char *stack, const char *head, const char *part)
{
    struct err e;
    struct buf b = {0};
    buf_printf(&b,
               "{\"stack\":\"%s\",\"d_model\":64,\"vocab\":100,%s\"blocks\":[{\"mixer\":{\"heads\":4},\"ffn\":{\"d_"
               "ff\":128}}],\"head\":%s}",
               stack,
               strcmp(stack, "encdec") ? ""
                                       : "\"encoder\":{\"blocks\":[{\"mixer\":{\"heads\":4},\"ffn\":{\"d_ff\":128}}]},",
               head);
    struct cJSON *j = json_parse(b.data, b.len, "test", NULL, &e);
    if (!j) fail_msg("%s", e.msg);
    if (model_config_parse(&config, j, "test", &e) == 0) fail_msg("accepted: %s", head);
    assert_int_equal(e.code, ERR_CONFIG);
    if (!strstr(e.msg, part)) fail_msg("'%s' is not in: %s", part, e.msg);
    json_free(j);
    buf_free(&b);
}

static void impossible_heads_are_refused_by_key(void **state)
{
    (void)state;
    refused("decoder", "{\"type\":\"cls\",\"pool\":\"cls\"}", "head.pool cls");
    refused("decoder", "{\"type\":\"cls\",\"labels\":0}", "labels");
    refused("decoder", "{\"type\":\"cls\",\"labels\":1,\"loss\":\"ce\"}", "head.labels 1");
    refused("decoder", "{\"type\":\"reward\",\"labels\":2}", "head.labels 2: head.type reward");
    refused("encoder", "{\"type\":\"cls\",\"labels\":3,\"loss\":\"pairs\"}", "head.labels 3: head.loss pairs");
    refused("encoder", "{\"type\":\"cls\",\"labels\":[\"a\",\"\"]}", "label 1 is empty");
    refused("encoder", "{\"type\":\"cls\",\"labels\":[]}", "head.labels is empty");
    refused("encoder", "{\"type\":\"cls\",\"labels\":[1]}", "list of names");
    refused("encoder", "{\"type\":\"cls\",\"softcap\":3}", "head.softcap");
    refused("encoder", "{\"type\":\"mlm\",\"labels\":3}", "labels");
    refused("encoder", "{\"type\":\"cls\",\"dense\":false,\"dense_norm\":true}", "head.dense_norm belongs to head.dense");
    refused("decoder", "{\"type\":\"lm\",\"dense_bias\":false}", "head.dense_bias belongs to head.type mlm");
    refused("encdec", "\"cls\"", "head.type cls with stack encdec");
}

static void names_have_a_limit(void **state)
{
    (void)state;
    struct err e;
    char name[MODEL_LABEL_BYTES / 2];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memset(&config, 0, sizeof config);
    assert_int_equal(model_set_label(&config, 0, name, &e), 0);
    assert_int_equal(model_set_label(&config, 1, name, &e), -1);
    assert_non_null(strstr(e.msg, "more than 8190 bytes"));
    assert_int_equal(model_set_label(&config, 1, name + 1, &e), 0);
    assert_int_equal(strlen(model_label(&config, 1)), sizeof name - 2);
}

#define LLAMA                                                                                                          \
    "{\"model_type\":\"llama\",\"architectures\":[\"LlamaForSequenceClassification\"],\"vocab_size\":100,\"hidden_"    \
    "size\":64,"                                                                                                       \
    "\"num_attention_heads\":4,\"num_hidden_layers\":2,\"intermediate_size\":96,\"max_position_embeddings\":32"

static int from_hf(const char *text, struct err *e)
{
    struct cJSON *j = json_parse(text, strlen(text), "test", NULL, e);
    if (!j) fail_msg("%s", e->msg);
    int r = model_config_from_hf(&config, j, "config.json", e);
    json_free(j);
    return r;
}

static void labels_of_config_json_are_read(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(from_hf(LLAMA "}", &e), 0);
    assert_true(config.head == HEAD_CLS && config.labels == 2 && !model_label(&config, 0) && config.pool == POOL_LAST);
    assert_int_equal(from_hf(LLAMA ",\"id2label\":{\"1\":\"LABEL_1\",\"0\":\"LABEL_0\",\"2\":\"LABEL_2\"}}", &e), 0);
    assert_true(config.labels == 3 && !model_label(&config, 0));
    assert_int_equal(from_hf(LLAMA ",\"id2label\":{\"1\":\"good\",\"0\":\"LABEL_0\"},\"pad_token_id\":3}", &e), 0);
    assert_string_equal(model_label(&config, 0), "LABEL_0");
    assert_string_equal(model_label(&config, 1), "good");
    assert_int_equal(config.score_pad, 3);
    assert_int_equal(from_hf(LLAMA ",\"id2label\":{\"0\":\"x\"}}", &e), 0);
    assert_true(config.head == HEAD_REWARD && config.score_loss == LOSS_PAIRS);
    assert_int_equal(from_hf(LLAMA ",\"id2label\":{\"0\":\"x\"},\"problem_type\":\"regression\"}", &e), 0);
    assert_true(config.head == HEAD_CLS && config.score_loss == LOSS_MSE);
    assert_int_equal(from_hf(LLAMA ",\"id2label\":{\"0\":\"x\",\"2\":\"y\"}}", &e), -1);
    assert_non_null(strstr(e.msg, "no name for label 1 of 2"));
    assert_int_equal(from_hf(LLAMA ",\"id2label\":[]}", &e), -1);
    assert_int_equal(from_hf(LLAMA ",\"problem_type\":\"multi_label_classification\"}", &e), -1);
    assert_non_null(strstr(e.msg, "multi_label_classification is not supported yet"));
}

/* Each text alone, and all packed into rows. */
static void numbers_do_not_depend_on_neighbours(void **state)
{
    (void)state;
    enum { TEXTS = 9, LONGEST = 20 };
    struct err e;
    int32_t ids[LONGEST];
    for (const struct model_variant *v = score_variants; v->name; v++) {
        float all[TEXTS * 5], one[5];
        if (model_variant_config(&config, v, &e)) fail_msg("%s: %s", v->name, e.msg);
        struct params *p = params_new(&e);
        if (!p || model_declare(&config, p, DT_F32, &e) || params_alloc(p, false, &e) || model_init(&config, p, 3, &e))
            fail_msg("%s: %s", v->name, e.msg);
        model_variant_fill(p);
        struct embedder *packed = embedder_new(&config, p, DT_F32, 400, 24, NULL, &e);
        struct embedder *alone = embedder_new(&config, p, DT_F32, 24, 24, NULL, &e);
        for (int pass = 0; pass < 2; pass++)
            for (int k = 0; k < TEXTS; k++) {
                int n = 1 + k * 7 % LONGEST;
                for (int i = 0; i < n; i++) ids[i] = (k * 31 + i * 11) % config.vocab;
                struct embedder *m = pass ? alone : packed;
                assert_true(embedder_add(m, ids, NULL, n));
                if (!pass && k + 1 < TEXTS) continue;
                if (embedder_score(m, pass ? one : all, &e)) fail_msg("%s: %s", v->name, e.msg);
                for (int l = 0; pass && l < config.labels; l++)
                    if (fabsf(one[l] - all[k * config.labels + l]) > 2e-5f)
                        fail_msg("%s: text %d: %g alone, %g packed", v->name, k, (double)one[l],
                                 (double)all[k * config.labels + l]);
            }
        assert_true(fabsf(all[0] - all[config.labels]) > 1e-4f);
        embedder_free(packed);
        embedder_free(alone);
        params_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptions_survive_printing_and_parsing),
        cmocka_unit_test(impossible_heads_are_refused_by_key),
        cmocka_unit_test(names_have_a_limit),
        cmocka_unit_test(labels_of_config_json_are_read),
        cmocka_unit_test(numbers_do_not_depend_on_neighbours),
    };
    return cmocka_run_group_tests_name("heads of whole texts", tests, NULL, NULL);
}
