/* explain.h - the arithmetic of models, shown on the user's own words
 * (`llmctl explain`).  The numbers come from the functions that the engine
 * itself uses; nothing is rehearsed.  All append text to a buffer. */
#ifndef CORE_INFER_EXPLAIN_H
#define CORE_INFER_EXPLAIN_H

#include "core/infer/lens_run.h"

enum explain_encoding {
    EXPLAIN_ALL,
    EXPLAIN_SINUSOIDAL,
    EXPLAIN_LEARNED,
    EXPLAIN_ROPE,
    EXPLAIN_ALIBI,
    EXPLAIN_SHAW,
    EXPLAIN_T5
};

struct explain_positions {
    const char *const *word; /* [n] */
    int n, query;            /* the word that looks at the others */
    enum explain_encoding encoding;
    int dim, heads, clip, buckets, max_distance;
    double theta;
    bool causal;
};
int explain_positions(const struct explain_positions *p, struct buf *out, struct err *e);

/* Which words each kind of model lets each word see; the first `source` words
 * are the encoder's, or the prefix. */
void explain_architectures(const char *const *word, int n, int source, struct buf *out);

/* Direct preference optimisation among n answers (2 to EXPLAIN_DPO_MOST), the best first; beta > 0. */
enum { EXPLAIN_DPO_MOST = 8 };
struct explain_dpo {
    const char *const *word; /* [n] */
    int n, steps;
    double beta;
};
void explain_dpo(const struct explain_dpo *d, struct buf *out);

/* Labels of tokens for pictures: bytes made printable.  Free each and the array. */
char **explain_labels(const struct tokenizer *t, const int32_t *ids, int n);
void explain_labels_free(char **label, int n);

/* One head's matrix [n, seen]: who looks (row), and at whom (col).  As shades in a terminal; as an SVG file of its
 * own. */
struct explain_head {
    const float *P;
    char *const *row, *const *col; /* labels, [n] and [seen] */
    int n, seen, layer, head;
};
void explain_attention_text(const struct explain_head *a, struct buf *out);
void explain_attention_svg(const struct explain_head *a, struct buf *out);

/* Tokens with their experts, and how often each expert was taken. */
void explain_experts(const struct lens_result *r, char *const *label, int layer, int n_experts, struct buf *out);

#endif
