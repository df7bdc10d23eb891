#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/token/tok_members.h"

enum { TOKENS = 12000, MERGES = 3000 };

static uint32_t below(uint32_t n)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % n);
}

/* Tokens of 0 to 40 bytes, some with what JSON escapes. */
static void make_vocab(struct vocab *v)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz\"\\\n\x7f\x01";
    struct err e;
    for (int id = 0; id < TOKENS; id++) {
        char text[48];
        size_t n = id < 12 ? (size_t)(id > 0) : 6 + below(below(4) ? 14 : 35);
        size_t kinds = below(3) ? 26 : sizeof letters - 1;
        for (size_t i = 0; i < n; i++) text[i] = letters[below((uint32_t)kinds)];
        if (id < 12) text[0] = (char)('0' + id);
        if (vocab_find(v, text, n) >= 0) continue;
        assert_int_equal(vocab_add(v, id, text, n, id % 5 ? 1 : 2, &e), 0);
    }
}

static void add_text(struct buf *b, const struct vocab *v, int id)
{
    size_t n;
    const char *s = vocab_text(v, id, &n);
    buf_add_json(b, s, n);
}

static void same(const struct buf *a, const struct buf *b)
{
    assert_false(a->oom || b->oom);
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->data, b->data, a->len);
    assert_int_equal(strlen(a->data), a->len);
}

/* What is written at once is what a token after the other makes. */
static void members_are_the_same_token_by_token(void **state)
{
    (void)state;
    struct vocab v = {0};
    struct buf fast = {0}, slow = {0};
    make_vocab(&v);
    tok_ids_json(&fast, &v, 1);
    buf_adds(&slow, "{\n");
    for (int id = 0; id < v.n; id++) {
        if (!(v.v[id].flags & 1)) continue;
        if (slow.len > 2) buf_adds(&slow, ",\n");
        add_text(&slow, &v, id);
        buf_printf(&slow, ":%d", id);
    }
    buf_addc(&slow, '}');
    same(&fast, &slow);
    struct bpe_merge m[MERGES];
    for (int i = 0; i < MERGES; i++) m[i] = (struct bpe_merge){.left = (int32_t)below(TOKENS), .right = TOKENS - 1 - (int32_t)below(20)};
    buf_clear(&fast);
    buf_clear(&slow);
    tok_pairs_json(&fast, &v, m, MERGES);
    buf_adds(&slow, "\"merges\":[\n");
    for (int i = 0; i < MERGES; i++) {
        buf_adds(&slow, i ? ",\n[" : "[");
        add_text(&slow, &v, m[i].left);
        buf_addc(&slow, ',');
        add_text(&slow, &v, m[i].right);
        buf_addc(&slow, ']');
    }
    buf_addc(&slow, ']');
    same(&fast, &slow);
    buf_free(&fast);
    buf_free(&slow);
    vocab_free(&v);
}

static void numbers_are_decimal(void **state)
{
    (void)state;
    char want[32];
    for (int64_t v = 0; v < 3000000000000000000; v = v < 12000 ? v + 1 : v * 3 + 7) {
        struct buf b = {0};
        tok_add_id(&b, v);
        snprintf(want, sizeof want, ":%lld", (long long)v);
        assert_string_equal(b.data, want);
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_the_same_token_by_token),
        cmocka_unit_test(numbers_are_decimal),
    };
    return cmocka_run_group_tests_name("tok_members", tests, NULL, NULL);
}
