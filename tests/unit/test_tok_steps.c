/* The steps of a tokenizer.json one by one: normalizers with the origin of each
 * character, decoders.  What is expected is what Hugging Face's tokenizers 0.23 give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "core/token/charsmap_build.h"
#include "core/token/tok_internal.h"
#include "core/token/unicode.h"

static struct tokenizer *with(const char *normalizer, const char *decoder, const char *vocab)
{
    struct err e = {0};
    struct buf json = {0};
    buf_printf(&json, "{\"version\":\"1.0\",\"added_tokens\":[],\"normalizer\":%s,\"pre_tokenizer\":null,\"decoder\":%s,"
                      "\"model\":{\"type\":\"WordLevel\",\"vocab\":{%s},\"unk_token\":\"x\"}}", normalizer, decoder, vocab);
    struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
    if (!t) fail_msg("%s %s: %s", normalizer, decoder, e.msg);
    buf_free(&json);
    return t;
}

/* Each character of the normal form with the bytes of the text that it comes from: "a[0,1) b[1,2)". */
static void normalise(const struct norm_chain *c, const char *text, struct buf *out)
{
    struct norm w = {.want_origin = true};
    struct err e = {0};
    size_t n = strlen(text);
    int changed = norm_run(c, &w, text, n, &e);
    if (changed < 0) fail_msg("%s", e.msg);
    const uint8_t *s = (const uint8_t *)(changed ? w.out->text.data : text);
    if (changed) n = w.out->text.len;
    out->len = 0;
    buf_adds(out, "");
    for (size_t i = 0; i < n;) {
        unsigned len = uni_next(s + i, n - i).len;
        struct norm_origin o = changed ? w.out->origin[i] : (struct norm_origin){i, i + len};
        buf_printf(out, "%s%.*s[%zu,%zu)", i ? " " : "", (int)len, s + i, o.begin, o.end);
        for (unsigned k = 1; changed && k < len; k++) {
            assert_int_equal(w.out->origin[i + k].begin, o.begin);
            assert_int_equal(w.out->origin[i + k].end, o.end);
        }
        i += len;
    }
    norm_free(&w);
}

static void normalizers_tell_where_characters_come_from(void **state)
{
    (void)state;
    static const struct { const char *normalizer, *text, *want; } v[] = {
        {"{\"type\":\"Nmt\"}",
         "a\302\217\302\237\342\226\201b\177\342\200\213c\010\013d\342\200\217", "a[0,1)  [5,8) b[8,9)  [10,13) c[13,14) d[16,17)  [17,20)"},
        {"{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":true}",
         "a\360\253\240\240b\360\253\244\240c\360\254\272\257d\360\253\240\237e\343\220\200\351\277\277\357\244\200\343\202\242", "a[0,1) \360\253\240\240[1,5) b[5,6)  [6,10) \360\253\244\240[6,10)  [6,10) c[10,11)  [11,15) \360\254\272\257[11,15)  [11,15) d[15,16)  [16,20) \360\253\240\237[16,20)  [16,20) e[20,21)  [21,24) \343\220\200[21,24)  [21,24)  [24,27) \351\277\277[24,27)  [24,27)  [27,30) \350\261\210[27,30)  [27,30) \343\202\242[30,33)"},
        {"{\"type\":\"Prepend\",\"prepend\":\"ab\"}",
         "", ""},
        {"{\"type\":\"Prepend\",\"prepend\":\"ab\"}",
         "\303\251x", "a[0,2) b[0,2) \303\251[0,2) x[2,3)"},
        {"{\"type\":\"Prepend\",\"prepend\":\"\342\226\201\"}",
         "\360\237\230\200x", "\342\226\201[0,4) \360\237\230\200[0,4) x[4,5)"},
        {"{\"type\":\"ByteLevel\"}",
         "\360\237\230\200a\303\251", "\303\260[0,4) \305\201[0,4) \304\272[0,4) \304\242[0,4) a[4,5) \303\203[5,7) \302\251[5,7)"},
        {"{\"type\":\"NFKC\"}",
         "\343\213\277\343\213\276\357\254\201\342\221\240\341\204\200\341\205\241\341\206\250", "\343\213\277[0,3) \343\203\262[3,6) f[6,9) i[6,9) 1[9,12) \352\260\201[12,15)"},
        {"{\"type\":\"NFD\"}",
         "\303\251\341\271\251\352\260\201q\314\207\314\243", "e[0,2) \314\201[0,2) s[2,5) \314\243[2,5) \314\207[2,5) \341\204\200[5,8) \341\205\241[5,8) \341\206\250[5,8) q[8,9) \314\243[9,11) \314\207[11,13)"},
        {"{\"type\":\"NFC\"}",
         "e\314\201s\314\243\314\207a\314\225\314\200\326\256\314\200x", "\303\251[0,1) \341\271\251[3,4) \303\240[8,9) \326\256[11,13) \314\200[13,15) \314\225[15,17) x[17,18)"},
        {"{\"type\":\"StripAccents\"}",
         "e\314\201\314\202a\314\200", "e[0,1) a[5,6)"},
        {"{\"type\":\"Lowercase\"}",
         "\304\260I\341\272\236\316\243", "i[0,2) \314\207[0,2) i[2,3) \303\237[3,6) \317\203[6,8)"},
        {"{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}",
         " \343\200\200a b \011", "a[4,5)  [5,6) b[6,7)  [7,8) \011[8,9)"},
        {"{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true}",
         " \343\200\200a b \011", " [0,1) \343\200\200[1,4) a[4,5)  [5,6) b[6,7)"},
        {"{\"type\":\"Replace\",\"pattern\":{\"String\":\"aa\"},\"content\":\"b\303\251\"}",
         "aaaXaa", "b[1,2) \303\251[1,2) a[2,3) X[3,4) b[5,6) \303\251[5,6)"},
        {"{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\s+\"},\"content\":\"_\"}",
         " a \343\200\200 b", "_[0,1) a[1,2) _[6,7) b[7,8)"},
        {"{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"x*\"},\"content\":\"-\"}",
         "axxb", "-[0,0) a[0,1) -[2,3) b[3,4) -[3,4)"},
        {"{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"},{\"type\":\"StripAccents\"},{\"type\":\"Lowercase\"},{\"type\":\"Prepend\",\"prepend\":\"_\"}]}",
         "\303\211a\314\201B", "_[0,2) e[0,2) a[2,3) b[5,6)"},
    };
    struct buf got = {0};
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct tokenizer *t = with(v[i].normalizer, "null", "\"x\":0");
        normalise(&t->norm, v[i].text, &got);
        if (strcmp(got.len ? got.data : "", v[i].want) != 0) fail_msg("%s: %s, not %s", v[i].normalizer, got.data, v[i].want);
        tok_free(t);
    }
    buf_free(&got);
}

/* A chain of one step with these rules. */
static struct norm_chain ruled(const char *text, enum norm_kind kind)
{
    struct charsmap_rules rules = {0};
    struct buf bytes = {0};
    struct norm_chain c = {0};
    struct err e = {0};
    if (charsmap_rules_read(&rules, text, strlen(text), "rules", &e) || charsmap_compile(&rules, &bytes, &e)) fail_msg("%s", e.msg);
    struct norm_step *st = norm_chain_add(&c, kind, &e);
    st->map = charsmap_new(bytes.data, bytes.len, &e);
    assert_non_null(st->map);
    charsmap_rules_free(&rules);
    buf_free(&bytes);
    return c;
}

/* Whole graphemes of less than six bytes come first, then each character. */
static void compiled_rules_go_by_graphemes(void **state)
{
    (void)state;
    static const char rules[] = "0065 0301\t0045\n0061\t\n0062\t0063 0064\n0065 0301 0302 0303\t0058\n0066 0301 0302\t0059\n"
                                "00E9 0301 0302\t005A\n";
    static const struct { const char *text, *want; } v[] = {
        {"xe\314\201y", "x[0,1) E[1,2) y[4,5)"},
        {"babax", "c[0,1) d[1,2) c[2,3) d[3,4) x[4,5)"},
        {"e\314\201\314\202\314\203z", "e[0,1) \314\201[1,3) \314\202[3,5) \314\203[5,7) z[7,8)"},
        {"f\314\201\314\202g", "Y[0,1) g[5,6)"},
        {"\303\251\314\201\314\202h", "\303\251[0,2) \314\201[2,4) \314\202[4,6) h[6,7)"},
        {"b\303\251\314\201\314\202h", "c[0,1) d[0,1) \303\251[1,3) \314\201[3,5) \314\202[5,7) h[7,8)"},
        {"aa", ""},
        {"xaay", "x[0,1) y[3,4)"},
        {"e\314\201\314\202x", "E[0,1) x[5,6)"},
        {"b\u1AEBx", "c[0,1) d[1,4) x[4,5)"}, /* a mark of Unicode 17 */
    };
    struct norm_chain c = ruled(rules, NORM_PRECOMPILED);
    struct buf got = {0};
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        normalise(&c, v[i].text, &got);
        assert_string_equal(got.len ? got.data : "", v[i].want);
    }
    buf_free(&got);
    norm_chain_free(&c);
}

/* 2^36 steps take a minute, 2^18 no time. */
static void rules_look_at_a_place_once(void **state)
{
    (void)state;
    enum { N = 1 << 18 };
    static const char rules[] = "0062\t0063\n0064 0065\t0066\n";
    struct norm_chain c = ruled(rules, NORM_SPM);
    struct norm w = {0};
    struct err e = {0};
    char *text = mem_zalloc(N, 1);
    assert_int_equal(norm_run(&c, &w, text, N, &e), 1);
    assert_int_equal(w.out->text.len, N);
    memset(text, 'b', N);
    assert_int_equal(norm_run(&c, &w, text, N, &e), 1);
    assert_int_equal(w.out->text.data[N - 1], 'c');
    free(text);
    norm_free(&w);
    norm_chain_free(&c);
}

static void add_vocab(struct buf *vocab, const char *const *token, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool twice = false;
        for (size_t k = 0; k < i; k++) twice = twice || strcmp(token[k], token[i]) == 0;
        if (twice) continue;
        if (i) buf_addc(vocab, ',');
        buf_add_json(vocab, token[i], strlen(token[i]));
        buf_printf(vocab, ":%zu", i);
    }
    buf_printf(vocab, ",\"x\":%zu", n);
}

/* Which characters steps of normalising remove, make a space or put spaces around: Hugging Face's tokenizers, asked for each. */
struct range {
    uint32_t first, last;
};

static bool is_in(const struct range *r, uint32_t cp)
{
    for (; r->last; r++)
        if (cp >= r->first && cp <= r->last) return true;
    return false;
}

static void expect_sets(const char *norm, const struct range *removed, const struct range *space, const struct range *around)
{
    static const char *const token[] = {"a"};
    struct buf vocab = {0};
    add_vocab(&vocab, token, 1);
    struct tokenizer *t = with(norm, "null", vocab.data);
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        uint32_t out[NORM_CHAR_MOST];
        if (cp >= 0xD800 && cp <= 0xDFFF) continue;
        int n = norm_char(&t->norm, cp, out);
        bool right = n == 1 && *out == cp;
        if (is_in(removed, cp)) right = n == 0;
        else if (is_in(space, cp)) right = n == 1 && *out == ' ';
        else if (is_in(around, cp)) right = n == 3 && *out == ' ' && out[1] == cp && out[2] == ' ';
        if (!right) fail_msg("%s: U+%04X becomes %d characters", norm, (unsigned)cp, n);
    }
    tok_free(t);
    buf_free(&vocab);
}

static void sets_of_characters_are_those_of_the_engine(void **state)
{
    (void)state;
    static const struct range none[] = {{0, 0}},
        removed[] = {{0x1, 0x8}, {0xB, 0xB}, {0xE, 0x1F}, {0x7F, 0x7F}, {0x8F, 0x8F}, {0x9F, 0x9F}, {0, 0}},
        space[] = {{0x9, 0xA}, {0xC, 0xD}, {0x1680, 0x1680}, {0x200B, 0x200F}, {0x2028, 0x2029}, {0x2581, 0x2581}, {0xFEFF, 0xFEFF},
            {0xFFFD, 0xFFFD}, {0, 0}},
        chinese[] = {{0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xF900, 0xFAFF}, {0x20000, 0x2A6DF}, {0x2A700, 0x2B81F}, {0x2B920, 0x2CEAF},
            {0x2F800, 0x2FA1F}, {0, 0}},
        unclean[] = {{0x0, 0x8}, {0xB, 0xC}, {0xE, 0x1F}, {0x7F, 0x9F}, {0xAD, 0xAD}, {0x600, 0x605}, {0x61C, 0x61C}, {0x6DD, 0x6DD},
            {0x70F, 0x70F}, {0x180E, 0x180E}, {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x2064}, {0x2066, 0x206F},
            {0xE000, 0xF8FF}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xFFFD, 0xFFFD}, {0x110BD, 0x110BD}, {0x1BCA0, 0x1BCA3},
            {0x1D173, 0x1D17A}, {0xE0001, 0xE0001}, {0xE0020, 0xE007F}, {0xF0000, 0xFFFFD}, {0x100000, 0x10FFFD}, {0, 0}},
        blank[] = {{0x9, 0xA}, {0xD, 0xD}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},
            {0x205F, 0x205F}, {0x3000, 0x3000}, {0, 0}};
    expect_sets("{\"type\":\"Nmt\"}", removed, space, none);
    expect_sets("{\"type\":\"BertNormalizer\",\"clean_text\":false,\"handle_chinese_chars\":true,\"strip_accents\":false,\"lowercase\":false}", none, none, chinese);
    expect_sets("{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":false,\"strip_accents\":false,\"lowercase\":false}", unclean, blank, none);
}

static void decoders_join_tokens(void **state)
{
    (void)state;
    enum { MOST = 20 };
    static const struct { const char *decoder, *token[MOST], *want; } v[] = {
        {"{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true}",
         {"I", "do not", "n't", "do", "not", "know", ",", "is", "##n", "n", "'", "t", "?", "we", "'", "ve", "'", "s", " 'm"}, "I don'tn't do not know, isn n ' t? we ' ve ' s 'm"},
        {"{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":false}",
         {"##a", "##b", ".", "c"}, "##ab . c"},
        {"{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"_\"},\"content\":\" \"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]}",
         {"_a", "_b_"}, "a b "},
        {"{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":1}",
         {"  a  ", " b "}, " a b"},
        {"{\"type\":\"Strip\",\"content\":\"x\",\"start\":2,\"stop\":0}",
         {"xxxa", "xb"}, "xab"},
        {"{\"type\":\"Strip\",\"content\":\"x\",\"start\":0,\"stop\":2}",
         {"axxx", "bx"}, "axb"},
        {"{\"type\":\"BPEDecoder\",\"suffix\":\"</w>\"}",
         {"a", "b</w>", "c</w>"}, "ab c"},
        {"{\"type\":\"Metaspace\",\"replacement\":\"\342\226\201\",\"prepend_scheme\":\"always\",\"split\":true}",
         {"\342\226\201a\342\226\201", "\342\226\201b"}, "a b"},
        {"{\"type\":\"Metaspace\",\"replacement\":\"\342\226\201\",\"prepend_scheme\":\"never\",\"split\":true}",
         {"\342\226\201a\342\226\201", "\342\226\201b"}, " a  b"},
        {"{\"type\":\"Metaspace\",\"replacement\":\"_\"}", {"_a", "_b"}, "a b"},
        {"{\"type\":\"Metaspace\",\"replacement\":\"_\",\"add_prefix_space\":true}", {"_a", "_b"}, "a b"},
        {"{\"type\":\"CTC\",\"pad_token\":\"<pad>\",\"word_delimiter_token\":\"|\",\"cleanup\":true}",
         {"h", "h", "<pad>", "h", "|", "i", "|", "|", "i"}, "hh i i"},
        {"{\"type\":\"CTC\",\"pad_token\":\"<pad>\",\"word_delimiter_token\":\"|\",\"cleanup\":true}",
         {"|", "a", "<pad>", "<pad>", "a", "."}, " aa."},
        {"{\"type\":\"CTC\",\"pad_token\":\"<pad>\",\"word_delimiter_token\":\"|\",\"cleanup\":false}",
         {"a", "a", "<pad>", "a", "|", "|", "a", "."}, "aa|a."},
        {"{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true}",
         {"a", "##b", "##", "n't", "'m", "'s", "'ve", "'re", "?", "!", ",", "'", "a"}, "abn't'm's've're?!, ' a"},
        {"{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true}",
         {"##", "a"}, "## a"},
        {"{\"type\":\"BPEDecoder\",\"suffix\":\"</w>\"}",
         {"</w>", "</w>", "a"}, "  a"},
        {"{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Strip\",\"content\":\" \",\"start\":2,\"stop\":1},{\"type\":\"Fuse\"}]}",
         {"  d ", " d", "   "}, "dd"},
        {"{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"[a-c.]+\"},\"content\":\"<>\"}",
         {"a", ".", "_c", "a_b"}, "<><>_<><>_<>"},
        {"{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]}",
         {"a", "<0xE2>", "<0x96>", "b", "<0xC3>", "<0xA9>"}, "a\357\277\275\357\277\275b\303\251"},
        {"{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true}",
         {"\304\240a", "\303\203", "\302\251"}, " a\303\251"},
    };
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct buf vocab = {0}, text = {0};
        struct err e = {0};
        int32_t ids[MOST];
        size_t n = 0;
        while (n < MOST && v[i].token[n]) n++;
        add_vocab(&vocab, v[i].token, n);
        struct tokenizer *t = with("null", v[i].decoder, vocab.data);
        for (size_t k = 0; k < n; k++) ids[k] = tok_id(t, v[i].token[k]);
        assert_int_equal(tok_decode(t, ids, n, false, &text, &e), 0);
        if (strcmp(text.data, v[i].want) != 0) fail_msg("%s: '%s', not '%s'", v[i].decoder, text.data, v[i].want);
        /* One by one, too; but bytes that are no character are U+FFFD for each that can begin one. */
        struct tok_stream one;
        tok_stream_init(&one, t, false);
        buf_clear(&text);
        for (size_t k = 0; k < n; k++) assert_int_equal(tok_stream_add(&one, ids[k], &text, &e), 0);
        tok_stream_end(&one, &text);
        if (!strstr(v[i].decoder, "ByteFallback")) assert_string_equal(text.data, v[i].want);
        tok_free(t);
        buf_free(&vocab);
        buf_free(&text);
    }
}

/* Each of 40 steps makes a text twice as long: a file of two kilobytes, and more memory than there is. */
static void what_a_decoder_lacks_is_named(void **state)
{
    static const struct { const char *decoder, *why; } v[] = {
        {"\"CTC\",\"word_delimiter_token\":\"|\",\"cleanup\":true", "pad_token"}, {"\"CTC\",\"pad_token\":\"_\",\"cleanup\":true", "word_delimiter_token"},
        {"\"CTC\",\"pad_token\":\"_\",\"word_delimiter_token\":\"|\"", "cleanup"}, {"\"CTC\",\"pad\":\"_\"", "decoder.pad"},
        {"\"WordPiece\",\"cleanup\":true", "prefix"}, {"\"WordPiece\",\"prefix\":\"\"", "cleanup"}, {"\"Metaspace\"", "replacement"},
        {"\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":1", "prepend_scheme"}, {"\"Metaspace\",\"replacement\":\"_\",\"add_prefix_space\":1", "add_prefix_space"},
        {"\"Metaspace\",\"replacement\":\"_\",\"more\":1", "decoder.more"}, {"\"BPEDecoder\"", "suffix"}, {"\"Replace\",\"pattern\":{\"String\":\"a\"}", "content"},
        {"\"Replace\",\"content\":\"a\"", "pattern"}, {"\"Strip\",\"content\":\"a\",\"stop\":0", "start"}, {"\"Strip\",\"content\":\"a\",\"start\":0", "stop"},
        {"\"Strip\",\"start\":0,\"stop\":0", "content"}, {"\"Fuse\",\"more\":1", "decoder.more"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct err e = {0};
        struct buf json = {0};
        buf_printf(&json, "{\"decoder\":{\"type\":%s},\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"x\":0},\"unk_token\":\"x\"}}", v[i].decoder);
        assert_null(tok_parse(json.data, json.len, "t.json", &e));
        if (e.code != ERR_DATA || !strstr(e.msg, v[i].why)) fail_msg("%s: '%s'", v[i].decoder, e.msg);
        buf_free(&json);
    }
}

static void steps_that_double_a_text_end(void **state)
{
    (void)state;
    static const char replace[] = "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aa\"}";
    static const struct { const char *who, *key, *list, *step, *last; } v[] = {
        {"the normalizer", "normalizer", "normalizers", replace, NULL}, {"the normalizer", "normalizer", "normalizers", "{\"type\":\"ByteLevel\"}", NULL},
        {"the pre-tokenizer", "pre_tokenizer", "pretokenizers", "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}", NULL},
        {"the decoder", "decoder", "decoders", replace, replace}, {"the decoder", "decoder", "decoders", replace, "{\"type\":\"Fuse\"}"}};
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct buf json = {0}, text = {0};
        struct tok_ids ids = {0};
        struct err e = {0};
        buf_printf(&json, "{\"version\":\"1.0\",\"added_tokens\":[],\"%s\":{\"type\":\"Sequence\",\"%s\":[", v[i].key, v[i].list);
        for (int k = 0; k < 40; k++) buf_printf(&json, "%s%s", k ? "," : "", v[i].step);
        if (v[i].last) buf_printf(&json, ",%s", v[i].last);
        buf_adds(&json, "]},\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},\"unk_token\":\"a\"}}");
        struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
        if (!t) fail_msg("%s", e.msg);
        struct tok_scratch *s = tok_scratch_new(t, &e);
        const char *say = "a\303\251";
        int ret = v[i].last ? tok_decode(t, (int32_t[]){0}, 1, false, &text, &e) : tok_encode(t, s, say, strlen(say), 0, &ids, &e);
        assert_int_equal(ret, -1);
        if (strncmp(e.msg, v[i].who, strlen(v[i].who)) || !strstr(e.msg, "more than 1024 times")) fail_msg("%s", e.msg);
        tok_scratch_free(s);
        tok_ids_free(&ids);
        tok_free(t);
        buf_free(&json);
        buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalizers_tell_where_characters_come_from),
        cmocka_unit_test(compiled_rules_go_by_graphemes),
        cmocka_unit_test(rules_look_at_a_place_once),
        cmocka_unit_test(sets_of_characters_are_those_of_the_engine),
        cmocka_unit_test(decoders_join_tokens),
        cmocka_unit_test(what_a_decoder_lacks_is_named),
        cmocka_unit_test(steps_that_double_a_text_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
