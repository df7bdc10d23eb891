/* bench_train - time of one training step: batch, forward, loss, backward,
 * clipping, AdamW; the shapes of the peers' train_bench and others.
 *
 *   bench_train CONFIG f32|bf16 THREADS [SECONDS]
 *
 * Prints one JSON object: milliseconds a step (best and median; best of CPU,
 * which other processes disturb less), tokens/s,
 * GFLOP/s by the model's own count (experts: those that a token takes), peak memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/train/optim.h"
#include "core/train/step.h"

#define GPT(vocab, ctx, d, ff, layers, heads, bias) \
    "{\"family\":\"gpt2\",\"d_model\":" #d ",\"vocab\":" #vocab ",\"tie_embed\":true," \
    "\"embed\":{\"pos\":\"learned\",\"max_pos\":" #ctx "},\"blocks\":[{\"repeat\":" #layers "," \
    "\"mixer\":{\"type\":\"attn\",\"heads\":" #heads ",\"bias\":" bias("\"all\"", "\"none\"") "}," \
    "\"ffn\":{\"type\":\"mlp\",\"act\":\"gelu_erf\",\"d_ff\":" #ff ",\"bias\":" bias("true", "false") "}," \
    "\"norm\":{\"type\":\"ln\",\"eps\":1e-5,\"bias\":" bias("true", "false") "}}]}"
#define WITH(a, b) a
#define WITHOUT(a, b) b

static const struct config {
    const char *name, *json; /* json NULL: the preset in `preset` */
    int B, T;
    const char *preset;
    int S;                   /* source tokens a row */
    double masked;           /* share of the tokens that are predicted; 0 = all */
} configs[] = {
    {.name = "a_nanocpu", .json = GPT(65, 64, 128, 512, 4, 4, WITHOUT), .B = 12, .T = 64},
    {.name = "a_shakespeare", .json = GPT(65, 256, 384, 1536, 6, 6, WITHOUT), .B = 64, .T = 256},
    {.name = "b_gpt2_T64", .json = GPT(50257, 1024, 768, 3072, 12, 12, WITH), .B = 4, .T = 64},
    {.name = "b_gpt2_T256", .json = GPT(50257, 1024, 768, 3072, 12, 12, WITH), .B = 4, .T = 256},
    {.name = "b_gpt2_T1024", .json = GPT(50257, 1024, 768, 3072, 12, 12, WITH), .B = 4, .T = 1024},
    {.name = "c_llama15M", .json =
     "{\"family\":\"llama\",\"d_model\":288,\"vocab\":32000,\"tie_embed\":true,\"embed\":{\"max_pos\":256},"
     "\"blocks\":[{\"repeat\":6,\"mixer\":{\"type\":\"attn\",\"heads\":6,\"pos\":{\"type\":\"rope\",\"theta\":10000}},"
     "\"ffn\":{\"type\":\"glu\",\"act\":\"silu\",\"d_ff\":768},\"norm\":{\"type\":\"rms\",\"eps\":1e-5}}]}",
     .B = 32, .T = 256},
    {.name = "bert", .preset = "bert-base", .B = 16, .T = 128, .masked = 0.15},
    {.name = "t5", .preset = "t5-small", .B = 16, .T = 128, .S = 128},
    {.name = "mixtral", .json =
     "{\"family\":\"mixtral\",\"d_model\":384,\"vocab\":8192,\"tie_embed\":true,\"embed\":{\"max_pos\":256},"
     "\"blocks\":[{\"repeat\":6,\"mixer\":{\"type\":\"attn\",\"heads\":6,\"pos\":{\"type\":\"rope\",\"theta\":1000000}},"
     "\"ffn\":{\"type\":\"moe\",\"act\":\"silu\",\"d_ff\":1024,\"moe\":{\"experts\":8,\"top_k\":2,\"renorm\":true,"
     "\"aux_coef\":0.001,\"aux_norm\":\"model\"}},\"norm\":{\"type\":\"rms\",\"eps\":1e-5}}]}",
     .B = 16, .T = 256},
    {.name = "rwkv4", .json =
     "{\"family\":\"rwkv\",\"d_model\":384,\"vocab\":8192,\"embed\":{\"max_pos\":256},"
     "\"blocks\":[{\"repeat\":6,\"mixer\":{\"type\":\"rwkv4\"},\"ffn\":{\"type\":\"rwkv_cmix\",\"d_ff\":1536},"
     "\"norm\":{\"type\":\"ln\",\"eps\":1e-5}}]}",
     .B = 16, .T = 256},
};

static double masked; /* of the configuration at hand */

static int max_masked(int T)
{
    return (int)(masked * T) + 1;
}

static void fill_source(struct batch *b, const struct rng_key *k, int vocab)
{
    for (int i = 0; i < b->rows * b->S; i++) {
        b->src_tokens[i] = (int32_t)rng_below(k, (uint64_t)(1 << 24) + (uint64_t)i, (uint64_t)vocab);
        b->src_positions[i] = i % b->S;
        b->src_seg_start[i] = 0;
    }
    for (int i = 0; b->S && i < b->rows * b->T; i++) {
        b->src_lo[i] = 0;
        b->src_hi[i] = b->S;
    }
}

/* Every few tokens one is asked for, until the row's share is reached. */
static void keep_masked(struct batch *b)
{
    int every = (int)(1 / masked);
    for (int i = 0; i < b->rows * b->T; i++) {
        int t = i % b->T;
        if (t % every == 0 && t / every < max_masked(b->T)) continue;
        b->targets[i] = -1;
        b->weights[i] = 0;
    }
}

/* Random tokens, as the peers take them. */
static int next_random(struct batch_source *s, uint64_t step, struct batch *b, struct err *e)
{
    (void)e;
    struct rng_key k = rng_key(1, RNG_TEST, (uint32_t)step, 0);
    int n = b->rows * b->T;
    for (int i = 0; i < n; i++) {
        b->tokens[i] = (int32_t)rng_below(&k, (uint64_t)i, (uint64_t)s->vocab);
        b->targets[i] = (int32_t)rng_below(&k, (uint64_t)(n + i), (uint64_t)s->vocab);
        b->weights[i] = 1;
        b->positions[i] = i % b->T;
        b->seg_start[i] = 0;
    }
    fill_source(b, &k, s->vocab);
    if (masked > 0) keep_masked(b);
    b->n_bytes = 0;
    b->epoch = 0;
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double cpu_s(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + 1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static double peak_mb(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)r.ru_maxrss / 1024;
}

static int bench(const struct config *c, enum dtype dt, int threads, double seconds, struct err *e)
{
    struct model_config m;
    struct cJSON *j = c->json ? json_parse(c->json, strlen(c->json), c->name, NULL, e) : NULL;
    if (c->json ? !j || model_config_parse(&m, j, c->name, e) : model_config_preset(&m, c->preset, e)) return -1;
    json_free(j);
    masked = c->masked;
    struct pool *pool = pool_new(threads, e);
    struct params *p = params_new(e);
    if (!pool || !p || model_declare(&m, p, DT_F32, e) || params_alloc(p, true, e) || model_init(&m, p, 1, e)) return -1;
    struct step_cfg sc = {.rows = c->B, .T = c->T, .leaves = 4, .accum = 1, .compute = dt, .training = true};
    struct objective_lm o = objective_lm(0, 0);
    o.base.S = c->S;
    if (masked > 0) o.targets_per_row = max_masked(c->T);
    struct stepper *s = stepper_new(&sc, &o.base, &m, p, threads, e);
    if (!s || stepper_alloc(s, pool, e)) return -1;
    struct optim_cfg oc = {.kind = OPTIM_ADAMW, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.1};
    struct optim *opt = optim_new(&oc, p, threads, e);
    if (!opt) return -1;
    struct batch_source src = {.next = next_random, .vocab = m.vocab};
    static double t[4096];
    size_t n = 0;
    double start = time_now_s(), cpu_best = HUGE_VAL;
    for (int64_t step = 0; n < COUNT_OF(t); step++) {
        struct loss_sum l;
        double t0 = time_now_s(), cpu0 = cpu_s();
        if (stepper_run(s, &src, (uint64_t)step, 1, (uint64_t)step, true, &l, e)) return -1;
        double scale = optim_clip_scale(grads_norm(p, pool), 1.0);
        optim_step(opt, pool, step + 1, 1e-4, 0, scale);
        if (step < 2) continue; /* the first steps touch the memory */
        t[n++] = time_now_s() - t0;
        cpu_best = fmin(cpu_best, cpu_s() - cpu0);
        if (time_now_s() - start > seconds && n >= 3) break;
    }
    if (getenv("PROFILE")) {
        struct buf b = {0};
        stepper_profile(s, &b);
        fputs(b.data, stderr);
        buf_free(&b);
    }
    qsort(t, n, sizeof *t, compare);
    double tokens = (double)c->B * (c->T + c->S), flops = (double)c->B * c->T * model_train_flops_per_token(&m, c->T);
    printf("{\"bench\":\"train\",\"cfg\":\"%s\",\"dtype\":\"%s\",\"threads\":%d,\"ms\":%.3f,\"ms_median\":%.3f,\"cpu_"
           "ms\":%.3f,\"tok_s\":%.0f,"
           "\"gflops\":%.1f,\"rss_mb\":%.0f,\"plan_mb\":%.0f,\"reps\":%zu}\n",
           c->name, dtype_name(dt), threads, t[0] * 1e3, t[n / 2] * 1e3, cpu_best * 1e3, tokens / t[0],
           flops / t[0] / 1e9, peak_mb(),
           (double)(stepper_bytes(s) + stepper_grad_bytes(s) + p->n_elements * 16 + optim_bytes(opt)) / 1048576, n);
    stepper_free(s);
    optim_free(opt);
    params_free(p);
    pool_free(pool);
    return 0;
}

int main(int argc, char **argv)
{
    struct err e = {ERR_NONE, ""};
    for (size_t i = 0; argc >= 4 && i < COUNT_OF(configs); i++) {
        if (strcmp(configs[i].name, argv[1]) != 0) continue;
        enum dtype dt = strcmp(argv[2], "bf16") == 0 ? DT_BF16 : DT_F32;
        if (bench(&configs[i], dt, atoi(argv[3]), argc > 4 ? atof(argv[4]) : 10, &e) == 0) return 0;
        fprintf(stderr, "bench_train: %s\n", e.msg);
        return 1;
    }
    fprintf(stderr, "usage: bench_train CONFIG f32|bf16 THREADS [SECONDS]; CONFIG:");
    for (size_t i = 0; i < COUNT_OF(configs); i++) fprintf(stderr, " %s", configs[i].name);
    fprintf(stderr, "\n");
    return 2;
}
