/* regex_parse.h - the pattern as a tree, between regex_parse.c and
 * regex_compile.c. */
#ifndef CORE_TOKEN_REGEX_PARSE_H
#define CORE_TOKEN_REGEX_PARSE_H

#include "core/token/regex_internal.h"

enum re_kind { N_EMPTY, N_CHAR, N_SET, N_ANY, N_ALL, N_CAT, N_ALT, N_REPEAT, N_LOOK, N_ATOMIC, N_ASSERT, N_CLUSTER,
               N_GROUP, N_BACKREF, N_KEEP, N_COND };

struct re_node {
    enum re_kind kind;
    bool fold;                 /* N_CHAR */
    bool closed;               /* N_CHAR: in brackets of its own */
    int how;                   /* N_REPEAT: re_greed; N_LOOK: re_look; N_ASSERT: re_assert;
                                * N_ATOMIC: 1 = \R */
    int group;                 /* N_GROUP, N_BACKREF, N_COND: its number, from 1 on; 0: `name` says which */
    int reg;                   /* of a N_GROUP that is referred to, and of what does: the first of two; -1 = none */
    size_t at;                 /* N_BACKREF, N_COND: offset in the pattern */
    const char *name;          /* or NULL */
    size_t n_name;
    uint32_t cp;
    int min, max;              /* N_REPEAT; max -1 = no end */
    struct re_set *set;
    struct re_node *a, *b;     /* children; N_CAT and N_ALT: a then b; N_COND: if the group matched, else */
    int height;                /* nodes below it, one under the other: what walks down the tree needs stack for so many */
};

struct re_parse {
    struct regex *r;
    const char *pattern;
    size_t n, pos;
    int depth;
    bool fold, dot_all, extended;
    bool refers;               /* there are references to groups, so that these are nodes */
    bool named;                /* ... and groups with names: only these count */
    int n_groups, behind;      /* behind: look-behinds around */
    int condition;             /* depth of the branch of a condition that is read, 0 = none */
    struct err *e;
};

/* regex_parse.c: NULL with the reason in p->e. */
struct re_node *re_parse_all(struct re_parse *p);
int re_refuse(struct re_parse *p, const char *what); /* -1: "... at offset N is not supported" */
int re_wrong(struct re_parse *p, const char *what);  /* -1: "... at offset N": no engine takes it */
struct re_node *re_new_node(struct re_parse *p, enum re_kind kind);
struct re_node *re_pair(struct re_parse *p, enum re_kind kind, struct re_node *a, struct re_node *b); /* NULL if one is */
/* The character that an escape stands for; false if it stands for none. */
bool re_char_escape(struct re_parse *p, uint32_t *cp);
uint32_t re_take_char(struct re_parse *p);

/* regex_refs.c: whether the pattern has references to groups; p->named. */
void re_find_refs(struct re_parse *p);
/* The group of each reference; -1: it cannot be referred to. */
int re_resolve_refs(struct re_parse *p, struct re_node *tree);
/* regex_fold.c: letters in a row under (?i), where several can be one in the text: "ss" and U+DF. */
bool re_fold_joins(const uint32_t *cp, size_t n); /* whether some can */
struct re_node *re_fold_row(struct re_parse *p, const uint32_t *cp, size_t n);
/* A letter under (?i) that folds to several, and its fold, and others with that. */
struct re_node *re_fold_several(struct re_parse *p, uint32_t cp);

/* regex_class.c: after '\\' with the letter c (s S d D w W h H p P), or from
 * '[' on.  NULL with the reason, or *not_mine = true. */
struct re_set *re_class_escape(struct re_parse *p, char c, bool *not_mine);
struct re_set *re_class_bracket(struct re_parse *p);
struct re_set *re_class_ranges(struct re_parse *p, const uint32_t (*of)[2], size_t n);
/* regex_set.c */
void re_set_finish(struct re_set *s); /* its ASCII part, when all is in it */
void re_set_map(struct re_set *s, struct arena *a);
/* No character is in both; false also where that takes too long to say. */
bool re_sets_apart(const struct re_set *a, const struct re_set *b);
/* regex_runs.c: the characters from `first`, a multiple of 64, on: bit by character. */
uint64_t re_set_block(const struct re_set *s, uint32_t first);

/* regex_compile.c: how many characters the matches of a node have. */
enum { RE_ENDLESS = 1 << 30 };
struct re_lengths {
    int64_t min, max; /* RE_ENDLESS: that many or more */
};
struct re_lengths re_lengths_of(const struct re_node *n);
bool re_can_be_empty(const struct re_node *n);

#endif
