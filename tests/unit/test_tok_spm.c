/* The kinds of SentencePiece models that are rarer: words, white space as
 * suffix, unused pieces, rules for decoding. */
#include "tests/unit/spm_util.h"
#include "tests/unit/tok_util.h"

#include <math.h>
#include <stdio.h>

#include "core/base/mem.h"
#include "core/token/charsmap_build.h"
#include "core/token/tok_restrict.h"

#define MARK "\xe2\x96\x81"

static struct tokenizer *make(struct spm_model *m, const struct piece *v, size_t n)
{
    add_pieces(m, &(struct piece){"<unk>", 0, SPM_UNKNOWN}, 1);
    add_pieces(m, v, n);
    return tokenizer_of(m);
}

#define PLAIN "\x0A\x08\x0A\x01" "a" "\x15\0\0\x80\xBF" /* "a", score -1 */

/* What a program may write that is not SentencePiece's own: fields in another order, fields of other versions. */
static void fields_may_come_in_any_order(void **state)
{
    (void)state;
    static const char other[] = PLAIN
        "\x0A\x0A\x18\x04\x15\0\0\x20\xC1\x0A\x01" "b"                                       /* type 4, score -10, "b" */
        "\x0A\x0A\x15\0\0\0\0\x0A\x03" "c\xC3\xA9"                                            /* score 0, "c\xe9" */
        "\x0A\x1D\x48\xFF\x01\x51\1\2\3\4\5\6\7\x08\x5A\x02\x08\x01\x65\1\2\3\4\x0A\x01" "d\x0A\x01" "e" /* unknown ones; the last text counts */
        "\x20\x05" "\x39" "12345678" "\x22\x03" "abc" "\x45" "1234"                            /* of the model, too */
        "\x12\x0B\x18\x02\xC0\x02\x03\xC0\x01\x01\xD0\x02\x02" "\x1A\x05\x18\0\x12\x01" "x"; /* BPE, unknown is 3, a suffix, </s> is 2; no space in front, rules */
    struct spm_model m;
    struct err e = {0};
    if (spm_model_read(&m, other, sizeof other - 1, "t.model", &e)) fail_msg("%s", e.msg);
    static const struct piece want[] = {{"a", -1, SPM_NORMAL}, {"b", -10, SPM_USER}, {"c\xC3\xA9", 0, SPM_NORMAL}, {"e", 0, SPM_NORMAL}};
    assert_int_equal(m.n, COUNT_OF(want));
    for (size_t i = 0; i < m.n; i++) {
        assert_int_equal(m.piece[i].len, strlen(want[i].text));
        assert_memory_equal(m.text.data + m.piece[i].off, want[i].text, m.piece[i].len);
        assert_true(m.piece[i].score == want[i].score && m.piece[i].type == want[i].type);
    }
    assert_true(m.kind == SPM_BPE && m.unk_id == 3 && m.suffix && m.eos_id == 2 && m.pad_id == -1);
    assert_true(!m.add_dummy_prefix && m.remove_extra_whitespaces && m.charsmap.len == 1);
    spm_model_free(&m);
}

/* Lengths that take one byte and two. */
static void pieces_of_any_length_come_back(void **state)
{
    (void)state;
    enum { LONGEST = 300 };
    char text[LONGEST];
    struct spm_model m, back;
    struct buf file = {0};
    struct err e = {0};
    memset(text, 'a', sizeof text);
    spm_model_init(&m);
    for (size_t n = 1; n <= LONGEST; n++) assert_int_equal(spm_model_add(&m, text, n, -(float)n, n == 1 ? SPM_UNKNOWN : SPM_NORMAL, &e), 0);
    m.eos_id = 128, m.bos_id = -1, m.pad_id = 127;
    assert_int_equal(spm_model_write(&m, &file, &e), 0);
    if (spm_model_read(&back, file.data, file.len, "t.model", &e)) fail_msg("%s", e.msg);
    assert_int_equal(back.n, LONGEST);
    for (size_t i = 0; i < LONGEST; i++) assert_true(back.piece[i].len == i + 1 && back.piece[i].score == -(float)(i + 1));
    assert_true(back.eos_id == 128 && back.bos_id == -1 && back.pad_id == 127);
    spm_model_free(&m);
    spm_model_free(&back);
    buf_free(&file);
}

static void broken_fields_are_named(void **state)
{
    (void)state;
#define CASE(bytes, why) {bytes, sizeof bytes - 1, why}
    static const struct { const char *bytes; size_t n; const char *why; } v[] = {
        CASE(PLAIN "\x0B\x01", "a field of unknown wire type"),
        CASE(PLAIN "\x02\x01", "a bad field number"),
        CASE(PLAIN "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x01", "a number"),
        CASE(PLAIN "\x39" "1234567", "cut off"),
        CASE(PLAIN "\x3D" "123", "cut off"),
        CASE(PLAIN "\x22\x03" "ab", "a field is longer than the file"),
        CASE(PLAIN "\x08\x01", "a field has the wrong type"),
        CASE(PLAIN "\x0A\x02\x08\x01", "a field has the wrong type"),
        CASE(PLAIN "\x0A\x05\x0A\x01" "b\x10\x01", "a field has the wrong type"),
        CASE(PLAIN "\x0A\x08\x0A\x01" "b\x1D\1\0\0\0", "a field has the wrong type"),
        CASE(PLAIN "\x0A\x00", "a piece without text"),
        CASE(PLAIN "\x0A\x05\x0A\x01" "b\x18\x00", "a piece of unknown type"),
        CASE(PLAIN "\x0A\x05\x0A\x01" "b\x18\x07", "a piece of unknown type"),
        CASE(PLAIN "\x0A\x03\x0A\x01\xFF", "a piece that is not UTF-8"),
        CASE("\x0A\x03\x0A\x01\xC3" "\x0A\x03\x0A\x01\xA9", "a piece that is not UTF-8"), /* both together are */
        CASE(PLAIN "\x12\x02\x18\x00", "an unknown model type"),
        CASE(PLAIN "\x12\x02\x18\x05", "an unknown model type"),
        CASE(PLAIN "\x12\x03\xE0\x02\x01", "a field has the wrong type"),
        CASE(PLAIN "\x1A\x02\x10\x01", "a field has the wrong type"),
        CASE(PLAIN "\x0A\x0A\x0A\x06<0x41>\x18\x06" "\x12\x02\x18\x02", "the byte <0x41> as a piece, but without byte_fallback"),
        CASE("\x12\x02\x18\x02", "without pieces")};
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct spm_model m;
        struct err e = {0};
        char *exact = malloc(v[i].n);
        memcpy(exact, v[i].bytes, v[i].n);
        if (spm_model_read(&m, exact, v[i].n, "t.model", &e) == 0) fail_msg("case %zu was read", i);
        if (e.code != ERR_DATA || !strstr(e.msg, v[i].why) || !strstr(e.msg, "'t.model'")) fail_msg("case %zu: %s", i, e.msg);
        free(exact);
    }
    struct spm_model m;
    struct err e = {0};
    static const char bytes[] = PLAIN "\x0A\x0A\x0A\x06<0x41>\x18\x06" "\x12\x05\x18\x02\x98\x02\x01";
    if (spm_model_read(&m, bytes, sizeof bytes - 1, "t.model", &e)) fail_msg("%s", e.msg);
    assert_true(m.byte_fallback && m.piece[1].type == SPM_BYTE);
    spm_model_free(&m);
}

/* "id@begin-end ..." with spans, the same ids without, and the decoded text. */
static void check(const struct tokenizer *t, const char *text, const char *want, const char *decoded)
{
    struct err e = {0};
    struct both both = both_new(t);
    struct buf got = {0}, back = {0};
    both_same(&both, text, strlen(text), 0);
    both_print(&both, &got);
    assert_string_equal(got.data, want);
    assert_int_equal(tok_decode(t, both.want.id, both.want.n, false, &back, &e), 0);
    assert_string_equal(buf_text(&back), decoded);
    buf_free(&got);
    buf_free(&back);
    both_free(&both);
}

static void words_are_taken_whole_and_unknown_ones_melt(void **state)
{
    (void)state;
    static const struct piece v[] = {
        {MARK "the", -1, SPM_NORMAL}, {MARK "cat", -2, SPM_NORMAL}, {MARK "dog", -2, SPM_UNUSED}};
    struct spm_model m;
    spm_model_init(&m);
    m.kind = SPM_WORD;
    struct tokenizer *t = make(&m, v, COUNT_OF(v));
    check(t, "the cat", "1@0-3 2@3-7", "the cat");
    check(t, "the big dog the", "1@0-3 0@3-11 1@11-15", "the \xE2\x81\x87  the");
    struct tok_summary sum;
    tok_summary(t, &sum);
    assert_string_equal(sum.type, "SentencePiece words");
    tok_free(t);
}

/* Sums of such scores would be infinite, and no way through a text the best; characters and words are not added up. */
static void scores_that_are_not_finite_matter_where_they_are_added(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY, -3e38f, 2e30f};
    static const enum spm_kind kinds[] = {SPM_UNIGRAM, SPM_BPE, SPM_WORD, SPM_CHAR};
    for (size_t i = 0; i < COUNT_OF(bad) * COUNT_OF(kinds); i++) {
        enum spm_kind kind = kinds[i % COUNT_OF(kinds)];
        bool adds = kind == SPM_UNIGRAM || kind == SPM_BPE;
        struct err e = {0};
        struct buf file = {0};
        struct spm_model m;
        spm_model_init(&m);
        m.kind = kind;
        add_pieces(&m, (const struct piece[]){{"<unk>", 0, SPM_UNKNOWN}, {MARK, -1, SPM_NORMAL}, {"a", bad[i / COUNT_OF(kinds)], SPM_NORMAL},
                                              {MARK "a", -1, SPM_NORMAL}}, 4);
        assert_int_equal(spm_model_write(&m, &file, &e), 0);
        struct tokenizer *t = tok_from_spm(file.data, file.len, "t.model", &e);
        if ((t == NULL) != adds) fail_msg("kind %d, score %g: %s", kind, (double)bad[i / COUNT_OF(kinds)], t ? "taken" : e.msg);
        if (t) check(t, "a", kind == SPM_CHAR ? "1@0-0 2@0-1" : "3@0-1", "a");
        else if (e.code != ERR_DATA || !strstr(e.msg, "'t.model': the score of piece 2")) fail_msg("%s", e.msg);
        tok_free(t);
        buf_free(&file);
        spm_model_free(&m);
    }
}

static void unknown_text_is_shown_as_the_file_says(void **state)
{
    (void)state;
    static const struct piece v[] = {{MARK "the", -1, SPM_NORMAL}};
    static const char *const surfaces[] = {"", "X", SPM_SURFACE}, *const shown[] = {"the the", "theX the", "the \xE2\x81\x87  the"};
    for (size_t i = 0; i < COUNT_OF(surfaces); i++) {
        struct spm_model m;
        spm_model_init(&m);
        m.kind = SPM_WORD;
        m.has_surface = true;
        buf_adds(&m.unk_surface, surfaces[i]);
        struct tokenizer *t = make(&m, v, COUNT_OF(v));
        check(t, "the big the", "1@0-3 0@3-7 1@7-11", shown[i]);
        tok_free(t);
    }
}

static void white_space_may_end_a_word(void **state)
{
    (void)state;
    static const struct piece v[] = {{"a", -1, SPM_NORMAL}, {"b", -1, SPM_NORMAL}, {MARK, -1, SPM_NORMAL},
                                     {"b" MARK, -1.5f, SPM_NORMAL}, {"ab" MARK, -1.6f, SPM_NORMAL}};
    struct spm_model m;
    spm_model_init(&m);
    m.kind = SPM_BPE;
    m.suffix = true;
    struct tokenizer *t = make(&m, v, COUNT_OF(v));
    check(t, "ab b", "5@0-3 4@3-4", "ab b ");
    check(t, " ab", "5@1-3", "ab ");
    tok_free(t);
}

static void unused_pieces_come_apart_as_they_were_last_made(void **state)
{
    (void)state;
    /* ab and c make abc, which is not to come out: they are what is left. */
    static const struct piece v[] = {{"a", -9, SPM_NORMAL}, {"b", -9, SPM_NORMAL}, {"c", -9, SPM_NORMAL},
                                     {"ab", -1, SPM_NORMAL}, {"bc", -2, SPM_NORMAL}, {"abc", -3, SPM_UNUSED},
                                     {"x", -9, SPM_UNUSED}, {MARK, -9, SPM_NORMAL}, {"ca", -0.5f, SPM_UNUSED}};
    struct spm_model m;
    spm_model_init(&m);
    m.kind = SPM_BPE;
    m.add_dummy_prefix = false;
    struct tokenizer *t = make(&m, v, COUNT_OF(v));
    check(t, "abc", "4@0-2 3@2-3", "abc");
    check(t, "caxb", "3@0-1 1@1-2 0@2-3 2@3-4", "ca \xE2\x81\x87 b");
    struct tok_summary sum;
    tok_summary(t, &sum);
    assert_string_equal(sum.type, "SentencePiece BPE");
    tok_free(t);
}

/* The mark is in a token with the space before it, and begins a user-defined piece, which comes from all of
 * its bytes: so do both tokens.  As sentencepiece 0.2.3 has it. */
static void marks_of_a_text_may_come_from_a_user_defined_piece(void **state)
{
    (void)state;
    static const struct piece v[] = {{"a", -0.01f, SPM_NORMAL}, {"b", -0.01f, SPM_NORMAL}, {MARK, -2, SPM_NORMAL},
                                     {MARK MARK, -0.01f, SPM_NORMAL}, {MARK "b", 0, SPM_USER}};
    struct spm_model m;
    spm_model_init(&m);
    m.kind = SPM_UNIGRAM;
    struct tokenizer *t = make(&m, v, COUNT_OF(v));
    check(t, "a a " MARK "b a", "3@0-0 1@0-1 3@1-2 1@2-3 4@3-4 2@4-8 3@8-9 1@9-10", "a a  b a");
    tok_free(t);
}

static void rules_change_what_was_decoded(void **state)
{
    (void)state;
    static const struct piece v[] = {{MARK "a", -1, SPM_NORMAL}, {"b", -2, SPM_NORMAL}};
    static const uint32_t from[] = {'a', 'b'}, to[] = {'X'};
    struct spm_model m;
    struct err e = {0};
    struct charsmap_rules r = {0};
    spm_model_init(&m);
    assert_int_equal(charsmap_rules_set(&r, from, 2, to, 1, &e), 0);
    assert_int_equal(charsmap_compile(&r, &m.denorm_map, &e), 0);
    m.denorm_prefix = m.denorm_extra = m.denorm_escape = false;
    struct tokenizer *t = make(&m, v, COUNT_OF(v));
    check(t, "ab a", "1@0-1 2@1-2 1@2-4", "X a");
    struct tok_stream st;
    struct buf out = {0};
    tok_stream_init(&st, t, false);
    assert_int_equal(tok_stream_add(&st, 1, &out, &e), -1); /* it cannot know what follows */
    assert_non_null(strstr(e.msg, "not supported"));
    charsmap_rules_free(&r);
    buf_free(&out);
    tok_free(t);
}

/* What is left out counts for the score of <unk>, as SentencePiece has that from before: -50 - 10, so that xy and ab (-40)
 * are better than an unknown x and yab; by the pieces that are left it would be the other way round. */
static void pieces_left_out_still_say_how_bad_unknown_text_is(void **state)
{
    (void)state;
    static const struct piece v[] = {{MARK, -1, SPM_NORMAL}, {"xy", -20, SPM_NORMAL}, {"ab", -20, SPM_NORMAL}, {"yab", -1, SPM_NORMAL},
                                     {"zz", -50, SPM_NORMAL}, {"u", 0, SPM_USER}, {"old", -2, SPM_UNUSED}};
    static const char list[] = "xy\t3\nab\t3\r\n\nyab\nold\t2\tmore\nno\t9\n";
    struct spm_model m;
    struct err e = {0};
    size_t unused;
    spm_model_init(&m);
    m.add_dummy_prefix = false;
    struct tokenizer *t = make(&m, v, COUNT_OF(v));
    check(t, "xyab zz", "2@0-2 3@2-4 1@4-5 5@5-7", "xyab zz");
    struct tokenizer *fewer = tok_restricted(t, list, sizeof list - 1, "list", 1, &unused, &e);
    if (!fewer) fail_msg("%s", e.msg);
    assert_int_equal(unused, 1);
    check(fewer, "xyab zz", "2@0-2 3@2-4 1@4-5 0@5-7", "xyab  \xE2\x81\x87 ");
    check(fewer, "uold", "6@0-1 7@1-4", "uold");
    tok_free(fewer);
    fewer = tok_restricted(t, list, sizeof list - 1, "list", 3, &unused, &e);
    check(fewer, "yab", "0@0-1 3@1-3", " \xE2\x81\x87 ab");
    tok_free(fewer);
    assert_null(tok_restricted(t, list, sizeof list - 1, "list", 4, &unused, &e));
    assert_non_null(strstr(e.msg, "'list' has no token of this model that comes so often"));
    assert_null(tok_restricted(t, "no", 2, "list", 1, &unused, &e));
    assert_true(str_ends_with(e.msg, "'list' has no token of this model"));
    tok_free(t);
}

static void a_list_restricts_pieces_only(void **state)
{
    (void)state;
    static const struct piece v[] = {{MARK "a", -1, SPM_NORMAL}, {MARK, -1, SPM_NORMAL}, {"a", -1, SPM_NORMAL}};
    static const enum spm_kind kinds[] = {SPM_WORD, SPM_CHAR};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct spm_model m;
        struct err e = {0};
        size_t unused;
        spm_model_init(&m);
        m.kind = kinds[i];
        struct tokenizer *t = make(&m, v, COUNT_OF(v));
        assert_null(tok_restricted(t, "a", 1, "list", 1, &unused, &e));
        assert_int_equal(e.code, ERR_USAGE);
        assert_non_null(strstr(e.msg, "a vocabulary restricts models of unigram and byte pairs"));
        tok_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_that_are_not_finite_matter_where_they_are_added), cmocka_unit_test(a_list_restricts_pieces_only),
        cmocka_unit_test(fields_may_come_in_any_order),
        cmocka_unit_test(pieces_of_any_length_come_back),
        cmocka_unit_test(broken_fields_are_named),
        cmocka_unit_test(words_are_taken_whole_and_unknown_ones_melt),
        cmocka_unit_test(unknown_text_is_shown_as_the_file_says),
        cmocka_unit_test(white_space_may_end_a_word),
        cmocka_unit_test(unused_pieces_come_apart_as_they_were_last_made),
        cmocka_unit_test(marks_of_a_text_may_come_from_a_user_defined_piece),
        cmocka_unit_test(pieces_left_out_still_say_how_bad_unknown_text_is),
        cmocka_unit_test(rules_change_what_was_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
