#include <stdlib.h>

#include "core/base/mem.h"
#include "core/ckpt/safetensors.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    struct safetensors *s = st_open_memory(data, size, "fuzz", &e);
    if (!s) return 0;
    /* Accepted: every tensor must be found by its name and lie inside. */
    for (int i = 0; i < st_n(s); i++) {
        const struct st_tensor *t = st_tensor(s, i);
        if (st_find(s, t->name) != i || t->data < data || t->bytes > size ||
            t->data + t->bytes > data + size)
            abort();
        float *x = mem_alloc((size_t)t->n, sizeof *x);
        if (x) st_read_f32(s, i, x);
        free(x);
    }
    st_metadata(s, "format");
    st_close(s);
    return 0;
}
