/* Byte pair encoding over characters, with SentencePiece's order of merges. */
#include <stdlib.h>

#include "core/base/json.h"
#include "core/token/train_bpe.h"
#include "core/token/train_sp.h"
#include "core/token/unicode.h"

struct validity {
    const struct sp_corpus *c;
    const struct sp_rules *r;
};

static bool text_valid(const void *arg, const char *text, size_t n)
{
    const struct validity *v = arg;
    uint16_t sym[SP_MAX_LEN];
    size_t k = 0;
    for (size_t i = 0; i < n;) {
        struct uni_char u = uni_next((const uint8_t *)text + i, n - i);
        if (k == (size_t)v->r->max_len) return false;
        sym[k++] = sp_symbol(v->c, u.cp);
        i += u.len;
    }
    return sp_valid(v->c, v->r, sym, k);
}

static int make_corpus(const struct sp_corpus *c, struct bpe_corpus *out, struct err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_words; i++) n += c->word[i].len;
    if (bpe_corpus_start(out, c->n_words, n, e)) return -1;
    for (size_t i = 0; i < c->n_words; i++) {
        bpe_corpus_word(out, c->word[i].count);
        for (uint32_t k = 0; k < c->word[i].len; k++)
            bpe_corpus_symbol(out, c->sym[c->word[i].off + k] - 1u);
    }
    return 0;
}

static int add_piece(const struct sp_corpus *c, const struct vocab *v, int id, struct sp_pieces *out,
                     struct err *e)
{
    size_t n, k = 0;
    uint16_t sym[SP_MAX_LEN];
    const char *s = vocab_text(v, id, &n);
    for (size_t i = 0; i < n && k < SP_MAX_LEN;) {
        struct uni_char u = uni_next((const uint8_t *)s + i, n - i);
        sym[k++] = sp_symbol(c, u.cp);
        i += u.len;
    }
    if (!sp_pieces_add(out, sym, k, -(float)out->n)) return err_oom(e, out->n, "pieces");
    return 0;
}

int sp_bpe(const struct sp_corpus *c, const struct sp_rules *r, struct sp_pieces *out, struct err *e)
{
    struct bpe_corpus corpus = {0};
    struct vocab v = {0};
    struct bpe merges = {0};
    struct validity valid = {c, r};
    int n_chars = (int)c->n_chars; /* the unknown one included */
    struct bpe_rules rules = {.vocab_size = r->n_pieces + 1, .min_count = 1, .ties_by_text = true,
                              .drop_known = true, .fill_up = true, .allowed = text_valid, .arg = &valid};
    uint64_t last;
    uint16_t *chars = sp_chars_by_count(c);
    int ret = chars ? 0 : err_oom(e, c->n_chars, "characters");
    for (int i = 0; ret == 0 && i < n_chars; i++) {
        char bytes[4];
        ret = vocab_add(&v, i, bytes, (size_t)utf8_encode(c->cp[i + 1], bytes), VOCAB_MODEL, e);
    }
    if (ret == 0) ret = make_corpus(c, &corpus, e);
    if (ret == 0) ret = bpe_learn(&corpus, &rules, &v, &merges, &last, e);
    for (int id = n_chars; ret == 0 && id < v.n; id++) ret = add_piece(c, &v, id, out, e);
    for (int i = 0; ret == 0 && i + 1 < n_chars; i++)
        if (!sp_pieces_add(out, &chars[i], 1, -(float)out->n)) ret = err_oom(e, out->n, "pieces");
    free(chars);
    bpe_corpus_free(&corpus);
    vocab_free(&v);
    bpe_free(&merges);
    return ret;
}
