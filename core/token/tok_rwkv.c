/* RWKV's "world" vocabulary (rwkv_vocab_v20230424.txt): lines of an id, a
 * Python literal of text ('a', "b") or of bytes (b'\xff'), and the length of
 * its bytes.  Text is the longest token first, from left to right, over bytes:
 * WordPiece over the byte alphabet, without a prefix and with the whole text as
 * one word.  Id 0, which no line has, ends a text. */
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_lists.h"
#include "core/token/tok_members.h"

#define BYTES TOK_BYTE_LEVEL(false, false, false)

struct line {
    const char *p, *end;
    const char *name;
    size_t no;
};

static int bad(const struct line *l, const char *what, struct err *e)
{
    return err_set(e, ERR_DATA, "'%s':%zu: %s", l->name, l->no, what);
}

/* A number and what ends it: a space, or (stop 0) the end of the line. */
static int read_number(struct line *l, char stop, int64_t *v, struct err *e)
{
    const char *from = l->p;
    for (*v = 0; l->p < l->end && *l->p >= '0' && *l->p <= '9' && *v <= VOCAB_MAX_ID; l->p++) *v = 10 * *v + (*l->p - '0');
    if (l->p == from || *v > VOCAB_MAX_ID) return bad(l, "no number that can be an id or a length", e);
    bool ends = stop ? l->p < l->end && *l->p == stop : l->p == l->end;
    if (!ends) return bad(l, stop ? "no space behind the id" : "text behind the length", e);
    l->p += stop != 0;
    return 0;
}

/* Behind "\x", "\u" or "\U": so many digits. */
static int read_hex(struct line *l, int digits, uint32_t *v, struct err *e)
{
    *v = 0;
    for (int i = 0; i < digits; i++, l->p++) {
        int d = l->p < l->end ? hex_digit(*l->p) : -1;
        if (d < 0) return bad(l, "an escape without its hexadecimal digits", e);
        *v = *v << 4 | (uint32_t)d;
    }
    return 0;
}

/* At the character behind a backslash. */
static int read_escape(struct line *l, bool bytes, struct buf *out, struct err *e)
{
    static const char from[] = "nrtabfv0\\'\"", to[] = "\n\r\t\a\b\f\v\0\\'\"";
    char c = *l->p++, utf8[4];
    const char *plain = c ? strchr(from, c) : NULL;
    uint32_t v;
    if (plain) {
        buf_addc(out, to[plain - from]);
        return 0;
    }
    int digits = c == 'x' ? 2 : c == 'u' && !bytes ? 4 : c == 'U' && !bytes ? 8 : 0;
    if (!digits) return bad(l, "an escape that Python does not write", e);
    if (read_hex(l, digits, &v, e)) return -1;
    int n = bytes ? 0 : utf8_encode(v, utf8);
    if (bytes) buf_addc(out, (char)v);
    else if (n) buf_add(out, utf8, (size_t)n);
    else return bad(l, "an escape that is no character", e);
    return 0;
}

static int read_literal(struct line *l, struct buf *out, struct err *e)
{
    bool bytes = l->p < l->end && *l->p == 'b';
    l->p += bytes;
    char quote = l->p < l->end ? *l->p++ : 0;
    if (quote != '\'' && quote != '"') return bad(l, "no Python literal behind the id", e);
    while (l->p < l->end && *l->p != quote) {
        if (*l->p != '\\') buf_addc(out, *l->p++);
        else if (++l->p == l->end) break;
        else if (read_escape(l, bytes, out, e)) return -1;
    }
    if (l->p == l->end || l->end - l->p < 2 || l->p[1] != ' ') return bad(l, "no end of the literal, or no length behind it", e);
    l->p += 2;
    return 0;
}

static int add_line(struct line *l, struct buf *token, struct buf *spelled, struct vocab *v, struct err *e)
{
    int64_t id, len;
    token->len = 0;
    if (read_number(l, ' ', &id, e) || read_literal(l, token, e) || read_number(l, 0, &len, e)) return -1;
    if (id == 0) return bad(l, "id 0 is the end of a text, it has no line", e);
    if (token->len == 0 || (uint64_t)len != token->len) return bad(l, "the literal has another length than the line says", e);
    buf_clear(spelled);
    bytemap_spell(spelled, token->data, token->len);
    if (buf_ok(spelled, e) || buf_ok(token, e)) return -1;
    struct err inner;
    return vocab_add(v, id, spelled->data, spelled->len, VOCAB_MODEL, &inner) ? bad(l, inner.msg, e) : 0;
}

/* Else a text could have a part without a token, for which the end of a text would stand. */
static int check_bytes(const struct tokenizer *t, const char *name, struct err *e)
{
    for (int b = 0; b < 256; b++) {
        char text[4];
        if (vocab_find(&t->vocab, text, (size_t)utf8_encode(bytemap_char((uint8_t)b), text)) < 0)
            return err_set(e, ERR_DATA, "'%s': no token for the byte 0x%02x", name, (unsigned)b);
    }
    return 0;
}

bool tok_rwkv_looks_like(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && i < 10 && text[i] >= '0' && text[i] <= '9') i++;
    if (i == 0 || n - i < 3 || text[i++] != ' ') return false;
    i += text[i] == 'b';
    return text[i] == '\'' || text[i] == '"';
}

static struct tokenizer *build(const char *text, size_t n, const char *last, const char *name, struct err *e)
{
    struct buf json = {0}, token = {0}, spelled = {0};
    struct tokenizer *t = NULL;
    const char *end = text + n;
    struct line l = {.name = name};
    struct vocab v = {0};
    if (!vocab_reserve(&v, jlex_count(text, n, '\n') + 2, n)) {
        err_oom(e, n, "the vocabulary");
        return NULL;
    }
    if (vocab_add(&v, 0, last, strlen(last), VOCAB_MODEL, e)) goto out;
    buf_adds(&json, "{\"added_tokens\":[");
    tok_added_json(&json, 0, last, strlen(last), ADDED_SPECIAL);
    buf_adds(&json, "],"
                    "\"pre_tokenizer\":" BYTES ",\"decoder\":" BYTES ","
                    "\"model\":{\"type\":\"WordPiece\"");
    tok_string_json(&json, "unk_token", last);
    buf_adds(&json, ",\"continuing_subword_prefix\":\"\",\"max_input_chars_per_word\":2147483647,\"vocab\":{}}}");
    for (size_t len; tok_next_line(&text, end, &l.p, &len);) {
        l.end = l.p + len;
        l.no++;
        if (l.p < l.end && add_line(&l, &token, &spelled, &v, e)) goto out;
    }
    t = tok_parse_given(&json, &(struct tok_given){.vocab = &v}, name, e);
    if (t && check_bytes(t, name, e)) {
        tok_free(t);
        t = NULL;
    }
out:
    vocab_free(&v);
    buf_free(&json);
    buf_free(&token);
    buf_free(&spelled);
    return t;
}

struct tokenizer *tok_from_rwkv(const char *text, size_t n, const char *name, struct err *e)
{
    return build(text, n, "<|endoftext|>", name, e);
}

/* ---- in GGUF files: bytes escaped, as text ---- */

int tok_rwkv_add_escaped(struct buf *lines, int id, const char *s, size_t n, const char *name, struct err *e)
{
    size_t count = 0;
    tok_add_number(lines, id);
    buf_adds(lines, " b'");
    for (size_t i = 0; i < n; i++, count++) {
        int byte = (uint8_t)s[i];
        if (s[i] == '\\' && i + 1 < n) {
            char c = s[++i];
            byte = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : (uint8_t)c;
            if (c == 'x') {
                int high = i + 1 < n ? hex_digit(s[i + 1]) : -1, low = i + 2 < n ? hex_digit(s[i + 2]) : -1;
                if (high < 0 || low < 0) return err_set(e, ERR_DATA, "'%s': token %d has an escape without its hexadecimal digits", name, id);
                byte = high << 4 | low;
                i += 2;
            }
        }
        char escape[] = {'\\', 'x', "0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
        buf_add(lines, escape, sizeof escape);
    }
    buf_adds(lines, "' ");
    tok_add_number(lines, (int64_t)count);
    buf_addc(lines, '\n');
    return 0;
}

struct tokenizer *tok_from_rwkv_lines(const struct buf *lines, const char *last, const char *name, struct err *e)
{
    return build(buf_text(lines), lines->len, last, name, e);
}

bool tok_is_rwkv(const struct tokenizer *t)
{
    static const char bytes[] = BYTES;
    const char *pre = t->part[PART_PRE], *decoder = t->part[PART_DECODER];
    return t->source == SOURCE_JSON && t->model == MODEL_WORDPIECE && t->prefix && !*t->prefix && t->max_word_chars >= INT32_MAX &&
           t->norm.n == 0 && pre && strcmp(pre, bytes) == 0 && decoder && strcmp(decoder, bytes) == 0 && !t->part[PART_POST] &&
           t->n_added == 1 && t->added[0].id == 0 && t->added[0].special && !t->limits.truncate && !t->limits.pads;
}

/* As Python writes bytes. */
void tok_rwkv_escape(const struct tokenizer *t, int id, struct buf *out)
{
    size_t n;
    const char *s = tok_piece(t, id, &n);
    for (size_t i = 0; s && i < n; i++) {
        uint8_t c = (uint8_t)s[i];
        if (c == '\\') buf_adds(out, "\\\\");
        else if (c == '\t') buf_adds(out, "\\t");
        else if (c == '\n') buf_adds(out, "\\n");
        else if (c == '\r') buf_adds(out, "\\r");
        else if (c < 0x20 || c >= 0x7F) buf_printf(out, "\\x%02x", (unsigned)c);
        else buf_addc(out, (char)c);
    }
}
