#include "tests/unit/shard_fixture.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "data/shard_internal.h"

enum { VOCAB = 300 };
static uint16_t lengths[70000];

/* Three documents with a shared eos: 0 1 2 | 0 3 | 0 4 5 6 | 0 */
static void write_small(const char *path)
{
    struct err e;
    struct shard_meta m = fixture_meta(VOCAB, -1, 0, lengths);
    struct shard_writer *w = shard_create(path, &m, &e);
    assert_non_null(w);
    int32_t a[] = {1, 2}, b[] = {3}, c[] = {4, 5, 6};
    assert_int_equal(shard_add(w, a, 2, 2, &e), 0);
    assert_int_equal(shard_add(w, b, 1, 1, &e), 0);
    assert_int_equal(shard_add(w, b, 0, 0, &e), 0); /* leaves no trace */
    assert_int_equal(shard_add(w, c, 3, 3, &e), 0);
    assert_int_equal(shard_commit(w, &e), 0);
}

static void reads_back_what_was_written(void **state)
{
    char path[256];
    struct err e;
    fixture_path(path, sizeof path, *state, "a.tok");
    write_small(path);
    struct shard *s = shard_open(path, &e);
    assert_non_null(s);
    const struct shard_info *in = shard_get_info(s);
    assert_int_equal(in->token_bytes, 2);
    assert_int_equal(in->n_docs, 3);
    assert_int_equal(in->n_tokens, 10);
    assert_int_equal(in->text_bytes, 6);
    assert_int_equal(in->tok_hash, 0x1234);
    static const int32_t want[10] = {0, 1, 2, 0, 3, 0, 4, 5, 6, 0};
    static const uint64_t docs[4] = {0, 3, 5, 9};
    int32_t got[10];
    assert_int_equal(shard_read(s, 0, 10, got, &e), 0);
    assert_memory_equal(got, want, sizeof want);
    assert_memory_equal(shard_docs(s), docs, sizeof docs);
    assert_int_equal(shard_lengths(s)[0], 0);
    assert_int_equal(shard_lengths(s)[7], 1);
    assert_int_equal(shard_read(s, 5, 6, got, &e), -1);
    shard_close(s);
}

static void enclosed_by(const char *path, int32_t bos, int32_t eos)
{
    struct err e;
    struct shard_meta m = fixture_meta(VOCAB, bos, eos, lengths);
    struct shard_writer *w = shard_create(path, &m, &e);
    assert_non_null(w);
    int32_t a[] = {7, 8}, b[] = {9}, want[7] = {bos, 7, 8, eos, bos, 9, eos}, got[7];
    assert_int_equal(shard_add(w, a, 2, 2, &e), 0);
    assert_int_equal(shard_add(w, b, 1, 1, &e), 0);
    assert_int_equal(shard_commit(w, &e), 0);
    struct shard *s = shard_open(path, &e);
    assert_non_null(s);
    assert_int_equal(shard_get_info(s)->n_tokens, 7);
    assert_int_equal(shard_read(s, 0, 7, got, &e), 0);
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(shard_docs(s)[2], 7);
    shard_close(s);
}

static void bos_and_eos_enclose_each_document(void **state)
{
    char path[256];
    fixture_path(path, sizeof path, *state, "be.tok");
    enclosed_by(path, 1, 2);
    enclosed_by(path, 0, 1);
    enclosed_by(path, 1, 0);
}

static void large_vocabularies_take_four_bytes_and_many_chunks(void **state)
{
    char path[256];
    struct err e;
    fixture_path(path, sizeof path, *state, "big.tok");
    struct shard_meta m = fixture_meta(70000, -1, -1, lengths);
    struct shard_writer *w = shard_create(path, &m, &e);
    assert_non_null(w);
    enum { N = 700001 };
    int32_t *ids = malloc(N * sizeof *ids), *got = malloc(N * sizeof *got);
    assert_true(ids && got);
    for (int i = 0; i < N; i++)
        ids[i] = (int32_t)((unsigned)i * 2654435761u % 70000);
    assert_int_equal(shard_add(w, ids, 5, 5, &e), 0);
    assert_int_equal(shard_add(w, ids + 5, N - 5, N - 5, &e), 0);
    assert_int_equal(shard_commit(w, &e), 0);
    struct shard *s = shard_open(path, &e);
    assert_non_null(s);
    assert_int_equal(shard_get_info(s)->token_bytes, 4);
    assert_int_equal(shard_read(s, 0, N, got, &e), 0);
    assert_memory_equal(ids, got, N * sizeof *ids);
    shard_close(s);
    free(ids);
    free(got);
}

static void refuses_ids_beyond(const char *path, int vocab)
{
    struct err e;
    struct shard_meta m = fixture_meta(vocab, -1, 0, lengths);
    struct shard_writer *w = shard_create(path, &m, &e);
    assert_non_null(w);
    int32_t a[19];
    const int32_t bad[] = {vocab, -1, vocab | 65536, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < COUNT_OF(a) * COUNT_OF(bad); i++) {
        for (size_t k = 0; k < COUNT_OF(a); k++) a[k] = (int32_t)k % vocab;
        a[i % COUNT_OF(a)] = bad[i / COUNT_OF(a)];
        assert_int_equal(shard_add(w, a, COUNT_OF(a), 2, &e), -1);
        assert_int_equal(e.code, ERR_DATA);
        char id[24];
        snprintf(id, sizeof id, "id %d is", bad[i / COUNT_OF(a)]);
        assert_non_null(strstr(e.msg, id));
    }
    shard_abort(w);
    assert_false(file_exists(path));
}

static void the_writer_refuses_ids_beyond_the_vocabulary(void **state)
{
    char path[256];
    fixture_path(path, sizeof path, *state, "bad.tok");
    refuses_ids_beyond(path, VOCAB);
    refuses_ids_beyond(path, 70000);
}

static void ids_become_halves_as_one_by_one(void **state)
{
    (void)state;
    enum { MOST = 150 };
    int32_t ids[MOST];
    static const int32_t bad[] = {1000, -1, 65536, 66000, INT32_MAX, INT32_MIN};
    for (size_t n = 0; n <= MOST; n++) {
        char got[2 * MOST + 8], want[2 * MOST + 8];
        memset(got, 7, sizeof got);
        memset(want, 7, sizeof want);
        for (size_t i = 0; i < n; i++) {
            uint16_t half = (uint16_t)(i * 2654435761u % 1000);
            ids[i] = half;
            memcpy(want + 1 + 2 * i, &half, 2);
        }
        assert_true(shard_narrow(got + 1, ids, n, 1000));
        assert_memory_equal(got, want, sizeof got); /* and nothing beside them */
        assert_true(shard_narrow_ref(got + 1, ids, n, 1000));
        assert_memory_equal(got, want, sizeof got);
        for (size_t i = 0; i < n * COUNT_OF(bad); i++) {
            int32_t was = ids[i % n];
            ids[i % n] = bad[i / n];
            assert_false(shard_narrow(got + 1, ids, n, 1000));
            assert_false(shard_narrow_ref(got + 1, ids, n, 1000));
            ids[i % n] = was;
        }
    }
}

/* Documents of 0, 1, 3 ... ids into a file; of_part 0: one after another, else so many of
 * them make a part. */
static void write_documents(const char *path, const struct shard_meta *m, int of_part, struct buf *bytes)
{
    enum { DOCS = 900 };
    static int32_t ids[20000];
    struct err e;
    struct shard_part part = {0};
    struct shard_writer *w = shard_create(path, m, &e);
    assert_non_null(w);
    for (int k = 0; k < DOCS; k++) {
        size_t n = (size_t)(k % 7 == 3 ? 0 : k % 97 == 5 ? 20000 : (k * k) % 1500);
        for (size_t i = 0; i < n; i++) ids[i] = (int32_t)((i + (size_t)k) * 2654435761u % (unsigned)m->vocab);
        if (!of_part) assert_int_equal(shard_add(w, ids, n, n, &e), 0);
        else assert_int_equal(shard_part_add(&part, m, ids, n, n, &e), 0);
        if (!of_part || (k % of_part && k + 1 < DOCS)) continue;
        assert_int_equal(shard_add_part(w, &part, &e), 0);
        assert_int_equal(shard_part_begin(&part, m, (size_t)k * 100, &e), 0);
    }
    shard_part_free(&part);
    assert_int_equal(shard_commit(w, &e), 0);
    assert_int_equal(file_read_all(path, 1 << 30, bytes, &e), 0);
}

static void parts_of_any_size_give_the_same_bytes(void **state)
{
    char path[256];
    struct err e;
    fixture_path(path, sizeof path, *state, "parts.tok");
    static const int kinds[][3] = {{300, -1, 0}, {300, 1, 2}, {300, 3, -1}, {65536, -1, -1}, {65537, -1, 65536}};
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        struct shard_meta m = fixture_meta(kinds[k][0], kinds[k][1], kinds[k][2], lengths);
        struct buf one = {0};
        write_documents(path, &m, 0, &one);
        for (int of_part = 1; of_part < 1000; of_part = of_part * 5 + 2) {
            struct buf more = {0};
            write_documents(path, &m, of_part, &more);
            assert_int_equal(more.len, one.len);
            assert_memory_equal(more.data, one.data, one.len);
            buf_free(&more);
        }
        struct shard *s = shard_open_mem(one.data, one.len, "parts.tok", &e);
        assert_non_null(s);
        assert_int_equal(shard_get_info(s)->token_bytes, m.vocab <= 65536 ? 2 : 4);
        assert_true(shard_get_info(s)->n_tokens * (uint64_t)shard_get_info(s)->token_bytes > SHARD_CHUNK);
        assert_int_equal(shard_check_all(s, &e), 0);
        shard_close(s);
        buf_free(&one);
    }
    struct shard_meta bad = fixture_meta(VOCAB, -1, VOCAB, lengths);
    assert_null(shard_create(path, &bad, &e));
}

/* Opens damaged bytes; true if the damage was found, by opening or reading. */
static bool found_out(const uint8_t *data, size_t n, struct err *e)
{
    struct shard *s = shard_open_mem(data, n, "damaged.tok", e);
    int32_t got[10];
    if (!s) return true;
    bool found = shard_check_all(s, e) != 0 ||
                 (shard_get_info(s)->n_tokens >= 10 && shard_read(s, 0, 10, got, e) != 0);
    shard_close(s);
    return found;
}

static void every_flipped_bit_and_every_truncation_is_found(void **state)
{
    char path[256];
    struct err e;
    fixture_path(path, sizeof path, *state, "flip.tok");
    write_small(path);
    struct buf b = {0};
    assert_int_equal(file_read_all(path, 1 << 20, &b, &e), 0);
    assert_false(found_out((const uint8_t *)b.data, b.len, &e));
    for (size_t bit = 0; bit < b.len * 8; bit++) {
        b.data[bit / 8] = (char)(b.data[bit / 8] ^ 1 << bit % 8);
        if (!found_out((const uint8_t *)b.data, b.len, &e)) fail_msg("bit %zu not noticed", bit);
        if (e.code != ERR_DATA || !strstr(e.msg, "damaged.tok"))
            fail_msg("bit %zu: %s", bit, e.msg);
        b.data[bit / 8] = (char)(b.data[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t n = 0; n < b.len; n++)
        if (!found_out((const uint8_t *)b.data, n, &e)) fail_msg("length %zu not noticed", n);
    buf_free(&b);
}

static void make_footer_fit(uint8_t *p, size_t n)
{
    uint8_t *foot = p + n - SHARD_FOOTER;
    uint64_t hash = shard_footer_hash(p, foot);
    memcpy(foot + 80, &hash, 8);
}

/* After a change of tokens, `bytes` of them in one chunk. */
static void make_hashes_fit(uint8_t *p, size_t n, size_t bytes, size_t docs)
{
    uint64_t chunk = hash64(p + 64, bytes), chunks = hash64(&chunk, 8);
    memcpy(p + 64 + (bytes + 7) / 8 * 8 + 8 * (docs + 1), &chunk, 8);
    memcpy(p + n - SHARD_FOOTER + 48, &chunks, 8);
    make_footer_fit(p, n);
}

/* Two bytes an id, and four. */
static void an_id_beyond_the_vocabulary_names_its_offset(void **state)
{
    enum { LARGE = 70000, TOKENS = 11 };
    char path[256], why[64];
    struct err e;
    for (int four = 0; four < 2; four++) {
        fixture_path(path, sizeof path, *state, four ? "id4.tok" : "id2.tok");
        struct shard_meta m = fixture_meta(four ? LARGE : VOCAB, -1, -1, lengths);
        int32_t ids[TOKENS] = {0}, got;
        struct shard_writer *w = shard_create(path, &m, &e);
        assert_non_null(w);
        assert_int_equal(shard_add(w, ids, TOKENS, TOKENS, &e), 0);
        assert_int_equal(shard_commit(w, &e), 0);
        size_t each = four ? 4 : 2;
        for (size_t at = 0; at < TOKENS; at++) {
            struct buf b = {0};
            uint32_t id = four ? LARGE : VOCAB;
            assert_int_equal(file_read_all(path, 1 << 20, &b, &e), 0);
            memcpy(b.data + 64 + each * at, &id, each);
            make_hashes_fit((uint8_t *)b.data, b.len, each * TOKENS, 1);
            struct shard *s = shard_open_mem(b.data, b.len, "id.tok", &e);
            assert_non_null(s);
            assert_int_equal(shard_read(s, 0, 1, &got, &e), -1);
            assert_int_equal(e.code, ERR_DATA);
            snprintf(why, sizeof why, "token %zu (offset %zu) is %u", at, 64 + each * at, (unsigned)id);
            if (!strstr(e.msg, why)) fail_msg("%s", e.msg);
            shard_close(s);
            buf_free(&b);
        }
    }
}

static void bytes_between_the_sections_are_named(void **state)
{
    char path[256];
    struct err e;
    struct buf b = {0}, longer = {0};
    fixture_path(path, sizeof path, *state, "more.tok");
    write_small(path);
    assert_int_equal(file_read_all(path, 1 << 20, &b, &e), 0);
    size_t end = b.len - SHARD_FOOTER;
    buf_add(&longer, b.data, end);
    buf_add(&longer, "\0\0\0\0\0\0\0", 8);
    buf_add(&longer, b.data + end, SHARD_FOOTER);
    uint64_t size = longer.len;
    memcpy(longer.data + end + 8 + 72, &size, 8);
    make_footer_fit((uint8_t *)longer.data, longer.len);
    assert_null(shard_open_mem(longer.data, longer.len, "more.tok", &e));
    if (e.code != ERR_DATA || !strstr(e.msg, "bytes that belong to no section")) fail_msg("%s", e.msg);
    buf_free(&b);
    buf_free(&longer);
}

/* A document of one token has no room for bos and eos, which its readers leave out. */
static void a_document_holds_its_bos_and_eos(void **state)
{
    char path[256];
    struct err e;
    fixture_path(path, sizeof path, *state, "short.tok");
    struct shard_meta m = fixture_meta(VOCAB, -1, -1, lengths);
    struct shard_writer *w = shard_create(path, &m, &e);
    int32_t ids[] = {5}, marks[] = {1, 2};
    struct buf b = {0};
    assert_int_equal(shard_add(w, ids, 1, 1, &e) || shard_commit(w, &e) || file_read_all(path, 1 << 20, &b, &e), 0);
    uint8_t *p = (uint8_t *)b.data, *foot = p + b.len - SHARD_FOOTER;
    memcpy(p + 20, marks, sizeof marks);
    uint64_t header = hash64(p, 56);
    memcpy(p + 56, &header, sizeof header);
    uint64_t footer = shard_footer_hash(p, foot);
    memcpy(foot + 80, &footer, sizeof footer);
    assert_null(shard_open_mem(p, b.len, "short.tok", &e));
    assert_int_equal(e.code, ERR_DATA);
    assert_non_null(strstr(e.msg, "document without its bos and eos"));
    buf_free(&b);
}

static void other_files_are_named(void **state)
{
    char path[256];
    struct err e;
    fixture_path(path, sizeof path, *state, "x.tok");
    assert_int_equal(file_write_all(path, "PK\x03\x04 and more", 13, &e), 0);
    assert_null(shard_open(path, &e));
    assert_non_null(strstr(e.msg, "zip"));
    assert_int_equal(file_write_all(path, "", 0, &e), 0);
    assert_null(shard_open(path, &e));
    assert_int_equal(e.code, ERR_DATA);
    fixture_path(path, sizeof path, *state, "absent.tok");
    assert_null(shard_open(path, &e));
    assert_int_equal(e.code, ERR_NOINPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(bos_and_eos_enclose_each_document),
        cmocka_unit_test(parts_of_any_size_give_the_same_bytes),
        cmocka_unit_test(large_vocabularies_take_four_bytes_and_many_chunks),
        cmocka_unit_test(ids_become_halves_as_one_by_one),
        cmocka_unit_test(the_writer_refuses_ids_beyond_the_vocabulary),
        cmocka_unit_test(every_flipped_bit_and_every_truncation_is_found),
        cmocka_unit_test(an_id_beyond_the_vocabulary_names_its_offset),
        cmocka_unit_test(a_document_holds_its_bos_and_eos),
        cmocka_unit_test(bytes_between_the_sections_are_named),
        cmocka_unit_test(other_files_are_named),
    };
    return cmocka_run_group_tests_name("shard", tests, fixture_dir, fixture_remove_dir);
}
