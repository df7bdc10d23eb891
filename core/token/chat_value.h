/* chat_value.h - the values of chat templates, as in Jinja and Python.
 *
 * Values never change once made (only namespaces do) and live in one arena
 * until the rendering ends.  Each byte of a string carries a mark: whether it
 * comes from the template, and whether it is what an assistant said.  Marks
 * travel with the bytes through every operation, so that the text of a user
 * never passes for one of the template. */
#ifndef CORE_TOKEN_CHAT_VALUE_H
#define CORE_TOKEN_CHAT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/token/unicode.h"

enum chat_mark {
    CHAT_TRUSTED = 1,   /* TOK_MARK_CONTROL: template text, or a token that the template was given */
    CHAT_ASSISTANT = 2, /* TOK_MARK_MODEL: from a message of the assistant */
    CHAT_GENERATED = 4, /* put out inside {% generation %} */
};

enum cv_type {
    CV_UNDEFINED, CV_NONE, CV_BOOL, CV_INT, CV_FLOAT, CV_STRING, CV_LIST, CV_TUPLE, CV_DICT,
    CV_NAMESPACE, CV_LOOP, CV_MACRO, CV_METHOD, CV_GLOBAL, CV_LAZY, CV_CYCLER, CV_JOINER,
    CV_BIG, /* an integer of more than 64 bits, as a message may hold it: it is written and compared, not counted with */
};

struct cv {
    enum cv_type type;
    bool safe;                    /* CV_STRING: |safe or |escape made it, what joins it is escaped;
                                   * CV_TUPLE: groupby made it, its parts have names */
    union {
        bool b;
        int64_t i;
        double f;
        const struct cstr *s;     /* CV_UNDEFINED: the name, or NULL; CV_BIG: its digits */
        const struct clist *l;
        const struct cdict *d;
        struct cspace *space;
        struct cloop *loop;
        const struct cmacro *macro;
        const struct cmethod *method;
        struct clazy *lazy;
        struct ccycler *cycler;       /* CV_JOINER, too */
        int global;
    } u;
};

struct cstr {
    const char *s;       /* [n], no NUL behind it */
    size_t n;
    const uint8_t *marks; /* [n], or NULL: all are `mark` */
    uint8_t mark;
};
struct clist {
    const struct cv *v;
    size_t n;
};
struct cdict {
    const struct cv *key, *value; /* [n] in order; keys are strings, numbers ... */
    size_t n;
};
struct cspace {
    struct cv *key, *value;
    size_t n, cap;
};
/* What Python makes no list of: the results of filters, which can be gone through once;
 * what is in a mapping; range(). */
enum lazy_kind { LAZY_GENERATOR, LAZY_REVERSED, LAZY_KEYS, LAZY_VALUES, LAZY_ITEMS, LAZY_RANGE };
struct clazy {
    enum lazy_kind kind;
    const struct cv *v;           /* [n] */
    size_t n, at;                 /* at: what is behind us, of the first two */
    int64_t from, to, step;       /* LAZY_RANGE */
    bool of_space;                /* its items were computed from members of a namespace, */
    uint64_t space_sets;          /* after so many had been set */
};
/* A method taken from a value: "text".strip */
struct cmethod {
    struct cv self;
    const char *name;
    size_t n;
};

/* Memory of one rendering, with a limit. */
struct chat_mem {
    struct arena arena;
    char *p;
    size_t left, used, limit;
    uint64_t looks, most_looks; /* at values inside of values; the most, or 0: any number */
    bool too_deep;              /* a value inside of more than CHAT_DEEPEST was asked for */
    uint64_t space_reads, space_sets; /* how often members of namespaces were read and set */
};
/* Counts a look at a value inside of `depth` others, which calls of functions in functions look at.  A value may hold
 * another many times over, at each level: to compare two or to write one takes longer than their memory says.  false:
 * too many looks, or too deep; what is asked for has no answer, and chat_step() ends the run.  m may be NULL. */
enum { CHAT_DEEPEST = 100 };
bool chat_look_inside(struct chat_mem *m, int depth);
void *chat_alloc(struct chat_mem *m, size_t count, size_t size); /* NULL: over the limit */
/* Room for one more element behind the n of the array at the pointer at `at`, which
 * has room for *cap: where there is none, a copy of twice the size.  false: over the limit. */
bool chat_grow(struct chat_mem *m, void *at, size_t n, size_t *cap, size_t size);
void chat_mem_free(struct chat_mem *m);

/* Text with marks in the making; zero-initialise, free with chat_text_free.  Beyond 128 MiB text.oom is set and
 * nothing added. */
struct chat_text {
    struct buf text, marks;
};
void chat_text_free(struct chat_text *t);
void chat_text_add(struct chat_text *t, const char *s, size_t n, uint8_t mark);
void chat_text_addc(struct chat_text *t, char c, uint8_t mark);
void chat_text_repeat(struct chat_text *t, const char *s, size_t n, size_t times, uint8_t mark);
void chat_text_adds(struct chat_text *t, const struct cstr *s);
void chat_text_part(struct chat_text *t, const struct cstr *s, size_t from, size_t to);

static inline uint8_t cstr_mark(const struct cstr *s, size_t i)
{
    return s->marks ? s->marks[i] : s->mark;
}

/* The character at s[i], i < n. */
static inline struct uni_char cstr_char(const struct cstr *s, size_t i)
{
    return uni_next((const uint8_t *)s->s + i, s->n - i);
}

/* What Python takes for white space. */
static inline bool chat_white(uint32_t cp)
{
    return cp != UNI_BAD && ((uni_class(cp) & UNI_SPACE) || (cp >= 0x1C && cp <= 0x1F));
}

/* What Python takes for a name; chat_method_is.c. */
bool chat_is_identifier(const struct cstr *s);

/* False (0): over the memory limit. */
bool cv_string(struct chat_mem *m, const char *s, size_t n, uint8_t mark, struct cv *out);
bool cv_text(struct chat_mem *m, const struct chat_text *t, struct cv *out);
bool cv_slice(struct chat_mem *m, const struct cstr *s, size_t from, size_t to, struct cv *out);
bool cv_list(struct chat_mem *m, enum cv_type type, const struct cv *v, size_t n, struct cv *out);
bool cv_lazy(struct chat_mem *m, enum lazy_kind kind, const struct cv *v, size_t n, struct cv *out); /* v is kept */

static inline struct cv cv_none(void) { return (struct cv){.type = CV_NONE}; }
static inline struct cv cv_undefined(const struct cstr *name)
{
    return (struct cv){.type = CV_UNDEFINED, .u.s = name};
}
static inline struct cv cv_bool(bool b) { return (struct cv){.type = CV_BOOL, .u.b = b}; }
static inline struct cv cv_int(int64_t i) { return (struct cv){.type = CV_INT, .u.i = i}; }
static inline struct cv cv_float(double f) { return (struct cv){.type = CV_FLOAT, .u.f = f}; }

static inline bool cv_is_number(const struct cv *v)
{
    return v->type == CV_BOOL || v->type == CV_INT || v->type == CV_FLOAT;
}
static inline bool cv_is_list(const struct cv *v)
{
    return v->type == CV_LIST || v->type == CV_TUPLE;
}
static inline bool cv_is_stream(const struct cv *v) /* gone through once */
{
    return v->type == CV_LAZY && v->u.lazy->kind <= LAZY_REVERSED;
}
double cv_number(const struct cv *v);
bool cv_is(const struct cv *v, const char *text); /* a string with this text */
bool cstr_is(const struct cstr *s, const char *text);
bool cstr_equal(const struct cstr *a, const struct cstr *b);

bool cv_true(const struct cv *v);
bool cv_equal(struct chat_mem *m, const struct cv *a, const struct cv *b);
/* -1, 0, 1; 2 = they have no order. */
int cv_compare(struct chat_mem *m, const struct cv *a, const struct cv *b);
/* Value of a key, or NULL. */
const struct cv *cdict_get(struct chat_mem *m, const struct cdict *d, const struct cv *key);
const struct cv *cdict_find(const struct cdict *d, const char *key);
/* Adds to the keys and values of a mapping in the making, which have room: the first of equal keys stays, with the last value. */
void cdict_put(struct chat_mem *m, struct cv *key, struct cv *value, size_t *n, const struct cv *k, const struct cv *v);
const char *cv_type_name(const struct cv *v); /* as Python calls it */
/* False: Python writes an address for it, or for what is in it. */
bool cv_has_text(struct chat_mem *m, const struct cv *v);
/* Whether it can be a key; lists and mappings cannot. */
bool cv_hashable(struct chat_mem *m, const struct cv *v);

/* As str() and repr() write it; `mark` for what is not a string. */
void cv_write(struct chat_text *out, const struct cv *v, uint8_t mark);
void cv_repr(struct chat_text *out, const struct cv *v, uint8_t mark, int depth);
void cv_write_float(struct buf *out, double f);
bool cv_printable(uint32_t cp); /* repr() leaves it as it is */

/* Characters. */
size_t utf8_count(const char *s, size_t n);
size_t utf8_offset(const char *s, size_t n, size_t chars); /* of a character; n beyond the end */

/* chat_json.c */
/* A JSON text as a value; strings get `mark`. */
int cv_from_json(struct chat_mem *m, const char *json, size_t n, const char *name, uint8_t mark,
                 struct cv *out, struct err *e);
struct cjson_style {
    int indent;             /* -1 = none, */
    const struct cstr *pad; /* or this for each level; NULL */
    bool ascii;
    const struct cstr *item, *key; /* separators */
};
/* As json.dumps(); -1: a value that JSON has no form for. */
int cv_to_json(struct chat_text *out, const struct cv *v, const struct cjson_style *style, int depth);

#endif
