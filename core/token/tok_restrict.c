#include "core/token/tok_restrict.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/width.h"
#include "core/token/spm_model.h"
#include "core/token/tok_files.h"
#include "core/token/tok_load.h"
#include "core/token/unicode.h"

/* The number that a line says; false: it is none. */
static bool count_of(const char *s, size_t n, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return false;
        if (*out < INT64_MAX / 16) *out = 10 * *out + (s[i] - '0');
    }
    return n > 0;
}

/* A piece as a line spells it; one with a tab or line end is a JSON string there. */
static int piece_of(const struct tokenizer *t, const char *s, size_t n)
{
    int id = vocab_find(&t->vocab, s, n);
    if (id >= 0 || !n || *s != '"') return id;
    struct cJSON *j = cJSON_ParseWithLength(s, n);
    if (cJSON_IsString(j)) id = vocab_find(&t->vocab, j->valuestring, strlen(j->valuestring));
    cJSON_Delete(j);
    return id;
}

/* Marks the pieces that stay; returns how many, or -1. */
static int64_t mark(const struct tokenizer *t, const char *list, size_t n, const char *name, int64_t least, uint8_t *keep, struct err *e)
{
    const char *p = list, *end = list + n, *line;
    int64_t found = 0, count;
    size_t len;
    for (uint64_t no = 1; tok_next_line(&p, end, &line, &len); no++) {
        const char *tab = memchr(line, '\t', len), *stop = tab ? memchr(tab + 1, '\t', len - (size_t)(tab + 1 - line)) : NULL;
        size_t n_piece = tab ? (size_t)(tab - line) : len, n_count = tab ? (size_t)((stop ? stop : line + len) - tab) - 1 : 0;
        if (!len) continue;
        if (tab && !count_of(tab + 1, n_count, &count))
            return err_set(e, ERR_DATA, "'%s', line %llu: '%.*s' is no count; a line is a token, a tab and how often it comes, as "
                                        "tokenize count --by-token writes it", name, (unsigned long long)no, (int)text_fit(tab + 1, n_count, 40), tab + 1);
        if (!tab) count = 1;
        int id = count >= least ? piece_of(t, line, n_piece) : -1;
        if (id < 0 || keep[id]) continue;
        keep[id] = 1;
        found++;
    }
    return found;
}

/* Types as SentencePiece changes them, but that bytes stay bytes: there a list that has them makes texts of them. */
static size_t restrict_types(struct spm_model *m, const uint8_t *keep)
{
    size_t unused = 0;
    for (size_t i = 0; i < m->n; i++) {
        struct spm_piece *p = &m->piece[i];
        if (p->type != SPM_NORMAL && p->type != SPM_UNUSED) continue;
        if (p->type == SPM_NORMAL && p->score < m->lowest) m->lowest = p->score; /* which <unk> is below */
        bool one = uni_next((const uint8_t *)m->text.data + p->off, p->len).len == p->len;
        p->type = one || keep[i] ? SPM_NORMAL : SPM_UNUSED;
        unused += p->type == SPM_UNUSED;
    }
    return unused;
}

/* The model with other types, in a tokenizer like t. */
static struct tokenizer *build(const struct tokenizer *t, struct spm_model *m, const uint8_t *keep, const char *name, size_t *unused, struct err *e)
{
    struct buf file = {0};
    struct tokenizer *out = NULL;
    *unused = restrict_types(m, keep);
    if (spm_model_write(m, &file, e) == 0) out = tok_from_spm_model(m, file.data, file.len, name, e);
    buf_free(&file);
    if (out && tok_add_ends(out, t->adds_bos, t->adds_eos, e)) {
        tok_free(out);
        return NULL;
    }
    return out;
}

struct tokenizer *tok_restricted(const struct tokenizer *t, const char *list, size_t n, const char *name, int64_t least,
                                 size_t *out_of_use, struct err *e)
{
    struct spm_model m;
    struct tok_origin from;
    struct tokenizer *out = NULL;
    tok_origin(t, &from);
    if (t->source != SOURCE_SPM || t->pieces || from.class) {
        err_set(e, ERR_USAGE, "a vocabulary restricts a SentencePiece model: give its .model itself");
        return NULL;
    }
    if (spm_model_read(&m, t->source_bytes.data, t->source_bytes.len, "the model", e)) return NULL;
    uint8_t *keep = mem_zalloc(m.n, 1);
    int64_t found = -1;
    if (m.kind != SPM_UNIGRAM && m.kind != SPM_BPE) err_set(e, ERR_USAGE, "a vocabulary restricts models of unigram and byte pairs");
    else if (!keep) err_oom(e, m.n, "pieces");
    else found = mark(t, list, n, name, least, keep, e);
    if (found > 0) out = build(t, &m, keep, name, out_of_use, e);
    else if (found == 0) err_set(e, ERR_DATA, "'%s' has no token of this model%s", name, least > 1 ? " that comes so often" : "");
    free(keep);
    spm_model_free(&m);
    return out;
}
