#include "core/token/train_chars.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/train_bpe.h"
#include "core/token/train_sort.h"
#include "core/token/unicode.h"

/* What stands around a character in its place: PREFIX unless it is the first, SUFFIX if it is the last. */
enum { PREFIX = 1, SUFFIX = 2, WAYS = 4 };

struct alphabet {
    const char *prefix, *suffix; /* "" = none */
    bool bytes;
    uint64_t *count;       /* [UNI_CODES] */
    uint8_t *seen;         /* [UNI_CODES] bits 1 << way */
    int32_t *token[WAYS];  /* [UNI_CODES] of a character in each way, -1 = none */
};

static void alphabet_free(struct alphabet *a)
{
    free(a->count);
    free(a->seen);
    for (int k = 0; k < WAYS; k++) free(a->token[k]);
}

static int alphabet_init(struct alphabet *a, struct err *e)
{
    bool ok = (a->count = mem_zalloc(UNI_CODES, sizeof *a->count)) && (a->seen = mem_zalloc(UNI_CODES, sizeof *a->seen));
    for (int k = 0; k < WAYS && ok; k++) ok = (a->token[k] = mem_alloc(UNI_CODES, sizeof *a->token[k])) != NULL;
    return ok ? 0 : err_oom(e, UNI_CODES * 25, "characters");
}

/* The character at word + i, and the way it stands there. */
static struct uni_char next_char(const struct alphabet *a, const char *word, size_t n, size_t i, int *way)
{
    struct uni_char c = a->bytes ? (struct uni_char){.cp = bytemap_char((uint8_t)word[i]), .len = 1}
                                 : uni_next((const uint8_t *)word + i, n - i);
    *way = (i && *a->prefix ? PREFIX : 0) | (i + c.len == n && *a->suffix ? SUFFIX : 0);
    return c;
}

static int count_chars(struct alphabet *a, const struct word_table *words, size_t *n_words, size_t *n_sym,
                       struct err *e)
{
    char tmp[16];
    const char *word;
    size_t n;
    uint64_t count;
    int way;
    for (size_t at = 0; word_table_next(words, &at, tmp, &word, &n, &count); ++*n_words) {
        for (size_t i = 0; i < n; ++*n_sym) {
            struct uni_char c = next_char(a, word, n, i, &way);
            if (c.cp == UNI_BAD) return err_set(e, ERR_DATA, "invalid UTF-8: characters are learned");
            a->count[c.cp] += count;
            a->seen[c.cp] |= (uint8_t)(1 << way);
            i += c.len;
        }
    }
    for (int b = 0; a->bytes && b < 256; b++) a->count[bytemap_char((uint8_t)b)] = UINT64_MAX;
    return 0;
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
    uint64_t(*v)[2] = mem_alloc(UNI_CODES, sizeof *v);
    if (!v) return err_oom(e, UNI_CODES * sizeof *v, "characters");
    for (size_t cp = 0; cp < UNI_CODES; cp++)
        if (a->count[cp]) v[n][0] = a->count[cp], v[n++][1] = cp;
    qsort(v, n, sizeof *v, sort_by_count);
    for (size_t i = most; i < n; i++) a->count[v[i][1]] = 0;
    free(v);
    return 0;
}

static int add_char(const struct alphabet *a, struct vocab *v, struct buf *text, int way, uint32_t cp, struct err *e)
{
    char bytes[4];
    buf_clear(text);
    if (way & PREFIX) buf_adds(text, a->prefix);
    buf_add(text, bytes, (size_t)utf8_encode(cp, bytes));
    if (way & SUFFIX) buf_adds(text, a->suffix);
    if (buf_ok(text, e)) return -1;
    int32_t *id = &a->token[way][cp];
    *id = vocab_find(v, text->data, text->len);
    if (*id >= 0) return 0;
    *id = v->n;
    return vocab_add(v, v->n, text->data, text->len, VOCAB_MODEL, e);
}

static int first_tokens(const struct tok_train_opts *o, struct alphabet *a, struct vocab *v, struct err *e)
{
    struct buf text = {0};
    int ret = 0;
    for (size_t i = 0; i < o->n_special; i++)
        if (vocab_add(v, v->n, o->special[i], strlen(o->special[i]), VOCAB_MODEL, e)) return -1;
    for (int way = 0; way < WAYS; way++)
        for (uint32_t cp = 0; cp < UNI_CODES && ret == 0; cp++) {
            a->token[way][cp] = -1;
            if (a->count[cp] && (way == 0 || a->seen[cp] >> way & 1)) ret = add_char(a, v, &text, way, cp, e);
        }
    buf_free(&text);
    if (ret == 0 && v->n > o->vocab_size)
        ret = err_set(e, ERR_USAGE, "vocab size %d is too small: special tokens and characters need %d; "
                                    "raise it or lower --alphabet", o->vocab_size, v->n);
    return ret;
}

static void make_corpus(const struct alphabet *a, const struct word_table *words, struct bpe_corpus *c)
{
    char tmp[16];
    const char *word;
    size_t n;
    uint64_t count;
    int way;
    for (size_t at = 0; word_table_next(words, &at, tmp, &word, &n, &count);) {
        bpe_corpus_word(c, count);
        for (size_t i = 0; i < n;) {
            /* A character at the front has no prefix even if what was there is left out. */
            struct uni_char u = next_char(a, word, n, i, &way);
            int32_t id = a->token[way][u.cp];
            if (id >= 0) bpe_corpus_symbol(c, (uint32_t)id);
            i += u.len;
        }
    }
}

int chars_learn(const struct tok_train_opts *o, const char *prefix, const char *suffix, bool bytes, struct word_table *words,
                struct vocab *v, struct bpe *merges, struct tok_train_stats *stats, struct err *e)
{
    struct alphabet a = {.prefix = prefix ? prefix : "", .suffix = suffix ? suffix : "", .bytes = bytes};
    struct bpe_corpus c = {0};
    struct bpe_rules rules = {.vocab_size = o->vocab_size, .min_count = o->min_count, .prefix = prefix,
                              .max_len = (uint32_t)o->max_len};
    size_t n_words = 0, n_sym = 0;
    int ret = alphabet_init(&a, e);
    if (ret == 0) ret = count_chars(&a, words, &n_words, &n_sym, e);
    if (ret == 0 && n_words == 0) ret = err_set(e, ERR_DATA, "no text: there is nothing to learn");
    if (ret == 0 && o->chars) ret = want_chars(&a, o->chars, e);
    if (ret == 0 && o->alphabet) ret = limit_alphabet(&a, o->alphabet, e);
    if (ret == 0) ret = first_tokens(o, &a, v, e);
    if (ret == 0) ret = bpe_corpus_start(&c, n_words, n_sym, e);
    if (ret == 0) make_corpus(&a, words, &c);
    word_table_free(words);
    if (ret == 0) ret = bpe_learn(&c, &rules, v, merges, &stats->last_count, e);
    stats->vocab_size = v->n;
    alphabet_free(&a);
    bpe_corpus_free(&c);
    return ret;
}
