#include "cmd/data_args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "data/shard.h"

#define MAX_TEXT ((size_t)64 << 30)

static bool is_shards(const char *path)
{
    return file_is_dir(path) || str_ends_with(path, ".tok");
}

/* Text may begin like JSON or HTML; what else is known is none. */
static int check_text(const char *path, struct err *e)
{
    struct file_map m;
    if (file_map(&m, path, e)) return e->code == ERR_NOINPUT && file_exists(path) ? 0 : -1; /* a pipe */
    const char *kind = file_kind(m.data, m.size);
    bool other = kind && strcmp(kind, "JSON") != 0 && !strstr(kind, "HTML");
    if (other && m.size) err_set(e, ERR_DATA, "'%s' holds neither tokens nor text, it is %s", path, kind);
    else if (other) err_set(e, ERR_DATA, "'%s' is empty", path);
    file_unmap(&m);
    return other ? -1 : 0;
}

static struct tokset *open_text(const char *path, const struct tokenizer *t, struct err *e)
{
    static const char *const documents[] = {".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".gz", ".zst"};
    struct buf text = {0};
    struct tokset *s = NULL;
    if (!file_exists(path)) {
        err_errno(e, ENOENT, "opening", path);
        return NULL;
    }
    for (size_t i = 0; i < COUNT_OF(documents); i++)
        if (str_ends_with(path, documents[i])) {
            err_set(e, ERR_USAGE, "'%s' holds documents, not tokens", path);
            err_hint(e, "run llmctl tokenize encode '%s' --tokenizer FILE --out data.tok first", path);
            return NULL;
        }
    if (check_text(path, e)) return NULL;
    if (!t) {
        err_set(e, ERR_USAGE, "'%s' is text, which needs a tokenizer", path);
        err_hint(e, "give --tokenizer FILE, or make token shards with llmctl tokenize encode");
        return NULL;
    }
    if (!file_read_all(path, MAX_TEXT, &text, e)) {
        if (text.len == 0) err_set(e, ERR_DATA, "'%s' is empty", path);
        else if ((s = tokset_text(t, text.data, text.len, e)) == NULL) err_wrap(e, "'%s'", path);
    }
    buf_free(&text);
    return s;
}

static int append(struct data_sets *s, struct tokset *set, double weight, struct err *e)
{
    struct data_set *v = set ? mem_resize(s->v, s->n + 1, sizeof *v) : NULL;
    if (!v) {
        tokset_free(set);
        return set ? err_oom(e, s->n + 1, "inputs") : -1;
    }
    s->v = v;
    s->v[s->n++] = (struct data_set){set, weight};
    return 0;
}

int data_sets_add_blank(struct data_sets *s, int vocab, size_t n, struct err *e)
{
    struct shard_meta m = {.vocab = vocab, .bos = -1, .eos = -1};
    int32_t *ids = mem_zalloc(n, sizeof *ids);
    uint16_t *lengths = mem_zalloc((size_t)vocab, sizeof *lengths);
    m.lengths = lengths;
    int ret = ids && lengths ? append(s, tokset_ids(ids, n, 0, &m, e), 0, e)
                             : err_oom(e, n * sizeof *ids, "tokens of a plan");
    free(ids);
    free(lengths);
    return ret;
}

int data_sets_add(struct data_sets *s, const char *arg, bool weighted, const struct tokenizer *t, struct err *e)
{
    const char *colon = weighted ? strrchr(arg, ':') : NULL;
    double weight = 0;
    if (colon) {
        char *end;
        weight = strtod(colon + 1, &end);
        if (end == colon + 1 || *end || !(weight > 0 && weight < 1e9))
            return err_set(e, ERR_USAGE, "--data %s: '%s' is not a weight above 0", arg, colon + 1);
    } else if (weighted) {
        return err_set(e, ERR_USAGE, "--data %s: want PATH:WEIGHT", arg);
    }
    char *path = colon ? mem_strndup(arg, (size_t)(colon - arg)) : mem_strdup(arg);
    if (!path) return err_oom(e, strlen(arg), "inputs");
    const char *const paths[] = {path};
    struct tokset *set = is_shards(path) ? tokset_open(paths, 1, e) : open_text(path, t, e);
    free(path);
    return append(s, set, weight, e);
}

void data_sets_free(struct data_sets *s)
{
    for (size_t i = 0; i < s->n; i++) tokset_free(s->v[i].set);
    free(s->v);
    memset(s, 0, sizeof *s);
}

int data_sets_check(const struct data_sets *s, uint64_t tok_hash, struct err *e)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct tokset_info *in = tokset_get_info(s->v[i].set);
        if (in->tok_hash != tok_hash) {
            char a[17], b[17];
            hash64_hex(in->tok_hash, a);
            hash64_hex(tok_hash, b);
            return err_set(e, ERR_CONFIG, "input %zu was made with another tokenizer (%s, not %s)", i + 1, a, b);
        }
        if ((s->v[i].weight > 0) != (s->v[0].weight > 0))
            return err_set(e, ERR_USAGE, "give weights for all inputs (--data PATH:WEIGHT) or for none");
    }
    return 0;
}

void data_sets_tokenizer(const struct data_sets *s, struct buf *json)
{
    struct err ignored;
    for (size_t i = 0; i < s->n; i++)
        if (!tokset_tokenizer(s->v[i].set, json, &ignored)) return;
}

void data_sets_lineage(const struct data_sets *s, struct buf *json)
{
    buf_addc(json, '[');
    for (size_t i = 0; i < s->n; i++) {
        const struct tokset_info *in = tokset_get_info(s->v[i].set);
        char id[17], tok[17];
        hash64_hex(in->id, id);
        hash64_hex(in->tok_hash, tok);
        buf_printf(json, "%s{\"stage\":\"tokenize\",\"content\":\"%s\",\"tokenizer\":\"%s\"}", i ? "," : "", id, tok);
    }
    buf_addc(json, ']');
}

struct batch_source *data_sets_source(const struct data_sets *s, double from, double to, uint64_t seed,
                                      enum loader_order order, bool concat, struct err *e)
{
    struct loader_part *p = mem_zalloc(s->n, sizeof *p);
    if (!p) {
        err_oom(e, s->n * sizeof *p, "inputs");
        return NULL;
    }
    for (size_t i = 0; i < s->n; i++)
        p[i] = (struct loader_part){.set = s->v[i].set, .weight = s->v[i].weight, .from = from, .to = to};
    struct loader_cfg c = {.parts = p, .n_parts = s->n, .seed = seed, .order = order, .concat = concat};
    struct batch_source *src = loader_new(&c, e);
    free(p);
    return src;
}
