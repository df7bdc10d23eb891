/* What single classes of tok_class_table.c name by themselves: tokens that they add
 * whatever the files say, and Whisper's prompt of language and task. */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_class.h"

static const char *config_text(const struct class_build *b, const char *key)
{
    struct class_token t;
    return class_token_from(json_member(b->config, key), &t) ? t.text : NULL;
}

/* ---- tokens ---- */

/* The token of the language that a text is in; NULL without memory. */
static const char *seamless_language(struct class_build *b)
{
    const char *code = config_text(b, "src_lang"), *kept;
    struct buf name = {0};
    if (!code) code = "eng";
    buf_printf(&name, strstr(code, "__") ? "%s" : "__%s__", code);
    kept = name.oom ? NULL : class_keep(b, name.data, name.len);
    buf_free(&name);
    return kept;
}

int class_own_names(struct class_build *b, struct err *e)
{
    static const struct {
        const char *class, *key, *text;
    } rows[] = {
        {"CodeLlamaTokenizer", "prefix_token", "\xE2\x96\x81<PRE>"}, {"CodeLlamaTokenizer", "middle_token", "\xE2\x96\x81<MID>"},
        {"CodeLlamaTokenizer", "suffix_token", "\xE2\x96\x81<SUF>"}, {"CodeLlamaTokenizer", "eot_token", "\xE2\x96\x81<EOT>"},
        {"CodeLlamaTokenizer", "fill_token", "<FILL_ME>"},           {"SplinterTokenizer", "question_token", "[QUESTION]"},
        {"ProphetNetTokenizer", "x_sep_token", "[X_SEP]"},           {"Wav2Vec2CTCTokenizer", "word_delimiter_token", "|"},
        {"LukeTokenizer", "entity_1_token", "<ent>"},                {"LukeTokenizer", "entity_2_token", "<ent2>"},
        {"LukeTokenizer", "entity_unk_token", "[UNK]"},              {"LukeTokenizer", "entity_pad_token", "[PAD]"},
        {"LukeTokenizer", "entity_mask_token", "[MASK]"},            {"LukeTokenizer", "entity_mask2_token", "[MASK2]"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct cJSON *j = json_member(b->config, rows[i].key);
        if (strcmp(rows[i].class, b->c->name) != 0 || (j && cJSON_IsNull(j))) continue;
        struct class_token t = {.text = rows[i].text, .id = -1};
        class_token_from(j, &t);
        if (class_add_more(b, t, e)) return -1;
    }
    if (b->c->layout == IDS_SEAMLESS && !(b->own[1] = seamless_language(b))) return err_oom(e, 8, "a token");
    if (strcmp(b->c->name, "SplinterTokenizer") == 0) {
        const char *question = config_text(b, "question_token");
        b->own[0] = question ? question : "[QUESTION]";
        b->own[1] = ".";
    }
    return 0;
}

/* ---- Whisper ---- */

/* Codes and names, in the order of their tokens behind <|startoftranscript|>. */
static const char languages[] =
    "en english,zh chinese,de german,es spanish,ru russian,ko korean,fr french,ja japanese,pt portuguese,tr turkish,pl polish,ca catalan,"
    "nl dutch,ar arabic,sv swedish,it italian,id indonesian,hi hindi,fi finnish,vi vietnamese,he hebrew,uk ukrainian,el greek,ms malay,"
    "cs czech,ro romanian,da danish,hu hungarian,ta tamil,no norwegian,th thai,ur urdu,hr croatian,bg bulgarian,lt lithuanian,la latin,"
    "mi maori,ml malayalam,cy welsh,sk slovak,te telugu,fa persian,lv latvian,bn bengali,sr serbian,az azerbaijani,sl slovenian,kn kannada,"
    "et estonian,mk macedonian,br breton,eu basque,is icelandic,hy armenian,ne nepali,mn mongolian,bs bosnian,kk kazakh,sq albanian,"
    "sw swahili,gl galician,mr marathi,pa punjabi,si sinhala,km khmer,sn shona,yo yoruba,so somali,af afrikaans,oc occitan,ka georgian,"
    "be belarusian,tg tajik,sd sindhi,gu gujarati,am amharic,yi yiddish,lo lao,uz uzbek,fo faroese,ht haitian creole,ps pashto,tk turkmen,"
    "nn nynorsk,mt maltese,sa sanskrit,lb luxembourgish,my myanmar,bo tibetan,tl tagalog,mg malagasy,as assamese,tt tatar,haw hawaiian,"
    "ln lingala,ha hausa,ba bashkir,jw javanese,su sundanese,yue cantonese,";
/* Further names of the same. */
static const char aliases[] = "my burmese,ca valencian,nl flemish,ht haitian,lb letzeburgesch,ps pushto,pa panjabi,ro moldavian,ro moldovan,"
                              "si sinhalese,es castilian,zh mandarin,";

/* The code of a language by its code or name; *at: which of the list.  False: none. */
static bool find_language(const char *list, const char *name, char *code, size_t size, int *at)
{
    *at = 0;
    for (const char *p = list; *p; p = strchr(p, ',') + 1, ++*at) {
        size_t n_code = (size_t)(strchr(p, ' ') - p), n_name = (size_t)(strchr(p, ',') - p) - n_code - 1, n = strlen(name);
        bool same = (n == n_code && memcmp(p, name, n) == 0) || (n == n_name && memcmp(p + n_code + 1, name, n) == 0);
        if (!same || n_code >= size) continue;
        memcpy(code, p, n_code);
        code[n_code] = 0;
        return true;
    }
    return false;
}

/* The token of a language, which must stand where Whisper counts it. */
static const char *language_token(struct class_build *b, const char *said, int start, struct err *e)
{
    char name[32] = "", code[8], text[16];
    int at;
    for (size_t i = 0; said[i] && i + 1 < sizeof name; i++) name[i] = (char)tolower((unsigned char)said[i]);
    bool known = find_language(aliases, name, code, sizeof code, &at) ? find_language(languages, code, code, sizeof code, &at)
                                                                      : find_language(languages, name, code, sizeof code, &at);
    if (!known) {
        err_set(e, ERR_DATA, "'%s': WhisperTokenizer knows no language '%s'", b->dir, said);
        return NULL;
    }
    snprintf(text, sizeof text, "<|%s|>", code);
    if (class_id(b, text) != start + 1 + at) {
        err_set(e, ERR_DATA, "'%s': '%s' has not the id %d, where WhisperTokenizer puts that language", b->dir, text, start + 1 + at);
        return NULL;
    }
    const char *kept = class_keep(b, text, strlen(text));
    if (!kept) err_oom(e, sizeof text, "a token");
    return kept;
}

int class_whisper(struct class_build *b, char *single, char *pair, struct err *e)
{
    const char *language = config_text(b, "language"), *task = config_text(b, "task");
    size_t n = 0;
    int start = class_id(b, "<|startoftranscript|>");
    b->own[n++] = "<|startoftranscript|>";
    if (start < 0 && b->name[NAME_UNK].text) start = class_id(b, b->name[NAME_UNK].text);
    if (language && !(b->own[n++] = language_token(b, language, start, e))) return -1;
    if (task && strcmp(task, "transcribe") && strcmp(task, "translate"))
        return err_set(e, ERR_DATA, "'%s': WhisperTokenizer knows no task '%s'", b->dir, task);
    if (task) b->own[n++] = strcmp(task, "transcribe") ? "<|translate|>" : "<|transcribe|>";
    if (!class_flag(b, "predict_timestamps", false)) b->own[n++] = "<|notimestamps|>";
    char letters[8] = "WXYZ";
    letters[n] = 0;
    snprintf(single, 16, "%sAe", letters);
    snprintf(pair, 16, "%sAB1e1", letters);
    return 0;
}
