/* Input: tokenizer_config.json, a NUL byte, the file of the vocabulary, whose name the first byte says, then
 * (after a line "----") added_tokens.json or merges.txt. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/token/tokenizer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tok_same.h"

static char dir[64];

static void put(const char *name, const char *bytes, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (!n) {
        unlink(path);
        return;
    }
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f)) abort();
}

static void clean_up(void)
{
    static const char *const names[] = {"tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt", "added_tokens.json", "spiece.model",
                                        "sentencepiece.bpe.model", "spm.model", "tokenizer.model", "prophetnet.tokenizer", "vocab-src.json", "vocab-tgt.json", "tokenizer.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) put(names[i], "", 0);
    rmdir(dir);
}

static void encode(const struct tokenizer *t)
{
    static const char text[] = "The  cats\n<s>a</s> [CLS] <mask> \xC3\xA9\xE2\x96\x81x Mr. o'b-c, \xE2\x80\x9Cno.\xE2\x80\x9D ...\xE4\xB8\xAD\n";
    struct err e;
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_ids ids = {0};
    struct buf out = {0};
    if (!s) return;
    if (tok_encode(t, s, text, sizeof text - 1, TOK_SPECIAL | TOK_TEMPLATE, &ids, &e) == 0) {
        for (size_t i = 0; i < ids.n; i++)
            if (ids.id[i] < 0 || ids.id[i] >= tok_vocab_size(t)) abort();
        tok_decode(t, ids.id, ids.n, false, &out, &e);
    }
    buf_free(&out);
    tok_ids_free(&ids);
    tok_scratch_free(s);
    check_same(t, text, sizeof text - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const files[] = {"vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "spm.model", "tokenizer.model",
                                        "prophetnet.tokenizer", "vocab-src.json", "tokenizer.json"};
    enum { LISTED = 1, TWO = 7 };
    struct err e;
    const char *config = (const char *)data, *nul = size ? memchr(config, 0, size) : NULL, *end = config + size;
    if (!nul || end - nul < 3) return 0;
    if (!*dir) {
        snprintf(dir, sizeof dir, "/tmp/fuzz_tokclass.XXXXXX");
        if (!mkdtemp(dir)) abort();
        atexit(clean_up);
    }
    const char *vocab = nul + 2, *line = memmem(vocab, (size_t)(end - vocab), "----\n", 5), *stop = line ? line : end;
    size_t kind = (uint8_t)nul[1] % (sizeof files / sizeof *files), n_rest = line ? (size_t)(end - line) - 5 : 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) put(files[i], vocab, i == kind ? (size_t)(stop - vocab) : 0);
    put("vocab-tgt.json", vocab, kind == TWO ? (size_t)(stop - vocab) : 0); /* the same once more */
    put("tokenizer_config.json", config, (size_t)(nul - config));
    bool merges = kind == LISTED || kind == TWO;
    put(merges ? "merges.txt" : "added_tokens.json", line ? line + 5 : "", n_rest);
    put(merges ? "added_tokens.json" : "merges.txt", "", 0);
    struct tokenizer *t = tok_load(dir, &e);
    if (t) encode(t);
    tok_free(t);
    return 0;
}
