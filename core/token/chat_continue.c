/* Conversations that end inside their last message: a sign is put behind its text,
 * and the rendered chat is cut where the sign stands, as transformers does. */
#include <string.h>

#include "core/token/chat_eval.h"

/* A template that trims the text takes the space off. */
static const char sign[] = "THE_FINAL_MESSAGE_GOES_ON_HERE ";
enum { SIGN = sizeof sign - 1, SIGN_TRIMMED = SIGN - 1 };

static int nothing(struct chat_run *r)
{
    return err_set(r->e, ERR_DATA, "%s: the last message has no text to go on from", r->name);
}

static int signed_string(struct chat_run *r, const struct cv *v, struct cv *out)
{
    struct chat_text t = {{0}, {0}};
    chat_text_adds(&t, v->u.s);
    chat_text_add(&t, sign, SIGN, 0);
    return chat_finish(r, &t, 0, 0, out);
}

/* A copy of a dictionary with another value at i. */
static int with_value(struct chat_run *r, struct cv *dict, size_t i, struct cv v)
{
    const struct cdict *d = dict->u.d;
    struct cdict *copy = chat_alloc(&r->mem, 1, sizeof *copy);
    struct cv *value = chat_alloc(&r->mem, d->n, sizeof *value);
    if (!copy || !value) return chat_oom(r);
    memcpy(value, d->value, d->n * sizeof *value);
    value[i] = v;
    *copy = (struct cdict){d->key, value, d->n};
    dict->u.d = copy;
    return 0;
}

static size_t key_at(const struct cv *dict, const char *name)
{
    size_t i = 0;
    while (i < dict->u.d->n && !cv_is(&dict->u.d->key[i], name)) i++;
    return i;
}

/* The last part with a text. */
static int signed_parts(struct chat_run *r, const struct cv *parts, struct cv *out)
{
    const struct clist *l = parts->u.l;
    for (size_t i = l->n; i-- > 0;) {
        size_t at = l->v[i].type == CV_DICT ? key_at(&l->v[i], "text") : 0;
        if (l->v[i].type != CV_DICT || at == l->v[i].u.d->n || l->v[i].u.d->value[at].type != CV_STRING) continue;
        struct cv text, *v = chat_alloc(&r->mem, l->n, sizeof *v);
        if (!v) return chat_oom(r);
        memcpy(v, l->v, l->n * sizeof *v);
        if (signed_string(r, &v[i].u.d->value[at], &text) || with_value(r, &v[i], at, text)) return -1;
        return cv_list(&r->mem, CV_LIST, v, l->n, out) ? 0 : chat_oom(r);
    }
    return nothing(r);
}

int chat_continue_sign(struct chat_run *r, struct cv *message)
{
    struct cv content;
    size_t at = message->type == CV_DICT ? key_at(message, "content") : 0;
    if (message->type != CV_DICT || at == message->u.d->n) return nothing(r);
    const struct cv *v = &message->u.d->value[at];
    int ret = v->type == CV_STRING ? signed_string(r, v, &content) : v->type == CV_LIST ? signed_parts(r, v, &content) : nothing(r);
    return ret ? ret : with_value(r, message, at, content);
}

int chat_continue_cut(struct chat_run *r, size_t from)
{
    struct buf *text = &r->out->text;
    size_t at = text->len;
    bool found = false;
    while (!found && at >= from + SIGN_TRIMMED) found = memcmp(text->data + --at - SIGN_TRIMMED + 1, sign, SIGN_TRIMMED) == 0;
    if (!found)
        return err_set(r->e, ERR_DATA, "%s: the template leaves out the last message, so that it cannot go on", r->name);
    at -= SIGN_TRIMMED - 1;
    bool spaces = at + SIGN <= text->len && text->data[at + SIGN - 1] == ' ';
    while (!spaces && at > from) {
        struct uni_char c = uni_prev((const uint8_t *)text->data, at);
        if (!chat_white(c.cp)) break;
        at -= c.len;
    }
    text->len = at;
    text->data[at] = 0;
    if (r->out->marks.len > at) r->out->marks.len = at;
    return 0;
}
