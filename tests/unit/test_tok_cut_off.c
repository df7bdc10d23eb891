/* Files of tokenizers that end too early, at every byte: one line that names the file, and the status of bad data. */
#include "tests/unit/tok_util.h"

#include <stdio.h>

#include "core/base/mem.h"
#include "core/token/tok_load.h"

static const char text[] = "the cat sat on the mat, and the hat of the cat was on the mat: 12 caf\xC3\xA9s, that is what the cat said\n";

struct file {
    const char *name;
    struct buf bytes;
};

static void learn(struct file *f, enum tok_train_type type, int vocab_size)
{
    static const char *const special[] = {"[UNK]"};
    bool pieces = type == TOK_TRAIN_UNIGRAM || type == TOK_TRAIN_SP_BPE;
    struct tok_train_opts o = {.type = type, .vocab_size = vocab_size, .norm_name = pieces ? "identity" : NULL, .byte_fallback = type == TOK_TRAIN_SP_BPE};
    if (type == TOK_TRAIN_BPE) o.split = SPLIT_GPT2;
    if (type == TOK_TRAIN_WORDPIECE) {
        o.pre = "{\"type\":\"BertPreTokenizer\"}";
        o.special = special;
        o.n_special = 1;
    }
    sp_rules_default(&o.sp);
    learn_file(&o, text, sizeof text - 1, &f->bytes);
}

static void export(struct file *f, const struct file *of, enum tok_format format)
{
    struct err e = {0};
    struct tokenizer *t = tok_from_file(of->bytes.data, of->bytes.len, of->name, NULL, &e);
    if (!t || tok_export(t, format, &f->bytes, NULL, &e)) fail_msg("%s", e.msg);
    tok_free(t);
}

static size_t vocab_size(const struct file *f)
{
    struct err e = {0};
    struct tokenizer *t = tok_from_file(f->bytes.data, f->bytes.len, f->name, NULL, &e);
    if (!t) fail_msg("%s", e.msg);
    size_t n = (size_t)tok_vocab_size(t);
    tok_free(t);
    return n;
}

/* How many of the beginnings are files of their own. */
static size_t cut(struct file *f)
{
    size_t accepted = 0;
    for (size_t n = 0; n < f->bytes.len; n++) {
        struct err e = {0};
        char *exact = malloc(n ? n : 1); /* a sanitizer sees what is read behind it */
        memcpy(exact, f->bytes.data, n);
        struct tokenizer *t = tok_from_file(exact, n, f->name, NULL, &e);
        free(exact);
        accepted += t != NULL;
        tok_free(t);
        if (!t && (e.code != ERR_DATA || !strstr(e.msg, f->name) || strchr(e.msg, '\n'))) fail_msg("%zu bytes: %d, %s", n, (int)e.code, e.msg);
    }
    buf_free(&f->bytes);
    return accepted;
}

/* What says how long it is. */
static void no_part_of_a_file_is_taken_for_one(void **state)
{
    (void)state;
    struct file json = {"bpe.json", {0}}, words = {"words.json", {0}}, gguf = {"t.gguf", {0}}, tekken = {"tekken.json", {0}};
    learn(&json, TOK_TRAIN_BPE, 270);
    learn(&words, TOK_TRAIN_WORDPIECE, 60);
    export(&gguf, &json, FORMAT_GGUF);
    export(&tekken, &json, FORMAT_TEKKEN);
    assert_int_equal(cut(&json), 0);
    assert_int_equal(cut(&words), 0);
    assert_int_equal(cut(&gguf), 0);
    assert_int_equal(cut(&tekken), 1); /* without its last line end */
}

/* Lists without an end: a field more or less, as SentencePiece takes them. */
static void parts_of_lists_are_lists(void **state)
{
    (void)state;
    struct file unigram = {"u.model", {0}}, bpe = {"b.model", {0}};
    learn(&unigram, TOK_TRAIN_UNIGRAM, 40);
    learn(&bpe, TOK_TRAIN_SP_BPE, 300);
    size_t n = vocab_size(&unigram);
    assert_int_equal(cut(&unigram), n + 1); /* behind each piece, and without the rules for normalising */
    assert_int_equal(cut(&bpe), 3 + 1);     /* before there are bytes; without the rules */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_part_of_a_file_is_taken_for_one), cmocka_unit_test(parts_of_lists_are_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
