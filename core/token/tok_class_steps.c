/* How the classes of tok_class_table.c normalize and cut text, make text of tokens,
 * and what they put around it. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/split.h"
#include "core/token/tok_base64.h"
#include "core/token/tok_class.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_members.h"

#define LOW_BAR "\xE2\x96\x81" /* what SentencePiece has for a space */

/* ---- lists of steps ---- */

/* Begins a member with a list of steps, or ends it. */
static void open_list(struct buf *out, const char *key, const char *list)
{
    buf_printf(out, "\"%s\":{\"type\":\"Sequence\",\"%s\":[", key, list);
}

static void close_list(struct buf *out)
{
    buf_adds(out, "]},\n");
}

void class_next_step(struct buf *out)
{
    if (out->len && out->data[out->len - 1] == '}') buf_addc(out, ',');
}

void class_step(struct buf *out, const char *type)
{
    class_next_step(out);
    buf_printf(out, "{\"type\":\"%s\"}", type);
}

void class_step_replace(struct buf *out, const char *kind, const char *pattern, const char *by)
{
    class_next_step(out);
    tok_replace_json(out, kind, pattern, by);
}

static int add_rules(const struct class_build *b, struct buf *out, struct err *e)
{
    if (!b->spm.charsmap.len) return 0;
    class_next_step(out);
    buf_adds(out, "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"");
    int ret = tok_base64(b->spm.charsmap.data, b->spm.charsmap.len, out, e);
    buf_adds(out, "\"}");
    return ret;
}

static void add_strip(struct buf *out, bool left, bool right)
{
    class_next_step(out);
    buf_adds(out, "{\"type\":\"Strip\"");
    tok_bool_json(out, "strip_left", left);
    tok_bool_json(out, "strip_right", right);
    buf_addc(out, '}');
}

static void add_metaspace(struct buf *out, const char *scheme, bool split)
{
    class_next_step(out);
    buf_printf(out, "{\"type\":\"Metaspace\",\"replacement\":\"" LOW_BAR "\",\"prepend_scheme\":\"%s\"", scheme);
    tok_bool_json(out, "split", split);
    buf_addc(out, '}');
}

static void add_bytes(struct buf *out, bool prefix, bool regex)
{
    class_next_step(out);
    buf_adds(out, "{\"type\":\"ByteLevel\"");
    tok_bool_json(out, "add_prefix_space", prefix);
    tok_bool_json(out, "trim_offsets", true);
    tok_bool_json(out, "use_regex", regex);
    buf_addc(out, '}');
}

static void add_split(struct buf *out, const char *kind, const char *pattern, const char *behavior, bool invert)
{
    class_next_step(out);
    tok_split_json(out, kind, pattern, behavior, invert);
}

/* ---- the classes ---- */

static void bert(const struct class_build *b, struct buf *out, bool lower, bool cuts)
{
    const struct cJSON *strip = json_member(b->config, "strip_accents");
    buf_adds(out, "\"normalizer\":{\"type\":\"BertNormalizer\"");
    tok_bool_json(out, "clean_text", !cuts || class_flag(b, "clean_text", true) || strcmp(b->c->name, "FunnelTokenizer") != 0);
    tok_bool_json(out, "handle_chinese_chars", !cuts || class_flag(b, "tokenize_chinese_chars", true));
    if (!cuts && !lower) tok_bool_json(out, "strip_accents", false);
    else if (!cuts || !strip || cJSON_IsNull(strip)) buf_adds(out, ",\"strip_accents\":null");
    else tok_bool_json(out, "strip_accents", cJSON_IsTrue(strip));
    tok_bool_json(out, "lowercase", lower);
    buf_adds(out, "},\n\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\n\"decoder\":");
    if (cuts) buf_adds(out, "{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},\n");
    else buf_adds(out, "{\"type\":\"BPEDecoder\",\"suffix\":\"</w>\"},\n");
}

/* What Python's str.split() leaves of a text. */
static void letters(struct buf *out)
{
    buf_adds(out, "\"normalizer\":null,\n\"pre_tokenizer\":");
    add_split(out, "Regex", "[\\s\\x1C-\\x1F]+", "Removed", false);
    buf_adds(out, ",\n\"decoder\":null,\n");
}

static void plain_bytes(struct buf *out)
{
    static const char level[] = TOK_BYTE_LEVEL(false, false, false);
    buf_printf(out, "\"normalizer\":null,\n\"pre_tokenizer\":%s,\n\"decoder\":%s,\n", level, level);
}

static void bytes(const struct class_build *b, struct buf *out)
{
    static const char clip[] = "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
    enum class_steps s = b->c->steps;
    bool prefix = s != STEPS_CLIP && class_flag(b, "add_prefix_space", b->c->flags & PREFIX_BY_DEFAULT);
    open_list(out, "normalizer", "normalizers");
    if (s != STEPS_BYTES) class_step(out, "NFC");
    if (s == STEPS_CLIP) {
        class_step_replace(out, "Regex", "\\s+", " ");
        class_step(out, "Lowercase");
    }
    close_list(out);
    open_list(out, "pre_tokenizer", "pretokenizers");
    if (s == STEPS_QWEN2) add_split(out, "Regex", split_regex(SPLIT_QWEN2), "Isolated", false);
    if (s == STEPS_QWEN35) add_split(out, "Regex", split_regex(SPLIT_QWEN35), "Isolated", false);
    if (s == STEPS_COHERE) buf_adds(out, "{\"type\":\"Digits\",\"individual_digits\":true}");
    if (s == STEPS_CLIP) add_split(out, "Regex", clip, "Removed", true);
    add_bytes(out, prefix, s != STEPS_QWEN2 && s != STEPS_QWEN35);
    close_list(out);
    buf_adds(out, "\"decoder\":");
    add_bytes(out, true, true);
    buf_adds(out, ",\n");
}

/* Ranks in the place of SentencePiece's pieces: their split is Llama 3's. */
static void ranks(struct buf *out)
{
    buf_adds(out, "\"normalizer\":null,\n");
    open_list(out, "pre_tokenizer", "pretokenizers");
    add_split(out, "Regex", split_regex(SPLIT_LLAMA3), "Isolated", false);
    add_bytes(out, false, false);
    close_list(out);
    buf_adds(out, "\"decoder\":");
    add_bytes(out, true, true);
    buf_adds(out, ",\n");
}

static int normalizers(const struct class_build *b, struct buf *out, struct err *e)
{
    enum class_steps s = b->c->steps;
    bool rules_first = s == STEPS_WORDS || s == STEPS_SQUEEZE || s == STEPS_SQUEEZE_RULES || s == STEPS_PEGASUS;
    bool accents = s == STEPS_REMBERT ? class_flag(b, "keep_accents", true) : s == STEPS_ALBERT && class_flag(b, "keep_accents", false);
    bool quotes = s == STEPS_ALBERT || s == STEPS_REMBERT || s == STEPS_XLNET;
    int ret = rules_first ? add_rules(b, out, e) : 0;
    if (quotes) {
        class_step_replace(out, "String", "``", "\"");
        class_step_replace(out, "String", "''", "\"");
        if (s == STEPS_REMBERT) class_step_replace(out, "Regex", " {2,}", " ");
        if (!accents) {
            class_step(out, "NFKD");
            class_step(out, "StripAccents");
        }
    }
    if ((quotes || s == STEPS_DEBERTA) && class_flag(b, "do_lower_case", s == STEPS_ALBERT)) class_step(out, "Lowercase");
    if (quotes && ret == 0) ret = add_rules(b, out, e);
    if (s == STEPS_PEGASUS && !b->spm.charsmap.len) class_step_replace(out, "Regex", "\\n", " ");
    if (s == STEPS_SQUEEZE || s == STEPS_PEGASUS || (s == STEPS_SQUEEZE_RULES && b->spm.charsmap.len)) class_step_replace(out, "Regex", " {2,}", " ");
    if (s == STEPS_BARTHEZ || s == STEPS_DEBERTA) {
        class_step_replace(out, "Regex", "\\s{2,}|[\\n\\r\\t]", " ");
        class_step(out, "NFC");
        add_strip(out, false, true);
    }
    if (s == STEPS_BIGBIRD || s == STEPS_LAYOUTXLM) {
        add_strip(out, false, s == STEPS_LAYOUTXLM);
        class_step_replace(out, "Regex", " {2,}", LOW_BAR);
    }
    if (s == STEPS_SEAMLESS) {
        class_step_replace(out, "Regex", "[\\n\\r\\t]", " ");
        class_step(out, "NFKC");
        add_strip(out, false, true);
        class_step_replace(out, "Regex", " +" LOW_BAR, LOW_BAR);
        class_step_replace(out, "Regex", "^" LOW_BAR "+$", "");
        class_step_replace(out, "Regex", " {2,}", LOW_BAR);
    }
    return ret;
}

static int pieces(const struct class_build *b, struct buf *out, struct err *e)
{
    enum class_steps s = b->c->steps;
    bool prefix = !(b->c->flags & PREFIX_BY_DEFAULT) || class_flag(b, "add_prefix_space", true);
    const char *scheme = s == STEPS_SEAMLESS ? "first" : prefix ? "always" : s == STEPS_DEBERTA ? "first" : "never";
    open_list(out, "normalizer", "normalizers");
    if (normalizers(b, out, e)) return -1;
    close_list(out);
    open_list(out, "pre_tokenizer", "pretokenizers");
    if (s == STEPS_WORDS || s == STEPS_WORDS_RAW || s == STEPS_ALBERT || s == STEPS_XLNET) class_step(out, "WhitespaceSplit");
    if (s == STEPS_DEBERTA && class_flag(b, "split_by_punct", false)) buf_adds(out, "{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"}");
    add_metaspace(out, scheme, true);
    close_list(out);
    buf_adds(out, "\"decoder\":");
    add_metaspace(out, scheme, true);
    buf_adds(out, ",\n");
    return 0;
}

/* Spaces as they are, bytes where there is no piece, and (strip) no space in front. */
static void decode_bytes(struct buf *out, bool bytes, bool strip)
{
    open_list(out, "decoder", "decoders");
    class_step_replace(out, "String", LOW_BAR, " ");
    if (bytes) class_step(out, "ByteFallback");
    if (bytes || strip) class_step(out, "Fuse");
    if (strip) {
        class_next_step(out);
        buf_adds(out, "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}");
    }
    close_list(out);
}

static void llama(const struct class_build *b, struct buf *out)
{
    const struct cJSON *j = json_member(b->config, "add_prefix_space");
    bool prefix = !j || cJSON_IsNull(j) || cJSON_IsTrue(j);
    bool code = strcmp(b->c->name, "CodeLlamaTokenizer") == 0, legacy = !code && cJSON_IsTrue(json_member(b->config, "legacy"));
    buf_adds(out, "\"normalizer\":null,\n\"pre_tokenizer\":");
    add_metaspace(out, !prefix ? "never" : legacy ? "always" : "first", false);
    buf_adds(out, ",\n");
    decode_bytes(out, true, prefix || code);
}

static void gemma(struct buf *out)
{
    open_list(out, "normalizer", "normalizers");
    class_step_replace(out, "String", " ", LOW_BAR);
    close_list(out);
    buf_adds(out, "\"pre_tokenizer\":");
    add_split(out, "String", " ", "MergedWithPrevious", false);
    buf_adds(out, ",\n");
    decode_bytes(out, true, false);
}

struct user_piece {
    uint32_t len;
    int id;
};

static int longer(const void *x, const void *y)
{
    const struct user_piece *a = x, *b = y;
    if (a->len != b->len) return a->len < b->len ? 1 : -1;
    return (a->id > b->id) - (a->id < b->id);
}

static void add_quoted(struct buf *regex, const char *s, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        if (s[k] && strchr("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", s[k])) buf_addc(regex, '\\');
        buf_addc(regex, s[k]);
    }
}

/* User-defined pieces, the longest first; they may have got other names. */
static int add_user_split(const struct class_build *b, struct buf *out, struct err *e)
{
    struct buf regex = {0};
    const struct spm_model *m = &b->spm;
    struct user_piece *v = mem_alloc(m->n, sizeof *v);
    size_t n = 0, len;
    if (!v) return err_oom(e, m->n * sizeof *v, "pieces");
    for (size_t i = 0; i < m->n; i++)
        if (m->piece[i].type == SPM_USER) v[n++] = (struct user_piece){m->piece[i].len, (int)i};
    qsort(v, n, sizeof *v, longer);
    for (size_t i = 0; i < n; i++) {
        const char *s = vocab_text(&b->vocab, v[i].id, &len);
        if (i) buf_addc(&regex, '|');
        add_quoted(&regex, s, len);
    }
    free(v);
    int ret = buf_ok(&regex, e);
    if (ret == 0 && n) add_split(out, "Regex", buf_text(&regex), "Isolated", false);
    buf_free(&regex);
    return ret;
}

/* SentencePiece's own steps, as far as they can be said. */
static int sentencepiece(const struct class_build *b, struct buf *out, struct err *e)
{
    const struct spm_model *m = &b->spm;
    bool legacy = class_flag(b, "legacy", true);
    open_list(out, "normalizer", "normalizers");
    int ret = add_rules(b, out, e);
    if (m->remove_extra_whitespaces) {
        class_step_replace(out, "Regex", "\\A +| +\\z", "");
        class_step_replace(out, "Regex", " {2,}", " ");
    }
    if (m->escape_whitespaces) class_step_replace(out, "String", " ", LOW_BAR);
    if (m->add_dummy_prefix && legacy) class_step_replace(out, "Regex", "\\A" LOW_BAR, LOW_BAR LOW_BAR);
    close_list(out);
    open_list(out, "pre_tokenizer", "pretokenizers");
    if (m->add_dummy_prefix) add_metaspace(out, legacy ? "always" : "first", false);
    if (ret == 0) ret = add_user_split(b, out, e);
    close_list(out);
    decode_bytes(out, m->byte_fallback, m->add_dummy_prefix);
    return ret;
}

/* ---- what stands around a text ---- */

static const char *language(const struct class_build *b, const char *key)
{
    const char *usual = b->c->layout == IDS_NLLB ? "eng_Latn" : "en_XX";
    return json_text_or(b->config, key, json_text_or(b->config, "src_lang", usual));
}

/* The text that a letter of a template stands for; NULL: the class has no such token. */
static const char *token_of(const struct class_build *b, char letter)
{
    static const char letters[] = "beuspcm";
    const char *p = strchr(letters, letter);
    if (letter == 'L') return language(b, "src_lang");
    if (letter >= 'W' && letter <= 'Z') return b->own[letter - 'W'];
    return p && *p ? b->name[p - letters].text : NULL;
}

static int id_of(const struct class_build *b, const char *text, int *id, struct err *e)
{
    *id = text ? class_id(b, text) : -1;
    if (text && *id < 0 && b->name[NAME_UNK].text) *id = class_id(b, b->name[NAME_UNK].text);
    if (*id >= 0) return 0;
    return err_set(e, ERR_DATA, "'%s': %s puts '%s' around a text, which is not in the vocabulary", b->dir, b->c->name,
                   text ? text : "a token that is not named");
}

static int add_places(const struct class_build *b, struct buf *out, const char *key, const char *template, struct err *e)
{
    buf_printf(out, ",\"%s\":[", key);
    for (const char *p = template; *p; p++) {
        if (*p == ' ') continue;
        char digit = p[1] >= '0' && p[1] <= '9' ? p[1] : '0';
        class_next_step(out);
        if (*p == 'A' || *p == 'B') {
            buf_printf(out, "{\"Sequence\":{\"id\":\"%c\",\"type_id\":%c}}", *p, digit);
        } else {
            int id;
            if (id_of(b, token_of(b, *p), &id, e)) return -1;
            buf_printf(out, "{\"SpecialToken\":{\"id\":\"%c\",\"type_id\":%c}}", *p, digit);
        }
        p += p[1] >= '0' && p[1] <= '9';
    }
    buf_addc(out, ']');
    return 0;
}

/* Of which languages the template is, and what takes its place around a translation. */
static int add_languages(const struct class_build *b, struct buf *out, struct err *e)
{
    static const char *const keys[] = {"src_lang", "tgt_lang"}, *const members[] = {"source_language_id", "target_language_id"};
    for (int i = 0; i < 2; i++) {
        int id;
        if (id_of(b, language(b, keys[i]), &id, e)) return -1;
        buf_printf(out, ",\"%s\":%d", members[i], id);
    }
    return 0;
}

int class_template(const struct class_build *b, struct buf *out, const char *key, const char *single, const char *pair, struct err *e)
{
    buf_printf(out, "\"%s\":{\"type\":\"TemplateProcessing\"", key);
    if (add_places(b, out, "single", single, e) || add_places(b, out, "pair", pair, e)) return -1;
    buf_adds(out, ",\"special_tokens\":{");
    bool first = true;
    for (const char *p = "beuspcmLWXYZ"; *p; p++) {
        int id;
        if (!strchr(single, *p) && !strchr(pair, *p)) continue;
        const char *text = token_of(b, *p);
        if (id_of(b, text, &id, e)) return -1;
        buf_printf(out, "%s\"%c\":{\"id\":\"%c\",\"ids\":[%d],\"tokens\":[", first ? "" : ",", *p, *p, id);
        buf_adds_json(out, text);
        buf_adds(out, "]}");
        first = false;
    }
    buf_addc(out, '}');
    if (strchr(single, 'L') && add_languages(b, out, e)) return -1;
    buf_adds(out, "},\n");
    return 0;
}

static int add_template(const struct class_build *b, struct buf *out, const char *single, const char *pair, struct err *e)
{
    return class_template(b, out, "post_processor", single, pair, e);
}

static int add_two(const struct class_build *b, struct buf *out, const char *type, char end, char begin, bool trim, bool prefix,
                   struct err *e)
{
    int ids[2];
    const char *texts[] = {token_of(b, end), token_of(b, begin)};
    if (id_of(b, texts[0], &ids[0], e) || id_of(b, texts[1], &ids[1], e)) return -1;
    if (strcmp(b->c->single, "H") == 0) { /* whatever they are */
        ids[0] = 2;
        ids[1] = 0;
    }
    buf_printf(out, "\"post_processor\":{\"type\":\"%s\"", type);
    for (int i = 0; i < 2; i++) {
        buf_printf(out, ",\"%s\":[", i ? "cls" : "sep");
        buf_adds_json(out, texts[i]);
        buf_printf(out, ",%d]", ids[i]);
    }
    if (strcmp(type, "RobertaProcessing") == 0) {
        tok_bool_json(out, "trim_offsets", trim);
        tok_bool_json(out, "add_prefix_space", prefix);
    }
    buf_adds(out, "},\n");
    return 0;
}

static int ends(const struct class_build *b, struct buf *out, struct err *e)
{
    bool bos = b->name[NAME_BOS].text && class_flag(b, "add_bos_token", b->c->flags & BOS_BY_DEFAULT),
         eos = b->name[NAME_EOS].text && class_flag(b, "add_eos_token", false);
    static const char *const single[] = {"A", "b A", "A e", "b A e"}, *const pair[] = {"A B1", "b A b1 B1", "A e B1 e1", "b A e b1 B1 e1"};
    int k = bos + 2 * eos;
    return add_template(b, out, single[k], pair[k], e);
}

static int post(struct class_build *b, struct buf *out, struct err *e)
{
    const struct tok_class *c = b->c;
    char single[16], pair[16];
    bool said = class_says(b, "add_bos_token") || class_says(b, "add_eos_token");
    if (!c->single || (said && (c->flags & POST_GIVES_WAY))) return ends(b, out, e);
    if (c->layout == IDS_NLLB && class_flag(b, "legacy_behaviour", false)) return add_template(b, out, "A e L", "A B e L", e);
    bool mpnet = c->source == FROM_WORDS, trims = mpnet || (c->flags & ALWAYS_TRIMS);
    switch (*c->single) {
    case 'R':
        return add_two(b, out, "RobertaProcessing", 's', 'c', trims || class_flag(b, "trim_offsets", true),
                       !mpnet && class_flag(b, "add_prefix_space", trims), e);
    case 'W': return class_whisper(b, single, pair, e) ? -1 : add_template(b, out, single, pair, e);
    case 'C': return add_two(b, out, "RobertaProcessing", 'e', 'b', false, false, e);
    case 'H': return add_two(b, out, "BertProcessing", 's', 'c', false, false, e);
    case 'Y':
        buf_adds(out, "\"post_processor\":" TOK_BYTE_LEVEL(true, false, true) ",\n");
        return 0;
    default: return add_template(b, out, c->single, c->pair, e);
    }
}

int class_steps_json(struct class_build *b, struct buf *out, struct err *e)
{
    int ret = 0;
    if (b->ranks) ranks(out);
    else switch (b->c->steps) {
        case STEPS_BERT: bert(b, out, class_flag(b, "do_lower_case", true), true); break;
        case STEPS_LETTERS: letters(out); break;
        case STEPS_NONE: plain_bytes(out); break;
        case STEPS_OPENAI: bert(b, out, true, false); break;
        case STEPS_HERBERT: bert(b, out, false, false); break;
        case STEPS_BYTES:
        case STEPS_BYTES_NFC:
        case STEPS_QWEN2:
        case STEPS_QWEN35:
        case STEPS_COHERE:
        case STEPS_CLIP: bytes(b, out); break;
        case STEPS_LLAMA: llama(b, out); break;
        case STEPS_GEMMA: gemma(out); break;
        case STEPS_SPM: ret = sentencepiece(b, out, e); break;
        default: ret = pieces(b, out, e); break;
        }
    return ret ? ret : post(b, out, e);
}
