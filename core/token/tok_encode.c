/* Text to ids: added tokens, segments, spans, templates. */
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_internal.h"
#include "core/token/unicode.h"

struct job {
    const struct tokenizer *t;
    struct tok_scratch *s;
    const char *text;
    unsigned flags;
    struct tok_ids *out;
    struct err *e;
};

/* Bytes of the segment that an <unk> stands for. */
static size_t unk_covers(const struct tokenizer *t, const uint8_t *p, size_t left)
{
    if (t->byte_level || left == 0) return left ? 1 : 0;
    size_t n = 0;
    do {
        n += uni_next(p + n, left - n).len;
        if (!t->fuse_unk || n >= left) break;
        struct uni_char c = uni_next(p + n, left - n);
        int id = c.cp == UNI_BAD ? -1 : vocab_find(&t->vocab, (const char *)p + n, c.len);
        if (id >= 0 && (t->vocab.v[id].flags & VOCAB_MODEL)) break;
    } while (n < left);
    return n;
}

/* The model's tokens cover the segment one after the other. `shift` bytes of
 * what was encoded (the prefix space) are not in the text. */
static void segment_spans(struct job *j, size_t from, size_t begin, size_t end, size_t shift)
{
    size_t pos = begin;
    for (size_t i = from; i < j->out->n; i++) {
        int id = j->out->id[i];
        size_t covers = j->t->bytes[id].covers;
        if (id == j->t->unk_id)
            covers = unk_covers(j->t, (const uint8_t *)j->text + pos, end - pos);
        size_t hidden = covers < shift ? covers : shift;
        shift -= hidden;
        size_t next = pos + (covers - hidden);
        if (next > end) next = end;
        j->out->span[i] = (struct tok_span){pos, next};
        pos = next;
    }
}

static int segment(struct job *j, size_t begin, size_t end)
{
    if (begin == end) return 0;
    const char *p = j->text + begin;
    size_t n = end - begin, shift = 0, from = j->out->n;
    if (j->t->add_prefix_space && *p != ' ') {
        buf_clear(&j->s->text);
        buf_addc(&j->s->text, ' ');
        buf_add(&j->s->text, p, n);
        if (buf_ok(&j->s->text, j->e)) return -1;
        p = j->s->text.data;
        n++;
        shift = 1;
    }
    if (tok_pieces(j->t, j->s, (const uint8_t *)p, n, begin - shift, j->out, j->e)) return -1;
    if (j->out->want_spans) segment_spans(j, from, begin, end, shift);
    return 0;
}

static int push(struct job *j, int id, size_t begin, size_t end)
{
    if (tok_ids_room(j->out, 1, j->e)) return -1;
    if (j->out->want_spans) j->out->span[j->out->n] = (struct tok_span){begin, end};
    j->out->id[j->out->n++] = id;
    return 0;
}

/* Cuts text[begin..end) at the added tokens of one matcher; `inner` gets what
 * is between. */
static int cut(struct job *j, const struct tok_matcher *m, size_t begin, size_t end,
               int (*inner)(struct job *, size_t, size_t))
{
    const char *p = j->text + begin;
    size_t n = end - begin, pos = 0, from, to;
    const struct tok_added *a;
    while ((a = tok_match(m, p, n, pos, (j->flags & TOK_SPECIAL) != 0, &from, &to))) {
        if (inner(j, begin + pos, begin + from)) return -1;
        if (push(j, a->id, begin + from, begin + to)) return -1;
        pos = to;
    }
    return inner(j, begin + pos, end);
}

/* Spans in the normal form become spans in the text. */
static void original_spans(struct tok_ids *out, size_t from, const struct norm *w, size_t begin)
{
    for (size_t i = from; i < out->n; i++) {
        struct tok_span *p = &out->span[i];
        size_t last = p->end > p->begin ? p->end - 1 : p->begin;
        if (last >= w->text.len) last = w->text.len - 1;
        size_t first = p->begin < last ? p->begin : last;
        *p = (struct tok_span){begin + w->origin[first].begin, begin + w->origin[last].end};
    }
}

static int cut_normalized(struct job *j, size_t begin, size_t end)
{
    struct norm *w = &j->s->norm;
    w->want_origin = j->out->want_spans;
    int changed = norm_apply(w, j->t->norm, j->text + begin, end - begin, j->e);
    if (changed < 0) return -1;
    if (!changed) return cut(j, &j->t->normalized, begin, end, segment);
    struct job inner = *j;
    size_t from = j->out->n;
    inner.text = w->text.data;
    if (cut(&inner, &j->t->normalized, 0, w->text.len, segment)) return -1;
    if (w->want_origin && w->text.len) original_spans(j->out, from, w, begin);
    return 0;
}

static int push_all(struct job *j, const int *ids, int n)
{
    for (int i = 0; i < n; i++)
        if (push(j, ids[i], 0, 0)) return -1;
    return 0;
}

int tok_encode(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
               unsigned flags, struct tok_ids *out, struct err *e)
{
    struct job j = {t, s, text, flags, out, e};
    const struct tok_template *m = &t->tmpl;
    if (flags & TOK_STRICT) {
        size_t valid = utf8_valid_prefix(text, n);
        if (valid < n) return err_set(e, ERR_DATA, "invalid UTF-8 at byte offset %zu", valid);
    }
    size_t begin = out->n;
    if ((flags & TOK_TEMPLATE) && push_all(&j, m->before, m->n_before)) goto fail;
    size_t from = out->n;
    if (n && cut(&j, &t->raw, 0, n, cut_normalized)) goto fail;
    if (out->want_spans && t->trim_offsets) tok_trim_offsets(t, text, out, from);
    if ((flags & TOK_TEMPLATE) && push_all(&j, m->after, m->n_after)) goto fail;
    return 0;
fail:
    out->n = begin;
    return -1;
}

/* The ByteLevel post-processor leaves white space out of the spans. */
void tok_trim_offsets(const struct tokenizer *t, const char *text, struct tok_ids *out, size_t from)
{
    const uint8_t *s = (const uint8_t *)text;
    for (size_t i = from; i < out->n; i++) {
        struct tok_span *p = &out->span[i];
        /* An added prefix space is not in the text: nothing to leave out. */
        bool prefix = t->trim_prefix_space && p->begin == 0;
        struct uni_char c;
        for (; p->begin < p->end; p->begin += c.len) {
            c = uni_next(s + p->begin, p->end - p->begin);
            if (!(c.class & UNI_SPACE)) break;
            if (prefix && c.cp == ' ') break;
        }
        for (; p->end > p->begin; p->end -= c.len) {
            c = uni_prev(s, p->end);
            if (!(c.class & UNI_SPACE)) break;
        }
    }
}
