#include "data/doc_out.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base/mem.h"

enum doc_packing doc_packing_of(const char *path)
{
    size_t n = strlen(path);
    if (n > 3 && strcmp(path + n - 3, ".gz") == 0) return DOC_GZIP;
    if (n > 4 && strcmp(path + n - 4, ".zst") == 0) return DOC_ZSTD;
    return DOC_PLAIN;
}

int doc_out_shard_name(const char *path, int i, int n, struct buf *name, struct err *e)
{
    const char *base = path_base(path), *dot = strchr(base[0] == '.' ? base + 1 : base, '.');
    size_t stem = dot ? (size_t)(dot - path) : strlen(path);
    buf_add(name, path, stem);
    if (n > 1) buf_printf(name, ".%05d-of-%05d", i, n);
    buf_adds(name, path + stem);
    return buf_ok(name, e);
}

/* What packing takes is kept by each thread until it ends, not made anew for every block. */
struct packer {
    ZSTD_CCtx *zstd;
    z_stream gzip;
    bool gzip_ready;
};
static pthread_key_t packers;
static bool have_key;

static void free_packer(void *arg)
{
    struct packer *p = arg;
    ZSTD_freeCCtx(p->zstd);
    if (p->gzip_ready) deflateEnd(&p->gzip);
    free(p);
}

static void make_key(void)
{
    have_key = pthread_key_create(&packers, free_packer) == 0;
}

/* That of this thread, NULL when there is no memory. */
static struct packer *own_packer(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_key);
    struct packer *p = have_key ? pthread_getspecific(packers) : NULL;
    if (p || !have_key || !(p = mem_zalloc(1, sizeof *p))) return p;
    if (pthread_setspecific(packers, p) == 0) return p;
    free(p);
    return NULL;
}

static int pack_zstd(struct packer *p, struct buf *b, struct buf *out, struct err *e)
{
    size_t bound = ZSTD_compressBound(b->len);
    if (!buf_reserve(out, bound)) return buf_ok(out, e);
    if (!p->zstd && !(p->zstd = ZSTD_createCCtx())) return err_oom(e, 1 << 20, "zstd");
    ZSTD_CCtx_reset(p->zstd, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, 3);
    ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1); /* so that damage is noticed */
    size_t n = ZSTD_compress2(p->zstd, out->data, bound, b->data, b->len);
    if (ZSTD_isError(n)) return err_set(e, ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(n));
    out->len = n;
    return 0;
}

/* One gzip member; the header carries no time and no name. */
static int pack_gzip(struct packer *p, struct buf *b, struct buf *out, struct err *e)
{
    z_stream *z = &p->gzip;
    if (!p->gzip_ready) {
        if (deflateInit2(z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            return err_oom(e, 1 << 18, "gzip");
        p->gzip_ready = true;
    }
    int ret = deflateReset(z);
    size_t done = 0;
    while (ret == Z_OK) {
        size_t left = b->len - done;
        uInt take = left > 1u << 30 ? 1u << 30 : (uInt)left;
        if (!buf_reserve(out, 1 << 16)) break;
        size_t room = out->cap - 1 - out->len;
        z->next_in = (Bytef *)b->data + done;
        z->avail_in = take;
        z->next_out = (Bytef *)out->data + out->len;
        z->avail_out = room > 1u << 30 ? 1u << 30 : (uInt)room;
        uInt gave = z->avail_out;
        ret = deflate(z, take == left ? Z_FINISH : Z_NO_FLUSH);
        if (ret == Z_BUF_ERROR) ret = Z_OK;
        done += take - z->avail_in;
        out->len += gave - z->avail_out;
    }
    if (ret == Z_STREAM_END) return 0;
    return out->oom ? buf_ok(out, e) : err_set(e, ERR_INTERNAL, "gzip: error %d", ret);
}

/* *out is empty. */
static int pack(struct buf *b, enum doc_packing p, struct buf *out, struct err *e)
{
    struct packer *own = own_packer();
    if (!own) return err_oom(e, sizeof *own, "packing");
    return p == DOC_ZSTD ? pack_zstd(own, b, out, e) : pack_gzip(own, b, out, e);
}

int doc_pack(struct buf *b, enum doc_packing p, struct buf *scratch, struct err *e)
{
    if (buf_ok(b, e)) return -1;
    if (p == DOC_PLAIN || !b->len) return 0;
    buf_clear(scratch);
    if (pack(b, p, scratch, e)) return -1;
    struct buf t = *b;
    *b = *scratch;
    *scratch = t;
    return 0;
}

int doc_out_open(struct doc_out *o, const char *path, struct err *e)
{
    *o = (struct doc_out){.path = path, .packing = path ? doc_packing_of(path) : DOC_PLAIN};
    if (!path) return 0;
    o->file = file_create(path, 0, e);
    return o->file ? 0 : -1;
}

void doc_out_take(struct doc_out *o, const char *path, struct file_writer *file)
{
    *o = (struct doc_out){.path = path, .packing = doc_packing_of(path), .file = file, .wrote = true};
}

int doc_out_open_part(struct doc_out *o, const char *path, uint64_t keep, struct err *e)
{
    *o = (struct doc_out){.path = path, .packing = path ? doc_packing_of(path) : DOC_PLAIN, .wrote = keep > 0};
    if (!path) return 0;
    o->file = file_create_part(path, keep, e);
    return o->file ? 0 : -1;
}

int doc_out_write(struct doc_out *o, const struct buf *packed, struct err *e)
{
    if (!o->file || !packed->len) return 0;
    o->wrote = true;
    return file_write(o->file, packed->data, packed->len, e);
}

int doc_out_commit(struct doc_out *o, struct err *e)
{
    struct file_writer *f = o->file;
    if (!f) return 0;
    if (!o->wrote && o->packing != DOC_PLAIN) { /* an empty file is no legal .gz or .zst */
        struct buf b = {0}, s = {0};
        int ret = buf_reserve(&b, 1) ? 0 : buf_ok(&b, e);
        if (!ret) ret = pack(&b, o->packing, &s, e);
        if (!ret) ret = file_write(f, s.data, s.len, e);
        buf_free(&b);
        buf_free(&s);
        if (ret) return -1;
    }
    o->file = NULL;
    return file_commit(f, e);
}

void doc_out_abort(struct doc_out *o)
{
    file_abort(o->file);
    o->file = NULL;
}

void doc_out_keep(struct doc_out *o)
{
    file_keep(o->file);
    o->file = NULL;
}
