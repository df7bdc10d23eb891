/* explain: the arithmetic of positions, attention, architectures, experts and
 * preferences on the user's own words. */
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/infer/explain.h"
#include "core/infer/generate.h"
#include "core/token/closing.h"

static const char *const default_words[] = {"the", "cat", "sat", "on", "the", "mat"};

/* The operands as words: one operand with blanks is cut at them. */
struct words {
    const char **v;
    char *text;
    int n;
};

static int take_words(struct words *w, const struct opt_result *r, struct err *e)
{
    if (!r->n_args) {
        *w = (struct words){(const char **)default_words, NULL, (int)COUNT_OF(default_words)};
        return 0;
    }
    struct buf all = {0};
    for (int i = 0; i < r->n_args; i++) buf_printf(&all, "%s%s", i ? " " : "", r->args[i]);
    *w = (struct words){.v = mem_zalloc(all.len / 2 + 2, sizeof *w->v), .text = buf_steal(&all)};
    if (!w->v || !w->text) return err_oom(e, 1024, "the words");
    for (char *s = strtok(w->text, " \t\n"); s; s = strtok(NULL, " \t\n")) w->v[w->n++] = s;
    if (w->n < 2 || w->n > 200) return err_set(e, ERR_USAGE, "%d words; two to 200 can be shown", w->n);
    return 0;
}

static void free_words(struct words *w)
{
    if (w->v != (const char **)default_words) free(w->v);
    free(w->text);
}

static int print(struct buf *b, int ret, struct err *e)
{
    if (!ret) ret = buf_ok(b, e) || out_write(b->data, b->len, e) ? -1 : 0;
    buf_free(b);
    return ret;
}

/* What is shown is for reading; a picture as JSON would be another thing. */
static int not_json(const struct opt_common *c, struct err *e)
{
    return c->json ? err_set(e, ERR_USAGE, "--json is not supported yet: pictures and tables come as text") : 0;
}

/* ---- positions ---- */

struct positions_opts {
    struct opt_common common;
    int encoding;
    int64_t query, dim, heads, clip, buckets, max_distance;
    double theta;
    bool both;
};
static const struct opt positions_opts[] = {
#define C struct positions_opts
    OPT_GROUP("Example"),
    OPT_ENUM('e', "encoding", C, encoding, "all|sinusoidal|learned|rope|alibi|shaw|t5", "all", "Which one to show"),
    OPT_INT(0, "query", C, query, "N", NULL, 0, 199, "The word that looks, from 0 (default: the last)"),
    OPT_BOOL(0, "both", C, both, NULL, "It sees both sides, as in an encoder"),
    OPT_INT(0, "dim", C, dim, "N", "8", 2, 512, "Width of a head, or of the added vectors"),
    OPT_INT(0, "heads", C, heads, "N", "4", 1, 256, "ALiBi: heads"),
    OPT_F64(0, "theta", C, theta, "X", "10000", 1, 1e9, "RoPE: base of the frequencies"),
    OPT_INT(0, "clip", C, clip, "N", "2", 1, 1000, "Shaw: distance beyond which all are one"),
    OPT_INT(0, "buckets", C, buckets, "N", "32", 2, 1000, "T5: buckets"),
    OPT_INT(0, "max-distance", C, max_distance, "N", "128", 2, 100000, "T5: distance of the last bucket"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

static int run_positions(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct opt_result r;
    struct positions_opts o = {0};
    struct words w = {0};
    struct buf b = {0};
    int ret = opt_parse(self, &o, argc, argv, &r, e);
    if (ret || r.exit_now || (ret = not_json(&o.common, e))) goto out;
    ret = take_words(&w, &r, e);
    int query = opt_is_set(self, &r, "query") ? (int)o.query : w.n - 1;
    if (!ret && query >= w.n) ret = err_set(e, ERR_USAGE, "--query %d: there are words 0 to %d", query, w.n - 1);
    if (!ret && o.dim % 2)
        ret = err_set(e, ERR_USAGE, "--dim %lld is odd; rotations and sines come in pairs", (long long)o.dim);
    if (ret) goto out;
    struct explain_positions p = {w.v, w.n, query, (enum explain_encoding)o.encoding, (int)o.dim, (int)o.heads, (int)o.clip,
                                  (int)o.buckets, (int)o.max_distance, o.theta, !o.both};
    ret = print(&b, explain_positions(&p, &b, e), e);
out:
    free_words(&w);
    opt_free(&r);
    return ret;
}

static const struct cmd cmd_positions = {
    .name = "explain positions",
    .summary = "What each position encoding adds to which score",
    .usage = "[options] [WORDS...]",
    .examples = "  llmctl explain positions\n"
                "  llmctl explain positions \"a small example of mine\" --encoding rope --dim 64\n"
                "  llmctl explain positions --encoding t5 --both --query 2\n",
    .opts = positions_opts,
    .run = run_positions,
};

/* ---- architectures ---- */

struct architectures_opts {
    struct opt_common common;
    int64_t source;
};
static const struct opt architectures_opts[] = {
#define C struct architectures_opts
    OPT_GROUP("Example"),
    OPT_INT(0, "source", C, source, "N", NULL, 1, 199, "Words that are given: the source, or the prefix (default: half)"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

static int run_architectures(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct opt_result r;
    struct architectures_opts o = {0};
    struct words w = {0};
    struct buf b = {0};
    int ret = opt_parse(self, &o, argc, argv, &r, e);
    if (ret || r.exit_now || (ret = not_json(&o.common, e))) goto out;
    ret = take_words(&w, &r, e);
    int source = o.source ? (int)o.source : w.n / 2;
    if (!ret && source >= w.n) ret = err_set(e, ERR_USAGE, "--source %d of %d words leaves none to write", source, w.n);
    if (ret) goto out;
    explain_architectures(w.v, w.n, source, &b);
    ret = print(&b, 0, e);
out:
    free_words(&w);
    opt_free(&r);
    return ret;
}

static const struct cmd cmd_architectures = {
    .name = "explain architectures",
    .summary = "Who sees whom in each kind of model",
    .usage = "[options] [WORDS...]",
    .examples = "  llmctl explain architectures\n"
                "  llmctl explain architectures \"guten Morgen good morning\" --source 2\n",
    .opts = architectures_opts,
    .run = run_architectures,
};

/* ---- dpo ---- */

struct dpo_opts {
    struct opt_common common;
    double beta;
    int64_t steps;
};
static const struct opt dpo_opts[] = {
#define C struct dpo_opts
    OPT_GROUP("Example"),
    OPT_F64(0, "beta", C, beta, "X", "1", 0.05, 100, "How much it costs to leave the reference"),
    OPT_INT(0, "steps", C, steps, "N", "1000", 1, 100000, "Steps of gradient descent"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

static int run_dpo(const struct cmd *self, int argc, char **argv, struct err *e)
{
    static const char *const answers[] = {"helpful", "short", "vague", "rude"};
    struct opt_result r;
    struct dpo_opts o = {0};
    struct words w = {0};
    struct buf b = {0};
    int ret = opt_parse(self, &o, argc, argv, &r, e);
    if (ret || r.exit_now || (ret = not_json(&o.common, e))) goto out;
    if (r.n_args) ret = take_words(&w, &r, e);
    struct explain_dpo d = {r.n_args ? w.v : answers, r.n_args ? w.n : (int)COUNT_OF(answers), (int)o.steps, o.beta};
    if (!ret && d.n > EXPLAIN_DPO_MOST)
        ret = err_set(e, ERR_USAGE, "%d answers; two to %d can be shown", d.n, EXPLAIN_DPO_MOST);
    if (ret) goto out;
    explain_dpo(&d, &b);
    ret = print(&b, 0, e);
out:
    free_words(&w);
    opt_free(&r);
    return ret;
}

static const struct cmd cmd_dpo = {
    .name = "explain dpo",
    .summary = "Why preferences of pairs are enough to train on",
    .usage = "[options] [ANSWERS...]",
    .examples = "  llmctl explain dpo\n"
                "  llmctl explain dpo --beta 0.5 \"precise right wrong\"\n",
    .details = "Answers are words, the best first: each is worth one more than the next, and\n"
               "the reference gives the worst most often. All numbers are computed: the best\n"
               "model by its formula, the learned one by gradient descent on comparisons.\n",
    .opts = dpo_opts,
    .run = run_dpo,
};

/* ---- attention, moe: a model and a text ---- */

struct lens_opts {
    struct opt_common common;
    int64_t layer, head;
    const char *svg, *target;
    bool all, cross;
};

struct lens_side {
    int32_t *id;
    int n;
    char **label;
};

struct lens {
    struct saved_model m;
    struct pool *pool;
    struct lens_side text, target;
    struct lens_result res;
};

static void free_side(struct lens_side *s)
{
    explain_labels_free(s->label, s->n);
    free(s->id);
}

static void lens_close(struct lens *l)
{
    free_side(&l->text);
    free_side(&l->target);
    lens_result_free(&l->res);
    saved_close(&l->m);
    pool_free(l->pool);
}

/* The ids, between first and last where these are not negative. */
static int take_side(const struct lens *l, struct lens_side *s, int first, const struct tok_ids *ids, int last, struct err *e)
{
    enum { MOST = 400 };
    if (ids->n > MOST) return err_set(e, ERR_USAGE, "the text has %zu tokens; up to %d can be shown", ids->n, MOST);
    if (!(s->id = mem_alloc(ids->n + 2, sizeof *s->id))) return err_oom(e, ids->n * sizeof *s->id, "the text");
    if (first >= 0) s->id[s->n++] = first;
    for (size_t i = 0; i < ids->n; i++) s->id[s->n++] = ids->id[i];
    if (last >= 0) s->id[s->n++] = last;
    s->label = explain_labels(l->m.tok, s->id, s->n);
    return s->label ? 0 : err_oom(e, (size_t)s->n * sizeof *s->label, "labels");
}

/* The text as the model reads it: an encoder-decoder's source is closed, its target begins with a token of its own. */
static int take_text(struct lens *l, const char *text, const char *target, struct err *e)
{
    bool two = l->m.config.stack == STACK_ENCDEC;
    struct tok_ids ids = {0};
    int32_t start;
    int ret = gen_encode_prompt(l->m.tok, text, strlen(text), &ids, e);
    if (!ret) ret = take_side(l, &l->text, -1, &ids, two ? tok_closing(l->m.tok, ids.id, ids.n) : -1, e);
    if (!ret && target) {
        ids.n = 0;
        ret = gen_encode_more(l->m.tok, target, strlen(target), TOK_TARGET, &ids, e);
        if (!ret) ret = gen_decoder_start(l->m.config.decoder_start, l->m.tok, &start, e);
        if (!ret) ret = take_side(l, &l->target, start, &ids, -1, e);
    }
    tok_ids_free(&ids);
    return ret;
}

static int lens_open(struct lens *l, const struct lens_opts *o, const struct opt_result *r, bool experts, struct err *e)
{
    if (r->n_args != 2) return err_set(e, ERR_USAGE, "want a model and a text");
    if (!(l->pool = pool_new((int)o->common.threads, e)) || saved_open(&l->m, r->args[0], DT_F32, l->pool, e)) return -1;
    if (!l->m.tok) return err_set(e, ERR_CONFIG, "'%s' has no tokenizer; the text cannot be read", l->m.path);
    if (take_text(l, r->args[1], o->target, e)) return -1;
    struct lens_text t = {.ids = l->text.id, .n = l->text.n, .target = l->target.id, .n_target = l->target.n,
                          .cross = o->cross};
    return (experts ? lens_run_experts : lens_run_attention)(&l->m, &t, (int)o->layer, l->pool, &l->res, e);
}

static const struct opt attention_opts[] = {
#define C struct lens_opts
    OPT_GROUP("Example"),
    OPT_INT(0, "layer", C, layer, "N", "0", 0, 1000, "Layer, from 0"),
    OPT_INT(0, "head", C, head, "N", "0", 0, 1000, "Head, from 0"),
    OPT_BOOL(0, "all", C, all, NULL, "Every head of the layer"),
    OPT_STR(0, "target", C, target, "TEXT", NULL, "Encoder-decoder: what the decoder writes; its layers are shown"),
    OPT_BOOL(0, "cross", C, cross, NULL, "How the target looks at the text, not at itself"),
    OPT_STR(0, "svg", C, svg, "FILE", NULL, "Also draw the head as an SVG file"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

static int run_attention(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct opt_result r;
    struct lens_opts o = {0};
    struct lens l = {0};
    struct buf b = {0}, svg = {0};
    int ret = opt_parse(self, &o, argc, argv, &r, e);
    if (ret || r.exit_now || (ret = not_json(&o.common, e))) goto out;
    if ((ret = lens_open(&l, &o, &r, false, e))) goto out;
    if (o.head >= l.res.heads) {
        ret = err_set(e, ERR_USAGE, "--head %lld: the layer has heads 0 to %d", (long long)o.head, l.res.heads - 1);
        goto out;
    }
    size_t matrix = (size_t)l.res.n * (size_t)l.res.seen;
    struct explain_head a = {.row = (o.target ? l.target : l.text).label, .n = l.res.n, .seen = l.res.seen,
                             .col = (o.target && !o.cross ? l.target : l.text).label, .layer = (int)o.layer};
    for (a.head = o.all ? 0 : (int)o.head; a.head < (o.all ? l.res.heads : (int)o.head + 1); a.head++) {
        a.P = l.res.attention + (size_t)a.head * matrix;
        explain_attention_text(&a, &b);
        if (o.all) buf_addc(&b, '\n');
    }
    if (o.svg) {
        a.head = (int)o.head;
        a.P = l.res.attention + (size_t)a.head * matrix;
        explain_attention_svg(&a, &svg);
        ret = buf_ok(&svg, e) ? -1 : file_write_all(o.svg, svg.data, svg.len, e);
    }
    ret = print(&b, ret, e);
out:
    buf_free(&svg);
    lens_close(&l);
    opt_free(&r);
    return ret;
}

static const struct cmd cmd_attention = {
    .name = "explain attention",
    .summary = "What the heads of a model look at in a text",
    .usage = "[options] MODEL TEXT",
    .examples = "  llmctl explain attention run \"The cat sat on the mat because it was tired\"\n"
                "  llmctl explain attention run \"what light\" --layer 2 --head 3 --svg head.svg\n"
                "  llmctl explain attention hf-dir \"a b c a b\" --layer 1 --all\n"
                "  llmctl explain attention t5 \"guten Morgen\" --target \"good morning\" --cross\n",
    .details = "Attention, for each token i: its query q_i is compared with the key k_j of\n"
               "every token j it may see, score_ij = q_i.k_j / sqrt(d) (and what the position\n"
               "encoding adds); softmax makes shares of the scores, p_ij = e^score_ij / sum;\n"
               "the token takes that mixture of values, sum_j p_ij v_j. Shown are the p_ij.\n"
               "\n"
               "Heads of today. Keys and values for each head: BERT, GPT-2, T5. Shared by\n"
               "groups of heads: Llama 3, Qwen3, Mistral, Gemma 3, gpt-oss. Made from a short\n"
               "vector (mla): DeepSeek-V2 and -V3, Kimi K2. Only a window in most layers:\n"
               "Gemma 2 and 3, gpt-oss, ModernBERT, OLMo 3. A logit that takes attention and\n"
               "gives nothing (sink): gpt-oss. Norms on q and k: Qwen3, Gemma 3, OLMo 2. Soft\n"
               "caps on scores: Gemma 2.\n"
               "\n"
               "Of an encoder-decoder the encoder's layers are shown, with --target those of\n"
               "its decoder. A layer of the decoder attends twice: to what it has written so\n"
               "far, and (--cross) to the encoder's output for every token of the source; there\n"
               "queries come from the target, keys and values from the source.\n",
    .opts = attention_opts,
    .run = run_attention,
};

static const struct opt moe_opts[] = {
#define C struct lens_opts
    OPT_GROUP("Example"),
    OPT_INT(0, "layer", C, layer, "N", "0", 0, 1000, "Layer, from 0"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

static int run_moe(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct opt_result r;
    struct lens_opts o = {0};
    struct lens l = {0};
    struct buf b = {0};
    int ret = opt_parse(self, &o, argc, argv, &r, e), experts;
    if (ret || r.exit_now || (ret = not_json(&o.common, e))) goto out;
    if ((ret = lens_open(&l, &o, &r, true, e))) goto out;
    model_moe_layers(&l.m.config, &experts);
    explain_experts(&l.res, l.text.label, (int)o.layer, experts, &b);
    ret = print(&b, 0, e);
out:
    lens_close(&l);
    opt_free(&r);
    return ret;
}

static const struct cmd cmd_moe = {
    .name = "explain moe",
    .summary = "Which experts the tokens of a text go to",
    .usage = "[options] MODEL TEXT",
    .examples = "  llmctl explain moe run \"The cat sat on the mat\" --layer 1\n",
    .details = "A layer with experts has many feed-forward parts and a router, one more small\n"
               "matrix: its scores choose a few experts for each token, and their outputs are\n"
               "added with the weights shown here. Only those run, so the parameters grow\n"
               "without the arithmetic. A loss during training keeps the load even, or a bias\n"
               "that rises for experts with little to do; without them a few experts take all.\n"
               "\n"
               "Of today's models, experts and how many a token takes: Mixtral 8, 2; OLMoE 64,\n"
               "8; Qwen3-30B-A3B 128, 8; DeepSeek-V3 256, 8 and a shared one; gpt-oss 32 or\n"
               "128, 4; Kimi K2 384, 8. Scores: softmax over all (Mixtral, Qwen3, OLMoE),\n"
               "sigmoids with a bias (DeepSeek-V3, GLM-4.5), softmax of the chosen (gpt-oss,\n"
               "Granite). Dense: Llama 3, Gemma 3, OLMo 3 and most models below ten billion\n"
               "parameters.\n",
    .opts = moe_opts,
    .run = run_moe,
};

static const struct cmd *const subs[] = {&cmd_positions, &cmd_attention, &cmd_architectures, &cmd_moe, &cmd_dpo, NULL};

const struct cmd cmd_explain = {
    .name = "explain",
    .summary = "Show the arithmetic of models on your own words",
    .usage = "COMMAND [options]",
    .examples = "  llmctl explain positions \"the cat sat on the mat\"\n"
                "  llmctl explain attention run \"the cat sat on the mat\" --svg head.svg\n"
                "  llmctl explain architectures\n"
                "  llmctl explain dpo\n"
                "  llmctl explain moe run \"the cat sat on the mat\"\n",
    .subs = subs,
};
