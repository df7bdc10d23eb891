/* llmctl tokenize convert. */
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_tokenize.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/token/tok_files.h"

struct convert_cfg {
    struct opt_common common;
    const char *out;
};

static const struct opt convert_opts[] = {
#define C struct convert_cfg
    OPT_GROUP("Output"),
    OPT_STR('o', "out", C, out, "FILE", NULL,
            "FILE.json, .model, .tiktoken, .gguf, tekken.json, vocab.txt or vocab.json with merges.txt"),
    OPT_COMMON(C, common), OPT_END()
#undef C
};

static int format_of(const char *path, enum tok_format *format, struct err *e)
{
    static const struct { const char *end; enum tok_format format; } known[] = {
        {"tekken.json", FORMAT_TEKKEN}, {".gguf", FORMAT_GGUF}, {"vocab.json", FORMAT_MERGES}, {"vocab.txt", FORMAT_VOCAB_TXT}, {".json", FORMAT_JSON},
        {".model", FORMAT_SPM}, {".tiktoken", FORMAT_TIKTOKEN}};
    size_t n = strlen(path);
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        size_t k = strlen(known[i].end);
        if (n < k || strcmp(path + n - k, known[i].end) != 0) continue;
        *format = known[i].format;
        return 0;
    }
    return err_set(e, ERR_USAGE, "--out '%s': the name must end in .json, .model, .tiktoken, .gguf, tekken.json, "
                              "vocab.txt or vocab.json", path);
}

static int write_all(const char *out, const struct buf *bytes, const struct buf *merges, struct err *e)
{
    if (file_write_all(out, bytes->data ? bytes->data : "", bytes->len, e)) return -1;
    if (!merges->len) return 0;
    char *dir = mem_strndup(out, (size_t)(path_base(out) - out));
    char *path = dir ? path_join(*dir ? dir : ".", "merges.txt") : NULL;
    int ret = path ? file_write_all(path, merges->data, merges->len, e) : err_oom(e, 1, "a path");
    free(path);
    free(dir);
    return ret;
}

static int run_convert(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct convert_cfg cfg = {0};
    struct opt_result r;
    struct buf bytes = {0}, merges = {0};
    struct tokenizer *t = NULL;
    enum tok_format format = FORMAT_JSON;
    int ret = opt_parse(self, &cfg, argc, argv, &r, e);
    if (ret || r.exit_now) goto out;
    if (r.n_args != 1) ret = err_set(e, ERR_USAGE, "one tokenizer is wanted, %d given", r.n_args);
    else if (!cfg.out) ret = err_set(e, ERR_USAGE, "--out FILE is required");
    else ret = format_of(cfg.out, &format, e);
    if (ret == 0 && !(t = tok_load(r.args[0], e))) ret = -1;
    if (ret == 0 && tok_note(t)) log_info("note: %s", tok_note(t));
    if (ret == 0) ret = tok_export(t, format, &bytes, &merges, e);
    if (ret == 0) ret = write_all(cfg.out, &bytes, &merges, e);
    if (ret == 0) log_info("%d tokens -> %s", tok_vocab_size(t), cfg.out);
out:
    tok_free(t);
    buf_free(&bytes);
    buf_free(&merges);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_tokenize_convert = {
    .name = "tokenize convert",
    .summary = "A tokenizer into another kind of file",
    .usage = "TOKENIZER --out FILE",
    .examples = "  llmctl tokenize convert model.gguf --out tokenizer.json\n"
                "  llmctl tokenize convert bert/vocab.txt --out tokenizer.json\n"
                "  llmctl tokenize convert tokenizer.json --out vocab.json\n"
                "  llmctl tokenize convert tokenizer.json --out vocabulary.gguf\n",
    .details = "Reads tokenizer.json, SentencePiece .model, .gguf, tekken.json, vocab.txt,\n"
               "vocab.json with merges.txt beside it, FILE.tiktoken:SPLIT, RWKV's\n"
               "rwkv_vocab_*.txt, or a directory with one of them: the content tells the\n"
               "kind, not the name.\n"
               "A .gguf holds the vocabulary alone. It names how text is cut: what no name\n"
               "stands for is refused.\n"
               "What is written is read back and compared; what a kind of file cannot hold\n"
               "exactly is refused with the reason.\n",
    .opts = convert_opts,
    .run = run_convert,
};
