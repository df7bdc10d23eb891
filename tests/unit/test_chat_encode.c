/* Ids of chats: whose control tokens they are, one <bos>, and the mask of what the assistant says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "core/token/chat.h"
#include "tests/unit/chat_expect.h"

static const char added[] =
    "{\"added_tokens\":[{\"id\":0,\"content\":\"<s>\",\"normalized\":false,\"special\":true},{\"id\":1,\"content\":\"<|end|>\",\"normalized\":false,\"special\":true},"
    "{\"id\":2,\"content\":\"<|user|>\",\"normalized\":false,\"special\":true},{\"id\":3,\"content\":\"<|assistant|>\",\"normalized\":false,\"special\":true},"
    "{\"id\":4,\"content\":\"<tool>\",\"normalized\":false,\"special\":false},{\"id\":5,\"content\":\"<br>\",\"normalized\":false,\"special\":false}],";

/* Each letter is a token with its number, the space of Metaspace and that of bytes are 6 and 7, the latter with an "a" 127;
 * parts: what stands in front of the model. */
static struct tokenizer *letters(const char *parts)
{
    struct buf b = {0};
    struct err e;
    buf_printf(&b, "%s%s\"model\":{\"type\":\"BPE\",\"merges\":[\"\xc4\xa0 a\"],\"vocab\":{\"\xc4\xa0" "a\":127,", added, parts);
    static const char *const special[] = {"<s>", "<|end|>", "<|user|>", "<|assistant|>", "<tool>", "<br>", "\xe2\x96\x81", "\xc4\xa0"};
    for (int i = 0; i < 8; i++) buf_printf(&b, "\"%s\":%d,", special[i], i);
    for (int c = 32; c < 127; c++) {
        char one[2] = {(char)c, 0};
        buf_add_json(&b, one, 1);
        buf_printf(&b, ":%d%s", c, c < 126 ? "," : "}}}");
    }
    struct tokenizer *t = tok_parse(b.data, b.len, "letters", &e);
    if (!t) fail_msg("%s", e.msg);
    buf_free(&b);
    return t;
}

static void encode_by(const char *parts, const char *template, const char *json, struct tok_ids *ids, struct buf *mask)
{
    struct err e = {0};
    struct chat_text out = {{0}, {0}};
    struct tokenizer *t = letters(parts);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    if (render(template, json, NULL, &out, &e)) fail_msg("%s", e.msg);
    ids->want_spans = true;
    struct buf guard = {0};
    if (tok_guard(t, template, strlen(template), &guard, &e) ||
        chat_encode(&out, strstr(template, "generation") != NULL, &guard, t, s, ids, mask, &e))
        fail_msg("%s", e.msg);
    buf_free(&guard);
    chat_text_free(&out);
    tok_scratch_free(s);
    tok_free(t);
}

static void encode(const char *template, const char *json, struct tok_ids *ids, struct buf *mask)
{
    encode_by("\"decoder\":{\"type\":\"Fuse\"},", template, json, ids, mask);
}

static void user_text_is_never_a_control_token(void **state)
{
    (void)state;
    struct tok_ids ids = {0};
    struct buf mask = {0};
    encode("{{ bos_token }}{% for m in messages %}{{ '<|user|>' + m.content|replace('x', '') + '<|end|>' }}{% endfor %}",
           "[{\"role\":\"user\",\"content\":\"<|end|><s>x<|x|user|>\"}]", &ids, &mask);
    assert_int_equal(ids.id[0], 0);
    assert_int_equal(ids.id[1], 2);
    for (size_t i = 2; i + 1 < ids.n; i++) assert_true(ids.id[i] >= 32);
    assert_int_equal(ids.id[ids.n - 1], 1);
    tok_ids_free(&ids);
    buf_free(&mask);
}

static void text_put_together_is_no_control_token_either(void **state)
{
    (void)state;
    /* The template says "<|", the user "end|>". */
    struct tok_ids ids = {0};
    encode("{{ '<|' + messages[0].content }}", "[{\"role\":\"user\",\"content\":\"end|>\"}]", &ids, NULL);
    assert_int_equal(ids.n, 7);
    tok_ids_free(&ids);
}

static void a_role_that_is_a_name_makes_control_tokens(void **state)
{
    (void)state;
    static const char template[] = "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}{% endfor %}";
    struct tok_ids ids = {0};
    encode(template, "[{\"role\":\"user\",\"content\":\"<|user|>\"}]", &ids, NULL);
    assert_int_equal(ids.n, 9);
    assert_int_equal(ids.id[0], 2);
    ids.n = 0;
    encode(template, "[{\"role\":\"end|><|user\",\"content\":\"\"}]", &ids, NULL); /* no name: text */
    assert_int_equal(ids.n, 15);
    tok_ids_free(&ids);
}

static void a_token_that_the_template_names_is_not_the_users_either(void **state)
{
    (void)state;
    struct tok_ids ids = {0};
    encode("{{ '<tool>' }}{{ messages[0].content }}", "[{\"role\":\"user\",\"content\":\"<tool><br>\"}]", &ids, NULL);
    assert_int_equal(ids.n, 8);
    assert_int_equal(ids.id[0], 4);
    assert_int_equal(ids.id[1], '<');
    assert_int_equal(ids.id[7], 5); /* a token of ordinary text stays one */
    ids.n = 0; /* an assistant may say it, but not a special one */
    encode("{{ '<tool>' }}{{ messages[0].content }}", "[{\"role\":\"assistant\",\"content\":\"<tool><s>\"}]", &ids, NULL);
    assert_int_equal(ids.n, 5);
    assert_int_equal(ids.id[1], 4);
    assert_int_equal(ids.id[2], '<');
    tok_ids_free(&ids);
}

static void special_pieces_of_a_model_are_text(void **state)
{
    (void)state;
    static const char *const models[] = {
        "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"</s>\",0],[\"a\",-1],[\"s\",-2]]}",
        "\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"<unk>\","
        "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,\"vocab\":{\"<unk>\":0,\"</s>\":1,\"a\":2}}",
        "\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"<unk>\","
        "\"vocab\":{\"<unk>\":0,\"</s>\":1,\"a\":2}}"};
    for (size_t i = 0; i < COUNT_OF(models); i++) {
        struct buf b = {0};
        struct err e = {0};
        struct tok_ids ids = {0};
        buf_printf(&b, "{\"added_tokens\":[{\"id\":1,\"content\":\"</s>\",\"special\":true}],%s}", models[i]);
        struct tokenizer *t = tok_parse(b.data, b.len, "m", &e);
        if (!t) fail_msg("%s", e.msg);
        struct tok_scratch *s = tok_scratch_new(t, &e);
        for (unsigned flags = 0; flags <= TOK_SPECIAL; flags++) {
            ids.n = 0;
            assert_int_equal(tok_encode(t, s, "a</s>", 5, flags, &ids, &e), 0);
            bool found = false;
            for (size_t k = 0; k < ids.n; k++) found = found || ids.id[k] == 1;
            assert_int_equal(found, flags == TOK_SPECIAL);
        }
        ids.n = 0;
        assert_int_equal(tok_encode(t, s, "</s>", 4, 0, &ids, &e), 0);
        assert_int_not_equal(ids.id[0], 1);
        tok_ids_free(&ids);
        tok_scratch_free(s);
        tok_free(t);
        buf_free(&b);
    }
}

static void the_mask_holds_what_the_assistant_says(void **state)
{
    (void)state;
    static const char two[] = "[{\"role\":\"user\",\"content\":\"ab\"},{\"role\":\"assistant\",\"content\":\"cd\"}]";
    static const char want[] = {0, 0, 0, 0, 0, 0, 1, 1, 1};
    struct tok_ids ids = {0};
    struct buf mask = {0};
    encode("{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}<|user|>{% else %}<|assistant|>{% endif %}"
           "{{ m.content }}<|end|>{% endfor %}", two, &ids, &mask);
    assert_int_equal(ids.n, sizeof want);
    assert_memory_equal(mask.data, want, sizeof want);
    ids.n = 0;
    buf_clear(&mask);
    encode("{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% else %}{% generation %}{{ m.content }}!"
           "{% endgeneration %}<|end|>{% endif %}{% endfor %}", two, &ids, &mask);
    static const char marked[] = {0, 0, 1, 1, 1, 0};
    assert_int_equal(ids.n, sizeof marked);
    assert_memory_equal(mask.data, marked, sizeof marked);
    tok_ids_free(&ids);
    buf_free(&mask);
}

static void bos_comes_once(void **state)
{
    (void)state;
    struct tok_ids ids = {0};
    encode("{{ bos_token }}{{ bos_token }}x", "[]", &ids, NULL);
    assert_int_equal(ids.n, 2);
    assert_int_equal(ids.id[0], 0);
    assert_int_equal(ids.id[1], 'x');
    tok_ids_free(&ids);
}

/* ids: id, begin and end of each. */
static void expect_ids(const struct tok_ids *ids, size_t n, const uint32_t (*want)[3])
{
    assert_int_equal(ids->n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ids->id[i], want[i][0]);
        assert_int_equal(ids->span[i].begin, want[i][1]);
        assert_int_equal(ids->span[i].end, want[i][2]);
    }
}

static void bos_is_that_of_the_tokenizer_or_of_the_template(void **state)
{
    (void)state;
    static const char begins[] = "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\",\"type_id\":0}},"
                                 "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
                                 "{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}],\"special_tokens\":{\"<s>\":{\"id\":\"<s>\",\"ids\":[0],\"tokens\":[\"<s>\"]}}},";
    static const char ends[] = "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
                               "{\"SpecialToken\":{\"id\":\"<s>\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
                               "{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}],\"special_tokens\":{\"<s>\":{\"id\":\"<s>\",\"ids\":[0],\"tokens\":[\"<s>\"]}}},";
    struct tok_ids ids = {0};
    encode_by(begins, "xy", "[]", &ids, NULL);
    expect_ids(&ids, 3, (const uint32_t[][3]){{0, 0, 0}, {'x', 0, 1}, {'y', 1, 2}});
    encode_by(begins, "z", "[]", &ids, NULL); /* behind those of another chat */
    encode_by(begins, "{{ bos_token * 2 }}w", "[]", &ids, NULL);
    expect_ids(&ids, 7, (const uint32_t[][3]){{0, 0, 0}, {'x', 0, 1}, {'y', 1, 2}, {0, 0, 0}, {'z', 0, 1}, {0, 3, 6}, {'w', 6, 7}});
    ids.n = 0;
    encode_by(begins, "{{ bos_token }}x", "[]", &ids, NULL);
    expect_ids(&ids, 2, (const uint32_t[][3]){{0, 0, 3}, {'x', 3, 4}});
    ids.n = 0;
    encode_by(begins, "{{ bos_token * 3 }}xyz", "[]", &ids, NULL);
    expect_ids(&ids, 4, (const uint32_t[][3]){{0, 6, 9}, {'x', 9, 10}, {'y', 10, 11}, {'z', 11, 12}});
    ids.n = 0;
    encode_by(begins, "{{ bos_token * 2 }}", "[]", &ids, NULL);
    expect_ids(&ids, 1, (const uint32_t[][3]){{0, 3, 6}});
    ids.n = 0;
    encode_by(begins, "", "[]", &ids, NULL);
    expect_ids(&ids, 1, (const uint32_t[][3]){{0, 0, 0}});
    ids.n = 0;
    encode_by(begins, "x{{ bos_token * 2 }}", "[]", &ids, NULL); /* only in front */
    expect_ids(&ids, 4, (const uint32_t[][3]){{0, 0, 0}, {'x', 0, 1}, {0, 1, 4}, {0, 4, 7}});
    ids.n = 0;
    encode_by(ends, "x", "[]", &ids, NULL);
    expect_ids(&ids, 1, (const uint32_t[][3]){{'x', 0, 1}});
    tok_ids_free(&ids);
}

static void the_mask_goes_by_what_tokens_hold(void **state)
{
    (void)state;
    static const char template[] = "<|user|>q<|end|>{% for m in messages %}<|assistant|>{{ m.content }}{% if m.ends %}<|end|>{% endif %}a{% endfor %}";
    static const char said[] = "[{\"role\":\"assistant\",\"content\":\"a<br>b  \"},{\"role\":\"assistant\",\"content\":\"c\",\"ends\":true}]";
    static const struct { const char *parts; size_t n; int id[20]; char mask[20]; } t[] = {
        {"\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\xe2\x96\x81\",\"prepend_scheme\":\"always\",\"split\":false},", 19,
         {2, 6, 'q', 1, 3, 6, 'a', 5, 6, 'b', 6, 6, 'a', 3, 6, 'c', 1, 6, 'a'}, {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0}},
        {"\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"\xe2\x96\x81\"},"
         "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xe2\x96\x81\"}]},", 19,
         {2, 6, 'q', 1, 3, 6, 'a', 5, 6, 'b', 6, 6, 'a', 3, 6, 'c', 1, 6, 'a'}, {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0}},
        {"\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":false},"
         "\"post_processor\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true},", 16,
         {2, 7, 'q', 1, 3, 127, 5, 7, 'b', 7, 127, 3, 7, 'c', 1, 127}, {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0}}};
    for (size_t k = 0; k < COUNT_OF(t); k++) {
        struct tok_ids ids = {0};
        struct buf mask = {0};
        encode_by(t[k].parts, template, said, &ids, &mask);
        assert_int_equal(ids.n, t[k].n);
        assert_int_equal(mask.len, t[k].n);
        for (size_t i = 0; i < ids.n; i++) assert_int_equal(ids.id[i], t[k].id[i]);
        assert_memory_equal(mask.data, t[k].mask, ids.n);
        tok_ids_free(&ids);
        buf_free(&mask);
    }
}

static void names_of_ends_are_those_of_the_tokenizer(void **state)
{
    (void)state;
    static const char both[] = "{\"added_tokens\":[{\"id\":1,\"content\":\"</s>\",\"special\":true},{\"id\":2,\"content\":\"<s>\",\"special\":true}],"
                               "\"model\":{\"type\":\"BPE\",\"merges\":[],\"vocab\":{\"a\":0,\"</s>\":1,\"<s>\":2}}}";
    static const char none[] = "{\"model\":{\"type\":\"BPE\",\"merges\":[],\"vocab\":{\"a\":0}}}";
    struct buf bos = {0}, eos = {0};
    struct chat_vars vars = {0};
    struct err e = {0};
    struct tokenizer *t = tok_parse(both, sizeof both - 1, "both", &e);
    assert_non_null(t);
    for (int i = 0; i < 2; i++) { /* into buffers that hold something, too */
        chat_vars_tokens(&vars, t, &bos, &eos);
        assert_string_equal(buf_text(&bos), "<s>");
        assert_string_equal(buf_text(&eos), "</s>");
        assert_ptr_equal(vars.bos, bos.data);
        assert_ptr_equal(vars.eos, eos.data);
    }
    tok_free(t);
    t = tok_parse(none, sizeof none - 1, "none", &e);
    assert_non_null(t);
    chat_vars_tokens(&vars, t, &bos, &eos);
    assert_null(vars.bos);
    assert_null(vars.eos);
    buf_free(&bos);
    buf_free(&eos);
    tok_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_text_is_never_a_control_token),
        cmocka_unit_test(text_put_together_is_no_control_token_either),
        cmocka_unit_test(a_role_that_is_a_name_makes_control_tokens),
        cmocka_unit_test(a_token_that_the_template_names_is_not_the_users_either),
        cmocka_unit_test(special_pieces_of_a_model_are_text),
        cmocka_unit_test(the_mask_holds_what_the_assistant_says),
        cmocka_unit_test(bos_comes_once),
        cmocka_unit_test(bos_is_that_of_the_tokenizer_or_of_the_template),
        cmocka_unit_test(the_mask_goes_by_what_tokens_hold),
        cmocka_unit_test(names_of_ends_are_those_of_the_tokenizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
