#include "core/token/train_wordpiece.h"

#include <string.h>

#include "core/token/tok_members.h"
#include "core/token/train_chars.h"
#include "core/token/train_write.h"

const char *const wordpiece_special[5] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

static void write_json(const struct tok_train_opts *o, const struct vocab *v, struct buf *out)
{
    int cls = -1, sep = -1;
    train_write_added(out, o, 0);
    for (size_t i = 0; i < o->n_special; i++) {
        if (!strcmp(o->special[i], "[CLS]")) cls = (int)i;
        if (!strcmp(o->special[i], "[SEP]")) sep = (int)i;
    }
    buf_printf(out, "\"normalizer\":%s,\"pre_tokenizer\":%s,", o->normalizer ? o->normalizer : "null", o->pre ? o->pre : "null");
    tok_bert_post_json(out, cls, sep);
    buf_adds(out, ",\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},");
    tok_wordpiece_json(out, v, "[UNK]");
    buf_addc(out, '}');
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
