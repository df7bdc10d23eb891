#include "core/token/tok_members.h"

#include <string.h>

#include "core/base/decimal.h"
#include "core/token/score_text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

void tok_add_number(struct buf *out, int64_t id)
{
    if (!buf_reserve(out, DECIMAL_MOST)) return;
    out->len = (size_t)(decimal_put(out->data + out->len, (uint64_t)id) - out->data);
    out->data[out->len] = '\0';
}

void tok_add_id(struct buf *out, int64_t id)
{
    buf_addc(out, ':');
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

/* A token in quotes at `to`, where there is room for QUOTED bytes: to its end, or NULL where it is long or has
 * something to escape. */
enum { QUOTED = COPIED + 2 };
static inline char *put_text(char *to, const struct vocab *v, int id)
{
    size_t n;
    const char *s = vocab_text(v, id, &n);
    if (n > COPIED || v->pool.len - v->v[id].off < COPIED || !is_plain(s, n)) return NULL;
    *to++ = '"';
    memcpy(to, s, COPIED);
    to[n] = '"';
    return to + n + 1;
}

void tok_text_json(struct buf *out, const struct vocab *v, int id)
{
    size_t n;
    if (!buf_reserve(out, QUOTED)) return;
    char *end = put_text(out->data + out->len, v, id);
    const char *s = vocab_text(v, id, &n);
    if (end) out->len = (size_t)(end - out->data);
    else buf_add_json(out, s, n);
}

void tok_added_json(struct buf *out, int64_t id, const char *text, size_t n, unsigned flags)
{
    static const char *const key[] = {"single_word", "lstrip", "rstrip", "normalized", "special"};
    buf_adds(out, "{\"id\":");
    tok_add_number(out, id);
    buf_adds(out, ",\"content\":");
    buf_add_json(out, text, n);
    for (int i = 0; i < 5; i++) tok_bool_json(out, key[i], flags >> i & 1);
    buf_addc(out, '}');
}

void tok_bool_json(struct buf *out, const char *key, bool v)
{
    buf_adds(out, ",\"");
    buf_adds(out, key);
    buf_adds(out, v ? "\":true" : "\":false");
}

void tok_string_json(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, ",\"%s\":", key);
    buf_adds_json(out, text);
}

void tok_line_json(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, "\"%s\":", key);
    buf_adds_json(out, text);
    buf_adds(out, ",\n");
}

/* ,"token":id at once, where the token is a short one. */
static bool add_member(struct buf *out, const char *separator, size_t n, const struct vocab *v, int id)
{
    if (!buf_reserve(out, n + QUOTED + 1 + DECIMAL_MOST)) return false;
    char *to = out->data + out->len;
    memcpy(to, separator, n);
    if (!(to = put_text(to + n, v, id))) return false;
    *to++ = ':';
    out->len = (size_t)(decimal_put(to, (uint64_t)id) - out->data);
    return true;
}

void tok_ids_json(struct buf *out, const struct vocab *v, unsigned flags)
{
    const char *separator = "\n";
    buf_addc(out, '{');
    for (int id = 0; id < v->n; id++) {
        if (!(v->v[id].flags & flags)) continue;
        if (!add_member(out, separator, strlen(separator), v, id)) {
            buf_adds(out, separator);
            tok_text_json(out, v, id);
            tok_add_id(out, id);
        }
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
    buf_adds(out, "\"model\":{\"type\":\"WordPiece\"");
    tok_string_json(out, "unk_token", unk);
    buf_adds(out, ",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,");
    tok_vocab_json(out, v, VOCAB_MODEL);
    buf_addc(out, '}');
}

void tok_scored_json(struct buf *out, const struct vocab *v, unsigned flags, const double *score)
{
    const char *begin = "\n[";
    buf_adds(out, "\"vocab\":[");
    for (int id = 0; id < v->n; id++) {
        if (!(v->v[id].flags & flags)) continue;
        char number[32];
        score_print(score[id], number, sizeof number);
        buf_adds(out, begin);
        tok_text_json(out, v, id);
        buf_printf(out, ",%s]", number);
        begin = ",\n[";
    }
    buf_addc(out, ']');
}

void tok_pair_json(struct buf *out, const char *left, size_t n_left, const char *right, size_t n_right)
{
    buf_addc(out, '[');
    buf_add_json(out, left, n_left);
    buf_addc(out, ',');
    buf_add_json(out, right, n_right);
    buf_addc(out, ']');
}

/* ,["left","right"] at once, where both are short ones. */
static bool add_pair(struct buf *out, const char *begin, size_t n, const struct vocab *v, const struct bpe_merge *m)
{
    if (!buf_reserve(out, n + 2 * QUOTED + 2)) return false;
    char *to = out->data + out->len;
    memcpy(to, begin, n);
    if (!(to = put_text(to + n, v, m->left))) return false;
    *to++ = ',';
    if (!(to = put_text(to, v, m->right))) return false;
    *to++ = ']';
    out->len = (size_t)(to - out->data);
    return true;
}

void tok_pairs_json(struct buf *out, const struct vocab *v, const struct bpe_merge *merge, size_t n)
{
    buf_adds(out, "\"merges\":[");
    for (size_t i = 0; i < n; i++) {
        const char *begin = i ? ",\n[" : "\n[";
        if (add_pair(out, begin, strlen(begin), v, &merge[i])) continue;
        buf_adds(out, begin);
        tok_text_json(out, v, merge[i].left);
        buf_addc(out, ',');
        tok_text_json(out, v, merge[i].right);
        buf_addc(out, ']');
    }
    buf_addc(out, ']');
}

void tok_replace_json(struct buf *out, const char *kind, const char *pattern, const char *by)
{
    buf_printf(out, "{\"type\":\"Replace\",\"pattern\":{\"%s\":", kind);
    buf_adds_json(out, pattern);
    buf_adds(out, "},\"content\":");
    buf_adds_json(out, by);
    buf_addc(out, '}');
}

void tok_split_json(struct buf *out, const char *kind, const char *pattern, const char *behavior, bool invert)
{
    buf_printf(out, "{\"type\":\"Split\",\"pattern\":{\"%s\":", kind);
    buf_adds_json(out, pattern);
    buf_printf(out, "},\"behavior\":\"%s\"", behavior);
    tok_bool_json(out, "invert", invert);
    buf_addc(out, '}');
}

void tok_split_bytes_json(struct buf *out, const char *regex)
{
    buf_adds(out, "{\"type\":\"Sequence\",\"pretokenizers\":[");
    tok_split_json(out, "Regex", regex, "Isolated", false);
    buf_adds(out, "," TOK_BYTE_LEVEL(false, true, false) "]}");
}

void tok_bert_post_json(struct buf *out, int cls, int sep)
{
    buf_adds(out, "\"post_processor\":");
    if (cls < 0 || sep < 0) buf_adds(out, "null");
    else buf_printf(out, "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",%d],\"cls\":[\"[CLS]\",%d]}", sep, cls);
}
