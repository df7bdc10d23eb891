/* The ways that cut a text and remember its parts give the ids of the chains. */
#include "tests/unit/spm_util.h"
#include "tests/unit/tok_util.h"

#include <stdio.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/bytemap.h"
#include "core/token/charsmap_build.h"
#include "core/token/tok_cut.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_load.h"
#include "core/token/train_chain.h"
#include "core/token/unigram.h"

static const char *const atoms[] = {
    "low", "lower", "er", "re", "s", " ", " ", " ", " ", "  ", "\n", "\n", "\t", ".", ",", "...", "(", ")", "\"", "'s", "12", "7",
    "-", "x=1;", "the", "wider", "\xc3\xa9t\xc3\xa9", "\xe4\xb8\xad\xe6\x96\x87", "\xe3\x80\x82", "\xe3\x81\x8b\xe3\x82\x99", "~",
    "\xef\xbc\xa1", "\xe2\x80\x89", "\xcc\x81", "\xff", "\r\n", "^", "\xe2\x96\x81", "qqqqqqqqqqqqqqqqqqqqqqqq", "\xf0\x9f\x98\x80",
    "\xc3\x89t\xc3\xa9S", "\xd0\xb9\xd0\x99", "\xc4\xb0", "\xc3\x9f", "WIDER", "X=1;", " <s>", "<s>", "\xc3\x97", " \n  \n",
    "                                                                              ",
    "\xef\xb8\x8f", "\xf0\x9f\x87\xa9", "\xf0\xa0\x80\x80", "\xe2\x80\x9c", "\xe2\x98\xba", "\xf0\x9f\x8f\xbd", "\xe2\x80\xa6",
    "<unk>", "<unk>", "<", "<x~", "\x1b[m"};

static size_t make_text(uint32_t seed, size_t n_atoms, char *text, size_t n)
{
    struct rng_key k = rng_key(5, RNG_TEST, seed, 0);
    size_t len = 0;
    for (uint64_t i = 0; len + 32 < n; i++) {
        const char *a = atoms[rng_below(&k, i, n_atoms)];
        if (len + strlen(a) > n) continue;
        memcpy(text + len, a, strlen(a));
        len += strlen(a);
    }
    return len;
}

static struct tokenizer *learn(enum tok_train_type type, const char *rules, bool bytes, bool keep_spaces)
{
    struct err e = {0};
    struct tok_train_opts o = {.type = type, .vocab_size = bytes ? 340 : 90, .byte_fallback = bytes, .keep_spaces = keep_spaces, .norm_name = rules};
    struct charsmap_rules map = {0};
    struct buf compiled = {0};
    enum { N = 20000 };
    char *text = malloc(N);
    size_t n = make_text(1, 30, text, N);
    sp_rules_default(&o.sp);
    if (!bytes && (charsmap_rules_named(&map, rules, &e) || charsmap_compile(&map, &compiled, &e))) fail_msg("%s", e.msg);
    o.charsmap = compiled.data;
    o.charsmap_len = compiled.len;
    struct tokenizer *t = learn_model(&o, text, n);
    buf_free(&compiled);
    charsmap_rules_free(&map);
    free(text);
    return t;
}

/* A text from cached words, with other ids or places than the chains give it is an error. */
static void expect_ids(const struct tokenizer *t, struct tok_scratch *cached, const char *text, size_t n, unsigned flags,
                       const struct tok_ids *want, struct tok_ids *got)
{
    struct err e = {0};
    for (int round = 0; round < 2; round++) {
        got->n = 0;
        assert_int_equal(tok_encode(t, cached, text, n, flags, got, &e), 0);
        size_t k = 0;
        while (k < got->n && k < want->n && got->id[k] == want->id[k]) k++;
        if (k < got->n || k < want->n)
            fail_msg("round %d: token %zu of %zu differs, at '%.*s'", round, k, want->n, 20, text + (k < want->n ? want->span[k].begin : n));
        for (k = 0; got->want_spans && k < want->n; k++)
            if (memcmp(&got->span[k], &want->span[k], sizeof *want->span) != 0)
                fail_msg("token %zu %d is %zu to %zu, not %zu to %zu: '%.*s'", k, (int)want->id[k], got->span[k].begin, got->span[k].end,
                         want->span[k].begin, want->span[k].end, 20, text + want->span[k].begin);
    }
}

/* Texts of all lengths; each through caches that know nothing, something, all; cut by masks, and one place after
 * the other. */
static void expect_same(struct tokenizer *t)
{
    enum { N = 20000, SPACES = 74, TEXTS = 40 };
    struct err e = {0};
    struct tok_ids want = {.want_spans = true}, spans = want, got = {0};
    char *text = malloc(N);
    struct tok_scratch *plain = tok_scratch_new(t, &e), *cached[] = {tok_scratch_new(t, &e), tok_scratch_new(t, &e)};
    cut_windows_fn *windows = t->fast ? t->fast->windows : NULL;
    plain->chains = true;
    for (uint32_t seed = 0; seed < TEXTS; seed++) {
        size_t n = make_text(seed, seed % 2 ? COUNT_OF(atoms) : 25, text, seed == TEXTS - 1 ? N - SPACES : 40 + seed * seed * 2);
        if (seed >= 35 && seed < 39) { /* a long part without spaces, but for blanks at the ends */
            n = (size_t)snprintf(text, N, "%s", seed % 2 ? "\r\n" : "");
            for (uint32_t i = 0; i < 40; i++) n += (size_t)snprintf(text + n, 16, "%s", atoms[28 - i * (seed - 34) % 7 % 3]);
            n += (size_t)snprintf(text + n, 4, "%s", seed > 36 ? " \n\t" : "");
        }
        for (uint32_t i = 0; i < seed % 3 * seed % SPACES; i++) text[n++] = ' ';
        unsigned flags = seed % 3 ? 0 : TOK_SPECIAL;
        want.n = 0;
        if (tok_encode(t, plain, text, n, flags, &want, &e)) fail_msg("%s", e.msg);
        for (int masks = windows != NULL; masks >= 0; masks--) {
            if (t->fast) t->fast->windows = masks ? windows : NULL;
            expect_ids(t, cached[masks], text, n, flags, &want, &got);
            if (seed % 3 == 0) expect_ids(t, cached[masks], text, n, flags, &want, &spans);
        }
        if (t->fast) t->fast->windows = windows;
    }
    tok_scratch_free(plain);
    for (int i = 0; i < 2; i++) tok_scratch_free(cached[i]);
    tok_ids_free(&spans);
    tok_ids_free(&want);
    tok_ids_free(&got);
    free(text);
}

static void parts_of_sentencepiece_are_independent(void **state)
{
    (void)state;
    static const struct {
        enum tok_train_type type;
        const char *rules;
        bool bytes, keep_spaces;
    } kinds[] = {{TOK_TRAIN_UNIGRAM, "nmt_nfkc", false, false}, {TOK_TRAIN_UNIGRAM, "nfkc", false, false}, {TOK_TRAIN_UNIGRAM, "identity", true, true},
                 {TOK_TRAIN_SP_BPE, "nmt_nfkc_cf", false, false}, {TOK_TRAIN_SP_BPE, "identity", true, true},
                 {TOK_TRAIN_SP_BPE, "identity", true, false}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct tokenizer *t = learn(kinds[i].type, kinds[i].rules, kinds[i].bytes, kinds[i].keep_spaces);
        assert_non_null(t->fast);
        assert_int_equal(t->fast->as_is, kinds[i].bytes);
        expect_same(t);
        tok_free(t);
    }
}

/* Characters that rules remove, between blanks and where there are none. */
static void removed_characters_take_part_in_nothing(void **state)
{
    (void)state;
    static const char *const parts[] = {" ", " ", "\n", "\x1b", "\x1b", "\x1b[m", "low", "er", "e", "\xcc\x81", "\xe4\xb8\xad", "\x7f", "lower(low)lower", "x"};
    struct tokenizer *t = learn(TOK_TRAIN_UNIGRAM, "nmt_nfkc", false, false);
    const struct unigram *u = t->fast->walk;
    assert_true(u && unigram_removes(u, u->symbol[0x1B]) && !unigram_removes(u, u->symbol['x']));
    struct both both = both_new(t);
    for (uint32_t seed = 0; seed < 400; seed++) {
        struct rng_key k = rng_key(14, RNG_TEST, seed, 0);
        char text[600];
        size_t n = 0;
        for (uint64_t i = 0; n < 560; i++) n += (size_t)snprintf(text + n, 20, "%s", parts[seed % 4 * (i % 7 > 0) + rng_below(&k, i, COUNT_OF(parts) - seed % 4)]);
        both_same(&both, text, n, 0);
    }
    both_free(&both);
    tok_free(t);
}

/* A letter that rules join with a mark behind it, which has a piece too; a letter that begins
 * a user-defined piece. */
static void symbols_of_characters_depend_on_nothing_around_them(void **state)
{
    (void)state;
    static const struct piece pieces[] = {
        {"<unk>", 0, SPM_UNKNOWN}, {"<s>", -1, SPM_CONTROL}, {"</s>", -2, SPM_CONTROL}, {"\u2581", -3, SPM_NORMAL},
        {"e", -4, SPM_NORMAL}, {"x", -5, SPM_NORMAL}, {"y", -6, SPM_NORMAL}, {"\u0301", -7, SPM_NORMAL},
        {"\u00e9", -8, SPM_NORMAL}, {"ye", -9, SPM_USER}, {"\u2581e", -10, SPM_NORMAL}, {"xx", -11, SPM_NORMAL}};
    static const char *const parts[] = {" ", " ", "e", "e", "x", "y", "\u0301", "\u00e9", "xx", "ye"};
    struct err e = {0};
    struct spm_model m;
    struct charsmap_rules map = {0};
    spm_model_init(&m);
    m.kind = SPM_BPE;
    m.unk_id = 0, m.bos_id = 1, m.eos_id = 2;
    m.add_dummy_prefix = m.remove_extra_whitespaces = m.escape_whitespaces = true;
    if (charsmap_rules_named(&map, "nmt_nfkc", &e) || charsmap_compile(&map, &m.charsmap, &e)) fail_msg("%s", e.msg);
    add_pieces(&m, pieces, COUNT_OF(pieces));
    struct tokenizer *t = tokenizer_of(&m);
    assert_true(t->fast && t->fast->symbol && t->fast->symbol['e'] && !t->fast->symbol['y']);
    struct both both = both_new(t);
    for (uint32_t seed = 0; seed < 300; seed++) {
        struct rng_key k = rng_key(13, RNG_TEST, seed, 0);
        char text[400];
        size_t n = 0;
        for (uint64_t i = 0; n < 300; i++) n += (size_t)snprintf(text + n, 8, "%s", parts[rng_below(&k, i, COUNT_OF(parts))]);
        both_same(&both, text, n, 0);
    }
    both_free(&both);
    tok_free(t);
    charsmap_rules_free(&map);
}

/* As in files of Llama 2 and 1, where tokens are looked for in normalised text, and of Mistral:
 * U+2581 is put in front and replaces U+0020.  Newlines are bytes, or tokens that take
 * spaces behind them. */
static void parts_of_replaced_spaces_are_independent(void **state)
{
    (void)state;
#define METASPACE(scheme) "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"" scheme "\",\"split\":false}"
    static const char *const steps[] = {
        "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"\u2581\"},"
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"}]}",
        METASPACE("always"), METASPACE("never"), METASPACE("first"),
        /* of Gemma: there is no space left to split at */
        "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"},"
        "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},\"behavior\":\"MergedWithPrevious\",\"invert\":false}"};
    for (size_t i = 0; i < 6 * COUNT_OF(steps); i++) {
        struct err e = {0};
        struct buf json = {0};
        int id = 257, newlines = (int)(i % 3);
        buf_printf(&json, "{%s,\"added_tokens\":[{\"id\":1000,\"content\":\"<s>\",\"normalized\":%s,\"special\":true}],"
                          "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"fuse_unk\":true,\"byte_fallback\":true,"
                          "\"vocab\":{\"<unk>\":0", steps[i / 6], i / 3 % 2 ? "true" : "false");
        for (int b = 0; b < 256; b++) buf_printf(&json, ",\"<0x%02X>\":%d", b, b + 1);
        for (int c = 0x21; c < 0x7B; c++)
            if (c != '"' && c != '\\') buf_printf(&json, ",\"%c\":%d", c, id++);
        buf_printf(&json, ",\"\u2581\":%d,\"\u2581\u2581\":%d,\"\u2581l\":%d,\"ow\":%d,\"er\":%d,\"..\":%d,\"(\\\"\":%d", id, id + 1, id + 2,
                   id + 3, id + 4, id + 5, id + 6);
        if (newlines) buf_printf(&json, ",\"\\n\":%d,\"\\n\\n\":%d", id + 7, id + 8);
        if (newlines == 2) buf_printf(&json, ",\"\u2581\\n\":%d", id + 9);
        buf_printf(&json, ",\"<s>\":1000},\"merges\":[\"\u2581 \u2581\",\"\u2581 l\",\"o w\",\"e r\",\". .\"%s%s]}}",
                   newlines ? ",\"\\n \\n\"" : "", newlines == 2 ? ",\"\u2581 \\n\"" : "");
        struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
        if (!t) fail_msg("%s", e.msg);
        assert_true(t->fast && t->fast->as_is && t->fast->cut_newlines == !newlines);
        expect_same(t);
        tok_free(t);
        buf_free(&json);
    }
}

/* HF's kind of unigram: words by themselves, normal forms, texts that are replaced; what no
 * token has is unknown, and newlines too unless some token has one.  special: another token; then '<' is none.
 * more: other tokens, the unknown one is no added one then. */
static struct tokenizer *unigram_with(const char *special, const char *more, const char *steps, bool white_space, int newlines)
{
    struct err e = {0};
    struct buf json = {0};
    buf_adds(&json, "{\"added_tokens\":[");
    if (!more) buf_adds(&json, "{\"id\":0,\"content\":\"<unk>\",\"normalized\":false,\"special\":true}");
    if (special) buf_printf(&json, "%s{\"id\":1,\"content\":\"%s\",\"normalized\":false,\"special\":true}", more ? "" : ",", special);
    buf_printf(&json, "],\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[%s]},\"pre_tokenizer\":{\"type\":\"Sequence\","
                      "\"pretokenizers\":[%s{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"always\","
                      "\"split\":true}]},\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0]",
               steps, white_space ? "{\"type\":\"WhitespaceSplit\"}," : "");
    if (special) buf_printf(&json, ",[\"%s\",-3]", special);
    buf_adds(&json, ",[\"\u2581\",-4]");
    for (int c = 0x22; c < 0x7B; c++) /* not the exclamation mark, nor the tilde */
        if (!special || c != '<') buf_printf(&json, ",[\"%s%c\",%d]", c == '"' || c == '\\' ? "\\" : "", c, -5 - c % 3);
    buf_adds(&json, ",[\"lo\",-6],[\"wer\",-6.5],[\"WI\",-6],[\"\u2581low\",-5.5],[\"\u00e9\",-7],[\"\u00e9t\",-7.5],[\"\u304c\",-8],"
                    "[\"\u304b\",-8],[\"e\u0301\",-8],[\"x=\",-6]");
    if (more) buf_adds(&json, more);
    if (newlines == 1) buf_adds(&json, ",[\"s\\n\",-6]");
    if (newlines == 2) buf_adds(&json, ",[\"\\n\",-6],[\"\\n\\t\",-7]");
    buf_adds(&json, "]}}");
    struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    buf_free(&json);
    return t;
}

static struct tokenizer *unigram_words(const char *steps, bool white_space, int newlines)
{
    return unigram_with(NULL, NULL, steps, white_space, newlines);
}

#define REPLACE(pattern, to) "{\"type\":\"Replace\",\"pattern\":{" pattern "},\"content\":\"" to "\"}"
#define RUNS "\"Regex\":\" {2,}\""

static void words_of_unigram_files_are_walked(void **state)
{
    (void)state;
    static const struct {
        const char *steps;
        bool joins; /* without spaces, words are not what they were */
    } kinds[] = {
        {"", false},
        {"{\"type\":\"NFC\"}", false},
        {"{\"type\":\"NFD\"}", false},
        {REPLACE("\"String\":\"12\"", "\u00e9") ",{\"type\":\"NFKC\"}", false},
        {"{\"type\":\"NFKD\"},{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}", false},
        {REPLACE(RUNS, "\u2581"), false},
        {REPLACE(RUNS, "lo"), true},
        {REPLACE("\"String\":\" \"", "\u2581") "," REPLACE(RUNS, " "), false},
        {REPLACE("\"String\":\" \"", "lo"), true},
        {"{\"type\":\"Lowercase\"},{\"type\":\"NFC\"}", false},
        {REPLACE("\"String\":\"..\"", "x") ",{\"type\":\"NFKD\"},{\"type\":\"StripAccents\"},{\"type\":\"Lowercase\"}," REPLACE(RUNS, " "), false},
        {"{\"type\":\"Lowercase\"}," REPLACE("\"String\":\"wi\"", "lo") "," REPLACE("\"String\":\"ss\"", "!"), false},
    };
    for (size_t i = 0; i < 6 * COUNT_OF(kinds); i++) {
        struct tokenizer *t = unigram_words(kinds[i / 6].steps, i % 2, (int)(i / 2 % 3));
        bool marks = i % 2 && strstr(kinds[i / 6].steps, "\u2581"); /* which are not white space */
        if (kinds[i / 6].joins || marks) assert_null(t->fast);
        else assert_true(t->fast && t->fast->walk && t->fast->walk->fused == t->unk_id && t->fast->inside);
        expect_same(t);
        tok_free(t);
    }
}

/* A character that is only in tokens with others that are known: no run of unknown ones is such a token. */
static void characters_inside_special_tokens_are_unknown(void **state)
{
    (void)state;
    static const char *const special[] = {"<s>", "~<"}; /* the second one is found, of characters that are unknown alone */
    for (int i = 0; i < 4; i++) {
        struct tokenizer *t = unigram_with(special[i % 2], NULL, i / 2 ? "" : "{\"type\":\"NFC\"}", i / 2, 0);
        struct tok_ids ids = {0};
        struct err e = {0};
        assert_true(t->fast && t->fast->walk);
        assert_int_equal(t->fast->walk->symbol['<'], i % 2 ? 0 : t->fast->walk->unknown);
        struct tok_scratch *s = tok_scratch_new(t, &e);
        assert_int_equal(tok_encode(t, s, "<s ~<s ~low< er<", 16, 0, &ids, &e), 0);
        assert_int_equal(t->by_bytes != NULL, i % 2);
        tok_scratch_free(s);
        tok_ids_free(&ids);
        expect_same(t);
        tok_free(t);
    }
}

/* As in Marian's files and those of Pegasus: the unknown token is found in texts as any other, unless another has it
 * inside; '<' is none, but in tokens. */
static void unknown_tokens_and_what_only_tokens_have_are_walked(void **state)
{
    (void)state;
    static const char text[] = "<<unk>~<unk> <~\n\n< \x1b<x~<unk><unk>lo";
    static const struct {
        const char *special, *more;
        bool walks, parts;
    } kinds[] = {{NULL, "", true, false}, {"<s>", "", true, true}, {"<s>", ",[\"<x~\",-8],[\"~<\",-7],[\"\u2581<<\",-6]", true, true},
                 {NULL, ",[\"x<unk>\",-3]", false, false}, {NULL, ",[\"<unk><unk>\",-9]", false, false}};
    for (size_t i = 0; i < 4 * COUNT_OF(kinds); i++) {
        const char *special = kinds[i / 4].special, *more = kinds[i / 4].more;
        struct tokenizer *t = unigram_with(special, more, i % 2 ? "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}" : "", i / 2 % 2, 0);
        const struct unigram *u = t->fast->walk;
        struct tok_ids ids = {0};
        struct err e = {0};
        assert_int_equal(u != NULL, kinds[i / 4].walks);
        if (u) assert_int_equal(u->symbol['<'] != u->unknown && unigram_symbol_id(u, u->symbol['<']) == t->unk_id, kinds[i / 4].parts);
        struct tok_scratch *s = tok_scratch_new(t, &e);
        assert_int_equal(tok_encode(t, s, text, sizeof text - 1, 0, &ids, &e), 0);
        assert_int_equal(t->by_bytes != NULL, !u);
        tok_scratch_free(s);
        tok_ids_free(&ids);
        expect_same(t);
        tok_free(t);
    }
}

/* Rules that make a space of a newline, before runs of spaces become one. */
static void white_space_that_rules_melt_is_blank(void **state)
{
    (void)state;
    struct buf steps = {0};
    static const struct {
        const char *before, *behind;
        bool melts;
    } kinds[] = {
        {"", "," REPLACE(RUNS, " "), true},
        {"{\"type\":\"NFKD\"},{\"type\":\"Lowercase\"},", ",{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}," REPLACE(RUNS, "\u2581"), true},
        {"", "", false},
        {REPLACE(RUNS, " ") ",", "", false},
        {REPLACE("\"String\":\" \"", "\u2581") ",", "," REPLACE(RUNS, " "), false},
        {REPLACE("\"String\":\"\\n\"", "x") ",", "," REPLACE(RUNS, " "), false},
        {"", "," REPLACE("\"String\":\" \"", "\u2581") "," REPLACE(RUNS, " "), false},
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        steps.len = 0;
        buf_adds(&steps, kinds[i].before);
        add_rules(&steps, "nmt_nfkc");
        buf_adds(&steps, kinds[i].behind);
        struct tokenizer *t = unigram_words(steps.data, false, 0);
        if (t->fast) assert_int_equal(tok_is_blank(t->fast, '\n'), kinds[i].melts);
        assert_true(t->fast || !kinds[i].melts);
        expect_same(t);
        tok_free(t);
    }
    buf_free(&steps);
}

/* As in Marian's files: rules that leave a newline as it is, a step that looks at the ends of the text alone. */
static void control_characters_that_rules_leave_are_unknown(void **state)
{
    (void)state;
    static const char *const names[] = {"nfkc", "nmt_nfkc"};
    for (int i = 0; i < 2; i++) {
        struct buf steps = {0};
        add_rules(&steps, names[i]);
        buf_adds(&steps, ",{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true}," REPLACE(RUNS, "\u2581"));
        struct tokenizer *t = unigram_with("<s>", "", steps.data, false, 0);
        assert_int_equal(t->fast->walk->symbol['\n'] == t->fast->walk->unknown, i == 0);
        expect_same(t);
        tok_free(t);
        buf_free(&steps);
    }
}

/* Newlines that nothing looks at, white space that is between words, and capitals. */
static void characters_of_unigram_files_are_what_steps_make_of_them(void **state)
{
    (void)state;
    struct tokenizer *t = unigram_words("", false, 0);
    const struct unigram *u = t->fast->walk;
    assert_true(u->symbol['\n'] && u->symbol['\n'] == u->unknown && u->symbol['A'] != u->symbol['a']);
    tok_free(t);
    t = unigram_words("{\"type\":\"NFKD\"},{\"type\":\"StripAccents\"},{\"type\":\"Lowercase\"}," REPLACE("\"String\":\"..\"", "x"), true, 0);
    u = t->fast->walk;
    assert_true(!u->symbol['\n'] && !u->symbol[0x3000] && u->symbol['A'] && u->symbol['A'] == u->symbol['a']);
    assert_int_equal(u->symbol[0xC9], u->symbol['e']);
    assert_true(u->single['.'] && !u->symbol['.'] && !u->symbol[0x301]);
    tok_free(t);
    t = unigram_words("{\"type\":\"Lowercase\"},{\"type\":\"NFKC\"}", false, 0);
    u = t->fast->walk;
    assert_true(u->symbol[0xFF0C] == u->symbol[','] && u->symbol[0x1B] == u->unknown && (u->symbol[0x2026] & UNIGRAM_MANY));
    assert_true(u->symbol[0xC9] == u->symbol[0xE9] && u->symbol[0xC9] != u->symbol['e']);
    assert_true(!u->symbol[0x1161] && !u->symbol[0x314F] && !u->symbol[0xFF9E]); /* which combine */
    tok_free(t);
}

/* Tokens are laid over a text where that says where they are: among characters that no token has, or only beside others,
 * runs of blanks, and characters that change with those behind them. */
static void tokens_are_laid_where_the_chains_find_them(void **state)
{
    (void)state;
    static const char *const parts[] = {" ", " ", " ", "low", "er", "x", "xy", "yx", "q", "{", "e", "\n", "\r\n",
                                        "  ", "\t", "\uff4c\uff4f\uff57", "\uff0c", "\u2026", "\u0301", "\u4e2d", "\u00e9", "\u00a0", "\ufb01"};
    static const char *const kinds[][2] = {
        {"{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"always\",\"split\":true}", "null"},
        {"{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"always\",\"split\":true}",
         "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true}"},
        {"{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"},{\"type\":\"Metaspace\",\"replacement\":\"\u2581\","
         "\"prepend_scheme\":\"always\",\"split\":true}]}", "null"}};
    for (uint32_t kind = 0; kind < COUNT_OF(kinds); kind++) {
        struct err e = {0};
        struct buf json = {0};
        buf_printf(&json, "{\"added_tokens\":[{\"id\":0,\"content\":\"<unk>\",\"normalized\":false,\"special\":true}],"
                          "\"normalizer\":{\"type\":\"NFKC\"},\"pre_tokenizer\":%s,\"post_processor\":%s,"
                          "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"\u2581\",-3],[\"l\",-4],[\"o\",-4],[\"w\",-4],[\"e\",-4],"
                          "[\"r\",-4],[\"low\",-5],[\"\u2581low\",-5],[\"er\",-5],[\"xy\",-6],[\"q\",-4],[\"\u2581q\",-5]]}}", kinds[kind][0], kinds[kind][1]);
        struct tokenizer *t = tok_parse(json.data, json.len, "made.json", &e);
        if (!t) fail_msg("%s", e.msg);
        if (!t->fast || !t->fast->walk) fail_msg("kind %u is not walked", kind);
        struct both both = both_new(t);
        for (uint32_t seed = 0; seed < 600; seed++) {
            struct rng_key k = rng_key(19, RNG_TEST, seed, kind);
            char text[300];
            size_t n = 0;
            for (uint64_t i = 0; n < 280; i++) n += (size_t)snprintf(text + n, 20, "%s", parts[rng_below(&k, i, COUNT_OF(parts) - seed % 2 * 7)]);
            both_same(&both, text, n, 0);
        }
        both_free(&both);
        tok_free(t);
        buf_free(&json);
    }
}

/* With the letters of many alphabets alone and behind others, as they are and as the
 * normalizer makes them. */
static void parts_of_wordpiece_are_independent(void **state)
{
    (void)state;
    static const char *const options[] = {"true", "false", "null"};
    for (int i = 0; i < 12; i += i == 6 ? 5 : 1) { /* then with tokens that are looked for in the normal form */
        struct err e = {0};
        struct buf json = {0};
        char c[5] = {0};
        buf_printf(&json, "{\"added_tokens\":[%s],", i < 6 ? "" : "{\"id\":5000,\"content\":\"<S>\",\"normalized\":true},"
                          "{\"id\":5001,\"content\":\"\u00c9t\",\"normalized\":true,\"single_word\":true},"
                          "{\"id\":5002,\"content\":\"=1;l\",\"normalized\":true}");
        buf_printf(&json, "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
                          "\"strip_accents\":%s,\"lowercase\":%s},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
                          "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
                          "\"max_input_chars_per_word\":100,\"vocab\":{\"[UNK]\":0,\"low\":1,\"##er\":2",
                   options[i % 3], i / 3 % 2 ? "true" : "false");
        for (uint32_t cp = 0x21, id = 3; cp < 0x500; cp++) {
            if (cp == '"' || cp == '\\' || (cp > 0x7E && cp < 0xA1)) continue;
            c[utf8_encode(cp, c)] = 0;
            buf_printf(&json, ",\"%s\":%u,\"##%s\":%u", c, id, c, id + 1);
            id += 2;
        }
        buf_printf(&json, "}}}");
        struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
        if (!t) fail_msg("%s", e.msg);
        assert_true(t->fast && t->fast->formed && t->fast->near == (i >= 6));
        expect_same(t);
        tok_free(t);
        buf_free(&json);
    }
}

/* CLIP's steps, with another expression that keeps its matches, another replacement, another token. */
static struct tokenizer *clip(const char *regex, const char *blank, const char *token, bool invert)
{
    struct err e = {0};
    struct buf json = {0};
    char c[5] = {0};
    buf_printf(&json, "{\"added_tokens\":[{\"id\":5000,\"content\":\"%s\",\"normalized\":true,\"special\":true}],"
                      "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Replace\",\"pattern\":{\"Regex\":"
                      "\"\\\\s+\"},\"content\":\"%s\"},{\"type\":\"Lowercase\"}]},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
                      "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"%s\"},\"behavior\":\"Removed\",\"invert\":%s},{\"type\":\"ByteLevel\","
                      "\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}]},\"model\":{\"type\":\"BPE\",\"unk_token\":\"!\","
                      "\"end_of_word_suffix\":\"</w>\",\"vocab\":{\"lo\":600,\"low</w>\":601,\"..</w>\":602",
               token, blank, regex, invert ? "true" : "false");
    for (unsigned b = 0; b < 256; b++) {
        c[utf8_encode(bytemap_char((uint8_t)b), c)] = 0;
        const char *escape = b == '"' || b == '\\' ? "\\" : "";
        buf_printf(&json, ",\"%s%s\":%u,\"%s%s</w>\":%u", escape, c, b, escape, c, b + 256);
    }
    buf_adds(&json, "},\"merges\":[[\"l\",\"o\"],[\"lo\",\"w</w>\"],[\".\",\".</w>\"]]}}");
    struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    buf_free(&json);
    return t;
}

/* Where matches have no white space in them what stands between is a part. */
static void matches_without_white_space_are_independent(void **state)
{
    (void)state;
#define CLIP "<\\\\|e\\\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+"
#define ALONE "'s|'t|'re|'ve|'m|'ll|'d|[\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+"
    static const struct { const char *regex, *blank, *token; bool fast; } cases[] = {
        {ALONE, " ", "...7", true}, {"<\\\\|startoftext\\\\|>|<\\\\|endoftext\\\\|>|" ALONE, " ", "<|s|>", true},
        {CLIP, " ", "...7", true}, {"(?:[a-z]|[^a-z\\\\s])+", " ", "<|s|>", true}, {CLIP, " ", "low", false}, {CLIP, "_", "...7", false},
        {"\\\\p{L}+(?= )|.", " ", "...7", false}, {"[^a-z]+|[a-z]", " ", "...7", false}, {"\\\\p{L}+\\\\b", " ", "...7", false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tokenizer *t = clip(cases[i].regex, cases[i].blank, cases[i].token, true);
        assert_int_equal(t->fast != NULL, cases[i].fast);
        if (cases[i].fast) assert_true(t->fast->kind == CUT_WORDS && t->fast->clip == (i < 2));
        expect_same(t);
        tok_free(t);
    }
}

/* What CLIP's words by hand leave to the chains: special tokens' texts that are no tokens here, and parts that
 * are longer in lower case. */
static void rare_words_of_clip_are_the_chains(void **state)
{
    (void)state;
#define SPECIALS "<\\\\|startoftext\\\\|>|<\\\\|endoftext\\\\|>|"
    struct tokenizer *t = clip(SPECIALS ALONE, " ", "...7", false);
    assert_true(!t->fast || !t->fast->clip); /* which takes the words away */
    tok_free(t);
    t = clip(SPECIALS ALONE, " ", "...7", true);
    assert_true(t->fast && t->fast->clip);
    struct buf text = {0};
    buf_adds(&text, "low<|startoftext|>low <|ENDOFTEXT|> <|low|><|endoftext|>.. ");
    for (int n = 80; n < 129; n += 12) { /* each has 2 bytes, in lower case 3 */
        for (int i = 0; i < n; i++) buf_adds(&text, "\u023A");
        buf_adds(&text, " low ");
    }
    struct both both = both_new(t);
    both_same(&both, text.data, text.len, 0);
    both_free(&both);
    buf_free(&text);
    tok_free(t);
}

/* Every character between others: by hand as by the chains, and ASCII is never left to these. */
static void characters_of_clip_are_the_chains(void **state)
{
    (void)state;
    struct err e = {0};
    struct tokenizer *t = clip(ALONE, " ", "...7", true);
    struct both both = both_new(t);
    size_t by_hand = 0;
    for (uint32_t k = 2 * 0x21; k < 2 * 0x10400; k++) {
        uint32_t cp = k / 2;
        char text[8] = {k % 2 ? 'a' : '\''};
        size_t n = 1 + (size_t)utf8_encode(cp, text + 1);
        if (n == 1) continue;
        text[n++] = 'B';
        both.want.n = both.ids.n = 0;
        if (tok_encode(t, both.chains, text, n, 0, &both.want, &e)) fail_msg("%s", e.msg);
        int ret = tok_clip_part(t, both.fast, (const uint8_t *)text, n, 0, &both.ids, &e);
        if (ret != 0 && cp < 0x7F) fail_msg("U+%04X is left to the chains", cp);
        if (ret == 0) expect_want(&both, &both.ids, text, n);
        by_hand += ret == 0;
    }
    assert_true(by_hand > 120000);
    both_free(&both);
    tok_free(t);
}

/* Each setting that is another one leaves the words to the chains. */
static void what_clip_by_hand_stands_for(void **state)
{
    (void)state;
    struct tokenizer *t = clip(ALONE, " ", "...7", true);
    struct pre_step *p = t->pre.step;
    struct norm_step *s = t->norm.step;
    bool *const flag[] = {&p[0].clip, &p[0].invert, &p[1].use_regex, &p[1].prefix_space, &p[1].spell,
                          &p[2].use_regex, &p[2].prefix_space, &p[2].spell};
    assert_true(tok_clip_possible(t));
    for (size_t i = 0; i < COUNT_OF(flag); i++) {
        *flag[i] = !*flag[i];
        if (tok_clip_possible(t)) fail_msg("flag %zu", i);
        *flag[i] = !*flag[i];
    }
    for (size_t i = 0; i < 3; i++) {
        enum pre_kind kind = p[i].kind;
        p[i].kind = PRE_WHITESPACE;
        assert_false(tok_clip_possible(t));
        p[i].kind = kind;
    }
    for (size_t i = 0; i < t->norm.n; i++) {
        enum norm_kind kind = s[i].kind;
        s[i].kind = NORM_NFKC;
        assert_false(tok_clip_possible(t));
        s[i].kind = kind;
    }
    s[2].kind = NORM_NFC; /* the third is what makes lower case */
    assert_false(tok_clip_possible(t));
    s[2].kind = NORM_LOWERCASE;
    p[0].behavior = PRE_ISOLATED;
    assert_false(tok_clip_possible(t));
    p[0].behavior = PRE_REMOVED;
    t->pre.n = 2;
    assert_false(tok_clip_possible(t));
    t->pre.n = 3;
    t->model = MODEL_WORDLEVEL;
    assert_false(tok_clip_possible(t));
    t->model = MODEL_BPE;
    assert_true(tok_clip_possible(t));
    tok_free(t);
    t = clip(ALONE, "_", "...7", true); /* white space becomes something else */
    assert_false(tok_clip_possible(t));
    tok_free(t);
    bool specials;
    assert_true(tok_clip_regex("'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+", &specials) && !specials);
    assert_true(tok_clip_regex("<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+", &specials) && specials);
    assert_false(tok_clip_regex("'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]", &specials));
}

static uint64_t times_of(const struct word_table *t, const char *want, size_t want_len)
{
    char tmp[16];
    const char *word;
    size_t n;
    uint64_t times;
    for (size_t at = 0; word_table_next(t, &at, tmp, &word, &n, &times);)
        if (n == want_len && memcmp(word, want, n) == 0) return times;
    return 0;
}

static void words_are_counted_as_without_cutting(void **state)
{
    (void)state;
    enum { N = 20000 };
    struct err e = {0};
    const char *bert = "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
                       "\"strip_accents\":null,\"lowercase\":true}";
    struct tokenizer *chain = chain_make(bert, "{\"type\":\"BertPreTokenizer\"}", &e);
    assert_non_null(chain);
    assert_non_null(chain->fast);
    struct tok_fast *fast = chain->fast;
    char *text = malloc(N), tmp[16];
    for (uint32_t seed = 0; seed < 6; seed++) {
        struct chain_work w[2] = {0};
        struct word_table cut = {0}, whole = {0};
        uint64_t n_words[2] = {0, 0}, times;
        size_t n = make_text(seed, COUNT_OF(atoms), text, seed ? N : 60), len;
        const char *word;
        assert_int_equal(chain_count(chain, &w[0], &cut, text, n, &n_words[0], &e), 0);
        assert_true(w[0].raw.n > 0);
        assert_int_equal(chain_flush(chain, &w[0], &cut, &n_words[0], &e), 0);
        chain->fast = NULL;
        assert_int_equal(chain_count(chain, &w[1], &whole, text, n, &n_words[1], &e), 0);
        chain->fast = fast;
        assert_int_equal(n_words[0], n_words[1]);
        assert_int_equal(cut.n + cut.n_longs, whole.n + whole.n_longs);
        for (size_t at = 0; word_table_next(&whole, &at, tmp, &word, &len, &times);)
            assert_int_equal(times_of(&cut, word, len), times);
        for (int i = 0; i < 2; i++) chain_work_free(&w[i]);
        word_table_free(&cut);
        word_table_free(&whole);
    }
    tok_free(chain);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_sentencepiece_are_independent),
        cmocka_unit_test(words_of_unigram_files_are_walked),
        cmocka_unit_test(characters_inside_special_tokens_are_unknown),
        cmocka_unit_test(unknown_tokens_and_what_only_tokens_have_are_walked),
        cmocka_unit_test(white_space_that_rules_melt_is_blank),
        cmocka_unit_test(control_characters_that_rules_leave_are_unknown),
        cmocka_unit_test(characters_of_unigram_files_are_what_steps_make_of_them),
        cmocka_unit_test(removed_characters_take_part_in_nothing),
        cmocka_unit_test(symbols_of_characters_depend_on_nothing_around_them),
        cmocka_unit_test(parts_of_replaced_spaces_are_independent),
        cmocka_unit_test(tokens_are_laid_where_the_chains_find_them),
        cmocka_unit_test(parts_of_wordpiece_are_independent),
        cmocka_unit_test(matches_without_white_space_are_independent),
        cmocka_unit_test(rare_words_of_clip_are_the_chains),
        cmocka_unit_test(characters_of_clip_are_the_chains),
        cmocka_unit_test(what_clip_by_hand_stands_for),
        cmocka_unit_test(words_are_counted_as_without_cutting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
