/* What a token adds to a text that has begun, for decoders that look at one
 * token at a time: made once, so that decoding is copying. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_internal.h"

enum { VECTOR = 16 };

static bool by_token(const struct tokenizer *t)
{
    if (t->decoder.n != 1) return false;
    enum dec_kind k = t->decoder.step[0].kind;
    return k == DEC_WORDPIECE || k == DEC_METASPACE || k == DEC_SPM;
}

/* s with every character cp as a space. */
static void add_spaced(struct buf *out, const char *s, size_t n, uint32_t cp)
{
    char mark[4];
    size_t k = (size_t)utf8_encode(cp, mark), i = 0;
    while (i < n) {
        const char *p = memmem(s + i, n - i, mark, k);
        size_t end = p ? (size_t)(p - s) : n;
        buf_add(out, s + i, end - i);
        if (p) buf_addc(out, ' ');
        i = p ? end + k : n;
    }
}

/* The general way, for the few tokens that cleaning up may change. */
static int add_slowly(const struct tokenizer *t, const char *s, size_t n, struct buf *out, struct err *e)
{
    struct dec_tokens v = {0};
    int ret = dec_tokens_add(&v, s, n, TOKEN_PLAIN, e) || decode_run(&t->decoder, &v, false, out, e) ? -1 : 0;
    dec_tokens_free(&v);
    return ret;
}

static int add_one(const struct tokenizer *t, int id, struct buf *out, struct err *e)
{
    const struct dec_step *st = &t->decoder.step[0];
    size_t n;
    const char *s = tok_said(t, id, &n);
    if (st->kind == DEC_METASPACE) {
        add_spaced(out, s, n, st->cp);
    } else if (st->kind == DEC_SPM) {
        if (id == t->unk_id) buf_add(out, st->a, st->n_a);
        else if (!(t->vocab.v[id].flags & VOCAB_SPECIAL)) add_spaced(out, s, n, 0x2581);
    } else if (n >= st->n_a && memcmp(s, st->a, st->n_a) == 0) {
        if (st->cleanup && memchr(s, ' ', n)) return add_slowly(t, s, n, out, e);
        buf_add(out, s + st->n_a, n - st->n_a);
    } else {
        bool may_change = n && (strchr(".?!,'nd", s[0]) || memchr(s, ' ', n));
        if (st->cleanup && may_change) return add_slowly(t, s, n, out, e);
        buf_addc(out, ' ');
        buf_add(out, s, n);
    }
    return 0;
}

int tok_later_init(struct tokenizer *t, struct err *e)
{
    if (!by_token(t)) return 0;
    t->later = mem_zalloc((size_t)t->vocab.n, sizeof *t->later);
    if (!t->later) return err_oom(e, (size_t)t->vocab.n * sizeof *t->later, "token texts");
    for (int id = 0; id < t->vocab.n; id++) {
        if (!(t->vocab.v[id].flags & VOCAB_USED)) continue;
        size_t from = t->later_pool.len;
        if (add_one(t, id, &t->later_pool, e)) return -1;
        t->later[id].off = (uint32_t)from;
        t->later[id].len = (uint32_t)(t->later_pool.len - from);
        t->later[id].slow = t->source == SOURCE_SPM && tok_byte_of(t, id) >= 0;
    }
    if (!buf_reserve(&t->later_pool, VECTOR)) return buf_ok(&t->later_pool, e);
    return buf_ok(&t->later_pool, e);
}

/* Bytes of a run of byte tokens from i on; returns its end. */
static size_t byte_run(const struct tokenizer *t, const int32_t *id, size_t i, size_t n, struct buf *out)
{
    struct buf run = {0};
    for (; i < n && id[i] >= 0 && id[i] < t->vocab.n && t->later[id[i]].slow; i++)
        buf_addc(&run, (char)tok_byte_of(t, id[i]));
    for (size_t k = 0; k < run.len;) {
        uint32_t cp;
        int len = utf8_decode(run.data + k, run.len - k, &cp);
        if (len > 0) buf_add(out, run.data + k, (size_t)len);
        else buf_adds(out, "\xEF\xBF\xBD");
        k += len > 0 ? (size_t)len : 1;
    }
    if (run.oom) out->oom = true;
    buf_free(&run);
    return i;
}

size_t tok_later_decode(const struct tokenizer *t, const int32_t *id, size_t n, bool skip_special,
                        struct buf *out)
{
    const char *pool = t->later_pool.data ? t->later_pool.data : "";
    for (size_t i = 0; i < n;) {
        if (id[i] < 0 || id[i] >= t->vocab.n || !(t->vocab.v[id[i]].flags & VOCAB_USED)) return i;
        const struct tok_later *l = &t->later[id[i]];
        if (l->slow) {
            i = byte_run(t, id, i, n, out);
            continue;
        }
        i++;
        if (skip_special && (t->vocab.v[id[i - 1]].flags & VOCAB_SPECIAL)) continue;
        if (out->cap - out->len < (size_t)l->len + VECTOR + 1 &&
            !buf_reserve(out, (size_t)l->len + VECTOR + 1 + out->len / 2))
            return n;
        char *to = out->data + out->len;
        memcpy(to, pool + l->off, VECTOR);
        if (l->len > VECTOR) memcpy(to, pool + l->off, l->len);
        out->len += l->len;
        out->data[out->len] = 0;
    }
    return n;
}
