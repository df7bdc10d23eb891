#include "core/infer/generate.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/token/closing.h"
#include "core/base/sig.h"

/* One sample while it grows. */
struct run {
    struct gen_sample *s;
    struct tok_stream stream;
    size_t shown;     /* bytes of text that can no longer change, already given out */
    int32_t *history; /* prompt and new tokens, for the penalty and the next step */
    int n_history;
    bool done;
};

struct gen {
    struct decoder *d;
    const struct tokenizer *t;
    const struct gen_params *p;
    const int32_t *start;
    struct sampler *sampler;
    struct run *run;
    int n, vocab, eos, context;
    uint32_t sequence0;
    float *logits; /* [n, vocab] */
    int *seq;      /* [n] sequences of the next step */
    int32_t *next; /* [n] their tokens */
    gen_text_fn *on_text;
    void *arg;
};

const char *gen_end_name(enum gen_end end)
{
    static const char *const name[] = {"length", "eos", "stop", "context", "interrupted"};
    return name[end];
}

void gen_samples_free(struct gen_sample *s, int n)
{
    for (int i = 0; s && i < n; i++) {
        buf_free(&s[i].text);
        free(s[i].ids);
        free(s[i].logprob);
        free(s[i].top);
    }
    free(s);
}

int gen_encode_more(const struct tokenizer *t, const char *text, size_t n, unsigned flags, struct tok_ids *ids, struct err *e)
{
    struct tok_scratch *s = tok_scratch_new(t, e);
    if (!s) return -1;
    int ret = tok_encode(t, s, text, n, flags, ids, e);
    tok_scratch_free(s);
    return ret;
}

int gen_encode_prompt(const struct tokenizer *t, const char *text, size_t n, struct tok_ids *ids, struct err *e)
{
    struct tok_scratch *s = tok_scratch_new(t, e);
    if (!s) return -1;
    int ret = tok_encode(t, s, text, n, TOK_TEMPLATE, ids, e);
    tok_scratch_free(s);
    if (ret || ids->n > 0) return ret;
    int first = tok_bos(t) >= 0 ? tok_bos(t) : tok_eos(t);
    if (first < 0)
        return err_set(e, ERR_USAGE,
                       "the prompt is empty and this tokenizer has no begin-of-text token; give a prompt");
    int32_t *p = mem_resize(ids->id, ids->cap + 1, sizeof *p);
    if (!p) return err_oom(e, sizeof *p, "a prompt");
    ids->id = p;
    ids->cap++;
    ids->id[ids->n++] = first;
    return 0;
}

/* Length of the longest proper prefix of a stop string that ends the text:
 * that much must be held back. */
static size_t held_back(const struct gen_params *p, const char *text, size_t n)
{
    size_t longest = 0;
    for (int k = 0; k < p->n_stop; k++) {
        size_t len = strlen(p->stop[k]);
        for (size_t m = len - 1 < n ? len - 1 : n; m > longest; m--)
            if (memcmp(text + n - m, p->stop[k], m) == 0) longest = m;
    }
    return longest;
}

/* Cuts the text at the first stop string that starts at or after `from`. */
static bool cut_at_stop(const struct gen_params *p, struct buf *text, size_t from)
{
    size_t cut = text->len;
    for (int k = 0; k < p->n_stop; k++) {
        size_t len = strlen(p->stop[k]);
        for (size_t i = from; i + len <= text->len && i < cut; i++)
            if (memcmp(text->data + i, p->stop[k], len) == 0) cut = i;
    }
    if (cut == text->len) return false;
    text->len = cut;
    text->data[cut] = '\0';
    return true;
}

/* Gives out what can no longer change. */
static int show(struct gen *g, int i, bool all, struct err *e)
{
    struct run *r = &g->run[i];
    size_t keep = all ? 0 : held_back(g->p, r->s->text.data ? r->s->text.data + r->shown : "", r->s->text.len - r->shown);
    size_t n = r->s->text.len - r->shown - keep;
    const char *from = n ? r->s->text.data + r->shown : "";
    r->shown += n;
    return n && g->on_text ? g->on_text(g->arg, i, from, n, e) : 0;
}

static int finish(struct gen *g, int i, enum gen_end end, struct err *e)
{
    struct run *r = &g->run[i];
    if (end != GEN_STOP) {
        tok_stream_end(&r->stream, &r->s->text);
        if (g->p->n_stop && cut_at_stop(g->p, &r->s->text, r->shown)) end = GEN_STOP;
    }
    r->done = true;
    r->s->end = end;
    if (buf_ok(&r->s->text, e)) return -1;
    return show(g, i, true, e);
}

static bool ends_here(const struct gen *g, int32_t token)
{
    if (g->p->ignore_eos) return false;
    for (int i = 0; i < g->p->n_ends; i++)
        if (token == g->p->ends[i]) return true;
    return token == g->eos;
}

/* The token that has to come here, or NULL. */
static const int32_t *forced(const struct gen *g, const struct gen_sample *s)
{
    if (s->n_ids == 0 && g->p->first) return g->p->first;
    return s->n_ids + 1 == g->p->max_new ? g->p->last : NULL;
}

/* Draws the next token of sample i from its logits and adds its text. */
static int advance(struct gen *g, int i, const float *logits, struct err *e)
{
    struct run *r = &g->run[i];
    struct gen_sample *s = r->s;
    int32_t token;
    float logprob = 0;
    const int32_t *only = forced(g, s);
    if (only) token = *only;
    else if (sampler_next(g->sampler, &g->p->sample, logits, r->history, r->n_history, g->sequence0 + (uint32_t)i,
                     (uint32_t)r->n_history, &token, &logprob, e))
        return -1;
    if (ends_here(g, token)) return finish(g, i, only && only == g->p->last ? GEN_LENGTH : GEN_EOS, e);
    if (s->top)
        sampler_top_logprobs(g->sampler, logits, g->p->top_logprobs,
                             s->top + (size_t)s->n_ids * (size_t)g->p->top_logprobs);
    s->ids[s->n_ids] = token;
    s->logprob[s->n_ids++] = logprob;
    r->history[r->n_history++] = token;
    if (tok_stream_add(&r->stream, token, &s->text, e) || buf_ok(&s->text, e)) return -1;
    if (g->p->n_stop && cut_at_stop(g->p, &s->text, r->shown)) return finish(g, i, GEN_STOP, e);
    if (s->n_ids == g->p->max_new) return finish(g, i, GEN_LENGTH, e);
    if (r->n_history >= g->context) return finish(g, i, GEN_CONTEXT, e);
    return show(g, i, false, e);
}

static int allocate(struct gen *g, const int32_t *prompt, int n_prompt, struct gen_sample *s, struct err *e)
{
    const struct gen_params *p = g->p;
    size_t n = (size_t)g->n, room = (size_t)p->max_new;
    g->run = mem_zalloc(n, sizeof *g->run);
    g->logits = mem_alloc(n * (size_t)g->vocab, sizeof *g->logits);
    g->seq = mem_alloc(n, sizeof *g->seq);
    g->next = mem_alloc(n, sizeof *g->next);
    if (!(g->sampler = sampler_new(g->vocab, e))) return -1;
    bool ok = g->run && g->logits && g->seq && g->next;
    for (int i = 0; ok && i < g->n; i++) {
        struct run *r = &g->run[i];
        r->s = &s[i];
        s[i].ids = mem_alloc(room, sizeof *s[i].ids);
        s[i].logprob = mem_alloc(room, sizeof *s[i].logprob);
        if (p->top_logprobs) s[i].top = mem_alloc(room * (size_t)p->top_logprobs, sizeof *s[i].top);
        r->history = mem_alloc((size_t)n_prompt + room, sizeof *r->history);
        ok = s[i].ids && s[i].logprob && r->history && (s[i].top || !p->top_logprobs);
        if (!ok) break;
        memcpy(r->history, prompt, (size_t)n_prompt * sizeof *prompt);
        r->n_history = n_prompt;
        tok_stream_init(&r->stream, g->t, true);
    }
    return ok ? 0 : err_oom(e, n * room * 8, "the samples");
}

static void release(struct gen *g)
{
    for (int i = 0; g->run && i < g->n; i++) free(g->run[i].history);
    free(g->run);
    free(g->logits);
    free(g->seq);
    free(g->next);
    sampler_free(g->sampler);
}

/* Decodes all unfinished samples together until none is left. */
static int decode_all(struct gen *g, struct gen_stats *stats, struct err *e)
{
    for (;;) {
        int n = 0;
        for (int i = 0; i < g->n; i++) {
            if (g->run[i].done) continue;
            if (sig_stop_requested()) {
                if (finish(g, i, GEN_INTERRUPTED, e)) return -1;
                continue;
            }
            g->seq[n] = i;
            g->next[n++] = g->run[i].history[g->run[i].n_history - 1];
        }
        if (n == 0) return 0;
        if (decoder_step(g->d, n, g->seq, g->next, g->logits, e)) return -1;
        stats->steps++;
        for (int k = 0; k < n; k++)
            if (advance(g, g->seq[k], g->logits + (size_t)k * (size_t)g->vocab, e)) return -1;
    }
}

int gen_decoder_start(int of_model, const struct tokenizer *t, int32_t *start, struct err *e)
{
    *start = of_model >= 0 ? of_model : tok_bos(t) >= 0 ? tok_bos(t) : tok_eos(t);
    if (*start >= 0) return 0;
    return err_set(e, ERR_CONFIG, "the model has no decoder_start and its tokenizer no begin-of-text token");
}

/* An encoder-decoder reads the prompt as its source and begins its text with *start. */
static int take_source(struct gen *g, const int32_t *prompt, int n_prompt, int32_t *start, struct err *e)
{
    if (gen_decoder_start(g->start ? *g->start : decoder_start(g->d), g->t, start, e)) return -1;
    int closing = tok_closing(g->t, prompt, (size_t)n_prompt);
    if (closing < 0) return decoder_source(g->d, 0, prompt, n_prompt, e);
    int32_t *source = mem_alloc((size_t)n_prompt + 1, sizeof *source);
    if (!source) return err_oom(e, (size_t)n_prompt * sizeof *source, "the source");
    memcpy(source, prompt, (size_t)n_prompt * sizeof *source);
    source[n_prompt] = closing;
    int ret = decoder_source(g->d, 0, source, n_prompt + 1, e);
    free(source);
    return ret;
}

int gen_run(const struct gen_model *m, const int32_t *prompt, int n_prompt, int n, const struct gen_params *p,
            uint32_t sequence0, gen_text_fn *on_text, void *arg, struct gen_sample **out,
            struct gen_stats *stats, struct err *e)
{
    struct gen g = {.d = m->d, .t = m->t, .p = p, .start = m->start, .n = n, .vocab = m->vocab, .eos = tok_eos(m->t),
                    .context = m->context, .sequence0 = sequence0, .on_text = on_text, .arg = arg};
    struct gen_sample *s = mem_zalloc((size_t)n, sizeof *s);
    int32_t *joined = NULL;
    int ret = -1;
    if (!s) {
        err_oom(e, (size_t)n * sizeof *s, "the samples");
        goto out;
    }
    if (p->n_past) { /* n_past and n_prompt are below 2^30 */
        joined = mem_alloc((size_t)p->n_past + (size_t)n_prompt, sizeof *joined);
        if (!joined) {
            err_oom(e, (size_t)p->n_past * sizeof *joined, "the prompt");
            goto out;
        }
        memcpy(joined, p->past, (size_t)p->n_past * sizeof *joined);
        if (n_prompt) memcpy(joined + p->n_past, prompt, (size_t)n_prompt * sizeof *joined);
        prompt = joined;
        n_prompt += p->n_past;
    }
    if (n_prompt > g.context) {
        err_set(e, ERR_DATA, "the prompt has %d tokens, more than the context of %d; shorten it or raise --context",
                n_prompt, g.context);
        goto out;
    }
    double start = time_now_s();
    int32_t first;
    int n_read = n_prompt;
    if (decoder_takes_source(g.d)) {
        if (take_source(&g, prompt, n_prompt, &first, e)) goto out;
        prompt = &first;
        n_prompt = 1;
    }
    if (allocate(&g, prompt, n_prompt, s, e)) goto out;
    int read = p->n_past ? decoder_len(g.d, 0) : 0;
    if (!p->n_past) decoder_truncate(g.d, 0, 0);
    if (decoder_prefill(g.d, 0, prompt + read, n_prompt - read, g.logits, DECODE_LAST, e)) goto out;
    for (int i = 1; i < n; i++) decoder_fork(g.d, 0, i);
    double prefilled = time_now_s();
    for (int i = 0; i < n; i++)
        if (advance(&g, i, g.logits, e)) goto out;
    if (decode_all(&g, stats, e)) goto out;
    stats->prefill_s += prefilled - start;
    stats->decode_s += time_now_s() - prefilled;
    stats->prompt_tokens += n_read - read;
    for (int i = 0; i < n; i++) stats->new_tokens += s[i].n_ids;
    *out = s;
    s = NULL;
    ret = 0;
out:
    release(&g);
    free(joined);
    gen_samples_free(s, n);
    return ret;
}
