/* The walk over symbols finds what model_unigram.c finds, whatever the instructions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/kernels/kernels.h"
#include "core/token/isa.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"
#include "core/token/tok_scratch.h"
#include "core/token/tok_walk.h"
#include "core/token/unigram_many.h"

static const char *const letters[] = {"\xe2\x96\x81", "a", "b", "c", "\xc3\xa9", "\xe4\xb8\xad"};

/* All letters, and tokens of up to `longest` of them with scores that are often equal. */
static struct tokenizer *make(uint32_t seed, size_t longest, bool floats)
{
    struct rng_key k = rng_key(7, RNG_TEST, seed, 0);
    struct err e = {0};
    struct buf b = {0};
    uint64_t at = 0;
    buf_adds(&b, "{\"version\":\"1.0\",\"pre_tokenizer\":null,\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",-20]");
    for (size_t i = 0; i < COUNT_OF(letters); i++) buf_printf(&b, ",[\"%s\",%d]", letters[i], -4 - (int)rng_below(&k, at++, 3));
    for (size_t len = 2; len <= longest; len++) {
        char seen[40][64];
        size_t n = 0;
        for (int tries = 0; tries < 40; tries++) {
            char text[64] = "";
            for (size_t i = 0; i < len; i++) strcat(text, letters[rng_below(&k, at++, COUNT_OF(letters))]);
            size_t same = 0;
            while (same < n && strcmp(seen[same], text)) same++;
            if (same < n) continue;
            strcpy(seen[n++], text);
            buf_printf(&b, ",[\"%s\",%.2f]", text, -3.0 - (double)rng_below(&k, at++, 40) / 8 - (double)len / 2);
        }
    }
    buf_adds(&b, "]}}");
    struct tokenizer *t = tok_from_file(b.data, b.len, "made.json", NULL, &e);
    if (!t) fail_msg("%s", e.msg);
    t->spm_floats = floats; /* the scores of such files are */
    for (int id = 0; floats && id < t->vocab.n; id++) t->score[id] = (double)(float)t->score[id];
    t->vocab.v[0].flags &= ~(unsigned)VOCAB_MODEL;
    buf_free(&b);
    return t;
}

/* The farthest from 0 of the sums that the walks of all beginnings end with. */
static double farthest_sum(const struct unigram *u, unigram_walk_fn *walk, const uint16_t *symbols, size_t n, double sum)
{
    uint16_t some[UNIGRAM_MOST + UNIGRAM_SLACK] = {0};
    struct unigram_path path;
    double farthest = fabs(sum);
    for (size_t k = 1; k < n; k++) {
        some[k - 1] = symbols[k - 1];
        walk(u, some, k, sum, &path);
        farthest = fmax(farthest, fabs(path.sum));
    }
    return farthest;
}

static void expect_same_walk(const struct tokenizer *t, const struct unigram *u, unigram_walk_fn *walk, const struct buf *text,
                             const uint16_t *symbols, size_t n, double sum)
{
    struct err e = {0};
    struct tok_ids want = {0};
    struct unigram_path got;
    struct tok_scratch *s = tok_scratch_new(t, &e);
    s->sum = sum;
    assert_non_null(unigram_trie(t, &e)); /* the copy does not own it */
    struct tokenizer carrying = *t;
    carrying.fast_carry = true;
    walk(u, symbols, n, s->sum, &got);
    assert_int_equal(unigram_word_bytes(&carrying, s, (const uint8_t *)text->data, text->len, &want, &e), 0);
    assert_int_equal(got.n, want.n);
    assert_memory_equal(got.ids, want.id, want.n * sizeof *want.id);
    assert_true(got.sum == s->sum);
    assert_true((float)got.gap == (float)s->gap);
    if (n <= 40) assert_true(got.farthest == farthest_sum(u, walk, symbols, n, sum));
    tok_scratch_free(s);
    tok_ids_free(&want);
}

/* Letters and whole tokens, which by letters alone would be rare. */
static void expect_walk(const struct tokenizer *t, const struct unigram *u, unigram_walk_fn *walk, uint32_t seed, size_t n)
{
    struct rng_key k = rng_key(8, RNG_TEST, seed, (uint32_t)n);
    uint16_t symbols[UNIGRAM_MOST + UNIGRAM_SLACK] = {0};
    struct buf text = {0};
    for (size_t i = 0; i < n;) {
        size_t n_token, len;
        int id = 1 + (int)rng_below(&k, i, seed % 3 ? (uint64_t)t->vocab.n - 1 : COUNT_OF(letters));
        const char *token = vocab_text(&t->vocab, id, &n_token);
        for (const char *end = token + n_token; i < n && token < end; token += len) {
            if (strncmp(token, letters[0], 3) == 0) len = 3, symbols[i] = u->mark;
            else symbols[i] = (uint16_t)unigram_code(u, (const uint8_t *)token, (size_t)(end - token), &len);
            buf_add(&text, token, len);
            assert_int_not_equal(symbols[i++], 0);
        }
    }
    expect_same_walk(t, u, walk, &text, symbols, n, seed % 2 ? -1234.5 : 0);
    buf_free(&text);
}

static void walks_are_those_over_bytes(void **state)
{
    (void)state;
    static const size_t longest[] = {1, 2, 5, 16};
    struct err e = {0};
    for (uint32_t seed = 0; seed < 8; seed++) {
        struct tokenizer *t = make(seed, longest[seed / 2], seed % 2);
        struct unigram *u;
        assert_int_equal(unigram_new(t, NULL, false, &u, &e), 0);
        assert_non_null(u);
        for (uint32_t i = 0; i < 60; i++) {
            size_t n = i < 40 ? i + 1 : i < 59 ? 10 * i : UNIGRAM_MOST;
            if (n > UNIGRAM_MOST) n = UNIGRAM_MOST;
            expect_walk(t, u, unigram_walk_base, i, n);
#if defined(__x86_64__)
            if (token_has_avx2()) expect_walk(t, u, unigram_walk_avx2bmi, i, n);
            if (strncmp(kernels_get()->isa, "avx512", 6) == 0) expect_walk(t, u, unigram_walk_avx512, i, n);
#endif
        }
        unigram_free(u);
        tok_free(t);
    }
}

/* n characters, of which each of the first `first` begins tokens of two with so many others.  floats: the last
 * ones are in such tokens only. */
static struct tokenizer *make_pairs(uint32_t n, uint32_t first, uint32_t others, bool floats)
{
    struct rng_key k = rng_key(14, RNG_TEST, n, 0);
    struct err e = {0};
    struct buf b = {0};
    char a[5] = {0}, c[5] = {0};
    uint64_t at = 0;
    buf_adds(&b, "{\"version\":\"1.0\",\"pre_tokenizer\":null,\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",-20],[\"\u2581\",-4]");
    for (uint32_t i = 0; i < n - 3 * floats; i++) {
        utf8_encode(0x4E00 + i, a);
        buf_printf(&b, ",[\"%s\",%d]", a, -4 - (int)rng_below(&k, at++, 3));
    }
    for (uint32_t i = 0; i < first; i++)
        for (uint32_t left = others, r = 0; left > 0 && r < n; r++) { /* any of n, each once */
            if (rng_below(&k, at++, n - r) >= left) continue;
            utf8_encode(0x4E00 + i, a);
            utf8_encode(0x4E00 + r, c);
            buf_printf(&b, ",[\"%s%s\",%.2f]", a, c, -5.0 - (double)rng_below(&k, at++, 40) / 8);
            left--;
        }
    buf_adds(&b, "]}}");
    struct tokenizer *t = tok_from_file(b.data, b.len, "made.json", NULL, &e);
    if (!t) fail_msg("%s", e.msg);
    t->spm_floats = floats;
    for (int id = 0; floats && id < t->vocab.n; id++) t->score[id] = (double)(float)t->score[id];
    t->vocab.v[0].flags &= ~(unsigned)VOCAB_MODEL;
    buf_free(&b);
    return t;
}

static void expect_pairs(uint32_t n, uint32_t first, uint32_t others, bool floats)
{
    enum { TEXT = 40, TEXTS = 100 };
    struct tokenizer *t = make_pairs(n, first, others, floats);
    struct unigram *u;
    struct err e = {0};
    assert_int_equal(unigram_new(t, NULL, false, &u, &e), 0);
    assert_non_null(u);
    for (uint32_t seed = 0; seed < TEXTS; seed++) {
        struct rng_key k = rng_key(15, RNG_TEST, seed, n);
        uint16_t symbols[TEXT + UNIGRAM_SLACK] = {0};
        struct buf text = {0};
        char c[5] = {0};
        for (size_t i = 0; i < TEXT; i++) {
            uint32_t back = (uint32_t)rng_below(&k, i, i % 2 ? n : first);
            size_t len = (size_t)utf8_encode(0x4E00 + (i % 2 && seed % 2 ? n - 1 - back % 4 : back), c);
            buf_add(&text, c, len);
            symbols[i] = (uint16_t)unigram_code(u, (const uint8_t *)c, len, &len);
            assert_int_not_equal(symbols[i], 0);
        }
        expect_same_walk(t, u, unigram_walk_base, &text, symbols, TEXT, 0);
        buf_free(&text);
    }
    unigram_free(u);
    tok_free(t);
}

/* As many symbols as fit into one byte, and one more; so many pairs that the trie finds no room at first. */
static void alphabets_of_all_sizes_are_walked(void **state)
{
    (void)state;
    for (uint32_t n = 252; n < 260; n++)
        for (int floats = 0; floats < 2; floats++) expect_pairs(n, 20, n, floats);
    expect_pairs(1500, 300, 150, false);
}

/* Words of certain characters, others that are in no token, and near the sum where SentencePiece begins again. */
static void words_by_symbols_are_those_over_bytes(void **state)
{
    (void)state;
    struct err e = {0};
    static struct tok_fast f;
    for (uint32_t seed = 0; seed < 6; seed++) {
        struct rng_key k = rng_key(12, RNG_TEST, seed, 0);
        uint64_t draw = 0;
        struct tokenizer *t = make(seed, seed < 4 ? 5 : 16, seed % 2), carrying = *t;
        struct unigram *u;
        struct tok_scratch *s = tok_scratch_new(t, &e);
        assert_int_equal(unigram_new(t, NULL, false, &u, &e), 0);
        assert_non_null(u);
        assert_non_null(unigram_trie(t, &e));
        f.walk = u;
        carrying = *t;
        carrying.fast = &f;
        carrying.fast_carry = true;
        for (int i = 0; i < 300; i++) {
            static const double sums[] = {0, -1234.5, -99950, -99990};
            struct buf text = {0};
            struct tok_ids want = {0}, got = {0};
            double sum = sums[i % 4], ends[2], gaps[2];
            for (size_t left = 1 + rng_below(&k, draw++, 40); left > 0; left--)
                buf_adds(&text, rng_below(&k, draw++, 5) ? letters[rng_below(&k, draw++, COUNT_OF(letters))] : rng_below(&k, draw++, 2) ? "x" : "\xc3\x9f");
            s->sum = sum;
            assert_int_equal(unigram_word_bytes(&carrying, s, (const uint8_t *)text.data, text.len, &want, &e), 0);
            ends[0] = s->sum;
            gaps[0] = s->gap;
            s->sum = sum;
            assert_int_equal(unigram_word(&carrying, s, (const uint8_t *)text.data, text.len, &got, &e), 0);
            ends[1] = s->sum;
            gaps[1] = s->gap;
            assert_int_equal(got.n, want.n);
            assert_memory_equal(got.id, want.id, want.n * sizeof *want.id);
            assert_true(ends[0] == ends[1] && gaps[0] == gaps[1]);
            tok_ids_free(&want);
            tok_ids_free(&got);
            buf_free(&text);
        }
        tok_scratch_free(s);
        unigram_free(u);
        tok_free(t);
    }
}

/* Words of 1 to UNIGRAM_SHORT symbols, as many as there is room for. */
static void put_words(const struct unigram *u, uint32_t seed, size_t longest, struct unigram_words *w)
{
    struct rng_key k = rng_key(9, RNG_TEST, seed, (uint32_t)longest);
    uint64_t at = 0;
    unigram_words_clear(w);
    for (size_t most = 1 + rng_below(&k, at++, UNIGRAM_WORDS); !unigram_words_full(w) && w->n_words < most;) {
        size_t len = 1 + rng_below(&k, at++, (uint32_t)longest);
        for (size_t i = 0; i < len; i++) w->symbols[w->n + i] = (uint16_t)(1 + rng_below(&k, at++, u->n_symbols));
        unigram_words_add(w, len);
    }
}

static void expect_words(const struct unigram *u, struct unigram_words *w)
{
    size_t at = 0;
    unigram_walk_words(u, w);
    for (size_t i = 0; i < w->n_words; i++) {
        uint16_t symbols[UNIGRAM_MOST + UNIGRAM_SLACK] = {0};
        struct unigram_path want;
        size_t n = 0;
        while (w->symbols[at]) symbols[n++] = w->symbols[at++];
        at++;
        unigram_walk_base(u, symbols, n, 0, &want);
        assert_int_equal(w->begin[i + 1] - w->begin[i] - 1, want.n);
        assert_memory_equal(w->ids + w->begin[i], want.ids, want.n * sizeof *want.ids);
        assert_true(w->gap[i] == (float)want.gap);
    }
    assert_int_equal(at, w->n);
}

static void words_together_are_walked_as_alone(void **state)
{
    (void)state;
    static const size_t longest[] = {1, 3, 16, UNIGRAM_SHORT};
    struct err e = {0};
    for (uint32_t seed = 0; seed < 8; seed++) {
        struct tokenizer *t = make(seed, seed < 4 ? 5 : 16, seed % 2);
        struct unigram *u;
        struct unigram_words w;
        assert_int_equal(unigram_new(t, NULL, false, &u, &e), 0);
        assert_non_null(u);
        unigram_relax_fn *fast = u->relax;
        for (uint32_t i = 0; i < 80; i++) {
            put_words(u, i, longest[i % 4], &w);
            expect_words(u, &w); /* the fast way first: what it leaves out is not on the stack yet */
            u->relax = unigram_relax_base;
            expect_words(u, &w);
            u->relax = fast;
        }
        unigram_free(u);
        tok_free(t);
    }
}

/* Tokens of one letter up to 16 times, the longer the better. */
static void long_tokens_together_are_walked_as_alone(void **state)
{
    (void)state;
    struct err e = {0};
    for (int floats = 0; floats < 2; floats++) {
        struct buf b = {0};
        struct unigram *u;
        struct unigram_words w;
        buf_adds(&b, "{\"version\":\"1.0\",\"pre_tokenizer\":null,\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",-20],"
                     "[\"\xe2\x96\x81\",-3]");
        for (int len = 1; len <= UNIGRAM_LONGEST; len++) buf_printf(&b, ",[\"%.*s\",%.2f]", len, "aaaaaaaaaaaaaaaa", -4 - len * 0.25);
        buf_adds(&b, "]}}");
        struct tokenizer *t = tok_from_file(b.data, b.len, "made.json", NULL, &e);
        if (!t) fail_msg("%s", e.msg);
        t->spm_floats = floats;
        t->vocab.v[0].flags &= ~(unsigned)VOCAB_MODEL;
        assert_int_equal(unigram_new(t, NULL, false, &u, &e), 0);
        assert_non_null(u);
        unigram_words_clear(&w);
        for (size_t len = 1; !unigram_words_full(&w); len++) {
            for (size_t i = 0; i < len; i++) w.symbols[w.n + i] = u->symbol['a'];
            unigram_words_add(&w, len);
        }
        expect_words(u, &w);
        unigram_free(u);
        tok_free(t);
        buf_free(&b);
    }
}

/* Scores of few bits are often in the middle between two last places of a sum. */
static void put_scores(struct rng_key *k, uint64_t *at, float *score, size_t n, float least)
{
    for (size_t i = 0; i < n; i++) {
        score[i] = -(float)rng_below(k, (*at)++, 1u << 24) * 0x1p-24f * least;
        if (rng_below(k, (*at)++, 4) == 0) score[i] = -(float)rng_below(k, (*at)++, 64) * least / 64;
    }
}

static void sums_in_any_order_are_those_one_by_one(void **state)
{
    (void)state;
    enum { IDS = 300, TOKENS = 97, UNKNOWN = 7 };
    float score[TOKENS];
    struct rng_key k = rng_key(17, RNG_TEST, 0, 0);
    uint64_t at = 0;
    size_t done = 0, refused = 0;
    for (int i = 0; i < 20000; i++) {
        struct unigram_sums one = {score, -25.5f, UNKNOWN, 32, NULL}, many = one;
        int32_t a[IDS], b[IDS];
        size_t n = rng_below(&k, at++, i % 2 ? IDS : 4);
        float part = (float)rng_below(&k, at++, 1u << 23) * 0x1p-23f;
        int power = 1 + (int)rng_below(&k, at++, 17);
        float sum = -ldexpf(1, power) + (i % 3 ? -ldexpf(part, power) : 64 * part - 32); /* or near the power */
        if (i % 100 == 0) put_scores(&k, &at, score, TOKENS, i % 200 ? 32 : 25.7f);
        if (i % 1000 == 500) score[UNKNOWN + 1] = score[UNKNOWN + 2] = 20.25f;
        for (size_t j = 0; j < n; j++) {
            a[j] = (int32_t)rng_below(&k, at++, TOKENS + TOKENS / 8);
            if (a[j] >= TOKENS) a[j] = -1 - (int32_t)rng_below(&k, at++, i % 7 ? 9 : 9000);
        }
        memcpy(b, a, sizeof a);
        many.block = unigram_sum_best();
        float x = unigram_sum(&one, sum, a, n), y = unigram_sum(&many, sum, b, n);
        assert_true(x == y);
        assert_memory_equal(a, b, n * sizeof *a);
        if (!many.block || !n) continue;
        for (size_t j = 0; j < n; j++) assert_true(a[j] >= 0);
        if (many.block(&many, &sum, a, n < UNIGRAM_SUM_BLOCK ? n : UNIGRAM_SUM_BLOCK)) done++;
        else refused++;
    }
    assert_true(!unigram_sum_best() || (done > 2000 && refused > 2000));
}

/* Characters of all lengths: some are certain, some are replaced by one or by three, blanks and others are not. */
static size_t random_word(struct rng_key *k, uint64_t *at, char *to)
{
    static const char *const some[] = {" ", "\n", "a", "\xd0\xb6", "\xe5\xad\x97", "\xd1\x8f", "b", "\xc3\xa9",
                                       "\xe4\xb8\xad", "\xe2\x96\x81", "x", "\xef\xbc\xa1", "\xe2\x80\xa6", "\xf0\x9f\x98\x80",
                                       "\xf4\x80\x80\x80", "\x7f"};
    size_t n = rng_below(k, (*at)++, 4) ? 0 : rng_below(k, (*at)++, 4);
    size_t most = 1 + rng_below(k, (*at)++, WALK_LOOKED_UP), kinds = 2 + rng_below(k, (*at)++, COUNT_OF(some) - 1);
    for (size_t i = 0; i < n; i++) to[i] = rng_below(k, (*at)++, 4) ? ' ' : '\n';
    while (n + 4 <= most) {
        size_t first = n && rng_below(k, (*at)++, 50) ? 2 : 0; /* few blanks inside */
        const char *c = some[first + rng_below(k, (*at)++, (uint32_t)(n ? kinds - 1 : kinds)) % (COUNT_OF(some) - 2)];
        memcpy(to + n, c, strlen(c));
        n += strlen(c);
    }
    if (n == 0) to[n++] = 'a';
    return n;
}

static void symbols_of_vectors_are_those_one_by_one(void **state)
{
    (void)state;
    struct err e = {0};
    struct tokenizer *t = make(3, 5, true);
    struct unigram *u;
    struct unigram_words a, b;
    struct rng_key k = rng_key(11, RNG_TEST, 0, 0);
    uint64_t at = 0;
    size_t certain = 0, uncertain = 0;
    assert_int_equal(unigram_new(t, NULL, false, &u, &e), 0);
    assert_non_null(u);
    unigram_symbols_fn *vectors = u->symbols;
    uint16_t many[] = {0, 3, u->symbol['a'], u->symbol['a'], u->symbol['b']}, *before = u->many;
    u->many = many;
    u->symbol[0xFF21] = u->symbol['a'];
    u->strange[0xEF - 0xC0] = 0;
    assert_true(u->some_strange && u->strange[0xD0 - 0xC0] && u->strange[0xE5 - 0xC0] && !u->strange[0xE4 - 0xC0] && !u->strange[0xE2 - 0xC0]);
    u->symbol[0x2026] = UNIGRAM_MANY | 1;
    struct tok_fast f = {.walk = u, .carry = true, .blank = "  \n "};
    for (int i = 0; i < 20000 && vectors; i++) {
        char text[WALK_LOOKED_UP + 64];
        size_t n = random_word(&k, &at, text), na, nb;
        uint64_t ua, ub;
        f.one_space = i & 1;
        f.carry = i % 5 != 0; /* else unknown characters are not certain */
        u->symbol['\n'] = i % 7 ? 0 : u->unknown;
        unigram_words_clear(&a);
        unigram_words_clear(&b);
        u->symbols = vectors;
        na = tok_walk_symbols(&f, (const uint8_t *)text, n, a.symbols, &ua);
        u->symbols = NULL;
        nb = tok_walk_symbols(&f, (const uint8_t *)text, n, b.symbols, &ub);
        assert_int_equal(na, nb);
        assert_true(na == 0 || ua == ub);
        assert_memory_equal(a.symbols, b.symbols, na * sizeof *a.symbols);
        if (na) certain++;
        else uncertain++;
    }
    assert_true(!vectors || (certain > 2000 && uncertain > 2000));
    u->many = before;
    unigram_free(u);
    tok_free(t);
}

/* Some words, one of which may be long: each of random_word()s. */
static size_t random_words(struct rng_key *k, uint64_t *at, char *text, struct unigram_spelled *words)
{
    size_t n = 1 + rng_below(k, (*at)++, 900), used = 0;
    for (size_t i = 0; i < n; i++) {
        size_t begin = used, parts = rng_below(k, (*at)++, 12) ? 1 : 1 + rng_below(k, (*at)++, 9);
        while (parts--) used += random_word(k, at, text + used);
        words[i] = (struct unigram_spelled){.text = (const uint8_t *)text + begin, .len = used - begin, .number = (uint16_t)i};
    }
    return n;
}

static void words_are_spelled_together_as_one_by_one(void **state)
{
    (void)state;
    enum { MOST = 900 };
    struct err e = {0};
    struct tokenizer *t = make(3, 5, true);
    struct unigram *u;
    struct rng_key k = rng_key(12, RNG_TEST, 0, 0);
    uint64_t at = 0, other;
    size_t certain = 0, uncertain = 0, stopped = 0;
    static char text[MOST * 9 * (WALK_LOOKED_UP + 4)];
    static struct unigram_spelled words[MOST + 1];
    static uint16_t symbols[UNIGRAM_SPELL_ROOM + UNIGRAM_SLACK], one[UNIGRAM_SHORT + UNIGRAM_SLACK];
    assert_int_equal(unigram_new(t, NULL, false, &u, &e), 0);
    assert_non_null(u);
    unigram_symbols_fn *vectors = u->symbols;
    unigram_spell_fn *spell = u->spell;
    uint16_t many[] = {0, 3, u->symbol['a'], u->symbol['a'], u->unknown, 0}, *before = u->many;
    struct text_key piece[] = {{"ab", 2, 0}, {"\xd0\xb6" "b", 3, 1}};
    const uint16_t a = u->symbol['a'];
    struct trie kept;
    assert_int_equal(trie_build(&kept, piece, COUNT_OF(piece), &e), 0);
    u->many = many;
    u->symbol[0x2026] = UNIGRAM_MANY | 1;
    u->kept_first['a'] = u->kept_high = 1;
    u->strange[0xEF - 0xC0] = 0;
    struct tok_fast f = {.walk = u, .carry = true, .blank = "  \n "};
    for (int i = 0; i < 350; i++) {
        size_t n = random_words(&k, &at, text, words);
        f.one_space = i & 1;
        f.carry = i % 5 != 0;
        u->symbol['\n'] = i % 7 ? 0 : u->unknown;
        u->symbol[0xFF21] = i % 11 ? a : UNIGRAM_MANY | 5; /* nothing */
        u->symbol['a'] = i % 13 ? a : UNIGRAM_MANY | 1;
        u->kept = i % 4 ? NULL : &kept;
        u->symbols = vectors;
        u->spell = i % 3 ? spell : NULL;
        size_t found = tok_walk_spell(&f, words, n, symbols);
        assert_true(found > 0 && found <= n);
        stopped += found < n;
        u->symbols = NULL;
        for (size_t w = 0; w < found; w++) {
            const struct unigram_spelled *x = &words[w];
            assert_int_equal(tok_walk_symbols(&f, x->text, x->len, one, &other), x->n);
            if (x->n) assert_true(x->unknown == other && x->at + x->n <= UNIGRAM_SPELL_ROOM && x->number == w);
            assert_memory_equal(symbols + x->at, one, x->n * sizeof *one);
            if (x->n) certain++;
            else uncertain++;
        }
    }
    assert_true(certain > 10000 && uncertain > 10000 && stopped > 20);
    u->many = before;
    u->kept = NULL;
    trie_free(&kept);
    unigram_free(u);
    tok_free(t);
}

static void pairs_inside_tokens_are_joined(void **state)
{
    (void)state;
    struct err e = {0};
    struct tokenizer *t = make(3, 3, false);
    struct unigram *u;
    assert_int_equal(unigram_new(t, NULL, false, &u, &e), 0);
    uint32_t apart = 0;
    for (uint32_t a = 1; a <= u->n_symbols; a++)
        for (uint32_t b = 1; b <= u->n_symbols; b++) {
            size_t len;
            bool joined = false;
            for (int id = 0; id < t->vocab.n; id++) {
                const uint8_t *s = (const uint8_t *)vocab_text(&t->vocab, id, &len);
                uint32_t last = 0;
                for (size_t i = 0, k; i < len; i += k) {
                    uint32_t x = unigram_code(u, s + i, len - i, &k);
                    if (!x && s[i] == 0xE2) x = u->mark;
                    joined = joined || (last == a && x == b);
                    last = x;
                }
            }
            if (joined) assert_true(unigram_joined(u, a, b));
            apart += !unigram_joined(u, a, b);
        }
    assert_true(apart > 0);
    unigram_free(u);
    tok_free(t);
}

/* ... also of tokens that the trie does not have, for a character that is not certain. */
static void pairs_inside_other_tokens_are_joined(void **state)
{
    (void)state;
    static const char json[] = "{\"version\":\"1.0\",\"pre_tokenizer\":null,\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":"
                               "[[\"<unk>\",-20],[\"\xe2\x96\x81\",-3],[\"a\",-3],[\"b\",-3],[\"\\u007fab\",-4]]}}";
    struct err e = {0};
    struct tokenizer *t = tok_from_file(json, strlen(json), "made.json", NULL, &e);
    struct unigram *u;
    assert_non_null(t);
    assert_int_equal(unigram_new(t, NULL, false, &u, &e), 0);
    assert_non_null(u);
    assert_true(unigram_joined(u, u->symbol['a'], u->symbol['b']));
    assert_false(unigram_joined(u, u->symbol['b'], u->symbol['a']));
    unigram_free(u);
    tok_free(t);
}

static void tokens_that_are_too_long_are_not_for_it(void **state)
{
    (void)state;
    struct err e = {0};
    struct tokenizer *t = make(1, 17, false);
    struct unigram *u;
    assert_int_equal(unigram_new(t, NULL, false, &u, &e), 0);
    assert_null(u);
    tok_free(t);
}

/* Where it has a score of its own it is found in a text, and melts into what is unknown beside it. */
static void the_unknown_token_is_not_for_it(void **state)
{
    (void)state;
    struct err e = {0};
    static const char json[] = "{\"version\":\"1.0\",\"pre_tokenizer\":null,\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",-1],"
                               "[\"\u2581\",-2],[\"a\",-3],[\"<\",-4],[\"u\",-4],[\"n\",-4],[\"k\",-4],[\">\",-4]]}}";
    struct tokenizer *t = tok_from_file(json, sizeof json - 1, "made.json", NULL, &e);
    struct unigram *u;
    if (!t) fail_msg("%s", e.msg);
    assert_int_equal(unigram_new(t, NULL, false, &u, &e), 0);
    assert_null(u);
    tok_free(t);
}

/* As <unk> in CamemBERT's file: HF tokenizers find the later one in a text, give the first one its score no more, and
 * tell by the text what is special.  The ids are theirs. */
static void a_piece_that_comes_again_is_the_later_one(void **state)
{
    (void)state;
    static const char json[] =
        "{\"version\":\"1.0\",\"pre_tokenizer\":null,\"added_tokens\":[{\"id\":3,\"content\":\"<unk>\",\"single_word\":false,\"lstrip\":false,"
        "\"rstrip\":false,\"normalized\":false,\"special\":true}],\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"a\",-1],"
        "[\"b\",-2],[\"<unk>\",-9],[\"ab\",-2.5],[\"a\",-3],[\"c\",-1],[\"<\",-4]]}}";
    static const struct { const char *text; int32_t id[4]; size_t n; } texts[] = {
        {"abac", {4, 5, 6}, 3}, {"ax<", {5, 0, 7}, 3}, {"aab", {5, 4}, 2}, {"zz", {0}, 1}, {"a<unk>b", {5, 3, 2}, 3}};
    struct err e = {0};
    struct buf out = {0};
    struct tokenizer *t = tok_from_file(json, strlen(json), "made.json", NULL, &e);
    if (!t) fail_msg("%s", e.msg);
    for (int again = 0; again < 2; again++) { /* as read, and as written and read once more */
        struct tok_scratch *s = tok_scratch_new(t, &e);
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
            struct tok_ids ids = {0};
            assert_int_equal(tok_encode(t, s, texts[i].text, strlen(texts[i].text), TOK_SPECIAL, &ids, &e), 0);
            assert_int_equal(ids.n, texts[i].n);
            assert_memory_equal(ids.id, texts[i].id, ids.n * sizeof *ids.id);
            tok_ids_free(&ids);
        }
        tok_scratch_free(s);
        static const int32_t all[] = {0, 1, 5, 3, 6};
        buf_clear(&out);
        assert_int_equal(tok_decode(t, all, 5, true, &out, &e), 0);
        assert_string_equal(out.data, "a a c");
        buf_clear(&out);
        assert_int_equal(tok_decode(t, all, 5, false, &out, &e), 0);
        assert_string_equal(out.data, "<unk> a a <unk> c");
        buf_clear(&out);
        assert_int_equal(tok_export(t, FORMAT_JSON, &out, NULL, &e), 0);
        uint64_t hash = tok_hash(t);
        tok_free(t);
        t = tok_from_file(out.data, out.len, "made.json", NULL, &e);
        assert_non_null(t);
        assert_true(tok_hash(t) == hash);
    }
    tok_free(t);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_are_those_over_bytes),
        cmocka_unit_test(alphabets_of_all_sizes_are_walked),
        cmocka_unit_test(words_by_symbols_are_those_over_bytes),
        cmocka_unit_test(words_together_are_walked_as_alone),
        cmocka_unit_test(long_tokens_together_are_walked_as_alone),
        cmocka_unit_test(sums_in_any_order_are_those_one_by_one),
        cmocka_unit_test(symbols_of_vectors_are_those_one_by_one),
        cmocka_unit_test(words_are_spelled_together_as_one_by_one),
        cmocka_unit_test(pairs_inside_tokens_are_joined),
        cmocka_unit_test(pairs_inside_other_tokens_are_joined),
        cmocka_unit_test(tokens_that_are_too_long_are_not_for_it),
        cmocka_unit_test(a_piece_that_comes_again_is_the_later_one),
        cmocka_unit_test(the_unknown_token_is_not_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
