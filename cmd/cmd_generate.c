/* generate: text from a model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "cmd/cmd.h"
#include "cmd/cmd_tokenize.h"
#include "cmd/generate_chat.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/sig.h"
#include "core/infer/generate.h"
#include "core/infer/session.h"
#include "core/model/saved.h"
#include "core/train/loop.h"

struct generate_cfg {
    struct opt_common common;
    const char *prompt_file, *jsonl, *out, *session, *system, *template, *tokenizer, *source_lang, *target_lang;
    struct opt_list stop;
    int64_t max_length, n, top_k, repeat_last, seed, logprobs, context, now;
    double temperature, top_p, min_p, repeat_penalty;
    int order, dtype, prompt;
    bool greedy, stats, echo, ignore_eos, chat;
};

static const struct opt opts[] = {
#define C struct generate_cfg
    OPT_GROUP("Prompt"),
    OPT_STR('f', "prompt-file", C, prompt_file, "FILE", NULL, "Take the prompt from a file (- = stdin)"),
    OPT_STR(0, "jsonl", C, jsonl, "FILE", NULL, "One prompt a line, {\"prompt\": ...}; answers are JSON lines, with its \"id\" (- = stdin)"),
    OPT_STR(0, "session", C, session, "FILE", NULL, "Go on from FILE if it exists; keep text or conversation and its state there"),
    OPT_BOOL(0, "echo", C, echo, NULL, "Print the prompt before the text"),
    OPT_GROUP("Conversation"),
    OPT_BOOL('c', "chat", C, chat, NULL, "The prompt is what a user says; without one, talk: a line of stdin a turn"),
    OPT_STR(0, "system", C, system, "TEXT", NULL, "What the model is told before"),
    OPT_STR(0, "template", C, template, "NAME", NULL, "Instead of the model's template: a file, directory or name, as in tokenize chat"),
    OPT_ENUM(0, "generation-prompt", C, prompt, "auto|yes|no", "auto", "Begin the assistant's turn; auto: unless its message is the last, which goes on"),
    OPT_INT(0, "now", C, now, "SECONDS", "-1", -1, 1e11, "The time for templates that ask, since 1970; -1 = now"),
    OPT_GROUP("Tokens"),
    OPT_STR(0, "tokenizer", C, tokenizer, "FILE", NULL, "For a model that holds none, or not its own: a file, a directory, a model"),
    OPT_STR(0, "src-lang", C, source_lang, "CODE", NULL, "Of models for translation: the language of the prompt (fr, fr_XX, fra_Latn ...)"),
    OPT_STR(0, "tgt-lang", C, target_lang, "CODE", NULL, "The language to translate into: the first new token names it"),
    OPT_GROUP("Length"),
    OPT_INT('l', "max-length", C, max_length, "N", "128", 1, 1e7, "New tokens at most; with --chat 1024 unless given"),
    OPT_LIST('s', "stop", C, stop, "TEXT", "End when this text appears; it is not printed (repeatable)"),
    OPT_BOOL(0, "ignore-eos", C, ignore_eos, NULL, "Go on after the end of the text or turn"),
    OPT_INT(0, "context", C, context, "N", "0", 0, 1e8, "Tokens a sequence can hold; 0 = what the model was made for, or less if that is enough"),
    OPT_GROUP("Sampling"),
    OPT_BOOL('g', "greedy", C, greedy, NULL, "Always take the most likely token (temperature 0)"),
    OPT_F64('t', "temperature", C, temperature, "X", "0.8", 0, 100, "Flatter above 1, sharper below; 0 = greedy"),
    OPT_INT('k', "top-k", C, top_k, "K", "0", 0, 1e9, "Keep the K most likely tokens; 0 = all"),
    OPT_F64('p', "top-p", C, top_p, "P", "0.95", 0, 1, "Keep the smallest set with this much probability; 1 = all"),
    OPT_F64(0, "min-p", C, min_p, "P", "0", 0, 1, "Keep tokens at least P times as likely as the most likely one"),
    OPT_F64(0, "repeat-penalty", C, repeat_penalty, "X", "1", 0.01, 100, "Make tokens already seen less likely; 1 = off"),
    OPT_INT(0, "repeat-last", C, repeat_last, "N", "64", 0, 1e9, "How many last tokens the penalty sees; 0 = all"),
    OPT_ENUM(0, "sampler-order", C, order, "hf|llama", "hf", "Temperature before the filters (hf) or after them (llama)"),
    OPT_INT(0, "seed", C, seed, "N", "0", 0, 9007199254740992.0, "The same seed gives the same text"),
    OPT_INT('n', "samples", C, n, "N", "1", 1, 4096, "Samples for each prompt"),
    OPT_GROUP("Output"),
    OPT_STR('o', "out", C, out, "FILE", "-", "Write the text here"),
    OPT_INT(0, "logprobs", C, logprobs, "K", "0", 0, 1000, "With --json or --jsonl: log-probabilities of each token and of the K most likely"),
    OPT_BOOL(0, "stats", C, stats, NULL, "Print tokens a second and memory on stderr"),
    OPT_ENUM(0, "dtype", C, dtype, "auto|f32|bf16", "auto", "Type of weights and cache; auto = bf16 where the CPU multiplies it"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

struct prompt {
    char *text; /* with --chat a conversation in JSON */
    size_t n;
    bool chat;
    struct buf id; /* of --jsonl: the line's "id" in JSON, or empty */
};

struct prompts {
    struct prompt *v;
    size_t n;
};

static const size_t max_prompt_bytes = (size_t)1 << 30;

static int add_prompt(struct prompts *p, const char *text, size_t n, struct err *e)
{
    struct prompt *bigger = mem_resize(p->v, p->n + 1, sizeof *bigger);
    char *copy = mem_strndup(text, n);
    if (bigger) p->v = bigger;
    if (!bigger || !copy) {
        free(copy);
        return err_oom(e, n, "a prompt");
    }
    p->v[p->n++] = (struct prompt){.text = copy, .n = n};
    return 0;
}

/* What a user says, as a conversation. */
static int add_said(const struct generate_cfg *c, struct prompts *p, const char *text, size_t n, struct err *e)
{
    if (!c->chat || c->session) return add_prompt(p, text, n, e);
    struct buf json = {0};
    int ret = chat_begin(&json, c->system, text, n, e);
    if (!ret) ret = add_prompt(p, json.data, json.len, e);
    if (!ret) p->v[p->n - 1].chat = true;
    buf_free(&json);
    return ret;
}

static int add_conversation(const struct generate_cfg *c, struct prompts *p, const char *line, size_t n, const char *where,
                            struct err *e)
{
    if (c->system) return err_set(e, ERR_USAGE, "%s: --system does not go with messages: they may have one of their own", where);
    if (add_prompt(p, line, n, e)) return -1;
    p->v[p->n - 1].chat = true;
    return 0;
}

static void free_prompts(struct prompts *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->v[i].text);
        buf_free(&p->v[i].id);
    }
    free(p->v);
}

static int read_input(const char *path, struct buf *b, struct err *e)
{
    return file_read_all(strcmp(path, "-") == 0 ? "/dev/stdin" : path, max_prompt_bytes, b, e);
}

/* The answers carry it, so that they can be joined with what was asked. */
static int add_id(struct prompt *p, const struct cJSON *line, const char *where, struct err *e)
{
    const struct cJSON *id = json_member(line, "id");
    if (!id || cJSON_IsNull(id)) return 0;
    double x = cJSON_IsNumber(id) ? id->valuedouble : 0.5; /* a number that a double holds exactly */
    if (!cJSON_IsString(id) && (x != floor(x) || fabs(x) > 9007199254740992.0))
        return err_set(e, ERR_DATA, "%s: \"id\" is neither a text nor a whole number up to 2^53", where);
    json_print(&p->id, id, 0);
    return buf_ok(&p->id, e);
}

static int add_json_line(const struct generate_cfg *c, struct prompts *p, const char *line, size_t n, const char *where,
                         struct err *e)
{
    const char *text;
    while (n && (line[n - 1] == '\r' || line[n - 1] == ' ')) n--;
    struct cJSON *j = json_parse(line, n, where, NULL, e);
    if (!j) return -1;
    bool talk = c->chat && (cJSON_IsArray(j) || json_member(j, "messages"));
    int ret = talk ? add_conversation(c, p, line, n, where, e) : json_get_str(j, "prompt", &text, "", e);
    if (!talk) ret = ret ? err_wrap(e, "%s", where) : add_said(c, p, text, strlen(text), e);
    if (!ret) ret = add_id(&p->v[p->n - 1], j, where, e);
    json_free(j);
    return ret;
}

static int read_jsonl(const struct generate_cfg *c, struct prompts *p, const char *path, struct err *e)
{
    struct buf b = {0};
    int ret = read_input(path, &b, e);
    size_t line = 1;
    for (size_t i = 0; !ret && i < b.len; line++) {
        const char *end = memchr(b.data + i, '\n', b.len - i);
        size_t n = end ? (size_t)(end - (b.data + i)) : b.len - i;
        char where[300];
        snprintf(where, sizeof where, "%s:%zu", path, line);
        if (strspn(b.data + i, " \t\r") < n) ret = add_json_line(c, p, b.data + i, n, where, e);
        i += n + 1;
    }
    if (!ret && p->n == 0) ret = err_set(e, ERR_NOINPUT, "'%s' holds no prompt", path);
    buf_free(&b);
    return ret;
}

static int collect_prompts(const struct generate_cfg *c, const struct opt_result *r, struct prompts *p, struct err *e)
{
    const char *operand = r->n_args > 1 ? r->args[1] : NULL;
    if (r->n_args > 2) return err_set(e, ERR_USAGE, "one prompt is expected; put quotes around it, or use --jsonl for several");
    if ((operand != NULL) + (c->prompt_file != NULL) + (c->jsonl != NULL) > 1)
        return err_set(e, ERR_USAGE, "give the prompt once: as operand, with --prompt-file or with --jsonl");
    if (c->jsonl) return read_jsonl(c, p, c->jsonl, e);
    const char *file = c->prompt_file ? c->prompt_file : operand && strcmp(operand, "-") == 0 ? "-" : NULL;
    if (!file && !operand && c->chat) return 0; /* talk */
    if (!file) return add_said(c, p, operand ? operand : "", operand ? strlen(operand) : 0, e);
    struct buf b = {0};
    int ret = read_input(file, &b, e);
    if (!ret) ret = add_said(c, p, buf_text(&b), b.len, e);
    buf_free(&b);
    return ret;
}

/* ---- output ---- */

/* To stdout at once (streaming), to a file when all is done. */
struct output {
    struct file_writer *file; /* NULL = stdout */
};

static int emit(struct output *o, const char *p, size_t n, struct err *e)
{
    return o->file ? file_write(o->file, p, n, e) : out_write(p, n, e);
}

static int stream_text(void *arg, int i, const char *text, size_t n, struct err *e)
{
    (void)i;
    return emit(arg, text, n, e);
}

static void add_token(struct buf *b, const struct tokenizer *t, int32_t id, float logprob)
{
    size_t n = 0;
    const char *piece = tok_piece(t, id, &n);
    buf_printf(b, "{\"id\":%d,\"text\":", id);
    size_t good = piece ? utf8_valid_prefix(piece, n) : 0;
    if (piece && good == n) buf_add_json(b, piece, n);
    else buf_adds(b, "\"\xef\xbf\xbd\""); /* a part of a character */
    buf_printf(b, ",\"logprob\":%.9g", (double)logprob);
}

static void add_logprobs(struct buf *b, const struct tokenizer *t, const struct gen_sample *s, int k)
{
    buf_adds(b, ",\"logprobs\":[");
    for (int i = 0; i < s->n_ids; i++) {
        if (i) buf_addc(b, ',');
        add_token(b, t, s->ids[i], s->logprob[i]);
        buf_adds(b, ",\"top\":[");
        for (int m = 0; m < k; m++) {
            const struct sample_candidate *c = &s->top[(size_t)i * (size_t)k + (size_t)m];
            if (m) buf_addc(b, ',');
            add_token(b, t, c->id, c->logit);
            buf_addc(b, '}');
        }
        buf_adds(b, "]}");
    }
    buf_addc(b, ']');
}

/* {"id":…,"prompt":…,"sample":i,"text":…,"tokens":n,"end":"eos"}; of a conversation "messages" as they came, or
 * "conversation" where they came with more */
static void add_sample(struct buf *b, const struct tokenizer *t, const struct prompt *p, const struct gen_sample *s,
                       int i, int logprobs)
{
    buf_addc(b, '{');
    if (p->id.len) buf_printf(b, "\"id\":%.*s,", (int)p->id.len, p->id.data);
    buf_adds(b, !p->chat ? "\"prompt\":" : p->text[0] == '[' ? "\"messages\":" : "\"conversation\":");
    if (p->chat) buf_add(b, p->text, p->n);
    else buf_add_json(b, p->text, p->n);
    buf_printf(b, ",\"sample\":%d,\"text\":", i);
    buf_add_json(b, buf_text(&s->text), s->text.len);
    buf_printf(b, ",\"tokens\":%d,\"end\":\"%s\"", s->n_ids, gen_end_name(s->end));
    if (logprobs) add_logprobs(b, t, s, logprobs);
    buf_addc(b, '}');
}

/* ---- the run ---- */

struct run {
    const struct generate_cfg *c;
    struct gen_model m;
    struct gen_params p;
    struct gen_stats stats;
    struct output out;
    struct buf samples; /* of --json: the elements of "samples" */
    struct gen_session session;
    struct dialog dialog;
    int32_t ends[SAVED_ENDS + DIALOG_ENDS], language; /* language: --tgt-lang, or -1 */
};

/* Tokens that end a text: the model's, and in a conversation those that end a turn. */
static int all_ends(struct run *r, const struct saved_model *m)
{
    int n = m->n_ends;
    memcpy(r->ends, m->ends, (size_t)n * sizeof *r->ends);
    memcpy(r->ends + n, r->dialog.ends, (size_t)r->dialog.n_ends * sizeof *r->ends);
    return n + r->dialog.n_ends;
}

static int print_plain(struct run *r, const struct prompt *p, const struct gen_sample *s, bool streamed, struct err *e)
{
    for (int i = 0; i < r->c->n; i++) {
        char head[32];
        int n = snprintf(head, sizeof head, "--- sample %d\n", i + 1);
        if (r->c->n > 1 && emit(&r->out, head, (size_t)n, e)) return -1;
        if (!streamed) {
            if (r->c->echo && emit(&r->out, p->text, p->n, e)) return -1;
            if (s[i].text.len && emit(&r->out, s[i].text.data, s[i].text.len, e)) return -1;
        }
        if (emit(&r->out, "\n", 1, e)) return -1;
    }
    return 0;
}

static int print_json(struct run *r, const struct prompt *p, const struct gen_sample *s, struct err *e)
{
    struct buf line = {0}, *b = r->c->jsonl ? &line : &r->samples;
    for (int i = 0; i < r->c->n; i++) {
        if (!r->c->jsonl && b->len) buf_addc(b, ',');
        add_sample(b, r->m.t, p, &s[i], i, (int)r->c->logprobs);
        if (r->c->jsonl) buf_addc(b, '\n');
    }
    int ret = buf_ok(b, e);
    if (!ret && line.len) ret = emit(&r->out, line.data, line.len, e);
    buf_free(&line);
    return ret;
}

/* The prompt, or of a session that goes on, what is added to it. */
static int encode(struct run *r, const struct prompt *p, struct tok_ids *ids, struct err *e)
{
    const struct tokenizer *t = r->m.t;
    if (p->chat) return dialog_ids(&r->dialog, p->text, p->n, "messages", (enum dialog_prompt)r->c->prompt, ids, e);
    return r->session.n ? gen_encode_more(t, p->text, p->n, 0, ids, e) : gen_encode_prompt(t, p->text, p->n, ids, e);
}

/* All tokens so far; an end of text is one, so that what comes next comes after it. */
static int save_session(struct run *r, const struct tok_ids *prompt, const struct gen_sample *s, struct err *e)
{
    size_t past = (size_t)r->session.n, n = past + prompt->n + (size_t)s->n_ids;
    int32_t *all = mem_alloc(n + 1, sizeof *all);
    if (!all) return err_oom(e, n * sizeof *all, "a session");
    if (past) memcpy(all, r->session.ids, past * sizeof *all);
    if (prompt->n) memcpy(all + past, prompt->id, prompt->n * sizeof *all);
    if (s->n_ids) memcpy(all + past + prompt->n, s->ids, (size_t)s->n_ids * sizeof *all);
    if (s->end == GEN_EOS) all[n++] = tok_eos(r->m.t);
    int ret = gen_session_save(&r->session, r->c->session, r->m.d, all, (int)n, e);
    free(all);
    return ret;
}

static int run_prompt(struct run *r, const struct prompt *p, size_t index, struct err *e)
{
    bool json = r->c->common.json || r->c->jsonl, stream = !json && r->c->n == 1;
    struct tok_ids ids = {0};
    struct gen_sample *s = NULL;
    int ret = encode(r, p, &ids, e);
    if (!ret && stream && r->c->echo) ret = emit(&r->out, p->text, p->n, e);
    if (!ret && ids.n > INT32_MAX / 2) ret = err_set(e, ERR_DATA, "the prompt is too long (%zu tokens)", ids.n);
    if (!ret)
        ret = gen_run(&r->m, ids.id, (int)ids.n, (int)r->c->n, &r->p, (uint32_t)(index * (size_t)r->c->n),
                      stream ? stream_text : NULL, &r->out, &s, &r->stats, e);
    for (int i = 0; !ret && i < r->c->n; i++)
        if (s[i].end == GEN_CONTEXT) log_info("note: the text ends at the context of %d tokens", r->m.context);
    if (!ret) ret = json ? print_json(r, p, s, e) : print_plain(r, p, s, stream, e);
    if (!ret && r->c->session) ret = save_session(r, &ids, s, e);
    gen_samples_free(s, (int)r->c->n);
    tok_ids_free(&ids);
    return ret;
}

static void print_stats(const struct run *r)
{
    const struct gen_stats *s = &r->stats;
    log_info("prompt: %lld tokens in %.3f s (%.0f tok/s); text: %lld tokens in %.3f s (%.1f tok/s, %.1f GB/s of weights); "
             "memory %.1f MB",
             (long long)s->prompt_tokens, s->prefill_s, (double)s->prompt_tokens / (s->prefill_s + 1e-9),
             (long long)s->new_tokens, s->decode_s, (double)s->new_tokens / (s->decode_s + 1e-9),
             (double)s->steps * (double)decoder_weight_bytes(r->m.d) / (s->decode_s + 1e-9) / 1e9,
             (double)decoder_bytes(r->m.d) / 1e6);
}

static int final_json(struct run *r, struct err *e)
{
    struct buf b = {0};
    const struct gen_stats *s = &r->stats;
    buf_adds(&b, "{\"samples\":[");
    buf_add(&b, buf_text(&r->samples), r->samples.len);
    buf_printf(&b, "],\"prompt_tokens\":%lld,\"new_tokens\":%lld,\"prefill_s\":%.6f,\"decode_s\":%.6f}\n",
               (long long)s->prompt_tokens, (long long)s->new_tokens, s->prefill_s, s->decode_s);
    int ret = buf_ok(&b, e) ? -1 : emit(&r->out, b.data, b.len, e);
    buf_free(&b);
    return ret;
}

static int run_all(struct run *r, const struct prompts *p, struct err *e)
{
    for (size_t i = 0; i < p->n && !sig_stop_requested(); i++) {
        if (run_prompt(r, &p->v[i], i, e)) return p->n > 1 ? err_wrap(e, "prompt %zu", i + 1) : -1;
    }
    if (r->c->common.json && !r->c->jsonl && final_json(r, e)) return -1;
    if (r->c->stats) print_stats(r);
    if (sig_stop_requested()) return err_set(e, ERR_STOPPED, "stopped by a signal; the text so far was written");
    return 0;
}

/* A conversation that is held here, not one that a prompt brings along. */
static bool talks(const struct generate_cfg *c, const struct prompts *p)
{
    return c->chat && (p->n == 0 || c->session);
}

/* Long enough for the longest prompt with its text, unless the user or the model says less. */
static int choose_context(struct run *r, const struct model_config *m, const struct prompts *p, int *context, struct err *e)
{
    enum { TALK = 8192 }; /* tokens of a conversation, where the model and the user allow more */
    const struct generate_cfg *c = r->c;
    size_t longest = 0;
    bool turns = talks(c, p);
    for (size_t i = 0; i < p->n && !turns; i++) {
        struct tok_ids ids = {0};
        int ret = encode(r, &p->v[i], &ids, e);
        if (ids.n > longest) longest = ids.n;
        tok_ids_free(&ids);
        if (ret) return p->n > 1 ? err_wrap(e, "prompt %zu", i + 1) : -1;
    }
    int64_t need = (int64_t)longest + r->session.n + c->max_length, max = c->context ? c->context : m->max_pos;
    if (turns && need < TALK) need = TALK;
    if (turns && c->context) need = c->context;
    if (m->embed_pos == POS_LEARNED && max > m->max_pos)
        return err_set(e, ERR_USAGE, "--context %lld: this model has %d learned positions", (long long)max, m->max_pos);
    *context = (int)(need < max ? need : max);
    return 0;
}

/* Turn after turn, or the one that is given. */
static int talk(struct run *r, const struct prompts *p, struct err *e)
{
    struct chat_talk t = {.dialog = &r->dialog, .m = &r->m, .p = &r->p, .system = r->c->system, .says = p->n ? p->v[0].text : NULL,
                          .n_says = p->n ? p->v[0].n : 0, .session = r->c->session ? &r->session : NULL,
                          .session_path = r->c->session, .on_text = stream_text, .arg = &r->out, .stats = &r->stats};
    int ret = chat_run(&t, e);
    if (r->c->stats) print_stats(r);
    return ret;
}

static int check_chat(const struct cmd *self, struct generate_cfg *c, const struct opt_result *o, struct err *e)
{
    static const char *const of_chat[] = {"system", "template", "generation-prompt", "now"};
    for (size_t i = 0; !c->chat && i < COUNT_OF(of_chat); i++)
        if (opt_is_set(self, o, of_chat[i])) return err_set(e, ERR_USAGE, "--%s goes with --chat", of_chat[i]);
    if (!c->chat) return 0;
    if (c->echo) return err_set(e, ERR_USAGE, "--echo does not go with --chat");
    if (c->session && (c->common.json || c->prompt == DIALOG_NO))
        return err_set(e, ERR_USAGE, "--session with --chat does not go with %s", c->common.json ? "--json" : "--generation-prompt no");
    if (!opt_is_set(self, o, "max-length")) c->max_length = 1024;
    bool turns = o->n_args < 2 && !c->prompt_file && !c->jsonl;
    if (turns && (c->common.json || c->n > 1))
        return err_set(e, ERR_USAGE, "%s needs a prompt, or --jsonl", c->common.json ? "--json" : "--samples");
    if (turns && c->prompt == DIALOG_NO) return err_set(e, ERR_USAGE, "--generation-prompt no needs a prompt, or --jsonl");
    return 0;
}

static int check_options(const struct cmd *self, struct generate_cfg *c, const struct opt_result *o, struct err *e)
{
    if (o->n_args == 0) return err_set(e, ERR_USAGE, "name a model: a run directory, a .llmz file or a Hugging Face directory");
    for (size_t i = 0; i < c->stop.n; i++)
        if (!c->stop.v[i][0]) return err_set(e, ERR_USAGE, "--stop: the text is empty");
    if (c->logprobs && !c->common.json && !c->jsonl) return err_set(e, ERR_USAGE, "--logprobs needs --json or --jsonl");
    if (c->session && (c->jsonl || c->n > 1))
        return err_set(e, ERR_USAGE, "--session holds one text: it does not go with %s", c->jsonl ? "--jsonl" : "--samples");
    return check_chat(self, c, o, e);
}

/* The session that the run goes on from, if there is a file of it, must be of this model and of this way to talk. */
static int open_session(struct run *r, const struct saved_model *m, enum dtype dt, struct err *e)
{
    const struct generate_cfg *c = r->c;
    if (!c->session) return 0;
    if (!decoder_state_movable(&m->config, e) ||
        gen_session_open(&r->session, c->session, gen_session_model(&m->config, m->params, dt), r->m.vocab, e))
        return e->code == ERR_CONFIG ? err_wrap(e, "--session") : -1;
    if (r->session.n && c->chat != (r->session.chat != NULL))
        return err_set(e, ERR_USAGE, "'%s' holds %s --chat", c->session,
                       c->chat ? "a text, no conversation: leave out" : "a conversation: add");
    return 0;
}

/* The token of a language, or -1 where none is asked for. */
static int find_language(const struct saved_model *m, const char *option, const char *code, int32_t *id, struct err *e)
{
    *id = code ? tok_language(m->tok, code) : -1;
    if (!code || *id >= 0) return 0;
    err_set(e, ERR_USAGE, "--%s: the tokenizer has no token for a language '%s'", option, code);
    return err_hint(e, "codes are written as the model has them; Marian has them in the text: '>>fra<< ...'");
}

static int set_languages(struct run *r, struct saved_model *m, struct err *e)
{
    const struct generate_cfg *c = r->c;
    int32_t source;
    if (find_language(m, "src-lang", c->source_lang, &source, e) || find_language(m, "tgt-lang", c->target_lang, &r->language, e)) return -1;
    if (r->language >= 0 && m->config.stack != STACK_ENCDEC)
        return err_set(e, ERR_USAGE, "--tgt-lang goes with encoder-decoders, and '%s' is none", m->path);
    if (source < 0 || tok_set_source(m->tok, source, e) == 0) return 0;
    e->code = ERR_USAGE;
    return err_wrap(e, "--src-lang");
}

static struct gen_params params_of(struct run *r, const struct saved_model *m)
{
    const struct generate_cfg *c = r->c;
    const int32_t *first = r->language >= 0 ? &r->language : m->first.said ? &m->first.id : NULL;
    return (struct gen_params){
        .sample = {.temperature = c->greedy ? 0 : c->temperature, .top_k = (int)c->top_k, .top_p = c->top_p, .min_p = c->min_p,
                   .repeat_penalty = c->repeat_penalty, .repeat_last = (int)c->repeat_last,
                   .order = c->order ? SAMPLE_LLAMA : SAMPLE_HF, .seed = (uint64_t)c->seed},
        .max_new = (int)c->max_length, .stop = c->stop.v, .n_stop = (int)c->stop.n,
        .top_logprobs = (int)c->logprobs, .ignore_eos = c->ignore_eos, .ends = r->ends, .n_ends = all_ends(r, m),
        .first = first, .last = m->last.said ? &m->last.id : NULL,
        .past = r->session.ids, .n_past = r->session.n};
}

/* The text of an opened model; what a signal stops is kept, what fails leaves no file. */
static int generate(struct run *r, const struct saved_model *model, const struct prompts *p, enum dtype dt, struct pool *pool,
                    struct err *e)
{
    const struct generate_cfg *c = r->c;
    if (choose_context(r, &model->config, p, &r->m.context, e)) return -1;
    r->m.d = decoder_new(&model->config, model->params, dt, (int)c->n, r->m.context, pool, e);
    if (!r->m.d || gen_session_restore(&r->session, r->m.d, e)) return -1;
    r->p = params_of(r, model);
    if (strcmp(c->out, "-") != 0 && !(r->out.file = file_create(c->out, 0, e))) return -1;
    int ret = talks(c, p) ? talk(r, p, e) : run_all(r, p, e);
    if (!r->out.file) return ret;
    if (!ret || e->code == ERR_STOPPED) return file_commit(r->out.file, e) ? -1 : ret;
    file_abort(r->out.file);
    return ret;
}

static int run(const struct cmd *self, int argc, char **argv, struct err *e)
{
    static const enum dtype dtypes[] = {DT_F32, DT_F32, DT_BF16};
    struct generate_cfg c = {0};
    struct opt_result o;
    struct prompts prompts = {0};
    struct saved_model model = {0};
    struct run r = {.c = &c};
    struct pool *pool = NULL;
    int ret = opt_parse(self, &c, argc, argv, &o, e);
    if (ret || o.exit_now) goto out;
    ret = -1;
    if (check_options(self, &c, &o, e) || collect_prompts(&c, &o, &prompts, e)) goto out;
    enum dtype dt = c.dtype ? dtypes[c.dtype] : kernels_auto_dtype(kernels_get(), true);
    if (!(pool = pool_new((int)c.common.threads, e))) goto out;
    if (c.tokenizer ? saved_open_weights(&model, o.args[0], dt, pool, e) || saved_take_tokenizer(&model, tokenizer_option(c.tokenizer, e), e)
                    : saved_open(&model, o.args[0], dt, pool, e))
        goto out;
    if (!model.tok) {
        err_set(e, ERR_DATA, "'%s' holds no tokenizer", o.args[0]);
        err_hint(e, "give one with --tokenizer");
        goto out;
    }
    if (set_languages(&r, &model, e)) goto out;
    r.m = (struct gen_model){.t = model.tok, .start = model.start.said ? &model.start.id : NULL, .vocab = model.config.vocab};
    if (c.logprobs > r.m.vocab) c.logprobs = r.m.vocab;
    if (open_session(&r, &model, dt, e)) goto out;
    if (c.chat && chat_open(&r.dialog, &model, o.args[0], c.template, c.now, e)) goto out;
    ret = generate(&r, &model, &prompts, dt, pool, e);
out:
    buf_free(&r.samples);
    gen_session_close(&r.session);
    dialog_close(&r.dialog);
    decoder_free(r.m.d);
    saved_close(&model);
    pool_free(pool);
    free_prompts(&prompts);
    opt_free(&o);
    return ret;
}

const struct cmd cmd_generate = {
    .name = "generate",
    .summary = "Generate text with a model",
    .usage = "[options] MODEL [PROMPT|-]",
    .examples = "  llmctl generate run \"The package\"\n"
                "  llmctl generate run \"To be\" --temperature 0.9 --top-k 50 -n 3 --seed 7\n"
                "  llmctl generate model.llmz --greedy --stop \"\\n\" --prompt-file question.txt\n"
                "  llmctl generate run \"Once upon\" --session story.llmz\n"
                "  llmctl generate chat-model --chat --system \"Answer in one sentence.\"\n"
                "  llmctl generate hf-dir --jsonl prompts.jsonl --logprobs 5 >answers.jsonl\n",
    .details = "MODEL is a run directory, a .llmz file or a Hugging Face directory. Text is\n"
               "streamed to stdout as it appears, in whole characters. It ends at the\n"
               "tokenizer's end of text and at all tokens that generation_config.json names.\n"
               "Encoder-decoders translate or answer the prompt; forced_bos_token_id,\n"
               "forced_eos_token_id and decoder_start_token_id of generation_config.json count.\n"
               "--tgt-lang is what transformers calls forced_bos_token_id, --src-lang the\n"
               "tokenizer's src_lang: they hold for M2M100, NLLB, mBART and PLBART.\n"
               "\n"
               "--session FILE keeps the text and what the model remembers of it (keys and\n"
               "values, or the state of RWKV): the next call reads only what it adds, and goes\n"
               "on with the bits of a run that never stopped. With --chat it keeps the\n"
               "conversation, of which a prompt is the next turn.\n"
               "\n"
               "--chat puts what the user says into the model's chat template (see tokenize\n"
               "chat); the answer ends with the turn. With --jsonl a line is a list of messages\n"
               "or an object with \"messages\"; a last message of the assistant is gone on with.\n"
               "Control tokens come from the template only. Without a prompt a line of stdin is\n"
               "a turn (\"\\\" at its end: it goes on in the next), /clear forgets, /exit ends;\n"
               "only what is new of the conversation is read, and its oldest turns go when it\n"
               "no longer fits into the context (8192 tokens or the model's; --context).\n"
               "\n"
               "The order of the filters is: repetition penalty, temperature, top-k, top-p,\n"
               "min-p (--sampler-order hf); with llama the temperature comes last. Each filter\n"
               "works on what the one before it left. Example: with A 30 %, B 20 % and four\n"
               "tokens of 12.5 %, --top-k 2 --temperature 1 --top-p 1 gives A 60 % and B 40 %.\n",
    .opts = opts,
    .run = run,
};
