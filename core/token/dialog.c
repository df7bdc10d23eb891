#include "core/token/dialog.h"

#include <string.h>

/* Of a rendered conversation, the first byte behind what an assistant's message
 * says last; 0 = none does. */
static size_t said(const struct chat_text *text)
{
    size_t n = text->marks.len;
    while (n && !(text->marks.data[n - 1] & CHAT_ASSISTANT)) n--;
    return n;
}

static void add_end(struct dialog *d, int id)
{
    for (int i = 0; i < d->n_ends; i++)
        if (d->ends[i] == id) return;
    if (id >= 0 && d->n_ends < DIALOG_ENDS) d->ends[d->n_ends++] = id;
}

static bool blank(const char *s, size_t n)
{
    while (n && (*s == ' ' || *s == '\n' || *s == '\r' || *s == '\t')) s++, n--;
    return n == 0;
}

/* The control token behind the message of an assistant that comes last, found in
 * a conversation made up for this.  A template that refuses it tells nothing. */
static int find_turn_end(struct dialog *d, struct err *e)
{
    static const char probe[] = "[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":\"y\"}]";
    struct chat_text text = {{0}, {0}};
    struct chat_vars vars = d->vars;
    struct tok_ids ids = {.want_spans = true};
    struct err inner = {0};
    vars.add_generation_prompt = false;
    int ret = chat_render(d->template, probe, sizeof probe - 1, "probe", &vars, &text, &inner);
    size_t from = ret ? 0 : said(&text);
    if (from && chat_encode(&text, false, &d->guard, d->t, d->scratch, &ids, NULL, &inner) == 0) {
        size_t i = 0;
        while (i < ids.n && (ids.span[i].begin < from || !tok_is_special(d->t, ids.id[i]))) i++;
        if (i < ids.n && blank(text.text.data + from, ids.span[i].begin - from)) add_end(d, ids.id[i]);
    }
    chat_text_free(&text);
    tok_ids_free(&ids);
    if (inner.code == ERR_DATA || !inner.code) return 0;
    *e = inner;
    return -1;
}

int dialog_open(struct dialog *d, const struct tokenizer *t, const char *template, size_t n, const char *name,
                int64_t now, struct err *e)
{
    *d = (struct dialog){.t = t, .vars = {.now = now}};
    if (!(d->template = chat_template_new(template, n, name, e)) || !(d->scratch = tok_scratch_new(t, e)) ||
        chat_guard(d->template, t, &d->guard, e))
        return -1;
    chat_vars_tokens(&d->vars, t, &d->bos, &d->eos);
    add_end(d, tok_eos(t));
    return find_turn_end(d, e);
}

void dialog_close(struct dialog *d)
{
    chat_template_free(d->template);
    tok_scratch_free(d->scratch);
    buf_free(&d->bos);
    buf_free(&d->eos);
    buf_free(&d->guard);
    memset(d, 0, sizeof *d);
}

/* Is the last message an assistant's? */
static int goes_on(const char *json, size_t n, const char *name, bool *yes, struct err *e)
{
    struct chat_mem mem = {.limit = (size_t)256 << 20};
    struct cv v;
    int ret = cv_from_json(&mem, json, n, name, 0, &v, e);
    const struct cv *m = ret ? NULL : v.type == CV_DICT ? cdict_find(v.u.d, "messages") : &v;
    const struct cv *last = m && m->type == CV_LIST && m->u.l->n ? &m->u.l->v[m->u.l->n - 1] : NULL;
    const struct cv *role = last && last->type == CV_DICT ? cdict_find(last->u.d, "role") : NULL;
    *yes = role && (cv_is(role, "assistant") || cv_is(role, "model"));
    chat_mem_free(&mem);
    return ret;
}

int dialog_ids(struct dialog *d, const char *json, size_t n, const char *name, enum dialog_prompt prompt,
               struct tok_ids *ids, struct err *e)
{
    struct chat_text text = {{0}, {0}};
    bool more = false;
    int ret = prompt == DIALOG_AUTO ? goes_on(json, n, name, &more, e) : 0;
    d->vars.add_generation_prompt = prompt == DIALOG_YES || (prompt == DIALOG_AUTO && !more);
    if (ret == 0) ret = chat_render(d->template, json, n, name, &d->vars, &text, e);
    if (ret == 0 && more) {
        size_t to = said(&text);
        if (to == 0)
            ret = err_set(e, ERR_DATA,
                          "%s: the template does not show the assistant's last message: nothing to go on from", name);
        text.text.len = text.marks.len = to;
    }
    ids->want_spans = true;
    if (ret == 0) ret = chat_encode(&text, false, &d->guard, d->t, d->scratch, ids, NULL, e);
    if (ret == 0 && ids->n == 0) ret = err_set(e, ERR_DATA, "%s: the template makes no text of it", name);
    chat_text_free(&text);
    return ret;
}
