#include "core/model/saved.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/ckpt/elem.h"
#include "core/model/hf_dir.h"
#include "core/model/rwkvcpp_load.h"

/* Newest of DIR/ckpt/step-N; -1 = none. */
static int64_t newest_step(const char *ckpt)
{
    char **names = NULL;
    size_t n = 0;
    struct err ignored;
    int64_t best = -1;
    if (!file_is_dir(ckpt) || dir_list(ckpt, &names, &n, &ignored)) return -1;
    for (size_t i = 0; i < n; i++) {
        char *end;
        if (strncmp(names[i], "step-", 5) || names[i][5] < '0' || names[i][5] > '9') continue;
        long long v = strtoll(names[i] + 5, &end, 10);
        if (*end == 0 && v > best) best = v;
    }
    dir_list_free(names, n);
    return best;
}

char *saved_path(const char *path, struct err *e)
{
    char *out;
    if (!file_is_dir(path)) {
        out = mem_strdup(path);
        if (!out) err_oom(e, strlen(path), "a path");
        return out;
    }
    char *model = path_join(path, "model.llmz"), *ckpt = path_join(path, "ckpt");
    out = NULL;
    if (!model || !ckpt) {
        err_oom(e, strlen(path), "a path");
    } else if (file_exists(model)) {
        out = model;
        model = NULL;
    } else {
        int64_t step = newest_step(ckpt);
        struct buf b = {0};
        buf_printf(&b, "%s/step-%lld/train.llmz", ckpt, (long long)step);
        if (step < 0) {
            err_set(e, ERR_NOINPUT, "'%s' holds no model.llmz and no checkpoint", path);
            err_hint(e, "give a run directory of llmctl pretrain or a .llmz file");
        } else if (!(out = buf_steal(&b))) {
            err_oom(e, 0, "a path");
        }
        buf_free(&b);
    }
    free(model);
    free(ckpt);
    return out;
}

int saved_config(const struct llmz *z, const char *path, struct model_config *c, const char **tok_json, struct err *e)
{
    const cJSON *j = llmz_manifest(z);
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(j, "model");
    const cJSON *tok = cJSON_GetObjectItemCaseSensitive(j, "tokenizer");
    *tok_json = cJSON_IsString(tok) ? tok->valuestring : NULL;
    if (!cJSON_IsObject(model)) return err_set(e, ERR_DATA, "'%s' holds no model description", path);
    if (!model_config_parse(c, model, path, e)) return 0;
    if (e->code == ERR_CONFIG) e->code = ERR_DATA;
    return -1;
}

/* Through f32: exact from bf16 and f16, rounded to nearest towards bf16. */
static int read_converted(struct llmz *z, int i, struct param *p, struct pool *pool, struct err *e)
{
    enum dtype from = llmz_tensor(z, i)->dtype;
    size_t n = (size_t)p->n, raw, f32;
    if (!ck_mul(n, dtype_size(from), &raw) || !ck_mul(n, sizeof(float), &f32))
        return err_set(e, ERR_DATA, "tensor '%s' is too large", p->name);
    void *src = mem_alloc_aligned(raw ? raw : 64);
    float *mid = p->dtype == DT_F32 ? p->data : mem_alloc_aligned(f32 ? f32 : 64);
    int ret = src && mid ? llmz_read(z, i, src, pool, e) : err_oom(e, raw + f32, p->name);
    if (!ret) {
        elem_to_f32(mid, src, from, n);
        if (mid != p->data && !elem_from_f32(p->data, p->dtype, mid, n))
            ret = err_set(e, ERR_INTERNAL, "no conversion to %s", dtype_name(p->dtype));
    }
    if (mid != p->data) mem_free_aligned(mid);
    mem_free_aligned(src);
    return ret;
}

static int read_param(struct llmz *z, const char *path, struct param *p, struct pool *pool, struct err *e)
{
    int i = llmz_find(z, p->name);
    if (i < 0) return err_set(e, ERR_DATA, "'%s': no tensor '%s'", path, p->name);
    const struct llmz_tensor *t = llmz_tensor(z, i);
    bool same = t->ndim == p->ndim;
    for (int d = 0; same && d < p->ndim; d++) same = t->dim[d] == p->dim[d];
    if (!same) return err_set(e, ERR_DATA, "'%s': tensor '%s' has another shape than the model", path, p->name);
    if (t->dtype == p->dtype ? llmz_read(z, i, p->data, pool, e) : read_converted(z, i, p, pool, e)) return -1;
    size_t bad = elem_nonfinite(p->data, p->dtype, (size_t)p->n);
    if (bad == (size_t)p->n) return 0;
    return err_set(e, ERR_DATA, "'%s': element %zu of tensor '%s' is not a finite number", path, bad, p->name);
}

void saved_take_ends(struct saved_model *m, const struct cJSON *ids)
{
    const struct cJSON *i = cJSON_IsArray(ids) ? ids->child : ids;
    for (; i && m->n_ends < SAVED_ENDS; i = i->next) {
        if (cJSON_IsNumber(i) && i->valuedouble >= 0 && i->valuedouble < m->config.vocab)
            m->ends[m->n_ends++] = (int32_t)i->valuedouble;
        if (!cJSON_IsArray(ids)) break; /* a member of an object: its neighbours are others */
    }
}

void saved_take_forced(const struct saved_model *m, struct saved_forced *f, const struct cJSON *id)
{
    if (cJSON_IsArray(id)) id = id->child; /* a list of ends: the first, as there can be only one */
    if (!cJSON_IsNumber(id) || !(id->valuedouble >= 0) || id->valuedouble >= m->config.vocab) return;
    *f = (struct saved_forced){true, (int32_t)id->valuedouble};
}

static int load(struct saved_model *m, struct llmz *z, enum dtype dt, bool with_tok, struct pool *pool, struct err *e)
{
    const char *tok;
    if (saved_config(z, m->path, &m->config, &tok, e)) return -1;
    if (tok && with_tok) {
        if (!(m->tok_json = mem_strdup(tok))) return err_oom(e, strlen(tok), "tokenizer");
        if (!(m->tok = tok_parse(tok, strlen(tok), m->path, e))) return err_wrap(e, "the tokenizer in '%s'", m->path);
        if (tok_vocab_size(m->tok) > m->config.vocab)
            return err_set(e, ERR_DATA, "'%s': its tokenizer has ids up to %d, the model a vocabulary of %d", m->path,
                           tok_vocab_size(m->tok) - 1, m->config.vocab);
        saved_take_ends(m, cJSON_GetObjectItemCaseSensitive(llmz_manifest(z), "end_tokens"));
        const cJSON *forced = cJSON_GetObjectItemCaseSensitive(llmz_manifest(z), "forced_tokens");
        saved_take_forced(m, &m->first, cJSON_GetObjectItemCaseSensitive(forced, "first"));
        saved_take_forced(m, &m->last, cJSON_GetObjectItemCaseSensitive(forced, "last"));
        saved_take_forced(m, &m->start, cJSON_GetObjectItemCaseSensitive(forced, "start"));
        const cJSON *chat = cJSON_GetObjectItemCaseSensitive(llmz_manifest(z), "chat_template");
        if (cJSON_IsString(chat) && !(m->chat_template = mem_strdup(chat->valuestring)))
            return err_oom(e, strlen(chat->valuestring), "chat template");
    }
    if (!(m->params = params_new(e)) || model_declare(&m->config, m->params, dt, e) ||
        params_alloc(m->params, false, e))
        return -1;
    if (!(m->src_dtype = mem_zalloc((size_t)m->params->n, sizeof *m->src_dtype)))
        return err_oom(e, (unsigned long long)m->params->n, "list of tensors");
    for (int i = 0; i < m->params->n; i++) {
        if (sig_check(e) || read_param(z, m->path, m->params->v[i], pool, e)) return -1;
        m->src_dtype[i] = llmz_tensor(z, llmz_find(z, m->params->v[i]->name))->dtype;
    }
    return 0;
}

static int open_llmz(struct saved_model *m, const char *path, enum dtype dt, bool with_tok, struct pool *pool,
                     struct err *e)
{
    if (!(m->path = saved_path(path, e))) return -1;
    struct llmz *z = llmz_open(m->path, e);
    int ret = z ? load(m, z, dt, with_tok, pool, e) : -1;
    if (z) llmz_close(z);
    return ret;
}

static int open_hf(struct saved_model *m, const char *path, enum dtype dt, bool with_tok, struct err *e)
{
    if (!(m->path = mem_strdup(path))) return err_oom(e, strlen(path), "a path");
    return hf_dir_load(m, path, dt, with_tok, e);
}

static int open_rwkvcpp(struct saved_model *m, const char *path, enum dtype dt, struct err *e)
{
    if (!(m->path = mem_strdup(path))) return err_oom(e, strlen(path), "a path");
    return rwkvcpp_load(m, path, dt, e);
}

static int open_any(struct saved_model *m, const char *path, enum dtype dt, bool with_tok, struct pool *pool,
                    struct err *e)
{
    memset(m, 0, sizeof *m);
    int ret = hf_dir_is(path)     ? open_hf(m, path, dt, with_tok, e)
              : rwkvcpp_is(path) ? open_rwkvcpp(m, path, dt, e)
                                 : open_llmz(m, path, dt, with_tok, pool, e);
    if (ret) saved_close(m);
    return ret;
}

int saved_open(struct saved_model *m, const char *path, enum dtype dt, struct pool *pool, struct err *e)
{
    return open_any(m, path, dt, true, pool, e);
}

int saved_open_weights(struct saved_model *m, const char *path, enum dtype dt, struct pool *pool, struct err *e)
{
    return open_any(m, path, dt, false, pool, e);
}

int saved_take_tokenizer(struct saved_model *m, struct tokenizer *t, struct err *e)
{
    struct buf json = {0};
    if (!t) return -1;
    tok_free(m->tok);
    free(m->tok_json);
    m->tok = t;
    m->tok_json = NULL;
    if (tok_to_json(t, &json, e)) {
        buf_free(&json);
        return -1;
    }
    m->tok_json = buf_steal(&json);
    if (tok_vocab_size(t) <= m->config.vocab) return 0;
    return err_set(e, ERR_DATA, "the tokenizer has ids up to %d, the model in '%s' a vocabulary of %d", tok_vocab_size(t) - 1, m->path,
                   m->config.vocab);
}

static void add_forced(struct buf *out, const struct saved_model *m)
{
    static const char *const names[] = {"first", "last", "start"};
    const struct saved_forced *const f[] = {&m->first, &m->last, &m->start};
    const char *before = ",\"forced_tokens\":{";
    for (int i = 0; i < 3; i++) {
        if (!f[i]->said) continue;
        buf_printf(out, "%s\"%s\":%d", before, names[i], (int)f[i]->id);
        before = ",";
    }
    if (m->first.said || m->last.said || m->start.said) buf_addc(out, '}');
}

static int write_params(struct llmz_writer *w, const struct saved_model *m, const enum dtype *dtype, struct err *e)
{
    int ret = 0;
    for (int i = 0; i < m->params->n && !ret; i++) {
        if (sig_check(e)) return -1;
        const struct param *p = m->params->v[i];
        enum dtype dt = dtype ? *dtype : m->src_dtype[i];
        if (dt != DT_BF16 && dt != DT_F16) dt = DT_F32;
        if (dt == p->dtype) {
            ret = llmz_add(w, p->name, dt, p->ndim, p->dim, p->data, e);
            continue;
        }
        size_t n = (size_t)p->n;
        float *f = mem_alloc_aligned(n * sizeof *f + 64);
        void *out = mem_alloc_aligned(n * sizeof *f + 64);
        if (!f || !out) {
            ret = err_oom(e, n * sizeof *f, p->name);
        } else {
            elem_to_f32(f, p->data, p->dtype, n);
            elem_from_f32(out, dt, f, n);
            ret = llmz_add(w, p->name, dt, p->ndim, p->dim, out, e);
        }
        mem_free_aligned(f);
        mem_free_aligned(out);
    }
    return ret;
}

int saved_write(const char *path, const struct saved_model *m, const enum dtype *dtype, const char *rest,
                struct pool *pool, struct err *e)
{
    struct buf manifest = {0};
    struct llmz_writer *w = NULL;
    int ret = -1;
    buf_adds(&manifest, "{\"format\":\"llmz\",\"kind\":\"model\",\"model\":");
    model_config_print(&m->config, &manifest);
    if (m->tok_json) {
        buf_adds(&manifest, ",\"tokenizer\":");
        buf_adds_json(&manifest, m->tok_json);
    }
    if (m->chat_template) {
        buf_adds(&manifest, ",\"chat_template\":");
        buf_adds_json(&manifest, m->chat_template);
    }
    for (int i = 0; i < m->n_ends; i++)
        buf_printf(&manifest, "%s%d", i ? "," : ",\"end_tokens\":[", (int)m->ends[i]);
    if (m->n_ends) buf_addc(&manifest, ']');
    add_forced(&manifest, m);
    buf_printf(&manifest, ",%s}", rest);
    if (buf_ok(&manifest, e) || !(w = llmz_create(path, pool, e))) goto out;
    if (write_params(w, m, dtype, e)) llmz_abort(w);
    else ret = llmz_finish(w, manifest.data, e);
out:
    buf_free(&manifest);
    return ret;
}

void saved_close(struct saved_model *m)
{
    params_free(m->params);
    tok_free(m->tok);
    free(m->tok_json);
    free(m->chat_template);
    free(m->src_dtype);
    free(m->path);
    memset(m, 0, sizeof *m);
}
