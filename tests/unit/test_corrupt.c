#include "tests/unit/shard_fixture.h"

#include <math.h>

#include "data/corrupt.h"
#include "data/loader.h"

/* Ids 0..9 are special (1 the mask, 2 end of text, 3.. sentinels), 10..1009
 * words, of which every third goes on with the word before it. */
enum { VOCAB = 1010, MASK = 1, EOS = 2, FIRST = 9, T = 128, ROWS = 8 };
static uint16_t lengths[VOCAB];
static uint8_t kind[VOCAB];
static const struct corrupt_ids ids = {kind, VOCAB, MASK, EOS};

static struct tokset *text(int n)
{
    struct err e;
    struct shard_meta m = fixture_meta(VOCAB, -1, -1, lengths);
    int32_t *v = malloc((size_t)n * sizeof *v);
    assert_non_null(v);
    for (int i = 0; i < n; i++)
        v[i] = 10 + i % 1000;
    struct tokset *s = tokset_ids(v, (size_t)n, (uint64_t)n, &m, &e);
    assert_non_null(s);
    free(v);
    for (int i = 0; i < VOCAB; i++)
        kind[i] = i < 10 ? ID_SPECIAL : i % 3 == 0 ? ID_CONTINUES : 0;
    return s;
}

static struct batch_source *open(struct tokset *set, enum loader_order order)
{
    struct err e;
    struct loader_part part = {set, 1, 0, 1};
    struct batch_source *s = loader_new(&(struct loader_cfg){&part, 1, 7, order, true}, &e);
    if (!s) fail_msg("%s", e.msg);
    return s;
}

static void masks_are_15_percent_and_80_10_10(void **state)
{
    (void)state;
    struct tokset *set = text(50000);
    struct err e;
    struct mlm_cfg c = {&ids, 5, 0.15, 0.8, 0.1, false, 0};
    struct batch_source *plain = open(set, LOADER_WINDOWS), *s = mlm_source(open(set, LOADER_WINDOWS), &c, &e);
    struct batch a = fixture_batch(ROWS, T, 0), b = fixture_batch(ROWS, T, 0);
    double n = 0, hidden = 0, kept = 0, other = 0;
    int at[T] = {0};
    for (uint64_t step = 0; step < 200; step++) {
        assert_int_equal(plain->next(plain, step, &a, &e), 0);
        assert_int_equal(s->next(s, step, &b, &e), 0);
        for (int r = 0; r < ROWS; r++) {
            int chosen = 0;
            for (int i = 0; i < T; i++) {
                int k = r * T + i;
                if (b.targets[k] < 0) {
                    assert_int_equal(b.tokens[k], a.tokens[k]);
                    assert_true(b.weights[k] == 0);
                    continue;
                }
                chosen++;
                at[i]++;
                assert_int_equal(b.targets[k], a.tokens[k]);
                hidden += b.tokens[k] == MASK;
                kept += b.tokens[k] == a.tokens[k];
                other += b.tokens[k] != MASK && b.tokens[k] != a.tokens[k];
                if (b.tokens[k] != MASK) assert_true(b.tokens[k] >= 10);
            }
            assert_int_equal(chosen, mlm_max_targets(0.15, T)); /* 19 of 128 */
            n += chosen;
        }
    }
    /* Shares of 30400 draws: four standard deviations are 0.9 and 0.7 %. */
    assert_true(fabs(hidden / n - 0.8) < 0.01);
    assert_true(fabs(other / n - 0.1) < 0.008 && fabs(kept / n - 0.1) < 0.008);
    for (int i = 0; i < T; i++) /* each place as often: 237.5 of 1600 rows, sd 14.2 */
        assert_true(at[i] > 170 && at[i] < 305);
    /* The same for any order of calls. */
    assert_int_equal(s->next(s, 11, &a, &e), 0);
    assert_int_equal(s->next(s, 150, &b, &e), 0);
    assert_int_equal(s->next(s, 11, &b, &e), 0);
    assert_memory_equal(a.tokens, b.tokens, (size_t)ROWS * T * 4 * 2);
    plain->close(plain);
    s->close(s);
    free(a.tokens);
    free(b.tokens);
    tokset_free(set);
}

static void whole_words_are_chosen_whole(void **state)
{
    (void)state;
    struct tokset *set = text(20000);
    struct err e;
    struct mlm_cfg c = {&ids, 5, 0.15, 1, 0, true, 0};
    struct batch_source *s = mlm_source(open(set, LOADER_WINDOWS), &c, &e);
    struct batch b = fixture_batch(ROWS, T, 0);
    for (uint64_t step = 0; step < 50; step++) {
        assert_int_equal(s->next(s, step, &b, &e), 0);
        for (int r = 0; r < ROWS; r++) {
            int chosen = 0;
            for (int i = 0; i < T; i++) {
                int k = r * T + i;
                bool in = b.targets[k] >= 0;
                chosen += in;
                int32_t id = in ? b.targets[k] : b.tokens[k];
                if (i && id >= 10 && kind[id] == ID_CONTINUES) assert_int_equal(in, b.targets[k - 1] >= 0);
            }
            assert_in_range(chosen, 17, 19); /* words of one or two tokens; the last may not fit */
        }
    }
    s->close(s);
    free(b.tokens);
    tokset_free(set);
}

static void fixed_masks_come_again(void **state)
{
    (void)state;
    struct tokset *set = text(T * 5 + 1); /* one window too few to move: the offset is all that changes */
    struct err e;
    struct mlm_cfg c = {&ids, 5, 0.15, 1, 0, false, 1};
    struct batch_source *s = mlm_source(open(set, LOADER_SEQUENTIAL), &c, &e);
    struct batch a = fixture_batch(1, T, 0), b = fixture_batch(1, T, 0);
    assert_int_equal(s->next(s, 3, &a, &e), 0);
    c.seed = 6;
    struct batch_source *other = mlm_source(open(set, LOADER_SEQUENTIAL), &c, &e);
    assert_int_equal(other->next(other, 3, &b, &e), 0);
    assert_memory_not_equal(a.targets, b.targets, T * 4);
    assert_int_equal(s->next(s, 3, &b, &e), 0);
    assert_memory_equal(a.targets, b.targets, T * 4);
    s->close(s);
    other->close(other);
    free(a.tokens);
    free(b.tokens);
    tokset_free(set);
}

/* What stood in the text, out of a corrupted row: source with the sentinels
 * replaced by what the target says of each. */
static int restore(const struct batch *b, int r, const struct span_cfg *c, int32_t *out)
{
    const int32_t *src = b->src_tokens + (size_t)r * (size_t)b->S, *tgt = b->targets + (size_t)r * (size_t)b->T;
    int n = 0, t = 0, sentinels = 0;
    int len = b->src_hi[(size_t)r * (size_t)b->T];
    for (int i = 0; i < len; i++) {
        if (src[i] == EOS) continue;
        if (src[i] >= 10) {
            out[n++] = src[i];
            continue;
        }
        assert_int_equal(src[i], c->first_sentinel + sentinels * c->step_sentinel);
        assert_int_equal(tgt[t], src[i]);
        sentinels++;
        for (t++; t < b->T && tgt[t] >= 10; t++)
            out[n++] = tgt[t];
    }
    assert_int_equal(tgt[t], EOS);
    assert_true(t + 1 == b->T || tgt[t + 1] == -1);
    return n;
}

static void corrupted_spans_can_be_put_back(void **state)
{
    (void)state;
    struct tokset *set = text(40000);
    struct err e;
    struct span_cfg c = {.ids = &ids, .seed = 3, .d = {{3, 0.15, -1}}, .n = 1, .first_sentinel = FIRST, .step_sentinel = -1,
                         .n_sentinels = 7, .decoder_start = 0, .S = 64, .T = 24};
    int raw = span_raw_length(&c.d[0], c.S, c.T);
    assert_int_equal(raw, 70); /* 10 corrupted in 3 spans: 60 + 3 + 1; 71 would be 60 + 4 + 1 */
    assert_int_equal(span_raw_length(&c.d[0], 512, 114), 568); /* as T5 has it */
    struct batch_source *plain = open(set, LOADER_WINDOWS), *s = span_source(open(set, LOADER_WINDOWS), &c, &e);
    assert_non_null(s);
    struct batch a = fixture_batch(ROWS, raw, 0), b = fixture_batch(ROWS, c.T, c.S);
    double first = 0, n_rows = 0;
    for (uint64_t step = 0; step < 100; step++) {
        int32_t got[256];
        assert_int_equal(plain->next(plain, step, &a, &e), 0);
        assert_int_equal(s->next(s, step, &b, &e), 0);
        for (int r = 0; r < ROWS; r++) {
            assert_int_equal(restore(&b, r, &c, got), raw);
            assert_memory_equal(got, a.tokens + (size_t)r * (size_t)raw, (size_t)raw * 4);
            assert_int_equal(b.tokens[r * c.T], 0);
            for (int i = 1; i < c.T && b.targets[r * c.T + i] >= 0; i++)
                assert_int_equal(b.tokens[r * c.T + i], b.targets[r * c.T + i - 1]);
            int i = 0;
            while (b.src_tokens[r * c.S + i] >= 10)
                i++;
            first += i;
            n_rows++;
        }
    }
    /* 60 kept tokens in 3 parts: 20 before the first span on average, sd 14 of 800 rows. */
    assert_true(fabs(first / n_rows - 20) < 2);
    plain->close(plain);
    s->close(s);
    free(a.tokens);
    free(b.tokens);
    tokset_free(set);
}

static void ul2_mixes_seven_tasks(void **state)
{
    (void)state;
    struct tokset *set = text(40000);
    struct err e;
    struct span_cfg c = {.ids = &ids, .seed = 3, .n = 7, .first_sentinel = FIRST, .step_sentinel = -1, .n_sentinels = 7,
                         .d = {{3, .15, 3}, {8, .15, 3}, {3, .5, 4}, {8, .5, 4}, {64, .15, 4}, {64, .5, 4}, {0, .25, 5}},
                         .decoder_start = 0, .S = 32, .T = 20};
    assert_null(span_source(
        open(set, LOADER_WINDOWS),
        &(struct span_cfg){.ids = &ids, .d = {{1, .5, -1}}, .n = 1, .S = 64, .T = 64, .n_sentinels = 2}, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    struct batch_source *s = span_source(open(set, LOADER_WINDOWS), &c, &e);
    if (!s) fail_msg("%s", e.msg);
    struct batch b = fixture_batch(ROWS, c.T, c.S);
    int modes[10] = {0};
    double tail = 0;
    for (uint64_t step = 0; step < 200; step++) {
        assert_int_equal(s->next(s, step, &b, &e), 0);
        for (int r = 0; r < ROWS; r++) {
            int mode = b.src_tokens[r * c.S];
            assert_in_range(mode, 3, 5);
            modes[mode]++;
            int32_t saved = b.src_tokens[r * c.S], got[256];
            b.src_tokens[r * c.S] = EOS; /* restore() passes over it */
            int n = restore(&b, r, &c, got);
            for (int i = 1; i < n; i++)
                assert_int_equal(got[i], 10 + (got[i - 1] - 10 + 1) % 1000);
            b.src_tokens[r * c.S] = saved;
            if (mode == 5) {
                int t = 0;
                while (b.targets[r * c.T + t] >= 0)
                    t++;
                tail += (double)(t - 2) / n;
            }
        }
    }
    /* Shares 2/7, 4/7, 1/7 of 1600: sd 18, 20, 14. */
    assert_true(abs(modes[3] - 457) < 72 && abs(modes[4] - 914) < 80 && abs(modes[5] - 229) < 56);
    assert_true(fabs(tail / modes[5] - 0.25) < 0.05);
    s->close(s);
    free(b.tokens);
    tokset_free(set);
}

static void prefixes_are_not_predicted(void **state)
{
    (void)state;
    struct tokset *set = text(40000);
    struct err e;
    struct batch_source *s = prefix_source(open(set, LOADER_WINDOWS), 9, &e);
    struct batch b = fixture_batch(ROWS, T, 0);
    double sum = 0;
    for (uint64_t step = 0; step < 100; step++) {
        assert_int_equal(s->next(s, step, &b, &e), 0);
        for (int r = 0; r < ROWS; r++) {
            int end = b.prefix_end[r * T];
            assert_in_range(end, 1, T - 1);
            for (int i = 0; i < T; i++) {
                assert_int_equal(b.prefix_end[r * T + i], end);
                assert_int_equal(b.targets[r * T + i] >= 0, i >= end - 1);
            }
            sum += end;
        }
    }
    assert_true(fabs(sum / (100 * ROWS) - T / 2.0) < 5.5); /* sd 37 of 800 rows */
    s->close(s);
    free(b.tokens);
    tokset_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_are_15_percent_and_80_10_10), cmocka_unit_test(whole_words_are_chosen_whole),
        cmocka_unit_test(fixed_masks_come_again),            cmocka_unit_test(corrupted_spans_can_be_put_back),
        cmocka_unit_test(ul2_mixes_seven_tasks),             cmocka_unit_test(prefixes_are_not_predicted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
