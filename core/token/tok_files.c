/* Files of other kinds than tokenizer.json, in and out. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_lists.h"
#include "core/token/tok_load.h"
#include "core/token/tok_members.h"

/* ---- vocab.txt: a token a line, the words of a BERT tokenizer ---- */

static bool is_one_of(const char *s, size_t n, const char *const *names)
{
    for (; *names; names++)
        if (strlen(*names) == n && memcmp(*names, s, n) == 0) return true;
    return false;
}

struct tokenizer *tok_from_vocab_txt(const char *text, size_t n, struct tok_bert form, const char *name, struct err *e)
{
    static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", NULL};
    struct vocab v = {0};
    struct buf all = {0};
    struct tokenizer *t = NULL;
    bool first = true;
    if (tok_read_words(&v, text, n, false, name, e)) goto out;
    buf_adds(&all, "{\"added_tokens\":[");
    for (int id = 0; id < v.n; id++) {
        size_t len;
        const char *s = vocab_text(&v, id, &len);
        if (!is_one_of(s, len, special)) continue;
        if (!first) buf_addc(&all, ',');
        tok_added_json(&all, id, s, len, ADDED_SPECIAL);
        first = false;
    }
    buf_adds(&all, "],\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true");
    tok_bool_json(&all, "handle_chinese_chars", form.cuts_chinese);
    if (form.strips_accents == form.lowercase) buf_adds(&all, ",\"strip_accents\":null");
    else tok_bool_json(&all, "strip_accents", form.strips_accents);
    tok_bool_json(&all, "lowercase", form.lowercase);
    buf_adds(&all, "},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
                   "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},");
    tok_bert_post_json(&all, vocab_find(&v, "[CLS]", 5), vocab_find(&v, "[SEP]", 5));
    buf_adds(&all, ",\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
                   "\"max_input_chars_per_word\":100,\"vocab\":{}}}");
    t = tok_parse_given(&all, &(struct tok_given){.vocab = &v}, name, e);
out:
    buf_free(&all);
    vocab_free(&v);
    return t;
}

/* ---- vocab.json and merges.txt: byte-level BPE of GPT-2's kind ---- */

struct tokenizer *tok_from_vocab_merges(const struct buf *vocab, const struct buf *merges,
                                        const char *name, const char *merges_name, struct err *e)
{
    struct vocab v = {0};
    struct buf all = {0};
    struct tokenizer *t = NULL;
    const char *lines = buf_text(merges);
    struct tok_given given = {.vocab = &v, .merges = {.p = lines, .end = lines + merges->len, .name = merges_name}};
    if (tok_read_ids(&v, buf_text(vocab), vocab->len, name, e)) goto out;
    int eot = vocab_find(&v, "<|endoftext|>", 13);
    buf_adds(&all, "{\"added_tokens\":[");
    if (eot >= 0) tok_added_json(&all, eot, "<|endoftext|>", 13, ADDED_SPECIAL);
    buf_adds(&all, "],\"pre_tokenizer\":" TOK_BYTE_LEVEL(false, true, true) ",\"decoder\":" TOK_BYTE_LEVEL(true, true, true) ","
                   "\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}");
    t = tok_parse_given(&all, &given, name, e);
out:
    buf_free(&all);
    vocab_free(&v);
    return t;
}

/* ---- reading whatever it is ---- */

char *tok_config_beside(const char *path)
{
    char *dir = mem_strndup(path, (size_t)(path_base(path) - path)),
         *file = dir ? path_join(*dir ? dir : ".", "tokenizer_config.json") : NULL;
    free(dir);
    return file;
}

static bool says(const struct cJSON *config, const char *key, bool otherwise)
{
    const struct cJSON *j = config ? json_member(config, key) : NULL;
    return cJSON_IsBool(j) ? cJSON_IsTrue(j) : otherwise;
}

struct tok_bert tok_bert_beside(const char *path)
{
    struct err e;
    char *file = tok_config_beside(path);
    struct cJSON *config = file && file_exists(file) ? json_read_file(file, NULL, &e) : NULL;
    struct tok_bert form = {.lowercase = says(config, "do_lower_case", true), .cuts_chinese = says(config, "tokenize_chinese_chars", true)};
    form.strips_accents = says(config, "strip_accents", form.lowercase);
    json_free(config);
    free(file);
    return form;
}

struct tok_bert tok_bert_of(const struct tokenizer *t)
{
    struct tok_bert form = {0};
    for (size_t i = 0; i < t->norm.n; i++) {
        form.lowercase = form.lowercase || t->norm.step[i].kind == NORM_LOWERCASE;
        form.strips_accents = form.strips_accents || t->norm.step[i].kind == NORM_BERT_MARKS;
        form.cuts_chinese = form.cuts_chinese || t->norm.step[i].kind == NORM_BERT_CHINESE;
    }
    return form;
}

bool tok_bert_same(struct tok_bert a, struct tok_bert b)
{
    return a.lowercase == b.lowercase && a.strips_accents == b.strips_accents && a.cuts_chinese == b.cuts_chinese;
}

/* As transformers spells it; nothing where all is usual. */
static void add_bert_config(struct tok_bert form, struct buf *out)
{
    if (tok_bert_same(form, TOK_BERT)) return;
    buf_printf(out, "{\"do_lower_case\":%s", form.lowercase ? "true" : "false");
    if (form.strips_accents != form.lowercase) tok_bool_json(out, "strip_accents", form.strips_accents);
    if (!form.cuts_chinese) tok_bool_json(out, "tokenize_chinese_chars", false);
    buf_adds(out, ",\"tokenizer_class\":\"BertTokenizer\"}\n");
}

/* "X-merges.txt" beside "X-vocab.json", else "merges.txt". */
char *tok_merges_beside(const char *path)
{
    size_t end = strlen(path), word = strlen("vocab.json");
    struct buf out = {0};
    buf_add(&out, path, str_ends_with(path, "vocab.json") ? end - word : (size_t)(path_base(path) - path));
    buf_adds(&out, "merges.txt");
    return out.oom ? (buf_free(&out), NULL) : buf_steal(&out);
}

static struct tokenizer *with_merges(const char *text, size_t n, const char *path, struct err *e)
{
    struct buf vocab = {0}, merges = {0};
    struct tokenizer *t = NULL;
    char *file = tok_merges_beside(path);
    buf_add(&vocab, text, n);
    if (!file) err_oom(e, strlen(path), "a path");
    else if (buf_ok(&vocab, e) == 0 && file_read_all(file, TOK_FILE_MOST, &merges, e) == 0)
        t = tok_from_vocab_merges(&vocab, &merges, path, file, e);
    else err_wrap(e, "'%s' has tokens and their ids, but no merges", path);
    buf_free(&vocab);
    buf_free(&merges);
    free(file);
    return t;
}

/* A vocab.txt is named so, or has [UNK]: a list of tokens with their numbers or scores has neither merges nor rules. */
static int check_words(const char *text, size_t n, const char *path, struct err *e)
{
    const char *nl = memchr(text, '\n', n), *end = nl ? nl : text + n, *tab = memchr(text, '\t', (size_t)(end - text));
    if (!tab || tab == text || tab + 1 == end || memmem(text, n, "[UNK]", 5)) return 0;
    return err_set(e, ERR_DATA, "'%s':1: a token and a number, where vocab.txt has a token a line; name the file that the list was made from", path);
}

/* Kinds that others read. */
static const char *foreign_kind(const char *text, size_t n)
{
    static const struct { const char *begin, *what; } kinds[] = {
        {"\"{\\\"class_name\\\": \\\"Tokenizer\\\"", "a tokenizer of Keras"}, {"{\"class_name\": \"Tokenizer\"", "a tokenizer of Keras"},
        {"minbpe v1\n", "a model of minbpe"}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (n > strlen(kinds[i].begin) && memcmp(text, kinds[i].begin, strlen(kinds[i].begin)) == 0) return kinds[i].what;
    return NULL;
}

struct tokenizer *tok_from_file(const char *text, size_t n, const char *path, const char *split, struct err *e)
{
    enum tok_kind kind = tok_kind_of(text, n, path);
    const char *foreign = foreign_kind(text, n);
    if (foreign) {
        err_set(e, ERR_DATA, "'%s' is %s; llmctl tokenize convert --help lists the kinds that are read", path, foreign);
        return NULL;
    }
    if (split && kind != KIND_TIKTOKEN && kind != KIND_GGUF) {
        err_set(e, ERR_DATA, "'%s:%s': only .tiktoken and old .gguf files need a split behind their name", path, split);
        return NULL;
    }
    switch (kind) {
    case KIND_GGUF: return tok_from_gguf_as(text, n, split, path, e);
    case KIND_SPM: return tok_from_spm(text, n, path, e);
    case KIND_TIKTOKEN: return tok_from_tiktoken(text, n, split, NULL, path, e);
    case KIND_VOCAB_TXT: return check_words(text, n, path, e) ? NULL : tok_from_vocab_txt(text, n, tok_bert_beside(path), path, e);
    case KIND_TEKKEN: return tok_from_tekken(text, n, path, e);
    case KIND_RWKV: return tok_from_rwkv(text, n, path, e);
    case KIND_VOCAB_JSON: return with_merges(text, n, path, e);
    case KIND_MERGES:
        err_set(e, ERR_DATA, "'%s' holds merges: name the vocab.json beside it", path);
        return NULL;
    case KIND_JSON: break;
    }
    const char *what = file_kind(text, n);
    if (what && strcmp(what, "JSON") != 0) {
        err_set(e, ERR_DATA, "'%s' is %s, not a tokenizer", path, what);
        return NULL;
    }
    if (!what && !str_ends_with(path, ".json")) { /* of a .json it is said where it is none */
        err_set(e, ERR_DATA, "'%s' is no tokenizer of a known kind; llmctl tokenize convert --help lists them", path);
        return NULL;
    }
    return tok_parse_file(text, n, path, e);
}

/* ---- writing ---- */

static int refuse(const struct tokenizer *t, const char *format, const char *why, struct err *e)
{
    struct tok_summary s;
    tok_summary(t, &s);
    return err_set(e, ERR_DATA, "%s cannot hold this tokenizer (%s) exactly: %s", format, s.type, why);
}

/* A GPT-2 tokenizer: nothing but what these two files imply, whatever its added tokens.  `reached`: merging
 * makes every token. */
static bool is_gpt2(const struct tokenizer *t, bool reached)
{
    return t->model == MODEL_BPE && t->source == SOURCE_JSON && t->fast_split && !t->by_rule && !t->space_first && t->split == SPLIT_GPT2 &&
           t->norm.n == 0 && t->unk_id < 0 && (!t->ignore_merges || reached) && t->single.n <= 1 && t->pair.n <= 2 &&
           !t->limits.truncate && !t->limits.pads && t->decoder.bytes && !tok_has_affixes(t);
}

/* The same tokens, found in the same way. */
static bool same_added(const struct tokenizer *a, const struct tokenizer *b)
{
    if (a->n_added != b->n_added) return false;
    bool two_kinds = a->norm.n || tok_added_cross(a) || tok_added_cross(b); /* else both kinds are found alike */
    for (size_t i = 0; i < a->n_added; i++) {
        const struct tok_added *x = &a->added[i], *y = b->added, *end = y + b->n_added;
        while (y < end && y->id != x->id) y++;
        if (y == end) return false;
        bool forms = two_kinds && x->normalized != y->normalized;
        if (x->special != y->special || x->single_word != y->single_word || x->lstrip != y->lstrip || x->rstrip != y->rstrip || forms)
            return false;
    }
    return true;
}

bool tok_same_merges(const struct tokenizer *a, const struct tokenizer *b)
{
    if (a->vocab.n != b->vocab.n || a->bpe.n_merges != b->bpe.n_merges || a->lacks_unk != b->lacks_unk || !same_added(a, b)) return false;
    for (int id = 0; id < a->vocab.n; id++) {
        size_t na, nb;
        if ((a->vocab.v[id].flags & VOCAB_USED) != (b->vocab.v[id].flags & VOCAB_USED)) return false;
        if (!(a->vocab.v[id].flags & VOCAB_USED)) continue;
        const char *x = vocab_text(&a->vocab, id, &na), *y = vocab_text(&b->vocab, id, &nb);
        if (na != nb || memcmp(x, y, na)) return false;
    }
    size_t bytes = a->bpe.n_merges * sizeof *a->bpe.merge;
    return bytes == 0 || memcmp(a->bpe.merge, b->bpe.merge, bytes) == 0;
}

/* What was written must read back as the same tokenizer. */
static int same_as(const struct tokenizer *t, struct tokenizer *back, const char *format,
                   const char *why, struct err *e)
{
    if (!back) return -1;
    bool same = tok_hash(back) == tok_hash(t);
    tok_free(back);
    return same ? 0 : refuse(t, format, *why ? why : "what was written reads back as another tokenizer", e);
}

static int write_vocab_txt(const struct tokenizer *t, struct buf *out, struct buf *config, struct err *e)
{
    static const char why[] = "a line a token is all there is; the words must be those of a BERT "
                              "tokenizer with its normalizer, template, decoder and special tokens";
    struct tok_bert form = tok_bert_of(t);
    if (t->model != MODEL_WORDPIECE) return refuse(t, "vocab.txt", "its model is not WordPiece", e);
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n;
        if (!(t->vocab.v[id].flags & VOCAB_MODEL)) return refuse(t, "vocab.txt", "ids have holes", e);
        const char *s = vocab_text(&t->vocab, id, &n);
        if (memchr(s, '\n', n) || (n && s[n - 1] == '\r')) return refuse(t, "vocab.txt", "a token has an end of line", e);
        buf_add(out, s, n);
        buf_addc(out, '\n');
    }
    add_bert_config(form, config);
    if (buf_ok(out, e) || buf_ok(config, e)) return -1;
    /* Parts are compared by what they do: their JSON may be spelled otherwise. */
    struct tokenizer *back = tok_from_vocab_txt(buf_text(out), out->len, form, "vocab.txt", e);
    if (!back) return -1;
    bool same = tok_same_steps(t, back);
    tok_free(back);
    return same ? 0 : refuse(t, "vocab.txt", why, e);
}

bool tok_same_places(const struct tok_places *a, const struct tok_places *b)
{
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
        if (a->v[i].id != b->v[i].id || a->v[i].type != b->v[i].type) return false;
    return true;
}

static bool same_words(const struct decode_chain *a, const struct decode_chain *b)
{
    if (a->n != 1 || b->n != 1) return false;
    const struct dec_step *x = a->step, *y = b->step;
    return x->kind == DEC_WORDPIECE && y->kind == DEC_WORDPIECE && x->cleanup == y->cleanup && x->n_a == y->n_a && memcmp(x->a, y->a, x->n_a) == 0;
}

bool tok_same_steps(const struct tokenizer *a, const struct tokenizer *b)
{
    if (a->norm.n != b->norm.n || a->pre.n != b->pre.n || !same_added(a, b) ||
        !tok_same_places(&a->single, &b->single) || !tok_same_places(&a->pair, &b->pair))
        return false;
    for (size_t i = 0; i < a->norm.n; i++)
        if (a->norm.step[i].kind != b->norm.step[i].kind) return false;
    for (size_t i = 0; i < a->pre.n; i++)
        if (a->pre.step[i].kind != b->pre.step[i].kind || a->pre.step[i].set != b->pre.step[i].set ||
            a->pre.step[i].behavior != b->pre.step[i].behavior)
            return false;
    bool prefix = a->prefix && b->prefix && strcmp(a->prefix, b->prefix) == 0;
    return prefix && a->max_word_chars == b->max_word_chars && a->unk_id == b->unk_id && !a->limits.truncate &&
           !a->limits.pads && same_words(&a->decoder, &b->decoder);
}

static int write_merges(const struct tokenizer *t, struct buf *vocab, struct buf *merges, struct err *e)
{
    static const char why[] = "vocab.json and merges.txt hold tokens and merges of a GPT-2 tokenizer only";
    bool reached = false;
    if (t->model == MODEL_BPE && t->ignore_merges && tok_reaches_all(t, &reached, e)) return -1;
    if (!is_gpt2(t, reached)) return refuse(t, "merges.txt", why, e);
    tok_ids_json(vocab, &t->vocab, VOCAB_MODEL);
    buf_addc(vocab, '\n');
    buf_adds(merges, "#version: 0.2\n");
    tok_add_merge_lines(merges, &t->vocab, &t->bpe, "\n");
    if (buf_ok(vocab, e) || buf_ok(merges, e)) return -1;
    struct tokenizer *back = tok_from_vocab_merges(vocab, merges, "vocab.json", "merges.txt", e);
    if (!back) return -1;
    bool same = tok_same_merges(t, back);
    tok_free(back);
    return same ? 0 : refuse(t, "merges.txt", why, e);
}

bool tok_is_json(const struct tokenizer *t)
{
    return t->source == SOURCE_JSON;
}

/* Ranks as vocab.json and merges.txt. */
static int write_ranked_merges(const struct tokenizer *t, struct buf *vocab, struct buf *merges, struct err *e)
{
    struct buf json = {0};
    struct tokenizer *list = tok_ranks_as_json(t, &json, e) ? NULL : tok_parse(json.data, json.len, "the merges", e);
    int ret = list ? write_merges(list, vocab, merges, e) : -1;
    tok_free(list);
    buf_free(&json);
    return ret;
}

/* Ranks as the merges they come to, and back. */
static int write_merge_list(const struct tokenizer *t, struct buf *out, struct err *e)
{
    struct err inner;
    if (tok_ranks_as_json(t, out, &inner)) return refuse(t, "tokenizer.json", inner.msg, e);
    struct tokenizer *back = tok_parse_file(out->data, out->len, "tokenizer.json", e), *ranks = back ? tok_as_ranks(back, &inner) : NULL;
    bool read = back != NULL;
    tok_free(back);
    if (!read) return -1;
    if (!ranks) return refuse(t, "tokenizer.json", inner.msg, e);
    tok_free(ranks);
    return 0;
}

static int write_ranks(const struct tokenizer *t, enum tok_format format, struct buf *out, struct err *e)
{
    const char *name = format == FORMAT_TEKKEN ? "tekken.json" : ".tiktoken";
    struct err inner;
    struct tokenizer *own = t->source == SOURCE_TIKTOKEN ? NULL : tok_as_ranks(t, &inner);
    if (t->source != SOURCE_TIKTOKEN && !own) return refuse(t, name, inner.msg, e);
    const struct tokenizer *r = own ? own : t;
    int ret = 0;
    if (format == FORMAT_TIKTOKEN) {
        buf_add(out, r->source_bytes.data, r->source_bytes.len);
        ret = buf_ok(out, e);
    } else if ((ret = tok_to_tekken(r, out, e)) == 0) {
        ret = same_as(r, tok_from_tekken(out->data, out->len, name, e), name, "", e);
    }
    tok_free(own);
    return ret;
}

bool tok_spm_bytes(const struct tokenizer *t, struct buf *out)
{
    if (t->source != SOURCE_SPM) return false;
    buf_add(out, t->source_bytes.data, t->source_bytes.len);
    return true;
}

void tok_spm_ends(const struct tokenizer *t, bool *bos, bool *eos)
{
    *bos = t->adds_bos;
    *eos = t->adds_eos;
}

static const char of_pieces[] = "pieces of one model have the ids of another vocabulary, some of them none; keep the directory";

static int export_both(const struct tokenizer *t, enum tok_format format, struct buf *out, struct buf *beside,
                       struct err *e)
{
    switch (format) {
    case FORMAT_JSON:
        if (t->pieces) return refuse(t, "tokenizer.json", of_pieces, e);
        if (t->source == SOURCE_SPM)
            return refuse(t, "tokenizer.json", "its rules (sums in f32, longest rules first, any two parts "
                                               "that make a token) have no place in that schema; keep its own file", e);
        if (t->source == SOURCE_TIKTOKEN) return write_merge_list(t, out, e);
        if (tok_to_json(t, out, e)) return -1;
        return same_as(t, tok_parse_file(out->data, out->len, "tokenizer.json", e), "tokenizer.json", "", e);
    case FORMAT_SPM:
        if (t->pieces) return refuse(t, ".model", of_pieces, e);
        if (t->source != SOURCE_SPM)
            return refuse(t, ".model", "SentencePiece normalises, splits and adds scores by other rules", e);
        if (t->adds_bos || t->adds_eos)
            return refuse(t, ".model", "it does not say that a text begins or ends with a token; keep its own file", e);
        tok_spm_bytes(t, out);
        return buf_ok(out, e);
    case FORMAT_TIKTOKEN:
        if (t->n_added && (t->source == SOURCE_TIKTOKEN || (t->model == MODEL_BPE && t->byte_level)))
            return refuse(t, ".tiktoken", "it holds no special tokens", e);
        return write_ranks(t, format, out, e);
    case FORMAT_VOCAB_TXT: return write_vocab_txt(t, out, beside, e);
    case FORMAT_MERGES:
        return t->source == SOURCE_TIKTOKEN ? write_ranked_merges(t, out, beside, e) : write_merges(t, out, beside, e);
    case FORMAT_TEKKEN:
        return write_ranks(t, format, out, e);
    case FORMAT_GGUF: return tok_to_gguf(t, out, e);
    }
    return -1;
}

/* The content tells the kind: tokens of a vocab.txt may look like ranks. */
static int check_kind(const struct tokenizer *t, enum tok_format format, const struct buf *out, struct err *e)
{
    static const struct { const char *name; enum tok_kind kind; } files[] = {
        [FORMAT_JSON] = {"tokenizer.json", KIND_JSON}, [FORMAT_SPM] = {".model", KIND_SPM}, [FORMAT_TIKTOKEN] = {".tiktoken", KIND_TIKTOKEN},
        [FORMAT_VOCAB_TXT] = {"vocab.txt", KIND_VOCAB_TXT}, [FORMAT_MERGES] = {"vocab.json", KIND_VOCAB_JSON},
        [FORMAT_TEKKEN] = {"tekken.json", KIND_TEKKEN}, [FORMAT_GGUF] = {".gguf", KIND_GGUF}};
    const char *name = files[format].name;
    if (tok_kind_of(out->data ? out->data : "", out->len, name) == files[format].kind) return 0;
    return refuse(t, name, "what is in it would be taken for a file of another kind", e);
}

int tok_export(const struct tokenizer *t, enum tok_format format, struct buf *out, struct buf *beside,
               struct err *e)
{
    struct buf unwanted = {0};
    if (t->dropout > 0 && format != FORMAT_JSON)
        return err_set(e, ERR_DATA, "the tokenizer's dropout has no place in such a file; set model.dropout to null in the tokenizer.json first");
    int ret = export_both(t, format, out, beside ? beside : &unwanted, e);
    if (ret == 0) ret = check_kind(t, format, out, e);
    buf_free(&unwanted);
    return ret;
}
