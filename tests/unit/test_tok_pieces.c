/* SentencePiece's pieces with the ids of another vocabulary: tok_pieces.h. */
#include "tests/unit/tok_util.h"

#include <stdio.h>

#include "core/base/mem.h"
#include "core/token/spm_model.h"
#include "core/token/tok_base64.h"
#include "core/token/tok_feed.h"
#include "core/token/tok_pieces.h"

#define MARK "\xe2\x96\x81"

/* The bytes of a model in base64: <unk> <s> </s> and these pieces. */
static void model(struct buf *out, const char *const *piece, size_t n, bool user)
{
    struct err e = {0};
    struct spm_model m;
    struct buf file = {0};
    spm_model_init(&m);
    m.kind = SPM_UNIGRAM;
    spm_model_add(&m, "<unk>", 5, 0, SPM_UNKNOWN, &e);
    spm_model_add(&m, "<s>", 3, 0, SPM_CONTROL, &e);
    spm_model_add(&m, "</s>", 4, 0, SPM_CONTROL, &e);
    for (size_t i = 0; i < n; i++) spm_model_add(&m, piece[i], strlen(piece[i]), -1 - (float)i / 8, SPM_NORMAL, &e);
    if (user) spm_model_add(&m, "<sep>", 5, 0, SPM_USER, &e);
    assert_int_equal(spm_model_write(&m, &file, &e), 0);
    assert_int_equal(tok_base64(file.data, file.len, out, &e), 0);
    spm_model_free(&m);
    buf_free(&file);
}

#define ADDED(id, text) "{\"id\":" #id ",\"content\":\"" text "\",\"normalized\":false,\"special\":true}"

static struct buf form(const char *more, const char *ways)
{
    static const char *const source[] = {MARK, "a", "b", "ab", MARK "ab", "cd"}, *const target[] = {MARK, "a", "d", MARK "da"};
    struct buf json = {0};
    buf_printf(&json, "{\"llmctl\":\"pieces\",\"added_tokens\":[" ADDED(0, "</s>") "," ADDED(1, "<unk>") "," ADDED(12, "<sep>") "],"
               "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
               "{\"SpecialToken\":{\"id\":\"e\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
               "{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}],\"special_tokens\":{\"e\":{\"id\":\"e\",\"ids\":[0],\"tokens\":[\"</s>\"]}}},"
               "\"unk_token\":\"<unk>\",\"decoder\":[%s],%s\"data\":\"", ways, more);
    model(&json, source, COUNT_OF(source), true);
    if (!strstr(more, "null")) {
        buf_adds(&json, "\",\"target\":\"");
        model(&json, target, COUNT_OF(target), false);
    }
    buf_adds(&json, "\",\"model\":{\"vocab\":{\"</s>\":0,\"<unk>\":1,\"" MARK "\":2,\"a\":3,\"b\":4,\"" MARK "ab\":5,\">>x<<\":6,\"d\":7,"
                    "\"" MARK "da\":8,\"<s>\":9,\"e\":10,\"xy\":11,\"<sep>\":12,\"\xC3\xA9\":14}}}");
    return json;
}

static struct tokenizer *parse(const char *more, const char *ways, struct err *e)
{
    struct buf json = form(more, ways);
    struct tokenizer *t = tok_parse_file(json.data, json.len, "t.json", e);
    buf_free(&json);
    return t;
}

static struct tokenizer *make(const char *ways)
{
    struct err e = {0};
    struct tokenizer *t = parse("\"codes\":true,", ways, &e);
    if (!t) fail_msg("%s", e.msg);
    return t;
}

/* "id@begin-end ..." of a text, by the reference and by the fast way, with spans and without. */
static void encodes(const struct tokenizer *t, unsigned flags, const char *text, const char *want)
{
    struct err e = {0};
    struct tok_scratch *s = tok_scratch_new(t, &e);
    for (int way = 0; way < 4; way++) {
        struct tok_ids ids = {.want_spans = way < 2};
        char got[512] = "", bare[512] = "";
        size_t n = 0, m = 0;
        s->chains = way & 1;
        if (tok_encode(t, s, text, strlen(text), flags, &ids, &e)) fail_msg("%s", e.msg);
        for (size_t i = 0; i < ids.n; i++)
            n += (size_t)snprintf(got + n, sizeof got - n, way < 2 ? "%s%d@%zu-%zu" : "%s%d", i ? " " : "", (int)ids.id[i],
                                  way < 2 ? ids.span[i].begin : 0, way < 2 ? ids.span[i].end : 0);
        for (const char *p = want; *p; p++) {
            if (*p == '@') p += strcspn(p, " ");
            if (!*p) break;
            bare[m++] = *p;
        }
        assert_string_equal(got, way < 2 ? want : bare);
        tok_ids_free(&ids);
    }
    tok_scratch_free(s);
}

static void pieces_are_looked_up(void **state)
{
    (void)state;
    struct tokenizer *t = make("");
    encodes(t, 0, "ab", "5@0-2");
    encodes(t, TOK_TEMPLATE, "a ab", "2@0-0 3@0-1 5@1-4 0@0-0");
    encodes(t, 0, "acd", "2@0-0 3@0-1 1@1-3");                  /* "cd" has no id */
    encodes(t, 0, "axyb", "2@0-0 3@0-1 11@1-3 4@3-4");          /* no piece, but a token */
    encodes(t, 0, "axb \xC3\xA9", "2@0-0 3@0-1 1@1-2 4@2-3 2@3-4 14@4-6");
    encodes(t, 0, "xe", "2@0-0 1@0-2");                         /* both together are none */
    encodes(t, 0, "", "");
    tok_free(t);
}

/* Ids are laid over the text to find what is unknown; where that is not certain, it is the reference that does it. */
static void unknown_texts_are_found_without_spans(void **state)
{
    (void)state;
    static const char *const part[] = {"a", "b", "c", "d", "cd", "x", "y", "xy", " ", "e", "\xC3\xA9", MARK, "\xE6\x97\xA5", "<sep>"};
    struct err e = {0};
    struct tokenizer *t = make("");
    struct tok_scratch *s = tok_scratch_new(t, &e);
    unsigned seed = 1;
    for (int k = 0; k < 3000; k++) {
        struct buf text = {0};
        struct tok_ids want = {0}, got = {0};
        for (int i = 0; i < 1 + k % 23; i++) {
            seed = seed * 1103515245u + 12345u;
            buf_adds(&text, part[(seed >> 16) % COUNT_OF(part)]);
        }
        s->chains = true;
        assert_int_equal(tok_encode(t, s, text.data, text.len, 0, &want, &e), 0);
        s->chains = false;
        assert_int_equal(tok_encode(t, s, text.data, text.len, 0, &got, &e), 0);
        if (want.n != got.n || (got.n && memcmp(want.id, got.id, got.n * sizeof *got.id))) fail_msg("'%s'", text.data);
        tok_ids_free(&want);
        tok_ids_free(&got);
        buf_free(&text);
    }
    tok_scratch_free(s);
    tok_free(t);
}

/* Only then a text is cut once more: where a token has nothing but characters that the model has no piece for. */
static void it_is_known_whether_unknown_text_can_be_a_token(void **state)
{
    (void)state;
    static const struct { const char *token; bool may; } row[] = {{"xy", true}, {"xa", false}, {"c", true}, {"\xC3\xA9", true}, {"<sep>", true}, {"ab", false}};
    static const char *const piece[] = {MARK, "a", "b", "cd"};
    struct err e = {0};
    for (size_t i = 0; i < COUNT_OF(row); i++) {
        struct buf json = {0};
        buf_printf(&json, "{\"llmctl\":\"pieces\",\"unk_token\":\"<unk>\",\"model\":{\"vocab\":{\"<unk>\":0,\"%s\":1}},\"data\":\"", row[i].token);
        model(&json, piece, COUNT_OF(piece), false);
        buf_adds(&json, "\"}");
        struct tokenizer *t = tok_parse_file(json.data, json.len, "t.json", &e);
        if (!t) fail_msg("%s", e.msg);
        assert_int_equal(t->pieces->side[SIDE_SOURCE].names, row[i].may);
        tok_free(t);
        buf_free(&json);
    }
}

static void codes_stand_in_front(void **state)
{
    (void)state;
    struct tokenizer *t = make("");
    encodes(t, 0, ">>x<<", "6@0-5");
    encodes(t, 0, ">>x<<ab", "6@0-5 5@5-7");
    encodes(t, 0, ">>a b<< ab", "1@0-7 5@8-10");                /* none that is known */
    encodes(t, 0, ">><<a", "1@0-4 2@4-4 3@4-5");
    encodes(t, 0, "a>>x<<", "2@0-0 3@0-1 6@1-6");               /* unknown to the model, but a token */
    encodes(t, 0, "a>>b<<", "2@0-0 3@0-1 1@1-3 4@3-4 1@4-6");
    encodes(t, TOK_SPECIAL, "</s>>>x<<a", "0@0-4 6@4-9 2@9-9 3@9-10");
    encodes(t, 0, ">>", "2@0-0 1@0-2");
    tok_free(t);
}

/* Neither a name in the text, nor a piece that has one, nor a code is a special token before that is allowed. */
static void special_tokens_are_not_made_of_text(void **state)
{
    (void)state;
    struct err e = {0};
    struct tokenizer *t = make("");
    encodes(t, 0, "</s>a", "2@0-0 1@0-4 3@4-5");
    encodes(t, 0, "<sep>", "2@0-0 1@0-5");
    encodes(t, TOK_SPECIAL, "a<sep>a", "2@0-0 3@0-1 12@1-6 2@6-6 3@6-7");
    assert_int_equal(tok_allow_special(t, &e), 0);
    encodes(t, 0, "<sep>", "2@0-0 12@0-5");
    encodes(t, 0, "</s>", "2@0-0 0@0-4");
    tok_free(t);
}

static void targets_have_a_model_of_their_own(void **state)
{
    (void)state;
    struct err e = {0};
    struct tokenizer *t = make("");
    assert_true(tok_has_target(t));
    encodes(t, 0, "da", "2@0-0 7@0-1 3@1-2");
    encodes(t, TOK_TARGET, "da", "8@0-2");
    encodes(t, TOK_TARGET | TOK_TEMPLATE, "b", "2@0-0 4@0-1 0@0-0");
    tok_free(t);

    t = parse("\"target_post_processor\":null,", "", &e);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_ids ids = {0};
    struct tok_encoding pair = {0};
    assert_int_equal(tok_encode(t, s, "a", 1, TOK_TARGET, &ids, &e), 0);
    assert_int_equal(tok_encode(t, s, "a", 1, TOK_TARGET | TOK_TEMPLATE, &ids, &e), -1);
    assert_non_null(strstr(e.msg, "no target language"));
    assert_int_equal(tok_encode_pair(t, s, "a", 1, NULL, 0, TOK_TARGET | TOK_TEMPLATE, &pair, &e), -1);
    tok_encoding_free(&pair);
    tok_ids_free(&ids);
    tok_scratch_free(s);
    tok_free(t);
}

static void the_form_is_read_back(void **state)
{
    (void)state;
    struct err e = {0};
    struct tokenizer *t = make("\"space_after\",\"strip\",\"bars\"");
    struct buf json = {0};
    assert_int_equal(tok_to_json(t, &json, &e), 0);
    struct tokenizer *back = tok_parse_file(json.data, json.len, "back.json", &e);
    if (!back) fail_msg("%s", e.msg);
    assert_int_equal(tok_hash(back), tok_hash(t));
    assert_int_equal(tok_eos(back), 0);
    encodes(back, TOK_TEMPLATE, ">>x<<axy", "6@0-5 2@5-5 3@5-6 11@6-8 0@0-0");
    assert_false(tok_is_json(t));
    tok_free(back);
    tok_free(t);
    buf_free(&json);
}

/* ---- back to text ---- */

static void decodes(const struct tokenizer *t, bool skip, const int32_t *id, size_t n, const char *want)
{
    struct err e = {0};
    struct buf whole = {0}, parts = {0};
    struct tok_stream s;
    assert_int_equal(tok_decode(t, id, n, skip, &whole, &e), 0);
    assert_string_equal(buf_text(&whole), want);
    tok_stream_init(&s, t, skip);
    for (size_t i = 0; i < n; i++) assert_int_equal(tok_stream_add(&s, id[i], &parts, &e), 0);
    tok_stream_end(&s, &parts);
    assert_string_equal(buf_text(&parts), want);
    struct tok_feed f = {0};
    buf_clear(&parts);
    tok_feed_init(&f, t, skip);
    for (size_t i = 0; i < n; i++) assert_int_equal(tok_feed_add(&f, id + i, 1, &parts, &e), 0);
    assert_int_equal(tok_feed_end(&f, &parts, &e), 0);
    assert_string_equal(buf_text(&parts), want);
    tok_feed_free(&f);
    buf_free(&whole);
    buf_free(&parts);
}

static void parts_between_special_tokens_are_decoded_apart(void **state)
{
    (void)state;
    /* >>x<< _ab </s> _ab _da </s> </s> _ : "_da" is no piece of the source, <s> a control piece */
    static const int32_t id[] = {6, 5, 9, 0, 5, 8, 0, 0, 2};
    static const struct { const char *ways, *all, *skipped; } want[] = {
        {"\"strip\"", ">>x<< ab</s>ab" MARK "da</s></s>", ">>x<< ab ab" MARK "da"},
        {"\"strip\",\"space_after\"", ">>x<< ab</s> ab" MARK "da</s> </s>", ">>x<< ab ab" MARK "da"},
        {"\"strip\",\"space_after\",\"bars\"", ">>x<< ab</s> ab da</s> </s>", ">>x<< ab ab da"},
        {"\"joined\",\"strip\"", ">>x<< ab<s></s> ab da</s></s>", ">>x<< ab<s> ab da"},
    };
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        struct tokenizer *t = make(want[i].ways);
        decodes(t, false, id, COUNT_OF(id), want[i].all);
        decodes(t, true, id, COUNT_OF(id), want[i].skipped);
        tok_free(t);
    }
}

static void a_space_may_stand_before_a_part(void **state)
{
    (void)state;
    static const int32_t id[] = {0, 5, 3, 0, 0, 5};
    struct err e = {0};
    struct buf out = {0};
    struct tok_stream s;
    struct tokenizer *t = make("\"space_before\"");
    assert_int_equal(tok_decode(t, id, COUNT_OF(id), false, &out, &e), 0);
    assert_string_equal(out.data, " </s> aba</s></s>ab");
    tok_stream_init(&s, t, false);
    assert_int_equal(tok_stream_add(&s, 0, &out, &e), -1);
    decodes(t, true, id, COUNT_OF(id), "aba ab");
    tok_free(t);
    buf_free(&out);
}

static void words_are_joined_behind_marks(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf out = {0};
    static const char json[] = "{\"llmctl\":\"pieces\",\"added_tokens\":[" ADDED(4, "</s>") "],\"unk_token\":\"<unk>\",\"decoder\":[\"words\",\"strip\"],"
        "\"model\":{\"vocab\":{\"a@@\":0,\"b\":1,\"<unk>\":2,\"ab@@@@\":3}},\"data\":\"";
    static const char inner[] = "{\"model\":{\"type\":\"BPE\",\"unk_token\":\"  \",\"end_of_word_suffix\":\"</w>\",\"vocab\":{\"  \":0,\"a\":1,"
        "\"b</w>\":2,\"c</w>\":3},\"merges\":[]},\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"added_tokens\":[]}";
    const struct buf bytes = {.data = (char *)inner, .len = sizeof inner - 1};
    buf_adds(&out, json);
    tok_base64(bytes.data, bytes.len, &out, &e);
    buf_adds(&out, "\"}");
    struct tokenizer *t = tok_parse_file(out.data, out.len, "words.json", &e);
    if (!t) fail_msg("%s", e.msg);
    encodes(t, 0, " ab aac a\xC3\xA9", "0@1-2 1@2-3 0@4-5 0@5-6 2@6-7 0@8-9 2@9-11");
    static const int32_t id[] = {0, 1, 3, 0, 4, 1, 0};
    buf_clear(&out);
    assert_int_equal(tok_decode(t, id, COUNT_OF(id), false, &out, &e), 0);
    assert_string_equal(out.data, "ab ab@@a</s> b a@@");
    struct tok_stream s;
    tok_stream_init(&s, t, false);
    assert_int_equal(tok_stream_add(&s, 0, &out, &e), -1);
    buf_clear(&out);
    assert_int_equal(tok_to_json(t, &out, &e), 0);
    struct tokenizer *back = tok_parse_file(out.data, out.len, "back.json", &e);
    if (!back) fail_msg("%s", e.msg);
    encodes(back, 0, "ab", "0@0-1 1@1-2");
    tok_free(back);
    tok_free(t);
    buf_free(&out);
}

static void a_form_holds_no_other_form(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf out = {0}, inner = form("", "");
    buf_adds(&out, "{\"llmctl\":\"pieces\",\"unk_token\":\"a\",\"model\":{\"vocab\":{\"a\":0}},\"data\":\"");
    tok_base64(inner.data, inner.len, &out, &e);
    buf_adds(&out, "\"}");
    assert_null(tok_parse_file(out.data, out.len, "nested.json", &e));
    assert_non_null(strstr(e.msg, "neither a SentencePiece model"));
    buf_free(&inner);
    buf_free(&out);
}

static void special_tokens_may_be_shown(void **state)
{
    (void)state;
    static const int32_t id[] = {5, 12, 5, 0};
    struct err e = {0};
    struct tokenizer *t = parse("\"shown\":[\"<sep>\"],", "\"strip\"", &e);
    decodes(t, true, id, COUNT_OF(id), "ab<sep> ab");
    encodes(t, 0, "<sep>", "2@0-0 1@0-5");
    tok_free(t);
    assert_null(parse("\"shown\":[\"a\"],", "", &e));
    assert_non_null(strstr(e.msg, "no special token"));
}

static void members_of_another_kind_are_refused(void **state)
{
    (void)state;
    static const struct { const char *more, *ways, *why; } bad[] = {
        {"\"before\":5,", "", "before must be a string"},
        {"\"codes\":5,", "", "codes must be true or false"},
        {"\"class\":5,", "", "class must be a string"},
        {"\"shown\":[5],", "", "no special token"},
        {"\"spoken\":5,", "", "'spoken' has no vocabulary"},
        {"\"spoken\":{\"vocab\":{\"a\":\"b\"}},", "", "the id of 'a' in 'spoken' is none"},
        {"", "5", "a way to decode that is not known"},
        {"", "\"moses\"", "spoken_language is missing"},
        {"", "\"ctc\"", "'ctc' needs a word_delimiter_token"},
        {"\"ctc\":{\"word_delimiter_token\":5,\"space\":\" \"},", "\"ctc\"", "word_delimiter_token must be a string"},
        {"\"ctc\":{\"pad_token\":5,\"word_delimiter_token\":\"|\",\"space\":\" \"},", "\"ctc\"", "pad_token must be a string"},
        {"\"ctc\":{\"word_delimiter_token\":\"|\",\"space\":\" \",\"lower\":5},", "\"ctc\"", "lower must be true or false"}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct err e = {0};
        if (parse(bad[i].more, bad[i].ways, &e)) fail_msg("%s %s", bad[i].more, bad[i].ways);
        if (e.code != ERR_DATA || !strstr(e.msg, bad[i].why)) fail_msg("%s %s: %s", bad[i].more, bad[i].ways, e.msg);
    }
}

/* In the base64 of a model, which leaves nothing behind (where leaks are looked for). */
static void broken_models_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"llmctl\":\"pieces\",\"unk_token\":\"a\",\"model\":{\"vocab\":{\"a\":0}},\"data\":\"AAAAAA*A\"}",
        "{\"llmctl\":\"sentencepiece\",\"data\":\"AAAAAA*A\"}", "{\"llmctl\":\"tiktoken\",\"split\":\"gpt2\",\"data\":\"AAAAAA*A\"}"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct err e = {0};
        assert_null(tok_parse(bad[i], strlen(bad[i]), "t.json", &e));
        if (!strstr(e.msg, "bad base64 character at offset 6")) fail_msg("%s", e.msg);
    }
}

/* ---- any text ---- */

static uint32_t next(uint32_t *r)
{
    *r = *r * 1664525 + 1013904223;
    return *r >> 16;
}

static void both_ways_agree_on_any_text(void **state)
{
    (void)state;
    static const char *const part[] = {"a", "b", "ab", " ", "  ", "cd", "x", "y", "xy", "e", "\xC3\xA9", ">>x<<", ">>", "<<", "</s>", "<sep>",
                                       "\xEF\xBC\xA1", "\n", MARK, "\xFF"};
    struct tokenizer *t = make("");
    struct both both = both_new(t);
    uint32_t r = 7;
    for (int i = 0; i < 4000; i++) {
        char text[200] = "";
        for (uint32_t k = next(&r) % 12; k > 0; k--) strcat(text, part[next(&r) % COUNT_OF(part)]);
        both_same(&both, text, strlen(text), i & 2 ? TOK_SPECIAL : 0);
    }
    both_free(&both);
    tok_free(t);
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf json = form("\"codes\":true,", "\"strip\"");
    bool failed = true;
    for (int n = 1; failed && n < 10000; n++) {
        struct tok_ids ids = {.want_spans = n & 1};
        struct buf out = {0};
        struct tok_scratch *s = NULL;
        mem_fail_after(n);
        struct tokenizer *t = tok_parse_file(json.data, json.len, "t.json", &e);
        failed = !t || !(s = tok_scratch_new(t, &e)) || tok_encode(t, s, ">>x<<axy</s>", 12, TOK_SPECIAL | TOK_TEMPLATE, &ids, &e) ||
                 tok_decode(t, ids.id, ids.n, false, &out, &e) || tok_to_json(t, &out, &e);
        mem_fail_after(-1);
        tok_scratch_free(s);
        tok_ids_free(&ids);
        buf_free(&out);
        tok_free(t);
    }
    assert_false(failed);
    buf_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_looked_up),
        cmocka_unit_test(unknown_texts_are_found_without_spans),
        cmocka_unit_test(it_is_known_whether_unknown_text_can_be_a_token),
        cmocka_unit_test(codes_stand_in_front),
        cmocka_unit_test(special_tokens_are_not_made_of_text),
        cmocka_unit_test(targets_have_a_model_of_their_own),
        cmocka_unit_test(the_form_is_read_back),
        cmocka_unit_test(parts_between_special_tokens_are_decoded_apart),
        cmocka_unit_test(a_space_may_stand_before_a_part),
        cmocka_unit_test(words_are_joined_behind_marks),
        cmocka_unit_test(a_form_holds_no_other_form),
        cmocka_unit_test(special_tokens_may_be_shown),
        cmocka_unit_test(members_of_another_kind_are_refused),
        cmocka_unit_test(broken_models_are_refused),
        cmocka_unit_test(both_ways_agree_on_any_text),
        cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
