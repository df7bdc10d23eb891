/* Ids to text, whole or as they come. */
#include <string.h>

#include "core/base/json.h"
#include "core/token/tok_decode.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_pieces.h"

int tok_vocab_size(const struct tokenizer *t)
{
    return t->vocab.n;
}

int tok_id(const struct tokenizer *t, const char *token)
{
    return vocab_find(&t->vocab, token, strlen(token));
}

const char *tok_piece(const struct tokenizer *t, int id, size_t *n)
{
    if (id < 0 || id >= t->vocab.n || !(t->vocab.v[id].flags & VOCAB_USED)) return NULL;
    *n = t->bytes[id].len;
    return t->byte_pool + t->bytes[id].off;
}

const char *tok_spelling(const struct tokenizer *t, int id, size_t *n)
{
    if (id < 0 || id >= t->vocab.n || !(t->vocab.v[id].flags & VOCAB_USED)) return NULL;
    return vocab_text(&t->vocab, id, n);
}

const char *tok_said(const struct tokenizer *t, int id, size_t *n)
{
    for (size_t i = 0; t->has_forms && (t->vocab.v[id].flags & VOCAB_ADDED) && i < t->n_added; i++) {
        const struct tok_added *a = &t->added[i];
        if (a->id == id && a->form) return *n = a->form_len, a->form;
    }
    return vocab_text(&t->vocab, id, n);
}

bool tok_is_special(const struct tokenizer *t, int id)
{
    return id >= 0 && id < t->vocab.n && (t->vocab.v[id].flags & VOCAB_SPECIAL);
}

int tok_bos(const struct tokenizer *t)
{
    return t->bos;
}

int tok_eos(const struct tokenizer *t)
{
    return t->eos;
}

const char *tok_note(const struct tokenizer *t)
{
    return t->note;
}

void tok_summary(const struct tokenizer *t, struct tok_summary *out)
{
    static const char *const models[] = {"", "WordPiece", "Unigram", "WordLevel"};
    struct tok_summary inner;
    *out = (struct tok_summary){.split = TOK_SPLIT_STEPS, .tokens = t->vocab.used, .merges = t->bpe.n_merges,
                                .added = t->n_added, .longest = -1};
    if ((t->fast_split && !t->by_rule) || t->pre.n == 0) out->split = split_name(t->split);
    if (t->source == SOURCE_TIKTOKEN) out->split = t->source_split;
    if (t->model != MODEL_BPE) out->type = models[t->model];
    else out->type = t->byte_level ? "byte-level BPE" : t->bpe.n_merges ? "character BPE" : "characters";
    if (t->pieces) {
        tok_summary(t->pieces->side[SIDE_SOURCE].t, &inner);
        out->type = inner.type;
        out->split = inner.split;
        out->merges = inner.merges;
    }
    if (t->source == SOURCE_SPM)
        out->type = t->model == MODEL_UNIGRAM     ? "SentencePiece unigram"
                    : t->model == MODEL_WORDLEVEL ? "SentencePiece words"
                    : t->bpe.n_merges || t->has_unused ? "SentencePiece BPE"
                                              : "SentencePiece characters";
    for (int id = 0; id < t->vocab.n; id++) {
        if (tok_is_special(t, id) || t->bytes[id].len <= out->longest_bytes) continue;
        out->longest = id;
        out->longest_bytes = t->bytes[id].len;
    }
}

void tok_summary_json(const struct tok_summary *s, struct buf *out)
{
    buf_printf(out, "\"type\":\"%s\",\"split\":", s->type);
    buf_add_json(out, s->split, strlen(s->split));
}

int tok_bad_id(const struct tokenizer *t, int32_t id, size_t at, struct err *e)
{
    if (id >= 0 && id < t->vocab.n)
        return err_set(e, ERR_DATA, "token id %d at position %zu is a hole in the vocabulary",
                       (int)id, at);
    return err_set(e, ERR_DATA, "token id %d at position %zu is out of range (the vocabulary has "
                                "ids 0 to %d)",
                   (int)id, at, t->vocab.n - 1);
}

/* Text one after the other: room is made for a batch at a time, and short
 * tokens are copied as one vector. */
static int decode_fused(const struct tokenizer *t, const int32_t *id, size_t n, struct buf *out,
                        struct err *e)
{
    enum { VECTOR = 16 };
    for (size_t i = 0; i < n;) {
        size_t end = n - i > 64 ? i + 64 : n, room = VECTOR;
        for (size_t k = i; k < end; k++) {
            if (id[k] < 0 || id[k] >= t->vocab.n || t->bytes[id[k]].off == TOK_HOLE)
                return tok_bad_id(t, id[k], k, e);
            room += t->bytes[id[k]].len;
        }
        if (!buf_reserve(out, room)) return buf_ok(out, e);
        char *to = out->data + out->len;
        for (; i < end; i++) {
            const struct tok_bytes *b = &t->bytes[id[i]];
            const char *from = t->byte_pool + b->off;
            memcpy(to, from, VECTOR);
            if (b->len > VECTOR) memcpy(to, from, b->len);
            to += b->len;
        }
        out->len = (size_t)(to - out->data);
        out->data[out->len] = 0;
    }
    return buf_ok(out, e);
}

enum dec_token tok_kind_to_decode(const struct tokenizer *t, int32_t id)
{
    if (t->pieces) return (enum dec_token)t->pieces->kind[id];
    if (t->source != SOURCE_SPM) return TOKEN_PLAIN;
    if (t->vocab.v[id].flags & VOCAB_SPECIAL) return TOKEN_CONTROL;
    if (id == t->unk_id) return TOKEN_UNKNOWN;
    return tok_byte_of(t, id) >= 0 ? TOKEN_BYTE : TOKEN_PLAIN;
}

/* What FSMT says has a vocabulary of its own, in which ids without a token are unknown words. */
static const char *spoken(const struct tokenizer *t, int32_t id, size_t *n)
{
    const struct vocab *v = &t->pieces->spoken;
    if (id < 0 || (id >= v->n && id >= t->vocab.n)) return NULL;
    bool added = id < t->vocab.n && (t->vocab.v[id].flags & VOCAB_ADDED);
    if (!added && id < v->n && (v->v[id].flags & VOCAB_USED)) return vocab_text(v, id, n);
    return vocab_text(&t->vocab, added ? id : t->unk_id, n);
}

static int add_token(const struct tokenizer *t, int32_t id, struct dec_tokens *v, struct err *e)
{
    size_t len;
    if (t->pieces && t->pieces->spoken.n) {
        const char *s = spoken(t, id, &len);
        return dec_tokens_add(v, s, len, TOKEN_PLAIN, e);
    }
    const char *text = tok_said(t, id, &len);
    return dec_tokens_add(v, text, len, tok_kind_to_decode(t, id), e);
}

int tok_decode_steps(const struct tokenizer *t, const int32_t *id, size_t n, bool skip_special, bool first,
                     struct buf *out, struct err *e)
{
    struct dec_tokens v = {0};
    int ret = 0;
    for (size_t i = 0; i < n && ret == 0; i++) {
        size_t len;
        const char *any = t->pieces && t->pieces->spoken.n ? spoken(t, id[i], &len) : tok_piece(t, id[i], &len);
        if (!any) ret = tok_bad_id(t, id[i], i, e);
        else if (!skip_special || !tok_is_skipped(t, id[i])) ret = add_token(t, id[i], &v, e);
    }
    if (ret == 0) ret = decode_run(&t->decoder, &v, first, out, e);
    dec_tokens_free(&v);
    return ret;
}

/* Whether a run of bytes may go on with this token, or behind it. */
static bool goes_on(const struct tokenizer *t, const struct tok_laters *l, int32_t id, bool skip_special)
{
    if (id < 0 || id >= t->vocab.n) return false;
    return l->v[id].slow || (l->joined && skip_special && tok_is_skipped(t, id));
}

/* The beginning through the steps, until text is there; then by copying. */
static int decode_later(const struct tokenizer *t, const int32_t *id, size_t n, bool skip_special,
                        struct buf *out, struct err *e)
{
    size_t from = out->len, k = 0;
    if (n == 0) return buf_ok(out, e); /* id may be NULL */
    const struct tok_laters *later = tok_laters(t, e);
    if (!later) return -1;
    while (k < n && out->len == from) {
        k = k ? 2 * k : 1; /* a long row of control tokens must not cost its square */
        for (k = k < n ? k : n; k < n && goes_on(t, later, id[k], skip_special); k++) {}
        if (tok_decode_steps(t, id, k, skip_special, true, out, e)) return -1;
    }
    size_t bad = tok_later_decode(t, later, id + k, n - k, skip_special, out);
    return bad < n - k ? tok_bad_id(t, id[k + bad], k + bad, e) : buf_ok(out, e);
}

static int decode_all(const struct tokenizer *t, const int32_t *id, size_t n, bool skip_special, struct buf *out,
                      struct err *e)
{
    if (tok_by_token(t)) return decode_later(t, id, n, skip_special, out, e);
    bool joined = t->decoder.bytes || t->decoder.fuse;
    if (!joined) return tok_decode_steps(t, id, n, skip_special, true, out, e);
    if (!skip_special) return decode_fused(t, id, n, out, e);
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *p = tok_piece(t, id[i], &len);
        if (!p) return tok_bad_id(t, id[i], i, e);
        if (!tok_is_skipped(t, id[i])) buf_add(out, p, len);
    }
    return buf_ok(out, e);
}

/* Through the rules for decoding. */
static int decode_denorm(const struct tokenizer *t, const int32_t *id, size_t n, bool skip_special,
                         struct buf *out, struct err *e)
{
    struct buf text = {0};
    struct norm w = {0};
    int ret = decode_all(t, id, n, skip_special, &text, e);
    if (ret == 0 && text.len) ret = norm_run(&t->denorm, &w, text.data, text.len, e);
    const struct buf *from = ret > 0 ? &w.out->text : &text;
    if (ret >= 0) buf_add(out, from->data, from->len);
    buf_free(&text);
    norm_free(&w);
    return ret < 0 ? -1 : buf_ok(out, e);
}

int tok_decode(const struct tokenizer *t, const int32_t *id, size_t n, bool skip_special, struct buf *out,
               struct err *e)
{
    return (t->denorm.n ? decode_denorm : decode_all)(t, id, n, skip_special, out, e);
}

bool tok_decodes_parts(const struct tokenizer *t)
{
    return (t->decoder.bytes || t->decoder.fuse) && !t->denorm.n;
}

int tok_byte_of(const struct tokenizer *t, int id)
{
    size_t n;
    if (!t->byte_fallback || t->byte_level) return -1;
    const char *s = vocab_text(&t->vocab, id, &n);
    int byte = dec_byte_of(s, n);
    return byte >= 0 && s[3] < 'a' && s[4] < 'a' ? byte : -1; /* encoders write large digits, decoders read both */
}

/* ---- streaming ---- */

void tok_stream_init(struct tok_stream *s, const struct tokenizer *t, bool skip_special)
{
    *s = (struct tok_stream){.t = t, .first = true, .part_begins = true, .skip_special = skip_special, .last = -1};
}

static const char replacement[] = "\xEF\xBF\xBD";

/* Length of a character that may begin at p[0..n): 0 if none can; *need = its
 * full length. */
static int possible_prefix(const uint8_t *p, int n, int *need)
{
    uint8_t b = p[0];
    uint8_t low = 0x80, high = 0xBF;
    if (b >= 0xC2 && b <= 0xDF) *need = 2;
    else if (b >= 0xE0 && b <= 0xEF) *need = 3;
    else if (b >= 0xF0 && b <= 0xF4) *need = 4;
    else return 0;
    if (b == 0xE0) low = 0xA0;
    if (b == 0xED) high = 0x9F;
    if (b == 0xF0) low = 0x90;
    if (b == 0xF4) high = 0x8F;
    int good = 1;
    while (good < n && good < *need && p[good] >= low && p[good] <= high) {
        low = 0x80;
        high = 0xBF;
        good++;
    }
    return good;
}

/* One more byte after the pending ones: a character that is complete goes out,
 * a sequence that can no longer become one goes out as U+FFFD (one for each
 * maximal part, as everyone who decodes lossily does). */
static void stream_byte(struct tok_stream *s, uint8_t byte, struct buf *out)
{
    uint8_t *p = (uint8_t *)s->pending;
    p[s->n_pending++] = byte;
    while (s->n_pending) {
        int need = 1;
        int good = p[0] < 0x80 ? 1 : possible_prefix(p, s->n_pending, &need);
        int done;
        if (good == need) {
            buf_add(out, p, (size_t)need);
            done = need;
        } else if (good == s->n_pending) {
            return;
        } else {
            buf_adds(out, replacement);
            done = good ? good : 1;
        }
        s->n_pending -= done;
        memmove(p, p + done, (size_t)s->n_pending);
    }
}

static void stream_text(struct tok_stream *s, const char *text, size_t n, struct buf *out)
{
    if (!s->n_pending && utf8_valid_prefix(text, n) == n) buf_add(out, text, n);
    else
        for (size_t i = 0; i < n; i++) stream_byte(s, (uint8_t)text[i], out);
}

static bool has_step(const struct tokenizer *t, enum dec_kind kind)
{
    for (size_t i = 0; i < t->decoder.n; i++)
        if (t->decoder.step[i].kind == kind) return true;
    return false;
}

/* BPEDecoder: a token's suffix is a space where another token follows, else nothing. */
static int suffix_waits(const struct tokenizer *t, int32_t id, bool *waits, struct err *e)
{
    const struct dec_step *st = &t->decoder.step[0];
    size_t n;
    const char *s = tok_said(t, id, &n), *at = st->n_a ? memmem(s, n, st->a, st->n_a) : NULL;
    *waits = at && at + st->n_a == s + n;
    if (!at || *waits) return 0;
    return err_set(e, ERR_DATA, "token %d has the suffix '%s' inside, so decoding one token at a time is not supported", (int)id, st->a);
}

/* One token through the decoder's steps. */
static int stream_steps(struct tok_stream *s, int32_t id, struct buf *text, struct err *e)
{
    const struct tokenizer *t = s->t;
    struct dec_tokens v = {0};
    bool bpe = has_step(t, DEC_BPE), waits = false;
    if (bpe && suffix_waits(t, id, &waits, e)) return -1;
    if (has_step(t, DEC_CTC) && id == s->last) return 0;
    if (s->hold_space) buf_addc(text, ' ');
    int ret = add_token(t, id, &v, e);
    if (ret == 0 && bpe) ret = dec_tokens_add(&v, "", 0, TOKEN_PLAIN, e); /* one may follow */
    if (ret == 0) ret = decode_run(&t->decoder, &v, s->first, text, e);
    dec_tokens_free(&v);
    s->hold_space = waits;
    if (waits && text->len) text->len--;
    return ret;
}

/* A token behind others, where that is all that the steps look at. */
static int stream_later(struct tok_stream *s, int32_t id, struct buf *out, struct err *e)
{
    const struct tok_laters *later = tok_laters(s->t, e);
    if (!later) return -1;
    const struct tok_later *v = &later->v[id];
    const char *text = v->len ? later->pool.data + v->off : "";
    s->last = id;
    if (v->slow) stream_byte(s, v->byte, out);
    else if (v->whole && !s->n_pending) buf_add(out, text, v->len);
    else stream_text(s, text, v->len, out);
    return buf_ok(out, e);
}

static void put_spaces(struct tok_stream *s, struct buf *out)
{
    for (; s->n_spaces; s->n_spaces--) buf_addc(out, ' ');
}

/* tok_pieces.h: a token between special ones.  Spaces wait, for those at the end of all may have to go. */
static int stream_pieces(struct tok_stream *s, int32_t id, struct buf *out, struct err *e)
{
    const struct dec_step *st = &s->t->decoder.step[0];
    enum dec_token kind = tok_kind_to_decode(s->t, id);
    struct buf text = {0};
    size_t len, at = 0, more = 0;
    const char *said = tok_said(s->t, id, &len);
    bool strips = st->ways & PIECES_STRIP;
    if (st->ways & PIECES_WHOLE)
        return err_set(e, ERR_DATA, "this tokenizer's decoder joins words when all are there, so decoding one token at a time is not supported");
    if (kind == TOKEN_SPECIAL && (st->ways & PIECES_SPACE_BEFORE))
        return err_set(e, ERR_DATA, "this tokenizer's decoder puts a space in front of what stands before a special token, so decoding "
                                    "one token at a time is not supported");
    if (kind == TOKEN_BYTE) {
        put_spaces(s, out);
        stream_byte(s, (uint8_t)dec_byte_of(said, len), out);
        s->first = s->part_begins = false;
        return buf_ok(out, e);
    }
    int ret = decode_piece(st, said, len, kind, &s->part_begins, &text, e);
    while (strips && s->first && at < text.len && text.data[at] == ' ') at++;
    for (; strips && text.len > at && text.data[text.len - 1] == ' '; more++) text.len--;
    if (ret == 0 && text.len > at) {
        put_spaces(s, out);
        stream_text(s, text.data + at, text.len - at, out);
        s->first = false;
    }
    s->n_spaces += more;
    buf_free(&text);
    return ret ? -1 : buf_ok(out, e);
}

/* Who needs a whole text, and the verb, or NULL. */
static const char *needs_whole(const struct tokenizer *t)
{
    bool fused = false;
    if (t->denorm.n && !t->pieces) return "this SentencePiece model has rules for decoding that need";
    for (size_t i = 0; i < t->decoder.n; i++) {
        const struct dec_step *st = &t->decoder.step[i];
        fused = fused || st->kind == DEC_FUSE;
        if (t->decoder.n > 1 && (st->kind == DEC_BPE || st->kind == DEC_CTC)) return "a BPEDecoder or CTC among other decoders needs";
        if (fused && st->kind == DEC_STRIP && (st->start > 1 || st->stop)) return "a Strip of what is at the end, or of several characters, needs";
        if (fused && st->kind == DEC_REPLACE) return "a Replace behind Fuse needs";
    }
    return NULL;
}

int tok_stream_add(struct tok_stream *s, int32_t id, struct buf *out, struct err *e)
{
    const struct tokenizer *t = s->t;
    size_t len;
    const char *p = tok_piece(t, id, &len);
    if (!p) return tok_bad_id(t, id, 0, e);
    const char *why = needs_whole(t);
    if (why) return err_set(e, ERR_DATA, "%s the whole text, so decoding one token at a time is not supported", why);
    if (s->skip_special && tok_is_skipped(t, id)) return 0;
    if (t->pieces) return stream_pieces(s, id, out, e);
    if (!s->first && tok_by_token(t)) return stream_later(s, id, out, e);
    int byte = has_step(t, DEC_BYTE_FALLBACK) ? dec_byte_of(p, len) : t->source == SOURCE_SPM ? tok_byte_of(t, id) : -1;
    if (byte >= 0) {
        stream_byte(s, (uint8_t)byte, out);
        s->first = false;
    } else if (t->decoder.bytes || t->decoder.fuse) {
        stream_text(s, p, len, out);
        s->first = false;
    } else {
        struct buf text = {0};
        int ret = stream_steps(s, id, &text, e);
        bool waits = tok_kind_to_decode(t, id) == TOKEN_CONTROL; /* which is no text */
        if (ret == 0 && text.len) stream_text(s, text.data, text.len, out);
        if (!waits || text.len) s->first = false;
        buf_free(&text);
        if (ret) return -1;
    }
    s->last = id;
    return buf_ok(out, e);
}

void tok_stream_end(struct tok_stream *s, struct buf *out)
{
    if (s->n_pending) buf_adds(out, replacement);
    s->n_pending = 0;
    s->first = s->part_begins = true;
    s->n_spaces = 0;
}
