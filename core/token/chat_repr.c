/* Values as text: Python's str() and repr(). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/token/chat_eval.h"
#include "core/token/uni_props.h"


void cv_write_float(struct buf *out, double f)
{
    char text[40];
    if (isnan(f) || isinf(f)) {
        buf_adds(out, isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, f);
        if (!(strtod(text, NULL) < f) && !(strtod(text, NULL) > f)) break;
    }
    /* The shortest digits; Python writes them plainly from 1e-4 up to 1e16. */
    char *e = strchr(text, 'e');
    int exp10 = atoi(e + 1), digits = (int)(e - text) - (text[0] == '-') - (strchr(text, '.') != NULL);
    if (exp10 >= -4 && exp10 < 16) {
        buf_printf(out, "%.*f", digits - 1 - exp10 > 1 ? digits - 1 - exp10 : 1, f);
        return;
    }
    buf_add(out, text, (size_t)(e - text));
    buf_printf(out, "e%c%02d", exp10 < 0 ? '-' : '+', abs(exp10));
}

/* As Python has it: no controls, formats, unassigned or private ones, no space but the one. */
bool cv_printable(uint32_t cp)
{
    switch (uni_category(cp)) {
    case UNI_Cc: case UNI_Cf: case UNI_Cs: case UNI_Co: case UNI_Cn: case UNI_Zl: case UNI_Zp: return false;
    case UNI_Zs: return cp == ' ';
    default: return true;
    }
}

static void repr_string(struct chat_text *out, const struct cstr *s)
{
    bool single = memchr(s->s, '\'', s->n) != NULL, twice = memchr(s->s, '"', s->n) != NULL;
    char quote = single && !twice ? '"' : '\'';
    chat_text_addc(out, quote, 0);
    for (size_t i = 0; i < s->n; i++) {
        char c = s->s[i];
        uint32_t cp = 0;
        int len = utf8_decode(s->s + i, s->n - i, &cp);
        if (c == quote || c == '\\') {
            chat_text_addc(out, '\\', 0);
            chat_text_part(out, s, i, i + 1);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            chat_text_add(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t", 2, 0);
        } else if (len && !cv_printable(cp)) {
            char text[16];
            snprintf(text, sizeof text, cp < 0x100 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)cp);
            chat_text_add(out, text, strlen(text), 0);
            i += (size_t)len - 1;
        } else {
            chat_text_part(out, s, i, i + 1);
        }
    }
    chat_text_addc(out, quote, 0);
}

/* "[a, b]" or "{key: a}": open and close are the brackets. */
static void write_items(struct chat_text *out, char open, const struct cv *key, const struct cv *value, size_t n, char close,
                        uint8_t mark, int depth)
{
    chat_text_addc(out, open, mark);
    for (size_t i = 0; i < n; i++) {
        if (i) chat_text_add(out, ", ", 2, mark);
        if (key) {
            cv_repr(out, &key[i], mark, depth + 1);
            chat_text_add(out, ": ", 2, mark);
        }
        cv_repr(out, &value[i], mark, depth + 1);
    }
    if (open == '(' && n == 1) chat_text_addc(out, ',', mark);
    chat_text_addc(out, close, mark);
}

static void write_lazy(struct chat_text *out, const struct cv *v, uint8_t mark, int depth)
{
    const struct clazy *l = v->u.lazy;
    const char *name = cv_type_name(v);
    struct buf b = {0};
    chat_text_add(out, name, strlen(name), mark);
    if (l->kind == LAZY_RANGE) {
        buf_printf(&b, "(%lld, %lld", (long long)l->from, (long long)l->to);
        if (l->step != 1) buf_printf(&b, ", %lld", (long long)l->step);
        chat_text_add(out, b.data, b.len, mark);
    } else {
        chat_text_addc(out, '(', mark);
        write_items(out, '[', NULL, l->v, l->n, ']', mark, depth);
    }
    chat_text_addc(out, ')', mark);
    if (b.oom) out->text.oom = true;
    buf_free(&b);
}

/* "<LoopContext 1/3>", "<Macro 'name'>", "<Macro anonymous>"; of others an address, which cv_has_text() tells. */
static void write_object(struct buf *b, const struct cv *v)
{
    if (v->type == CV_LOOP) buf_printf(b, "<LoopContext %zu/%zu>", v->u.loop->at + 1, v->u.loop->n);
    else if (v->type == CV_MACRO && v->u.macro->node->op & MACRO_OF_CALL) buf_adds(b, "<Macro anonymous>");
    else if (v->type == CV_MACRO) buf_printf(b, "<Macro '%.*s'>", (int)v->u.macro->node->value.u.s->n, v->u.macro->node->value.u.s->s);
    else buf_printf(b, "<%s>", cv_type_name(v));
}

static bool all_have_text(struct chat_mem *m, const struct cv *v, size_t n, int depth);

static bool has_text(struct chat_mem *m, const struct cv *v, int depth)
{
    if (!chat_look_inside(m, depth)) return false;
    switch (v->type) {
    case CV_LIST:
    case CV_TUPLE: return all_have_text(m, v->u.l->v, v->u.l->n, depth + 1);
    case CV_DICT: return all_have_text(m, v->u.d->key, v->u.d->n, depth + 1) && all_have_text(m, v->u.d->value, v->u.d->n, depth + 1);
    case CV_NAMESPACE:
        m->space_reads++;
        return all_have_text(m, v->u.space->value, v->u.space->n, depth + 1);
    case CV_LAZY: return !cv_is_stream(v) && all_have_text(m, v->u.lazy->v, v->u.lazy->n, depth + 1);
    case CV_LOOP: return !v->u.loop->rest || v->u.loop->rest->next == v->u.loop->rest->all->n; /* else its length is not known */
    case CV_METHOD:
    case CV_GLOBAL:
    case CV_CYCLER:
    case CV_JOINER: return false;
    default: return true;
    }
}

static bool all_have_text(struct chat_mem *m, const struct cv *v, size_t n, int depth)
{
    for (size_t i = 0; i < n; i++)
        if (!has_text(m, &v[i], depth)) return false;
    return true;
}

bool cv_has_text(struct chat_mem *m, const struct cv *v)
{
    return v->type == CV_STRING || has_text(m, v, 0);
}

static bool hashable(struct chat_mem *m, const struct cv *v, int depth)
{
    if (v->type == CV_LIST || v->type == CV_DICT || !chat_look_inside(m, depth)) return false;
    for (size_t i = 0; v->type == CV_TUPLE && i < v->u.l->n; i++)
        if (!hashable(m, &v->u.l->v[i], depth + 1)) return false;
    return true;
}

bool cv_hashable(struct chat_mem *m, const struct cv *v)
{
    return hashable(m, v, 0);
}

void cv_repr(struct chat_text *out, const struct cv *v, uint8_t mark, int depth)
{
    struct buf b = {0};
    if (out->text.oom) return;
    if (depth > CHAT_DEEPEST) {
        chat_text_add(out, "...", 3, mark);
        return;
    }
    switch (v->type) {
    case CV_UNDEFINED: buf_adds(&b, "Undefined"); break;
    case CV_NONE: buf_adds(&b, "None"); break;
    case CV_BOOL: buf_adds(&b, v->u.b ? "True" : "False"); break;
    case CV_INT: buf_printf(&b, "%lld", (long long)v->u.i); break;
    case CV_BIG: chat_text_adds(out, v->u.s); return;
    case CV_FLOAT: cv_write_float(&b, v->u.f); break;
    case CV_STRING:
        if (v->safe) chat_text_add(out, "Markup(", 7, mark);
        repr_string(out, v->u.s);
        if (v->safe) chat_text_addc(out, ')', mark);
        return;
    case CV_LIST: write_items(out, '[', NULL, v->u.l->v, v->u.l->n, ']', mark, depth); return;
    case CV_TUPLE: write_items(out, '(', NULL, v->u.l->v, v->u.l->n, ')', mark, depth); return;
    case CV_DICT: write_items(out, '{', v->u.d->key, v->u.d->value, v->u.d->n, '}', mark, depth); return;
    case CV_NAMESPACE:
        chat_text_add(out, "<Namespace ", 11, mark);
        write_items(out, '{', v->u.space->key, v->u.space->value, v->u.space->n, '}', mark, depth);
        chat_text_addc(out, '>', mark);
        return;
    case CV_LAZY: write_lazy(out, v, mark, depth); return;
    default: write_object(&b, v);
    }
    chat_text_add(out, b.data, b.len, mark);
    if (b.oom) out->text.oom = true;
    buf_free(&b);
}

void cv_write(struct chat_text *out, const struct cv *v, uint8_t mark)
{
    if (v->type == CV_STRING) chat_text_adds(out, v->u.s);
    else if (v->type != CV_UNDEFINED) cv_repr(out, v, mark, 0);
}
