/* Why a model makes these tokens of a word. */

#include "core/token/explain_internal.h"
#include "core/token/unicode.h"

enum { MOST_SYMBOLS = 4096 }; /* the work grows with their square */

/* ---- byte pairs ---- */

void why_merges(struct explain *x, int32_t *ids, size_t n)
{
    const struct bpe *b = &x->t->bpe;
    if (b->n_merges == 0) return;
    if (n > MOST_SYMBOLS) {
        static const char why[] = "a word of too many symbols to show its merges";
        say_why(x, why, sizeof why - 1);
        return;
    }
    for (;;) {
        uint32_t best = BPE_NO_RANK;
        size_t at = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            uint32_t rank = ids[i] < 0 || ids[i + 1] < 0 ? BPE_NO_RANK : bpe_rank(b, ids[i], ids[i + 1]);
            if (rank == BPE_NO_RANK || (best != BPE_NO_RANK && bpe_level(b, rank) >= bpe_level(b, best))) continue;
            best = rank;
            at = i;
        }
        if (best == BPE_NO_RANK) return;
        ids[at] = b->made[best];
        for (size_t i = at + 1; i + 1 < n; i++) ids[i] = ids[i + 1];
        n--;
        say_merge(x, best, ids, n, at);
    }
}

/* ---- WordPiece ---- */

/* Bytes of the longest token at word[at], 0 if there is none. */
static size_t longest(const struct tokenizer *t, const uint8_t *word, size_t n, size_t at)
{
    uint32_t node = at ? t->continuing : 0;
    size_t len = 0;
    if (at && t->no_continuing) return 0;
    for (size_t i = at; i < n && (node = trie_step(&t->trie, node, word[i])) != 0; i++)
        if (t->trie.unit[node].value >= 0) len = i + 1 - at;
    return len;
}

int why_unknown(struct explain *x, const uint8_t *word, size_t n, struct err *e)
{
    const struct tokenizer *t = x->t;
    struct buf why = {0};
    size_t chars = 0, at = 0, len;
    for (size_t i = 0; i < n; chars++) i += uni_next(word + i, n - i).len;
    if (chars > t->max_word_chars) {
        buf_printf(&why, "unknown: a word of more than %zu characters", t->max_word_chars);
    } else {
        while (at < n && (len = longest(t, word, n, at)) != 0) at += len;
        if (at < n) {
            buf_printf(&why, "unknown as a whole: no token %s ", at ? "goes on with" : "begins with");
            say_string(&why, (const char *)word + at, uni_next(word + at, n - at).len);
            if (at) {
                buf_adds(&why, " behind ");
                say_string(&why, (const char *)word, at);
            }
        }
    }
    int ret = buf_ok(&why, e);
    if (ret == 0 && why.len) say_why(x, why.data, why.len);
    buf_free(&why);
    return ret;
}

/* ---- unigram ---- */

int why_unigram(struct explain *x, const uint8_t *word, size_t n, double *sum, struct err *e)
{
    struct nbest v = {0};
    if (n > 1 << 20) return 0;
    int ret = unigram_nbest(x->t, word, n, x->n_best ? x->n_best : 2, &v, e);
    if (ret == 0 && v.n) *sum = v.way[0].sum;
    if (ret == 0 && x->n_best) say_ways(x, &v);
    else if (ret == 0 && v.n > 1) say_next_best(x, &v);
    nbest_free(&v);
    return ret;
}
