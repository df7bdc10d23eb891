#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/tensor/exec.h"
#include "core/tensor/op.h"

static int64_t round64(size_t n)
{
    return (int64_t)((n + 63) & ~(size_t)63);
}

static void bind_data(struct exec *x)
{
    struct graph *g = x->g;
    char *input = x->inputs;
    for (int i = 0; i < g->n_tensors; i++) {
        struct tensor *t = g->tensor[i];
        if (t->kind == T_ACT) t->data = t->offset >= 0 ? x->arena + t->offset : NULL;
        if (t->kind != T_INPUT) continue;
        t->data = input;
        input += round64(tensor_bytes(t));
    }
}

struct exec *exec_new(struct graph *g, struct pool *pool, struct err *e)
{
    if (!g->planned || g->n_threads < pool_threads(pool)) {
        err_set(e, ERR_INTERNAL, "the graph was planned for %d threads, not for %d", g->n_threads,
                pool_threads(pool));
        return NULL;
    }
    struct exec *x = mem_zalloc(1, sizeof *x);
    if (!x) {
        err_oom(e, sizeof *x, "the executor");
        return NULL;
    }
    x->g = g;
    x->pool = pool;
    x->k = kernels_get();
    x->tws_bytes = (size_t)g->sizes.ws_bytes / (size_t)g->n_threads;
    x->arena = mem_alloc_aligned((size_t)g->sizes.act_bytes);
    x->tws = mem_alloc_aligned((size_t)g->sizes.ws_bytes);
    x->inputs = mem_alloc_aligned((size_t)g->sizes.input_bytes);
    if (!x->arena || !x->tws || !x->inputs) {
        err_oom(e, (unsigned long long)exec_bytes(x), "activations and workspace");
        err_hint(e, "use a smaller batch or context, or --recompute block");
        exec_free(x);
        return NULL;
    }
    memset(x->inputs, 0, (size_t)g->sizes.input_bytes);
    bind_data(x);
    return x;
}

void exec_free(struct exec *x)
{
    if (!x) return;
    mem_free_aligned(x->arena);
    mem_free_aligned(x->tws);
    mem_free_aligned(x->inputs);
    free(x);
}

int64_t exec_bytes(const struct exec *x)
{
    const struct graph_sizes *s = &x->g->sizes;
    return s->act_bytes + s->ws_bytes + s->input_bytes + s->const_bytes;
}

void *exec_input(struct exec *x, const char *name)
{
    for (int i = 0; i < x->g->n_tensors; i++) {
        const struct tensor *t = x->g->tensor[i];
        if (t->kind == T_INPUT && strcmp(t->name, name) == 0) return t->data;
    }
    return NULL;
}

/* Parameters may have been loaded or moved since the last run. */
static int bind_params(struct exec *x, bool grads, struct err *e)
{
    struct graph *g = x->g;
    for (int i = 0; i < g->n_tensors; i++) {
        struct tensor *t = g->tensor[i];
        if (t->kind != T_PARAM) continue;
        t->data = t->param->data;
        if (!t->data) return err_set(e, ERR_INTERNAL, "parameter '%s' has no memory", t->name);
    }
    if (!grads || g->grads) return 0;
    for (struct grad_use *u = g->uses; u; u = u->next) {
        u->dst = u->param->grad;
        u->accumulate = u->use > 0;
        if (!u->dst)
            return err_set(e, ERR_INTERNAL, "parameter '%s' has no gradient memory", u->param->name);
    }
    return 0;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int exec_run(struct exec *x, const struct run_args *a, struct err *e)
{
    struct graph *g = x->g;
    if (bind_params(x, a->grads, e)) return -1;
    for (int i = 0; i < g->n_nodes; i++) {
        const struct node *n = g->node[i];
        if (n->op->check && !n->backward && n->op->check(n, e)) return -1;
    }
    int64_t t0 = now_ns();
    for (int i = 0; i < g->n_nodes; i++) {
        struct node *n = g->node[i];
        if (n->backward && !a->grads) continue;
        g->backend->run(x, n, a);
        int64_t t1 = now_ns();
        n->total_ns += t1 - t0;
        t0 = t1;
    }
    x->n_runs++;
    return 0;
}

/* ---- profile ---- */

struct profile_row {
    const char *name;
    bool backward;
    int count;
    int64_t ns;
    double flops;
};

static int by_time(const void *pa, const void *pb)
{
    const struct profile_row *a = pa, *b = pb;
    return a->ns != b->ns ? (a->ns < b->ns ? 1 : -1) : strcmp(a->name, b->name);
}

void exec_profile(const struct exec *x, struct buf *out)
{
    struct profile_row row[64];
    int n_rows = 0;
    int64_t total = 0;
    for (int i = 0; i < x->g->n_nodes; i++) {
        const struct node *n = x->g->node[i];
        int j = 0;
        while (j < n_rows && (row[j].name != n->op->name || row[j].backward != n->backward)) j++;
        if (j == (int)COUNT_OF(row)) continue;
        if (j == n_rows)
            row[n_rows++] = (struct profile_row){.name = n->op->name, .backward = n->backward};
        row[j].count++;
        row[j].ns += n->total_ns;
        row[j].flops += n->flops;
        total += n->total_ns;
    }
    qsort(row, (size_t)n_rows, sizeof *row, by_time);
    double runs = x->n_runs ? (double)x->n_runs : 1;
    buf_printf(out, "  %-14s %6s %10s %6s %9s\n", "op", "nodes", "ms/run", "share", "GFLOP/s");
    for (int j = 0; j < n_rows; j++) {
        const struct profile_row *r = &row[j];
        buf_printf(out, "%c %-14s %6d %10.3f %5.1f%% ", r->backward ? 'b' : 'f', r->name, r->count,
                   (double)r->ns / 1e6 / runs, total ? 100.0 * (double)r->ns / (double)total : 0.0);
        if (r->flops > 0 && r->ns) buf_printf(out, "%9.1f\n", r->flops * runs / (double)r->ns);
        else buf_printf(out, "%9s\n", "-");
    }
    buf_printf(out, "  %-14s %6d %10.3f\n", "total", x->g->n_nodes, (double)total / 1e6 / runs);
}

/* ---- the CPU backend: a node is its kernels, sliced over the pool ---- */

static int cpu_supports(const struct node *n, struct err *e)
{
    if (n->op->plan && n->op->run) return 0;
    return err_set(e, ERR_CONFIG, "op '%s' (of '%s') is not supported by the cpu backend",
                   n->op->name, n->n_out && n->out[0] ? n->out[0]->name : "?");
}

static int cpu_plan(struct graph *g, struct node *n, struct err *e)
{
    return n->op->plan(g, n, e);
}

struct cpu_job {
    const struct exec *x;
    const struct node *n;
    const struct run_args *args;
    int phase;
};

static void cpu_slice(void *arg, int slice, int thread)
{
    const struct cpu_job *j = arg;
    struct run r = {.k = j->x->k,
                    .args = j->args,
                    .opts = &j->x->g->opts,
                    .ws = j->n->ws_bytes ? j->x->arena + j->n->ws_offset : NULL,
                    .tws = j->x->tws + (size_t)thread * j->x->tws_bytes};
    j->n->op->run(j->n, &r, j->phase, slice);
}

static void cpu_run(struct exec *x, struct node *n, const struct run_args *a)
{
    for (int phase = 0; phase < n->n_phases; phase++) {
        struct cpu_job j = {x, n, a, phase};
        pool_run(x->pool, n->n_slices[phase], cpu_slice, &j);
    }
}

const struct backend backend_cpu = {"cpu", cpu_supports, cpu_plan, cpu_run};
