/* chat_ast.h - a chat template, parsed. */
#ifndef CORE_TOKEN_CHAT_AST_H
#define CORE_TOKEN_CHAT_AST_H

#include "core/token/chat_value.h"

enum node_kind {
    /* expressions */
    N_CONST,    /* value */
    N_NAME,     /* value: the name */
    N_LIST, N_TUPLE, /* kid[n] */
    N_DICT,     /* kid[n]: key, value, ... */
    N_ATTR,     /* kid[0], value: the name */
    N_ITEM,     /* kid[0], kid[1] */
    N_SLICE,    /* kid[0], then start, stop, step; absent = NULL */
    N_CALL,     /* kid[0], arg[n_args] */
    N_FILTER,   /* kid[0] (NULL in a filter block), value: the name, arg */
    N_TEST,     /* kid[0], value: the name, arg; negated: op = 1 */
    N_UNARY,    /* op: 'n'ot - + */
    N_BINARY,   /* op, kid[0], kid[1] */
    N_COMPARE,  /* kid[0]; then pairs: ops[i], kid[i + 1] */
    N_COND,     /* kid[0] if kid[1] else kid[2] (may be NULL) */
    /* statements */
    N_DATA,     /* value */
    N_OUTPUT,   /* kid[0] */
    N_BODY,     /* kid[n]; of a block: arg[n_args].key, names that are undefined until it sets them */
    N_IF,       /* kid: condition, body, condition, body, ..., body or NULL */
    N_FOR,      /* kid: target, iterable, filter, body, else; op: it is recursive */
    N_SET,      /* kid: target, value */
    N_SET_BLOCK,/* kid: target, body, filter chain or NULL */
    N_MACRO,    /* value: the name, param[n_args] with defaults, kid[0]: body, op: MACRO_ flags */
    N_CALL_BLOCK, /* kid: call, the body as a macro */
    N_FILTER_BLOCK, /* kid: filter chain, body */
    N_WITH,     /* kid: target, value, ..., body */
    N_GENERATION, /* kid[0], op: MACRO_ flags */
    N_BREAK, N_CONTINUE,
};

enum node_op {
    OP_ADD = 1, OP_SUB, OP_MUL, OP_DIV, OP_FLOORDIV, OP_MOD, OP_POW, OP_CONCAT, OP_AND, OP_OR, OP_NOT,
    OP_NEG, OP_POS, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IN, OP_NOT_IN
};

enum {
    MACRO_VARARGS = 1, MACRO_KWARGS = 2, MACRO_CALLER = 4, /* the body speaks of them */
    MACRO_OF_CALL = 8, /* what stands inside {% call %}, which has no name */
};

struct node_arg {
    const struct cstr *key; /* NULL: by position */
    struct node *value;     /* a macro's parameter without a default: NULL */
    uint8_t stars;          /* of a call: 1 the items of a list, 2 of a dictionary */
};

/* Where something begins in the template, both from 1; columns count characters. */
struct chat_place {
    uint32_t line, column;
};

struct node {
    enum node_kind kind;
    uint8_t op;
    struct chat_place place;
    struct cv value;
    struct node **kid;
    size_t n;
    uint8_t *ops;           /* N_COMPARE */
    struct node_arg *arg;
    size_t n_args;
};

/* Text of the template as a tree; nodes live in m.  `name` for messages. */
int chat_parse(struct chat_mem *m, const char *text, size_t n, const char *name, struct node **out,
               struct err *e);

/* ---- chat_lex.c ---- */
enum tok_kind {
    TK_DATA, TK_OUTPUT_BEGIN, TK_OUTPUT_END, TK_BLOCK_BEGIN, TK_BLOCK_END, TK_NAME, TK_INT, TK_FLOAT,
    TK_STRING, TK_OP, TK_EOF
};
struct lexeme {
    enum tok_kind kind;
    struct chat_place place;
    const char *s;  /* names, operators, data */
    size_t n;
    struct cv value; /* numbers, strings */
};
struct lexemes {
    struct lexeme *v;
    size_t n, cap;
};
int chat_lex(struct chat_mem *m, const char *text, size_t n, const char *name, struct lexemes *out,
             struct err *e);

#endif
