/* What classes in Python do to a text before its words are cut into pieces: the "normalizer" of tok_pieces.h's form. */
#include <cjson/cJSON.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/moses.h"
#include "core/token/tok_class.h"
#include "core/token/tok_members.h"

static bool is(const struct class_build *b, const char *name)
{
    return strcmp(b->c->name, name) == 0;
}

static void sw3(struct buf *out)
{
    class_step_replace(out, "Regex", "[\\x{0}-\\x{8}\\x{B}-\\x{1F}\\x{7F}-\\x{A0}\\x{AD}\\x{200B}]", "");
    class_step_replace(out, "Regex", "[\\x{2002}\\x{2003}\\x{2005}\\x{2008}-\\x{200A}\\x{202F}\\x{3000}\\x{FFFC}]", " ");
    class_step(out, "NFC");
}

static void add_moses(struct buf *out, const char *language, unsigned flags)
{
    class_next_step(out);
    buf_adds(out, "{\"type\":\"Moses\"");
    tok_string_json(out, "language", language);
    tok_bool_json(out, "punctuation", flags & MOSES_PUNCT);
    tok_bool_json(out, "dashes", flags & MOSES_DASHES);
    tok_bool_json(out, "escape", flags & MOSES_ESCAPE);
    buf_addc(out, '}');
}

static void strip_accents(struct buf *out)
{
    class_next_step(out);
    buf_adds(out, "{\"type\":\"BertNormalizer\",\"clean_text\":false,\"handle_chinese_chars\":false,\"strip_accents\":true,\"lowercase\":false}");
}

static void xlm(const struct class_build *b, struct buf *out)
{
    add_moses(out, "en", MOSES_PUNCT);
    if (!class_flag(b, "do_lowercase_and_remove_accent", true)) return;
    class_step(out, "PythonLower");
    strip_accents(out);
    class_step(out, "PythonLower");
}

static void flaubert(const struct class_build *b, struct buf *out)
{
    class_step_replace(out, "String", "``", "\"");
    class_step_replace(out, "String", "''", "\"");
    class_step(out, "NFC");
    if (class_flag(b, "do_lowercase", false)) class_step(out, "PythonLower");
    add_moses(out, "fr", MOSES_PUNCT);
}

/* BERT's own code: not quite what tokenizers' BertNormalizer does. */
static void bert(const struct class_build *b, bool chinese, bool lower, struct buf *out)
{
    const struct cJSON *strip = json_member(b->config, "strip_accents");
    bool said = strip && !cJSON_IsNull(strip);
    class_next_step(out);
    buf_printf(out, "{\"type\":\"PythonBasic\",\"chinese\":%s}", chinese ? "true" : "false");
    class_step(out, "NFC");
    if (lower) class_step(out, "PythonLower");
    if (said ? cJSON_IsTrue(strip) : lower) strip_accents(out);
}

/* Punctuation stands alone, lines end in a token. */
static void blenderbot_small(struct buf *out)
{
    static const char *const signs[][2] = {{".", " ."}, {",", " ,"}, {"!", " !"}, {"?", " ?"}, {"(", " ("}, {")", " )"}, {"'", " ' "}};
    class_step_replace(out, "Regex", "(?<=[^\\s'])\\n", " __newln__ ");
    for (size_t i = 0; i < COUNT_OF(signs); i++) class_step_replace(out, "String", signs[i][0], signs[i][1]);
    class_step(out, "PythonLower");
}

/* No punctuation, small letters, one space for any white space. */
static void siglip(const struct class_build *b, struct buf *out)
{
    class_step_replace(out, "String", "\xE2\x96\x81", " ");
    if (class_flag(b, "do_lower_case", true)) class_step(out, "PythonLower");
    class_step_replace(out, "Regex", "[!-/:-@\\[-`{-~]", "");
    class_step_replace(out, "Regex", "[\\s\\x1C-\\x1F]+", " ");
}

/* ---- Wav2Vec2's letters ---- */

const char class_delimiter[] = "|";

/* transformers 5 puts "|" for spaces whatever the config names, earlier versions what it names. */
static int check_delimiter(const struct class_build *b, struct err *e)
{
    const struct cJSON *j = json_member(b->config, "word_delimiter_token");
    struct class_token t;
    if (!j || (class_token_from(j, &t) && strcmp(t.text, class_delimiter) == 0)) return 0;
    return err_set(e, ERR_DATA, "'%s': a word_delimiter_token other than '|' is taken for spaces by some versions of transformers and by some not: "
                                "name that token '|' in tokenizer_config.json and vocab.json", b->dir);
}

static void wav2vec2(const struct class_build *b, struct buf *out)
{
    if (class_flag(b, "do_lower_case", false)) class_step(out, "PythonUpper"); /* so it is */
    class_step_replace(out, "String", " ", class_delimiter);
}

/* ---- FSMT's two languages ---- */

/* "langs": from which and into which. */
static const char *language(const struct class_build *b, int which)
{
    const struct cJSON *list = json_member(b->config, "langs");
    const struct cJSON *one = cJSON_IsArray(list) && cJSON_GetArraySize(list) == 2 ? cJSON_GetArrayItem(list, which) : NULL;
    return cJSON_IsString(one) ? one->valuestring : NULL;
}

static int check_languages(const struct class_build *b, struct err *e)
{
    enum moses_language ignored;
    for (int i = 0; i < 2; i++) {
        const char *code = language(b, i);
        if (!code) return err_set(e, ERR_DATA, "'%s': %s needs \"langs\" in tokenizer_config.json, the two languages of the model", b->dir, b->c->name);
        if (!moses_language(code, i == 1, &ignored))
            return err_set(e, ERR_DATA, "'%s': Moses has %s of its own for '%s', which is not supported: en, de, ru, fr (to be read) and languages without any are", b->dir,
                           i ? "rules to join words" : "abbreviations or rules", code);
    }
    return 0;
}

static void fsmt(const struct class_build *b, struct buf *out)
{
    if (class_flag(b, "do_lower_case", false)) class_step(out, "PythonLower");
    add_moses(out, language(b, 0), MOSES_PUNCT | MOSES_DASHES | MOSES_ESCAPE);
}

/* ---- BERT's Japanese words ---- */

/* Whether a key has this value, or (otherwise) is not there. */
static bool says(const struct cJSON *config, const char *key, const char *value, bool otherwise)
{
    const struct cJSON *j = json_member(config, key);
    return j && !cJSON_IsNull(j) ? cJSON_IsString(j) && strcmp(j->valuestring, value) == 0 : otherwise;
}

bool class_by_characters(const struct class_build *b)
{
    return is(b, "BertJapaneseTokenizer") && says(b->config, "subword_tokenizer_type", "character", false);
}

/* Of words that are cut into characters MeCab's dictionary changes nothing: it leaves out white space. */
bool class_by_mecab(const struct class_build *b)
{
    return is(b, "BertJapaneseTokenizer") && says(b->config, "word_tokenizer_type", "mecab", false);
}

static int check_mecab(const struct class_build *b, struct err *e)
{
    const struct cJSON *more = json_member(b->config, "mecab_kwargs"), *dic = json_member(more, "mecab_dic"), *option = json_member(more, "mecab_option"), *form = json_member(more, "normalize_text");
    const char *why = NULL;
    if (!class_by_characters(b)) why = "its dictionary cuts words";
    else if (class_flag(b, "do_lower_case", false)) why = "small letters (do_lower_case) depend on the words of its dictionary";
    else if (form && !cJSON_IsTrue(form)) why = "without a normal form (normalize_text) words of its dictionary count";
    else if (dic && !says(more, "mecab_dic", "unidic_lite", false) && !says(more, "mecab_dic", "ipadic", false)) why = "what is white space to another dictionary (mecab_dic) than ipadic and unidic_lite is not known";
    else if (cJSON_IsString(option) && *option->valuestring) why = "its mecab_option is not supported";
    if (!why) return 0;
    err_set(e, ERR_DATA, "'%s': %s with word_tokenizer_type 'mecab': %s", b->dir, b->c->name, why);
    return err_hint(e, "let MeCab cut the texts first, and give vocab.txt itself");
}

static int check_japanese(const struct class_build *b, struct err *e)
{
    static const char *const keys[] = {"word_tokenizer_type", "subword_tokenizer_type"}, *const known[][2] = {{"basic", "mecab"}, {"wordpiece", "character"}};
    for (int i = 0; i < 2; i++) {
        if (says(b->config, keys[i], known[i][0], true) || says(b->config, keys[i], known[i][1], true)) continue;
        err_set(e, ERR_DATA, "'%s': %s with another %s than '%s' and '%s' is not supported: it cuts by a model or dictionary of its own", b->dir, b->c->name,
                keys[i], known[i][0], known[i][1]);
        return err_hint(e, i ? "give its SentencePiece model itself, for texts that are cut into words" : "let it cut the texts first, and give vocab.txt itself");
    }
    return class_by_mecab(b) ? check_mecab(b, e) : 0;
}

/* The parts of a text that stand for themselves, with U+0001 between, which is no longer in it. */
static void japanese(const struct class_build *b, struct buf *out)
{
    bool characters = class_by_characters(b);
    if (class_by_mecab(b)) class_step_replace(out, "Regex", "\\x{0}[\\s\\S]*", ""); /* ends a string of MeCab's */
    else bert(b, false, class_flag(b, "do_lower_case", false), out);
    if (characters && !class_by_mecab(b)) class_step_replace(out, "Regex", "[\\s\\x1C-\\x1F]+", "\x01");
    if (characters) class_step(out, "NFKC");
}

int class_python_check(const struct class_build *b, struct err *e)
{
    const struct cJSON *whole = json_member(b->config, "never_split");
    if (whole && whole->child) return err_set(e, ERR_DATA, "'%s': never_split, words that stay whole, is not supported", b->dir);
    if (is(b, "BertJapaneseTokenizer") && check_japanese(b, e)) return -1;
    if (is(b, "Wav2Vec2CTCTokenizer")) return check_delimiter(b, e);
    return is(b, "FSMTTokenizer") ? check_languages(b, e) : 0;
}

const char *class_spoken_language(const struct class_build *b)
{
    return is(b, "FSMTTokenizer") ? language(b, 1) : is(b, "BioGptTokenizer") ? "en" : NULL;
}

/* ---- the whole ---- */

void class_python_steps(const struct class_build *b, struct buf *out)
{
    struct buf steps = {0};
    if (is(b, "GPTSw3Tokenizer")) sw3(&steps);
    if (is(b, "XLMTokenizer")) xlm(b, &steps);
    if (is(b, "FSMTTokenizer")) fsmt(b, &steps);
    if (is(b, "FlaubertTokenizer")) flaubert(b, &steps);
    if (is(b, "BioGptTokenizer")) add_moses(&steps, "en", MOSES_DASHES | MOSES_ESCAPE);
    if (is(b, "BlenderbotSmallTokenizer")) blenderbot_small(&steps);
    if ((is(b, "ProphetNetTokenizer") || is(b, "RoCBertTokenizer")) && class_flag(b, "do_basic_tokenize", true))
        bert(b, class_flag(b, "tokenize_chinese_chars", true), class_flag(b, "do_lower_case", true), &steps);
    if (is(b, "BertJapaneseTokenizer")) japanese(b, &steps);
    if (is(b, "SiglipTokenizer")) siglip(b, &steps);
    if (is(b, "Wav2Vec2CTCTokenizer")) wav2vec2(b, &steps);
    if (steps.len) buf_printf(out, "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[%s]},\n", steps.data);
    if (steps.oom) out->oom = true;
    buf_free(&steps);
}
