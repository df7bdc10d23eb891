/* llmz_reader.h - the inside of a .llmz reader, shared by llmz.c (opening) and
 * llmz_read.c (chunks). */
#ifndef CORE_CKPT_LLMZ_READER_H
#define CORE_CKPT_LLMZ_READER_H

#include "core/base/file.h"
#include "core/ckpt/llmz.h"
#include "core/ckpt/llmz_internal.h"

struct llmz {
    char *path;
    struct file_map map;
    const uint8_t *data;
    size_t size;
    struct llmz_footer footer;
    const uint8_t *records;     /* in the file; validated by llmz_open() */
    struct cJSON *manifest;
    struct llmz_tensor *t;
    int n;
    uint32_t *first_record;     /* of tensor i; [n] = number of records */
    int *by_name;
    struct llmz_coder **coder;  /* one a thread, made when needed */
    int n_coders;
};

/* At least n coders. */
int llmz_reader_coders(struct llmz *z, int n, struct err *e);

#endif
