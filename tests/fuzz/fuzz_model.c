/* Input: a model description or a config.json, a NUL byte, a --set assignment. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/model/decode.h"
#include "tests/fuzz/fuzz.h"

static struct model_config a, b;

static struct cJSON *parse(const char *text, size_t n)
{
    struct err e;
    return json_parse(text, n, "fuzz", NULL, &e);
}

/* What is printed must read back as the same description. */
static void check_print(const struct model_config *c)
{
    struct err e;
    struct buf one = {0}, two = {0};
    model_config_print(c, &one);
    struct cJSON *j = parse(one.data, one.len);
    if (!j || model_config_parse(&b, j, "printed", &e)) abort();
    model_config_print(&b, &two);
    if (strcmp(one.data, two.data)) abort();
    json_free(j);
    buf_free(&one);
    buf_free(&two);
}

static void check_export(const struct model_config *c)
{
    struct err e;
    struct buf hf = {0};
    if (model_config_to_hf(c, &hf, &e) == 0) {
        struct cJSON *j = parse(hf.data, hf.len);
        if (!j || model_config_from_hf(&b, j, "exported", &e)) abort();
        json_free(j);
    }
    buf_free(&hf);
}

/* Whatever was accepted must build, plan and decode. */
static void check_build(const struct model_config *c)
{
    struct err e;
    struct model_graph mg;
    const bool two = c->stack == STACK_ENCDEC;
    const struct model_build o = {.opts = {.compute = DT_F32, .training = true, .rows = 1, .T = 3, .leaves = 1},
                                  .want_loss = c->head != HEAD_NONE,
                                  .S = two ? 3 : 0,
                                  .targets_per_row = model_scores(c) ? 2 : 0};
    const int32_t ids[] = {0, c->vocab - 1};
    (void)model_train_flops_per_token(c, 1024);
    if (model_n_params(c) > 20000 || c->n_layers > 3) return;
    struct params *p = params_new(&e);
    if (!p) return;
    if (model_declare(c, p, DT_F32, &e) || params_alloc(p, true, &e) || model_init(c, p, 1, &e)) abort();
    if (model_build(c, p, &o, &mg, &e) == 0) {
        if ((mg.loss && graph_backward(mg.g, mg.loss, &e)) || graph_plan(mg.g, 1, &e)) abort();
        graph_free(mg.g);
    } else if (c->max_pos >= 3) {
        abort();
    }
    struct decoder *d = decoder_new(c, p, DT_F32, 1, 2, NULL, &e);
    const int32_t source[] = {0, (c->enc_vocab ? c->enc_vocab : c->vocab) - 1};
    if (d && two && decoder_source(d, 0, source, 2, &e)) abort();
    if (d && decoder_prefill(d, 0, ids, 2, NULL, DECODE_NONE, &e)) abort();
    bool decodes = c->stack != STACK_ENCODER && !model_scores(c) && !c->embed_types && c->embed_dim == c->d_model;
    if (decodes && !d && c->max_pos >= 2) abort();
    decoder_free(d);
    params_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    const char *text = (const char *)data, *end = size ? memchr(data, 0, size) : NULL;
    size_t n = end ? (size_t)(end - text) : size;
    struct cJSON *j = parse(text, n);
    if (!j) return 0;
    bool ok = model_config_parse(&a, j, "fuzz", &e) == 0;
    if (!ok) ok = model_config_from_hf(&a, j, "fuzz", &e) == 0;
    json_free(j);
    if (!ok) return 0;
    check_print(&a);
    check_export(&a);
    check_build(&a);
    if (!end || n + 1 == size) return 0;
    char *set = strndup(end + 1, size - n - 1);
    if (set && model_config_set(&a, (const char *const *)&set, 1, &e) == 0) {
        check_print(&a);
        check_build(&a);
    }
    free(set);
    return 0;
}
