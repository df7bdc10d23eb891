#include "core/token/train_sp_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/spm_model.h"

static bool is_taken(const struct sp_meta *m, int id)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->kind[i].id == id) return true;
    return false;
}

static int add(struct sp_meta *m, const char *text, int id, enum spm_type type, struct err *e)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->text[i], text) == 0) return err_set(e, ERR_USAGE, "special token '%s' is there already", text);
    m->kind[m->n] = (struct sp_meta_kind){id, type};
    m->text[m->n++] = text;
    return 0;
}

/* With the first id that is free. */
static int add_free(struct sp_meta *m, const char *text, enum spm_type type, struct err *e)
{
    while (is_taken(m, m->next)) m->next++;
    return add(m, text, m->next, type, e);
}

static int add_own(struct sp_meta *m, const struct tok_train_opts *o, struct err *e)
{
    const char *const *text = o->sp.own;
    if (o->sp.own_id[SP_OWN_UNK] < 0) return err_set(e, ERR_USAGE, "%s must have an id", text[SP_OWN_UNK]);
    for (int i = 0; i < SP_OWN; i++) {
        int id = o->sp.own_id[i];
        if (id < 0) continue;
        if (!*text[i]) return err_set(e, ERR_USAGE, "the token with id %d has no text", id);
        if (id >= o->vocab_size)
            return err_set(e, ERR_USAGE, "%s has id %d, but ids end at %d", text[i], id, o->vocab_size - 1);
        if (is_taken(m, id)) return err_set(e, ERR_USAGE, "%s has id %d, which is another's", text[i], id);
        if (add(m, text[i], id, i == SP_OWN_UNK ? SPM_UNKNOWN : SPM_CONTROL, e)) return -1;
    }
    return 0;
}

int sp_meta_make(struct sp_meta *m, const struct tok_train_opts *o, struct err *e)
{
    size_t most = SP_OWN + o->n_special + o->n_user + 256;
    m->text = mem_alloc(most, sizeof *m->text);
    m->kind = mem_alloc(most, sizeof *m->kind);
    m->bytes = mem_alloc(256, sizeof *m->bytes);
    if (!m->text || !m->kind || !m->bytes) return err_oom(e, most * sizeof *m->text, "special tokens");
    if (add_own(m, o, e)) return -1;
    for (size_t i = 0; i < o->n_special; i++)
        if (add_free(m, o->special[i], SPM_CONTROL, e)) return -1;
    for (size_t i = 0; i < o->n_user; i++)
        if (add_free(m, o->user[i], SPM_USER, e)) return -1;
    for (unsigned i = 0; o->byte_fallback && i < 256; i++) {
        snprintf(m->bytes[i], sizeof *m->bytes, "<0x%02X>", i);
        if (add_free(m, m->bytes[i], SPM_BYTE, e)) return -1;
    }
    return 0;
}

void sp_meta_free(struct sp_meta *m)
{
    free(m->text);
    free(m->kind);
    free(m->bytes);
    memset(m, 0, sizeof *m);
}

/* Which of the others has each of n ids, plus one; 0: a piece has it. */
static uint32_t *others_by_id(const struct sp_meta *m, size_t n, struct err *e)
{
    uint32_t *at = mem_zalloc(n, sizeof *at);
    if (!at) err_oom(e, n * sizeof *at, "ids");
    for (size_t i = 0; at && i < m->n; i++) {
        if ((size_t)m->kind[i].id < n) {
            at[m->kind[i].id] = (uint32_t)i + 1;
            continue;
        }
        err_set(e, ERR_DATA, "the text gives %zu tokens only, and none has id %d, which %s was to get", n, m->kind[i].id, m->text[i]);
        free(at);
        return NULL;
    }
    return at;
}

static int add_pieces(struct spm_model *model, const struct sp_meta *m, const struct sp_corpus *c, const struct sp_pieces *p, struct err *e)
{
    size_t total = m->n + p->n, next = 0;
    struct buf text = {0};
    uint32_t *other = others_by_id(m, total, e);
    int ret = other ? 0 : -1;
    for (size_t id = 0; ret == 0 && id < total; id++) {
        if (other[id]) {
            size_t i = other[id] - 1;
            ret = spm_model_add(model, m->text[i], strlen(m->text[i]), 0, (enum spm_type)m->kind[i].type, e);
            continue;
        }
        buf_clear(&text);
        sp_piece_text(c, p, next, &text);
        ret = buf_ok(&text, e) || spm_model_add(model, text.data, text.len, p->v[next].score, SPM_NORMAL, e) ? -1 : 0;
        next++;
    }
    buf_free(&text);
    free(other);
    return ret;
}

/* How it was trained, for training another like it. */
static void put_spec(const struct tok_train_opts *o, struct spm_spec *s)
{
    s->coverage = (float)o->sp.coverage;
    s->shrink = (float)o->sp.shrink;
    s->max_sentence = o->max_sentence ? (int)o->max_sentence : INT32_MAX;
    s->max_len = o->sp.max_len;
    s->n_seeds = (int)o->sp.n_seeds;
    s->rounds = o->sp.sub_iterations;
    s->threads = o->sp.lanes;
    s->scripts = o->sp.split_scripts;
    s->numbers = o->sp.split_numbers;
    s->spaces = o->sp.split_space;
    s->digits = o->sp.split_digits;
    s->space_only = o->sp.space_only;
    buf_clear(&s->chars);
    if (o->chars) buf_adds(&s->chars, o->chars);
}

int sp_write_model(const struct tok_train_opts *o, const struct sp_meta *m,
                   const struct sp_corpus *c, const struct sp_pieces *p, struct buf *out,
                   struct err *e)
{
    struct spm_model model;
    spm_model_init(&model);
    int ret = add_pieces(&model, m, c, p, e);
    model.kind = o->type == TOK_TRAIN_UNIGRAM ? SPM_UNIGRAM : SPM_BPE;
    model.byte_fallback = o->byte_fallback;
    model.unk_id = o->sp.own_id[SP_OWN_UNK];
    model.bos_id = o->sp.own_id[SP_OWN_BOS];
    model.eos_id = o->sp.own_id[SP_OWN_EOS];
    model.pad_id = o->sp.own_id[SP_OWN_PAD];
    model.add_dummy_prefix = !o->no_prefix;
    model.remove_extra_whitespaces = !o->keep_spaces;
    model.escape_whitespaces = true;
    put_spec(o, &model.spec);
    model.has_surface = o->unk_surface != NULL;
    if (o->unk_surface) buf_adds(&model.unk_surface, o->unk_surface);
    buf_clear(&model.norm_name);
    buf_adds(&model.norm_name, o->norm_name ? o->norm_name : "identity");
    buf_clear(&model.charsmap);
    buf_add(&model.charsmap, o->charsmap, o->charsmap_len);
    if (ret == 0) ret = buf_ok(&model.charsmap, e) || buf_ok(&model.spec.chars, e) || buf_ok(&model.unk_surface, e) || spm_model_write(&model, out, e) ? -1 : 0;
    spm_model_free(&model);
    return ret;
}
