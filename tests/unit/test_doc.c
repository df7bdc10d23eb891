#include "tests/unit/shard_fixture.h"

#include <zlib.h>
#include <zstd.h>

#include "core/base/mem.h"
#include "data/doc.h"
#include "data/doc_json.h"
#include "data/doc_out.h"
#include "data/text_norm.h"

/* Reads all of a file; texts and reasons of bad records, each ended by '|'. */
struct seen {
    struct buf good, bad;
    uint64_t last_bad_line, last_bad_offset;
    size_t n_good, n_bad, n_damaged;
    struct buf copy; /* what doc_emit writes */
};

static struct seen read_file(const char *path, const struct doc_cfg *cfg)
{
    struct err e;
    struct seen s = {0};
    struct doc_files f;
    char *paths[] = {(char *)path};
    assert_int_equal(doc_files_find(&f, paths, 1, cfg->format, &e), 0);
    struct doc_reader *r = doc_reader_open(&f, cfg, &e);
    assert_non_null(r);
    struct doc_block b = {0};
    struct doc_iter it = {0};
    struct doc d;
    int got;
    while ((got = doc_reader_next(r, &b, &e)) == 1) {
        enum doc_next next;
        doc_iter_start(&it, cfg, &b);
        while ((next = doc_iter_next(&it, &d)) != DOC_END) {
            if (next == DOC_GOOD) {
                buf_add(&s.good, d.text, d.text_len);
                buf_addc(&s.good, '|');
                doc_emit(&d, d.text, d.text_len, &s.copy);
                s.n_good++;
            } else {
                buf_printf(&s.bad, "%s|", it.reason);
                s.last_bad_line = d.line_no;
                s.last_bad_offset = d.offset;
                s.n_bad++;
            }
        }
    }
    assert_int_equal(got, 0);
    const char *first;
    s.n_damaged = doc_reader_damaged(r, &first);
    doc_iter_free(&it);
    buf_free(&b.data);
    doc_reader_close(r);
    doc_files_free(&f);
    return s;
}

static void seen_free(struct seen *s)
{
    buf_free(&s->good);
    buf_free(&s->bad);
    buf_free(&s->copy);
}

static void write_file(const char *path, const void *p, size_t n)
{
    struct err e;
    assert_int_equal(file_write_all(path, p, n, &e), 0);
}

static const char jsonl[] =
    "\xef\xbb\xbf{\"text\":\"one\"}\r\n"
    "\n"
    "{\"id\": 7, \"text\": \"tw\\u00f6 \\ud83d\\ude00\", \"x\": [1, {\"y\": null}]}\n"
    "{\"text\":\"bad \xff byte\"}\n"
    "not json\n"
    "{\"text\": 12}\n"
    "{\"no\": \"text\"}\n"
    "{\"text\":\"lone \\ud800\"}\n"
    "{\"text\":\"a\",\"te\\u0078t\":\"b\"}\n"
    "{\"text\":\"nul\\u0000!\"}\n"
    "{\"text\":\"no end\"}";

static void a_bad_line_costs_only_itself(void **state)
{
    char path[256];
    fixture_path(path, sizeof path, *state, "a.jsonl");
    write_file(path, jsonl, sizeof jsonl - 1);
    struct doc_cfg cfg = {0};
    struct seen s = read_file(path, &cfg);
    static const char good[] = "one|twö 😀|nul\0!|no end|";
    assert_int_equal(s.good.len, sizeof good - 1);
    assert_memory_equal(s.good.data, good, s.good.len);
    assert_string_equal(
        s.bad.data, "invalid UTF-8|not a JSON object|the text field is not a string|no text field|"
                    "lone surrogate in the text|the text field comes twice|");
    assert_int_equal(s.last_bad_line, 9);
    assert_int_equal(s.last_bad_offset, strstr(jsonl, "{\"text\":\"a\",") - jsonl);
    assert_string_equal(
        s.copy.data,
        "{\"text\":\"one\"}\n"
        "{\"id\": 7, \"text\": \"tw\\u00f6 \\ud83d\\ude00\", \"x\": [1, {\"y\": null}]}\n"
        "{\"text\":\"nul\\u0000!\"}\n{\"text\":\"no end\"}\n");
    seen_free(&s);
}

static void json_lines_are_checked_to_the_grammar(void **state)
{
    (void)state;
    static const char *const good[] = {"{\"text\":\"\"}",
                                       " { \"a\" : [ ] , \"text\" : \"x\" , \"b\" : { } } ",
                                       "{\"text\":\"\",\"n\":[-0,0.5,1e9,-1.5E-3]}",
                                       "{\"n\":[true,false,null,[[]],{\"k\":{}}],\"text\":\"\"}",
                                       "{\"text\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"}"};
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"text\":\"x\"",
                                      "{\"text\":\"x\"}}",
                                      "{\"text\":\"x\",}",
                                      "{\"text\" \"x\"}",
                                      "{text:\"x\"}",
                                      "{\"text\":\"x\"} x",
                                      "{\"text\":\"a\tb\"}",
                                      "{\"text\":\"\\x\"}",
                                      "{\"text\":\"\\u12g4\"}",
                                      "{\"text\":\"x}",
                                      "{\"a\":01,\"text\":\"\"}",
                                      "{\"a\":1.,\"text\":\"\"}",
                                      "{\"a\":.5,\"text\":\"\"}",
                                      "{\"a\":+1,\"text\":\"\"}",
                                      "{\"a\":1e,\"text\":\"\"}",
                                      "{\"a\":nul,\"text\":\"\"}",
                                      "{\"a\":[1,],\"text\":\"\"}",
                                      "{\"a\":[1 2],\"text\":\"\"}",
                                      "{\"a\":[1},\"text\":\"\"}",
                                      "{\"a\":{\"b\"},\"text\":\"\"}",
                                      "{\"a\":{,},\"text\":\"\"}",
                                      "{\"a\":],\"text\":\"\"}",
                                      "{\"a\":NaN,\"text\":\"\"}",
                                      "{\"text\":null}",
                                      "{\"text\":\"x\\",
                                      "{\"text\":\"\\u00"};
    struct doc_fields f;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (doc_json_find(good[i], strlen(good[i]), "text", &f))
            fail_msg("%s: %s", good[i], doc_json_find(good[i], strlen(good[i]), "text", &f));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (!doc_json_find(bad[i], strlen(bad[i]), "text", &f)) fail_msg("accepted: %s", bad[i]);
    char deep[400];
    for (int depth = 60; depth <= 150; depth++) {
        int n = snprintf(deep, sizeof deep, "{\"a\":");
        for (int i = 0; i < depth; i++)
            deep[n++] = '[';
        for (int i = 0; i < depth; i++)
            deep[n++] = ']';
        n += snprintf(deep + n, 20, ",\"text\":\"\"}");
        assert_int_equal(doc_json_find(deep, (size_t)n, "text", &f) == NULL, depth < 64);
    }
}

/* The documents of s[0..n), one a line of the list: what they are and where. */
static void list_documents(const char *s, size_t n, uint64_t line_no, uint64_t offset, struct buf *list)
{
    struct doc_cfg cfg = {0};
    struct doc_block b = {.format = DOC_JSONL, .line_no = line_no, .offset = offset};
    struct doc_iter it = {0};
    struct doc d;
    enum doc_next next;
    buf_add(&b.data, s, n);
    doc_iter_start(&it, &cfg, &b);
    while ((next = doc_iter_next(&it, &d)) != DOC_END) {
        buf_printf(list, "%llu %llu %zu ", (unsigned long long)d.line_no, (unsigned long long)d.offset, d.line_len);
        if (next == DOC_BAD) buf_adds(list, it.reason);
        else buf_add(list, d.text, d.text_len);
        buf_addc(list, '\n');
    }
    doc_iter_free(&it);
    buf_free(&b.data);
}

static void a_line_is_the_same_alone_and_among_others(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"text\":\"plain\"}", "{\"text\":\"cr\"}\r", " { \"id\" : 1 , \"text\" : \"spaces\" } \t", "", "  \t", "\r",
        "{\"text\":\"esc\\n\\\"aped, and longer than a block of sixty-four bytes \\u00e9 \\/ is\"}", "{\"text\":\"", "\"}",
        "{\"text\":", "\"next line\"}", "{", "}", "{\"text\":\"two\"}{\"text\":\"of them\"}", "{\"text\":\"x\"} y",
        "{\"text\":\"\xff broken\"}", "{\"text\":\"\\ud800 alone\"}", "{\"no\":\"text\"}", "{\"a\":[1,", "2],\"text\":\"\"}",
        "{\"text\":\"\xc3\xa9\",\"b\":{\"c\":[]}}", "{\"text\":\"twice\",\"text\":\"\"}"};
    uint32_t roll = 1;
    for (int round = 0; round < 3000; round++) {
        struct buf all = {0}, want = {0}, got = {0};
        for (uint64_t i = 0, n = 1 + (uint64_t)round % 12; i < n; i++) {
            roll = roll * 1664525u + 1013904223u;
            const char *line = lines[(roll >> 8) % COUNT_OF(lines)];
            list_documents(line, strlen(line), 7 + i, 100 + all.len, &want);
            buf_adds(&all, line);
            if (i + 1 < n || roll >> 31) buf_addc(&all, '\n');
        }
        list_documents(all.data, all.len, 7, 100, &got);
        assert_int_equal(got.len, want.len);
        if (want.len) assert_memory_equal(got.data, want.data, want.len);
        buf_free(&all);
        buf_free(&want);
        buf_free(&got);
    }
}

static void escapes_and_their_inverse_agree(void **state)
{
    (void)state;
    char text[300];
    size_t n = 0;
    for (int c = 1; c < 128; c++)
        text[n++] = (char)c;
    memcpy(text + n, "é€😀\"\\/", 12);
    n += 12;
    struct buf esc = {0}, back = {0};
    doc_json_escape(text, n, &esc);
    assert_null(doc_json_unescape(esc.data, esc.len, &back));
    assert_int_equal(back.len, n);
    assert_memory_equal(back.data, text, n);
    buf_free(&esc);
    buf_free(&back);
}

/* 3 MB over several members or frames, then cut or damaged anywhere. */
static void packed_files_are_read_and_their_damage_is_noticed(void **state)
{
    struct buf plain = {0}, part = {0}, scratch = {0};
    struct err e;
    for (int i = 0; i < 30000; i++)
        buf_printf(&plain, "{\"id\":%d,\"text\":\"line %d of a packed file %u\"}\n", i, i,
                   (unsigned)i * 2654435761u);
    static const struct {
        const char *name;
        enum doc_packing packing;
    } kinds[] = {{"p.jsonl.gz", DOC_GZIP}, {"p.jsonl.zst", DOC_ZSTD}, {"p.jsonl", DOC_PLAIN}};
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        char path[256];
        struct buf packed = {0};
        fixture_path(path, sizeof path, *state, kinds[k].name);
        for (size_t at = 0; at < plain.len; at += plain.len / 3 + 1) {
            size_t left = plain.len - at, n = left < plain.len / 3 + 1 ? left : plain.len / 3 + 1;
            buf_clear(&part);
            buf_add(&part, plain.data + at, n);
            assert_int_equal(doc_pack(&part, kinds[k].packing, &scratch, &e), 0);
            buf_add(&packed, part.data, part.len);
        }
        write_file(path, packed.data, packed.len);
        struct doc_cfg cfg = {0};
        struct seen s = read_file(path, &cfg);
        assert_int_equal(s.n_good, 30000);
        assert_int_equal(s.n_damaged, 0);
        assert_int_equal(s.copy.len, plain.len);
        assert_memory_equal(s.copy.data, plain.data, plain.len);
        seen_free(&s);
        if (kinds[k].packing == DOC_PLAIN) {
            buf_free(&packed);
            continue;
        }
        for (size_t cut = packed.len / 2; cut < packed.len; cut += packed.len / 10 + 1) {
            write_file(path, packed.data, cut);
            s = read_file(path, &cfg);
            assert_int_equal(s.n_damaged, 1);
            assert_true(s.n_good > 8000 && s.n_good < 30000 && s.n_bad <= 1);
            assert_memory_equal(s.copy.data, plain.data, s.copy.len); /* whole lines only */
            seen_free(&s);
        }
        packed.data[packed.len / 2] = (char)(packed.data[packed.len / 2] ^ 4);
        write_file(path, packed.data, packed.len);
        s = read_file(path, &cfg);
        assert_int_equal(s.n_damaged, 1);
        assert_true(s.n_good > 8000 && s.n_good < 30000);
        seen_free(&s);
        buf_free(&packed);
    }
    buf_free(&plain);
    buf_free(&part);
    buf_free(&scratch);
}

static void text_files_split_as_asked(void **state)
{
    static const char text[] = "first line\nsecond\n\n\nnext para\r\n\r\nlast";
    char path[256];
    fixture_path(path, sizeof path, *state, "t.txt");
    write_file(path, text, sizeof text - 1);
    static const char *const want[] = {
        [DOC_SPLIT_FILE] = "first line\nsecond\n\n\nnext para\r\n\r\nlast|",
        [DOC_SPLIT_PARAGRAPH] = "first line\nsecond|next para|last|",
        [DOC_SPLIT_LINE] = "first line|second|next para|last|",
    };
    for (int k = 0; k < 3; k++) {
        struct doc_cfg cfg = {.split = (enum doc_split)k};
        struct seen s = read_file(path, &cfg);
        assert_string_equal(s.good.data, want[k]);
        assert_null(s.bad.data);
        seen_free(&s);
    }
    write_file(path, "", 0);
    struct doc_cfg cfg = {0};
    struct seen s = read_file(path, &cfg);
    assert_int_equal(s.n_good + s.n_bad, 0);
    seen_free(&s);
}

static void lines_longer_than_allowed_are_swallowed(void **state)
{
    char path[256];
    struct buf b = {0};
    fixture_path(path, sizeof path, *state, "long.jsonl");
    for (int round = 0; round < 2; round++) {
        size_t long_n = round ? 5000000 : 3000; /* over and within a block */
        buf_clear(&b);
        buf_adds(&b, "{\"text\":\"before\"}\n{\"text\":\"");
        for (size_t i = 0; i < long_n; i++)
            buf_addc(&b, 'x');
        buf_adds(&b, "\"}\n{\"text\":\"after\"}\n");
        write_file(path, b.data, b.len);
        struct doc_cfg cfg = {.max_line = round ? 2000000 : 2000};
        struct seen s = read_file(path, &cfg);
        assert_string_equal(s.good.data, "before|after|");
        assert_string_equal(s.bad.data, "longer than --max-line|");
        assert_int_equal(s.last_bad_line, 2);
        assert_int_equal(s.last_bad_offset, 18);
        seen_free(&s);
    }
    buf_free(&b);
}

static void directories_are_searched_in_order(void **state)
{
    char dir[256], path[300];
    struct err e;
    struct doc_files f;
    fixture_path(dir, sizeof dir, *state, "tree/b");
    assert_int_equal(dir_make(dir, &e), 0);
    fixture_path(path, sizeof path, *state, "tree/c.txt");
    write_file(path, "c", 1);
    fixture_path(path, sizeof path, *state, "tree/b/a.jsonl.gz");
    write_file(path, "", 0);
    fixture_path(path, sizeof path, *state, "tree/b/image.png");
    write_file(path, "", 0);
    fixture_path(dir, sizeof dir, *state, "tree");
    char *paths[] = {dir};
    assert_int_equal(doc_files_find(&f, paths, 1, DOC_AUTO, &e), 0);
    assert_int_equal(f.n, 2);
    assert_non_null(strstr(f.v[0].path, "tree/b/a.jsonl.gz"));
    assert_non_null(strstr(f.v[1].path, "tree/c.txt"));
    doc_files_free(&f);
    fixture_path(dir, sizeof dir, *state, "empty");
    assert_int_equal(dir_make(dir, &e), 0);
    assert_int_equal(doc_files_find(&f, paths, 1, DOC_AUTO, &e), -1);
    assert_int_equal(e.code, ERR_NOINPUT);
}

static void normalisation(void **state)
{
    (void)state;
    static const struct {
        const char *in, *nfc, *nfkc;
    } cases[] = {
        {"plain\ttext\n", "plain\ttext\n", "plain\ttext\n"},
        {"a\r\nb\rc\xc2\x85"
         "d",
         "a\nb\nc\nd", "a\nb\nc\nd"},
        {"a\x01\x7f\x1b[0m\xc2\x9b\xef\xbb\xbf"
         "b",
         "a[0mb", "a[0mb"},
        {"e\xcc\x81 \xc3\xa9", "é é", "é é"},
        {"e\x01\xcc\x81", "é", "é"},
        {"\xef\xac\x81 ① \xe2\x84\xab", "\xef\xac\x81 ① \xc3\x85", "fi 1 \xc3\x85"},
        {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "한", "한"},
        {"a\xcc\xa7\xcc\x81 x", "á̧ x", "á̧ x"}, /* marks in another order */
        {"\xcc\x81", "\xcc\x81", "\xcc\x81"},
        {"日本語 हिन्दी ไทย Việt", "日本語 हिन्दी ไทย Việt", "日本語 हिन्दी ไทย Việt"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (int form = TEXT_NFC; form <= TEXT_NFKC; form++) {
            struct text_norm t = {.form = (enum text_form)form};
            struct err e;
            const char *out, *want = form == TEXT_NFC ? cases[i].nfc : cases[i].nfkc;
            size_t n;
            assert_int_equal(text_norm_run(&t, cases[i].in, strlen(cases[i].in), &out, &n, &e), 0);
            if (n != strlen(want) || memcmp(out, want, n) != 0)
                fail_msg("case %zu: got '%.*s'", i, (int)n, out);
            if (strcmp(cases[i].in, want) == 0) assert_ptr_equal(out, cases[i].in);
            text_norm_free(&t);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_line_costs_only_itself),
        cmocka_unit_test(json_lines_are_checked_to_the_grammar),
        cmocka_unit_test(a_line_is_the_same_alone_and_among_others),
        cmocka_unit_test(escapes_and_their_inverse_agree),
        cmocka_unit_test(packed_files_are_read_and_their_damage_is_noticed),
        cmocka_unit_test(text_files_split_as_asked),
        cmocka_unit_test(lines_longer_than_allowed_are_swallowed),
        cmocka_unit_test(directories_are_searched_in_order),
        cmocka_unit_test(normalisation),
    };
    return cmocka_run_group_tests_name("doc", tests, fixture_dir, fixture_remove_dir);
}
