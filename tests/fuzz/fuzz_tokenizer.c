/* Input: a tokenizer.json, a NUL byte, a text to encode with it. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/token/compare.h"
#include "core/token/explain.h"
#include "core/token/tok_feed.h"
#include "core/token/tok_internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tok_same.h"

/* What is written must read back as the same tokenizer. */
static void check_written(const struct tokenizer *t)
{
    struct err e;
    struct buf one = {0}, two = {0};
    if (tok_to_json(t, &one, &e)) abort();
    struct tokenizer *again = tok_parse(one.data, one.len, "written", &e);
    if (!again || tok_to_json(again, &two, &e)) abort();
    if (one.len != two.len || memcmp(one.data, two.data, one.len)) abort();
    tok_free(again);
    buf_free(&one);
    buf_free(&two);
}

/* With a byte alphabet and its decoder nothing may be lost, but for the white
 * space that an added token asks to swallow. */
static bool lossless(const struct tokenizer *t)
{
    for (size_t i = 0; i < t->n_added; i++)
        if (t->added[i].lstrip || t->added[i].rstrip) return false;
    for (size_t i = 0; i < t->pre.n; i++) {
        const struct pre_step *p = &t->pre.step[i];
        bool keeps = p->kind == PRE_BYTE_LEVEL ? !p->prefix_space
                                               : p->kind == PRE_SPLIT && p->behavior != PRE_REMOVED;
        if (!keeps) return false;
    }
    return t->byte_level && t->decoder.bytes && t->unk_id < 0 && t->norm.n == 0;
}

/* Of two words, with a byte between, spans are in their own word. */
static void check_words(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags, struct tok_encoding *x)
{
    struct err e;
    size_t half = n / 2;
    const size_t begin[] = {0, half + 1, n + 1};
    const struct tok_word_list words = {text, begin, 2};
    if (n < 2 || tok_encode_words(t, s, &words, NULL, flags, x, &e)) return;
    for (size_t i = 0; i < x->ids.n; i++) {
        const struct tok_span *p = &x->ids.span[i];
        if (x->of[i].text < 0) continue;
        size_t word = tok_word_at(&words, p->begin);
        if (p->end > begin[word + 1] - 1 || p->begin < begin[word]) abort();
    }
}

/* One text is what tok_encode() gives; of two, spans are in their own text. */
static void check_pair(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n)
{
    struct err e;
    struct tok_encoding x = {.cap = 0};
    struct tok_ids one = {.want_spans = true};
    size_t half = n / 2;
    for (unsigned flags = 0; flags < 16; flags++) {
        one.n = 0;
        bool good = tok_encode(t, s, text, n, flags, &one, &e) == 0;
        if ((tok_encode_pair(t, s, text, n, NULL, 0, flags, &x, &e) == 0) != good) abort();
        if (good && (one.n != x.ids.n || (one.n && memcmp(one.id, x.ids.id, one.n * sizeof *one.id)))) abort();
        for (size_t i = 0; good && i < one.n; i++)
            if (one.span[i].begin != x.ids.span[i].begin || one.span[i].end != x.ids.span[i].end) abort();
        if (tok_encode_pair(t, s, text, half, text + half, n - half, flags, &x, &e)) continue;
        for (size_t i = 0; i < x.ids.n; i++)
            if (x.of[i].text > 1 || (x.of[i].text >= 0 && x.ids.span[i].end > (x.of[i].text ? n - half : half))) abort();
        check_words(t, s, text, n, flags, &x);
    }
    tok_ids_free(&one);
    tok_encoding_free(&x);
}

/* Decoding bit by bit gives the same. */
static void check_feed(const struct tokenizer *t, const struct tok_ids *ids, const struct buf *whole)
{
    struct err e;
    struct tok_feed f = {0};
    struct buf out = {0};
    tok_feed_init(&f, t, false);
    for (size_t i = 0; i < ids->n; i++)
        if (tok_feed_add(&f, ids->id + i, 1, &out, &e)) abort();
    if (tok_feed_end(&f, &out, &e) || out.len != whole->len || (out.len && memcmp(out.data, whole->data, out.len))) abort();
    tok_feed_free(&f);
    buf_free(&out);
}

/* Decoding one token at a time does, too, where the decoder can; bytes that are no characters are replaced. */
static void check_stream(const struct tokenizer *t, const struct tok_ids *ids, bool skip)
{
    struct err e;
    struct tok_stream st;
    struct buf whole = {0}, out = {0};
    bool good = true;
    if (tok_decode(t, ids->id, ids->n, skip, &whole, &e)) abort();
    tok_stream_init(&st, t, skip);
    for (size_t i = 0; good && i < ids->n; i++) good = tok_stream_add(&st, ids->id[i], &out, &e) == 0;
    if (!good && !strstr(e.msg, "one token at a time is not supported")) abort();
    tok_stream_end(&st, &out);
    bool same = out.len == whole.len && (!out.len || memcmp(out.data, whole.data, out.len) == 0);
    if (good && !same && utf8_valid_prefix(buf_text(&whole), whole.len) == whole.len) abort();
    buf_free(&whole);
    buf_free(&out);
}

static void check_text(const struct tokenizer *t, const char *text, size_t n)
{
    struct err e;
    struct tok_ids ids = {.want_spans = true};
    struct buf back = {0};
    struct tok_scratch *s = tok_scratch_new(t, &e);
    if (!s) return;
    for (unsigned flags = 0; flags < 8; flags++) {
        ids.n = 0;
        buf_clear(&back);
        if (tok_encode(t, s, text, n, flags, &ids, &e)) continue;
        for (size_t i = 0; i < ids.n; i++)
            if (ids.span[i].begin > ids.span[i].end || ids.span[i].end > n) abort();
        if (tok_decode(t, ids.id, ids.n, false, &back, &e)) abort();
        if (!(flags & ~(unsigned)TOK_STRICT) && lossless(t) &&
            (back.len != n || (n && memcmp(back.data, text, n))))
            abort();
        check_feed(t, &ids, &back);
        check_stream(t, &ids, flags & 1);
    }
    check_pair(t, s, text, n);
    check_same(t, text, n);
    buf_clear(&back);
    tok_explain(t, text, n, 0, (n & 1) != 0, &back, &e);
    tok_explain(t, text, n, n % 30, (n & 1) != 0, &back, &e);
    const char *const names[2] = {"a", "b"};
    if (n % 8 == 0) tok_compare(t, n & 8 ? t : NULL, names, &(struct compare_texts){text, &n, 1}, (n & 16) != 0, &back, &e);
    char token[8] = {0};
    memcpy(token, text, n < sizeof token - 1 ? n : sizeof token - 1);
    tok_explain_token(t, token, (n & 1) != 0, &back, &e);
    buf_free(&back);
    tok_ids_free(&ids);
    tok_scratch_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    const uint8_t *cut = size ? memchr(data, 0, size) : NULL;
    size_t n = cut ? (size_t)(cut - data) : size;
    struct tokenizer *t = tok_parse((const char *)data, n, "fuzz", &e);
    if (!t) return 0;
    check_written(t);
    if (cut) check_text(t, (const char *)cut + 1, size - n - 1);
    tok_free(t);
    return 0;
}
