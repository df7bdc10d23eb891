/* Blocks depend on the bytes of the input alone, and reading can go on behind any of them. */
#include "tests/unit/shard_fixture.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/doc.h"
#include "data/doc_out.h"
#include "data/doc_scan.h"

enum { BLOCKS_MAX = 64, UNREAD = 3 };

struct seen {
    struct doc_at next[BLOCKS_MAX];
    uint64_t hash[BLOCKS_MAX]; /* of content and what describes it */
    char damaged[BLOCKS_MAX][64];
    size_t n, n_damaged, n_unread;
};

static uint64_t describe(const struct doc_block *b)
{
    struct buf all = {0};
    buf_printf(&all, "%s %d %llu %llu %llu %s %llu ", b->file->name, (int)b->format, (unsigned long long)b->seq,
               (unsigned long long)b->line_no, (unsigned long long)b->offset, b->bad ? b->bad : "",
               (unsigned long long)(b->bad ? b->bad_bytes : 0));
    buf_add(&all, b->data.data, b->data.len);
    uint64_t h = hash64(all.data, all.len);
    buf_free(&all);
    return h;
}

/* Blocks that may have come unread: read from the last to the first, numbered in order. */
static void take(struct seen *s, struct doc_reader *r, struct doc_block *b, size_t n)
{
    struct err e;
    for (size_t k = n; k-- > 0;) {
        s->n_unread += b[k].plain != NULL;
        assert_int_equal(doc_block_read(&b[k], &e), 0);
    }
    for (size_t k = 0; k < n; k++) {
        assert_true(s->n < BLOCKS_MAX);
        doc_reader_number(r, &b[k]);
        s->hash[s->n] = describe(&b[k]);
        s->next[s->n] = b[k].next;
        snprintf(s->damaged[s->n++], sizeof s->damaged[0], "%s", b[k].damaged ? b[k].damaged : "");
    }
}

/* All blocks, or those behind *from. */
static struct seen read_all(const struct doc_files *f, const struct doc_cfg *cfg, const struct doc_at *from,
                            const char *damaged)
{
    struct err e;
    struct seen s = {0};
    struct doc_block b[UNREAD] = {{.line_no = 0}};
    struct doc_reader *r = doc_reader_open(f, cfg, &e);
    assert_non_null(r);
    if (from) doc_reader_go_on(r, from, damaged);
    int got;
    size_t n = 0;
    while ((got = doc_reader_next(r, &b[n], &e)) == 1) {
        if (++n < (cfg->unread ? UNREAD : 1)) continue;
        take(&s, r, b, n);
        n = 0;
    }
    assert_int_equal(got, 0);
    take(&s, r, b, n);
    const char *first;
    s.n_damaged = doc_reader_damaged(r, &first);
    doc_reader_close(r);
    for (size_t k = 0; k < UNREAD; k++)
        buf_free(&b[k].data);
    return s;
}

static void write_packed(const char *dir, const char *name, const struct buf *b, size_t cut)
{
    struct err e;
    char path[256];
    struct buf packed = {0}, scratch = {0};
    fixture_path(path, sizeof path, dir, name);
    buf_add(&packed, b->data, b->len);
    assert_int_equal(doc_pack(&packed, doc_packing_of(path), &scratch, &e), 0);
    assert_int_equal(file_write_all(path, packed.data, packed.len - cut, &e), 0);
    buf_free(&packed);
    buf_free(&scratch);
}

/* Files of every kind, two of them cut off, one with a line that is too long. */
static void make_files(const char *dir)
{
    struct buf b = {0}, csv = {0}, warc = {0}, text = {0};
    for (int i = 0; i < 30000; i++) {
        buf_printf(&b, "{\"id\":%d,\"text\":\"document %d, some of its words %u\"}\n", i, i, (unsigned)i * 2654435761u);
        if (i == 20000) {
            buf_adds(&b, "{\"text\":\"");
            for (int k = 0; k < 400000; k++) buf_adds(&b, "long ");
            buf_adds(&b, "\"}\n");
        }
        if (i == 0) buf_adds(&csv, "id,text\n");
        buf_printf(&csv, "%d,\"a row of \"\"words\"\", %d\"\n", i, i);
        if (i % 7 == 0) buf_printf(&text, "paragraph %d\nof two lines\n\n", i);
        char body[64];
        int n = snprintf(body, sizeof body, "text of page %d", i);
        if (i < 9000)
            buf_printf(&warc, "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n", n, body);
    }
    for (int i = 0; i < 200000; i++)
        buf_printf(&text, "paragraph %d\n%s", i, i % 9 ? "" : "\n");
    write_packed(dir, "a.jsonl", &b, 0);
    write_packed(dir, "b.jsonl.gz", &b, 20000);
    write_packed(dir, "c.csv", &csv, 0);
    write_packed(dir, "d.jsonl.zst", &b, 30000);
    write_packed(dir, "e.txt", &text, 0);
    write_packed(dir, "f.warc.zst", &warc, 0);
    buf_clear(&b);
    buf_adds(&b, "{\"text\":\"the end\"}");
    write_packed(dir, "g.jsonl", &b, 0);
    buf_free(&b);
    buf_free(&csv);
    buf_free(&warc);
    buf_free(&text);
}

static void reading_goes_on_behind_any_block(void **state)
{
    struct err e;
    struct doc_files f;
    char dir[256];
    fixture_path(dir, sizeof dir, *state, "in");
    assert_int_equal(dir_make(dir, &e), 0);
    make_files(dir);
    char *paths[] = {dir};
    assert_int_equal(doc_files_find(&f, paths, 1, DOC_AUTO, &e), 0);
    struct doc_cfg cfg = {.max_line = 1500000, .split = DOC_SPLIT_PARAGRAPH};
    struct seen all = read_all(&f, &cfg, NULL, NULL);
    assert_true(all.n > 15);
    assert_int_equal(all.n_damaged, 2);
    for (size_t k = 0; k < all.n; k++) {
        struct seen rest = read_all(&f, &cfg, &all.next[k], all.damaged[k]);
        assert_int_equal(rest.n, all.n - k - 1);
        assert_int_equal(rest.n_damaged, 2);
        assert_memory_equal(rest.hash, all.hash + k + 1, rest.n * sizeof *rest.hash);
    }
    doc_files_free(&f);
}

static void make_lines(const char *path)
{
    struct err e;
    struct buf b = {0};
    for (int i = 0; i < 60000; i++) {
        buf_printf(&b, "{\"id\":%d,\"text\":\"document %d, some of its words %u\"}\n%s", i, i, (unsigned)i * 2654435761u,
                   i % 100 ? "" : "\n");
        int words = i == 30000 ? 250000 : i == 50000 ? 400000 : 0; /* the latter is too long */
        if (words) buf_adds(&b, "{\"text\":\"");
        for (int k = 0; k < words; k++)
            buf_adds(&b, "long ");
        if (words) buf_adds(&b, "\"}\n");
    }
    assert_int_equal(file_write_all(path, b.data, b.len, &e), 0);
    buf_free(&b);
}

/* Which, of files that can be read anywhere, depends on nothing but the bytes. */
static void blocks_are_the_same_when_others_read_them(void **state)
{
    enum { SHARDS = 3 };
    struct err e;
    struct doc_files f, part;
    char dir[256], path[256];
    fixture_path(dir, sizeof dir, *state, "in");
    assert_int_equal(dir_make(dir, &e), 0);
    make_files(dir);
    fixture_path(path, sizeof path, dir, "h.jsonl");
    make_lines(path);
    char *paths[] = {dir};
    assert_int_equal(doc_files_find(&f, paths, 1, DOC_AUTO, &e), 0);
    struct doc_cfg cfg = {.max_line = 1500000, .split = DOC_SPLIT_LINE}, others = cfg;
    others.unread = true;
    struct seen all = read_all(&f, &cfg, NULL, NULL);
    for (size_t k = 0; k <= all.n; k++) {
        struct seen rest = read_all(&f, &others, k ? &all.next[k - 1] : NULL, k ? all.damaged[k - 1] : NULL);
        if (k == 0) assert_true(rest.n_unread > 5);
        assert_int_equal(rest.n, all.n - k);
        assert_memory_equal(rest.hash, all.hash + k, rest.n * sizeof *rest.hash);
        for (size_t i = 0; i < rest.n; i++)
            assert_int_equal(rest.next[i].line_no, all.next[k + i].line_no);
    }
    for (int i = 0; i < SHARDS; i++) {
        assert_int_equal(doc_files_part(&f, i, SHARDS, true, &part, &e), 0);
        struct seen a = read_all(&part, &cfg, NULL, NULL), b = read_all(&part, &others, NULL, NULL);
        assert_true(a.n > 3);
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.hash, b.hash, a.n * sizeof *a.hash);
        free(part.v);
    }
    doc_files_free(&f);
}

/* A line that is just short enough or just too long, in files and in all parts of them. */
static void long_lines_are_the_same_when_others_read_them(void **state)
{
    enum { BLOCK = 1 << 14, MOST = 70000 };
    struct err e;
    char path[256], *paths[] = {path};
    fixture_path(path, sizeof path, *state, "i.jsonl");
    struct doc_cfg cfg = {.block_bytes = BLOCK, .max_line = MOST}, others = cfg;
    others.unread = true;
    for (int more = -2; more <= 3; more++) {
        struct doc_files f, part;
        struct buf b = {0};
        for (int i = 0; i < 3000; i++) {
            buf_printf(&b, "{\"text\":\"document %d\"}\n", i);
            if (i % 1000 == 700) buf_printf(&b, "{\"text\":\"%0*d\"}\n", MOST + more - 12, i);
        }
        assert_int_equal(file_write_all(path, b.data, b.len, &e), 0);
        buf_free(&b);
        assert_int_equal(doc_files_find(&f, paths, 1, DOC_AUTO, &e), 0);
        struct seen all = read_all(&f, &cfg, NULL, NULL), same = read_all(&f, &others, NULL, NULL);
        assert_int_equal(all.n, same.n);
        assert_memory_equal(all.hash, same.hash, all.n * sizeof *all.hash);
        for (int of = 2; of < 40; of++)
            for (int i = 0; i < of; i++) {
                assert_int_equal(doc_files_part(&f, i, of, true, &part, &e), 0);
                struct seen x = read_all(&part, &cfg, NULL, NULL), y = read_all(&part, &others, NULL, NULL);
                assert_int_equal(x.n, y.n);
                assert_memory_equal(x.hash, y.hash, x.n * sizeof *x.hash);
                free(part.v);
            }
        doc_files_free(&f);
    }
}

/* The content of all blocks, of which there are *n; *n_long came unread and are one long line. */
static struct buf join_blocks(const struct doc_files *f, const struct doc_cfg *cfg, size_t *n, size_t *n_long)
{
    struct err e;
    struct buf all = {0};
    struct doc_block b = {.line_no = 0};
    struct doc_reader *r = doc_reader_open(f, cfg, &e);
    assert_non_null(r);
    *n_long = 0;
    for (*n = 0; doc_reader_next(r, &b, &e) == 1; ++*n) {
        *n_long += b.plain && b.unread > cfg->block_bytes;
        assert_int_equal(doc_block_read(&b, &e), 0);
        doc_reader_number(r, &b);
        assert_int_equal(b.offset, all.len);
        assert_int_equal(b.line_no, 1 + scan_count_byte(all.data, all.len, '\n'));
        assert_true(b.checked);
        assert_int_equal(b.valid, utf8_valid_prefix(b.data.data, b.data.len));
        buf_add(&all, b.data.data, b.data.len);
    }
    doc_reader_close(r);
    buf_free(&b.data);
    return all;
}

static void blocks_of_any_size_hold_the_same_lines(void **state)
{
    struct err e;
    struct doc_files f;
    struct buf want = {0};
    char path[256], *paths[] = {path};
    size_t n, n_long, before = 0;
    fixture_path(path, sizeof path, *state, "h.jsonl");
    make_lines(path);
    assert_int_equal(file_read_all(path, (size_t)1 << 30, &want, &e), 0);
    want.data[want.len / 3] = (char)0xff; /* one that is not UTF-8 */
    assert_int_equal(file_write_all(path, want.data, want.len, &e), 0);
    assert_int_equal(doc_files_find(&f, paths, 1, DOC_AUTO, &e), 0);
    for (size_t bytes = (size_t)1 << 20; bytes >= (size_t)1 << 14; bytes /= 4) {
        struct doc_cfg cfg = {.block_bytes = bytes}, others = {.block_bytes = bytes, .unread = true};
        for (int k = 0; k < 2; k++) {
            struct buf got = join_blocks(&f, k ? &others : &cfg, &n, &n_long);
            assert_int_equal(n_long, k ? 2 : 0);
            assert_int_equal(got.len, want.len);
            assert_memory_equal(got.data, want.data, want.len);
            buf_free(&got);
        }
        assert_true(n > before);
        before = n;
    }
    buf_free(&want);
    doc_files_free(&f);
}

struct feeder {
    const char *from, *to;
};

/* Writes in pieces that no reader would ask for. */
static void *feed(void *arg)
{
    const struct feeder *p = arg;
    struct err e;
    struct buf b = {0};
    assert_int_equal(file_read_all(p->from, (size_t)1 << 30, &b, &e), 0);
    FILE *out = fopen(p->to, "wb");
    assert_non_null(out);
    for (size_t at = 0, k = 1; at < b.len; k++) {
        size_t n = k * 7919 % 60000 + 1;
        if (n > b.len - at) n = b.len - at;
        fwrite(b.data + at, 1, n, out);
        fflush(out);
        at += n;
    }
    fclose(out);
    buf_free(&b);
    return NULL;
}

static void a_pipe_is_cut_like_a_file(void **state)
{
    struct err e;
    char dir[256], pipe[256], path[256];
    fixture_path(dir, sizeof dir, *state, "in");
    assert_int_equal(dir_make(dir, &e), 0);
    make_files(dir);
    fixture_path(path, sizeof path, dir, "a.jsonl");
    fixture_path(pipe, sizeof pipe, dir, "p.jsonl");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    struct seen seen[2];
    for (int k = 0; k < 2; k++) {
        struct doc_files f;
        char *paths[] = {k ? pipe : path};
        pthread_t thread;
        struct feeder feeder = {path, pipe};
        struct doc_cfg cfg = {0};
        assert_int_equal(doc_files_find(&f, paths, 1, DOC_AUTO, &e), 0);
        memcpy(f.v[0].name, "same", 5);
        if (k) assert_int_equal(pthread_create(&thread, NULL, feed, &feeder), 0);
        seen[k] = read_all(&f, &cfg, NULL, NULL);
        if (k) pthread_join(thread, NULL);
        doc_files_free(&f);
    }
    assert_true(seen[0].n > 2);
    assert_int_equal(seen[0].n, seen[1].n);
    assert_memory_equal(seen[0].hash, seen[1].hash, seen[0].n * sizeof *seen[0].hash);
}

/* A part keeps what it is told to keep, is locked, and becomes the file. */
static void a_part_is_gone_on_with(void **state)
{
    struct err e;
    char path[256];
    struct buf got = {0};
    fixture_path(path, sizeof path, *state, "out");
    struct file_writer *w = file_create_part(path, 0, &e), *other;
    assert_non_null(w);
    assert_int_equal(file_write(w, "onetwo", 6, &e), 0);
    assert_int_equal(file_sync(w, &e), 0);
    other = file_create_part(path, 0, &e);
    assert_null(other);
    assert_int_equal(e.code, ERR_CANTCREAT);
    assert_non_null(strstr(e.msg, "is being written by another llmctl"));
    file_keep(w);
    assert_false(file_exists(path));
    assert_null(file_create_part(path, 7, &e));
    assert_int_equal(e.code, ERR_DATA);
    w = file_create_part(path, 3, &e);
    assert_non_null(w);
    assert_int_equal(file_offset(w), 3);
    assert_int_equal(file_write(w, "three", 5, &e), 0);
    assert_int_equal(file_commit(w, &e), 0);
    assert_int_equal(file_read_all(path, 100, &got, &e), 0);
    assert_string_equal(got.data, "onethree");
    char *part = file_beside(path, ".part");
    assert_false(file_exists(part));
    free(part);
    buf_free(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reading_goes_on_behind_any_block, fixture_dir, fixture_remove_dir),
        cmocka_unit_test_setup_teardown(blocks_are_the_same_when_others_read_them, fixture_dir, fixture_remove_dir),
        cmocka_unit_test_setup_teardown(long_lines_are_the_same_when_others_read_them, fixture_dir, fixture_remove_dir),
        cmocka_unit_test_setup_teardown(blocks_of_any_size_hold_the_same_lines, fixture_dir, fixture_remove_dir),
        cmocka_unit_test_setup_teardown(a_pipe_is_cut_like_a_file, fixture_dir, fixture_remove_dir),
        cmocka_unit_test_setup_teardown(a_part_is_gone_on_with, fixture_dir, fixture_remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
