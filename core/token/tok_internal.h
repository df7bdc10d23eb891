/* tok_internal.h - the inside of a tokenizer, for core/token/tok_*.c and tests.
 *
 * Encoding: added tokens cut the text; what is between goes through the
 * normalizer chain, then added tokens that match the normal form cut again;
 * the pre-tokenizer chain makes words, the model makes ids of each word, and
 * the post-processor puts its template around them.
 *
 * What a thread brings for that, and the functions: tok_scratch.h; decoding:
 * tok_decode.h; how a tokenizer is read and made: tok_load.h. */
#ifndef CORE_TOKEN_TOK_INTERNAL_H
#define CORE_TOKEN_TOK_INTERNAL_H

#include "core/token/bpe.h"
#include "core/token/decode.h"
#include "core/token/normalize.h"
#include "core/token/pretok.h"
#include "core/token/split.h"
#include "core/token/tok_sieve.h"
#include "core/token/tokenizer.h"
#include "core/token/trie.h"
#include "core/token/vocab.h"

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
    const struct tok_added **v;       /* [n], by first byte, then falling length, then text */
    uint32_t *stop;                   /* [n]: behind those that begin with this byte and are as long */
    size_t n;
    bool forms;                       /* matches normal forms */
    uint32_t from[257];               /* v[from[b]..from[b + 1]) begin with byte b */
    uint64_t pair[1024];              /* bits by the first two bytes: some token begins with them */
    struct tok_sieve sieve;
    tok_sieve_fn *next;               /* or NULL */
};

/* What TOK_TEMPLATE adds around a text or two: tokens, and the places of the
 * texts, each with the type that its tokens get. */
enum { PLACE_FIRST = -1, PLACE_SECOND = -2 };
struct tok_place {
    int id, type;
    int later; /* of a text that is cut into windows: its type in those behind the first, which HF's templates leave as it was */
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
    bool pads;
    struct tok_padding pad;
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

/* Whether symbols of the model are spelled with a prefix or a suffix. */
static inline bool tok_has_affixes(const struct tokenizer *t)
{
    return (t->prefix && *t->prefix) || (t->suffix && *t->suffix);
}

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

/* tok_word.c: room for more ids. */
int tok_ids_room(struct tok_ids *out, size_t extra, struct err *e);
/* tok_model.c: one more. */
int tok_ids_push(struct tok_ids *out, int id, size_t begin, size_t end, struct err *e);
/* tok_encode.c: ids [from, from + n) go. */
void tok_ids_cut(struct tok_ids *out, size_t from, size_t n);

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

/* tok_special.c: whether the model knows the token; special ones only where they are allowed. */
bool tok_in_model(const struct tokenizer *t, int id);

/* What a user-defined piece of n bytes is worth to SentencePiece 0.2.3, whatever the other scores. */
static inline double spm_user_score(size_t n)
{
    return (double)(float)(0.1 * (double)n - 0.1);
}

/* Unigram's score of a token. */
static inline double unigram_score(const struct tokenizer *t, int id)
{
    bool user = t->spm_floats && t->has_user && (t->vocab.v[id].flags & VOCAB_USER);
    return user ? spm_user_score(t->vocab.v[id].len) : t->score[id];
}

/* model_unigram.c: all tokens that stand in text, by their bytes: made by the thread that is first to ask, since words that
 * unigram.h's way is certain of never do.  NULL: no memory, or they are too many. */
const struct trie *unigram_trie(const struct tokenizer *t, struct err *e);
void unigram_trie_free(struct trie *trie);
/* Flags of tokens of the model that are never found in text: special ones, and pieces for bytes. */
static inline unsigned unigram_without(const struct tokenizer *t)
{
    return t->source == SOURCE_SPM ? VOCAB_BYTE : t->makes_special ? 0 : VOCAB_SPECIAL;
}

#endif
