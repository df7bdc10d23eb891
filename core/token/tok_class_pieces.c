/* Classes that are Python around SentencePiece or byte pairs: its models cut a text, and what they give is
 * looked up in a vocabulary.  What is put together here is tok_pieces.h's form. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_base64.h"
#include "core/token/tok_class.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_lists.h"
#include "core/token/tok_members.h"
#include "core/token/tok_pieces.h"

static const char m2m100[] =
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha he hi hr ht hu hy id ig ilo is it ja jv "
    "ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or pa pl ps pt ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn "
    "tr uk ur uz vi wo xh yi yo zh zu ";
static const char wmt21[] = "en ha is ja cs ru zh de ";
static const char plbart_codes[] = "java python en_XX ";

static const char spoken_file[] = "vocab-tgt.json";

static const struct pieces_class {
    const char *name;
    const char *model, *target; /* files; NULL: it is that of the row, whose pieces are the vocabulary; there is no other one */
    const char *decoder;        /* tok_pieces.c's ways */
    bool codes;
    const char *language_codes; /* the name of their list, where the config says none; NULL: the class has no languages */
    const char *source;         /* the language where the config says none, or NULL */
    const char *note;
    enum class_words words;     /* byte pairs of words: `model` has its merges */
} classes[] = {
    {"MarianTokenizer", "source.spm", "target.spm", "[\"space_after\",\"strip\",\"bars\"]", true, NULL, NULL,
     "Moses' rules for punctuation are no part of it: transformers has them in normalize(), which its encoding never calls", NO_WORDS},
    {"M2M100Tokenizer", "sentencepiece.bpe.model", NULL, "[\"strip\"]", false, "m2m100", "en", NULL, NO_WORDS},
    {"Speech2TextTokenizer", "sentencepiece.bpe.model", NULL, "[\"space_after\",\"strip\"]", false, NULL, NULL, NULL, NO_WORDS},
    {"SpeechT5Tokenizer", NULL, NULL, "[\"joined\",\"strip\"]", false, NULL, NULL, NULL, NO_WORDS},
    {"BertGenerationTokenizer", NULL, NULL, "[\"joined\",\"strip\"]", false, NULL, NULL, NULL, NO_WORDS},
    {"GPTSw3Tokenizer", NULL, NULL, "[\"space_before\"]", false, NULL, NULL, NULL, NO_WORDS},
    {"SiglipTokenizer", NULL, NULL, "[\"space_before\",\"strip\"]", false, NULL, NULL, "transformers puts no </s> behind a text that ends in one; here there is one", NO_WORDS},
    {"PLBartTokenizer", NULL, NULL, "[\"joined\",\"strip\"]", false, "base", NULL,
     "transformers' decode() of this class takes out spaces in front of punctuation, too, whatever it is told; here they stay", NO_WORDS},
    {"BartphoTokenizer", "sentencepiece.bpe.model", NULL, "[\"joined\",\"strip\"]", false, NULL, NULL, NULL, NO_WORDS},
    {"PhobertTokenizer", "bpe.codes", NULL, "[\"words\",\"strip\"]", false, NULL, NULL, NULL, WORDS_COUNTED},
    {"BertweetTokenizer", "bpe.codes", NULL, "[\"words\",\"strip\"]", false, NULL, NULL, NULL, WORDS_COUNTED},
    {"CTRLTokenizer", "merges.txt", NULL, "[\"words\",\"strip\"]", false, NULL, NULL, NULL, WORDS_LISTED},
    {"XLMTokenizer", "merges.txt", NULL, "[\"suffixes\",\"strip\"]", false, NULL, NULL,
     "transformers takes every text for English here, and so is it here; 'lang' of its own code cannot be given", WORDS_SUFFIXED},
    {"BlenderbotSmallTokenizer", "merges.txt", NULL, "[\"words\",\"strip\"]", false, NULL, NULL, NULL, WORDS_LISTED},
    {"ProphetNetTokenizer", NULL, NULL, "[\"wordpieces\",\"strip\"]", false, NULL, NULL,
     "transformers' decode() of this class takes out spaces in front of punctuation, too, unless it is told not to; here they stay", WORDS_PIECES},
    {"RoCBertTokenizer", NULL, NULL, "[\"wordpieces\",\"strip\"]", false, NULL, NULL,
     "its models take ids of shapes and of pronunciations beside those of tokens, which are all there is here", WORDS_PIECES},
    {"BertJapaneseTokenizer", NULL, NULL, "[\"wordpieces\",\"strip\"]", false, NULL, NULL, NULL, WORDS_PIECES},
    {"MgpstrTokenizer", NULL, NULL, "[\"spaced\"]", false, NULL, NULL, NULL, WORDS_CHARACTERS},
    {"Wav2Vec2CTCTokenizer", NULL, NULL, "[\"ctc\",\"strip\"]", false, NULL, NULL, NULL, WORDS_CHARACTERS},
    {"FlaubertTokenizer", "merges.txt", NULL, "[\"suffixes\",\"strip\"]", false, NULL, NULL, NULL, WORDS_SUFFIXED},
    {"FSMTTokenizer", "merges.txt", NULL, "[\"moses\"]", false, NULL, NULL, NULL, WORDS_SUFFIXED},
    {"BioGptTokenizer", "merges.txt", NULL, "[\"moses\"]", false, NULL, NULL, NULL, WORDS_SUFFIXED},
};

static const struct pieces_class *row_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(classes); i++)
        if (strcmp(classes[i].name, name) == 0) return &classes[i];
    return NULL;
}

static const struct pieces_class *row_of(const struct class_build *b)
{
    return row_named(b->c->name);
}

const char *class_pieces_note(const struct class_build *b)
{
    return row_of(b)->note;
}

/* ---- languages ---- */

/* The list of the class's languages, each with a space behind it; NULL: there is no such list. */
static const char *languages(const struct class_build *b, const struct pieces_class *row)
{
    static const char *const lists[][2] = {{"m2m100", m2m100}, {"wmt21", wmt21}};
    const char *name = json_text_or(b->config, "language_codes", row->language_codes);
    if (b->c->layout == IDS_PLBART) return strcmp(name, "base") == 0 ? plbart_codes : NULL;
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        if (strcmp(lists[i][0], name) == 0) return lists[i][1];
    return NULL;
}

static const char *language_token(struct class_build *b, const char *code, size_t n, struct err *e)
{
    struct buf name = {0};
    buf_adds(&name, "__");
    buf_add(&name, code, n);
    buf_adds(&name, "__");
    const char *kept = name.oom ? NULL : class_keep(b, name.data, name.len);
    buf_free(&name);
    if (!kept) err_oom(e, n, "a token");
    return kept;
}

/* Into *token that of the language which the config names, NULL if it names none. */
static int find_language(struct class_build *b, const char *list, const char *code, const char **token, struct err *e)
{
    *token = NULL;
    if (!code) return 0;
    if (b->c->layout == IDS_PLBART && strlen(code) > 4 && memcmp(code, "__", 2) == 0) code += 2; /* the token itself */
    for (const char *p = list, *end; *p; p = end + 1) {
        end = strchr(p, ' ');
        size_t n = (size_t)(end - p);
        if (strncmp(code, p, n) == 0 && (!code[n] || strcmp(code + n, "__") == 0)) return (*token = language_token(b, p, n, e)) ? 0 : -1;
    }
    return err_set(e, ERR_DATA, "'%s': %s knows no language '%s'", b->dir, b->c->name, code);
}

/* Their tokens stand behind those of the file. */
static int add_languages(struct class_build *b, const struct pieces_class *row, int64_t first, struct err *e)
{
    const char *list = languages(b, row);
    if (!list)
        return err_set(e, ERR_DATA, "'%s': language_codes '%s' of %s are not supported", b->dir, json_text_or(b->config, "language_codes", ""), b->c->name);
    for (const char *p = list, *end; *p; p = end + 1) {
        end = strchr(p, ' ');
        const char *token = language_token(b, p, (size_t)(end - p), e);
        if (!token) return -1;
        if (vocab_add(&b->vocab, first++, token, strlen(token), VOCAB_MODEL, e)) return err_wrap(e, "'%s': the language '%s'", b->file, token);
    }
    return find_language(b, list, json_text_or(b->config, "src_lang", row->source), &b->own[0], e) || find_language(b, list, json_text_or(b->config, "tgt_lang", NULL), &b->own[1], e) ? -1 : 0;
}

int class_pieces_extra(struct class_build *b, struct err *e)
{
    for (const char *p = b->c->layout == IDS_PLBART ? plbart_codes : "", *end; *p; p = end + 1) {
        end = strchr(p, ' ');
        const char *token = language_token(b, p, (size_t)(end - p), e);
        if (!token || class_add_extra(b, (struct class_token){.text = token, .id = -1}, e)) return -1;
    }
    return 0;
}

/* ---- ids ---- */

static int add_piece(struct class_build *b, size_t i, int64_t id, struct err *e)
{
    size_t n;
    const char *s = spm_piece_text(&b->spm, i, &n);
    return vocab_add(&b->vocab, id, s, n, VOCAB_MODEL, e) ? err_wrap(e, "'%s'", b->file) : 0;
}

static int as_they_are(struct class_build *b, struct err *e)
{
    for (size_t i = 0; i < b->spm.n; i++)
        if (add_piece(b, i, (int64_t)i, e)) return -1;
    return 0;
}

/* fairseq's four tokens, then the pieces from the third on, the languages, and <mask>. */
static int plbart(struct class_build *b, const struct pieces_class *row, struct err *e)
{
    static const char *const first[] = {"<s>", "<pad>", "</s>", "<unk>"};
    for (int i = 0; i < 4; i++)
        if (vocab_add(&b->vocab, i, first[i], strlen(first[i]), VOCAB_MODEL, e)) return -1;
    for (size_t i = 1; i < b->spm.n; i++) {
        size_t n;
        const char *s = spm_piece_text(&b->spm, i, &n);
        if (vocab_find(&b->vocab, s, n) < 0 && add_piece(b, i, (int64_t)i + 1, e)) return -1;
    }
    if (add_languages(b, row, (int64_t)b->spm.n + 1, e)) return -1;
    return vocab_add(&b->vocab, b->vocab.n, "<mask>", 6, VOCAB_MODEL, e) ? err_wrap(e, "'%s'", b->file) : 0;
}

/* The vocabulary of the language that the config names, of a file that has one for each. */
static int one_language(const struct class_build *b, struct buf *text, struct err *e)
{
    static const struct json_limits lim = {.max_bytes = CLASS_MAX_FILE};
    const char *language = json_text_or(b->config, "target_lang", NULL);
    struct cJSON *all = json_parse(buf_text(text), text->len, b->file, &lim, e);
    const struct cJSON *one = language ? json_member(all, language) : NULL;
    bool nested = all && cJSON_IsObject(all->child);
    int ret = all ? 0 : -1;
    if (nested && !cJSON_IsObject(one))
        ret = err_set(e, ERR_DATA, "'%s' has a vocabulary for each language%s: name one as target_lang in tokenizer_config.json, such as \"%s\"", b->file,
                      language ? ", but none for the one that is named" : "", all->child->string);
    else if (all && language && !nested)
        ret = err_set(e, ERR_DATA, "'%s' has no vocabularies for languages, of which target_lang in tokenizer_config.json names one: take it out", b->file);
    if (ret == 0 && language) {
        buf_clear(text);
        json_print(text, one, 0);
        ret = buf_ok(text, e);
    }
    json_free(all);
    return ret;
}

static int listed(struct class_build *b, const struct pieces_class *row, struct err *e)
{
    struct buf text = {0};
    int ret = file_read_all(b->file, CLASS_MAX_FILE, &text, e);
    if (ret == 0) ret = utf8_check(buf_text(&text), text.len, b->file, e);
    if (ret == 0 && (b->c->flags & STRIPS_LONG)) ret = one_language(b, &text, e);
    const char *s = buf_text(&text);
    bool counted = row->words == WORDS_COUNTED || b->c->layout == IDS_BARTPHO;
    if (ret == 0) ret = counted ? class_words_counted(b, s, text.len, e)
                        : row->words == WORDS_PIECES ? tok_read_words(&b->vocab, s, text.len, false, b->file, e) : tok_read_ids(&b->vocab, s, text.len, b->file, e);
    buf_free(&text);
    if (ret) return -1;
    b->n_file = b->vocab.used;
    if (row->language_codes && b->vocab.n != b->vocab.used)
        return err_set(e, ERR_DATA, "'%s': the vocabulary has holes, so that languages would get ids of other tokens", b->file);
    return row->language_codes ? add_languages(b, row, b->vocab.n, e) : 0;
}

/* The vocabulary of what FSMT says, where it is not that of what it reads. */
static int read_spoken(struct class_build *b, struct err *e)
{
    struct buf text = {0};
    char *path;
    int ret = class_read_file(b, spoken_file, &path, &text, e);
    if (ret == 0) ret = tok_read_ids(&b->spoken, buf_text(&text), text.len, path, e);
    bool same = ret == 0 && b->spoken.n == b->vocab.n;
    for (int i = 0; same && i < b->vocab.n; i++) {
        size_t n[2] = {0, 0};
        bool used = b->vocab.v[i].flags & VOCAB_USED;
        const char *s = used ? vocab_text(&b->vocab, i, &n[0]) : "", *spoken = b->spoken.v[i].flags & VOCAB_USED ? vocab_text(&b->spoken, i, &n[1]) : "";
        same = n[0] == n[1] && memcmp(s, spoken, n[0]) == 0;
    }
    if (same) vocab_free(&b->spoken);
    buf_free(&text);
    free(path);
    return ret;
}

/* ---- files ---- */

/* Reads a model's file into *bytes, and (spm) what it says; name NULL: the class's own. */
static int read_model(struct class_build *b, const char *name, struct buf *bytes, struct spm_model *spm, struct err *e)
{
    char *path = NULL;
    int ret = name ? class_read_file(b, name, &path, bytes, e) : file_read_all(b->file, CLASS_MAX_FILE, bytes, e);
    if (ret == 0) ret = spm_model_read(spm, buf_text(bytes), bytes->len, path ? path : b->file, e);
    free(path);
    return ret;
}

/* What the config asks for that is done by other code. */
static int check(const struct class_build *b, const struct pieces_class *row, struct err *e)
{
    static const struct {
        const char *class, *key, *why;
        bool value;
    } rows[] = {
        {"MarianTokenizer", "separate_vocabs", "two vocabularies, of source and target, are not supported", true},
        {"Speech2TextTokenizer", "do_upper_case", "text in capitals is not supported", true},
        {"BertweetTokenizer", "normalization", "tweets in the normal form of NLTK's rules are not supported", true},
        {"BertJapaneseTokenizer", "do_word_tokenize", "whole texts as words are not supported", false},
        {"BertJapaneseTokenizer", "do_subword_tokenize", "words without subwords are not supported", false},
        {"SpeechT5Tokenizer", "normalize", "numbers spelled out in English are not supported", true},
        {NULL, "legacy", "SentencePiece's encoding behind an unknown token is not supported", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].class ? strcmp(rows[i].class, row->name) != 0 : (row->model && b->c->layout != IDS_BARTPHO) || row->words) continue;
        const struct cJSON *j = json_member(b->config, rows[i].key);
        if (!j || cJSON_IsTrue(j) != rows[i].value) continue;
        return err_set(e, ERR_DATA, "'%s': %s with %s %s: %s", b->dir, row->name, rows[i].key, rows[i].value ? "true" : "false", rows[i].why);
    }
    if (strcmp(row->name, "Speech2TextTokenizer") == 0 && json_text_or(b->config, "lang_codes", NULL))
        return err_set(e, ERR_DATA, "'%s': %s puts SentencePiece's id of a language in front (lang_codes), which is not one of vocab.json: not supported",
                       b->dir, row->name);
    const struct cJSON *kwargs = json_member(b->config, "sp_model_kwargs");
    if (kwargs && kwargs->child) return err_set(e, ERR_DATA, "'%s': sp_model_kwargs, for sampling, are not supported", b->dir);
    return 0;
}

int class_pieces_model(struct class_build *b, struct err *e)
{
    const struct pieces_class *row = row_of(b);
    int ret = check(b, row, e) || class_python_check(b, e) ? -1 : 0;
    if (ret == 0 && !row->words) ret = read_model(b, row->model, &b->model, &b->spm, e);
    if (ret == 0 && row->target) {
        struct spm_model target;
        spm_model_init(&target);
        ret = read_model(b, row->target, &b->rest, &target, e);
        spm_model_free(&target);
    }
    if (ret) return -1;
    bool whole = row->words == WORDS_PIECES || row->words == WORDS_CHARACTERS; /* nothing but the vocabulary */
    ret = row->model || whole ? listed(b, row, e) : b->c->layout == IDS_PLBART ? plbart(b, row, e) : as_they_are(b, e);
    if (ret == 0 && whole) ret = class_wordpiece_model(b, row->words, e);
    else if (ret == 0 && row->words) ret = class_words_model(b, row->model, row->words, e);
    if (ret == 0 && strcmp(row->name, "FSMTTokenizer") == 0) ret = read_spoken(b, e);
    if (ret == 0 && strcmp(row->name, "SiglipTokenizer") == 0 && !b->spm.remove_extra_whitespaces)
        ret = err_set(e, ERR_DATA, "'%s': a model that keeps spaces as they are, which is not supported for SiglipTokenizer", b->file);
    if (b->n_file == 0) b->n_file = b->vocab.used;
    const char *unk = b->name[NAME_UNK].text;
    if (ret == 0 && unk && vocab_find(&b->vocab, unk, strlen(unk)) < 0)
        ret = err_set(e, ERR_DATA, "'%s': the vocabulary has no '%s'", b->file, unk);
    if (ret == 0 && (b->c->flags & STRIPS_LONG) && vocab_find(&b->vocab, class_delimiter, 1) < 0)
        ret = err_set(e, ERR_DATA, "'%s': the vocabulary has no '|', which stands for a space", b->file);
    return ret;
}

/* ---- the whole ---- */

static int add_base64(struct buf *out, const char *key, const struct buf *bytes, struct err *e)
{
    buf_printf(out, "\"%s\":\"", key);
    if (tok_base64(bytes->data, bytes->len, out, e)) return -1;
    buf_adds(out, "\",\n");
    return 0;
}

static int add_templates(struct class_build *b, const struct pieces_class *row, struct buf *out, struct err *e)
{
    bool m2m = row->language_codes && row->model, plbart_lang = row->language_codes && !row->model;
    if (m2m) {
        if (class_template(b, out, "post_processor", "W A e", "W A B e", e)) return -1;
        if (b->own[1]) return class_template(b, out, "target_post_processor", "X A e", "X A B e", e);
        buf_adds(out, "\"target_post_processor\":null,\n");
        return 0;
    }
    if (plbart_lang) {
        const char *single[] = {"A e", "A e W", "A e X"}, *pair[] = {"A B e", "A B e W", "A B e X"};
        if (class_template(b, out, "post_processor", single[b->own[0] != NULL], pair[b->own[0] != NULL], e)) return -1;
        return class_template(b, out, "target_post_processor", single[b->own[1] ? 2 : 0], pair[b->own[1] ? 2 : 0], e);
    }
    return b->c->single ? class_template(b, out, "post_processor", b->c->single, b->c->pair, e) : 0;
}

/* What it is made of, for tok_class_files(). */
static void add_origin(const struct class_build *b, struct buf *out)
{
    const char *const keys[] = {"config", "special_tokens_map", "added_tokens_file"};
    const struct cJSON *const files[] = {b->config, b->map, b->added};
    buf_printf(out, "\"class\":\"%s\",\n", b->c->name);
    for (size_t k = 0; k < COUNT_OF(keys); k++) {
        if (!files[k]) continue;
        buf_printf(out, "\"%s\":", keys[k]);
        json_print(out, files[k], 0);
        buf_adds(out, ",\n");
    }
}

static void add_spoken(const struct vocab *v, struct buf *out)
{
    buf_adds(out, "\"spoken\":{");
    tok_vocab_json(out, v, VOCAB_USED);
    buf_adds(out, "},\n");
}

int class_pieces_json(struct class_build *b, struct buf *out, struct err *e)
{
    const struct pieces_class *row = row_of(b);
    const char *comma = "";
    add_origin(b, out);
    buf_adds(out, "\"shown\":[");
    for (size_t i = 0; i < b->n_add; i++) {
        if (!b->add[i].shown) continue;
        buf_adds(out, comma);
        buf_adds_json(out, b->add[i].text);
        comma = ",";
    }
    buf_printf(out, "],\n\"decoder\":%s,\n\"codes\":%s,\n", row->decoder, row->codes ? "true" : "false");
    tok_line_json(out, "unk_token", class_unk(b));
    class_python_steps(b, out);
    if (strcmp(row->name, "SiglipTokenizer") == 0) tok_line_json(out, "before", class_unk(b));
    if (row->words == WORDS_SUFFIXED) buf_adds(out, "\"suffixed\":true,\n");
    if (b->c->flags & STRIPS_LONG)
        tok_ctc_json(out, b->name[NAME_PAD].text, class_delimiter, json_text_or(b->config, "replace_word_delimiter_char", " "), class_flag(b, "do_lower_case", false));
    if (class_spoken_language(b)) tok_line_json(out, "spoken_language", class_spoken_language(b));
    if (b->spoken.n) add_spoken(&b->spoken, out);
    if (add_templates(b, row, out, e) || add_base64(out, "data", &b->model, e) || (row->target && add_base64(out, "target", &b->rest, e)))
        return -1;
    buf_adds(out, "\"model\":{");
    tok_vocab_json(out, &b->vocab, VOCAB_USED);
    buf_adds(out, "}}\n");
    return buf_ok(out, e);
}

/* ---- a directory again ---- */

struct files {
    const struct tokenizer *t;
    const struct pieces_class *row;
    const struct tok_class *c;
    struct cJSON *config; /* with the class's name, which config.json may have said */
    tok_file_fn *each;
    void *arg;
};

/* Tokens of the file: languages that the class adds stand behind them. */
static int own_tokens(const struct files *f)
{
    const struct vocab *v = &f->t->vocab;
    int end = 0;
    for (int id = 0; id < v->n; id++)
        if (v->v[id].flags & VOCAB_MODEL) end = id + 1;
    const struct class_build b = {.c = f->c, .config = f->config};
    for (const char *p = f->row->language_codes ? languages(&b, f->row) : NULL; p && *p; p++) end -= *p == ' ';
    return end;
}

static int give_text(const struct files *f, const char *name, const char *text, struct err *e)
{
    struct buf b = {0};
    if (!text) return 0;
    buf_adds(&b, text);
    buf_addc(&b, '\n');
    int ret = buf_ok(&b, e) || f->each(f->arg, name, &b, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

static int make_config(struct files *f, struct err *e)
{
    const char *text = f->t->pieces->config;
    f->config = text ? cJSON_Parse(text) : cJSON_CreateObject();
    cJSON_DeleteItemFromObjectCaseSensitive(f->config, "tokenizer_class");
    return cJSON_AddStringToObject(f->config, "tokenizer_class", f->row->name) ? 0 : err_oom(e, 1, "a file");
}

static int give_config(const struct files *f, struct err *e)
{
    struct buf text = {0};
    json_print(&text, f->config, 2);
    int ret = buf_ok(&text, e) || give_text(f, "tokenizer_config.json", text.data, e) ? -1 : 0;
    buf_free(&text);
    return ret;
}

/* vocab.json, inside an object of languages where the config names one. */
static void add_ids(const struct files *f, int end, struct buf *out)
{
    const struct vocab *v = &f->t->vocab;
    const char *language = f->c->flags & STRIPS_LONG ? json_text_or(f->config, "target_lang", NULL) : NULL;
    const char *comma = "{";
    if (language) {
        buf_addc(out, '{');
        buf_adds_json(out, language);
        buf_addc(out, ':');
    }
    for (int id = 0; id < end; id++) {
        size_t n;
        if (!(v->v[id].flags & VOCAB_MODEL)) continue;
        const char *s = vocab_text(v, id, &n);
        buf_adds(out, comma);
        buf_add_json(out, s, n);
        buf_printf(out, ":%d", id);
        comma = ",\n";
    }
    buf_adds(out, language ? "}}\n" : "}\n");
}

/* A token a line, with a count behind it where the class reads one. */
static void add_lines(const struct files *f, int end, bool counted, struct buf *out)
{
    const struct vocab *v = &f->t->vocab;
    int id = 0;
    while (counted && id < end && tok_is_special(f->t, id)) id++; /* which the class puts there */
    if (f->c->layout == IDS_BARTPHO && end > id && tok_is_special(f->t, end - 1)) end--; /* and <mask> */
    for (; id < end; id++) {
        size_t n;
        if (!(v->v[id].flags & VOCAB_MODEL)) continue;
        const char *s = vocab_text(v, id, &n);
        buf_add(out, s, n);
        buf_adds(out, counted ? " 1\n" : "\n");
    }
}

static int give_vocabulary(const struct files *f, struct err *e)
{
    struct buf b = {0};
    bool counted = f->row->words == WORDS_COUNTED || f->c->layout == IDS_BARTPHO;
    if (counted || f->row->words == WORDS_PIECES) add_lines(f, own_tokens(f), counted, &b);
    else add_ids(f, own_tokens(f), &b);
    int ret = buf_ok(&b, e) || f->each(f->arg, f->c->file, &b, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

static int give_spoken(const struct files *f, struct err *e)
{
    const struct vocab *v = f->t->pieces->spoken.n ? &f->t->pieces->spoken : &f->t->vocab;
    struct buf b = {0};
    if (strcmp(f->row->name, "FSMTTokenizer") != 0) return 0;
    tok_ids_json(&b, v, v == &f->t->vocab ? VOCAB_MODEL : VOCAB_USED);
    int ret = buf_ok(&b, e) || f->each(f->arg, spoken_file, &b, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

static int give_merges(const struct files *f, struct err *e)
{
    const struct tokenizer *side = f->t->pieces->side[SIDE_SOURCE].t;
    struct buf b = {0};
    if (!f->row->model) return 0; /* the vocabulary is all */
    if (f->row->words == WORDS_LISTED) buf_adds(&b, "#version: 0.2\n");
    tok_add_merge_lines(&b, &side->vocab, &side->bpe, f->row->words == WORDS_COUNTED ? " 1\n" : "\n");
    int ret = buf_ok(&b, e) || f->each(f->arg, f->row->model, &b, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

bool tok_has_class_files(const struct tokenizer *t)
{
    return t->pieces && t->pieces->class && row_named(t->pieces->class);
}

static uint64_t bare_hash(const struct tokenizer *t)
{
    struct tok_pieces p = *t->pieces;
    struct tokenizer bare = *t;
    p.class = p.config = p.map = p.added = NULL;
    bare.pieces = &p;
    return tok_hash(&bare);
}

bool tok_same_class_files(const struct tokenizer *a, const struct tokenizer *b)
{
    return a->pieces && b->pieces && bare_hash(a) == bare_hash(b);
}

static int give_all(const struct files *f, struct err *e)
{
    const struct tok_pieces *p = f->t->pieces;
    if (give_config(f, e) || give_text(f, "special_tokens_map.json", p->map, e) || give_text(f, "added_tokens.json", p->added, e)) return -1;
    if (f->row->words) return give_vocabulary(f, e) || give_spoken(f, e) || give_merges(f, e) ? -1 : 0;
    if (f->each(f->arg, f->row->model ? f->row->model : f->c->file, &p->side[SIDE_SOURCE].t->source_bytes, e)) return -1;
    if (f->row->target && f->each(f->arg, f->row->target, &p->side[SIDE_TARGET].t->source_bytes, e)) return -1;
    return f->row->model ? give_vocabulary(f, e) : 0;
}

int tok_class_files(const struct tokenizer *t, tok_file_fn *each, void *arg, struct err *e)
{
    const char *class = t->pieces->class;
    struct files f = {.t = t, .row = row_named(class), .c = tok_class_named(class), .each = each, .arg = arg};
    int ret = make_config(&f, e) || give_all(&f, e) ? -1 : 0;
    cJSON_Delete(f.config);
    return ret;
}
