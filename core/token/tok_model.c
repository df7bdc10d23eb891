/* One word to ids, for every kind of model. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/tok_decode.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_scratch.h"
#include "core/token/unicode.h"
#include "core/token/unigram_sample.h"

enum { NO_ID = -1 };

int tok_ids_push(struct tok_ids *out, int id, size_t begin, size_t end, struct err *e)
{
    if (tok_ids_room(out, 1, e)) return -1;
    if (out->want_spans) out->span[out->n] = (struct tok_span){.begin = begin, .end = end};
    out->id[out->n++] = id;
    return 0;
}

/* ---- the symbols of BPE ---- */

/* Whether characters are bytes in the spelling of byte-level vocabularies. */
static bool is_spelled(const struct tokenizer *t)
{
    for (size_t i = 0; i < t->pre.n; i++)
        if (t->pre.step[i].kind == PRE_BYTE_LEVEL && t->pre.step[i].spell) return true;
    return false;
}

static int no_token(const struct tokenizer *t, const uint8_t *p, struct uni_char c, size_t at, struct err *e)
{
    int byte = c.cp == UNI_BAD ? *p : is_spelled(t) ? bytemap_byte(c.cp) : -1;
    if (byte >= 0) return err_set(e, ERR_DATA, "byte 0x%02X at offset %zu has no token in the vocabulary", (unsigned)byte, at);
    return err_set(e, ERR_DATA, "character '%.*s' (U+%04X) at byte offset %zu has no token in the "
                                "vocabulary, and there is no %s",
                   (int)c.len, (const char *)p, (unsigned)c.cp, at, t->lacks_unk ? t->unk_text : "<unk>");
}

static int byte_symbols(const struct tokenizer *t, const uint8_t *word, size_t n, size_t at,
                        int32_t *ids, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        int id = t->byte_id[word[i]];
        if (id < 0 && (id = t->unk_id) < 0)
            return err_set(e, ERR_DATA, "byte 0x%02X at offset %zu has no token in the vocabulary",
                           word[i], at + i);
        ids[i] = id;
    }
    return 0;
}

static int model_id(const struct tokenizer *t, const char *text, size_t n)
{
    int id = vocab_find(&t->vocab, text, n);
    return id >= 0 && (t->vocab.v[id].flags & VOCAB_MODEL) ? id : NO_ID;
}

/* A whole word; a special token is none, unless that is allowed. */
static int word_id(const struct tokenizer *t, const char *text, size_t n)
{
    int id = vocab_find(&t->vocab, text, n);
    return tok_in_model(t, id) ? id : NO_ID;
}

static const char *prefix_of(const struct tokenizer *t, bool first)
{
    return first || !t->prefix ? "" : t->prefix;
}

static const char *suffix_of(const struct tokenizer *t, bool last)
{
    return last && t->suffix ? t->suffix : "";
}

/* One character as a symbol, with the prefix or suffix of its place. */
static int char_id(const struct tokenizer *t, const uint8_t *p, struct uni_char c, bool first,
                   bool last)
{
    const char *prefix = prefix_of(t, first), *suffix = suffix_of(t, last);
    if (c.cp == UNI_BAD) return NO_ID;
    if (!*prefix && !*suffix) {
        if (c.cp < 128 && !t->byte_fallback) return t->byte_id[c.cp];
        return model_id(t, (const char *)p, c.len);
    }
    struct buf text = {0};
    buf_adds(&text, prefix);
    buf_add(&text, p, c.len);
    buf_adds(&text, suffix);
    int id = text.oom ? NO_ID : model_id(t, text.data, text.len);
    buf_free(&text);
    return id;
}

static bool bytes_known(const struct tokenizer *t, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (t->byte_id[(uint8_t)p[i]] < 0) return false;
    return true;
}

/* Whether a character that is no token falls back to bytes, those of its prefix and suffix, too. */
static bool falls_back(const struct tokenizer *t, const uint8_t *p, struct uni_char c, bool first, bool last)
{
    const char *prefix = prefix_of(t, first), *suffix = suffix_of(t, last);
    return t->byte_fallback && bytes_known(t, prefix, strlen(prefix)) && bytes_known(t, (const char *)p, c.len) &&
           bytes_known(t, suffix, strlen(suffix));
}

static void put_bytes(const struct tokenizer *t, const char *p, size_t n, int32_t *ids, uint32_t *len, size_t *count)
{
    for (size_t i = 0; i < n; i++) {
        if (len) len[*count] = 1;
        ids[(*count)++] = t->byte_id[(uint8_t)p[i]];
    }
}

size_t tok_symbols_most(const struct tokenizer *t, size_t n)
{
    size_t each = 1, all;
    if (t->byte_fallback) each += (t->prefix ? strlen(t->prefix) : 0) + (t->suffix ? strlen(t->suffix) : 0);
    return ck_mul(n, each, &all) && all < SIZE_MAX ? all + 1 : 0;
}

/* Room for tok_symbols_most(); the bytes of each into len, unless that is NULL. */
static int char_symbols(const struct tokenizer *t, const uint8_t *word, size_t n, size_t at,
                        int32_t *ids, uint32_t *len, size_t *n_out, struct err *e)
{
    size_t count = 0;
    uint32_t waits = 0;
    bool unk = false; /* an <unk> waits, perhaps for more to join it */
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next(word + i, n - i);
        bool first = i == 0, last = i + c.len == n;
        int id = char_id(t, word + i, c, first, last);
        if (unk && len) len[count] = waits; /* of the <unk>, if it comes now */
        if (id >= 0) {
            if (unk) ids[count++] = t->unk_id;
            unk = false;
            if (len) len[count] = c.len;
            ids[count++] = id;
        } else if (falls_back(t, word + i, c, first, last)) {
            put_bytes(t, prefix_of(t, first), strlen(prefix_of(t, first)), ids, len, &count);
            put_bytes(t, (const char *)word + i, c.len, ids, len, &count);
            put_bytes(t, suffix_of(t, last), strlen(suffix_of(t, last)), ids, len, &count);
        } else if (t->unk_id >= 0) {
            if (unk && !t->fuse_unk) ids[count++] = t->unk_id;
            waits = unk && t->fuse_unk ? waits + c.len : c.len;
            unk = true;
        } else if (!t->drop_unknown) {
            return no_token(t, word + i, c, at + i, e);
        }
        i += c.len;
    }
    if (unk && len) len[count] = waits;
    if (unk) ids[count++] = t->unk_id;
    *n_out = count;
    return 0;
}

/* SentencePiece: user-defined pieces whole, else characters; those without a
 * piece get ids beyond the vocabulary, or the one of <unk>. */
static void spm_symbols(const struct tokenizer *t, const uint8_t *word, size_t n, int32_t *ids,
                        size_t *n_out)
{
    size_t count = 0;
    for (size_t i = 0; i < n;) {
        int32_t value;
        size_t len = trie_longest(&t->user, (const char *)word + i, n - i, &value);
        if (len) {
            ids[count++] = value;
            i += len;
            continue;
        }
        struct uni_char c = uni_next(word + i, n - i);
        len = trie_longest(&t->symbols, (const char *)word + i, c.len, &value);
        ids[count++] = len == c.len ? value : t->unk_id;
        i += c.len;
    }
    *n_out = count;
}

int tok_symbols(const struct tokenizer *t, const uint8_t *word, size_t n, size_t at, int32_t *ids,
                size_t *n_out, struct err *e)
{
    *n_out = n;
    if (t->byte_level) return byte_symbols(t, word, n, at, ids, e);
    if (t->source == SOURCE_SPM) {
        spm_symbols(t, word, n, ids, n_out);
        return 0;
    }
    return char_symbols(t, word, n, at, ids, NULL, n_out, e);
}

/* ---- BPE ---- */

/* With ignore_merges a piece that is a token as a whole needs no merging. */
int tok_whole_word(const struct tokenizer *t, const uint8_t *word, size_t n)
{
    if (!t->ignore_merges) return NO_ID;
    if (!t->byte_level) return word_id(t, (const char *)word, n);
    char spelled[512];
    if (n > sizeof spelled / 2) { /* rare; no token is that long */
        struct buf b = {0};
        bytemap_spell(&b, word, n);
        int id = b.oom ? NO_ID : word_id(t, b.data, b.len);
        buf_free(&b);
        return id;
    }
    size_t len = 0;
    for (size_t i = 0; i < n; i++) len += (size_t)utf8_encode(bytemap_char(word[i]), spelled + len);
    return word_id(t, spelled, len);
}

/* The lengths of what <unk> stands for, one after the other: the walk of
 * char_symbols() once more, for an <unk> may come after bytes that stand behind it. */
struct unk_walk {
    size_t at, waits;
};

static size_t unk_covers(const struct tokenizer *t, const uint8_t *word, size_t n, struct unk_walk *u)
{
    size_t len = 0;
    if (t->byte_level) return 1;
    while (u->at < n && !len) {
        struct uni_char c = uni_next(word + u->at, n - u->at);
        bool known = char_id(t, word + u->at, c, u->at == 0, u->at + c.len == n) >= 0;
        if (known || !falls_back(t, word + u->at, c, u->at == 0, u->at + c.len == n)) {
            if (known || !t->fuse_unk) {
                len = u->waits;
                u->waits = 0;
            }
            if (!known) u->waits += c.len;
        }
        u->at += c.len;
    }
    if (len) return len;
    len = u->waits;
    u->waits = 0;
    return len;
}

/* The tokens cover the word one after the other. */
static void bpe_spans(const struct tokenizer *t, const uint8_t *word, size_t n,
                      struct tok_ids *out, size_t from)
{
    size_t pos = 0;
    struct unk_walk u = {0, 0};
    for (size_t i = from; i < out->n; i++) {
        int id = out->id[i];
        size_t covers = id == t->unk_id ? unk_covers(t, word, n, &u) : t->bytes[id].covers;
        size_t next = pos + covers < n ? pos + covers : n;
        out->span[i] = (struct tok_span){.begin = pos, .end = next};
        pos = next;
    }
}

/* With affixes a token does not say what it covers: "##x" is an x inside a word, or
 * three characters at its beginning that were merged; and a character, or what a merge
 * makes, may be what stands for unknown ones, too. */
static bool needs_lengths(const struct tokenizer *t)
{
    size_t n = 0;
    if (t->source != SOURCE_JSON) return false;
    if (t->unk_merged || t->byte_level) return t->unk_merged;
    if (tok_has_affixes(t)) return true;
    const char *unk = t->unk_id >= 0 ? vocab_text(&t->vocab, t->unk_id, &n) : NULL;
    return n && uni_next((const uint8_t *)unk, n).len == n;
}

/* Symbols and the bytes that each covers. */
static int measured_symbols(const struct tokenizer *t, const uint8_t *word, size_t n, size_t at, int32_t *ids, uint32_t *len,
                            size_t *count, struct err *e)
{
    if (!t->byte_level) return char_symbols(t, word, n, at, ids, len, count, e);
    for (size_t i = 0; i < n; i++) len[i] = 1;
    *count = n;
    return byte_symbols(t, word, n, at, ids, e);
}

/* Merges some pairs, as tok_sample.h says. */
static size_t merge_some(const struct tokenizer *t, struct tok_scratch *s, int32_t *ids, uint32_t *len, size_t n)
{
    struct bpe_drop drop = {s->sampling->dropout, t->source == SOURCE_SPM, &s->draws};
    return bpe_merge_some(&t->bpe, &s->work, &drop, ids, len, n);
}

/* There is room for `most` ids. */
static int measured_word(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n, size_t at, size_t most,
                         struct tok_ids *out, struct err *e)
{
    uint32_t *len = mem_alloc(most, sizeof *len);
    size_t count = 0, pos = 0;
    if (!len) return err_oom(e, most * sizeof *len, "spans");
    int ret = measured_symbols(t, word, n, at, out->id + out->n, len, &count, e);
    if (ret == 0 && t->bpe.n_merges && count > 1) {
        int32_t *ids = out->id + out->n;
        count = s->sampling ? merge_some(t, s, ids, len, count) : bpe_merge_lengths(&t->bpe, &s->work, ids, len, count);
        if (count == 0) ret = err_oom(e, n, "merging a long word");
    }
    for (size_t i = 0; ret == 0 && i < count; i++) {
        size_t next = pos + len[i] < n ? pos + len[i] : n;
        if (out->want_spans) out->span[out->n] = (struct tok_span){.begin = pos, .end = next};
        out->n++;
        pos = next;
    }
    free(len);
    return ret;
}

/* SentencePiece: what has no piece becomes bytes, or one <unk> a run. */
int spm_push(const struct tokenizer *t, const uint8_t *word, int id, size_t pos, size_t len, bool after_unk,
             struct tok_ids *out, struct err *e)
{
    int ret = 0;
    if (id != t->unk_id) return tok_ids_push(out, id, pos, pos + len, e);
    if (t->byte_fallback) {
        for (size_t k = 0; k < len && ret == 0; k++)
            ret = tok_ids_push(out, t->byte_id[word[pos + k]], pos, k + 1 < len ? pos : pos + len, e);
        return ret;
    }
    if (!after_unk) return tok_ids_push(out, id, pos, pos + len, e);
    if (out->want_spans) out->span[out->n - 1].end = pos + len;
    return 0;
}

static int spm_tokens(const struct tokenizer *t, const uint8_t *word, size_t n, size_t from,
                      size_t count, struct tok_ids *out, struct err *e)
{
    struct tok_ids plain = {.want_spans = out->want_spans};
    size_t pos = 0;
    bool after_unk = false;
    int ret = 0;
    for (size_t i = 0; i < count && ret == 0; i++) {
        int id = out->id[from + i];
        bool unk = id == t->unk_id || id >= t->vocab.n;
        size_t len = unk ? uni_next(word + pos, n - pos).len : t->vocab.v[id].len;
        ret = spm_push(t, word, unk ? t->unk_id : id, pos, len, after_unk, &plain, e);
        after_unk = unk;
        pos += len;
    }
    out->n = from;
    for (size_t i = 0; i < plain.n && ret == 0; i++)
        ret = tok_ids_push(out, plain.id[i], plain.want_spans ? plain.span[i].begin : 0,
                           plain.want_spans ? plain.span[i].end : 0, e);
    tok_ids_free(&plain);
    return ret;
}

static bool needs_spm(const struct tokenizer *t, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == t->unk_id || ids[i] >= t->vocab.n) return true;
    return false;
}

static int bpe_word(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n,
                    size_t at, struct tok_ids *out, struct err *e)
{
    if (t->has_unused) return spmerge_word(t, s, word, n, out, e);
    size_t most = tok_symbols_most(t, n);
    if (most == 0 || tok_ids_room(out, most, e)) return most ? -1 : err_oom(e, n, "a word");
    if (s->sampling && t->source != SOURCE_SPM) return measured_word(t, s, word, n, at, most, out, e);
    int whole = tok_whole_word(t, word, n);
    if (whole >= 0) {
        if (out->want_spans) out->span[out->n] = (struct tok_span){.end = n};
        out->id[out->n++] = whole;
        return 0;
    }
    size_t from = out->n, count;
    int32_t *ids = out->id + from;
    if (out->want_spans && needs_lengths(t)) return measured_word(t, s, word, n, at, most, out, e);
    if (tok_symbols(t, word, n, at, ids, &count, e)) return -1;
    if (t->bpe.n_merges && count > 1) {
        count = s->sampling ? merge_some(t, s, ids, NULL, count)
                            : bpe_merge_word(&t->bpe, &s->work, ids, count, t->byte_level ? word : NULL, NULL);
        if (count == 0) return err_oom(e, n, "merging a long word");
    }
    out->n += count;
    if (t->source == SOURCE_SPM && (out->want_spans || needs_spm(t, ids, count)))
        return spm_tokens(t, word, n, from, count, out, e);
    if (out->want_spans) bpe_spans(t, word, n, out, from);
    return 0;
}

/* ---- WordLevel ---- */

static int wordlevel_word(const struct tokenizer *t, const uint8_t *word, size_t n, size_t at,
                          struct tok_ids *out, struct err *e)
{
    int id = word_id(t, (const char *)word, n);
    if (id < 0 && (id = t->unk_id) < 0)
        return err_set(e, ERR_DATA, "word '%.*s' at byte offset %zu has no token in the vocabulary, "
                                    "and there is no unk_token",
                       n > 60 ? 60 : (int)n, (const char *)word, at);
    return tok_ids_push(out, id, 0, n, e);
}

/* SentencePiece: a word begins at each U+2581. */
static int spm_words(const struct tokenizer *t, const uint8_t *text, size_t n, struct tok_ids *out, struct err *e)
{
    bool after_unk = false;
    for (size_t pos = 0; pos < n;) {
        size_t first = uni_next(text + pos, n - pos).len;
        const uint8_t *next = memmem(text + pos + first, n - pos - first, "\xE2\x96\x81", 3);
        size_t len = next ? (size_t)(next - text) - pos : n - pos;
        int id = model_id(t, (const char *)text + pos, len);
        if (id < 0 || (t->vocab.v[id].flags & VOCAB_UNUSED) || tok_byte_of(t, id) >= 0) id = t->unk_id;
        if (spm_push(t, text, id, pos, len, after_unk, out, e)) return -1;
        after_unk = id == t->unk_id;
        pos += len;
    }
    return 0;
}

int tok_model_word(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n,
                   size_t at, struct tok_ids *out, struct err *e)
{
    if (n == 0) return 0;
    switch (t->model) {
    case MODEL_BPE: return bpe_word(t, s, word, n, at, out, e);
    case MODEL_WORDPIECE: return wordpiece_word(t, word, n, out, e);
    case MODEL_UNIGRAM:
        return s->sampling ? unigram_sample(t, s->sampling, &s->draws, word, n, out, e) : unigram_word(t, s, word, n, out, e);
    case MODEL_WORDLEVEL:
        return t->source == SOURCE_SPM ? spm_words(t, word, n, out, e) : wordlevel_word(t, word, n, at, out, e);
    }
    return -1;
}
