/* What kind of tokenizer a file holds, told by its content: names of files say
 * little ("tokenizer.model" is SentencePiece's, or a .tiktoken file). */
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/token/spm_model.h"
#include "core/token/tok_files.h"

static const char *spaces(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

/* Behind the string whose opening quote is at p; NULL if it does not end. */
static const char *behind_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\') p++;
    return p < end ? p + 1 : NULL;
}

/* Behind the value at p, as far as brackets and strings tell. */
static const char *behind_value(const char *p, const char *end)
{
    size_t depth = 0;
    while (p && p < end) {
        if (depth == 0 && (*p == ',' || *p == '}')) return p;
        if (*p == '"') {
            p = behind_string(p, end);
            continue;
        }
        if (*p == '{' || *p == '[') depth++;
        if (*p == '}' || *p == ']') depth--;
        p++;
    }
    return NULL;
}

static bool is_key(const char *key, const char *stop, const char *word)
{
    return (size_t)(stop - key) == strlen(word) + 2 && memcmp(key + 1, word, strlen(word)) == 0;
}

static bool is_id(const char *v, const char *end)
{
    const char *from = v;
    while (v < end && *v >= '0' && *v <= '9') v++;
    return v > from && (v == end || (*v != '.' && *v != 'e' && *v != 'E'));
}

/* From the members of the outermost object.  A tokenizer.json has an object
 * "model"; what tells nothing is taken for one, too, so that its reader says
 * what is wrong. */
static enum tok_kind kind_of_json(const char *p, const char *end)
{
    bool first = true;
    for (p = spaces(p + 1, end); p && p < end && *p == '"'; p = spaces(p + 1, end), first = false) {
        const char *key = p, *stop = behind_string(p, end), *v = stop ? spaces(stop, end) : end;
        if (v >= end || *v != ':' || (v = spaces(v + 1, end)) >= end) break;
        if (is_key(key, stop, "model") || is_key(key, stop, "llmctl")) break;
        if (is_key(key, stop, "config") && *v == '{') return KIND_TEKKEN;
        if ((is_key(key, stop, "vocab") || is_key(key, stop, "special_tokens")) && *v == '[') return KIND_TEKKEN;
        if (first && is_id(v, end)) return KIND_VOCAB_JSON; /* a token and its id */
        if (!(p = behind_value(v, end)) || *p != ',') break;
    }
    return KIND_JSON;
}

static const char *line_end(const char *p, const char *end)
{
    const char *nl = memchr(p, '\n', (size_t)(end - p));
    return nl ? nl : end;
}

/* A token in base64 and a rank. */
static bool is_ranked(const char *p, const char *end)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    const char *from = p;
    while (p < end && strchr(base64, *p) && *p) p++;
    if (p == from || (p - from) % 4 || p == end || *p != ' ') return false;
    for (from = ++p; p < end && *p >= '0' && *p <= '9'; p++) continue;
    return p > from && (p == end || *p == '\r' || *p == ' ');
}

static bool has_line(const char *p, const char *end, const char *word)
{
    size_t n = strlen(word);
    for (const char *nl; p < end; p = nl + 1) {
        nl = line_end(p, end);
        size_t len = (size_t)(nl - p);
        if (len && p[len - 1] == '\r') len--;
        if (len == n && memcmp(p, word, n) == 0) return true;
    }
    return false;
}

enum tok_kind tok_kind_of(const char *text, size_t n, const char *path)
{
    const char *end = text + n, *p = spaces(text, end);
    if (n >= 4 && memcmp(text, "GGUF", 4) == 0) return KIND_GGUF;
    if (p < end && *p == '{') return kind_of_json(p, end);
    if (spm_model_looks_like(text, n)) return KIND_SPM;
    if (n >= 9 && memcmp(text, "#version:", 9) == 0) return KIND_MERGES;
    if (tok_rwkv_looks_like(text, n)) return KIND_RWKV;
    if (p < end && is_ranked(p, line_end(p, end))) return KIND_TIKTOKEN;
    if (has_line(text, end, "[UNK]")) return KIND_VOCAB_TXT;
    const char *what = n ? file_kind(text, n) : NULL;
    if (what && strcmp(what, "JSON") != 0) return KIND_JSON; /* whose reader says what it is */
    /* What is broken or empty is called what its name says. */
    static const struct { const char *end; enum tok_kind kind; } names[] = {
        {".model", KIND_SPM},        {".tiktoken", KIND_TIKTOKEN},   {"vocab.txt", KIND_VOCAB_TXT}, {".gguf", KIND_GGUF},
        {"tekken.json", KIND_TEKKEN}, {"vocab.json", KIND_VOCAB_JSON}, {"merges.txt", KIND_MERGES}};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_ends_with(path, names[i].end)) return names[i].kind;
    return KIND_JSON;
}
