#include "core/token/decode.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/char_index.h"
#include "core/token/moses.h"
#include "core/token/normalize.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

static const char space_symbol[] = "\xE2\x96\x81"; /* U+2581 */
static const char replacement[] = "\xEF\xBF\xBD";

void decode_chain_free(struct decode_chain *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->step[i].a);
        free(c->step[i].b);
        free(c->step[i].space);
        regex_free(c->step[i].re);
    }
    free(c->step);
    *c = (struct decode_chain){0};
}

struct dec_step *decode_chain_add(struct decode_chain *c, enum dec_kind kind, struct err *e)
{
    struct dec_step *p = mem_resize(c->step, c->n + 1, sizeof *p);
    if (!p) {
        err_oom(e, (c->n + 1) * sizeof *p, "decoders");
        return NULL;
    }
    c->step = p;
    p[c->n] = (struct dec_step){.kind = kind};
    return &p[c->n++];
}

void dec_tokens_free(struct dec_tokens *v)
{
    buf_free(&v->text);
    free(v->end);
    free(v->kind);
    *v = (struct dec_tokens){0};
}

int dec_tokens_add(struct dec_tokens *v, const char *text, size_t n, enum dec_token kind,
                   struct err *e)
{
    if (v->n == v->cap) {
        size_t cap = v->cap ? 2 * v->cap : 64;
        if (!mem_renew(&v->end, cap, sizeof *v->end) || !mem_renew(&v->kind, cap, 1))
            return err_oom(e, cap * sizeof *v->end, "tokens");
        v->cap = cap;
    }
    buf_add(&v->text, text, n);
    v->end[v->n] = v->text.len;
    v->kind[v->n++] = (uint8_t)kind;
    return buf_ok(&v->text, e);
}

struct token {
    const char *text;
    size_t n;
};

static struct token get(const struct dec_tokens *v, size_t i)
{
    size_t begin = i ? v->end[i - 1] : 0;
    return (struct token){v->text.data ? v->text.data + begin : "", v->end[i] - begin};
}

/* A step reads one list and writes another. */
struct dec_io {
    const struct dec_step *st;
    const struct dec_tokens *in;
    struct dec_tokens *out;
    bool first, joined;      /* joined: the only token is the text so far */
    bool last;               /* no step behind this one looks at the text */
    struct regex_work *work;
    struct buf tmp, tmp2;
    struct err *e;
};

static int put(struct dec_io *io, const char *s, size_t n)
{
    return dec_tokens_add(io->out, s, n, TOKEN_PLAIN, io->e);
}

static int put_buf(struct dec_io *io, const struct buf *b)
{
    return put(io, buf_text(b), b->len);
}

static void swap_bufs(struct buf *a, struct buf *b)
{
    struct buf swap = *a;
    *a = *b;
    *b = swap;
}

/* ---- the steps ---- */

/* s with every `from` replaced by `to`, into out. */
static void replace_all(const char *s, size_t n, const char *from, size_t n_from, const char *to,
                        size_t n_to, struct buf *out)
{
    const char *end = s + n, *p;
    buf_clear(out);
    while (n_from && (p = memmem(s, (size_t)(end - s), from, n_from))) {
        buf_add(out, s, (size_t)(p - s));
        buf_add(out, to, n_to);
        s = p + n_from;
    }
    buf_add(out, s, (size_t)(end - s));
}

/* What English needs after words were joined with spaces. */
static void clean_up(struct buf *text, struct buf *tmp)
{
    static const char *const rules[][2] = {
        {" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"},
        {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        replace_all(buf_text(text), text->len, rules[i][0], strlen(rules[i][0]), rules[i][1],
                    strlen(rules[i][1]), tmp);
        swap_bufs(text, tmp);
    }
}

static int wordpiece(struct dec_io *io)
{
    const struct dec_step *st = io->st;
    for (size_t i = 0; i < io->in->n; i++) {
        struct token t = get(io->in, i);
        buf_clear(&io->tmp);
        if (i || !io->first) {
            if (t.n >= st->n_a && memcmp(t.text, st->a, st->n_a) == 0) {
                t.text += st->n_a;
                t.n -= st->n_a;
            } else {
                buf_addc(&io->tmp, ' ');
            }
        }
        buf_add(&io->tmp, t.text, t.n);
        if (st->cleanup) clean_up(&io->tmp, &io->tmp2);
        if (put_buf(io, &io->tmp)) return -1;
    }
    return 0;
}

static int metaspace(struct dec_io *io)
{
    char bytes[4];
    size_t n = (size_t)utf8_encode(io->st->cp, bytes);
    for (size_t i = 0; i < io->in->n; i++) {
        struct token t = get(io->in, i);
        bool drop = i == 0 && io->first && !io->st->keep_first;
        replace_all(t.text, t.n, bytes, n, " ", drop ? 0 : 1, &io->tmp);
        if (put_buf(io, &io->tmp)) return -1;
    }
    return 0;
}

static int bpe(struct dec_io *io)
{
    for (size_t i = 0; i < io->in->n; i++) {
        struct token t = get(io->in, i);
        replace_all(t.text, t.n, io->st->a, io->st->n_a, " ", i + 1 < io->in->n, &io->tmp);
        if (put_buf(io, &io->tmp)) return -1;
    }
    return 0;
}

static int ctc(struct dec_io *io)
{
    const struct dec_step *st = io->st;
    for (size_t i = 0; i < io->in->n; i++) {
        struct token t = get(io->in, i), last = i ? get(io->in, i - 1) : (struct token){"", 0};
        if (i && t.n == last.n && memcmp(t.text, last.text, t.n) == 0) continue;
        replace_all(t.text, t.n, st->a, st->n_a, "", 0, &io->tmp);
        if (st->cleanup) {
            clean_up(&io->tmp, &io->tmp2);
            replace_all(buf_text(&io->tmp), io->tmp.len, st->b, st->n_b, " ", 1, &io->tmp2);
            swap_bufs(&io->tmp, &io->tmp2);
        }
        if (io->tmp.len && put(io, io->tmp.data, io->tmp.len)) return -1;
    }
    return 0;
}

static int replace_regex(struct dec_io *io, struct token t)
{
    struct regex_iter it = {.last = SIZE_MAX};
    size_t begin, end, done = 0;
    int found;
    buf_clear(&io->tmp);
    if (!io->work && !(io->work = regex_work_new(io->e))) return -1;
    while ((found = regex_next(io->st->re, io->work, (const uint8_t *)t.text, t.n, &it, &begin, &end,
                               io->e)) > 0) {
        buf_add(&io->tmp, t.text + done, begin - done);
        buf_add(&io->tmp, io->st->b, io->st->n_b);
        done = end;
    }
    buf_add(&io->tmp, t.text + done, t.n - done);
    return found;
}

static int replace(struct dec_io *io)
{
    const struct dec_step *st = io->st;
    for (size_t i = 0; i < io->in->n; i++) {
        struct token t = get(io->in, i);
        if (!t.n) buf_clear(&io->tmp); /* nothing is found in an empty token */
        else if (!st->re) replace_all(t.text, t.n, st->a, st->n_a, st->b, st->n_b, &io->tmp);
        else if (replace_regex(io, t)) return -1;
        if (put_buf(io, &io->tmp)) return -1;
    }
    return 0;
}

static int strip(struct dec_io *io)
{
    char bytes[4];
    size_t n = (size_t)utf8_encode(io->st->cp, bytes);
    for (size_t i = 0; i < io->in->n; i++) {
        struct token t = get(io->in, i);
        bool begins = io->first || !io->joined; /* else the beginning has passed */
        for (size_t k = 0; k < io->st->start && begins; k++) {
            if (t.n < n || memcmp(t.text, bytes, n)) break;
            t.text += n;
            t.n -= n;
        }
        for (size_t k = 0; k < io->st->stop; k++) {
            if (t.n < n || memcmp(t.text + t.n - n, bytes, n)) break;
            t.n -= n;
        }
        if (put(io, t.text, t.n)) return -1;
    }
    return 0;
}

int dec_byte_of(const char *text, size_t n)
{
    if (n != 6 || memcmp(text, "<0x", 3) || text[5] != '>') return -1;
    int high = hex_digit(text[3]), low = hex_digit(text[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* A run of byte tokens: text when it is UTF-8, else a U+FFFD a byte. */
static int put_bytes(struct dec_io *io, struct buf *run)
{
    size_t n = run->len;
    if (n == 0) return 0;
    bool good = utf8_valid_prefix(run->data, n) == n;
    for (size_t i = 0; i < n && !good; i++)
        if (put(io, replacement, 3)) return -1;
    if (good && put(io, run->data, n)) return -1;
    buf_clear(run);
    return 0;
}

static int byte_fallback(struct dec_io *io)
{
    struct buf *run = &io->tmp;
    buf_clear(run);
    for (size_t i = 0; i < io->in->n; i++) {
        struct token t = get(io->in, i);
        int b = dec_byte_of(t.text, t.n);
        if (b >= 0) {
            buf_addc(run, (char)b);
            continue;
        }
        if (put_bytes(io, run) || put(io, t.text, t.n)) return -1;
    }
    return put_bytes(io, run);
}

/* All tokens joined, from their spelling to bytes; for further steps those are text, as in the engine. */
static int byte_level(struct dec_io *io)
{
    struct buf *b = &io->tmp;
    buf_clear(b);
    for (size_t i = 0; i < io->in->n; i++) {
        struct token t = get(io->in, i);
        if (!buf_reserve(b, t.n)) return buf_ok(b, io->e);
        long n = bytemap_unspell(t.text, t.n, (uint8_t *)b->data + b->len);
        if (n >= 0) b->len += (size_t)n;
        else buf_add(b, t.text, t.n);
    }
    if (io->last) return put_buf(io, b);
    buf_clear(&io->tmp2);
    utf8_add_lossy(&io->tmp2, buf_text(b), b->len);
    return put_buf(io, &io->tmp2);
}

static int fuse(struct dec_io *io)
{
    return put_buf(io, &io->in->text);
}

/* ---- SentencePiece ---- */

/* Characters of a run of byte pieces; a byte that is part of none is U+FFFD. */
static void spm_bytes(const char *s, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = utf8_decode(s + i, n - i, &cp);
        if (len > 0) buf_add(out, s + i, (size_t)len);
        else buf_adds(out, replacement);
        i += len > 0 ? (size_t)len : 1;
    }
}

/* Tokens [from, to), where *begin says whether nothing came before. */
static void spm_tokens(struct dec_io *io, size_t from, size_t to, bool *begin, struct buf *out)
{
    const struct dec_step *st = io->st;
    struct buf *run = &io->tmp;
    size_t empty = out->len;
    bool seen = false; /* white space that a dummy prefix stands for */
    buf_clear(run);
    for (size_t i = from; i < to; i++) {
        struct token t = get(io->in, i);
        enum dec_token kind = (enum dec_token)io->in->kind[i];
        if (kind == TOKEN_BYTE) {
            buf_addc(run, (char)dec_byte_of(t.text, t.n));
            continue;
        }
        spm_bytes(buf_text(run), run->len, out);
        buf_clear(run);
        if (seen || out->len > empty) *begin = false;
        seen = false;
        if (kind == TOKEN_CONTROL) continue;
        if (kind == TOKEN_UNKNOWN || kind == TOKEN_RAW) {
            buf_add(out, kind == TOKEN_RAW ? t.text : st->a, kind == TOKEN_RAW ? t.n : st->n_a);
            continue;
        }
        if (*begin && !st->keep_first && t.n >= 3 && memcmp(t.text, space_symbol, 3) == 0) {
            t.text += 3;
            t.n -= 3;
            seen = !st->trim_all;
        }
        struct buf text = {0};
        replace_all(t.text, t.n, space_symbol, 3, " ", 1, &text);
        buf_add(out, buf_text(&text), text.len);
        if (text.oom) out->oom = true;
        buf_free(&text);
    }
    spm_bytes(buf_text(run), run->len, out);
    if (seen || out->len > empty) *begin = false;
}

static int spm(struct dec_io *io)
{
    struct buf *out = &io->tmp2;
    bool begin = io->first;
    buf_clear(out);
    spm_tokens(io, 0, io->in->n, &begin, out);
    return put_buf(io, out);
}

static void strip_text(const char **s, size_t *n)
{
    struct uni_char c;
    for (; *n; *s += c.len, *n -= c.len)
        if (!uni_is_python_space(c = uni_next((const uint8_t *)*s, *n))) break;
    for (; *n; *n -= c.len)
        if (!uni_is_python_space(c = uni_prev((const uint8_t *)*s, *n))) break;
}

/* The classes of transformers: what is between special tokens is a text of its own for SentencePiece. */
static void pieces_texts(struct dec_io *io, struct buf *out)
{
    unsigned ways = io->st->ways;
    const struct dec_tokens *in = io->in;
    for (size_t i = 0, end; i < in->n; i = end + 1) {
        for (end = i; end < in->n && in->kind[end] != TOKEN_SPECIAL;) end++;
        bool special = end < in->n, begin = true;
        if (special && (ways & PIECES_SPACE_BEFORE) && (i == 0 || end > i)) buf_addc(out, ' ');
        spm_tokens(io, i, end, &begin, out);
        if (!special) break;
        struct token t = get(in, end);
        buf_add(out, t.text, t.n);
        if (ways & PIECES_SPACE_AFTER) buf_addc(out, ' ');
    }
}

/* " ".join(), and without "@@ " or " ##". */
static void pieces_words(struct dec_io *io, struct buf *out)
{
    static const char *const without[] = {"@@ ", " ##", ""};
    const char *what = without[io->st->ways & PIECES_WORDS ? 0 : io->st->ways & PIECES_WORDPIECES ? 1 : 2];
    struct buf *all = &io->tmp;
    buf_clear(all);
    for (size_t i = 0; i < io->in->n; i++) {
        struct token t = get(io->in, i);
        if (i) buf_addc(all, ' ');
        buf_add(all, t.text, t.n);
    }
    replace_all(buf_text(all), all->len, what, strlen(what), "", 0, out);
}

/* "</w>" is a space; and (moses) no other ones stay. */
static int pieces_suffixes(struct dec_io *io, bool moses, struct buf *out)
{
    struct buf *all = &io->tmp, words = {0};
    buf_clear(all);
    for (size_t i = 0; i < io->in->n; i++) {
        struct token t = get(io->in, i);
        for (size_t k = 0; k < t.n; k++)
            if (!moses || t.text[k] != ' ') buf_addc(all, t.text[k]);
    }
    replace_all(buf_text(all), all->len, "</w>", 4, " ", 1, moses ? &words : out);
    int ret = buf_ok(&words, io->e);
    if (moses && ret == 0) ret = moses_join(buf_text(&words), words.len, (enum moses_language)io->st->language, out, io->e);
    buf_free(&words);
    return ret;
}

static bool is_text(struct token t, const char *s, size_t n)
{
    return s && t.n == n && memcmp(t.text, s, n) == 0;
}

/* Runs of a token are one, pads between them are nothing. */
static void pieces_ctc(struct dec_io *io, struct buf *out)
{
    const struct dec_step *st = io->st;
    for (size_t i = 0; i < io->in->n; i++) {
        struct token t = get(io->in, i), last = i ? get(io->in, i - 1) : (struct token){NULL, 0};
        if (is_text(t, last.text, last.n) || is_text(t, st->a, st->n_a)) continue;
        bool between = is_text(t, st->b, st->n_b);
        buf_add(out, between ? st->space : t.text, between ? st->n_space : t.n);
    }
}

static int pieces(struct dec_io *io)
{
    unsigned ways = io->st->ways;
    struct buf *out = &io->tmp2;
    buf_clear(out);
    if (ways & (PIECES_SUFFIXES | PIECES_MOSES)) {
        if (pieces_suffixes(io, ways & PIECES_MOSES, out)) return -1;
    } else if (ways & (PIECES_WORDS | PIECES_WORDPIECES | PIECES_SPACED)) {
        pieces_words(io, out);
    } else if (ways & PIECES_CTC) {
        pieces_ctc(io, out);
    } else if (ways & PIECES_JOINED) {
        buf_add(out, buf_text(&io->in->text), io->in->text.len);
    } else {
        pieces_texts(io, out);
    }
    if (out->oom) return buf_ok(out, io->e);
    if (ways & (PIECES_JOINED | PIECES_BARS)) {
        replace_all(buf_text(out), out->len, space_symbol, 3, " ", 1, &io->tmp);
        out = &io->tmp;
    }
    const char *s = buf_text(out);
    size_t n = out->len;
    if (ways & PIECES_STRIP) strip_text(&s, &n);
    return put(io, s, n);
}

int decode_piece(const struct dec_step *st, const char *text, size_t n, enum dec_token kind, bool *begin, struct buf *out, struct err *e)
{
    struct dec_tokens one = {0};
    struct dec_io io = {.st = st, .in = &one, .e = e};
    bool special = kind == TOKEN_SPECIAL, joined = st->ways & PIECES_JOINED;
    int ret = dec_tokens_add(&one, text, n, kind, e);
    if (ret == 0 && !special && !joined) spm_tokens(&io, 0, 1, begin, &io.tmp2);
    else buf_add(&io.tmp2, text, n);
    if (special && (st->ways & PIECES_SPACE_AFTER)) buf_addc(&io.tmp2, ' ');
    if (special) *begin = true;
    bool bars = st->ways & (PIECES_JOINED | PIECES_BARS);
    if (io.tmp2.len) replace_all(io.tmp2.data, io.tmp2.len, space_symbol, bars ? 3 : 0, " ", 1, &io.tmp);
    if (io.tmp.len) buf_add(out, io.tmp.data, io.tmp.len);
    if (ret == 0) ret = buf_ok(&io.tmp, e) || buf_ok(&io.tmp2, e) ? -1 : 0;
    dec_tokens_free(&one);
    buf_free(&io.tmp);
    buf_free(&io.tmp2);
    return ret;
}

static int run_step(struct dec_io *io)
{
    switch (io->st->kind) {
    case DEC_BYTE_LEVEL: return byte_level(io);
    case DEC_WORDPIECE: return wordpiece(io);
    case DEC_METASPACE: return metaspace(io);
    case DEC_BPE: return bpe(io);
    case DEC_CTC: return ctc(io);
    case DEC_REPLACE: return replace(io);
    case DEC_FUSE: return fuse(io);
    case DEC_STRIP: return strip(io);
    case DEC_BYTE_FALLBACK: return byte_fallback(io);
    case DEC_SPM: return spm(io);
    case DEC_PIECES: return pieces(io);
    }
    return -1;
}

int decode_run(const struct decode_chain *c, struct dec_tokens *v, bool first, struct buf *out,
               struct err *e)
{
    struct dec_tokens other = {0};
    struct dec_io io = {.first = first, .e = e};
    size_t n = v->text.len;
    int ret = 0;
    for (size_t i = 0; i < c->n && ret == 0; i++) {
        buf_clear(&other.text);
        other.n = 0;
        io.st = &c->step[i];
        io.in = v;
        io.out = &other;
        io.last = true;
        for (size_t k = i + 1; k < c->n; k++) io.last = io.last && c->step[k].kind == DEC_FUSE;
        ret = run_step(&io);
        if (io.st->kind == DEC_FUSE || io.st->kind == DEC_BYTE_LEVEL || io.st->kind == DEC_SPM) io.joined = true;
        if (ret == 0) ret = norm_check_growth(n, other.text.len, "the decoder", e);
        if (ret == 0) ret = io.tmp.oom ? buf_ok(&io.tmp, e) : io.tmp2.oom ? buf_ok(&io.tmp2, e) : 0;
        struct dec_tokens swap = *v;
        *v = other;
        other = swap;
    }
    for (size_t i = 0; i < v->n && ret == 0; i++) {
        struct token t = get(v, i);
        if (c->n == 0 && (i || !first)) buf_addc(out, ' ');
        buf_add(out, t.text, t.n);
    }
    dec_tokens_free(&other);
    buf_free(&io.tmp);
    buf_free(&io.tmp2);
    regex_work_free(io.work);
    return ret ? -1 : buf_ok(out, e);
}
