/* The words of a text in their normal form are those of the chains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_internal.h"
#include "core/token/word_form.h"

enum { N_TEXT = 1 << 16 };

static const char *const chains[] = {
    "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":true}",
    "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":false}",
    "{\"type\":\"BertNormalizer\",\"clean_text\":false,\"handle_chinese_chars\":false,\"strip_accents\":false,\"lowercase\":true}",
    "{\"type\":\"BertNormalizer\",\"clean_text\":false,\"handle_chinese_chars\":true,\"strip_accents\":true,\"lowercase\":false}",
    "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKD\"},{\"type\":\"Lowercase\"}]}",
    ("{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Nmt\"},{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true},"
     "{\"type\":\"NFD\"}]}"),
    "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Lowercase\"},{\"type\":\"NFKD\"},{\"type\":\"StripAccents\"}]}",
};

static struct tokenizer *with_chain(const char *norm)
{
    struct err e = {0};
    struct buf json = {0};
    buf_printf(&json, "{\"normalizer\":%s,\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"model\":{\"type\":\"WordPiece\","
                      "\"unk_token\":\"u\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,"
                      "\"vocab\":{\"u\":0}}}", norm);
    struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    assert_true(tok_form_possible(t));
    buf_free(&json);
    return t;
}

/* Words get an id that says what they are; some have none of their own. */
static int32_t id_of(const uint8_t *word, size_t n)
{
    uint32_t x = (uint32_t)n;
    for (size_t i = 0; i < n; i++) x = x * 31 + word[i];
    return x % 7 ? (int32_t)(x % 5 ? x & 0xFFFFF : x << 7) : -1; /* more than 24 bits, too */
}

static int32_t single_id(const void *of, const uint8_t *word, size_t n)
{
    return of && n == 1 && *word < 0x80 ? 'x' + 256 * *word : id_of(word, n); /* of ASCII, all have one */
}

/* The next word of the runs; false at the end. */
struct reader {
    struct word_forms *f;
    const char *text;
    size_t n, pos, i, n_single;
    struct word_run run[2], *now, *next;
};

static bool next_word(struct reader *r, const char **word, size_t *n)
{
    struct err e = {0};
    if (!r->now) {
        r->now = &r->run[0];
        r->next = &r->run[1];
        assert_int_equal(word_forms_take(r->f, r->text, r->n, &r->pos, r->now, NULL, &e), 0);
    } else if (r->i == r->now->n) {
        struct word_run *swap = r->now;
        assert_int_equal(word_forms_take(r->f, r->text, r->n, &r->pos, r->next, r->now, &e), 0);
        r->now = r->next;
        r->next = swap;
        r->i = 0;
    }
    if (r->i == r->now->n) {
        assert_int_equal(r->pos, r->n);
        return false;
    }
    assert_true(r->now->n <= WORD_RUN + WORD_SLACK);
    *word = r->now->text + r->now->begin[r->i];
    *n = r->now->begin[r->i + 1] - r->now->begin[r->i];
    if (r->now->single[r->i / 64] >> (r->i & 63) & 1) {
        assert_int_equal(r->now->id[r->i], r->f->single.id(r->f->single.of, (const uint8_t *)*word, *n));
        assert_true(r->now->id[r->i] >= 0);
        r->n_single++;
    }
    r->i++;
    return true;
}

/* Returns how many of them are single. */
static size_t expect_words(const struct tokenizer *t, struct word_forms *f, struct norm *norm, struct pre *pre,
                         const char *text, size_t n, const char *what, uint32_t which)
{
    struct err e = {0};
    struct reader r = {.f = f, .n = n};
    char *copy = malloc(n ? n : 1); /* nothing behind it may be read */
    memcpy(copy, text, n);
    r.text = copy;
    int changed = norm_run(&t->norm, norm, text, n, &e);
    assert_true(changed >= 0);
    const char *form = changed ? norm->out->text.data : text;
    assert_int_equal(pre_run(&t->pre, pre, form, changed ? norm->out->text.len : n, NULL, false, 0, &e), 0);
    const char *word = "";
    size_t len = 0;
    for (size_t i = 0; i < pre->n_pieces; i++) {
        size_t want = pre->piece[i].end - pre->piece[i].begin;
        if (!next_word(&r, &word, &len) || len != want || memcmp(word, pre->text + pre->piece[i].begin, len))
            fail_msg("%s %x: word %zu of %zu is '%.*s', not '%.*s'", what, (unsigned)which, i, pre->n_pieces, (int)len, word,
                     (int)want, pre->text + pre->piece[i].begin);
    }
    if (next_word(&r, &word, &len)) fail_msg("%s %x: '%.*s' more", what, (unsigned)which, (int)len, word);
    for (int i = 0; i < 2; i++) word_run_free(&r.run[i]);
    free(copy);
    return r.n_single;
}

/* Alone, among others, and behind and before a mark. */
static void every_character_becomes_what_the_chain_makes_of_it(void **state)
{
    (void)state;
    static const char *const around[][2] = {{"", ""}, {"ab", "c "}, {"\xcc\x81", "\xcc\xa3z"}};
    for (size_t k = 0; k < COUNT_OF(chains); k++) {
        struct err e = {0};
        struct tokenizer *t = with_chain(chains[k]);
        struct word_forms *f = word_forms_new(&t->norm, NULL, &e);
        struct norm norm = {0};
        struct pre pre = {0};
        struct buf text = {0};
        for (uint32_t cp = 0; cp < 0x110000; cp++) {
            char c[4];
            bool last = (cp & 255) == 255;
            if (cp < 0xD800 || cp > 0xDFFF) {
                size_t n = (size_t)utf8_encode(cp, c);
                for (size_t a = 0; a < COUNT_OF(around); a++) {
                    buf_adds(&text, around[a][0]);
                    buf_add(&text, c, n);
                    buf_adds(&text, around[a][1]);
                    buf_addc(&text, ' ');
                }
            }
            if (!last) continue;
            expect_words(t, f, &norm, &pre, buf_text(&text), text.len, "characters up to", cp);
            buf_clear(&text);
            if (cp == 0x323FF) cp = 0xE0000 - 1; /* nothing is between */
            if (cp == 0xE01FF) cp = 0x10FF00 - 1;
        }
        buf_free(&text);
        norm_free(&norm);
        pre_free(&pre);
        word_forms_free(f);
        tok_free(t);
    }
}

static const uint32_t odd[] = {0x20, 0x20, 0x0A, 0x09, 0x00, 0x0B, 0x7F, 0x85, 0xA0, 0xAD, 0x200B, 0x200D, 0xFEFF, 0x3000, 0x2028,
                               0x301, 0x323, 0x345, 0x300, 0x302E, 0x1D165, 0x5B0, 0x64E, 0x94D, 0x309A, 0xC9, 0x1EA4, 0x130, 0x1E9E,
                               0x4E2D, 0xF900, 0x20000, 0xAC01, 0x1100, 0x304C, 0xFF9E, 0xFDFA, 0x2474, 0x37E, 0x1FEF, 0x2260,
                               0x3002, 0xFF0C, 0x1F600, 0x10FFFF, 0x2E, 0x2C, 0x5B, 0x24, 0x5E, 0x41, 0x7A, 0x30, 0x416, 0xFC5E, 0xFE71};

/* Kana, of which some lose a mark, and ideographs: runs of three bytes each. */
static uint32_t of_three_bytes(const struct rng_key *k, uint64_t at)
{
    uint32_t i = (uint32_t)rng_below(k, at, 8000);
    return i < 4000 ? 0x3041 + i % 190 : 0x4E00 + i % 2000;
}

/* Latin, Greek and Cyrillic: runs of two bytes each. */
static uint32_t of_two_bytes(const struct rng_key *k, uint64_t at)
{
    uint32_t i = (uint32_t)rng_below(k, at, 8000);
    return i < 100 ? 0x80 + i * 5 / 2 : i < 2000 ? 0xC0 + i % 192 : i < 4000 ? 0x370 + i % 144 : 0x400 + i % 128;
}

/* Characters of ASCII, mostly of one kind, among others. */
static size_t random_text(uint32_t seed, char *text, size_t most)
{
    struct rng_key k = rng_key(7, RNG_TEST, seed, 0);
    uint64_t at = 0;
    size_t n = 0;
    while (n + 4 <= most) {
        uint64_t how = rng_below(&k, at++, 10), count = 1 + rng_below(&k, at++, seed % 3 ? 12 : 90);
        for (uint64_t i = 0; i < count && n + 4 <= most; i++) {
            uint64_t x = at++;
            uint32_t cp = how < 5 ? (uint32_t)('a' + rng_below(&k, x, 26)) : how < 6 ? (uint32_t)rng_below(&k, x, 128)
                          : how < 7 && seed % 5 ? (uint32_t)(0x300 + rng_below(&k, x, 40)) : how < 8 ? (uint32_t)rng_below(&k, x, 0x3000)
                          : how < 9 && seed % 7 == 3 ? of_three_bytes(&k, x) : how < 9 && seed % 7 == 5 ? of_two_bytes(&k, x)
                                                                              : odd[rng_below(&k, x, COUNT_OF(odd))];
            n += (size_t)utf8_encode(cp, text + n);
        }
        if (rng_below(&k, at++, 3)) text[n++] = ' ';
    }
    return n;
}

static void words_of_random_texts_are_those_of_the_chain(void **state)
{
    (void)state;
    char *text = malloc(N_TEXT);
    for (size_t k = 0; k < COUNT_OF(chains); k++) {
        struct err e = {0};
        struct tokenizer *t = with_chain(chains[k]);
        struct word_single single = {single_id, k % 2 ? t : NULL};
        struct word_forms *f = word_forms_new(&t->norm, &single, &e);
        struct norm norm = {0};
        struct pre pre = {0};
        size_t n_single = 0;
        for (uint32_t seed = 0; seed < 220; seed++) {
            size_t n = random_text(seed, text, seed < 200 ? seed : seed < 210 ? 3000 : N_TEXT);
            f->take_ascii = seed % 2 ? word_take_ascii : word_take_ascii_best();
            f->take_wide = seed % 4 < 2 ? NULL : word_take_wide_best();
            n_single += expect_words(t, f, &norm, &pre, text, n, "text", seed);
        }
        if (n_single <= 3000 && word_take_ascii_best() != word_take_ascii) fail_msg("vectors find %zu single words", n_single);
        norm_free(&norm);
        pre_free(&pre);
        word_forms_free(f);
        tok_free(t);
    }
    free(text);
}

static void a_word_may_be_longer_than_all_room(void **state)
{
    (void)state;
    struct err e = {0};
    struct tokenizer *t = with_chain(chains[0]);
    struct word_forms *f = word_forms_new(&t->norm, NULL, &e);
    struct norm norm = {0};
    struct pre pre = {0};
    enum { N = 400000 };
    char *text = malloc(N);
    for (size_t i = 0; i < N; i += 2) memcpy(text + i, i < 200000 ? "Ab" : i % 50000 == 0 ? ". " : "\xc3\x89", 2);
    expect_words(t, f, &norm, &pre, text, N, "long word", 0);
    norm_free(&norm);
    pre_free(&pre);
    word_forms_free(f);
    tok_free(t);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_becomes_what_the_chain_makes_of_it),
        cmocka_unit_test(words_of_random_texts_are_those_of_the_chain),
        cmocka_unit_test(a_word_may_be_longer_than_all_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
