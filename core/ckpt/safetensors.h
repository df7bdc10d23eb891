/* safetensors.h - Hugging Face's tensor files: checked reader and writer.
 *
 *     struct safetensors *s = st_open("model-dir", &e);
 *     int i = st_find(s, "lm_head.weight");
 *     st_read_f32(s, i, dst);
 *     st_close(s);
 *
 * A file is a u64 header length, a JSON header, then the data.  Everything in
 * the header is validated against the file before it is used: length at most
 * 100 MB, first byte '{', no duplicate names, offsets that equal
 * dtype * shape, and tensors that tile the data without holes or overlaps.
 * Files are mapped; tensor data may have any alignment.  A reader may be used
 * by many threads at once. */
#ifndef CORE_CKPT_SAFETENSORS_H
#define CORE_CKPT_SAFETENSORS_H

#include <stdint.h>

#include "core/base/dtype.h"
#include "core/base/err.h"

enum { ST_MAX_DIMS = 8, ST_MAX_HEADER = 100000000 };

struct st_tensor {
    const char *name;
    enum dtype dtype;
    int ndim;
    int64_t dim[ST_MAX_DIMS], n;    /* n elements */
    const uint8_t *data;            /* inside the mapping, unaligned */
    uint64_t bytes, offset;         /* size; absolute offset in its file */
    int file;
};

struct safetensors;

/* `path`: a .safetensors file, a model.safetensors.index.json, or a directory
 * that holds either.  The shards of an index must hold exactly the tensors
 * that it lists. */
struct safetensors *st_open(const char *path, struct err *e);
/* The same over bytes in memory, which must outlive the reader. */
struct safetensors *st_open_memory(const void *data, size_t size, const char *name, struct err *e);
void st_close(struct safetensors *s);                           /* NULL is fine */

int st_n(const struct safetensors *s);
const struct st_tensor *st_tensor(const struct safetensors *s, int i);  /* in order of file and offset */
int st_find(const struct safetensors *s, const char *name);     /* index or -1 */
void st_read_f32(const struct safetensors *s, int i, float *dst);       /* dst has n elements */
int st_n_files(const struct safetensors *s);
const char *st_file(const struct safetensors *s, int i);        /* path of a shard */
/* A "__metadata__" value of the first file, or NULL. */
const char *st_metadata(const struct safetensors *s, const char *key);

/* ---- writing ---- */

struct st_spec {
    const char *name;
    enum dtype dtype;
    int ndim;
    int64_t dim[ST_MAX_DIMS];
};
/* Fills `dst` with tensor i, row-major little-endian, of the spec's type. */
typedef int st_fill(void *arg, int i, void *dst, struct err *e);

/* Writes dir/model.safetensors, or model-00001-of-0000N.safetensors and
 * model.safetensors.index.json when the data exceeds max_shard bytes (0 = no
 * limit; a larger tensor gets a shard of its own).  Tensors keep their order;
 * every file appears whole or not at all, the index last. */
int st_write_dir(const char *dir, const struct st_spec *spec, int n, uint64_t max_shard,
                 st_fill *fill, void *arg, struct err *e);

#endif
