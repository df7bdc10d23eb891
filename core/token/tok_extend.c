#include "core/token/tok_extend.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"

static int next_id(const struct tok_added *v, size_t n, int model)
{
    int last = -1;
    for (size_t i = 0; i < n; i++)
        if (v[i].id > last) last = v[i].id;
    return last >= model ? last + 1 : model;
}

static struct tok_added *find(struct tok_added *v, size_t n, const struct tok_more *more)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].len == strlen(more->text) && memcmp(v[i].text, more->text, v[i].len) == 0) return &v[i];
    return NULL;
}

static bool in_model(const struct tokenizer *t, const struct tok_added *a)
{
    return a->id < t->vocab.n && t->vocab.v[a->id].flags & VOCAB_MODEL;
}

static bool is_taken(const struct tokenizer *t, const struct tok_added *v, size_t n, int id)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].id == id) return true;
    return id < t->vocab.n && t->vocab.v[id].flags & VOCAB_USED;
}

static int check(const struct tok_more *v, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(v[i].text);
        if (len == 0) return err_set(e, ERR_USAGE, "an added token has no text");
        if (utf8_valid_prefix(v[i].text, len) < len) return err_set(e, ERR_USAGE, "an added token is not valid UTF-8");
        for (size_t k = 0; k < i; k++)
            if (strcmp(v[i].text, v[k].text) == 0) return err_set(e, ERR_USAGE, "'%s' is to be added twice", v[i].text);
    }
    return 0;
}

/* Into the list of *n, which has room for one more. */
static int put(const struct tokenizer *t, struct tok_added *list, size_t *n, const struct tok_more *more, int model,
               size_t *fresh, struct err *e)
{
    size_t len = strlen(more->text);
    struct tok_added *a = find(list, *n, more);
    if (a && a->special && !more->special && !more->said)
        return err_set(e, ERR_USAGE, "'%s' is a special token already; it stays one", more->text);
    int id = a ? a->id : vocab_find(&t->vocab, more->text, len);
    if (id >= 0 && more->id >= 0 && id != more->id) return err_set(e, ERR_USAGE, "'%s' has id %d already", more->text, id);
    if (id < 0) {
        id = more->id >= 0 ? more->id : next_id(list, *n, model);
        if (is_taken(t, list, *n, id))
            return err_set(e, ERR_DATA, more->id >= 0 ? "id %d is another token's, '%s' cannot have it" :
                           "id %d, which Hugging Face's programs would give, is another token's: give '%s' a free one", id, more->text);
        ++*fresh;
    }
    if (!a) a = &list[(*n)++];
    *a = (struct tok_added){.id = id, .text = more->text, .len = len, .special = more->special, .normalized = more->said ? more->normalized : !more->special,
                            .single_word = more->single_word, .lstrip = more->lstrip, .rstrip = more->rstrip};
    return 0;
}

static int by_id(const void *a, const void *b)
{
    int x = ((const struct tok_added *)a)->id, y = ((const struct tok_added *)b)->id;
    return (x > y) - (x < y);
}

/* Who reads the file numbers the tokens that the model does not have in turn, from its count of tokens on
 * (tok_json.c).  Where that gives another id, all of them go into the model's vocabulary.  t is only
 * written after that: nothing that was made of its vocabulary knows of them. */
static int keep_ids(struct tokenizer *t, const struct tok_added *list, size_t n, int model, struct err *e)
{
    bool same = true;
    int next = model;
    for (size_t i = 0; i < n; i++)
        if (!in_model(t, &list[i])) same = same && list[i].id == next++;
    if (same) return 0;
    if (t->model == MODEL_UNIGRAM) return err_set(e, ERR_DATA, "tokens of unigram are numbered as they come; none can have an id of its own");
    for (size_t i = 0; i < n; i++) {
        const struct tok_added *a = &list[i];
        if (a->id < t->vocab.n && t->vocab.v[a->id].flags & VOCAB_USED) t->vocab.v[a->id].flags |= VOCAB_MODEL;
        else if (vocab_add(&t->vocab, a->id, a->text, a->len, VOCAB_MODEL, e)) return -1;
    }
    return 0;
}

/* t: a copy, which changes. */
static struct tokenizer *extend(struct tokenizer *t, const struct tok_more *v, size_t n, size_t *fresh, struct err *e)
{
    struct tok_added *list = mem_alloc(t->n_added + n, sizeof *list), *old = t->added;
    struct tokenizer *made = NULL;
    struct buf json = {0};
    size_t n_old = t->n_added, n_list = n_old;
    int model = tok_model_size(t), ret = list ? 0 : err_oom(e, (n_old + n) * sizeof *list, "added tokens");
    if (list && n_old) memcpy(list, old, n_old * sizeof *list);
    for (size_t i = 0; ret == 0 && i < n; i++) ret = put(t, list, &n_list, &v[i], model, fresh, e);
    if (ret == 0) {
        qsort(list, n_list, sizeof *list, by_id);
        ret = keep_ids(t, list, n_list, model, e);
    }
    t->added = list;
    t->n_added = n_list;
    if (ret == 0) ret = tok_to_json(t, &json, e);
    t->added = old;
    t->n_added = n_old;
    if (ret == 0) made = tok_parse_file(json.data, json.len, "the tokenizer with added tokens", e);
    buf_free(&json);
    free(list);
    return made;
}

struct tokenizer *tok_extend(const struct tokenizer *t, const struct tok_more *v, size_t n, size_t *fresh, struct err *e)
{
    struct buf json = {0};
    struct tokenizer *plain = NULL, *made = NULL;
    *fresh = 0;
    if (check(v, n, e)) return NULL;
    if (t->pieces) {
        err_set(e, ERR_DATA, "what the class makes of this directory takes no tokens later on; name them in its tokenizer_config.json (additional_special_tokens)");
        return NULL;
    }
    if (t->source == SOURCE_SPM) {
        err_set(e, ERR_DATA, "a SentencePiece model takes no tokens later on; train it with them (--special, --user)");
        return NULL;
    }
    if ((t->source == SOURCE_JSON ? tok_to_json(t, &json, e) : tok_ranks_as_json(t, &json, e)) == 0)
        plain = tok_parse(json.data, json.len, "the same as a tokenizer.json", e);
    if (plain) made = extend(plain, v, n, fresh, e);
    if (made) made->bos = t->bos, made->eos = t->eos;
    buf_free(&json);
    tok_free(plain);
    return made;
}
