/* Sentences as words: what is copied in runs against rules that are asked at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/charsmap_build.h"
#include "core/token/train_prep.h"
#include "core/token/unicode.h"

#define S "\xE2\x96\x81"

static const char *const atoms[] = {
    "a", "e", "the", "Q", " ", " ", "  ", "   ", "\t", "\xC2\xA0", "\xE3\x80\x80", "\xEF\xBB\xBF", "\xE2\x80\x8B", "\x01", "\x7F", "\xC3\xA9",
    "\xCC\x81", "\xE3\x81\x8B", "\xE3\x82\x99", "\xEF\xBD\xB6", "\xEF\xBE\x9E", "\xE6\x97\xA5", "\xEF\xAC\x81", "\xC2\xB4", "\xF0\x9F\x98\x80",
    "\xF0\x9D\x90\x80", "\xEA\xB0\x80", "\xE1\x84\x80", "\xE1\x85\xA1", S, S S, "<", "<s>", "</s>", "x<unk>", "\xFF", "\xE2\x96", "\xE2\x96\x84", "1", "\xC2\xBD"};

static const char *const meta[] = {"<unk>", "<s>", "</s>", "the", "thea", "th"}; /* the longest counts */

/* The rules as arXiv:1808.06226's program has them, a place at a time. */
static void reference(const struct charsmap *map, bool keep, const char *s, size_t n, struct buf *out)
{
    bool after_space = !keep, begun = false;
    buf_clear(out);
    for (size_t i = 0, used; i < n; i += used) {
        const char *to = s + i;
        size_t len;
        used = map ? charsmap_match(map, s + i, n - i, false, &to) : 0;
        if (used) {
            len = strlen(to);
        } else {
            struct uni_char u = uni_next((const uint8_t *)s + i, n - i);
            used = u.len;
            if (u.cp == UNI_BAD) to = "\xEF\xBF\xBD";
            len = u.cp == UNI_BAD ? 3 : u.len;
        }
        if (!begun && !keep && len == 1 && *to == ' ') continue;
        if (!begun) buf_adds(out, S);
        begun = true;
        while (after_space && len && *to == ' ') to++, len--;
        for (size_t k = 0; k < len; k++) {
            if (to[k] == ' ') buf_adds(out, S);
            else buf_addc(out, to[k]);
        }
        if (len) after_space = to[len - 1] == ' ' && !keep;
    }
    while (!keep && out->len >= 3 && memcmp(out->data + out->len - 3, S, 3) == 0) out->len -= 3;
    for (size_t i = 0; i < out->len; i++) {
        size_t best = 0;
        for (size_t k = 0; k < COUNT_OF(meta); k++) {
            size_t len = strlen(meta[k]);
            if (len > best && len <= out->len - i && memcmp(out->data + i, meta[k], len) == 0) best = len;
        }
        if (!best) continue;
        out->data[i] = 0x1F;
        memmove(out->data + i + 1, out->data + i + best, out->len - i - best);
        out->len -= best - 1;
    }
}

/* U+2581 in front of each word; runs of them stay together if `runs`. */
static void reference_words(struct word_table *t, struct buf *b, bool runs)
{
    size_t n = b->len, begin = 0;
    buf_addc(b, '\n');
    for (size_t i = 3; i < n; i++) {
        bool mark = i + 3 <= n && memcmp(b->data + i, S, 3) == 0, before = memcmp(b->data + i - 3, S, 3) == 0;
        if (!mark || (runs && before)) continue;
        assert_true(word_table_add(t, (const uint8_t *)b->data + begin, i - begin, i - begin, 1));
        begin = i;
    }
    assert_true(word_table_add(t, (const uint8_t *)b->data + begin, n + 1 - begin, n + 1 - begin, 1));
}

static uint64_t count_of(const struct word_table *t, const char *want, size_t len)
{
    char tmp[16];
    const char *word;
    size_t n;
    uint64_t count;
    for (size_t at = 0; word_table_next(t, &at, tmp, &word, &n, &count);)
        if (n == len && memcmp(word, want, n) == 0) return count;
    return 0;
}

static void expect_equal(const struct word_table *got, const struct word_table *want)
{
    char tmp[16];
    const char *word;
    size_t n;
    uint64_t count;
    assert_int_equal(got->n + got->n_longs, want->n + want->n_longs);
    for (size_t at = 0; word_table_next(want, &at, tmp, &word, &n, &count);)
        if (count_of(got, word, n) != count) fail_msg("'%.*s' is there %d times, not %d", (int)n, word, (int)count_of(got, word, n), (int)count);
}

static size_t random_line(const struct rng_key *k, uint64_t *draw, char *to, size_t most)
{
    size_t n = 0, wanted = rng_below(k, (*draw)++, most - 8);
    while (n < wanted) {
        const char *atom = atoms[rng_below(k, (*draw)++, COUNT_OF(atoms))];
        memcpy(to + n, atom, strlen(atom));
        n += strlen(atom);
    }
    return n;
}

static void runs_that_are_copied_are_what_the_rules_give(void **state)
{
    (void)state;
    struct charsmap_rules rules = {0};
    struct buf file = {0}, work = {0}, text = {0}, line = {0};
    struct err e;
    struct rng_key k = rng_key(5, RNG_TEST, 0, 0);
    uint64_t draw = 0;
    if (charsmap_rules_named(&rules, "nmt_nfkc", &e) || charsmap_compile(&rules, &file, &e)) fail_msg("%s", e.msg);
    struct charsmap *map = charsmap_new(file.data, file.len, &e);
    assert_non_null(map);
    for (int round = 0; round < 2000; round++) {
        struct prep_sp p = {.keep_spaces = round & 1, .split_space = true, .space_only = round & 2, .meta = meta, .n_meta = COUNT_OF(meta)};
        struct prep_count count = {0};
        struct word_table got = {0}, want = {0};
        if (round % 5 == 0) p.n_meta = 3; /* one first byte */
        prep_sp_init(&p, round & 4 ? map : NULL);
        buf_clear(&text);
        for (size_t lines = 0, n_lines = 1 + rng_below(&k, draw++, 12); lines < n_lines; lines++) {
            char s[256];
            size_t n = random_line(&k, &draw, s, lines % 4 ? 60 : 250);
            if (p.n_meta == 3) while (memmem(s, n, "the", 3)) *(char *)memmem(s, n, "the", 3) = 'x';
            buf_add(&text, s, n);
            buf_addc(&text, '\n');
            reference(round & 4 ? map : NULL, p.keep_spaces, s, n, &line);
            if (line.len) reference_words(&want, &line, p.space_only);
        }
        if (prep_sp_add(&p, &got, &work, text.data, text.len, &count, &e)) fail_msg("%s", e.msg);
        expect_equal(&got, &want);
        sentence_log_free(&count.log);
        word_table_free(&got);
        word_table_free(&want);
    }
    charsmap_free(map);
    charsmap_rules_free(&rules);
    buf_free(&file);
    buf_free(&work);
    buf_free(&text);
    buf_free(&line);
}

static void lines_with_the_reserved_mark_are_left_out(void **state)
{
    (void)state;
    static const char text[] = "a b\nc \xE2\x96\x85 d\n\n  \ne";
    struct prep_sp p = {.split_space = true};
    struct prep_count count = {0};
    struct word_table t = {0};
    struct buf work = {0};
    struct err e;
    prep_sp_init(&p, NULL);
    assert_int_equal(prep_sp_add(&p, &t, &work, text, sizeof text - 1, &count, &e), 0);
    assert_int_equal(count.sentences, 2);
    assert_int_equal(count.words, 3);
    assert_int_equal(count_of(&t, S "a", 4), 1);
    assert_int_equal(count_of(&t, S "b\n", 5), 1);
    assert_int_equal(count_of(&t, S "e\n", 5), 1);
    assert_int_equal(count.empty, 1);
    assert_int_equal(count.log.n, 3);
    assert_int_equal(count.log.v[1].first, SENTENCE_EMPTY);
    assert_true(sentence_hash(&count.log.v[2]) == hash64(S "e\n", 5));
    sentence_log_free(&count.log);
    word_table_free(&t);
    buf_free(&work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_that_are_copied_are_what_the_rules_give),
        cmocka_unit_test(lines_with_the_reserved_mark_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
