/* config_edit.c - presets, the --depth dial, --set and the short forms. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/opt.h"
#include "core/model/layout.h"
#include "core/model/presets.h"

const char *const *model_preset_names(void)
{
    return preset_names;
}

static int parse_text(struct model_config *c, const char *text, size_t n, const char *name, struct err *e)
{
    struct cJSON *j = json_parse(text, n, name, NULL, e);
    if (!j) return -1;
    int r = model_config_parse(c, j, name, e);
    json_free(j);
    return r;
}

int model_config_preset(struct model_config *c, const char *name, struct err *e)
{
    size_t n = 0;
    for (; preset_names[n]; n++)
        if (strcmp(preset_names[n], name) == 0)
            return parse_text(c, preset_texts[n], strlen(preset_texts[n]), name, e);
    const char *near = opt_nearest(name, preset_names, n);
    if (near) return err_set(e, ERR_CONFIG, "no preset '%s'; did you mean %s?", name, near);
    /* The family's presets when the name begins some, all of them otherwise. */
    struct buf like = {0};
    for (size_t pass = 0, same = strlen(name); pass < 2 && !like.len; pass++, same = 0)
        for (size_t i = 0; i < n; i++)
            if (strncmp(preset_names[i], name, same) == 0) buf_printf(&like, "%s%s", like.len ? ", " : "", preset_names[i]);
    err_set(e, ERR_CONFIG, "no preset '%s'; there are %s", name, buf_text(&like));
    buf_free(&like);
    return -1;
}

static int64_t round_up(int64_t x, int64_t to)
{
    return (x + to - 1) / to * to;
}

static int depth_rwkv(struct model_config *c, const char *family, int depth, struct err *e)
{
    int d = 64 * depth;
    struct buf t = {0};
    buf_printf(&t,
               "{\"family\":\"%s\",\"d_model\":%d,\"vocab\":32768,\"embed\":{\"max_pos\":1024,\"ln\":true},\"blocks\":["
               "{\"repeat\":%d,"
               "\"mixer\":{\"type\":\"%s\"},\"ffn\":{\"type\":\"rwkv_cmix\",\"d_ff\":%d},\"norm\":{\"type\":\"ln\"}}]}",
               family, d, depth, strcmp(family, "rwkv") ? family : "rwkv4", 4 * d);
    int r = buf_ok(&t, e) ? -1 : parse_text(c, t.data, t.len, "--depth", e);
    buf_free(&t);
    return r;
}

/* Width 64 a layer, as nanochat's dial has it; heads of 64, of 128 from 1024 up where that divides. */
int model_config_depth(struct model_config *c, const char *family, int depth, struct err *e)
{
    if (!family_find(family)) {
        err_set(e, ERR_CONFIG, "family '%s' is unknown", family);
        return err_hint(e, "--depth knows gpt2, llama, qwen2, qwen3 and gpt_neox");
    }
    for (int i = 0; i < n_families_more; i++)
        if (strcmp(families_more[i].name, family) == 0)
            return err_set(
                e, ERR_CONFIG,
                "depth makes decoders like gpt2 or llama; for family %s take a preset, with layers and width", family);
    if (depth < 1 || depth > 128) return err_set(e, ERR_CONFIG, "depth %d is not within 1..128", depth);
    if (strncmp(family, "rwkv", 4) == 0) return depth_rwkv(c, family, depth, e);
    bool llama = strcmp(family, "gpt2") && strcmp(family, "gpt_neox");
    int d = 64 * depth, head_dim = d < 256 ? 32 : d >= 1024 && d % 128 == 0 ? 128 : 64;
    int64_t ff = llama ? round_up((int64_t)d * 8 / 3, 64) : 4 * d;
    struct buf t = {0};
    buf_printf(&t, "{\"family\":\"%s\",\"d_model\":%d,\"vocab\":32768,\"tie_embed\":true,", family, d);
    buf_printf(&t, "\"embed\":{\"pos\":\"%s\",\"max_pos\":1024},\"blocks\":[{\"repeat\":%d,",
               strcmp(family, "gpt2") == 0 ? "learned" : "none", depth);
    buf_printf(&t, "\"mixer\":{\"type\":\"attn\",\"heads\":%d,\"bias\":\"%s\",\"qk_norm\":\"%s\"", d / head_dim,
               !llama ? "all" : strcmp(family, "qwen2") == 0 ? "qkv" : "none",
               strcmp(family, "qwen3") == 0 ? "head_rms" : "none");
    if (strcmp(family, "gpt2"))
        buf_printf(&t, ",\"pos\":{\"type\":\"rope\",\"theta\":10000,\"partial\":%s}", llama ? "1" : "0.25");
    buf_printf(&t, "},\"ffn\":{\"type\":\"%s\",\"act\":\"%s\",\"d_ff\":%lld,\"bias\":%s},", llama ? "glu" : "mlp",
               llama ? "silu" : strcmp(family, "gpt2") ? "gelu_erf" : "gelu_tanh", (long long)ff,
               llama ? "false" : "true");
    buf_printf(&t, "\"norm\":{\"type\":\"%s\",\"eps\":%s,\"place\":\"%s\"}}]}", llama ? "rms" : "ln",
               strncmp(family, "qwen", 4) == 0 ? "1e-6" : "1e-5",
               strcmp(family, "gpt_neox") ? "pre" : "parallel");
    int r = buf_ok(&t, e) ? -1 : parse_text(c, t.data, t.len, "--depth", e);
    buf_free(&t);
    return r;
}

/* One step of a path: a key, or key[index].  Advances *path past it. */
static int step(const char **path, char *key, size_t key_size, int *index, const char *whole, struct err *e)
{
    size_t n = strcspn(*path, ".[");
    if (n == 0 || n >= key_size) return err_set(e, ERR_CONFIG, "'%s' is not a path of keys", whole);
    memcpy(key, *path, n);
    key[n] = '\0';
    *path += n;
    *index = -1;
    if (**path == '[') {
        char *end;
        long v = strtol(*path + 1, &end, 10);
        if (end == *path + 1 || *end != ']' || v < 0 || v >= MODEL_MAX_BLOCKS)
            return err_set(e, ERR_CONFIG, "'%s': bad index after '%s'", whole, key);
        *index = (int)v;
        *path = end + 1;
    }
    if (**path == '.') (*path)++;
    else if (**path) return err_set(e, ERR_CONFIG, "'%s' is not a path of keys", whole);
    return 0;
}

/* A value on its way to its place; `in` is the key of the object at hand. */
struct assignment {
    const char *whole;
    const struct cJSON *value;
};
static int assign(struct cJSON *o, const char *in, const char *path, const struct assignment *a, struct err *e);

/* What an object keeps when its type changes: the rest said what the old type needed. */
static const struct {
    const char *object, *keeps;
} of_types[] = {{"pos", ""},        {"mixer", " heads "},
                {"head", " norm "}, {"ffn", " d_ff bias act "},
                {"norm", " eps place mixer weight "}, {"scaling", " factor original_max_pos "}};

static void forget_old_type(struct cJSON *o, const char *in, const struct cJSON *value)
{
    const struct cJSON *old = json_member(o, "type");
    const char *keeps = NULL, *now = cJSON_IsString(value) ? value->valuestring : "";
    for (size_t i = 0; i < COUNT_OF(of_types); i++)
        if (strcmp(of_types[i].object, in) == 0) keeps = of_types[i].keeps;
    if (!keeps || !cJSON_IsString(old) || strcmp(old->valuestring, now) == 0) return;
    if (strcmp(now, "rwkv_cmix") == 0 || strcmp(old->valuestring, "rwkv_cmix") == 0) keeps = " d_ff ";
    else if (strncmp(now, "rwkv", 4) == 0) keeps = "";
    for (struct cJSON *m = o->child, *next; m; m = next) {
        char word[72];
        next = m->next;
        snprintf(word, sizeof word, " %.60s ", m->string);
        if (strcmp(m->string, "type") && !strstr(keeps, word)) cJSON_Delete(cJSON_DetachItemViaPointer(o, m));
    }
}

/* Applies the rest of the path to one element of a list, or to all. */
static int assign_list(struct cJSON *list, int index, const char *path, const struct assignment *a, struct err *e)
{
    struct cJSON *item;
    int i = 0;
    cJSON_ArrayForEach(item, list)
    {
        if ((index < 0 || i == index) && assign(item, "", path, a, e)) return -1;
        i++;
    }
    if (index >= i) return err_set(e, ERR_CONFIG, "'%s': index %d of a list of %d", a->whole, index, i);
    return 0;
}

static int put(struct cJSON *o, const char *in, const char *key, const struct assignment *a, struct err *e)
{
    struct cJSON *copy = cJSON_Duplicate(a->value, 1);
    if (!copy) return err_oom(e, 64, "a configuration value");
    if (strcmp(key, "type") == 0) forget_old_type(o, in, copy);
    /* An unknown key is added, for the parser to name with its nearest. */
    bool ok = json_member(o, key) ? cJSON_ReplaceItemInObjectCaseSensitive(o, key, copy)
                                  : cJSON_AddItemToObject(o, key, copy);
    return ok ? 0 : err_oom(e, 64, "a configuration value");
}

static int assign(struct cJSON *o, const char *in, const char *path, const struct assignment *a, struct err *e)
{
    char key[64];
    int index = -1;
    if (!cJSON_IsObject(o)) return err_set(e, ERR_CONFIG, "'%s' goes through something that is no object", a->whole);
    if (step(&path, key, sizeof key, &index, a->whole, e)) return -1;
    struct cJSON *m = json_member(o, key);
    if (!*path) return index < 0 ? put(o, in, key, a, e) : err_set(e, ERR_CONFIG, "'%s' must end in a key", a->whole);
    if (m && cJSON_IsArray(m)) return assign_list(m, index, path, a, e);
    if (index >= 0) return err_set(e, ERR_CONFIG, "'%s': %s is not a list", a->whole, key);
    if (!m) {
        m = cJSON_AddObjectToObject(o, key);
        if (!m) return err_oom(e, 64, "a configuration value");
    }
    return assign(m, key, path, a, e);
}

/* One "key.path=value" into the description's JSON. */
static int set_one(struct cJSON *j, const char *text, struct err *e)
{
    const char *eq = strchr(text, '=');
    if (!eq || eq == text) return err_set(e, ERR_CONFIG, "'%s' is not of the form key.path=value", text);
    char *path = mem_strndup(text, (size_t)(eq - text));
    struct err ignored;
    struct cJSON *value = json_parse(eq + 1, strlen(eq + 1), "value", NULL, &ignored);
    if (!value) value = cJSON_CreateString(eq + 1);
    int r = !path || !value ? err_oom(e, strlen(text), "a configuration value")
                            : assign(j, "", path, &(struct assignment){path, value}, e);
    free(path);
    json_free(value);
    return r;
}

int model_config_set(struct model_config *c, const char *const *assignments, size_t n, struct err *e)
{
    struct buf text = {0};
    struct model_config changed;
    model_config_print(c, &text);
    struct cJSON *j = buf_ok(&text, e) ? NULL : json_parse(text.data, text.len, "configuration", NULL, e);
    int r = j ? 0 : -1;
    for (size_t i = 0; i < n && !r; i++) r = set_one(j, assignments[i], e);
    if (!r) r = model_config_parse(&changed, j, n == 1 ? assignments[0] : "--set", e);
    if (!r) *c = changed;
    json_free(j);
    buf_free(&text);
    return r;
}

/* RWKV has no heads (4), or heads of a fixed size whose number follows the width. */
static int resize_rwkv(struct block_config *b, int old_width, const struct model_dims *d, struct err *e)
{
    int width = d->width ? (int)d->width : old_width;
    if (b->heads * b->head_dim != old_width) return 0;
    if (b->mixer == MIX_RWKV4) b->head_dim = width;
    else if (d->heads) b->head_dim = width / (int)d->heads;
    if (b->head_dim < 1 || width % b->head_dim)
        return err_set(e, ERR_CONFIG, "heads of %d do not divide a width of %d", b->head_dim, width);
    b->heads = b->kv_heads = width / b->head_dim;
    return 0;
}

/* Heads, width and FFN of one group; the head dimension follows the width
 * where it did before. */
static int resize_block(struct block_config *b, int old_width, const struct model_dims *d, struct err *e)
{
    int width = d->width ? (int)d->width : old_width, group = b->heads / b->kv_heads;
    bool follows = b->heads * b->head_dim == old_width && b->mixer != MIX_MLA;
    if (b->mixer >= MIX_RWKV4) {
        if (resize_rwkv(b, old_width, d, e)) return -1;
        follows = false;
    } else if (d->heads) {
        b->heads = (int)d->heads;
        b->kv_heads = b->heads % group ? b->heads : b->heads / group;
    }
    if (d->kv_heads && b->mixer < MIX_RWKV4) b->kv_heads = (int)d->kv_heads;
    if (follows) {
        if (width % b->heads) return err_set(e, ERR_CONFIG, "%d heads do not divide a width of %d", b->heads, width);
        b->head_dim = width / b->heads;
    }
    int64_t ff = (int64_t)b->d_ff * width / old_width;
    if (b->ffn == FFN_GLU && width != old_width) ff = round_up(ff, 32);
    if (ff < 1 || ff > 1 << 22)
        return err_set(e, ERR_CONFIG, "a width of %d gives an FFN of %lld", width, (long long)ff);
    b->d_ff = (int)ff;
    return 0;
}

static int resize_layers(struct model_config *c, int64_t layers, struct err *e)
{
    /* An encoder-decoder with one group in each stack gets as many in both. */
    if (c->stack == STACK_ENCDEC && c->n_blocks == 2) {
        c->block[0].repeat = c->block[1].repeat = c->n_enc_layers = (int)layers;
        c->n_layers = 2 * (int)layers;
        return 0;
    }
    if (c->n_blocks != 1)
        return err_set(e, ERR_CONFIG, "the model has %d groups of blocks; set blocks[i].repeat instead of layers",
                       c->n_blocks);
    c->block[0].repeat = c->n_layers = (int)layers;
    return 0;
}

int model_config_resize(struct model_config *c, const struct model_dims *d, struct err *e)
{
    static const struct {
        const char *name;
        int64_t max;
    } range[] = {{"layers", MODEL_MAX_LAYERS}, {"width", 1 << 17}, {"heads", 4096},
                 {"kv_heads", 4096},           {"context", 1 << 24}, {"vocab", 1 << 24}};
    const int64_t v[] = {d->layers, d->width, d->heads, d->kv_heads, d->context, d->vocab};
    for (size_t i = 0; i < COUNT_OF(v); i++)
        if (v[i] < 0 || v[i] > range[i].max)
            return err_set(e, ERR_CONFIG, "%s %lld is not within 1..%lld", range[i].name, (long long)v[i],
                           (long long)range[i].max);
    struct model_config n = *c;
    if (d->layers && resize_layers(&n, d->layers, e)) return -1;
    for (int i = 0; i < n.n_blocks; i++)
        if (resize_block(&n.block[i], c->d_model, d, e)) return -1;
    if (d->width && n.embed_dim == n.d_model) n.embed_dim = (int)d->width;
    if (d->width) n.d_model = (int)d->width;
    if (d->context) n.max_pos = (int)d->context;
    if (d->vocab) n.vocab = (int)d->vocab;
    if (model_config_check(&n, e)) return -1;
    *c = n;
    return 0;
}
