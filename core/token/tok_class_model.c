/* The model of a class of tok_class_table.c: the files of its vocabulary. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/tok_class.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_lists.h"
#include "core/token/tok_load.h"
#include "core/token/tok_members.h"
#include "core/token/unicode.h"

static int add_word(struct class_build *b, int64_t id, const char *s, size_t n, struct err *e)
{
    return vocab_add(&b->vocab, id, s, n, VOCAB_MODEL, e) ? err_wrap(e, "'%s'", b->file) : 0;
}

int class_read_file(const struct class_build *b, const char *name, char **path, struct buf *out, struct err *e)
{
    *path = path_join(b->dir, name);
    if (!*path) return err_oom(e, strlen(b->dir), "a path");
    if (!file_exists(*path)) return err_set(e, ERR_NOINPUT, "'%s': no %s, from which %s is made", b->dir, name, b->c->name);
    return file_read_all(*path, CLASS_MAX_FILE, out, e);
}

/* ---- vocab.txt; vocab.json and merges.txt ---- */

static int words(struct class_build *b, const struct buf *text, struct err *e)
{
    if (tok_read_words(&b->vocab, buf_text(text), text->len, true, b->file, e)) return -1;
    if (b->c->steps == STEPS_LETTERS) {
        buf_adds(&b->model, "\"model\":{\"type\":\"WordLevel\"");
        tok_string_json(&b->model, "unk_token", class_unk(b));
        buf_addc(&b->model, ',');
        tok_vocab_json(&b->model, &b->vocab, VOCAB_USED);
        buf_addc(&b->model, '}');
    } else {
        tok_wordpiece_json(&b->model, &b->vocab, class_unk(b));
    }
    return buf_ok(&b->model, e);
}

static int merges(struct class_build *b, const struct buf *text, struct err *e)
{
    bool ended = b->c->steps == STEPS_CLIP || b->c->steps == STEPS_OPENAI || b->c->steps == STEPS_HERBERT;
    if (!(b->merges_file = tok_merges_beside(b->file))) return err_oom(e, 1, "a path");
    if (tok_read_ids(&b->vocab, buf_text(text), text->len, b->file, e) ||
        file_read_all(b->merges_file, CLASS_MAX_FILE, &b->merges, e))
        return -1;
    buf_adds(&b->model, "\"model\":{\"type\":\"BPE\"");
    tok_string_json(&b->model, "unk_token", ended ? class_unk(b) : NULL);
    buf_printf(&b->model, ",\"continuing_subword_prefix\":\"\",\"end_of_word_suffix\":\"%s\",\"fuse_unk\":false,\"byte_fallback\":false,",
               ended ? "</w>" : "");
    tok_vocab_json(&b->model, &b->vocab, VOCAB_USED);
    buf_adds(&b->model, ",\"merges\":[]}");
    return buf_ok(&b->model, e);
}

/* ---- bytes ---- */

static int byte_words(struct class_build *b, struct err *e)
{
    static const enum class_name first[] = {NAME_PAD, NAME_BOS, NAME_EOS, NAME_UNK, NAME_MASK, NAME_CLS, NAME_SEP};
    char text[4];
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        const char *s = b->name[first[i]].text ? b->name[first[i]].text : b->c->names[first[i]];
        if (b->c->names[first[i]] && add_word(b, b->vocab.n, s, strlen(s), e)) return -1;
    }
    for (int byte = 0; byte < 256; byte++)
        if (add_word(b, b->vocab.n, text, (size_t)utf8_encode(bytemap_char((uint8_t)byte), text), e)) return -1;
    buf_adds(&b->model, "\"model\":{\"type\":\"BPE\",\"unk_token\":null,\"merges\":[],");
    tok_vocab_json(&b->model, &b->vocab, VOCAB_USED);
    buf_addc(&b->model, '}');
    return buf_ok(&b->model, e);
}

/* ---- SentencePiece's pieces ---- */

static int add_scored(struct class_build *b, const char *s, size_t n, double score, struct err *e)
{
    if (add_word(b, b->vocab.n, s, n, e)) return -1;
    if (!mem_room(&b->score, &b->cap_score, (size_t)b->vocab.n, sizeof *b->score))
        return err_oom(e, (size_t)b->vocab.n * sizeof *b->score, "scores");
    b->score[b->vocab.n - 1] = score;
    return 0;
}

static int add_text(struct class_build *b, const char *s, struct err *e)
{
    return add_scored(b, s, strlen(s), 0, e);
}

static int add_pieces(struct class_build *b, size_t from, struct err *e)
{
    int ret = 0;
    for (size_t i = from, n; ret == 0 && i < b->spm.n; i++) {
        const char *s = spm_piece_text(&b->spm, i, &n);
        ret = add_scored(b, s, n, (double)b->spm.piece[i].score, e);
    }
    return ret;
}

static const char *named(const struct class_build *b, enum class_name k, const char *otherwise)
{
    return b->name[k].text ? b->name[k].text : otherwise;
}

static int fairseq(struct class_build *b, struct err *e)
{
    const char *first = b->name[NAME_BOS].text ? b->name[NAME_BOS].text : named(b, NAME_CLS, "<s>");
    if (add_text(b, first, e) || add_text(b, named(b, NAME_PAD, "<pad>"), e) || add_text(b, named(b, NAME_EOS, "</s>"), e) ||
        add_text(b, class_unk(b), e) || add_pieces(b, 3, e))
        return -1;
    for (const char *const *l = b->c->languages; l && *l; l++)
        if (add_text(b, *l, e)) return -1;
    return add_text(b, named(b, NAME_MASK, "<mask>"), e);
}

static int camembert(struct class_build *b, struct err *e)
{
    return add_text(b, "<s>NOTUSED", e) || add_text(b, named(b, NAME_PAD, "<pad>"), e) || add_text(b, "</s>NOTUSED", e) ||
                   add_text(b, class_unk(b), e) || add_scored(b, "<unk>NOTUSED", 12, -100, e) || add_pieces(b, 1, e) ||
                   add_text(b, named(b, NAME_MASK, "<mask>"), e)
               ? -1 : 0;
}

/* "<what_i>" */
static int add_numbered(struct class_build *b, const char *what, int64_t i, double score, struct err *e)
{
    struct buf name = {0};
    buf_printf(&name, "<%s_%lld>", what, (long long)i);
    int ret = buf_ok(&name, e) || add_scored(b, name.data, name.len, score, e) ? -1 : 0;
    buf_free(&name);
    return ret;
}

static int t5(struct class_build *b, struct err *e)
{
    int ret = add_pieces(b, 0, e);
    for (int64_t i = class_number(b, "extra_ids", 100); ret == 0 && i-- > 0;) ret = add_numbered(b, "extra_id", i, 0, e);
    return ret;
}

static int pegasus(struct class_build *b, struct err *e)
{
    const struct cJSON *sent = json_member(b->config, "mask_token_sent");
    const char *mask = class_says(b, "mask_token") ? b->name[NAME_MASK].text : "<mask_1>";
    const char *other = !sent ? "<mask_2>" : cJSON_IsString(sent) ? sent->valuestring : NULL;
    if (add_text(b, named(b, NAME_PAD, "<pad>"), e) || add_text(b, named(b, NAME_EOS, "</s>"), e) || (mask && add_text(b, mask, e)) ||
        (other && (!mask || strcmp(mask, other)) && add_text(b, other, e)))
        return -1;
    for (int64_t i = 2; i < class_number(b, "offset", 103); i++)
        if (add_numbered(b, "unk", i, -100, e)) return -1;
    return add_pieces(b, 2, e);
}

static int nllb(struct class_build *b, struct err *e)
{
    if (add_text(b, named(b, NAME_BOS, "<s>"), e) || add_text(b, named(b, NAME_PAD, "<pad>"), e) ||
        add_text(b, named(b, NAME_EOS, "</s>"), e) || add_text(b, class_unk(b), e))
        return -1;
    for (size_t i = 0, n; i < b->spm.n; i++) {
        const char *s = spm_piece_text(&b->spm, i, &n);
        if (vocab_find(&b->vocab, s, n) < 0 && add_scored(b, s, n, 0, e)) return -1;
    }
    return 0;
}

static int seamless(struct class_build *b, struct err *e)
{
    static const char *const first[] = {"<unk>", "<s>", "</s>"};
    for (size_t i = 0, n; i < COUNT_OF(first); i++) {
        const char *s = i < b->spm.n ? spm_piece_text(&b->spm, i, &n) : "";
        if (i >= b->spm.n || n != strlen(first[i]) || memcmp(s, first[i], n) != 0)
            return err_set(e, ERR_DATA, "'%s': piece %zu is not '%s', as %s takes it to be", b->file, i, first[i], b->c->name);
    }
    return add_text(b, "<pad>", e) || add_pieces(b, 0, e) ? -1 : 0;
}

static int find_unk(struct class_build *b, struct err *e)
{
    b->unk_id = b->c->unk >= 0 ? b->c->unk : b->spm.unk_id;
    if (b->c->unk == UNK_BY_NAME) {
        int id = vocab_find(&b->vocab, class_unk(b), strlen(class_unk(b)));
        bool zero = id >= 0 && (b->c->layout == IDS_CAMEMBERT || b->score[id] == 0);
        if (zero) b->unk_id = id;
        else if (b->c->steps == STEPS_BIGBIRD) b->unk_id = 100;
        else if (b->c->layout == IDS_PEGASUS) b->unk_id = -1;
        else if (b->c->layout == IDS_CAMEMBERT) b->unk_id = 0;
    }
    if (b->unk_id >= 0 && b->unk_id < b->vocab.n) return 0;
    return err_set(e, ERR_DATA, "'%s': no piece for what is unknown (%s), which %s needs", b->file, class_unk(b), b->c->name);
}

static int unigram(struct class_build *b, struct err *e)
{
    int ret = -1;
    switch (b->c->layout) {
    case IDS_AS_THEY_ARE: ret = add_pieces(b, 0, e); break;
    case IDS_FAIRSEQ: ret = fairseq(b, e); break;
    case IDS_CAMEMBERT: ret = camembert(b, e); break;
    case IDS_T5: ret = t5(b, e); break;
    case IDS_PEGASUS: ret = pegasus(b, e); break;
    case IDS_NLLB:
    case IDS_SEAMLESS:
    case IDS_BARTPHO:
    case IDS_PLBART: break;
    }
    if (ret || find_unk(b, e)) return -1;
    buf_printf(&b->model, "\"model\":{\"type\":\"Unigram\",\"unk_id\":%d,\"byte_fallback\":%s,", b->unk_id,
               b->c->source == FROM_ANY && b->spm.byte_fallback ? "true" : "false");
    tok_scored_json(&b->model, &b->vocab, VOCAB_MODEL, b->score);
    buf_addc(&b->model, '}');
    return buf_ok(&b->model, e);
}

/* ---- byte pairs of pieces ---- */

static bool is_part(const struct class_build *b, const char *s, size_t n, bool any)
{
    int id = vocab_find(&b->vocab, s, n);
    return id >= 0 && (any || ((size_t)id < b->spm.n && b->spm.piece[id].type == SPM_NORMAL));
}

/* Every pair of tokens that makes this one, the shortest left one first. */
static void add_pairs(struct class_build *b, const char *s, size_t n, bool any, size_t *count)
{
    for (size_t left = uni_next((const uint8_t *)s, n).len; left < n; left += uni_next((const uint8_t *)s + left, n - left).len) {
        if (!is_part(b, s, left, any) || !is_part(b, s + left, n - left, any)) continue;
        buf_adds(&b->model, (*count)++ ? ",\n" : "\n");
        tok_pair_json(&b->model, s, left, s + left, n - left);
    }
}

struct by_score {
    float score;
    int id;
};

static int better(const void *x, const void *y)
{
    const struct by_score *p = x, *q = y;
    if (p->score != q->score) return p->score > q->score ? -1 : 1;
    return (p->id > q->id) - (p->id < q->id);
}

/* The order of merges: of ids, or (as SentencePiece itself) of scores. */
static int add_ranked(struct class_build *b, bool scores, struct err *e)
{
    size_t count = 0, n_v = 0, n;
    struct by_score *v = mem_alloc(b->spm.n, sizeof *v);
    if (!v) return err_oom(e, b->spm.n, "merges");
    for (size_t i = 0; i < b->spm.n; i++)
        if (!scores || b->spm.piece[i].type == SPM_NORMAL) v[n_v++] = (struct by_score){scores ? b->spm.piece[i].score : 0, (int)i};
    if (scores) qsort(v, n_v, sizeof *v, better);
    for (size_t i = 0; i < n_v; i++) {
        const char *s = b->c->source == FROM_ANY ? vocab_text(&b->vocab, v[i].id, &n) : spm_piece_text(&b->spm, (size_t)v[i].id, &n);
        add_pairs(b, s, n, !scores, &count);
    }
    free(v);
    return 0;
}

/* other[i] = the name of piece i in added_tokens_decoder. */
static const char **other_names(const struct class_build *b, struct err *e)
{
    const struct cJSON *names = json_member(b->config, "added_tokens_decoder");
    const char **other = mem_zalloc(b->spm.n, sizeof *other);
    if (!other) err_oom(e, b->spm.n * sizeof *other, "names of pieces");
    for (const struct cJSON *i = other && names ? names->child : NULL; i; i = i->next) {
        const struct cJSON *content = json_member(i, "content");
        char *end;
        unsigned long id = i->string ? strtoul(i->string, &end, 10) : b->spm.n;
        if (id < b->spm.n && !*end && cJSON_IsString(content) && *content->valuestring) other[id] = content->valuestring;
    }
    return other;
}

/* Pieces that only keep a place get the names of added_tokens_decoder, if no other piece has it. */
static int rename_pieces(struct class_build *b, struct err *e)
{
    const char **other = other_names(b, e);
    struct vocab kept = {0};
    int ret = other ? 0 : -1;
    for (size_t i = 0, n; ret == 0 && i < b->spm.n; i++) {
        const char *s = spm_piece_text(&b->spm, i, &n);
        if (!other[i]) ret = vocab_add(&kept, (int64_t)i, s, n, 0, e) ? err_wrap(e, "'%s'", b->file) : 0;
    }
    for (size_t i = 0, n; ret == 0 && i < b->spm.n; i++) {
        const char *s = spm_piece_text(&b->spm, i, &n);
        bool rename = other[i] && vocab_find(&kept, other[i], strlen(other[i])) < 0;
        ret = rename ? add_word(b, (int64_t)i, other[i], strlen(other[i]), e) : add_word(b, (int64_t)i, s, n, e);
    }
    vocab_free(&kept);
    free(other);
    return ret;
}

static int pairs(struct class_build *b, struct err *e)
{
    bool any = b->c->source == FROM_ANY, bytes = any ? b->spm.byte_fallback : b->c->steps == STEPS_LLAMA || b->c->steps == STEPS_GEMMA;
    bool user = false;
    int ret = any ? rename_pieces(b, e) : b->c->layout == IDS_NLLB ? nllb(b, e) : b->c->layout == IDS_SEAMLESS ? seamless(b, e) : add_pieces(b, 0, e);
    if (ret) return -1;
    for (size_t i = 0; i < b->spm.n; i++) user = user || b->spm.piece[i].type == SPM_USER;
    buf_adds(&b->model, "\"model\":{\"type\":\"BPE\",\"unk_token\":");
    if (any) {
        size_t n;
        if (b->spm.unk_id < 0 || (size_t)b->spm.unk_id >= b->spm.n) return err_set(e, ERR_DATA, "'%s': no unknown piece", b->file);
        const char *s = spm_piece_text(&b->spm, (size_t)b->spm.unk_id, &n);
        buf_add_json(&b->model, s, n);
    } else {
        buf_adds_json(&b->model, b->c->steps == STEPS_LLAMA ? NULL : class_unk(b));
    }
    buf_printf(&b->model, ",\"fuse_unk\":true,\"byte_fallback\":%s,\"ignore_merges\":%s,", bytes ? "true" : "false", any && user ? "true" : "false");
    tok_vocab_json(&b->model, &b->vocab, VOCAB_USED);
    buf_adds(&b->model, ",\n\"merges\":[");
    ret = add_ranked(b, any, e);
    buf_adds(&b->model, "]}");
    return ret ? ret : buf_ok(&b->model, e);
}

/* ---- ranks, in a file that ends in .model ---- */

static int rank_file(struct class_build *b, const struct buf *text, struct err *e)
{
    struct tokenizer *t = tok_from_tiktoken(text->data, text->len, "llama3", NULL, b->file, e);
    int ret = t ? 0 : -1;
    b->ranks = true;
    for (int id = 0; ret == 0 && id < t->vocab.n; id++) {
        size_t n;
        if (!(t->vocab.v[id].flags & VOCAB_USED)) continue;
        const char *s = vocab_text(&t->vocab, id, &n);
        ret = add_word(b, id, s, n, e);
    }
    if (ret == 0) ret = tok_ranks_model(t, &b->model, e);
    tok_free(t);
    return ret;
}

/* ---- the whole ---- */

static int model_file(struct class_build *b, const struct buf *text, struct err *e)
{
    enum tok_kind kind = tok_kind_of(buf_text(text), text->len, b->file);
    if (kind == KIND_TIKTOKEN) return rank_file(b, text, e);
    if (spm_model_read(&b->spm, buf_text(text), text->len, b->file, e)) return -1;
    bool uni = b->spm.kind == SPM_UNIGRAM;
    if (b->c->source == FROM_BPE) return pairs(b, e);
    if (!uni && b->spm.kind != SPM_BPE) return err_set(e, ERR_DATA, "'%s': a model of words or characters, which %s has no place for", b->file, b->c->name);
    if (b->c->source == FROM_UNIGRAM && !uni)
        return err_set(e, ERR_DATA, "'%s': byte pairs, whose scores %s would take for those of unigram", b->file, b->c->name);
    return uni ? unigram(b, e) : pairs(b, e);
}

int class_model(struct class_build *b, struct err *e)
{
    struct buf text = {0};
    if (b->c->source == FROM_BYTES) return byte_words(b, e);
    if (b->c->source == FROM_PIECES) return class_pieces_model(b, e);
    int ret = file_read_all(b->file, CLASS_MAX_FILE, &text, e);
    if (ret == 0) {
        switch (b->c->source) {
        case FROM_WORDS: ret = words(b, &text, e); break;
        case FROM_MERGES: ret = merges(b, &text, e); break;
        default: ret = model_file(b, &text, e); break;
        }
    }
    buf_free(&text);
    return ret;
}
