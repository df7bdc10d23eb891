#include "data/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "data/shard.h"

/* A run of documents: a shard, or ids in memory. */
struct part {
    struct shard *shard; /* NULL: ids */
    uint64_t tok0, doc0; /* global index of its first token and document */
    uint64_t n_tokens;   /* visible ones */
    uint64_t n_docs;
    const uint64_t *docs; /* n_docs + 1, local */
};

struct tokset {
    struct tokset_info info;
    struct part *parts;
    size_t n_parts, cap;
    int32_t *ids; /* of a text in memory */
    uint64_t text_docs[2];
    uint16_t *text_lengths;
};

const struct tokset_info *tokset_get_info(const struct tokset *s)
{
    return &s->info;
}

void tokset_free(struct tokset *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->n_parts; i++)
        shard_close(s->parts[i].shard);
    free(s->parts);
    free(s->ids);
    free(s->text_lengths);
    free(s);
}

static struct tokset *new_set(struct err *e)
{
    struct tokset *s = mem_zalloc(1, sizeof *s);
    if (!s) err_oom(e, sizeof *s, "a token sequence");
    return s;
}

static struct part *new_part(struct tokset *s, struct err *e)
{
    if (!mem_room(&s->parts, &s->cap, s->n_parts + 1, sizeof *s->parts)) {
        err_oom(e, (s->n_parts + 1) * sizeof *s->parts, "a list of shards");
        return NULL;
    }
    struct part *p = &s->parts[s->n_parts++];
    *p = (struct part){0};
    return p;
}

static int add_shard(struct tokset *s, const char *path, struct err *e)
{
    struct shard *sh = shard_open(path, e);
    if (!sh) return -1;
    const struct shard_info *in = shard_get_info(sh);
    if (s->n_parts && (in->tok_hash != s->info.tok_hash || in->vocab != s->info.vocab)) {
        err_set(e, ERR_DATA, "'%s' was made with another tokenizer than '%s'", path,
                shard_name(s->parts[0].shard));
        shard_close(sh);
        return -1;
    }
    struct part *p = new_part(s, e);
    if (!p) {
        shard_close(sh);
        return -1;
    }
    *p = (struct part){
        .shard = sh, .n_tokens = in->n_tokens, .n_docs = in->n_docs, .docs = shard_docs(sh)};
    s->info.vocab = in->vocab;
    s->info.bos = in->bos;
    s->info.eos = in->eos;
    s->info.tok_hash = in->tok_hash;
    s->info.shared_eos = shard_shared_eos(in->bos, in->eos);
    return 0;
}

static int add_dir(struct tokset *s, const char *dir, struct err *e)
{
    char **names;
    size_t n, before = s->n_parts;
    if (dir_list(dir, &names, &n, e)) return -1;
    int ret = 0;
    for (size_t i = 0; i < n && !ret; i++) {
        if (names[i][0] == '.' || !str_ends_with(names[i], ".tok")) continue;
        char *path = path_join(dir, names[i]);
        ret = path ? add_shard(s, path, e) : err_oom(e, strlen(dir), "a path");
        free(path);
    }
    dir_list_free(names, n);
    if (!ret && s->n_parts == before)
        return err_set(e, ERR_NOINPUT,
                       "'%s' holds no .tok files; make some with 'llmctl tokenize encode'", dir);
    return ret;
}

/* Sets the global positions, hiding inner closing eos tokens. */
static void link_parts(struct tokset *s)
{
    uint64_t id = 0;
    size_t last = 0;
    for (size_t i = 0; i < s->n_parts; i++)
        if (s->parts[i].n_docs) last = i;
    for (size_t i = 0; i < s->n_parts; i++) {
        struct part *p = &s->parts[i];
        if (i != last || !p->n_docs) p->n_tokens = p->docs[p->n_docs];
        p->tok0 = s->info.n_tokens;
        p->doc0 = s->info.n_docs;
        s->info.n_tokens += p->n_tokens;
        s->info.n_docs += p->n_docs;
        s->info.text_bytes += shard_get_info(p->shard)->text_bytes;
        uint64_t both[2] = {id, shard_id(p->shard)};
        id = hash64(both, sizeof both);
    }
    s->info.id = id;
    s->info.n_shards = s->n_parts;
}

struct tokset *tokset_open(const char *const *paths, size_t n, struct err *e)
{
    struct tokset *s = new_set(e);
    if (!s) return NULL;
    for (size_t i = 0; i < n; i++)
        if (file_is_dir(paths[i]) ? add_dir(s, paths[i], e) : add_shard(s, paths[i], e)) goto fail;
    if (!s->n_parts) {
        err_set(e, ERR_NOINPUT, "no token shards given");
        goto fail;
    }
    link_parts(s);
    return s;
fail:
    tokset_free(s);
    return NULL;
}

/* Lays the ids out as a shard of one document would be. */
static int lay_text(struct tokset *s, const int32_t *ids, size_t n, struct err *e)
{
    struct tokset_info *in = &s->info;
    size_t cap, k = 0;
    if (!ck_add(n, 2, &cap) || !(s->ids = mem_alloc(cap, sizeof *s->ids)))
        return err_oom(e, n, "tokens of a text");
    if (in->shared_eos)
        s->ids[k++] = in->eos;
    else if (in->bos >= 0)
        s->ids[k++] = in->bos;
    if (n) memcpy(s->ids + k, ids, n * sizeof *ids);
    k += n;
    s->text_docs[1] = in->shared_eos || in->eos < 0 ? k : k + 1;
    if (in->eos >= 0) s->ids[k++] = in->eos;
    struct part *p = new_part(s, e);
    if (!p) return -1;
    *p = (struct part){.n_tokens = k, .n_docs = 1, .docs = s->text_docs};
    in->n_tokens = k;
    in->n_docs = 1;
    in->id = hash64(s->ids, k * sizeof *ids);
    return 0;
}

struct tokset *tokset_ids(const int32_t *ids, size_t n, uint64_t text_bytes,
                          const struct shard_meta *m, struct err *e)
{
    struct tokset *s = new_set(e);
    if (!s) return NULL;
    s->info = (struct tokset_info){.vocab = m->vocab,
                                   .bos = m->bos,
                                   .eos = m->eos,
                                   .tok_hash = m->tok_hash,
                                   .shared_eos = shard_shared_eos(m->bos, m->eos),
                                   .text_bytes = text_bytes};
    s->text_lengths = mem_alloc((size_t)m->vocab, sizeof *s->text_lengths);
    if (!s->text_lengths) {
        err_oom(e, (uint64_t)m->vocab * 2, "token lengths");
        goto fail;
    }
    memcpy(s->text_lengths, m->lengths, (size_t)m->vocab * sizeof *m->lengths);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= m->vocab) {
            err_set(e, ERR_DATA, "token %zu is %d, but the vocabulary has %d", i, ids[i], m->vocab);
            goto fail;
        }
    if (!n) {
        err_set(e, ERR_DATA, "the text gives no tokens");
        goto fail;
    }
    if (lay_text(s, ids, n, e)) goto fail;
    return s;
fail:
    tokset_free(s);
    return NULL;
}

int tokset_tokenizer(const struct tokset *s, struct buf *json, struct err *e)
{
    if (!s->parts[0].shard)
        return err_set(e, ERR_INTERNAL, "a text in memory carries no tokenizer");
    return shard_tokenizer(s->parts[0].shard, json, e);
}

const uint16_t *tokset_lengths(const struct tokset *s)
{
    return s->parts[0].shard ? shard_lengths(s->parts[0].shard) : s->text_lengths;
}

/* The last part whose first token is at or before pos and which is not empty. */
static const struct part *part_at(const struct tokset *s, uint64_t pos)
{
    size_t lo = 0, hi = s->n_parts;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->parts[mid].tok0 <= pos)
            lo = mid;
        else
            hi = mid;
    }
    while (lo && !s->parts[lo].n_tokens)
        lo--;
    return &s->parts[lo];
}

int tokset_read(struct tokset *s, uint64_t pos, size_t n, int32_t *out, struct err *e)
{
    if (pos > s->info.n_tokens || n > s->info.n_tokens - pos)
        return err_set(e, ERR_INTERNAL, "read of %zu tokens at %llu beyond the end of the data", n,
                       (unsigned long long)pos);
    while (n) {
        const struct part *p = part_at(s, pos);
        uint64_t at = pos - p->tok0, left = p->n_tokens - at;
        size_t take = left < n ? (size_t)left : n;
        if (p->shard) {
            if (shard_read(p->shard, at, take, out, e)) return -1;
        } else {
            memcpy(out, s->ids + at, take * sizeof *out);
        }
        pos += take;
        out += take;
        n -= take;
    }
    return 0;
}

static struct tokset_doc doc_of_part(const struct part *p, uint64_t local)
{
    return (struct tokset_doc){p->doc0 + local, p->tok0 + p->docs[local],
                               p->tok0 + p->docs[local + 1]};
}

struct tokset_doc tokset_doc_at(const struct tokset *s, uint64_t pos)
{
    const struct part *p = part_at(s, pos);
    uint64_t at = pos - p->tok0, lo = 0, hi = p->n_docs;
    if (!p->n_docs || at >= p->docs[p->n_docs])
        return (struct tokset_doc){s->info.n_docs, pos, s->info.n_tokens};
    while (hi - lo > 1) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (p->docs[mid] <= at)
            lo = mid;
        else
            hi = mid;
    }
    return doc_of_part(p, lo);
}

struct tokset_doc tokset_doc(const struct tokset *s, uint64_t index)
{
    size_t lo = 0, hi = s->n_parts;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->parts[mid].doc0 <= index)
            lo = mid;
        else
            hi = mid;
    }
    while (lo && !s->parts[lo].n_docs)
        lo--;
    return doc_of_part(&s->parts[lo], index - s->parts[lo].doc0);
}
