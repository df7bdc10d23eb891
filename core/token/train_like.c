#include "core/token/train_like.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/spm_model.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_lines.h"
#include "core/token/train_chain.h"

void train_like_free(struct train_like *l)
{
    if (l->model) spm_model_free(l->model);
    free(l->model);
    for (size_t i = 0; i < l->n_text; i++) free(l->text[i]);
    free(l->text);
    free(l->user);
    json_free(l->json);
    cJSON_free(l->normalizer);
    cJSON_free(l->pre);
    free(l->special);
    *l = (struct train_like){.json = NULL};
}

/* A part as text; NULL where there is none. */
static int keep_part(const struct cJSON *root, const char *key, char **out, struct err *e)
{
    const struct cJSON *part = json_member(root, key);
    *out = NULL;
    if (!part || cJSON_IsNull(part)) return 0;
    *out = cJSON_PrintUnformatted(part);
    return *out ? 0 : err_oom(e, 1, "a step");
}

/* Special tokens in their order, then `more`. */
static int keep_special(struct train_like *l, const char *const *more, size_t n_more, struct err *e)
{
    const struct cJSON *added = json_member(l->json, "added_tokens"), *a;
    size_t n = (size_t)cJSON_GetArraySize(added) + n_more;
    if (!(l->special = mem_alloc(n, sizeof *l->special))) return err_oom(e, n * sizeof *l->special, "special tokens");
    cJSON_ArrayForEach(a, added)
        if (cJSON_IsTrue(json_member(a, "special"))) l->special[l->n_special++] = json_text_or(a, "content", NULL);
    for (size_t i = 0; i < n_more; i++) l->special[l->n_special++] = more[i];
    return 0;
}

/* Which kind learns such a model. */
static int choose_type(struct train_like *l, const struct tokenizer *t, const char *name, struct err *e)
{
    const struct cJSON *model = json_member(l->json, "model");
    struct tokenizer *chain = chain_make(l->normalizer, l->pre, e);
    if (!chain) return -1;
    bool bytes = chain_gives_bytes(chain);
    l->lines = bytes && tok_lines_apart(chain);
    tok_free(chain);
    switch (t->model) {
    case MODEL_BPE:
        if (t->byte_fallback)
            return err_set(e, ERR_USAGE, "--like '%s': characters that it does not know fall back to bytes <0x..>, and a new vocabulary "
                                         "would have none; train --type sp-bpe --byte-fallback", name);
        l->type = bytes ? TOK_TRAIN_BPE : TOK_TRAIN_CHAR_BPE;
        l->prefix = json_text_or(model, "continuing_subword_prefix", NULL);
        l->suffix = json_text_or(model, "end_of_word_suffix", NULL);
        return 0;
    case MODEL_WORDPIECE:
        l->type = TOK_TRAIN_WORDPIECE;
        if (strcmp(t->prefix, "##") == 0) return 0;
        return err_set(e, ERR_USAGE, "--like '%s': WordPiece is learned with the prefix ##, not '%s'", name, t->prefix);
    case MODEL_WORDLEVEL:
        l->type = TOK_TRAIN_WORD;
        l->unk = json_text_or(model, "unk_token", NULL);
        return 0;
    case MODEL_UNIGRAM: break;
    }
    return err_set(e, ERR_USAGE, "--like '%s': unigram is learned by SentencePiece's rules, not behind the steps of a tokenizer.json; "
                                 "train --type unigram", name);
}

/* ---- SentencePiece ---- */

/* A text that others may point at; NULL without memory. */
static const char *own_text(struct train_like *l, const char *s, size_t n)
{
    char *copy = mem_strndup(n ? s : "", n);
    if (copy) l->text[l->n_text++] = copy;
    return copy;
}

static const char *piece_text(struct train_like *l, size_t id)
{
    const struct spm_piece *p = &l->model->piece[id];
    return own_text(l, l->model->text.data + p->off, p->len);
}

static bool is_own(const struct spm_model *m, size_t id)
{
    return (int)id == m->unk_id || (int)id == m->bos_id || (int)id == m->eos_id || (int)id == m->pad_id;
}

static const char *unfit(const struct spm_model *m)
{
    if (m->kind != SPM_UNIGRAM && m->kind != SPM_BPE) return "models of characters and words are not learned";
    if (m->suffix) return "white space ends its words, which is not learned";
    if (m->denorm_map.len) return "it has rules for decoding, which would be lost";
    if (!m->escape_whitespaces) return "spaces stay as they are in it, which is not learned";
    if (m->only_pieces) return "it does not say how it was trained";
    return NULL;
}

static int read_model(struct train_like *l, const struct tokenizer *t, const char *name, const char *const *more, size_t n_more,
                      struct err *e)
{
    struct spm_model *m = mem_zalloc(1, sizeof *m);
    if (!m) return err_oom(e, sizeof *m, "a model");
    if (spm_model_read(m, t->source_bytes.data, t->source_bytes.len, name, e)) {
        free(m);
        return -1;
    }
    l->model = m;
    const char *why = unfit(m);
    if (why) return err_set(e, ERR_USAGE, "--like '%s': %s", name, why);
    l->type = m->kind == SPM_UNIGRAM ? TOK_TRAIN_UNIGRAM : TOK_TRAIN_SP_BPE;
    l->text = mem_alloc(m->n + 8, sizeof *l->text);
    l->special = mem_alloc(m->n + n_more, sizeof *l->special);
    l->user = mem_alloc(m->n, sizeof *l->user);
    bool ok = l->text && l->special && l->user;
    for (size_t i = 0; ok && i < m->n; i++) {
        if (m->piece[i].type == SPM_CONTROL && !is_own(m, i)) ok = (l->special[l->n_special++] = piece_text(l, i)) != NULL;
        if (m->piece[i].type == SPM_USER) ok = (l->user[l->n_user++] = piece_text(l, i)) != NULL;
    }
    if (!ok) return err_oom(e, m->n * sizeof *l->text, "special tokens");
    for (size_t i = 0; i < n_more; i++) l->special[l->n_special++] = more[i];
    return 0;
}

/* Ids and texts of <unk>, <s>, </s>, <pad>. */
static int own_options(struct train_like *l, struct sp_rules *r, struct err *e)
{
    const struct spm_model *m = l->model;
    const int id[SP_OWN] = {[SP_OWN_UNK] = m->unk_id, [SP_OWN_BOS] = m->bos_id, [SP_OWN_EOS] = m->eos_id, [SP_OWN_PAD] = m->pad_id};
    for (int i = 0; i < SP_OWN; i++) {
        r->own_id[i] = id[i];
        if (id[i] >= 0 && (size_t)id[i] < m->n && !(r->own[i] = piece_text(l, (size_t)id[i]))) return err_oom(e, 1, "special tokens");
    }
    return 0;
}

static int model_options(struct train_like *l, struct tok_train_opts *o, struct err *e)
{
    const struct spm_model *m = l->model;
    const struct spm_spec *s = &m->spec;
    sp_rules_default(&o->sp);
    o->type = l->type;
    o->special = l->special;
    o->n_special = l->n_special;
    o->user = l->user;
    o->n_user = l->n_user;
    o->sp.coverage = (double)s->coverage;
    o->sp.shrink = (double)s->shrink;
    o->sp.max_len = s->max_len;
    o->sp.n_seeds = (size_t)s->n_seeds;
    o->sp.sub_iterations = s->rounds;
    o->sp.lanes = s->threads > 16 ? 16 : s->threads;
    o->sp.split_scripts = s->scripts;
    o->sp.split_numbers = s->numbers;
    o->sp.split_space = s->spaces;
    o->sp.split_digits = s->digits;
    o->sp.space_only = s->space_only;
    o->max_sentence = (size_t)s->max_sentence;
    o->no_prefix = !m->add_dummy_prefix;
    o->keep_spaces = !m->remove_extra_whitespaces;
    o->byte_fallback = m->byte_fallback;
    o->charsmap = m->charsmap.data;
    o->charsmap_len = m->charsmap.len;
    o->chars = own_text(l, m->spec.chars.data, m->spec.chars.len);
    o->norm_name = own_text(l, m->norm_name.data, m->norm_name.len);
    if (m->has_surface) o->unk_surface = own_text(l, m->unk_surface.data, m->unk_surface.len);
    if (!o->chars || !o->norm_name || (m->has_surface && !o->unk_surface)) return err_oom(e, 1, "settings");
    if (!*o->chars) o->chars = NULL;
    bool sound = o->sp.coverage > 0 && o->sp.coverage <= 1 && o->sp.shrink > 0 && o->sp.shrink < 1 && s->max_len > 0 && s->max_len <= SP_MAX_LEN &&
                 s->n_seeds > 0 && s->rounds > 0 && s->threads > 0 && s->max_sentence > 0;
    return sound ? own_options(l, &o->sp, e) : err_set(e, ERR_DATA, "--like: the model says of its training what cannot be");
}

/* ---- a tokenizer.json ---- */

int train_like_read(struct train_like *l, const struct tokenizer *t, const char *name, const char *const *more, size_t n_more,
                    struct err *e)
{
    struct buf json = {0};
    *l = (struct train_like){.json = NULL};
    if (t->source == SOURCE_SPM && !t->pieces) {
        if (read_model(l, t, name, more, n_more, e) == 0) return 0;
        train_like_free(l);
        return -1;
    }
    if (!tok_is_json(t)) return err_set(e, ERR_USAGE, "--like '%s': it is neither a tokenizer.json, whose steps would stay, nor a .model", name);
    int ret = tok_to_json(t, &json, e);
    if (ret == 0 && !(l->json = cJSON_ParseWithLength(json.data, json.len))) ret = err_oom(e, json.len, "a tokenizer");
    buf_free(&json);
    if (ret == 0 && !(keep_part(l->json, "normalizer", &l->normalizer, e) || keep_part(l->json, "pre_tokenizer", &l->pre, e) ||
                      keep_special(l, more, n_more, e) || choose_type(l, t, name, e)))
        return 0;
    train_like_free(l);
    return -1;
}

int train_like_options(struct train_like *l, struct tok_train_opts *o, struct err *e)
{
    if (l->model) return model_options(l, o, e);
    o->type = l->type;
    o->normalizer = l->normalizer;
    o->pre = l->pre;
    o->lines = l->lines;
    o->split = SPLIT_NONE;
    o->prefix = l->prefix;
    o->suffix = l->suffix;
    o->unk = l->unk;
    o->special = l->special;
    o->n_special = l->n_special;
    return 0;
}

/* ---- what was learned, in its place ---- */

static int64_t id_of(const struct train_like *l, const char *text)
{
    for (size_t i = 0; text && i < l->n_special; i++)
        if (strcmp(l->special[i], text) == 0) return (int64_t)i;
    return -1;
}

static int lost(const char *text, struct err *e)
{
    return err_set(e, ERR_DATA, "--like: the template has the token '%s', which is not special and gets lost", text ? text : "");
}

/* ["text", id] of BERT's and RoBERTa's post-processors. */
static int renumber_pair(const struct train_like *l, struct cJSON *pair, struct err *e)
{
    struct cJSON *text = cJSON_GetArrayItem(pair, 0), *id = cJSON_GetArrayItem(pair, 1);
    if (!cJSON_IsString(text) || !id) return 0;
    int64_t now = id_of(l, text->valuestring);
    if (now < 0) return lost(text->valuestring, e);
    cJSON_SetNumberValue(id, (double)now);
    return 0;
}

/* {"tokens": [...], "ids": [...]} of a template. */
static int renumber_template(const struct train_like *l, struct cJSON *entry, struct err *e)
{
    struct cJSON *tokens = cJSON_GetObjectItemCaseSensitive(entry, "tokens"), *ids = cJSON_GetObjectItemCaseSensitive(entry, "ids");
    for (int i = 0; i < cJSON_GetArraySize(ids) && i < cJSON_GetArraySize(tokens); i++) {
        const struct cJSON *text = cJSON_GetArrayItem(tokens, i);
        int64_t now = id_of(l, text->valuestring);
        if (now < 0) return lost(text->valuestring, e);
        cJSON_SetNumberValue(cJSON_GetArrayItem(ids, i), (double)now);
    }
    return 0;
}

/* The ids of a post-processor, or of all in a sequence. */
static int renumber(const struct train_like *l, struct cJSON *post, struct err *e)
{
    static const char *const pairs[] = {"cls", "sep"};
    struct cJSON *v;
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        if ((v = cJSON_GetObjectItemCaseSensitive(post, pairs[i])) && renumber_pair(l, v, e)) return -1;
    cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(post, "special_tokens"))
        if (renumber_template(l, v, e)) return -1;
    cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(post, "processors"))
        if (renumber(l, v, e)) return -1;
    return 0;
}

/* Special tokens with the properties that they had; new ones as they were learned. */
static int put_added(const struct train_like *l, struct cJSON *learned, struct err *e)
{
    struct cJSON *added = cJSON_DetachItemFromObjectCaseSensitive(l->json, "added_tokens"), *a = added ? added->child : NULL;
    struct cJSON *now = cJSON_DetachItemFromObjectCaseSensitive(learned, "added_tokens");
    for (struct cJSON *next; a; a = next) {
        next = a->next;
        int64_t id = cJSON_IsTrue(json_member(a, "special")) ? id_of(l, json_text_or(a, "content", NULL)) : -1;
        if (id < 0) continue;
        cJSON_DetachItemViaPointer(added, a);
        cJSON_SetNumberValue(cJSON_GetObjectItemCaseSensitive(a, "id"), (double)id);
        cJSON_ReplaceItemInArray(now, (int)id, a);
    }
    json_free(added);
    if (cJSON_AddItemToObject(l->json, "added_tokens", now)) return 0;
    json_free(now);
    return err_oom(e, 1, "added tokens");
}

/* Padding knows its token by text and by id. */
static int put_padding(const struct train_like *l, struct err *e)
{
    struct cJSON *pad = cJSON_GetObjectItemCaseSensitive(l->json, "padding");
    if (!cJSON_IsObject(pad)) return 0;
    int64_t id = id_of(l, json_text_or(pad, "pad_token", NULL));
    if (id < 0) return lost(json_text_or(pad, "pad_token", NULL), e);
    cJSON_SetNumberValue(cJSON_GetObjectItemCaseSensitive(pad, "pad_id"), (double)id);
    return 0;
}

/* "vocab":{...} and what is behind it in the model, the last member of a learned file.  As text: cJSON knows no NUL in strings. */
static int learned_vocab(const struct buf *file, const char **s, size_t *n, struct err *e)
{
    const char *model = strstr(buf_text(file), "\"model\":{"), *vocab = model ? strstr(model, "\"vocab\":{") : NULL;
    const char *end = buf_text(file) + file->len;
    while (vocab && end > vocab && end[-1] != '}') end--;
    if (!vocab || end - vocab < 3 || end[-2] != '}') return err_set(e, ERR_INTERNAL, "a learned file without a vocabulary");
    *s = vocab;
    *n = (size_t)(end - 2 - vocab);
    return 0;
}

/* The members of an object, in braces but for the last one. */
static int add_open(struct buf *out, const struct cJSON *j, struct err *e)
{
    char *text = cJSON_PrintUnformatted(j);
    if (!text) return err_oom(e, 1, "a tokenizer");
    buf_add(out, text, strlen(text) - 1);
    cJSON_free(text);
    return 0;
}

/* All members but the model, then the model with what was learned. */
static int put_together(struct train_like *l, struct buf *file, struct err *e)
{
    struct buf out = {0};
    const char *vocab = NULL;
    size_t n = 0;
    struct cJSON *model = cJSON_DetachItemFromObjectCaseSensitive(l->json, "model");
    cJSON_DeleteItemFromObjectCaseSensitive(model, "vocab");
    cJSON_DeleteItemFromObjectCaseSensitive(model, "merges");
    int ret = learned_vocab(file, &vocab, &n, e) || add_open(&out, l->json, e) ? -1 : 0;
    if (ret == 0) buf_adds(&out, ",\"model\":");
    if (ret == 0) ret = add_open(&out, model, e);
    if (ret == 0) {
        buf_addc(&out, ',');
        buf_add(&out, vocab, n);
        buf_adds(&out, "}}");
        ret = buf_ok(&out, e);
    }
    json_free(model);
    buf_free(file);
    *file = out;
    return ret;
}

int train_like_write(struct train_like *l, struct buf *file, struct err *e)
{
    if (l->model) return 0;
    struct cJSON *learned = cJSON_ParseWithLength(file->data, file->len);
    if (!learned) return err_oom(e, file->len, "a tokenizer");
    int ret = put_added(l, learned, e);
    json_free(learned);
    if (ret || renumber(l, cJSON_GetObjectItemCaseSensitive(l->json, "post_processor"), e) || put_padding(l, e)) return -1;
    return put_together(l, file, e);
}
