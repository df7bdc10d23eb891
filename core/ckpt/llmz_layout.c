/* The fixed-size structures of FORMAT.md, to and from bytes. */
#include <string.h>

#include "core/ckpt/llmz_internal.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the fields are little-endian and are copied as they are: a big-endian port must swap here"
#endif

#define PUT(at, field) memcpy(out + (at), &(field), sizeof(field))
#define GET(at, field) memcpy(&(field), in + (at), sizeof(field))

void llmz_record_put(uint8_t out[LLMZ_RECORD], const struct llmz_record *r)
{
    memset(out, 0, LLMZ_RECORD);
    PUT(0, r->tensor);
    PUT(4, r->chunk);
    PUT(8, r->plane);
    PUT(9, r->n_planes);
    PUT(10, r->codec);
    PUT(11, r->transform);
    PUT(12, r->rsize);
    PUT(16, r->csize);
    PUT(20, r->value);
    PUT(24, r->offset);
    PUT(32, r->hash_stored);
    PUT(40, r->hash_raw);
}

bool llmz_record_get(const uint8_t in[LLMZ_RECORD], struct llmz_record *r)
{
    static const uint8_t zero[16];
    GET(0, r->tensor);
    GET(4, r->chunk);
    GET(8, r->plane);
    GET(9, r->n_planes);
    GET(10, r->codec);
    GET(11, r->transform);
    GET(12, r->rsize);
    GET(16, r->csize);
    GET(20, r->value);
    GET(24, r->offset);
    GET(32, r->hash_stored);
    GET(40, r->hash_raw);
    return !memcmp(in + 48, zero, sizeof zero);
}

static void frame_header(uint8_t *out, uint32_t magic, uint32_t size)
{
    PUT(0, magic);
    PUT(4, size);
}

void llmz_preamble_put(uint8_t out[LLMZ_PREAMBLE])
{
    memset(out, 0, LLMZ_PREAMBLE);
    frame_header(out, LLMZ_MAGIC_PREAMBLE, LLMZ_PREAMBLE - LLMZ_FRAME_HEADER);
    memcpy(out + 8, "LLMZ0001", 8);
    uint64_t hash = hash64(out, 56);
    PUT(56, hash);
}

void llmz_footer_put(uint8_t out[LLMZ_FOOTER], const struct llmz_footer *f)
{
    frame_header(out, LLMZ_MAGIC_FOOTER, LLMZ_FOOTER - LLMZ_FRAME_HEADER);
    PUT(8, f->manifest_offset);
    PUT(16, f->index_offset);
    PUT(24, f->manifest_csize);
    PUT(28, f->manifest_rsize);
    PUT(32, f->manifest_hash);
    PUT(40, f->index_hash);
    PUT(48, f->n_records);
    memcpy(out + 52, "ZMLL", 4);
    uint64_t hash = hash64(out, 56);
    PUT(56, hash);
}

enum llmz_footer_state llmz_footer_get(const uint8_t in[LLMZ_FOOTER], struct llmz_footer *f)
{
    uint64_t hash;
    uint32_t magic, size;
    GET(0, magic);
    GET(4, size);
    GET(8, f->manifest_offset);
    GET(16, f->index_offset);
    GET(24, f->manifest_csize);
    GET(28, f->manifest_rsize);
    GET(32, f->manifest_hash);
    GET(40, f->index_hash);
    GET(48, f->n_records);
    GET(56, hash);
    if (hash == hash64(in, 56) && magic == LLMZ_MAGIC_FOOTER &&
        size == LLMZ_FOOTER - LLMZ_FRAME_HEADER && !memcmp(in + 52, "ZMLL", 4))
        return LLMZ_FOOTER_OK;
    return magic == LLMZ_MAGIC_FOOTER || !memcmp(in + 52, "ZMLL", 4) ? LLMZ_FOOTER_DAMAGED
                                                                     : LLMZ_FOOTER_ABSENT;
}
