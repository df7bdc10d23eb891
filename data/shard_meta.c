/* What shards and token sequences take from a tokenizer. */
#include <stdlib.h>
#include <zstd.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "data/shard.h"
#include "data/tokens.h"

int shard_meta_begin(struct shard_meta *m, const struct tokenizer *t, struct err *e)
{
    *m = (struct shard_meta){
        .vocab = tok_vocab_size(t), .bos = tok_bos(t), .eos = tok_eos(t)};
    return m->vocab > 0 ? 0 : err_set(e, ERR_DATA, "the tokenizer has no tokens");
}

int shard_meta_fill(struct shard_meta *m, const struct tokenizer *t, struct err *e)
{
    struct buf json = {0};
    m->lengths = mem_zalloc((size_t)m->vocab, sizeof *m->lengths);
    if (!m->lengths) return err_oom(e, (uint64_t)m->vocab * 2, "token lengths");
    for (int i = 0; i < m->vocab; i++) {
        size_t n = 0;
        if (!tok_is_special(t, i) && tok_piece(t, i, &n))
            m->lengths[i] = (uint16_t)(n > UINT16_MAX ? UINT16_MAX : n);
    }
    if (tok_to_json(t, &json, e) || buf_ok(&json, e)) goto fail;
    m->tok_hash = hash64(json.data, json.len); /* that of tok_hash() */
    m->tokenizer_bytes = json.len;
    size_t bound = ZSTD_compressBound(json.len);
    if (!buf_reserve(&m->tokenizer, bound)) {
        buf_ok(&m->tokenizer, e);
        goto fail;
    }
    size_t got = ZSTD_compress(m->tokenizer.data, bound, json.data, json.len, 1);
    if (ZSTD_isError(got)) {
        err_set(e, ERR_INTERNAL, "compressing the tokenizer: %s", ZSTD_getErrorName(got));
        goto fail;
    }
    m->tokenizer.len = got;
    buf_free(&json);
    return 0;
fail: /* vocab, bos and eos may be in use */
    buf_free(&json);
    buf_free(&m->tokenizer);
    free(m->lengths);
    m->lengths = NULL;
    return -1;
}

int shard_meta_init(struct shard_meta *m, const struct tokenizer *t, struct err *e)
{
    return shard_meta_begin(m, t, e) || shard_meta_fill(m, t, e) ? -1 : 0;
}

struct tokset *tokset_text(const struct tokenizer *t, const char *text, size_t n, struct err *e)
{
    struct tokset *s = NULL;
    struct tok_ids ids = {0};
    struct shard_meta m = {0};
    struct tok_scratch *scratch = tok_scratch_new(t, e);
    if (scratch && !tok_encode(t, scratch, text, n, 0, &ids, e) && !shard_meta_init(&m, t, e))
        s = tokset_ids(ids.id, ids.n, n, &m, e);
    tok_scratch_free(scratch);
    tok_ids_free(&ids);
    shard_meta_free(&m);
    return s;
}
