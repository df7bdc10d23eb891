/* regex_parse.h - the pattern as a tree, between regex_parse.c and
 * regex_compile.c. */
#ifndef CORE_TOKEN_REGEX_PARSE_H
#define CORE_TOKEN_REGEX_PARSE_H

#include "core/token/regex_internal.h"

enum re_kind { N_EMPTY, N_CHAR, N_SET, N_ANY, N_ALL, N_CAT, N_ALT, N_REPEAT, N_LOOK, N_ATOMIC, N_ASSERT };

struct re_node {
    enum re_kind kind;
    bool fold;                 /* N_CHAR */
    int how;                   /* N_REPEAT: re_greed; N_LOOK: re_look; N_ASSERT: re_assert */
    uint32_t cp;
    int min, max;              /* N_REPEAT; max -1 = no end */
    struct re_set *set;
    struct re_node *a, *b;     /* children; N_CAT and N_ALT: a then b */
};

struct re_parse {
    struct regex *r;
    const char *pattern;
    size_t n, pos;
    int depth;
    bool fold, dot_all, extended;
    struct err *e;
};

/* NULL with the reason in p->e. */
struct re_node *re_parse_all(struct re_parse *p);
int re_refuse(struct re_parse *p, const char *what); /* -1: "... at offset N is not supported" */
int re_wrong(struct re_parse *p, const char *what);  /* -1: "... at offset N": no engine takes it */

/* regex_class.c: after '\\' with the letter c (s S d D w W h H p P), or from
 * '[' on.  NULL with the reason, or *not_mine = true. */
struct re_set *re_class_escape(struct re_parse *p, char c, bool *not_mine);
struct re_set *re_class_bracket(struct re_parse *p);
/* The character that an escape stands for; false if it stands for none. */
bool re_char_escape(struct re_parse *p, uint32_t *cp);
uint32_t re_take_char(struct re_parse *p);
void re_set_finish(struct re_set *s); /* its ASCII part, when all is in it */

/* Characters that all matches of a node have, or -1: they differ, or are more than 255. */
int re_fixed_length(const struct re_node *n);
bool re_can_be_empty(const struct re_node *n);
int re_compile(struct regex *r, const struct re_node *tree, struct err *e);

#endif
