/* Conversations as prompts: what is asked, what ends a turn, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "core/token/dialog.h"

/* Printable characters, and the control tokens of several families from 1 on. */
static const char *const control[] = {"<s>",
                                      "</s>",
                                      "<|im_end|>",
                                      "<|im_start|>",
                                      "<|eot_id|>",
                                      "<|start_header_id|>",
                                      "<|end_header_id|>",
                                      "<end_of_turn>",
                                      "<start_of_turn>",
                                      "<|end|>",
                                      "<|user|>",
                                      "<|assistant|>"};
enum { BOS = 1, EOS, IM_END, IM_START, EOT, HEADER, HEADER_END, TURN_END, TURN_START, PHI_END, PHI_USER, PHI_ASSISTANT };

static struct tokenizer *letters(void)
{
    struct buf b = {0};
    struct err e = {0};
    buf_adds(&b, "{\"added_tokens\":[");
    for (size_t i = 0; i < COUNT_OF(control); i++)
        buf_printf(&b, "%s{\"id\":%zu,\"content\":\"%s\",\"special\":true}", i ? "," : "", i + 1, control[i]);
    buf_adds(&b, "],\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\","
                 "\"type_id\":0}},"
                 "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{"
                 "\"Sequence\":"
                 "{\"id\":\"B\",\"type_id\":0}}],\"special_tokens\":{\"<s>\":{\"id\":\"<s>\",\"ids\":[1],\"tokens\":["
                 "\"<s>\"]}}},"
                 "\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":\"BPE\",\"merges\":[],\"vocab\":{\"\\n\":31");
    for (int c = 32; c < 127; c++) {
        char one[2] = {(char)c, 0};
        buf_addc(&b, ',');
        buf_add_json(&b, one, 1);
        buf_printf(&b, ":%d", c);
    }
    buf_adds(&b, "}}}");
    struct tokenizer *t = tok_parse(b.data, b.len, "letters", &e);
    if (!t) fail_msg("%s", e.msg);
    buf_free(&b);
    return t;
}

static void open_dialog(struct dialog *d, const struct tokenizer *t, const char *template)
{
    struct err e = {0};
    if (dialog_open(d, t, template, strlen(template), "t", 0, &e)) fail_msg("%s", e.msg);
}

/* The ids of a conversation as text again, control tokens among them. */
static void expect(struct dialog *d, const char *json, enum dialog_prompt prompt, const char *want)
{
    struct err e = {0};
    struct tok_ids ids = {0};
    struct buf text = {0};
    if (dialog_ids(d, json, strlen(json), "c", prompt, &ids, &e)) fail_msg("%s", e.msg);
    size_t n_bos = 0;
    for (size_t i = 0; i < ids.n; i++) {
        size_t n;
        const char *s = tok_spelling(d->t, ids.id[i], &n);
        if (ids.id[i] <= (int)COUNT_OF(control)) buf_addc(&text, '`'); /* a control token, not its letters */
        buf_add(&text, s, n);
        n_bos += ids.id[i] == BOS;
    }
    assert_string_equal(text.data, want);
    assert_int_equal(n_bos, 1);
    assert_int_equal(ids.id[0], BOS);
    buf_free(&text);
    tok_ids_free(&ids);
}

static void a_turn_ends_with_the_templates_token(void **state)
{
    (void)state;
    static const struct { const char *name; int end; } cases[] = {{"chatml", IM_END}, {"llama3", EOT}, {"gemma", TURN_END},
        {"phi3", PHI_END}, {"zephyr", EOS}, {"mistral", EOS}, {"llama2", EOS}, {"vicuna", EOS}};
    struct tokenizer *t = letters();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct dialog d;
        open_dialog(&d, t, chat_builtin(cases[i].name));
        bool found = false;
        for (int k = 0; k < d.n_ends; k++) found = found || d.ends[k] == cases[i].end;
        if (!found) fail_msg("%s: %d ends, the first %d", cases[i].name, d.n_ends, d.ends[0]);
        assert_int_equal(d.ends[0], EOS);
        assert_int_equal(d.n_ends, cases[i].end == EOS ? 1 : 2);
        dialog_close(&d);
    }
    tok_free(t);
}

static void the_prompt_follows_the_messages(void **state)
{
    (void)state;
    static const char user[] = "[{\"role\":\"user\",\"content\":\"hi <|im_end|>\"}]",
                      begun[] = "[{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\",\"content\":\"so\"}]";
    struct tokenizer *t = letters();
    struct dialog d;
    open_dialog(&d, t, chat_builtin("chatml"));
    expect(&d, user, DIALOG_AUTO, "`<s>`<|im_start|>user\nhi <|im_end|>`<|im_end|>\n`<|im_start|>assistant\n");
    expect(&d, user, DIALOG_NO, "`<s>`<|im_start|>user\nhi <|im_end|>`<|im_end|>\n");
    expect(&d, begun, DIALOG_AUTO, "`<s>`<|im_start|>user\nu`<|im_end|>\n`<|im_start|>assistant\nso");
    expect(&d, begun, DIALOG_YES,
           "`<s>`<|im_start|>user\nu`<|im_end|>\n`<|im_start|>assistant\nso`<|im_end|>\n`<|im_start|>assistant\n");
    dialog_close(&d);
    open_dialog(&d, t, chat_builtin("llama3")); /* which writes bos itself */
    expect(&d, "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":null}", DIALOG_AUTO,
           "`<s>`<|start_header_id|>user`<|end_header_id|>\n\nx`<|eot_id|>`<|start_header_id|>assistant`<|end_header_"
           "id|>\n\n");
    dialog_close(&d);
    tok_free(t);
}

static void what_a_template_refuses_is_told(void **state)
{
    (void)state;
    struct tokenizer *t = letters();
    struct dialog d;
    struct tok_ids ids = {0};
    struct err e = {0};
    open_dialog(&d, t, "{{ raise_exception('no') }}"); /* the made-up conversation, too */
    assert_int_equal(d.n_ends, 1);
    assert_int_equal(dialog_ids(&d, "[]", 2, "c", DIALOG_AUTO, &ids, &e), -1);
    assert_non_null(strstr(e.msg, "refuses: no"));
    dialog_close(&d);
    open_dialog(&d, t, "{{ messages[0].content }}");
    static const char begun[] = "[{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\",\"content\":\"so\"}]";
    assert_int_equal(dialog_ids(&d, begun, sizeof begun - 1, "c", DIALOG_AUTO, &ids, &e), -1);
    assert_non_null(strstr(e.msg, "nothing to go on from"));
    assert_int_equal(dialog_ids(&d, "[{]", 3, "c", DIALOG_AUTO, &ids, &e), -1);
    assert_int_equal(e.code, ERR_DATA);
    dialog_close(&d);
    assert_int_equal(dialog_open(&d, t, "{% if", 5, "t", 0, &e), -1);
    dialog_close(&d);
    tok_ids_free(&ids);
    tok_free(t);
}

static void lack_of_memory_is_an_error(void **state)
{
    (void)state;
    static const char user[] = "[{\"role\":\"user\",\"content\":\"hi\"}]";
    struct tokenizer *t = letters();
    int failed = 0, ok = 0;
    for (long n = 1; n <= 120; n++) {
        struct dialog d;
        struct err e = {0};
        struct tok_ids ids = {0};
        mem_fail_after(n);
        ok = dialog_open(&d, t, chat_builtin("llama3"), strlen(chat_builtin("llama3")), "t", 0, &e) == 0 &&
             dialog_ids(&d, user, sizeof user - 1, "c", DIALOG_AUTO, &ids, &e) == 0;
        mem_fail_after(0);
        failed += !ok;
        if (!ok) assert_true(e.code == ERR_OS || e.code == ERR_DATA); /* a template's memory has a limit, too */
        dialog_close(&d);
        tok_ids_free(&ids);
    }
    assert_true(ok && failed > 20);
    tok_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_ends_with_the_templates_token),
        cmocka_unit_test(the_prompt_follows_the_messages),
        cmocka_unit_test(what_a_template_refuses_is_told),
        cmocka_unit_test(lack_of_memory_is_an_error),
    };
    return cmocka_run_group_tests_name("dialog", tests, NULL, NULL);
}
