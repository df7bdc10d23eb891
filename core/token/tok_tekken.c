/* tekken.json: {"config": {"pattern", "default_vocab_size",
 * "default_num_special_tokens", "version"}, "vocab": [{"rank", "token_bytes"
 * (base64)}, ...], "special_tokens": [{"rank", "token_str"}, ...]}.
 *
 * Special tokens have the first ids, and those without a name are
 * "<SPECIAL_n>"; the tokens follow by rank, as many as the size of the
 * vocabulary leaves room for.  They merge as in tiktoken. */
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
#include "core/token/tok_load.h"
#include "core/token/tok_members.h"

/* Special tokens of files from before they stood in them. */
static const char *const first_specials[] = {
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]",
    "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"};

struct tekken {
    const char *pattern;
    int64_t size, n_special;
};

/* {"text": id, ...} of all special tokens. */
static struct cJSON *special_tokens(const struct cJSON *root, int64_t n, struct err *e)
{
    const struct cJSON *list = json_member(root, "special_tokens");
    struct cJSON *out = cJSON_CreateObject();
    const char **text = mem_zalloc((size_t)n, sizeof *text);
    bool ok = out && text;
    if (!ok) err_oom(e, (size_t)n * sizeof *text, "special tokens");
    if (ok && !cJSON_IsArray(list))
        for (size_t i = 0; i < COUNT_OF(first_specials) && (int64_t)i < n; i++) text[i] = first_specials[i];
    for (const struct cJSON *i = cJSON_IsArray(list) ? list->child : NULL; ok && i; i = i->next) {
        int64_t rank;
        const char *s;
        ok = json_get_i64(i, "rank", 0, n - 1, &rank, "special_tokens", e) == 0 &&
             json_get_str(i, "token_str", &s, "special_tokens", e) == 0;
        if (ok && text[rank]) ok = err_set(e, ERR_DATA, "special_tokens: two of rank %lld", (long long)rank) == 0;
        if (ok) text[rank] = s;
    }
    for (int64_t i = 0; ok && i < n; i++) {
        char name[40];
        snprintf(name, sizeof name, "<SPECIAL_%lld>", (long long)i);
        ok = cJSON_AddNumberToObject(out, text[i] ? text[i] : name, (double)i) != NULL;
        if (!ok) err_oom(e, 1, "special tokens");
    }
    free(text);
    if (ok) return out;
    cJSON_Delete(out);
    return NULL;
}

/* One object of the list: its bytes in base64 (until the next one is read) and rank. */
static int one_token(struct jlex *x, struct buf *bytes, int64_t *rank, struct err *e)
{
    bool has_rank = false, has_bytes = false;
    if (jlex_expect(x, '{', e)) return -1;
    do {
        const char *s;
        size_t n;
        if (jlex_string(x, &s, &n, e)) return -1;
        bool is_rank = n == 4 && memcmp(s, "rank", 4) == 0, is_bytes = n == 11 && memcmp(s, "token_bytes", 11) == 0;
        if ((is_rank && has_rank) || (is_bytes && has_bytes)) return jlex_error(x, e, "a member of a token twice");
        if (jlex_expect(x, ':', e)) return -1;
        has_rank = has_rank || is_rank;
        has_bytes = has_bytes || is_bytes;
        if (is_rank) {
            if (jlex_int(x, rank, e)) return -1;
            if (*rank < 0 || *rank > VOCAB_MAX_ID) return jlex_error(x, e, "rank must be between 0 and %d", VOCAB_MAX_ID);
        } else if (is_bytes) {
            if (jlex_string(x, &s, &n, e)) return -1;
            if (memchr(s, '\n', n) || memchr(s, ' ', n)) return jlex_error(x, e, "token_bytes is not base64");
            buf_clear(bytes);
            buf_add(bytes, s, n);
        } else {
            jlex_skip(x);
        }
    } while (jlex_try(x, ','));
    if (jlex_expect(x, '}', e)) return -1;
    return has_rank && has_bytes ? 0 : jlex_error(x, e, "a token without rank or token_bytes");
}

/* The tokens as the lines of a .tiktoken file. */
static int tokens(const char *json, struct jlex_span list, const char *name, const struct tekken *k, struct buf *out, struct err *e)
{
    struct jlex x;
    struct buf bytes = {0};
    int64_t rank = 0;
    if (!list.begin || *list.begin != '[') return err_set(e, ERR_DATA, "no list 'vocab'");
    jlex_init(&x, json, list, name);
    buf_reserve(out, (size_t)(list.end - list.begin) / 4); /* about what the tokens take */
    int ret = jlex_expect(&x, '[', e);
    bool more = ret == 0 && !jlex_try(&x, ']');
    while (more && ret == 0) {
        if ((ret = one_token(&x, &bytes, &rank, e))) break;
        if (rank < k->size - k->n_special) {
            buf_add(out, buf_text(&bytes), bytes.len);
            buf_addc(out, ' ');
            tok_add_number(out, rank + k->n_special);
            buf_addc(out, '\n');
        }
        more = jlex_try(&x, ',');
        if (!more) ret = jlex_expect(&x, ']', e);
    }
    jlex_free(&x);
    if (ret == 0) ret = buf_ok(&bytes, e) || buf_ok(out, e) ? -1 : 0;
    buf_free(&bytes);
    return ret;
}

static struct tokenizer *build(const struct cJSON *root, const char *json, struct jlex_span list, const char *name, struct err *e)
{
    static const char *const where = "config";
    const struct cJSON *config = json_member(root, "config");
    struct tekken k;
    struct buf lines = {0};
    struct tokenizer *t = NULL;
    if (!cJSON_IsObject(config)) {
        err_set(e, ERR_DATA, "no object 'config': is this a tekken.json?");
        return NULL;
    }
    if (json_get_str(config, "pattern", &k.pattern, where, e) ||
        json_get_i64(config, "default_vocab_size", 1, VOCAB_MAX_ID, &k.size, where, e) ||
        json_get_i64(config, "default_num_special_tokens", 0, k.size, &k.n_special, where, e))
        return NULL;
    struct cJSON *special = special_tokens(root, k.n_special, e);
    if (special && tokens(json, list, name, &k, &lines, e) == 0)
        t = tok_from_tiktoken(buf_text(&lines), lines.len, k.pattern, special, name, e);
    cJSON_Delete(special);
    buf_free(&lines);
    return t;
}

struct tokenizer *tok_from_tekken(const char *text, size_t n, const char *name, struct err *e)
{
    /* "token_str" of the byte 0 is \u0000; what counts is in "token_bytes". */
    struct json_limits lim = {.max_bytes = TOK_FILE_MOST, .nul_as_fffd = true};
    struct jlex_span list;
    struct cJSON *root = jlex_parse_member(text, n, name, &lim, "vocab", "config", &list, e);
    struct tokenizer *t = root ? build(root, text, list, name, e) : NULL;
    if (!t && !strstr(e->msg, name)) err_wrap(e, "'%s'", name);
    if (!t && e->code == ERR_CONFIG) e->code = ERR_DATA;
    json_free(root);
    return t;
}

/* ---- out ---- */

/* Ids as the file has them: special tokens, then the others, without a hole. */
static bool fits(const struct tokenizer *t)
{
    if (t->source != SOURCE_TIKTOKEN || strcmp(t->source_split, "none") == 0) return false;
    for (int id = 0; id < t->vocab.n; id++) {
        bool special = (size_t)id < t->n_added;
        if (!(t->vocab.v[id].flags & (special ? VOCAB_SPECIAL : VOCAB_MODEL)) || t->vocab.v[id].len == 0) return false;
    }
    return true;
}

static int add_token(struct buf *out, const struct tokenizer *t, int id, struct err *e)
{
    size_t n;
    const char *s = tok_piece(t, id, &n);
    buf_printf(out, "%s\n{\"rank\":%d,\"token_bytes\":\"", (size_t)id > t->n_added ? "," : "", id - (int)t->n_added);
    if (tok_base64(s, n, out, e)) return -1;
    buf_adds(out, "\",\"token_str\":");
    if (utf8_valid_prefix(s, n) == n) buf_add_json(out, s, n);
    else buf_adds(out, "null");
    buf_addc(out, '}');
    return 0;
}

int tok_to_tekken(const struct tokenizer *t, struct buf *out, struct err *e)
{
    if (!fits(t))
        return err_set(e, ERR_DATA, "tekken.json holds a tokenizer of tiktoken's kind with its split, whose special "
                                    "tokens have the first ids and whose tokens have bytes; this one is another");
    const char *regex = split_pattern(t->source_split);
    if (!regex) regex = t->source_split;
    buf_adds(out, "{\"config\":{\"pattern\":");
    buf_adds_json(out, regex);
    buf_printf(out, ",\"num_vocab_tokens\":%d,\"default_vocab_size\":%d,\"default_num_special_tokens\":%zu,"
                    "\"version\":\"v3\"},\n\"vocab\":[", t->vocab.n - (int)t->n_added, t->vocab.n, t->n_added);
    for (int id = (int)t->n_added; id < t->vocab.n; id++)
        if (add_token(out, t, id, e)) return -1;
    buf_adds(out, "],\n\"special_tokens\":[");
    for (int id = 0; (size_t)id < t->n_added; id++) {
        size_t n;
        const char *s = vocab_text(&t->vocab, id, &n);
        buf_printf(out, "%s\n{\"rank\":%d,\"token_str\":", id ? "," : "", id);
        buf_add_json(out, s, n);
        buf_adds(out, ",\"is_control\":true}");
    }
    buf_adds(out, "]}\n");
    return buf_ok(out, e);
}
