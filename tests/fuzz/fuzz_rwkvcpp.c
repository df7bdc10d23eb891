#include <stdlib.h>

#include "core/base/mem.h"
#include "core/model/rwkvcpp_load.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    struct rwkvcpp *f = rwkvcpp_open_memory(data, size, "fuzz", &e);
    if (!f) return 0;
    /* Accepted: every tensor is found by its name and lies inside. */
    for (int i = 0; i < rwkvcpp_n(f); i++) {
        const struct rwkvcpp_tensor *t = rwkvcpp_at(f, i);
        if (rwkvcpp_find(f, t->name) != t || t->data < data || t->data > data + size) abort();
        float *x = mem_alloc((size_t)t->n + 1, sizeof *x);
        if (x) {
            rwkvcpp_read(t, 0, t->n, x);
            if (t->n > 3) rwkvcpp_read(t, 1, t->n - 2, x);
        }
        free(x);
    }
    static struct model_config c;
    (void)rwkvcpp_config(&c, f, &e);
    rwkvcpp_close(f);
    return 0;
}
