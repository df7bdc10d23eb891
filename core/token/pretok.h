/* pretok.h - cutting a text into the words that the model sees: a chain of
 * steps, each of which cuts the pieces it finds further, and some of which
 * change them.  Follows HF tokenizers' pre-tokenizers. */
#ifndef CORE_TOKEN_PRETOK_H
#define CORE_TOKEN_PRETOK_H

#include "core/token/normalize.h"
#include "core/token/regex.h"
#include "core/token/split_rule.h"

enum pre_kind {
    PRE_BYTE_LEVEL,     /* prefix space; GPT-2's words if use_regex */
    PRE_SPLIT,          /* at the matches of re, a text, or a known split */
    PRE_SPLIT_SET,      /* at characters of a set: enum pre_set */
    PRE_WHITESPACE,     /* \w+|[^\w\s]+ */
    PRE_METASPACE,
    PRE_SCRIPTS,
    PRE_FIXED_LENGTH,
};
enum pre_set { SET_SPACE, SET_PUNCT, SET_NUMERIC, SET_CHAR };
enum pre_behavior { PRE_REMOVED, PRE_ISOLATED, PRE_MERGED_WITH_PREVIOUS, PRE_MERGED_WITH_NEXT,
                    PRE_CONTIGUOUS };
enum pre_scheme { SCHEME_FIRST, SCHEME_NEVER, SCHEME_ALWAYS };

struct pre_step {
    enum pre_kind kind;
    bool prefix_space, use_regex;       /* byte level */
    bool spell;                         /* byte level: steps follow, so bytes become characters */
    enum pre_set set;
    uint32_t cp;                        /* SET_CHAR; the replacement of Metaspace */
    enum pre_behavior behavior;
    bool invert;
    enum split_kind known;              /* PRE_SPLIT: by hand; SPLIT_NONE: re or text */
    bool words;                         /* ... re cuts the words of a rule: */
    struct split_rule rule;
    bool clip, clip_specials;           /* ... re is CLIP's, with its special tokens first */
    struct regex *re;
    char *text;
    size_t n_text;
    enum pre_scheme scheme;
    bool cut;                           /* Metaspace: split */
    size_t length;                      /* PRE_FIXED_LENGTH */
    bool bytes;                         /* behind a ByteLevel that spells nothing: each byte is the character
                                         * that stands for it */
};

struct pre_chain {
    struct pre_step *step;
    size_t n;
    struct split_sets *sets; /* of its rule */
};
void pre_chain_free(struct pre_chain *c);
struct pre_step *pre_chain_add(struct pre_chain *c, enum pre_kind kind, struct err *e);

struct pre_piece {
    size_t begin, end;
};

/* Work space of one thread; zero-initialise. */
struct pre {
    struct norm_text side[2];
    const char *text;           /* the result: pieces are of this */
    size_t n;
    const struct norm_origin *origin; /* NULL: text is the original */
    struct pre_piece *piece, *next;
    size_t n_pieces, cap, n_next, cap_next;
    struct norm norm;           /* for origins and regex work */
    struct norm_text *out;
    bool inside;                /* the text goes on from one before it: nothing is put in front */
};
void pre_free(struct pre *p);

/* Cuts text[0..n); origin as in struct norm_io; offset: where the text stands
 * in the original (Metaspace's "first").  The result is in *p. */
int pre_run(const struct pre_chain *c, struct pre *p, const char *text, size_t n,
            const struct norm_origin *origin, bool want_origin, size_t offset, struct err *e);
int pre_push(struct pre *p, size_t begin, size_t end, struct err *e); /* appends to p->next */

/* Runs of 2 to `most` spaces or tabs that are cut out before the chain: of longer ones as many as
 * can be, from the left. */
struct pre_run {
    uint8_t blank, most;
};
/* pretok_rule.c: whether a chain of bytes is a rule: 1 with *r, whose *sets (or NULL) are the
 * caller's, 0, or -1 when out of memory.  The chain and the runs must outlive the rule. */
int pre_rule(const struct pre_chain *c, const struct pre_run *runs, int n_runs, struct split_rule *r, struct split_sets **sets, struct err *e);
/* Of a split that matches everywhere: whether its pieces are the matches. */
bool pre_keeps_pieces(const struct pre_step *s);

/* Whether nothing that is left of a text has white space in it, nor depends on what is on the other
 * side of some. */
bool pre_drops_spaces(const struct pre_step *s);

/* pretok_split.c: cuts one piece text[begin..end) and appends to p->next. */
int pre_cut(const struct pre_step *st, struct pre *p, const char *text, size_t begin, size_t end,
            struct err *e);
/* Of PRE_SPLIT_SET. */
bool pre_in_set(const struct pre_step *st, struct uni_char c);
/* Whether all steps from `from` on can see bytes, which they do then: see `bytes`. */
bool pre_see_bytes(struct pre_chain *c, size_t from);

#endif
