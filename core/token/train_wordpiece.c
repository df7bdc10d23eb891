#include "core/token/train_wordpiece.h"

#include <string.h>

#include "core/base/json.h"
#include "core/token/train_chars.h"

const char *const wordpiece_special[5] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

static void write_json(const struct tok_train_opts *o, const struct vocab *v, struct buf *out)
{
    int cls = -1, sep = -1;
    size_t n;
    buf_adds(out, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[");
    for (size_t i = 0; i < o->n_special; i++) {
        if (!strcmp(o->special[i], "[CLS]")) cls = (int)i;
        if (!strcmp(o->special[i], "[SEP]")) sep = (int)i;
        buf_printf(out, "%s{\"id\":%zu,\"content\":", i ? "," : "", i);
        buf_add_json(out, o->special[i], strlen(o->special[i]));
        buf_adds(out, ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,"
                      "\"special\":true}");
    }
    buf_printf(out, "],\"normalizer\":%s,\"pre_tokenizer\":%s,", o->normalizer ? o->normalizer : "null",
               o->pre ? o->pre : "null");
    if (cls >= 0 && sep >= 0)
        buf_printf(out,
                   "\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",%d],\"cls\":[\"[CLS]\",%d]},",
                   sep, cls);
    else
        buf_adds(out, "\"post_processor\":null,");
    buf_adds(out, "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},\"model\":{\"type\":"
                  "\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
                  "\"max_input_chars_per_word\":100,\"vocab\":{");
    for (int id = 0; id < v->n; id++) {
        const char *s = vocab_text(v, id, &n);
        if (id) buf_addc(out, ',');
        buf_add_json(out, s, n);
        buf_printf(out, ":%d", id);
    }
    buf_adds(out, "}}}");
}

int wordpiece_learn(const struct tok_train_opts *o, struct word_table *words, struct buf *file,
                    struct tok_train_stats *stats, struct err *e)
{
    struct vocab v = {0};
    struct bpe merges = {0};
    int ret = chars_learn(o, "##", NULL, false, words, &v, &merges, stats, e);
    if (ret == 0) write_json(o, &v, file);
    if (ret == 0) ret = buf_ok(file, e);
    vocab_free(&v);
    bpe_free(&merges);
    return ret;
}
