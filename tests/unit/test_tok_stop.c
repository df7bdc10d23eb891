/* A stop that is asked for ends the encoding of a long text, whatever the way, and of no short one. */
#include "tests/unit/tok_util.h"

#include <signal.h>
#include <stdio.h>

#include "core/base/sig.h"

static size_t make_text(char *text, size_t n)
{
    size_t len = 0;
    for (unsigned i = 0; len + 32 < n; i++) len += (size_t)snprintf(text + len, 32, "%s%u%s", i % 3 ? "low" : "The river ", i % 7, i % 9 ? " " : "\n");
    return len;
}

/* Chains without words are one step of the model. */
static void expect_stop(const char *name, struct tokenizer *t, const char *text, size_t n)
{
    enum { SHORT = 100000 };
    for (int i = 0; i < (t->source == SOURCE_SPM ? 2 : 4); i++) {
        struct err e = {0}, other = {0};
        struct tok_ids ids = {.want_spans = i % 2};
        struct tok_scratch *s = tok_scratch_new(t, &e);
        s->chains = i / 2;
        if (tok_encode(t, s, text, SHORT, 0, &ids, &e)) fail_msg("%s, way %d: %s", name, i, e.msg);
        ids.n = 0;
        int ret = tok_encode(t, s, text, n, 0, &ids, &other);
        if (ret != -1 || other.code != ERR_STOPPED || ids.n) fail_msg("%s, way %d: the long text gives %d with %zu ids", name, i, ret, ids.n);
        tok_scratch_free(s);
        tok_ids_free(&ids);
    }
    tok_free(t);
}

static void long_texts_end_when_a_stop_is_asked_for(void **state)
{
    (void)state;
    enum { N = 2000000, LEARN = 20000 };
    char *text = malloc(N);
    size_t n = make_text(text, N);
    struct tok_train_opts bytes = {.vocab_size = 300, .split = SPLIT_LLAMA3}, bert = {.type = TOK_TRAIN_WORDPIECE, .vocab_size = 60, .pre = "{\"type\":\"BertPreTokenizer\"}"},
                          bpe = {.type = TOK_TRAIN_SP_BPE, .vocab_size = 40, .norm_name = "identity"},
                          unigram = {.type = TOK_TRAIN_UNIGRAM, .vocab_size = 30, .norm_name = "identity"};
    sp_rules_default(&bpe.sp);
    sp_rules_default(&unigram.sp);
    struct tokenizer *t[] = {learn_from(&bytes, text, LEARN), learn_from(&bert, text, LEARN), learn_model(&bpe, text, LEARN), learn_model(&unigram, text, LEARN)};
    static const char *const names[] = {"byte pairs", "WordPiece", "SentencePiece BPE", "unigram"};
    sig_install();
    raise(SIGTERM);
    for (size_t i = 0; i < COUNT_OF(t); i++) expect_stop(names[i], t[i], text, n);
    sig_reset();
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(long_texts_end_when_a_stop_is_asked_for)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
