/* chat_parse.h - the inside of the template parser: chat_parse.c reads
 * statements, chat_expr.c expressions. */
#ifndef CORE_TOKEN_CHAT_PARSE_H
#define CORE_TOKEN_CHAT_PARSE_H

#include "core/token/chat_ast.h"

enum { PARSE_MOST_DEPTH = 150, PARSE_MOST_CHAIN = 1500 /* as when it is rendered */ };

struct parser {
    struct chat_mem *m;
    struct lexemes tok;
    size_t at;
    const char *name;
    int chain;        /* how deep chat_scope.c is */
    int depth, loops; /* loops: that {% break %} may end */
    int inside_for;   /* also in macros and calls there */
    struct err *e;
};

struct node_list {
    struct node **v;
    size_t n, cap;
};

int parse_fail(struct parser *p, const char *what); /* "NAME:LINE: what, not 'word'"; -1 */
bool parse_is(const struct parser *p, enum tok_kind kind, const char *text);
bool parse_op(struct parser *p, const char *text);   /* consumes it if it is next */
bool parse_word(struct parser *p, const char *text);
struct node *parse_node(struct parser *p, enum node_kind kind, size_t n);
struct node *parse_name_node(struct parser *p, enum node_kind kind, size_t n);
int parse_push(struct parser *p, struct node_list *l, struct node *v);
static inline int parse_enter(struct parser *p)
{
    return ++p->depth > PARSE_MOST_DEPTH ? parse_fail(p, "nested too deep") : 0;
}

/* NULL after an error. */
enum {
    PARSE_NO_COND = 1,  /* "a if b" does not belong to it */
    PARSE_RECURSIVE = 2 /* nor does "recursive" behind "a," */
};
struct node *parse_expression(struct parser *p);
struct node *parse_tuple(struct parser *p, int flags); /* "a" or "a, b" */
struct node *parse_filters(struct parser *p, struct node *of); /* "|name(args)|...", one at least;
                                                                * the first "|" may be missing when of is NULL */

/* chat_scope.c: notes at the bodies of blocks which names are undefined there until they are set. */
int parse_scopes(struct parser *p, struct node *root);
/* chat_names.c: filters and tests that there are not; behind parse_scopes(), which bounds how deep the tree is. */
int parse_names(struct parser *p, const struct node *root);

#endif
