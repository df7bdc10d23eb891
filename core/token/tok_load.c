/* tokenizer.json in. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/jlex.h"
#include "core/token/tok_internal.h"

static const size_t max_file_bytes = (size_t)256 << 20;

/* ---- vocabulary and merges ---- */

static int read_vocab(struct tokenizer *t, struct jlex *x, struct err *e)
{
    if (!vocab_reserve(&t->vocab, (size_t)(x->end - x->p) / 24))
        return err_oom(e, (unsigned long long)(x->end - x->p), "the vocabulary");
    if (jlex_expect(x, '{', e)) return -1;
    if (jlex_try(x, '}')) return 0;
    do {
        const char *s;
        size_t n;
        int64_t id;
        struct err inner;
        if (jlex_string(x, &s, &n, e) || jlex_expect(x, ':', e) || jlex_int(x, &id, e)) return -1;
        if (vocab_add(&t->vocab, id, s, n, VOCAB_MODEL, &inner))
            return jlex_error(x, e, "%s", inner.msg);
    } while (jlex_try(x, ','));
    return jlex_expect(x, '}', e);
}

/* "a b" or ["a", "b"]: the two texts one after the other into pair, the border
 * into *cut. */
static int read_pair(struct jlex *x, struct buf *pair, size_t *cut, struct err *e)
{
    const char *s;
    size_t n;
    buf_clear(pair);
    if (jlex_try(x, '[')) {
        if (jlex_string(x, &s, &n, e)) return -1;
        buf_add(pair, s, n);
        *cut = n;
        if (jlex_expect(x, ',', e) || jlex_string(x, &s, &n, e)) return -1;
        buf_add(pair, s, n);
        if (jlex_expect(x, ']', e)) return -1;
    } else {
        if (jlex_string(x, &s, &n, e)) return -1;
        const char *space = memchr(s, ' ', n);
        if (!space || memchr(space + 1, ' ', (size_t)(s + n - space - 1)))
            return jlex_error(x, e, "a merge is two tokens with one space between");
        *cut = (size_t)(space - s);
        buf_add(pair, s, *cut);
        buf_add(pair, space + 1, n - *cut - 1);
    }
    return buf_ok(pair, e);
}

static int part_missing(const struct jlex *x, const char *s, size_t n, size_t index, struct err *e)
{
    return jlex_error(x, e, "merge %zu (from 0): '%.*s' is not in the vocabulary", index,
                      n > 80 ? 80 : (int)n, s);
}

/* Merges mostly stand in the order of the ids they make. */
static int merged_id(const struct tokenizer *t, const char *text, size_t n)
{
    const struct bpe *b = &t->bpe;
    int guess = b->n_merges ? b->merge[b->n_merges - 1].id + 1 : 0;
    if (guess < t->vocab.n && (t->vocab.v[guess].flags & VOCAB_USED)) {
        size_t len;
        const char *have = vocab_text(&t->vocab, guess, &len);
        if (len == n && memcmp(have, text, n) == 0) return guess;
    }
    return vocab_find(&t->vocab, text, n);
}

static int read_merge(struct tokenizer *t, struct jlex *x, struct buf *pair, struct err *e)
{
    size_t cut = 0, index = t->bpe.n_merges;
    if (read_pair(x, pair, &cut, e)) return -1;
    const char *s = pair->data ? pair->data : "";
    int left = vocab_find(&t->vocab, s, cut);
    if (left < 0) return part_missing(x, s, cut, index, e);
    int right = vocab_find(&t->vocab, s + cut, pair->len - cut);
    if (right < 0) return part_missing(x, s + cut, pair->len - cut, index, e);
    int id = merged_id(t, s, pair->len);
    if (id < 0) return part_missing(x, s, pair->len, index, e);
    return bpe_add(&t->bpe, left, right, id, e);
}

static int read_merges(struct tokenizer *t, struct jlex *x, struct err *e)
{
    struct buf pair = {0};
    int ret = -1;
    if (jlex_expect(x, '[', e)) return -1;
    if (!jlex_try(x, ']')) {
        do {
            if (read_merge(t, x, &pair, e)) goto out;
        } while (jlex_try(x, ','));
        if (jlex_expect(x, ']', e)) goto out;
    }
    ret = bpe_finish(&t->bpe, e);
out:
    buf_free(&pair);
    return ret;
}

static int read_model_options(struct tokenizer *t, const struct cJSON *m, struct err *e)
{
    static const char *const keys[] = {
        "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
        "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges", NULL};
    const char *type = NULL, *unk = NULL, *prefix = NULL, *suffix = NULL;
    double dropout = 0;
    if (json_opt_str(m, "type", &type, "model", e)) return -1;
    if (type && strcmp(type, "BPE") != 0)
        return err_set(e, ERR_DATA, "model '%s' is not supported yet", type);
    if (json_known_keys(m, keys, "model", e) || json_opt_f64(m, "dropout", 0, 1, &dropout, "model", e) ||
        json_opt_str(m, "unk_token", &unk, "model", e) ||
        json_opt_str(m, "continuing_subword_prefix", &prefix, "model", e) ||
        json_opt_str(m, "end_of_word_suffix", &suffix, "model", e) ||
        json_opt_bool(m, "fuse_unk", &t->fuse_unk, "model", e) ||
        json_opt_bool(m, "byte_fallback", &t->byte_fallback, "model", e) ||
        json_opt_bool(m, "ignore_merges", &t->ignore_merges, "model", e))
        return -1;
    if (dropout > 0)
        return err_set(e, ERR_DATA, "model: dropout makes encoding random; set it to null");
    if ((prefix && *prefix) || (suffix && *suffix))
        return err_set(e, ERR_DATA, "model: continuing_subword_prefix and end_of_word_suffix are "
                                    "not supported yet");
    if (t->byte_fallback && !t->byte_level)
        return err_set(e, ERR_DATA, "model: byte_fallback is not supported yet");
    t->empty_prefix = prefix != NULL;
    t->empty_suffix = suffix != NULL;
    t->unk_id = -1;
    if (unk && (t->unk_id = vocab_find(&t->vocab, unk, strlen(unk))) < 0)
        return err_set(e, ERR_DATA, "model: unk_token '%s' is not in the vocabulary", unk);
    return 0;
}

static int read_model(struct tokenizer *t, const struct cJSON *root, const char *json,
                      struct jlex_span vocab, struct jlex_span merges, const char *name,
                      struct err *e)
{
    const struct cJSON *m = json_member(root, "model");
    if (!cJSON_IsObject(m)) return err_set(e, ERR_DATA, "'%s': no object 'model'", name);
    const char *type = NULL;
    if (json_opt_str(m, "type", &type, "model", e)) return err_wrap(e, "'%s'", name);
    if (type && strcmp(type, "BPE") != 0)
        return err_set(e, ERR_DATA, "'%s': model '%s' is not supported yet", name, type);
    if (!vocab.begin || !merges.begin)
        return err_set(e, ERR_DATA, "'%s': model has no '%s'", name,
                       vocab.begin ? "merges" : "vocab");
    struct jlex x;
    jlex_init(&x, json, vocab, name);
    int ret = read_vocab(t, &x, e);
    jlex_free(&x);
    if (ret) return -1;
    jlex_init(&x, json, merges, name);
    ret = read_merges(t, &x, e);
    jlex_free(&x);
    if (ret) return -1;
    return read_model_options(t, m, e) ? err_wrap(e, "'%s'", name) : 0;
}

/* ---- added tokens ---- */

static int read_added_one(struct tokenizer *t, const struct cJSON *j, struct tok_added *a,
                          struct err *e)
{
    static const char *const keys[] = {"id", "content", "single_word", "lstrip", "rstrip",
                                       "normalized", "special", NULL};
    int64_t id;
    const char *content, *where = "added_tokens";
    if (!cJSON_IsObject(j)) return err_set(e, ERR_DATA, "added_tokens: an entry is not an object");
    a->normalized = true;
    if (json_known_keys(j, keys, where, e) || json_get_i64(j, "id", 0, VOCAB_MAX_ID, &id, where, e) ||
        json_get_str(j, "content", &content, where, e) ||
        json_opt_bool(j, "single_word", &a->single_word, where, e) ||
        json_opt_bool(j, "lstrip", &a->lstrip, where, e) ||
        json_opt_bool(j, "rstrip", &a->rstrip, where, e) ||
        json_opt_bool(j, "normalized", &a->normalized, where, e) ||
        json_opt_bool(j, "special", &a->special, where, e))
        return -1;
    size_t len = strlen(content);
    if (len == 0) return err_set(e, ERR_DATA, "added_tokens: id %d has no text", (int)id);
    unsigned flags = VOCAB_ADDED | (a->special ? VOCAB_SPECIAL : 0u);
    a->id = vocab_find(&t->vocab, content, len);
    if (a->id < 0) {
        a->id = (int)id;
        return vocab_add(&t->vocab, id, content, len, flags, e);
    }
    if (a->id != (int)id)
        return err_set(e, ERR_DATA, "added token '%s' has id %d, but %d in the vocabulary", content,
                       (int)id, a->id);
    if (t->vocab.v[id].flags & VOCAB_ADDED)
        return err_set(e, ERR_DATA, "added token '%s' appears twice", content);
    t->vocab.v[id].flags |= flags;
    return 0;
}

static int read_added(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    if (!j || cJSON_IsNull(j)) return 0;
    if (!cJSON_IsArray(j)) return err_set(e, ERR_DATA, "added_tokens must be a list");
    int n = cJSON_GetArraySize(j);
    t->added = mem_zalloc((size_t)n, sizeof *t->added);
    if (!t->added) return err_oom(e, (size_t)n * sizeof *t->added, "added tokens");
    for (const struct cJSON *i = j->child; i; i = i->next)
        if (read_added_one(t, i, &t->added[t->n_added++], e)) return -1;
    for (size_t i = 0; i < t->n_added; i++) /* the pool does not move any more */
        t->added[i].text = vocab_text(&t->vocab, t->added[i].id, &t->added[i].len);
    return 0;
}

/* ---- tables made from the vocabulary ---- */

static int make_bytes(struct tokenizer *t, struct err *e)
{
    size_t total = t->vocab.pool.len;
    t->bytes = mem_zalloc((size_t)t->vocab.n, sizeof *t->bytes);
    t->byte_pool = mem_zalloc(total + 16, 1);
    if (!t->bytes || !t->byte_pool) return err_oom(e, total, "token texts");
    size_t used = 0;
    for (int id = 0; id < t->vocab.n; id++) {
        t->bytes[id].off = TOK_HOLE;
        if (!(t->vocab.v[id].flags & VOCAB_USED)) continue;
        size_t len;
        const char *text = vocab_text(&t->vocab, id, &len);
        uint8_t *to = (uint8_t *)t->byte_pool + used;
        long n = bytemap_unspell(text, len, to);
        struct tok_bytes *b = &t->bytes[id];
        b->covers = (uint32_t)(t->byte_level && n >= 0 ? (size_t)n : len);
        if (t->decoder != DECODER_BYTES || n < 0) {
            memcpy(to, text, len);
            n = (long)len;
        }
        b->off = (uint32_t)used;
        b->len = (uint32_t)n;
        used += (size_t)n;
    }
    return 0;
}

/* Symbols of single bytes, or of single ASCII characters. */
static void make_byte_ids(struct tokenizer *t)
{
    for (int b = 0; b < 256; b++) {
        struct buf spelled = {0};
        uint8_t byte = (uint8_t)b;
        if (t->byte_level) bytemap_spell(&spelled, &byte, 1);
        else buf_addc(&spelled, (char)b);
        int id = spelled.oom ? -1 : vocab_find(&t->vocab, spelled.data, spelled.len);
        t->byte_id[b] = id >= 0 && (t->vocab.v[id].flags & VOCAB_MODEL) ? id : -1;
        buf_free(&spelled);
    }
}

static int first_of(const struct tokenizer *t, const char *const *names)
{
    for (; *names; names++) {
        int id = vocab_find(&t->vocab, *names, strlen(*names));
        if (id >= 0 && (t->vocab.v[id].flags & VOCAB_SPECIAL)) return id;
    }
    return -1;
}

/* tokenizer.json does not say which special tokens begin and end a document. */
static void guess_ends(struct tokenizer *t)
{
    static const char *const begin[] = {"<|begin_of_text|>", "<s>", "<bos>", "<|bos|>",
                                        "<|startoftext|>", "[CLS]", NULL};
    static const char *const end[] = {"<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>",
                                      "<|eos|>", "[SEP]", NULL};
    t->bos = first_of(t, begin);
    t->eos = first_of(t, end);
}

/* ---- the whole ---- */

static int keep_part(struct tokenizer *t, enum tok_part p, const struct cJSON *j, struct err *e)
{
    if (!j || cJSON_IsNull(j)) return 0;
    struct buf text = {0};
    json_print(&text, j, 0);
    if (buf_ok(&text, e)) {
        buf_free(&text);
        return -1;
    }
    t->part[p] = buf_steal(&text);
    return 0;
}

static int read_parts(struct tokenizer *t, const struct cJSON *root, struct err *e)
{
    static const char *const keys[] = {"version", "truncation", "padding", "added_tokens",
                                       "normalizer", "pre_tokenizer", "post_processor", "decoder",
                                       "model", NULL};
    static const char *const unbuilt[] = {"truncation", "padding"};
    if (json_known_keys(root, keys, "top level", e)) return -1;
    for (size_t i = 0; i < COUNT_OF(unbuilt); i++) {
        const struct cJSON *j = json_member(root, unbuilt[i]);
        if (j && !cJSON_IsNull(j))
            return err_set(e, ERR_DATA, "a %s in tokenizer.json is not supported yet", unbuilt[i]);
    }
    const struct cJSON *pre = json_member(root, "pre_tokenizer");
    const struct cJSON *decoder = json_member(root, "decoder");
    const struct cJSON *norm = json_member(root, "normalizer");
    if (tok_read_normalizer(t, norm, e) || keep_part(t, PART_NORMALIZER, norm, e)) return -1;
    if (tok_read_pre(t, pre, e) || tok_read_decoder(t, decoder, e)) return -1;
    return keep_part(t, PART_PRE, pre, e) || keep_part(t, PART_DECODER, decoder, e) ? -1 : 0;
}

static int read_all(struct tokenizer *t, const struct cJSON *root, const char *json,
                    struct jlex_span vocab, struct jlex_span merges, const char *name,
                    struct err *e)
{
    if (!cJSON_IsObject(root)) return err_set(e, ERR_DATA, "'%s': not a JSON object", name);
    if (read_parts(t, root, e)) return err_wrap(e, "'%s'", name);
    if (read_model(t, root, json, vocab, merges, name, e)) return -1;
    const struct cJSON *post = json_member(root, "post_processor");
    if (read_added(t, json_member(root, "added_tokens"), e) || tok_read_post(t, post, e) ||
        keep_part(t, PART_POST, post, e))
        return err_wrap(e, "'%s'", name);
    if (t->vocab.n == 0) return err_set(e, ERR_DATA, "'%s': the vocabulary is empty", name);
    make_byte_ids(t);
    if (t->byte_level && t->bpe.n_merges && bpe_byte_pairs(&t->bpe, t->byte_id, e))
        return err_wrap(e, "'%s'", name);
    guess_ends(t);
    if (make_bytes(t, e) || tok_matcher_init(&t->raw, t, false, e) ||
        tok_matcher_init(&t->normalized, t, true, e))
        return err_wrap(e, "'%s'", name);
    return 0;
}

struct tokenizer *tok_parse(const char *json, size_t n, const char *name, struct err *e)
{
    struct buf rest = {0};
    struct jlex_span vocab, merges;
    struct cJSON *root = NULL;
    struct tokenizer *t = NULL;
    int ret = -1;
    struct json_limits lim = {.max_bytes = max_file_bytes};
    if (n > max_file_bytes) {
        err_set(e, ERR_DATA, "'%s': larger than 256 MiB", name);
        return NULL;
    }
    if (jlex_cut(json, n, name, &rest, &vocab, &merges, e)) goto out;
    root = json_parse(rest.data ? rest.data : "", rest.len, name, &lim, e);
    if (!root) goto out;
    t = mem_zalloc(1, sizeof *t);
    if (!t) {
        err_oom(e, sizeof *t, "a tokenizer");
        goto out;
    }
    ret = read_all(t, root, json, vocab, merges, name, e);
out:
    if (ret) {
        if (e->code == ERR_CONFIG) e->code = ERR_DATA; /* the getters' word for a bad value */
        tok_free(t);
        t = NULL;
    }
    json_free(root);
    buf_free(&rest);
    return t;
}

void tok_free(struct tokenizer *t)
{
    if (!t) return;
    vocab_free(&t->vocab);
    bpe_free(&t->bpe);
    tok_matcher_free(&t->raw);
    tok_matcher_free(&t->normalized);
    for (int p = 0; p < N_PARTS; p++) free(t->part[p]);
    free(t->added);
    free(t->bytes);
    free(t->byte_pool);
    free(t);
}

/* A Hugging Face directory names the ends of a document beside the tokenizer:
 * a string, or an added token object with "content". */
static int named_token(const struct tokenizer *t, const struct cJSON *config, const char *key,
                       int otherwise)
{
    const struct cJSON *j = json_member(config, key);
    if (cJSON_IsObject(j)) j = json_member(j, "content");
    if (!cJSON_IsString(j)) return otherwise;
    int id = vocab_find(&t->vocab, j->valuestring, strlen(j->valuestring));
    return id >= 0 ? id : otherwise;
}

static int read_config(struct tokenizer *t, const char *dir, struct err *e)
{
    int ret = 0;
    char *path = path_join(dir, "tokenizer_config.json");
    if (!path) return err_oom(e, strlen(dir), "a path");
    if (file_exists(path)) {
        struct cJSON *config = json_read_file(path, NULL, e);
        ret = config ? 0 : -1;
        if (config) {
            t->bos = named_token(t, config, "bos_token", t->bos);
            t->eos = named_token(t, config, "eos_token", t->eos);
        }
        json_free(config);
    }
    free(path);
    return ret;
}

struct tokenizer *tok_load(const char *path, struct err *e)
{
    bool dir = file_is_dir(path);
    char *file = dir ? path_join(path, "tokenizer.json") : mem_strdup(path);
    struct buf text = {0};
    struct tokenizer *t = NULL;
    if (!file) {
        err_oom(e, strlen(path), "a path");
        return NULL;
    }
    if (file_read_all(file, max_file_bytes, &text, e)) goto out;
    size_t len = strlen(file);
    if (len > 6 && strcmp(file + len - 6, ".model") == 0) {
        err_set(e, ERR_DATA, "'%s': SentencePiece models are not supported yet", file);
        goto out;
    }
    const char *kind = file_kind(text.data, text.len);
    if (kind && strcmp(kind, "JSON") != 0) {
        err_set(e, ERR_DATA, "'%s' is %s, not a tokenizer.json", file, kind);
        goto out;
    }
    t = tok_parse(text.data ? text.data : "", text.len, file, e);
    if (t && dir && read_config(t, path, e)) {
        tok_free(t);
        t = NULL;
    }
out:
    buf_free(&text);
    free(file);
    return t;
}
