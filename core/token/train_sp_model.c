#include "core/token/train_sp_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/spm_model.h"

static const char *const first[] = {"<unk>", "<s>", "</s>"};

int sp_meta_make(struct sp_meta *m, const struct tok_train_opts *o, struct err *e)
{
    size_t most = COUNT_OF(first) + o->n_special + o->n_user + 256;
    m->text = mem_alloc(most, sizeof *m->text);
    m->bytes = mem_alloc(256, sizeof *m->bytes);
    if (!m->text || !m->bytes) return err_oom(e, most * sizeof *m->text, "special tokens");
    for (size_t i = 0; i < COUNT_OF(first); i++) m->text[m->n++] = first[i];
    for (size_t i = 0; i < o->n_special + o->n_user; i++) {
        const char *text = i < o->n_special ? o->special[i] : o->user[i - o->n_special];
        for (size_t k = 0; k < m->n; k++)
            if (strcmp(m->text[k], text) == 0) return err_set(e, ERR_USAGE, "special token '%s' is there already", text);
        m->text[m->n++] = text;
    }
    m->n_user = o->n_user;
    for (unsigned i = 0; o->byte_fallback && i < 256; i++) {
        snprintf(m->bytes[i], sizeof *m->bytes, "<0x%02X>", i);
        m->text[m->n++] = m->bytes[i];
        m->n_bytes++;
    }
    return 0;
}

void sp_meta_free(struct sp_meta *m)
{
    free(m->text);
    free(m->bytes);
    memset(m, 0, sizeof *m);
}

int sp_write_model(const struct tok_train_opts *o, const struct sp_meta *m,
                   const struct sp_corpus *c, const struct sp_pieces *p, struct buf *out,
                   struct err *e)
{
    struct spm_model model;
    struct buf text = {0};
    int ret = 0;
    spm_model_init(&model);
    for (size_t i = 0; ret == 0 && i < m->n; i++) {
        enum spm_type type = i == 0                   ? SPM_UNKNOWN
                             : i >= m->n - m->n_bytes ? SPM_BYTE
                             : i >= m->n - m->n_bytes - m->n_user ? SPM_USER
                                                          : SPM_CONTROL;
        ret = spm_model_add(&model, m->text[i], strlen(m->text[i]), 0, type, e);
    }
    for (size_t i = 0; ret == 0 && i < p->n; i++) {
        buf_clear(&text);
        sp_piece_text(c, p, i, &text);
        ret = buf_ok(&text, e) ||
              spm_model_add(&model, text.data, text.len, p->v[i].score, SPM_NORMAL, e) ? -1 : 0;
    }
    model.kind = o->type == TOK_TRAIN_UNIGRAM ? SPM_UNIGRAM : SPM_BPE;
    model.byte_fallback = o->byte_fallback;
    model.unk_id = 0;
    model.bos_id = 1;
    model.eos_id = 2;
    model.add_dummy_prefix = !o->no_prefix;
    model.remove_extra_whitespaces = !o->keep_spaces;
    model.escape_whitespaces = true;
    buf_clear(&model.norm_name);
    buf_adds(&model.norm_name, o->norm_name ? o->norm_name : "identity");
    buf_clear(&model.charsmap);
    buf_add(&model.charsmap, o->charsmap, o->charsmap_len);
    if (ret == 0) ret = buf_ok(&model.charsmap, e) || spm_model_write(&model, out, e) ? -1 : 0;
    spm_model_free(&model);
    buf_free(&text);
    return ret;
}
