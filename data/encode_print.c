#include "data/encode_print.h"

void encode_print_ids(const int32_t *id, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) buf_printf(out, "%s%d", i ? " " : "", (int)id[i]);
    buf_addc(out, '\n');
}

/* In characters; tokens that are from no text are at 0. */
static struct tok_span in_chars(const struct encode_view *v, size_t i)
{
    struct tok_span s = v->x->ids.span[i];
    int text = v->x->of[i].text;
    if (text < 0) return s;
    size_t begin = char_index_begin(&v->chars[text], s.begin);
    size_t end = char_index_end(&v->chars[text], s.end);
    return (struct tok_span){.begin = begin, .end = end > begin ? end : begin};
}

static void add_token(const struct encode_view *v, size_t i, struct buf *out)
{
    size_t n = 0;
    const char *s = tok_spelling(v->t, v->x->ids.id[i], &n);
    buf_add_json(out, s ? s : "", n);
}

void encode_print_table(const struct encode_view *v, struct buf *out)
{
    for (size_t i = 0; i < v->x->ids.n; i++) {
        struct tok_span b = v->x->ids.span[i], c = in_chars(v, i);
        buf_printf(out, "%d\t%zu\t%zu\t%zu\t%zu\t%d\t", (int)v->x->ids.id[i], b.begin, b.end, c.begin, c.end,
                   (int)v->x->of[i].type);
        add_token(v, i, out);
        buf_addc(out, '\n');
    }
    buf_addc(out, '\n');
}

static void add_spans(const struct encode_view *v, bool chars, struct buf *out)
{
    for (size_t i = 0; i < v->x->ids.n; i++) {
        struct tok_span s = chars ? in_chars(v, i) : v->x->ids.span[i];
        buf_printf(out, "%s[%zu,%zu]", i ? "," : "", s.begin, s.end);
    }
}

void encode_print_json(const struct encode_view *v, struct buf *out)
{
    const struct tok_encoding *x = v->x;
    size_t n = x->ids.n;
    buf_adds(out, "{\"ids\":[");
    for (size_t i = 0; i < n; i++) buf_printf(out, "%s%d", i ? "," : "", (int)x->ids.id[i]);
    buf_adds(out, "],\"type_ids\":[");
    for (size_t i = 0; i < n; i++) buf_printf(out, "%s%d", i ? "," : "", (int)x->of[i].type);
    buf_adds(out, "],\"tokens\":[");
    for (size_t i = 0; i < n; i++) {
        if (i) buf_addc(out, ',');
        add_token(v, i, out);
    }
    buf_adds(out, "],\"offsets\":[");
    add_spans(v, true, out);
    buf_adds(out, "],\"byte_offsets\":[");
    add_spans(v, false, out);
    buf_adds(out, "],\"sequence_ids\":[");
    for (size_t i = 0; i < n; i++) {
        if (i) buf_addc(out, ',');
        buf_adds(out, x->of[i].text < 0 ? "null" : x->of[i].text ? "1" : "0");
    }
    buf_adds(out, "],\"attention_mask\":[");
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%d", i ? "," : "", x->of[i].text != TOK_FROM_PADDING);
    buf_adds(out, "]}\n");
}
