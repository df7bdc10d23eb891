#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/tensor/params.h"

struct params *params_new(struct err *e)
{
    struct params_store *s = mem_zalloc(1, sizeof *s);
    if (!s) err_oom(e, sizeof *s, "parameters");
    return s ? &s->pub : NULL;
}

struct param *params_find(const struct params *p, const char *name)
{
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->v[i]->name, name) == 0) return p->v[i];
    return NULL;
}

static struct param *add_checked(struct params *p, struct param *q, struct err *e)
{
    struct params_store *s = (struct params_store *)p;
    if (!mem_room(&p->v, &s->cap, (size_t)p->n + 1, sizeof *p->v)) {
        err_oom(e, ((size_t)p->n + 1) * sizeof *p->v, "the parameter table");
        return NULL;
    }
    q->index = p->n;
    p->v[p->n++] = q;
    p->n_elements += q->n;
    return q;
}

struct param *params_add(struct params *p, const char *name, enum dtype dt, int ndim,
                         const int64_t *dim, unsigned flags, struct err *e)
{
    if (params_find(p, name)) {
        err_set(e, ERR_CONFIG, "parameter '%s' is declared twice", name);
        return NULL;
    }
    if (ndim < 1 || ndim > 4 || (dt != DT_F32 && dt != DT_BF16)) {
        err_set(e, ERR_CONFIG, "parameter '%s': %d dimensions of type %s", name, ndim,
                dtype_name(dt));
        return NULL;
    }
    int64_t n = 1, total;
    for (int i = 0; i < ndim; i++)
        if (dim[i] < 1 || __builtin_mul_overflow(n, dim[i], &n) || n > INT64_MAX / 64) {
            err_set(e, ERR_CONFIG, "parameter '%s': dimension %d is %lld", name, i,
                    (long long)dim[i]);
            return NULL;
        }
    if (__builtin_add_overflow(p->n_elements, n, &total) || total > INT64_MAX / 64) {
        err_set(e, ERR_CONFIG, "too many parameters at '%s'", name);
        return NULL;
    }
    struct param *q = mem_zalloc(1, sizeof *q);
    char *copy = mem_strdup(name);
    if (!q || !copy) {
        err_oom(e, sizeof *q, "a parameter");
        free(q);
        free(copy);
        return NULL;
    }
    q->name = copy;
    q->dtype = dt;
    q->ndim = ndim;
    memcpy(q->dim, dim, (size_t)ndim * sizeof *dim);
    q->n = n;
    q->flags = flags;
    if (add_checked(p, q, e)) return q;
    free(copy);
    free(q);
    return NULL;
}

static size_t round64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* Space a parameter takes in block `kind` (0 data, 1 grad, 2 m, 3 v). */
static size_t share(const struct param *q, int kind)
{
    if (kind && (q->flags & PARAM_FROZEN)) return 0;
    return round64((size_t)q->n * (kind ? sizeof(float) : dtype_size(q->dtype)));
}

/* Cuts all gradients into pieces for grads_norm(). */
static int cut_pieces(struct params_store *s, struct err *e)
{
    size_t n = 0;
    for (int i = 0; i < s->pub.n; i++)
        if (s->pub.v[i]->grad) n += ((size_t)s->pub.v[i]->n + NORM_PIECE - 1) / NORM_PIECE;
    s->piece = mem_alloc(n, sizeof *s->piece);
    if (!s->piece) return err_oom(e, n * sizeof *s->piece, "gradient norms");
    s->n_pieces = 0;
    for (int i = 0; i < s->pub.n; i++) {
        const struct param *q = s->pub.v[i];
        for (int64_t at = 0; q->grad && at < q->n; at += NORM_PIECE)
            s->piece[s->n_pieces++] =
                (struct norm_piece){q->grad + at, q->n - at < NORM_PIECE ? q->n - at : NORM_PIECE, 0};
    }
    return 0;
}

int params_alloc(struct params *p, bool training, struct err *e)
{
    static const char *const what[] = {"parameters", "gradients", "optimizer moments",
                                       "optimizer moments"};
    struct params_store *s = (struct params_store *)p;
    for (int kind = 0; kind < (training ? 4 : 1); kind++) {
        if (s->block[kind]) continue;
        size_t bytes = 0;
        for (int i = 0; i < p->n; i++) bytes += share(p->v[i], kind);
        s->block[kind] = mem_alloc_aligned(bytes);
        if (!s->block[kind]) return err_oom(e, bytes, what[kind]);
        if (kind) memset(s->block[kind], 0, bytes);
        char *at = s->block[kind];
        for (int i = 0; i < p->n; i++) {
            struct param *q = p->v[i];
            size_t n = share(q, kind);
            if (kind == 0) q->data = at;
            else if (n) *(kind == 1 ? &q->grad : kind == 2 ? &q->m : &q->v) = (float *)(void *)at;
            at += n;
        }
    }
    return training && !s->piece ? cut_pieces(s, e) : 0;
}

void params_free(struct params *p)
{
    if (!p) return;
    struct params_store *s = (struct params_store *)p;
    for (int i = 0; i < p->n; i++) {
        free(p->v[i]->name);
        free(p->v[i]);
    }
    free(p->v);
    free(s->piece);
    for (int kind = 0; kind < 4; kind++) mem_free_aligned(s->block[kind]);
    free(s);
}
