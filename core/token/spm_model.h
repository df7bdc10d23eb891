/* spm_model.h - what a SentencePiece .model file holds.
 *
 * The file is a protocol buffer (sentencepiece_model.proto).  Reading checks
 * every length against what is left, takes what encoding depends on and skips
 * the rest; writing gives a file that SentencePiece reads.  A tokenizer made
 * from a file keeps the file's bytes, so that they go back unchanged. */
#ifndef CORE_TOKEN_SPM_MODEL_H
#define CORE_TOKEN_SPM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

/* What <unk> decodes to where a file does not say it. */
#define SPM_SURFACE " \xE2\x81\x87 "

enum spm_kind { SPM_UNIGRAM = 1, SPM_BPE, SPM_WORD, SPM_CHAR };
enum spm_type { SPM_NORMAL = 1, SPM_UNKNOWN, SPM_CONTROL, SPM_USER, SPM_UNUSED, SPM_BYTE };

struct spm_piece {
    uint32_t off, len;          /* in text */
    float score;
    enum spm_type type;
};

/* How a model was trained, for one who trains another like it. */
struct spm_spec {
    float coverage, shrink;
    int max_sentence, max_len, n_seeds, rounds, threads;
    int scripts, numbers, spaces, digits, space_only; /* yes or no: what splits, and pieces of spaces */
    struct buf chars;           /* that are pieces however rare */
};

struct spm_model {
    struct spm_piece *piece;    /* [n], the index is the id */
    size_t n, cap;
    struct buf text;            /* of all pieces */
    enum spm_kind kind;
    float lowest;               /* of the scores of normal pieces that may be gone: FLT_MAX = none is */
    bool byte_fallback, suffix; /* suffix: white space ends a word instead of beginning it */
    int unk_id, bos_id, eos_id, pad_id; /* -1 = none */
    bool has_surface;           /* else it is SPM_SURFACE */
    struct buf unk_surface;     /* what <unk> decodes to */
    /* normalizer */
    struct buf norm_name, charsmap; /* "nmt_nfkc" ...; the compiled rules */
    bool add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces;
    /* denormalizer: what decoded text goes through; no rules = it is not there */
    struct buf denorm_map;
    bool denorm_prefix, denorm_extra, denorm_escape;
    struct spm_spec spec;
    bool only_pieces;           /* the file says nothing else: everything is the format's default */
};

static inline const char *spm_piece_text(const struct spm_model *m, size_t i, size_t *n)
{
    *n = m->piece[i].len;
    return m->text.data + m->piece[i].off;
}

/* The defaults of the format. */
void spm_model_init(struct spm_model *m);
void spm_model_free(struct spm_model *m);
int spm_model_add(struct spm_model *m, const char *text, size_t len, float score,
                  enum spm_type type, struct err *e);
int spm_model_read(struct spm_model *m, const void *data, size_t n, const char *name,
                   struct err *e);
int spm_model_write(const struct spm_model *m, struct buf *out, struct err *e);

/* Whether bytes look like such a file (field 1, a piece). */
bool spm_model_looks_like(const void *data, size_t n);

#endif
