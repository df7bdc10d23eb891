#include "core/token/train_wordpiece.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/train_bpe.h"
#include "core/token/unicode.h"

enum { CODES = 0x110000 };

const char *const wordpiece_special[5] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

struct alphabet {
    uint64_t *count;   /* [CODES] */
    bool *inside;      /* [CODES] seen behind the first place of a word */
    int32_t *first, *later; /* [CODES] token of a character, -1 = none */
};

static void alphabet_free(struct alphabet *a)
{
    free(a->count);
    free(a->inside);
    free(a->first);
    free(a->later);
}

static int count_chars(struct alphabet *a, const struct word_table *words, size_t *n_words, size_t *n_sym,
                       struct err *e)
{
    char tmp[16];
    const char *word;
    size_t n;
    uint64_t count;
    a->count = mem_zalloc(CODES, sizeof *a->count);
    a->inside = mem_zalloc(CODES, sizeof *a->inside);
    a->first = mem_alloc(CODES, sizeof *a->first);
    a->later = mem_alloc(CODES, sizeof *a->later);
    if (!a->count || !a->inside || !a->first || !a->later) return err_oom(e, CODES * 17, "characters");
    for (size_t at = 0; word_table_next(words, &at, tmp, &word, &n, &count); ++*n_words) {
        for (size_t i = 0; i < n; ++*n_sym) {
            struct uni_char c = uni_next((const uint8_t *)word + i, n - i);
            if (c.cp == UNI_BAD) return err_set(e, ERR_DATA, "invalid UTF-8: WordPiece learns characters");
            a->count[c.cp] += count;
            if (i) a->inside[c.cp] = true;
            i += c.len;
        }
    }
    return 0;
}

static int falling(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y; /* count, code point */
    if (a[0] != b[0]) return a[0] < b[0] ? 1 : -1;
    return a[1] < b[1] ? -1 : a[1] > b[1];
}

static int want_chars(struct alphabet *a, const char *chars, struct err *e)
{
    for (size_t i = 0, n = strlen(chars); i < n;) {
        struct uni_char u = uni_next((const uint8_t *)chars + i, n - i);
        if (u.cp == UNI_BAD) return err_set(e, ERR_USAGE, "the wanted characters are not UTF-8");
        a->count[u.cp] = UINT64_MAX;
        i += u.len;
    }
    return 0;
}

/* Rarer characters than the `most` most frequent ones are not counted. */
static int limit_alphabet(struct alphabet *a, size_t most, struct err *e)
{
    size_t n = 0;
    uint64_t(*v)[2] = mem_alloc(CODES, sizeof *v);
    if (!v) return err_oom(e, CODES * sizeof *v, "characters");
    for (size_t cp = 0; cp < CODES; cp++)
        if (a->count[cp]) v[n][0] = a->count[cp], v[n++][1] = cp;
    qsort(v, n, sizeof *v, falling);
    for (size_t i = most; i < n; i++) a->count[v[i][1]] = 0;
    free(v);
    return 0;
}

static int add_char(struct vocab *v, const char *prefix, uint32_t cp, int32_t *id, struct err *e)
{
    char text[8];
    size_t n = strlen(prefix);
    memcpy(text, prefix, n);
    n += (size_t)utf8_encode(cp, text + n);
    *id = vocab_find(v, text, n);
    if (*id >= 0) return 0;
    *id = v->n;
    return vocab_add(v, v->n, text, n, VOCAB_MODEL, e);
}

static int first_tokens(const struct tok_train_opts *o, struct alphabet *a, struct vocab *v, struct err *e)
{
    for (size_t i = 0; i < o->n_special; i++) {
        size_t n = strlen(o->special[i]);
        if (n == 0) return err_set(e, ERR_USAGE, "a special token is empty");
        if (vocab_add(v, v->n, o->special[i], n, VOCAB_MODEL, e)) return -1;
    }
    for (uint32_t cp = 0; cp < CODES; cp++) {
        a->first[cp] = a->later[cp] = -1;
        if (a->count[cp] && add_char(v, "", cp, &a->first[cp], e)) return -1;
    }
    for (uint32_t cp = 0; cp < CODES; cp++)
        if (a->count[cp] && a->inside[cp] && add_char(v, "##", cp, &a->later[cp], e)) return -1;
    if (v->n > o->vocab_size)
        return err_set(e, ERR_USAGE, "vocab size %d is too small: special tokens and characters need %d; "
                                     "raise it or lower --alphabet", o->vocab_size, v->n);
    return 0;
}

static int make_corpus(const struct alphabet *a, const struct word_table *words, struct bpe_corpus *c)
{
    char tmp[16];
    const char *word;
    size_t n;
    uint64_t count;
    for (size_t at = 0; word_table_next(words, &at, tmp, &word, &n, &count);) {
        bpe_corpus_word(c, count);
        for (size_t i = 0; i < n;) {
            struct uni_char u = uni_next((const uint8_t *)word + i, n - i);
            /* A character at the front has no prefix even if what was there is left out. */
            int32_t id = i ? a->later[u.cp] : a->first[u.cp];
            if (id >= 0) bpe_corpus_symbol(c, (uint32_t)id);
            i += u.len;
        }
    }
    return 0;
}

static void write_json(const struct tok_train_opts *o, const struct vocab *v, struct buf *out)
{
    int cls = -1, sep = -1;
    size_t n;
    buf_adds(out, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[");
    for (size_t i = 0; i < o->n_special; i++) {
        if (!strcmp(o->special[i], "[CLS]")) cls = (int)i;
        if (!strcmp(o->special[i], "[SEP]")) sep = (int)i;
        buf_printf(out, "%s{\"id\":%zu,\"content\":", i ? "," : "", i);
        buf_add_json(out, o->special[i], strlen(o->special[i]));
        buf_adds(out, ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,"
                      "\"special\":true}");
    }
    buf_printf(out, "],\"normalizer\":%s,\"pre_tokenizer\":%s,", o->normalizer ? o->normalizer : "null",
               o->pre ? o->pre : "null");
    if (cls >= 0 && sep >= 0)
        buf_printf(out,
                   "\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",%d],\"cls\":[\"[CLS]\",%d]},",
                   sep, cls);
    else
        buf_adds(out, "\"post_processor\":null,");
    buf_adds(out, "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},\"model\":{\"type\":"
                  "\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
                  "\"max_input_chars_per_word\":100,\"vocab\":{");
    for (int id = 0; id < v->n; id++) {
        const char *s = vocab_text(v, id, &n);
        if (id) buf_addc(out, ',');
        buf_add_json(out, s, n);
        buf_printf(out, ":%d", id);
    }
    buf_adds(out, "}}}");
}

int wordpiece_learn(const struct tok_train_opts *o, struct word_table *words, struct buf *file,
                    struct tok_train_stats *stats, struct err *e)
{
    struct alphabet a = {0};
    struct vocab v = {0};
    struct bpe merges = {0};
    struct bpe_corpus c = {0};
    struct bpe_rules rules = {.vocab_size = o->vocab_size, .min_count = o->min_count, .prefix = "##",
                              .max_len = (uint32_t)o->max_len};
    size_t n_words = 0, n_sym = 0;
    int ret = count_chars(&a, words, &n_words, &n_sym, e);
    if (ret == 0 && n_words == 0) ret = err_set(e, ERR_DATA, "no text: there is nothing to learn");
    if (ret == 0 && o->chars) ret = want_chars(&a, o->chars, e);
    if (ret == 0 && o->alphabet) ret = limit_alphabet(&a, o->alphabet, e);
    if (ret == 0) ret = first_tokens(o, &a, &v, e);
    if (ret == 0) ret = bpe_corpus_start(&c, n_words, n_sym, e);
    if (ret == 0) ret = make_corpus(&a, words, &c);
    word_table_free(words);
    if (ret == 0) ret = bpe_learn(&c, &rules, &v, &merges, &stats->last_count, e);
    if (ret == 0) write_json(o, &v, file);
    if (ret == 0) ret = buf_ok(file, e);
    stats->vocab_size = v.n;
    alphabet_free(&a);
    bpe_corpus_free(&c);
    vocab_free(&v);
    bpe_free(&merges);
    return ret;
}
