/* llmctl tokenize chat */
#include "cmd/cmd_tokenize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cjson/cJSON.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/sig.h"
#include "core/token/chat.h"
#include "data/doc_lines.h"
#include "data/encode_print.h"

struct chat_cfg {
    struct opt_common common;
    const char *tokenizer, *template, *out, *bos, *eos;
    bool ids, table, prompt, goes_on;
    int64_t now, steps;
};

static const struct opt chat_opts[] = {
#define C struct chat_cfg
    OPT_GROUP("Chats"),
    OPT_STR('o', "out", C, out, "FILE", "-", "Where the lines go"),
    OPT_STR('t', "tokenizer", C, tokenizer, "FILE", NULL,
            "A tokenizer, model or directory: its tokens, and template if it has one"),
    OPT_STR(0, "template", C, template, "NAME", NULL,
            "A file (.jinja, .json, .llmz), directory or name: chatml, llama3, gemma ..."),
    OPT_BOOL(0, "ids", C, ids, NULL, "Token ids and the mask of what the assistant says, not text"),
    OPT_BOOL(0, "table", C, table, NULL, "A line a token: id, mask, token; an empty line behind a chat"),
    OPT_BOOL(0, "generation-prompt", C, prompt, NULL, "End where the assistant begins to speak"),
    OPT_BOOL(0, "continue", C, goes_on, NULL, "End where the text of the last message ends, for the model to continue it"),
    OPT_STR(0, "bos", C, bos, "TEXT", NULL, "bos_token for the template (default: the tokenizer's)"),
    OPT_STR(0, "eos", C, eos, "TEXT", NULL, "eos_token for the template (default: the tokenizer's)"),
    OPT_INT(0, "now", C, now, "SECONDS", "-1", -1, 1e11, "The time for strftime_now, since 1970; -1 = now"),
    OPT_INT(0, "steps", C, steps, "N", "20M", 1000, 1e12, "A template that takes more steps fails"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

/* What a chat may have that a template does not use, by this name or another. */
static const struct { const char *name, *other; } members[] = {
    {"tools", "tools"}, {"tool_calls", "tool_calls"}, {"reasoning_content", "thinking"}};

struct unused {
    bool is;          /* the template does not name it */
    uint64_t chats;   /* that have it, */
    char first[300];  /* the place of the first of them */
};

struct chat_job {
    const struct chat_cfg *cfg;
    struct tokenizer *tokenizer;
    struct tok_scratch *scratch;
    struct chat_template *template;
    struct chat_vars vars;
    struct buf bos, eos, guard, line;
    struct tok_ids ids;
    uint64_t n_chats, n_ids, n_bytes;
    struct unused unused[COUNT_OF(members)];
};

static bool wants_ids(const struct chat_cfg *cfg)
{
    return cfg->ids || cfg->table;
}

/* ---- the template ---- */

enum { LONGEST_NAME = 48 };

/* Bytes of a "<|name|>" at s, LONGEST_NAME + 2 at most; 0 if there is none. */
static size_t control_like(const char *s, size_t n)
{
    if (n < 5 || s[0] != '<' || s[1] != '|') return 0;
    for (size_t i = 2; i + 1 < n && i < LONGEST_NAME; i++) {
        if (s[i] == '|') return s[i + 1] == '>' && i > 2 ? i + 2 : 0;
        bool word = (s[i] >= '0' && s[i] <= '9') || ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z') || s[i] == '_' || s[i] == '-';
        if (!word) return 0;
    }
    return 0;
}

/* Control tokens that the template writes and the tokenizer does not know become several
 * tokens of text: some models want that, most users do not. */
static void note_unknown(const struct buf *text, const struct tokenizer *t)
{
    for (size_t i = 0, n; i < text->len; i += n ? n : 1) {
        char name[LONGEST_NAME + 3];
        n = control_like(text->data + i, text->len - i);
        if (!n) continue;
        snprintf(name, sizeof name, "%.*s", (int)n, text->data + i);
        if (tok_id(t, name) >= 0) continue;
        log_info("note: '%s' of the template is no token of this tokenizer and becomes several", name);
        return;
    }
}

/* ---- what the template leaves out ---- */

static void find_unused(struct chat_job *j, const struct buf *text)
{
    for (size_t i = 0; i < COUNT_OF(members); i++)
        j->unused[i].is = !strstr(buf_text(text), members[i].name) && !strstr(buf_text(text), members[i].other);
}

static bool is_empty(const char *p, const char *end)
{
    static const char *const values[] = {"null", "[]", "\"\""};
    for (size_t i = 0; i < COUNT_OF(values); i++)
        if ((size_t)(end - p) >= strlen(values[i]) && memcmp(p, values[i], strlen(values[i])) == 0) return true;
    return false;
}

/* Whether a member of that name stands in the line, and holds something.  In a string its quotes have backslashes. */
static bool has_member(const char *line, size_t n, const char *name)
{
    char key[32];
    const char *p = line, *end = line + n;
    size_t n_key = (size_t)snprintf(key, sizeof key, "\"%s\"", name);
    while ((p = memmem(p, (size_t)(end - p), key, n_key))) {
        p += n_key;
        while (p < end && strchr(": \t", *p)) p++;
        if (p[-1] != '"' && !is_empty(p, end)) return true;
    }
    return false;
}

static void note_unused(struct chat_job *j, const char *line, size_t n, const char *place)
{
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        struct unused *u = &j->unused[i];
        if (!u->is || !has_member(line, n, members[i].name)) continue;
        if (u->chats++ == 0) snprintf(u->first, sizeof u->first, "%s", place);
    }
}

static void warn_unused(const struct chat_job *j)
{
    for (size_t i = 0; i < COUNT_OF(members); i++)
        if (j->unused[i].chats)
            log_warn("the template does not use '%s', which %llu chat%s: left out there; the first: %s", members[i].name,
                     (unsigned long long)j->unused[i].chats, j->unused[i].chats == 1 ? " has" : "s have", j->unused[i].first);
}

static int open_template(struct chat_job *j, struct err *e)
{
    const char *given = j->cfg->template, *name = given ? given : j->cfg->tokenizer;
    struct buf text = {0};
    char *found = NULL;
    int ret = 0;
    if (given) ret = template_named(given, &text, &found, e);
    else ret = j->cfg->tokenizer ? template_option(j->cfg->tokenizer, &text, &found, e) : 1;
    if (ret == 1)
        ret = err_set(e, ERR_USAGE, "there is no chat template: give --template, a model that holds one, or a "
                                    "directory or GGUF file with one");
    if (ret == 0) ret = buf_ok(&text, e);
    if (found) name = found;
    if (ret == 0 && !(j->template = chat_template_new(text.data, text.len, name, e))) ret = -1;
    if (ret == 0 && wants_ids(j->cfg)) note_unknown(&text, j->tokenizer);
    if (ret == 0) find_unused(j, &text);
    buf_free(&text);
    free(found);
    return ret;
}

static int open_job(struct chat_job *j, struct err *e)
{
    const struct chat_cfg *cfg = j->cfg;
    if (cfg->common.json && strcmp(cfg->out, "-") == 0)
        return err_set(e, ERR_USAGE, "--json and lines on stdout exclude each other; give --out");
    if (cfg->prompt && cfg->goes_on) return err_set(e, ERR_USAGE, "--generation-prompt and --continue exclude each other");
    if (cfg->ids && cfg->table) return err_set(e, ERR_USAGE, "--ids and --table exclude each other");
    if (wants_ids(cfg) && !cfg->tokenizer) return err_set(e, ERR_USAGE, "--%s needs --tokenizer", cfg->ids ? "ids" : "table");
    if (cfg->tokenizer && (wants_ids(cfg) || !file_is_dir(cfg->tokenizer) || !cfg->bos || !cfg->eos)) {
        if (!(j->tokenizer = tokenizer_option(cfg->tokenizer, e))) return -1;
        if (!(j->scratch = tok_scratch_new(j->tokenizer, e))) return -1;
    }
    if (open_template(j, e)) return -1;
    if (j->tokenizer) chat_vars_tokens(&j->vars, j->tokenizer, &j->bos, &j->eos);
    if (j->tokenizer && chat_guard(j->template, j->tokenizer, &j->guard, e)) return -1;
    if (cfg->bos) j->vars.bos = cfg->bos;
    if (cfg->eos) j->vars.eos = cfg->eos;
    j->vars.add_generation_prompt = cfg->prompt;
    j->vars.continue_final = cfg->goes_on;
    j->vars.now = cfg->now < 0 ? (int64_t)time(NULL) : cfg->now;
    j->vars.limits.steps = (uint64_t)cfg->steps;
    return 0;
}

/* ---- a line ---- */

static int write_text(struct chat_job *j, const struct chat_text *text, struct file_writer *w, struct err *e)
{
    buf_clear(&j->line);
    buf_adds(&j->line, "{\"text\":");
    buf_add_json(&j->line, text->text.len ? text->text.data : "", text->text.len);
    buf_adds(&j->line, "}\n");
    return buf_ok(&j->line, e) || file_write(w, j->line.data, j->line.len, e) ? -1 : 0;
}

static void ids_object(struct chat_job *j, const struct buf *mask)
{
    buf_adds(&j->line, "{\"ids\":[");
    encode_add_ids(j->ids.id, j->ids.n, ',', &j->line);
    buf_adds(&j->line, "],\"mask\":[");
    if (buf_reserve(&j->line, 2 * mask->len))
        for (size_t i = 0; i < mask->len; i++) {
            if (i) j->line.data[j->line.len++] = ',';
            j->line.data[j->line.len++] = mask->data[i] ? '1' : '0';
        }
    buf_adds(&j->line, "]}\n");
}

static void ids_table(struct chat_job *j, const struct buf *mask)
{
    for (size_t i = 0; i < j->ids.n; i++) {
        size_t n;
        const char *s = tok_spelling(j->tokenizer, j->ids.id[i], &n);
        buf_printf(&j->line, "%d\t%d\t", (int)j->ids.id[i], mask->data[i] != 0);
        buf_add_json(&j->line, s ? s : "", s ? n : 0);
        buf_addc(&j->line, '\n');
    }
    buf_addc(&j->line, '\n');
}

static int write_ids(struct chat_job *j, const struct chat_text *text, struct file_writer *w, struct err *e)
{
    struct buf mask = {0};
    j->ids.n = 0;
    j->ids.want_spans = true;
    int ret = chat_encode(text, chat_has_generation(j->template), &j->guard, j->tokenizer, j->scratch, &j->ids, &mask, e);
    buf_clear(&j->line);
    if (ret == 0 && j->cfg->table) ids_table(j, &mask);
    else if (ret == 0) ids_object(j, &mask);
    if (ret == 0) ret = buf_ok(&j->line, e) || file_write(w, j->line.data, j->line.len, e) ? -1 : 0;
    j->n_ids += j->ids.n;
    buf_free(&mask);
    return ret;
}

/* "FILE:LINE':1:COLUMN: what", behind n bytes: the line at hand is all that there is. */
static void unquote(char *msg, size_t n)
{
    if (strncmp(msg + n, "':1:", 4) == 0) memmove(msg + n + 1, msg + n + 4, strlen(msg + n + 4) + 1), msg[n] = ':';
}

/* Nothing says what the template's bos_token or eos_token is. */
static int hint_ends(struct err *e)
{
    static const char *const names[] = {"bos", "eos"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char what[40];
        snprintf(what, sizeof what, "'%s_token' is undefined", names[i]);
        if (strstr(e->msg, what)) return err_hint(e, "--%s says what it is, or -t a tokenizer that has one", names[i]);
    }
    return -1;
}

static int one_chat(struct chat_job *j, const char *line, size_t n, const char *file, uint64_t line_no,
                    struct file_writer *w, struct err *e)
{
    struct chat_text text = {{0}, {0}};
    char name[300];
    snprintf(name, sizeof name, "%.250s:%llu", file, (unsigned long long)line_no);
    int ret = chat_render(j->template, line, n, name, &j->vars, &text, e);
    bool quoted = e->msg[0] == '\'' && strncmp(e->msg + 1, name, strlen(name)) == 0;
    if (ret && quoted) { /* "'FILE:LINE':1:COLUMN: what" */
        memmove(e->msg, e->msg + 1, strlen(e->msg));
        unquote(e->msg, strlen(name));
    }
    if (ret && !quoted && strncmp(e->msg, name, strlen(name))) err_wrap(e, "%s", name);
    if (ret) ret = hint_ends(e);
    if (ret == 0) ret = wants_ids(j->cfg) ? write_ids(j, &text, w, e) : write_text(j, &text, w, e);
    if (ret == 0) note_unused(j, line, n, name);
    j->n_chats++;
    j->n_bytes += text.text.len;
    chat_text_free(&text);
    return ret;
}

static int one_file(struct chat_job *j, const char *path, struct file_writer *w, struct err *e)
{
    enum { LONGEST = 1 << 28 }; /* what a template may take is not more */
    const char *name = strcmp(path, "-") == 0 ? "stdin" : path;
    struct doc_lines in = {.name = name, .most = LONGEST, .hint = "a chat is one line of JSON", .live = true};
    struct doc_line line;
    int ret;
    if (file_is_dir(path)) return err_set(e, ERR_NOINPUT, "'%s' is a directory; name files of chats, JSON lines", path);
    if (doc_lines_open(&in, path, e)) return -1;
    while ((ret = doc_lines_next(&in, &line, e)) > 0)
        if (sig_check(e) || (line.n && one_chat(j, line.s, line.n, name, line.no, w, e)) || (doc_lines_wait(&in) && file_flush(w, e))) {
            ret = -1;
            break;
        }
    doc_lines_close(&in);
    return ret;
}

static int report(struct chat_job *j, struct err *e)
{
    buf_clear(&j->line);
    buf_printf(&j->line, "{\"chats\":%llu,\"bytes\":%llu", (unsigned long long)j->n_chats, (unsigned long long)j->n_bytes);
    if (wants_ids(j->cfg)) buf_printf(&j->line, ",\"tokens\":%llu", (unsigned long long)j->n_ids);
    buf_adds(&j->line, "}\n");
    return buf_ok(&j->line, e) || out_write(j->line.data, j->line.len, e) ? -1 : 0;
}

static void say(const struct chat_job *j)
{
    char tokens[48] = "";
    if (wants_ids(j->cfg)) snprintf(tokens, sizeof tokens, ", %llu tokens", (unsigned long long)j->n_ids);
    log_info("%llu chat%s%s -> %s", (unsigned long long)j->n_chats, j->n_chats == 1 ? "" : "s", tokens, j->cfg->out);
}

static int chat_files(const struct chat_cfg *cfg, const struct opt_result *r, struct err *e)
{
    struct chat_job j = {.cfg = cfg};
    struct file_writer *w = NULL;
    int ret = 0;
    for (int i = 0; i < r->n_args && ret == 0; i++)
        if (file_same(cfg->out, r->args[i])) ret = err_set(e, ERR_USAGE, "'%s' is the input; write to another file", cfg->out);
    if (ret == 0) ret = open_job(&j, e);
    if (ret == 0 && !(w = file_create(cfg->out, 0, e))) ret = -1;
    for (int i = 0; ret == 0 && i < r->n_args; i++) ret = one_file(&j, r->args[i], w, e);
    if (ret == 0 && r->n_args == 0) ret = one_file(&j, "-", w, e);
    if (ret == 0) ret = file_commit(w, e);
    else file_abort(w);
    if (ret == 0) warn_unused(&j);
    if (ret == 0 && cfg->common.json) ret = report(&j, e);
    else if (ret == 0 && strcmp(cfg->out, "-") != 0) say(&j);
    chat_template_free(j.template);
    tok_scratch_free(j.scratch);
    tok_free(j.tokenizer);
    tok_ids_free(&j.ids);
    buf_free(&j.bos);
    buf_free(&j.eos);
    buf_free(&j.guard);
    buf_free(&j.line);
    return ret;
}

static int run_chat(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct chat_cfg cfg = {0};
    struct opt_result r;
    int ret = opt_parse(self, &cfg, argc, argv, &r, e);
    if (ret == 0 && !r.exit_now) ret = chat_files(&cfg, &r, e);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_tokenize_chat = {
    .name = "tokenize chat",
    .summary = "Conversations to text or ids by a chat template",
    .usage = "[options] [FILE...]",
    .examples = "  llmctl tokenize chat chats.jsonl --template chatml\n"
                "  llmctl tokenize chat chats.jsonl -t MODEL_DIR --ids --out chats.ids.jsonl\n"
                "  llmctl tokenize chat chats.jsonl --template my.jinja --generation-prompt\n",
    .details = "A line is a list of messages, or an object with \"messages\", whose other members\n"
               "become variables of the template.\n"
               "Templates are Jinja as transformers 5 runs it, with all filters and tests of\n"
               "jinja2 but random; they cannot reach other files or programs. Names: alpaca,\n"
               "chatml, deepseek, gemma, llama2, llama3, mistral, phi3, phi4, qwen, vicuna,\n"
               "zephyr.\n"
               "Control tokens come from the template only: what a message says is text. An\n"
               "assistant's message may hold added tokens that are not special, as <think> often\n"
               "is.\n"
               "BOS comes once, whether the template, the tokenizer or both write it. (Where\n"
               "only the tokenizer does, transformers leaves it out.)\n"
               "The thoughts of a message are its reasoning_content, thinking or reasoning;\n"
               "templates get them by the first two names, as in transformers 5.\n"
               "A template that does not name tools, tool_calls or reasoning_content leaves them\n"
               "out, which is a warning.\n"
               "Files may be packed (.gz, .zst). From a pipe, each chat is answered as it comes.\n"
               "--continue is continue_final_message of transformers, and also works where a\n"
               "template changes the beginning of that message.\n",
    .opts = chat_opts,
    .others = tokenize_chat_others,
    .run = run_chat,
};
