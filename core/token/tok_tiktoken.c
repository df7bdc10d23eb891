/* .tiktoken files: a line a token, its bytes in base64 and its rank, which is
 * also its id.  Any two neighbours whose bytes together are a token merge, the
 * lowest rank first; a word that is a token is taken whole.  The split is not
 * in the file and has to be named. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/gguf_pre.h"
#include "core/token/jlex.h"
#include "core/token/tok_base64.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"

struct lines {
    const char *p, *end, *name;
    size_t no;
};

/* 1: one line's token and rank; 0: the end. */
static int next_line(struct lines *l, struct buf *token, int64_t *rank, struct err *e)
{
    const char *from, *space;
    for (size_t n; tok_next_line(&l->p, l->end, &from, &n);) {
        const char *stop = from + n;
        l->no++;
        while (stop > from && (stop[-1] == '\r' || stop[-1] == ' ')) stop--;
        if (stop == from) continue;
        space = memchr(from, ' ', (size_t)(stop - from));
        if (!space || space == from) return err_set(e, ERR_DATA, "'%s':%zu: a token and a rank are wanted", l->name, l->no);
        buf_clear(token);
        /* Whisper's last token is "=", which Python's decoder takes for no bytes: no text has it. */
        bool empty = space - from == 1 && *from == '=';
        if (!empty && tok_unbase64(from, (size_t)(space - from), token, e))
            return err_wrap(e, "'%s':%zu", l->name, l->no);
        *rank = 0;
        for (const char *d = space + 1; d < stop; d++) {
            if (*d < '0' || *d > '9' || *rank > VOCAB_MAX_ID)
                return err_set(e, ERR_DATA, "'%s':%zu: bad rank", l->name, l->no);
            *rank = *rank * 10 + (*d - '0');
        }
        return 1;
    }
    return 0;
}

/* Lines as they mostly are: base64, a space, a rank.  false: something else is there, or wrong. */
static bool read_plain(struct vocab *v, const char *text, size_t n)
{
    struct bytemap_spelling spelling;
    const char *p = text, *end = text + n;
    size_t len;
    bytemap_spellings(&spelling);
    while (p < end) {
        char *to = vocab_room(v, 4);
        if (!to || !(p = tok_spell_base64(&spelling, p, end, to, &len)) || !len || end - p < 2 || *p != ' ') return false;
        const char *digits = ++p;
        int64_t rank = 0;
        while (p < end && *p >= '0' && *p <= '9' && p - digits < 10) rank = rank * 10 + (*p++ - '0');
        if (p == digits) return false;
        if (p < end && *p == '\r') p++;
        if (p < end && *p++ != '\n') return false;
        if (!vocab_put(v, rank, len, VOCAB_MODEL)) return false;
    }
    return vocab_index(v);
}

static int read_tokens(struct tokenizer *t, const char *text, size_t n, const char *name, struct err *e)
{
    struct lines l = {text, text + n, name, 0};
    struct buf token = {0}, spelled = {0};
    int64_t rank = 0;
    int got;
    while ((got = next_line(&l, &token, &rank, e)) > 0) {
        buf_clear(&spelled);
        bytemap_spell(&spelled, token.data, token.len);
        if (buf_ok(&spelled, e) || vocab_add(&t->vocab, rank, buf_text(&spelled), spelled.len,
                                             VOCAB_MODEL, e)) {
            got = err_wrap(e, "'%s':%zu", name, l.no);
            break;
        }
    }
    buf_free(&token);
    buf_free(&spelled);
    return got;
}

struct merging {
    struct tokenizer *t;
    const int32_t *id;
    struct err *e;
};

static int add_merge(void *arg, size_t k, int left, int right)
{
    const struct merging *m = arg;
    return bpe_add_rank(&m->t->bpe, left, right, m->id[k], (uint32_t)m->id[k], m->e);
}

/* Every way to put a token together from two others is a merge of its rank. */
static int add_merges(struct tokenizer *t, struct err *e)
{
    size_t n = 0;
    int32_t *id = mem_alloc((size_t)t->vocab.n, sizeof *id);
    if (!id) return err_oom(e, (size_t)t->vocab.n * sizeof *id, "merges");
    for (int i = 0; i < t->vocab.n; i++)
        if (t->vocab.v[i].flags & VOCAB_MODEL) id[n++] = i;
    int ret = vocab_cuts(&t->vocab, id, n, add_merge, &(struct merging){t, id, e}, e);
    free(id);
    return ret ? ret : bpe_finish(&t->bpe, e);
}

static int add_special(struct tokenizer *t, const struct cJSON *special, struct err *e)
{
    size_t n = 0;
    if (!special || cJSON_IsNull(special)) return 0;
    if (!cJSON_IsObject(special)) return err_set(e, ERR_DATA, "special tokens must be an object");
    for (const struct cJSON *i = special->child; i; i = i->next) n++;
    t->added = mem_zalloc(n, sizeof *t->added);
    if (!t->added) return err_oom(e, n, "special tokens");
    for (const struct cJSON *i = special->child; i; i = i->next) {
        int64_t id = cJSON_IsNumber(i) && i->valuedouble >= 0 && i->valuedouble <= VOCAB_MAX_ID
                         ? (int64_t)i->valuedouble : -1;
        if (!*i->string) return err_set(e, ERR_DATA, "a special token without text");
        if (vocab_add(&t->vocab, id, i->string, strlen(i->string), VOCAB_ADDED | VOCAB_SPECIAL, e)) return -1;
        struct tok_added *a = &t->added[t->n_added++];
        a->id = (int)id;
        a->special = true;
    }
    for (size_t i = 0; i < t->n_added; i++)
        t->added[i].text = vocab_text(&t->vocab, t->added[i].id, &t->added[i].len);
    return 0;
}

static int steps(struct tokenizer *t, const char *split, struct err *e)
{
    enum split_kind kind = split_from_name(split);
    const char *regex = split_pattern(split);
    if (split_is_regex(split)) {
        regex = split;
        kind = split_from_regex(split);
    }
    if (!regex && kind != SPLIT_NONE)
        return err_set(e, ERR_DATA, "split '%s' is not known: llmctl tokenize train --split list shows all", split);
    if (regex) {
        struct pre_step *s = pre_chain_add(&t->pre, PRE_SPLIT, e);
        if (!s) return -1;
        s->known = kind == SPLIT_N ? SPLIT_NONE : kind;
        if (!(s->re = regex_new(regex, strlen(regex), e))) return -1;
    }
    struct dec_step *d = decode_chain_add(&t->decoder, DEC_BYTE_LEVEL, e);
    t->decoder.bytes = true;
    return d && pre_chain_add(&t->pre, PRE_BYTE_LEVEL, e) ? 0 : -1;
}

/* The split as a name of split.h or an expression: other names are those of tiktoken and of GGUF files. */
static int find_split(struct tokenizer *t, const char *split, const char *name, struct err *e)
{
    struct buf regex = {0};
    int ret = 0;
    const struct gguf_pre *p = split_from_name(split) == SPLIT_N ? gguf_pre_named(split) : NULL;
    if (p && !gguf_pre_expression(p, &regex))
        ret = err_set(e, ERR_DATA, "'%s': the split '%s' is several steps, and ranks are of words that one expression cuts", name, split);
    if (ret == 0) ret = buf_ok(&regex, e);
    if (ret == 0 && p) split = regex.data;
    enum split_kind known = split_from_name(split);
    if (known == SPLIT_N) known = split_from_regex(split);
    if (known != SPLIT_N) split = split_name(known);
    if (ret == 0 && !(t->source_split = mem_strdup(split))) ret = err_oom(e, 1, "a string");
    buf_free(&regex);
    return ret;
}

static int special_id(const struct tokenizer *t, const char *text)
{
    int id = vocab_find(&t->vocab, text, strlen(text));
    return id >= 0 && (t->vocab.v[id].flags & VOCAB_SPECIAL) ? id : -1;
}

static int build(struct tokenizer *t, const char *text, size_t n, const char *split,
                 const struct cJSON *special, const char *name, struct err *e)
{
    t->source = SOURCE_TIKTOKEN;
    t->unk_id = -1;
    t->ignore_merges = true;
    if (!split)
        return err_set(e, ERR_DATA, "'%s': a .tiktoken file does not say how text is split; write "
                                    "FILE.tiktoken:SPLIT with one of %s, another name (llmctl tokenize train --split list), or an expression",
                       name, split_names());
    size_t lines = jlex_count(text, n, '\n') + 1, bytes = n + n / 2; /* no token's spelling is longer than so many */
    if (!vocab_reserve(&t->vocab, lines, bytes)) return err_oom(e, n, "the vocabulary");
    if (find_split(t, split, name, e)) return -1;
    if (!read_plain(&t->vocab, text, n)) {
        vocab_free(&t->vocab); /* again, for what is wrong and where */
        if (read_tokens(t, text, n, name, e)) return -1;
    }
    if (t->vocab.n == 0) return err_set(e, ERR_DATA, "'%s': no tokens", name);
    if (steps(t, t->source_split, e) || add_merges(t, e) || add_special(t, special, e) || tok_finish(t, e)) return -1;
    t->bos = special_id(t, "<s>");
    t->eos = special_id(t, "</s>");
    if (t->eos < 0) t->eos = vocab_find(&t->vocab, "<|endoftext|>", 13);
    buf_add(&t->source_bytes, text, n);
    return buf_ok(&t->source_bytes, e);
}

struct tokenizer *tok_from_tiktoken(const char *text, size_t n, const char *split,
                                    const struct cJSON *special, const char *name, struct err *e)
{
    struct tokenizer *t = mem_zalloc(1, sizeof *t);
    if (!t) {
        err_oom(e, sizeof *t, "a tokenizer");
        return NULL;
    }
    if (build(t, text, n, split, special, name, e) == 0) return t;
    tok_free(t);
    return NULL;
}

int tok_to_ranks(const struct tokenizer *t, struct buf *out, struct err *e)
{
    if (t->model != MODEL_BPE || !t->byte_level || t->n_added)
        return err_set(e, ERR_DATA, "a .tiktoken file holds the ranks of a byte-level BPE without special tokens");
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n;
        const char *s = tok_piece(t, id, &n);
        if (!s) continue;
        if (tok_base64(s, n, out, e)) return -1;
        buf_printf(out, " %d\n", id);
    }
    return buf_ok(out, e);
}
