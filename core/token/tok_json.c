/* tokenizer.json in: vocabulary and model; tok_merges.c reads merges, tok_parts*.c the other parts. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/jlex.h"
#include "core/token/tok_base64.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_lists.h"
#include "core/token/tok_load.h"
#include "core/token/tok_parts.h"
#include "core/token/tok_pieces.h"

/* ---- vocabulary and model ---- */

static char *copy_text(const char *s)
{
    return s ? mem_strdup(s) : NULL;
}

/* One that is not in the vocabulary is wanting where a text needs it, not before. */
static void find_unk(struct tokenizer *t, const char *unk)
{
    t->unk_id = unk ? vocab_find(&t->vocab, unk, strlen(unk)) : -1;
}

static int read_bpe(struct tokenizer *t, const struct cJSON *m, struct err *e)
{
    const char *unk = NULL, *prefix = NULL, *suffix = NULL;
    if (part_keys(m, "model", e) || json_opt_f64(m, "dropout", 0, 1, &t->dropout, "model", e) ||
        json_opt_str(m, "unk_token", &unk, "model", e) ||
        json_opt_str(m, "continuing_subword_prefix", &prefix, "model", e) ||
        json_opt_str(m, "end_of_word_suffix", &suffix, "model", e) ||
        json_opt_bool(m, "fuse_unk", &t->fuse_unk, "model", e) ||
        json_opt_bool(m, "byte_fallback", &t->byte_fallback, "model", e) ||
        json_opt_bool(m, "ignore_merges", &t->ignore_merges, "model", e))
        return -1;
    if (t->dropout > 0)
        t->note = "the file says dropout, with which Hugging Face's programs encode at random; here encode --dropout does, nothing else";
    t->prefix = copy_text(prefix);
    t->suffix = copy_text(suffix);
    if ((prefix && !t->prefix) || (suffix && !t->suffix)) return err_oom(e, 1, "a string");
    find_unk(t, unk);
    t->lacks_unk = unk && t->unk_id < 0;
    return t->lacks_unk && !(t->unk_text = mem_strdup(unk)) ? err_oom(e, 1, "a string") : 0;
}

static int read_wordpiece(struct tokenizer *t, const struct cJSON *m, struct err *e)
{
    const char *unk = "[UNK]", *prefix = "##";
    int64_t most = 100;
    t->model = MODEL_WORDPIECE;
    if (part_keys(m, "model", e) || json_opt_str(m, "unk_token", &unk, "model", e) ||
        json_opt_str(m, "continuing_subword_prefix", &prefix, "model", e) ||
        json_opt_i64(m, "max_input_chars_per_word", 0, INT32_MAX, &most, "model", e))
        return -1;
    t->max_word_chars = (size_t)most;
    t->prefix = mem_strdup(prefix);
    t->unk_text = mem_strdup(unk);
    if (!t->prefix || !t->unk_text) return err_oom(e, 1, "a string");
    find_unk(t, unk);
    return 0;
}

static int read_unigram(struct tokenizer *t, const struct cJSON *m, struct err *e)
{
    int64_t unk = -1;
    t->model = MODEL_UNIGRAM;
    t->fuse_unk = true;
    if (t->vocab.n == 0 && cJSON_IsNumber(json_member(m, "unk_id"))) { /* as transformers writes where a class had no file to make it of */
        err_set(e, ERR_DATA, "the vocabulary is empty");
        return err_hint(e, "save the file again where its vocabulary's own file is there, too");
    }
    if (part_keys(m, "model", e) ||
        json_opt_i64(m, "unk_id", 0, t->vocab.n - 1, &unk, "model", e) ||
        json_opt_bool(m, "byte_fallback", &t->byte_fallback, "model", e))
        return -1;
    t->unk_id = (int)unk;
    return 0;
}

static int read_wordlevel(struct tokenizer *t, const struct cJSON *m, struct err *e)
{
    const char *unk = "<unk>";
    t->model = MODEL_WORDLEVEL;
    if (part_keys(m, "model", e) || json_opt_str(m, "unk_token", &unk, "model", e)) return -1;
    if (!(t->unk_text = mem_strdup(unk))) return err_oom(e, 1, "a string");
    find_unk(t, unk);
    return 0;
}

/* [["text", score], ...]: the place is the id.  A text may come again, as <unk> does in CamemBERT's: it is then the later
 * one.  bulk: as vocab.h means it; 1: not this way. */
static int read_pieces(struct tokenizer *t, struct jlex *x, bool bulk, struct err *e)
{
    size_t cap = 0;
    struct vocab *v = &t->vocab;
    if (jlex_expect(x, '[', e)) return -1;
    if (jlex_try(x, ']')) return 0;
    do {
        const char *s;
        size_t n;
        double score;
        if (jlex_expect(x, '[', e) || jlex_string(x, &s, &n, e)) return -1;
        if (bulk && !vocab_copy(v, v->n, s, n, VOCAB_MODEL)) return 1;
        if (!bulk && vocab_add_again(v, v->n, s, n, VOCAB_MODEL, e)) return jlex_wrap(x, e);
        if (jlex_expect(x, ',', e) || jlex_score(x, &score, e) || jlex_expect(x, ']', e)) return -1;
        if (!mem_room(&t->score, &cap, (size_t)v->n, sizeof *t->score)) return err_oom(e, (size_t)v->n * sizeof *t->score, "scores");
        t->score[v->n - 1] = score;
    } while (jlex_try(x, ','));
    return jlex_expect(x, ']', e) ? -1 : bulk && !vocab_index(v);
}

static int read_scores(struct tokenizer *t, struct jlex *x, struct err *e)
{
    const char *from = x->p;
    size_t n = (size_t)(x->end - from);
    int ret = vocab_reserve(&t->vocab, jlex_count(from, n, '[') + 1, n / 2) ? read_pieces(t, x, true, e) : 1;
    if (ret == 0) return 0;
    vocab_free(&t->vocab); /* again, for what is there twice, or wrong and where */
    free(t->score);
    t->score = NULL;
    x->p = from;
    return read_pieces(t, x, false, e);
}

/* Files from before the "type" key say it by what they hold. */
static const char *guess_type(const struct cJSON *m, bool vocab_is_list)
{
    if (json_member(m, "merges")) return "BPE";
    if (vocab_is_list) return "Unigram";
    return part_has(m, "unk_token continuing_subword_prefix max_input_chars_per_word") ? "WordPiece" : "WordLevel";
}

static int read_model(struct tokenizer *t, const struct cJSON *root, const char *json,
                      struct jlex_span vocab, struct jlex_span merges, const struct tok_given *given, const char *name,
                      struct err *e)
{
    static const struct {
        const char *type;
        int (*read)(struct tokenizer *, const struct cJSON *, struct err *);
    } kinds[] = {{"BPE", read_bpe}, {"WordPiece", read_wordpiece}, {"Unigram", read_unigram},
                 {"WordLevel", read_wordlevel}};
    const struct cJSON *m = json_member(root, "model");
    if (!cJSON_IsObject(m)) return err_set(e, ERR_DATA, "'%s': no object 'model'", name);
    const char *type = NULL;
    size_t k = 0;
    if (json_opt_str(m, "type", &type, "model", e)) return err_wrap(e, "'%s'", name);
    if (!type) type = guess_type(m, vocab.begin && *vocab.begin == '[');
    while (k < COUNT_OF(kinds) && strcmp(type, kinds[k].type) != 0) k++;
    if (k == COUNT_OF(kinds))
        return err_set(e, ERR_DATA, "'%s': model '%s' is not known, so it is not supported", name, type);
    bool bpe = k == 0, scores = k == 2;
    if (!vocab.begin || (bpe && !merges.begin))
        return err_set(e, ERR_DATA, "'%s': model has no '%s'", name, vocab.begin ? "merges" : "vocab");
    struct jlex x;
    jlex_init(&x, json, vocab, name);
    int ret = 0;
    if (given && given->vocab) {
        t->vocab = *given->vocab;
        *given->vocab = (struct vocab){0};
    } else {
        ret = scores ? read_scores(t, &x, e) : tok_read_vocab(&t->vocab, &x, e);
    }
    jlex_free(&x);
    if (ret == 0) ret = kinds[k].read(t, m, e) ? err_wrap(e, "'%s'", name) : 0;
    if (ret || !bpe) return ret;
    if (given && given->merges.name) return tok_read_merge_list(t, &given->merges, e);
    jlex_init(&x, json, merges, name);
    ret = tok_read_merges(t, &x, e);
    jlex_free(&x);
    return ret;
}

/* ---- added tokens ---- */

static int read_added_one(struct tokenizer *t, const struct cJSON *j, struct tok_added *a,
                          struct err *e)
{
    static const char *const keys[] = {"id", "content", "single_word", "lstrip", "rstrip",
                                       "normalized", "special", NULL};
    int64_t id;
    const char *content;
    char where[40];
    snprintf(where, sizeof where, "added_tokens[%zu]", t->n_added - 1);
    if (!cJSON_IsObject(j)) return err_set(e, ERR_DATA, "%s is not an object", where);
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
    if (len == 0) return err_set(e, ERR_DATA, "%s: id %d has no text", where, (int)id);
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
    if (json_known_keys(root, keys, "top level", e)) return -1;
    const struct cJSON *cut = json_member(root, "truncation"), *fill = json_member(root, "padding");
    if (tok_read_limits(t, cut, fill, e) || keep_part(t, PART_TRUNCATION, cut, e) ||
        keep_part(t, PART_PADDING, fill, e))
        return -1;
    const struct cJSON *pre = json_member(root, "pre_tokenizer");
    const struct cJSON *decoder = json_member(root, "decoder");
    const struct cJSON *norm = json_member(root, "normalizer");
    if (tok_read_normalizer(t, norm, e) || keep_part(t, PART_NORMALIZER, norm, e)) return -1;
    if (tok_read_pre(t, pre, e) || tok_read_decoder(t, decoder, e)) return -1;
    return keep_part(t, PART_PRE, pre, e) || keep_part(t, PART_DECODER, decoder, e) ? -1 : 0;
}

static int read_all(struct tokenizer *t, const struct cJSON *root, const char *json,
                    struct jlex_span vocab, struct jlex_span merges, const struct tok_given *given, const char *name,
                    struct err *e)
{
    if (!cJSON_IsObject(root)) return err_set(e, ERR_DATA, "'%s': not a JSON object", name);
    if (!json_member(root, "model"))
        return err_set(e, ERR_DATA, "'%s' is no tokenizer.json, it has no object 'model'; of a tokenizer of several files give the directory", name);
    if (read_parts(t, root, e)) return err_wrap(e, "'%s'", name);
    if (read_model(t, root, json, vocab, merges, given, name, e)) return -1;
    const struct cJSON *post = json_member(root, "post_processor");
    if (read_added(t, json_member(root, "added_tokens"), e) || tok_read_post(t, post, e) ||
        keep_part(t, PART_POST, post, e))
        return err_wrap(e, "'%s'", name);
    if (t->vocab.n == 0) return err_set(e, ERR_DATA, "'%s': the vocabulary is empty", name);
    return tok_finish(t, e) ? err_wrap(e, "'%s'", name) : 0;
}

/* The text of a tokenizer that no such file can hold: {"llmctl": kind, "data":
 * its own file in base64}. */
static struct tokenizer *parse_wrapped(const struct cJSON *root, const char *name, struct err *e)
{
    static const char *const keys[] = {"llmctl", "split", "special", "add_bos", "add_eos", "data", NULL};
    const char *kind, *data, *split = NULL;
    bool bos = false, eos = false;
    struct buf bytes = {0};
    struct tokenizer *t = NULL;
    if (json_known_keys(root, keys, name, e) || json_get_str(root, "llmctl", &kind, name, e) ||
        json_opt_bool(root, "add_bos", &bos, name, e) || json_opt_bool(root, "add_eos", &eos, name, e) ||
        json_get_str(root, "data", &data, name, e) || json_opt_str(root, "split", &split, name, e) ||
        tok_unbase64(data, strlen(data), &bytes, e)) {
        buf_free(&bytes);
        return NULL;
    }
    if (strcmp(kind, "sentencepiece") == 0) t = tok_from_spm(bytes.data, bytes.len, name, e);
    else if (strcmp(kind, "tiktoken") == 0)
        t = tok_from_tiktoken(buf_text(&bytes), bytes.len, split, json_member(root, "special"), name, e);
    else err_set(e, ERR_DATA, "'%s': unknown kind '%s'", name, kind);
    if (t && t->source == SOURCE_SPM && tok_add_ends(t, bos, eos, e)) {
        tok_free(t);
        t = NULL;
    }
    buf_free(&bytes);
    return t;
}

/* {"llmctl": "pieces"}: see tok_pieces.h. */
static int read_pieces_of(struct tokenizer *t, const struct cJSON *root, const char *json, struct jlex_span vocab, const char *name,
                          struct err *e)
{
    static const char *const keys[] = {"llmctl", "added_tokens", "normalizer", "post_processor", "target_post_processor", "decoder",
                                       "shown", "unk_token", "codes", "suffixed", "before", "spoken", "spoken_language", "ctc", "data", "target", "model", "class", "config", "special_tokens_map",
                                       "added_tokens_file", NULL};
    const struct cJSON *norm = json_member(root, "normalizer"), *post = json_member(root, "post_processor");
    struct jlex x;
    t->source = SOURCE_PIECES;
    t->model = MODEL_WORDLEVEL;
    if (json_known_keys(root, keys, name, e)) return -1;
    if (!vocab.begin) return err_set(e, ERR_DATA, "'%s': there is no vocabulary", name);
    jlex_init(&x, json, vocab, name);
    int ret = tok_read_vocab(&t->vocab, &x, e);
    jlex_free(&x);
    if (ret) return -1;
    if (read_added(t, json_member(root, "added_tokens"), e) || tok_read_normalizer(t, norm, e) || keep_part(t, PART_NORMALIZER, norm, e) ||
        tok_read_post(t, post, e) || keep_part(t, PART_POST, post, e))
        return err_wrap(e, "'%s'", name);
    if (tok_pieces_read(t, root, name, e)) return -1;
    return tok_finish(t, e) ? err_wrap(e, "'%s'", name) : 0;
}

static bool is_pieces(const struct cJSON *root)
{
    return strcmp(json_text_or(root, "llmctl", ""), "pieces") == 0;
}

static struct tokenizer *parse(const char *json, size_t n, const struct tok_given *given, const char *name, struct err *e)
{
    struct jlex_span vocab, merges;
    struct cJSON *root = NULL;
    struct tokenizer *t = NULL;
    int ret = -1;
    struct json_limits lim = {.max_bytes = TOK_FILE_MOST};
    if (n > TOK_FILE_MOST) {
        err_set(e, ERR_DATA, "'%s': larger than 256 MiB", name);
        return NULL;
    }
    if (!(root = jlex_parse(json, n, name, &lim, &vocab, &merges, e))) goto out;
    if (json_member(root, "llmctl") && !is_pieces(root)) {
        t = parse_wrapped(root, name, e);
        ret = t ? 0 : -1;
        goto out;
    }
    t = mem_zalloc(1, sizeof *t);
    if (!t) {
        err_oom(e, sizeof *t, "a tokenizer");
        goto out;
    }
    ret = is_pieces(root) ? read_pieces_of(t, root, json, vocab, name, e) : read_all(t, root, json, vocab, merges, given, name, e);
out:
    if (ret) {
        if (e->code == ERR_CONFIG) e->code = ERR_DATA; /* the getters' word for a bad value */
        tok_free(t);
        t = NULL;
    }
    json_free(root);
    return t;
}

struct tokenizer *tok_parse(const char *json, size_t n, const char *name, struct err *e)
{
    return parse(json, n, NULL, name, e);
}

struct tokenizer *tok_parse_given(const struct buf *json, const struct tok_given *given, const char *name, struct err *e)
{
    return buf_ok(json, e) ? NULL : parse(json->data, json->len, given, name, e);
}

int tok_model_size(const struct tokenizer *t)
{
    int n = 0;
    for (int id = 0; id < t->vocab.n; id++) n += (t->vocab.v[id].flags & (VOCAB_MODEL | VOCAB_LATER)) != 0;
    return n;
}

/* Tokens that the model does not have are numbered from the end of its vocabulary on, whatever
 * the file says (AddedVocabulary::add_tokens of HF tokenizers). */
static int check_added_ids(const struct tokenizer *t, const char *name, struct err *e)
{
    int size = tok_model_size(t), last = -1;
    for (size_t i = 0; i < t->n_added; i++) {
        const struct tok_added *a = &t->added[i];
        int id = t->vocab.v[a->id].flags & VOCAB_MODEL ? a->id : last >= size ? last + 1 : size;
        if (id != a->id)
            return err_set(e, ERR_DATA, "'%s': added token '%.*s' has id %d here, but Hugging Face's programs give it %d, since "
                           "the model's vocabulary has %d tokens without it: give it that id, or put it into the vocabulary",
                           name, (int)a->len, a->text, a->id, id, size);
        if (id > last && !(t->vocab.v[a->id].flags & VOCAB_MODEL)) last = id;
    }
    return 0;
}

static struct tokenizer *parse_file(const char *json, size_t n, const struct tok_given *given, const char *name, struct err *e)
{
    struct tokenizer *t = parse(json, n, given, name, e);
    if (!t || t->source != SOURCE_JSON || check_added_ids(t, name, e) == 0) return t; /* our own form of the others */
    tok_free(t);
    return NULL;
}

struct tokenizer *tok_parse_file(const char *json, size_t n, const char *name, struct err *e)
{
    return parse_file(json, n, NULL, name, e);
}

struct tokenizer *tok_parse_file_given(const struct buf *json, const struct tok_given *given, const char *name, struct err *e)
{
    return buf_ok(json, e) ? NULL : parse_file(json->data, json->len, given, name, e);
}
