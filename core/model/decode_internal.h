/* decode_internal.h - between decode.c (memory, cache, checks) and
 * decode_forward.c (the pass itself). */
#ifndef CORE_MODEL_DECODE_INTERNAL_H
#define CORE_MODEL_DECODE_INTERNAL_H

#include "core/model/decode.h"
#include "core/model/layout.h"
#include "core/model/rope.h"

enum {
    DECODE_CHUNK = 256,     /* rows of a prefill pass */
    DECODE_PANEL = 96,      /* columns packed at a time; a multiple of every nr is not needed */
    DECODE_GEMM_ROWS = 8,   /* prompts from here on go through the GEMM: packing pays */
};

struct dec_layer {
    const struct block_config *k;
    const void *qkv_w[3], *o_w, *gate_w, *up_w, *down_w;
    const void *eup_w, *edown_w, *sgate_w, *sup_w, *sdown_w; /* experts: all, shared */
    const float *router_w, *ssig_w;
    const void *mat[SLOT_CVAL_W - SLOT_MA1_W + 1]; /* rwkv: matrices by role */
    const void *mla_w[5];           /* mla: q_a, q_b, kv_a, k_rope, kv_b */
    const float *decay;             /* rwkv4: -e^decay */
    float *state;                   /* recurrent parts: [max_seqs][state_floats] */
    size_t state_floats;
    const float *qkv_b[3];
    int qkv_n[3];
    const float *vec[SLOT_N];       /* norms and biases by role, NULL = none */
    const struct rope_table *rope;  /* NULL = none */
    const float *rel;               /* T5's bias by distance [heads][rel_ld], or NULL */
    const float *shaw_k, *shaw_v;   /* Shaw's tables, or NULL */
    char *cache;
    /* cross-attention: weights, and the source's keys and values [seq][k, v][Hk][max_len][D] */
    const void *xq_w, *xkv_w[2], *xo_w;
    char *source;
};

/* Rows [row, row + n) of the pass are tokens pos .. of one sequence. */
struct dec_span {
    int seq, row, n, pos;
};

/* An expert of the pass at hand and its sorted rows [first, end). */
struct dec_active {
    int expert, first, end;
};
/* Scratch of layers with experts, a slot being one of a row's top_k. */
struct dec_moe {
    const float *in;                /* [rows, C] */
    float *x, *h, *h2, *y;          /* [slots, C], [slots, F] twice, [slots, C], sorted by expert */
    uint16_t *half;                 /* x, then h, in bf16; NULL in f32 */
    float *weights;                 /* of slots in their order */
    int32_t *ids, *place;
    struct dec_active *active;
};

/* Scratch of mla layers, [rows, ...]; of a thread; keys and values of a prompt [heads, max_len, D]. */
struct dec_mla {
    float *q, *kv, *low, *kr, *v;
    float *ws;
    size_t ws_floats, wide;
    void *keys[2];
};
/* Scratch of rwkv layers: shifted inputs [rows, C], and products. */
struct dec_rwkv {
    float *mix[6], *part[9];
    float *low;                     /* [rows, largest rank] */
    float *ws;                      /* of the recurrence, a thread */
    size_t ws_floats;
};

struct decoder {
    struct model_config c;
    enum dtype dt;
    int max_seqs, max_len, rows;
    struct pool *pool;
    const struct kernels *k;
    const void *embed, *pos, *head;
    const float *head_bias, *norm_w, *norm_b, *embed_norm_w, *embed_norm_b;
    int first, n_layers;            /* the decoder's layers; those before are the encoder's */
    struct params *params;          /* the caller's, for the encoder's graph */
    int *source_len;                /* [max_seqs] */
    int64_t rel_ld;
    int rel_zero;
    float *sinusoid;                /* [max_len, C] or NULL */
    struct dec_layer *layer;
    struct rope_table rope[MODEL_MAX_BLOCKS];
    int rope_of[MODEL_MAX_BLOCKS];
    int *len;                       /* [max_seqs] */
    struct dec_span *spans;         /* of the pass at hand */
    int *row_pos, *row_seq;
    /* scratch, [rows, ...] */
    float *x, *h, *t, *qkv, *att32, *ff, *ff2;
    void *q, *att;                  /* of type dt */
    uint16_t *half;                 /* bf16 copy of a product's input */
    float *slopes;
    struct dec_moe moe;
    struct dec_rwkv rwkv;
    struct dec_mla mla;
    bool recurrent;                 /* some layer has a state that cannot go back */
    bool bounded;                   /* max_len is the end: attention, or a table of positions */
    bool *lost;                     /* [max_seqs]: the state is of more tokens than wanted */
    char *ws;                       /* a thread: ws_bytes, then a packed panel */
    size_t ws_bytes, panel_bytes;
    /* memory */
    void **owned;
    size_t n_owned, cap_owned;
    char *convert_at;
    int64_t bytes, weight_bytes;
    bool packed;                    /* this pass goes through the GEMM */
    bool failed;
    int moved;                      /* decode_state.c: the sequence at hand */
};

/* What the cache keeps of a token: keys and values of each head; of mla one latent vector. */
struct cache_shape {
    int parts, heads, width;
};
static inline struct cache_shape cache_shape(const struct block_config *k)
{
    if (k->mixer >= MIX_RWKV4) return (struct cache_shape){0};
    if (k->mixer == MIX_MLA) return (struct cache_shape){1, 1, k->mla.kv_rank + k->mla.rope_dim};
    return (struct cache_shape){2, k->kv_heads, k->head_dim};
}

/* Keys (kv 0) or values (kv 1) of one head of one sequence: [max_len, width]. */
static inline void *cache_at(const struct decoder *d, const struct dec_layer *l, int seq, int kv, int head)
{
    struct cache_shape s = cache_shape(l->k);
    size_t one = (size_t)d->max_len * (size_t)s.width * dtype_size(d->dt);
    return l->cache + one * (size_t)(((int64_t)seq * s.parts + kv) * s.heads + head);
}

/* decode.c: memory that lives as long as the decoder; NULL (and d->failed) when there is none. */
void *decode_take(struct decoder *d, size_t count, size_t size);
/* The weight in the decoder's type; NULL stays NULL. */
const void *decode_weight(struct decoder *d, const struct param *p);
/* The values of a small table or vector as f32, plus `add`. */
const float *decode_f32(struct decoder *d, const struct param *p, float add);
/* decode_tables.c: rotary, sinusoidal, T5 and Shaw tables of all layers. */
int decode_make_tables(struct decoder *d, const struct bound *b, struct err *e);
/* Keys (kv 0) or values (kv 1) of the source. */
static inline void *source_at(const struct decoder *d, const struct dec_layer *l, int seq, int kv, int head)
{
    size_t one = (size_t)d->max_len * (size_t)l->k->head_dim * dtype_size(d->dt);
    return l->source + one * (size_t)(((int64_t)seq * 2 + kv) * l->k->kv_heads + head);
}
/* decode_forward.c: keys and values of the m rows in d->h, source tokens from `at` of a sequence. */
void decode_source_kv(struct decoder *d, const struct dec_layer *l, int seq, int at, int m);

/* A product y[m, n] = x[m, K] W[n, K]^T + bias over up to three weights side
 * by side, or two that a GLU joins. */
struct product {
    struct decoder *d;
    int m, K, n_parts, n[3];
    const void *w[3];
    const float *b[3];
    const float *x;         /* [m, K] */
    const void *xg;         /* the same in the decoder's type, for the GEMM */
    float *y, *y2;          /* [m, ld] */
    int64_t ld;
    enum act act;
    bool glu;               /* y = act(part 0) * part 1 */
    float *residual;        /* [m, ld] += y */
    int columns;            /* of a slice */
};
/* Columns [n0, n1) of one weight, into y (stride ld).  Which kernel is used
 * depends on how the tokens came in, never on how many sequences step together. */
void decode_part(const struct product *p, int part, float *y, int n0, int n1, int thread);
typedef void row_fn(struct decoder *d, const void *arg, int row);
void decode_by_row(struct decoder *d, int m, row_fn *fn, const void *arg);
/* d->t = a GLU of width F on m rows of `in`. */
void decode_glu(struct decoder *d, int m, const struct dec_layer *l, const float *in, const void *gate, const void *up,
                const void *down, int F);
/* Conversion of a product's input, the product, and x += or = it with the norm that may follow. */
void decode_prepare(struct product *p);
void decode_product(struct product *p);
void decode_join(struct decoder *d, int m, const struct dec_layer *l, struct product *p, enum slot_role post,
                 enum slot_role after);

/* decode_mla.c: scratch; d->mla.v, the heads' values of m rows. */
void decode_make_mla(struct decoder *d);
void decode_mla(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in);
float decode_mla_scale(const struct block_config *k);
/* decode_forward.c: d->att = attention of d->q, all heads of m rows. */
void decode_attend(struct decoder *d, int n_spans, int m, const struct dec_layer *l);

/* decode_rwkv.c */
size_t decode_state_floats(const struct model_config *c, const struct block_config *k); /* of a layer and sequence */
size_t decode_largest_rank(const struct block_config *k); /* of an rwkv mixer's small matrices */
bool decode_recurrent(const struct model_config *c);
void decode_bind_rwkv(struct decoder *d, const struct bound *b, int i);
void decode_make_states(struct decoder *d);
void decode_start_states(struct decoder *d, int seq);
void decode_copy_states(struct decoder *d, int from, int to);
void decode_rwkv(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in);
void decode_cmix(struct decoder *d, int n_spans, int m, const struct dec_layer *l, const float *in);

/* decode_moe.c: d->t = the experts' output for m rows of `in`. */
void decode_moe(struct decoder *d, int m, const struct dec_layer *l, const float *in);

/* decode_forward.c: leaves the normed hidden states of m rows in d->h. */
void decode_forward(struct decoder *d, int n_spans, int m, const int32_t *ids);
/* logits[n, V] of rows [row, row + n) of d->h. */
void decode_logits(struct decoder *d, int row, int n, float *logits);

#endif
