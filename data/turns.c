#include "data/turns.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/doc_path.h"

void turns_free(struct turns *t)
{
    free(t->v);
    buf_free(&t->text);
    *t = (struct turns){0};
}

int turns_spec_parse(const char *text, struct turns_spec *out, struct arena *names, struct err *e)
{
    static const char want[] = "auto, messages=PATH or prompt=PATH,answer=PATH[,system=PATH]";
    *out = (struct turns_spec){.automatic = strcmp(text, "auto") == 0};
    if (out->automatic) return 0;
    const struct {
        const char *name;
        const char **path;
    } keys[] = {{"messages", &out->messages}, {"prompt", &out->prompt}, {"answer", &out->answer}, {"system", &out->system}};
    char *s = arena_strdup(names, text);
    if (!s) return err_oom(e, strlen(text), "--chat");
    while (s) {
        char *next = strchr(s, ','), *eq = strchr(s, '=');
        if (next) *next++ = '\0';
        size_t k = 0;
        while (k < COUNT_OF(keys) && !(eq && strlen(keys[k].name) == (size_t)(eq - s) &&
                                       memcmp(keys[k].name, s, (size_t)(eq - s)) == 0))
            k++;
        if (k == COUNT_OF(keys)) return err_set(e, ERR_USAGE, "--chat '%s': want %s", text, want);
        if (doc_path_check(eq + 1, "--chat", e)) return -1;
        *keys[k].path = eq + 1;
        s = next;
    }
    if (out->messages ? out->prompt || out->answer : !out->prompt || !out->answer)
        return err_set(e, ERR_USAGE, "--chat '%s': want %s", text, want);
    return 0;
}

static enum turn_role role_of(const struct doc_value *v)
{
    static const struct {
        const char *name;
        enum turn_role role;
    } names[] = {{"user", TURN_USER},           {"assistant", TURN_ASSISTANT}, {"system", TURN_SYSTEM},
                 {"human", TURN_USER},          {"gpt", TURN_ASSISTANT},       {"tool", TURN_TOOL},
                 {"developer", TURN_SYSTEM},    {"model", TURN_ASSISTANT},     {"function", TURN_TOOL},
                 {"prompter", TURN_USER},       {"bot", TURN_ASSISTANT},       {"observation", TURN_TOOL},
                 {"function_call", TURN_ASSISTANT}, {"chatgpt", TURN_ASSISTANT}, {"ipython", TURN_TOOL}};
    for (size_t i = 0; i < COUNT_OF(names) && v->type == DOC_V_STRING; i++)
        if (strlen(names[i].name) == v->n && memcmp(names[i].name, v->s, v->n) == 0) return names[i].role;
    return TURN_UNKNOWN;
}

static const char no_text[] = "a message is no text", lone[] = "lone surrogate in a message";

/* Appends the text of a content; NULL, or why not. */
static const char *add_content(const struct doc_value *v, struct buf *out)
{
    if (v->type == DOC_V_NONE || v->type == DOC_V_NULL) return NULL;
    if (v->type == DOC_V_STRING) return doc_value_text(v, out) ? NULL : lone;
    if (v->type != DOC_V_ARRAY) return no_text;
    struct doc_walk w = doc_walk(v);
    struct doc_value key, part;
    while (doc_walk_next(&w, &key, &part)) {
        struct doc_value text = part.type == DOC_V_OBJECT ? doc_value_member(&part, "text") : part;
        if (text.type == DOC_V_STRING && !doc_value_text(&text, out)) return lone;
    }
    return NULL;
}

static struct turn *add_turn(struct turns *t, enum turn_role role)
{
    if (!mem_room(&t->v, &t->cap, t->n + 1, sizeof *t->v)) {
        t->text.oom = true;
        return NULL;
    }
    t->v[t->n] = (struct turn){.role = role, .at = t->text.len};
    return &t->v[t->n++];
}

static const char *add_value(struct turns *t, enum turn_role role, const struct doc_value *v, bool calls)
{
    struct turn *x = add_turn(t, role);
    if (!x) return "out of memory";
    x->calls = calls;
    const char *why = add_content(v, &t->text);
    x->n = t->text.len - x->at;
    buf_addc(&t->text, '\n');
    return why;
}

static bool there(const struct doc_value *v)
{
    return v->type != DOC_V_NONE && v->type != DOC_V_NULL;
}

static const char *add_message(struct turns *t, const struct doc_value *m)
{
    if (m->type != DOC_V_OBJECT) return "a message is no object";
    struct doc_value role = doc_value_member(m, "role"), content = doc_value_member(m, "content");
    struct doc_value calls = doc_value_member(m, "tool_calls"), call = doc_value_member(m, "function_call");
    if (role.type == DOC_V_NONE) role = doc_value_member(m, "from");
    if (content.type == DOC_V_NONE) content = doc_value_member(m, "value");
    return add_value(t, role_of(&role), &content, there(&calls) || there(&call));
}

static const char *add_messages(struct turns *t, const struct doc_value *list)
{
    struct doc_walk w = doc_walk(list);
    struct doc_value key, m;
    const char *why = NULL;
    while (!why && doc_walk_next(&w, &key, &m))
        why = add_message(t, &m);
    return why;
}

/* One side of a pair: a text, or messages themselves. */
static const char *add_side(struct turns *t, enum turn_role role, const struct doc_value *v)
{
    return v->type == DOC_V_ARRAY ? add_messages(t, v) : add_value(t, role, v, false);
}

static const char *add_pair(struct turns *t, const struct doc_value *system, const struct doc_value *prompt,
                            const struct doc_value *more, const struct doc_value *answer)
{
    const char *why = there(system) ? add_value(t, TURN_SYSTEM, system, false) : NULL;
    if (!why) why = add_side(t, TURN_USER, prompt);
    if (!why && t->n && more->type == DOC_V_STRING && more->n) { /* Alpaca's input belongs to its instruction */
        why = add_content(more, &t->text);
        t->v[t->n - 1].n = t->text.len - t->v[t->n - 1].at;
        buf_addc(&t->text, '\n');
    }
    return why ? why : add_side(t, TURN_ASSISTANT, answer);
}

/* The usual names, in one walk over the record. */
static int find_usual(const struct doc_value *o, struct turns *t, const char **why)
{
    static const char *const names[] = {"messages", "conversations", "conversation", "prompt",     "instruction",
                                        "question", "query",         "response",     "completion", "output",
                                        "answer",   "input",         "system"};
    enum { LISTS = 3, PROMPTS = 7, ANSWERS = 11, INPUT = 11, SYSTEM = 12, N = 13 };
    struct doc_value found[N] = {{0}}, key, v;
    struct doc_walk w = doc_walk(o);
    while (doc_walk_next(&w, &key, &v))
        for (int i = 0; i < N; i++)
            if (!found[i].type && strlen(names[i]) == key.n && memcmp(names[i], key.s, key.n) == 0) found[i] = v;
    for (int i = 0; i < LISTS; i++)
        if (found[i].type == DOC_V_ARRAY) {
            *why = add_messages(t, &found[i]);
            return 1;
        }
    int p = LISTS, a = PROMPTS;
    while (p < PROMPTS && found[p].type != DOC_V_STRING && found[p].type != DOC_V_ARRAY)
        p++;
    while (a < ANSWERS && found[a].type == DOC_V_NONE)
        a++;
    if (p == PROMPTS || a == ANSWERS) return 0;
    *why = add_pair(t, &found[SYSTEM], &found[p], &found[INPUT], &found[a]);
    return 1;
}

int turns_read(const struct turns_spec *spec, const char *line, size_t n, struct turns *t, const char **why)
{
    int found = 1;
    struct doc_value record = line ? doc_path_find(line, n, "") : (struct doc_value){0}, none = {0};
    t->n = 0;
    buf_clear(&t->text);
    *why = NULL;
    if (record.type != DOC_V_OBJECT) return 0;
    if (spec->automatic) {
        found = find_usual(&record, t, why);
    } else if (spec->messages) {
        struct doc_value list = doc_path_find(line, n, spec->messages);
        if (list.type != DOC_V_ARRAY) found = 0;
        else *why = add_messages(t, &list);
    } else {
        struct doc_value system = spec->system ? doc_path_find(line, n, spec->system) : none;
        struct doc_value prompt = doc_path_find(line, n, spec->prompt), answer = doc_path_find(line, n, spec->answer);
        if (!prompt.type || !answer.type) found = 0;
        else *why = add_pair(t, &system, &prompt, &none, &answer);
    }
    if (found && !*why && t->text.oom) *why = "out of memory";
    return *why ? -1 : found;
}
