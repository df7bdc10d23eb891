/* GGUF files of a vocabulary alone, version 3: metadata and no tensor, as
 * llama.cpp's ggml-vocab files are.
 *
 * The format says how text is cut by a name only, has no place for most steps
 * of a tokenizer.json, and readers fill what it leaves open by their own rules:
 * what they would read as another tokenizer is refused. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/token/bytemap.h"
#include "core/token/gguf_pre.h"
#include "core/token/spm_model.h"
#include "core/token/tok_decode.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"

static int refuse(struct err *e, const char *why)
{
    return err_set(e, ERR_DATA, "GGUF cannot hold this tokenizer exactly: %s", why);
}

/* ---- metadata ---- */

struct out {
    struct buf b;
    uint64_t pairs;
};

static void put(struct buf *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) buf_addc(b, (char)(v >> (8 * i)));
}

static void put_text(struct buf *b, const char *s, size_t n)
{
    put(b, n, 8);
    buf_add(b, s, n);
}

static void key(struct out *o, const char *name, uint32_t type)
{
    put_text(&o->b, name, strlen(name));
    put(&o->b, type, 4);
    o->pairs++;
}

static void add_text(struct out *o, const char *name, const char *s)
{
    key(o, name, GGUF_STRING);
    put_text(&o->b, s, strlen(s));
}

static void add_bool(struct out *o, const char *name, bool v)
{
    key(o, name, GGUF_BOOL);
    put(&o->b, v, 1);
}

static void add_id(struct out *o, const char *name, int id)
{
    if (id < 0) return;
    key(o, name, GGUF_U32);
    put(&o->b, (uint64_t)id, 4);
}

static void add_array(struct out *o, const char *name, uint32_t type, size_t n)
{
    key(o, name, GGUF_ARRAY);
    put(&o->b, type, 4);
    put(&o->b, n, 8);
}

static void add_f32(struct buf *b, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    put(b, bits, 4);
}

static void begin(struct out *o, const char *model, const char *architecture)
{
    buf_adds(&o->b, "GGUF");
    put(&o->b, 3, 4);
    put(&o->b, 0, 8); /* tensors */
    put(&o->b, 0, 8); /* pairs: see finish() */
    add_text(o, "general.architecture", architecture);
    add_text(o, "general.name", "vocabulary");
    add_text(o, "tokenizer.ggml.model", model);
}

static int finish(struct out *o, struct buf *bytes, struct err *e)
{
    int ret = buf_ok(&o->b, e);
    for (int i = 0; ret == 0 && i < 8; i++) o->b.data[16 + i] = (char)(o->pairs >> (8 * i));
    if (ret == 0) buf_add(bytes, o->b.data, o->b.len);
    buf_free(&o->b);
    return ret ? ret : buf_ok(bytes, e);
}

/* ---- tokens of a vocabulary ---- */

static enum spm_type type_of(const struct tokenizer *t, int id)
{
    unsigned flags = t->vocab.v[id].flags;
    if (!(flags & VOCAB_USED)) return SPM_UNUSED;
    if (id == t->unk_id && t->model == MODEL_WORDPIECE) return SPM_UNKNOWN;
    if (t->model == MODEL_BPE && t->byte_fallback && tok_byte_of(t, id) >= 0) return SPM_BYTE;
    if (flags & VOCAB_SPECIAL) return SPM_CONTROL;
    return flags & VOCAB_ADDED ? SPM_USER : SPM_NORMAL;
}

/* A hole has a text that no token has. */
static void put_hole(struct out *o, const struct tokenizer *t, int id)
{
    char name[40];
    int n = snprintf(name, sizeof name, "[UNUSED_%d]", id);
    while (vocab_find(&t->vocab, name, (size_t)n) >= 0 && n < (int)sizeof name - 1) name[n++] = '_';
    put_text(&o->b, name, (size_t)n);
}

static void put_word(struct out *o, const char *s, size_t n)
{
    bool bracketed = n > 1 && s[0] == '[' && s[n - 1] == ']', goes_on = n > 2 && s[0] == '#' && s[1] == '#';
    if (goes_on) put_text(&o->b, s + 2, n - 2);
    else if (bracketed) put_text(&o->b, s, n);
    else {
        put(&o->b, n + 3, 8);
        buf_adds(&o->b, "\xE2\x96\x81");
        buf_add(&o->b, s, n);
    }
}

static void add_tokens(struct out *o, const struct tokenizer *t)
{
    add_array(o, "tokenizer.ggml.tokens", GGUF_STRING, (size_t)t->vocab.n);
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n;
        const char *s = tok_spelling(t, id, &n);
        if (!s) put_hole(o, t, id);
        else if (t->model == MODEL_WORDPIECE) put_word(o, s, n);
        else put_text(&o->b, s, n);
    }
    add_array(o, "tokenizer.ggml.token_type", GGUF_I32, (size_t)t->vocab.n);
    for (int id = 0; id < t->vocab.n; id++) put(&o->b, (uint64_t)type_of(t, id), 4);
}

/* ---- how byte pairs are cut ---- */

/* A regex by the name of its split, where that is known. */
static void say_split(struct buf *out, const struct cJSON *j)
{
    const char *regex = json_text_or(json_member(j, "pattern"), "Regex", NULL), *how = json_text_or(j, "behavior", "");
    bool invert = cJSON_IsTrue(json_member(j, "invert"));
    enum split_kind kind = regex ? split_from_regex(regex) : SPLIT_N;
    if (kind == SPLIT_N || kind == SPLIT_NONE) {
        buf_adds(out, "split ");
        json_print(out, j, 0);
    } else if ((strcmp(how, "Isolated") == 0 && !invert) || (strcmp(how, "Removed") == 0 && invert)) {
        buf_printf(out, "cut %s", split_name(kind)); /* such a regex leaves nothing out */
    } else {
        buf_printf(out, "%s %s %d", split_name(kind), how, invert);
    }
    buf_addc(out, '\n');
}

/* What a pre-tokenizer does, in one spelling for all ways to write it. */
static void say_pre(struct buf *out, const struct cJSON *j, int depth)
{
    const struct cJSON *list = json_member(j, "pretokenizers");
    const char *name = json_text_or(j, "type", "");
    if (strcmp(name, "Sequence") == 0 && depth < 8) {
        for (const struct cJSON *i = list ? list->child : NULL; i; i = i->next) say_pre(out, i, depth + 1);
    } else if (strcmp(name, "Split") == 0) {
        say_split(out, j);
    } else if (strcmp(name, "ByteLevel") == 0) {
        const struct cJSON *regex = json_member(j, "use_regex");
        buf_printf(out, "%s%sbytes\n", cJSON_IsTrue(json_member(j, "add_prefix_space")) ? "prefix\n" : "",
                   !regex || cJSON_IsTrue(regex) ? "cut gpt2\n" : "");
    } else {
        json_print(out, j, 0);
        buf_addc(out, '\n');
    }
}

static int say(const char *json, struct buf *out, struct err *e)
{
    struct cJSON *j = json_parse(json, strlen(json), "pre_tokenizer", NULL, e);
    if (!j) return -1;
    say_pre(out, j, 0);
    json_free(j);
    return buf_ok(out, e);
}

static bool is_form(const struct tokenizer *t, enum gguf_form form)
{
    if (form == FORM_NFC) return t->norm.n == 1 && t->norm.step[0].kind == NORM_NFC;
    return t->norm.n == 0;
}

/* *out = the name whose tokenizer cuts and normalises as this one, or NULL: first
 * one of the same ignore_merges, then one that says how text is normalised. */
static int find_pre(const struct tokenizer *t, const struct gguf_pre **out, struct err *e)
{
    struct buf mine = {0}, its = {0}, json = {0};
    bool either = false;
    int best = 0;
    int ret = t->part[PART_PRE] ? say(t->part[PART_PRE], &mine, e) : 0;
    if (ret == 0) ret = tok_reaches_all(t, &either, e);
    *out = NULL;
    for (size_t k = 0; ret == 0 && gguf_pre_at(k); k++) {
        const struct gguf_pre *p = gguf_pre_at(k);
        if ((p->ignore_merges != t->ignore_merges && !either) || !is_form(t, p->form)) continue;
        int fit = 2 * (p->ignore_merges == t->ignore_merges) + (p->form != FORM_UNKNOWN);
        if (*out && fit <= best) continue;
        buf_clear(&json);
        buf_clear(&its);
        buf_adds(&json, "{\"type\":\"Sequence\",\"pretokenizers\":[");
        gguf_pre_chain(p, &json);
        buf_adds(&json, "]}");
        ret = buf_ok(&json, e) || say(json.data, &its, e) ? -1 : 0;
        if (ret || !mine.data || strcmp(mine.data, its.data) != 0) continue;
        *out = p;
        best = fit;
    }
    buf_free(&mine);
    buf_free(&its);
    buf_free(&json);
    return ret;
}

/* ---- byte-level byte pairs ---- */

/* A template of at most a token on each side; what a pair gets follows. */
static bool ends_of(const struct tokenizer *t, int *bos, int *eos)
{
    const struct tok_places *p = &t->single;
    *bos = *eos = -1;
    if (p->n == 0) return true;
    if (p->text > 1 || p->n - p->text > 2) return false;
    if (p->text == 1) *bos = p->v[0].id;
    if (p->n - p->text == 2) *eos = p->v[p->text + 1].id;
    return p->n - p->text == 1 || *eos >= 0; /* not the text again */
}

static const char *unfit_added(const struct tokenizer *t)
{
    for (size_t i = 0; i < t->n_added; i++) {
        const struct tok_added *a = &t->added[i];
        bool in_model = (t->vocab.v[a->id].flags & VOCAB_MODEL) != 0;
        if (a->lstrip || a->rstrip || a->single_word)
            return "added tokens take no space beside them and need no borders there";
        if (a->normalized && t->norm.n) return "added tokens are found before text is normalized";
        if (in_model && t->ignore_merges && a->special) return "a special token is a word of the model, too";
    }
    return NULL;
}

static bool has_bytes(const struct tokenizer *t)
{
    bool all = true;
    for (int i = 0; i < 256 && all; i++) {
        struct buf spelled = {0};
        uint8_t byte = (uint8_t)i;
        bytemap_spell(&spelled, &byte, 1);
        all = !spelled.oom && vocab_find(&t->vocab, spelled.data, spelled.len) >= 0;
        buf_free(&spelled);
    }
    return all;
}

static const char *unfit_bytes(const struct tokenizer *t)
{
    if (t->source != SOURCE_JSON || t->model != MODEL_BPE || t->decoder.n != 1 || !t->decoder.bytes)
        return "byte-level BPE, WordPiece as in vocab.txt and SentencePiece's .model are the kinds it has names for";
    if (!has_bytes(t)) return "not every byte has a token";
    if (tok_has_affixes(t)) return "it has no affixes of subwords";
    if (t->limits.truncate || t->limits.pads) return "it has no place for truncation and padding";
    return unfit_added(t);
}

static const char wide_template[] = "its template has at most a token at each end of a text";

/* Read back, it must encode as before. */
static int same_bytes(const struct tokenizer *t, const struct buf *bytes, struct err *e)
{
    struct tokenizer *back = tok_from_gguf(bytes->data, bytes->len, "the written GGUF", e);
    if (!back) return -1;
    bool same = tok_same_merges(t, back);
    bool places = tok_same_places(&t->single, &back->single) && (!t->pair.n || tok_same_places(&t->pair, &back->pair));
    tok_free(back);
    if (!same) return refuse(e, "tokens and merges read back otherwise");
    return places ? 0 : refuse(e, wide_template);
}

static void add_merges(struct out *o, const struct tokenizer *t)
{
    add_array(o, "tokenizer.ggml.merges", GGUF_STRING, t->bpe.n_merges);
    for (size_t i = 0; i < t->bpe.n_merges; i++) {
        size_t n, m;
        const char *left = vocab_text(&t->vocab, t->bpe.merge[i].left, &n);
        const char *right = vocab_text(&t->vocab, t->bpe.merge[i].right, &m);
        put(&o->b, n + m + 1, 8);
        buf_add(&o->b, left, n);
        buf_addc(&o->b, ' ');
        buf_add(&o->b, right, m);
    }
}

static void add_ends(struct out *o, const struct tokenizer *t, int bos, int eos)
{
    add_id(o, "tokenizer.ggml.bos_token_id", bos >= 0 ? bos : t->bos);
    add_id(o, "tokenizer.ggml.eos_token_id", eos >= 0 ? eos : t->eos);
    add_bool(o, "tokenizer.ggml.add_bos_token", bos >= 0);
    add_bool(o, "tokenizer.ggml.add_eos_token", eos >= 0);
    add_bool(o, "tokenizer.ggml.add_space_prefix", false);
}

static int write_bytes(const struct tokenizer *t, struct buf *bytes, struct err *e)
{
    const char *why = unfit_bytes(t);
    const struct gguf_pre *pre;
    struct out o = {0};
    int bos, eos;
    if (why) return refuse(e, why);
    if (!ends_of(t, &bos, &eos)) return refuse(e, wide_template);
    if (find_pre(t, &pre, e)) return -1;
    if (!pre)
        return refuse(e, "the names that it has for pre-tokenizers stand for others (split, normalizer or "
                         "ignore_merges differ)");
    begin(&o, "gpt2", "gpt2");
    add_text(&o, "tokenizer.ggml.pre", pre->name);
    add_tokens(&o, t);
    add_merges(&o, t);
    add_ends(&o, t, bos, eos);
    return finish(&o, bytes, e) ? -1 : same_bytes(t, bytes, e);
}

/* ---- byte pairs of characters, as Gemma 4's ---- */

static bool is_like_gemma(const struct tokenizer *t)
{
    return t->source == SOURCE_JSON && t->model == MODEL_BPE && t->byte_fallback;
}

static const char *unfit_gemma(const struct tokenizer *t)
{
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n, ends = 0;
        const char *s = vocab_text(&t->vocab, id, &n);
        for (size_t k = 0; (t->vocab.v[id].flags & VOCAB_MODEL) && k < n; k++) ends += s[k] == '\n';
        if (ends && ends < n) return "its readers do not merge across the ends of lines";
    }
    return t->limits.truncate || t->limits.pads ? "it has no place for truncation and padding" : unfit_added(t);
}

static bool same_part(const struct tokenizer *a, const struct tokenizer *b, enum tok_part part)
{
    const char *x = a->part[part], *y = b->part[part];
    return x && y && strcmp(x, y) == 0;
}

static bool same_gemma(const struct tokenizer *a, const struct tokenizer *b)
{
    return same_part(a, b, PART_NORMALIZER) && same_part(a, b, PART_PRE) && same_part(a, b, PART_DECODER) && !tok_has_affixes(a) &&
           a->ignore_merges == b->ignore_merges && a->fuse_unk == b->fuse_unk && a->unk_id == b->unk_id;
}

static int write_gemma(const struct tokenizer *t, struct buf *bytes, struct err *e)
{
    const char *why = unfit_gemma(t);
    struct out o = {0};
    int bos, eos;
    if (why) return refuse(e, why);
    if (!ends_of(t, &bos, &eos)) return refuse(e, wide_template);
    begin(&o, "gemma4", "gemma4");
    add_tokens(&o, t);
    add_merges(&o, t);
    add_ends(&o, t, bos, eos);
    add_id(&o, "tokenizer.ggml.unknown_token_id", t->unk_id);
    if (finish(&o, bytes, e)) return -1;
    struct tokenizer *back = tok_from_gguf(bytes->data, bytes->len, "the written GGUF", e);
    if (!back) return -1;
    bool same = same_gemma(t, back);
    tok_free(back);
    return same ? same_bytes(t, bytes, e) : refuse(e, "of BPE with byte_fallback it has that of Gemma 4 (its normalizer, pre-tokenizer, decoder "
                                                      "and options)");
}

/* ---- WordPiece ---- */

static int write_words(const struct tokenizer *t, struct buf *bytes, struct err *e)
{
    struct buf lines = {0};
    struct out o = {0};
    struct tok_bert form = tok_bert_of(t);
    int cls = tok_id(t, "[CLS]"), sep = tok_id(t, "[SEP]");
    int ret = tok_export(t, FORMAT_VOCAB_TXT, &lines, NULL, e);
    buf_free(&lines);
    if (ret) return err_wrap(e, "GGUF holds what vocab.txt holds");
    if (!form.cuts_chinese) return refuse(e, "its words always end at Chinese characters");
    begin(&o, "bert", "bert");
    add_tokens(&o, t);
    add_id(&o, "tokenizer.ggml.bos_token_id", cls);
    add_id(&o, "tokenizer.ggml.cls_token_id", cls);
    add_id(&o, "tokenizer.ggml.seperator_token_id", sep);
    add_id(&o, "tokenizer.ggml.unknown_token_id", t->unk_id);
    add_id(&o, "tokenizer.ggml.padding_token_id", tok_id(t, "[PAD]"));
    add_id(&o, "tokenizer.ggml.mask_token_id", tok_id(t, "[MASK]"));
    add_bool(&o, "tokenizer.ggml.add_bos_token", cls >= 0);
    add_bool(&o, "tokenizer.ggml.add_eos_token", sep >= 0);
    add_bool(&o, "tokenizer.ggml.normalizer.lowercase", form.lowercase);
    if (form.strips_accents != form.lowercase) add_bool(&o, "tokenizer.ggml.normalizer.strip_accents", form.strips_accents);
    if (finish(&o, bytes, e)) return -1;
    struct tokenizer *back = tok_from_gguf(bytes->data, bytes->len, "the written GGUF", e);
    if (!back) return -1;
    bool same = tok_same_merges(t, back) && tok_same_steps(t, back);
    tok_free(back);
    return same ? 0 : refuse(e, "some of its words read as others without their ## or in brackets");
}

/* ---- SentencePiece ---- */

static bool usual_surface(const struct spm_model *m)
{
    size_t n = strlen(SPM_SURFACE);
    return !m->has_surface || (m->unk_surface.len == n && memcmp(m->unk_surface.data, SPM_SURFACE, n) == 0);
}

static const char *unfit_pieces(const struct spm_model *m)
{
    bool bpe = m->kind == SPM_BPE;
    if (!bpe && m->kind != SPM_UNIGRAM) return "of SentencePiece's models it has BPE and unigram";
    if (m->suffix || !m->escape_whitespaces || m->denorm_map.len) return "it has SentencePiece's usual white space and no denormalizer";
    if (!usual_surface(m)) return "its readers show U+2047 for unknown text";
    if (bpe && !m->byte_fallback) return "its readers take characters without a piece apart into bytes";
    if (!bpe && m->byte_fallback) return "its readers have no bytes for what unigram has no piece for";
    if (bpe && (m->charsmap.len || m->remove_extra_whitespaces))
        return "its readers normalize nothing for SentencePiece BPE (train with --norm identity --keep-spaces)";
    for (size_t i = 0; i < m->n; i++) {
        if (bpe && m->piece[i].type == SPM_USER) return "its readers put a space behind user-defined pieces";
        if (m->piece[i].type == SPM_UNUSED) return "its readers do not take unused pieces apart";
    }
    return NULL;
}

static bool same_pieces(const struct spm_model *a, const struct spm_model *b)
{
    bool same = a->n == b->n && a->kind == b->kind && a->byte_fallback == b->byte_fallback &&
                a->charsmap.len == b->charsmap.len && a->add_dummy_prefix == b->add_dummy_prefix &&
                a->remove_extra_whitespaces == b->remove_extra_whitespaces &&
                (!a->charsmap.len || memcmp(a->charsmap.data, b->charsmap.data, a->charsmap.len) == 0);
    for (size_t i = 0; same && i < a->n; i++) {
        const struct spm_piece *x = &a->piece[i], *y = &b->piece[i];
        same = x->len == y->len && x->type == y->type && memcmp(&x->score, &y->score, sizeof x->score) == 0 &&
               (!x->len || memcmp(a->text.data + x->off, b->text.data + y->off, x->len) == 0);
    }
    return same;
}

static int pieces_back(const struct spm_model *m, const struct buf *bytes, struct err *e)
{
    struct spm_model again;
    struct tokenizer *back = tok_from_gguf(bytes->data, bytes->len, "the written GGUF", e);
    if (!back || spm_model_read(&again, back->source_bytes.data, back->source_bytes.len, "the written GGUF", e)) {
        tok_free(back);
        return -1;
    }
    bool same = same_pieces(m, &again);
    spm_model_free(&again);
    tok_free(back);
    return same ? 0 : refuse(e, "its pieces read back otherwise");
}

static void add_pieces(struct out *o, const struct spm_model *m)
{
    add_array(o, "tokenizer.ggml.tokens", GGUF_STRING, m->n);
    for (size_t i = 0; i < m->n; i++) put_text(&o->b, m->text.data + m->piece[i].off, m->piece[i].len);
    add_array(o, "tokenizer.ggml.scores", GGUF_F32, m->n);
    for (size_t i = 0; i < m->n; i++) add_f32(&o->b, m->piece[i].score);
    add_array(o, "tokenizer.ggml.token_type", GGUF_I32, m->n);
    for (size_t i = 0; i < m->n; i++) put(&o->b, (uint64_t)m->piece[i].type, 4);
}

static int write_pieces(const struct tokenizer *t, struct buf *bytes, struct err *e)
{
    struct spm_model m;
    struct out o = {0};
    if (spm_model_read(&m, t->source_bytes.data, t->source_bytes.len, "the model", e)) return -1;
    const char *why = unfit_pieces(&m);
    int ret = why ? refuse(e, why) : 0;
    if (ret == 0) {
        bool bpe = m.kind == SPM_BPE;
        begin(&o, bpe ? "llama" : "t5", bpe ? "llama" : "t5");
        add_text(&o, "tokenizer.ggml.pre", "default");
        add_pieces(&o, &m);
        if (m.charsmap.len) {
            add_array(&o, "tokenizer.ggml.precompiled_charsmap", GGUF_U8, m.charsmap.len);
            buf_add(&o.b, m.charsmap.data, m.charsmap.len);
        }
        add_id(&o, "tokenizer.ggml.bos_token_id", t->bos);
        add_id(&o, "tokenizer.ggml.eos_token_id", t->eos);
        add_id(&o, "tokenizer.ggml.unknown_token_id", t->unk_id);
        add_bool(&o, "tokenizer.ggml.add_bos_token", t->adds_bos);
        add_bool(&o, "tokenizer.ggml.add_eos_token", t->adds_eos);
        add_bool(&o, "tokenizer.ggml.add_space_prefix", m.add_dummy_prefix);
        add_bool(&o, "tokenizer.ggml.remove_extra_whitespaces", m.remove_extra_whitespaces);
        ret = finish(&o, bytes, e) || pieces_back(&m, bytes, e) ? -1 : 0;
    }
    spm_model_free(&m);
    return ret;
}

/* ---- RWKV's world vocabulary ---- */

static int write_rwkv(const struct tokenizer *t, struct buf *bytes, struct err *e)
{
    struct out o = {0};
    struct buf text = {0};
    begin(&o, "rwkv", "rwkv7");
    add_array(&o, "tokenizer.ggml.tokens", GGUF_STRING, (size_t)t->vocab.n);
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n;
        const char *s = tok_spelling(t, id, &n);
        buf_clear(&text);
        if (!s) put_hole(&o, t, id);
        else if (id == 0) put_text(&o.b, s, n);
        else {
            tok_rwkv_escape(t, id, &text);
            put_text(&o.b, buf_text(&text), text.len);
        }
    }
    add_array(&o, "tokenizer.ggml.token_type", GGUF_I32, (size_t)t->vocab.n);
    for (int id = 0; id < t->vocab.n; id++)
        put(&o.b, (uint64_t)(t->vocab.v[id].flags & VOCAB_USED ? id ? SPM_NORMAL : SPM_CONTROL : SPM_UNUSED), 4);
    add_id(&o, "tokenizer.ggml.eos_token_id", t->eos);
    o.b.oom = o.b.oom || text.oom;
    buf_free(&text);
    if (finish(&o, bytes, e)) return -1;
    struct tokenizer *back = tok_from_gguf(bytes->data, bytes->len, "the written GGUF", e);
    if (!back) return -1;
    bool same = tok_hash(back) == tok_hash(t);
    tok_free(back);
    return same ? 0 : refuse(e, "its tokens read back otherwise");
}

/* The merges that ranks come to. */
static int write_ranks(const struct tokenizer *t, struct buf *bytes, struct err *e)
{
    struct buf json = {0};
    struct tokenizer *list = tok_ranks_as_json(t, &json, e) ? NULL : tok_parse(json.data, json.len, "the merges", e);
    int ret = list ? write_bytes(list, bytes, e) : -1;
    tok_free(list);
    buf_free(&json);
    return ret;
}

int tok_to_gguf(const struct tokenizer *t, struct buf *out, struct err *e)
{
    if (t->source == SOURCE_SPM) return write_pieces(t, out, e);
    if (t->source == SOURCE_TIKTOKEN) return write_ranks(t, out, e);
    if (tok_is_rwkv(t)) return write_rwkv(t, out, e);
    if (t->source == SOURCE_JSON && t->model == MODEL_WORDPIECE) return write_words(t, out, e);
    if (is_like_gemma(t)) return write_gemma(t, out, e);
    return write_bytes(t, out, e);
}
