/* tokenizer.json out. */
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/token/tok_internal.h"

static void add_bool(struct buf *out, const char *key, bool v)
{
    buf_printf(out, ",\"%s\":%s", key, v ? "true" : "false");
}

static void add_text(struct buf *out, const struct tokenizer *t, int id)
{
    size_t n;
    const char *s = vocab_text(&t->vocab, id, &n);
    buf_add_json(out, s, n);
}

static void write_added(struct buf *out, const struct tokenizer *t)
{
    buf_adds(out, "\"added_tokens\":[");
    for (size_t i = 0; i < t->n_added; i++) {
        const struct tok_added *a = &t->added[i];
        buf_printf(out, "%s\n{\"id\":%d,\"content\":", i ? "," : "", a->id);
        buf_add_json(out, a->text, a->len);
        add_bool(out, "single_word", a->single_word);
        add_bool(out, "lstrip", a->lstrip);
        add_bool(out, "rstrip", a->rstrip);
        add_bool(out, "normalized", a->normalized);
        add_bool(out, "special", a->special);
        buf_addc(out, '}');
    }
    buf_adds(out, "],\n");
}

static void write_part(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, "\"%s\":", key);
    buf_adds(out, text ? text : "null");
    buf_adds(out, ",\n");
}

static void write_model(struct buf *out, const struct tokenizer *t)
{
    buf_adds(out, "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":");
    if (t->unk_id >= 0) add_text(out, t, t->unk_id);
    else buf_adds(out, "null");
    buf_printf(out, ",\"continuing_subword_prefix\":%s", t->empty_prefix ? "\"\"" : "null");
    buf_printf(out, ",\"end_of_word_suffix\":%s", t->empty_suffix ? "\"\"" : "null");
    add_bool(out, "fuse_unk", t->fuse_unk);
    add_bool(out, "byte_fallback", t->byte_fallback);
    add_bool(out, "ignore_merges", t->ignore_merges);
    buf_adds(out, ",\n\"vocab\":{");
    const char *separator = "\n";
    for (int id = 0; id < t->vocab.n; id++) {
        if (!(t->vocab.v[id].flags & VOCAB_MODEL)) continue;
        buf_adds(out, separator);
        add_text(out, t, id);
        buf_printf(out, ":%d", id);
        separator = ",\n";
    }
    buf_adds(out, "},\n\"merges\":[");
    for (size_t i = 0; i < t->bpe.n_merges; i++) {
        buf_adds(out, i ? ",\n[" : "\n[");
        add_text(out, t, t->bpe.merge[i].left);
        buf_addc(out, ',');
        add_text(out, t, t->bpe.merge[i].right);
        buf_addc(out, ']');
    }
    buf_adds(out, "]}\n");
}

int tok_to_json(const struct tokenizer *t, struct buf *out, struct err *e)
{
    buf_adds(out, "{\"version\":\"1.0\",\n");
    write_part(out, "truncation", t->part[PART_TRUNCATION]);
    write_part(out, "padding", t->part[PART_PADDING]);
    write_added(out, t);
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
