#include "core/token/chat.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/token/chat_eval.h"

struct chat_template {
    struct chat_mem mem; /* of the tree */
    struct node *root;
    char *name, *text; /* as it was given */
    size_t n;
    bool generation;
};

enum { MOST_TEMPLATE = 64 << 20 };

static bool has_generation(const struct node *x)
{
    if (!x) return false;
    if (x->kind == N_GENERATION) return true;
    for (size_t i = 0; i < x->n; i++)
        if (has_generation(x->kid[i])) return true;
    return false;
}

struct chat_template *chat_template_new(const char *text, size_t n, const char *name, struct err *e)
{
    size_t valid = utf8_valid_prefix(text, n);
    if (valid < n) {
        err_set(e, ERR_DATA, "%s: invalid UTF-8 at byte %zu", name, valid);
        return NULL;
    }
    struct chat_template *t = mem_zalloc(1, sizeof *t);
    if (!t || !(t->name = mem_strdup(name)) || !(t->text = mem_strndup(text, n))) {
        if (t) free(t->name);
        free(t);
        err_oom(e, sizeof *t, "a chat template");
        return NULL;
    }
    t->n = n;
    t->mem.limit = MOST_TEMPLATE;
    e->msg[0] = 0;
    if (chat_parse(&t->mem, text, n, t->name, &t->root, e)) {
        chat_template_free(t);
        return NULL;
    }
    t->generation = has_generation(t->root);
    return t;
}

void chat_template_free(struct chat_template *t)
{
    if (!t) return;
    chat_mem_free(&t->mem);
    free(t->name);
    free(t->text);
    free(t);
}

int chat_guard(const struct chat_template *t, const struct tokenizer *tok, struct buf *guard, struct err *e)
{
    return tok_guard(tok, t->text, t->n, guard, e);
}

bool chat_has_generation(const struct chat_template *t)
{
    return t->generation;
}

/* ---- the messages ---- */

/* Strings below v get the mark of assistants. */
static int mark_value(struct chat_run *r, const struct cv *v, struct cv *out)
{
    *out = *v;
    if (v->type == CV_STRING) return cv_string(&r->mem, v->u.s->s, v->u.s->n, CHAT_ASSISTANT, out) ? 0 : chat_oom(r);
    if (v->type != CV_LIST && v->type != CV_DICT) return 0;
    bool dict = v->type == CV_DICT;
    size_t n = dict ? v->u.d->n : v->u.l->n;
    struct cv *copy = chat_alloc(&r->mem, n, sizeof *copy);
    struct clist *l = chat_alloc(&r->mem, 1, sizeof *l);
    struct cdict *d = chat_alloc(&r->mem, 1, sizeof *d);
    if (!copy || !l || !d) return chat_oom(r);
    for (size_t i = 0; i < n; i++)
        if (mark_value(r, dict ? &v->u.d->value[i] : &v->u.l->v[i], &copy[i])) return -1;
    if (dict) {
        *d = (struct cdict){v->u.d->key, copy, n};
        out->u.d = d;
    } else {
        *l = (struct clist){copy, n};
        out->u.l = l;
    }
    return 0;
}

/* A role is a name that templates build control tokens of ('<|' + role + '|>'):
 * one that is nothing but a name cannot hold a token, and counts as theirs. */
static bool is_name(const struct cv *v)
{
    if (v->type != CV_STRING || !v->u.s->n || v->u.s->n > 64) return false;
    for (size_t i = 0; i < v->u.s->n; i++) {
        char c = v->u.s->s[i];
        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-') return false;
    }
    return true;
}

/* What an assistant's message says is the assistant's; its role is not. */
static int mark_message(struct chat_run *r, struct cv *message)
{
    const struct cdict *d = message->u.d;
    const struct cv *role = message->type == CV_DICT ? cdict_find(d, "role") : NULL;
    if (!role) return 0;
    bool assistant = cv_is(role, "assistant") || cv_is(role, "model");
    struct cdict *copy = chat_alloc(&r->mem, 1, sizeof *copy);
    struct cv *value = chat_alloc(&r->mem, d->n, sizeof *value);
    if (!copy || !value) return chat_oom(r);
    for (size_t i = 0; i < d->n; i++) {
        const struct cv *v = &d->value[i];
        bool is_role = cv_is(&d->key[i], "role");
        value[i] = *v;
        if (is_role && is_name(v)) {
            if (!cv_string(&r->mem, v->u.s->s, v->u.s->n, CHAT_TRUSTED, &value[i])) return chat_oom(r);
        } else if (assistant && !is_role && !cv_is(&d->key[i], "name") && mark_value(r, v, &value[i])) {
            return -1;
        }
    }
    *copy = (struct cdict){d->key, value, d->n};
    message->u.d = copy;
    return 0;
}

/* What a model thought has three names; templates read the first or the second.  As
 * in transformers 5: whichever is there is both. */
static int name_thoughts(struct chat_run *r, struct cv *message)
{
    static const char *const names[] = {"reasoning_content", "thinking", "reasoning"};
    const struct cdict *d = message->u.d;
    const struct cv *thoughts = NULL;
    for (size_t i = 0; i < COUNT_OF(names) && !thoughts; i++) {
        thoughts = cdict_find(d, names[i]);
        if (thoughts && thoughts->type == CV_NONE) thoughts = NULL;
    }
    if (!thoughts) return 0;
    struct cdict *copy = chat_alloc(&r->mem, 1, sizeof *copy);
    struct cv *key = chat_alloc(&r->mem, d->n + 2, sizeof *key), *value = chat_alloc(&r->mem, d->n + 2, sizeof *value);
    if (!copy || !key || !value) return chat_oom(r);
    size_t n = 0;
    if (!cdict_find(d, names[1])) {
        if (!cv_string(&r->mem, names[1], strlen(names[1]), 0, &key[n])) return chat_oom(r);
        value[n++] = *thoughts;
    }
    for (size_t i = 0; i < d->n; i++, n++) {
        key[n] = d->key[i];
        value[n] = cv_is(&d->key[i], names[0]) ? *thoughts : d->value[i];
    }
    if (!cdict_find(d, names[0])) {
        if (!cv_string(&r->mem, names[0], strlen(names[0]), 0, &key[n])) return chat_oom(r);
        value[n++] = *thoughts;
    }
    *copy = (struct cdict){key, value, n};
    message->u.d = copy;
    return 0;
}

static int mark_messages(struct chat_run *r, struct cv *messages, bool goes_on)
{
    if (messages->type != CV_LIST) return err_set(r->e, ERR_DATA, "%s: 'messages' is a list", r->name);
    if (goes_on && messages->u.l->n == 0) return err_set(r->e, ERR_DATA, "%s: there is no message to go on from", r->name);
    struct cv *v = chat_alloc(&r->mem, messages->u.l->n, sizeof *v);
    struct clist *l = chat_alloc(&r->mem, 1, sizeof *l);
    if (!v || !l) return chat_oom(r);
    for (size_t i = 0; i < messages->u.l->n; i++) {
        v[i] = messages->u.l->v[i];
        if (goes_on && i + 1 == messages->u.l->n && chat_continue_sign(r, &v[i])) return -1;
        if ((v[i].type == CV_DICT && name_thoughts(r, &v[i])) || mark_message(r, &v[i])) return -1;
    }
    *l = (struct clist){v, messages->u.l->n};
    messages->u.l = l;
    return 0;
}

static int set_named(struct chat_run *r, struct chat_env *env, const char *name, struct cv v)
{
    struct cv key;
    if (!cv_string(&r->mem, name, strlen(name), CHAT_TRUSTED, &key)) return chat_oom(r);
    return chat_set(r, env, key.u.s, v);
}

static int set_token(struct chat_run *r, struct chat_env *env, const char *name, const char *text)
{
    struct cv v;
    if (!text) return 0;
    if (!cv_string(&r->mem, text, strlen(text), CHAT_TRUSTED, &v)) return chat_oom(r);
    return set_named(r, env, name, v);
}

static int set_variables(struct chat_run *r, struct chat_env *env, struct cv *chat, const struct chat_vars *vars)
{
    struct cv messages = *chat;
    if (set_named(r, env, "tools", cv_none()) || set_named(r, env, "documents", cv_none()) ||
        set_named(r, env, "add_generation_prompt", cv_bool(vars->add_generation_prompt)))
        return -1;
    if (chat->type == CV_DICT) {
        const struct cv *v = cdict_find(chat->u.d, "messages");
        if (!v) return err_set(r->e, ERR_DATA, "%s: there is no 'messages', a list of {\"role\", \"content\"}", r->name);
        messages = *v;
        for (size_t i = 0; i < chat->u.d->n; i++)
            if (chat->u.d->key[i].type == CV_STRING && chat_set(r, env, chat->u.d->key[i].u.s, chat->u.d->value[i]))
                return -1;
    }
    if (mark_messages(r, &messages, vars->continue_final) || set_named(r, env, "messages", messages)) return -1;
    if (set_token(r, env, "bos_token", vars->bos) || set_token(r, env, "eos_token", vars->eos) ||
        set_token(r, env, "unk_token", vars->unk) || set_token(r, env, "pad_token", vars->pad))
        return -1;
    return 0;
}

int chat_render(const struct chat_template *t, const char *json, size_t n, const char *name,
                const struct chat_vars *vars, struct chat_text *out, struct err *e)
{
    const struct chat_limits *lim = &vars->limits;
    struct chat_env globals = {0}, env = {.up = &globals};
    struct cv chat;
    size_t from = out->text.len;
    enum chat_flow flow = FLOW_NEXT;
    struct chat_run r = {.name = name, .out = out, .now = vars->now, .e = e, .place = {1, 1},
                         .max_steps = lim->steps ? lim->steps : 20000000,
                         .max_output = lim->output ? lim->output : (size_t)64 << 20};
    r.mem.limit = lim->memory ? lim->memory : (size_t)256 << 20;
    int ret = cv_from_json(&r.mem, json, n, name, 0, &chat, e);
    r.mem.looks = 0; /* what was read is a tree */
    r.mem.most_looks = r.max_steps < UINT64_MAX / CHAT_LOOKS ? r.max_steps * CHAT_LOOKS : UINT64_MAX;
    if (ret == 0) ret = set_variables(&r, &globals, &chat, vars);
    r.name = t->name;
    if (ret == 0) ret = chat_exec(&r, &env, t->root, &flow);
    if (ret == 0) ret = chat_step(&r, 0); /* looks of the last statement */
    if (ret == 0 && vars->continue_final) ret = chat_continue_cut(&r, from);
    chat_mem_free(&r.mem);
    return ret ? -1 : buf_ok(&out->text, e) || buf_ok(&out->marks, e) ? -1 : 0;
}
