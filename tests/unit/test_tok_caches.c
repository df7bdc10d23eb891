/* What encoders remember of texts never changes the ids: many texts of words old and new, short and long, through
 * caches that grow, that are full in the middle of a text and begin anew; in two threads, each with all encoders. */
#include "tests/unit/tok_util.h"

#include <pthread.h>
#include <stdio.h>

#include "core/base/mem.h"
#include "core/base/rng.h"

enum { TEXT = 3000, TEXTS = 120, LONGEST = 1200, OLD_WORDS = 400 };

#define BERT "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":true}"

static const char *const special[] = {"[UNK]"};
static const struct tok_train_opts kinds[] = {
    {.type = TOK_TRAIN_BPE, .vocab_size = 400, .split = SPLIT_GPT2},
    {.type = TOK_TRAIN_BPE, .vocab_size = 400, .split = SPLIT_NONE},
    {.type = TOK_TRAIN_WORDPIECE, .vocab_size = 150, .normalizer = BERT, .pre = "{\"type\":\"BertPreTokenizer\"}", .special = special, .n_special = 1},
    {.type = TOK_TRAIN_UNIGRAM, .vocab_size = 90, .norm_name = "identity"},
    {.type = TOK_TRAIN_SP_BPE, .vocab_size = 350, .norm_name = "identity", .byte_fallback = true, .keep_spaces = true}};

/* Letters, among them some of two and of three bytes. */
static size_t put_letter(uint32_t which, char *to)
{
    static const char *const others[] = {"\xc3\xa9", "\xe4\xb8\xad", "\xd0\xb9", "\xe3\x81\x8b"};
    if (which % 16 == 0) return (size_t)snprintf(to, 4, "%s", others[which / 16 % COUNT_OF(others)]);
    *to = (char)("etaoinshrdlu"[which / 16 % 12]);
    return 1;
}

/* Word `number`: always the same, most have few letters. */
static size_t put_word(uint32_t number, size_t longest, char *to)
{
    struct rng_key k = rng_key(31, RNG_TEST, number, 0);
    uint64_t how = rng_below(&k, 0, 100);
    size_t n = 0, most = how < 80 ? 7 : how < 95 ? 15 : how < 99 ? 90 : longest, len = 1 + (size_t)rng_below(&k, 1, most);
    for (uint64_t i = 2; n < len; i++) n += put_letter(rng_u32(&k, 4 * i), to + n);
    return n;
}

/* Half of the words are from a number that all texts share, the others are this text's own. */
static size_t make_text(uint32_t seed, size_t room, char *text)
{
    static const char *const gaps[] = {" ", " ", " ", " ", "  ", "\n", ".", ", ", "-"};
    struct rng_key k = rng_key(32, RNG_TEST, seed, 0);
    size_t n = 0, size = 1 + (size_t)rng_below(&k, 0, room - LONGEST - 8);
    for (uint32_t i = 1; n < size; i += 3) {
        uint32_t old = (uint32_t)rng_below(&k, i, OLD_WORDS);
        n += put_word(rng_below(&k, i + 1, 2) ? old : (seed + 1) * 10000 + i, LONGEST, text + n);
        const char *gap = gaps[rng_below(&k, i + 2, COUNT_OF(gaps))];
        if (n + LONGEST + 8 < room) n += (size_t)snprintf(text + n, 4, "%s", gap);
        else break;
    }
    return n;
}

static struct tokenizer *learn(const struct tok_train_opts *kind)
{
    enum { N = 60000 };
    struct tok_train_opts o = *kind;
    char *text = malloc(N);
    size_t n = 0;
    sp_rules_default(&o.sp);
    for (uint32_t seed = 1000; n + TEXT < N; seed++) n += make_text(seed, TEXT, text + n);
    struct tokenizer *t = learn_from(&o, text, n);
    free(text);
    return t;
}

/* The cache takes few words more, or few ids, before there is no room. */
static void fill(struct word_cache *c, const struct rng_key *k, uint64_t i)
{
    bool largest = c->n_lines == 1 << 20; /* emptying them takes its time */
    size_t most = word_cache_most(c), few = (size_t)rng_below(k, i, 60);
    if (rng_below(k, i + 1, largest ? 40 : 6) == 0 && c->used < most - few) c->used = most - few;
    if (c->full && rng_below(k, i + 2, 4) == 0) c->over = UINT32_MAX / 2; /* more lines */
    if (rng_below(k, i + 2, 6) == 0 && c->pool_used < c->pool_cap - 20 * few) c->pool_used = c->pool_cap - 20 * few;
}

struct job {
    struct tokenizer **t;  /* [kinds] */
    uint32_t first;        /* of its texts */
    size_t grown, emptied, full;
    bool replaces;         /* words may be put over others */
    char wrong[120];       /* which text, if any */
};

/* A text through the chains, then without and with spans. */
static bool is_same(const struct tokenizer *t, struct tok_scratch *chains, struct tok_scratch *s, const char *text, size_t n, bool spans)
{
    struct err e;
    struct tok_ids want = {.want_spans = true}, got = {.want_spans = spans};
    bool same = tok_encode(t, chains, text, n, 0, &want, &e) == 0 && tok_encode(t, s, text, n, 0, &got, &e) == 0 && got.n == want.n &&
                memcmp(got.id, want.id, got.n * sizeof *got.id) == 0 && (!spans || memcmp(got.span, want.span, got.n * sizeof *got.span) == 0);
    tok_ids_free(&want);
    tok_ids_free(&got);
    return same;
}

/* All texts through all encoders, in turns; each text in memory of its own, which is gone after it. */
static void *encode(void *arg)
{
    struct job *j = arg;
    struct err e;
    struct tok_scratch *chains[COUNT_OF(kinds)], *s[COUNT_OF(kinds)];
    struct rng_key k = rng_key(33, RNG_TEST, j->first, 0);
    static _Thread_local char text[TEXT + 16];
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        chains[i] = tok_scratch_new(j->t[i], &e);
        s[i] = tok_scratch_new(j->t[i], &e);
        chains[i]->chains = true;
        if (j->first) tok_scratch_take(s[i], tok_room_new((i % 2 ? (uint64_t)5 : 20) << 20));
    }
    for (uint32_t seed = 0; seed < TEXTS && !*j->wrong; seed++)
        for (size_t i = 0; i < COUNT_OF(kinds) && !*j->wrong; i++) {
            size_t n = make_text(j->first + seed - seed % 4 / 3, TEXT, text), lines = s[i]->cache.n_lines;
            char *exact = malloc(n);
            memcpy(exact, text, n);
            fill(&s[i]->cache, &k, 3 * (seed * COUNT_OF(kinds) + i));
            size_t used = s[i]->cache.used;
            if (!is_same(j->t[i], chains[i], s[i], exact, n, seed % 5 == 4))
                snprintf(j->wrong, sizeof j->wrong, "kind %zu, text %u", i, (unsigned)(j->first + seed));
            j->grown += s[i]->cache.n_lines > lines;
            j->full += s[i]->cache.full;
            j->replaces |= s[i]->cache.replaces;
            j->emptied += s[i]->cache.n_lines == lines && s[i]->cache.used < used;
            free(exact);
        }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        tok_scratch_free(chains[i]);
        tok_scratch_free(s[i]);
    }
    return NULL;
}

static void what_is_remembered_changes_no_ids(void **state)
{
    (void)state;
    struct tokenizer *t[COUNT_OF(kinds)];
    for (size_t i = 0; i < COUNT_OF(kinds); i++) t[i] = learn(&kinds[i]);
    struct job j[2] = {{.t = t, .first = 0}, {.t = t, .first = TEXTS}};
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, encode, &j[1]), 0);
    encode(&j[0]);
    assert_int_equal(pthread_join(other, NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(j[i].wrong, "");
        assert_true(j[i].grown >= COUNT_OF(kinds) && j[i].emptied >= COUNT_OF(kinds)); /* how often: also how soon memory comes */
    }
    assert_int_equal(j[0].full + j[1].full > 1, j[0].replaces); /* words were put over others */
    for (size_t i = 0; i < COUNT_OF(kinds); i++) tok_free(t[i]);
}

/* More words that are new, and longer ones, than are found together, some of them twice; then most of them again. */
static void many_new_words_have_the_ids_of_each(void **state)
{
    (void)state;
    enum { ROOM = 120000, MANY = 6000, ROUNDS = 12, MOST_LINES = 1 << 20 };
    struct tokenizer *t = learn(&kinds[2]);
    struct err e;
    struct tok_scratch *chains = tok_scratch_new(t, &e), *s = tok_scratch_new(t, &e);
    char *text = malloc(ROOM + LONGEST + 8);
    size_t full = 0;
    chains->chains = true;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        size_t n = 0;
        struct rng_key k = rng_key(34, RNG_TEST, round, 0);
        bool emptied = round + 2 >= ROUNDS; /* by what the first batch learns */
        while (emptied && s->cache.n_lines < MOST_LINES) {
            s->cache.used = word_cache_most(&s->cache) + 1;
            word_cache_settle(&s->cache);
        }
        if (emptied && word_cache_room(&s->cache, MOST_LINES * 2, 0)) s->cache.used = word_cache_most(&s->cache) - 100;
        for (uint32_t i = 0; i < MANY && n < ROOM; i++) {
            uint32_t back = rng_below(&k, i, 4) == 0 ? (uint32_t)rng_below(&k, MANY + i, 3000) : 0;
            uint32_t number = round / 3 * 3 * MANY + i - (i < back ? 0 : back);
            for (uint32_t x = number; x; x /= 16) text[n++] = "etaoinshrdlucmfw"[x % 16];
            n += put_word(number, round % 2 ? LONGEST : 90, text + n);
            text[n++] = " \n."[i % 3];
        }
        if (!is_same(t, chains, s, text, n, false)) fail_msg("round %u", (unsigned)round);
        full += s->cache.full;
        assert_true(!emptied || s->cache.used < MANY);
    }
    assert_int_equal(full > 0, s->cache.replaces);
    tok_scratch_free(chains);
    tok_scratch_free(s);
    tok_free(t);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_new_words_have_the_ids_of_each), cmocka_unit_test(what_is_remembered_changes_no_ids)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
