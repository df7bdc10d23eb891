/* tok_internal.h - the inside of a tokenizer, for core/token/tok_*.c and tests.
 *
 * Encoding: added tokens cut the text; what is between goes through the
 * normalizer chain, then added tokens that match the normal form cut again;
 * the pre-tokenizer chain makes words, the model makes ids of each word, and
 * the post-processor puts its template around them. */
#ifndef CORE_TOKEN_TOK_INTERNAL_H
#define CORE_TOKEN_TOK_INTERNAL_H

#include "core/token/bpe.h"
#include "core/token/bytemap.h"
#include "core/token/decode.h"
#include "core/token/draws.h"
#include "core/token/normalize.h"
#include "core/token/pretok.h"
#include "core/token/split.h"
#include "core/token/tok_sample.h"
#include "core/token/tok_sieve.h"
#include "core/token/tokenizer.h"
#include "core/token/trie.h"
#include "core/token/vocab.h"
#include "core/token/word_batch.h"
#include "core/token/word_form.h"
#include "core/token/wordpiece_many.h"

#define TOK_HOLE UINT32_MAX

enum tok_part { PART_TRUNCATION, PART_PADDING, PART_NORMALIZER, PART_PRE, PART_POST, PART_DECODER,
                N_PARTS };

enum tok_model { MODEL_BPE, MODEL_WORDPIECE, MODEL_UNIGRAM, MODEL_WORDLEVEL };

struct tok_added {
    int id;
    const char *text; /* in the vocabulary's pool; set when the pool is complete */
    size_t len;
    char *form;       /* its normal form, when that is another text */
    size_t form_len;
    bool special, normalized, single_word, lstrip, rstrip;
};

/* Finds added tokens in text, longest first at the leftmost place. */
struct tok_matcher {
    const struct tok_added **v;       /* [n], by first byte, then falling length */
    size_t n;
    bool forms;                       /* matches normal forms */
    uint32_t from[257];               /* v[from[b]..from[b + 1]) begin with byte b */
    int only_first;                   /* the one byte that all begin with, or -1 */
    uint64_t pair[1024];              /* bits by the first two bytes: some token begins with them */
    struct tok_sieve sieve;
    tok_sieve_fn *next;               /* or NULL */
};

/* What TOK_TEMPLATE adds around a text or two: tokens, and the places of the
 * texts, each with the type that its tokens get. */
enum { PLACE_FIRST = -1, PLACE_SECOND = -2 };
struct tok_place {
    int id, type;
};
struct tok_places {
    struct tok_place *v;
    int n, text; /* v[text] is the first text, there for the first time; n = 0: there is no template */
    int more;    /* that truncation takes into account beside those that there are: HF's sum of nested templates */
};

/* A processor that leaves spaces out of offsets. */
struct tok_trim {
    bool prefix_space;
    bool first[2][2][2]; /* [TOK_TEMPLATE][two texts][the second]: does the text begin what the processor sees? */
};

/* How TOK_LIMITS cuts and fills. */
struct tok_limits {
    bool truncate, left;   /* truncate from the left */
    bool ours;             /* not the file's: a template alone may be too long */
    enum tok_cut cut;
    size_t max_length, stride;
    bool pad, pad_left;
    size_t pad_to, pad_multiple; /* pad_to 0: only to the multiple */
    int pad_id, pad_type;
};

/* Where a tokenizer that is not a tokenizer.json comes from: its own bytes are
 * kept, since that schema cannot hold it exactly. */
enum tok_source { SOURCE_JSON, SOURCE_SPM, SOURCE_TIKTOKEN, SOURCE_PIECES };

struct tokenizer {
    struct vocab vocab;
    struct tok_added *added; /* [n_added], in file order */
    size_t n_added;
    bool has_forms;          /* some have a form */
    struct tok_matcher raw, normalized; /* matched before and after normalising */
    struct tok_runs *runs;   /* tok_runs.h, or NULL */

    char *part[N_PARTS];     /* compact JSON text of each part; NULL = null */
    enum tok_source source;
    struct buf source_bytes; /* of SOURCE_SPM and SOURCE_TIKTOKEN */
    struct tok_pieces *pieces; /* tok_pieces.h: of SOURCE_PIECES, else NULL */
    char *source_split;      /* SOURCE_TIKTOKEN: name of the split */

    struct norm_chain norm;
    struct norm_chain denorm; /* SentencePiece: what decoded text goes through */
    struct pre_chain pre;
    bool needs_origin;       /* a Metaspace asks where words come from */

    /* byte level: the model sees bytes.  fast_split: the whole chain is the
     * split `split` of bytes, or that by `rule`, without a step that writes but, `space_first`, one
     * that puts a space in front of a text that has none. */
    bool any_bytes; /* bytes that are no UTF-8 go to the model as they are */
    bool byte_level, fast_split, by_rule, space_first;
    enum split_kind split;
    struct split_rule rule;
    struct tok_trim *trim;   /* [n_trims] one after the other */
    size_t n_trims;

    enum tok_model model;
    bool makes_special;      /* tok_allow_special(): the model has its special tokens */
    int unk_id;              /* -1 = none */
    bool unk_merged;         /* BPE: some merge makes it, too */
    char *unk_text;          /* as in the file, where it may name no token */
    bool fuse_unk, byte_fallback;
    int32_t byte_id[256];    /* byte level: id of each byte; byte_fallback: of "<0x..>"; else of
                              * ASCII characters; -1 = none */

    /* BPE */
    struct bpe bpe;
    bool ignore_merges, drop_unknown, lacks_unk; /* lacks_unk: the vocabulary has no unk_text */
    bool has_user;           /* SentencePiece: user-defined pieces */
    bool has_unused;         /* SentencePiece: pieces that are taken apart again: model_spmerge.c */
    char *prefix, *suffix;   /* of continuing symbols, of the last one; NULL as in the file */
    struct trie symbols;     /* SentencePiece: characters and pieces that never merge */
    int32_t *symbol_id;      /* by value of that trie; ids >= vocab.n have no token */

    /* WordPiece (prefix also); SentencePiece's user-defined pieces */
    struct trie trie, user;
    struct trie *_Atomic by_bytes; /* unigram_trie(); NULL until a word needs it */
    uint32_t continuing;     /* node of `trie` where the prefix leads; 0 = there is none */
    bool no_continuing;      /* no token has the prefix */
    size_t max_word_chars;
    double *score;           /* [vocab.n] */
    double unk_score;
    bool spm_floats;         /* sums in f32, as SentencePiece */
    bool fast_carry;         /* tok_fast.c: sums go on from part to part of a text */

    struct decode_chain decoder;
    struct tok_places single, pair; /* see tok_places() */
    struct tok_places bare, bare_pair; /* the same without TOK_TEMPLATE: types and order of the texts */
    struct tok_places target[2]; /* those of TOK_TARGET, of one and of two texts; n = 0: they are those of other texts */
    bool adds_bos, adds_eos; /* SOURCE_SPM: what a GGUF file puts around a text; a .model says nothing of it */
    struct tok_limits limits;
    int bos, eos;

    const char *note;        /* tok_note() */
    double dropout;          /* what the file's byte pairs leave out in training; it stays in the file, and encoding does without */
    char *file;              /* tok_origin() */
    const char *class, *ends;
    bool cache_words;        /* words are worth a cache: the chain cuts them short */
    struct split_joints *joints; /* of `rule`, or NULL */
    struct tok_borders *borders; /* byte level: where long words are cut, or NULL */
    uint64_t *wholes;        /* byte level with ignore_merges, else NULL: bits by the hashes of tokens of up to WORD_KEY_MAX bytes */
    unsigned wholes_shift;   /* of a hash: its bit's number */
    struct tok_fast *fast;   /* tok_fast.c: words cached by their bytes in the text; or NULL */
    struct tok_added *near;  /* tok_near.c: what of each token of `normalized` is looked for; or NULL */
    struct tok_matcher near_match;

    /* Decoded bytes of each id (16 more are readable), and how many bytes of
     * text the model's token covers.  off = TOK_HOLE: no such token. */
    struct tok_bytes { uint32_t off, len, covers; } *bytes;
    char *byte_pool;

    struct tok_laters *_Atomic laters; /* tok_laters(); NULL until something is decoded */
};

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
struct tok_unknown {
    wordpiece_many_fn *find;  /* NULL: none wait */
    size_t missed;            /* among the last words */
    struct wordpiece_many words;
    struct word_slot *slot[WORDPIECE_MANY]; /* where their ids go */
};

/* Work space of one thread. */
enum { BATCH = SPLIT_TWO };

/* A batch of words of a text: text[begin..ends[0]), text[ends[0]..ends[1]) ... */
struct tok_words {
    size_t begin, count, ends[BATCH];
    struct word_key keys[BATCH];
};

/* The same in their normal form, some batches of them. */
enum { FORMED = 8 };
struct tok_formed {
    struct word_run run;
    struct word_key keys[WORD_RUN + WORD_SLACK];
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
    uint32_t narrow;             /* tok_carry.c's code of the last place of any sum until there: gaps are wide whose code is above */
    struct tok_words words[2];
    size_t begins[BATCH];
    struct word_forms *forms;    /* tok_form.c, where that is the way */
    struct tok_formed formed[FORMED];
    struct tok_unknown unknown;
    struct tok_misses misses;
};

/* Whether symbols of the model are spelled with a prefix or a suffix. */
static inline bool tok_has_affixes(const struct tokenizer *t)
{
    return (t->prefix && *t->prefix) || (t->suffix && *t->suffix);
}

/* Whether decoding can leave the token out.  Hugging Face's programs look the text up that decoders
 * get among the special ones: an added token that is found as another text is then what that is. */
static inline bool tok_is_skipped(const struct tokenizer *t, int32_t id)
{
    unsigned flags = id >= 0 && id < t->vocab.n ? t->vocab.v[id].flags : 0;
    return ((flags & VOCAB_SPECIAL) != 0) != ((flags & VOCAB_INVERTED) != 0);
}

/* tok_decode.c: what SentencePiece's decoder takes a token for. */
enum dec_token tok_kind_to_decode(const struct tokenizer *t, int32_t id);
/* tok_decode.c: what decoders get of a token: its text in the vocabulary; of an
 * added token that is found after normalising, its normal form. */
const char *tok_said(const struct tokenizer *t, int id, size_t *n);

/* tok_match.c */
/* Of the tokens v[0..n) those that are normalized, or not; skip[i] (NULL: none) leaves one out. */
int tok_matcher_init(struct tok_matcher *m, const struct tok_added *v, size_t n, const bool *skip, bool normalized, struct err *e);
bool tok_matcher_twins(const struct tok_matcher *m); /* whether two of them have one form */
void tok_matcher_free(struct tok_matcher *m);
/* Whether tokens of `normalized` and of `raw`, which are found before them, can share a place so that others were found if
 * they all were of one kind. */
bool tok_added_cross(const struct tokenizer *t);
/* Next added token in text at or after pos, where all before `done` has been used.
 * special = false: only tokens that are not special. */
struct tok_found {
    const struct tok_added *token;
    size_t at, end;      /* where its text is */
    size_t begin, stop;  /* with the spaces that it takes; may begin before `done`: then
                          * what a token before took is used twice, as HF does */
};
bool tok_match_any(const struct tok_matcher *m, const char *text, size_t n); /* whatever else has to hold of it */
bool tok_match(const struct tok_matcher *m, const char *text, size_t n, size_t pos, size_t done, bool special,
               struct tok_found *f);

/* tok_word.c */
/* Appends the ids of a byte-level text that fast_split holds for, no spans. */
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
void tok_spans_free(struct tok_spans *w);
/* tok_unknown.c: words that the cache does not know, to be taken apart together by
 * WordPiece, for it. */
void tok_unknown_init(const struct tokenizer *t, struct tok_unknown *u);
/* The word stays until then; the cache is not used between. */
void tok_unknown_add(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word, size_t n);
void tok_unknown_learn(const struct tokenizer *t, struct tok_scratch *s);
int tok_ids_room(struct tok_ids *out, size_t extra, struct err *e);
int tok_ids_push(struct tok_ids *out, int id, size_t begin, size_t end, struct err *e);

void tok_ids_cut(struct tok_ids *out, size_t from, size_t n); /* removes ids [from, from + n) */

/* tok_json.c: how many tokens the model has, whatever their ids: Hugging Face's programs number others from there on. */
int tok_model_size(const struct tokenizer *t);

/* tok_pair.c */
/* The template for one text or for two; without one the texts alone.  NULL:
 * it says nothing of two texts. */
const struct tok_places *tok_places(const struct tokenizer *t, bool pair);
/* What `flags` ask for: the template, perhaps that of a target, or no more than the texts.  NULL: *e says why there is none. */
const struct tok_places *tok_places_of(const struct tokenizer *t, bool pair, unsigned flags, struct err *e);
/* Where the texts go when no template is wanted: of these places only they. */
const struct tok_places *tok_bare_places(const struct tokenizer *t, bool pair);
/* How often PLACE_FIRST or PLACE_SECOND is there, and how many tokens of its own a template has. */
int tok_places_times(const struct tok_places *p, int text);
int tok_places_ids(const struct tok_places *p);
/* How many ids truncation leaves room for beside the texts'. */
size_t tok_limits_around(const struct tok_places *p);
/* How many ids of one or two texts of *a and *b ids stay, beside `around` others. */
int tok_limits_keep(const struct tok_limits *l, size_t around, bool pair, size_t *a, size_t *b, struct err *e);
size_t tok_limits_padded(const struct tok_limits *l, size_t n); /* n ids become so many */

/* tok_special.c: whether the model knows the token; special ones only where they are allowed. */
bool tok_in_model(const struct tokenizer *t, int id);
/* Merges that make special tokens are not done, unless they are allowed. */
void tok_leave_merges(struct tokenizer *t);
/* tok_finish.c: what is made of the model's tokens, once more. */
int tok_finish_again(struct tokenizer *t, struct err *e);

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
/* What a user-defined piece of n bytes is worth to SentencePiece 0.2.3, whatever the other scores. */
static inline double spm_user_score(size_t n)
{
    return 0.1 * (double)n - 0.1;
}
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
/* All tokens that stand in text, by their bytes: made by the thread that is first to ask, since words that
 * unigram.h's way is certain of never do.  NULL: no memory, or they are too many. */
const struct trie *unigram_trie(const struct tokenizer *t, struct err *e);
/* The ids of word[begin..end), a run of characters that a way calls unknown. */
int unigram_unknown(const struct tokenizer *t, const uint8_t *word, size_t begin, size_t end, struct tok_ids *out, struct err *e);
void unigram_trie_free(struct trie *trie);
/* Flags of tokens of the model that are never found in text: special ones, and pieces for bytes. */
static inline unsigned unigram_without(const struct tokenizer *t)
{
    return t->source == SOURCE_SPM ? VOCAB_BYTE : t->makes_special ? 0 : VOCAB_SPECIAL;
}

/* tok_later.c: what each id adds to a text that has begun.  slow: a byte that waits for its neighbours; whole: it has
 * no part of a character.  joined: the decoder is a chain of several steps. */
struct tok_laters {
    struct buf pool;
    bool joined;
    struct tok_later { uint32_t off, len; bool slow, whole; uint8_t byte; } v[]; /* by id */
};
bool tok_by_token(const struct tokenizer *t); /* whether the decoder works token by token */
/* Made by the thread that is first to ask; NULL without memory. */
const struct tok_laters *tok_laters(const struct tokenizer *t, struct err *e);
void tok_laters_free(struct tok_laters *l);
/* Returns n, or the index of an id that is none. */
size_t tok_later_decode(const struct tokenizer *t, const struct tok_laters *l, const int32_t *id, size_t n, bool skip_special,
                        struct buf *out);

/* tok_decode.c: that there is no such token; always -1. */
int tok_bad_id(const struct tokenizer *t, int32_t id, size_t at, struct err *e);
/* tok_decode.c: through the decoder's steps, whatever they are; first = false: text goes on. */
int tok_decode_steps(const struct tokenizer *t, const int32_t *id, size_t n, bool skip_special, bool first,
                     struct buf *out, struct err *e);
/* tok_decode.c: the byte that a token <0xHH> of byte_fallback stands for, or -1. */
int tok_byte_of(const struct tokenizer *t, int id);

/* tok_encode.c: without template, limits and trimmed spans; the spaces that the
 * post-processors leave out of the spans of out[from..), a text of one or two. */
int tok_encode_alone(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                     unsigned flags, struct tok_ids *out, struct err *e);
void tok_trim_spans(const struct tokenizer *t, const char *whole, size_t n_text, struct tok_ids *out, size_t from,
                    unsigned flags, bool pair, bool second);

/* tok_encode.c: text[0..n) that lies between added tokens; spans are in the
 * whole text (s->offset: where the segment stands in it). */
int tok_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                unsigned flags, struct tok_ids *out, struct err *e);

/* tok_language.c: what a TemplateProcessing says of languages becomes t->target. */
struct cJSON;
int tok_read_languages(struct tokenizer *t, const struct cJSON *post, struct err *e);

/* tok_parts.c, tok_parts_pre.c ...: read one part of a tokenizer.json into *t. */
int tok_read_normalizer(struct tokenizer *t, const struct cJSON *j, struct err *e);
/* tok_clip.c: whether an expression cuts as CLIP's, perhaps with its special tokens first. */
bool tok_clip_regex(const char *regex, bool *specials);
int tok_read_pre(struct tokenizer *t, const struct cJSON *j, struct err *e);
int tok_read_decoder(struct tokenizer *t, const struct cJSON *j, struct err *e);
int tok_read_post(struct tokenizer *t, const struct cJSON *j, struct err *e);
int tok_read_limits(struct tokenizer *t, const struct cJSON *truncation,
                    const struct cJSON *padding, struct err *e);
/* "String" or "Regex" of a pattern; exactly one of *text and *re is set. */
int tok_read_pattern(const struct cJSON *j, const char *where, char **text, size_t *n,
                     struct regex **re, const char **source, struct err *e);

/* tok_tiktoken.c: lines of base64 and rank.  special: {"text": id} or NULL. */
struct tokenizer *tok_from_tiktoken(const char *text, size_t n, const char *split,
                                    const struct cJSON *special, const char *name, struct err *e);
/* tok_origin.c: bos and eos as the files of a directory name them beside its tokenizer; what tok_origin() says. */
int tok_read_ends(struct tokenizer *t, const char *dir, struct err *e);
int tok_read_around(struct tokenizer *t, const char *dir, struct err *e);
int tok_set_origin(struct tokenizer *t, const char *file, const char *class, struct err *e);
/* What names them, by which of the two files do. */
const char *tok_ends_from(bool config, bool map);
/* tok_write.c: "added_tokens":[...], and a comma. */
void tok_added_tokens_json(const struct tokenizer *t, struct buf *out);
/* tok_files.c: whatever kind of file it is (tok_kind.c).  split: of a .tiktoken
 * file, which does not say it; else NULL. */
struct tokenizer *tok_from_file(const char *text, size_t n, const char *path, const char *split, struct err *e);

/* tok_finish.c: a trie of the model's tokens that have no flag of `without`
 * (special tokens are found by tok_match.c, or else are text). */
int tok_model_trie(const struct tokenizer *t, struct trie *trie, unsigned without, struct err *e);

/* tok_finish.c: tables made of the vocabulary, when all is read. */
int tok_finish(struct tokenizer *t, struct err *e);
/* tok_spm.c: puts bos and eos around each text, where there are such tokens. */
int tok_add_ends(struct tokenizer *t, bool bos, bool eos, struct err *e);
/* tok_base64.c: appends to *out.  What is no base64 is an error that names the place. */
int tok_base64(const void *bytes, size_t n, struct buf *out, struct err *e);
int tok_unbase64(const char *text, size_t n, struct buf *out, struct err *e);
/* Base64 at p, up to what is none, as bytes in their spelling (bytemap.h) to `to`, which has room for one and a
 * half times as many bytes and two more: their number in *n and the place behind it.  NULL: it is broken. */
struct bytemap_spelling;
const char *tok_spell_base64(const struct bytemap_spelling *s, const char *p, const char *end, char *to, size_t *n);

#endif
