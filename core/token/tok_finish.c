/* What is made of a vocabulary when all of a tokenizer has been read. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_border.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_decode.h"
#include "core/token/tok_load.h"
#include "core/token/tok_scratch.h"
#include "core/token/tok_pieces.h"
#include "core/token/tok_runs.h"
#include "core/token/unicode.h"

/* ---- the pre-tokenizer chain ---- */

/* Whether a symbol a byte is all that this model needs: bytes that can be part of
 * UTF-8 have a token, so that nothing is left out or joined to an <unk>. */
static bool takes_bytes(const struct tokenizer *t)
{
    bool all = !tok_has_affixes(t); /* none falls back to <0x..> */
    for (int b = 0; b < 0xF5 && all; b++) {
        char text[4];
        size_t n = (size_t)utf8_encode(bytemap_char((uint8_t)b), text);
        int id = vocab_find(&t->vocab, text, n);
        all = b == 0xC0 || b == 0xC1 || (id >= 0 && (t->vocab.v[id].flags & VOCAB_MODEL));
    }
    return all;
}

/* Whether the normalizer leaves no U+0020: it replaces them, and nothing behind makes one. */
static bool no_spaces_left(const struct norm_chain *c)
{
    for (size_t i = c->n; i-- > 0;) {
        const struct norm_step *s = &c->step[i];
        bool makes = s->kind == NORM_REPLACE || s->kind == NORM_PREPEND ? memchr(s->to, ' ', s->n_to) != NULL : true;
        if (makes) return false;
        if (s->kind == NORM_REPLACE && !s->re && s->n_from == 1 && *s->from == ' ') return true;
    }
    return false;
}

/* Steps that look for spaces where there are none, as in files of Gemma, are left out. */
static void drop_idle_steps(struct tokenizer *t)
{
    bool idle = t->pre.n && no_spaces_left(&t->norm);
    for (size_t i = 0; i < t->pre.n && idle; i++) {
        const struct pre_step *s = &t->pre.step[i];
        bool split = s->kind == PRE_SPLIT && !s->re && s->known == SPLIT_NONE && !s->invert && s->text && s->n_text == 1 && *s->text == ' ';
        idle = split || (s->kind == PRE_METASPACE && s->scheme == SCHEME_NEVER && !s->cut);
    }
    if (idle) pre_chain_free(&t->pre);
}

/* A ByteLevel step that others follow becomes one that cuts and one that spells. */
static int spell_after(struct pre_chain *c, size_t at, struct err *e)
{
    struct pre_step *s = pre_chain_add(c, PRE_BYTE_LEVEL, e);
    if (!s) return -1;
    s = c->step;
    memmove(s + at + 2, s + at + 1, (c->n - at - 2) * sizeof *s);
    s[at + 1] = (struct pre_step){.kind = PRE_BYTE_LEVEL, .spell = true, .behavior = PRE_ISOLATED};
    return 0;
}

/* Finds out whether the model sees bytes; else characters are spelled for it, by each ByteLevel again. */
static int plan_pre(struct tokenizer *t, struct err *e)
{
    struct pre_chain *c = &t->pre;
    size_t at = SIZE_MAX, n_levels = 0, n_spell = 0;
    for (size_t i = 0; i < t->norm.n; i++) n_spell += t->norm.step[i].kind == NORM_BYTE_LEVEL;
    for (size_t i = 0; i < c->n; i++) {
        if (c->step[i].kind == PRE_METASPACE && c->step[i].scheme == SCHEME_FIRST) t->needs_origin = true;
        if (c->step[i].kind != PRE_BYTE_LEVEL) continue;
        n_levels++;
        at = i;
    }
    if (n_levels == 1 && !n_spell && t->model == MODEL_BPE && takes_bytes(t) && pre_see_bytes(c, at + 1)) {
        t->byte_level = t->any_bytes = true; /* the model reads bytes; nothing has to be spelled */
        return 0;
    }
    if (n_levels == 0) return 0;
    t->any_bytes = c->n == 1 && !c->step[0].use_regex && !c->step[0].prefix_space && t->norm.n == 0 && takes_bytes(t);
    for (size_t i = 0; i < c->n; i++)
        if (c->step[i].kind == PRE_BYTE_LEVEL && spell_after(c, i++, e)) return -1;
    return 0;
}

/* A chain that is one known split of bytes, or a rule. */
static int plan_fast(struct tokenizer *t, struct err *e)
{
    struct pre_chain *c = &t->pre;
    const struct pre_step *first = c->step, *last = c->n ? &c->step[c->n - 1] : NULL;
    t->split = SPLIT_NONE;
    if (!t->byte_level) return 0;
    for (size_t i = 0; i < c->n && c->n > 1; i++)
        if (first[i].prefix_space) return 0;
    t->space_first = last->prefix_space;
    if (c->n == 1) {
        t->split = last->use_regex ? SPLIT_GPT2 : SPLIT_NONE;
        t->fast_split = true;
        return 0;
    }
    if (c->n == 2 && first->kind == PRE_SPLIT && first->known != SPLIT_NONE && last->kind == PRE_BYTE_LEVEL && !last->use_regex &&
        pre_keeps_pieces(first)) {
        t->split = first->known;
        t->fast_split = true;
        return 0;
    }
    int found = pre_rule(c, NULL, 0, &t->rule, &c->sets, e);
    t->fast_split = t->by_rule = found > 0;
    return found < 0 ? -1 : 0;
}

/* ---- ids of bytes ---- */

static bool in_model(const struct tokenizer *t, int id)
{
    return id >= 0 && (t->vocab.v[id].flags & VOCAB_MODEL);
}

static void make_byte_ids(struct tokenizer *t)
{
    static const char digits[] = "0123456789ABCDEF";
    for (int b = 0; b < 256; b++) {
        char text[8];
        size_t n;
        if (t->byte_level) {
            n = (size_t)utf8_encode(bytemap_char((uint8_t)b), text);
        } else if (t->byte_fallback) {
            memcpy(text, "<0x..>", 6);
            text[3] = digits[b >> 4];
            text[4] = digits[b & 15];
            n = 6;
        } else {
            text[0] = (char)b;
            n = 1;
        }
        int id = vocab_find(&t->vocab, text, n);
        t->byte_id[b] = in_model(t, id) ? id : -1;
    }
}

/* ---- bytes of tokens ---- */

/* Bytes of text that a symbol covers: its text without prefix and suffix. */
static size_t symbol_covers(const struct tokenizer *t, const char *s, size_t n)
{
    size_t np = t->prefix ? strlen(t->prefix) : 0, ns = t->suffix ? strlen(t->suffix) : 0;
    for (int cut = 3; cut >= 0; cut--) {
        size_t p = cut & 1 ? np : 0, q = cut & 2 ? ns : 0;
        if (((cut & 1) && !np) || ((cut & 2) && !ns) || p + q >= n) continue;
        if ((p && memcmp(s, t->prefix, p)) || (q && memcmp(s + n - q, t->suffix, q))) continue;
        if (uni_next((const uint8_t *)s + p, n - p - q).len == n - p - q) return n - p - q;
    }
    return n;
}

static void make_covers(struct tokenizer *t)
{
    if (!(tok_has_affixes(t) || t->byte_fallback) || t->model != MODEL_BPE || t->byte_level) return;
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n;
        if (t->bytes[id].off == TOK_HOLE) continue;
        const char *s = vocab_text(&t->vocab, id, &n);
        t->bytes[id].covers = (uint32_t)symbol_covers(t, s, n);
    }
    for (int b = 0; t->byte_fallback && b < 256; b++)
        if (t->byte_id[b] >= 0) t->bytes[t->byte_id[b]].covers = 1;
    for (size_t i = 0; i < t->bpe.n_merges; i++) {
        const struct bpe_merge *m = &t->bpe.merge[i];
        if (m->id < t->vocab.n && m->left < t->vocab.n && m->right < t->vocab.n)
            t->bytes[m->id].covers = t->bytes[m->left].covers + t->bytes[m->right].covers;
    }
}

static bool is_merged(const struct bpe *b, int id)
{
    for (size_t i = 0; i < b->n_merges; i++)
        if (b->merge[i].id == id) return true;
    return false;
}

/* The bytes of one id to `to`: what decoders get of it; and how many bytes of text the model's token
 * is, whatever an added token of that text is found as.  Both are mostly the same. */
static void make_bytes_of(const struct tokenizer *t, int id, uint8_t *to, struct tok_bytes *b)
{
    size_t len, n_own;
    const char *own = vocab_text(&t->vocab, id, &n_own), *text = tok_said(t, id, &len);
    long covers = t->byte_level ? bytemap_unspell(own, n_own, to) : -1, n = covers;
    if (!t->byte_level || !t->decoder.bytes || text != own) n = t->decoder.bytes ? bytemap_unspell(text, len, to) : -1;
    if (n < 0) {
        memcpy(to, text, len);
        n = (long)len;
    }
    b->covers = (uint32_t)(covers >= 0 ? (size_t)covers : n_own);
    b->len = (uint32_t)n;
}

static int make_bytes(struct tokenizer *t, struct err *e)
{
    size_t total = t->vocab.pool.len;
    for (size_t i = 0; i < t->n_added; i++) total += t->added[i].form_len;
    t->bytes = mem_zalloc((size_t)t->vocab.n, sizeof *t->bytes);
    t->byte_pool = mem_alloc(total + 16, 1);
    if (!t->bytes || !t->byte_pool) return err_oom(e, total, "token texts");
    size_t used = 0;
    for (int id = 0; id < t->vocab.n; id++) {
        t->bytes[id].off = TOK_HOLE;
        if (!(t->vocab.v[id].flags & VOCAB_USED)) continue;
        make_bytes_of(t, id, (uint8_t *)t->byte_pool + used, &t->bytes[id]);
        t->bytes[id].off = (uint32_t)used;
        used += t->bytes[id].len;
    }
    memset(t->byte_pool + used, 0, 16); /* which may be read */
    make_covers(t);
    t->unk_merged = t->model == MODEL_BPE && t->unk_id >= 0 && is_merged(&t->bpe, t->unk_id);
    return 0;
}

/* ---- tries ---- */

int tok_model_trie(const struct tokenizer *t, struct trie *trie, unsigned without, struct err *e)
{
    struct text_key *keys = mem_alloc((size_t)t->vocab.n, sizeof *keys);
    size_t n = 0;
    for (int id = 0; keys && id < t->vocab.n; id++) {
        if ((t->vocab.v[id].flags & (VOCAB_MODEL | without)) != VOCAB_MODEL) continue;
        size_t len;
        const char *text = vocab_text(&t->vocab, id, &len);
        keys[n++] = (struct text_key){text, (uint32_t)len, id};
    }
    int ret = keys ? trie_build(trie, keys, n, e) : err_oom(e, (size_t)t->vocab.n * sizeof *keys, "a trie");
    free(keys);
    return ret;
}

static int wordpiece_tables(struct tokenizer *t, struct err *e)
{
    if (tok_model_trie(t, &t->trie, t->makes_special ? 0 : VOCAB_SPECIAL, e)) return -1;
    uint32_t node = 0;
    for (const char *p = t->prefix; *p; p++)
        if (!(node = trie_step(&t->trie, node, (uint8_t)*p))) break;
    t->continuing = node;
    t->no_continuing = *t->prefix && node == 0;
    return 0;
}

static void find_unk_score(struct tokenizer *t)
{
    double min = 1e300;
    for (int id = 0; id < t->vocab.n; id++)
        if ((t->vocab.v[id].flags & (VOCAB_MODEL | VOCAB_LATER)) && t->score[id] < min) min = t->score[id];
    t->unk_score = min - 10.0;
}

static int model_tables(struct tokenizer *t, struct err *e)
{
    bool merges = t->byte_level && t->bpe.n_merges;
    tok_leave_merges(t);
    if (merges && (bpe_byte_pairs(&t->bpe, t->byte_id, e) || tok_borders_new(t, &t->borders, e))) return -1;
    if (merges && t->by_rule && t->rule.phrases && tok_joints_new(t, &t->joints, e)) return -1;
    t->rule.joints = t->joints;
    return t->model == MODEL_WORDPIECE && t->source == SOURCE_JSON ? wordpiece_tables(t, e) : 0;
}

/* ---- ends of documents ---- */

static int first_of(const struct tokenizer *t, const char *const *names)
{
    for (; *names; names++) {
        int id = vocab_find(&t->vocab, *names, strlen(*names));
        if (id >= 0 && (t->vocab.v[id].flags & VOCAB_SPECIAL)) return id;
    }
    return -1;
}

/* tokenizer.json does not say which special tokens begin and end a document. */
static void guess_ends(struct tokenizer *t)
{
    static const char *const begin[] = {"<|begin_of_text|>", "<s>", "<bos>", "<|bos|>",
                                        "<|startoftext|>", "[CLS]", NULL};
    static const char *const end[] = {"<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>",
                                      "<|eos|>", "[SEP]", NULL};
    t->bos = first_of(t, begin);
    t->eos = first_of(t, end);
}

/* ---- added tokens ---- */

static bool is_special(const struct tokenizer *t, int id)
{
    return id >= 0 && (t->vocab.v[id].flags & VOCAB_SPECIAL);
}

/* Those that match after normalising match in their own normal form. */
static int make_forms(struct tokenizer *t, struct err *e)
{
    struct norm w = {0};
    int ret = 0;
    for (size_t i = 0; i < t->n_added && ret == 0; i++) {
        struct tok_added *a = &t->added[i];
        if (!a->normalized || t->norm.n == 0) continue;
        int changed = norm_run(&t->norm, &w, a->text, a->len, e);
        if (changed < 0) ret = -1;
        if (changed <= 0) continue;
        if (w.out->text.len == 0) {
            ret = err_set(e, ERR_DATA, "added token '%.*s' has an empty normal form: Hugging Face's programs find that at every "
                                       "byte, and fail at characters of several; set its 'normalized' to false", (int)a->len, a->text);
            break;
        }
        a->form = mem_strndup(w.out->text.data, w.out->text.len);
        a->form_len = w.out->text.len;
        if (!a->form) ret = err_oom(e, a->form_len, "added tokens");
        else if (a->special != is_special(t, vocab_find(&t->vocab, a->form, a->form_len))) t->vocab.v[a->id].flags |= VOCAB_INVERTED;
        t->has_forms = true;
    }
    norm_free(&w);
    return ret;
}

/* Ids whose text is a later one's are special as that is: it is told by the text. */
static void mark_later(struct tokenizer *t)
{
    for (int id = 0; id < t->vocab.n; id++) {
        size_t n;
        if (!(t->vocab.v[id].flags & VOCAB_LATER)) continue;
        const char *s = vocab_text(&t->vocab, id, &n);
        t->vocab.v[id].flags |= t->vocab.v[vocab_find(&t->vocab, s, n)].flags & (VOCAB_SPECIAL | VOCAB_INVERTED);
    }
}

/* What a Replace puts in front of a text comes from nowhere; the engine's steps that go through
 * the original from its beginning pass over it, and write all once more behind. */
static void plan_fronts(struct tokenizer *t)
{
    bool later = false;
    for (size_t i = 0; i < t->pre.n; i++) later = later || t->pre.step[i].kind == PRE_BYTE_LEVEL;
    for (size_t i = t->norm.n; i-- > 0;) {
        struct norm_step *s = &t->norm.step[i];
        s->not_in_front = s->kind == NORM_REPLACE && s->re && s->n_to && later;
        later = later || (s->kind != NORM_REPLACE && s->kind != NORM_STRIP && s->kind != NORM_PREPEND);
    }
}

int tok_finish(struct tokenizer *t, struct err *e)
{
    plan_fronts(t);
    drop_idle_steps(t);
    if (plan_pre(t, e) || plan_fast(t, e)) return -1;
    make_byte_ids(t);
    /* tiktoken does not: it ends where a byte has no token. */
    t->drop_unknown = t->model == MODEL_BPE && t->bpe.n_merges > 0 && !t->lacks_unk && t->source != SOURCE_TIKTOKEN;
    if (t->source == SOURCE_JSON || t->pieces) guess_ends(t);
    if (t->source == SOURCE_JSON && t->model == MODEL_UNIGRAM) find_unk_score(t);
    if (model_tables(t, e)) return -1;
    if (make_forms(t, e)) return -1;
    if (t->model == MODEL_UNIGRAM) mark_later(t);
    if (make_bytes(t, e) || tok_wholes_new(t, e) || tok_matcher_init(&t->raw, t->added, t->n_added, NULL, false, e) ||
        tok_matcher_init(&t->normalized, t->added, t->n_added, NULL, true, e) || tok_runs_new(t, &t->runs, e))
        return -1;
    if (tok_matcher_twins(&t->normalized))
        t->note = "two added tokens have one normal form: Hugging Face's programs find either, at random; here it is the first of the file";
    if (t->pieces) return 0; /* its models have found their ways */
    t->cache_words = t->pre.n > 0 && !t->fast_split && tok_symbols_most(t, 1) == 2;
    return tok_fast_init(t, e);
}

static void free_near(struct tokenizer *t)
{
    tok_matcher_free(&t->near_match);
    free(t->near);
    t->near = NULL;
}

int tok_finish_again(struct tokenizer *t, struct err *e)
{
    free(t->borders);
    free(t->joints);
    t->borders = NULL;
    t->joints = NULL;
    free_near(t);
    tok_fast_free(t->fast);
    t->fast = NULL;
    trie_free(&t->trie);
    unigram_trie_free(t->by_bytes);
    t->by_bytes = NULL;
    if (t->bpe.n_merges && bpe_restore(&t->bpe, e)) return -1;
    return model_tables(t, e) || tok_fast_init(t, e) ? -1 : 0;
}

void tok_free(struct tokenizer *t)
{
    if (!t) return;
    vocab_free(&t->vocab);
    bpe_free(&t->bpe);
    free(t->borders);
    free(t->wholes);
    free(t->joints);
    tok_runs_free(t->runs);
    tok_matcher_free(&t->raw);
    tok_matcher_free(&t->normalized);
    free_near(t);
    norm_chain_free(&t->norm);
    norm_chain_free(&t->denorm);
    pre_chain_free(&t->pre);
    decode_chain_free(&t->decoder);
    trie_free(&t->trie);
    unigram_trie_free(t->by_bytes);
    trie_free(&t->user);
    trie_free(&t->symbols);
    tok_fast_free(t->fast);
    for (int p = 0; p < N_PARTS; p++) free(t->part[p]);
    for (size_t i = 0; i < t->n_added; i++) free(t->added[i].form);
    buf_free(&t->source_bytes);
    free(t->source_split);
    free(t->file);
    free(t->unk_text);
    free(t->prefix);
    free(t->suffix);
    free(t->symbol_id);
    free(t->score);
    free(t->single.v);
    free(t->pair.v);
    free(t->bare.v);
    free(t->bare_pair.v);
    free(t->target[0].v);
    free(t->target[1].v);
    free(t->trim);
    free(t->added);
    free(t->bytes);
    free(t->byte_pool);
    tok_laters_free(t->laters);
    tok_pieces_free(t->pieces);
    free(t);
}
