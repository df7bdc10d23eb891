/* llmz_internal.h - what the writer and the reader of .llmz share: the layout
 * of FORMAT.md, and the coding of one chunk. */
#ifndef CORE_CKPT_LLMZ_INTERNAL_H
#define CORE_CKPT_LLMZ_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/dtype.h"
#include "core/base/err.h"
#include "core/base/hash.h"

#define LLMZ_CHUNK ((size_t)1 << 20)            /* elements */
#define LLMZ_MAX_MANIFEST ((size_t)256 << 20)   /* bytes of JSON */
#define LLMZ_MAX_TENSORS (1 << 24)
#define LLMZ_MAX_NAME 4096

enum { LLMZ_PREAMBLE = 64, LLMZ_RECORD = 64, LLMZ_FOOTER = 64, LLMZ_FRAME_HEADER = 8 };

/* Skippable zstd frames. */
enum { LLMZ_MAGIC_PREAMBLE = 0x184D2A50, LLMZ_MAGIC_MANIFEST, LLMZ_MAGIC_INDEX,
       LLMZ_MAGIC_FOOTER = 0x184D2A5F };

enum llmz_codec { LLMZ_RAW, LLMZ_ZSTD, LLMZ_CONST, LLMZ_REF, LLMZ_N_CODECS };
enum llmz_transform { LLMZ_NONE, LLMZ_SPLIT, LLMZ_ROTATE, LLMZ_N_TRANSFORMS };

/* One plane of one chunk. */
struct llmz_record {
    uint32_t tensor, chunk;
    uint8_t plane, n_planes, codec, transform;
    uint32_t rsize, csize;   /* bytes of the plane; of its frame, 0 if it has none */
    uint32_t value;          /* const: the byte; ref: number of the record with the data */
    uint64_t offset;         /* of the frame in the file */
    uint64_t hash_stored;    /* XXH3 of the frame */
    uint64_t hash_raw;       /* XXH3 of the plane */
};
void llmz_record_put(uint8_t out[LLMZ_RECORD], const struct llmz_record *r);
/* False when bytes that must be zero are not. */
bool llmz_record_get(const uint8_t in[LLMZ_RECORD], struct llmz_record *r);

struct llmz_footer {
    uint64_t manifest_offset, index_offset;     /* of the skippable frames */
    uint32_t manifest_csize, manifest_rsize;    /* of the zstd frame inside */
    uint64_t manifest_hash, index_hash;         /* XXH3 of padded payload, of the records */
    uint32_t n_records;
};
void llmz_preamble_put(uint8_t out[LLMZ_PREAMBLE]);
void llmz_footer_put(uint8_t out[LLMZ_FOOTER], const struct llmz_footer *f);
enum llmz_footer_state { LLMZ_FOOTER_OK, LLMZ_FOOTER_ABSENT, LLMZ_FOOTER_DAMAGED };
enum llmz_footer_state llmz_footer_get(const uint8_t in[LLMZ_FOOTER], struct llmz_footer *f);

/* The padded payload puts the index records at a multiple of 64. */
static inline uint64_t llmz_manifest_payload(uint64_t manifest_offset, uint64_t csize)
{
    uint64_t end = manifest_offset + LLMZ_FRAME_HEADER + csize + LLMZ_FRAME_HEADER;
    return csize + (64 - end % 64) % 64;
}

/* Text does not shrink this much; a manifest that claims to is a bomb. */
static inline bool llmz_manifest_ratio_ok(uint64_t csize, uint64_t rsize)
{
    return rsize <= (1u << 20) || rsize / 256 <= csize;
}

/* ---- coding of chunks; one coder a thread ---- */

struct llmz_plane {
    uint8_t codec, value;
    uint32_t rsize, csize;
    const uint8_t *frame;
    uint64_t hash_stored, hash_raw;
};

/* A coded chunk and the memory that its frames lie in.  Zero-initialise. */
struct llmz_coded {
    struct hash128 hash;     /* of the chunk's bytes */
    int n_planes;
    enum llmz_transform transform;
    struct llmz_plane plane[8];
    uint8_t *mem;
    size_t cap;
};

struct llmz_coder;
struct llmz_coder *llmz_coder_new(struct err *e);
void llmz_coder_free(struct llmz_coder *c);
/* Memory of a coder but for that of its chunks. */
size_t llmz_coder_bytes(void);
/* Memory for chunks of n <= LLMZ_CHUNK elements of `size` bytes; call before a
 * job, on one thread. */
int llmz_coder_reserve(struct llmz_coder *c, size_t n, size_t size, struct err *e);
int llmz_coded_reserve(struct llmz_coded *out, size_t n, size_t size, struct err *e);
void llmz_coded_free(struct llmz_coded *out);

/* Codes n <= LLMZ_CHUNK elements.  A pure function of the bytes. */
void llmz_encode(struct llmz_coder *c, const void *src, size_t n, size_t size,
                 struct llmz_coded *out);

/* Decompresses one frame of exactly rsize bytes; NULL, or what is wrong. */
const char *llmz_decode_frame(struct llmz_coder *c, const uint8_t *frame, size_t csize, void *dst,
                              size_t rsize);
uint8_t *llmz_coder_scratch(struct llmz_coder *c);

/* One zstd frame at `level`; 0 on failure.  dst holds llmz_frame_bound(n). */
size_t llmz_frame_bound(size_t n);
size_t llmz_frame_compress(void *dst, const void *src, size_t n, int level);
/* A legal zstd frame of uncompressed blocks. */
size_t llmz_frame_store(void *dst, const void *src, size_t n);

#endif
