#include "core/token/train_write.h"

#include <string.h>

#include "core/base/json.h"
#include "core/token/gguf_pre.h"
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
    static const char level[] = "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
                                "\"trim_offsets\":true,\"use_regex\":";
    if (o->normalizer) buf_printf(out, "\"normalizer\":%s,", o->normalizer);
    buf_adds(out, "\"pre_tokenizer\":");
    if (o->pre) {
        buf_printf(out, "%s,", o->pre);
    } else if (split == SPLIT_GPT2 || split == SPLIT_NONE) {
        buf_printf(out, "%s%s},", level, split == SPLIT_GPT2 ? "true" : "false");
    } else {
        buf_adds(out, "{\"type\":\"Sequence\",\"pretokenizers\":[");
        gguf_pre_regex(split_regex(split), out);
        buf_adds(out, "]},");
    }
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
    buf_adds(out, "{\"type\":\"Replace\",\"pattern\":{\"Regex\":");
    buf_add_json(out, re.data ? re.data : "", re.len);
    buf_adds(out, "},\"content\":\"\"},");
    if (re.oom) out->oom = true;
    buf_free(&re);
}

/* Affixes go; of characters a suffix is a space, of bytes those are bytes of their own. */
static void write_decoder(struct buf *out, const struct tok_train_opts *o)
{
    static const char level[] = "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true}";
    bool bytes = o->type == TOK_TRAIN_BPE, sequence = has(o->prefix) || (bytes && has(o->suffix));
    buf_adds(out, "\"post_processor\":null,\"decoder\":");
    if (sequence) buf_adds(out, "{\"type\":\"Sequence\",\"decoders\":[");
    if (has(o->prefix)) write_unprefix(out, o->prefix);
    if (bytes && has(o->suffix)) {
        buf_adds(out, "{\"type\":\"Replace\",\"pattern\":{\"String\":");
        buf_adds_json(out, o->suffix);
        buf_adds(out, "},\"content\":\"\"},");
    }
    if (bytes) {
        buf_adds(out, level);
    } else if (has(o->suffix)) {
        buf_adds(out, "{\"type\":\"BPEDecoder\",\"suffix\":");
        buf_adds_json(out, o->suffix);
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

static void write_affix(struct buf *out, const char *key, const char *text)
{
    if (!has(text)) return;
    buf_printf(out, "\"%s\":", key);
    buf_adds_json(out, text);
    buf_addc(out, ',');
}

void train_write_model(struct buf *out, const struct tok_train_opts *o, const struct vocab *v, const struct bpe *b)
{
    buf_adds(out, "\"model\":{\"type\":\"BPE\",");
    for (size_t i = 0; o->type == TOK_TRAIN_CHAR_BPE && i < o->n_special; i++)
        if (strcmp(o->special[i], "<unk>") == 0) buf_adds(out, "\"unk_token\":\"<unk>\",");
    write_affix(out, "continuing_subword_prefix", o->prefix);
    write_affix(out, "end_of_word_suffix", o->suffix);
    tok_vocab_json(out, v, VOCAB_MODEL);
    buf_addc(out, ',');
    tok_pairs_json(out, v, b->merge, b->n_merges);
    buf_adds(out, "}}");
}
