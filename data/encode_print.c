#include "data/encode_print.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/decimal.h"
#include "core/base/mem.h"
#include "core/base/sig.h"

/* Now and then, whether what is printed will not be written any more. */
static bool stopped(size_t i)
{
    return i % (1 << 16) == 0 && sig_stop_requested();
}

static void add_number(struct buf *out, int64_t v)
{
    if (!buf_reserve(out, DECIMAL_MOST)) return;
    out->len = (size_t)(decimal_put_signed(out->data + out->len, v) - out->data);
    out->data[out->len] = '\0';
}

void encode_add_ids(const int32_t *id, size_t n, char between, struct buf *out)
{
    enum { AT_ONCE = 1024 };
    for (size_t i = 0; i < n;) {
        size_t to = n - i < AT_ONCE ? n : i + AT_ONCE;
        if (!buf_reserve(out, (size_t)AT_ONCE * (DECIMAL_MOST + 1))) return;
        char *p = out->data + out->len;
        for (; i < to; i++) {
            *p = between;
            p = decimal_put_signed(p + (i > 0), id[i]);
        }
        *p = '\0';
        out->len = (size_t)(p - out->data);
    }
}

void encode_print_ids(const int32_t *id, size_t n, struct buf *out)
{
    encode_add_ids(id, n, ' ', out);
    buf_addc(out, '\n');
}

static bool plain(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f) return false;
    return n && s[0] != '"';
}

void encode_add_piece(const char *s, size_t n, struct buf *out)
{
    if (s && plain(s, n)) buf_add(out, s, n);
    else buf_add_json(out, s ? s : "", n);
}

void encode_print_pieces(const struct tokenizer *t, const int32_t *id, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = 0;
        const char *s = tok_spelling(t, id[i], &len);
        if (i) buf_addc(out, ' ');
        encode_add_piece(s, len, out);
    }
    buf_addc(out, '\n');
}

/* Whether a text stays whole where tabs part fields and line ends lines. */
static bool one_field(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f) return false;
    return n > 0;
}

struct row {
    uint64_t count;
    const char *s;
    size_t n;
    int id;
};

static int by_count(const void *va, const void *vb)
{
    const struct row *a = va, *b = vb;
    if (a->count != b->count) return a->count < b->count ? 1 : -1;
    return str_order(a->s, a->n, b->s, b->n);
}

int encode_print_tally(const struct tokenizer *t, const uint64_t *tally, bool json, struct buf *out, struct err *e)
{
    size_t n = 0, size = (size_t)tok_vocab_size(t);
    struct row *row = mem_alloc(size, sizeof *row);
    if (!row) return err_oom(e, size * sizeof *row, "counts");
    for (int id = 0; id < (int)size; id++) {
        if (!tally[id]) continue;
        struct row *r = &row[n++];
        *r = (struct row){.count = tally[id], .id = id};
        r->s = tok_spelling(t, id, &r->n);
        if (!r->s) r->s = "";
    }
    qsort(row, n, sizeof *row, by_count);
    if (json) buf_addc(out, '[');
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &row[i];
        if (json) {
            buf_printf(out, "%s{\"id\":%d,\"token\":", i ? "," : "", r->id);
            buf_add_json(out, r->s, r->n);
            buf_printf(out, ",\"count\":%llu}", (unsigned long long)r->count);
        } else {
            if (one_field(r->s, r->n)) buf_add(out, r->s, r->n);
            else buf_add_json(out, r->s, r->n);
            buf_printf(out, "\t%llu\n", (unsigned long long)r->count);
        }
    }
    if (json) buf_addc(out, ']');
    free(row);
    return buf_ok(out, e);
}

/* The word that a token is from, or -1. */
static int64_t word_of(const struct encode_view *v, size_t i)
{
    int text = v->x->of[i].text;
    return text < 0 || !v->words[0] ? -1 : (int64_t)tok_word_at(v->words[text], v->x->ids.span[i].begin);
}

/* Where the text, or the word, begins that a token is from. */
static size_t begin_of(const struct encode_view *v, size_t i)
{
    int64_t word = word_of(v, i);
    return word < 0 ? 0 : v->words[v->x->of[i].text]->begin[word];
}

static struct tok_span in_bytes(const struct encode_view *v, size_t i)
{
    struct tok_span s = v->x->ids.span[i];
    size_t from = begin_of(v, i);
    s.begin -= from;
    s.end -= from;
    return s;
}

/* In characters; tokens that are from no text are at 0. */
static struct tok_span in_chars(const struct encode_view *v, size_t i)
{
    struct tok_span s = v->x->ids.span[i];
    int text = v->x->of[i].text;
    if (text < 0) return s;
    size_t from = char_index_begin(&v->chars[text], begin_of(v, i));
    size_t begin = char_index_begin(&v->chars[text], s.begin);
    size_t end = char_index_end(&v->chars[text], s.end);
    return (struct tok_span){.begin = begin - from, .end = (end > begin ? end : begin) - from};
}

static void add_token(const struct encode_view *v, size_t i, struct buf *out)
{
    size_t n = 0;
    const char *s = tok_spelling(v->t, v->x->ids.id[i], &n);
    buf_add_json(out, s ? s : "", n);
}

static void print_table(const struct encode_view *v, struct buf *out)
{
    for (size_t i = 0; i < v->x->ids.n && !stopped(i); i++) {
        struct tok_span b = in_bytes(v, i), c = in_chars(v, i);
        const int64_t column[] = {v->x->ids.id[i], (int64_t)b.begin, (int64_t)b.end, (int64_t)c.begin, (int64_t)c.end,
                                  (int64_t)v->x->of[i].type, word_of(v, i)};
        for (size_t k = 0; k < COUNT_OF(column) - !v->words[0]; k++) {
            add_number(out, column[k]);
            buf_addc(out, '\t');
        }
        add_token(v, i, out);
        buf_addc(out, '\n');
    }
    buf_addc(out, '\n');
}

static void add_spans(const struct encode_view *v, bool chars, struct buf *out)
{
    for (size_t i = 0; i < v->x->ids.n && !stopped(i); i++) {
        struct tok_span s = chars ? in_chars(v, i) : in_bytes(v, i);
        buf_adds(out, i ? ",[" : "[");
        add_number(out, (int64_t)s.begin);
        buf_addc(out, ',');
        add_number(out, (int64_t)s.end);
        buf_addc(out, ']');
    }
}

/* The next list; `key` begins with what is before it.  Where its elements are to begin or end is noted. */
static void open_list(const struct encode_view *v, int k, const char *key, struct buf *out)
{
    buf_adds(out, key);
    if (v->at && v->begins) v->at[k] = out->len;
}

static void close_list(const struct encode_view *v, int k, struct buf *out)
{
    if (v->at && !v->begins) v->at[k] = out->len;
    buf_addc(out, ']');
}

static void add_word_ids(const struct encode_view *v, struct buf *out)
{
    open_list(v, 7, ",\"word_ids\":[", out);
    for (size_t i = 0; i < v->x->ids.n && !stopped(i); i++) {
        int64_t word = word_of(v, i);
        if (i) buf_addc(out, ',');
        if (word < 0) buf_adds(out, "null");
        else add_number(out, word);
    }
    close_list(v, 7, out);
}

static void print_json(const struct encode_view *v, struct buf *out)
{
    const struct tok_encoding *x = v->x;
    size_t n = x->ids.n;
    open_list(v, 0, "{\"ids\":[", out);
    encode_add_ids(x->ids.id, n, ',', out);
    close_list(v, 0, out);
    open_list(v, 1, ",\"type_ids\":[", out);
    for (size_t i = 0; i < n && !stopped(i); i++) {
        if (i) buf_addc(out, ',');
        add_number(out, (int64_t)x->of[i].type);
    }
    close_list(v, 1, out);
    open_list(v, 2, ",\"tokens\":[", out);
    for (size_t i = 0; i < n && !stopped(i); i++) {
        if (i) buf_addc(out, ',');
        add_token(v, i, out);
    }
    close_list(v, 2, out);
    open_list(v, 3, ",\"offsets\":[", out);
    add_spans(v, true, out);
    close_list(v, 3, out);
    open_list(v, 4, ",\"byte_offsets\":[", out);
    add_spans(v, false, out);
    close_list(v, 4, out);
    open_list(v, 5, ",\"sequence_ids\":[", out);
    for (size_t i = 0; i < n && !stopped(i); i++) {
        if (i) buf_addc(out, ',');
        buf_adds(out, x->of[i].text < 0 ? "null" : x->of[i].text ? "1" : "0");
    }
    close_list(v, 5, out);
    open_list(v, 6, ",\"attention_mask\":[", out);
    for (size_t i = 0; i < n && !stopped(i); i++) {
        if (i) buf_addc(out, ',');
        buf_addc(out, x->of[i].text != TOK_FROM_PADDING ? '1' : '0');
    }
    close_list(v, 6, out);
    if (v->words[0]) add_word_ids(v, out);
    if (v->windows) {
        buf_adds(out, ",\"window\":");
        add_number(out, (int64_t)x->window - 1);
    }
    buf_adds(out, "}\n");
}

void encode_print(enum encode_to to, const struct encode_view *v, struct buf *out)
{
    const struct tok_ids *ids = &v->x->ids;
    switch (to) {
    case ENCODE_TEXT: encode_print_ids(ids->id, ids->n, out); break;
    case ENCODE_PIECES: encode_print_pieces(v->t, ids->id, ids->n, out); break;
    case ENCODE_TABLE: print_table(v, out); break;
    default: print_json(v, out);
    }
}
