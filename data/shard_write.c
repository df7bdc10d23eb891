#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/base/file.h"
#include "core/base/mem.h"
#include "data/shard.h"
#include "data/shard_internal.h"

struct shard_writer {
    struct file_writer *file;
    const struct shard_meta *meta;
    struct buf chunk;  /* tokens not yet written, at most SHARD_CHUNK bytes */
    struct buf docs;   /* u64 each */
    struct buf hashes; /* u64 each */
    uint64_t n_tokens, n_docs, text_bytes;
    uint8_t header[SHARD_HEADER];
    int token_bytes;
};

void shard_meta_free(struct shard_meta *m)
{
    free(m->lengths);
    buf_free(&m->tokenizer);
    *m = (struct shard_meta){0};
}

static void make_header(struct shard_writer *w)
{
    uint32_t v[8] = {0,
                     0,
                     1,
                     (uint32_t)w->token_bytes,
                     (uint32_t)w->meta->vocab,
                     (uint32_t)w->meta->bos,
                     (uint32_t)w->meta->eos,
                     0};
    memset(w->header, 0, sizeof w->header);
    memcpy(w->header, v, sizeof v);
    memcpy(w->header, shard_magic, 8);
    memcpy(w->header + 32, &w->meta->tok_hash, 8);
    uint64_t h = hash64(w->header, 56);
    memcpy(w->header + 56, &h, 8);
}

struct shard_writer *shard_create(const char *path, const struct shard_meta *m, struct err *e)
{
    struct shard_writer *w = mem_zalloc(1, sizeof *w);
    if (!w) {
        err_oom(e, sizeof *w, "a shard writer");
        return NULL;
    }
    w->meta = m;
    w->token_bytes = m->vocab <= 65536 ? 2 : 4;
    make_header(w);
    w->file = file_create(path, 0, e);
    if (!w->file || file_write(w->file, w->header, SHARD_HEADER, e)) {
        shard_abort(w);
        return NULL;
    }
    return w;
}

static int flush_chunk(struct shard_writer *w, struct err *e)
{
    if (!w->chunk.len) return 0;
    uint64_t h = hash64(w->chunk.data, w->chunk.len);
    buf_add(&w->hashes, &h, 8);
    if (buf_ok(&w->hashes, e) || file_write(w->file, w->chunk.data, w->chunk.len, e)) return -1;
    buf_clear(&w->chunk);
    return 0;
}

/* The low halves of ids[0..n) to p; true: all of them are below the vocabulary. */
static bool put_halves(char *p, const int32_t *ids, size_t n, int vocab)
{
    uint32_t most = 0;
    size_t i = 0;
#ifdef __SSE2__
    const __m128i last = _mm_set1_epi32(vocab - 1), zero = _mm_setzero_si128();
    __m128i bad = zero;
    for (; n - i >= 8; i += 8) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(ids + i)),
                y = _mm_loadu_si128((const __m128i *)(const void *)(ids + i + 4));
        bad = _mm_or_si128(bad, _mm_or_si128(_mm_cmpgt_epi32(x, last), _mm_cmpgt_epi32(y, last)));
        bad = _mm_or_si128(bad, _mm_or_si128(_mm_cmpgt_epi32(zero, x), _mm_cmpgt_epi32(zero, y)));
        x = _mm_srai_epi32(_mm_slli_epi32(x, 16), 16); /* what does not saturate */
        y = _mm_srai_epi32(_mm_slli_epi32(y, 16), 16);
        _mm_storeu_si128((__m128i *)(void *)(p + 2 * i), _mm_packs_epi32(x, y));
    }
    if (_mm_movemask_epi8(bad)) return false;
#endif
    for (; i < n; i++) {
        uint16_t v = (uint16_t)ids[i];
        memcpy(p + 2 * i, &v, 2);
        most = (uint32_t)ids[i] > most ? (uint32_t)ids[i] : most;
    }
    return most < (uint32_t)vocab;
}

static bool put_ids(char *p, const int32_t *ids, size_t n, int vocab)
{
    uint32_t most = 0;
    for (size_t i = 0; i < n; i++) most = (uint32_t)ids[i] > most ? (uint32_t)ids[i] : most;
    memcpy(p, ids, 4 * n);
    return most < (uint32_t)vocab;
}

static int bad_id(const int32_t *ids, int vocab, struct err *e)
{
    while (*ids >= 0 && *ids < vocab) ids++;
    return err_set(e, ERR_DATA, "token id %d is not below the vocabulary of %d", *ids, vocab);
}

static int add_ids(struct shard_writer *w, const int32_t *ids, size_t n, struct err *e)
{
    size_t tb = (size_t)w->token_bytes;
    int vocab = w->meta->vocab;
    while (n) {
        size_t room = (SHARD_CHUNK - w->chunk.len) / tb, take = n < room ? n : room;
        if (!buf_reserve(&w->chunk, take * tb)) return buf_ok(&w->chunk, e);
        char *p = w->chunk.data + w->chunk.len;
        if (!(tb == 2 ? put_halves(p, ids, take, vocab) : put_ids(p, ids, take, vocab))) return bad_id(ids, vocab, e);
        w->chunk.len += take * tb;
        w->n_tokens += take;
        ids += take;
        n -= take;
        if (w->chunk.len == SHARD_CHUNK && flush_chunk(w, e)) return -1;
    }
    return 0;
}

int shard_add(struct shard_writer *w, const int32_t *ids, size_t n, uint64_t text_bytes,
              struct err *e)
{
    const struct shard_meta *m = w->meta;
    if (!n) return 0;
    int32_t bos = m->bos, eos = m->eos;
    bool shared = shard_shared_eos(bos, eos);
    buf_add(&w->docs, &w->n_tokens, 8);
    if (buf_ok(&w->docs, e)) return -1;
    w->n_docs++;
    w->text_bytes += text_bytes;
    if (shared && add_ids(w, &eos, 1, e)) return -1;
    if (!shared && bos >= 0 && add_ids(w, &bos, 1, e)) return -1;
    if (add_ids(w, ids, n, e)) return -1;
    if (!shared && eos >= 0 && add_ids(w, &eos, 1, e)) return -1;
    return 0;
}

uint64_t shard_written(const struct shard_writer *w)
{
    return w->n_tokens;
}

static int write_padded(struct shard_writer *w, const void *p, size_t n, struct err *e)
{
    static const uint8_t zero[8];
    if (n && file_write(w->file, p, n, e)) return -1;
    return file_write(w->file, zero, (8 - file_offset(w->file) % 8) % 8, e);
}

static int write_end(struct shard_writer *w, struct err *e)
{
    const struct shard_meta *m = w->meta;
    uint64_t end = w->n_tokens;
    int32_t eos = m->eos;
    if (w->n_docs && shard_shared_eos(m->bos, eos) && add_ids(w, &eos, 1, e)) return -1;
    if (flush_chunk(w, e)) return -1;
    buf_add(&w->docs, &end, 8);
    if (buf_ok(&w->docs, e)) return -1;
    size_t len_bytes = (size_t)m->vocab * 2;
    if (write_padded(w, NULL, 0, e) || write_padded(w, w->docs.data, w->docs.len, e) ||
        write_padded(w, w->hashes.data, w->hashes.len, e) ||
        write_padded(w, m->lengths, len_bytes, e) ||
        write_padded(w, m->tokenizer.data, m->tokenizer.len, e))
        return -1;
    uint64_t v[12] = {w->n_tokens,
                      w->n_docs,
                      w->text_bytes,
                      m->tokenizer.len,
                      m->tokenizer_bytes,
                      hash64(w->docs.data, w->docs.len),
                      hash64(w->hashes.data, w->hashes.len),
                      hash64(m->lengths, len_bytes),
                      hash64(m->tokenizer.data, m->tokenizer.len),
                      file_offset(w->file) + SHARD_FOOTER,
                      0,
                      0};
    v[10] = shard_footer_hash(w->header, (const uint8_t *)v);
    memcpy(&v[11], shard_end_magic, 8);
    return file_write(w->file, v, sizeof v, e);
}

static void free_writer(struct shard_writer *w)
{
    buf_free(&w->chunk);
    buf_free(&w->docs);
    buf_free(&w->hashes);
    free(w);
}

int shard_commit(struct shard_writer *w, struct err *e)
{
    int ret = write_end(w, e);
    if (ret)
        file_abort(w->file);
    else
        ret = file_commit(w->file, e);
    free_writer(w);
    return ret;
}

void shard_abort(struct shard_writer *w)
{
    if (!w) return;
    file_abort(w->file);
    free_writer(w);
}
