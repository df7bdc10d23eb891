/* Compares ids, offsets and decoded text with recorded cases of other
 * implementations.
 *
 * usage: golden_tokenizers GOLDEN_DIR
 *
 * GOLDEN_DIR/tokenizers/cases/hf_NAME.jsonl go with models/NAME.json (or
 * NAME_tokenizer.json); cases/inputs.jsonl holds the texts by name.  One line a
 * file, last "N passed, N failed, N skipped". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/char_index.h"
#include "core/token/charsmap_build.h"
#include "core/token/jlex.h"
#include "core/token/tok_feed.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_scratch.h"
#include "core/token/train.h"

enum verdict { PASSED, FAILED, SKIPPED };

struct ints {
    int64_t *v;
    size_t n;
};

struct record {
    struct buf name, text, decoded, decoded_raw;
    struct ints ids, ids_nospecial, decode_ids, offsets, spans; /* offsets in characters, spans in bytes */
    bool has_text, has_ids, has_nospecial, has_decode, has_offsets, has_spans, has_decoded, has_raw;
};

static void record_free(struct record *r)
{
    buf_free(&r->name);
    buf_free(&r->text);
    buf_free(&r->decoded);
    buf_free(&r->decoded_raw);
    free(r->ids.v);
    free(r->ids_nospecial.v);
    free(r->decode_ids.v);
    free(r->offsets.v);
    free(r->spans.v);
    memset(r, 0, sizeof *r);
}

static int read_text(struct jlex *x, struct buf *out, bool *has, struct err *e)
{
    const char *s;
    size_t n;
    if (jlex_string(x, &s, &n, e)) return -1;
    buf_clear(out);
    buf_add(out, s, n);
    buf_add(out, "", 0);
    *has = true;
    return buf_ok(out, e);
}

/* A list of integers, or of lists of them, flattened. */
static int read_ints(struct jlex *x, struct ints *out, struct err *e)
{
    if (jlex_try(x, '[')) {
        if (jlex_try(x, ']')) return 0;
        do
            if (read_ints(x, out, e)) return -1;
        while (jlex_try(x, ','));
        return jlex_expect(x, ']', e);
    }
    int64_t *p = mem_resize(out->v, out->n + 1, sizeof *p);
    if (!p) return err_oom(e, out->n, "numbers");
    out->v = p;
    return jlex_int(x, &out->v[out->n++], e);
}

static int skip_value(struct jlex *x, struct err *e)
{
    const char *s;
    size_t n;
    double v;
    if (jlex_try(x, '[')) {
        if (jlex_try(x, ']')) return 0;
        do
            if (skip_value(x, e)) return -1;
        while (jlex_try(x, ','));
        return jlex_expect(x, ']', e);
    }
    while (x->p < x->end && *x->p == ' ') x->p++;
    if (x->p < x->end && *x->p == '"') return jlex_string(x, &s, &n, e);
    if (x->end - x->p >= 4 && (!memcmp(x->p, "null", 4) || !memcmp(x->p, "true", 4))) {
        x->p += 4;
        return 0;
    }
    return jlex_number(x, &v, e);
}

static int read_member(struct jlex *x, struct record *r, const char *key, struct err *e)
{
    bool has = false;
    if (!strcmp(key, "name")) return read_text(x, &r->name, &has, e);
    if (!strcmp(key, "text")) return read_text(x, &r->text, &r->has_text, e);
    if (!strcmp(key, "decoded")) return read_text(x, &r->decoded, &r->has_decoded, e);
    if (!strcmp(key, "decoded_raw")) return read_text(x, &r->decoded_raw, &r->has_raw, e);
    if (!strcmp(key, "ids")) r->has_ids = true;
    else if (!strcmp(key, "ids_nospecial")) r->has_nospecial = true;
    else if (!strcmp(key, "decode_ids")) r->has_decode = true;
    else if (!strcmp(key, "offsets")) r->has_offsets = true;
    else if (!strcmp(key, "spans")) r->has_spans = true;
    else return skip_value(x, e);
    return read_ints(x, !strcmp(key, "offsets")                           ? &r->offsets
                        : !strcmp(key, "spans")                           ? &r->spans
                        : !strcmp(key, "ids")                             ? &r->ids
                        : !strcmp(key, "ids_nospecial")                   ? &r->ids_nospecial
                                                                          : &r->decode_ids,
                     e);
}

static int read_record(const char *line, size_t n, const char *name, struct record *r,
                       struct err *e)
{
    struct jlex x;
    int ret = -1;
    jlex_init(&x, line, (struct jlex_span){line, line + n}, name);
    if (jlex_expect(&x, '{', e)) goto out;
    do {
        const char *s;
        size_t len;
        char key[64];
        if (jlex_string(&x, &s, &len, e)) goto out;
        snprintf(key, sizeof key, "%.*s", (int)len, s);
        if (jlex_expect(&x, ':', e) || read_member(&x, r, key, e)) goto out;
    } while (jlex_try(&x, ','));
    ret = jlex_expect(&x, '}', e);
out:
    jlex_free(&x);
    return ret;
}

struct records {
    struct record *v;
    size_t n;
};

static void records_free(struct records *r)
{
    for (size_t i = 0; i < r->n; i++) record_free(&r->v[i]);
    free(r->v);
}

static int read_records(const char *path, struct records *out, struct err *e)
{
    struct buf text = {0};
    int ret = -1;
    memset(out, 0, sizeof *out);
    if (file_read_all(path, (size_t)256 << 20, &text, e)) return -1;
    for (char *p = text.data, *end = text.data + text.len; p < end;) {
        char *nl = memchr(p, '\n', (size_t)(end - p));
        if (!nl) nl = end;
        struct record *v = mem_resize(out->v, out->n + 1, sizeof *v);
        if (!v) goto out;
        out->v = v;
        memset(&v[out->n], 0, sizeof *v);
        if (nl > p && *p == '{' && read_record(p, (size_t)(nl - p), path, &v[out->n++], e)) goto out;
        p = nl + 1;
    }
    ret = 0;
out:
    buf_free(&text);
    return ret;
}

static const struct record *by_name(const struct records *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->v[i].name.data, name)) return &r->v[i];
    return NULL;
}

/* One id after the other; what is no UTF-8 at the end is U+FFFD. */
static int decode_lossy(const struct tokenizer *t, const struct ints *ids, bool skip,
                        struct buf *out, struct err *e)
{
    struct tok_feed f = {0};
    struct buf bytes = {0};
    int ret = 0;
    tok_feed_init(&f, t, skip);
    for (size_t i = 0; i < ids->n && ret == 0; i++) {
        int32_t id = (int32_t)ids->v[i];
        ret = tok_feed_add(&f, &id, 1, &bytes, e);
    }
    if (ret == 0) ret = tok_feed_end(&f, &bytes, e);
    if (ret == 0) utf8_add_lossy(out, buf_text(&bytes), bytes.len);
    buf_add(out, "", 0);
    tok_feed_free(&f);
    buf_free(&bytes);
    return ret ? ret : buf_ok(out, e);
}

static bool ids_equal(const struct ints *want, const struct tok_ids *got)
{
    if (want->n != got->n) return false;
    for (size_t i = 0; i < want->n; i++)
        if (want->v[i] != got->id[i]) return false;
    return true;
}

static int64_t chars_before(const char *s, size_t at)
{
    int64_t n = 0;
    for (size_t i = 0; i < at; i++) n += (s[i] & 0xC0) != 0x80;
    return n;
}

/* The recorded offsets count characters, and a token that is a part of a
 * character has the whole of it. */
static bool offsets_equal(const struct ints *want, const struct tok_ids *got, const char *text,
                          size_t n)
{
    if (want->n != 2 * got->n) return false;
    for (size_t i = 0; i < got->n; i++) {
        size_t begin = got->span[i].begin, end = got->span[i].end;
        while (begin > 0 && begin < n && (text[begin] & 0xC0) == 0x80) begin--;
        while (end < n && (text[end] & 0xC0) == 0x80) end++;
        if (chars_before(text, begin) != want->v[2 * i] || chars_before(text, end) != want->v[2 * i + 1])
            return false;
    }
    return true;
}

static bool spans_equal(const struct ints *want, const struct tok_ids *got)
{
    if (want->n != 2 * got->n) return false;
    for (size_t i = 0; i < got->n; i++)
        if ((size_t)want->v[2 * i] != got->span[i].begin || (size_t)want->v[2 * i + 1] != got->span[i].end)
            return false;
    return true;
}

struct score {
    size_t n, ids, offsets, decoded;
    unsigned flags; /* SentencePiece reads no control symbols from text */
};

static void differs(struct score *s, size_t *what, const char *kind, const struct record *r)
{
    if ((*what)++ < 5) printf("    %s differ: %s\n", kind, r->name.data);
    (void)s;
}

static int check_encode(const struct tokenizer *t, struct tok_scratch *scratch,
                        const struct record *r, const struct buf *text, struct score *s,
                        struct err *e)
{
    struct tok_ids got = {.want_spans = true};
    int ret = tok_encode(t, scratch, text->data, text->len, s->flags | TOK_TEMPLATE | TOK_LIMITS, &got, e);
    if (ret == 0 && !ids_equal(&r->ids, &got)) differs(s, &s->ids, "ids", r);
    else if (ret == 0 && r->has_spans && !spans_equal(&r->spans, &got)) differs(s, &s->offsets, "spans", r);
    else if (ret == 0 && r->has_offsets && !offsets_equal(&r->offsets, &got, text->data, text->len))
        differs(s, &s->offsets, "offsets", r);
    got.n = 0;
    if (ret == 0 && r->has_nospecial) {
        ret = tok_encode(t, scratch, text->data, text->len, s->flags, &got, e);
        if (ret == 0 && !ids_equal(&r->ids_nospecial, &got)) differs(s, &s->ids, "ids", r);
    }
    tok_ids_free(&got);
    /* Without spans text takes other ways, with caches: once to fill them and
     * once to use them. */
    struct tok_ids fast = {0};
    for (int round = 0; round < 2 && ret == 0; round++) {
        fast.n = 0;
        ret = tok_encode(t, scratch, text->data, text->len, s->flags | TOK_TEMPLATE | TOK_LIMITS, &fast, e);
        if (ret == 0 && !ids_equal(&r->ids, &fast)) differs(s, &s->ids, "ids without spans", r);
    }
    tok_ids_free(&fast);
    return ret;
}

static int check_decode(const struct tokenizer *t, const struct record *r, struct score *s,
                        struct err *e)
{
    const struct ints *ids = r->has_decode ? &r->decode_ids : &r->ids;
    struct buf plain = {0}, raw = {0};
    bool skip = !r->has_decode; /* lists of random ids are recorded with special tokens kept */
    const struct ints *all = r->has_nospecial && skip ? &r->ids_nospecial : ids;
    int ret = decode_lossy(t, ids, skip, &plain, e) || decode_lossy(t, all, false, &raw, e) ? -1 : 0;
    if (ret == 0 && r->has_decoded &&
        (plain.len != r->decoded.len || memcmp(plain.data, r->decoded.data, plain.len)))
        differs(s, &s->decoded, "decoded texts", r);
    else if (ret == 0 && r->has_raw &&
             (raw.len != r->decoded_raw.len || memcmp(raw.data, r->decoded_raw.data, raw.len)))
        differs(s, &s->decoded, "decoded texts", r);
    /* The whole at once is the same as one token after the other. */
    struct buf once = {0};
    int32_t *v = mem_alloc(all->n, sizeof *v);
    for (size_t i = 0; v && i < all->n; i++) v[i] = (int32_t)all->v[i];
    if (ret == 0 && (!v || tok_decode(t, v, all->n, false, &once, e))) ret = -1;
    bool valid = utf8_valid_prefix(buf_text(&once), once.len) == once.len;
    if (ret == 0 && valid && r->has_raw && (once.len != r->decoded_raw.len ||
        (once.len && memcmp(once.data, r->decoded_raw.data, once.len))))
        differs(s, &s->decoded, "texts decoded at once", r);
    buf_free(&once);
    free(v);
    buf_free(&plain);
    buf_free(&raw);
    return ret;
}

static int check_file(const struct tokenizer *t, const struct records *cases,
                      const struct records *inputs, struct score *s, struct err *e)
{
    struct tok_scratch *scratch = tok_scratch_new(t, e);
    int ret = scratch ? 0 : -1;
    for (size_t i = 0; i < cases->n && ret == 0; i++) {
        const struct record *r = &cases->v[i];
        const struct record *in = r->has_text ? r : by_name(inputs, r->name.data);
        s->n++;
        if (r->has_ids && in) ret = check_encode(t, scratch, r, &in->text, s, e);
        if (ret == 0 && (r->has_decoded || r->has_raw)) ret = check_decode(t, r, s, e);
        if (ret) err_wrap(e, "%s", r->name.data);
    }
    tok_scratch_free(scratch);
    return ret;
}

/* ---- normal forms: spm_norm_RULES.jsonl, lines [code point, what it becomes]
 * and {"text": ..., "norm": ...}; code points that are not there stay as they are ---- */

static bool text_form_is(const struct norm_chain *c, struct norm *w, const char *s, size_t n, const char *want,
                         size_t n_want)
{
    struct err e;
    int changed = norm_run(c, w, s, n, &e);
    const char *got = changed > 0 ? w->out->text.data : s;
    size_t n_got = changed > 0 ? w->out->text.len : n;
    return changed >= 0 && n_got == n_want && (n_got == 0 || memcmp(got, want, n_got) == 0);
}

static bool form_is(const struct norm_chain *c, struct norm *w, uint32_t cp, const char *want, size_t n_want)
{
    char s[4];
    size_t n = (size_t)utf8_encode(cp, s);
    return text_form_is(c, w, s, n, want ? want : s, want ? n_want : n);
}

/* {"text": ..., "norm": ...} after its "{". */
static int read_norm_text(struct jlex *x, struct buf text[2], struct err *e)
{
    for (int k = 0; k < 2; k++) {
        const char *s;
        size_t n;
        if (jlex_string(x, &s, &n, e) || jlex_expect(x, ':', e) || jlex_string(x, &s, &n, e) ||
            jlex_expect(x, k ? '}' : ',', e))
            return -1;
        buf_clear(&text[k]);
        buf_add(&text[k], s, n);
    }
    return 0;
}

static int norm_differences(const char *path, const char *rules, size_t *n, size_t *bad, struct err *e)
{
    struct charsmap_rules r = {0};
    struct buf map = {0}, text = {0};
    struct norm_chain chain = {0};
    struct norm w = {0};
    struct norm_step *st = norm_chain_add(&chain, NORM_SPM, e);
    uint8_t *seen = mem_zalloc(0x110000, 1);
    int ret = st && seen && charsmap_rules_named(&r, rules, e) == 0 && charsmap_compile(&r, &map, e) == 0 &&
                      (st->map = charsmap_new(map.data, map.len, e)) && file_read_all(path, (size_t)1 << 26, &text, e) == 0
                  ? 0 : -1;
    struct jlex x;
    jlex_init(&x, text.data, (struct jlex_span){text.data, text.data + text.len}, path);
    struct buf pair[2] = {{0}, {0}};
    for (bool object = false; ret == 0 && (jlex_try(&x, '[') || (object = jlex_try(&x, '{'))); object = false) {
        int64_t cp;
        const char *s;
        size_t len;
        if (object) {
            ret = read_norm_text(&x, pair, e);
            ++*n;
            if (ret == 0 && !text_form_is(&chain, &w, buf_text(&pair[0]), pair[0].len,
                                          buf_text(&pair[1]), pair[1].len) && (*bad)++ < 5)
                printf("    differs: %s\n", pair[0].data);
        } else if (jlex_int(&x, &cp, e) || jlex_expect(&x, ',', e) || jlex_string(&x, &s, &len, e) ||
                   jlex_expect(&x, ']', e))
            ret = -1;
        else if (cp > 0 && cp < 0x110000) {
            seen[cp] = 1;
            ++*n;
            if (!form_is(&chain, &w, (uint32_t)cp, s, len) && (*bad)++ < 5) printf("    U+%04X differs\n", (unsigned)cp);
        }
    }
    for (uint32_t cp = 1; ret == 0 && cp < 0x110000; cp++)
        if (!seen[cp] && (cp < 0xD800 || cp > 0xDFFF) && !form_is(&chain, &w, cp, NULL, 0) && (*bad)++ < 5)
            printf("    U+%04X changes\n", (unsigned)cp);
    jlex_free(&x);
    buf_free(&pair[0]);
    buf_free(&pair[1]);
    free(seen);
    norm_free(&w);
    norm_chain_free(&chain);
    charsmap_rules_free(&r);
    buf_free(&map);
    buf_free(&text);
    return ret;
}

static enum verdict run_norm(const char *path, const char *file)
{
    struct err e;
    char rules[64];
    size_t n = 0, bad = 0;
    snprintf(rules, sizeof rules, "%.*s", (int)(strlen(file + 9) - strlen(".jsonl")), file + 9);
    int ret = norm_differences(path, rules, &n, &bad, &e);
    bool ok = ret == 0 && bad == 0 && n;
    if (ret) printf("FAIL tokenizers/%s: %s\n", file, e.msg);
    else printf("%s tokenizers/%s: %zu code points, %zu differences\n", ok ? "ok  " : "FAIL", file, n, bad);
    return ok ? PASSED : FAILED;
}

static struct tokenizer *load_model(const char *dir, const char *name, struct err *e)
{
    static const char *const endings[] = {".json", "_tokenizer.json", "/tokenizer.json", ".model"};
    struct buf path = {0};
    struct tokenizer *t = NULL;
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(endings) && !found; i++) {
        buf_clear(&path);
        buf_printf(&path, "%s/models/%s%s", dir, name, endings[i]);
        found = !path.oom && file_exists(path.data);
    }
    if (found) t = tok_load(path.data, e);
    else err_set(e, ERR_NOINPUT, "no model for '%s' in %s/models", name, dir);
    buf_free(&path);
    return t;
}

static enum verdict run_file(const char *dir, const char *file, const struct records *inputs)
{
    struct err e;
    char path[4400], name[256];
    snprintf(path, sizeof path, "%s/cases/%s", dir, file);
    if (!strncmp(file, "spm_norm_", 9)) return run_norm(path, file);
    const char *base = !strncmp(file, "hf_", 3) ? file + 3 : file;
    snprintf(name, sizeof name, "%.*s", (int)(strlen(base) - strlen(".jsonl")), base);
    struct tokenizer *t = load_model(dir, name, &e);
    if (!t) {
        bool later = strstr(e.msg, "not supported yet") || e.code == ERR_NOINPUT;
        printf("%s tokenizers/%s: %s\n", later ? "skip" : "FAIL", file, e.msg);
        return later ? SKIPPED : FAILED;
    }
    struct records cases = {0};
    struct score s = {.flags = strncmp(file, "spm_", 4) ? TOK_SPECIAL : 0u};
    int ret = s.flags ? tok_allow_special(t, &e) : 0;
    if (ret == 0) ret = read_records(path, &cases, &e);
    if (ret == 0) ret = check_file(t, &cases, inputs, &s, &e);
    bool bad = ret || s.ids || s.offsets || s.decoded || s.n == 0;
    if (ret) printf("FAIL tokenizers/%s: %s\n", file, e.msg);
    else
        printf("%s tokenizers/%s: %zu texts, differences: %zu ids, %zu offsets, %zu decoded\n",
               bad ? "FAIL" : "ok  ", file, s.n, s.ids, s.offsets, s.decoded);
    records_free(&cases);
    tok_free(t);
    return bad ? FAILED : PASSED;
}

/* ---- training: GOLDEN/tokenizers/train/{hf_bbpe,rustbpe}_shake_N.json are what
 * others learned from GOLDEN/../corpus/tinyshakespeare.txt ---- */

static struct tokenizer *learn(const char *corpus, int vocab_size, enum split_kind split,
                               enum tok_train_ties ties, struct err *e)
{
    struct tok_train_opts o = {.vocab_size = vocab_size, .split = split, .ties = ties};
    struct buf text = {0};
    struct tokenizer *t = NULL;
    if (file_read_all(corpus, (size_t)1 << 30, &text, e)) return NULL;
    struct tok_trainer *tr = tok_trainer_new(&o, 1, e);
    if (tr && tok_trainer_add(tr, 0, text.data, text.len, e)) tok_trainer_free(tr);
    else if (tr) t = tok_trainer_finish(tr, NULL, e);
    buf_free(&text);
    return t;
}

/* Vocabulary and merges, in order. */
static bool same_model(const struct tokenizer *a, const struct tokenizer *b)
{
    if (a->vocab.n != b->vocab.n || a->bpe.n_merges != b->bpe.n_merges) return false;
    for (int id = 0; id < a->vocab.n; id++) {
        size_t na, nb;
        const char *pa = vocab_text(&a->vocab, id, &na), *pb = vocab_text(&b->vocab, id, &nb);
        if (na != nb || memcmp(pa, pb, na)) return false;
    }
    size_t bytes = a->bpe.n_merges * sizeof *a->bpe.merge;
    return bytes == 0 || memcmp(a->bpe.merge, b->bpe.merge, bytes) == 0;
}

static int base64_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = c ? strchr(digits, c) : NULL;
    return p ? (int)(p - digits) : -1;
}

/* [["base64 of the bytes", rank], ...] against our pieces. */
static bool same_ranks(const struct tokenizer *t, const struct buf *json, struct err *e)
{
    struct jlex x;
    bool same = true;
    int count = 0;
    jlex_init(&x, json->data, (struct jlex_span){json->data, json->data + json->len}, "ranks");
    same = jlex_try(&x, '[');
    do {
        const char *s, *piece;
        size_t n, len = 0, out = 0;
        int64_t id;
        unsigned bits = 0, held = 0;
        if (jlex_expect(&x, '[', e) || jlex_string(&x, &s, &n, e)) break;
        char bytes[256];
        for (size_t i = 0; i < n && base64_value(s[i]) >= 0 && out < sizeof bytes; i++) {
            held = held << 6 | (unsigned)base64_value(s[i]);
            if ((bits += 6) >= 8) bytes[out++] = (char)(held >> (bits -= 8));
        }
        if (jlex_expect(&x, ',', e) || jlex_int(&x, &id, e) || jlex_expect(&x, ']', e)) break;
        piece = tok_piece(t, (int)id, &len);
        same = same && piece && len == out && memcmp(piece, bytes, len) == 0;
        count++;
    } while (jlex_try(&x, ','));
    jlex_free(&x);
    return same && count == tok_vocab_size(t);
}

static enum verdict run_train(const char *golden, const char *file)
{
    struct err e = {0};
    char path[4400], corpus[4400];
    struct tokenizer *want = NULL, *got = NULL;
    struct buf json = {0};
    bool hf = strncmp(file, "hf_bbpe_shake_", 14) == 0, rust = strncmp(file, "rustbpe_shake_", 14) == 0;
    if ((!hf && !rust) || !strstr(file, ".json")) {
        printf("skip tokenizers/train/%s: learning this kind is not supported yet\n", file);
        return SKIPPED;
    }
    snprintf(path, sizeof path, "%s/tokenizers/train/%s", golden, file);
    snprintf(corpus, sizeof corpus, "%s/../corpus/tinyshakespeare.txt", golden);
    bool ok = file_read_all(path, (size_t)1 << 28, &json, &e) == 0;
    if (ok && hf) ok = (want = tok_load(path, &e)) != NULL;
    int size = want ? want->vocab.n : atoi(file + 14);
    if (ok)
        ok = (got = learn(corpus, size, want ? want->split : SPLIT_GPT2,
                          hf ? TOK_TIES_HF : TOK_TIES_BYTES, &e)) != NULL;
    if (ok) ok = hf ? same_model(want, got) : same_ranks(got, &json, &e);
    printf("%s tokenizers/train/%s: %s%s\n", ok ? "ok  " : "FAIL", file,
           ok ? "the same tokens and merges" : "differs ", ok ? "" : e.msg);
    buf_free(&json);
    tok_free(want);
    tok_free(got);
    return ok ? PASSED : FAILED;
}

int main(int argc, char **argv)
{
    struct err e;
    struct records inputs;
    int count[3] = {0};
    char dir[4000], path[4400];
    if (argc != 2) {
        fprintf(stderr, "usage: golden_tokenizers GOLDEN_DIR\n");
        return 2;
    }
    snprintf(dir, sizeof dir, "%s/tokenizers", argv[1]);
    snprintf(path, sizeof path, "%s/cases/inputs.jsonl", dir);
    if (read_records(path, &inputs, &e)) {
        printf("skip tokenizers: %s\n0 passed, 0 failed, 1 skipped\n", e.msg);
        return 0;
    }
    char **names;
    size_t n;
    snprintf(path, sizeof path, "%s/cases", dir);
    if (dir_list(path, &names, &n, &e)) {
        fprintf(stderr, "%s\n", e.msg);
        return (int)e.code;
    }
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(names[i]);
        if (len < 6 || strcmp(names[i] + len - 6, ".jsonl") || !strcmp(names[i], "inputs.jsonl"))
            continue;
        count[run_file(dir, names[i], &inputs)]++;
    }
    dir_list_free(names, n);
    snprintf(path, sizeof path, "%s/train", dir);
    if (file_is_dir(path) && dir_list(path, &names, &n, &e) == 0) {
        for (size_t i = 0; i < n; i++)
            if (strncmp(names[i], "spm_", 4)) count[run_train(argv[1], names[i])]++; /* golden_train.c has those */
        dir_list_free(names, n);
    }
    records_free(&inputs);
    printf("%d passed, %d failed, %d skipped\n", count[PASSED], count[FAILED], count[SKIPPED]);
    return count[FAILED] ? 1 : 0;
}
