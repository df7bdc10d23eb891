#include "data/encode_batch.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

struct encode_batch {
    const struct encode_opts *o;
    struct tok_padding how;
    int n_lists;
    struct fill {
        struct buf s;           /* of one token, as it is printed */
        const char *between;    /* two of them, and before or after the others */
    } fill[ENCODE_LISTS];
    struct buf text, items, out; /* of the batch */
    size_t n;                    /* documents in it */
};

/* What a token of padding is in each list of an object. */
static void json_fills(struct encode_batch *b, const char *spelling, size_t n)
{
    struct fill *f = b->fill;
    b->n_lists = b->o->word_field ? ENCODE_LISTS : ENCODE_LISTS - 1;
    for (int k = 0; k < ENCODE_LISTS; k++) f[k].between = ",";
    buf_printf(&f[0].s, "%d", b->how.id);
    buf_printf(&f[1].s, "%d", b->how.type);
    buf_add_json(&f[2].s, spelling, n);
    buf_adds(&f[3].s, "[0,0]");
    buf_adds(&f[4].s, "[0,0]");
    buf_adds(&f[5].s, "null");
    buf_adds(&f[6].s, "0");
    buf_adds(&f[7].s, "null");
}

static int make_fills(struct encode_batch *b, struct err *e)
{
    struct fill *f = b->fill;
    size_t n = 0;
    const char *spelling = tok_spelling(b->o->t, b->how.id, &n);
    if (!spelling) return err_set(e, ERR_DATA, "the token to fill up with, %d, is not in the vocabulary", b->how.id);
    b->n_lists = 1;
    f->between = " ";
    switch (b->o->to) {
    case ENCODE_TEXT: buf_printf(&f->s, "%d", b->how.id); break;
    case ENCODE_PIECES: encode_add_piece(spelling, n, &f->s); break;
    case ENCODE_TABLE:
        f->between = "";
        buf_printf(&f->s, "%d\t0\t0\t0\t0\t%d\t%s", b->how.id, b->how.type, b->o->word_field ? "-1\t" : "");
        buf_add_json(&f->s, spelling, n);
        buf_addc(&f->s, '\n');
        break;
    default: json_fills(b, spelling, n);
    }
    int ret = 0;
    for (int k = 0; k < b->n_lists && ret == 0; k++) ret = buf_ok(&f[k].s, e);
    return ret;
}

struct encode_batch *encode_batch_new(const struct encode_opts *o, struct err *e)
{
    struct encode_batch *b = mem_zalloc(1, sizeof *b);
    if (!b) {
        err_oom(e, sizeof *b, "a batch");
        return NULL;
    }
    b->o = o;
    tok_padding(o->t, &b->how);
    if (make_fills(b, e) == 0) return b;
    encode_batch_free(b);
    return NULL;
}

void encode_batch_free(struct encode_batch *b)
{
    if (!b) return;
    for (int k = 0; k < ENCODE_LISTS; k++) buf_free(&b->fill[k].s);
    buf_free(&b->text);
    buf_free(&b->items);
    buf_free(&b->out);
    free(b);
}

void encode_batch_print(const struct encode_batch *b, const struct encode_view *v, bool last, struct buf *text, struct buf *items)
{
    struct encode_view marked = *v;
    struct encode_item item = {.n_ids = v->x->ids.n, .last = last, .at = {text->len}};
    marked.at = item.at;
    marked.begins = b->how.left;
    encode_print(b->o->to, &marked, text);
    item.end = text->len;
    if (b->o->to != ENCODE_JSON && !b->how.left && text->len) item.at[0] = text->len - 1; /* in front of the line's end */
    buf_add(items, &item, sizeof item);
}

/* n times, beside others or not. */
static void put_fill(const struct encode_batch *b, const struct fill *f, size_t n, bool others, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (!b->how.left && (i || others)) buf_adds(out, f->between);
        buf_add(out, f->s.data, f->s.len);
        if (b->how.left && (i + 1 < n || others)) buf_adds(out, f->between);
    }
}

/* The batch, all of the same length, to the file. */
static int put_batch(struct encode_batch *b, struct file_writer *f, struct err *e)
{
    size_t n = b->items.len / sizeof(struct encode_item), longest = 0, from = 0;
    struct encode_item item;
    for (size_t i = 0; i < n; i++) {
        memcpy(&item, b->items.data + i * sizeof item, sizeof item);
        if (item.n_ids > longest) longest = item.n_ids;
    }
    size_t to = tok_padded(&b->how, longest);
    buf_clear(&b->out);
    for (size_t i = 0; i < n; i++) {
        memcpy(&item, b->items.data + i * sizeof item, sizeof item);
        for (int k = 0; k < b->n_lists; k++) {
            buf_add(&b->out, b->text.data + from, item.at[k] - from);
            put_fill(b, &b->fill[k], to - item.n_ids, item.n_ids > 0, &b->out);
            from = item.at[k];
        }
        buf_add(&b->out, b->text.data + from, item.end - from);
        from = item.end;
    }
    buf_clear(&b->text);
    buf_clear(&b->items);
    b->n = 0;
    if (buf_ok(&b->out, e)) return -1;
    return b->out.len ? file_write(f, b->out.data, b->out.len, e) : 0;
}

int encode_batch_add(struct encode_batch *b, const struct buf *text, const struct buf *items, struct file_writer *f, struct err *e)
{
    struct encode_item item;
    size_t from = 0;
    for (size_t at = 0; at < items->len; at += sizeof item) {
        memcpy(&item, items->data + at, sizeof item);
        size_t end = item.end, moved = b->text.len;
        for (int k = 0; k < b->n_lists; k++) item.at[k] += moved - from;
        item.end += moved - from;
        buf_add(&b->text, text->data + from, end - from);
        buf_add(&b->items, &item, sizeof item);
        if (buf_ok(&b->text, e) || buf_ok(&b->items, e)) return -1;
        from = end;
        if (item.last && ++b->n == b->o->batch && put_batch(b, f, e)) return -1;
    }
    return 0;
}

int encode_batch_end(struct encode_batch *b, struct file_writer *f, struct err *e)
{
    return put_batch(b, f, e);
}
