/* Tokenizers in GGUF files and in tekken.json. */
#include "tests/unit/spm_util.h"

#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"

enum { G_U32 = 4, G_I32 = 5, G_BOOL = 7, G_STRING = 8, G_ARRAY = 9 };

static void put(struct buf *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) buf_addc(b, (char)(v >> (8 * i)));
}

static void put_text(struct buf *b, const char *s)
{
    put(b, strlen(s), 8);
    buf_adds(b, s);
}

static void put_key(struct buf *b, const char *name, uint32_t type)
{
    char key[100];
    snprintf(key, sizeof key, "tokenizer.ggml.%s", name);
    put_text(b, key);
    put(b, type, 4);
}

static void put_texts(struct buf *b, const char *name, const char *const *v, size_t n)
{
    put_key(b, name, G_ARRAY);
    put(b, G_STRING, 4);
    put(b, n, 8);
    for (size_t i = 0; i < n; i++) put_text(b, v[i]);
}

static void put_types(struct buf *b, const int *types, size_t n)
{
    put_key(b, "token_type", G_ARRAY);
    put(b, G_I32, 4);
    put(b, n, 8);
    for (size_t i = 0; i < n; i++) put(b, (uint64_t)types[i], 4);
}

static const char *named; /* FILE.gguf:named */

/* The file with these pairs (already written). */
static struct tokenizer *load(const struct buf *pairs, uint64_t n_pairs, struct err *e)
{
    struct buf b = {0};
    buf_adds(&b, "GGUF");
    put(&b, 3, 4);
    put(&b, 0, 8);
    put(&b, n_pairs, 8);
    buf_add(&b, pairs->data, pairs->len);
    struct tokenizer *t = tok_from_gguf_as(b.data, b.len, named, "t.gguf", e);
    buf_free(&b);
    return t;
}

static void check(const struct tokenizer *t, const char *text, unsigned flags, const char *want)
{
    struct err e = {0};
    struct tok_ids ids = {0};
    struct tok_scratch *s = tok_scratch_new(t, &e);
    char got[512] = "";
    size_t len = 0;
    if (tok_encode(t, s, text, strlen(text), flags, &ids, &e)) fail_msg("%s", e.msg);
    for (size_t i = 0; i < ids.n; i++)
        len += (size_t)snprintf(got + len, sizeof got - len, "%s%d", i ? " " : "", (int)ids.id[i]);
    assert_string_equal(got, want);
    tok_ids_free(&ids);
    tok_scratch_free(s);
}

/* What goes out as tokenizer.json comes back as the same tokenizer. */
static void round_trip(const struct tokenizer *t)
{
    struct err e = {0};
    struct buf json = {0};
    assert_int_equal(tok_to_json(t, &json, &e), 0);
    struct tokenizer *back = tok_parse(json.data, json.len, "back", &e);
    if (!back) fail_msg("%s", e.msg);
    assert_true(tok_hash(back) == tok_hash(t));
    buf_free(&json);
    tok_free(back);
}

#define MARK "\xe2\x96\x81"

static struct tokenizer *bert(const char *word, int lowercase, struct err *e)
{
    const char *const tokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", MARK "the", MARK "size", "s", MARK ",", word};
    struct buf b = {0};
    put_key(&b, "model", G_STRING);
    put_text(&b, "bert");
    put_texts(&b, "tokens", tokens, COUNT_OF(tokens));
    if (lowercase >= 0) {
        put_key(&b, "normalizer.lowercase", G_BOOL);
        put(&b, (uint64_t)lowercase, 1);
    }
    struct tokenizer *t = load(&b, lowercase >= 0 ? 3 : 2, e);
    buf_free(&b);
    return t;
}

static void wordpiece_has_its_marks_back(void **state)
{
    (void)state;
    struct err e = {0};
    struct tokenizer *t = bert(MARK "x", -1, &e);
    if (!t) fail_msg("%s", e.msg);
    check(t, "The sizes, x", TOK_TEMPLATE, "2 4 5 6 7 8 3");
    round_trip(t);
    tok_free(t);
    assert_null(bert(MARK "X", -1, &e)); /* is text lowercased? */
    assert_non_null(strstr(e.msg, "never guessed"));
    t = bert(MARK "X", 0, &e);
    check(t, "The X", 0, "1 8");
    tok_free(t);
    assert_null(bert("a\nb", 1, &e));
    assert_non_null(strstr(e.msg, "token 8 has an end of line"));
}

/* As Phi-3's files: "<unk>" is a control token, what pads the vocabulary is called unknown. */
static void padding_is_not_a_second_unknown_piece(void **state)
{
    (void)state;
    static const char *const tokens[] = {"<unk>", "<s>", MARK, "a", MARK "a", "[PAD5]", "[PAD6]"};
    static const int types[] = {3, 3, 1, 1, 1, 2, 2};
    struct err e = {0};
    struct buf b = {0};
    put_key(&b, "model", G_STRING);
    put_text(&b, "llama");
    put_texts(&b, "tokens", tokens, COUNT_OF(tokens));
    put_types(&b, types, COUNT_OF(types));
    put_key(&b, "unknown_token_id", G_U32);
    put(&b, 0, 4);
    struct tokenizer *t = load(&b, 4, &e);
    if (!t) fail_msg("%s", e.msg);
    check(t, "a", 0, "4");
    check(t, "aa[PAD5]", 0, "4 3 0"); /* unknown, and not the piece of that name */
    round_trip(t);
    tok_free(t);
    buf_free(&b);
}

/* The ends are the first tokens, the unknown piece is not. */
static void ids_of_special_pieces_are_those_of_the_file(void **state)
{
    (void)state;
    static const char *const tokens[] = {"<s>", "</s>", "<unk>", MARK, "a", MARK "a"};
    static const int types[] = {3, 3, 2, 1, 1, 1};
    struct err e = {0};
    struct buf b = {0};
    put_key(&b, "model", G_STRING);
    put_text(&b, "llama");
    put_texts(&b, "tokens", tokens, COUNT_OF(tokens));
    put_types(&b, types, COUNT_OF(types));
    put_key(&b, "bos_token_id", G_U32);
    put(&b, 0, 4);
    put_key(&b, "eos_token_id", G_U32);
    put(&b, 0, 4);
    struct tokenizer *t = load(&b, 5, &e);
    if (!t) fail_msg("%s", e.msg);
    assert_true(t->bos == 0 && t->eos == 0 && t->unk_id == 2);
    assert_non_null(strstr(t->note, "--template"));
    check(t, "aza", TOK_TEMPLATE, "0 5 2 4");
    round_trip(t);
    tok_free(t);
    buf_free(&b);
}

static void other_files_are_told(void **state)
{
    (void)state;
    static const struct { const char *head, *why; } v[] = {
        {"GGUF\1\0\0\0", "GGUF version 1 is not supported"}, {"GGUF\4\0\0\0", "GGUF version 4 is not supported"},
        {"GGUG\3\0\0\0", "'t.gguf' is no GGUF file: it does not begin with GGUF"}};
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct err e = {0};
        struct buf b = {0};
        buf_add(&b, v[i].head, 8);
        put(&b, 0, 8);
        put(&b, 0, 8);
        assert_null(tok_from_gguf(b.data, b.len, "t.gguf", &e));
        assert_int_equal(e.code, ERR_DATA);
        if (!strstr(e.msg, v[i].why)) fail_msg("%s", e.msg);
        buf_free(&b);
    }
}

/* Single bytes, then " 1", "12" and "ab"; control token 259.  bos_unsaid: the file does not say whether that begins a text. */
static bool bos_unsaid;
static struct tokenizer *byte_level(const char *pre, bool bos, struct err *e)
{
    struct buf b = {0}, spelled[256] = {{0}};
    const char *tokens[260], *const merges[] = {"\xc4\xa0 1", "1 2", "a b"};
    for (int i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        bytemap_spell(&spelled[i], &byte, 1);
        tokens[i] = spelled[i].data;
    }
    tokens[256] = "\xc4\xa0" "1";
    tokens[257] = "12";
    tokens[258] = "ab";
    tokens[259] = "<bos>";
    put_key(&b, "model", G_STRING);
    put_text(&b, "gpt2");
    put_key(&b, "pre", G_STRING);
    put_text(&b, pre);
    put_texts(&b, "tokens", tokens, 260);
    put_texts(&b, "merges", merges, 3);
    put_key(&b, "token_type", G_ARRAY);
    put(&b, G_I32, 4);
    put(&b, 260, 8);
    for (int i = 0; i < 260; i++) put(&b, i == 259 ? 3 : 1, 4);
    put_key(&b, "bos_token_id", G_U32);
    put(&b, 259, 4);
    if (!bos_unsaid) put_key(&b, "add_bos_token", G_BOOL);
    if (!bos_unsaid) put(&b, bos, 1);
    struct tokenizer *t = load(&b, bos_unsaid ? 6 : 7, e);
    for (int i = 0; i < 256; i++) buf_free(&spelled[i]);
    buf_free(&b);
    return t;
}

/* HF tokenizers reads no decoder without all its members. */
static void decoder_is_whole(const struct tokenizer *t)
{
    struct err e = {0};
    struct buf json = {0};
    assert_int_equal(tok_to_json(t, &json, &e), 0);
    const char *d = strstr(json.data, "\"decoder\""), *end = d ? strchr(d, '}') : NULL, *last = d ? strstr(d, "\"use_regex\"") : NULL;
    assert_true(last && last < end);
    buf_free(&json);
}

static void a_split_is_known_by_name(void **state)
{
    (void)state;
    static const struct { const char *pre, *want;
    } cases[] = {{"gpt-2", "258 256 50"},       /* "ab", " 12": the space merges first */
                 {"starcoder", "258 32 49 50"}, /* digits alone */
                 {"bloom", "258 256 50"},       {"qwen2", "258 32 49 50"}, {"llama-bpe", "258 32 257"},
                 {"deepseek-v3", "258 32 257"}, {"falcon", "258 32 257"},
                 {"deepseek-llm", "258 32 49 50"}, {"viking", "258 32 49 50"}, {"bailingmoe", "258 32 49 50"},
                 {"seed-coder", "258 32 49 50"}, {"exaone-moe", "258 32 49 50"}, {"kimi-k2", "258 32 257"},
                 {"tiny_aya", "258 32 257"}, {"minicpm5", "258 32 257"}, {"jais-2", "258 32 257"},
                 {"laguna", "258 32 49 50"}, {"ufakzeka", "258 32 49 50"}, {"superbpe", "258 32 257"}, {"glm5", "258 32 257"},
                 {"joyai-llm", "258 32 257"}, {"hy_v4", "258 32 257"}, {"granite-embed-multi-97m", "258 32 257"},
                 {"spark2_5", "258 32 49 50"}, {"youtu", "258 32 49 50"}, {"chameleon", "258 32 49 50"}};
    struct err e = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tokenizer *t = byte_level(cases[i].pre, false, &e);
        if (!t) fail_msg("%s: %s", cases[i].pre, e.msg);
        check(t, "ab 12", TOK_TEMPLATE, cases[i].want);
        round_trip(t);
        decoder_is_whole(t);
        tok_free(t);
    }
    struct tokenizer *t = byte_level("gpt-2", true, &e);
    check(t, "ab", TOK_TEMPLATE, "259 258");
    assert_int_equal(tok_bos(t), 259);
    round_trip(t);
    tok_free(t);
    assert_null(byte_level("new-model", false, &e));
    assert_non_null(strstr(e.msg, "'new-model' is not known"));
    assert_int_equal(e.code, ERR_DATA);
}

static void a_split_that_is_not_named_can_be(void **state)
{
    (void)state;
    static const char *const silent[] = {"", "default"};
    struct err e = {0};
    for (size_t i = 0; i < COUNT_OF(silent); i++) {
        assert_null(byte_level(silent[i], false, &e));
        assert_non_null(strstr(e.msg, "FILE.gguf:NAME"));
        named = "starcoder";
        struct tokenizer *t = byte_level(silent[i], false, &e);
        named = NULL;
        if (!t) fail_msg("%s", e.msg);
        check(t, "ab 12", 0, "258 32 49 50");
        tok_free(t);
    }
    named = "gpt-2";
    assert_null(byte_level("starcoder", false, &e));
    assert_non_null(strstr(e.msg, "itself says"));
    assert_null(bert(MARK "x", 1, &e));
    assert_non_null(strstr(e.msg, "needs no name"));
    named = NULL;
}

/* llama.cpp, by the name of the split. */
static void some_texts_begin_with_bos_unless_denied(void **state)
{
    (void)state;
    static const struct { const char *pre, *ids;
    } cases[] = {{"llama-bpe", "259 258"}, {"tekken", "259 258"}, {"lfm2", "259 258"}, {"chameleon", "259 258"}, {"gpt-2", "258"}, {"qwen2", "258"}};
    struct err e = {0};
    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        bos_unsaid = i % 2;
        struct tokenizer *t = byte_level(cases[i / 2].pre, false, &e);
        if (!t) fail_msg("%s: %s", cases[i / 2].pre, e.msg);
        check(t, "ab", TOK_TEMPLATE, bos_unsaid ? cases[i / 2].ids : "258");
        tok_free(t);
    }
    bos_unsaid = false;
}

/* Gemma 4's kind: special tokens, bytes, then pieces; with merging across a line's end?  gemma_pre: so named. */
static const char *gemma_pre;
static struct tokenizer *gemma(bool across, bool bos, struct err *e)
{
    struct buf b = {0};
    char byte[256][8];
    const char *tokens[268] = {"<pad>", "<eos>", "<bos>", "<unk>"}, *merges[] = {"a b", MARK " ab", "\n \n", "\n ab"};
    int types[268] = {3, 3, 3, 3};
    for (int i = 0; i < 256; i++) {
        snprintf(byte[i], sizeof byte[i], "<0x%02X>", (unsigned)i);
        tokens[4 + i] = byte[i];
        types[4 + i] = SPM_BYTE;
    }
    const char *const pieces[] = {MARK, "a", "b", "\n", "ab", MARK "ab", "\n\n", across ? "\nab" : "c"};
    for (int i = 0; i < 8; i++) tokens[260 + i] = pieces[i], types[260 + i] = SPM_NORMAL;
    put_key(&b, "model", G_STRING);
    put_text(&b, gemma_pre ? "gpt2" : "gemma4");
    if (gemma_pre) put_key(&b, "pre", G_STRING);
    if (gemma_pre) put_text(&b, gemma_pre);
    put_texts(&b, "tokens", tokens, 268);
    put_texts(&b, "merges", merges, across ? 4 : 3);
    put_types(&b, types, 268);
    put_key(&b, "bos_token_id", G_U32);
    put(&b, bos ? 2 : 9999, 4);
    put_key(&b, "unknown_token_id", G_U32);
    put(&b, 3, 4);
    struct tokenizer *t = load(&b, gemma_pre ? 7 : 6, e);
    buf_free(&b);
    return t;
}

static void gemma_merges_characters(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf gguf = {0};
    struct tokenizer *t = gemma(false, true, &e);
    if (!t) fail_msg("%s", e.msg);
    check(t, "ab ab\n\n\xC3\xA9" MARK "b", TOK_TEMPLATE, "2 264 265 266 199 173 260 262");
    check(t, "<0x41>", 0, "64 52 124 56 53 66"); /* a byte's token is none of that name in a text */
    round_trip(t);
    assert_int_equal(tok_to_gguf(t, &gguf, &e), 0);
    struct tokenizer *back = tok_from_gguf(gguf.data, gguf.len, "back", &e);
    assert_true(back && tok_hash(back) == tok_hash(t));
    tok_free(back);
    tok_free(t);
    buf_clear(&gguf);
    t = gemma(true, true, &e);
    check(t, "\nab", 0, "267");
    assert_int_not_equal(tok_to_gguf(t, &gguf, &e), 0);
    assert_non_null(strstr(e.msg, "ends of lines"));
    tok_free(t);
    buf_free(&gguf);
    assert_null(gemma(false, false, &e)); /* a text begins with <bos> unless the file denies it */
    assert_non_null(strstr(e.msg, "add_bos_token"));
    static const char *const others[] = {"granite-embed-multi-311m", "sarvam-moe"}; /* the latter only if the file says it */
    for (int i = 0; i < 2; i++) {
        gemma_pre = others[i];
        if (!(t = gemma(false, true, &e))) fail_msg("%s", e.msg);
        check(t, "ab ab", TOK_TEMPLATE, i ? "264 265" : "2 264 265");
        tok_free(t);
    }
    gemma_pre = NULL;
}

static void what_the_file_does_not_say_is_told(void **state)
{
    (void)state;
    static const struct { const char *pre, *ids, *note;
    } cases[] = {/* "e" U+0301, in NFC two bytes */
                 {"qwen2", "195 169", "NFC"},
                 {"command-r", "195 169", "NFC"},
                 {"llama-bpe", "101 204 129", NULL},
                 {"gpt-2", "101 204 129", NULL},
                 {"codeshell", "101 204 129", "none is assumed"}};
    struct err e = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tokenizer *t = byte_level(cases[i].pre, false, &e);
        if (!t) fail_msg("%s: %s", cases[i].pre, e.msg);
        check(t, "e\xcc\x81", 0, cases[i].ids);
        if (!cases[i].note) assert_null(tok_note(t));
        else assert_non_null(strstr(tok_note(t), cases[i].note));
        round_trip(t);
        tok_free(t);
    }
}

/* What is written as GGUF comes back as the same tokenizer. */
static void gguf_round_trip(const struct tokenizer *t)
{
    struct err e = {0};
    struct buf out = {0};
    if (tok_export(t, FORMAT_GGUF, &out, NULL, &e)) fail_msg("%s", e.msg);
    struct tokenizer *back = tok_from_gguf(out.data, out.len, "back", &e);
    if (!back) fail_msg("%s", e.msg);
    assert_true(tok_hash(back) == tok_hash(t));
    tok_free(back);
    buf_free(&out);
}

static void written_files_read_back(void **state)
{
    (void)state;
    static const char *const names[] = {"gpt-2", "starcoder", "bloom", "qwen2", "llama-bpe", "dbrx", "deepseek-v3", "deepseek-coder",
                                        "falcon", "gpt-4o", "tekken", "command-r", "qwen35", "mpt", "stablelm2"};
    struct err e = {0};
    for (size_t i = 0; i < 2 * COUNT_OF(names); i++) {
        struct tokenizer *t = byte_level(names[i / 2], i % 2, &e);
        if (!t) fail_msg("%s", e.msg);
        gguf_round_trip(t);
        tok_free(t);
    }
    for (int lowercase = 0; lowercase < 2; lowercase++) {
        struct tokenizer *t = bert(MARK "x", lowercase, &e);
        gguf_round_trip(t);
        tok_free(t);
    }
}

/* Pieces of SentencePiece with all bytes; kind and flags as in spm_model.h. */
static struct tokenizer *pieces(enum spm_kind kind, bool bytes, bool extra, enum spm_type last)
{
    static const struct piece some[] = {{"<unk>", 0, SPM_UNKNOWN}, {"<s>", -1, SPM_CONTROL}, {"</s>", -2, SPM_CONTROL},
                                        {MARK, -3, SPM_NORMAL},    {"a", -4, SPM_NORMAL},    {MARK "a", -5, SPM_NORMAL}};
    struct spm_model m;
    spm_model_init(&m);
    m.kind = kind;
    m.byte_fallback = bytes;
    m.remove_extra_whitespaces = extra;
    add_pieces(&m, some, COUNT_OF(some));
    if (bytes) add_byte_pieces(&m);
    add_pieces(&m, &(struct piece){"zz", -9.5f, last}, 1);
    return tokenizer_of(&m);
}

/* The same model with the dummy space at the end of a text, or with what stands for unknown text.  Frees t. */
static struct tokenizer *changed_pieces(struct tokenizer *t, bool suffix, const char *surface)
{
    struct spm_model m;
    struct err e = {0};
    assert_int_equal(spm_model_read(&m, t->source_bytes.data, t->source_bytes.len, "p.model", &e), 0);
    m.suffix = suffix;
    m.has_surface = surface != NULL;
    if (surface) buf_adds(&m.unk_surface, surface);
    tok_free(t);
    return tokenizer_of(&m);
}

static void refuses(struct tokenizer *t, enum tok_format format, const char *why)
{
    struct err e = {0};
    struct buf out = {0};
    assert_int_equal(tok_export(t, format, &out, NULL, &e), -1);
    if (!strstr(e.msg, why)) fail_msg("%s", e.msg);
    assert_int_equal(e.code, ERR_DATA);
    buf_free(&out);
    tok_free(t);
}

static void sentencepiece_as_its_readers_take_it(void **state)
{
    (void)state;
    struct tokenizer *t = pieces(SPM_BPE, true, false, SPM_NORMAL);
    gguf_round_trip(t);
    tok_free(t);
    t = pieces(SPM_BPE, true, false, SPM_NORMAL);
    struct err e = {0};
    assert_int_equal(tok_add_ends(t, true, false, &e), 0); /* as most GGUF files ask for */
    check(t, "a", TOK_TEMPLATE, "1 5");
    check(t, "a", 0, "5");
    round_trip(t);
    gguf_round_trip(t);
    tok_free(t);
    t = pieces(SPM_UNIGRAM, false, true, SPM_USER);
    gguf_round_trip(t);
    tok_free(t);
    /* A byte's name in a text is text. */
    for (int kind = SPM_UNIGRAM; kind <= SPM_BPE; kind++) {
        t = pieces((enum spm_kind)kind, true, false, SPM_NORMAL);
        check(t, "<0x41>", 0, "3 66 54 126 58 55 68");
        tok_free(t);
    }
    refuses(pieces(SPM_BPE, true, false, SPM_USER), FORMAT_GGUF, "user-defined");
    refuses(pieces(SPM_BPE, true, true, SPM_NORMAL), FORMAT_GGUF, "normalize nothing");
    refuses(pieces(SPM_BPE, false, false, SPM_NORMAL), FORMAT_GGUF, "into bytes");
    refuses(pieces(SPM_UNIGRAM, true, true, SPM_NORMAL), FORMAT_GGUF, "no bytes");
    refuses(pieces(SPM_UNIGRAM, false, true, SPM_UNUSED), FORMAT_GGUF, "unused");
    refuses(changed_pieces(pieces(SPM_BPE, true, false, SPM_NORMAL), true, NULL), FORMAT_GGUF, "usual white space");
    refuses(changed_pieces(pieces(SPM_BPE, true, false, SPM_NORMAL), false, "X"), FORMAT_GGUF, "U+2047");
    t = changed_pieces(pieces(SPM_BPE, true, false, SPM_NORMAL), false, SPM_SURFACE); /* as Llama's says it */
    struct buf out = {0};
    if (tok_export(t, FORMAT_GGUF, &out, NULL, &e)) fail_msg("%s", e.msg);
    buf_free(&out);
    tok_free(t);
}

/* The tokenizer of `pre` with one text of its tokenizer.json replaced. */
static struct tokenizer *changed(const char *pre, const char *from, const char *to)
{
    struct err e = {0};
    struct buf json = {0}, other = {0};
    struct tokenizer *t = byte_level(pre, false, &e);
    assert_int_equal(tok_to_json(t, &json, &e), 0);
    const char *at = strstr(json.data, from);
    assert_non_null(at);
    buf_add(&other, json.data, (size_t)(at - json.data));
    buf_adds(&other, to);
    buf_adds(&other, at + strlen(from));
    tok_free(t);
    t = tok_parse(other.data, other.len, "changed", &e);
    if (!t) fail_msg("%s", e.msg);
    buf_free(&json);
    buf_free(&other);
    return t;
}

static void what_no_name_fits_is_refused(void **state)
{
    (void)state;
    static const struct { const char *from, *to, *why; } cases[] = {
        {"[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?", "[^\\\\p{L}\\\\p{N}]?", "stand for others"},
        {"\"add_prefix_space\":false", "\"add_prefix_space\":true", "stand for others"},
        {"\"normalizer\":null", "\"normalizer\":{\"type\":\"NFKC\"}", "stand for others"},
        {"\"truncation\":null", "\"truncation\":{\"direction\":\"Right\",\"max_length\":9,\"strategy\":\"LongestFirst\",\"stride\":0}", "truncation"},
        {"\"lstrip\":false", "\"lstrip\":true", "no space beside"},
        {"\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null", "\"continuing_subword_prefix\":null,\"end_of_word_suffix\":\"w\"", "affixes"},
        {"\"post_processor\":null", "\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"a\",1],\"cls\":[\"b\",2]}", "template"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) refuses(changed("llama-bpe", cases[i].from, cases[i].to), FORMAT_GGUF, cases[i].why);
    refuses(changed("llama-bpe", "\"vocab\":{", "\"vocab\":{\"<bos>\":259,"), FORMAT_GGUF, "a word of the model, too");
    refuses(changed("llama-bpe", "\"!\":", "\"!!!\":"), FORMAT_GGUF, "not every byte has a token");
    refuses(changed("qwen2", "\"normalized\":false", "\"normalized\":true"), FORMAT_GGUF, "found before text is normalized");
}

/* "x<" is found in what "<bos>" leaves of a text; as one of its kind it would come first in "x<bos>".  Where special tokens
 * are text, "os" is found in "<bos>" unless it is of its kind. */
static void tokens_of_two_kinds_may_not_cross(void **state)
{
#define ADDED(text, special) "\"added_tokens\":[{\"id\":260,\"content\":\"" text "\",\"normalized\":true,\"special\":" special "},"
    static const struct { const char *added; bool crosses; } cases[] = {
        {ADDED("x<", "false"), true}, {ADDED("<bos>x", "false"), true}, {ADDED("x<bos>x", "false"), true}, {ADDED("x<bos>", "false"), true},
        {ADDED("<bo", "false"), true}, {ADDED("os", "false"), true}, {ADDED(">x", "false"), true}, {ADDED("xx", "false"), false},
        {ADDED("<bo", "true"), false}, {ADDED("os", "true"), false}, {ADDED(">x", "true"), false}, {ADDED("x<", "true"), true}};
    struct err e = {0};
    struct buf out = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tokenizer *t = changed("llama-bpe", "\"added_tokens\":[", cases[i].added);
        assert_int_equal(tok_added_cross(t), cases[i].crosses);
        assert_int_equal(tok_export(t, FORMAT_GGUF, &out, NULL, &e), cases[i].crosses ? -1 : 0);
        tok_free(t);
        buf_clear(&out);
    }
    struct tokenizer *t = changed("llama-bpe", "\"added_tokens\":[", ADDED("x<", "true"));
    assert_null(tok_as_ranks(t, &e));
    assert_non_null(strstr(e.msg, "found before others"));
    tok_free(t);
    t = changed("llama-bpe", "\"added_tokens\":[", ADDED("xx", "true"));
    struct tokenizer *ranks = tok_as_ranks(t, &e);
    if (!ranks) fail_msg("%s", e.msg);
    tok_free(ranks);
    tok_free(t);
    buf_free(&out);
#undef ADDED
}

/* Where merges make every token, ignore_merges makes no difference: "tekken", which
 * has it, stands for a tokenizer without.  Not where they do not make "1 2". */
static void ignore_merges_may_differ_where_it_does_nothing(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf out = {0};
    struct tokenizer *t = changed("tekken", "\"ignore_merges\":true", "\"ignore_merges\":false");
    assert_int_equal(tok_export(t, FORMAT_GGUF, &out, NULL, &e), 0);
    buf_free(&out);
    tok_free(t);
    t = byte_level("tekken", false, &e);
    struct buf json = {0}, other = {0};
    assert_int_equal(tok_to_json(t, &json, &e), 0);
    tok_free(t);
    const char *cut = strstr(json.data, ",\n[\"1\",\"2\"]"), *flag = strstr(json.data, "\"ignore_merges\":true");
    assert_non_null(cut);
    buf_add(&other, json.data, (size_t)(flag - json.data));
    buf_adds(&other, "\"ignore_merges\":false");
    buf_add(&other, flag + 20, (size_t)(cut - flag - 20));
    buf_adds(&other, cut + strlen(",\n[\"1\",\"2\"]"));
    t = tok_parse(other.data, other.len, "cut", &e);
    if (!t) fail_msg("%s", e.msg);
    refuses(t, FORMAT_GGUF, "stand for others");
    buf_free(&json);
    buf_free(&other);
}

static void the_content_tells_the_kind(void **state)
{
    (void)state;
    static const struct { const char *text, *path; enum tok_kind kind; } cases[] = {
        {"{\"version\":\"1.0\",\"added_tokens\":[{\"a}\\\"]\":1}],\"model\":{}}", "rx_tekken.json", KIND_JSON},
        {" {\"model\":{}}", "x.model", KIND_JSON},
        {"{\"config\":{\"pattern\":\"a\"}}", "tokenizer.json", KIND_TEKKEN},
        {"{\"image\":{\"a\":[1]},\"vocab\":[]}", "t", KIND_TEKKEN},
        {"{\"a\":0}", "tokenizer.json", KIND_VOCAB_JSON},
        {"YQ== 0\nYg== 1\n", "tokenizer.model", KIND_TIKTOKEN},
        {"IQ== 0", "x", KIND_TIKTOKEN},
        {"[PAD]\r\n[UNK]\r\na", "words", KIND_VOCAB_TXT},
        {"#version: 0.2\na b\n", "merges.txt", KIND_MERGES},
        {"GGUF", "x.json", KIND_GGUF},
        {"", "x.model", KIND_SPM},
        {"", "x.json", KIND_JSON},
        {"{\"a", "x.json", KIND_JSON},
        {"{\"a\\", "x.json", KIND_JSON},
        {"{\"a\":]]]", "x.json", KIND_JSON}};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (tok_kind_of(cases[i].text, strlen(cases[i].text), cases[i].path) != cases[i].kind)
            fail_msg("%s is not %d", cases[i].text, (int)cases[i].kind);
}

static void tekken_has_special_tokens_first(void **state)
{
    (void)state;
    static const char json[] = "{\"config\":{\"pattern\":\"[ab]+|\\\\s+|.\",\"num_vocab_tokens\":5,\"default_vocab_size\":6,"
        "\"default_num_special_tokens\":3,\"version\":\"v3\"},\"vocab\":[{\"rank\":0,\"token_bytes\":\"YQ==\",\"token_str\":\"\\u0000\"},"
        "{\"rank\":1,\"token_bytes\":\"Yg==\"},{\"rank\":2,\"token_bytes\":\"YWI=\"},{\"rank\":3,\"token_bytes\":\"YWJh\"}],"
        "\"special_tokens\":[{\"rank\":1,\"token_str\":\"<s>\",\"is_control\":true}]}";
    struct err e = {0};
    struct tokenizer *t = tok_from_tekken(json, sizeof json - 1, "tekken.json", &e);
    if (!t) fail_msg("%s", e.msg);
    check(t, "abab", 0, "5 5"); /* "aba" is beyond the size of the vocabulary */
    check(t, "<s>a<SPECIAL_2>", TOK_SPECIAL, "1 3 2");
    assert_int_equal(tok_bos(t), 1);
    round_trip(t);
    struct buf out = {0}, more = {0};
    assert_int_equal(tok_export(t, FORMAT_TIKTOKEN, &out, &more, &e), -1);
    buf_clear(&out);
    assert_int_equal(tok_export(t, FORMAT_TEKKEN, &out, &more, &e), 0);
    assert_int_equal(tok_kind_of(out.data, out.len, ""), KIND_TEKKEN);
    assert_non_null(strstr(out.data, "\"pattern\":\"[ab]+|\\\\s+|.\""));
    refuses(t, FORMAT_GGUF, "no token for the byte 0x00");
    refuses(byte_level("tekken", false, &e), FORMAT_TEKKEN, "first ids");
    static const char *const bad[][2] = {
        {"{}", "no object 'config'"},
        {"{\"config\":{\"pattern\":\"a\"}}", "default_vocab_size"},
        {"{\"config\":{\"pattern\":\"(\",\"default_vocab_size\":2,\"default_num_special_tokens\":1},\"vocab\":[{"
         "\"rank\":0,"
         "\"token_bytes\":\"YQ==\"}]}",
         "regular expression"},
        {"{\"config\":{\"pattern\":\"a\",\"default_vocab_size\":2,\"default_num_special_tokens\":3},\"vocab\":[]}",
         "default_num_special_tokens"}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_null(tok_from_tekken(bad[i][0], strlen(bad[i][0]), "tekken.json", &e));
        assert_int_equal(e.code, ERR_DATA);
        if (!strstr(e.msg, bad[i][1])) fail_msg("%s", e.msg);
    }
    buf_free(&out);
}

/* The pairs of a small byte-level file, and one more. */
static size_t small(struct buf *b, size_t n_types, const char *const *merge)
{
    static const char *const tokens[] = {"a", "b", "ab", "<end>"};
    put_key(b, "model", G_STRING);
    put_text(b, "gpt2");
    put_key(b, "pre", G_STRING);
    put_text(b, "gpt-2");
    put_texts(b, "tokens", tokens, COUNT_OF(tokens));
    put_texts(b, "merges", merge, 1);
    put_key(b, "token_type", G_ARRAY);
    put(b, G_I32, 4);
    put(b, n_types, 8);
    for (size_t i = 0; i < n_types; i++) put(b, i == 3 ? 3 : 1, 4);
    return 5;
}

static void refused(struct buf *b, size_t n, const char *why)
{
    struct err e = {0};
    assert_null(load(b, n, &e));
    if (e.code != ERR_DATA || !strstr(e.msg, why)) fail_msg("'%s', not '%s'", e.msg, why);
    buf_clear(b);
}

static void what_does_not_go_together_is_named(void **state)
{
    static const char *const good[] = {"a b"}, *const bad[] = {"a c"};
    struct buf b = {0};
    struct err e;
    (void)state;
    size_t n = small(&b, 4, good);
    struct tokenizer *t = load(&b, n, &e);
    assert_non_null(t);
    tok_free(t);
    buf_clear(&b);
    n = small(&b, 3, good);
    refused(&b, n, "token_type has 3 elements for 4 tokens");
    n = small(&b, 4, bad);
    refused(&b, n, "tokenizer.ggml.merges[0]: 'c' of the merge is not in the vocabulary");
    n = small(&b, 4, good);
    put_key(&b, "pre", G_STRING);
    put_text(&b, "qwen2");
    refused(&b, n + 1, "the key tokenizer.ggml.pre twice");
    n = small(&b, 4, good);
    put_key(&b, "add_bos_token", G_BOOL);
    put(&b, 1, 1);
    refused(&b, n + 1, "add_bos_token without");
    buf_free(&b);
}

/* Without ids for them <s> is 1 and </s> is 2: so llama.cpp reads it. */
static void llamas_ends_have_ids_of_their_own(void **state)
{
    static const char *const tokens[] = {"<unk>", "<s>", "</s>", "\xE2\x96\x81" "a"};
    static const int types[] = {2, 3, 3, 1};
    struct buf b = {0}, out = {0};
    struct err e;
    (void)state;
    put_key(&b, "model", G_STRING);
    put_text(&b, "llama");
    put_texts(&b, "tokens", tokens, COUNT_OF(tokens));
    put_types(&b, types, COUNT_OF(types));
    put_key(&b, "bos_token_id", G_U32);
    put(&b, UINT32_MAX, 4);
    struct tokenizer *t = load(&b, 4, &e);
    assert_non_null(t);
    assert_int_equal(tok_bos(t), 1);
    assert_int_equal(tok_eos(t), 2);
    check(t, "a", TOK_TEMPLATE, "1 3");
    assert_int_equal(tok_export(t, FORMAT_SPM, &out, NULL, &e), -1); /* its readers would leave <s> out */
    assert_non_null(strstr(e.msg, "begins or ends with a token"));
    tok_free(t);
    buf_free(&b);
}

static void a_chat_template_comes_along(void **state)
{
    static const char *const merge[] = {"a b"};
    struct buf b = {0}, file = {0}, out = {0};
    struct err e;
    size_t n = small(&b, 4, merge);
    (void)state;
    for (int with = 0; with < 2; with++) {
        if (with) {
            put_text(&b, "tokenizer.chat_template");
            put(&b, G_STRING, 4);
            put_text(&b, "{{ messages }}");
        }
        buf_clear(&file);
        buf_adds(&file, "GGUF");
        put(&file, 3, 4);
        put(&file, 0, 8);
        put(&file, n + (size_t)with, 8);
        buf_add(&file, b.data, b.len);
        assert_int_equal(tok_gguf_template(file.data, file.len, "t.gguf", &out, &e), with ? 0 : 1);
    }
    assert_string_equal(out.data, "{{ messages }}");
    buf_free(&b);
    buf_free(&file);
    buf_free(&out);
}

static void tokens_of_tekken_are_whole(void **state)
{
    static const struct { const char *token, *why; } bad[] = {
        {"{\"rank\":0}", ":1:"}, {"{\"rank\":0,\"token_bytes\":\"YQ==\",\"rank\":1}", "twice"}, {"{\"token_bytes\":\"YQ==\"}", "without rank"},
        {"{\"rank\":-1,\"token_bytes\":\"YQ==\"}", "between 0 and"}, {"{\"rank\":0,\"token_bytes\":\"YQ== 1\\nYg==\"}", "not base64"},
        {"{\"rank\":0,\"token_bytes\":\"YQ==\"", "expected"}, {"5", "expected"}, {"{\"rank\":0,\"token_bytes\":\"YQ==\"},", "expected"}};
    struct err e;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct buf b = {0};
        buf_printf(&b, "{\"config\":{\"pattern\":\"a\",\"default_vocab_size\":9,\"default_num_special_tokens\":0},\"vocab\":[%s]}", bad[i].token);
        assert_null(tok_from_tekken(b.data, b.len, "tekken.json", &e));
        if (e.code != ERR_DATA || !strstr(e.msg, bad[i].why)) fail_msg("%zu: '%s'", i, e.msg);
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wordpiece_has_its_marks_back),
        cmocka_unit_test(padding_is_not_a_second_unknown_piece),
        cmocka_unit_test(ids_of_special_pieces_are_those_of_the_file),
        cmocka_unit_test(other_files_are_told),
        cmocka_unit_test(a_split_is_known_by_name), cmocka_unit_test(a_split_that_is_not_named_can_be),
        cmocka_unit_test(some_texts_begin_with_bos_unless_denied), cmocka_unit_test(gemma_merges_characters),
        cmocka_unit_test(what_the_file_does_not_say_is_told),
        cmocka_unit_test(written_files_read_back),
        cmocka_unit_test(sentencepiece_as_its_readers_take_it),
        cmocka_unit_test(what_no_name_fits_is_refused),
        cmocka_unit_test(tokens_of_two_kinds_may_not_cross),
        cmocka_unit_test(ignore_merges_may_differ_where_it_does_nothing),
        cmocka_unit_test(the_content_tells_the_kind),
        cmocka_unit_test(tekken_has_special_tokens_first),
        cmocka_unit_test(what_does_not_go_together_is_named),
        cmocka_unit_test(llamas_ends_have_ids_of_their_own),
        cmocka_unit_test(a_chat_template_comes_along),
        cmocka_unit_test(tokens_of_tekken_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
