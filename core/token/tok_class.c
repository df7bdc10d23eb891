#include "core/token/tok_class.h"
#include "core/token/tok_extend.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_lists.h"
#include "core/token/tok_load.h"
#include "core/token/tok_members.h"

struct dir_files {
    struct cJSON *config, *map, *added, *model; /* tokenizer_config.json ... config.json */
};

static int read_one(const char *dir, const char *name, struct cJSON **out, struct err *e)
{
    char *path = path_join(dir, name);
    if (!path) return err_oom(e, strlen(dir), "a path");
    int ret = 0;
    if (file_exists(path) && !(*out = json_read_file(path, NULL, e))) ret = -1;
    if (ret == 0 && *out && !cJSON_IsObject(*out)) ret = err_set(e, ERR_DATA, "'%s': not a JSON object", path);
    free(path);
    return ret;
}

static void files_free(struct dir_files *f)
{
    json_free(f->config);
    json_free(f->map);
    json_free(f->added);
    json_free(f->model);
}

static const char *name_of(const struct cJSON *j, const char *key)
{
    const char *s = json_text_or(j, key, "");
    return *s ? s : NULL;
}

/* ---- which class ---- */

static const char backend[] = "TokenizersBackend";

static bool is_backend(const char *name)
{
    static const char *const names[] = {"TokenizersBackend", "PreTrainedTokenizer", "PreTrainedTokenizerFast", "PythonBackend", "BloomTokenizer",
                                        "MistralCommonBackend"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

/* The class that the files come to; NULL: they name none.  *wrong as of tok_class_of_model(). */
static const char *class_of(const struct dir_files *f, char *name, size_t size, bool *wrong)
{
    const char *named = name_of(f->config, "tokenizer_class"), *type = name_of(f->model, "model_type");
    *wrong = false;
    const char *registered = type ? tok_class_of_model(type, wrong) : NULL;
    if (!named) named = name_of(f->model, "tokenizer_class");
    if (!named) return registered && !tok_class_only_named(type) ? registered : type ? backend : NULL;
    size_t n = strlen(named);
    if (n > 4 && strcmp(named + n - 4, "Fast") == 0 && strcmp(named, "PreTrainedTokenizerFast") != 0) n -= 4;
    if (n >= size) return backend;
    memcpy(name, named, n);
    name[n] = 0;
    if (registered && strcmp(registered, name) != 0) {
        if (is_backend(registered)) return backend;
        if (*wrong) return registered;
    }
    return is_backend(name) || !tok_class_exists(name) ? backend : name;
}

/* ---- its vocabulary ---- */

static char *vocabulary(const char *dir, const struct tok_class *c)
{
    const char *const pieces[] = {c->file, "tokenizer.model", "tiktoken.model"}, *const none[] = {c->file, "config.json"};
    const char *const *names = c->source == FROM_BYTES ? none : pieces;
    for (size_t i = 0, n = c->source == FROM_BYTES ? 2 : c->source >= FROM_UNIGRAM ? 3 : 1; i < n; i++) {
        char *path = path_join(dir, names[i]);
        if (!path || file_exists(path)) return path;
        free(path);
    }
    return NULL;
}

static void add_added(const struct class_build *b, struct buf *out)
{
    buf_adds(out, "\"added_tokens\":[");
    for (size_t i = 0; i < b->n_add; i++) {
        const struct class_token *t = &b->add[i];
        unsigned flags = (t->single_word ? ADDED_SINGLE_WORD : 0) | (t->lstrip ? ADDED_LSTRIP : 0) | (t->rstrip ? ADDED_RSTRIP : 0) |
                         (t->normalized ? ADDED_NORMALIZED : 0) | (t->special ? ADDED_SPECIAL : 0);
        buf_adds(out, i ? ",\n" : "\n");
        tok_added_json(out, t->id, t->text, strlen(t->text), flags);
    }
    buf_adds(out, "],\n");
}

/* What SentencePiece's own class names by the model. */
static int names_of_model(struct class_build *b, struct err *e)
{
    const int ids[] = {b->spm.bos_id, b->spm.eos_id, b->spm.unk_id};
    static const char *const keys[] = {"bos_token", "eos_token", "unk_token"};
    if (b->c->source != FROM_ANY || b->ranks) return 0;
    for (int k = 0; k < 3; k++) {
        if (ids[k] < 0 || (size_t)ids[k] >= b->spm.n || class_says(b, keys[k]) || b->name[k].text) continue;
        const struct spm_piece *p = &b->spm.piece[ids[k]];
        if (!(b->name[k].text = class_keep(b, b->spm.text.data + p->off, p->len))) return err_oom(e, p->len, "a token");
    }
    return 0;
}

static int whole_json(struct class_build *b, struct buf *json, struct err *e)
{
    bool pieces = b->c->source == FROM_PIECES;
    buf_adds(json, pieces ? "{\"llmctl\":\"pieces\",\n" : "{\"version\":\"1.0\",\n\"truncation\":null,\n\"padding\":null,\n");
    add_added(b, json);
    if (pieces) return class_pieces_json(b, json, e);
    if (class_steps_json(b, json, e)) return -1;
    buf_add(json, buf_text(&b->model), b->model.len);
    buf_adds(json, "}\n");
    return buf_ok(&b->model, e) || buf_ok(json, e) ? -1 : 0;
}

static struct tokenizer *build(struct class_build *b, struct err *e)
{
    struct buf json = {0};
    struct tokenizer *t = NULL;
    if (class_names(b, e) || class_model(b, e) || names_of_model(b, e) || class_add(b, e)) return NULL;
    const char *lines = buf_text(&b->merges);
    const struct tok_given merges = {.merges = {.p = lines, .end = lines + b->merges.len, .name = b->merges_file}};
    if (whole_json(b, &json, e) == 0) t = tok_parse_file_given(&json, b->merges_file ? &merges : NULL, b->file, e);
    buf_free(&json);
    if (!t) return NULL;
    if (b->name[NAME_BOS].text) t->bos = class_id(b, b->name[NAME_BOS].text);
    if (b->name[NAME_EOS].text) t->eos = class_id(b, b->name[NAME_EOS].text);
    const char *ends = tok_ends_from(class_says(b, "bos_token") || class_says(b, "eos_token"),
                                     json_member(b->map, "bos_token") || json_member(b->map, "eos_token"));
    t->ends = ends ? ends : "the class";
    if (b->c->source == FROM_PIECES && !t->note) t->note = class_pieces_note(b);
    if (b->c->layout == IDS_SEAMLESS) t->note = "translations have another template there (</s>, the language, the text, </s>), which is not given here";
    if (b->c->flags & HAS_SENTINELS)
        t->note = "transformers puts no </s> behind a text that ends in one, and decodes bytes that are no UTF-8 to nothing; here both stay";
    if (tok_set_origin(t, b->file, b->c->name, e) == 0) return t;
    tok_free(t);
    return NULL;
}

static void build_free(struct class_build *b)
{
    spm_model_free(&b->spm);
    vocab_free(&b->vocab);
    vocab_free(&b->spoken);
    buf_free(&b->model);
    buf_free(&b->rest);
    buf_free(&b->merges);
    free(b->merges_file);
    for (size_t i = 0; i < b->n_kept; i++) free(b->kept[i]);
    free(b->kept);
    free(b->score);
    free(b->extra);
    free(b->more);
    free(b->add);
    free(b->file);
}

/* A class that is Python code, of the model's own or of transformers. */
static int unsupported(const char *dir, const struct dir_files *f, const char *name, struct err *e)
{
    const struct cJSON *map = json_member(f->config, "auto_map");
    const char *said = name_of(f->config, "tokenizer_class");
    if (json_member(map, "AutoTokenizer") && is_backend(name)) {
        err_set(e, ERR_DATA, "'%s': the tokenizer is code of the model's own (%s)", dir, said ? said : "auto_map");
        return err_hint(e, "give the file of its vocabulary itself, if that is all of it, or a tokenizer.json");
    }
    if (tok_class_named(name)) return 0;
    const char *hint, *why = tok_class_why_not(name, &hint);
    err_set(e, ERR_DATA, "'%s': the tokenizer's class %s is not supported without a tokenizer.json%s%s", dir, name, why ? ": " : "",
            why ? why : "");
    return err_hint(e, "%s", hint);
}

static int from_files(const char *dir, const struct dir_files *f, struct tokenizer **out, struct err *e)
{
    char name[64];
    bool wrong;
    const char *class = class_of(f, name, sizeof name, &wrong);
    if (!class) return 1;
    if (!wrong && unsupported(dir, f, class, e)) return -1;
    struct class_build b = {.c = tok_class_named(class), .dir = dir, .config = f->config, .map = f->map, .added = f->added};
    if (!b.c) return unsupported(dir, f, class, e);
    if (!(b.file = vocabulary(dir, b.c))) {
        if (is_backend(class)) return 1;
        return err_set(e, ERR_NOINPUT, "'%s': no %s, from which %s is made", dir, b.c->file, class);
    }
    spm_model_init(&b.spm);
    *out = build(&b, e);
    build_free(&b);
    return *out ? 0 : -1;
}

int tok_from_class(const char *dir, struct tokenizer **out, struct err *e)
{
    struct dir_files f = {0};
    int ret = read_one(dir, "tokenizer_config.json", &f.config, e) || read_one(dir, "special_tokens_map.json", &f.map, e) ||
                      read_one(dir, "added_tokens.json", &f.added, e) || read_one(dir, "config.json", &f.model, e)
                  ? -1 : from_files(dir, &f, out, e);
    files_free(&f);
    return ret;
}

/* ---- beside a tokenizer.json ---- */

static const struct tok_added *added_of(const struct tokenizer *t, const char *text)
{
    for (size_t i = 0; i < t->n_added; i++)
        if (t->added[i].len == strlen(text) && memcmp(t->added[i].text, text, t->added[i].len) == 0) return &t->added[i];
    return NULL;
}

static bool has_as_it_is(const struct tokenizer *t, const struct class_token *c)
{
    const struct tok_added *a = added_of(t, c->text);
    return a && a->special == c->special && a->normalized == c->normalized && a->lstrip == c->lstrip && a->rstrip == c->rstrip &&
           a->single_word == c->single_word;
}

/* The ids that the files say count for nothing: a token that is new gets the next one. */
static void note_ids(const struct class_build *b, struct tokenizer *t)
{
    for (size_t i = 0; i < b->n_add; i++)
        if (b->add[i].id >= 0 && b->add[i].id != tok_id(t, b->add[i].text))
            t->note = "tokenizer_config.json or added_tokens.json gives added tokens other ids than they get, in transformers and here";
}

static int add_beside(struct class_build *b, struct tokenizer **t, struct err *e)
{
    if (class_names(b, e) || class_beside(b, &(*t)->vocab, e)) return -1;
    struct tok_more *more = mem_alloc(b->n_add, sizeof *more);
    size_t n = 0, fresh;
    int ret = more ? 0 : err_oom(e, b->n_add * sizeof *more, "added tokens");
    for (size_t i = 0; ret == 0 && i < b->n_add; i++) {
        const struct class_token *c = &b->add[i];
        if (has_as_it_is(*t, c)) continue;
        more[n++] = (struct tok_more){.text = c->text, .special = c->special, .id = -1, .said = true, .single_word = c->single_word, .lstrip = c->lstrip,
                                      .rstrip = c->rstrip, .normalized = c->normalized};
    }
    struct tokenizer *made = ret == 0 && n ? tok_extend(*t, more, n, &fresh, e) : NULL;
    if (ret == 0 && n && !made) ret = err_wrap(e, "'%s': tokens beside tokenizer.json", b->dir);
    if (made) {
        tok_free(*t);
        *t = made;
    }
    free(more);
    if (ret == 0) note_ids(b, *t);
    return ret;
}

int tok_add_beside(struct tokenizer **t, const char *dir, struct err *e)
{
    struct dir_files f = {0};
    int ret = read_one(dir, "tokenizer_config.json", &f.config, e) || read_one(dir, "special_tokens_map.json", &f.map, e) ||
              read_one(dir, "added_tokens.json", &f.added, e) ? -1 : 0;
    struct class_build b = {.c = tok_class_named(backend), .dir = dir, .config = f.config, .map = f.map, .added = f.added};
    if (ret == 0 && (f.config || f.map || f.added)) ret = add_beside(&b, t, e);
    build_free(&b);
    files_free(&f);
    return ret;
}
