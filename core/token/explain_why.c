/* Why a model makes these tokens of a word. */
#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"
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

/* The two best ways to a place: their sums, and where the last token begins, which of the
 * two ways leads there, and its id. */
struct way {
    double sum;
    uint32_t from;
    int32_t id;
    uint8_t rank;
};
struct place {
    struct way way[2];
};

static void offer(struct place *to, double sum, size_t from, int32_t id, int rank)
{
    struct way w = {sum, (uint32_t)from, id, (uint8_t)rank};
    if (sum > to->way[0].sum) {
        to->way[1] = to->way[0];
        to->way[0] = w;
    } else if (sum > to->way[1].sum) {
        to->way[1] = w;
    }
}

static void both(const struct place *here, struct place *to, double score, size_t at, int32_t id)
{
    for (int k = 0; k < 2; k++)
        if (here->way[k].sum > -HUGE_VAL) offer(to, here->way[k].sum + score, at, id, k);
}

static void forward(const struct tokenizer *t, const struct trie *trie, const uint8_t *word, size_t n, struct place *v)
{
    for (size_t i = 0; i <= n; i++)
        for (int k = 0; k < 2; k++) v[i].way[k] = (struct way){.sum = i || k ? -HUGE_VAL : 0};
    for (size_t at = 0, len; at < n; at += len) {
        uint32_t node = 0;
        bool single = false;
        len = uni_next(word + at, n - at).len;
        for (size_t i = at; i < n && (node = trie_step(trie, node, word[i])) != 0; i++) {
            int id = trie->unit[node].value;
            if (id < 0) continue;
            double score = t->score[id];
            if (t->spm_floats && t->has_user && (t->vocab.v[id].flags & VOCAB_USER))
                score = spm_user_score(i + 1 - at);
            both(&v[at], &v[i + 1], score, at, id);
            single = single || i + 1 - at == len;
        }
        if (!single) both(&v[at], &v[at + len], t->unk_score, at, t->unk_id);
    }
}

/* The tokens of a way, from its end. */
static size_t way_back(const struct place *v, size_t n, int rank, int32_t *ids)
{
    size_t count = 0;
    for (size_t at = n; at > 0;) {
        struct way w = v[at].way[rank];
        ids[count++] = w.id;
        at = w.from;
        rank = w.rank;
    }
    for (size_t i = 0; i < count / 2; i++) {
        int32_t id = ids[i];
        ids[i] = ids[count - 1 - i];
        ids[count - 1 - i] = id;
    }
    return count;
}

int why_unigram(struct explain *x, const uint8_t *word, size_t n, double *sum, struct err *e)
{
    if (n > 1 << 20) return 0;
    const struct trie *trie = unigram_trie(x->t, e);
    if (!trie) return -1;
    struct place *v = mem_alloc(n + 1, sizeof *v);
    int32_t *ids = mem_alloc(n + 1, sizeof *ids);
    if (v && ids) {
        forward(x->t, trie, word, n, v);
        *sum = v[n].way[0].sum;
        if (v[n].way[1].sum > -HUGE_VAL) say_next_best(x, ids, way_back(v, n, 1, ids), v[n].way[1].sum, *sum);
    }
    int ret = v && ids ? 0 : err_oom(e, n * sizeof *v, "a lattice");
    free(v);
    free(ids);
    return ret;
}
