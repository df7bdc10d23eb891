#include "core/token/tok_members.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Appends s[0..n), of which `copied` bytes are readable: so much is copied where there is room, which needs no call. */
static inline void add_short(struct buf *out, const char *s, size_t n, size_t copied)
{
    if (!out->oom && out->cap - out->len > copied && n <= copied) {
        memcpy(out->data + out->len, s, copied);
        out->len += n;
    } else {
        buf_add(out, s, n);
    }
}

void tok_add_number(struct buf *out, int64_t id)
{
    char text[24], *p = text + sizeof text;
    do *--p = (char)('0' + id % 10);
    while (id /= 10);
    buf_add(out, p, (size_t)(text + sizeof text - p));
}

void tok_add_id(struct buf *out, int64_t id)
{
    add_short(out, ":", 1, 1);
    tok_add_number(out, id);
}

enum { COPIED = 16 };

/* Whether there is nothing to escape in s[0..n), of which COPIED bytes are readable. */
static inline bool is_plain(const char *s, size_t n)
{
#if defined(__SSE2__)
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)s), last = _mm_set1_epi8(0x1f);
    __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
    odd = _mm_or_si128(odd, _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f)));
    odd = _mm_or_si128(odd, _mm_cmpeq_epi8(_mm_max_epu8(x, last), last));
    return ((unsigned)_mm_movemask_epi8(odd) & ((1u << n) - 1)) == 0;
#else
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) return false;
    }
    return true;
#endif
}

void tok_text_json(struct buf *out, const struct vocab *v, int id)
{
    size_t n;
    const char *s = vocab_text(v, id, &n);
    if (n > COPIED || v->pool.len - v->v[id].off < COPIED || !is_plain(s, n)) {
        buf_add_json(out, s, n);
        return;
    }
    add_short(out, "\"", 1, 1);
    add_short(out, s, n, COPIED);
    add_short(out, "\"", 1, 1);
}

void tok_added_json(struct buf *out, int64_t id, const char *text, size_t n, unsigned flags)
{
    static const char *const key[] = {"single_word", "lstrip", "rstrip", "normalized", "special"};
    buf_adds(out, "{\"id\":");
    tok_add_number(out, id);
    buf_adds(out, ",\"content\":");
    buf_add_json(out, text, n);
    for (int i = 0; i < 5; i++) buf_printf(out, ",\"%s\":%s", key[i], flags >> i & 1 ? "true" : "false");
    buf_addc(out, '}');
}

void tok_ids_json(struct buf *out, const struct vocab *v, unsigned flags)
{
    const char *separator = "\n";
    buf_addc(out, '{');
    for (int id = 0; id < v->n; id++) {
        if (!(v->v[id].flags & flags)) continue;
        buf_adds(out, separator);
        tok_text_json(out, v, id);
        tok_add_id(out, id);
        separator = ",\n";
    }
    buf_addc(out, '}');
}

void tok_vocab_json(struct buf *out, const struct vocab *v, unsigned flags)
{
    buf_adds(out, "\"vocab\":");
    tok_ids_json(out, v, flags);
}

void tok_wordpiece_json(struct buf *out, const struct vocab *v, const char *unk)
{
    buf_adds(out, "\"model\":{\"type\":\"WordPiece\",\"unk_token\":");
    buf_add_json(out, unk, strlen(unk));
    buf_adds(out, ",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,");
    tok_vocab_json(out, v, VOCAB_MODEL);
    buf_addc(out, '}');
}

void tok_pairs_json(struct buf *out, const struct vocab *v, const struct bpe_merge *merge, size_t n)
{
    buf_adds(out, "\"merges\":[");
    for (size_t i = 0; i < n; i++) {
        buf_adds(out, i ? ",\n[" : "\n[");
        tok_text_json(out, v, merge[i].left);
        add_short(out, ",", 1, 1);
        tok_text_json(out, v, merge[i].right);
        add_short(out, "]", 1, 1);
    }
    buf_addc(out, ']');
}

void tok_bert_post_json(struct buf *out, int cls, int sep)
{
    buf_adds(out, "\"post_processor\":");
    if (cls < 0 || sep < 0) buf_adds(out, "null");
    else buf_printf(out, "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",%d],\"cls\":[\"[CLS]\",%d]}", sep, cls);
}
