#include "core/infer/session.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/ckpt/llmz.h"

struct hash128 gen_session_model(const struct model_config *c, const struct params *p, enum dtype dt)
{
    struct buf text = {0};
    struct hash128 out = {0};
    struct hash_stream *h = hash_stream_new();
    struct model_config of = *c;
    of.dropout_embed = of.dropout_attn = of.dropout_resid = 0;
    model_config_print(&of, &text);
    if (h && text.data) {
        hash_stream_add(h, text.data, text.len);
        hash_stream_add(h, dtype_name(dt), strlen(dtype_name(dt)));
        for (int i = 0; i < p->n; i++) hash_stream_add(h, p->v[i]->data, (size_t)p->v[i]->n * dtype_size(p->v[i]->dtype));
        out = hash_stream_128(h);
    }
    hash_stream_free(h);
    buf_free(&text);
    return out;
}

static int read_ids(struct gen_session *s, const char *path, int vocab, struct err *e)
{
    int i = llmz_find(s->z, "tokens");
    const struct llmz_tensor *t = i < 0 ? NULL : llmz_tensor(s->z, i);
    if (!t || t->dtype != DT_I32 || t->ndim != 1 || t->n < 2 || t->n > INT32_MAX / 2)
        return err_set(e, ERR_DATA, "'%s' holds no tokens", path);
    s->n = (int)t->n;
    s->cached = s->n - 1;
    if (!(s->ids = mem_alloc((size_t)s->n, sizeof *s->ids))) return err_oom(e, (size_t)s->n * 4, "a session");
    if (llmz_read(s->z, i, s->ids, NULL, e)) return -1;
    for (int k = 0; k < s->n; k++)
        if (s->ids[k] < 0 || s->ids[k] >= vocab)
            return err_set(e, ERR_DATA, "'%s': token %d is id %d, the vocabulary has %d", path, k, (int)s->ids[k], vocab);
    return 0;
}

int gen_session_open(struct gen_session *s, const char *path, struct hash128 model, int vocab, struct err *e)
{
    *s = (struct gen_session){.model = model};
    if (!file_exists(path)) return 0;
    if (!(s->z = llmz_open(path, e))) return -1;
    const char *kind = NULL, *hex = NULL;
    struct hash128 of;
    const struct cJSON *j = llmz_manifest(s->z);
    if (json_opt_str(j, "kind", &kind, path, e) || json_opt_str(j, "of_model", &hex, path, e)) return -1;
    if (!kind || strcmp(kind, "session") || !hex || !hash128_parse(hex, &of))
        return err_set(e, ERR_DATA, "'%s' is not a session", path);
    if (!hash128_eq(of, model)) {
        err_set(e, ERR_DATA, "'%s' belongs to another model, or to another --dtype", path);
        return err_hint(e, "give another file, or remove it to begin anew");
    }
    const char *chat = NULL;
    if (json_opt_str(j, "chat", &chat, path, e)) return -1;
    if (chat && !(s->chat = mem_strdup(chat))) return err_oom(e, strlen(chat), "a conversation");
    return read_ids(s, path, vocab, e);
}

static int load_piece(void *arg, const struct decoder_piece *p, struct err *e)
{
    struct gen_session *s = arg;
    int i = llmz_find(s->z, p->name);
    const struct llmz_tensor *t = i < 0 ? NULL : llmz_tensor(s->z, i);
    bool same = t && t->dtype == p->dtype && t->ndim == p->ndim;
    for (int k = 0; k < p->ndim && same; k++) same = t->dim[k] == p->dim[k];
    if (!same) return err_set(e, ERR_DATA, "the session's '%s' does not fit the model", p->name);
    return llmz_read(s->z, i, p->data, NULL, e);
}

int gen_session_restore(struct gen_session *s, struct decoder *d, struct err *e)
{
    return s->n ? decoder_state_load(d, 0, s->cached, load_piece, s, e) : 0;
}

static int save_piece(void *arg, const struct decoder_piece *p, struct err *e)
{
    return llmz_add(arg, p->name, p->dtype, p->ndim, p->dim, p->data, e);
}

int gen_session_save(const struct gen_session *s, const char *path, struct decoder *d, const int32_t *ids, int n,
                     struct err *e)
{
    struct buf manifest = {0};
    char hex[33];
    int64_t dim = n;
    int ret = -1;
    if (decoder_len(d, 0) != n - 1) return err_set(e, ERR_INTERNAL, "a session of %d tokens, %d read", n, decoder_len(d, 0));
    hash128_hex(s->model, hex);
    buf_printf(&manifest, "{\"format\":\"llmz\",\"kind\":\"session\",\"of_model\":\"%s\"", hex);
    if (s->chat) {
        buf_adds(&manifest, ",\"chat\":");
        buf_adds_json(&manifest, s->chat);
    }
    buf_addc(&manifest, '}');
    struct llmz_writer *w = buf_ok(&manifest, e) ? NULL : llmz_create(path, NULL, e);
    if (w) {
        if (llmz_add(w, "tokens", DT_I32, 1, &dim, ids, e) || decoder_state_save(d, 0, save_piece, w, e)) llmz_abort(w);
        else ret = llmz_finish(w, manifest.data, e);
    }
    buf_free(&manifest);
    return ret;
}

void gen_session_close(struct gen_session *s)
{
    llmz_close(s->z);
    free(s->ids);
    free(s->chat);
    *s = (struct gen_session){0};
}
