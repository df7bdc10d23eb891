#include "core/token/tok_lists.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/width.h"
#include "core/token/tok_files.h"
#include "core/token/unicode.h"

/* Without white space at its end. */
static size_t trim(const char *s, size_t n)
{
    size_t end = 0;
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next((const uint8_t *)s + i, n - i);
        i += c.len;
        if (!(c.class & UNI_SPACE)) end = i;
    }
    return end;
}

int tok_read_words(struct vocab *v, const char *text, size_t n, bool trimmed, const char *name, struct err *e)
{
    size_t len;
    const char *p = text, *end = text + n, *line;
    int64_t id = 0;
    if (utf8_check(text, n, name, e)) return -1;
    bool well = vocab_reserve(v, jlex_count(text, n, '\n') + 1, n);
    while (well && tok_next_line(&p, end, &line, &len)) well = vocab_copy(v, id++, line, trimmed ? trim(line, len) : len, VOCAB_MODEL);
    if (well && vocab_index(v)) return 0;
    vocab_free(v); /* again, for what is wrong and where */
    for (p = text, id = 0; tok_next_line(&p, end, &line, &len); id++)
        if (vocab_add(v, id, line, trimmed ? trim(line, len) : len, VOCAB_MODEL, e)) return err_wrap(e, "'%s':%lld", name, (long long)id + 1);
    return 0;
}

/* bulk: all at once; 1: a token cannot be added, whatever the reason. */
static int read_members(struct vocab *v, struct jlex *x, bool bulk, struct err *e)
{
    if (jlex_expect(x, '{', e)) return -1;
    if (jlex_try(x, '}')) return 0;
    do {
        const char *s;
        size_t n;
        int64_t id;
        if (jlex_string(x, &s, &n, e) || jlex_expect(x, ':', e) || jlex_int(x, &id, e)) return -1;
        if (bulk && !vocab_copy(v, id, s, n, VOCAB_MODEL)) return 1;
        if (!bulk && vocab_add(v, id, s, n, VOCAB_MODEL, e)) return jlex_wrap(x, e);
    } while (jlex_try(x, ','));
    if (jlex_expect(x, '}', e)) return -1;
    return bulk && !vocab_index(v);
}

int tok_read_vocab(struct vocab *v, struct jlex *x, struct err *e)
{
    const char *from = x->p;
    size_t n = (size_t)(x->end - from);
    int ret = vocab_reserve(v, jlex_count(from, n, '"') / 2, n) ? read_members(v, x, true, e) : 1;
    if (ret == 0) return 0;
    vocab_free(v); /* again, for what is wrong and where */
    x->p = from;
    return read_members(v, x, false, e);
}

int tok_read_ids(struct vocab *v, const char *text, size_t n, const char *name, struct err *e)
{
    struct jlex x;
    if (utf8_check(text, n, name, e)) return -1;
    jlex_init(&x, text, (struct jlex_span){text, text + n}, name);
    int ret = tok_read_vocab(v, &x, e);
    jlex_try(&x, ' '); /* only skips white space */
    if (ret == 0 && x.p < x.end) ret = jlex_error(&x, e, "text behind the object");
    jlex_free(&x);
    return ret;
}

int tok_check_merge(const struct vocab *v, const char *s, size_t n, struct buf *whole, struct err *e)
{
    const char *space = memchr(s, ' ', n);
    size_t left = space ? (size_t)(space - s) : 0, right = n - left - 1;
    if (!space || memchr(space + 1, ' ', right)) return err_set(e, ERR_DATA, "a merge is two tokens with a space between");
    if (utf8_valid_prefix(s, n) < n) return err_set(e, ERR_DATA, "invalid UTF-8");
    buf_clear(whole);
    buf_add(whole, s, left);
    buf_add(whole, space + 1, right);
    if (buf_ok(whole, e)) return -1;
    const char *part[] = {s, space + 1, buf_text(whole)};
    const size_t len[] = {left, right, whole->len};
    for (int i = 0; i < 3; i++)
        if (vocab_find(v, part[i], len[i]) < 0)
            return err_set(e, ERR_DATA, "'%.*s' of the merge is not in the vocabulary", (int)text_fit(part[i], len[i], 80), part[i]);
    return 0;
}

static void add_text(struct buf *out, const struct vocab *v, int id)
{
    size_t n;
    const char *s = vocab_text(v, id, &n);
    buf_add(out, s, n);
}

void tok_add_merge_lines(struct buf *out, const struct vocab *v, const struct bpe *b, const char *end)
{
    for (size_t i = 0; i < b->n_merges; i++) {
        add_text(out, v, b->merge[i].left);
        buf_addc(out, ' ');
        add_text(out, v, b->merge[i].right);
        buf_adds(out, end);
    }
}
