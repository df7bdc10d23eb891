#include "tests/unit/shard_fixture.h"

#include <string.h>

#include "core/base/mem.h"
#include "data/loader.h"

enum { T = 16, ROWS = 4, VOCAB = 5000 };
static uint16_t lengths[VOCAB];

static int32_t tokens[ROWS * T], targets[ROWS * T], positions[ROWS * T], seg_start[ROWS * T];
static float weights[ROWS * T];
static struct batch batch = {.rows = ROWS, .T = T, .tokens = tokens, .targets = targets, .weights = weights,
                             .positions = positions, .seg_start = seg_start};

/* Document d of `n_docs` has 1 + d * 7 % 23 tokens; ids count up over all from
 * 10, so that an id names its place. */
static uint64_t write_docs(const char *path, int bos, int eos, int n_docs, int32_t *id)
{
    struct err e;
    struct shard_meta m = fixture_meta(VOCAB, bos, eos, lengths);
    struct shard_writer *w = shard_create(path, &m, &e);
    assert_non_null(w);
    uint64_t total = 0;
    for (int d = 0; d < n_docs; d++) {
        int32_t ids[24];
        size_t n = (size_t)(1 + d * 7 % 23);
        for (size_t i = 0; i < n; i++)
            ids[i] = (*id)++;
        assert_int_equal(shard_add(w, ids, n, n, &e), 0);
        total += n;
    }
    assert_int_equal(shard_commit(w, &e), 0);
    return total;
}

static struct tokset *docs_set(const char *dir, int bos, int eos)
{
    char path[256], sub[256];
    struct err e;
    int32_t id = 10;
    snprintf(sub, sizeof sub, "%s/set-%d-%d", dir, bos, eos);
    assert_int_equal(dir_make(sub, &e), 0);
    fixture_path(path, sizeof path, sub, "0.tok");
    write_docs(path, bos, eos, 40, &id);
    fixture_path(path, sizeof path, sub, "1.tok");
    write_docs(path, bos, eos, 0, &id); /* an empty shard between */
    fixture_path(path, sizeof path, sub, "2.tok");
    write_docs(path, bos, eos, 33, &id);
    const char *paths[] = {sub};
    struct tokset *s = tokset_open(paths, 1, &e);
    if (!s) fail_msg("%s", e.msg);
    return s;
}

/* Ids count up from `first`. */
static struct tokset *ids_set(int first, int n)
{
    struct err e;
    struct shard_meta m = fixture_meta(VOCAB, -1, -1, lengths);
    int32_t *ids = malloc((size_t)n * sizeof *ids);
    assert_non_null(ids);
    for (int i = 0; i < n; i++)
        ids[i] = (first + i) % VOCAB;
    struct tokset *s = tokset_ids(ids, (size_t)n, (uint64_t)n, &m, &e);
    assert_non_null(s);
    free(ids);
    return s;
}

static struct tokset *text_set(int n)
{
    return ids_set(0, n);
}

static struct batch_source *open_one(struct tokset *set, enum loader_order order, bool concat,
                                     uint64_t seed)
{
    struct err e;
    struct loader_part part = {set, 1, 0, 1};
    struct loader_cfg cfg = {&part, 1, seed, order, concat};
    struct batch_source *s = loader_new(&cfg, &e);
    if (!s) fail_msg("%s", e.msg);
    return s;
}

static void shards_join_without_double_separators(void **state)
{
    struct err e;
    struct tokset *s = docs_set(*state, -1, 0);
    const struct tokset_info *in = tokset_get_info(s);
    assert_int_equal(in->n_docs, 73);
    assert_int_equal(in->n_shards, 3);
    int32_t *ids = malloc(in->n_tokens * sizeof *ids);
    assert_non_null(ids);
    assert_int_equal(tokset_read(s, 0, in->n_tokens, ids, &e), 0);
    int32_t next = 10;
    for (uint64_t i = 0; i < in->n_tokens; i++) {
        if (i && ids[i] == 0) assert_int_not_equal(ids[i - 1], 0);
        if (ids[i]) assert_int_equal(ids[i], next++);
    }
    assert_int_equal(ids[in->n_tokens - 1], 0);
    assert_int_equal(in->n_tokens, in->text_bytes + in->n_docs + 1);
    for (uint64_t d = 0, at = 0; d < in->n_docs; d++) {
        struct tokset_doc a = tokset_doc(s, d), b = tokset_doc_at(s, a.end - 1);
        assert_int_equal(a.begin, at);
        assert_int_equal(b.index, d);
        assert_int_equal(b.begin, a.begin);
        at = a.end;
    }
    free(ids);
    tokset_free(s);
}

/* What must hold of any row, packed or not. */
static void check_row(const struct batch *b, int r, bool concat, int bos, int eos)
{
    bool shared = eos >= 0 && (bos < 0 || bos == eos);
    for (int i = 0; i < T; i++) {
        int o = r * T + i, seg = b->seg_start[o];
        assert_in_range(seg, 0, i);
        assert_int_equal(b->positions[o], i - seg);
        assert_true((b->targets[o] >= 0) == (b->weights[o] > 0.5f));
        if (concat) {
            assert_int_equal(seg, 0);
            continue;
        }
        if (i) assert_true(seg == b->seg_start[o - 1] || seg == i);
        int32_t x = b->tokens[o], y = b->targets[o];
        bool starts = shared ? x == eos : bos >= 0 ? x == bos : false;
        if (i && starts) assert_int_equal(seg, i);
        /* ids of a document count up by one */
        if (x >= 10 && y >= 10) assert_int_equal(y, x + 1);
        if (i && seg != i && x >= 10 && b->tokens[o - 1] >= 10)
            assert_int_equal(x, b->tokens[o - 1] + 1);
        if (i && seg == i && !shared) assert_int_equal(b->targets[o - 1], -1);
        if (y < 0) assert_true(!shared && (x == eos || eos < 0));
    }
}

static void packed_rows_respect_documents(void **state)
{
    static const struct {
        int bos, eos;
    } kinds[] = {{-1, 0}, {0, 0}, {1, 2}, {1, -1}, {-1, -1}};
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        struct tokset *set = docs_set(*state, kinds[k].bos, kinds[k].eos);
        for (int order = LOADER_WINDOWS; order <= LOADER_SEQUENTIAL; order++)
            for (int concat = 0; concat <= 1; concat++) {
                struct batch_source *s = open_one(set, (enum loader_order)order, concat, 3);
                uint64_t steps = order == LOADER_SEQUENTIAL ? loader_steps(s, ROWS, T) - 1 : 100;
                for (uint64_t step = 0; step < steps; step++) {
                    struct err e;
                    assert_int_equal(s->next(s, step, &batch, &e), 0);
                    for (int r = 0; r < ROWS; r++)
                        check_row(&batch, r, concat, kinds[k].bos, kinds[k].eos);
                }
                s->close(s);
            }
        tokset_free(set);
    }
}

static void a_batch_is_a_pure_function_of_its_step(void **state)
{
    struct err e;
    int32_t first[ROWS * T];
    struct tokset *set = docs_set(*state, -1, 0);
    for (int order = LOADER_WINDOWS; order <= LOADER_DOCUMENTS; order++) {
        struct batch_source *a = open_one(set, (enum loader_order)order, false, 7);
        struct batch_source *b = open_one(set, (enum loader_order)order, false, 7);
        struct batch_source *c = open_one(set, (enum loader_order)order, false, 8);
        bool differs = false;
        for (uint64_t step = 60; step-- > 0;) { /* backwards, one fresh, one used */
            assert_int_equal(a->next(a, step, &batch, &e), 0);
            memcpy(first, tokens, sizeof first);
            assert_int_equal(b->next(b, 59 - step, &batch, &e), 0);
            assert_int_equal(b->next(b, step, &batch, &e), 0);
            assert_memory_equal(first, tokens, sizeof first);
            assert_int_equal(c->next(c, step, &batch, &e), 0);
            differs |= memcmp(first, tokens, sizeof first) != 0;
        }
        assert_true(differs);
        a->close(a);
        b->close(b);
        c->close(c);
    }
    tokset_free(set);
}

/* Counts how often each id is a target over one epoch. */
static void count_targets(struct batch_source *s, uint64_t rows, uint32_t *count)
{
    struct err e;
    memset(count, 0, VOCAB * sizeof *count);
    for (uint64_t row = 0; row < rows; row++) {
        struct batch one = batch;
        one.rows = 1;
        assert_int_equal(s->next(s, row, &one, &e), 0);
        for (int i = 0; i < T; i++)
            if (targets[i] >= 0) count[targets[i]]++;
    }
}

static void an_epoch_of_windows_visits_a_text_once(void **state)
{
    (void)state;
    static uint32_t count[VOCAB];
    struct tokset *set = text_set(1000);
    struct batch_source *s = open_one(set, LOADER_WINDOWS, true, 1);
    count_targets(s, (1000 - T) / T, count);
    int seen = 0;
    for (int i = 0; i < 1000; i++) {
        assert_in_range(count[i], 0, 1);
        seen += (int)count[i];
    }
    assert_int_equal(seen, (1000 - T) / T * T);
    /* Over many epochs the offset moves, so every token but the first is a
     * target, and no row lacks one. */
    count_targets(s, 5000, count);
    uint64_t all = 0;
    for (int i = 0; i < 1000; i++)
        all += count[i];
    assert_int_equal(all, 5000 * T);
    for (int i = T; i < 1000 - T; i++)
        assert_true(count[i] > 0);
    s->close(s);
    tokset_free(set);
}

static void the_sequential_order_makes_each_token_a_target_once(void **state)
{
    (void)state;
    static uint32_t count[VOCAB];
    static const int sizes[] = {2, 15, 16, 17, 18, 33, 1000};
    for (size_t k = 0; k < COUNT_OF(sizes); k++) {
        struct tokset *set = text_set(sizes[k]);
        struct batch_source *s = open_one(set, LOADER_SEQUENTIAL, true, 1);
        uint64_t steps = loader_steps(s, 1, T);
        assert_int_equal(steps, (sizes[k] - 1 + T - 1) / T);
        count_targets(s, steps + 2, count); /* beyond the end there is nothing */
        for (int i = 0; i < sizes[k]; i++)
            assert_int_equal(count[i], i > 0);
        s->close(s);
        tokset_free(set);
    }
}

static void an_epoch_of_documents_visits_each_once(void **state)
{
    static uint32_t count[VOCAB];
    struct tokset *set = docs_set(*state, -1, 0);
    const struct tokset_info *in = tokset_get_info(set);
    struct batch_source *s = open_one(set, LOADER_DOCUMENTS, false, 1);
    /* T epochs are a whole number of rows. */
    count_targets(s, in->n_tokens - 1, count);
    for (int32_t id = 10; id < 10 + (int32_t)in->text_bytes; id++)
        assert_int_equal(count[id], T);
    assert_int_equal(count[0], T * in->n_docs);
    s->close(s);
    tokset_free(set);
}

static void bytes_of_text_are_counted(void **state)
{
    struct err e;
    struct tokset *set = docs_set(*state, -1, 0);
    struct batch_source *s = open_one(set, LOADER_SEQUENTIAL, false, 1);
    uint64_t bytes = 0;
    for (uint64_t step = 0; step < loader_steps(s, ROWS, T); step++) {
        assert_int_equal(s->next(s, step, &batch, &e), 0);
        bytes += batch.n_bytes;
    }
    assert_int_equal(bytes, tokset_get_info(set)->text_bytes);
    s->close(s);
    tokset_free(set);
}

static void splits_do_not_overlap_and_fall_between_documents(void **state)
{
    static uint32_t a_count[VOCAB], b_count[VOCAB];
    struct err e;
    struct tokset *set = docs_set(*state, -1, 0);
    struct loader_part a = {set, 1, 0, 0.9}, b = {set, 1, 0.9, 1};
    struct batch_source *sa =
        loader_new(&(struct loader_cfg){&a, 1, 1, LOADER_SEQUENTIAL, false}, &e);
    struct batch_source *sb =
        loader_new(&(struct loader_cfg){&b, 1, 1, LOADER_SEQUENTIAL, false}, &e);
    assert_true(sa && sb);
    count_targets(sa, loader_steps(sa, 1, T), a_count);
    count_targets(sb, loader_steps(sb, 1, T), b_count);
    int n = (int)tokset_get_info(set)->text_bytes, in_b = 0;
    for (int32_t id = 10; id < 10 + n; id++) {
        assert_int_equal(a_count[id] + b_count[id], 1);
        in_b += (int)b_count[id];
    }
    assert_in_range(in_b, n / 10 - 24, n / 10 + 24);
    assert_int_equal(a_count[0] + b_count[0], 73);
    sa->close(sa);
    sb->close(sb);
    tokset_free(set);
}

/* Which of the parts of mixtures_keep_their_shares() a row comes from. */
static int part_of(struct batch_source *s, uint64_t row, struct batch *one)
{
    struct err e;
    assert_int_equal(s->next(s, row, one, &e), 0);
    return tokens[0] < 1000 ? 0 : tokens[0] < 4000 ? 1 : 2;
}

static void mixtures_keep_their_shares(void **state)
{
    (void)state;
    enum { PERIOD = 1 << 16, ALL = 2 * PERIOD + 5000 };
    struct err e;
    struct tokset *x = ids_set(0, 1000), *y = ids_set(1000, 3000), *z = ids_set(4000, 500);
    struct loader_part p[] = {{x, 0.5, 0, 1}, {y, 0.3, 0, 1}, {z, 0.2, 0, 1}};
    struct batch_source *s = loader_new(&(struct loader_cfg){p, 3, 1, LOADER_WINDOWS, true}, &e);
    struct batch_source *alone = open_one(x, LOADER_WINDOWS, true, 1);
    assert_non_null(s);
    static const double w[] = {0.5, 0.3, 0.2};
    struct batch one = batch;
    one.rows = 1;
    uint64_t of[3] = {0, 0, 0};
    for (uint64_t row = 0; row < ALL; row++) {
        int k = part_of(s, row, &one);
        if (k == 0 && row % PERIOD > PERIOD - 700) { /* source 0 gives its rows in order, as if it were alone */
            int32_t got[T];
            memcpy(got, tokens, sizeof got);
            assert_int_equal(alone->next(alone, of[0], &one, &e), 0);
            assert_memory_equal(tokens, got, sizeof got);
        }
        of[k]++;
        for (int i = 0; i < 3; i++) {
            double off = (double)of[i] - w[i] * (double)(row + 1);
            assert_true(off > -3 && off < 3 + (double)row / PERIOD);
        }
    }
    alone->close(alone);
    s->close(s);
    p[0].weight = p[1].weight = p[2].weight = 0; /* by size */
    s = loader_new(&(struct loader_cfg){p, 3, 1, LOADER_WINDOWS, true}, &e);
    assert_non_null(s);
    uint64_t second = 0;
    for (uint64_t row = 0; row < 4500; row++) second += part_of(s, row, &one) == 1;
    assert_in_range(second, 2995, 3005);
    struct buf json = {0};
    assert_int_equal(s->describe(s, &json, &e), 0);
    assert_non_null(strstr(json.data, "\"tokens\":3000"));
    buf_free(&json);
    s->close(s);
    tokset_free(x);
    tokset_free(y);
    tokset_free(z);
}

static void impossible_requests_are_refused(void **state)
{
    (void)state;
    struct err e;
    struct tokset *set = text_set(T);
    struct batch_source *s = open_one(set, LOADER_WINDOWS, true, 1);
    assert_int_equal(s->next(s, 0, &batch, &e), -1); /* T tokens give no window of T + 1 */
    assert_int_equal(e.code, ERR_DATA);
    s->close(s);
    struct loader_part p = {set, 1, 0.5, 0.5};
    assert_null(loader_new(&(struct loader_cfg){&p, 1, 1, LOADER_WINDOWS, true}, &e));
    assert_int_equal(e.code, ERR_USAGE);
    p = (struct loader_part){set, -1, 0, 1};
    assert_null(loader_new(&(struct loader_cfg){&p, 1, 1, LOADER_WINDOWS, true}, &e));
    assert_null(loader_new(&(struct loader_cfg){&p, 0, 1, LOADER_WINDOWS, true}, &e));
    tokset_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_join_without_double_separators),
        cmocka_unit_test(packed_rows_respect_documents),
        cmocka_unit_test(a_batch_is_a_pure_function_of_its_step),
        cmocka_unit_test(an_epoch_of_windows_visits_a_text_once),
        cmocka_unit_test(the_sequential_order_makes_each_token_a_target_once),
        cmocka_unit_test(an_epoch_of_documents_visits_each_once),
        cmocka_unit_test(bytes_of_text_are_counted),
        cmocka_unit_test(splits_do_not_overlap_and_fall_between_documents),
        cmocka_unit_test(mixtures_keep_their_shares),
        cmocka_unit_test(impossible_requests_are_refused),
    };
    return cmocka_run_group_tests_name("loader", tests, fixture_dir, fixture_remove_dir);
}
