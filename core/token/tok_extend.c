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
    struct tok_added *a = find(list, *n, more);
    if (a && a->special && !more->special)
        return err_set(e, ERR_USAGE, "'%s' is a special token already; it stays one", more->text);
    int id = a ? a->id : vocab_find(&t->vocab, more->text, strlen(more->text));
    if (!a) {
        a = &list[*n];
        if (id < 0) id = next_id(list, *n, model), ++*fresh;
        ++*n;
    }
    *a = (struct tok_added){.id = id, .text = more->text, .len = strlen(more->text), .special = more->special, .normalized = !more->special};
    return 0;
}

static int by_id(const void *a, const void *b)
{
    int x = ((const struct tok_added *)a)->id, y = ((const struct tok_added *)b)->id;
    return (x > y) - (x < y);
}

static struct tokenizer *extend(const struct tokenizer *t, const struct tok_more *v, size_t n, size_t *fresh, struct err *e)
{
    struct tok_added *list = mem_alloc(t->n_added + n, sizeof *list);
    struct tokenizer with = *t, *made = NULL; /* with: looks the same, but for its list */
    struct buf json = {0};
    int model = tok_model_size(t), ret = list ? 0 : err_oom(e, (t->n_added + n) * sizeof *list, "added tokens");
    if (list && t->n_added) memcpy(list, t->added, t->n_added * sizeof *list);
    with.added = list;
    for (size_t i = 0; ret == 0 && i < n; i++) ret = put(t, list, &with.n_added, &v[i], model, fresh, e);
    if (ret == 0) {
        qsort(list, with.n_added, sizeof *list, by_id);
        ret = tok_to_json(&with, &json, e);
    }
    if (ret == 0) made = tok_parse_file(json.data, json.len, "the tokenizer with added tokens", e);
    if (made) made->bos = t->bos, made->eos = t->eos;
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
    if (t->source == SOURCE_JSON) return extend(t, v, n, fresh, e);
    if (tok_ranks_as_json(t, &json, e) == 0) plain = tok_parse(json.data, json.len, "the ranks as a tokenizer.json", e);
    if (plain) made = extend(plain, v, n, fresh, e);
    buf_free(&json);
    tok_free(plain);
    return made;
}
