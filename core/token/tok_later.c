/* What a token adds to a text that has begun, for decoders that look at one
 * token at a time: made once, when a text is first decoded, so that decoding is
 * copying. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_decode.h"
#include "core/token/tok_internal.h"

enum { VECTOR = 16 };

/* Texts that are replaced, bytes, all joined, and what is removed from the beginning: Llama's kind. */
static bool is_joined(const struct decode_chain *c)
{
    size_t i = 0;
    while (i < c->n && c->step[i].kind == DEC_REPLACE && !c->step[i].re && c->step[i].n_a) i++;
    if (i < c->n && c->step[i].kind == DEC_BYTE_FALLBACK) i++;
    if (i == 0 || i == c->n || c->step[i++].kind != DEC_FUSE) return false;
    return i == c->n || (i + 1 == c->n && c->step[i].kind == DEC_STRIP && c->step[i].stop == 0);
}

bool tok_by_token(const struct tokenizer *t)
{
    if (t->decoder.n != 1) return is_joined(&t->decoder);
    enum dec_kind k = t->decoder.step[0].kind;
    return k == DEC_WORDPIECE || k == DEC_METASPACE || k == DEC_SPM;
}

/* s with every character cp as a space. */
static void add_spaced(struct buf *out, const char *s, size_t n, uint32_t cp)
{
    char mark[4];
    size_t k = (size_t)utf8_encode(cp, mark), i = 0;
    if (!buf_reserve(out, n)) return;
    char *to = out->data + out->len;
    while (i < n) {
        bool here = s[i] == mark[0] && n - i >= k && memcmp(s + i, mark, k) == 0;
        *to++ = here ? ' ' : s[i];
        i += here ? k : 1;
    }
    *to = 0;
    out->len = (size_t)(to - out->data);
}

/* The general way, for the few tokens that cleaning up may change. */
static int add_slowly(const struct tokenizer *t, const char *s, size_t n, struct buf *out, struct err *e)
{
    struct dec_tokens v = {0};
    int ret = dec_tokens_add(&v, s, n, TOKEN_PLAIN, e) || decode_run(&t->decoder, &v, false, out, e) ? -1 : 0;
    dec_tokens_free(&v);
    return ret;
}

/* Through the replacements in front; work: of the caller. */
static int add_replaced(const struct decode_chain *c, const char *s, size_t n, struct buf work[2], struct buf *out, struct err *e)
{
    size_t begin = n;
    for (size_t i = 0; c->step[i].kind == DEC_REPLACE; i++) {
        const struct dec_step *st = &c->step[i];
        struct buf *to = &work[i & 1];
        const char *end = s + n, *p;
        buf_clear(to);
        for (; (p = memmem(s, (size_t)(end - s), st->a, st->n_a)); s = p + st->n_a) {
            buf_add(to, s, (size_t)(p - s));
            buf_add(to, st->b, st->n_b);
        }
        buf_add(to, s, (size_t)(end - s));
        if (buf_ok(to, e) || norm_check_growth(begin, to->len, "the decoder", e)) return -1;
        s = buf_text(to);
        n = to->len;
    }
    buf_add(out, s, n);
    return 0;
}

static int add_one(const struct tokenizer *t, int id, struct buf work[2], struct buf *out, struct err *e)
{
    const struct dec_step *st = &t->decoder.step[0];
    size_t n;
    const char *s = tok_said(t, id, &n);
    if (t->decoder.n > 1) return add_replaced(&t->decoder, s, n, work, out, e);
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

void tok_laters_free(struct tok_laters *l)
{
    if (l) buf_free(&l->pool);
    free(l);
}

static struct tok_laters *make(const struct tokenizer *t, struct err *e)
{
    size_t n = (size_t)t->vocab.n * sizeof(struct tok_later);
    struct tok_laters *l = mem_zalloc(1, sizeof *l + n);
    struct buf work[2] = {{0}};
    bool bytes = t->source == SOURCE_SPM;
    int ret = l ? 0 : err_oom(e, n, "token texts");
    if (l) buf_reserve(&l->pool, t->vocab.pool.len);
    if (l) l->joined = t->decoder.n > 1;
    for (size_t i = 0; i < t->decoder.n; i++) bytes = bytes || t->decoder.step[i].kind == DEC_BYTE_FALLBACK;
    for (int id = 0; ret == 0 && id < t->vocab.n; id++) {
        if (!(t->vocab.v[id].flags & VOCAB_USED)) continue;
        size_t from = l->pool.len;
        ret = add_one(t, id, work, &l->pool, e);
        struct tok_later *v = &l->v[id];
        v->off = (uint32_t)from;
        v->len = (uint32_t)(l->pool.len - from);
        const char *text = v->len ? l->pool.data + from : "";
        int byte = bytes ? l->joined ? dec_byte_of(text, v->len) : tok_byte_of(t, id) : -1;
        v->slow = byte >= 0;
        v->byte = (uint8_t)byte;
        v->whole = utf8_valid_prefix(text, v->len) == v->len;
    }
    buf_free(&work[0]);
    buf_free(&work[1]);
    if (ret == 0) {
        buf_reserve(&l->pool, VECTOR);
        ret = buf_ok(&l->pool, e);
    }
    if (ret == 0) return l;
    tok_laters_free(l);
    return NULL;
}

const struct tok_laters *tok_laters(const struct tokenizer *t, struct err *e)
{
    struct tok_laters *_Atomic *at = &((struct tokenizer *)(uintptr_t)t)->laters;
    struct tok_laters *have = atomic_load_explicit(at, memory_order_acquire), *mine;
    if (have || !(mine = make(t, e))) return have;
    if (atomic_compare_exchange_strong(at, &have, mine)) return mine;
    tok_laters_free(mine); /* another thread was first */
    return have;
}

/* What a run of bytes is: SentencePiece's, characters and a U+FFFD for each byte that is in none; others, text or a
 * U+FFFD for each. */
static void add_bytes(const struct buf *run, bool joined, struct buf *out)
{
    bool good = joined && utf8_valid_prefix(run->data, run->len) == run->len;
    for (size_t k = 0; k < run->len;) {
        uint32_t cp;
        int len = good || !joined ? utf8_decode(run->data + k, run->len - k, &cp) : 0;
        if (len > 0) buf_add(out, run->data + k, (size_t)len);
        else buf_adds(out, "\xEF\xBF\xBD");
        k += len > 0 ? (size_t)len : 1;
    }
}

static bool is_used(const struct tokenizer *t, int32_t id)
{
    return id >= 0 && id < t->vocab.n && (t->vocab.v[id].flags & VOCAB_USED);
}

/* Bytes of a run of byte tokens from i on; returns its end.  `run` is work space. */
static size_t byte_run(const struct tokenizer *t, const struct tok_laters *l, const int32_t *id, size_t i, size_t n,
                       bool skip_special, struct buf *run, struct buf *out)
{
    buf_clear(run);
    for (; i < n && is_used(t, id[i]); i++) {
        if (l->joined && skip_special && tok_is_skipped(t, id[i])) continue;
        if (!l->v[id[i]].slow) break;
        buf_addc(run, (char)l->v[id[i]].byte);
    }
    if (run->oom) out->oom = true;
    else add_bytes(run, l->joined, out);
    return i;
}

/* Tokens from i on that are no bytes; returns the first other one.  What was written is no reason to read anything again. */
static size_t copy_texts(const struct tokenizer *t, const struct tok_laters *l, const int32_t *id, size_t i, size_t n,
                         bool skip_special, struct buf *out)
{
    const char *pool = buf_text(&l->pool);
    char *data = out->data;
    size_t len = out->len, cap = out->cap;
    for (; i < n && is_used(t, id[i]); i++) {
        const struct tok_later *v = &l->v[id[i]];
        bool skip = skip_special && tok_is_skipped(t, id[i]);
        if (v->slow && !(skip && l->joined)) break;
        if (skip) continue;
        if (cap - len < (size_t)v->len + VECTOR + 1) {
            out->len = len;
            if (!buf_reserve(out, (size_t)v->len + VECTOR + 1 + len / 2)) return i;
            data = out->data;
            cap = out->cap;
        }
        memcpy(data + len, pool + v->off, VECTOR);
        if (v->len > VECTOR) memcpy(data + len, pool + v->off, v->len);
        len += v->len;
    }
    out->len = len;
    if (data) data[len] = '\0';
    return i;
}

size_t tok_later_decode(const struct tokenizer *t, const struct tok_laters *l, const int32_t *id, size_t n, bool skip_special,
                        struct buf *out)
{
    struct buf run = {0};
    size_t i = 0;
    while (i < n && is_used(t, id[i]) && !out->oom) {
        i = copy_texts(t, l, id, i, n, skip_special, out);
        if (i < n && is_used(t, id[i]) && !out->oom) i = byte_run(t, l, id, i, n, skip_special, &run, out);
    }
    buf_free(&run);
    return out->oom ? n : i;
}
