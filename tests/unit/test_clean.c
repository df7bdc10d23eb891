#include "tests/unit/shard_fixture.h"

#include "core/base/mem.h"
#include "data/clean.h"
#include "data/clean_replay.h"

/* 3000 short documents in classes a (two thirds) and b, and one bad line. */
static void write_input(const char *path)
{
    struct buf b = {0};
    struct err e;
    for (int i = 0; i < 3000; i++)
        buf_printf(&b, "{\"id\":%d,\"class\":\"%s\",\"text\":\"number %d %.*s\"}\n", i,
                   i % 3 ? "a" : "b", i, i % 40, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    buf_adds(&b, "{\n");
    assert_int_equal(file_write_all(path, b.data, b.len, &e), 0);
    buf_free(&b);
}

static struct buf read_file(const char *path)
{
    struct buf b = {0};
    struct err e;
    assert_int_equal(file_read_all(path, 1 << 26, &b, &e), 0);
    return b;
}

/* ---- filters for the tests ---- */

struct shout {
    int metric;
    char text[8][128]; /* by thread */
};

/* Before the rules: appends "!", counts the bytes. */
static int shout_run(void *arg, int thread, struct clean_doc *d, struct err *e)
{
    struct shout *s = arg;
    (void)e;
    int n = snprintf(s->text[thread], sizeof s->text[thread], "%.*s!", (int)d->n, d->text);
    d->text = s->text[thread];
    d->n = (size_t)n;
    d->value[s->metric] = (double)n;
    return 0;
}

/* Two passes: class b is written twice, of class a every second document that stays. */
struct even {
    int metric;
    uint64_t seen, kept, seen_removed;
    int runs;
};

static int even_run(void *arg, int thread, struct clean_doc *d, struct err *e)
{
    (void)arg, (void)thread, (void)e;
    assert_non_null(d->note); /* not called in pass two */
    *(uint64_t *)d->note = d->n;
    return 0;
}

static int even_note(void *arg, const struct clean_note *n, struct err *e)
{
    struct even *x = arg;
    (void)e;
    assert_int_equal(n->doc, x->seen++);
    x->seen_removed += n->removed;
    assert_true(*(uint64_t *)n->note > 8);
    return 0;
}

static int even_settle(void *arg, struct err *e)
{
    struct even *x = arg;
    (void)e;
    x->runs++;
    assert_int_equal(x->seen, 3000);
    return 0;
}

static int even_judge(void *arg, struct clean_note *n, struct err *e)
{
    struct even *x = arg;
    (void)e;
    if (n->removed) return 0;
    bool b = strcmp(n->label_name[CLEAN_CLASS], "b") == 0;
    n->value[x->metric] = b ? 2 : (double)(x->kept++ % 2);
    return 0;
}

static void run(const char *dir, int threads, const char *name, struct clean_stats *s,
                const char *set)
{
    static const struct rule longer = {"shout.max_bytes", "shouting", METRIC_N, false, 40, "Most bytes"};
    static const struct rule often = {"even.min_copies", "surplus", METRIC_N + 1, true, 1, "Copies"};
    struct shout shout = {.metric = METRIC_N};
    struct even even = {.metric = METRIC_N + 1};
    struct err e;
    char in[256], out[256], decisions[260];
    struct doc_files files;
    char *paths[] = {in};
    fixture_path(in, sizeof in, dir, "in.jsonl");
    fixture_path(out, sizeof out, dir, name);
    snprintf(decisions, sizeof decisions, "%s.d", out);
    assert_int_equal(doc_files_find(&files, paths, 1, DOC_AUTO, &e), 0);
    struct clean_cfg *cfg = mem_zalloc(1, sizeof *cfg);
    *cfg = (struct clean_cfg){.files = &files,
                              .pool = pool_new(threads, &e),
                              .out = out,
                              .decisions = decisions,
                              .field = {NULL, NULL, "class"}};
    rules_preset(&cfg->rules, RULES_NONE);
    assert_int_equal(rules_add_metric(&cfg->rules, "shout.bytes", &e), METRIC_N);
    assert_int_equal(rules_add_metric(&cfg->rules, "even.copies", &e), METRIC_N + 1);
    assert_true(rules_add(&cfg->rules, &longer, &e) >= 0);
    assert_true(rules_add(&cfg->rules, &often, &e) >= 0);
    if (set) assert_int_equal(rules_set(&cfg->rules, set, &e), 0);
    cfg->copies_metric = METRIC_N + 1;
    const struct clean_filter two = {.name = "even", .arg = &even, .note_bytes = 8, .run = even_run,
                                     .note = even_note, .settle = even_settle, .judge = even_judge},
                              one = {.name = "shout", .arg = &shout, .before_rules = true,
                                     .changes_text = true, .run = shout_run};
    assert_int_equal(clean_add_filter(cfg, &two, &e), 0);
    assert_int_equal(clean_add_filter(cfg, &one, &e), 0);
    if (clean_run(cfg, s, &e)) fail_msg("%s", e.msg);
    assert_int_equal(even.runs, 1);
    assert_int_equal(even.seen_removed, s->docs_removed - s->rule[RULE_N + 1].removed);
    pool_free(cfg->pool);
    free(cfg);
    doc_files_free(&files);
}

static void filters_measure_and_rules_decide(void **state)
{
    const char *dir = *state;
    char in[256], path[2][256];
    struct clean_stats s[2];
    fixture_path(in, sizeof in, dir, "in.jsonl");
    write_input(in);
    run(dir, 1, "one", &s[0], NULL);
    run(dir, 4, "four", &s[1], NULL);
    assert_int_equal(s[0].docs_in, 3001);
    assert_int_equal(s[0].docs_bad, 1);
    assert_int_equal(s[0].docs_in, s[0].docs_out + s[0].docs_removed + 1);
    assert_true(s[0].rule[RULE_N].removed > 500);     /* too long */
    assert_true(s[0].rule[RULE_N + 1].removed > 500); /* surplus */
    assert_true(s[0].copies > 500);
    assert_int_equal(s[0].group[CLEAN_CLASS].names.n, 2);
    assert_string_equal(s[0].group[CLEAN_CLASS].names.name[0], "b");
    assert_int_equal(s[0].group[CLEAN_CLASS].v[0].docs_in, 1000);
    assert_int_equal(s[0].group[CLEAN_CLASS].v[1].docs_in, 2000);
    for (int k = 0; k < 2; k++) {
        fixture_path(path[0], sizeof path[0], dir, k ? "one.d" : "one");
        fixture_path(path[1], sizeof path[1], dir, k ? "four.d" : "four");
        struct buf a = read_file(path[0]), b = read_file(path[1]);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        buf_free(&a);
        buf_free(&b);
    }
    for (int i = 0; i < 2; i++)
        clean_stats_free(&s[i]);
}

static void a_replay_decides_as_a_new_run_would(void **state)
{
    const char *dir = *state;
    char in[256], d[256];
    struct clean_stats s[2];
    struct replay_stats r;
    struct err e;
    fixture_path(in, sizeof in, dir, "in.jsonl");
    fixture_path(d, sizeof d, dir, "first.d");
    write_input(in);
    run(dir, 2, "first", &s[0], NULL);
    run(dir, 2, "second", &s[1], "gopher.min_words=2.5");
    const char *set[] = {"gopher.min_words=2.5"};
    struct replay_cfg cfg = {.path = d, .set = set, .n_set = 1};
    if (replay_run(&cfg, &r, &e)) fail_msg("%s", e.msg);
    assert_int_equal(r.docs, 3001);
    assert_int_equal(r.quarantined, 1);
    assert_int_equal(r.kept_before, s[0].docs_out);
    assert_int_equal(r.rule[RULE_MIN_WORDS].removed_after, s[1].rule[RULE_MIN_WORDS].removed);
    assert_true(r.now_removed > 0);
    replay_stats_free(&r);
    set[0] = "c4.min_line_words=4"; /* would cut other lines */
    assert_int_equal(replay_run(&cfg, &r, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    replay_stats_free(&r);
    for (int i = 0; i < 2; i++)
        clean_stats_free(&s[i]);
}

/* Cut and changed decisions are refused with the line, whatever they are. */
static void damaged_decisions_are_refused(void **state)
{
    static const char head[] = "{\"llmctl_decisions\":1,\"values\":[\"a\",\"b\"],\"rules\":["
                               "{\"rule\":\"x.a\",\"on\":true,\"limit\":1,\"reason\":\"r\","
                               "\"value\":0,\"fails\":\"above\"}]}\n";
    static const char *const bad[] = {
        "{\"id\":1,\"file\":\"f\",\"line\":1,\"bytes\":3,\"kept\":true,\"v\":[1]}\n",
        "{\"id\":1,\"file\":\"f\",\"line\":1,\"bytes\":3,\"kept\":true,\"v\":[1,2,3]}\n",
        "{\"id\":1,\"file\":\"f\",\"line\":1,\"bytes\":3,\"kept\":true,\"v\":[1,\"x\"]}\n",
        "{\"id\":1,\"file\":\"f\",\"line\":1,\"bytes\":3,\"kept\":true,\"v\":1}\n",
        "{\"id\":1,\"file\":\"f\",\"line\":1,\"bytes\":3,\"kept\":false,\"v\":[1,2]}\n",
        "{\"id\":1,\"file\":\"f\",\"line\":1,\"kept\":true,\"v\":[1,2]}\n",
        "{\"file\":\"f\",\"line\":1,\"bytes\":3,\"kept\":true,\"v\":[1,2]}\n",
        "{\"id\":1,\"line\":1,\"bytes\":3,\"kept\":true,\"v\":[1,2]}\n",
        "{\"id\":1,\"file\":\"f\",\"line\":1,\"bytes\":3,\"kept\":true,\"v\":[1,2]}",
        "\n"};
    static const char good[] =
        "{\"id\":1,\"file\":\"f\",\"line\":1,\"bytes\":3,\"kept\":true,\"v\":[1,null]}\n"
        "{\"id\":2,\"file\":\"f\",\"line\":2,\"bad\":\"no text\"}\n";
    char path[256];
    struct err e;
    struct replay_stats s;
    fixture_path(path, sizeof path, *state, "d.jsonl");
    struct replay_cfg cfg = {.path = path};
    for (size_t i = 0; i <= COUNT_OF(bad); i++) {
        struct buf b = {0};
        buf_adds(&b, head);
        buf_adds(&b, i < COUNT_OF(bad) ? bad[i] : good);
        assert_int_equal(file_write_all(path, b.data, b.len, &e), 0);
        int ret = replay_run(&cfg, &s, &e);
        if (i < COUNT_OF(bad) && (ret != -1 || e.code != ERR_DATA)) fail_msg("accepted: %s", bad[i]);
        if (i == COUNT_OF(bad) && ret) fail_msg("%s", e.msg);
        replay_stats_free(&s);
        buf_free(&b);
    }
    assert_int_equal(file_write_all(path, "", 0, &e), 0);
    assert_int_equal(replay_run(&cfg, &s, &e), -1);
    replay_stats_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_measure_and_rules_decide),
        cmocka_unit_test(a_replay_decides_as_a_new_run_would),
        cmocka_unit_test(damaged_decisions_are_refused),
    };
    return cmocka_run_group_tests_name("clean", tests, fixture_dir, fixture_remove_dir);
}
