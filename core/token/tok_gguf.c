/* GGUF files: tokenizer.ggml.* of the metadata (GGUF version 2 and 3). */
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/width.h"
#include "core/token/gguf_pre.h"
#include "core/token/spm_model.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_lists.h"
#include "core/token/tok_load.h"
#include "core/token/tok_members.h"

/* Arrays stay in the file: from where to where. */
struct array {
    uint32_t type;
    uint64_t n;
    size_t pos, end; /* 0 = absent */
};

enum { KEYS = 64 }; /* of the tokenizer's, looked at for one that comes twice */

struct gguf {
    struct reader r;
    struct gguf_key { const char *s; uint64_t n; } key[KEYS];
    size_t n_keys;
    struct gguf_key template; /* s = NULL: none */
    struct array tokens, scores, types, merges, charsmap;
    char model[32], pre[64];
    int64_t bos, eos, unk;
    bool space_prefix, extra_spaces, has_space, has_extra;
    bool add_bos, add_eos, has_bos, has_eos, has_lowercase, lowercase, has_accents, strips_accents;
};

static size_t size_of(uint32_t type)
{
    static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

static bool read_string(struct reader *r, const char **s, uint64_t *n, struct err *e)
{
    const uint8_t *p;
    if (!reader_u64(r, n, e) || !reader_bytes(r, *n, &p, e)) return false;
    *s = (const char *)p;
    return true;
}

static bool skip(struct reader *r, uint32_t type, struct err *e)
{
    const uint8_t *p;
    const char *s;
    uint64_t n;
    if (type == GGUF_STRING) return read_string(r, &s, &n, e);
    if (size_of(type)) return reader_bytes(r, size_of(type), &p, e);
    err_set(e, ERR_DATA, "'%s': GGUF value of unknown type %u at offset %zu", r->name, (unsigned)type, r->pos);
    return false;
}

/* Texts behind their lengths; what is wrong with one is said by skip(). */
static bool skip_texts(struct reader *r, uint64_t n, struct err *e)
{
    size_t pos = r->pos;
    uint64_t i = 0, len;
    for (; i < n && r->size - pos >= sizeof len; i++) {
        memcpy(&len, r->data + pos, sizeof len);
        if (len > r->size - pos - sizeof len) break;
        pos += sizeof len + (size_t)len;
    }
    return reader_seek(r, pos, e) && (i == n || skip(r, GGUF_STRING, e));
}

static bool read_array(struct reader *r, struct array *a, struct err *e)
{
    if (!reader_u32(r, &a->type, e) || !reader_u64(r, &a->n, e)) return false;
    size_t each = a->type == GGUF_STRING ? 8 : size_of(a->type);
    if (!each) return err_set(e, ERR_DATA, "'%s': GGUF array of arrays at offset %zu", r->name, r->pos), false;
    if (!reader_count(r, a->n, each, "array elements", e)) return false;
    a->pos = r->pos;
    if (!(a->type == GGUF_STRING ? skip_texts(r, a->n, e) : reader_seek(r, r->pos + a->n * each, e))) return false;
    a->end = r->pos;
    return true;
}

static bool read_number(struct reader *r, uint32_t type, int64_t *out, struct err *e)
{
    const uint8_t *p;
    size_t n = size_of(type);
    if (!n || type == GGUF_F32 || type == GGUF_F64) return skip(r, type, e);
    if (!reader_bytes(r, n, &p, e)) return false;
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) v |= (uint64_t)p[i] << (8 * i);
    *out = v > INT32_MAX ? -1 : (int64_t)v;
    return true;
}

static bool is_key(const char *s, uint64_t n, const char *key)
{
    return n == strlen(key) && memcmp(s, key, n) == 0;
}

static bool is_new(struct gguf *g, const char *s, uint64_t n, struct err *e)
{
    for (size_t i = 0; i < g->n_keys; i++)
        if (g->key[i].n == n && memcmp(g->key[i].s, s, n) == 0)
            return err_set(e, ERR_DATA, "'%s': the key %.*s twice", g->r.name, (int)text_fit(s, n, 80), s), false;
    if (g->n_keys < KEYS) g->key[g->n_keys++] = (struct gguf_key){s, n};
    return true;
}

static bool read_pair(struct gguf *g, struct err *e)
{
    struct reader *r = &g->r;
    const char *key, *s;
    uint64_t n, len;
    uint32_t type;
    if (!read_string(r, &key, &n, e) || !reader_u32(r, &type, e)) return false;
    static const char prefix[] = "tokenizer.ggml.";
    size_t k = strlen(prefix);
    struct array ignored = {0}, *a = &ignored;
    bool mine = n > k && memcmp(key, prefix, k) == 0;
    const char *name = mine ? key + k : "";
    if (mine && !is_new(g, key, n, e)) return false;
    uint64_t n_name = mine ? n - k : 0;
    if (type == GGUF_ARRAY) {
        if (is_key(name, n_name, "tokens")) a = &g->tokens;
        if (is_key(name, n_name, "scores")) a = &g->scores;
        if (is_key(name, n_name, "token_type")) a = &g->types;
        if (is_key(name, n_name, "merges")) a = &g->merges;
        if (is_key(name, n_name, "precompiled_charsmap")) a = &g->charsmap;
        return read_array(r, a, e);
    }
    if (type == GGUF_STRING) {
        if (!read_string(r, &s, &len, e)) return false;
        if (is_key(key, n, "tokenizer.chat_template")) g->template = (struct gguf_key){s, len};
        if (is_key(name, n_name, "model")) snprintf(g->model, sizeof g->model, "%.*s", (int)(len < 31 ? len : 31), s);
        if (is_key(name, n_name, "pre")) snprintf(g->pre, sizeof g->pre, "%.*s", (int)(len < 63 ? len : 63), s);
        return true;
    }
    int64_t v = -1;
    if (!read_number(r, type, &v, e)) return false;
    if (is_key(name, n_name, "bos_token_id")) g->bos = v;
    if (is_key(name, n_name, "eos_token_id")) g->eos = v;
    if (is_key(name, n_name, "unknown_token_id")) g->unk = v;
    if (is_key(name, n_name, "add_space_prefix")) g->space_prefix = v > 0, g->has_space = true;
    if (is_key(name, n_name, "remove_extra_whitespaces")) g->extra_spaces = v > 0, g->has_extra = true;
    if (is_key(name, n_name, "add_bos_token")) g->add_bos = v > 0, g->has_bos = true;
    if (is_key(name, n_name, "add_eos_token")) g->add_eos = v > 0, g->has_eos = true;
    if (is_key(name, n_name, "normalizer.lowercase")) g->lowercase = v > 0, g->has_lowercase = true;
    if (is_key(name, n_name, "normalizer.strip_accents")) g->strips_accents = v > 0, g->has_accents = true;
    return true;
}

/* A list that goes along with the tokens. */
static int check_list(const struct gguf *g, const struct array *a, const char *name, uint32_t type, uint32_t other, struct err *e)
{
    if (!a->pos) return 0;
    if (a->type != type && a->type != other)
        return err_set(e, ERR_DATA, "'%s': tokenizer.ggml.%s is a list of type %u", g->r.name, name, (unsigned)a->type);
    if (a->n == g->tokens.n) return 0;
    return err_set(e, ERR_DATA, "'%s': tokenizer.ggml.%s has %llu elements for %llu tokens", g->r.name, name, (unsigned long long)a->n,
                   (unsigned long long)g->tokens.n);
}

static int check_end(const struct gguf *g, bool wanted, int64_t id, const char *name, struct err *e)
{
    bool unused = strcmp(g->model, "bert") == 0 || strcmp(g->model, "rwkv") == 0;
    if (!wanted || unused || (id >= 0 && (uint64_t)id < g->tokens.n)) return 0;
    return err_set(e, ERR_DATA, "'%s': tokenizer.ggml.add_%s_token without a tokenizer.ggml.%s_token_id that is a token's", g->r.name, name, name);
}

/* What readers take where the file does not say it, or names no token. */
static void default_ends(struct gguf *g)
{
    bool llama = strcmp(g->model, "llama") == 0;
    if (!llama && strcmp(g->model, "t5") != 0) return;
    if (llama && (g->bos < 0 || (uint64_t)g->bos >= g->tokens.n)) g->bos = 1;
    if (g->eos < 0 || (uint64_t)g->eos >= g->tokens.n) g->eos = llama ? 2 : 1;
}

static int check_lists(const struct gguf *g, struct err *e)
{
    return check_list(g, &g->scores, "scores", GGUF_F32, GGUF_F32, e) || check_list(g, &g->types, "token_type", GGUF_I32, GGUF_U32, e) ||
                   check_end(g, g->add_bos, g->bos, "bos", e) || check_end(g, g->add_eos, g->eos, "eos", e)
               ? -1 : 0;
}

static int read_metadata(struct gguf *g, struct err *e)
{
    uint32_t magic, version;
    uint64_t tensors, pairs;
    struct reader *r = &g->r;
    if (!reader_u32(r, &magic, e)) return -1;
    if (magic != 0x46554747) return err_set(e, ERR_DATA, "'%s' is no GGUF file: it does not begin with GGUF", r->name);
    if (!reader_u32(r, &version, e) || !reader_u64(r, &tensors, e) || !reader_u64(r, &pairs, e)) return -1;
    if (version < 2 || version > 3)
        return err_set(e, ERR_DATA, "'%s': GGUF version %u is not supported", r->name, (unsigned)version);
    if (!reader_count(r, pairs, 13, "metadata pairs", e)) return -1;
    for (uint64_t i = 0; i < pairs; i++)
        if (!read_pair(g, e)) return -1;
    if (!g->tokens.pos || g->tokens.type != GGUF_STRING)
        return err_set(e, ERR_DATA, "'%s': no tokenizer.ggml.tokens", r->name);
    default_ends(g);
    return check_lists(g, e);
}

static int type_at(const struct gguf *g, uint64_t i)
{
    int32_t v = SPM_NORMAL;
    if (g->types.pos) memcpy(&v, g->r.data + g->types.pos + 4 * i, 4);
    return v;
}

static float score_at(const struct gguf *g, uint64_t i)
{
    float v = 0;
    if (g->scores.pos) memcpy(&v, g->r.data + g->scores.pos + 4 * i, 4);
    return v;
}

/* The tokens, one after the other. */
struct tokens {
    const char *p, *end, *s; /* s[0..n): the text of id i */
    size_t n;
    uint64_t i;
};

static struct tokens first_token(const struct gguf *g)
{
    const char *data = (const char *)g->r.data;
    return (struct tokens){.p = data + g->tokens.pos, .end = data + g->tokens.end, .i = UINT64_MAX};
}

static bool next_token(struct tokens *t)
{
    t->i++;
    return tok_next_counted(&t->p, t->end, &t->s, &t->n);
}

/* ---- SentencePiece ---- */

/* Converters call what only pads the vocabulary unknown, too, and sometimes "<unk>" a control token. */
static int type_of_piece(const struct gguf *g, uint64_t i)
{
    int type = type_at(g, i);
    if (g->unk < 0) return type;
    if ((int64_t)i == g->unk) return SPM_UNKNOWN;
    return type == SPM_UNKNOWN ? SPM_UNUSED : type;
}

static struct tokenizer *sentencepiece(struct gguf *g, bool unigram, struct err *e)
{
    struct spm_model m;
    struct buf bytes = {0};
    struct tokenizer *t = NULL;
    int ret = 0;
    spm_model_init(&m);
    m.kind = unigram ? SPM_UNIGRAM : SPM_BPE;
    m.bos_id = (int)g->bos;
    m.eos_id = (int)g->eos;
    m.add_dummy_prefix = g->has_space ? g->space_prefix : true;
    m.remove_extra_whitespaces = g->has_extra ? g->extra_spaces : false;
    if (g->charsmap.pos) buf_add(&m.charsmap, g->r.data + g->charsmap.pos, g->charsmap.n * size_of(g->charsmap.type));
    for (struct tokens k = first_token(g); ret == 0 && next_token(&k);) {
        int type = type_of_piece(g, k.i);
        if (type < SPM_NORMAL || type > SPM_BYTE)
            ret = err_set(e, ERR_DATA, "'%s': token %llu has unknown type %d", g->r.name, (unsigned long long)k.i, type);
        else ret = spm_model_add(&m, k.s, k.n, score_at(g, k.i), (enum spm_type)type, e);
        if (type == SPM_BYTE) m.byte_fallback = true;
        if (type == SPM_UNKNOWN) m.unk_id = (int)k.i;
    }
    if (ret == 0 && spm_model_write(&m, &bytes, e) == 0) t = tok_from_spm(bytes.data, bytes.len, g->r.name, e);
    /* What readers do where the file does not say: <s> for byte pairs, </s> for T5. */
    if (t && tok_add_ends(t, g->has_bos ? g->add_bos : !unigram, g->has_eos ? g->add_eos : unigram, e)) {
        tok_free(t);
        t = NULL;
    }
    if (t && (t->adds_bos || t->adds_eos))
        t->note = "the file has tokens put around each text (--template); a SentencePiece .model would not say so";
    spm_model_free(&m);
    buf_free(&bytes);
    return t;
}

/* ---- WordPiece ---- */

/* Tokens that begin a word are written with U+2581 in front, others without
 * their "##"; those in brackets stay. */
static bool is_bracketed(const char *s, size_t n)
{
    return n > 1 && s[0] == '[' && s[n - 1] == ']';
}

static void add_vocab_line(const char *s, size_t n, struct buf *out)
{
    if (n > 3 && memcmp(s, "\xE2\x96\x81", 3) == 0) {
        buf_add(out, s + 3, n - 3);
    } else {
        if (!is_bracketed(s, n)) buf_adds(out, "##");
        buf_add(out, s, n);
    }
    buf_addc(out, '\n');
}

static struct tokenizer *wordpiece(struct gguf *g, struct err *e)
{
    struct buf lines = {0};
    struct tokenizer *t = NULL;
    const char *upper = NULL;
    struct tok_bert form = TOK_BERT;
    form.lowercase = !g->has_lowercase || g->lowercase;
    form.strips_accents = g->has_accents ? g->strips_accents : form.lowercase;
    for (struct tokens k = first_token(g); next_token(&k);) {
        if (memchr(k.s, '\n', k.n)) {
            err_set(e, ERR_DATA, "'%s': token %llu has an end of line", g->r.name, (unsigned long long)k.i);
            goto out;
        }
        for (size_t j = 0; j < k.n && !is_bracketed(k.s, k.n); j++)
            if (k.s[j] >= 'A' && k.s[j] <= 'Z') upper = k.s + j;
        add_vocab_line(k.s, k.n, &lines);
    }
    if (upper && !g->has_lowercase)
        err_set(e, ERR_DATA, "'%s': the vocabulary has capital letters, and the file does not say whether text is "
                             "lowercased (tokenizer.ggml.normalizer.lowercase); that is never guessed", g->r.name);
    else if (buf_ok(&lines, e) == 0)
        t = tok_from_vocab_txt(buf_text(&lines), lines.len, form, g->r.name, e);
out:
    buf_free(&lines);
    return t;
}

/* ---- BPE ---- */

/* Of the model and nothing else. */
static bool is_plain(const struct gguf *g, uint64_t i)
{
    int type = type_at(g, i);
    return type == SPM_NORMAL || type == SPM_BYTE;
}

/* Special tokens among the others are tokens of the model, too: else programs that read a
 * tokenizer.json made of this would number them behind it. */
static uint64_t model_end(const struct gguf *g)
{
    uint64_t end = g->tokens.n;
    while (end && !is_plain(g, end - 1)) end--;
    return end;
}

static bool in_model(const struct gguf *g, uint64_t i, uint64_t end)
{
    return is_plain(g, i) || (type_at(g, i) != SPM_UNUSED && i < end);
}

/* All at once; false: a token cannot be added, whatever the reason. */
static bool copy_model(const struct gguf *g, struct vocab *v)
{
    uint64_t end = model_end(g);
    bool well = vocab_reserve(v, g->tokens.n, g->tokens.end - g->tokens.pos);
    for (struct tokens k = first_token(g); well && next_token(&k);) {
        if (!in_model(g, k.i, end)) continue;
        bool begins = k.n == 0 || (k.s[0] & 0xC0) != 0x80; /* of a character: then all are UTF-8 if all together is */
        well = begins && vocab_copy(v, (int64_t)k.i, k.s, k.n, VOCAB_MODEL);
    }
    return well && utf8_valid_prefix(buf_text(&v->pool), v->pool.len) == v->pool.len && vocab_index(v);
}

static int read_model(const struct gguf *g, struct vocab *v, struct err *e)
{
    uint64_t end = model_end(g);
    if (copy_model(g, v)) return 0;
    vocab_free(v); /* again, for what is wrong and where */
    for (struct tokens k = first_token(g); next_token(&k);) {
        if (!in_model(g, k.i, end)) continue;
        if (utf8_valid_prefix(k.s, k.n) < k.n)
            return err_set(e, ERR_DATA, "'%s': token %llu is not UTF-8", g->r.name, (unsigned long long)k.i);
        if (vocab_add(v, (int64_t)k.i, k.s, k.n, VOCAB_MODEL, e)) return err_wrap(e, "'%s'", g->r.name);
    }
    return 0;
}

static void add_tokens(const struct gguf *g, struct buf *out)
{
    const char *separator = "";
    for (struct tokens k = first_token(g); next_token(&k);) {
        int type = type_at(g, k.i);
        if (is_plain(g, k.i) || type == SPM_UNUSED) continue;
        buf_adds(out, separator);
        tok_added_json(out, (int64_t)k.i, k.s, k.n, type == SPM_CONTROL ? ADDED_SPECIAL : 0);
        separator = ",";
    }
}

/* What add_bos_token and add_eos_token put around a text. */
static void add_template(const struct gguf *g, struct buf *out)
{
    bool ids[2] = {g->add_bos && g->bos >= 0, g->add_eos && g->eos >= 0};
    if (!ids[0] && !ids[1]) return;
    buf_adds(out, "\"post_processor\":{\"type\":\"TemplateProcessing\"");
    for (int pair = 0; pair < 2; pair++) {
        buf_printf(out, ",\"%s\":[", pair ? "pair" : "single");
        for (int i = 0; i <= pair; i++) {
            if (i) buf_addc(out, ',');
            if (ids[0]) buf_printf(out, "{\"SpecialToken\":{\"id\":\"bos\",\"type_id\":%d}},", i);
            buf_printf(out, "{\"Sequence\":{\"id\":\"%c\",\"type_id\":%d}}", "AB"[i], i);
            if (ids[1]) buf_printf(out, ",{\"SpecialToken\":{\"id\":\"eos\",\"type_id\":%d}}", i);
        }
        buf_addc(out, ']');
    }
    buf_printf(out, ",\"special_tokens\":{\"bos\":{\"id\":\"bos\",\"ids\":[%lld],\"tokens\":[\"bos\"]},\"eos\":{\"id\":"
                    "\"eos\",\"ids\":[%lld],\"tokens\":[\"eos\"]}}},", (long long)(ids[0] ? g->bos : 0),
               (long long)(ids[1] ? g->eos : 0));
}

/* The format has no place for a normalizer (llama.cpp applies none to byte pairs),
 * while the tokenizers that some names stand for begin with one. */
static const char *const form_notes[] = {
    [FORM_UNKNOWN] = "GGUF does not say how text is normalized; none is assumed",
    [FORM_NFC] = "GGUF does not say how text is normalized; it goes through NFC as in this model's tokenizer.json "
                 "(llama.cpp leaves that out: other ids for text in another form)",
};

/* steps: normalizer, pre-tokenizer and decoder, as members of a tokenizer.json;
 * options: members of its model. */
static struct tokenizer *merging(struct gguf *g, const char *steps, const char *options, struct err *e)
{
    struct tokenizer *t = NULL;
    if (!g->merges.pos || g->merges.type != GGUF_STRING) {
        err_set(e, ERR_DATA, "'%s': no tokenizer.ggml.merges", g->r.name);
        return NULL;
    }
    struct vocab v = {0};
    struct buf json = {0};
    const char *data = (const char *)g->r.data;
    struct tok_given given = {&v, {.p = data + g->merges.pos, .end = data + g->merges.end, .name = g->r.name, .what = "tokenizer.ggml.merges",
                                   .counted = true}};
    buf_adds(&json, "{\"added_tokens\":[");
    add_tokens(g, &json);
    buf_adds(&json, "],");
    add_template(g, &json);
    buf_printf(&json, "%s,\"model\":{\"type\":\"BPE\",%s,\"vocab\":{},\"merges\":[]}}", steps, options);
    if (read_model(g, &v, e) == 0) t = tok_parse_given(&json, &given, g->r.name, e);
    buf_free(&json);
    vocab_free(&v);
    if (t && g->bos >= 0 && g->bos < t->vocab.n) t->bos = (int)g->bos;
    if (t && g->eos >= 0 && g->eos < t->vocab.n) t->eos = (int)g->eos;
    return t;
}

/* Old files do not name a split, or say "default". */
static bool says_pre(const struct gguf *g)
{
    return *g->pre && strcmp(g->pre, "default") != 0;
}

static struct tokenizer *byte_level(struct gguf *g, struct err *e)
{
    const struct gguf_pre *pre = gguf_pre_named(g->pre);
    if (!says_pre(g)) {
        err_set(e, ERR_DATA, "'%s': no tokenizer.ggml.pre, by which text is split; that is never guessed: write FILE.gguf:NAME "
                             "with the name that its model has there, as gpt-2, llama-bpe or qwen2", g->r.name);
        return NULL;
    }
    if (!pre) {
        err_set(e, ERR_DATA, "'%s': tokenizer.ggml.pre '%s' is not known, and a split is never guessed", g->r.name, g->pre);
        err_hint(e, "give the model's tokenizer.json");
        return NULL;
    }
    if (!g->has_bos) g->add_bos = gguf_pre_begins(g->pre) && g->bos >= 0;
    if (check_end(g, g->add_bos, g->bos, "bos", e)) return NULL;
    struct buf steps = {0};
    if (pre->form == FORM_NFC) buf_adds(&steps, "\"normalizer\":{\"type\":\"NFC\"},");
    buf_adds(&steps, "\"pre_tokenizer\":");
    gguf_pre_chain(pre, &steps);
    buf_adds(&steps, ",\"decoder\":" TOK_BYTE_LEVEL(true, true, true));
    struct tokenizer *t = buf_ok(&steps, e) ? NULL
                        : merging(g, steps.data, pre->ignore_merges ? "\"ignore_merges\":true" : "\"ignore_merges\":false", e);
    if (t) t->note = form_notes[pre->form];
    buf_free(&steps);
    return t;
}

/* Gemma 4's: characters, of which U+2581 stands for a space, and bytes for what has no token. */
static struct tokenizer *gemma(struct gguf *g, struct err *e)
{
    static const char steps[] =
        "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xE2\x96\x81\"},"
        "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},\"behavior\":\"MergedWithPrevious\",\"invert\":false},"
        "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\xE2\x96\x81\"},\"content\":\" \"},"
        "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]}";
    struct buf options = {0};
    for (struct tokens k = first_token(g); next_token(&k);) {
        if ((int64_t)k.i != g->unk) continue;
        buf_adds(&options, "\"unk_token\":");
        buf_add_json(&options, k.s, k.n);
        buf_addc(&options, ',');
    }
    buf_adds(&options, "\"fuse_unk\":true,\"byte_fallback\":true,\"ignore_merges\":false");
    if (!g->has_bos) g->add_bos = strcmp(g->model, "gemma4") == 0 || gguf_pre_begins(g->pre);
    struct tokenizer *t = check_end(g, g->add_bos, g->bos, "bos", e) || buf_ok(&options, e) ? NULL : merging(g, steps, options.data, e);
    buf_free(&options);
    return t;
}

/* ---- RWKV's world vocabulary ---- */

/* Id 0 ends a text; what pads the vocabulary is unused. */
static struct tokenizer *rwkv(struct gguf *g, struct err *e)
{
    struct buf lines = {0}, last = {0};
    struct tokenizer *t = NULL;
    int ret = 0;
    for (struct tokens k = first_token(g); ret == 0 && next_token(&k);) {
        int type = type_at(g, k.i);
        if (k.i == 0 && type == SPM_CONTROL && k.n && !memchr(k.s, 0, k.n)) buf_add(&last, k.s, k.n);
        else if (type == SPM_NORMAL && k.i <= VOCAB_MAX_ID) ret = tok_rwkv_add_escaped(&lines, (int)k.i, k.s, k.n, g->r.name, e);
        else if (k.i == 0 || type != SPM_UNUSED)
            ret = err_set(e, ERR_DATA, "'%s': token %llu of an RWKV vocabulary has type %d", g->r.name, (unsigned long long)k.i, type);
    }
    if (ret == 0 && buf_ok(&lines, e) == 0 && buf_ok(&last, e) == 0) t = tok_from_rwkv_lines(&lines, last.data ? last.data : "<s>", g->r.name, e);
    if (t && g->eos >= 0 && g->eos < t->vocab.n) t->eos = (int)g->eos;
    buf_free(&lines);
    buf_free(&last);
    return t;
}

/* The name that the file lacks, as its user knows it. */
static int take_pre(struct gguf *g, const char *pre, struct err *e)
{
    if (!pre) return 0;
    if (strcmp(g->model, "gpt2") != 0)
        return err_set(e, ERR_DATA, "'%s:%s': tokenizer.ggml.model '%s' needs no name of a split", g->r.name, pre, g->model);
    if (says_pre(g) && strcmp(g->pre, pre) != 0)
        return err_set(e, ERR_DATA, "'%s:%s': the file itself says tokenizer.ggml.pre '%s'", g->r.name, pre, g->pre);
    snprintf(g->pre, sizeof g->pre, "%s", pre);
    return 0;
}

/* Memory for what will be made of the lists: SentencePiece's become 10 to 16 times as much, others up to 7 times. */
static void make_room(const struct gguf *g)
{
    const struct array *list[] = {&g->tokens, &g->scores, &g->types, &g->merges};
    bool pieces = strcmp(g->model, "llama") == 0 || strcmp(g->model, "t5") == 0;
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(list); i++) n += list[i]->end - list[i]->pos;
    if (n >= TOK_LARGE && n <= TOK_FILE_MOST) mem_ready(n * (pieces ? 12 : 5) + TOK_WORK);
}

struct tokenizer *tok_from_gguf(const char *data, size_t n, const char *name, struct err *e)
{
    return tok_from_gguf_as(data, n, NULL, name, e);
}

struct tokenizer *tok_from_gguf_as(const char *data, size_t n, const char *pre, const char *name, struct err *e)
{
    struct gguf g = {.bos = -1, .eos = -1, .unk = -1};
    reader_init(&g.r, data, n, name);
    if (read_metadata(&g, e) || take_pre(&g, pre, e)) return NULL;
    make_room(&g);
    if (strcmp(g.model, "llama") == 0) return sentencepiece(&g, false, e);
    if (strcmp(g.model, "t5") == 0) return sentencepiece(&g, true, e);
    if (strcmp(g.model, "gemma4") == 0 || (strcmp(g.model, "gpt2") == 0 && gguf_pre_is_gemma(g.pre))) return gemma(&g, e);
    if (strcmp(g.model, "gpt2") == 0) return byte_level(&g, e);
    if (strcmp(g.model, "bert") == 0) return wordpiece(&g, e);
    if (strcmp(g.model, "rwkv") == 0) return rwkv(&g, e);
    err_set(e, ERR_DATA, "'%s': tokenizer.ggml.model '%s' is not supported", name, g.model);
    return NULL;
}

int tok_gguf_template(const char *data, size_t n, const char *name, struct buf *out, struct err *e)
{
    struct gguf g = {.bos = -1, .eos = -1, .unk = -1};
    reader_init(&g.r, data, n, name);
    if (read_metadata(&g, e)) return -1;
    if (!g.template.s) return 1;
    buf_add(out, g.template.s, g.template.n);
    return buf_ok(out, e);
}
