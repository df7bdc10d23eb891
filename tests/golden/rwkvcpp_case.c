/* rwkvcpp_case.c - the test models of rwkv.cpp (its directory tests/): logits
 * after the bytes "in preceded by a quote, of the recurrent form, of the
 * decoder's pass over all three at once and of the training graph.
 *
 * DIR/rwkvcpp/tiny-rwkv-NAME-FP32.bin is compared with expected-logits-NAME.bin,
 * 256 floats.  FP16 rounds the weights (1e-3); blocks of 4 and 5 bits change
 * the logits by up to a fifth (rwkv.cpp's own test allows a sum of 163). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/model/decode.h"
#include "core/model/saved.h"
#include "tests/golden/golden.h"

enum { V = 256, T = 3 };
static const int32_t prompt[T] = {'"', 'i', 'n'};

static int by_graph(const struct saved_model *m, struct pool *pool, float *out, struct err *e)
{
    struct model_graph mg;
    struct model_build o = {.opts = {.compute = DT_F32, .rows = 1, .T = T, .leaves = 1}, .want_logits = true};
    if (model_build(&m->config, m->params, &o, &mg, e)) return -1;
    struct exec *x = graph_plan(mg.g, pool_threads(pool), e) ? NULL : exec_new(mg.g, pool, e);
    int r = -1;
    if (x) {
        int32_t *pos = exec_input(x, "positions"), *seg = exec_input(x, "seg_start");
        memcpy(exec_input(x, "tokens"), prompt, sizeof prompt);
        for (int i = 0; i < T; i++) {
            if (pos) pos[i] = i;
            if (seg) seg[i] = 0;
        }
        r = exec_run(x, &(struct run_args){.loss_scale = 1}, e);
    }
    if (r == 0) memcpy(out, (const float *)mg.logits->data + (T - 1) * V, V * sizeof *out);
    exec_free(x);
    graph_free(mg.g);
    return r;
}

static int by_decoder(const struct saved_model *m, struct pool *pool, bool steps, float *out, struct err *e)
{
    struct decoder *d = decoder_new(&m->config, m->params, DT_F32, 1, T, pool, e);
    int r = d ? 0 : -1, seq = 0;
    if (!r && !steps) r = decoder_prefill(d, 0, prompt, T, out, DECODE_LAST, e);
    for (int i = 0; i < T && !r && steps; i++) r = decoder_step(d, 1, &seq, prompt + i, out, e);
    decoder_free(d);
    return r;
}

static int compare(struct report *r, const struct saved_model *m, const float *want, double tol, struct pool *pool,
                   struct err *e)
{
    static const char *const names[] = {"steps", "prefill", "graph"};
    for (int way = 0; way < 3; way++) {
        float got[V];
        if (way < 2 ? by_decoder(m, pool, way == 0, got, e) : by_graph(m, pool, got, e)) return -1;
        report_error(r, names[way], rel_error(got, want, V, 0), tol, "");
    }
    return 0;
}

void run_rwkvcpp_case(const char *dir, const char *name, struct pool *pool, struct report *r)
{
    struct err e = {0};
    struct saved_model m = {0};
    struct buf want = {0};
    const char *type = strrchr(name, '-');
    char file[160];
    snprintf(file, sizeof file, "expected-logits-%.*s.bin", (int)(type - name - 10), name + 10);
    char *path = path_join(dir, name), *logits = path_join(dir, file);
    if (!path || !logits || file_read_all(logits, 1 << 20, &want, &e) || saved_open(&m, path, DT_F32, pool, &e))
        report_fail(r, "%s", e.msg);
    else if (want.len != V * sizeof(float) || m.config.vocab != V)
        report_fail(r, "not %d logits", V);
    else if (compare(r, &m, (const float *)(const void *)want.data,
                     strstr(type, "FP32")   ? tol_forward
                     : strstr(type, "FP16") ? 1e-3
                                            : 0.3,
                     pool, &e))
        report_fail(r, "%s", e.msg);
    saved_close(&m);
    buf_free(&want);
    free(path);
    free(logits);
}
