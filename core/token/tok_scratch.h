/* tok_scratch.h - encoding: what each thread brings, and what makes ids of texts and words. */
#ifndef CORE_TOKEN_TOK_SCRATCH_H
#define CORE_TOKEN_TOK_SCRATCH_H

#include "core/base/sig.h"
#include "core/token/bytemap.h"
#include "core/token/draws.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_sample.h"
#include "core/token/word_batch.h"
#include "core/token/word_form.h"
#include "core/token/wordpiece_many.h"

/* tok_miss.c: words that wait to be merged. */
enum { MISSES = 192, MISS_HASH = 1024 };
struct tok_misses {
    struct tok_gap {
        size_t at, n;         /* out->id[at..at + n) is kept free for at most n ids */
        size_t job;           /* whose ids come there */
    } gap[MISSES];
    struct tok_waiting {
        struct word_key key;
        const uint8_t *word;
        size_t n;
        struct bpe_job job;   /* ids: in symbols */
    } waiting[MISSES];
    /* Words some of whose pieces wait: out->id[from..end) is theirs. */
    struct tok_whole {
        struct word_key key;
        const uint8_t *word;
        size_t n, from, end;
    } whole[MISSES];
    size_t n_whole, rounds;   /* rounds: how often all was merged */
    uint8_t last[MISS_HASH];  /* by hash: one more than the last, 0 = none */
    int32_t symbols[MISSES * BPE_JOB_MAX + 16]; /* more: the <unk> that may come last, and what is read with few ids */
    size_t n, n_jobs, n_symbols;
    struct bytemap_spelling spelling; /* made when it is needed */
};

/* tok_unknown.c: words that wait for WordPiece. */
struct tok_formed;
enum { UNKNOWN_BITS = 10 };
struct tok_unknown {
    wordpiece_many_fn *find;  /* NULL: none wait */
    size_t missed;            /* among the last words */
    struct wordpiece_many words;
    struct word_slot slot[WORDPIECE_MANY + 1]; /* as the cache will have them, from the second on; the first is none */
    uint16_t last[1 << UNKNOWN_BITS]; /* by the upper bits of hashes, the last of them, or 0 */
};

/* Work space of one thread. */
enum { BATCH = WORD_KEYS };
_Static_assert((int)BATCH == (int)SPLIT_TWO, "two places of a text are cut in turns");

/* Whether a stop was asked for: looked at only now and then (ERR_STOPPED), and so never in a text of some 100 KB, which
 * those encode that have to end in order. */
enum { TOK_WORDS_ASK = 1 << 16 };
static inline int tok_stopped(size_t *words, size_t more, struct err *e)
{
    size_t before = *words;
    *words += more;
    return before / TOK_WORDS_ASK != *words / TOK_WORDS_ASK ? sig_check(e) : 0;
}

/* A batch of words of a text: text[begin..ends[0]), text[ends[0]..ends[1]) ... */
struct tok_words {
    struct word_keys keys;
    size_t begin, count, ends[BATCH + 6]; /* 6 more: the second of two begins a line of the processor's cache, too */
};
_Static_assert(sizeof(struct tok_words) % 64 == 0, "lines");

/* The same in their normal form, some batches of them. */
enum { FORMED = 4 };
struct tok_formed {
    struct word_run run;
    struct word_key keys[WORD_RUN + WORD_SLACK];
    const struct word_slot *found[WORD_RUN + WORD_SLACK]; /* word_batch.h */
};

struct tok_scratch {
    const struct tokenizer *t;
    bool runs;                   /* added tokens of t->runs are words */
    bool chains;                 /* every text goes through the chains, whatever is faster: for tests, and */
    const struct tok_sampling *sampling; /* ... tok_sample.h; or NULL */
    struct draws draws;          /* of the text at hand, if so */
    const int32_t *follow;       /* tok_spans.c: [n_follow] the ids that the part at hand has, or NULL */
    size_t n_follow;
    bool widen;                  /* ... and that the text around is not what it was */
    const uint8_t *marks, *guard; /* during tok_encode_marked() */
    struct word_cache cache;
    const struct word_batch *batch;
    uint32_t *lower;             /* tok_clip.c: one more than the lower case of each character, once it is known */
    split_fn *split;             /* of t->split */
    split_rule_fn *by_rule;
    struct bpe_work work;
    struct norm norm;
    struct pre pre;
    struct buf text;             /* broken UTF-8 replaced; spelled words */
    struct norm_origin *origin;  /* of text */
    struct buf spaced;           /* the text with a space in front; tok_near.c: normal forms of words */
    size_t origin_cap;
    struct tok_ids word;         /* of the word at hand */
    struct tok_carry *carry;     /* tok_part.h, where t->fast->carry */
    struct tok_many *many;       /* tok_many.c, where t->fast->walk and not carry */
    size_t missed;               /* parts of the last batch that the cache did not know */
    struct tok_spans *spans;     /* tok_spans.c, once spans are wanted */
    size_t by_chains;            /* words that steps cut off and the model took apart one by one, ever: for tests */
    struct tok_scratch *side[2]; /* tok_pieces.c: of its models */
    struct tok_ids pieces, spelled; /* ... what they gave; spelled: with spans */
    void *lattice;               /* Unigram */
    size_t lattice_cap;
    bool goes_on;                /* TOK_GOES_ON: nothing happens at the beginning of the text */
    size_t offset;               /* of the segment in the text */
    double sum, gap, end_sum;    /* Unigram: where the next word's sum begins; the least gap of the last, and its sum */
    size_t word_at;              /* tok_inside.c: a part at which a word begins, before this batch */
    size_t summed_at;            /* ... and where the sum is known */
    double sum_there;
    size_t summed;               /* tok_fast.c: ... but for the ids from here on */
    size_t until, safe;          /* of the batch at work; the text where no sum can come near UNIGRAM_REBASE */
    double farthest, fell, falls; /* tok_carry.c: from 0, of the sums added up since it was set; the last of them, at ... */
    size_t fell_at;              /* ... this place; and how far they fell for a byte */
    uint32_t narrow;             /* tok_carry.c's code of the last place of any sum until there: gaps are wide whose code is above */
    struct tok_words *words;     /* two */
    size_t begins[BATCH];
    struct word_forms *forms;    /* tok_form.c, where that is the way */
    struct tok_formed formed[FORMED];
    struct tok_unknown unknown;
    struct tok_misses misses;
};

/* tok_word.c: appends the ids of a byte-level text that fast_split holds for, no spans. */
int tok_bytes_fast(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, size_t n,
                   size_t at, struct tok_ids *out, struct err *e);
/* tok_miss.c: words that the cache does not know, to be merged together.  Each gets
 * free places at the end of out, which has room; until tok_misses_merge() puts its
 * ids there, the text stays and nothing before them changes.  False: it is not one
 * that already waits. */
bool tok_misses_again(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                      size_t n, struct tok_ids *out);
/* The same two for a word that is its own key, and whose symbols are its bytes. */
void tok_misses_bytes(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                      size_t n, struct tok_ids *out);
/* Where the next word's symbols go, at most BPE_JOB_MAX of them. */
int32_t *tok_misses_symbols(struct tok_scratch *s);
void tok_misses_add(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                    size_t n, size_t n_symbols, struct tok_ids *out);
/* A word whose pieces were added or taken from the cache since there were out->id[from) and
 * s->misses.rounds was `rounds`: the cache learns it when they are merged. */
void tok_misses_whole(struct tok_scratch *s, const struct word_key *key, const uint8_t *word, size_t n, size_t from,
                      size_t rounds, const struct tok_ids *out);
void tok_misses_merge(const struct tokenizer *t, struct tok_scratch *s, struct tok_ids *out);
int tok_wholes_new(struct tokenizer *t, struct err *e); /* t->wholes, by t->bytes */
void tok_misses_drop(struct tok_misses *m); /* after an error */
/* tok_spans.c */
void tok_spans_free(struct tok_spans *w);
/* tok_unknown.c: words that the cache does not know, to be taken apart together by
 * WordPiece.  From the first on until they are learned, the cache stays as it is. */
void tok_unknown_init(const struct tokenizer *t, struct tok_unknown *u);
void tok_unknown_add(const struct tokenizer *t, struct tok_scratch *s, struct tok_formed *w); /* sets w->found */
void tok_unknown_find(const struct tokenizer *t, struct tok_scratch *s); /* the pool has room for twice the bytes of the words */
void tok_unknown_learn(struct tok_scratch *s);

/* tok_model.c: appends the ids of one word; spans (if wanted) are in the word.
 * `at` is its offset in the text, for the message about what has no token. */
int tok_model_word(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n,
                   size_t at, struct tok_ids *out, struct err *e);
/* With ignore_merges: the token that a word is as a whole, or -1. */
int tok_whole_word(const struct tokenizer *t, const uint8_t *word, size_t n);
/* How many symbols n bytes of a word may have, and one more: for the <unk> that may come last.  Where
 * characters fall back to bytes with a prefix or suffix that is more than the bytes.  0: too many. */
size_t tok_symbols_most(const struct tokenizer *t, size_t n);
/* The symbols that BPE starts from; *n_out of them into ids (room for tok_symbols_most()). */
int tok_symbols(const struct tokenizer *t, const uint8_t *word, size_t n, size_t at, int32_t *ids,
                size_t *n_out, struct err *e);
/* SentencePiece: a piece, or what stands for one that is unknown. */
int spm_push(const struct tokenizer *t, const uint8_t *word, int id, size_t pos, size_t len, bool after_unk,
             struct tok_ids *out, struct err *e);
/* model_spmerge.c: SentencePiece BPE where has_unused */
int spmerge_word(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n, struct tok_ids *out, struct err *e);
/* model_wordpiece.c, model_unigram.c */
#define UNIGRAM_REBASE 100000.0
int wordpiece_word(const struct tokenizer *t, const uint8_t *word, size_t n, struct tok_ids *out,
                   struct err *e);
/* The one id of a short word, or -1. */
enum { WORDPIECE_ONLY_MAX = 64 };
int32_t wordpiece_only(const struct tokenizer *t, const uint8_t *word, size_t n);
int unigram_word(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n,
                 struct tok_ids *out, struct err *e);
/* The same by unigram_trie() alone. */
int unigram_word_bytes(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n,
                       struct tok_ids *out, struct err *e);
/* The bytes of characters in no token that a word begins with, which are one unknown token whatever the way; 0: there are none,
 * or that is not known. */
size_t unigram_unknown_run(const struct tokenizer *t, const uint8_t *word, size_t n);
/* The ids of word[begin..end), a run of characters that a way calls unknown. */
int unigram_unknown(const struct tokenizer *t, const uint8_t *word, size_t begin, size_t end, struct tok_ids *out, struct err *e);

/* tok_encode.c: without template, limits and trimmed spans; the spaces that the
 * post-processors leave out of the spans of out[from..), a text of one or two.  first: out[from] may be the
 * first token of all. */
int tok_encode_alone(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                     unsigned flags, struct tok_ids *out, struct err *e);
void tok_trim_spans(const struct tokenizer *t, const char *whole, size_t n_text, struct tok_ids *out, size_t from,
                    unsigned flags, bool pair, bool second, bool first);

/* tok_encode.c: text[0..n) that lies between added tokens; spans are in the
 * whole text (s->offset: where the segment stands in it). */
int tok_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                unsigned flags, struct tok_ids *out, struct err *e);

#endif
