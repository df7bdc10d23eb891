/* embed: a vector for each text, from the hidden states of a model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cmd/cmd.h"
#include "cmd/docs_opts.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/infer/embed.h"
#include "core/model/saved.h"
#include "core/train/loop.h"
#include "data/doc_run.h"

struct embed_cfg {
    struct opt_common common;
    struct docs_in_opts docs;
    const char *out, *pair_field;
    int pool, dtype, format;
    int64_t batch, max_length;
    bool normalize, head;
};

// clang-format off
static const struct opt opts[] = {
#define C struct embed_cfg
    OPT_GROUP("Embedding"),
    OPT_STR('o', "out", C, out, "FILE", "-", "JSON lines; a NumPy array where the name ends in .npy"),
    OPT_ENUM(0, "pool", C, pool, "mean|cls|last", "mean", "Mean of a text's states, or the first or last one"),
    OPT_BOOL(0, "head", C, head, NULL, "Instead of vectors: labels, values or rewards, by the model's head"),
    OPT_STR(0, "pair-field", C, pair_field, "NAME", NULL, "JSONL: the member that holds a second text, read with the first"),
    OPT_BOOL(0, "normalize", C, normalize, NULL, "Vectors of length 1"),
    OPT_INT(0, "max-length", C, max_length, "N", "0", 0, 10000000, "Cut texts at N tokens; 0 = the context, at most 512"),
    OPT_INT('b', "batch", C, batch, "N", "4096", 1, 1 << 24, "Tokens worked on together"),
    OPT_ENUM(0, "dtype", C, dtype, "auto|bf16|f32", "auto", "Arithmetic; auto = bf16 where the CPU is faster in it"),
    OPT_DOCS_IN(C, docs),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};
// clang-format on

enum { NPY_HEADER = 128 };

struct job {
    const struct embed_cfg *c;
    struct saved_model m;
    int max_length;           /* tokens of a text */
    struct embedder *emb;
    struct tok_scratch *scratch;
    struct tok_encoding enc;
    int32_t *types;           /* of enc's tokens */
    size_t types_cap;
    struct buf second;
    struct file_writer *out;
    bool npy;
    struct buf names, line;   /* ids of the texts taken, each ended by NUL; output */
    float *vectors;
    size_t cap;               /* of vectors, in texts */
    uint64_t n, cut, bad;
};

/* Version 1.0: magic, length, a Python literal padded with spaces. */
static void npy_header(char out[NPY_HEADER], uint64_t rows, int cols)
{
    memset(out, ' ', NPY_HEADER);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (char)(NPY_HEADER - 10);
    out[9] = 0;
    int n = snprintf(out + 10, NPY_HEADER - 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (%llu, %d), }",
                     (unsigned long long)rows, cols);
    out[10 + n] = ' ';
    out[NPY_HEADER - 1] = '\n';
}

/* Numbers a text. */
static int width(const struct job *j)
{
    return j->c->head ? j->m.config.labels : j->m.config.d_model;
}

/* ,"label":"joy","probabilities":[...] by a softmax over the logits; a value or reward has none. */
static void print_scores(struct job *j, const float *z)
{
    const struct model_config *m = &j->m.config;
    bool classes = m->score_loss == LOSS_CE;
    int n = m->labels, best = 0;
    double sum = 0;
    for (int i = 1; i < n; i++)
        if (z[i] > z[best]) best = i;
    for (int i = 0; i < n; i++) sum += exp((double)z[i] - (double)z[best]);
    const char *name = model_label(m, best);
    if (classes) buf_adds(&j->line, ",\"label\":");
    if (classes && name) buf_adds_json(&j->line, name);
    else if (classes) buf_printf(&j->line, "%d", best);
    if (classes) buf_adds(&j->line, ",\"probabilities\":[");
    else buf_adds(&j->line, n == 1 ? ",\"score\":" : ",\"scores\":[");
    for (int i = 0; i < n; i++)
        buf_printf(&j->line, "%s%.9g", i ? "," : "", classes ? exp((double)z[i] - (double)z[best]) / sum : (double)z[i]);
    buf_adds(&j->line, classes || n > 1 ? "]}\n" : "}\n");
}

static void print_vector(struct job *j, const float *v)
{
    buf_adds(&j->line, ",\"embedding\":[");
    for (int k = 0; k < j->m.config.d_model; k++) buf_printf(&j->line, "%s%.9g", k ? "," : "", (double)v[k]);
    buf_adds(&j->line, "]}\n");
}

static int write_vectors(struct job *j, int count, struct err *e)
{
    int C = width(j);
    if (j->npy) return file_write(j->out, j->vectors, (size_t)count * (size_t)C * sizeof *j->vectors, e);
    const char *name = j->names.data;
    for (int i = 0; i < count; i++, name += strlen(name) + 1) {
        const float *v = j->vectors + (int64_t)i * C;
        buf_clear(&j->line);
        buf_printf(&j->line, "{\"id\":%s", name);
        if (j->c->head) print_scores(j, v);
        else print_vector(j, v);
        if (buf_ok(&j->line, e) || file_write(j->out, j->line.data, j->line.len, e)) return -1;
    }
    return 0;
}

static int flush(struct job *j, struct err *e)
{
    int count = embedder_count(j->emb);
    if (!count) return 0;
    if ((size_t)count > j->cap) {
        free(j->vectors);
        j->cap = (size_t)count;
        j->vectors = mem_alloc((size_t)count * (size_t)width(j), sizeof *j->vectors);
        if (!j->vectors) return err_oom(e, (size_t)count * (size_t)width(j) * 4, "embeddings");
    }
    int ret = j->c->head ? embedder_score(j->emb, j->vectors, e)
                         : embedder_run(j->emb, (enum embed_pool)j->c->pool, j->c->normalize, j->vectors, e);
    if (ret || write_vectors(j, count, e)) return -1;
    buf_clear(&j->names);
    j->n += (uint64_t)count;
    return 0;
}

/* The second text of a record, or none. */
static int second_text(struct job *j, const struct doc *d, bool *have, struct err *e)
{
    *have = false;
    if (!j->c->pair_field || !d->extra[0]) return 0;
    struct cJSON *v = json_parse(d->extra[0], d->extra_len[0], j->c->pair_field, NULL, e);
    if (!v) return -1;
    buf_clear(&j->second);
    *have = cJSON_IsString(v);
    if (*have) buf_adds(&j->second, v->valuestring);
    int ret = *have || cJSON_IsNull(v) ? buf_ok(&j->second, e)
                                       : err_set(e, ERR_DATA, "%s:%llu: %s must be a string", d->file ? d->file->name : "?",
                                                 (unsigned long long)d->line_no, j->c->pair_field);
    json_free(v);
    return ret;
}

/* Types of the tokens, where the model has a table for them. */
static int take_types(struct job *j, const int32_t **types, struct err *e)
{
    int known = j->m.config.embed_types;
    *types = NULL;
    if (!known) return 0;
    if (j->enc.ids.n > j->types_cap) {
        int32_t *t = mem_resize(j->types, j->enc.ids.n, sizeof *t);
        if (!t) return err_oom(e, j->enc.ids.n * sizeof *t, "token types");
        j->types = t;
        j->types_cap = j->enc.ids.n;
    }
    for (size_t i = 0; i < j->enc.ids.n; i++) {
        j->types[i] = j->enc.of[i].type;
        if (j->types[i] < 0 || j->types[i] >= known)
            return err_set(e, ERR_DATA, "the tokenizer gives token type %d, the model has %d", (int)j->types[i], known);
    }
    *types = j->types;
    return 0;
}

static int embed_doc(void *arg, const struct doc *d, const char *bad, struct err *e)
{
    struct job *j = arg;
    struct tok_ids *ids = &j->enc.ids;
    bool pair;
    const int32_t *types;
    if (bad) {
        if (j->bad++ == 0) log_warn("%s:%llu: %s", d->file ? d->file->name : "?", (unsigned long long)d->line_no, bad);
        return 0;
    }
    if (second_text(j, d, &pair, e) ||
        tok_encode_pair(j->m.tok, j->scratch, d->text, d->text_len, pair ? buf_text(&j->second) : NULL,
                        pair ? j->second.len : 0, TOK_TEMPLATE, &j->enc, e))
        return -1;
    /* An empty text still has a line: of the token that begins or ends texts. */
    int32_t lone = tok_bos(j->m.tok) >= 0 ? tok_bos(j->m.tok) : tok_eos(j->m.tok) >= 0 ? tok_eos(j->m.tok) : 0;
    const int32_t *from = ids->n ? ids->id : &lone;
    size_t total = ids->n ? ids->n : 1;
    if (take_types(j, &types, e)) return -1;
    if (!ids->n) types = NULL;
    j->cut += total > (size_t)j->max_length;
    int n = total > (size_t)j->max_length ? j->max_length : (int)total;
    if (!embedder_add(j->emb, from, types, n)) {
        if (flush(j, e)) return -1;
        (void)embedder_add(j->emb, from, types, n);
    }
    doc_emit_id(d, &j->names);
    buf_add(&j->names, "", 1);
    return buf_ok(&j->names, e);
}

static int embed_files(struct job *j, const struct doc_files *files, struct err *e)
{
    struct doc_cfg cfg = docs_in_cfg(&j->c->docs);
    struct doc_run_end end;
    cfg.extra[0] = j->c->pair_field;
    int ret = doc_each(files, &cfg, embed_doc, j, &end, e);
    if (ret && e->code == ERR_STOPPED) err_set(e, ERR_STOPPED, "stopped by a signal; nothing was written to a file");
    if (end.n_damaged) log_warn("%s", end.damaged);
    return ret ? ret : flush(j, e);
}

static int open_output(struct job *j, struct err *e)
{
    size_t n = strlen(j->c->out);
    j->npy = n > 4 && strcmp(j->c->out + n - 4, ".npy") == 0;
    if (!(j->out = file_create(j->c->out, 0, e))) return -1;
    char header[NPY_HEADER];
    npy_header(header, 0, width(j));
    return j->npy ? file_write(j->out, header, sizeof header, e) : 0;
}

static int close_output(struct job *j, struct err *e)
{
    char header[NPY_HEADER];
    npy_header(header, j->n, width(j));
    if (j->npy && file_rewrite(j->out, 0, header, sizeof header, e)) return -1;
    struct file_writer *w = j->out;
    j->out = NULL;
    return file_commit(w, e);
}

static int check_model(struct job *j, const char *path, struct err *e)
{
    const struct model_config *m = &j->m.config;
    if (!j->m.tok) return err_set(e, ERR_DATA, "'%s' holds no tokenizer", path);
    j->max_length = j->c->max_length ? (int)j->c->max_length : m->max_pos < 512 ? m->max_pos : 512;
    if (j->max_length > m->max_pos)
        return err_set(e, ERR_USAGE, "--max-length %d is more than the model's context %d", j->max_length, m->max_pos);
    if (j->c->head && !model_scores(m))
        return err_set(e, ERR_CONFIG, "--head: '%s' has no head that tells of whole texts (head.type cls or reward)", path);
    if (j->c->pool == EMBED_CLS && m->stack == STACK_DECODER)
        return err_set(e, ERR_USAGE, "--pool cls: the first token of a decoder sees nothing of the text; take mean or last");
    return 0;
}

/* Of records that are none nobody wants no vectors. */
static int check_any(const struct job *j, struct err *e)
{
    if (j->n || !j->bad) return 0;
    return err_set(e, ERR_DATA, "no good documents in the input, %llu are none; llmctl clean says why",
                   (unsigned long long)j->bad);
}

static int embed(struct job *j, const struct opt_result *r, struct pool *pool, struct err *e)
{
    const struct embed_cfg *c = j->c;
    struct doc_files files = {.v = NULL};
    enum dtype dt = train_arithmetic((enum train_dtype)c->dtype);
    if (saved_open(&j->m, r->args[0], dt, pool, e) || check_model(j, r->args[0], e)) return -1;
    int tokens = c->batch > j->max_length ? (int)c->batch : j->max_length;
    if (!(j->emb = embedder_new(&j->m.config, j->m.params, dt, tokens, j->max_length, pool, e)) ||
        !(j->scratch = tok_scratch_new(j->m.tok, e)) ||
        doc_files_find(&files, r->args + 1, (size_t)r->n_args - 1, DOC_AUTO, e))
        return -1;
    double start = time_now_s();
    int ret = doc_files_spare(&files, &c->out, 1, e) || open_output(j, e) || embed_files(j, &files, e) ||
                      check_any(j, e) || close_output(j, e)
                  ? -1
                  : 0;
    doc_files_free(&files);
    if (ret) return -1;
    if (j->cut) log_warn("%llu texts are longer than %d tokens and were cut", (unsigned long long)j->cut, j->max_length);
    if (j->bad) log_warn("%llu bad records were left out", (unsigned long long)j->bad);
    log_info("%llu vectors of %d in %.2f s", (unsigned long long)j->n, width(j), time_now_s() - start);
    if (!c->common.json) return 0;
    struct buf b = {0};
    buf_printf(&b, "{\"texts\":%llu,\"width\":%d,\"cut\":%llu,\"bad\":%llu}\n", (unsigned long long)j->n,
               width(j), (unsigned long long)j->cut, (unsigned long long)j->bad);
    ret = buf_ok(&b, e) ? -1 : out_write(b.data, b.len, e);
    buf_free(&b);
    return ret;
}

static int run(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct opt_result r;
    struct embed_cfg c = {0};
    struct job j = {.c = &c};
    struct pool *pool = NULL;
    int ret = opt_parse(self, &c, argc, argv, &r, e);
    if (ret || r.exit_now) goto out;
    ret = -1;
    if (r.n_args < 1)
        err_set(e, ERR_USAGE, "name a model: a run directory, a .llmz file or a Hugging Face directory");
    else if (c.common.json && strcmp(c.out, "-") == 0)
        err_set(e, ERR_USAGE, "--json and vectors on stdout exclude each other; give --out");
    else if ((pool = pool_new((int)c.common.threads, e))) ret = embed(&j, &r, pool, e);
out:
    file_abort(j.out);
    embedder_free(j.emb);
    tok_scratch_free(j.scratch);
    tok_encoding_free(&j.enc);
    free(j.types);
    buf_free(&j.second);
    buf_free(&j.names);
    buf_free(&j.line);
    free(j.vectors);
    saved_close(&j.m);
    pool_free(pool);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_embed = {
    .name = "embed",
    .summary = "A vector or a label for each text, from any model",
    .usage = "[options] MODEL [INPUT...]",
    .examples = "  llmctl embed bert-run lines.txt --documents line --normalize >v.jsonl\n"
                "  llmctl embed hf-bert docs.jsonl --pool cls --out vectors.npy\n"
                "  llmctl embed hf-classifier reviews.jsonl --head >labels.jsonl\n",
    .details = "MODEL is a run directory, a .llmz file or a Hugging Face directory; of an\n"
               "encoder-decoder the encoder is taken. INPUT is as for the data commands, none\n"
               "is stdin. A line of the output is {\"id\", \"embedding\"}, in the order of the\n"
               "texts; a .npy file holds the vectors alone, float32 [texts, width].\n"
               "With --head the model is a classifier, a regression or a reward model (such\n"
               "as BertForSequenceClassification), and a line is {\"id\", \"label\",\n"
               "\"probabilities\"} or {\"id\", \"score\"}; a .npy file holds the logits.\n",
    .opts = opts,
    .run = run,
};
