/* fasttext_internal.h - between fasttext_load.c and fasttext.c. */
#ifndef DATA_FASTTEXT_INTERNAL_H
#define DATA_FASTTEXT_INTERNAL_H

#include <stdbool.h>

#include "core/base/file.h"
#include "data/fasttext.h"

enum fasttext_loss { FT_HS = 1, FT_NS, FT_SOFTMAX, FT_OVA };
enum { FT_KSUB = 256 }; /* centroids a subspace */

/* A vector is cut into nsubq pieces of dsub (the last of lastdsub) numbers;
 * centroid i of piece m says what code i means there. */
struct ft_quantizer {
    int32_t dim, nsubq, dsub, lastdsub;
    const uint8_t *centroids; /* f32[dim * FT_KSUB], unaligned */
};

struct ft_matrix {
    int64_t rows, cols;
    bool quantized, norms;
    const uint8_t *dense; /* f32[rows * cols], unaligned */
    const uint8_t *codes; /* u8[rows * nsubq] */
    const uint8_t *norm_codes;
    struct ft_quantizer q, norm_q;
};

struct ft_entry {
    const char *s; /* ends with NUL in the file */
    uint32_t len, hash;
};

/* Huffman tree of hierarchical softmax: nodes [0, n_labels) are the leaves. */
struct ft_node {
    int32_t left, right;
};

struct fasttext {
    struct file_map map;
    char *name;
    int32_t dim, word_ngrams, loss, bucket, minn, maxn;
    int32_t n_words, n_labels;
    struct ft_entry *entry; /* words, then labels */
    uint32_t *table;        /* open addressing, entry + 1, 0 = free */
    uint32_t table_mask;
    int64_t prune_n;   /* -1: not pruned */
    int32_t *prune;    /* [bucket]: where a hashed n-gram lies behind the words, or -1 */
    struct ft_matrix input, output;
    struct ft_node *tree; /* [2 * n_labels - 1] */
};

uint32_t fasttext_hash(const char *s, size_t n);

static inline float ft_f32(const uint8_t *p, size_t i)
{
    float v;
    __builtin_memcpy(&v, p + 4 * i, 4);
    return v;
}

#endif
