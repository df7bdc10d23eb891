/* chat_eval.h - the inside of the template engine: a run, and what its parts
 * call of each other.
 *
 * Everything returns 0, or -1 after naming the place in *run->e. */
#ifndef CORE_TOKEN_CHAT_EVAL_H
#define CORE_TOKEN_CHAT_EVAL_H

#include "core/token/chat_ast.h"

struct chat_var {
    const struct cstr *name;
    struct cv value;
};
struct chat_env {
    struct chat_env *up;
    struct chat_var *v;
    size_t n, cap;
};

struct cmacro {
    const struct node *node;
    struct chat_env *env;
};

/* What a loop with an "if" has not asked about: Jinja asks about an item when it comes to it, and what the
 * loop has done until then shows in the answer. */
struct cloop_rest {
    const struct clist *all;
    size_t next;             /* of those */
    struct cv *kept;         /* struct cloop's v */
    const struct node *loop;
    struct chat_env *env;    /* for the "if" */
};
struct cloop {
    const struct cv *v;
    size_t n, at, depth0; /* n: with a rest, how many are known; depth0: of a recursive loop, how often it has called itself */
    size_t seen;      /* items that were looked at, which are gone where they come once */
    struct cv last;   /* of changed() */
    bool has_last;
    const struct node *node; /* of a recursive loop, and where it stands; else NULL */
    struct chat_env *env;
    struct cloop_rest *rest; /* or NULL */
    const struct clazy *of;  /* or NULL */
};

struct chat_run {
    struct chat_mem mem;
    const char *name;
    uint64_t steps, max_steps;
    size_t max_output, written;
    int depth;
    struct chat_text *out;
    bool generating;
    int64_t now;        /* seconds since 1970, for strftime_now */
    struct err *e;
    struct chat_place place; /* of what is at work */
};

/* Arguments of a call, by position first. */
struct chat_args {
    struct cv *v;
    const struct cstr **key; /* NULL: by position */
    size_t n;
};

/* chat_args.c: the argument at a position or with a name, or NULL. */
const struct cv *chat_arg(const struct chat_args *a, size_t at, const char *name);
/* Whether the arguments fit the parameters, "first second"; one that has no name to be given by is "-third".
 * kind and name, "the filter " "join", are for the message. */
int chat_check_args(struct chat_run *r, const char *kind, const char *name, const char *params, const struct chat_args *a);
/* *a and one more. */
int chat_add_arg(struct chat_run *r, const struct chat_args *a, const struct cstr *key, const struct cv *value, struct chat_args *out);
bool chat_has_parameter(const struct node *macro, const struct cstr *name);
/* The members of a mapping as arguments with names. */
int chat_mapping_args(struct chat_run *r, const struct cdict *d, struct chat_args *out);
/* Arguments that all have names, as a dictionary. */
int chat_named_args(struct chat_run *r, const struct chat_args *a, struct cv *out);
int chat_eval_args(struct chat_run *r, struct chat_env *env, const struct node *x, struct chat_args *out);
/* Arguments beyond a macro's parameters: as its varargs and kwargs in env, or an error. */
int chat_extra_args(struct chat_run *r, struct chat_env *env, const struct node *macro, const struct chat_args *a);

/* chat_eval.c */
int chat_fail(struct chat_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int chat_oom(struct chat_run *r);
/* n units of work; fails beyond the limit.  One is a node of the tree, a value, 16 characters looked at, 64 copied, or
 * so many looks (chat_value.h). */
enum { CHAT_LOOKS = 16 };
int chat_step(struct chat_run *r, size_t n);
/* A call that may come to call itself: a step, and an error where too many are under way.  r->depth-- behind it. */
int chat_enter(struct chat_run *r);
/* A text that is made, at the cost of `steps`, as a value; ret: what came of making it, which is returned where it is
 * not 0.  The text is freed. */
int chat_finish(struct chat_run *r, struct chat_text *text, int ret, size_t steps, struct cv *out);

int chat_eval(struct chat_run *r, struct chat_env *env, const struct node *x, struct cv *out);

enum chat_flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE };
typedef int chat_exec_fn(struct chat_run *r, struct chat_env *env, const struct node *x, enum chat_flow *flow);
chat_exec_fn chat_exec;
/* What is written goes to `to` from here on, until chat_collect() makes a value of it: `before` is what chat_divert()
 * returned, ret what came of the writing, which is returned. */
struct chat_text *chat_divert(struct chat_run *r, struct chat_text *to);
int chat_collect(struct chat_run *r, struct chat_text *before, int ret, struct cv *out);
/* str() of a value behind the text; what has none is an error. */
int chat_write(struct chat_run *r, struct chat_text *t, const struct cv *v);
int chat_set(struct chat_run *r, struct chat_env *env, const struct cstr *name, struct cv value);
int chat_check_member(struct chat_run *r, const struct cstr *name); /* of a namespace, to be set */
int chat_assign(struct chat_run *r, struct chat_env *env, const struct node *target, const struct cv *v);
struct chat_env *chat_inner_env(struct chat_run *r, struct chat_env *env); /* NULL after an error */

/* chat_loop.c */
chat_exec_fn chat_exec_for;
int chat_loop_call(struct chat_run *r, const struct cloop *l, const struct chat_args *a, struct cv *out);
int chat_loop_attribute(struct chat_run *r, struct cloop *l, const struct cstr *name, struct cv *out);
/* Asks until `want` items pass the loop's "if", or there are no more. */
int chat_loop_look(struct chat_run *r, struct cloop *l, size_t want);
int chat_loop_cycle(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out);
int chat_loop_changed(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out);

/* chat_ops.c */
int chat_binary(struct chat_run *r, uint8_t op, const struct cv *a, const struct cv *b, struct cv *out);
int chat_compare(struct chat_run *r, uint8_t op, const struct cv *a, const struct cv *b, bool *out);
int chat_attribute(struct chat_run *r, const struct cv *of, const struct cstr *name, struct cv *out);
int chat_item(struct chat_run *r, const struct cv *of, const struct cv *key, struct cv *out);
int chat_slice(struct chat_run *r, const struct cv *of, const struct cv part[3], struct cv *out);
/* What a loop goes through: the items, the keys of a dict, characters. */
int chat_items(struct chat_run *r, const struct cv *of, const struct clist **out);

/* chat_lazy.c: the items that are left, the next one, whether one is among them; each takes what it looked at out of what
 * can be gone through once, and fails as chat_lazy_current() does: jinja2 computes an item when it is asked for, we all at
 * once, which differs where members of a namespace were read for it and some have been set since. */
int chat_stream(struct chat_run *r, const struct cv *v, size_t n, struct cv *out);
int chat_lazy_current(struct chat_run *r, const struct clazy *lazy);
int chat_lazy_items(struct chat_run *r, struct clazy *lazy, struct clist *out);
int chat_lazy_next(struct chat_run *r, struct clazy *lazy, struct cv *out);
int chat_lazy_contains(struct chat_run *r, const struct cv *in, const struct cv *what, bool *out);

/* chat_filter.c, chat_filter_list.c (pairs) */
int chat_filter(struct chat_run *r, struct chat_env *env, const struct cstr *name, const struct cv *of,
                const struct chat_args *a, struct cv *out);
bool chat_is_filter(const struct cstr *name);
bool chat_is_test(const struct cstr *name);
/* The value as a string, as str() makes it. */
int chat_as_string(struct chat_run *r, const struct cv *of, const struct cstr **out);
int chat_dict_items(struct chat_run *r, const struct cdict *d, struct cv **out); /* [d->n] pairs */

/* chat_test.c */
int chat_test(struct chat_run *r, const struct cstr *name, const struct cv *of, const struct chat_args *a,
              bool *out);

/* chat_method.c, chat_method_number.c (members that are no methods) */
bool chat_has_method(const struct cv *of, const struct cstr *name);
/* Python has it and we do not; or it would change the value, for which it is undefined. */
bool chat_lacks_member(const struct cv *of, const struct cstr *name);
bool chat_would_change(const struct cstr *name);
int chat_method(struct chat_run *r, const struct cmethod *m, const struct chat_args *a, struct cv *out);
/* A member that is no method; undefined where there is none.  Those of mappings are not looked for. */
int chat_member(struct chat_run *r, const struct cv *of, const struct cstr *name, struct cv *out);

/* chat_global.c */
int chat_global_find(const struct cstr *name); /* -1 = none */
bool chat_global_is_dict(int which);
int chat_global(struct chat_run *r, int which, const struct chat_args *a, struct cv *out);

/* cycler(...) and joiner(...), which change as they are asked. */
struct ccycler {
    const struct cv *v; /* [n]; of a joiner what is between, once it was asked */
    size_t n, at;
};
int chat_cycler_next(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out);
int chat_cycler_reset(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out);
void chat_cycler_member(const struct ccycler *c, const struct cstr *name, struct cv *out);
int chat_joiner_call(struct chat_run *r, struct ccycler *j, const struct chat_args *a, struct cv *out);

/* chat_string.c, for filters and methods alike */
enum strip_side { STRIP_LEFT = 1, STRIP_RIGHT = 2 };
int chat_strip(struct chat_run *r, const struct cstr *s, const struct cstr *chars, int sides, struct cv *out);
/* The line of str.splitlines() at `from`: where it ends, and (returned) where the next one begins. */
size_t chat_line(const struct cstr *s, size_t from, size_t *end);
/* Occurrences of a string from the end on, each in time with the text (Knuth, Morris, Pratt). */
struct chat_back {
    const struct cstr *what;
    uint32_t *fail; /* [n] of the string read backwards */
};
int chat_back_init(struct chat_run *r, struct chat_back *b, const struct cstr *what);
/* Where the last one in s[0, end) begins; SIZE_MAX without one. */
size_t chat_back_find(const struct chat_back *b, const char *s, size_t end);
int chat_replace(struct chat_run *r, const struct cstr *s, const struct cstr *from, const struct cstr *to,
                 int64_t most, struct cv *out);
/* &<>'" as HTML writes them; what is safe stays as it is. */
int chat_escape(struct chat_run *r, const struct cv *of, struct cv *out);
int chat_join(struct chat_run *r, const struct clist *l, const struct cstr *separator, struct cv *out);
/* An argument as a string or an integer; *out keeps its default when absent. */
int chat_string_arg(struct chat_run *r, const struct chat_args *a, size_t at, const char *name, const struct cstr **out);
int chat_int_arg(struct chat_run *r, const struct chat_args *a, size_t at, const char *name, int64_t *out);
/* The same where Python takes none for a missing one. */
int chat_string_or_none(struct chat_run *r, const struct chat_args *a, size_t at, const char *name, const struct cstr **out);
int chat_int_or_none(struct chat_run *r, const struct chat_args *a, size_t at, const char *name, int64_t *out);

/* chat_case.c: as Python's str.upper(), lower(), title(), Jinja's title filter, and capitalize().
 * TITLE: every run of letters, as str.title(); WORDS: every word, as the filter; SWAP: the other case of each. */
enum case_kind { CASE_UPPER, CASE_LOWER, CASE_TITLE, CASE_WORDS, CASE_CAPITAL, CASE_SWAP };
int chat_case(struct chat_run *r, const struct cstr *s, enum case_kind kind, struct cv *out);
/* str.isupper() and islower(). */
bool chat_is_case(const struct cstr *s, bool upper);
bool chat_is_title(const struct cstr *s);

/* chat_continue.c: the last message goes on; the text behind `from` ends where it does. */
int chat_continue_sign(struct chat_run *r, struct cv *message);
int chat_continue_cut(struct chat_run *r, size_t from);

#endif
