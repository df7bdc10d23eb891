/* spm_util.h - for tests: SentencePiece models made of tables of pieces. */
#ifndef TESTS_UNIT_SPM_UTIL_H
#define TESTS_UNIT_SPM_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/token/spm_model.h"
#include "core/token/tokenizer.h"

struct piece {
    const char *text;
    float score;
    enum spm_type type;
};

static inline void add_pieces(struct spm_model *m, const struct piece *v, size_t n)
{
    struct err e = {0};
    for (size_t i = 0; i < n; i++)
        if (spm_model_add(m, v[i].text, strlen(v[i].text), v[i].score, v[i].type, &e)) fail_msg("%s", e.msg);
}

/* <0x00> to <0xFF>. */
static inline void add_byte_pieces(struct spm_model *m)
{
    for (unsigned b = 0; b < 256; b++) {
        char text[8];
        snprintf(text, sizeof text, "<0x%02X>", b);
        add_pieces(m, &(struct piece){text, 0, SPM_BYTE}, 1);
    }
}

/* The tokenizer of a .model; frees *m. */
static inline struct tokenizer *tokenizer_of(struct spm_model *m)
{
    struct err e = {0};
    struct buf file = {0};
    struct tokenizer *t = NULL;
    if (spm_model_write(m, &file, &e) || !(t = tok_from_spm(file.data, file.len, "t.model", &e))) fail_msg("%s", e.msg);
    assert_true(spm_model_looks_like(file.data, file.len));
    spm_model_free(m);
    buf_free(&file);
    return t;
}

#endif
