/* doc_zstd.h - the frames of a zstd file, unpacked by any threads, in order.
 *
 * A file of many frames (what llmctl, pzstd, or several files joined make) is
 * split where frames end, which their block headers tell, and some of them are
 * held ready: the thread that reads unpacks the one it needs, others that have
 * nothing to do the ones behind it.  A frame that is large, cut off, corrupt or
 * not a frame is unpacked piece by piece by the thread that reads, so that all
 * in front of a mistake is had.  What comes out never depends on the threads.
 *
 * Memory: frames of up to 8 MB packed and 64 MB unpacked are held, `ahead` of
 * them and not more than 128 MB unless one alone takes that. */
#ifndef DATA_DOC_ZSTD_H
#define DATA_DOC_ZSTD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct zstd_frames;

/* Reads on in the packed file: how many bytes (> 0), 0 at the end, -1. */
typedef ptrdiff_t zstd_read_fn(void *arg, void *out, size_t n, struct err *e);

/* Goes on behind the n bytes already read from fd, which stays the caller's and is only asked whether
 * there is more.  At most `ahead` frames (from 1) are held. */
struct zstd_frames *zstd_frames_new(int fd, zstd_read_fn *read, void *arg, const void *first, size_t n, int ahead, struct err *e);
/* Bytes put into `out`, 0 at the end, -1.  One thread at a time. */
ptrdiff_t zstd_frames_read(struct zstd_frames *z, void *out, size_t n, struct err *e);
/* Unpacks one of the frames that are held, from any thread, beside a reading one;
 * false: there is nothing to do now. */
bool zstd_frames_help(struct zstd_frames *z);
/* NULL, or what is wrong, in which frame and where it begins. */
const char *zstd_frames_damage(const struct zstd_frames *z);
void zstd_frames_free(struct zstd_frames *z); /* NULL is fine; no thread is in it */

#endif
