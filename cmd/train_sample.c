#include "cmd/train_sample.h"

#include <string.h>

#include "core/infer/generate.h"

enum { N_SAMPLES = 2, MAX_NEW = 256 };

static int add_samples(const struct train_sampler *s, struct decoder *d, const struct tok_ids *ids, int context,
                       int64_t step, struct buf *out, struct err *e)
{
    struct gen_model m = {.d = d, .t = s->tok, .vocab = s->model->vocab, .context = context};
    struct gen_params p = {.sample = {.temperature = 0.8, .top_p = 1, .repeat_penalty = 1, .seed = s->seed},
                           .max_new = MAX_NEW};
    struct gen_stats stats = {0};
    struct gen_sample *v;
    if (gen_run(&m, ids->id, (int)ids->n, N_SAMPLES, &p, 0, NULL, NULL, &v, &stats, e)) return -1;
    for (int i = 0; i < N_SAMPLES; i++) {
        buf_printf(out, "--- step %lld, sample %d\n%s", (long long)step, i + 1, s->prompt);
        buf_add(out, v[i].text.data, v[i].text.len);
        buf_addc(out, '\n');
    }
    gen_samples_free(v, N_SAMPLES);
    return 0;
}

int train_sample(void *arg, struct params *p, int64_t step, struct buf *out, struct err *e)
{
    const struct train_sampler *s = arg;
    struct tok_ids ids = {0};
    struct decoder *d = NULL;
    int ret = -1;
    if (gen_encode_prompt(s->tok, s->prompt, strlen(s->prompt), &ids, e)) goto out;
    int context = s->model->max_pos < (int)ids.n + MAX_NEW ? s->model->max_pos : (int)ids.n + MAX_NEW;
    if ((int)ids.n >= context) {
        err_set(e, ERR_USAGE, "--sample-prompt fills the model's context");
        goto out;
    }
    d = decoder_new(s->model, p, DT_F32, N_SAMPLES, context, s->pool, e);
    if (d) ret = add_samples(s, d, &ids, context, step, out, e);
out:
    decoder_free(d);
    tok_ids_free(&ids);
    return ret;
}
