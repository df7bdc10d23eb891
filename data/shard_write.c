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
    struct hash_stream *chunk; /* of the chunk that has begun, or NULL */
    size_t chunk_bytes;        /* of it so far */
    struct shard_part one;     /* shard_add()'s */
    struct buf docs;           /* u64 each */
    struct buf hashes;         /* u64 each */
    uint64_t n_tokens, n_docs, text_bytes;
    uint8_t header[SHARD_HEADER];
};

static int token_bytes(const struct shard_meta *m)
{
    return m->vocab <= 65536 ? 2 : 4;
}

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
                     (uint32_t)token_bytes(w->meta),
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
    if (m->bos >= m->vocab || m->eos >= m->vocab) {
        err_set(e, ERR_DATA, "the ids of the ends of a text, %d and %d, are not below the vocabulary of %d", m->bos, m->eos, m->vocab);
        shard_abort(w);
        return NULL;
    }
    if (!(w->file = file_create_again(path, e))) {
        shard_abort(w);
        return NULL;
    }
    return w;
}

/* In front of all else, now that the meta is whole. */
static int begin_file(struct shard_writer *w, struct err *e)
{
    if (file_offset(w->file)) return 0;
    make_header(w);
    return file_write(w->file, w->header, SHARD_HEADER, e);
}

bool shard_narrow_ref(char *p, const int32_t *ids, size_t n, int vocab)
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

bool shard_narrow(char *p, const int32_t *ids, size_t n, int vocab)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bw")) return shard_narrow_avx512(p, ids, n, vocab);
    if (__builtin_cpu_supports("avx2")) return shard_narrow_avx2(p, ids, n, vocab);
#endif
    return shard_narrow_ref(p, ids, n, vocab);
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

/* ---- documents in memory ---- */

static void clear(struct shard_part *p)
{
    buf_clear(&p->tokens);
    p->n_docs = 0;
    p->n_tokens = p->text_bytes = 0;
}

int shard_part_begin(struct shard_part *p, const struct shard_meta *m, size_t text_bytes, struct err *e)
{
    clear(p);
    return buf_renew(&p->tokens, (size_t)token_bytes(m) * (text_bytes / 16 * 5)) ? 0 : buf_ok(&p->tokens, e);
}

void shard_part_free(struct shard_part *p)
{
    buf_free(&p->tokens);
    free(p->docs);
    *p = (struct shard_part){0};
}

/* There is room. */
static bool put(struct shard_part *p, const struct shard_meta *m, const int32_t *ids, size_t n)
{
    size_t tb = (size_t)token_bytes(m);
    char *to = p->tokens.data + p->tokens.len;
    p->tokens.len += n * tb;
    return (tb == 2 ? shard_narrow : put_ids)(to, ids, n, m->vocab);
}

int shard_part_add(struct shard_part *p, const struct shard_meta *m, const int32_t *ids, size_t n, uint64_t text_bytes,
                   struct err *e)
{
    if (!n) return 0;
    int32_t bos = m->bos, eos = m->eos;
    bool shared = shard_shared_eos(bos, eos), good;
    size_t before = p->tokens.len, tb = (size_t)token_bytes(m), bytes;
    if (!mem_room(&p->docs, &p->cap, p->n_docs + 1, sizeof *p->docs)) return err_oom(e, p->n_docs * sizeof *p->docs, "documents");
    if (!ck_mul(n, tb, &bytes) || !ck_add(bytes, 2 * tb, &bytes) || !buf_reserve(&p->tokens, bytes))
        return err_oom(e, n, "the tokens of a document");
    if (shared || bos >= 0) put(p, m, shared ? &eos : &bos, 1);
    good = put(p, m, ids, n);
    if (!shared && eos >= 0) put(p, m, &eos, 1);
    if (!good) {
        p->tokens.len = before;
        return bad_id(ids, m->vocab, e);
    }
    p->docs[p->n_docs++] = p->n_tokens;
    p->n_tokens += (p->tokens.len - before) / tb;
    p->text_bytes += text_bytes;
    return 0;
}

/* ---- and in the file ---- */

static int end_chunk(struct shard_writer *w, struct err *e)
{
    if (!w->chunk_bytes) return 0;
    uint64_t h = hash_stream_64(w->chunk);
    hash_stream_free(w->chunk);
    w->chunk = NULL;
    w->chunk_bytes = 0;
    buf_add(&w->hashes, &h, 8);
    return buf_ok(&w->hashes, e);
}

static int add_tokens(struct shard_writer *w, const struct buf *tokens, struct err *e)
{
    for (size_t at = 0, n; at < tokens->len; at += n) {
        if (!w->chunk && !(w->chunk = hash_stream_new())) return err_oom(e, SHARD_CHUNK, "a checksum");
        n = SHARD_CHUNK - w->chunk_bytes;
        if (n > tokens->len - at) n = tokens->len - at;
        hash_stream_add(w->chunk, tokens->data + at, n);
        w->chunk_bytes += n;
        if (w->chunk_bytes == SHARD_CHUNK && end_chunk(w, e)) return -1;
    }
    return tokens->len ? file_write(w->file, tokens->data, tokens->len, e) : 0;
}

int shard_add_part(struct shard_writer *w, const struct shard_part *p, struct err *e)
{
    if (begin_file(w, e)) return -1;
    if (!buf_reserve(&w->docs, p->n_docs * 8)) return buf_ok(&w->docs, e);
    for (size_t i = 0; i < p->n_docs; i++) {
        uint64_t at = w->n_tokens + p->docs[i];
        memcpy(w->docs.data + w->docs.len, &at, 8);
        w->docs.len += 8;
    }
    w->n_docs += p->n_docs;
    w->n_tokens += p->n_tokens;
    w->text_bytes += p->text_bytes;
    return add_tokens(w, &p->tokens, e);
}

int shard_add(struct shard_writer *w, const int32_t *ids, size_t n, uint64_t text_bytes,
              struct err *e)
{
    clear(&w->one);
    return shard_part_add(&w->one, w->meta, ids, n, text_bytes, e) ? -1 : shard_add_part(w, &w->one, e);
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
    if (begin_file(w, e)) return -1;
    if (w->n_docs && shard_shared_eos(m->bos, m->eos)) {
        clear(&w->one);
        if (!buf_reserve(&w->one.tokens, sizeof m->eos)) return buf_ok(&w->one.tokens, e);
        put(&w->one, m, &m->eos, 1);
        w->n_tokens++;
        if (add_tokens(w, &w->one.tokens, e)) return -1;
    }
    if (end_chunk(w, e)) return -1;
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
    hash_stream_free(w->chunk);
    shard_part_free(&w->one);
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
