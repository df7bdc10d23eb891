/* Tokenizers into files, for `llmctl tokenize convert` and `train`. */
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_tokenize.h"
#include "core/base/file.h"
#include "core/base/mem.h"

bool tokenizer_format(const char *path, enum tok_format *format)
{
    static const struct { const char *end; enum tok_format format; } known[] = {
        {"tekken.json", FORMAT_TEKKEN}, {".gguf", FORMAT_GGUF}, {"vocab.json", FORMAT_MERGES}, {"vocab.txt", FORMAT_VOCAB_TXT}, {".json", FORMAT_JSON},
        {".model", FORMAT_SPM}, {".tiktoken", FORMAT_TIKTOKEN}};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (!str_ends_with(path, known[i].end)) continue;
        *format = known[i].format;
        return true;
    }
    return false;
}

/* A tokenizer_config.json that is there already belongs to somebody. */
static int check_config(const char *path, const char *config, struct tok_bert form, struct err *e)
{
    if (tok_bert_same(tok_bert_beside(path), form) || !file_exists(config)) return 0;
    return err_set(e, ERR_CANTCREAT, "'%s' is there and says otherwise than this tokenizer what becomes of capitals, accents and "
                                     "Chinese characters; write to another directory", config);
}

int tokenizer_write(const struct tokenizer *t, enum tok_format format, const char *path, struct err *e)
{
    struct buf bytes = {0}, beside = {0};
    char *second = format == FORMAT_VOCAB_TXT ? tok_config_beside(path) : tok_merges_beside(path);
    int ret = second ? tok_export(t, format, &bytes, &beside, e) : err_oom(e, strlen(path), "a path");
    if (ret == 0 && format == FORMAT_VOCAB_TXT) ret = check_config(path, second, tok_bert_of(t), e);
    bool there = ret == 0 && format == FORMAT_VOCAB_TXT && file_exists(second);
    if (ret == 0) ret = file_write_all(path, buf_text(&bytes), bytes.len, e);
    if (ret == 0 && beside.len && !there) ret = file_write_all(second, beside.data, beside.len, e);
    free(second);
    buf_free(&bytes);
    buf_free(&beside);
    return ret;
}
