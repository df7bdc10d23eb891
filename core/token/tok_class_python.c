/* What classes in Python do to a text before its words are cut into pieces: the "normalizer" of tok_pieces.h's form. */
#include <cjson/cJSON.h>
#include <string.h>

#include "core/base/json.h"
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

static void xlm(const struct class_build *b, struct buf *out)
{
    add_moses(out, "en", MOSES_PUNCT);
    if (!class_flag(b, "do_lowercase_and_remove_accent", true)) return;
    class_step(out, "PythonLower");
    class_next_step(out);
    buf_adds(out, "{\"type\":\"BertNormalizer\",\"clean_text\":false,\"handle_chinese_chars\":false,\"strip_accents\":true,\"lowercase\":false}");
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
    if (said ? cJSON_IsTrue(strip) : lower) {
        class_next_step(out);
        buf_adds(out, "{\"type\":\"BertNormalizer\",\"clean_text\":false,\"handle_chinese_chars\":false,\"strip_accents\":true,\"lowercase\":false}");
    }
}

/* Punctuation stands alone, lines end in a token. */
static void blenderbot_small(struct buf *out)
{
    static const char *const signs[][2] = {{".", " ."}, {",", " ,"}, {"!", " !"}, {"?", " ?"}, {"(", " ("}, {")", " )"}, {"'", " ' "}};
    class_step_replace(out, "Regex", "(?<=[^\\s'])\\n", " __newln__ ");
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) class_step_replace(out, "String", signs[i][0], signs[i][1]);
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

/* Words of an analyser, and subwords of other kinds. */
static int check_japanese(const struct class_build *b, struct err *e)
{
    static const char *const keys[] = {"word_tokenizer_type", "subword_tokenizer_type"}, *const known[] = {"basic", "wordpiece"};
    for (int i = 0; i < 2; i++) {
        const struct cJSON *j = json_member(b->config, keys[i]);
        if (!cJSON_IsString(j) || strcmp(j->valuestring, known[i]) == 0) continue;
        return err_set(e, ERR_DATA, "'%s': %s with %s '%s' is not supported: MeCab and other analysers cut by dictionaries of their own; '%s' is", b->dir,
                       b->c->name, keys[i], j->valuestring, known[i]);
    }
    return 0;
}

int class_python_check(const struct class_build *b, struct err *e)
{
    const struct cJSON *whole = json_member(b->config, "never_split");
    if (whole && whole->child) return err_set(e, ERR_DATA, "'%s': never_split, words that stay whole, is not supported", b->dir);
    if (is(b, "BertJapaneseTokenizer") && check_japanese(b, e)) return -1;
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
    if (is(b, "ProphetNetTokenizer") && class_flag(b, "do_basic_tokenize", true))
        bert(b, class_flag(b, "tokenize_chinese_chars", true), class_flag(b, "do_lower_case", true), &steps);
    if (is(b, "BertJapaneseTokenizer")) bert(b, false, class_flag(b, "do_lower_case", false), &steps);
    if (is(b, "SiglipTokenizer")) siglip(b, &steps);
    if (steps.len) buf_printf(out, "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[%s]},\n", steps.data);
    if (steps.oom) out->oom = true;
    buf_free(&steps);
}
