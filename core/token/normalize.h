/* normalize.h - what happens to a text before it is split: a chain of steps.
 *
 * An origin leads from each byte of the result back to the part of the text
 * that it came from, so that offsets stay offsets into the original.  How
 * origins move through a step follows HF tokenizers' NormalizedString. */
#ifndef CORE_TOKEN_NORMALIZE_H
#define CORE_TOKEN_NORMALIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/token/charsmap.h"
#include "core/token/regex.h"
#include "core/token/trie.h"

enum norm_kind {
    NORM_NFC, NORM_NFD, NORM_NFKC, NORM_NFKD,
    NORM_LOWERCASE,
    NORM_STRIP,         /* white space at the ends: left, right */
    NORM_STRIP_ACCENTS,
    NORM_PREPEND,       /* to */
    NORM_REPLACE,       /* from, or the matches of re, by to */
    NORM_PRECOMPILED,   /* map, as HF tokenizers applies it */
    NORM_NMT,
    NORM_BYTE_LEVEL,    /* bytes as characters of bytemap.h */
    NORM_BERT_CLEAN, NORM_BERT_CHINESE, NORM_BERT_MARKS, /* parts of BertNormalizer */
    NORM_SPM,           /* map and flags, as SentencePiece applies them */
    NORM_MOSES,         /* language and flags of moses.h */
    NORM_PYTHON_LOWER,  /* str.lower() */
    NORM_PYTHON_UPPER,  /* str.upper() */
    NORM_PYTHON_BASIC,  /* what BERT's tokenizer in Python does to single characters; flags: 1 = spaces around Chinese ones */
};

struct norm_step {
    enum norm_kind kind;
    bool left, right;                       /* strip */
    char *from, *to;
    size_t n_from, n_to;
    struct regex *re;
    bool not_in_front;                      /* re: an error where it puts text in front of all */
    bool runs_of_spaces;                    /* re matches nothing but two spaces or more */
    struct charsmap *map;
    int language;                           /* NORM_MOSES */
    unsigned flags;                         /* NORM_MOSES, NORM_PYTHON_BASIC */
    /* NORM_SPM */
    bool dummy_prefix, dummy_suffix, remove_extra, escape;
    const struct trie *user;                /* user-defined pieces stay as they are; not owned */
};

struct norm_chain {
    struct norm_step *step;
    size_t n;
};
void norm_chain_free(struct norm_chain *c);
/* A new step at the end, zeroed; NULL when out of memory. */
struct norm_step *norm_chain_add(struct norm_chain *c, enum norm_kind kind, struct err *e);

struct norm_origin {
    size_t begin, end;
};

/* A text with the origin of each byte (when wanted). */
struct norm_text {
    struct buf text;
    struct norm_origin *origin; /* [text.len] */
    size_t cap;
};

/* Characters below NORM_SAME that a step leaves alone, bit by character. */
enum { NORM_SAME = 0x10000, NORM_NOT_ONE = 0xFF };
struct norm_same {
    const struct norm_step *step;
    uint8_t ascii[128]; /* what becomes of such a character; NORM_NOT_ONE: not one of ASCII, or it depends */
    uint64_t same[NORM_SAME / 64];
    uint64_t alone[NORM_SAME / 64]; /* NORM_PRECOMPILED: no grapheme has such a character beside another */
};

/* Work space of one thread; zero-initialise. */
struct norm {
    struct norm_text side[2];
    struct norm_text *out;      /* the result, after a call that returned 1 */
    bool want_origin;
    bool inner_first, inner_last; /* the text is part of a longer one: nothing happens at that end */
    size_t end;                 /* NORM_SPM: the offset behind the last byte's origin */
    struct regex_work *work;
    struct norm_same *same[4];
    size_t seen;                /* bytes, before there are such tables */
    size_t n_put;               /* characters that a step wrote one by one, ever: to ask for a stop, and for tests */
    struct norm_char { uint32_t cp; int change; } *list, *tmp;
    size_t list_cap, n_list;
};

void norm_free(struct norm *w);
/* 1: w->out is the result; 0: the text is its own normal form, w->out is not
 * set; -1: error.  Broken UTF-8 passes through most steps. */
int norm_run(const struct norm_chain *c, struct norm *w, const char *text, size_t n,
             struct err *e);

/* An error where steps, which may each double a text, have made `to` bytes of `from`: more than 1024 times as many.
 * who: what the error begins with, as "the normalizer". */
int norm_check_growth(size_t from, size_t to, const char *who, struct err *e);

/* Chains whose steps look at one character at a time: what they make of a text is
 * what they make of each of its characters, one after the other.  orders: but
 * marks that are left may change places. */
enum { NORM_CHAR_MOST = 32 };
bool norm_by_char(const struct norm_chain *c, bool *orders);
/* What such a chain makes of a character inside a text: how many, -1 for too many. */
int norm_char(const struct norm_chain *c, uint32_t cp, uint32_t out[NORM_CHAR_MOST]);
bool norm_is_mark(uint32_t cp); /* one that may change places: its combining class is not 0 */

/* ---- for the steps (normalize.c, norm_*.c) ---- */

/* Reads in[0..n) and writes a norm_text; pos is what was consumed. */
struct norm_io {
    struct norm *w;
    const struct norm_step *step;
    const char *in;
    size_t n, pos;
    const struct norm_origin *from; /* NULL: the text is the original */
    struct norm_text *to;
    struct err *e;
};
struct norm_origin norm_origin_at(const struct norm_io *io, size_t i);
/* Copies the next `len` bytes with their origins. */
int norm_copy(struct norm_io *io, size_t len);
/* One character out.  change 0: it takes the place of the next one of the
 * input; 1: it is new; -k: and k more of the input go. */
int norm_put(struct norm_io *io, uint32_t cp, int change);
int norm_put_text(struct norm_io *io, const char *text, size_t len, struct norm_origin origin);

/* norm_same.c: the table of the step, or NULL as long as it does not pay. */
const struct norm_same *norm_same(const struct norm_io *io);

/* norm_form.c */
int norm_form(struct norm_io *io, bool compat, bool compose);
/* Whether a form leaves this character alone whatever such characters are around it. */
bool norm_form_keeps(uint32_t cp, bool compat, bool compose);
int norm_decompose(uint32_t cp, bool compat, uint32_t out[NORM_CHAR_MOST]);

/* norm_spm.c */
int norm_precompiled(struct norm_io *io, bool *changed);
int norm_spm(struct norm_io *io);

/* norm_python.c */
int norm_moses(struct norm_io *io);
int norm_python_lower(struct norm_io *io, bool *changed);
int norm_python_upper(struct norm_io *io, bool *changed);
int norm_python_basic(struct norm_io *io, bool *changed);

#endif
