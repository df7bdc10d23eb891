/* The notes of pass one on disk, so that an interrupted run need not measure again.
 *
 * One record a block, as notes_add() made it: the block's number, the bytes of its rows and
 * of what each filter keeps, those bytes, XXH3-64 of all that.  How much of the file counts
 * and the names of the labels stand in the journal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "data/clean_internal.h"

enum { HEAD = 2 + CLEAN_FILTERS_MAX }; /* numbers in front: block, rows, each filter */

int notes_file_open(struct notes *n, const char *path, uint64_t keep, struct err *e)
{
    n->file = file_create_part(path, keep, e);
    return n->file ? 0 : -1;
}

int notes_file_add(struct notes *n, uint64_t seq, const struct buf *rows, const struct buf *keep, struct err *e)
{
    uint64_t head[HEAD] = {seq, rows->len};
    if (!n->file) return 0;
    for (int i = 0; i < CLEAN_FILTERS_MAX; i++)
        head[2 + i] = keep[i].len;
    buf_clear(&n->record);
    buf_add(&n->record, head, sizeof head);
    buf_add(&n->record, rows->data, rows->len);
    for (int i = 0; i < CLEAN_FILTERS_MAX; i++)
        buf_add(&n->record, keep[i].data, keep[i].len);
    uint64_t sum = hash64(n->record.data, n->record.len);
    buf_add(&n->record, &sum, sizeof sum);
    return buf_ok(&n->record, e) ? -1 : file_write(n->file, n->record.data, n->record.len, e);
}

/* The next record, of at most `left` bytes, into n->record; 0: it is none. */
static size_t read_record(struct notes *n, FILE *f, uint64_t left)
{
    uint64_t head[HEAD], size = sizeof head, sum = 0;
    if (left < sizeof head || fread(head, sizeof head, 1, f) != 1) return 0;
    for (int i = 1; i < HEAD; i++) {
        if (head[i] > left) return 0;
        size += head[i];
    }
    if (size > left || left - size < sizeof sum || size > SIZE_MAX / 2) return 0;
    buf_clear(&n->record);
    buf_add(&n->record, head, sizeof head);
    if (!buf_reserve(&n->record, (size_t)size)) return 0;
    size_t more = (size_t)size - sizeof head;
    if (more && fread(n->record.data + sizeof head, more, 1, f) != 1) return 0;
    n->record.len = (size_t)size;
    if (fread(&sum, sizeof sum, 1, f) != 1 || sum != hash64(n->record.data, n->record.len)) return 0;
    return (size_t)size + sizeof sum;
}

/* Puts the record in its place. */
static int take_record(struct notes *n, const struct clean_cfg *cfg, struct err *e)
{
    uint64_t head[HEAD];
    memcpy(head, n->record.data, sizeof head);
    const char *at = n->record.data + sizeof head;
    if (notes_block(n, head[0], e) || spill_add(&n->rows, at, (size_t)head[1], e)) return -1;
    at += head[1];
    for (int i = 0; i < cfg->n_filters; i++) {
        if (cfg->filter[i].kept && spill_add(cfg->filter[i].kept, at, (size_t)head[2 + i], e)) return -1;
        at += head[2 + i];
    }
    return 0;
}

int notes_file_load(struct notes *n, const struct clean_cfg *cfg, const char *path, uint64_t bytes, struct err *e)
{
    char *part = file_beside(path, ".part");
    FILE *f = part ? fopen(part, "rb") : NULL;
    uint64_t done = 0;
    int ret = 1;
    free(part);
    if (!f) ret = 0;
    while (ret > 0 && done < bytes) {
        size_t got = read_record(n, f, bytes - done);
        done += got;
        ret = !got ? 0 : take_record(n, cfg, e) ? -1 : 1;
    }
    if (f) fclose(f);
    if (ret == 0) notes_clear(n, cfg);
    return ret;
}
