#include "data/shard.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "data/shard_internal.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "sections are used as mapped");

struct shard {
    struct file_map map;
    char *name;
    struct shard_info info;
    const uint8_t *data;
    size_t size;
    size_t token_size; /* bytes of the tokens section, without padding */
    const uint64_t *docs, *chunk_hash;
    const uint16_t *lengths;
    const uint8_t *tokenizer;
    size_t tokenizer_size, tokenizer_raw;
    uint64_t n_chunks, id;
    uint8_t *checked; /* a byte per chunk */
};

static int32_t id_of(uint32_t v)
{
    return v == UINT32_MAX ? -1 : (int32_t)v;
}

static int bad(const struct shard *s, size_t off, const char *what, struct err *e)
{
    return err_set(e, ERR_DATA, "'%s': %s at offset %zu; the file is damaged", s->name, what, off);
}

static int read_header(struct shard *s, struct err *e)
{
    if (s->size < 8 || memcmp(s->data, shard_magic, 8) != 0) {
        const char *kind = file_kind(s->data, s->size < 64 ? s->size : 64);
        return err_set(e, ERR_DATA,
                       "'%s' is not a token shard%s%s; make one with 'llmctl tokenize encode'",
                       s->name, kind ? " but " : "", kind ? kind : "");
    }
    if (s->size < SHARD_HEADER + SHARD_FOOTER)
        return err_set(e, ERR_DATA, "'%s': truncated: %zu bytes, a token shard has at least %d",
                       s->name, s->size, SHARD_HEADER + SHARD_FOOTER);
    uint32_t w[8];
    uint64_t tok_hash, hash;
    memcpy(w, s->data + 0, sizeof w);
    memcpy(&tok_hash, s->data + 32, 8);
    memcpy(&hash, s->data + 56, 8);
    if (hash != hash64(s->data, 56)) return bad(s, 0, "header hash mismatch", e);
    if (w[2] != 1)
        return err_set(e, ERR_DATA, "'%s': version %u of the shard format is not supported",
                       s->name, w[2]);
    if (w[3] != 2 && w[3] != 4) return bad(s, 12, "bytes per token is neither 2 nor 4", e);
    if (w[4] == 0 || w[4] > INT32_MAX) return bad(s, 16, "vocab out of range", e);
    if ((w[5] != UINT32_MAX && w[5] >= w[4]) || (w[6] != UINT32_MAX && w[6] >= w[4]))
        return bad(s, 20, "bos or eos is not below vocab", e);
    s->info = (struct shard_info){.token_bytes = (int)w[3],
                                  .vocab = (int)w[4],
                                  .bos = id_of(w[5]),
                                  .eos = id_of(w[6]),
                                  .tok_hash = tok_hash};
    return 0;
}

/* Takes `bytes` from *left for a section at *off; checks padding and hash. */
static const uint8_t *section(struct shard *s, size_t *off, uint64_t count, size_t each,
                              const uint64_t *hash, const char *what, struct err *e)
{
    size_t end = s->size - SHARD_FOOTER, bytes, padded;
    if (count > SIZE_MAX || !ck_mul((size_t)count, each, &bytes) || !ck_add(bytes, 7, &padded) ||
        (padded &= ~(size_t)7) > end - *off) {
        err_set(e, ERR_DATA,
                "'%s': %s need more bytes than the %zu left at offset %zu; the file is truncated "
                "or damaged",
                s->name, what, end - *off, *off);
        return NULL;
    }
    const uint8_t *p = s->data + *off;
    for (size_t i = bytes; i < padded; i++)
        if (p[i]) {
            bad(s, *off + i, "padding is not zero", e);
            return NULL;
        }
    if (hash && *hash != hash64(p, bytes)) {
        err_set(e, ERR_DATA,
                "'%s': hash mismatch in %s (offset %zu, %zu bytes); the file is damaged", s->name,
                what, *off, bytes);
        return NULL;
    }
    *off += padded;
    return p;
}

static int check_docs(const struct shard *s, struct err *e)
{
    uint64_t n = s->info.n_docs, end = s->info.n_tokens;
    bool shared = shard_shared_eos(s->info.bos, s->info.eos);
    if (s->docs[0] != 0 || s->docs[n] + (shared && n ? 1 : 0) != end)
        return bad(s, (size_t)((const uint8_t *)s->docs - s->data),
                   "document index does not cover the tokens", e);
    uint64_t least = shared ? 1 : (s->info.bos >= 0 ? 1u : 0) + (s->info.eos >= 0 ? 1u : 0);
    for (uint64_t i = 0; i < n; i++) {
        size_t at = (size_t)((const uint8_t *)&s->docs[i] - s->data);
        if (s->docs[i] >= s->docs[i + 1]) return bad(s, at, "document index does not increase", e);
        if (s->docs[i + 1] - s->docs[i] < least) return bad(s, at, "document without its bos and eos", e);
    }
    return 0;
}

static int read_sections(struct shard *s, struct err *e)
{
    const uint8_t *f = s->data + s->size - SHARD_FOOTER;
    uint64_t v[12];
    memcpy(v, f, sizeof v);
    if (memcmp(f + 88, shard_end_magic, 8) != 0)
        return err_set(e, ERR_DATA, "'%s': no end mark at offset %zu; the file is truncated",
                       s->name, s->size - 8);
    if (v[9] != s->size)
        return err_set(e, ERR_DATA, "'%s': %zu bytes, but the footer says %llu", s->name, s->size,
                       (unsigned long long)v[9]);
    if (v[10] != shard_footer_hash(s->data, f))
        return bad(s, s->size - SHARD_FOOTER, "footer hash mismatch", e);
    s->id = v[10];
    s->info.n_tokens = v[0];
    s->info.n_docs = v[1];
    s->info.text_bytes = v[2];
    size_t off = SHARD_HEADER;
    if (!section(s, &off, v[0], (size_t)s->info.token_bytes, NULL, "tokens", e)) return -1;
    s->token_size = (size_t)v[0] * (size_t)s->info.token_bytes;
    s->n_chunks = (s->token_size + SHARD_CHUNK - 1) / SHARD_CHUNK;
    if (v[1] == UINT64_MAX)
        return bad(s, s->size - SHARD_FOOTER + 8, "number of documents out of range", e);
    s->docs = (const uint64_t *)(const void *)section(s, &off, v[1] + 1, 8, &v[5], "documents", e);
    if (!s->docs) return -1;
    s->chunk_hash =
        (const uint64_t *)(const void *)section(s, &off, s->n_chunks, 8, &v[6], "hashes", e);
    if (!s->chunk_hash) return -1;
    s->lengths = (const uint16_t *)(const void *)section(s, &off, (uint64_t)s->info.vocab, 2, &v[7],
                                                         "lengths", e);
    if (!s->lengths) return -1;
    s->tokenizer = section(s, &off, v[3], 1, &v[8], "tokenizer", e);
    if (!s->tokenizer) return -1;
    s->tokenizer_size = (size_t)v[3];
    s->tokenizer_raw = (size_t)v[4];
    if (off != s->size - SHARD_FOOTER) return bad(s, off, "bytes that belong to no section", e);
    return check_docs(s, e);
}

static struct shard *open_bytes(struct shard *s, const void *data, size_t size, const char *name,
                                struct err *e)
{
    s->data = data;
    s->size = size;
    s->name = mem_strdup(name);
    if (!s->name) {
        err_oom(e, strlen(name), "a file name");
        goto fail;
    }
    if (read_header(s, e) || read_sections(s, e)) goto fail;
    s->checked = mem_zalloc((size_t)s->n_chunks, 1);
    if (!s->checked) {
        err_oom(e, s->n_chunks, "the marks of a shard");
        goto fail;
    }
    return s;
fail:
    shard_close(s);
    return NULL;
}

static struct shard *new_shard(struct err *e)
{
    struct shard *s = mem_zalloc(1, sizeof *s);
    if (!s) err_oom(e, sizeof *s, "a shard");
    return s;
}

struct shard *shard_open(const char *path, struct err *e)
{
    struct shard *s = new_shard(e);
    if (!s) return NULL;
    if (file_map(&s->map, path, e)) {
        free(s);
        return NULL;
    }
    return open_bytes(s, s->map.data, s->map.size, path, e);
}

struct shard *shard_open_mem(const void *data, size_t size, const char *name, struct err *e)
{
    struct shard *s = new_shard(e);
    return s ? open_bytes(s, data, size, name, e) : NULL;
}

void shard_close(struct shard *s)
{
    if (!s) return;
    if (s->map.base) file_unmap(&s->map);
    free(s->name);
    free(s->checked);
    free(s);
}

const struct shard_info *shard_get_info(const struct shard *s)
{
    return &s->info;
}
const uint64_t *shard_docs(const struct shard *s)
{
    return s->docs;
}
const uint16_t *shard_lengths(const struct shard *s)
{
    return s->lengths;
}
const char *shard_name(const struct shard *s)
{
    return s->name;
}
uint64_t shard_id(const struct shard *s)
{
    return s->id;
}

static int bad_id(const struct shard *s, size_t index, uint32_t id, struct err *e)
{
    return err_set(e, ERR_DATA, "'%s': token %zu (offset %zu) is %u, but the vocabulary has %d",
                   s->name, index, SHARD_HEADER + index * (size_t)s->info.token_bytes, id,
                   s->info.vocab);
}

static int check_chunk(struct shard *s, size_t c, struct err *e)
{
    size_t off = c * SHARD_CHUNK,
           n = s->token_size - off < SHARD_CHUNK ? s->token_size - off : SHARD_CHUNK;
    const uint8_t *p = s->data + SHARD_HEADER + off;
    if (hash64(p, n) != s->chunk_hash[c])
        return err_set(
            e, ERR_DATA,
            "'%s': hash mismatch in the tokens at offsets %zu to %zu; the file is damaged", s->name,
            SHARD_HEADER + off, SHARD_HEADER + off + n);
    uint32_t vocab = (uint32_t)s->info.vocab;
    size_t first = off / (size_t)s->info.token_bytes;
    if (s->info.token_bytes == 2) {
        const uint16_t *t = (const uint16_t *)(const void *)p;
        for (size_t i = 0; i < n / 2; i++)
            if (t[i] >= vocab) return bad_id(s, first + i, t[i], e);
    } else {
        const uint32_t *t = (const uint32_t *)(const void *)p;
        for (size_t i = 0; i < n / 4; i++)
            if (t[i] >= vocab) return bad_id(s, first + i, t[i], e);
    }
    s->checked[c] = 1;
    return 0;
}

int shard_read(struct shard *s, uint64_t pos, size_t n, int32_t *out, struct err *e)
{
    if (pos > s->info.n_tokens || n > s->info.n_tokens - pos)
        return err_set(e, ERR_INTERNAL, "'%s': read of %zu tokens at %llu beyond the end", s->name,
                       n, (unsigned long long)pos);
    if (!n) return 0;
    size_t tb = (size_t)s->info.token_bytes, at = (size_t)pos;
    for (size_t c = at * tb / SHARD_CHUNK; c <= ((at + n) * tb - 1) / SHARD_CHUNK; c++)
        if (sig_check(e) || (!s->checked[c] && check_chunk(s, c, e))) return -1;
    const uint8_t *p = s->data + SHARD_HEADER + at * tb;
    if (tb == 2) {
        const uint16_t *t = (const uint16_t *)(const void *)p;
        for (size_t i = 0; i < n; i++)
            out[i] = t[i];
    } else {
        memcpy(out, p, n * 4);
    }
    return 0;
}

int shard_check_all(struct shard *s, struct err *e)
{
    for (size_t c = 0; c < s->n_chunks; c++)
        if (!s->checked[c] && check_chunk(s, c, e)) return -1;
    return 0;
}

int shard_tokenizer(const struct shard *s, struct buf *json, struct err *e)
{
    if (!s->tokenizer_size)
        return err_set(e, ERR_DATA, "'%s' carries no tokenizer; give one with --tokenizer",
                       s->name);
    /* A frame cannot expand by more than this, so the size is known to be
     * plausible before it is reserved. */
    if (s->tokenizer_raw / 40000 > s->tokenizer_size || !buf_reserve(json, s->tokenizer_raw))
        return err_set(e, ERR_DATA, "'%s': size of the tokenizer (%zu bytes) out of range", s->name,
                       s->tokenizer_raw);
    size_t got =
        ZSTD_decompress(json->data + json->len, s->tokenizer_raw, s->tokenizer, s->tokenizer_size);
    if (ZSTD_isError(got) || got != s->tokenizer_raw)
        return err_set(e, ERR_DATA, "'%s': cannot unpack the tokenizer: %s", s->name,
                       ZSTD_isError(got) ? ZSTD_getErrorName(got) : "wrong size");
    json->len += got;
    json->data[json->len] = '\0';
    return 0;
}
