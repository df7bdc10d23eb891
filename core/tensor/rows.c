/* rows.c - moving rows between types, and checks of ids. */
#include "core/tensor/op.h"

void put_row(const struct kernels *k, const struct tensor *t, int64_t i, int64_t n, const float *v,
             bool add)
{
    if (t->dtype != DT_F32) {
        k->bf16_from_f32((uint16_t *)t->data + i, v, (size_t)n);
        return;
    }
    float *dst = (float *)t->data + i;
    if (add) k->add(dst, dst, v, (size_t)n);
    else if (dst != v) k->scale(dst, 1.0f, v, (size_t)n);
}

int check_ids(const struct tensor *t, int64_t offset, int64_t limit, const char *what,
              const char *of, struct err *e)
{
    const int32_t *id = t->data;
    int64_t n = t->kind == T_INPUT ? tensor_n(t) : 0; /* what an op computes is in range by its construction */
    for (int64_t i = 0; i < n; i++)
        if (id[i] + offset < 0 || id[i] + offset >= limit)
            return err_set(e, ERR_DATA, "%s %lld at token %lld of the batch is outside of %s (%lld)", what,
                           (long long)id[i], (long long)i, of, (long long)limit);
    return 0;
}
