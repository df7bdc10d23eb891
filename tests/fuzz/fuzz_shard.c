#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "data/shard.h"
#include "data/shard_internal.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    uint8_t *copy = malloc(size + 1); /* aligned, as a mapping is */
    if (!copy) return 0;
    memcpy(copy, data, size);
    struct shard *s = shard_open_mem(copy, size, "fuzz", &e);
    if (s && shard_check_all(s, &e) == 0) {
        const struct shard_info *in = shard_get_info(s);
        const uint64_t *docs = shard_docs(s);
        struct buf json = {0};
        for (uint64_t d = 0; d < in->n_docs; d++) {
            int32_t id;
            if (shard_read(s, docs[d], 1, &id, &e) || id < 0 || id >= in->vocab) abort();
            if (shard_lengths(s)[id] > size) continue; /* must be readable */
        }
        shard_tokenizer(s, &json, &e);
        buf_free(&json);
    }
    shard_close(s);
    free(copy);
    return 0;
}

/* Sets the hash of a section and steps over it; false when it does not fit. */
static bool rehash(uint8_t *data, size_t *off, size_t end, uint64_t count, size_t each,
                   uint8_t *hash)
{
    if (count > end / each || (count * each + 7) / 8 * 8 > end - *off) return false;
    uint64_t h = hash64(data + *off, (size_t)count * each);
    if (hash) memcpy(hash, &h, 8);
    *off += ((size_t)count * each + 7) / 8 * 8;
    return true;
}

/* Mutates, then makes every hash fit again, so that what lies behind the
 * hashes is reached. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    (void)seed;
    size = LLVMFuzzerMutate(data, size, max_size);
    if (size < SHARD_HEADER + SHARD_FOOTER) return size;
    uint8_t *foot = data + size - SHARD_FOOTER;
    uint64_t v[5], total = size, h;
    uint32_t tb, vocab;
    memcpy(data, shard_magic, 8);
    memcpy(foot + 72, &total, 8);
    memcpy(foot + 88, shard_end_magic, 8);
    memcpy(v, foot, sizeof v);
    memcpy(&tb, data + 12, 4);
    memcpy(&vocab, data + 16, 4);
    h = hash64(data, 56);
    memcpy(data + 56, &h, 8);
    size_t off = SHARD_HEADER, end = size - SHARD_FOOTER;
    if (tb != 2 && tb != 4) return size;
    uint64_t chunks = (v[0] * tb + SHARD_CHUNK - 1) / SHARD_CHUNK;
    if (!rehash(data, &off, end, v[0], tb, NULL) ||
        !rehash(data, &off, end, v[1] + 1, 8, foot + 40))
        return size;
    for (uint64_t c = 0; c < chunks && off + 8 * chunks <= end; c++) {
        size_t n = (size_t)v[0] * tb - (size_t)c * SHARD_CHUNK;
        h = hash64(data + SHARD_HEADER + c * SHARD_CHUNK, n < SHARD_CHUNK ? n : SHARD_CHUNK);
        memcpy(data + off + 8 * c, &h, 8);
    }
    if (rehash(data, &off, end, chunks, 8, foot + 48) &&
        rehash(data, &off, end, vocab, 2, foot + 56))
        rehash(data, &off, end, v[3], 1, foot + 64);
    h = shard_footer_hash(data, foot);
    memcpy(foot + 80, &h, 8);
    return size;
}
