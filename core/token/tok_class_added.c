/* Special and added tokens of a class: named ones (bos_token ...), extra ones, and
 * those that added_tokens_decoder or added_tokens.json list.  They are added in
 * transformers' order, since that gives new ones their ids. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_class.h"
#include "core/token/unicode.h"

static const char *const name_keys[N_NAMES] = {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

bool class_says(const struct class_build *b, const char *key)
{
    return json_member(b->config, key) != NULL;
}

bool class_flag(const struct class_build *b, const char *key, bool otherwise)
{
    const struct cJSON *j = json_member(b->config, key);
    return j ? cJSON_IsTrue(j) : otherwise;
}

int64_t class_number(const struct class_build *b, const char *key, int64_t otherwise)
{
    const struct cJSON *j = json_member(b->config, key);
    return cJSON_IsNumber(j) && j->valuedouble >= 0 && j->valuedouble <= 100000 ? (int64_t)j->valuedouble : otherwise;
}

const char *class_unk(const struct class_build *b)
{
    return b->name[NAME_UNK].text ? b->name[NAME_UNK].text : "<unk>";
}

const char *class_keep(struct class_build *b, const char *text, size_t n)
{
    char *copy = mem_strndup(text, n);
    if (!copy || !mem_room(&b->kept, &b->cap_kept, b->n_kept + 1, sizeof *b->kept)) {
        free(copy);
        return NULL;
    }
    return b->kept[b->n_kept++] = copy;
}

enum { MOST = 16384 }; /* added tokens are looked for one by one */

static int push(struct class_token **v, size_t *n, size_t *cap, struct class_token t, struct err *e)
{
    if (*n >= MOST) return err_set(e, ERR_DATA, "more than %d added tokens, which is not supported without a tokenizer.json", MOST);
    if (!mem_room(v, cap, *n + 1, sizeof **v)) return err_oom(e, (*n + 1) * sizeof **v, "added tokens");
    (*v)[(*n)++] = t;
    return 0;
}

int class_add_extra(struct class_build *b, struct class_token t, struct err *e)
{
    return push(&b->extra, &b->n_extra, &b->cap_extra, t, e);
}

int class_add_more(struct class_build *b, struct class_token t, struct err *e)
{
    for (size_t i = 0; i < b->n_more; i++)
        if (strcmp(b->more[i].text, t.text) == 0) return 0;
    return push(&b->more, &b->n_more, &b->cap_more, t, e);
}

static struct class_token plain(const char *text)
{
    return (struct class_token){.text = text, .id = -1};
}

static bool true_in(const struct cJSON *j, const char *key)
{
    return cJSON_IsTrue(json_member(j, key));
}

bool class_token_from(const struct cJSON *j, struct class_token *t)
{
    const struct cJSON *content = cJSON_IsObject(j) ? json_member(j, "content") : j, *normalized = json_member(j, "normalized");
    if (!cJSON_IsString(content) || !*content->valuestring) return false;
    *t = plain(content->valuestring);
    if (content == j) return true;
    t->object = true;
    t->single_word = true_in(j, "single_word");
    t->lstrip = true_in(j, "lstrip");
    t->rstrip = true_in(j, "rstrip");
    t->special = true_in(j, "special");
    t->unsaid = !normalized;
    t->normalized = cJSON_IsTrue(normalized);
    return true;
}

/* ---- what the files list ---- */

static bool has_decoder(const struct class_build *b)
{
    return cJSON_IsObject(json_member(b->config, "added_tokens_decoder"));
}

static bool is_named(const struct class_build *b, const char *text)
{
    for (int k = 0; k < N_NAMES; k++)
        if (b->name[k].text && (class_says(b, name_keys[k]) || json_member(b->map, name_keys[k])) && strcmp(b->name[k].text, text) == 0)
            return true;
    for (size_t i = 0; i < b->n_extra; i++)
        if (strcmp(b->extra[i].text, text) == 0) return true;
    return false;
}

static int listed_one(struct class_build *b, const struct cJSON *i, bool decoder, struct err *e)
{
    struct class_token t;
    char *end = NULL;
    double number = cJSON_IsNumber(i) && i->valuedouble <= VOCAB_MAX_ID ? i->valuedouble : -1;
    long id = decoder ? strtol(i->string, &end, 10) : number >= 0 ? (long)number : -1;
    if (id < 0 || id > VOCAB_MAX_ID || (decoder && (end == i->string || *end)))
        return err_set(e, ERR_DATA, "'%s': the added token '%s' has no id", b->dir, i->string);
    if (!decoder) {
        bool special = is_named(b, i->string);
        t = (struct class_token){.text = i->string, .object = true, .normalized = !special, .special = special};
    } else if (!class_token_from(i, &t)) {
        return err_set(e, ERR_DATA, "'%s': the added token of id %ld has no text", b->dir, id);
    }
    t.id = (int)id;
    return push(&b->add, &b->n_add, &b->cap_add, t, e);
}

static int by_id(const void *x, const void *y)
{
    const struct class_token *a = x, *b = y;
    return (a->id > b->id) - (a->id < b->id);
}

static int listed(struct class_build *b, struct err *e)
{
    bool decoder = has_decoder(b);
    const struct cJSON *list = decoder ? json_member(b->config, "added_tokens_decoder") : b->added;
    for (const struct cJSON *i = list ? list->child : NULL; i; i = i->next)
        if (i->string && listed_one(b, i, decoder, e)) return -1;
    if (b->n_add) qsort(b->add, b->n_add, sizeof *b->add, by_id);
    return 0;
}

/* ---- named and extra tokens ---- */

static void take_flags(const struct class_build *b, struct class_token *t)
{
    for (size_t i = 0; t->text && i < b->n_add; i++)
        if (strcmp(b->add[i].text, t->text) == 0) {
            *t = b->add[i];
            t->id = -1;
            return;
        }
}

static void default_name(struct class_build *b, int k)
{
    const struct tok_class *c = b->c;
    struct class_token *t = &b->name[k];
    *t = plain(c->names[k]);
    bool mask = k == NAME_MASK && (c->flags & MASK_TAKES_SPACE);
    bool both = (c->flags & STRIPS_BOTH) && t->text;
    t->object = mask || both;
    t->lstrip = mask || both;
    t->rstrip = both;
    t->special = mask;
    t->normalized = mask && (c->flags & MASK_NORMALIZED);
}

static bool is_none(const struct cJSON *j)
{
    return j && (cJSON_IsNull(j) || (cJSON_IsString(j) && !*j->valuestring));
}

static int names(struct class_build *b, struct err *e)
{
    for (int k = 0; k < N_NAMES; k++) {
        const struct cJSON *j = json_member(b->config, name_keys[k]), *m = has_decoder(b) ? NULL : json_member(b->map, name_keys[k]);
        bool null = is_none(m ? m : j);
        default_name(b, k);
        if (null) b->name[k] = plain(NULL);
        else if (m || j) {
            if (!class_token_from(m ? m : j, &b->name[k])) return err_set(e, ERR_DATA, "'%s': %s is no token", b->dir, name_keys[k]);
            if (m && cJSON_IsObject(m)) b->name[k].special = true;
            /* A string is made an object of the class's own flags, as the default is. */
            if (!b->name[k].object && b->c->names[k]) {
                struct class_token given = b->name[k];
                default_name(b, k);
                b->name[k].text = given.text;
            }
        }
    }
    return 0;
}

/* Other keys "..._token" of the config: objects first. */
static int more_names(struct class_build *b, struct err *e)
{
    for (int strings = 0; strings < 2; strings++)
        for (const struct cJSON *i = b->config ? b->config->child : NULL; i; i = i->next) {
            struct class_token t;
            bool known = false;
            for (int k = 0; k < N_NAMES; k++) known = known || strcmp(i->string, name_keys[k]) == 0;
            if (known || !str_ends_with(i->string, "_token") || !class_token_from(i, &t) || t.object == (strings == 1)) continue;
            if (class_add_more(b, t, e)) return -1;
        }
    const struct cJSON *extra = json_member(b->config, "extra_special_tokens");
    for (const struct cJSON *i = cJSON_IsObject(extra) ? extra->child : NULL; i; i = i->next) {
        struct class_token t;
        if (class_token_from(i, &t) && class_add_more(b, t, e)) return -1;
    }
    return 0;
}

static int extra_list(struct class_build *b, const struct cJSON *list, struct err *e)
{
    for (const struct cJSON *i = cJSON_IsArray(list) ? list->child : NULL; i; i = i->next) {
        struct class_token t;
        if (!class_token_from(i, &t)) return err_set(e, ERR_DATA, "'%s': a special token without text", b->dir);
        if (class_add_extra(b, t, e)) return -1;
    }
    return 0;
}

static int configured_extra(struct class_build *b, struct err *e)
{
    const struct cJSON *extra = json_member(b->config, "extra_special_tokens"), *older = json_member(b->config, "additional_special_tokens");
    bool empty = !cJSON_IsArray(extra) || !extra->child;
    const struct cJSON *list = older && empty ? older : extra;
    b->says_extra = cJSON_IsArray(list) || (list && cJSON_IsNull(list) && !cJSON_IsObject(extra));
    return extra_list(b, list, e);
}

int class_names(struct class_build *b, struct err *e)
{
    if (names(b, e) || class_own_names(b, e) || more_names(b, e) || configured_extra(b, e) || listed(b, e)) return -1;
    for (int k = 0; k < N_NAMES; k++)
        if (class_says(b, name_keys[k]) || json_member(b->map, name_keys[k])) take_flags(b, &b->name[k]);
    return 0;
}

/* ---- what a class has of its own ---- */

static int add_numbered(struct class_build *b, const char *what, int64_t from, int64_t to, struct err *e)
{
    for (int64_t i = from; i < to; i++) {
        struct buf name = {0};
        buf_printf(&name, "<%s%lld>", what, (long long)i);
        const char *text = name.oom ? NULL : class_keep(b, name.data, name.len);
        buf_free(&name);
        if (!text) return err_oom(e, 16, "added tokens");
        if (class_add_extra(b, plain(text), e)) return -1;
    }
    return 0;
}

static int add_languages(struct class_build *b, struct err *e)
{
    for (const char *const *l = b->c->languages; l && *l; l++)
        if (class_add_extra(b, plain(*l), e)) return -1;
    return 0;
}

/* Control pieces are special, user-defined ones are not. */
static int add_controls(struct class_build *b, bool user, struct err *e)
{
    for (size_t i = 0; i < b->spm.n; i++) {
        const struct spm_piece *p = &b->spm.piece[i];
        if (p->type != SPM_CONTROL && (p->type != SPM_USER || !user)) continue;
        const char *text = class_keep(b, b->spm.text.data + p->off, p->len);
        if (!text) return err_oom(e, p->len, "added tokens");
        if (class_add_extra(b, (struct class_token){.text = text, .object = true, .special = p->type == SPM_CONTROL, .id = -1}, e)) return -1;
    }
    return 0;
}

static int t5_extra(struct class_build *b, struct err *e)
{
    int64_t want = class_number(b, "extra_ids", 100), have = 0;
    if (add_controls(b, true, e)) return -1;
    for (size_t i = 0; i < b->n_extra; i++) have += strstr(b->extra[i].text, "<extra_id_") != NULL;
    if (have == 0) return add_numbered(b, "extra_id_", 0, want, e);
    if (want == 0 || want == have) return 0;
    return err_set(e, ERR_DATA, "'%s' has %lld pieces '<extra_id_...>', the config has extra_ids %lld, and T5Tokenizer takes no other number",
                   b->file, (long long)have, (long long)want);
}

static int pegasus_extra(struct class_build *b, struct err *e)
{
    const struct cJSON *sent = json_member(b->config, "mask_token_sent");
    const char *text = !sent ? "<mask_1>" : cJSON_IsString(sent) ? sent->valuestring : NULL;
    if (text && class_add_extra(b, plain(text), e)) return -1;
    return add_numbered(b, "unk_", 2, class_number(b, "offset", 103), e);
}

/* All of the vocabulary, found as added tokens are. */
static int add_letters(struct class_build *b, struct err *e)
{
    for (int id = 0; id < b->vocab.n; id++) {
        size_t n;
        const char *s = vocab_text(&b->vocab, id, &n), *text = n ? class_keep(b, s, n) : NULL;
        if (n == 0) continue;
        if (!text) return err_oom(e, n, "added tokens");
        if (class_add_extra(b, (struct class_token){.text = text, .object = true, .id = -1}, e)) return -1;
    }
    return 0;
}

/* As many as the config counts, or none. */
static int check_sentinels(const struct class_build *b, struct err *e)
{
    int64_t want = class_number(b, "extra_ids", 125), have = 0;
    for (size_t i = 0; i < b->n_extra; i++) have += strstr(b->extra[i].text, "extra_id") != NULL;
    if (b->n_extra == 0 || want == 0 || have == want) return 0;
    return err_set(e, ERR_DATA, "'%s': additional_special_tokens has %lld of '<extra_id_...>', and %s takes no other number than extra_ids: %lld",
                   b->dir, (long long)have, b->c->name, (long long)want);
}

static int own_extra(struct class_build *b, struct err *e)
{
    if (b->c->source == FROM_PIECES) {
        const struct cJSON *list = has_decoder(b) ? NULL : json_member(b->map, "additional_special_tokens");
        bool xlm = strcmp(b->c->name, "XLMTokenizer") == 0 || strcmp(b->c->name, "FlaubertTokenizer") == 0;
        return !list && xlm ? add_numbered(b, "special", 0, 10, e) : extra_list(b, list, e);
    }
    if (b->c->source == FROM_BYTES) return b->c->flags & HAS_SENTINELS ? add_numbered(b, "extra_id_", 0, class_number(b, "extra_ids", 125), e) : 0;
    bool xglm = strcmp(b->c->name, "XGLMTokenizer") == 0;
    if (b->c->layout == IDS_T5) return t5_extra(b, e);
    if (b->c->layout == IDS_PEGASUS) return pegasus_extra(b, e);
    if (b->c->steps == STEPS_WORDS_RAW && add_languages(b, e)) return -1;
    if (b->c->source < FROM_UNIGRAM && !has_decoder(b)) return extra_list(b, json_member(b->map, "additional_special_tokens"), e);
    if (add_controls(b, b->c->source != FROM_ANY, e)) return -1;
    if (b->c->steps == STEPS_SQUEEZE && b->c->languages && add_languages(b, e)) return -1;
    return xglm ? add_numbered(b, "madeupword", 0, 7, e) : 0;
}

/* ---- adding ---- */

int class_id(const struct class_build *b, const char *text)
{
    for (size_t i = 0; i < b->n_add; i++)
        if (b->add[i].id >= 0 && strcmp(b->add[i].text, text) == 0) return b->add[i].id;
    return vocab_find(&b->vocab, text, strlen(text));
}

static int new_id(const struct class_build *b)
{
    int most = -1, size = b->vocab.used;
    for (size_t i = 0; i < b->n_add; i++)
        if (b->add[i].id > most && vocab_find(&b->vocab, b->add[i].text, strlen(b->add[i].text)) < 0) most = b->add[i].id;
    return most < 0 || (most < size && size) ? size : most + 1;
}

/* The last to be added with a text has its flags. */
static int add_one(struct class_build *b, struct class_token t, int declared, struct err *e)
{
    if (!t.object) {
        t.special = true;
        t.normalized = false;
    }
    if (t.unsaid) t.normalized = !t.special;
    for (size_t i = 0; i < b->n_add; i++) {
        if (strcmp(b->add[i].text, t.text) != 0) continue;
        t.id = b->add[i].id;
        b->add[i] = t;
        return 0;
    }
    t.id = vocab_find(&b->vocab, t.text, strlen(t.text));
    bool fresh = t.id < 0;
    if (fresh) t.id = new_id(b);
    if (fresh && t.id < b->vocab.n && (b->vocab.v[t.id].flags & VOCAB_USED))
        return err_set(e, ERR_DATA, "'%s': the vocabulary has holes, so that '%s' would get the id %d of another token", b->dir, t.text, t.id);
    if (declared >= 0 && declared != t.id)
        return err_set(e, ERR_DATA, "'%s': the files give '%s' id %d, but added behind the vocabulary it gets %d", b->dir, t.text, declared, t.id);
    return push(&b->add, &b->n_add, &b->cap_add, t, e);
}

static bool in_list(const struct class_token *v, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].text, text) == 0) return true;
    return false;
}

static bool all_names(const struct class_build *b, const char *text)
{
    for (int k = 0; k < N_NAMES; k++)
        if (b->name[k].text && strcmp(b->name[k].text, text) == 0) return true;
    return in_list(b->more, b->n_more, text);
}

/* Named tokens in their order, then those of the config alone, then the extra ones. */
static const struct class_token *nth(const struct class_build *b, size_t i)
{
    if (i < N_NAMES) return &b->name[i];
    i -= N_NAMES;
    if (i < b->n_more) return &b->more[i];
    i -= b->n_more;
    return i < b->n_extra ? &b->extra[i] : NULL;
}

static bool plain_before(const struct class_build *b, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (nth(b, k)->text && !nth(b, k)->object && strcmp(nth(b, k)->text, nth(b, i)->text) == 0) return true;
    return false;
}

/* A .model that holds ranks: the tokens behind them, holes by a name of their own. */
static int reserve(struct class_build *b, const struct class_token *list, size_t n, struct err *e)
{
    int last = n ? list[n - 1].id : -1;
    for (int id = b->vocab.n; id <= last; id++) {
        struct class_token t = {.object = true, .special = true};
        struct buf name = {0};
        for (size_t i = 0; i < n; i++)
            if (list[i].id == id) t.text = list[i].text;
        buf_printf(&name, "<|reserved_token_%d|>", id);
        if (!t.text && !name.oom) t.text = class_keep(b, name.data, name.len);
        buf_free(&name);
        if (!t.text) return err_oom(e, 32, "added tokens");
        if (add_one(b, t, -1, e)) return -1;
    }
    return 0;
}

/* Again, as plain special tokens or only to become special. */
static int add_again(struct class_build *b, struct err *e)
{
    for (size_t i = 0; nth(b, i); i++) {
        struct class_token t = *nth(b, i);
        if (!t.text) continue;
        if (b->c->flags & ADDS_ALL_AGAIN) t = plain(t.text);
        t.special = true;
        if (add_one(b, t, -1, e)) return -1;
    }
    return 0;
}

/* What the files list, [*n], makes room for what is added; the caller frees it. */
static struct class_token *take_listed(struct class_build *b, size_t *n)
{
    struct class_token *list = b->add;
    *n = b->n_add;
    b->add = NULL;
    b->n_add = b->cap_add = 0;
    return list;
}

/* ---- beside a tokenizer.json ---- */

/* Its properties, once all is said. */
static struct class_token whole(const struct class_build *b, const struct class_token *said, bool listed)
{
    struct class_token t = *said;
    t.special = t.special || !t.object || all_names(b, t.text);
    if (!t.object) t.normalized = false;
    if (t.unsaid) t.normalized = !t.special;
    if (!listed) t.id = -1;
    return t;
}

int class_beside(struct class_build *b, const struct vocab *v, struct err *e)
{
    size_t n;
    struct class_token *list = take_listed(b, &n);
    int ret = b->says_extra || has_decoder(b) ? 0 : extra_list(b, json_member(b->map, "additional_special_tokens"), e);
    for (size_t i = 0; ret == 0 && i < n; i++) ret = push(&b->add, &b->n_add, &b->cap_add, whole(b, &list[i], true), e);
    for (size_t i = 0; ret == 0 && nth(b, i); i++) {
        const char *text = nth(b, i)->text;
        int id = text ? vocab_find(v, text, strlen(text)) : -1;
        if (!text || in_list(b->add, b->n_add, text) || (id >= 0 && (v->v[id].flags & VOCAB_ADDED))) continue;
        ret = push(&b->add, &b->n_add, &b->cap_add, whole(b, nth(b, i), false), e);
    }
    free(list);
    return ret;
}

/* ---- as Python's base class does it ---- */

static int refuse_token(const struct class_build *b, const char *text, const char *why, struct err *e)
{
    return err_set(e, ERR_DATA, "'%s': the added token '%s' %s", b->dir, text, why);
}

/* What the files list has their ids, wherever they are free. */
static int add_declared(struct class_build *b, struct class_token t, struct err *e)
{
    int id = vocab_find(&b->vocab, t.text, strlen(t.text));
    bool taken = t.id < b->vocab.n && (b->vocab.v[t.id].flags & VOCAB_USED);
    if (id >= 0 ? id != t.id : taken) return refuse_token(b, t.text, "has another id in the vocabulary, or its id is another token there", e);
    if (t.single_word) return refuse_token(b, t.text, "is one that stands alone (single_word), which this class sees otherwise: not supported", e);
    if (in_list(b->add, b->n_add, t.text)) return refuse_token(b, t.text, "is there twice", e);
    bool named = all_names(b, t.text) || in_list(b->extra, b->n_extra, t.text);
    t.shown = t.special && !named;
    t.special = t.special || named;
    t.normalized = false;
    return push(&b->add, &b->n_add, &b->cap_add, t, e);
}

/* Special tokens that are no tokens yet get the ids behind all that there are. */
static int add_special(struct class_build *b, const char *text, int *next, struct err *e)
{
    struct class_token t = {.text = text, .object = true, .special = true, .id = vocab_find(&b->vocab, text, strlen(text))};
    if (in_list(b->add, b->n_add, text)) return 0;
    bool known = t.id >= 0 && (b->c->flags & ONLY_KNOWN || t.id < b->n_file);
    if (!known && (b->c->flags & ONLY_KNOWN)) return refuse_token(b, text, "has no id in this class, which gives it one of another token: not supported", e);
    if (!known) {
        if (t.id >= 0 ? t.id != *next : *next < b->vocab.n && (b->vocab.v[*next].flags & VOCAB_USED))
            return refuse_token(b, text, "gets an id by its place behind the vocabulary that is another token's: not supported", e);
        t.id = (*next)++;
    }
    return push(&b->add, &b->n_add, &b->cap_add, t, e);
}

static int add_pythonic(struct class_build *b, const struct class_token *list, size_t n, struct err *e)
{
    int next = b->n_file;
    for (size_t i = 0; i < n; i++) {
        if (add_declared(b, list[i], e)) return -1;
        int id = vocab_find(&b->vocab, list[i].text, strlen(list[i].text));
        next += id < 0 || id >= b->n_file;
    }
    for (size_t i = 0; nth(b, i); i++)
        if (nth(b, i)->text && add_special(b, nth(b, i)->text, &next, e)) return -1;
    return 0;
}

/* Tokens of several characters take white space; what stands for a space is text. */
static int add_long(struct class_build *b, struct err *e)
{
    for (size_t i = 0; i < b->n_add; i++)
        if (strcmp(b->add[i].text, class_delimiter) == 0) b->add[i].special = b->add[i].shown = false;
    for (int id = 0; id < b->n_file; id++) {
        size_t n, k = 0;
        if (!(b->vocab.v[id].flags & VOCAB_USED)) continue;
        const char *s = vocab_text(&b->vocab, id, &n);
        if (n == 0 || uni_next((const uint8_t *)s, n).len == n) continue;
        while (k < b->n_add && b->add[k].id != id) k++;
        const char *text = k < b->n_add ? b->add[k].text : class_keep(b, s, n);
        if (!text) return err_oom(e, n, "added tokens");
        if (k == b->n_add && push(&b->add, &b->n_add, &b->cap_add, (struct class_token){.text = text, .object = true, .id = id}, e)) return -1;
        b->add[k].lstrip = b->add[k].rstrip = true;
    }
    return 0;
}

int class_add(struct class_build *b, struct err *e)
{
    size_t n;
    struct class_token *list = take_listed(b, &n);
    int ret = b->says_extra ? 0 : own_extra(b, e);
    if (b->c->source == FROM_PIECES) {
        if (ret == 0) ret = class_pieces_extra(b, e) || add_pythonic(b, list, n, e) ? -1 : 0;
        if (ret == 0 && (b->c->flags & STRIPS_LONG)) ret = add_long(b, e);
        free(list);
        return ret;
    }
    if (ret == 0 && (b->c->flags & HAS_SENTINELS)) ret = check_sentinels(b, e);
    if (ret == 0 && b->c->steps == STEPS_LETTERS) ret = add_letters(b, e);
    if (ret == 0 && b->ranks) ret = reserve(b, list, n, e);
    for (size_t i = 0; ret == 0 && i < n; i++) {
        struct class_token t = list[i];
        t.special = t.special || all_names(b, t.text);
        if (b->c->source == FROM_ANY && !b->ranks && b->spm.add_dummy_prefix && has_decoder(b)) t.normalized = false;
        ret = add_one(b, t, list[i].id, e);
    }
    for (size_t i = 0; ret == 0 && nth(b, i); i++) {
        struct class_token t = *nth(b, i);
        if (!t.text || in_list(list, n, t.text)) continue;
        if (!t.object && plain_before(b, i)) continue;
        t.special = t.special || all_names(b, t.text);
        ret = add_one(b, t, -1, e);
    }
    for (size_t i = 0; b->c->source == FROM_BYTES && i < b->n_add; i++) b->add[i].normalized = false; /* all are looked for at once */
    if (ret == 0 && (b->c->flags & (ADDS_ALL_AGAIN | MAKES_SPECIAL))) ret = add_again(b, e);
    free(list);
    return ret;
}
