/* Byte pairs by ranks (tiktoken) and by a list of merges (tokenizer.json): when
 * one is the other.
 *
 * A token is only ever made of two others in one way.  Whatever stands around
 * it, the merges inside its bytes happen in the order in which they would if its
 * bytes stood alone: each was the best of all pairs, leftmost among equals, so it
 * was the best of those inside, too.  Until the last one nothing has crossed its
 * ends, so what is merged last are the two symbols that its bytes alone come to.
 * So byte pairs are the same as those with one merge a token, that of its own
 * bytes, in the same order; ranks as well as lists come down to such a list, and
 * two tokenizers with the same vocabulary and the same list are the same.  A
 * token that its bytes do not come to is made by no merge, only by a word that
 * is taken whole (ignore_merges, and tiktoken). */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/width.h"
#include "core/token/bytemap.h"
#include "core/token/tok_base64.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"
#include "core/token/tok_members.h"
#include "core/token/tok_scratch.h"

enum { LONGEST = 8192 }; /* bytes of a token's spelling: its merges are found by scanning */

struct owns {
    struct bpe_merge *v; /* [n], by rank; the tokens that are made */
    size_t n;
    bool all;            /* every token of more than a byte is */
};

static int by_rank(const void *a, const void *b)
{
    const struct bpe_merge *x = a, *y = b;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

/* Merges ids[0..n) until two are left; false when they do not come to that. */
static bool down_to_two(const struct bpe *b, int32_t *ids, size_t n, uint32_t *rank)
{
    for (size_t i = 0; i + 1 < n; i++) rank[i] = bpe_rank(b, ids[i], ids[i + 1]);
    while (n > 2) {
        size_t at = 0;
        for (size_t i = 1; i + 1 < n; i++)
            if (rank[i] < rank[at]) at = i;
        if (rank[at] == BPE_NO_RANK) return false;
        ids[at] = b->made[rank[at]];
        n--;
        memmove(ids + at + 1, ids + at + 2, (n - at - 1) * sizeof *ids);
        memmove(rank + at, rank + at + 1, (n - at - 1) * sizeof *rank);
        if (at > 0) rank[at - 1] = bpe_rank(b, ids[at - 1], ids[at]);
        if (at + 1 < n) rank[at] = bpe_rank(b, ids[at], ids[at + 1]);
    }
    return n == 2 && rank[0] != BPE_NO_RANK;
}

/* The symbols of a token's bytes; *n = 0 where it is no spelled bytes. */
static int symbols_of(const struct tokenizer *t, int id, uint8_t *bytes, int32_t *ids, size_t *n, struct err *e)
{
    size_t len;
    const char *text = vocab_text(&t->vocab, id, &len);
    *n = 0;
    if (len > LONGEST) return err_set(e, ERR_DATA, "token %d has more than %d bytes", id, LONGEST);
    if (!t->byte_level) return tok_symbols(t, (const uint8_t *)text, len, 0, ids, n, e);
    long k = bytemap_unspell(text, len, bytes);
    return k > 0 ? tok_symbols(t, bytes, (size_t)k, 0, ids, n, e) : 0;
}

/* A token of the model that bytes can become: no special one, which only has its place there. */
static bool is_rank(const struct tokenizer *t, int id)
{
    return (t->vocab.v[id].flags & (VOCAB_MODEL | VOCAB_SPECIAL)) == VOCAB_MODEL;
}

static int own_merges(const struct tokenizer *t, struct owns *o, struct err *e)
{
    uint8_t *bytes = mem_alloc(LONGEST, 1);
    size_t most = tok_symbols_most(t, LONGEST);
    int32_t *ids = mem_alloc(most, sizeof *ids);
    uint32_t *rank = mem_alloc(most, sizeof *rank);
    int ret = 0;
    *o = (struct owns){.v = mem_alloc((size_t)t->vocab.n, sizeof *o->v), .all = true};
    if (!bytes || !ids || !rank || !o->v) ret = err_oom(e, (size_t)t->vocab.n * sizeof *o->v, "merges");
    for (int id = 0; ret == 0 && id < t->vocab.n; id++) {
        size_t len, n;
        if (!is_rank(t, id)) continue;
        vocab_text(&t->vocab, id, &len);
        ret = symbols_of(t, id, bytes, ids, &n, e);
        if (ret || n == 1) continue;
        if (n && down_to_two(&t->bpe, ids, n, rank))
            o->v[o->n++] = (struct bpe_merge){ids[0], ids[1], id, rank[0]};
        else if (len) o->all = false;
    }
    if (ret == 0) qsort(o->v, o->n, sizeof *o->v, by_rank);
    free(bytes);
    free(ids);
    free(rank);
    return ret;
}

int tok_reaches_all(const struct tokenizer *t, bool *yes, struct err *e)
{
    struct owns o;
    int ret = own_merges(t, &o, e);
    *yes = ret == 0 && o.all;
    free(o.v);
    return ret;
}

/* ---- ranks as a tokenizer.json ---- */

static int first_missing_byte(const struct tokenizer *t)
{
    int b = 0;
    while (b < 256 && t->byte_id[b] >= 0) b++;
    return b;
}

static void add_steps(struct buf *out, const struct tokenizer *t)
{
    static const char bytes[] = TOK_BYTE_LEVEL(false, true, false);
    const char *regex = split_pattern(t->source_split);
    if (!regex && strcmp(t->source_split, "none") != 0) regex = t->source_split;
    buf_adds(out, "\"normalizer\":null,\n\"pre_tokenizer\":");
    if (regex) tok_split_bytes_json(out, regex);
    else buf_adds(out, bytes);
    buf_printf(out, ",\n\"post_processor\":null,\n\"decoder\":%s,\n", bytes);
}

/* Special tokens in front of others have a place in the vocabulary: else the programs that read
 * the file number them behind it. */
static void add_model(struct buf *out, const struct tokenizer *t, const struct owns *o)
{
    const char *separator = "\n";
    int end = t->vocab.n;
    while (end && !is_rank(t, end - 1)) end--;
    buf_adds(out, "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,\"continuing_subword_prefix\":null,"
                  "\"end_of_word_suffix\":null,\"fuse_unk\":false,\"byte_fallback\":false,\"ignore_merges\":true,\n\"vocab\":{");
    for (int id = 0; id < t->vocab.n; id++) {
        if (!is_rank(t, id) && (id >= end || !(t->vocab.v[id].flags & VOCAB_ADDED))) continue;
        buf_adds(out, separator);
        tok_text_json(out, &t->vocab, id);
        tok_add_id(out, id);
        separator = ",\n";
    }
    buf_adds(out, "},\n");
    tok_pairs_json(out, &t->vocab, o->v, o->n);
    buf_addc(out, '}');
}

int tok_ranks_model(const struct tokenizer *t, struct buf *out, struct err *e)
{
    struct owns o;
    int ret = own_merges(t, &o, e);
    if (ret == 0) add_model(out, t, &o);
    free(o.v);
    return ret ? ret : buf_ok(out, e);
}

int tok_ranks_as_json(const struct tokenizer *t, struct buf *out, struct err *e)
{
    int missing = first_missing_byte(t);
    if (missing < 256)
        return err_set(e, ERR_DATA, "no token for the byte 0x%02x: a tokenizer.json would leave it out of a text without a word",
                       (unsigned)missing);
    buf_adds(out, "{\"version\":\"1.0\",\n\"truncation\":null,\n\"padding\":null,\n");
    tok_added_tokens_json(t, out);
    add_steps(out, t);
    if (tok_ranks_model(t, out, e)) return -1;
    buf_adds(out, "}\n");
    return buf_ok(out, e);
}

/* ---- a tokenizer.json as ranks ---- */

static const char *unfit(const struct tokenizer *t)
{
    if (t->source != SOURCE_JSON || t->model != MODEL_BPE || !t->byte_level || t->decoder.n != 1 || !t->decoder.bytes)
        return "ranks are of byte-level byte pairs";
    if (first_missing_byte(t) < 256) return "not every byte has a token";
    if (tok_has_affixes(t)) return "ranks have no affixes of subwords";
    if (t->norm.n) return "ranks are of text that nothing normalizes";
    if (t->single.n > 1 || t->pair.n > 2) return "nothing says what stands around a text";
    if (t->limits.truncate || t->limits.pads) return "there is no place for truncation and padding";
    for (size_t i = 0; i < t->n_added; i++) {
        const struct tok_added *a = &t->added[i];
        if (!a->special || a->lstrip || a->rstrip || a->single_word)
            return "its added tokens are more than special tokens beside the vocabulary";
    }
    if (tok_added_cross(t)) return "some of its special tokens are found before others that begin in front of them";
    for (size_t i = 0; i < t->bpe.n_merges; i++) {
        const struct bpe_merge *m = &t->bpe.merge[i];
        if (!is_rank(t, m->left) || !is_rank(t, m->right) || !is_rank(t, m->id)) return "a special token has a part in a merge";
    }
    return NULL;
}

static char *copy_split(const char *s, struct err *e)
{
    char *copy = mem_strdup(s);
    if (!copy) err_oom(e, strlen(s), "a split");
    return copy;
}

/* The split of the chain, as tok_from_tiktoken() takes it; caller frees.  NULL: it is another chain, or no memory. */
static char *split_of(const struct tokenizer *t, struct err *e)
{
    const struct pre_chain *p = &t->pre;
    const struct pre_step *bytes = p->n ? &p->step[p->n - 1] : NULL;
    err_set(e, ERR_DATA, "text is cut by more than one regex, or not by one");
    if (!bytes || p->n > 2 || bytes->kind != PRE_BYTE_LEVEL || bytes->prefix_space) return NULL;
    if (p->n == 1) return copy_split(bytes->use_regex ? "gpt2" : "none", e);
    if (bytes->use_regex || p->step[0].kind != PRE_SPLIT || p->step[0].behavior != PRE_ISOLATED || p->step[0].invert) return NULL;
    struct cJSON *root = json_parse(t->part[PART_PRE], strlen(t->part[PART_PRE]), "pre_tokenizer", NULL, e);
    const struct cJSON *list = json_member(root, "pretokenizers"), *first = list ? list->child : NULL;
    while (json_member(first, "pretokenizers")) first = json_member(first, "pretokenizers")->child;
    const char *regex = json_text_or(json_member(first, "pattern"), "Regex", NULL);
    char *split = regex ? copy_split(regex, e) : NULL;
    json_free(root);
    return split;
}

static int add_lines(const struct tokenizer *t, struct buf *out, struct err *e)
{
    struct buf bytes = {0};
    int ret = 0;
    for (int id = 0; ret == 0 && id < t->vocab.n; id++) {
        size_t n;
        if (!is_rank(t, id)) continue;
        const char *s = vocab_text(&t->vocab, id, &n);
        buf_clear(&bytes);
        if (!buf_reserve(&bytes, n + 1)) break;
        long k = bytemap_unspell(s, n, (uint8_t *)bytes.data);
        if (k < 0) ret = err_set(e, ERR_DATA, "token %d is not spelled bytes", id);
        else if (k == 0) buf_addc(out, '=');
        else ret = tok_base64(bytes.data, (size_t)k, out, e);
        buf_printf(out, " %d\n", id);
    }
    if (ret == 0) ret = buf_ok(&bytes, e);
    buf_free(&bytes);
    return ret ? ret : buf_ok(out, e);
}

static struct cJSON *specials(const struct tokenizer *t)
{
    struct cJSON *out = cJSON_CreateObject();
    for (size_t i = 0; out && i < t->n_added; i++) {
        char *text = mem_strndup(t->added[i].text, t->added[i].len);
        if (!text || !cJSON_AddNumberToObject(out, text, t->added[i].id)) {
            cJSON_Delete(out);
            out = NULL;
        }
        free(text);
    }
    return out;
}

static int same_owns(const struct tokenizer *a, const struct tokenizer *b, struct err *e)
{
    struct owns x = {0}, y = {0};
    int ret = own_merges(a, &x, e) || own_merges(b, &y, e) ? -1 : 0;
    size_t i = 0;
    while (ret == 0 && i < x.n && i < y.n && x.v[i].left == y.v[i].left && x.v[i].right == y.v[i].right) i++;
    if (ret == 0 && (i < x.n || i < y.n)) {
        size_t n;
        int id = i < x.n ? x.v[i].id : y.v[i].id;
        const char *s = vocab_text(&a->vocab, id, &n);
        ret = err_set(e, ERR_DATA, "its merges are not in the order of the ids that they make: the first that is not makes token %d, '%.*s'",
                      id, (int)text_fit(s, n, 40), s);
    } else if (ret == 0 && !a->ignore_merges && !x.all) {
        ret = err_set(e, ERR_DATA, "a word that is a token is taken whole by ranks, but not by this tokenizer, whose merges do not "
                                   "make every token");
    }
    free(x.v);
    free(y.v);
    return ret;
}

struct tokenizer *tok_as_ranks(const struct tokenizer *t, struct err *e)
{
    const char *why = unfit(t);
    struct buf lines = {0};
    struct tokenizer *r = NULL;
    if (why) {
        err_set(e, ERR_DATA, "%s", why);
        return NULL;
    }
    char *split = split_of(t, e);
    if (!split) return NULL;
    struct cJSON *special = specials(t);
    if (!special) err_oom(e, t->n_added, "special tokens");
    else if (add_lines(t, &lines, e) == 0)
        r = tok_from_tiktoken(buf_text(&lines), lines.len, split, special, "the ranks", e);
    if (r && same_owns(t, r, e)) {
        tok_free(r);
        r = NULL;
    }
    cJSON_Delete(special);
    buf_free(&lines);
    free(split);
    return r;
}
