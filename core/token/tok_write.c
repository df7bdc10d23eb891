/* tokenizer.json out. */
#include "core/base/hash.h"
#include "core/token/score_text.h"
#include "core/token/tok_base64.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"
#include "core/token/tok_members.h"
#include "core/token/tok_pieces.h"

void tok_added_tokens_json(const struct tokenizer *t, struct buf *out)
{
    buf_adds(out, "\"added_tokens\":[");
    for (size_t i = 0; i < t->n_added; i++) {
        const struct tok_added *a = &t->added[i];
        unsigned flags = (a->single_word ? ADDED_SINGLE_WORD : 0) | (a->lstrip ? ADDED_LSTRIP : 0) | (a->rstrip ? ADDED_RSTRIP : 0) |
                         (a->normalized ? ADDED_NORMALIZED : 0) | (a->special ? ADDED_SPECIAL : 0);
        buf_adds(out, i ? ",\n" : "\n");
        tok_added_json(out, a->id, a->text, a->len, flags);
    }
    buf_adds(out, "],\n");
}

static void write_part(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, "\"%s\":", key);
    buf_adds(out, text ? text : "null");
    buf_adds(out, ",\n");
}

static void write_vocab(struct buf *out, const struct tokenizer *t)
{
    buf_adds(out, ",\n");
    tok_vocab_json(out, &t->vocab, VOCAB_MODEL);
}

static void write_bpe(struct buf *out, const struct tokenizer *t)
{
    char dropout[32] = "null";
    if (t->dropout > 0) score_print(t->dropout, dropout, sizeof dropout);
    buf_printf(out, "\"BPE\",\"dropout\":%s,\"unk_token\":", dropout);
    if (t->unk_id >= 0) tok_text_json(out, &t->vocab, t->unk_id);
    else buf_adds_json(out, t->lacks_unk ? t->unk_text : NULL);
    tok_string_json(out, "continuing_subword_prefix", t->prefix);
    tok_string_json(out, "end_of_word_suffix", t->suffix);
    tok_bool_json(out, "fuse_unk", t->fuse_unk);
    tok_bool_json(out, "byte_fallback", t->byte_fallback);
    tok_bool_json(out, "ignore_merges", t->ignore_merges);
    write_vocab(out, t);
    buf_adds(out, ",\n");
    tok_pairs_json(out, &t->vocab, t->bpe.merge, t->bpe.n_merges);
}

static void write_unigram(struct buf *out, const struct tokenizer *t)
{
    buf_adds(out, "\"Unigram\",\"unk_id\":");
    if (t->unk_id >= 0) buf_printf(out, "%d", t->unk_id);
    else buf_adds(out, "null");
    tok_bool_json(out, "byte_fallback", t->byte_fallback);
    buf_adds(out, ",\n");
    tok_scored_json(out, &t->vocab, VOCAB_MODEL | VOCAB_LATER, t->score);
}

static void write_model(struct buf *out, const struct tokenizer *t)
{
    buf_adds(out, "\"model\":{\"type\":");
    switch (t->model) {
    case MODEL_BPE: write_bpe(out, t); break;
    case MODEL_UNIGRAM: write_unigram(out, t); break;
    case MODEL_WORDPIECE:
        buf_adds(out, "\"WordPiece\"");
        tok_string_json(out, "unk_token", t->unk_text);
        tok_string_json(out, "continuing_subword_prefix", t->prefix);
        buf_printf(out, ",\"max_input_chars_per_word\":%zu", t->max_word_chars);
        write_vocab(out, t);
        break;
    case MODEL_WORDLEVEL:
        buf_adds(out, "\"WordLevel\"");
        tok_string_json(out, "unk_token", t->unk_text);
        write_vocab(out, t);
        break;
    }
    buf_adds(out, "}\n");
}

/* What only its own file holds exactly. */
static int write_wrapped(struct buf *out, const struct tokenizer *t, struct err *e)
{
    buf_printf(out, "{\"llmctl\":\"%s\"", t->source == SOURCE_SPM ? "sentencepiece" : "tiktoken");
    if (t->source_split) tok_string_json(out, "split", t->source_split);
    if (t->adds_bos) tok_bool_json(out, "add_bos", true);
    if (t->adds_eos) tok_bool_json(out, "add_eos", true);
    if (t->source == SOURCE_TIKTOKEN) {
        buf_adds(out, ",\"special\":{");
        for (size_t i = 0; i < t->n_added; i++) {
            if (i) buf_addc(out, ',');
            buf_add_json(out, t->added[i].text, t->added[i].len);
            buf_printf(out, ":%d", t->added[i].id);
        }
        buf_addc(out, '}');
    }
    buf_adds(out, ",\"data\":\"");
    if (tok_base64(t->source_bytes.data, t->source_bytes.len, out, e)) return -1;
    buf_adds(out, "\"}\n");
    return buf_ok(out, e);
}

/* SentencePiece's models, and what is around them. */
static int write_pieces(struct buf *out, const struct tokenizer *t, struct err *e)
{
    buf_adds(out, "{\"llmctl\":\"pieces\",\n");
    tok_added_tokens_json(t, out);
    write_part(out, "normalizer", t->part[PART_NORMALIZER]);
    write_part(out, "post_processor", t->part[PART_POST]);
    return tok_pieces_json(t, out, e);
}

int tok_to_json(const struct tokenizer *t, struct buf *out, struct err *e)
{
    if (t->pieces) return write_pieces(out, t, e);
    if (t->source != SOURCE_JSON) return write_wrapped(out, t, e);
    buf_adds(out, "{\"version\":\"1.0\",\n");
    write_part(out, "truncation", t->part[PART_TRUNCATION]);
    write_part(out, "padding", t->part[PART_PADDING]);
    tok_added_tokens_json(t, out);
    write_part(out, "normalizer", t->part[PART_NORMALIZER]);
    write_part(out, "pre_tokenizer", t->part[PART_PRE]);
    write_part(out, "post_processor", t->part[PART_POST]);
    write_part(out, "decoder", t->part[PART_DECODER]);
    write_model(out, t);
    buf_adds(out, "}\n");
    return buf_ok(out, e);
}

uint64_t tok_hash(const struct tokenizer *t)
{
    struct buf text = {0};
    struct err e;
    uint64_t h = tok_to_json(t, &text, &e) ? 0 : hash64(text.data, text.len);
    buf_free(&text);
    return h;
}
