/* Input: a byte that picks the kind of file, one that picks questions, one with the length of a text, the text,
 * the file.  What `tokenize convert` and `tokenize inspect` make of it. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/compare.h"
#include "core/token/explain.h"
#include "core/token/tok_extend.h"
#include "core/token/tok_steps.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tok_converted.h"
#include "tests/fuzz/tok_read.h"

static struct cJSON *parse(const struct buf *json)
{
    struct err e;
    const struct json_limits limits = {.nul_as_fffd = true};
    struct cJSON *j = json_parse(json->data, json->len, "what was said", &limits, &e);
    if (!j) abort();
    return j;
}

static void add_id(struct tok_ids *ids, const struct cJSON *j)
{
    if (!cJSON_IsNumber(j) || !mem_room(&ids->id, &ids->cap, ids->n + 1, sizeof *ids->id)) abort();
    ids->id[ids->n++] = j->valueint;
}

static void add_ids(struct tok_ids *ids, const struct cJSON *list)
{
    for (const struct cJSON *j = list ? list->child : NULL; j; j = j->next) add_id(ids, j);
}

static void same(const struct tok_ids *a, const struct tok_ids *b)
{
    if (a->n != b->n || (a->n && memcmp(a->id, b->id, a->n * sizeof *a->id))) abort();
}

/* A template may have the text more than once, or not at all. */
static void same_times(const struct tok_ids *once, const struct tok_ids *all)
{
    if (once->n == 0 ? all->n != 0 : all->n % once->n != 0) abort();
    for (size_t i = 0; i < all->n; i++)
        if (all->id[i] != once->id[i % once->n]) abort();
}

/* The steps come to the ids of the text, and the result is said to be these with the template. */
static void check_steps(const struct tokenizer *t, const struct cJSON *said, const char *text, size_t n)
{
    struct err e;
    struct tok_ids want = {0}, steps = {0}, all = {0};
    struct tok_scratch *s = tok_scratch_new(t, &e);
    const struct cJSON *list = json_member(said, "steps");
    if (!s || !list || tok_encode(t, s, text, n, TOK_SPECIAL, &want, &e)) abort();
    for (const struct cJSON *step = list->child; step; step = step->next) {
        const struct cJSON *added = json_member(step, "id");
        if (added) add_id(&steps, added);
        else add_ids(&steps, json_member(step, "ids"));
    }
    same_times(&steps, &want);
    want.n = 0;
    add_ids(&all, json_member(said, "ids"));
    if (tok_encode(t, s, text, n, TOK_SPECIAL | TOK_TEMPLATE, &want, &e)) abort();
    same(&all, &want);
    tok_ids_free(&want);
    tok_ids_free(&steps);
    tok_ids_free(&all);
    tok_scratch_free(s);
}

/* For people and for scripts: both or none. */
static void explain(const struct tokenizer *t, const char *text, size_t n, size_t n_best)
{
    struct err e;
    struct buf said = {0}, json = {0};
    bool good = tok_explain(t, text, n, n_best, false, &said, &e) == 0;
    if ((tok_explain(t, text, n, n_best, true, &json, &e) == 0) != good) abort();
    if (good) {
        struct cJSON *j = parse(&json);
        check_steps(t, j, text, n);
        json_free(j);
    }
    buf_free(&said);
    buf_free(&json);
}

static void list_vocabulary(const struct tokenizer *t)
{
    struct err e;
    struct buf lines = {0}, json = {0};
    struct tok_summary s;
    if (tok_explain_vocab(t, false, &lines, &e) || tok_explain_vocab(t, true, &json, &e)) abort();
    struct cJSON *j = parse(&json);
    int n_lines = 0, n = cJSON_GetArraySize(j);
    for (size_t i = 0; i < lines.len; i++) n_lines += lines.data[i] == '\n';
    tok_summary(t, &s);
    if (n_lines != n || s.tokens != n) abort();
    json_free(j);
    buf_clear(&lines);
    tok_steps_normal(t, &lines);
    tok_steps_split(t, &lines);
    tok_steps_template(t, false, &lines);
    tok_steps_template(t, true, &lines);
    buf_free(&lines);
    buf_free(&json);
}

static void show_token(const struct tokenizer *t, const char *token)
{
    struct err e;
    struct buf said = {0}, json = {0};
    bool good = tok_explain_token(t, token, false, &said, &e) == 0;
    if ((tok_explain_token(t, token, true, &json, &e) == 0) != good) abort();
    if (good) json_free(parse(&json));
    buf_free(&said);
    buf_free(&json);
}

/* Against itself nothing differs. */
static void compare(const struct tokenizer *a, const struct tokenizer *b, const char *text, size_t n)
{
    static const char *const names[2] = {"a", "b"};
    struct err e;
    struct buf said = {0}, json = {0};
    bool good = tok_compare(a, b, names, &(struct compare_texts){text, &n, 1}, false, &said, &e) == 0;
    if ((tok_compare(a, b, names, &(struct compare_texts){text, &n, 1}, true, &json, &e) == 0) != good) abort();
    if (good) {
        struct cJSON *j = parse(&json);
        int64_t differ = 0;
        if (b && json_get_i64(j, "words_cut_otherwise", 0, INT64_MAX, &differ, "diff", &e)) abort();
        if (a == b && differ) abort();
        json_free(j);
    }
    buf_free(&said);
    buf_free(&json);
}

static struct tokenizer *other_tokenizer(void)
{
    static const char words[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nthe\n##a\n##b\n##e\ns\n<\n>\n";
    struct err e;
    struct tokenizer *t = tok_from_vocab_txt(words, sizeof words - 1, TOK_BERT, "vocab.txt", &e);
    if (!t) abort();
    return t;
}

static void inspect(const struct tokenizer *t, const char *text, size_t n, size_t n_best, const char *token)
{
    struct tokenizer *other = other_tokenizer();
    explain(t, text, n, 0);
    explain(t, text, n, n_best);
    show_token(t, token);
    list_vocabulary(t);
    compare(t, NULL, text, n);
    compare(t, t, text, n);
    compare(other, t, text, n);
    tok_free(other);
}

/* With a token more, at a place of its own or the next: it is found, and what was written with it is read. */
static void extend(const struct tokenizer *t, const char *token, bool special, int id, const char *text, size_t n)
{
    struct err e;
    size_t fresh;
    struct tokenizer *more = tok_extend(t, &(struct tok_more){.text = token, .special = special, .id = id}, 1, &fresh, &e);
    if (!more) return;
    if (tok_vocab_size(more) < tok_vocab_size(t) || tok_id(more, token) < 0) abort();
    check_converted(more, text, n);
    tok_free(more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { HEAD = 3, SPECIAL = 32, PLACED = 64, TOKEN = 8 };
    struct err e;
    char token[TOKEN] = {0};
    if (size <= HEAD) return 0;
    size_t n = data[2] < size - HEAD ? data[2] : size - HEAD;
    const char *text = (const char *)data + HEAD, *file = text + n;
    struct tokenizer *t = read_kind(data[0] % READ_KINDS, file, size - HEAD - n, &e);
    if (!t) return 0;
    memcpy(token, text, n < TOKEN - 1 ? n : TOKEN - 1);
    check_converted(t, text, n);
    extend(t, token, data[1] & SPECIAL, data[1] & PLACED ? data[2] * 3 : -1, text, n);
    if (tok_allow_special(t, &e)) abort();
    inspect(t, text, n, data[1] % SPECIAL, token);
    tok_free(t);
    return 0;
}
