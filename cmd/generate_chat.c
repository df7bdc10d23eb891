#include "cmd/generate_chat.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "cmd/cmd_tokenize.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/model/saved.h"

int chat_open(struct dialog *d, const struct saved_model *m, const char *path, const char *named, int64_t now,
              struct err *e)
{
    struct buf text = {0};
    char *found = NULL;
    const char *name = named ? named : path;
    int ret = 0;
    if (named) ret = template_named(named, &text, &found, e);
    else if (m->chat_template) buf_adds(&text, m->chat_template);
    else ret = 1;
    if (ret == 1)
        ret = err_set(e, ERR_USAGE, "'%s' holds no chat template: give --template, a file or a name such as chatml", name);
    if (ret == 0) ret = buf_ok(&text, e);
    if (ret == 0)
        ret = dialog_open(d, m->tok, buf_text(&text), text.len, found ? found : name,
                          now < 0 ? (int64_t)time(NULL) : now, e);
    buf_free(&text);
    free(found);
    return ret;
}

static void add_message(struct buf *json, const char *role, const char *text, size_t n)
{
    buf_printf(json, "{\"role\":\"%s\",\"content\":", role);
    buf_add_json(json, text, n);
    buf_addc(json, '}');
}

int chat_begin(struct buf *json, const char *system, const char *text, size_t n, struct err *e)
{
    size_t valid = utf8_valid_prefix(text, n);
    if (valid < n) return err_set(e, ERR_DATA, "the prompt is not UTF-8, at byte %zu", valid);
    if (system && utf8_valid_prefix(system, strlen(system)) < strlen(system))
        return err_set(e, ERR_DATA, "--system is not UTF-8");
    buf_addc(json, '[');
    if (system) {
        add_message(json, "system", system, strlen(system));
        buf_addc(json, ',');
    }
    add_message(json, "user", text, n);
    buf_addc(json, ']');
    return buf_ok(json, e);
}

/* ---- turn after turn ---- */

struct talk {
    const struct chat_talk *o;
    bool terminal, answered;
    char *system;          /* what the model is told before; or NULL */
    struct buf in;         /* read from stdin, from `at` on not used yet */
    size_t at;
    bool eof;
    struct buf says;       /* what the user says */
    struct buf *message;   /* [n] a message as JSON; user and assistant in turn */
    size_t n, cap;
    struct tok_ids ids;    /* of the conversation, its prompt at the end */
    int32_t *read;         /* [n_read] what the decoder was given */
    size_t n_read, cap_read;
    struct err *e;
};

/* More of stdin; a stop signal ends it. */
static int read_more(struct talk *t)
{
    char chunk[4096];
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    while (!sig_stop_requested()) {
        if (poll(&p, 1, -1) < 0) {
            if (errno == EINTR) continue;
            return err_errno(t->e, errno, "reading", "stdin");
        }
        ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_errno(t->e, errno, "reading", "stdin");
        if (n == 0) t->eof = true;
        else buf_add(&t->in, chunk, (size_t)n);
        return buf_ok(&t->in, t->e);
    }
    t->eof = true;
    return 0;
}

/* The next line without its end; 0 at the end of stdin. */
static int next_line(struct talk *t, const char **line, size_t *n)
{
    for (;;) {
        const char *from = t->in.len > t->at ? t->in.data + t->at : "";
        size_t left = t->in.len - t->at;
        const char *nl = memchr(from, '\n', left);
        if (nl || (t->eof && left)) {
            *line = from;
            *n = nl ? (size_t)(nl - from) : left;
            t->at += *n + (nl != NULL);
            if (*n && from[*n - 1] == '\r') --*n;
            return 1;
        }
        if (t->eof) return 0;
        if (t->at) { /* drop what was used */
            memmove(t->in.data, from, left);
            t->in.len = left;
            t->at = 0;
        }
        if (read_more(t)) return -1;
    }
}

/* What the user says next, into t->says: 1, or 0 when that was all. */
static int listen_to(struct talk *t)
{
    buf_clear(&t->says);
    if (t->o->says) {
        if (t->answered) return 0;
        buf_add(&t->says, t->o->says, t->o->n_says);
        return buf_ok(&t->says, t->e) ? -1 : 1;
    }
    if (t->terminal) fputs("> ", stderr);
    for (;;) {
        const char *line;
        size_t n;
        int got = next_line(t, &line, &n);
        if (got < 0) return -1;
        if (got == 0) return t->says.len > 0;
        bool more = n && line[n - 1] == '\\';
        buf_add(&t->says, line, n - more);
        if (!more && buf_ok(&t->says, t->e)) return -1;
        if (!more) return 1;
        buf_addc(&t->says, '\n');
    }
}

static int add_turn(struct talk *t, const char *role, const char *text, size_t n)
{
    if (!mem_room(&t->message, &t->cap, t->n + 1, sizeof *t->message))
        return err_oom(t->e, (t->n + 1) * sizeof *t->message, "a conversation");
    t->message[t->n] = (struct buf){0};
    add_message(&t->message[t->n], role, text, n);
    return buf_ok(&t->message[t->n++], t->e);
}

static void drop_turns(struct talk *t, size_t from, size_t n)
{
    if (!n) return;
    for (size_t i = from; i < from + n; i++) buf_free(&t->message[i]);
    memmove(t->message + from, t->message + from + n, (t->n - from - n) * sizeof *t->message);
    t->n -= n;
}

/* The conversation as it stands, as JSON. */
static int all_messages(struct talk *t, struct buf *list)
{
    buf_addc(list, '[');
    if (t->system) add_message(list, "system", t->system, strlen(t->system));
    for (size_t i = 0; i < t->n; i++) {
        if (list->len > 1) buf_addc(list, ',');
        buf_add(list, t->message[i].data, t->message[i].len);
    }
    buf_addc(list, ']');
    return buf_ok(list, t->e);
}

/* Its ids. */
static int conversation(struct talk *t)
{
    struct buf list = {0};
    t->ids.n = 0;
    int ret = all_messages(t, &list);
    if (ret == 0) ret = dialog_ids(t->o->dialog, list.data, list.len, "the conversation", DIALOG_YES, &t->ids, t->e);
    buf_free(&list);
    return ret;
}

/* The same, short enough to be answered; the last message stays in any case. */
static int fitting_conversation(struct talk *t)
{
    size_t context = (size_t)t->o->m->context, room = context - context / 4;
    bool dropped = false;
    for (;;) {
        if (conversation(t)) return -1;
        if (t->ids.n <= room || t->n < 3) break;
        drop_turns(t, 0, 2);
        dropped = true;
    }
    if (dropped) log_info("note: the beginning of the conversation no longer fits into the context of %zu tokens", context);
    return 0;
}

/* How many of the ids the decoder need not read again; it goes back to there. */
static size_t known(struct talk *t)
{
    struct decoder *d = t->o->m->d;
    size_t n = 0, most = t->n_read < t->ids.n ? t->n_read : t->ids.n - 1;
    while (n < most && t->read[n] == t->ids.id[n]) n++;
    size_t len = (size_t)decoder_len(d, 0);
    if (n > len) n = len;
    if (n < len && !decoder_rewinds(d)) n = 0;
    if (n == t->ids.n) n--;
    decoder_truncate(d, 0, (int)n);
    return n;
}

static int remember_read(struct talk *t, const struct gen_sample *s)
{
    size_t n = t->ids.n + (size_t)s->n_ids;
    if (!mem_room(&t->read, &t->cap_read, n, sizeof *t->read)) return err_oom(t->e, n * sizeof *t->read, "a conversation");
    memcpy(t->read, t->ids.id, t->ids.n * sizeof *t->read);
    if (s->n_ids) memcpy(t->read + t->ids.n, s->ids, (size_t)s->n_ids * sizeof *t->read);
    t->n_read = n;
    return 0;
}

static int answer(struct talk *t, uint32_t turn)
{
    const struct chat_talk *o = t->o;
    struct gen_sample *s = NULL;
    struct gen_params p = *o->p;
    if (fitting_conversation(t)) return -1;
    size_t past = known(t);
    p.past = t->ids.id;
    p.n_past = (int)past;
    int ret = gen_run(o->m, t->ids.id + past, (int)(t->ids.n - past), 1, &p, turn, o->on_text, o->arg, &s, o->stats, t->e);
    if (ret == 0) ret = o->on_text(o->arg, 0, "\n", 1, t->e);
    if (ret == 0 && s->end == GEN_LENGTH) log_info("note: the answer ends at --max-length %d", p.max_new);
    if (ret == 0 && s->end == GEN_CONTEXT) log_info("note: the answer ends at the context of %d tokens", o->m->context);
    if (ret == 0) ret = remember_read(t, s);
    if (ret == 0) ret = add_turn(t, "assistant", s->text.len ? s->text.data : "", s->text.len);
    gen_samples_free(s, 1);
    return ret;
}

/* One turn: 1, or 0 when the user is done. */
static int one_turn(struct talk *t, uint32_t turn)
{
    int got = listen_to(t);
    if (got <= 0) return got;
    const char *text = t->says.len ? t->says.data : "";
    if (strcmp(text, "/exit") == 0) return 0;
    if (strcmp(text, "/clear") == 0) {
        drop_turns(t, 0, t->n);
        return 1;
    }
    if (t->says.len == 0) return 1;
    size_t valid = utf8_valid_prefix(text, t->says.len);
    if (valid < t->says.len) return err_set(t->e, ERR_DATA, "what was said is not UTF-8, at byte %zu", valid);
    if (add_turn(t, "user", text, t->says.len) || answer(t, turn)) return -1;
    t->answered = true;
    /* Ctrl-C at a terminal ends the answer, not the conversation. */
    if (t->terminal && sig_stop_signal() == SIGINT) sig_reset();
    return 1;
}

/* ---- conversations that go on later ---- */

static int take_turn(struct talk *t, const struct cJSON *m, size_t i, const char *where)
{
    const char *role, *text;
    if (json_get_str(m, "role", &role, where, t->e) || json_get_str(m, "content", &text, where, t->e)) return -1;
    if (strcmp(role, "system") != 0 || i > 0)
        return add_turn(t, strcmp(role, "assistant") == 0 ? "assistant" : "user", text, strlen(text));
    if (t->o->system && strcmp(t->o->system, text) != 0)
        return err_set(t->e, ERR_USAGE, "--system: the conversation in '%s' has another one", where);
    t->system = mem_strdup(text);
    return t->system ? 0 : err_oom(t->e, strlen(text), "a conversation");
}

/* Messages and tokens of a session. */
static int go_on(struct talk *t)
{
    const struct gen_session *s = t->o->session;
    const char *where = t->o->session_path;
    size_t i = 0;
    int ret = 0;
    if (!s || !s->chat) {
        t->system = t->o->system ? mem_strdup(t->o->system) : NULL;
        return t->o->system && !t->system ? err_oom(t->e, strlen(t->o->system), "a conversation") : 0;
    }
    struct cJSON *list = json_parse(s->chat, strlen(s->chat), where, NULL, t->e);
    if (!list) return -1;
    for (const struct cJSON *m = cJSON_IsArray(list) ? list->child : NULL; m && ret == 0; m = m->next, i++)
        ret = take_turn(t, m, i, where);
    json_free(list);
    if (ret == 0 && !mem_room(&t->read, &t->cap_read, (size_t)s->n, sizeof *t->read))
        ret = err_oom(t->e, (size_t)s->n * sizeof *t->read, "a conversation");
    if (ret == 0) {
        memcpy(t->read, s->ids, (size_t)s->n * sizeof *t->read);
        t->n_read = (size_t)s->n;
    }
    return ret;
}

/* The decoder has read all but the last token of a session: where it has read all,
 * an end of text follows, which the next turn finds to be another token. */
static int keep(struct talk *t)
{
    struct gen_session *s = t->o->session;
    struct buf list = {0};
    size_t len = (size_t)decoder_len(t->o->m->d, 0);
    if (!s || !t->answered || len == 0) return 0;
    if (all_messages(t, &list) || !mem_room(&t->read, &t->cap_read, len + 1, sizeof *t->read)) {
        buf_free(&list);
        return t->e->code ? -1 : err_oom(t->e, len, "a conversation");
    }
    if (t->n_read <= len) t->read[len] = tok_eos(t->o->m->t) < 0 ? 0 : tok_eos(t->o->m->t);
    free(s->chat);
    s->chat = buf_steal(&list);
    return gen_session_save(s, t->o->session_path, t->o->m->d, t->read, (int)len + 1, t->e);
}

int chat_run(const struct chat_talk *o, struct err *e)
{
    struct talk t = {.o = o, .terminal = !o->says && isatty(STDIN_FILENO) != 0, .e = e};
    int ret = go_on(&t) ? -1 : 1;
    if (decoder_takes_source(o->m->d))
        return err_set(e, ERR_USAGE, "an encoder-decoder answers one prompt: give it");
    if (t.terminal) log_info("talk; a line that ends in \\ goes on in the next; /clear forgets, /exit or Ctrl-D ends");
    for (uint32_t turn = 0; ret == 1 && !sig_stop_requested(); turn++) ret = one_turn(&t, turn);
    if (ret >= 0 && keep(&t)) ret = -1;
    if (ret >= 0 && sig_stop_requested()) ret = err_set(e, ERR_STOPPED, "stopped by a signal; the text so far was written");
    drop_turns(&t, 0, t.n);
    free(t.message);
    free(t.system);
    free(t.read);
    tok_ids_free(&t.ids);
    buf_free(&t.in);
    buf_free(&t.says);
    return ret < 0 ? -1 : 0;
}
