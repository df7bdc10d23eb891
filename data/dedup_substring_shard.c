/* Repeated stretches with a work directory.  Of which copy is the first all text
 * decides, so one shard sorts it; shards share the reading and the writing.
 *
 *   sign    documents -> their texts              each its part of the input
 *   choose  texts -> where stretches repeat       the first shard, in the memory
 *                                                 that one process would take
 *   write   documents and those -> outputs        each its part of the input */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "data/dedup_substring_internal.h"

/* Before the texts of a shard: then as many u64s for documents and blocks, the
 * text, and for the bits its length / 8 + 1 bytes. */
struct strings_head {
    uint64_t magic, docs, blocks, bytes;
};
static const uint64_t magic = 0x3172747364646cu; /* "lddstr1" */

/* ---- sign ---- */

static int put_texts(const struct strings *x, const char *path, struct err *e)
{
    struct strings_head h = {magic, x->n_docs, x->first.len / 8, x->text.len};
    struct file_writer *w = file_create(path, 0, e);
    if (!w) return -1;
    if (file_write(w, &h, sizeof h, e) || file_write(w, x->ends.data, x->ends.len, e) ||
        file_write(w, x->first.data, x->first.len, e) || file_write(w, x->text.data, x->text.len, e)) {
        file_abort(w);
        return -1;
    }
    return file_commit(w, e);
}

int dedup_strings_sign(struct dedup *d, struct err *e)
{
    struct strings x;
    char *path = dstore_file(&d->store, d->cfg->shard, "texts", d->cfg->shard, e);
    int ret = strings_open(&x, d->cfg, &d->part, d->stats, e);
    if (!path) ret = -1;
    if (!ret) ret = strings_read(&x, e);
    if (!ret) ret = put_texts(&x, path, e);
    strings_close(&x);
    free(path);
    return ret;
}

/* Reads n bytes behind what b holds. */
static int take(FILE *f, struct buf *b, uint64_t n, struct err *e)
{
    if (!n) return 0;
    if (!buf_reserve(b, b->len + (size_t)n)) return buf_ok(b, e);
    if (fread(b->data + b->len, 1, (size_t)n, f) != n) return 1;
    b->len += (size_t)n;
    return 0;
}

/* Numbers that grow by `step` at least, to `end` at most. */
static bool in_order(const struct buf *b, uint64_t step, uint64_t end)
{
    uint64_t before = 0, v;
    for (size_t i = 0; i < b->len; i += 8) {
        memcpy(&v, b->data + i, 8);
        if (v < before + step || v > end) return false;
        before = v;
    }
    return true;
}

/* Adds the texts of a shard; text alone is wanted from the others. */
static int get_texts(struct strings *x, const struct dedup *d, int shard, bool all, struct err *e)
{
    struct strings_head h;
    char *path = dstore_file(&d->store, shard, "texts", shard, e);
    if (!path) return -1;
    FILE *f = fopen(path, "rb");
    int ret = f ? 0 : err_errno(e, errno, "cannot open", path), got = 0;
    if (!ret && (fread(&h, sizeof h, 1, f) != 1 || h.magic != magic || (h.docs | h.blocks | h.bytes) >> 40))
        ret = dstore_damaged(path, e);
    if (!ret) ret = strings_fit(d->cfg, x->text.len + h.bytes, e);
    if (!ret && all) {
        got = take(f, &x->ends, h.docs * 8, e);
        if (!got) got = take(f, &x->first, h.blocks * 8, e);
    } else if (!ret && fseeko(f, (off_t)((h.docs + h.blocks) * 8), SEEK_CUR)) {
        ret = err_errno(e, errno, "cannot read", path);
    }
    if (!ret && !got) got = take(f, &x->text, h.bytes, e);
    if (!ret && got) ret = got < 0 ? -1 : dstore_damaged(path, e);
    if (!ret && all && !(in_order(&x->ends, 1, h.bytes) && in_order(&x->first, 0, h.docs)))
        ret = dstore_damaged(path, e);
    if (!ret) x->n_docs += h.docs;
    if (f) fclose(f);
    free(path);
    return ret;
}

/* ---- choose ---- */

/* The bits [from, to) of all text, for the shard whose text that is. */
static int put_bits(const struct strings *x, const char *path, size_t from, size_t to, struct err *e)
{
    size_t n = (to - from) / 8 + 1;
    uint8_t *bits = mem_zalloc(n, 1);
    if (!bits) return err_oom(e, n, "marks of repeated stretches");
    for (size_t i = from; i < to; i++)
        if (x->bits[i >> 3] >> (i & 7) & 1) bits[(i - from) >> 3] |= (uint8_t)(1u << ((i - from) & 7));
    struct file_writer *w = file_create(path, n, e);
    int ret = w ? file_write(w, bits, n, e) : -1;
    if (!ret) ret = file_commit(w, e);
    else file_abort(w);
    free(bits);
    return ret;
}

int dedup_strings_choose(struct dedup *d, struct err *e)
{
    struct strings x;
    if (d->cfg->shard) return 0;
    size_t shards = (size_t)d->cfg->shards, *end = mem_zalloc(shards + 1, sizeof *end);
    int ret = strings_open(&x, d->cfg, &d->part, d->stats, e);
    if (!end && !ret) ret = err_oom(e, shards * sizeof *end, "the shards");
    for (size_t i = 0; i < shards && !ret; i++) {
        ret = get_texts(&x, d, (int)i, false, e);
        end[i + 1] = x.text.len;
    }
    if (!ret) ret = strings_find(&x, e);
    if (!ret) ret = sig_check(e);
    for (size_t i = 0; i < shards && !ret; i++) {
        char *path = dstore_file(&d->store, 0, "repeats", (int)i, e);
        ret = path ? put_bits(&x, path, end[i], end[i + 1], e) : -1;
        free(path);
    }
    strings_close(&x);
    free(end);
    return ret;
}

/* ---- write ---- */

static int get_bits(struct strings *x, const struct dedup *d, struct err *e)
{
    char *path = dstore_file(&d->store, 0, "repeats", d->cfg->shard, e);
    struct buf b = {0};
    size_t n = x->text.len / 8 + 1;
    int ret = path ? file_read_all(path, n + 1, &b, e) : -1;
    if (!ret && b.len != n) ret = dstore_damaged(path, e);
    if (!ret && !(x->bits = mem_alloc(n, 1))) ret = err_oom(e, n, "marks of repeated stretches");
    if (!ret) memcpy(x->bits, b.data, n);
    buf_free(&b);
    free(path);
    return ret;
}

int dedup_strings_write(struct dedup *d, struct err *e)
{
    struct strings x;
    const char *paths[STRINGS_OUTS] = {d->cfg->out, d->cfg->removed, d->cfg->quarantine};
    struct buf names[STRINGS_OUTS] = {{0}};
    int ret = strings_open(&x, d->cfg, &d->part, d->stats, e);
    for (int i = 0; i < STRINGS_OUTS && !ret; i++) {
        if (!paths[i]) continue;
        ret = dedup_own_name(d, paths[i], &names[i], e);
        paths[i] = names[i].data;
    }
    if (!ret) ret = get_texts(&x, d, d->cfg->shard, true, e);
    if (!ret) ret = get_bits(&x, d, e);
    if (!ret) ret = strings_write(&x, paths, e);
    for (int i = 0; i < STRINGS_OUTS; i++)
        buf_free(&names[i]);
    strings_close(&x);
    return ret;
}
