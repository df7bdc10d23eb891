#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/ckpt/llmz.h"
#include "core/ckpt/llmz_internal.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    struct llmz *z = llmz_open_memory(data, size, "fuzz", &e);
    if (!z) return 0;
    for (int i = 0; i < llmz_n_tensors(z); i++) {
        const struct llmz_tensor *t = llmz_tensor(z, i);
        if (llmz_find(z, t->name) != i) abort();
        /* A few bytes may stand for a MiB of zeros, so large is legal. */
        if (t->bytes_raw > (64u << 20)) continue;
        void *x = mem_alloc(1, t->bytes_raw);
        if (x) llmz_read(z, i, x, NULL, &e);
        free(x);
    }
    if (size < 4096) llmz_verify(z, NULL, &e);
    llmz_close(z);
    return 0;
}

/* Gives changed bytes their right hashes again, or nothing behind the footer
 * would ever be reached. */
static void sign(uint8_t *p, size_t size)
{
    struct llmz_footer f;
    if (size < LLMZ_PREAMBLE + LLMZ_FOOTER) return;
    uint8_t *tail = p + size - LLMZ_FOOTER;
    llmz_footer_get(tail, &f);
    uint64_t room = size - LLMZ_FOOTER, payload = llmz_manifest_payload(f.manifest_offset, f.manifest_csize);
    if (f.manifest_offset < room && f.index_offset < room && payload < room) {
        uint64_t m = f.manifest_offset + LLMZ_FRAME_HEADER, i = f.index_offset + LLMZ_FRAME_HEADER;
        uint64_t n = (uint64_t)f.n_records * LLMZ_RECORD;
        if (m + payload <= room) f.manifest_hash = hash64(p + m, payload);
        if (i + n <= room) {
            for (uint64_t at = i; at < i + n; at += LLMZ_RECORD) {
                struct llmz_record r;
                llmz_record_get(p + at, &r);
                if (!r.csize || r.offset > room || r.csize > room - r.offset) continue;
                r.hash_stored = hash64(p + r.offset, r.csize);
                llmz_record_put(p + at, &r);
            }
            f.index_hash = hash64(p + i, n);
        }
    }
    llmz_footer_put(tail, &f);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    if (!LLVMFuzzerMutate) return size;
    size_t n = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 8) sign(data, n);
    return n;
}
