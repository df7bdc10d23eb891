#include "core/token/spm_model.h"

#include <float.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"

/* Field numbers of sentencepiece_model.proto. */
enum { MODEL_PIECES = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3, MODEL_DENORMALIZER = 5 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum { TRAINER_KIND = 3, TRAINER_VOCAB = 4, TRAINER_SUFFIX = 24, TRAINER_BYTES = 35, TRAINER_UNK = 40,
       TRAINER_BOS = 41, TRAINER_EOS = 42, TRAINER_PAD = 43, TRAINER_SURFACE = 44, TRAINER_UNK_PIECE = 45, TRAINER_BOS_PIECE = 46,
       TRAINER_EOS_PIECE = 47, TRAINER_PAD_PIECE = 48, TRAINER_COVERAGE = 10, TRAINER_SHRINK = 15, TRAINER_CHARS = 36 };
/* Numbers of a trainer's part that only training looks at, and what they are where nothing is said. */
static const struct {
    uint32_t field;
    size_t at; /* in struct spm_spec */
    int usual;
} spec_number[] = {
    {14, offsetof(struct spm_spec, n_seeds), 1000000}, {16, offsetof(struct spm_spec, threads), 16},
    {17, offsetof(struct spm_spec, rounds), 2},        {18, offsetof(struct spm_spec, max_sentence), 4192},
    {20, offsetof(struct spm_spec, max_len), 16},      {21, offsetof(struct spm_spec, scripts), 1},
    {22, offsetof(struct spm_spec, spaces), 1},        {23, offsetof(struct spm_spec, numbers), 1},
    {25, offsetof(struct spm_spec, digits), 0},        {26, offsetof(struct spm_spec, space_only), 0},
};
#define USUAL_COVERAGE 0.9995f
#define USUAL_SHRINK 0.75f
enum { NORM_NAME = 1, NORM_CHARSMAP = 2, NORM_PREFIX = 3, NORM_EXTRA = 4, NORM_ESCAPE = 5 };
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static int *number_of(const struct spm_spec *s, size_t k)
{
    return (int *)(void *)((char *)(uintptr_t)s + spec_number[k].at);
}

void spm_model_init(struct spm_model *m)
{
    *m = (struct spm_model){.kind = SPM_UNIGRAM, .lowest = FLT_MAX, .unk_id = 0, .bos_id = 1, .eos_id = 2, .pad_id = -1,
                            .add_dummy_prefix = true, .remove_extra_whitespaces = true,
                            .escape_whitespaces = true, .denorm_prefix = true, .denorm_extra = true,
                            .denorm_escape = true, .spec = {.coverage = USUAL_COVERAGE, .shrink = USUAL_SHRINK}};
    for (size_t k = 0; k < COUNT_OF(spec_number); k++) *number_of(&m->spec, k) = spec_number[k].usual;
}

void spm_model_free(struct spm_model *m)
{
    free(m->piece);
    buf_free(&m->text);
    buf_free(&m->unk_surface);
    buf_free(&m->norm_name);
    buf_free(&m->charsmap);
    buf_free(&m->denorm_map);
    buf_free(&m->spec.chars);
    memset(m, 0, sizeof *m);
}

int spm_model_add(struct spm_model *m, const char *text, size_t len, float score,
                  enum spm_type type, struct err *e)
{
    if (!mem_room(&m->piece, &m->cap, m->n + 1, sizeof *m->piece))
        return err_oom(e, (m->n + 1) * sizeof *m->piece, "pieces");
    if (m->text.len + len > UINT32_MAX / 2)
        return err_set(e, ERR_DATA, "the pieces of the model are longer than 2 GiB together");
    m->piece[m->n++] = (struct spm_piece){(uint32_t)m->text.len, (uint32_t)len, score, type};
    buf_add(&m->text, text, len);
    return buf_ok(&m->text, e);
}

/* ---- reading ---- */

struct field {
    uint32_t number, wire;
    uint64_t value;         /* of a varint or fixed number */
    const uint8_t *data;    /* of bytes */
    size_t len;
};

struct proto {
    const uint8_t *base, *p, *end; /* base: of the file, for offsets in messages */
    const char *name;
    bool checked;                  /* each piece is looked at by itself, for a message that names it */
};

static int broken(const struct proto *r, struct err *e, const char *what)
{
    return err_set(e, ERR_DATA, "'%s': SentencePiece model: %s at offset %zu", r->name, what,
                   (size_t)(r->p - r->base));
}

static int read_varint(struct proto *r, uint64_t *out, struct err *e)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (r->p == r->end) return broken(r, e, "a number is cut off");
        uint8_t b = *r->p++;
        v |= (uint64_t)(b & 0x7F) << shift;
        if (!(b & 0x80)) {
            *out = v;
            return 0;
        }
    }
    return broken(r, e, "a number of more than 64 bits");
}

static int read_fixed(struct proto *r, size_t n, uint64_t *out, struct err *e)
{
    if ((size_t)(r->end - r->p) < n) return broken(r, e, "a number is cut off");
    *out = 0;
    for (size_t i = 0; i < n; i++) *out |= (uint64_t)r->p[i] << (8 * i);
    r->p += n;
    return 0;
}

/* 1: a field; 0: the end; -1: broken. */
static int next_field(struct proto *r, struct field *f, struct err *e)
{
    uint64_t key, len;
    if (r->p == r->end) return 0;
    if (read_varint(r, &key, e)) return -1;
    *f = (struct field){.number = (uint32_t)(key >> 3), .wire = (uint32_t)(key & 7)};
    if (key >> 3 == 0 || key >> 32) return broken(r, e, "a bad field number");
    switch (f->wire) {
    case WIRE_VARINT: return read_varint(r, &f->value, e) ? -1 : 1;
    case WIRE_64: return read_fixed(r, 8, &f->value, e) ? -1 : 1;
    case WIRE_32: return read_fixed(r, 4, &f->value, e) ? -1 : 1;
    case WIRE_BYTES:
        if (read_varint(r, &len, e)) return -1;
        if (len > (uint64_t)(r->end - r->p)) return broken(r, e, "a field is longer than the file");
        f->data = r->p;
        f->len = (size_t)len;
        r->p += len;
        return 1;
    default: return broken(r, e, "a field of unknown wire type");
    }
}

static int want_wire(const struct proto *r, const struct field *f, uint32_t wire, struct err *e)
{
    return f->wire == wire ? 0 : broken(r, e, "a field has the wrong type");
}

static struct proto inside(const struct proto *r, const struct field *f)
{
    return (struct proto){r->base, f->data, f->data + f->len, r->name, r->checked};
}

static float as_float(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float v;
    memcpy(&v, &low, sizeof v);
    return v;
}

/* What nearly all pieces are: a text, a score and perhaps a type, in this order. */
static bool read_plain(struct spm_model *m, const struct proto *r, struct err *e, int *ret)
{
    const uint8_t *p = r->p;
    size_t n = (size_t)(r->end - p), len = n > 2 ? p[1] : 0;
    if (r->checked || n < len + 7 || p[0] != (PIECE_TEXT << 3 | WIRE_BYTES) || len == 0 || len > 127 ||
        p[2 + len] != (PIECE_SCORE << 3 | WIRE_32))
        return false;
    bool typed = n == len + 9 && p[len + 7] == (PIECE_TYPE << 3 | WIRE_VARINT) && p[len + 8] >= SPM_NORMAL && p[len + 8] <= SPM_BYTE;
    if (n != len + 7 && !typed) return false;
    float score;
    memcpy(&score, p + len + 3, sizeof score);
    *ret = spm_model_add(m, (const char *)p + 2, len, score, typed ? (enum spm_type)p[len + 8] : SPM_NORMAL, e) ? err_wrap(e, "'%s'", r->name) : 0;
    return true;
}

static int read_piece(struct spm_model *m, struct proto r, struct err *e)
{
    struct field f;
    int ret;
    if (read_plain(m, &r, e, &ret)) return ret;
    const uint8_t *text = NULL;
    size_t len = 0;
    float score = 0;
    uint64_t type = SPM_NORMAL;
    int got;
    while ((got = next_field(&r, &f, e)) > 0) {
        if (f.number == PIECE_TEXT) {
            if (want_wire(&r, &f, WIRE_BYTES, e)) return -1;
            text = f.data;
            len = f.len;
        } else if (f.number == PIECE_SCORE) {
            if (want_wire(&r, &f, WIRE_32, e)) return -1;
            score = as_float(f.value);
        } else if (f.number == PIECE_TYPE) {
            if (want_wire(&r, &f, WIRE_VARINT, e)) return -1;
            type = f.value;
        }
    }
    if (got < 0) return -1;
    if (len == 0) return broken(&r, e, "a piece without text");
    if (r.checked && utf8_valid_prefix((const char *)text, len) < len) return broken(&r, e, "a piece that is not UTF-8");
    if (type < SPM_NORMAL || type > SPM_BYTE) return broken(&r, e, "a piece of unknown type");
    return spm_model_add(m, (const char *)text, len, score, (enum spm_type)type, e) ? err_wrap(e, "'%s'", r.name) : 0;
}

/* What only training looks at; what has another type than it should is left alone. */
static void read_spec(struct spm_spec *s, const struct field *f)
{
    for (size_t k = 0; k < COUNT_OF(spec_number); k++)
        if (f->number == spec_number[k].field && f->wire == WIRE_VARINT) *number_of(s, k) = (int)(int32_t)(uint32_t)f->value;
    if (f->number == TRAINER_COVERAGE && f->wire == WIRE_32) s->coverage = as_float(f->value);
    if (f->number == TRAINER_SHRINK && f->wire == WIRE_32) s->shrink = as_float(f->value);
    if (f->number != TRAINER_CHARS || f->wire != WIRE_BYTES) return;
    buf_clear(&s->chars);
    buf_add(&s->chars, f->data, f->len);
}

static int read_trainer(struct spm_model *m, struct proto r, struct err *e)
{
    struct field f;
    int got;
    while ((got = next_field(&r, &f, e)) > 0) {
        bool number = f.wire == WIRE_VARINT;
        int small = (int)(int32_t)(uint32_t)f.value;
        switch (f.number) {
        case TRAINER_KIND:
            if (!number || f.value < SPM_UNIGRAM || f.value > SPM_CHAR)
                return broken(&r, e, "an unknown model type");
            m->kind = (enum spm_kind)f.value;
            break;
        case TRAINER_SUFFIX: m->suffix = number && f.value; break;
        case TRAINER_BYTES: m->byte_fallback = number && f.value; break;
        case TRAINER_UNK: m->unk_id = small; break;
        case TRAINER_BOS: m->bos_id = small; break;
        case TRAINER_EOS: m->eos_id = small; break;
        case TRAINER_PAD: m->pad_id = small; break;
        case TRAINER_SURFACE:
            if (want_wire(&r, &f, WIRE_BYTES, e)) return -1;
            m->has_surface = true;
            buf_clear(&m->unk_surface);
            buf_add(&m->unk_surface, f.data, f.len);
            break;
        default: read_spec(&m->spec, &f);
        }
    }
    return got < 0 ? -1 : buf_ok(&m->unk_surface, e) || buf_ok(&m->spec.chars, e) ? -1 : 0;
}

static int read_rules(struct proto *r, const struct field *f, struct buf *to, struct err *e)
{
    if (want_wire(r, f, WIRE_BYTES, e)) return -1;
    buf_clear(to);
    buf_add(to, f->data, f->len);
    return buf_ok(to, e);
}

/* Of the normalizer, or of the same kind for what is decoded. */
static int read_normalizer(struct spm_model *m, struct proto r, bool decoding, struct err *e)
{
    struct field f;
    struct buf other = {0};
    int got;
    while ((got = next_field(&r, &f, e)) > 0) {
        switch (f.number) {
        case NORM_NAME: got = read_rules(&r, &f, decoding ? &other : &m->norm_name, e); break;
        case NORM_CHARSMAP: got = read_rules(&r, &f, decoding ? &m->denorm_map : &m->charsmap, e); break;
        case NORM_PREFIX: *(decoding ? &m->denorm_prefix : &m->add_dummy_prefix) = f.value; break;
        case NORM_EXTRA: *(decoding ? &m->denorm_extra : &m->remove_extra_whitespaces) = f.value; break;
        case NORM_ESCAPE: *(decoding ? &m->denorm_escape : &m->escape_whitespaces) = f.value; break;
        default: break;
        }
        if (got < 0) break;
    }
    buf_free(&other);
    return got;
}

/* Whether all pieces are UTF-8: their texts together are, and none begins inside a character. */
static bool pieces_are_utf8(const struct spm_model *m)
{
    if (utf8_valid_prefix(m->text.data, m->text.len) < m->text.len) return false;
    for (size_t i = 0; i < m->n; i++)
        if (((uint8_t)m->text.data[m->piece[i].off] & 0xC0) == 0x80) return false;
    return true;
}

static int read_all(struct spm_model *m, const void *data, size_t n, const char *name, bool checked, struct err *e)
{
    struct proto r = {data, data, (const uint8_t *)data + n, name, checked};
    struct field f;
    int got, ret = 0;
    spm_model_init(m);
    m->only_pieces = true;
    if (!buf_reserve(&m->text, n)) ret = buf_ok(&m->text, e);
    while (ret == 0 && (got = next_field(&r, &f, e)) > 0) {
        bool known = f.number == MODEL_PIECES || f.number == MODEL_TRAINER ||
                     f.number == MODEL_NORMALIZER || f.number == MODEL_DENORMALIZER;
        if (!known) continue;
        m->only_pieces = m->only_pieces && f.number == MODEL_PIECES;
        if (want_wire(&r, &f, WIRE_BYTES, e)) ret = -1;
        else if (f.number == MODEL_PIECES) ret = read_piece(m, inside(&r, &f), e);
        else if (f.number == MODEL_TRAINER) ret = read_trainer(m, inside(&r, &f), e);
        else ret = read_normalizer(m, inside(&r, &f), f.number == MODEL_DENORMALIZER, e);
    }
    if (ret == 0 && got < 0) ret = -1;
    if (ret == 0 && m->n && !checked && !pieces_are_utf8(m)) ret = -1;
    if (ret == 0 && m->n == 0)
        ret = err_set(e, ERR_DATA, "'%s': SentencePiece model without pieces", name);
    for (size_t i = 0; ret == 0 && !m->byte_fallback && i < m->n; i++)
        if (m->piece[i].type == SPM_BYTE)
            ret = err_set(e, ERR_DATA, "'%s': SentencePiece model with the byte %.*s as a piece, but without byte_fallback%s", name,
                          (int)m->piece[i].len, m->text.data + m->piece[i].off, m->only_pieces ? " (cut short behind the pieces)" : "");
    if (ret) spm_model_free(m);
    return ret;
}

int spm_model_read(struct spm_model *m, const void *data, size_t n, const char *name, struct err *e)
{
    return read_all(m, data, n, name, false, e) && read_all(m, data, n, name, true, e) ? -1 : 0;
}

bool spm_model_looks_like(const void *data, size_t n)
{
    const uint8_t *p = data;
    return n > 4 && p[0] == (MODEL_PIECES << 3 | WIRE_BYTES) && p[1] < 0x80 && p[1] + 2u <= n &&
           p[2] == (PIECE_TEXT << 3 | WIRE_BYTES) && p[3] <= p[1];
}

/* ---- writing ---- */

enum { VARINT_MOST = 10 }; /* bytes */
static char *varint(char *to, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) *to++ = (char)(v | 0x80);
    *to++ = (char)v;
    return to;
}

static void put_varint(struct buf *b, uint64_t v)
{
    char bytes[VARINT_MOST];
    buf_add(b, bytes, (size_t)(varint(bytes, v) - bytes));
}

static void put_number(struct buf *b, uint32_t field, int64_t v)
{
    put_varint(b, field << 3 | WIRE_VARINT);
    put_varint(b, (uint64_t)v); /* a negative int32 takes ten bytes, as the format wants */
}

static void put_bytes(struct buf *b, uint32_t field, const void *p, size_t n)
{
    put_varint(b, field << 3 | WIRE_BYTES);
    put_varint(b, n);
    buf_add(b, p, n);
}

static void put_float(struct buf *b, uint32_t field, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_varint(b, field << 3 | WIRE_32);
    for (int k = 0; k < 4; k++) buf_addc(b, (char)(bits >> (8 * k)));
}

/* A model has too many pieces for them to be put together field by field: the fields, and in front of them their length. */
static void put_piece(struct buf *out, const struct spm_model *m, size_t i)
{
    const struct spm_piece *p = &m->piece[i];
    char front[1 + VARINT_MOST], behind[1 + 4 + 2], *end = front, *last = behind;
    *end++ = PIECE_TEXT << 3 | WIRE_BYTES;
    end = varint(end, p->len);
    *last++ = PIECE_SCORE << 3 | WIRE_32;
    memcpy(last, &p->score, 4);
    last += 4;
    if (p->type != SPM_NORMAL) {
        *last++ = PIECE_TYPE << 3 | WIRE_VARINT;
        *last++ = (char)p->type;
    }
    size_t n_front = (size_t)(end - front), n_behind = (size_t)(last - behind);
    if (!buf_reserve(out, 1 + VARINT_MOST + n_front + p->len + n_behind)) return;
    char *to = out->data + out->len;
    *to++ = MODEL_PIECES << 3 | WIRE_BYTES;
    to = varint(to, n_front + p->len + n_behind);
    memcpy(to, front, n_front);
    memcpy(to + n_front, m->text.data + p->off, p->len);
    memcpy(to + n_front + p->len, behind, n_behind);
    out->len = (size_t)(to + n_front + p->len + n_behind - out->data);
    out->data[out->len] = '\0';
}

/* The text of the piece with this id, which SentencePiece finds it by, unless it is the usual one. */
static void put_own(struct buf *out, uint32_t field, const struct spm_model *m, int id, const char *usual)
{
    const struct spm_piece *p = id >= 0 && (size_t)id < m->n ? &m->piece[id] : NULL;
    if (p && (p->len != strlen(usual) || memcmp(m->text.data + p->off, usual, p->len) != 0)) put_bytes(out, field, m->text.data + p->off, p->len);
}

/* What is not as usual. */
static void put_spec(struct buf *out, const struct spm_spec *s)
{
    if (s->coverage < USUAL_COVERAGE || s->coverage > USUAL_COVERAGE) put_float(out, TRAINER_COVERAGE, s->coverage);
    if (s->shrink < USUAL_SHRINK || s->shrink > USUAL_SHRINK) put_float(out, TRAINER_SHRINK, s->shrink);
    for (size_t k = 0; k < COUNT_OF(spec_number); k++)
        if (*number_of(s, k) != spec_number[k].usual) put_number(out, spec_number[k].field, *number_of(s, k));
    if (s->chars.len) put_bytes(out, TRAINER_CHARS, s->chars.data, s->chars.len);
}

static void put_trainer(struct buf *out, struct buf *tmp, const struct spm_model *m)
{
    buf_clear(tmp);
    put_number(tmp, TRAINER_KIND, (int64_t)m->kind);
    put_number(tmp, TRAINER_VOCAB, (int64_t)m->n);
    if (m->suffix) put_number(tmp, TRAINER_SUFFIX, 1);
    if (m->byte_fallback) put_number(tmp, TRAINER_BYTES, 1);
    put_number(tmp, TRAINER_UNK, m->unk_id);
    put_number(tmp, TRAINER_BOS, m->bos_id);
    put_number(tmp, TRAINER_EOS, m->eos_id);
    put_number(tmp, TRAINER_PAD, m->pad_id);
    if (m->has_surface) put_bytes(tmp, TRAINER_SURFACE, m->unk_surface.data, m->unk_surface.len);
    put_spec(tmp, &m->spec);
    put_own(tmp, TRAINER_UNK_PIECE, m, m->unk_id, "<unk>");
    put_own(tmp, TRAINER_BOS_PIECE, m, m->bos_id, "<s>");
    put_own(tmp, TRAINER_EOS_PIECE, m, m->eos_id, "</s>");
    put_own(tmp, TRAINER_PAD_PIECE, m, m->pad_id, "<pad>");
    put_bytes(out, MODEL_TRAINER, tmp->data, tmp->len);
}

static void put_normalizer(struct buf *out, struct buf *tmp, const struct spm_model *m)
{
    buf_clear(tmp);
    if (m->norm_name.len) put_bytes(tmp, NORM_NAME, m->norm_name.data, m->norm_name.len);
    if (m->charsmap.len) put_bytes(tmp, NORM_CHARSMAP, m->charsmap.data, m->charsmap.len);
    put_number(tmp, NORM_PREFIX, m->add_dummy_prefix);
    put_number(tmp, NORM_EXTRA, m->remove_extra_whitespaces);
    put_number(tmp, NORM_ESCAPE, m->escape_whitespaces);
    put_bytes(out, MODEL_NORMALIZER, tmp->data, tmp->len);
}

static void put_denormalizer(struct buf *out, struct buf *tmp, const struct spm_model *m)
{
    buf_clear(tmp);
    put_bytes(tmp, NORM_CHARSMAP, m->denorm_map.data, m->denorm_map.len);
    put_number(tmp, NORM_PREFIX, m->denorm_prefix);
    put_number(tmp, NORM_EXTRA, m->denorm_extra);
    put_number(tmp, NORM_ESCAPE, m->denorm_escape);
    put_bytes(out, MODEL_DENORMALIZER, tmp->data, tmp->len);
}

int spm_model_write(const struct spm_model *m, struct buf *out, struct err *e)
{
    struct buf tmp = {0};
    for (size_t i = 0; i < m->n; i++) put_piece(out, m, i);
    put_trainer(out, &tmp, m);
    put_normalizer(out, &tmp, m);
    if (m->denorm_map.len) put_denormalizer(out, &tmp, m);
    int ret = buf_ok(&tmp, e);
    buf_free(&tmp);
    return ret ? ret : buf_ok(out, e);
}
