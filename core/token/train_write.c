#include "core/token/train_write.h"

#include <string.h>

#include "core/token/split.h"
#include "core/token/tok_members.h"

void train_write_added(struct buf *out, const struct tok_train_opts *o, int first_id)
{
    buf_adds(out, "{\"version\":\"1.0\",\"added_tokens\":[");
    for (size_t i = 0; i < o->n_special; i++) {
        if (i) buf_addc(out, ',');
        tok_added_json(out, first_id + (int)i, o->special[i], strlen(o->special[i]), ADDED_SPECIAL);
    }
    buf_adds(out, "],");
}

static void write_pre(struct buf *out, const struct tok_train_opts *o)
{
    enum split_kind split = o->split;
    if (o->normalizer) buf_printf(out, "\"normalizer\":%s,", o->normalizer);
    buf_adds(out, "\"pre_tokenizer\":");
    if (o->pre) buf_adds(out, o->pre);
    else if (split == SPLIT_GPT2) buf_adds(out, TOK_BYTE_LEVEL(false, true, true));
    else if (split == SPLIT_NONE) buf_adds(out, TOK_BYTE_LEVEL(false, true, false));
    else tok_split_bytes_json(out, split_regex(split));
    buf_addc(out, ',');
}

static bool has(const char *affix)
{
    return affix && *affix;
}

/* A step that takes the prefix off a token: what stands for itself in an expression stays. */
static void write_unprefix(struct buf *out, const char *prefix)
{
    struct buf re = {0};
    buf_addc(&re, '^');
    for (const char *p = prefix; *p; p++) {
        bool word = (*p >= '0' && *p <= '9') || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z');
        if (!word) buf_addc(&re, '\\');
        buf_addc(&re, *p);
    }
    tok_replace_json(out, "Regex", buf_text(&re), "");
    buf_addc(out, ',');
    if (re.oom) out->oom = true;
    buf_free(&re);
}

/* Affixes go; of characters a suffix is a space, of bytes those are bytes of their own. */
static void write_decoder(struct buf *out, const struct tok_train_opts *o)
{
    bool bytes = o->type == TOK_TRAIN_BPE, sequence = has(o->prefix) || (bytes && has(o->suffix));
    buf_adds(out, "\"post_processor\":null,\"decoder\":");
    if (sequence) buf_adds(out, "{\"type\":\"Sequence\",\"decoders\":[");
    if (has(o->prefix)) write_unprefix(out, o->prefix);
    if (bytes && has(o->suffix)) {
        tok_replace_json(out, "String", o->suffix, "");
        buf_addc(out, ',');
    }
    if (bytes) {
        buf_adds(out, TOK_BYTE_LEVEL(true, true, true));
    } else if (has(o->suffix)) {
        buf_adds(out, "{\"type\":\"BPEDecoder\"");
        tok_string_json(out, "suffix", o->suffix);
        buf_addc(out, '}');
    } else {
        buf_adds(out, "{\"type\":\"Fuse\"}");
    }
    buf_adds(out, sequence ? "]}," : ",");
}

void train_write_steps(struct buf *out, const struct tok_train_opts *o)
{
    write_pre(out, o);
    write_decoder(out, o);
}

void train_write_model(struct buf *out, const struct tok_train_opts *o, const struct vocab *v, const struct bpe *b)
{
    buf_adds(out, "\"model\":{\"type\":\"BPE\"");
    for (size_t i = 0; o->type == TOK_TRAIN_CHAR_BPE && i < o->n_special; i++)
        if (strcmp(o->special[i], "<unk>") == 0) tok_string_json(out, "unk_token", "<unk>");
    if (has(o->prefix)) tok_string_json(out, "continuing_subword_prefix", o->prefix);
    if (has(o->suffix)) tok_string_json(out, "end_of_word_suffix", o->suffix);
    buf_addc(out, ',');
    tok_vocab_json(out, v, VOCAB_MODEL);
    buf_addc(out, ',');
    tok_pairs_json(out, v, b->merge, b->n_merges);
    buf_adds(out, "}}");
}
