#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/ckpt/elem.h"
#include "core/ckpt/safetensors.h"
#include "core/model/hf_dir.h"
#include "core/token/tok_files.h"

enum { MAX_PARTS = 8 };

struct item {
    struct hf_tensor t;         /* name is ours to free */
    struct param *part[MAX_PARTS];
    int n_parts;
};

struct export {
    const struct saved_model *m;
    const enum dtype *dtype;
    struct item *item;
    struct st_spec *spec;
    int n, cap;
};

/* The type on disk: what was asked for, or what all parts had; whole numbers
 * and doubles become f32. */
static enum dtype pick_dtype(const struct export *x, struct param *const *parts, int n_parts)
{
    if (x->dtype) return *x->dtype;
    enum dtype dt = x->m->src_dtype[parts[0]->index];
    for (int i = 1; i < n_parts; i++)
        if (x->m->src_dtype[parts[i]->index] != dt) return DT_F32;
    return dt == DT_BF16 || dt == DT_F16 ? dt : DT_F32;
}

static int collect(void *arg, const struct hf_tensor *t, struct param *const *parts, int n_parts, struct err *e)
{
    struct export *x = arg;
    if (t->or_apart) return 1; /* one by one: what every version of transformers loads */
    if (n_parts > MAX_PARTS) return err_set(e, ERR_INTERNAL, "tensor '%s' has %d parts", t->name, n_parts);
    if (x->n == x->cap) {
        size_t cap = x->cap ? 2 * (size_t)x->cap : 64;
        if (!mem_renew(&x->item, cap, sizeof *x->item) || !mem_renew(&x->spec, cap, sizeof *x->spec))
            return err_oom(e, cap * sizeof *x->item, "list of tensors");
        x->cap = (int)cap;
    }
    struct item *it = &x->item[x->n];
    struct st_spec *s = &x->spec[x->n];
    *it = (struct item){.t = *t, .n_parts = n_parts};
    memcpy(it->part, parts, (size_t)n_parts * sizeof *parts);
    char *name = mem_strdup(t->name);
    if (!name) return err_oom(e, strlen(t->name), "list of tensors");
    it->t.name = name;
    it->t.alias = NULL;
    *s = (struct st_spec){.name = name, .dtype = pick_dtype(x, parts, n_parts), .ndim = t->ndim};
    memcpy(s->dim, t->dim, sizeof t->dim);
    x->n++;
    return 0;
}

static int fill(void *arg, int i, void *dst, struct err *e)
{
    const struct export *x = arg;
    if (sig_check(e)) return -1;
    const struct item *it = &x->item[i];
    if (x->spec[i].dtype == DT_F32) return model_hf_export(&x->m->config, &it->t, it->part, it->n_parts, dst, e);
    size_t n = 1;
    for (int d = 0; d < it->t.ndim; d++) n *= (size_t)it->t.dim[d];
    float *f = mem_alloc_aligned(n * sizeof *f);
    if (!f) return err_oom(e, n * sizeof *f, it->t.name);
    int ret = model_hf_export(&x->m->config, &it->t, it->part, it->n_parts, f, e);
    if (!ret && !elem_from_f32(dst, x->spec[i].dtype, f, n))
        ret = err_set(e, ERR_INTERNAL, "no conversion to %s", dtype_name(x->spec[i].dtype));
    mem_free_aligned(f);
    return ret;
}

static int write_weights(const struct saved_model *m, const char *dir, const enum dtype *dtype, uint64_t max_shard,
                         enum dtype *used, struct err *e)
{
    struct export x = {.m = m, .dtype = dtype};
    int ret = model_hf_visit(&m->config, m->params, collect, &x, e);
    if (!ret) ret = st_write_dir(dir, x.spec, x.n, max_shard, fill, &x, e);
    /* What config.json says is the type of the matrices, which come first. */
    *used = x.n ? x.spec[0].dtype : DT_F32;
    for (int i = 0; i < x.n; i++) free((void *)(uintptr_t)x.item[i].t.name);
    free(x.item);
    free(x.spec);
    return ret;
}

/* ---- JSON files ---- */

static int write_text(const char *dir, const char *name, const char *text, size_t n, struct err *e)
{
    char *path = path_join(dir, name);
    int ret = path ? file_write_all(path, text, n, e) : err_oom(e, strlen(dir), "a path");
    free(path);
    return ret;
}

static void add_id(struct buf *b, const char *key, int id)
{
    if (id < 0) buf_printf(b, "  \"%s\": null", key);
    else buf_printf(b, "  \"%s\": %d", key, id);
}

/* One id, or a list of several. */
static void add_ends(struct buf *b, const struct saved_model *m)
{
    int eos = m->tok ? tok_eos(m->tok) : -1;
    if (m->n_ends == 0 || (m->n_ends == 1 && eos < 0)) {
        add_id(b, "eos_token_id", m->n_ends ? m->ends[0] : eos);
        return;
    }
    bool known = eos < 0;
    for (int i = 0; i < m->n_ends; i++) {
        buf_printf(b, "%s%d", i ? ", " : "  \"eos_token_id\": [", (int)m->ends[i]);
        known = known || m->ends[i] == eos;
    }
    if (!known) buf_printf(b, ", %d", eos);
    buf_addc(b, ']');
}

static void add_forced(struct buf *b, const struct saved_model *m)
{
    static const char *const keys[] = {"forced_bos_token_id", "forced_eos_token_id", "decoder_start_token_id"};
    const struct saved_forced *const f[] = {&m->first, &m->last, &m->start};
    int ids[] = {-1, -1, m->config.stack == STACK_ENCDEC ? m->config.decoder_start : -1};
    for (int i = 0; i < 3; i++) {
        if (f[i]->said) ids[i] = f[i]->id;
        if (ids[i] >= 0) buf_printf(b, ",\n  \"%s\": %d", keys[i], ids[i]);
    }
}

/* model_config_to_hf() knows neither the tokenizer nor the type on disk. */
static int write_config(const struct saved_model *m, const char *dir, enum dtype dt, struct err *e)
{
    static const char nulls[] = "  \"bos_token_id\": null,\n  \"eos_token_id\": null";
    struct buf in = {0}, out = {0};
    int ret = model_config_to_hf(&m->config, &in, e);
    if (ret) goto out;
    const char *at = strstr(in.data, nulls);
    if (!at) {
        ret = err_set(e, ERR_INTERNAL, "config.json without token ids");
        goto out;
    }
    buf_add(&out, in.data, (size_t)(at - in.data));
    add_id(&out, "bos_token_id", m->tok ? tok_bos(m->tok) : -1);
    buf_adds(&out, ",\n");
    add_id(&out, "eos_token_id", m->tok ? tok_eos(m->tok) : -1);
    buf_printf(&out, ",\n  \"torch_dtype\": \"%s\"",
               dt == DT_BF16 ? "bfloat16" : dt == DT_F16 ? "float16" : "float32");
    buf_adds(&out, at + strlen(nulls));
    ret = buf_ok(&out, e) ? -1 : write_text(dir, "config.json", out.data, out.len, e);
    if (ret) goto out;
    buf_clear(&out);
    buf_adds(&out, "{\n");
    add_id(&out, "bos_token_id", m->tok ? tok_bos(m->tok) : -1);
    buf_adds(&out, ",\n");
    add_ends(&out, m);
    add_forced(&out, m);
    buf_adds(&out, "\n}\n");
    ret = buf_ok(&out, e) ? -1 : write_text(dir, "generation_config.json", out.data, out.len, e);
out:
    buf_free(&in);
    buf_free(&out);
    return ret;
}

static void add_token(struct buf *b, const char *key, const struct tokenizer *t, int id)
{
    size_t n;
    const char *piece = id >= 0 ? tok_spelling(t, id, &n) : NULL;
    if (!piece) return;
    buf_printf(b, "  \"%s\": ", key);
    buf_add_json(b, piece, n);
    buf_adds(b, ",\n");
}

/* What a tokenizer.model does not say. */
static void add_around(struct buf *b, const struct tokenizer *t)
{
    bool bos, eos;
    tok_spm_ends(t, &bos, &eos);
    if (bos || eos) buf_printf(b, "  \"add_bos_token\": %s,\n  \"add_eos_token\": %s,\n", bos ? "true" : "false", eos ? "true" : "false");
}

/* What a tokenizer comes in; tokenizer_config.json says so where that is not tokenizer.json. */
static int own_file(const struct saved_model *m, const char **name, struct buf *out, struct err *e)
{
    static const struct { enum tok_format format; const char *name; } files[] = {
        {FORMAT_JSON, "tokenizer.json"}, {FORMAT_TEKKEN, "tekken.json"}};
    if (tok_is_json(m->tok)) {
        *name = "tokenizer.json";
        buf_adds(out, m->tok_json);
        return buf_ok(out, e);
    }
    if (tok_spm_bytes(m->tok, out)) {
        *name = "tokenizer.model";
        return buf_ok(out, e);
    }
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        buf_clear(out);
        *name = files[i].name;
        if (tok_export(m->tok, files[i].format, out, NULL, e) == 0) return 0;
    }
    err_wrap(e, "the tokenizer has no file for such a directory");
    return err_hint(e, "--no-tokenizer converts the weights alone");
}

static int write_one(void *dir, const char *name, const struct buf *content, struct err *e)
{
    return write_text(dir, name, buf_text(content), content->len, e);
}

/* The files that a class of transformers makes the tokenizer of, which are read back. */
static int write_class(const struct tokenizer *t, char *dir, struct err *e)
{
    if (tok_class_files(t, write_one, dir, e)) return -1;
    struct tokenizer *back = tok_load(dir, e);
    if (!back) return -1;
    bool same = tok_same_class_files(t, back);
    tok_free(back);
    return same ? 0 : err_set(e, ERR_DATA, "the files of the tokenizer's class do not give the same tokenizer");
}

static int write_template(const struct saved_model *m, const char *dir, struct err *e)
{
    const char *text = m->chat_template;
    return text ? write_text(dir, "chat_template.jinja", text, strlen(text), e) : 0;
}

static int write_tokenizer(const struct saved_model *m, char *dir, struct err *e)
{
    if (!m->tok) return 0;
    if (tok_has_class_files(m->tok)) return write_class(m->tok, dir, e) || write_template(m, dir, e) ? -1 : 0;
    struct buf b = {0}, file = {0};
    const char *name;
    int ret = own_file(m, &name, &file, e);
    buf_adds(&b, "{\n");
    add_token(&b, "bos_token", m->tok, tok_bos(m->tok));
    add_token(&b, "eos_token", m->tok, tok_eos(m->tok));
    buf_printf(&b, "  \"model_max_length\": %d,\n", m->config.max_pos);
    add_around(&b, m->tok);
    if (!ret && strcmp(name, "tokenizer.json") == 0) buf_adds(&b, "  \"tokenizer_class\": \"PreTrainedTokenizerFast\"\n}\n");
    else if (!ret) buf_printf(&b, "  \"tokenizer_file\": \"%s\"\n}\n", name);
    if (!ret) ret = buf_ok(&b, e) || write_text(dir, "tokenizer_config.json", b.data, b.len, e) ||
                    write_text(dir, name, file.data, file.len, e);
    if (ret == 0) ret = write_template(m, dir, e);
    buf_free(&b);
    buf_free(&file);
    return ret ? -1 : 0;
}

/* ---- the directory ---- */

static int check_free(const char *dir, struct err *e)
{
    if (!file_exists(dir)) return 0;
    char **names;
    size_t n;
    if (!file_is_dir(dir)) return err_set(e, ERR_CANTCREAT, "'%s' exists and is not a directory", dir);
    if (dir_list(dir, &names, &n, e)) return -1;
    dir_list_free(names, n);
    if (n == 0) return 0;
    err_set(e, ERR_CANTCREAT, "'%s' exists and is not empty", dir);
    return err_hint(e, "give another name, or remove it");
}

static char *temporary_dir(const char *dir)
{
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/') n--;
    struct buf b = {0};
    buf_add(&b, dir, n);
    buf_printf(&b, ".tmp.%ld", (long)getpid());
    return buf_steal(&b);
}

int hf_dir_save(const char *dir, const struct saved_model *m, const enum dtype *dtype, uint64_t max_shard,
                struct err *e)
{
    enum dtype used;
    if (check_free(dir, e)) return -1;
    char *tmp = temporary_dir(dir);
    if (!tmp) return err_oom(e, strlen(dir), "a path");
    int ret = dir_remove(tmp, e) || dir_make(tmp, e) || write_weights(m, tmp, dtype, max_shard, &used, e) ||
              write_config(m, tmp, used, e) || write_tokenizer(m, tmp, e) || dir_sync(tmp, e);
    if (!ret && rename(tmp, dir)) ret = err_errno(e, errno, "renaming to", dir);
    if (ret) {
        struct err ignored;
        dir_remove(tmp, &ignored);
    }
    free(tmp);
    return ret ? -1 : 0;
}
