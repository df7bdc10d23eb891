/* The ways that cut a text and remember its parts give the ids of the chains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/charsmap_build.h"
#include "core/token/tok_internal.h"
#include "core/token/train.h"

static const char *const atoms[] = {
    "low", "lower", "er", "re", "s", " ", " ", " ", " ", "  ", "\n", "\n", "\t", ".", ",", "...", "(", ")", "\"", "'s", "12", "7",
    "-", "x=1;", "the", "wider", "\xc3\xa9t\xc3\xa9", "\xe4\xb8\xad\xe6\x96\x87", "\xe3\x80\x82", "\xe3\x81\x8b\xe3\x82\x99", "~",
    "\xef\xbc\xa1", "\xe2\x80\x89", "\xcc\x81", "\xff", "\r\n", "^", "\xe2\x96\x81", "qqqqqqqqqqqqqqqqqqqqqqqq", "\xf0\x9f\x98\x80"};

static size_t make_text(uint32_t seed, size_t n_atoms, char *text, size_t n)
{
    struct rng_key k = rng_key(5, RNG_TEST, seed, 0);
    size_t len = 0;
    for (uint64_t i = 0; len + 32 < n; i++) {
        const char *a = atoms[rng_below(&k, i, n_atoms)];
        memcpy(text + len, a, strlen(a));
        len += strlen(a);
    }
    return len;
}

static struct tokenizer *learn(enum tok_train_type type, const char *rules, bool bytes)
{
    struct err e = {0};
    struct buf file = {0};
    struct tok_train_opts o = {.type = type, .vocab_size = bytes ? 340 : 90, .byte_fallback = bytes, .keep_spaces = bytes, .norm_name = rules};
    struct charsmap_rules map = {0};
    struct buf compiled = {0};
    enum { N = 20000 };
    char *text = malloc(N);
    size_t n = make_text(1, 30, text, N);
    sp_rules_default(&o.sp);
    if (!bytes && (charsmap_rules_named(&map, rules, &e) || charsmap_compile(&map, &compiled, &e))) fail_msg("%s", e.msg);
    o.charsmap = compiled.data;
    o.charsmap_len = compiled.len;
    struct tok_trainer *tr = tok_trainer_new(&o, 1, &e);
    if (!tr || tok_trainer_add(tr, 0, text, n, &e) || tok_trainer_learn(tr, &file, NULL, &e)) fail_msg("%s", e.msg);
    struct tokenizer *t = tok_from_spm(file.data, file.len, "learned", &e);
    if (!t) fail_msg("%s", e.msg);
    buf_free(&file);
    buf_free(&compiled);
    charsmap_rules_free(&map);
    free(text);
    return t;
}

/* Texts of all lengths; each through caches that know nothing, something, all. */
static void expect_same(const struct tokenizer *t)
{
    enum { N = 60000 };
    struct err e = {0};
    struct tok_ids want = {.want_spans = true}, got = {0};
    char *text = malloc(N);
    struct tok_scratch *plain = tok_scratch_new(t, &e), *cached = tok_scratch_new(t, &e);
    for (uint32_t seed = 0; seed < 40; seed++) {
        size_t n = make_text(seed, seed % 2 ? COUNT_OF(atoms) : 25, text, seed == 39 ? N : 40 + seed * seed * 3);
        want.n = 0;
        if (tok_encode(t, plain, text, n, 0, &want, &e)) fail_msg("%s", e.msg);
        for (int round = 0; round < 2; round++) {
            got.n = 0;
            assert_int_equal(tok_encode(t, cached, text, n, 0, &got, &e), 0);
            size_t k = 0;
            while (k < got.n && k < want.n && got.id[k] == want.id[k]) k++;
            if (k < got.n || k < want.n)
                fail_msg("text %u, round %d: token %zu of %zu differs, at '%.*s'", (unsigned)seed, round, k, want.n, 20,
                         text + (k < want.n ? want.span[k].begin : n));
        }
    }
    tok_scratch_free(plain);
    tok_scratch_free(cached);
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
        bool bytes;
    } kinds[] = {{TOK_TRAIN_UNIGRAM, "nmt_nfkc", false}, {TOK_TRAIN_UNIGRAM, "identity", true},
                 {TOK_TRAIN_SP_BPE, "nmt_nfkc_cf", false}, {TOK_TRAIN_SP_BPE, "identity", true}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct tokenizer *t = learn(kinds[i].type, kinds[i].rules, kinds[i].bytes);
        assert_non_null(t->fast);
        expect_same(t);
        tok_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_sentencepiece_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
