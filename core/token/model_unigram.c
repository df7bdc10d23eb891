/* Unigram: the segmentation with the highest sum of scores (Viterbi).  The
 * order of additions and their precision are those of HF tokenizers (f64) and
 * of SentencePiece (sums in f32): near-ties would be decided otherwise. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"
#include "core/token/tok_scratch.h"
#include "core/token/unicode.h"
#include "core/token/unigram_walk.h"

struct node {
    double best;
    float gap;         /* how much worse the second best was */
    uint32_t from;     /* UINT32_MAX = not reached */
    int32_t id;
};

void unigram_trie_free(struct trie *trie)
{
    if (trie) trie_free(trie);
    free(trie);
}

const struct trie *unigram_trie(const struct tokenizer *t, struct err *e)
{
    struct trie *_Atomic *at = &((struct tokenizer *)(uintptr_t)t)->by_bytes;
    struct trie *have = atomic_load_explicit(at, memory_order_acquire), *mine;
    if (have) return have;
    if (!(mine = mem_zalloc(1, sizeof *mine))) {
        err_oom(e, sizeof *mine, "a trie");
        return NULL;
    }
    if (tok_model_trie(t, mine, unigram_without(t), e)) {
        free(mine);
        return NULL;
    }
    if (atomic_compare_exchange_strong(at, &have, mine)) return mine;
    unigram_trie_free(mine); /* another thread was first */
    return have;
}

#define NO_GAP 1e30f        /* there is no second best */
#define NOT_REACHED (-1e300)

static struct node *lattice(struct tok_scratch *s, size_t n, struct err *e)
{
    if (n + 1 > s->lattice_cap) {
        free(s->lattice);
        s->lattice_cap = n + n / 2 + 64;
        s->lattice = mem_alloc(s->lattice_cap, sizeof(struct node));
        if (!s->lattice) {
            s->lattice_cap = 0;
            err_oom(e, n * sizeof(struct node), "a word");
            return NULL;
        }
    }
    return s->lattice;
}

/* Without branches: which way is better cannot be guessed. */
static inline void relax(struct node *to, uint32_t from, int32_t id, double score, bool floats)
{
    if (floats) score = (double)(float)score; /* a sum of two floats, rounded once */
    double by = score - to->best, apart = by < 0 ? -by : by;
    bool better = by > 0;
    float gap = (float)(apart < (double)NO_GAP ? apart : (double)NO_GAP);
    to->gap = better || gap < to->gap ? gap : to->gap;
    to->best = better ? score : to->best;
    to->from = better ? from : to->from;
    to->id = better ? id : to->id;
}

/* SentencePiece 0.2.3 begins again from 0 where a sum is beyond 100000 or -100000,
 * so that long texts keep their precision: all nodes reached so far move along. */
static void rebase(size_t reach, struct node *v, size_t at, size_t n)
{
    size_t end = n - at < reach ? n : at + reach;
    double off = v[at].best;
    v[at].best = 0;
    for (size_t i = at + 1; i <= end; i++)
        if (v[i].from != UINT32_MAX) v[i].best = (double)(float)(v[i].best - off);
}

/* Bytes of the character at s. */
static inline size_t char_len(const uint8_t *s, size_t n)
{
    if (s[0] < 0x80) return 1;
    if (s[0] >= 0xC2 && s[0] < 0xE0 && n > 1 && (s[1] & 0xC0) == 0x80) return 2;
    if (s[0] > 0xE0 && s[0] < 0xED && n > 2 && (s[1] & 0xC0) == 0x80 && (s[2] & 0xC0) == 0x80) return 3;
    return uni_next(s, n).len;
}

static void forward(const struct tokenizer *t, const struct trie *trie, const uint8_t *word, size_t n, double sum, struct node *v)
{
    for (size_t i = 0; i <= n; i++) v[i] = (struct node){NOT_REACHED, NO_GAP, UINT32_MAX, 0};
    v[0].best = sum;
    for (size_t at = 0; at < n;) {
        size_t len = char_len(word + at, n - at);
        if (t->spm_floats && fabs(v[at].best) > UNIGRAM_REBASE) rebase(trie->longest > 4 ? trie->longest : 4, v, at, n);
        double here = v[at].best;
        bool single = false;
        uint32_t node = 0;
        for (size_t i = at; i < n && (node = trie_step(trie, node, word[i])); i++) {
            int id = trie->unit[node].value;
            if (id < 0) continue;
            relax(&v[i + 1], (uint32_t)at, id, unigram_score(t, id) + here, t->spm_floats);
            if (i + 1 - at == len) single = true;
        }
        if (!single) {
            double unk = t->spm_floats ? (double)((float)t->unk_score + (float)here) : t->unk_score + here;
            relax(&v[at + len], (uint32_t)at, t->unk_id, unk, t->spm_floats);
        }
        at += len;
    }
}

static int byte_tokens(const struct tokenizer *t, const uint8_t *word, size_t begin, size_t end,
                       struct tok_ids *out, struct err *e)
{
    bool spm = t->source == SOURCE_SPM;
    for (size_t i = begin; i < end; i++)
        if (tok_ids_push(out, t->byte_id[word[i]], begin, spm && i + 1 < end ? begin : end, e)) return -1;
    return 0;
}

static bool all_bytes(const struct tokenizer *t, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (t->byte_id[p[i]] < 0) return false;
    return true;
}

int unigram_unknown(const struct tokenizer *t, const uint8_t *word, size_t begin, size_t end, struct tok_ids *out,
                    struct err *e)
{
    /* HF looks the run up as a token once more. */
    int id = t->spm_floats ? -1 : vocab_find(&t->vocab, (const char *)word + begin, end - begin);
    if (tok_in_model(t, id))
        return tok_ids_push(out, id, begin, end, e);
    if (t->byte_fallback && all_bytes(t, word + begin, end - begin))
        return byte_tokens(t, word, begin, end, out, e);
    if (t->unk_id < 0)
        return err_set(e, ERR_DATA, "'%.*s' has no token in the vocabulary, and there is no unk_id",
                       end - begin > 60 ? 60 : (int)(end - begin), (const char *)word + begin);
    return tok_ids_push(out, t->unk_id, begin, end, e);
}

/* The sum and the gap behind a word. */
static void end_at(const struct tokenizer *t, struct tok_scratch *s, double sum, double gap)
{
    s->sum = t->fast_carry ? sum : 0;
    s->end_sum = sum;
    s->gap = t->fast_carry || gap < s->gap ? gap : s->gap;
}

int unigram_word_bytes(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n,
                       struct tok_ids *out, struct err *e)
{
    if (n >= UINT32_MAX) return err_set(e, ERR_DATA, "a word of more than 4 GiB");
    const struct trie *trie = unigram_trie(t, e);
    struct node *v = trie ? lattice(s, n, e) : NULL;
    if (!v) return -1;
    forward(t, trie, word, n, s->sum, v);
    double end_sum = v[n].best;
    float gap = NO_GAP;
    /* Turn the path round: each node on it now says where it leads. */
    uint32_t next = UINT32_MAX;
    int32_t id = 0;
    for (uint32_t at = (uint32_t)n;;) {
        uint32_t from = v[at].from;
        int32_t my = v[at].id;
        if (at && v[at].gap < gap) gap = v[at].gap;
        v[at].from = next;
        v[at].id = id;
        next = at;
        id = my;
        if (at == 0) break;
        at = from;
    }
    for (uint32_t at = 0; at < n;) {
        uint32_t end = v[at].from;
        int32_t piece = v[at].id;
        if (piece != t->unk_id) {
            if (tok_ids_push(out, piece, at, end, e)) return -1;
        } else {
            /* Byte pieces of a run are the same as those of its characters, but
             * for the spans of SentencePiece. */
            bool alone = t->byte_fallback && t->spm_floats;
            while (!alone && end < n && v[end].id == t->unk_id) end = v[end].from;
            if (unigram_unknown(t, word, at, end, out, e)) return -1;
        }
        at = end;
    }
    end_at(t, s, end_sum, (double)gap);
    return 0;
}

/* ---- over symbols ----
 *
 * The same for words whose characters are certain as unigram.h says: they need no trie of bytes, which takes
 * longer to make than a short text to encode. */

/* Those of a word as it is, and zeros behind them, for which `to` has room; 0: some character has none that is certain. */
static size_t symbols_of(const struct unigram *u, const uint8_t *word, size_t n, uint16_t *to)
{
    size_t count = 0;
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next_inline(word + i, n - i);
        uint16_t own = c.cp < UNIGRAM_CHARS ? u->own[c.cp] : UNIGRAM_NOT_THIS, symbol = own ? own : u->unknown;
        size_t end = i + c.len;
        for (; !own && u->first_byte && i < end; i++) to[count++] = (uint16_t)(u->first_byte + word[i]);
        if (i == end) continue;
        if (!symbol || symbol == UNIGRAM_NOT_THIS) return 0;
        to[count++] = symbol;
        i = end;
    }
    memset(to + count, 0, UNIGRAM_SLACK * sizeof *to);
    return count;
}

size_t unigram_unknown_run(const struct tokenizer *t, const uint8_t *word, size_t n)
{
    const struct unigram *u = t->model == MODEL_UNIGRAM && t->fast ? t->fast->walk : NULL;
    size_t end = 0;
    if (!u || !u->unknown) return 0;
    while (end < n) {
        struct uni_char c = uni_next_inline(word + end, n - end);
        uint16_t own = c.cp < UNIGRAM_CHARS ? u->own[c.cp] : UNIGRAM_NOT_THIS;
        if (own) return own == UNIGRAM_NOT_THIS || unigram_symbol_id(u, own) == t->unk_id ? 0 : end; /* what is a token by itself is known */
        end += c.len;
    }
    return end;
}

/* As forward(), a node before each symbol. */
static void forward_symbols(const struct tokenizer *t, const struct unigram *u, const uint16_t *symbols, size_t n, double sum,
                            struct node *v)
{
    for (size_t i = 0; i <= n; i++) v[i] = (struct node){NOT_REACHED, NO_GAP, UINT32_MAX, 0};
    v[0].best = sum;
    for (size_t at = 0; at < n; at++) {
        if (t->spm_floats && fabs(v[at].best) > UNIGRAM_REBASE) rebase(UNIGRAM_LONGEST, v, at, n);
        uint32_t row;
        unigram_rows(u, symbols + at, 1, &row);
        size_t place = row >> UNIGRAM_DEPTH_BITS, depth = row & UNIGRAM_DEPTH;
        for (size_t k = 0; k < depth; k++) {
            double score = u->score ? (double)u->score[place + k] : u->score64[place + k];
            int32_t id = unigram_id(u, row, k + 1);
            if (id >= 0) relax(&v[at + 1 + k], (uint32_t)at, id, score + v[at].best, t->spm_floats);
        }
    }
}

/* The ids on the best way to v[n], several unknown characters side by side as one; out has room for n more.  Spans are in
 * symbols.  false: what unknown ones become has to be looked at. */
static bool put_way(const struct tokenizer *t, const struct unigram *u, const struct node *v, size_t n, struct tok_ids *out, float *gap)
{
    bool fuse = u->fused >= 0 || (t->spm_floats && !t->byte_fallback);
    int32_t *begin = out->id + out->n, *to = begin + n;
    struct tok_span *span = out->want_spans ? out->span + out->n : NULL;
    *gap = NO_GAP;
    for (size_t at = n, from; at; at = from) {
        from = v[at].from;
        if (v[at].gap < *gap) *gap = v[at].gap;
        bool more = v[at].id == t->unk_id && at < n && *to == t->unk_id;
        if (v[at].id == t->unk_id && !fuse) return false;
        if (!more) *--to = v[at].id;
        if (span && !more) span[to - begin].end = at;
        if (span) span[to - begin].begin = from;
    }
    size_t count = (size_t)(begin + n - to);
    if (span) memmove(span, span + (to - begin), count * sizeof *span);
    memmove(begin, to, count * sizeof *to);
    out->n += count;
    return true;
}

/* From symbols to bytes of the word, whose characters are whole.  Of symbols that are a character's bytes the last one has it. */
static void measure_spans(const struct unigram *u, const uint16_t *symbols, const uint8_t *word, struct tok_span *span, size_t n_spans)
{
    size_t at = 0, k = 0, left = 0;
    for (size_t i = 0; i < n_spans; i++) {
        size_t begin = at;
        for (; k < span[i].end; k++) {
            size_t len = uni_len(word[at]);
            uint32_t byte = symbols[k] - (uint32_t)u->first_byte;
            bool one_of_many = u->first_byte && byte >= 0x80 && byte < 0x100;
            if (one_of_many && byte >= 0xC0) left = len;
            if (!one_of_many || --left == 0) at += len;
        }
        span[i] = (struct tok_span){.begin = begin, .end = at};
    }
}

/* 1: what unknown ones become has to be looked at. */
static int best_way(const struct tokenizer *t, struct tok_scratch *s, const uint16_t *symbols, size_t n, struct tok_ids *out,
                    struct err *e)
{
    struct node *v = lattice(s, n, e);
    float gap;
    if (!v || tok_ids_room(out, n, e)) return -1;
    forward_symbols(t, t->fast->walk, symbols, n, s->sum, v);
    double sum = v[n].best;
    if (!put_way(t, t->fast->walk, v, n, out, &gap)) return 1; /* nothing was added */
    end_at(t, s, sum, (double)gap);
    return 0;
}

/* 1: not all characters are certain. */
static int word_symbols(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n, struct tok_ids *out,
                        struct err *e)
{
    uint16_t few[UNIGRAM_MOST + UNIGRAM_SLACK], *symbols = few;
    size_t from = out->n;
    if (!t->fast || !t->fast->walk || s->chains) return 1;
    if (n > UNIGRAM_MOST && !(symbols = mem_alloc(n + UNIGRAM_SLACK, sizeof *symbols))) return err_oom(e, n * sizeof *symbols, "a word");
    size_t count = symbols_of(t->fast->walk, word, n, symbols);
    int ret = count ? best_way(t, s, symbols, count, out, e) : 1;
    if (ret == 0 && out->want_spans) measure_spans(t->fast->walk, symbols, word, out->span + from, out->n - from);
    if (symbols != few) free(symbols);
    return ret;
}

int unigram_word(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n, struct tok_ids *out,
                 struct err *e)
{
    int ret = word_symbols(t, s, word, n, out, e);
    return ret > 0 ? unigram_word_bytes(t, s, word, n, out, e) : ret;
}
