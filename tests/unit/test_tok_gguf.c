/* Tokenizers in GGUF files. */
#include "tests/unit/spm_util.h"
#include "tests/unit/tok_util.h"

#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/tok_load.h"

enum { G_U32 = 4, G_I32 = 5, G_BOOL = 7, G_STRING = 8, G_ARRAY = 9 };

/* The pairs of a file, written one after the other. */
struct pairs {
    struct buf b;
    uint64_t n;
};

static void put(struct buf *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) buf_addc(b, (char)(v >> (8 * i)));
}

static void put_text(struct buf *b, const char *s)
{
    put(b, strlen(s), 8);
    buf_adds(b, s);
}

static void add_key(struct pairs *p, const char *name, uint32_t type)
{
    char key[100];
    snprintf(key, sizeof key, "tokenizer.%s%s", strcmp(name, "chat_template") == 0 ? "" : "ggml.", name);
    put_text(&p->b, key);
    put(&p->b, type, 4);
    p->n++;
}

static void add_text(struct pairs *p, const char *name, const char *text)
{
    add_key(p, name, G_STRING);
    put_text(&p->b, text);
}

static void add_u32(struct pairs *p, const char *name, uint32_t v)
{
    add_key(p, name, G_U32);
    put(&p->b, v, 4);
}

static void add_bool(struct pairs *p, const char *name, bool v)
{
    add_key(p, name, G_BOOL);
    put(&p->b, v, 1);
}

static void add_texts(struct pairs *p, const char *name, const char *const *v, size_t n)
{
    add_key(p, name, G_ARRAY);
    put(&p->b, G_STRING, 4);
    put(&p->b, n, 8);
    for (size_t i = 0; i < n; i++) put_text(&p->b, v[i]);
}

static void add_types(struct pairs *p, const int *types, size_t n)
{
    add_key(p, "token_type", G_ARRAY);
    put(&p->b, G_I32, 4);
    put(&p->b, n, 8);
    for (size_t i = 0; i < n; i++) put(&p->b, (uint64_t)types[i], 4);
}

/* types may be NULL: the file has none. */
static struct pairs begin(const char *model, const char *const *tokens, const int *types, size_t n)
{
    struct pairs p = {0};
    add_text(&p, "model", model);
    add_texts(&p, "tokens", tokens, n);
    if (types) add_types(&p, types, n);
    return p;
}

/* The file with these pairs, which go. */
static struct buf file_of(struct pairs *p)
{
    struct buf b = {0};
    buf_adds(&b, "GGUF");
    put(&b, 3, 4);
    put(&b, 0, 8);
    put(&b, p->n, 8);
    buf_add(&b, p->b.data, p->b.len);
    buf_free(&p->b);
    return b;
}

static const char *named; /* FILE.gguf:named */

static struct tokenizer *load(struct pairs *p, struct err *e)
{
    struct buf b = file_of(p);
    struct tokenizer *t = tok_from_gguf_as(b.data, b.len, named, "t.gguf", e);
    buf_free(&b);
    return t;
}

#define MARK "\xe2\x96\x81"

static int accents = -1; /* normalizer.strip_accents, if the file is to say it */
static struct tokenizer *bert(const char *word, int lowercase, struct err *e)
{
    const char *const tokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", MARK "the", MARK "size", "s", MARK ",", word};
    struct pairs p = begin("bert", tokens, NULL, COUNT_OF(tokens));
    if (lowercase >= 0) add_bool(&p, "normalizer.lowercase", lowercase);
    if (accents >= 0) add_bool(&p, "normalizer.strip_accents", accents);
    return load(&p, e);
}

static void wordpiece_has_its_marks_back(void **state)
{
    (void)state;
    struct err e = {0};
    struct tokenizer *t = bert(MARK "x", -1, &e);
    if (!t) fail_msg("%s", e.msg);
    check_ids(t, "The sizes, x", TOK_TEMPLATE, "2 4 5 6 7 8 3");
    comes_back(t);
    tok_free(t);
    assert_null(bert(MARK "X", -1, &e)); /* is text lowercased? */
    assert_non_null(strstr(e.msg, "never guessed"));
    t = bert(MARK "X", 0, &e);
    check_ids(t, "The X", 0, "1 8");
    tok_free(t);
    for (int i = 0; i < 6; i++) { /* accents go with capitals unless the file says more */
        accents = i / 2 - 1;
        t = bert(MARK "x", i % 2, &e);
        check_ids(t, "x\xCC\x81 \xC3\xA9", 0, (accents < 0 ? i % 2 : accents) ? "8 1" : "1 1");
        tok_free(t);
    }
    accents = -1;
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
    struct pairs p = begin("llama", tokens, types, COUNT_OF(tokens));
    add_u32(&p, "unknown_token_id", 0);
    struct tokenizer *t = load(&p, &e);
    if (!t) fail_msg("%s", e.msg);
    check_ids(t, "a", 0, "4");
    check_ids(t, "aa[PAD5]", 0, "4 3 0"); /* unknown, and not the piece of that name */
    comes_back(t);
    tok_free(t);
}

/* The ends are the first tokens, the unknown piece is not. */
static void ids_of_special_pieces_are_those_of_the_file(void **state)
{
    (void)state;
    static const char *const tokens[] = {"<s>", "</s>", "<unk>", MARK, "a", MARK "a"};
    static const int types[] = {3, 3, 2, 1, 1, 1};
    struct err e = {0};
    struct pairs p = begin("llama", tokens, types, COUNT_OF(tokens));
    add_u32(&p, "bos_token_id", 0);
    add_u32(&p, "eos_token_id", 0);
    struct tokenizer *t = load(&p, &e);
    if (!t) fail_msg("%s", e.msg);
    assert_true(t->bos == 0 && t->eos == 0 && t->unk_id == 2);
    assert_non_null(strstr(t->note, "--template"));
    check_ids(t, "aza", TOK_TEMPLATE, "0 5 2 4");
    comes_back(t);
    tok_free(t);
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
    struct buf spelled[256] = {{0}};
    const char *tokens[260], *const merges[] = {"\xc4\xa0 1", "1 2", "a b"};
    int types[260];
    for (int i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        bytemap_spell(&spelled[i], &byte, 1);
        tokens[i] = spelled[i].data;
    }
    for (int i = 0; i < 260; i++) types[i] = i == 259 ? SPM_CONTROL : SPM_NORMAL;
    tokens[256] = "\xc4\xa0" "1";
    tokens[257] = "12";
    tokens[258] = "ab";
    tokens[259] = "<bos>";
    struct pairs p = begin("gpt2", tokens, types, 260);
    add_text(&p, "pre", pre);
    add_texts(&p, "merges", merges, 3);
    add_u32(&p, "bos_token_id", 259);
    if (!bos_unsaid) add_bool(&p, "add_bos_token", bos);
    struct tokenizer *t = load(&p, e);
    for (int i = 0; i < 256; i++) buf_free(&spelled[i]);
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
                 {"spark2_5", "258 32 49 50"}, {"youtu", "258 32 49 50"}, {"chameleon", "258 32 49 50"}, {"afmoe", "258 32 257"}};
    struct err e = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tokenizer *t = byte_level(cases[i].pre, false, &e);
        if (!t) fail_msg("%s: %s", cases[i].pre, e.msg);
        check_ids(t, "ab 12", TOK_TEMPLATE, cases[i].want);
        comes_back(t);
        decoder_is_whole(t);
        tok_free(t);
    }
    struct tokenizer *t = byte_level("gpt-2", true, &e);
    check_ids(t, "ab", TOK_TEMPLATE, "259 258");
    assert_int_equal(tok_bos(t), 259);
    comes_back(t);
    tok_free(t);
    t = byte_level("afmoe", false, &e);
    check_ids(t, "1212", 0, "49 50 257"); /* digits in threes from the right */
    tok_free(t);
    assert_null(byte_level("new-model", false, &e));
    assert_non_null(strstr(e.msg, "'new-model' is not known"));
    assert_non_null(strstr(e.msg, "give the model's tokenizer.json"));
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
        check_ids(t, "ab 12", 0, "258 32 49 50");
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
        check_ids(t, "ab", TOK_TEMPLATE, bos_unsaid ? cases[i / 2].ids : "258");
        tok_free(t);
    }
    bos_unsaid = false;
}

/* Gemma 4's kind: special tokens, bytes, then pieces; with merging across a line's end?  gemma_pre: so named. */
static const char *gemma_pre;
static struct tokenizer *gemma(bool across, bool bos, struct err *e)
{
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
    struct pairs p = begin(gemma_pre ? "gpt2" : "gemma4", tokens, types, 268);
    if (gemma_pre) add_text(&p, "pre", gemma_pre);
    add_texts(&p, "merges", merges, across ? 4 : 3);
    add_u32(&p, "bos_token_id", bos ? 2 : 9999);
    add_u32(&p, "unknown_token_id", 3);
    return load(&p, e);
}

static void gemma_merges_characters(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf gguf = {0};
    struct tokenizer *t = gemma(false, true, &e);
    if (!t) fail_msg("%s", e.msg);
    check_ids(t, "ab ab\n\n\xC3\xA9" MARK "b", TOK_TEMPLATE, "2 264 265 266 199 173 260 262");
    check_ids(t, "<0x41>", 0, "64 52 124 56 53 66"); /* a byte's token is none of that name in a text */
    comes_back(t);
    assert_int_equal(tok_to_gguf(t, &gguf, &e), 0);
    struct tokenizer *back = tok_from_gguf(gguf.data, gguf.len, "back", &e);
    assert_true(back && tok_hash(back) == tok_hash(t));
    tok_free(back);
    tok_free(t);
    buf_clear(&gguf);
    t = gemma(true, true, &e);
    check_ids(t, "\nab", 0, "267");
    assert_int_not_equal(tok_to_gguf(t, &gguf, &e), 0);
    assert_non_null(strstr(e.msg, "ends of lines"));
    tok_free(t);
    buf_free(&gguf);
    assert_null(gemma(false, false, &e)); /* a text begins with <bos> unless the file denies it */
    assert_non_null(strstr(e.msg, "add_bos_token"));
    static const char *const others[] = {"granite-embed-multi-311m", "gemma4", "sarvam-moe"}; /* the last only if the file says it */
    for (int i = 0; i < 3; i++) {
        gemma_pre = others[i];
        if (!(t = gemma(false, true, &e))) fail_msg("%s", e.msg);
        check_ids(t, "ab ab", TOK_TEMPLATE, i == 2 ? "264 265" : "2 264 265");
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
        check_ids(t, "e\xcc\x81", 0, cases[i].ids);
        if (!cases[i].note) assert_null(tok_note(t));
        else assert_non_null(strstr(tok_note(t), cases[i].note));
        comes_back(t);
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
    for (int i = 0; i < 6; i++) {
        accents = i / 2 - 1;
        struct tokenizer *t = bert(MARK "x", i % 2, &e);
        gguf_round_trip(t);
        tok_free(t);
    }
    accents = -1;
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

static void sentencepiece_as_its_readers_take_it(void **state)
{
    (void)state;
    struct tokenizer *t = pieces(SPM_BPE, true, false, SPM_NORMAL);
    gguf_round_trip(t);
    tok_free(t);
    t = pieces(SPM_BPE, true, false, SPM_NORMAL);
    struct err e = {0};
    assert_int_equal(tok_add_ends(t, true, false, &e), 0); /* as most GGUF files ask for */
    check_ids(t, "a", TOK_TEMPLATE, "1 5");
    check_ids(t, "a", 0, "5");
    comes_back(t);
    gguf_round_trip(t);
    tok_free(t);
    t = pieces(SPM_UNIGRAM, false, true, SPM_USER);
    gguf_round_trip(t);
    tok_free(t);
    /* A byte's name in a text is text. */
    for (int kind = SPM_UNIGRAM; kind <= SPM_BPE; kind++) {
        t = pieces((enum spm_kind)kind, true, false, SPM_NORMAL);
        check_ids(t, "<0x41>", 0, "3 66 54 126 58 55 68");
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
    refuses(byte_level("tekken", false, &e), FORMAT_TEKKEN, "first ids"); /* its special token is the last */
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

static struct pairs small(size_t n_types, const char *merge)
{
    static const char *const tokens[] = {"a", "b", "ab", "<end>"};
    static const int types[] = {SPM_NORMAL, SPM_NORMAL, SPM_NORMAL, SPM_CONTROL};
    struct pairs p = begin("gpt2", tokens, NULL, COUNT_OF(tokens));
    add_text(&p, "pre", "gpt-2");
    add_texts(&p, "merges", &merge, 1);
    add_types(&p, types, n_types);
    return p;
}

static void refused(struct pairs *p, const char *why)
{
    struct err e = {0};
    assert_null(load(p, &e));
    if (e.code != ERR_DATA || !strstr(e.msg, why)) fail_msg("'%s', not '%s'", e.msg, why);
}

static void what_does_not_go_together_is_named(void **state)
{
    (void)state;
    struct err e;
    struct pairs p = small(4, "a b");
    struct tokenizer *t = load(&p, &e);
    assert_non_null(t);
    tok_free(t);
    p = small(3, "a b");
    refused(&p, "token_type has 3 elements for 4 tokens");
    p = small(4, "a c");
    refused(&p, "tokenizer.ggml.merges[0]: 'c' of the merge is not in the vocabulary");
    p = small(4, "a b");
    add_text(&p, "pre", "qwen2");
    refused(&p, "the key tokenizer.ggml.pre twice");
    p = small(4, "a b");
    add_bool(&p, "add_bos_token", true);
    refused(&p, "add_bos_token without");
}

/* Letters and 40 merges of two; what, next: [which] of the tokens or merges instead, and the one behind it. */
static struct pairs many(bool token, size_t which, const char *what, const char *next)
{
    enum { LETTERS = 26, MERGES = 40 };
    static char text[LETTERS + MERGES][3], merge[MERGES][4];
    const char *tokens[LETTERS + MERGES], *merges[MERGES];
    for (int i = 0; i < LETTERS; i++) snprintf(text[i], sizeof text[i], "%c", 'a' + i);
    for (int i = 0; i < MERGES; i++) {
        snprintf(text[LETTERS + i], sizeof text[i], "%s%s", text[i / LETTERS], text[i % LETTERS]);
        snprintf(merge[i], sizeof merge[i], "%s %s", text[i / LETTERS], text[i % LETTERS]);
        merges[i] = merge[i];
    }
    for (int i = 0; i < LETTERS + MERGES; i++) tokens[i] = text[i];
    if (what) (token ? tokens : merges)[which] = what;
    if (next) (token ? tokens : merges)[which + 1] = next;
    struct pairs p = begin("gpt2", tokens, NULL, COUNT_OF(tokens));
    add_text(&p, "pre", "gpt-2");
    add_texts(&p, "merges", merges, MERGES);
    return p;
}

static void what_is_wrong_with_one_of_many_is_said(void **state)
{
    static const struct { bool token; size_t which; const char *what, *why, *next; } cases[] = {
        {true, 3, "a", "token 'a' appears twice, with ids 0 and 3", NULL},
        {true, 30, "\xE4", "'t.gguf': token 30 is not UTF-8", NULL},
        {true, 30, "\xE4\xBD", "'t.gguf': token 30 is not UTF-8", "\xA0"}, /* together they are */
        {true, 60, "xyz", "merges[34]: 'bi' of the merge is not", NULL},
        {false, 0, "ab", "merges[0]: a merge is two tokens with a space between", NULL},
        {false, 33, "z z", "merges[33]: 'zz' of the merge is not", "ab"}, /* the first one that is wrong */
        {false, 33, "a b c", "merges[33]: a merge is two tokens with a space between", NULL},
        {false, 34, "a \xFF", "merges[34]: invalid UTF-8", NULL},
        {false, 39, "z z", "merges[39]: 'zz' of the merge is not", NULL},
    };
    struct err e;
    (void)state;
    struct pairs p = many(false, 0, NULL, NULL);
    struct tokenizer *t = load(&p, &e);
    if (!t) fail_msg("%s", e.msg);
    check_ids(t, "bn", 0, "65");
    tok_free(t);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        p = many(cases[i].token, cases[i].which, cases[i].what, cases[i].next);
        refused(&p, cases[i].why);
    }
}

/* Without ids for them <s> is 1 and </s> is 2: so llama.cpp reads it. */
static void llamas_ends_have_ids_of_their_own(void **state)
{
    static const char *const tokens[] = {"<unk>", "<s>", "</s>", "\xE2\x96\x81" "a"};
    static const int types[] = {2, 3, 3, 1};
    struct buf out = {0};
    struct err e;
    (void)state;
    struct pairs p = begin("llama", tokens, types, COUNT_OF(tokens));
    add_u32(&p, "bos_token_id", UINT32_MAX);
    struct tokenizer *t = load(&p, &e);
    assert_non_null(t);
    assert_int_equal(tok_bos(t), 1);
    assert_int_equal(tok_eos(t), 2);
    check_ids(t, "a", TOK_TEMPLATE, "1 3");
    assert_int_equal(tok_export(t, FORMAT_SPM, &out, NULL, &e), -1); /* its readers would leave <s> out */
    assert_non_null(strstr(e.msg, "begins or ends with a token"));
    tok_free(t);
}

static void a_chat_template_comes_along(void **state)
{
    (void)state;
    struct buf out = {0};
    struct err e;
    for (int with = 0; with < 2; with++) {
        struct pairs p = small(4, "a b");
        if (with) add_text(&p, "chat_template", "{{ messages }}");
        struct buf file = file_of(&p);
        assert_int_equal(tok_gguf_template(file.data, file.len, "t.gguf", &out, &e), with ? 0 : 1);
        buf_free(&file);
    }
    assert_string_equal(out.data, "{{ messages }}");
    buf_free(&out);
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
        cmocka_unit_test(what_does_not_go_together_is_named),
        cmocka_unit_test(what_is_wrong_with_one_of_many_is_said),
        cmocka_unit_test(llamas_ends_have_ids_of_their_own),
        cmocka_unit_test(a_chat_template_comes_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
