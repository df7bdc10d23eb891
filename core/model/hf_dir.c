/* hf_dir.c - reading a Hugging Face directory; hf_dir_save.c writes one. */
#include "core/model/hf_dir.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/ckpt/elem.h"
#include "core/ckpt/safetensors.h"
#include "core/model/hf.h"
#include "core/token/chat_file.h"

#define MAX_TOKENIZER ((size_t)128 << 20)

static bool has(const char *dir, const char *name)
{
    char *p = path_join(dir, name);
    bool yes = p && file_exists(p);
    free(p);
    return yes;
}

bool hf_dir_is(const char *path)
{
    return file_is_dir(path) && has(path, "config.json") && !has(path, "model.llmz") && !has(path, "ckpt");
}

/* Weights only in PyTorch's own format are common; say what to do. */
static int no_weights(const char *dir, struct err *e)
{
    if (has(dir, "model.safetensors") || has(dir, "model.safetensors.index.json")) return 0;
    err_set(e, ERR_NOINPUT, "'%s' holds no model.safetensors", dir);
    if (has(dir, "pytorch_model.bin") || has(dir, "pytorch_model.bin.index.json"))
        err_hint(e, "its weights are a Python pickle, which can run code and is not read; save them as safetensors");
    return -1;
}

static int load_config(struct saved_model *m, const char *dir, struct err *e)
{
    char *path = path_join(dir, "config.json");
    if (!path) return err_oom(e, strlen(dir), "a path");
    struct cJSON *j = json_read_file(path, NULL, e);
    int ret = j ? model_config_from_hf(&m->config, j, path, e) : -1;
    json_free(j);
    free(path);
    return ret;
}

static int load_chat(struct saved_model *m, const char *dir, struct err *e)
{
    struct buf b = {0};
    int ret = chat_file_in(dir, &b, NULL, e);
    if (ret == 0 && !(m->chat_template = buf_steal(&b))) ret = err_oom(e, b.len, "chat template");
    buf_free(&b);
    return ret < 0 ? -1 : 0;
}

static struct cJSON *read_file(const char *dir, const char *name, struct err *e)
{
    char *path = path_join(dir, name);
    struct cJSON *j = path ? json_read_file(path, NULL, e) : NULL;
    if (!path) err_oom(e, strlen(dir), "a path");
    free(path);
    return j;
}

/* The last token that a family's configuration forces where its config.json says nothing of it; -1: none. */
static int default_last(const struct model_config *c)
{
    static const struct { const char *family; int id; } rows[] = {{"bart", 2},   {"mbart", 2},      {"plbart", 2},
                                                                  {"pegasus", 1}, {"blenderbot", 2}, {"marian", 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(rows[i].family, c->family) == 0) return rows[i].id;
    return -1;
}

/* Tokens that stand at a place whatever the model says: generation_config.json's, or else config.json's. */
static int load_forced(struct saved_model *m, const char *dir, struct err *e)
{
    bool own = has(dir, "generation_config.json"), encdec = m->config.stack == STACK_ENCDEC;
    struct cJSON *j = read_file(dir, own ? "generation_config.json" : "config.json", e);
    if (!j) return -1;
    const struct cJSON *last = json_member(j, "forced_eos_token_id");
    if (encdec) saved_take_forced(m, &m->first, json_member(j, "forced_bos_token_id"));
    saved_take_forced(m, &m->last, last);
    if (!own && !last && default_last(&m->config) >= 0) m->last = (struct saved_forced){true, default_last(&m->config)};
    if (own && encdec) saved_take_forced(m, &m->start, json_member(j, "decoder_start_token_id"));
    if (m->start.said && m->start.id == m->config.decoder_start) m->start.said = false; /* known already */
    json_free(j);
    return 0;
}

/* What ends a text: generation_config.json, or else config.json. */
static int load_ends(struct saved_model *m, const char *dir, struct err *e)
{
    static const char *const names[] = {"generation_config.json", "config.json"};
    for (size_t i = 0; i < COUNT_OF(names) && m->n_ends == 0; i++) {
        if (!has(dir, names[i])) continue;
        struct cJSON *j = read_file(dir, names[i], e);
        if (!j) return -1;
        saved_take_ends(m, json_member(j, "eos_token_id"));
        json_free(j);
    }
    if (m->n_ends == 1 && m->ends[0] == tok_eos(m->tok)) m->n_ends = 0; /* known already */
    return 0;
}

/* A tokenizer.json is kept as it is, of other files what tok_to_json() makes of them. */
static int load_file(struct saved_model *m, const char *dir, struct err *e)
{
    struct buf b = {0};
    bool json = has(dir, "tokenizer.json");
    char *path = json ? path_join(dir, "tokenizer.json") : NULL;
    int ret = json && !path ? err_oom(e, strlen(dir), "a path") : 0;
    if (!ret && json) ret = file_read_all(path, MAX_TOKENIZER, &b, e);
    if (!ret && !(m->tok = json ? tok_parse_file(b.data, b.len, path, e) : tok_load(dir, e))) ret = -1;
    if (!ret && json) ret = tok_dir_languages(m->tok, dir, e);
    bool more = !ret && (!json || tok_has_target(m->tok)); /* than the file says */
    if (more) buf_clear(&b);
    if (more) ret = tok_to_json(m->tok, &b, e);
    if (!ret && !(m->tok_json = buf_steal(&b))) ret = err_oom(e, b.len, "tokenizer");
    free(path);
    buf_free(&b);
    return ret;
}

static int load_tokenizer(struct saved_model *m, const char *dir, struct err *e)
{
    if (!tok_dir_has_any(dir)) return 0;
    int ret = load_file(m, dir, e);
    if (!ret && tok_vocab_size(m->tok) > m->config.vocab)
        ret = err_set(e, ERR_DATA, "'%s': the tokenizer has ids up to %d, but config.json a vocabulary of %d", dir,
                      tok_vocab_size(m->tok) - 1, m->config.vocab);
    return ret || load_ends(m, dir, e) || load_forced(m, dir, e) ? -1 : load_chat(m, dir, e);
}

/* ---- tensors ---- */

struct import {
    struct saved_model *m;
    const char *dir;
    struct safetensors *st;
    bool *used;
    int embed;      /* the token table, or -1 */
    float *disk;    /* one tensor, as f32 */
    size_t cap;
};

static void format_shape(char *out, size_t size, int ndim, const int64_t *dim)
{
    struct buf b = {0};
    buf_addc(&b, '[');
    for (int i = 0; i < ndim; i++) buf_printf(&b, "%s%lld", i ? ", " : "", (long long)dim[i]);
    buf_addc(&b, ']');
    size_t n = b.len < size ? b.len : size - 1;
    if (b.data) memcpy(out, b.data, n);
    out[n] = '\0';
    buf_free(&b);
}

static int check_shape(const struct import *im, const struct hf_tensor *t, const struct st_tensor *s, struct err *e)
{
    bool same = t->ndim == s->ndim;
    for (int d = 0; same && d < t->ndim; d++) same = t->dim[d] == s->dim[d];
    if (same) return 0;
    char want[100], got[100];
    format_shape(want, sizeof want, t->ndim, t->dim);
    format_shape(got, sizeof got, s->ndim, s->dim);
    return err_set(e, ERR_DATA, "'%s': tensor '%s' has shape %s, config.json asks for %s",
                   st_file(im->st, s->file), s->name, got, want);
}

/* The names that BERT's norms had before transformers 2. */
static int find_old(const struct safetensors *st, const char *name)
{
    static const char *const ends[][2] = {{".weight", ".gamma"}, {".bias", ".beta"}};
    size_t n = strlen(name);
    char old[160];
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        size_t m = strlen(ends[i][0]);
        if (n < m || n + 8 > sizeof old || strcmp(name + n - m, ends[i][0])) continue;
        memcpy(old, name, n - m);
        memcpy(old + n - m, ends[i][1], strlen(ends[i][1]) + 1);
        return st_find(st, old);
    }
    return -1;
}

static int find(const struct safetensors *st, const struct hf_tensor *t)
{
    int i = st_find(st, t->name);
    if (i < 0 && t->alias) i = st_find(st, t->alias);
    if (i < 0) i = find_old(st, t->name);
    return i < 0 && t->alias ? find_old(st, t->alias) : i;
}

static int import_tensor(void *arg, const struct hf_tensor *t, struct param *const *parts, int n_parts, struct err *e)
{
    struct import *im = arg;
    if (sig_check(e)) return -1;
    int i = find(im->st, t);
    if (i < 0 && t->or_apart) return 1;
    if (t->of_embed) im->embed = i;
    if (i < 0) return err_set(e, ERR_DATA, "'%s': no tensor '%s'", im->dir, t->name);
    const struct st_tensor *s = st_tensor(im->st, i);
    im->used[i] = true;
    if (check_shape(im, t, s, e)) return -1;
    size_t n = (size_t)s->n, bad = elem_nonfinite(s->data, s->dtype, n);
    if (bad < n)
        return err_set(e, ERR_DATA, "'%s': element %zu of tensor '%s' is not a finite number",
                       st_file(im->st, s->file), bad, s->name);
    if (n > im->cap) {
        mem_free_aligned(im->disk);
        im->cap = 0;
        size_t bytes;
        im->disk = ck_mul(n, sizeof *im->disk, &bytes) ? mem_alloc_aligned(bytes) : NULL;
        if (!im->disk) return err_oom(e, n * 4ull, s->name);
        im->cap = n;
    }
    st_read_f32(im->st, i, im->disk);
    for (int k = 0; k < n_parts; k++) im->m->src_dtype[parts[k]->index] = s->dtype;
    return model_hf_import(&im->m->config, t, parts, n_parts, im->disk, e);
}

/* A tied head that the file holds too must be the table: else the two say different models. */
static int check_copy(const struct import *im, int i, struct err *e)
{
    const struct st_tensor *a = st_tensor(im->st, i), *b = im->embed >= 0 ? st_tensor(im->st, im->embed) : NULL;
    if (!b ||
        (a->n == b->n && a->dtype == b->dtype && memcmp(a->data, b->data, (size_t)a->n * dtype_size(a->dtype)) == 0))
        return 0;
    err_set(e, ERR_DATA, "'%s': tensor '%s' is not '%s', to which tie_word_embeddings ties it",
            st_file(im->st, a->file), a->name, b->name);
    return err_hint(e, "set tie_word_embeddings to false in config.json to keep both, or remove the tensor");
}

static int load_tensors(struct saved_model *m, const char *dir, struct err *e)
{
    int ret = -1;
    struct import im = {.m = m, .dir = dir, .embed = -1};
    if (!(im.st = st_open(dir, e))) return -1;
    im.used = mem_zalloc((size_t)st_n(im.st), sizeof *im.used);
    m->src_dtype = mem_zalloc((size_t)m->params->n, sizeof *m->src_dtype);
    if (!im.used || !m->src_dtype) {
        err_oom(e, 0, "list of tensors");
        goto out;
    }
    if (model_hf_visit(&m->config, m->params, import_tensor, &im, e)) goto out;
    ret = 0;
    for (int i = 0; i < st_n(im.st) && !ret; i++)
        if (!im.used[i] && model_hf_tied_copy(&m->config, st_tensor(im.st, i)->name)) ret = check_copy(&im, i, e);
        else if (!im.used[i] && !model_hf_ignored(&m->config, st_tensor(im.st, i)->name))
            ret = err_set(e, ERR_DATA, "'%s': tensor '%s' does not belong to a %s model",
                          st_file(im.st, st_tensor(im.st, i)->file), st_tensor(im.st, i)->name, m->config.family);
out:
    mem_free_aligned(im.disk);
    free(im.used);
    st_close(im.st);
    return ret;
}

/* Models for vectors are often kept without the head that config.json names (sentence-transformers). */
static int drop_missing_head(struct model_config *c, const char *dir, struct err *e)
{
    const struct family *f = family_find(c->family);
    if (c->head != HEAD_MLM || !f || !hf_bare(c->family)) return 0;
    struct safetensors *st = st_open(dir, e);
    if (!st) return -1;
    const char *dense = family_slot(f, SLOT_HDENSE_W, false, false);
    if (st_find(st, dense) < 0) {
        log_warn("'%s' has no '%s': a model without a head, for vectors only", dir, dense);
        c->head = HEAD_NONE;
        c->head_bias = false;
    }
    st_close(st);
    return 0;
}

int hf_dir_load(struct saved_model *m, const char *dir, enum dtype dt, bool with_tok, struct err *e)
{
    if (load_config(m, dir, e) || no_weights(dir, e)) return -1;
    if (drop_missing_head(&m->config, dir, e) || (with_tok && load_tokenizer(m, dir, e))) return -1;
    if (!(m->params = params_new(e)) || model_declare(&m->config, m->params, dt, e) ||
        params_alloc(m->params, false, e))
        return -1;
    return load_tensors(m, dir, e);
}
